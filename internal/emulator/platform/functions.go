package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// CloudBase's codes for a call without a result (docs.cloudbase.net/http-api/functions, and for its
// gateway docs.cloudbase.net/error-code/service). Clients take a result with a top-level "code" for
// one of these, so a function must not return one.
const (
	codeNotFound = "FUNCTION_NOT_FOUND"
	codeBadEvent = "FUNCTION_PARAM_INVALID"
	// A web function called as one of events, or the reverse.
	codeFunctionType = "FUNCTIONS_PARAM_INVALID"
	codeFailed       = "FUNCTION_INVOCATION_FAILED"
	codePayloadSize  = "EXCEED_MAX_PAYLOAD_SIZE"
	codeSystem       = "SYS_ERR"
)

// codes maps SCF's status codes to those of CloudBase's HTTP API, and of the API of its server SDKs
// (sdk.go), whose code for concurrency is not documented.
var codes = map[int]struct{ http, sdk string }{
	statusRequestTooLarge:  {codePayloadSize, codeRequestSize},
	statusResponseTooLarge: {codeFailed, codeExecuteFail},
	statusUserError:        {codeFailed, codeExecuteFail},
	statusConcurrency:      {"FUNCTION_EXCEED_RESOURCE_LIMIT", "EXCEED_CONCURRENT_REQUEST_LIMIT"},
	statusTimeLimit:        {"FUNCTION_TIME_LIMIT_EXCEEDED", "FUNCTIONS_TIME_LIMIT_EXCEEDED"},
	statusProcessExit:      {codeFailed, codeExecuteFail},
}

// The number of leading path segments that name the function: /v1/functions/{name} and
// /http/{name}.
const (
	callSegments    = 3
	triggerSegments = 2
)

// call is CloudBase's HTTP API to functions (docs.cloudbase.net/http-api/functions/functions-post),
// which the CloudBase JS SDK uses by default:
//
//	POST /v1/functions/{name}    body: the event, a JSON value of at most 6 MB; none means {}
//	  200                        body: the function's result, unchanged
//	  400                        {"code":"FUNCTION_...","message":"...","requestId":"..."}
//	  500                        {"code":"SYS_ERR",...}: no instance could be started
//	any  /v1/functions/{name}/{path}?webfn=true   a web function answers the request, less webfn
//
// The documented interface takes JSON objects only. Other JSON values are let through here, so that
// a developer sees what the function makes of them.
//
// The header X-WX-OPENID (with X-WX-APPID) makes the call one from that user's mini-program: the
// platform then says so in the invocation's environment and puts userInfo into the event if that is
// an object, as wx.cloud.callFunction does. A web function gets the X-WX- headers that WeChat's
// gateway sets; those of the caller are removed, unless an Authorization header says that this is
// no mini-program's call (door.go).
//
// The header X-Cloudpay-As: service makes the call one by the merchant's own server (service.go).
func (c *Cloud) call(w http.ResponseWriter, r *http.Request, rest, id string) {
	if r.URL.Query().Get("webfn") == "true" {
		c.callWeb(w, r, rest, id)
		return
	}
	function, ok := c.posted(w, r, rest, "call a function with POST", id)
	if !ok {
		return
	}
	payload, code, err := readEvent(w, r)
	if err != nil {
		fail(w, http.StatusBadRequest, code, err.Error(), id)
		return
	}
	token, err := c.serviceToken(r, function)
	if err == nil {
		payload, err = withServiceToken(payload, token)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, codeBadEvent, err.Error(), id)
		return
	}
	event := Event{Payload: payload, RequestID: id}
	if user := c.user(r); user.isNamed() {
		event.Environment = user.environment(id)
		event.Payload = user.addTo(payload)
	}
	// A caller that hangs up does not end the function; only the time limit does.
	reply, err := c.run(context.WithoutCancel(r.Context()), function, event, function.Invoke)
	if err != nil || reply.Err != nil {
		failure(reply, err, id).write(w)
		return
	}
	typed(http.StatusOK, jsonType, reply.Payload).write(w)
}

