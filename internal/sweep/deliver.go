package sweep

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"cloudpay/internal/backoff"
	"cloudpay/internal/deadline"
	"cloudpay/internal/schedule/outbox"
)

// Notifier delivers events to the receiver.
type Notifier interface {
	// Deliver delivers one event. It returns nil once the receiver has acknowledged it; the event
	// may be delivered again all the same. Its error is one line: a *outbox.DeliveryError for an
	// answer of the receiver's.
	Deliver(ctx context.Context, e outbox.Event) error
}

// An idleCloser is a Notifier that keeps connections. A frozen instance cannot see peers hang up,
// so the pool is emptied before each sweep: a dead connection would cost a delivery its whole
// timeout.
type idleCloser interface{ CloseIdleConnections() }

const (
	// maxInFlight is the most deliveries that a sweep has in flight, and that it claims or records
	// by one statement.
	maxInFlight = 64
	// firstInFlight is how many are in flight at first. Each that is acknowledged allows one more,
	// so that a receiver that is down costs a sweep few attempts: these, and the probes.
	firstInFlight = 8
	// longestDelivery bounds one delivery. A lease outlives a delivery that begins late, and the
	// recording of it.
	longestDelivery = 10 * time.Second
	deliveryLease   = longestDelivery + 20*time.Second
	// maxDeliveries are spread over two and a half days by redelivery's pauses; then the event is
	// a dead letter.
	maxDeliveries = 20
	// storeTimeout bounds a question to the store, so that a store that hangs leaves time.
	storeTimeout = 3 * time.Second
	// beat is how often deliveries in flight are looked at, and the pause before claims when the
	// one before found few.
	beat = 25 * time.Millisecond
)

// DefaultDeliveries is how many deliveries a function with so much memory in MB has in flight: as
// many as it attempts orders (DefaultConcurrency), but no more than 64.
func DefaultDeliveries(memoryMB int) int { return min(DefaultConcurrency(memoryMB), maxInFlight) }

// redelivery is the pauses after deliveries that failed.
var redelivery = backoff.Exponential{First: 30 * time.Second, Max: 6 * time.Hour, Late: 0.25}

// delivery delivers events that are due, while orders are swept and once more after it. Events go
// through it in three stages:
//
//	claim:  leases batches, one ahead of what is in flight
//	send:   a goroutine for each event in flight, as many as the receiver may have
//	record: records what became of them, in batches
//
// The goroutine of run owns the state of all but the last.
type delivery struct {
	*sweep

	receiver *receiver
	// waiting are claimed, and not in flight yet.
	waiting []leasedDelivery
	claimed chan claimedBatch
	ended   chan landing
	// landed is what the recorder takes.
	landed chan landing
	tasks  sync.WaitGroup

	// claiming: a claim is under way. nextClaim is when there may be another.
	claiming  bool
	nextClaim time.Time
	// more: there may be events to claim. woken: there may be some that the claim under way does
	// not see. last: no more will come.
	more, woken, last bool
	// newest: the newest events are claimed, and not those due longest.
	newest bool
	// stopped: nothing more is begun.
	stopped bool
	// unrecordable: the last batches could not be recorded.
	unrecordable atomic.Bool
}

// leasedDelivery is an event with the time after which it is not begun.
type leasedDelivery struct {
	outbox.Delivery

	until time.Time
}

// claimedBatch is what one claim took. newest: from the end of the newest events.
type claimedBatch struct {
	events []leasedDelivery
	newest bool
}

// run delivers until the sweep has ended and nothing is due, the time is up, or the receiver is
// down.
func (d *delivery) run(ctx context.Context) {
	if pool, is := d.Notifier.(idleCloser); is {
		pool.CloseIdleConnections()
	}
	d.claimed, d.ended = make(chan claimedBatch, 1), make(chan landing, maxInFlight)
	d.landed = make(chan landing, 4*maxInFlight)
	d.receiver, d.more = newReceiver(d.Deliveries), true
	r := &recorder{delivery: d}
	r.meet(ctx)
	var recording sync.WaitGroup
	recording.Go(func() { r.run(ctx) })
	d.dispatch(ctx)
	d.tasks.Wait()
	close(d.landed)
	recording.Wait()
	r.alarm(ctx)
}

