// Package storetest proves registers. [RunContract] is the suite that every register passes, the
// tests' fake (internal/store/fakestore) included. [Run] adds what is about SQL, connections and
// servers, and the package starts the databases for it.
//
// PostgreSQL, PgBouncer and MariaDB are real servers. A test starts them from the distribution's
// programs, in a folder that it removes afterwards, at a port of 127.0.0.1, without the flushing to
// disk that protects them from a power cut. If the programs are missing, the test is skipped, and
// fails under CI=true; `make test-databases` installs them.
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

// Database creates databases of one kind.
type Database struct {
	// Name is the store's name for the kind: mysql, postgres or sqlite.
	Name string
	// empty creates a database without tables and returns its address.
	empty func(t testing.TB) string
	// server is nil for a kind without one.
	server *server
	// direct returns the address of the same database without the pooler; nil if there is none.
	direct func(address string) string
}

// Direct returns the address of the same database without the pooler, and the address itself if
// there is none.
func (d Database) Direct(address string) string {
	if d.direct == nil {
		return address
	}
	return d.direct(address)
}

// Pooled reports whether the addresses lead to a pooler.
func (d Database) Pooled() bool { return d.direct != nil }

// Crash kills the server, as the kernel kills a process that uses too much memory. Without Durable,
// the commits of the last second may be lost.
func (d Database) Crash(t testing.TB) {
	t.Helper()
	if err := d.server.crash(); err != nil {
		t.Fatal(err)
	}
}

// Restart starts a crashed server again on its files, at the same address, and waits until it
// answers.
func (d Database) Restart(t testing.TB) {
	t.Helper()
	if err := d.server.restart(); err != nil {
		t.Fatal(err)
	}
}

// Durable makes the server write each commit to the operating system before it answers, until it is
// restarted. Its own crash then loses nothing; a power cut could.
func (d Database) Durable(t testing.TB) {
	t.Helper()
	statement := map[string]string{
		"postgres": "ALTER ROLE cloudpay SET synchronous_commit = on", // for connections made from now on
		"mysql":    "SET GLOBAL innodb_flush_log_at_trx_commit = 2",
	}[d.Name]
	if _, err := Raw(t, d.server.address(d.server.admin)).ExecContext(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}

// Flush restarts the server with the flushing to disk that one in production has: a commit survives
// a power cut.
func (d Database) Flush(t testing.TB) {
	t.Helper()
	d.Crash(t)
	d.server.args = append(d.server.args, d.server.flushing...)
	d.Restart(t)
}

// Empty creates a database without tables and returns its address. It is removed when the test
// ends.
func (d Database) Empty(t testing.TB) string {
	t.Helper()
	return d.empty(t)
}

// Migrated creates a database with the store's tables and returns its address. It is removed when
// the test ends.
func (d Database) Migrated(t testing.TB) string {
	t.Helper()
	address := d.Empty(t)
	if _, err := migrate.Up(context.Background(), d.Direct(address)); err != nil {
		t.Fatalf("migrating: %v", err)
	}
	return address
}

// Open creates a database with the store's tables and opens a store on it, until the test ends.
func (d Database) Open(t testing.TB) *store.Store {
	t.Helper()
	return open(t, d.Migrated(t))
}

// OpenAt opens a store at an address from Empty or Migrated, until the test ends.
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

// Raw opens a database by its address without a store, until the test ends.
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

// SQLite creates databases in files of the test. The test must be built with -tags sqlite.
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

// MariaDBWith is MariaDB with additional options of the server.
func MariaDBWith(t testing.TB, options ...string) Database {
	t.Helper()
	return started(t, "mysql", startMariaDBWith(options...))
}

// launched starts a server that runs until the test ends. It skips the test if the programs are
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
