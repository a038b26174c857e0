package storetest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
)

var servers = []string{"postgres", "mysql"}

var failures = []sqlProof{
	{name: "a session that is killed in mid-transaction", only: servers, prove: killed},
	{name: "a deadlock", only: servers, prove: deadlocks},
	{name: "a network that drops everything", only: servers, prove: goesQuiet},
	{name: "a database that does not listen", only: servers, prove: notThere},
	{name: "a caller's deadline during a wait for a lock", prove: givesUpWaiting},
	{name: "a full disk", only: []string{"sqlite"}, prove: fullDisk},
}

// hold locks an order's row in a transaction without the store.
func (e *sqlEnv) hold(no string) *sql.Tx {
	e.Helper()
	if e.db.Name == "sqlite" { // a transaction takes the writer's lock when it begins
		tx, err := e.raw.BeginTx(e.ctx, nil)
		e.must(err)
		return tx
	}
	tx, err := e.raw.BeginTx(e.ctx, nil)
	e.must(err)
	_, err = tx.ExecContext(e.ctx, "UPDATE cloudpay_orders SET attempts = attempts WHERE out_trade_no = '"+no+"'")
	e.must(err)
	if e.db.Name == "mysql" { // its deadlock's victim is the transaction that has written less
		_, err = tx.ExecContext(e.ctx, "UPDATE cloudpay_orders SET last_error = 'x' WHERE out_trade_no LIKE 'heavy%'")
		e.must(err)
	}
	return tx
}

// staleInnoDB is a pause between two readings of information_schema.innodb_trx: MariaDB reads it
// anew only if it was not read for a tenth of a second.
const staleInnoDB = 150 * time.Millisecond

// awaitBlocked waits until a session is blocked by a lock, and returns the session's number.
func (e *sqlEnv) awaitBlocked() int64 {
	e.Helper()
	query := map[string]string{
		"postgres": "SELECT COALESCE(MAX(pid), 0) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
		"mysql": "SELECT COALESCE(MAX(trx_mysql_thread_id), 0) FROM information_schema.innodb_trx t JOIN information_schema.processlist p" +
			" ON p.id = t.trx_mysql_thread_id WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'",
	}[e.db.Name]
	deadline := time.Now().Add(4 * time.Second)
	for time.Now().Before(deadline) {
		if id := e.count(query); id != 0 {
			return int64(id)
		}
		<-time.After(staleInnoDB)
	}
	e.Fatal("no session waits for a lock, want the store's to")
	return 0
}

func killed(e *sqlEnv) {
	c := e.claimOne("A1")
	tx := e.hold("A1")
	result := make(chan error, 1)
	go func() { result <- e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}) }()
	blocked := e.awaitBlocked()
	kill := map[string]string{"postgres": "SELECT pg_terminate_backend($1)", "mysql": "KILL ?"}[e.db.Name]
	_, err := e.raw.ExecContext(e.ctx, kill, blocked)
	e.must(err)
	e.must(tx.Commit())
	e.must(<-result)
	e.wantProgress("A1", schedule.Done, schedule.FinalClosed)
	e.wantEvents("A1", outbox.EventClosed)
}

func deadlocks(e *sqlEnv) {
	later := time.Now().Add(time.Hour)
	for _, no := range numbers("heavy", 100) {
		e.register(schedule.Entry{Ref: ref(no), CloseAt: later})
	}
	e.registerDue("A", "B")
	claims := e.claim("A", "B")
	tx := e.hold("B")
	if e.db.Name == "postgres" { // the session that looks first is the victim: the store's
		_, err := tx.ExecContext(e.ctx, "SET LOCAL deadlock_timeout = '1min'")
		e.must(err)
	}
	type outcome struct {
		released int
		err      error
	}
	result := make(chan outcome, 1)
	go func() {
		n, err := e.Release(e.ctx, claims)
		result <- outcome{n, err}
	}()
	e.awaitBlocked()
	_, err := tx.ExecContext(e.ctx, "UPDATE cloudpay_orders SET attempts = attempts WHERE out_trade_no = 'A'")
	e.must(err) // it got A: the store's transaction, which held A, was rolled back
	e.must(tx.Commit())
	if got := <-result; got.err != nil || got.released != 2 {
		e.Errorf("got %d released and error %v, want 2 in another try", got.released, got.err)
	}
	e.claim("A", "B")
}

// proxy forwards to a database, can stop forwarding, and counts round trips.
type proxy struct {
	address string
	quiet   atomic.Bool
	// left is how many more bytes of the database's answers are forwarded; negative for all.
	left atomic.Int64
	// trips counts the requests, if one connection is used; answered is set after an answer.
	trips    atomic.Int64
	answered atomic.Bool
}

