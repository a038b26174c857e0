//go:build sqlite && databases

package app_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
	"cloudpay/pkg/paygate"
)

const (
	// killedOrders orders become due one after the other, while at least leastKills sweeping
	// processes are killed.
	killedOrders = 2000
	leastKills   = 200
	// roundTime passes in the database between two rounds of sweeps, so that the leases of killed
	// processes expire.
	roundTime = 61 * time.Second
	// rounds is the number of rounds in which orders become due. With more rounds, fewer orders are
	// due in each, and each order is swept closer to its time.
	rounds = 200
	// longer is how long more rounds, with more orders, follow if too few sweeps were killed.
	longer = 3 * time.Minute
)

// Three processes sweep the same orders and are killed with SIGKILL at random moments, while
// customers pay, replies get lost and the clock jumps. At the end every order is closed or paid as
// at WeChat Pay, with one event, and none was closed before its time.
func TestKilledSweeps(t *testing.T) {
	for _, database := range []struct {
		name string
		make func(testing.TB) storetest.Database
	}{
		{"SQLite", func(testing.TB) storetest.Database { return storetest.SQLite() }},
		{"PostgreSQL", storetest.Postgres},
		{"MariaDB", storetest.MariaDB},
	} {
		t.Run(database.name, func(t *testing.T) {
			d := newDeadly(t, database.make(t))
			start := time.Now()
			stop := d.customers()
			for range rounds {
				d.round(d.moment)
			}
			for until := time.Now().Add(longer); !d.enough() && time.Now().Before(until); {
				d.register(killedOrders / rounds)
				d.round(d.moment)
			}
			stop()
			d.ClearFaults()
			for range 20 {
				d.round(nil)
			}
			d.wantAllEnded()
			t.Logf("%d sweeps killed, %d ended, %d failed, in %v; %d orders were found leased to the dead; %d closed, %d paid",
				d.kills, d.ended, d.failed, time.Since(start).Round(time.Second), d.orphans, d.states[paygate.StateClosed], d.states[paygate.StateSuccess])
		})
	}
}

// deadly is a register whose sweeps are killed.
type deadly struct {
	*env

	store  *store.Store
	raw    *sql.DB
	kind   string
	sweeps []*platform.Function
	random *rand.Rand

	began  time.Time
	passed time.Duration
	closed map[string]bool // as seen at the gateway
	orders int             // registered so far

	mu sync.Mutex
	// longest bounds the life of a sweep that is to be killed. It follows the duration of sweeps,
	// so that about as many are killed as end by themselves.
	longest              time.Duration
	kills, ended, failed int
	orphans              int
	paid                 map[string]bool
	states               map[paygate.TradeState]int
}

func newDeadly(t *testing.T, database storetest.Database) *deadly {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	address := database.Migrated(t)
	opened, err := store.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	d := &deadly{
		env: newEnv(t, mode{api: order.V2}), store: opened, raw: storetest.Raw(t, address), kind: database.Name,
		random: rand.New(rand.NewPCG(seed, 0)), longest: 100 * time.Millisecond,
		closed: map[string]bool{}, paid: map[string]bool{}, states: map[paygate.TradeState]int{},
	}
	d.vars["CLOUDPAY_STORE"] = address
	d.vars["CLOUDPAY_SWEEP_PER_SECOND"] = "10000"
	d.vars["CLOUDPAY_SWEEP_ATTEMPTS"] = "100" // killed attempts count, and no order is to be given up
	for i, name := range []string{"closeorder", "closeorder", "queryorder"} {
		spec := d.spec(name, patient)
		spec.Name, spec.Binary, spec.Log = fmt.Sprintf("%s-%d", name, i), sqliteBinary(t, name), io.Discard
		f, err := platform.Start(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		d.sweeps = append(d.sweeps, f)
	}
	d.began = time.Now()
	d.register(killedOrders)
	return d
}

func killedNumber(i int) string { return fmt.Sprintf("K%04d", i) }

// dueAfter is the time from the beginning until an order is due.
func dueAfter(i int) time.Duration { return time.Duration(i*rounds/killedOrders) * roundTime }

// register registers more orders: at the beginning, or when they are due.
func (d *deadly) register(more int) {
	d.t.Helper()
	passed := time.Since(d.began) + d.passed
	entries := make([]schedule.Entry, more)
	for i := range entries {
		number := killedNumber(d.orders + i)
		d.order(number)
		ref := order.Ref{Region: order.Mainland, MchID: d.Merchant.MchID, OutTradeNo: number}
		entries[i] = schedule.Entry{Ref: ref, CloseIn: max(0, dueAfter(d.orders+i)-passed)}
	}
	d.orders += more
	if _, err := d.store.RegisterAll(d.t.Context(), entries); err != nil {
		d.t.Fatal(err)
	}
}

// customers pays a third of the orders, until stop.
func (d *deadly) customers() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	random := rand.New(rand.NewPCG(d.random.Uint64(), 1))
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil {
			<-time.After(time.Duration(random.IntN(int(60 * time.Millisecond)))) // a random time between two payments
			number := killedNumber(random.IntN(killedOrders))
			if d.Pay(number, d.owner()) == nil {
				d.mu.Lock()
				d.paid[number] = true
				d.mu.Unlock()
			}
		}
	})
	return func() {
		cancel()
		group.Wait()
	}
}

