package platform

import (
	"bytes"
	"context"
	"net/http"
	"runtime"
	"time"
)

// StartOnPorts is Start with the choice of ports in the test's hands.
func StartOnPorts(ctx context.Context, spec Spec, pickPort func() (int, error)) (*Function, error) {
	return start(ctx, spec, func(context.Context) (int, error) { return pickPort() })
}

// FreePort picks a port as Start does.
func FreePort() (int, error) { return freePort(context.Background()) }

// Unhurried makes whatever the platform waits for come in time, on a starved machine too.
func Unhurried(s *Spec) {
	const long = time.Minute
	s.timeouts = timeouts{start: long, ping: long, poll: long, exit: long, eof: long, log: long}
}

// Hurried makes the platform wait a second for what never comes in the test.
func Hurried(s *Spec) {
	s.timeouts.ping, s.timeouts.exit, s.timeouts.eof, s.timeouts.log = time.Second, time.Second, time.Second, time.Second
}

// SetTimeLimit changes how long events may take, while there are none.
func (f *Function) SetTimeLimit(limit time.Duration) { f.spec.TimeLimit = limit }

// IdleEnded is closed when the idle instance used last has ended.
func (f *Function) IdleEnded() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.idle[len(f.idle)-1].done
}

// LogWritten is closed when every line handed to the log until now is written.
func (f *Function) LogWritten() <-chan struct{} {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	if f.log.written != nil {
		return f.log.written
	}
	written := make(chan struct{})
	close(written)
	return written
}

// Live is the number of processes.
func (f *Function) Live() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.live)
}

// AddUserInfo is what a mini-program user's event becomes.
func AddUserInfo(payload []byte, appID, openID string) []byte {
	return user{appID: appID, openID: openID}.addTo(payload)
}

// Call is Invoke, or for a web function a POST of the event.
func (f *Function) Call(ctx context.Context, event Event) (Reply, error) {
	if f.spec.Runtime != Web {
		return f.Invoke(ctx, event)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://hello.example/", bytes.NewReader(event.Payload))
	if err != nil {
		return Reply{}, err
	}
	return f.fetch(ctx, request, event.RequestID)
}

// StartWithin is Start of a function that asks for events and does not say that it is ready: when
// it has asked, it has been given the time it needs.
func StartWithin(ctx context.Context, spec Spec) (*Function, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return Start(ctx, spec)
}

// Background is what runs what callers do not wait for.
type Background struct{ background }

// Start runs f, unless there is too much to run already.
func (b *Background) Start(f func()) bool { return b.start(f) }

// Close returns when everything has run.
func (b *Background) Close() { b.close() }

// FailedItems are the messages of a batch that would come again.
var FailedItems = failedItems

// Status codes and limits that callers of the package have no use for.
const (
	MaxPayload             = maxPayload
	StatusUserError        = statusUserError
	StatusProcessExit      = statusProcessExit
	StatusRequestTooLarge  = statusRequestTooLarge
	StatusResponseTooLarge = statusResponseTooLarge
	StatusConcurrency      = statusConcurrency
	StatusTimeLimit        = statusTimeLimit
	StatusAborted          = statusAborted
)

// Errors of calls.
var (
	ErrClosed = errClosed
	ErrWeb    = errWeb
	ErrNotWeb = errNotWeb
)

// AwaitQuiet returns when no asynchronous event is in flight: each was handled, waits for another
// attempt, or is a dead letter.
func (c *Cloud) AwaitQuiet() {
	for {
		c.background.mu.Lock()
		count := c.background.count
		c.background.mu.Unlock()
		if count == 0 {
			return
		}
		runtime.Gosched()
	}
}
