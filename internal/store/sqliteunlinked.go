//go:build !sqlite

package store

// linkedSQLite is SQLite in a program that called LinkSQLite; nil elsewhere.
var linkedSQLite sqliteDriver
