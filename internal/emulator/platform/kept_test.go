package platform_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/spool"
)

// openSpool opens a spool until the test ends.
func openSpool(t *testing.T, file string) *spool.Spool {
	t.Helper()
	s, err := spool.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// serveKept serves a cloud on Lambda that goes on with what a spool has.
func serveKept(t *testing.T, kept *spool.Spool, hand *dial, changes ...func(*platform.Cloud)) asynchronous {
	t.Helper()
	clock := &platform.Clock{Now: hand.now}
	a := asynchronous{serveCloud(t, &platform.Cloud{Clock: clock, Spool: kept}, as(platform.Lambda)), hand, clock}
	for _, change := range changes {
		change(a.world)
	}
	if err := a.world.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// accept has an event of a function accepted, and returns its request id.
func (a asynchronous) accept(function, payload string) string {
	a.t.Helper()
	got := a.send(http.MethodPost, invocations(function), payload, "X-Amz-Invocation-Type", "Event")
	if got.status != http.StatusAccepted {
		a.t.Fatalf("got %d %s, want 202", got.status, got.body)
	}
	return got.requestID
}

// asKilled copies a spool's file as a killed process would leave it.
func asKilled(t *testing.T, file string) (left string) {
	t.Helper()
	text, err := os.ReadFile(file)
	left = filepath.Join(t.TempDir(), "cloud.db")
	if err == nil {
		err = os.WriteFile(left, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// keptEvents counts the events that a spool has.
func keptEvents(t *testing.T, kept *spool.Spool) (count int) {
	t.Helper()
	if err := kept.Each("events", func(int64, []byte) error { count++; return nil }); err != nil {
		t.Error(err)
	}
	return count
}

// An emulator that is killed leaves its dead letters, the events that wait and those in flight to
// the next one, which goes on with each where it was. Calls are numbered on.
func TestEventsOutliveAKill(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cloud.db")
	first := serveKept(t, openSpool(t, file), newDial())
	m := openMeeting(t)
	dead := first.accept("hello", `{"Do":"fail","Text":"dead","out_trade_no":"A1"}`)
	first.world.AwaitQuiet()
	first.advance(time.Minute)
	first.advance(2 * time.Minute)
	waiting := first.accept("hello", `{"Do":"fail","Text":"waiting"}`)
	first.world.AwaitQuiet()
	flying := first.accept("hello", string(m.event().event().Payload))
	guest := m.await()
	left := asKilled(t, file)
	guest.letGo(t)
	first.world.AwaitQuiet()

	hand := newDial()
	hand.set(first.hand.now())
	kept := openSpool(t, left)
	second := serveKept(t, kept, hand)
	m.await().letGo(t) // the attempt that was under way is made again
	second.world.AwaitQuiet()
	calls := second.calls()
	if len(calls) != 1 || calls[0].RequestID != flying || calls[0].Attempt != 1 || calls[0].Verdict != "ok" || calls[0].ID != 1001 {
		t.Errorf("in flight: got %+v, want the first attempt again, as call 1001", calls)
	}
	letters := second.deadLetters()
	if len(letters) != 1 || letters[0].RequestID != dead || letters[0].Attempts != 3 || letters[0].OutTradeNo != "A1" ||
		!strings.Contains(letters[0].Reason, "failed 3 times: dead") || letters[0].ID != 1 {
		t.Errorf("dead letters: got %+v, want the event given up before", letters)
	}
	second.advance(time.Minute)
	second.advance(2 * time.Minute)
	calls = second.calls()
	if len(calls) != 3 || calls[1].RequestID != waiting || calls[1].Attempt != 2 || calls[2].Attempt != 3 {
		t.Errorf("waiting: got %+v, want attempts 2 and 3 when they are due", calls)
	}
	if letters = second.deadLetters(); len(letters) != 2 || letters[1].RequestID != waiting || letters[1].ID != 2 {
		t.Errorf("dead letters: got %+v, want the one that waited behind the other", letters)
	}
	if got := second.send(http.MethodPost, "/v1/dead-letters/1", ""); got.status != http.StatusAccepted {
		t.Errorf("again: got %d %s, want 202", got.status, got.body)
	}
	second.world.AwaitQuiet()
	if calls = second.calls(); len(calls) != 4 || calls[3].RequestID != dead || calls[3].Attempt != 1 {
		t.Errorf("again: got %+v, want a first attempt", calls)
	}
	if count := keptEvents(t, kept); count != 2 {
		t.Errorf("got %d events kept, want the one that waits again and the dead letter", count)
	}
}

// An emulator that ends leaves what waits, and gives back the IDs that no call has. What was
// handled is not kept.
func TestEventsOutliveAnEnd(t *testing.T) {
	t.Parallel()
	kept := openSpool(t, filepath.Join(t.TempDir(), "cloud.db"))
	first := serveKept(t, kept, newDial())
	done := first.accept("hello", `{"Text":"x"}`)
	first.world.AwaitQuiet()
	waiting := first.accept("hello", `{"Do":"fail","Text":"no"}`)
	first.world.AwaitQuiet()
	if count := keptEvents(t, kept); count != 1 {
		t.Errorf("got %d events kept, want one", count)
	}
	if err := first.world.Close(); err != nil {
		t.Fatal(err)
	}
	second := serveKept(t, kept, first.hand)
	second.advance(time.Minute)
	calls := second.calls()
	if len(calls) != 1 || calls[0].RequestID != waiting || calls[0].RequestID == done || calls[0].ID != 3 || calls[0].Attempt != 2 {
		t.Errorf("got %+v, want the second attempt of the event that waited, as call 3", calls)
	}
}

// An event whose function is there no more is a dead letter, which cannot be delivered until the
// function is back.
func TestEventOfNoFunction(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cloud.db")
	first := serveKept(t, openSpool(t, file), newDial())
	first.accept("another", `{"Do":"fail","Text":"no"}`)
	first.world.AwaitQuiet()
	// The function has the name hello in both places; what is kept is that of the spec.
	gone := serveKept(t, openSpool(t, asKilled(t, file)), newDial(), func(c *platform.Cloud) { delete(c.Functions, "hello") })
	letters := gone.deadLetters()
	if len(letters) != 1 || letters[0].Function != "hello" || letters[0].Reason != `there is no function "hello" any more` {
		t.Fatalf("got %+v, want that the function is gone", letters)
	}
	gone.wantFailure(gone.send(http.MethodPost, "/v1/dead-letters/1", ""), http.StatusConflict, "FUNCTION_NOT_FOUND", "hello")
	if len(gone.deadLetters()) != 1 {
		t.Error("the dead letter is gone")
	}
}

// An event that cannot be kept is not accepted: each cloud says so in its form.
func TestEventThatCannotBeKept(t *testing.T) {
	t.Parallel()
	kept := openSpool(t, filepath.Join(t.TempDir(), "cloud.db"))
	a := serveKept(t, kept, newDial())
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	got := a.send(http.MethodPost, invocations("hello"), `{}`, "X-Amz-Invocation-Type", "Event")
	if got.status != http.StatusInternalServerError || got.header.Get("X-Amzn-Errortype") != "ServiceException" ||
		!strings.Contains(got.body, "the cloud's state cannot be written") {
		t.Errorf("Lambda: got %d %v %s, want a ServiceException with the reason", got.status, got.header, got.body)
	}
	got = a.send(http.MethodPost, "/", `{"FunctionName":"hello","InvocationType":"Event"}`, "X-TC-Action", "Invoke")
	if !strings.Contains(got.body, `"Code":"InternalError"`) || !strings.Contains(got.body, "the cloud's state cannot be written") {
		t.Errorf("SCF: got %s, want an InternalError with the reason", got.body)
	}
	a.world.AwaitQuiet()
	for _, call := range a.calls() {
		if call.Verdict != "refused" || call.Attempt != 0 {
			t.Errorf("got the call %+v, want that nothing was delivered", call)
		}
	}
}

// What another program has kept is an error, and not lost.
func TestResumeFails(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`{"cloud":"azure"}`: `"azure"`, `7`: "event 1"} {
		kept := openSpool(t, filepath.Join(t.TempDir(), "cloud.db"))
		var value any = map[string]string{"cloud": "azure"}
		if text == "7" {
			value = 7
		}
		if err := kept.Put("events", 1, value); err != nil {
			t.Fatal(err)
		}
		c := &platform.Cloud{Spool: kept}
		if err := c.Resume(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
		if count := keptEvents(t, kept); count != 1 {
			t.Errorf("%s: got %d events, want the one that there was", text, count)
		}
	}
}
