package store

import (
	"context"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
)

// Requeue makes events due at once, whatever became of them before, and counts their attempts anew.
// A delivery of one of them that is under way is recorded no more. Requeued is how many of the
// numbers are events of the merchant's; at most a thousand may be given.
func (s *Store) Requeue(ctx context.Context, of order.Account, numbers []int64) (requeued int, err error) {
	if len(numbers) == 0 {
		return 0, nil
	}
	return transact(ctx, s, "requeueing events", func(t tx) (int, error) {
		n, err := t.exec("UPDATE cloudpay_events SET dead_at = NULL, delivered_at = NULL, due_at = {now}, attempts = 0, token = NULL"+
			" WHERE "+ofMerchant+" AND seq IN ("+literals(numbers)+")", string(of.Region), of.MchID)
		return int(n), err
	})
}

// NumberOf returns the number of the event with an ID; found is false if the merchant has none. It
// does not find events that a program of the release before wrote: they are known by number.
func (s *Store) NumberOf(ctx context.Context, of order.Account, id outbox.EventID) (number int64, found bool, err error) {
	if _, err := s.number(ctx, of); err != nil {
		return 0, false, err
	}
	number, err = transact(ctx, s, "reading events", func(t tx) (number int64, err error) {
		found, err = t.one([]any{&number}, "SELECT seq FROM cloudpay_events WHERE event_id = ? AND seq IS NOT NULL AND "+ofMerchant,
			id.Bytes(), string(of.Region), of.MchID)
		return number, err
	})
	return number, found && err == nil, err
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
