//go:build databases && sqlite

package store_test

import (
	"flag"
	"testing"
	"time"

	"cloudpay/internal/schedule/pruning"
	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
)

const (
	// leastPruned is how many orders are pruned a second, and maxSlower by how much claims may slow
	// down meanwhile.
	leastPruned = 1000
	maxSlower   = 1.3
)

var prunable = flag.Int("prunable", 1_000_000, "how many orders ended long ago")

func BenchmarkPrunePostgres(b *testing.B) { benchmarkPrune(b, storetest.Postgres(b)) }

func BenchmarkPruneMariaDB(b *testing.B) { benchmarkPrune(b, storetest.MariaDB(b)) }

// benchmarkPrune claims due orders, first alone and then while old orders are pruned as the command
// does it, with a pause after each step. The server flushes each commit to disk.
func benchmarkPrune(b *testing.B, db storetest.Database) {
	b.Helper()
	db.Flush(b)
	address := db.Migrated(b)
	storetest.Fill(b, db, address, shop, 100_000)
	storetest.FillEnded(b, db, address, shop, *prunable)
	s := db.OpenAt(b, address)
	for range b.N {
		alone := medianClaim(b, s)
		stop, ended := make(chan struct{}), make(chan float64, 1)
		go func() { ended <- prune(b, s, stop) }()
		beside := medianClaim(b, s)
		close(stop)
		rate, ratio := <-ended, float64(beside)/float64(alone)
		b.ReportMetric(rate, "pruned/s")
		b.ReportMetric(float64(alone.Microseconds())/1000, "ms/claim")
		b.ReportMetric(ratio, "ratio")
		if rate < leastPruned || ratio > maxSlower {
			b.Errorf("%s: got %.0f orders pruned a second, and claims %.2f times as long; want at least %d, and at most %.1f",
				db.Name, rate, ratio, leastPruned, maxSlower)
		}
	}
}

// prune prunes until it is stopped or there is nothing left, and returns how many orders it pruned
// a second.
func prune(b *testing.B, s *store.Store, stop <-chan struct{}) float64 {
	b.Helper()
	p := pruning.Selection{Account: shop, Age: 90 * 24 * time.Hour, Limit: 300}
	pruned, began := 0, time.Now()
	for more := true; more; {
		start := time.Now()
		step, err := s.Prune(b.Context(), p, func([]pruning.Order) error { return nil })
		if err != nil {
			b.Error(err)
			return 0
		}
		pruned += step.Orders
		p.After, more = step.Next, step.More
		select {
		case <-stop:
			more = false
		case <-time.After(time.Since(start)):
		}
	}
	return float64(pruned) / time.Since(began).Seconds()
}
