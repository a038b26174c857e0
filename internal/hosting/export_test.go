package hosting

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// ServeSCF lets the tests serve the Go1 protocol on a listener of theirs.
func ServeSCF(l net.Listener, h Handler) error { return scfHost{handler: h}.serve(l) }

// InvokeLambda lets the tests call the handler as aws-lambda-go does, without a process around it.
func InvokeLambda(ctx context.Context, payload []byte, h Handler) ([]byte, error) {
	return lambdaHost{handler: h}.Invoke(ctx, payload)
}

// StartIn is Start with its surroundings as parameters.
func StartIn(
	getenv func(string) string, listen func(network, address string) (net.Listener, error), stderr io.Writer, build Build,
) int {
	return start(getenv, listen, stderr, build)
}

// WebTimes are how long a web function waits, how many connections it has, and where; zero is the
// default, in a container.
type WebTimes struct {
	Header, Body, Unproved, Grace time.Duration
	Connections                   int
	OnSCF                         bool
}

// ServeWeb lets the tests serve HTTP on a listener of theirs until ctx is over.
func ServeWeb(ctx context.Context, l net.Listener, fn Function, times WebTimes) error {
	own := webTimes{header: times.Header, body: times.Body, unproved: times.Unproved, grace: times.Grace}
	return webHost{function: fn, name: "closeorder", times: own, most: times.Connections, onSCF: times.OnSCF}.serve(ctx, l)
}

// AnswerWeb answers one request with h.
func AnswerWeb(rw http.ResponseWriter, r *http.Request, h Handler) {
	AnswerFunction(rw, r, Function{Handle: h})
}

// AnswerFunction answers one request with fn.
func AnswerFunction(rw http.ResponseWriter, r *http.Request, fn Function) {
	webHost{function: fn, times: webTimes{}.orDefaults()}.handler().ServeHTTP(rw, r)
}

// What a web function bounds: requests that are answered at a time, bodies that are read at a time, and the length of one.
const (
	MaxInFlight = maxInFlight
	MaxReading  = maxReading
	MaxUnproved = maxUnproved
	MaxWebBody  = maxWebBody
)

// WebEvent makes a request's event; the status is not 0 when there is none.
func WebEvent(r *http.Request, id string) (event []byte, status int) {
	body, fault := readWebBody(r)
	if fault == nil {
		event, fault = webEventOf(r, headOf(r), body, id)
	}
	if fault != nil {
		return nil, fault.status
	}
	return event, 0
}

// WriteWebReply writes what a handler answered, if it is an integration response.
func WriteWebReply(rw http.ResponseWriter, result []byte) error {
	reply, err := decodeWebReply(result)
	if err == nil {
		reply.write(rw)
	}
	return err
}

// The rules that the tests tabulate.
var (
	Deadline     = deadline
	CustomBase   = customBase
	Persist      = persist
	WebTimeLimit = webTimeLimit

	MostConnections = mostConnections
	SoftLimit       = softLimit
	ContainerMemory = containerMemory
)

// WebRequestID is the request's name with these headers, from a sender of that standing.
func WebRequestID(header http.Header, fn Function, standing Standing, onSCF bool) string {
	head := headOf(&http.Request{Header: header, URL: new(url.URL)})
	return webHost{function: fn, onSCF: onSCF}.requestID(head, standing)
}
