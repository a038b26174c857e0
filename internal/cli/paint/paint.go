// Package paint colours text where it is printed to a terminal. It colours nothing when NO_COLOR is
// set (https://no-color.org), when TERM is dumb, and for a file or a pipe.
package paint

import (
	"io"
	"os"

	"cloudpay/internal/cli/render"
)

// Brush colours text, or leaves it as it is. The zero value leaves it.
type Brush struct{ on bool }

// For is the brush for what is printed to out.
func For(out io.Writer) Brush {
	return Brush{on: render.IsTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Always is a brush that colours whatever it prints to. It is for tests of what is coloured.
func Always() Brush { return Brush{on: true} }

// Strong is for headings.
func (b Brush) Strong(text string) string { return b.in("1;36", text) }

// Faint is for what may be passed over.
func (b Brush) Faint(text string) string { return b.in("2", text) }

// Good is for what went well.
func (b Brush) Good(text string) string { return b.in("32", text) }

// Bad is for what went wrong, or was refused.
func (b Brush) Bad(text string) string { return b.in("31", text) }

// in puts a text between the terminal's sequences (ECMA-48, SGR). It must not have any of its own:
// what strangers wrote is escaped before it is coloured.
func (b Brush) in(colour, text string) string {
	if !b.on || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
