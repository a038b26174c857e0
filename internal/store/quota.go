package store

import (
	"context"
	"time"

	"cloudpay/internal/order"
)

// The quota of a merchant number is one row that all instances share. Its rate is halved when the
// gateway answers FREQUENCY_LIMITED, and grows back evenly. WeChat Pay does not publish the limit, so
// it has to be found by trying (additive increase, multiplicative decrease, as in TCP).

const (
	// recovery is how long a rate takes to grow from nothing to its ceiling.
	recovery = time.Minute
	// slowest is the least that a rate falls to, in calls per second.
	slowest = 0.2
	// furthest is how far ahead calls can be reserved, and the longest pause. What is further ahead was written before the
	// database's clock was put back, and counts for nothing.
	furthest = 5 * time.Minute
	// oneIncident: complaints this close together are about the same calls, and halve the rate once.
	oneIncident = time.Second
)

// quota is the row, and the arithmetic upon it.
type quota struct {
	perSecond float64   // as it was at changed
	changed   time.Time // zero: not limited yet
	opens     time.Time // when the next call may be made
}

// rate is how many calls a second are allowed now.
func (q *quota) rate(now time.Time, ceiling float64) float64 {
	if q.changed.IsZero() {
		return ceiling
	}
	grown := q.perSecond + ceiling*max(0, now.Sub(q.changed).Seconds())/recovery.Seconds()
	return max(slowest, min(grown, ceiling))
}

// take reserves n calls from when they may be made, unless the wait for them is longer than maxWait.
func (q *quota) take(now time.Time, n int, ceiling float64, maxWait time.Duration) (wait time.Duration, granted bool) {
	start := q.opens
	if start.Before(now) || start.Sub(now) > furthest {
		start = now
	}
	wait = start.Sub(now)
	if wait > maxWait {
		return wait, false
	}
	q.opens = start.Add(min(time.Duration(float64(n)/q.rate(now, ceiling)*float64(time.Second)), furthest-wait))
	return wait, true
}

// limit slows down after a complaint, and pauses.
func (q *quota) limit(now time.Time, ceiling float64, pause time.Duration) {
	if until := now.Add(min(pause, furthest)); q.opens.Before(until) || q.opens.Sub(now) > furthest {
		q.opens = until
	}
	if !q.changed.IsZero() && now.Sub(q.changed) < oneIncident && !now.Before(q.changed) {
		return
	}
	q.perSecond, q.changed = max(slowest, q.rate(now, ceiling)/2), now
}

// Take reserves n calls to the gateway from a merchant number's quota, of at most ceiling calls a second
// for all instances together. wait is the time until the first of them; the others may follow it
// without a pause, because later callers wait for them. If wait is longer than maxWait, granted is
// false and nothing is reserved.
func (s *Store) Take(
	ctx context.Context, of order.Account, n int, ceiling float64, maxWait time.Duration,
) (wait time.Duration, granted bool, err error) {
	err = s.quota(ctx, of, ceiling, func(q *quota, now time.Time) { wait, granted = q.take(now, n, ceiling, maxWait) })
	return wait, granted, err
}

// Limited records that the gateway answered FREQUENCY_LIMITED: no call is granted before the pause is
// over, and the rate is halved, once for all answers within a second. It grows back to the ceiling
// within a minute.
func (s *Store) Limited(ctx context.Context, of order.Account, ceiling float64, pause time.Duration) error {
	return s.quota(ctx, of, ceiling, func(q *quota, now time.Time) { q.limit(now, ceiling, pause) })
}

// Rate returns how many calls a second a merchant number may make now, at most the ceiling.
func (s *Store) Rate(ctx context.Context, of order.Account, ceiling float64) (perSecond float64, err error) {
	err = s.quota(ctx, of, ceiling, func(q *quota, now time.Time) { perSecond = q.rate(now, ceiling) })
	return perSecond, err
}

// quota changes a merchant's row, and inserts it first if need be.
func (s *Store) quota(ctx context.Context, of order.Account, ceiling float64, change func(*quota, time.Time)) error {
	key := []any{string(of.Region), of.MchID}
	return s.do(ctx, "keeping the quota of merchant "+of.String(), func(t tx) error {
		q, now, found, err := t.quota(key)
		if err == nil && !found {
			_, err = t.exec("INSERT INTO cloudpay_quotas (region, mchid, per_second, opens_at) VALUES (?, ?, ?, {now})"+
				t.d.ifNew, append(key, ceiling)...)
			if err == nil {
				q, now, _, err = t.quota(key)
			}
		}
		if err != nil {
			return err
		}
		change(&q, now)
		_, err = t.exec("UPDATE cloudpay_quotas SET per_second = ?, changed_at = ?, opens_at = ? WHERE region = ? AND mchid = ?",
			append([]any{q.perSecond, t.d.at(q.changed), t.d.at(q.opens)}, key...)...)
		return err
	})
}

func (t tx) quota(key []any) (q quota, now time.Time, found bool, err error) {
	var changed, opens, clock moment
	found, err = t.one([]any{&q.perSecond, &changed, &opens, &clock},
		"SELECT per_second, changed_at, opens_at, {now} FROM cloudpay_quotas WHERE region = ? AND mchid = ? {lock}", key...)
	q.changed, q.opens = changed.Time, opens.Time
	return q, clock.Time, found, err
}
