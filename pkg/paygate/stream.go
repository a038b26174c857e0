package paygate

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// streamTimes are the waits of a stream.
type streamTimes struct {
	// a comment is sent after so long without a request, so that both sides notice a dead
	// connection
	heartbeat time.Duration
	// a reader that takes nothing for so long is dropped
	patience time.Duration
}

func defaultStreamTimes() streamTimes {
	return streamTimes{heartbeat: 15 * time.Second, patience: 10 * time.Second}
}

// streamBatch is how many requests a stream takes from the history at once.
const streamBatch = 100

// streamRequests is GET /requests/stream: the requests as server-sent events, each with its id and
// its JSON. It begins behind Last-Event-ID, or after=, and else with the next request. It buffers
// nothing: each reader takes from the history, and one that the ring has overtaken is dropped. It
// ends when the gateway is closed.
func (g *Gateway) streamRequests(w http.ResponseWriter, r *http.Request) {
	s, err := g.newStream(w, r)
	if err == nil {
		err = g.keep.err()
	}
	if err != nil {
		writeJSON(w, statusOf(err), adminError{err.Error()})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Connection", "close") // its write deadline must not meet another reply
	w.WriteHeader(http.StatusOK)
	// The id is what the reader goes on behind if it loses the connection before the first request.
	if s.send(fmt.Sprintf(": requests behind %d\nid: %d\n\n", s.last, s.last)) {
		s.follow(r)
	}
}

// stream is one reader of the history.
type stream struct {
	gateway *Gateway
	filter  requestFilter
	// the id of the last request that was looked at
	last int
	w    io.Writer
	ctl  *http.ResponseController
}

// newStream reads what the stream is to show.
func (g *Gateway) newStream(w http.ResponseWriter, r *http.Request) (*stream, error) {
	if err := onlyQuery(r, append(filterNames(), "after")...); err != nil {
		return nil, err
	}
	values := r.URL.Query()
	filter, err := readFilter(values)
	if err != nil {
		return nil, err
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" { // a browser repeats the first address, with after
		values.Set("after", id)
	}
	newest := g.history.last()
	last, given, err := number(values, "after", 0, maxID, newest)
	if err != nil {
		return nil, err
	}
	if given && last > newest {
		last = newest // another file's: all that comes is new
	}
	return &stream{gateway: g, filter: filter, last: last, w: w, ctl: http.NewResponseController(w)}, nil
}

// follow sends what comes until the client goes away, the gateway closes, or the reader is too
// slow.
func (s *stream) follow(r *http.Request) {
	history := s.gateway.history
	heartbeat := time.NewTicker(s.gateway.stream.heartbeat)
	defer heartbeat.Stop()
	for begun := false; ; begun = true {
		requests, grown, lost := history.since(s.last, streamBatch)
		if lost && begun {
			s.send("event: dropped\ndata: {\"error\":\"the reader is too slow: requests were dropped from the history\"}\n\n")
			return
		}
		if !s.sendAll(requests) {
			return
		}
		if len(requests) == streamBatch {
			continue
		}
		select {
		case <-grown:
		case <-heartbeat.C:
			if !s.send(": waiting\n\n") {
				return
			}
		case <-r.Context().Done():
			return
		case <-s.gateway.closed:
			return
		}
	}
}

// sendAll sends those of the requests that the filter selects. It returns false when the reader is
// gone.
func (s *stream) sendAll(requests []Request) bool {
	var text strings.Builder
	for i := range requests {
		s.last = requests[i].ID
		if !s.filter.fits(&requests[i]) {
			continue
		}
		row, _ := json.Marshal(&requests[i]) // cannot fail: a request is texts and numbers
		fmt.Fprintf(&text, "id: %d\ndata: %s\n\n", s.last, row)
	}
	return text.Len() == 0 || s.send(text.String())
}

// send writes and flushes. It returns false when the reader is gone, or took nothing for too long.
func (s *stream) send(text string) bool {
	_ = s.ctl.SetWriteDeadline(time.Now().Add(s.gateway.stream.patience)) // in a recorder there is none
	if _, err := io.WriteString(s.w, text); err != nil {
		return false
	}
	return s.ctl.Flush() == nil
}
