package sweep

import (
	"context"
	"errors"
	"slices"
	"time"

	"cloudpay/internal/schedule/outbox"
)

const (
	// hurriedDelivery bounds one delivery while some of the receiver's answers hang: each of them
	// keeps another event from being sent.
	hurriedDelivery = 3 * time.Second
	// Deliveries are bounded by hurriedDelivery while more than toleratedHangs of the last
	// hangWindow hung. When half of the last slowWindow hung, fewer are in flight.
	toleratedHangs = 2
	hangWindow     = 100
	slowWindow     = 20
	// remembered is how many of the last deliveries are remembered: some times as many as are in
	// flight.
	remembered = 4 * maxInFlight
	// probes is how many deliveries from the other end of the queue are begun after a batch's worth
	// has failed.
	probes = 2
	// shortPause is the longest pause for which a sweep waits; a longer one ends its deliveries.
	shortPause = 5 * time.Second
	// maxPause bounds the pause of all deliveries, whatever Retry-After says: one answer of a proxy
	// must not keep the events of a day. The refused event itself waits as long as it says.
	maxPause = 10 * time.Minute
)

// receiver is one receiver's state: how many deliveries it may have in flight, and whether it is to
// be left alone. A receiver that hangs does not slow others down. It belongs to one goroutine.
type receiver struct {
	// most and limit bound the deliveries in flight; peak is the highest limit there was.
	most, limit, peak int
	flying            []*flight
	// begun are the last deliveries in the order in which they were begun, ended those that have an
	// outcome, in the order of their ends.
	begun, ended []*flight
	// newest is when the last of the acknowledged deliveries was begun.
	newest time.Time
	// grown counts the acknowledgements since limit was last raised.
	grown int
	// probing: a batch's worth failed, and a few more may be begun, from the other end of the
	// queue.
	probing bool
	// slowedAt is when limit was lowered. opens is when the receiver wants deliveries again; it
	// said so at refusedAt.
	slowedAt, opens, refusedAt time.Time
}

// flight is one delivery.
type flight struct {
	outbox.Delivery

	began  time.Time
	took   time.Duration
	cancel context.CancelFunc
	// ended: there is an outcome. failed: it is a failure, and not the same refusal as another's.
	// hung: it is one that took long. cut: it was ended by us.
	// overtaken: one that was begun later had been acknowledged when it ended.
	ended, acknowledged, failed, hung, overtaken, cut bool
}

func newReceiver(most int) *receiver {
	limit := min(firstInFlight, most)
	return &receiver{most: most, limit: limit, peak: limit}
}

func (r *receiver) inFlight() int { return len(r.flying) }

// admits reports whether another delivery may be begun. None is when those in flight make the
// failures as many as are tolerated, should they fail too.
func (r *receiver) admits(now time.Time) bool {
	return len(r.flying) < r.limit && r.spare() > 0 && !now.Before(r.opens)
}

// spare is how many more deliveries may be begun before the first outcome of those in flight.
func (r *receiver) spare() int { return r.tolerated() - r.failures() - len(r.flying) }

// tolerated is how many deliveries may fail one after the other: a batch's worth, and the probes.
func (r *receiver) tolerated() int {
	if r.probing {
		return r.peak + probes
	}
	return r.peak
}

// isDoubtful reports whether a batch's worth of deliveries failed one after the other, from one end
// of the queue. The receiver is down, or it refuses these events for what they are.
func (r *receiver) isDoubtful() bool { return !r.probing && r.failures() >= r.peak }

// isDown reports whether the receiver is to be left alone until the next sweep: the probes failed
// too, or it wants a longer pause than this sweep has time for.
func (r *receiver) isDown(ctx context.Context, now time.Time) bool {
	end, bounded := ctx.Deadline()
	return r.probing && r.failures() >= r.tolerated() || r.opens.Sub(now) > shortPause || bounded && r.opens.After(end)
}

func (r *receiver) begin(e outbox.Delivery, now time.Time, cancel context.CancelFunc) *flight {
	f := &flight{Delivery: e, began: now, cancel: cancel}
	r.flying = append(r.flying, f)
	r.begun = remember(r.begun, remembered, f)
	return f
}

