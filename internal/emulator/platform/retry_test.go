package platform_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// asynchronous is a cloud with a clock in the test's hand.
type asynchronous struct {
	*cloud

	hand  *dial
	clock *platform.Clock
}

func serveAsynchronous(t *testing.T, changes ...func(*platform.Spec)) asynchronous {
	t.Helper()
	hand := newDial()
	clock := &platform.Clock{Now: hand.now}
	return asynchronous{serveCloud(t, &platform.Cloud{Clock: clock}, changes...), hand, clock}
}

// advance moves the clock, and waits until whatever became due was tried.
func (a asynchronous) advance(by time.Duration) {
	a.t.Helper()
	before := len(a.calls())
	a.hand.advance(by)
	a.clock.Moved()
	for deadline := time.Now().Add(testTimeout); len(a.calls()) == before; {
		if time.Now().After(deadline) {
			a.t.Fatalf("%v later: got no attempt", by)
		}
		a.world.AwaitQuiet()
	}
	a.world.AwaitQuiet()
}

// attempts are the verdicts of the attempts so far, and the minutes of the clock at each.
func (a asynchronous) attempts() (verdicts []string, minutes []float64) {
	start := newDial().now()
	for i, call := range a.calls() {
		if call.Attempt != i+1 {
			a.t.Errorf("attempt %d: got the number %d", i+1, call.Attempt)
		}
		verdicts = append(verdicts, call.Verdict)
		minutes = append(minutes, call.Clock.Sub(start).Minutes())
	}
	return verdicts, minutes
}

// deadLetters are what the interface shows.
func (a asynchronous) deadLetters() (letters []struct {
	ID                    int64
	Function, Reason, Via string
	OutTradeNo            string `json:"out_trade_no"`
	RequestID             string `json:"request_id"`
	Attempts, Status      int
}) {
	a.t.Helper()
	wantJSON(a.t, a.send(http.MethodGet, "/v1/dead-letters", "").body, &letters)
	return letters
}

// An event whose function is taken away meanwhile is a dead letter, and not lost; delivered again,
// it goes to the function that is there then.
func TestRetryOfRemoved(t *testing.T) {
	t.Parallel()
	a := serveAsynchronous(t, as(platform.Lambda))
	functions := a.world.Functions
	a.send(http.MethodPost, invocations("hello"), `{"Do":"fail","Text":"no","out_trade_no":"A1"}`, "X-Amz-Invocation-Type", "Event")
	a.world.AwaitQuiet()
	a.world.SetFunctions(map[string]*platform.Function{})
	functions["hello"].Retire()
	a.advance(time.Minute)
	letters := a.deadLetters()
	if len(letters) != 1 || letters[0].OutTradeNo != "A1" || !strings.Contains(letters[0].Reason, `there is no function "hello"`) {
		t.Fatalf("got %+v, want a dead letter of the function that is gone", letters)
	}
	a.world.SetFunctions(map[string]*platform.Function{"hello": start(t, as(platform.Lambda)).Function})
	a.send(http.MethodPost, "/v1/dead-letters/1", "")
	a.world.AwaitQuiet()
	calls := a.calls()
	if last := calls[len(calls)-1]; last.Verdict != "failed" || last.Attempt != 1 {
		t.Errorf("delivered again: got %+v, want the answer of the new function", last)
	}
}

// An event that fails on Lambda is repeated after one minute and after two, under its id, and then
// a dead letter.
func TestRetriesOfLambda(t *testing.T) {
	t.Parallel()
	a := serveAsynchronous(t, as(platform.Lambda))
	event := a.send(http.MethodPost, invocations("hello"), `{"Do":"fail","Text":"no","out_trade_no":"A1"}`, "X-Amz-Invocation-Type", "Event")
	if event.status != http.StatusAccepted {
		t.Fatalf("got %d, want 202", event.status)
	}
	a.world.AwaitQuiet()
	a.advance(time.Minute)
	if letters := a.deadLetters(); len(letters) != 0 {
		t.Errorf("after two attempts: got %+v, want no dead letter", letters)
	}
	a.advance(2 * time.Minute)
	verdicts, minutes := a.attempts()
	if !cmp.Equal(verdicts, []string{"failed", "failed", "failed"}) || !cmp.Equal(minutes, []float64{0, 1, 3}) {
		t.Errorf("attempts: got %v at %v, want three failures at 0, 1 and 3 minutes", verdicts, minutes)
	}
	for _, call := range a.calls() {
		if call.RequestID != event.requestID || call.Via != "lambda-api" {
			t.Errorf("attempt: got %+v, want the id %s", call, event.requestID)
		}
	}
	letters := a.deadLetters()
	if len(letters) != 1 || letters[0].Attempts != 3 || letters[0].Status != 430 || letters[0].OutTradeNo != "A1" ||
		letters[0].RequestID != event.requestID || !strings.Contains(letters[0].Reason, "failed 3 times: no") {
		t.Fatalf("dead letters: got %+v, want the event", letters)
	}
	if got := a.send(http.MethodPost, "/v1/dead-letters/1", ""); got.status != http.StatusAccepted {
		t.Errorf("again: got %d %s, want 202", got.status, got.body)
	}
	a.world.AwaitQuiet()
	if calls := a.calls(); len(calls) != 4 || calls[3].Attempt != 1 || len(a.deadLetters()) != 0 {
		t.Errorf("again: got %+v, want a first attempt and no dead letter", calls)
	}
	for number, words := range map[string]string{"1": `"1"`, "x": `"x"`, "": `""`} {
		a.wantFailure(a.send(http.MethodPost, "/v1/dead-letters/"+number, ""), http.StatusNotFound, "DEAD_LETTER_NOT_FOUND", words)
	}
	if got := a.send(http.MethodDelete, "/v1/dead-letters", ""); got.status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: got %d, want 405", got.status)
	}
	a.wantFailure(a.send(http.MethodGet, "/v1/dead-lettersx", ""), http.StatusNotFound, "INVALID_PATH", "Invalid path")
}

