package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// functionsPath is where functions are called and listed.
const functionsPath = "/v1/functions"

// CloudBase's codes for a call that has no result (docs.cloudbase.net/http-api/functions). A function's own result
// should never have a top-level "code": clients take it for one of these.
const (
	codeNotFound  = "FUNCTION_NOT_FOUND"
	codeBadEvent  = "FUNCTION_PARAM_INVALID"
	codeFailed    = "FUNCTION_INVOCATION_FAILED"
	codeTimeLimit = "FUNCTION_TIME_LIMIT_EXCEEDED"

	// Ours: these say that the request is not a function call at all.
	codeForeign    = "ORIGIN_NOT_ALLOWED"
	codeNoSuchPath = "PATH_NOT_FOUND"
	codeBadMethod  = "METHOD_NOT_ALLOWED"
)

// codeOfStatus is how the HTTP interface names SCF's status codes.
var codeOfStatus = map[int]string{
	StatusRequestTooLarge:  codeBadEvent,
	StatusResponseTooLarge: codeFailed,
	StatusUserError:        codeFailed,
	StatusTimeLimit:        codeTimeLimit,
	StatusProcessExit:      codeFailed,
}

// acceptableRequestID is what a caller's X-Request-Id must look like to be taken over.
var acceptableRequestID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Cloud is CloudBase's HTTP interface to functions (docs.cloudbase.net/http-api/functions/functions-post), the one that
// the CloudBase JS SDK uses by default:
//
//	POST /v1/functions/{name}    body: the event, a JSON value of at most 6 MB; none means {}
//	  200                        body: the function's result as it is
//	  400                        {"code":"FUNCTION_...","message":"...","requestId":"..."}
//	GET /v1/functions            {"functions":[{"name":"closeorder"}]}
//
// Every answer has the header X-Request-Id. A 500 with the same body as a 400 means that no instance could be started.
// Authorization is not looked at. Requests are answered only under this machine's own names, localhost and the loopback
// addresses, and not when a web page of another origin sends them: both would be a foreign page using a developer's
// browser. They get a 403 with the same body and the code ORIGIN_NOT_ALLOWED. The documented interface takes JSON objects
// only; other JSON values are let through here, so that what the function makes of them can be seen.
//
// A header X-WX-OPENID (with X-WX-APPID) makes the call one from that user's mini-program: the platform then says so in
// the invocation's environment and puts userInfo into the event if that is an object, as wx.cloud.callFunction does.
type Cloud struct {
	Functions map[string]*Function // :: name in the path → function; required
	EnvID     string               // the CloudBase environment that users call from; "cloudpay-local" when empty
	AppID     string               // the mini-program's appid when a call names an openid only; may be empty
}

// ServeHTTP answers one request.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-Id")
	if !acceptableRequestID.MatchString(id) {
		id = newRequestID()
	}
	w.Header().Set("X-Request-Id", id)

	name, isCall := strings.CutPrefix(r.URL.Path, functionsPath+"/")
	foreign := foreignness(r)
	switch {
	case foreign != "":
		fail(w, http.StatusForbidden, codeForeign, foreign, id)
	case isCall && r.Method == http.MethodPost:
		c.call(w, r, name, id)
	case r.URL.Path == functionsPath && r.Method == http.MethodGet:
		c.list(w)
	case isCall:
		w.Header().Set("Allow", http.MethodPost)
		fail(w, http.StatusMethodNotAllowed, codeBadMethod, "call a function with POST", id)
	case r.URL.Path == functionsPath:
		w.Header().Set("Allow", http.MethodGet)
		fail(w, http.StatusMethodNotAllowed, codeBadMethod, "list the functions with GET", id)
	default:
		fail(w, http.StatusNotFound, codeNoSuchPath, "functions are called with POST "+functionsPath+"/{name}", id)
	}
}

// foreignness says why a request may come from a foreign web page; "" if it cannot. The host matters because a page whose
// own name is made to resolve to this machine (DNS rebinding) is of the same origin for the browser.
func foreignness(r *http.Request) string {
	host := (&url.URL{Host: r.Host}).Hostname()
	if !strings.EqualFold(host, "localhost") && !net.ParseIP(host).IsLoopback() {
		return fmt.Sprintf("the host %q is not this machine's: call localhost or 127.0.0.1", host)
	}
	if http.NewCrossOriginProtection().Check(r) != nil {
		return "this came from a web page of another origin"
	}
	return ""
}

// call invokes a function with the request's event.
func (c *Cloud) call(w http.ResponseWriter, r *http.Request, name, id string) {
	function, ok := c.Functions[name]
	if !ok {
		fail(w, http.StatusBadRequest, codeNotFound, fmt.Sprintf("there is no function %q", name), id)
		return
	}
	payload, err := readEvent(w, r)
	if err != nil {
		fail(w, http.StatusBadRequest, codeBadEvent, err.Error(), id)
		return
	}
	event := Event{Payload: payload, RequestID: id}
	if user := c.user(r); user.openID != "" {
		event.Environment = user.environment(id)
		event.Payload = user.addTo(payload)
	}
	// A function runs to its end even if its caller hangs up; only the time limit ends it.
	reply, err := function.Invoke(context.WithoutCancel(r.Context()), event)
	switch {
	case err != nil:
		fail(w, http.StatusInternalServerError, codeFailed, err.Error(), id)
	case reply.Err != nil:
		fail(w, http.StatusBadRequest, codeOfStatus[reply.Status], reply.Err.Message, id)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(reply.Payload) // the caller may have gone
	}
}

// list names the functions in alphabetical order.
func (c *Cloud) list(w http.ResponseWriter) {
	type entry struct {
		Name string `json:"name"`
	}
	entries := make([]entry, 0, len(c.Functions))
	for _, name := range slices.Sorted(maps.Keys(c.Functions)) {
		entries = append(entries, entry{Name: name})
	}
	answer(w, http.StatusOK, map[string][]entry{"functions": entries})
}

// readEvent reads the request's body as an event.
func readEvent(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, fmt.Errorf("the event has more than %d bytes", tooLarge.Limit)
	case err != nil:
		return nil, fmt.Errorf("reading the event: %w", err)
	case len(payload) == 0:
		return []byte("{}"), nil
	case !json.Valid(payload):
		return nil, errors.New("the event is not JSON")
	default:
		return payload, nil
	}
}

// fail answers a call that has no result.
func fail(w http.ResponseWriter, status int, code, message, requestID string) {
	answer(w, status, map[string]string{"code": code, "message": message, "requestId": requestID})
}

// answer writes a JSON document.
func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) //nolint:errchkjson // strings only; and the caller may have gone
}
