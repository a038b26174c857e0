package sweep_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/closing/closingtest"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/sweep"
)

// slowGateway answers each exchange in 50 ms, without a lock: a query finds every order unpaid, a
// close closes it.
type slowGateway struct{ latency time.Duration }

func (s slowGateway) Close(ctx context.Context, _ order.Call) order.Answer {
	return s.answer(ctx, closingtest.Answer(verdict.Accepted, ""))
}

func (s slowGateway) Query(ctx context.Context, c order.Call) order.Answer {
	a := closingtest.Answer(verdict.Stated, "")
	a.Facts = &order.Facts{TradeState: tradestate.NotPay, OutTradeNo: c.OutTradeNo}
	return s.answer(ctx, a)
}

func (s slowGateway) answer(ctx context.Context, a order.Answer) order.Answer {
	timer := time.NewTimer(s.latency)
	defer timer.Stop()
	select {
	case <-timer.C:
		return a
	case <-ctx.Done():
		return order.Answer{Verdict: verdict.Doubted, Code: errcode.Timeout}
	}
}

const (
	benchOrders      = 2000
	benchConcurrency = 64
	benchLatency     = 50 * time.Millisecond
)

// BenchmarkSweep is a sweep of 2,000 orders, 64 at once, by a store whose every word takes 2 ms,
// before a gateway that answers in 50 ms; busy is the share of 64 exchanges that were under way.
// BenchmarkSweepFloor is the same exchanges and nothing else. bench/sweep has the real thing.
func BenchmarkSweep(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		store := newStore()
		for i := range benchOrders {
			store.Add(b, fmt.Sprint("A", i))
		}
		store.Latency = 2 * time.Millisecond
		s := &sweep.Sweeper{
			Gateway: slowGateway{benchLatency}, Merchant: shop, Store: store, Concurrency: benchConcurrency, PerSecond: 5000,
		}
		b.StartTimer()
		report, err := s.RunOnce(b.Context())
		if err != nil || report.Closed != benchOrders {
			b.Fatalf("got %+v, %v", report, err)
		}
	}
	reportBusy(b)
}

func BenchmarkSweepFloor(b *testing.B) {
	for b.Loop() {
		orders := make(chan order.Call, benchOrders)
		for range benchOrders {
			orders <- order.Call{}
		}
		close(orders)
		gateway := slowGateway{benchLatency}
		var group sync.WaitGroup
		for range benchConcurrency {
			group.Go(func() {
				for c := range orders {
					gateway.Query(b.Context(), c)
					gateway.Close(b.Context(), c)
				}
			})
		}
		group.Wait()
	}
	reportBusy(b)
}

func reportBusy(b *testing.B) {
	b.Helper()
	took := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(100*(2*benchOrders*benchLatency).Seconds()/benchConcurrency/took.Seconds(), "%busy")
	b.ReportMetric(benchOrders/took.Seconds(), "orders/s")
}
