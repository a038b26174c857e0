package store

import (
	"context"
	"slices"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
)

// Requeue makes events due at once, whatever became of them before, and counts their attempts anew.
// A delivery of one of them that is under way is recorded no more. A pause that the receiver asked
// for ends. Requeued is how many of the numbers are events of the merchant's; at most a thousand
// may be given.
func (s *Store) Requeue(ctx context.Context, of order.Account, numbers []int64) (requeued int, err error) {
	if len(numbers) == 0 {
		return 0, nil
	}
	return transact(ctx, s, "requeueing events", func(t tx) (int, error) {
		n, err := t.exec("UPDATE cloudpay_events SET dead_at = NULL, delivered_at = NULL, due_at = {now}, attempts = 0, token = NULL"+
			" WHERE "+ofMerchant+" AND seq IN ("+literals(numbers)+")", string(of.Region), of.MchID)
		if err == nil && n > 0 {
			_, err = t.exec("UPDATE cloudpay_receivers SET opens_at = NULL WHERE "+ofMerchant, string(of.Region), of.MchID)
		}
		return int(n), err
	})
}

// EventNamed returns the event with a number or, if that is 0, with an ID; found is false if the
// merchant has none.
func (s *Store) EventNamed(ctx context.Context, of order.Account, number int64, id outbox.EventID) (e outbox.Event, found bool, err error) {
	for more := true; more; {
		if more, err = s.number(ctx, of); err != nil {
			return e, false, err
		}
	}
	named, name := "seq = ?", any(number)
	if number == 0 {
		named, name = "event_id = ? AND seq IS NOT NULL", id.Bytes()
	}
	events, err := transact(ctx, s, "reading events", func(t tx) ([]outbox.Event, error) {
		return query(t, event, "SELECT "+eventColumns+" FROM cloudpay_events WHERE "+named+" AND "+ofMerchant,
			name, string(of.Region), of.MchID)
	})
	switch {
	case err != nil:
		return e, false, err
	case len(events) > 0:
		return events[0], true, nil
	case number == 0:
		return s.eventDerived(ctx, of, outbox.EventIDOf(id.Bytes()))
	}
	return e, false, nil
}

// eventDerived looks for an ID among the events of programs of the release before, whose rows have
// none. No index has the IDs that are derived for them, so it reads all of the merchant's numbers,
// so many in a statement.
func (s *Store) eventDerived(ctx context.Context, of order.Account, id outbox.EventID) (e outbox.Event, found bool, err error) {
	const span = 10_000
	key := []any{string(of.Region), of.MchID}
	var last int64
	after, err := transact(ctx, s, "reading events", func(t tx) (first int64, err error) {
		_, err = t.one([]any{&first, &last}, "SELECT COALESCE(MIN(seq), 0), COALESCE(MAX(seq), 0)"+
			" FROM cloudpay_events WHERE "+ofMerchant, key...)
		return first - 1, err
	})
	for ; err == nil && after < last; after += span {
		var events []outbox.Event
		events, err = transact(ctx, s, "reading events", func(t tx) ([]outbox.Event, error) {
			return query(t, event, "SELECT "+eventColumns+" FROM cloudpay_events WHERE "+ofMerchant+
				" AND seq > ? AND seq <= ? AND event_id IS NULL", append(key, after, after+span)...)
		})
		if at := slices.IndexFunc(events, func(e outbox.Event) bool { return e.EventID == id }); at >= 0 {
			return events[at], true, nil
		}
	}
	return e, false, err
}

// numbered is an event's number, and when it occurred.
type numbered struct {
	number int64
	at     time.Time
}

func scanNumbered(scan scanner) (n numbered, err error) {
	var at moment
	err = scan(&n.number, &at)
	n.at = at.Time
	return n, err
}

// FirstSince returns the number before the first of a merchant's events that occurred at a time or
// later; Since reads on from there. Numbers are given in the order of events, but for those whose
// transactions were open for a while. So it reads from the newest back, until a whole page is a day
// older than the time.
func (s *Store) FirstSince(ctx context.Context, of order.Account, since time.Time) (before int64, err error) {
	const slack = 24 * time.Hour
	from, first := int64(1)<<62, int64(0)
	for more := true; more; {
		page, err := transact(ctx, s, "reading events", func(t tx) ([]numbered, error) {
			return query(t, scanNumbered, "SELECT seq, occurred_at FROM cloudpay_events"+
				" WHERE "+ofMerchant+" AND seq < ? ORDER BY seq DESC LIMIT ?", string(of.Region), of.MchID, from, maxEvents)
		})
		if err != nil {
			return 0, err
		}
		more = false
		for _, n := range page {
			from = n.number
			more = more || n.at.After(since.Add(-slack))
			if !n.at.Before(since) {
				first = n.number
			}
		}
	}
	if first == 0 {
		return int64(1) << 62, nil // there is none, and nothing behind this number
	}
	return first - 1, nil
}

// Since reads the next thousand events behind a number. It returns the numbers of those that
// occurred at a time or later, and the last number that it read: 0 if there were no more events.
func (s *Store) Since(ctx context.Context, of outbox.Selection, since time.Time, after int64) (numbers []int64, last int64, err error) {
	page, err := transact(ctx, s, "reading events", func(t tx) ([]numbered, error) {
		selected, args := ofSelection(of)
		return query(t, scanNumbered, "SELECT seq, occurred_at FROM cloudpay_events WHERE "+selected+" AND seq > ? ORDER BY seq LIMIT ?",
			append(args, after, maxEvents)...)
	})
	for _, n := range page {
		last = n.number
		if !n.at.Before(since) {
			numbers = append(numbers, n.number)
		}
	}
	return numbers, last, err
}

// EachSince calls do with the numbers of the events that occurred at a time or later, in pages. It
// ends with do's error.
func (s *Store) EachSince(ctx context.Context, of outbox.Selection, since time.Time, do func(numbers []int64) error) error {
	after, err := s.FirstSince(ctx, of.Account, since)
	for err == nil {
		numbers, last, err := s.Since(ctx, of, since, after)
		if err != nil || last == 0 {
			return err
		}
		if err := do(numbers); err != nil {
			return err
		}
		after = last
	}
	return err
}

// EachDead is EachSince for dead letters.
func (s *Store) EachDead(ctx context.Context, of outbox.Selection, do func(numbers []int64) error) error {
	return s.each(ctx, of, "dead_at IS NOT NULL", do)
}

// EachPending is EachSince for events that are still to be delivered.
func (s *Store) EachPending(ctx context.Context, of outbox.Selection, do func(numbers []int64) error) error {
	return s.each(ctx, of, "due_at IS NOT NULL", do)
}

// each calls do with the numbers of the events of which a condition holds, in pages.
func (s *Store) each(ctx context.Context, of outbox.Selection, condition string, do func(numbers []int64) error) error {
	for after := int64(0); ; {
		numbers, err := transact(ctx, s, "reading events", func(t tx) ([]int64, error) {
			selected, args := ofSelection(of)
			return query(t, func(scan scanner) (number int64, err error) { return number, scan(&number) },
				"SELECT seq FROM cloudpay_events WHERE "+selected+" AND "+condition+" AND seq > ? ORDER BY seq LIMIT ?",
				append(args, after, maxEvents)...)
		})
		if err != nil || len(numbers) == 0 {
			return err
		}
		if err := do(numbers); err != nil {
			return err
		}
		after = numbers[len(numbers)-1]
	}
}
