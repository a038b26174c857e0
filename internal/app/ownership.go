package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/trigger"
)

// shownWorkflow is a workflow on an order whose record was shown.
type shownWorkflow func(ctx context.Context, p order.Params, shown schedule.Record) order.Result

// owns returns a user's ownership of the order with the given out_trade_no, and the workflow on it,
// which has the record that was read for this. The merchant and a default sub-merchant are filled
// in as the workflows do it, so that the check is about the very order that they would act on. The
// error is an *order.FieldError if no order can have that name.
func (a *App) owns(
	ctx context.Context, owner string, p order.Params, do shownWorkflow,
) (schedule.Ownership, trigger.Workflow, error) {
	call, err := a.Closer.Merchant.QueryCall(p)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := deadline.Share(ctx, 2, maxOwnerLookup)
	defer cancel()
	shown, err := a.Store.Show(ctx, call.Ref)
	_, missing := errors.AsType[*schedule.NotRegisteredError](err)
	switch {
	case missing, shown.Pruned: // what is left of a pruned order has no owner
		return schedule.NotRegistered, nil, nil
	case err != nil:
		return "", nil, fmt.Errorf("whose order it is: %w", err)
	}
	return schedule.OwnershipOf(shown.Owner, order.Owner(owner)), func(ctx context.Context, p order.Params) order.Result {
		return do(ctx, p, shown)
	}, nil
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
