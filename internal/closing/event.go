package closing

import (
	"slices"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
)

// terms are the settings of a call by which its answers are interpreted. They do not change.
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

// counts returns proved if an answer that names no order is proof by itself, and unproved if a
// query has to confirm it.
func (t terms) counts(a order.Answer, proved, unproved event) event {
	if a.Conclusive() && !t.confirm {
		return proved
	}
	return unproved
}

// missingOf reads "no such order". No reply can name an order that does not exist, so one answer is
// never believed. It takes two in a row, each of them Repeatable: on a connection of its own and a
// route that mixes up no replies. The rows of transitions with after: missing require the second.
func missingOf(a order.Answer) event {
	switch {
	case a.Repeatable():
		return missing
	case a.Route == order.RouteOwn, a.Route == order.RouteLink:
		return missingUsed
	}
	return missingForeign
}

// isDenial reports whether a refusal is final. It is if it proves itself, if the answer before it
// was a refusal with the same code, or if the same operation was disputed with this code before.
// Between two disputed closes a query has shown the order unpaid: its state is not the reason, and
// a third close would be disputed again.
func (s state) isDenial(a order.Answer) bool {
	if a.Verdict == verdict.Refused && (a.Conclusive() || s.refusal == a.Code) {
		return true
	}
	return s.isDisputable() && s.dispute == a.Code
}

// isDisputable reports whether a refusal answers the call's own operation: the close, or a query on
// its own. A query between two closes does not.
func (s state) isDisputable() bool { return s.step == sendClose || s.step == queryOnly }

// isUnreadable reports whether the reply is malformed or its signature is wrong. One odd field of a
// query's reply, such as attach, can cause either, in every reply. So a Run with
// QueryFirst sends the close after two unreadable queries: its reply has no such field.
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
