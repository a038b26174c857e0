package order

import (
	"cmp"
	"fmt"
	"slices"
	"time"
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
		return Call{}, paramError("sub_orders", "must be given: a combined order is closed whole, by all of its sub-orders")
	case p.TransactionID != "" && (!m.Region.Overseas() || cmp.Or(p.API, m.API) != V3):
		return Call{}, paramError("transaction_id", "an order is closed by its out_trade_no; "+
			"an unpaid order has no transaction_id (only overseas in APIv3, WXPAY_REGION)")
	case p.OutTradeNo == "" && p.TransactionID == "" && p.CombineOutTradeNo == "":
		return Call{}, paramError("out_trade_no", "must be given: it names the order to close")
	}
	return m.call(p)
}

// QueryCall turns a caller's words into a query, or says what is wrong with them.
func (m Merchant) QueryCall(p Params) (Call, error) {
	if err := p.validate(m.Region); err != nil {
		return Call{}, err
	}
	if p.CloseAt != "" {
		return Call{}, paramError("close_at", "is for closing an order; leave it out of a query")
	}
	if p.OutTradeNo == "" && p.TransactionID == "" && p.CombineOutTradeNo == "" {
		return Call{}, paramError("out_trade_no", "one of out_trade_no and transaction_id must be given, or a combine_out_trade_no")
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
		return Call{}, paramError("api", `"`+string(c.API)+`" has no credentials here; leave api out to use "`+
			string(m.API)+`"`)
	}
	if p.OutTradeNo != "" && p.TransactionID != "" {
		return Call{}, paramError("transaction_id", "give either out_trade_no or transaction_id, not both")
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
		return Call{}, paramError("sub_mch_id", "a service provider must name the sub-merchant "+
			"(or configure WXPAY_SUB_MCHID as the default)")
	case c.SubMchID == m.MchID:
		return Call{}, paramError("sub_mch_id", "is the service provider's own number; name the sub-merchant's")
	case !m.mayActFor(c.SubMchID):
		return Call{}, &FieldError{
			Field: "sub_mch_id",
			Rule:  "is not one of the sub-merchants allowed here (WXPAY_SUB_MCHIDS)",
			Code:  CodeNoAuth,
		}
	}
	return c, nil
}

// forCombined checks what only holds for combined orders: one dialect of one
// region has them, and they name their merchants themselves.
func (m Merchant) forCombined(c Call, p Params) (Call, error) {
	switch {
	case p.OutTradeNo != "" || p.TransactionID != "":
		return Call{}, paramError("combine_out_trade_no", "give either a combined order or a single one, not both")
	case c.API != V3 || m.Region.Overseas():
		return Call{}, paramError("combine_out_trade_no", "combined orders are closed and queried in APIv3 on the mainland only")
	case p.SubMchID != "" && p.SubMchID != m.MchID || p.SubAppID != "":
		return Call{}, paramError("sub_mch_id", "a combined order names its merchants in sub_orders")
	case m.AppID == "" && len(p.SubOrders) > 0:
		return Call{}, paramError("combine_out_trade_no", "cannot be closed without the appid that it was made with (WXPAY_APPID)")
	}
	for i, sub := range p.SubOrders {
		if m.Partner && sub.SubMchID == "" {
			return Call{}, paramError(fmt.Sprintf("sub_orders[%d].sub_mchid", i), "must be given by a service provider")
		}
		if sub.SubMchID != "" && !m.mayActFor(sub.SubMchID) {
			return Call{}, &FieldError{
				Field: fmt.Sprintf("sub_orders[%d].sub_mchid", i),
				Rule:  "is not one of the sub-merchants allowed here (WXPAY_SUB_MCHIDS)",
				Code:  CodeNoAuth,
			}
		}
	}
	return c, nil
}

func (m Merchant) mayActFor(subMchID string) bool {
	return len(m.SubMchIDs) == 0 || subMchID == m.SubMchID || slices.Contains(m.SubMchIDs, subMchID)
}

// forItself accepts CloudPay's habit of sending the merchant's own number as
// sub_mch_id and its appid as sub_appid, and sends neither on: the gateway
// refuses both from a merchant that is nobody's service provider.
func (m Merchant) forItself(c Call, p Params) (Call, error) {
	if p.SubMchID != "" && p.SubMchID != m.MchID {
		return Call{}, paramError("sub_mch_id", "must be this merchant's own number or be left out: "+
			"this function acts for one merchant (WXPAY_MODE=direct)")
	}
	if p.SubAppID != "" && m.AppID != "" && p.SubAppID != m.AppID {
		return Call{}, paramError("sub_appid", "must be this merchant's own appid or be left out: "+
			"this function acts for one merchant (WXPAY_MODE=direct)")
	}
	return c, nil
}
