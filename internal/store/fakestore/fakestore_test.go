package fakestore_test

import (
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/store/fakestore"
	"cloudpay/internal/store/storetest"
)

// TestContract runs the suite of the databases. A fake that is kinder, or stricter, than they are
// would prove nothing about its users.
func TestContract(t *testing.T) {
	t.Parallel()
	storetest.RunContract(t, func(*testing.T) storetest.Subject {
		var passed atomic.Int64
		clock := func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
		s := fakestore.New(order.Account{Region: order.Mainland, MchID: "1900000001"}, clock)
		return storetest.Subject{
			Store: s, Another: func() storetest.Store { return s }, Pass: func(d time.Duration) { passed.Add(int64(d)) },
		}
	})
}
