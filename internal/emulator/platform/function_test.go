package platform_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"

	"cloudpay/internal/emulator/platform"
)

// report is testdata/hello's report about itself.
type report struct {
	Context struct {
		RequestID, Namespace, FunctionName, FunctionVersion    string
		MemoryLimitInMb, TimeLimitInMs                         int
		Environment                                            map[string]string
		TencentcloudRegion, TencentcloudAppID, TencentcloudUin string
	}
	Lambda struct {
		AwsRequestID, InvokedFunctionArn string
		Identity                         struct{ CognitoIdentityID string }
		ClientContext                    struct{ Custom map[string]string }
	}
	Header   http.Header
	Request  string
	Deadline time.Time
	Environ  []string
	Folder   string
}

// Go1 tells the function about itself and the account, and an event's variables over the configured
// ones.
func TestWhatTheFunctionIsTold(t *testing.T) {
	t.Parallel()
	f := start(t, withEnv("GREETING=hi", "EMPTY=", "EQUALS=a=b"))
	c := f.described(platform.Event{Environment: map[string]string{"WX_OPENID": "oABC", "GREETING": "of this call"}}).Context
	if c.FunctionName != "hello" || c.FunctionVersion != "$LATEST" || c.Namespace != "default" {
		t.Errorf("function: got %q %q in %q, want hello $LATEST in default", c.FunctionName, c.FunctionVersion, c.Namespace)
	}
	if c.TencentcloudRegion == "" || c.TencentcloudAppID == "" || c.TencentcloudUin == "" {
		t.Errorf("account: got region %q, appid %q, uin %q; want all three",
			c.TencentcloudRegion, c.TencentcloudAppID, c.TencentcloudUin)
	}
	want := map[string]string{"GREETING": "of this call", "EMPTY": "", "EQUALS": "a=b", "WX_OPENID": "oABC"}
	if diff := cmp.Diff(want, c.Environment); diff != "" {
		t.Errorf("invocation's environment (-want +got):\n%s", diff)
	}
}

func TestWhatTheProcessFinds(t *testing.T) {
	t.Parallel()
	f := start(t, withEnv("GREETING=hi", "HOME=/my/own", "PWD=/elsewhere"))
	reply := f.invoke(do{Do: "report"})
	f.wantStatus(reply, platform.StatusOK, "")
	var got report
	if err := json.Unmarshal(reply.Payload, &got); err != nil {
		t.Fatal(err)
	}

	environ := map[string]string{}
	for _, entry := range got.Environ {
		name, value, _ := strings.Cut(entry, "=")
		environ[name] = value
	}
	port, err := strconv.Atoi(environ["_LAMBDA_SERVER_PORT"])
	if err != nil || port < 20000 || port >= 32000 {
		t.Errorf("_LAMBDA_SERVER_PORT: got %q, want a port from 20000 to 31999", environ["_LAMBDA_SERVER_PORT"])
	}
	folder := filepath.Dir(hello)
	want := map[string]string{
		"_LAMBDA_SERVER_PORT": strconv.Itoa(port), "_SCF_SERVER_PORT": strconv.Itoa(port),
		"CLOUDPAY_LISTEN_HOST": "127.0.0.1",
		"GREETING":             "hi",
		"HOME":                 "/my/own", // a default, which a configured variable replaces
		"LANG":                 "en_US.UTF8", "LC_ALL": "en_US.UTF8", "LOGNAME": "qcloud", "USER": "qcloud",
		"PATH": "/usr/local/bin:/usr/bin:/bin",
		"PWD":  folder, "USER_CODE_ROOT": folder + string(filepath.Separator),
		"SCF_FUNCTIONNAME": "hello", "SCF_FUNCTIONVERSION": "$LATEST", "SCF_RUNTIME": "Go1",
		"TENCENTCLOUD_APPID": environ["TENCENTCLOUD_APPID"], "TENCENTCLOUD_UIN": environ["TENCENTCLOUD_UIN"],
		"TENCENTCLOUD_REGION": "ap-guangzhou", "TENCENTCLOUD_RUNENV": "SCF", "TENCENTCLOUD_TZ": "UTC",
		"TZ": "UTC",
	}
	delete(environ, "SYSTEMROOT") // Windows cannot do without it
	if diff := cmp.Diff(want, environ); diff != "" {
		t.Errorf("process environment (-want +got):\n%s", diff)
	}
	wantFolder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		t.Fatal(err)
	}
	if gotFolder, err := filepath.EvalSymlinks(got.Folder); err != nil || gotFolder != wantFolder {
		t.Errorf("working directory: got %q (%v), want the binary's, %q", got.Folder, err, wantFolder)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *platform.Spec) { s.TimeLimit, s.Log = 0, nil })
	reply := f.invoke(do{Do: "report"})
	f.wantStatus(reply, platform.StatusOK, "")
	var got report
	if err := json.Unmarshal(reply.Payload, &got); err != nil {
		t.Fatal(err)
	}
	if got.Context.TimeLimitInMs != 3000 || got.Context.MemoryLimitInMb != 128 {
		t.Errorf("limits: got %d ms and %d MB, want SCF's 3000 and 128",
			got.Context.TimeLimitInMs, got.Context.MemoryLimitInMb)
	}
}

