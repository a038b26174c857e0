package store

import (
	"fmt"
	"sync"
	"time"

	"cloudpay/internal/backoff"
)

// dialing decides when a connector may connect, and which of its connections are used again, for
// all operations of an instance together. A failing database fails for all of them at once, and
// each would try again: without this limit, a primary in maintenance gets a storm of connections
// from every instance.
//
//   - When a server turns out to take no writes, its connection is dropped together with all
//     earlier ones, since a failover leaves them all on the same server. The next connection goes
//     to the same address, which may lead to the new primary by now. Connections are dropped at
//     most once in reconsider, which is once a call; if the new connection is no better, it is
//     kept.
//   - While connections fail, or none can write, one is tried at a time, with pauses. Other
//     operations fail at once, with the error of the last try.
type dialing struct {
	mu sync.Mutex
	// age is the generation of new connections: how often all earlier ones were dropped, the last
	// time at dropped.
	age     int
	dropped time.Time
	// readOnly is set until a connection of this age has begun a transaction, or has written.
	readOnly bool
	// failed counts the tries that failed in a row.
	failed int

	// last is the error of the last try; next is when another try may be made.
	last error
	next time.Time
}

// reconsider is the shortest time between two drops. Timers and retrying callers come back after a
// second or more, so that each of their calls may find the new primary.
const reconsider = 500 * time.Millisecond

// dials are the pauses between failing tries.
var dials = backoff.Exponential{First: 10 * time.Millisecond, Max: 500 * time.Millisecond, Early: 0.5, Late: 0.5}

// begin returns the age of a connection that is to be tried now, or an error if none may be tried.
func (d *dialing) begin() (age int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == 0 && !d.readOnly {
		return d.age, nil
	}
	now := time.Now()
	if now.Before(d.next) {
		return 0, fmt.Errorf("no connection is tried for a moment, since the last was of no use: %w", d.last)
	}
	// Other operations fail while this try lasts. If its result never arrives, because the caller's
	// time was up, another try may be made after the pause.
	d.next = now.Add(dials.Exactly(d.failed))
	if d.readOnly {
		d.next = now.Add(reconsider)
	}
	return d.age, nil
}

// ended records the result of a try.
func (d *dialing) ended(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.failed = 0
		return
	}
	d.failed++
	d.last, d.next = err, time.Now().Add(dials.After(d.failed))
}

// takesNoWrites records that the server of a connection of that age refused a write with err.
func (d *dialing) takesNoWrites(age int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if age != d.age || !d.dropped.IsZero() && now.Sub(d.dropped) < reconsider {
		return
	}
	d.age++
	d.dropped, d.readOnly, d.last, d.next = now, true, err, now
}

// takesWrites records that a connection of that age has begun a transaction, or has written.
func (d *dialing) takesWrites(age int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if age == d.age {
		d.readOnly = false
	}
}

// isDropped reports whether connections of that age were dropped.
func (d *dialing) isDropped(age int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return age != d.age
}
