package wechatpay

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strconv"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
	"cloudpay/pkg/wire"
)

// success returns the Answer of a reply that grants the request. proof is what authenticates it.
func success(v verdict.Verdict, proof order.Proof, e wire.Envelope) order.Answer {
	return order.Answer{
		Verdict:    v,
		Proof:      proof,
		HTTPStatus: e.HTTPStatus,
		RequestID:  e.RequestID,
		Nonce:      e.Nonce,
		Sign:       e.Signature,
		Clock:      clockOf(e),
		Fresh:      e.Fresh,
	}
}

// clockOf returns the time of the signature or, without one, the Date.
func clockOf(e wire.Envelope) order.Clock {
	if e.Time.IsZero() {
		return order.Clock{At: e.Date}
	}
	return order.Clock{At: e.Time, Signed: true}
}

// rejection is a negative reply in any dialect: from the gateway or, when not Authenticated, from
// anything on the way.
type rejection struct {
	*wire.Error

	// code is what the reply means: its own Code or, where it has none, a guess.
	code string
	// message is its text, for the Answer.
	message string
	// proof is what authenticates it, if it is Authenticated.
	proof order.Proof
}

// codeOfReason is the code for each reason that a reply is not authenticated. None of them proves
// anything about the order, a mismatch least of all: it proves another order's state.
var codeOfReason = map[wire.Reason]string{
	wire.ReasonUnsigned:      errcode.UnsignedReply,
	wire.ReasonBadSignature:  errcode.BadSignature,
	wire.ReasonMismatch:      "FOREIGN_REPLY",
	wire.ReasonProbe:         "SIGNATURE_PROBE",
	wire.ReasonStale:         "STALE_REPLY",
	wire.ReasonUnknownSerial: errcode.UnknownSerial,
}

// failure returns the Answer of a failed call. read is the dialect's reading of a refusal; all else
// means the same in every dialect. A message keeps the protocol's text, which names the order and
// the Request-ID.
func failure(op order.Op, err error, read func(*wire.Error) rejection) order.Answer {
	var refused *wire.Error
	var unverified *wire.VerifyError
	var malformed *wire.MalformedError
	switch {
	case errors.As(err, &refused):
		return verdictOf(op, read(refused))
	case errors.As(err, &unverified):
		a := doubt(codeOfReason[unverified.Reason], err.Error(), unverified.HTTPStatus, unverified.RequestID)
		a.Clock.At = unverified.Date
		return a
	case errors.As(err, &malformed):
		a := doubt(errcode.MalformedReply, err.Error(), malformed.HTTPStatus, malformed.RequestID)
		a.Clock.At = malformed.Date
		return a
	}
	return noReply(err)
}

// verdictOf returns what a rejection amounts to, by the one table of codes. The same code can mean
// different things to the two operations: ORDERCLOSED answers a close, and puts a query in doubt.
func verdictOf(op order.Op, r rejection) order.Answer {
	row, known := errcode.Lookup(r.code)
	if r.code == "" {
		row, known = codeOfStatus(r.HTTPStatus), true
	}
	a := order.Answer{
		Proof:       order.ProofNone,
		Code:        row.Name,
		GatewayCode: r.Code,
		Message:     r.message,
		HTTPStatus:  r.HTTPStatus,
		RequestID:   r.RequestID,
		RetryAfter:  r.RetryAfter,
		Clock:       clockOf(r.Envelope),
		Fresh:       r.Fresh,
	}
	if !r.Authenticated {
		return unsignedAnswer(op, row, known, a)
	}
	// The nonce and the signature are for the caller's records, also of what proves nothing.
	a.Nonce, a.Sign, a.ResultMsg = r.Nonce, r.Signature, r.ResultMsg
	if r.code == "" {
		a.Verdict = verdict.Doubted // signed, and says nothing
		return a
	}
	a.Proof, a.Verdict = r.proof, verdictIfSigned(op, row, known, r.HTTPStatus)
	return a
}