// failures counts the deliveries that failed of those that were begun after the last that was
// acknowledged. In the order of their ends, those that hang would follow each other.
func (r *receiver) failures() int {
	n := 0
	for _, f := range slices.Backward(r.begun) {
		switch {
		case f.failed:
			n++
		case f.acknowledged:
			return n
		}
	}
	return n
}

// end takes the outcome of a delivery.
func (r *receiver) end(f *flight, err error, now time.Time) {
	r.flying = slices.DeleteFunc(r.flying, func(other *flight) bool { return other == f })
	r.ended = remember(r.ended, hangWindow, f)
	f.ended, f.took = true, now.Sub(f.began)
	if err == nil {
		f.acknowledged, r.newest = true, later(r.newest, f.began)
		r.grow()
		r.probing = r.probing && r.failures() >= r.peak
		return
	}
	f.hung, f.overtaken = f.took >= hurriedDelivery, f.began.Before(r.newest)
	f.failed = !f.began.Before(r.refusedAt) // those in flight when it asked for a pause are one refusal
	if pause := pauseOf(err); pause > 0 {
		r.refuse(now, min(pause, maxPause))
	}
	if r.slowed(func(f *flight) bool { return f.hung && f.began.After(r.slowedAt) }) {
		r.limit, r.slowedAt = max(r.limit/2, 1), now
	}
}

// grow allows one more in flight for each acknowledgement; once too many were in flight, for as
// many as were in flight.
func (r *receiver) grow() {
	if r.grown++; !r.slowedAt.IsZero() && r.grown < r.limit {
		return
	}
	r.grown, r.limit = 0, min(r.limit+1, r.most)
	r.peak = max(r.peak, r.limit)
}

// refuse notes a pause that the receiver asked for. It may have asked because of too many at once.
func (r *receiver) refuse(now time.Time, pause time.Duration) {
	if !now.Before(r.opens) {
		r.limit, r.slowedAt, r.refusedAt = max(r.limit/2, 1), now, now
	}
	r.opens = later(r.opens, now.Add(pause))
}

// pauseOf is how long the receiver wants no delivery, by the answer that an error is; 0 if it does
// not say.
func pauseOf(err error) time.Duration {
	if answer, is := errors.AsType[*outbox.DeliveryError](err); is && answer.IsBusy() {
		return answer.RetryAfter
	}
	return 0
}

// cutHanging ends a delivery that hangs for too long. It is called with each beat, and ends one at
// a time: between many at once, no answer would show that the receiver as a whole is well.
func (r *receiver) cutHanging(now time.Time) {
	bound := r.bound(now)
	for _, f := range r.flying {
		if !f.cut && now.Sub(f.began) >= bound {
			f.cut = true
			f.cancel()
			return
		}
	}
}

// bound is how long a delivery may take now.
func (r *receiver) bound(now time.Time) time.Duration {
	if r.hangs(now) > toleratedHangs && !r.isSlow() {
		return hurriedDelivery
	}
	return longestDelivery
}

// hangs counts those of the last deliveries that hung, and those in flight of which it can be said
// already: others were begun after them and are acknowledged, and none has taken nearly as long.
func (r *receiver) hangs(now time.Time) int {
	n, slowest := 0, time.Duration(0)
	for _, f := range r.ended {
		switch {
		case f.hung:
			n++
		case f.acknowledged:
			slowest = max(slowest, f.took)
		}
	}
	for _, f := range r.flying {
		if age := now.Sub(f.began); age >= max(hurriedDelivery, 3*slowest) && f.began.Before(r.newest) {
			n++
		}
	}
	return n
}

// isSlow reports whether half of the last deliveries hung, and none begun after them was answered:
// the receiver may need more time for each.
func (r *receiver) isSlow() bool {
	return r.slowed(func(f *flight) bool { return f.hung && !f.overtaken })
}

// slowed reports whether half of the last slowWindow deliveries are such.
func (r *receiver) slowed(such func(*flight) bool) bool {
	n := 0
	for _, f := range r.ended[max(len(r.ended)-slowWindow, 0):] {
		if such(f) {
			n++
		}
	}
	return n >= slowWindow/2
}

// remember appends to the last deliveries, at most so many.
func remember(last []*flight, most int, f *flight) []*flight {
	if len(last) == most {
		last = slices.Delete(last, 0, 1)
	}
	return append(last, f)
}
