package paygate

import (
	"strings"
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
	// ID counts from 1, and goes on counting after [Gateway.ClearRequests]. No ID comes again in
	// the same [Options].File; after a process that was killed, some are left out.
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
	// Cause is the ID of what is wrong with the signature, or with what is checked before it: a row
	// of docs/why.md. Of several it is the one to mend first.
	Cause string `json:"cause,omitempty"`
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

// Bounds of what the history keeps of a text that the sender chose, in bytes. The longest honest
// string to sign has a body below 16 KiB; a request may have 1 MiB, and the history ten thousand.
const (
	maxFiled  = 4 << 10
	maxSigned = 24 << 10
)

// cutMark ends a text of which the history has the beginning.
const cutMark = "…"

// bound cuts the texts that are too long. A cut one is a copy, which does not keep the whole alive.
func (r *Request) bound() {
	for _, text := range []*string{
		&r.Method, &r.URL, &r.MchID, &r.SubMchID, &r.OutTradeNo, &r.TransactionID, &r.Code, &r.State, &r.Reason, &r.Call,
	} {
		*text = beginning(*text, maxFiled)
	}
	r.Expected, r.Received = beginning(r.Expected, maxSigned), beginning(r.Received, maxSigned)
}

// beginning is a text, or as much of it as there is room for.
func beginning(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len(cutMark)], "") + cutMark
}

// size is about how many bytes the request has as JSON.
func (r *Request) size() int {
	const rest = 500 // the names, and what is short
	return rest + len(r.Method) + len(r.URL) + len(r.OutTradeNo) + len(r.Reason) + len(r.Expected) + len(r.Received)
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
