// Package sse writes server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html) to a reader that may be idle,
// slow or gone:
//
//	: the calls of the cloud
//	id: 16
//
//	id: 17
//	event: call
//	data: {"id":17,"function":"closeorder"}
//
// A stream begins with the ID behind which it begins. A reader that loses it before the first event
// sends that back as Last-Event-ID, and misses nothing.
package sse

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	// heartbeat is the pause after which an idle stream sends a comment: both sides notice a dead
	// connection by it.
	heartbeat = 15 * time.Second
	// maxWrite is how long a reader may take for what is written; a slower one is dropped.
	maxWrite = 10 * time.Second
)

// Event is one event of a stream.
type Event struct {
	// ID is what the reader sends as Last-Event-ID to go on behind this event; 0: the event has
	// none.
	ID int64
	// Name is the event's type; empty: "message".
	Name string
	// Data is what is sent, as JSON in one line.
	Data any
}

// append appends the event to a text. The error is that of data that JSON cannot say.
func (e Event) append(text []byte) ([]byte, error) {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return nil, fmt.Errorf("encoding an event: %w", err)
	}
	if e.ID > 0 {
		text = fmt.Appendf(text, "id: %d\n", e.ID)
	}
	if e.Name != "" {
		text = fmt.Appendf(text, "event: %s\n", e.Name)
	}
	return fmt.Appendf(text, "data: %s\n\n", data), nil
}

// Source is what a stream sends.
type Source struct {
	// Title is the comment in the first line.
	Title string
	// After is the ID behind which the stream begins.
	After int64
	// Next returns what has come since its last call, at most some hundred events at a time, and a
	// channel that is closed when more comes. open is false when nothing will come any more; what
	// is returned with it is still sent.
	Next func() (events []Event, more <-chan struct{}, open bool)
}

// Serve answers with a source's events until ctx ends, the source is closed, or the reader is gone
// or takes nothing for ten seconds. It buffers nothing.
func Serve(ctx context.Context, w http.ResponseWriter, from Source) {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	s := stream{w, http.NewResponseController(w)}
	defer func() { _ = s.control.SetWriteDeadline(time.Time{}) }() // the connection may be used again
	if s.write(fmt.Appendf(nil, ": %s\nid: %d\n\n", from.Title, from.After)) != nil {
		return
	}
	for {
		events, more, open := from.Next()
		if s.send(events) != nil || !open {
			return
		}
		if len(events) == 0 && !s.wait(ctx, more) {
			return
		}
	}
}

// stream is one reader.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// send writes events together.
func (s stream) send(events []Event) (err error) {
	var text []byte
	for _, e := range events {
		if text, err = e.append(text); err != nil {
			return err
		}
	}
	if len(text) == 0 {
		return nil
	}
	return s.write(text)
}

// wait waits until there is more, and shows meanwhile that the stream lives. It returns false when
// the reader is gone.
func (s stream) wait(ctx context.Context, more <-chan struct{}) bool {
	timer := time.NewTimer(heartbeat)
	defer timer.Stop()
	select {
	case <-more:
		return true
	case <-timer.C:
		return s.write([]byte(":\n\n")) == nil
	case <-ctx.Done():
		return false
	}
}

// write writes a piece at once.
func (s stream) write(text []byte) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(maxWrite)) // a test's recorder has no deadline
	if _, err := s.w.Write(text); err != nil {
		return fmt.Errorf("writing to a stream: %w", err)
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("writing to a stream: %w", err)
	}
	return nil
}
