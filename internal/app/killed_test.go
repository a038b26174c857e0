//go:build sqlite && databases

package app_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
	"cloudpay/pkg/paygate"
)

const (
	// ordersPerRound become due in each round. There is a round for each kill that is wanted at
	// least: with more rounds, fewer orders are due in each, and each order is swept closer to its
	// time.
	ordersPerRound = 10
	// roundTime passes in the database between two rounds of sweeps, so that the leases of killed
	// processes expire.
	roundTime = 61 * time.Second
	// longer is how long more rounds, with more orders, follow if too few sweeps were killed.
	longer = 3 * time.Minute
	// statusUserError is SCF's code for a function that answered with an error.
	statusUserError = 430
)

// leastKills is the number of sweeping processes that are killed at least while they hold orders:
// PROOF_KILLS, or few enough for each change.
func leastKills(t *testing.T) int {
	t.Helper()
	const few = 30
	kills, err := strconv.Atoi(cmp.Or(os.Getenv("PROOF_KILLS"), strconv.Itoa(few)))
	if err != nil {
		t.Fatal(err)
	}
	return kills
}

// Three processes sweep the same orders and are killed with SIGKILL at random moments, while
// customers pay, replies get lost and the clock jumps, and the receiver of events is killed too. At
// the end every order is closed or paid as at WeChat Pay, with one event, which the receiver has
// acknowledged and acted upon once, and none was closed before its time.
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
			made := database.make(t)
			d := newDeadly(t, made.Name, made.Migrated(t))
			d.runFunctions()
			d.begin()
			d.rounds(d.leastKills)
			d.prove()
		})
	}
}

// TestKilledSweepsFailOver is TestKilledSweeps through a failover whose standby is behind: a tenth
// of all rounds end orders, and tell it, in commits that are lost.
func TestKilledSweepsFailOver(t *testing.T) {
	for _, database := range []struct {
		name string
		make func(*testing.T) *storetest.Pair
	}{
		{"PostgreSQL", storetest.PostgresPair},
		{"MariaDB", storetest.MariaDBPair},
	} {
		t.Run(database.name, func(t *testing.T) {
			pair := database.make(t)
			d := newDeadly(t, pair.Name, pair.Address)
			d.runFunctions()
			d.begin()
			behind := d.leastKills / 10
			d.rounds(d.leastKills/2 - behind)
			pair.Part(t)
			d.loses(pair, behind)
			d.rounds(d.leastKills / 2)
			d.prove()
		})
	}
}

// deadly is a register whose sweeps are killed.
type deadly struct {
	*env

	store *store.Store
	raw   *sql.DB
	kind  string
	// sweeps sweep once each, and are killed after a while; see sweep.
	sweeps []func(life time.Duration)
	// registers registers orders. It may be called again with orders that are registered.
	registers  func(entries []schedule.Entry)
	shop       *shop
	random     *rand.Rand
	leastKills int
	// unpaid ends the payments.
	unpaid func()

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
	harm                 harm
}

// harm counts orders. All are to be 0.
type harm struct{ lost, early, wrong, untold, twice int }

// newDeadly makes the register's surroundings. Nothing is read or written before begin.
func newDeadly(t *testing.T, kind, address string) *deadly {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	opened, err := store.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	d := &deadly{
		env: newEnv(t, mode{api: order.V2}), store: opened, raw: storetest.Raw(t, address), kind: kind,
		shop: openShop(t), leastKills: leastKills(t),
		random: rand.New(rand.NewPCG(seed, 0)), longest: 100 * time.Millisecond,
		closed: map[string]bool{}, paid: map[string]bool{}, states: map[paygate.TradeState]int{},
	}
	d.registers = func(entries []schedule.Entry) {
		if _, err := d.store.RegisterAll(d.t.Context(), entries); err != nil {
			d.t.Fatal(err)
		}
	}
	d.vars["CLOUDPAY_STORE"] = address
	d.vars["CLOUDPAY_SWEEP_PER_SECOND"] = "10000"
	d.vars["CLOUDPAY_NOTIFY_URL"], d.vars["CLOUDPAY_NOTIFY_KEY"] = d.shop.url(), shopKey
	d.vars["CLOUDPAY_SWEEP_ATTEMPTS"] = "100" // killed attempts count, and no order is to be given up
	return d
}

