package fakestore

import (
	"cmp"
	"context"
	"time"

	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// ObservePayments records what a verified notification says of orders.
func (s *Store) ObservePayments(ctx context.Context, payments []schedule.Payment) ([]schedule.Observed, error) {
	for _, p := range payments {
		if fault := p.Validate(); fault != nil {
			return nil, fault
		}
	}
	unlock, err := s.begin(ctx, "observePayments")
	if err != nil {
		return nil, err
	}
	defer unlock()
	all := make([]schedule.Observed, len(payments))
	for i, p := range payments {
		all[i] = s.observePayment(p)
	}
	return all, nil
}

func (s *Store) observePayment(p schedule.Payment) schedule.Observed {
	r, known := s.rows[p.Ref]
	left, buried := s.tombstones[p.Ref]
	f := p.Final()
	switch {
	case !known && buried:
		return schedule.Observed{Ended: left.FinalState, Err: s.observePruned(p.Ref, f)}
	case !known:
		s.addPaid(p)
		return schedule.Observed{New: true, Unregistered: true}
	case r.Progress != schedule.Done:
		s.end(r, f)
		return schedule.Observed{New: true}
	case r.FinalState != schedule.FinalPaid:
		return schedule.Observed{Ended: r.FinalState, Err: s.contradict(r, f)}
	}
	seen := schedule.Observed{Unregistered: r.Unregistered(), Ended: schedule.FinalPaid}
	if alarm := r.PaidTwice(f); alarm != nil {
		s.tell(r, outbox.EventContradicted, keptFinal(f), "recorded as paid by transaction "+r.TransactionID)
		seen.Err = alarm
		return seen
	}
	r.TransactionID = cmp.Or(r.TransactionID, f.TransactionID)
	if p.Refunded && r.TradeState != tradestate.Refund {
		r.TradeState, seen.New = tradestate.Refund, true
	}
	return seen
}

// addPaid keeps a payment of an order that is not registered.
func (s *Store) addPaid(p schedule.Payment) {
	r := s.add(schedule.Entry{Ref: p.Ref})
	f := keptFinal(p.Final())
	r.Generation, r.Progress, r.FinalState, r.Authenticated = 0, schedule.Done, f.State, true
	r.TradeState, r.TransactionID, r.PaidTotal, r.PaidAt = f.TradeState, f.TransactionID, f.Total, f.PaidAt
	r.DueAt, r.EndedAt = time.Time{}, s.now()
	r.finals++
	s.tell(r, outbox.EventPaidUnregistered, f, "")
}

// adopt registers an order that was paid without a registration.
func (s *Store) adopt(r *row, e schedule.Entry) {
	e.CreatedAt, e.CloseAt, e.CloseIn = kept(e.CreatedAt), kept(e.CloseAt), e.CloseIn.Truncate(time.Microsecond)
	r.Entry, r.Generation, r.RegisteredAt = e, 1, s.now()
	f := schedule.Final{
		State: r.FinalState, TradeState: r.TradeState, TransactionID: r.TransactionID, Total: r.PaidTotal, PaidAt: r.PaidAt,
	}
	s.tell(r, kindOf(r, f), f, "")
}
