package config

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is all that a Secret shows.
const redacted = "redacted"

// Secret is a text that prints "redacted" everywhere: by any verb of fmt, by slog, as JSON or any
// other text encoding. [Secret.Reveal] returns it where it is used. The zero value is the empty
// text.
//
// The text is behind a pointer because of structs with a Secret in an unexported field: fmt cannot
// call the methods of such a field and prints its content. Two Secrets of the same text therefore
// differ under ==.
type Secret struct {
	text *string
}

// NewSecret makes a Secret.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String returns "redacted".
func (Secret) String() string { return redacted }

// GoString returns "redacted".
func (Secret) GoString() string { return redacted }

// Format writes "redacted" for every verb and flag.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "redacted".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "redacted", for JSON and the like.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
