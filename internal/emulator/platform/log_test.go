package platform_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/platform"
)

// event with a request id, and what the log says about it.
func (f *function) logOf(id string, d do) []string {
	f.t.Helper()
	before := len(f.logged())
	event := d.event()
	event.RequestID = id
	if _, err := f.Call(f.t.Context(), event); err != nil {
		f.t.Fatal(err)
	}
	return f.logged()[before:]
}

// wantLines fails the test unless each line matches its pattern.
func wantLines(t *testing.T, got []string, patterns ...string) {
	t.Helper()
	ok := len(got) == len(patterns)
	for i := 0; ok && i < len(got); i++ {
		ok = regexp.MustCompile("^" + patterns[i] + "$").MatchString(got[i])
	}
	if !ok {
		t.Errorf("log: got\n%.4000s\nwant\n%s", strings.Join(got, "\n"), strings.Join(patterns, "\n"))
	}
}

const (
	initReport = `Init Report RequestId: %s Coldstart: \d+ms \(PullCode: 0ms InitRuntime: \d+ms InitFunction: \d+ms\) ` +
		`Memory: 128MB MemUsage: \d+\.\d\dMB`
	endReport = `Report RequestId:%s Duration:\d+ms Memory:128MB MemUsage:\d+\.\d\dMB`

	// with what follows the last field; a tab if nothing does.
	lambdaReport = `REPORT RequestId: %s\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\t%s`
	initDuration = `Init Duration: \d+\.\d\d ms\t`
)

func TestLogLines(t *testing.T) {
	t.Parallel()
	f := start(t)
	wantLines(t, f.logOf("r-1", do{Do: "print", Text: "line", Size: 2}),
		`START RequestId:r-1`,
		fmt.Sprintf(initReport, "r-1"),
		`line out 0`, `line err 0`, `line out 1`, `line err 1`,
		`Response RequestId:r-1 RetMsg:"Hello line"`,
		`END RequestId:r-1`,
		fmt.Sprintf(endReport, "r-1"))
	wantLines(t, f.logOf("r-2", do{Do: "fail", Text: "no\nsuch order"}),
		`START RequestId:r-2`,
		`ERROR RequestId:r-2 Result:no\\nsuch order`,
		`END RequestId:r-2`,
		fmt.Sprintf(endReport, "r-2"))
	wantLines(t, f.logOf("r-3\nforged", do{Do: "exit", Size: 1}),
		`START RequestId:r-3\\nforged`,
		`last words`,
		`ERROR RequestId:r-3\\nforged Result:Process exited unexpectedly before completing the call: exit status 1`,
		`END RequestId:r-3\\nforged`,
		fmt.Sprintf(endReport, `r-3\\nforged`))
	if got := f.logOf("r-4", do{}); !slices.ContainsFunc(got, func(line string) bool {
		return strings.HasPrefix(line, "Init Report RequestId: r-4 ")
	}) {
		t.Errorf("log of a fresh instance's first event: got %q, want an Init Report", got)
	}
}

func TestLogOfATimeout(t *testing.T) {
	t.Parallel()
	f := start(t, withLimit(5*time.Second)) // time to say that it sleeps, on a starved machine too
	wantLines(t, f.logOf("r-1", do{Do: "sleep"}),
		`START RequestId:r-1`,
		fmt.Sprintf(initReport, "r-1"),
		`sleeping as \d+`,
		`ERROR RequestId:r-1 Result:Invoking task timed out after 5 seconds`,
		`END RequestId:r-1`,
		fmt.Sprintf(endReport, "r-1"))
}

