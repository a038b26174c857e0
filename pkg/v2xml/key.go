package v2xml

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "redacted"

// Key is a merchant's APIv2 key: 32 characters set in the merchant platform, not to be taken for the APIv3 key.
//
// Every way of printing it gives "redacted". The one gap is Go's own: fmt calls no methods on what hangs below an
// unexported struct field, so keep a [Client] there by pointer, as one does anyway.
type Key string

// String gives "redacted".
func (Key) String() string { return redacted }

// GoString gives "redacted", for %#v.
func (Key) GoString() string { return redacted }

// Format writes "redacted" for every verb, %x and %q included, which would not ask String.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue gives "redacted" to log/slog.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText gives "redacted" to encoding/json and its like. The error is always nil.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
