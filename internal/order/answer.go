package order

import (
	"time"

	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
)

// Proof is why an answer may be believed.
type Proof string

const (
	// ProofSignature: the gateway's signature over the reply was verified.
	ProofSignature Proof = "signature"
	// ProofPrivateLink: the reply came over WeChat cloud hosting's private link,
	// which has no signatures.
	ProofPrivateLink Proof = "privateLink"
	// ProofNone: nothing vouches for it.
	ProofNone Proof = "none"
)

// Answer is one exchange with the gateway, in order words. A gateway always
// gives one: a failure to get an answer is an Answer whose Verdict is Doubted.
type Answer struct {
	Verdict verdict.Verdict
	Proof   Proof
	// Code is canonical (see Lookup); empty when all is well.
	Code string
	// GatewayCode is Code as the gateway spelled it; empty when Code is ours.
	GatewayCode string
	// Message is the gateway's own text, or ours when there was none.
	Message string
	// ResultMsg is APIv2's result_msg, which cloud hosting's link passes on; empty as
	// a rule. It is set only when the reply was authenticated.
	ResultMsg string
	// HTTPStatus is 0 when no reply arrived.
	HTTPStatus int
	// RequestID is the gateway's Request-ID, which WeChat Pay's support asks for.
	RequestID string
	// RetryAfter is how long the gateway asked us to wait; 0 when it did not.
	RetryAfter time.Duration
	// Nonce and Sign are the reply's own: APIv2's elements, APIv3's headers.
	// They are set only when the reply was authenticated.
	Nonce, Sign string
	// SignedAt is when the reply was signed, as APIv3 says; zero in the other dialects.
	SignedAt time.Time
	// Route is the way that the exchange went.
	Route Route
	// Fresh reports that the reply came over a connection that had carried no other exchange, or
	// over HTTP/2, so that no reply out of step can have been taken for it.
	Fresh bool
	// Facts is what a query learned; nil unless Verdict is Stated.
	Facts *Facts
}

// Authenticated reports whether the gateway is known to have said this.
func (a Answer) Authenticated() bool {
	return a.Verdict != verdict.Doubted && a.Verdict != verdict.Rejected
}

// Facts is what the gateway knows about an order. Amounts are in fen (cents of
// the currency). A number is nil when the gateway gave none, and 0 when it gave 0.
type Facts struct {
	AppID              string
	SubAppID           string
	TradeState         tradestate.State
	TradeStateDesc     string
	OutTradeNo         string
	TransactionID      string
	TradeType          string
	BankType           string
	Attach             string
	DeviceInfo         string
	OpenID             string
	SubOpenID          string
	IsSubscribe        string
	SubIsSubscribe     string
	TotalFee           *int64
	SettlementTotalFee *int64
	FeeType            string
	CashFee            *int64
	CashFeeType        string
	CouponFee          *int64
	CouponCount        *int64 // not always len(Coupons): the gateway may not list them all
	Coupons            []Coupon
	Promotions         []Promotion
	// ExchangeRate is overseas orders': CashFeeType's price in the settlement
	// currency, times ten to the eighth. Nil when the gateway gave none.
	ExchangeRate *int64
	// SubOrders are a combined order's; TradeState is then theirs together (see
	// Combined).
	SubOrders []SubFacts
	// PaidAt is when the payment succeeded; zero when it did not.
	PaidAt time.Time
	// Unread names, in the dialect's words, what the gateway gave and nothing could
	// read: it is left out here, and says nothing against the rest.
	Unread []string
}

// SubFacts is what the gateway knows about one order of a combined order.
type SubFacts struct {
	SubOrder

	SubAppID      string           `json:"subAppid,omitempty"`
	TransactionID string           `json:"transactionId,omitempty"`
	TradeState    tradestate.State `json:"tradeState"`
	TradeType     string           `json:"tradeType,omitempty"`
	BankType      string           `json:"bankType,omitempty"`
	Attach        string           `json:"attach,omitempty"`
	TotalFee      *int64           `json:"totalFee,omitempty"`
	FeeType       string           `json:"feeType,omitempty"`
	CashFee       *int64           `json:"cashFee,omitempty"`
	CashFeeType   string           `json:"cashFeeType,omitempty"`
	SubOpenID     string           `json:"subOpenid,omitempty"`
	TimeEnd       string           `json:"timeEnd,omitempty"`
}

// Coupon is one coupon used in a payment (APIv2's coupon_…_$n).
type Coupon struct {
	ID   string `json:"id,omitempty"`
	Type string `json:"type,omitempty"`
	Fee  *int64 `json:"fee,omitempty"`
}

// Promotion is one discount used in a payment (promotion_detail in both APIs).
type Promotion struct {
	ID                 string  `json:"promotionId,omitempty"`
	Name               string  `json:"name,omitempty"`
	Scope              string  `json:"scope,omitempty"`
	Type               string  `json:"type,omitempty"`
	Amount             *int64  `json:"amount,omitempty"`
	Currency           string  `json:"currency,omitempty"`
	StockID            string  `json:"stockId,omitempty"`
	ActivityID         string  `json:"activityId,omitempty"`
	WxpayContribute    *int64  `json:"wxpayContribute,omitempty"`
	MerchantContribute *int64  `json:"merchantContribute,omitempty"`
	OtherContribute    *int64  `json:"otherContribute,omitempty"`
	Goods              []Goods `json:"goodsDetail,omitempty"`
}

// Goods is one article that a Promotion applied to.
type Goods struct {
	ID             string `json:"goodsId,omitempty"`
	Remark         string `json:"goodsRemark,omitempty"`
	Quantity       *int64 `json:"quantity,omitempty"`
	Price          *int64 `json:"price,omitempty"`
	DiscountAmount *int64 `json:"discountAmount,omitempty"`
}
