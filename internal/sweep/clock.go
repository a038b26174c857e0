package sweep

import (
	"context"
	"sync"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/order"
)

const (
	// toleratedSkew is how far the database's clock may be from WeChat Pay's, either way.
	toleratedSkew = time.Minute
	// unsignedWait is how long an order waits at most, once, for a time that is not signed.
	unsignedWait = 10 * time.Minute
)

// reading is WeChat Pay's clock as a reply showed it, between two moments of this process.
type reading struct {
	order.Clock

	sent, heard time.Time
}

func (r reading) known() bool { return !r.At.IsZero() }

// now is the least that WeChat Pay's clock can show now.
func (r reading) now() time.Time { return r.At.Add(time.Since(r.heard)) }

// ahead returns by how much the clock that a claim was made by is ahead of WeChat Pay's, negative
// if it is behind. Replies have whole seconds, so the result has. What the time of the claim's or
// the reply's way can explain is no difference.
func (r reading) ahead(l leasedClaim) time.Duration {
	least := l.ClaimedAt.Add(r.sent.Sub(l.since)).Truncate(time.Second)
	most := l.ClaimedAt.Add(r.heard.Sub(l.before)).Truncate(time.Second)
	switch {
	case least.After(r.At):
		return least.Sub(r.At)
	case most.Before(r.At):
		return most.Sub(r.At)
	}
	return 0
}

// clock is WeChat Pay's clock as all orders of a sweep have read it.
type clock struct {
	mu   sync.Mutex
	best reading
	off  sync.Once // see watch.compare
}

// hear keeps the newest reading. One that is signed is kept before others.
func (c *clock) hear(r reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Signed || !c.best.Signed {
		c.best = r
	}
}

func (c *clock) read() reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.best
}

// watch is a closing.Pacer that reads WeChat Pay's clock in each answer about one order. By it, no
// order is closed before its close_at because the database's clock is ahead. A time that is not
// signed may be a forger's, so it delays an order once at most, and nothing else depends on it.
type watch struct {
	*sweep

	claim leasedClaim
	sent  time.Time
	own   reading
	// left is how long the order has to wait; valid once mayClose returned false.
	left time.Duration
}

func (o *watch) Wait(ctx context.Context, until time.Time) bool {
	may := o.pace.Wait(ctx, until)
	o.sent = time.Now()
	return may
}

func (o *watch) Heard(ctx context.Context, a order.Answer) {
	o.pace.Heard(ctx, a)
	r := reading{Clock: a.Clock, sent: o.sent, heard: time.Now()}
	if !r.known() {
		return
	}
	r.At = r.At.Add(o.shift())
	o.own = r
	o.clock.hear(r)
	o.compare(ctx, "weChatPay", r)
}

// reading is the order's own, unless only another order's is signed.
func (o *watch) reading() reading {
	if shared := o.clock.read(); !o.own.known() || shared.Signed && !o.own.Signed {
		return shared
	}
	return o.own
}

// mayClose reports whether the order may be closed. One with a close_at may not if that is yet to
// come by WeChat Pay's signed clock. By the Date and by this machine's clock, of which neither is
// proved, it may wait once. The time of an order without a close_at is the database's from the
// beginning.
func (o *watch) mayClose(ctx context.Context) bool {
	if o.claim.CloseAt.IsZero() {
		return true
	}
	r := o.reading()
	if o.left = o.early(r); r.Signed {
		return o.left <= 0
	}
	now := time.Now()
	machine := reading{Clock: order.Clock{At: now.Add(o.shift()).Truncate(time.Second)}, sent: now, heard: now}
	if early := o.early(machine); early > o.left {
		o.left = early
		o.compare(ctx, "thisMachine", machine)
	}
	o.left = min(o.left, unsignedWait)
	return o.left <= 0 || o.claim.ClockWaits > 0
}

func (o *watch) shift() time.Duration {
	if o.Shift == nil {
		return 0
	}
	return o.Shift()
}

// early returns how long it is until the order's close_at by another clock; 0 when the two agree,
// or the clock is not known.
func (o *watch) early(r reading) time.Duration {
	if !r.known() || r.ahead(o.claim) <= toleratedSkew {
		return 0
	}
	return o.claim.CloseAt.Sub(r.now())
}

// start is what is asked first about the order. Nothing is closed before a reply has shown the
// clock, so an order with a close_at is queried until one has.
func (o *watch) start(ctx context.Context) closing.Start {
	shown := o.claim.CloseAt.IsZero() || o.clock.read().known()
	switch {
	case o.DoubtfulOnly:
		return closing.QueryOnly
	case o.CloseFirst && shown && o.mayClose(ctx):
		return closing.CloseFirst
	}
	return closing.QueryFirst
}

// compare reports once a sweep that the database's clock differs from another.
func (o *watch) compare(ctx context.Context, other string, r reading) {
	ahead := r.ahead(o.claim)
	if ahead.Abs() <= toleratedSkew {
		return
	}
	o.clock.off.Do(func() {
		seconds := int64(ahead / time.Second)
		o.count(func(report *Report) { report.ClockOff = seconds })
		o.Log.ErrorContext(ctx, "the database's clock differs from another: ahead, it would close orders early; behind, it closes them late",
			"code", "CLOCK_OFF", "database", r.At.Add(ahead).UTC().Format(time.RFC3339), other, r.At.UTC().Format(time.RFC3339),
			"signed", r.Signed, "aheadSeconds", seconds,
			"remedy", "set the clock of the database's machine (NTP); cloudpay doctor compares all the clocks")
	})
}
