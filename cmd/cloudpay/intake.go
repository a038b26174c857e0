package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

const (
	// maxLine bounds one line: an order's facts fit into a hundredth of it.
	maxLine = 64 << 10
	// inBatch is how many orders are registered at once.
	inBatch = 1000
)

// The formats of a file of orders, by the ending of its name.
const (
	formatCSV  = "csv"
	formatJSON = "jsonl"
)

var formats = []struct{ ending, format string }{
	{"csv", formatCSV}, {"jsonl", formatJSON}, {"ndjson", formatJSON}, {"json", formatJSON},
}

func formatNames() []string {
	names := make([]string, 0, len(formats))
	for _, f := range formats {
		names = append(names, f.ending)
	}
	return names
}

// parser makes an order's words of a line. The first line may be its header, which is none: header is true then. A *lineError is
// about this line alone; any other error is about the whole file.
type parser interface {
	parse(line []byte) (p order.Params, header bool, err error)
}

// parserOf makes a parser for each format.
var parserOf = map[string]func() parser{
	formatCSV:  func() parser { return &csvLines{} },
	formatJSON: func() parser { return jsonLines{} },
}

// formatOf is the format that is given, or that the file's name tells.
func formatOf(given, name string) (string, error) {
	ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	for _, f := range formats {
		if given == "" && f.ending == ending || given == f.format {
			return f.format, nil
		}
	}
	if given != "" {
		return "", usagef("--format: must be %s or %s, not %q", "--format：须为 %s 或 %s，而不是 %q", formatCSV, formatJSON, given)
	}
	return "", usagef("--format: must be given, %s or %s: the name %s does not tell",
		"--format：必须提供，%s 或 %s：文件名 %s 无法判断", formatCSV, formatJSON, name)
}

// lineError is what is wrong with one line.
type lineError struct {
	field string
	rule  bilingual.Text
}

func (e *lineError) Error() string { return e.field + ": " + e.rule.EN }

// wholeLine is the field of a fault that is about no one field.
const wholeLine = "line"

// intake reads orders and registers them.
type intake struct {
	register func(context.Context, []schedule.Entry) ([]schedule.Registration, error)
	merchant order.Merchant
	parse    parser
	rejects  *rejects
	progress *progress

	// waiting are to be registered, as said at the lines at.
	waiting []schedule.Entry
	said    []order.Params
	at      []int

	lines, added, known int
}

// run takes in a whole file. Its error is the file's, the store's or the context's, and not a line's.
func (in *intake) run(ctx context.Context, source io.Reader) error {
	defer in.progress.end()
	text := &lines{in: bufio.NewReaderSize(source, maxLine)}
	for ctx.Err() == nil {
		line, err := text.next()
		if errors.Is(err, io.EOF) {
			return in.flush(ctx)
		}
		if err == nil {
			err = in.take(text.number, line)
		}
		if errors.Is(err, errTooLong) {
			in.lines++
			err = in.rejects.add(rejected{text.number, "", errTooLong.field, errTooLong.rule})
		}
		if err == nil && len(in.waiting) == inBatch {
			err = in.flush(ctx)
		}
		if err != nil {
			return err
		}
		in.progress.at(text.read, in.lines)
	}
	return context.Cause(ctx)
}

// take makes an order of a line, or rejects it.
func (in *intake) take(number int, line []byte) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	p, header, err := in.parse.parse(line)
	fault, is := errors.AsType[*lineError](err)
	switch {
	case is:
		in.lines++
		return in.rejects.add(rejected{number, p.OutTradeNo, fault.field, fault.rule})
	case header || err != nil:
		return err
	}
	in.lines++
	e, err := entryOf(in.merchant, p)
	if err != nil {
		return in.rejects.add(rejectedFor(number, p.OutTradeNo, err))
	}
	in.waiting, in.said, in.at = append(in.waiting, e), append(in.said, p), append(in.at, number)
	return nil
}

// flush registers what waits.
func (in *intake) flush(ctx context.Context) error {
	if len(in.waiting) == 0 {
		return nil
	}
	all, err := in.register(ctx, in.waiting)
	if err != nil {
		return err
	}
	for i, r := range all {
		switch {
		case r.Err != nil:
			if err := in.rejects.add(rejectedFor(in.at[i], in.waiting[i].OutTradeNo, schedule.InWordsOf(in.said[i], r.Err))); err != nil {
				return err
			}
		case r.Added:
			in.added++
		default:
			in.known++
		}
	}
	in.waiting, in.said, in.at = in.waiting[:0], in.said[:0], in.at[:0]
	return nil
}

// lines are read one after the other, none longer than the buffer.
type lines struct {
	in     *bufio.Reader
	number int
	read   int64
}

var errTooLong = &lineError{wholeLine, bilingual.Sprintf("is longer than %d KiB", "超过 %d KiB", maxLine>>10)}

