package sweep_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
)

const day = 24 * time.Hour

// ended registers orders that ended, with acknowledged events, and lets 100 days go by.
func (w *world) ended(n int) {
	w.t.Helper()
	for i := range n {
		no := fmt.Sprint("E", i)
		w.order(no, tradestate.Closed)
		if err := w.store.Observe(w.t.Context(), ref(no), schedule.Final{State: schedule.FinalClosed}); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := w.store.Acknowledge(w.t.Context(), shop.Account(), int64(n)); err != nil {
		w.t.Fatal(err)
	}
	passes(100 * day)
}

func TestSweepPrunes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ended(3)
		w.order("A1", tradestate.NotPay)
		w.sweeper.PruneAfter = 90 * day
		if report := w.sweep(time.Minute); report.Pruned != 3 || report.Closed != 1 {
			t.Errorf("got %+v, want 3 pruned and 1 closed", report)
		}
		if left := w.store.Refs(); len(left) != 1 || left[0] != ref("A1") {
			t.Errorf("got %v left, want A1 alone", left)
		}
		passes(89 * day)
		if report := w.sweep(time.Minute); report.Pruned != 0 {
			t.Errorf("got %d pruned after 89 days, want none", report.Pruned)
		}
	})
}

// A sweep prunes where it is told to, and not before everything else is done.
func TestSweepDoesNotPrune(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world){
		"without a setting":  func(w *world) { w.sweeper.PruneAfter = 0 },
		"resolving doubt":    func(w *world) { w.sweeper.DoubtfulOnly = true },
		"what is too young":  func(w *world) { w.sweeper.PruneAfter = 101 * day },
		"with orders to do":  func(w *world) { w.gateway.latency = 3 * time.Second; w.dueNow(500) },
		"without a database": func(w *world) { w.store.Break("prune") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.ended(3)
				w.sweeper.PruneAfter = 90 * day
				change(w)
				if report := w.sweep(10 * time.Second); report.Pruned != 0 || report.Fault != "" {
					t.Errorf("got %+v, want nothing pruned, and no fault", report)
				}
				if said := strings.Contains(w.log.String(), "could not be pruned"); said != (name == "without a database") {
					t.Errorf("got the log %s", w.log)
				}
			})
		})
	}
}

// dueNow registers orders that are due.
func (w *world) dueNow(n int) {
	w.t.Helper()
	for i := range n {
		w.order(fmt.Sprint("D", i), tradestate.NotPay)
	}
}

// One run prunes two thousand at most, and the next one goes on.
func TestSweepPrunesInPortions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ended(2100)
		w.sweeper.PruneAfter = 90 * day
		for _, want := range []int{2000, 100, 0} {
			if report := w.sweep(time.Minute); report.Pruned != want {
				t.Errorf("got %d pruned, want %d", report.Pruned, want)
			}
		}
	})
}

// A slow database does not keep a sweep beyond its time.
func TestSweepPrunesInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ended(2100)
		w.sweeper.PruneAfter = 90 * day
		w.store.Latency = 500 * time.Millisecond
		start := time.Now()
		if report := w.sweep(10 * time.Second); report.Pruned == 0 {
			t.Errorf("got %+v, want some pruned", report)
		}
		if took := time.Since(start); took > 9*time.Second {
			t.Errorf("it took %v of 10 s: it waits although no step would follow", took)
		}
	})
}

// A sweep rests after each step for three times as long as it took: claims beside it are slowed
// down while it deletes.
func TestSweepRestsBetweenSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ended(1000)
		w.sweeper.PruneAfter = 90 * day
		w.store.Latency = 40 * time.Millisecond
		var began []time.Time
		w.store.Fault = func(op string) error {
			if op == "prune" {
				began = append(began, time.Now())
			}
			return nil
		}
		w.sweep(time.Minute)
		if len(began) != 5 {
			t.Fatalf("got %d steps, want four that prune and one that finds nothing", len(began))
		}
		for i, at := range began[1:] {
			if apart := at.Sub(began[i]); apart != 160*time.Millisecond {
				t.Errorf("step %d began %s after the one before, want the step's 40 ms and a rest of 120 ms", i+1, apart)
			}
		}
	})
}
