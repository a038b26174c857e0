// Package tradestate is WeChat Pay's own word for where an order stands.
package tradestate

// State is the gateway's own word for where an order stands (trade_state
// in APIv2 and APIv3). The set is open: a state we have never seen is kept as it
// came and counts as neither paid nor closed.
type State string

const (
	// Success: the customer paid. Final for closing; a refund may follow.
	Success State = "SUCCESS"
	// Refund: money went back, in part or whole, so the order had been paid.
	Refund State = "REFUND"
	// NotPay: nobody has paid yet, and somebody still can. A failed attempt to
	// pay leaves an order here. It stays until it is paid, closed by us, or
	// closed by WeChat Pay seven days after creation.
	NotPay State = "NOTPAY"
	// Closed: the order can never be paid. Final.
	Closed State = "CLOSED"
	// Revoked: a payment-code order was reversed (撤销). Final, never paid.
	Revoked State = "REVOKED"
	// UserPaying: the customer is typing a password (payment-code orders). It
	// turns into another state within a minute or so.
	UserPaying State = "USERPAYING"
	// PayError: a payment failed, for instance at the bank. Not final: the order
	// can still be closed, and should be.
	PayError State = "PAYERROR"
	// Accept: a deduction was accepted and waits to be carried out (APIv2).
	Accept State = "ACCEPT"
)

// Mixed is our own word for a combined order whose sub-orders are not in one
// state: WeChat Pay pays and closes all of them or none, so that it can only be a
// passing view of one of the two. It is neither paid, closed nor unpaid.
const Mixed State = "MIXED"

// Combined is the state of a combined order whose sub-orders are in these states:
// SUCCESS when all are paid, CLOSED when all are closed, theirs when they agree,
// else Mixed.
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

// Paid reports whether the customer's money was taken, even if it was given
// back since.
func (s State) Paid() bool { return s == Success || s == Refund }

// Closed reports whether the order can never be paid.
func (s State) Closed() bool { return s == Closed || s == Revoked }

// Unpaid reports whether the order is open and a close may be sent.
func (s State) Unpaid() bool { return s == NotPay || s == PayError }
