package outbox

import (
	"time"

	"cloudpay/internal/order"
)

// Selection is which of a merchant's events are meant: all, or those of one sub-merchant's orders.
type Selection struct {
	order.Account
	// SubMchID limits them to one sub-merchant; empty: all.
	SubMchID string
}

// Includes reports whether the events of an order are meant.
func (s Selection) Includes(ref order.Ref) bool {
	return ref.Account() == s.Account && (s.SubMchID == "" || ref.SubMchID == s.SubMchID)
}

// DeliveryOutcome is what became of a delivery.
type DeliveryOutcome string

const (
	// DeliveryAcknowledged: the receiver has the event. It is not delivered again.
	DeliveryAcknowledged DeliveryOutcome = "acknowledged"
	// DeliveryFailed: the event is due again later.
	DeliveryFailed DeliveryOutcome = "failed"
	// DeliveryDead: it failed for the last time, and is not tried again by itself.
	DeliveryDead DeliveryOutcome = "dead"
	// DeliveryReturned: nothing was sent. The event is due again at once, and the attempt does not
	// count.
	DeliveryReturned DeliveryOutcome = "returned"
)

// DeliveryResult is what became of a delivery, as the register records it.
type DeliveryResult struct {
	Delivery

	Outcome DeliveryOutcome
	// After is the pause until a failed event is due again.
	After time.Duration
	// Reason is why it failed.
	Reason string
}

// Receiver is what the register keeps of the receiver of a merchant's events. The zero Receiver
// acknowledged the last delivery, or was never sent one.
type Receiver struct {
	// FailingSince is when the first delivery failed after the last that was acknowledged, Failing
	// how long ago that was by the database's clock.
	FailingSince time.Time
	Failing      time.Duration
	// LastError is why a delivery failed, in one line.
	LastError string
	// Pause is for how much longer the receiver wants no deliveries.
	Pause time.Duration
}
