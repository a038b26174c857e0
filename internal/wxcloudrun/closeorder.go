package wxcloudrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const closePath = "/_/pay/closeorder"

// CloseRequest names the order to close.
type CloseRequest struct {
	// OutTradeNo is the merchant's order number, required.
	OutTradeNo string
	// SubMchID is the merchant's own number, required: to the link every merchant is a sub-merchant.
	SubMchID string
	// Nonce is this attempt's nonce_str, made when empty.
	Nonce string
}

// CloseReply is the gateway's word that the order is closed. It names no order.
type CloseReply struct {
	Envelope

	AppID, MchID       string // of WeChat's service provider
	SubAppID, SubMchID string // the mini program's and the merchant's
	ReturnMsg          string // "OK" as a rule
	ResultMsg          string // documented, missing from the sample
}

// CloseOrder closes an unpaid order (wxcloudrun/src/development/pay/order/close). A reply means that result_code SUCCESS
// came over the link, about this merchant: the order is closed, as far as the link is to be trusted. Otherwise the error
// is, by errors.As,
//
//   - [*Error]: the gateway refused, or the link did, or something on the way; see its Authenticated field;
//   - [*VerifyError]: a reply came that is about something else;
//   - [*MalformedError]: a reply came that cannot be read;
//
// or any other, when no reply came (errors.Is finds the context's error) or the request could not be made. After
// everything but an authenticated *Error the order may or may not be closed, and only a query can tell.
func (c *Client) CloseOrder(ctx context.Context, req CloseRequest) (*CloseReply, error) {
	reply, err := c.closeOrder(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("closing order %s: %w", name(req.OutTradeNo), err)
	}
	return reply, nil
}

func (c *Client) closeOrder(ctx context.Context, req CloseRequest) (*CloseReply, error) {
	if req.OutTradeNo == "" {
		return nil, errors.New("out_trade_no is missing: give the merchant's number of the order")
	}
	got, err := c.send(ctx, closePath, &question{nonce: req.Nonce, outTradeNo: req.OutTradeNo, subMchID: req.SubMchID})
	if err != nil {
		return nil, err
	}
	if key := got.foreign(); key != "" {
		return nil, got.disbelieve("it has a " + key + ", so it is the answer to another question")
	}
	if err := got.refusal(); err != nil {
		return nil, err
	}
	return &CloseReply{
		Envelope: got.Envelope,
		AppID:    got.text("appid"), MchID: got.text("mch_id"),
		SubAppID: got.text("sub_appid"), SubMchID: got.text("sub_mch_id"),
		ReturnMsg: got.text("return_msg"), ResultMsg: got.text("result_msg"),
	}, nil
}

// foreign names a key that only replies to other questions hold (a query, a unified order, a refund), "" when there is none.
// The replies of the link are alike, so without this the success of another call would pass for that of a close.
func (d document) foreign() string {
	for _, key := range [...]string{"trade_state", "trade_type", "transaction_id", "prepay_id", "refund_id", "out_refund_no"} {
		if d.text(key) != "" || slices.Contains(d.unread, key) {
			return key
		}
	}
	return ""
}
