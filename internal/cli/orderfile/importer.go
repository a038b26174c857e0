// Package orderfile reads and writes orders in files: CSV and JSON Lines of orders to register, the
// report of the lines that were rejected, and registered orders as JSON Lines.
//
// A file has one order a line, so that a line with a fault spoils no other: [Importer] rejects it
// with its number, the field and the rule, and goes on. The columns of CSV and the keys of JSON are
// the parameters that an order is registered with, in any spelling (order.RegisteredParameter), or
// titles that [Columns] maps to them. Files may be written as spreadsheets write them: in GBK or
// UTF-16, with semicolons or tabs, and with their times.
package orderfile

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/registering"
)

const (
	// maxLine bounds one line: an order's parameters fit into a hundredth of it. Of a longer one
	// maxBeginning bytes are kept, to know it by.
	maxLine      = 64 << 10
	maxBeginning = 1000
	// inBatch is how many orders are registered at once: in a few statements, which makes a million
	// lines a matter of minutes and not of hours.
	inBatch = 4000
)

// Importer reads orders and registers them in batches. Register, Merchant, Format, Rejects and
// Progress are required.
type Importer struct {
	// Register registers a batch, as registering.All does.
	Register func(context.Context, []registering.Request) ([]schedule.Registration, error)
	// Change is called with each order instead, if it is not nil: the file corrects or withdraws
	// registrations. It returns the registration afterwards, and whether it was changed; false says
	// that nothing was left to do.
	Change func(context.Context, order.Params) (after schedule.Entry, changed bool, err error)
	// Merchant is the owner of the orders, whose rules and defaults they get.
	Merchant order.Merchant
	Format   Format
	Rejects  *Rejects
	Progress *render.Progress

	// Encoding is one of Encodings; empty: the file's beginning tells.
	Encoding string
	// Columns says what the columns of a CSV file are whose titles do not.
	Columns Columns
	// SubMchID is the sub-merchant of orders that name none; empty: the merchant's default.
	SubMchID string
	// CloseAt is the close_at of all orders of a CSV file without that column; also of those that
	// are changed.
	CloseAt string
	// Overdue takes a close_at that is likely a mistake ([schedule.Entry.Overdue]) of every order.
	Overdue bool
	// Again registers every order anew that was withdrawn or not found, By the one that asks for
	// it.
	Again bool
	By    string
	// Zone is that of times that have none; nil: such a time is a fault.
	Zone *time.Location
	// FromLine is the first line that is registered, from 1. Those before it are passed over, but
	// for the header.
	FromLine int

	// Lines counts the orders read, of which Added are new, Anew were registered anew, Known were
	// registered before with the same facts, and Withdrawn stay withdrawn. The rest was rejected,
	// or Run ended before it was registered.
	Lines, Added, Known int
	Anew, Withdrawn     int
	// DueAtOnce counts those of Added and Anew whose close_at is past.
	DueAtOnce int
	// NextLine is the first line that was not registered when Run ended with an error: an import
	// from this line on goes on.
	NextLine int

	batch []pending
	// flight is the batch that is being registered while the next one is read; nil if none is.
	flight *flight
	// closeAtMissing says that the header has no such column.
	closeAtMissing bool
}

// pending is an order of the batch that is not registered yet. It is lost when the process dies,
// and read again by the next run.
type pending struct {
	request registering.Request
	// said has the words in which a fault is reported: openid where the entry has an owner.
	said order.Params
	line int
	row  string
}

// Run imports a whole file. The error is a [*FileError], or one of the file, the store or the
// context; a fault of one line is none. What was registered before an error stays: running the
// import again counts it, and from NextLine on passes it over.
func (in *Importer) Run(ctx context.Context, source io.Reader) error {
	defer in.Progress.End()
	file, err := decode(source, in.Encoding)
	if err != nil {
		return err
	}
	text := &lineReader{in: bufio.NewReaderSize(file, maxLine)}
	if err = in.Rejects.begin(file, in.Format); err == nil {
		err = in.all(ctx, text, &file.raw)
		if landed := in.land(); err == nil {
			err = landed
		}
	}
	if err != nil {
		// A rejection that is not written yet may never be: its line is read again then.
		_ = in.Rejects.flush() // Rejects.End reports that it failed
		in.NextLine = text.number
		for _, first := range []int{firstLine(in.batch), in.Rejects.unwritten} {
			if first > 0 {
				in.NextLine = min(in.NextLine, first)
			}
		}
	}
	return err
}

