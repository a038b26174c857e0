package hosting_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"cloudpay/internal/hosting"
	"cloudpay/internal/telemetry"
	"cloudpay/internal/telemetry/telemetrytest"
)

// lambdaEvent is one event that the fake Runtime API hands out.
type lambdaEvent struct {
	requestID  string
	deadlineMs int64
	payload    string
}

// lambdaAnswer is what the function posted: to /response, or to /error.
type lambdaAnswer struct {
	requestID string
	failed    bool
	body      string
}

// runtimeAPI is Lambda's side of the Runtime API, and the function process that was started against
// it.
type runtimeAPI struct {
	t       *testing.T
	env     []string // what tells a function where it is
	events  chan lambdaEvent
	answers chan lambdaAnswer
}

// cognitoRequest is a request whose caller came by a Cognito identity pool.
const cognitoRequest = "r-cognito"

// serveRuntimeAPI plays Lambda, without a function yet.
func serveRuntimeAPI(t *testing.T) *runtimeAPI {
	t.Helper()
	api := &runtimeAPI{t: t, events: make(chan lambdaEvent), answers: make(chan lambdaAnswer)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", api.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", api.take(false))
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", api.take(true))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	api.env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=closeorder",
	}
	return api
}

// runs starts a function, which has this platform in its environment, until the test ends.
func (a *runtimeAPI) runs(cmd *exec.Cmd) {
	a.t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if a.t.Failed() {
			a.t.Logf("the function's standard error:\n%s", stderr.String())
		}
	})
}

// startLambda runs this test binary as a Lambda function until the test ends.
func startLambda(t *testing.T, env ...string) *runtimeAPI {
	t.Helper()
	api := serveRuntimeAPI(t)
	api.runs(command(t, append(api.env, env...)...))
	return api
}

// next hands out an event as soon as the test has one.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	select {
	case event := <-a.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", event.requestID)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(event.deadlineMs, 10))
		if event.requestID == cognitoRequest {
			w.Header().Set("Lambda-Runtime-Cognito-Identity", `{"cognitoIdentityId":"oFIRST","cognitoIdentityPoolId":"pool"}`)
		}
		_, _ = io.WriteString(w, event.payload)
	case <-r.Context().Done():
	}
}

// take passes the function's answer on to the test.
func (a *runtimeAPI) take(failed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			a.t.Errorf("reading the function's answer: %v", err)
		}
		_, _ = telemetrytest.Output(a.t, telemetrytest.Replies).Write(body)
		w.WriteHeader(http.StatusAccepted)
		a.answers <- lambdaAnswer{requestID: r.PathValue("id"), failed: failed, body: string(body)}
	}
}

// invoke sends one event and waits for its answer.
func (a *runtimeAPI) invoke(event lambdaEvent) lambdaAnswer {
	a.t.Helper()
	timeout := time.After(time.Minute) // only ends a hang
	select {
	case a.events <- event:
	case <-timeout:
		a.t.Fatal("the function does not ask for events")
	}
	select {
	case answer := <-a.answers:
		if answer.requestID != event.requestID {
			a.t.Errorf("answer to request %q, want %q", answer.requestID, event.requestID)
		}
		return answer
	case <-timeout:
		a.t.Fatal("the function does not answer")
	}
	return lambdaAnswer{}
}

// wantBody fails the test unless the function succeeded with this result.
func (a *runtimeAPI) wantBody(got lambdaAnswer, want string) {
	a.t.Helper()
	if got.failed || got.body != want {
		a.t.Errorf("answer: got failed=%v %q, want the result %q", got.failed, got.body, want)
	}
}

