package platform

import (
	"context"
	"fmt"
)

// Restart replaces what the function runs by a new spec, whose Name counts for nothing. Calls in
// flight end on the processes that they are on; later calls go to new ones. If the new function
// does not start, the error says why, and the old one goes on.
//
// A web function on SCF's fixed port (see web) cannot run twice: the old one ends first, and an
// error leaves the function without a process.
func (f *Function) Restart(ctx context.Context, spec Spec) error {
	f.restarting.Lock()
	defer f.restarting.Unlock()
	old := f.current()
	spec.Name = f.spec.Name
	if old.alone != nil {
		old.retire()
	}
	next, err := start(ctx, spec, f.pickPort)
	if err != nil {
		return fmt.Errorf("restarting: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		_ = next.Close() // always nil
		return fmt.Errorf("restarting function %q: %w", f.spec.Name, errClosed)
	}
	f.successors = append(f.successors, next)
	go old.retire() // Close of f waits for the same calls
	return nil
}

// Retire lets the calls in flight end, and closes the function then. Later calls get an error.
// Close ends the waiting.
func (f *Function) Retire() {
	f.restarting.Lock()
	defer f.restarting.Unlock()
	f.mu.Lock()
	all := append([]*Function{f}, f.successors...)
	f.mu.Unlock()
	for _, g := range all {
		g.retire()
	}
	_ = f.Close() // always nil
}

// current is the function that events go to: the one that the last Restart started, or f itself.
func (f *Function) current() *Function {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := len(f.successors) - 1; last >= 0 {
		return f.successors[last]
	}
	return f
}

// runtime is that of the function that events go to.
func (f *Function) runtime() Runtime { return f.current().spec.Runtime }

// entered is the current function with one more call counted in; nil if it is closed.
func (f *Function) entered() *Function {
	for {
		g := f.current()
		if g.enter() {
			return g
		}
		if f.current() == g {
			return nil // not replaced meanwhile
		}
	}
}

// retire waits for the calls in flight and ends the processes. No call enters from then on.
func (f *Function) retire() {
	f.mu.Lock()
	f.retired = true
	f.mu.Unlock()
	f.calls.Wait()
	f.discardIdle()
	f.log.close()
}
