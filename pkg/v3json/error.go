package v3json

import (
	"cmp"
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
	RequestID  string    // Request-ID, which WeChat Pay's support asks for; "" when there was none
	Nonce      string    // Wechatpay-Nonce
	Signature  string    // Wechatpay-Signature
	Time       time.Time // Wechatpay-Timestamp, which the signature covers
	// Fresh reports that the reply can only be this request's, as far as the connection goes
	// (package wire). A reply that names no order, as that to a close and every refusal, proves
	// nothing of the order that was asked about without it.
	Fresh bool
}

// Error is a refusal: the gateway answered, and said no. When it is not Authenticated, anyone on the way may have
// written it.
type Error struct {
	// Code and Message are as received, "" when the body had none (a 404 for a path that does not exist, a
	// proxy's page).
	Code, Message string
	// Detail is one line made from the body's detail, which comes in any shape; of a body that is no JSON object, what
	// it is instead.
	Detail string
	// Authenticated says that the body was signed by WeChat Pay. An unauthenticated refusal is only a hint, and never a
	// ground to take an order for closed or paid.
	Authenticated bool
	// RetryAfter is how long the gateway asks to wait, from a Retry-After in seconds or as a date, at most 24 h; 0 when
	// it does not.
	RetryAfter time.Duration
	// Envelope has Nonce, Signature and Time when Authenticated.
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
		b.WriteString("; unsigned, so only a hint")
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; retry after %s", e.RetryAfter)
	}
	return b.String() + requestSuffix(e.RequestID)
}

// Reason is why a reply may not be believed.
type Reason string

// The reasons to disbelieve a reply; the package comment has the table of them.
const (
	// ReasonUnsigned: a 2xx without signature headers, or any reply with only some of them.
	ReasonUnsigned Reason = "unsigned"
	// ReasonBadSignature: the signature does not hold, or cannot be one.
	ReasonBadSignature Reason = "bad signature"
	// ReasonMismatch: genuine, but the answer to another question: another order, another merchant, another call.
	ReasonMismatch Reason = "mismatch"
	// ReasonProbe: deliberately wrong, WeChat Pay's test that we look. The same request, signed anew, is answered well.
	ReasonProbe Reason = "probe"
	// ReasonStale: genuine, but more than five minutes from our clock.
	ReasonStale Reason = "stale"
	// ReasonUnknownSerial: signed by a key that is not in the keyring.
	ReasonUnknownSerial Reason = "unknown serial"
)

// VerifyError is a reply that may not be believed: nothing in it is to be used, and what was asked for may have
// happened or not.
type VerifyError struct {
	Reason     Reason
	HTTPStatus int    // 0 from [Keyring.Verify]
	RequestID  string // as received, not verified
	Detail     string // one line: what is wrong, and the remedy
}

// Error returns one line without headers or body.
func (e *VerifyError) Error() string {
	status := ""
	if e.HTTPStatus != 0 {
		status = " with HTTP " + strconv.Itoa(e.HTTPStatus)
	}
	return fmt.Sprintf("reply%s disbelieved, %s: %s%s", status, e.Reason, e.Detail, requestSuffix(e.RequestID))
}

// CertificateError says that no reply could have been verified, for want of a platform certificate, and that therefore
// nothing was asked or done about the order. It does not unwrap to an [*Error], [*VerifyError] or [*MalformedError]:
// what the gateway said of its certificates says nothing of an order.
type CertificateError struct {
	// Cause is what the download failed of: one of those three, or no reply at all.
	Cause error
	// Remedy is what has to be configured otherwise; "" when asking again may be enough.
	Remedy string
	// Hint is what may have to be configured otherwise when asking again is not enough; "" as a
	// rule.
	Hint string
}

// Error returns one line without headers or body.
func (e *CertificateError) Error() string {
	return "nothing was asked, for want of a platform certificate to verify the reply with: " + e.reason()
}

func (e *CertificateError) reason() string {
	advice := cmp.Or(e.Remedy, e.Hint)
	if advice == "" {
		return e.Cause.Error()
	}
	return e.Cause.Error() + ": " + advice
}

// Unwrap returns the Cause when it is not a reply.
func (e *CertificateError) Unwrap() error {
	switch e.Cause.(type) { //nolint:errorlint // only what this package itself puts there
	case *Error, *VerifyError, *MalformedError:
		return nil
	}
	return e.Cause
}

// OwnKeyError says that a client's keyring holds the merchant's own key, which signs no reply.
type OwnKeyError struct {
	// ID is the name that the keyring has it by.
	ID string
}

// Error returns one line with the remedy.
func (e *OwnKeyError) Error() string {
	return "Keys holds the merchant's own certificate, or the merchant's own public key as " + e.ID +
		", and neither signs replies: give the WeChat Pay public key or a platform certificate"
}

// MalformedError is a reply that cannot be read: cut short, too long, or not the JSON of an order.
type MalformedError struct {
	HTTPStatus int
	RequestID  string
	Detail     string // one line
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
	maxName = 72  // bytes of a foreign word that are shown; a public key's id has 64
)

// oneLine makes a foreign text fit for a log: one line, printable, of bounded length. Line breaks show as \n, which
// keeps the gateway's copy of a signed message comparable with ours.
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
