package closing_test

import (
	"cloudpay/internal/closing"
	"cloudpay/internal/notify"
	"cloudpay/internal/store"
	"cloudpay/internal/store/fakestore"
	"cloudpay/internal/sweep"
)

// What closing asks for is what the others have: it declares the interfaces, and imports none of them.
var (
	_ closing.Orders = (*store.Store)(nil)
	_ sweep.Backlog  = (*store.Store)(nil)
	_ closing.Orders = (*fakestore.Store)(nil)
	_ sweep.Backlog  = (*fakestore.Store)(nil)
	_ sweep.Notifier = (*notify.Webhook)(nil)
)
