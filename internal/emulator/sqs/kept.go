package sqs

import (
	"context"
	"encoding/json"
	"fmt"
)

// The kinds of what the spool has.
const (
	queuesKind   = "sqs-queues"
	messagesKind = "sqs-messages"
	mappingsKind = "sqs-mappings"
)

// keep has the spool keep a message as it is now.
func (s *Service) keep(m *message) error {
	if err := s.spool.Put(messagesKind, m.number, m); err != nil {
		return fmt.Errorf("keeping a message: %w", err)
	}
	return nil
}

// Resume goes on with what an earlier process left, and is called once, before anything else: a
// message that a function was handling then comes again when its visibility timeout has passed.
func (s *Service) Resume(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range []string{queuesKind, messagesKind, mappingsKind} {
		last, err := s.spool.Last(kind)
		if err == nil {
			err = s.spool.Each(kind, func(number int64, text []byte) error { return s.resume(kind, number, text) })
		}
		if err != nil {
			return fmt.Errorf("reading the queues: %w", err)
		}
		s.last = max(s.last, last)
	}
	for _, m := range s.mappings {
		s.start(ctx, m)
	}
	return nil
}

// resume reads one entry.
func (s *Service) resume(kind string, number int64, text []byte) error {
	var err error
	switch kind {
	case queuesKind:
		q := &queue{number: number, messages: map[int64]*message{}}
		if err = json.Unmarshal(text, q); err == nil {
			s.queues[q.Name] = q
		}
	case messagesKind:
		m := &message{number: number}
		if err = json.Unmarshal(text, m); err == nil && s.queues[m.Queue] != nil {
			s.queues[m.Queue].messages[number] = m
		}
	case mappingsKind:
		m := &mapping{number: number}
		if err = json.Unmarshal(text, m); err == nil {
			s.mappings = append(s.mappings, m)
		}
	}
	if err != nil {
		return fmt.Errorf("%s %d: %w", kind, number, err)
	}
	return nil
}
