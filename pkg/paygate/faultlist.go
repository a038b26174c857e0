package paygate

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
)

// injected is a fault of the list.
type injected struct {
	Fault

	// names it in the management API, and is not used again
	id int64
	// decides which requests a fault with a Probability meets
	draws *rand.Rand
}

// drawn reports whether the fault meets the request that it could meet.
func (f *injected) drawn() bool {
	return f.Probability == 0 || f.draws.Float64() < f.Probability
}

// faultList holds the faults that are still to come, in the order injected. A fault is taken by the
// request that it meets, under one lock, so that of two requests at the same time only one meets a
// fault that happens once.
type faultList struct {
	// Options.Seed, for faults without one
	seed uint64

	mu sync.Mutex
	// Times counts down; a used-up fault is removed
	queue []injected
	// the id of the newest fault
	last int64
}

// entry numbers a fault and begins its draws. Faults that are not alike draw other numbers from the
// same seed: else a payment and a cut connection that each have a half of the requests would always
// meet the same ones. l.mu is held.
func (l *faultList) entry(f Fault) injected {
	l.last++
	seed := f.Seed
	if seed == 0 {
		seed = l.seed
	}
	kind := fnv.New64a()
	_, _ = fmt.Fprintf(kind, "%s|%s|%s|%s", f.Action, f.Op, f.API, f.OutTradeNo) // a hash takes everything
	return injected{f, l.last, rand.New(rand.NewPCG(seed, kind.Sum64()))}
}

// add appends a fault and returns it with its id.
func (l *faultList) add(f Fault) injected {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.entry(f)
	l.queue = append(l.queue, one)
	return one
}

// replace puts these faults in the place of all others, between two requests.
func (l *faultList) replace(faults []Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = nil
	for _, f := range faults {
		l.queue = append(l.queue, l.entry(f))
	}
}

// remove removes the fault of an id, and reports whether it was there.
func (l *faultList) remove(id int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.queue)
	l.queue = slices.DeleteFunc(l.queue, func(f injected) bool { return f.id == id })
	return len(l.queue) < before
}

func (l *faultList) snapshot() []injected {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.queue)
}

// take picks the faults that a request meets, and counts each of them down.
func (l *faultList) take(q *question) plan {
	return l.pick(func(f *Fault) (bool, int) {
		if !f.meets(q) {
			return false, 0
		}
		return true, actions[f.Action.index()].takes
	})
}

// pick takes the faults that something meets, but for those that exclude one before them, and
// counts each of them down. meets says what a fault takes up. A fault draws only for what it could
// meet, so that other requests do not change its draws.
func (l *faultList) pick(meets func(*Fault) (met bool, takes int)) plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	var (
		taken  int
		picked plan
		left   = make([]injected, 0, len(l.queue))
	)
	// The draw comes last: a fault that another one excludes keeps its draws for the next request.
	for _, f := range l.queue {
		met, takes := meets(&f.Fault)
		if !met || taken&takes != 0 || !f.drawn() {
			left = append(left, f)
			continue
		}
		taken |= takes
		picked = append(picked, f.Fault)
		if f.Times != 1 {
			f.Times = max(f.Times-1, 0)
			left = append(left, f)
		}
	}
	l.queue = left
	return picked
}

// Inject adds a fault. The error names the Action if it is none, or else every field that is wrong,
// as the management API spells it, and what it may be. The fault is not added then.
func (g *Gateway) Inject(f Fault) error {
	_, err := g.inject(f)
	return err
}

// inject is Inject, with the fault as it is in the list.
func (g *Gateway) inject(f Fault) (injected, error) {
	if err := f.check(); err != nil {
		return injected{}, fmt.Errorf("injecting a fault: %w", err)
	}
	return g.faults.add(f), nil
}

// SetFaults replaces all faults by these, in this order. The error is that of the first which is
// wrong, and nothing is replaced then. A request under way keeps those that it has met.
func (g *Gateway) SetFaults(faults []Fault) error {
	for i := range faults {
		if err := faults[i].check(); err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	g.faults.replace(faults)
	return nil
}

// Faults returns the faults still to come, oldest first. Times is how often each will still happen.
func (g *Gateway) Faults() []Fault {
	list := g.faults.snapshot()
	faults := make([]Fault, len(list))
	for i, one := range list {
		faults[i] = one.Fault
	}
	return faults
}

// ClearFaults removes every fault. Requests that already hang go on hanging.
func (g *Gateway) ClearFaults() { g.faults.replace(nil) }
