// Package decision says what an attempt to close an order means for the register: an end, another
// attempt later, none any more, or nothing.
package decision

import (
	"cmp"
	"time"

	"cloudpay/internal/backoff"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
)

// Attempt is what an attempt to close a claimed order found out.
type Attempt struct {
	Result order.Result
	// InDoubt: a close was sent, now or before, and its result is not proved.
	InDoubt bool
	// TradeState is the newest that was proved; empty when none was.
	TradeState tradestate.State
	// Untouched: nothing was sent that can have had an effect. The attempt does not count.
	Untouched bool
}

// Action is what the register records after an attempt.
type Action string

// The actions.
const (
	// Finish records a Final: the order has ended.
	Finish Action = "finish"
	// Postpone records a Retry: the order is due again later.
	Postpone Action = "postpone"
	// GiveUp records a Retry's reason and no time: a person has to look.
	GiveUp Action = "giveUp"
	// Release undoes the claim, and its attempt is not counted.
	Release Action = "release"
)

// Decision is what an attempt means for the register.
type Decision struct {
	Action Action
	// Final is set when Action is Finish, Retry when it is Postpone or GiveUp.
	Final schedule.Final
	Retry schedule.Retry
	// Failed: the attempt ended nothing, and another is likely to end as it did.
	Failed bool
}

const (
	// findable is how old a registration has to be before "no such order" ends it: the order may
	// have been registered before it was created, and WeChat Pay's copies may lag.
	findable = 10 * time.Minute
	// FirstPause is the pause after the first attempt that ended nothing.
	FirstPause = time.Minute
)

// attempts are the pauses after attempts that ended nothing. Twelve attempts spread over twenty
// hours.
var attempts = backoff.Exponential{First: FirstPause, Max: 6 * time.Hour, Late: jitter}

// jitter is the share that is added to pauses of minutes and hours.
const jitter = 0.25

// Of says what an attempt means for the order that it was made for. age is how long ago the
// claim was taken. From its maxAttempts-th attempt on (0: no limit) an order is given up if another
// attempt is likely to end in the same way.
func Of(c schedule.Claim, a Attempt, age time.Duration, maxAttempts int) Decision {
	if a.Untouched {
		return Decision{Action: Release}
	}
	sinceRegistered := c.ClaimedAt.Add(age).Sub(c.RegisteredAt)
	final, ended := schedule.FinalFromResult(a.Result)
	unpriced := ended && c.Unpriced(final)
	if ended && !unpriced && (final.State != schedule.FinalNotFound || sinceRegistered >= findable) {
		return Decision{Action: Finish, Final: final}
	}
	retry := retryOf(c, a, sinceRegistered)
	if unpriced {
		retry.InDoubt, retry.Reason = true, "paid, but its query did not say how much"
	}
	failed := hopeless(a.Result.Outcome, retry.InDoubt)
	if maxAttempts > 0 && c.Attempts >= maxAttempts && failed {
		return Decision{Action: GiveUp, Retry: retry, Failed: true}
	}
	return Decision{Action: Postpone, Retry: retry, Failed: failed}
}

// retryOf is when the order is due again after an attempt that ended nothing, and why.
func retryOf(c schedule.Claim, a Attempt, sinceRegistered time.Duration) schedule.Retry {
	wish := time.Duration(a.Result.RetryAfter) * time.Second
	retry := schedule.Retry{
		After:   max(attempts.After(c.Attempts), wish),
		InDoubt: a.InDoubt, TradeState: a.TradeState, Authenticated: a.TradeState != "",
		Reason: reasonOf(a.Result),
	}
	switch {
	case a.Result.Outcome == order.OutcomeNotFound:
		retry.After = findable - sinceRegistered
	case a.Result.Outcome == order.OutcomeFound && a.Result.TradeState.Unpaid():
		retry.After = 0 // nothing is in doubt any more: it is to be closed
	case a.Result.Outcome == order.OutcomeTooSoon:
		// The order is not to blame, so the pause does not grow with its attempts.
		retry.After = backoff.Jitter(wish, jitter)
	}
	return retry
}

// TooYoung postpones an order that nothing was sent about, for as long as WeChat Pay may refuse to
// close it.
func TooYoung(left time.Duration) Decision {
	return Decision{Action: Postpone, Retry: schedule.Retry{After: left, Reason: "not five minutes old"}}
}

// HeldBack postpones an order that no close was sent for, since it was claimed before its close_at
// by a clock that is ahead. a is what the attempt learned before, and left how long it is until
// then.
func HeldBack(a Attempt, left time.Duration) Decision {
	return Decision{Action: Postpone, Retry: schedule.Retry{
		After: left, InDoubt: a.InDoubt, TradeState: a.TradeState, Authenticated: a.TradeState != "",
		Reason: "not due yet: the database's clock is ahead", ClockWait: true,
	}}
}

// hopeless reports whether another attempt is likely to end as one with this outcome. Attempts do
// not count against the order when WeChat Pay limited the rate, when the order was too young to be
// closed or too new to be found, or when the sweep only queries.
func hopeless(outcome order.Outcome, inDoubt bool) bool {
	switch outcome {
	case order.OutcomeUnknown, order.OutcomeRefused, order.OutcomePaid: // paid: its amount is not known
		return true
	case order.OutcomeFound:
		return inDoubt
	default:
		return false
	}
}

// reasonOf says in one line why an attempt ended nothing.
func reasonOf(r order.Result) string {
	if r.ErrCode == "" {
		return string(r.Outcome) + " " + string(r.TradeState)
	}
	return r.ErrCode + ": " + cmp.Or(r.ErrCodeDes, r.ReturnMsg)
}
