package hosting_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"
	"github.com/tencentyun/scf-go-lib/functioncontext"

	"cloudpay/internal/hosting"
	"cloudpay/internal/telemetry"
	"cloudpay/internal/telemetry/telemetrytest"
)

// scfFunction is a served function and the platform's connection to it.
type scfFunction struct {
	t      *testing.T
	client *rpc.Client
}

// serveSCF serves h as the Go1 platform would find it, over real TCP, until the test ends.
func serveSCF(t *testing.T, h hosting.Handler) *scfFunction {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- hosting.ServeSCF(l, h) }()
	client, err := rpc.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = l.Close()
		if err := <-served; !errors.Is(err, net.ErrClosed) {
			t.Errorf("serve after the listener was closed: got %v, want net.ErrClosed", err)
		}
	})
	return &scfFunction{t: t, client: client}
}

// startSCF runs a function in a process of its own until the test ends; cmd makes it for a port.
func startSCF(t *testing.T, cmd func(port string) *exec.Cmd) *scfFunction {
	t.Helper()
	for range 3 {
		if client := dialProcess(t, cmd); client != nil {
			return &scfFunction{t: t, client: client}
		}
	}
	t.Fatal("the function does not serve")
	return nil
}

// dialProcess starts a function on a port that was free a moment ago, and waits until it answers or
// ends.
func dialProcess(t *testing.T, of func(port string) *exec.Cmd) *rpc.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	var stderr bytes.Buffer
	cmd := of(port)
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // told in stderr
		close(exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
	})
	for {
		if client, err := rpc.Dial("tcp", "127.0.0.1:"+port); err == nil {
			t.Cleanup(func() { _ = client.Close() })
			return client
		}
		select {
		case <-exited:
			t.Logf("the function's standard error:\n%s", stderr.String())
			return nil
		default:
		}
	}
}

// invoke calls the function and fails the test if the call itself fails.
func (f *scfFunction) invoke(request messages.InvokeRequest) messages.InvokeResponse {
	f.t.Helper()
	var response messages.InvokeResponse
	if err := f.client.Call("Function.Invoke", &request, &response); err != nil {
		f.t.Fatalf("Function.Invoke: %v", err)
	}
	_, _ = telemetrytest.Output(f.t, telemetrytest.Replies).Write(response.Payload)
	if response.Error != nil {
		telemetrytest.Error(f.t, errors.New(response.Error.Message))
	}
	return response
}

// wantPayload fails the test unless the function answered want.
func (f *scfFunction) wantPayload(got messages.InvokeResponse, want string) {
	f.t.Helper()
	if got.Error != nil {
		f.t.Fatalf("got error %+v, want payload %q", *got.Error, want)
	}
	if string(got.Payload) != want {
		f.t.Errorf("payload: got %q, want %q", got.Payload, want)
	}
}

// wantError fails the test unless the function answered an error of this type with these words in
// its message.
func (f *scfFunction) wantError(got messages.InvokeResponse, wantType, wantWords string) {
	f.t.Helper()
	if got.Error == nil {
		f.t.Fatalf("got payload %q, want an error of type %s", got.Payload, wantType)
	}
	if got.Error.Type != wantType || !strings.Contains(got.Error.Message, wantWords) {
		f.t.Errorf("error: got type %q, message %q; want type %q, message with %q",
			got.Error.Type, got.Error.Message, wantType, wantWords)
	}
	if got.Error.ShouldExit || len(got.Payload) != 0 {
		f.t.Errorf("error: got ShouldExit %v and payload %q, want false and none", got.Error.ShouldExit, got.Payload)
	}
}

// echo answers with the event it was given.
func echo(_ context.Context, inv hosting.Invocation) ([]byte, error) { return inv.Payload, nil }

func TestSCFPing(t *testing.T) {
	t.Parallel()
	f := serveSCF(t, echo)
	if err := f.client.Call("Function.Ping", &messages.PingRequest{}, &messages.PingResponse{}); err != nil {
		t.Errorf("Function.Ping: %v", err)
	}
}