// wantFailure fails the test unless the function reported an error of this type with these words.
func (a *runtimeAPI) wantFailure(got lambdaAnswer, wantType, wantWords string) {
	a.t.Helper()
	var failure struct{ ErrorMessage, ErrorType string }
	if err := json.Unmarshal([]byte(got.body), &failure); err != nil || !got.failed {
		a.t.Fatalf("answer: got failed=%v %q (%v), want an error document", got.failed, got.body, err)
	}
	if failure.ErrorType != wantType || !strings.Contains(failure.ErrorMessage, wantWords) {
		a.t.Errorf("failure: got type %q, message %q; want type %q, message with %q",
			failure.ErrorType, failure.ErrorMessage, wantType, wantWords)
	}
}

// soon is a deadline like Lambda's, in the future.
func soon() int64 { return time.Now().Add(time.Minute).UnixMilli() }

func TestLambda(t *testing.T) {
	t.Parallel()
	api := startLambda(t)

	api.wantBody(api.invoke(lambdaEvent{"r-1", soon(), "who"}), "lambda closeorder r-1 r-1 true")
	api.wantBody(api.invoke(lambdaEvent{"r-2", soon(), `{"out_trade_no":"A1"}`}), `{"out_trade_no":"A1"}`)
	api.wantFailure(api.invoke(lambdaEvent{"r-3", soon(), "fail"}), "refusedError", "refused")

	// One process served all of these, and a panic does not end it either: the library's own answer
	// to a panic is exit 1.
	api.wantFailure(api.invoke(lambdaEvent{"r-4", soon(), "panic"}), "panicError", `request id "r-4"`)
	api.wantBody(api.invoke(lambdaEvent{"r-5", soon(), "next"}), "next")

	big := strings.Repeat("0123456789abcdef", 6<<20/16)
	if got := api.invoke(lambdaEvent{"r-6", soon(), big}); got.failed || got.body != big {
		t.Errorf("6 MB event: got failed=%v and %d bytes, want the same %d bytes", got.failed, len(got.body), len(big))
	}
}

func TestLambdaDeadline(t *testing.T) {
	t.Parallel()
	api := startLambda(t)
	given := soon()
	api.wantBody(api.invoke(lambdaEvent{"r-1", given, "deadline"}), strconv.FormatInt(given, 10))

	for name, given := range map[string]int64{"zero": 0, "an hour ago": time.Now().Add(-time.Hour).UnixMilli()} {
		before := time.Now()
		answer := api.invoke(lambdaEvent{"r-2", given, "deadline"})
		after := time.Now()
		got, err := strconv.ParseInt(answer.body, 10, 64)
		if err != nil || answer.failed {
			t.Fatalf("deadline %s: got failed=%v %q, want milliseconds", name, answer.failed, answer.body)
		}
		from, to := before.Add(3*time.Second).UnixMilli(), after.Add(3*time.Second).UnixMilli()
		if got < from || got > to {
			t.Errorf("deadline %s: got %d, want between %d and %d", name, got, from, to)
		}
	}
}

// Lambda's old go1.x runtime shared SCF's variable, and aws-lambda-go would still prefer it.
func TestLambdaWinsOverSCF(t *testing.T) {
	t.Parallel()
	api := startLambda(t, "_LAMBDA_SERVER_PORT=1")
	api.wantBody(api.invoke(lambdaEvent{"r-1", soon(), "who"}), "lambda closeorder r-1 r-1 true")
}

func TestLambdaContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	cases := map[string]struct {
		given time.Duration // the platform's deadline from now; 0: none
		want  time.Duration
	}{
		"future":  {time.Minute, time.Minute},
		"past":    {-time.Hour, 3 * time.Second},
		"absent":  {0, 3 * time.Second},
		"reached": {-1, 3 * time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := context.WithValue(t.Context(), key{}, "kept")
				ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: "r-1"})
				if c.given != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.given)
					defer cancel()
				}
				var inside context.Context
				_, err := hosting.InvokeLambda(ctx, nil, func(ctx context.Context, _ hosting.Invocation) ([]byte, error) {
					inside = ctx
					return nil, ctx.Err()
				})
				if err != nil {
					t.Fatalf("the handler's context was over at the start: %v", err)
				}
				deadline, _ := inside.Deadline()
				if got := time.Until(deadline); got != c.want {
					t.Errorf("time left: got %v, want %v", got, c.want)
				}
				if inside.Value(key{}) != "kept" || telemetry.RequestID(inside) != "r-1" {
					t.Error("the platform's context values were lost")
				}
				if inside.Err() == nil {
					t.Error("the context is still open after the invocation")
				}
			})
		})
	}
}

