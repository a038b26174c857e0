package trigger

import (
	"context"
	"errors"
	"fmt"

	"cloudpay/internal/order/errcode"
)

// foreign fails on an event that is for another function, such as a notice of SNS or S3: somebody
// bound a trigger to this one by mistake. A result would be a success to the platform, and the
// event would be gone. The failure has it brought again, and then put where the trigger's failed
// events go.
func (i *invocation) foreign(ctx context.Context) ([]byte, error) {
	c := i.caller("")
	refused := i.refuse(c, params{}, i.unreadable())
	refused.barred = barred{ruleEvent, "this function is for no such events: take the trigger away from it"}
	result := i.tell(ctx, c, params{}, *refused, 0)
	if result.ErrCode != errcode.ParamError {
		return nil, fmt.Errorf("the event was refused: %s", result.ErrCode)
	}
	return nil, errors.New(i.fault.String())
}
