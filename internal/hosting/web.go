package hosting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"cloudpay/internal/telemetry"
)

const (
	maxWebHeader = 32 << 10 // all headers together, above which net/http answers 431; SCF allows 4 KB each
	// maxInFlight, maxReading and maxUnproved are the numbers in limitsOf: for each standing,
	// handlers at a time; bodies of known senders; bodies of unknown ones.
	maxInFlight = 64
	maxReading  = 512
	maxUnproved = 64
	// lingering is how long the rest of an unwanted body is discarded after its answer. A
	// connection that is closed while its peer still writes is reset, and the answer may be lost.
	lingering = time.Second
	// webLimit is how long a request may take where the platform does not say: below the 15 s after
	// which wx.cloud.callContainer gives up, and enough to query an order whose close is in doubt.
	webLimit = 10 * time.Second
)

// webTimes are a web function's timeouts. The zero value of each stands for its default.
type webTimes struct {
	header   time.Duration // a request's headers: 5 s
	body     time.Duration // a request's headers and body: 30 s
	unproved time.Duration // the body of a request whose head proves nothing: 5 s
	// idle is for a connection between requests: 2 min. Gateways close theirs sooner, so that they
	// never send a request on one that is being closed here.
	idle  time.Duration
	grace time.Duration // requests in flight at a stop: 10 s, after which Docker kills
}

// withDefaults replaces each zero by its default.
func (t webTimes) withDefaults() webTimes {
	return webTimes{
		header:   cmp.Or(t.header, 5*time.Second),
		body:     cmp.Or(t.body, 30*time.Second),
		unproved: cmp.Or(t.unproved, 5*time.Second),
		idle:     cmp.Or(t.idle, 2*time.Minute),
		grace:    cmp.Or(t.grace, 10*time.Second),
	}
}

// webHost answers HTTP requests with Function.HandleHTTP.
//
// There is no path for health checks. The platforms look at the port, which opens when the handler
// is built; the function takes its routes under any prefix, so a path of ours could shadow one of
// them; and any answer, even a 400, shows that the function is alive.
//
// A caller that hangs up does not stop a close that has begun: the handler runs to its own
// deadline, as on every other platform.
//
// A request takes no place before its head is there, and its head decides which places it takes:
// see Standing, limits and connections.
type webHost struct {
	function Function
	name     string // the function's
	onSCF    bool   // a web function of SCF's or CloudBase's, whose gateway writes X-Scf-…
	times    webTimes
	// most is how many connections are open at a time; 0: as many as the process has files for, up
	// to maxConnections.
	most int
}

// serve answers requests on l until ctx ends, then lets those in flight finish. It returns nil when
// they all have.
func (w webHost) serve(ctx context.Context, l net.Listener) error {
	w.times = w.times.withDefaults()
	server := w.server()
	served := make(chan error, 1)
	most := cmp.Or(w.most, mostConnections(openFiles()))
	go func() { served <- server.Serve(newConnections(l, most)) }()
	slog.InfoContext(ctx, "serving HTTP", "address", l.Addr().String())
	select {
	case err := <-served:
		return fmt.Errorf("serving HTTP on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.times.grace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return fmt.Errorf("stopping: cutting off the requests in flight: %w", errors.Join(err, server.Close()))
	}
	return nil
}

// server speaks HTTP/1.1 only: the platforms' proxies speak nothing else to a function.
func (w webHost) server() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           w.handler(),
		Protocols:         &protocols,
		ReadHeaderTimeout: w.times.header,
		ReadTimeout:       w.times.body,
		IdleTimeout:       w.times.idle,
		MaxHeaderBytes:    maxWebHeader,
		ConnContext:       withConnection,
	}
}

// handler answers requests, each within the places of its standing.
func (w webHost) handler() http.Handler {
	var all [standings]*places
	for standing, l := range w.times.limitsOf() {
		all[standing] = newPlaces(l)
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		head := headOf(r)
		standing := w.standing(head)
		if c := connectionOf(r.Context()); c != nil {
			if !c.begin() {
				return // it was closed to make room for others
			}
			defer c.end(standing)
		}
		w.handle(rw, r, head, standing, all[standing])
	})
}

// standing is what a head proves.
func (w webHost) standing(head Request) Standing {
	if w.function.Standing == nil {
		return Proved
	}
	return w.function.Standing(head)
}

// handle answers one request. It holds a place for reading until the whole request is there, and
// only then one for answering, so that slow senders do not take the places of faster ones.
func (w webHost) handle(rw http.ResponseWriter, r *http.Request, request Request, standing Standing, own *places) {
	limit := w.timeLimit(r.Header)
	request.ID = w.requestID(request.Header, standing)
	ctx := telemetry.WithRequestID(context.WithoutCancel(r.Context()), request.ID)
	rw.Header().Set("X-Request-Id", request.ID)
	fault := own.read(rw, r, &request)
	// Both deadlines count from here, without the time that the request took to arrive. A caller
	// that reads its answer slowly has as long again as the handler.
	if err := http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(2 * limit)); err != nil {
		slog.WarnContext(ctx, "an answer has no deadline", "error", err.Error())
	}
	if fault == nil && !own.inFlight.TryAcquire(1) {
		fault = tooMany()
	}
	if fault != nil && fault.status == http.StatusTooManyRequests || standing == Refused {
		leaveBody(rw, r)
	}
	if standing == Refused {
		rw.Header().Set("Connection", "close") // else a row of refused requests would hold it
	}
	if fault != nil {
		fault.write(rw)
		return
	}
	defer own.inFlight.Release(1)
	ctx, cancel := withDeadline(ctx, time.Time{}, limit)
	defer cancel()
	w.answer(ctx, rw, request, standing)
}

// answer sends what the function responds. A response that cannot be sent is a failed function.
func (w webHost) answer(ctx context.Context, rw http.ResponseWriter, request Request, standing Standing) {
	response, err := answerHTTP(ctx, w.function.HandleHTTP, Invocation{
		RequestID: request.ID, Function: w.name, Platform: Web, Withheld: standing == Refused,
	}, request)
	if err == nil {
		err = response.check()
	}
	if err != nil {
		failed(ctx, rw, err)
		return
	}
	response.write(rw)
}

// leaveBody lets a request be answered at once although its body was not read. The connection is
// closed after the answer: to keep it, net/http would first read the rest of the body.
func leaveBody(rw http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		return
	}
	rw.Header().Set("Connection", "close")
	setReadDeadline(http.NewResponseController(rw), time.Now().Add(lingering))
}

// timeLimit is how long a request may take: SCF's figure, where SCF writes the header.
func (w webHost) timeLimit(header http.Header) time.Duration {
	if !w.onSCF {
		return webLimit
	}
	return webTimeLimit(header)
}

// webTimeLimit parses SCF's X-Scf-Timeout, the function's time limit. Its unit is not documented;
// the values seen (300000 for 300 s) are milliseconds. SCF allows 1 to 900 s, so anything else is
// ignored, such as a 10 that another gateway means as seconds.
func webTimeLimit(header http.Header) time.Duration {
	limit := milliseconds(header.Get("X-Scf-Timeout"))
	if limit < time.Second || limit > 900*time.Second {
		return webLimit
	}
	return limit
}
