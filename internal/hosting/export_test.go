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
func AnswerWeb(rw http.ResponseWriter, r *http.Request, h HTTPHandler) {
	AnswerFunction(rw, r, Function{HandleHTTP: h})
}

// AnswerFunction answers one request with fn.
func AnswerFunction(rw http.ResponseWriter, r *http.Request, fn Function) {
	WebHandler(fn).ServeHTTP(rw, r)
}

// WebHandler is what serves fn's requests.
func WebHandler(fn Function) http.Handler {
	return webHost{function: fn, times: webTimes{}.withDefaults()}.handler()
}

// What a web function bounds: requests that are answered at a time, bodies that are read at a time,
// and the length of one.
const (
	MaxInFlight = maxInFlight
	MaxReading  = maxReading
	MaxUnproved = maxUnproved
	MaxWebBody  = maxWebBody

	MaxNotification = maxNotification
	MaxLong         = maxLong
)

func placesOf(standing Standing) *places { return newPlaces(webTimes{}.limitsOf()[standing]) }

// ReadNotification reads bodies that may be notifications, in the places of one instance. The
// status is not 0 when one is refused.
func ReadNotification() func(r *http.Request) (body []byte, status int) {
	p := placesOf(Notified)
	return func(r *http.Request) ([]byte, int) {
		body, fault := p.readBody(r)
		if fault != nil {
			return nil, fault.status
		}
		return body, 0
	}
}

// WebRequest reads a request; the status is not 0 when it is refused.
func WebRequest(r *http.Request) (request Request, status int) {
	request = headOf(r)
	var fault *webFault
	request.Body, fault = placesOf(Unproved).readBody(r)
	if fault == nil {
		fault = request.takeQuery(r.URL.RawQuery)
	}
	if fault != nil {
		return Request{}, fault.status
	}
	return request, 0
}

// WriteResponse writes what a handler answered, if it can be sent.
func WriteResponse(rw http.ResponseWriter, response Response) error {
	err := response.check()
	if err == nil {
		response.write(rw)
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
	// LambdaTraceKey is aws-lambda-go's: a plain string, in a type that vet accepts as a key.
	LambdaTraceKey  any = lambdaTraceKey
	SoftLimit           = softLimit
	ContainerMemory     = containerMemory
)

// WebRequestID is the request's name with these headers, from a sender of that standing.
func WebRequestID(header http.Header, fn Function, standing Standing, onSCF bool) string {
	head := headOf(&http.Request{Header: header, URL: new(url.URL)})
	return webHost{function: fn, onSCF: onSCF}.requestID(head.Header, standing)
}
