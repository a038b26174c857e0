package trigger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

func TestParametersInBothSpellings(t *testing.T) {
	t.Parallel()
	want := order.Params{
		SubMchID: "1900000109", SubAppID: "wxsub", OutTradeNo: "A1", TransactionID: "42", NonceStr: "n", API: order.V2,
		CreatedAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), CloseAt: "600",
	}
	for _, event := range []string{
		`{"sub_mch_id":"1900000109","sub_appid":"wxsub","out_trade_no":"A1","transaction_id":"42","nonce_str":"n","api":"v2","created_at":"2026-11-22T10:00:00Z","close_at":"600"}`,
		`{"subMchId":"1900000109","subAppid":"wxsub","outTradeNo":"A1","transactionId":"42","nonceStr":"n","api":"v2","createdAt":"2026-11-22T10:00:00Z","closeAt":"600"}`,
	} {
		k := newKit(t)
		if reply := k.invoke(event, nil); reply["outcome"] != "closed" {
			t.Fatalf("got %v", reply)
		}
		if diff := cmp.Diff([]order.Params{want}, k.asked); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func TestCombinedOrders(t *testing.T) {
	t.Parallel()
	want := order.Params{CombineOutTradeNo: "C1", SubOrders: []order.SubOrder{{MchID: "19", OutTradeNo: "A1"}, {MchID: "19", SubMchID: "20", OutTradeNo: "A2"}}}
	for _, event := range []string{
		`{"combine_out_trade_no":"C1","sub_orders":[{"mchid":"19","out_trade_no":"A1"},{"mchid":"19","sub_mchid":"20","out_trade_no":"A2"}]}`,
		`{"combineOutTradeNo":"C1","subOrders":[{"mchId":"19","outTradeNo":"A1"},{"mch_id":"19","subMchId":"20","outTradeNo":"A2"}]}`,
	} {
		k := newKit(t).open()
		k.invoke(event, user)
		if diff := cmp.Diff([]order.Params{want}, k.asked); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	for event, says := range map[string]string{
		`{"sub_orders":{}}`:                             "sub_orders: must be an array of objects",
		`{"sub_orders":["A1"]}`:                         "sub_orders: must be an array of objects",
		`{"sub_orders":[{"mchid":19}]}`:                 "sub_orders[0].mchid: must be a string, not a number",
		`{"sub_orders":[{"mchid":"19","mch_id":"20"}]}`: "sub_orders[0].mchid: is given twice",
		`{"sub_orders":[{"mchid":"19","mchid":"19"}]}`:  "sub_orders[0].mchid: is given twice",
		`{"sub_orders":[{"mchid":"19","out_trade_no":"A1"},{"mchid":"19","out_trade_no":"A2","out_trade_no":"A3"}]}`: "sub_orders[1].out_trade_no: is given twice",
		`{"sub_orders":[{"mchid":"","mch_id":"20"}]}`:                                                                "sub_orders[0].mchid: is given twice, as \"mchid\" and \"mch_id\"",
		`{"sub_orders":[null]}`:                "sub_orders: must be an array of objects",
		`{"sub_orders":[{"outTradeNO":"A1"}]}`: "sub_orders[0].outTradeNO: is not a parameter",
		`{"sub_order":[]}`:                     `it is spelled "sub_orders" or "subOrders"`,
	} {
		k := newKit(t).open()
		k.wantRefused(k.invoke(event, nil), "PARAM_ERROR", says)
	}
}

func TestWhatPlatformsAddIsPassedOver(t *testing.T) {
	t.Parallel()
	k := newKit(t).open()
	k.invoke(`{"out_trade_no":"A1","transaction_id":null,"nonce_str":"","userInfo":{"openId":"oABC","appId":"wx1"},"envName":"","mch_id":"1","attach":{"out_trade_no":"B2"},"totalFee":1}`, user)
	if diff := cmp.Diff([]order.Params{{OutTradeNo: "A1"}}, k.asked); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestBadEvents(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, event, says string }{
		{"nothing", ``, "event: must be a JSON object with the call's parameters, and there is none"},
		{"null", `null`, "not null"},
		{"an array", `[{"out_trade_no":"A1"}]`, "not an array"},
		{"a string", `"A1"`, "not a string"},
		{"a number", `1`, "not a number"},
		{"true", `true`, "not true or false"},
		{"no JSON", `out_trade_no=A1`, "event: must be a JSON object"},
		{"cut short", `{"out_trade_no":"A1"`, "event: is not JSON: it ends too early"},
		{"cut in a value", `{"out_trade_no":"A`, "event: is not JSON: it ends too early"},
		{"cut in a key", `{"out_tra`, "event: is not JSON: it ends too early"},
		{"more than one", `{"out_trade_no":"A1"}{}`, "something follows its end"},
		{"a number for a string", `{"out_trade_no":12345}`, "out_trade_no: must be a string, not a number (put it between quotation marks)"},
		{"an array for a string", `{"out_trade_no":["A1"]}`, "out_trade_no: must be a string, not an array"},
		{"an object for a string", `{"out_trade_no":{}}`, "out_trade_no: must be a string, not an object"},
		{"a boolean for a string", `{"out_trade_no":true}`, "out_trade_no: must be a string, not true or false"},
		{"given twice", `{"out_trade_no":"A1","out_trade_no":"A2"}`, `out_trade_no: is given twice`},
		{"given in both spellings", `{"out_trade_no":"A1","outTradeNo":"A2"}`, `out_trade_no: is given twice, as "out_trade_no" and "outTradeNo"`},
		{"wx-server-sdk's trap", `{"subMchID":"1"}`, `subMchID: is not a parameter; it is spelled "sub_mch_id" or "subMchId"`},
		{"one letter less", `{"out_trade_n":"1"}`, `"out_trade_no" or "outTradeNo"`},
		{"one letter more", `{"outTradeNoo":"1"}`, `"out_trade_no" or "outTradeNo"`},
		{"one letter other", `{"out_trade_ni":"1"}`, `"out_trade_no" or "outTradeNo"`},
		{"two letters swapped", `{"out_tarde_no":"1"}`, `"out_trade_no" or "outTradeNo"`},
		{"the last two swapped", `{"out_trade_on":"1"}`, `"out_trade_no" or "outTradeNo"`},
		{"hyphens", `{"out-trade-no":"1"}`, `"out_trade_no" or "outTradeNo"`},
		{"a capital", `{"API":"v2"}`, `API: is not a parameter; it is spelled "api"`},
		{"a time that is none", `{"created_at":"yesterday"}`, "created_at: must be a time such as"},
		{"too long", `{"x":"` + strings.Repeat("x", 1<<16) + `"}`, "event: is 65544 bytes long"},
		{"too many keys", `{` + strings.Repeat(`"":0,`, 1000) + `"out_trade_no":"A1"}`, "event: has more than 256 keys"},
		{"a number of any size", `{"out_trade_no":1e999}`, "out_trade_no: must be a string, not a number"},
		{"a key in two lines", "{\"outTradeNo\\n\":1}", "outTradeNo?: is not a parameter"},
		{"a long misspelt key", `{"out_trade_noX` + strings.Repeat("_", 45) + `":"1"}`, `out_trade_noX_`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			reply := k.invoke(tc.event, nil)
			k.wantRefused(reply, "PARAM_ERROR", tc.says)
			if msg, _ := reply["returnMsg"].(string); len(msg) > 300 {
				t.Errorf("the reply repeats %d bytes", len(msg))
			}
		})
	}
}

func TestShortWordsAreNotSlips(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.invoke(`{"out_trade_no":"A1","app":"x","ip":"y","appid":"wx","mchId":"1","sign":"s","apis":[]}`, nil)
	if len(k.asked) != 1 {
		t.Errorf("asked %+v", k.asked)
	}
}

func TestUsersMayNotDecideForTheOperator(t *testing.T) {
	t.Parallel()
	for _, parameter := range []string{`"api":"v2"`, `"created_at":"2026-11-22T10:00:00Z"`, `"closeAt":"600"`} {
		for name, env := range map[string]map[string]string{
			"a mini-program's":     user,
			"a web page's":         {"TCB_UUID": "u1"},
			"one with no identity": nil,
		} {
			k := newKit(t).open()
			event := `{"out_trade_no":"A1",` + parameter
			if env == nil {
				event += `,"userInfo":{}` // what CloudBase puts into an event, wherever it comes from
			}
			t.Log(name, "user says", event)
			k.wantRefused(k.invoke(event+`}`, env), "NOAUTH", "is not for users to choose")
		}
	}
}

func TestOwnSettingsMakeNobodyAUser(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.invoke(`{"out_trade_no":"A1","api":"v2"}`, map[string]string{"WXPAY_API": "v3", "CLOUDPAY_CALLER_POLICY": "platform", "WX_OPENID": ""})
	if len(k.asked) != 1 || k.asked[0].API != order.V2 {
		t.Errorf("asked %+v", k.asked)
	}
}

func TestBrokenFunctionSaysSo(t *testing.T) {
	t.Parallel()
	report := errors.New("the configuration has 2 faults:\n  WXPAY_MCHID is not set\n  WXPAY_SERIAL_NO is not set")
	k := newKit(t)
	k.fn.Broken = report
	k.wantRefused(k.invoke(`{"out_trade_no":"A1"}`, nil), "CONFIG_ERROR", "2 faults: WXPAY_MCHID is not set WXPAY_SERIAL_NO is not set")
	if !strings.Contains(k.logs.String(), "WXPAY_SERIAL_NO") || !strings.Contains(k.logs.String(), `"level":"ERROR"`) {
		t.Errorf("the log does not say so: %s", k.logs.String())
	}
	for _, event := range []string{`{"out_trade_no":"A1"}`, `{`} {
		for _, env := range []map[string]string{user, {"TCB_UUID": "u"}} {
			reply := k.invoke(event, env)
			k.wantRefused(reply, "CONFIG_ERROR", "not configured")
			if text, _ := json.Marshal(reply); bytes.Contains(text, []byte("WXPAY")) {
				t.Errorf("a user is told %s", text)
			}
		}
	}
	if text, _ := json.Marshal(k.invoke(`{`, nil)); bytes.Contains(text, []byte("WXPAY")) {
		t.Errorf("an unreadable event is answered with the report: %s", text)
	}
}

func TestUsersAreNotToldAddresses(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.fn.Do = func(context.Context, order.Params) order.Result {
		return order.NewResult(order.Call{}, order.OutcomeUnknown, order.Answer{
			Code: errcode.NetworkError, Message: `Post "https://10.0.0.7/pay/closeorder": connection refused`, Proof: order.ProofNone,
		}, 3)
	}
	if reply := k.invoke(`{}`, nil); !strings.Contains(reply["returnMsg"].(string), "10.0.0.7") {
		t.Errorf("an operator is not told the address: %v", reply)
	}
	k.open()
	reply := k.invoke(`{}`, user)
	if text, _ := json.Marshal(reply); bytes.Contains(text, []byte("10.0.0.7")) || reply["errCode"] != "NETWORK_ERROR" || reply["outcome"] != "unknown" {
		t.Errorf("a user is told %s", text)
	}
}

// What a refusal tells the operator to set, and what the gateway finds wrong with
// the merchant, is not for users.
func TestUsersAreNotToldSettings(t *testing.T) {
	t.Parallel()
	k := newKit(t).open()
	for _, result := range []order.Result{
		order.Refusal(errcode.NoAuth, bilingual.New(
			"sub_mch_id: is not one of the sub-merchants allowed here (WXPAY_SUB_MCHIDS)", "sub_mch_id：不在允许的子商户之列（WXPAY_SUB_MCHIDS）")),
		order.NewResult(order.Call{}, order.OutcomeRefused, order.Answer{Code: errcode.SignError, Message: "sign_information 10.0.0.7", Proof: order.ProofSignature}, 1),
		order.NewResult(order.Call{}, order.OutcomeUnknown, order.Answer{Code: "squid", GatewayCode: "squid", Message: "squid at 10.0.0.7:3128 denied it"}, 1),
		order.NewResult(order.Call{}, order.OutcomeUnknown, order.Answer{Code: errcode.ConfigError, Message: "set WXPAY_PUBLIC_KEY"}, 1),
	} {
		k.fn.Do = func(context.Context, order.Params) order.Result { return result }
		reply := k.invoke(`{}`, user)
		text, err := json.Marshal(reply)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"WXPAY", "10.0.0.7", "squid"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("a user is told %s", text)
			}
		}
		if reply["outcome"] != string(result.Outcome) || reply["returnMsg"] == "" {
			t.Errorf("got %s", text)
		}
	}
}

