// Package registerapi is the management API of the functions' register of orders, in an emulated
// world: what is registered, what is to be delivered, and trying again what was given up.
//
//	GET  /v1/register                                how it stands (Status)
//	GET  /v1/register/orders?progress=&from=&limit=  {"orders":[Order…],"next":"…"}
//	GET  /v1/register/orders?out_trade_no=&mchid=    {"orders":[Order…]} of up to 100 numbers
//	GET  /v1/register/orders/{out_trade_no}          an Order; 404 if it is not registered
//	POST /v1/register/orders/{out_trade_no}/reopen   {"reopened":1}, 0 if it was not given up
//	POST /v1/register/reopen                         the same for every order that was given up
//	GET  /v1/register/events?state=&before=&after=&limit=  {"events":[Event…],"next":17}
//	POST /v1/register/redeliver                      a Redelivery: {"requeued":1}
//
// A refusal is in CloudBase's form, {"code":"…","message":"…","requestId":"…"}, as the rest of the
// cloud's own API, on whose address it is served. That one refuses foreign names and origins.
//
// The package knows no store: the emulators import nothing of what they are to judge. The command
// that starts the world implements [Register] over it.
package registerapi

import (
	"context"
	"encoding/json"
	"time"
)

// Register is the register of one merchant number. Its methods may be called concurrently. Each
// error becomes a sentence of an answer, so that it must not hold a secret.
type Register interface {
	// Status is how the register stands.
	Status(ctx context.Context) (Status, error)
	// Find returns an order; nil if it is not registered.
	Find(ctx context.Context, key Key) (*Order, error)
	// Orders returns orders in a state of progress, up to limit, and where the list goes on: next
	// is empty at its end, and from at its beginning. A from that no answer had is a *RequestError.
	Orders(ctx context.Context, progress Progress, from string, limit int) (orders []Order, next string, err error)
	// Reopen makes an order due that was given up, or with a nil key all of them; reopened counts
	// them. An order that is not registered is a *RequestError.
	Reopen(ctx context.Context, key *Key) (reopened int, err error)
	// Events returns events.
	Events(ctx context.Context, of EventQuery) ([]Event, error)
	// Redeliver makes events due at once; requeued counts them. An event that there is not is a
	// *RequestError.
	Redeliver(ctx context.Context, of Redelivery) (requeued int, err error)
}

// RequestError is a mistake of the request, and no fault of the register.
type RequestError struct {
	// Status is the HTTP status of the answer.
	Status int
	// Message is a sentence.
	Message string
}

// Error is the sentence.
func (e *RequestError) Error() string { return e.Message }

// Key is an order's full name. What is empty besides OutTradeNo is the merchant's own.
type Key struct {
	// Region is "cn", "global" or "hk".
	Region string `json:"region"`
	// MchID is the merchant, or the service provider of SubMchID.
	MchID      string `json:"mchid"`
	SubMchID   string `json:"sub_mchid,omitempty"`
	OutTradeNo string `json:"out_trade_no"`
}

// Progress is how far the register is with an order.
type Progress string

// The values of a Progress.
const (
	Waiting   Progress = "waiting"   // it waits for its time
	Closing   Progress = "closing"   // a close was intended, and may have been sent
	Stuck     Progress = "stuck"     // it was given up: a person has to look
	Withdrawn Progress = "withdrawn" // its registration was withdrawn
	Ended     Progress = "ended"     // a signed answer ended it
)

