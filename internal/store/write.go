package store

import (
	"context"
	"fmt"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
)

// What is written under a claim. Each of these is an *order.LostClaimError, and writes nothing, when somebody else has
// claimed the order since, or has ended it. Repeating one that was written changes nothing.

// Finish records the signed end of an order, and in the same transaction the event that tells it: closed, paid (or paid with
// another amount than registered) or not found.
//
// When the order has ended otherwise before, by another signed answer, the first end stands, an event tells the second, and
// it is an *order.ContradictionError, an alarm; the claim does not matter then.
func (s *Store) Finish(ctx context.Context, c schedule.Claim, f schedule.Final) error {
	return s.finish(ctx, c.Ref, func(t tx) (*schedule.ContradictionError, error) {
		written, err := t.end(c.Record, f, "id = ? AND token = ? AND progress <> 'done'", c.ID, c.Token)
		if err != nil || written {
			return nil, err
		}
		now, token, found, err := t.standing("id = ?", c.ID)
		switch {
		case err != nil:
			return nil, err
		case found && now.Progress == schedule.Done && now.FinalState != f.State:
			return t.contradict(now, f)
		case found && now.Progress == schedule.Done && token == c.Token:
			return nil, nil // this very write, whose commit was lost on its way here
		}
		return nil, &schedule.LostClaimError{Ref: c.Ref}
	})
}

// Observe records a signed end that was learned without a claim, whoever holds one: the gateway's word outranks every
// lease, and the holder will find the claim lost. An order that has ended so already is left as it is; otherwise as
// Finish. It is an *order.NotRegisteredError when the store has no such order.
func (s *Store) Observe(ctx context.Context, ref order.Ref, f schedule.Final) error {
	if err := registrable(ref); err != nil {
		return err
	}
	return s.finish(ctx, ref, func(t tx) (*schedule.ContradictionError, error) {
		now, _, found, err := t.standing(refIs, refValues(ref)...)
		switch {
		case err != nil:
			return nil, err
		case !found:
			return nil, &schedule.NotRegisteredError{Ref: ref}
		case now.Progress == schedule.Done && now.FinalState != f.State:
			return t.contradict(now, f)
		case now.Progress == schedule.Done:
			return nil, nil
		}
		_, err = t.end(now, f, "id = ?", now.ID)
		return nil, err
	})
}

// finish is do for work that may end in an alarm, whose event is to be kept.
func (s *Store) finish(ctx context.Context, ref order.Ref, work func(tx) (*schedule.ContradictionError, error)) error {
	const doing = "recording the end of order "
	var alarm *schedule.ContradictionError
	err := s.do(ctx, doing+ref.String(), func(t tx) (err error) {
		alarm, err = work(t)
		return err
	})
	if err == nil && alarm != nil {
		return fmt.Errorf(doing+"%s: %w", ref, alarm)
	}
	return err
}

// end writes an end and its event where the condition holds, and returns whether it did.
func (t tx) end(s schedule.Record, f schedule.Final, condition string, args ...any) (bool, error) {
	said := line(string(f.TradeState), maxWord)
	if said == "" && f.State == schedule.FinalClosed {
		said = string(tradestate.Closed)
	}
	f.TradeState, f.TransactionID = tradestate.State(said), line(f.TransactionID, maxNumber)
	n, err := t.exec("UPDATE cloudpay_orders SET progress = 'done', ending = ?, trade_state = ?, authenticated = TRUE,"+
		" transaction_id = ?, paid_total = ?, paid_at = ?, ended_at = {now}, closing_since = NULL, due_at = NULL, lease_until = NULL,"+
		" last_error = '' WHERE "+condition,
		append([]any{string(f.State), said, f.TransactionID, optional(f.Total), t.d.at(f.PaidAt)}, args...)...)
	if err != nil || n == 0 {
		return false, err
	}
	return true, t.tell(s, kindOf(s, f), f, "")
}

// kindOf is the event that an end is told by.
func kindOf(s schedule.Record, f schedule.Final) schedule.EventKind {
	switch {
	case f.State == schedule.FinalClosed:
		return schedule.EventClosed
	case f.State == schedule.FinalNotFound:
		return schedule.EventNotFound
	case s.Total != nil && f.Total != nil && *s.Total != *f.Total:
		return schedule.EventPaidOtherAmount
	}
	return schedule.EventPaid
}

// contradict tells that a signed end differs from the one that was recorded, once for each, and returns the alarm.
func (t tx) contradict(s schedule.Record, f schedule.Final) (*schedule.ContradictionError, error) {
	var before int64
	if _, err := t.one([]any{&before}, "SELECT COUNT(*) FROM cloudpay_events WHERE order_id = ? AND kind = ? AND ending = ?",
		s.ID, string(schedule.EventContradicted), string(f.State)); err != nil {
		return nil, err
	}
	if before == 0 {
		f.TradeState, f.TransactionID = tradestate.State(line(string(f.TradeState), maxWord)), line(f.TransactionID, maxNumber)
		if err := t.tell(s, schedule.EventContradicted, f, "recorded as "+string(s.FinalState)); err != nil {
			return nil, err
		}
	}
	return &schedule.ContradictionError{Ref: s.Ref, Had: s.FinalState, Said: f.State}, nil
}

