// Package sqs is Amazon SQS on this machine, as far as delayed messages for Lambda functions need
// it: standard queues, DelaySeconds, the visibility timeout, a dead-letter queue after
// maxReceiveCount, and Lambda's event source mappings, which take messages from a queue to a
// function in batches (docs.aws.amazon.com/AWSSimpleQueueService, API Reference;
// docs.aws.amazon.com/lambda, "with-sqs").
//
//	s := sqs.New(clock, spool, deliver)
//	err := s.Resume(ctx)   // with what an earlier process left
//	s.ServeHTTP(w, r)      // POST with X-Amz-Target: AmazonSQS.SendMessage
//	s.ServeMappings(w, r)  // POST /2015-03-31/event-source-mappings
//	s.Close()              // when no function answers any more
//
// A message is delivered at least once: it is deleted after the function has handled it, and comes
// again when its visibility timeout has passed without that. Messages come in no particular order.
// All times are the clock's, so that a clock that jumps makes delayed messages visible at once.
package sqs

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"cloudpay/internal/emulator/spool"
)

// Clock is the time by which messages become visible.
type Clock interface {
	Time() time.Time
	// Wait returns nil when the clock has reached a time, and the error of ctx if that ends first.
	Wait(ctx context.Context, until time.Time) error
}

// Batch is what one invocation of a function handles.
type Batch struct {
	// Event is the event, as JSON encodes it.
	Event map[string]any
	// IDs are the ids of its messages.
	IDs []string
	// Partial reports that the function may fail single messages (ReportBatchItemFailures).
	Partial bool
}

// Deliver invokes a function with a batch, and returns the ids of the messages that it did not
// handle: all of them if the function failed or is not there.
type Deliver func(ctx context.Context, function string, b Batch) (again []string)

// Service is the queues and the mappings of an account. Make it with New.
type Service struct {
	clock   Clock
	spool   *spool.Spool
	deliver Deliver

	running sync.WaitGroup

	mu       sync.Mutex // guards what follows
	queues   map[string]*queue
	mappings []*mapping
	last     int64         // the number of the newest queue, message or mapping
	busy     int           // batches in flight
	closed   bool          // by Close
	done     chan struct{} // closed by Close
	changed  chan struct{} // closed by the next change
}

// New makes a Service without queues. spool may be nil: nothing outlives the process then.
func New(clock Clock, kept *spool.Spool, deliver Deliver) *Service {
	return &Service{
		clock: clock, spool: kept, deliver: deliver,
		queues: map[string]*queue{}, done: make(chan struct{}), changed: make(chan struct{}),
	}
}

// Close ends the deliveries and waits for the batch in flight of each mapping. What was not handled
// is left to the spool.
func (s *Service) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Settled waits until no batch is in flight and no message that is visible waits for a function. It
// returns false if ctx ends before.
func (s *Service) Settled(ctx context.Context) bool {
	for {
		settled, changed := s.settled()
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

func (s *Service) settled() (settled bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return true, s.changed
	}
	now := s.clock.Time()
	for _, m := range s.mappings {
		if q := s.queues[m.Queue]; q != nil && m.Enabled && q.isDue(now) {
			return false, s.changed
		}
	}
	return s.busy == 0, s.changed
}

// change wakes whatever waits for one. The caller holds the lock.
func (s *Service) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// number is the next number. The caller holds the lock.
func (s *Service) number() int64 {
	s.last++
	return s.last
}

// newID is a random UUID, as ids of messages and mappings are.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// What AWS says about the account, as in its own samples.
const (
	region  = "us-east-1"
	account = "123456789012"
)

// arnOf is the full name of a queue.
func arnOf(name string) string { return "arn:aws:sqs:" + region + ":" + account + ":" + name }
