package sweep

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/schedule"
)

const (
	// reserveAhead is how many seconds' worth of calls are reserved at once: few enough to leave
	// others theirs and to follow the rate as it changes, many enough not to ask the store for
	// each.
	reserveAhead = 0.5
	maxAhead     = 1000
	// lowShare is the share of a reservation that is left when the next one is made (a quarter), so
	// that no call waits for the store.
	lowShare = 4
	// rateHolds is for how long a rate that was read is used.
	rateHolds = time.Second
	// minLimitPause is how long all calls rest after FREQUENCY_LIMITED when the reply does not
	// say; the rate is halved besides. maxUnprovedPause bounds the wish of a reply that is not
	// proved, since anything on the way may have written it.
	minLimitPause    = time.Second
	maxUnprovedPause = time.Minute
)

// pace says when each of a sweep's calls may be made, so that the calls of all sweeps in a
// merchant's name stay below what WeChat Pay takes. Direct closes and queries take no quota. It is
// a closing.Pacer.
//
// The calls that the store reserves at once are spaced evenly. x/time/rate has no use here: a
// block of calls begins when the store says, and the rate is the store's, so that the spacing is
// one addition. When the store cannot be asked, the last rate that is known goes on.
type pace struct {
	quota   Quota
	of      order.Account
	ceiling float64
	log     *slog.Logger
	// filling is held by the goroutine that asks the store.
	filling chan struct{}

	mu       sync.Mutex
	rate     float64       // calls a second
	rated    time.Time     // when rate was read; zero when it is to be read anew
	reserved []reservation // in the order of their times
	low      int           // when so few are left of the last reservation, another is made
	next     time.Time     // behind the last call that was given out
	opens    time.Time     // nothing can be reserved before this
	limited  time.Time     // the newest complaint
}

// reservation is calls that may be made from a time on.
type reservation struct {
	from  time.Time
	calls int
}

func newPace(q Quota, of order.Account, ceiling float64, log *slog.Logger) *pace {
	return &pace{quota: q, of: of, ceiling: ceiling, log: log, filling: make(chan struct{}, 1), rate: ceiling}
}

// Wait waits until the next call may be made. It returns false, at once, when that is not before
// until; the call must not be made then.
func (p *pace) Wait(ctx context.Context, until time.Time) bool {
	at, granted := p.reserve(ctx, until)
	return granted && deadline.Sleep(ctx, time.Until(at))
}

// ready waits until calls can be had again, and returns false, at once, when that is not before the
// context's deadline.
func (p *pace) ready(ctx context.Context) bool {
	p.mu.Lock()
	opens := p.opens
	p.mu.Unlock()
	if end, ok := ctx.Deadline(); ok && !opens.Before(end) {
		return false
	}
	return deadline.Sleep(ctx, time.Until(opens))
}

// reserve gives the time of one call.
func (p *pace) reserve(ctx context.Context, until time.Time) (at time.Time, granted bool) {
	if p.isLow() {
		select {
		case p.filling <- struct{}{}:
			p.refill(ctx, until)
			<-p.filling
		default: // another goroutine does
		}
	}
	for {
		at, granted, empty := p.pick(until)
		if !empty {
			return at, granted
		}
		// One goroutine refills at a time; the others wait for its result.
		select {
		case p.filling <- struct{}{}:
			p.refill(ctx, until)
			<-p.filling
		case <-ctx.Done():
			return time.Time{}, false
		}
	}
}

// isLow reports whether some calls are left, and another reservation is to be made.
func (p *pace) isLow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hasFew()
}

// hasFew is isLow for a holder of the lock.
func (p *pace) hasFew() bool { return len(p.reserved) == 1 && p.reserved[0].calls <= p.low }

