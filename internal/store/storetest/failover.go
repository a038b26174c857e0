package storetest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// forwarder is an address that leads to one server or another, as a cloud's does. Open connections
// stay with their server until they are cut.
type forwarder struct {
	host string

	mu     sync.Mutex
	target string
	open   []net.Conn
	// accepted counts the connections.
	accepted atomic.Int64
}

func newForwarder(t *testing.T, to *server) *forwarder {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{host: listener.Addr().String()}
	f.lead(t, to)
	t.Cleanup(func() { _ = listener.Close(); f.cut() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			f.accepted.Add(1)
			f.mu.Lock()
			target := f.target
			f.open = append(f.open, near)
			f.mu.Unlock()
			go f.forward(near, target)
		}
	}()
	return f
}

func (f *forwarder) forward(near net.Conn, target string) {
	far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
	if err != nil {
		_ = near.Close()
		return
	}
	go func() {
		_, _ = io.Copy(far, near)
		_ = far.Close()
	}()
	_, _ = io.Copy(near, far)
	_ = near.Close()
}

// lead makes later connections lead to another server.
func (f *forwarder) lead(t *testing.T, to *server) {
	t.Helper()
	u, err := url.Parse(to.address(to.admin))
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.target = u.Host
}

// cut ends all connections.
func (f *forwarder) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.open {
		_ = c.Close()
	}
	f.open = nil
}

// watch is an instance that is called every second, with a store whose address may lead to another
// server from one call to the next.
type watch struct {
	*testing.T

	*forwarder
	store *store.Store
	calls int
}

// call registers an order and looks it up, within the time that a call gives the store.
func (w *watch) call() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	w.calls++
	e := due(fmt.Sprintf("W%d", w.calls))
	if _, err := w.store.Register(ctx, e); err != nil {
		return err
	}
	_, err := w.store.Show(ctx, e.Ref)
	return err
}

// everySecond makes n calls, a second apart, and returns their errors.
func (w *watch) everySecond(n int) []error {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	ended := make([]error, n)
	for i := range ended {
		ended[i] = w.call()
		<-ticks.C
	}
	return ended
}

// recovers wants no call to fail after the first two.
func (w *watch) recovers(after string) {
	w.Helper()
	ended := w.everySecond(6)
	failed := 0
	for i, err := range ended {
		if err == nil {
			continue
		}
		failed++
		if i >= 2 {
			w.Errorf("after %s, call %d: %v", after, i+1, err)
		}
	}
	w.Logf("after %s, %d of %d calls failed", after, failed, len(ended))
}

// busies uses all connections of the instance at the same time, so that it keeps them.
func (w *watch) busies() {
	w.Helper()
	var busy sync.WaitGroup
	for i := range 32 {
		busy.Go(func() {
			if _, err := w.store.Register(context.Background(), due(fmt.Sprintf("B%d", i))); err != nil {
				w.Error(err)
			}
		})
	}
	busy.Wait()
}

// hammers makes calls from many goroutines without a pause while the database takes no writes, and
// wants few new connections.
func (w *watch) hammers(during string, most func(time.Duration) int64) {
	w.Helper()
	const callers, length = 32, 4 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	began, before := time.Now(), w.accepted.Load()
	var calls atomic.Int64
	var busy sync.WaitGroup
	for range callers {
		busy.Go(func() {
			for ctx.Err() == nil {
				if _, err := w.store.Show(ctx, ref("B1")); err == nil {
					w.Errorf("during %s: got an answer, want none: it may be out of date", during)
					return
				}
				calls.Add(1)
			}
		})
	}
	busy.Wait()
	took, made := time.Since(began), w.accepted.Load()-before
	if limit := most(took); made > limit {
		w.Errorf("during %s: %d calls in %v made %d connections, want at most %d", during, calls.Load(), took, made, limit)
	}
	w.Logf("during %s, %d calls in %v made %d connections", during, calls.Load(), took.Round(time.Millisecond), made)
}

// perServer bounds the connections to a server that takes no writes: all that an instance may have,
// and then one in each reconsider of package store.
func perServer(took time.Duration) int64 { return 8 + 8 + int64(took/(500*time.Millisecond)) }

