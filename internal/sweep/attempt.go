package sweep

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/decision"
	"cloudpay/internal/telemetry"
)

// decided is a claim, the result of its attempt, and what that means for the register.
type decided struct {
	decision.Decision

	claim  schedule.Claim
	result order.Result
}

// attempt finds out what becomes of an order, and decides what to record. The decision is Release
// if nothing was sent that can have had an effect: the quota left no time, or the configuration
// lets nothing be sent.
func (w *sweep) attempt(ctx context.Context, l leasedClaim) decided {
	age := time.Since(l.since) // a lower bound, so that a young order stays young
	if left := w.young(l.Claim, age); left > 0 {
		return decided{claim: l.Claim, Decision: decision.TooYoung(left)}
	}
	call, err := l.Call(w.Merchant)
	if err != nil {
		return w.decide(l, age, decision.Attempt{Result: closing.Refusal(err), InDoubt: l.InDoubt})
	}
	watch := &watch{sweep: w, claim: l}
	r := &closing.Run{
		Gateway: w.Gateway, Call: call, First: watch.start(ctx), Confirm: w.Confirm, Pacer: watch, MaxWait: maxWait,
		InDoubt: l.InDoubt, MayClose: func() bool { return watch.mayClose(ctx) },
		Young: func() time.Duration { return w.young(l.Claim, age) },
	}
	result := w.do(ctx, r)
	w.count(func(report *Report) { report.Calls += r.Exchanges })
	unconfigured := result.ErrCode == errcode.ConfigError && r.InDoubt == l.InDoubt
	if unconfigured {
		w.stopUnconfigured(ctx, result)
	}
	a := decision.Attempt{
		Result: result, InDoubt: r.InDoubt, TradeState: r.TradeState,
		Untouched: unconfigured || r.NoQuota && !r.CloseSent,
	}
	if r.Held {
		return decided{claim: l.Claim, result: result, Decision: decision.HeldBack(a, watch.left)}
	}
	return w.decide(l, age, a)
}

func (w *sweep) decide(l leasedClaim, age time.Duration, a decision.Attempt) decided {
	return decided{claim: l.Claim, result: a.Result, Decision: decision.Of(l.Claim, a, age, w.MaxAttempts)}
}

// young returns how long WeChat Pay may still refuse to close the order for its age. It is 0 for
// one in doubt, which is attempted at once.
func (w *sweep) young(c schedule.Claim, age time.Duration) time.Duration {
	if c.InDoubt {
		return 0
	}
	return closing.YoungFor(c.CreatedAt, c.ClaimedAt.Add(age))
}

// do calls Run.Do and turns a panic into an unknown result, so that one order cannot end the whole
// sweep.
func (w *sweep) do(ctx context.Context, r *closing.Run) (result order.Result) {
	defer func() {
		if err := w.faultOf(ctx, recover()); err != nil {
			r.InDoubt = r.InDoubt || r.CloseSent
			result = order.Breakdown(bilingual.Wording(err))
		}
	}()
	return r.Do(ctx)
}

// faultOf logs a panic's stack and returns an error for it; nil when there was no panic.
func (w *sweep) faultOf(ctx context.Context, panicked any) error {
	if panicked == nil {
		return nil
	}
	w.Log.ErrorContext(ctx, "panic", "fault", telemetry.PanicKind(panicked), "stack", string(debug.Stack()))
	return errors.New("a fault of the function's own; its log has more")
}

// stopUnconfigured ends the sweep for a fault of the configuration, which every order would meet.
// It is no attempt of any of them: they stay due, and the next sweep tries again, since what says
// so may be unsigned.
func (w *sweep) stopUnconfigured(ctx context.Context, result order.Result) {
	if w.unconfigured.Swap(true) {
		return
	}
	w.Log.ErrorContext(ctx, "nothing can be asked of WeChat Pay as it is configured; orders stay due, and the next sweep tries again",
		"errCode", result.ErrCode, "errCodeDes", result.ErrCodeDes)
	w.leave(result.ErrCode + ": " + result.ErrCodeDes)
}
