package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The actions of a [Fault].
const (
	// The cloud refuses the call for having too many: 432 on SCF, 429 on AWS.
	throttle = "throttle"
	// The cloud itself fails before the function has the event: 500 on SCF and on AWS.
	serverError = "server-error"
	// The call waits for Delay of real time first, as for a slow start of an instance.
	coldStart = "cold-start"
	// The function gets the event twice, one after the other and under one request id. The
	// caller gets the first answer.
	duplicate = "duplicate"
	// The function handles the event, and the connection is cut instead of an answer. Of an
	// asynchronous event the acceptance is lost.
	lostAnswer = "lost-answer"
	// The request of an SDK is refused as if it were wrongly signed.
	badCredentials = "bad-credentials"
)

// faultActions says whether each action needs a delay.
var faultActions = map[string]bool{
	throttle: false, serverError: false, coldStart: true, duplicate: false, lostAnswer: false, badCredentials: false,
}

// maxFaultDelay bounds what a call waits.
const maxFaultDelay = 10 * time.Minute

// errFault is why no instance has an event.
var errFault = errors.New("a fault of the cloud")

// Fault is something that goes wrong in the cloud.
type Fault struct {
	// Function is the function that it happens to; empty: any.
	Function string
	// Action is what happens: "throttle", "server-error", "cold-start", "duplicate",
	// "lost-answer" or "bad-credentials".
	Action string
	// Times is how often it happens; 0: until it is removed.
	Times int
	// Probability is the share of calls that it happens to, of those that it may; 0: all. The
	// draws are the same for each Seed.
	Probability float64
	Seed        uint64
	// Delay is what a cold start takes, at most ten minutes.
	Delay time.Duration
}

// check returns an error that names every field that is wrong.
func (f Fault) check() error {
	var faults []string
	needsDelay, known := faultActions[f.Action]
	if !known {
		faults = append(faults, fmt.Sprintf("action: must be one of %s, not %q",
			strings.Join(slices.Sorted(maps.Keys(faultActions)), ", "), f.Action))
	}
	if f.Times < 0 {
		faults = append(faults, "times: cannot be negative")
	}
	if f.Probability < 0 || f.Probability > 1 {
		faults = append(faults, "probability: must be from 0 to 1")
	}
	switch {
	case needsDelay && (f.Delay <= 0 || f.Delay > maxFaultDelay):
		faults = append(faults, fmt.Sprintf("delay: must be more than nothing, such as 2s, and %v at most", maxFaultDelay))
	case known && !needsDelay && f.Delay != 0:
		faults = append(faults, "delay: is for "+coldStart+" only")
	}
	if len(faults) > 0 {
		return errors.New(strings.Join(faults, "; "))
	}
	return nil
}

// checkFault is check, and reports a function that is not there.
func (c *Cloud) checkFault(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.Function != "" && c.function(f.Function) == nil {
		return fmt.Errorf("function: %s", noSuchFunction(f.Function))
	}
	return nil
}

// Inject has a fault happen to the calls that come. Several faults that a call may meet all happen
// to it, in the order of injection; but of throttle and server-error it meets one, and the other
// waits for the next call. The error names every field that is wrong.
func (c *Cloud) Inject(f Fault) error {
	_, err := c.inject(f)
	return err
}

// inject is Inject, with the fault's id.
func (c *Cloud) inject(f Fault) (id int64, err error) {
	if err := c.checkFault(f); err != nil {
		return 0, fmt.Errorf("injecting a fault: %w", err)
	}
	return c.faults.add(f), nil
}

