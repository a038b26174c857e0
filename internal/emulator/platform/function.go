// Package platform plays the clouds around the very binaries that are deployed: Tencent SCF and CloudBase, which is built
// on it, and AWS Lambda. It starts the binaries, speaks their runtime's protocol to them, and treats them as the real
// platform would when they are slow, crash or say too much. [Cloud] is the other side: what SDKs, HTTP requests, timers and
// queues call.
//
// One Function is one deployed function. Its instances are processes of one binary; each handles one event at a time,
// and another starts when all are busy (SCF doc "concurrency overview"). How an instance is spoken to is its [Runtime]:
//
//	Go1            The process listens on the loopback port in _LAMBDA_SERVER_PORT. It is dialled until it does, by net/rpc
//	               (gob over bare TCP), and Function.Ping is called. An event is one Function.Invoke on that connection,
//	               with a Deadline and a TimeLimitInMs, and with an Environment that is a JSON object of strings: the
//	               configured variables, then what the platform says about this one call.
//	CustomRuntime  The process asks an HTTP API of this side for events, at SCF_RUNTIME_API and SCF_RUNTIME_API_PORT, and
//	               posts what became of them, after it has posted that it is ready.
//	Lambda         The same by Lambda's Runtime API, at AWS_LAMBDA_RUNTIME_API; the first request for an event is what
//	               says that it is ready.
//	Web            The process is an HTTP server on PORT. It gets requests, by Fetch, where the others get events. It is
//	               ready when it listens there: it, and (on Linux, which tells) nobody else.
//
// Beside these variables the process finds the documented ones of its platform and the function's own. Nothing else of
// this process's environment gets through.
//
//	the function ...                 the caller gets (SCF doc "function status codes")
//	answers                          200 and the answer
//	answers with an error            430 and its message; the instance lives on (a web function's answer is its own affair)
//	answers more than 6 MB           407; the instance lives on, if it bears to have its answer refused
//	is not done at the time limit    433; its process group is killed
//	ends its process, or hangs up    439
//
// A killed or ended instance is never used again: the next event gets a fresh one. Events over 6 MB
// are refused with 406 before any instance sees them, and with 432 those for which another instance
// would be needed than there may be. For each event the log gets the lines that the runtime's cloud
// writes, with everything that the function printed between them. On SCF (SCF doc "log structure")
// these are
//
//	START RequestId:5e0c1e4d-6d0a-4b63-9c80-27f60f3b2b0f
//	Init Report RequestId: 5e0c1e4d-... Coldstart: 5ms (PullCode: 0ms InitRuntime: 1ms InitFunction: 4ms) Memory: 128MB MemUsage: 7.11MB
//	Response RequestId:5e0c1e4d-... RetMsg:{"outcome":"closed"}      or: ERROR RequestId:5e0c1e4d-... Result:why
//	END RequestId:5e0c1e4d-...
//	Report RequestId:5e0c1e4d-... Duration:12ms Memory:128MB MemUsage:9.42MB
//
// and on Lambda (docs.aws.amazon.com/lambda, "Lambda execution environment lifecycle"), where tabs
// part the fields,
//
//	START RequestId: 5e0c1e4d-... Version: $LATEST
//	END RequestId: 5e0c1e4d-...
//	REPORT RequestId: 5e0c1e4d-...	Duration: 10000.00 ms	Billed Duration: 10005 ms	...	Status: timeout
//
// What differs from the real thing: memory is reported but not limited (no 434), an idle instance is not frozen and
// never recycled, nothing is read-only, there is no init time limit but ten seconds, no quota but that of instances (no
// 429), no keys of an account in the environment, and events are not checked to be JSON unless they come through [Cloud].
// A Lambda function answers its caller when it posts its result, not when it asks for the next event. Whether the real Go1
// platform recycles an instance that answered ShouldExit is not known; here it lives on, as its process does.
package platform

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

// maxPayload is the most bytes an event or a result may have: 6 MB each (SCF doc 583/11637).
const maxPayload = 6 << 20

// What SCF gives a function that does not say, and the most it gives (SCF doc 583/11637). Lambda's figures are the same
// but for the most memory.
const (
	defaultTimeLimit    = 3 * time.Second
	maxTimeLimit        = 900 * time.Second
	defaultMemoryMB     = 128
	maxMemoryMB         = 3072
	maxMemoryMBOfLambda = 10240

	// Both platforms have more to give; a developer's machine has not.
	defaultInstances = 100
	maxInstances     = 1000
)

