package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloudpay/internal/order"
)

// owns reports whether every order that a user names was registered in the user's name. It says so of the very orders that
// the workflows would act on: the merchant, and a default sub-merchant, are filled in as they do it. Its error is an
// *order.FieldError when what is named could be no order's.
func (a *App) owns(ctx context.Context, owner string, p order.Params) (bool, error) {
	if p.CombineOutTradeNo != "" {
		return a.ownsCombined(ctx, order.Owner(owner), p)
	}
	call, err := a.Closer.Merchant.QueryCall(p)
	if err != nil {
		return false, err //nolint:wrapcheck // it is the answer
	}
	return a.ownsAll(ctx, order.Owner(owner), call.Ref(a.Closer.Merchant.Region))
}

// ownsCombined asks WeChat Pay which orders a combined one is made of, since the caller's list may be of other ones, and wants
// all of them to be the owner's.
func (a *App) ownsCombined(ctx context.Context, owner order.Owner, p order.Params) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, half(ctx))
	defer cancel()
	if _, err := a.Closer.Merchant.QueryCall(p); err != nil {
		return false, err //nolint:wrapcheck // it is the answer
	}
	combined := a.Querier.Query(ctx, order.Params{CombineOutTradeNo: p.CombineOutTradeNo})
	switch combined.Outcome {
	case order.OutcomeNotFound:
		return false, nil
	case order.OutcomeFound:
	default:
		return false, fmt.Errorf("which orders %s is made of: %s %s", p.CombineOutTradeNo, combined.Outcome, combined.ErrCode)
	}
	refs := make([]order.Ref, 0, len(combined.SubOrders))
	for _, sub := range combined.SubOrders {
		refs = append(refs, order.Call{MchID: sub.MchID, SubMchID: sub.SubMchID, OutTradeNo: sub.OutTradeNo}.Ref(a.Closer.Merchant.Region))
	}
	return a.ownsAll(ctx, owner, refs...)
}

// ownsAll reports whether there are orders, and all are the owner's. Nobody owns what is not registered, and nobody is no
// owner of what was registered in nobody's name.
func (a *App) ownsAll(ctx context.Context, owner order.Owner, refs ...order.Ref) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, min(half(ctx), longestAsking))
	defer cancel()
	for _, ref := range refs {
		registered, err := a.Store.Owner(ctx, ref)
		if _, is := errors.AsType[*order.NotRegisteredError](err); is {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("whose order it is: %w", err)
		}
		if owner == "" || registered != owner {
			return false, nil
		}
	}
	return len(refs) > 0, nil
}

// longestAsking bounds asking the store whose an order is, so that a store that hangs leaves time to say so.
const longestAsking = 3 * time.Second

// half is half of the time that there is, so that as much is left for what was asked; plenty where there is no end.
func half(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline) / 2
	}
	return time.Minute
}