func TestSCFInvokeHandsOverEverything(t *testing.T) {
	t.Parallel()
	type seen struct {
		inv       hosting.Invocation
		platform  functioncontext.FunctionContext
		requestID string
	}
	got := make(chan seen, 1)
	f := serveSCF(t, func(ctx context.Context, inv hosting.Invocation) ([]byte, error) {
		platform, ok := functioncontext.FromContext(ctx)
		if !ok {
			return nil, errors.New("no functioncontext in the context")
		}
		got <- seen{inv: inv, platform: *platform, requestID: telemetry.RequestID(ctx)}
		return []byte(`{"ok":true}`), nil
	})
	response := f.invoke(messages.InvokeRequest{
		Payload:               []byte(`{"out_trade_no":"A1"}`),
		RequestId:             "r-1",
		InvokedFunctionUnique: "unique",
		ClientContext:         []byte("not JSON, and no reason to refuse"),
		Namespace:             "env-1",
		FunctionName:          "closeorder",
		FunctionVersion:       "$LATEST",
		MemoryLimitInMb:       128,
		TimeLimitInMs:         3000,
		Environment:           `{"WX_OPENID":"oABC","TRIGGER_SRC":"tcb"}`,
		TencentcloudRegion:    "ap-guangzhou",
		TencentcloudAppID:     "1250000000",
		TencentcloudUin:       "100000000001",
		FunctionTrace:         "trace",
	})
	f.wantPayload(response, `{"ok":true}`)

	s := <-got
	environment := map[string]string{"WX_OPENID": "oABC", "TRIGGER_SRC": "tcb"}
	wantInv := hosting.Invocation{
		Payload: []byte(`{"out_trade_no":"A1"}`), RequestID: "r-1", Function: "closeorder",
		Platform: hosting.SCF, Environment: environment,
	}
	if diff := cmp.Diff(wantInv, s.inv); diff != "" {
		t.Errorf("invocation (-want +got):\n%s", diff)
	}
	wantPlatform := functioncontext.FunctionContext{
		RequestID: "r-1", InvokedFunctionUnique: "unique", Namespace: "env-1", FunctionName: "closeorder",
		FunctionVersion: "$LATEST", MemoryLimitInMb: 128, TimeLimitInMs: 3000, Environment: environment,
		TencentcloudRegion: "ap-guangzhou", TencentcloudAppID: "1250000000", TencentcloudUin: "100000000001",
		FunctionTrace: "trace",
	}
	if diff := cmp.Diff(wantPlatform, s.platform); diff != "" {
		t.Errorf("functioncontext (-want +got):\n%s", diff)
	}
	if s.requestID != "r-1" {
		t.Errorf("telemetry.RequestID(ctx): got %q, want %q", s.requestID, "r-1")
	}
}

func TestRequestIDOutsideAnInvocation(t *testing.T) {
	t.Parallel()
	if got := telemetry.RequestID(t.Context()); got != "" {
		t.Errorf("RequestID: got %q, want none", got)
	}
}

func TestSCFEnvironment(t *testing.T) {
	t.Parallel()
	const refused = "InvokeRequest.Environment must be a JSON object whose values are strings"
	cases := map[string]struct {
		environment string
		want        string // the map as JSON; "" when the call is refused
	}{
		"absent":          {"", "null"},
		"null":            {"null", "null"},
		"empty":           {"{}", "{}"},
		"strings":         {`{"A":"1","B":""}`, `{"A":"1","B":""}`},
		"a number":        {`{"A":1}`, ""},
		"nested":          {`{"A":{"B":"1"}}`, ""},
		"a list":          {`["A"]`, ""},
		"a string":        {`"A=1"`, ""},
		"cut short":       {`{"A":"1"`, ""},
		"two values":      {`{"A":"1"}{}`, ""},
		"the old K=V;K=V": {`A=1;B=2`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serveSCF(t, func(_ context.Context, inv hosting.Invocation) ([]byte, error) {
				return json.Marshal(inv.Environment)
			})
			response := f.invoke(messages.InvokeRequest{Payload: []byte("{}"), Environment: c.environment})
			if c.want != "" {
				f.wantPayload(response, c.want)
				return
			}
			f.wantError(response, "environmentError", refused)
			f.wantPayload(f.invoke(messages.InvokeRequest{Payload: []byte("{}")}), "null") // alive
		})
	}
}