func TestPanicBecomesAReply(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.fn.Do = func(context.Context, order.Params) order.Result { panic(serviceToken) }
	reply := k.invoke(`{"out_trade_no":"A1"}`, nil)
	if reply["returnCode"] != "FAIL" || reply["outcome"] != "unknown" || reply["retryable"] != true || reply["errCode"] != "INTERNAL_ERROR" {
		t.Errorf("got %v", reply)
	}
	k.wantLog(map[string]any{"msg": "panic", "fault": "string", "level": "ERROR"})
	if logs := k.logs.String(); strings.Contains(logs, serviceToken) || !strings.Contains(logs, "function_test.go") {
		t.Errorf("the log has what was panicked with, or no stack: %s", logs)
	}
}

// What a panic says may be anything that was in memory. Go's own faults name indices and types.
func TestPanicsInTheLog(t *testing.T) {
	t.Parallel()
	none := []int(nil)
	for want, fault := range map[string]func(){
		"string":              func() { panic(serviceToken) },
		"*errors.errorString": func() { panic(errors.New(serviceToken)) },
		"order.Params":        func() { panic(order.Params{OutTradeNo: serviceToken}) },
		"runtime.boundsError: runtime error: index out of range [7] with length 0": func() { none[7]++ },
		"*runtime.TypeAssertionError: interface conversion: interface {} is string, not int": func() {
			_ = any(serviceToken).(int)
		},
	} {
		k := newKit(t)
		k.fn.Do = func(context.Context, order.Params) order.Result { fault(); return order.Result{} }
		k.invoke(`{"out_trade_no":"A1"}`, nil)
		if got := k.lines()[0]["fault"]; got != want || strings.Contains(k.logs.String(), serviceToken) {
			t.Errorf("got %q, want %q and no more: %s", got, want, k.logs.String())
		}
	}
}

