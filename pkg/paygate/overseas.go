package paygate

import "net/http"

// The regions of [Order].Region. An order of one is not found on the paths of another.
const (
	// below /v3/pay.
	mainland = ""
	// below /v3/global/transactions.
	global = "global"
	// below /hk/v3/transactions, the older name of the same.
	hongKong = "hk"
)

// overseas reports whether a region is one of those outside the mainland.
func overseas(region string) bool { return region == global || region == hongKong }

// pathsOf names the APIv3 paths that lead to a region's orders.
func pathsOf(region string) string {
	switch region {
	case global:
		return pathGlobal
	case hongKong:
		return pathHongKong
	default:
		return pathDirect + " or " + pathPartner
	}
}

// The folders of APIv3 (pay.weixin.qq.com doc v3/merchant 4012791860 and its partner and combined
// twins; overseas wiki/doc/api_external/en/apis, close and query order, which prints both folders).
const (
	pathDirect   = "/v3/pay/transactions/"
	pathPartner  = "/v3/pay/partner/transactions/"
	pathCombine  = "/v3/combine-transactions/"
	pathGlobal   = "/v3/global/transactions/"
	pathHongKong = "/hk/v3/transactions/"
	// the payment codes' folder, which has the reversal.
	pathGlobalCodes = "/v3/global/micropay/transactions/"
)

const (
	currencyCNY = "CNY"

	// exchange rates are written times 10^8.
	rateUnit = 100_000_000
	// keeps amounts from overflowing.
	maxRate = 10_000 * rateUnit
)

// whereabouts says on which paths an order is found, which is the reason for not finding it on
// others.
func (o *Order) whereabouts() string {
	if o.CombineOutTradeNo != "" {
		return "order " + o.OutTradeNo + " of " + o.Owner().String() + " is a part of the combined order " + o.CombineOutTradeNo +
			", whose paths are below " + pathCombine
	}
	name := "the mainland"
	if overseas(o.Region) {
		name = "region " + o.Region
	}
	return "order " + o.OutTradeNo + " of " + o.Owner().String() + " is one of " + name + ", whose paths are below " + pathsOf(o.Region)
}

// ownersOverseas names the parameters that say whose order it is. Overseas the same paths serve
// both modes, and the parameters tell which one is meant.
func ownersOverseas(params map[string]string) []string {
	if _, provider := params["sp_mchid"]; provider {
		return []string{"sp_mchid", "sub_mchid"}
	}
	if _, sub := params["sub_mchid"]; sub {
		return []string{"sp_mchid", "sub_mchid"}
	}
	return []string{"mchid"}
}

// overseasTransaction is an overseas query's answer, for both modes. Its id is the mainland's
// transaction_id, and is there from the beginning.
type overseasTransaction struct {
	transaction

	// hides the mainland's; always empty
	TransactionID string              `json:"transaction_id,omitempty"`
	ID            string              `json:"id,omitempty"`
	Amount        *overseasAmount     `json:"amount,omitempty"`
	Promotions    []overseasPromotion `json:"promotion_detail,omitempty"`
}

// overseasAmount is the mainland's with the rate. The payer's part is in CNY.
type overseasAmount struct {
	amount

	ExchangeRate exchangeRate `json:"exchange_rate"`
}

// exchangeRate is one unit of the order's currency in CNY.
type exchangeRate struct {
	Type string `json:"type"`
	// times 10^8
	Rate int64 `json:"rate"`
}

// overseasPromotion is a coupon under the names that APIv2 has for it.
type overseasPromotion struct {
	ID                       string   `json:"promotion_id"`
	Name                     string   `json:"name,omitempty"`
	Scope                    string   `json:"scope"`
	Type                     string   `json:"type"`
	Amount                   int64    `json:"amount"`
	Currency                 string   `json:"currency"`
	ActivityID               string   `json:"activity_id,omitempty"`
	WxpayContributeAmount    int64    `json:"wxpay_contribute_amount"`
	MerchantContributeAmount int64    `json:"merchant_contribute_amount"`
	OtherContributeAmount    int64    `json:"other_contribute_amount"`
	Goods                    []goodV2 `json:"goods_detail,omitempty"`
}

// newOverseasTransaction writes an order as an overseas query shows it. The payment's facts are
// there only if there was one.
func newOverseasTransaction(o *Order) overseasTransaction {
	t := overseasTransaction{transaction: newTransaction(o), ID: o.TransactionID}
	t.SceneInfo = nil // not in the overseas documents
	if !o.State.paid() {
		return t
	}
	t.Amount = &overseasAmount{
		amount: amount{
			Total: o.Total, PayerTotal: o.inCNY(o.Total - o.discount()), Currency: o.Currency, PayerCurrency: currencyCNY,
		},
		ExchangeRate: exchangeRate{Type: "SETTLEMENT_RATE", Rate: o.ExchangeRate},
	}
	for _, c := range o.Coupons {
		t.Promotions = append(t.Promotions, overseasPromotion{
			ID: c.ID, Name: c.Name, Scope: c.Scope, Type: c.kindV2(), Amount: c.Amount, Currency: o.Currency, ActivityID: c.StockID,
			WxpayContributeAmount: c.WechatpayContribute, MerchantContributeAmount: c.MerchantContribute,
			OtherContributeAmount: c.OtherContribute, Goods: newGoodsV2(c.Goods),
		})
	}
	return t
}

// inCNY converts an amount of the order's currency into what the payer pays.
func (o *Order) inCNY(money int64) int64 {
	if o.ExchangeRate == 0 {
		return money
	}
	whole, rest := money/rateUnit, money%rateUnit // apart, so that no product overflows
	return whole*o.ExchangeRate + rest*o.ExchangeRate/rateUnit
}

// reportV3 is the reply to a query of one order.
func reportV3(o *Order) *reply {
	if overseas(o.Region) {
		return newReplyV3(http.StatusOK, newOverseasTransaction(o))
	}
	return newReplyV3(http.StatusOK, newTransaction(o))
}
