package store

import (
	"context"
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
