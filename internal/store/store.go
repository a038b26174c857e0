// Package store keeps the register of orders in SQL: SQLite (in programs that link it, see
// LinkSQLite), MySQL 8 or MariaDB from 10.6, and PostgreSQL from 14. All of them keep the same
// contract, which internal/store/storetest proves.
//
// # Tables
//
// An order is one row, identified by (region, mchid, sub_mchid, out_trade_no), compared byte by
// byte. It has two states: the trade state that the gateway last gave, and our progress
// (schedule.Progress). The outbox has one row for each event, written in the transaction that
// causes the event. The quota of a merchant number is one row, shared by all instances.
//
// # Leases and tokens
//
// The column due_at is the time from which an order may be claimed: at first its close_at, under a
// claim the end of the lease, after a retry the time of the next attempt, and NULL once the order
// has ended. A claim therefore reads the front of one index, however large the table is, and the
// orders of a killed process become due again by themselves. The database's clock makes all of
// these times; this package never reads its own.
//
// Leases are not renewed: each is taken for longer than its holder may work on the order. A lease
// guards the record and not the close. A direct close of a leased order is sent all the same, since
// closing is safe to repeat.
//
// A claim is a random token, and every write under a claim says WHERE token = ?. If another claim
// was made since, the write changes nothing and returns a LostClaimError. A lease that has expired
// is still good as long as there is no later claim. The token stays in the row after the claim's
// last write: if the connection is lost during a commit, the repeated write finds it there, knows
// that it was written, and changes nothing.
//
// # Round trips
//
// What an operation writes is committed together, or not at all. An operation of one statement has
// no transaction around it, which saves the round trips of BEGIN and COMMIT; on PostgreSQL one
// statement can write an end and its event. One that reads first, as Begin does with the record
// that Show gave, names in its UPDATE all that it relies on, and reads again if another process has
// changed it. BEGIN READ WRITE fails on a standby, whose data may be out of date. A single SELECT
// would not, so that it selects whether the server is one.
//
// An operation is repeated after a deadlock or a lost connection, and on a server that takes no
// writes; then in a transaction. Its caller may repeat it too.
//
// # Final states
//
// A final state is recorded once, from a signed answer. A second answer that says the same changes
// nothing. One that says otherwise does not change the order either; it adds an event and returns a
// ContradictionError, which is an alarm.
package store

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"cloudpay/internal/bilingual"
)

// Store is a register in one database. It is safe for concurrent use.
type Store struct {
	db *sql.DB
	d  *dialect

	surveys surveys
	// checked is set once the database was found compatible with this program.
	checked atomic.Bool
	shift   func() (time.Duration, error) // see ShiftClock
}

// maxConns bounds the connections of one process, unless the address says max_conns=N. A function
// runs in many instances, and a small MySQL allows 150 connections for all of them.
const maxConns = 8

// Open opens the store at an address, which is the value of CLOUDPAY_STORE:
//
//	mysql://USER:PASSWORD@HOST:3306/DATABASE?tls=true
//	postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full
//	sqlite:/path/to/file.db
//
// The first operation makes the first connection. An error says what is wrong with the address
// without quoting it, since it holds a password.
func Open(address string) (*Store, error) {
	connector, database, err := Connector(address)
	if err != nil {
		return nil, err
	}
	s, err := New(connector, database)
	if err != nil {
		return nil, err
	}
	s.db.SetMaxOpenConns(connsOf(address, s.d))
	s.db.SetMaxIdleConns(connsOf(address, s.d))
	return s, nil
}

// New makes a Store from a connector, which is Connector's or wraps it, and the name of its
// database: mysql, postgres or sqlite.
func New(connector driver.Connector, database string) (*Store, error) {
	d, known := dialects[database]
	if !known {
		return nil, fmt.Errorf("store: %q is no database that is known here: mysql, postgres, sqlite", database)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(d.conns)
	db.SetMaxIdleConns(d.conns)
	return &Store{db: db, d: d}, nil
}

// Connector returns a connector to the database at an address, and the database's name. An
// operation on one of its connections ends with the operation's context, even if the database is
// unreachable. Nothing is connected yet.
func Connector(address string) (connector driver.Connector, database string, err error) {
	scheme, _, _ := strings.Cut(address, ":")
	switch scheme {
	case "mysql", "mariadb":
		connector, err = mysqlConnector(address)
		database = "mysql"
	case "postgres", "postgresql":
		connector, err = postgresConnector(address)
		database = "postgres"
	case "sqlite":
		connector, err = sqliteConnector(address)
		database = "sqlite"
	default:
		return nil, "", bilingual.Errorf("store: the address must begin with mysql://, postgres:// or sqlite: and a path",
			"store: 地址须以 mysql://、postgres:// 开头，或为 sqlite: 加路径")
	}
	if err != nil {
		return nil, "", fmt.Errorf("store: %w", err)
	}
	return connector, database, nil
}

// Close closes the connections. Later operations fail.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// parse reads the address of a server. The error of url.Parse is dropped: it quotes the password.
func parse(address, example string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return nil, bilingual.Errorf("the address must read %s; write other characters than letters and digits in the password as %%XX",
			"地址须写作 %s；密码中字母、数字以外的字符请写作 %%XX", example)
	}
	if len(u.Path) < 2 || strings.Contains(u.Path[1:], "/") {
		return nil, bilingual.Errorf("the address must name a database: %s", "地址须含数据库名：%s", example)
	}
	if n := u.Query().Get(paramConns); n != "" {
		if conns, err := strconv.Atoi(n); err != nil || conns < 1 {
			return nil, bilingual.Errorf("%s in the address must be a number from 1", "地址中的 %s 须为不小于 1 的数", paramConns)
		}
	}
	return u, nil
}

const paramConns = "max_conns"

// connsOf returns how many connections an address allows. parse has checked the address. A database
// for which one connection is the limit keeps it.
func connsOf(address string, d *dialect) int {
	u, err := url.Parse(address)
	if err != nil {
		return d.conns
	}
	if conns, err := strconv.Atoi(u.Query().Get(paramConns)); err == nil && d.conns > 1 {
		return conns
	}
	return d.conns
}

const (
	// maxRest is how long PostgreSQL lets a connection be idle, inside or outside a transaction,
	// before it closes it. The platform may freeze an instance at any time; a frozen instance must
	// not keep its locks, nor frozen instances all connections.
	maxRest = time.Minute
	// maxLockWait bounds how long one statement waits for a lock. No operation here holds a lock
	// for longer than a few statements.
	maxLockWait = 5 * time.Second
	// connectTimeout bounds the making of a connection if the caller's context allows longer.
	connectTimeout = 5 * time.Second
)
