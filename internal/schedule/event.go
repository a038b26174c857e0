package schedule

import (
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
)

// EventKind is what happened to an order, for the receiver of its events.
type EventKind string

const (
	// EventClosed: proved closed. The stock may be released.
	EventClosed EventKind = "closed"
	// EventPaid: proved paid. Deliver.
	EventPaid EventKind = "paid"
	// EventPaidOtherAmount: proved paid, with another amount than was registered. Look before
	// delivering.
	EventPaidOtherAmount EventKind = "paidOtherAmount"
	// EventNotFound: proved not to exist at WeChat Pay. The stock may be released.
	EventNotFound EventKind = "notFound"
	// EventGaveUp: not ended in all the attempts there were. A person has to look.
	EventGaveUp EventKind = "gaveUp"
	// EventContradicted: a signed end differs from the signed end before it, for instance paid
	// after closed. The recorded end stays; this event has the second. A person has to look.
	EventContradicted EventKind = "contradicted"
)

// Event is one thing that happened to an order. It is written in the same transaction as the change
// that it is about.
type Event struct {
	// EventID is the event's own, for good. Its receiver recognizes a repetition by it.
	EventID EventID `json:"eventId"`
	// ID grows with each event. A reader that has seen an ID has missed none before it.
	ID   int64     `json:"id"`
	Kind EventKind `json:"kind"`
	order.Ref
	Owner order.Owner `json:"owner,omitempty"`
	// OccurredAt is when it was recorded, by the database's clock.
	OccurredAt time.Time `json:"occurredAt"`
	// FinalState is how the order ended; empty for gaveUp.
	FinalState FinalState       `json:"ending,omitempty"`
	TradeState tradestate.State `json:"tradeState,omitempty"`
	// Total is the registered amount, PaidTotal the paid one, in fen; absent when not known.
	Total         *int64    `json:"total,omitempty"`
	PaidTotal     *int64    `json:"paidTotal,omitempty"`
	TransactionID string    `json:"transactionId,omitempty"`
	PaidAt        time.Time `json:"paidAt,omitzero"`
	// Reason is why it was given up.
	Reason string `json:"reason,omitempty"`
}

// Delivery is an event under a lease, on its way to the receiver.
type Delivery struct {
	Event
	// Token names the lease, as a Claim's does; empty in a list.
	Token string
	// Attempts counts this one.
	Attempts int
	// LastError is why the last delivery failed, in one line.
	LastError string
}