func TestRelativeBinary(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(here, hello)
	if err != nil {
		t.Skip(err) // another drive
	}
	f := start(t, func(s *platform.Spec) { s.Binary = relative })
	f.wantPayload(f.invoke(do{Text: "World"}), `"Hello World"`)
}

func TestHangUp(t *testing.T) {
	t.Parallel()
	f := start(t, withEnv("HELLO_START=hang up"))
	f.wantStatus(f.invoke(do{}), platform.StatusProcessExit, "Process exited unexpectedly")
	if got := f.Live(); got != 0 {
		t.Errorf("processes after one hung up: got %d, want 0", got)
	}
}

// Go1 passes on an error's type, and a panic's stack; the instance lives on.
func TestErrorTypes(t *testing.T) {
	t.Parallel()
	f := start(t)
	before := f.pid()
	reply := f.invoke(do{Do: "fail", Text: "no such order"})
	f.wantStatus(reply, platform.StatusUserError, "no such order")
	if reply.Err.Type != "errorString" || len(reply.Err.StackTrace) != 0 {
		t.Errorf("error: got type %q, stack %q; want errorString and none", reply.Err.Type, reply.Err.StackTrace)
	}
	reply = f.invoke(do{Do: "panic", Text: "boom"})
	f.wantStatus(reply, platform.StatusUserError, "boom")
	place := func(frame string) bool {
		return strings.Contains(frame, "main.go:") && strings.HasSuffix(frame, " handle")
	}
	if reply.Err.Type != "string" || !slices.ContainsFunc(reply.Err.StackTrace, place) {
		t.Errorf("panic: got type %q, stack %q; want string and the place in main.go", reply.Err.Type, reply.Err.StackTrace)
	}
	if after := f.pid(); after != before {
		t.Errorf("process after a panic: got %d, want the same as before, %d", after, before)
	}
}

// invokeRaw sends a payload unchanged.
func (f *function) invokeRaw(payload []byte) platform.Reply {
	f.t.Helper()
	reply, err := f.Call(f.t.Context(), platform.Event{Payload: payload})
	if err != nil {
		f.t.Fatal(err)
	}
	return reply
}

func TestNoInvokeMethod(t *testing.T) {
	t.Parallel()
	f := start(t, withEnv("HELLO_START=ping only"))
	f.wantStatus(f.invoke(do{}), platform.StatusUserError, "can't find method Function.Invoke")
}

// The platform learns of an instance's death some time after the kill.
func TestCallRightAfterAKill(t *testing.T) {
	t.Parallel()
	f := start(t)
	for range 50 {
		before := f.pid()
		process, err := os.FindProcess(before)
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Kill(); err != nil {
			t.Fatal(err)
		}
		if after := f.pid(); after == before || f.Live() != 1 {
			t.Fatalf("afterwards: got process %d of %d, want one fresh one", after, f.Live())
		}
	}
}

