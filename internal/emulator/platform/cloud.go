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

// functionsPath is where functions are called and listed.
const functionsPath = "/v1/functions"

// Codes that say that a request is not a function call at all. The path's is CloudBase's gateway's
// (docs.cloudbase.net/error-code/service), the others are ours.
const (
	codeForeign    = "ORIGIN_NOT_ALLOWED"
	codeNoSuchPath = "INVALID_PATH"
	codeBadMethod  = "METHOD_NOT_ALLOWED"
)

// acceptableRequestID is what a caller's X-Request-Id must look like to be taken over: short, or a
// UUID. A function's tokens have 16 characters at least, and one that is sent in the wrong header
// must not be echoed and logged.
var acceptableRequestID = regexp.MustCompile(`^([A-Za-z0-9_-]{1,15}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$`)

// Cloud is the clouds' side of functions, on one port: what SDKs and tools call to have a function run, and what turns HTTP
// requests, timers and queues into events.
//
//	POST /v1/functions/{name}                        CloudBase's HTTP API, which the JS SDK uses (functions.go)
//	POST any path, {"action":"functions.invokeFunction"}   CloudBase's server SDKs (sdk.go)
//	POST / with X-TC-Action                          Tencent Cloud API 3.0 (tencentapi.go)
//	POST /2015-03-31/functions/{name}/invocations    AWS Lambda's Invoke (awsapi.go)
//	/http/{name}/…  /tcb/{name}/…  /aws/{name}/…     HTTP triggers (httptrigger.go)
//	POST /v1/timers/{name}  POST /v1/queues/{name}   fire those triggers now (timer.go, queue.go); ours, no cloud's
//	GET /v1/functions                                {"functions":[{"name":"closeorder"}]}
//
// What is asked of AWS, of Tencent Cloud or of CloudBase and is not played is refused in the form
// of that cloud, so that its SDKs read it; see awsUnknown, tencentAPI and sdk. Anything else gets
// CloudBase's 404 INVALID_PATH.
//
// Every answer has the header X-Request-Id. Authorization and signatures are not looked at: whoever can call is on this
// machine. Requests are answered only under this machine's own names, localhost and the loopback addresses, and not when
// a web page of another origin sends them: both would be a foreign page using a developer's browser. They get a 403 with
// {"code":"ORIGIN_NOT_ALLOWED","message":"...","requestId":"..."}, the shape of every refusal that has no shape of its own.
type Cloud struct {
	Functions map[string]*Function // :: name in the path → function; required
	EnvID     string               // the CloudBase environment that users call from; "cloudpay-local" when empty
	AppID     string               // the mini-program's appid when a call names an openid only; may be empty

	background background
}

// ServeHTTP answers one request.
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

// route is what answers below a path; rest is what the path has after it.
type route struct {
	prefix string
	serve  func(w http.ResponseWriter, r *http.Request, rest, id string)
}

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

// Close returns when every event is handled whose caller did not wait for it. Later ones are refused. They end with their
// functions, too, so closing those first makes it short.
func (c *Cloud) Close() error {
	c.background.close()
	return nil
}

func (c *Cloud) envID() string { return cmp.Or(c.EnvID, defaultEnvID) }

// maxBackground is how many events there may be that nobody waits for.
const maxBackground = 100

// background runs what callers do not wait for.
type background struct {
	running sync.WaitGroup

	mu     sync.Mutex // guards what follows
	closed bool
	count  int
}

// start runs f, unless there is too much to run already.
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

func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.running.Wait()
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

// list names the functions in alphabetical order.
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

// wantMethod refuses every other method.
func wantMethod(w http.ResponseWriter, r *http.Request, method, instead, id string) bool {
	if r.Method == method {
		return true
	}
	w.Header().Set("Allow", method)
	fail(w, http.StatusMethodNotAllowed, codeBadMethod, instead, id)
	return false
}

// posted is the function that a POST names. It refuses every other method and name; it has answered then.
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

// noSuchPath refuses a request that is for nobody.
func noSuchPath(w http.ResponseWriter, id string) {
	fail(w, http.StatusNotFound, codeNoSuchPath, "Invalid path: functions are called with POST "+functionsPath+"/{name}", id)
}

// fail answers a call that has no result.
func fail(w http.ResponseWriter, status int, code, message, requestID string) {
	cloudBaseFault(status, code, message, requestID).write(w)
}

// cloudBaseFault is a refusal in the shape that CloudBase gives it.
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