// verdictIfSigned returns what an authenticated refusal amounts to. A code that no document names
// is a dispute, unless the status says that the gateway failed. (No signature covers the status, so
// it decides no more than that.)
func verdictIfSigned(op order.Op, row errcode.Code, known bool, status int) verdict.Verdict {
	if !known && status >= http.StatusInternalServerError {
		return verdict.Doubted
	}
	if op == order.OpClose {
		return row.Close
	}
	return row.Query
}

// unsignedAnswer returns what an unauthenticated refusal amounts to. A code that speaks of the
// order must not be passed on, since callers branch on codes; nor may a code outside the table,
// which can be any text.
func unsignedAnswer(op order.Op, row errcode.Code, known bool, a order.Answer) order.Answer {
	a.Verdict = verdict.Doubted
	if _, spelled := errcode.Lookup(a.GatewayCode); !spelled && !isLinkCode(a.GatewayCode) {
		a.GatewayCode = ""
	}
	switch {
	// ORDERPAID, ORDERCLOSED, …: a forger's aim. Even its text is replaced.
	case speaksOfOrder(row):
		a.Message = bilingual.Sprintf("an unsigned reply says %s", "未签名的应答称 %s", row.Name).String()
		a.Code, a.GatewayCode = errcode.UnsignedReply, ""
	// Any text at all: only the message may show it.
	case !known:
		reason := bilingual.Same(a.Message)
		if a.Message == "" {
			reason = bilingual.New("it gives no reason", "没有给出原因")
		}
		a.Message = bilingual.Sprintf("an unsigned reply refuses, with a code that no document has: %s",
			"未签名的应答拒绝了请求，错误码不在任何文档中：%s", reason).String()
		a.Code = errcode.UnsignedReply
	// SIGNERROR, PARAM_ERROR, …: true or not, another attempt with this request meets the same.
	case verdictIfSigned(op, row, true, 0) == verdict.Refused, row.Name == errcode.GatewayRejected:
		a.Verdict = verdict.Rejected
	}
	return a
}

// isLinkCode reports whether a code may be one of cloud hosting's link: a number. The longest known
// has 7 characters.
func isLinkCode(code string) bool {
	const longest = 10
	_, err := strconv.Atoi(code)
	return err == nil && len(code) <= longest
}

// speaksOfOrder reports whether a code claims to know the order's state.
func speaksOfOrder(row errcode.Code) bool {
	switch row.Close {
	case verdict.SaysClosed, verdict.SaysPaid, verdict.SaysMissing, verdict.SaysPaying:
		return true
	default:
		return false
	}
}

// codeOfStatus returns the code for a refusal without one: an empty 404, a proxy's page, APIv2's
// return_code FAIL.
func codeOfStatus(status int) errcode.Code {
	name := "HTTP_ERROR" // redirects and 5xx: another attempt may help
	switch {
	case status == http.StatusUnauthorized:
		name = errcode.SignError
	case status == http.StatusTooManyRequests:
		name = errcode.FrequencyLimited
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		name = "SERVICE_UNAVAILABLE"
	// return_code FAIL comes with 200.
	case status == http.StatusOK, status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		name = errcode.GatewayRejected
	}
	row, _ := errcode.Lookup(name)
	return row
}

// doubt returns the Answer of an exchange that leaves open whether anything was done: the request
// may have taken effect, and only a query can tell.
func doubt(code, message string, status int, requestID string) order.Answer {
	return order.Answer{
		Verdict:    verdict.Doubted,
		Proof:      order.ProofNone,
		Code:       code,
		Message:    message,
		HTTPStatus: status,
		RequestID:  requestID,
	}
}

// noReply returns the Answer of an exchange without a reply. A certificate that does not verify is
// no lost packet: nothing was sent, and another attempt meets the same certificate.
func noReply(err error) order.Answer {
	if _, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		a := doubt("TLS_ERROR", err.Error(), 0, "")
		a.Verdict = verdict.Rejected
		return a
	}
	// net/http's own timeouts (the dial's, the handshake's) are no context errors.
	code := errcode.NetworkError
	var timeout interface{ Timeout() bool }
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		code = errcode.Timeout
	}
	return doubt(code, err.Error(), 0, "")
}
