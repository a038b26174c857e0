// Package platform emulates the clouds around the very binaries that are deployed: Tencent SCF,
// CloudBase, which is built on SCF, and AWS Lambda. It starts the binaries, speaks the protocol of
// their runtime, and treats them as the real platform does when they are slow, crash or return too
// much. [Cloud] is the other side: the APIs that SDKs call, and the HTTP, timer and queue triggers.
//
// A [Function] is one deployed function. Its instances are processes of one binary; each handles
// one event at a time, and a new one starts when all are busy (SCF doc "concurrency overview"). Its
// [Runtime] is the protocol between the platform and an instance:
//
//	Go1            The process listens on the loopback port in _LAMBDA_SERVER_PORT. The platform
//	               dials until it does, and calls Function.Ping by net/rpc (gob, TCP).
//	               An event is one Function.Invoke on that connection, with a Deadline, a
//	               TimeLimitInMs, and an Environment: a JSON object of the configured variables
//	               and of what the platform says about this one call.
//	CustomRuntime  The process polls an HTTP API of the platform, at SCF_RUNTIME_API and
//	               SCF_RUNTIME_API_PORT, for events and posts their results, once it has
//	               posted that it is ready.
//	Lambda         The same with Lambda's Runtime API, at AWS_LAMBDA_RUNTIME_API. The first poll
//	               says that the process is ready.
//	Web            The process is an HTTP server on PORT. It gets requests, by Fetch, instead of
//	               events. It is ready when it listens; on Linux, which tells, the listener must
//	               be this very process. One that listens on 9000, SCF's own port, is found there.
//	Node           The process is Node.js with a program of the platform's, which loads
//	               exports.main(event, context) and polls for events (node.go).
//
// The environment of a process has these variables, the documented ones of its platform, and the
// configured ones. Nothing else of this process's environment gets through.
//
//	the function ...                 the caller gets (SCF doc "function status codes")
//	answers                          200 and the answer
//	answers with an error            430 and its message; the instance lives on (a web function's
//	                                 answer is passed on whatever its status)
//	answers more than 6 MB           407; the instance lives on
//	is not done at the time limit    433; its process group is killed
//	ends its process, or hangs up    439
//
// A killed or ended instance is never used again; the next event gets a fresh one. An event over 6
// MB is refused with 406 before an instance sees it, and an event for which all instances are busy
// with 432. Every event leaves the lines in the log that the runtime's cloud writes, around those
// that the function prints. On SCF (SCF doc "log structure") they are
//
//	START RequestId:5e0c1e4d-6d0a-4b63-9c80-27f60f3b2b0f
//	Init Report RequestId: 5e0c1e4d-... Coldstart: 5ms (PullCode: 0ms ...) Memory: 128MB ...
//	Response RequestId:5e0c1e4d-... RetMsg:{"outcome":"closed"}
//	END RequestId:5e0c1e4d-...
//	Report RequestId:5e0c1e4d-... Duration:12ms Memory:128MB MemUsage:9.42MB
//
// with "ERROR RequestId:5e0c1e4d-... Result:why" in place of Response after a failure, and on
// Lambda (docs.aws.amazon.com/lambda, "Lambda execution environment lifecycle"), where tabs
// separate the fields,
//
//	START RequestId: 5e0c1e4d-... Version: $LATEST
//	END RequestId: 5e0c1e4d-...
//	REPORT RequestId: 5e0c1e4d-...	Duration: 10000.00 ms	Billed Duration: 10005 ms	...
//
// What differs from the real platforms: memory is reported but not limited (no 434); an idle
// instance is neither frozen nor recycled; nothing is read-only; a start may take ten seconds on
// every runtime; the only quota is that of instances (no 429); the environment has no keys of an
// account; and an event is checked to be JSON only if it comes through [Cloud]. A Lambda function's
// caller is answered when the function posts its result, not when it polls for the next event.
// Whether the real Go1 platform recycles an instance that answered ShouldExit is not known; here it
// lives on, as its process does.
package platform

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"cloudpay/internal/emulator/access"
)

// maxPayload is the most bytes of an event or a result: 6 MB each (SCF doc 583/11637).
const maxPayload = 6 << 20

