package closing

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/schedule"
	"cloudpay/internal/telemetry"
)

// sweep is one RunOnce. Orders go through it in three stages, each with goroutines of its own, so that WeChat Pay is kept
// busy while the store is asked for more and told of the last ones:
//
//	fetch: claims batches, one ahead of those who work them off
//	work:  asks WeChat Pay, Concurrency orders at once
//	write: writes down how each one ended
//
// Beside them runs a telling. All of them end before run does.
type sweep struct {
	Sweeper

	log  *slog.Logger
	pace *pace
	// end is when the last write may begin; zero when there is none.
	end time.Time
	// shortest is how much time there has to be left for an order to be begun.
	shortest time.Duration
	// news holds one word when there may be something new to tell. It is closed when there will be no more.
	news chan struct{}

	// hands counts the orders that are claimed and not dealt with.
	hands atomic.Int32
	// faults counts the writes that failed one after the other.
	faults atomic.Int32

	mu     sync.Mutex
	report Report
	// back are claims to be given back.
	back []schedule.Claim

	papers sync.Once
	// unconfigured: nothing can be asked of WeChat Pay until something is configured otherwise.
	unconfigured atomic.Bool
}

// lent is a claim as it is handed to a worker.
type lent struct {
	schedule.Claim
	// since is when it had been taken at the latest, until when nothing may be asked under it any more.
	since, until time.Time
}

func (w *sweep) run(ctx context.Context) error {
	claims := make(chan lent, w.Concurrency)
	endings := make(chan ending, 2*w.Concurrency)
	var workers, writing, tellers sync.WaitGroup
	for range w.Concurrency {
		workers.Go(func() {
			for l := range claims {
				w.work(ctx, l, endings)
			}
		})
	}
	for range writers {
		writing.Go(func() {
			for e := range endings {
				w.write(ctx, e)
			}
		})
	}
	if w.Teller != nil {
		tellers.Go(func() { (&telling{sweep: w}).run(ctx) })
	}
	err := w.fetch(ctx, claims)
	close(claims)
	workers.Wait()
	close(endings)
	if w.giveBack(ctx) {
		w.leave("")
	}
	writing.Wait()
	close(w.news)
	tellers.Wait()
	return err
}

// fetch claims batches until nothing is due or the time is up. While one waits to be taken up, those of the one before it are
// worked on, so that nobody waits for the store. A batch is small, since what is claimed cannot be worked on elsewhere.
func (w *sweep) fetch(ctx context.Context, claims chan<- lent) error {
	for first := true; ; first = false {
		if w.late(ctx) || w.halted() || !w.pace.ready(ctx) {
			w.leave("")
			return nil
		}
		if w.giveBack(ctx) {
			sleep(ctx, leastLimitPause) // who had no quota for them has none a moment later
			continue
		}
		room := w.room()
		if room <= 0 {
			sleep(ctx, w.pace.step())
			continue
		}
		before := time.Now()
		batch, err := w.claim(ctx, room)
		switch {
		case err != nil && first:
			return err
		case err != nil:
			w.log.ErrorContext(ctx, "no more orders could be claimed; the next sweep goes on", "error", err)
			w.leave(err.Error())
			return nil
		case len(batch) == 0:
			return nil
		}
		w.hands.Add(int32(len(batch))) //nolint:gosec // a batch is small
		w.count(func(r *Report) { r.Claimed += len(batch) })
		w.hand(ctx, claims, batch, before.Add(w.Lease-leaseReserve))
	}
}

// room is how many more orders may be claimed: no more than calls can be made for while they are dealt with.
func (w *sweep) room() int {
	return min(w.Concurrency, w.pace.within(longestOrder)/callsPerOrder-int(w.hands.Load()))
}

// callsPerOrder is what most orders take in a sweep, and half as many again.
const callsPerOrder = 3

// hand gives claims to whoever is free next. What nobody can take up in time is given back.
func (w *sweep) hand(ctx context.Context, claims chan<- lent, batch []schedule.Claim, until time.Time) {
	since := time.Now()
	for i, c := range batch {
		select {
		case claims <- lent{c, since, until}:
		case <-ctx.Done():
			w.putBack(batch[i:]...)
			return
		}
	}
}

func (w *sweep) claim(ctx context.Context, limit int) ([]schedule.Claim, error) {
	// A claim that is cut short may have been made all the same, and nobody would know to give it back.
	ctx, cancel := w.writing(ctx)
	defer cancel()
	if w.Settle {
		return w.Store.ClaimDoubtful(ctx, w.Merchant.Account(), limit, w.Lease)
	}
	return w.Store.Claim(ctx, w.Merchant.Account(), limit, w.Lease)
}

