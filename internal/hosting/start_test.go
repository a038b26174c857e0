package hosting_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"
	"github.com/tencentyun/scf-go-lib/functioncontext"

	"cloudpay/internal/hosting"
	"cloudpay/internal/telemetry"
)

// functionVariable makes this test binary a deployed function instead of a test: TestMain then
// calls Start.
const functionVariable = "CLOUDPAY_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if os.Getenv(functionVariable) != "" {
		hosting.Start(func([]string, io.Writer) (hosting.Function, error) {
			memory, _ := strconv.Atoi(os.Getenv(memoryVariable)) // 0 is none
			fn := hosting.Function{Handle: report, HandleHTTP: reportWeb, MemoryMB: memory, End: leave}
			if fault := os.Getenv(brokenVariable); fault != "" {
				fn.Broken = errors.New(fault)
			}
			return fn, nil
		})
	}
	os.Exit(m.Run())
}

// What the function that this binary becomes is built with: the platform's figure of its memory,
// and why it is not configured.
const (
	memoryVariable = "CLOUDPAY_TEST_MEMORY"
	brokenVariable = "CLOUDPAY_TEST_BROKEN"
)

// endVariable is a file that this function makes when it takes leave.
const endVariable = "CLOUDPAY_TEST_END"

func leave() {
	if name := os.Getenv(endVariable); name != "" {
		_ = os.WriteFile(name, nil, 0o600)
	}
}

// always builds the same handler out of any environment.
func always(h hosting.Handler) hosting.Build {
	return func([]string, io.Writer) (hosting.Function, error) {
		return hosting.Function{Handle: h, HandleHTTP: reportWeb}, nil
	}
}

// report is the function that this binary becomes: it does what the event names.
func report(ctx context.Context, inv hosting.Invocation) ([]byte, error) {
	return do(ctx, inv, string(inv.Payload))
}

// reportWeb is report where the request's path names what to do.
func reportWeb(ctx context.Context, inv hosting.Invocation, r hosting.Request) (hosting.Response, error) {
	result, err := do(ctx, inv, strings.TrimPrefix(r.Path, "/"))
	return hosting.Response{Status: 200, Body: result}, err
}

func do(ctx context.Context, inv hosting.Invocation, what string) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	switch what {
	case "fail":
		return nil, refusedError{}
	case "panic":
		panic("boom")
	case "deadline":
		return fmt.Append(nil, deadline.UnixMilli()), ctx.Err()
	case "who":
		return fmt.Appendf(nil, "%s %s %s %s %v", inv.Platform, inv.Function, inv.RequestID, telemetry.RequestID(ctx),
			inv.Environment == nil), nil
	case "everything":
		return everything(ctx, inv), nil
	case "memory":
		return fmt.Append(nil, debug.SetMemoryLimit(-1)), ctx.Err() // a negative one changes nothing
	case "gate":
		return passGate(ctx)
	default:
		return inv.Payload, nil
	}
}

// everything is whatever a handler could learn of a caller.
func everything(ctx context.Context, inv hosting.Invocation) []byte {
	scf, _ := functioncontext.FromContext(ctx)
	aws, _ := lambdacontext.FromContext(ctx)
	return fmt.Appendf(nil, "%s %v %+v %+v %v %s", inv.Payload, inv, scf, aws, os.Environ(), telemetry.RequestID(ctx))
}

// gateVariable is an address that this function asks before it answers, so that the test knows that
// it is at work and decides how long.
const gateVariable = "CLOUDPAY_TEST_GATE"

func passGate(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv(gateVariable), http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	return io.ReadAll(response.Body)
}

// command is this binary as a function with exactly this environment; GOCOVERDIR only keeps a
// binary built for coverage from complaining on standard error.
func command(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // only ends a hang
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append([]string{functionVariable + "=1", "GOCOVERDIR=" + t.TempDir()}, env...)
	return cmd
}

func TestStartRefusesToRunWithoutAPlatform(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	cmd := command(t)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Fatalf("exit: got %v, want code 2", err)
	}
	for _, want := range []string{
		"_LAMBDA_SERVER_PORT", "AWS_LAMBDA_RUNTIME_API", "SCF_RUNTIME_API", "PORT", "Deploy it", "make demo", "go run ./cmd/cloudpay emulate",
	} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("standard error: got %q, want %q in it", stderr.String(), want)
		}
	}
	if strings.Count(stderr.String(), "\n") != 1 || stdout.Len() != 0 {
		t.Errorf("got %q on standard error and %q on standard output, want one line and nothing",
			stderr.String(), stdout.String())
	}
}

