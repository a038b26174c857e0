package closing

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

const (
	// findable is how old a registration has to be for "there is no such order" to be an end: it may have been made before
	// the order was, and WeChat Pay's own copies may lag.
	findable = 10 * time.Minute
	// An attempt that ended nothing is followed by another, after these pauses: a minute, two, four, … With the default of
	// twelve attempts they spread over twenty hours.
	firstPause = time.Minute
	lastPause  = 6 * time.Hour
	// longestWrite bounds writing down how one order ended.
	longestWrite = 5 * time.Second
)

// An ending is what became of a claim, as it is to be written down.
type ending struct {
	claim  schedule.Claim
	result order.Result
	// final is what ended the order, where ended says that something did.
	final schedule.Final
	ended bool
	// setback is what to write otherwise.
	setback schedule.Retry
}

// endingOf is what a run that has ended means for the order that is claimed. age is how long ago the claim was taken.
func endingOf(c schedule.Claim, r *run, result order.Result, age time.Duration) ending {
	e := ending{claim: c, result: result}
	e.final, e.ended = schedule.FinalFromResult(result)
	old := c.ClaimedAt.Add(age).Sub(c.RegisteredAt)
	if e.ended && e.final.State == schedule.FinalNotFound && old < findable {
		e.ended = false
	}
	lacking := e.ended && unpriced(c.Entry, e.final)
	if e.ended && !lacking {
		return e
	}
	e.ended = false
	e.setback = schedule.Retry{
		After:         max(pauseAfter(c.Attempts), time.Duration(result.RetryAfter)*time.Second),
		InDoubt:       r.inDoubt || lacking,
		TradeState:    r.seen,
		Authenticated: r.seen != "",
		Reason:        reason(result),
	}
	switch {
	case lacking:
		e.setback.Reason = "paid, but its query did not say how much"
	case result.Outcome == order.OutcomeNotFound:
		e.setback.After = findable - old
	case result.Outcome == order.OutcomeFound && result.TradeState.Unpaid():
		e.setback.After = 0 // nothing is in doubt any more: it is to be closed
	case result.Outcome == order.OutcomeTooSoon:
		// It is not the order's fault, so the pause does not grow with its attempts.
		e.setback.After = jitter(time.Duration(result.RetryAfter) * time.Second)
	}
	return e
}

// unpriced reports whether an order was paid whose amount is to be compared with what was registered, and the payment's facts
// were not to be had. It is no end to be kept: the event would say that all is well, and nobody would ask again.
func unpriced(e schedule.Entry, f schedule.Final) bool {
	return f.State == schedule.FinalPaid && e.Total != nil && f.Total == nil && f.TransactionID == ""
}

// reason says in one line why an attempt ended nothing.
func reason(r order.Result) string {
	if r.ErrCode == "" {
		return string(r.Outcome) + " " + string(r.TradeState)
	}
	return r.ErrCode + ": " + cmp.Or(r.ErrCodeDes, r.ReturnMsg)
}

// pauseAfter is how long an order is left alone after its nth attempt.
func pauseAfter(n int) time.Duration {
	pause := firstPause
	for ; n > 1 && pause < lastPause; n-- {
		pause *= 2
	}
	return jitter(min(pause, lastPause))
}

// jitter keeps what failed together from coming back together.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d + rand.N(d/4+1)
}

// isRecorded reports whether a write was made; if not, the log says why not.
func isRecorded(ctx context.Context, log *slog.Logger, err error) bool {
	if err != nil {
		logger(log).ErrorContext(ctx, "what became of an order could not be recorded", "error", err)
	}
	return err == nil
}

// writing is the context to write in: what was learned is written down even when the caller has gone, until its deadline.
func writing(ctx context.Context) (context.Context, context.CancelFunc) {
	until := time.Now().Add(longestWrite)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	return context.WithDeadline(context.WithoutCancel(ctx), until)
}

// logger is where to say something, when there is such a place.
func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
