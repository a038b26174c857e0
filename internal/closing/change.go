package closing

import (
	"context"
	"errors"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/schedule"
)

// change corrects a registration or withdraws it. Nothing is asked of WeChat Pay.
func (c *Closer) change(ctx context.Context, call order.Call, p order.Params) order.Result {
	if c.Store == nil {
		return Refusal(&order.FieldError{
			Field: "change", Code: errcode.ParamError,
			Rule: bilingual.New("needs a store of registered orders, and none is configured (CLOUDPAY_STORE)", "需要订单存储，但尚未配置（CLOUDPAY_STORE）"),
		})
	}
	ref, change, err := schedule.NewChange(c.Merchant, p, c.now())
	if err != nil {
		return Refusal(err)
	}
	record, err := withStoreTimeout(ctx, func(ctx context.Context) (schedule.Record, error) { return c.Store.Change(ctx, ref, change) })
	_, unknown := errors.AsType[*schedule.NotRegisteredError](err)
	_, refused := errors.AsType[*order.FieldError](err)
	late, isLate := errors.AsType[*schedule.TooLateError](err)
	switch {
	case unknown:
		return Refusal(order.ParamError("out_trade_no", "is not registered, so that there is nothing to change: leave out change and withdraw",
			"未登记，没有可更改的内容：请去掉 change 与 withdraw"))
	case refused:
		return Refusal(err)
	case isLate:
		return order.Registered(call, order.OutcomeTooLate, late.Wording())
	case err != nil:
		return c.unstored(ctx, call, err)
	case change.Withdraw:
		return order.Registered(call, order.OutcomeWithdrawn, bilingual.Text{})
	}
	return scheduled(call, record.Entry, c.now())
}

// scheduled is the result for a registered order. Its text says so if the order is due at once
// because its time is past.
func scheduled(call order.Call, e schedule.Entry, now time.Time) order.Result {
	if !e.CloseAt.IsZero() && e.CloseAt.Before(now) {
		return order.Registered(call, order.OutcomeScheduled, bilingual.New("close_at is past: the order is due at once", "close_at 已过：订单立即到期"))
	}
	return order.Registered(call, order.OutcomeScheduled, bilingual.Text{})
}