func TestSCFMalformedEnvironmentNeverReachesTheHandler(t *testing.T) {
	t.Parallel()
	f := serveSCF(t, func(context.Context, hosting.Invocation) ([]byte, error) {
		t.Error("the handler was called without an environment")
		return nil, nil
	})
	const secret = "sk-do-not-repeat"
	response := f.invoke(messages.InvokeRequest{Environment: `{"TOKEN":"` + secret + `","N":1}`})
	f.wantError(response, "environmentError", "strings")
	if strings.Contains(response.Error.Message, secret) {
		t.Errorf("the refusal repeats a value of the environment: %q", response.Error.Message)
	}
}

func TestSCFEnvironmentOfAnEarlierCallIsNeverVisible(t *testing.T) {
	t.Parallel()
	const key = "CLOUDPAY_TEST_WX_OPENID"
	f := serveSCF(t, func(ctx context.Context, inv hosting.Invocation) ([]byte, error) {
		platform, _ := functioncontext.FromContext(ctx)
		inv.Environment["SCRIBBLE"] = "by the handler" // even a handler that writes into its map
		return fmt.Appendf(nil, "%q %q %q %d",
			inv.Environment[key], os.Getenv(key), platform.Environment[key], len(inv.Environment)), nil
	})
	with := messages.InvokeRequest{Environment: `{"` + key + `":"user A"}`}
	without := messages.InvokeRequest{Environment: `{}`}
	f.wantPayload(f.invoke(with), `"user A" "" "user A" 2`)
	f.wantPayload(f.invoke(without), `"" "" "" 1`)
	f.wantPayload(f.invoke(with), `"user A" "" "user A" 2`)
}

func TestSCFContextHasADeadline(t *testing.T) {
	t.Parallel()
	far := time.Now().Add(time.Hour).Round(0)
	cases := map[string]struct {
		deadline time.Time
		limitMs  int32
		want     func(before, after time.Time) (from, to time.Time)
	}{
		"future": {far, 5000, func(_, _ time.Time) (time.Time, time.Time) { return far, far }},
		"past, with a limit": {time.Now().Add(-time.Hour), 5000, func(before, after time.Time) (time.Time, time.Time) {
			return before.Add(5 * time.Second), after.Add(5 * time.Second)
		}},
		"past, without a limit": {time.Now().Add(-time.Hour), 0, func(before, after time.Time) (time.Time, time.Time) {
			return before.Add(3 * time.Second), after.Add(3 * time.Second)
		}},
		"zero": {time.Unix(0, 0), 0, func(before, after time.Time) (time.Time, time.Time) {
			return before.Add(3 * time.Second), after.Add(3 * time.Second)
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serveSCF(t, func(ctx context.Context, _ hosting.Invocation) ([]byte, error) {
				deadline, ok := ctx.Deadline()
				if !ok || ctx.Err() != nil {
					return nil, fmt.Errorf("deadline set: %v, context error: %w", ok, ctx.Err())
				}
				return deadline.MarshalText()
			})
			before := time.Now()
			response := f.invoke(messages.InvokeRequest{
				Deadline: messages.InvokeRequest_Timestamp{
					Seconds: c.deadline.Unix(), Nanos: int64(c.deadline.Nanosecond()),
				},
				TimeLimitInMs: c.limitMs,
			})
			after := time.Now()
			if response.Error != nil {
				t.Fatalf("got error %+v", *response.Error)
			}
			var got time.Time
			if err := got.UnmarshalText(response.Payload); err != nil {
				t.Fatal(err)
			}
			if from, to := c.want(before.Round(0), after.Round(0)); got.Before(from) || got.After(to) {
				t.Errorf("deadline: got %v, want between %v and %v", got, from, to)
			}
		})
	}
}

func TestSCFContextEndsWithTheInvocation(t *testing.T) {
	t.Parallel()
	contexts := make(chan context.Context, 1)
	f := serveSCF(t, func(ctx context.Context, _ hosting.Invocation) ([]byte, error) {
		contexts <- ctx
		return nil, ctx.Err()
	})
	f.wantPayload(f.invoke(messages.InvokeRequest{}), "")
	ctx := <-contexts
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("context after the answer: got %v, want canceled", ctx.Err())
	}
}

// refusedError is an error type of the caller's own.
type refusedError struct{}

func (refusedError) Error() string { return "refused" }

