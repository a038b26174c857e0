//go:build !sqlite

package store

import (
	"database/sql/driver"
	"errors"
)

// SQLite would add four megabytes to each function, which cannot use it: a function has no
// permanent disk.

func sqliteConnector(string) (driver.Connector, error) {
	return nil, errors.New("SQLite is not part of this program: build it with -tags sqlite, or name a database at mysql:// or postgres://")
}

func sqliteFault(error) fault { return faultOther }
