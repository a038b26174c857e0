package paygate_test

import (
	"net/http"
	"strings"
	"testing"
)

// documentedCall is a call that WeChat Pay's documents have.
type documentedCall struct {
	method, path string
	// whether the emulator plays it
	played bool
}

// documentedV3 are the calls of APIv3 around an order: placing, closing, querying, reversing,
// refunding, bills, certificates and the self-test, on the mainland and overseas.
func documentedV3() []documentedCall {
	calls := []documentedCall{
		{"GET", "/v3/combine-transactions/out-trade-no/EMU001", true}, {"POST", "/v3/combine-transactions/out-trade-no/EMU001/close", true},
		{"GET", "/v3/combine-transactions/id/42", false},
		{"POST", "/v3/pay/transactions/out-trade-no/EMU001/reverse", true}, {"POST", "/v3/pay/partner/transactions/out-trade-no/EMU001/reverse", true},
		{"POST", "/v3/global/micropay/transactions/out-trade-no/EMU001/reverse", true}, {"POST", "/v3/global/micropay/transactions/id/42/reverse", true},
		{"POST", "/hk/v3/transactions/out-trade-no/EMU001/reverse", true}, {"POST", "/hk/v3/transactions/transaction_id/42/reverse", true},
		{"POST", "/v3/refund/domestic/refunds", true}, {"GET", "/v3/refund/domestic/refunds/R1", true},
		{"POST", "/v3/refund/domestic/refunds/42/apply-abnormal-refund", false},
		{"POST", "/v3/global/refunds", false}, {"GET", "/v3/global/refunds/out-refund-no/R1", false}, {"GET", "/v3/global/refunds/id/42", false},
		{"POST", "/hk/v3/refunds", false}, {"GET", "/hk/v3/refunds/out-refund-no/R1", false},
		{"GET", "/v3/bill/tradebill?bill_date=2026-11-28&bill_type=ALL", false}, {"GET", "/v3/bill/fundflowbill?bill_date=2026-11-28", false},
		{"GET", "/v3/billdownload/file?token=x", false}, {"GET", "/v3/global/statements?date=20261128", false},
		{"POST", "/v3/repayment/combine-transactions/partner/out-trade-no/EMU001/close", false},
		{"GET", "/v3/repayment/combine-transactions/partner/out-trade-no/EMU001", false},
		{"POST", "/v3/security/echo", true},
		{"GET", "/v3/certificates", true}, {"GET", "/v3/global/certificates", true}, {"GET", "/hk/v3/certificates", true},
		{"POST", "/v3/global/micropay/transactions/pay", false}, {"POST", "/hk/v3/transactions/micropay", false},
	}
	for _, kind := range []string{"jsapi", "native", "app", "h5", "codepay"} {
		calls = append(calls, documentedCall{"POST", "/v3/pay/transactions/" + kind, true}, documentedCall{"POST", "/v3/pay/partner/transactions/" + kind, true})
	}
	for _, kind := range []string{"jsapi", "native", "app", "h5"} {
		calls = append(calls, documentedCall{"POST", "/v3/combine-transactions/" + kind, true})
	}
	for _, kind := range []string{"jsapi", "native", "app", "mweb"} { // overseas
		calls = append(calls, documentedCall{"POST", "/v3/global/transactions/" + kind, false}, documentedCall{"POST", "/hk/v3/transactions/" + kind, false})
	}
	for _, folder := range []string{"/v3/pay/transactions/", "/v3/pay/partner/transactions/", "/v3/global/transactions/", "/hk/v3/transactions/"} {
		calls = append(calls, documentedCall{"POST", folder + "out-trade-no/EMU001/close", true},
			documentedCall{"GET", folder + "out-trade-no/EMU001", true}, documentedCall{"GET", folder + "id/42", true})
	}
	for _, folder := range []string{"/v3/global/transactions/", "/hk/v3/transactions/"} {
		calls = append(calls, documentedCall{"POST", folder + "id/42/close", true})
	}
	return calls
}

// TestDocumentedV3: every call of APIv3, played or not, is answered signed and in APIv3's form; one
// that is not played says so in a sentence that names it.
func TestDocumentedV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, call := range documentedV3() {
		req := v3Request{method: call.method, uri: call.path}
		if call.method == http.MethodPost {
			req.body = `{"nothing":"of use"}`
		}
		got := s.v3(req)
		if got.signature() != s.PublicKeyID() {
			t.Errorf("%s %s: the reply is signed by %s", call.method, call.path, got.signature())
		}
		if got.status == http.StatusOK {
			continue // the certificates
		}
		code, _ := got.json()["code"].(string)
		message, _ := got.json()["message"].(string)
		path, _, _ := strings.Cut(call.path, "?")
		path = path[:min(len(path), 64)] // of a longer one no more is repeated
		says := strings.Contains(message, "this emulated WeChat Pay does not play "+call.method+" "+path)
		if code == "" || message == "" || (code != "NOT_PLAYED") != call.played || says == call.played {
			t.Errorf("%s %s (played: %t) is answered %d %s", call.method, call.path, call.played, got.status, got.body)
		}
		if notFound := s.last().Verdict == "not-found"; notFound == call.played || s.last().Reason == "" {
			t.Errorf("%s %s: history says %+v", call.method, call.path, s.last())
		}
	}
}

// TestDocumentedV2 is the same for APIv2, whose HTTP status is always 200, and for wxcloudrun.
func TestDocumentedV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	for path, played := range map[string]bool{
		"/pay/unifiedorder": true, "/pay/micropay": true, "/pay/orderquery": true, "/pay/closeorder": true, "/pay/refundquery": true,
		"/secapi/pay/refund": true, "/secapi/pay/reverse": true,
		"/pay/closecombinedorder": false, "/pay/downloadbill": false, "/pay/downloadfundflow": false, "/pay/report": false,
		"/billcommentsp/batchquerycomment": false, "/tools/shorturl": false, "/tools/authcodetoopenid": false,
		"/sandboxnew/pay/orderquery": false, "/sandboxnew/pay/getsignkey": false, "/xdc/apiv2getsignkey/sign/getsignkey": false,
		"/xdc/apiv2sandbox/pay/micropay": false, "/xdc/apiv2sandbox/pay/orderquery": false,
	} {
		req := s.closeV2("EMU001")
		req.path = path
		got := s.v2(req)
		says := strings.Contains(got.fields["return_msg"], "this emulated WeChat Pay does not play POST "+path)
		if got.status != http.StatusOK || got.fields["return_code"] == "" || (got.fields["return_code"] == "FAIL") == played || says == played {
			t.Errorf("%s (played: %t) is answered %d %s", path, played, got.status, got.body)
		}
		if notFound := s.last().Verdict == "not-found"; notFound == played || s.last().Reason == "" {
			t.Errorf("%s: history says %+v", path, s.last())
		}
	}
	for path, played := range map[string]bool{
		"/_/pay/closeorder": true, "/_/pay/queryorder": true,
		"/_/pay/unifiedorder": false, "/_/pay/refund": false, "/_/pay/queryrefund": false, "/_/pay/micropay": false, "/_/pay/reverse": false,
	} {
		got := s.mustExchange(http.MethodPost, path, `{"sub_mch_id":"`+s.Merchant.MchID+`","out_trade_no":"EMU001"}`, http.Header{})
		number, _ := got.json()["errcode"].(float64)
		message, _ := got.json()["errmsg"].(string)
		says := strings.Contains(message, "does not play POST "+path)
		if got.status != http.StatusOK || (number == 0) != played || says == played {
			t.Errorf("%s (played: %t) is answered %d %s", path, played, got.status, got.body)
		}
	}
}