func TestStartExitsWhenThePortIsTaken(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{"_LAMBDA_SERVER_PORT", "PORT"} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			_, port, err := net.SplitHostPort(l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd := command(t, variable+"="+port, "CLOUDPAY_LISTEN_HOST=127.0.0.1")
			cmd.Stderr = &stderr
			var exit *exec.ExitError
			if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Fatalf("exit: got %v, want code 1", err)
			}
			if got := stderr.String(); !strings.Contains(got, "address already in use") || !strings.Contains(got, variable) {
				t.Errorf("standard error: got %q, want the port, its variable and the reason", got)
			}
		})
	}
}

// environment is a getenv over a map.
func environment(of map[string]string) func(string) string {
	return func(name string) string { return of[name] }
}

func TestStartListensWhereItIsTold(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		env  map[string]string
		want string
	}{
		"all interfaces": {map[string]string{"_LAMBDA_SERVER_PORT": "28902"}, ":28902"},
		"one host": {
			map[string]string{"_LAMBDA_SERVER_PORT": "28902", "CLOUDPAY_LISTEN_HOST": "127.0.0.1"}, "127.0.0.1:28902",
		},
		"IPv6": {map[string]string{"_LAMBDA_SERVER_PORT": "28902", "CLOUDPAY_LISTEN_HOST": "::1"}, "[::1]:28902"},
		"web":  {map[string]string{"PORT": "9000"}, "0.0.0.0:9000"},
		"web, one host": {
			map[string]string{"PORT": "9000", "CLOUDPAY_LISTEN_HOST": "127.0.0.1"}, "127.0.0.1:9000",
		},
		"Go1 before web": {map[string]string{"_LAMBDA_SERVER_PORT": "28902", "PORT": "9000"}, ":28902"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got string
			listen := func(network, address string) (net.Listener, error) {
				got = network + " " + address
				return nil, errors.New("not today")
			}
			var stderr bytes.Buffer
			if code := hosting.StartIn(environment(c.env), listen, &stderr, always(echo)); code != 1 {
				t.Errorf("exit code: got %d, want 1", code)
			}
			if got != "tcp "+c.want {
				t.Errorf("listened on %q, want %q", got, "tcp "+c.want)
			}
			if !strings.Contains(stderr.String(), "not today") {
				t.Errorf("standard error: got %q, want the reason in it", stderr.String())
			}
		})
	}
}

func TestStartServesSCF(t *testing.T) {
	t.Parallel()
	listening := make(chan net.Listener, 1)
	listen := func(network, _ string) (net.Listener, error) {
		l, err := net.Listen(network, "127.0.0.1:0")
		listening <- l
		return l, err
	}
	code := make(chan int, 1)
	go func() {
		code <- hosting.StartIn(environment(map[string]string{"_LAMBDA_SERVER_PORT": "1"}), listen, &bytes.Buffer{}, always(report))
	}()
	l := <-listening
	client, err := rpc.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	f := &scfFunction{t: t, client: client}
	f.wantPayload(f.invoke(messages.InvokeRequest{
		Payload: []byte("who"), FunctionName: "closeorder", RequestId: "r-1",
	}), "scf closeorder r-1 r-1 true")

	_ = l.Close()
	if got := <-code; got != 1 {
		t.Errorf("exit code when the listener is gone: got %d, want 1", got)
	}
}

func TestStartWithoutAPlatformInProcess(t *testing.T) {
	t.Parallel()
	listen := func(string, string) (net.Listener, error) {
		t.Error("listened although no platform is there")
		return nil, net.ErrClosed
	}
	var stderr bytes.Buffer
	if code := hosting.StartIn(environment(nil), listen, &stderr, always(echo)); code != 2 {
		t.Errorf("exit code: got %d, want 2", code)
	}
	if stderr.Len() == 0 {
		t.Error("standard error: got nothing, want a sentence")
	}
}

func TestStartServesNothingThatCannotBeBuilt(t *testing.T) {
	t.Parallel()
	listen := func(string, string) (net.Listener, error) {
		t.Error("listened although there is nothing to serve")
		return nil, net.ErrClosed
	}
	refuse := func([]string, io.Writer) (hosting.Function, error) {
		return hosting.Function{}, errors.New("WXPAY_MCHID is not set")
	}
	for _, variable := range []string{"_LAMBDA_SERVER_PORT", "AWS_LAMBDA_RUNTIME_API", "SCF_RUNTIME_API", "PORT"} {
		var stderr bytes.Buffer
		if code := hosting.StartIn(environment(map[string]string{variable: "1"}), listen, &stderr, refuse); code != 1 {
			t.Errorf("%s: exit code: got %d, want 1", variable, code)
		}
		if got, want := stderr.String(), "cloudpay: WXPAY_MCHID is not set\n"; got != want {
			t.Errorf("%s: standard error: got %q, want %q", variable, got, want)
		}
	}
}