// moment is how long after its event a sweep is killed; some are not.
func (d *deadly) moment() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.random.IntN(8) == 0 {
		return patient
	}
	return time.Duration(d.random.Int64N(int64(d.longest)))
}

// round runs all sweeps at once, each until its moment, and then lets time pass. Without moments
// none is killed.
func (d *deadly) round(moment func() time.Duration) {
	d.t.Helper()
	var group sync.WaitGroup
	for _, f := range d.sweeps {
		life := patient
		if moment != nil {
			life = moment()
		}
		group.Go(func() { d.sweep(f, life) })
	}
	if moment != nil {
		d.misfortune()
	}
	group.Wait()
	var held int
	if err := d.raw.QueryRowContext(d.t.Context(), "SELECT COUNT(*) FROM cloudpay_orders WHERE lease_until IS NOT NULL").Scan(&held); err != nil {
		d.t.Fatal(err)
	}
	d.orphans += held
	d.wantNoneEarly()
	d.pass(roundTime)
}

// misfortune loses replies and at times puts the clock forward, so that leases expire while sweeps
// run.
func (d *deadly) misfortune() {
	d.inject(paygate.Drop, "close", 1+d.random.IntN(2))
	d.inject(paygate.SystemError, "", 1)
	d.MustInject(paygate.Fault{Action: paygate.Delay, Delay: 3 * time.Millisecond, Times: 20})
	if d.random.IntN(5) == 0 {
		<-time.After(time.Duration(d.random.IntN(int(60 * time.Millisecond)))) // at a random moment
		d.pass(roundTime)
	}
}

// sweep fires a function's timer and kills its process after a while.
func (d *deadly) sweep(f *platform.Function, life time.Duration) {
	// The process is to be killed while it sweeps, not while it starts.
	if _, err := f.Invoke(context.Background(), platform.Event{Payload: []byte(`{}`)}); err != nil {
		d.t.Logf("no sweep: %v", err) // another sweep of this test took its port
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), life)
	defer cancel()
	reply, err := f.Invoke(ctx, platform.Event{Payload: []byte(timerEvent), Environment: fromTimer})
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil && strings.Contains(err.Error(), "the caller went away"):
		d.kills++ // Invoke kills the process group when its context ends
		d.longest += d.longest / 8
	case errors.Is(err, context.DeadlineExceeded): // before it had its event
	case err != nil:
		d.t.Errorf("sweeping: %v", err)
	case reply.Status == platform.StatusOK:
		d.ended++
		if life < patient {
			d.longest -= d.longest / 8
		}
	case reply.Status == platform.StatusUserError:
		d.failed++ // it could claim nothing, and reports that
		d.t.Logf("a sweep failed: %v", reply.Err)
	default:
		d.t.Errorf("sweeping: the platform says %d: %v", reply.Status, reply.Err)
	}
}

