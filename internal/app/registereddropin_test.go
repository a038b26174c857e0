//go:build sqlite

package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

// dropInLimit is the time limit of a call that WeChat Pay answers without a signature for ever: it
// is answered before that.
const dropInLimit = 4 * time.Second

// dropInOrder is what has become of an order of the user's, and what must be answered about it.
type dropInOrder struct {
	name string
	// is puts the order into its state, after it was registered in the user's name.
	is func(k *registerEnv, number string)
	// missing is set if WeChat Pay has no such order; young, if it was created a moment ago.
	missing, young bool
	// closes and queries are the outcomes of the two calls.
	closes, queries order.Outcome
	// code is the CloudPay code of the close.
	code string
	// state is what a query shows; empty if it shows nothing.
	state string
	// closeMsg and queryMsg are the messages of code -1.
	closeMsg, queryMsg string
	// page is what a page of the template shows after its customer asked for the close: it queries
	// first.
	page string
}

// spoilt has a fault meet the calls about the order.
func spoilt(f paygate.Fault) func(*registerEnv, string) {
	return func(k *registerEnv, number string) {
		f.OutTradeNo = number
		k.MustInject(f)
	}
}

func dropInOrders() []dropInOrder {
	const soon, unknown, none, refused = "订单尚未关闭：微信支付暂不受理，请稍后重试", "查单结果未知：没有收到可验证的应答，请重试", "没有找到该订单", "请求被拒绝，重试无用"
	return []dropInOrder{
		{name: "unpaid", closes: order.OutcomeClosed, queries: order.OutcomeFound, state: "NOTPAY", page: "closed"},
		// The register would postpone this one: see TestRegisteredDropInPostponesNothing.
		{name: "young", young: true, closes: order.OutcomeClosed, queries: order.OutcomeFound, state: "NOTPAY", page: "closed"},
		{
			name: "closed before", is: func(k *registerEnv, number string) { k.asUser(openID, "closeorder", `{"out_trade_no":"`+number+`"}`) },
			closes: order.OutcomeAlreadyClosed, code: "ORDERCLOSED", queries: order.OutcomeFound, state: "CLOSED", page: "closed before",
		},
		{
			name: "too soon", is: spoilt(paygate.Fault{Op: "close", Action: paygate.RateLimit, Delay: 5 * time.Minute}),
			closes: order.OutcomeTooSoon, code: "FREQUENCY_LIMITED", closeMsg: soon, queries: order.OutcomeFound, state: "NOTPAY", page: "not closed: " + soon,
		},
		{
			name: "paid", is: func(k *registerEnv, number string) { k.MustPay(number, k.owner()) },
			closes: order.OutcomePaid, code: "ORDERPAID", closeMsg: "订单已支付，不能关单", queries: order.OutcomeFound, state: "SUCCESS", page: "paid",
		},
		{
			name: "paid in the last second", is: spoilt(paygate.Fault{Op: "close", Action: paygate.Pay}),
			closes: order.OutcomePaid, code: "ORDERPAID", closeMsg: "订单已支付，不能关单",
			queries: order.OutcomeFound, state: "NOTPAY", page: "not closed: 订单已支付，不能关单",
		},
		{
			name: "unknown", is: spoilt(paygate.Fault{Action: paygate.BadSignature}),
			closes: order.OutcomeUnknown, code: "BAD_SIGNATURE", closeMsg: "关单结果未知：没有收到可验证的应答，请重试",
			queries: order.OutcomeUnknown, queryMsg: unknown, page: "not known: " + unknown,
		},
		{
			name: "not there", missing: true, closes: order.OutcomeNotFound, code: "ORDERNOTEXIST", closeMsg: none + "，未关单",
			queries: order.OutcomeNotFound, queryMsg: none, page: "not known: " + none,
		},
		{
			name: "refused", is: spoilt(paygate.Fault{Action: paygate.Refuse, Code: "NO_AUTH"}),
			closes: order.OutcomeRefused, code: "NOAUTH", closeMsg: "关单" + refused,
			queries: order.OutcomeRefused, queryMsg: "查单" + refused, page: "not known: 查单" + refused,
		},
	}
}

