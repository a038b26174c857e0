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

// headerLimit is how long the headers of a process's request may take. Nothing waits for it: it only ends a connection that
// nobody uses.
const headerLimit = time.Minute

// errEnded says that a process ended, or was ended, before it answered an event.
var errEnded = errors.New("the process ended")

// polled is what Lambda's Runtime API and SCF's custom runtime API have in common: the process asks this side for events,
// one at a time, and posts what became of each. Each process has an API of its own, so that nobody needs to say who asks.
type polled struct {
	listener net.Listener
	server   *http.Server

	events chan *delivery // handed to a poll that waits
	ready  chan error     // told once, how the start went

	mu      sync.Mutex    // guards what follows
	told    bool          // ready has been told
	current *delivery     // the event that the process has and has not answered
	waiting int           // polls that wait for an event
	arrived chan struct{} // closed when the next poll comes
}

// delivery is an event as a poll gets it, and where its answer goes.
type delivery struct {
	id      string
	header  http.Header
	payload []byte
	answer  chan *answer // has room for one
}

// newPolled listens on a loopback port that is nobody else's; handler is the API, over the methods below.
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

// serve answers the process until close.
func (p *polled) serve(api http.Handler) {
	p.server = &http.Server{Handler: api, ReadHeaderTimeout: headerLimit}
	go func() { _ = p.server.Serve(p.listener) }() // ends with close
}

// address is where the process finds the API.
func (p *polled) address() *net.TCPAddr {
	address, _ := p.listener.Addr().(*net.TCPAddr) // what listening on "tcp" gives
	return address
}

// tell says how the process's start went; only the first word counts.
func (p *polled) tell(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.told {
		p.told = true
		p.ready <- err
	}
}

// await returns when the process has told how its start went. request is the one that it should have made.
func (p *polled) await(ctx context.Context, i *instance, request string) error {
	select {
	case err := <-p.ready:
		if err != nil {
			return fmt.Errorf("%s reports at its start: %w", i.name, err)
		}
		return nil
	case <-i.done:
		return i.exitError()
	case <-ctx.Done():
		return i.notReady(ctx, "does not request "+request)
	}
}

// answers waits until the process asks for an event. One that is killed meanwhile still seems to ask for a moment.
func (p *polled) answers(ctx context.Context, i *instance) bool {
	patience := time.NewTimer(i.patience.poll)
	defer patience.Stop()
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
		case <-patience.C:
			return false
		}
	}
}

// asks tells whether a poll waits, and else when to look again.
func (p *polled) asks() (arrived <-chan struct{}, asks bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.arrived, p.waiting > 0
}

// deliver hands an event to the process and waits for its answer.
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
	case a := <-d.answer: // its last word
		return a, nil
	default:
		return nil, errEnded
	}
}

func (p *polled) close() { _ = p.server.Close() } // says only that the port was closed already

// next answers a poll with the next event, as soon as there is one, or with the one that the process has already.
func (p *polled) next(w http.ResponseWriter, r *http.Request) {
	d := p.unanswered()
	if d == nil {
		d = p.wait(r.Context())
	}
	if d == nil {
		return // the process went away
	}
	maps.Copy(w.Header(), d.header) // spelt as they are, which may not be HTTP's way
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(d.payload) // a process that did not get it may ask again
}

// unanswered is the event that the process has and has not answered.
func (p *polled) unanswered() *delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// wait is the next event; nil when ctx ends first.
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

// finish gives the current event its answer. There must be one, and id, if given, must be its.
func (p *polled) finish(id string, a *answer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil || id != "" && id != p.current.id {
		return false
	}
	p.current.answer <- a // there is room: nobody else finds it after this
	p.current = nil
	return true
}

// readAnswer reads a posted result, of which it keeps no more than the platform passes on. It is nil when the process
// broke off.
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
