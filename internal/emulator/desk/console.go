package desk

import (
	"context"
	"net/http"
	"sync/atomic"

	"cloudpay/internal/emulator/console"
)

// ServeConsole serves the console at an address until Close: a page over this world, whose cloud is
// at cloudURL. register is the functions' register of orders; nil: there is none.
func (d *Desk) ServeConsole(ctx context.Context, address, cloudURL string, register console.Register) error {
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
	made, err := console.New(console.Options{
		GatewayURL: d.gatewayURL, BackupURL: d.backupURL, AdminURL: d.adminURL, CloudURL: cloudURL, EventsURL: d.eventsURL,
		ConsoleURL: url, Register: register,
	})
	if err != nil {
		return err
	}
	pages.Store(made)
	d.consoleURL = url
	return nil
}
