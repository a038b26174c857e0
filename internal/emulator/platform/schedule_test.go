package platform_test

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// standingClock is a clock that a test moves.
type standingClock struct {
	*platform.Clock

	mu  sync.Mutex
	now time.Time
}

// newClock is a clock that stands at a moment.
func newClock(now time.Time) *standingClock {
	c := &standingClock{now: now}
	c.Clock = &platform.Clock{Now: func() time.Time {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.now
	}}
	return c
}

// advance moves it on.
func (c *standingClock) advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
	c.Moved()
}

// every fires at multiples of an interval.
func every(interval time.Duration) func(time.Time) time.Time {
	return func(after time.Time) time.Time { return after.Truncate(interval).Add(interval) }
}

// noon is where clocks begin.
var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// listed is a timer in the list.
type listed struct {
	Function, Name, Expression string
	Running                    bool
	Next                       []time.Time
	Fired                      int
	LeftOut                    int `json:"left_out"`
	Last                       *struct {
		Time   time.Time
		Status int
		Error  string
	}
}

// timers is the list, after waiting for what is due.
func (c *cloud) timers() []listed {
	c.t.Helper()
	var got struct{ Timers []listed }
	wantJSON(c.t, c.send(http.MethodGet, "/v1/timers?wait=1m", "").body, &got)
	return got.Timers
}

// run runs the cloud's timers until the test ends. It returns when all of them run.
func (c *cloud) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.world.RunTimers(ctx)
	}()
	for slices.ContainsFunc(c.timers(), func(l listed) bool { return !l.Running }) {
		runtime.Gosched()
	}
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// Every moment that the clock jumps over fires once, in order, and the event has its time.
func TestTimersFireByTheClock(t *testing.T) {
	t.Parallel()
	clock := newClock(noon)
	served := &platform.Cloud{Clock: clock.Clock}
	served.SetTimers([]platform.Timer{
		{Function: "hello", Name: "five", Expression: "rate(5 minutes)", Next: every(5 * time.Minute), Message: "a message"},
		{Function: "hello", Name: "never", Next: func(time.Time) time.Time { return time.Time{} }},
		{Function: "nosuch", Name: "lost", Next: every(time.Hour)},
	})
	c := serveCloud(t, served, withEnv("HELLO_ECHO=1"))
	c.run(t)
	for _, step := range []struct {
		advance time.Duration
		fired   int
		last    time.Duration // since noon
	}{
		{4 * time.Minute, 0, 0}, {time.Minute, 1, 5 * time.Minute}, {30 * time.Minute, 7, 35 * time.Minute}, {time.Second, 7, 35 * time.Minute},
	} {
		clock.advance(step.advance)
		five := c.timers()[0]
		if five.Fired != step.fired || step.fired > 0 && (!five.Last.Time.Equal(noon.Add(step.last)) || five.Last.Status != 200) {
			t.Errorf("after %v more: got %d firings, the last %+v; want %d", step.advance, five.Fired, five.Last, step.fired)
		}
	}
	clock.advance(time.Hour)
	got := c.timers()
	if got[1].Fired != 0 || len(got[1].Next) != 0 {
		t.Errorf("got %+v, want that it never fires", got[1])
	}
	if got[2].Fired != 1 || got[2].Last.Error == "" {
		t.Errorf("got %+v, want one firing that failed", got[2])
	}
	if want := clock.Time().Truncate(5 * time.Minute).Add(5 * time.Minute); len(got[0].Next) != 5 || !got[0].Next[0].Equal(want) {
		t.Errorf("next: got %v, want five from %v on", got[0].Next, want)
	}
}

// A jump over more than a hundred moments fires the last hundred.
func TestTimersAfterALongJump(t *testing.T) {
	t.Parallel()
	clock := newClock(noon)
	served := &platform.Cloud{Clock: clock.Clock}
	served.SetTimers([]platform.Timer{{Function: "hello", Name: "second", Next: every(time.Second)}})
	c := serveCloud(t, served, withEnv("HELLO_ECHO=1"))
	c.run(t)
	clock.advance(365 * 24 * time.Hour)
	got := c.timers()[0]
	if got.Fired != 100 || got.LeftOut < 1 || !got.Last.Time.Equal(clock.Time()) {
		t.Errorf("got %d firings, %d left out, the last for %v; want 100 until %v", got.Fired, got.LeftOut, got.Last.Time, clock.Time())
	}
}

// The event is that of the timer's cloud, on the runtime that the function has.
func TestTimerEvents(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	scf := platform.Timer{Function: "hello", Name: "five", Next: every(time.Hour), Message: "a message"}
	input := platform.Timer{Function: "hello", Name: "rule", Next: every(time.Hour), Rule: true, Input: json.RawMessage(`{"a":1}`)}
	rule := platform.Timer{Function: "hello", Name: "rule", Next: every(time.Hour), Rule: true}
	for name, test := range map[string]struct {
		timer platform.Timer
		on    platform.Runtime
		order string
		want  object
	}{
		"SCF":            {scf, platform.Go1, "", object{"Type": "Timer", "TriggerName": "five", "Message": "a message", "Time": "2026-11-29T12:00:00Z"}},
		"SCF on Lambda":  {scf, platform.Lambda, "", object{"Type": "Timer", "TriggerName": "five", "Message": "a message"}},
		"a chosen time":  {scf, platform.Go1, `{"time":"2030-01-01T08:00:00+08:00"}`, object{"Type": "Timer", "TriggerName": "five", "Message": "a message", "Time": "2030-01-01T00:00:00Z"}},
		"its own words":  {scf, platform.Go1, `{"message":"b"}`, object{"Type": "Timer", "TriggerName": "five", "Message": "b", "Time": "2026-11-29T12:00:00Z"}},
		"another":        {scf, platform.Go1, `{"trigger":"six"}`, object{"Type": "Timer", "TriggerName": "six", "Message": "", "Time": "2026-11-29T12:00:00Z"}},
		"a rule's input": {input, platform.Lambda, "", object{"a": 1.0}},
		"a rule": {rule, platform.Lambda, "", object{
			"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "account": "123456789012", "time": "2026-11-29T12:00:00Z",
			"region": "us-east-1", "resources": []any{"arn:aws:events:us-east-1:123456789012:rule/rule"}, "detail": object{},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := &platform.Cloud{Clock: newClock(noon).Clock}
			served.SetTimers([]platform.Timer{test.timer})
			c := serveCloud(t, served, as(test.on), withEnv("HELLO_ECHO=1"))
			var got object
			wantJSON(t, c.send(http.MethodPost, "/v1/timers/hello", test.order).body, &got)
			delete(got, "id")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

// A timer that only requests fire is listed as such.
func TestTimersThatStand(t *testing.T) {
	t.Parallel()
	clock := newClock(noon)
	served := &platform.Cloud{Clock: clock.Clock}
	served.SetTimers([]platform.Timer{{Function: "hello", Name: "five", Next: every(time.Minute), Message: "a token"}})
	c := serveCloud(t, served)
	clock.advance(time.Hour)
	got := c.timers()[0]
	if got.Running || got.Fired != 0 || len(got.Next) != 5 {
		t.Errorf("got %+v, want that it stands", got)
	}
	if refused := c.send(http.MethodGet, "/v1/timers?wait=soon", ""); refused.status != http.StatusBadRequest {
		t.Errorf("wait=soon: got %d, want a refusal", refused.status)
	}
	if refused := c.send(http.MethodPost, "/v1/timers", ""); refused.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d, want 405", refused.status)
	}
}
