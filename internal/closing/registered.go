package closing

import (
	"cmp"
	"context"
	"errors"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/decision"
	"cloudpay/internal/schedule/registering"
)

// schedule registers an order to be closed at its close_at.
func (c *Closer) schedule(ctx context.Context, call order.Call, p order.Params) order.Result {
	if c.Store == nil {
		return Refusal(&order.FieldError{
			Field: "close_at",
			Rule: bilingual.New("closing later needs a store of waiting orders, and none is configured (CLOUDPAY_STORE); "+
				"leave close_at out to close now", "稍后关单需要订单存储，但尚未配置（CLOUDPAY_STORE）；去掉 close_at 即立即关单"),
			Code: errcode.ParamError,
		})
	}
	e, err := schedule.NewEntry(c.Merchant, p)
	if err != nil {
		return Refusal(err)
	}
	return c.register(ctx, call, p, registering.NewRequest(e, p, c.now()))
}

// register answers scheduled once the order is registered, by this call or by an equal one before
// it, and is still to be closed.
func (c *Closer) register(ctx context.Context, call order.Call, p order.Params, request registering.Request) order.Result {
	got, err := withStoreTimeout(ctx, func(ctx context.Context) (schedule.Registration, error) {
		return registering.One(ctx, c.Store, request)
	})
	if err != nil {
		return c.unstored(ctx, call, err)
	}
	conflict, conflicts := errors.AsType[*schedule.ConflictError](got.Err)
	switch {
	case got.Err == nil && got.Added:
		return scheduled(call, request.Entry, c.now())
	case got.Err == nil, conflicts && conflict.FinalState == schedule.FinalNotFound:
		return c.registered(ctx, call, p, request)
	}
	return notRegistered(call, p, got.Err)
}

// notRegistered answers for an order that is not registered as the call has it.
func notRegistered(call order.Call, p order.Params, err error) order.Result {
	if withdrawn, is := errors.AsType[*schedule.WithdrawnError](err); is {
		return order.Registered(call, order.OutcomeWithdrawn, withdrawn.Wording())
	}
	if conflict, is := errors.AsType[*schedule.ConflictError](schedule.InWordsOf(p, err)); is {
		return Refusal(&order.FieldError{Field: conflict.Field, Rule: conflict.Wording(), Code: errcode.ParamError})
	}
	return Refusal(err)
}

// unstored answers for a store that cannot be asked. The log has the details.
func (c *Closer) unstored(ctx context.Context, call order.Call, err error) order.Result {
	logger(c.Log).ErrorContext(ctx, "the store of orders could not be asked, so nothing was asked of WeChat Pay", "error", err)
	return order.Unstored(call, bilingual.Wording(err), !schedule.Lasting(err))
}

// registered answers for an order that was registered before. One that has ended is queried. One
// that was given up is reopened, since the caller wants it closed.
func (c *Closer) registered(ctx context.Context, call order.Call, p order.Params, request registering.Request) order.Result {
	record, err := c.show(ctx, call)
	if err == nil && record.Progress == schedule.GaveUp {
		var reopened bool
		reopened, err = withStoreTimeout(ctx, func(ctx context.Context) (bool, error) { return c.Store.Reopen(ctx, call.Ref) })
		if err == nil && !reopened { // another call did, or it has just ended
			record, err = c.show(ctx, call)
		}
	}
	switch {
	case err != nil:
		return c.unstored(ctx, call, err)
	case record.Progress == schedule.Done:
		return c.ended(ctx, call, p, request, record)
	}
	if err := record.Refusal(request.Entry); err != nil { // it was withdrawn or registered otherwise since
		return notRegistered(call, p, err)
	}
	return order.Registered(call, order.OutcomeScheduled, bilingual.Text{})
}

