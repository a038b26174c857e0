// Package pruning is the vocabulary of deleting orders that ended long ago: which are selected,
// what a step did, and what an archive gets. What stays of each is a schedule.Tombstone.
package pruning

import (
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// Selection is the orders that are deleted: those of an account that are schedule.Done by a signed
// answer, ended before a time, and have no event that is not acknowledged. All others are kept,
// whatever their age.
type Selection struct {
	order.Account
	// SubMchID limits it to one sub-merchant.
	SubMchID string
	// Before is the end of the time in which they ended. Where it is zero they ended longer than
	// Age ago, by the database's clock.
	Before time.Time
	Age    time.Duration
	// Limit bounds the orders that one step looks at, all in one transaction.
	Limit int
	// After is the Next of the step before; zero for the first step.
	After Place
	// Resume begins where the last step of any process with Resume ended, and once a day at the
	// oldest order again: After is ignored.
	Resume bool
}

// Place is a place among the orders that ended, which are sorted by their end.
type Place struct {
	EndedAt time.Time
	ID      int64
}

// Step is what one step did.
type Step struct {
	// Orders were deleted, with their Events.
	Orders, Events int
	// Kept ended before the time, and have an event that is not acknowledged.
	Kept int
	// Next is where the next step begins, and More reports whether one may find anything.
	Next Place
	More bool
}

// Count is how many orders a Selection has at one moment.
type Count struct {
	// Orders may be deleted. Kept ended before the time, and have an event that is not
	// acknowledged.
	Orders, Kept int64
	// Before is the Selection's own, or computed from its Age by the database's clock.
	Before time.Time
}

// Order is an order as it was when it was deleted, for an archive.
type Order struct {
	schedule.Record
	// Events are in the order of their numbers, Changes as they were made.
	Events  []outbox.Event
	Changes []schedule.Changed
}

// Rest is how long pruning rests after a step that took so long, so that three quarters of the
// database's time belong to sweeps and registrations. Deleting keeps a processor and the disk busy,
// and a claim beside it takes a multiple of its time.
func Rest(step time.Duration) time.Duration { return 3 * step }