// Errors of calls that get no reply.
var (
	ErrClosed = errors.New("the function is closed")                               // before or during the call
	errWeb    = errors.New("it is a web function: it takes requests, not events")  // Invoke on one
	errNotWeb = errors.New("it is no web function: it takes events, not requests") // Fetch on another

	errBusy = errors.New("all instances that the function may have are busy")
)

// Spec describes a function. Name and Binary are required.
type Spec struct {
	Name      string        // as callers name it: a letter, then letters, digits, - and _; at most 60 characters
	Binary    string        // path of the executable; its folder is the working directory, as /var/user is on SCF
	Runtime   Runtime       // how it is spoken to; Go1 when empty
	Env       []string      // configured variables, KEY=value each, by SCF's rules: at most 4 KB, no reserved prefix
	TimeLimit time.Duration // of one event; 3 s when zero, 900 s at most
	MemoryMB  int           // told to the function and shown in the log; 128 when zero, 3072 at most (Lambda: 10240)
	Instances int           // how many processes it may have at once; 100 when zero, 1000 at most

	// Log gets whole lines, one Write each, never two at once, from a goroutine of its own; nil: nobody reads them. What a
	// call logs may be written after Invoke returned; everything is when Close returns. Nothing waits for a writer that
	// blocks: some 8 MiB are kept for it, then lines are dropped, which a line "cloudpay: 7 log lines lost" in their place
	// tells. Close gives up after a second; then at most the line that is blocked in Write is still written.
	Log io.Writer

	patience patience
}

// Event is one call of a function. What a runtime's protocol cannot tell, the function does not learn.
type Event struct {
	Payload   []byte // what the function receives, byte for byte
	RequestID string // made when empty

	Environment   map[string]string // Go1: what the platform says about this call, on top of the configured variables
	ClientContext json.RawMessage   // Lambda: an object that the caller sends beside the event, in one line
	Cognito       string            // Lambda: the identity of a caller who came through a Cognito identity pool

	web *http.Request // Web: the request, whose body is the payload
}

// Reply is what the platform answers to the caller.
type Reply struct {
	Payload   []byte         // the function's answer; nil unless Status is 200
	RequestID string         // the event's, or the one made for it
	Duration  time.Duration  // from sending the event to the answer or the kill, cold start not included
	Status    int            // one of the Status constants
	Err       *FunctionError // why Status is not 200; nil when it is
	Log       string         // the last 4 KB of what the log got about this call until its end

	web    *webAnswer // Web, with Status 200
	record record     // of the process that had the event; zero if none had it
}

// Function is a deployed function with its instances. Its methods may be called at the same time.
type Function struct {
	spec       Spec
	configured map[string]string // :: variable → value, from Spec.Env
	log        *logbook
	pickPort   func(context.Context) (int, error)

	calls sync.WaitGroup // events being handled; each owns the instance it runs on

	mu     sync.Mutex // guards what follows
	closed bool
	live   map[*instance]struct{} // every process there is, for Close
	idle   []*instance            // those that no event owns; the last used is used first
}

// Start checks the spec and starts the first instance, so that a function that cannot run says so now: when its process
// exits instead of listening, the error carries the last lines it printed. ctx limits the start only; the function lives
// until Close.
func Start(ctx context.Context, spec Spec) (*Function, error) {
	return start(ctx, spec, freePort)
}

// start is Start with the choice of ports as a parameter.
func start(ctx context.Context, spec Spec, pickPort func(context.Context) (int, error)) (*Function, error) {
	f, err := newFunction(spec)
	if err != nil {
		return nil, fmt.Errorf("starting function %q: %w", spec.Name, err)
	}
	f.pickPort = pickPort
	inst, err := f.launch(ctx)
	if err != nil {
		f.log.close()
		return nil, fmt.Errorf("starting function %q: %w", spec.Name, err)
	}
	f.release(inst)
	return f, nil
}

