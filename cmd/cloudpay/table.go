package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"cloudpay/internal/printable"
)

// table is printed in columns that are as wide as their longest text, a block of rows at a time.
type table struct {
	out    io.Writer
	header []string
	rows   [][]string
	said   bool // the header was printed
}

// block is how many rows are held back to measure the columns by.
const block = 200

func (t *table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = printable.Text(cell)
	}
	t.rows = append(t.rows, cells)
	if len(t.rows) == block {
		t.flush()
	}
}

// flush prints the rows that are held back.
func (t *table) flush() {
	if len(t.rows) == 0 {
		return
	}
	rows := t.rows
	if !t.said {
		rows = append([][]string{t.header}, rows...)
	}
	widths := make([]int, len(t.header))
	for _, row := range append(rows, t.header) {
		for i, cell := range row {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(padded(cell, widths[i]) + "  ")
		}
		fmt.Fprintln(t.out, strings.TrimRight(line.String(), " "))
	}
	t.rows, t.said = nil, true
}

// sayJSON prints one object a line.
func sayJSON(out io.Writer, v any) {
	line, err := json.Marshal(v)
	if err != nil {
		line = fmt.Appendf(nil, "{%q:%q}", "error", err) // cannot be: what is printed here holds nothing that has no JSON
	}
	fmt.Fprintln(out, printable.Text(string(line)))
}

// clock is a time as people here read it; empty for none.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime) //nolint:gosmopolitan // it is read by whoever sits here
}

// utc is a time as programs read it; none stays none.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}