// work deals with one order, as far as there is time for it.
func (w *sweep) work(ctx context.Context, l lent, endings chan<- ending) {
	taken := time.Now()
	until := taken.Add(longestOrder)
	if l.until.Before(until) {
		until = l.until
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if w.late(ctx) || w.halted() {
		w.putBack(l.Claim)
		return
	}
	e, asked := w.settle(ctx, l)
	if !asked {
		w.putBack(l.Claim)
		return
	}
	w.hands.Add(-1)
	endings <- e
}

// late reports whether there is too little time left to begin anything.
func (w *sweep) late(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(deadline) < w.shortest
}

// settle finds out what becomes of an order. It returns false when the quota left no time to ask for anything that would have
// an effect, or the configuration lets nothing be asked: the claim is as good as untouched.
func (w *sweep) settle(ctx context.Context, l lent) (e ending, asked bool) {
	age := time.Since(l.since) // or a little more: it is never told too old
	if left := w.young(l.Claim, age); left > 0 {
		return ending{claim: l.Claim, setback: schedule.Retry{After: left, Reason: youngReason}}, true
	}
	call, err := l.Call(w.Merchant)
	if err != nil {
		result := refusal(err)
		return ending{
			claim: l.Claim, result: result,
			setback: schedule.Retry{After: pauseAfter(l.Attempts), InDoubt: l.InDoubt, Reason: reason(result)},
		}, true
	}
	r := newRun(w.Gateway, call, w.first())
	r.confirm, r.pace, r.patience, r.inDoubt = w.Confirm, w.pace, sweepPatience, l.InDoubt
	r.young = func() time.Duration { return w.young(l.Claim, age) }
	result := w.finish(ctx, r)
	w.count(func(report *Report) { report.Calls += r.attempts })
	if result.ErrCode == errcode.ConfigError && r.inDoubt == l.InDoubt {
		w.stopUnconfigured(ctx, result)
		return ending{}, false
	}
	return endingOf(l.Claim, r, result, age), !r.held || r.sent
}

func (w *sweep) first() state {
	switch {
	case w.Settle:
		return asking
	case w.CloseFirst:
		return closing
	}
	return looking
}

// young is for how long an order still is; one whose close may have been sent is not waited for.
func (w *sweep) young(c schedule.Claim, age time.Duration) time.Duration {
	if c.CreatedAt.IsZero() || c.InDoubt {
		return 0
	}
	return min(c.CreatedAt.Add(YoungOrder).Sub(c.ClaimedAt.Add(age)), YoungOrder)
}

// finish is the run's, but that a panic is doubt like any other: one order's must not end the sweep of all.
func (w *sweep) finish(ctx context.Context, r *run) (result order.Result) {
	var fault error
	defer func() {
		if fault != nil {
			r.inDoubt = r.inDoubt || r.sent
			result = order.Breakdown(bilingual.Wording(fault))
		}
	}()
	defer w.caught(ctx, &fault)
	return r.finish(ctx)
}

// caught turns a panic into an error. It is to be deferred.
func (w *sweep) caught(ctx context.Context, err *error) {
	if fault := recover(); fault != nil { //nolint:revive // it is deferred itself
		w.log.ErrorContext(ctx, "panic", "fault", telemetry.PanicKind(fault), "stack", string(debug.Stack()))
		*err = errors.New("a fault of the function's own; its log has more")
	}
}

// warnOfPapers logs once a sweep that WeChat Pay refuses the merchant's own papers: every order of
// the sweep fails by it, and none of them says so before it is given up.
func (w *sweep) warnOfPapers(ctx context.Context, result order.Result) {
	if !errcode.IsOfMerchant(result.ErrCode) {
		return
	}
	w.papers.Do(func() {
		row, _ := errcode.Lookup(result.ErrCode)
		w.log.WarnContext(ctx, "WeChat Pay refuses the merchant's own papers; no order can be closed until they are mended",
			"outTradeNo", result.OutTradeNo, "errCode", result.ErrCode, "errCodeDes", result.ErrCodeDes, "remedy", row.Remedy)
	})
}

// stopUnconfigured ends the sweep for a fault of the configuration, which every order would meet.
// It is no attempt of any of them: they stay due, and the next sweep tries again, since what says
// so may be unsigned.
func (w *sweep) stopUnconfigured(ctx context.Context, result order.Result) {
	if w.unconfigured.Swap(true) {
		return
	}
	w.log.ErrorContext(ctx, "nothing can be asked of WeChat Pay as it is configured; orders stay due, and the next sweep tries again",
		"errCode", result.ErrCode, "errCodeDes", result.ErrCodeDes)
	w.leave(result.ErrCode + ": " + result.ErrCodeDes)
}

// write writes down what became of an order.
func (w *sweep) write(ctx context.Context, e ending) {
	w.warnOfPapers(ctx, e.result)
	write, cancel := w.writing(ctx)
	defer cancel()
	field, err := w.record(write, e)
	_, lost := errors.AsType[*schedule.LostClaimError](err)
	_, contradicted := errors.AsType[*schedule.ContradictionError](err)
	switch {
	case err == nil:
	case lost:
		field = func(r *Report) *int { return &r.Lost }
	case contradicted:
		w.log.ErrorContext(ctx, "two signed answers contradict each other", "error", err)
		field = func(r *Report) *int { return &r.Contradicted }
	default:
		w.log.ErrorContext(ctx, "what became of an order could not be recorded; it is due again when its lease has run out", "error", err)
		w.faults.Add(1)
		w.count(func(r *Report) { r.Unrecorded++ })
		return
	}
	w.faults.Store(0)
	w.count(func(r *Report) { *field(r)++ })
	w.announce()
}

// record tells the store, and says where the report counts it.
func (w *sweep) record(ctx context.Context, e ending) (field func(*Report) *int, err error) {
	if e.ended {
		return fieldOf(e), w.Store.Finish(ctx, e.claim, e.final)
	}
	if e.claim.Attempts >= w.MaxAttempts && e.hopeless() {
		err := w.Store.GiveUp(ctx, e.claim, e.setback)
		if err == nil {
			w.log.ErrorContext(ctx, "an order is given up: a person has to look", "outTradeNo", e.claim.OutTradeNo,
				"order", e.claim.String(), "attempts", e.claim.Attempts, "reason", e.setback.Reason)
		}
		return func(r *Report) *int { return &r.GaveUp }, err
	}
	return func(r *Report) *int { return &r.Retried }, w.Store.Retry(ctx, e.claim, e.setback)
}

// hopeless reports whether another attempt is likely to end as this one. It is not where the order had no fair attempt: asked
// too often, too young, too new to be found, or found open by who does not close.
func (e ending) hopeless() bool {
	switch e.result.Outcome {
	case order.OutcomeUnknown, order.OutcomeRefused, order.OutcomePaid: // paid: nobody knows how much
		return true
	case order.OutcomeFound:
		return e.setback.InDoubt
	default:
		return false
	}
}

func fieldOf(e ending) func(*Report) *int {
	switch {
	case e.final.State == schedule.FinalPaid:
		return func(r *Report) *int { return &r.Paid }
	case e.final.State == schedule.FinalNotFound:
		return func(r *Report) *int { return &r.NotFound }
	case e.result.Outcome == order.OutcomeClosed:
		return func(r *Report) *int { return &r.Closed }
	}
	return func(r *Report) *int { return &r.AlreadyClosed }
}

// writing is the context to write in; see the function of the same name.
func (w *sweep) writing(ctx context.Context) (context.Context, context.CancelFunc) {
	until := time.Now().Add(longestWrite)
	if !w.end.IsZero() && w.end.Before(until) {
		until = w.end
	}
	return context.WithDeadline(context.WithoutCancel(ctx), until)
}

func (w *sweep) putBack(claims ...schedule.Claim) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.back = append(w.back, claims...)
	w.hands.Add(-int32(len(claims))) //nolint:gosec // a batch is small
}

// giveBack releases the claims that nothing was sent under, and returns whether there were any.
func (w *sweep) giveBack(ctx context.Context) bool {
	w.mu.Lock()
	back := w.back
	w.back = nil
	w.mu.Unlock()
	if len(back) == 0 {
		return false
	}
	ctx, cancel := w.writing(ctx)
	defer cancel()
	n, err := w.Store.Release(ctx, back)
	if err != nil {
		w.log.ErrorContext(ctx, "claims could not be given back; they are due again when their lease has run out", "error", err)
		w.faults.Add(1)
		w.count(func(r *Report) { r.Unrecorded += len(back) })
		return true
	}
	w.count(func(r *Report) {
		r.Released += n
		r.Lost += len(back) - n
	})
	return true
}

// halted reports whether nothing can be asked, or the store fails so often that asking on would
// leave more and more unsaid.
func (w *sweep) halted() bool {
	if w.unconfigured.Load() {
		return true
	}
	if w.faults.Load() < toleratedFaults {
		return false
	}
	w.leave("what became of orders could not be recorded")
	return true
}

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

// announce says that there may be something to tell.
func (w *sweep) announce() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}
