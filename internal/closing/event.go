package closing

import (
	"slices"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// terms are what a call's answers are read by and no answer changes.
type terms struct {
	// confirm: no success of a close, and no refusal as closed or paid, counts by itself.
	confirm bool
	// parts are a combined order's, each of which is to be closed.
	parts []order.SubOrder
	// young returns for how long the order is still less than five minutes old.
	young func() time.Duration
}

// eventOf returns what an answer amounts to in a state.
func eventOf(s state, a order.Answer, t terms) event {
	e := t.eventOf(s, a)
	if _, known := s.on(e); !known {
		return doubted
	}
	return e
}

func (t terms) eventOf(s state, a order.Answer) event {
	switch a.Verdict {
	case verdict.Accepted:
		return t.counts(a, accepted, acceptedUnproved)
	case verdict.SaysClosed:
		return t.counts(a, saysClosed, saysClosedUnproved)
	case verdict.SaysPaid:
		return t.counts(a, saysPaid, saysPaidUnproved)
	case verdict.SaysPaying:
		return saysPaying
	case verdict.SaysMissing:
		return missingOf(a)
	case verdict.Stated:
		return t.stated(s, a.Facts)
	case verdict.Limited:
		return limited
	case verdict.Refused, verdict.Disputed:
		if s.isDenial(a) {
			return denied
		}
		return disputed
	case verdict.Rejected:
		return rejected
	case verdict.Doubted:
		if isUnreadable(a) {
			return unreadable
		}
	}
	return doubted
}

// counts tells an answer that names no order and counts by itself from one that a query has to
// confirm.
func (t terms) counts(a order.Answer, proved, unproved event) event {
	if a.Conclusive() && !t.confirm {
		return proved
	}
	return unproved
}

// missingOf reads "no such order". No query confirms that by naming the order, so that it takes two
// such answers, each on a connection of its own, on a route that mixes up none.
func missingOf(a order.Answer) event {
	switch {
	case a.Repeatable():
		return missing
	case a.Route == order.RouteOwn, a.Route == order.RouteLink:
		return missingUsed
	}
	return missingForeign
}

// isDenial reports whether a no is definite: it counts by itself, a query has brought the same
// refusal just before, or what is asked was disputed with the same code before. The order was seen
// unpaid between two disputed closes, so that its state is not the reason, and a third would be
// disputed again.
func (s state) isDenial(a order.Answer) bool {
	if a.Verdict == verdict.Refused && (a.Conclusive() || s.refusal == a.Code) {
		return true
	}
	return s.isDisputable() && s.dispute == a.Code
}

// isDisputable reports whether a no answers what the call is for. A query in between says nothing
// of the close.
func (s state) isDisputable() bool { return s.step == sendClose || s.step == queryOnly }

// isUnreadable reports whether an answer is a reply whose text could not be read, or was read
// otherwise than it was signed: one field of a query's, such as attach, is enough for either.
func isUnreadable(a order.Answer) bool {
	return a.Verdict == verdict.Doubted && (a.Code == errcode.MalformedReply || a.Code == errcode.BadSignature)
}

// stated reads a query's answer.
func (t terms) stated(s state, f *order.Facts) event {
	switch {
	case f == nil:
		return doubted
	case s.step == queryOnly:
		return stated
	case f.TradeState.Paid():
		return statedPaid
	case f.TradeState.Closed() && t.allClosed(f):
		return statedClosed
	case f.TradeState.Unpaid() && s.step == queryDoubt && s.dispute != "" && t.young() > 0:
		return statedTooYoung
	case f.TradeState.Unpaid():
		return statedUnpaid
	}
	return statedOther
}

// allClosed reports whether a combined order's every order that was to be closed is shown closed.
func (t terms) allClosed(f *order.Facts) bool {
	for _, wanted := range t.parts {
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

// next is the state that a transition leads to.
func (s state) next(t transition, e event, a order.Answer) state {
	n := state{step: t.to, after: e, dispute: s.dispute}
	if t.keep {
		n.after = s.after
	}
	if a.Verdict == verdict.Refused {
		n.refusal = a.Code
	}
	if e == disputed && s.isDisputable() {
		n.dispute = a.Code
	}
	return n
}
