package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/emulator/traffic"
)

const (
	// maxBackground is the most asynchronous events in flight.
	maxBackground = 100
	// maxWaiting is the most that wait for another attempt; SCF's queue has ten times as many.
	maxWaiting = 10_000
	// maxDeadLetters is how many dead letters are kept, the newest.
	maxDeadLetters = 1000
)

// retryPolicy is how a cloud repeats an asynchronous event.
type retryPolicy struct {
	// cloud names it where an event is kept.
	cloud string
	// pauses are those after the first failures of the function. After one more it gives up.
	pauses []time.Duration
	// refused is the pause after the cloud refused the event, or failed itself, so many times in
	// all.
	refused func(times int) time.Duration
	// age is how long an event is kept.
	age time.Duration
}

// scfRetries are SCF's by default (SCF doc 583/41138 "error types and retry policies", 2025):
// errors of the function two times, and those of the platform or of too many calls for six hours,
// each after a minute.
var scfRetries = retryPolicy{
	cloud:   "scf",
	pauses:  []time.Duration{time.Minute, time.Minute},
	refused: func(int) time.Duration { return time.Minute },
	age:     6 * time.Hour,
}

// lambdaRetries are Lambda's by default (docs.aws.amazon.com/lambda, "invocation-async-error-
// handling"): errors of the function after one minute and then after two, and those of the platform
// or of too many calls for six hours, after one second up to five minutes.
var lambdaRetries = retryPolicy{
	cloud:  "lambda",
	pauses: []time.Duration{time.Minute, 2 * time.Minute},
	refused: func(times int) time.Duration {
		const longest = 5 * time.Minute
		return min(longest, time.Second<<min(times-1, 9))
	},
	age: 6 * time.Hour,
}

// retries is the policy of the runtime's cloud.
func (r Runtime) retries() retryPolicy {
	if r == Lambda {
		return lambdaRetries
	}
	return scfRetries
}

// errand is an asynchronous event until it is handled or given up.
type errand struct {
	function *Function // nil only in a dead letter whose function is there no more
	name     string    // the function's
	event    Event
	via      string
	caller   string
	policy   retryPolicy

	accepted time.Time // by the clock
	attempts int       // deliveries so far
	failures int       // those of them in which the function failed

	number int64 // its place in what is kept; 0 as long as it has none
}

// errTooMany refuses an event while too many are in flight.
var errTooMany = errors.New("too many events are being handled")

// later accepts an event of the request in ctx. It returns errTooMany if too many are in flight,
// and another error if the event cannot be kept.
func (c *Cloud) later(ctx context.Context, function *Function, event Event, policy retryPolicy) error {
	in := inboundOf(ctx)
	due := c.faults.take(function.spec.Name, lostAnswer)
	err := c.accept(ctx, &errand{
		function: function, name: function.spec.Name, event: event, via: in.call.Via, caller: in.call.Caller, policy: policy,
	})
	in.ran, in.lost = err == nil, due.find(lostAnswer) != nil
	return err
}

// accept starts the first attempt. All attempts share a request id. The event is kept before: from
// the acceptance on it is not lost when the process ends.
func (c *Cloud) accept(ctx context.Context, e *errand) error {
	ctx = context.WithoutCancel(ctx) // its caller may go
	e.event.RequestID = cmp.Or(e.event.RequestID, newRequestID())
	e.accepted = c.Clock.Time()
	if err := c.keep(e, time.Time{}, nil); err != nil {
		return err
	}
	if !c.background.start(func() { _, _ = c.attempt(ctx, e) }) { // it sees to failures itself
		c.release(e)
		return errTooMany
	}
	return nil
}

