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

// sqliteConnector reads sqlite:PATH. The file is made when it is not there; it must be on a disk of the machine's own.
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

// privateFile makes a database's file for its owner alone. SQLite would make it for everybody to
// read, and makes the files that it puts beside it (-wal, -shm, -journal) as the file is.
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

// sqliteSetup: readers beside the one writer (WAL); what was committed survives the power (FULL); a transaction takes the
// writer's lock when it begins, so that it never has to be given up half-way; other processes are waited for.
const sqliteSetup = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
	"&_pragma=foreign_keys(ON)&_txlock=immediate"

// sqliteFault knows SQLite's result codes.
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
