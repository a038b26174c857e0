package hosting

import (
	"container/list"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// limits bound what the requests of one standing may take of an instance.
type limits struct {
	// reading is how many bodies are read at a time, which bounds their memory. 0: none.
	reading int
	// longest is how long a body may be: maxWebBody, or longer. Of those that are longer than
	// maxWebBody, long are read at a time.
	longest int
	long    int64
	// within is how long a body may take. 0: as long as the server allows every request.
	within time.Duration
	// yields reports that, when all places are taken, the oldest body in progress is cut off for a
	// new one, which would be refused otherwise. A sender that does not hold its body back sends it
	// with the head, so that senders that hold theirs back cannot keep the others out.
	yields bool
	// answering is how many handlers run at a time. SCF sends one request at a time, or up to 100
	// where configured; in a container nothing else bounds them.
	answering int64
}

// limitsOf are the limits of each standing. Known senders have more places for reading than for
// answering, so that only very many silent ones get in the way of the others.
func (t webTimes) limitsOf() [standings]limits {
	all := [standings]limits{
		Refused:  {answering: maxInFlight},
		Unproved: {reading: maxUnproved, within: t.unproved, yields: true, answering: maxInFlight},
		Notified: {reading: maxUnproved, within: t.unproved, yields: true, answering: maxInFlight},
		Named:    {reading: maxReading, yields: true, answering: maxInFlight},
		Proved:   {reading: maxReading, answering: maxInFlight},
	}
	for standing := range all {
		all[standing].longest = maxWebBody
	}
	all[Notified].longest, all[Notified].long = maxNotification, maxLong
	return all
}

// places are the limits of one standing, and what is taken of them.
//
// Places for bodies are our own and not a semaphore: the oldest body must be found and cut off.
type places struct {
	limits

	inFlight *semaphore.Weighted // never waited for: a request too many is refused
	longer   *semaphore.Weighted // the places of long bodies; never waited for either
	mu       sync.Mutex
	bodies   list.List // of *body: those in progress, the oldest first
}

func newPlaces(l limits) *places {
	return &places{limits: l, inFlight: semaphore.NewWeighted(l.answering), longer: semaphore.NewWeighted(l.long)}
}

// body is a request's body in progress. Its connection's deadline is changed only under the lock of
// its places, and only while it is in the list: later the connection may have its next request.
type body struct {
	connection *http.ResponseController
	place      *list.Element
	yielded    bool // it was cut off for a newer one
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
		into.Body, fault = p.readBody(r)
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

// enter takes a place for a body, and reports whether there was one.
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

// leave gives a body's place back, unless it was cut off. After a whole body the connection may
// stay idle; the rest of any other has no more time than the body had.
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

// setReadDeadline sets until when a connection may be read. Every connection of ours supports it.
func setReadDeadline(connection *http.ResponseController, deadline time.Time) {
	if err := connection.SetReadDeadline(deadline); err != nil {
		slog.Warn("a body has no deadline", "error", err.Error())
	}
}
