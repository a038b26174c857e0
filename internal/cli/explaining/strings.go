package explaining

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/diagnosis"
	"cloudpay/internal/explain"
	"cloudpay/internal/printable"
)

// The marks for what has no picture: line feed, carriage return, tab, and the space where it ends a
// line or is what differs.
const (
	lineFeed       = "↵"
	carriageReturn = "␍"
	tab            = "⇥"
	space          = "␣"
)

// rowWidth is the most cells of a row; a longer line goes on in the next row, without a number.
const rowWidth = 88

// strings prints what should have been signed, what was, and where they differ first. Only what
// should have been is known where another key signed, or where no likely mistake makes the
// signature.
func (v view) strings(a explain.Answer) {
	if a.Expected == "" && a.Signed == "" {
		return
	}
	d, differs := a.Difference()
	if a.Expected != "" {
		title := v.Say("to be signed:", "应签名的内容：")
		if a.Verdict == explain.Fine {
			title = v.Say("signed:", "已签名的内容：")
		}
		v.line(title)
		v.text(a.Expected, d, differs, v.brush.Good)
	}
	if a.Signed == "" || !differs {
		if a.Signed != "" && a.Verdict == explain.Fault {
			v.line(v.Say("what was signed is alike but for the key, which is not shown", "实际签名的内容仅密钥不同，密钥不显示"))
		}
		return
	}
	v.line(v.Say("was signed:", "实际签名的内容："))
	v.text(a.Signed, d, true, v.brush.Bad)
	v.line(v.Say("the first difference is in line %d, at character %d: %s was signed, and %s is right",
		"第一处不同在第 %d 行第 %d 个字符：签名的是 %s，应为 %s", d.Line, d.Column, d.SignedName, d.ExpectedName))
}

// text prints a text with its lines numbered and its line ends visible:
//
//	4  593BEC0C930BF1AFEB40B4A08C8FB242↵
//	5  {"mchid":␣"1900000001"}↵
//	            ^
//
// The character that differs is painted, and a caret stands below it, also where there is no
// colour. A text that ends too early has the caret behind its end.
func (v view) text(text string, at diagnosis.Place, marked bool, ink func(string) string) {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
		if marked && at.Line == len(lines)+1 {
			lines = append(lines, "") // the difference is that the text ends here
		}
	}
	for i, line := range lines {
		column := 0
		if marked && at.Line == i+1 {
			column = at.Column
		}
		v.textLine(i+1, line, column, ink)
	}
}

// textLine prints one line, in as many rows as it takes. column is that of the character to mark,
// counted from 1; 0: none. Widths are counted in a terminal's cells, of which a Chinese character
// has two.
func (v view) textLine(number int, line string, column int, ink func(string) string) {
	head := fmt.Sprintf("%s%3d  ", indent, number)
	row, plain, caret := "", "", -1
	flush := func() {
		fmt.Fprintln(v.out, strings.TrimRight(head+row, " "))
		if caret >= 0 {
			fmt.Fprintln(v.out, render.Pad("", uniseg.StringWidth(head)+caret)+ink("^"))
		}
		head = render.Pad("", len(indent)+len("  1  "))
		row, plain, caret = "", "", -1
	}
	position := 0
	for rest := line; rest != ""; {
		_, size := utf8.DecodeRuneInString(rest)
		position++
		picture := v.picture(rest[:size], position == column || strings.TrimLeft(rest, " \r\n") == "")
		rest = rest[size:]
		if uniseg.StringWidth(plain+picture) > rowWidth {
			flush()
		}
		if position == column {
			caret = uniseg.StringWidth(plain)
			row += ink(picture)
		} else {
			row += picture
		}
		plain += picture
	}
	if column > position { // what differs is that the line ends
		caret = uniseg.StringWidth(plain)
	}
	flush()
}

// picture is a character as it is shown: line feed, carriage return and tab by a mark, others
// escaped if a terminal would obey them. A space is shown as itself unless it could be overlooked.
func (v view) picture(character string, isMarked bool) string {
	switch {
	case character == "\n":
		return lineFeed
	case character == "\r":
		return carriageReturn
	case character == "\t":
		return tab
	case character == " " && isMarked:
		return space
	}
	return printable.Text(character)
}
