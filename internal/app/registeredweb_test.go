//go:build sqlite

package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/sweep"
	"cloudpay/internal/telemetry/telemetrytest"
)

const metricsToken = "metrics-token-of-the-tests"

var (
	withTimerToken   = map[string]string{"authorization": "Bearer " + timerToken}
	withMetricsToken = map[string]string{"authorization": "Bearer " + metricsToken}
)

// registeredSite is functions/web with a register, and all routes.
func registeredSite(t *testing.T, prepare ...func(k *registerEnv)) (*registerEnv, site) {
	t.Helper()
	k := newRegisterEnv(t, mode{order.V3, false})
	telemetrytest.Secret(t, telemetrytest.Token, metricsToken)
	k.vars["WXPAY_V3_KEY"] = k.Merchant.V3Key
	k.vars["CLOUDPAY_HTTP_TOKEN"], k.vars["CLOUDPAY_TIMER_TOKEN"], k.vars["CLOUDPAY_METRICS_TOKEN"] = httpToken, timerToken, metricsToken
	for _, p := range prepare {
		p(k)
	}
	s := k.site("closeorder,queryorder,paynotify,sweep,healthz,metrics,dropin")
	if s.Broken != nil {
		t.Fatal(s.Broken)
	}
	return k, s
}

// swept is the reply of the route sweep.
type swept struct {
	ReturnCode, ErrCode string
	CloseOrder          *sweep.Report
	QueryOrder          *sweep.Report
}

func (s site) sweep(header map[string]string) (int, swept) {
	s.t.Helper()
	got := s.ask(http.MethodPost, "/ops/sweep", header, "")
	var reply swept
	if err := json.Unmarshal(got.Body, &reply); err != nil {
		s.t.Fatalf("%s: %v", got.Body, err)
	}
	return got.Status, reply
}

// TestRegisteredWebSweeps: with its token, and by POST alone, the route does what both timers do.
func TestRegisteredWebSweeps(t *testing.T) {
	t.Parallel()
	k, s := registeredSite(t)
	k.register("A1", `"close_at":0`)
	for name, header := range map[string]map[string]string{
		"none": nil, "another route's token": withHTTPToken, "the scraper's": withMetricsToken,
		"a wrong one": {"authorization": "Bearer " + strings.ToUpper(timerToken)}, "no bearer": {"authorization": timerToken},
		"a service's": {"cloudpay-service-token": serviceToken},
	} {
		if status, got := s.sweep(header); status != http.StatusUnauthorized || got.ErrCode != "NOAUTH" || got.CloseOrder != nil {
			t.Errorf("%s: got %d %+v, want it refused", name, status, got)
		}
	}
	s.want(http.StatusMethodNotAllowed, s.ask("GET", "/sweep", withTimerToken, ""))
	k.wantRecord("A1", schedule.Waiting, "")
	if !strings.Contains(k.logs.String(), "CLOUDPAY_TIMER_TOKEN") || strings.Contains(k.logs.String(), `"level":"ERROR"`) {
		t.Errorf("the log has no warning that names the setting, or more: %s", k.logs.String())
	}

	status, got := s.sweep(withTimerToken)
	if status != http.StatusOK || got.ReturnCode != "SUCCESS" || got.CloseOrder == nil || got.QueryOrder == nil {
		t.Fatalf("got %d %+v, want both reports", status, got)
	}
	got.CloseOrder.Took = 0
	k.wantReport(*got.CloseOrder, sweep.Report{Claimed: 1, Closed: 1})
	k.wantRecord("A1", schedule.Done, schedule.FinalClosed)
	if status, got := s.sweep(withTimerToken); status != http.StatusOK || got.CloseOrder.Claimed != 0 {
		t.Errorf("a second sweep: got %d %+v", status, got)
	}
	for _, op := range []string{`"op":"close"`, `"op":"query"`} {
		if !strings.Contains(k.logs.String(), op+`,"trigger":"web"`) {
			t.Errorf("the log has no line of a sweep with %s: %s", op, k.logs.String())
		}
	}
}

// TestRegisteredWebStanding: each token proves something on its own route alone. A request whose
// head proves nothing is refused, whatever it has.
func TestRegisteredWebStanding(t *testing.T) {
	t.Parallel()
	_, s := registeredSite(t)
	for _, row := range []struct {
		method, path string
		header       map[string]string
		want         hosting.Standing
	}{
		{"POST", "/sweep", withTimerToken, hosting.Proved},
		{"POST", "/sweep", nil, hosting.Refused},
		{"POST", "/sweep", withHTTPToken, hosting.Refused},
		{"POST", "/sweep", withMetricsToken, hosting.Refused},
		{"GET", "/sweep", withTimerToken, hosting.Refused},
		{"GET", "/metrics", withMetricsToken, hosting.Proved},
		{"GET", "/metrics", nil, hosting.Refused},
		{"GET", "/metrics", withTimerToken, hosting.Refused},
		{"GET", "/x/metrics", withMetricsToken, hosting.Proved},
		{"POST", "/closeorder", withTimerToken, hosting.Unproved}, // its body may have a service's
		{"POST", "/closeorder", withMetricsToken, hosting.Unproved},
		{"POST", "/closeorder", withHTTPToken, hosting.Proved},
		{"POST", "/paynotify", withTimerToken, hosting.Notified},
		{"POST", "/", withTimerToken, hosting.Unproved},
	} {
		if got := s.Standing(hosting.Request{Method: row.method, Path: row.path, Header: row.header}); got != row.want {
			t.Errorf("%s %s %v: got %d, want %d", row.method, row.path, row.header, got, row.want)
		}
	}
	for path, method := range map[string]string{"/sweep": "POST", "/metrics": "GET"} {
		header := map[string]map[string]string{"/sweep": withTimerToken, "/metrics": withMetricsToken}[path]
		got, err := s.HandleHTTP(t.Context(), hosting.Invocation{Withheld: true}, hosting.Request{Method: method, Path: path, Header: header})
		if err != nil || got.Status != http.StatusUnauthorized && got.Status != http.StatusNotFound {
			t.Errorf("%s, withheld: got %d %s, %v", path, got.Status, got.Body, err)
		}
	}
}

