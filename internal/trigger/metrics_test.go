package trigger_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/telemetry"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/internal/trigger"
)

const metricsToken = "7f21d3c9b0a8e645~{metrics}"

// TestMetrics scrapes a container with its token. Without it there is no such path, whatever other
// proof a request has, and no figure is read.
func TestMetrics(t *testing.T) {
	t.Parallel()
	telemetrytest.Secret(t, telemetrytest.Token, metricsToken)
	for name, tc := range map[string]struct {
		method, path, token string
		fault               error
		off                 bool
		status              int
		body                string
	}{
		"a scraper":               {method: "GET", path: "/metrics", token: metricsToken, status: 200, body: "cloudpay_due{} 3\n"},
		"a register that is down": {method: "GET", path: "/metrics", token: metricsToken, fault: errors.New("no route"), status: 503, body: "could not be read"},
		"no token":                {method: "GET", path: "/metrics", status: 405},
		"another token":           {method: "GET", path: "/metrics", token: httpToken, status: 405},
		"a POST":                  {method: "POST", path: "/metrics", token: metricsToken, status: 400},
		"another path":            {method: "GET", path: "/x/metrics", token: metricsToken, status: 405},
		"switched off":            {method: "GET", path: "/metrics", token: metricsToken, off: true, status: 405},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t).strict()
			k.fn.Access.Metrics = trigger.NewToken(metricsToken)
			read := 0
			if !tc.off {
				k.fn.Metrics = func(context.Context) (string, error) {
					read++
					return "cloudpay_due{} 3\n", tc.fault
				}
			}
			request := hosting.Request{Method: tc.method, Path: tc.path, Header: map[string]string{}}
			if tc.token != "" {
				request.Header["authorization"] = "Bearer " + tc.token
			}
			got, err := k.fn.HandleHTTP(t.Context(), hosting.Invocation{Platform: hosting.Web}, request)
			refused := tc.status == http.StatusMethodNotAllowed && got.Status >= http.StatusBadRequest
			if err != nil || got.Status != tc.status && !refused || !strings.Contains(string(got.Body), tc.body) {
				t.Errorf("got %d %s and error %v, want %d %q", got.Status, got.Body, err, tc.status, tc.body)
			}
			if scraped := tc.status == 200 || tc.fault != nil; (read > 0) != scraped || scraped == strings.Contains(string(got.Body), "returnCode") {
				t.Errorf("the figures were read %d times, and the answer is %s", read, got.Body)
			}
			if tc.fault == nil && strings.Contains(k.logs.String(), metricsToken) {
				t.Errorf("the log has the token: %s", k.logs.String())
			}
		})
	}
}

// figures is a report with metrics.
type figures struct {
	Claimed int `json:"claimed"`
}

func (f figures) Metrics() []telemetry.Metric {
	return []telemetry.Metric{{Name: "claimed", Unit: "Count", Value: float64(f.Claimed)}}
}

// TestEMF: a timer's own line declares its figures, where that is configured.
func TestEMF(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		k := newKit(t).strict().store(nil)
		k.fn.Sweep = func(context.Context) (any, error) { return figures{7}, nil }
		if on {
			k.fn.EMF = []slog.Attr{slog.String("mchId", "1900000001")}
		}
		if _, err := k.handle(text(timerForms["scf-timer"]("")), fromTimer); err != nil {
			t.Fatal(err)
		}
		line := k.lines()[0]
		if declared := line["_aws"] != nil; declared != on || on && (line["claimed"] != 7.0 || line["mchId"] != "1900000001") {
			t.Errorf("on %v: got the line %v", on, line)
		}
	}
}
