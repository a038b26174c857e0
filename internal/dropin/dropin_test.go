package dropin_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/dropin"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
)

// readers are the two templates: how each reads a named operation.
var readers = map[string]func(t *testing.T, operation, members string) dropin.Call{
	"pay-common": func(t *testing.T, operation, members string) dropin.Call {
		t.Helper()
		return wantRead(t)(dropin.ReadRoute("/wx-pay/"+operation, []byte("{"+members+"}")))
	},
	"pay-common by body": func(t *testing.T, operation, members string) dropin.Call {
		t.Helper()
		body := `{"_action":"` + operation + `",` + members + `}`
		return wantRead(t)(dropin.ReadRoute("/", []byte(strings.Replace(body, ",}", "}", 1))))
	},
	"wxpayFunctions": func(t *testing.T, operation, members string) dropin.Call {
		t.Helper()
		event := `{"type":"` + operation + `",` + members + `}`
		return wantRead(t)(dropin.ReadEvent([]byte(strings.Replace(event, ",}", "}", 1))))
	},
}

func wantRead(t *testing.T) func(dropin.Call, bool) dropin.Call {
	t.Helper()
	return func(c dropin.Call, is bool) dropin.Call {
		t.Helper()
		if !is {
			t.Fatal("the call is not taken for the template's")
		}
		return c
	}
}

// clients are how the templates' clients read an order out of an answer.
var clients = map[string]func(answer map[string]any) map[string]any{
	"miniprogram": func(a map[string]any) map[string]any { return object(a["data"]) },
	// res.data?.data || res.data, and data.data.data || data.data in browsers, where the first data
	// is the body.
	"cloudrun, WeDa, react, web": func(a map[string]any) map[string]any {
		if inner := object(a["data"])["data"]; inner != nil {
			return object(inner)
		}
		return object(a["data"])
	},
}

func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

// answered is the answer as a client parses it.
func answered(t *testing.T, c dropin.Call, r order.Result) map[string]any {
	t.Helper()
	text, err := json.Marshal(c.Answer(r))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "errRaw") || strings.Contains(strings.ToLower(string(text)), "authorization") {
		t.Errorf("%s has what the template leaks", text)
	}
	var parsed map[string]any
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

// call is what results are of.
var call = order.Call{API: order.V3, AppID: "wx1234567890abcdef", Ref: order.Ref{MchID: "1900000001", OutTradeNo: "A1"}}

// signed is a result that a signed reply decided.
func signed(o order.Outcome, f *order.Facts) order.Result {
	return order.NewResult(call, o, order.Answer{Proof: order.ProofSignature, HTTPStatus: 200, Facts: f}, 1)
}

// paid are the facts of a paid order.
func paid() *order.Facts {
	return &order.Facts{
		AppID: call.AppID, OutTradeNo: "A1", TransactionID: "4200009999202611290000000001",
		TradeType: "JSAPI", TradeState: tradestate.Success, TradeStateDesc: "支付成功", BankType: "OTHERS", Attach: "shop-7",
		OpenID: "oEMU1", TotalFee: new(int64(100)), CashFee: new(int64(0)), FeeType: "CNY", CashFeeType: "CNY",
		PaidAt: time.Date(2026, 11, 29, 0, 30, 0, 0, time.UTC),
	}
}

