// Package sweep closes all the registered orders that are due, and delivers the events that tell
// what became of them. One order's way is package closing's; here are the leases, the pace, what is
// recorded and what is reported.
//
// An order is due at its close_at, again after an attempt that ended nothing, and when a lease ran
// out, which is what a crash leaves behind. docs/adr/0013-sweeping.md has the reasons.
package sweep

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/order"
)

// Sweeper closes the registered orders that are due, and delivers events. Gateway, Merchant and
// Store are required. Any number of processes may sweep at once, since an order is under one lease
// at a time. A Sweeper may be used by one call after another, or by several.
type Sweeper struct {
	Gateway  closing.Gateway
	Merchant order.Merchant
	Store    Backlog

	// CloseFirst sends a close before asking for the state: one exchange less for orders that were
	// not paid, and a refusal for each that was.
	CloseFirst bool
	// DoubtfulOnly only asks, and closes nothing: it resolves the orders whose closing began and
	// whose end is not known. What it finds open is due to be closed at once, by another sweep.
	DoubtfulOnly bool
	// Confirm is as closing.Closer's.
	Confirm bool

	// Concurrency is how many orders are attempted at once; DefaultConcurrency(0) when 0.
	Concurrency int
	// PerSecond is how many calls a second may be made in the merchant's name, by all sweepers
	// together; DefaultPerSecond when 0. The rate is halved after each FREQUENCY_LIMITED and
	// grows back.
	PerSecond float64
	// MaxAttempts is after how many attempts an order is given up; 12 when 0, which takes twenty
	// hours.
	MaxAttempts int
	// Lease is for how long an order is claimed; a minute when 0. It is how long orders wait whose
	// sweep was killed.
	Lease time.Duration

	// Shift is how far the store's clock is moved on, and WeChat Pay's, of which the replies do not
	// show it; nil for not at all. Only the emulator does that.
	Shift func() time.Duration

	// PruneAfter is how long orders are kept after their end; nothing is pruned when it is 0. A
	// sweep prunes without an archive, and only in the time that it has left.
	PruneAfter time.Duration

	// Notifier delivers events; they wait when it is nil.
	Notifier Notifier
	// Deliveries is how many events are in flight to the receiver at once, at most 64;
	// DefaultDeliveries(0) when 0.
	Deliveries int
	// Log has what a person has to look at; nothing is logged when it is nil.
	Log *slog.Logger
}

// DefaultPerSecond is the one figure that WeChat Pay publishes for a neighbour of these calls
// (refund queries, 300 a second); for closing and querying orders there is none.
const DefaultPerSecond = 300

// DefaultConcurrency is how many orders a function with so much memory attempts at once: one for
// each 4 MB, between 8 and 128; 16 when the memory is not known (0). An order takes a connection
// with its TLS state and a reply, well below a quarter of a megabyte. What bounds the rest is the
// processor, of which a function's share grows with its memory.
func DefaultConcurrency(memoryMB int) int {
	if memoryMB <= 0 {
		return 16
	}
	return min(max(memoryMB/4, 8), 128)
}

const (
	defaultAttempts = 12
	defaultLease    = time.Minute
	// longestOrder bounds one order's attempt: time for a query and a close of four seconds each,
	// and for queries to resolve the doubt that the close leaves.
	longestOrder = 20 * time.Second
	// maxWait bounds one order's pauses together, which keep others from being attempted: time for
	// "no such order" to be said twice.
	maxWait = 2 * time.Second
	// leaseReserve is the end of a lease, in which nothing is sent any more and only written down.
	leaseReserve = 10 * time.Second
	minLease     = longestOrder + 2*leaseReserve
	// toleratedFaults is how many writes in a row may fail before a sweep sends no more, since what
	// it learns cannot be recorded.
	toleratedFaults = 3
)

// The end of a sweep's time, in which nothing is begun and what is in flight is written down: a
// sixth of it, within these bounds.
const (
	minEnd = 500 * time.Millisecond
	maxEnd = 5 * time.Second
	// margin is for the report to be written and to reach the platform.
	margin = 100 * time.Millisecond
)

// RunOnce attempts the orders that are due, as many as fit before ctx's deadline (all, when it has
// none), and delivers events. Whatever it began is recorded, or reported as Unrecorded, before it
// returns; nothing goes on afterwards.
//
// The error is not nil only when no order could be claimed because the store cannot be asked:
// nothing was done then, and another try may do better. All else is in the Report.
func (s *Sweeper) RunOnce(ctx context.Context) (Report, error) {
	start := time.Now()
	w, ctx, cancel := s.begin(ctx, start)
	defer cancel()
	err := w.run(ctx)
	if err == nil {
		w.report.Status = w.status(ctx)
		w.prune(ctx)
	}
	w.report.unconfigured = w.unconfigured.Load()
	w.report.Took = time.Since(start).Milliseconds()
	return w.report.counted(w.endings), err
}

// begin shares out the time there is. The context that it returns is for exchanges; writes have
// until the sweep's end.
func (s *Sweeper) begin(ctx context.Context, now time.Time) (*sweep, context.Context, context.CancelFunc) {
	w := &sweep{
		Sweeper:  *s,
		shortest: 2 * time.Second,
		wake:     make(chan struct{}, 1),
		endings:  map[ending]int{},
	}
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	w.Concurrency = cmp.Or(max(s.Concurrency, 0), DefaultConcurrency(0))
	w.atOnce = w.Concurrency
	w.Deliveries = min(cmp.Or(max(s.Deliveries, 0), DefaultDeliveries(0)), maxInFlight)
	w.MaxAttempts = cmp.Or(max(s.MaxAttempts, 0), defaultAttempts)
	w.Lease = max(cmp.Or(s.Lease, defaultLease), minLease)
	w.pace = newPace(s.Store, s.Merchant.Account(), cmp.Or(max(s.PerSecond, 0), DefaultPerSecond), w.Log)
	deadline, ok := ctx.Deadline()
	if !ok {
		ctx, cancel := context.WithCancel(ctx)
		return w, ctx, cancel
	}
	left := deadline.Sub(now)
	w.end = deadline.Add(-margin)
	w.shortest = min(w.shortest, left/10)
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(-min(max(left/6, minEnd), maxEnd)))
	return w, ctx, cancel
}
