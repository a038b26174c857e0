package storetest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// findsHeldCommits proves that an order is claimed within a minute whose registration's transaction
// was held open for 30 seconds, while other orders are registered and claimed. The time is that of
// the stores' clocks. The transaction is one of the server's.
func findsHeldCommits(e *sqlEnv) {
	var now time.Duration
	claim := func(want ...string) {
		e.Helper()
		s := open(e, e.address)
		s.ShiftClock(func() (time.Duration, error) { return now, nil })
		claims, err := s.Claim(e.ctx, shop, 100, lease)
		e.must(err)
		e.wantClaimed(claims, want...)
	}
	register := func(no string) {
		e.Helper()
		s := open(e, e.address)
		s.ShiftClock(func() (time.Duration, error) { return now, nil })
		if _, err := s.Register(e.ctx, due(no)); err != nil {
			e.Fatal(err)
		}
	}
	register("before")
	claim("before")
	held, err := e.raw.BeginTx(e.ctx, nil)
	e.must(err)
	clock := map[string]string{"postgres": "statement_timestamp()", "mysql": "UTC_TIMESTAMP(6)"}[e.db.Name]
	_, err = held.ExecContext(e.ctx, "INSERT INTO cloudpay_orders "+loaded+" VALUES ('cn', '"+shop.MchID+"', '', 'held', '', '', '', "+
		clock+", 'waiting', "+e.before(clock, time.Hour)+", "+clock+")")
	e.must(err)
	for i := range 10 {
		now += 3 * time.Second
		no := fmt.Sprint("beside", i)
		register(no)
		claim(no)
	}
	if n := e.count("SELECT COUNT(*) FROM cloudpay_watermarks WHERE what = 'waiting' AND head > " + clock); n != 1 {
		e.Fatal("head has not passed the order that is not committed, want it raised beside")
	}
	e.must(held.Commit())
	now += 20 * time.Second
	claim("held")
}

// dead is a range of due times that is full of dead entries. It lets the queries that scan it take
// longer, as if it took cost to scan all of it.
type dead struct {
	from, to time.Time
	cost     time.Duration
	// claims: claims scan it too.
	claims bool
}

// slow is a faulty connector's. Dead entries belong to waiting orders.
func (d dead) slow(ctx context.Context, query string, args []driver.NamedValue) error {
	survey, claim := strings.HasSuffix(query, "ORDER BY due_at LIMIT 1"), d.claims && strings.Contains(query, "AS was_due")
	if !strings.Contains(query, "progress = 'waiting'") || !survey && !claim {
		return nil
	}
	from, to := instant(args[2].Value), time.Now()
	if survey {
		to = instant(args[3].Value)
	}
	if from.Before(d.from) {
		from = d.from
	}
	if to.After(d.to) {
		to = d.to
	}
	if !from.Before(to) {
		return nil
	}
	return wait(ctx, time.Duration(float64(d.cost)*to.Sub(from).Seconds()/d.to.Sub(d.from).Seconds()))
}

