package closing

import (
	"context"

	"cloudpay/internal/order"
)

// Querier reports what state orders are in. Gateway and Merchant are required.
// It may be used by any number of calls at once.
type Querier struct {
	Gateway  Gateway
	Merchant order.Merchant
}

// Query asks what state an order is in, and asks again while the answer cannot
// be believed. It answers before ctx's deadline (within 15 seconds when there is
// none); a Result without proof has the outcome unknown.
func (q *Querier) Query(ctx context.Context, p order.Params) order.Result {
	call, err := q.Merchant.QueryCall(p)
	if err != nil {
		return refusal(err)
	}
	return newRun(q.Gateway, call, asking).finish(ctx)
}