// SCF's defaults and limits (SCF doc 583/11637). Lambda's are the same, except for the most memory.
const (
	defaultTimeLimit    = 3 * time.Second
	maxTimeLimit        = 900 * time.Second
	defaultMemoryMB     = 128
	maxMemoryMB         = 3072
	maxMemoryMBOfLambda = 10240

	// Ours: both platforms allow more, but a developer's machine has less room.
	defaultInstances = 100
	maxInstances     = 1000
)

// Errors of calls that get no reply.
var (
	// Before or during the call.
	errClosed = errors.New("the function is closed")
	errWeb    = errors.New("it is a web function: it takes requests, not events") // Invoke on one
	// Fetch on another.
	errNotWeb = errors.New("it is no web function: it takes events, not requests")

	errBusy = errors.New("all instances that the function may have are busy")
)

// Spec describes a function. Name and Binary (Node: Folder) are required; a zero value elsewhere
// means the default.
type Spec struct {
	// Name is what callers call it: a letter, then letters, digits, - and _; at most 60 characters.
	Name string
	// Binary is the executable's path. With the runtime Node it is that of Node.js; when empty, the
	// node on this process's PATH.
	Binary string
	// Folder is the working directory, as /var/user on SCF; the binary's folder when empty.
	Folder string
	// Handler is the entry of a Node.js function, file and function; index.main when empty.
	Handler string
	// Runtime is the protocol; Go1 when empty.
	Runtime Runtime
	// Env are the configured variables, KEY=value each, by SCF's rules: at most 4 KB, no reserved
	// prefix.
	Env []string
	// TimeLimit is the limit of one event; 3 s when zero, 900 s at most.
	TimeLimit time.Duration
	// MemoryMB is told to the function and shown in the log; 128 when zero, 3072 at most (Lambda:
	// 10240).
	MemoryMB int
	// Instances is the most processes at once; 100 when zero, 1000 at most.
	Instances int
	// Warm is how many processes Start starts; 1 when zero.
	Warm int
	// CloudURL is where the function's own SDKs find the cloud. When empty, they are not pointed
	// anywhere.
	CloudURL string
	// CloudKey is what these SDKs sign with; any key when zero.
	CloudKey access.Key

	// Log gets whole lines, one Write each and one at a time, from a goroutine of its own; nil
	// discards them. Lines of a call may be written after Invoke has returned; Close writes the
	// rest. A writer that blocks delays nothing: about 8 MiB are queued for it, further lines are
	// dropped, and a line "cloudpay: 7 log lines lost" takes their place. Close gives up on it
	// after a second; the one line that blocks may still be written then.
	Log io.Writer

	timeouts timeouts
}

// Event is one call of a function. The function does not see what its runtime's protocol has no
// place for.
type Event struct {
	// Payload is what the function receives, byte for byte.
	Payload []byte
	// RequestID is made when empty.
	RequestID string
	// Environment (Go1) is about this call; it overlays the configured variables.
	Environment map[string]string
	// ClientContext (Lambda) is an object that the caller sends beside the event, in one line.
	ClientContext json.RawMessage
	// Cognito (Lambda) is the caller's identity in a Cognito identity pool.
	Cognito string

	web *http.Request // Web: the request, whose body is the payload
}

// Reply is the platform's answer to the caller.
type Reply struct {
	// Payload is the function's answer; nil unless Status is StatusOK.
	Payload []byte
	// RequestID is the event's, or the one made for it.
	RequestID string
	// Duration is the time from sending the event to the answer or the kill, without a cold start.
	Duration time.Duration
	// Status is SCF's code, whatever the runtime: StatusOK, statusUserError, statusProcessExit, 406
	// or 407 (an event or a result over 6 MB), 432 (all instances are busy), 433 (time limit).
	Status int
	// Err is the reason for another Status than StatusOK; nil with that one.
	Err *FunctionError
	// Log is the end of the call's log, 4 KB at most, in the format of the runtime's cloud.
	Log string

	web    *webAnswer // Web, with StatusOK
	record record     // of the instance that had the event; zero if none had it
}

// Function is a deployed function with its instances. Its methods may be called concurrently.
type Function struct {
	spec       Spec
	configured map[string]string // :: variable → value, from Spec.Env
	log        *logbook
	pickPort   func(context.Context) (int, error)

	calls sync.WaitGroup // events being handled; each owns the instance it runs on

	// Has room for one event; nil unless the function can have one process only, because it listens
	// on a port that it does not choose.
	alone chan struct{}

	restarting sync.Mutex // held by Restart

	mu         sync.Mutex             // guards what follows
	closed     bool                   // nothing is started any more, and what runs is killed
	retired    bool                   // no event enters any more
	successors []*Function            // what Restart started; the last one gets the events
	live       map[*instance]struct{} // every process there is, for Close
	idle       []*instance            // those that no event owns; the last used is used first
}

