package platform_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/platform"
)

// inNode runs a handler of testdata/nodejs.
func inNode(t *testing.T, handler string) func(*platform.Spec) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("SKIPPED: Node.js is not installed (nodejs.org; Debian: apt-get install nodejs)")
	}
	return func(s *platform.Spec) {
		s.Name, s.Binary, s.Folder, s.Handler, s.Runtime = "hello", "", filepath.Join("testdata", "nodejs"), handler, platform.Node
	}
}

// payload has the platform invoke the function, and returns the result.
func (f *function) payload(d do) string {
	f.t.Helper()
	reply := f.invoke(d)
	f.wantStatus(reply, platform.StatusOK, "")
	return string(reply.Payload)
}

// A function of each form answers: async, returning a value, with a callback, an ES module.
func TestNodeForms(t *testing.T) {
	t.Parallel()
	for handler, test := range map[string]struct{ given, want string }{
		"":                   {`{"Do":"echo","a":[1,"中"]}`, `{"Do":"echo","a":[1,"中"]}`},
		"index.main":         {`{"Do":"nothing"}`, `null`},
		"index.sync":         {`{"Text":"A1"}`, `"hello A1"`},
		"index.withCallback": {`{"Text":"A1"}`, `["A1"]`},
		"module.main":        {`{"Text":"/a/b"}`, `"b"`},
	} {
		t.Run(handler, func(t *testing.T) {
			t.Parallel()
			f := start(t, inNode(t, handler))
			reply, err := f.Invoke(t.Context(), platform.Event{Payload: []byte(test.given)})
			if err != nil {
				t.Fatal(err)
			}
			f.wantPayload(reply, test.want)
		})
	}
}

// The context has SCF's members, and the environment is in it and in process.env.
func TestNodeContext(t *testing.T) {
	t.Parallel()
	f := start(t, inNode(t, ""), withEnv("GREETING=hi"), withLimit(testTimeout))
	invoke := func(what string, environment map[string]string) map[string]any {
		t.Helper()
		reply, err := f.Invoke(t.Context(), platform.Event{
			Payload: []byte(`{"Do":"` + what + `"}`), RequestID: "r-1", Environment: environment,
		})
		if err != nil {
			t.Fatal(err)
		}
		f.wantStatus(reply, platform.StatusOK, "")
		var got map[string]any
		wantJSON(t, string(reply.Payload), &got)
		return got
	}
	got := invoke("context", map[string]string{"WX_OPENID": "oABC"})
	for name, want := range map[string]any{
		"request_id": "r-1", "function_name": "hello", "function_version": "$LATEST", "namespace": "cloudpay-local",
		"memory_limit_in_mb": 128.0, "time_limit_in_ms": 60000.0, "tencentcloud_region": "ap-guangzhou",
		"environment": `{"GREETING":"hi","WX_OPENID":"oABC"}`,
	} {
		if got[name] != want {
			t.Errorf("context.%s: got %v, want %v", name, got[name], want)
		}
	}
	if left, _ := got["remaining"].(float64); left <= 0 || left > float64(testTimeout.Milliseconds()) {
		t.Errorf("remaining time: got %v ms", got["remaining"])
	}
	// A user's identity ends with the call; what the function itself has set stays.
	if got := invoke("environment", map[string]string{"WX_OPENID": "oABC", "GREETING": "hello"}); got["WX_OPENID"] != "oABC" || got["GREETING"] != "hello" {
		t.Errorf("got %v, want the call's variables", got)
	}
	got = invoke("environment", nil)
	if got["WX_OPENID"] != nil || got["GREETING"] != "hi" || got["SET_BY_THE_FUNCTION"] != "kept" {
		t.Errorf("got WX_OPENID %v, GREETING %v, SET_BY_THE_FUNCTION %v in the next call", got["WX_OPENID"], got["GREETING"], got["SET_BY_THE_FUNCTION"])
	}
	for _, name := range []string{"CLOUDPAY_NODE_API", "CLOUDPAY_NODE_HANDLER"} {
		if got[name] != nil {
			t.Errorf("the function sees %s", name)
		}
	}
}

// What goes wrong in a function is reported as on SCF; the process goes on if it can.
func TestNodeFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given  do
		status int
		words  string
		lives  bool
	}{
		"throws":         {do{Do: "throw", Text: "no such order"}, platform.StatusUserError, "no such order", true},
		"throws a text":  {do{Do: "throw a text", Text: "bare"}, platform.StatusUserError, "bare", true},
		"no JSON":        {do{Do: "circle"}, platform.StatusUserError, "circular", true},
		"too large":      {do{Do: "big", Size: platform.MaxPayload}, platform.StatusResponseTooLarge, "bytes", true},
		"exits":          {do{Do: "exit", Size: 3}, platform.StatusProcessExit, "exit status 3", false},
		"crashes aside":  {do{Do: "crash"}, platform.StatusProcessExit, "exit status 1", false},
		"over its limit": {do{Do: "sleep"}, platform.StatusTimeLimit, "timed out", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, inNode(t, ""))
			before := f.pid()
			if test.status == platform.StatusTimeLimit {
				f.SetTimeLimit(time.Second)
			}
			f.wantStatus(f.invoke(test.given), test.status, test.words)
			f.SetTimeLimit(testTimeout)
			if after := f.pid(); (after == before) != test.lives {
				t.Errorf("process: got %d, before %d, want the same: %v", after, before, test.lives)
			}
		})
	}
}

