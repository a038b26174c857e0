package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/paygate"
)

// site is functions/web in this process.
type site struct {
	*env

	hosting.Function
}

// site builds functions/web with these routes.
func (e *env) site(routes string) site {
	e.t.Helper()
	e.vars["CLOUDPAY_ROUTES"] = routes
	e.inUse()
	function, err := app.Web(environ(e.vars), e.logged(&e.logs))
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(function.End)
	return site{e, function}
}

// secure is a site with the strictest policy and both tokens.
func secure(t *testing.T, routes string) site {
	t.Helper()
	e := strict(t, order.V3)
	e.vars["WXPAY_V3_KEY"] = e.Merchant.V3Key
	s := e.site(routes)
	if s.Broken != nil {
		t.Fatal(s.Broken)
	}
	return s
}

// ask sends a request as our HTTP server does: without the body of a head that proves nothing.
func (s site) ask(method, path string, header map[string]string, body string) hosting.Response {
	s.t.Helper()
	r := hosting.Request{Method: method, Path: path, Header: header, Body: []byte(body)}
	inv := hosting.Invocation{Platform: hosting.Web}
	if s.Standing(hosting.Request{Method: method, Path: path, Header: header}) == hosting.Refused {
		r.Body, inv.Withheld = nil, true
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patient)
	defer cancel()
	got, err := s.HandleHTTP(ctx, inv, r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	s.replied(got.Body)
	return got
}

func (s site) want(status int, got hosting.Response) {
	s.t.Helper()
	if got.Status != status {
		s.t.Errorf("got %d %s, want %d", got.Status, got.Body, status)
	}
}

// outcome is the outcome of a reply.
func outcome(t *testing.T, got hosting.Response) order.Outcome {
	t.Helper()
	var result order.Result
	if err := json.Unmarshal(got.Body, &result); err != nil {
		t.Fatalf("%s: %v", got.Body, err)
	}
	return result.Outcome
}

var withHTTPToken = map[string]string{"authorization": "Bearer " + httpToken}

// TestWebClosesAndQueries: both routes answer as the functions of their names, with any prefix.
func TestWebClosesAndQueries(t *testing.T) {
	t.Parallel()
	s := secure(t, "closeorder,queryorder")
	for i, row := range []struct {
		method, path, body string
		status             int
		outcome            order.Outcome
	}{
		{"GET", "/queryorder/A%d", "", http.StatusOK, order.OutcomeFound},
		{"POST", "/queryorder", `{"out_trade_no":"A%d"}`, http.StatusOK, order.OutcomeFound},
		{"POST", "/closeorder", `{"out_trade_no":"A%d"}`, http.StatusOK, order.OutcomeClosed},
		{"POST", "/pay/closeorder/A%d", "", http.StatusOK, order.OutcomeClosed},
		{"GET", "/closeorder/A%d", "", http.StatusMethodNotAllowed, order.OutcomeRefused},
		{"PUT", "/queryorder/A%d", "", http.StatusMethodNotAllowed, order.OutcomeRefused},
		{"GET", "/queryorder/none%d", "", http.StatusNotFound, order.OutcomeNotFound},
		{"GET", "/order/A%d", "", http.StatusNotFound, order.OutcomeRefused},
		{"POST", "/closeorder", `{"out_trade_no":"A%d"` + strings.Repeat(" ", order.MaxObject) + "}", http.StatusRequestEntityTooLarge, order.OutcomeRefused},
	} {
		number := fmt.Sprintf("A%d", i)
		s.order(number)
		path, body := row.path, row.body
		if strings.Contains(path, "%d") {
			path = fmt.Sprintf(path, i)
		}
		if strings.Contains(body, "%d") {
			body = fmt.Sprintf(body, i)
		}
		got := s.ask(row.method, path, withHTTPToken, body)
		if got.Status != row.status || outcome(t, got) != row.outcome {
			t.Errorf("%s %s: got %d %s, want %d and %s", row.method, path, got.Status, got.Body, row.status, row.outcome)
		}
		s.want(unauthorized(row.status, row.outcome), s.ask(row.method, path, nil, body))
	}
	if got := strings.Count(s.logs.String(), `"coldStart":true`); got != 1 {
		t.Errorf("%d of the calls were the instance's first", got)
	}
	if got := s.MustOrder("A3", s.owner()).State; got != paygate.StateClosed {
		t.Errorf("the order is %s, want it closed", got)
	}
}

// unauthorized is the status of a request without a token whose status with one is given: what the
// path, the method and the length decide is told to every caller, and nothing of an order.
func unauthorized(status int, outcome order.Outcome) int {
	if status == http.StatusMethodNotAllowed || status == http.StatusRequestEntityTooLarge || status == http.StatusNotFound && outcome == order.OutcomeRefused {
		return status
	}
	return http.StatusUnauthorized
}

// TestWebServesWhatIsNamed: of all routes, those that are not named do not exist.
func TestWebServesWhatIsNamed(t *testing.T) {
	t.Parallel()
	all := map[string][2]string{
		"closeorder": {"POST", "/closeorder"},
		"queryorder": {"GET", "/queryorder/A1"},
		"paynotify":  {"POST", "/paynotify"},
		"healthz":    {"GET", "/healthz"},
		"dropin":     {"POST", "/wx-pay/wxpay_close_order"},
	}
	for named := range all {
		s := secure(t, named)
		for name, request := range all {
			got := s.ask(request[0], request[1], nil, "{}")
			if exists := got.Status != http.StatusNotFound; exists != (name == named) {
				t.Errorf("%s with CLOUDPAY_ROUTES=%s: got %d %s", name, named, got.Status, got.Body)
			}
		}
	}
	initial := secure(t, "")
	for name, request := range all {
		exists := initial.ask(request[0], request[1], nil, "{}").Status != http.StatusNotFound
		if want := name == "closeorder" || name == "queryorder" || name == "healthz"; exists != want {
			t.Errorf("without CLOUDPAY_ROUTES: %s exists: %t, want %t", name, exists, want)
		}
	}
}

// TestWebIsNotified: what WeChat Pay sends to the route is verified and passed on, and a forgery is
// refused.
func TestWebIsNotified(t *testing.T) {
	t.Parallel()
	e := strict(t, order.V3)
	e.vars["WXPAY_V3_KEY"] = e.Merchant.V3Key
	passedOn := make(chan string, 8)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		passedOn <- string(body)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(shop.Close)
	e.vars["CLOUDPAY_PAYNOTIFY_FORWARD_URL"] = shop.URL
	s := e.site("paynotify,healthz")
	public := httptest.NewServer(served(t, s.Function))
	t.Cleanup(public.Close)

	s.want(http.StatusUnauthorized, s.ask("POST", "/pay/paynotify", map[string]string{"wechatpay-signature": "x"}, `{"id":"1"}`))
	s.want(http.StatusMethodNotAllowed, s.ask("GET", "/paynotify", nil, ""))
	e.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100, NotifyURL: public.URL + "/pay/paynotify"})
	e.MustPay("A1")
	n, err := e.AwaitNotified(t.Context(), "A1")
	if err != nil {
		t.Fatalf("%v; the log: %s", err, e.logs.String())
	}
	if last := n.Attempts[len(n.Attempts)-1]; len(passedOn) != 1 || <-passedOn != last.RequestBody {
		t.Errorf("the shop did not get what WeChat Pay sent: %+v", last)
	}
}

