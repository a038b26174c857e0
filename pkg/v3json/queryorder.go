package v3json

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"cloudpay/pkg/wire"
)

// QueryReply is the gateway's record of an order, signed.
type QueryReply struct {
	Envelope
	Transaction
}

// Transaction is the gateway's record of an order, direct (AppID, MchID) or a partner's (SPAppID,
// SPMchID, SubAppID, SubMchID). An unpaid order has its numbers and its state only. An absent text
// is "", an absent amount nil. Amounts are in fen, overseas in the smallest unit of the currency
// beside them. Unknown fields are ignored.
//
// The fields are those of pay.weixin.qq.com's pages on querying by out_trade_no (2023.08.16), for
// merchants and for partners, and overseas those of page global/v3/zh/4013015482. scene_info is
// missing from WeChat Pay's own Go library, installment_info from those pages.
type Transaction struct {
	AppID    string `json:"appid,omitzero"`
	MchID    string `json:"mchid,omitzero"`
	SPAppID  string `json:"sp_appid,omitzero"`
	SPMchID  string `json:"sp_mchid,omitzero"`
	SubAppID string `json:"sub_appid,omitzero"`
	SubMchID string `json:"sub_mchid,omitzero"`

	OutTradeNo    string `json:"out_trade_no"`
	TransactionID string `json:"transaction_id,omitzero"` // only after payment; overseas replies call it id
	TradeType     string `json:"trade_type,omitzero"`     // JSAPI, NATIVE, APP, MICROPAY, MWEB, FACEPAY
	// TradeState is SUCCESS, REFUND (paid, and at least part of it refunded), NOTPAY, CLOSED, and
	// for code payments REVOKED, USERPAYING or PAYERROR. A state never seen before is passed on as
	// received.
	TradeState     string    `json:"trade_state"`
	TradeStateDesc string    `json:"trade_state_desc,omitzero"`
	BankType       string    `json:"bank_type,omitzero"`
	Attach         string    `json:"attach,omitzero"`
	SuccessTime    time.Time `json:"success_time,omitzero"` // when it was paid, in the offset received; zero until then

	Payer           Payer        `json:"payer,omitzero"`
	Amount          *Amount      `json:"amount,omitzero"` // nil when the reply has none
	SceneInfo       SceneInfo    `json:"scene_info,omitzero"`
	PromotionDetail []Promotion  `json:"promotion_detail,omitzero"`
	InstallmentInfo *Installment `json:"installment_info,omitzero"`

	// Unread has the paths of values that cannot be read and were left out. None of them is a
	// number of the order, its state or its Amount but for the rate: an unreadable one of those
	// makes the whole reply a [*MalformedError].
	Unread []string `json:"-"`
}

// Payer identifies the payer: OpenID for a direct order, SPOpenID and perhaps SubOpenID for a
// partner's.
type Payer struct {
	OpenID    string `json:"openid,omitzero"`
	SPOpenID  string `json:"sp_openid,omitzero"`
	SubOpenID string `json:"sub_openid,omitzero"`
}

// Amount is the order's price and what the payer paid after coupons, each in the smallest unit of
// its currency: fen, on the mainland.
type Amount struct {
	Total         *int64        `json:"total,omitzero"`
	PayerTotal    *int64        `json:"payer_total,omitzero"`
	Currency      string        `json:"currency,omitzero"`
	PayerCurrency string        `json:"payer_currency,omitzero"`
	ExchangeRate  *ExchangeRate `json:"exchange_rate,omitzero"` // overseas; nil when the reply has none
}

// ExchangeRate is the rate of an overseas payment's conversion.
type ExchangeRate struct {
	Type string `json:"type,omitzero"` // SETTLEMENT_RATE, USERPAYMENT_RATE
	Rate *int64 `json:"rate,omitzero"` // times 10^8
}

// SceneInfo names the device of the payment.
type SceneInfo struct {
	DeviceID string `json:"device_id,omitzero"`
}

