package hosting_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/hosting"
)

// customAPI is the platform's side of SCF's custom runtime, and the function process that was
// started against it. The test is told of every request, and decides how it is answered.
type customAPI struct {
	t      *testing.T
	server *httptest.Server
	asked  chan customRequest
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	exited chan struct{}
}

// customRequest is one request of the function's, which waits for its answer.
type customRequest struct {
	call   string // method and path
	body   string
	answer chan<- http.HandlerFunc
}

const (
	askReady     = "POST /runtime/init/ready"
	askNext      = "GET /runtime/invocation/next"
	postResponse = "POST /runtime/invocation/response"
	postError    = "POST /runtime/invocation/error"
)

// servePlatform plays the platform, without a function yet.
func servePlatform(t *testing.T) *customAPI {
	t.Helper()
	api := &customAPI{t: t, asked: make(chan customRequest), stderr: &bytes.Buffer{}, exited: make(chan struct{})}
	api.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the function was killed
		}
		answer := make(chan http.HandlerFunc, 1)
		select {
		case api.asked <- customRequest{r.Method + " " + r.URL.Path, string(body), answer}:
		case <-r.Context().Done():
			return
		}
		select {
		case play := <-answer:
			play(w, r)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(api.server.Close)
	return api
}

// env is what tells a function where this platform is.
func (a *customAPI) env() []string {
	host, port, err := net.SplitHostPort(strings.TrimPrefix(a.server.URL, "http://"))
	if err != nil {
		a.t.Fatal(err)
	}
	return []string{"SCF_RUNTIME_API=" + host, "SCF_RUNTIME_API_PORT=" + port, "SCF_FUNCTIONNAME=closeorder"}
}

// runs starts a function, which has this platform in its environment, until the test ends.
func (a *customAPI) runs(cmd *exec.Cmd) {
	a.t.Helper()
	a.cmd = cmd
	cmd.Stderr = a.stderr
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // read from ProcessState
		close(a.exited)
	}()
	a.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-a.exited
		if a.t.Failed() {
			a.t.Logf("the function's standard error:\n%s", a.stderr.String())
		}
	})
}

// startCustom runs this test binary under SCF's custom runtime, and lets it say that it is ready.
func startCustom(t *testing.T, env ...string) *customAPI {
	t.Helper()
	api := servePlatform(t)
	api.runs(command(t, append(api.env(), env...)...))
	api.accept(api.want(askReady))
	return api
}

// want waits for the function's next request, which must be this call.
func (a *customAPI) want(call string) customRequest {
	a.t.Helper()
	select {
	case request := <-a.asked:
		if request.call != call {
			a.t.Fatalf("the function's request: got %s %.80q, want %s", request.call, request.body, call)
		}
		return request
	case <-a.exited:
		a.t.Fatalf("the function ended (%v), want %s", a.cmd.ProcessState, call)
	case <-time.After(time.Minute): // only ends a hang
		a.t.Fatalf("the function does not ask for %s", call)
	}
	return customRequest{}
}

// accept is the platform's plain yes.
func (a *customAPI) accept(request customRequest) { a.status(request, http.StatusOK) }

func (a *customAPI) status(request customRequest, status int) {
	request.answer <- func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// give hands out one event as soon as the function asks for one; headers are names and values in
// turn.
func (a *customAPI) give(payload string, headers ...string) {
	a.t.Helper()
	a.want(askNext).answer <- func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header()[headers[i]] = []string{headers[i+1]} // as it is spelt
		}
		_, _ = io.WriteString(w, payload)
	}
}

// invoke hands out an event and takes the answer, a result or an error.
func (a *customAPI) invoke(want, payload string, headers ...string) string {
	a.t.Helper()
	a.give(payload, headers...)
	request := a.want(want)
	a.accept(request)
	return request.body
}

func TestCustomRuntime(t *testing.T) {
	t.Parallel()
	api := startCustom(t, "_LAMBDA_SERVER_PORT=1", "PORT=1") // neither of which is looked at
	id := []string{"request_id", "r-1", "time_limit_in_ms", "60000", "memory_limit_in_mb", "128"}

	if got, want := api.invoke(postResponse, "who", id...), "scf-custom closeorder r-1 r-1 true"; got != want {
		t.Errorf("result: got %q, want %q", got, want)
	}
	for _, event := range []string{`{"out_trade_no":"A1"}`, "", "null", "\xff"} {
		if got := api.invoke(postResponse, event); got != event {
			t.Errorf("result: got %q, want the event %q", got, event)
		}
	}
	if got := api.invoke(postError, "fail"); got != "refused" {
		t.Errorf("error: got %q, want the handler's", got)
	}
	if got := api.invoke(postError, "panic", id...); !strings.Contains(got, `request id "r-1"`) || strings.Contains(got, "boom") {
		t.Errorf("error: got %q, want the request id of a panic, and not its text", got)
	}
	if got := api.invoke(postResponse, "alive"); got != "alive" {
		t.Errorf("result after a panic: got %q, want the event", got)
	}
}

