package v3json_test

import (
	"net/http"
	"testing"
	"time"

	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

func TestCloseOrder(t *testing.T) {
	t.Parallel()
	a := signed(http.StatusNoContent, "")
	reply, err := closeWith(t, a)
	if err != nil {
		t.Fatalf("CloseOrder: %v", err)
	}
	want := v3json.Envelope{
		Time:       wireTime().UTC(),
		HTTPStatus: http.StatusNoContent, RequestID: requestID,
		Nonce: replyNonce, Signature: a.header.Get("Wechatpay-Signature"),
	}
	if reply.Envelope != want {
		t.Errorf("envelope is %+v, want %+v", reply.Envelope, want)
	}
}

func TestCloseAnsweredWithSomething(t *testing.T) {
	t.Parallel()
	bodies := map[string]answer{
		"200 with nothing":        signed(http.StatusOK, ""),
		"200 with an order":       signed(http.StatusOK, directOrder),
		"200 with an error":       signed(http.StatusOK, refusalBody),
		"200 with an object":      signed(http.StatusOK, "{}"),
		"200 with a space":        signed(http.StatusOK, " "),
		"204 with an order in it": signed(http.StatusNoContent, directOrder),
	}
	for name, a := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := closeWith(t, a)
			fault := disbelief(t, err, wire.ReasonMismatch)
			if fault.HTTPStatus != a.status || fault.RequestID != requestID {
				t.Errorf("VerifyError is %+v, want HTTP %d and the Request-ID", fault, a.status)
			}
		})
	}
}

// asked reports whether a status answers a request of this package's.
func asked(status int) bool { return status/100 == 2 || status >= 400 }

// wantUnread wants a refusal that says nothing but its status, for one that no request asks for.
func wantUnread(t *testing.T, err error, status int) {
	t.Helper()
	want := v3json.Error{
		Detail:   "no body",
		Envelope: v3json.Envelope{HTTPStatus: status, RequestID: requestID},
	}
	if got := refusal(t, err); *got != want {
		t.Errorf("HTTP %d gives %+v, want %+v", status, *got, want)
	}
}

// TestRefusals goes through every class of status, signed and not, for both calls: no status makes
// an unsigned reply a success, nor an authenticated refusal.
func TestRefusals(t *testing.T) {
	t.Parallel()
	statuses := []int{100, 199, 201, 202, 206, 299, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 409, 429, 500, 501, 502, 503, 504, 599, 999}
	for name, row := range calls() {
		for _, status := range statuses {
			t.Run(name+" "+http.StatusText(status), func(t *testing.T) {
				t.Parallel()
				a := signed(status, refusalBody)
				if !asked(status) {
					wantUnread(t, row.call(t, a), status)
					return
				}
				refused := refusal(t, row.call(t, a))
				want := v3json.Error{
					Code: "ORDER_CLOSED", Message: "订单已关闭", Authenticated: true,
					Envelope: v3json.Envelope{
						HTTPStatus: status, RequestID: requestID, Nonce: replyNonce,
						Signature: a.header.Get("Wechatpay-Signature"), Time: wireTime().UTC(),
					},
				}
				if *refused != want {
					t.Errorf("signed HTTP %d gives %+v, want %+v", status, *refused, want)
				}
				wantReason(t, row.call(t, a.with("Wechatpay-Nonce", "another")), wire.ReasonBadSignature)

				err := row.call(t, unsigned(status, refusalBody))
				if status/100 == 2 {
					wantReason(t, err, wire.ReasonUnsigned)
					return
				}
				want.Authenticated, want.Nonce, want.Signature, want.Time = false, "", "", time.Time{}
				if refused := refusal(t, err); *refused != want {
					t.Errorf("unsigned HTTP %d gives %+v, want %+v", status, *refused, want)
				}
			})
		}
	}
}

func TestUnsignedSuccessIsForged(t *testing.T) {
	t.Parallel()
	for name, row := range calls() {
		for _, status := range []int{http.StatusOK, http.StatusNoContent} {
			for _, body := range []string{"", directOrder, "<html>Please log in</html>"} {
				err := row.call(t, unsigned(status, body))
				if fault := disbelief(t, err, wire.ReasonUnsigned); fault.HTTPStatus != status {
					t.Errorf("%s: VerifyError is of HTTP %d, want %d", name, fault.HTTPStatus, status)
				}
			}
		}
	}
	_, err := closeWith(t, unsigned(http.StatusOK, "<html>").with("Content-Type", "text/html"))
	wantSays(t, "a captive portal", err, "6 bytes of text/html")
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	date := func(d time.Duration) string { return wireTime().Add(d).UTC().Format(http.TimeFormat) }
	tests := map[string]time.Duration{
		"":                     0,
		"0":                    0,
		"5":                    5 * time.Second,
		"86400":                24 * time.Hour,
		"86401":                24 * time.Hour,
		"99999999999999999999": 24 * time.Hour,
		"-5":                   0,
		"1.5":                  0,
		"soon":                 0,
		date(90 * time.Second): 90 * time.Second,
		date(-time.Hour):       0,
		date(48 * time.Hour):   24 * time.Hour,
	}
	for value, want := range tests {
		_, err := closeWith(t, unsigned(http.StatusTooManyRequests, "").with("Retry-After", value))
		if got := refusal(t, err).RetryAfter; got != want {
			t.Errorf("Retry-After %q gives %v, want %v", value, got, want)
		}
	}
}
