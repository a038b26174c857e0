package wechatpay

import (
	"cmp"
	"context"
	"errors"

	"cloudpay/internal/order"
	"cloudpay/pkg/v3json"
)

func closeV3(ctx context.Context, client *v3json.Client, c order.Call) order.Answer {
	reply, err := client.CloseOrder(ctx, v3json.CloseRequest{
		OutTradeNo: c.OutTradeNo,
		SubMchID:   c.SubMchID,
		Nonce:      c.Nonce,
	})
	if err != nil {
		return failedV3(order.OpClose, err)
	}
	return signedV3(order.Accepted, reply.Envelope)
}

func queryV3(ctx context.Context, client *v3json.Client, c order.Call) order.Answer {
	reply, err := client.QueryOrder(ctx, v3json.QueryRequest{
		OutTradeNo:    c.OutTradeNo,
		TransactionID: c.TransactionID,
		SubMchID:      c.SubMchID,
		Nonce:         c.Nonce,
	})
	if err != nil {
		return failedV3(order.OpQuery, err)
	}
	a := signedV3(order.Stated, reply.Envelope)
	a.Facts = factsV3(reply.Transaction)
	return a
}

func signedV3(v order.Verdict, e v3json.Envelope) order.Answer {
	return order.Answer{
		Verdict:    v,
		Proof:      order.ProofSignature,
		HTTPStatus: e.HTTPStatus,
		RequestID:  e.RequestID,
		Nonce:      e.Nonce,
		Sign:       e.Signature,
	}
}

// disbeliefV3 is the code for each reason not to believe a reply.
var disbeliefV3 = map[v3json.Reason]string{
	v3json.ReasonUnsigned:      order.CodeUnsignedReply,
	v3json.ReasonBadSignature:  order.CodeBadSignature,
	v3json.ReasonMismatch:      order.CodeForeignReply,
	v3json.ReasonProbe:         order.CodeSignatureProbe,
	v3json.ReasonStale:         order.CodeStaleReply,
	v3json.ReasonUnknownSerial: order.CodeUnknownSerial,
}

func failedV3(op order.Op, err error) order.Answer {
	var refused *v3json.Error
	var unbelieved *v3json.VerifyError
	var unread *v3json.MalformedError
	switch {
	case errors.As(err, &refused):
		return refusal(op, no{
			code: refused.Code, message: wordsV3(refused), authenticated: refused.Authenticated,
			status: refused.HTTPStatus, requestID: refused.RequestID, retryAfter: refused.RetryAfter,
			nonce: refused.Nonce, sign: refused.Signature,
		})
	case errors.As(err, &unbelieved):
		return doubt(disbeliefV3[unbelieved.Reason], err.Error(), unbelieved.HTTPStatus, unbelieved.RequestID)
	case errors.As(err, &unread):
		return doubt(order.CodeMalformedReply, err.Error(), unread.HTTPStatus, unread.RequestID)
	}
	return unanswered(err)
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
		TradeState:     order.TradeState(t.TradeState),
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
	}
	if t.Amount != nil {
		paid := f.TradeState.Paid()
		f.TotalFee, f.FeeType = amount(t.Amount.Total, paid), t.Amount.Currency
		f.CashFee, f.CashFeeType = amount(t.Amount.PayerTotal, paid), t.Amount.PayerCurrency
	}
	for _, p := range t.PromotionDetail {
		f.Promotions = append(f.Promotions, promotionV3(p))
	}
	return f
}

func promotionV3(p v3json.Promotion) order.Promotion {
	out := order.Promotion{
		ID:                 p.CouponID,
		Name:               p.Name,
		Scope:              p.Scope,
		Type:               p.Type,
		Amount:             p.Amount,
		Currency:           p.Currency,
		StockID:            p.StockID,
		WxpayContribute:    p.WechatpayContribute,
		MerchantContribute: p.MerchantContribute,
		OtherContribute:    p.OtherContribute,
	}
	for _, g := range p.GoodsDetail {
		out.Goods = append(out.Goods, order.Goods{
			ID:             g.GoodsID,
			Remark:         g.GoodsRemark,
			Quantity:       g.Quantity,
			Price:          g.UnitPrice,
			DiscountAmount: g.DiscountAmount,
		})
	}
	return out
}
