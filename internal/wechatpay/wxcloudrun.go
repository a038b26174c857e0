package wechatpay

import (
	"cmp"
	"context"
	"errors"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/wire"
)

func closeWXCloudRun(ctx context.Context, client *wxcloudrun.Client, c order.Call) order.Answer {
	reply, err := client.CloseOrder(ctx, wxcloudrun.Request{
		OutTradeNo: c.OutTradeNo,
		SubMchID:   cmp.Or(c.SubMchID, c.MchID),
		Nonce:      c.Nonce,
	})
	if err != nil {
		return failedWXCloudRun(order.OpClose, err)
	}
	a := linked(verdict.Accepted, reply.Envelope)
	a.ResultMsg = reply.ResultMsg
	return a
}

func queryWXCloudRun(ctx context.Context, client *wxcloudrun.Client, c order.Call) order.Answer {
	reply, err := client.QueryOrder(ctx, wxcloudrun.Request{
		OutTradeNo:    c.OutTradeNo,
		TransactionID: c.TransactionID,
		SubMchID:      cmp.Or(c.SubMchID, c.MchID),
		Nonce:         c.Nonce,
	})
	if err != nil {
		return failedWXCloudRun(order.OpQuery, err)
	}
	a := linked(verdict.Stated, reply.Envelope)
	a.ResultMsg, a.Facts = reply.ResultMsg, factsWXCloudRun(reply.Transaction)
	return a
}

// linked is an answer that only WeChat can have given, since only it is at the
// other end of the private link.
func linked(v verdict.Verdict, e wire.Envelope) order.Answer {
	return order.Answer{
		Verdict:    v,
		Proof:      order.ProofPrivateLink,
		HTTPStatus: e.HTTPStatus,
		RequestID:  e.RequestID,
		Nonce:      e.Nonce,
		Sign:       e.Signature,
		Fresh:      e.Fresh,
	}
}

// disbeliefWXCloudRun is the code for each reason not to believe a reply.
var disbeliefWXCloudRun = map[wire.Reason]string{
	wire.ReasonMismatch: errcode.ForeignReply,
}

func failedWXCloudRun(op order.Op, err error) order.Answer {
	var refused *wire.Error
	var unbelieved *wire.VerifyError
	var unread *wire.MalformedError
	switch {
	case errors.As(err, &refused):
		return refusal(op, no{
			code: hintWXCloudRun(refused), spelled: refused.Code, message: cmp.Or(refused.Message, refused.Detail),
			resultMsg: refused.ResultMsg, authenticated: refused.Authenticated, proof: order.ProofPrivateLink,
			status: refused.HTTPStatus, requestID: refused.RequestID, retryAfter: refused.RetryAfter,
			nonce: refused.Nonce, sign: refused.Signature, fresh: refused.Fresh,
		})
	case errors.As(err, &unbelieved):
		return doubt(disbeliefWXCloudRun[unbelieved.Reason], err.Error(), unbelieved.HTTPStatus, unbelieved.RequestID)
	case errors.As(err, &unread):
		return doubt(errcode.MalformedReply, err.Error(), unread.HTTPStatus, unread.RequestID)
	}
	return unanswered(err)
}

// hintsWXCloudRun are the link's own refusals (errcode), as far as they tell
// whether asking again may help.
var hintsWXCloudRun = map[string]string{
	"-1":      errcode.SystemError, // 系统繁忙
	"-601001": errcode.SystemError,
	"-601004": errcode.NoAuth,
	"-601008": errcode.SystemError, // the link's own time-out
	"45009":   errcode.FrequencyLimited,
	"45011":   errcode.FrequencyLimited,
	"48001":   errcode.NoAuth,
	"47001":   errcode.ParamError,
}

// hintWXCloudRun is the code of a refusal: WeChat Pay's own, or one made from the
// link's number, or from the text where there is neither.
func hintWXCloudRun(e *wire.Error) string {
	if e.Authenticated {
		return e.Code
	}
	return cmp.Or(hintsWXCloudRun[e.Code], hintText(e.Message))
}

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
