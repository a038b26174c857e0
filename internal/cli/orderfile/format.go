package orderfile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Format is how a file of orders is written.
type Format string

const (
	CSV       Format = "csv"   // RFC 4180, with a header that names the columns
	JSONLines Format = "jsonl" // an object a line
)

// extensions tell the format by the ending of a file's name. json is taken for JSON Lines: a file
// of one object is both.
var extensions = []struct {
	name   string
	format Format
}{{"csv", CSV}, {"jsonl", JSONLines}, {"ndjson", JSONLines}, {"json", JSONLines}}

// Extensions lists the endings of files that FormatOf knows.
func Extensions() []string {
	names := make([]string, 0, len(extensions))
	for _, e := range extensions {
		names = append(names, e.name)
	}
	return names
}

// FormatOf returns the format that is given or, when that is empty, the one that the file's name
// tells. The contents are not guessed at: a file of one column looks like anything.
func FormatOf(given, name string) (Format, error) {
	ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	for _, e := range extensions {
		if given == "" && e.name == ending || given == string(e.format) {
			return e.format, nil
		}
	}
	if given != "" {
		return "", bilingual.Errorf("must be %s or %s, not %q", "须为 %s 或 %s，而不是 %q", CSV, JSONLines, given)
	}
	return "", bilingual.Errorf("must be given, %s or %s: the name %s does not tell", "必须提供，%s 或 %s：文件名 %s 无法判断",
		CSV, JSONLines, name)
}

// parser turns one line of a file into Params. header reports that the line was the CSV header and
// holds no order. The error is a *lineError, which is about this line alone and leaves in the
// Params what could be read, or a *HeaderError, which is about the whole file.
type parser func(line []byte) (p order.Params, header bool, err error)

// parser returns a parser for a new file. It keeps what the header said, so one file needs one.
func (f Format) parser() parser {
	if f == CSV {
		return (&csvParser{}).parse
	}
	return parseJSON
}

// lineError is what is wrong with one line. It ends nothing: the importer reports it and goes on.
type lineError struct {
	field string
	rule  bilingual.Text
}

// wholeLine is the field of a fault that is about no one field.
const wholeLine = "line"

// Error returns the field and the rule in English.
func (e *lineError) Error() string { return e.field + ": " + e.rule.EN }

// HeaderError is what is wrong with the header of a CSV file: none of the file can be read. It has
// all faults of the header, each with the column's name.
type HeaderError struct{ faults error }

// Error returns the English wording.
func (e *HeaderError) Error() string { return e.faults.Error() }

// Unwrap returns the single faults, for their wordings.
func (e *HeaderError) Unwrap() error { return e.faults }

// csvParser reads CSV line by line and not as one stream: no parameter has an end of line in it,
// and so a quotation mark that is missing spoils its own line only.
type csvParser struct{ columns []order.Parameter } // nil: the header is still to come

func (c *csvParser) parse(line []byte) (p order.Params, header bool, err error) {
	cells, err := csv.NewReader(bytes.NewReader(line)).Read()
	switch {
	case c.columns == nil && err != nil:
		return p, true, &HeaderError{bilingual.Errorf("the header: %s", "表头：%s", csvFault(err))}
	case c.columns == nil:
		return p, true, c.head(cells)
	case err != nil:
		return p, false, &lineError{wholeLine, csvFault(err)}
	case len(cells) != len(c.columns):
		return p, false, &lineError{wholeLine, bilingual.Sprintf("must have %d columns as the header does, not %d",
			"须与表头一样有 %d 列，而不是 %d 列", len(c.columns), len(cells))}
	}
	// Spaces around a cell are not part of it: RFC 4180 says they are, and no parameter has any.
	for i := range c.columns {
		if fault := c.columns[i].Set(&p, strings.TrimSpace(cells[i])); fault != nil {
			return p, false, &lineError{fault.Field, fault.Rule}
		}
	}
	return p, false, nil
}

// head learns the columns, and reports all that is wrong with them.
func (c *csvParser) head(names []string) error {
	var faults []error
	for _, name := range names {
		column, err := order.RegisteredParameter(name)
		switch {
		case err != nil:
			faults = append(faults, bilingual.Errorf("the header: column %q %w", "表头：列 %q %w", name, err))
		case c.has(column.Name):
			faults = append(faults, bilingual.Errorf("the header: %s is there twice", "表头：%s 出现两次", column.Name))
		default:
			c.columns = append(c.columns, column)
		}
	}
	// A file without a header looks like one with unknown columns, which is said first.
	for _, needed := range []string{outTradeNo, closeAt} {
		if !c.has(needed) && len(faults) == 0 {
			faults = append(faults, bilingual.Errorf("the header: column %s is missing; the first line names the columns",
				"表头：缺少列 %s；首行为列名", needed))
		}
	}
	if len(faults) > 0 {
		return &HeaderError{errors.Join(faults...)}
	}
	return nil
}

// has reports whether the header has named a column already.
func (c *csvParser) has(name string) bool {
	return slices.ContainsFunc(c.columns, func(column order.Parameter) bool { return column.Name == name })
}

// csvFault is what is wrong, without the line number that package csv counts, which is always 1.
func csvFault(err error) bilingual.Text {
	if fault, is := errors.AsType[*csv.ParseError](err); is {
		return bilingual.Sprintf("is not CSV, at its byte %d: %v", "不是 CSV，在第 %d 字节：%v", fault.Column, fault.Err)
	}
	return bilingual.Sprintf("is not CSV: %v", "不是 CSV：%v", err)
}

// parseJSON reads an object a line.
func parseJSON(line []byte) (p order.Params, header bool, err error) {
	r := order.Reader{Registering: true}
	if fault := r.Object(wholeLine, line); fault != nil {
		return r.Params, false, &lineError{fault.Field, fault.Rule}
	}
	return r.Params, false, nil
}

// The columns that every order has.
const (
	outTradeNo = "out_trade_no"
	closeAt    = "close_at"
)

// NewEntry is schedule.NewEntry for an order that was read from a file or a terminal, where
// close_at must be given: an order that is closed at once because a column was empty cannot be
// opened again.
func NewEntry(m order.Merchant, p order.Params) (schedule.Entry, error) {
	if p.OutTradeNo != "" && p.CloseAt == "" {
		return schedule.Entry{}, order.ParamError(closeAt,
			"must be given: a time (RFC 3339), or a number of seconds from the registration", "必须提供：RFC 3339 时间，或距登记的秒数")
	}
	return schedule.NewEntry(m, p)
}