func (e *sqlEnv) proxied() (*proxy, *store.Store) {
	e.Helper()
	u, err := url.Parse(e.address)
	e.must(err)
	target := u.Host
	listener, err := (&net.ListenConfig{}).Listen(e.ctx, "tcp", "127.0.0.1:0")
	e.must(err)
	u.Host = listener.Addr().String()
	p := &proxy{address: u.String()}
	p.left.Store(-1)
	var mu sync.Mutex
	var open []net.Conn
	keep := func(c net.Conn) {
		mu.Lock()
		defer mu.Unlock()
		open = append(open, c)
	}
	e.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			_ = c.Close()
		}
	})
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
			if err != nil {
				_ = near.Close()
				continue
			}
			keep(near)
			keep(far)
			go p.pass(near, far, p.allows)
			go p.pass(far, near, p.counts)
		}
	}()
	return p, openAt(e, p.address)
}

func openAt(e *sqlEnv, address string) *store.Store {
	e.Helper()
	return open(e.T, address)
}

// counts notes a request: what comes from the client after an answer, in one piece or several.
func (p *proxy) counts(n int) int {
	if p.answered.Swap(false) {
		p.trips.Add(1)
	}
	return n
}

// allows returns how many of n bytes of the database's answer are forwarded.
func (p *proxy) allows(n int) int {
	p.answered.Store(true)
	if p.left.Load() < 0 {
		return n
	}
	n = int(min(p.left.Load(), int64(n)))
	p.left.Add(-int64(n))
	return n
}

// pass forwards until the proxy is quiet, and drops everything from then on.
func (p *proxy) pass(to io.Writer, from io.Reader, allows func(int) int) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if p.quiet.Load() {
			continue
		}
		if _, err := to.Write(buffer[:allows(n)]); err != nil {
			return
		}
	}
}

func goesQuiet(e *sqlEnv) {
	p, s := e.proxied()
	c := e.claimOne("A1")
	if _, err := s.Show(e.ctx, c.Ref); err != nil { // this connects it
		e.Fatal(err)
	}
	p.quiet.Store(true)
	for range 2 { // on the open connection, and on a new one
		ctx, cancel := context.WithTimeout(e.ctx, 200*time.Millisecond)
		before := time.Now()
		err := s.Finish(ctx, c, schedule.Final{State: schedule.FinalClosed})
		took := time.Since(before)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
			e.Errorf("got error %v after %v, want the deadline's, soon after it", err, took)
		}
	}
	p.quiet.Store(false)
	e.must(s.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
	e.wantEvents("A1", outbox.EventClosed)
}

func notThere(e *sqlEnv) {
	u, err := url.Parse(e.address)
	e.must(err)
	listener, err := (&net.ListenConfig{}).Listen(e.ctx, "tcp", "127.0.0.1:0")
	e.must(err)
	u.Host, u.User = listener.Addr().String(), url.UserPassword("cloudpay", "hunter2")
	e.must(listener.Close())
	_, err = openAt(e, u.String()).Claim(e.ctx, shop, 1, lease)
	e.wantWorded(err, "out of reach", false)
	if strings.Contains(err.Error(), "hunter2") {
		e.Errorf("got %v, want it without the password", err)
	}
}

func givesUpWaiting(e *sqlEnv) {
	c := e.claimOne("A1")
	tx := e.hold("A1")
	ctx, cancel := context.WithTimeout(e.ctx, 200*time.Millisecond)
	defer cancel()
	before := time.Now()
	err := e.Finish(ctx, c, schedule.Final{State: schedule.FinalClosed})
	if took := time.Since(before); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
		e.Errorf("got error %v after %v, want the deadline's, soon after it", err, took)
	}
	e.must(tx.Rollback())
	e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
	e.wantEvents("A1", outbox.EventClosed)
}

// small limits the size of the database.
type small struct {
	driver.Connector

	pages string
}

func (c small) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, "PRAGMA max_page_count = "+c.pages, nil)
	if err != nil {
		return nil, err
	}
	return conn, rows.Close()
}

func fullDisk(e *sqlEnv) {
	connector, name, err := store.Connector(e.address)
	e.must(err)
	s, err := store.New(small{Connector: connector, pages: "60"}, name)
	e.must(err)
	e.Cleanup(func() { _ = s.Close() })
	first := e.claimOne("first")
	var registered []string
	for _, no := range numbers("F", 9999) {
		added, failed := s.Register(e.ctx, due(no))
		if failed != nil {
			err = failed
			break
		}
		if added {
			registered = append(registered, no)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "disk is full") || len(registered) == 0 {
		e.Fatalf("got error %v after %d orders, want some orders and then a full disk", err, len(registered))
	}
	_ = s.Finish(e.ctx, first, schedule.Final{State: schedule.FinalClosed}) // complete, or not at all
	e.consistent("a full disk", "first")
	if n := e.count("SELECT COUNT(*) FROM cloudpay_orders"); n != len(registered)+1 {
		e.Errorf("got %d orders, want the %d that were said to be registered", n, len(registered)+1)
	}
	// With free space the same operation succeeds.
	e.must(e.Finish(e.ctx, first, schedule.Final{State: schedule.FinalClosed}))
	e.register(due("after"))
	e.consistent("room again", "first")
}
