package platform_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloudpay/internal/emulator/platform"
)

// testTimeout ends a test that hangs. Nothing is expected to take nearly that long.
const testTimeout = time.Minute

// hello is the path of the compiled testdata/hello.
var hello string

// emulatorVariable makes this test binary an emulator that a test can kill; it holds the path of
// the function's binary.
const emulatorVariable = "CLOUDPAY_TEST_EMULATOR"

func TestMain(m *testing.M) {
	if binary := os.Getenv(emulatorVariable); binary != "" {
		emulate(binary)
	}
	os.Exit(runTests(m))
}

// runTests builds the function once for all tests.
func runTests(m *testing.M) int {
	folder, err := os.MkdirTemp("", "platform-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }()
	hello = filepath.Join(folder, "hello")
	if runtime.GOOS == "windows" {
		hello += ".exe"
	}
	if err := platform.Build(context.Background(), ".", "./testdata/hello", hello); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// recorder is a log that remembers its lines.
type recorder struct {
	mu    sync.Mutex
	lines []string
	torn  int // writes that were not one whole line
}

func (r *recorder) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if bytes.IndexByte(text, '\n') != len(text)-1 {
		r.torn++
	}
	r.lines = append(r.lines, strings.TrimSuffix(string(text), "\n"))
	return len(text), nil
}

// all is the log so far.
func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// function is a started function, with verbs for tests.
type function struct {
	*platform.Function
	t   *testing.T
	log *recorder
}

// start starts a function with the spec's defaults until the test ends.
func start(t *testing.T, changes ...func(*platform.Spec)) *function {
	t.Helper()
	return startOnPorts(t, platform.FreePort, changes...)
}

// startOnPorts is start with the test's choice of ports.
func startOnPorts(t *testing.T, pickPort func() (int, error), changes ...func(*platform.Spec)) *function {
	t.Helper()
	log := &recorder{}
	f, err := platform.StartOnPorts(t.Context(), spec(log, changes...), pickPort)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if t.Failed() {
			t.Logf("the function's log:\n%s", strings.Join(log.all(), "\n"))
		}
	})
	return &function{Function: f, t: t, log: log}
}

// spec is a spec of hello.
func spec(log io.Writer, changes ...func(*platform.Spec)) platform.Spec {
	s := platform.Spec{Name: "hello", Binary: hello, TimeLimit: testTimeout, Log: log}
	platform.Unhurried(&s)
	for _, change := range changes {
		change(&s)
	}
	return s
}

// as sets the runtime.
func as(r platform.Runtime) func(*platform.Spec) {
	return func(s *platform.Spec) { s.Runtime = r }
}

// untilLogged is a context that ends when the function has logged a text, and its log.
func untilLogged(t *testing.T, words string) (context.Context, io.Writer) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return ctx, listener(func(line string) {
		if strings.Contains(line, words) {
			cancel(errSaid)
		}
	})
}

// errSaid is the cause of such a context's end.
var errSaid = errors.New("it has said so")

// listener is a log that a test waits on.
type listener func(line string)

func (l listener) Write(line []byte) (int, error) {
	l(string(line))
	return len(line), nil
}

// withEnv sets configured variables.
func withEnv(env ...string) func(*platform.Spec) {
	return func(s *platform.Spec) { s.Env = env }
}

// withLimit sets the time limit.
func withLimit(limit time.Duration) func(*platform.Spec) {
	return func(s *platform.Spec) { s.TimeLimit = limit }
}

// do is an event for hello.
type do struct {
	Do      string
	Text    string `json:",omitempty"`
	Size    int    `json:",omitempty"`
	Address string `json:",omitempty"`
	Setsid  bool   `json:",omitempty"`
	Exit    bool   `json:",omitempty"`
}

// event is an event with this payload.
func (d do) event() platform.Event {
	payload, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return platform.Event{Payload: payload}
}

// invoke calls the function and fails the test if the platform fails.
func (f *function) invoke(d do) platform.Reply {
	f.t.Helper()
	reply, err := f.Call(f.t.Context(), d.event())
	if err != nil {
		f.t.Fatalf("Invoke %+v: %v", d, err)
	}
	return reply
}