// Retry records an attempt that ended nothing, and when the order is due again.
func (s *Store) Retry(ctx context.Context, c schedule.Claim, b schedule.Retry) error {
	progress, since := schedule.Waiting, "NULL"
	if b.InDoubt {
		progress, since = schedule.Closing, "COALESCE(closing_since, {now})"
	}
	return s.do(ctx, "putting off order "+c.String(), func(t tx) error {
		return t.under(c, "progress = ?, closing_since = "+since+", due_at = {soon}, lease_until = NULL,"+said,
			append([]any{string(progress), max(b.After, 0).Microseconds()}, saidValues(b)...)...)
	})
}

// GiveUp records that no end was found in all the attempts there were, and in the same transaction the event that tells it.
// The order is claimed no more, until Reopen or Begin takes it up again.
func (s *Store) GiveUp(ctx context.Context, c schedule.Claim, b schedule.Retry) error {
	return s.do(ctx, "giving up order "+c.String(), func(t tx) error {
		var there int64
		if _, err := t.one([]any{&there}, "SELECT COUNT(*) FROM cloudpay_orders WHERE id = ? AND token = ? AND progress = 'gaveUp'",
			c.ID, c.Token); err != nil || there > 0 {
			return err
		}
		if err := t.under(c, "progress = 'gaveUp', due_at = NULL, lease_until = NULL,"+said, saidValues(b)...); err != nil {
			return err
		}
		return t.tell(c.Record, schedule.EventGaveUp, schedule.Final{TradeState: tradestate.State(line(string(b.TradeState), maxWord))},
			line(b.Reason, maxReason))
	})
}

// Release gives claims back untouched: nothing was sent under them. They are due at once, stand as they did before, and the
// attempt is not counted. Claims that were lost are passed over; released says how many were given back.
func (s *Store) Release(ctx context.Context, claims []schedule.Claim) (released int, err error) {
	err = s.do(ctx, "giving claims back", func(t tx) error {
		released = 0
		for _, inDoubt := range []bool{true, false} {
			n, err := t.release(claims, inDoubt)
			if err != nil {
				return err
			}
			released += int(n)
		}
		return nil
	})
	return released, err
}

// release gives back those of the claims that were in doubt before, or those that were not.
func (t tx) release(claims []schedule.Claim, inDoubt bool) (int64, error) {
	since := "NULL"
	progress := schedule.Waiting
	if inDoubt {
		since, progress = "closing_since", schedule.Closing
	}
	var released int64
	byToken := map[string][]any{}
	for _, c := range claims {
		if c.InDoubt == inDoubt {
			byToken[c.Token] = append(byToken[c.Token], c.ID)
		}
	}
	for token, ids := range byToken {
		n, err := t.exec("UPDATE cloudpay_orders SET progress = ?, closing_since = "+since+", due_at = {now}, lease_until = NULL,"+
			" token = NULL, attempts = attempts - 1 WHERE token = ? AND lease_until IS NOT NULL AND progress = 'closing' AND id IN ("+
			marks(len(ids))+")", append([]any{string(progress), token}, ids...)...)
		if err != nil {
			return 0, err
		}
		released += n
	}
	return released, nil
}

// said sets what an attempt learned; an empty trade state leaves what was said before.
const said = " trade_state = CASE WHEN ? = '' THEN trade_state ELSE ? END," +
	" authenticated = CASE WHEN ? = '' THEN authenticated ELSE ? END, last_error = ?"

func saidValues(b schedule.Retry) []any {
	state := line(string(b.TradeState), maxWord)
	return []any{state, state, state, b.Authenticated, line(b.Reason, maxReason)}
}

// under writes to an order under its claim, or says that it was lost.
func (t tx) under(c schedule.Claim, assignments string, args ...any) error {
	n, err := t.exec("UPDATE cloudpay_orders SET "+assignments+" WHERE id = ? AND token = ? AND progress IN ('waiting', 'closing')",
		append(args, c.ID, c.Token)...)
	if err != nil {
		return err
	}
	if n == 0 {
		return &schedule.LostClaimError{Ref: c.Ref}
	}
	return nil
}

// Reopen has an order closed that was given up: it is due at once, with its attempts counted anew. It is an
// *order.NotRegisteredError when there is no such order, and false when it was not given up.
func (s *Store) Reopen(ctx context.Context, ref order.Ref) (reopened bool, err error) {
	if err := registrable(ref); err != nil {
		return false, err
	}
	err = s.do(ctx, "reopening order "+ref.String(), func(t tx) error {
		_, _, found, err := t.standing(refIs, refValues(ref)...)
		if err != nil {
			return err
		}
		if !found {
			return &schedule.NotRegisteredError{Ref: ref}
		}
		n, err := t.exec("UPDATE cloudpay_orders SET progress = CASE WHEN closing_since IS NULL THEN 'waiting' ELSE 'closing' END,"+
			" due_at = {now}, attempts = 0 WHERE "+refIs+" AND progress = 'gaveUp'", refValues(ref)...)
		reopened = n > 0
		return err
	})
	return reopened, err
}
