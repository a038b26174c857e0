package wxcloudrun

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Envelope is what came with a reply.
type Envelope struct {
	HTTPStatus int
	RequestID  string // x-openapi-seqid, or else Request-ID; "" when there was neither
	Nonce      string // nonce_str: the gateway's own, not an echo of ours
	Signature  string // sign, made with a key that only WeChat's service provider has: it proves nothing here
	// Fresh reports that the reply can only be this request's, as far as the connection goes
	// (package wire). A reply that names no order, as that to a close and every refusal, proves
	// nothing of the order that was asked about without it.
	Fresh bool
}

// Error is a refusal: the gateway or the link answered, and said no. When it is not Authenticated, WeChat Pay itself may
// not have been asked, or have been asked and not heard.
type Error struct {
	// Code is err_code as received when Authenticated, and else the link's errcode, a number; "" when there was neither: a
	// return_code FAIL brings only a message, and so does most of what is no HTTP 200.
	Code string
	// Message is err_code_des, return_msg or errmsg as received.
	Message string
	// ResultMsg is result_msg as received when Authenticated, "" as a rule.
	ResultMsg string
	// Detail is a remark of our own, one line; "" as a rule.
	Detail string
	// Authenticated says that WeChat Pay said this over the private link, about the merchant that was asked for. There is no
	// signature: it is worth what the link is worth. An unauthenticated refusal is only a hint, and never a ground to take
	// an order for closed or paid.
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
	if e.Detail != "" {
		b.WriteString(" (" + e.Detail + ")")
	}
	if !e.Authenticated {
		b.WriteString("; not WeChat Pay's own word, so only a hint")
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; retry after %s", e.RetryAfter)
	}
	return b.String() + requestSuffix(e.RequestID)
}

// Reason is why a reply may not be believed.
type Reason string

// ReasonMismatch: the answer to another question: another order, another merchant, another call. It is the only reason
// there is where nothing is signed.
const ReasonMismatch Reason = "mismatch"

// VerifyError is a reply that may not be believed: nothing in it is to be used, and what was asked for may have
// happened or not.
type VerifyError struct {
	Reason     Reason
	HTTPStatus int
	RequestID  string
	Detail     string // one line: what is wrong
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
	Detail     string // one line; names the key where one is to blame
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
