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
// another attempt may help. The five-digit numbers are WeChat's global return codes.
var codesOfLink = map[string]string{
	// Another attempt may help.
	"-1":      errcode.SystemError,      // 系统繁忙
	"-601001": errcode.SystemError,      // WX_SYSTEM_ERROR
	"-601008": errcode.SystemError,      // the link's own time-out
	"45009":   errcode.FrequencyLimited, // the day's quota
	"45011":   errcode.FrequencyLimited, // the minute's quota
	// Every attempt meets the same: the configuration or the request is wrong.
	"-601004": errcode.NoAuth,     // permission denied
	"48001":   errcode.NoAuth,     // no permission for the interface
	"47001":   errcode.ParamError, // the body is not what the interface reads
}

// factsWXCloudRun translates a transaction, APIv2's in JSON. Its appid and sub_appid are left out:
// appid is that of WeChat's service provider, and would be taken for the merchant's.
func factsWXCloudRun(t wxcloudrun.Transaction) *order.Facts {
	f := &order.Facts{
		// The order and its state. The protocol compared the numbers with the request's.
		OutTradeNo: t.OutTradeNo, TransactionID: t.TransactionID,
		TradeState: tradestate.State(t.TradeState), TradeStateDesc: t.TradeStateDesc, PaidAt: t.TimeEnd,
		// The payer: openid under the provider's appid, sub_openid under the mini program's.
		OpenID: t.OpenID, IsSubscribe: t.IsSubscribe, SubOpenID: t.SubOpenID, SubIsSubscribe: t.SubIsSubscribe,
		// The amounts, in fen: nil is not sent, and 0 is 0.
		TotalFee: t.TotalFee, FeeType: t.FeeType, SettlementTotalFee: t.SettlementTotalFee,
		CashFee: t.CashFee, CashFeeType: t.CashFeeType, CouponFee: t.CouponFee, CouponCount: t.CouponCount,
		// What the merchant or the bank put there, and what could not be read.
		TradeType: t.TradeType, BankType: t.BankType, Attach: t.Attach, DeviceInfo: t.DeviceInfo, Unread: t.Unread,
	}
	for _, c := range t.Coupons {
		f.Coupons = append(f.Coupons, order.Coupon(c))
	}
	return f
}
