// Package retries has the register try again what it has given up: orders are reopened, and events
// are redelivered. The commands and the emulator's management API share it.
package retries

import (
	"context"
	"strconv"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// page is how many orders are read at once.
const page = 2000

// Orders are what EachStuck needs of a register. The errors are the register's.
type Orders interface {
	List(ctx context.Context, of schedule.Selection, from string, limit int) (schedule.Page, error)
	Reopen(ctx context.Context, ref order.Ref) (reopened bool, err error)
}

// EachStuck calls do with each order that is given up now, page by page, and ends with its error.
// The list is sorted by registration, so that an order which is given up again meanwhile is not met
// twice. The progress of the selection is set here.
func EachStuck(ctx context.Context, of Orders, which schedule.Selection, do func(order.Ref) error) error {
	which.Progress = schedule.GaveUp
	for place, first := "", true; first || place != ""; first = false {
		found, err := of.List(ctx, which, place, page)
		if err != nil {
			return err
		}
		for _, record := range found.Orders {
			if err := do(record.Ref); err != nil {
				return err
			}
		}
		place = found.Next
	}
	return nil
}

// ReopenStuck reopens every order that is given up now. reopened counts those before an error, too:
// each is reopened in a transaction of its own. One that was reopened meanwhile does not count.
func ReopenStuck(ctx context.Context, of Orders, which schedule.Selection) (reopened int, err error) {
	err = EachStuck(ctx, of, which, func(ref order.Ref) error {
		done, err := of.Reopen(ctx, ref)
		if done {
			reopened++
		}
		return err
	})
	return reopened, err
}

// Events are what Event and Requeue need of a register.
type Events interface {
	EventNamed(ctx context.Context, of order.Account, number int64, id outbox.EventID) (outbox.Event, bool, error)
	Requeue(ctx context.Context, of order.Account, numbers []int64) (requeued int, err error)
	EachDead(ctx context.Context, of outbox.Selection, do func(numbers []int64) error) error
	EachPending(ctx context.Context, of outbox.Selection, do func(numbers []int64) error) error
	EachSince(ctx context.Context, of outbox.Selection, since time.Time, do func(numbers []int64) error) error
}

// EventNumber is the number that names an event; 0 for an eventId.
func EventNumber(id string) (int64, error) {
	if outbox.EventID(id).Bytes() != nil {
		return 0, nil
	}
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil || number < 1 {
		return 0, bilingual.Errorf("an event's number is a whole one from 1, its eventId a UUID: not %q",
			"事件编号须为不小于 1 的整数，eventId 须为 UUID，而不是 %q", id)
	}
	return number, nil
}

// Event requeues the event that a number or an eventId names; dry only looks for it. found is false
// if the merchant has none; the event then has what named it.
func Event(ctx context.Context, of Events, account order.Account, id string, dry bool) (event outbox.Event, found bool, err error) {
	number, err := EventNumber(id)
	if err != nil {
		return event, false, err
	}
	event, found, err = of.EventNamed(ctx, account, number, outbox.EventID(id))
	switch {
	case err != nil:
		return event, false, err
	case !found && number > 0:
		return outbox.Event{Number: number}, false, nil
	case !found:
		return outbox.Event{EventID: outbox.EventID(id)}, false, nil
	case !dry:
		_, err = of.Requeue(ctx, account, []int64{event.Number})
	}
	return event, true, err
}

// Which events are requeued together: all that occurred Since a time, or all that are Dead, or all
// that are Pending. One of them is set.
type Which struct {
	Since         time.Time
	Dead, Pending bool
}

// Requeue requeues events in pages, and calls progress after each with how many they are so far;
// dry only counts them. What was requeued before an error stays so: another run reaches the others.
func Requeue(ctx context.Context, of Events, from outbox.Selection, which Which, dry bool, progress func(requeued int)) error {
	requeued := 0
	each := func(numbers []int64) error {
		n := len(numbers)
		if !dry {
			var err error
			if n, err = of.Requeue(ctx, from.Account, numbers); err != nil {
				return err
			}
		}
		requeued += n
		progress(requeued)
		return nil
	}
	switch {
	case which.Dead:
		return of.EachDead(ctx, from, each)
	case which.Pending:
		return of.EachPending(ctx, from, each)
	default:
		return of.EachSince(ctx, from, which.Since, each)
	}
}