// runFunctions runs the functions whose timers sweep, until the test ends.
func (d *deadly) runFunctions() {
	d.t.Helper()
	for i, name := range []string{"closeorder", "closeorder", "queryorder"} {
		spec := d.spec(name, patient)
		spec.Name, spec.Binary, spec.Log = fmt.Sprintf("%s-%d", name, i), sqliteBinary(d.t, name), io.Discard
		f, err := platform.Start(d.t.Context(), spec)
		if err != nil {
			d.t.Fatal(err)
		}
		d.t.Cleanup(func() { _ = f.Close() })
		d.sweeps = append(d.sweeps, func(life time.Duration) { d.sweep(f, life) })
	}
}

// begin registers the orders that there are at first, some of which are paid from now on.
func (d *deadly) begin() {
	d.t.Helper()
	d.began = time.Now()
	d.register(d.planned())
	d.unpaid = d.customers()
	d.t.Cleanup(d.unpaid)
}

// planned is how many orders there are at first.
func (d *deadly) planned() int { return ordersPerRound * d.leastKills }

func killedNumber(i int) string { return fmt.Sprintf("K%04d", i) }

// dueAfter is the time from the beginning until an order is due.
func dueAfter(i int) time.Duration { return time.Duration(i/ordersPerRound) * roundTime }

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
	d.registers(entries)
}

