package access_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/access"
)

// The example of Tencent Cloud's document on signatures (cloud.tencent.com/document/api/213/30654,
// in its edition with whole keys).
var (
	tencentKeys = access.Keys{{ID: "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", Secret: "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"}}
	tencentTime = time.Unix(1551113065, 0)
)

const (
	tencentBody   = `{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`
	tencentHeader = "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, " +
		"SignedHeaders=content-type;host, Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
)

func tencentRequest() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tencentBody))
	r.Host = "cvm.tencentcloudapi.com"
	for name, value := range map[string]string{
		"Authorization": tencentHeader, "Content-Type": "application/json; charset=utf-8", "X-TC-Action": "DescribeInstances",
		"X-TC-Timestamp": "1551113065", "X-TC-Version": "2017-03-12", "X-TC-Region": "ap-guangzhou",
	} {
		r.Header.Set(name, value)
	}
	return r
}

func TestTencentExample(t *testing.T) {
	t.Parallel()
	if err := tencentKeys.VerifyTencent(tencentRequest(), []byte(tencentBody), "cvm", tencentTime); err != nil {
		t.Error(err)
	}
}

// Whatever is changed in a signed request, it is refused.
func TestTencentChanged(t *testing.T) {
	t.Parallel()
	replace := func(old, by string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", strings.Replace(tencentHeader, old, by, 1)) }
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, q := range map[string]struct {
		change func(*http.Request)
		want   access.Kind
	}{
		"method":             {func(r *http.Request) { r.Method = http.MethodGet }, access.Wrong},
		"query":              {func(r *http.Request) { r.URL.RawQuery = "a=1" }, access.Wrong},
		"host":               {func(r *http.Request) { r.Host = "scf.tencentcloudapi.com" }, access.Wrong},
		"content type":       {set("Content-Type", "application/json"), access.Wrong},
		"signature":          {replace("72e4", "72e5"), access.Wrong},
		"no timestamp":       {set("X-TC-Timestamp", ""), access.Malformed},
		"odd timestamp":      {set("X-TC-Timestamp", "+1551113065"), access.Malformed},
		"another day":        {replace("2019-02-25", "2019-02-26"), access.Malformed},
		"another service":    {replace("/cvm/", "/scf/"), access.Malformed},
		"no terminator":      {replace("tc3_request", "tc3"), access.Malformed},
		"unsigned host":      {replace(";host", ""), access.Malformed},
		"another algorithm":  {replace("TC3-HMAC-SHA256", "TC3-HMAC-SM3"), access.Malformed},
		"another key":        {replace("EXAMPLE/", "EXAMPLES/"), access.Unknown},
		"no header":          {set("Authorization", ""), access.Missing},
		"unsigned payload":   {set("X-TC-Content-SHA256", "UNSIGNED-PAYLOAD"), access.Wrong},
		"no signed headers":  {replace("SignedHeaders=content-type;host, ", ""), access.Malformed},
		"signature no digit": {replace("72e4", "zzzz"), access.Malformed},
	} {
		r := tencentRequest()
		q.change(r)
		wantKind(t, name, tencentKeys.VerifyTencent(r, []byte(tencentBody), "cvm", tencentTime), q.want)
	}
	for i := range tencentBody {
		body := []byte(tencentBody)
		body[i] ^= 1
		wantKind(t, "body", tencentKeys.VerifyTencent(tencentRequest(), body, "cvm", tencentTime), access.Wrong)
	}
	wantKind(t, "old", tencentKeys.VerifyTencent(tencentRequest(), []byte(tencentBody), "cvm", tencentTime.Add(6*time.Minute)), access.Expired)
	wantKind(t, "secret", access.Keys{{ID: tencentKeys[0].ID, Secret: "another"}}.VerifyTencent(
		tencentRequest(), []byte(tencentBody), "cvm", tencentTime), access.Wrong)
}
