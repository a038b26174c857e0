//go:build databases

// Package year_test has a register age by a year: every statement is the store's own, and what
// passes is the database's clock, as the store is told it. It holds the register to what a year may
// not change, and draws what it does change.
package year_test

import (
	"cmp"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/cli/archive"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
)

var write = flag.Bool("write", false, "write the chart and the table into docs/")

const (
	day  = 24 * time.Hour
	days = 365
	// kept is how long an order stays after its end.
	kept = 90 * day
	// full is how many orders the year has of which the chart is drawn.
	full = 2_000_000
	// perRun is about how many orders become due between two runs of a sweep, and mostRuns bounds
	// how many runs a day has.
	perRun, mostRuns = 600, 6
)

var shop = order.Account{Region: order.Mainland, MchID: "1900000001"}

// orders is the number of orders of the year: PROOF_YEAR, or few enough for each change.
func orders(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("PROOF_YEAR"), strconv.Itoa(full/100)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestYear registers, ends, tells and prunes the orders of a year.
func TestYear(t *testing.T) {
	y := newYear(t, orders(t))
	began := time.Now()
	for run := range days * y.runs {
		y.run(run)
	}
	for run := days * y.runs; run < (days+2)*y.runs; run++ { // no order is registered any more, and the last ones end
		y.run(run)
	}
	took := time.Since(began)
	y.wantAll()
	figures := fmt.Sprintf("%d orders, %d a day; the year passed in %v.\n\n", y.orders, y.orders/days, took.Round(time.Second)) + table(y.samples)
	t.Log(figures)
	drawing := chart(y.samples)
	wellFormed(t, drawing)
	if *write {
		publish(t, drawing, figures)
	}
}

// year is a register whose clock is moved on.
type year struct {
	*testing.T

	// orders is how many there are in the year, and runs how many sweeps a day has. A sample is
	// taken every so many days.
	orders, runs, every int

	address string
	raw     *sql.DB
	archive *archive.File
	// began is the database's clock at the year's beginning, shift what is added to it now.
	began time.Time
	shift atomic.Int64

	registered, ended, pruned int
	// acknowledged counts by order what the receiver has acknowledged.
	acknowledged []uint8
	samples      []sample
}

func newYear(t *testing.T, orders int) *year {
	t.Helper()
	db := storetest.Postgres(t)
	address := db.Migrated(t)
	kept, err := archive.Open(filepath.Join(t.TempDir(), "orders.jsonl.zst"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	const often, seldom = 5, 15 // a sample takes as long as a small day
	y := &year{
		T: t, orders: orders, runs: max(1, min(orders/days/perRun, mostRuns)), every: often, address: address, raw: storetest.Raw(t, address),
		archive: kept, began: time.Now().Add(-days * day), acknowledged: make([]uint8, orders),
	}
	if y.runs == 1 {
		y.every = seldom
	}
	y.hurry()
	return y
}

// hurry has autovacuum look each second instead of each minute, and work without pauses: a day
// passes in seconds. There are still far fewer looks a day than a real day has.
func (y *year) hurry() {
	y.Helper()
	for _, statement := range []string{
		"ALTER SYSTEM SET autovacuum_naptime = '1s'", "ALTER SYSTEM SET autovacuum_vacuum_cost_delay = 0", "SELECT pg_reload_conf()",
	} {
		y.must(y.raw.ExecContext(y.Context(), statement))
	}
}

func (y *year) must(_ any, err error) {
	y.Helper()
	if err != nil {
		y.Fatal(err)
	}
}

// run is what happens in one run of a sweep, by a new process. Orders were registered before it,
// and it prunes once a day.
func (y *year) run(run int) {
	y.Helper()
	at := y.began.Add(time.Duration(run) * day / time.Duration(y.runs))
	y.shift.Store(int64(time.Until(at)))
	if run%(y.every*y.runs) == 0 && y.registered > 0 {
		y.sample(run / y.runs)
	}
	s := y.process()
	defer func() { _ = s.Close() }()
	y.register(s, min(y.orders, y.orders*(run+1)/(days*y.runs)))
	y.work(s, run%y.runs == 0)
}

// process is the store of a new process.
func (y *year) process() *store.Store {
	y.Helper()
	s, err := store.Open(y.address + "&max_conns=4")
	if err != nil {
		y.Fatal(err)
	}
	s.ShiftClock(func() (time.Duration, error) { return time.Duration(y.shift.Load()), nil })
	return s
}

func entry(i int) schedule.Entry {
	const soon, late = 30 * time.Minute, day
	total := int64(100 + i%1000)
	e := schedule.Entry{
		Ref:   order.Ref{Region: shop.Region, MchID: shop.MchID, OutTradeNo: fmt.Sprintf("Y%09d", i)},
		Owner: order.Owner(fmt.Sprintf("wx:wx0123456789abcdef:oUpF8uMuAJO_%016d", i)), Total: &total, CloseIn: soon,
	}
	if i%10 == 0 {
		e.CloseIn = late
	}
	return e
}

// index is the number of an order among the year's; -1, which nothing has, for any other.
func index(number string) int {
	i, err := strconv.Atoi(strings.TrimPrefix(number, "Y"))
	if err != nil {
		return -1
	}
	return i
}

// register registers the orders up to a number.
func (y *year) register(s *store.Store, until int) {
	y.Helper()
	if y.registered == until {
		return
	}
	entries := make([]schedule.Entry, until-y.registered)
	for i := range entries {
		entries[i] = entry(y.registered + i)
	}
	all, err := s.RegisterAll(y.Context(), entries)
	if err != nil {
		y.Fatal(err)
	}
	for i, one := range all {
		if one.Err != nil || !one.Added {
			y.Fatalf("registering %s: got %+v, want it added", entries[i].Ref, one)
		}
	}
	y.registered = until
}

// wantAll wants every order to have ended and to be told once, and those that ended long ago to be
// pruned: archived, and registered once for good.
func (y *year) wantAll() {
	y.Helper()
	for i, n := range y.acknowledged {
		if n != 1 {
			y.Errorf("order %d, and perhaps others: the receiver has acknowledged %d events, want 1", i, n)
			break
		}
	}
	for question, want := range map[string]int{
		"SELECT COUNT(*) FROM cloudpay_orders":                                     y.orders - y.pruned,
		"SELECT COUNT(*) FROM cloudpay_orders WHERE progress <> 'done'":            0,
		"SELECT COUNT(*) FROM cloudpay_events":                                     y.orders - y.pruned,
		"SELECT COUNT(*) FROM cloudpay_events WHERE delivered_at IS NULL":          0,
		"SELECT COUNT(*) FROM cloudpay_tombstones":                                 y.pruned,
		"SELECT last FROM cloudpay_numbers":                                        y.orders,
		"SELECT COUNT(*) FROM cloudpay_orders WHERE ended_at < " + y.ago(kept+day): 0,
	} {
		if got := y.ask(question); got != want {
			y.Errorf("%s: got %d, want %d", question, got, want)
		}
	}
	if least := y.orders * 2 / 3; y.ended != y.orders || y.pruned < least {
		y.Errorf("got %d orders ended and %d pruned, want %d and at least %d", y.ended, y.pruned, y.orders, least)
	}
	s := y.process()
	defer func() { _ = s.Close() }()
	again, err := s.RegisterAll(context.Background(), []schedule.Entry{entry(0), entry(y.orders / 2), entry(y.orders - 1)})
	for i, one := range again {
		if err != nil || one.Added {
			y.Errorf("registering %d again: got %+v, %v, want nothing added", i, one, err)
		}
	}
}

// ago is a time before now, as the database writes it.
func (y *year) ago(d time.Duration) string {
	return fmt.Sprintf("statement_timestamp() + %d * interval '1 microsecond'", (time.Duration(y.shift.Load()) - d).Microseconds())
}

func (y *year) ask(question string) (n int) {
	y.Helper()
	if err := y.raw.QueryRowContext(y.Context(), question).Scan(&n); err != nil {
		y.Fatalf("%s: %v", question, err)
	}
	return n
}
