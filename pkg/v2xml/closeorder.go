package v2xml

import (
	"context"
	"errors"
	"fmt"

	"cloudpay/pkg/wire"
)

const closePath = "/pay/closeorder"

// CloseReply is the gateway's confirmation that the order is closed. It names no order.
type CloseReply struct {
	Envelope

	AppID, MchID       string
	SubAppID, SubMchID string // "" in direct mode
	ReturnMsg          string // usually "OK"
	ResultMsg          string // documented, often absent
}

// CloseOrder closes an unpaid order (closeorder, doc v2/merchant 4011935216). It returns a reply
// when result_code SUCCESS came back, signed, about this merchant and sub-merchant: the order is
// closed. Otherwise the error is, by errors.As,
//
//   - [*Error]: a refusal, by the gateway or anything on the way; see its Authenticated field;
//   - [*VerifyError]: a reply whose authenticity is not proved, or about something else;
//   - [*MalformedError]: a reply that cannot be read;
//
// or any other, when no reply arrived (errors.Is finds the context's error) or the request could
// not be made. After everything but an authenticated *Error the order may or may not be closed, and
// only a query can tell.
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
		return nil, errors.New("transaction_id closes nothing in APIv2: give out_trade_no alone")
	}
	got, err := c.send(ctx, closePath, &req)
	if err != nil {
		return nil, err
	}
	if element := got.foreignElement(); element != "" {
		return nil, got.Unverified(wire.ReasonMismatch, "it has a "+element+", so it is the answer to another question")
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

// foreignElement returns the name of an element that only replies to other calls have, "" when
// there is none. A merchant's APIv2 replies are all signed alike, so without this check a replayed
// success of a query, a unified order (prepay_id), a refund or a reversal (recall) would pass as a
// close's.
func (d document) foreignElement() string {
	for _, f := range d {
		switch f.name {
		case "trade_state", "trade_type", "prepay_id", "transaction_id", "refund_id", "out_refund_no", "recall",
			"openid", "sub_openid", "total_fee", "short_url", "code_url", "mweb_url":
			return f.name
		}
	}
	return ""
}
