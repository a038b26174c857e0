package closing_test

import (
	"cloudpay/internal/closing"
	"cloudpay/internal/store"
	"cloudpay/internal/store/fakestore"
)

// The stores have what closing asks for: it declares the interfaces, and imports neither.
var (
	_ closing.Orders = (*store.Store)(nil)
	_ closing.Owners = (*store.Store)(nil)
	_ closing.Orders = (*fakestore.Store)(nil)
)
