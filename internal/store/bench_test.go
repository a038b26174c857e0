//go:build databases && sqlite

package store_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
)

// What the product promises; `make bench-store` measures it.
const (
	batch    = 100
	maxRatio = 1.3 // of the cost of a batch in a full table to that in a nearly empty one
)

var rows = flag.Int("rows", 10_000_000, "how many orders wait in the full table of PostgreSQL and MariaDB; SQLite's has a tenth")

var shop = order.Account{Region: order.Mainland, MchID: "1900000001"}

func BenchmarkClaimPostgres(b *testing.B) { benchmarkClaim(b, storetest.Postgres(b), *rows) }

func BenchmarkClaimMariaDB(b *testing.B) { benchmarkClaim(b, storetest.MariaDB(b), *rows) }

func BenchmarkClaimSQLite(b *testing.B) { benchmarkClaim(b, storetest.SQLite(), *rows/10) }

// benchmarkClaim claims batches in a table of 10,000 waiting orders and in a full one. A tenth of
// the orders is due. The server flushes each commit to disk.
func benchmarkClaim(b *testing.B, db storetest.Database, full int) {
	b.Helper()
	if db.Name != "sqlite" { // which does so anyway
		db.Flush(b)
	}
	const few = 10_000
	var fewCost time.Duration
	for _, n := range []int{few, full} {
		s := filled(b, db, n)
		b.Run(fmt.Sprintf("waiting=%d", n), func(b *testing.B) {
			cost := medianClaim(b, s)
			b.ReportMetric(float64(cost.Microseconds())/1000, "ms/claim")
			if n == few {
				fewCost = cost
				return
			}
			ratio := float64(cost) / float64(fewCost)
			b.ReportMetric(ratio, "ratio")
			if b.N > 1 && ratio > maxRatio {
				b.Errorf("%s: a batch of %d costs %v of %d waiting orders and %v of %d: got a ratio of %.2f, want at most %.1f",
					db.Name, batch, fewCost, few, cost, full, ratio, maxRatio)
			}
		})
	}
}

// filled is a store with n waiting orders, a tenth of them due, the longest due first.
func filled(b *testing.B, db storetest.Database, n int) *store.Store {
	b.Helper()
	address := db.Migrated(b)
	began := time.Now()
	storetest.Fill(b, db, address, shop, n)
	b.Logf("loaded %d orders into %s in %v", n, db.Name, time.Since(began).Round(time.Millisecond))
	s, err := store.Open(address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// medianClaim is the median cost of up to 500 claims, one for each of the benchmark's runs.
func medianClaim(b *testing.B, s *store.Store) time.Duration {
	b.Helper()
	costs := claimCosts(b, s, min(b.N, 500))
	return costs[len(costs)/2]
}

// claimCosts claims n batches, releases each, and returns what the claims cost, the cheapest first.
func claimCosts(b *testing.B, s *store.Store, n int) []time.Duration {
	b.Helper()
	const warm = 20
	var costs []time.Duration
	for i := range n + warm {
		began := time.Now()
		claims, err := s.Claim(context.Background(), shop, batch, time.Minute)
		cost := time.Since(began)
		if err != nil || len(claims) != batch {
			b.Fatalf("got %d claims and error %v, want %d", len(claims), err, batch)
		}
		if i >= warm {
			costs = append(costs, cost)
		}
		if n, err := s.Release(context.Background(), claims); err != nil || n != batch {
			b.Fatalf("got %d released and error %v, want %d", n, err, batch)
		}
	}
	slices.Sort(costs)
	return costs
}

func BenchmarkFourClaimersPostgres(b *testing.B) { benchmarkClaimers(b, storetest.Postgres(b)) }

func BenchmarkFourClaimersMariaDB(b *testing.B) { benchmarkClaimers(b, storetest.MariaDB(b)) }

// benchmarkClaimers lets the claimers of four processes end 20,000 orders, 16 at a time each. The
// server flushes each commit to disk.
func benchmarkClaimers(b *testing.B, db storetest.Database) {
	b.Helper()
	db.Flush(b)
	const orders, claimers, abreast = 20_000, 4, 16
	for range b.N {
		b.StopTimer()
		address := db.Migrated(b)
		storetest.Fill(b, db, address, shop, 10*orders) // a tenth of them is due
		var mu sync.Mutex
		handled := make(map[int64]int, orders)
		b.StartTimer()
		began := time.Now()
		var busy sync.WaitGroup
		for range claimers {
			s, err := store.Open(address)
			if err != nil {
				b.Fatal(err)
			}
			busy.Go(func() {
				defer func() { _ = s.Close() }()
				claimAll(b, s, abreast, func(c schedule.Claim) {
					mu.Lock()
					defer mu.Unlock()
					handled[c.ID]++
				})
			})
		}
		busy.Wait()
		b.ReportMetric(orders/time.Since(began).Seconds(), "orders/s")
		for id, times := range handled {
			if times != 1 {
				b.Errorf("order %d was handled %d times, want once", id, times)
			}
		}
		if len(handled) != orders {
			b.Errorf("got %d orders handled, want %d", len(handled), orders)
		}
	}
}

// claimAll claims and ends orders until none is due.
func claimAll(b *testing.B, s *store.Store, abreast int, handled func(schedule.Claim)) {
	b.Helper()
	for {
		claims, err := s.Claim(context.Background(), shop, batch, time.Minute)
		if err != nil {
			b.Error(err)
			return
		}
		if len(claims) == 0 {
			return
		}
		work := make(chan schedule.Claim, len(claims))
		for _, c := range claims {
			work <- c
		}
		close(work)
		var busy sync.WaitGroup
		for range abreast {
			busy.Go(func() {
				for c := range work {
					handled(c)
					if err := s.Finish(context.Background(), c, schedule.Final{State: schedule.FinalClosed}); err != nil {
						b.Error(err)
					}
				}
			})
		}
		busy.Wait()
	}
}
