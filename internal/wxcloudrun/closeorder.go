package wxcloudrun

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cloudpay/pkg/wire"
)

const closePath = "/_/pay/closeorder"

// CloseReply is the gateway's confirmation that the order is closed. It names no order.
type CloseReply struct {
	wire.Envelope

	AppID, MchID       string // of WeChat's service provider
	SubAppID, SubMchID string // the mini program's and the merchant's
	ReturnMsg          string // usually "OK"
	ResultMsg          string // documented, missing from the sample
}

// CloseOrder closes an unpaid order (wxcloudrun/src/development/pay/order/close). It returns a
// reply when result_code SUCCESS came over the link, about this merchant: the order is closed, as
// far as the link is to be trusted. Otherwise the error is, by errors.As,
//
//   - [*wire.Error]: a refusal, by the gateway, the link or anything on the way; see Authenticated;
//   - [*wire.VerifyError]: a reply about something else;
//   - [*wire.MalformedError]: a reply that cannot be read;
//
// or any other, when no reply arrived (errors.Is finds the context's error) or the request could
// not be made. After everything but an authenticated *wire.Error the order may or may not be
// closed, and only a query can tell.
func (c *Client) CloseOrder(ctx context.Context, req Request) (*CloseReply, error) {
	reply, err := c.closeOrder(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("closing order %s: %w", wire.Quote(req.OutTradeNo), err)
	}
	return reply, nil
}

func (c *Client) closeOrder(ctx context.Context, req Request) (*CloseReply, error) {
	switch {
	case req.OutTradeNo == "":
		return nil, errors.New("out_trade_no is missing: give the merchant's number of the order")
	case req.TransactionID != "":
		return nil, errors.New("transaction_id closes nothing here: give out_trade_no alone")
	}
	got, err := c.send(ctx, closePath, &req)
	if err != nil {
		return nil, err
	}
	if key := got.foreignKey(); key != "" {
		return nil, got.Unverified(wire.ReasonMismatch, "it has a "+key+", so it is the answer to another question")
	}
	if err := got.refusal(c.Now); err != nil {
		return nil, err
	}
	return &CloseReply{
		Envelope: got.Envelope,
		AppID:    got.get("appid"), MchID: got.get("mch_id"),
		SubAppID: got.get("sub_appid"), SubMchID: got.get("sub_mch_id"),
		ReturnMsg: got.get("return_msg"), ResultMsg: got.get("result_msg"),
	}, nil
}

// foreignKey returns a key that only replies to other calls have (a query, a unified order, a
// refund), "" when there is none. The link's replies are alike, so without this check the success
// of another call would pass as a close's.
func (d document) foreignKey() string {
	for _, key := range [...]string{"trade_state", "trade_type", "transaction_id", "prepay_id", "refund_id", "out_refund_no"} {
		if d.get(key) != "" || slices.Contains(d.unread, key) {
			return key
		}
	}
	return ""
}
