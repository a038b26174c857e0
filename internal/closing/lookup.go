package closing

import (
	"context"
	"time"

	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/schedule"
)

// Owners is the register's owners of orders.
type Owners interface {
	// Owners returns the owners of those orders that are registered, by one statement whose text
	// depends only on the number of refs.
	Owners(ctx context.Context, refs []order.Ref) (map[order.Ref]order.Owner, error)
}

// A Lookup queries orders that customers name by a number that only WeChat Pay knows: a
// transaction_id or a combine_out_trade_no. Only WeChat Pay's answer shows whether the order is the
// customer's.
//
// A customer cannot find out that another customer's order exists. Such an order and one that does
// not exist
//   - take the same exchanges and the same store statements. Between the gateway and the Run there
//     is a filter, which asks the store after each answer and replaces an order that is not the
//     customer's by "there is no such order". The Run sees no difference, so that whatever it does
//     after that answer (it asks again) it does for both;
//   - are waited for and answered at full steps of time from the look-up's start, which hide how
//     long each exchange and statement took;
//   - have the same results. What is not finished at the last step before the deadline's reserve is
//     unknown.
//
// A customer's own order is answered at once, by one exchange.
//
// Each customer may make ten look-ups a minute that do not show an order of theirs; see Allowance.
type Lookup struct {
	// Querier has the gateway and the merchant. It records an end that the query of a customer's
	// own order proves.
	Querier   *Querier
	Owners    Owners
	Allowance *Allowance
}

// Find looks up an order for a customer. The error is the store's, and does not depend on whether
// there is such an order. Ill-formed parameters are refused in the Result.
func (l *Lookup) Find(ctx context.Context, customer order.Owner, p order.Params) (schedule.Found, error) {
	call, err := l.Querier.Merchant.QueryCall(p)
	if err != nil {
		return schedule.Found{Result: Refusal(err)}, nil
	}
	limits := newBudget(ctx, 0)
	limits.steps = &steps{start: time.Now(), size: lookupStep}
	limits.until = limits.steps.last(limits.until)
	if limits.until.Equal(limits.steps.start) {
		return schedule.Found{Result: unfinished(call, 0)}, nil
	}
	refund, wait := l.Allowance.take(customer, limits.steps.start)
	if wait > 0 {
		return schedule.Found{Result: tooMany(call, wait), Exhausted: true}, nil
	}
	found, err := l.find(ctx, limits, customer, call)
	if found.Ownership == schedule.Theirs && err == nil {
		refund()
		found.Result = l.Querier.observe(ctx, call, found.Result)
		return found, nil
	}
	end := limits.steps.next(time.Now())
	if !end.After(limits.until) {
		deadline.Sleep(ctx, time.Until(end))
	}
	return found, err
}

func (l *Lookup) find(ctx context.Context, limits *budget, customer order.Owner, call order.Call) (schedule.Found, error) {
	ctx, cancel := context.WithDeadline(ctx, limits.until)
	defer cancel()
	v := &ownerFilter{Gateway: l.Querier.Gateway, customer: customer, stop: cancel}
	v.owners = func(refs []order.Ref) (map[order.Ref]order.Owner, error) {
		return withStoreTimeout(ctx, func(ctx context.Context) (map[order.Ref]order.Owner, error) { return l.Owners.Owners(ctx, refs) })
	}
	r := &Run{Gateway: v, Call: call, First: QueryOnly, budget: limits}
	result := r.Do(ctx)
	if result.Outcome == order.OutcomeUnknown && (result.ErrCode == errcode.OrderNotExist || r.timeUp && r.state.after == missingForeign) {
		// Time ran out after the first "no such order". The result must not show it: with a slow
		// gateway the deadline may fall between the answers about an order that exists and one that
		// does not. On a foreign route the answer has another code.
		result = unfinished(call, result.Attempts)
	}
	return schedule.Found{Result: result, Ownership: v.ownership}, v.fault
}

// unfinished is the result of a look-up that ran out of time.
func unfinished(call order.Call, attempts int) order.Result {
	return order.NewResult(call, order.OutcomeUnknown, order.Answer{Code: errcode.Timeout, Proof: order.ProofNone}, attempts)
}

// tooMany is the result of a look-up that was not made.
func tooMany(call order.Call, wait time.Duration) order.Result {
	return order.NewResult(call, order.OutcomeTooSoon, order.Answer{
		Code: errcode.FrequencyLimited, RetryAfter: wait, Proof: order.ProofNone,
	}, 0)
}

// ownerFilter is the Gateway of one look-up, for one goroutine.
type ownerFilter struct {
	Gateway

	customer order.Owner
	owners   func([]order.Ref) (map[order.Ref]order.Owner, error)
	// stop ends the look-up when the store fails, since no order can be shown then.
	stop context.CancelFunc

	ownership schedule.Ownership
	fault     error
}

// Query asks the gateway, and the store after each answer that says whether there is an order.
func (f *ownerFilter) Query(ctx context.Context, c order.Call) order.Answer {
	a := f.Gateway.Query(ctx, c)
	if a.Verdict != verdict.Stated && a.Verdict != verdict.SaysMissing {
		return a
	}
	refs := partsOf(c, a.Facts)
	owners, err := f.owners(padded(refs, c))
	if err != nil {
		f.fault = err
		f.stop()
		return order.Answer{Verdict: verdict.Doubted, Code: errcode.StoreError, Proof: order.ProofNone}
	}
	if a.Verdict == verdict.SaysMissing {
		f.ownership = schedule.NotThere
		return asMissing(a)
	}
	if f.ownership = schedule.OwnershipOfAll(refs, owners, f.customer); f.ownership != schedule.Theirs {
		return asMissing(a)
	}
	return a
}

// asMissing is "there is no such order" in place of an answer. It keeps what decides how often that
// has to be answered, and nothing else.
func asMissing(a order.Answer) order.Answer {
	row, _ := errcode.Lookup(errcode.OrderNotExist)
	return order.Answer{
		Verdict: verdict.SaysMissing, Code: row.Name, Message: row.Text(), Proof: a.Proof, Route: a.Route, Fresh: a.Fresh,
	}
}

// partsOf is the orders that an answer is about: one, or those of a combined order. It is none if
// one of them has a number that cannot be registered, or if there are too many.
func partsOf(c order.Call, f *order.Facts) []order.Ref {
	if f == nil {
		return nil
	}
	var refs []order.Ref
	if c.CombineOutTradeNo != "" {
		for _, sub := range f.SubOrders {
			refs = append(refs, order.Ref{Region: c.Region, MchID: sub.MchID, SubMchID: sub.SubMchID, OutTradeNo: sub.OutTradeNo})
		}
	} else {
		c.OutTradeNo = f.OutTradeNo
		refs = append(refs, c.Ref)
	}
	for _, ref := range refs {
		if ref.Validate() != nil || len(refs) > maxParts {
			return nil
		}
	}
	return refs
}

// maxParts is how many orders a combined order has at most (order.Params has the same bound).
const maxParts = 50

// padded is the list of orders to ask the store about, of the same length for each answer to a
// call, so that the statement is the same. The rest is the caller's own number, which is no
// order's.
func padded(refs []order.Ref, c order.Call) []order.Ref {
	most := 1
	if c.CombineOutTradeNo != "" {
		most = maxParts
	}
	filler := c
	filler.OutTradeNo = c.CombineOutTradeNo + c.TransactionID + c.OutTradeNo // one of which is given
	all := make([]order.Ref, 0, most)
	all = append(all, refs...)
	for len(all) < most {
		all = append(all, filler.Ref)
	}
	return all
}
