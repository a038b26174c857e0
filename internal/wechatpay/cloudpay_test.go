package wechatpay_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/order"
	"cloudpay/internal/wechatpay"
)

type object = map[string]any

// head is what every reply of WeChat Pay's over the private link starts with, in its own casing.
func head() object {
	return object{
		"return_code": "SUCCESS", "return_msg": "OK", "appid": "wxd2565e6a04246fd1", "mch_id": "1800780001",
		"sub_appid": "wx8888888888888888", "sub_mch_id": "1712734762", "nonce_str": "9uI3AxvJ7GLpGIIX",
		"sign": "A1826DE9C17DE39BF3B01A521DE6BFE", "result_code": "SUCCESS",
	}
}

func with(o object, changes object) object {
	o = maps.Clone(o)
	maps.Copy(o, changes)
	return o
}

// refusal is a resultCode FAIL.
func refusal(code, text string) object {
	return with(head(), object{"result_code": "FAIL", "err_code": code, "err_code_des": text})
}

// paidOrder is a query's reply with numbered coupons, as APIv2 has them.
func paidOrder() object {
	return with(head(), object{
		"device_info": "d1", "openid": "o1", "is_subscribe": "N", "sub_openid": "o2", "sub_is_subscribe": "Y", "trade_type": "JSAPI",
		"trade_state": "SUCCESS", "trade_state_desc": "支付成功", "bank_type": "OTHERS", "total_fee": 101, "settlement_total_fee": 100,
		"fee_type": "CNY", "cash_fee": 89, "cash_fee_type": "CNY", "coupon_fee": 12, "coupon_count": 2,
		"coupon_id_0": "10000", "coupon_type_0": "CASH", "coupon_fee_0": 10,
		"coupon_id_1": "10001", "coupon_type_1": "NO_CASH", "coupon_fee_1": 2,
		"transaction_id": "4204860361200001213072203688", "out_trade_no": "A1", "attach": "", "time_end": "20220321135131",
	})
}

// resolve does what wx-server-sdk does to a reply: keys to camelCase by /_[a-z]/, and then errCode and errMsg written over.
func resolve(method string, snake object) object {
	camel := object{}
	for key, value := range snake {
		key = regexp.MustCompile(`_[a-z]`).ReplaceAllStringFunc(key, func(s string) string { return strings.ToUpper(s[1:]) })
		camel[key] = value
	}
	camel["errCode"], camel["errMsg"] = 0, "cloudPay."+method+":ok"
	return camel
}

// hosted puts a reply into WeChat cloud hosting's envelope.
func hosted(snake object) object { return object{"errcode": 0, "errmsg": "ok", "respdata": snake} }

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// common is what every result of head has.
func common() order.Result {
	return order.Result{
		ReturnCode: "SUCCESS", ReturnMsg: "OK", ResultCode: "SUCCESS", AppID: "wxd2565e6a04246fd1", MchID: "1800780001",
		SubAppID: "wx8888888888888888", SubMchID: "1712734762", NonceStr: "9uI3AxvJ7GLpGIIX", Sign: "A1826DE9C17DE39BF3B01A521DE6BFE",
		API: "cloudPay", Proof: order.ProofNone,
	}
}

// casings are the same reply in every shape that somebody may hand on.
func casings(method string, snake object) map[string]object {
	return map[string]object{
		"as resolved":              resolve(method, snake),
		"as documented":            snake,
		"of cloud hosting":         hosted(snake),
		"of cloud hosting, by SDK": with(hosted(snake), object{"errCode": 0, "errMsg": "cloudPay." + method + ":ok"}),
	}
}

func TestCloudPayClosed(t *testing.T) {
	t.Parallel()
	want := common()
	want.Outcome, want.ResultMsg = order.OutcomeClosed, "done"
	for casing, o := range casings("closeOrder", with(head(), object{"result_msg": "done"})) {
		got := wechatpay.CloudPayResult(order.OpClose, encode(t, o))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", casing, diff)
		}
	}
}

