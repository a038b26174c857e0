// Package outbox is the vocabulary of events: what is told about an order's end (Event), how it is
// known again (EventID), where a reader of events is (Cursor), an event on its way to the shop's
// receiver (Delivery), and what became of it (DeliveryResult). A register writes an event in the
// transaction of the end that it tells.
//
// It is pure, as internal/schedule is.
package outbox

import (
	"encoding/json"
	"fmt"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
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
	// EventPaidUnregistered: proved paid, and not registered: the owner and the price are not
	// known. A registration that comes later has EventPaid or EventPaidOtherAmount besides.
	EventPaidUnregistered EventKind = "paidUnregistered"
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
	// Number is 1 for a merchant's first event and grows with each. A reader that has seen a number
	// has missed none before it. A failover with lost commits, or a restore, takes numbers back.
	Number int64     `json:"number"`
	Kind   EventKind `json:"kind"`
	order.Ref
	Owner order.Owner `json:"owner,omitempty"`
	// OccurredAt is when it was recorded, by the database's clock.
	OccurredAt time.Time `json:"occurredAt"`
	// FinalState is how the order ended; empty for gaveUp.
	FinalState schedule.FinalState `json:"ending,omitempty"`
	TradeState tradestate.State    `json:"tradeState,omitempty"`
	// Total is the registered amount, PaidTotal the paid one, in fen; absent when not known.
	Total         *int64    `json:"total,omitempty"`
	PaidTotal     *int64    `json:"paidTotal,omitempty"`
	TransactionID string    `json:"transactionId,omitempty"`
	PaidAt        time.Time `json:"paidAt,omitzero"`
	// Reason is why it was given up.
	Reason string `json:"reason,omitempty"`
}

// eventJSON is an Event for its receivers. The member id repeats the number: it was the number's
// name, and goes in the next release.
type eventJSON struct {
	EventID EventID `json:"eventId"`
	Number  int64   `json:"number"`
	ID      int64   `json:"id"`
	eventMembers
}

// eventMembers is an Event without its method MarshalJSON.
type eventMembers Event

func (e Event) json() eventJSON { return eventJSON{e.EventID, e.Number, e.Number, eventMembers(e)} }

// MarshalJSON writes the event as webhooks carry it (docs/events.md).
func (e Event) MarshalJSON() ([]byte, error) {
	return encoded(e.json())
}

func encoded(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding an event: %w", err)
	}
	return text, nil
}

// Cursor is the place behind the event.
func (e Event) Cursor() Cursor { return Cursor{e.Number, e.EventID, e.OccurredAt} }

// Delivery is an event under a lease, on its way to the receiver.
type Delivery struct {
	Event
	// Token names the lease, as a Claim's does; empty in a list.
	Token string
	// Attempts counts this one.
	Attempts int
	// LastError is why the last delivery failed, in one line.
	LastError string
	// DueAt is when it is delivered next, under a lease the lease's end; Age is how long ago it
	// occurred, by the database's clock. Both are zero but in a list of those pending, or of the
	// newest.
	DueAt time.Time
	Age   time.Duration
	// DeliveredAt is when it was acknowledged, and DeadAt when the last attempt failed. Both are
	// zero but in a list of the newest events, where one of them or DueAt is set.
	DeliveredAt, DeadAt time.Time
}

// MarshalJSON writes the event and how its delivery went. The token is not written.
func (d Delivery) MarshalJSON() ([]byte, error) {
	return encoded(struct {
		eventJSON

		Attempts  int       `json:"attempts"`
		LastError string    `json:"lastError"`
		DueAt     time.Time `json:"dueAt,omitzero"`
		Age       int64     `json:"ageSeconds,omitzero"`
	}{d.json(), d.Attempts, d.LastError, d.DueAt, int64(d.Age.Seconds())})
}