// attempt delivers an event, and has it repeated or given up if that fails. It returns what became
// of this attempt. If the function is closed and the cloud has no other of its name, it was taken
// away, and the event is given up. Else the emulator ends: what is kept of the event stays as it
// was before, and the next emulator makes the attempt.
func (c *Cloud) attempt(ctx context.Context, e *errand) (Reply, error) {
	e.attempts++
	if back := c.function(e.name); back != nil && e.function.isClosed() {
		e.function = back // it was taken away, and is described again
	}
	ctx = withInbound(ctx, &inbound{
		call: traffic.Call{Via: e.via, Caller: e.caller, Attempt: e.attempts},
	})
	reply, err := c.run(ctx, e.function, e.event, e.function.Invoke)
	switch {
	case errors.Is(err, errClosed) && c.function(e.name) == nil:
		c.giveUp(e, http.StatusNotFound, noSuchFunction(e.name)+" any more")
	case errors.Is(err, errClosed):
	case err == nil && reply.Err == nil:
		c.release(e)
	case err == nil && reply.Status != statusConcurrency:
		e.failures++
		c.afterFailure(ctx, e, reply)
	case err != nil:
		c.repeat(ctx, e, e.policy.refused(e.attempts-e.failures), reply.Status, err.Error())
	default:
		c.repeat(ctx, e, e.policy.refused(e.attempts-e.failures), reply.Status, reply.Err.Message)
	}
	return reply, err
}

// afterFailure repeats an event that the function failed to handle, as often as the policy says.
func (c *Cloud) afterFailure(ctx context.Context, e *errand, reply Reply) {
	if e.failures > len(e.policy.pauses) {
		c.giveUp(e, reply.Status, fmt.Sprintf("the function failed %d times: %s", e.failures, reply.Err.Message))
		return
	}
	c.repeat(ctx, e, e.policy.pauses[e.failures-1], reply.Status, reply.Err.Message)
}

// repeat has an event delivered again after a pause of the clock's time. It is given up instead if
// it would be too old by then. A process that ends here leaves the event waiting.
func (c *Cloud) repeat(ctx context.Context, e *errand, pause time.Duration, status int, reason string) {
	due := c.Clock.Time().Add(pause)
	if due.After(e.accepted.Add(e.policy.age)) {
		c.giveUp(e, status, fmt.Sprintf("the event is older than %v: %s", e.policy.age, reason))
		return
	}
	_ = c.keep(e, due, nil) // else an earlier state is kept: the event comes once too often
	if !c.await(ctx, e, due) {
		c.giveUp(e, status, fmt.Sprintf("%d events wait already: %s", maxWaiting, reason))
	}
}

// await has an event delivered when it is due. It returns false if too many wait.
func (c *Cloud) await(ctx context.Context, e *errand, due time.Time) bool {
	return c.background.wait(ctx, c.Clock, due, func() {
		if !c.background.start(func() { _, _ = c.attempt(ctx, e) }) {
			c.repeat(ctx, e, e.policy.refused(1), statusConcurrency, "too many events are in flight")
		}
	})
}

// background runs asynchronous events, and waits for those that are repeated. The zero value is
// ready for use.
type background struct {
	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	closed  bool
	count   int // of events in flight
	waiting int
	done    chan struct{} // closed by close
}

// start runs f in a goroutine. It returns false without running f when maxBackground are in flight,
// or after close.
func (b *background) start(f func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.count == maxBackground {
		return false
	}
	b.count++
	b.running.Go(func() {
		f()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.count--
	})
	return true
}

// wait runs f when the clock has reached a time, unless close comes first. It returns false without
// waiting when maxWaiting do so.
func (b *background) wait(ctx context.Context, clock *Clock, until time.Time, f func()) bool {
	done := b.closing()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return true // the emulator ends
	}
	if b.waiting == maxWaiting {
		return false
	}
	b.waiting++
	b.running.Go(func() {
		reached := waitUnless(ctx, done, clock, until)
		b.mu.Lock()
		b.waiting--
		b.mu.Unlock()
		if reached {
			f()
		}
	})
	return true
}

// waitUnless waits for a time of the clock. It returns false if done was closed first.
func waitUnless(ctx context.Context, done <-chan struct{}, clock *Clock, until time.Time) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return clock.Wait(ctx, until) == nil
}

// closing is closed by close.
func (b *background) closing() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done == nil {
		b.done = make(chan struct{})
		if b.closed {
			close(b.done)
		}
	}
	return b.done
}

// close refuses further work, ends what waits, and waits for what runs.
func (b *background) close() {
	done := b.closing()
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.done)
	}
	b.mu.Unlock()
	<-done
	b.running.Wait()
}

