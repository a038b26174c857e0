package paygate

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// utc8 is made once: every time of every order refers to it.
var utc8 = time.FixedZone("UTC+8", 8*60*60)

// beijing is the zone of every time that WeChat Pay writes: UTC+8 the year round.
func beijing() *time.Location { return utc8 }

// maxYear is the last year that RFC 3339 can write.
const maxYear = 9999

// clock is the business clock, in whole seconds: the ages of orders, payment times, expiry and the
// certificates' ages come from it. It moves in advance. A running one also moves with the wire
// clock ([Options].Running).
type clock struct {
	keep *keeper
	// the wire clock of a running one, nil for one that stands
	wire func() time.Time

	mu sync.Mutex
	// where it stands; of a running one unused
	stands time.Time
	// the sum of all advances; of a running one also what [Options].Start is ahead of the wire
	ahead time.Duration
}

// keptClock is the clock in the file.
type keptClock struct {
	Now   time.Time     `json:"now"`
	Ahead time.Duration `json:"ahead"`
}

// clockEntry is the clock's bucket in the file and its only key there.
const clockEntry = "clock"

// newClock starts a clock at a time, in whole seconds. It runs with wire, if that is not nil.
func newClock(start time.Time, wire func() time.Time, keep *keeper) *clock {
	c := &clock{keep: keep, wire: wire, stands: start.In(beijing()).Truncate(time.Second)}
	if wire != nil {
		c.ahead = start.Sub(wire())
	}
	return c
}

// load sets the clock to where the file or an export has it.
func (c *clock) load(value []byte) error {
	var kept keptClock
	err := unmarshal(value, &kept)
	if err == nil {
		err = intoBeijing(&kept.Now)
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stands, c.ahead = kept.Now.Truncate(time.Second), kept.Ahead
	return nil
}

// entry is the clock as the file has it.
func (c *clock) entry() change {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept()
}

// kept is entry with the clock locked.
func (c *clock) kept() change {
	return change{clockEntry, clockEntry, keptClock{Now: c.read(), Ahead: c.ahead}}
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read()
}

// read returns the time. The clock is locked.
func (c *clock) read() time.Time {
	if c.wire == nil {
		return c.stands
	}
	return c.wire().Add(c.ahead).In(beijing()).Truncate(time.Second)
}

// check returns an error if the clock cannot be advanced by d.
func (c *clock) check(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case d < 0:
		return fmt.Errorf("advancing the clock by %s: it cannot go back", d)
	case c.read().Add(d).Year() > maxYear:
		return fmt.Errorf("advancing the clock by %s: it cannot go beyond the year %d", d, maxYear)
	case c.wire != nil && c.ahead > math.MaxInt64-d:
		return fmt.Errorf("advancing the clock by %s: it cannot be more than 292 years ahead", d)
	default:
		return nil
	}
}

// advance moves the clock on; see [Gateway.Advance].
func (c *clock) advance(d time.Duration) error {
	if err := c.check(d); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stands = c.stands.Add(d)
	if c.ahead <= math.MaxInt64-d { // else the sum of a clock that stands, which nothing depends on
		c.ahead += d
	}
	c.keep.write(c.kept())
	return nil
}

// Time returns the business clock's time, in UTC+8.
func (g *Gateway) Time() time.Time { return g.clock.time() }

// Ahead returns how far [Gateway.Advance] has moved the business clock on in all, in this gateway
// and in earlier ones of the same [Options].File. With [Options].Running it is how far the business
// clock is ahead of the wire clock.
func (g *Gateway) Ahead() time.Duration {
	g.clock.mu.Lock()
	defer g.clock.mu.Unlock()
	return g.clock.ahead
}

// Advance moves the business clock on by d. Unpaid orders that are seven days old then are closed,
// as WeChat Pay closes them by itself, and refunds that were PROCESSING long enough end.
// Notifications that are due on the way are sent, each at its time, before Advance returns; a
// receiver must therefore not call it. It is an error, and moves nothing, if d is negative or leads
// beyond the year 9999; with [Options].Running also if the clock would be more than 292 years
// ahead.
func (g *Gateway) Advance(d time.Duration) error {
	return g.keep.or(g.notifier.advance(d))
}
