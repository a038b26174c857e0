package fakestore

import (
	"context"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// quota is begin for an operation on a merchant's quota.
func (s *Store) quota(ctx context.Context, op string, of order.Account) (q *schedule.Quota, unlock func(), err error) {
	unlock, err = s.begin(ctx, op)
	if err != nil {
		return nil, nil, err
	}
	if s.quotas[of] == nil {
		s.quotas[of] = &schedule.Quota{}
	}
	return s.quotas[of], unlock, nil
}

// Rate returns how many calls a second are allowed.
func (s *Store) Rate(ctx context.Context, of order.Account, ceiling float64) (perSecond float64, err error) {
	q, unlock, err := s.quota(ctx, "rate", of)
	if err != nil {
		return 0, err
	}
	defer unlock()
	return q.Rate(s.now(), ceiling), nil
}

// Take reserves n calls.
func (s *Store) Take(
	ctx context.Context, of order.Account, n int, ceiling float64, maxWait time.Duration,
) (wait time.Duration, granted bool, err error) {
	q, unlock, err := s.quota(ctx, "take", of)
	if err != nil {
		return 0, false, err
	}
	defer unlock()
	wait, granted = q.Take(s.now(), n, ceiling, maxWait)
	return wait, granted, nil
}

// Limited halves the rate.
func (s *Store) Limited(ctx context.Context, of order.Account, ceiling float64, pause time.Duration) error {
	q, unlock, err := s.quota(ctx, "limited", of)
	if err != nil {
		return err
	}
	defer unlock()
	q.Limit(s.now(), ceiling, pause)
	return nil
}