// Order is an order of the register. What is not known is absent. Times are by the register's
// clock, which follows the emulator's.
type Order struct {
	Key

	Progress Progress `json:"progress"`
	// Final is how it ended: "closed", "paid" or "notFound".
	Final string `json:"final,omitempty"`
	// TradeState is WeChat Pay's last word, and Proved says that it was signed.
	TradeState string `json:"trade_state,omitempty"`
	Proved     bool   `json:"proved"`
	// Total is the amount in fen.
	Total *int64 `json:"total,omitempty"`
	// CloseAt is when the order was to be closed, and DueAt when it is next attempted.
	RegisteredAt time.Time `json:"registered_at,omitzero"`
	CloseAt      time.Time `json:"close_at,omitzero"`
	DueAt        time.Time `json:"due_at,omitzero"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	// Attempts counts the sweeps' attempts, and LastError is why the last one ended nothing.
	Attempts  int    `json:"attempts"`
	LastError string `json:"last_error,omitempty"`
}

// Status is how a register stands. Counts of what can be millions end at 100,000.
type Status struct {
	// At is when it was read, by the register's clock.
	At time.Time `json:"at"`
	// Region and MchID are whose register it is.
	Region string `json:"region"`
	MchID  string `json:"mchid"`
	// Waiting orders wait for their time, those that are Due included; the oldest of them for
	// OldestDue, in seconds.
	Waiting   int     `json:"waiting"`
	Due       int     `json:"due"`
	OldestDue float64 `json:"oldest_due_seconds"`
	// Closing orders are in doubt or being attempted; Stuck ones were given up; Ended ones ended
	// within the last minute.
	Closing int `json:"closing"`
	Stuck   int `json:"stuck"`
	Ended   int `json:"ended_last_minute"`
	// EventsPending are to be delivered, the oldest for OldestEvent, in seconds; EventsDead are not
	// tried again.
	EventsPending int     `json:"events_pending"`
	OldestEvent   float64 `json:"oldest_event_seconds"`
	EventsDead    int     `json:"events_dead"`

	// Rate is how many calls a second all sweeps together may make for the merchant number now, and
	// ConfiguredRate what it grows back to. BackingOff: it is below, since WeChat Pay was asked too
	// often.
	Rate           float64 `json:"calls_per_second"`
	ConfiguredRate float64 `json:"configured_calls_per_second"`
	BackingOff     bool    `json:"backing_off"`

	Receiver Receiver `json:"receiver"`
}

// Receiver is the receiver of events, as the register knows it.
type Receiver struct {
	// URL is where the functions send events, without a query, which may be a secret; absent: they
	// send none.
	URL string `json:"url,omitempty"`
	// FailingSince is when the first delivery failed after the last one that was acknowledged, and
	// LastError why one failed.
	FailingSince time.Time `json:"failing_since,omitzero"`
	LastError    string    `json:"last_error,omitempty"`
	// Pause is for how many more seconds it wants no deliveries.
	Pause float64 `json:"pause_seconds,omitempty"`
}

// State is how far the delivery of an event is.
type State string

// The values of a State.
const (
	Pending   State = "pending"   // it is to be delivered
	Delivered State = "delivered" // the receiver acknowledged it
	Dead      State = "dead"      // the last attempt failed: it is not tried again by itself
)

// Event is an event of the outbox. Which time is set depends on its State: DueAt is when it is
// delivered next.
type Event struct {
	State  State `json:"state"`
	Number int64 `json:"number"`
	// Attempts counts the deliveries, and LastError is why the last one that failed did.
	Attempts    int       `json:"attempts"`
	LastError   string    `json:"last_error,omitempty"`
	DueAt       time.Time `json:"due_at,omitzero"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
	DeadAt      time.Time `json:"dead_at,omitzero"`
	// Age is how many seconds ago it occurred; absent in the list of dead ones.
	Age float64 `json:"age_seconds,omitempty"`
	// Event is what the receiver gets (docs/events.md).
	Event json.RawMessage `json:"event"`
}

// EventQuery selects events: with a State those that are Pending, due first at the front, or Dead,
// with a number above After; without one the newest, or those with a number below Before.
type EventQuery struct {
	State         State
	Before, After int64
	Limit         int
}

// Redelivery is which events are delivered again: the one that an ID names by its number or
// eventId, all since a time, or all that are pending or dead. One of them is set.
type Redelivery struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
	State State     `json:"state"`
}
