// Package wechatpay makes one exchange with WeChat Pay for each call, in any of its protocols, and
// returns an order.Answer.
//
// Everything here is an [Exchanger], which is closing.Gateway, the interface of its consumer. A
// call goes through three of them:
//
//	Gateway    chooses by the call's API                       gateway.go
//	Failover   chooses the main address or the backup          failover.go
//	V2 V3 …    translates the call, the reply and the error    v2.go, v3.go, wxcloudrun.go
//
// A dialect is one file: the two methods, how its refusals are worded (a rejection), and its facts.
// A new one needs no change here but its file, and an entry where the Gateway is built.
//
// What an error code means is in one table, package errcode, and what a refusal amounts to in one
// function, verdictOf. Every dialect obeys one rule: only an authenticated reply has a verdict
// about the order. All else is Doubted, or Rejected where it says that the request itself is wrong.
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
)

// Exchanger makes one exchange with WeChat Pay for each call, without retrying. Its methods always
// return an Answer. Without an authenticated reply its Verdict is Doubted or Rejected, and its Code
// says why. They return once ctx is done, and may be called concurrently. It has the methods of
// closing.Gateway, the interface that consumes it.
type Exchanger interface {
	// Close requests that the order be closed.
	Close(ctx context.Context, c order.Call) order.Answer
	// Query requests the order's state. The Answer has Facts when its Verdict is Stated.
	Query(ctx context.Context, c order.Call) order.Answer
}

// operation is one of an Exchanger's methods, as a method expression.
type operation func(x Exchanger, ctx context.Context, c order.Call) order.Answer

// Gateway sends each call through the Exchanger of its API. A call for an API without one is
// answered with CONFIG_ERROR, and nothing is sent; order.Merchant refuses such calls earlier. It is
// used by pointer.
type Gateway struct {
	// APIs are the configured ones.
	APIs map[order.API]Exchanger
	// Log, when not nil, gets a warning for each authenticated reply of which a part cannot be
	// read.
	Log *slog.Logger
}

// Close requests that the order be closed.
func (g *Gateway) Close(ctx context.Context, c order.Call) order.Answer {
	return g.exchange(ctx, c, Exchanger.Close)
}

// Query requests the order's state.
func (g *Gateway) Query(ctx context.Context, c order.Call) order.Answer {
	return g.exchange(ctx, c, Exchanger.Query)
}

func (g *Gateway) exchange(ctx context.Context, c order.Call, do operation) order.Answer {
	x := g.APIs[c.API]
	if x == nil {
		return order.Answer{
			Verdict: verdict.Rejected,
			Proof:   order.ProofNone,
			Code:    errcode.ConfigError,
			Message: bilingual.Sprintf("API %s is not configured", "未配置接口 %s", c.API).String(),
		}
	}
	a := withHint(c, do(x, ctx, c))
	g.logUnread(ctx, c, a)
	return a
}

// logUnread warns of what was left out of the facts. It logs names, which are the protocol's, and
// no values, which may be anything.
func (g *Gateway) logUnread(ctx context.Context, c order.Call, a order.Answer) {
	if g.Log == nil || a.Facts == nil || len(a.Facts.Unread) == 0 {
		return
	}
	g.Log.WarnContext(ctx, "left out of the order's facts what could not be read; its state is proved all the same",
		"outTradeNo", cmp.Or(c.OutTradeNo, c.CombineOutTradeNo, a.Facts.OutTradeNo), "api", string(c.API),
		"fields", strings.Join(a.Facts.Unread, " "), "gatewayRequestId", a.RequestID)
}

// withHint adds to an ORDERNOTEXIST why the order may exist all the same: WeChat Pay finds an order
// only in the API, the region and by the number that it was placed with.
func withHint(c order.Call, a order.Answer) order.Answer {
	if a.Verdict != verdict.SaysMissing {
		return a
	}
	hint := bilingual.New("check the numbers; a combined order is found in APIv3 only, by combine_out_trade_no",
		"请核对订单号与商户号；合单订单只能用 APIv3 以 combine_out_trade_no 查到")
	switch {
	case c.CombineOutTradeNo != "":
		hint = bilingual.New("an order that is not combined is named by out_trade_no", "非合单订单请用 out_trade_no")
	case c.API == order.V3:
		hint = bilingual.New(
			"check the numbers; a combined order is named by combine_out_trade_no, and one of another region needs its WXPAY_REGION",
			"请核对订单号与商户号；合单订单请用 combine_out_trade_no，其他地区的订单须设置其 WXPAY_REGION")
	}
	a.Message += " (" + hint.String() + ")"
	return a
}
