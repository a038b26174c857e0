package sweep_test

import (
	"cloudpay/internal/notify"
	"cloudpay/internal/store"
	"cloudpay/internal/store/fakestore"
	"cloudpay/internal/sweep"
)

// The stores and the webhook have what a sweep asks for: it declares the interfaces, and imports
// none of them.
var (
	_ sweep.Backlog  = (*store.Store)(nil)
	_ sweep.Backlog  = (*fakestore.Store)(nil)
	_ sweep.Notifier = (*notify.Webhook)(nil)
)