// SetFaults replaces all faults by these, in this order. The error is that of the first which is
// wrong, and nothing is replaced then.
func (c *Cloud) SetFaults(faults []Fault) error {
	for i, f := range faults {
		if err := c.checkFault(f); err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	c.faults.replace(faults)
	return nil
}

// ClearFaults removes all faults.
func (c *Cloud) ClearFaults() { c.faults.replace(nil) }

// faultList has the faults still to come. The zero value is ready for use.
type faultList struct {
	mu   sync.Mutex
	list []*injected
	last int64 // the id of the newest fault
}

// injected is a fault with its draws. The id names it in the API, and is not used again.
type injected struct {
	Fault

	id    int64
	draws *rand.Rand
}

// entry numbers a fault and begins its draws. l.mu is held.
func (l *faultList) entry(f Fault) *injected {
	l.last++
	return &injected{f, l.last, rand.New(rand.NewPCG(f.Seed, f.Seed))}
}

// add appends a fault and returns its id.
func (l *faultList) add(f Fault) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, l.entry(f))
	return l.last
}

// replace puts these faults in the place of all others, between two calls.
func (l *faultList) replace(faults []Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
	for _, f := range faults {
		l.list = append(l.list, l.entry(f))
	}
}

// remove removes the fault of an id, and reports whether it was there.
func (l *faultList) remove(id int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.list)
	l.list = slices.DeleteFunc(l.list, func(one *injected) bool { return one.id == id })
	return len(l.list) < before
}

// documents returns the faults still to come as the API shows them; Times is how often each will
// still happen.
func (l *faultList) documents() []faultDocument {
	l.mu.Lock()
	defer l.mu.Unlock()
	documents := make([]faultDocument, 0, len(l.list))
	for _, one := range l.list {
		documents = append(documents, one.document(one.id))
	}
	return documents
}

// has reports whether a fault with an action is to come.
func (l *faultList) has(action string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.list, func(one *injected) bool { return one.Action == action })
}

// take takes the faults with one of the actions that happen to a call of a function, which uses
// them up.
func (l *faultList) take(function string, actions ...string) plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	var due plan
	l.list = slices.DeleteFunc(l.list, func(one *injected) bool {
		if !slices.Contains(actions, one.Action) || one.Function != "" && one.Function != function ||
			due.excludes(one.Action) || !one.drawn() {
			return false
		}
		due = append(due, one.Fault)
		last := one.Times == 1
		one.Times = max(0, one.Times-1) // 0 stays: for ever
		return last
	})
	return due
}

// drawn reports whether the fault happens this time.
func (f *injected) drawn() bool { return f.Probability == 0 || f.draws.Float64() < f.Probability }

// plan are the faults that one call meets.
type plan []Fault

// find returns the first fault with one of the actions; nil if there is none.
func (p plan) find(actions ...string) *Fault {
	for i := range p {
		if slices.Contains(actions, p[i].Action) {
			return &p[i]
		}
	}
	return nil
}

// excludes reports whether a call that meets these faults cannot meet another with an action.
func (p plan) excludes(action string) bool {
	return p.find(action) != nil || (action == throttle || action == serverError) && p.find(throttle, serverError) != nil
}

// actions lists what happens, for the journal.
func (p plan) actions() []string {
	actions := make([]string, 0, len(p))
	for _, f := range p {
		actions = append(actions, f.Action)
	}
	return actions
}

// faultDocument is a fault in JSON, where a delay is written as Go writes it.
type faultDocument struct {
	ID          int64   `json:"id,omitempty"` // passed over in a request
	Function    string  `json:"function,omitempty"`
	Action      string  `json:"action"`
	Times       int     `json:"times,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`
	Delay       string  `json:"delay,omitempty"`
}

// document writes a fault. An id of 0 is left out.
func (f Fault) document(id int64) faultDocument {
	document := faultDocument{id, f.Function, f.Action, f.Times, f.Probability, f.Seed, ""}
	if f.Delay > 0 {
		document.Delay = f.Delay.String()
	}
	return document
}

// fault reads a document. The error is about its delay only.
func (d faultDocument) fault() (Fault, error) {
	f := Fault{Function: d.Function, Action: d.Action, Times: d.Times, Probability: d.Probability, Seed: d.Seed}
	if d.Delay == "" {
		return f, nil
	}
	delay, err := time.ParseDuration(d.Delay)
	if err != nil {
		return f, fmt.Errorf("delay: must be a time such as 2s, not %q", d.Delay)
	}
	f.Delay = delay
	return f, nil
}

