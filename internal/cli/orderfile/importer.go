// Package orderfile reads and writes orders in files: CSV and JSON Lines of orders to register, the
// report of the lines that were rejected, and registered orders as JSON Lines.
//
// A file has one order a line, so that a line with a fault spoils no other: [Importer] rejects it
// with its number, the field and the rule, and goes on. The columns of CSV and the keys of JSON are
// the parameters that an order is registered with, in any spelling (order.RegisteredParameter).
package orderfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

const (
	// maxLine bounds one line: an order's parameters fit into a hundredth of it.
	maxLine = 64 << 10
	// inBatch is how many orders are registered at once: in one transaction, which makes a million
	// lines a matter of minutes and not of hours.
	inBatch = 1000
)

// Importer reads orders and registers them in batches. Every field but the counts is required.
type Importer struct {
	// Register registers a batch, all of it or (with an error) none, as store.Store.RegisterAll
	// does.
	Register func(context.Context, []schedule.Entry) ([]schedule.Registration, error)
	// Merchant is the owner of the orders, whose rules and defaults they get.
	Merchant order.Merchant
	Format   Format
	Rejects  *Rejects
	Progress *render.Progress

	// Lines counts the orders read, of which Added are new and Known were registered before with
	// the same facts. The rest was rejected, or Run ended before it was registered.
	Lines, Added, Known int

	batch []pending
}

// pending is an order of the batch that is not registered yet. It is lost when the process dies,
// and read again by the next run.
type pending struct {
	entry schedule.Entry
	// said has the words in which a fault is reported: openid where the entry has an owner.
	said order.Params
	line int
}

// Run imports a whole file. The error is a [*HeaderError], or one of the file, the store or the
// context; a fault of one line is none. What was registered before an error stays, and running the
// import again goes on from there.
func (in *Importer) Run(ctx context.Context, source io.Reader) error {
	defer in.Progress.End()
	text := &lineReader{in: bufio.NewReaderSize(source, maxLine)}
	parse := in.Format.parser() // which keeps the columns
	for ctx.Err() == nil {
		line, err := text.next()
		if errors.Is(err, io.EOF) {
			return in.flush(ctx)
		}
		if err == nil {
			err = in.take(parse, text.number, line)
		}
		if errors.Is(err, errTooLong) {
			in.Lines++
			err = in.Rejects.add(reject{text.number, "", errTooLong.field, errTooLong.rule})
		}
		if err == nil && len(in.batch) == inBatch {
			err = in.flush(ctx)
		}
		if err != nil {
			return err
		}
		in.Progress.At(text.read, in.Lines)
	}
	return context.Cause(ctx)
}

// take adds the order on a line to the batch, or rejects the line. A line of spaces is passed over:
// a file may end in several.
func (in *Importer) take(parse parser, number int, line []byte) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	p, header, err := parse(line)
	fault, isLine := errors.AsType[*lineError](err)
	if header || err != nil && !isLine {
		return err
	}
	in.Lines++
	if isLine {
		return in.Rejects.add(reject{number, p.OutTradeNo, fault.field, fault.rule})
	}
	e, err := NewEntry(in.Merchant, p)
	if err != nil {
		return in.Rejects.add(rejectFor(number, p.OutTradeNo, err))
	}
	in.batch = append(in.batch, pending{e, p, number})
	return nil
}

// flush registers the batch. An order that is registered already with other facts is rejected, in
// the words that its line used. A process that dies here leaves the batch registered or not, never
// in part; the next run counts it as known.
func (in *Importer) flush(ctx context.Context) error {
	if len(in.batch) == 0 {
		return nil // a file may end with a full batch
	}
	// Entries are registered in the order of their lines: of two that differ the first one stands.
	entries := make([]schedule.Entry, len(in.batch))
	for i, p := range in.batch {
		entries[i] = p.entry
	}
	all, err := in.Register(ctx, entries)
	if err != nil {
		return err
	}
	for i, r := range all {
		switch p := in.batch[i]; {
		case r.Err != nil:
			if err := in.Rejects.add(rejectFor(p.line, p.entry.OutTradeNo, schedule.InWordsOf(p.said, r.Err))); err != nil {
				return err
			}
		case r.Added:
			in.Added++
		default:
			in.Known++
		}
	}
	in.batch = in.batch[:0]
	return nil
}

// lineReader reads lines one after the other, none longer than the buffer. A longer one is skipped
// to its end in pieces, so that memory does not grow with it.
type lineReader struct {
	in *bufio.Reader
	// number is that of the line that next returned last, from 1.
	number int
	// read counts bytes, those of skipped lines too.
	read int64
}

var errTooLong = &lineError{wholeLine, bilingual.Sprintf("is longer than %d KiB", "超过 %d KiB", maxLine>>10)}

// next returns a line without its end; it is valid until the next call. The error is io.EOF after
// the last line, and errTooLong for a line that was skipped.
func (l *lineReader) next() ([]byte, error) {
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
	// A byte order mark would be part of the first column's name.
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	return bytes.TrimRight(line, "\r\n"), nil
}
