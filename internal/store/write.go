package store

import (
	"context"
	"fmt"
	"slices"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// Finish records an order's final state under a claim and, in the same transaction, the event that
// tells it. If the process dies before that, the order stays closing, and a sweep asks the gateway
// again when the lease has expired. Repeating a Finish that was written changes nothing.
//
// The error is a *schedule.LostClaimError if there was another claim since, and a
// *schedule.ContradictionError if another final state was recorded before, whatever the claim. The
// first final state then stands, and an event tells the second.
func (s *Store) Finish(ctx context.Context, c schedule.Claim, f schedule.Final) error {
	return s.finish(ctx, c.Ref, s.shortest(), func(t tx) (*schedule.ContradictionError, error) {
		written, err := t.end(c.Record, f, underClaim, c.ID, c.Token)
		if err != nil || written {
			return nil, err
		}
		now, err := t.locked("id = ?", c.ID)
		switch {
		case err != nil:
			return nil, err
		case now != nil && now.Progress == schedule.Done && now.FinalState != f.State:
			return t.contradict(now.Record, f)
		case now != nil && now.Progress == schedule.Done && now.token == c.Token:
			return nil, nil // this very write: its commit succeeded, and its answer was lost
		}
		return nil, &schedule.LostClaimError{Ref: c.Ref}
	})
}

// Observe records a final state that was learned without a claim, for instance from a payment
// notification. A signed answer outranks every lease: the holder of a claim then gets a
// LostClaimError. Observing the recorded state again changes nothing. The error is a
// *schedule.NotRegisteredError if there is no such order, and a *schedule.ContradictionError as
// Finish's, also if the order was pruned.
func (s *Store) Observe(ctx context.Context, ref order.Ref, f schedule.Final) error {
	if err := registrable(ref); err != nil {
		return err
	}
	return s.finish(ctx, ref, s.once, func(t tx) (*schedule.ContradictionError, error) {
		now, err := t.locked(refIs, refValues(ref)...)
		switch {
		case err != nil:
			return nil, err
		case now == nil:
			return t.observePruned(ref, f)
		case now.Progress == schedule.Done && now.FinalState != f.State:
			return t.contradict(now.Record, f)
		case now.Progress == schedule.Done:
			return nil, nil
		}
		written, err := t.end(now.Record, f, "id = ? AND progress <> 'done'", now.ID)
		if err == nil && !written {
			err = errChanged
		}
		return nil, err
	})
}

// shortest is the attempt with the fewest round trips for work that writes once, to one order and
// its events: a single statement where one can write to both tables.
func (s *Store) shortest() attempt {
	if s.d.compound {
		return s.unbracketed
	}
	return s.briefly
}

// finish is repeat for work that may return an alarm. The alarm is no error of work's, which would
// roll its event back.
func (s *Store) finish(ctx context.Context, ref order.Ref, first attempt, work func(tx) (*schedule.ContradictionError, error)) error {
	const doing = "recording the end of order "
	alarm, err := resultOf(ctx, s, doing+ref.String(), first, work)
	if err == nil && alarm != nil {
		return fmt.Errorf(doing+"%s: %w", ref, alarm)
	}
	return err
}

// underClaim is the condition for an end under a claim. Its arguments are the claim's ID and Token.
const underClaim = "id = ? AND token = ? AND progress <> 'done'"

// asEnded sets what is the same for all ends.
const asEnded = "progress = 'done', authenticated = TRUE, ended_at = {now}, closing_since = NULL, due_at = NULL," +
	" lease_until = NULL, last_error = ''"

// end writes a final state and its event where the condition holds, and reports whether it did.
func (t tx) end(r schedule.Record, f schedule.Final, condition string, args ...any) (bool, error) {
	f = completed(f)
	ending := "UPDATE cloudpay_orders SET " + asEnded + ", ending = ?, trade_state = ?, transaction_id = ?, paid_total = ?, paid_at = ?" +
		" WHERE " + condition
	args = append([]any{string(f.State), string(f.TradeState), f.TransactionID, optional(f.Total), t.d.at(f.PaidAt)}, args...)
	if t.d.compound {
		ended, err := query(t, rowID, "WITH ended AS ("+ending+" RETURNING id), told AS (INSERT INTO cloudpay_events ("+emittedColumns+")"+
			" SELECT "+emittedItems+" FROM ended"+t.d.ifNew+") SELECT id FROM ended", append(args, t.emittedValues(r, kindOf(r, f), f, "")...)...)
		return len(ended) > 0, err
	}
	n, err := t.exec(ending, args...)
	if err != nil || n == 0 {
		return false, err
	}
	return true, t.emit(r, kindOf(r, f), f, "")
}

// completed is f as it is recorded: a close that came without a trade state has CLOSED.
func completed(f schedule.Final) schedule.Final {
	f = storable(f)
	if f.TradeState == "" && f.State == schedule.FinalClosed {
		f.TradeState = tradestate.Closed
	}
	return f
}

// storable is f with its texts as the columns take them.
func storable(f schedule.Final) schedule.Final {
	f.TradeState, f.TransactionID = tradestate.State(line(string(f.TradeState), maxWord)), line(f.TransactionID, maxNumber)
	return f
}

// kindOf is the kind of the event that tells a final state.
func kindOf(r schedule.Record, f schedule.Final) outbox.EventKind {
	switch {
	case f.State == schedule.FinalClosed:
		return outbox.EventClosed
	case f.State == schedule.FinalNotFound:
		return outbox.EventNotFound
	case r.Total != nil && f.Total != nil && *r.Total != *f.Total:
		return outbox.EventPaidOtherAmount
	}
	return outbox.EventPaid
}

// contradict returns the alarm for a final state that differs from the recorded one, and emits its
// event, once for each state.
func (t tx) contradict(r schedule.Record, f schedule.Final) (*schedule.ContradictionError, error) {
	var id int64
	told, err := t.one([]any{&id}, "SELECT id FROM cloudpay_events WHERE order_id = ? AND kind = ? AND ending = ? LIMIT 1",
		r.ID, string(outbox.EventContradicted), string(f.State))
	if err == nil && !told {
		err = t.emit(r, outbox.EventContradicted, storable(f), "recorded as "+string(r.FinalState))
	}
	if err != nil {
		return nil, err
	}
	return &schedule.ContradictionError{Ref: r.Ref, Had: r.FinalState, Said: f.State}, nil
}

// Retry records an attempt without a final state, and when the order is due again. The error is a
// *schedule.LostClaimError if there was another claim since, or the order has ended.
func (s *Store) Retry(ctx context.Context, c schedule.Claim, b schedule.Retry) error {
	assignments, args := postponing(schedule.Postponed{Claim: c, Retry: b})
	return s.repeat(ctx, "putting off order "+c.String(), s.unbracketed, func(t tx) error { return t.under(c, assignments, args...) })
}

// GiveUp records that all attempts are used up and, in the same transaction, the event that tells
// it. The order is not due again until Reopen or Begin takes it up. Giving up twice under one claim
// is giving up once; other errors are as Retry's.
func (s *Store) GiveUp(ctx context.Context, c schedule.Claim, b schedule.Retry) error {
	return s.do(ctx, "giving up order "+c.String(), func(t tx) error {
		var id int64
		if done, err := t.one([]any{&id}, "SELECT id FROM cloudpay_orders WHERE id = ? AND token = ? AND progress = 'gaveUp'",
			c.ID, c.Token); done || err != nil {
			return err
		}
		if err := t.under(c, "progress = 'gaveUp', due_at = NULL, lease_until = NULL,"+learned, learnedValues(b)...); err != nil {
			return err
		}
		return t.emit(c.Record, outbox.EventGaveUp, storable(schedule.Final{TradeState: b.TradeState}), line(b.Reason, maxReason))
	})
}

// Release undoes claims under which nothing was sent: the orders are due since they were before,
// are in doubt only if they were before, and the attempt is not counted. Lost claims are skipped;
// released counts the others.
func (s *Store) Release(ctx context.Context, claims []schedule.Claim) (released int, err error) {
	return transact(ctx, s, "giving claims back", func(t tx) (int, error) {
		waiting, err := t.release(claims, false)
		if err != nil {
			return 0, err
		}
		doubtful, err := t.release(claims, true)
		return waiting + doubtful, err
	})
}

// release undoes those of the claims whose orders were in doubt before them, or those of the
// others. It is the one write that makes rows due in the past, so that it lowers the mark that
// claims read from.
func (t tx) release(claims []schedule.Claim, inDoubt bool) (released int, err error) {
	progress, since, from := schedule.Waiting, "NULL", waitingOrders
	if inDoubt {
		progress, since, from = schedule.Closing, "closing_since", closingOrders
	}
	byToken := map[string][]schedule.Claim{} // what one call claimed
	for _, c := range claims {
		if c.InDoubt == inDoubt {
			byToken[c.Token] = append(byToken[c.Token], c)
		}
	}
	for token, of := range byToken {
		ids, due, oldest := make([]int64, len(of)), cases{key: "id"}, of[0].DueAt
		for i, c := range of {
			ids[i], oldest = c.ID, earlier(oldest, c.DueAt)
			due.when(c.ID, "COALESCE(?, {now})", t.d.at(c.DueAt))
		}
		args := slices.Concat([]any{string(progress)}, due.args, []any{token})
		n, err := t.exec("UPDATE cloudpay_orders SET progress = ?, closing_since = "+since+", due_at = "+due.otherwise("due_at")+
			", lease_until = NULL, token = NULL, attempts = attempts - 1"+
			" WHERE token = ? AND lease_until IS NOT NULL AND progress = 'closing' AND id IN ("+literals(ids)+")", args...)
		if err == nil && n > 0 {
			_, err = t.exec("UPDATE cloudpay_watermarks SET head = ? WHERE "+ofScan+" AND head > ?",
				slices.Concat([]any{t.d.at(oldest)}, scanKey(of[0].Account(), from), []any{t.d.at(oldest)})...)
		}
		if err != nil {
			return 0, err
		}
		released += int(n)
	}
	return released, nil
}

// learned sets what an attempt learned; learnedValues are its arguments. An empty trade state
// leaves the earlier one.
const learned = " trade_state = CASE WHEN ? = '' THEN trade_state ELSE ? END," +
	" authenticated = CASE WHEN ? = '' THEN authenticated ELSE ? END, last_error = ?"

func learnedValues(b schedule.Retry) []any {
	state := line(string(b.TradeState), maxWord)
	return []any{state, state, state, b.Authenticated, line(b.Reason, maxReason)}
}

// hasNotEnded is the condition for orders that may be put off or given up.
const hasNotEnded = "progress IN ('waiting', 'closing')"

// under updates an order under its claim. The error is a *schedule.LostClaimError if the claim was
// lost.
func (t tx) under(c schedule.Claim, assignments string, args ...any) error {
	n, err := t.exec("UPDATE cloudpay_orders SET "+assignments+" WHERE id = ? AND token = ? AND "+hasNotEnded,
		append(args, c.ID, c.Token)...)
	if err == nil && n == 0 {
		err = &schedule.LostClaimError{Ref: c.Ref}
	}
	return err
}

// Reopen makes an order due at once that was given up, and counts its attempts anew. It returns
// false if the order was not given up. The error is a *schedule.NotRegisteredError if there is no
// such order.
//
// The row gets a token of the call's own. By it another try finds what an earlier one has
// committed, and a GiveUp under the last claim, repeated after a commit whose answer was lost,
// finds that its claim is lost.
func (s *Store) Reopen(ctx context.Context, ref order.Ref) (reopened bool, err error) {
	if err := registrable(ref); err != nil {
		return false, err
	}
	token := newToken()
	return transact(ctx, s, "reopening order "+ref.String(), func(t tx) (bool, error) {
		now, err := t.locked(refIs, refValues(ref)...)
		switch {
		case err != nil:
			return false, err
		case now == nil:
			return false, &schedule.NotRegisteredError{Ref: ref}
		case now.Progress != schedule.GaveUp:
			return now.token == token, nil
		}
		n, err := t.exec("UPDATE cloudpay_orders SET progress = CASE WHEN closing_since IS NULL THEN 'waiting' ELSE 'closing' END,"+
			" due_at = {now}, attempts = 0, round = round + 1, token = ? WHERE id = ? AND progress = 'gaveUp'", token, now.ID)
		if err == nil && n == 0 {
			err = errChanged
		}
		return err == nil, err
	})
}
