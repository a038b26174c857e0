package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
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

	// exitPatience is how long a process gets to exit after it (or a stranger on its port) answered nonsense.
	exitPatience = time.Second

	// pingPatience is how long an idle process gets to show that it lives. It answers within a millisecond, unless the
	// machine is very busy.
	pingPatience = 2 * time.Second
)

// instance is one process of the function.
type instance struct {
	name    string
	address string
	process *os.Process
	output  *output
	client  *rpc.Client // set by connect
	warm    bool        // it has handled an event; only its owner looks
	peak    atomic.Int64

	spawned, started, ready time.Time // fork begun, process there, Ping answered

	done chan struct{} // closed when the process is gone and all it printed has been read
	exit string        // how the process ended; set before done is closed
}

// spawn starts a process of the function. Its output goes to log line by line.
func spawn(spec Spec, env []string, address string, log *logbook) (*instance, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("opening a pipe for the function's output: %w", err)
	}
	cmd := exec.Command(spec.Binary) //nolint:noctx // the process lives until Close, not until a context's end
	cmd.Dir = filepath.Dir(spec.Binary)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = write, write // one pipe, so that the lines keep their order
	isolate(cmd)

	inst := &instance{
		name: spec.Name, address: address, output: newOutput(read, log), spawned: time.Now(), done: make(chan struct{}),
	}
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
	i.output.finish()
	close(i.done)
}

// connect dials the process until it listens, and pings it.
func (i *instance) connect(ctx context.Context) error {
	var dialer net.Dialer
	for pause := firstDialPause; ; pause = min(2*pause, lastDialPause) {
		conn, err := dialer.DialContext(ctx, "tcp", i.address)
		if err == nil {
			return i.ping(ctx, conn)
		}
		select {
		case <-i.done:
			return i.exitError()
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen on %s, the port in %s, after %v: %w",
				i.name, i.address, portVariable, time.Since(i.started).Round(time.Millisecond), context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// ping makes sure that it is a function that listens, and this one.
func (i *instance) ping(ctx context.Context, conn net.Conn) error {
	i.client = rpc.NewClient(conn)
	call := i.client.Go("Function.Ping", &pingRequest{}, &pingResponse{}, make(chan *rpc.Call, 1))
	select {
	case <-i.done:
		return i.exitError()
	case <-ctx.Done():
		return fmt.Errorf("%s does not answer Function.Ping on %s: %w", i.name, i.address, context.Cause(ctx))
	case <-call.Done:
	}
	if call.Error == nil && !i.ended() {
		i.ready = time.Now()
		i.measure()
		return nil
	}
	// If the port is a stranger's, our process is about to exit and to say so.
	select {
	case <-i.done:
		return i.exitError()
	case <-time.After(exitPatience):
		return fmt.Errorf("%s does not serve Function.Ping on %s: %w", i.name, i.address, call.Error)
	}
}

// answers tells whether an idle process still serves, by asking it. Nothing that is known on this side will do: done
// lags the death, a process that was sent SIGKILL is for a while neither dead nor able to do anything, and a connection
// stays open for a process that hangs. A Ping takes a fraction of what an event takes.
func (i *instance) answers(ctx context.Context) bool {
	if i.ended() {
		return false
	}
	call := i.client.Go("Function.Ping", &pingRequest{}, &pingResponse{}, make(chan *rpc.Call, 1))
	patience := time.NewTimer(pingPatience)
	defer patience.Stop()
	select {
	case <-call.Done:
		return call.Error == nil
	case <-ctx.Done():
	case <-patience.C:
	}
	return false
}

// ending says how an invocation ended.
type ending int

const (
	endAnswered  ending = iota // the function answered; the instance is fit for the next event
	endTimedOut                // the time limit came first; the process was killed
	endExited                  // the process ended, or hung up, before it answered
	endAbandoned               // the caller's context ended; the process was killed
)

// invoke sends one request and waits for the answer, for limit at most. There is a response after endAnswered only; a
// server that refuses the call itself, for want of the method, is made to have answered with an Error.
func (i *instance) invoke(ctx context.Context, request *invokeRequest, limit time.Duration) (*invokeResponse, ending) {
	// Killing the process is also what ends the call: a process that does not even read would block the sending.
	timer := time.AfterFunc(limit, i.kill)
	unwatch := context.AfterFunc(ctx, i.kill)
	response := &invokeResponse{}
	err := i.client.Call("Function.Invoke", request, response)
	inTime, wanted := timer.Stop(), unwatch()

	var refused rpc.ServerError
	switch {
	case !inTime:
		return nil, endTimedOut
	case !wanted:
		return nil, endAbandoned
	case err == nil:
		return response, endAnswered
	case errors.As(err, &refused):
		return &invokeResponse{Error: &invokeError{Message: refused.Error(), Type: "ServerError"}}, endAnswered
	default:
		return nil, endExited
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
	if i.client != nil {
		_ = i.client.Close() // says only that the connection was closed already
	}
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