// Lambda's lines, after its documents. The last one shows a timeout or an exit.
func TestLambdaLogLines(t *testing.T) {
	t.Parallel()
	f := start(t, as(platform.Lambda))
	wantLines(t, f.logOf("r-1", do{Do: "print", Text: "line", Size: 1}),
		`START RequestId: r-1 Version: \$LATEST`, `line out 0`, `line err 0`, `END RequestId: r-1`,
		fmt.Sprintf(lambdaReport, "r-1", initDuration))
	wantLines(t, f.logOf("r-2\nforged", do{Do: "exit", Size: 3}),
		`START RequestId: r-2\\nforged Version: \$LATEST`, `last words`, `END RequestId: r-2\\nforged`,
		fmt.Sprintf(lambdaReport, `r-2\\nforged`, `Status: error\tError Type: Runtime.ExitError`))
	f.pid() // a fresh instance, warm from here on
	f.SetTimeLimit(2 * time.Second)
	slept := f.logOf("r-3", do{Do: "sleep"})
	wantLines(t, slept[len(slept)-2:], `END RequestId: r-3`, fmt.Sprintf(lambdaReport, "r-3", "Status: timeout"))
}

// What is printed before the answer stands before the closing lines, every time.
func TestLogOrderIsCertain(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.pid()
	for i := range 100 {
		id := fmt.Sprint("r-", i)
		got := f.logOf(id, do{Do: "write", Text: "one\r\ntwo without an end"})
		wantLines(t, got,
			`START RequestId:`+id, `one`, `two without an end`, `Response RequestId:`+id+` RetMsg:"Hello one\\r\\ntwo.*`,
			`END RequestId:`+id, fmt.Sprintf(endReport, id))
		if t.Failed() {
			return
		}
	}
}

// valve is a log that blocks while it is shut.
type valve struct {
	recorder

	opened chan struct{}
}

func (v *valve) Write(text []byte) (int, error) {
	<-v.opened
	return v.recorder.Write(text)
}

// startShut starts a function whose log blocks.
func startShut(t *testing.T) (*function, *valve) {
	t.Helper()
	v := &valve{opened: make(chan struct{})}
	return start(t, func(s *platform.Spec) { s.Log = v }), v
}

// startStuck is startShut with short timeouts.
func startStuck(t *testing.T) (*function, *valve) {
	t.Helper()
	v := &valve{opened: make(chan struct{})}
	return start(t, platform.Hurried, func(s *platform.Spec) { s.Log = v }), v
}

// flood has the function print this many lines of about a kilobyte.
func (f *function) flood(id string, count int) {
	f.t.Helper()
	event := do{Do: "write", Text: strings.Repeat(strings.Repeat("x", 1<<10)+"\n", count)}.event()
	event.RequestID = id
	reply, err := f.Call(f.t.Context(), event)
	if err != nil {
		f.t.Fatal(err)
	}
	f.wantStatus(reply, platform.StatusOK, "")
}

func TestBlockedLogHoldsNothingUp(t *testing.T) {
	t.Parallel()
	f, v := startStuck(t)
	for range 3 { // more than is kept
		f.flood("r-1", 5000)
	}
	pid := f.pid()
	begin := time.Now()
	if err := f.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if took := time.Since(begin); took > testTimeout/2 {
		t.Errorf("Close: took %v, want little more than a second", took)
	}
	wantGone(t, pid)

	written := f.LogWritten()
	close(v.opened)
	<-written
	if got := v.all(); len(got) != 1 {
		t.Errorf("log: got %d lines after Close, want only the one that was blocked", len(got))
	}
}

// overfill has the function log more than the queue holds, and then short lines until these do not
// fit either. It returns the number of lines.
func (f *function) overfill() int {
	f.t.Helper()
	const floods, each, calls, around = 3, 5000, 30, 4 // START, Response, END, Report
	for range floods {
		f.flood("r-1", each)
	}
	for range calls {
		f.invoke(do{})
	}
	return 1 + floods*(each+around) + calls*around // and an Init Report
}

// told counts the logged lines, and the lines that are reported as lost.
func told(lines []string) (logged, lost int) {
	for _, line := range lines {
		n := 0
		if _, err := fmt.Sscanf(line, "cloudpay: %d log lines lost", &n); err == nil {
			lost += n
		} else {
			logged++
		}
	}
	return logged, lost
}

