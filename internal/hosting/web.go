package hosting

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/telemetry"
)

const (
	// maxWebBody is a little more than the 64 KiB of parameters that the functions take, so that
	// they refuse in their own words what is a little too long. SCF lets 6 MB through (SCF doc
	// 583/40688), from callers who have proved nothing yet: kept in memory until the handler has
	// asked who they are, that would be too much.
	maxWebBody   = 65 << 10
	maxWebHeader = 32 << 10 // SCF's is 4 KB a header; net/http answers 431 above this for all of them
	// maxDrained is how much of a body that is too long is read and thrown away, so that its sender, who may not read
	// before having written everything, gets the answer and not a broken connection.
	maxDrained = 16 << 20
	// maxInFlight, maxReading and maxUnproved are the numbers of limits: for each standing handlers
	// at a time, bodies of known senders, bodies of unknown ones.
	maxInFlight = 64
	maxReading  = 512
	maxUnproved = 64
	// lingering is how long the rest of a body that is not wanted is read and thrown away behind
	// its answer. A connection that is closed while its peer still writes is reset, and the answer
	// may be lost.
	lingering = time.Second
	// webLimit is how long a request may take where the platform does not say: below the 15 s after which
	// wx.cloud.callContainer gives up, and enough for a close in doubt to be settled.
	webLimit = 10 * time.Second
)

// webTimes are how long a web function waits. The zero value of each stands for its default.
type webTimes struct {
	header   time.Duration // for a request's headers: 5 s
	body     time.Duration // for a request's headers and body: 30 s
	unproved time.Duration // for the body of a request whose head proves nothing: 5 s
	idle     time.Duration // on a connection without a request: 2 min, longer than gateways keep theirs, which close first
	grace    time.Duration // for requests in flight when told to stop: 10 s, after which Docker kills
}

// orDefaults gives each time that is zero its default.
func (t webTimes) orDefaults() webTimes {
	return webTimes{
		header:   cmp.Or(t.header, 5*time.Second),
		body:     cmp.Or(t.body, 30*time.Second),
		unproved: cmp.Or(t.unproved, 5*time.Second),
		idle:     cmp.Or(t.idle, 2*time.Minute),
		grace:    cmp.Or(t.grace, 10*time.Second),
	}
}

// webHost answers HTTP requests with a handler. Each request becomes an event in the form of an SCF function URL, and the
// handler's result, an integration response, becomes the HTTP response.
//
// There is no path for health checks. The platforms look at the port, which opens when the handler is built; the function
// takes its routes under any prefix, so a path of ours could shadow one of them; and whatever answers at all is alive, be it
// with a 400.
//
// A caller who hangs up does not stop a close that has begun: the handler runs to its own deadline, as it does behind every
// other platform.
//
// A request takes no place before its head is there, and which places it takes is decided by what
// its head proves: see Standing, limits and connections.
type webHost struct {
	function Function
	name     string // the function's
	onSCF    bool   // as a web function of SCF's or CloudBase's, whose gateway writes X-Scf-…
	times    webTimes
	most     int // connections at a time; 0: as many as the process has files for, maxConnections at most
}

// webEvent is the event that a request becomes.
type webEvent struct {
	Body            []byte            `json:"body"` // in base64, as isBase64Encoded says
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	Headers         map[string]string `json:"headers"` // names in lower case, several of one name joined by commas
	HTTPMethod      string            `json:"httpMethod"`
	Path            string            `json:"path"`        // decoded
	QueryString     map[string]any    `json:"queryString"` // a string, or a list of them where a name comes more than once
	RequestContext  webContext        `json:"requestContext"`
}

// webContext marks an event as ours. No caller can reach it: it is beside the request, not in it.
type webContext struct {
	RequestID string `json:"requestId"`
	CloudPay  string `json:"cloudpay"`
}

