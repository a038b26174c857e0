package trigger

import (
	"context"
	"net/http"

	"cloudpay/internal/hosting"
)

// metricsPath is where a container's scraper finds its metrics. Requests without its token are
// answered like any other path that is not there.
const metricsPath = "/metrics"

// MayScrape reports whether a request is a scraper's, with its token.
func (a Access) MayScrape(r hosting.Request) bool {
	return r.Path == metricsPath && r.Method == http.MethodGet && a.Metrics.Is(bearer(r.Header["authorization"]))
}

// MaySweep reports whether a request has the timer's token as its bearer token. It is for a path
// that leads to nothing else.
func (a Access) MaySweep(r hosting.Request) bool { return a.isTimer(bearer(r.Header["authorization"])) }

// handleMetrics answers a scraper. It logs only failures, since it is called every few seconds.
func (i *invocation) handleMetrics(ctx context.Context) (hosting.Response, error) {
	response := hosting.Response{
		Status: http.StatusOK,
		Header: map[string]string{
			"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		},
	}
	text, err := i.Metrics(ctx)
	if err != nil {
		i.Log.ErrorContext(ctx, "metrics", "error", err)
		response.Status, text = http.StatusServiceUnavailable, "# the register could not be read; the log says why\n"
	}
	response.Body = []byte(text)
	return response, nil
}