// register registers the order for the user and brings it into its state.
func (o dropInOrder) register(k *registerEnv, number string) {
	k.t.Helper()
	if !o.missing {
		k.order(number)
	}
	created := time.Now().Add(-time.Hour)
	if o.young {
		created = time.Now()
	}
	got := k.asService("closeorder", fmt.Sprintf(`{"out_trade_no":%q,%s,"created_at":%q}`, number, mine, created.Format(time.RFC3339)))
	k.wantOutcome(got, order.OutcomeScheduled, "")
	if o.is != nil {
		o.is(k, number)
	}
}

// templateAnswer is an answer in the template's form, as a page parses it.
type templateAnswer struct {
	Code   int            `json:"code"`
	Msg    string         `json:"msg"`
	Data   map[string]any `json:"data"`
	Result order.Result   `json:"result"`
}

func (a templateAnswer) String() string {
	return fmt.Sprintf("code %d, %q and %s %s", a.Code, a.Msg, a.Result.Outcome, a.Result.ErrCode)
}

// readTemplate parses an answer, and requires that it has nothing that the template leaks.
func (k *registerEnv) readTemplate(text []byte) templateAnswer {
	k.t.Helper()
	k.replied(text)
	for _, leak := range []string{"errRaw", "uthorization", "WECHATPAY2", "WECHATPAY/"} {
		if strings.Contains(string(text), leak) {
			k.t.Errorf("the answer %s has %s", text, leak)
		}
	}
	var a templateAnswer
	if err := json.Unmarshal(text, &a); err != nil {
		k.t.Fatalf("the answer %s: %v", text, err)
	}
	return a
}

// templatePages are the template's pages: where each reads the order in an answer's data.
var templatePages = map[string]func(data map[string]any) map[string]any{
	"miniprogram": func(data map[string]any) map[string]any { return data },
	"cloudrun, WeDa, react, web": func(data map[string]any) map[string]any {
		if inner, is := data["data"].(map[string]any); is {
			return inner
		}
		return data
	},
}

// shownBy is what a page shows of a query and, if it goes on, of the close after it.
func shownBy(read func(map[string]any) map[string]any, query templateAnswer, closing func() templateAnswer) string {
	if query.Code != 0 || query.Data == nil {
		return "not known: " + query.Msg
	}
	switch read(query.Data)["trade_state"] {
	case "SUCCESS":
		return "paid"
	case "CLOSED":
		return "closed before"
	case "REFUND":
		return "refunded"
	case "NOTPAY", "USERPAYING":
		if a := closing(); a.Code != 0 {
			return "not closed: " + a.Msg
		}
		return "closed"
	}
	return "cannot be closed"
}

