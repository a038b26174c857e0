package app

import (
	"context"
	"net/http"

	"cloudpay/internal/dropin"
	"cloudpay/internal/hosting"
	"cloudpay/internal/paths"
	"cloudpay/internal/trigger"
	"cloudpay/internal/trigger/event"
)

// dropInRoute is the route of the calls that clients of CloudBase's template pay-common make. Every
// answer to one that can be read is HTTP 200 (package dropin says why).
func (w web) dropInRoute() paths.Handler {
	return paths.Handler{
		Methods: []string{http.MethodPost},
		Serve: func(ctx context.Context, inv hosting.Invocation, e event.Event, fault *event.Fault) (hosting.Response, error) {
			if fault != nil {
				return paths.Unreadable(fault)
			}
			call, known := dropin.ReadRoute(e.Request.Path, e.Request.Body)
			if !known {
				return paths.NotFound()
			}
			return w.answerDropIn(ctx, inv, e, call)
		},
		Standing: w.access.Standing,
	}
}

// answerDropIn executes a template's call with the rights of its caller, and answers as the
// template does.
func (w web) answerDropIn(ctx context.Context, inv hosting.Invocation, e event.Event, call dropin.Call) (hosting.Response, error) {
	var f *trigger.Function
	switch call.Operation {
	case dropin.Close:
		f = w.closing
	case dropin.Query, dropin.Unserved: // an unserved one has a fault, so that nothing is done for it
		f = w.querying
	}
	return paths.Reply(http.StatusOK, call.Answer(f.Execute(ctx, inv, e, call.Reader, call.Fault)))
}
