package closing_test

import (
	"cloudpay/internal/closing"
	"cloudpay/internal/notify"
	"cloudpay/internal/store"
)

// What closing asks for is what the others have: it declares the interfaces, and imports none of them.
var (
	_ closing.Orders  = (*store.Store)(nil)
	_ closing.Backlog = (*store.Store)(nil)
	_ closing.Orders  = (*memory)(nil)
	_ closing.Backlog = (*memory)(nil)
	_ closing.Teller  = (*notify.Webhook)(nil)
)
