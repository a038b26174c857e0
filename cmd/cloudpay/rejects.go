package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
)

// rejected is a line that was not registered, and why.
type rejected struct {
	line   int
	number string // the order's, where it could be read
	field  string
	rule   bilingual.Text
}

// wording is all but the line: the order, the field and the rule, as far as there are any.
func (r rejected) wording() bilingual.Text {
	text := r.rule
	if r.field != wholeLine {
		text = bilingual.Sprintf("%s: %s", "%s：%s", r.field, text)
	}
	if r.number != "" {
		text = bilingual.Sprintf("%s: %s", "%s：%s", r.number, text)
	}
	return text
}

// rejectedFor words an error about an order that could be read.
func rejectedFor(line int, number string, err error) rejected {
	r := rejected{line, number, wholeLine, bilingual.Wording(err)}
	if field, is := errors.AsType[*order.FieldError](err); is {
		r.field, r.rule = field.Field, field.Rule
	}
	if conflict, is := errors.AsType[*schedule.ConflictError](err); is {
		r.field = conflict.Field
	}
	return r
}

// rejects reports rejected lines: all of them to a file, or the first few to whoever watches.
type rejects struct {
	language *language

	file  io.Closer // nil: none
	csv   *csv.Writer
	count int
	first []rejected
}

// mostRejects is how many of them a terminal is shown.
const mostRejects = 20

func newRejects(f io.WriteCloser, l *language) *rejects {
	r := &rejects{language: l, file: f, csv: csv.NewWriter(f)}
	_ = r.csv.Write([]string{"line", factOrder, "field", "rule"}) // an error stays until end
	return r
}

func (r *rejects) add(one rejected) error {
	r.count++
	if r.csv == nil {
		if len(r.first) < mostRejects {
			r.first = append(r.first, one)
		}
		return nil
	}
	if err := r.csv.Write([]string{
		strconv.Itoa(one.line), printable.Text(one.number), printable.Text(one.field), printable.Text(r.language.say(one.rule)),
	}); err != nil {
		return bilingual.Errorf("writing the rejected lines: %w", "写入被拒绝的行：%w", err)
	}
	return nil
}

// end writes what is still to be written.
func (r *rejects) end(watcher io.Writer) error {
	if r.csv != nil {
		r.csv.Flush()
		if err := errors.Join(r.csv.Error(), r.file.Close()); err != nil {
			return bilingual.Errorf("writing the rejected lines: %w", "写入被拒绝的行：%w", err)
		}
		return nil
	}
	for _, one := range r.first {
		fmt.Fprintln(watcher, printable.Text(r.language.sayf("line %d: %s", "第 %d 行：%s", one.line, one.wording())))
	}
	if more := r.count - len(r.first); more > 0 {
		fmt.Fprint(watcher, r.language.sayf(
			"… and %d more; --rejects FILE has them all\n", "…… 另有 %d 行；使用 --rejects FILE 查看全部\n", more))
	}
	return nil
}
