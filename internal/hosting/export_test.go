package hosting

import (
	"context"
	"io"
	"net"
	"net/http"
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

// WebTimes are how long a web function waits; zero is the default.
type WebTimes struct{ Header, Body, Grace time.Duration }

// ServeWeb lets the tests serve HTTP on a listener of theirs until ctx is over.
func ServeWeb(ctx context.Context, l net.Listener, h Handler, times WebTimes) error {
	own := webTimes{header: times.Header, body: times.Body, grace: times.Grace}
	return webHost{handler: h, function: "closeorder", times: own}.serve(ctx, l)
}

// AnswerWeb answers one request with h.
func AnswerWeb(rw http.ResponseWriter, r *http.Request, h Handler) {
	webHost{handler: h}.bounded().ServeHTTP(rw, r)
}

// What a web function bounds: requests that are answered at a time, bodies that are read at a time, and the length of one.
const (
	MaxInFlight = maxInFlight
	MaxReading  = maxReading
	MaxWebBody  = maxWebBody
)

// WebEvent makes a request's event; the status is not 0 when there is none.
func WebEvent(r *http.Request, id string) (event []byte, status int) {
	event, fault := readWebEvent(r, id)
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
	WebRequestID = webRequestID
)
