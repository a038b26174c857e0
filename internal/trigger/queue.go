package trigger

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/trigger/event"
)

const (
	// batchWorkers is how many messages of a batch are in progress at a time: enough to hide the
	// gateway's distance, too few to run into its limits.
	batchWorkers = 4
	// minShare is the least time in which a message is begun: a close and the query that settles
	// it take longer on a bad day.
	minShare = 500 * time.Millisecond
	// batchReserve is kept for the reply after the last message.
	batchReserve = 200 * time.Millisecond
)

// handled is a message of a batch, with its result.
type handled struct {
	id          string // the queue's
	shown       string // the same for the reply, see idFor
	result      order.Result
	disposition disposition
}

// disposition is what becomes of a message.
type disposition int

const (
	done  disposition = iota
	retry             // redeliver it: its result may be another then
	dead              // its result will never be another, however often it is delivered
)

// dispositionOf is what a result means for its message. A redelivery is safe: a close of a closed
// order proves that it is closed. Giving a message up is not, since the order is then forgotten. So
// a message is dead only for its own fault, and not for one that every other message would have
// too.
//
// A close of an order that does not exist is dead: either the message is wrong, or the
// configuration has another merchant than the order.
func dispositionOf(op order.Op, r order.Result) disposition {
	switch {
	case r.Retryable, r.Outcome == order.OutcomeUnknown, r.Outcome == order.OutcomeTooSoon:
		return retry
	case r.Outcome == order.OutcomeNotFound && op == order.OpClose:
		return dead
	case r.Outcome != order.OutcomeRefused:
		return done
	case slices.Contains(notTheMessages, r.ErrCode), errcode.IsOfMerchant(r.ErrCode):
		return retry
	}
	return dead
}

// notTheMessages are the codes of refusals that are not the message's fault, besides those of the
// merchant's papers: its sender is not admitted, as after a token was changed on one side; damage
// on the way. The messages must still be there when the operator has mended these.
var notTheMessages = []string{
	errcode.NoAuth, errcode.ConfigError, errcode.FrequencyLimited,
	"LACK_PARAMS", "REQUIRE_POST_METHOD", "XML_FORMAT_ERROR", "POST_DATA_EMPTY", "NOT_UTF8",
}

// handleQueue answers a queue. Every message is a call of its own, and a dead one stops no other.
//
// SQS is told which messages to redeliver: those to retry, and the dead ones too, which it moves to
// the dead-letter queue in the end. If that is all of them the function fails, which is the same to
// SQS, and right even without ReportBatchItemFailures. The other queues redeliver all messages or
// none (and CMQ only twice): the function fails if one is to retry. A dead one is given up, with an
// error in the log, since it would hold up all others for ever.
func (i *invocation) handleQueue(ctx context.Context) ([]byte, error) {
	if i.fault != nil || i.Broken != nil {
		result := i.handle(ctx, i.caller(ctx, ""), order.Reader{}, i.unreadable())
		return nil, fmt.Errorf("the batch was not begun: %s", result.ErrCode)
	}
	all := i.handleMessages(ctx)
	failed, count, secret := []string{}, map[disposition]int{}, false
	for _, h := range all {
		if count[h.disposition]++; h.disposition != done {
			failed = append(failed, h.id)
			secret = secret || h.shown == redacted
		}
	}
	i.logBatch(ctx, count)
	sqs := i.event.TakesFailures()
	switch {
	case sqs && len(failed) < len(all) && !secret: // no reply may have a token as a message's ID
		reply, err := i.event.EncodeFailures(failed)
		if err != nil {
			return nil, fmt.Errorf("telling which messages failed: %w", err)
		}
		return reply, nil
	case sqs, count[retry] > 0:
		return nil, fmt.Errorf("%d of %d messages were not done, the first because of %s", len(failed), len(all), firstCode(all))
	}
	return encode(i.reportOn(all))
}

// firstCode is why the first message that is not done failed.
func firstCode(all []handled) string {
	for _, h := range all {
		if h.disposition != done {
			return cmp.Or(h.result.ErrCode, string(h.result.Outcome))
		}
	}
	return ""
}

// batchReport is the reply to a queue that redelivers whole batches. The platform logs it.
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
		report.Results = append(report.Results, messageReport{
			h.shown, i.redact(h.result.OutTradeNo), h.result.Outcome, h.result.ErrCode,
		})
	}
	return report
}

// handleMessages handles every message, batchWorkers at a time, and returns when all are done.
func (i *invocation) handleMessages(ctx context.Context) []handled {
	all := make([]handled, len(i.event.Messages))
	var workers errgroup.Group
	workers.SetLimit(batchWorkers)
	for n, m := range i.event.Messages {
		workers.Go(func() error {
			result, shown := i.handleMessage(ctx, m, len(all)-n)
			all[n] = handled{m.ID, cmp.Or(shown, fmt.Sprintf("#%d", n)), result, dispositionOf(i.Op, result)}
			return nil
		})
	}
	_ = workers.Wait() // a message's failure is its result
	return all
}

// handleMessage executes one message, if there is time. waiting is how many are not begun, itself
// included. shown is the message's ID as a reply may have it.
func (i *invocation) handleMessage(ctx context.Context, m event.Message, waiting int) (result order.Result, shown string) {
	var p order.Reader
	var fault *order.FieldError
	if m.Fault != "" {
		fault = order.ParamError("message", m.Fault, "无法识别，详情见英文说明")
	} else {
		fault = p.Object("message", m.Body)
	}
	c := i.caller(ctx, p.ServiceToken)
	shown = i.idFor(c, m.ID)
	id := slog.String("messageId", shown)
	part, enough := share(ctx, waiting)
	switch {
	case !enough:
		return i.finish(ctx, c, p, outcome{Result: i.notBegun(p)}, 0, id), shown
	case part > 0:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, part)
		defer cancel()
	}
	return i.handle(ctx, c, p, fault, id), shown
}

// notBegun is the result of a message for which no time was left.
func (i *invocation) notBegun(p order.Reader) order.Result {
	number := short(i.redact(p.OutTradeNo))
	return order.NewResult(order.Call{Ref: order.Ref{OutTradeNo: number}}, order.OutcomeUnknown, order.Answer{
		Code:    errcode.Timeout,
		Message: "there was no time left to begin with this message; it must come again / 剩余时间不足，未处理此消息；须重新投递",
		Proof:   order.ProofNone,
	}, 0)
}

// share is a message's part of the batch's time: what remains is for all that wait, in rounds of
// batchWorkers. It is zero without a deadline, and false if the time is too short to begin another
// message.
func share(ctx context.Context, waiting int) (time.Duration, bool) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0, true
	}
	left := time.Until(deadline) - batchReserve
	rounds := (waiting + batchWorkers - 1) / batchWorkers
	return max(left/time.Duration(rounds), minShare), left >= minShare
}

// logBatch writes the batch's own line, after those of its messages.
func (i *invocation) logBatch(ctx context.Context, count map[disposition]int) {
	level := slog.LevelInfo
	switch {
	case count[dead] > 0:
		level = slog.LevelError
	case count[retry] > 0:
		level = slog.LevelWarn
	}
	i.log(ctx, level, "batch", []slog.Attr{
		slog.Int("messages", len(i.event.Messages)),
		slog.Int("comeAgain", count[retry]),
		slog.Int("bad", count[dead]),
		slog.Int64("ms", time.Since(i.start).Milliseconds()),
	})
}
