package wechatpay

import (
	"context"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/wire"
)

// V2 is APIv2 at one address. Its replies are authenticated by the signature over their elements.
type V2 struct{ Client *v2xml.Client }

// Close requests that the order be closed.
func (x V2) Close(ctx context.Context, c order.Call) order.Answer {
	req := requestV2(c)
	req.TransactionID = "" // APIv2 closes by out_trade_no only
	reply, err := x.Client.CloseOrder(ctx, req)
	if err != nil {
		return failure(order.OpClose, err, rejectionV2)
	}
	a := success(verdict.Accepted, order.ProofSignature, reply.Envelope)
	a.ResultMsg = reply.ResultMsg
	return a
}

// Query requests the order's state.
func (x V2) Query(ctx context.Context, c order.Call) order.Answer {
	reply, err := x.Client.QueryOrder(ctx, requestV2(c))
	if err != nil {
		return failure(order.OpQuery, err, rejectionV2)
	}
	a := success(verdict.Stated, order.ProofSignature, reply.Envelope)
	a.ResultMsg, a.Facts = reply.ResultMsg, factsV2(reply.Transaction)
	return a
}

func requestV2(c order.Call) v2xml.Request {
	return v2xml.Request{
		OutTradeNo:    c.OutTradeNo,
		TransactionID: c.TransactionID,
		SubMchID:      c.SubMchID,
		SubAppID:      c.SubAppID,
		Nonce:         c.Nonce,
	}
}

// rejectionV2 reads a refusal of APIv2, which often has a text and no code. A signed refusal
// without a code says nothing: its text is not searched for one, since a code from a text proves
// nothing.
func rejectionV2(e *wire.Error) rejection {
	code := e.Code
	if code == "" && !e.Authenticated {
		code = codeOfText(e.Message)
	}
	return rejection{Error: e, code: code, message: e.Message, proof: order.ProofSignature}
}

// codesOfTextV2 are the codes for return_msg where APIv2 gives none: return_code FAIL has only a
// text, in Chinese. It is unsigned, so its code is a hint only. A text that is not here is
// GATEWAY_REJECTED. The texts are in lower case, and the first one found counts: the more telling
// ones come first, as "mch_id参数格式错误" is about a parameter and "post数据为空" about the data.
var codesOfTextV2 = []struct{ text, code string }{
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

// codeOfText returns the code for a refusal's text, "" when none of codesOfTextV2 is in it.
func codeOfText(message string) string {
	message = strings.ToLower(message)
	for _, known := range codesOfTextV2 {
		if strings.Contains(message, known.text) {
			return known.code
		}
	}
	return ""
}

// factsV2 translates a transaction. The amounts keep their pointers: nil is not sent, and 0 is 0.
func factsV2(t v2xml.Transaction) *order.Facts {
	f := &order.Facts{
		// The order and its state. The protocol compared the numbers with the request's.
		OutTradeNo: t.OutTradeNo, TransactionID: t.TransactionID,
		TradeState: tradestate.State(t.TradeState), TradeStateDesc: t.TradeStateDesc, PaidAt: t.TimeEnd,
		// The apps and the payer: openid is the payer under appid, sub_openid under sub_appid.
		AppID: t.AppID, OpenID: t.OpenID, IsSubscribe: t.IsSubscribe,
		SubAppID: t.SubAppID, SubOpenID: t.SubOpenID, SubIsSubscribe: t.SubIsSubscribe,
		// The amounts. settlement_total_fee is total_fee less the coupons that are not settled.
		TotalFee: t.TotalFee, FeeType: t.FeeType, SettlementTotalFee: t.SettlementTotalFee,
		CashFee: t.CashFee, CashFeeType: t.CashFeeType, CouponFee: t.CouponFee, CouponCount: t.CouponCount,
		// What the merchant or the bank put there, and what could not be read.
		TradeType: t.TradeType, BankType: t.BankType, Attach: t.Attach, DeviceInfo: t.DeviceInfo, Unread: t.Unread,
	}
	for _, c := range t.Coupons {
		f.Coupons = append(f.Coupons, order.Coupon(c))
	}
	for _, p := range t.PromotionDetail {
		f.Promotions = append(f.Promotions, promotionV2(p))
	}
	return f
}

// promotionV2 translates one entry of promotion_detail. APIv2 has no currency and no stock_id in
// it.
func promotionV2(p v2xml.Promotion) order.Promotion {
	out := order.Promotion{
		ID: p.ID, ActivityID: p.ActivityID, Name: p.Name, Scope: p.Scope, Type: p.Type, Amount: p.Amount,
		WxpayContribute: p.WxpayContribute, MerchantContribute: p.MerchantContribute, OtherContribute: p.OtherContribute,
	}
	for _, g := range p.GoodsDetail {
		out.Goods = append(out.Goods, order.Goods{
			ID: g.GoodsID, Remark: g.GoodsRemark, Quantity: g.Quantity, Price: g.Price, DiscountAmount: g.DiscountAmount,
		})
	}
	return out
}
