package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/sweep"
)

// Store is a register under proof: what closing and sweeping require of it, and what else is asked
// of a register.
type Store interface {
	closing.Orders
	sweep.Backlog
	closing.Owners
	lists
	ager

	Register(ctx context.Context, e schedule.Entry) (added bool, err error)
	singles
	payments
	DeadLetters(ctx context.Context, of outbox.Selection, after int64, limit int) ([]outbox.Delivery, error)
	Requeue(ctx context.Context, of order.Account, numbers []int64) (requeued int, err error)
}

// payments is what a register learns from notifications.
type payments interface {
	ObservePayments(ctx context.Context, payments []schedule.Payment) ([]schedule.Observed, error)
}

// lists is what a register's orders are listed by.
type lists interface {
	List(ctx context.Context, of schedule.Selection, from string, limit int) (schedule.Page, error)
	Count(ctx context.Context, of schedule.Selection) (int64, error)
}

// singles are a Store's methods that read one value, or what belongs to one order.
type singles interface {
	History(ctx context.Context, ref order.Ref, limit int) ([]outbox.Event, error)
	Clock(ctx context.Context) (time.Time, error)
	Changes(ctx context.Context, ref order.Ref) ([]schedule.Changed, error)
	StatusBySubMerchant(ctx context.Context, of order.Account) ([]schedule.Status, error)
}

// Subject is one empty register under proof.
type Subject struct {
	Store
	// Another opens the same register again, as another process does.
	Another func() Store
	// Pass lets time pass in the register. A negative duration puts its clock back.
	Pass func(time.Duration)
}

// RunContract proves what every register must do, whatever it keeps its orders in. Each test has a
// register of its own, which open makes.
func RunContract(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	for _, test := range slices.Concat(
		registering, identity, owning, claiming, writing, changing, status, ending, batches, paying, puttingOff, telling, trusted, quota, listing, aging, concurrency,
	) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.prove(&env{T: t, Subject: open(t), ctx: context.Background()})
		})
	}
}

// Run proves a store on one kind of database: the contract, and what is about SQL, connections and
// servers. Each test has a database of its own.
func Run(t *testing.T, db Database) {
	t.Helper()
	RunContract(t, func(t *testing.T) Subject { t.Helper(); return newSQLEnv(t, db).Subject })
	for _, test := range slices.Concat(
		registeringSQL, numbering, trustedInSQL, watermarks, agingSQL, crashing, batching, payingInSQL, puttingOffInSQL, rolling, failures, migrating, connecting, wording, pooling, roundTrips, shifting,
	) {
		if len(test.only) > 0 && !slices.Contains(test.only, db.Name) || test.pooled && !db.Pooled() {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.prove(newSQLEnv(t, db))
		})
	}
}

// proof is one thing that a register must do.
type proof struct {
	name  string
	prove func(*env)
}

// sqlProof is one thing that a store on a database must do besides.
type sqlProof struct {
	name string
	// only names the databases that it is about; all when empty.
	only []string
	// pooled: it is about a pooler.
	pooled bool
	prove  func(*sqlEnv)
}

// env is a test's own register, and verbs.
type env struct {
	*testing.T
	Subject

	ctx context.Context
}

// sqlEnv is an env on a database of the test's own.
type sqlEnv struct {
	*env

	db      Database
	address string
	raw     *sql.DB
}

func newSQLEnv(t *testing.T, db Database) *sqlEnv {
	t.Helper()
	address := db.Migrated(t)
	e := &sqlEnv{db: db, address: address, raw: Raw(t, db.Direct(address))}
	e.env = &env{T: t, ctx: context.Background(), Subject: Subject{
		Store: open(t, address), Another: func() Store { return open(t, address) }, Pass: e.pass,
	}}
	return e
}

// shop is the merchant of all orders without another.
var shop = order.Account{Region: order.Mainland, MchID: "1900000001"}

const lease = time.Minute

func ref(no string) order.Ref {
	return order.Ref{Region: shop.Region, MchID: shop.MchID, OutTradeNo: no}
}

// due is an entry that is due at once.
func due(no string) schedule.Entry { return schedule.Entry{Ref: ref(no)} }

func numbers(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s%04d", prefix, i)
	}
	return list
}

func (e *env) register(entries ...schedule.Entry) {
	e.Helper()
	for _, entry := range entries {
		if _, err := e.Register(e.ctx, entry); err != nil {
			e.Fatal(err)
		}
	}
}

func (e *env) registerDue(numbers ...string) {
	e.Helper()
	entries := make([]schedule.Entry, len(numbers))
	for i, no := range numbers {
		entries[i] = due(no)
	}
	all, err := e.RegisterAll(e.ctx, entries)
	if err != nil {
		e.Fatal(err)
	}
	for _, one := range all {
		if one.Err != nil || !one.Added {
			e.Fatalf("registering: got %+v, want all added", one)
		}
	}
}

