package trigger

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/trigger/event"
)

const (
	// batchWorkers is how many messages of a batch are worked on at a time: enough to hide the gateway's distance, too few
	// to run into its limits.
	batchWorkers = 4
	// leastShare is too short to begin a message in: a close and the query that settles it take longer on a bad day.
	leastShare = 500 * time.Millisecond
	// batchReserve is for the reply to be written after the last message.
	batchReserve = 200 * time.Millisecond
)

// A handled message is one of a batch, with what became of it.
type handled struct {
	id     string
	result order.Result
}

// again reports whether the message must come again: it may end otherwise then. That is safe, for a close of a closed
// order proves that it is closed.
func (h handled) again() bool {
	r := h.result
	return r.Retryable || r.Outcome == order.OutcomeUnknown || r.Outcome == order.OutcomeTooSoon || r.ErrCode == order.CodeConfigError
}

// bad reports whether the message can never be done, however often it comes.
func (h handled) bad() bool { return !h.again() && h.result.Outcome == order.OutcomeRefused }

// batch answers a queue. Every message is a call of its own; one that is bad keeps no other from being done.
//
// SQS is told which messages to bring again: those that may end otherwise then, and the bad ones too, which it moves to
// the dead-letter queue in the end. When that is all of them the function fails, which is the same to SQS, and is right
// even where ReportBatchItemFailures was not switched on. The other queues bring all again or none: the function fails
// when one must come again, and a bad one is given up, with an error in the log, since it would hold up all others for
// good.
func (i *invocation) batch(ctx context.Context) ([]byte, error) {
	if i.fault != nil || i.Broken != nil {
		result := i.turn(ctx, i.caller(""), params{}, i.unreadable())
		return nil, fmt.Errorf("the batch was not begun: %s", result.ErrCode)
	}
	done := i.handleAll(ctx)
	var failed []string
	var again, bad int
	for _, h := range done {
		switch {
		case h.again():
			again++
			failed = append(failed, h.id)
		case h.bad():
			bad++
			failed = append(failed, h.id)
		}
	}
	i.logBatch(ctx, again, bad)
	sqs := i.event.Form == event.FormSQS
	switch {
	case sqs && len(failed) < len(done):
		reply, err := i.event.EncodeBatch(failed)
		if err != nil {
			return nil, fmt.Errorf("telling which messages failed: %w", err)
		}
		return reply, nil
	case sqs, again > 0:
		return nil, fmt.Errorf("%d of %d messages were not done, the first because of %s", len(failed), len(done), firstCode(done))
	}
	return encode(reportOn(done))
}

// firstCode is the reason of the first message that is not done.
func firstCode(done []handled) string {
	for _, h := range done {
		if h.again() || h.bad() {
			return cmp.Or(h.result.ErrCode, string(h.result.Outcome))
		}
	}
	return ""
}

// batchReport is what a queue that brings whole batches gets; it is for whoever reads the platform's log.
type batchReport struct {
	Messages int             `json:"messages"`
	Results  []messageReport `json:"results"`
}

type messageReport struct {
	ID         string        `json:"id"`
	OutTradeNo string        `json:"outTradeNo,omitempty"`
	Outcome    order.Outcome `json:"outcome"`
	ErrCode    string        `json:"errCode,omitempty"`
}

func reportOn(done []handled) batchReport {
	report := batchReport{Messages: len(done), Results: make([]messageReport, 0, len(done))}
	for _, h := range done {
		report.Results = append(report.Results, messageReport{h.id, h.result.OutTradeNo, h.result.Outcome, h.result.ErrCode})
	}
	return report
}

// handleAll handles every message, a few at a time, and returns when all are done.
func (i *invocation) handleAll(ctx context.Context) []handled {
	messages := i.event.Messages
	done := make([]handled, len(messages))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(batchWorkers, len(messages)) {
		workers.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(messages); n = int(next.Add(1)) - 1 {
				done[n] = handled{messages[n].ID, i.handle(ctx, messages[n], len(messages)-n)}
			}
		})
	}
	workers.Wait()
	return done
}

// handle does what one message asks, while there is time. waiting is how many are not begun, itself included.
func (i *invocation) handle(ctx context.Context, m event.Message, waiting int) order.Result {
	var p params
	var fault *order.FieldError
	if m.Fault != "" {
		fault = paramError("message", m.Fault)
	} else {
		fault = p.readObject("message", m.Body)
	}
	c := i.caller(p.token)
	id := slog.String("messageId", clip(m.ID))
	part, enough := share(ctx, waiting)
	switch {
	case !enough:
		return i.tell(ctx, c, p, notBegun(p), 0, id)
	case part > 0:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, part)
		defer cancel()
	}
	return i.turn(ctx, c, p, fault, id)
}

// notBegun is the result of a message that nothing was done about.
func notBegun(p params) order.Result {
	return order.NewResult(order.Call{OutTradeNo: clip(p.OutTradeNo)}, order.OutcomeUnknown, order.Answer{
		Code:    order.CodeTimeout,
		Message: "there was no time left to begin with this message; it must come again",
		Proof:   order.ProofNone,
	}, 0)
}

// share is a message's part of the time that the batch has: what remains is for all that wait, in rounds of a few at a
// time. Zero without a deadline. The second result is false when there is too little time to begin with one more.
func share(ctx context.Context, waiting int) (time.Duration, bool) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0, true
	}
	left := time.Until(deadline) - batchReserve
	rounds := (waiting + batchWorkers - 1) / batchWorkers
	return max(left/time.Duration(rounds), leastShare), left >= leastShare
}

// logBatch writes the batch's own line, after those of its messages.
func (i *invocation) logBatch(ctx context.Context, again, bad int) {
	level := slog.LevelInfo
	switch {
	case bad > 0:
		level = slog.LevelError
	case again > 0:
		level = slog.LevelWarn
	}
	i.log(ctx, level, "batch", []slog.Attr{
		slog.Int("messages", len(i.event.Messages)),
		slog.Int("comeAgain", again),
		slog.Int("bad", bad),
		slog.Int64("ms", time.Since(i.start).Milliseconds()),
	})
}
