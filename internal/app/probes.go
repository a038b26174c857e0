package app

import (
	"context"
	"net/http"

	"cloudpay/internal/hosting"
	"cloudpay/internal/paths"
	"cloudpay/internal/trigger/event"
)

// health is the reply of the route healthz.
type health struct {
	Status string `json:"status"`
}

// healthRoute is the route for a platform's health checks: 200 once the configuration is sound, 503
// without a detail if it is not, which the log has. It does not ask the database, since restarting
// the function would not bring that back.
func (w web) healthRoute() paths.Handler {
	status, body := http.StatusOK, health{"ok"}
	if w.Broken != nil {
		status, body = http.StatusServiceUnavailable, health{"unavailable"}
	}
	return paths.Handler{
		Methods: []string{http.MethodGet, http.MethodHead},
		Serve: func(context.Context, hosting.Invocation, event.Event, *event.Fault) (hosting.Response, error) {
			return paths.Reply(status, body)
		},
		// No body is wanted, and nothing is proved.
		Standing: func(hosting.Request) hosting.Standing { return hosting.Refused },
	}
}

// metricsRoute is the route for a scraper. Without its token there is no such path.
func (w web) metricsRoute() paths.Handler {
	return paths.Handler{
		Methods: []string{http.MethodGet},
		Serve: func(ctx context.Context, inv hosting.Invocation, e event.Event, fault *event.Fault) (hosting.Response, error) {
			if !w.access.MayScrape(e.Request) || inv.Withheld {
				return paths.NotFound()
			}
			if w.Broken != nil {
				return paths.Reply(http.StatusServiceUnavailable, health{"unavailable"})
			}
			return w.closing.HandleRequest(ctx, inv, e, fault)
		},
		Standing: func(head hosting.Request) hosting.Standing {
			if w.access.MayScrape(head) {
				return hosting.Proved
			}
			return hosting.Refused
		},
	}
}
