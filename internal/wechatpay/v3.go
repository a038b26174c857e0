package wechatpay

import (
	"cmp"
	"context"
	"errors"
	"net/url"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

func closeV3(ctx context.Context, client *v3json.Client, c order.Call) order.Answer {
	if c.CombineOutTradeNo != "" {
		return closeCombined(ctx, client, c)
	}
	reply, err := client.CloseOrder(ctx, v3json.Request{
		OutTradeNo:    c.OutTradeNo,
		TransactionID: c.TransactionID,
		SubMchID:      c.SubMchID,
		Nonce:         c.Nonce,
	})
	if err != nil {
		return failedV3(order.OpClose, err)
	}
	return signedV3(verdict.Accepted, reply.Envelope)
}

func queryV3(ctx context.Context, client *v3json.Client, c order.Call) order.Answer {
	if c.CombineOutTradeNo != "" {
		return queryCombined(ctx, client, c)
	}
	reply, err := client.QueryOrder(ctx, v3json.Request{
		OutTradeNo:    c.OutTradeNo,
		TransactionID: c.TransactionID,
		SubMchID:      c.SubMchID,
		Nonce:         c.Nonce,
	})
	if err != nil {
		return failedV3(order.OpQuery, err)
	}
	a := signedV3(verdict.Stated, reply.Envelope)
	a.Facts = factsV3(reply.Transaction)
	return a
}

func signedV3(v verdict.Verdict, e v3json.Envelope) order.Answer {
	return order.Answer{
		Verdict:    v,
		Proof:      order.ProofSignature,
		HTTPStatus: e.HTTPStatus,
		RequestID:  e.RequestID,
		Nonce:      e.Nonce,
		Sign:       e.Signature,
		SignedAt:   e.Time,
		Fresh:      e.Fresh,
	}
}

// disbeliefV3 is the code for each reason not to believe a reply.
var disbeliefV3 = map[wire.Reason]string{
	wire.ReasonUnsigned:      errcode.UnsignedReply,
	wire.ReasonBadSignature:  errcode.BadSignature,
	wire.ReasonMismatch:      errcode.ForeignReply,
	wire.ReasonProbe:         errcode.SignatureProbe,
	wire.ReasonStale:         errcode.StaleReply,
	wire.ReasonUnknownSerial: errcode.UnknownSerial,
}

func failedV3(op order.Op, err error) order.Answer {
	var refused *v3json.Error
	var unbelieved *v3json.VerifyError
	var unread *v3json.MalformedError
	var uncertified *v3json.CertificateError
	switch {
	case errors.As(err, &uncertified):
		return withoutCertificate(err, uncertified)
	case errors.As(err, &refused):
		return refusal(op, no{
			code: refused.Code, spelled: refused.Code, message: wordsV3(refused), authenticated: refused.Authenticated,
			status: refused.HTTPStatus, requestID: refused.RequestID, retryAfter: refused.RetryAfter,
			nonce: refused.Nonce, sign: refused.Signature, signedAt: refused.Time, fresh: refused.Fresh,
		})
	case errors.As(err, &unbelieved):
		return doubt(disbeliefV3[unbelieved.Reason], err.Error(), unbelieved.HTTPStatus, unbelieved.RequestID)
	case errors.As(err, &unread):
		return doubt(errcode.MalformedReply, err.Error(), unread.HTTPStatus, unread.RequestID)
	}
	return unanswered(err)
}

// withoutCertificate is an exchange that never was: no reply could have been
// verified, so nothing was asked about the order. Where something has to be
// configured otherwise, asking again is of no use, and what stands first is what to
// do: a long text loses its end on the way to the caller.
func withoutCertificate(err error, e *v3json.CertificateError) order.Answer {
	a := unanswered(err)
	if refused, ok := e.Cause.(*v3json.Error); ok { //nolint:errorlint // it is hidden from errors.As on purpose
		a.HTTPStatus, a.RequestID = refused.HTTPStatus, refused.RequestID
	}
	if e.Remedy != "" {
		a.Verdict, a.Code = verdict.Rejected, errcode.ConfigError
		a.Message = adviceOf(e.Remedy).String() + " (" + e.Cause.Error() + ")"
		return a
	}
	if e.Hint != "" {
		a.Message = adviceOf(e.Hint).String() + " (" + e.Cause.Error() + ")"
	}
	if _, unreached := errors.AsType[*url.Error](err); !unreached && a.Code == errcode.NetworkError {
		a.Code = errcode.UnknownSerial // somebody was there, and gave no certificate
	}
	return a
}

// wordsV3 is a refusal's text with the detail that says which field is meant.
func wordsV3(e *v3json.Error) string {
	if e.Message != "" && e.Detail != "" {
		return e.Message + " (" + e.Detail + ")"
	}
	return cmp.Or(e.Message, e.Detail)
}

func factsV3(t v3json.Transaction) *order.Facts {
	f := &order.Facts{
		AppID:          cmp.Or(t.AppID, t.SPAppID),
		SubAppID:       t.SubAppID,
		TradeState:     tradestate.State(t.TradeState),
		TradeStateDesc: t.TradeStateDesc,
		OutTradeNo:     t.OutTradeNo,
		TransactionID:  t.TransactionID,
		TradeType:      t.TradeType,
		BankType:       t.BankType,
		Attach:         t.Attach,
		DeviceInfo:     t.SceneInfo.DeviceID,
		OpenID:         cmp.Or(t.Payer.OpenID, t.Payer.SPOpenID),
		SubOpenID:      t.Payer.SubOpenID,
		PaidAt:         t.SuccessTime,
		Unread:         t.Unread,
	}
	if t.Amount != nil {
		f.TotalFee, f.FeeType = t.Amount.Total, t.Amount.Currency
		f.CashFee, f.CashFeeType = t.Amount.PayerTotal, t.Amount.PayerCurrency
		if t.Amount.ExchangeRate != nil {
			f.ExchangeRate = t.Amount.ExchangeRate.Rate
		}
	}
	for _, p := range t.PromotionDetail {
		f.Promotions = append(f.Promotions, promotionV3(p))
	}
	return f
}

func promotionV3(p v3json.Promotion) order.Promotion {
	out := order.Promotion{
		ID:                 cmp.Or(p.CouponID, p.PromotionID),
		Name:               p.Name,
		Scope:              p.Scope,
		Type:               p.Type,
		Amount:             p.Amount,
		Currency:           p.Currency,
		StockID:            p.StockID,
		ActivityID:         p.ActivityID,
		WxpayContribute:    cmp.Or(p.WechatpayContribute, p.WxpayContributeAmount),
		MerchantContribute: cmp.Or(p.MerchantContribute, p.MerchantContributeAmount),
		OtherContribute:    cmp.Or(p.OtherContribute, p.OtherContributeAmount),
	}
	for _, g := range p.GoodsDetail {
		out.Goods = append(out.Goods, order.Goods{
			ID:             g.GoodsID,
			Remark:         g.GoodsRemark,
			Quantity:       g.Quantity,
			Price:          cmp.Or(g.UnitPrice, g.Price),
			DiscountAmount: g.DiscountAmount,
		})
	}
	return out
}