// deadLetter is an asynchronous event that was given up.
type deadLetter struct {
	ID         int64     `json:"id"`       // the event's number
	Time       time.Time `json:"time"`     // when it was given up, by the clock
	Accepted   time.Time `json:"accepted"` // when it came
	Via        string    `json:"via"`
	Function   string    `json:"function"`
	OutTradeNo string    `json:"out_trade_no,omitempty"`
	RequestID  string    `json:"request_id"`
	Attempts   int       `json:"attempts"`
	Status     int       `json:"status"`
	Reason     string    `json:"reason"`

	errand *errand
}

// deadLetters has what was given up, in that order. The zero value is ready for use.
type deadLetters struct {
	mu   sync.Mutex
	list []deadLetter
}

// giveUp makes an event a dead letter. The oldest one is dropped when there are too many.
func (c *Cloud) giveUp(e *errand, status int, reason string) {
	c.number(e)
	letter := deadLetter{
		ID: e.number, Time: c.Clock.Time(), Accepted: e.accepted, Via: e.via, Function: e.name,
		OutTradeNo: orderIn(e.event), RequestID: e.event.RequestID, Attempts: e.attempts,
		Status: cmp.Or(status, http.StatusInternalServerError), Reason: reason, errand: e,
	}
	_ = c.keep(e, time.Time{}, &letter) // else the event waits or is in flight in what is kept
	if dropped := c.dead.add(letter); dropped != nil {
		c.release(dropped.errand)
	}
}

// add appends a dead letter. It returns the one that had to go, or nil.
func (d *deadLetters) add(letter deadLetter) (dropped *deadLetter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, letter)
	if len(d.list) > maxDeadLetters {
		oldest := d.list[0]
		d.list = slices.Delete(d.list, 0, 1)
		return &oldest
	}
	return nil
}

// all is never nil, so that it is a list in JSON.
func (d *deadLetters) all() []deadLetter {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]deadLetter{}, d.list...)
}

// take removes a dead letter. ok is false if there is none with the ID.
func (d *deadLetters) take(id int64) (letter deadLetter, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.list, func(one deadLetter) bool { return one.ID == id })
	if i < 0 {
		return deadLetter{}, false
	}
	letter = d.list[i]
	d.list = slices.Delete(d.list, i, i+1)
	return letter, true
}

// deadLettersAPI shows the events that were given up, and delivers them again; it is the emulator's
// own. The events themselves are not shown: they may hold tokens.
//
//	GET /v1/dead-letters          200  [{"id":1,"function":"closeorder","attempts":3,…}]
//	POST /v1/dead-letters/{id}    202  it is no dead letter any more, and has no attempts yet
func (c *Cloud) deadLettersAPI(w http.ResponseWriter, r *http.Request, rest, id string) {
	number, isOne := strings.CutPrefix(rest, "/")
	switch {
	case rest == "":
		if wantMethod(w, r, http.MethodGet, "read the dead letters with GET", id) {
			answerJSON(w, http.StatusOK, c.dead.all())
		}
	case !isOne:
		noSuchPath(w, id)
	case wantMethod(w, r, http.MethodPost, "deliver a dead letter again with POST", id):
		c.redeliver(r.Context(), w, number, id)
	}
}

// redeliver answers POST.
func (c *Cloud) redeliver(ctx context.Context, w http.ResponseWriter, number, id string) {
	wanted, err := strconv.ParseInt(number, 10, 64)
	letter, ok := c.dead.take(wanted)
	if err != nil || !ok {
		fail(w, http.StatusNotFound, "DEAD_LETTER_NOT_FOUND", fmt.Sprintf("there is no dead letter %q", number), id)
		return
	}
	switch err := c.again(ctx, letter); {
	case err == nil:
		answerJSON(w, http.StatusAccepted, map[string]string{"function": letter.Function, "request_id": letter.RequestID})
		return
	case errors.Is(err, errTooMany):
		fail(w, http.StatusTooManyRequests, codes[statusConcurrency].http, err.Error(), id)
	case errors.Is(err, errNoFunction):
		fail(w, http.StatusConflict, codeNotFound, noSuchFunction(letter.Function), id)
	default:
		fail(w, http.StatusInternalServerError, codeSystem, err.Error(), id)
	}
	c.dead.add(letter)
	_ = c.keep(letter.errand, time.Time{}, &letter) // a refusal may have released it
}
