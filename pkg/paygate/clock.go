package paygate

import (
	"fmt"
	"sync"
	"time"
)

// beijing is the zone of every time that WeChat Pay writes: UTC+8 the year round.
func beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// maxYear is the last year that RFC 3339 can write.
const maxYear = 9999

// clock is the business clock, in whole seconds: the ages of orders, payment times and expiry come
// from it. It moves only in advance.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// newClock starts a clock at a time, in whole seconds.
func newClock(start time.Time) *clock {
	return &clock{now: start.In(beijing()).Truncate(time.Second)}
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// check returns an error if the clock cannot be advanced by d.
func (c *clock) check(d time.Duration) error {
	switch {
	case d < 0:
		return fmt.Errorf("advancing the clock by %s: it cannot go back", d)
	case c.time().Add(d).Year() > maxYear:
		return fmt.Errorf("advancing the clock by %s: it cannot go beyond the year %d", d, maxYear)
	default:
		return nil
	}
}

// advance moves the clock on; see [Gateway.Advance].
func (c *clock) advance(d time.Duration) (time.Time, error) {
	if err := c.check(d); err != nil {
		return time.Time{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now, nil
}

// Time returns the business clock's time, in UTC+8.
func (g *Gateway) Time() time.Time { return g.clock.time() }

// Advance moves the business clock on by d. Unpaid orders that are seven days old then are closed,
// as WeChat Pay closes them by itself, and refunds that were PROCESSING long enough end.
// Notifications that are due on the way are sent, each at its time, before Advance returns; a
// receiver must therefore not call it. It is an error, and moves nothing, if d is negative or leads
// beyond the year 9999.
func (g *Gateway) Advance(d time.Duration) error { return g.notifier.advance(d) }
