package v3json

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
)

// CloseRequest names the order to close.
type CloseRequest struct {
	// OutTradeNo is the merchant's order number. It is required on the mainland.
	OutTradeNo string
	// TransactionID is WeChat Pay's order number, overseas only: there, exactly one of the two is given.
	TransactionID string
	// SubMchID, when set, makes this a partner's request about that sub-merchant's order (overseas: an
	// institution's).
	SubMchID string
	// Nonce is this attempt's nonce_str, made when empty.
	Nonce string
}

// CloseReply is the gateway's word that the order is closed.
type CloseReply struct {
	Envelope
}

// CloseOrder closes an unpaid order. A reply means that a signed, empty 204 came back: the order is
// closed. Otherwise the error is, by errors.As,
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
		return nil, fmt.Errorf("closing order %s: %w", name(cmp.Or(req.OutTradeNo, req.TransactionID)), err)
	}
	return reply, nil
}

func (c *Client) closeOrder(ctx context.Context, req CloseRequest) (*CloseReply, error) {
	q, err := c.encodeClose(req)
	if err != nil {
		return nil, err
	}
	return c.sendClose(ctx, q)
}

// sendClose asks for a close of either kind, and takes nothing but nothing for a yes.
func (c *Client) sendClose(ctx context.Context, q question) (*CloseReply, error) {
	got, err := c.send(ctx, q)
	if err != nil {
		return nil, err
	}
	switch got.HTTPStatus {
	case http.StatusNoContent, http.StatusOK:
	default:
		return nil, got.refusal(c.now())
	}
	if got.HTTPStatus == http.StatusOK || len(got.body) != 0 {
		// Signed, but a close is answered with nothing: this is the answer to another question.
		return nil, got.disbelieve(ReasonMismatch, "a close is answered with 204 and an empty body, and this is another reply")
	}
	return &CloseReply{Envelope: got.Envelope}, nil
}
