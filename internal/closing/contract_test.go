package closing_test

import (
	"cloudpay/internal/closing"
	"cloudpay/internal/notify"
	"cloudpay/internal/store"
	"cloudpay/internal/store/fakestore"
)

// What closing asks for is what the others have: it declares the interfaces, and imports none of them.
var (
	_ closing.Orders  = (*store.Store)(nil)
	_ closing.Backlog = (*store.Store)(nil)
	_ closing.Orders  = (*fakestore.Store)(nil)
	_ closing.Backlog = (*fakestore.Store)(nil)
	_ closing.Teller  = (*notify.Webhook)(nil)
)
