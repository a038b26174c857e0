package order

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order/errcode"
)

// Merchant is the merchant that the functions act for, from the configuration.
type Merchant struct {
	// Region is the mainland when empty.
	Region Region
	// Partner says that MchID is a service provider's, which acts for sub-merchants (overseas: an
	// institution's).
	Partner bool
	// AppID and MchID are our own: the service provider's in partner mode.
	AppID, MchID string
	// SubMchID and SubAppID are a service provider's defaults for callers that name none.
	SubMchID, SubAppID string
	// SubMchIDs are the allowed sub-merchants, besides SubMchID; all are allowed when empty.
	SubMchIDs []string
	// API is the dialect of callers that name none.
	API API
	// APIs are the dialects that have credentials; API is one of them.
	APIs []API
}

// Call is one complete, well-formed request to the gateway about one order. Every dialect encodes
// it; nothing in it has to be checked again.
type Call struct {
	// Ref names the order. Its Region, MchID and SubMchID are always set as the merchant's, its
	// OutTradeNo only where the call names the order by it: exactly one of OutTradeNo,
	// TransactionID and CombineOutTradeNo is set.
	Ref
	TransactionID, CombineOutTradeNo string

	API API
	// Partner says that MchID is a service provider's, acting for SubMchID.
	Partner bool
	// AppID is our own, for the reply's echo.
	AppID string
	// SubAppID is empty in direct mode.
	SubAppID string
	// SubOrders are those of a combined order that is to be closed.
	SubOrders []SubOrder
	// Nonce is for the first attempt only; each attempt without one makes its own.
	Nonce string
	// Fresh asks for a connection that carries no other exchange.
	Fresh bool
	// CreatedAt is when the order was created; zero when that is not known.
	CreatedAt time.Time
}

// sentSubAppID is SubAppID in the dialects that send it. APIv3 does not, and the result repeats
// nothing beside the gateway's signature that the gateway never saw.
func (c Call) sentSubAppID() string {
	if c.API == V3 {
		return ""
	}
	return c.SubAppID
}