// Start checks the spec and starts the first instance, so that a function that cannot run is an
// error here: if its process exits instead of listening, the error carries the last lines that it
// printed. ctx limits the start only; the function lives until Close.
func Start(ctx context.Context, spec Spec) (*Function, error) {
	return start(ctx, spec, freePort)
}

// start is Start with the choice of ports as a parameter, for tests of ports that are taken.
func start(ctx context.Context, spec Spec, pickPort func(context.Context) (int, error)) (*Function, error) {
	f, err := newFunction(spec)
	if err != nil {
		return nil, fmt.Errorf("starting function %q: %w", spec.Name, err)
	}
	f.pickPort = pickPort
	if err := f.warmUp(ctx); err != nil {
		_ = f.Close() // always nil
		return nil, fmt.Errorf("starting function %q: %w", spec.Name, err)
	}
	for inst := range f.live { // no call has come yet
		if w, is := inst.protocol.(*web); is && w.port == scfPort {
			f.alone = make(chan struct{}, 1)
		}
	}
	return f, nil
}

// warmUp starts the first instances, at once. The error is the first one's.
func (f *Function) warmUp(ctx context.Context) error {
	failed := make(chan error, f.spec.Warm)
	for range f.spec.Warm {
		go func() {
			inst, err := f.launch(ctx)
			if err == nil {
				f.release(inst)
			}
			failed <- err
		}()
	}
	var first error
	for range f.spec.Warm {
		if err := <-failed; first == nil {
			first = err
		}
	}
	return first
}

// newFunction checks the spec and fills in the defaults.
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
	spec.Instances = cmp.Or(spec.Instances, defaultInstances)
	if spec.Warm = cmp.Or(spec.Warm, 1); spec.Warm < 0 || spec.Warm > spec.Instances {
		return nil, fmt.Errorf("%d instances are to be warm; it may have 1 to %d", spec.Warm, spec.Instances)
	}
	configured, err := configuredVariables(spec.Env, reserved)
	if err != nil {
		return nil, err
	}
	if err := spec.locate(); err != nil {
		return nil, err
	}
	spec.TimeLimit = cmp.Or(spec.TimeLimit, defaultTimeLimit)
	spec.MemoryMB = cmp.Or(spec.MemoryMB, defaultMemoryMB)
	spec.timeouts = spec.timeouts.orDefaults()
	if spec.Log == nil {
		spec.Log = io.Discard
	}
	return &Function{
		spec: spec, configured: configured, live: map[*instance]struct{}{},
		log: &logbook{w: spec.Log, maxWait: spec.timeouts.log},
	}, nil
}

// locate makes the paths absolute. A Node.js function's binary is found on the PATH, which is this
// process's and not the function's.
func (s *Spec) locate() (err error) {
	if s.Runtime == Node {
		s.Handler = cmp.Or(s.Handler, defaultHandler)
		if s.Binary == "" {
			s.Binary, err = exec.LookPath("node")
		}
		if err == nil && s.Folder == "" {
			err = errors.New("a Node.js function needs its folder")
		}
	}
	if err == nil {
		s.Binary, err = filepath.Abs(s.Binary)
	}
	if s.Folder = cmp.Or(s.Folder, filepath.Dir(s.Binary)); err == nil {
		s.Folder, err = filepath.Abs(s.Folder)
	}
	if err != nil {
		return fmt.Errorf("finding the function: %w", err)
	}
	return nil
}

// Invoke sends one event to an instance and returns the answer for the function's caller. The
// function's own failures are in the reply. The error means that there is no reply: the function is
// closed, it is a web function, a fresh instance did not start, or ctx ended, in which
// case the instance was killed.
func (f *Function) Invoke(ctx context.Context, event Event) (Reply, error) {
	if f.runtime() == Web {
		return Reply{}, fmt.Errorf("invoking function %q: %w", f.spec.Name, errWeb)
	}
	event.web = nil
	return f.serve(ctx, event)
}