func TestCustomRuntimeSizes(t *testing.T) {
	t.Parallel()
	api := startCustom(t)
	most := strings.Repeat("x", 6<<20)
	if got := api.invoke(postResponse, most); got != most {
		t.Errorf("6 MiB event: got %d bytes, want them all", len(got))
	}
	// The event of 7 MB reaches the handler, which says so in its trigger's form; this one sends it
	// back.
	if got := api.invoke(postError, strings.Repeat("x", 7<<20)); !strings.Contains(got, "7340032 bytes") {
		t.Errorf("7 MiB result: got %.80q, want its length", got)
	}
	if got := api.invoke(postError, strings.Repeat("x", 16<<20+1)); !strings.Contains(got, "at most 16 MiB") {
		t.Errorf("16 MiB event: got %.80q, want the limit", got)
	}
	if got := api.invoke(postResponse, "alive"); got != "alive" {
		t.Errorf("result: got %q, want the event", got)
	}
}

func TestCustomRuntimeHeaders(t *testing.T) {
	t.Parallel()
	api := startCustom(t)
	for _, name := range []string{
		"request_id", "Request_id", "REQUEST_ID", "request-id", "Request-Id", "X-Scf-Request-Id", "x-scf-request-id",
	} {
		if got, want := api.invoke(postResponse, "who", name, "r-7"), "scf-custom closeorder r-7 r-7 true"; got != want {
			t.Errorf("header %s: got %q, want %q", name, got, want)
		}
	}
	for _, c := range []struct {
		name, value string
		want        time.Duration
	}{
		{"time_limit_in_ms", "60000", time.Minute},
		{"Time-Limit-In-Ms", "60000", time.Minute},
		{"time_limit_in_ms", "", 3 * time.Second},
		{"time_limit_in_ms", "0", 3 * time.Second},
		{"time_limit_in_ms", "-1", 3 * time.Second},
		{"time_limit_in_ms", "soon", 3 * time.Second},
		{"time_limit_in_ms", "99999999999999999999", 3 * time.Second},
		{"memory_limit_in_mb", "60000", 3 * time.Second},
	} {
		before := time.Now()
		got, err := strconv.ParseInt(api.invoke(postResponse, "deadline", c.name, c.value), 10, 64)
		if from, to := before.Add(c.want).UnixMilli(), time.Now().Add(c.want).UnixMilli(); err != nil || got < from || got > to {
			t.Errorf("%s: %s: got deadline %d and error %v, want between %d and %d", c.name, c.value, got, err, from, to)
		}
	}
}

// A platform that stumbles is asked again; what it says meanwhile is no event.
func TestCustomRuntimeSurvivesMalformedAnswers(t *testing.T) {
	t.Parallel()
	api := startCustom(t)
	for _, bad := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "who", http.StatusInternalServerError) },
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "cut short")
		},
	} {
		api.want(askNext).answer <- bad
	}
	if got := api.invoke(postResponse, "alive"); got != "alive" {
		t.Errorf("result: got %q, want the event", got)
	}
	// A good turn starts the count anew.
	for range 4 {
		api.status(api.want(askNext), http.StatusServiceUnavailable)
	}
	if got := api.invoke(postResponse, "alive"); got != "alive" {
		t.Errorf("result: got %q, want the event", got)
	}
}

func TestCustomRuntimeReadyIsRepeated(t *testing.T) {
	t.Parallel()
	api := servePlatform(t)
	api.runs(command(t, api.env()...))
	api.status(api.want(askReady), http.StatusInternalServerError)
	api.accept(api.want(askReady))
	if got := api.invoke(postResponse, "alive"); got != "alive" {
		t.Errorf("result: got %q, want the event", got)
	}
}

// The API hands out an event until one answer has arrived.
func TestCustomRuntimeAnswersARepeatedEventAgain(t *testing.T) {
	t.Parallel()
	api := startCustom(t)
	for _, lost := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, // the connection breaks
	} {
		api.give("A1", "request_id", "r-1")
		api.want(postResponse).answer <- lost
	}
	if got := api.invoke(postResponse, "A1", "request_id", "r-1"); got != "A1" {
		t.Errorf("the event again: got %q, want its result again", got)
	}
}

// wantExit waits until the function has ended, with code 1 and this on standard error.
func (a *customAPI) wantExit(want string) {
	a.t.Helper()
	select {
	case <-a.exited:
	case <-time.After(time.Minute): // only ends a hang
		a.t.Fatal("the function does not end")
	}
	if code := a.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(a.stderr.String(), want) {
		a.t.Errorf("exit: got code %d and %q, want 1 and %q", code, a.stderr.String(), want)
	}
}

