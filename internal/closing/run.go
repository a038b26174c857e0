package closing

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
)

// afterLimit is how long WeChat Pay's pages ask callers to wait after
// FREQUENCY_LIMITED, when the reply itself does not say.
const afterLimit = time.Minute

// run is one call on its way through the table of moves.
type run struct {
	gateway Gateway
	call    order.Call
	state   state
	confirm bool
	// freshClose has each close sent on a connection of its own, so that its answer counts by
	// itself where the route lets it.
	freshClose bool
	young      func() time.Duration // for how long the order still is
	// pace, when it is not nil, says when each exchange may be made.
	pace     *pace
	patience time.Duration // see budget
	budget   *budget       // nil: the time until the context's deadline

	attempts int
	waited   time.Duration // for the gateway, in all attempts
	last     order.Answer  // the newest
	said     order.Answer  // the newest signed ORDERPAID, ORDERCLOSED or acceptance of a close
	dispute  order.Answer  // the newest dispute that nothing has settled
	doubt    order.Answer  // the newest that ended nothing
	askAgain bool          // the newest may count on another connection
	missing  int           // how many of the newest said in a row that there is no such order
	absent   int           // and how many of those may prove it
	denial   string        // the newest's code, when it was a definite no
	rejected bool          // the newest was rejected
	// inDoubt: a close was sent, and how it ended nobody has said and proved.
	inDoubt bool
	// seen is the newest trade state that was proved.
	seen tradestate.State
	// held: it was ended because no further exchange may be made for now.
	held bool
	// sent: a close was.
	sent bool
	// contradicted: since said, a signed statement about the order fits it ill.
	contradicted bool
}

func newRun(g Gateway, c order.Call, first state) *run {
	return &run{
		gateway: g,
		call:    c,
		state:   first,
		young:   func() time.Duration { return 0 },
		doubt:   order.Answer{Verdict: verdict.Doubted, Code: errcode.Timeout, Proof: order.ProofNone},
	}
}

// finish follows the moves to an end and words it.
func (r *run) finish(ctx context.Context) order.Result {
	budget := r.budget
	if budget == nil {
		budget = newBudget(ctx, r.patience)
	}
	for r.goesOn() {
		if !r.pace.turn(ctx, budget.until) {
			r.held = true
			r.expire()
			continue
		}
		shortest := shortestAttempt
		if r.state == closing {
			shortest = shortestClose
		}
		limit := budget.attempt(shortest)
		if limit == 0 || ctx.Err() != nil {
			r.expire()
			continue
		}
		answer := r.exchange(ctx, limit)
		r.pace.heard(ctx, answer)
		next := moves[r.state][r.event(answer)]
		r.state = next.to
		pauses := next.wait || r.last.RetryAfter > 0
		if r.goesOn() && pauses && !budget.wait(ctx, r.pause()) {
			r.expire()
		}
	}
	return r.result()
}

// goesOn reports whether there is something left to ask.
func (r *run) goesOn() bool {
	_, there := moves[r.state]
	return there
}

// pause is how long the gateway wishes to be left alone; a second when it said
// "too often" without a number, since a fraction of one would be too often again.
func (r *run) pause() time.Duration {
	if r.last.Verdict == verdict.Limited {
		return max(r.last.RetryAfter, time.Second)
	}
	return r.last.RetryAfter
}

// exchange asks the gateway what the state calls for.
func (r *run) exchange(ctx context.Context, limit time.Duration) order.Answer {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ask := r.gateway.Query
	r.call.Fresh = r.askAgain
	if r.state == closing {
		ask, r.sent = r.gateway.Close, true
		r.call.Fresh = r.askAgain || r.freshClose
	}
	sent := time.Now()
	answer := ask(ctx, r.call)
	// What names no order and does not count is asked again where it does.
	r.askAgain = answer.Verdict == verdict.SaysMissing || answer.Verdict == verdict.Refused || isUnreadable(answer)
	r.waited += time.Since(sent)
	r.attempts++
	r.call.Nonce = "" // the caller's nonce is for one attempt; a retry is a new request
	return answer
}

// expire ends a run that goes on, where it stands.
func (r *run) expire() {
	e := outOfTime
	if _, allowed := moves[r.state][outOfTimeLimited]; allowed && r.last.Verdict == verdict.Limited {
		e = outOfTimeLimited
	}
	r.state = moves[r.state][r.proven(e)].to
}

// event says what an answer amounts to here, and remembers what later answers
// are to be seen in the light of.
func (r *run) event(a order.Answer) event {
	e := r.proven(r.classify(a))
	if _, allowed := moves[r.state][e]; !allowed {
		e = doubted
	}
	r.last = a
	r.rejected = e == rejected
	r.denial = ""
	if a.Verdict == verdict.Refused {
		r.denial = a.Code
	}
	r.remember(e, a)
	r.weigh(e, a)
	return e
}

