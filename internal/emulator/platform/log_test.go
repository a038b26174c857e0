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
	before := len(f.log.all())
	event := d.event()
	event.RequestID = id
	if _, err := f.Invoke(f.t.Context(), event); err != nil {
		f.t.Fatal(err)
	}
	return f.log.all()[before:]
}

// wantLines fails the test unless each line matches its pattern.
func wantLines(t *testing.T, got []string, patterns ...string) {
	t.Helper()
	ok := len(got) == len(patterns)
	for i := 0; ok && i < len(got); i++ {
		ok = regexp.MustCompile("^" + patterns[i] + "$").MatchString(got[i])
	}
	if !ok {
		t.Errorf("log: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(patterns, "\n"))
	}
}

const (
	initReport = `Init Report RequestId: %s Coldstart: \d+ms \(PullCode: 0ms InitRuntime: \d+ms InitFunction: \d+ms\) ` +
		`Memory: 128MB MemUsage: \d+\.\d\dMB`
	endReport = `Report RequestId:%s Duration:\d+ms Memory:128MB MemUsage:\d+\.\d\dMB`
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
	f := start(t, withLimit(300*time.Millisecond))
	wantLines(t, f.logOf("r-1", do{Do: "sleep"}),
		`START RequestId:r-1`,
		fmt.Sprintf(initReport, "r-1"),
		`sleeping as \d+`,
		`ERROR RequestId:r-1 Result:Invoking task timed out after 0.3 seconds`,
		`END RequestId:r-1`,
		fmt.Sprintf(endReport, "r-1"))
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
