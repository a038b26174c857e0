package closing

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

const (
	// aheadOfTime is how many seconds' worth of calls are reserved at once: few enough to leave others theirs and to follow
	// the rate as it changes, many enough not to ask the store for each.
	aheadOfTime = 0.5
	mostAhead   = 1000
	// rateHolds is for how long a rate that was read is gone by.
	rateHolds = time.Second
	// leastLimitPause is how long all calls rest after FREQUENCY_LIMITED when the reply does not say; the rate is halved besides.
	leastLimitPause = time.Second
)

// pace says when each of a sweep's calls may be made, so that all who ask in a merchant's name keep below what WeChat Pay
// takes. A nil pace lets every call be made at once.
//
// What the store reserves at once is handed out evenly. When the store cannot be asked, the last rate that is known goes on.
type pace struct {
	quota   Quota
	of      order.Account
	ceiling float64
	log     *slog.Logger
	// filling is held by the one who asks the store.
	filling chan struct{}

	mu       sync.Mutex
	rate     float64   // calls a second
	rated    time.Time // when rate was read; zero when it is to be read anew
	reserved int       // calls that may be made from next on
	next     time.Time
	opens    time.Time // nothing can be reserved before this
	limited  time.Time // the newest complaint
}

// turn waits until the next call may be made. It returns false, at once, when that is not before until; the call is then not
// to be made.
func (p *pace) turn(ctx context.Context, until time.Time) bool {
	if p == nil {
		return true
	}
	at, granted := p.reserve(ctx, until)
	return granted && sleep(ctx, time.Until(at))
}

// ready waits until calls can be had again, and returns false, at once, when that is not before the context's deadline.
func (p *pace) ready(ctx context.Context) bool {
	p.mu.Lock()
	opens := p.opens
	p.mu.Unlock()
	if deadline, ok := ctx.Deadline(); ok && !opens.Before(deadline) {
		return false
	}
	return sleep(ctx, time.Until(opens))
}

// reserve gives the time of one call.
func (p *pace) reserve(ctx context.Context, until time.Time) (at time.Time, granted bool) {
	for {
		at, granted, empty := p.pick(until)
		if !empty {
			return at, granted
		}
		// One asks the store for all, who would be of no use to each other.
		select {
		case p.filling <- struct{}{}:
			p.refill(ctx, until)
			<-p.filling
		case <-ctx.Done():
			return time.Time{}, false
		}
	}
}

// pick takes the next of the calls that are reserved, if it is before until; empty says that there is none.
func (p *pace) pick(until time.Time) (at time.Time, granted, empty bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.opens.After(until):
		return time.Time{}, false, false
	case p.reserved == 0:
		return time.Time{}, false, true
	case p.next.After(until):
		return time.Time{}, false, false
	}
	at = p.next
	p.reserved--
	p.next = at.Add(p.interval())
	return at, true, false
}

// within is how many calls may be made in a time, at the rate last known; enough for one order at least.
func (p *pace) within(d time.Duration) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(int(p.rate*d.Seconds()), callsPerOrder)
}

// step is how long it takes until the next call may be made, and so until there may be room for another order.
func (p *pace) step() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.interval(), 10*time.Millisecond)
}

func (p *pace) interval() time.Duration { return time.Duration(float64(time.Second) / p.rate) }

// refill reserves some calls, if nobody did so meanwhile. When none can be had before until, it notes when.
func (p *pace) refill(ctx context.Context, until time.Time) {
	ctx, cancel := briefly(ctx)
	defer cancel()
	n := p.wanted(p.readRate(ctx))
	if n == 0 {
		return
	}
	wait, granted, err := p.quota.Take(ctx, p.of, n, p.ceiling, time.Until(until))
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		p.log.WarnContext(ctx, "the shared quota is out of reach; going on at the last rate known", "error", err, "perSecond", p.rate)
		p.next = later(p.next, now)
	case !granted:
		p.opens = later(now.Add(wait), until.Add(1))
		return
	default:
		// Straight behind what was reserved before, where nobody else came between.
		p.next = now.Add(wait)
	}
	p.reserved = n
}

// wanted is how many calls to reserve at a rate; none when some are there.
func (p *pace) wanted(rate float64) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reserved > 0 {
		return 0
	}
	p.rate = rate
	return min(max(int(rate*aheadOfTime), 1), mostAhead)
}

// readRate reads the shared rate when the one known is old. A sweep that cannot read it begins at the ceiling.
func (p *pace) readRate(ctx context.Context) float64 {
	p.mu.Lock()
	rate, rated := p.rate, p.rated
	p.mu.Unlock()
	if !rated.IsZero() && time.Since(rated) < rateHolds {
		return rate
	}
	if read, err := p.quota.Rate(ctx, p.of, p.ceiling); err == nil && read > 0 {
		rate = read
	}
	p.mu.Lock()
	p.rated = time.Now()
	p.mu.Unlock()
	return rate
}

// heard slows everybody down when an answer says that the gateway was asked too often. Anyone may have written an answer that
// is not proved: its wish is granted for a minute at most.
func (p *pace) heard(ctx context.Context, a order.Answer) {
	if p == nil || a.Code != errcode.FrequencyLimited && a.Verdict != verdict.Limited {
		return
	}
	pause := max(a.RetryAfter, leastLimitPause)
	if !a.Authenticated() {
		pause = min(pause, afterLimit)
	}
	if !p.slow(pause) {
		return
	}
	p.log.WarnContext(ctx, "WeChat Pay says that it is asked too often: slowing down", "pause", pause.String(), "code", a.Code)
	ctx, cancel := writing(ctx)
	defer cancel()
	if err := p.quota.Limited(ctx, p.of, p.ceiling, pause); err != nil {
		p.log.WarnContext(ctx, "the shared quota is out of reach; only this sweep slows down", "error", err)
	}
}

// slow forgets what was reserved. It returns false when another call was told the same just before.
func (p *pace) slow(pause time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.reserved = 0
	p.opens = later(p.opens, now.Add(pause))
	if !p.limited.IsZero() && now.Sub(p.limited) < leastLimitPause {
		return false
	}
	p.limited, p.rated = now, time.Time{}
	p.rate = max(p.rate/2, slowestRate)
	return true
}

// slowestRate is the least that a rate falls to without a store to say so.
const slowestRate = 0.2

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
