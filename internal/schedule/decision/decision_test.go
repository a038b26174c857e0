package decision_test

import (
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/decision"
)

var registered = time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)

// claimed is a claim of an order that was registered some time before.
func claimed(before time.Duration, attempts int) schedule.Claim {
	c := schedule.Claim{ClaimedAt: registered.Add(before)}
	c.RegisteredAt, c.Attempts = registered, attempts
	return c
}

func proved(o order.Outcome) order.Result {
	return order.Result{Outcome: o, Proof: order.ProofSignature, ErrCode: "X", ErrCodeDes: "a reason"}
}

func TestOf(t *testing.T) {
	t.Parallel()
	total := int64(100)
	priced := claimed(time.Hour, 1)
	priced.Total = &total
	limited := proved(order.OutcomeTooSoon)
	limited.RetryAfter = 120
	open := proved(order.OutcomeFound)
	open.TradeState = tradestate.NotPay
	for name, tc := range map[string]struct {
		claim   schedule.Claim
		attempt decision.Attempt
		action  decision.Action
		after   time.Duration // or a quarter more
		inDoubt bool
	}{
		"closed": {
			claimed(time.Hour, 1), decision.Attempt{Result: proved(order.OutcomeClosed)}, decision.Finish, 0, false,
		},
		"closed, unproved": {
			claimed(time.Hour, 1), decision.Attempt{Result: order.Result{Outcome: order.OutcomeClosed}, InDoubt: true},
			decision.Postpone, time.Minute, true,
		},
		"paid, and not how much": {priced, decision.Attempt{Result: proved(order.OutcomePaid)}, decision.Postpone, time.Minute, true},
		"not found": {
			claimed(10*time.Minute, 1), decision.Attempt{Result: proved(order.OutcomeNotFound)}, decision.Finish, 0, false,
		},
		"not found, too early": {
			claimed(8*time.Minute, 1), decision.Attempt{Result: proved(order.OutcomeNotFound)}, decision.Postpone, 2 * time.Minute, false,
		},
		"found open": {claimed(time.Hour, 5), decision.Attempt{Result: open}, decision.Postpone, 0, false},
		"limited":    {claimed(time.Hour, 12), decision.Attempt{Result: limited}, decision.Postpone, 2 * time.Minute, false},
		"refused":    {claimed(time.Hour, 3), decision.Attempt{Result: proved(order.OutcomeRefused)}, decision.Postpone, 4 * time.Minute, false},
		"refused for the last time": {
			claimed(time.Hour, 12), decision.Attempt{Result: proved(order.OutcomeRefused)}, decision.GiveUp, 6 * time.Hour, false,
		},
		"untouched": {claimed(time.Hour, 12), decision.Attempt{Untouched: true}, decision.Release, 0, false},
	} {
		d := decision.Of(tc.claim, tc.attempt, 0, 12)
		if d.Action != tc.action || d.Retry.After < tc.after || d.Retry.After > tc.after+tc.after/4 || d.Retry.InDoubt != tc.inDoubt {
			t.Errorf("%s: got %+v, want %s after %v, in doubt %v", name, d, tc.action, tc.after, tc.inDoubt)
		}
	}
	if d := decision.Of(claimed(time.Hour, 99), decision.Attempt{Result: proved(order.OutcomeRefused)}, 0, 0); d.Action != decision.Postpone {
		t.Errorf("without a last attempt: got %+v, want it postponed", d)
	}
	if d := decision.Of(claimed(9*time.Minute, 1), decision.Attempt{Result: proved(order.OutcomeNotFound)}, time.Minute, 0); d.Action != decision.Finish {
		t.Errorf("a claim that has aged: got %+v, want it found by now", d)
	}
}

func TestReason(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]order.Result{
		"NOAUTH: no right": {ErrCode: errcode.NoAuth, ErrCodeDes: "no right"},
		"TIMEOUT: OK":      {ErrCode: errcode.Timeout, ReturnMsg: "OK"},
		"unknown MOON":     {Outcome: order.OutcomeUnknown, TradeState: "MOON"},
	} {
		if got := decision.Of(claimed(0, 1), decision.Attempt{Result: r}, 0, 0).Retry.Reason; got != want {
			t.Errorf("got the reason %q, want %q", got, want)
		}
	}
}

// An order that is held back is no attempt, and keeps what was learned of it.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	got := decision.HeldBack(decision.Attempt{InDoubt: true, TradeState: tradestate.NotPay}, 30*time.Minute)
	want := schedule.Retry{
		After: 30 * time.Minute, InDoubt: true, TradeState: tradestate.NotPay, Authenticated: true, ClockWait: true,
		Reason: "not due yet: the database's clock is ahead",
	}
	if got.Action != decision.Postpone || got.Retry != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
