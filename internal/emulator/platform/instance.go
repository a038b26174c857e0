package platform

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// firstDialPause and lastDialPause bound the waits between two looks at a port that is not open yet. A Go function
	// listens about 2 ms after its start.
	firstDialPause = time.Millisecond
	lastDialPause  = 20 * time.Millisecond
)

// instance is one process of the function.
type instance struct {
	name     string
	patience patience
	protocol protocol
	process  *os.Process
	output   *output
	log      *logbook
	tail     tail // what the log got since the last event began
	warm     bool // it has handled an event; only its owner looks
	peak     atomic.Int64

	spawned, started, ready time.Time // fork begun, process there, ready for events

	done chan struct{} // closed when the process is gone and all it printed has been read
	exit string        // how the process ended; set before done is closed
}

// spawn starts a process of the function. Its output goes to log line by line.
func spawn(ctx context.Context, spec Spec, p protocol, log *logbook) (*instance, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("opening a pipe for the function's output: %w", err)
	}
	cmd := exec.CommandContext(ctx, spec.Binary)
	cmd.Dir = filepath.Dir(spec.Binary)
	cmd.Env = processEnvironment(spec, p.variables())
	cmd.Stdout, cmd.Stderr = write, write // one pipe, so that the lines keep their order
	isolate(cmd)

	inst := &instance{
		name: spec.Name, patience: spec.patience, protocol: p, log: log, spawned: time.Now(), done: make(chan struct{}),
	}
	inst.output = newOutput(read, inst.line)
	started := make(chan error, 1)
	go inst.supervise(cmd, write, started)
	if err := <-started; err != nil {
		_ = read.Close()
		return nil, fmt.Errorf("running %s: %w", spec.Binary, err)
	}
	inst.started = time.Now()
	return inst, nil
}

// supervise starts the process, waits for its end and closes done. It holds one thread all that time: on Linux a child
// that is to die with its parent dies with the parent's thread that started it (prctl(2), PR_SET_PDEATHSIG).
func (i *instance) supervise(cmd *exec.Cmd, write *os.File, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	err := cmd.Start()
	_ = write.Close() // the child has its own
	if err != nil {
		started <- err
		return
	}
	i.process = cmd.Process
	go i.output.follow()
	started <- nil

	_ = cmd.Wait() // ProcessState says it better
	i.exit = cmd.ProcessState.String()
	killGroup(i.process) // what it started may still hold the pipe
	i.output.finish(i.patience.eof)
	close(i.done)
}

// connect waits until the process is ready for events.
func (i *instance) connect(ctx context.Context) error {
	if err := i.protocol.connect(ctx, i); err != nil {
		return err
	}
	i.ready = time.Now()
	i.measure()
	return nil
}

// dial connects to the process's port as soon as it listens. variable is what told it the port. Somebody else may have been
// faster, such as another emulator's function: where the system tells who listens, nobody passes for the process, which
// exits for want of the port, and says so.
func (i *instance) dial(ctx context.Context, port int, variable string) (net.Conn, error) {
	var dialer net.Dialer
	for pause := firstDialPause; ; pause = min(2*pause, lastDialPause) {
		conn, err := dialer.DialContext(ctx, "tcp", loopback(port))
		if err == nil {
			// Asked after the dialling: a stranger who is gone by now has taken the connection with him.
			if mayListen(i.process.Pid, port) {
				return conn, nil
			}
			_ = conn.Close() // nothing was sent
		}
		if err := i.rest(ctx, pause, port, variable); err != nil {
			return nil, err
		}
	}
}

// rest lets time pass before the next look at the process's port. The error is why there will be none.
func (i *instance) rest(ctx context.Context, pause time.Duration, port int, variable string) error {
	select {
	case <-i.done:
		return i.exitError()
	case <-ctx.Done():
		return i.notReady(ctx, fmt.Sprintf("does not listen on %s, the port in %s,", loopback(port), variable))
	case <-time.After(pause):
		return nil
	}
}

