package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/printable"
)

// Pad fills a text up to a width in a terminal's columns. Chinese characters and their punctuation
// take two columns each.
func Pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-widthOf(text)))
}

// widthOf is how many of a terminal's columns a printable text takes. ASCII needs no tables.
func widthOf(text string) int {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return uniseg.StringWidth(text)
		}
	}
	return len(text)
}

// Table prints rows in columns that are as wide as their longest cell. Rows are held back in blocks
// and measured together, so that a long list begins before it ends; a later block may be wider than
// an earlier one.
type Table struct {
	Out    io.Writer
	Header []string

	rows [][]string
	// headed says that the header was printed.
	headed bool
}

// block is how many rows are held back.
const block = 200

// Row adds a row. It has a cell for each column of the header. Cells are escaped: a number or a
// reason may be anything that a stranger has sent.
func (t *Table) Row(cells ...string) {
	for i, cell := range cells {
		cells[i] = printable.Text(cell)
	}
	t.rows = append(t.rows, cells)
	if len(t.rows) == block {
		t.Flush()
	}
}

// Flush prints the rows that are held back. A table without rows prints nothing, no header either.
func (t *Table) Flush() {
	if len(t.rows) == 0 {
		return
	}
	rows := t.rows
	if !t.headed {
		rows = slices.Insert(rows, 0, t.Header)
	}
	// The header counts in every block, so that columns stay as wide as their titles.
	widths := make([]int, len(t.Header))
	for _, row := range append(rows, t.Header) {
		for i, cell := range row {
			widths[i] = max(widths[i], widthOf(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(Pad(cell, widths[i]) + "  ")
		}
		fmt.Fprintln(t.Out, strings.TrimRight(line.String(), " "))
	}
	t.rows, t.headed = nil, true
}

// row is one fact about an order, in a list of facts.
type row struct {
	label bilingual.Text
	// value is empty for a fact that is not known: the row is left out.
	value string
}

// labelWidth is the width of the longest label, in either language.
const labelWidth = 14

// list prints the rows that have a value, indented below a line about the whole. Labels line up
// across calls.
func (l *Language) list(out io.Writer, rows []row) {
	for _, r := range rows {
		if r.value != "" {
			fmt.Fprintf(out, "    %s  %s\n", Pad(l.Text(r.label), labelWidth), printable.Text(r.value))
		}
	}
}

// joined are the texts that are not empty, with something between them. All of a result's facts are
// optional.
func joined(between string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), between)
}

// JSON prints one object a line. Characters that a terminal would obey are escaped, which leaves
// the JSON's meaning as it is.
func JSON(out io.Writer, v any) {
	line, err := json.Marshal(v)
	if err != nil {
		line = fmt.Appendf(nil, "{%q:%q}", "error", err) // cannot be: what is printed here always encodes
	}
	fmt.Fprintln(out, printable.Text(string(line)))
}

// Clock is a time in this machine's zone, where the reader sits, with the zone's distance from UTC:
// what was printed may be read elsewhere. It is empty for the zero time. Programs read times in
// UTC, with JSON.
func Clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime + " -07:00") //nolint:gosmopolitan // a person reads it here; JSON has UTC
}

// Amount shows a sum of money as people say it and as the API counts it, since mistaking one for
// the other is a mistake by a hundred; empty for nil. currency is empty for CNY.
func (l *Language) Amount(fen *int64, currency string) string {
	switch {
	case fen == nil:
		return ""
	case currency != "" && currency != "CNY":
		// Not every currency has hundredths, so no point is put where none may belong.
		return l.Say("%d of the smallest unit of %s", "%d（%s 最小单位）", *fen, currency)
	}
	return l.Say("%d.%02d yuan (%d fen)", "%d.%02d 元（%d 分）", *fen/100, *fen%100, *fen)
}

// Pretty indents JSON for a person, and leaves any other text as it is. It may have several lines.
func Pretty(text []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return printable.Lines(string(text))
	}
	return printable.Lines(out.String())
}
