package wechatpay

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

// V3 is APIv3 at one address, combined orders included. Mainland or overseas is the Client's
// Region.
type V3 struct{ Client *v3json.Client }

// Close requests that the order be closed. A combined order is closed with all of its sub-orders.
func (x V3) Close(ctx context.Context, c order.Call) order.Answer {
	var reply *v3json.CloseReply
	var err error
	if c.CombineOutTradeNo != "" {
		reply, err = x.Client.CloseCombined(ctx, combineRequest(c))
	} else {
		reply, err = x.Client.CloseOrder(ctx, requestV3(c))
	}
	if err != nil {
		return failureV3(order.OpClose, err)
	}
	return success(verdict.Accepted, order.ProofSignature, reply.Envelope)
}

// Query requests the order's state.
func (x V3) Query(ctx context.Context, c order.Call) order.Answer {
	if c.CombineOutTradeNo != "" {
		return x.queryCombined(ctx, c)
	}
	reply, err := x.Client.QueryOrder(ctx, requestV3(c))
	if err != nil {
		return failureV3(order.OpQuery, err)
	}
	a := success(verdict.Stated, order.ProofSignature, reply.Envelope)
	a.Facts = factsV3(reply.Transaction)
	return a
}

func (x V3) queryCombined(ctx context.Context, c order.Call) order.Answer {
	reply, err := x.Client.QueryCombined(ctx, combineRequest(c))
	if err != nil {
		return failureV3(order.OpQuery, err)
	}
	a := success(verdict.Stated, order.ProofSignature, reply.Envelope)
	a.Facts = factsCombined(reply.CombinedTransaction)
	return a
}

// requestV3 names the order. order.Merchant lets no call close by TransactionID on the mainland.
func requestV3(c order.Call) v3json.Request {
	return v3json.Request{OutTradeNo: c.OutTradeNo, TransactionID: c.TransactionID, SubMchID: c.SubMchID, Nonce: c.Nonce}
}

// combineRequest names the combined order and, for a close, all of its sub-orders. Without them the
// gateway refuses: it closes all or none.
func combineRequest(c order.Call) v3json.CombineRequest {
	// sub_appid is left out: the gateway does not require it, and order knows none.
	subs := make([]v3json.SubOrder, 0, len(c.SubOrders))
	for _, s := range c.SubOrders {
		subs = append(subs, v3json.SubOrder{MchID: s.MchID, SubMchID: s.SubMchID, OutTradeNo: s.OutTradeNo})
	}
	return v3json.CombineRequest{CombineOutTradeNo: c.CombineOutTradeNo, SubOrders: subs, Nonce: c.Nonce}
}

// failureV3 returns the Answer of a failed call. A CertificateError is no reply about the order,
// although a refusal may be its cause.
func failureV3(op order.Op, err error) order.Answer {
	if uncertified, is := errors.AsType[*v3json.CertificateError](err); is {
		return withoutCertificate(err, uncertified)
	}
	return failure(op, err, rejectionV3)
}

// rejectionV3 reads a refusal of APIv3. Its detail says which field is at fault.
func rejectionV3(e *wire.Error) rejection {
	message := cmp.Or(e.Message, e.Detail)
	if e.Message != "" && e.Detail != "" {
		message = e.Message + " (" + e.Detail + ")"
	}
	return rejection{Error: e, code: e.Code, message: message, proof: order.ProofSignature}
}

// withoutCertificate returns the Answer when no reply could have been verified, so that nothing was
// sent about the order. Where the configuration is at fault, another attempt is useless, and the
// remedy comes first: a long text loses its end on the way to the caller.
func withoutCertificate(err error, e *v3json.CertificateError) order.Answer {
	a := noReply(err)
	// The status and the Request-ID of the refusal to list certificates, for WeChat Pay's support.
	if refused, is := errors.AsType[*wire.Error](e.Cause); is {
		a.HTTPStatus, a.RequestID = refused.HTTPStatus, refused.RequestID
	}
	if advice := cmp.Or(e.Remedy, e.Hint); advice != "" {
		a.Message = adviceOf(advice).String() + " (" + e.Cause.Error() + ")"
	}
	_, unreached := errors.AsType[*url.Error](err) // net/http's: no connection, or no reply on it
	switch {
	case e.Remedy != "":
		a.Verdict, a.Code = verdict.Rejected, errcode.ConfigError
	case !unreached && a.Code == errcode.NetworkError:
		a.Code = errcode.UnknownSerial // a reply arrived, without a certificate
	}
	return a
}

// adviceOf words v3json's advice about platform certificates for operators: in Chinese too, and
// with the variables that they set where a program sets a client's fields.
func adviceOf(remedy string) bilingual.Text {
	for _, a := range advices {
		if strings.HasPrefix(remedy, a.begins) {
			if a.says.EN == "" {
				return bilingual.New(remedy, a.says.ZH)
			}
			return a.says
		}
	}
	return bilingual.Same(remedy)
}