func TestCloudPayFound(t *testing.T) {
	t.Parallel()
	fen := func(n int64) *int64 { return &n }
	want := common()
	want.Outcome = order.OutcomeFound
	want.OutTradeNo, want.TransactionID, want.TimeEnd = "A1", "4204860361200001213072203688", "20220321135131"
	want.TradeState, want.TradeStateDesc, want.TradeType, want.BankType = order.Success, "支付成功", "JSAPI", "OTHERS"
	want.TotalFee, want.SettlementTotalFee, want.CashFee, want.CouponFee = fen(101), fen(100), fen(89), fen(12)
	want.FeeType, want.CashFeeType, want.CouponCount, want.DeviceInfo = "CNY", "CNY", 2, "d1"
	want.OpenID, want.SubOpenID, want.IsSubscribe, want.SubIsSubscribe = "o1", "o2", "N", "Y"
	want.Coupons = []order.Coupon{{ID: "10000", Type: "CASH", Fee: 10}, {ID: "10001", Type: "NO_CASH", Fee: 2}}

	listed := paidOrder()
	for _, key := range []string{"id", "type", "fee"} {
		listed["coupon_"+key+"_list"] = []any{listed["coupon_"+key+"_0"], listed["coupon_"+key+"_1"]}
		delete(listed, "coupon_"+key+"_0")
		delete(listed, "coupon_"+key+"_1")
	}
	asText := paidOrder()
	for _, key := range []string{"total_fee", "settlement_total_fee", "cash_fee", "coupon_fee", "coupon_count", "coupon_fee_0", "coupon_fee_1"} {
		asText[key] = fmt.Sprint(asText[key])
	}
	for shape, paid := range map[string]object{"numbered coupons": paidOrder(), "listed coupons": listed, "numbers as strings": asText} {
		for casing, o := range casings("queryOrder", paid) {
			got := wechatpay.CloudPayResult(order.OpQuery, encode(t, o))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s: %s", shape, casing, diff)
			}
		}
	}
}

func TestCloudPayUnpaidHasNoAmounts(t *testing.T) {
	t.Parallel()
	want := common()
	want.Outcome, want.OutTradeNo, want.TradeState = order.OutcomeFound, "A1", order.NotPay
	got := wechatpay.CloudPayResult(order.OpQuery, encode(t, resolve("queryOrder", with(head(), object{
		"out_trade_no": "A1", "trade_state": "NOTPAY", "total_fee": 0, "cash_fee": "", "coupon_count": nil, "time_end": "",
		"coupon_id_list": []any{}, "promotion_detail": object{"a": 1}, "brand_new": true,
	}))))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The six codes of the documents' table, and those that other calls bring: as words of WeChat Pay's where they survived,
// and where wx-server-sdk destroyed them. In the second case no two differ in anything but the sentence.
func TestCloudPayCodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code, text   string
		close, query order.Outcome
		canonical    string
		guess        string
	}{
		{"ORDERPAID", "订单已支付", order.OutcomePaid, order.OutcomeUnknown, "ORDERPAID", "which may mean ORDERPAID"},
		{"ORDERCLOSED", "订单已关闭", order.OutcomeAlreadyClosed, order.OutcomeUnknown, "ORDERCLOSED", "which may mean ORDERCLOSED"},
		{"SYSTEMERROR", "系统错误", order.OutcomeUnknown, order.OutcomeUnknown, "SYSTEMERROR", "which may mean SYSTEMERROR"},
		{"SIGNERROR", "签名错误", order.OutcomeRefused, order.OutcomeRefused, "SIGNERROR", "which may mean SIGNERROR"},
		{"REQUIRE_POST_METHOD", "请使用post方法", order.OutcomeRefused, order.OutcomeRefused, "REQUIRE_POST_METHOD", "which may mean REQUIRE_POST_METHOD"},
		{"XML_FORMAT_ERROR", "XML格式错误", order.OutcomeRefused, order.OutcomeRefused, "XML_FORMAT_ERROR", "which may mean XML_FORMAT_ERROR"},

		{"ORDERNOTEXIST", "此交易订单号不存在", order.OutcomeUnknown, order.OutcomeUnknown, "ORDERNOTEXIST", "which may mean ORDERNOTEXIST"},
		{"ORDER_PAID", "该订单已支付", order.OutcomePaid, order.OutcomeUnknown, "ORDERPAID", "which may mean ORDERPAID"},
		{"USERPAYING", "用户支付中", order.OutcomeUnknown, order.OutcomeUnknown, "USERPAYING", "which may mean USERPAYING"},
		{"REQUENCY_LIMITED", "频率限制", order.OutcomeTooSoon, order.OutcomeTooSoon, "FREQUENCY_LIMITED", "which may mean FREQUENCY_LIMITED"},
		{"TRADE_ERROR", "交易错误", order.OutcomeUnknown, order.OutcomeUnknown, "TRADE_ERROR", `the text is "交易错误"; query`},
		{"BRAND_NEW", "", order.OutcomeUnknown, order.OutcomeUnknown, "BRAND_NEW", "which wx-server-sdk overwrites; query"},
	} {
		for op, outcome := range map[order.Op]order.Outcome{order.OpClose: test.close, order.OpQuery: test.query} {
			for casing, o := range casings(map[order.Op]string{order.OpClose: "closeOrder", order.OpQuery: "queryOrder"}[op], refusal(test.code, test.text)) {
				got := wechatpay.CloudPayResult(op, encode(t, o))
				name := fmt.Sprintf("%s %s %s", op, test.code, casing)
				if casing == "as resolved" {
					checkDestroyed(t, name, got, test.guess)
					continue
				}
				if got.Outcome != outcome || got.ErrCode != test.canonical || got.GatewayCode != test.code {
					t.Errorf("%s: outcome %s, errCode %s, gatewayCode %s; want %s, %s, %s", name,
						got.Outcome, got.ErrCode, got.GatewayCode, outcome, test.canonical, test.code)
				}
				if !strings.Contains(got.ErrCodeDes, test.text) {
					t.Errorf("%s: errCodeDes %q, want the gateway's own words in it", name, got.ErrCodeDes)
				}
				checkWarrant(t, name, got)
			}
		}
	}
}

