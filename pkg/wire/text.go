package wire

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxLine = 512 // bytes that OneLine shows
	maxWord = 72  // bytes that Quote shows; an APIv3 public key's id has up to 64
)

// OneLine escapes a peer's text for a log or a terminal: one printable line of bounded length. Line
// breaks become \n, so that APIv3's copy of a signed message stays comparable with ours.
func OneLine(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if b.Len() >= maxLine {
			return b.String() + "…"
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if unicode.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.Quote(s[i:i+size]), `"`))
		}
		i += size
	}
	return b.String()
}

// Quote shows a peer's or a caller's word within a sentence: unchanged when it is short printable
// ASCII, quoted and truncated otherwise.
func Quote(s string) string {
	plain := s != "" && len(s) <= maxWord
	for i := 0; plain && i < len(s); i++ {
		plain = '!' <= s[i] && s[i] <= '~' && s[i] != '"'
	}
	switch {
	case plain:
		return s
	case len(s) > maxWord:
		return strconv.Quote(s[:maxWord]) + "…"
	}
	return strconv.Quote(s)
}

const redacted = "redacted"

// Redacted makes the struct that embeds it print as "redacted", in every format of fmt, log/slog
// and encoding/json. fmt calls no methods on the unexported fields of another struct, so the secret
// itself must stand behind a pointer.
type Redacted struct{}

// String returns "redacted".
func (Redacted) String() string { return redacted }

// GoString returns "redacted", for %#v.
func (Redacted) GoString() string { return redacted }

// Format writes "redacted" for every verb, %x and %q included, for which fmt does not call String.
func (Redacted) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "redacted", for log/slog.
func (Redacted) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "redacted", for encoding/json. The error is always nil.
func (Redacted) MarshalText() ([]byte, error) { return []byte(redacted), nil }
