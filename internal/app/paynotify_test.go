package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

const v3KeyOfTests = "kQ8vZ3mT7xW2pL9sD4hF6gJ1nB5cR0yE"

// notifyURL is the address of functions/paynotify, where the emulated WeChat Pay calls it.
func (e *env) notifyURL() string {
	e.t.Helper()
	e.vars["WXPAY_V3_KEY"] = e.Merchant.V3Key
	function, err := app.PayNotify(environ(e.vars), e.logged(&e.logs))
	if err != nil || function.Broken != nil {
		e.t.Fatal(err, function.Broken)
	}
	if function.End != nil {
		e.t.Cleanup(function.End)
	}
	server := httptest.NewServer(served(e.t, function))
	e.t.Cleanup(server.Close)
	return server.URL + "/paynotify"
}

// served is a function behind HTTP.
func served(t *testing.T, function hosting.Function) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		header := map[string]string{}
		for name, values := range r.Header {
			header[strings.ToLower(name)] = strings.Join(values, ",")
		}
		answer, err := function.HandleHTTP(r.Context(), hosting.Invocation{}, hosting.Request{
			Method: r.Method, Path: r.URL.Path, Header: header, Body: body,
		})
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(answer.Status)
		_, _ = w.Write(answer.Body)
	}
}

// TestPayNotifyForwards: without a register, what the emulated WeChat Pay sends reaches the shop to
// the byte, and the shop's answer decides whether it comes again.
func TestPayNotifyForwards(t *testing.T) {
	t.Parallel()
	e := newEnv(t, mode{order.V3, false})
	var mu sync.Mutex
	var got []string
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Header.Get("Wechatpay-Signature")+string(body))
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(shop.Close)
	e.vars["CLOUDPAY_PAYNOTIFY_FORWARD_URL"] = shop.URL + "/wechatpay"
	e.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100, NotifyURL: e.notifyURL()})
	e.MustPay("A1")
	n, err := e.AwaitNotified(t.Context(), "A1")
	if err != nil {
		t.Fatalf("%v; the log: %s", err, e.logs.String())
	}
	last := n.Attempts[len(n.Attempts)-1]
	mu.Lock()
	defer mu.Unlock()
	if len(got) != 1 || got[0] != last.RequestHeader["Wechatpay-Signature"]+last.RequestBody {
		t.Errorf("the shop got %q, want what WeChat Pay sent: %+v", got, last)
	}
}

// TestPayNotifyByEvents: what comes as a platform's event is answered as such; what is no HTTP
// request is an error; other methods and forgeries are refused.
func TestPayNotifyByEvents(t *testing.T) {
	t.Parallel()
	e := newEnv(t, mode{order.V3, false})
	e.vars["WXPAY_V3_KEY"] = e.Merchant.V3Key
	function, err := app.PayNotify(environ(e.vars), e.logged(&e.logs))
	if err != nil || function.Broken != nil {
		t.Fatal(err, function.Broken)
	}
	for event, status := range map[string]int{
		`{"httpMethod":"POST","path":"/paynotify","headers":{},"body":"{}"}`:               http.StatusUnauthorized,
		`{"httpMethod":"GET","path":"/paynotify","headers":{},"body":""}`:                  http.StatusMethodNotAllowed,
		`{"httpMethod":"POST","path":"/","headers":{},"body":"<xml><sign>1</sign></xml>"}`: http.StatusUnauthorized,
		`{"httpMethod":"POST","path":"/","headers":{},"body":7}`:                           http.StatusBadRequest,
	} {
		reply, err := function.Handle(t.Context(), hosting.Invocation{Payload: []byte(event)})
		var got struct {
			StatusCode int    `json:"statusCode"`
			Body       string `json:"body"`
		}
		if err == nil {
			err = json.Unmarshal(reply, &got)
		}
		if err != nil || got.StatusCode != status || !strings.Contains(got.Body, "FAIL") {
			t.Errorf("%s: got %s and error %v, want status %d", event, reply, err, status)
		}
	}
	if reply, err := function.Handle(t.Context(), hosting.Invocation{Payload: []byte(`{"Type":"Timer","TriggerName":"x"}`)}); err == nil {
		t.Errorf("a timer: got %s, want an error", reply)
	}
	for method, want := range map[string]hosting.Standing{"POST": hosting.Notified, "GET": hosting.Refused, "HEAD": hosting.Refused} {
		if got := function.Standing(hosting.Request{Method: method}); got != want {
			t.Errorf("%s: got standing %d, want %d", method, got, want)
		}
	}
	if got, err := function.HandleHTTP(t.Context(), hosting.Invocation{Withheld: true}, hosting.Request{Method: "GET"}); err != nil || got.Status != http.StatusMethodNotAllowed {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestPayNotifyIsConfigured: what this function needs besides is reported, and a function without
// it acknowledges nothing.
func TestPayNotifyIsConfigured(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(vars map[string]string)
		fault  string
	}{
		"no APIv3 key":       {func(vars map[string]string) { delete(vars, "WXPAY_V3_KEY") }, "WXPAY_V3_KEY"},
		"an identity's door": {func(vars map[string]string) { vars["CLOUDPAY_BEHIND_WX_GATEWAY"] = "1" }, "CLOUDPAY_BEHIND_WX_GATEWAY"},
		"no merchant's keys": {func(vars map[string]string) {
			clear(vars)
			vars["WXPAY_API"], vars["WXPAY_MCHID"] = "wxcloudrun", "1900000001"
		}, "WXPAY_API"},
		"a faulty address":     {func(vars map[string]string) { vars["CLOUDPAY_PAYNOTIFY_FORWARD_URL"] = "x" }, "CLOUDPAY_PAYNOTIFY_FORWARD_URL"},
		"no merchant's number": {func(vars map[string]string) { delete(vars, "WXPAY_MCHID") }, "WXPAY_MCHID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, mode{order.V3, false})
			e.vars["WXPAY_V3_KEY"] = v3KeyOfTests
			test.change(e.vars)
			function, err := app.PayNotify(environ(e.vars), e.logged(&e.logs))
			if err != nil || function.Broken == nil || !strings.Contains(function.Broken.Error(), test.fault) {
				t.Fatalf("got error %v and fault %v, want one about %s", err, function.Broken, test.fault)
			}
			got, err := function.HandleHTTP(t.Context(), hosting.Invocation{}, hosting.Request{Method: "POST"})
			if err != nil || got.Status != http.StatusServiceUnavailable {
				t.Errorf("got %+v, %v, want 503", got, err)
			}
		})
	}
}
