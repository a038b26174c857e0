package v3json_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cloudpay/pkg/v3json"
)

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want string
	}{
		"refusal": {&v3json.Error{
			Code: "PARAM_ERROR", Message: "参数错误", Detail: "field: /mchid", Authenticated: true,
			Envelope: v3json.Envelope{HTTPStatus: 400, RequestID: "08F5-0"},
		}, "the gateway refused with HTTP 400 PARAM_ERROR: 参数错误 (field: /mchid); Request-ID 08F5-0"},
		"unsigned refusal": {&v3json.Error{
			Code: "FREQUENCY_LIMITED", RetryAfter: 5 * time.Second, Envelope: v3json.Envelope{HTTPStatus: 429},
		}, "the gateway refused with HTTP 429 FREQUENCY_LIMITED; unsigned, so only a hint; retry after 5s"},
		"refusal without a body": {&v3json.Error{Detail: "no body", Envelope: v3json.Envelope{HTTPStatus: 405}},
			"the gateway refused with HTTP 405 (no body); unsigned, so only a hint"},
		"hostile refusal": {&v3json.Error{
			Code: "A\nB", Message: "m\x00", Authenticated: true, Envelope: v3json.Envelope{HTTPStatus: 400, RequestID: "r\r\nx"},
		}, `the gateway refused with HTTP 400 A\nB: m\x00; Request-ID r\r\nx`},
		"disbelief": {&v3json.VerifyError{Reason: v3json.ReasonProbe, HTTPStatus: 204, RequestID: "r", Detail: "d"},
			"reply with HTTP 204 disbelieved, probe: d; Request-ID r"},
		"disbelief without a reply": {&v3json.VerifyError{Reason: v3json.ReasonBadSignature, Detail: "d"},
			"reply disbelieved, bad signature: d"},
		"no certificate": {&v3json.CertificateError{Cause: errors.New("c")},
			"nothing was asked, for want of a platform certificate to verify the reply with: c"},
		"no certificate, with a remedy": {&v3json.CertificateError{Cause: errors.New("c"), Remedy: "r"},
			"nothing was asked, for want of a platform certificate to verify the reply with: c: r"},
		"malformed": {&v3json.MalformedError{HTTPStatus: 200, Detail: "d"}, "reply with HTTP 200 cannot be read: d"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.err.Error(); got != test.want {
				t.Errorf("text is\n%s, want\n%s", got, test.want)
			}
		})
	}
}

func TestErrorsNameTheCallAndTheOrder(t *testing.T) {
	t.Parallel()
	refused := unsigned(http.StatusNotFound, `{"code":"ORDER_NOT_EXIST","message":"订单不存在"}`)
	const tail = "the gateway refused with HTTP 404 ORDER_NOT_EXIST: 订单不存在; unsigned, so only a hint; Request-ID " + requestID
	_, err := closeWith(t, refused)
	if want := "closing order " + outTradeNo + ": " + tail; err == nil || err.Error() != want {
		t.Errorf("error is\n%v, want\n%s", err, want)
	}
	_, err = queryWith(t, refused)
	if want := "querying order " + outTradeNo + ": " + tail; err == nil || err.Error() != want {
		t.Errorf("error is\n%v, want\n%s", err, want)
	}
	_, err = newClient(t, refused).QueryOrder(t.Context(), v3json.QueryRequest{TransactionID: transactionID})
	if want := "querying order " + transactionID + ": " + tail; err == nil || err.Error() != want {
		t.Errorf("error is\n%v, want\n%s", err, want)
	}
}

func TestForeignTexts(t *testing.T) {
	t.Parallel()
	lines := map[string]string{
		"":                        "",
		"plain 订单 \"quoted\" \\n": "plain 订单 \"quoted\" \\n",
		"a\nb\tc\x7f":             `a\nb\tc\x7f`,
		"\xff\ufffd":              "\\xff\ufffd",
		strings.Repeat("x", 2000): strings.Repeat("x", 512) + "…",
	}
	for in, want := range lines {
		if got := v3json.OneLine(in); got != want || !utf8.ValidString(got) {
			t.Errorf("OneLine(%.40q) is %.40q, want %.40q", in, got, want)
		}
	}
	names := map[string]string{
		"":                      `""`,
		"A1":                    "A1",
		"a b":                   `"a b"`,
		`a"b`:                   `"a\"b"`,
		"订单":                    `"订单"`,
		strings.Repeat("x", 72): strings.Repeat("x", 72),
		strings.Repeat("x", 73): `"` + strings.Repeat("x", 72) + `"…`,
	}
	for in, want := range names {
		if got := v3json.Name(in); got != want {
			t.Errorf("Name(%.40q) is %s, want %s", in, got, want)
		}
	}
}
