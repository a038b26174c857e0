//go:build sqlite

package store

import "cloudpay/internal/store/sqlite"

// linkedSQLite is SQLite, which every program with this tag has.
var linkedSQLite sqliteDriver = sqlite.Driver{}