func TestLambdaWithoutAPlatformContext(t *testing.T) {
	t.Parallel()
	reply, err := hosting.InvokeLambda(t.Context(), []byte("who"), report)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(reply), "lambda    true"; got != want { // no name, no request id, no environment
		t.Errorf("reply: got %q, want %q", got, want)
	}
}

func TestLambdaCognito(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		identity lambdacontext.CognitoIdentity
		want     string
	}{
		"nobody":           {lambdacontext.CognitoIdentity{}, ""},
		"an identity":      {lambdacontext.CognitoIdentity{CognitoIdentityID: "id", CognitoIdentityPoolID: "pool"}, "id"},
		"only its pool":    {lambdacontext.CognitoIdentity{CognitoIdentityPoolID: "pool"}, "pool"},
		"without its pool": {lambdacontext.CognitoIdentity{CognitoIdentityID: "id"}, "id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{Identity: c.identity})
			got, err := hosting.InvokeLambda(ctx, nil, func(_ context.Context, inv hosting.Invocation) ([]byte, error) {
				return []byte(inv.Cognito), nil
			})
			if err != nil || string(got) != c.want {
				t.Errorf("Cognito: got %q and error %v, want %q", got, err, c.want)
			}
		})
	}
}

// An instance that Lambda lets have several invocations at once answers them at once, each with its
// own.
func TestLambdaAnswersSeveralAtOnce(t *testing.T) {
	t.Parallel()
	const most = 3
	arrived, pass := make(chan struct{}, most), make(chan struct{})
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-pass:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "passed")
	}))
	t.Cleanup(gate.Close)
	api := startLambda(t, "AWS_LAMBDA_MAX_CONCURRENCY="+strconv.Itoa(most), gateVariable+"="+gate.URL)
	for n := range most {
		api.events <- lambdaEvent{"r-" + strconv.Itoa(n), soon(), "gate"}
	}
	for range most { // all of them are at work before any is answered
		select {
		case <-arrived:
		case answer := <-api.answers:
			t.Fatalf("got %+v before the others had begun", answer)
		}
	}
	close(pass)
	answered := map[string]bool{}
	for range most {
		answer := <-api.answers
		if answered[answer.requestID] = true; answer.failed || answer.body != "passed" {
			t.Errorf("got %+v, want it passed", answer)
		}
	}
	if len(answered) != most {
		t.Errorf("answered %v, want %d requests", answered, most)
	}
}

// Of X-Ray's header only the root is the platform's own word: the rest may have come with the
// caller's request.
func TestLambdaTrace(t *testing.T) {
	t.Parallel()
	const root = "1-67891233-abcdef012345678912345678"
	for header, want := range map[string]string{
		"Root=" + root + ";Parent=53995c3f42cd8ad8;Sampled=1":  root,
		"Self=1-67891204-12456789abcdef012345678;Root=" + root: root,
		"Root=" + root:                             root,
		"Root=secret;Own=" + root:                  "",
		"Root=1-67891233-abcdef01234567891234567z": "",
		root: "",
		"":   "",
	} {
		ctx := context.WithValue(t.Context(), hosting.LambdaTraceKey, header)
		got, err := hosting.InvokeLambda(ctx, nil, func(_ context.Context, inv hosting.Invocation) ([]byte, error) {
			return []byte(inv.TraceID), nil
		})
		if err != nil || string(got) != want {
			t.Errorf("%q: got trace %q and error %v, want %q", header, got, err, want)
		}
	}
}
