//go:build sqlite && databases

package sweep_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/store/storetest"
)

// What is swept, as make bench-store measures it.
const (
	swept   = 2000
	abreast = 64
	latency = 50 * time.Millisecond
)

func BenchmarkSweepPostgres(b *testing.B) { benchmarkSweep(b, storetest.Postgres(b)) }

func BenchmarkSweepMariaDB(b *testing.B) { benchmarkSweep(b, storetest.MariaDB(b)) }

func BenchmarkSweepSQLite(b *testing.B) { benchmarkSweep(b, storetest.SQLite()) }

// benchmarkSweep sweeps 2,000 orders, 64 at once, and has as many plain workers make the same calls to the same gateway
// without a store: the floor. It fails for what is done wrong, and reports how busy the gateway was kept: the share of abreast
// exchanges that are under way, from a sweep's beginning to its end. The last orders leave some workers idle, so that 2,000
// orders are 97.7 % at the very most; and a machine on which even the floor is low tells nothing about a sweep.
func benchmarkSweep(b *testing.B, db storetest.Database) {
	b.Helper()
	var sweeps, floors, ratios []float64
	for b.Loop() {
		w := newTown(b)
		w.latency = latency
		floor := w.plain(b)
		sweep := w.sweepAll(b, db)
		sweeps, floors, ratios = append(sweeps, sweep), append(floors, floor), append(ratios, sweep/floor)
	}
	b.ReportMetric(0, "ns/op") // which would be both, and making the databases
	b.ReportMetric(100*median(sweeps), "%busy")
	b.ReportMetric(100*median(floors), "%busy-floor")
	b.ReportMetric(median(ratios), "of-floor")
	// What other programs take away from a run is not the sweep's: the best run is what it can do.
	sweep, floor := slices.Max(sweeps), slices.Max(floors)
	b.ReportMetric(100*sweep, "%busy-best")
	b.Logf("%s: at best %.1f %% of %d exchanges under way, and %.1f %% without a store", db.Name, 100*sweep, abreast, 100*floor)
}

// busy is the share of the exchanges that were under way, of those that could have been.
func busy(calls int, took time.Duration) float64 {
	return (time.Duration(calls) * latency).Seconds() / abreast / took.Seconds()
}

// plain is the calls, and nothing else.
func (w *town) plain(b *testing.B) float64 {
	b.Helper()
	list := numbers("floor", swept)
	w.order(list...)
	gateway, shop := w.gateway("floor"), w.shop()
	orders := make(chan string, len(list))
	for _, no := range list {
		orders <- no
	}
	close(orders)
	ctx := context.Background()
	began := time.Now()
	var workers sync.WaitGroup
	for range abreast {
		workers.Go(func() {
			for no := range orders {
				call, fault := shop.CloseCall(order.Params{OutTradeNo: no})
				if fault != nil {
					b.Error(fault)
					return
				}
				state, closed := gateway.Query(ctx, call), gateway.Close(ctx, call)
				if state.Verdict != verdict.Stated || closed.Verdict != verdict.Accepted {
					b.Errorf("order %s: got %+v and %+v", no, state, closed)
				}
			}
		})
	}
	workers.Wait()
	return busy(2*len(list), time.Since(began))
}

// sweepAll is a sweep, from a store that was just opened.
func (w *town) sweepAll(b *testing.B, db storetest.Database) float64 {
	b.Helper()
	list := numbers("A", swept)
	address := db.Migrated(b)
	w.register(open(b, address), list...)
	w.order(list...)
	s := w.sweeper("sweep", open(b, address), abreast)
	began := time.Now()
	report, err := s.RunOnce(context.Background())
	took := time.Since(began)
	if err != nil || report.Closed != len(list) || report.Calls < 2*len(list) || report.Calls > 3*len(list) {
		b.Fatalf("got %+v, %v, want %d closed with a query, a close and as a rule another query each", report, err, len(list))
	}
	return busy(report.Calls, took)
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