// advices are found by how they begin, so that an advice may end in what differs from case to case.
// An empty English wording leaves v3json's unchanged. A test holds the table to v3json's source.
var advices = []struct {
	begins string
	says   bilingual.Text
}{
	{"this merchant has no platform certificates", bilingual.Text{
		ZH: "该商户没有平台证书，请改用公钥模式：在商户平台（API安全）取得微信支付公钥及其ID，设置 WXPAY_PUBLIC_KEY_ID 与 WXPAY_PUBLIC_KEY",
	}},
	{"if it lasts, WeChat Pay may have switched", bilingual.Text{
		ZH: "若持续出现，微信支付可能已将该商户切换为公钥：在商户平台（API安全）取得公钥及其ID，设置 WXPAY_PUBLIC_KEY_ID 与 WXPAY_PUBLIC_KEY",
	}},
	{"the key is not the APIv3 key of this merchant", bilingual.Text{
		ZH: "该密钥不是本商户的 APIv3密钥：请将 WXPAY_V3_KEY 设为商户平台最近设置的 APIv3密钥，而不是 APIv2 密钥",
	}},
	{"give as Roots", bilingual.New(
		"give in WXPAY_CERT_ROOTS the authority of WeChat Pay's certificates, or leave it out",
		"请在 WXPAY_CERT_ROOTS 中填微信支付证书的签发机构，或不设置",
	)},
}

// factsV3 translates a transaction. A partner's names the provider's app and payer as sp_appid and
// sp_openid, which are CloudPay's appid and openid.
func factsV3(t v3json.Transaction) *order.Facts {
	f := &order.Facts{
		// The order and its state. The protocol compared the numbers with the request's.
		OutTradeNo: t.OutTradeNo, TransactionID: t.TransactionID,
		TradeState: tradestate.State(t.TradeState), TradeStateDesc: t.TradeStateDesc, PaidAt: t.SuccessTime,
		// The apps and the payer. APIv3 says nothing of subscriptions.
		AppID: cmp.Or(t.AppID, t.SPAppID), OpenID: cmp.Or(t.Payer.OpenID, t.Payer.SPOpenID),
		SubAppID: t.SubAppID, SubOpenID: t.Payer.SubOpenID,
		// What the merchant or the bank put there, and what could not be read.
		TradeType: t.TradeType, BankType: t.BankType, Attach: t.Attach, DeviceInfo: t.SceneInfo.DeviceID, Unread: t.Unread,
	}
	// payer_total is what the payer paid after coupons, which CloudPay calls cash_fee.
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

// promotionV3 translates one entry of promotion_detail. Overseas, the id, three amounts and a
// goods' price have names of their own.
func promotionV3(p v3json.Promotion) order.Promotion {
	out := order.Promotion{
		ID: cmp.Or(p.CouponID, p.PromotionID), StockID: p.StockID, ActivityID: p.ActivityID,
		Name: p.Name, Scope: p.Scope, Type: p.Type, Amount: p.Amount, Currency: p.Currency,
		WxpayContribute:    cmp.Or(p.WechatpayContribute, p.WxpayContributeAmount),
		MerchantContribute: cmp.Or(p.MerchantContribute, p.MerchantContributeAmount),
		OtherContribute:    cmp.Or(p.OtherContribute, p.OtherContributeAmount),
	}
	for _, g := range p.GoodsDetail {
		out.Goods = append(out.Goods, order.Goods{
			ID: g.GoodsID, Remark: g.GoodsRemark, Quantity: g.Quantity, Price: cmp.Or(g.UnitPrice, g.Price), DiscountAmount: g.DiscountAmount,
		})
	}
	return out
}

// factsCombined translates a combined order. Its state is that of its sub-orders together
// (tradestate.Combined), its amounts are their sums, and it was paid when the last of them was. It
// has no out_trade_no: combine_out_trade_no is another number.
func factsCombined(t v3json.CombinedTransaction) *order.Facts {
	f := &order.Facts{
		OpenID: t.CombinePayerInfo.OpenID, SubOpenID: t.CombinePayerInfo.SubOpenID,
		DeviceInfo: t.SceneInfo.DeviceID, TransactionID: t.CombineTransactionID, Unread: t.Unread,
	}
	states := make([]tradestate.State, 0, len(t.SubOrders))
	var total, cash sum
	for _, s := range t.SubOrders {
		state := tradestate.State(s.TradeState)
		states = append(states, state)
		sub := order.SubFacts{
			SubOrder: order.SubOrder{MchID: s.MchID, SubMchID: s.SubMchID, OutTradeNo: s.OutTradeNo}, SubAppID: s.SubAppID,
			TransactionID: s.TransactionID, TradeState: state, TradeType: s.TradeType, BankType: s.BankType,
			Attach: s.Attach, SubOpenID: s.SubOpenID, TimeEnd: order.TimeEnd(s.SuccessTime),
		}
		if s.Amount != nil {
			sub.TotalFee, sub.FeeType = s.Amount.TotalAmount, s.Amount.Currency
			sub.CashFee, sub.CashFeeType = s.Amount.PayerAmount, s.Amount.PayerCurrency
		}
		total.add(sub.TotalFee)
		cash.add(sub.CashFee)
		if s.SuccessTime.After(f.PaidAt) {
			f.PaidAt = s.SuccessTime
		}
		f.SubOrders = append(f.SubOrders, sub)
	}
	f.TradeState = tradestate.Combined(states)
	f.TotalFee, f.CashFee = total.amount(), cash.amount()
	return f
}

// sum adds amounts in fen. It is unknown once one of them is: a part of the sum would look like an
// order paid in part.
type sum struct {
	fen     int64
	unknown bool
}

func (s *sum) add(fen *int64) {
	if fen == nil {
		s.unknown = true
		return
	}
	s.fen += *fen
}

func (s *sum) amount() *int64 {
	if s.unknown {
		return nil
	}
	return &s.fen
}
