// Package registering registers orders as callers ask for it, by a call, by the command line and by
// a file: it is the one place that refuses a close_at which is likely a mistake, and that registers
// anew what was withdrawn.
package registering

import (
	"cmp"
	"context"
	"errors"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Request is a registration as a caller asks for it.
type Request struct {
	schedule.Entry
	// Mistake is the fault of a close_at that is likely a mistake; nil for another one, and for one
	// that is meant. With it the order is not registered. The same facts again are answered as
	// ever: they were taken when they were no mistake yet.
	Mistake *order.FieldError
	// Again registers the order anew if its registration was withdrawn or has ended because WeChat
	// Pay had no such order ([schedule.Record.MayReturn]). Without it a withdrawal stands, whatever
	// the facts: a queue may deliver a registration again, and a file may be imported again.
	Again bool
	// By names the one that asks for it, for the order's history.
	By string
}

// NewRequest makes a Request of an entry and the caller's parameters that it is made of. now is for
// the rule about a close_at that is long past.
func NewRequest(e schedule.Entry, p order.Params, now time.Time) Request {
	r := Request{Entry: e, Again: p.Again, By: cmp.Or(p.ChangedBy, "service")}
	if !p.Overdue {
		r.Mistake = e.Overdue(now)
	}
	return r
}

// Register is the register, as this package needs it.
type Register interface {
	// RegisterAll has orders closed at their times. Of those that were registered before, the same
	// facts change nothing, others are a *schedule.ConflictError, and a withdrawn order is a
	// *schedule.WithdrawnError; an ill-formed entry is an *order.FieldError. The error is the
	// database's.
	RegisterAll(ctx context.Context, entries []schedule.Entry) ([]schedule.Registration, error)
	// Known returns what RegisterAll answers for those that were registered before, and
	// *schedule.NotRegisteredError for the others. It registers nothing.
	Known(ctx context.Context, entries []schedule.Entry) ([]schedule.Registration, error)
	// RegisterAgain registers an order anew that may return. It returns false, or the error of
	// RegisterAll, for one that may not (any more), and changes nothing then.
	RegisterAgain(ctx context.Context, e schedule.Entry, by string) (again bool, err error)
}

// One registers one order. The error is the database's; all else is in the Registration.
func One(ctx context.Context, in Register, request Request) (schedule.Registration, error) {
	all, err := All(ctx, in, []Request{request})
	if err != nil {
		return schedule.Registration{}, err
	}
	return all[0], nil
}

// All registers several orders, and returns their results in the same order. Of two requests for
// one order the first counts. The error is the database's: what was registered before it stays so,
// and All may be repeated.
func All(ctx context.Context, in Register, requests []Request) ([]schedule.Registration, error) {
	b := batch{requests, make([]schedule.Registration, len(requests))}
	// The mistaken ones come last, since they may be what this very call registers.
	err := b.take(ctx, in.RegisterAll, func(r Request) bool { return r.Mistake == nil })
	if err == nil {
		err = b.take(ctx, in.Known, func(r Request) bool { return r.Mistake != nil })
	}
	for i := range requests {
		if err == nil {
			err = b.finish(ctx, in, i)
		}
	}
	if err != nil {
		return nil, err
	}
	return b.results, nil
}

// batch is one call of All.
type batch struct {
	requests []Request
	results  []schedule.Registration
}

// take has some of the requests answered by the register.
func (b batch) take(
	ctx context.Context, register func(context.Context, []schedule.Entry) ([]schedule.Registration, error), wanted func(Request) bool,
) error {
	var entries []schedule.Entry
	var places []int
	for i, r := range b.requests {
		if wanted(r) {
			entries, places = append(entries, r.Entry), append(places, i)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	results, err := register(ctx, entries)
	if err != nil {
		return err
	}
	for i, place := range places {
		b.results[place] = results[i]
	}
	return nil
}

// finish refuses a mistake of an order that is not registered or is to be registered anew, and
// registers one anew that may return.
func (b batch) finish(ctx context.Context, in Register, i int) error {
	request, result := b.requests[i], &b.results[i]
	_, unknown := errors.AsType[*schedule.NotRegisteredError](result.Err)
	_, withdrawn := errors.AsType[*schedule.WithdrawnError](result.Err)
	anew := request.Again && !result.Added && (withdrawn || result.Ended == schedule.FinalNotFound)
	switch {
	case request.Mistake != nil && (unknown || anew):
		result.Err = request.Mistake
	case anew:
		again, err := in.RegisterAgain(ctx, request.Entry, request.By)
		if err != nil && !schedule.IsAnswer(err) {
			return err
		}
		*result = schedule.Registration{Added: again, Again: again, Err: err}
	}
	return nil
}