// TestRegisteredDropInOutcomes: each outcome is answered in the template's form, by each way to
// call, and each page shows it as it is. A close is code 0 only if the order is closed.
func TestRegisteredDropInOutcomes(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(k *registerEnv, s site, operation, parameter string) []byte{
		"pay-common": func(k *registerEnv, s site, operation, parameter string) []byte {
			return k.wantOK(k.post(s, "/wx-pay/"+operation, k.asPage(openID), "{"+parameter+"}"))
		},
		"pay-common by body": func(k *registerEnv, s site, operation, parameter string) []byte {
			return k.wantOK(k.post(s, "/", k.asPage(openID), `{"_action":"`+operation+`",`+parameter+"}"))
		},
		"wxpayFunctions": func(k *registerEnv, s site, operation, parameter string) []byte {
			return k.template(s, k.user(openID), `{"type":"`+operation+`",`+parameter+`,"userInfo":{"appId":"a","openId":"o"}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newRegisterEnv(t, mode{order.V3, false})
			k.vars["CLOUDPAY_BEHIND_WX_GATEWAY"] = "1"
			s := k.site("dropin")
			ask := func(operation, parameter string) templateAnswer {
				return k.readTemplate(call(k, s, operation, parameter))
			}
			for i, o := range dropInOrders() {
				number := fmt.Sprintf("A%d", i)
				o.register(k, number)
				query := ask("wxpay_query_order_by_out_trade_no", `"out_trade_no":"`+number+`"`)
				o.wantQuery(t, query)
				got := ask("wxpay_close_order", `"out_trade_no":"`+number+`"`)
				o.wantClose(t, got)
				for page, read := range templatePages {
					if text := shownBy(read, query, func() templateAnswer { return got }); text != o.page {
						t.Errorf("%s: the page %s shows %q, want %q", o.name, page, text, o.page)
					}
				}
			}
			k.wantNoErrors()
		})
	}
}

func (o dropInOrder) wantQuery(t *testing.T, got templateAnswer) {
	t.Helper()
	code, msg := 0, "success"
	if o.state == "" {
		code, msg = -1, o.queryMsg
	}
	if got.Code != code || got.Msg != msg || got.Result.Outcome != o.queries {
		t.Errorf("%s: the query got %s, want code %d, %q and %s", o.name, got, code, msg, o.queries)
	}
	for page, read := range templatePages {
		if state, _ := read(got.Data)["trade_state"].(string); state != o.state {
			t.Errorf("%s: the page %s reads the state %q, want %q", o.name, page, state, o.state)
		}
	}
}

func (o dropInOrder) wantClose(t *testing.T, got templateAnswer) {
	t.Helper()
	code, msg := 0, "success"
	if o.closeMsg != "" {
		code, msg = -1, o.closeMsg
	}
	if got.Code != code || got.Msg != msg || got.Result.Outcome != o.closes || got.Result.ErrCode != o.code {
		t.Errorf("%s: the close got %s, want code %d, %q and %s %s", o.name, got, code, msg, o.closes, o.code)
	}
}

// asPage are the headers by which WeChat's gateway calls for a mini-program's user.
func (k *registerEnv) asPage(openID string) map[string]string {
	return map[string]string{"x-wx-openid": openID, "x-wx-appid": k.Merchant.AppID, "x-wx-source": "wx_client", "content-type": "application/json"}
}

// post sends a request as our HTTP server does: without the body of a head that proves nothing.
func (k *registerEnv) post(s site, path string, header map[string]string, body string) hosting.Response {
	k.t.Helper()
	r := hosting.Request{Method: http.MethodPost, Path: path, Header: header, Body: []byte(body)}
	inv := hosting.Invocation{Platform: hosting.Web}
	if s.Standing(hosting.Request{Method: r.Method, Path: path, Header: header}) == hosting.Refused {
		r.Body, inv.Withheld = nil, true
	}
	ctx, cancel := context.WithTimeout(k.t.Context(), dropInLimit)
	defer cancel()
	got, err := s.HandleHTTP(ctx, inv, r)
	if err != nil {
		k.t.Fatalf("%s: %v", path, err)
	}
	return got
}

// wantOK is the body of a response, which every call that is read gets with status 200.
func (k *registerEnv) wantOK(got hosting.Response) []byte {
	k.t.Helper()
	if got.Status != http.StatusOK {
		k.t.Errorf("got %d %s, want 200", got.Status, got.Body)
	}
	return got.Body
}

// template sends an event to functions/web as the runtime Go1 does.
func (k *registerEnv) template(s site, identity map[string]string, event string) []byte {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), dropInLimit)
	defer cancel()
	reply, err := s.Handle(ctx, hosting.Invocation{Payload: []byte(event), Environment: identity, Platform: hosting.SCF})
	if err != nil {
		k.t.Fatalf("%s: %v", event, err)
	}
	return reply
}

// wantNoErrors requires that the log has no error: an operator would be called.
func (k *registerEnv) wantNoErrors() {
	k.t.Helper()
	for line := range strings.Lines(k.logs.String()) {
		if strings.Contains(line, `"level":"ERROR"`) && !strings.Contains(line, "BAD_SIGNATURE") {
			k.t.Errorf("the log has %s", line)
		}
	}
}

// TestRegisteredDropInOfNode: a function of Node.js whose cloud.cloudPay was replaced by
// clients/node reads each outcome as from cloudPay: SUCCESS for closed alone.
func TestRegisteredDropInOfNode(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI must have Node.js: internal/toolchain/install.sh receivers")
		}
		t.Skip("SKIPPED: Node.js is not installed, so clients/node was not tried on the functions")
	}
	k := newRegisterEnv(t, mode{order.V3, false})
	cloud := &platform.Cloud{AppID: k.Merchant.AppID, Functions: map[string]*platform.Function{}}
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = cloud.Close() })
	for _, name := range []string{"closeorder", "queryorder"} {
		spec := k.spec(name, dropInLimit)
		spec.Binary, spec.Runtime = sqliteBinary(t, name), platform.Go1
		cloud.Functions[name] = k.startFunction(spec)
	}
	shop := k.startFunction(platform.Spec{
		Name: "shop", Folder: "testdata/dropinshop", Runtime: platform.Node, CloudURL: server.URL, TimeLimit: patient,
		Env: []string{"TOKEN=" + serviceToken}, Log: k.collected(&k.logs),
	})
	for i, o := range dropInOrders() {
		number := fmt.Sprintf("A%d", i)
		o.register(k, number)
		query := k.askShop(shop, openID, "queryOrder", number)
		wantCodes := "SUCCESS SUCCESS"
		if o.queries != order.OutcomeFound {
			wantCodes = ""
		}
		if got := query.codes(); query.Outcome != o.queries || string(query.TradeState) != o.state || (got == "SUCCESS SUCCESS") != (wantCodes != "") {
			t.Errorf("%s: the query got %+v, want %s %q", o.name, query, o.queries, o.state)
		}
		got := k.askShop(shop, openID, "closeOrder", number)
		if got.Outcome != o.closes || got.ErrCode != o.code || (got.codes() == "SUCCESS SUCCESS") != (o.closes == order.OutcomeClosed) {
			t.Errorf("%s: the close got %+v, want %s %s", o.name, got, o.closes, o.code)
		}
	}
	k.order("OTHER")
	k.register("THEIRS", `"close_at":3600,"openid":"`+otherOpenID+`"`)
	for _, number := range []string{"OTHER", "THEIRS", "NONE"} {
		for _, method := range []string{"closeOrder", "queryOrder"} {
			if got := k.askShop(shop, openID, method, number); got.Outcome != order.OutcomeNotFound || got.ErrCode != "ORDERNOTEXIST" {
				t.Errorf("%s %s: got %+v, want it not found", method, number, got)
			}
		}
	}
	k.WantState("OTHER", paygate.StateNotPay)
	k.WantState("THEIRS", paygate.StateNotPay)
}

// cloudPayResult is what a caller of cloud.cloudPay reads.
type cloudPayResult struct{ order.Result }

// codes are the two codes by which cloudPay's callers know a success.
func (r cloudPayResult) codes() string { return strings.TrimSpace(r.ReturnCode + " " + r.ResultCode) }

// askShop calls the shop's function as a mini-program's user.
func (k *registerEnv) askShop(shop *platform.Function, openID, method, number string) cloudPayResult {
	k.t.Helper()
	reply, err := shop.Invoke(k.t.Context(), platform.Event{
		Payload: []byte(`{"method":"` + method + `","number":"` + number + `"}`), Environment: k.user(openID),
	})
	if err != nil || reply.Err != nil {
		k.t.Fatalf("%s %s: %v %v", method, number, err, reply.Err)
	}
	k.answered(reply)
	return cloudPayResult{readResult(k.t, string(reply.Payload))}
}

// startFunction starts a function's process.
func (k *registerEnv) startFunction(spec platform.Spec) *platform.Function {
	k.t.Helper()
	f, err := platform.Start(k.t.Context(), spec)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = f.Close() })
	return f
}

// TestRegisteredDropInPostponesNothing: what closeorder postpones, the drop-ins close now.
func TestRegisteredDropInPostponesNothing(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	k.vars["CLOUDPAY_BEHIND_WX_GATEWAY"] = "1"
	s := k.site("closeorder,dropin")
	young := dropInOrder{young: true}
	for _, number := range []string{"A1", "A2", "A3"} {
		young.register(k, number)
		got := k.post(s, "/closeorder", k.asPage(openID), `{"out_trade_no":"`+number+`"}`)
		if got.Status != http.StatusAccepted || outcome(t, got) != order.OutcomeScheduled {
			t.Errorf("closeorder: got %d %s, want it postponed", got.Status, got.Body)
		}
		k.WantState(number, paygate.StateNotPay)
	}
	k.wantOutcome(readResult(t, k.asUser(openID, "closeorder", `{"out_trade_no":"A1","at_once":true}`)), order.OutcomeClosed, "")
	for number, reply := range map[string][]byte{
		"A2": k.post(s, "/wx-pay/wxpay_close_order", k.asPage(openID), `{"out_trade_no":"A2"}`).Body,
		"A3": k.template(s, k.user(openID), `{"type":"wxpay_close_order","out_trade_no":"A3"}`),
	} {
		if a := k.readTemplate(reply); a.Code != 0 || a.Result.Outcome != order.OutcomeClosed {
			t.Errorf("%s: got %s, want it closed", number, a)
		}
	}
	for _, number := range []string{"A1", "A2", "A3"} {
		k.WantState(number, paygate.StateClosed)
	}
}

// TestRegisteredDropInOfAnotherOrigin: pages of a configured origin may call from a browser, and no
// others.
func TestRegisteredDropInOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	k.vars["corsAllowOrigin"] = "https://shop.example"
	s := k.site("dropin")
	for origin, want := range map[string]string{"https://shop.example": "https://shop.example", "https://evil.example": ""} {
		got := s.ask(http.MethodOptions, "/wx-pay/wxpay_close_order", map[string]string{
			"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type,authorization",
		}, "")
		isAllowed := strings.Contains(got.Header["Access-Control-Allow-Methods"], "POST") &&
			strings.Contains(got.Header["Access-Control-Allow-Headers"], "Authorization")
		if got.Status != http.StatusNoContent || got.Header["Access-Control-Allow-Origin"] != want || isAllowed != (want != "") {
			t.Errorf("the preflight of %s: got %+v", origin, got)
		}
		got = s.ask(http.MethodPost, "/wx-pay/wxpay_close_order", map[string]string{"origin": origin}, `{"out_trade_no":"A1"}`)
		if got.Header["Access-Control-Allow-Origin"] != want || k.readTemplate(k.wantOK(got)).Msg != notAuthorize {
			t.Errorf("a call of %s: got %+v, want it refused and readable for %q", origin, got, want)
		}
	}
	if got := s.ask(http.MethodGet, "/wx-pay/wxpay_close_order", nil, ""); got.Status != http.StatusMethodNotAllowed {
		t.Errorf("GET: got %+v", got)
	}
}

// TestRegisteredDropInWithheld: a caller whose head proves nothing, where no body could, is told
// that it is not allowed, although its body was not read.
func TestRegisteredDropInWithheld(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	k.register("A1", mine)
	delete(k.vars, "CLOUDPAY_SERVICE_TOKEN") // with one, every body may prove a service
	s := k.site("dropin")
	for _, path := range []string{"/wx-pay/wxpay_close_order", "/wx-pay/wxpay_query_order_by_out_trade_no", "/"} {
		head := hosting.Request{Method: http.MethodPost, Path: path}
		if got := s.Standing(head); got != hosting.Refused {
			t.Errorf("%s: a head without proof is %v, want it refused", path, got)
		}
		got := k.wantOK(k.post(s, path, nil, `{"_action":"wxpay_close_order","out_trade_no":"A1"}`))
		if a := k.readTemplate(got); a.Code != -1 || a.Msg != notAuthorize || a.Result.ErrCode != "NOAUTH" {
			t.Errorf("%s: got %s, want it refused", path, a)
		}
	}
	k.WantState("A1", paygate.StateNotPay)
}

// TestRegisteredDropInTemplatesNames: functions/web takes the template's names for variables, and
// closeorder does not.
func TestRegisteredDropInTemplatesNames(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	for ours, theirs := range map[string]string{
		"WXPAY_APPID": "appId", "WXPAY_MCHID": "merchantId", "WXPAY_SERIAL_NO": "merchantSerialNumber", "WXPAY_PRIVATE_KEY": "privateKey",
		"WXPAY_PUBLIC_KEY": "wxPayPublicKey", "WXPAY_PUBLIC_KEY_ID": "wxPayPublicKeyId",
	} {
		if k.vars[ours] == "" {
			t.Fatalf("%s is not set", ours)
		}
		k.vars[theirs] = strings.ReplaceAll(k.vars[ours], "\n", `\n`)
		delete(k.vars, ours)
	}
	k.order("A1")
	s := k.site("dropin")
	if s.Broken != nil {
		t.Fatal(s.Broken)
	}
	got := k.template(s, nil, `{"type":"wxpay_close_order","out_trade_no":"A1","service_token":"`+serviceToken+`"}`)
	if a := k.readTemplate(got); a.Code != 0 {
		t.Errorf("got %s, want it closed", a)
	}
	k.WantState("A1", paygate.StateClosed)
	k.vars["WXPAY_MCHID"] = "1900000002"
	if s := k.site("dropin"); s.Broken == nil || !strings.Contains(s.Broken.Error(), "WXPAY_MCHID and merchantId are both set") {
		t.Errorf("got %v, want a fault of both names", s.Broken)
	}
	delete(k.vars, "WXPAY_MCHID")
	closer, err := app.CloseOrder(environ(k.vars), k.logged(&k.logs))
	if err != nil || closer.Broken == nil {
		t.Errorf("closeorder took the template's names: %v", err)
	}
}

// TestRegisteredDropInEvents: other events than the template's are errors, and so are the
// template's where the route is not served.
func TestRegisteredDropInEvents(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	k.order("A1")
	without, with := k.site("closeorder,queryorder"), k.site("dropin")
	const closes = `{"type":"wxpay_close_order","out_trade_no":"A1","service_token":"` + serviceToken + `"`
	for event, s := range map[string]site{
		closes + `}`: without,
		`{"out_trade_no":"A1","service_token":"` + serviceToken + `"}`: with,
		timerEvent: with,
		closes + `,"Records":[{"CMQ":{"msgId":"1","msgBody":"{}"}}]}`: with,
	} {
		if reply, err := s.Handle(t.Context(), hosting.Invocation{Payload: []byte(event), Platform: hosting.SCF}); err == nil {
			t.Errorf("%s: got %s, want an error", event, reply)
		}
	}
	for event, msg := range map[string]string{
		closes + `,"httpMethod":"POST"}`:                    "",
		closes + `,"type":"wxpay_close_order"}`:             "关单请求被拒绝，重试无用",
		`{"type":"wxpay_refund","out_trade_no":"A1"}`:       "Unimplemented method",
		`{"type":"wxpay_close_order"}`:                      "out_trade_no 必填",
		strings.Replace(closes, serviceToken, "x", 1) + `}`: notAuthorize,
	} {
		reply, err := with.Handle(t.Context(), hosting.Invocation{Payload: []byte(event), Platform: hosting.SCF})
		if err != nil {
			t.Errorf("%s: %v", event, err)
			continue
		}
		if msg == "" { // it is an HTTP request's, in that form
			continue
		}
		if a := k.readTemplate(reply); a.Code != -1 || a.Msg != msg {
			t.Errorf("%s: got %s, want %q", event, a, msg)
		}
	}
	k.WantState("A1", paygate.StateNotPay)
}
