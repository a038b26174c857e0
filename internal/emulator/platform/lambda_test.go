package platform_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// aws-lambda-go ends a process that panicked, after it has reported the panic.
func TestLambdaPanic(t *testing.T) {
	t.Parallel()
	f := start(t, as(platform.Lambda))
	before := f.pid()
	reply := f.invoke(do{Do: "panic", Text: "boom"})
	f.wantStatus(reply, platform.StatusUserError, "boom")
	if reply.Err.Type != "string" || len(reply.Err.StackTrace) == 0 {
		t.Errorf("panic: got type %q, stack %q; want string and where it was", reply.Err.Type, reply.Err.StackTrace)
	}
	if after := f.pid(); after == before || f.Live() != 1 {
		t.Errorf("afterwards: got process %d of %d, want one fresh one", after, f.Live())
	}
	wantGone(t, before)
}

func TestLambdaContext(t *testing.T) {
	t.Parallel()
	f := start(t, as(platform.Lambda))
	got := f.described(platform.Event{
		ClientContext: json.RawMessage(`{"custom":{"a":"<é>"}}`), Cognito: "us-east-1:1",
		Environment: map[string]string{"WX_OPENID": "oABC"}, // which Lambda's protocol cannot tell
	})
	if want := "arn:aws:lambda:us-east-1:123456789012:function:hello"; got.Lambda.InvokedFunctionArn != want {
		t.Errorf("function: got %s, want %s", got.Lambda.InvokedFunctionArn, want)
	}
	if got.Lambda.Identity.CognitoIdentityID != "us-east-1:1" || got.Lambda.ClientContext.Custom["a"] != "<é>" {
		t.Errorf("context: got %+v, want the identity and the client context that were sent", got.Lambda)
	}
	if got := f.described(platform.Event{}); got.Lambda.Identity.CognitoIdentityID != "" || got.Lambda.ClientContext.Custom != nil {
		t.Errorf("next event's context: got %+v, want nothing left of the one before", got.Lambda)
	}
}

func TestLambdaEnvironment(t *testing.T) {
	t.Parallel()
	f := start(t, as(platform.Lambda), withEnv("GREETING=hi", "SCF_X=not reserved here"))
	got := environ(f.described(platform.Event{}))
	folder := filepath.Dir(hello)
	want := map[string]string{
		"AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_FUNCTION_NAME": "hello", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/hello",
		"AWS_LAMBDA_LOG_STREAM_NAME": got["AWS_LAMBDA_LOG_STREAM_NAME"], "AWS_LAMBDA_RUNTIME_API": got["AWS_LAMBDA_RUNTIME_API"],
		"LAMBDA_RUNTIME_DIR": "/var/runtime", "LAMBDA_TASK_ROOT": folder, "_HANDLER": "bootstrap",
		"LANG": "en_US.UTF-8", "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin", "TZ": ":UTC",
		"LD_LIBRARY_PATH": got["LD_LIBRARY_PATH"], "PWD": folder, "CLOUDPAY_LISTEN_HOST": "127.0.0.1",
		"GREETING": "hi", "SCF_X": "not reserved here",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("process environment (-want +got):\n%s", diff)
	}
	for name, pattern := range map[string]string{
		"AWS_LAMBDA_LOG_STREAM_NAME": `^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f-]{36}$`,
		"AWS_LAMBDA_RUNTIME_API":     `^127\.0\.0\.1:\d+$`,
	} {
		if !regexp.MustCompile(pattern).MatchString(got[name]) {
			t.Errorf("%s: got %q, want it to match %s", name, got[name], pattern)
		}
	}
	_, err := platform.Start(t.Context(), spec(io.Discard, as(platform.Lambda), withEnv("AWS_REGION=x", "AWS_LAMBDA_X=y")))
	wantError(t, err, "AWS_REGION: the prefix", "AWS_LAMBDA_X: the prefix AWS_LAMBDA_ is the platform's own")
}

func TestLambdaInitError(t *testing.T) {
	t.Parallel()
	_, err := platform.Start(t.Context(), spec(io.Discard, as(platform.Lambda), withEnv("HELLO_START=init error")))
	wantError(t, err, `no\nconfiguration`)
}

// The API follows its protocol with a process that breaks it.
func TestLambdaRuntimeAPI(t *testing.T) {
	t.Parallel()
	f, m := start(t, as(platform.Lambda)), openMeeting(t)
	api := "http://" + environ(f.described(platform.Event{}))["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"
	event := m.event().event()
	event.RequestID = "r-1"
	call := make(chan outcome, 1)
	go func() {
		reply, err := f.Invoke(t.Context(), event)
		call <- outcome{reply, err}
	}()
	g := m.await()
	steps := []struct {
		path, body string
		status     int
		says       string
	}{
		{"invocation/r-2/response", "1", 400, "InvalidRequestID"},
		{"invocation/r-2/error", "{}", 400, "InvalidRequestID"},
		{"invocation/r-1/nothing", "1", 404, ""},
		{"invocation/r-1/error", `{"errorMessage":"early","stackTrace":["a.py:1", {"path":"b.go","line":2,"label":"f"}, 3]}`, 202, "OK"},
		{"invocation/r-1/response", "1", 400, "InvalidRequestID"},
	}
	for _, step := range steps {
		response, err := http.Post(api+step.path, "", bytes.NewReader([]byte(step.body)))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != step.status || !bytes.Contains(body, []byte(step.says)) {
			t.Errorf("POST %s: got %d %s, want %d and %s", step.path, response.StatusCode, body, step.status, step.says)
		}
	}
	got := <-call
	f.wantStatus(got.reply, platform.StatusUserError, "early")
	if diff := cmp.Diff([]string{"a.py:1", "b.go:2 f", "3"}, got.reply.Err.StackTrace); diff != "" {
		t.Errorf("stack (-want +got):\n%s", diff)
	}
	g.letGo(t) // its answer is refused, and aws-lambda-go ends the process
	g.wantDead(t)
}