// notReady is the error of a process that has not become ready while ctx allowed.
func (i *instance) notReady(ctx context.Context, what string) error {
	return fmt.Errorf("%s %s after %v: %w", i.name, what, time.Since(i.started).Round(time.Millisecond), context.Cause(ctx))
}

// answers tells whether an idle process still serves.
func (i *instance) answers(ctx context.Context) bool { return !i.ended() && i.protocol.answers(ctx, i) }

// ending says how an invocation ended.
type ending int

const (
	endAnswered  ending = iota // the function answered; the instance is fit for the next event
	endTimedOut                // the time limit came first; the process was killed
	endExited                  // the process ended, or hung up, before it answered
	endAbandoned               // the caller's context ended; the process was killed
)

// invoke hands the process one event and waits for the answer, for limit at most. There is one after endAnswered only.
func (i *instance) invoke(ctx context.Context, c call, limit time.Duration) (*answer, ending) {
	// Killing the process is also what ends the call: a process that does not even read would block the sending.
	timer := time.AfterFunc(limit, i.kill)
	unwatch := context.AfterFunc(ctx, i.kill)
	a, err := i.protocol.invoke(i, c)
	inTime, wanted := timer.Stop(), unwatch()
	switch {
	case !inTime:
		return nil, endTimedOut
	case !wanted:
		return nil, endAbandoned
	case err != nil:
		return nil, endExited
	default:
		return a, endAnswered
	}
}

// measure notes the process's memory, which cannot be asked for after its end.
func (i *instance) measure() { i.peak.Store(max(i.peak.Load(), peakMemory(i.process.Pid))) }

// kill ends the process and everything it started, at once. It may be called at any time.
func (i *instance) kill() {
	if i.ended() {
		return // its process id may be another's by now
	}
	i.measure()
	killGroup(i.process)
}

// end kills the process, waits until it is gone, and hangs up.
func (i *instance) end() {
	i.kill()
	<-i.done
	i.protocol.close()
}

// ended tells whether the process is gone.
func (i *instance) ended() bool {
	select {
	case <-i.done:
		return true
	default:
		return false
	}
}

// state says how the process ended, such as "exit status 2". Only after done.
func (i *instance) state() string { return i.exit }

// exitError is the error of a process that ended instead of serving. Only after done.
func (i *instance) exitError() error {
	return &exitError{name: i.name, state: i.exit, lastLines: i.output.lastLines()}
}

// exitError tells that a process ended at its start, and what it said.
type exitError struct {
	name, state string
	lastLines   []string
}

func (e *exitError) Error() string {
	said := "it printed nothing"
	if len(e.lastLines) > 0 {
		said = "it said: " + strings.Join(e.lastLines, " | ")
	}
	return fmt.Sprintf("%s ended (%s) before it served an event; %s", e.name, e.state, said)
}

// portTaken tells whether the process ended because somebody else listens on its port.
func (e *exitError) portTaken() bool {
	said := strings.Join(e.lastLines, "\n")
	return strings.Contains(said, "address already in use") || // Unix
		strings.Contains(said, "Only one usage of each socket address") // Windows
}

// patience is how long the platform waits for what comes within milliseconds, unless something is wrong or the machine is
// very busy. It is part of the spec so that the tests can tell the one from the other.
type patience struct {
	start time.Duration // for a fresh process to be ready for events; SCF allows 3 to 300 s
	ping  time.Duration // for an idle Go1 process to show that it lives
	poll  time.Duration // for a process to ask for its next event; one that is about to exit, as after a panic, does not
	exit  time.Duration // for a process to exit after it (or a stranger on its port) answered nonsense
	eof   time.Duration // for the pipe to end after the process has: a descendant outside its group may hold it for ever
	log   time.Duration // for the last lines to be written, in Close
}

// orUsual fills in what is not given.
func (p patience) orUsual() patience {
	return patience{
		start: cmp.Or(p.start, 10*time.Second),
		ping:  cmp.Or(p.ping, 2*time.Second),
		poll:  cmp.Or(p.poll, 10*time.Second),
		exit:  cmp.Or(p.exit, time.Second),
		eof:   cmp.Or(p.eof, time.Second),
		log:   cmp.Or(p.log, time.Second),
	}
}