// Promotion is one coupon or discount used in paying. Amounts are in fen, overseas in the smallest
// unit of Currency.
type Promotion struct {
	CouponID            string  `json:"coupon_id,omitzero"`
	Name                string  `json:"name,omitzero"`
	Scope               string  `json:"scope,omitzero"` // GLOBAL, SINGLE
	Type                string  `json:"type,omitzero"`  // CASH, NOCASH; overseas COUPON, DISCOUNT
	Amount              *int64  `json:"amount,omitzero"`
	StockID             string  `json:"stock_id,omitzero"`
	WechatpayContribute *int64  `json:"wechatpay_contribute,omitzero"`
	MerchantContribute  *int64  `json:"merchant_contribute,omitzero"`
	OtherContribute     *int64  `json:"other_contribute,omitzero"`
	Currency            string  `json:"currency,omitzero"`
	GoodsDetail         []Goods `json:"goods_detail,omitzero"`

	// Overseas, these stand in the place of CouponID, StockID and the three contributions above.
	PromotionID              string `json:"promotion_id,omitzero"`
	ActivityID               string `json:"activity_id,omitzero"`
	WxpayContributeAmount    *int64 `json:"wxpay_contribute_amount,omitzero"`
	MerchantContributeAmount *int64 `json:"merchant_contribute_amount,omitzero"`
	OtherContributeAmount    *int64 `json:"other_contribute_amount,omitzero"`
}

// Goods is an article that a promotion applied to. Prices are in fen, overseas in the smallest unit
// of the promotion's currency.
type Goods struct {
	GoodsID        string `json:"goods_id,omitzero"`
	Quantity       *int64 `json:"quantity,omitzero"`
	UnitPrice      *int64 `json:"unit_price,omitzero"`
	DiscountAmount *int64 `json:"discount_amount,omitzero"`
	GoodsRemark    string `json:"goods_remark,omitzero"`
	Price          *int64 `json:"price,omitzero"` // overseas, in the place of UnitPrice
}

// Installment is the plan that the payer chose, on orders that offered one.
type Installment struct {
	UseSubsidy                bool  `json:"use_subsidy"`
	SelectedInstallmentNumber int64 `json:"selected_installment_number"`
}

// QueryOrder reports an order. It returns a reply when a signed 200 came back about the requested
// order and merchants. Errors are those of [Client.CloseOrder]; a query changes nothing, so it may
// be repeated after any of them.
func (c *Client) QueryOrder(ctx context.Context, req Request) (*QueryReply, error) {
	reply, err := c.queryOrder(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("querying order %s: %w", wire.Quote(cmp.Or(req.OutTradeNo, req.TransactionID)), err)
	}
	return reply, nil
}

func (c *Client) queryOrder(ctx context.Context, req Request) (*QueryReply, error) {
	u, err := c.encodeQuery(req)
	if err != nil {
		return nil, err
	}
	got, err := c.sendQuery(ctx, u)
	if err != nil {
		return nil, err
	}
	transaction, err := decodeTransaction(got.Body, c.Region)
	if err != nil {
		return nil, got.Malformed(err.Error())
	}
	if err := c.verifyEcho(got, &transaction, req); err != nil {
		return nil, err
	}
	return &QueryReply{Envelope: got.Envelope, Transaction: transaction}, nil
}

// sendQuery sends a query, of a combined order too. The reply that it returns has a body.
func (c *Client) sendQuery(ctx context.Context, u unsigned) (*reply, error) {
	got, err := c.send(ctx, u)
	if err != nil {
		return nil, err
	}
	switch got.HTTPStatus {
	case http.StatusOK, http.StatusNoContent:
	case http.StatusAccepted:
		// The customer is paying: said by an error code, or by the order in that state. No document
		// says which.
		if refused := got.refusal(c.Now); refused.Code != "" || len(got.Body) == 0 {
			return nil, refused
		}
	default:
		return nil, got.refusal(c.Now)
	}
	if len(got.Body) == 0 {
		// Signed and empty: a close's reply, replayed.
		return nil, got.Unverified(wire.ReasonMismatch, "a query is answered with the order, and this body is empty")
	}
	return got, nil
}
