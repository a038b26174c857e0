package store

import (
	"context"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Claim leases up to limit of a merchant's waiting orders that are due, the longest due first, and
// records that closing them begins. If the caller dies, the orders are due again when the lease
// expires, and in doubt, since a close may have been sent: ClaimDoubtful takes them.
//
// A claim has the order's record as it was before, but for the lease and the attempts. The lease
// begins before Claim returns. A caller that has no clock in common with the database measures it
// from before the call. Fewer than limit claims mean that no more were due, or that other callers
// were claiming the rest at this moment.
func (s *Store) Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	return s.claim(ctx, of, limit, lease, waitingOrders, schedule.Waiting)
}

// ClaimDoubtful is Claim for orders in doubt: those whose closing began and has no recorded result.
func (s *Store) ClaimDoubtful(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	return s.claim(ctx, of, limit, lease, closingOrders, schedule.Closing)
}

// maxClaims bounds one claim: its rows are locked and written together.
const maxClaims = 1000

func (s *Store) claim(
	ctx context.Context, of order.Account, limit int, lease time.Duration, from scan, progress schedule.Progress,
) ([]schedule.Claim, error) {
	if limit <= 0 {
		return nil, nil
	}
	if err := s.survey(ctx, of, from); err != nil {
		return nil, err
	}
	token := newToken()
	var claims []schedule.Claim
	return transact(ctx, s, "claiming due orders", func(t tx) ([]schedule.Claim, error) {
		if len(claims) > 0 {
			// The try before this one lost its connection. Its commit may have succeeded all the
			// same.
			if mine, err := t.mine("cloudpay_orders", claims[0].ID, token); mine || err != nil {
				return claims, err
			}
		}
		taken, err := leasing[schedule.Record]{
			scan: from, table: "cloudpay_orders", columns: recordColumns, read: scanRecord,
			assignments: "lease_until = {soon}, due_at = {soon}, progress = 'closing'," +
				" closing_since = COALESCE(closing_since, {now}), attempts = attempts + 1",
			args: []any{lease.Microseconds(), lease.Microseconds()},
			free: "progress = '" + string(progress) + "' AND due_at <= {now}",
		}.take(t, of, min(limit, maxClaims), token)
		claims = make([]schedule.Claim, len(taken))
		for i, row := range taken {
			claims[i] = claimed(row, token, lease, progress)
		}
		return claims, err
	})
}

// claimed is the claim of an order that was taken at one progress.
func claimed(taken leased[schedule.Record], token string, lease time.Duration, at schedule.Progress) schedule.Claim {
	c := schedule.Claim{Record: taken.row, Token: token, InDoubt: at == schedule.Closing}
	c.ClaimedAt = c.LeaseUntil.Add(-lease)
	c.Progress, c.DueAt = at, taken.due
	if !c.InDoubt {
		c.ClosingSince = time.Time{}
	}
	return c
}

// mine reports whether a row has a token: whether a claim was committed although its answer was
// lost.
func (t tx) mine(table string, id any, token string) (bool, error) {
	var n int64
	return t.one([]any{&n}, "SELECT id FROM "+table+" WHERE id = ? AND token = ?", id, token)
}
