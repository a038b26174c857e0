package store

import (
	"fmt"
	"sync"
	"time"
)

// dialing says when connections are made, and which are not used again, for all the calls that
// share a connector. What goes wrong with a database goes wrong for all of them at once, and each
// would try again: without it, a primary in maintenance meets a storm of connections from every
// instance there is.
//
//   - A connection whose server takes no writes is dropped, and with it all that were made before, since a failover leaves
//     them all on the same server. The next one is made at the same address, where the new primary may be by now. That
//     happens once in reconsider at the most, which is once a call: where the new connection is no better, it is kept.
//   - While no connection can be made, or none that may write, one is tried at a time, with pauses between. Who needs one
//     meanwhile is told at once what was wrong with the last.
type dialing struct {
	mu sync.Mutex
	// age counts how often all connections were dropped, the last time at dropped.
	age     int
	dropped time.Time
	// readOnly: no connection of this age has begun a transaction yet.
	readOnly bool
	// failed counts the tries that failed one after the other.
	failed int

	// last is what was wrong, and next is when another try may be made.
	last error
	next time.Time
}

const (
	// reconsider is how soon after connections were dropped others may be: below the second after
	// which a timer or a caller comes back, so that each of their calls may find the new primary.
	reconsider = 500 * time.Millisecond
	// The pauses between tries that fail; they double.
	firstDialPause   = 10 * time.Millisecond
	longestDialPause = 500 * time.Millisecond
)

// begin asks whether a connection may be tried now, and returns the age that it will have.
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
	// The others wait while this one is tried.
	d.next = now.Add(dialPause(d.failed))
	if d.readOnly {
		d.next = now.Add(reconsider)
	}
	return d.age, nil
}

func dialPause(failed int) time.Duration {
	pause := firstDialPause
	for ; failed > 1 && pause < longestDialPause; failed-- {
		pause *= 2
	}
	return min(pause, longestDialPause)
}

// ended records how a try ended.
func (d *dialing) ended(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.failed = 0
		return
	}
	d.failed++
	d.last, d.next = err, time.Now().Add(jitter(dialPause(d.failed)))
}

// takesNoWrites is told what the server of a connection of that age said.
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

// takesWrites is told of a connection of that age that has begun a transaction.
func (d *dialing) takesWrites(age int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if age == d.age {
		d.readOnly = false
	}
}

// isDropped reports whether connections of that age are not to be used again.
func (d *dialing) isDropped(age int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return age != d.age
}