// serve answers requests to l until ctx is over, then lets those in flight finish. It returns nil when they all have.
func (w webHost) serve(ctx context.Context, l net.Listener) error {
	w.times = w.times.orDefaults()
	server := w.server()
	served := make(chan error, 1)
	go func() { served <- server.Serve(newConnections(l, cmp.Or(w.most, mostConnections(openFiles())))) }()
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

// server is HTTP/1.1 alone: that is what the platforms' proxies speak to a function.
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

// handler answers requests, each within the places of its standing. A request has a place for
// reading until all of it is there, and only then one for answering: slow senders must not take the
// places of faster ones.
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
		id, limit := w.requestID(head, standing), w.timeLimit(r.Header)
		ctx := telemetry.WithRequestID(context.WithoutCancel(r.Context()), id)
		rw.Header().Set("X-Request-Id", id)
		own := all[standing]
		payload, fault := own.read(rw, r, head, id)
		// Both clocks start now: how long the request took to arrive is no part of them. Whoever does not read what he asked
		// for gets as long again as the handler had.
		if err := http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(2 * limit)); err != nil {
			slog.WarnContext(ctx, "an answer has no deadline", "error", err.Error())
		}
		if fault == nil && !own.inFlight.acquire() {
			fault = tooMany()
		}
		if fault != nil && fault.status == http.StatusTooManyRequests || standing == Refused {
			leaveBody(rw, r)
		}
		if standing == Refused {
			rw.Header().Set("Connection", "close") // one refusal a connection, or requests in a row would keep the others waiting
		}
		if fault != nil {
			fault.write(rw)
			return
		}
		defer own.inFlight.release()
		ctx, cancel := withDeadline(ctx, time.Time{}, limit)
		defer cancel()
		w.answer(ctx, rw, Invocation{
			Payload: payload, RequestID: id, Function: w.name, Platform: Web, Withheld: standing == Refused,
		})
	})
}

// standing is what a head proves.
func (w webHost) standing(head Head) Standing {
	if w.function.Standing == nil {
		return Proved
	}
	return w.function.Standing(head)
}

// headOf is a request's head as the handler is to see it.
func headOf(r *http.Request) Head {
	header := map[string]string{"host": r.Host} // which net/http takes out of the others
	for name, values := range r.Header {
		header[strings.ToLower(name)] = strings.Join(values, ",")
	}
	// CONNECT has no path, and * is one.
	return Head{Method: r.Method, Path: "/" + strings.TrimPrefix(r.URL.Path, "/"), Header: header}
}

// leaveBody has a request answered at once although its body was not read. Its connection is closed
// behind the answer, since net/http would first read the body's rest to keep it.
func leaveBody(rw http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		return
	}
	rw.Header().Set("Connection", "close")
	setReadDeadline(http.NewResponseController(rw), time.Now().Add(lingering))
}

// answer answers one request.
func (w webHost) answer(ctx context.Context, rw http.ResponseWriter, inv Invocation) {
	result, err := answer(ctx, w.function.Handle, inv)
	if err != nil {
		failed(ctx, rw, err)
		return
	}
	reply, err := decodeWebReply(result)
	if err != nil {
		failed(ctx, rw, err)
		return
	}
	reply.write(rw)
}

// webEventOf makes the event of a request.
func webEventOf(r *http.Request, head Head, body []byte, id string) ([]byte, *webFault) {
	query, err := webQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("the query string cannot be read", "查询串无法读取")
	}
	event, err := json.Marshal(webEvent{
		Body: body, IsBase64Encoded: true, Headers: head.Header, HTTPMethod: head.Method, Path: head.Path,
		QueryString: query, RequestContext: webContext{RequestID: id, CloudPay: "web"},
	})
	if err != nil {
		return nil, badRequest("the request cannot be read", "请求无法读取")
	}
	return event, nil
}

// webQuery takes a query string apart. One that is malformed is refused rather than read in part: what was left out might
// have mattered.
func webQuery(raw string) (map[string]any, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, err
	}
	query := make(map[string]any, len(values))
	for name, all := range values {
		if len(all) == 1 {
			query[name] = all[0]
		} else {
			query[name] = all
		}
	}
	return query, nil
}

