package exchangelog

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// queued is how many lines wait to be written.
	queued = 4096
	// closeTime is how long Close waits for a terminal or a pipe that takes nothing.
	closeTime = time.Second
)

// Queue writes lines in a goroutine of its own: a terminal or a pipe that takes none must not delay
// a call. Lines that find the queue full are dropped and counted.
type Queue struct {
	out   io.Writer
	lines chan string
	done  chan struct{} // closed when everything is written

	mu     sync.Mutex // guards what follows, and keeps Write from a closed channel
	closed bool
	lost   int
}

// NewQueue begins to write to out. Close ends it.
func NewQueue(out io.Writer) *Queue {
	q := &Queue{out: out, lines: make(chan string, queued), done: make(chan struct{})}
	go q.write()
	return q
}

// Add queues whole lines. It never blocks.
func (q *Queue) Add(lines string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if q.lost > 0 {
		lines = fmt.Sprintf("cloudpay: %d exchanges are not shown: nothing read these lines\n", q.lost) + lines
	}
	select {
	case q.lines <- lines:
		q.lost = 0
	default:
		q.lost++
	}
}

// Close writes what is queued, for a second at most. Add does nothing afterwards.
func (q *Queue) Close() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.lines)
	}
	q.mu.Unlock()
	timer := time.NewTimer(closeTime)
	defer timer.Stop()
	select {
	case <-q.done:
	case <-timer.C:
	}
}

// write writes until the queue is closed. An error is dropped: there is no other place for it.
func (q *Queue) write() {
	defer close(q.done)
	for lines := range q.lines {
		_, _ = io.WriteString(q.out, lines)
	}
}