// claim claims all due orders as a sweep does, those in doubt first, and wants these, in this
// order.
func (e *env) claim(want ...string) []schedule.Claim {
	e.Helper()
	doubtful, err := e.ClaimDoubtful(e.ctx, shop, 100, lease)
	e.must(err)
	waiting, err := e.Claim(e.ctx, shop, 100, lease)
	e.must(err)
	claims := slices.Concat(doubtful, waiting)
	e.wantClaimed(claims, want...)
	return claims
}

func (e *env) wantClaimed(claims []schedule.Claim, want ...string) {
	e.Helper()
	got := make([]string, len(claims))
	for i, c := range claims {
		got[i] = c.OutTradeNo
	}
	if !slices.Equal(got, want) {
		e.Fatalf("claimed: got %v, want %v", got, want)
	}
}

// claimOne registers an order and claims it.
func (e *env) claimOne(no string) schedule.Claim {
	e.Helper()
	e.registerDue(no)
	return e.claim(no)[0]
}

// orders counts the shop's orders.
func (e *env) orders() int {
	e.Helper()
	n := 0
	for _, at := range []schedule.Progress{schedule.Waiting, schedule.Closing, schedule.Done, schedule.GaveUp} {
		n += len(e.list(selection(at), 1000))
	}
	return n
}

func (e *env) show(no string) schedule.Record {
	e.Helper()
	s, err := e.Show(e.ctx, ref(no))
	if err != nil {
		e.Fatal(err)
	}
	return s
}

func (e *env) wantProgress(no string, want schedule.Progress, ending schedule.FinalState) {
	e.Helper()
	if s := e.show(no); s.Progress != want || s.FinalState != ending {
		e.Errorf("order %s: got %s %q, want %s %q", no, s.Progress, s.FinalState, want, ending)
	}
}

// wantEvents wants an order's events to be of these kinds, in this order.
func (e *env) wantEvents(no string, want ...outbox.EventKind) {
	e.Helper()
	events, err := e.Events(e.ctx, shop, outbox.Cursor{}, 1000)
	if err != nil {
		e.Fatal(err)
	}
	var got []outbox.EventKind
	for _, event := range events {
		if event.OutTradeNo == no {
			got = append(got, event.Kind)
		}
	}
	if !slices.Equal(got, want) {
		e.Errorf("events of order %s: got %v, want %v", no, got, want)
	}
}

// must wants no error.
func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(detailed(err))
	}
}

// detailed is an error with the database's own words.
func detailed(err error) error {
	if failed, is := errors.AsType[*schedule.StoreError](err); is {
		return fmt.Errorf("%w: %s", err, failed.Detail())
	}
	return err
}

// wantError wants an error of one type, and returns it.
func wantError[T error](t testing.TB, err error) T {
	t.Helper()
	found, ok := errors.AsType[T](err)
	if !ok {
		t.Fatalf("got error %v, want a %T", err, found)
	}
	return found
}

// refused wants an error of one type.
func refused[T error](t testing.TB, err error) {
	t.Helper()
	_ = wantError[T](t, err)
}

// pass lets time pass by moving every time in the database into the past. That is equivalent, since
// the store only compares times with the database's clock.
func (e *sqlEnv) pass(d time.Duration) {
	e.Helper()
	for table, columns := range map[string][]string{
		"cloudpay_orders":     {"registered_at", "closing_since", "due_at", "lease_until", "ended_at", "withdrawn_at"},
		"cloudpay_events":     {"occurred_at", "due_at", "delivered_at", "dead_at"},
		"cloudpay_quotas":     {"changed_at", "opens_at"},
		"cloudpay_watermarks": {"head", "low", "full_to", "raised_at", "deep_at", "full_at"},
		"cloudpay_receivers":  {"failing_since", "opens_at"},
		"cloudpay_tombstones": {"ended_at", "pruned_at"},
		"cloudpay_changes":    {"changed_at"},
	} {
		assignments := make([]string, len(columns))
		for i, column := range columns {
			assignments[i] = column + " = " + e.before(column, d)
		}
		e.sql("UPDATE " + table + " SET " + strings.Join(assignments, ", "))
	}
}

// before is the expression for a time so long before another.
func (e *sqlEnv) before(at string, d time.Duration) string {
	earlier := map[string]string{
		"postgres": "%s - %d * interval '1 microsecond'",
		"mysql":    "%s - INTERVAL %d MICROSECOND",
		"sqlite":   "%s - %d",
	}[e.db.Name]
	return fmt.Sprintf(earlier, at, d.Microseconds())
}

func (e *sqlEnv) sql(statement string) {
	e.Helper()
	if _, err := e.raw.ExecContext(e.ctx, statement); err != nil {
		e.Fatalf("%s: %v", statement, err)
	}
}

// count returns the number that a query selects.
func (e *sqlEnv) count(statement string) int {
	e.Helper()
	var n int
	if err := e.raw.QueryRowContext(e.ctx, statement).Scan(&n); err != nil {
		e.Fatalf("%s: %v", statement, err)
	}
	return n
}

func fen(n int64) *int64 { return new(n) }
