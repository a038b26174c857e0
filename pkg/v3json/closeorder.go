package v3json

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"cloudpay/pkg/wire"
)

// CloseReply is the gateway's confirmation that the order is closed. It names no order.
type CloseReply struct {
	Envelope
}

// CloseOrder closes an unpaid order. It returns a reply when a signed, empty 204 came back: the
// order is closed. Otherwise the error is, by errors.As,
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
		return nil, fmt.Errorf("closing order %s: %w", wire.Quote(cmp.Or(req.OutTradeNo, req.TransactionID)), err)
	}
	return reply, nil
}

func (c *Client) closeOrder(ctx context.Context, req Request) (*CloseReply, error) {
	u, err := c.encodeClose(req)
	if err != nil {
		return nil, err
	}
	return c.sendClose(ctx, u)
}

// sendClose sends a close, of a combined order too. Its only success is an empty 204.
func (c *Client) sendClose(ctx context.Context, u unsigned) (*CloseReply, error) {
	got, err := c.send(ctx, u)
	if err != nil {
		return nil, err
	}
	switch got.HTTPStatus {
	case http.StatusNoContent, http.StatusOK:
	default:
		return nil, got.refusal(c.Now)
	}
	if got.HTTPStatus == http.StatusOK || len(got.Body) != 0 {
		return nil, got.Unverified(wire.ReasonMismatch, "a close is answered with 204 and an empty body, and this is another reply")
	}
	return &CloseReply{Envelope: got.Envelope}, nil
}
