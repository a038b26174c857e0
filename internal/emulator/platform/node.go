package platform

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http"
)

// defaultHandler is CloudBase's handler of a Node.js function.
const defaultHandler = "index.main"

// bootstrap is the program that runs a Node.js function.
//
//go:embed bootstrap.js
var bootstrap string

// node runs exports.main(event, context) of a Node.js function (SCF doc "Node.js", CloudBase's
// functions). SCF starts it with a program of its own whose protocol is not documented; here that
// is bootstrap.js, which polls as a custom runtime does:
//
//	GET  /invocation/next             waits for {"id","event","context","environment","deadline"}
//	POST /invocation/{id}/response    the result
//	POST /invocation/{id}/error       {"errorMessage":…,"errorType":…,"stackTrace":[…]}
//	POST /init/error                  the function cannot be loaded
//
// The context has the members that SCF documents, environment among them as JSON text. The process
// has the call's variables in process.env as well, where wx-server-sdk looks for the caller.
type node struct {
	*polled

	spec Spec
}

// newNode opens the API for one process that is yet to start.
func newNode(ctx context.Context, spec Spec) (*node, error) {
	p, err := newPolled(ctx)
	if err != nil {
		return nil, err
	}
	n := &node{polled: p, spec: spec}
	api := http.NewServeMux()
	api.HandleFunc("GET /invocation/next", func(w http.ResponseWriter, r *http.Request) {
		n.report(nil)
		n.next(w, r)
	})
	api.HandleFunc("POST /invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		n.posted(w, r, readAnswer(r.Body))
	})
	api.HandleFunc("POST /invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		a := readAnswer(r.Body)
		if a != nil {
			a = &answer{err: postedError(a.payload)}
		}
		n.posted(w, r, a)
	})
	api.HandleFunc("POST /init/error", func(w http.ResponseWriter, r *http.Request) {
		if a := readAnswer(r.Body); a != nil {
			n.report(&initError{postedError(a.payload)})
		}
		accept(w)
	})
	p.serve(api)
	return n, nil
}

// posted passes an answer on. a is nil when the process broke off while it posted.
func (n *node) posted(w http.ResponseWriter, r *http.Request, a *answer) {
	if a == nil || !n.finish(r.PathValue("id"), a) {
		http.Error(w, "there is no such event to answer", http.StatusBadRequest)
		return
	}
	accept(w)
}

// variables tell bootstrap.js where the API is and what it loads.
func (n *node) variables() []string {
	return []string{
		"SCF_RUNTIME=Nodejs",
		"_SCF_SERVER_PORT=28902",
		"_HANDLER=" + n.spec.Handler,
		"TCB_ENV=" + defaultEnvID, // on CloudBase the namespace is the environment
		"SCF_NAMESPACE=" + defaultEnvID,
		"CLOUDPAY_NODE_API=http://" + n.address().String(),
		"CLOUDPAY_NODE_HANDLER=" + n.spec.Handler,
	}
}

// connect waits for the first poll: the function is loaded then.
func (n *node) connect(ctx context.Context, i *instance) error {
	return n.await(ctx, i, "GET /invocation/next on "+n.address().String())
}

// invoke delivers the event in an envelope with its context.
func (n *node) invoke(i *instance, c call) (*answer, error) {
	environment := environmentJSON(c.configured, c.Environment)
	event := json.RawMessage(c.Payload)
	if !json.Valid(event) {
		event = encode(string(c.Payload)) // the function gets it as a text
	}
	envelope := encode(map[string]any{
		"id":          c.RequestID,
		"event":       event,
		"environment": json.RawMessage(environment),
		"deadline":    c.deadline.UnixMilli(),
		"context": map[string]any{
			"request_id":          c.RequestID,
			"memory_limit_in_mb":  c.spec.MemoryMB,
			"time_limit_in_ms":    c.spec.TimeLimit.Milliseconds(),
			"function_name":       c.spec.Name,
			"function_version":    version,
			"namespace":           defaultEnvID,
			"tencentcloud_region": region,
			"tencentcloud_appid":  accountAppID,
			"tencentcloud_uin":    accountUin,
			"environment":         environment,
		},
	})
	return n.deliver(i, &delivery{id: c.RequestID, payload: envelope, answer: make(chan *answer, 1)})
}
