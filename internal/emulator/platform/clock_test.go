package platform_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/emulator/platform"
)

// dial is a clock that only a test moves.
type dial struct{ at atomic.Pointer[time.Time] }

func newDial() *dial {
	d := &dial{}
	d.set(time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC))
	return d
}

func (d *dial) set(at time.Time)           { d.at.Store(&at) }
func (d *dial) now() time.Time             { return *d.at.Load() }
func (d *dial) advance(more time.Duration) { d.set(d.now().Add(more)) }

// waiting waits aside, in a bubble, and tells how it ended.
func waiting(ctx context.Context, clock *platform.Clock, until time.Time) <-chan error {
	done := make(chan error, 1)
	go func() { done <- clock.Wait(ctx, until) }()
	synctest.Wait()
	return done
}

// A clock that stands lets nothing pass, however long this machine waits; each jump is looked at.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hand := newDial()
		clock := &platform.Clock{Now: hand.now}
		done := waiting(t.Context(), clock, hand.now().Add(time.Hour))
		<-time.After(2 * time.Hour) // of the bubble: the clock stands
		hand.advance(30 * time.Minute)
		clock.Moved()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("half an hour early: got %v, want that it waits", err)
		default:
		}
		hand.advance(30 * time.Minute)
		clock.Moved()
		synctest.Wait()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("got %v, want no error", err)
			}
		default:
			t.Error("got no end at the time, want one")
		}
	})
}

// A jump that nothing told of is noticed all the same, within a second.
func TestClockJumpsUnannounced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hand := newDial()
		done := waiting(t.Context(), &platform.Clock{Now: hand.now}, hand.now().Add(time.Minute))
		<-time.After(time.Hour)
		began := time.Now()
		hand.advance(time.Minute)
		if err := <-done; err != nil {
			t.Errorf("got %v, want no error", err)
		}
		if late := time.Since(began); late > time.Second {
			t.Errorf("noticed after %v, want a second at most", late)
		}
	})
}

// A clock without a Now, or none at all, is this machine's.
func TestClockOfThisMachine(t *testing.T) {
	t.Parallel()
	for name, clock := range map[string]*platform.Clock{"none": nil, "zero": {}} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			if err := clock.Wait(t.Context(), began.Add(2300*time.Millisecond)); err != nil {
				t.Fatalf("%s: got %v, want no error", name, err)
			}
			if took := time.Since(began); took != 2300*time.Millisecond {
				t.Errorf("%s: waited %v, want 2.3 s", name, took)
			}
			clock.Moved() // harmless
		})
	}
}

// A time that is past needs no waiting, and the end of the context ends it.
func TestClockWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hand := newDial()
		clock := &platform.Clock{Now: hand.now}
		for _, until := range []time.Time{hand.now(), hand.now().Add(-time.Hour), {}} {
			if err := clock.Wait(t.Context(), until); err != nil {
				t.Errorf("%v: got %v, want no error", until, err)
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		done := waiting(ctx, clock, hand.now().Add(time.Minute))
		gone := errors.New("gone")
		cancel(gone)
		if err := <-done; !errors.Is(err, gone) {
			t.Errorf("got %v, want the context's cause", err)
		}
	})
}
