package orderfile

import (
	"cmp"
	"path/filepath"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/registering"
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

// parsed is what one line of a file says.
type parsed struct {
	order.Params
	// region and mchid are the order's account, where the line names it; it has to be the
	// configured one.
	region order.Region
	mchid  string
	// row is the line as it was, without an earlier import's reason for its rejection.
	row string
}

// parser turns the lines of one file into orders.
type parser struct {
	// parse reads a line. header reports that it was the CSV header, or stood before it, and holds
	// no order. The error is a *lineError, which is about this line alone and leaves in parsed what
	// could be read, or a *FileError.
	parse func(line string) (p parsed, header bool, err error)
	// headed reports whether the header was read, if there is one.
	headed func() bool
	// own is a line without an earlier import's reason for its rejection.
	own func(line string) string
}

func (in *Importer) parser() parser {
	if in.Format == CSV {
		c := &csvParser{in: in}
		return parser{c.parse, c.headed, c.ownCells}
	}
	return parser{parseJSON, func() bool { return true }, ownObject}
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

// FileError is what is wrong with a whole file: it is empty, its encoding is not known, or its
// header is wrong. Nothing of it is read. It has all faults of the header, each with the column's
// title.
type FileError struct{ faults error }

// Error returns the English wording.
func (e *FileError) Error() string { return e.faults.Error() }

// Unwrap returns the single faults, for their wordings.
func (e *FileError) Unwrap() error { return e.faults }

// The columns that every order has.
const (
	outTradeNo = "out_trade_no"
	closeAt    = "close_at"
)

// NewRequest asks for the registration of an order that was read from a file or a terminal, where
// close_at must be given: an order that is closed at once because a column was empty cannot be
// opened again.
func NewRequest(m order.Merchant, p order.Params) (registering.Request, error) {
	if p.CombineOutTradeNo != "" {
		p.CloseAt = cmp.Or(p.CloseAt, "0") // refused for what it is, whatever else is missing
	}
	if p.OutTradeNo != "" && p.CloseAt == "" {
		return registering.Request{}, order.ParamError(closeAt,
			"must be given: a time (RFC 3339), or a number of seconds from the registration", "必须提供：RFC 3339 时间，或距登记的秒数")
	}
	e, err := schedule.NewEntry(m, p)
	return registering.NewRequest(e, p, time.Now()), err
}
