package v2xml

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Envelope is what authenticates a reply: as received, after it was verified.
type Envelope struct {
	HTTPStatus int
	RequestID  string // Request-ID, which APIv2 does not promise; "" when there was none
	Nonce      string // nonce_str: the gateway's own, not an echo of ours
	Signature  string // sign
	// Fresh reports that the reply can only be this request's, as far as the connection goes
	// (package wire). A reply that names no order, as that to a close and every refusal, proves
	// nothing of the order that was asked about without it.
	Fresh bool
}

// Error is a refusal: the gateway answered, and said no. When it is not Authenticated, anyone on the way may have
// written it.
type Error struct {
	// Code is err_code as received, "" when there was none: a return_code FAIL brings only a message.
	Code string
	// Message is err_code_des as received, or return_msg where that is all there is.
	Message string
	// ResultMsg is result_msg as received when Authenticated, "" as a rule.
	ResultMsg string
	// Authenticated says that the reply's signature held and that it is about us. An unauthenticated refusal is only a
	// hint, and never a ground to take an order for closed or paid.
	Authenticated bool
	// RetryAfter is how long the gateway asks to wait, from a Retry-After in seconds or as a date, at most 24 h; 0 when
	// it does not.
	RetryAfter time.Duration
	// Envelope has Nonce and Signature when Authenticated.
	Envelope
}

// Error returns one line without headers or body.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the gateway refused with HTTP %d", e.HTTPStatus)
	if e.Code != "" {
		b.WriteString(" " + oneLine(e.Code))
	}
	if e.Message != "" {
		b.WriteString(": " + oneLine(e.Message))
	}
	if !e.Authenticated {
		b.WriteString("; unsigned, so only a hint")
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; retry after %s", e.RetryAfter)
	}
	return b.String() + requestSuffix(e.RequestID)
}

// Reason is why a reply may not be believed.
type Reason string

// The reasons to disbelieve a reply; the package comment tells when.
const (
	// ReasonUnsigned: return_code SUCCESS without a sign.
	ReasonUnsigned Reason = "unsigned"
	// ReasonBadSignature: the sign does not hold, or it holds for another reading of the document as well.
	ReasonBadSignature Reason = "bad signature"
	// ReasonMismatch: genuine, but the answer to another question: another order, another merchant, another call.
	ReasonMismatch Reason = "mismatch"
)

// VerifyError is a reply that may not be believed: nothing in it is to be used, and what was asked for may have
// happened or not.
type VerifyError struct {
	Reason     Reason
	HTTPStatus int
	RequestID  string // as received, not verified
	Detail     string // one line: what is wrong, and the remedy
}

// Error returns one line without headers or body.
func (e *VerifyError) Error() string {
	return fmt.Sprintf("reply with HTTP %d disbelieved, %s: %s%s",
		e.HTTPStatus, e.Reason, e.Detail, requestSuffix(e.RequestID))
}

// MalformedError is a reply that cannot be read: HTML, cut short, too long, or not the dialect of the package comment.
type MalformedError struct {
	HTTPStatus int
	RequestID  string
	Detail     string // one line; names the element where one is to blame
}

// Error returns one line without headers or body.
func (e *MalformedError) Error() string {
	return fmt.Sprintf("reply with HTTP %d cannot be read: %s%s", e.HTTPStatus, e.Detail, requestSuffix(e.RequestID))
}

func requestSuffix(id string) string {
	if id == "" {
		return ""
	}
	return "; Request-ID " + oneLine(id)
}

const (
	maxLine = 512 // bytes of a foreign text that are shown
	maxName = 72  // bytes of a foreign word that are shown
)

// oneLine makes a foreign text fit for a log: one line, printable, of bounded length.
func oneLine(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if b.Len() >= maxLine {
			return b.String() + "…"
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if unicode.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.Quote(s[i:i+size]), `"`))
		}
		i += size
	}
	return b.String()
}

// name shows a foreign word within a sentence: as it is when it is plain, else quoted and clipped.
func name(s string) string {
	plain := s != "" && len(s) <= maxName
	for i := 0; plain && i < len(s); i++ {
		plain = '!' <= s[i] && s[i] <= '~' && s[i] != '"'
	}
	switch {
	case plain:
		return s
	case len(s) > maxName:
		return strconv.Quote(s[:maxName]) + "…"
	}
	return strconv.Quote(s)
}
