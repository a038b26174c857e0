package platform_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// The conformance suite of the protocols: these tests hold for every runtime. The tests of one
// runtime are in the file with its name.

func TestInvoke(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f := start(t, as(r))
			reply := f.invoke(do{Do: "hello", Text: "World"})
			f.wantPayload(reply, `"Hello World"`)
			if reply.Duration <= 0 || reply.Duration > testTimeout {
				t.Errorf("duration: got %v, want more than nothing", reply.Duration)
			}
			uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
			if !uuid.MatchString(reply.RequestID) {
				t.Errorf("request id: got %q, want a random UUID", reply.RequestID)
			}
			if again := f.invoke(do{Do: "hello"}); again.RequestID == reply.RequestID {
				t.Errorf("request id: got %q for two calls", again.RequestID)
			}
		})
	}
}

func TestInstanceIsReused(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f := start(t, as(r))
			first := f.pid()
			for range 5 {
				if got := f.pid(); got != first {
					t.Errorf("process: got %d, want the first one, %d", got, first)
				}
			}
			if got := f.Live(); got != 1 {
				t.Errorf("processes: got %d, want 1", got)
			}
		})
	}
}

func TestTimeLimit(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			limit := 2 * time.Second
			f := start(t, as(r))
			before := f.pid()
			f.SetTimeLimit(limit) // for the sleeper alone
			reply := f.invoke(do{Do: "sleep"})
			f.SetTimeLimit(testTimeout)
			f.wantStatus(reply, platform.StatusTimeLimit, "Invoking task timed out after 2 seconds")
			if reply.Duration < limit || reply.Duration > testTimeout {
				t.Errorf("duration: got %v, want %v or little more", reply.Duration, limit)
			}
			wantGone(t, before)
			if after := f.pid(); after == before {
				t.Errorf("process after the time limit: got %d again, want a fresh one", after)
			}
			if got := f.Live(); got != 1 {
				t.Errorf("processes: got %d, want 1", got)
			}
		})
	}
}

func TestKillTakesWhatTheFunctionStarted(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			for name, exit := range map[string]bool{"killed": false, "exited by itself": true} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					f, m := start(t, as(r)), openMeeting(t)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					event := m.event()
					event.Do, event.Exit = "spawn", exit
					done := f.invokeAside(ctx, event)
					guests := []guest{m.await(), m.await()} // the function and its child, in any order
					if exit {
						for _, g := range guests {
							g.letGo(t) // the child does not read
						}
					} else {
						cancel()
					}
					for _, g := range guests {
						g.wantDead(t)
					}
					<-done
				})
			}
		})
	}
}

// The same when an instance ends by itself between two events.
func TestIdleEndTakesWhatTheFunctionStarted(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f, m := start(t, as(r)), openMeeting(t)
			event := m.event()
			event.Do, event.Text = "spawn", "and answer"
			call := f.invokeAside(t.Context(), event)
			guests := []guest{m.await(), m.await()} // the function and its child, in any order
			for _, g := range guests {
				g.letGo(t) // the child does not read
			}
			got := <-call
			if got.err != nil {
				t.Fatal(got.err)
			}
			f.wantStatus(got.reply, platform.StatusOK, "")
			process, err := os.FindProcess(f.pid())
			if err != nil {
				t.Fatal(err)
			}
			if err := process.Kill(); err != nil {
				t.Fatal(err)
			}
			for _, g := range guests {
				g.wantDead(t)
			}
		})
	}
}

// A child that leaves the process group is not killed with it, and must not delay the platform.
func TestRunawayChildDoesNotBlock(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f, m := start(t, as(r), platform.Hurried), openMeeting(t)
			event := m.event()
			event.Do, event.Setsid, event.Exit = "spawn", true, true
			done := f.invokeAside(t.Context(), event)
			guests := []guest{m.await(), m.await()}
			for _, g := range guests {
				g.letGo(t)
			}
			got := <-done
			if got.err != nil {
				t.Fatal(got.err)
			}
			f.wantStatus(got.reply, platform.StatusProcessExit, "exit status 0")
		})
	}
}

