package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// headerLimit is the longest time for the headers of a process's request. No wait depends on it; it
// only closes unused connections.
const headerLimit = time.Minute

// errEnded means that the process ended before it answered the event.
var errEnded = errors.New("the process ended")

// polled is the part that Lambda's Runtime API and SCF's custom runtime API share: the process
// polls for events, one at a time, and posts their results. Each process has an API on a port of
// its own, which identifies the process.
type polled struct {
	listener net.Listener
	server   *http.Server

	events chan *delivery // received by a waiting poll
	ready  chan error     // gets the result of the start, once

	mu       sync.Mutex    // guards what follows
	reported bool          // ready has got its value
	current  *delivery     // the event that the process has not answered yet
	waiting  int           // number of polls that wait for an event
	arrived  chan struct{} // closed when the next poll comes
}

// delivery is an event in the form of a poll's answer, and the channel for its result.
type delivery struct {
	id      string
	header  http.Header
	payload []byte
	answer  chan *answer // has room for one
}

// newPolled listens on a free loopback port.
func newPolled(ctx context.Context) (*polled, error) {
	var listening net.ListenConfig
	l, err := listening.Listen(ctx, "tcp", loopback(0))
	if err != nil {
		return nil, fmt.Errorf("opening a port for the runtime API: %w", err)
	}
	return &polled{
		listener: l, events: make(chan *delivery), ready: make(chan error, 1), arrived: make(chan struct{}),
	}, nil
}

// serve answers the process with api until close.
func (p *polled) serve(api http.Handler) {
	p.server = &http.Server{Handler: api, ReadHeaderTimeout: headerLimit}
	go func() { _ = p.server.Serve(p.listener) }() // ends with close
}

// address is where the process finds the API.
func (p *polled) address() *net.TCPAddr {
	address, _ := p.listener.Addr().(*net.TCPAddr) // what listening on "tcp" gives
	return address
}

// report records the result of the process's start; only the first call counts.
func (p *polled) report(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reported {
		p.reported = true
		p.ready <- err
	}
}

// await waits for the result of the start. request is the one that reports it, for the error. What
// a process reported before it exited counts, whichever of the two is noticed first.
func (p *polled) await(ctx context.Context, i *instance, request string) error {
	select {
	case err := <-p.ready:
		return i.reported(err)
	case <-i.done:
		select {
		case err := <-p.ready:
			if err != nil {
				return i.reported(err)
			}
		default:
		}
		return i.exitError()
	case <-ctx.Done():
		return i.notReady(ctx, "does not request "+request)
	}
}

// reported is what a process said of its start as an error that names it; nil if it is ready.
func (i *instance) reported(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s reports at its start: %w", i.name, err)
}

// answers waits until the process polls for an event. After a kill its poll is still seen for a
// moment, so the process must also be alive.
func (p *polled) answers(ctx context.Context, i *instance) bool {
	timer := time.NewTimer(i.timeouts.poll)
	defer timer.Stop()
	for {
		arrived, asks := p.asks()
		if asks {
			return !i.ended()
		}
		select {
		case <-arrived:
		case <-i.done:
			return false
		case <-ctx.Done():
			return false
		case <-timer.C:
			return false
		}
	}
}

// asks reports whether a poll waits. If not, arrived is closed with the next poll.
func (p *polled) asks() (arrived <-chan struct{}, asks bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.arrived, p.waiting > 0
}

// deliver hands an event to the process and waits for its answer. An answer that was posted just
// before the process ended still counts.
func (p *polled) deliver(i *instance, d *delivery) (*answer, error) {
	select {
	case p.events <- d:
	case <-i.done:
		return nil, errEnded
	}
	select {
	case a := <-d.answer:
		return a, nil
	case <-i.done:
	}
	select {
	case a := <-d.answer: // posted before it ended
		return a, nil
	default:
		return nil, errEnded
	}
}

// The only error is that the port was closed already.
func (p *polled) close() { _ = p.server.Close() }

// next answers a poll with the unanswered event, if there is one, or with the next event. The
// former is a process that polls again because it did not get the reply.
func (p *polled) next(w http.ResponseWriter, r *http.Request) {
	d := p.unanswered()
	if d == nil {
		d = p.wait(r.Context())
	}
	if d == nil {
		return // the process went away
	}
	maps.Copy(w.Header(), d.header) // not canonical: SCF's names have underscores and lower case
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(d.payload) // a process that did not get it polls again
}

// unanswered is the event that the process has not answered; nil if there is none.
func (p *polled) unanswered() *delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// wait waits for the next event; it returns nil when ctx ends first.
func (p *polled) wait(ctx context.Context) *delivery {
	p.mu.Lock()
	p.waiting++
	close(p.arrived)
	p.arrived = make(chan struct{})
	p.mu.Unlock()

	var d *delivery
	select {
	case d = <-p.events:
	case <-ctx.Done():
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
	if d != nil {
		p.current = d
	}
	return d
}

// finish answers the current event. It returns false if there is none, or if id is not empty and is
// another event's.
func (p *polled) finish(id string, a *answer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil || id != "" && id != p.current.id {
		return false
	}
	p.current.answer <- a // never blocks: current is cleared under mu, so this is the one send
	p.current = nil
	return true
}

// readAnswer reads a posted result and counts its bytes, but keeps no more than maxPayload. It
// returns nil when the process broke off.
func readAnswer(body io.Reader) *answer {
	var payload bytes.Buffer
	if _, err := io.CopyN(&payload, body, maxPayload); err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	rest, err := io.Copy(io.Discard, body)
	if err != nil {
		return nil
	}
	return &answer{payload: payload.Bytes(), size: int64(payload.Len()) + rest}
}