// ended answers for an order that is registered again and has ended: it is queried for the
// gateway's own words, and never closed, since its time may be to come. An order that WeChat Pay
// did not have and has now, unpaid, is registered anew.
func (c *Closer) ended(
	ctx context.Context, call order.Call, p order.Params, request registering.Request, record schedule.Record,
) order.Result {
	r := c.run(call)
	r.First, r.MayClose = QueryFirst, func() bool { return false }
	result := r.Do(ctx)
	switch {
	case !r.Held || !r.TradeState.Unpaid():
		return c.observe(ctx, call, result)
	case !record.MayReturn():
		return Refusal(&order.FieldError{Field: "close_at", Code: errcode.ParamError, Rule: bilingual.Sprintf(
			"is not taken for an order that the register has as ended (%s) and WeChat Pay as unpaid: look at it there; "+
				"to close it now leave out close_at",
			"不用于登记中已结束（%s）而微信支付尚未支付的订单：请到微信支付核对；如需立即关单，请去掉 close_at", record.FinalState.Wording())})
	case request.Mistake != nil:
		return Refusal(request.Mistake)
	}
	again, err := withStoreTimeout(ctx, func(ctx context.Context) (bool, error) {
		return c.Store.RegisterAgain(ctx, request.Entry, request.By)
	})
	switch {
	case err != nil && !schedule.IsAnswer(err):
		return c.unstored(ctx, call, err)
	case !again: // another call has registered it since
		return c.register(ctx, call, p, request)
	}
	answer := scheduled(call, request.Entry, c.now())
	answer.Attempts, answer.Waited = result.Attempts, result.Waited
	return answer
}

// closeRegistered closes an order that may be registered. One that is not is closed as if there
// were no store.
func (c *Closer) closeRegistered(ctx context.Context, call order.Call, p order.Params, show shower) order.Result {
	record, err := show(ctx, call)
	if _, is := errors.AsType[*schedule.NotRegisteredError](err); is {
		return c.closeUnregistered(ctx, call, p)
	}
	if err != nil {
		return c.unstored(ctx, call, err)
	}
	if call, err = c.Merchant.CallFor(withRegistered(p, record.Entry)); err != nil {
		return Refusal(err)
	}
	if record.Progress == schedule.Done {
		return c.closeAgain(ctx, call)
	}
	claim, err := withStoreTimeout(ctx, func(ctx context.Context) (schedule.Claim, error) {
		return c.Store.Begin(ctx, record, directLease)
	})
	if _, is := errors.AsType[*schedule.EndedError](err); is {
		return c.closeAgain(ctx, call)
	}
	if _, is := errors.AsType[*schedule.BusyError](err); is {
		return c.closeBusy(ctx, call, record)
	}
	if err != nil {
		return c.unstored(ctx, call, err)
	}
	if left := c.young(call)(); left > 0 && !claim.InDoubt && !p.AtOnce {
		return c.postpone(ctx, call, claim, left)
	}
	return c.closeClaimed(ctx, call, claim)
}

func (c *Closer) show(ctx context.Context, call order.Call) (schedule.Record, error) {
	return withStoreTimeout(ctx, func(ctx context.Context) (schedule.Record, error) { return c.Store.Show(ctx, call.Ref) })
}

// withRegistered is the caller's call, with the registered facts that the caller leaves out.
func withRegistered(p order.Params, e schedule.Entry) order.Call {
	call := order.Call{
		Ref: e.Ref, SubAppID: cmp.Or(p.SubAppID, e.SubAppID), API: cmp.Or(p.API, e.API), Nonce: p.NonceStr, CreatedAt: p.CreatedAt,
	}
	if call.CreatedAt.IsZero() {
		call.CreatedAt = e.CreatedAt
	}
	return call
}

