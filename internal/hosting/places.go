package hosting

import (
	"container/list"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// limits are what the requests of one standing may take of an instance.
type limits struct {
	// reading is how many bodies are read at a time, which bounds the memory that they take. 0:
	// none is.
	reading int
	// within is how long a body may take. 0: as long as the server lets every request take.
	within time.Duration
	// yields says that a body that is not there yet makes room for a newer one when all places are
	// taken, the oldest first. A body that its sender does not hold back arrives with its head, so
	// that senders who hold theirs back cannot keep the others out. Without it the newer one is
	// refused.
	yields bool
	// answering is how many handlers run at a time. SCF itself sends one request at a time, or up
	// to 100 where asked to; in a container nothing else bounds it.
	answering int64
}

// limitsOf are the limits of each standing. Places for reading are more than places for answering
// where senders are known, so that many must send nothing to be in the way of the others.
func (t webTimes) limitsOf() [standings]limits {
	return [standings]limits{
		Refused:  {answering: maxInFlight},
		Unproved: {reading: maxUnproved, within: t.unproved, yields: true, answering: maxInFlight},
		Named:    {reading: maxReading, yields: true, answering: maxInFlight},
		Proved:   {reading: maxReading, answering: maxInFlight},
	}
}

// places bound the requests of one standing.
type places struct {
	limits

	inFlight *semaphore.Weighted // never waited for: a request too many is refused
	mu       sync.Mutex
	bodies   list.List // of *body, those that are being read, the oldest first
}

func newPlaces(l limits) *places {
	return &places{limits: l, inFlight: semaphore.NewWeighted(l.answering)}
}

// body is one that is being read. Its connection's deadline is changed under the lock of its places
// only, and while it is among them: later the connection may have its next request.
type body struct {
	connection *http.ResponseController
	place      *list.Element
	yielded    bool // a newer one has its place
}

// read completes a request whose head is there: by its body, where the standing grants it one, and
// by its query. The fault is nil unless the request cannot be handled.
func (p *places) read(rw http.ResponseWriter, r *http.Request, into *Request) *webFault {
	if r.ContentLength != 0 && p.reading > 0 {
		b := &body{connection: http.NewResponseController(rw)}
		if !p.enter(b) {
			return tooMany()
		}
		var fault *webFault
		into.Body, fault = readWebBody(r)
		p.leave(b, fault == nil)
		switch {
		case fault != nil && b.yielded:
			return tooMany()
		case fault != nil:
			return fault
		}
	}
	return into.takeQuery(r.URL.RawQuery)
}

// enter gives a body a place, and reports whether there was one.
func (p *places) enter(b *body) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bodies.Len() >= p.reading {
		if !p.yields {
			return false
		}
		oldest, _ := p.bodies.Remove(p.bodies.Front()).(*body)
		oldest.yielded = true
		setReadDeadline(oldest.connection, time.Unix(1, 0)) // long past: its read ends now
	}
	if p.within > 0 {
		setReadDeadline(b.connection, time.Now().Add(p.within))
	}
	b.place = p.bodies.PushBack(b)
	return true
}

// leave gives a body's place back, if it still has one. Behind one that is there as a whole the
// connection may rest; what is left of any other has no more time than the body had.
func (p *places) leave(b *body, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.yielded {
		return
	}
	p.bodies.Remove(b.place)
	if p.within > 0 && whole {
		setReadDeadline(b.connection, time.Time{}) // net/http sets the one for the next request
	}
}

// setReadDeadline says until when a connection may be read. Every connection of ours can be told.
func setReadDeadline(connection *http.ResponseController, deadline time.Time) {
	if err := connection.SetReadDeadline(deadline); err != nil {
		slog.Warn("a body has no deadline", "error", err.Error())
	}
}