// dispatch begins deliveries and claims until all is done.
func (d *delivery) dispatch(ctx context.Context) {
	beats := time.NewTicker(beat)
	defer beats.Stop()
	wake := d.wake
	for {
		d.begin(ctx)
		d.claim(ctx)
		if d.isDone() {
			return
		}
		select {
		case l := <-d.ended:
			d.receiver.end(l.flight, l.err, time.Now())
			d.landed <- l
		case batch := <-d.claimed:
			d.take(batch)
		case _, more := <-wake:
			d.more, d.woken = true, true
			if !more {
				wake, d.last, d.nextClaim = nil, true, time.Time{}
			}
		case <-beats.C:
			d.receiver.cutHanging(time.Now())
		}
	}
}

// isDone reports whether nothing is under way, and nothing more is to be begun.
func (d *delivery) isDone() bool {
	idle := !d.claiming && d.receiver.inFlight() == 0 && len(d.waiting) == 0
	return idle && (d.stopped || d.last && !d.more)
}

// begin sends the events that wait, as many as the receiver may have. None is begun when too little
// time is left, or the receiver is down: what waits is given back.
func (d *delivery) begin(ctx context.Context) {
	now := time.Now()
	switch {
	case d.noTimeLeft(ctx), d.unrecordable.Load(), d.receiver.isDown(ctx, now):
		d.stopped = true
	case d.receiver.isDoubtful():
		d.turn()
	}
	for len(d.waiting) > 0 && (d.stopped || now.After(d.waiting[0].until)) {
		d.giveBack(d.waiting[:1])
		d.waiting = d.waiting[1:]
	}
	for len(d.waiting) > 0 && d.receiver.admits(now) {
		sending, cancel := context.WithTimeout(ctx, longestDelivery)
		f := d.receiver.begin(d.waiting[0].Delivery, now, cancel)
		d.waiting = d.waiting[1:]
		d.tasks.Go(func() {
			defer cancel()
			err := d.send(sending, f.Event)
			d.ended <- landing{flight: f, err: err, outOfTime: ctx.Err() != nil}
		})
	}
}

// turn goes on at the other end of the queue, with a few probes first. Events that the receiver
// refuses for what they are would otherwise keep all that are behind them.
func (d *delivery) turn() {
	d.giveBack(d.waiting)
	d.waiting, d.more, d.nextClaim = nil, true, time.Time{}
	d.newest, d.receiver.probing = !d.newest, true
}

// giveBack returns claimed events to the register: they were not sent.
func (d *delivery) giveBack(events []leasedDelivery) {
	for _, e := range events {
		d.landed <- landing{flight: &flight{Delivery: e.Delivery}, unsent: true}
	}
}

// claim has a batch claimed while the one before it is sent. Of probes no more are claimed than may
// be begun.
func (d *delivery) claim(ctx context.Context) {
	n := d.receiver.limit
	if d.receiver.probing {
		n = min(n, d.receiver.spare())
	}
	if d.stopped || d.claiming || !d.more || len(d.waiting) >= n || time.Now().Before(d.nextClaim) {
		return
	}
	d.claiming, d.woken = true, false
	newest := d.newest
	d.tasks.Go(func() { d.claimed <- claimedBatch{d.claimDeliveries(ctx, n, newest), newest} })
}

// take takes what was claimed, unless delivery has turned to the other end meanwhile. After a claim
// that found few, others may be due in a moment.
func (d *delivery) take(batch claimedBatch) {
	d.claiming = false
	if batch.newest != d.newest {
		d.giveBack(batch.events)
		return
	}
	d.waiting = append(d.waiting, batch.events...)
	d.more = len(batch.events) > 0 || d.woken
	if !d.last && !d.receiver.probing && len(batch.events) < firstInFlight {
		d.nextClaim = time.Now().Add(beat)
	}
}

func (d *delivery) claimDeliveries(ctx context.Context, n int, newest bool) []leasedDelivery {
	ctx, cancel := deadline.Share(ctx, 3, storeTimeout)
	defer cancel()
	until := time.Now().Add(deliveryLease - longestDelivery - longestWrite)
	claim := d.Store.ClaimDeliveries
	if newest {
		claim = d.Store.ClaimNewestDeliveries
	}
	due, err := claim(ctx, d.Merchant.Account(), n, deliveryLease)
	if err != nil {
		d.Log.ErrorContext(ctx, "events to be delivered could not be read", "error", err)
	}
	batch := make([]leasedDelivery, 0, len(due))
	for _, e := range due {
		batch = append(batch, leasedDelivery{e, until})
	}
	return batch
}

func (d *delivery) send(ctx context.Context, e outbox.Event) (err error) {
	defer func() {
		if fault := d.faultOf(ctx, recover()); fault != nil {
			err = fault
		}
	}()
	return d.Notifier.Deliver(ctx, e)
}
