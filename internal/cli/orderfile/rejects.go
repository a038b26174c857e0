package orderfile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
)

// reject is a line that was not registered, and why.
type reject struct {
	line int
	// number is the order's, where it could be read.
	number string
	// field is wholeLine for a fault that is about no one field.
	field string
	rule  bilingual.Text
}

// wording is all but the line: the order, the field and the rule, as far as there are any. Names of
// fields are the same in both languages.
func (r reject) wording() bilingual.Text {
	text := r.rule
	if r.field != wholeLine {
		text = bilingual.Sprintf("%s: %s", "%s：%s", r.field, text)
	}
	if r.number != "" {
		text = bilingual.Sprintf("%s: %s", "%s：%s", r.number, text)
	}
	return text
}

// rejectFor words an error about an order that could be read. A fault of a parameter and a conflict
// with the register both name the field, which has a column of its own.
func rejectFor(line int, number string, err error) reject {
	r := reject{line, number, wholeLine, bilingual.Wording(err)}
	if field, is := errors.AsType[*order.FieldError](err); is {
		r.field, r.rule = field.Field, field.Rule
	}
	if conflict, is := errors.AsType[*schedule.ConflictError](err); is {
		r.field = conflict.Field
	}
	return r
}

// Rejects reports rejected lines: all of them to a CSV file, or the first few to a terminal. The
// file has the columns line, out_trade_no, field and rule; a program finds the lines to mend by the
// first.
type Rejects struct {
	// Count is how many lines were rejected.
	Count int

	language *render.Language
	file     io.Closer
	// csv writes to file; nil: the first of the rejects are kept for the terminal.
	csv   *csv.Writer
	first []reject
}

// mostRejects is how many of them a terminal is shown. A file in the wrong format rejects every
// line.
const mostRejects = 20

// OpenRejects reports to the file at path, or without one to the terminal that End is given. It
// refuses the very file that the orders are read from. The file holds order numbers, so that only
// its owner may read it.
func OpenRejects(path string, source io.Reader, l *render.Language) (*Rejects, error) {
	if path == "" {
		return &Rejects{language: l}, nil
	}
	// Opening the file for writing would empty it before a line of it is read.
	if read, is := source.(*os.File); is {
		one, err1 := read.Stat()
		other, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(one, other) {
			return nil, bilingual.Errorf("%s is the file that is imported; name another", "%s 是正在导入的文件；请另选一个", path)
		}
	}
	f, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return newRejects(f, l), nil
}

// newRejects begins the file with its header, so that a file without rejected lines is a CSV file,
// too.
func newRejects(f io.WriteCloser, l *render.Language) *Rejects {
	r := &Rejects{language: l, file: f, csv: csv.NewWriter(f)}
	_ = r.csv.Write([]string{"line", outTradeNo, "field", "rule"}) // csv keeps an error until End
	return r
}

// add reports one line. The error is about the file and ends the import: a report with lines
// missing would be taken for the whole.
func (r *Rejects) add(one reject) error {
	r.Count++
	if r.csv == nil {
		if len(r.first) < mostRejects {
			r.first = append(r.first, one)
		}
		return nil
	}
	err := r.csv.Write([]string{
		strconv.Itoa(one.line), printable.Text(one.number), printable.Text(one.field), printable.Text(r.language.Text(one.rule)),
	})
	if err != nil {
		return bilingual.Errorf("writing the rejected lines: %w", "写入被拒绝的行：%w", err)
	}
	return nil
}

// End writes what is still to be written, to the file or to the terminal. It is called once,
// whatever ended the import. The error says that the file is not complete.
func (r *Rejects) End(terminal io.Writer) error {
	// A write error of an earlier line is reported here, too: csv keeps the first.
	if r.csv != nil {
		r.csv.Flush()
		if err := errors.Join(r.csv.Error(), r.file.Close()); err != nil {
			return bilingual.Errorf("writing the rejected lines: %w", "写入被拒绝的行：%w", err)
		}
		return nil
	}
	for _, one := range r.first {
		fmt.Fprintln(terminal, printable.Text(r.language.Say("line %d: %s", "第 %d 行：%s", one.line, one.wording())))
	}
	if more := r.Count - len(r.first); more > 0 {
		fmt.Fprint(terminal, r.language.Say(
			"… and %d more; --rejects FILE has them all\n", "…… 另有 %d 行；使用 --rejects FILE 查看全部\n", more))
	}
	return nil
}

// Open opens a file of orders; - is standard input, which is left open. size is -1 when it is not
// known. The error is about the file's name: the user's to mend.
func Open(name string, stdin io.Reader) (source io.ReadCloser, size int64, err error) {
	if name == "-" {
		return io.NopCloser(stdin), -1, nil
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, 0, err
	case info.IsDir():
		return nil, 0, bilingual.Errorf("%s is a folder; name a file", "%s 是目录；请指定文件", name)
	case info.Mode().IsRegular():
		size = info.Size()
	default:
		size = -1 // a pipe
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	return f, size, nil
}