// TestWebHealth: the probe needs no token and no database, and tells a stranger nothing of a fault.
func TestWebHealth(t *testing.T) {
	t.Parallel()
	s := secure(t, "healthz")
	for _, method := range []string{"GET", "HEAD"} {
		got := s.ask(method, "/healthz", nil, "")
		if got.Status != http.StatusOK || string(got.Body) != `{"status":"ok"}` {
			t.Errorf("%s: got %d %s", method, got.Status, got.Body)
		}
	}
	s.want(http.StatusMethodNotAllowed, s.ask("POST", "/healthz", nil, ""))

	e := newEnv(t, mode{order.V3, false})
	delete(e.vars, "WXPAY_MCHID")
	broken := e.site("closeorder,healthz,paynotify,dropin")
	if broken.Broken == nil {
		t.Fatal("got no fault of a configuration without a merchant")
	}
	got := broken.ask("GET", "/healthz", nil, "")
	if got.Status != http.StatusServiceUnavailable || string(got.Body) != `{"status":"unavailable"}` {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	for path, status := range map[string]int{
		"/closeorder": http.StatusInternalServerError, "/paynotify": http.StatusServiceUnavailable, "/wx-pay/wxpay_close_order": http.StatusOK,
	} {
		got := broken.ask("POST", path, nil, `{"out_trade_no":"A1"}`)
		if got.Status != status || strings.Contains(string(got.Body), "MCHID") || strings.Contains(string(got.Body), `"code":0`) {
			t.Errorf("%s: got %d %s, want %d without a name of a setting", path, got.Status, got.Body, status)
		}
	}
}

// TestWebIsConfigured: routes that cannot be served as they are configured are faults.
func TestWebIsConfigured(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		routes string
		change func(vars map[string]string)
		fault  string
	}{
		"an identity's door": {
			"paynotify", func(vars map[string]string) { vars["CLOUDPAY_BEHIND_WX_GATEWAY"] = "1" }, "CLOUDPAY_BEHIND_WX_GATEWAY",
		},
		"notifications without the key": {"paynotify", func(vars map[string]string) { delete(vars, "WXPAY_V3_KEY") }, "WXPAY_V3_KEY"},
		"sweeps without a token": {
			"sweep", func(vars map[string]string) { delete(vars, "CLOUDPAY_TIMER_TOKEN") }, "CLOUDPAY_TIMER_TOKEN",
		},
		"sweeps without a register":   {"sweep", func(map[string]string) {}, "CLOUDPAY_STORE"},
		"metrics without a token":     {"metrics", func(map[string]string) {}, "CLOUDPAY_METRICS_TOKEN"},
		"a route that does not exist": {"closeorder,pay", func(map[string]string) {}, "CLOUDPAY_ROUTES"},
	} {
		e := strict(t, order.V3)
		e.vars["WXPAY_V3_KEY"] = v3KeyOfTests
		test.change(e.vars)
		s := e.site(test.routes)
		if s.Broken == nil || !strings.Contains(s.Broken.Error(), test.fault) {
			t.Errorf("%s: got fault %v, want one about %s", name, s.Broken, test.fault)
		}
		telemetrytest.Error(t, s.Broken)
	}
	e := strict(t, order.V3)
	delete(e.vars, "WXPAY_V3_KEY")
	e.vars["CLOUDPAY_BEHIND_WX_GATEWAY"] = "1"
	if s := e.site("closeorder,queryorder,healthz,dropin"); s.Broken != nil {
		t.Errorf("got %v for routes without a public door", s.Broken)
	}
}

