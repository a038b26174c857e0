package paygate

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The verdicts of [Request].Verdict.
const (
	// authenticated and done; a fault may still have spoilt the reply.
	verdictOK = "ok"
	// authenticated, and refused.
	verdictRefused = "refused"
	// not signed as it must be; Reason says why.
	verdictUnauthentic = "unauthentic"
	// unreadable, or not of the protocol's form.
	verdictMalformed = "malformed"
	// a path or method that no API has.
	verdictNotFound = "not-found"
	// the connection ended before anything was done.
	verdictCut = "cut"
	// nothing was done, and nothing will be answered.
	verdictHanging = "hanging"
	// answered by something on the way: [HTML502].
	verdictInterference = "interference"
)

// Request is one request in the gateway's history, and what became of it. It holds no secret: keys
// in Expected and Received are redacted. A field that the request did not get as far as to have is
// zero.
type Request struct {
	// ID counts from 1, and goes on counting after [Gateway.ClearRequests].
	ID int `json:"id"`
	// Time is that of arrival, by the wire clock, in whole seconds and UTC+8.
	Time time.Time `json:"time"`
	// Domain is the one it came by: "main" or "backup".
	Domain string `json:"domain"`
	// API is "v2", "v3" or "wxcloudrun".
	API string `json:"api,omitempty"`
	// Region is that of the APIv3 path: "global", "hk" or, for the mainland, empty.
	Region string `json:"region,omitempty"`
	// Op is "close", "query", "place", "reverse", "refund", "refund-query", "echo", "certificates",
	// or "cashier" for a button of the page on which a user pays.
	Op string `json:"op,omitempty"`
	// Method and URL are those of the request line, as received.
	Method string `json:"method"`
	URL    string `json:"url"`
	// MchID and SubMchID are the merchants that it named, whether it could prove that or not.
	MchID    string `json:"mchid,omitempty"`
	SubMchID string `json:"sub_mchid,omitempty"`
	// OutTradeNo is the order's number, of a combined order its combine_out_trade_no. For a call by
	// TransactionID it is that of the order found.
	OutTradeNo    string `json:"out_trade_no,omitempty"`
	TransactionID string `json:"transaction_id,omitempty"`
	// HTTPStatus is that of the reply. 0: no reply was sent.
	HTTPStatus int `json:"http_status"`
	// Verdict is what became of the request:
	//
	//	ok            authenticated and done; a fault may still have spoilt the reply
	//	refused       authenticated, and refused; Code says with what
	//	unauthentic   not signed as it must be; Reason, Expected and Received say why
	//	malformed     unreadable, or not of the protocol's form
	//	not-found     a path or method that no API has
	//	cut           the connection ended before anything was done
	//	hanging       nothing was done, and nothing will be answered
	//	interference  something on the way answered in the gateway's place: HTML502
	Verdict string `json:"verdict"`
	// Code is the error code of the reply, as the protocol spells it.
	Code string `json:"code,omitempty"`
	// State is the order's trade state afterwards; of a combined order those of its parts, with
	// commas between them where they differ.
	State string `json:"state,omitempty"`
	// Faults are the actions that were applied to it, in the order injected.
	Faults []Action `json:"faults,omitempty"`
	// Reason is one or two English sentences: why it was refused, and which faults interfered.
	Reason string `json:"reason,omitempty"`
	// Expected is the string that should have been signed, if the signature is wrong.
	Expected string `json:"expected,omitempty"`
	// Received is the string that the sender signed in its place, if that was found out.
	Received string `json:"received,omitempty"`
	// RequestID is the reply's Request-ID. Its last number is WeChat Pay's internal one of the
	// error.
	RequestID string `json:"request_id,omitempty"`
	// SignedBy is the key that signed an APIv3 reply: the public key's id, or the certificate's
	// serial number.
	SignedBy string `json:"signed_by,omitempty"`
	// NonceReused reports that the merchant has sent this APIv3 nonce before. That is tolerated.
	NonceReused bool `json:"nonce_reused,omitempty"`
	// Call is what [Options].Observe says that the request was caused by: beside an emulated cloud
	// the id of the call in flight.
	Call string `json:"call,omitempty"`
}

// maxHistory bounds the history: the newest requests stay.
const maxHistory = 10_000

// history keeps the requests, oldest first.
type history struct {
	mu       sync.Mutex
	requests []Request
	count    int
	// closed and replaced at each addition, to wake [Gateway.AwaitRequests]
	grown chan struct{}
}

func newHistory() *history { return &history{grown: make(chan struct{})} }

// add files a request, and wakes those that wait for one. The oldest goes when there are too many.
func (h *history) add(r Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	r.ID = h.count
	r.Faults = slices.Clone(r.Faults)
	if len(h.requests) >= maxHistory {
		h.requests = slices.Delete(h.requests, 0, len(h.requests)-maxHistory+1)
	}
	h.requests = append(h.requests, r)
	close(h.grown)
	h.grown = make(chan struct{})
}

// snapshot returns a copy of the history, and a channel that is closed at the next addition.
func (h *history) snapshot() (requests []Request, grown <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	requests = slices.Clone(h.requests)
	for i := range requests {
		requests[i].Faults = slices.Clone(requests[i].Faults)
	}
	return requests, h.grown
}

func (h *history) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = nil
}

// Requests returns the history, oldest first: at most the newest 10 000. A request is in it before
// its reply is sent.
func (g *Gateway) Requests() []Request {
	requests, _ := g.history.snapshot()
	return requests
}

// ClearRequests empties the history. It changes no order.
func (g *Gateway) ClearRequests() { g.history.clear() }

// AwaitRequests waits until the history holds at least n requests, and returns it. A request that
// hangs is in it as soon as it hangs. If ctx ends first, the error is ctx's, and the history is
// returned as it is.
func (g *Gateway) AwaitRequests(ctx context.Context, n int) ([]Request, error) {
	for {
		requests, grown := g.history.snapshot()
		if len(requests) >= n {
			return requests, nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return requests, fmt.Errorf("waiting for request %d, had %d: %w", n, len(requests), ctx.Err())
		}
	}
}

// nonceLog remembers nonces for as long as a request with one could be replayed.
type nonceLog struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// maxNonces is how many nonces are kept before old ones are removed.
const maxNonces = 10_000

// reused remembers a nonce, and reports whether it was known. When there are too many, those go
// that a replay could not use any more, twice the skew allowed; if all are fresh, as in a flood or
// with a wire clock that stands still, all go.
func (l *nonceLog) reused(mchID, nonce string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) >= maxNonces {
		for key, at := range l.seen {
			if now.Sub(at) > 2*maxSkew {
				delete(l.seen, key)
			}
		}
	}
	// all fresh: a flood, or a wire clock that stands still
	if l.seen == nil || len(l.seen) >= maxNonces {
		l.seen = make(map[string]time.Time)
	}
	key := mchID + " " + nonce
	_, known := l.seen[key]
	l.seen[key] = now
	return known
}
