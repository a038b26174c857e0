package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"cloudpay/internal/emulator/traffic"
)

// The kinds of what the spool has: asynchronous events until they are handled, by their numbers,
// and the calls, of which it has the highest ID alone.
const (
	eventsKind = "events"
	callsKind  = "calls"
)

// keptEvent is an asynchronous event as the spool has it. Each change of what becomes of it
// replaces it whole:
//
//	neither Due nor Dead  an attempt is under way. After a process that dies the next one makes it
//	                      again, once more in all if the function had handled the event
//	Due                   it waits for another attempt
//	Dead                  it was given up
type keptEvent struct {
	Function      string            `json:"function"`
	Via           string            `json:"via"`
	Caller        string            `json:"caller,omitempty"`
	Cloud         string            `json:"cloud"` // whose retries it has
	Accepted      time.Time         `json:"accepted"`
	Attempts      int               `json:"attempts"`
	Failures      int               `json:"failures"`
	RequestID     string            `json:"request_id"`
	Payload       []byte            `json:"payload"`
	Environment   map[string]string `json:"environment,omitempty"`
	ClientContext json.RawMessage   `json:"client_context,omitempty"`
	Cognito       string            `json:"cognito,omitempty"`
	Due           time.Time         `json:"due,omitzero"`
	Dead          *deadLetter       `json:"dead,omitempty"`
}

// number gives an event its number, unless it has one. A timer's event gets it with its first
// failure.
func (c *Cloud) number(e *errand) {
	if e.number == 0 {
		e.number = c.events.Add(1)
	}
}

// keep has the spool keep an event as it is now.
func (c *Cloud) keep(e *errand, due time.Time, dead *deadLetter) error {
	c.number(e)
	return c.Spool.Put(eventsKind, e.number, keptEvent{
		Function: e.name, Via: e.via, Caller: e.caller, Cloud: e.policy.cloud, Accepted: e.accepted,
		Attempts: e.attempts, Failures: e.failures, RequestID: e.event.RequestID, Payload: e.event.Payload,
		Environment: e.event.Environment, ClientContext: e.event.ClientContext, Cognito: e.event.Cognito, Due: due, Dead: dead,
	})
}

// release has the spool forget an event that was handled or refused. If that fails, the event comes
// once more after a restart.
func (c *Cloud) release(e *errand) {
	if e.number != 0 {
		_ = c.Spool.Remove(eventsKind, e.number)
	}
}

// Resume goes on with the asynchronous events that an earlier process left: dead letters are there
// again, events that wait are delivered when they are due, and those that were being delivered are
// delivered again. It also has the calls numbered behind those of before. It is called once, after
// the functions are there and before anything is served. An event whose function is there no more
// is a dead letter.
func (c *Cloud) Resume(ctx context.Context) error {
	last, err := c.Spool.Last(callsKind)
	if err != nil {
		return fmt.Errorf("reading the cloud's state: %w", err)
	}
	c.Journal.Numbers = traffic.Numbers{Last: last, Reserve: func(last int64) {
		_ = c.Spool.Mark(callsKind, last) // else IDs come again after a restart, which loses no call
	}}
	if last, err = c.Spool.Last(eventsKind); err != nil {
		return fmt.Errorf("reading the cloud's state: %w", err)
	}
	c.events.Store(last)
	kept, err := c.kept()
	if err != nil {
		return fmt.Errorf("reading the cloud's state: %w", err)
	}
	for _, e := range kept {
		c.resume(context.WithoutCancel(ctx), e)
	}
	return c.resumeDelayed(ctx)
}

// resumed is an event of an earlier process.
type resumed struct {
	*errand

	due  time.Time
	dead *deadLetter
}

// kept reads the events: dead letters behind the others, in the order in which they were given up.
func (c *Cloud) kept() (all []resumed, err error) {
	err = c.Spool.Each(eventsKind, func(number int64, text []byte) error {
		var k keptEvent
		if err := json.Unmarshal(text, &k); err != nil {
			return fmt.Errorf("event %d: %w", number, err)
		}
		policy, known := map[string]retryPolicy{scfRetries.cloud: scfRetries, lambdaRetries.cloud: lambdaRetries}[k.Cloud]
		if !known {
			return fmt.Errorf("event %d is of the cloud %q, which this program does not play", number, k.Cloud)
		}
		all = append(all, resumed{due: k.Due, dead: k.Dead, errand: &errand{
			function: c.function(k.Function), name: k.Function, via: k.Via, caller: k.Caller, policy: policy,
			accepted: k.Accepted, attempts: k.Attempts, failures: k.Failures, number: number,
			event: Event{
				Payload: k.Payload, RequestID: k.RequestID, Environment: k.Environment, ClientContext: k.ClientContext, Cognito: k.Cognito,
			},
		}})
		return nil
	})
	slices.SortStableFunc(all, func(a, b resumed) int { return a.givenUp().Compare(b.givenUp()) })
	return all, err
}

// givenUp is when the event became a dead letter; zero if it is none.
func (r resumed) givenUp() time.Time {
	if r.dead == nil {
		return time.Time{}
	}
	return r.dead.Time
}

// resume goes on with one event.
func (c *Cloud) resume(ctx context.Context, e resumed) {
	switch {
	case e.dead != nil:
		letter := *e.dead
		letter.errand = e.errand
		c.dead.add(letter)
	case e.function == nil:
		c.giveUp(e.errand, http.StatusNotFound, noSuchFunction(e.name)+" any more")
	case !c.await(ctx, e.errand, e.due): // at once if an attempt was under way
		c.giveUp(e.errand, statusConcurrency, fmt.Sprintf("%d events wait already", maxWaiting))
	}
}

// errNoFunction refuses to deliver a dead letter whose function is there no more.
var errNoFunction = errors.New("its function is there no more")

// again accepts the event of a dead letter.
func (c *Cloud) again(ctx context.Context, letter deadLetter) error {
	e := letter.errand
	function := c.function(e.name)
	if function == nil {
		return errNoFunction
	}
	// A copy: what is kept stays a dead letter if the event is not accepted.
	anew := *e
	anew.function, anew.attempts, anew.failures = function, 0, 0
	return c.accept(ctx, &anew)
}