// CloseCall returns the close that the parameters ask for. The error is a *FieldError.
func (m Merchant) CloseCall(p Params) (Call, error) {
	if err := p.validate(m.Region); err != nil {
		return Call{}, err
	}
	switch {
	case p.CombineOutTradeNo != "" && p.CloseAt != "":
		return Call{}, unregistrable()
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

// unregistrable is the fault of a combined order that is to be closed later. Its orders must not be
// registered in its place: queried by their own numbers they are not found, although the combined
// order can be paid, and their stock would be released.
func unregistrable() *FieldError {
	return ParamError("combine_out_trade_no", "a combined order cannot be registered, and its orders must not be: "+
		"WeChat Pay closes them only together, by this number, and says of each by its own number that there is none; "+
		"leave close_at out to close it now, and call at its time, or give it a time_expire when it is made",
		"合单订单不能登记，其子订单也不可登记：微信支付只能按合单商户订单号整体关单，按子单的商户订单号查询则答复订单不存在；"+
			"请去掉 close_at 立即关单，届时再调用，或在下单时设置 time_expire")
}

// QueryCall returns the query that the parameters ask for. The error is a *FieldError.
func (m Merchant) QueryCall(p Params) (Call, error) {
	if err := p.validate(m.Region); err != nil {
		return Call{}, err
	}
	if p.CloseAt != "" {
		return Call{}, ParamError("close_at", "is for closing an order; leave it out of a query", "仅用于关单，查单时请去掉")
	}
	for name, given := range map[string]bool{"change": p.Change, "withdraw": p.Withdraw} {
		if given {
			return Call{}, ParamError(name, "is for a registered order at closeorder; leave it out of a query", "用于在 closeorder 更改登记，查单时请去掉")
		}
	}
	if p.OutTradeNo == "" && p.TransactionID == "" && p.CombineOutTradeNo == "" {
		return Call{}, ParamError("out_trade_no", "one of out_trade_no and transaction_id must be given, or a combine_out_trade_no",
			"须提供 out_trade_no 或 transaction_id 之一，或 combine_out_trade_no")
	}
	return m.call(p)
}

// CallFor completes a call about a registered order: c names it by Ref, and may have a dialect, a
// sub-merchant's appid, a nonce and the order's age. It fails where the configuration no longer
// allows the call, and where it would name another order than c does: a default sub-merchant that
// was configured since the registration must not be closed by mistake.
func (m Merchant) CallFor(c Call) (Call, error) {
	if fault := first(c.Validate(), CheckSubAppID(c.SubAppID), c.API.Validate()); fault != nil {
		return Call{}, fault
	}
	registered := c.Ref
	c, err := m.complete(c)
	if err == nil && c.Ref != registered {
		err = brokenRule("sub_mchid", bilingual.Sprintf("the order was registered as %s, and would be closed as %s now; "+
			"close it with the configuration that it was registered with",
			"订单登记为 %s，而现在会按 %s 关闭；请用登记时的配置关闭", registered, c.Ref))
	}
	if err != nil {
		return Call{}, err
	}
	return c, nil
}

func (m Merchant) call(p Params) (Call, error) {
	return m.complete(Call{
		Ref:               Ref{SubMchID: p.SubMchID, OutTradeNo: p.OutTradeNo},
		TransactionID:     p.TransactionID,
		CombineOutTradeNo: p.CombineOutTradeNo,
		SubOrders:         p.SubOrders,
		SubAppID:          p.SubAppID,
		API:               p.API,
		Nonce:             p.NonceStr,
		CreatedAt:         p.CreatedAt,
	})
}

// complete fills in what the merchant adds to a call, and checks what depends on the merchant.
func (m Merchant) complete(c Call) (Call, error) {
	account := m.Account()
	c.Region, c.MchID, c.AppID, c.Partner = account.Region, account.MchID, m.AppID, m.Partner
	c.API = cmp.Or(c.API, m.API)
	switch {
	case !slices.Contains(m.APIs, c.API):
		return Call{}, brokenRule("api", bilingual.Sprintf("%q has no credentials here; leave api out to use %q",
			"此处没有 %q 的凭据；去掉 api 即使用 %q", c.API, m.API))
	case c.OutTradeNo != "" && c.TransactionID != "":
		return Call{}, ParamError("transaction_id", "give either out_trade_no or transaction_id, not both",
			"out_trade_no 与 transaction_id 只能提供一个")
	case c.CombineOutTradeNo != "":
		return m.forCombined(c)
	case m.Partner:
		return m.forSubMerchant(c)
	}
	return m.forItself(c)
}

// forSubMerchant fills in the sub-merchant that a service provider acts for.
func (m Merchant) forSubMerchant(c Call) (Call, error) {
	c.SubMchID = cmp.Or(c.SubMchID, m.SubMchID)
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

// forCombined checks what holds only for combined orders: one dialect of one region has them, and
// their sub-orders name the merchants.
func (m Merchant) forCombined(c Call) (Call, error) {
	switch {
	case c.OutTradeNo != "" || c.TransactionID != "":
		return Call{}, ParamError("combine_out_trade_no", "give either a combined order or a single one, not both",
			"合单订单与单个订单只能提供一个")
	case c.API != V3 || m.Region.Overseas():
		return Call{}, ParamError("combine_out_trade_no", "combined orders are closed and queried in APIv3 on the mainland only",
			"合单订单仅支持境内 APIv3 的关单与查单")
	case c.SubMchID != "" && c.SubMchID != m.MchID || c.SubAppID != "":
		return Call{}, ParamError("sub_mch_id", "a combined order names its merchants in sub_orders", "合单订单的商户在 sub_orders 中指明")
	case m.AppID == "" && len(c.SubOrders) > 0:
		return Call{}, ParamError("combine_out_trade_no", "cannot be closed without the appid that it was made with (WXPAY_APPID)",
			"关闭合单订单需要下单时的 appid（WXPAY_APPID）")
	}
	c.SubMchID = ""
	for i, sub := range c.SubOrders {
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

// forItself accepts the merchant's own number as sub_mch_id and its own appid as sub_appid, which
// CloudPay's callers send by habit, and drops both: the gateway refuses them from a merchant that
// is no service provider.
func (m Merchant) forItself(c Call) (Call, error) {
	if c.SubMchID != "" && c.SubMchID != m.MchID {
		return Call{}, ParamError("sub_mch_id", "must be this merchant's own number or be left out: "+
			"this function acts for one merchant (WXPAY_MODE=direct)",
			"须为本商户号或不填：此函数只代表一个商户（WXPAY_MODE=direct）")
	}
	if c.SubAppID != "" && m.AppID != "" && c.SubAppID != m.AppID {
		return Call{}, ParamError("sub_appid", "must be this merchant's own appid or be left out: "+
			"this function acts for one merchant (WXPAY_MODE=direct)",
			"须为本商户的 appid 或不填：此函数只代表一个商户（WXPAY_MODE=direct）")
	}
	c.SubMchID, c.SubAppID = "", ""
	return c, nil
}
