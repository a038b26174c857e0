package wechatpay

import (
	"context"
	"errors"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/wire"
)

func closeV2(ctx context.Context, client *v2xml.Client, c order.Call) order.Answer {
	reply, err := client.CloseOrder(ctx, v2xml.Request{
		OutTradeNo: c.OutTradeNo,
		SubMchID:   c.SubMchID,
		SubAppID:   c.SubAppID,
		Nonce:      c.Nonce,
	})
	if err != nil {
		return failedV2(order.OpClose, err)
	}
	a := signedV2(verdict.Accepted, reply.Envelope)
	a.ResultMsg = reply.ResultMsg
	return a
}

func queryV2(ctx context.Context, client *v2xml.Client, c order.Call) order.Answer {
	reply, err := client.QueryOrder(ctx, v2xml.Request{
		OutTradeNo:    c.OutTradeNo,
		TransactionID: c.TransactionID,
		SubMchID:      c.SubMchID,
		SubAppID:      c.SubAppID,
		Nonce:         c.Nonce,
	})
	if err != nil {
		return failedV2(order.OpQuery, err)
	}
	a := signedV2(verdict.Stated, reply.Envelope)
	a.ResultMsg, a.Facts = reply.ResultMsg, factsV2(reply.Transaction)
	return a
}

func signedV2(v verdict.Verdict, e v2xml.Envelope) order.Answer {
	return order.Answer{
		Verdict:    v,
		Proof:      order.ProofSignature,
		HTTPStatus: e.HTTPStatus,
		RequestID:  e.RequestID,
		Nonce:      e.Nonce,
		Sign:       e.Signature,
		Fresh:      e.Fresh,
	}
}

// disbeliefV2 is the code for each reason not to believe a reply.
var disbeliefV2 = map[wire.Reason]string{
	wire.ReasonUnsigned:     errcode.UnsignedReply,
	wire.ReasonBadSignature: errcode.BadSignature,
	wire.ReasonMismatch:     errcode.ForeignReply,
}

// hintsV2 is what return_msg says where APIv2 gives no code: return_code FAIL
// has only a text, in Chinese. It is unsigned, so that it can only ever be a
// hint; a text that is not here counts as GATEWAY_REJECTED. Letters are in lower
// case, and the first that is found counts.
var hintsV2 = []struct{ says, code string }{
	{"签名", errcode.SignError},
	{"频率", errcode.FrequencyLimited},
	{"系统繁忙", errcode.SystemError},
	{"系统错误", errcode.SystemError},
	{"systemerror", errcode.SystemError},
	{"参数", errcode.ParamError},
	{"xml", "XML_FORMAT_ERROR"},
	{"数据为空", "POST_DATA_EMPTY"},
	{"post", "REQUIRE_POST_METHOD"},
	{"不匹配", "APPID_MCHID_NOT_MATCH"},
	{"必须传入", errcode.ParamError},
	{"不允许", errcode.NoAuth},
	{"mch_id", "MCHID_NOT_EXIST"},
	{"appid", "APPID_NOT_EXIST"},
}

func failedV2(op order.Op, err error) order.Answer {
	var refused *v2xml.Error
	var unbelieved *v2xml.VerifyError
	var unread *v2xml.MalformedError
	switch {
	case errors.As(err, &refused):
		return refusal(op, no{
			code: hintV2(refused), spelled: refused.Code, message: refused.Message, resultMsg: refused.ResultMsg,
			authenticated: refused.Authenticated,
			status:        refused.HTTPStatus, requestID: refused.RequestID, retryAfter: refused.RetryAfter,
			nonce: refused.Nonce, sign: refused.Signature, fresh: refused.Fresh,
		})
	case errors.As(err, &unbelieved):
		return doubt(disbeliefV2[unbelieved.Reason], err.Error(), unbelieved.HTTPStatus, unbelieved.RequestID)
	case errors.As(err, &unread):
		return doubt(errcode.MalformedReply, err.Error(), unread.HTTPStatus, unread.RequestID)
	}
	return unanswered(err)
}

// hintV2 is the code of a refusal, made from its text where it has none.
func hintV2(e *v2xml.Error) string {
	if e.Code != "" || e.Authenticated {
		return e.Code
	}
	return hintText(e.Message)
}

// hintText makes a code of a text, "" when it says nothing that we know.
func hintText(text string) string {
	text = strings.ToLower(text)
	for _, hint := range hintsV2 {
		if strings.Contains(text, hint.says) {
			return hint.code
		}
	}
	return ""
}

func factsV2(t v2xml.Transaction) *order.Facts {
	f := &order.Facts{
		AppID:          t.AppID,
		SubAppID:       t.SubAppID,
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
	for _, p := range t.PromotionDetail {
		f.Promotions = append(f.Promotions, promotionV2(p))
	}
	return f
}

func promotionV2(p v2xml.Promotion) order.Promotion {
	out := order.Promotion{
		ID:                 p.ID,
		Name:               p.Name,
		Scope:              p.Scope,
		Type:               p.Type,
		Amount:             p.Amount,
		ActivityID:         p.ActivityID,
		WxpayContribute:    p.WxpayContribute,
		MerchantContribute: p.MerchantContribute,
		OtherContribute:    p.OtherContribute,
	}
	for _, g := range p.GoodsDetail {
		out.Goods = append(out.Goods, order.Goods{
			ID:             g.GoodsID,
			Remark:         g.GoodsRemark,
			Quantity:       g.Quantity,
			Price:          g.Price,
			DiscountAmount: g.DiscountAmount,
		})
	}
	return out
}
