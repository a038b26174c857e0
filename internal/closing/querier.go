package closing

import (
	"context"
	"errors"
	"log/slog"

	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Querier reports what state orders are in. Gateway and Merchant are required.
// It may be used by any number of calls at once.
type Querier struct {
	Gateway  Gateway
	Merchant order.Merchant
	// Store is where registered orders are kept; there are none when it is nil.
	Store Orders
	// Log is told what the caller cannot do anything about; nobody when nil.
	Log *slog.Logger
}

// Query asks what state an order is in, and asks again while the answer cannot
// be believed. It answers before ctx's deadline (within 15 seconds when there is
// none); a Result without proof has the outcome unknown.
//
// With a Store, an answer that shows a registered order to have ended settles it
// there too, whoever is closing it at the time. That there is no such order does
// not: it may be too new, which a sweep is better placed to judge.
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
	recorded := isRecorded(ctx, q.Log, err)
	result.Recorded = &recorded
	return result
}
