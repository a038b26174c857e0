// Package rounds sweeps a register from a process of its own, once or again and again, where no
// platform has timers: in a container, or from cron.
package rounds

import (
	"context"
	"errors"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/deadline"
	"cloudpay/internal/sweep"
)

// Longest bounds one sweep, so that a long backlog is reported on every minute.
const Longest = time.Minute

// Rounds is one sweep after the other. Sweep and Tell are required.
type Rounds struct {
	// Sweep attempts what is due until ctx's deadline; it is sweep.Sweeper's RunOnce.
	Sweep func(ctx context.Context) (sweep.Report, error)
	// Every is the time from the beginning of one sweep to that of the next. When a sweep ended
	// orders and left some for lack of time, the next one begins at once.
	Every time.Duration
	// Tell is called after each sweep. fault is why it is not as it should be; nil if it is.
	Tell func(report sweep.Report, fault error)
}

// Run sweeps until ctx ends, which also ends the sweep under way: what it has begun is written down
// before Run returns. It returns the fault of the last sweep, which was told already. A fault does
// not end the rounds: what is out of reach may come back.
func (r Rounds) Run(ctx context.Context) error {
	for {
		began := time.Now()
		report, fault := r.one(ctx)
		if ctx.Err() == nil && goesOn(report, fault) {
			continue
		}
		if !deadline.Sleep(ctx, time.Until(began.Add(r.Every))) {
			return fault
		}
	}
}

// Once sweeps until nothing is due any more, which takes several sweeps after a long pause. It
// returns why something due was left, or not ended for a fault; the same command run again tries it
// again.
func (r Rounds) Once(ctx context.Context) error {
	for {
		report, fault := r.one(ctx)
		if ctx.Err() != nil || !goesOn(report, fault) {
			return fault
		}
	}
}

// one is a sweep that has been told.
func (r Rounds) one(ctx context.Context) (sweep.Report, error) {
	limited, cancel := context.WithTimeout(ctx, Longest)
	defer cancel()
	report, err := r.Sweep(limited)
	fault := faultOf(report, err)
	r.Tell(report, fault)
	return report, fault
}

// goesOn says that a sweep ended some orders and had no time for the others, so that the next one
// need not wait.
func goesOn(report sweep.Report, fault error) bool {
	_, left := errors.AsType[*LeftError](fault)
	return left && report.Closed+report.AlreadyClosed+report.Paid+report.NotFound > 0
}

// LeftError says that orders may be due for which a sweep had no time or no quota.
type LeftError struct{}

// Error returns the English wording.
func (e *LeftError) Error() string { return e.Wording().EN }

// Wording is the error in both languages.
func (*LeftError) Wording() bilingual.Text {
	return bilingual.New("orders that are due are left: there was no time or no quota for them", "仍有到期订单未处理：时间或配额不足")
}

// faultOf is why a sweep is not as it should be: it could claim nothing, it ended before its time,
// it left orders, or attempts failed or could not be written down. An order that is retried because
// it is too young, or was given up, is no fault of the sweep.
func faultOf(report sweep.Report, err error) error {
	switch {
	case err != nil:
		return err
	case report.Err() != nil:
		return report.Err()
	case report.Fault != "":
		return bilingual.Errorf("the sweep ended before its time: %s", "关单提前结束：%s", report.Fault)
	case report.Unrecorded > 0:
		return bilingual.Errorf("what became of %d orders could not be written down; they are due again when their lease has run out",
			"%d 个订单的结果未能写入，租约到期后将重新处理", report.Unrecorded)
	case report.Failed > 0:
		return bilingual.Errorf("%d attempts failed: WeChat Pay was not reached, refused, or proved nothing",
			"%d 次尝试失败：无法访问微信支付、被拒绝或应答无法验证", report.Failed)
	case report.Left:
		return &LeftError{}
	}
	return nil
}