// weigh keeps what a store is told of an order that has not ended, and what repetitions are counted
// by.
func (r *run) weigh(e event, a order.Answer) {
	if a.Verdict != verdict.SaysMissing {
		r.missing, r.absent = 0, 0
	} else {
		r.missing++
		if a.Repeatable() {
			r.absent++
		}
	}
	if a.Verdict == verdict.Stated && a.Facts != nil {
		r.seen = a.Facts.TradeState
	}
	switch {
	case a.Code == errcode.ConfigError:
		// Nothing was sent.
	case r.state == closing && (e == doubted || e == rejected), e == unconfirmed:
		r.inDoubt = true
	case a.Verdict == verdict.Stated && r.seen.Unpaid() && r.state != confirming:
		r.inDoubt = false // it was lost on its way, or it is yet to come: the next close or query tells
	}
}

func (r *run) remember(e event, a order.Answer) {
	switch e {
	case accepted, saysClosed, unconfirmed, saysPaid:
		r.said, r.contradicted = a, false
	case disputed:
		if r.state == closing || r.state == asking { // a query's dispute says nothing of the close
			r.dispute = a
		}
		r.doubt = a
	case statedUnpaid:
		if r.state == confirming {
			r.doubt = reworded(a, errcode.Unconfirmed)
		}
	case statedOther:
		r.contradicted = true
		r.doubt = unsettled(a)
	case saysMissing, missingUnproved:
		r.contradicted = true
		r.doubt = unproven(a)
	case doubted:
		if a.Code == errcode.Timeout && r.doubt.HTTPStatus != 0 {
			return // an attempt cut short tells less than the reply before it
		}
		r.doubt = a
	case stated, statedPaid, statedClosed, statedClosedBefore, statedTooYoung:
		// An end; there is nothing to be remembered for.
	default:
		r.doubt = a
	}
}

// classify names the event, without regard to which events the state knows.
func (r *run) classify(a order.Answer) event {
	switch a.Verdict {
	case verdict.Accepted:
		return r.confirmed(accepted, a)
	case verdict.SaysClosed:
		return r.confirmed(saysClosed, a)
	case verdict.SaysPaid:
		return saysPaid
	case verdict.SaysPaying:
		return saysPaying
	case verdict.SaysMissing:
		return r.classifyMissing(a)
	case verdict.Stated:
		return r.classifyState(a.Facts)
	case verdict.Limited:
		return limited
	case verdict.Refused:
		return r.classifyDenial(a)
	case verdict.Disputed:
		return again(r.disputedBefore(a), disputed, disputedAgain, r.state)
	case verdict.Rejected:
		return again(r.rejected, rejected, rejectedAgain, r.state)
	case verdict.Doubted:
		return again(isUnreadable(a) && isUnreadable(r.last), doubted, unreadable, r.state)
	}
	return doubted
}

// isUnreadable reports whether an answer is a reply whose text could not be read, or was read
// otherwise than it was signed: one field of a query's, such as attach, is enough for either.
func isUnreadable(a order.Answer) bool {
	return a.Verdict == verdict.Doubted && (a.Code == errcode.MalformedReply || a.Code == errcode.BadSignature)
}

func (r *run) classifyState(f *order.Facts) event {
	switch {
	case f == nil:
		return doubted
	case r.state == asking:
		return stated
	case f.TradeState.Paid():
		return statedPaid
	case f.TradeState.Closed():
		return r.classifyClosed(f)
	case f.TradeState.Unpaid() && r.state == querying && r.dispute.Code != "" && r.young() > 0:
		return statedTooYoung
	case f.TradeState.Unpaid():
		return statedUnpaid
	}
	return statedOther
}

func (r *run) classifyClosed(f *order.Facts) event {
	switch {
	case !r.allClosed(f):
		return statedOther
	case r.state == looking, r.state == confirming && r.said.Verdict == verdict.SaysClosed:
		return statedClosedBefore
	}
	return statedClosed
}

// allClosed reports whether a combined order's every order that was to be closed is shown closed.
func (r *run) allClosed(f *order.Facts) bool {
	for _, wanted := range r.call.SubOrders {
		shown := func(s order.SubFacts) bool {
			return s.OutTradeNo == wanted.OutTradeNo && s.MchID == wanted.MchID && s.SubMchID == wanted.SubMchID &&
				s.TradeState.Closed()
		}
		if !slices.ContainsFunc(f.SubOrders, shown) {
			return false
		}
	}
	return true
}

// conclusive reports whether an answer that names no order counts by itself.
func (r *run) conclusive(a order.Answer) bool { return a.Conclusive() && !r.confirm }

