package closing

import (
	"context"
	"errors"
	"log/slog"

	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Querier reports what state orders are in. Gateway and Merchant are required. It may be used by
// any number of calls at once.
type Querier struct {
	Gateway  Gateway
	Merchant order.Merchant
	// Store is the register; no order is registered when it is nil.
	Store Orders
	// Log has what the caller cannot do anything about; nothing is logged when it is nil.
	Log *slog.Logger
}

// Query asks what state an order is in, and asks again while the answer cannot be believed. It
// returns before ctx's deadline (within 15 seconds when there is none); a Result without proof has
// the outcome unknown.
//
// With a Store, an answer that proves that a registered order has ended is recorded there, even
// while another process is closing it. "No such order" is not: the order may be too new, which a
// sweep can tell.
func (q *Querier) Query(ctx context.Context, p order.Params) order.Result {
	call, err := q.Merchant.QueryCall(p)
	if err != nil {
		return Refusal(err)
	}
	r := &Run{Gateway: q.Gateway, Call: call, First: QueryOnly}
	return q.observe(ctx, call, r.Do(ctx))
}

func (q *Querier) observe(ctx context.Context, call order.Call, result order.Result) order.Result {
	f, ended := schedule.FinalFromResult(result)
	if q.Store == nil || !ended || f.State == schedule.FinalNotFound || call.CombineOutTradeNo != "" {
		return result
	}
	ref := call.Ref
	ref.OutTradeNo = result.OutTradeNo // the call may have named the order by its other number
	ctx, cancel := deadline.Detach(ctx, longestWrite)
	defer cancel()
	err := q.Store.Observe(ctx, ref, f)
	if _, is := errors.AsType[*schedule.NotRegisteredError](err); is {
		return result
	}
	return recorded(result, isRecorded(ctx, q.Log, err))
}
