package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// register reads the functions' register by its management API (docs/emulator.md, "The register").
type register struct{ api *api }

// path is an address of the API.
func (r *register) path(rest string) string { return r.api.cloud + "/v1/register" + rest }

// Status is how a register stands, as its API shows it.
type Status struct {
	// At is when it was read, by the register's clock.
	At time.Time `json:"at"`
	// Waiting orders wait for their time, those that are Due included; the oldest of them for
	// OldestDue.
	Waiting          int     `json:"waiting"`
	Due              int     `json:"due"`
	OldestDueSeconds float64 `json:"oldest_due_seconds"`
	// Closing orders are being closed, or in doubt: a close may have been sent, and its result was
	// never recorded.
	Closing int `json:"closing"`
	// Stuck ones were given up, and wait for a person.
	Stuck int `json:"stuck"`
	// Ended orders ended within the last minute.
	Ended int `json:"ended_last_minute"`
	// EventsPending are to be delivered; EventsDead are not tried again.
	EventsPending      int     `json:"events_pending"`
	OldestEventSeconds float64 `json:"oldest_event_seconds"`
	EventsDead         int     `json:"events_dead"`
	// Rate is how many calls a second the sweeps may make, and ConfiguredRate what it grows back to
	// when WeChat Pay was asked too often.
	Rate           float64 `json:"calls_per_second"`
	ConfiguredRate float64 `json:"configured_calls_per_second"`
	BackingOff     bool    `json:"backing_off"`
	// Receiver is the receiver of events. Without a URL the functions send none.
	Receiver struct {
		URL          string    `json:"url"`
		FailingSince time.Time `json:"failing_since"`
		LastError    string    `json:"last_error"`
		PauseSeconds float64   `json:"pause_seconds"`
	} `json:"receiver"`
}

// OldestDue is for how long the oldest order has been due.
func (s Status) OldestDue() time.Duration { return inSeconds(s.OldestDueSeconds) }

// OldestEvent is how long ago the oldest event occurred that is to be delivered.
func (s Status) OldestEvent() time.Duration { return inSeconds(s.OldestEventSeconds) }

// inSeconds is a duration that an API writes in seconds.
func inSeconds(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// Key is an order's full name.
type Key struct {
	// Region is "cn", "global" or "hk".
	Region string `json:"region"`
	// MchID is the merchant, or the service provider of SubMchID.
	MchID      string `json:"mchid"`
	SubMchID   string `json:"sub_mchid"`
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

// Registered is an order of the register. Times that are not known are zero.
type Registered struct {
	Key

	Progress Progress `json:"progress"`
	// Final is how it ended: "closed", "paid" or "notFound"; empty before.
	Final string `json:"final"`
	// TradeState is WeChat Pay's last word, and Proved says that it was signed.
	TradeState string `json:"trade_state"`
	Proved     bool   `json:"proved"`
	// Total is the amount in fen; nil: it is not known.
	Total *int64 `json:"total"`

	// RegisteredAt, DueAt and EndedAt are by the register's clock, which follows the emulator's.
	// CloseAt is when the order was to be closed, and DueAt when it is next attempted: later than
	// CloseAt after an attempt that ended nothing.
	RegisteredAt time.Time `json:"registered_at,omitzero"`
	CloseAt      time.Time `json:"close_at,omitzero"`
	DueAt        time.Time `json:"due_at,omitzero"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	// Attempts counts the sweeps' attempts, and LastError is why the last one ended nothing.
	Attempts  int    `json:"attempts"`
	LastError string `json:"last_error"`
}

// Status counts the orders.
func (r *register) Status(ctx context.Context) (s Status, err error) {
	_, err = r.api.get(ctx, r.path(""), &s)
	return s, err
}

// orderPath is the address of an order.
func (r *register) orderPath(key Key) string {
	return withQuery(r.path("/orders/"+url.PathEscape(key.OutTradeNo)), "region", key.Region, "mchid", key.MchID, "sub_mchid", key.SubMchID)
}

// Find returns an order; nil if it is not registered.
func (r *register) Find(ctx context.Context, key Key) (*Registered, error) {
	if key.OutTradeNo == "" {
		return nil, nil //nolint:nilnil // no order has that name
	}
	var found Registered
	_, err := r.api.get(ctx, r.orderPath(key), &found)
	if refusal, is := errors.AsType[*apiError](err); is && refusal.status == http.StatusNotFound {
		return nil, nil //nolint:nilnil // nil is the answer
	}
	if err != nil {
		return nil, err
	}
	return &found, nil
}

// FindAll returns those of the orders that are registered, by their names, and the addresses that
// it read: a list of the API has the orders of one merchant.
func (r *register) FindAll(ctx context.Context, keys []Key) (all map[Key]*Registered, addresses []string, err error) {
	queries := map[Key][]string{}
	for _, key := range keys {
		merchant := Key{Region: key.Region, MchID: key.MchID, SubMchID: key.SubMchID}
		queries[merchant] = append(queries[merchant], "out_trade_no", key.OutTradeNo)
	}
	all = map[Key]*Registered{}
	for merchant, query := range queries {
		query = append(query, "region", merchant.Region, "mchid", merchant.MchID, "sub_mchid", merchant.SubMchID)
		address := withQuery(r.path("/orders"), query...)
		addresses = append(addresses, address)
		var page struct {
			Orders []*Registered `json:"orders"`
		}
		if _, err := r.api.get(ctx, address, &page); err != nil {
			return nil, addresses, err
		}
		for _, found := range page.Orders {
			merchant.OutTradeNo = found.OutTradeNo
			all[merchant] = found
		}
	}
	slices.Sort(addresses)
	return all, addresses, nil
}

// listPath is the address of a list of orders.
func (r *register) listPath(progress Progress, from string, limit int) string {
	return withQuery(r.path("/orders"), "progress", string(progress), "from", from, "limit", strconv.Itoa(limit))
}

// List returns orders in a state of progress, up to limit, and where the list goes on; next is
// empty at its end, and from at its beginning.
func (r *register) List(ctx context.Context, progress Progress, from string, limit int) (orders []Registered, next string, err error) {
	var page struct {
		Orders []Registered `json:"orders"`
		Next   string       `json:"next"`
	}
	_, err = r.api.get(ctx, r.listPath(progress, from, limit), &page)
	return page.Orders, page.Next, err
}