func TestProcessExit(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f := start(t, as(r))
			before := f.pid()
			reply := f.invoke(do{Do: "exit", Size: 3})
			f.wantStatus(reply, platform.StatusProcessExit, "exit status 3")
			f.wantLogged("last words")
			wantGone(t, before)
			if after := f.pid(); after == before {
				t.Errorf("process after an exit: got %d again, want a fresh one", after)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f := start(t, as(r))
			before := f.pid()

			const quotes = 2
			reply := f.invoke(do{Do: "big", Size: platform.MaxPayload - quotes})
			f.wantStatus(reply, platform.StatusOK, "")
			if len(reply.Payload) != platform.MaxPayload {
				t.Errorf("result: got %d bytes, want %d", len(reply.Payload), platform.MaxPayload)
			}
			f.wantStatus(f.invoke(do{Do: "big", Size: platform.MaxPayload - quotes + 1}), platform.StatusResponseTooLarge, "6291457 bytes")
			f.wantStatus(f.invoke(do{Do: "big", Size: 7 << 20}), platform.StatusResponseTooLarge, "at most 6291456")

			fits := []byte(`{"Do":"hello","Text":"` + strings.Repeat("x", platform.MaxPayload-24) + `"}`)
			f.wantStatus(f.invokeRaw(fits), platform.StatusOK, "")
			started := len(f.logged())
			f.wantStatus(f.invokeRaw(append(fits, ' ')), platform.StatusRequestTooLarge, "6291457 bytes")
			if got := f.logged()[started:]; len(got) != 0 {
				t.Errorf("log of an event that was too large: got %q, want nothing, as no instance saw it", got)
			}
			if after := f.pid(); after != before && r != platform.Lambda { // where aws-lambda-go ends a process whose post is refused
				t.Errorf("process: got %d, want the same as before, %d", after, before)
			}
		})
	}
}

func TestOneEventPerInstance(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f, m := start(t, as(r)), openMeeting(t)
			const callers = 3
			var calls []<-chan outcome
			pids := map[int]bool{}
			var guests []guest
			for range callers {
				calls = append(calls, f.invokeAside(t.Context(), m.event()))
				g := m.await() // and it stays in the middle of its event
				guests, pids[g.pid] = append(guests, g), true
			}
			if len(pids) != callers || f.Live() != callers {
				t.Errorf("processes: got %d different of %d, want %d", len(pids), f.Live(), callers)
			}
			for i, g := range guests {
				g.letGo(t)
				got := <-calls[i]
				if got.err != nil {
					t.Fatal(got.err)
				}
				f.wantPayload(got.reply, strconv.Itoa(g.pid))
			}
			if got, last := f.pid(), guests[callers-1].pid; got != last || f.Live() != callers {
				t.Errorf("afterwards: got process %d of %d, want the one used last, %d, of the same %d", got, f.Live(), last, callers)
			}
		})
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f := start(t, as(r))
			const callers = 12
			var calls []<-chan outcome
			for i := range callers {
				calls = append(calls, f.invokeAside(t.Context(), do{Text: strconv.Itoa(i)}))
			}
			for i, call := range calls {
				got := <-call
				if got.err != nil {
					t.Fatal(got.err)
				}
				f.wantPayload(got.reply, fmt.Sprintf("%q", "Hello "+strconv.Itoa(i)))
			}
			f.logged()
			if f.log.torn != 0 {
				t.Errorf("log: got %d writes that were not one whole line", f.log.torn)
			}
		})
	}
}

func TestInstanceThatDiedIdle(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f := start(t, as(r))
			before := f.pid()
			process, err := os.FindProcess(before)
			if err != nil {
				t.Fatal(err)
			}
			ended := f.IdleEnded()
			if err := process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-ended
			if after := f.pid(); after == before || f.Live() != 1 {
				t.Errorf("afterwards: got process %d of %d, want one fresh one", after, f.Live())
			}
		})
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f, m := start(t, as(r)), openMeeting(t)
			idle := f.pid()
			first := f.invokeAside(t.Context(), m.event())
			busy := []guest{m.await()}
			second := f.invokeAside(t.Context(), m.event())
			busy = append(busy, m.await())
			busy[0].letGo(t)
			if got := <-first; got.err != nil {
				t.Fatal(got.err)
			}

			if err := f.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if got := <-second; !errors.Is(got.err, platform.ErrClosed) {
				t.Errorf("call in progress: got %v and status %d, want ErrClosed", got.err, got.reply.Status)
			}
			for _, pid := range []int{idle, busy[0].pid, busy[1].pid} {
				wantGone(t, pid)
			}
			if got := f.Live(); got != 0 {
				t.Errorf("processes: got %d, want 0", got)
			}
			if _, err := f.Call(t.Context(), do{}.event()); !errors.Is(err, platform.ErrClosed) {
				t.Errorf("Invoke after Close: got %v, want ErrClosed", err)
			}
			if err := f.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

