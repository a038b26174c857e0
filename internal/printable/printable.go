// Package printable escapes what a terminal would obey, or would show as something else, in texts
// that anyone may have written: control characters, and the format characters that turn the reading
// direction, join, hide or reorder what stands around them (Unicode's bidirectional controls,
// "Trojan Source").
//
// The escapes are JSON's, so that JSON stays the same JSON and a person sees which character it
// was: U+202E becomes \u202e.
package printable

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is a text for one line: line ends and tabs are escaped too.
func Text(text string) string { return escape(text, false) }

// Lines is a text of any number of lines.
func Lines(text string) string { return escape(text, true) }

func escape(text string, lines bool) string {
	harmless := func(r rune) bool { return unicode.IsGraphic(r) || lines && (r == '\n' || r == '\t') }
	if strings.IndexFunc(text, func(r rune) bool { return !harmless(r) || r == utf8.RuneError }) < 0 {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[i])
		case harmless(r):
			out.WriteRune(r)
		default:
			writeEscape(&out, r)
		}
		i += size
	}
	return out.String()
}

func writeEscape(out *strings.Builder, r rune) {
	switch r {
	case '\n':
		out.WriteString(`\n`)
	case '\r':
		out.WriteString(`\r`)
	case '\t':
		out.WriteString(`\t`)
	default:
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(out, `\u%04x`, unit)
		}
	}
}

// Writer escapes what is written through it as [Lines] does. A Write becomes one Write; a character
// that is cut off by its end waits for the rest of it.
type Writer struct {
	out io.Writer

	mu  sync.Mutex
	cut []byte
}

// NewWriter returns a Writer before out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Write writes all of p, or returns an error of the writer behind.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := append(w.cut, p...) //nolint:gocritic // what was cut is used up here
	whole := len(text) - cutOff(text)
	w.cut = append([]byte(nil), text[whole:]...)
	if _, err := io.WriteString(w.out, Lines(string(text[:whole]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// cutOff is how many bytes at the end of text begin a character without ending it.
func cutOff(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if b := text[len(text)-n]; utf8.RuneStart(b) {
			if b >= utf8.RuneSelf && !utf8.FullRune(text[len(text)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}
