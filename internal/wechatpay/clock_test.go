package wechatpay_test

import (
	"net/http"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/verdict"
	"cloudpay/pkg/paygate"
)

// gatewayTime is what the emulated gateway's clock shows, not far from this machine's: APIv3
// refuses replies that are.
func gatewayTime() time.Time { return time.Now().Add(-2 * time.Minute).Truncate(time.Minute) }

// TestClockOfAnswers: an authenticated reply of APIv3 has a signed time, success or refusal, and
// other replies have their Date, which is not.
func TestClockOfAnswers(t *testing.T) {
	t.Parallel()
	now := gatewayTime()
	w := newWire(t, paygate.Options{Now: func() time.Time { return now }})
	w.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	link := order.Call{API: order.WXCloudRun, Ref: order.Ref{MchID: w.Merchant.MchID}}
	for name, c := range map[string]struct {
		op     order.Op
		call   order.Call
		fault  paygate.Fault
		signed bool
	}{
		"v3 query":         {order.OpQuery, order.Call{API: order.V3}, paygate.Fault{}, true},
		"v3 refusal":       {order.OpQuery, order.Call{API: order.V3}, paygate.Fault{Action: paygate.Refuse, Code: "SYSTEM_ERROR"}, true},
		"v3, badly signed": {order.OpQuery, order.Call{API: order.V3}, paygate.Fault{Action: paygate.BadSignature}, false},
		"v3, not signed":   {order.OpQuery, order.Call{API: order.V3}, paygate.Fault{Action: paygate.Unsigned}, false},
		"v2 query":         {order.OpQuery, order.Call{API: order.V2}, paygate.Fault{}, false},
		"v2 refusal":       {order.OpQuery, order.Call{API: order.V2}, paygate.Fault{Action: paygate.Refuse, Code: "SYSTEMERROR"}, false},
		"v2, badly signed": {order.OpQuery, order.Call{API: order.V2}, paygate.Fault{Action: paygate.BadSignature}, false},
		"the link's query": {order.OpQuery, link, paygate.Fault{}, false},
		"v3 close, unpaid": {order.OpClose, order.Call{API: order.V3}, paygate.Fault{}, true},
		"v2 close, closed": {order.OpClose, order.Call{API: order.V2}, paygate.Fault{}, false},
	} {
		if c.fault.Action != "" {
			c.fault.Times = 1
			w.MustInject(c.fault)
		}
		if got := w.ask(t, c.op, c.call).Clock; !got.At.Equal(now) || got.Signed != c.signed {
			t.Errorf("%s: got %+v, want %v, signed %t", name, got, now, c.signed)
		}
	}
}

// TestNoByteOfTheTimestampMayChange: a time is signed as a whole. Whatever byte of the header is
// changed, the reply proves nothing, and its clock is an unsigned Date.
func TestNoByteOfTheTimestampMayChange(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	const digits = 10
	for i := range digits {
		for _, to := range "0123456789 +-x" {
			same := false
			w.alter = func(h http.Header) {
				stamp := []byte(h.Get("Wechatpay-Timestamp"))
				same = stamp[i] == byte(to)
				stamp[i] = byte(to)
				h.Set("Wechatpay-Timestamp", string(stamp))
			}
			got := w.ask(t, order.OpQuery, order.Call{API: order.V3})
			if got.Clock.Signed != same || (got.Verdict == verdict.Stated) != same || got.Clock.At.IsZero() {
				t.Errorf("byte %d as %q: got %+v, want nothing proved and the Date alone", i, to, got)
			}
		}
	}
}

// TestReplyWithoutATime: a Date that is missing or cannot be read is none.
func TestReplyWithoutATime(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"", "yesterday", "Sat, 22 Nov 2026 25:00:00 GMT"} {
		w := newWire(t)
		w.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
		w.alter = func(h http.Header) { h.Set("Date", date) }
		if got := w.ask(t, order.OpQuery, order.Call{API: order.V2}); got.Verdict != verdict.Stated || got.Clock != (order.Clock{}) {
			t.Errorf("%q: got %+v, want no clock", date, got)
		}
	}
}
