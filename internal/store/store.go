package store

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// Store is one database. It is safe for concurrent use.
type Store struct {
	db *sql.DB
	d  *dialect
}

// maxConns is how many connections one process holds at most, unless the address says max_conns=N. Functions come in many
// instances, and a small MySQL has a hundred and fifty connections for all of them.
const maxConns = 8

// Open prepares a store by its address, CLOUDPAY_STORE:
//
//	mysql://USER:PASSWORD@HOST:3306/DATABASE?tls=true
//	postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full
//	sqlite:/path/to/file.db
//
// It opens no connection: the first operation does. Errors name what is wrong with the address and never show it, since it
// holds a password.
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

// New makes a store of a connector from Connector, or one around it, and the database's name: mysql, postgres or sqlite.
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

// Connector makes connections to the database at an address, and says which database it is. Its connections come set up, and
// end with the context of what they are used for, even when the database is out of reach. Nothing is connected yet.
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

// Close closes the connections. Operations fail from then on.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// parse reads an address with a host. What url.Parse finds wrong is not passed on: it would quote the password.
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

// connsOf is how many connections an address allows; it was parsed before.
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

// How long the database lets a connection of ours rest, alone or within a transaction, before it ends it: a function that is
// frozen in mid-transaction must not hold its locks for ever, nor frozen ones all of the connections.
const maxRest = time.Minute

// How long one statement waits for a lock. Nothing here holds one for longer than a few statements.
const maxLockWait = 5 * time.Second

// connectTimeout bounds making a connection where the caller's context allows longer.
const connectTimeout = 5 * time.Second
