package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloudpay/internal/deadline"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// landing is a delivery that has ended, or was not begun.
type landing struct {
	*flight

	err error
	// unsent: it was not begun. outOfTime: the sweep's time was up before it ended.
	unsent, outOfTime bool
}

// result is what a landing means for the register.
func (l landing) result() outbox.DeliveryResult {
	r := outbox.DeliveryResult{Delivery: l.Delivery, Outcome: outbox.DeliveryAcknowledged}
	switch {
	case l.unsent:
		r.Outcome = outbox.DeliveryReturned
	case l.err == nil:
	case l.Attempts >= maxDeliveries:
		r.Outcome, r.Reason = outbox.DeliveryDead, l.reason()
	default:
		r.Outcome, r.Reason = outbox.DeliveryFailed, l.reason()
		r.After = max(redelivery.After(l.Attempts), pauseOf(l.err))
	}
	return r
}

// reason is why a delivery failed. A transport's error for one that was cut short says little.
func (l landing) reason() string {
	switch {
	case l.cut, errors.Is(l.err, context.DeadlineExceeded):
		return fmt.Sprintf("delivering event %d: no answer within %s", l.Number, l.took.Round(time.Second))
	case l.outOfTime:
		return fmt.Sprintf("delivering event %d: no answer before the sweep's time was up", l.Number)
	}
	return l.err.Error()
}

// failingAlarm is after how long a receiver that acknowledges nothing is an error.
const failingAlarm = 10 * time.Minute

// recorder records what became of deliveries, and how the receiver does.
type recorder struct {
	*delivery

	// failing: the receiver is recorded as one that acknowledges nothing, or may be.
	failing bool
	// faults counts the batches that could not be recorded, one after the other.
	faults int
	gone   bool
}

// meet reads how the receiver did. One that wants a longer pause gets nothing. A pause beyond the
// longest was written before the database's clock was put back, and counts for nothing.
func (r *recorder) meet(ctx context.Context) {
	ctx, cancel := deadline.Share(ctx, 3, storeTimeout)
	defer cancel()
	kept, err := r.Store.Receiver(ctx, r.Merchant.Account())
	if err != nil {
		r.Log.WarnContext(ctx, "how the receiver of events did before is not known", "error", err)
	}
	r.failing = err != nil || !kept.FailingSince.IsZero()
	if kept.Pause > 0 && kept.Pause <= maxPause {
		r.receiver.opens = time.Now().Add(kept.Pause)
	}
}

// run records batches until no more come.
func (r *recorder) run(ctx context.Context) {
	for first := range r.landed {
		r.record(ctx, gathered(first, r.landed, func() bool { return true }))
	}
}

func (r *recorder) record(ctx context.Context, batch []landing) {
	results := make([]outbox.DeliveryResult, len(batch))
	for i, l := range batch {
		results[i] = l.result()
		r.tally(ctx, l, results[i])
	}
	write, cancel := r.writing(ctx)
	defer cancel()
	unrecorded, fault := 0, error(nil)
	for i, err := range r.Store.RecordDeliveries(write, r.Merchant.Account(), results) {
		if _, lost := errors.AsType[*schedule.LostClaimError](err); lost && results[i].Outcome == outbox.DeliveryReturned {
			continue // another process has it, or it was requeued
		}
		if err != nil {
			unrecorded, fault = unrecorded+1, err
		}
	}
	if fault != nil {
		r.Log.ErrorContext(ctx, "what became of events could not be recorded; they may be delivered again",
			"events", unrecorded, "error", fault)
	}
	r.faults++
	if unrecorded < len(batch) {
		r.faults = 0
	}
	r.unrecordable.Store(r.faults >= toleratedFaults)
	r.note(write, batch)
}

// tally counts a result, and logs what a person has to look at.
func (r *recorder) tally(ctx context.Context, l landing, result outbox.DeliveryResult) {
	switch result.Outcome {
	case outbox.DeliveryAcknowledged:
		r.count(func(report *Report) { report.Told++ })
	case outbox.DeliveryFailed:
		r.count(func(report *Report) { report.Untold++ })
	case outbox.DeliveryDead:
		r.count(func(report *Report) { report.Dead++ })
		r.Log.ErrorContext(ctx, "an event could not be delivered and is not tried again", "event", l.Number, "kind", string(l.Kind),
			"outTradeNo", l.OutTradeNo, "attempts", l.Attempts, "error", result.Reason)
	case outbox.DeliveryReturned:
	}
	if answer, is := errors.AsType[*outbox.DeliveryError](l.err); is && answer.IsGone() && !r.gone {
		r.gone = true
		r.Log.ErrorContext(ctx, "the receiver of events says that it is gone (410); events are still sent to it", "event", l.Number,
			"remedy", "set CLOUDPAY_NOTIFY_URL to the receiver's new address, or remove it to only keep the events")
	}
}

// note records how the receiver does, when that has changed: it fails if a batch has failures and
// no acknowledgement. A pause that it asked for is recorded beside acknowledgements too, and none
// of them ends it: what is acknowledged may have been begun before the receiver asked.
func (r *recorder) note(ctx context.Context, batch []landing) {
	var pause time.Duration
	reason, acknowledged := "", false
	for _, l := range batch {
		switch {
		case l.unsent || l.err != nil && l.outOfTime:
		case l.err == nil:
			acknowledged = true
		default:
			reason, pause = l.reason(), max(pause, pauseOf(l.err))
		}
	}
	var err error
	if pause > shortPause { // for a shorter one this sweep waits
		err = r.Store.PauseReceiver(ctx, r.Merchant.Account(), min(pause, maxPause))
	}
	switch {
	case acknowledged && r.failing:
		err, r.failing = errors.Join(err, r.Store.ReceiverRecovered(ctx, r.Merchant.Account())), false
	case !acknowledged && reason != "" && !r.failing:
		err, r.failing = errors.Join(err, r.Store.ReceiverFailed(ctx, r.Merchant.Account(), reason)), true
	}
	if err != nil {
		r.Log.WarnContext(ctx, "how the receiver of events does could not be recorded", "error", err)
	}
}

// ReceiverReport is a receiver of events that has acknowledged none for ten minutes.
type ReceiverReport struct {
	// FailingSince is when the first delivery failed after the last that was acknowledged.
	FailingSince time.Time `json:"failingSince"`
	// Waiting events are still to be delivered, counted up to 100,000.
	Waiting   int    `json:"waiting"`
	LastError string `json:"lastError"`
}

// alarm reports a receiver that has acknowledged nothing for a while, though events wait.
func (r *recorder) alarm(ctx context.Context) {
	if !r.failing {
		return
	}
	write, cancel := r.writing(ctx)
	defer cancel()
	kept, err := r.Store.Receiver(write, r.Merchant.Account())
	if err != nil || kept.FailingSince.IsZero() || kept.Failing < failingAlarm {
		return
	}
	waiting, err := r.Store.Waiting(write, r.Merchant.Account(), schedule.MaxCount)
	if err != nil || waiting == 0 {
		return
	}
	r.count(func(report *Report) { report.Receiver = &ReceiverReport{kept.FailingSince, waiting, kept.LastError} })
	r.Log.ErrorContext(ctx, "the receiver of events has acknowledged none for a while", "failingSince", kept.FailingSince,
		"for", kept.Failing.Round(time.Second).String(), "waiting", waiting, "lastError", kept.LastError,
		"remedy", "mend the receiver at CLOUDPAY_NOTIFY_URL: what waits is then sent by itself, at its next attempt, "+
			"or at once after cloudpay orders redeliver --all-pending; dead events after cloudpay orders redeliver --all-dead")
}
