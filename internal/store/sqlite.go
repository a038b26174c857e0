package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io/fs"
	"os"
	"strings"

	"cloudpay/internal/bilingual"
)

// sqliteDriver is SQLite as package sqlite has it.
type sqliteDriver interface {
	// Connector returns a connector to the file at a path, and an error for a path that SQLite
	// cannot be given.
	Connector(path string) (driver.Connector, error)
	// Code returns the primary result code of an error of SQLite's, and false for any other error.
	Code(err error) (code int, ok bool)
}

// LinkSQLite makes SQLite part of this program, as the build tag sqlite does. A program calls it
// once, before it opens a store.
func LinkSQLite(d sqliteDriver) { linkedSQLite = d }

// sqliteConnector reads sqlite:PATH. A file that does not exist is created.
func sqliteConnector(address string) (driver.Connector, error) {
	if linkedSQLite == nil {
		return nil, errors.New("SQLite is not part of this program: build it with -tags sqlite, or name a database at mysql:// or postgres://")
	}
	path := strings.TrimPrefix(strings.TrimPrefix(address, "sqlite:"), "//")
	if path == "" || strings.ContainsAny(path, "?#") {
		return nil, bilingual.Errorf("the address must read sqlite:/path/to/file.db, without parameters",
			"地址须写作 sqlite:/path/to/file.db，不带参数")
	}
	connector, err := linkedSQLite.Connector(path)
	if err != nil {
		return nil, err
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

// SQLite's primary result codes that the store tells apart (https://www.sqlite.org/rescode.html).
const (
	sqliteError    = 1
	sqlitePerm     = 3
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteReadOnly = 8
	sqliteFull     = 13
	sqliteCantOpen = 14
	sqliteAuth     = 23
)

// sqliteFault classifies an error of SQLite's or of its file.
func sqliteFault(err error) fault {
	if _, isFile := errors.AsType[*fs.PathError](err); isFile {
		return faultDenied
	}
	if linkedSQLite == nil {
		return faultOther
	}
	code, ok := linkedSQLite.Code(err)
	if !ok {
		return faultOther
	}
	switch code {
	case sqliteBusy, sqliteLocked:
		return faultBusy
	case sqliteFull:
		return faultFull
	case sqliteReadOnly, sqlitePerm, sqliteCantOpen, sqliteAuth:
		return faultDenied
	case sqliteError:
		if strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "no such column") {
			return faultSchema
		}
	}
	return faultOther
}
