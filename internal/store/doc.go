// Package store keeps the orders that wait to be closed, in SQL: SQLite (under the build tag sqlite), MySQL 8 or MariaDB from
// 10.6, and PostgreSQL from 14. What is the same in all of them is the contract, and storetest proves it.
//
// # What is kept
//
// An order is one row, found by (region, mchid, sub_mchid, out_trade_no), byte by byte. It stands on two axes: what the
// gateway last said of it, and how far we are (order.Progress). What is to be told of it are rows of an outbox, each written
// in the transaction that it tells of. A row for each merchant number says how fast it may ask.
//
// # Due, leases and tokens
//
// One column says when an order may next be taken, due_at: first its close_at, under a claim the end of the lease, after a
// setback the time of the retry, and nothing once it ended. So claiming is reading the front of one index, whatever the
// table holds, and a killed process's orders come back by themselves. All of these times are made by the database's clock;
// this package never looks at its own.
//
// A claim is a random token. Every write under it says WHERE token = ?: when somebody else took the order since, it writes
// nothing and says so. A lease that has run out while nobody else came is still good. The token stays after the claim's
// last write, so that a write whose commit was lost with the connection can be told from one that never came, and is
// repeated without harm. Every operation here is one transaction, repeated when it met a deadlock or lost its connection, and
// may be called again by its caller too.
//
// # Ends
//
// A signed end is written once. A second one that says the same changes nothing; one that says otherwise changes nothing
// either, leaves an event, and is a ContradictionError: an alarm.
package store
