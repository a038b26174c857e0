package app

import (
	"cmp"

	"cloudpay/internal/closing"
	"cloudpay/internal/config"
	"cloudpay/internal/notify"
	"cloudpay/internal/store"
	"cloudpay/internal/sweep"
)

// useStore gives the workflows the configured store, if there is one. It makes no connection: an
// instance whose calls do not need the store never makes one.
func (a *App) useStore(c config.Config, faults *config.Faults) {
	opened := openStore(c, faults)
	if opened == nil {
		return
	}
	a.Store = opened
	a.warnOfPlainStore(c)
	// One Allowance for the instance: it bounds a customer's look-ups of other customers' orders.
	a.Closer.Store, a.Querier.Store = opened, opened
	a.lookup = &closing.Lookup{Querier: a.Querier, Owners: opened, Allowance: &closing.Allowance{}}
	a.Sweeper = a.newSweeper(c, faults)
	a.follow(EmulatedClock(c.EmulatorClock))
	// The resolver shares everything with the sweeper, and claims only orders in doubt.
	resolver := *a.Sweeper
	resolver.DoubtfulOnly = true
	a.Resolver = &resolver
}

// newSweeper makes the sweeper of the store's due orders. Settings that are not given are its
// defaults.
func (a *App) newSweeper(c config.Config, faults *config.Faults) *sweep.Sweeper {
	s := &sweep.Sweeper{
		Gateway: a.Closer.Gateway, Merchant: a.Closer.Merchant, Store: a.Store, Confirm: a.Closer.Confirm,
		CloseFirst:  c.Sweep.CloseFirst,
		Concurrency: cmp.Or(c.Sweep.Concurrency, sweep.DefaultConcurrency(c.MemoryMB)),
		PerSecond:   c.Sweep.PerSecond,
		MaxAttempts: c.Sweep.MaxAttempts,
		PruneAfter:  c.PruneAfter,
		Log:         a.Log,
	}
	if receiver := openReceiver(c, faults); receiver != nil {
		s.Deliveries = cmp.Or(c.NotifyConcurrency, sweep.DefaultDeliveries(c.MemoryMB))
		s.Notifier = receiver // not assigned if nil: an interface that holds a nil pointer is not nil
	}
	return s
}

// warnOfPlainStore logs a connection to the database without TLS, before any other record.
func (a *App) warnOfPlainStore(c config.Config) {
	if a.PlainStore = store.PlainHost(c.Store.Reveal()); a.PlainStore != "" {
		// A warning and no fault: a private network may be all the protection that is wanted.
		a.Log.Warn("the store's database is reached over a network without TLS: its password and the orders can be read on the way",
			"variable", "CLOUDPAY_STORE",
			"remedy", "write sslmode=verify-full (PostgreSQL) or tls=true (MySQL) in the address; docs/databases.md")
	}
}

// openStore opens the configured store. It is nil if there is none, or if the address is at fault.
// The store's errors never quote the address, which holds a password.
func openStore(c config.Config, faults *config.Faults) *store.Store {
	address := c.Store.Reveal()
	if address == "" {
		return nil
	}
	opened, err := store.Open(address)
	addFault(faults, "CLOUDPAY_STORE", err)
	return opened
}

// openReceiver returns the receiver of events. It is nil if none is configured, or if its address
// or key is at fault. Without one, events stay in the outbox, where `cloudpay orders events` reads
// them.
func openReceiver(c config.Config, faults *config.Faults) *notify.Webhook {
	address := c.NotifyURL.Reveal()
	if address == "" || len(c.NotifyKeys) == 0 {
		return nil
	}
	keys := make([]notify.Key, len(c.NotifyKeys))
	for i, key := range c.NotifyKeys {
		keys[i] = notify.Key(key.Reveal())
	}
	receiver, err := notify.New(address, keys, notify.Options{})
	addFault(faults, "CLOUDPAY_NOTIFY_URL", err)
	return receiver
}