func TestLogRecoversAndTellsItsLoss(t *testing.T) {
	t.Parallel()
	f, v := startShut(t)
	want := f.overfill()
	written := f.LogWritten()
	close(v.opened)
	<-written
	f.flood("r-2", 1)
	<-f.LogWritten()
	got := v.all()

	const last = 6
	wantLines(t, got[:3], `START RequestId:r-1`, fmt.Sprintf(initReport, "r-1"), `x+`)
	wantLines(t, got[len(got)-last:], `cloudpay: \d+ log lines lost`,
		`START RequestId:r-2`, `x+`, `Response RequestId:r-2 RetMsg:.*`, `END RequestId:r-2`, fmt.Sprintf(endReport, "r-2"))
	if logged, lost := told(got[:len(got)-last+1]); logged+lost != want || logged < 5000 {
		t.Errorf("log: got %d lines and %d told to be lost, want %d in all", logged, lost, want)
	}
	if v.torn != 0 {
		t.Errorf("log: got %d writes that were not one whole line", v.torn)
	}
}

// When Close returns, the queued lines are written, and a last line counts the lost ones.
func TestCloseWritesTheRest(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(*function) int{
		"all":  func(f *function) int { f.flood("r-1", 5000); return 5005 },
		"some": (*function).overfill,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, v := startShut(t)
			want := fill(f)
			closed := make(chan error, 1)
			go func() { closed <- f.Close() }()
			close(v.opened)
			if err := <-closed; err != nil {
				t.Errorf("Close: %v", err)
			}
			got := v.all()
			if logged, lost := told(got); logged+lost != want || (lost > 0) != (name == "some") {
				t.Errorf("log: got %d lines and %d told to be lost, want %d in all", logged, lost, want)
			}
			if tells := strings.HasPrefix(got[len(got)-1], "cloudpay: "); tells != (name == "some") {
				t.Errorf("log's last line: got %.80q", got[len(got)-1])
			}
		})
	}
}

func TestLongLines(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.pid()
	const size = 200_000
	got := f.logOf("r-1", do{Do: "write", Text: strings.Repeat("x", size)})
	printed := 0
	for _, line := range got {
		if strings.Trim(line, "x") == "" {
			printed += len(line)
		}
		if len(line) > 128<<10 {
			t.Errorf("log: got a line of %d bytes, want it cut", len(line))
		}
	}
	if printed != size {
		t.Errorf("log: got %d bytes of the long line, want %d", printed, size)
	}
	response := got[len(got)-3]
	if !strings.HasPrefix(response, "Response RequestId:r-1 ") || !strings.HasSuffix(response, "... (200008 bytes)") {
		t.Errorf("log: got %.60q...%q, want the result cut with its length told", response, response[len(response)-30:])
	}
}

func TestMemoryIsReported(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, d := range []do{{Do: "hello"}, {Do: "exit"}} {
		got := f.logOf("r-1", d)
		var megabytes float64
		last := got[len(got)-1]
		_, usage, _ := strings.Cut(last, "MemUsage:")
		if _, err := fmt.Sscanf(usage, "%fMB", &megabytes); err != nil {
			t.Fatal(err)
		}
		if measured := megabytes > 1 && megabytes < 100; measured != memoryIsMeasured {
			t.Errorf("%s: got %v MB in %q, want a Go program's memory: %v", d.Do, megabytes, last, memoryIsMeasured)
		}
	}
}

func TestStatusesAreSCFs(t *testing.T) {
	t.Parallel()
	got := []int{
		platform.StatusOK, platform.StatusRequestTooLarge, platform.StatusResponseTooLarge, platform.StatusUserError,
		platform.StatusTimeLimit, platform.StatusProcessExit, platform.StatusAborted,
	}
	if want := []int{200, 406, 407, 430, 433, 439, 499}; !slices.Equal(got, want) {
		t.Errorf("statuses: got %v, want %v", got, want)
	}
}