// The error of a function has its type and its stack trace.
func TestNodeStackTrace(t *testing.T) {
	t.Parallel()
	f := start(t, inNode(t, ""))
	got := f.invoke(do{Do: "throw", Text: "wrong"}).Err
	if got.Type != "TypeError" || len(got.StackTrace) == 0 || !strings.Contains(got.StackTrace[0], "index.js") {
		t.Errorf("got %+v, want a TypeError with the line of index.js", got)
	}
	withCallback := start(t, inNode(t, "index.withCallback"))
	withCallback.wantStatus(withCallback.invoke(do{Text: "fail"}), platform.StatusUserError, "as told")
}

// What a function prints is in the call's log.
func TestNodeLog(t *testing.T) {
	t.Parallel()
	f := start(t, inNode(t, ""), withEnv("GREETING=hi"))
	f.wantLogged("loading with hi")
	reply := f.invoke(do{Do: "print", Text: "line", Size: 3})
	if !strings.Contains(reply.Log, "line 0\nline 1\nline 2\n") {
		t.Errorf("got %q, want the three lines", reply.Log)
	}
}

// A function that cannot be loaded is an error of the start.
func TestNodeStartFails(t *testing.T) {
	t.Parallel()
	for handler, want := range map[string]string{
		"none.main":   "there is no none.js",
		"index.nope":  "exports no function nope",
		"broken.main": "the configuration is missing",
	} {
		t.Run(handler, func(t *testing.T) {
			t.Parallel()
			_, err := platform.Start(t.Context(), spec(&recorder{}, inNode(t, handler)))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// A caller that goes away ends the call.
func TestNodeAbandoned(t *testing.T) {
	t.Parallel()
	f := start(t, inNode(t, ""))
	ctx, cancel := context.WithCancelCause(t.Context())
	done := f.invokeAside(ctx, do{Do: "sleep"})
	gone := errors.New("gone")
	cancel(gone)
	if got := <-done; !errors.Is(got.err, gone) {
		t.Errorf("got %v, want %v", got.err, gone)
	}
}

// A function finds the cloud by the variables that its SDK reads.
func TestNodeFindsTheCloud(t *testing.T) {
	t.Parallel()
	f := start(t, inNode(t, ""), func(s *platform.Spec) { s.CloudURL = "http://127.0.0.1:1" })
	var got map[string]string
	wantJSON(t, f.payload(do{Do: "environment"}), &got)
	var told struct{ URL string }
	if err := json.Unmarshal([]byte(got["TCB_CONTEXT_CNFG"]), &told); err != nil || told.URL != "http://127.0.0.1:1/admin" {
		t.Errorf("TCB_CONTEXT_CNFG: got %q, %v", got["TCB_CONTEXT_CNFG"], err)
	}
	keyed := start(t, inNode(t, ""), func(s *platform.Spec) {
		s.CloudURL, s.CloudKey = "http://127.0.0.1:1", access.Key{ID: "AKID", Secret: "a secret"}
	})
	var signs map[string]string
	wantJSON(t, keyed.payload(do{Do: "environment"}), &signs)
	if signs["TENCENTCLOUD_SECRETID"] != "AKID" || signs["TENCENTCLOUD_SECRETKEY"] != "a secret" {
		t.Errorf("got the keys %q, %q, want the cloud's", signs["TENCENTCLOUD_SECRETID"], signs["TENCENTCLOUD_SECRETKEY"])
	}
	if got["TENCENTCLOUD_SECRETID"] == "" || got["TENCENTCLOUD_SECRETKEY"] == "" || got["TCB_ENV"] == "" {
		t.Errorf("got %v, want keys and an environment", got)
	}
}

// A mini-program's user calls it through the cloud.
func TestNodeUser(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{AppID: "wx1"}, inNode(t, ""))
	var got map[string]any
	wantJSON(t, c.send(http.MethodPost, "/v1/functions/hello", `{"Do":"echo"}`, "X-WX-OPENID", "oABC").body, &got)
	if user, _ := got["userInfo"].(map[string]any); user["openId"] != "oABC" {
		t.Errorf("got %v, want the user", got)
	}
}