func TestCloseWhileAnInstanceStarts(t *testing.T) {
	t.Parallel()
	deaf := filepath.Join(t.TempDir(), "deaf")
	picked := make(chan struct{}, 1)
	pickPort := func() (int, error) {
		select {
		case picked <- struct{}{}:
		default:
		}
		return platform.FreePort()
	}
	f, m := startOnPorts(t, pickPort, withEnv("HELLO_DEAF_IF="+deaf)), openMeeting(t)
	<-picked
	if err := os.WriteFile(deaf, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first := f.invokeAside(t.Context(), m.event())
	m.await()
	second := f.invokeAside(t.Context(), do{}) // has to start an instance, which never listens
	<-picked
	if err := f.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	for _, call := range []<-chan outcome{first, second} {
		if got := <-call; !errors.Is(got.err, platform.ErrClosed) {
			t.Errorf("call: got %v, want ErrClosed", got.err)
		}
	}
	if got := f.Live(); got != 0 {
		t.Errorf("processes: got %d, want 0", got)
	}
}

// wantError fails the test unless err is one line with all these words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", words)
	}
	for _, want := range append(words, "") {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error: got %q, want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error: got %q, want one line", err)
	}
}

// TestStartThatNeverEnds has a process that does not even listen.
func TestStartOfWhatNeverServes(t *testing.T) {
	t.Parallel()
	ctx, log := untilLogged(t, "a call without an answer")
	_, err := platform.Start(ctx, spec(log, withEnv("HELLO_START=mute")))
	if wantError(t, err, "does not answer Function.Ping"); !errors.Is(err, errSaid) {
		t.Errorf("mute: got %v, want that it is over because the context is", err)
	}
	_, err = platform.Start(t.Context(), spec(io.Discard, platform.Hurried, withEnv("HELLO_START=nonsense")))
	wantError(t, err, "does not serve Function.Ping")
}

func TestStartRefusesABadSpec(t *testing.T) {
	t.Parallel()
	name := func(s string) func(*platform.Spec) { return func(spec *platform.Spec) { spec.Name = s } }
	cases := map[string]struct {
		change func(*platform.Spec)
		want   []string
	}{
		"no name":          {name(""), []string{"a function's name is a letter"}},
		"a digit first":    {name("1st"), []string{"a function's name is a letter"}},
		"a slash":          {name("a/b"), []string{"a function's name is a letter"}},
		"61 characters":    {name(strings.Repeat("a", 61)), []string{"at most 60"}},
		"no such binary":   {func(s *platform.Spec) { s.Binary = "/nowhere/hello" }, []string{"/nowhere/hello"}},
		"no equals sign":   {withEnv("sk-secret"), []string{"no = sign"}},
		"a name with dots": {withEnv("a.b=1"), []string{`"a.b" must start with a letter`}},
		"an underscore":    {withEnv("_LAMBDA_SERVER_PORT=1"), []string{`"_LAMBDA_SERVER_PORT" must start with a letter`}},
		"reserved":         {withEnv("TENCENTCLOUD_RUNENV=x"), []string{"the prefix TENCENTCLOUD_ is the platform's own"}},
		"over 4 KB":        {withEnv("A=" + strings.Repeat("x", 4096)), []string{"4097 bytes", "at most 4096"}},
		"too slow":         {withLimit(901 * time.Second), []string{"15m1s", "15m0s at most"}},
		"negative limit":   {withLimit(-1), []string{"-1ns"}},
		"too much memory":  {func(s *platform.Spec) { s.MemoryMB = 3073 }, []string{"3073 MB", "3072 at most"}},
		"negative memory":  {func(s *platform.Spec) { s.MemoryMB = -1 }, []string{"-1 MB"}},
		"several": {
			withEnv("SCF_X=1", "b c=2", "OK=3"), []string{"SCF_X: the prefix SCF_", `"b c" must start with a letter`},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := platform.Start(t.Context(), spec(io.Discard, c.change))
			wantError(t, err, c.want...)
			if strings.Contains(err.Error(), "sk-secret") {
				t.Errorf("error shows a value: %q", err)
			}
		})
	}
	exactly := start(t, withEnv("A="+strings.Repeat("x", 4095)))
	exactly.wantStatus(exactly.invoke(do{}), platform.StatusOK, "")
}

// ports returns the given ports first and free ones after them.
func ports(given ...int) func() (int, error) {
	return func() (int, error) {
		if len(given) == 0 {
			return platform.FreePort()
		}
		port := given[0]
		given = given[1:]
		return port, nil
	}
}

