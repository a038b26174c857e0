package platform

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxMissed is the most firings of a timer that a jump of the clock makes up for. If more became
// due, the oldest are left out: the clock is at the jump's end for each of them, so that they would
// all find the same.
const maxMissed = 100

// Timer fires a function by the clock of its [Cloud].
type Timer struct {
	// Function is the function's name, and Name the trigger's.
	Function, Name string
	// Expression is the schedule as its description has it, to be shown.
	Expression string
	// Next is the first moment after a time at which the timer fires; the zero time if it never
	// does.
	Next func(after time.Time) time.Time
	// Message is the timer's argument.
	Message string
	// Rule says that the timer is a rule of EventBridge. The event is then Input or, without one,
	// EventBridge's own.
	Rule  bool
	Input json.RawMessage
}

// event is what the timer sends to a function.
func (t Timer) event(on Runtime, at time.Time) []byte {
	switch {
	case t.Input != nil:
		return t.Input
	case t.Rule:
		return encode(scheduledEvent(t.Name, at))
	default:
		return encode(timerEvent(t.Name, t.Message, on, at))
	}
}

// showsTime reports whether the event says when the timer fired.
func (t Timer) showsTime(on Runtime) bool { return t.Input == nil && (t.Rule || on != Lambda) }

// timers are what is known of the timers of a cloud. The zero value is ready for use.
type timers struct {
	mu      sync.Mutex // guards what follows
	states  []*timerState
	changed chan struct{} // closed when a state changes next
}

// timerState is how far a timer is.
type timerState struct {
	Timer

	running bool      // it fires by itself
	next    time.Time // when it fires next; not after the clock while firings wait or run
	fired   int
	left    int     // left out because of maxMissed
	last    *firing // nil before the first
}

// firing is one firing of a timer.
type firing struct {
	Time      time.Time `json:"time"` // when it was due
	RequestID string    `json:"requestId"`
	Status    int       `json:"status"`
	Error     string    `json:"error,omitempty"`
}

// SetTimers replaces the timers. They fire while RunTimers runs, which must not run now, and when a
// request fires one.
func (c *Cloud) SetTimers(list []Timer) {
	states := make([]*timerState, 0, len(list))
	for _, t := range list {
		states = append(states, &timerState{Timer: t})
	}
	c.timers.update(func() { c.timers.states = states })
}

// RunTimers fires the cloud's timers whenever its clock reaches a moment of theirs, until ctx ends.
// A jump of the clock fires each timer once for every moment that was jumped over, in order, a
// hundred at most. The firings of one timer are handled one after the other. A firing in progress
// goes on when ctx ends; closing its function ends it.
func (c *Cloud) RunTimers(ctx context.Context) {
	from := c.Clock.Time()
	var running sync.WaitGroup
	for _, s := range c.timers.list() {
		c.timers.update(func() { s.running, s.next = true, s.Next(from) })
		running.Go(func() { c.runTimer(ctx, s, from) })
	}
	running.Wait()
	for _, s := range c.timers.list() {
		c.timers.update(func() { s.running = false })
	}
}

// runTimer fires one timer until ctx ends or it never fires again.
func (c *Cloud) runTimer(ctx context.Context, s *timerState, after time.Time) {
	for next := s.Next(after); !next.IsZero(); next = s.Next(after) {
		c.timers.update(func() { s.next = next })
		if c.Clock.Wait(ctx, next) != nil {
			return
		}
		now := c.Clock.Time()
		due := moments(s.Next, after, now)
		if len(due) > maxMissed {
			c.timers.update(func() { s.left += len(due) - maxMissed })
			due = due[len(due)-maxMissed:]
		}
		for _, at := range due {
			if ctx.Err() != nil {
				return
			}
			last := c.fireAt(context.WithoutCancel(ctx), s.Timer, at)
			c.timers.update(func() { s.fired, s.last = s.fired+1, &last })
		}
		after = now
	}
	c.timers.update(func() { s.next = time.Time{} })
}

// moments are those at which a timer fires after a time, until now. Of a long list it has the last
// ones, more than maxMissed: it looks back further and further, so that a long jump costs no more
// than a short one.
func moments(next func(time.Time) time.Time, after, now time.Time) []time.Time {
	for window := time.Minute; ; window *= 2 {
		from, whole := now.Add(-window), false
		if !from.After(after) {
			from, whole = after, true
		}
		var list []time.Time
		for at := next(from); !at.IsZero() && !at.After(now); at = next(at) {
			list = append(list, at)
		}
		if whole || len(list) > maxMissed {
			return list
		}
	}
}

