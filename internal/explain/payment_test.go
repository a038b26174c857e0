package explain_test

import (
	"testing"

	"cloudpay/internal/diagnosis"
	"cloudpay/internal/explain"
)

// The example of APIv2 in this test was signed with a key of the test's own: md5sum of
// appId=…&nonceStr=…&package=…&signType=MD5&timeStamp=…&key=….
const (
	payKey    = "cloudpayV2key0123456789abcdefABC"
	payObject = `"timeStamp":"1795912140","nonceStr":"abc123DEF456ghi789JKL012mno345PQ",` +
		`"package":"prepay_id=wx29083000000000000000000000000001","signType":"MD5"`
	paySigned = `"paySign":"92DB2111C4516F408653ECEA31D9789F"`
)

// TestPayments: an object to pay with is recognised, judged with the keys, and its mistakes named;
// without an appid or a key it is never fine.
func TestPayments(t *testing.T) {
	t.Parallel()
	keys := diagnosis.Keys{V2Key: payKey, AppID: "wx1234567890abcdef"}
	for _, test := range []struct {
		text    string
		keys    diagnosis.Keys
		verdict explain.Verdict
		first   string
	}{
		{"{" + payObject + "," + paySigned + "}", keys, explain.Fine, ""},
		{`{"package":"x","partnerid":"1","prepayid":"2","sign":"3"}`, keys, explain.Fault, "pay-sign-field-missing"},
		{"{" + payObject + `,"paySign":"92db2111c4516f408653ecea31d9789f"}`, keys, explain.Fault, "pay-sign-small-letters"},
		{"{" + payObject + `,"paySign":"00db2111c4516f408653ecea31d9789f"}`, keys, explain.Unknown, "pay-sign-other"},
		{"{\"appId\":\"wx1234567890abcdef\"," + payObject + `,"paySign":"00db2111c4516f408653ecea31d9789f"}`, keys, explain.Fault, "pay-sign-other"},
		{`{"timeStamp":1795912140,` + paySigned + "}", keys, explain.Fault, "pay-sign-field-type"},
		{"{" + payObject + "," + paySigned + "}", diagnosis.Keys{V2Key: payKey}, explain.Unknown, "pay-sign-key-form"},
		{"{" + payObject + "," + paySigned + "}", diagnosis.Keys{}, explain.Unknown, "pay-sign-key-form"},
	} {
		answers := explain.Explain(explain.Read([]byte(test.text)), test.keys)
		if len(answers) != 1 {
			t.Fatalf("%s: got %d answers, want one", test.text, len(answers))
		}
		got, first := answers[0], ""
		if len(got.Findings) > 0 {
			first = string(got.Findings[0].ID)
		}
		if got.Verdict != test.verdict || first != test.first {
			t.Errorf("%s: got %s (%q), want %s (%q)", test.text, got.Verdict, first, test.verdict, test.first)
		}
	}
}
