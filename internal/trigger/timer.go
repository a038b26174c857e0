package trigger

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/telemetry"
	"cloudpay/internal/trigger/event"
)

// timerReport is a timer's reply when nothing was swept. The platform keeps it with the results of
// its timers.
type timerReport struct {
	ReturnCode string `json:"returnCode"`
	ReturnMsg  string `json:"returnMsg"`
	ErrCode    string `json:"errCode"`
}

// handleTimer answers a timer with its sweep's report. The error is non-nil, so that the platform
// counts a failed invocation and its alarm fires, if the sweep could do nothing: the store cannot
// be asked, or the configuration or the merchant's credentials are wrong.
func (i *invocation) handleTimer(ctx context.Context) ([]byte, error) {
	var p order.Reader
	_ = p.Object("event", i.inv.Payload) // for the token; a timer has no other parameters
	c := i.caller(ctx, p.ServiceToken)
	report, refusal, err := i.sweepFor(ctx, c)
	switch {
	case err != nil:
		return nil, fmt.Errorf("sweeping: %w", err)
	case refusal == nil:
		return encode(report)
	case !c.may.sweep:
		*refusal = forUser(*refusal)
	case refusal.ErrCode == errcode.ConfigError:
		return nil, fmt.Errorf("nothing was swept: %s: %s", refusal.ErrCode, refusal.ReturnMsg)
	}
	return encode(timerReport{refusal.ReturnCode, refusal.ReturnMsg, refusal.ErrCode})
}

// sweepFor runs and logs a timer's sweep, as far as the caller may. One of its results is not nil;
// with an error there may be a report too.
func (i *invocation) sweepFor(ctx context.Context, c caller) (report any, refusal *order.Result, err error) {
	if refusal = i.refuseSweep(c); refusal == nil {
		report, refusal, err = i.sweep(ctx)
	}
	i.logSweep(ctx, c, report, refusal, err)
	return report, refusal, err
}

// SweepOnRequest does what the function's timer does, for an HTTP request with the timer's token
// (see MaySweep). One of its results is not nil: the sweep's report; the refusal, as the caller may
// see it; or why the sweep could do nothing, beside which there may be a report too.
func (f *Function) SweepOnRequest(
	ctx context.Context, inv hosting.Invocation, e event.Event,
) (report any, refusal *order.Result, err error) {
	i := f.invocation(inv, e, nil)
	c := caller{kind: unidentified, by: byTimer, remedy: "a sweep by HTTP needs Authorization: Bearer with CLOUDPAY_TIMER_TOKEN"}
	if !inv.Withheld && i.Access.MaySweep(e.Request) {
		c = caller{kind: timer, by: byTimer, may: rights{sweep: true}}
	}
	report, refusal, err = i.sweepFor(i.named(ctx), c)
	if refusal != nil {
		*refusal = forUser(*refusal)
	}
	return report, refusal, err
}

// refuseSweep is the refusal of a sweep; nil if it may run.
func (i *invocation) refuseSweep(c caller) *order.Result {
	var refusal order.Result
	switch fault := i.unreadable(); {
	case i.Broken != nil, fault != nil:
		return &i.refuse(c, order.Reader{}, fault).Result
	case !c.may.sweep:
		refusal = order.Refusal(errcode.NoAuth, notAllowed)
	case i.Sweep == nil:
		refusal = order.Refusal(errcode.ConfigError, bilingual.New(
			"there is no store of orders to sweep (CLOUDPAY_STORE), so this trigger is of no use",
			"没有可扫描的订单存储（CLOUDPAY_STORE），此触发器不起作用"))
	default:
		return nil
	}
	return &refusal
}

// sweep calls Sweep. A panic becomes a refusal and not an error: a retry would most likely panic
// too.
func (i *invocation) sweep(ctx context.Context) (report any, refusal *order.Result, err error) {
	defer func() {
		if i.caught(ctx, recover()) {
			breakdown := order.Breakdown(bilingual.New("the function had a fault of its own; the next sweep finishes what this one began",
				"云函数内部错误；下次扫描会继续处理"))
			refusal = &breakdown
		}
	}()
	report, err = i.Sweep(ctx)
	return report, nil, err
}

// logSweep logs a timer's one line. An unidentified timer is logged as an error although refusing
// it is right: if it is the operator's own, orders stay open.
func (i *invocation) logSweep(ctx context.Context, c caller, report any, refusal *order.Result, err error) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("caller", string(c.kind)),
		slog.String("identifiedBy", string(c.by)),
		slog.String("timer", i.idFor(c, i.event.Timer.Name)),
		slog.Int64("ms", time.Since(i.start).Milliseconds()),
	}
	if refusal != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("errCode", refusal.ErrCode), slog.String("returnMsg", refusal.ReturnMsg))
		if !c.may.sweep {
			level = i.levelOfRefusal()
			attrs = append(attrs, slog.String("rule", string(ruleCaller)), slog.String("remedy", c.remedy))
		}
	}
	if report != nil {
		attrs = append(attrs, slog.Any("report", report))
		attrs = append(attrs, i.emf(report)...)
	}
	if err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.Any("error", err))
	}
	i.log(ctx, level, "sweep", attrs)
}

// levelOfRefusal is how much a sweep that was refused matters. Any caller may post to a public
// address, and is told; a platform's own timer is told nothing.
func (i *invocation) levelOfRefusal() slog.Level {
	if i.event.Kind == event.HTTP {
		return slog.LevelWarn
	}
	return slog.LevelError
}

// emf makes metrics of a report's figures, in the same line, where that is configured.
func (i *invocation) emf(report any) []slog.Attr {
	figures, is := report.(interface{ Metrics() []telemetry.Metric })
	if !is || i.EMF == nil {
		return nil
	}
	return telemetry.EMF(time.Now(), i.EMF, figures.Metrics())
}