// perAddress bounds the tries at an address where nothing answers: one at a time, soon at most four
// a second.
func perAddress(took time.Duration) int64 { return 12 + int64(took/(250*time.Millisecond)) }

func tell(t *testing.T, s *server, statements ...string) {
	t.Helper()
	db := Raw(t, s.address(s.admin))
	for _, statement := range statements {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func ask(t *testing.T, s *server, question string) string {
	t.Helper()
	var answer string
	if err := Raw(t, s.address(s.admin)).QueryRowContext(context.Background(), question).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	return answer
}

// MariaDBFailover proves that an instance recovers when a MariaDB server's replica becomes the
// primary.
func MariaDBFailover(t *testing.T) {
	t.Helper()
	p := MariaDBPair(t)
	first, second := p.first, p.second
	leavesInPeace(t, first)
	w := &watch{T: t, forwarder: p.forwarder}
	w.store = open(t, p.Address)
	w.busies()
	w.wantAll(w.everySecond(2))

	// A switchover: no connection is cut, and the old ones stay with the first server.
	tell(t, first, "SET GLOBAL read_only = ON")
	p.Part(t)
	p.promote(t)
	w.lead(t, second)
	w.recovers("a switchover")
	if got := ask(t, second, "SELECT COUNT(*) FROM shop.cloudpay_orders WHERE out_trade_no = 'W1'"); got != "1" {
		t.Errorf("got %s orders W1 on the second server, want 1", got)
	}

	tell(t, second, "SET GLOBAL read_only = ON")
	w.hammers("maintenance", perServer)
	tell(t, second, "SET GLOBAL read_only = OFF")
	w.recovers("maintenance")

	if err := second.crash(); err != nil {
		t.Fatal(err)
	}
	w.hammers("an outage", perAddress)
	if err := second.restart(); err != nil {
		t.Fatal(err)
	}
	tell(t, second, "SET GLOBAL read_only = OFF") // it was started read-only
	w.recovers("an outage")
}

// leavesInPeace wants an instance that ends to close its connections properly. The database counts
// and logs aborted ones.
func leavesInPeace(t *testing.T, s *server) {
	t.Helper()
	const question = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'ABORTED_CLIENTS'"
	before := ask(t, s, question)
	instance, err := store.Open(s.address("shop"))
	if err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	for i := range 8 {
		busy.Go(func() {
			if _, err := instance.Register(context.Background(), due(fmt.Sprintf("P%d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	busy.Wait()
	if err := instance.Close(); err != nil {
		t.Error(err)
	}
	if after := ask(t, s, question); after != before {
		t.Errorf("an instance that ended left %s aborted connections, want %s as before", after, before)
	}
}

// wantAll wants no call to fail.
func (w *watch) wantAll(ended []error) {
	w.Helper()
	for i, err := range ended {
		if err != nil {
			w.Errorf("call %d: %v", i+1, err)
		}
	}
}

// PostgresFailover proves that an instance recovers when the address of a PostgreSQL primary leads
// to its standby, before the standby is promoted and after.
func PostgresFailover(t *testing.T) {
	t.Helper()
	p := PostgresPair(t)
	primary, standby := p.first, p.second
	w := &watch{T: t, forwarder: p.forwarder}
	w.store = open(t, p.Address)
	w.busies()
	w.wantAll(w.everySecond(2))
	await(t, standby, "SELECT COUNT(*) = 1 FROM cloudpay_orders WHERE out_trade_no = 'W2'")

	// While the address leads to the standby, nothing is written, and no outdated data is read.
	w.lead(t, standby)
	w.cut()
	w.hammers("the standby's time", perServer)
	_, err := w.store.Register(context.Background(), due("S1"))
	if err == nil || !strings.Contains(err.Error(), "takes no writes") || schedule.Lasting(err) {
		t.Errorf("got error %v on a standby, want that it takes no writes, for now", err)
	}
	w.lead(t, primary) // connections to the standby stay open
	w.recovers("the standby's time")

	await(t, standby, fmt.Sprintf("SELECT COUNT(*) = 1 FROM cloudpay_orders WHERE out_trade_no = 'W%d'", w.calls))
	if err := primary.crash(); err != nil {
		t.Fatal(err)
	}
	w.hammers("a failover", perAddress)
	p.promote(t)
	w.lead(t, standby)
	w.recovers("a failover")
}
