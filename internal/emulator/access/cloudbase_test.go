package access_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/access"
)

// cloudBaseKeys are what the requests below were signed with.
var cloudBaseKeys = access.Keys{{ID: "any", Secret: "any"}}

// sdkRequest is a request as one of CloudBase's SDKs sent it. There is no document on these
// signatures; bench/clients has the SDKs themselves sign.
type sdkRequest struct {
	url, host, agent, source, version string
	at                                time.Time
	client                            string // x-client-timestamp
	params, signature                 string
	body                              string
}

var sdkRequests = map[string]sdkRequest{
	// cloudbase.init({env: 'cloudpay-local', secretId: 'any', secretKey: 'any', serviceUrl})
	//   .callFunction({name: 'hello', data: {Text: '中文 x', n: {a: [1, 2.50, null]}}})
	"@cloudbase/node-sdk 3.18.3": {
		url: "/admin?env=cloudpay-local&seqId=1a22884c797_1", host: "127.0.0.1:45593", agent: "tcb-node-sdk/3.18.3",
		source: ",unknown", version: "tcb-node-sdk/3.18.3", at: time.Unix(1795976119, 0), client: "1795976120214",
		params:    "action;envname;function_name;request_data",
		signature: "45b5977858028ee121008af3aef39fe0e063aa6d50d7cbbb8c900edf9a0023ba",
		body: `{"action":"functions.invokeFunction","function_name":"hello","request_data":"{\"Text\":\"中文 x\",\"n\":{\"a\":[1,2.5,null]}}",` +
			`"envName":"cloudpay-local","wxCloudApiToken":"","wxCloudbaseAccesstoken":"","tcb_sessionToken":"","crossAuthorizationToken":""}`,
	},
	// The same by TCB_CONTEXT_CNFG. It lists parameters that it does not sign: they are empty.
	"wx-server-sdk 3.0.4": {
		url: "/admin?&eventId=1a2288468b2_1&seqId=1a2288468b2_1", host: "127.0.0.1:42373", agent: "tcb-node-sdk/2.10.0",
		source: ",not_scf", version: "wx-server-sdk/3.0.4", at: time.Unix(1795976095, 0), client: "1795976095921",
		params: "action;crossauthorizationtoken;envname;eventid;function_name;request_data;tcb_sessiontoken;wxcloudapitoken;" +
			"wxcloudbaseaccesstoken",
		signature: "4adc0a22ea650abafd142be52034f40f3103fdab60d0b6d81890017d5353644f",
		body: `{"action":"functions.invokeFunction","function_name":"hello","request_data":"{\"Text\":\"中文 x\",\"n\":{\"a\":[1,2.5,null]}}",` +
			`"envName":"cloudpay-local","eventId":"1a2288468b2_1","wxCloudApiToken":"","wxCloudbaseAccesstoken":"","tcb_sessionToken":"",` +
			`"crossAuthorizationToken":""}`,
	},
}

func (q sdkRequest) request() *http.Request {
	r := httptest.NewRequest(http.MethodPost, q.url, strings.NewReader(q.body))
	r.Host = q.host
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": q.agent, "X-Tcb-Source": q.source, "X-Client-Timestamp": q.client,
		"X-Sdk-Version": q.version, "X-Signature-Expires": "600", "X-Timestamp": fmt.Sprint(q.at.Unix()),
		"Authorization": "TC3-HMAC-SHA256 Credential=any/2026-11-29/tcb/tc3_request, SignedParams=" + q.params +
			", SignedHeaders=content-type;host;user-agent;x-client-timestamp;x-sdk-version;x-tcb-source, Signature=" + q.signature,
	} {
		r.Header.Set(name, value)
	}
	return r
}

func TestCloudBaseSDKs(t *testing.T) {
	t.Parallel()
	for name, q := range sdkRequests {
		if err := cloudBaseKeys.VerifyCloudBase(q.request(), []byte(q.body), q.at); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever is changed in a signed request, it is refused.
func TestCloudBaseChanged(t *testing.T) {
	t.Parallel()
	q := sdkRequests["@cloudbase/node-sdk 3.18.3"]
	header := q.request().Header.Get("Authorization")
	for name, one := range map[string]struct {
		change func(*http.Request)
		body   string
		want   access.Kind
	}{
		"function":         {func(*http.Request) {}, strings.Replace(q.body, "hello", "other", 1), access.Wrong},
		"data":             {func(*http.Request) {}, strings.Replace(q.body, "2.5", "2.6", 1), access.Wrong},
		"parameter gone":   {func(*http.Request) {}, strings.Replace(q.body, "envName", "env", 1), access.Wrong},
		"no JSON":          {func(*http.Request) {}, "action=a", access.Malformed},
		"query":            {func(r *http.Request) { r.URL.RawQuery = "env=other" }, q.body, access.Wrong},
		"path":             {func(r *http.Request) { r.URL.Path = "/web" }, q.body, access.Wrong},
		"host":             {func(r *http.Request) { r.Host = "127.0.0.1:1" }, q.body, access.Wrong},
		"source":           {func(r *http.Request) { r.Header.Set("X-Tcb-Source", "wx_client") }, q.body, access.Wrong},
		"content type":     {func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") }, q.body, access.Wrong},
		"time":             {func(r *http.Request) { r.Header.Set("X-Timestamp", fmt.Sprint(q.at.Unix()+1)) }, q.body, access.Wrong},
		"no time":          {func(r *http.Request) { r.Header.Del("X-Timestamp") }, q.body, access.Malformed},
		"fewer parameters": {func(r *http.Request) { r.Header.Set("Authorization", strings.Replace(header, ";request_data", "", 1)) }, q.body, access.Wrong},
		"no parameters": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(header, " SignedParams="+q.params+",", "", 1))
		}, q.body, access.Wrong},
		"another service": {func(r *http.Request) { r.Header.Set("Authorization", strings.Replace(header, "/tcb/", "/scf/", 1)) }, q.body, access.Malformed},
		"an older way":    {func(r *http.Request) { r.Header.Set("Authorization", "q-sign-algorithm=sha1&q-ak=any") }, q.body, access.Malformed},
		"nothing":         {func(r *http.Request) { r.Header.Del("Authorization") }, q.body, access.Missing},
	} {
		r := q.request()
		one.change(r)
		wantKind(t, name, cloudBaseKeys.VerifyCloudBase(r, []byte(one.body), q.at), one.want)
	}
	wantKind(t, "secret", access.Keys{{ID: "any", Secret: "another"}}.VerifyCloudBase(q.request(), []byte(q.body), q.at), access.Wrong)
	wantKind(t, "key", access.Keys{{ID: "another", Secret: "any"}}.VerifyCloudBase(q.request(), []byte(q.body), q.at), access.Unknown)
	wantKind(t, "old", cloudBaseKeys.VerifyCloudBase(q.request(), []byte(q.body), q.at.Add(time.Hour)), access.Expired)
	r := q.request()
	r.URL.Path = "/"
	wantKind(t, "root", cloudBaseKeys.VerifyCloudBase(r, []byte(q.body), q.at), access.Wrong)
}
