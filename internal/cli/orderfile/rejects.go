package orderfile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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
	// row is the line as it was.
	row string
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
func rejectFor(line int, p parsed, err error) reject {
	r := reject{line, p.OutTradeNo, wholeLine, bilingual.Wording(err), p.row}
	if field, is := errors.AsType[*order.FieldError](err); is {
		r.field, r.rule = field.Field, field.Rule
	}
	if conflict, is := errors.AsType[*schedule.ConflictError](err); is {
		r.field = conflict.Field
	}
	return r
}

// Rejects reports rejected lines: all of them to a file, or the first few to a terminal. The file
// has the lines as they were, in the encoding and the format of the file that is imported, each
// with its reason in front: in CSV in three columns, in JSON Lines in the key rejected. It may be
// mended and imported: an import passes the reasons over.
type Rejects struct {
	// Count is how many lines were rejected.
	Count int

	language *render.Language
	// file is nil where the first of the rejects are kept for the terminal.
	file  io.WriteCloser
	first []reject

	// text writes to file through encoded, once the file that is imported has told how. It keeps
	// the first error.
	text    *bufio.Writer
	encoded io.WriteCloser
	format  Format
	// unwritten is the first line whose rejection the file may not have yet; 0 for none.
	unwritten int
	// separator stands between the cells of CSV.
	separator rune
}

// The columns of the reason.
const (
	rejectedLine  = "rejected_line"
	rejectedField = "rejected_field"
	rejectedRule  = "rejected_rule"
)

// mostRejects is how many of them a terminal is shown. A file in the wrong format rejects every
// line.
const mostRejects = 20

// OpenRejects reports to the file at path, or without one to the terminal that End is given. It
// refuses the very file that the orders are read from and, when the import goes on where another
// ended, the file that may have the rejected lines of that one. The file holds order numbers, so
// that only its owner may read it.
func OpenRejects(path string, source io.Reader, goesOn bool, l *render.Language) (*Rejects, error) {
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
	how := os.O_TRUNC
	if goesOn {
		how = os.O_EXCL
	}
	f, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_WRONLY|how, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, bilingual.Errorf("%s is there already, perhaps with the lines that were rejected before; name another",
			"%s 已存在，可能含有此前被拒绝的行；请另选一个", path)
	}
	if err != nil {
		return nil, err
	}
	return newRejects(f, l), nil
}

func newRejects(f io.WriteCloser, l *render.Language) *Rejects { return &Rejects{language: l, file: f} }

// begin has the file written as the one that is imported.
func (r *Rejects) begin(like *decoded, format Format) (err error) {
	if r.file == nil {
		return nil
	}
	r.format, r.separator = format, ','
	if r.encoded, err = like.writer(r.file); err == nil {
		r.text = bufio.NewWriter(r.encoded)
	}
	return err
}

// head writes the header of a CSV file, so that a file without rejected lines is one, too.
func (r *Rejects) head(header string, separator rune) error {
	r.separator = separator
	return r.write(header)
}

// add reports one line. The error is about the file and ends the import: a report with lines
// missing would be taken for the whole.
func (r *Rejects) add(one reject) error {
	r.Count++
	if r.text == nil {
		if one.row = ""; len(r.first) < mostRejects {
			r.first = append(r.first, one)
		}
		return nil
	}
	if r.unwritten == 0 {
		r.unwritten = one.line
	}
	why := reason{one.line, printable.Text(one.field), printable.Text(r.language.Text(one.rule))}
	if r.format != CSV {
		return r.write(withReason(why, one.row))
	}
	return r.write(r.cells(strconv.Itoa(why.Line), why.Field, why.Rule) + one.row)
}

// cells writes cells in front of a row.
func (r *Rejects) cells(cells ...string) string {
	var out strings.Builder
	w := csv.NewWriter(&out)
	w.Comma = r.separator
	_ = w.Write(cells) // a strings.Builder takes everything
	w.Flush()
	return strings.TrimSuffix(out.String(), "\n") + string(r.separator)
}

func (r *Rejects) write(line string) error {
	if r.text == nil {
		return nil
	}
	if _, err := r.text.WriteString(line + "\n"); err != nil {
		return notWritten(err)
	}
	return nil
}

// flush writes what is buffered. After an error nothing more is written.
func (r *Rejects) flush() error {
	if r.text == nil {
		return nil
	}
	if err := r.text.Flush(); err != nil {
		return notWritten(err)
	}
	r.unwritten = 0
	return nil
}

func notWritten(err error) error {
	return bilingual.Errorf("writing the rejected lines: %w", "写入被拒绝的行：%w", err)
}

// End writes what is still to be written, to the file or to the terminal. It is called once,
// whatever ended the import. The error says that the file is not complete.
func (r *Rejects) End(terminal io.Writer) error {
	if r.file != nil {
		return r.endFile()
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

// endFile ends the text and the file. A write error of an earlier line is reported here, too.
func (r *Rejects) endFile() error {
	var errs []error
	if r.text != nil {
		errs = append(errs, r.text.Flush(), r.encoded.Close())
	}
	if err := errors.Join(append(errs, r.file.Close())...); err != nil {
		return notWritten(err)
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
