package v2xml

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "redacted"

// Key is a merchant's APIv2 key: 32 characters set in the merchant platform, another than the APIv3
// key.
//
// It prints as "redacted" in every format. The one gap is Go's own: fmt calls no methods on what is
// below an unexported struct field, so keep a [Client] there by pointer.
type Key string

// String returns "redacted".
func (Key) String() string { return redacted }

// GoString returns "redacted", for %#v.
func (Key) GoString() string { return redacted }

// Format writes "redacted" for every verb, %x and %q included, for which fmt does not call String.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "redacted", for log/slog.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "redacted", for encoding/json. The error is always nil.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
