package world

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/retries"
	"cloudpay/internal/config"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/registerapi"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
)

// registered is the functions' register behind the management API. Its clock is the emulator's.
type registered struct {
	store   *store.Store
	account order.Account
	// settings are those that closeorder runs with; nil before the first deployment.
	settings atomic.Pointer[registerSettings]
}

// registerSettings are what a function's environment says about its register.
type registerSettings struct {
	perSecond float64 // the most calls a second
	eventsURL string  // without what may be a secret; empty: none
}

// openRegister opens the register that the functions have; nil if they have none. Its clock is
// ahead by as much as ahead says. It connects to nothing before the first request. done closes it.
func (w *World) openRegister(ahead func() time.Duration) (opened *registered, done func(), err error) {
	if w.Settings.Store == "" {
		return nil, func() {}, nil
	}
	in, err := store.Open(w.Settings.Store)
	if err != nil {
		return nil, nil, err
	}
	in.ShiftClock(func() (time.Duration, error) { return ahead(), nil })
	account := order.Account{Region: order.Region(w.Settings.Region), MchID: w.Settings.Owner().MchID}
	return &registered{store: in, account: account}, func() { _ = in.Close() }, nil // what was written is committed
}

// api is the management API. Without a register that says so.
func (r *registered) api() http.Handler {
	if r == nil {
		return registerapi.Handler(nil)
	}
	return registerapi.Handler(r)
}

// follow notes what the functions are deployed with.
func (r *registered) follow(functions []platform.Spec) {
	if r == nil {
		return
	}
	for _, f := range functions {
		if f.Name != "closeorder" && len(functions) > 1 {
			continue
		}
		c, _ := config.Load(f.Env) // faults are the function's to tell
		s := registerSettings{perSecond: c.Sweep.PerSecond}
		if u, err := url.Parse(c.NotifyURL.Reveal()); err == nil && u.Host != "" {
			s.eventsURL = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
		}
		r.settings.Store(&s)
	}
}

// Status is how the register stands.
func (r *registered) Status(ctx context.Context) (registerapi.Status, error) {
	settings := r.settings.Load()
	if settings == nil {
		settings = &registerSettings{}
	}
	s, err := r.store.Status(ctx, r.account, settings.perSecond)
	if err != nil {
		return registerapi.Status{}, err
	}
	receiver, err := r.store.Receiver(ctx, r.account)
	return registerapi.Status{
		At: s.At, Region: string(r.account.Region), MchID: r.account.MchID,
		Waiting: s.Waiting, Due: s.Due, OldestDue: s.OldestDue, Closing: s.Closing, Stuck: s.Stuck, Ended: s.Ended,
		EventsPending: s.EventsPending, OldestEvent: s.OldestEvent, EventsDead: s.EventsDead,
		Rate: s.PerSecond, ConfiguredRate: settings.perSecond, BackingOff: s.BackingOff,
		Receiver: registerapi.Receiver{
			URL: settings.eventsURL, FailingSince: receiver.FailingSince, LastError: receiver.LastError, Pause: receiver.Pause.Seconds(),
		},
	}, err
}

// ref is an order's full name, with the merchant's own region and number where none is said.
func (r *registered) ref(key registerapi.Key) order.Ref {
	return order.Ref{
		Region: cmp.Or(order.Region(key.Region), r.account.Region), MchID: cmp.Or(key.MchID, r.account.MchID),
		SubMchID: key.SubMchID, OutTradeNo: key.OutTradeNo,
	}
}

// Find returns an order; nil if it is not registered. Of another merchant's nothing is registered.
func (r *registered) Find(ctx context.Context, key registerapi.Key) (*registerapi.Order, error) {
	ref := r.ref(key)
	if ref.Account() != r.account {
		return nil, nil //nolint:nilnil // nil is the answer of the interface
	}
	found, err := r.store.Show(ctx, ref)
	if _, unknown := errors.AsType[*schedule.NotRegisteredError](err); unknown {
		return nil, nil //nolint:nilnil // likewise
	}
	if err != nil {
		return nil, err
	}
	shown := orderOf(found)
	return &shown, nil
}

// Orders returns a page of the orders in a state of progress.
func (r *registered) Orders(
	ctx context.Context, progress registerapi.Progress, from string, limit int,
) ([]registerapi.Order, string, error) {
	of := schedule.Selection{Account: r.account, Progress: progressOf(progress)}
	page, err := r.store.List(ctx, of, from, limit)
	if _, is := errors.AsType[*schedule.StoreError](err); err != nil && !is && from != "" {
		return nil, "", &registerapi.RequestError{
			Status: http.StatusBadRequest, Message: "from: must be the next of the page before, not " + from,
		}
	}
	orders := make([]registerapi.Order, 0, len(page.Orders))
	for _, found := range page.Orders {
		orders = append(orders, orderOf(found))
	}
	return orders, page.Next, err
}

