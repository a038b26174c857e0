package trigger

import (
	"context"
	"encoding/json"
	"fmt"
)

// call answers a cloud call or a direct invoke: the event is the parameters, the reply is the result object.
func (i *invocation) call(ctx context.Context) ([]byte, error) {
	var p params
	fault := i.unreadable()
	if fault == nil {
		p, fault = readParams(i.inv.Payload)
	}
	return encode(i.turn(ctx, i.caller(p.token), p, fault))
}

// encode gives an object to the caller, who gets an error only if it is none that JSON can say.
func encode(object any) ([]byte, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encoding the reply: %w", err)
	}
	return text, nil
}
