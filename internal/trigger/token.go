package trigger

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "redacted"

// Token is a secret that a caller shows to prove itself. It prints "redacted" wherever it is printed, and cannot be
// taken out again: only its hash is kept, so that guesses of any length are compared in the same time. The zero value
// is a token that nobody has.
//
// The hash is held by a pointer because fmt cannot call the methods of a struct's unexported fields, and prints what
// they are made of.
type Token struct {
	sum *[sha256.Size]byte
}

// NewToken makes a Token. The empty text makes the zero Token: a setting that is not set lets nobody in.
func NewToken(text string) Token {
	if text == "" {
		return Token{}
	}
	sum := sha256.Sum256([]byte(text))
	return Token{sum: &sum}
}

// Is reports whether given is the token, in a time that does not tell how close it came. Nothing is the zero Token.
func (t Token) Is(given string) bool {
	if t.sum == nil {
		return false
	}
	sum := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(t.sum[:], sum[:]) == 1
}

// String returns "redacted".
func (Token) String() string { return redacted }

// GoString returns "redacted".
func (Token) GoString() string { return redacted }

// Format writes "redacted" for every verb and flag.
func (Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "redacted".
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "redacted", for JSON and the like.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }
