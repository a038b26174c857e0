package wxcloudrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"cloudpay/pkg/wire"
)

const queryPath = "/_/pay/queryorder"

// QueryReply is the gateway's record of the order, as received over the link.
type QueryReply struct {
	wire.Envelope
	Transaction

	ReturnMsg string // usually "OK"
	ResultMsg string // documented for closeorder, missing from the sample
}

// Transaction is the gateway's record of an order. Only OutTradeNo, TradeState and TradeStateDesc
// are documented for every state, the rest for SUCCESS. An absent text is "", an absent number nil.
//
// The fields are those of wxcloudrun/src/development/pay/order/query; there is no promotion_detail
// among them.
type Transaction struct {
	AppID, MchID       string // of WeChat's service provider
	SubAppID, SubMchID string // the mini program's and the merchant's
	DeviceInfo         string
	OpenID             string // the payer, under AppID
	IsSubscribe        string // Y or N
	SubOpenID          string // the payer, under SubAppID
	SubIsSubscribe     string // Y or N
	TradeType          string // JSAPI, …: an open set
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
	Coupons            []Coupon // not always CouponCount of them

	TransactionID string
	OutTradeNo    string
	Attach        string
	TimeEnd       time.Time // when it was paid, in UTC+8; the zero Time when it was not

	// Unread names the keys whose values cannot be read and were left out, of a list at least in
	// part. None of them is TotalFee or CashFee: an unreadable one of those makes the whole reply a
	// [*wire.MalformedError].
	Unread []string
}

// Coupon is one position in the three lists coupon_id_list, coupon_type_list and coupon_fee_list.
// Where a list is shorter than the others, its field is "" or nil.
type Coupon struct {
	ID   string
	Type string // CASH or NO_CASH
	Fee  *int64
}

// QueryOrder reports an order (wxcloudrun/src/development/pay/order/query). It returns a reply when
// result_code SUCCESS came over the link with a TradeState, about the requested order and merchant.
// Errors are those of [Client.CloseOrder]; a query changes nothing, so it may be repeated after any
// of them.
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
	transaction, err := got.transaction()
	if err != nil {
		return nil, got.Malformed(err.Error())
	}
	return &QueryReply{
		Envelope: got.Envelope, Transaction: transaction,
		ReturnMsg: got.get("return_msg"), ResultMsg: got.get("result_msg"),
	}, nil
}
