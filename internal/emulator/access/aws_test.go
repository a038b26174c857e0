package access_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/access"
)

// The credentials of AWS's test suite for version 4 (docs.aws.amazon.com, "Signature Version 4 test
// suite"), and the time of all its requests.
var (
	suiteKeys = access.Keys{{ID: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}}
	suiteTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
)

const suiteToken = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUu" +
	"wthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo" +
	"0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

const unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// suite has the requests of the test suite that HTTP can send as they are. Paths that need an
// escape are not among them: the suite signs them as they stand in its files, and SDKs encode them
// twice.
var suite = []struct {
	name, method, query, body string
	path                      string
	header                    []string // names and values, besides Host and X-Amz-Date
	signed, signature         string
}{
	{name: "get-header-key-duplicate", method: "GET", header: []string{"My-Header1", "value2", "My-Header1", "value2", "My-Header1", "value1"}, signed: "host;my-header1;x-amz-date", signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
	{name: "get-header-value-order", method: "GET", header: []string{"My-Header1", "value4", "My-Header1", "value1", "My-Header1", "value3", "My-Header1", "value2"}, signed: "host;my-header1;x-amz-date", signature: "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
	{name: "get-header-value-trim", method: "GET", header: []string{"My-Header1", " value1", "My-Header2", ` "a   b   c"`}, signed: "host;my-header1;my-header2;x-amz-date", signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
	{name: "get-unreserved", method: "GET", path: "/" + unreserved, signed: "host;x-amz-date", signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
	{name: "get-vanilla", method: "GET", signed: "host;x-amz-date", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{name: "get-vanilla-empty-query-key", method: "GET", query: "Param1=value1", signed: "host;x-amz-date", signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
	{name: "get-vanilla-query-order-key-case", method: "GET", query: "Param2=value2&Param1=value1", signed: "host;x-amz-date", signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{name: "get-vanilla-query-unreserved", method: "GET", query: unreserved + "=" + unreserved, signed: "host;x-amz-date", signature: "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
	{name: "get-vanilla-utf8-query", method: "GET", query: "%E1%88%B4=bar", signed: "host;x-amz-date", signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
	{name: "post-header-key-sort", method: "POST", header: []string{"My-Header1", "value1"}, signed: "host;my-header1;x-amz-date", signature: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
	{name: "post-header-value-case", method: "POST", header: []string{"My-Header1", "VALUE1"}, signed: "host;my-header1;x-amz-date", signature: "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
	{name: "post-sts-header-before", method: "POST", header: []string{"X-Amz-Security-Token", suiteToken}, signed: "host;x-amz-date;x-amz-security-token", signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
	{name: "post-vanilla", method: "POST", signed: "host;x-amz-date", signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{name: "post-vanilla-query", method: "POST", query: "Param1=value1", signed: "host;x-amz-date", signature: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
	{name: "post-x-www-form-urlencoded", method: "POST", body: "Param1=value1", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, signed: "content-type;host;x-amz-date", signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	{name: "post-x-www-form-urlencoded-parameters", method: "POST", body: "Param1=value1", header: []string{"Content-Type", "application/x-www-form-urlencoded; charset=utf8"}, signed: "content-type;host;x-amz-date", signature: "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
}

// suiteRequest is a request of the suite.
func suiteRequest(i int) (*http.Request, []byte) {
	q := suite[i]
	path := q.path
	if path == "" {
		path = "/"
	}
	r := httptest.NewRequest(q.method, path, strings.NewReader(q.body))
	r.Host, r.URL.RawQuery = "example.amazonaws.com", q.query
	r.Header.Set("X-Amz-Date", suiteTime.Format("20060102T150405Z"))
	for i := 0; i < len(q.header); i += 2 {
		r.Header.Add(q.header[i], q.header[i+1])
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="+
		q.signed+", Signature="+q.signature)
	return r, []byte(q.body)
}

func TestAWSSuite(t *testing.T) {
	t.Parallel()
	for i, q := range suite {
		r, body := suiteRequest(i)
		if err := suiteKeys.VerifyAWS(r, body, "service", suiteTime); err != nil {
			t.Errorf("%s: %v", q.name, err)
		}
	}
}

// wantKind fails the test unless a request is refused for this reason, without the secret in it.
func wantKind(t *testing.T, what string, err error, want access.Kind) {
	t.Helper()
	refusal, is := errors.AsType[*access.Error](err)
	if !is || refusal.Kind != want {
		t.Errorf("%s: got %v, want a refusal of kind %d", what, err, want)
		return
	}
	if refusal.Reason == "" || strings.Contains(refusal.Reason, string(suiteKeys[0].Secret)) {
		t.Errorf("%s: got the reason %q", what, refusal.Reason)
	}
}

// Whatever is changed in a signed request, it is refused.
func TestAWSChanged(t *testing.T) {
	t.Parallel()
	const form = 14 // post-x-www-form-urlencoded
	sum := sha256.Sum256([]byte("Param1=value1"))
	for name, q := range map[string]struct {
		change func(*http.Request)
		want   access.Kind
	}{
		"method":           {func(r *http.Request) { r.Method = http.MethodPut }, access.Wrong},
		"path":             {func(r *http.Request) { r.URL.Path = "/a" }, access.Wrong},
		"query":            {func(r *http.Request) { r.URL.RawQuery = "a=1" }, access.Wrong},
		"query twice":      {func(r *http.Request) { r.URL.RawQuery = "a=1&a=2" }, access.Wrong},
		"query unreadable": {func(r *http.Request) { r.URL.RawQuery = "a=%zz" }, access.Wrong},
		"host":             {func(r *http.Request) { r.Host = "example.com" }, access.Wrong},
		"signed header":    {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, access.Wrong},
		"other region": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "us-east-1", "us-east-2", 1))
		}, access.Wrong},
		"other service": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/service/", "/lambda/", 1))
		}, access.Malformed},
		"other day": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "20150830", "20150831", 1))
		}, access.Malformed},
		"no terminator": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "aws4_request", "aws", 1))
		}, access.Malformed},
		"unsigned host": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), ";host", "", 1))
		}, access.Malformed},
		"signature too short": {func(r *http.Request) {
			r.Header.Set("Authorization", r.Header.Get("Authorization")[:150])
		}, access.Malformed},
		"no credential": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Credential", "Credentials", 1))
		}, access.Malformed},
		"another algorithm": {func(r *http.Request) { r.Header.Set("Authorization", "Bearer token") }, access.Malformed},
		"no signature":      {func(r *http.Request) { r.Header.Del("Authorization") }, access.Missing},
		"another key": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AKIDEXAMPLE", "AKIDOTHER", 1))
		}, access.Unknown},
		"no date":   {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, access.Malformed},
		"body hash": {func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", strings.Repeat("0", 64)) }, access.Wrong},
	} {
		r, body := suiteRequest(form)
		q.change(r)
		wantKind(t, name, suiteKeys.VerifyAWS(r, body, "service", suiteTime), q.want)
	}
	r, _ := suiteRequest(form)
	wantKind(t, "body", suiteKeys.VerifyAWS(r, []byte("Param1=value2"), "service", suiteTime), access.Wrong)
	r, body := suiteRequest(form)
	wantKind(t, "secret", access.Keys{{ID: "AKIDEXAMPLE", Secret: "another"}}.VerifyAWS(r, body, "service", suiteTime), access.Wrong)
	wantKind(t, "old", suiteKeys.VerifyAWS(r, body, "service", suiteTime.Add(6*time.Minute)), access.Expired)
	wantKind(t, "from the future", suiteKeys.VerifyAWS(r, body, "service", suiteTime.Add(-6*time.Minute)), access.Expired)
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:])) // as it is declared by some SDKs, unsigned here
	if err := suiteKeys.VerifyAWS(r, body, "service", suiteTime.Add(4*time.Minute)); err != nil {
		t.Errorf("four minutes old: %v", err)
	}
}

// Each byte of a signature counts.
func TestAWSSignatureBytes(t *testing.T) {
	t.Parallel()
	r, body := suiteRequest(0)
	header := r.Header.Get("Authorization")
	begin := strings.Index(header, "Signature=") + len("Signature=")
	for i := begin; i < len(header); i++ {
		other := byte('0')
		if header[i] == '0' {
			other = '1'
		}
		r.Header.Set("Authorization", header[:i]+string(other)+header[i+1:])
		wantKind(t, "byte", suiteKeys.VerifyAWS(r, body, "service", suiteTime), access.Wrong)
	}
}