// confirmed is a close's success, or the refusal of one as closed already.
func (r *run) confirmed(e event, a order.Answer) event {
	if r.conclusive(a) {
		return e
	}
	return unconfirmed
}

// classifyMissing counts how often it was said in a row that there is no such order. No query
// confirms that by naming the order, so that it takes two such answers, each on a connection of its
// own, on a route that mixes up none.
func (r *run) classifyMissing(a order.Answer) event {
	first := r.missing == 0
	if !first && foreign(a) {
		return again(true, saysMissing, missingUnproved, r.state)
	}
	if !a.Repeatable() {
		return saysMissing
	}
	return again(r.absent > 0, saysMissing, saysMissingAgain, r.state)
}

// foreign reports whether an answer's route may mix up replies whatever its connection carried.
func foreign(a order.Answer) bool { return a.Route != order.RouteOwn && a.Route != order.RouteLink }

// classifyDenial takes a definite no for one when it counts by itself, or is repeated. Until then
// it is a dispute.
func (r *run) classifyDenial(a order.Answer) event {
	if a.Conclusive() || r.denial == a.Code && r.state != closing {
		return denied
	}
	return again(r.disputedBefore(a), disputed, disputedAgain, r.state)
}

// disputedBefore reports whether the same no was heard before: the order was seen
// unpaid since (no other move leads back to closing), so its state is not the
// reason, and a third time would bring the same.
func (r *run) disputedBefore(a order.Answer) bool { return r.dispute.Code == a.Code }

// proven tells the ends of proving apart: a signed ORDERPAID names no order, so
// that it counts for itself only when it is conclusive and nothing signed about
// the order contradicts it.
func (r *run) proven(e event) event {
	if r.state != proving || r.conclusive(r.said) && !r.contradicted {
		return e
	}
	switch e {
	case outOfTime:
		return outOfTimeUnproved
	case denied, rejectedAgain:
		return unproved
	default:
		return e
	}
}

// again picks the event for a repetition, where the state tells it apart.
func again(before bool, first, repeated event, in state) event {
	if _, told := moves[in][repeated]; told && before {
		return repeated
	}
	return first
}

// result words the end.
func (r *run) result() order.Result {
	outcome := order.Outcome(r.state)
	result := order.NewResult(r.call, outcome, r.decisive(outcome), r.attempts)
	result.Waited = r.waited
	return result
}

// decisive is the answer that the outcome rests upon.
func (r *run) decisive(outcome order.Outcome) order.Answer {
	a := r.last
	switch outcome {
	case order.OutcomeUnknown:
		a = r.doubt
		a.Proof, a.Facts, a.Nonce, a.Sign = order.ProofNone, nil, "", ""
		a.RetryAfter = min(a.RetryAfter, YoungOrder) // anyone may have written it
		if a.Code == errcode.FrequencyLimited {
			a.RetryAfter = cmp.Or(a.RetryAfter, afterLimit)
		}
	case order.OutcomeTooSoon:
		if a.Verdict == verdict.Stated {
			a = r.dispute
			a.RetryAfter = r.young()
		}
		a.RetryAfter = cmp.Or(a.RetryAfter, afterLimit)
	case order.OutcomePaid:
		if a.Facts == nil || !a.Facts.TradeState.Paid() {
			return r.said
		}
		if r.said.Verdict == verdict.SaysPaid {
			// The facts are the query's; the refusal's own words stand beside them.
			a.Code, a.GatewayCode, a.Message, a.ResultMsg = r.said.Code, r.said.GatewayCode, r.said.Message, r.said.ResultMsg
		}
	default:
	}
	return a
}

// unsettled words a state that is neither paid, closed nor open as the doubt that
// it leaves.
func unsettled(a order.Answer) order.Answer {
	code := errcode.UnsettledState
	if a.Facts.TradeState == tradestate.UserPaying {
		code = errcode.UserPaying
	}
	return reworded(a, code)
}

// unproven words a "no such order" as the doubt that it leaves, where it may have been said of
// another one.
func unproven(a order.Answer) order.Answer {
	if !foreign(a) {
		return a
	}
	a.Message = "ORDERNOTEXIST names no order, and something on the way to WeChat Pay may mix up replies: " +
		"if nothing there ends TLS, set WXPAY_ROUTE=own / ORDERNOTEXIST 应答不含订单号，途中设备可能混淆应答；" +
		"若途中没有设备解密 TLS，请设置 WXPAY_ROUTE=own"
	a.Code, a.GatewayCode = errcode.Unconfirmed, ""
	return a
}

// reworded is a statement of the order's state as the doubt that it leaves.
func reworded(a order.Answer, code string) order.Answer {
	row, _ := errcode.Lookup(code)
	a.Code, a.Message = row.Name, row.Text()+" (trade_state "+string(a.Facts.TradeState)+")"
	return a
}
