package fakestore

import (
	"context"
	"time"

	"cloudpay/internal/order"
)

// quota is internal/store's arithmetic: halved by a complaint, and back at its ceiling within a
// minute.
type quota struct {
	perSecond float64
	changed   time.Time
	opens     time.Time
}

const (
	slowest  = 0.2
	furthest = 5 * time.Minute
)

func (q *quota) rate(now time.Time, ceiling float64) float64 {
	if q.changed.IsZero() {
		return ceiling
	}
	return max(slowest, min(ceiling, q.perSecond+ceiling*max(0, now.Sub(q.changed).Minutes())))
}

// quota is begin for an operation on a merchant's quota.
func (s *Store) quota(ctx context.Context, op string, of order.Account) (q *quota, unlock func(), err error) {
	unlock, err = s.begin(ctx, op)
	if err != nil {
		return nil, nil, err
	}
	if s.quotas[of] == nil {
		s.quotas[of] = &quota{}
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
	return q.rate(s.now(), ceiling), nil
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
	now := s.now()
	start := q.opens
	if start.Before(now) || start.Sub(now) > furthest {
		start = now
	}
	wait = start.Sub(now)
	if wait > maxWait {
		return wait, false, nil
	}
	q.opens = start.Add(min(time.Duration(float64(n)/q.rate(now, ceiling)*float64(time.Second)), furthest-wait))
	return wait, true, nil
}

// Limited halves the rate.
func (s *Store) Limited(ctx context.Context, of order.Account, ceiling float64, pause time.Duration) error {
	q, unlock, err := s.quota(ctx, "limited", of)
	if err != nil {
		return err
	}
	defer unlock()
	now := s.now()
	if until := now.Add(min(pause, furthest)); q.opens.Before(until) || q.opens.Sub(now) > furthest {
		q.opens = until
	}
	if q.changed.IsZero() || now.Sub(q.changed) >= time.Second || now.Before(q.changed) {
		q.perSecond, q.changed = max(slowest, q.rate(now, ceiling)/2), now
	}
	return nil
}
