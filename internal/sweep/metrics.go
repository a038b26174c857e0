package sweep

import (
	"context"

	"cloudpay/internal/deadline"
	"cloudpay/internal/schedule"
	"cloudpay/internal/telemetry"
)

// Standing is a register's figures as metrics.
func Standing(s schedule.Status) []telemetry.Metric {
	backingOff := 0.0
	if s.BackingOff {
		backingOff = 1
	}
	return []telemetry.Metric{
		{Name: "waiting", Unit: count, Value: float64(s.Waiting), Help: "orders that wait to be closed"},
		{Name: "due", Unit: count, Value: float64(s.Due), Help: "orders that are due and not claimed"},
		{Name: "oldestDueSeconds", Unit: seconds, Value: s.OldestDue, Help: "for how long the oldest of them is due"},
		{Name: "closing", Unit: count, Value: float64(s.Closing), Help: "orders in doubt or being attempted"},
		{Name: "stuck", Unit: count, Value: float64(s.Stuck), Help: "orders that were given up"},
		{Name: "endedLastMinute", Unit: count, Value: float64(s.Ended), Help: "orders that ended within the last minute"},
		{Name: "eventsPending", Unit: count, Value: float64(s.EventsPending), Help: "events to be delivered"},
		{Name: "oldestEventSeconds", Unit: seconds, Value: s.OldestEvent, Help: "the age of the oldest of them"},
		{Name: "eventsDead", Unit: count, Value: float64(s.EventsDead), Help: "events that are not tried again"},
		{Name: "callsPerSecond", Unit: "Count/Second", Value: s.PerSecond, Help: "calls a second that may be made now"},
		{Name: "backingOff", Unit: count, Value: backingOff, Help: "1 while WeChat Pay was asked too often, 0 otherwise"},
	}
}

// CloudWatch's units.
const (
	count   = "Count"
	seconds = "Seconds"
)

// Metrics are the report's figures, and those of the register where they were read.
func (r Report) Metrics() []telemetry.Metric {
	all := []telemetry.Metric{
		{Name: "claimed", Unit: count, Value: float64(r.Claimed), Help: "orders that were due, and leased"},
		{Name: "closed", Unit: count, Value: float64(r.Closed + r.AlreadyClosed), Help: "orders that ended closed"},
		{Name: "paid", Unit: count, Value: float64(r.Paid), Help: "orders that ended paid"},
		{Name: "notFound", Unit: count, Value: float64(r.NotFound), Help: "orders that WeChat Pay does not have"},
		{Name: "retried", Unit: count, Value: float64(r.Retried), Help: "orders that are due again later"},
		{Name: "failed", Unit: count, Value: float64(r.Failed), Help: "attempts that WeChat Pay refused or did not answer"},
		{Name: "gaveUp", Unit: count, Value: float64(r.GaveUp), Help: "orders that were given up"},
		{Name: "contradicted", Unit: count, Value: float64(r.Contradicted), Help: "orders with two signed ends"},
		{Name: "unrecorded", Unit: count, Value: float64(r.Unrecorded), Help: "attempts that could not be recorded"},
		{Name: "told", Unit: count, Value: float64(r.Told), Help: "events that were delivered"},
		{Name: "untold", Unit: count, Value: float64(r.Untold), Help: "events that could not be delivered yet"},
		{Name: "clockOffSeconds", Unit: seconds, Value: float64(r.ClockOff), Help: "how far the database's clock is ahead of WeChat Pay's"},
	}
	if r.Status != nil {
		all = append(all, Standing(*r.Status)...)
	}
	return all
}

// status reads how the register stands, in the time that is left; nil if it cannot be read.
func (w *sweep) status(ctx context.Context) *schedule.Status {
	ctx, cancel := w.writing(ctx)
	defer cancel()
	ctx, stop := deadline.Share(ctx, 2, storeTimeout)
	defer stop()
	status, err := w.Store.Status(ctx, w.Merchant.Account(), w.pace.ceiling)
	if err != nil {
		w.Log.ErrorContext(ctx, "how the register stands could not be read: no alarm on its figures fires",
			"code", "STATUS_UNREAD", "error", err)
		return nil
	}
	return &status
}
