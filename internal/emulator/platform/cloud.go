package platform

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/spool"
	"cloudpay/internal/emulator/traffic"
)

// functionsPath lists the functions; a function's name below it calls the function.
const functionsPath = "/v1/functions"

// lambdaPath begins the paths of Lambda's API, in the version that has Invoke.
const lambdaPath = "/2015-03-31/functions/"

// timersPath lists the timers; a function's name below it fires the function's timer.
const timersPath = "/v1/timers"

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
//	POST / with X-Amz-Target: AmazonSQS.…  /schedules/{name}       AWS's queues and schedules
//	POST /2015-03-31/event-source-mappings           from a queue to a function (delayed.go)
//	/http/{name}/…  /tcb/{name}/…  /aws/{name}/…     HTTP triggers (httptrigger.go)
//	/apigw/{name}/…  /aws-rest/{name}/…              those of older gateways (httpgateways.go)
//	/wx/{name}/…  /tcb-auth/{name}/…                 the doors to web functions (door.go)
//	/auth/v1/…  POST /v1/logins                      access tokens and their keys (authservice.go)
//	POST /v1/timers/{name}  POST /v1/queues/{name}   fire a trigger now (timer.go, queue.go); ours
//	GET /v1/functions                                {"functions":[{"name":"…","runtime":"go1"}]}
//	GET /v1/timers                                   the timers and when they fire (schedule.go)
//	/v1/faults  /v1/dead-letters                     what goes wrong (fault.go, retry.go); ours
//	GET /v1/calls  GET /v1/calls/stream              what was called (calls.go); ours
//	GET …/{id}/bytes  POST …/{id}/send               a call's bytes; makes it again
//	/v1/register…                                    the functions' register (Register); ours
//
// An operation of AWS, Tencent Cloud or CloudBase that is not emulated is refused in that cloud's
// own form, so that its SDKs can read the refusal; see awsUnknown, tencentAPI and sdk. Every other
// request gets CloudBase's 404 INVALID_PATH.
//
// Every answer has the header X-Request-Id. Signatures are checked if there are Keys; otherwise
// every caller is admitted, since it is on this machine. To keep it so, a request is answered only
// under the names of this machine, localhost and the loopback addresses, and not when a web page of
// another origin sends it, unless that is one of AllowOrigins: a foreign page would be using a
// developer's browser. The refusal is a 403 with
// {"code":"ORIGIN_NOT_ALLOWED","message":"...","requestId":"..."}; every refusal that has no form
// of its own has this one.
type Cloud struct {
	// Functions are by their names in the path; required. While the cloud serves, SetFunctions
	// replaces them.
	Functions map[string]*Function
	EnvID     string // the CloudBase environment that users call from; "cloudpay-local" when empty
	// The mini-program's appid when a call names an openid only; may be empty.
	AppID string
	// AllowOrigins are the origins of web pages that may call functions, as
	// [access.CheckOrigin] wants them. Such pages do not get at what is the emulator's own.
	AllowOrigins []string
	// Keys are those of which SDKs have to sign with one; without any, signatures are not checked.
	Keys access.Keys
	// Clock is the time by which timers fire and asynchronous events are repeated; this machine's
	// when nil.
	Clock *Clock
	// Journal has the calls.
	Journal traffic.Journal
	// Register serves the paths from /v1/register on; nil: there are none. Foreign names and
	// origins are refused before.
	Register http.Handler
	// Spool keeps asynchronous events and dead letters from one process to the next, which goes on
	// with them by [Cloud.Resume]; nil: they end with the cloud.
	Spool *spool.Spool

	replaced   atomic.Pointer[map[string]*Function] // by SetFunctions; nil before
	auth       authService
	background background
	faults     faultList
	dead       deadLetters
	events     atomic.Int64 // the highest number of an asynchronous event
	timers     timers
	delayed    delayed

	transcripts transcripts
}

// ServeHTTP answers one request. The path tells the API first, then the marks of each cloud; what
// has none of them counts as a call of CloudBase's server SDKs, whose path may be anything.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-Id")
	if !acceptableRequestID.MatchString(id) {
		id = newRequestID()
	}
	w.Header().Set("X-Request-Id", id)
	in, r := c.arrive(w, r, id)
	defer c.leave(in)
	to, rest := c.route(r)
	in.call.Via, in.call.Function = to.via, to.functionIn(rest)
	in.method, in.path = r.Method, behindName(rest, r.URL.Query())
	if foreign := c.foreignness(r, to.private); foreign != "" {
		fail(in, http.StatusForbidden, codeForeign, foreign, id)
		return
	}
	if c.answerPage(in, r) || !c.authentic(in, r, to.via, id) {
		return
	}
	to.serve(in, r, rest, id)
}

// route is a handler for the paths with a prefix; it gets the rest of the path, and the request's
// id.
type route struct {
	prefix string
	serve  func(w http.ResponseWriter, r *http.Request, rest, id string)
	// via is what the journal calls the API; empty: it calls no function.
	via string
	// private routes are the emulator's own, which no page of another origin may call.
	private bool
}

// functionIn is the function's name in the rest of a path, as far as a path has it.
func (r route) functionIn(rest string) string {
	switch r.via {
	case "", viaServerSDK, viaTencentAPI:
		return ""
	case viaLambdaAPI:
		return lambdaFunction(rest)
	}
	name, _, _ := strings.Cut(rest, "/")
	return name[:min(len(name), maxFunctionName)]
}