// pick takes the next of the calls that are reserved, if it is before until; empty says that there
// is none.
func (p *pace) pick(until time.Time) (at time.Time, granted, empty bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.opens.After(until):
		return time.Time{}, false, false
	case len(p.reserved) == 0:
		return time.Time{}, false, true
	case p.reserved[0].from.After(until):
		return time.Time{}, false, false
	}
	first := &p.reserved[0]
	at = first.from
	first.calls--
	first.from = at.Add(p.interval())
	p.next = first.from
	if first.calls == 0 {
		p.reserved = p.reserved[1:]
	}
	return at, true, false
}

// within is how many calls may be made in a time, at the rate last known; enough for one order at
// least.
func (p *pace) within(d time.Duration) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(int(p.rate*d.Seconds()), callsPerOrder)
}

// step is how long it takes until the next call may be made, and so until there may be room for
// another order.
func (p *pace) step() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.interval(), 10*time.Millisecond)
}

func (p *pace) interval() time.Duration { return time.Duration(float64(time.Second) / p.rate) }

// refill reserves some calls, unless another goroutine did so meanwhile. When none can be had
// before until, it notes when.
func (p *pace) refill(ctx context.Context, until time.Time) {
	ctx, cancel := deadline.Share(ctx, 3, storeTimeout)
	defer cancel()
	n := p.wanted(p.readRate(ctx))
	if n == 0 {
		return
	}
	wait, granted, err := p.quota.Take(ctx, p.of, n, p.ceiling, time.Until(until))
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	from := later(p.behind(), now)
	switch {
	case err != nil:
		p.log.WarnContext(ctx, "the shared quota is out of reach; going on at the last rate known", "error", err, "perSecond", p.rate)
	case granted && len(p.reserved) == 0:
		from = now.Add(wait)
	case granted:
		from = later(from, now.Add(wait)) // straight behind what is left, unless another process came between
	case len(p.reserved) == 0:
		p.opens = later(now.Add(wait), until.Add(1))
		return
	default:
		p.low = 0 // what is left is still good
		return
	}
	p.reserved = append(p.reserved, reservation{from: from, calls: n})
	p.low = n / lowShare
}

// behind is when the last reservation ends.
func (p *pace) behind() time.Time {
	if len(p.reserved) == 0 {
		return p.next
	}
	last := p.reserved[len(p.reserved)-1]
	return last.from.Add(time.Duration(last.calls) * p.interval())
}

// wanted is how many calls to reserve at a rate; none when enough are left.
func (p *pace) wanted(rate float64) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.reserved) > 0 && !p.hasFew() {
		return 0
	}
	p.rate = rate
	return min(max(int(rate*reserveAhead), 1), maxAhead)
}

// readRate reads the shared rate when the one known is old. A sweep that cannot read it begins at
// the ceiling.
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

// Heard slows all sweeps down when an answer says that the gateway is asked too often.
func (p *pace) Heard(ctx context.Context, a order.Answer) {
	if a.Code != errcode.FrequencyLimited && a.Verdict != verdict.Limited {
		return
	}
	pause := max(a.RetryAfter, minLimitPause)
	if !a.Authenticated() {
		pause = min(pause, maxUnprovedPause)
	}
	if !p.slow(pause) {
		return
	}
	p.log.WarnContext(ctx, "WeChat Pay says that it is asked too often: slowing down", "pause", pause.String(), "code", a.Code)
	ctx, cancel := deadline.Detach(ctx, longestWrite)
	defer cancel()
	if err := p.quota.Limited(ctx, p.of, p.ceiling, pause); err != nil {
		p.log.WarnContext(ctx, "the shared quota is out of reach; only this sweep slows down", "error", err)
	}
}

// slow forgets what was reserved. It returns false for another complaint of the same incident.
func (p *pace) slow(pause time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.reserved = nil
	p.opens = later(p.opens, now.Add(pause))
	if !p.limited.IsZero() && now.Sub(p.limited) < minLimitPause {
		return false
	}
	known := schedule.Quota{PerSecond: p.rate}
	known.Limit(now, p.rate, pause)
	p.limited, p.rated, p.rate = now, time.Time{}, known.PerSecond
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
