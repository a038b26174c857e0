package store

import (
	"context"
	"fmt"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Claim leases up to limit due orders of a merchant: first those in doubt, then those that wait,
// the longest due first. In the same transaction it records that closing them begins. If the caller
// dies, the orders are due again when the lease expires, and in doubt, since a close may have been
// sent.
//
// The lease begins before Claim returns. A caller that has no clock in common with the database
// measures it from before the call. Fewer than limit claims mean that no more were due, or that
// other callers were claiming the rest at this moment.
func (s *Store) Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	return s.claim(ctx, of, limit, lease, schedule.Closing, schedule.Waiting)
}

// ClaimDoubtful is Claim for orders in doubt alone: those whose closing began and has no recorded
// result.
func (s *Store) ClaimDoubtful(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	return s.claim(ctx, of, limit, lease, schedule.Closing)
}

// maxClaims bounds one claim: its rows are locked and written together.
const maxClaims = 1000

func (s *Store) claim(
	ctx context.Context, of order.Account, limit int, lease time.Duration, from ...schedule.Progress,
) ([]schedule.Claim, error) {
	token := newToken()
	limit = min(limit, maxClaims)
	var claims []schedule.Claim
	return transact(ctx, s, "claiming due orders", func(t tx) ([]schedule.Claim, error) {
		if len(claims) > 0 {
			// The try before this one lost its connection. Its commit may have succeeded all the
			// same.
			if mine, err := t.mine("cloudpay_orders", claims[0].ID, token); mine || err != nil {
				return claims, err
			}
		}
		var due []row
		for _, progress := range from {
			more, err := t.due(of, progress, limit-len(due))
			if err != nil {
				return nil, err
			}
			due = append(due, more...)
		}
		var err error
		claims, err = t.take(due, token, lease, sweepAttempt)
		return claims, err
	})
}

// mine reports whether a row has a token: whether a claim was committed although its answer was
// lost.
func (t tx) mine(table string, id any, token string) (bool, error) {
	var n int64
	return t.one([]any{&n}, "SELECT id FROM "+table+" WHERE id = ? AND token = ?", id, token)
}

// due locks up to limit due orders that no other transaction has locked, the longest due first.
func (t tx) due(of order.Account, progress schedule.Progress, limit int) ([]row, error) {
	if limit <= 0 {
		return nil, nil
	}
	return query(t, scanRow, "SELECT "+rowColumns+" FROM cloudpay_orders {claim}"+
		" WHERE region = ? AND mchid = ? AND progress = ? AND due_at <= {now} ORDER BY due_at LIMIT ? {skip}",
		string(of.Region), of.MchID, string(progress), limit)
}

// What a claim adds to an order's attempts: a sweep's counts, a direct close does not.
const (
	directClose  = 0
	sweepAttempt = 1
)

// take writes a lease into locked rows and returns their claims. A claim has the record as it was
// before, but for the lease and the attempts.
func (t tx) take(rows []row, token string, lease time.Duration, attempts int) ([]schedule.Claim, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	claims := make([]schedule.Claim, len(rows))
	args := []any{token, lease.Microseconds(), lease.Microseconds(), attempts}
	for i, r := range rows {
		claims[i] = schedule.Claim{Record: r.Record, Token: token, ClaimedAt: r.now, InDoubt: r.Progress == schedule.Closing}
		claims[i].LeaseUntil = r.now.Add(lease)
		claims[i].Attempts += attempts
		if r.Progress == schedule.GaveUp || r.Progress == schedule.Withdrawn {
			claims[i].Round++
		}
		args = append(args, r.ID)
	}
	_, err := t.exec("UPDATE cloudpay_orders SET round = CASE WHEN progress = 'gaveUp' THEN round + 1 ELSE round END, withdrawn_at = NULL,"+
		" token = ?, lease_until = {soon}, due_at = {soon}, progress = 'closing',"+
		" closing_since = COALESCE(closing_since, {now}), attempts = attempts + ? WHERE id IN ("+marks(len(rows))+")", args...)
	return claims, err
}

// Begin leases one order for a close at once, due or not, and records the intent before anything is
// sent. If the process dies after that, the sweep finds the order in doubt when the lease has
// expired. Begin registers an order that is not registered, and leaves the facts of one that is as
// they are. An order that was given up is taken up again. The attempt is not counted: attempts
// belong to the sweep, and a caller could use them up otherwise. So the claim must not be given to
// Release.
//
// The error is a *schedule.BusyError if another claim's lease has not expired, a
// *schedule.EndedError if the order has ended, and an *order.FieldError if the entry is ill formed.
// After any other error nothing may be sent: no record would say so if the process died then.
func (s *Store) Begin(ctx context.Context, e schedule.Entry, lease time.Duration) (schedule.Claim, error) {
	if fault := e.Validate(); fault != nil {
		return schedule.Claim{}, fmt.Errorf("beginning to close order %s: %w", e, fault)
	}
	token := newToken()
	var claim schedule.Claim
	return transact(ctx, s, "beginning to close order "+e.String(), func(t tx) (schedule.Claim, error) {
		if claim.Token != "" { // as in claim
			if mine, err := t.mine("cloudpay_orders", claim.ID, token); mine || err != nil {
				return claim, err
			}
		}
		r, err := t.free(e, token)
		if err != nil {
			return schedule.Claim{}, err
		}
		claims, err := t.take([]row{r}, token, lease, directClose)
		if err == nil {
			claim = claims[0]
		}
		return claim, err
	})
}

// free locks an order that has not ended and has no lease, and registers it first if need be.
func (t tx) free(e schedule.Entry, token string) (row, error) {
	r, err := t.locked(refIs, refValues(e.Ref)...)
	if err == nil && r == nil {
		if err = t.insert([]schedule.Entry{e}, []int{0}, token); err == nil {
			r, err = t.locked(refIs, refValues(e.Ref)...)
		}
	}
	switch {
	case err != nil:
		return row{}, err
	case r == nil:
		return row{}, fmt.Errorf("order %s is not there after it was registered", e)
	case r.Progress == schedule.Done:
		return row{}, &schedule.EndedError{Record: r.Record}
	case r.LeaseUntil.After(r.now):
		return row{}, &schedule.BusyError{Record: r.Record}
	}
	return *r, nil
}