// faultsAPI shows, injects and removes faults; it is the emulator's own.
//
//	GET /v1/faults           200  [{"id":1,"function":"closeorder","action":"throttle","times":1}]
//	GET /v1/fault-actions    200  [{"action":"cold-start","fields":["delay"]}, …]
//	POST /v1/faults          201  the fault; 400 names every field that is wrong
//	DELETE /v1/faults        204
//	DELETE /v1/faults/{id}   204; 404 if there is no such fault
func (c *Cloud) faultsAPI(w http.ResponseWriter, r *http.Request, rest, id string) {
	rest = strings.TrimPrefix(rest, "/")
	switch method := r.Method; {
	case rest != "" && method == http.MethodDelete:
		c.removeFault(w, rest, id)
	case rest != "":
		noSuchPath(w, id)
	case method == http.MethodGet:
		answerJSON(w, http.StatusOK, c.faults.documents())
	case method == http.MethodPost:
		c.injectFault(w, r, id)
	case method == http.MethodDelete:
		c.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		fail(w, http.StatusMethodNotAllowed, codeBadMethod, "faults have GET, POST and DELETE", id)
	}
}

// actionDocument is an action, and which further fields of a fault it needs.
type actionDocument struct {
	Action string   `json:"action"`
	Fields []string `json:"fields,omitempty"`
}

// actionsAPI answers the actions.
func (c *Cloud) actionsAPI(w http.ResponseWriter, r *http.Request, rest, id string) {
	if rest != "" || r.Method != http.MethodGet {
		noSuchPath(w, id)
		return
	}
	answerJSON(w, http.StatusOK, actionDocuments())
}

// actionDocuments lists the actions in the order of docs/emulator.md.
func actionDocuments() []actionDocument {
	actions := []string{throttle, serverError, coldStart, duplicate, lostAnswer, badCredentials}
	documents := make([]actionDocument, 0, len(actions))
	for _, action := range actions {
		document := actionDocument{Action: action}
		if faultActions[action] {
			document.Fields = []string{"delay"}
		}
		documents = append(documents, document)
	}
	return documents
}

// removeFault answers DELETE of one fault.
func (c *Cloud) removeFault(w http.ResponseWriter, name, id string) {
	number, err := strconv.ParseInt(name, 10, 64)
	if err != nil || !c.faults.remove(number) {
		fail(w, http.StatusNotFound, codeBadParameter, "there is no fault "+strconv.Quote(name)+" to come", id)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// injectFault answers POST.
func (c *Cloud) injectFault(w http.ResponseWriter, r *http.Request, id string) {
	var document faultDocument
	err := readRequest(w, r, maxTriggerBody, &document)
	var f Fault
	if err == nil {
		f, err = document.fault()
	}
	number := int64(0)
	if err == nil {
		number, err = c.inject(f)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, codeBadParameter, err.Error(), id)
		return
	}
	answerJSON(w, http.StatusCreated, f.document(number))
}

// Scenario returns the faults still to come, as JSON that [Cloud.SetScenario] takes.
func (c *Cloud) Scenario() []byte {
	documents := c.faults.documents()
	for i := range documents {
		documents[i].ID = 0
	}
	text, _ := json.Marshal(scenarioDocument{documents}) // numbers and texts are always encoded
	return text
}

// scenarioDocument is all that goes wrong in the cloud.
type scenarioDocument struct {
	Faults []faultDocument `json:"faults"`
}

// SetScenario replaces all faults by those of a scenario. The error names what is wrong, and
// nothing is replaced then.
func (c *Cloud) SetScenario(text []byte) error {
	var document scenarioDocument
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&document); err != nil {
		return fmt.Errorf("reading a scenario of the cloud: %w", err)
	}
	// All of them are read before any is checked against the functions, and none is set before.
	faults := make([]Fault, 0, len(document.Faults))
	for i, one := range document.Faults {
		f, err := one.fault()
		if err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
		faults = append(faults, f)
	}
	return c.SetFaults(faults)
}
