package access_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"cloudpay/internal/emulator/access"
)

// Whatever a request says, nothing but the signature of this very request is believed, and nothing
// breaks.
func FuzzVerify(f *testing.F) {
	f.Add(tencentHeader, "application/json", "1551113065", `{"action":"a"}`)
	f.Add("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00", "", "20150830T123600Z", "")
	f.Add("TC3-HMAC-SHA256 Credential=a/b/c/d, SignedParams=action;a, SignedHeaders=;, Signature=", "multipart/form-data", "-1", "{")
	f.Fuzz(func(t *testing.T, authorization, kind, date, body string) {
		r := httptest.NewRequest(http.MethodPost, "/admin?env=a", nil)
		r.Header = http.Header{
			"Authorization": {authorization}, "Content-Type": {kind}, "X-Amz-Date": {date}, "X-Tc-Timestamp": {date}, "X-Timestamp": {date},
		}
		keys := access.Keys{{ID: "AKIDEXAMPLE", Secret: "secret of the fuzzer"}, {ID: "a", Secret: "b"}}
		for name, err := range map[string]error{
			"AWS":       keys.VerifyAWS(r, []byte(body), "lambda", suiteTime),
			"Tencent":   keys.VerifyTencent(r, []byte(body), "scf", tencentTime),
			"CloudBase": keys.VerifyCloudBase(r, []byte(body), tencentTime),
		} {
			if refusal, is := errors.AsType[*access.Error](err); !is || refusal.Kind == 0 || refusal.Reason == "" {
				t.Errorf("%s: got %v, want a refusal", name, err)
			}
		}
	})
}
