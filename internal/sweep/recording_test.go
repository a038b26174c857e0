package sweep_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/closing/closingtest"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store/fakestore"
)

// An end waits for others to be recorded with it, for 20 ms at most, and not at all when no order
// is in flight whose end could come.
func TestEndsWaitForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.sweeper.PerSecond = 1e9
		w.order("A1", tradestate.Success)
		w.order("A2", tradestate.Success)
		const slow = time.Second
		w.gateway.odd = func(_ context.Context, _, no string) (order.Answer, bool) {
			if no == "A2" {
				passes(slow)
			}
			return order.Answer{}, false
		}
		start := time.Now()
		w.sweep(time.Minute)
		if waited := w.store.At("A1").EndedAt.Sub(start); waited != 20*time.Millisecond {
			t.Errorf("the first end was recorded after %v, want 20ms", waited)
		}
		if waited := w.store.At("A2").EndedAt.Sub(start); waited != slow {
			t.Errorf("the last end was recorded after %v, want %v", waited, slow)
		}
	})
}

// Ends that come together are recorded together.
func TestEndsAreRecordedInBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const orders = 256
		w := newWorld(t)
		w.sweeper.Concurrency, w.sweeper.PerSecond = 64, 100_000
		w.gateway.latency, w.store.Latency = 50*time.Millisecond, 5*time.Millisecond
		for i := range orders {
			w.order(fmt.Sprint("A", i), tradestate.Success)
		}
		w.sweep(time.Minute)
		w.wantEnded()
		if n := w.store.Calls()["finishAll"]; n > 2*orders/64 {
			t.Errorf("%d ends took %d batches, want at most %d", orders, n, 2*orders/64)
		}
	})
}

// An end that the store refuses does not keep those of its batch from being recorded, and is no
// reason to end the sweep.
func TestEndRefusedInABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const orders = 40
		w := newWorld(t)
		w.sweeper.Concurrency = 16
		w.gateway.latency = 50 * time.Millisecond
		for i := range orders {
			w.order(fmt.Sprint("A", i), tradestate.Success)
		}
		asked := 0
		w.store.Fault = func(op string) error {
			if op == "finish" {
				if asked++; asked%10 == 1 {
					return fakestore.ErrDown
				}
			}
			return nil
		}
		if report := w.sweep(time.Minute); report.Paid != orders*9/10 || report.Unrecorded != orders/10 || report.Fault != "" || report.Left {
			t.Errorf("got %+v, want one end in ten not recorded, and the sweep to go on", report)
		}
		if n := strings.Count(w.log.String(), "could not be recorded"); n != orders/10 {
			t.Errorf("logged %d ends that were not recorded, want %d", n, orders/10)
		}
		w.store.Mend()
		passes(2 * time.Minute)
		w.sweep(time.Minute)
		w.wantEnded()
	})
}

// The end of a sweep's time is enough to record what was in flight, ended or not, with as many
// workers as there may be and a store that is slow.
func TestEndsAreRecordedInTime(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ limit, latency time.Duration }{
		{3 * time.Second, 15 * time.Millisecond},
		{10 * time.Second, 60 * time.Millisecond},
		{20 * time.Second, 150 * time.Millisecond},
	} {
		t.Run(tc.limit.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.sweeper.Concurrency, w.sweeper.PerSecond = 128, 100_000
				w.gateway.latency, w.store.Latency = tc.limit/30, tc.latency
				for i := range 6000 {
					w.order(fmt.Sprint("A", i), tradestate.Success)
				}
				start := time.Now()
				report := w.sweep(tc.limit)
				if took := time.Since(start); took > tc.limit-50*time.Millisecond {
					t.Errorf("it took %v of %v", took, tc.limit)
				}
				if report.Paid == 0 || report.Unrecorded != 0 || !report.Left || report.Fault != "" {
					t.Errorf("got %+v, want all that was begun recorded", report)
				}
				for _, ref := range w.store.Refs() {
					if kept := w.store.At(ref.OutTradeNo); kept.Progress == schedule.Closing {
						t.Fatalf("%s is under a lease still", ref.OutTradeNo)
					}
				}
			})
		})
	}
}

// An outage has all orders that are in flight put off at the same moment, at the end of the sweep's
// time. They are recorded together, so that a store that is slow manages it.
func TestRetriesAreRecordedInTime(t *testing.T) {
	t.Parallel()
	for _, latency := range []time.Duration{60 * time.Millisecond, 200 * time.Millisecond} {
		t.Run(latency.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const limit = 12 * time.Second
				w := newWorld(t)
				w.sweeper.Concurrency, w.sweeper.PerSecond = 128, 100_000
				w.gateway.latency, w.store.Latency = 100*time.Millisecond, latency
				for i := range 6000 {
					w.order(fmt.Sprint("A", i), tradestate.NotPay)
				}
				start := time.Now()
				w.gateway.odd = func(ctx context.Context, _, _ string) (order.Answer, bool) {
					if time.Since(start) < limit/6 {
						return order.Answer{}, false
					}
					return closingtest.Hangs(ctx), true
				}
				report := w.sweep(limit)
				if took := time.Since(start); took > limit-50*time.Millisecond {
					t.Errorf("it took %v of %v", took, limit)
				}
				if report.Retried < 100 || report.Unrecorded != 0 {
					t.Errorf("got %+v, want all that was begun recorded", report)
				}
			})
		})
	}
}
