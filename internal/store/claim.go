package store

import (
	"context"
	"fmt"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Claim takes up to limit orders of a merchant's that are due, for as long as the lease: first those in doubt, then those
// that wait, the longest due first. It records that their closing begins, so that whatever becomes of the caller, what it
// may have sent is looked after. Nobody else is given them until the lease has run out or the claim was written under.
//
// The lease begins before Claim returns: a caller with no better clock measures it from before the call. Fewer than limit
// claims mean that no more were due, or that others were claiming them at this moment.
func (s *Store) Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	return s.claim(ctx, of, limit, lease, schedule.Closing, schedule.Waiting)
}

// ClaimDoubtful is Claim for those in doubt alone: a close was intended and may have been sent, and how it ended is not known.
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
	err := s.do(ctx, "claiming due orders", func(t tx) error {
		if len(claims) > 0 {
			// The try before this one lost its connection; its commit may have come through all the same.
			if mine, err := t.mine("cloudpay_orders", claims[0].ID, token); mine || err != nil {
				return err
			}
		}
		claims = nil
		for _, progress := range from {
			due, err := t.due(of, progress, limit-len(claims))
			if err != nil {
				return err
			}
			claims = append(claims, due...)
		}
		for i := range claims {
			claims[i].Attempts++
		}
		return t.take(claims, token, lease, "attempts = attempts + 1")
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// mine reports whether a row has a token.
func (t tx) mine(table string, id int64, token string) (bool, error) {
	var n int64
	return t.one([]any{&n}, "SELECT id FROM "+table+" WHERE id = ? AND token = ?", id, token)
}

// due locks the orders that are due and that nobody else has locked, the longest due first.
func (t tx) due(of order.Account, progress schedule.Progress, limit int) ([]schedule.Claim, error) {
	if limit <= 0 {
		return nil, nil
	}
	var claims []schedule.Claim
	err := t.each(func(scan func(...any) error) error {
		var now moment
		standing, err := scanStanding(scan, &now)
		claims = append(claims, schedule.Claim{Record: standing, ClaimedAt: now.Time})
		return err
	}, "SELECT "+standingColumns+", {now} FROM cloudpay_orders {claim}"+
		" WHERE region = ? AND mchid = ? AND progress = ? AND due_at <= {now} ORDER BY due_at LIMIT ? {skip}",
		string(of.Region), of.MchID, string(progress), limit)
	return claims, err
}

// take writes the lease on orders that are locked, and fills it in. counting is an assignment that counts the attempt, or does not.
func (t tx) take(claims []schedule.Claim, token string, lease time.Duration, counting string) error {
	if len(claims) == 0 {
		return nil
	}
	args := []any{token, lease.Microseconds(), lease.Microseconds()}
	for i := range claims {
		c := &claims[i]
		c.Token, c.InDoubt = token, c.Progress == schedule.Closing
		c.LeaseUntil = c.ClaimedAt.Add(lease)
		args = append(args, c.ID)
	}
	_, err := t.exec("UPDATE cloudpay_orders SET token = ?, lease_until = {soon}, due_at = {soon}, progress = 'closing',"+
		" closing_since = COALESCE(closing_since, {now}), "+counting+" WHERE id IN ("+marks(len(claims))+")", args...)
	return err
}

// Begin takes one order for a close at once, due or not, and records the intent before anything is sent. An order that is not
// registered is registered with the entry's facts; those of one that is are left as they are. One that was given up is
// taken up again. It counts as no attempt: those are the sweeps', and whoever may close an order could use them up otherwise.
// So the claim is not one to be given to Release.
//
// It is an *order.BusyError when somebody else holds a lease on the order, an *order.EndedError when the order has ended, an
// *order.FieldError when the entry is ill formed. With any other error nothing may be sent: a crash would leave nothing
// behind that says so.
func (s *Store) Begin(ctx context.Context, e schedule.Entry, lease time.Duration) (schedule.Claim, error) {
	if fault := e.Validate(); fault != nil {
		return schedule.Claim{}, fmt.Errorf("beginning to close order %s: %w", e, fault)
	}
	token := newToken()
	var claim schedule.Claim
	err := s.do(ctx, "beginning to close order "+e.String(), func(t tx) error {
		if claim.Token != "" { // as with Claim
			if mine, err := t.mine("cloudpay_orders", claim.ID, token); mine || err != nil {
				return err
			}
		}
		if _, _, found, err := t.standing(refIs, refValues(e.Ref)...); err != nil {
			return err
		} else if !found {
			if err := t.insert([]schedule.Entry{e}, []int{0}, token); err != nil {
				return err
			}
		}
		single, err := t.single(e.Ref)
		if err != nil {
			return err
		}
		claims := []schedule.Claim{single}
		err = t.take(claims, token, lease, "attempts = attempts")
		claim = claims[0]
		return err
	})
	if err != nil {
		return schedule.Claim{}, err
	}
	return claim, nil
}

// single locks an order that nobody else holds.
func (t tx) single(ref order.Ref) (schedule.Claim, error) {
	var claim schedule.Claim
	held := false
	err := t.each(func(scan func(...any) error) error {
		var now moment
		var err error
		claim.Record, err = scanStanding(scan, &now, &held)
		claim.ClaimedAt = now.Time
		return err
	}, "SELECT "+standingColumns+", {now}, COALESCE(lease_until > {now}, FALSE) FROM cloudpay_orders WHERE "+refIs+" {lock}",
		refValues(ref)...)
	switch {
	case err != nil:
		return schedule.Claim{}, err
	case claim.Progress == schedule.Done:
		return schedule.Claim{}, &schedule.EndedError{Record: claim.Record}
	case held:
		return schedule.Claim{}, &schedule.BusyError{Record: claim.Record}
	}
	return claim, nil
}