// An order number is logged if it can be one and its caller is admitted. Anything else in its place
// is not, least of all a token.
func TestNumbersInTheLog(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, number, token, want string }{
		{"a service", "A|1*@_-", serviceToken, "A|1*@_-"},
		{"a service's longest", strings.Repeat("9", 32), serviceToken, strings.Repeat("9", 32)},
		{"a service's, too long", strings.Repeat("9", 33), serviceToken, ""},
		{"a service's, of other characters", "a 1", serviceToken, ""},
		{"nobody", "A1", "", ""},
		{"an impostor", "A1", guessed, ""},
		{"the service token", serviceToken, serviceToken, "redacted"},
		{"the HTTP token", httpToken, serviceToken, "redacted"},
		{"the timer's", timerToken, serviceToken, "redacted"},
		{"nobody's token", httpToken, "", ""},
	} {
		for _, event := range []string{
			text(obj{"out_trade_no": tc.number, "service_token": tc.token}),
			batched("cmq", text(obj{"out_trade_no": tc.number, "service_token": tc.token})),
		} {
			k := newKit(t).strict()
			k.out = io.Discard // a reply returns the number to its caller
			reply, _ := k.handle(event, nil)
			line := k.lines()[0]
			if got, _ := line["outTradeNo"].(string); got != tc.want || line["msg"] != "close" {
				t.Errorf("%s: got %q of %s, want %q: %v", tc.name, got, event, tc.want, line)
			}
			for _, token := range []string{serviceToken, httpToken, timerToken} {
				if strings.Contains(k.logs.String(), token) || strings.Contains(reply, `"results"`) && strings.Contains(reply, token) {
					t.Errorf("%s: the token is in the log or the report: %s %s", tc.name, k.logs.String(), reply)
				}
			}
		}
	}
	k := newKit(t).strict().store(nil)
	k.invoke(text(with(timerForms["scf-timer"](""), obj{"TriggerName": timerToken})), fromTimer)
	if logs := k.logs.String(); strings.Contains(logs, timerToken) {
		t.Errorf("the token is in the log: %s", logs)
	}
}

