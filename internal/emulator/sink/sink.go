// Package sink is a receiver of events for a developer's machine: it plays the shop's server that
// the functions tell what became of registered orders. It keeps what it received, verifies each
// signature and says why one is wrong, and fails when it is told to.
//
// It is written from Standard Webhooks 1.0.0 (https://www.standardwebhooks.com) and from
// docs/events.md, and shares no code with the sender: a mistake there would otherwise be repeated
// here. A delivery is a POST with three headers:
//
//	webhook-id: 0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11
//	webhook-timestamp: 1700000000
//	webhook-signature: v1,MrR0JooGh5H7XzvdFG+PkDVnEDTWBvEupTYsnGkYYYU=
//
// The signature is the base64 of HMAC-SHA256(key, id "." timestamp "." body). A key "whsec_…" is
// the base64 of the bytes to use; of any other key they are those of its text. While a key is being
// changed there are two, with a space between.
//
// Over HTTP it has
//
//	POST /events          a delivery: 204, or 401 with the reason
//	GET /events           what was received, oldest first
//	GET /events/stream    the same as server-sent events, and what comes
//	GET /events/{id}/bytes  one delivery as it came
//	POST /events/{id}/send  takes it once more, as it came
//	DELETE /events        forgets what was received
//	POST /faults          {"status":503,"times":2}: answers the next deliveries so
//	GET /faults           the faults still to come
//	DELETE /faults        removes them
package sink

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

const (
	// kept is how many deliveries are kept, the newest.
	kept = 1000
	// remembered is how many webhook-ids are known at most, to tell repetitions. Then all are
	// forgotten: a developer's machine does not come that far in a day.
	remembered = 100_000
)

// Options say what a sink is to be.
type Options struct {
	// Key is the key that deliveries are signed with, as CLOUDPAY_NOTIFY_KEY has it: one, or two
	// with a space between. Required.
	Key string
	// Now is the clock that timestamps are compared with; nil: time.Now.
	Now func() time.Time
	// Observe, if not nil, gets each delivery before it is answered. It is called by the goroutines
	// that have the deliveries, several at a time, and must not block.
	Observe func(Delivery)
}

// Sink is a receiver. Make it with [New]. It is safe for concurrent use. What it keeps is in
// memory.
type Sink struct {
	keys    []key
	now     func() time.Time
	observe func(Delivery)
	mux     *http.ServeMux

	mu         sync.Mutex
	last       int64               // the id of the newest delivery
	deliveries []Delivery          // the newest, oldest first
	accepted   map[string]struct{} // webhook-ids that were acknowledged
	faults     []fault
	changed    chan struct{} // closed when a delivery is added or the sink closes, and replaced
	closed     bool
}

// New makes a sink. The error says what is wrong with the key.
func New(o Options) (*Sink, error) {
	keys, err := parseKeys(o.Key)
	if err != nil {
		return nil, err
	}
	s := &Sink{
		keys: keys, now: o.Now, observe: o.Observe, mux: http.NewServeMux(),
		accepted: map[string]struct{}{}, changed: make(chan struct{}),
	}
	if s.now == nil {
		s.now = time.Now
	}
	for pattern, handler := range map[string]http.HandlerFunc{
		"POST /events": s.receive, "GET /events": s.list, "DELETE /events": s.forget,
		"GET /events/stream": s.stream, "GET /events/{id}/bytes": s.showBytes, "POST /events/{id}/send": s.sendAgain,
		"POST /faults": s.inject, "GET /faults": s.listFaults, "DELETE /faults": s.clearFaults,
	} {
		s.mux.HandleFunc(pattern, handler)
	}
	return s, nil
}

// ServeHTTP answers one request.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close ends the streams, which would keep an HTTP server from ending.
func (s *Sink) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.wake()
}

// Delivery is one delivery that was received, and what it was answered.
type Delivery struct {
	ID       int64     `json:"id"` // counts from 1
	Received time.Time `json:"received"`
	// Verdict is "ok" (the signature is right, and it was acknowledged), "unauthentic" (a signature
	// is missing, wrong or out of date), "malformed" (the signature is right, and the body is no
	// event) or "failed" (the signature is right, and a fault answered).
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"` // why it was not acknowledged
	Status  int    `json:"http_status"`
	// Repeated says that an event with this webhook-id was acknowledged before.
	Repeated  bool   `json:"repeated,omitempty"`
	WebhookID string `json:"webhook_id,omitempty"`
	Timestamp string `json:"webhook_timestamp,omitempty"`
	// Signature is the header as it was sent, its first kilobyte. It proves this delivery alone.
	Signature string `json:"webhook_signature,omitempty"`
	// Event is the body if it is JSON, else its text.
	Event any `json:"event,omitempty"`

	// OutTradeNo and Kind are the event's, if it says them.
	OutTradeNo string `json:"-"`
	Kind       string `json:"-"`

	// header and host are those of the request.
	header http.Header
	host   string
}

// The values of [Delivery].Verdict.
const (
	accepted    = "ok"
	unauthentic = "unauthentic"
	malformed   = "malformed"
	failed      = "failed"
)

// add keeps a delivery, wakes the streams, and returns it with its id.
func (s *Sink) add(d Delivery) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	d.ID = s.last
	if d.Verdict == accepted {
		_, d.Repeated = s.accepted[d.WebhookID]
		if len(s.accepted) == remembered {
			clear(s.accepted)
		}
		s.accepted[d.WebhookID] = struct{}{}
	}
	if len(s.deliveries) == kept {
		s.deliveries = s.deliveries[1:]
	}
	s.deliveries = append(s.deliveries, d)
	s.wake()
	return d
}

// wake wakes the streams. The sink is locked.
func (s *Sink) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// after returns the deliveries with a higher id that a filter takes, and a channel that is closed
// when there are more; open is false when the sink is closed.
func (s *Sink) after(id int64, wanted func(Delivery) bool) (found []Delivery, more <-chan struct{}, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.deliveries {
		if d.ID > id && wanted(d) {
			found = append(found, d)
		}
	}
	return found, s.changed, !s.closed
}

// takeFault returns the status that a fault answers a delivery with; 0 if there is no fault.
func (s *Sink) takeFault() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return 0
	}
	status := s.faults[0].Status
	if s.faults[0].Times > 0 {
		s.faults[0].Times--
		if s.faults[0].Times == 0 {
			s.faults = s.faults[1:]
		}
	}
	return status
}

// fault has deliveries answered with a status, so often; 0: for ever.
type fault struct {
	Status int `json:"status"`
	Times  int `json:"times"`
}

// check reports a fault that is none: a success would acknowledge, and 1xx is no answer.
func (f fault) check() error {
	switch {
	case f.Status < http.StatusMultipleChoices || f.Status > 599:
		return errors.New("status: must be 300 to 599, which does not acknowledge an event")
	case f.Times < 0:
		return errors.New("times: must not be negative; 0 is for ever")
	}
	return nil
}
