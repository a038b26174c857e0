package traffic

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	// heartbeat is the pause after which an idle stream shows that it lives.
	heartbeat = 15 * time.Second
	// writeTime is how long a reader may take for what is written; a slower one is dropped.
	writeTime = 10 * time.Second
	// chunk is the most calls that are written at once.
	chunk = 100
)

// Stream writes the calls that a query selects as server-sent events, as they end, until the reader
// goes away, reads too slowly, or the journal is closed:
//
//	id: 17
//	event: call
//	data: {"id":17,"function":"closeorder",…}
//
// It begins after q.After, which a browser sends again as Last-Event-ID; with 0 it begins with the
// next call. A journal of an emulator that was started anew has smaller IDs: the stream then begins
// with its first call. Calls that the journal has forgotten meanwhile are counted:
//
//	event: missed
//	data: {"calls":12}
//
// The journal itself is the buffer, so that a slow reader costs no memory.
func (j *Journal) Stream(ctx context.Context, w http.ResponseWriter, q Query) {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	s := &stream{w: w, control: http.NewResponseController(w), query: q, last: j.start(q)}
	defer func() { _ = s.control.SetWriteDeadline(time.Time{}) }() // the connection may be used again
	if s.write(": the calls of the cloud\n\n") != nil {
		return
	}
	for {
		batch, grown, open := j.news(s.last)
		if s.send(batch) != nil || !open {
			return
		}
		if len(batch.calls) > 0 || batch.missed > 0 {
			continue
		}
		if !s.wait(ctx, grown) {
			return
		}
	}
}

// start is the ID after which a stream begins.
func (j *Journal) start(q Query) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case q.After == 0:
		return j.ended.count
	case q.After > j.ended.count:
		return 0
	default:
		return q.After
	}
}

// batch is what a stream sends next.
type batch struct {
	calls  []Call
	missed int64
}

// news returns the calls after an ID. open is false once the journal is closed.
func (j *Journal) news(last int64) (b batch, grown <-chan struct{}, open bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	b.missed = max(0, j.ended.oldest()-last-1)
	for id := last + b.missed + 1; id <= j.ended.count && len(b.calls) < chunk; id++ {
		b.calls = append(b.calls, j.ended.at(id).clone())
	}
	grown, open = j.watch()
	return b, grown, open
}

// stream is one reader of a journal.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	query   Query
	last    int64 // the ID of the last call that was looked at
}

// send writes what the query selects of a batch.
func (s *stream) send(b batch) error {
	s.last += b.missed
	if b.missed > 0 {
		if err := s.write(fmt.Sprintf("event: missed\ndata: {\"calls\":%d}\n\n", b.missed)); err != nil {
			return err
		}
	}
	for _, call := range b.calls {
		s.last = call.ID
		if !s.query.Matches(call) {
			continue
		}
		text, err := json.Marshal(call)
		if err != nil {
			return fmt.Errorf("encoding a call: %w", err)
		}
		if err := s.write(fmt.Sprintf("id: %d\nevent: call\ndata: %s\n\n", call.ID, text)); err != nil {
			return err
		}
	}
	return nil
}

// wait waits for the next call, and shows meanwhile that the stream lives. It returns false when
// the reader is gone.
func (s *stream) wait(ctx context.Context, grown <-chan struct{}) bool {
	timer := time.NewTimer(heartbeat)
	defer timer.Stop()
	select {
	case <-grown:
		return true
	case <-timer.C:
		return s.write(":\n\n") == nil
	case <-ctx.Done():
		return false
	}
}

// write writes a piece at once.
func (s *stream) write(text string) error {
	// Not every writer has a deadline; it then takes the time that it takes.
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("writing to a stream: %w", err)
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("writing to a stream: %w", err)
	}
	return nil
}
