package platform

import (
	"context"
	"sync"
	"time"
)

// Pauses between two looks at a clock. The longest makes a jump noticed that nothing told of; the
// shortest is doubled for as long as the clock stands.
const (
	shortestClockPause = time.Millisecond
	longestClockPause  = time.Second
)

// Clock is the time by which timers fire and asynchronous events are retried. The zero value, and a
// nil Clock, are this machine's. Any other may run, stand, or jump ahead:
//
//	clock := &platform.Clock{Now: gateway.Time}
//	gateway.Advance(30 * time.Minute)
//	clock.Moved() // whatever became due within that half hour goes on now
type Clock struct {
	// Now is the time; this machine's when nil.
	Now func() time.Time

	mu    sync.Mutex
	moved chan struct{} // closed by the next Moved; nil while nothing waits
}

// Time returns the clock's time.
func (c *Clock) Time() time.Time {
	if c == nil || c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// Moved says that the clock has jumped: every Wait looks at it again, at once.
func (c *Clock) Moved() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moved != nil {
		close(c.moved)
		c.moved = nil
	}
}

// Wait returns nil when the clock has reached a time, at once if it is past. It returns the error
// of ctx if that ends first.
func (c *Clock) Wait(ctx context.Context, until time.Time) error {
	var last time.Time
	for pause := shortestClockPause; ; pause = min(2*pause, longestClockPause) {
		moved := c.jump() // before the look at the clock, so that no jump is missed
		now := c.Time()
		if !now.Before(until) {
			return nil
		}
		if !now.Equal(last) {
			last, pause = now, shortestClockPause
		}
		if err := rest(ctx, moved, min(max(until.Sub(now), pause), longestClockPause)); err != nil {
			return err
		}
	}
}

// jump returns a channel that the next Moved closes; nil for a clock that cannot jump.
func (c *Clock) jump() <-chan struct{} {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moved == nil {
		c.moved = make(chan struct{})
	}
	return c.moved
}

// rest pauses until a jump. The error is that of ctx, if it ended first.
func rest(ctx context.Context, moved <-chan struct{}, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-moved:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
