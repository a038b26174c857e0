// Package sqlite is the driver of package store's SQLite files. It is a package of its own so that
// a program chooses whether to link it: SQLite adds four megabytes to each function, which cannot
// use it, since a function has no permanent disk. The command links it always
// (store.LinkSQLite), the functions only under the build tag sqlite.
package sqlite

import (
	"database/sql/driver"
	"errors"
	"net/url"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"cloudpay/internal/bilingual"
)

// Driver opens SQLite's files, and reads its errors. The zero value is ready for use.
type Driver struct{}

// setup are SQLite's settings (https://www.sqlite.org/pragma.html). WAL lets readers work beside
// the one writer. FULL makes a commit survive a power cut. A transaction takes the writer's lock
// when it begins (immediate), so that it never fails half-way for want of it. The busy timeout, in
// milliseconds, is the wait for other processes.
const setup = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
	"&_pragma=foreign_keys(ON)&_txlock=immediate"

// Connector returns a connector to the file at a path, which the first connection creates. The file
// must be on a local disk: SQLite's locks are not reliable on network file systems.
func (Driver) Connector(path string) (driver.Connector, error) {
	connector, err := sqlite.NewConnector("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + setup)
	if err != nil {
		return nil, bilingual.Errorf("the address is not one for SQLite: sqlite:/path/to/file.db", "不是 SQLite 的地址：sqlite:/path/to/file.db")
	}
	return connector, nil
}

// IsFull reports whether an error of SQLite's says that the disk is full. One of its files grows in
// a way of its own, and then says that it could not.
func (Driver) IsFull(err error) bool {
	refusal, ok := errors.AsType[*sqlite.Error](err)
	return ok && (refusal.Code() == sqlite3.SQLITE_FULL || refusal.Code() == sqlite3.SQLITE_IOERR_SHMSIZE)
}

// Code returns the primary result code of an error of SQLite's
// (https://www.sqlite.org/rescode.html), and false for any other error.
func (Driver) Code(err error) (code int, ok bool) {
	refusal, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return 0, false
	}
	const primary = 0xff
	return refusal.Code() & primary, true
}
