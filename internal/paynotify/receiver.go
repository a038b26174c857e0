// Package paynotify takes what WeChat Pay sends to a merchant's notify_url, and answers it.
//
// What is not verified proves nothing, and is refused. A verified payment is recorded in the
// register, and acknowledged once it is committed. What is verified and cannot be recorded here
// (there is no register; it is of another merchant, sub-merchant or appid; it is an event of
// another type) is passed on to the merchant's own receiver, whose answer is given back; without
// one it is refused with 503, so that WeChat Pay brings it again, and logged as an error. So
// nothing that was verified is only logged.
//
// WeChat Pay counts an answer after 5 s as none, and repeats a notification up to 15 times within
// 24 h 4 min until it is acknowledged (pay.weixin.qq.com/doc/v3/merchant, notifications).
package paynotify

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

const (
	// longest is how long a notification may take: less than the 5 s that WeChat Pay waits.
	longest = 4500 * time.Millisecond
	// delivering is until when after its arrival events are delivered before the answer, if
	// minDelivering is left.
	delivering    = 4 * time.Second
	minDelivering = 2 * time.Second
)

// Register records what notifications prove.
type Register interface {
	// ObservePayments records the payments of one notification in one transaction, and returns what
	// came of each. Repeated payments change nothing. An error means that nothing is recorded for
	// certain, and the notification has to come again. Every payment names an order that can be
	// registered.
	ObservePayments(ctx context.Context, payments []schedule.Payment) ([]schedule.Observed, error)
}

// Receiver takes notifications. It may be used by several calls at once.
type Receiver struct {
	// Merchant is whose notifications are recorded. Those of sub-merchants that it does not name
	// are passed on.
	Merchant order.Merchant
	// AppIDs are the only appids whose payments are recorded; empty allows any, since shops take
	// payments by several.
	AppIDs []string
	// V3 and V2 verify each dialect's notifications. A dialect whose client is nil is refused.
	V3 *v3json.Client
	V2 *v2xml.Client
	// Register records payments. Nil: everything that is verified is passed on.
	Register Register
	// Forward is the merchant's own receiver. Nil: there is none.
	Forward *Forwarder
	// Deliver delivers events that are due before ctx ends. It is called after a payment was
	// recorded that was new, if there is time. Nil: the next sweep delivers them.
	Deliver func(ctx context.Context)
	// Log has one line for each notification, without anything of one that was not verified.
	Log *slog.Logger
}

// Notice is a request to the notify_url.
type Notice struct {
	Header http.Header
	Body   []byte // unchanged to the byte
}

// Take takes one notification, and returns the answer to it.
func (r *Receiver) Take(ctx context.Context, n Notice) Answer {
	arrived := time.Now()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	d := dialectOf(n)
	proved, err := r.verify(ctx, d, n)
	if err != nil {
		return r.refuse(ctx, d, err)
	}
	line := r.Log.With("op", "paynotify", "dialect", string(d), "notification", proved.id, "eventType", proved.event)
	if r.Register == nil {
		return r.passOn(ctx, line, d, n, "there is no register (CLOUDPAY_STORE)")
	}
	payments, others := r.bind(proved)
	if len(payments) > 0 {
		seen, err := r.Register.ObservePayments(ctx, payments)
		if err != nil {
			line.ErrorContext(ctx, "a payment could not be recorded; WeChat Pay brings it again", "error", err)
			return d.unavailable()
		}
		r.tell(ctx, line, payments, seen)
		r.deliver(ctx, arrived, seen)
	}
	switch {
	case others != "":
		return r.passOn(ctx, line, d, n, others)
	case len(payments) > 0:
		return d.acknowledged()
	case proved.isRefund() && r.Forward == nil:
		line.InfoContext(ctx, "a refund that changes nothing was acknowledged")
		return d.acknowledged()
	}
	return r.passOn(ctx, line, d, n, "it is an event of a type that is not handled")
}

// proof is what a verified notification proves, whichever dialect it came in.
type proof struct {
	id, event string
	paid      []payment
}

// payment is one order that a notification proves paid. appID is empty where the notification
// names none, as refunds do not.
type payment struct {
	schedule.Payment

	appID string
}

// isRefund reports an event of a refund, whether or not it succeeded.
func (p proof) isRefund() bool { return strings.HasPrefix(p.event, "REFUND.") }

// errNoDialect is the error for a dialect without a client.
var errNoDialect = errors.New("this dialect is not configured")

