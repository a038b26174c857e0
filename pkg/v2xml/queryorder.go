package v2xml

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"cloudpay/pkg/wire"
)

const queryPath = "/pay/orderquery"

// QueryReply is the gateway's record of the order, signed.
type QueryReply struct {
	Envelope
	Transaction

	ReturnMsg string // usually "OK"
	ResultMsg string // documented for closeorder, rarely seen
}

// Transaction is the gateway's record of an order. Only OutTradeNo, Attach, TradeState and
// TradeStateDesc are documented for every state, the rest for SUCCESS. An absent text is "", an
// absent number nil.
//
// The fields are those of orderquery (wiki doc/api/jsapi.php?chapter=9_2; partner:
// doc/api/jsapi_sl.php?chapter=9_2).
type Transaction struct {
	AppID, MchID       string
	SubAppID, SubMchID string // partner mode
	DeviceInfo         string
	OpenID             string // the payer, under AppID
	IsSubscribe        string // Y or N
	SubOpenID          string // the payer, under SubAppID
	SubIsSubscribe     string // Y or N
	TradeType          string // JSAPI, NATIVE, APP, MICROPAY, MWEB, FACEPAY, …: an open set
	// TradeState is SUCCESS, REFUND, NOTPAY, CLOSED, REVOKED, USERPAYING, PAYERROR or ACCEPT. An
	// unknown state is passed on as received.
	TradeState     string
	TradeStateDesc string
	BankType       string

	TotalFee           *int64 // in the smallest unit of FeeType
	SettlementTotalFee *int64 // TotalFee less the coupons that are not settled
	FeeType            string
	CashFee            *int64 // in the smallest unit of CashFeeType
	CashFeeType        string
	CouponFee          *int64
	CouponCount        *int64
	ConsumeFee         *int64
	Coupons            []Coupon // by their numbers, rising; not always CouponCount of them

	TransactionID   string
	OutTradeNo      string
	Attach          string
	TimeEnd         time.Time // when it was paid, in UTC+8; the zero Time when it was not
	PromotionDetail []Promotion

	// Unread names the elements whose values cannot be read and were left out. None of them is
	// TotalFee or CashFee: an unreadable one of those makes the whole reply a [*MalformedError].
	Unread []string
}

// Coupon is one coupon_*_$n.
type Coupon struct {
	ID   string
	Type string // CASH or NO_CASH
	Fee  *int64
}

// Promotion is one entry of promotion_detail.
type Promotion struct {
	ID                 string  `json:"promotion_id"`
	Name               string  `json:"name"`
	Scope              string  `json:"scope"` // GLOBAL or SINGLE
	Type               string  `json:"type"`  // COUPON or DISCOUNT
	Amount             *int64  `json:"amount"`
	ActivityID         string  `json:"activity_id"`
	WxpayContribute    *int64  `json:"wxpay_contribute"`
	MerchantContribute *int64  `json:"merchant_contribute"`
	OtherContribute    *int64  `json:"other_contribute"`
	GoodsDetail        []Goods `json:"goods_detail"`
}

// Goods is one entry of a promotion's goods_detail.
type Goods struct {
	GoodsID        string `json:"goods_id"`
	GoodsRemark    string `json:"goods_remark"`
	Quantity       *int64 `json:"quantity"`
	Price          *int64 `json:"price"`
	DiscountAmount *int64 `json:"discount_amount"`
}

// QueryOrder reports an order (orderquery, doc v2 chapter 9_2). It returns a reply when a signed
// result_code SUCCESS came back with a TradeState, about the requested order and merchants. Errors
// are those of [Client.CloseOrder]; a query changes nothing, so it may be repeated after any of
// them.
func (c *Client) QueryOrder(ctx context.Context, req Request) (*QueryReply, error) {
	reply, err := c.queryOrder(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("querying order %s: %w", wire.Quote(cmp.Or(req.OutTradeNo, req.TransactionID)), err)
	}
	return reply, nil
}

func (c *Client) queryOrder(ctx context.Context, req Request) (*QueryReply, error) {
	if (req.OutTradeNo == "") == (req.TransactionID == "") {
		return nil, errors.New("out_trade_no and transaction_id: give exactly one of them")
	}
	got, err := c.send(ctx, queryPath, &req)
	if err != nil {
		return nil, err
	}
	if err := got.refusal(c.Now); err != nil {
		return nil, err
	}
	// A success names the order, whichever number asked for it.
	if req.TransactionID != "" && got.get("transaction_id") == "" {
		return nil, got.MissingEcho("transaction_id")
	}
	if got.get("out_trade_no") == "" {
		return nil, got.MissingEcho("out_trade_no")
	}
	if got.get("trade_state") == "" {
		return nil, got.Malformed("it has no trade_state")
	}
	reply := &QueryReply{Envelope: got.Envelope, ReturnMsg: got.get("return_msg"), ResultMsg: got.get("result_msg")}
	if err := got.transaction(&reply.Transaction); err != nil {
		return nil, got.Malformed(err.Error())
	}
	return reply, nil
}