func TestCallerGoesAway(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f, m := start(t, as(r)), openMeeting(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			call := f.invokeAside(ctx, m.event())
			g := m.await()
			cause := errors.New("had enough")
			cancel(cause)
			if got := <-call; !errors.Is(got.err, cause) {
				t.Errorf("call: got %v, want the cause", got.err)
			}
			wantGone(t, g.pid)
			f.wantLogged("the caller went away")

			before := f.pid()
			if _, err := f.Call(ctx, do{}.event()); !errors.Is(err, cause) {
				t.Errorf("call with a context that is over: got %v, want the cause", err)
			}
			if after := f.pid(); after != before {
				t.Errorf("process: got %d, want %d: a call that never began must not cost an instance", after, before)
			}
		})
	}
}

func TestStartTellsWhyABinaryExits(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			cases := map[string][]string{
				"exit":        {"exit status 2", "hello: GREETING is missing: set it to a word", "reading the configuration | hello"},
				"silent exit": {"exit status 0", "it printed nothing"},
				"chatter":     {"exit status 1", "it said: line 05 | line 06 |", "| line 13 | line 14"},
			}
			for mode, want := range cases {
				t.Run(mode, func(t *testing.T) {
					t.Parallel()
					log := &recorder{}
					_, err := platform.Start(t.Context(), spec(log, as(r), withEnv("HELLO_START="+mode)))
					wantError(t, err, append(want, `starting function "hello"`)...)
					if mode == "exit" && !slices.Contains(log.all(), "hello: GREETING is missing: set it to a word") {
						t.Errorf("log: got %q, want the function's words in it too", log.all())
					}
				})
			}
		})
	}
}

// described is the function's report about itself, for an event with this request id.
func (f *function) described(event platform.Event) report {
	f.t.Helper()
	event.Payload = do{Do: "report"}.event().Payload
	reply, err := f.Call(f.t.Context(), event)
	if err != nil {
		f.t.Fatal(err)
	}
	f.wantStatus(reply, platform.StatusOK, "")
	var got report
	if err := json.Unmarshal(reply.Payload, &got); err != nil {
		f.t.Fatal(err)
	}
	return got
}

// Every runtime tells a function its time limit, its name and the event's id.
func TestRequestIDAndDeadline(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			limit := 40 * time.Second
			f := start(t, as(r), withLimit(limit), func(s *platform.Spec) { s.MemoryMB = 256 })
			before := time.Now().Truncate(time.Millisecond)
			got := f.described(platform.Event{RequestID: "r-1"})
			after := time.Now()
			told := map[platform.Runtime][]string{
				platform.Go1: {
					got.Context.RequestID, strconv.Itoa(got.Context.TimeLimitInMs), strconv.Itoa(got.Context.MemoryLimitInMb),
				},
				platform.CustomRuntime: {
					got.Header.Get("Request_id"), got.Header.Get("Time_limit_in_ms"), got.Header.Get("Memory_limit_in_mb"),
				},
				platform.Lambda: {got.Lambda.AwsRequestID, "40000", environ(got)["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]},
				platform.Web: {
					got.Header.Get("X-Scf-Request-Id"), got.Header.Get("X-Scf-Timeout"), got.Header.Get("X-Scf-Memory"),
				},
			}
			if diff := cmp.Diff([]string{"r-1", "40000", "256"}, told[r]); diff != "" {
				t.Errorf("request id, limits (-want +got):\n%s", diff)
			}
			tellsDeadline := r == platform.Go1 || r == platform.Lambda
			if from, to := before.Add(limit), after.Add(limit); tellsDeadline && (got.Deadline.Before(from) || got.Deadline.After(to)) {
				t.Errorf("deadline: got %v, want between %v and %v", got.Deadline, from, to)
			}
		})
	}
}

// environ is a process's environment.
func environ(r report) map[string]string {
	environ := map[string]string{}
	for _, entry := range r.Environ {
		name, value, _ := strings.Cut(entry, "=")
		environ[name] = value
	}
	delete(environ, "SYSTEMROOT") // Windows cannot do without it
	return environ
}

