package app

import (
	"cmp"

	"cloudpay/internal/closing"
	"cloudpay/internal/config"
	"cloudpay/internal/notify"
	"cloudpay/internal/store"
)

// keepOrders gives the workflows the store of orders, if one is configured. No connection is made: an instance that is only
// asked for an order without a store's help never makes one.
func (a *App) keepOrders(c config.Config, faults *config.Faults) {
	kept := openStore(c, faults)
	if kept == nil {
		return
	}
	a.Store = kept
	a.warnOfPlainStore(c)
	a.Closer.Store, a.Querier.Store = kept, kept
	a.lookup = &closing.Lookup{Querier: a.Querier, Owners: kept, Allowance: &closing.Allowance{}}
	a.Sweeper = &closing.Sweeper{
		Gateway: a.Closer.Gateway, Merchant: a.Closer.Merchant, Store: kept, Confirm: a.Closer.Confirm,
		CloseFirst:  c.Sweep.CloseFirst,
		Concurrency: cmp.Or(c.Sweep.Concurrency, closing.DefaultConcurrency(c.MemoryMB)),
		PerSecond:   c.Sweep.PerSecond,
		MaxAttempts: c.Sweep.MaxAttempts,
		Log:         a.Log,
	}
	if receiver := openReceiver(c, faults); receiver != nil {
		a.Sweeper.Teller = receiver
	}
	settler := *a.Sweeper
	settler.Settle = true
	a.Settler = &settler
}

// warnOfPlainStore has the first line of the log say that who can listen on the way to the database
// reads all of it.
func (a *App) warnOfPlainStore(c config.Config) {
	if a.PlainStore = store.PlainHost(c.Store.Reveal()); a.PlainStore != "" {
		a.Log.Warn("the store's database is reached over a network without TLS: whoever can listen reads its password and the orders",
			"variable", "CLOUDPAY_STORE",
			"remedy", "write sslmode=verify-full (PostgreSQL) or tls=true (MySQL) in the address; docs/databases.md")
	}
}

// openStore reads the store's address; nil when there is none, or it is at fault. The store's errors never show it.
func openStore(c config.Config, faults *config.Faults) *store.Store {
	address := c.Store.Reveal()
	if address == "" {
		return nil
	}
	kept, err := store.Open(address)
	if err != nil {
		addFault(faults, "CLOUDPAY_STORE", err)
		return nil
	}
	return kept
}

// openReceiver is who is told what became of orders; nil when that is not configured, or is at fault.
func openReceiver(c config.Config, faults *config.Faults) *notify.Webhook {
	address, key := c.NotifyURL.Reveal(), c.NotifyKey.Reveal()
	if address == "" || key == "" {
		return nil
	}
	receiver, err := notify.New(address, notify.Key(key), notify.Options{})
	if err != nil {
		addFault(faults, "CLOUDPAY_NOTIFY_URL", err)
	}
	return receiver
}