func TestSCFHandlerError(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		err      error
		wantType string
		want     string
	}{
		"value":   {refusedError{}, "refusedError", "refused"},
		"pointer": {&refusedError{}, "refusedError", "refused"},
		"wrapped": {fmt.Errorf("closing A1: %w", io.ErrUnexpectedEOF), "wrapError", "closing A1: unexpected EOF"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serveSCF(t, func(context.Context, hosting.Invocation) ([]byte, error) {
				return []byte("dropped"), c.err
			})
			f.wantError(f.invoke(messages.InvokeRequest{}), c.wantType, c.want)
		})
	}
}

func TestSCFPanicIsAnAnswer(t *testing.T) {
	t.Parallel()
	f := serveSCF(t, func(_ context.Context, inv hosting.Invocation) ([]byte, error) {
		if inv.RequestID == "bad" {
			panic("a secret that was in memory")
		}
		return inv.Payload, nil
	})
	response := f.invoke(messages.InvokeRequest{RequestId: "bad"})
	f.wantError(response, "panicError", `request id "bad"`)
	if strings.Contains(response.Error.Message, "secret") {
		t.Errorf("the panic's text reached the caller: %q", response.Error.Message)
	}
	f.wantPayload(f.invoke(messages.InvokeRequest{Payload: []byte("next")}), "next")
}

func TestSCFThreeInvocationsAtOnce(t *testing.T) {
	t.Parallel()
	const callers = 3
	arrived, release := make(chan struct{}, callers), make(chan struct{})
	f := serveSCF(t, func(ctx context.Context, inv hosting.Invocation) ([]byte, error) {
		arrived <- struct{}{}
		select {
		case <-release:
			return fmt.Appendf(nil, "%s %s", inv.Payload, inv.Environment["WHO"]), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	calls := make([]*rpc.Call, callers)
	for i := range calls {
		calls[i] = f.client.Go("Function.Invoke", &messages.InvokeRequest{
			Payload:       fmt.Append(nil, "event ", i),
			Environment:   fmt.Sprintf(`{"WHO":"caller %d"}`, i),
			TimeLimitInMs: 60_000,
		}, &messages.InvokeResponse{}, nil)
	}
	for range callers {
		<-arrived // none is released before all have arrived: a function that serves one by one fails here
	}
	close(release)
	for i, call := range calls {
		<-call.Done
		if call.Error != nil {
			t.Fatalf("call %d: %v", i, call.Error)
		}
		response, ok := call.Reply.(*messages.InvokeResponse)
		if !ok {
			t.Fatalf("call %d: reply is a %T", i, call.Reply)
		}
		f.wantPayload(*response, fmt.Sprintf("event %d caller %d", i, i))
	}
}

func TestSCFBigPayload(t *testing.T) {
	t.Parallel()
	f := serveSCF(t, echo)
	big := bytes.Repeat([]byte("0123456789abcdef"), 6<<20/16) // the platform's limit for an event and for a result
	response := f.invoke(messages.InvokeRequest{Payload: big})
	if response.Error != nil || !bytes.Equal(response.Payload, big) {
		t.Errorf("6 MB event: got %d bytes back and error %v, want the same %d bytes",
			len(response.Payload), response.Error, len(big))
	}
}

func TestSCFUnknownMethod(t *testing.T) {
	t.Parallel()
	f := serveSCF(t, echo)
	for _, method := range []string{"Function.Nope", "Function.serve", "Other.Invoke"} {
		err := f.client.Call(method, &messages.InvokeRequest{}, &messages.InvokeResponse{})
		if server := rpc.ServerError(""); !errors.As(err, &server) {
			t.Errorf("%s: got %v, want an rpc.ServerError", method, err)
		}
	}
	f.wantPayload(f.invoke(messages.InvokeRequest{Payload: []byte("next")}), "next")
}

func TestSCFSurvivesGarbageOnTheWire(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() { _ = hosting.ServeSCF(l, echo) }()

	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("listening on a %T", l.Addr())
	}
	conn, err := net.DialTCP("tcp", nil, addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn) // until the server hangs up
	_ = conn.Close()

	client, err := rpc.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.Call("Function.Ping", &messages.PingRequest{}, &messages.PingResponse{}); err != nil {
		t.Errorf("Ping after somebody spoke HTTP: %v", err)
	}
}
