// Package scheduler is Amazon EventBridge Scheduler on this machine, as far as one-shot schedules
// need it: at(…) with a time zone, the targets SQS and Lambda, a dead-letter queue, and the
// deletion after completion (docs.aws.amazon.com/scheduler, API Reference).
//
//	s := scheduler.New(clock, spool, send)
//	err := s.Resume(ctx)  // with what an earlier process left
//	s.ServeHTTP(w, r)  // POST, GET and DELETE /schedules/{name}
//	s.Close()
//
// A schedule whose time comes is sent to its target once, and removed from the spool after that: a
// process that ends between the two sends it again, as the real service delivers at least once. All
// times are the clock's.
package scheduler

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"cloudpay/internal/emulator/spool"
)

// Clock is the time by which schedules are due.
type Clock interface {
	Time() time.Time
	// Wait returns nil when the clock has reached a time, and the error of ctx if that ends first.
	Wait(ctx context.Context, until time.Time) error
}

// Send sends an event to the queue or the function with an ARN. It returns an error if there is no
// such target, or the target does not take it.
type Send func(ctx context.Context, arn, event string) error

// Service is the schedules of an account's default group. Make it with New.
type Service struct {
	clock Clock
	spool *spool.Spool
	send  Send

	running sync.WaitGroup

	mu        sync.Mutex // guards what follows
	schedules []*schedule
	last      int64         // the number of the newest
	busy      int           // schedules that are being sent
	started   bool          // by the first schedule
	closed    bool          // by Close
	done      chan struct{} // closed by Close
	changed   chan struct{} // closed by the next change
}

// schedule is a one-shot schedule as the spool has it.
type schedule struct {
	Name       string    `json:"name"`
	Expression string    `json:"expression"`
	Zone       string    `json:"zone"`
	At         time.Time `json:"at"`
	Target     string    `json:"target"` // its ARN
	Role       string    `json:"role"`
	Input      string    `json:"input"`
	DeadLetter string    `json:"dead_letter,omitempty"` // the ARN of a queue
	Delete     bool      `json:"delete"`                // after completion
	Created    time.Time `json:"created"`
	// Completed reports that the schedule was sent. One that is not deleted is shown as before.
	Completed bool `json:"completed"`

	number  int64
	sending bool
}

// New makes a Service without schedules. kept may be nil: nothing outlives the process then.
func New(clock Clock, kept *spool.Spool, send Send) *Service {
	return &Service{clock: clock, spool: kept, send: send, done: make(chan struct{}), changed: make(chan struct{})}
}

// kind is what the spool calls schedules.
const kind = "schedules"

// Resume goes on with what an earlier process left, and has schedules sent from then on. It is
// called once, before anything else.
func (s *Service) Resume(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, err := s.spool.Last(kind)
	if err == nil {
		err = s.spool.Each(kind, func(number int64, text []byte) error {
			one := &schedule{number: number}
			if err := json.Unmarshal(text, one); err != nil {
				return fmt.Errorf("schedule %d: %w", number, err)
			}
			s.schedules = append(s.schedules, one)
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("reading the schedules: %w", err)
	}
	s.last = last
	if len(s.schedules) > 0 {
		s.start(ctx)
	}
	return nil
}

// start has due schedules sent until Close, from its first call on. The caller holds the lock. The
// values of ctx are kept, and its end does not end the sending.
func (s *Service) start(ctx context.Context) {
	if s.started || s.closed {
		return
	}
	s.started = true
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() {
		defer cancel()
		for s.sendNext(ctx) {
		}
	})
}

// Close ends the sending. What was not sent is left to the spool.
func (s *Service) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Settled waits until no schedule is due. It returns false if ctx ends before.
func (s *Service) Settled(ctx context.Context) bool {
	for {
		s.mu.Lock()
		due, _ := s.next()
		settled, changed := s.closed || due == nil && s.busy == 0, s.changed
		s.mu.Unlock()
		if settled {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// next is the schedule that is due, or when the next one will be: the zero time if there is none.
// The caller holds the lock.
func (s *Service) next() (due *schedule, at time.Time) {
	now := s.clock.Time()
	for _, one := range s.schedules {
		switch {
		case one.Completed || one.sending:
		case !one.At.After(now):
			return one, now
		case at.IsZero() || one.At.Before(at):
			at = one.At
		}
	}
	return nil, at
}

// sendNext sends the next schedule that is due, or waits until there may be one. It returns false
// after Close.
func (s *Service) sendNext(ctx context.Context) bool {
	s.mu.Lock()
	due, at := s.next()
	changed, closed := s.changed, s.closed
	if due != nil && !closed {
		due.sending = true
		s.busy++
	}
	s.mu.Unlock()
	switch {
	case closed:
		return false
	case due == nil:
		s.await(ctx, at, changed)
	default:
		s.fire(ctx, due)
	}
	return true
}

// fire sends a schedule to its target, and to its dead-letter queue if the target does not take it:
// the target is not there, and no retry would find it. What neither takes is dropped, as by the
// real service.
func (s *Service) fire(ctx context.Context, one *schedule) {
	if err := s.send(ctx, one.Target, one.Input); err != nil && one.DeadLetter != "" {
		_ = s.send(ctx, one.DeadLetter, one.Input)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one.Completed, one.sending = true, false
	if one.Delete {
		s.drop(one)
	} else if slices.Contains(s.schedules, one) { // it was not deleted meanwhile
		_ = s.spool.Put(kind, one.number, one) // else it is sent once more after a restart
	}
	s.busy--
	s.change()
}

// drop forgets a schedule. The caller holds the lock.
func (s *Service) drop(one *schedule) {
	s.schedules = slices.DeleteFunc(s.schedules, func(other *schedule) bool { return other == one })
	_ = s.spool.Remove(kind, one.number) // else it is sent once more after a restart
}

// await waits until a time of the clock, the zero time for ever, and no longer than until the next
// change or Close.
func (s *Service) await(ctx context.Context, at time.Time, changed <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-changed:
		case <-s.done:
		case <-ctx.Done():
		}
	}()
	if at.IsZero() {
		<-ctx.Done()
		return
	}
	_ = s.clock.Wait(ctx, at) // whatever ended it, the schedules are looked at again
}

// change wakes whatever waits for one. The caller holds the lock.
func (s *Service) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}
