package store

import (
	"context"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Take reserves n calls to the gateway from a merchant number's quota, of at most ceiling calls a
// second for all instances together. wait is the time until the first of them; the others may
// follow it without a pause, because later callers wait for them. If wait is longer than maxWait,
// granted is false and nothing is reserved.
func (s *Store) Take(
	ctx context.Context, of order.Account, n int, ceiling float64, maxWait time.Duration,
) (wait time.Duration, granted bool, err error) {
	err = s.quota(ctx, of, ceiling, func(q *schedule.Quota, now time.Time) { wait, granted = q.Take(now, n, ceiling, maxWait) })
	return wait, granted, err
}

// Limited records that the gateway answered FREQUENCY_LIMITED: no call is granted before the pause
// is over, and the rate is halved, once for all answers within a second. It grows back to the
// ceiling within a minute.
func (s *Store) Limited(ctx context.Context, of order.Account, ceiling float64, pause time.Duration) error {
	return s.quota(ctx, of, ceiling, func(q *schedule.Quota, now time.Time) { q.Limit(now, ceiling, pause) })
}

// Rate returns how many calls a second a merchant number may make now, at most the ceiling.
func (s *Store) Rate(ctx context.Context, of order.Account, ceiling float64) (perSecond float64, err error) {
	err = s.quota(ctx, of, ceiling, func(q *schedule.Quota, now time.Time) { perSecond = q.Rate(now, ceiling) })
	return perSecond, err
}

// quota changes a merchant's row, and inserts it first if need be.
func (s *Store) quota(ctx context.Context, of order.Account, ceiling float64, change func(*schedule.Quota, time.Time)) error {
	key := []any{string(of.Region), of.MchID}
	return s.do(ctx, "keeping the quota of merchant "+of.String(), func(t tx) error {
		q, now, found, err := t.quota(key, "{lock}")
		if err == nil && !found {
			_, err = t.exec("INSERT INTO cloudpay_quotas (region, mchid, per_second, opens_at) VALUES (?, ?, ?, {now})"+
				t.d.ifNew, append(key, ceiling)...)
			if err == nil {
				q, now, _, err = t.quota(key, "{lock}")
			}
		}
		if err != nil {
			return err
		}
		change(&q, now)
		_, err = t.exec("UPDATE cloudpay_quotas SET per_second = ?, changed_at = ?, opens_at = ? WHERE region = ? AND mchid = ?",
			append([]any{q.PerSecond, t.d.at(q.Changed), t.d.at(q.Opens)}, key...)...)
		return err
	})
}

// quota reads a merchant's row; locking is {lock} if it is to be changed.
func (t tx) quota(key []any, locking string) (q schedule.Quota, now time.Time, found bool, err error) {
	var changed, opens, clock moment
	found, err = t.one([]any{&q.PerSecond, &changed, &opens, &clock},
		"SELECT per_second, changed_at, opens_at, {now} FROM cloudpay_quotas WHERE region = ? AND mchid = ? "+locking, key...)
	q.Changed, q.Opens = changed.Time, opens.Time
	return q, clock.Time, found, err
}
