package closing

import (
	"context"
	"time"

	"cloudpay/internal/backoff"
	"cloudpay/internal/deadline"
)

const (
	// withoutDeadline bounds a call whose context has no deadline.
	withoutDeadline = 15 * time.Second
	// longestCall bounds a call whatever the platform allows: a caller that waits longer has gone,
	// and may come again.
	longestCall = time.Minute
	// longestAttempt bounds one exchange: WeChat Pay answers a close within a second, and a reply
	// that takes more than four does not come.
	longestAttempt = 4 * time.Second
	// shortestAttempt is the least time for an exchange to begin. A close may take a third of the
	// time that is left, and the other two thirds must hold a query.
	shortestAttempt = 20 * time.Millisecond
	shortestClose   = 3 * 3 * shortestAttempt / 2
	// The reserve is a sixth of the time there is, within these bounds. In it the reply is written
	// and reaches the platform, on an instance that may have a small share of a processor.
	minReserve = 100 * time.Millisecond
	maxReserve = 500 * time.Millisecond
)

// pauses are those between exchanges, unless the gateway asks for longer ones.
var pauses = backoff.Exponential{First: 200 * time.Millisecond, Max: 5 * time.Second, Early: 0.2, Late: 0.2}

// A budget shares out the time until the caller's deadline.
type budget struct {
	until time.Time // nothing is begun or waited for after this
	// maxWait bounds the pauses together; 0 for no bound of their own.
	maxWait time.Duration
	// steps, when it is not nil, is the grid that pauses keep to.
	steps  *steps
	paused int // how often
}

func newBudget(ctx context.Context, maxWait time.Duration) *budget {
	b := &budget{until: time.Now().Add(withoutDeadline), maxWait: maxWait}
	if end, ok := ctx.Deadline(); ok {
		left := time.Until(end)
		reserve := min(max(left/6, minReserve), maxReserve, left/2)
		b.until = end.Add(-reserve)
		if most := time.Now().Add(longestCall); b.until.After(most) {
			b.until = most
		}
	}
	return b
}

// attempt is how long the next exchange may take: a third of what remains, so that a query can
// resolve what it leaves in doubt and one more can resolve that. It is 0 when there is no time for
// one that takes at least the shortest.
func (b *budget) attempt(shortest time.Duration) time.Duration {
	left := time.Until(b.until)
	if left < shortest || left/3 < shortestAttempt {
		return 0
	}
	return min(longestAttempt, left/3)
}

// wait sleeps before the next exchange, for the gateway's wish or the backoff, whichever is longer.
// It returns false without sleeping if no exchange would fit afterwards.
func (b *budget) wait(ctx context.Context, wish time.Duration) bool {
	b.paused++
	pause := max(wish, pauses.After(b.paused))
	if b.steps != nil {
		pause = b.steps.pause(wish, b.paused)
	}
	if time.Until(b.until) < pause+3*shortestAttempt || b.maxWait != 0 && b.maxWait < pause {
		return false
	}
	if b.maxWait != 0 {
		b.maxWait = max(b.maxWait-pause, 1)
	}
	return deadline.Sleep(ctx, pause)
}

// lookupStep is the grid on which a look-up waits and answers. Look-ups of an order
// that exists and of one that does not differ by a few milliseconds (WeChat Pay's own time, a round
// trip to the store). The difference shows only if an exchange ends within it of a step. Exchanges
// of 240 ms, just before a step of 250 ms, are common from abroad; those of 490 ms are not.
const lookupStep = 500 * time.Millisecond

// steps are the moments at which a look-up goes on or ends, counted from its start. What happens
// between two of them does not show in its time.
type steps struct {
	start time.Time
	size  time.Duration
}

// maxSteps bounds the steps that a pause adds to the wish.
const maxSteps = 10

// last is the last step at or before until; start itself when there is none.
func (s *steps) last(until time.Time) time.Time {
	return s.start.Add(max(until.Sub(s.start), 0).Truncate(s.size))
}

// next is the first step at or after t, and never start.
func (s *steps) next(t time.Time) time.Time {
	whole := (t.Sub(s.start) + s.size - 1).Truncate(s.size)
	return s.start.Add(max(whole, s.size))
}

// pause is how long the nth wait is, from 1 on: until the next step that grants the wish, and from
// the third on one, three, seven steps more. "No such order" takes three exchanges when the first
// had a used connection. A pause is never random, or its end would show when it began.
func (s *steps) pause(wish time.Duration, n int) time.Duration {
	more := min(1<<min(max(n-2, 0), maxSteps)-1, maxSteps)
	now := time.Now()
	return s.next(now.Add(wish)).Add(time.Duration(more) * s.size).Sub(now)
}
