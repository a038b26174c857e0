package closing

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/schedule"
)

// YoungOrder is how long after its creation WeChat Pay may refuse to close an order: the APIv2,
// CloudPay and overseas pages ask callers to wait five minutes, the current mainland APIv3 pages no
// longer do, and its staff have said both. So the close is tried, and only a refusal is blamed on
// the order's age.
const YoungOrder = 5 * time.Minute

// Closer closes orders, now or later. Gateway and Merchant are required. It may be used by any
// number of calls at once.
type Closer struct {
	Gateway  Gateway
	Merchant order.Merchant
	// Confirm makes the Closer query after each success, and after each refusal as closed or paid,
	// on every route.
	// Those answers name no order: their signature proves that WeChat Pay said it, and the route
	// (order.Answer.Conclusive) of which order. A query's answer names its order.
	Confirm bool
	// Now is the wall clock, for an order's age; time.Now when nil.
	Now func() time.Time
	// Store is the register; no order is registered when it is nil.
	Store Orders
	// Log has what the caller cannot do anything about; nothing is logged when it is nil.
	Log *slog.Logger
}

// Close closes an order now: it sends the close, lets the gateway arbitrate the race with a
// payment, and queries when the answer leaves doubt. With a CloseAt it registers the order, to be
// closed by a sweep at that time.
//
// With a Store, an order that is less than five minutes old is registered too, and is closed as
// soon as WeChat Pay lets it be. Before a registered order is closed, the store records that its
// closing begins; if that fails, nothing is sent. Afterwards it records how the order ended; if
// that fails, the Result says so, and a sweep finds out again. For an order that is not registered,
// nothing is written.
//
// Close returns before ctx's deadline (within 15 seconds when there is none), and is safe to repeat
// whatever it answered. The outcomes closed, alreadyClosed, paid and notFound are reported only if
// the gateway proved them. Without proof the outcome is unknown.
func (c *Closer) Close(ctx context.Context, p order.Params) order.Result {
	return c.close(ctx, p, c.show)
}

// CloseShown is Close for an order whose record the Store has just shown. It is not looked up
// again.
func (c *Closer) CloseShown(ctx context.Context, p order.Params, record schedule.Record) order.Result {
	return c.close(ctx, p, func(ctx context.Context, call order.Call) (schedule.Record, error) {
		if call.Ref != record.Ref {
			return c.show(ctx, call)
		}
		return record, nil
	})
}

// shower returns the record of a call's order.
type shower func(ctx context.Context, call order.Call) (schedule.Record, error)

func (c *Closer) close(ctx context.Context, p order.Params, show shower) order.Result {
	call, err := c.Merchant.CloseCall(p)
	if err != nil {
		return Refusal(err)
	}
	switch {
	case p.Change, p.Withdraw:
		return c.change(ctx, call, p)
	case p.CloseAt != "":
		return c.schedule(ctx, call, p)
	case c.Store == nil || call.OutTradeNo == "":
		return c.run(call).Do(ctx)
	}
	return c.closeRegistered(ctx, call, p, show)
}

func (c *Closer) run(call order.Call) *Run {
	return &Run{
		Gateway: c.Gateway, Call: call, First: CloseFirst, Confirm: c.Confirm, FreshClose: !c.Confirm, Young: c.young(call),
	}
}

// YoungFor returns for how long an order is still young at a time: zero or less when it is not, or
// when its creation is not known.
func YoungFor(created, now time.Time) time.Duration {
	if created.IsZero() {
		return 0
	}
	return min(created.Add(YoungOrder).Sub(now), YoungOrder)
}

// young is for how long a call's order is still young, by the Closer's clock.
func (c *Closer) young(call order.Call) func() time.Duration {
	return func() time.Duration { return YoungFor(call.CreatedAt, c.now()) }
}

func (c *Closer) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// Refusal words what is wrong with a caller's parameters, or with those of a registered order: an
// *order.FieldError, as a rule.
func Refusal(err error) order.Result {
	if field, ok := errors.AsType[*order.FieldError](err); ok {
		return order.Refusal(cmp.Or(field.Code, errcode.ParamError), field.Wording())
	}
	return order.Refusal(errcode.ParamError, bilingual.Wording(err))
}
