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

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// Run proves a store on one kind of database. Each test has a database of its own.
func Run(t *testing.T, db Database) {
	t.Helper()
	for _, test := range slices.Concat(
		registering, naming, owning, claiming, writing, ending, telling, pacing, listing, sharing, crashing, losing, migrating,
		connecting, wording, pooling,
	) {
		if len(test.only) > 0 && !slices.Contains(test.only, db.Name) || test.pooled && !db.Pooled() {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.prove(newEnv(t, db))
		})
	}
}

// proof is one thing that a store must do.
type proof struct {
	name string
	// only names the databases that it is about; all when empty.
	only []string
	// pooled: it is about a pooler.
	pooled bool
	prove  func(*env)
}

// env is a database of a test's own, a store on it, and verbs.
type env struct {
	*testing.T
	*store.Store

	db      Database
	address string
	raw     *sql.DB
	ctx     context.Context
}

func newEnv(t *testing.T, db Database) *env {
	t.Helper()
	address := db.Migrated(t)
	return &env{T: t, Store: open(t, address), db: db, address: address, raw: Raw(t, db.Direct(address)), ctx: context.Background()}
}

// shop is the merchant of all orders that say no other.
var shop = order.Account{Region: order.Mainland, MchID: "1900000001"}

const lease = time.Minute

func ref(no string) order.Ref {
	return order.Ref{Region: shop.Region, MchID: shop.MchID, OutTradeNo: no}
}

// due is an order that is to be closed at once.
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

// claim claims all that is due and wants these, in this order.
func (e *env) claim(want ...string) []schedule.Claim {
	e.Helper()
	claims, err := e.Claim(e.ctx, shop, 100, lease)
	if err != nil {
		e.Fatal(err)
	}
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

// wantEvents wants these kinds of events of an order, in this order.
func (e *env) wantEvents(no string, want ...schedule.EventKind) {
	e.Helper()
	events, err := e.Events(e.ctx, shop, 0, 1000)
	if err != nil {
		e.Fatal(err)
	}
	var got []schedule.EventKind
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
		e.Fatal(err)
	}
}

// wantError wants an error of one type, and returns it.
func wantError[T error](e *env, err error) T {
	e.Helper()
	found, ok := errors.AsType[T](err)
	if !ok {
		e.Fatalf("got error %v, want a %T", err, found)
	}
	return found
}

// refused wants an error of one type.
func refused[T error](e *env, err error) {
	e.Helper()
	_ = wantError[T](e, err)
}

// passes lets time pass in the database: every time in it moves into the past, which is the same to whoever only compares
// times with the database's clock. Negative is a clock that was put back.
func (e *env) passes(d time.Duration) {
	e.Helper()
	earlier := map[string]string{
		"postgres": "%[1]s = %[1]s - %[2]d * interval '1 microsecond'",
		"mysql":    "%[1]s = %[1]s - INTERVAL %[2]d MICROSECOND",
		"sqlite":   "%[1]s = %[1]s - %[2]d",
	}[e.db.Name]
	for table, columns := range map[string][]string{
		"cloudpay_orders": {"registered_at", "closing_since", "due_at", "lease_until", "ended_at"},
		"cloudpay_events": {"occurred_at", "due_at", "delivered_at", "dead_at"},
		"cloudpay_quotas": {"changed_at", "opens_at"},
	} {
		assignments := make([]string, len(columns))
		for i, column := range columns {
			assignments[i] = fmt.Sprintf(earlier, column, d.Microseconds())
		}
		e.sql("UPDATE " + table + " SET " + strings.Join(assignments, ", "))
	}
}

func (e *env) sql(statement string) {
	e.Helper()
	if _, err := e.raw.ExecContext(e.ctx, statement); err != nil {
		e.Fatalf("%s: %v", statement, err)
	}
}

// count counts the rows of a query that counts.
func (e *env) count(statement string) int {
	e.Helper()
	var n int
	if err := e.raw.QueryRowContext(e.ctx, statement).Scan(&n); err != nil {
		e.Fatalf("%s: %v", statement, err)
	}
	return n
}

func fen(n int64) *int64 { return new(n) }
