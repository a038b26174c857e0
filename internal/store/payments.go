package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// ObservePayments records what a verified notification says of orders, as Observe does, and returns
// what came of each, in the same order. All of it is one transaction: of a combined order every
// part is recorded, or none. If the process dies before the commit, nothing is recorded, and the
// notification that was not acknowledged comes again.
//
// A payment that is recorded already changes nothing, but that a refund sets the trade state
// REFUND, and nothing takes it back. A payment of another transaction than the recorded one is told
// by outbox.EventContradicted, once for each transaction, and changes nothing else. A payment of an
// order that is not registered is kept in a row of its own, with outbox.EventPaidUnregistered; a
// registration that comes later ends as paid at once.
//
// The error is the database's, or an *order.FieldError for a number that no order can have.
func (s *Store) ObservePayments(ctx context.Context, payments []schedule.Payment) ([]schedule.Observed, error) {
	places := make([]int, len(payments)) // in the sequence of the refs, so that two calls meet in no deadlock
	for i, p := range payments {
		if fault := p.Validate(); fault != nil {
			return nil, fmt.Errorf("recording payments: %w", fault)
		}
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int { return compareRefs(payments[a].Ref, payments[b].Ref) })
	token := newToken()
	return transact(ctx, s, "recording payments", func(t tx) ([]schedule.Observed, error) {
		all := make([]schedule.Observed, len(payments))
		var err error
		for _, i := range places {
			if all[i], err = t.observePayment(payments[i], token); err != nil {
				return nil, err
			}
		}
		return all, nil
	})
}

// observePayment records one payment. token marks the row that it adds.
func (t tx) observePayment(p schedule.Payment, token string) (schedule.Observed, error) {
	f := storable(p.Final())
	for range maxChanges {
		now, err := t.locked(refIs, refValues(p.Ref)...)
		switch {
		case err != nil:
			return schedule.Observed{}, err
		case now != nil && now.Progress == schedule.Done:
			return t.observePaymentOfEnded(*now, f, token)
		case now != nil:
			written, err := t.end(now.Record, f, "id = ? AND progress <> 'done'", now.ID)
			if err == nil && !written {
				err = errChanged
			}
			return schedule.Observed{New: true}, err
		}
		alarm, err := t.observePruned(p.Ref, f)
		switch _, isNew := errors.AsType[*schedule.NotRegisteredError](err); {
		case isNew:
			err = t.addPaid(p.Ref, f, token)
		case err == nil:
			return contradicted(alarm), nil
		}
		if err != nil {
			return schedule.Observed{}, err
		}
	}
	return schedule.Observed{}, errChanged
}

// paidBy begins the reason of an event that tells a second payment. The first one's transaction
// follows.
const paidBy = "recorded as paid by transaction "

// observePaymentOfEnded records a payment of an order that has ended, or whose row this call has
// added: the event of that one follows its row.
func (t tx) observePaymentOfEnded(now row, f schedule.Final, token string) (schedule.Observed, error) {
	if now.FinalState != schedule.FinalPaid {
		alarm, err := t.contradict(now.Record, f)
		return contradicted(alarm), err
	}
	if alarm := now.PaidTwice(f); alarm != nil {
		err := t.emit(now.Record, outbox.EventContradicted, f, paidBy+now.TransactionID)
		return schedule.Observed{Unregistered: now.Unregistered(), Ended: schedule.FinalPaid, Err: alarm}, err
	}
	seen := schedule.Observed{Unregistered: now.Unregistered(), Ended: schedule.FinalPaid}
	if seen.Unregistered && now.token == token {
		seen.New, seen.Ended = true, ""
		if err := t.emit(now.Record, outbox.EventPaidUnregistered, f, ""); err != nil {
			return schedule.Observed{}, err
		}
	}
	return t.learnPayment(now, f, seen)
}