// FunctionAt is the name in a path at which a function is called; empty for any other path.
func (c *Cloud) FunctionAt(path string) string {
	for _, one := range c.routes() {
		if rest, ok := strings.CutPrefix(path, one.prefix); ok {
			return one.functionIn(rest)
		}
	}
	return ""
}

// maxFunctionName is the most bytes of a name that is remembered.
const maxFunctionName = 64

// route finds what a request is for, and the rest of its path.
func (c *Cloud) route(r *http.Request) (to route, rest string) {
	for _, one := range c.routes() {
		if rest, ok := strings.CutPrefix(r.URL.Path, one.prefix); ok {
			return one, rest
		}
	}
	if api := c.delayedAPI(r); api != nil {
		return route{serve: whole(serveDelayed(api)), via: viaLambdaAPI}, ""
	}
	switch {
	case r.URL.Path == functionsPath:
		return route{serve: whole(c.list)}, ""
	case r.URL.Path == timersPath:
		return route{serve: whole(c.listTimers), private: true}, ""
	case isAWS(r):
		return route{serve: whole(awsUnknown), via: viaLambdaAPI}, ""
	case isTencentAPI(r):
		return route{serve: whole(c.tencentAPI), via: viaTencentAPI}, ""
	case r.Method == http.MethodPost, r.URL.Query().Has("action"):
		return route{serve: whole(c.sdk), via: viaServerSDK}, ""
	default:
		return route{serve: func(w http.ResponseWriter, _ *http.Request, _, id string) { noSuchPath(w, id) }}, ""
	}
}

// whole makes a route's handler of one that needs no rest of the path.
func whole(serve func(http.ResponseWriter, *http.Request, string)) func(http.ResponseWriter, *http.Request, string, string) {
	return func(w http.ResponseWriter, r *http.Request, _, id string) { serve(w, r, id) }
}

// routes are the APIs and triggers with a path of their own.
func (c *Cloud) routes() []route {
	return []route{
		{prefix: functionsPath + "/", serve: c.call, via: viaHTTPAPI},
		{prefix: timersPath + "/", serve: c.timer, via: viaTimer, private: true},
		{prefix: "/v1/queues/", serve: c.queue, via: viaQueue, private: true},
		{prefix: "/v1/faults", serve: c.faultsAPI, private: true},
		{prefix: "/v1/fault-actions", serve: c.actionsAPI, private: true},
		{prefix: "/v1/dead-letters", serve: c.deadLettersAPI, private: true},
		{prefix: "/v1/calls", serve: c.callsAPI, private: true},
		{prefix: "/v1/register", serve: c.registerAPI, private: true},
		{prefix: lambdaPath, serve: c.awsAPI, via: viaLambdaAPI},
		{prefix: "/http/", serve: c.trigger(functionURL{}), via: viaFunctionURL},
		{prefix: "/tcb/", serve: c.trigger(accessService{envID: c.envID()}), via: viaAccessService},
		{prefix: "/tcb-auth/", serve: c.authenticated(c.trigger(accessService{envID: c.envID()})), via: viaAccessService},
		{prefix: "/wx/", serve: c.callHTTPFunction, via: viaMiniProgram},
		{prefix: authPath, serve: c.authAPI},
		{prefix: loginsPath, serve: c.loginsAPI, private: true},
		{prefix: "/aws/", serve: c.trigger(httpAPI{}), via: viaAPIGateway},
		{prefix: "/apigw/", serve: c.trigger(apiGateway{}), via: viaTencentGateway},
		{prefix: "/aws-rest/", serve: c.trigger(restAPI{}), via: viaRESTAPI},
	}
}

// registerAPI passes a request on to what serves the register.
func (c *Cloud) registerAPI(w http.ResponseWriter, r *http.Request, _, id string) {
	if c.Register == nil {
		noSuchPath(w, id)
		return
	}
	c.Register.ServeHTTP(w, r)
}

// Close waits until every asynchronous event in flight is handled; new ones are refused from then
// on, and those that wait for another attempt are left to the spool. An event ends when its
// function is closed, so closing the functions first makes this short: the spool has it, too.
// Streams of calls end as well.
func (c *Cloud) Close() error {
	c.Journal.Close()
	c.closeDelayed()
	c.background.close()
	return nil
}

// SetFunctions replaces the functions, by their names in the path. The map must not change from
// then on. Those that are not in it any more are called no more, and still have to be closed.
func (c *Cloud) SetFunctions(functions map[string]*Function) { c.replaced.Store(&functions) }

// functions are those of now.
func (c *Cloud) functions() map[string]*Function {
	if replaced := c.replaced.Load(); replaced != nil {
		return *replaced
	}
	return c.Functions
}

// function is the one with a name; nil if there is none.
func (c *Cloud) function(name string) *Function { return c.functions()[name] }

func (c *Cloud) envID() string { return cmp.Or(c.EnvID, defaultEnvID) }

// list names the functions, in alphabetical order.
func (c *Cloud) list(w http.ResponseWriter, r *http.Request, id string) {
	if !wantMethod(w, r, http.MethodGet, "list the functions with GET", id) {
		return
	}
	type entry struct {
		Name    string  `json:"name"`
		Runtime Runtime `json:"runtime"`
	}
	functions := c.functions()
	entries := make([]entry, 0, len(functions))
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		entries = append(entries, entry{Name: name, Runtime: functions[name].runtime()})
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
	function := c.function(name)
	if function == nil {
		fail(w, http.StatusBadRequest, codeNotFound, noSuchFunction(name), id)
	}
	return function, function != nil
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