// checkDestroyed: the code is gone, and the text decides nothing.
func checkDestroyed(t *testing.T, name string, got order.Result, guess string) {
	t.Helper()
	if got.Outcome != order.OutcomeUnknown || got.ErrCode != order.CodeGatewayRejected || got.GatewayCode != "" || !got.Retryable {
		t.Errorf("%s: outcome %s, errCode %s, gatewayCode %s, retryable %t; want unknown, GATEWAY_REJECTED, none, true",
			name, got.Outcome, got.ErrCode, got.GatewayCode, got.Retryable)
	}
	if !strings.Contains(got.ErrCodeDes, guess) || !strings.Contains(got.ErrCodeDes, "query the order") {
		t.Errorf("%s: errCodeDes %q, want %q and to query in it", name, got.ErrCodeDes, guess)
	}
	checkWarrant(t, name, got)
}

// checkWarrant holds what is so of every result.
func checkWarrant(t *testing.T, name string, got order.Result) {
	t.Helper()
	if got.Proof != order.ProofNone {
		t.Errorf("%s: proof %s, want none: nobody saw the object come", name, got.Proof)
	}
	if got.Outcome == order.OutcomeUnknown && (!got.Retryable || got.ReturnCode != "FAIL" || got.ResultCode != "" || got.ErrCode == "" || got.ReturnMsg == "") {
		t.Errorf("%s: unknown, and %+v; want it retryable, FAIL, with a code and a reason", name, got)
	}
	if got.Attempts != 0 || got.HTTPStatus != 0 || got.API != "cloudPay" {
		t.Errorf("%s: attempts %d, HTTP %d, api %q; we sent nothing", name, got.Attempts, got.HTTPStatus, got.API)
	}
}

// TestCloudPayLookupAgrees: a code means here what the one table says it means.
func TestCloudPayLookupAgrees(t *testing.T) {
	t.Parallel()
	outcomes := map[order.Verdict]order.Outcome{
		order.SaysClosed: order.OutcomeAlreadyClosed, order.SaysPaid: order.OutcomePaid, order.Limited: order.OutcomeTooSoon, order.Refused: order.OutcomeRefused,
	}
	for _, row := range order.Codes() {
		for op, verdict := range map[order.Op]order.Verdict{order.OpClose: row.Close, order.OpQuery: row.Query} {
			want, decided := outcomes[verdict]
			if !decided {
				want = order.OutcomeUnknown
			}
			got := wechatpay.CloudPayResult(op, encode(t, refusal(row.Name, "")))
			if got.Outcome != want || got.ErrCode != row.Name {
				t.Errorf("%s %s: outcome %s, errCode %s; want %s", op, row.Name, got.Outcome, got.ErrCode, want)
			}
			if got.ErrCodeDes == "" {
				t.Errorf("%s %s: no errCodeDes", op, row.Name)
			}
			if op == order.OpQuery && verdict == order.Doubted && strings.Contains(got.ErrCodeDes, "deliver") {
				t.Errorf("query %s: %q follows an answer that is none", row.Name, got.ErrCodeDes)
			}
		}
	}
}

