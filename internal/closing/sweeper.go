package closing

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"cloudpay/internal/order"
)

// Sweeper closes the registered orders that are due, and tells what became of them. Gateway, Merchant and Store are required.
// Any number of processes may sweep at once: an order is under one lease at a time. A Sweeper may be used by one call after
// another, or by several.
type Sweeper struct {
	Gateway  Gateway
	Merchant order.Merchant
	Store    Backlog

	// CloseFirst sends a close before asking for the state: one exchange less for orders that nobody paid, and a refusal for
	// each that somebody did.
	CloseFirst bool
	// Settle only asks, and closes nothing: it deals with the orders whose closing began and whose end is not known. What it
	// finds open is due to be closed at once, by another sweep.
	Settle bool
	// Confirm is as Closer's.
	Confirm bool

	// Concurrency is how many orders are dealt with at once; DefaultConcurrency of nothing known when 0.
	Concurrency int
	// PerSecond is how many calls a second may be made in the merchant's name, by all sweepers together; DefaultPerSecond
	// when 0. WeChat Pay slows them all down when that is too much for it.
	PerSecond float64
	// MaxAttempts is after how many attempts an order is given up; 12 when 0, which takes twenty hours.
	MaxAttempts int
	// Lease is for how long an order is taken; a minute when 0. It is how long orders wait whose sweep was killed.
	Lease time.Duration

	// Teller is told what happened; nobody is when it is nil, and the events wait.
	Teller Teller
	// Log is told what a person has to look at; nobody when nil.
	Log *slog.Logger
}

// DefaultPerSecond is the one figure that WeChat Pay publishes for a neighbour of these calls (refund queries, 300 a second);
// for closing and querying orders there is none.
const DefaultPerSecond = 300

// DefaultConcurrency is how many orders a function with so much memory deals with at once: each takes a connection with its
// TLS state and a reply, well below a quarter of a megabyte, and a function's share of a processor grows with its memory.
// It is between 8 and 128; 16 when the memory is not known (0).
func DefaultConcurrency(memoryMB int) int {
	if memoryMB <= 0 {
		return 16
	}
	return min(max(memoryMB/4, 8), 128)
}

const (
	defaultAttempts = 12
	defaultLease    = time.Minute
	// longestOrder bounds dealing with one order: time for a query and a close of four seconds each, and to settle the doubt
	// that the close leaves.
	longestOrder = 20 * time.Second
	// sweepPatience is how long one order may hold up others by waiting: time for "no such order" to be said twice.
	sweepPatience = 2 * time.Second
	// leaseReserve is the end of a lease, in which nothing is asked any more and only written down.
	leaseReserve = 10 * time.Second
	leastLease   = longestOrder + 2*leaseReserve
	// writers is how many ends are written down at once: as many as a store has connections.
	writers = 8
	// toleratedFaults is how many writes in a row may fail before a sweep stops asking WeChat Pay what it cannot write down.
	toleratedFaults = 3
)

// The end of a sweep's time, in which nothing is begun and what is under way is written down: a sixth of it, within these.
const (
	leastEnd = 500 * time.Millisecond
	mostEnd  = 5 * time.Second
	// margin is for the report to be written and to reach the platform.
	margin = 100 * time.Millisecond
)

// RunOnce deals with the orders that are due, as many as fit before ctx's deadline (all, when it has none), and tells what
// became of them. Everything that it began is written down, or reported as Unrecorded, before it returns; nothing goes on
// afterwards.
//
// The error is not nil only when no order could be claimed because the store cannot be asked: nothing was done then, and
// another try may do better. All else is in the Report.
func (s *Sweeper) RunOnce(ctx context.Context) (Report, error) {
	start := time.Now()
	w, ctx, cancel := s.begin(ctx, start)
	defer cancel()
	err := w.run(ctx)
	w.report.Took = time.Since(start).Milliseconds()
	if err != nil {
		return w.report, err
	}
	return w.report, nil
}

// begin shares out the time there is. The context it returns is for what is asked; what is written has until the sweep's end.
func (s *Sweeper) begin(ctx context.Context, now time.Time) (*sweep, context.Context, context.CancelFunc) {
	w := &sweep{
		Sweeper:  *s,
		log:      logger(s.Log),
		shortest: 2 * time.Second,
		news:     make(chan struct{}, 1),
	}
	w.Concurrency = cmp.Or(max(s.Concurrency, 0), DefaultConcurrency(0))
	w.MaxAttempts = cmp.Or(max(s.MaxAttempts, 0), defaultAttempts)
	w.Lease = max(cmp.Or(s.Lease, defaultLease), leastLease)
	w.pace = &pace{
		quota: s.Store, of: s.Merchant.Account(), ceiling: cmp.Or(max(s.PerSecond, 0), DefaultPerSecond), log: w.log,
		filling: make(chan struct{}, 1),
	}
	w.pace.rate = w.pace.ceiling
	deadline, ok := ctx.Deadline()
	if !ok {
		ctx, cancel := context.WithCancel(ctx)
		return w, ctx, cancel
	}
	left := deadline.Sub(now)
	w.end = deadline.Add(-margin)
	w.shortest = min(w.shortest, left/10)
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(-min(max(left/6, leastEnd), mostEnd)))
	return w, ctx, cancel
}