// customers pays a third of the orders, until stop.
func (d *deadly) customers() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	random := rand.New(rand.NewPCG(d.random.Uint64(), 1))
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil {
			<-time.After(time.Duration(random.IntN(int(60 * time.Millisecond)))) // a random time between two payments
			number := killedNumber(random.IntN(d.planned()))
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

// rounds makes n rounds.
func (d *deadly) rounds(n int) {
	d.t.Helper()
	for range n {
		d.round(d.moment, d.misfortune)
	}
}

// loses makes rounds whose commits the standby does not get, and one more in which it takes over.
func (d *deadly) loses(pair *storetest.Pair, rounds int) {
	d.t.Helper()
	passed, ended, acts := d.passed, d.count("orders WHERE progress = 'done'"), len(d.shop.acts(d.t))
	d.rounds(rounds)
	d.round(d.moment, func() {
		<-time.After(time.Duration(d.random.IntN(int(60 * time.Millisecond)))) // at a random moment
		ended, acts = d.count("orders WHERE progress = 'done'")-ended, len(d.shop.acts(d.t))-acts
		pair.FailOver(d.t)
		lost := d.passed - passed // it passed in the other server
		d.passed = passed
		d.pass(lost)
	})
	d.t.Logf("%d orders had ended in commits that were lost, and the receiver had acted upon %d events", ended, acts)
	if ended < rounds || acts < rounds {
		d.t.Errorf("too little was lost for this to prove anything")
	}
}

// prove lets everything come to its end, without kills and faults, and looks for what went wrong.
func (d *deadly) prove() {
	d.t.Helper()
	for until := time.Now().Add(longer); !d.enough() && time.Now().Before(until); {
		d.register(ordersPerRound)
		d.rounds(1)
	}
	d.unpaid()
	d.ClearFaults()
	const most = 60 // an hour, in which a delivery is tried again seven times
	rounds := 0
	for rounds < most && (rounds < 2 || d.open() > 0) {
		rounds++
		d.round(nil, func() {})
	}
	d.wantAllEnded()
	d.wantAllTold()
	d.t.Logf("%d orders, %d sweeps killed, %d ended, %d failed, in %v; %d orders were found leased to the dead; "+
		"%d closed, %d paid; %d deliveries, the receiver was killed %d times; "+
		"%d lost, %d early, %d wrong, %d never told, %d acted upon twice",
		d.orders, d.kills, d.ended, d.failed, time.Since(d.began).Round(time.Second), d.orphans,
		d.states[paygate.StateClosed], d.states[paygate.StateSuccess], d.count("events", "SUM(attempts)"), d.shop.kills,
		d.harm.lost, d.harm.early, d.harm.wrong, d.harm.untold, d.harm.twice)
}

// open is the number of orders that have not ended and of events that are not acknowledged.
func (d *deadly) open() int {
	d.t.Helper()
	return d.count("orders WHERE progress <> 'done'") + d.count("events WHERE delivered_at IS NULL")
}

// count counts rows of a table of the register, or what is named.
func (d *deadly) count(from string, what ...string) (n int) {
	d.t.Helper()
	statement := "SELECT " + cmp.Or(strings.Join(what, ""), "COUNT(*)") + " FROM cloudpay_" + from
	d.insist(statement, func() error { return d.raw.QueryRowContext(context.Background(), statement).Scan(&n) })
	return n
}

// insist tries again what a sweep's lock or a server that fails kept from succeeding.
func (d *deadly) insist(statement string, try func() error) {
	d.t.Helper()
	var err error
	for range 20 {
		if err = try(); err == nil {
			return
		}
	}
	d.t.Fatalf("%s: %v", statement, err)
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
// none is killed. Something befalls them meanwhile.
func (d *deadly) round(moment func() time.Duration, befall func()) {
	d.t.Helper()
	var group sync.WaitGroup
	for _, sweep := range d.sweeps {
		life := patient
		if moment != nil {
			life = moment()
		}
		group.Go(func() { sweep(life) })
	}
	befall()
	group.Wait()
	d.orphans += d.count("orders WHERE lease_until IS NOT NULL")
	d.wantNoneEarly()
	d.pass(roundTime)
}

// misfortune loses replies, and at times kills the receiver of events or puts the clock forward, so
// that leases expire while sweeps run.
func (d *deadly) misfortune() {
	d.inject(paygate.Drop, "close", 1+d.random.IntN(2))
	d.inject(paygate.SystemError, "", 1)
	d.MustInject(paygate.Fault{Action: paygate.Delay, Delay: 3 * time.Millisecond, Times: 20})
	if d.random.IntN(8) == 0 {
		d.shop.restart(d.t)
	}
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
	case reply.Status == statusUserError:
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
		"cloudpay_events":     {"due_at"},
		"cloudpay_orders":     {"registered_at", "closing_since", "due_at", "lease_until"},
		"cloudpay_quotas":     {"changed_at", "opens_at"},
		"cloudpay_watermarks": {"head", "low", "full_to", "raised_at", "deep_at", "full_at"},
	} {
		assignments := make([]string, len(columns))
		for i, column := range columns {
			assignments[i] = fmt.Sprintf(earlier, column, by.Microseconds())
		}
		statement := "UPDATE " + table + " SET " + strings.Join(assignments, ", ")
		d.insist(statement, func() error {
			_, err := d.raw.ExecContext(context.Background(), statement)
			return err
		})
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
			d.harm.early++
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
			d.harm.wrong++
			d.t.Errorf("order %s was paid, and is %s", number, state)
		}
		ending, kind := schedule.FinalClosed, outbox.EventClosed
		if state == paygate.StateSuccess {
			ending, kind = schedule.FinalPaid, outbox.EventPaid
		}
		kept, err := d.store.Show(d.t.Context(), order.Ref{Region: order.Mainland, MchID: d.Merchant.MchID, OutTradeNo: number})
		if err != nil {
			d.t.Fatal(err)
		}
		if kept.Progress != schedule.Done {
			d.harm.lost++
		} else if kept.FinalState != ending {
			d.harm.wrong++
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

// wantAllTold wants the receiver to have acted upon every order once, as it ended.
func (d *deadly) wantAllTold() {
	d.t.Helper()
	acts := map[string][]string{}
	for _, act := range d.shop.acts(d.t) {
		acts[act.number()] = append(acts[act.number()], act.What)
	}
	for i := range d.orders {
		number := killedNumber(i)
		want := "release"
		if d.MustOrder(number, d.owner()).State == paygate.StateSuccess {
			want = "deliver"
		}
		switch got := acts[number]; {
		case len(got) == 1 && got[0] == want:
			continue
		case len(got) == 0:
			d.harm.untold++
		case len(got) > 1:
			d.harm.twice++
		default:
			d.harm.wrong++
		}
		d.t.Errorf("order %s: the receiver did %q, want %q once", number, acts[number], want)
	}
	if n := d.count("events WHERE delivered_at IS NULL"); n > 0 {
		d.t.Errorf("got %d events that are not acknowledged", n)
	}
}

// enough reports whether enough sweeps were killed while they held orders. Call it between rounds
// only.
func (d *deadly) enough() bool { return d.kills >= d.leastKills && d.orphans >= d.leastKills }

func (d *deadly) events() map[string][]outbox.EventKind {
	d.t.Helper()
	of := map[string][]outbox.EventKind{}
	account := order.Account{Region: order.Mainland, MchID: d.Merchant.MchID}
	for last := (outbox.Cursor{}); ; {
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
