package order

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order/errcode"
)

// Merchant is whom the functions act for, from the configuration.
type Merchant struct {
	// Region is where the merchant is; Mainland when empty.
	Region Region
	// Partner says that MchID is a service provider's, acting for sub-merchants
	// (overseas: an institution's).
	Partner bool
	// AppID and MchID are our own: the service provider's in partner mode.
	AppID, MchID string
	// SubMchID and SubAppID stand in when a caller of a service provider names
	// none.
	SubMchID, SubAppID string
	// SubMchIDs are the only sub-merchants that may be named; any may when empty.
	// SubMchID is always among them.
	SubMchIDs []string
	// API is the dialect used when the caller names none.
	API API
	// APIs are the dialects that have credentials; API is one of them.
	APIs []API
}

// Call is one thing to ask of the gateway, complete and well formed.
type Call struct {
	API     API
	Partner bool
	// AppID and MchID are our own, for the reply's echo.
	AppID, MchID string
	// SubMchID and SubAppID are empty in direct mode.
	SubMchID, SubAppID string
	// Exactly one of OutTradeNo, TransactionID and CombineOutTradeNo is set.
	OutTradeNo, TransactionID, CombineOutTradeNo string
	// SubOrders are those of a combined order that is to be closed.
	SubOrders []SubOrder
	// Nonce is for the next attempt only; empty means that one is to be made.
	Nonce string
	// Fresh asks for a connection that carries no other exchange.
	Fresh bool
	// CreatedAt is when the order was created; zero when that is not known.
	CreatedAt time.Time
}

// sentSubAppID is SubAppID where the dialect sends it on: what the gateway never
// saw is not repeated beside its signature.
func (c Call) sentSubAppID() string {
	if c.API == V3 {
		return ""
	}
	return c.SubAppID
}

// CloseCall turns a caller's words into a close, or says what is wrong with them.
func (m Merchant) CloseCall(p Params) (Call, error) {
	if err := p.validate(m.Region); err != nil {
		return Call{}, err
	}
	switch {
	case p.CombineOutTradeNo != "" && len(p.SubOrders) == 0:
		return Call{}, ParamError("sub_orders", "must be given: a combined order is closed whole, by all of its sub-orders",
			"必须提供：合单订单须列出全部子订单，整体关闭")
	case p.TransactionID != "" && (!m.Region.Overseas() || cmp.Or(p.API, m.API) != V3):
		return Call{}, ParamError("transaction_id", "an order is closed by its out_trade_no; "+
			"an unpaid order has no transaction_id (only overseas in APIv3, WXPAY_REGION)",
			"关单须用 out_trade_no；未支付订单没有 transaction_id（仅境外 APIv3 有，WXPAY_REGION）")
	case p.OutTradeNo == "" && p.TransactionID == "" && p.CombineOutTradeNo == "":
		return Call{}, ParamError("out_trade_no", "must be given: it names the order to close", "必须提供：它指明要关闭的订单")
	}
	return m.call(p)
}

// QueryCall turns a caller's words into a query, or says what is wrong with them.
func (m Merchant) QueryCall(p Params) (Call, error) {
	if err := p.validate(m.Region); err != nil {
		return Call{}, err
	}
	if p.CloseAt != "" {
		return Call{}, ParamError("close_at", "is for closing an order; leave it out of a query", "仅用于关单，查单时请去掉")
	}
	if p.OutTradeNo == "" && p.TransactionID == "" && p.CombineOutTradeNo == "" {
		return Call{}, ParamError("out_trade_no", "one of out_trade_no and transaction_id must be given, or a combine_out_trade_no",
			"须提供 out_trade_no 或 transaction_id 之一，或 combine_out_trade_no")
	}
	return m.call(p)
}

func (m Merchant) call(p Params) (Call, error) {
	c := Call{
		API:               p.API,
		Partner:           m.Partner,
		AppID:             m.AppID,
		MchID:             m.MchID,
		OutTradeNo:        p.OutTradeNo,
		TransactionID:     p.TransactionID,
		CombineOutTradeNo: p.CombineOutTradeNo,
		SubOrders:         p.SubOrders,
		Nonce:             p.NonceStr,
		CreatedAt:         p.CreatedAt,
	}
	if c.API == "" {
		c.API = m.API
	}
	if !slices.Contains(m.APIs, c.API) {
		return Call{}, brokenRule("api", bilingual.Sprintf("%q has no credentials here; leave api out to use %q",
			"此处没有 %q 的凭据；去掉 api 即使用 %q", c.API, m.API))
	}
	if p.OutTradeNo != "" && p.TransactionID != "" {
		return Call{}, ParamError("transaction_id", "give either out_trade_no or transaction_id, not both",
			"out_trade_no 与 transaction_id 只能提供一个")
	}
	if p.CombineOutTradeNo != "" {
		return m.forCombined(c, p)
	}
	if m.Partner {
		return m.forSubMerchant(c, p)
	}
	return m.forItself(c, p)
}

