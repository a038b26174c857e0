package v2xml

import (
	"context"
	"errors"
	"fmt"
)

const closePath = "/pay/closeorder"

// CloseRequest names the order to close.
type CloseRequest struct {
	// OutTradeNo is the merchant's order number, required.
	OutTradeNo string
	// SubMchID, when set, makes this a partner's request about that sub-merchant's order.
	SubMchID string
	// SubAppID is the sub-merchant's app id, optional, partner mode only.
	SubAppID string
	// Nonce is this attempt's nonce_str, made when empty.
	Nonce string
}

// CloseReply is the gateway's word that the order is closed. It names no order.
type CloseReply struct {
	Envelope

	AppID, MchID       string
	SubAppID, SubMchID string // "" in direct mode
	ReturnMsg          string // "OK" as a rule
	ResultMsg          string // documented, often absent
}

// CloseOrder closes an unpaid order (closeorder, doc v2/merchant 4011935216). A reply means that a signed result_code
// SUCCESS came back, about this merchant and this sub-merchant: the order is closed. Otherwise the error is, by errors.As,
//
//   - [*Error]: the gateway refused, or something on the way did; see its Authenticated field;
//   - [*VerifyError]: a reply came that may not be believed;
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
	got, err := c.send(ctx, closePath, &question{
		nonce: req.Nonce, outTradeNo: req.OutTradeNo, subAppID: req.SubAppID, subMchID: req.SubMchID,
	})
	if err != nil {
		return nil, err
	}
	if element := got.foreign(); element != "" {
		return nil, got.disbelieve(ReasonMismatch, "it has a "+element+", so it is the answer to another question")
	}
	if err := got.refusal(); err != nil {
		return nil, err
	}
	return &CloseReply{
		Envelope: got.Envelope,
		AppID:    got.get("appid"), MchID: got.get("mch_id"),
		SubAppID: got.get("sub_appid"), SubMchID: got.get("sub_mch_id"),
		ReturnMsg: got.get("return_msg"), ResultMsg: got.get("result_msg"),
	}, nil
}

// foreign names an element that only replies to other questions hold, "" when there is none. All APIv2 calls of a merchant are
// signed alike, so without this the signed success of a query, of a unified order (prepay_id), of a refund or of a
// reversal (recall), sent again by someone on the way, would pass for the success of a close.
func (d document) foreign() string {
	for _, f := range d {
		switch f.name {
		case "trade_state", "trade_type", "prepay_id", "transaction_id", "refund_id", "out_refund_no", "recall",
			"openid", "sub_openid", "total_fee", "short_url", "code_url", "mweb_url":
			return f.name
		}
	}
	return ""
}