// learnPayment adds what a payment says of an order that was recorded as paid by it: that it was
// refunded, and its transaction where that was not said before.
func (t tx) learnPayment(now row, f schedule.Final, seen schedule.Observed) (schedule.Observed, error) {
	state := now.TradeState
	if f.TradeState == tradestate.Refund && state != tradestate.Refund {
		state, seen.New = tradestate.Refund, true
	}
	transaction := cmp.Or(now.TransactionID, f.TransactionID)
	if state == now.TradeState && transaction == now.TransactionID {
		return seen, nil
	}
	_, err := t.exec("UPDATE cloudpay_orders SET trade_state = ?, transaction_id = ? WHERE id = ? AND progress = 'done' AND ending = 'paid'",
		string(state), transaction, now.ID)
	return seen, err
}

// contradicted is what came of a payment of an order that had ended otherwise, or that was pruned
// as paid if there is no alarm.
func contradicted(alarm *schedule.ContradictionError) schedule.Observed {
	if alarm == nil {
		return schedule.Observed{Ended: schedule.FinalPaid}
	}
	return schedule.Observed{Ended: alarm.Had, Err: alarm}
}

// paidColumns are the columns of a row for an order that is not registered: those of an entry
// without facts, and of its end. It counts no registration.
const paidColumns = entryColumns + ", registered_at, ended_at, progress, ending, authenticated, generation, token, trade_state," +
	" transaction_id, paid_total, paid_at"

// addPaid inserts a row for a paid order, unless there is a row or a tombstone.
func (t tx) addPaid(ref order.Ref, f schedule.Final, token string) error {
	args := append(t.entryValues(schedule.Entry{Ref: ref}),
		token, string(f.TradeState), f.TransactionID, optional(f.Total), t.d.at(f.PaidAt), schedule.TombstoneHash(ref))
	_, err := t.exec("INSERT INTO cloudpay_orders ("+paidColumns+") SELECT "+marks(strings.Count(entryColumns, ",")+1)+
		", {now}, {now}, 'done', 'paid', TRUE, 0, ?, ?, ?, ?, ? FROM (SELECT 1 AS one) AS this"+
		" WHERE NOT EXISTS (SELECT 1 FROM cloudpay_tombstones WHERE hash = ?)"+t.d.ifNew, args...)
	return err
}

// adoptPaid registers those of the orders that the register knows from a payment alone, and puts
// what they are now into known. Each is a transaction of its own; after an error the others are
// still unregistered, and the call may be repeated.
func (s *Store) adoptPaid(ctx context.Context, orders []schedule.Entry, known registered) error {
	for _, e := range orders {
		k, there := known[e.Ref]
		if !there || !k.Unregistered() {
			continue
		}
		var err error
		if k.Record, err = s.adopt(ctx, e); err != nil {
			return err
		}
		known[e.Ref] = k
	}
	return nil
}

// adopt registers an order that was paid without a registration, and tells in the same transaction
// that it was paid. It returns the order as it is then, also if another call has registered it
// since, or it was pruned.
func (s *Store) adopt(ctx context.Context, e schedule.Entry) (schedule.Record, error) {
	return transact(ctx, s, "registering orders", func(t tx) (schedule.Record, error) {
		found, err := t.locked(refIs, refValues(e.Ref)...)
		switch {
		case err != nil:
			return schedule.Record{}, err
		case found == nil:
			left, _, err := t.tombstone(e.Ref)
			return left.Record(e.Ref), err
		case !found.Unregistered():
			return found.Record, nil
		}
		const names = 4 // the first values of an entry, which stay
		n, err := t.exec("UPDATE cloudpay_orders SET owner = ?, sub_appid = ?, api = ?, total = ?, created_at = ?, close_at = ?,"+
			" close_in = ?, registered_at = {now}, generation = 1 WHERE id = ? AND generation = 0",
			append(t.entryValues(e)[names:], found.ID)...)
		if err == nil && n == 0 {
			err = errChanged
		}
		if err != nil {
			return schedule.Record{}, err
		}
		r := found.Record
		r.Entry, r.Generation = e, 1
		f := schedule.Final{
			State: r.FinalState, TradeState: r.TradeState, TransactionID: r.TransactionID, Total: r.PaidTotal, PaidAt: r.PaidAt,
		}
		return r, t.emit(r, kindOf(r, f), f, "")
	})
}