// outcomes are all results of a call, each with the sentence of its code -1.
var outcomes = []struct {
	name           string
	result         order.Result
	isClosed       bool
	onClose        string
	isFound        bool
	onQuery, state string
}{
	{name: "closed", result: signed(order.OutcomeClosed, nil), isClosed: true, onQuery: "订单状态未知，请稍后查询"},
	{name: "alreadyClosed", result: signed(order.OutcomeAlreadyClosed, nil), isClosed: true, onQuery: "订单状态未知，请稍后查询"},
	{
		name: "scheduled", result: order.Registered(call, order.OutcomeScheduled, bilingual.Text{}),
		onClose: "订单尚未关闭：已登记，到时自动关单", onQuery: "订单状态未知，请稍后查询",
	},
	{name: "tooSoon", result: signed(order.OutcomeTooSoon, nil), onClose: "订单尚未关闭：微信支付暂不受理，请稍后重试", onQuery: "查询过于频繁，请稍后重试"},
	{name: "paid", result: signed(order.OutcomePaid, paid()), onClose: "订单已支付，不能关单", onQuery: "订单状态未知，请稍后查询"},
	{
		name:    "unknown",
		result:  order.NewResult(call, order.OutcomeUnknown, order.Answer{Proof: order.ProofNone, Code: errcode.Timeout}, 1),
		onClose: "关单结果未知：没有收到可验证的应答，请重试", onQuery: "查单结果未知：没有收到可验证的应答，请重试",
	},
	{name: "notFound", result: signed(order.OutcomeNotFound, nil), onClose: "没有找到该订单，未关单", onQuery: "没有找到该订单"},
	{
		name: "refused", result: signed(order.OutcomeRefused, nil),
		onClose: "关单请求被拒绝，重试无用", onQuery: "查单请求被拒绝，重试无用",
	},
	{
		name: "not allowed", result: order.Refusal(errcode.NoAuth, bilingual.New("no", "否")),
		onClose: "未授权访问", onQuery: "未授权访问",
	},
	{
		name: "not configured", result: order.Refusal(errcode.ConfigError, bilingual.New("no", "否")),
		onClose: "服务内部错误", onQuery: "服务内部错误",
	},
	{name: "withdrawn", result: order.Registered(call, order.OutcomeWithdrawn, bilingual.Text{}), onClose: "订单尚未关闭：登记已撤回", onQuery: "订单状态未知，请稍后查询"},
	{name: "tooLate", result: order.Registered(call, order.OutcomeTooLate, bilingual.Text{}), onClose: "登记已不能变更，未关单", onQuery: "订单状态未知，请稍后查询"},
	{name: "found", result: signed(order.OutcomeFound, paid()), onClose: "订单状态未知，请稍后查询", isFound: true, state: "SUCCESS"},
	{
		name: "found unsigned", onClose: "订单状态未知，请稍后查询", onQuery: "查单应答没有签名，订单状态不可采信",
		result: order.NewResult(call, order.OutcomeFound, order.Answer{Proof: order.ProofNone, Facts: paid()}, 1),
	},
	{
		name: "found by another call", onClose: "订单状态未知，请稍后查询", onQuery: "查单应答没有签名，订单状态不可采信",
		result: order.NewResult(call, order.OutcomeFound, order.Answer{Proof: order.ProofSignature, Facts: paid()}, 0),
	},
	{
		name: "found without a state", onClose: "订单状态未知，请稍后查询", onQuery: "查单应答没有签名，订单状态不可采信",
		result: signed(order.OutcomeFound, &order.Facts{OutTradeNo: "A1"}),
	},
}

// Every client of every template takes a close for done only if the order is closed, and else shows
// a sentence that tells the outcomes apart.
func TestClose(t *testing.T) {
	t.Parallel()
	for template, read := range readers {
		for _, tc := range outcomes {
			t.Run(template+"/"+tc.name, func(t *testing.T) {
				t.Parallel()
				got := answered(t, read(t, "wxpay_close_order", `"out_trade_no":"A1"`), tc.result)
				wantCode(t, got, tc.isClosed, tc.onClose)
				if object(got["result"])["outcome"] != string(tc.result.Outcome) {
					t.Errorf("got %v, want the result beside", got)
				}
			})
		}
	}
}

