package app

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"

	"cloudpay/internal/dropin"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/paths"
	"cloudpay/internal/trigger"
	"cloudpay/internal/trigger/event"
)

// dropInMethods are the methods of pay-common's routes. Browsers ask with OPTIONS before they send.
const dropInMethods = http.MethodPost + ", " + http.MethodOptions

// dropInRoute is the route of the calls that clients of CloudBase's template pay-common make.
func (w web) dropInRoute() paths.Handler {
	return paths.Handler{
		Methods:  []string{http.MethodPost, http.MethodOptions},
		Serve:    w.serveDropIn,
		Standing: w.access.Standing,
	}
}

// serveDropIn answers a request of a template's client. Every answer to one that can be read is
// HTTP 200 (package dropin says why).
func (w web) serveDropIn(ctx context.Context, inv hosting.Invocation, e event.Event, fault *event.Fault) (hosting.Response, error) {
	header := w.access.CORS(e.Request, dropInMethods)
	if e.Request.Method == http.MethodOptions {
		header["Allow"] = dropInMethods
		return hosting.Response{Status: http.StatusNoContent, Header: header}, nil
	}
	if fault != nil {
		return paths.Unreadable(fault)
	}
	call, known := dropin.ReadRoute(e.Request.Path, e.Request.Body)
	refusal := call.Fault
	switch {
	case inv.Withheld:
		refusal = nil // a body that was not read lacks everything: its sender is what is refused
	case !known:
		return paths.NotFound()
	}
	response, err := paths.Reply(http.StatusOK, w.answerDropIn(ctx, inv, e, call, refusal))
	maps.Copy(response.Header, header)
	return response, err
}

// handleDropIn answers an event of the template's event function wxpayFunctions. It returns false
// for any other event. The error is non-nil only if the answer cannot be marshalled.
func (w web) handleDropIn(
	ctx context.Context, inv hosting.Invocation, e event.Event, fault *event.Fault,
) (reply []byte, is bool, err error) {
	call, is := dropin.ReadEvent(inv.Payload)
	if !is || e.Kind != event.Call {
		return nil, false, nil
	}
	refusal := call.Fault
	if fault != nil {
		refusal = &order.FieldError{Field: fault.Field, Rule: fault.Rule, Code: errcode.ParamError}
	}
	if reply, err = json.Marshal(w.answerDropIn(ctx, inv, e, call, refusal)); err != nil {
		return nil, true, fmt.Errorf("encoding the reply: %w", err)
	}
	return reply, true, nil
}

// answerDropIn executes a template's call with the rights of its caller, and answers as the
// template does. refusal is why it must be refused; nil if it may be executed.
func (w web) answerDropIn(
	ctx context.Context, inv hosting.Invocation, e event.Event, call dropin.Call, refusal *order.FieldError,
) dropin.Answer {
	var f *trigger.Function
	switch call.Operation {
	case dropin.Close:
		f = w.closing
	case dropin.Query, dropin.Unserved: // an unserved one has a fault, so that nothing is done for it
		f = w.querying
	}
	return call.Answer(f.Execute(ctx, inv, e, call.Reader, refusal))
}
