package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Envelope is what arrives around a reply's content. Nonce, Signature and Time are empty until the
// reply is authenticated.
type Envelope struct {
	HTTPStatus int
	RequestID  string    // Request-ID, for WeChat Pay's support; not signed, "" when there was none
	Nonce      string    // the gateway's own, not an echo of the request's
	Signature  string    // as received
	Time       time.Time // when APIv3 signed the reply; zero in APIv2, which signs no time
	// Date is the Date header, which no signature covers; zero when there was none, or one that
	// cannot be read.
	Date time.Time
	// Fresh reports that the reply can only be this request's: its connection carried no exchange
	// before it, or is HTTP/2, which numbers them. It is false where the transport does not tell
	// (net/http/httptrace). A reply that names no order (a close's, a refusal) says nothing about
	// this request's order unless Fresh is true and TLS ends at the gateway.
	Fresh bool
}

// Error is a refusal: a reply that says no. Unless it is Authenticated, anything on the way may
// have written it.
type Error struct {
	// Code is the code as received, "" when there was none. Unauthenticated, it may be any text.
	Code string
	// Message is the text as received, "" when there was none.
	Message string
	// ResultMsg is APIv2's result_msg as received, when Authenticated; usually "".
	ResultMsg string
	// Detail is one line about the refusal: APIv3's detail, which comes in any shape, or a remark
	// about the reply itself. Usually "".
	Detail string
	// Authenticated reports that the refusal comes from WeChat Pay: its signature was verified or,
	// over the private link, the link vouches for it. An unauthenticated refusal is a hint only,
	// and never a reason to report an order as closed or paid.
	Authenticated bool
	// RetryAfter is the reply's Retry-After, at most 24 h; 0 when there was none.
	RetryAfter time.Duration
	Envelope
}

// Error returns one line without headers or body.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the gateway refused with HTTP %d", e.HTTPStatus)
	if e.Code != "" {
		b.WriteString(" " + OneLine(e.Code))
	}
	if e.Message != "" {
		b.WriteString(": " + OneLine(e.Message))
	}
	if e.Detail != "" {
		b.WriteString(" (" + e.Detail + ")")
	}
	if !e.Authenticated {
		b.WriteString("; not authenticated, so only a hint")
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; retry after %s", e.RetryAfter)
	}
	return b.String() + requestSuffix(e.RequestID)
}

// Reason is why a reply's authenticity is not proved.
type Reason string

const (
	// ReasonUnsigned: a signature is required and missing, or missing in part.
	ReasonUnsigned Reason = "unsigned"
	// ReasonBadSignature: the signature does not verify, or also verifies a second reading.
	ReasonBadSignature Reason = "bad signature"
	// ReasonMismatch: genuine, but about another order, merchant or call.
	ReasonMismatch Reason = "mismatch"
	// ReasonProbe: WeChat Pay's deliberately wrong signature, which tests that clients verify
	// (APIv3). A new attempt gets a genuine reply.
	ReasonProbe Reason = "probe"
	// ReasonStale: genuine, but signed more than five minutes from this machine's time (APIv3).
	ReasonStale Reason = "stale"
	// ReasonUnknownSerial: signed by a key that the client does not hold (APIv3).
	ReasonUnknownSerial Reason = "unknown serial"
)

// VerifyError is a reply that failed verification. Nothing in it may be used, and the request may
// or may not have taken effect.
type VerifyError struct {
	Reason     Reason
	HTTPStatus int       // 0 of what is no reply: a notification, or a signature alone
	RequestID  string    // as received, not verified
	Date       time.Time // as Envelope.Date
	Detail     string    // one line: what is wrong, and the remedy
}

// Error returns one line without headers or body.
func (e *VerifyError) Error() string {
	return fmt.Sprintf("%s failed verification, %s: %s%s", received(e.HTTPStatus), e.Reason, e.Detail, requestSuffix(e.RequestID))
}

// MalformedError is a reply that cannot be read: cut short, too long, HTML, or not the protocol's
// format.
type MalformedError struct {
	HTTPStatus int // 0 of a notification, which is no reply
	RequestID  string
	Date       time.Time // as Envelope.Date
	Detail     string    // one line; it names the field at fault
	TooLong    bool      // the body is longer than the caller's limit
}

// Error returns one line without headers or body.
func (e *MalformedError) Error() string {
	return fmt.Sprintf("%s cannot be read: %s%s", received(e.HTTPStatus), e.Detail, requestSuffix(e.RequestID))
}

// received names what arrived: a reply, or without a status a message of another kind.
func received(httpStatus int) string {
	if httpStatus == 0 {
		return "message"
	}
	return "reply with HTTP " + strconv.Itoa(httpStatus)
}

func requestSuffix(id string) string {
	if id == "" {
		return ""
	}
	return "; Request-ID " + OneLine(id)
}
