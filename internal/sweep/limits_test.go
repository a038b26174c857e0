package sweep_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/closing/closingtest"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store/fakestore"
)

// No exchange begins or goes on in the last ten seconds of a lease, however long an order waited
// for its turn, and however short a lease was asked for.
func TestExchangesEndBeforeTheLease(t *testing.T) {
	t.Parallel()
	for _, lease := range []time.Duration{0, time.Second, 45 * time.Second} {
		t.Run(lease.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.sweeper.Concurrency, w.sweeper.Lease = 1, lease
				w.gateway.odd = func(ctx context.Context, _, no string) (order.Answer, bool) {
					until := w.store.At(no).LeaseUntil
					if deadline, ok := ctx.Deadline(); !ok || deadline.After(until.Add(-10*time.Second)) {
						t.Errorf("an exchange about %s may go on until %v, and the lease ends at %v", no, deadline, until)
					}
					return closingtest.Hangs(ctx), true
				}
				for i := range 10 {
					w.order(fmt.Sprint("A", i), tradestate.NotPay)
				}
				if report := w.sweep(5 * time.Minute); report.Retried == 0 {
					t.Errorf("got %+v", report)
				}
			})
		})
	}
}

// A store that hangs in mid-sweep does not keep the sweep beyond its deadline.
func TestSweepWhoseStoreHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.gateway.latency = time.Second
		for i := range 100 {
			w.order(fmt.Sprint("A", i), tradestate.NotPay)
		}
		time.AfterFunc(5*time.Second, func() { w.store.Hung.Store(true) })
		start := time.Now()
		report, _ := w.sweeper.RunOnce(withLimit(t, 12*time.Second))
		if took := time.Since(start); took >= 12*time.Second || report.Unrecorded == 0 || accounted(report) != report.Claimed {
			t.Errorf("in %v: got %+v", took, report)
		}
	})
}

// To be asked too often is not the order's fault: it is not given up for it.
func TestBeingLimitedGivesNothingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay)
		w.gateway.odd = func(context.Context, string, string) (order.Answer, bool) {
			a := closingtest.Answer(verdict.Limited, errcode.FrequencyLimited)
			a.RetryAfter = 30 * time.Second
			return a, true
		}
		for range 15 {
			w.sweep(20 * time.Second)
			passes(2 * time.Minute)
		}
		w.store.WantAt(t, "A1", schedule.Waiting, "")
		if got := w.store.At("A1").Attempts; got < 13 {
			t.Errorf("%d attempts, want more than there are for others", got)
		}
	})
}

// A close that was accepted and is not confirmed stays in doubt, though the order's state says
// unpaid.
func TestUnconfirmedStaysInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.sweeper.Confirm = true
		w.order("A1", tradestate.NotPay)
		w.gateway.odd = func(_ context.Context, op, _ string) (order.Answer, bool) {
			return closingtest.Answer(verdict.Accepted, ""), op == "close"
		}
		w.sweep(time.Minute)
		w.store.WantAt(t, "A1", schedule.Closing, "")
	})
}

// Calls are handed out evenly.
func TestCallsAreSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.sweeper.PerSecond = 10
		var last time.Time
		w.gateway.odd = func(context.Context, string, string) (order.Answer, bool) {
			w.gateway.mu.Lock()
			defer w.gateway.mu.Unlock()
			if gap := time.Since(last); gap < 90*time.Millisecond {
				t.Errorf("a call came %v after the one before, want a tenth of a second", gap)
			}
			last = time.Now()
			return order.Answer{}, false
		}
		for i := range 30 {
			w.order(fmt.Sprint("A", i), tradestate.NotPay)
		}
		w.sweep(time.Minute)
		w.wantEnded()
	})
}

// When the shared quota cannot be told, the sweep that was told rests all the same.
func TestPauseWithoutTheSharedQuota(t *testing.T) {
	t.Parallel()
	for _, proved := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.sweeper.Concurrency = 1
			w.store.Fault = func(op string) error {
				if op == "take" || op == "rate" || op == "limited" {
					return fakestore.ErrDown
				}
				return nil
			}
			var told time.Time
			w.gateway.odd = func(context.Context, string, string) (order.Answer, bool) {
				if told.IsZero() {
					told = time.Now()
					a := order.Answer{Verdict: verdict.Doubted, Code: errcode.FrequencyLimited, RetryAfter: 30 * time.Second}
					if proved {
						a.Verdict, a.Proof = verdict.Limited, order.ProofSignature
					}
					return a, true
				}
				if rest := time.Since(told); rest < 30*time.Second {
					t.Errorf("the next call came after %v, want it after the pause of 30s", rest)
				}
				return order.Answer{}, false
			}
			for i := range 5 {
				w.order(fmt.Sprint("A", i), tradestate.NotPay)
			}
			if report := w.sweep(2 * time.Minute); report.Closed < 4 || report.Retried == 0 {
				t.Errorf("got %+v", report)
			}
		})
	}
}

// Orders that come back untouched are said to be left.
func TestReleasedOrdersAreLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.sweeper.Concurrency, w.gateway.latency = 1, 800*time.Millisecond
		for i := range 6 { // there is time for five at most, and the sixth is in hand when it is known to be the last
			w.order(fmt.Sprint("A", i), tradestate.NotPay)
		}
		if report := w.sweep(12 * time.Second); report.Closed < 4 || report.Released != 1 || !report.Left {
			t.Errorf("got %+v, want one released and left", report)
		}
	})
}
