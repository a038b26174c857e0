package fakestore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// delivery is an event with the state of its delivery. An event that is not to be delivered again
// is due at the zero time.
type delivery struct {
	outbox.Delivery

	due  time.Time
	dead bool
}

// tell writes an event of an order, unless it is written already.
func (s *Store) tell(r *row, kind outbox.EventKind, f schedule.Final, reason string) {
	id := outbox.NewEventID(r.Ref, r.Generation, kind, kind.Round(r.Record, f))
	if slices.ContainsFunc(s.events, func(d *delivery) bool { return d.EventID == id }) {
		return
	}
	s.numbers[r.Account()]++
	s.events = append(s.events, &delivery{due: s.now(), Delivery: outbox.Delivery{Event: outbox.Event{
		EventID: id, Number: s.numbers[r.Account()], Kind: kind, OccurredAt: s.now(),
		Ref: r.Ref, Owner: r.Owner,
		FinalState: f.State, TradeState: f.TradeState, Total: r.Total, PaidTotal: f.Total,
		TransactionID: f.TransactionID, PaidAt: f.PaidAt, Reason: reason,
	}}})
}

// read copies up to limit events, in order, for which the condition holds.
func (s *Store) read(
	ctx context.Context, op string, limit int, condition func(*delivery) bool,
) ([]outbox.Delivery, error) {
	unlock, err := s.begin(ctx, op)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var found []outbox.Delivery
	for _, d := range s.events {
		if len(found) < limit && condition(d) {
			found = append(found, d.Delivery)
		}
	}
	return found, nil
}

func eventsOf(deliveries []outbox.Delivery, err error) ([]outbox.Event, error) {
	events := make([]outbox.Event, 0, len(deliveries))
	for _, d := range deliveries {
		events = append(events, d.Event)
	}
	return events, err
}

// Events returns a merchant's events behind a cursor.
func (s *Store) Events(ctx context.Context, of order.Account, after outbox.Cursor, limit int) ([]outbox.Event, error) {
	last, err := s.read(ctx, "events", 1, func(d *delivery) bool { return d.Account() == of && d.Number == after.Number })
	if err == nil && after.Number > 0 && (len(last) == 0 && s.lastNumber(of) < after.Number || len(last) > 0 && !after.Names(last[0].Event)) {
		err = &schedule.WentBackError{Of: of, Number: after.Number}
	}
	if err != nil {
		return nil, err
	}
	return eventsOf(s.read(ctx, "events", limit, func(d *delivery) bool { return d.Account() == of && d.Number > after.Number }))
}

func (s *Store) lastNumber(of order.Account) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.numbers[of]
}

// History returns the events of one order.
func (s *Store) History(ctx context.Context, ref order.Ref, limit int) ([]outbox.Event, error) {
	if ref.Validate() != nil {
		return nil, &schedule.NotRegisteredError{Ref: ref}
	}
	return eventsOf(s.read(ctx, "history", limit, func(d *delivery) bool { return d.Ref == ref }))
}

// DeadLetters lists dead letters behind a number.
func (s *Store) DeadLetters(ctx context.Context, of outbox.Selection, after int64, limit int) ([]outbox.Delivery, error) {
	letters, err := s.read(ctx, "deadLetters", limit, func(d *delivery) bool {
		return d.dead && of.Includes(d.Ref) && d.Number > after
	})
	for i := range letters {
		letters[i].Token = ""
	}
	return letters, err
}

// ClaimDeliveries leases events that are due, the longest due first.
func (s *Store) ClaimDeliveries(
	ctx context.Context, of order.Account, limit int, lease time.Duration,
) ([]outbox.Delivery, error) {
	unlock, err := s.begin(ctx, "claimDeliveries")
	if err != nil {
		return nil, err
	}
	defer unlock()
	due := s.due(of)
	return s.leaseDeliveries(due[:min(limit, len(due))], lease), nil
}

// ClaimNewestDeliveries leases events of those that became due last, the least tried first, and the
// newest of them first.
func (s *Store) ClaimNewestDeliveries(
	ctx context.Context, of order.Account, limit int, lease time.Duration,
) ([]outbox.Delivery, error) {
	unlock, err := s.begin(ctx, "claimNewestDeliveries")
	if err != nil {
		return nil, err
	}
	defer unlock()
	due := s.due(of)
	due = due[max(len(due)-1000, 0):]
	slices.SortFunc(due, func(a, b *delivery) int { return cmp.Or(a.Attempts-b.Attempts, int(b.Number-a.Number)) })
	return s.leaseDeliveries(due[:min(limit, len(due))], lease), nil
}

// due lists a merchant's events that are due, the longest due first.
func (s *Store) due(of order.Account) []*delivery {
	now := s.now()
	due := slices.DeleteFunc(slices.Clone(s.events), func(d *delivery) bool {
		return d.Account() != of || d.due.IsZero() || d.due.After(now)
	})
	slices.SortStableFunc(due, func(a, b *delivery) int { return a.due.Compare(b.due) })
	return due
}

func (s *Store) leaseDeliveries(due []*delivery, lease time.Duration) []outbox.Delivery {
	token, until := s.newToken(), s.now().Add(lease)
	claimed := make([]outbox.Delivery, len(due))
	for i, d := range due {
		d.Token, d.due = token, until
		d.Attempts++
		claimed[i] = d.Delivery
	}
	return claimed
}

// RecordDeliveries records what became of deliveries.
func (s *Store) RecordDeliveries(ctx context.Context, of order.Account, results []outbox.DeliveryResult) []error {
	errs := make([]error, len(results))
	unlock, err := s.begin(ctx, "recordDeliveries")
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	defer unlock()
	for i, r := range results {
		d := s.event(of, r.Number)
		if d == nil || d.Token != r.Token {
			errs[i] = &schedule.LostClaimError{Ref: r.Ref}
			continue
		}
		d.record(r, s.now())
	}
	return errs
}

func (d *delivery) record(r outbox.DeliveryResult, now time.Time) {
	switch r.Outcome {
	case outbox.DeliveryAcknowledged:
		d.due, d.LastError = time.Time{}, ""
	case outbox.DeliveryFailed:
		d.due, d.LastError = now.Add(max(r.After, 0)), oneLine(r.Reason, 300)
	case outbox.DeliveryDead:
		d.due, d.dead, d.LastError = time.Time{}, true, oneLine(r.Reason, 300)
	case outbox.DeliveryReturned:
		d.due, d.Token, d.Attempts = now, "", d.Attempts-1
	}
}

// Waiting counts the events that are still to be delivered.
func (s *Store) Waiting(ctx context.Context, of order.Account, most int) (int, error) {
	waiting, err := s.read(ctx, "waiting", most, func(d *delivery) bool { return d.Account() == of && !d.due.IsZero() })
	return len(waiting), err
}

// event is nil if the merchant has no event with the number.
func (s *Store) event(of order.Account, number int64) *delivery {
	for _, d := range s.events {
		if d.Account() == of && d.Number == number {
			return d
		}
	}
	return nil
}

// Requeue has events delivered again.
func (s *Store) Requeue(ctx context.Context, of order.Account, numbers []int64) (requeued int, err error) {
	unlock, err := s.begin(ctx, "requeue")
	if err != nil {
		return 0, err
	}
	defer unlock()
	for _, number := range numbers {
		if d := s.event(of, number); d != nil {
			d.dead, d.due, d.Token, d.Attempts = false, s.now(), "", 0
			requeued++
		}
	}
	if kept := s.receivers[of]; requeued > 0 {
		kept.opens = time.Time{}
		s.receivers[of] = kept
	}
	return requeued, nil
}
