package paths

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/trigger/event"
)

// Handler is what a route leads to. Serve and Standing are required.
type Handler struct {
	// Methods are the methods that the route takes; the table refuses the others. Nil: Serve takes
	// all, and refuses by itself.
	Methods []string
	// Serve answers a request, whose path begins with the route's own element. fault is why it
	// could not be read as a whole; nil if it could.
	Serve func(ctx context.Context, inv hosting.Invocation, e event.Event, fault *event.Fault) (hosting.Response, error)
	// Standing is what the head of a request proves on this route. A token of one route proves
	// nothing on another.
	Standing func(head hosting.Request) hosting.Standing
}

// takes reports whether the route takes a method.
func (h Handler) takes(method string) bool {
	return h.Methods == nil || slices.Contains(h.Methods, method)
}

// Table has the handlers of the routes that are served.
type Table map[Name]Handler

// Standing is what the head of a request proves of its sender, on the route that it names: nothing
// where no route is served or the method is not taken, since that is answered without the body.
func (t Table) Standing(head hosting.Request) hosting.Standing {
	name, path := t.find(head)
	handler, served := t[name]
	if !served || !handler.takes(head.Method) {
		return hosting.Refused
	}
	return handler.Standing(led(head, path))
}

// find returns the route that a request's head names, and the path that its handler sees. The name
// is empty if there is none.
func (t Table) find(head hosting.Request) (name Name, path string) {
	if !isRoot(head.Path) {
		return find(head.Path)
	}
	name = t.atRoot(head.Method, head.Header)
	return name, pathOf(name)
}

// lead returns the route of a request, and the request as its handler sees it. The name is empty if
// there is none. whole reports that all of the request is there; the refusal is nil unless its body
// has to tell the route and cannot be read.
func (t Table) lead(r hosting.Request, whole bool) (name Name, seen hosting.Request, refusal *order.FieldError) {
	name, path := t.find(r)
	if whole && needsBody(r, name) {
		return byItsBody(r)
	}
	return name, led(r, path), nil
}

// HandleHTTP answers a request to our own HTTP server.
func (t Table) HandleHTTP(ctx context.Context, inv hosting.Invocation, r hosting.Request) (hosting.Response, error) {
	e, fault := event.FromRequest(r)
	e.Request = r // what is left of a request with too many names still has its path
	return t.Serve(ctx, inv, e, fault)
}

// Serve answers a request, whichever platform it came by.
func (t Table) Serve(ctx context.Context, inv hosting.Invocation, e event.Event, fault *event.Fault) (hosting.Response, error) {
	name, seen, refusal := t.lead(e.Request, fault == nil && !inv.Withheld)
	handler, served := t[name]
	switch {
	case refusal != nil:
		return refuse(statusOfBody(e.Request.Body), refusal)
	case !served && fault != nil:
		return Unreadable(fault)
	case !served:
		return NotFound()
	case !handler.takes(seen.Method):
		return notTaken(handler.Methods)
	}
	e.Request = seen
	return handler.Serve(ctx, inv, e, fault)
}

// NotFound answers for a path without a route. Its outcome tells a client that the order was not
// looked for: an order that does not exist has another.
func NotFound() (hosting.Response, error) {
	return refuse(http.StatusNotFound, order.ParamError("path", "is none that is served here", "不是此处提供的路径"))
}

// notTaken answers for a method that is not one of the route's.
func notTaken(methods []string) (hosting.Response, error) {
	response, err := refuse(http.StatusMethodNotAllowed, order.ParamError("method",
		"is not one of this path's; see the header Allow", "不是本路径支持的方法；见响应头 Allow"))
	response.Header["Allow"] = strings.Join(methods, ", ")
	return response, err
}

// Unreadable answers a request that could not be read as a whole.
func Unreadable(fault *event.Fault) (hosting.Response, error) {
	status := http.StatusBadRequest
	if fault.TooLarge {
		status = http.StatusRequestEntityTooLarge
	}
	return refuse(status, &order.FieldError{Field: fault.Field, Rule: fault.Rule, Code: errcode.ParamError})
}

// statusOfBody is the status of a request whose body cannot be read.
func statusOfBody(body []byte) int {
	if len(body) > order.MaxObject {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// refuse is an answer about a part of the request, in the form of every result.
func refuse(status int, refusal *order.FieldError) (hosting.Response, error) {
	return Reply(status, order.Refusal(refusal.Code, refusal.Wording()))
}

// Reply is a response of JSON, with the headers that the functions' replies have. The error is
// non-nil only if v cannot be marshalled.
func Reply(status int, v any) (hosting.Response, error) {
	response := hosting.Response{
		Status: status,
		Header: map[string]string{
			"Content-Type":           "application/json; charset=utf-8",
			"Cache-Control":          "no-store",
			"X-Content-Type-Options": "nosniff",
		},
	}
	var err error
	if response.Body, err = json.Marshal(v); err != nil {
		return response, fmt.Errorf("encoding the reply: %w", err)
	}
	return response, nil
}