func TestOneLineForEachInvocation(t *testing.T) {
	t.Parallel()
	k := newKit(t).open()
	k.fn.Do = func(_ context.Context, p order.Params) order.Result {
		r := closed(p)
		r.API, r.GatewayCode, r.RequestID, r.Waited = order.V3, "X", "R1", 1500*time.Millisecond
		return r
	}
	k.name = "pay-closeorder"
	k.invoke(`{"out_trade_no":"A1"}`, user)
	var line map[string]any
	if err := json.Unmarshal(k.logs.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, k.logs.String())
	}
	for key, want := range map[string]any{
		"msg": "close", "op": "close", "trigger": "call", "platform": "scf", "function": "pay-closeorder", "caller": "user", "identifiedBy": "environment", "outTradeNo": "A1",
		"outcome": "closed",
		"api":     "v3", "attempts": 1.0, "level": "INFO", "gatewayCode": "X", "gatewayRequestId": "R1", "gatewayMs": 1500.0, "errCode": nil,
	} {
		if line[key] != want {
			t.Errorf("%s = %v, want %v", key, line[key], want)
		}
	}
	if line["owner"] != "oABC01…" || strings.Contains(k.logs.String(), user["WX_OPENID"]) {
		t.Errorf("the log has the user's openid: %s", k.logs.String())
	}
}
