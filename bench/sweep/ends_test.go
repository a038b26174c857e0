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
	"cloudpay/internal/sweep"
)

func BenchmarkInstantPostgres(b *testing.B) { benchmarkInstant(b, flushed(b, storetest.Postgres(b))) }

func BenchmarkInstantMariaDB(b *testing.B) { benchmarkInstant(b, flushed(b, storetest.MariaDB(b))) }

func BenchmarkInstantSQLite(b *testing.B) { benchmarkInstant(b, storetest.SQLite()) }

// instant is a gateway that takes no time: every order is unpaid, and is closed when it is asked to
// be.
type instant struct{}

func (instant) Query(_ context.Context, c order.Call) order.Answer {
	a := closingtest.Answer(verdict.Stated, "")
	a.Facts = &order.Facts{TradeState: tradestate.NotPay, OutTradeNo: c.OutTradeNo}
	return a
}

func (instant) Close(context.Context, order.Call) order.Answer {
	return closingtest.Answer(verdict.Accepted, "")
}

// benchmarkInstant sweeps orders that take WeChat Pay no time: what the register and the sweep take
// themselves.
func benchmarkInstant(b *testing.B, db storetest.Database) {
	b.Helper()
	const orders = 10_000
	w := newTown(b)
	var rates []float64
	for b.Loop() {
		address := db.Migrated(b)
		w.register(open(b, address), numbers("A", orders)...)
		s := &sweep.Sweeper{Gateway: instant{}, Merchant: w.shop(), Store: open(b, address), Concurrency: 64, PerSecond: unlimited}
		began := time.Now()
		report, err := s.RunOnce(context.Background())
		if err != nil || report.Closed != orders {
			b.Fatalf("got %+v, %v, want %d closed", report, err, orders)
		}
		rates = append(rates, orders/time.Since(began).Seconds())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(rates), "orders/s")
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
