//go:build databases && sqlite

package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
)

func BenchmarkAgingPostgres(b *testing.B) { benchmarkAging(b, storetest.Postgres(b)) }

func BenchmarkAgingMariaDB(b *testing.B) { benchmarkAging(b, storetest.MariaDB(b)) }

// benchmarkAging ends a tenth of the rows, as if in ten minutes, while a transaction is open that
// might still see them, and compares what the first claims of new processes cost before and after.
// The server flushes each commit to disk, and how long that takes is the disk's affair: each claim
// stands beside a commit of one row in the same moment, and where that took longer than before, so
// much longer may a claim take.
func benchmarkAging(b *testing.B, db storetest.Database) {
	b.Helper()
	db.Flush(b)
	address := db.Migrated(b)
	storetest.Fill(b, db, address, shop, *rows/10*11)
	a := aging{B: b, db: db, address: address, raw: storetest.Raw(b, address), worst: map[string]float64{}}
	a.raw.SetMaxOpenConns(4)
	a.exec(a.raw, "CREATE TABLE plain (n INTEGER NOT NULL)")
	a.exec(a.raw, "INSERT INTO plain VALUES (0)")
	a.alive = func() {}
	fresh := a.measure("fresh", nil)
	a.sizes("fresh")

	snapshot, err := a.raw.BeginTx(context.Background(), &sql.TxOptions{})
	if err != nil {
		b.Fatal(err)
	}
	a.exec(snapshot, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
	a.exec(snapshot, "SELECT 1 FROM cloudpay_orders LIMIT 1")
	a.alive = func() { a.exec(snapshot, "SELECT 1") } // the server ends idle transactions
	a.endAll(*rows / 10)
	a.measure("with a transaction open", fresh)
	a.alive = func() {}
	if err := snapshot.Rollback(); err != nil {
		b.Fatal(err)
	}
	a.measure("not vacuumed", fresh)
	a.sizes("after")
	if db.Name == "postgres" {
		a.exec(a.raw, "VACUUM cloudpay_orders")
		a.exec(a.raw, "VACUUM cloudpay_events")
		a.measure("vacuumed", fresh)
		a.sizes("vacuumed")
	}
}

// commit is the floor among the costs: a statement that changes one row of a table that has no
// other.
const commit = "commit"

// lease outlasts the benchmark, so that no claimed row becomes due again.
const lease = 6 * time.Hour

type aging struct {
	*testing.B

	db      storetest.Database
	address string
	raw     *sql.DB
	// alive is called between statements.
	alive func()
	// worst are the highest ratios to what was fresh.
	worst map[string]float64
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (a aging) exec(on execer, statement string) {
	a.Helper()
	if _, err := on.ExecContext(context.Background(), statement); err != nil && !strings.Contains(statement, "ISOLATION") {
		a.Fatalf("%.200s: %v", statement, err)
	}
}

// endAll ends the orders that are due longest, in the statements of a claim, an end, and an event
// that is numbered and delivered. A sweep goes on beside it.
func (a aging) endAll(ends int) {
	a.Helper()
	s := open(a)
	const part = 20_000
	now, second := "statement_timestamp()", "interval '1 second'"
	if a.db.Name == "mysql" {
		now, second = "UTC_TIMESTAMP(6)", "INTERVAL 1 SECOND"
	}
	for from := 1; from <= ends; from += part {
		these := fmt.Sprintf(" WHERE id BETWEEN %d AND %d", from, from+part-1)
		ago := 600 - 600*(from+part-1)/ends
		at := now + " - " + strings.Replace(second, "1", fmt.Sprint(ago), 1)
		leaseEnd := now + " - " + strings.Replace(second, "1", fmt.Sprint(ago-60), 1)
		for _, statement := range []string{
			"UPDATE cloudpay_orders SET progress = 'closing', token = 'x', attempts = 1, lease_until = " + leaseEnd +
				", due_at = " + leaseEnd + ", closing_since = " + at + these,
			"UPDATE cloudpay_orders SET progress = 'done', ending = 'closed', trade_state = 'CLOSED', due_at = NULL, lease_until = NULL," +
				" closing_since = NULL, ended_at = " + at + these,
			"INSERT INTO cloudpay_events (kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending, trade_state," +
				" transaction_id, reason, due_at) SELECT 'closed', region, mchid, '', out_trade_no, id, '', " + at + ", 'closed', 'CLOSED', '', '', " + at +
				" FROM cloudpay_orders" + these,
			"UPDATE cloudpay_events SET seq = order_id WHERE seq IS NULL",
			"UPDATE cloudpay_events SET token = 'x', due_at = " + leaseEnd + strings.Replace(these, "id", "order_id", 1),
			"UPDATE cloudpay_events SET due_at = NULL, delivered_at = " + at + strings.Replace(these, "id", "order_id", 1),
		} {
			a.exec(a.raw, statement)
			a.alive()
		}
		a.claims(s, nil)
	}
}

func open(a aging) *store.Store {
	s, err := store.Open(a.address)
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() { _ = s.Close() })
	return s
}

// claims makes one claim of each kind. What it took stays leased, as by a sweep that works on it.
func (a aging) claims(s *store.Store, costs map[string][]time.Duration) {
	a.Helper()
	ctx := context.Background()
	timed := func(what string, work func() error) {
		began := time.Now()
		if err := work(); err != nil {
			a.Fatalf("%s: %v", what, err)
		}
		if costs != nil {
			costs[what] = append(costs[what], time.Since(began))
		}
	}
	timed(commit, func() error {
		a.exec(a.raw, "UPDATE plain SET n = n + 1")
		return nil
	})
	timed("doubtful", func() error {
		_, err := s.ClaimDoubtful(ctx, shop, batch, lease)
		return err
	})
	timed("waiting", func() error {
		claims, err := s.Claim(ctx, shop, batch, lease)
		if len(claims) != batch && err == nil {
			err = fmt.Errorf("got %d claims, want %d", len(claims), batch)
		}
		return err
	})
	timed("deliveries", func() error {
		_, err := s.ClaimDeliveries(ctx, shop, batch, lease)
		return err
	})
}

// process makes the first claims of a new process.
func (a aging) process(costs map[string][]time.Duration) {
	a.Helper()
	s := open(a)
	if _, err := s.Rate(context.Background(), shop, 300); err != nil { // connects
		a.Fatal(err)
	}
	a.claims(s, costs)
	a.alive()
	_ = s.Close()
}

// measure reports the median cost of the first claims of new processes, and its ratio to fresh. One
// process in four minutes makes the full passes: its claims are reported apart, until the passes
// are complete.
func (a aging) measure(when string, fresh map[string]time.Duration) map[string]time.Duration {
	a.Helper()
	// As timers that fire one after the other: each makes the survey that is due, and finds claimed
	// rows where the one before it claimed.
	const processes, pause = 15, 2100 * time.Millisecond
	a.settle()
	a.exec(a.raw, "UPDATE cloudpay_watermarks SET raised_at = "+a.ago("1 HOUR")+", deep_at = "+a.ago("1 HOUR")+", full_at = "+a.ago("1 HOUR"))
	passes := map[string][]time.Duration{}
	for underWay := true; underWay; {
		<-time.After(3 * time.Second) // the surveys of the processes before are due again
		a.process(passes)
		underWay = a.count("SELECT COUNT(*) FROM cloudpay_watermarks WHERE what <> 'prune' AND full_at < "+a.ago("30 MINUTE")) > 0
		a.exec(a.raw, "UPDATE cloudpay_watermarks SET deep_at = "+a.ago("1 HOUR"))
	}
	for what, all := range passes {
		a.Logf("%s, %s, %s: with the full pass %v", a.db.Name, when, what, all)
	}
	costs := map[string][]time.Duration{}
	for range processes {
		<-time.After(pause)
		a.process(costs)
	}
	medians := map[string]time.Duration{}
	for what, all := range costs {
		medians[what] = slices.Sorted(slices.Values(all))[len(all)/2]
	}
	slower := 1.0
	if fresh != nil {
		slower = max(1, float64(medians[commit])/float64(fresh[commit]))
	}
	for what, all := range costs {
		ratio := 1.0
		if fresh != nil {
			ratio = float64(medians[what]) / float64(fresh[what]) / slower
		}
		a.Logf("%s, %s, %s: median %v (ratio %.2f, commits %.2f), first %v, slowest %v; %s", a.db.Name, when, what, medians[what],
			ratio, slower, all[0], slices.Max(all), a.buffers(what))
		if a.worst[what] = max(a.worst[what], ratio); fresh != nil {
			a.ReportMetric(a.worst[what], what+"-ratio")
			a.ReportMetric(float64(medians[what].Microseconds())/1e3, "ms/"+what)
		}
		if ratio > maxRatio && what != commit {
			a.Errorf("%s, %s, %s: a claim costs %v, and %v when fresh: got a ratio of %.2f, want at most %.1f",
				a.db.Name, when, what, medians[what], fresh[what], ratio, maxRatio)
		}
	}
	return medians
}

// settle writes what a million ends have left in memory: in ten minutes of a register's life the
// server does that beside them.
func (a aging) settle() {
	a.Helper()
	if a.db.Name == "postgres" {
		a.exec(a.raw, "CHECKPOINT")
		return
	}
	session, err := a.raw.Conn(context.Background())
	if err != nil {
		a.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	a.exec(session, "FLUSH TABLES cloudpay_orders, cloudpay_events FOR EXPORT")
	a.exec(session, "UNLOCK TABLES")
}

// ago is a time so long ago.
func (a aging) ago(interval string) string {
	if a.db.Name == "mysql" {
		return "UTC_TIMESTAMP(6) - INTERVAL " + interval
	}
	return "statement_timestamp() - INTERVAL '" + interval + "'"
}

func (a aging) count(statement string) (n int) {
	a.Helper()
	if err := a.raw.QueryRowContext(context.Background(), statement).Scan(&n); err != nil {
		a.Fatalf("%s: %v", statement, err)
	}
	return n
}

// buffers is how many pages PostgreSQL reads for a scan.
func (a aging) buffers(what string) string {
	a.Helper()
	if a.db.Name != "postgres" || what == commit {
		return "-"
	}
	from := map[string]string{
		"waiting": "cloudpay_orders WHERE progress = 'waiting'", "doubtful": "cloudpay_orders WHERE progress = 'closing'",
		"deliveries": "cloudpay_events WHERE seq IS NOT NULL",
	}[what]
	key := map[string]string{"doubtful": "closing"}[what]
	if key == "" {
		key = what
	}
	answer, err := a.raw.QueryContext(context.Background(), "EXPLAIN (ANALYZE, BUFFERS) SELECT id FROM "+from+
		" AND region = 'cn' AND mchid = '1900000001' AND due_at >= (SELECT LEAST(head, statement_timestamp() - interval '1 second')"+
		" FROM cloudpay_watermarks WHERE what = '"+key+"') AND due_at <= statement_timestamp() ORDER BY due_at LIMIT 100")
	if err != nil {
		a.Fatal(err)
	}
	defer func() { _ = answer.Close() }()
	for answer.Next() {
		var line string
		if err := answer.Scan(&line); err != nil {
			a.Fatal(err)
		}
		if strings.Contains(line, "Buffers:") {
			return strings.TrimSpace(line)
		}
	}
	if err := answer.Err(); err != nil {
		a.Fatal(err)
	}
	return "no buffers"
}

// sizes logs the sizes of the indexes.
func (a aging) sizes(when string) {
	a.Helper()
	statement := "SELECT indexrelname, pg_relation_size(indexrelid) / 1048576 FROM pg_stat_user_indexes WHERE relname IN ('cloudpay_orders', 'cloudpay_events')"
	if a.db.Name == "mysql" {
		a.exec(a.raw, "ANALYZE TABLE cloudpay_orders, cloudpay_events")
		statement = "SELECT CONCAT(table_name, '.', index_name), FLOOR(stat_value * @@innodb_page_size / 1048576) FROM mysql.innodb_index_stats" +
			" WHERE database_name = DATABASE() AND stat_name = 'size' AND table_name IN ('cloudpay_orders', 'cloudpay_events')"
	}
	answer, err := a.raw.QueryContext(context.Background(), statement)
	if err != nil {
		a.Fatal(err)
	}
	defer func() { _ = answer.Close() }()
	var all []string
	for answer.Next() {
		var name string
		var size int64
		if err := answer.Scan(&name, &size); err != nil {
			a.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %d MB", name, size))
	}
	if err := answer.Err(); err != nil {
		a.Fatal(err)
	}
	a.Logf("%s, %s: %s", a.db.Name, when, strings.Join(all, ", "))
}
