package platform_test

import (
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// A call in flight ends on the old process, and later calls go to the new one, with its settings.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, r := range platform.Runtimes() {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			f := start(t, as(r))
			meeting := openMeeting(t)
			inFlight := f.invokeAside(t.Context(), meeting.event())
			old := meeting.await()
			if err := f.Restart(t.Context(), spec(f.log, as(r), withEnv("HELLO_ECHO=1"))); err != nil {
				t.Fatal(err)
			}
			f.wantPayload(f.invoke(do{Do: "echoed"}), `{"Do":"echoed"}`)
			old.letGo(t)
			got := <-inFlight
			if got.err != nil {
				t.Fatalf("the call in flight: %v", got.err)
			}
			f.wantStatus(got.reply, platform.StatusOK, "")
			old.wantDead(t)
		})
	}
}

// If the new function does not start, the old one goes on.
func TestRestartFails(t *testing.T) {
	t.Parallel()
	f := start(t)
	before := f.pid()
	err := f.Restart(t.Context(), spec(f.log, withEnv("HELLO_START=exit")))
	if err == nil || !strings.Contains(err.Error(), "GREETING is missing") {
		t.Errorf("got %v, want what the process said", err)
	}
	if got := f.pid(); got != before {
		t.Errorf("process: got %d, want the old one, %d", got, before)
	}
}

// Callers notice nothing of restarts.
func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	f := start(t)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 25 {
				reply, err := f.Call(t.Context(), do{Do: "hello", Text: "x"}.event())
				if err != nil || reply.Status != platform.StatusOK {
					t.Errorf("got %v, %v", reply, err)
				}
			}
		})
	}
	for range 5 {
		if err := f.Restart(t.Context(), spec(f.log)); err != nil {
			t.Error(err)
		}
	}
	callers.Wait()
}

// A function that is taken away lets its calls in flight end, on the processes of before a restart
// too, and takes no more.
func TestRetire(t *testing.T) {
	t.Parallel()
	f := start(t)
	first, second := openMeeting(t), openMeeting(t)
	before := f.invokeAside(t.Context(), first.event())
	old := first.await()
	if err := f.Restart(t.Context(), spec(f.log)); err != nil {
		t.Fatal(err)
	}
	after := f.invokeAside(t.Context(), second.event())
	recent := second.await()
	retired := make(chan struct{})
	go func() {
		defer close(retired)
		f.Retire()
	}()
	for _, one := range []struct {
		guest
		got <-chan outcome
	}{{old, before}, {recent, after}} {
		one.letGo(t)
		got := <-one.got
		if got.err != nil {
			t.Fatalf("a call in flight: %v", got.err)
		}
		f.wantStatus(got.reply, platform.StatusOK, "")
	}
	<-retired
	if _, err := f.Invoke(t.Context(), do{Do: "hello"}.event()); err == nil {
		t.Error("a retired function answers")
	}
	old.wantDead(t)
	recent.wantDead(t)
}

// A closed function is not started again, and closing ends what a restart started.
func TestRestartClosed(t *testing.T) {
	t.Parallel()
	f := start(t)
	if err := f.Restart(t.Context(), spec(f.log)); err != nil {
		t.Fatal(err)
	}
	pid := f.pid()
	_ = f.Close()
	wantGone(t, pid)
	if err := f.Restart(t.Context(), spec(f.log)); err == nil {
		t.Error("a closed function was started again")
	}
}

// As many processes as are wanted are there before the first call.
func TestWarm(t *testing.T) {
	t.Parallel()
	f := start(t, func(s *platform.Spec) { s.Warm = 3 })
	if got := f.Live(); got != 3 {
		t.Errorf("got %d processes, want 3", got)
	}
	s := spec(f.log, func(s *platform.Spec) { s.Warm, s.Instances = 3, 2 })
	if _, err := platform.Start(t.Context(), s); err == nil || !strings.Contains(err.Error(), "3 instances are to be warm") {
		t.Errorf("got %v, want a refusal", err)
	}
}
