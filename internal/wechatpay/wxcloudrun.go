package wechatpay

import (
	"cmp"
	"context"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/wire"
)

// WXCloudRun is WeChat cloud hosting's private link. Its replies have no signature that can be
// verified: what authenticates them is that only WeChat is at the other end.
type WXCloudRun struct{ Client *wxcloudrun.Client }

// Close requests that the order be closed.
func (x WXCloudRun) Close(ctx context.Context, c order.Call) order.Answer {
	req := requestWXCloudRun(c)
	req.TransactionID = "" // the link closes by out_trade_no only
	reply, err := x.Client.CloseOrder(ctx, req)
	if err != nil {
		return failure(order.OpClose, err, rejectionWXCloudRun)
	}
	a := success(verdict.Accepted, order.ProofPrivateLink, reply.Envelope)
	a.ResultMsg = reply.ResultMsg
	return a
}

// Query requests the order's state.
func (x WXCloudRun) Query(ctx context.Context, c order.Call) order.Answer {
	reply, err := x.Client.QueryOrder(ctx, requestWXCloudRun(c))
	if err != nil {
		return failure(order.OpQuery, err, rejectionWXCloudRun)
	}
	a := success(verdict.Stated, order.ProofPrivateLink, reply.Envelope)
	a.ResultMsg, a.Facts = reply.ResultMsg, factsWXCloudRun(reply.Transaction)
	return a
}

// requestWXCloudRun names the merchant as a sub-merchant of WeChat's own service provider.
func requestWXCloudRun(c order.Call) wxcloudrun.Request {
	return wxcloudrun.Request{
		OutTradeNo:    c.OutTradeNo,
		TransactionID: c.TransactionID,
		SubMchID:      cmp.Or(c.SubMchID, c.MchID),
		Nonce:         c.Nonce,
	}
}

// rejectionWXCloudRun reads a refusal: WeChat Pay's own has a code, the link's a number or only a
// text.
func rejectionWXCloudRun(e *wire.Error) rejection {
	code := e.Code
	if !e.Authenticated {
		code = cmp.Or(codesOfLink[e.Code], codeOfText(e.Message))
	}
	return rejection{Error: e, code: code, message: cmp.Or(e.Message, e.Detail), proof: order.ProofPrivateLink}
}

// codesOfLink are the codes for the link's own refusals (errcode), as far as they tell whether
// another attempt may help.
var codesOfLink = map[string]string{
	"-1":      errcode.SystemError, // 系统繁忙
	"-601001": errcode.SystemError,
	"-601004": errcode.NoAuth,
	"-601008": errcode.SystemError, // the link's own time-out
	"45009":   errcode.FrequencyLimited,
	"45011":   errcode.FrequencyLimited,
	"48001":   errcode.NoAuth,
	"47001":   errcode.ParamError,
}

// factsWXCloudRun translates a transaction. Its appid is left out: it is that of WeChat's service
// provider.
func factsWXCloudRun(t wxcloudrun.Transaction) *order.Facts {
	f := &order.Facts{
		TradeState:     tradestate.State(t.TradeState),
		TradeStateDesc: t.TradeStateDesc,
		OutTradeNo:     t.OutTradeNo,
		TransactionID:  t.TransactionID,
		TradeType:      t.TradeType,
		BankType:       t.BankType,
		Attach:         t.Attach,
		DeviceInfo:     t.DeviceInfo,
		OpenID:         t.OpenID,
		SubOpenID:      t.SubOpenID,
		IsSubscribe:    t.IsSubscribe,
		SubIsSubscribe: t.SubIsSubscribe,
		FeeType:        t.FeeType,
		CashFeeType:    t.CashFeeType,
		CouponCount:    t.CouponCount,
		PaidAt:         t.TimeEnd,
		Unread:         t.Unread,

		TotalFee:           t.TotalFee,
		CashFee:            t.CashFee,
		SettlementTotalFee: t.SettlementTotalFee,
		CouponFee:          t.CouponFee,
	}
	for _, c := range t.Coupons {
		f.Coupons = append(f.Coupons, order.Coupon(c))
	}
	return f
}
