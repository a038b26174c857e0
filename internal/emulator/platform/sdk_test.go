package platform_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// sdkCall is a call as @cloudbase/node-sdk 3.18.3 sends it, less the signature.
func sdkCall(name, event string) string {
	body, _ := json.Marshal(map[string]string{
		"action": "functions.invokeFunction", "function_name": name, "request_data": event, "envName": "env-1",
		"wxCloudApiToken": "", "wxCloudbaseAccesstoken": "", "tcb_sessionToken": "", "crossAuthorizationToken": "",
	})
	return string(body)
}

func TestSDKCall(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	for _, path := range []string{"/admin?env=env-1&seqId=1", "/web?env=env-1", "/", "/any/where?&eventId=1&seqId=2"} {
		got := c.send(http.MethodPost, path, sdkCall("hello", `{"Text":"World"}`))
		want := `{"data":{"response_data":"\"Hello World\""},"requestId":"` + got.requestID + `"}`
		if got.status != http.StatusOK || strings.TrimSpace(got.body) != want {
			t.Errorf("%s: got %d %s, want 200 %s", path, got.status, got.body, want)
		}
	}
	for name, body := range map[string]string{
		"event not a string": `{"action":"functions.invokeFunction","function_name":"hello","request_data":{"Text":"World"}}`,
		"latest version":     strings.Replace(sdkCall("hello", `{"Text":"World"}`), `{`, `{"qualifier":"$LATEST",`, 1),
	} {
		if got := c.send(http.MethodPost, "/admin", body); !strings.Contains(got.body, "Hello World") {
			t.Errorf("%s: got %d %s, want the result", name, got.status, got.body)
		}
	}
	if got := c.send(http.MethodPost, "/admin", `{"action":"functions.invokeFunction","function_name":"hello"}`); !strings.Contains(got.body, `\"Hello \"`) {
		t.Errorf("no event: got %d %s, want it taken for {}", got.status, got.body)
	}
}

// The SDKs always get an envelope with HTTP status 200.
func TestSDKRefusals(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	c.addHurried()
	c.world.Functions["web"] = start(t, as(platform.Web)).Function
	tooLarge := `{"Text":"` + strings.Repeat("x", platform.MaxPayload) + `"}`
	cases := map[string]struct{ body, code, words string }{
		"not JSON":         {"{", "INVALID_PARAM", "reading the request"},
		"no body":          {"", "INVALID_PARAM", "reading the request"},
		"another action":   {`{"action":"database.getDocument"}`, "INVALID_ACTION", `"database.getDocument"`},
		"no such function": {sdkCall("nope", "{}"), "FUNCTION_NOT_FOUND", `FunctionName parameter could not be found: there is no function "nope"`},
		"web function":     {sdkCall("web", "{}"), "FUNCTIONS_PARAM_INVALID", "FunctionType parameter is invalid"},
		"event not JSON":   {sdkCall("hello", "{"), "INVALID_PARAM", "not JSON"},
		"event too large":  {sdkCall("hello", tooLarge), "EXCEED_REQUEST_SIZE_LIMIT", "6291456"},
		"call too large":   {strings.Repeat(" ", 4*platform.MaxPayload+1), "EXCEED_REQUEST_SIZE_LIMIT", "25165824"},
		"another version":  {strings.Replace(sdkCall("hello", "{}"), `{`, `{"qualifier":"7",`, 1), "FUNCTION_QUALIFIER_NOT_FOUND", `"7"`},
		"function error":   {sdkCall("hello", `{"Do":"fail","Text":"no"}`), "FUNCTIONS_EXECUTE_FAIL", "no"},
		"panic":            {sdkCall("hello", `{"Do":"panic","Text":"no"}`), "FUNCTIONS_EXECUTE_FAIL", "no"},
		"process exit":     {sdkCall("hello", `{"Do":"exit"}`), "FUNCTIONS_EXECUTE_FAIL", "exited"},
		"result too large": {sdkCall("hello", `{"Do":"big","Size":7000000}`), "FUNCTIONS_EXECUTE_FAIL", "7000002"},
		"time limit":       {sdkCall("hurried", `{"Do":"sleep"}`), "FUNCTIONS_TIME_LIMIT_EXCEEDED", "Invoking task timed out after 1 seconds"},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			c.wantEnvelope(c.send(http.MethodPost, "/admin?env=env-1", q.body), q.code, q.words)
		})
	}
}

// wantEnvelope fails the test unless the answer is the envelope of an error.
func (c *cloud) wantEnvelope(got answer, code, words string) {
	c.t.Helper()
	if kind := got.header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
		c.t.Errorf("content type: got %q, want the one that SDKs look for", kind)
	}
	got.header.Set("Content-Type", "application/json")
	c.wantFailure(got, http.StatusOK, code, words)
}

