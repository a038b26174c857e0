package schedule

import (
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
)

// EventKind is what happened to an order that somebody has to be told.
type EventKind string

const (
	// EventClosed: proved closed. The stock may be released.
	EventClosed EventKind = "closed"
	// EventPaid: proved paid. Deliver.
	EventPaid EventKind = "paid"
	// EventPaidOtherAmount: proved paid, with another amount than was registered. Look before delivering.
	EventPaidOtherAmount EventKind = "paidOtherAmount"
	// EventNotFound: proved not to exist at WeChat Pay. The stock may be released.
	EventNotFound EventKind = "notFound"
	// EventGaveUp: not ended in all the attempts there were. A person has to look.
	EventGaveUp EventKind = "gaveUp"
	// EventContradicted: signed to have ended otherwise than was signed before, for instance paid after closed. What was
	// recorded first stands; this event has what came second. A person has to look.
	EventContradicted EventKind = "contradicted"
)

// Event is one thing that happened to an order. It is written together with what it tells, or not at all.
type Event struct {
	// ID grows with each event. Whoever has read an ID has missed none before it.
	ID   int64     `json:"id"`
	Kind EventKind `json:"kind"`
	order.Ref
	Owner order.Owner `json:"owner,omitempty"`
	// OccurredAt is when it was recorded, by the database's clock.
	OccurredAt time.Time `json:"occurredAt"`
	// FinalState is the end that is told; empty for gaveUp.
	FinalState FinalState       `json:"ending,omitempty"`
	TradeState tradestate.State `json:"tradeState,omitempty"`
	// Total is what was registered, PaidTotal what was paid, in fen; absent when not known.
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
	// Token is the lease's, as a Claim's is; empty in a list.
	Token string
	// Attempts counts this one.
	Attempts int
	// LastError is one line on why it was not delivered the last time.
	LastError string
}