// newFunction checks the spec and fills its defaults.
func newFunction(spec Spec) (*Function, error) {
	if err := checkName(spec.Name); err != nil {
		return nil, err
	}
	if spec.TimeLimit < 0 || spec.TimeLimit > maxTimeLimit {
		return nil, fmt.Errorf("its time limit is %v; the platform allows %v at most", spec.TimeLimit, maxTimeLimit)
	}
	spec.Runtime = cmp.Or(spec.Runtime, Go1)
	if err := spec.Runtime.check(); err != nil {
		return nil, err
	}
	memory, reserved := maxMemoryMB, reservedPrefixes
	if spec.Runtime == Lambda {
		memory, reserved = maxMemoryMBOfLambda, reservedPrefixesOfLambda
	}
	if spec.MemoryMB < 0 || spec.MemoryMB > memory {
		return nil, fmt.Errorf("its memory is %d MB; the platform allows %d at most", spec.MemoryMB, memory)
	}
	if spec.Instances < 0 || spec.Instances > maxInstances {
		return nil, fmt.Errorf("it may have %d instances; allow 0 to %d", spec.Instances, maxInstances)
	}
	configured, err := configuredVariables(spec.Env, reserved)
	if err != nil {
		return nil, err
	}
	if spec.Binary, err = filepath.Abs(spec.Binary); err != nil {
		return nil, fmt.Errorf("finding the binary: %w", err)
	}
	spec.TimeLimit = cmp.Or(spec.TimeLimit, defaultTimeLimit)
	spec.MemoryMB = cmp.Or(spec.MemoryMB, defaultMemoryMB)
	spec.Instances = cmp.Or(spec.Instances, defaultInstances)
	spec.patience = spec.patience.orUsual()
	if spec.Log == nil {
		spec.Log = io.Discard
	}
	return &Function{
		spec: spec, configured: configured, live: map[*instance]struct{}{},
		log: &logbook{w: spec.Log, patience: spec.patience.log},
	}, nil
}

// Invoke sends one event to an instance and returns what the caller of the function would get. What the function did is
// in the reply, its own failures included; the error is about not getting that far: the function is closed (ErrClosed) or
// takes no events (errWeb), a fresh instance would not start, or ctx ended, in which case the instance was killed.
func (f *Function) Invoke(ctx context.Context, event Event) (Reply, error) {
	if f.spec.Runtime == Web {
		return Reply{}, fmt.Errorf("invoking function %q: %w", f.spec.Name, errWeb)
	}
	event.web = nil
	return f.serve(ctx, event)
}

// serve is Invoke for every runtime.
func (f *Function) serve(ctx context.Context, event Event) (Reply, error) {
	if !f.enter() {
		return Reply{}, fmt.Errorf("invoking function %q: %w", f.spec.Name, ErrClosed)
	}
	defer f.calls.Done()

	event.RequestID = cmp.Or(event.RequestID, newRequestID())
	if len(event.Payload) > maxPayload {
		return refuse(event.RequestID, statusRequestTooLarge,
			"the event has %d bytes; the platform takes at most %d", len(event.Payload), maxPayload), nil
	}
	reply, err := f.handle(ctx, event)
	if errors.Is(err, errBusy) {
		return refuse(event.RequestID, statusConcurrency, "all %d instances are busy", f.spec.Instances), nil
	}
	if err != nil {
		return Reply{}, fmt.Errorf("invoking function %q: %w", f.spec.Name, err)
	}
	return reply, nil
}

// handle finds an instance for an acceptable event and runs it there.
func (f *Function) handle(ctx context.Context, event Event) (Reply, error) {
	if ctx.Err() != nil {
		return Reply{}, context.Cause(ctx) // before an instance is killed for it
	}
	inst, err := f.acquire(ctx)
	if err != nil {
		return Reply{}, err
	}
	return f.run(ctx, inst, event)
}