// instant is the time of an argument.
func instant(value driver.Value) time.Time {
	if micros, is := value.(int64); is {
		return time.UnixMicro(micros)
	}
	at, _ := value.(time.Time)
	return at
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// brief is how long a claim may take in these proofs. A survey has a third of it.
const brief = 1500 * time.Millisecond

// claimAmid is the claim of a new process amid dead entries, with little time.
func (e *sqlEnv) claimAmid(d dead) ([]schedule.Claim, error) {
	e.Helper()
	s, f := e.faultyStore(0, false, false)
	f.slow = d.slow
	if _, err := s.Rate(e.ctx, shop, ceiling); err != nil { // connects
		e.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(e.ctx, brief)
	defer cancel()
	return s.Claim(ctx, shop, 10, lease)
}

// turns claims until one claim takes an order, at most so many times. Between two claims a deep
// pass becomes due again. It returns how many it made.
func (e *sqlEnv) turns(most int, d dead, want string) int {
	e.Helper()
	for turn := range most {
		claims, err := e.claimAmid(d)
		if err != nil && !d.claims {
			e.Fatalf("turn %d: %v", turn, detailed(err))
		}
		if len(claims) > 0 {
			e.wantClaimed(claims, want)
			return turn + 1
		}
		e.Pass(16 * time.Second)
	}
	e.Fatalf("order %s was not claimed in %d turns", want, most)
	return most
}

// fullPassGoesOn proves that an order is found that only a full pass finds, although the pass takes
// ten times as long as a claim has for it; and that the figures have it meanwhile.
func fullPassGoesOn(e *sqlEnv) {
	e.anew()
	e.Pass(3 * time.Second)
	e.anew()
	now := time.Now()
	d := dead{from: now.Add(-100 * time.Hour), to: now.Add(-25 * time.Hour), cost: 3 * time.Second}
	e.commitLate("old", 24*time.Hour)
	e.Pass(9 * time.Minute) // the last full pass is too long ago
	status, err := e.Status(e.ctx, shop, ceiling)
	if err != nil || status.Due != 1 || status.OldestDue < (24*time.Hour).Seconds() {
		e.Errorf("got %+v and error %v, want the order counted before the pass has found it", status, err)
	}
	if n := e.turns(60, d, "old"); n < 3 {
		e.Errorf("got it found in %d turns, want the pass to take several", n)
	}
	e.Pass(time.Minute)
	e.anew()
	if n := e.count("SELECT COUNT(*) FROM cloudpay_watermarks WHERE what = 'waiting' AND full_to IS NULL"); n != 1 {
		e.Error("got a full pass under way, want it completed")
	}
}

// deepPassGoesOn proves that after a pause, in which many rows were handled, orders that are
// committed late are found again.
func deepPassGoesOn(e *sqlEnv) {
	e.anew()
	e.Pass(time.Hour)
	now := time.Now()
	d := dead{from: now.Add(-50 * time.Minute), to: now.Add(-10 * time.Minute), cost: 2 * time.Second}
	e.sql("UPDATE cloudpay_watermarks SET head = " + e.before(e.now(), 5*time.Second) + ", full_at = " + e.now())
	e.commitLate("late", 115*time.Second)
	if n := e.turns(60, d, "late"); n < 3 {
		e.Errorf("got it found in %d turns, want the pass to take several", n)
	}
}

// headGoesOn proves that claims succeed again after a pause in which more rows were handled than a
// claim can pass.
func headGoesOn(e *sqlEnv) {
	e.anew()
	e.Pass(time.Hour)
	now := time.Now()
	d := dead{from: now.Add(-50 * time.Minute), to: now.Add(-10 * time.Minute), cost: 2 * time.Second, claims: true}
	e.registerDue("due")
	if n := e.turns(60, d, "due"); n < 2 {
		e.Errorf("got it claimed in %d turns, want the first claim to fail", n)
	}
	e.registerDue("next")
	claims, err := e.claimAmid(d)
	e.must(err)
	e.wantClaimed(claims, "next")
}

// now is the database's clock.
func (e *sqlEnv) now() string {
	return map[string]string{"postgres": "now()", "mysql": "UTC_TIMESTAMP(6)", "sqlite": "unixepoch('subsec') * 1000000"}[e.db.Name]
}

// surveysLeaveTime proves that claims succeed although no survey does.
func surveysLeaveTime(e *sqlEnv) {
	e.must(e.Finish(e.ctx, e.claimOne("A1"), schedule.Final{State: schedule.FinalClosed}))
	e.must(e.Retry(e.ctx, e.claimOne("A2"), schedule.Retry{Reason: "TIMEOUT", InDoubt: true}))
	e.registerDue("A3")
	e.Pass(10 * time.Minute)
	s, f := e.faultyStore(0, false, false)
	f.slow = func(ctx context.Context, query string, _ []driver.NamedValue) error {
		if !strings.HasSuffix(query, "LIMIT 1") {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	for name, claim := range map[string]func(context.Context, *store.Store) (int, error){
		"doubtful": func(ctx context.Context, s *store.Store) (int, error) {
			claims, err := s.ClaimDoubtful(ctx, shop, 10, lease)
			return len(claims), err
		},
		"waiting": func(ctx context.Context, s *store.Store) (int, error) {
			claims, err := s.Claim(ctx, shop, 10, lease)
			return len(claims), err
		},
		"deliveries": func(ctx context.Context, s *store.Store) (int, error) {
			deliveries, err := s.ClaimDeliveries(ctx, shop, 10, lease)
			return len(deliveries), err
		},
		"status": func(ctx context.Context, s *store.Store) (int, error) {
			status, err := s.Status(ctx, shop, ceiling)
			return status.EventsPending, err
		},
	} {
		ctx, cancel := context.WithTimeout(e.ctx, 3*time.Second)
		if n, err := claim(ctx, s); err != nil || n != 1 {
			e.Errorf("%s: got %d and error %v, want 1", name, n, err)
		}
		cancel()
	}
}

// surveysLeaveNothing proves that the server ends the query of a survey that is given up.
func surveysLeaveNothing(e *sqlEnv) {
	e.registerDue("A1")
	s, f := e.faultyStore(0, false, false)
	sleep, running := "pg_sleep(20) AS sleep", "SELECT COUNT(*) FROM pg_stat_activity"+
		" WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%pg_sleep(20)%'"
	if e.db.Name == "mysql" {
		sleep, running = "(SELECT SLEEP(20) AS z) AS sleep", "SELECT COUNT(*) FROM information_schema.PROCESSLIST"+
			" WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND INFO LIKE '%SLEEP(20)%'"
	}
	f.rewrite = strings.NewReplacer(" due_at FROM cloudpay_orders", " due_at FROM "+sleep+", cloudpay_orders").Replace
	ctx, cancel := context.WithTimeout(e.ctx, 3*time.Second)
	defer cancel()
	began := time.Now()
	claims, err := s.Claim(ctx, shop, 10, lease)
	e.must(err)
	e.wantClaimed(claims, "A1")
	if took := time.Since(began); took < 500*time.Millisecond {
		e.Fatalf("the claim took %v, want a survey that takes its share of the time", took)
	}
	if n := e.count(running); n != 0 {
		e.Errorf("got %d surveys that still run, want them ended", n)
	}
}

// figuresCostLittle proves that the figures of a register in which nothing is delivered and nearly
// everything was withdrawn are read from indexes, and no more than so many rows for each.
func figuresCostLittle(e *sqlEnv) {
	const more, stuck = 10, 3
	FillEnded(e.T, e.db, e.db.Direct(e.address), shop, schedule.MaxCount+more)
	e.sql("UPDATE cloudpay_events SET due_at = delivered_at, delivered_at = NULL")
	e.sql("UPDATE cloudpay_orders SET progress = 'gaveUp', ending = '', ended_at = NULL, withdrawn_at = registered_at")
	e.sql("UPDATE cloudpay_orders SET withdrawn_at = NULL WHERE id <= " + strconv.Itoa(stuck))
	for _, table := range []string{"cloudpay_orders", "cloudpay_events"} {
		e.sql(map[string]string{"postgres": "VACUUM (ANALYZE) ", "mysql": "ANALYZE TABLE ", "sqlite": "ANALYZE "}[e.db.Name] + table)
	}
	s, f := e.faultyStore(0, false, false)
	var plan string
	f.slow = func(_ context.Context, query string, args []driver.NamedValue) error {
		if strings.Contains(query, "COUNT(withdrawn_at)") {
			plan = e.plan(query, args)
		}
		return nil
	}
	status, err := s.Status(e.ctx, shop, ceiling)
	oldest := 91*24*time.Hour + (schedule.MaxCount+more-1)*time.Second
	if off := oldest.Seconds() - status.OldestEvent; err != nil || status.Stuck != stuck || status.EventsPending != schedule.MaxCount || off > 0 {
		e.Errorf("got %+v and error %v, want %d stuck and %d events, the oldest for %v", status, err, stuck, schedule.MaxCount, oldest)
	}
	want, without := map[string]string{
		"postgres": "cloudpay_orders_gave_up", "mysql": "cloudpay_orders_claim", "sqlite": "INDEX cloudpay_orders_gave_up",
	}[e.db.Name], map[string]string{"postgres": "Removed by Filter", "mysql": "filesort", "sqlite": "TEMP B-TREE"}[e.db.Name]
	if !strings.Contains(plan, want) || strings.Contains(plan, without) {
		e.Errorf("got the plan %s, want %s in it and no %s", plan, want, without)
	}
	for line := range strings.Lines(plan) { // MySQL's: of orders, only the index is read
		if e.db.Name == "mysql" && strings.Contains(line, "cloudpay_orders") && !strings.Contains(line, "Using index") {
			e.Errorf("got %s, want no order's row read", line)
		}
	}
}

// plan is how the database runs a query.
func (e *sqlEnv) plan(query string, args []driver.NamedValue) string {
	e.Helper()
	explain := map[string]string{"postgres": "EXPLAIN (ANALYZE) ", "mysql": "EXPLAIN ", "sqlite": "EXPLAIN QUERY PLAN "}[e.db.Name]
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg.Value
	}
	_, bare, _ := strings.Cut(query, "SELECT")
	rows, err := e.raw.QueryContext(e.ctx, explain+"SELECT"+bare, values...)
	if err != nil {
		e.Fatalf("%s: %v", explain, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	e.must(err)
	var plan strings.Builder
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(sql.NullString)
		}
		e.must(rows.Scan(cells...))
		for _, cell := range cells {
			fmt.Fprint(&plan, cell.(*sql.NullString).String, " ")
		}
		plan.WriteString("\n")
	}
	e.must(rows.Err())
	return plan.String()
}