// Every client of every template reads an order's state only if it was stated with a signature.
func TestQuery(t *testing.T) {
	t.Parallel()
	for template, read := range readers {
		for _, operation := range []string{`wxpay_query_order_by_out_trade_no|"out_trade_no":"A1"`, `wxpay_query_order_by_transaction_id|"transaction_id":"42"`} {
			name, members, _ := strings.Cut(operation, "|")
			for _, tc := range outcomes {
				t.Run(template+"/"+name+"/"+tc.name, func(t *testing.T) {
					t.Parallel()
					got := answered(t, read(t, name, members), tc.result)
					wantCode(t, got, tc.isFound, tc.onQuery)
					for client, order := range clients {
						state, _ := order(got)["trade_state"].(string)
						if state != tc.state {
							t.Errorf("the client %s reads the state %q, want %q", client, state, tc.state)
						}
					}
				})
			}
		}
	}
}

func wantCode(t *testing.T, got map[string]any, isDone bool, message string) {
	t.Helper()
	code, want := -1.0, message
	if isDone {
		code, want = 0, "success"
	}
	if got["code"] != code || got["msg"] != want {
		t.Errorf("got code %v and %q, want %v and %q", got["code"], got["msg"], code, want)
	}
}

// A close's sentences differ in all outcomes, and none is one that clients read otherwise.
func TestSentences(t *testing.T) {
	t.Parallel()
	var seen []string
	for _, tc := range outcomes[2:8] {
		for _, sentence := range []string{tc.onClose, tc.onQuery} {
			if strings.Contains(sentence, "商户订单号错误") {
				t.Errorf("%q: clients take it for a change of state", sentence)
			}
		}
		if slices.Contains(seen, tc.onClose) {
			t.Errorf("%q stands for two outcomes", tc.onClose)
		}
		seen = append(seen, tc.onClose)
	}
}

// docs/dropin.md has each sentence.
func TestDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/dropin.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range outcomes[:10] {
		for _, sentence := range []string{tc.onClose, tc.onQuery} {
			if sentence != "订单状态未知，请稍后查询" && !strings.Contains(string(text), sentence) {
				t.Errorf("docs/dropin.md does not have %q, of %s", sentence, tc.name)
			}
		}
	}
}

const paidOrder = `"appid":"wx1234567890abcdef","mchid":"1900000001","out_trade_no":"A1",
	"transaction_id":"4200009999202611290000000001","trade_type":"JSAPI","trade_state":"SUCCESS","trade_state_desc":"支付成功",
	"bank_type":"OTHERS","attach":"shop-7","success_time":"2026-11-29T08:30:00+08:00","payer":{"openid":"oEMU1"},
	"amount":{"total":100,"payer_total":0,"currency":"CNY","payer_currency":"CNY"}`

const unpaidOrder = `"appid":"wx1234567890abcdef","mchid":"1900000001","out_trade_no":"A1","trade_state":"NOTPAY"`