// readWebBody reads a body of at most maxWebBody. It does not ask for one that is announced as too long.
func readWebBody(r *http.Request) ([]byte, *webFault) {
	tooLong := badRequest(fmt.Sprintf("the body must have at most %d KiB", maxWebBody>>10), fmt.Sprintf("请求体不可超过 %d KiB", maxWebBody>>10))
	tooLong.status = http.StatusRequestEntityTooLarge
	if r.ContentLength > maxWebBody {
		if r.Header.Get("Expect") == "" { // else reading would say "100 Continue"
			drain(r.Body)
		}
		return nil, tooLong
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxWebBody+1))
	if err != nil {
		return nil, badRequest("the body did not arrive", "请求体未能送达")
	}
	if len(body) > maxWebBody {
		drain(r.Body)
		return nil, tooLong
	}
	return body, nil
}

// drain is a courtesy, so it does not matter how it ends.
func drain(body io.Reader) { _, _ = io.CopyN(io.Discard, body, maxDrained) }

// timeLimit is how long a request may take: what SCF says, where it is SCF that says it.
func (w webHost) timeLimit(header http.Header) time.Duration {
	if !w.onSCF {
		return webLimit
	}
	return webTimeLimit(header)
}

// webTimeLimit reads SCF's X-Scf-Timeout, the function's time limit. Its unit is not documented; what functions have been
// seen to get (300000 for 300 s) are milliseconds. SCF allows 1 to 900 s, so anything that is not that many milliseconds is
// not believed, and neither is somebody else's 10.
func webTimeLimit(header http.Header) time.Duration {
	limit := milliseconds(header.Get("X-Scf-Timeout"))
	if limit < time.Second || limit > 900*time.Second {
		return webLimit
	}
	return limit
}

// webReply is an integration response: what a function answers to a gateway (SCF doc 583/12513).
type webReply struct {
	StatusCode      int                   `json:"statusCode"`
	Headers         map[string]webStrings `json:"headers"`
	Body            string                `json:"body"`
	IsBase64Encoded bool                  `json:"isBase64Encoded"`

	content []byte
}

// webStrings is a string, or a list of them.
type webStrings []string

// UnmarshalJSON reads either.
func (s *webStrings) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*s = webStrings{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(s))
}

// decodeWebReply reads what the handler answered. An error is the handler's fault, never the caller's; it repeats nothing of
// the answer.
func decodeWebReply(result []byte) (webReply, error) {
	var reply webReply
	if len(result) > maxReply {
		return webReply{}, &replyTooLongError{length: len(result)}
	}
	if err := json.Unmarshal(result, &reply); err != nil {
		return webReply{}, fmt.Errorf("the result is no integration response: %w", err)
	}
	if reply.StatusCode < 200 || reply.StatusCode > 599 {
		return webReply{}, fmt.Errorf("the result's statusCode must be from 200 to 599, not %d", reply.StatusCode)
	}
	reply.content = []byte(reply.Body)
	if reply.IsBase64Encoded {
		var err error
		if reply.content, err = base64.StdEncoding.DecodeString(reply.Body); err != nil {
			return webReply{}, fmt.Errorf("the result's body: %w", err)
		}
	}
	return reply, nil
}

// write sends the response. For HEAD, net/http leaves out the content and keeps its length.
func (r webReply) write(rw http.ResponseWriter) {
	for name, values := range r.Headers {
		if isFraming(name) {
			continue
		}
		rw.Header().Del(name)
		for _, value := range values {
			rw.Header().Add(name, value)
		}
	}
	if r.StatusCode == http.StatusNoContent || r.StatusCode == http.StatusNotModified {
		rw.WriteHeader(r.StatusCode)
		return
	}
	if rw.Header().Get("Content-Type") == "" {
		rw.Header().Set("Content-Type", "application/json") // as function URLs do; net/http would guess
	}
	rw.Header().Set("Content-Length", strconv.Itoa(len(r.content)))
	rw.WriteHeader(r.StatusCode)
	_, _ = rw.Write(r.content) // a caller who is gone needs no answer
}

// isFraming says whether a header is about the connection, which is net/http's business and not the handler's.
func isFraming(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	default:
		return false
	}
}
