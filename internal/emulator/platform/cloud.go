package platform

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// functionsPath lists the functions; a function's name below it calls the function.
const functionsPath = "/v1/functions"

// Codes for a request that calls no function. INVALID_PATH is that of CloudBase's gateway
// (docs.cloudbase.net/error-code/service); the others are ours.
const (
	codeForeign    = "ORIGIN_NOT_ALLOWED"
	codeNoSuchPath = "INVALID_PATH"
	codeBadMethod  = "METHOD_NOT_ALLOWED"
)

// acceptableRequestID matches an X-Request-Id that is taken over from a caller: at most 15
// characters, or a UUID. A function's tokens have at least 16 characters: a token that was sent in
// the wrong header is neither echoed nor logged.
var acceptableRequestID = regexp.MustCompile(`^([A-Za-z0-9_-]{1,15}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$`)

// Cloud is the clouds' side of the functions, on one port: the APIs that SDKs and tools call to run
// a function, and the triggers that turn HTTP requests, timers and queues into events.
//
//	POST /v1/functions/{name}                        CloudBase's HTTP API (functions.go)
//	POST …  {"action":"functions.invokeFunction"}    CloudBase's server SDKs, on any path (sdk.go)
//	POST /  with X-TC-Action                         Tencent Cloud API 3.0 (tencentapi.go)
//	POST /2015-03-31/functions/{name}/invocations    AWS Lambda's Invoke (awsapi.go)
//	/http/{name}/…  /tcb/{name}/…  /aws/{name}/…     HTTP triggers (httptrigger.go)
//	POST /v1/timers/{name}  POST /v1/queues/{name}   fire a trigger now (timer.go, queue.go); ours
//	GET /v1/functions                                {"functions":[{"name":"closeorder"}]}
//
// An operation of AWS, Tencent Cloud or CloudBase that is not emulated is refused in that cloud's
// own form, so that its SDKs can read the refusal; see awsUnknown, tencentAPI and sdk. Every other
// request gets CloudBase's 404 INVALID_PATH.
//
// Every answer has the header X-Request-Id. Authorization and signatures are not checked: every
// caller is on this machine. To keep it so, a request is answered only under the names of this
// machine, localhost and the loopback addresses, and not when a web page of another origin sends
// it: in both cases a foreign page would be using a developer's browser. The refusal is a 403 with
// {"code":"ORIGIN_NOT_ALLOWED","message":"...","requestId":"..."}; every refusal that has no form
// of its own has this one.
type Cloud struct {
	Functions map[string]*Function // by their names in the path; required
	EnvID     string               // the CloudBase environment that users call from; "cloudpay-local" when empty
	// The mini-program's appid when a call names an openid only; may be empty.
	AppID string

	background background
}

// ServeHTTP answers one request. It looks at the path first, then at the marks of each cloud; what
// has none of them counts as a call of CloudBase's server SDKs, whose path may be anything.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-Id")
	if !acceptableRequestID.MatchString(id) {
		id = newRequestID()
	}
	w.Header().Set("X-Request-Id", id)
	if foreign := foreignness(r); foreign != "" {
		fail(w, http.StatusForbidden, codeForeign, foreign, id)
		return
	}
	for _, route := range c.routes() {
		if rest, ok := strings.CutPrefix(r.URL.Path, route.prefix); ok {
			route.serve(w, r, rest, id)
			return
		}
	}
	switch {
	case r.URL.Path == functionsPath:
		c.list(w, r, id)
	case isAWS(r):
		awsUnknown(w, r, id)
	case isTencentAPI(r):
		c.tencentAPI(w, r, id)
	case r.Method == http.MethodPost, r.URL.Query().Has("action"):
		c.sdk(w, r, id)
	default:
		noSuchPath(w, id)
	}
}

// route is a handler for the paths with a prefix; it gets the rest of the path, and the request's
// id.
type route struct {
	prefix string
	serve  func(w http.ResponseWriter, r *http.Request, rest, id string)
}

