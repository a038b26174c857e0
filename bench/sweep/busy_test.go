//go:build sqlite && databases

package sweep_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/store/storetest"
)

// latency is what an exchange takes at least, where a sweep is to keep the gateway busy.
const latency = 50 * time.Millisecond

func BenchmarkSweepPostgres(b *testing.B) { benchmarkSweeps(b, flushed(b, storetest.Postgres(b))) }

func BenchmarkSweepMariaDB(b *testing.B) { benchmarkSweeps(b, flushed(b, storetest.MariaDB(b))) }

func BenchmarkSweepSQLite(b *testing.B) { benchmarkSweeps(b, storetest.SQLite()) }

// flushed is a database whose commits are on the disk when it says so. SQLite's are anyway.
func flushed(b *testing.B, db storetest.Database) storetest.Database {
	b.Helper()
	db.Flush(b)
	return db
}

func benchmarkSweeps(b *testing.B, db storetest.Database) {
	b.Helper()
	for _, abreast := range []int{64, 128} {
		b.Run(fmt.Sprintf("abreast=%d", abreast), func(b *testing.B) { benchmarkSweep(b, db, abreast) })
	}
}

// benchmarkSweep sweeps so many orders that each worker has thirty, and has as many plain workers
// make the same calls to the same gateway without a store: the floor. It fails for what is done
// wrong, and reports how busy the gateway was kept: the share of exchanges that are under way, of
// those that could be, from a sweep's beginning to its end. The last orders leave some workers
// idle, so that it is 97 % at the very most; and a machine on which even the floor is low tells
// nothing about a sweep.
func benchmarkSweep(b *testing.B, db storetest.Database, abreast int) {
	b.Helper()
	var sweeps, floors, ratios, rates []float64
	for b.Loop() {
		w := newTown(b)
		w.latency = latency
		floor := w.plain(b, abreast)
		took, calls := w.sweepAll(b, db, abreast)
		sweep := busy(calls, abreast, took)
		sweeps, floors, ratios = append(sweeps, sweep), append(floors, floor), append(ratios, sweep/floor)
		rates = append(rates, float64(abreast*perWorker)/took.Seconds())
	}
	b.ReportMetric(0, "ns/op") // which would be both, and making the databases
	b.ReportMetric(100*median(sweeps), "%busy")
	b.ReportMetric(100*median(floors), "%busy-floor")
	b.ReportMetric(median(ratios), "of-floor")
	b.ReportMetric(median(rates), "orders/s")
	// What other programs take away from a run is not the sweep's: the best run is what it can do.
	sweep, floor := slices.Max(sweeps), slices.Max(floors)
	b.ReportMetric(100*sweep, "%busy-best")
	b.Logf("%s: at best %.1f %% of %d exchanges under way, and %.1f %% without a store", db.Name, 100*sweep, abreast, 100*floor)
}

// perWorker is how many orders there are for each exchange that may be under way.
const perWorker = 30

// busy is the share of the exchanges that were under way, of those that could have been.
func busy(calls, abreast int, took time.Duration) float64 {
	return (time.Duration(calls) * latency).Seconds() / float64(abreast) / took.Seconds()
}

// plain is the calls, and nothing else.
func (w *town) plain(b *testing.B, abreast int) float64 {
	b.Helper()
	list := numbers("floor", abreast*perWorker)
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
	return busy(2*len(list), abreast, time.Since(began))
}

// sweepAll is a sweep, from a store that was just opened.
func (w *town) sweepAll(b *testing.B, db storetest.Database, abreast int) (took time.Duration, calls int) {
	b.Helper()
	list := numbers("A", abreast*perWorker)
	address := db.Migrated(b)
	w.register(open(b, address), list...)
	w.order(list...)
	s := w.sweeper("sweep", open(b, address), abreast)
	began := time.Now()
	report, err := s.RunOnce(context.Background())
	took = time.Since(began)
	if err != nil || report.Closed != len(list) || report.Calls < 2*len(list) || report.Calls > 3*len(list) {
		b.Fatalf("got %+v, %v, want %d closed with a query, a close and as a rule another query each", report, err, len(list))
	}
	return took, report.Calls
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