// fireAt fires a timer for the moment at which it was due. A failure is repeated as the function's
// cloud repeats asynchronous events.
func (c *Cloud) fireAt(ctx context.Context, t Timer, at time.Time) firing {
	f := firing{Time: at, RequestID: newRequestID()}
	function := c.function(t.Function)
	if function == nil {
		f.Error = noSuchFunction(t.Function)
		return f
	}
	reply, err := c.attempt(ctx, &errand{
		function: function, name: t.Function, via: viaTimer, caller: t.Name, policy: function.runtime().retries(), accepted: c.Clock.Time(),
		event: Event{Payload: t.event(function.runtime(), at), RequestID: f.RequestID, Environment: timerEnvironment()},
	})
	switch {
	case err != nil:
		f.Error = err.Error()
	case reply.Err != nil:
		f.Status, f.Error = reply.Status, oneLine(reply.Err.Message)
	default:
		f.Status = reply.Status
	}
	return f
}

// list is the states of all timers.
func (b *timers) list() []*timerState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.states
}

// update changes a state and wakes what waits for it.
func (b *timers) update(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// change returns a channel that the next update closes.
func (b *timers) change() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// maxSettling is the longest that a list of timers waits for firings.
const maxSettling = 5 * time.Minute

// nextFirings is how many firings ahead the list shows.
const nextFirings = 5

// listTimers lists the timers:
//
//	GET /v1/timers            {"time":"…","timers":[{"function":"closeorder",
//	  "name":"closeorder_timer","expression":"0 * * * * * *","running":true,"next":["…"],
//	  "fired":3,"last":{"time":"…","requestId":"…","status":200}}]}
//	GET /v1/timers?wait=30s   waits for the firings that are due or in progress first, for
//	                          schedules that are due, and for messages that a function is to have
//
// Times are those of the clock. A timer's message is not shown, since it may be a token.
func (c *Cloud) listTimers(w http.ResponseWriter, r *http.Request, id string) {
	if !wantMethod(w, r, http.MethodGet, "list the timers with GET", id) {
		return
	}
	if text := r.URL.Query().Get("wait"); text != "" {
		wait, err := time.ParseDuration(text)
		if err != nil || wait < 0 || wait > maxSettling {
			fail(w, http.StatusBadRequest, codeBadEvent, "wait: a duration of at most 5m, such as 30s", id)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), wait)
		defer cancel()
		c.settle(ctx)
		c.settleDelayed(ctx)
	}
	answerJSON(w, http.StatusOK, c.describeTimers())
}

// settle waits until no firing is due or in progress, or until ctx ends.
func (c *Cloud) settle(ctx context.Context) {
	for {
		changed := c.timers.change()
		now := c.Clock.Time()
		if !slices.ContainsFunc(c.timers.list(), func(s *timerState) bool {
			c.timers.mu.Lock()
			defer c.timers.mu.Unlock()
			return s.running && !s.next.IsZero() && !s.next.After(now)
		}) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// describedTimer is a timer in the list.
type describedTimer struct {
	Function   string      `json:"function"`
	Name       string      `json:"name"`
	Expression string      `json:"expression"`
	Running    bool        `json:"running"`
	Next       []time.Time `json:"next"`
	Fired      int         `json:"fired"`
	LeftOut    int         `json:"left_out,omitempty"`
	Last       *firing     `json:"last,omitempty"`
}

func (c *Cloud) describeTimers() any {
	now := c.Clock.Time()
	states := c.timers.list()
	list := make([]describedTimer, 0, len(states))
	for _, s := range states {
		next := []time.Time{}
		for at := s.Next(now); !at.IsZero() && len(next) < nextFirings; at = s.Next(at) {
			next = append(next, at)
		}
		c.timers.mu.Lock()
		list = append(list, describedTimer{
			Function: s.Function, Name: s.Name, Expression: s.Expression, Running: s.running, Next: next,
			Fired: s.fired, LeftOut: s.left, Last: s.last,
		})
		c.timers.mu.Unlock()
	}
	return map[string]any{"time": now.UTC(), "timers": list}
}
