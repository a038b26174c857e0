package trigger_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/trigger"
)

// newHTTPKit is a function that an HTTP client reaches with the bearer token.
func newHTTPKit(t *testing.T, op order.Op) *kit {
	t.Helper()
	k := newKit(t).strict()
	k.fn.Op = op
	return k
}

// wantReply checks a response and that its body is the result object.
func wantReply(t *testing.T, got response, status int, outcome, errCode string) map[string]any {
	t.Helper()
	result := object(t, got.body)
	code, _ := result["errCode"].(string)
	if got.status != status || result["outcome"] != outcome || code != errCode {
		t.Errorf("got %d %s, want %d %s %s", got.status, got.body, status, outcome, errCode)
	}
	if _, hides := result["code"]; hides {
		t.Errorf("%s: a top-level code hides the rest from the CloudBase JS SDK", got.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got.header[name] != want {
			t.Errorf("%s: %q, want %q", name, got.header[name], want)
		}
	}
	return result
}

// Every platform's request reaches the workflow, and its client gets status, headers and body back.
func TestEveryHTTPForm(t *testing.T) {
	t.Parallel()
	for _, form := range httpForms {
		k := newHTTPKit(t, order.OpClose)
		k.on = form.on[0]
		got := k.http(form.name, post(`{"outTradeNo":"A1","api":"v2"}`, bearer(httpToken)))
		wantReply(t, got, http.StatusOK, "closed", "")
		if diff := cmp.Diff([]order.Params{{OutTradeNo: "A1", API: order.V2}}, k.asked); diff != "" {
			t.Errorf("%s (-want +got)\n%s", form.name, diff)
		}
		k.wantLog(map[string]any{"trigger": form.name, "caller": "http", "outTradeNo": "A1", "platform": string(k.on)})
	}
}

// The header Cloudpay-Service-Token proves a service by every HTTP door, however it is spelt, and
// is nowhere in the reply or the log.
func TestServiceTokenInAHeader(t *testing.T) {
	t.Parallel()
	for _, form := range httpForms {
		for _, on := range form.on {
			for given, want := range map[string]int{serviceToken: 200, serviceToken + "x": 403, httpToken: 403} {
				k := newHTTPKit(t, order.OpClose)
				k.on = on
				header := map[string]string{"Cloudpay-Service-Token": given, "X-Request-Id": "r1"}
				got := k.http(form.name, post(`{"out_trade_no":"A1","api":"v2"}`, header))
				if got.status != want || (len(k.asked) == 1) != (want == 200) {
					t.Errorf("%s on %s, %s: got %d %s and %d calls, want %d", form.name, on, given, got.status, got.body, len(k.asked), want)
				}
				for _, token := range []string{serviceToken, httpToken} {
					if strings.Contains(got.body+text(got.header)+k.logs.String(), token) {
						t.Errorf("%s: the token is in the reply or the log: %+v %s", form.name, got, k.logs.String())
					}
				}
			}
		}
	}
}

// A header's name in an address is refused like the parameter's: what is in an address is logged
// all along the way.
func TestServiceTokensHeaderInAnAddress(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Cloudpay-Service-Token", "cloudpay-service-token", "service_token", "serviceToken"} {
		k := newHTTPKit(t, order.OpClose)
		r := post(`{"out_trade_no":"A1"}`, bearer(httpToken))
		r.query = map[string]string{name: serviceToken}
		got := wantReply(t, k.http("web", r), 400, "refused", "PARAM_ERROR")
		if msg, _ := got["returnMsg"].(string); !strings.Contains(msg, "must not be in an address") || strings.Contains(msg, serviceToken) {
			t.Errorf("%s: got %q", name, msg)
		}
	}
}

