// Package wechatpay is the one door to WeChat Pay: whatever dialect a call
// asks for, what comes back is an order.Answer.
//
// Each dialect has one file here with the same functions in it (v2.go, v3.go,
// wxcloudrun.go), and each says what its package's replies and errors are in
// order words. What an error code means is not theirs to say: that is order's
// table, read by refusal. The rule that all obey: only what was authenticated may
// carry a verdict about the order; everything else is Doubted, or Rejected where
// it says that the request itself is wrong.
//
// The door also knows that WeChat Pay has more than one address (Domains).
package wechatpay

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
)

// Door makes one exchange with WeChat Pay for each call of its methods. A
// dialect without a client is not configured; order.Merchant lets no call for it
// come this far, and if one does, it is answered with CONFIG_ERROR and nothing is
// sent. It is used by pointer, and by any number of callers at once.
type Door struct {
	// V2 and V3 have a client for the main address and, if there is a backup, one
	// for that.
	V2 []*v2xml.Client
	V3 []*v3json.Client
	// WXCloudRun is the private link; nil when it is not configured.
	WXCloudRun *wxcloudrun.Client
	// Routes are the ways to the addresses of APIv2 and APIv3, in their order; a missing one is
	// foreign.
	Routes []order.Route
	// Domains says which address is to be asked.
	Domains Domains
	// Log is told of what a proved answer had besides and nothing could read; nobody
	// when nil.
	Log *slog.Logger

	replays replays
}

// Close asks that the order be closed.
func (d *Door) Close(ctx context.Context, c order.Call) order.Answer {
	return d.exchange(ctx, c, operation{closeV2, closeV3, closeWXCloudRun})
}

// Query asks what state the order is in.
func (d *Door) Query(ctx context.Context, c order.Call) order.Answer {
	return d.exchange(ctx, c, operation{queryV2, queryV3, queryWXCloudRun})
}

// tell warns of what was left out of an answer. The names are our own, the values
// are not repeated.
func (d *Door) tell(ctx context.Context, c order.Call, a order.Answer) {
	if d.Log == nil || a.Facts == nil || len(a.Facts.Unread) == 0 {
		return
	}
	d.Log.WarnContext(ctx, "left out of the order's facts what could not be read; its state is proved all the same",
		"outTradeNo", cmp.Or(c.OutTradeNo, c.CombineOutTradeNo, a.Facts.OutTradeNo), "api", string(c.API),
		"fields", strings.Join(a.Facts.Unread, " "), "gatewayRequestId", a.RequestID)
}

// An operation is what each dialect's file does for it.
type operation struct {
	v2         func(context.Context, *v2xml.Client, order.Call) order.Answer
	v3         func(context.Context, *v3json.Client, order.Call) order.Answer
	wxCloudRun func(context.Context, *wxcloudrun.Client, order.Call) order.Answer
}

func (d *Door) exchange(ctx context.Context, c order.Call, o operation) order.Answer {
	a := d.once(ctx, c, o)
	d.tell(ctx, c, a)
	return a
}

func (d *Door) once(ctx context.Context, c order.Call, o operation) order.Answer {
	switch {
	case c.API == order.V2 && len(d.V2) > 0:
		return hinted(c, d.ask(ctx, c, len(d.V2), func(ctx context.Context, i int) order.Answer { return o.v2(ctx, d.V2[i], c) }))
	case c.API == order.V3 && len(d.V3) > 0:
		return hinted(c, d.ask(ctx, c, len(d.V3), func(ctx context.Context, i int) order.Answer { return o.v3(ctx, d.V3[i], c) }))
	case c.API == order.WXCloudRun && d.WXCloudRun != nil:
		if c.Fresh {
			ctx = onFreshConnection(ctx)
		}
		a := o.wxCloudRun(ctx, d.WXCloudRun, c)
		a.Route = order.RouteLink
		return hinted(c, a)
	}
	return notConfigured(c.API)
}

// ask asks the domain whose turn it is, and notes whether it was reached.
func (d *Door) ask(
	ctx context.Context, c order.Call, domains int, exchange func(ctx context.Context, domain int) order.Answer,
) order.Answer {
	domain := d.Domains.pick(domains)
	route := d.route(domain)
	if c.Fresh && route == order.RouteOwn { // on a foreign one it would prove no more
		ctx = onFreshConnection(ctx)
	}
	a := exchange(ctx, domain)
	a.Route = route
	d.Domains.report(domain, reached(a))
	if a.Proof == order.ProofSignature && !d.replays.first(c.API, a, d.Domains.now()) {
		again := doubt(errcode.BadSignature, "a reply that had been believed before came a second time", a.HTTPStatus, a.RequestID)
		again.Route, again.Fresh = a.Route, a.Fresh
		return again
	}
	return a
}

func (d *Door) route(domain int) order.Route {
	if domain < len(d.Routes) {
		return d.Routes[domain]
	}
	return order.RouteForeign
}

// reached reports whether a reply came, whatever it was worth.
func reached(a order.Answer) bool {
	switch a.Code {
	case errcode.NetworkError, errcode.Timeout, errcode.TLSError:
		return a.HTTPStatus != 0
	}
	return true
}

func notConfigured(api order.API) order.Answer {
	return order.Answer{
		Verdict: verdict.Rejected,
		Proof:   order.ProofNone,
		Code:    errcode.ConfigError,
		Message: bilingual.Sprintf("API %s is not configured", "未配置接口 %s", api).String(),
	}
}
