package wechatpay

import (
	"cmp"
	"context"
	"errors"

	"cloudpay/internal/order"
	"cloudpay/internal/wxcloudrun"
)

func closeWXCloudRun(ctx context.Context, client *wxcloudrun.Client, c order.Call) order.Answer {
	reply, err := client.CloseOrder(ctx, wxcloudrun.CloseRequest{
		OutTradeNo: c.OutTradeNo,
		SubMchID:   cmp.Or(c.SubMchID, c.MchID),
		Nonce:      c.Nonce,
	})
	if err != nil {
		return failedWXCloudRun(order.OpClose, err)
	}
	a := linked(order.Accepted, reply.Envelope)
	a.ResultMsg = reply.ResultMsg
	return a
}

func queryWXCloudRun(ctx context.Context, client *wxcloudrun.Client, c order.Call) order.Answer {
	reply, err := client.QueryOrder(ctx, wxcloudrun.QueryRequest{
		OutTradeNo:    c.OutTradeNo,
		TransactionID: c.TransactionID,
		SubMchID:      cmp.Or(c.SubMchID, c.MchID),
		Nonce:         c.Nonce,
	})
	if err != nil {
		return failedWXCloudRun(order.OpQuery, err)
	}
	a := linked(order.Stated, reply.Envelope)
	a.ResultMsg, a.Facts = reply.ResultMsg, factsWXCloudRun(reply.Transaction)
	return a
}

// linked is an answer that only WeChat can have given, since only it is at the
// other end of the private link.
func linked(v order.Verdict, e wxcloudrun.Envelope) order.Answer {
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
var disbeliefWXCloudRun = map[wxcloudrun.Reason]string{
	wxcloudrun.ReasonMismatch: order.CodeForeignReply,
}

func failedWXCloudRun(op order.Op, err error) order.Answer {
	var refused *wxcloudrun.Error
	var unbelieved *wxcloudrun.VerifyError
	var unread *wxcloudrun.MalformedError
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
		return doubt(order.CodeMalformedReply, err.Error(), unread.HTTPStatus, unread.RequestID)
	}
	return unanswered(err)
}

// hintsWXCloudRun are the link's own refusals (errcode), as far as they tell
// whether asking again may help.
var hintsWXCloudRun = map[string]string{
	"-1":      order.CodeSystemError, // 系统繁忙
	"-601001": order.CodeSystemError,
	"-601004": order.CodeNoAuth,
	"-601008": order.CodeSystemError, // the link's own time-out
	"45009":   order.CodeFrequencyLimited,
	"45011":   order.CodeFrequencyLimited,
	"48001":   order.CodeNoAuth,
	"47001":   order.CodeParamError,
}

// hintWXCloudRun is the code of a refusal: WeChat Pay's own, or one made from the
// link's number, or from the text where there is neither.
func hintWXCloudRun(e *wxcloudrun.Error) string {
	if e.Authenticated {
		return e.Code
	}
	return cmp.Or(hintsWXCloudRun[e.Code], hintText(e.Message))
}

func factsWXCloudRun(t wxcloudrun.Transaction) *order.Facts {
	f := &order.Facts{
		TradeState:     order.TradeState(t.TradeState),
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
