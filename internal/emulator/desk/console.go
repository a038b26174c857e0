package desk

import (
	"context"
	"net/http"
	"sync/atomic"

	"cloudpay/internal/emulator/console"
)

// ServeConsole serves the console at an address until Close: a page over this world. about has what
// the desk does not know: the cloud's address, whose orders the functions close, and their register
// of orders.
func (d *Desk) ServeConsole(ctx context.Context, address string, about console.Options) error {
	// The console shows its own address, which is known when it listens.
	var pages atomic.Pointer[console.Console]
	url, err := d.serve(ctx, "console", address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if shown := pages.Load(); shown != nil {
			shown.ServeHTTP(w, r)
			return
		}
		http.Error(w, "the emulator is starting: reload this page", http.StatusServiceUnavailable)
	}))
	if err != nil {
		return err
	}
	about.GatewayURL, about.BackupURL, about.AdminURL, about.EventsURL = d.gatewayURL, d.backupURL, d.adminURL, d.eventsURL
	about.ConsoleURL = url
	made, err := console.New(about)
	if err != nil {
		return err
	}
	pages.Store(made)
	d.consoleURL = url
	return nil
}
