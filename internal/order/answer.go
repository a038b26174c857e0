package order

import (
	"time"

	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
)

// Proof is what authenticates an answer.
type Proof string

const (
	// ProofSignature: the gateway's signature over the reply was verified.
	ProofSignature Proof = "signature"
	// ProofPrivateLink: the reply came over WeChat cloud hosting's private link, which has no
	// signatures.
	ProofPrivateLink Proof = "privateLink"
	// ProofNone: the reply is not authenticated, or there was none.
	ProofNone Proof = "none"
)

// Answer is the result of one exchange with the gateway, the same for every dialect. There is
// always one: an exchange that fails is an Answer whose Verdict is Doubted.
type Answer struct {
	Verdict verdict.Verdict
	Proof   Proof
	// Code is canonical (see errcode.Lookup); empty on success.
	Code string
	// GatewayCode is Code as the gateway spelled it; empty when Code is ours.
	GatewayCode string
	// Message is the gateway's own text, or ours when it sent none.
	Message string
	// ResultMsg is APIv2's result_msg, which cloud hosting's link passes on; usually empty. It is
	// set only when the reply was authenticated.
	ResultMsg string
	// HTTPStatus is 0 when there was no reply.
	HTTPStatus int
	// RequestID is the gateway's Request-ID. WeChat Pay's support asks for it.
	RequestID string
	// RetryAfter is the wait that the gateway asks for; 0 when it asks for none.
	RetryAfter time.Duration
	// Nonce and Sign are the reply's own: APIv2's elements, APIv3's headers. They are set only when
	// the reply was authenticated.
	Nonce, Sign string
	// Clock is the gateway's time as the reply has it.
	Clock Clock
	Route Route
	// Fresh reports that the connection had carried no other exchange, or that it was HTTP/2: then
	// the reply cannot be a late one to an earlier request.
	Fresh bool
	// Facts are a query's; nil unless Verdict is Stated.
	Facts *Facts
}

// Clock is a reading of the gateway's clock, in whole seconds.
type Clock struct {
	// At is zero when the reply had no time.
	At time.Time
	// Signed reports that At is the time of APIv3's signature, which was verified. Otherwise it is
	// the reply's Date, which anything on the way may have written.
	Signed bool
}

// Authenticated reports whether the answer is proved to be the gateway's.
func (a Answer) Authenticated() bool {
	return a.Verdict != verdict.Doubted && a.Verdict != verdict.Rejected
}

// Route is the way that an exchange with WeChat Pay goes. It decides what an answer proves that
// does not name the order: the success of a close, and every refusal. The signature of such an
// answer proves that WeChat Pay sent it, but not for which order.
type Route string

const (
	// RouteForeign: something on the way ends TLS, or may. It could mix up replies, so only a query
	// decides, whose reply names the order. The zero Route means the same.
	RouteForeign Route = "foreign"
	// RouteOwn: TLS ends at WeChat Pay's own host. Its replies can be mixed up only on a used
	// HTTP/1.1 connection.
	RouteOwn Route = "own"
	// RouteLink: WeChat cloud hosting's private link. How its sidecar uses connections is not
	// documented.
	RouteLink Route = "link"
)

// Conclusive reports whether the answer proves its verdict for the order of the request, although
// it does not name the order.
func (a Answer) Conclusive() bool { return a.Route == RouteOwn && a.Fresh }

// Repeatable reports whether two such answers in a row prove that the order does not exist. No
// query can confirm that by naming the order.
func (a Answer) Repeatable() bool {
	return a.Fresh && (a.Route == RouteOwn || a.Route == RouteLink)
}

// Facts are what the gateway knows about an order. Amounts are in fen (cents of the currency). A
// number is nil when the gateway gave none, and 0 when it gave 0.
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
	// ExchangeRate is overseas orders': the price of CashFeeType in the settlement currency, times
	// ten to the eighth.
	ExchangeRate *int64
	// SubOrders are a combined order's. TradeState is then tradestate.Combined of theirs.
	SubOrders []SubFacts
	// PaidAt is when the payment succeeded; zero when it did not.
	PaidAt time.Time
	// Unread are the dialect's names of fields whose values could not be parsed. They are absent
	// here; the other fields are sound.
	Unread []string
}

// SubFacts are what the gateway knows about one order of a combined order.
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