// callWeb passes a request on to a web function: as a mini-program's call, or, with an
// Authorization header, as one by the HTTP API, which passes the header on. The real API admits
// holders of a token or a key only, and sends every request to /; here any token passes, and a path
// behind the name is kept.
func (c *Cloud) callWeb(w http.ResponseWriter, r *http.Request, rest, id string) {
	name, _, _ := strings.Cut(rest, "/")
	function := c.function(name)
	if function == nil {
		fail(w, http.StatusBadRequest, codeNotFound, noSuchFunction(name), id)
		return
	}
	token, err := c.serviceToken(r, function)
	if err != nil {
		fail(w, http.StatusBadRequest, codeBadEvent, err.Error(), id)
		return
	}
	request := r.Clone(r.Context())
	request.Header.Del(asHeader)
	if token != "" {
		request.Header.Set(serviceHeader, token)
	}
	query := request.URL.Query()
	query.Del("webfn")
	request.URL.RawQuery = query.Encode()
	if r.Header.Get("Authorization") != "" {
		request = through(request, c.hostOfHTTPAPI())
	} else {
		c.user(r).mark(request.Header, c.envID())
	}
	c.passOn(w, request, function, callSegments, id)
}

// passOn has a web function answer the request. The path loses its first segments, which name the
// function; its escaping is kept.
func (c *Cloud) passOn(w http.ResponseWriter, r *http.Request, function *Function, segments int, id string) {
	raw := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	for range segments {
		_, raw, _ = strings.Cut(raw, "/")
	}
	path, err := url.PathUnescape(raw)
	if err != nil {
		fail(w, http.StatusBadRequest, codeBadEvent, err.Error(), id)
		return
	}
	request := r.Clone(r.Context())
	request.URL.Path, request.URL.RawPath = "/"+path, "/"+raw
	var reply Reply
	event, err := function.requestEvent(request, id)
	if err == nil {
		reply, err = c.run(context.WithoutCancel(r.Context()), function, event, function.serve)
	}
	if err != nil {
		failure(reply, err, id).write(w)
		return
	}
	reply.http().write(w)
}

// failure is the answer of CloudBase's HTTP API and access service to a call without a result.
// reply counts if err is nil.
func failure(reply Reply, err error, id string) webResult {
	switch {
	case errors.Is(err, errWeb), errors.Is(err, errNotWeb):
		return cloudBaseFault(http.StatusBadRequest, codeFunctionType, wrongFunctionType(err), id)
	case err != nil:
		return cloudBaseFault(http.StatusInternalServerError, codeSystem, "Function invoke failed: "+err.Error(), id)
	case reply.Status == statusUserError:
		return cloudBaseFault(http.StatusBadRequest, codeFailed, "Function code exception caught: "+reply.Err.Message, id)
	default:
		return cloudBaseFault(http.StatusBadRequest, codes[reply.Status].http, reply.Err.Message, id)
	}
}

// wrongFunctionType is CloudBase's message for a web function that was called with an event,
// followed by our reason.
func wrongFunctionType(err error) string { return "FunctionType parameter is invalid: " + err.Error() }

func noSuchFunction(name string) string { return fmt.Sprintf("there is no function %q", name) }

// readEvent reads the request's body as an event. code belongs to the error.
func readEvent(w http.ResponseWriter, r *http.Request) (event []byte, code string, err error) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, codePayloadSize, fmt.Errorf("the event has more than %d bytes", tooLarge.Limit)
	case err != nil:
		return nil, codeBadEvent, fmt.Errorf("reading the event: %w", err)
	default:
		event, err = checkEvent(payload)
		return event, codeBadEvent, err
	}
}

// checkEvent returns an error for an event that is not JSON. An empty one becomes {}.
func checkEvent(payload []byte) ([]byte, error) {
	switch {
	case len(payload) == 0:
		return []byte("{}"), nil
	case !json.Valid(payload):
		return nil, errors.New("the event is not JSON")
	default:
		return payload, nil
	}
}
