package sqs

import (
	"crypto/md5"
	"encoding/hex"
	"maps"
	"slices"
	"time"
)

// queue is a standard queue. Its attributes have AWS's defaults.
type queue struct {
	Name       string        `json:"name"`
	Delay      time.Duration `json:"delay"`      // of messages that say none
	Visibility time.Duration `json:"visibility"` // how long a message that was received is hidden
	Retention  time.Duration `json:"retention"`  // after which a message is deleted
	DeadLetter string        `json:"dead_letter,omitempty"`
	MaxReceive int           `json:"max_receive,omitempty"` // receives before it is moved to DeadLetter

	number   int64
	messages map[int64]*message
}

// message is a message of a queue until it is deleted.
type message struct {
	Queue    string    `json:"queue"`
	ID       string    `json:"id"`
	Body     string    `json:"body"`
	Sent     time.Time `json:"sent"`
	Visible  time.Time `json:"visible"` // it can be received from then on
	First    time.Time `json:"first,omitzero"`
	Received int       `json:"received"` // how often
	Receipt  string    `json:"receipt,omitempty"`

	number int64
}

// sum is the MD5 of the body, by which SDKs verify what was sent and what was received.
func (m *message) sum() string {
	sum := md5.Sum([]byte(m.Body))
	return hex.EncodeToString(sum[:])
}

// send adds a message that becomes visible after a delay. If it cannot be kept, it is not there,
// and the error is the spool's. The caller holds the lock.
func (s *Service) send(q *queue, body string, delay time.Duration) (*message, error) {
	now := s.clock.Time()
	m := &message{Queue: q.Name, ID: newID(), Body: body, Sent: now, Visible: now.Add(delay), number: s.number()}
	if err := s.keep(m); err != nil {
		return nil, err
	}
	q.messages[m.number] = m
	s.change()
	return m, nil
}

// receive takes up to most visible messages, the oldest first, and hides them for the visibility
// timeout. A message that was received as often as its queue allows is moved to the dead-letter
// queue instead. The caller holds the lock.
func (s *Service) receive(q *queue, most int, visibility time.Duration) []*message {
	now := s.clock.Time()
	var taken []*message
	for _, number := range slices.Sorted(maps.Keys(q.messages)) {
		m := q.messages[number]
		switch dead := s.queues[q.DeadLetter]; {
		case q.isOver(m, now):
			s.remove(q, m)
		case m.Visible.After(now) || len(taken) == most:
		case dead != nil && m.Received >= q.MaxReceive:
			s.move(q, dead, m)
		default:
			m.Received++
			m.First = orTime(m.First, now)
			m.Visible, m.Receipt = now.Add(visibility), newID()
			_ = s.keep(m) // else it comes once too often after a restart
			taken = append(taken, m)
		}
	}
	return taken
}

// orTime is the first of the two that is not zero.
func orTime(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// isOver reports whether a message's retention has passed. It counts from the first sending, also
// in a dead-letter queue.
func (q *queue) isOver(m *message, now time.Time) bool { return now.After(m.Sent.Add(q.Retention)) }

// isDue reports whether a message can be received or moved now.
func (q *queue) isDue(now time.Time) bool {
	for _, m := range q.messages {
		if !m.Visible.After(now) && !q.isOver(m, now) {
			return true
		}
	}
	return false
}

// next is when the next message becomes visible; the zero time if there is none.
func (q *queue) next() (at time.Time) {
	for _, m := range q.messages {
		if at.IsZero() || m.Visible.Before(at) {
			at = m.Visible
		}
	}
	return at
}

// move moves a message to a dead-letter queue, where it is visible at once. The caller holds the
// lock.
func (s *Service) move(from, to *queue, m *message) {
	delete(from.messages, m.number)
	m.Queue, m.Receipt, m.Visible = to.Name, "", s.clock.Time()
	to.messages[m.number] = m
	_ = s.keep(m) // else it is moved again after a restart
	s.change()
}

// remove deletes a message for good. The caller holds the lock.
func (s *Service) remove(q *queue, m *message) {
	delete(q.messages, m.number)
	_ = s.spool.Remove(messagesKind, m.number) // else it comes once more after a restart
	s.change()
}

// byReceipt finds the message of a receipt handle; nil if a later receive replaced the handle, or
// the message is gone.
func (q *queue) byReceipt(receipt string) *message {
	for _, m := range q.messages {
		if receipt != "" && m.Receipt == receipt {
			return m
		}
	}
	return nil
}

// count returns how many messages are visible, in flight and delayed.
func (q *queue) count(now time.Time) (visible, inFlight, delayed int) {
	for _, m := range q.messages {
		switch {
		case !m.Visible.After(now):
			visible++
		case m.Receipt != "":
			inFlight++
		default:
			delayed++
		}
	}
	return visible, inFlight, delayed
}