// routes are the APIs and triggers with a path of their own.
func (c *Cloud) routes() []route {
	return []route{
		{functionsPath + "/", c.call},
		{"/v1/timers/", c.timer},
		{"/v1/queues/", c.queue},
		{"/2015-03-31/functions/", c.awsAPI},
		{"/http/", c.trigger(functionURL{})},
		{"/tcb/", c.trigger(accessService{envID: c.envID()})},
		{"/aws/", c.trigger(httpAPI{})},
	}
}

// Close waits until every asynchronous event is handled; new ones are refused from then on. An
// event ends when its function is closed, so closing the functions first makes this short.
func (c *Cloud) Close() error {
	c.background.close()
	return nil
}

func (c *Cloud) envID() string { return cmp.Or(c.EnvID, defaultEnvID) }

// maxBackground is the most asynchronous events in flight.
const maxBackground = 100

// background runs asynchronous events. The zero value is ready for use.
type background struct {
	running sync.WaitGroup

	mu     sync.Mutex // guards what follows
	closed bool
	count  int
}

// start runs f in a goroutine. It returns false without running f when maxBackground are in flight,
// or after close.
func (b *background) start(f func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.count == maxBackground {
		return false
	}
	b.count++
	b.running.Go(func() {
		f()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.count--
	})
	return true
}

// close refuses further work and waits for what runs.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.running.Wait()
}

// foreignness says why a request may come from a foreign web page; it is empty if it cannot. The
// host is checked because of DNS rebinding: a page whose own name resolves to this machine is of
// the same origin to the browser.
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

// list names the functions, in alphabetical order.
func (c *Cloud) list(w http.ResponseWriter, r *http.Request, id string) {
	if !wantMethod(w, r, http.MethodGet, "list the functions with GET", id) {
		return
	}
	type entry struct {
		Name string `json:"name"`
	}
	entries := make([]entry, 0, len(c.Functions))
	for _, name := range slices.Sorted(maps.Keys(c.Functions)) {
		entries = append(entries, entry{Name: name})
	}
	answerJSON(w, http.StatusOK, map[string][]entry{"functions": entries})
}

// wantMethod reports whether the request has the method. It has answered with 405 and the sentence
// instead if not.
func wantMethod(w http.ResponseWriter, r *http.Request, method, instead, id string) bool {
	if r.Method == method {
		return true
	}
	w.Header().Set("Allow", method)
	fail(w, http.StatusMethodNotAllowed, codeBadMethod, instead, id)
	return false
}

// posted returns the function that a POST names. With another method or an unknown name it has
// answered, and ok is false.
func (c *Cloud) posted(w http.ResponseWriter, r *http.Request, name, instead, id string) (*Function, bool) {
	if !wantMethod(w, r, http.MethodPost, instead, id) {
		return nil, false
	}
	function, ok := c.Functions[name]
	if !ok {
		fail(w, http.StatusBadRequest, codeNotFound, noSuchFunction(name), id)
	}
	return function, ok
}

// noSuchPath refuses a request that belongs to none of the APIs.
func noSuchPath(w http.ResponseWriter, id string) {
	fail(w, http.StatusNotFound, codeNoSuchPath, "Invalid path: functions are called with POST "+functionsPath+"/{name}", id)
}

// fail answers a call that has no result.
func fail(w http.ResponseWriter, status int, code, message, requestID string) {
	cloudBaseFault(status, code, message, requestID).write(w)
}

// cloudBaseFault is a refusal in CloudBase's form.
func cloudBaseFault(status int, code, message, requestID string) webResult {
	return jsonResult(status, map[string]string{"code": code, "message": message, "requestId": requestID})
}

// encode marshals strings, numbers, and JSON that was checked before: that always succeeds.
func encode(document any) []byte {
	text, _ := json.Marshal(document)
	return text
}

// answerJSON writes an answer of the platform's own.
func answerJSON(w http.ResponseWriter, status int, document any) {
	jsonResult(status, document).write(w)
}
