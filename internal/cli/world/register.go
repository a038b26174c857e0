package world

import (
	"context"
	"errors"
	"time"

	"cloudpay/internal/emulator/console"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// register is the functions' register, as the console reads it. It makes no change.
type register struct {
	store   *store.Store
	account order.Account
}

// serveConsole serves the console. done closes what it reads.
func (w *World) serveConsole(ctx context.Context, d *desk.Desk, cloudURL string) (done func(), err error) {
	owner := w.Settings.Owner()
	about := console.Options{
		CloudURL: cloudURL,
		Owner:    console.Key{Region: w.Settings.Region, MchID: owner.MchID, SubMchID: owner.SubMchID},
	}
	if w.Settings.Store == "" {
		return func() {}, d.ServeConsole(ctx, w.At.Console, about)
	}
	reads, done, err := w.openRegister(d.Gateway.Ahead)
	if err != nil {
		return nil, err
	}
	about.Register = reads
	if err := d.ServeConsole(ctx, w.At.Console, about); err != nil {
		done()
		return nil, err
	}
	return done, nil
}

// openRegister opens the register for the console. Its clock is ahead by as much as ahead says. It
// connects to nothing before the console asks. done closes it.
func (w *World) openRegister(ahead func() time.Duration) (reads *register, done func(), err error) {
	opened, err := store.Open(w.Settings.Store)
	if err != nil {
		return nil, nil, err
	}
	opened.ShiftClock(func() (time.Duration, error) { return ahead(), nil })
	account := order.Account{Region: order.Region(w.Settings.Region), MchID: w.Settings.Owner().MchID}
	return &register{opened, account}, func() { _ = opened.Close() }, nil // it was only read
}

// Status counts the orders.
func (r *register) Status(ctx context.Context) (console.Status, error) {
	const anyRate = 1 // the quota is not shown
	s, err := r.store.Status(ctx, r.account, anyRate)
	return console.Status{
		Waiting: s.Waiting, Due: s.Due, OldestDue: time.Duration(s.OldestDue * float64(time.Second)), Closing: s.Closing, Stuck: s.Stuck,
		Ended: s.Ended, EventsPending: s.EventsPending, EventsDead: s.EventsDead,
	}, err
}

// Find returns an order; nil if it is not registered. Of another merchant's nothing is registered.
func (r *register) Find(ctx context.Context, key console.Key) (*console.Registered, error) {
	ref := order.Ref{Region: order.Region(key.Region), MchID: key.MchID, SubMchID: key.SubMchID, OutTradeNo: key.OutTradeNo}
	if key.MchID == "" {
		ref.MchID = r.account.MchID
	}
	if ref.MchID != r.account.MchID {
		return nil, nil //nolint:nilnil // nil is the answer of the interface
	}
	found, err := r.store.Show(ctx, ref)
	if _, unknown := errors.AsType[*schedule.NotRegisteredError](err); unknown {
		return nil, nil //nolint:nilnil // likewise
	}
	if err != nil {
		return nil, err
	}
	shown := registered(found)
	return &shown, nil
}

// List returns a page of the orders in a state of progress.
func (r *register) List(ctx context.Context, progress console.Progress, from string, limit int) ([]console.Registered, string, error) {
	of := schedule.Selection{Account: r.account, Progress: progressOf(progress)}
	page, err := r.store.List(ctx, of, from, limit)
	orders := make([]console.Registered, 0, len(page.Orders))
	for _, found := range page.Orders {
		orders = append(orders, registered(found))
	}
	return orders, page.Next, err
}

// consoleWords are the register's words that the console has others for.
var consoleWords = map[console.Progress]schedule.Progress{console.Stuck: schedule.GaveUp, console.Ended: schedule.Done}

// progressOf is the register's word for a state of progress.
func progressOf(progress console.Progress) schedule.Progress {
	if word, other := consoleWords[progress]; other {
		return word
	}
	return schedule.Progress(progress)
}

// registered is a record as the console shows it.
func registered(r schedule.Record) console.Registered {
	progress := console.Progress(r.Progress)
	for shown, word := range consoleWords {
		if word == r.Progress {
			progress = shown
		}
	}
	return console.Registered{
		Key:      console.Key{Region: string(r.Region), MchID: r.MchID, SubMchID: r.SubMchID, OutTradeNo: r.OutTradeNo},
		Progress: progress, Final: string(r.FinalState), TradeState: string(r.TradeState), Proved: r.Authenticated, Total: r.Total,
		RegisteredAt: r.RegisteredAt, CloseAt: r.CloseAt, DueAt: r.DueAt, EndedAt: r.EndedAt, Attempts: r.Attempts, LastError: r.LastError,
	}
}