func TestCloudPayThrown(t *testing.T) {
	t.Parallel()
	for number, code := range map[int]string{
		-501001: "SYSTEMERROR", -501002: "TIMEOUT", -501003: "FREQUENCY_LIMITED", -501004: "FREQUENCY_LIMITED", -501005: "CONFIG_ERROR",
		-501007: "PARAM_ERROR", -601001: "SYSTEMERROR", -601004: "NOAUTH", -601008: "TIMEOUT", -604101: "NOAUTH", -1: "SYSTEMERROR",
		-999999: "GATEWAY_REJECTED", 45105: "GATEWAY_REJECTED",
	} {
		fail := fmt.Sprintf("cloudPay.closeOrder:fail %d", number)
		message := fmt.Sprintf("errCode: %d  | errMsg: %s", number, fail)
		for shape, thrown := range map[string]any{
			"its properties":   object{"errCode": number, "errMsg": fail},
			"number as text":   object{"errCode": fmt.Sprint(number), "errMsg": fail},
			"with a request":   object{"errCode": number, "errMsg": fail, "requestId": "r-1", "name": "Error", "message": message, "stack": "at x"},
			"its message":      object{"message": message},
			"String(err)":      "Error: " + message,
			"of cloud hosting": object{"errcode": number, "errmsg": "system error", "respdata": nil},
			"no errMsg":        object{"errCode": number},
			"beside a result":  with(resolve("closeOrder", head()), object{"errCode": number}),
		} {
			got := wechatpay.CloudPayResult(order.OpClose, encode(t, thrown))
			name := fmt.Sprintf("%d, %s", number, shape)
			if got.Outcome != order.OutcomeUnknown || got.ErrCode != code || got.GatewayCode != fmt.Sprint(number) {
				t.Errorf("%s: outcome %s, errCode %s, gatewayCode %s; want unknown, %s, the number", name, got.Outcome, got.ErrCode, got.GatewayCode, code)
			}
			if !strings.Contains(got.ErrCodeDes, "query it") {
				t.Errorf("%s: errCodeDes %q, want it to say what to do", name, got.ErrCodeDes)
			}
			if shape == "with a request" && got.RequestID != "r-1" {
				t.Errorf("%s: requestId %q, want r-1", name, got.RequestID)
			}
			checkWarrant(t, name, got)
		}
	}
}