// pass lets time pass in the database.
func (d *deadly) pass(by time.Duration) {
	d.t.Helper()
	d.mu.Lock()
	d.passed += by // first, since an order may be closed right after
	d.mu.Unlock()
	earlier := map[string]string{
		"postgres": "%[1]s = %[1]s - %[2]d * interval '1 microsecond'",
		"mysql":    "%[1]s = %[1]s - INTERVAL %[2]d MICROSECOND",
		"sqlite":   "%[1]s = %[1]s - %[2]d",
	}[d.kind]
	for table, columns := range map[string][]string{
		"cloudpay_orders":     {"registered_at", "closing_since", "due_at", "lease_until"},
		"cloudpay_quotas":     {"changed_at", "opens_at"},
		"cloudpay_watermarks": {"head", "low", "raised_at", "deep_at", "full_at"},
	} {
		assignments := make([]string, len(columns))
		for i, column := range columns {
			assignments[i] = fmt.Sprintf(earlier, column, by.Microseconds())
		}
		statement := "UPDATE " + table + " SET " + strings.Join(assignments, ", ")
		var err error
		for range 20 { // sweeps write the same rows, and this statement may be a deadlock's victim
			if _, err = d.raw.ExecContext(context.Background(), statement); err == nil {
				break
			}
		}
		if err != nil {
			d.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// wantNoneEarly wants no order to have been closed before its time since the last call.
func (d *deadly) wantNoneEarly() {
	d.t.Helper()
	now := time.Since(d.began) + d.passed
	for i := range d.orders {
		number := killedNumber(i)
		if d.closed[number] || d.MustOrder(number, d.owner()).State != paygate.StateClosed {
			continue
		}
		d.closed[number] = true
		if due := dueAfter(i); due > now {
			d.t.Errorf("order %s is closed, %v before its time", number, due-now)
		}
	}
}

// wantAllEnded wants every order ended as at the gateway, with one event.
func (d *deadly) wantAllEnded() {
	d.t.Helper()
	events := d.events()
	for i := range d.orders {
		number := killedNumber(i)
		state := d.MustOrder(number, d.owner()).State
		d.states[state]++
		if d.paid[number] && state != paygate.StateSuccess {
			d.t.Errorf("order %s was paid, and is %s", number, state)
		}
		ending, kind := schedule.FinalClosed, schedule.EventClosed
		if state == paygate.StateSuccess {
			ending, kind = schedule.FinalPaid, schedule.EventPaid
		}
		kept, err := d.store.Show(d.t.Context(), order.Ref{Region: order.Mainland, MchID: d.Merchant.MchID, OutTradeNo: number})
		if err != nil {
			d.t.Fatal(err)
		}
		if state != paygate.StateClosed && state != paygate.StateSuccess || kept.Progress != schedule.Done || kept.FinalState != ending {
			d.t.Errorf("order %s is %s at the gateway, and in the store %s %q after %d attempts (%s)",
				number, state, kept.Progress, kept.FinalState, kept.Attempts, kept.LastError)
		}
		if got := events[number]; len(got) != 1 || got[0] != kind {
			d.t.Errorf("order %s: got events %v, want one: %s", number, got, kind)
		}
	}
	if !d.enough() || d.ended == 0 || d.states[paygate.StateSuccess] == 0 {
		d.t.Errorf("got %d kills that left %d orders leased, %d sweeps that ended and %d orders paid: too little happened for this to prove anything",
			d.kills, d.orphans, d.ended, d.states[paygate.StateSuccess])
	}
}

// enough reports whether enough sweeps were killed while they held orders. Call it between rounds
// only.
func (d *deadly) enough() bool { return d.kills >= leastKills && d.orphans >= leastKills }

func (d *deadly) events() map[string][]schedule.EventKind {
	d.t.Helper()
	of := map[string][]schedule.EventKind{}
	account := order.Account{Region: order.Mainland, MchID: d.Merchant.MchID}
	for last := (schedule.Cursor{}); ; {
		page, err := d.store.Events(d.t.Context(), account, last, 1000)
		if err != nil {
			d.t.Fatal(err)
		}
		if len(page) == 0 {
			return of
		}
		for _, e := range page {
			of[e.OutTradeNo], last = append(of[e.OutTradeNo], e.Kind), e.Cursor()
		}
	}
}
