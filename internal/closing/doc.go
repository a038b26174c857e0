// Package closing holds the workflows: Closer closes an order and does not rest
// until it knows what became of it, Querier asks what state it is in.
//
// Both are one small machine (run) over one table (moves): a state says what to
// ask of the gateway next, an event says what the answer amounts to, the table
// says where that leads. docs/state-machine.md draws the table, and a test holds
// the drawing to it.
//
// Two rules are not in the table because nothing may break them. Every exchange
// is bounded in time so that a question to settle its doubt still fits before
// the caller's deadline; and a call always ends before that deadline, with the
// truth or with "unknown".
package closing
