package traffic

import (
	"context"
	"net/http"
	"slices"
	"sync"
)

// Journal remembers calls. The zero value is ready for use. Its methods may be called concurrently.
type Journal struct {
	// Ended, if not nil, gets each call when it has ended. It is called by the goroutine that had
	// the call, several at a time, before the caller has its answer: it must not block.
	Ended func(Call)
	// Numbers are the calls' IDs.
	Numbers Numbers

	ended history[Call]

	mu       sync.Mutex // guards what follows
	inFlight []*Open    // in the order of their beginnings
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
// numbered, if not nil, gets the call's ID before the call can be seen.
func (j *Journal) End(open *Open, call Call, numbered func(id int64)) {
	j.mu.Lock()
	if i := slices.Index(j.inFlight, open); i >= 0 {
		j.inFlight = slices.Delete(j.inFlight, i, i+1)
	}
	call.Requests, call.MoreRequests = open.call.Requests, open.call.MoreRequests
	j.mu.Unlock()
	call = j.ended.add(j.Numbers, func(id int64) Call {
		call.ID = id
		if numbered != nil {
			numbered(id)
		}
		return call
	})
	if j.Ended != nil {
		j.Ended(call.clone())
	}
}

// File files a call that never was in flight, since it was refused.
func (j *Journal) File(call Call) { j.End(&Open{}, call, nil) }

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

// Sender is the call in flight that an event about an order belongs to, by the same rule: its
// RequestID and its function's name; empty if there is none.
func (j *Journal) Sender(outTradeNo string) (requestID, function string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	open := j.causeOf(Request{OutTradeNo: outTradeNo})
	if open == nil {
		return "", ""
	}
	return open.call.RequestID, open.call.Function
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

// Stream writes the calls that a query selects as server-sent events, as they end, until the reader
// goes away, reads too slowly, or the journal is closed:
//
//	id: 17
//	event: call
//	data: {"id":17,"function":"closeorder",…}
//
// It begins after q.After, which a browser sends again as Last-Event-ID; with nothing given it
// begins with the next call. In a journal that has smaller IDs it begins with the first call. Calls
// that the journal has forgotten meanwhile are counted:
//
//	event: missed
//	data: {"calls":12}
//
// The journal itself is the buffer, so that a slow reader costs no memory.
func (j *Journal) Stream(ctx context.Context, w http.ResponseWriter, q Query) {
	f := follower[Call]{history: &j.ended, by: j.Numbers, name: "call", matches: q.Matches}
	f.serve(ctx, w, "the calls of the cloud", q)
}

// Close ends every stream, and those that begin later.
func (j *Journal) Close() { j.ended.close(j.Numbers) }