// pid is the process that handles the next event.
func (f *function) pid() int {
	f.t.Helper()
	reply := f.invoke(do{Do: "pid"})
	f.wantStatus(reply, platform.StatusOK, "")
	pid, err := strconv.Atoi(string(reply.Payload))
	if err != nil {
		f.t.Fatal(err)
	}
	return pid
}

// wantStatus fails the test unless the reply has this status, with these words in its error or, for
// 200, no error.
func (f *function) wantStatus(got platform.Reply, status int, words string) {
	f.t.Helper()
	if got.Status != status {
		f.t.Fatalf("status: got %d (%v, payload %.80q), want %d", got.Status, got.Err, got.Payload, status)
	}
	switch {
	case status == platform.StatusOK:
		if got.Err != nil {
			f.t.Errorf("status 200 with error %q", got.Err)
		}
	case got.Err == nil || !strings.Contains(got.Err.Error(), words):
		f.t.Errorf("status %d: got error %v, want %q in it", status, got.Err, words)
	case got.Payload != nil:
		f.t.Errorf("status %d with payload %.80q, want none", status, got.Payload)
	}
}

// wantPayload fails the test unless the function answered this.
func (f *function) wantPayload(got platform.Reply, want string) {
	f.t.Helper()
	f.wantStatus(got, platform.StatusOK, "")
	if string(got.Payload) != want {
		f.t.Errorf("payload: got %.200q, want %.200q", got.Payload, want)
	}
}

// logged is the log once everything is written.
func (f *function) logged() []string {
	f.t.Helper()
	select {
	case <-f.LogWritten():
	case <-time.After(testTimeout):
		f.t.Fatalf("log: not written after %v", testTimeout)
	}
	return f.log.all()
}

// wantLogged fails the test unless a line of the log has these words, and returns that line.
func (f *function) wantLogged(words string) string {
	f.t.Helper()
	logged := f.logged()
	for _, line := range logged {
		if strings.Contains(line, words) {
			return line
		}
	}
	f.t.Fatalf("log: got\n%s\nwant a line with %q", strings.Join(logged, "\n"), words)
	return ""
}

// wantGone fails the test unless there is no such process any more.
func wantGone(t *testing.T, pid int) {
	t.Helper()
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Signal(syscall.Signal(0))
	}
	if !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("process %d: got %v, want that it is gone", pid, err)
	}
}

// meeting is a listener to which functions report in the middle of an event.
type meeting struct {
	t *testing.T
	l net.Listener
}

// guest is a process that reported to a meeting.
type guest struct {
	net.Conn
	pid int
}

// openMeeting listens for functions until the test ends.
func openMeeting(t *testing.T) *meeting {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &meeting{t: t, l: l}
}

// event has a function report here and wait until it is released.
func (m *meeting) event() do { return do{Do: "meet", Address: m.l.Addr().String()} }

// await waits for the next process.
func (m *meeting) await() guest {
	m.t.Helper()
	conn, err := m.l.Accept()
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(testTimeout)); err != nil {
		m.t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		m.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		m.t.Fatal(err)
	}
	return guest{Conn: conn, pid: pid}
}

// letGo releases a function.
func (g guest) letGo(t *testing.T) {
	t.Helper()
	if _, err := g.Write([]byte{1}); err != nil {
		t.Error(err)
	}
}

// wantDead fails the test unless the process ends, which closes its connections.
func (g guest) wantDead(t *testing.T) {
	t.Helper()
	if _, err := g.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("process %d: got %v from its connection, want that it ended", g.pid, err)
	}
}

// outcome is what an Invoke returned.
type outcome struct {
	reply platform.Reply
	err   error
}

// invokeAside calls the function in another goroutine.
func (f *function) invokeAside(ctx context.Context, d do) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		reply, err := f.Call(ctx, d.event())
		done <- outcome{reply, err}
	}()
	return done
}

// wantJSON reads a JSON document.
func wantJSON(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("got %.300s, want JSON: %v", text, err)
	}
}
