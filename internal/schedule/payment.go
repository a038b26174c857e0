package schedule

import (
	"fmt"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
)

// Payment is what a verified notification says of one order: it was paid. It never says that an
// order was closed. What the notification leaves out is zero.
type Payment struct {
	order.Ref
	// Refunded: money went back, which proves the payment too.
	Refunded bool
	// TransactionID, Total (in fen) and PaidAt are as in a Final.
	TransactionID string
	Total         *int64
	PaidAt        time.Time
}

// Final is the end that the payment proves.
func (p Payment) Final() Final {
	f := Final{
		State: FinalPaid, TradeState: tradestate.Success, TransactionID: p.TransactionID, Total: p.Total, PaidAt: p.PaidAt,
	}
	if p.Refunded {
		f.TradeState = tradestate.Refund
	}
	return f
}

// Observed is what recording a Payment did. A payment that was recorded before did nothing: New is
// false, and Ended is paid.
type Observed struct {
	// New reports that the order ended by this call, or that its trade state became REFUND. A call
	// that was repeated after a lost connection may find its own write, and report false.
	New bool
	// Unregistered reports that the order is not registered, and is kept until it is.
	Unregistered bool
	// Ended is how the order had ended before; empty if it had not.
	Ended FinalState
	// Err is an alarm: a *ContradictionError for an order that had ended otherwise, or a
	// Record.PaidTwice's for one that was paid by another transaction; nil otherwise. It is
	// recorded as an event, so that the notification is acknowledged all the same.
	Err error
}

// PaidTwice returns an alarm for a payment of an order that is recorded as paid by another
// transaction, or for that payment's refund. It is nil for any other, also where one of the two
// transactions was not said. The first payment stays recorded; an event has the second.
func (r Record) PaidTwice(f Final) error {
	if r.FinalState != FinalPaid || f.State != FinalPaid || r.TransactionID == "" || f.TransactionID == "" ||
		r.TransactionID == f.TransactionID {
		return nil
	}
	return fmt.Errorf("order %s was paid by transaction %s and is paid by transaction %s too: the first stands, "+
		"look at the order at WeChat Pay, and refund one of them", r.Ref, r.TransactionID, f.TransactionID)
}

// Unregistered reports whether the register knows nothing of the order but a payment: it counts no
// registration yet. It is done, and has no owner, no total and no close_at of its own.
func (r Record) Unregistered() bool { return r.Generation == 0 && r.Progress == Done && !r.Pruned }
