//go:build databases && sqlite

package store_test

import (
	"flag"
	"slices"
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
	// rounds alternate between claims alone and claims beside pruning, so that another load on the
	// machine meets both.
	rounds, claimsEach = 20, 50
)

var prunable = flag.Int("prunable", 1_000_000, "how many orders ended long ago")

func BenchmarkPrunePostgres(b *testing.B) { benchmarkPrune(b, storetest.Postgres(b)) }

func BenchmarkPruneMariaDB(b *testing.B) { benchmarkPrune(b, storetest.MariaDB(b)) }

// benchmarkPrune compares the median cost of claims alone with that of claims beside pruning as the
// command does it, with a rest after each step. The server flushes each commit to disk.
func benchmarkPrune(b *testing.B, db storetest.Database) {
	b.Helper()
	db.Flush(b)
	address := db.Migrated(b)
	storetest.Fill(b, db, address, shop, 100_000)
	storetest.FillEnded(b, db, address, shop, *prunable)
	s := db.OpenAt(b, address)
	p := pruning.Selection{Account: shop, Age: 90 * 24 * time.Hour, Limit: 300}
	for range b.N {
		var alone, beside []time.Duration
		var pruned int
		var took time.Duration
		for range rounds {
			alone = append(alone, claimCosts(b, s, claimsEach)...)
			began, stop, ended := time.Now(), make(chan struct{}), make(chan int, 1)
			go func() { ended <- prune(b, s, &p, stop) }()
			beside = append(beside, claimCosts(b, s, claimsEach)...)
			close(stop)
			pruned += <-ended
			took += time.Since(began)
		}
		slices.Sort(alone)
		slices.Sort(beside)
		ratioAt := func(i int) float64 { return float64(beside[i]) / float64(alone[i]) }
		rate, ratio := float64(pruned)/took.Seconds(), ratioAt(len(alone)/2)
		b.ReportMetric(rate, "pruned/s")
		b.ReportMetric(float64(alone[len(alone)/2].Microseconds())/1000, "ms/claim")
		b.ReportMetric(ratio, "ratio")
		b.ReportMetric(ratioAt(len(alone)*9/10), "ratio90")
		if rate < leastPruned || ratio > maxSlower {
			b.Errorf("%s: got %.0f orders pruned a second, and claims %.2f times as long; want at least %d, and at most %.1f",
				db.Name, rate, ratio, leastPruned, maxSlower)
		}
	}
}

// prune prunes until it is stopped, and returns how many orders it pruned.
func prune(b *testing.B, s *store.Store, p *pruning.Selection, stop <-chan struct{}) (pruned int) {
	b.Helper()
	for {
		start := time.Now()
		step, err := s.Prune(b.Context(), *p, func([]pruning.Order) error { return nil })
		if err != nil || !step.More {
			b.Errorf("got %d orders pruned and error %v, want more orders to prune", pruned, err)
			return pruned
		}
		pruned += step.Orders
		p.After = step.Next
		select {
		case <-stop:
			return pruned
		case <-time.After(pruning.Rest(time.Since(start))):
		}
	}
}
