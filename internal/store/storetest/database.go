// Package storetest proves a store: one suite, [Run], that every database has to pass, and the databases to run it against.
//
// PostgreSQL, PgBouncer and MariaDB are real servers, started for one test from the distribution's
// programs, in a folder that is removed afterwards, at a port of 127.0.0.1, and without the
// flushing to disk that protects them from a power cut. Programs that are not there are a visible
// skip, and a failure under CI=true; `make test-databases` installs them.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"cloudpay/internal/store"
	"cloudpay/internal/store/migrate"
)

// Database makes databases of one kind.
type Database struct {
	// Name is the store's name for the kind: mysql, postgres or sqlite.
	Name string
	// empty makes a database without tables and returns its address.
	empty func(t testing.TB) string
	// server is nil for a kind that has none.
	server *server
	// direct is the same database's address past the pooler; nil for a kind without one.
	direct func(address string) string
}

// Direct is the address of the same database past a pooler, and the address itself where there is
// none.
func (d Database) Direct(address string) string {
	if d.direct == nil {
		return address
	}
	return d.direct(address)
}

// Pooled reports whether the addresses are a pooler's.
func (d Database) Pooled() bool { return d.direct != nil }

// Crash ends the server in the midst of what it does, as the kernel ends a process that takes too much memory. What was
// committed within the last second may be lost with it, unless Durable was called.
func (d Database) Crash(t testing.TB) {
	t.Helper()
	if err := d.server.crash(); err != nil {
		t.Fatal(err)
	}
}

// Restart starts a server that crashed on what it left, at the same address, and waits until it answers.
func (d Database) Restart(t testing.TB) {
	t.Helper()
	if err := d.server.restart(); err != nil {
		t.Fatal(err)
	}
}

// Durable has the server hand what is committed to the operating system before it says so, until it is restarted: its own
// crash loses nothing then, though a power cut would.
func (d Database) Durable(t testing.TB) {
	t.Helper()
	statement := map[string]string{
		"postgres": "ALTER ROLE cloudpay SET synchronous_commit = on", // of connections made from now on
		"mysql":    "SET GLOBAL innodb_flush_log_at_trx_commit = 2",
	}[d.Name]
	if _, err := Raw(t, d.server.address(d.server.admin)).ExecContext(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}

// Empty makes a database without tables, and returns its address. It is gone when the test ends.
func (d Database) Empty(t testing.TB) string {
	t.Helper()
	return d.empty(t)
}

// Migrated makes a database with the store's tables, and returns its address. It is gone when the test ends.
func (d Database) Migrated(t testing.TB) string {
	t.Helper()
	address := d.Empty(t)
	if _, err := migrate.Up(context.Background(), d.Direct(address)); err != nil {
		t.Fatalf("migrating: %v", err)
	}
	return address
}

// Open makes a database with the store's tables, and opens a store on it, until the test ends.
func (d Database) Open(t testing.TB) *store.Store {
	t.Helper()
	return open(t, d.Migrated(t))
}

// OpenAt opens a store at an address of Empty's or Migrated's, until the test ends.
func (d Database) OpenAt(t testing.TB, address string) *store.Store {
	t.Helper()
	return open(t, address)
}

func open(t testing.TB, address string) *store.Store {
	t.Helper()
	s, err := store.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Raw opens a database by its address, past the store, until the test ends.
func Raw(t testing.TB, address string) *sql.DB {
	t.Helper()
	connector, _, err := store.Connector(address)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// SQLite makes databases in files of the test's own. The program has to be built with -tags sqlite.
func SQLite() Database {
	return Database{Name: "sqlite", empty: func(t testing.TB) string {
		t.Helper()
		return "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	}}
}

// Postgres starts a PostgreSQL server that runs until the test ends.
func Postgres(t testing.TB) Database {
	t.Helper()
	return started(t, "postgres", startPostgres)
}

// MariaDB starts a MariaDB server that runs until the test ends.
func MariaDB(t testing.TB) Database {
	t.Helper()
	return started(t, "mysql", startMariaDB)
}

// launched starts a server that runs until the test ends, or skips the test where its programs are
// missing.
func launched(t testing.TB, name string, start func(dir string) (*server, error)) *server {
	t.Helper()
	s, err := startIn(start)
	var missing *missingError
	switch {
	case errors.As(err, &missing) && os.Getenv("CI") != "true":
		t.Skipf("SKIPPED, not tested on %s: %v", name, err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

func started(t testing.TB, name string, start func(dir string) (*server, error)) Database {
	t.Helper()
	s := launched(t, name, start)
	var last atomic.Int64
	return Database{Name: name, server: s, empty: func(t testing.TB) string {
		t.Helper()
		database := fmt.Sprintf("cloudpay_%d", last.Add(1))
		admin := Raw(t, s.address(s.admin))
		if _, err := admin.ExecContext(context.Background(), "CREATE DATABASE "+database); err != nil {
			t.Fatalf("making a database: %v", err)
		}
		return s.address(database)
	}}
}