// The data of each template, to the member. What was not said is absent.
func TestData(t *testing.T) {
	t.Parallel()
	unpaid := &order.Facts{OutTradeNo: "A1", TradeState: tradestate.NotPay}
	for _, tc := range []struct {
		name, template, operation string
		result                    order.Result
		want                      string
	}{
		{"paid", "pay-common", "wxpay_query_order_by_out_trade_no", signed(order.OutcomeFound, paid()), `{"status":200,` + paidOrder + `,"data":{` + paidOrder + `}}`},
		{"unpaid", "pay-common", "wxpay_query_order_by_out_trade_no", signed(order.OutcomeFound, unpaid), `{"status":200,` + unpaidOrder + `,"data":{` + unpaidOrder + `}}`},
		{"closed", "pay-common", "wxpay_close_order", signed(order.OutcomeClosed, nil), `{"status":204,"data":{}}`},
		{"refused", "pay-common", "wxpay_close_order", signed(order.OutcomeRefused, nil), `null`},
		{"paid", "wxpayFunctions", "wxpay_query_order_by_out_trade_no", signed(order.OutcomeFound, paid()), `{"code":0,` + paidOrder + `,"data":{` + paidOrder + `},"errmsg":""}`},
		{"unpaid", "wxpayFunctions", "wxpay_query_order_by_out_trade_no", signed(order.OutcomeFound, unpaid), `{"code":0,` + unpaidOrder + `,"data":{` + unpaidOrder + `},"errmsg":""}`},
		{"closed", "wxpayFunctions", "wxpay_close_order", signed(order.OutcomeClosed, nil), `{"code":0,"data":{},"errmsg":""}`},
		{"refused", "wxpayFunctions", "wxpay_close_order", signed(order.OutcomeRefused, nil), `{"code":-1,"data":null,"errmsg":"关单请求被拒绝，重试无用"}`},
	} {
		t.Run(tc.template+"/"+tc.name, func(t *testing.T) {
			t.Parallel()
			var want any
			if err := json.Unmarshal([]byte(tc.want), &want); err != nil {
				t.Fatal(err)
			}
			got := answered(t, readers[tc.template](t, tc.operation, `"out_trade_no":"A1"`), tc.result)["data"]
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A call becomes the parameters that its operation goes by, and a close is attempted at once.
func TestParameters(t *testing.T) {
	t.Parallel()
	for template, read := range readers {
		for _, tc := range []struct {
			operation, members string
			does               dropin.Operation
			want               order.Params
		}{
			{"wxpay_close_order", `"out_trade_no":"A1"`, dropin.Close, order.Params{OutTradeNo: "A1", AtOnce: true}},
			{"wxpay_close_order", `"out_trade_no":"A1","transaction_id":"42"`, dropin.Close, order.Params{OutTradeNo: "A1", AtOnce: true}},
			{"wxpay_query_order_by_out_trade_no", `"out_trade_no":"A1","userInfo":{"openId":"o1"}`, dropin.Query, order.Params{OutTradeNo: "A1"}},
			{"wxpay_query_order_by_transaction_id", `"out_trade_no":"A1","transaction_id":"42"`, dropin.Query, order.Params{TransactionID: "42"}},
		} {
			c := read(t, tc.operation, tc.members)
			if c.Fault != nil || c.Operation != tc.does {
				t.Errorf("%s %s: got %s and %v", template, tc.operation, c.Operation, c.Fault)
			}
			if diff := cmp.Diff(tc.want, c.Reader.Params); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", template, tc.operation, diff)
			}
		}
	}
}

// A token is handed on, and is no parameter.
func TestServiceToken(t *testing.T) {
	t.Parallel()
	for template, read := range readers {
		c := read(t, "wxpay_close_order", `"out_trade_no":"A1","service_token":"t"`)
		if c.Fault != nil || c.Reader.ServiceToken != "t" {
			t.Errorf("%s: got %q and %v", template, c.Reader.ServiceToken, c.Fault)
		}
	}
}

// A call that cannot be meant has a fault, whatever result it is answered with, and the template's
// own words where it has some.
func TestFaults(t *testing.T) {
	t.Parallel()
	refused := "关单请求被拒绝，重试无用"
	for template, read := range readers {
		unserved := "Unimplemented method"
		if template != "wxpayFunctions" {
			unserved = "不支持的操作: wxpay_refund"
		}
		for _, tc := range []struct{ name, operation, members, field, message string }{
			{"no number", "wxpay_close_order", ``, "out_trade_no", "out_trade_no 必填"},
			{"the other number", "wxpay_close_order", `"transaction_id":"42"`, "out_trade_no", "out_trade_no 必填"},
			{"no number", "wxpay_query_order_by_transaction_id", `"out_trade_no":"A1"`, "transaction_id", "transaction_id 必填"},
			{"two numbers", "wxpay_close_order", `"out_trade_no":"A1","out_trade_no":"A2"`, "out_trade_no", refused},
			{"a number that is none", "wxpay_close_order", `"out_trade_no":1`, "out_trade_no", refused},
			{"a time", "wxpay_close_order", `"out_trade_no":"A1","close_at":"600"`, "close_at", refused},
			{"an owner", "wxpay_close_order", `"out_trade_no":"A1","owner":"tcb:u1"`, "owner", refused},
			{"a combined order", "wxpay_close_order", `"out_trade_no":"A1","combine_out_trade_no":"C1"`, "combine_out_trade_no", refused},
			{"another operation", "wxpay_refund", `"out_trade_no":"A1"`, "operation", unserved},
		} {
			t.Run(template+"/"+tc.name+" "+tc.operation, func(t *testing.T) {
				t.Parallel()
				c := read(t, tc.operation, tc.members)
				if c.Fault == nil || c.Fault.Field != tc.field {
					t.Fatalf("got the fault %v, want one of %s", c.Fault, tc.field)
				}
				wantCode(t, answered(t, c, order.Refusal(c.Fault.Code, c.Fault.Wording())), false, tc.message)
				if got := c.Answer(signed(order.OutcomeClosed, nil)); got.Code != -1 {
					t.Errorf("a call with a fault is answered as done: %+v", got)
				}
			})
		}
	}
}

// What names no operation is left to other routes. What names one in another way is read.
func TestRouting(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, path, body string
		want             dropin.Operation // empty: not the template's
	}{
		{"a path", "/wx-pay/wxpay_close_order", `{"out_trade_no":"A1"}`, dropin.Close},
		{"a path with a slash", "/wx-pay/wxpay_close_order/", `{"out_trade_no":"A1"}`, dropin.Close},
		{"an action that is a path", "/", `{"_action":"/wx-pay/wxpay_close_order","out_trade_no":"A1"}`, dropin.Close},
		{"a path in the body", "/", `{"path":"/wx-pay/wxpay_close_order","method":"POST","out_trade_no":"A1"}`, dropin.Close},
		{"the path is stronger", "/wx-pay/wxpay_query_order_by_out_trade_no", `{"_action":"wxpay_close_order","out_trade_no":"A1"}`, dropin.Query},
		{"the action is stronger", "/", `{"_action":"wxpay_query_order_by_out_trade_no","path":"/wx-pay/wxpay_close_order","out_trade_no":"A1"}`, dropin.Query},
		{"another path's operation", "/wx-pay/wxpay_refund", `{"_action":"wxpay_close_order","out_trade_no":"A1"}`, dropin.Unserved},
		{"another action", "/", `{"_action":"wxpay_refund","out_trade_no":"A1"}`, dropin.Unserved},
		{"no action", "/", `{"out_trade_no":"A1"}`, ""},
		{"an action of another case", "/", `{"_ACTION":"wxpay_close_order","out_trade_no":"A1"}`, ""},
		{"another path in the body", "/", `{"path":"/closeorder","out_trade_no":"A1"}`, ""},
		{"an action that is no text", "/", `{"_action":1}`, ""},
		{"no object", "/", `[]`, ""},
		{"no body", "/", ``, ""},
		{"too long", "/", `{"_action":"wxpay_close_order","out_trade_no":"A1","x":"` + strings.Repeat("x", order.MaxObject) + `"}`, ""},
	} {
		c, is := dropin.ReadRoute(tc.path, []byte(tc.body))
		if is != (tc.want != "") || is && c.Operation != tc.want {
			t.Errorf("%s: got %q", tc.name, c.Operation)
		}
		if !is && c.Answer(signed(order.OutcomeClosed, nil)).Code != -1 {
			t.Errorf("%s: a request of no operation is answered as done", tc.name)
		}
	}
}

// An event of another kind is left to the function that gets it.
func TestEvents(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]dropin.Operation{
		`{"type":"wxpay_close_order","out_trade_no":"A1"}`: dropin.Close,
		`{"type":"wxpay_order","out_trade_no":"A1"}`:       dropin.Unserved,
		`{"type":"wxpay_","out_trade_no":"A1"}`:            dropin.Unserved,
		`{"Type":"Timer","TriggerName":"sweep"}`:           "",
		`{"Type":"wxpay_close_order"}`:                     "",
		`{"out_trade_no":"A1"}`:                            "",
		`{"type":"close"}`:                                 "",
		`null`:                                             "",
	} {
		c, is := dropin.ReadEvent([]byte(event))
		if is != (want != "") || c.Operation != want {
			t.Errorf("%s: got %q, want %q", event, c.Operation, want)
		}
	}
}
