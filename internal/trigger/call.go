package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// handleCall answers a cloud call or a direct invoke: the event is the parameters, the reply is the
// result object.
func (i *invocation) handleCall(ctx context.Context) ([]byte, error) {
	var p order.Reader
	fault := i.unreadable()
	if fault == nil {
		fault = p.Object("event", i.inv.Payload)
	}
	return encode(i.handle(ctx, i.caller(ctx, p.ServiceToken), p, fault))
}

// encode marshals v as the reply. The error is non-nil only if v cannot be marshalled.
func encode(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding the reply: %w", err)
	}
	return text, nil
}

// handleForeign fails on an event that is for another function, such as SNS's or S3's: a trigger is
// bound to this one by mistake. A result would be a success to the platform, and the event would be
// lost. After a failure the event is redelivered, and then put where the trigger's failed events
// go.
func (i *invocation) handleForeign(ctx context.Context) ([]byte, error) {
	c := i.caller(ctx, "")
	refused := i.refuse(c, order.Reader{}, i.unreadable())
	refused.denial = denial{ruleEvent, "this function is for no such events: take the trigger away from it"}
	result := i.finish(ctx, c, order.Reader{}, *refused, 0)
	if result.ErrCode != errcode.ParamError {
		return nil, fmt.Errorf("the event was refused: %s", result.ErrCode)
	}
	return nil, errors.New(i.fault.String())
}
