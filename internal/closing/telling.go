package closing

import (
	"context"
	"sync"
	"time"

	"cloudpay/internal/schedule"
)

// Teller tells somebody what happened to an order.
type Teller interface {
	// Tell delivers one event. It returns nil once the receiver has said that it has it; it may be told again all the same.
	// Its error is one line.
	Tell(ctx context.Context, e schedule.Event) error
}

// A keeper is a Teller that keeps connections. What became of them while the function was frozen nobody told it, so that each
// telling begins with new ones: one that is dead without a word would cost a delivery all of its time.
type keeper interface{ CloseIdleConnections() }

const (
	// tellers is how many events are on their way at once. They are taken in as many, so that none of those taken waits.
	tellers = 8
	// longestTelling bounds one delivery, and tellingLease outlives it.
	longestTelling = 10 * time.Second
	tellingLease   = longestTelling + 20*time.Second
	// An event that could not be delivered is tried again after 30 s, a minute, two, …; after twenty attempts in two and a
	// half days it is dead.
	firstRedelivery = 30 * time.Second
	lastRedelivery  = 6 * time.Hour
	mostDeliveries  = 20
)

// telling delivers what is due to be told, while orders are swept and once more after it.
type telling struct {
	*sweep

	// dumb: the receiver took none of the last events.
	dumb bool
}

// run tells until there are no more news and nothing is due, the time is up, or the receiver takes nothing.
func (t *telling) run(ctx context.Context) {
	if kept, is := t.Teller.(keeper); is {
		kept.CloseIdleConnections()
	}
	for last := false; ; {
		for t.batch(ctx) {
			continue
		}
		if last || ctx.Err() != nil {
			return
		}
		_, more := <-t.news
		last = !more
	}
}

// batch tells as many events as fit side by side. It returns false when no others need be tried.
func (t *telling) batch(ctx context.Context) bool {
	if t.late(ctx) || t.dumb {
		return false
	}
	postings, err := t.claimDeliveries(ctx)
	if err != nil {
		t.log.ErrorContext(ctx, "events to be told could not be read", "error", err)
	}
	told := make([]bool, len(postings))
	var group sync.WaitGroup
	for i, p := range postings {
		group.Go(func() { told[i] = t.tell(ctx, p) })
	}
	group.Wait()
	n := 0
	for _, is := range told {
		if is {
			n++
		}
	}
	// A receiver that took none of them is not asked again before the next sweep.
	t.dumb = len(postings) > 0 && n == 0
	return len(postings) > 0
}

func (t *telling) claimDeliveries(ctx context.Context) ([]schedule.Delivery, error) {
	ctx, cancel := briefly(ctx)
	defer cancel()
	return t.Store.ClaimDeliveries(ctx, t.Merchant.Account(), tellers, tellingLease)
}

// tell delivers one event and records whether that went well.
func (t *telling) tell(ctx context.Context, p schedule.Delivery) bool {
	err := t.deliver(ctx, p.Event)
	delivered := err == nil
	write, cancel := t.writing(ctx)
	defer cancel()
	switch {
	case delivered:
		err = t.Store.Delivered(write, p)
		t.count(func(r *Report) { r.Told++ })
	case p.Attempts >= mostDeliveries:
		t.log.ErrorContext(ctx, "an event could not be delivered and is not tried again", "event", p.ID, "kind", string(p.Kind),
			"outTradeNo", p.OutTradeNo, "attempts", p.Attempts, "error", err)
		err = t.Store.DeadLetter(write, p, err.Error())
		t.count(func(r *Report) { r.Dead++ })
	default:
		err = t.Store.Redeliver(write, p, redelivery(p.Attempts), err.Error())
		t.count(func(r *Report) { r.Untold++ })
	}
	if err != nil {
		t.log.ErrorContext(ctx, "what became of an event could not be recorded; it may be told again", "event", p.ID, "error", err)
	}
	return delivered
}

func (t *telling) deliver(ctx context.Context, e schedule.Event) (err error) {
	defer t.caught(ctx, &err)
	ctx, cancel := context.WithTimeout(ctx, longestTelling)
	defer cancel()
	return t.Teller.Tell(ctx, e)
}

// redelivery is how long to wait after the nth attempt.
func redelivery(n int) time.Duration {
	pause := firstRedelivery
	for ; n > 1 && pause < lastRedelivery; n-- {
		pause *= 2
	}
	return jitter(min(pause, lastRedelivery))
}