// An action that is not emulated is named in the refusal, whether it comes as JSON, as a multipart
// form or in the query.
func TestSDKActionsNotPlayed(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	const form = "--b\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nwx.openApi\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"data\"; filename=\"x\"\r\n\r\n\x00\r\n--b--\r\n"
	formType := []string{"Content-Type", "multipart/form-data; boundary=b"}
	c.wantEnvelope(c.send(http.MethodPost, "/admin?env=env-1", form, formType...), "INVALID_ACTION", `"wx.openApi"`)
	c.wantEnvelope(c.send(http.MethodPost, "/admin?env=env-1", form[:20], formType...), "INVALID_PARAM", "reading the request")
	c.wantEnvelope(c.send(http.MethodPost, "/web", `{"action":"auth.signIn"}`), "INVALID_ACTION", `"auth.signIn"`)
	c.wantEnvelope(c.send(http.MethodGet, "/admin?env=env-1&action=storage.batchDeleteFile", ""), "INVALID_ACTION", `"storage.batchDeleteFile"`)
	for _, path := range []string{"/auth/v1/user/me", "/v1/rdb/rest/orders"} {
		c.wantFailure(c.send(http.MethodPost, path, "{}"), http.StatusNotFound, "INVALID_PATH", "Invalid path")
		c.wantFailure(c.send(http.MethodGet, path, ""), http.StatusNotFound, "INVALID_PATH", "Invalid path")
	}
}

// A busy function, one that exits at its start, and a closed one have codes of their own.
func TestSDKFunctionThatDoesNotStart(t *testing.T) {
	t.Parallel()
	flag := filepath.Join(t.TempDir(), "flag")
	c := serveCloud(t, &platform.Cloud{}, withEnv("HELLO_START=exit", "HELLO_START_IF="+flag), func(s *platform.Spec) { s.Instances = 1 })
	m := openMeeting(t)
	call := c.function.invokeAside(t.Context(), m.event())
	g := m.await()
	c.wantEnvelope(c.send(http.MethodPost, "/admin", sdkCall("hello", "{}")), "EXCEED_CONCURRENT_REQUEST_LIMIT", "busy")
	g.letGo(t)
	<-call
	c.send(http.MethodPost, "/admin", sdkCall("hello", `{"Do":"exit"}`))
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.wantEnvelope(c.send(http.MethodPost, "/admin", sdkCall("hello", "{}")), "FUNCTIONS_EXECUTE_FAIL", "GREETING is missing")
	c.wantFailure(c.send(http.MethodPost, "/v1/functions/hello", "{}"), 500, "SYS_ERR", "GREETING is missing")
	if err := c.function.Close(); err != nil {
		t.Fatal(err)
	}
	c.wantEnvelope(c.send(http.MethodPost, "/admin", sdkCall("hello", "{}")), "SYS_ERR", "closed")
}

// A server has keys and is not a user: the platform names the source of the call, but no user.
func TestSDKCaller(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{EnvID: "env-0"})
	server := map[string]string{
		"TRIGGER_SRC": "tcb", "TCB_ENV": "env-1", "TCB_SEQID": "r-1", "TCB_SOURCE": ",unknown", "SCF_NAMESPACE": "env-1",
		"TCB_CONTEXT_KEYS": "TCB_ENV,TCB_SEQID,TCB_SOURCE,TRIGGER_SRC",
	}
	if diff := cmp.Diff(server, c.sdkEnvironment("env-1", "X-Tcb-Source", ",unknown")); diff != "" {
		t.Errorf("a server's call (-want +got):\n%s", diff)
	}
	for name, got := range map[string]map[string]string{
		"no source":     c.sdkEnvironment("env-1"),
		"forged source": c.sdkEnvironment("env-1", "X-Tcb-Source", "a=b"),
	} {
		if source, ok := got["TCB_SOURCE"]; ok || got["TCB_ENV"] != "env-1" {
			t.Errorf("%s: got %v, want no TCB_SOURCE but %q", name, got, source)
		}
	}
	if got := c.sdkEnvironment("a%20b"); got["TCB_ENV"] != "env-0" {
		t.Errorf("environment that cannot be: got %q, want the cloud's own", got["TCB_ENV"])
	}
	if got := c.sdkEnvironment("env-1", "X-Wx-Openid", "oABC"); got["WX_OPENID"] != "oABC" || got["TCB_SOURCE"] != "wx_client" {
		t.Errorf("a user's call: got %v, want the user in it", got)
	}
}

// sdkEnvironment is the invocation's environment for a call by an SDK.
func (c *cloud) sdkEnvironment(env string, header ...string) map[string]string {
	c.t.Helper()
	got := c.send(http.MethodPost, "/admin?env="+env, sdkCall("hello", `{"Do":"report"}`), append(header, "X-Request-Id", "r-1")...)
	var envelope struct {
		Data struct {
			ResponseData string `json:"response_data"`
		}
	}
	wantJSON(c.t, got.body, &envelope)
	var r report
	wantJSON(c.t, envelope.Data.ResponseData, &r)
	return r.Context.Environment
}
