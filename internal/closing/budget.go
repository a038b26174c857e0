package closing

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// withoutDeadline bounds a call whose context has no deadline.
	withoutDeadline = 15 * time.Second
	// longestCall bounds a call whatever the platform allows: a caller who waits
	// longer has gone, and may come again.
	longestCall = time.Minute
	// longestAttempt bounds one exchange: WeChat Pay answers a close within a
	// second, and what has not answered in four is not going to.
	longestAttempt = 4 * time.Second
	// shortestAttempt is too short to begin: no gateway answers in it. A close is
	// begun only while a query still fits behind it.
	shortestAttempt = 20 * time.Millisecond
	shortestClose   = 3 * 3 * shortestAttempt / 2
	// The reserve is a sixth of the time there is, within these bounds: it is for
	// the reply to be written and to reach the platform, on an instance that may
	// have a small share of a processor.
	leastReserve = 100 * time.Millisecond
	mostReserve  = 500 * time.Millisecond
)

// A budget shares out the time until the caller's deadline.
type budget struct {
	until time.Time // nothing is begun or waited for after this
	// patience is how much of the time may be spent in waiting; all of it when 0.
	// A sweep comes again, and has others to close meanwhile.
	patience time.Duration
	pause    backoff.ExponentialBackOff
	// steps, when it is not nil, is the grid that waiting keeps to.
	steps *steps
}

func newBudget(ctx context.Context, patience time.Duration) *budget {
	b := &budget{
		until:    time.Now().Add(withoutDeadline),
		patience: patience,
		pause: backoff.ExponentialBackOff{
			InitialInterval:     200 * time.Millisecond,
			RandomizationFactor: 0.2,
			Multiplier:          2,
			MaxInterval:         5 * time.Second,
		},
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		reserve := min(max(left/6, leastReserve), mostReserve, left/2)
		b.until = deadline.Add(-reserve)
		if most := time.Now().Add(longestCall); b.until.After(most) {
			b.until = most
		}
	}
	b.pause.Reset()
	return b
}

// attempt is how long the next exchange may take: a third of what remains, so
// that a query can settle what it leaves in doubt and one more can settle that.
// Zero when there is no time for one that takes at least the shortest.
func (b *budget) attempt(shortest time.Duration) time.Duration {
	left := time.Until(b.until)
	if left < shortest || left/3 < shortestAttempt {
		return 0
	}
	return min(longestAttempt, left/3)
}

// wait lets time pass before the next exchange: the gateway's own wish, or
// longer each time. It returns false, at once, when nothing could be done
// afterwards.
func (b *budget) wait(ctx context.Context, wish time.Duration) bool {
	pause := max(wish, b.pause.NextBackOff())
	if b.steps != nil {
		pause = b.steps.pause(wish)
	}
	if time.Until(b.until) < pause+3*shortestAttempt || b.patience != 0 && b.patience < pause {
		return false
	}
	if b.patience != 0 {
		b.patience = max(b.patience-pause, 1)
	}
	return sleep(ctx, pause)
}

// sleep returns false when the context ended first.
func sleep(ctx context.Context, wait time.Duration) bool {
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