// forSubMerchant fills in whom a service provider acts for.
func (m Merchant) forSubMerchant(c Call, p Params) (Call, error) {
	c.SubMchID, c.SubAppID = p.SubMchID, p.SubAppID
	if c.SubMchID == "" {
		c.SubMchID = m.SubMchID
	}
	if c.SubAppID == "" && c.SubMchID == m.SubMchID {
		// The default appid belongs to the default sub-merchant and to no other.
		c.SubAppID = m.SubAppID
	}
	switch {
	case c.SubMchID == "":
		return Call{}, ParamError("sub_mch_id", "a service provider must name the sub-merchant "+
			"(or configure WXPAY_SUB_MCHID as the default)", "服务商须指明子商户（或将 WXPAY_SUB_MCHID 配置为默认值）")
	case c.SubMchID == m.MchID:
		return Call{}, ParamError("sub_mch_id", "is the service provider's own number; name the sub-merchant's",
			"是服务商自己的商户号；请填写子商户号")
	case !m.mayActFor(c.SubMchID):
		return Call{}, foreignSubMerchant("sub_mch_id")
	}
	return c, nil
}

// forCombined checks what only holds for combined orders: one dialect of one
// region has them, and they name their merchants themselves.
func (m Merchant) forCombined(c Call, p Params) (Call, error) {
	switch {
	case p.OutTradeNo != "" || p.TransactionID != "":
		return Call{}, ParamError("combine_out_trade_no", "give either a combined order or a single one, not both",
			"合单订单与单个订单只能提供一个")
	case c.API != V3 || m.Region.Overseas():
		return Call{}, ParamError("combine_out_trade_no", "combined orders are closed and queried in APIv3 on the mainland only",
			"合单订单仅支持境内 APIv3 的关单与查单")
	case p.SubMchID != "" && p.SubMchID != m.MchID || p.SubAppID != "":
		return Call{}, ParamError("sub_mch_id", "a combined order names its merchants in sub_orders", "合单订单的商户在 sub_orders 中指明")
	case m.AppID == "" && len(p.SubOrders) > 0:
		return Call{}, ParamError("combine_out_trade_no", "cannot be closed without the appid that it was made with (WXPAY_APPID)",
			"关闭合单订单需要下单时的 appid（WXPAY_APPID）")
	}
	for i, sub := range p.SubOrders {
		if m.Partner && sub.SubMchID == "" {
			return Call{}, ParamError(fmt.Sprintf("sub_orders[%d].sub_mchid", i), "must be given by a service provider",
				"服务商必须提供")
		}
		if sub.SubMchID != "" && !m.mayActFor(sub.SubMchID) {
			return Call{}, foreignSubMerchant(fmt.Sprintf("sub_orders[%d].sub_mchid", i))
		}
	}
	return c, nil
}

func foreignSubMerchant(field string) *FieldError {
	return &FieldError{
		Field: field,
		Rule: bilingual.New("is not one of the sub-merchants allowed here (WXPAY_SUB_MCHIDS)",
			"不在允许的子商户之列（WXPAY_SUB_MCHIDS）"),
		Code: errcode.NoAuth,
	}
}

func (m Merchant) mayActFor(subMchID string) bool {
	return len(m.SubMchIDs) == 0 || subMchID == m.SubMchID || slices.Contains(m.SubMchIDs, subMchID)
}

// forItself accepts CloudPay's habit of sending the merchant's own number as
// sub_mch_id and its appid as sub_appid, and sends neither on: the gateway
// refuses both from a merchant that is nobody's service provider.
func (m Merchant) forItself(c Call, p Params) (Call, error) {
	if p.SubMchID != "" && p.SubMchID != m.MchID {
		return Call{}, ParamError("sub_mch_id", "must be this merchant's own number or be left out: "+
			"this function acts for one merchant (WXPAY_MODE=direct)",
			"须为本商户号或不填：此函数只代表一个商户（WXPAY_MODE=direct）")
	}
	if p.SubAppID != "" && m.AppID != "" && p.SubAppID != m.AppID {
		return Call{}, ParamError("sub_appid", "must be this merchant's own appid or be left out: "+
			"this function acts for one merchant (WXPAY_MODE=direct)",
			"须为本商户的 appid 或不填：此函数只代表一个商户（WXPAY_MODE=direct）")
	}
	return c, nil
}
