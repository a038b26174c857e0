package paygate_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestNotPlayedV2: a call that is not played gets APIv2's own form, with a sentence that names it.
func TestNotPlayedV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{
		"/pay/", "/pay/downloadbill", "/pay/closecombinedorder", "/pay/report", "/secapi/pay/refund2", "/secapi/mch/submchmanage",
		"/mmpaymkttransfers/promotion/transfers", "/mmpaymkttransfers/sendredpack", "/risk/getpublickey", "/tools/shorturl", "/papay/querycontract",
		"/sandboxnew/pay/orderquery", "/sandboxnew/pay/getsignkey", "/xdc/apiv2sandbox/pay/micropay", "/deposit/micropay", "/payitil/report",
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			got := s.mustExchange(method, path, "<xml></xml>", http.Header{})
			fields := parseXML(t, got.body)
			if got.status != http.StatusOK || fields["return_code"] != "FAIL" ||
				!strings.Contains(fields["return_msg"], "does not play "+method+" "+path) {
				t.Errorf("%s %s: status %d %s, want return_code FAIL and a sentence", method, path, got.status, got.body)
			}
			if _, signed := fields["sign"]; signed {
				t.Errorf("%s %s: the reply to an unauthenticated request is signed", method, path)
			}
			s.wantLast("not-found", "played are POST /pay/closeorder, ")
		}
	}
}

// TestNotPlayedCloudRun: the link's own form is an errcode.
func TestNotPlayedCloudRun(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/_/pay/unifiedorder", "/_/pay/refund", "/_/pay/orderquery", "/_/pay/"} {
		got := s.mustExchange(http.MethodPost, path, "{}", http.Header{})
		got.wantErrcode(40066)
		if text, _ := got.json()["errmsg"].(string); !strings.Contains(text, "does not play POST "+path) {
			t.Errorf("%s: errmsg %q does not name the call", path, text)
		}
		s.wantLast("not-found", "/_/pay/queryorder")
	}
}

// TestNoPath: what no API has is answered in the form that the request has.
func TestNoPath(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, test := range []struct {
		method, path, body, kind string
		xml                      bool
	}{
		{"POST", "/", "<xml></xml>", "", true},
		{"POST", "/wx/pay/unifiedorder", "", "text/xml", true},
		{"POST", "/payment", "\n <xml/>", "application/octet-stream", true},
		{"GET", "/", "", "", false},
		{"POST", "/v4/pay/transactions/native", "{}", "application/json", false},
		{"PUT", "/favicon.ico", "", "", false},
	} {
		header := http.Header{}
		if test.kind != "" {
			header.Set("Content-Type", test.kind)
		}
		got := s.mustExchange(test.method, test.path, test.body, header)
		if test.xml {
			v2Answer{answer: got, fields: parseXML(t, got.body)}.wantFields(pair{"return_code", "FAIL"})
		} else {
			got.wantStatus(http.StatusNotFound).wantJSON(map[string]any{"code": "NOT_PLAYED"})
		}
		if !strings.Contains(got.body, "does not play "+test.method+" "+test.path) {
			t.Errorf("%s %s: %s does not name the call", test.method, test.path, got.body)
		}
		s.wantLast("not-found", "no API has this path")
	}
	long := s.mustExchange(http.MethodGet, "/"+strings.Repeat("x", 10_000), "", http.Header{})
	if len(long.body) > 1_000 {
		t.Errorf("the reply repeats %d bytes of a stranger's path", len(long.body))
	}
}