// A function that returns an error keeps its instance. A web function returns HTTP answers instead.
func TestFunctionErrors(t *testing.T) {
	t.Parallel()
	for _, r := range []platform.Runtime{platform.Go1, platform.CustomRuntime, platform.Lambda} {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f := start(t, as(r))
			before := f.pid()
			f.wantStatus(f.invoke(do{Do: "fail", Text: "no such order"}), platform.StatusUserError, "no such order")
			f.wantStatus(f.invokeRaw([]byte("not JSON")), platform.StatusUserError, "invalid character")
			if after := f.pid(); after != before {
				t.Errorf("process after errors: got %d, want the same as before, %d", after, before)
			}
		})
	}
}

// The reply has the end of the call's log.
func TestLogOfOneCall(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f := start(t, as(r))
			f.invoke(do{Do: "print", Text: "of another call", Size: 1})
			logged := f.logOf("r-1", do{Do: "print", Text: "line", Size: 1})
			want := []string{
				`START RequestId:r-1`, `line out 0`, `line err 0`, `Response RequestId:r-1 RetMsg:"Hello line"`,
				`END RequestId:r-1`, fmt.Sprintf(endReport, "r-1"),
			}
			if r == platform.Lambda {
				want = []string{
					`START RequestId: r-1 Version: \$LATEST`, `line out 0`, `line err 0`, `END RequestId: r-1`, fmt.Sprintf(lambdaReport, "r-1", ""),
				}
			}
			wantLines(t, logged, want...)
			reply := f.invoke(do{Do: "print", Text: "line", Size: 1})
			lines := strings.Split(strings.TrimSuffix(reply.Log, "\n"), "\n")
			if len(lines) != len(logged) || !strings.Contains(lines[0], reply.RequestID) || lines[1] != "line out 0" {
				t.Errorf("log of a call: got %q, want its %d lines", lines, len(logged))
			}
			if reply = f.invoke(do{Do: "print", Text: strings.Repeat("x", 9000), Size: 1}); len(reply.Log) > 4096 ||
				!strings.HasSuffix(strings.TrimRight(reply.Log, "\t\n"), "MB") || strings.Contains(reply.Log, "START") {
				t.Errorf("log of a call that prints much: got %d bytes that end %.20q, want the last 4096 at most",
					len(reply.Log), reply.Log[max(0, len(reply.Log)-20):])
			}
		})
	}
}

// A process that never becomes ready is killed at the start's timeout.
func TestStartThatNeverEnds(t *testing.T) {
	t.Parallel()
	want := map[platform.Runtime]string{
		platform.Go1:           "does not listen on 127.0.0.1:",
		platform.CustomRuntime: "does not request POST /runtime/init/ready on 127.0.0.1:",
		platform.Lambda:        "does not request GET /2018-06-01/runtime/invocation/next on 127.0.0.1:",
		platform.Web:           "the port in PORT,",
	}
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := platform.Start(ctx, spec(io.Discard, as(r), withEnv("HELLO_START=deaf")))
			wantError(t, err, want[r])
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error: got %v, want that the deadline was exceeded", err)
			}
		})
	}
}

// A function has at most Spec.Instances processes.
func TestInstances(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f, m := start(t, as(r), func(s *platform.Spec) { s.Instances = 1 }), openMeeting(t)
			call := f.invokeAside(t.Context(), m.event())
			g := m.await()
			f.wantStatus(f.invoke(do{}), platform.StatusConcurrency, "all 1 instances are busy")
			g.letGo(t)
			if got := <-call; got.err != nil {
				t.Fatal(got.err)
			}
			if pid := f.pid(); pid != g.pid || f.Live() != 1 {
				t.Errorf("afterwards: got process %d of %d, want the same one, %d", pid, f.Live(), g.pid)
			}
		})
	}
}

// Invoke takes no web function, and Fetch no other.
func TestEventsAndRequests(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f := start(t, as(r))
			request := httptest.NewRequest(http.MethodGet, "http://hello.example/", nil)
			_, invoked := f.Invoke(t.Context(), do{}.event())
			response, fetched := f.Fetch(t.Context(), request)
			if fetched == nil {
				_ = response.Body.Close()
			}
			if r == platform.Web {
				invoked, fetched = fetched, invoked
			}
			wrong := map[bool]error{true: platform.ErrWeb, false: platform.ErrNotWeb}[r == platform.Web]
			if invoked != nil || !errors.Is(fetched, wrong) {
				t.Errorf("got %v for what it takes and %v for what it does not, want none and %v", invoked, fetched, wrong)
			}
		})
	}
}
