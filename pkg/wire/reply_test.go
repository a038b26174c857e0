package wire_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"cloudpay/pkg/wire"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"120":                           2 * time.Minute,
		"86400":                         24 * time.Hour,
		"86401":                         24 * time.Hour,
		"99999999999999999999":          24 * time.Hour,
		"-5":                            0,
		"1.5":                           0,
		"soon":                          0,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 01 Mar 2026 11:59:30 GMT": 0,
		"Sun, 01 Mar 2027 12:00:30 GMT": 24 * time.Hour,
	} {
		reply := &wire.Reply{Header: http.Header{"Retry-After": {header}}}
		if got := reply.RetryAfter(func() time.Time { return now }); got != want {
			t.Errorf("Retry-After %q is %v, want %v", header, got, want)
		}
	}
	soon := &wire.Reply{Header: http.Header{"Retry-After": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}}
	if got := soon.RetryAfter(nil); got < 55*time.Minute || got > time.Hour {
		t.Errorf("without a clock, a date in an hour is %v", got)
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for status := 100; status <= 599; status++ {
		reply := &wire.Reply{Envelope: wire.Envelope{HTTPStatus: status}}
		if got, want := reply.Successful(), status/100 == 2; got != want {
			t.Errorf("HTTP %d is successful: %t", status, got)
		}
		if got, want := reply.Asked(), status/100 != 1 && status/100 != 3; got != want {
			t.Errorf("HTTP %d may answer a request: %t", status, got)
		}
	}
}

// TestErrorsOfAReply have its status and its id, as received.
func TestErrorsOfAReply(t *testing.T) {
	t.Parallel()
	reply := &wire.Reply{
		Envelope: wire.Envelope{HTTPStatus: 429, RequestID: "08F", Fresh: true}, Header: http.Header{"Retry-After": {"2"}},
	}
	if got, want := *reply.Refusal("C", "m", nil), (wire.Error{
		Code: "C", Message: "m", RetryAfter: 2 * time.Second, Envelope: reply.Envelope,
	}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := *reply.Malformed("d"), (wire.MalformedError{HTTPStatus: 429, RequestID: "08F", Detail: "d"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := *reply.Unverified(wire.ReasonStale, "d"), (wire.VerifyError{
		Reason: wire.ReasonStale, HTTPStatus: 429, RequestID: "08F", Detail: "d",
	}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestVerifyEcho(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ got, want, detail string }{
		{"A1", "A1", ""},
		{"", "", ""},
		{"", "A1", "it has no f, which every answer to this question repeats"},
		{"A\n1", "", `its f is "A\n1", and none was asked for`},
		{"A2", "A1", "its f is A2, and A1 was asked for"},
	} {
		err := new(wire.Reply).VerifyEcho("f", test.got, test.want)
		unverified, is := errors.AsType[*wire.VerifyError](err)
		if is != (test.detail != "") || is && (unverified.Reason != wire.ReasonMismatch || unverified.Detail != test.detail) {
			t.Errorf("%q for %q: got %v, want %q", test.got, test.want, err, test.detail)
		}
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"<xml/>":                     "<xml/>",
		"\uFEFF{}":                   "{}",
		"\uFEFF\uFEFF{}":             "\uFEFF{}",
		" \n":                        "it is empty",
		"\uFEFF":                     "it is empty",
		"\r\n<!DocType HTML><p>":     "it is an HTML page: is something else answering at BaseURL?",
		"<HTML>":                     "it is an HTML page: is something else answering at BaseURL?",
		"\uFEFF<head><title>502</t>": "it is an HTML page: is something else answering at BaseURL?",
	} {
		document, err := (&wire.Reply{Body: []byte(body)}).Document()
		got := string(document)
		if err != nil {
			got = fmt.Sprint(err)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}
