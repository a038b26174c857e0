package app_test

import (
	"context"
	"maps"
	"os/exec"
	"strings"
	"testing"

	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
)

// TestWebAnswersAsItsSiblings: each request gets on a route what it gets from the function of that
// name, to the byte, and its head has the same standing.
func TestWebAnswersAsItsSiblings(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(vars map[string]string){
		"strict":               func(map[string]string) {},
		"any":                  func(vars map[string]string) { vars["CLOUDPAY_CALLER_POLICY"] = "any" },
		"behind WeChat":        func(vars map[string]string) { vars["CLOUDPAY_BEHIND_WX_GATEWAY"] = "1" },
		"pages of an origin":   func(vars map[string]string) { vars["CLOUDPAY_CORS_ORIGINS"] = "https://shop.example" },
		"without a service":    func(vars map[string]string) { delete(vars, "CLOUDPAY_SERVICE_TOKEN") },
		"without any merchant": func(vars map[string]string) { delete(vars, "WXPAY_MCHID") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := strict(t, order.V3)
			change(e.vars)
			s := e.site("closeorder,queryorder,healthz")
			for route, build := range map[string]hosting.Build{"closeorder": app.CloseOrder, "queryorder": app.QueryOrder} {
				sibling, err := build(environ(e.vars), e.logged(&e.logs))
				if err != nil {
					t.Fatal(err)
				}
				compare(t, route, s.Function, sibling)
			}
		})
	}
}

// compare sends both functions the same requests, none of which reaches WeChat Pay with success.
func compare(t *testing.T, route string, web, sibling hosting.Function) {
	t.Helper()
	for _, method := range []string{"GET", "POST", "PUT", "OPTIONS", "HEAD"} {
		for _, path := range []string{"/" + route, "/pay/" + route, "/" + route + "/A1", "/" + route + "/", "/" + route + "/sweep", "/" + route + "/no%20number"} {
			for name, header := range headers() {
				for _, body := range []string{"", "{}", "{", `{"outTradeNumber":"A1"}`, `{"out_trade_no":"A 1"}`, `{"out_trade_no":"A1","sub_mch_id":"x"}`, strings.Repeat(" ", order.MaxObject+1)} {
					r := hosting.Request{Method: method, Path: path, Header: header, Body: []byte(body)}
					if got, want := web.Standing(r), sibling.Standing(r); got != want {
						t.Fatalf("%s %s with %s: got standing %d, want %d", method, path, name, got, want)
					}
					got, want := once(t, web, r), once(t, sibling, r)
					if got.Status != want.Status || string(got.Body) != string(want.Body) || !maps.Equal(got.Header, want.Header) {
						t.Fatalf("%s %s with %s and %.40q:\ngot  %d %v %s\nwant %d %v %s", method, path, name, body,
							got.Status, got.Header, got.Body, want.Status, want.Header, want.Body)
					}
				}
			}
		}
	}
}

// headers are the heads of callers at each door.
func headers() map[string]map[string]string {
	return map[string]map[string]string{
		"nothing":          {},
		"a wrong bearer":   {"authorization": "Bearer x"},
		"the timer's":      {"authorization": "Bearer " + timerToken},
		"a wrong service":  {"cloudpay-service-token": "x"},
		"an openid":        {"x-wx-openid": openID, "x-wx-appid": "wx1234567890abcdef"},
		"a forwarded host": {"x-wx-openid": openID, "x-wx-appid": "wx1234567890abcdef", "x-forwarded-host": "shop.example"},
		"a page":           {"origin": "https://shop.example", "access-control-request-method": "POST"},
	}
}

// once is one request without time for an exchange with WeChat Pay.
func once(t *testing.T, f hosting.Function, r hosting.Request) hosting.Response {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := f.HandleHTTP(ctx, hosting.Invocation{Platform: hosting.Web, Withheld: f.Standing(r) == hosting.Refused}, r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	return got
}

// TestWebRefusesToStart: in a container, a public route beside the setting that says that there is
// none ends the process.
func TestWebRefusesToStart(t *testing.T) {
	t.Parallel()
	e := strict(t, order.V3)
	e.vars["WXPAY_V3_KEY"] = e.Merchant.V3Key
	e.vars["CLOUDPAY_ROUTES"], e.vars["CLOUDPAY_BEHIND_WX_GATEWAY"] = "closeorder,paynotify", "1"
	spec := e.spec("web", patient)
	cmd := exec.CommandContext(t.Context(), spec.Binary)
	cmd.Env = append(environ(e.vars), "PORT=0", "CLOUDPAY_LISTEN_HOST=127.0.0.1")
	log, err := cmd.Output()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(log), "CLOUDPAY_BEHIND_WX_GATEWAY") || strings.Contains(string(log), "serving HTTP") {
		t.Errorf("got %v and the log %s, want exit code 1 and the setting's name", err, log)
	}
}