func TestCustomRuntimeEndsWhenTheAPIIsGone(t *testing.T) {
	t.Parallel()
	api := startCustom(t)
	if got := api.invoke(postResponse, "alive"); got != "alive" {
		t.Fatalf("result: got %q, want the event", got)
	}
	api.want(askNext)
	_ = api.server.Listener.Close()
	api.server.CloseClientConnections()
	api.wantExit("cloudpay: the custom runtime's API failed 5 times in a row: asking for the next event")
}

func TestCustomRuntimeEndsWhenNobodyTakesItsAnswers(t *testing.T) {
	t.Parallel()
	api := startCustom(t)
	for range 5 {
		api.give("A1")
		api.status(api.want(postResponse), http.StatusBadRequest)
	}
	api.wantExit("failed 5 times in a row: posting to /runtime/invocation/response: got status 400, want 2xx")
}

func TestCustomRuntimeEndsWhenItIsNeverTakenAsReady(t *testing.T) {
	t.Parallel()
	api := servePlatform(t)
	api.runs(command(t, api.env()...))
	for range 5 {
		api.status(api.want(askReady), http.StatusNotFound)
	}
	api.wantExit("posting to /runtime/init/ready: got status 404")
}

func TestCustomRuntimeEndsOnAnAddressThatIsNone(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	cmd := command(t, "SCF_RUNTIME_API=not an address")
	cmd.Stderr = &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(stderr.String(), "SCF_RUNTIME_API") {
		t.Errorf("exit: got %v and %q, want code 1 and the variable", err, stderr.String())
	}
}

func TestCustomBase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ host, port, want string }{
		{"127.0.0.1", "9001", "http://127.0.0.1:9001"},
		{"127.0.0.1:9001", "", "http://127.0.0.1:9001"},
		{"scf", "80", "http://scf:80"},
		{"::1", "9001", "http://[::1]:9001"},
		{"[::1]", "9001", "http://[::1]:9001"},
	} {
		if got := hosting.CustomBase(c.host, c.port); got != c.want {
			t.Errorf("CustomBase(%q, %q): got %q, want %q", c.host, c.port, got, c.want)
		}
	}
}

func TestPersist(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]struct {
		calls int
		took  time.Duration
		fails bool
	}{
		0: {1, 0, false},
		1: {2, 100 * time.Millisecond, false},
		4: {5, 1500 * time.Millisecond, false},
		5: {5, 1500 * time.Millisecond, true},
	} {
		t.Run(fmt.Sprint(failures, " failures"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var calls int
				started := time.Now()
				err := hosting.Persist(func() error {
					if calls++; calls <= failures {
						return io.ErrUnexpectedEOF
					}
					return nil
				})
				if calls != want.calls || time.Since(started) != want.took || errors.Is(err, io.ErrUnexpectedEOF) != want.fails {
					t.Errorf("got %d calls in %v and error %v, want %d in %v and failure %v",
						calls, time.Since(started), err, want.calls, want.took, want.fails)
				}
			})
		})
	}
}

func TestStartServesTheCustomRuntime(t *testing.T) {
	t.Parallel()
	api := servePlatform(t)
	vars := map[string]string{}
	for _, entry := range api.env() {
		name, value, _ := strings.Cut(entry, "=")
		vars[name] = value
	}
	code := make(chan int, 1)
	var stderr bytes.Buffer
	go func() { code <- hosting.StartIn(environment(vars), net.Listen, &stderr, always(report)) }()
	api.accept(api.want(askReady))
	if got, want := api.invoke(postResponse, "who", "request_id", "r-1"), "scf-custom closeorder r-1 r-1 true"; got != want {
		t.Errorf("result: got %q, want %q", got, want)
	}
	if got := api.invoke(postError, "fail"); got != "refused" {
		t.Errorf("error: got %q, want the handler's", got)
	}
	if got := api.invoke(postError, strings.Repeat("x", 6<<20+1)); !strings.Contains(got, "6291457 bytes") {
		t.Errorf("error: got %.80q, want the length of the result", got)
	}
	if got := api.invoke(postError, strings.Repeat("x", 16<<20+1)); !strings.Contains(got, "16 MiB") {
		t.Errorf("error: got %.80q, want the limit of an event", got)
	}
	for range 5 {
		api.status(api.want(askNext), http.StatusGone)
	}
	if got := <-code; got != 1 || !strings.Contains(stderr.String(), "got status 410, want 200") {
		t.Errorf("when the API is gone: got code %d and %q, want 1 and its last word", got, stderr.String())
	}
}
