package sweep_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/store/fakestore"
)

// slowQuota is a store that takes its time to say what may be called.
type slowQuota struct {
	*fakestore.Store

	latency time.Duration
}

func (s slowQuota) Rate(ctx context.Context, of order.Account, ceiling float64) (float64, error) {
	passes(s.latency)
	return s.Store.Rate(ctx, of, ceiling)
}

func (s slowQuota) Take(
	ctx context.Context, of order.Account, n int, ceiling float64, maxWait time.Duration,
) (time.Duration, bool, error) {
	passes(s.latency)
	return s.Store.Take(ctx, of, n, ceiling, maxWait)
}

// Calls are reserved before the last reservation is used up, so that none waits for the store.
func TestCallsDoNotWaitForTheQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const orders, concurrency, latency, perSecond = 2000, 64, 50 * time.Millisecond, 2000
		w := newWorld(t)
		w.gateway.latency, w.store.Latency = latency, time.Millisecond
		w.sweeper.Concurrency, w.sweeper.PerSecond = concurrency, perSecond
		w.sweeper.Store = slowQuota{w.store, 50 * time.Millisecond}
		for i := range orders {
			w.order(fmt.Sprint("A", i), tradestate.NotPay)
		}
		start := time.Now()
		report := w.sweep(time.Minute)
		floor := latency * time.Duration(report.Calls) / concurrency
		if took := time.Since(start); took > floor*107/100 || report.Closed != orders {
			t.Errorf("it took %v, want at most 107 %% of %v: %+v", took, floor, report)
		}
		w.wantEnded()
	})
}

// A claim takes as many orders as there are workers, and more only if workers wait for claims.
func TestClaimsFitTheirWorkers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		latency time.Duration
		least   int // claims, and most
		most    int
	}{
		"a gateway that takes no time": {0, 2000 / 16, 2000/16 + 10},
		"a gateway that takes longer":  {50 * time.Millisecond, 2000 / 4, 2000/4 + 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.sweeper.PerSecond = 1e9
				w.gateway.latency, w.store.Latency = tc.latency, 10*time.Millisecond
				for i := range 2000 {
					w.order(fmt.Sprint("A", i), tradestate.Success)
				}
				w.sweep(time.Minute)
				w.wantEnded()
				if n := w.store.Calls()["claim"]; n < tc.least || n > tc.most {
					t.Errorf("2000 orders took %d claims, want %d to %d", n, tc.least, tc.most)
				}
			})
		})
	}
}