// Reopen reopens an order, or all that were given up, as `cloudpay orders reopen` does.
func (r *registered) Reopen(ctx context.Context, key *registerapi.Key) (reopened int, err error) {
	if key == nil {
		return retries.ReopenStuck(ctx, r.store, schedule.Selection{Account: r.account})
	}
	ref := r.ref(*key)
	if ref.Account() != r.account {
		return 0, unregistered(ref)
	}
	done, err := r.store.Reopen(ctx, ref)
	if _, unknown := errors.AsType[*schedule.NotRegisteredError](err); unknown {
		return 0, unregistered(ref)
	}
	if done {
		reopened = 1
	}
	return reopened, err
}

// unregistered is the error about an order that is not there.
func unregistered(ref order.Ref) error {
	return &registerapi.RequestError{Status: http.StatusNotFound, Message: "the order " + ref.OutTradeNo + " is not registered"}
}

// Events returns events: those that wait, those that are dead, or the newest.
func (r *registered) Events(ctx context.Context, of registerapi.EventQuery) ([]registerapi.Event, error) {
	all := outbox.Selection{Account: r.account}
	var listed []outbox.Delivery
	var err error
	switch of.State {
	case registerapi.Pending:
		listed, err = r.store.Pending(ctx, all, of.Limit)
	case registerapi.Dead:
		listed, err = r.store.DeadLetters(ctx, all, max(of.After, 0), of.Limit)
	case registerapi.Delivered:
		err = &registerapi.RequestError{Status: http.StatusBadRequest, Message: "state: must be pending or dead"}
	default:
		listed, err = r.store.Newest(ctx, all, max(of.Before, 0), of.Limit)
	}
	if err != nil {
		return nil, err
	}
	events := make([]registerapi.Event, 0, len(listed))
	for _, d := range listed {
		event, err := eventOf(d, of.State)
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}

// eventOf is an event of a list with its state, that of the list if it has one.
func eventOf(d outbox.Delivery, state registerapi.State) (registerapi.Event, error) {
	text, err := json.Marshal(d.Event)
	if err != nil {
		return registerapi.Event{}, bilingual.Errorf("encoding event %d: %w", "编码事件 %d：%w", d.Number, err)
	}
	if state == "" {
		switch {
		case !d.DeliveredAt.IsZero():
			state = registerapi.Delivered
		case !d.DeadAt.IsZero():
			state = registerapi.Dead
		default:
			state = registerapi.Pending
		}
	}
	return registerapi.Event{
		State: state, Number: d.Number, Attempts: d.Attempts, LastError: d.LastError, DueAt: d.DueAt, DeliveredAt: d.DeliveredAt,
		DeadAt: d.DeadAt, Age: d.Age.Round(time.Millisecond).Seconds(), Event: text,
	}, nil
}

// Redeliver makes events due at once, as `cloudpay orders redeliver` does.
func (r *registered) Redeliver(ctx context.Context, of registerapi.Redelivery) (requeued int, err error) {
	if of.ID != "" {
		if _, err := retries.EventNumber(of.ID); err != nil {
			return 0, &registerapi.RequestError{Status: http.StatusBadRequest, Message: "id: " + err.Error()}
		}
		_, found, err := retries.Event(ctx, r.store, r.account, of.ID, false)
		switch {
		case err != nil:
			return 0, err
		case !found:
			return 0, &registerapi.RequestError{Status: http.StatusNotFound, Message: "there is no event " + of.ID}
		}
		return 1, nil
	}
	which := retries.Which{Since: of.Since, Dead: of.State == registerapi.Dead, Pending: of.State == registerapi.Pending}
	err = retries.Requeue(ctx, r.store, outbox.Selection{Account: r.account}, which, false, func(n int) { requeued = n })
	return requeued, err
}

// apiWords are the register's words for which the API has others.
var apiWords = map[registerapi.Progress]schedule.Progress{registerapi.Stuck: schedule.GaveUp, registerapi.Ended: schedule.Done}

// progressOf is the register's word for a state of progress.
func progressOf(progress registerapi.Progress) schedule.Progress {
	if word, other := apiWords[progress]; other {
		return word
	}
	return schedule.Progress(progress)
}

// orderOf is a record as the API shows it.
func orderOf(r schedule.Record) registerapi.Order {
	progress := registerapi.Progress(r.Progress)
	for shown, word := range apiWords {
		if word == r.Progress {
			progress = shown
		}
	}
	return registerapi.Order{
		Key:      registerapi.Key{Region: string(r.Region), MchID: r.MchID, SubMchID: r.SubMchID, OutTradeNo: r.OutTradeNo},
		Progress: progress, Final: string(r.FinalState), TradeState: string(r.TradeState), Proved: r.Authenticated, Total: r.Total,
		RegisteredAt: r.RegisteredAt, CloseAt: r.CloseAt, DueAt: r.DueAt, EndedAt: r.EndedAt, Attempts: r.Attempts, LastError: r.LastError,
	}
}
