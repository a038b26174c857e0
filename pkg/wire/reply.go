package wire

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Reply is a reply as received. Nothing authenticates it yet.
type Reply struct {
	Envelope
	Header http.Header
	// Body is complete unless Exchange returned an error. It is nil when Asked is false.
	Body []byte
}

// Asked reports whether the status may answer a request of ours: 2xx, 4xx and 5xx. No request of
// ours offers to switch protocols or to go elsewhere.
func (r *Reply) Asked() bool { return r.Successful() || r.HTTPStatus >= http.StatusBadRequest }

// Successful reports whether the status is 2xx.
func (r *Reply) Successful() bool {
	return r.HTTPStatus >= http.StatusOK && r.HTTPStatus < http.StatusMultipleChoices
}

// maxRetryAfter bounds RetryAfter. An unauthenticated header may say anything.
const maxRetryAfter = 24 * time.Hour

// RetryAfter returns the Retry-After header (RFC 9110, 10.2.3), which is in seconds or a date, at
// most 24 h. It is 0 when there is none, or one that is past or cannot be read. now is the clock
// that a date is compared with, time.Now when nil.
func (r *Reply) RetryAfter(now func() time.Time) time.Duration {
	value := r.Header.Get("Retry-After")
	if value == "" {
		return 0
	}
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err == nil || errors.Is(err, strconv.ErrRange) { // out of range, seconds is the largest of 31 bits
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if now == nil {
		now = time.Now
	}
	return min(max(0, date.Sub(now())), maxRetryAfter)
}

// Refusal returns an Error, not Authenticated, with this code and message. now is as in RetryAfter.
func (r *Reply) Refusal(code, message string, now func() time.Time) *Error {
	return &Error{Code: code, Message: message, RetryAfter: r.RetryAfter(now), Envelope: r.Envelope}
}

// Unverified returns a VerifyError about the reply.
func (r *Reply) Unverified(reason Reason, detail string) *VerifyError {
	return &VerifyError{Reason: reason, HTTPStatus: r.HTTPStatus, RequestID: r.RequestID, Date: r.Date, Detail: detail}
}

// Malformed returns a MalformedError about the reply.
func (r *Reply) Malformed(detail string) *MalformedError {
	return &MalformedError{HTTPStatus: r.HTTPStatus, RequestID: r.RequestID, Date: r.Date, Detail: detail}
}

// VerifyEcho returns nil when the reply repeats a value of the request in this field, or has none
// where none was sent. Otherwise it returns a *VerifyError with ReasonMismatch.
func (r *Reply) VerifyEcho(field, got, want string) error {
	switch {
	case got == want:
		return nil
	case got == "":
		return r.MissingEcho(field)
	case want == "":
		return r.Unverified(ReasonMismatch, fmt.Sprintf("its %s is %s, and none was asked for", field, Quote(got)))
	}
	return r.Unverified(ReasonMismatch, fmt.Sprintf("its %s is %s, and %s was asked for", field, Quote(got), Quote(want)))
}

// MissingEcho returns a *VerifyError with ReasonMismatch about a reply without this field.
func (r *Reply) MissingEcho(field string) error {
	return r.Unverified(ReasonMismatch, fmt.Sprintf("it has no %s, which every answer to this question repeats", field))
}

var (
	errHTML  = errors.New("it is an HTML page: is something else answering at BaseURL?")
	errEmpty = errors.New("it is empty")
)

// Document returns the body without a byte order mark, which is no part of an XML or JSON document
// (XML 1.0, 4.3.3; RFC 8259, 8.1). The error, the Detail of a MalformedError, is about a body that
// is empty or an HTML page.
func (r *Reply) Document() ([]byte, error) {
	document := bytes.TrimPrefix(r.Body, []byte("\uFEFF"))
	start := bytes.TrimLeft(document, " \t\r\n")
	for _, opening := range [...]string{"<!doctype html", "<html", "<head", "<body"} {
		if len(start) >= len(opening) && strings.EqualFold(string(start[:len(opening)]), opening) {
			return nil, errHTML
		}
	}
	if len(start) == 0 {
		return nil, errEmpty
	}
	return document, nil
}
