package closing

import (
	"cmp"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
)

// afterLimit is how long WeChat Pay's pages ask callers to wait after FREQUENCY_LIMITED, when the
// reply does not say.
const afterLimit = time.Minute

// evidence is the answers that a result may rest upon. It chooses no event.
type evidence struct {
	last    order.Answer // the newest
	said    order.Answer // the newest signed ORDERPAID, ORDERCLOSED or acceptance of a close
	dispute order.Answer // the newest dispute of the close, or of a query on its own
	doubt   order.Answer // the newest that ended nothing
	// reverseOnly reports that an answer showed an open payment-code order.
	reverseOnly bool
}

// add keeps an answer that was heard in a state.
func (v *evidence) add(s state, e event, a order.Answer) {
	v.last = a
	v.reverseOnly = v.reverseOnly || isReverseOnly(a)
	if e == disputed && s.isDisputable() {
		v.dispute = a
	}
	switch e {
	case accepted, acceptedUnproved, saysClosed, saysClosedUnproved, saysPaid, saysPaidUnproved:
		v.said = a
	case statedUnpaid:
		if s.confirmsClose() {
			v.doubt = reworded(a, errcode.Unconfirmed)
		}
	case statedOther:
		v.doubt = unsettled(a)
	case missing, missingUsed, missingForeign:
		v.doubt = unproven(a)
	default: // final answers land here too, and decisive ignores their doubt
		if a.Code != errcode.Timeout || v.doubt.HTTPStatus == 0 {
			v.doubt = a // an attempt cut short tells less than the reply before it
		}
	}
}

// decisive is the answer that the outcome rests upon.
func (v *evidence) decisive(outcome order.Outcome, t terms) order.Answer {
	switch outcome {
	case order.OutcomeUnknown:
		return v.whyUnknown()
	case order.OutcomeTooSoon:
		a := v.last
		if a.Verdict == verdict.Stated {
			a = v.dispute
			a.RetryAfter = t.young()
		}
		a.RetryAfter = cmp.Or(a.RetryAfter, afterLimit)
		return a
	case order.OutcomePaid:
		return v.payment()
	case order.OutcomeRefused:
		return v.refusal()
	default:
		return v.last
	}
}

// refusal is the newest answer. The dispute of a payment-code order says what is left to do, which
// WeChat Pay's own text does in Chinese alone, and not in every dialect.
func (v *evidence) refusal() order.Answer {
	a := v.last
	if v.reverseOnly && a.Verdict == verdict.Disputed {
		a.Message = reverseOnlyText
	}
	return a
}

// whyUnknown is the newest doubt, without what only proof may carry.
func (v *evidence) whyUnknown() order.Answer {
	a := v.doubt
	a.Proof, a.Facts, a.Nonce, a.Sign = order.ProofNone, nil, "", ""
	a.RetryAfter = min(a.RetryAfter, YoungOrder) // anything on the way may have written it
	if a.Code == errcode.FrequencyLimited {
		a.RetryAfter = cmp.Or(a.RetryAfter, afterLimit)
	}
	return a
}

// payment returns the query's answer that states the payment, with the code and the text of the
// ORDERPAID before it. Without such a query it returns the ORDERPAID.
func (v *evidence) payment() order.Answer {
	a := v.last
	if a.Facts == nil || !a.Facts.TradeState.Paid() {
		return v.said
	}
	if v.said.Verdict == verdict.SaysPaid {
		a.Code, a.GatewayCode, a.Message, a.ResultMsg = v.said.Code, v.said.GatewayCode, v.said.Message, v.said.ResultMsg
	}
	return a
}

// unsettled words a state that is neither paid, closed nor open as the doubt that it leaves.
func unsettled(a order.Answer) order.Answer {
	code := "UNSETTLED_STATE"
	if a.Facts.TradeState == tradestate.UserPaying {
		code = "USERPAYING"
	}
	return reworded(a, code)
}

// unproven words a "no such order" as the doubt that it leaves, where it may have been said of
// another one.
func unproven(a order.Answer) order.Answer {
	if missingOf(a) != missingForeign {
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
