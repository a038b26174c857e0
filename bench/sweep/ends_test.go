//go:build sqlite && databases

package sweep_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/closing/closingtest"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
)

func BenchmarkInProcessPostgres(b *testing.B) {
	benchmarkInProcess(b, flushed(b, storetest.Postgres(b)))
}

func BenchmarkInProcessMariaDB(b *testing.B) { benchmarkInProcess(b, flushed(b, storetest.MariaDB(b))) }

func BenchmarkInProcessSQLite(b *testing.B) { benchmarkInProcess(b, storetest.SQLite()) }

// inProcess is a gateway without a wire, which takes the processor no time: every order is unpaid,
// and is closed when it is asked to be.
type inProcess struct{ latency time.Duration }

func (g inProcess) Query(ctx context.Context, c order.Call) order.Answer {
	pass(ctx.Done(), g.latency)
	a := closingtest.Answer(verdict.Stated, "")
	a.Facts = &order.Facts{TradeState: tradestate.NotPay, OutTradeNo: c.OutTradeNo}
	return a
}

func (g inProcess) Close(ctx context.Context, _ order.Call) order.Answer {
	pass(ctx.Done(), g.latency)
	return closingtest.Answer(verdict.Accepted, "")
}

// benchmarkInProcess sweeps without a wire: what the register and the sweep take themselves, on a
// machine whose processors the wire and the emulated gateway would otherwise take.
func benchmarkInProcess(b *testing.B, db storetest.Database) {
	b.Helper()
	for name, of := range map[string]struct {
		orders, abreast int
		latency         time.Duration
	}{
		"instant":     {10_000, 64, 0},
		"abreast=64":  {64 * perWorker, 64, latency},
		"abreast=128": {128 * perWorker, 128, latency},
	} {
		b.Run(name, func(b *testing.B) {
			w := newTown(b)
			var rates, shares []float64
			for b.Loop() {
				address := db.Migrated(b)
				w.register(open(b, address), numbers("A", of.orders)...)
				s := w.sweeper("sweep", open(b, address), of.abreast)
				s.Gateway = inProcess{of.latency}
				began := time.Now()
				report, err := s.RunOnce(context.Background())
				took := time.Since(began)
				if err != nil || report.Closed != of.orders {
					b.Fatalf("got %+v, %v, want %d closed", report, err, of.orders)
				}
				rates, shares = append(rates, float64(of.orders)/took.Seconds()), append(shares, busy(report.Calls, of.abreast, took))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(rates), "orders/s")
			if of.latency > 0 {
				b.ReportMetric(100*median(shares), "%busy")
			}
		})
	}
}

func BenchmarkEndsPostgres(b *testing.B) { benchmarkEnds(b, flushed(b, storetest.Postgres(b))) }

func BenchmarkEndsMariaDB(b *testing.B) { benchmarkEnds(b, flushed(b, storetest.MariaDB(b))) }

func BenchmarkEndsSQLite(b *testing.B) { benchmarkEnds(b, storetest.SQLite()) }

// benchmarkEnds records ends, 64 at a time and 4 batches side by side, as a sweep does; and for
// comparison one by one, 8 side by side.
func benchmarkEnds(b *testing.B, db storetest.Database) {
	b.Helper()
	const orders, batch = 10_000, 64
	w := newTown(b)
	var batched, singly []float64
	for b.Loop() {
		batched = append(batched, w.ends(b, db, orders, batch, 4))
		singly = append(singly, w.ends(b, db, orders/10, 1, 8))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(batched), "ends/s")
	b.ReportMetric(median(singly), "ends/s-singly")
}

// ends records orders' ends in batches, some side by side, and returns how many a second.
func (w *town) ends(b *testing.B, db storetest.Database, orders, batch, abreast int) float64 {
	b.Helper()
	kept := open(b, db.Migrated(b))
	w.register(kept, numbers("A", orders)...)
	batches := make(chan []schedule.Ended, orders)
	for begun := 0; begun < orders; {
		claims, err := kept.Claim(context.Background(), w.shop().Account(), batch, time.Minute)
		if err != nil || len(claims) == 0 {
			b.Fatalf("got %d claims, %v", len(claims), err)
		}
		ended := make([]schedule.Ended, len(claims))
		for i, c := range claims {
			ended[i] = schedule.Ended{Claim: c, Final: schedule.Final{State: schedule.FinalClosed}}
		}
		batches <- ended
		begun += len(claims)
	}
	close(batches)
	began := time.Now()
	var writers sync.WaitGroup
	for range abreast {
		writers.Go(func() {
			for ended := range batches {
				record(b, kept, ended)
			}
		})
	}
	writers.Wait()
	return float64(orders) / time.Since(began).Seconds()
}

func record(b *testing.B, kept *store.Store, ended []schedule.Ended) {
	b.Helper()
	if len(ended) == 1 {
		if err := kept.Finish(context.Background(), ended[0].Claim, ended[0].Final); err != nil {
			b.Error(err)
		}
		return
	}
	if err := errors.Join(kept.FinishAll(context.Background(), ended)...); err != nil {
		b.Error(err)
	}
}
