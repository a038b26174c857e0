package traffic

import (
	"slices"
	"sync"
)

// Kept is how many calls a journal remembers.
const Kept = 10_000

// Journal remembers calls. The zero value is ready for use. Its methods may be called concurrently.
type Journal struct {
	// Ended, if not nil, gets each call when it has ended. It is called by the goroutine that had
	// the call, several at a time, before the caller has its answer: it must not block.
	Ended func(Call)

	mu       sync.Mutex // guards what follows
	inFlight []*Open    // in the order of their beginnings
	ended    ring
	grown    chan struct{} // closed by the next call that ends; nil while nothing waits
	closed   bool
}

// Open is a call in flight.
type Open struct{ call Call } // guarded by the journal's mu; only its requests change

// cause adds a request to the call.
func (o *Open) cause(r Request) {
	if len(o.call.Requests) == maxRequests {
		o.call.MoreRequests++
		return
	}
	o.call.Requests = append(o.call.Requests, r)
}

// Begin notes that a call is in flight, so that requests may belong to it.
func (j *Journal) Begin(call Call) *Open {
	open := &Open{call: call}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.inFlight = append(j.inFlight, open)
	return open
}

// End files a call that has ended. The call is as it is given, with the requests that it caused.
func (j *Journal) End(open *Open, call Call) {
	j.mu.Lock()
	if i := slices.Index(j.inFlight, open); i >= 0 {
		j.inFlight = slices.Delete(j.inFlight, i, i+1)
	}
	call.Requests, call.MoreRequests = open.call.Requests, open.call.MoreRequests
	call = j.ended.add(call)
	j.wake()
	j.mu.Unlock()
	if j.Ended != nil {
		j.Ended(call.clone())
	}
}

// File files a call that never was in flight, since it was refused.
func (j *Journal) File(call Call) { j.End(&Open{}, call) }

// Caused finds the call that caused a request, adds the request to it, and returns its RequestID;
// empty if no call did. It has to be called before the request is answered: afterwards the call may
// have ended.
func (j *Journal) Caused(r Request) (requestID string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	open := j.causeOf(r)
	if open == nil {
		return ""
	}
	r.Call = open.call.RequestID
	open.cause(r)
	return r.Call
}

// causeOf is the call in flight that a request belongs to; nil if there is none. The caller holds
// mu.
func (j *Journal) causeOf(r Request) *Open {
	if r.OutTradeNo != "" {
		for _, open := range slices.Backward(j.inFlight) {
			if open.call.OutTradeNo == r.OutTradeNo {
				return open
			}
		}
	}
	for _, open := range j.inFlight {
		if open.call.OutTradeNo == "" || r.OutTradeNo == "" {
			return open
		}
	}
	return nil
}

// Close ends every stream, and those that begin later.
func (j *Journal) Close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	j.wake()
}

// wake wakes those that wait for the next call. The caller holds mu.
func (j *Journal) wake() {
	if j.grown != nil {
		close(j.grown)
		j.grown = nil
	}
}

// watch returns a channel that is closed when the next call ends. ok is false after Close. The
// caller holds mu.
func (j *Journal) watch() (grown <-chan struct{}, ok bool) {
	if j.grown == nil {
		j.grown = make(chan struct{})
	}
	return j.grown, !j.closed
}

// ring has the last Kept calls. Adding one costs the same at any size.
type ring struct {
	calls []Call // from the oldest at next, once it is full
	next  int
	count int64 // how many calls there ever were, which is the newest one's ID
}

// add files a call, and returns it with its ID.
func (r *ring) add(call Call) Call {
	r.count++
	call.ID = r.count
	if len(r.calls) < Kept {
		r.calls = append(r.calls, call)
		return call
	}
	r.calls[r.next] = call
	r.next = (r.next + 1) % Kept
	return call
}

// oldest is the ID of the oldest call there is, or the one that the first will have.
func (r *ring) oldest() int64 { return r.count - int64(len(r.calls)) + 1 }

// at is the call with an ID, which has to be there.
func (r *ring) at(id int64) *Call {
	return &r.calls[(r.next+int(id-r.oldest()))%len(r.calls)]
}
