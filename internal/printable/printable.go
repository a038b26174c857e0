// Package printable escapes what a terminal would obey, or show as something else, in texts from
// anywhere: control characters, and the format characters that turn the reading direction, join,
// hide or reorder other characters (Unicode's bidirectional controls, "Trojan Source").
//
// The escapes are JSON's, so that JSON stays the same JSON and a person sees which character it
// was: U+202E becomes \u202e.
package printable

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text escapes a text for one line: line ends and tabs as well.
func Text(text string) string { return escape(text, false) }

// Lines escapes a text of several lines, and keeps its line ends and tabs.
func Lines(text string) string { return escape(text, true) }

// Short is at most the first most bytes of a text, with a question mark for each character that has
// no picture.
func Short(text string, most int) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(text[:min(len(text), most)], "?"))
}

// escape returns the text unchanged if nothing in it needs an escape, which is the usual case. A
// byte that is not UTF-8 becomes \x and two digits.
func escape(text string, lines bool) string {
	if isPlain(text) {
		return text
	}
	harmless := func(r rune) bool { return unicode.IsGraphic(r) || lines && (r == '\n' || r == '\t') }
	if strings.IndexFunc(text, func(r rune) bool { return !harmless(r) || r == utf8.RuneError }) < 0 {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		// With a size of 3 it is the character U+FFFD itself.
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

// isPlain reports whether a text is printable ASCII, which lists of a million numbers are.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// writeEscape writes the short escape if JSON has one, otherwise the UTF-16 units.
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

// Writer escapes what is written through it as [Lines] does. A Write becomes one Write. A character
// that its end cuts off waits for the rest of it.
type Writer struct {
	out io.Writer

	mu  sync.Mutex // guards cut, and keeps Writes in order
	cut []byte     // the beginning of a character
}

// NewWriter returns a Writer in front of out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Write writes all of p, or returns an error of the underlying writer.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := slices.Concat(w.cut, p)
	whole := len(text) - cutOff(text)
	w.cut = text[whole:]
	if _, err := io.WriteString(w.out, Lines(string(text[:whole]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// cutOff is the number of bytes at the end of text that begin a character and do not complete it.
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
