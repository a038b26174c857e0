package platform

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

// Pauses between two attempts to dial a port that is not open yet: the first, doubled each time up
// to the last. A Go function listens about 2 ms after its start.
const (
	firstDialPause = time.Millisecond
	lastDialPause  = 20 * time.Millisecond
)

// instance is one process of the function. One event at most owns it; output, log and tail are safe
// for concurrent use.
type instance struct {
	name     string
	timeouts timeouts
	protocol protocol
	process  *os.Process
	output   *output
	log      *logbook
	tail     tail // what the log got since the last event began
	warm     bool // it has handled an event; guarded by ownership
	peak     atomic.Int64

	spawned, started, ready time.Time // fork begun, process there, ready for events

	done chan struct{} // closed when the process is gone and all it printed has been read
	exit string        // how the process ended; set before done is closed
}

// spawn starts a process of the function, which is killed when ctx ends. Its output goes to log,
// line by line.
func spawn(ctx context.Context, spec Spec, p protocol, log *logbook) (*instance, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("opening a pipe for the function's output: %w", err)
	}
	cmd := exec.CommandContext(ctx, spec.Binary, spec.arguments()...)
	cmd.Dir = spec.Folder
	cmd.Env = processEnvironment(spec, p.variables())
	cmd.Stdout, cmd.Stderr = write, write // one pipe, so that the lines keep their order
	isolate(cmd)

	inst := &instance{
		name: spec.Name, timeouts: spec.timeouts, protocol: p, log: log, spawned: time.Now(), done: make(chan struct{}),
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

// arguments are those of the function's process; a binary gets none.
func (s *Spec) arguments() []string {
	if s.Runtime == Node {
		return []string{"--eval", bootstrap}
	}
	return nil
}

// supervise starts the process, waits for its end and closes done. It keeps its thread all that
// time: on Linux a child with PR_SET_PDEATHSIG dies when the thread that started it does
// (prctl(2)).
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

	_ = cmd.Wait() // ProcessState has the same, and more
	i.exit = cmd.ProcessState.String()
	killGroup(i.process) // a child of it may still hold the pipe open
	i.output.finish(i.timeouts.eof)
	close(i.done)
}

// connect waits until the process is ready for events, and notes when.
func (i *instance) connect(ctx context.Context) error {
	if err := i.protocol.connect(ctx, i); err != nil {
		return err
	}
	i.ready = time.Now()
	i.measure()
	return nil
}

// dial connects to the process's port once it listens. variable is the environment variable that
// told the process its port, for the error. Another process may have taken the port first, such as
// another emulator's function. Where the system tells which process listens (Linux), its connection
// is dropped; the function itself then exits because the port is taken, which portTaken recognises.
func (i *instance) dial(ctx context.Context, port int, variable string) (net.Conn, error) {
	var dialer net.Dialer
	for pause := firstDialPause; ; pause = min(2*pause, lastDialPause) {
		conn, err := dialer.DialContext(ctx, "tcp", loopback(port))
		if err == nil {
			// Checked after dialling: if the listener is gone by now, its connection is gone too.
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

// rest pauses before the next attempt at the process's port. The error says why no attempt can
// succeed.
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

// notReady is the error of a process that did not become ready before ctx ended.
func (i *instance) notReady(ctx context.Context, what string) error {
	return fmt.Errorf("%s %s after %v: %w", i.name, what, time.Since(i.started).Round(time.Millisecond), context.Cause(ctx))
}

// answers reports whether an idle process still serves.
func (i *instance) answers(ctx context.Context) bool { return !i.ended() && i.protocol.answers(ctx, i) }

// ending is how an invocation ended.
type ending int

const (
	endAnswered  ending = iota // the function answered; the instance is fit for the next event
	endTimedOut                // the time limit came first; the process was killed
	endExited                  // the process ended, or hung up, before it answered
	endAbandoned               // the caller's context ended; the process was killed
)

// invoke sends the process one event and waits for the answer, for limit at most. The answer is nil
// unless the ending is endAnswered.
func (i *instance) invoke(ctx context.Context, c call, limit time.Duration) (*answer, ending) {
	// Only killing the process ends the call for sure: sending blocks if the process does not read.
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

// measure notes the process's memory, which cannot be read after its end.
func (i *instance) measure() { i.peak.Store(max(i.peak.Load(), peakMemory(i.process.Pid))) }

// kill ends the process and everything it started, at once. It may be called at any time.
func (i *instance) kill() {
	if i.ended() {
		return // its process id may be another's by now
	}
	i.measure()
	killGroup(i.process)
}

// end kills the process, waits until it is gone, and closes the protocol.
func (i *instance) end() {
	i.kill()
	<-i.done
	i.protocol.close()
}

// ended reports whether the process is gone.
func (i *instance) ended() bool {
	select {
	case <-i.done:
		return true
	default:
		return false
	}
}

// state describes how the process ended, such as "exit status 2". It is valid after done.
func (i *instance) state() string { return i.exit }

// exitError is the error of a process that ended instead of serving. It is valid after done.
func (i *instance) exitError() error {
	return &exitError{name: i.name, state: i.exit, lastLines: i.output.lastLines()}
}

// exitError reports that a process ended at its start, with the last lines that it printed.
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

// portTaken reports whether the process ended because its port was taken. Its own message is the
// only sign.
func (e *exitError) portTaken() bool {
	said := strings.Join(e.lastLines, "\n")
	return strings.Contains(said, "address already in use") || // Unix
		strings.Contains(said, "Only one usage of each socket address") // Windows
}

// timeouts are the longest waits for what normally takes milliseconds; a longer wait means a fault,
// or a very busy machine. They are part of the spec so that tests can tell the two apart.
type timeouts struct {
	start time.Duration // for a fresh process to be ready for events; SCF allows 3 to 300 s
	ping  time.Duration // for an idle Go1 process to answer a ping
	poll  time.Duration // for a process to poll for its next event; after a panic it never does
	// For a process to exit after it, or another one on its port, answered nonsense.
	exit time.Duration
	// For the pipe to end after the process: a descendant outside its group may hold it open.
	eof time.Duration
	log time.Duration // for the last lines to be written, in Close
}

// orDefaults replaces zero values.
func (t timeouts) orDefaults() timeouts {
	return timeouts{
		start: cmp.Or(t.start, 10*time.Second),
		ping:  cmp.Or(t.ping, 2*time.Second),
		poll:  cmp.Or(t.poll, 10*time.Second),
		exit:  cmp.Or(t.exit, time.Second),
		eof:   cmp.Or(t.eof, time.Second),
		log:   cmp.Or(t.log, time.Second),
	}
}