// run has inst handle the event and writes the log around it. It gives the instance back, or discards it.
func (f *Function) run(ctx context.Context, inst *instance, event Event) (Reply, error) {
	rec, format := inst.begin(event.RequestID, f.spec), f.spec.Runtime.logFormat()
	inst.platformLines(format.opening(rec))
	begin := time.Now()
	got, end := inst.invoke(ctx, call{
		Event: event, spec: &f.spec, configured: f.configured, deadline: begin.Add(f.spec.TimeLimit),
	}, f.spec.TimeLimit)
	took := time.Since(begin)

	if end == endAnswered {
		inst.output.sync()
		inst.measure()
	} else {
		f.discard(inst)
	}
	reply := f.reply(event.RequestID, inst, got, end)
	rec.printed, rec.peak = inst.tail.String(), inst.peak.Load()
	if end == endExited {
		rec.exit = inst.state()
	}
	reply.Duration, reply.record = took, rec
	inst.platformLines(format.closing(reply))
	reply.Log = reply.logIn(format)
	if end == endAnswered {
		f.release(inst)
	}

	switch {
	case end == endAbandoned:
		return Reply{}, fmt.Errorf("the caller went away: %w", context.Cause(ctx))
	case end == endExited && f.isClosed():
		return Reply{}, ErrClosed
	default:
		return reply, nil
	}
}

// reply is what the caller gets for an invocation that ended in this way.
func (f *Function) reply(id string, inst *instance, got *answer, end ending) Reply {
	switch {
	case end == endTimedOut:
		return refuse(id, statusTimeLimit, "Invoking task timed out after %v seconds", f.spec.TimeLimit.Seconds())
	case end == endAbandoned:
		return refuse(id, statusAborted, "the caller went away")
	case end == endExited:
		return refuse(id, StatusProcessExit, "Process exited unexpectedly before completing the call: %s", inst.state())
	case got.err != nil:
		return Reply{RequestID: id, Status: StatusUserError, Err: got.err}
	case got.size > maxPayload:
		return refuse(id, statusResponseTooLarge,
			"the result has %d bytes; the platform passes on at most %d", got.size, maxPayload)
	default:
		return Reply{RequestID: id, Status: StatusOK, Payload: got.payload, web: got.web}
	}
}

// Close kills every instance and returns when all their processes are gone and the log is written, for which it waits no
// longer than a second. Calls in progress get ErrClosed. It may be called again.
func (f *Function) Close() error {
	f.mu.Lock()
	f.closed = true
	for inst := range f.live {
		inst.kill()
	}
	f.mu.Unlock()

	f.calls.Wait() // each discards the instance it owns
	f.mu.Lock()
	idle := f.idle
	f.idle = nil
	f.mu.Unlock()
	for _, inst := range idle {
		f.discard(inst)
	}
	f.log.close() // nobody is left to say more
	return nil
}

// enter counts a call in, unless the function is closed.
func (f *Function) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.calls.Add(1)
	}
	return !f.closed
}

// isClosed tells whether Close was called.
func (f *Function) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// acquire takes an idle instance, or starts one. Instances that died while idle are cleared away: to hand an event to one
// would answer 439, and leave open whether the event was handled, though nobody ever saw it.
func (f *Function) acquire(ctx context.Context) (*instance, error) {
	for {
		inst := f.takeIdle()
		if inst == nil {
			return f.launch(ctx)
		}
		if inst.answers(ctx) {
			return inst, nil
		}
		if ctx.Err() != nil {
			f.release(inst) // the caller went away; that says nothing about the instance
			return nil, context.Cause(ctx)
		}
		f.discard(inst)
	}
}

// takeIdle is the instance used last among the idle ones, or nil.
func (f *Function) takeIdle() *instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.idle) == 0 {
		return nil
	}
	last := len(f.idle) - 1
	inst := f.idle[last]
	f.idle = f.idle[:last]
	return inst
}

// release gives an instance back. A closed function's instances are killed already; Close clears the idle ones away.
func (f *Function) release(inst *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, inst)
}

// admit registers a new process, so that Close finds it from its first moment; the error says why there may be none.
func (f *Function) admit(inst *instance) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.roomLocked()
	if err == nil {
		f.live[inst] = struct{}{}
	}
	return err
}

// mayGrow tells, before a process is started, whether admit would take one.
func (f *Function) mayGrow() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.roomLocked()
}

// roomLocked says why there may be no further process; the caller holds mu.
func (f *Function) roomLocked() error {
	switch {
	case f.closed:
		return ErrClosed
	case len(f.live) >= f.spec.Instances:
		return errBusy
	default:
		return nil
	}
}

// discard ends an instance for good and returns when its process is gone.
func (f *Function) discard(inst *instance) {
	inst.end()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.live, inst)
}