// next returns a line without its end, until the next call; io.EOF after the last, and a *lineError for one that is too long.
func (l *lines) next() ([]byte, error) {
	l.number++
	line, err := l.in.ReadSlice('\n')
	l.read += int64(len(line))
	tooLong := errors.Is(err, bufio.ErrBufferFull)
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.in.ReadSlice('\n')
		l.read += int64(len(line))
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, bilingual.Errorf("reading line %d: %w", "读取第 %d 行：%w", l.number, err)
	case tooLong:
		return nil, errTooLong
	case err != nil && len(line) == 0:
		return nil, io.EOF
	}
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff")) // as spreadsheets begin a file
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// csvLines reads CSV (RFC 4180) line by line: no fact of an order's has an end of line in it, and a quotation mark that is
// missing spoils its own line only.
type csvLines struct{ columns []fact }

func (c *csvLines) parse(line []byte) (p order.Params, header bool, err error) {
	cells, err := csv.NewReader(bytes.NewReader(line)).Read()
	if c.columns == nil {
		if err != nil {
			return p, true, usagef("the header: %s", "表头：%s", csvFault(err))
		}
		return p, true, c.head(cells)
	}
	if err != nil {
		return p, false, &lineError{wholeLine, csvFault(err)}
	}
	if len(cells) != len(c.columns) {
		return p, false, &lineError{wholeLine, bilingual.Sprintf(
			"must have %d columns as the header does, not %d", "须与表头一样有 %d 列，而不是 %d 列", len(c.columns), len(cells))}
	}
	for i, f := range c.columns {
		if value := strings.TrimSpace(cells[i]); value != "" {
			if fault := f.set(&p, value); fault != nil {
				return p, false, &lineError{fault.Field, fault.Rule}
			}
		}
	}
	return p, false, nil
}

// head learns the columns.
func (c *csvLines) head(names []string) error {
	var faults []error
	for _, name := range names {
		f, err := factOf(name)
		switch {
		case err != nil:
			faults = append(faults, bilingual.Errorf("the header: column %q %w", "表头：列 %q %w", name, err))
		case c.has(f.name):
			faults = append(faults, bilingual.Errorf("the header: %s is there twice", "表头：%s 出现两次", f.name))
		default:
			c.columns = append(c.columns, f)
		}
	}
	for _, needed := range []string{factOrder, factCloseAt} {
		if !c.has(needed) && len(faults) == 0 {
			faults = append(faults, bilingual.Errorf("the header: column %s is missing; the first line names the columns",
				"表头：缺少列 %s；首行为列名", needed))
		}
	}
	if len(faults) > 0 {
		return usage(errors.Join(faults...))
	}
	return nil
}

func (c *csvLines) has(name string) bool {
	return slices.ContainsFunc(c.columns, func(f fact) bool { return f.name == name })
}

// csvFault is what is wrong, without a line number of its own, which is always 1.
func csvFault(err error) bilingual.Text {
	if fault, is := errors.AsType[*csv.ParseError](err); is {
		return bilingual.Sprintf("is not CSV, at its byte %d: %v", "不是 CSV，在第 %d 字节：%v", fault.Column, fault.Err)
	}
	return bilingual.Sprintf("is not CSV: %v", "不是 CSV：%v", err)
}

// jsonLines reads an object a line.
type jsonLines struct{}

func (jsonLines) parse(line []byte) (p order.Params, header bool, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber() // as it was written
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return p, false, &lineError{wholeLine, words(
			`must be a JSON object such as {"out_trade_no":"A1","close_at":"1800"}`, `须为 JSON 对象，如 {"out_trade_no":"A1","close_at":"1800"}`)}
	}
	given := map[string]bool{}
	for d.More() {
		key, value, err := member(d)
		if err != nil {
			return p, false, err
		}
		f, err := factOf(key)
		if err != nil {
			return p, false, &lineError{key, bilingual.Wording(err)}
		}
		if given[f.name] {
			return p, false, &lineError{f.name, words("is given twice", "重复给出")}
		}
		given[f.name] = true
		if err := setJSON(&p, f, value); err != nil {
			return p, false, err
		}
	}
	if _, err := d.Token(); err != nil {
		return p, false, notJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return p, false, &lineError{wholeLine, words(
			"has something behind its object; give one object a line", "对象之后还有内容；每行只给一个对象")}
	}
	return p, false, nil
}

// member reads a key and a value that is neither an object nor an array.
func member(d *json.Decoder) (string, json.Token, error) {
	t, err := d.Token()
	if err != nil {
		return "", nil, notJSON(err)
	}
	key, _ := t.(string) // an object's keys are strings, or Token fails
	value, err := d.Token()
	if err != nil {
		return "", nil, notJSON(err)
	}
	return key, value, nil
}

func notJSON(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = bilingual.Errorf("it ends too early", "内容过早结束")
	}
	return &lineError{wholeLine, bilingual.Sprintf("is not JSON: %v", "不是 JSON：%v", err)}
}

// setJSON takes a value: a string, nothing, or a number where numbers are meant.
func setJSON(p *order.Params, f fact, value json.Token) error {
	var text string
	switch value := value.(type) {
	case nil:
	case string:
		text = value
	case json.Number:
		if f.name != "total" && f.name != factCloseAt {
			return &lineError{f.name, words(
				"must be a string (put it between quotation marks)", "须为字符串（请加引号）")}
		}
		text = value.String()
	default:
		return &lineError{f.name, words("must be a string", "须为字符串")}
	}
	if text == "" {
		return nil
	}
	if fault := f.set(p, text); fault != nil {
		return &lineError{fault.Field, fault.Rule}
	}
	return nil
}
