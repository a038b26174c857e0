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
	verdictOK           = "ok"           // authenticated and done; a fault may still have spoilt the reply
	verdictRefused      = "refused"      // authenticated, and the answer was no
	verdictUnauthentic  = "unauthentic"  // not signed as it must be; Reason says why
	verdictMalformed    = "malformed"    // unreadable, or against the protocol's form
	verdictNotFound     = "not-found"    // a path or method that no API has
	verdictCut          = "cut"          // the connection ended before anything was done
	verdictHanging      = "hanging"      // nothing was done and nothing will be answered
	verdictInterference = "interference" // something on the way answered instead of the gateway: html-502
)

// Request is one request in the gateway's history. It holds no secret.
type Request struct {
	ID            int       `json:"id"`   // counts from 1, also across [Gateway.ClearRequests]
	Time          time.Time `json:"time"` // of arrival, by the wire clock, in seconds and Beijing's zone
	Domain        string    `json:"domain"`
	API           string    `json:"api,omitempty"`
	Region        string    `json:"region,omitempty"`
	Op            string    `json:"op,omitempty"`
	Method        string    `json:"method"`
	URL           string    `json:"url"` // the request line's, as received
	MchID         string    `json:"mchid,omitempty"`
	SubMchID      string    `json:"sub_mchid,omitempty"`
	OutTradeNo    string    `json:"out_trade_no,omitempty"` // of a combined order its combine_out_trade_no
	TransactionID string    `json:"transaction_id,omitempty"`
	HTTPStatus    int       `json:"http_status"` // 0: no reply was sent
	Verdict       string    `json:"verdict"`
	Code          string    `json:"code,omitempty"`         // the error code answered
	State         string    `json:"state,omitempty"`        // the order's trade state afterwards
	Faults        []Action  `json:"faults,omitempty"`       // applied to it, in order
	Reason        string    `json:"reason,omitempty"`       // one or two English sentences
	Expected      string    `json:"expected,omitempty"`     // what should have been signed, when the signature is wrong; keys redacted
	Received      string    `json:"received,omitempty"`     // what the sender signed instead, when that was found out; keys redacted
	RequestID     string    `json:"request_id,omitempty"`   // as the reply's Request-ID
	SignedBy      string    `json:"signed_by,omitempty"`    // APIv3: the public key's id or the certificate's serial number
	NonceReused   bool      `json:"nonce_reused,omitempty"` // APIv3: the same merchant has sent this nonce before. It is tolerated
}

// maxHistory bounds what is remembered: the newest requests stay.
const maxHistory = 10_000

// history keeps the requests.
type history struct {
	mu       sync.Mutex
	requests []Request
	count    int
	grown    chan struct{} // closed and replaced at each addition
}

func newHistory() *history { return &history{grown: make(chan struct{})} }

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

// Requests is the history, oldest first: at most the newest 10 000. A request is there before its reply is.
func (g *Gateway) Requests() []Request {
	requests, _ := g.history.snapshot()
	return requests
}

// ClearRequests forgets the history.
func (g *Gateway) ClearRequests() { g.history.clear() }

// AwaitRequests waits until the history holds at least n requests and returns it; a request that hangs is there as soon
// as it hangs. The error is ctx's.
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

// maxNonces is when old nonces are swept out.
const maxNonces = 10_000

// reused remembers a nonce and says whether it was known.
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
	if l.seen == nil || len(l.seen) >= maxNonces { // all fresh: a flood, or a wire clock that stands still
		l.seen = make(map[string]time.Time)
	}
	key := mchID + " " + nonce
	_, known := l.seen[key]
	l.seen[key] = now
	return known
}
