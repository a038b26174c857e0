package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// owns returns a user's ownership of the order with the given out_trade_no. The merchant and a
// default sub-merchant are filled in as the workflows do it, so that the check is about the very
// order that they would act on. The error is an *order.FieldError if no order can have that name.
func (a *App) owns(ctx context.Context, owner string, p order.Params) (schedule.Ownership, error) {
	call, err := a.Closer.Merchant.QueryCall(p)
	if err != nil {
		return "", err
	}
	ctx, cancel := deadline.Share(ctx, 2, maxOwnerLookup)
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

// find looks up an order that a user names by WeChat Pay's number, and returns what the user may
// see of it.
func (a *App) find(ctx context.Context, owner string, p order.Params) (schedule.Found, error) {
	found, err := a.lookup.Find(ctx, order.Owner(owner), p)
	if err != nil {
		return found, fmt.Errorf("whose order it is: %w", err)
	}
	return found, nil
}

// maxOwnerLookup bounds the query for an order's owner, so that a store that hangs leaves time to
// answer the caller.
const maxOwnerLookup = 3 * time.Second