// verify decodes a notification. The error is the codec's, or errNoDialect.
func (r *Receiver) verify(ctx context.Context, d dialect, n Notice) (proof, error) {
	switch {
	case d == v3 && r.V3 != nil:
		got, err := r.V3.DecodeNotification(ctx, n.Header, n.Body)
		if err != nil {
			return proof{}, err
		}
		return proof{got.ID, got.EventType, r.paymentsV3(got)}, nil
	case d == v2 && r.V2 != nil:
		got, err := r.V2.DecodeNotification(n.Body)
		if err != nil {
			return proof{}, err
		}
		return proof{paid: r.paymentsV2(got)}, nil
	}
	return proof{}, errNoDialect
}

// refuse answers what proves nothing. WeChat Pay's own probes, which are signed wrongly, are to be
// refused too. The log has the reason, and nothing that the sender chose.
func (r *Receiver) refuse(ctx context.Context, d dialect, err error) Answer {
	line := r.Log.With("op", "paynotify", "dialect", string(d))
	if unverified, is := errors.AsType[*wire.VerifyError](err); is {
		if unverified.Reason == wire.ReasonProbe {
			line.InfoContext(ctx, "WeChat Pay's probe was refused, as it has to be")
		} else {
			line.WarnContext(ctx, "a notification was not verified, and proves nothing", "reason", string(unverified.Reason))
		}
		return d.failed(http.StatusUnauthorized, "not verified")
	}
	if malformed, is := errors.AsType[*wire.MalformedError](err); is {
		line.WarnContext(ctx, "a notification could not be read, and proves nothing")
		if malformed.TooLong {
			return d.failed(http.StatusRequestEntityTooLarge, "too long")
		}
		return d.failed(http.StatusBadRequest, "cannot be read")
	}
	if errors.Is(err, errNoDialect) { // a warning, for anything may be sent in any dialect
		line.WarnContext(ctx, "a notification was not verified, and proves nothing", "reason", err.Error())
		return d.unavailable()
	}
	line.ErrorContext(ctx, "no notification of this dialect can be verified; WeChat Pay brings it again", "error", err)
	return d.unavailable()
}

// tell logs what became of each order, a contradiction as an error.
func (r *Receiver) tell(ctx context.Context, line *slog.Logger, payments []schedule.Payment, seen []schedule.Observed) {
	for i, o := range seen {
		level, became := slog.LevelInfo, "repeated"
		switch {
		case o.Err != nil:
			level, became = slog.LevelError, "contradicted"
		case o.New && o.Unregistered:
			level, became = slog.LevelWarn, "unregistered"
		case o.New && payments[i].Refunded:
			became = "refunded"
		case o.New:
			became = "paid"
		}
		attrs := []any{"order", payments[i].String(), "became", became}
		if o.Err != nil {
			attrs = append(attrs, "error", o.Err)
		}
		line.Log(ctx, level, "payment", attrs...)
	}
}

// deliver delivers events before the answer, if something new was recorded and there is time. No
// answer depends on it: what is not delivered is due in the next sweep.
func (r *Receiver) deliver(ctx context.Context, arrived time.Time, seen []schedule.Observed) {
	if r.Deliver == nil || !slices.ContainsFunc(seen, func(o schedule.Observed) bool { return o.New || o.Err != nil }) {
		return
	}
	until := arrived.Add(delivering)
	if given, bounded := ctx.Deadline(); bounded && given.Before(until) {
		until = given
	}
	if time.Until(until) < minDelivering {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	r.Deliver(ctx)
}

// passOn has the merchant's own receiver answer what is verified and not ours to record.
func (r *Receiver) passOn(ctx context.Context, line *slog.Logger, d dialect, n Notice, why string) Answer {
	if r.Forward == nil {
		line.ErrorContext(ctx, "a verified notification can be neither recorded nor passed on; WeChat Pay brings it again",
			"why", why, "remedy", "set CLOUDPAY_PAYNOTIFY_FORWARD_URL to the receiver that takes it")
		return d.unavailable()
	}
	answer, err := r.Forward.send(ctx, n)
	if err != nil {
		line.ErrorContext(ctx, "a verified notification was not passed on; WeChat Pay brings it again", "why", why, "error", err)
		return d.unavailable()
	}
	line.InfoContext(ctx, "passed on", "why", why, "status", answer.Status)
	return answer
}

// dialect is the protocol of a notification.
type dialect string

const (
	v3 dialect = "v3"
	v2 dialect = "v2"
)

// dialectOf tells a notification's dialect by its form: only APIv3 signs in the header, and only
// APIv2 is XML. What is neither is refused in APIv3's words.
func dialectOf(n Notice) dialect {
	for name := range n.Header {
		if isSigned(name) {
			return v3
		}
	}
	if bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(n.Body, []byte("\ufeff"))), []byte("<")) {
		return v2
	}
	return v3
}

// isSigned reports whether a header is one of WeChat Pay's.
func isSigned(name string) bool { return strings.HasPrefix(strings.ToLower(name), "wechatpay-") }