// occupy listens on a port in the function's place.
func occupy(t *testing.T, handle func(net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go handle(conn)
		}
	}()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("listening on a %T", l.Addr())
	}
	return addr.Port
}

func TestPortTakenInBetween(t *testing.T) {
	t.Parallel()
	strangers := map[string]func(net.Conn){
		"by a silent process":  func(net.Conn) {},
		"by one that hangs up": func(conn net.Conn) { _ = conn.Close() },
		"by one with another protocol": func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = conn.Close()
		},
		"by another function": func(conn net.Conn) {
			server := rpc.NewServer()
			_ = server.RegisterName("Function", anotherFunction{})
			server.ServeConn(conn)
		},
	}
	for name, stranger := range strangers {
		for _, r := range []platform.Runtime{platform.Go1, platform.Web} {
			t.Run(string(r)+" "+name, func(t *testing.T) {
				t.Parallel()
				if (r == platform.Web || strings.HasSuffix(name, "function")) && runtime.GOOS != "linux" {
					t.Skip("only Linux tells which process listens")
				}
				f := startOnPorts(t, ports(occupy(t, stranger), occupy(t, stranger)), as(r))
				f.wantPayload(f.invoke(do{Text: "World"}), `"Hello World"`)
				if got := f.Live(); got != 1 {
					t.Errorf("processes: got %d, want 1", got)
				}
			})
		}
	}
}

// anotherFunction is one that answers Ping as ours does.
type anotherFunction struct{}

func (anotherFunction) Ping(*messages.PingRequest, *messages.PingResponse) error { return nil }

// The process that took the port first may be killed during a ping. The function then gets the
// port, and must start.
func TestPortFreedInBetween(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = l.Close(), conn.Close()
		}
	}()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("listening on a %T", l.Addr())
	}
	f := startOnPorts(t, ports(addr.Port))
	f.wantPayload(f.invoke(do{Text: "World"}), `"Hello World"`)
}

// A web function may be a script that starts the server.
func TestWebInAChild(t *testing.T) {
	t.Parallel()
	f := start(t, as(platform.Web), withEnv("HELLO_START=child"))
	f.wantPayload(f.invoke(do{Text: "World"}), `"Hello World"`)
}

func TestNoPort(t *testing.T) {
	t.Parallel()
	taken := occupy(t, func(net.Conn) {})
	tried := 0
	_, err := platform.StartOnPorts(t.Context(), spec(io.Discard), func() (int, error) {
		tried++
		return taken, nil
	})
	wantError(t, err, "address already in use")
	if tried != 5 {
		t.Errorf("attempts: got %d, want 5", tried)
	}
	cause := errors.New("no port today")
	_, err = platform.StartOnPorts(t.Context(), spec(io.Discard), func() (int, error) { return 0, cause })
	if !errors.Is(err, cause) {
		t.Errorf("start without a port: got %v, want the cause", err)
	}
}

func TestBinaryDisappears(t *testing.T) {
	t.Parallel()
	copied := filepath.Join(t.TempDir(), "hello.exe")
	if err := os.Link(hello, copied); err != nil { // written, it could not be run while another test's fork has it open
		t.Fatal(err)
	}
	f := start(t, func(s *platform.Spec) { s.Binary = copied })
	if err := os.Remove(copied); err != nil {
		t.Skip(err) // a running program cannot be removed on Windows
	}
	f.wantStatus(f.invoke(do{Text: "still there"}), platform.StatusOK, "")
	f.wantStatus(f.invoke(do{Do: "exit", Size: 1}), platform.StatusProcessExit, "")
	_, err := f.Invoke(t.Context(), do{}.event())
	wantError(t, err, `invoking function "hello"`, copied)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error: got %v, want os.ErrNotExist", err)
	}
}

func BenchmarkWarmInvoke(b *testing.B) {
	f, err := platform.Start(b.Context(), spec(io.Discard))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	event := do{Text: "World"}.event()
	for b.Loop() {
		if reply, err := f.Invoke(b.Context(), event); err != nil || reply.Err != nil {
			b.Fatal(err, reply.Err)
		}
	}
}

func BenchmarkColdStart(b *testing.B) {
	for b.Loop() {
		f, err := platform.Start(b.Context(), spec(io.Discard))
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
