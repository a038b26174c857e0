package store

import (
	"context"
	"fmt"
	"time"

	"cloudpay/internal/schedule"
)

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