// TestWebByEvents: a platform's HTTP events are routed as requests are, and no other event is
// taken.
func TestWebByEvents(t *testing.T) {
	t.Parallel()
	s := secure(t, "queryorder,paynotify,healthz")
	s.order("A1")
	for event, status := range map[string]int{
		`{"httpMethod":"GET","path":"/healthz","headers":{}}`:                                                         http.StatusOK,
		`{"httpMethod":"GET","path":"/release/queryorder/A1","headers":{"authorization":"Bearer ` + httpToken + `"}}`: http.StatusOK,
		`{"httpMethod":"GET","path":"/queryorder/A1","headers":{}}`:                                                   http.StatusUnauthorized,
		`{"httpMethod":"POST","path":"/closeorder","headers":{}}`:                                                     http.StatusNotFound,
		`{"httpMethod":"POST","path":"/paynotify","headers":{},"body":"{}"}`:                                          http.StatusUnauthorized,
		`{"httpMethod":"POST","path":"/paynotify","headers":{},"body":7}`:                                             http.StatusBadRequest,
	} {
		reply, err := s.Handle(t.Context(), hosting.Invocation{Payload: []byte(event), Platform: hosting.SCF})
		s.replied(reply)
		var got struct{ StatusCode int }
		if err == nil {
			err = json.Unmarshal(reply, &got)
		}
		if err != nil || got.StatusCode != status {
			t.Errorf("%s: got %s and %v, want status %d", event, reply, err, status)
		}
	}
	for _, event := range []string{`{"Type":"Timer","TriggerName":"x"}`, `{"out_trade_no":"A1"}`, `{"Records":[]}`, `x`} {
		if reply, err := s.Handle(t.Context(), hosting.Invocation{Payload: []byte(event)}); err == nil || !strings.Contains(err.Error(), "web takes HTTP requests") {
			t.Errorf("%s: got %s and %v, want an error", event, reply, err)
		}
	}
}

