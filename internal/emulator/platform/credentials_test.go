package platform_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/traffic"
)

// testKey is a pair that the cloud of a test demands.
var testKey = access.Key{ID: "AKIDTEST", Secret: "the secret of the tests"}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func chain(secret string, steps ...string) string {
	key := []byte(secret)
	for _, step := range steps {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(step))
		key = h.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// host is the cloud's address as a Host header has it.
func (c *cloud) host() string { return strings.TrimPrefix(c.url, "http://") }

// awsHeaders sign a POST of a body, as AWS's SDKs do.
func (c *cloud) awsHeaders(key access.Key, path, body string, at time.Time) []string {
	date, scope := at.UTC().Format("20060102T150405Z"), at.UTC().Format("20060102")+"/us-east-1/lambda/aws4_request"
	canonical := "POST\n" + strings.ReplaceAll(path, "%", "%25") + "\n\nhost:" + c.host() + "\nx-amz-date:" + date + "\n\nhost;x-amz-date\n" + digest(body)
	steps := append(strings.Split(scope, "/"), "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+digest(canonical))
	return []string{"X-Amz-Date", date, "Authorization", "AWS4-HMAC-SHA256 Credential=" + key.ID + "/" + scope +
		", SignedHeaders=host;x-amz-date, Signature=" + chain("AWS4"+string(key.Secret), steps...)}
}

// tencentHeaders sign a POST of a body, as Tencent Cloud's SDKs do.
func (c *cloud) tencentHeaders(key access.Key, body string, at time.Time) []string {
	stamp, scope := fmt.Sprint(at.Unix()), at.UTC().Format(time.DateOnly)+"/scf/tc3_request"
	canonical := "POST\n/\n\ncontent-type:application/json\nhost:" + c.host() + "\n\ncontent-type;host\n" + digest(body)
	steps := append(strings.Split(scope, "/"), "TC3-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+digest(canonical))
	return []string{"Content-Type", "application/json", "X-TC-Action", "Invoke", "X-TC-Timestamp", stamp, "Authorization",
		"TC3-HMAC-SHA256 Credential=" + key.ID + "/" + scope + ", SignedHeaders=content-type;host, Signature=" + chain("TC3"+string(key.Secret), steps...)}
}

// cloudBaseHeaders sign a POST to /admin?env=e, as @cloudbase/node-sdk does.
func (c *cloud) cloudBaseHeaders(key access.Key, action, function, data string, at time.Time) []string {
	stamp, scope := fmt.Sprint(at.Unix()), at.UTC().Format(time.DateOnly)+"/tcb/tc3_request"
	params := "&action=" + action + "\r\n&function_name=" + function + "\r\n&request_data=" + data + "\r\n"
	canonical := "post\n//" + c.host() + "/admin\nenv=e\ncontent-type:application/json\nhost:" + c.host() + "\n\ncontent-type;host\n" + digest(params)
	steps := append(strings.Split(scope, "/"), "TC3-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+digest(canonical))
	return []string{"Content-Type", "application/json", "X-Timestamp", stamp, "Authorization",
		"TC3-HMAC-SHA256 Credential=" + key.ID + "/" + scope + ", SignedParams=action;function_name;request_data, SignedHeaders=content-type;host, Signature=" +
			chain("TC3"+string(key.Secret), steps...)}
}

// signed calls hello by each signed API, with a key at a time. Nothing is signed without an ID.
func (c *cloud) signed(key access.Key, at time.Time) map[string]answer {
	const event = `{"Text":"x"}`
	tencent := `{"FunctionName":"hello","ClientContext":"{\"Text\":\"x\"}"}`
	cloudBase := map[string]string{"action": "functions.invokeFunction", "function_name": "hello", "request_data": event, "wxCloudApiToken": ""}
	body, err := json.Marshal(cloudBase)
	if err != nil {
		c.t.Fatal(err)
	}
	aws := c.awsHeaders(key, invocations("hello"), event, at)
	tc := c.tencentHeaders(key, tencent, at)
	sdk := c.cloudBaseHeaders(key, cloudBase["action"], "hello", event, at)
	if key.ID == "" {
		aws, tc, sdk = nil, tc[:4], nil
	}
	return map[string]answer{
		"aws":       c.send(http.MethodPost, invocations("hello"), event, aws...),
		"tencent":   c.send(http.MethodPost, "/", tencent, tc...),
		"cloudbase": c.send(http.MethodPost, "/admin?env=e", string(body), sdk...),
	}
}

// With a key that is required, each SDK's signature is verified, and a wrong one refused in its
// cloud's words; the journal has the reason.
func TestRequiredKey(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{Keys: access.Keys{{ID: "OTHER", Secret: "other"}, testKey}})
	for way, got := range c.signed(testKey, time.Now()) {
		if got.status != http.StatusOK || !strings.Contains(got.body, "Hello x") {
			t.Errorf("%s: got %d %s, want 200 and the result", way, got.status, got.body)
		}
	}
	for name, q := range map[string]struct {
		key    access.Key
		at     time.Time
		words  map[string]string
		reason string
	}{
		"no signature": {access.Key{}, time.Now(), map[string]string{
			"aws": "Missing Authentication Token", "tencent": "AuthFailure.InvalidAuthorization", "cloudbase": "SIGN_PARAM_INVALID",
		}, "no header Authorization"},
		"unknown key": {access.Key{ID: "AKIDNOPE", Secret: testKey.Secret}, time.Now(), map[string]string{
			"aws": "The security token included in the request is invalid.", "tencent": "AuthFailure.SecretIdNotFound", "cloudbase": "secret id error",
		}, "AKIDNOPE"},
		"wrong secret": {access.Key{ID: testKey.ID, Secret: "wrong"}, time.Now(), map[string]string{
			"aws": "does not match the signature you provided", "tencent": "AuthFailure.SignatureFailure", "cloudbase": "signature is wrong",
		}, "its secret is another"},
		"old": {testKey, time.Now().Add(-time.Hour), map[string]string{
			"aws": "Signature expired", "tencent": "AuthFailure.SignatureExpire", "cloudbase": "signature is expired",
		}, "five minutes are allowed"},
	} {
		before := len(c.calls())
		for way, got := range c.signed(q.key, q.at) {
			if strings.Contains(got.body, "Hello") || !strings.Contains(got.body, q.words[way]) {
				t.Errorf("%s, %s: got %d %s, want %q", name, way, got.status, got.body, q.words[way])
			}
			if way == "aws" && (got.status != http.StatusForbidden || got.header.Get("X-Amzn-Errortype") == "" || got.header.Get("X-Amzn-Requestid") == "") {
				t.Errorf("%s, %s: got %d %v, want a 403 of AWS", name, way, got.status, got.header)
			}
		}
		for _, call := range c.calls()[before:] {
			if call.Verdict != traffic.VerdictRefused || !strings.Contains(call.Reason, q.reason) {
				t.Errorf("%s: the journal has %+v, want the reason %q", name, call, q.reason)
			}
		}
	}
}

// A key is required of SDKs that have one: what a browser or an HTTP client sends has none.
func TestRequiredKeyElsewhere(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{Keys: access.Keys{testKey}})
	for _, path := range []string{"/v1/functions/hello", "/http/hello/", "/tcb/hello/", "/aws/hello/"} {
		if got := c.send(http.MethodPost, path, `{"Text":"x"}`); got.status != http.StatusOK {
			t.Errorf("%s: got %d %s, want 200", path, got.status, got.body)
		}
	}
	web := c.send(http.MethodPost, "/web?env=e", `{"action":"functions.invokeFunction","function_name":"hello","request_data":"{\"Text\":\"x\"}"}`)
	if !strings.Contains(web.body, "Hello x") {
		t.Errorf("the JS SDK: got %d %s, want the result", web.status, web.body)
	}
	c.wantFailure(c.send(http.MethodPost, "/x", "{}"), http.StatusNotFound, "INVALID_PATH", "Invalid path")
	if got := c.send(http.MethodPost, "/admin?env=e", strings.Repeat("x", 4*platform.MaxPayload+1)); !strings.Contains(got.body, "EXCEED_REQUEST_SIZE_LIMIT") {
		t.Errorf("too large: got %d %.200s, want the refusal of its size", got.status, got.body)
	}
	got := c.send(http.MethodPost, "/2015-03-31/functions/hello", "{}", c.awsHeaders(testKey, "/2015-03-31/functions/hello", "{}", time.Now())...)
	if got.status != http.StatusNotFound || got.header.Get("X-Amzn-Errortype") != "UnknownOperationException" {
		t.Errorf("another operation: got %d %s, want that it is not played", got.status, got.body)
	}
	got = c.send(http.MethodPost, "/", "Action=GetCallerIdentity&Version=2011-06-15", "Content-Type", "application/x-www-form-urlencoded",
		"Authorization", "AWS4-HMAC-SHA256 Credential=AKIDNOPE/20261129/us-east-1/sts/aws4_request, SignedHeaders=host, Signature="+digest(""))
	if got.status != http.StatusForbidden || !strings.Contains(got.body, "<Code>UnrecognizedClientException</Code>") {
		t.Errorf("the query protocol: got %d %s, want XML", got.status, got.body)
	}
}
