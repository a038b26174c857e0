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

// Owners knows in whose names orders are registered.
type Owners interface {
	// Owners returns the owners of those of the orders that are registered, by one statement that
	// depends on nothing but how many refs there are.
	Owners(ctx context.Context, refs []order.Ref) (map[order.Ref]order.Owner, error)
}

// A Lookup queries orders for customers who name them by a number that only WeChat Pay knows: a
// transaction_id or a combine_out_trade_no. Whether the order is the customer's shows only in
// WeChat Pay's answer.
//
// Nothing tells a customer that an order of another customer exists. Such an order and one that
// does not exist
//   - take the same exchanges and the same store statements. Between the gateway and the run there
//     is a veil, which asks the store after each answer and passes an order that is not the
//     customer's on as "there is no such order". The run knows no difference, so that whatever it
//     does of that answer (it asks again) it does for both;
//   - are waited for and answered at full steps of time from the look-up's start, which cover up
//     how long each exchange and statement took;
//   - have the same results. What is not finished at the last step before the deadline's reserve is
//     unknown.
//
// An order of the customer's own is answered at once, by one exchange, which is the query that was
// asked for.
//
// Each customer may make ten look-ups a minute that do not show an order of theirs; see Allowance.
type Lookup struct {
	// Querier is whose gateway and merchant are used. It records an end that an own order's query
	// shows.
	Querier   *Querier
	Owners    Owners
	Allowance *Allowance
}

// Find looks an order up for a customer. The error is the store's, and says nothing of whether
// there is such an order. Ill-formed words are a Result that says so.
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
	v := &veil{Gateway: l.Querier.Gateway, customer: customer, stop: cancel}
	v.owners = func(refs []order.Ref) (map[order.Ref]order.Owner, error) {
		ctx, cancel := deadline.Share(ctx, 3, longestQuestion)
		defer cancel()
		return l.Owners.Owners(ctx, refs)
	}
	r := &Run{Gateway: v, Call: call, First: QueryOnly, budget: limits}
	result := r.Do(ctx)
	if result.Outcome == order.OutcomeUnknown && (result.ErrCode == errcode.OrderNotExist || r.timeUp && r.state.after == missingForeign) {
		// Time ran out after the first such answer. That there was one must not show: where the
		// gateway is slow, a limit may fall between the answer about an order that exists and the
		// other. On a foreign route its code is another one.
		result = unfinished(call, result.Attempts)
	}
	return schedule.Found{Result: result, Ownership: v.ownership}, v.fault
}

// unfinished is the result of a look-up that there was too little time for.
func unfinished(call order.Call, attempts int) order.Result {
	return order.NewResult(call, order.OutcomeUnknown, order.Answer{Code: errcode.Timeout, Proof: order.ProofNone}, attempts)
}

// tooMany is the result of a look-up that was not made.
func tooMany(call order.Call, wait time.Duration) order.Result {
	return order.NewResult(call, order.OutcomeTooSoon, order.Answer{
		Code: errcode.FrequencyLimited, RetryAfter: wait, Proof: order.ProofNone,
	}, 0)
}

// veil is a Gateway for one look-up. It lives as long as the look-up, and is used by one goroutine.
type veil struct {
	Gateway

	customer order.Owner
	owners   func([]order.Ref) (map[order.Ref]order.Owner, error)
	// stop ends the look-up when the store fails: nothing can be shown then.
	stop context.CancelFunc

	ownership schedule.Ownership
	fault     error
}

// Query asks the gateway, and the store after each answer that says whether there is an order.
func (v *veil) Query(ctx context.Context, c order.Call) order.Answer {
	a := v.Gateway.Query(ctx, c)
	if a.Verdict != verdict.Stated && a.Verdict != verdict.SaysMissing {
		return a
	}
	refs := partsOf(c, a.Facts)
	owners, err := v.owners(padded(refs, c))
	if err != nil {
		v.fault = err
		v.stop()
		return order.Answer{Verdict: verdict.Doubted, Code: errcode.StoreError, Proof: order.ProofNone}
	}
	if a.Verdict == verdict.SaysMissing {
		v.ownership = schedule.NotThere
		return veiled(a)
	}
	if v.ownership = schedule.OwnershipOfAll(refs, owners, v.customer); v.ownership != schedule.Theirs {
		return veiled(a)
	}
	return a
}

// veiled is "there is no such order", whichever answer it is said of. It keeps what decides how
// often that has to be said, and nothing else of the answer.
func veiled(a order.Answer) order.Answer {
	row, _ := errcode.Lookup(errcode.OrderNotExist)
	return order.Answer{
		Verdict: verdict.SaysMissing, Code: row.Name, Message: row.Text(), Proof: a.Proof, Route: a.Route, Fresh: a.Fresh,
	}
}

// partsOf are the orders that an answer is about: one, or those of a combined order. None where one
// of them has a name that no order can be registered under, or there are too many.
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
		if ref.Validate() != nil || len(refs) > mostParts {
			return nil
		}
	}
	return refs
}

// mostParts is how many orders a combined order has at most (order.Params has the same bound).
const mostParts = 50

// padded is the list of orders to ask the store about: as many for each answer to a call, so that
// the statement is the same one. The rest is the caller's own number, which stands for no order.
func padded(refs []order.Ref, c order.Call) []order.Ref {
	most := 1
	if c.CombineOutTradeNo != "" {
		most = mostParts
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