// On SCF the pauses are a minute each; an attempt that succeeds is the last.
func TestRetriesOfSCF(t *testing.T) {
	t.Parallel()
	a := serveAsynchronous(t)
	a.inject(platform.Fault{Action: "server-error", Times: 2})
	got := a.send(http.MethodPost, "/", `{"FunctionName":"hello","InvocationType":"Event","ClientContext":"{\"Text\":\"x\"}"}`, "X-TC-Action", "Invoke")
	if !strings.Contains(got.body, `"InvokeResult":0`) {
		t.Fatalf("got %s, want that it is accepted", got.body)
	}
	a.world.AwaitQuiet()
	a.advance(time.Minute)
	a.advance(time.Minute)
	verdicts, minutes := a.attempts()
	if !cmp.Equal(verdicts, []string{"refused", "refused", "ok"}) || !cmp.Equal(minutes, []float64{0, 1, 2}) {
		t.Errorf("attempts: got %v at %v, want success after two minutes", verdicts, minutes)
	}
	if letters := a.deadLetters(); len(letters) != 0 {
		t.Errorf("dead letters: got %+v, want none", letters)
	}
}

// A cloud that refuses an event repeats it for six hours, whatever the function would do.
func TestRetriesEndByAge(t *testing.T) {
	t.Parallel()
	a := serveAsynchronous(t, as(platform.Lambda))
	a.inject(platform.Fault{Action: "throttle"})
	a.send(http.MethodPost, invocations("hello"), "{}", "X-Amz-Invocation-Type", "Event")
	a.world.AwaitQuiet()
	for _, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		a.advance(pause)
	}
	a.advance(6*time.Hour - 20*time.Second)
	if verdicts, _ := a.attempts(); len(verdicts) != 6 {
		t.Errorf("got %d attempts, want 6", len(verdicts))
	}
	if letters := a.deadLetters(); len(letters) != 1 || !strings.Contains(letters[0].Reason, "older than 6h") || letters[0].Status != 432 {
		t.Errorf("dead letters: got %+v, want the event, for its age", letters)
	}
}

// Close ends what waits for another attempt, and returns at once.
func TestCloseEndsRetries(t *testing.T) {
	t.Parallel()
	a := serveAsynchronous(t)
	a.send(http.MethodPost, invocations("hello"), `{"Do":"fail"}`, "X-Amz-Invocation-Type", "Event")
	a.world.AwaitQuiet()
	if err := a.world.Close(); err != nil {
		t.Error(err)
	}
	if got := a.send(http.MethodPost, invocations("hello"), `{"Do":"fail"}`, "X-Amz-Invocation-Type", "Event"); got.status != http.StatusTooManyRequests {
		t.Errorf("after Close: got %d, want 429", got.status)
	}
}

// The acceptance of an event can be lost, and the event is handled.
func TestLostAcceptance(t *testing.T) {
	t.Parallel()
	a := serveAsynchronous(t)
	a.inject(platform.Fault{Action: "lost-answer", Times: 1})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+invocations("hello"), strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Invocation-Type", "Event")
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close()
		t.Errorf("got %d, want no answer", response.StatusCode)
	}
	a.world.AwaitQuiet()
	if verdicts, _ := a.attempts(); !cmp.Equal(verdicts, []string{"ok"}) {
		t.Errorf("attempts: got %v, want one that is done", verdicts)
	}
}