// TestCloudPayUnknown: what says nothing, and the reason that is given.
func TestCloudPayUnknown(t *testing.T) {
	t.Parallel()
	closeOK, queryOK := resolve("closeOrder", head()), resolve("queryOrder", paidOrder())
	deep := strings.Repeat(`{"respdata":`, 5000) + "1" + strings.Repeat("}", 5000)
	for _, test := range []struct {
		name   string
		op     order.Op
		object any // a json.RawMessage is junk as it stands
		code   string
		says   string
	}{
		{"a query's for a close", order.OpClose, queryOK, "FOREIGN_REPLY", "of cloudPay.queryOrder, not of closeOrder"},
		{"a close's for a query", order.OpQuery, closeOK, "FOREIGN_REPLY", "of cloudPay.closeOrder, not of queryOrder"},
		{"a unified order's", order.OpClose, resolve("unifiedOrder", head()), "FOREIGN_REPLY", "of cloudPay.unifiedOrder"},
		{"an error of another call", order.OpClose, object{"errCode": -501002, "errMsg": "cloudPay.refund:fail"}, "FOREIGN_REPLY", "of cloudPay.refund"},
		{"a query's for a close, unmarked", order.OpClose, paidOrder(), "FOREIGN_REPLY", "another call"},
		{"a prepayment for a close, unmarked", order.OpClose, with(head(), object{"prepay_id": "wx1"}), "FOREIGN_REPLY", "another call"},
		{"a close's for a query, unmarked", order.OpQuery, head(), "MALFORMED_REPLY", "no tradeState"},

		{"returnCode FAIL", order.OpClose, resolve("closeOrder", object{"return_code": "FAIL", "return_msg": "参数格式校验错误"}), "PARAM_ERROR", "参数格式校验错误"},
		{"returnCode FAIL, signature", order.OpQuery, object{"return_code": "FAIL", "return_msg": "签名失败"}, "SIGNERROR", "query it"},
		{"returnCode FAIL, says paid", order.OpClose, object{"return_code": "FAIL", "return_msg": "订单已支付"}, "GATEWAY_REJECTED", "订单已支付"},
		{"returnCode FAIL, with a result", order.OpClose, with(head(), object{"return_code": "FAIL"}), "GATEWAY_REJECTED", "OK"},
		{"returnCode FAIL, speechless", order.OpClose, object{"returnCode": "FAIL"}, "GATEWAY_REJECTED", "no reason given"},

		{"thrown without a number", order.OpClose, object{"errMsg": "cloudPay.closeOrder:fail socket hang up"}, "SYSTEMERROR", "socket hang up"},

		{"no returnCode", order.OpClose, object{"resultCode": "SUCCESS"}, "MALFORMED_REPLY", "no returnCode"},
		{"returnCode in small letters", order.OpClose, with(head(), object{"return_code": "success"}), "MALFORMED_REPLY", "no returnCode"},
		{"no resultCode", order.OpClose, object{"returnCode": "SUCCESS"}, "MALFORMED_REPLY", "no resultCode"},
		{"resultCode true", order.OpClose, object{"returnCode": "SUCCESS", "resultCode": true}, "MALFORMED_REPLY", "no resultCode"},
		{"contradictory casings", order.OpClose, with(head(), object{"resultCode": "FAIL"}), "MALFORMED_REPLY", "it gives resultcode twice"},
		{"contradictory codes", order.OpClose, with(refusal("ORDERPAID", ""), object{"errCode": "ORDERCLOSED"}), "MALFORMED_REPLY", "it gives errcode twice"},
		{"contradictory numbers", order.OpClose, object{"errCode": -1, "errcode": -2}, "MALFORMED_REPLY", "it gives errcode twice"},
		{"contradictory respdata", order.OpClose, with(hosted(head()), object{"resultCode": "FAIL"}), "MALFORMED_REPLY", "it gives resultcode twice"},
		{"a list twice", order.OpQuery, with(paidOrder(), object{"couponIdList": []int{1}, "coupon_id_list": []int{1}}), "MALFORMED_REPLY", "it gives couponidlist twice"},
		{"coupons listed and numbered", order.OpQuery, with(paidOrder(), object{"coupon_id_list": []any{"7"}}), "MALFORMED_REPLY", "it gives couponid0 twice"},

		{"an amount that is none", order.OpQuery, with(paidOrder(), object{"total_fee": 1.5}), "MALFORMED_REPLY", "totalfee is not a whole number"},
		{"a negative amount", order.OpQuery, with(paidOrder(), object{"cash_fee": -1}), "MALFORMED_REPLY", "cashfee is not"},
		{"a count that is none", order.OpQuery, with(paidOrder(), object{"coupon_count": "many"}), "MALFORMED_REPLY", "couponcount is not"},
		{"a coupon that is none", order.OpQuery, with(paidOrder(), object{"coupon_fee_1": "x"}), "MALFORMED_REPLY", "couponfee1 is not"},
		{"a time that is none", order.OpQuery, with(paidOrder(), object{"time_end": "2022-03-21"}), "MALFORMED_REPLY", "timeEnd is not a time"},
		{"a time too long", order.OpQuery, with(paidOrder(), object{"time_end": "20220321135131.5"}), "MALFORMED_REPLY", "timeEnd is not a time"},

		{"nothing", order.OpClose, json.RawMessage(""), "MALFORMED_REPLY", "not a JSON object"},
		{"null", order.OpClose, nil, "MALFORMED_REPLY", "not a JSON object"},
		{"an empty string", order.OpClose, "", "MALFORMED_REPLY", "not a JSON object"},
		{"a string", order.OpClose, "ok", "MALFORMED_REPLY", "no returnCode"},
		{"a list", order.OpClose, []any{head()}, "MALFORMED_REPLY", "not a JSON object"},
		{"a number", order.OpClose, 0, "MALFORMED_REPLY", "not a JSON object"},
		{"an empty object", order.OpClose, object{}, "MALFORMED_REPLY", "no returnCode"},
		{"undefined", order.OpClose, json.RawMessage("undefined"), "MALFORMED_REPLY", "not a JSON object"},
		{"cut short", order.OpClose, json.RawMessage(encode(t, head())[:50]), "MALFORMED_REPLY", "not a JSON object"},
		{"respdata is a string", order.OpClose, object{"errcode": 0, "respdata": "{}"}, "MALFORMED_REPLY", "no returnCode"},
		{"respdata within respdata", order.OpClose, hosted(hosted(head())), "MALFORMED_REPLY", "no returnCode"},
		{"deep", order.OpClose, json.RawMessage(deep), "MALFORMED_REPLY", "no returnCode"},
		{"too long", order.OpClose, json.RawMessage(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`), "MALFORMED_REPLY", "longer than 1 MiB"},
		{"an operation that is none", order.Op("refund"), closeOK, "FOREIGN_REPLY", "of cloudPay.closeOrder"},
	} {
		raw, isRaw := test.object.(json.RawMessage)
		if !isRaw {
			raw = encode(t, test.object)
		}
		got := wechatpay.CloudPayResult(test.op, raw)
		if got.Outcome != order.OutcomeUnknown || got.ErrCode != test.code || !strings.Contains(got.ReturnMsg, test.says) {
			t.Errorf("%s: outcome %s, errCode %s, %q; want unknown, %s, %q", test.name, got.Outcome, got.ErrCode, got.ReturnMsg, test.code, test.says)
		}
		checkWarrant(t, test.name, got)
	}
}

// TestCloudPayIsRepeatable: a map in between must not show.
func TestCloudPayIsRepeatable(t *testing.T) {
	t.Parallel()
	raw := encode(t, with(paidOrder(), object{"totalFee": 1, "cashFee": 1, "tradeState": "CLOSED", "subMchId": "1"}))
	first := wechatpay.CloudPayResult(order.OpQuery, raw)
	for range 50 {
		if diff := cmp.Diff(first, wechatpay.CloudPayResult(order.OpQuery, raw)); diff != "" {
			t.Fatal(diff)
		}
	}
}

// FuzzCloudPayResult: whatever the object, a result comes of it that claims no proof, and no close without a word of success.
func FuzzCloudPayResult(f *testing.F) {
	for _, o := range []any{
		resolve("closeOrder", head()), resolve("queryOrder", paidOrder()), hosted(paidOrder()), refusal("ORDERPAID", "订单已支付"),
		object{"errCode": -501002, "errMsg": "cloudPay.closeOrder:fail"}, "Error: errCode: -1", nil,
	} {
		f.Add(encode(f, o))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, op := range []order.Op{order.OpClose, order.OpQuery} {
			got := wechatpay.CloudPayResult(op, raw)
			checkWarrant(t, string(raw), got)
			switch got.Outcome {
			case order.OutcomeUnknown:
			case order.OutcomeClosed, order.OutcomeFound:
				if !strings.Contains(string(raw), "S") && !strings.Contains(string(raw), `\u`) {
					t.Errorf("%q: outcome %s without SUCCESS", raw, got.Outcome)
				}
			default:
				if got.ErrCode == "" {
					t.Errorf("%q: outcome %s without a code", raw, got.Outcome)
				}
			}
			if strings.ContainsAny(got.ReturnMsg+got.ErrCodeDes, "\n\r") {
				t.Errorf("%q: %q is not one line", raw, got.ErrCodeDes)
			}
		}
	})
}

func ExampleCloudPayResult() {
	// What cloud.cloudPay.closeOrder resolves with for an order that was paid: the code is gone.
	r := wechatpay.CloudPayResult(order.OpClose, []byte(`{"returnCode":"SUCCESS","returnMsg":"OK","resultCode":"FAIL",
		"errCodeDes":"订单已支付","errCode":0,"errMsg":"cloudPay.closeOrder:ok"}`))
	fmt.Println(r.Outcome, r.Retryable, r.Proof)
	fmt.Println(r.ErrCodeDes)
	// Output:
	// unknown true none
	// resultCode FAIL, and no code, which wx-server-sdk overwrites; the text is "订单已支付", which may mean ORDERPAID; query the order, its tradeState decides
}