// TestRegisteredWebSweepFails: a register that cannot be asked is said as such, and the second
// sweep does not begin.
func TestRegisteredWebSweepFails(t *testing.T) {
	t.Parallel()
	k, s := registeredSite(t)
	k.register("A1", `"close_at":0`)
	k.takeAway()
	if status, got := s.sweep(withTimerToken); status != http.StatusServiceUnavailable || got.ReturnCode != "FAIL" || got.ErrCode != "STORE_ERROR" || got.QueryOrder != nil {
		t.Errorf("got %d %+v, want 503 of the store, and no second sweep", status, got)
	}
	k.giveBack()
	if status, got := s.sweep(withTimerToken); status != http.StatusOK || got.CloseOrder.Closed != 1 {
		t.Errorf("got %d %+v, want the order closed", status, got)
	}
}

// TestRegisteredWebIsBroken: a function that is not configured sweeps nothing, and says no more.
func TestRegisteredWebIsBroken(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	k.vars["CLOUDPAY_TIMER_TOKEN"], k.vars["CLOUDPAY_METRICS_TOKEN"] = timerToken, metricsToken
	delete(k.vars, "WXPAY_MCHID")
	s := k.site("sweep,metrics")
	got := s.ask("POST", "/sweep", withTimerToken, "")
	if got.Status != http.StatusInternalServerError || !strings.Contains(string(got.Body), "CONFIG_ERROR") || strings.Contains(string(got.Body), "MCHID") {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	s.want(http.StatusServiceUnavailable, s.ask("GET", "/metrics", withMetricsToken, ""))
}

// TestRegisteredWebSweepsOnce: while one sweep is under way, an instance begins no other.
func TestRegisteredWebSweepsOnce(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan struct{}, 8), make(chan struct{})
	k, s := registeredSite(t, func(k *registerEnv) {
		k.between(func(string) {
			begun <- struct{}{}
			<-goOn
		})
	})
	k.register("A1", `"close_at":0`)
	first := make(chan int)
	go func() {
		status, _ := s.sweep(withTimerToken)
		first <- status
	}()
	<-begun
	second := s.ask("POST", "/sweep", withTimerToken, "")
	s.want(http.StatusTooManyRequests, second)
	if second.Header["Retry-After"] == "" || !strings.Contains(string(second.Body), `"retryable":true`) {
		t.Errorf("got %v %s, want it to come again", second.Header, second.Body)
	}
	s.want(http.StatusUnauthorized, s.ask("POST", "/sweep", nil, "")) // which is told nothing of it
	close(goOn)
	if status := <-first; status != http.StatusOK {
		t.Errorf("the first sweep: got %d", status)
	}
	k.wantRecord("A1", schedule.Done, schedule.FinalClosed)
	if status, _ := s.sweep(withTimerToken); status != http.StatusOK {
		t.Errorf("the next sweep: got %d", status)
	}
}

// TestRegisteredWebMetrics: a scraper with its token gets the register's figures under any prefix;
// for every other caller there is no such path.
func TestRegisteredWebMetrics(t *testing.T) {
	t.Parallel()
	k, s := registeredSite(t)
	k.register("A1", `"close_at":3600`)
	for _, path := range []string{"/metrics", "/pay/metrics"} {
		got := s.ask("GET", path, withMetricsToken, "")
		if got.Status != http.StatusOK || !strings.Contains(string(got.Body), "cloudpay_") {
			t.Errorf("%s: got %d %s", path, got.Status, got.Body)
		}
	}
	stranger, nowhere := s.ask("GET", "/metrics", nil, ""), s.ask("GET", "/none", nil, "")
	if stranger.Status != http.StatusNotFound || string(stranger.Body) != string(nowhere.Body) {
		t.Errorf("without the token: got %d %s, want what a path without a route gets", stranger.Status, stranger.Body)
	}
	s.want(http.StatusNotFound, s.ask("GET", "/metrics", withTimerToken, ""))
	s.want(http.StatusMethodNotAllowed, s.ask("POST", "/metrics", withMetricsToken, ""))
	k.takeAway()
	s.want(http.StatusServiceUnavailable, s.ask("GET", "/metrics", withMetricsToken, ""))
}