// closeUnregistered closes an order that is not registered. A young one is registered, to be closed
// when it is old enough, unless its close is to be attempted at once.
func (c *Closer) closeUnregistered(ctx context.Context, call order.Call, p order.Params) order.Result {
	if p.AtOnce || c.young(call)() <= 0 {
		return c.run(call).Do(ctx)
	}
	e, err := schedule.NewEntry(c.Merchant, p)
	if err != nil {
		return Refusal(err)
	}
	e.CloseAt = call.CreatedAt.Add(YoungOrder)
	return c.register(ctx, call, p, registering.Request{Entry: e})
}

// closeAgain closes an order that has ended already. The register knows its signed end, but the
// caller gets the gateway's own words. So it queries first, and closes only if the order is unpaid
// after all, or if two replies cannot be read.
func (c *Closer) closeAgain(ctx context.Context, call order.Call) order.Result {
	r := c.run(call)
	r.First = QueryFirst
	return c.observe(ctx, call, r.Do(ctx))
}

// observe records what was learned without a claim. A process that holds one finds it lost.
func (c *Closer) observe(ctx context.Context, call order.Call, result order.Result) order.Result {
	f, ended := schedule.FinalFromResult(result)
	if !ended || f.State == schedule.FinalNotFound {
		return recorded(result, false)
	}
	ctx, cancel := deadline.Detach(ctx, longestWrite)
	defer cancel()
	return recorded(result, isRecorded(ctx, c.Log, c.Store.Observe(ctx, call.Ref, f)))
}

// closeClaimed closes an order under a claim, and records how that ended.
// If the process dies before the record, the order is due again when the lease has run out, in
// doubt.
func (c *Closer) closeClaimed(ctx context.Context, call order.Call, claim schedule.Claim) order.Result {
	taken := time.Now()
	r := c.run(call)
	r.InDoubt = claim.InDoubt
	result := r.Do(ctx)
	attempt := decision.Attempt{Result: result, InDoubt: r.InDoubt, TradeState: r.TradeState}
	d := decision.Of(claim, attempt, time.Since(taken), 0)
	d.Retry.After = afterDirect(claim, d.Retry.InDoubt || result.Retryable, time.Since(taken))
	return recorded(result, isRecorded(ctx, c.Log, c.record(ctx, claim, d)))
}

// afterDirect returns how long an order waits after a direct close that did not end it. Its due
// time never moves back, or repeated calls could postpone the order for ever. It moves forward if
// this close left a doubt or may be repeated, unless the order was in doubt before: then the
// sweeps' backoff holds.
func afterDirect(claim schedule.Claim, soon bool, age time.Duration) time.Duration {
	if claim.DueAt.IsZero() {
		return decision.FirstPause // it was given up, and was not due at all
	}
	left := max(claim.DueAt.Sub(claim.ClaimedAt)-age, 0)
	if soon && !claim.InDoubt {
		return min(left, decision.FirstPause)
	}
	return left
}

// closeBusy closes an order that another process holds. The gateway arbitrates, and a signed end is
// recorded without the claim; anything else is left to the holder.
func (c *Closer) closeBusy(ctx context.Context, call order.Call, record schedule.Record) order.Result {
	result := c.run(call).Do(ctx)
	if f, ended := schedule.FinalFromResult(result); ended && record.Unpriced(f) {
		return recorded(result, false)
	}
	return c.observe(ctx, call, result)
}

// postpone has a registered order closed as soon as it is old enough.
func (c *Closer) postpone(ctx context.Context, call order.Call, claim schedule.Claim, after time.Duration) order.Result {
	if err := c.record(ctx, claim, decision.TooYoung(after)); err != nil {
		return c.unstored(ctx, call, err)
	}
	return order.Registered(call, order.OutcomeScheduled, bilingual.Text{})
}

func (c *Closer) record(ctx context.Context, claim schedule.Claim, d decision.Decision) error {
	ctx, cancel := deadline.Detach(ctx, longestWrite)
	defer cancel()
	if d.Action == decision.Finish {
		return c.Store.Finish(ctx, claim, d.Final)
	}
	return c.Store.Retry(ctx, claim, d.Retry)
}
