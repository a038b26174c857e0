package closing

import (
	"context"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
)

// Start is what a Run asks first.
type Start string

const (
	// CloseFirst sends a close at once. The gateway arbitrates the race with a payment.
	CloseFirst = Start(sendClose)
	// QueryFirst asks for the state and sends a close only to an unpaid order.
	QueryFirst = Start(queryFirst)
	// QueryOnly asks for the state and never sends a close.
	QueryOnly = Start(queryOnly)
)

// Pacer says when exchanges may be made.
type Pacer interface {
	// Wait waits until the next exchange may be made. It returns false, at once, if that is not
	// before until, or if ctx ends.
	Wait(ctx context.Context, until time.Time) bool
	// Heard learns from each answer whether the gateway is asked too often.
	Heard(ctx context.Context, a order.Answer)
}

// A Run is one order's way through the transitions. Gateway, Call and First are required. A Run is
// for one Do.
type Run struct {
	Gateway Gateway
	Call    order.Call
	First   Start
	// Confirm is as Closer's.
	Confirm bool
	// FreshClose has each close sent on a connection of its own, so that its answer counts by
	// itself where the route lets it.
	FreshClose bool
	// Young returns for how long WeChat Pay may still refuse to close the order because of its age;
	// nil when the age is not known.
	Young func() time.Duration
	// Pacer says when each exchange may be made; at once when it is nil.
	Pacer Pacer
	// MayClose is called before each close. A close is not sent if it returns false, and Do ends
	// there; nil allows every close.
	MayClose func() bool
	// MaxWait bounds the pauses between exchanges together, since a sweep has other orders to
	// close; 0 for the time that there is.
	MaxWait time.Duration

	// InDoubt reports that a close was sent whose result is not proved. It is set before Do if an
	// earlier attempt sent one. It and the fields below are valid after Do, also after a panic of
	// the Gateway's.
	InDoubt bool
	// CloseSent reports that this Run sent a close.
	CloseSent bool
	// Held reports that MayClose returned false.
	Held bool
	// NoQuota reports that Pacer.Wait returned false: no quota in time, or ctx has ended.
	NoQuota bool
	// TradeState is the newest that was proved; empty when none was.
	TradeState tradestate.State
	// Exchanges is how many were made, and Waited how long their answers took together.
	Exchanges int
	Waited    time.Duration

	state    state
	evidence evidence
	budget   *budget // made by Do when nil
	timeUp   bool    // the time, the quota or MayClose ended it, and no answer
}

// Do asks the gateway, step by step, until it is proved what became of the order, or until the
// time is up. Each exchange is bounded so that a query still fits behind it, and Do returns before
// ctx's deadline. The result's outcome is
//   - closed, alreadyClosed or paid, if that is proved;
//   - notFound, if the gateway proved twice that there is no such order;
//   - found, with the order's state, if First is QueryOnly;
//   - refused, if a final refusal was proved;
//   - tooSoon, if the order is too young, or the gateway was asked too often to the end;
//   - unknown otherwise, also if MayClose returned false. The order may be open, closed or paid,
//     and Do may be repeated.
func (r *Run) Do(ctx context.Context) order.Result {
	terms := r.begin(ctx)
	for !r.state.ended() {
		if r.Held = r.state.step == sendClose && !r.MayClose(); r.Held {
			r.expire()
			break
		}
		limit := r.mayAsk(ctx)
		if limit == 0 {
			r.expire()
			break
		}
		answer := r.exchange(ctx, limit)
		r.Pacer.Heard(ctx, answer)
		event := eventOf(r.state, answer, terms)
		next, _ := r.state.on(event)
		r.weigh(event, answer)
		r.state = r.state.next(next, event, answer)
		waits := next.wait || answer.RetryAfter > 0
		if !r.state.ended() && waits && !r.budget.wait(ctx, wishOf(answer)) {
			r.expire()
		}
	}
	outcome := order.Outcome(r.state.step)
	result := order.NewResult(r.Call, outcome, r.evidence.decisive(outcome, terms), r.Exchanges)
	result.Waited = r.Waited
	return result
}

// begin fills in what was not set.
func (r *Run) begin(ctx context.Context) terms {
	r.state = state{step: step(r.First)}
	r.evidence.doubt = order.Answer{Verdict: verdict.Doubted, Code: errcode.Timeout}
	if r.Pacer == nil {
		r.Pacer = unpaced{}
	}
	if r.Young == nil {
		r.Young = func() time.Duration { return 0 }
	}
	if r.MayClose == nil {
		r.MayClose = func() bool { return true }
	}
	if r.budget == nil {
		r.budget = newBudget(ctx, r.MaxWait)
	}
	return terms{confirm: r.Confirm, parts: r.Call.SubOrders, young: r.Young}
}

// unpaced is a Pacer that lets every exchange be made at once.
type unpaced struct{}

func (unpaced) Wait(context.Context, time.Time) bool { return true }
func (unpaced) Heard(context.Context, order.Answer)  {}

// mayAsk waits until an exchange may be made, and returns how long it may take: 0 when there is no
// quota or no time for another.
func (r *Run) mayAsk(ctx context.Context) time.Duration {
	if !r.Pacer.Wait(ctx, r.budget.until) {
		r.NoQuota = true
		return 0
	}
	shortest := shortestAttempt
	if r.state.step == sendClose {
		shortest = shortestClose
	}
	if ctx.Err() != nil {
		return 0
	}
	return r.budget.attempt(shortest)
}

// exchange asks the gateway what the state calls for.
func (r *Run) exchange(ctx context.Context, limit time.Duration) order.Answer {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ask := r.Gateway.Query
	r.Call.Fresh = wantsFresh(r.evidence.last)
	if r.state.step == sendClose {
		ask, r.CloseSent = r.Gateway.Close, true
		r.Call.Fresh = r.Call.Fresh || r.FreshClose
	}
	sent := time.Now()
	answer := ask(ctx, r.Call)
	r.Waited += time.Since(sent)
	r.Exchanges++
	r.Call.Nonce = "" // the caller's nonce is for one attempt; a retry is a new request
	return answer
}

// wantsFresh reports whether to ask on a connection of its own after an answer: one that names no
// order, or could not be read, may count there.
func wantsFresh(after order.Answer) bool {
	return after.Verdict == verdict.SaysMissing || after.Verdict == verdict.Refused || isUnreadable(after)
}

// wishOf is how long the gateway wishes to be left alone; a second when it said "too often"
// without a number, since a fraction of one would be too often again.
func wishOf(a order.Answer) time.Duration {
	if a.Verdict == verdict.Limited {
		return max(a.RetryAfter, time.Second)
	}
	return a.RetryAfter
}

// expire ends a Run where it stands, for lack of time or quota, or of leave to close.
func (r *Run) expire() {
	t, _ := r.state.on(outOfTime)
	r.state.step, r.timeUp = t.to, true
}

// weigh keeps what the result and the register need of an answer.
func (r *Run) weigh(e event, a order.Answer) {
	r.evidence.add(r.state, e, a)
	if a.Facts != nil {
		r.TradeState = a.Facts.TradeState
	}
	switch {
	case a.Code == errcode.ConfigError:
		// Nothing was sent.
	case r.state.step == sendClose && (e == doubted || e == rejected), e == acceptedUnproved, e == saysClosedUnproved:
		r.InDoubt = true
	case a.Facts != nil && r.TradeState.Unpaid() && !r.state.confirmsClose():
		r.InDoubt = false // the close was lost, or is yet to arrive: the next close or query tells
	}
}
