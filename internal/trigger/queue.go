package trigger

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
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
	id     string // the queue's
	shown  string // the same for the reply, see idFor
	result order.Result
	ending ending
}

// An ending is what is to become of a message.
type ending int

const (
	done  ending = iota
	again        // it must come again, since it may end otherwise then
	bad          // it can never be done, however often it comes
)

// endingOf tells what a result means for its message. That one comes again is safe, for a close of a closed order proves
// that it is closed. That one is given up is not, as nobody is left who knows of it: so only what is wrong with the
// message itself makes it bad, and not what would be wrong with any other.
//
// A close of an order that is not there is bad: either the message was wrong, or the configuration names another merchant
// than the one whose order it is.
func endingOf(op order.Op, r order.Result) ending {
	switch {
	case r.Retryable, r.Outcome == order.OutcomeUnknown, r.Outcome == order.OutcomeTooSoon:
		return again
	case r.Outcome == order.OutcomeNotFound && op == order.OpClose:
		return bad
	case r.Outcome != order.OutcomeRefused:
		return done
	case slices.Contains(notTheMessages, r.ErrCode):
		return again
	}
	return bad
}

// notTheMessages are the codes of refusals that have nothing to do with the message: that its sender is not let in, as
// after a token was changed on one side; the merchant's papers; what became of the request on its way. Whoever mends these
// wants to find the messages there.
var notTheMessages = append([]string{
	errcode.NoAuth, errcode.ConfigError, errcode.FrequencyLimited,
	"LACK_PARAMS", "REQUIRE_POST_METHOD", "XML_FORMAT_ERROR", "POST_DATA_EMPTY", "NOT_UTF8",
}, errcode.OfMerchant()...)

// batch answers a queue. Every message is a call of its own; one that is bad keeps no other from being done.
//
// SQS is told which messages to bring again: those that may end otherwise then, and the bad ones too, which it moves to
// the dead-letter queue in the end. When that is all of them the function fails, which is the same to SQS, and is right
// even where ReportBatchItemFailures was not switched on. The other queues bring all again or none (and CMQ only twice):
// the function fails when one must come again, and a bad one is given up, with an error in the log, since it would hold up
// all others for good.
func (i *invocation) batch(ctx context.Context) ([]byte, error) {
	if i.fault != nil || i.Broken != nil {
		result := i.turn(ctx, i.caller(""), order.Reader{}, i.unreadable())
		return nil, fmt.Errorf("the batch was not begun: %s", result.ErrCode)
	}
	all := i.handleAll(ctx)
	failed, count, secret := []string{}, map[ending]int{}, false
	for _, h := range all {
		if count[h.ending]++; h.ending != done {
			failed = append(failed, h.id)
			secret = secret || h.shown == redacted
		}
	}
	i.logBatch(ctx, count)
	sqs := i.event.TakesFailures()
	switch {
	case sqs && len(failed) < len(all) && !secret: // no reply may name a message by a token
		reply, err := i.event.EncodeFailures(failed)
		if err != nil {
			return nil, fmt.Errorf("telling which messages failed: %w", err)
		}
		return reply, nil
	case sqs, count[again] > 0:
		return nil, fmt.Errorf("%d of %d messages were not done, the first because of %s", len(failed), len(all), firstCode(all))
	}
	return encode(i.reportOn(all))
}

// firstCode is the reason of the first message that is not done.
func firstCode(all []handled) string {
	for _, h := range all {
		if h.ending != done {
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

func (i *invocation) reportOn(all []handled) batchReport {
	report := batchReport{Messages: len(all), Results: make([]messageReport, 0, len(all))}
	for _, h := range all {
		number := h.result.OutTradeNo
		if i.Access.IsSecret(number) {
			number = redacted
		}
		report.Results = append(report.Results, messageReport{h.shown, number, h.result.Outcome, h.result.ErrCode})
	}
	return report
}

// handleAll handles every message, a few at a time, and returns when all are done.
func (i *invocation) handleAll(ctx context.Context) []handled {
	messages := i.event.Messages
	all := make([]handled, len(messages))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(batchWorkers, len(messages)) {
		workers.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(messages); n = int(next.Add(1)) - 1 {
				result, shown := i.handle(ctx, messages[n], len(messages)-n)
				shown = cmp.Or(shown, fmt.Sprintf("#%d", n))
				all[n] = handled{messages[n].ID, shown, result, endingOf(i.Op, result)}
			}
		})
	}
	workers.Wait()
	return all
}

// handle does what one message asks, while there is time. waiting is how many are not begun, itself
// included. shown is the message's id as a reply may have it.
func (i *invocation) handle(ctx context.Context, m event.Message, waiting int) (result order.Result, shown string) {
	var p order.Reader
	var fault *order.FieldError
	if m.Fault != "" {
		fault = order.ParamError("message", m.Fault, "无法识别，详情见英文说明")
	} else {
		fault = p.Object("message", m.Body)
	}
	c := i.caller(p.ServiceToken)
	shown = i.idFor(c, m.ID)
	id := slog.String("messageId", shown)
	part, enough := share(ctx, waiting)
	switch {
	case !enough:
		return i.tell(ctx, c, p, outcome{Result: i.notBegun(p)}, 0, id), shown
	case part > 0:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, part)
		defer cancel()
	}
	return i.turn(ctx, c, p, fault, id), shown
}

// notBegun is the result of a message that nothing was done about.
func (i *invocation) notBegun(p order.Reader) order.Result {
	number := short(p.OutTradeNo)
	if i.Access.IsSecret(p.OutTradeNo) {
		number = redacted
	}
	return order.NewResult(order.Call{Ref: order.Ref{OutTradeNo: number}}, order.OutcomeUnknown, order.Answer{
		Code:    errcode.Timeout,
		Message: "there was no time left to begin with this message; it must come again / 剩余时间不足，未处理此消息；须重新投递",
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
func (i *invocation) logBatch(ctx context.Context, count map[ending]int) {
	level := slog.LevelInfo
	switch {
	case count[bad] > 0:
		level = slog.LevelError
	case count[again] > 0:
		level = slog.LevelWarn
	}
	i.log(ctx, level, "batch", []slog.Attr{
		slog.Int("messages", len(i.event.Messages)),
		slog.Int("comeAgain", count[again]),
		slog.Int("bad", count[bad]),
		slog.Int64("ms", time.Since(i.start).Milliseconds()),
	})
}