// firstLine is the line of the first order; 0 if there is none.
func firstLine(batch []pending) int {
	if len(batch) == 0 {
		return 0
	}
	return batch[0].line
}

// all reads all lines.
func (in *Importer) all(ctx context.Context, text *lineReader, read *int64) error {
	parse := in.parser()  // which keeps the columns
	lines, orders := 0, 0 // that are not blank, and those below the header
	for ctx.Err() == nil {
		line, err := text.next()
		tooLong := errors.Is(err, errTooLong)
		if tooLong || err == nil && !isBlank(line) {
			lines++
			if parse.headed() {
				orders++
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			if err := in.lacks(lines, orders); err != nil {
				return err
			}
			return in.flush(ctx)
		case tooLong:
			err = in.rejectLong(parse, text.number, line)
		case err == nil && !isBlank(line):
			err = in.take(ctx, parse, text.number, line)
		}
		if err == nil && len(in.batch) == inBatch {
			err = in.flush(ctx)
		}
		if err != nil {
			return err
		}
		in.Progress.At(*read, in.Lines)
	}
	return context.Cause(ctx)
}

// lacks is the fault of a file without orders: what made it may have failed.
func (in *Importer) lacks(lines, orders int) error {
	switch {
	case orders > 0:
		return nil
	case lines > 0:
		return &FileError{bilingual.Errorf("the file has no orders: it must have a line for each below the header",
			"文件中没有订单：表头之下须每行一个订单")}
	}
	example := bilingual.Same(`{"out_trade_no":"A1","close_at":1800}`)
	if in.Format == CSV {
		example = bilingual.New("a line that names the columns, such as out_trade_no,close_at, and a line for each order",
			"首行为列名，如 out_trade_no,close_at，其后每行一个订单")
	}
	return &FileError{bilingual.Errorf("the file is empty: it must have %s", "文件为空：须有 %s", example)}
}

// rejectLong reports a line that is too long, by its beginning.
func (in *Importer) rejectLong(parse parser, number int, beginning string) error {
	if !parse.headed() {
		return &FileError{bilingual.Errorf("the header: is longer than %d KiB", "表头：超过 %d KiB", maxLine>>10)}
	}
	return in.reject(reject{line: number, field: errTooLong.field, rule: errTooLong.rule, row: parse.own(beginning)})
}

// reject reports a line, unless it is before the first that is wanted.
func (in *Importer) reject(one reject) error {
	if one.line < in.FromLine {
		return nil
	}
	in.Lines++
	return in.Rejects.add(one)
}

// take adds the order on a line to the batch, or rejects the line. Before the first line that is
// wanted only the header is read.
func (in *Importer) take(ctx context.Context, parse parser, number int, line string) error {
	if number < in.FromLine && parse.headed() {
		return nil
	}
	p, header, err := parse.parse(line)
	fault, isLine := errors.AsType[*lineError](err)
	if header || err != nil && !isLine {
		return err
	}
	if fault == nil {
		fault = p.ofAnother(in.Merchant.Account())
	}
	if fault != nil {
		return in.reject(reject{number, p.OutTradeNo, fault.field, fault.rule, p.row})
	}
	p.SubMchID = cmp.Or(p.SubMchID, in.SubMchID)
	if in.closeAtMissing {
		p.CloseAt = in.CloseAt
	}
	if in.Change != nil {
		return in.change(ctx, number, p)
	}
	p.Overdue, p.Again, p.ChangedBy = p.Overdue || in.Overdue, p.Again || in.Again, in.By
	request, err := NewRequest(in.Merchant, p.Params)
	if err != nil {
		return in.reject(rejectFor(number, p, err))
	}
	in.Lines++
	in.batch = append(in.batch, pending{request: request, said: p.Params, line: number, row: p.row})
	return nil
}

// change corrects or withdraws the registration of a line's order at once.
func (in *Importer) change(ctx context.Context, number int, p parsed) error {
	after, changed, err := in.Change(ctx, p.Params)
	switch {
	case err != nil && !schedule.IsAnswer(err):
		return err
	case err != nil:
		return in.reject(rejectFor(number, p, err))
	case changed:
		in.count(&in.Added, after, p.CloseAt != "")
	default:
		in.Known++
	}
	in.Lines++
	return nil
}

// count counts an order that is new or changed. timed says that it got its close_at now.
func (in *Importer) count(orders *int, e schedule.Entry, timed bool) {
	*orders++
	if timed && !e.CloseAt.IsZero() && e.CloseAt.Before(time.Now()) {
		in.DueAtOnce++
	}
}

// flush has the batch registered while the next one is read. An order that is registered already
// with other facts is rejected, in the words that its line used. A process that dies here leaves
// each order of the batch registered or not; the next run counts those that are as known.
func (in *Importer) flush(ctx context.Context) error {
	if len(in.batch) == 0 {
		return nil // a file may end with a full batch
	}
	// Orders are registered in the sequence of their lines: of two that differ the first one
	// stands.
	requests := make([]registering.Request, len(in.batch))
	for i, p := range in.batch {
		requests[i] = p.request
	}
	if err := in.land(); err != nil { // one at a time, since of two lines that differ the first one stands
		return err
	}
	f := &flight{batch: in.batch, done: make(chan struct{})}
	in.flight, in.batch = f, nil
	go func() {
		defer close(f.done)
		f.all, f.err = in.Register(ctx, requests)
	}()
	return nil
}

// flight is a batch that is being registered.
type flight struct {
	batch []pending
	// done is closed when all and err, which Register returned, are set.
	done chan struct{}
	all  []schedule.Registration
	err  error
}

// land waits until the batch in flight is registered, and counts its orders. If that failed, the
// batch is that of the importer again, as what is next.
func (in *Importer) land() error {
	f := in.flight
	if f == nil {
		return nil
	}
	in.flight = nil
	<-f.done
	if f.err != nil {
		in.batch = append(f.batch, in.batch...)
		return f.err
	}
	for i, r := range f.all {
		_, withdrawn := errors.AsType[*schedule.WithdrawnError](r.Err)
		switch p := f.batch[i]; {
		case withdrawn:
			in.Withdrawn++
		case r.Err != nil:
			if err := in.Rejects.add(rejectFor(p.line, parsed{Params: p.said, row: p.row}, schedule.InWordsOf(p.said, r.Err))); err != nil {
				return err
			}
		case r.Again:
			in.count(&in.Anew, p.request.Entry, true)
		case r.Added:
			in.count(&in.Added, p.request.Entry, true)
		default:
			in.Known++
		}
	}
	return in.Rejects.flush()
}

// lineReader reads lines one after the other, none longer than the buffer. A longer one is skipped
// to its end in pieces, so that memory does not grow with it; its beginning is kept.
type lineReader struct {
	in *bufio.Reader
	// number is that of the line that next returned last, from 1.
	number int
}

var errTooLong = &lineError{wholeLine, bilingual.Sprintf("is longer than %d KiB: a file of rejected lines has its first %d bytes",
	"超过 %d KiB：被拒绝行的文件中仅有其前 %d 字节", maxLine>>10, maxBeginning)}

// next returns a line without its end. The error is io.EOF after the last line, and errTooLong for
// a line of which the beginning is returned alone.
func (l *lineReader) next() (string, error) {
	l.number++
	line, err := l.in.ReadSlice('\n')
	tooLong, beginning := errors.Is(err, bufio.ErrBufferFull), ""
	if tooLong {
		beginning = strings.ToValidUTF8(string(line[:maxBeginning]), "") + "…"
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.in.ReadSlice('\n')
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return "", bilingual.Errorf("reading line %d: %w", "读取第 %d 行：%w", l.number, err)
	case tooLong:
		return beginning, errTooLong
	case err != nil && len(line) == 0:
		return "", io.EOF
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}
