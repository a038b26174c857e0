//go:build databases

package year_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// sizes are those of the tables with their indexes.
const sizes = "SELECT pg_total_relation_size('cloudpay_orders'), pg_total_relation_size('cloudpay_events')," +
	" pg_total_relation_size('cloudpay_tombstones')"

// sample is how the register stands on one day.
type sample struct {
	Day int
	// Rows are the orders that are left.
	Rows int
	// Orders, Events and Tombstones are the sizes of the tables with their indexes, in bytes.
	Orders, Events, Tombstones int64
	// DeadOrders and DeadEvents are dead rows, and VacuumedOrders and VacuumedEvents are how often
	// autovacuum was there, all as PostgreSQL counts them.
	DeadOrders, DeadEvents         int
	VacuumedOrders, VacuumedEvents int
	// Claim is what the first claims of a new process cost: of what is in doubt, and of a hundred
	// orders that are due.
	Claim time.Duration
	// Pages are what its scan for due orders reads.
	Pages int
}

// sample notes how the register stands.
func (y *year) sample(day int) {
	y.Helper()
	at := sample{Day: day, Rows: y.registered - y.pruned, Claim: y.firstClaim(), Pages: y.pages()}
	if err := y.raw.QueryRowContext(y.Context(), sizes).Scan(&at.Orders, &at.Events, &at.Tombstones); err != nil {
		y.Fatal(err)
	}
	for table, to := range map[string][2]*int{
		"cloudpay_orders": {&at.DeadOrders, &at.VacuumedOrders}, "cloudpay_events": {&at.DeadEvents, &at.VacuumedEvents},
	} {
		if err := y.raw.QueryRowContext(y.Context(), "SELECT n_dead_tup, autovacuum_count FROM pg_stat_user_tables WHERE relname = $1",
			table).Scan(to[0], to[1]); err != nil {
			y.Fatal(err)
		}
	}
	y.samples = append(y.samples, at)
	y.Logf("day %d: %d orders of %d registered are left, a claim costs %v", day, at.Rows, y.registered, at.Claim)
	const most = 600 // those of a hundred rows, and of the orders that ended since the last run
	if at.Pages > most {
		y.Errorf("day %d: got %d pages read to find a hundred orders, want at most %d", day, at.Pages, most)
	}
}

// firstClaim is the median cost of the first claims of new processes, which are connected.
func (y *year) firstClaim() time.Duration {
	y.Helper()
	const processes, limit, ceiling = 5, 100, 300
	var costs []time.Duration
	for range processes {
		s := y.process()
		if _, err := s.Rate(y.Context(), shop, ceiling); err != nil { // connects
			y.Fatal(err)
		}
		began := time.Now()
		doubtful, err := s.ClaimDoubtful(y.Context(), shop, limit, lease)
		waiting, err2 := s.Claim(y.Context(), shop, limit, lease)
		costs = append(costs, time.Since(began))
		if err != nil || err2 != nil {
			y.Fatal(err, err2)
		}
		if _, err := s.Release(y.Context(), slices.Concat(doubtful, waiting)); err != nil {
			y.Fatal(err)
		}
		_ = s.Close()
	}
	slices.Sort(costs)
	return costs[len(costs)/2]
}

// pages is how many pages PostgreSQL reads to find a hundred orders that are due.
func (y *year) pages() int {
	y.Helper()
	var answer []byte
	err := y.raw.QueryRowContext(y.Context(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT id FROM cloudpay_orders"+
		" WHERE region = 'cn' AND mchid = '"+shop.MchID+"' AND progress = 'waiting' AND due_at >= (SELECT head FROM cloudpay_watermarks"+
		" WHERE what = 'waiting') AND due_at <= "+y.ago(0)+" ORDER BY due_at LIMIT 100").Scan(&answer)
	if err != nil {
		y.Fatal(err)
	}
	var plans []struct {
		Plan struct {
			Hit  int `json:"Shared Hit Blocks"`
			Read int `json:"Shared Read Blocks"`
		}
	}
	if err := json.Unmarshal(answer, &plans); err != nil || len(plans) != 1 {
		y.Fatalf("%s: %v", answer, err)
	}
	return plans[0].Plan.Hit + plans[0].Plan.Read
}

// megabytes writes a size.
func megabytes(n int64) string { return fmt.Sprintf("%.0f", inMegabytes(n)) }

func inMegabytes(n int64) float64 { return float64(n) / (1 << 20) }