// serve is Invoke and Fetch for every runtime: it applies the limits that hold before an instance
// is chosen.
func (f *Function) serve(ctx context.Context, event Event) (Reply, error) {
	name := f.spec.Name
	if f = f.entered(); f == nil {
		return Reply{}, fmt.Errorf("invoking function %q: %w", name, errClosed)
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

// handle chooses an instance and runs the event there. An event whose caller has gone does not
// reach an instance, because the end of ctx would kill it.
func (f *Function) handle(ctx context.Context, event Event) (Reply, error) {
	if f.alone != nil {
		select {
		case f.alone <- struct{}{}:
			defer func() { <-f.alone }()
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return Reply{}, context.Cause(ctx) // before an instance is killed for it
	}
	inst, err := f.acquire(ctx)
	if err != nil {
		return Reply{}, err
	}
	return f.run(ctx, inst, event)
}

// run has inst handle the event and writes the log around it. It releases the instance after an
// answer and discards it otherwise.
//
// What the function printed before its answer is read before the closing lines are written, so the
// log shows it inside the invocation.
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
		return Reply{}, errClosed
	default:
		return reply, nil
	}
}

// reply maps the end of an invocation to what the caller gets.
func (f *Function) reply(id string, inst *instance, got *answer, end ending) Reply {
	switch {
	case end == endTimedOut:
		return refuse(id, statusTimeLimit, "Invoking task timed out after %v seconds", f.spec.TimeLimit.Seconds())
	case end == endAbandoned:
		return refuse(id, statusAborted, "the caller went away")
	case end == endExited:
		return refuse(id, statusProcessExit, "Process exited unexpectedly before completing the call: %s", inst.state())
	case got.err != nil:
		return Reply{RequestID: id, Status: statusUserError, Err: got.err}
	case got.size > maxPayload:
		return refuse(id, statusResponseTooLarge,
			"the result has %d bytes; the platform passes on at most %d", got.size, maxPayload)
	default:
		return Reply{RequestID: id, Status: StatusOK, Payload: got.payload, web: got.web}
	}
}

// Close kills every instance, those before a Restart included, and waits until the processes are
// gone and the log is written, for which it allows a second. Calls in flight get an error. Close
// may be called again; its error is always nil.
func (f *Function) Close() error {
	f.mu.Lock()
	f.closed = true
	for inst := range f.live {
		inst.kill()
	}
	successors := f.successors
	f.mu.Unlock()
	for _, g := range successors {
		_ = g.Close() // always nil
	}

	f.calls.Wait() // each call discards its own instance
	f.discardIdle()
	f.log.close() // no instance is left to write to it
	return nil
}

// discardIdle ends the idle instances.
func (f *Function) discardIdle() {
	f.mu.Lock()
	idle := f.idle
	f.idle = nil
	f.mu.Unlock()
	for _, inst := range idle {
		f.discard(inst)
	}
}

// enter counts a call in, for Close to wait for. It returns false when the function is closed or
// replaced.
func (f *Function) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	open := !f.closed && !f.retired
	if open {
		f.calls.Add(1)
	}
	return open
}

// isClosed reports whether Close was called.
func (f *Function) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// acquire takes an idle instance that still answers, or starts one. An instance that died while
// idle is discarded: an event sent to it would end as a 439, which leaves open whether the event
// was handled although no process saw it.
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
			f.release(inst) // the caller went away; the instance may be healthy
			return nil, context.Cause(ctx)
		}
		f.discard(inst)
	}
}

// takeIdle takes the most recently used idle instance; nil if there is none.
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

// release returns an instance to the idle ones. If the function is closed, the instance is killed
// already and Close discards it.
func (f *Function) release(inst *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, inst)
}

// admit registers a new process, so that Close finds it from its first moment on. The error is
// roomLocked's.
func (f *Function) admit(inst *instance) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.roomLocked()
	if err == nil {
		f.live[inst] = struct{}{}
	}
	return err
}

// mayGrow returns the error that admit would return now, before a process is started for nothing.
func (f *Function) mayGrow() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.roomLocked()
}

// roomLocked returns errClosed or errBusy if no further process is allowed. The caller holds mu.
func (f *Function) roomLocked() error {
	switch {
	case f.closed:
		return errClosed
	case len(f.live) >= f.spec.Instances:
		return errBusy
	default:
		return nil
	}
}

// discard ends an instance and waits until its process is gone.
func (f *Function) discard(inst *instance) {
	inst.end()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.live, inst)
}
