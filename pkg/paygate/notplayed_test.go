package paygate_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestNotPlayedV3: what is not played says so in APIv3's form, signed to a merchant.
func TestNotPlayedV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, test := range []struct {
		method, uri string
		status      int
	}{
		{"GET", "/v3/marketing/favor/coupons?a=1", 404}, {"POST", "/v3/profitsharing/orders", 404}, {"DELETE", "/v3/", 404},
		{"POST", "/v3/global/transactions/jsapi", 404}, {"POST", "/hk/v3/transactions/mweb", 404},
		{"GET", "/v3/pay/transactions/jsapi", 405}, {"POST", "/v3/certificates", 405}, {"PUT", "/v3/security/echo", 405},
	} {
		req := v3Request{method: test.method, uri: test.uri}
		if test.method != "GET" {
			req.body = `{"a":1}`
		}
		got := s.v3(req).wantCode(test.status, "NOT_PLAYED")
		path, _, _ := strings.Cut(test.uri, "?")
		message, _ := got.json()["message"].(string)
		if !strings.Contains(message, "does not play "+test.method+" "+path) {
			t.Errorf("%s %s: the message is %q", test.method, test.uri, message)
		}
		if last := s.last(); last.Verdict != "not-found" || last.Reason == "" || last.Code != "NOT_PLAYED" || last.API != "v3" {
			t.Errorf("%s %s: history says %+v", test.method, test.uri, last)
		}
		if test.status == 405 && got.header.Get("Allow") == "" {
			t.Errorf("%s %s: there is no Allow", test.method, test.uri)
		}
		anonymous := v3Answer{answer: s.mustExchange(test.method, test.uri, "", http.Header{}), session: s}.wantUnsigned(test.status)
		if anonymous.json()["code"] != "NOT_PLAYED" {
			t.Errorf("%s %s unsigned: %s", test.method, test.uri, anonymous.body)
		}
	}
	long := v3Answer{answer: s.mustExchange("GET", "/v3/"+strings.Repeat("x", 500), "", http.Header{}), session: s}.wantUnsigned(404)
	if len(long.body) > 400 {
		t.Errorf("the message repeats all of a long path: %s", long.body)
	}
}
