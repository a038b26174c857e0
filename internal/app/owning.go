package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// owns tells whether the order that a user names by its out_trade_no is registered in the user's
// name. It tells it of the very order that the workflows would act on: the merchant, and a default
// sub-merchant, are filled in as they do it. Its error is an *order.FieldError when what is named
// could be no order's.
func (a *App) owns(ctx context.Context, owner string, p order.Params) (schedule.Ownership, error) {
	call, err := a.Closer.Merchant.QueryCall(p)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, min(half(ctx), longestAsking))
	defer cancel()
	registered, err := a.Store.Owner(ctx, call.Ref)
	if _, is := errors.AsType[*schedule.NotRegisteredError](err); is {
		return schedule.NotRegistered, nil
	}
	if err != nil {
		return "", fmt.Errorf("whose order it is: %w", err)
	}
	return schedule.OwnershipOf(registered, order.Owner(owner)), nil
}

// find looks up the order that a user names by another number.
func (a *App) find(ctx context.Context, owner string, p order.Params) (schedule.Found, error) {
	found, err := a.lookup.Find(ctx, order.Owner(owner), p)
	if err != nil {
		return found, fmt.Errorf("whose order it is: %w", err)
	}
	return found, nil
}

// longestAsking bounds asking the store whose an order is, so that a store that hangs leaves time
// to say so.
const longestAsking = 3 * time.Second

// half is half of the time that there is, so that as much is left for what was asked; plenty where
// there is no end.
func half(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline) / 2
	}
	return time.Minute
}
