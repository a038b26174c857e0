package wire_test

import (
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/wire"
)

func TestErrorText(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"the gateway refused with HTTP 200 ORDERPAID: order paid": &wire.Error{
			Code: "ORDERPAID", Message: "order paid", Authenticated: true, Envelope: wire.Envelope{HTTPStatus: 200, Nonce: "N", Signature: "S"},
		},
		"the gateway refused with HTTP 400 PARAM_ERROR: 参数错误 (field: /mchid); Request-ID 08F5-0": &wire.Error{
			Code: "PARAM_ERROR", Message: "参数错误", Detail: "field: /mchid", Authenticated: true,
			Envelope: wire.Envelope{HTTPStatus: 400, RequestID: "08F5-0"},
		},
		"the gateway refused with HTTP 429 FREQUENCY_LIMITED; not authenticated, so only a hint; retry after 5s": &wire.Error{
			Code: "FREQUENCY_LIMITED", RetryAfter: 5 * time.Second, Envelope: wire.Envelope{HTTPStatus: 429},
		},
		"the gateway refused with HTTP 429; not authenticated, so only a hint; retry after 1m0s; Request-ID 08F\\x1b": &wire.Error{
			RetryAfter: time.Minute, Envelope: wire.Envelope{HTTPStatus: 429, RequestID: "08F\x1b"},
		},
		"the gateway refused with HTTP 405 (no body); not authenticated, so only a hint": &wire.Error{
			Detail: "no body", Envelope: wire.Envelope{HTTPStatus: 405},
		},
		"the gateway refused with HTTP 502; not authenticated, so only a hint": &wire.Error{Envelope: wire.Envelope{HTTPStatus: 502}},
		"the gateway refused with HTTP 200 -1: busy (d); not authenticated, so only a hint; retry after 2s": &wire.Error{
			Code: "-1", Message: "busy", Detail: "d", RetryAfter: 2 * time.Second, Envelope: wire.Envelope{HTTPStatus: 200},
		},
		`the gateway refused with HTTP 400 A\nB: m\x00; Request-ID r\r\nx`: &wire.Error{
			Code: "A\nB", Message: "m\x00", Authenticated: true, Envelope: wire.Envelope{HTTPStatus: 400, RequestID: "r\r\nx"},
		},
		`the gateway refused with HTTP 200: line\none\r\u2028签名错误\xff; not authenticated, so only a hint`: &wire.Error{
			Message: "line\none\r\u2028签名错误\xff", Envelope: wire.Envelope{HTTPStatus: 200},
		},
		"the gateway refused with HTTP 200: " + strings.Repeat("x", 512) + "…; not authenticated, so only a hint": &wire.Error{
			Message: strings.Repeat("x", 100_000), Envelope: wire.Envelope{HTTPStatus: 200},
		},
		"reply with HTTP 200 failed verification, mismatch: its appid is A, and B was asked for; Request-ID 08F": &wire.VerifyError{
			Reason: wire.ReasonMismatch, HTTPStatus: 200, RequestID: "08F", Detail: "its appid is A, and B was asked for",
		},
		"reply with HTTP 204 failed verification, probe: d; Request-ID r": &wire.VerifyError{
			Reason: wire.ReasonProbe, HTTPStatus: 204, RequestID: "r", Detail: "d",
		},
		"message failed verification, bad signature: d":   &wire.VerifyError{Reason: wire.ReasonBadSignature, Detail: "d"},
		"reply with HTTP 200 cannot be read: it is empty": &wire.MalformedError{HTTPStatus: 200, Detail: "it is empty"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
