package sweep

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/decision"
)

// sweep is one RunOnce. Orders go through it in three stages, each with goroutines of its own, so
// that WeChat Pay is kept busy while the store is asked for more and told of the last ones:
//
//	fetch:   claims batches, one ahead of the workers
//	attempt: asks WeChat Pay, Concurrency orders at once
//	record:  records the decisions on them, ends and retries in batches
//
// Beside them runs the outbox's delivery. All of them end before run does.
type sweep struct {
	Sweeper

	pace *pace
	// end is the deadline of all writes; zero when there is none.
	end time.Time
	// shortest is how much time has to be left for an order to be begun.
	shortest time.Duration
	// wake holds a token when there may be a new event to deliver. It is closed when there will be
	// no more.
	wake chan struct{}

	// doubtlessAt is when fetch last found no order in doubt.
	doubtlessAt time.Time
	// atOnce is how many orders a claim takes at most: as many as there are workers, or more if
	// they are faster than claims. Only fetch uses it.
	atOnce int
	// inFlight counts the orders that are claimed and not attempted to the end.
	inFlight atomic.Int64
	// faults counts the writes that failed one after the other.
	faults atomic.Int32
	// unconfigured: nothing can be asked of WeChat Pay until the configuration is mended.
	unconfigured atomic.Bool
	credentials  sync.Once // see failed
	clock        clock

	mu      sync.Mutex
	report  Report
	endings map[ending]int
	// unstarted are claims to be released.
	unstarted []schedule.Claim
}

// leasedClaim is a claim as it is handed to a worker.
type leasedClaim struct {
	schedule.Claim

	// The order was claimed between before and since. After until, nothing may be sent under the
	// claim.
	before, since, until time.Time
}

func (w *sweep) run(ctx context.Context) error {
	claims := make(chan leasedClaim, w.Concurrency)
	recording := w.beginRecording(ctx)
	var attempting, delivering sync.WaitGroup
	for range w.Concurrency {
		attempting.Go(func() {
			for l := range claims {
				w.work(ctx, l, recording)
			}
		})
	}
	if w.Notifier != nil {
		delivering.Go(func() { (&delivery{sweep: w}).run(ctx) })
	}
	err := w.fetch(ctx, claims)
	close(claims)
	attempting.Wait()
	recording.close()
	if w.release(ctx) {
		w.leave("")
	}
	recording.Wait()
	close(w.wake)
	delivering.Wait()
	return err
}

// fetch claims batches until nothing is due or the time is up. A batch waits to be taken up while
// the one before it is worked on, so that no worker waits for the store. It is small, since what is
// claimed cannot be attempted elsewhere.
func (w *sweep) fetch(ctx context.Context, claims chan<- leasedClaim) error {
	for first := true; ; first = false {
		if w.noTimeLeft(ctx) || w.halted() || !w.pace.ready(ctx) {
			w.leave("")
			return nil
		}
		if w.release(ctx) {
			deadline.Sleep(ctx, minLimitPause) // there was no quota for them, and is none a moment later
			continue
		}
		room := w.room()
		if room <= 0 {
			deadline.Sleep(ctx, w.pace.step())
			continue
		}
		before := time.Now()
		batch, err := w.claim(ctx, room)
		switch {
		case err != nil && first:
			return err
		case err != nil:
			w.Log.ErrorContext(ctx, "no more orders could be claimed; the next sweep goes on", "error", err)
			w.leave(err.Error())
			return nil
		case len(batch) == 0:
			return nil
		}
		if !first {
			w.fit()
		}
		w.inFlight.Add(int64(len(batch)))
		w.count(func(r *Report) { r.Claimed += len(batch) })
		w.hand(ctx, claims, batch, before)
	}
}

// room is how many more orders may be claimed: no more than calls can be made for while they are
// attempted.
func (w *sweep) room() int {
	return min(w.atOnce, w.pace.within(longestOrder)/callsPerOrder-int(w.inFlight.Load()))
}

// fit has the next claim take twice as many orders if workers were idle when this one was
// answered, and half as many if none was: what a claim costs depends little on how many it takes.
func (w *sweep) fit() {
	const most = 4
	if int(w.inFlight.Load()) < w.Concurrency {
		w.atOnce = min(2*w.atOnce, most*w.Concurrency)
	} else {
		w.atOnce = max(w.atOnce/2, w.Concurrency)
	}
}

// doubtfulEvery is how often orders in doubt are asked for while others are claimed.
const doubtfulEvery = 20 * time.Second

// callsPerOrder is what most orders take in a sweep, and half as many again.
const callsPerOrder = 3

// hand gives claims to whichever worker is free next. Those that none can take up in time are
// released.
func (w *sweep) hand(ctx context.Context, claims chan<- leasedClaim, batch []schedule.Claim, before time.Time) {
	since := time.Now()
	until := before.Add(w.Lease - leaseReserve)
	for i, c := range batch {
		select {
		case claims <- leasedClaim{c, before, since, until}:
		case <-ctx.Done():
			w.putBack(batch[i:]...)
			return
		}
	}
}

// claim claims orders in doubt until there are none, and then waiting ones. Others come into doubt
// meanwhile, so that it asks for them again from time to time.
func (w *sweep) claim(ctx context.Context, limit int) ([]schedule.Claim, error) {
	if w.DoubtfulOnly || time.Since(w.doubtlessAt) >= doubtfulEvery {
		batch, err := w.claimFrom(ctx, w.Store.ClaimDoubtful, limit)
		if w.DoubtfulOnly || len(batch) > 0 || err != nil {
			return batch, err
		}
		w.doubtlessAt = time.Now()
	}
	return w.claimFrom(ctx, w.Store.Claim, limit)
}

// claimFrom claims in time of its own: a claim that is cut short may have been made all the same,
// and would not be released.
func (w *sweep) claimFrom(
	ctx context.Context, claim func(context.Context, order.Account, int, time.Duration) ([]schedule.Claim, error), limit int,
) ([]schedule.Claim, error) {
	ctx, cancel := w.writing(ctx)
	defer cancel()
	return claim(ctx, w.Merchant.Account(), limit, w.Lease)
}

// work attempts one order, as far as there is time for it.
func (w *sweep) work(ctx context.Context, l leasedClaim, to *recording) {
	until := time.Now().Add(longestOrder)
	if l.until.Before(until) {
		until = l.until
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if w.noTimeLeft(ctx) || w.halted() {
		w.putBack(l.Claim)
		return
	}
	d := w.attempt(ctx, l)
	if d.Action == decision.Release {
		w.putBack(l.Claim)
		return
	}
	w.inFlight.Add(-1)
	to.put(d)
}

// noTimeLeft reports whether there is too little time left to begin an order.
func (w *sweep) noTimeLeft(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(end) < w.shortest
}

// halted reports whether nothing more may be sent: nothing can be, or what it brings could not be
// recorded.
func (w *sweep) halted() bool {
	if w.unconfigured.Load() {
		return true
	}
	if !w.storeDown() {
		return false
	}
	w.leave("what became of orders could not be recorded")
	return true
}

// storeDown reports whether the last writes all failed.
func (w *sweep) storeDown() bool { return w.faults.Load() >= toleratedFaults }

// leave notes that there is work left, and why.
func (w *sweep) leave(fault string) {
	w.count(func(r *Report) {
		r.Left = true
		if r.Fault == "" {
			r.Fault = fault
		}
	})
}

func (w *sweep) count(change func(*Report)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.report)
}

// ended counts claims by what became of them.
func (w *sweep) ended(as ending, claims int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endings[as] += claims
}
