//go:build sqlite

package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"cloudpay/internal/bilingual"
)

// sqliteConnector reads sqlite:PATH. A file that does not exist is created. It must be on a local
// disk: SQLite's locks are not reliable on network file systems.
func sqliteConnector(address string) (driver.Connector, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(address, "sqlite:"), "//")
	if path == "" || strings.ContainsAny(path, "?#") {
		return nil, bilingual.Errorf("the address must read sqlite:/path/to/file.db, without parameters",
			"地址须写作 sqlite:/path/to/file.db，不带参数")
	}
	connector, err := sqlite.NewConnector("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + sqliteSetup)
	if err != nil {
		return nil, bilingual.Errorf("the address is not one for SQLite: sqlite:/path/to/file.db", "不是 SQLite 的地址：sqlite:/path/to/file.db")
	}
	return privateFile{connector, path}, nil
}

// privateFile creates the database's file readable by its owner only. SQLite would create it
// readable by all users. It gives the files beside it (-wal, -shm, -journal) the permissions of
// this one.
type privateFile struct {
	driver.Connector

	path string
}

func (p privateFile) Connect(ctx context.Context) (driver.Conn, error) {
	const private = 0o600
	file, err := os.OpenFile(p.path, os.O_RDWR|os.O_CREATE, private)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return nil, err
	}
	return p.Connector.Connect(ctx)
}

// sqliteSetup are SQLite's settings (https://www.sqlite.org/pragma.html). WAL lets readers work
// beside the one writer. FULL makes a commit survive a power cut. A transaction takes the writer's
// lock when it begins (immediate), so that it never fails half-way for want of it. The busy
// timeout, in milliseconds, is the wait for other processes.
const sqliteSetup = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
	"&_pragma=foreign_keys(ON)&_txlock=immediate"

// sqliteFault classifies SQLite's result codes (https://www.sqlite.org/rescode.html).
func sqliteFault(err error) fault {
	refusal, ok := errors.AsType[*sqlite.Error](err)
	if _, isFile := errors.AsType[*fs.PathError](err); isFile {
		return faultDenied
	}
	if !ok {
		return faultOther
	}
	switch refusal.Code() & 0xff { // the primary code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return faultBusy
	case sqlite3.SQLITE_FULL:
		return faultFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH:
		return faultDenied
	case sqlite3.SQLITE_ERROR:
		if strings.Contains(refusal.Error(), "no such table") || strings.Contains(refusal.Error(), "no such column") {
			return faultSchema
		}
	}
	return faultOther
}