// TestWebStanding: a head proves on its route what it proves there, and on no other.
func TestWebStanding(t *testing.T) {
	t.Parallel()
	bearer := func(token string) map[string]string { return map[string]string{"authorization": "Bearer " + token} }
	e := strict(t, order.V3)
	delete(e.vars, "CLOUDPAY_SERVICE_TOKEN") // with one, every body may prove a service
	e.vars["WXPAY_V3_KEY"] = e.Merchant.V3Key
	s := e.site("closeorder,queryorder,paynotify,healthz,dropin")
	for _, row := range []struct {
		method, path string
		header       map[string]string
		want         hosting.Standing
	}{
		{"POST", "/closeorder", nil, hosting.Refused},
		{"POST", "/closeorder", bearer(httpToken), hosting.Proved},
		{"POST", "/closeorder", bearer(timerToken), hosting.Refused},
		{"POST", "/wx-pay/wxpay_close_order", nil, hosting.Refused},
		{"POST", "/wx-pay/wxpay_close_order", bearer(httpToken), hosting.Proved},
		{"GET", "/wx-pay/wxpay_close_order", bearer(httpToken), hosting.Refused},
		{"POST", "/paynotify", nil, hosting.Notified},
		{"POST", "/paynotify", bearer(httpToken), hosting.Notified},
		{"GET", "/paynotify", nil, hosting.Refused},
		{"GET", "/healthz", nil, hosting.Refused},
		{"GET", "/healthz", bearer(httpToken), hosting.Refused},
		{"POST", "/sweep", bearer(timerToken), hosting.Refused}, // it is not served
		{"POST", "/none", bearer(httpToken), hosting.Refused},
	} {
		if got := s.Standing(hosting.Request{Method: row.method, Path: row.path, Header: row.header}); got != row.want {
			t.Errorf("%s %s %v: got %d, want %d", row.method, row.path, row.header, got, row.want)
		}
	}
}

// TestWebByBody: where only / arrives, the body names the route, for the callers of the route
// alone, and WeChat Pay is known by its signature.
func TestWebByBody(t *testing.T) {
	t.Parallel()
	s := secure(t, "closeorder,queryorder,paynotify,dropin")
	for body, row := range map[string]struct {
		status int
		want   string
	}{
		`{"path":"/queryorder/A%d","method":"GET"}`:            {http.StatusOK, `"outcome":"found"`},
		`{"path":"/api/closeorder","out_trade_no":"A%d"}`:      {http.StatusOK, `"outcome":"closed"`},
		`{"_action":"closeorder","out_trade_no":"A%d"}`:        {http.StatusOK, `"outcome":"closed"`},
		`{"_action":"wxpay_close_order","out_trade_no":"A%d"}`: {http.StatusOK, `"code":0`},
		`{"path":"/closeorder/A%d","method":"GET"}`:            {http.StatusMethodNotAllowed, `"outcome":"refused"`},
		`{"path":"/sweep","out_trade_no":"A%d"}`:               {http.StatusNotFound, `"outcome":"refused"`},
		`{"out_trade_no":"A%d"}`:                               {http.StatusNotFound, `"outcome":"refused"`},
	} {
		number := len(s.Requests())
		s.order(fmt.Sprintf("A%d", number))
		body := fmt.Sprintf(body, number)
		got := s.ask("POST", "/", withHTTPToken, body)
		if got.Status != row.status || !strings.Contains(string(got.Body), row.want) {
			t.Errorf("%s: got %d %s, want %d with %s", body, got.Status, got.Body, row.status, row.want)
		}
		asked := len(s.Requests())
		got = s.ask("POST", "/", nil, body)
		if strings.Contains(string(got.Body), `"code":0`) || got.Status == http.StatusOK && !strings.Contains(body, "wxpay_") || len(s.Requests()) != asked {
			t.Errorf("%s without a token: got %d %s", body, got.Status, got.Body)
		}
	}
	forged := s.ask("POST", "/", map[string]string{"wechatpay-signature": "x"}, `{"path":"/closeorder","out_trade_no":"A1"}`)
	if forged.Status != http.StatusUnauthorized || !strings.Contains(string(forged.Body), `"code":"FAIL"`) {
		t.Errorf("got %d %s, want the answer to a forged notification", forged.Status, forged.Body)
	}
}
