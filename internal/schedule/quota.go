package schedule

import "time"

// A Quota is how many calls a second may be made for a merchant number, by all processes together.
// The rate that WeChat Pay takes is published nowhere, so it has to be found again and again, as
// TCP does: a complaint halves it, and it grows back evenly (additive increase, multiplicative
// decrease).
type Quota struct {
	// PerSecond is the rate as it was at Changed; the ceiling's when Changed is zero.
	PerSecond float64
	Changed   time.Time
	// Opens is when the next call may be made.
	Opens time.Time
}

const (
	// recovery is how long a rate takes to grow from nothing to its ceiling.
	recovery = time.Minute
	// slowest is the least that a rate falls to, in calls a second.
	slowest = 0.2
	// furthest is how far ahead calls can be reserved, and the longest pause. What is further ahead
	// was written before the database's clock was put back, and counts for nothing.
	furthest = 5 * time.Minute
	// oneIncident is how close together complaints are about the same calls, and halve the rate
	// once.
	oneIncident = time.Second
)

// Rate is how many calls a second are allowed now.
func (q *Quota) Rate(now time.Time, ceiling float64) float64 {
	if q.Changed.IsZero() {
		return ceiling
	}
	grown := q.PerSecond + ceiling*max(0, now.Sub(q.Changed).Seconds())/recovery.Seconds()
	return max(slowest, min(grown, ceiling))
}

// Take reserves n calls from when they may be made, unless that is more than maxWait away.
func (q *Quota) Take(now time.Time, n int, ceiling float64, maxWait time.Duration) (wait time.Duration, granted bool) {
	start := q.Opens
	if start.Before(now) || start.Sub(now) > furthest {
		start = now
	}
	wait = start.Sub(now)
	if wait > maxWait {
		return wait, false
	}
	q.Opens = start.Add(min(time.Duration(float64(n)/q.Rate(now, ceiling)*float64(time.Second)), furthest-wait))
	return wait, true
}

// Limit slows down after a complaint, and pauses.
func (q *Quota) Limit(now time.Time, ceiling float64, pause time.Duration) {
	if until := now.Add(min(pause, furthest)); q.Opens.Before(until) || q.Opens.Sub(now) > furthest {
		q.Opens = until
	}
	if !q.Changed.IsZero() && now.Sub(q.Changed) < oneIncident && !now.Before(q.Changed) {
		return
	}
	q.PerSecond, q.Changed = max(slowest, q.Rate(now, ceiling)/2), now
}
