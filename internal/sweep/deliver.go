package sweep

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"cloudpay/internal/backoff"
	"cloudpay/internal/deadline"
	"cloudpay/internal/schedule"
)

// Notifier delivers events to the receiver.
type Notifier interface {
	// Deliver delivers one event. It returns nil once the receiver has acknowledged it; the event
	// may be delivered again all the same. Its error is one line.
	Deliver(ctx context.Context, e schedule.Event) error
}

// An idleCloser is a Notifier that keeps connections. A frozen instance cannot see peers hang up,
// so the pool is emptied before each sweep: a dead connection would cost a delivery its whole
// timeout.
type idleCloser interface{ CloseIdleConnections() }

const (
	// deliveries is how many events are delivered at once. As many are leased, so that none of
	// those leased waits.
	deliveries = 8
	// longestDelivery bounds one delivery, and deliveryLease outlives it.
	longestDelivery = 10 * time.Second
	deliveryLease   = longestDelivery + 20*time.Second
	// maxDeliveries are spread over two and a half days by redelivery's pauses; then the event is
	// a dead letter.
	maxDeliveries = 20
	// storeTimeout bounds a question to the store, so that a store that hangs leaves time.
	storeTimeout = 3 * time.Second
)

// redelivery is the pauses after deliveries that failed.
var redelivery = backoff.Exponential{First: 30 * time.Second, Max: 6 * time.Hour, Late: 0.25}

// delivery delivers events that are due, while orders are swept and once more after it.
type delivery struct {
	*sweep

	// receiverDown: none of the last events was acknowledged.
	receiverDown bool
}

// run delivers until the sweep has ended and nothing is due, the time is up, or the receiver is
// down.
func (d *delivery) run(ctx context.Context) {
	if pool, is := d.Notifier.(idleCloser); is {
		pool.CloseIdleConnections()
	}
	for last := false; ; {
		for d.batch(ctx) {
			continue
		}
		if last || ctx.Err() != nil {
			return
		}
		_, more := <-d.wake
		last = !more
	}
}

// batch delivers as many events as fit side by side. It returns false when no others need be tried.
func (d *delivery) batch(ctx context.Context) bool {
	if d.noTimeLeft(ctx) || d.receiverDown {
		return false
	}
	due, err := d.claimDeliveries(ctx)
	if err != nil {
		d.Log.ErrorContext(ctx, "events to be told could not be read", "error", err)
	}
	var acknowledged atomic.Int32
	var group sync.WaitGroup
	for _, event := range due {
		group.Go(func() {
			if d.deliver(ctx, event) {
				acknowledged.Add(1)
			}
		})
	}
	group.Wait()
	// A receiver that acknowledged none of them is left alone until the next sweep.
	d.receiverDown = len(due) > 0 && acknowledged.Load() == 0
	return len(due) > 0
}

func (d *delivery) claimDeliveries(ctx context.Context) ([]schedule.Delivery, error) {
	ctx, cancel := deadline.Share(ctx, 3, storeTimeout)
	defer cancel()
	return d.Store.ClaimDeliveries(ctx, d.Merchant.Account(), deliveries, deliveryLease)
}

// deliver delivers one event, records whether it was acknowledged, and returns that.
func (d *delivery) deliver(ctx context.Context, e schedule.Delivery) bool {
	err := d.send(ctx, e.Event)
	acknowledged := err == nil
	write, cancel := d.writing(ctx)
	defer cancel()
	switch {
	case acknowledged:
		err = d.Store.Delivered(write, e)
		d.count(func(r *Report) { r.Told++ })
	case e.Attempts >= maxDeliveries:
		d.Log.ErrorContext(ctx, "an event could not be delivered and is not tried again", "event", e.Number, "kind", string(e.Kind),
			"outTradeNo", e.OutTradeNo, "attempts", e.Attempts, "error", err)
		err = d.Store.DeadLetter(write, e, err.Error())
		d.count(func(r *Report) { r.Dead++ })
	default:
		err = d.Store.Redeliver(write, e, redelivery.After(e.Attempts), err.Error())
		d.count(func(r *Report) { r.Untold++ })
	}
	if err != nil {
		d.Log.ErrorContext(ctx, "what became of an event could not be recorded; it may be told again", "event", e.Number, "error", err)
	}
	return acknowledged
}

func (d *delivery) send(ctx context.Context, e schedule.Event) (err error) {
	defer func() {
		if fault := d.faultOf(ctx, recover()); fault != nil {
			err = fault
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, longestDelivery)
	defer cancel()
	return d.Notifier.Deliver(ctx, e)
}