// A setting of two values that is put in a wrong place whole is no more printed than one token is.
func TestTwoTokensInAWrongPlace(t *testing.T) {
	t.Parallel()
	k := newHTTPKit(t, order.OpClose)
	k.fn.Access.Service = trigger.NewToken(serviceToken, "next-kR7vQm2wZp9TnW4b")
	k.name = serviceToken + " next-kR7vQm2wZp9TnW4b"
	wantReply(t, k.http("web", post(`{"out_trade_no":"A1"}`, bearer(httpToken))), 200, "closed", "")
	if logs := k.logs.String(); strings.Contains(logs, "kR7vQm2wZp9TnW4b") || !strings.Contains(logs, "redacted") {
		t.Errorf("the log has a token: %s", logs)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		op           order.Op
		method, path string
		query        map[string]string
		body         string
		status       int
		number       string
	}{
		{order.OpQuery, "GET", "/queryorder/A1", nil, "", 200, "A1"},
		{order.OpQuery, "GET", "/queryorder", map[string]string{"out_trade_no": "A1"}, "", 200, "A1"},
		{order.OpQuery, "GET", "/queryorder", map[string]string{"outTradeNo": "A1", "utm_source": "x"}, "", 200, "A1"},
		{order.OpQuery, "GET", "/", map[string]string{"out_trade_no": "A1"}, "", 200, "A1"},
		{order.OpQuery, "POST", "/queryorder", nil, `{"out_trade_no":"A1"}`, 200, "A1"},
		{order.OpQuery, "POST", "/", nil, `{"out_trade_no":"A1"}`, 200, "A1"},
		{order.OpQuery, "POST", "", nil, ` {"out_trade_no":"A1"} `, 200, "A1"},
		{order.OpQuery, "GET", "/release/v1/queryorder/A1", nil, "", 200, "A1"},
		{order.OpQuery, "GET", "/queryorder/A%7C1", nil, "", 200, "A|1"},
		{order.OpQuery, "GET", "/queryorder/A|1", nil, " \n", 200, "A|1"},
		{order.OpQuery, "GET", "/queryorder/A1/", nil, "", 200, "A1"},
		{order.OpClose, "POST", "/closeorder", nil, `{"out_trade_no":"A1"}`, 200, "A1"},
		{order.OpClose, "POST", "/closeorder/A1", nil, "", 200, "A1"},
		{order.OpClose, "POST", "/prod/closeorder/A1", nil, "{}", 200, "A1"},
		{order.OpClose, "POST", "/closeorder/queryorder", nil, "", 200, "queryorder"},

		{order.OpClose, "GET", "/closeorder/A1", nil, "", 405, ""},
		{order.OpClose, "DELETE", "/closeorder/A1", nil, "", 405, ""},
		{order.OpClose, "post", "/closeorder/A1", nil, "", 405, ""},
		{order.OpQuery, "HEAD", "/queryorder/A1", nil, "", 405, ""},
		{order.OpQuery, "OPTIONS", "/queryorder/A1", nil, "", 405, ""},
		{order.OpQuery, "POST", "/closeorder", nil, `{"out_trade_no":"A1"}`, 400, ""},
		{order.OpClose, "POST", "/queryorder/A1", nil, "", 400, ""},
		{order.OpClose, "POST", "/closeorder/A1/refund", nil, "", 400, ""},
		{order.OpClose, "POST", "/CloseOrder/A1", nil, "", 400, ""},
		{order.OpClose, "POST", "/wp-login.php", nil, "", 400, ""},
		{order.OpClose, "POST", "/xcloseorder", nil, "", 400, ""},
		{order.OpQuery, "GET", "/queryorder/%zz", nil, "", 400, ""},
		{order.OpQuery, "GET", "/queryorder/A%2F1", nil, "", 400, ""},
		{order.OpQuery, "GET", "/A1", nil, "", 400, ""}, // not the platform's route that it takes away

		{order.OpQuery, "GET", "/queryorder/A1", map[string]string{"out_trade_no": "A2"}, "", 400, ""},
		{order.OpQuery, "POST", "/queryorder/A1", nil, `{"outTradeNo":"A1"}`, 400, ""},
		{order.OpQuery, "POST", "/queryorder", map[string]string{"out_trade_no": "A1"}, `{"outTradeNo":"A2"}`, 400, ""},
		{order.OpQuery, "GET", "/queryorder", map[string]string{"out_trade_n": "A1"}, "", 400, ""},
		{order.OpClose, "POST", "/closeorder", map[string]string{"sub_orders": "[]"}, "", 400, ""},
		{order.OpClose, "POST", "/closeorder", nil, `out_trade_no=A1`, 400, ""},
		{order.OpClose, "POST", "/closeorder", nil, `["A1"]`, 400, ""},
		{order.OpClose, "POST", "/closeorder", nil, `{"out_trade_no":"A1"`, 400, ""},
		{order.OpClose, "POST", "/closeorder", nil, `{"out_trade_no":"A`, 400, ""},
		{order.OpClose, "POST", "/closeorder", nil, `{"out_tr`, 400, ""},
		{order.OpClose, "POST", "/closeorder", nil, `{"out_trade_no":"A1"}{}`, 400, ""},
		{order.OpClose, "POST", "/closeorder", nil, `{"out_trade_no":1}`, 400, ""},
		{order.OpClose, "POST", "/closeorder", nil, `{` + strings.Repeat(`"":0,`, 257) + `"out_trade_no":"A1"}`, 400, ""},
		{order.OpClose, "POST", "/closeorder", nil, `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, 413, ""},
	} {
		k := newHTTPKit(t, tc.op)
		got := k.http("function-url", request{tc.method, tc.path, tc.query, bearer(httpToken), tc.body})
		asked := ""
		if len(k.asked) > 0 {
			asked = k.asked[0].OutTradeNo
		}
		if got.status != tc.status || asked != tc.number {
			t.Errorf("%s %s: got %d about %q, want %d about %q: %s", tc.method, tc.path, got.status, asked, tc.status, tc.number, got.body)
		}
		if tc.status != http.StatusOK {
			wantReply(t, got, tc.status, "refused", "PARAM_ERROR")
		}
		if want := map[order.Op]string{order.OpClose: "POST", order.OpQuery: "GET, POST"}[tc.op]; tc.status == 405 && got.header["Allow"] != want {
			t.Errorf("%s %s: Allow is %q, want %q", tc.method, tc.path, got.header["Allow"], want)
		}
	}
}

// CloudBase takes its route off the path, so that a number stands there alone. What can be none,
// and what is meant for another function or is a slip of the pen, is not found; never by a status
// that says that there is no such order.
func TestRelativeRoutes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		op           order.Op
		method, path string
		body         string
		status       int
		number       string
	}{
		{order.OpQuery, "GET", "/A1", "", 200, "A1"},
		{order.OpQuery, "GET", "/A1/", "", 200, "A1"},
		{order.OpQuery, "GET", "/A%7C1", "", 200, "A|1"},
		{order.OpQuery, "GET", "/queryorder/A1", "", 200, "A1"},
		{order.OpQuery, "GET", "/queryorder/queryorder", "", 200, "queryorder"},
		{order.OpQuery, "POST", "/", `{"out_trade_no":"A1"}`, 200, "A1"},
		{order.OpQuery, "POST", "/queryorder", `{"out_trade_no":"A1"}`, 200, "A1"},
		{order.OpClose, "POST", "/A1", "", 200, "A1"},
		{order.OpClose, "POST", "/" + strings.Repeat("9", 32), `{}`, 200, strings.Repeat("9", 32)},
		{order.OpClose, "GET", "/A1", "", 405, ""},
		{order.OpClose, "POST", "/A1", `{"out_trade_no":"A1"}`, 400, ""},
		{order.OpClose, "POST", "/A1/refund", "", 400, ""},
		{order.OpClose, "POST", "/A1/A2", "", 400, ""},
		{order.OpClose, "POST", "/" + strings.Repeat("9", 33), "", 400, ""},
		{order.OpClose, "POST", "/wp-login.php", "", 400, ""},
		{order.OpClose, "POST", "/关单", "", 400, ""},
		{order.OpClose, "POST", "/queryorder", "", 400, ""},
		{order.OpClose, "POST", "/closeorders", "", 400, ""},
		{order.OpQuery, "GET", "/closeorder", "", 400, ""},
		{order.OpQuery, "GET", "/QueryOrder", "", 400, ""},
	} {
		k := newHTTPKit(t, tc.op)
		got := k.http("tcb-http", request{tc.method, tc.path, nil, bearer(httpToken), tc.body})
		asked := ""
		if len(k.asked) > 0 {
			asked = k.asked[0].OutTradeNo
		}
		if got.status != tc.status || asked != tc.number {
			t.Errorf("%s %s: got %d about %q, want %d about %q: %s", tc.method, tc.path, got.status, asked, tc.status, tc.number, got.body)
		}
		if tc.status != http.StatusOK {
			wantReply(t, got, tc.status, "refused", "PARAM_ERROR")
		}
	}
}

// A path is decoded once. Our own server has done so before it makes an event.
func TestPathsAreDecodedOnce(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]string{"web": "A%7C1", "aws-http": "A%7C1", "aws-rest": "A|1", "function-url": "A|1"} {
		k := newHTTPKit(t, order.OpClose)
		k.http(form, request{method: "POST", path: "/closeorder/A%7C1", header: bearer(httpToken)})
		if len(k.asked) != 1 || k.asked[0].OutTradeNo != want {
			t.Errorf("%s: the workflow was asked %+v, want %s", form, k.asked, want)
		}
	}
}

// A body may come in base64, and need not be one that JSON can hold.
func TestHTTPBodies(t *testing.T) {
	t.Parallel()
	event := httpForms[0].wrap(post("eyJvdXRfdHJhZGVfbm8iOiJBMSJ9", bearer(httpToken)))
	k := newHTTPKit(t, order.OpClose)
	reply, err := k.handle(text(with(event, obj{"isBase64Encoded": true})), nil)
	if err != nil || responseOf(t, reply).status != http.StatusOK || len(k.asked) != 1 {
		t.Errorf("base64 is answered %s, %v", reply, err)
	}
	for body, status := range map[string]int{"/w==": 400, "!": 400} {
		reply, err := k.handle(text(with(event, obj{"isBase64Encoded": true, "body": body})), nil)
		if err != nil {
			t.Fatal(err)
		}
		wantReply(t, responseOf(t, reply), status, "refused", "PARAM_ERROR")
	}
}

func TestWhoComesByHTTP(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header  map[string]string
		body    string
		query   map[string]string
		status  int
		outcome string
		errCode string
	}{
		"nobody":                         {nil, `{"out_trade_no":"A1"}`, nil, 401, "refused", "NOAUTH"},
		"a wrong bearer":                 {bearer("x"), `{"out_trade_no":"A1"}`, nil, 401, "refused", "NOAUTH"},
		"the service token as bearer":    {bearer(serviceToken), `{"out_trade_no":"A1"}`, nil, 401, "refused", "NOAUTH"},
		"a service":                      {nil, `{"out_trade_no":"A1","service_token":"` + serviceToken + `"}`, nil, 200, "closed", ""},
		"a wrong service token":          {nil, `{"out_trade_no":"A1","service_token":"x"}`, nil, 403, "refused", "NOAUTH"},
		"a wrong one beside the bearer":  {bearer(httpToken), `{"out_trade_no":"A1","service_token":"x"}`, nil, 403, "refused", "NOAUTH"},
		"the HTTP token in its place":    {nil, `{"out_trade_no":"A1","service_token":"` + httpToken + `"}`, nil, 403, "refused", "NOAUTH"},
		"the token in the address":       {nil, `{"out_trade_no":"A1"}`, map[string]string{"service_token": serviceToken}, 400, "refused", "PARAM_ERROR"},
		"in camelCase, beside a bearer":  {bearer(httpToken), `{"out_trade_no":"A1"}`, map[string]string{"serviceToken": serviceToken}, 400, "refused", "PARAM_ERROR"},
		"a header that WeChat would set": {map[string]string{"x-wx-openid": "o", "x-wx-appid": "a"}, `{"out_trade_no":"A1"}`, nil, 401, "refused", "NOAUTH"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newHTTPKit(t, order.OpClose).store(nil)
			k.on = hosting.Web
			got := k.http("web", request{"POST", "/closeorder", tc.query, tc.header, tc.body})
			wantReply(t, got, tc.status, tc.outcome, tc.errCode)
			if challenge := got.header["WWW-Authenticate"]; (challenge != "") != (tc.status == 401) {
				t.Errorf("WWW-Authenticate is %q", challenge)
			}
			if (len(k.asked) == 1) != (tc.status == 200) {
				t.Errorf("the workflow was asked %+v", k.asked)
			}
			for _, token := range []string{serviceToken, httpToken} {
				if strings.Contains(got.body+k.logs.String(), token) {
					t.Errorf("the token is in the reply or the log: %s %s", got.body, k.logs.String())
				}
			}
		})
	}
}

// Users behind WeChat's gateway have what is theirs, and are users: told little, and let choose
// little.
func TestUsersBehindWeChatsGateway(t *testing.T) {
	t.Parallel()
	header := map[string]string{"x-wx-openid": user["WX_OPENID"], "x-wx-appid": user["WX_APPID"]}
	newGate := func(t *testing.T) *kit {
		t.Helper()
		k := newHTTPKit(t, order.OpClose).store(map[string]string{"A1": alice, "B1": "wx:wx1:oBOB"})
		k.fn.Access.BehindWXGateway, k.on = true, hosting.Web
		return k
	}
	k := newGate(t)
	wantReply(t, k.http("web", post(`{"out_trade_no":"A1"}`, header)), 200, "closed", "")
	wantReply(t, k.http("web", post(`{"out_trade_no":"B1"}`, header)), 404, "notFound", "ORDERNOTEXIST")
	wantReply(t, k.http("web", post(`{"out_trade_no":"A1","api":"v2"}`, header)), 403, "refused", "NOAUTH")
	wantReply(t, k.http("web", post(`{"out_trade_no":"A1"}`, nil)), 401, "refused", "NOAUTH")
	if len(k.asked) != 1 {
		t.Errorf("the workflow was asked %+v", k.asked)
	}

	k = newGate(t)
	k.fn.Owns = nil
	wantReply(t, k.http("web", post(`{"out_trade_no":"A1"}`, header)), 403, "refused", "NOAUTH")
	k.wantLog(map[string]any{"remedy": "CLOUDPAY_STORE", "level": "WARN"})

	k = newGate(t)
	k.fn.Broken = errors.New("WXPAY_MCHID is not set")
	got := k.http("web", post(`{"out_trade_no":"A1"}`, header))
	wantReply(t, got, 500, "refused", "CONFIG_ERROR")
	if strings.Contains(got.body, "WXPAY") {
		t.Errorf("a user is told %s", got.body)
	}
}

// An authorizer's claim counts where only the authorizer can have written it.
func TestAuthorizersClaim(t *testing.T) {
	t.Parallel()
	event := with(httpForms[4].wrap(post(`{"out_trade_no":"A1"}`, nil)), obj{"requestContext": obj{
		"http": obj{"method": "POST"}, "authorizer": obj{"jwt": obj{"claims": obj{"group": "operators"}}},
	}})
	for on, want := range map[hosting.Platform]int{hosting.Lambda: 200, hosting.SCF: 401, hosting.SCFCustom: 401, hosting.Web: 401} {
		k := newHTTPKit(t, order.OpClose)
		k.fn.Access.AuthorizerClaim, k.fn.Access.AuthorizerValue = "group", "operators"
		k.on = on
		if got := k.invoke(text(event), nil); got["statusCode"] != float64(want) {
			t.Errorf("on %s: got %v, want %d", on, got, want)
		}
	}
}

// What becomes of an order has a status, whatever it is.
func TestStatusOfOutcomes(t *testing.T) {
	t.Parallel()
	result := func(outcome order.Outcome, code string) order.Result {
		return order.NewResult(order.Call{Ref: order.Ref{OutTradeNo: "A1"}}, outcome, order.Answer{Code: code}, 1)
	}
	tooSoon := result(order.OutcomeTooSoon, "RULE_LIMIT")
	tooSoon.RetryAfter = 240
	for _, tc := range []struct {
		result order.Result
		status int
		after  int64
	}{
		{result(order.OutcomeClosed, ""), 200, 0},
		{result(order.OutcomeAlreadyClosed, ""), 200, 0},
		{result(order.OutcomeFound, ""), 200, 0},
		{order.Result{Outcome: "scheduled"}, 202, 0},
		{result(order.OutcomePaid, ""), 409, 0},
		{result(order.OutcomeNotFound, ""), 404, 0},
		{tooSoon, 429, 240},
		{result(order.OutcomeRefused, "SIGNERROR"), 422, 0},
		{result(order.OutcomeRefused, "PARAM_ERROR"), 400, 0},
		{result(order.OutcomeRefused, "NOAUTH"), 403, 0},
		{result(order.OutcomeRefused, "FREQUENCY_LIMITED"), 429, 5},
		{order.Refusal("CONFIG_ERROR", bilingual.Same("x")), 500, 0},
		{result(order.OutcomeUnknown, "TIMEOUT"), 503, 5},
		{result(order.OutcomeUnknown, "CONFIG_ERROR"), 500, 0},
		{order.Breakdown(bilingual.Same("x")), 500, 0},
		{order.Result{Outcome: "of another version"}, 500, 0},
	} {
		k := newHTTPKit(t, order.OpClose)
		k.fn.Do = func(context.Context, order.Params) order.Result { return tc.result }
		got := k.http("function-url", post(`{"out_trade_no":"A1"}`, bearer(httpToken)))
		after := ""
		if tc.after > 0 {
			after = strconv.FormatInt(tc.after, 10)
		}
		if got.status != tc.status || got.header["Retry-After"] != after {
			t.Errorf("%s %s: got %d %v, want %d after %q", tc.result.Outcome, tc.result.ErrCode, got.status, got.header, tc.status, after)
		}
	}
}

func TestHTTPFaultsOfOurOwn(t *testing.T) {
	t.Parallel()
	k := newHTTPKit(t, order.OpClose)
	k.fn.Do = func(context.Context, order.Params) order.Result { panic("a fault of ours") }
	wantReply(t, k.http("web", post(`{"out_trade_no":"A1"}`, bearer(httpToken))), 500, "unknown", "INTERNAL_ERROR")

	k = newHTTPKit(t, order.OpClose)
	k.fn.Broken = errors.New("WXPAY_MCHID is not set")
	for name, r := range map[string]request{
		"a client": post(`{"out_trade_no":"A1"}`, bearer(httpToken)), "nobody": post(`{"out_trade_no":"A1"}`, nil),
		"nonsense": post(`{`, nil), "another path": {method: "GET", path: "/x"},
	} {
		got := k.http("web", r)
		wantReply(t, got, 500, "refused", "CONFIG_ERROR")
		if told := strings.Contains(got.body, "WXPAY_MCHID"); told != (name == "a client") {
			t.Errorf("%s is told %s", name, got.body)
		}
	}
}

func TestPagesOfOtherOrigins(t *testing.T) {
	t.Parallel()
	const shop, other = "https://shop.example", "https://evil.example"
	preflight := func(origin string) request {
		return request{method: "OPTIONS", path: "/closeorder", header: map[string]string{"origin": origin, "access-control-request-method": "POST"}}
	}
	call := func(origin string) request {
		return post(`{"out_trade_no":"A1"}`, map[string]string{"origin": origin, "authorization": "Bearer " + httpToken})
	}
	for _, tc := range []struct {
		name    string
		origins []string
		request request
		status  int
		allowed string
	}{
		{"a preflight where none is configured", nil, preflight(shop), 405, ""},
		{"a preflight", []string{"https://x.example", shop}, preflight(shop), 204, shop},
		{"another's preflight", []string{shop}, preflight(other), 405, ""},
		{"a preflight of no origin", []string{shop}, preflight(""), 405, ""},
		{"a preflight of any", []string{"*"}, preflight(other), 204, "*"},
		{"OPTIONS that is no preflight", []string{shop}, request{method: "OPTIONS", path: "/closeorder", header: map[string]string{"origin": shop}}, 405, shop},
		{"a preflight of no path of ours", []string{shop}, request{method: "OPTIONS", path: "/x", header: preflight(shop).header}, 400, shop},
		{"a call", []string{shop}, call(shop), 200, shop},
		{"a call where none is configured", nil, call(shop), 200, ""},
		{"another's call", []string{shop}, call(other), 200, ""},
		{"a refused call", []string{shop}, post(`{}`, map[string]string{"origin": shop}), 401, shop},
	} {
		k := newHTTPKit(t, order.OpClose)
		k.fn.Access.CORSOrigins = tc.origins
		got := k.http("web", tc.request)
		if got.status != tc.status || got.header["Access-Control-Allow-Origin"] != tc.allowed {
			t.Errorf("%s: got %d %v, want %d for %q", tc.name, got.status, got.header, tc.status, tc.allowed)
		}
		if tc.status == 204 && (got.body != "" || got.header["Access-Control-Allow-Methods"] != "POST" ||
			got.header["Access-Control-Allow-Headers"] != "Authorization, Cloudpay-Service-Token, Content-Type" || len(k.asked) != 0) {
			t.Errorf("%s: got %+v", tc.name, got)
		}
		if varies := got.header["Vary"] == "Origin"; varies != (len(tc.origins) > 0 && tc.origins[0] != "*") {
			t.Errorf("%s: Vary is %q", tc.name, got.header["Vary"])
		}
		if got.header["Access-Control-Allow-Credentials"] != "" {
			t.Errorf("%s: cookies are allowed", tc.name)
		}
	}
}

// Where everybody is let in, they are users still.
func TestOpenHTTP(t *testing.T) {
	t.Parallel()
	k := newKit(t).open()
	wantReply(t, k.http("function-url", post(`{"out_trade_no":"A1"}`, nil)), 200, "closed", "")
	wantReply(t, k.http("function-url", post(`{"out_trade_no":"A1","api":"v2"}`, nil)), 403, "refused", "NOAUTH")
	if k.fn.Access.Policy != trigger.PolicyAny || len(k.asked) != 1 {
		t.Errorf("the workflow was asked %+v", k.asked)
	}
}
