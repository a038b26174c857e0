// Package tradestate has WeChat Pay's states of an order.
package tradestate

// State is the gateway's state of an order (trade_state in APIv2 and APIv3). The set is open: an
// unknown state is kept as it is, and is neither paid, closed nor unpaid.
type State string

const (
	// Success: the customer paid. Final for closing; a refund may follow.
	Success State = "SUCCESS"
	// Refund: money was given back, in part or whole, so the order was paid.
	Refund State = "REFUND"
	// NotPay: not paid, and still payable, also after a failed attempt to pay. It stays until the
	// order is paid, closed by us, or closed by WeChat Pay seven days after its creation.
	NotPay State = "NOTPAY"
	// Closed: the order can never be paid. Final.
	Closed State = "CLOSED"
	// Revoked: a payment-code order was reversed (撤销). Final, not paid.
	Revoked State = "REVOKED"
	// UserPaying: the customer is typing a password (payment-code orders). Another state follows
	// within about a minute.
	UserPaying State = "USERPAYING"
	// PayError: a payment failed, for instance at the bank. Not final: the order can and should be
	// closed.
	PayError State = "PAYERROR"
	// Accept: a deduction was accepted, and is still to be carried out (APIv2).
	Accept State = "ACCEPT"
)

// Mixed is our own state, of a combined order whose sub-orders disagree. WeChat Pay pays or closes
// all of them or none, so the reply was taken in the middle of that. Mixed is neither paid, closed
// nor unpaid.
const Mixed State = "MIXED"

// Combined is the state of a combined order by those of its sub-orders: theirs when they agree,
// Success when all are paid, Closed when all are closed, NotPay when all are unpaid, else Mixed.
func Combined(states []State) State {
	if len(states) == 0 {
		return Mixed
	}
	first := states[0]
	same, paid, closed, unpaid := true, true, true, true
	for _, s := range states {
		same = same && s == first
		paid = paid && s.Paid()
		closed = closed && s.Closed()
		unpaid = unpaid && s.Unpaid()
	}
	switch {
	case same:
		return first
	case paid:
		return Success
	case closed:
		return Closed
	case unpaid:
		return NotPay
	}
	return Mixed
}

// Paid reports whether the customer's money was taken, even if it was given back since.
func (s State) Paid() bool { return s == Success || s == Refund }

// Closed reports whether the order can never be paid.
func (s State) Closed() bool { return s == Closed || s == Revoked }

// Unpaid reports whether the order is open, so that a close may be sent.
func (s State) Unpaid() bool { return s == NotPay || s == PayError }
