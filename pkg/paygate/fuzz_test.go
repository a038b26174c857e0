package paygate_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// FuzzDecodeV2: whatever arrives, the decoder comes to an end; what it accepts has unique names,
// and what the encoder can write again is read as the same.
func FuzzDecodeV2(f *testing.F) {
	for _, seed := range []string{
		"<xml><a>1</a></xml>", "<xml><a><![CDATA[]]]]><![CDATA[>]]></a><b/></xml>", "<?xml version=\"1.0\"?>\n<xml>\n</xml>",
		"<!DOCTYPE a><xml/>", "<xml><a>&amp;&#65;</a></xml>", "<xml><total_fee>1</total_fee></xml>", "<xml><a>1</a><a>2</a></xml>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		pairs, err := paygate.DecodeV2(body)
		if err != nil {
			return
		}
		names := make(map[string]bool)
		for _, p := range pairs {
			if names[p[0]] {
				t.Errorf("element %s is there twice", p[0])
			}
			names[p[0]] = true
			if !paygate.IsXMLText(p[1]) {
				return // U+FFFE and the like: readable here, and never written
			}
		}
		again, err := paygate.DecodeV2(paygate.EncodeV2(pairs))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, paygate.EncodeV2(pairs))
		}
		if len(again) != len(pairs) {
			t.Fatalf("read %v, wrote %v", again, pairs)
		}
		for i := range pairs {
			if pairs[i] != again[i] {
				t.Errorf("element %q became %q", pairs[i], again[i])
			}
		}
	})
}

// FuzzScanV2: a document that the scanner takes is read as the parser reads it.
func FuzzScanV2(f *testing.F) {
	for _, seed := range scanned() {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, plain := paygate.ScanV2(body)
		if !plain {
			return
		}
		want, err := paygate.ParseV2(body)
		if err != nil {
			t.Fatalf("the scanner took what the parser refuses: %v\n%q", err, body)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the scanner read %q, the parser %q, of\n%q", got, want, body)
		}
	})
}

// FuzzDecodeTexts: what the decoder accepts is what encoding/json reads.
func FuzzDecodeTexts(f *testing.F) {
	for _, seed := range []string{`{"mchid":"1"}`, `{}`, `{"a":"1","a":"2"}`, `{"a":{}}`, `[]`, `{"a":"\ud800"}`, `{"a":"1"} `, `{"a":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := paygate.DecodeTexts(body)
		if err != nil {
			return
		}
		var want map[string]string
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if len(got) != len(want) {
			t.Fatalf("read %v, want %v", got, want)
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s is %q, want %q", name, got[name], value)
			}
		}
	})
}

// FuzzPlacingV2: whatever one element of a signed placing, refund or reversal says, the reply is
// signed, and what is placed has a prepay_id.
func FuzzPlacingV2(f *testing.F) {
	gate := paygate.RunT(f, paygate.Options{Now: wireTime})
	for _, name := range []string{"total_fee", "time_expire", "notify_url", "trade_type", "scene_info", "spbill_create_ip", "auth_code", "refund_fee", "x"} {
		f.Add(name, "1")
		f.Add(name, "\x00")
	}
	paths := []string{"/pay/unifiedorder", "/pay/micropay", "/secapi/pay/refund", "/pay/refundquery", "/secapi/pay/reverse"}
	f.Fuzz(func(t *testing.T, name, value string) {
		if !paygate.IsXMLText(value) || strings.ContainsAny(value, "\r") || !elementRule.MatchString(name) || name == "sign" || name == "mch_id" {
			return
		}
		doc := []pair{
			{"appid", gate.Merchant.AppID}, {"mch_id", gate.Merchant.MchID}, {"nonce_str", "n"}, {"body", "b"}, {"out_trade_no", "A1"},
			{"total_fee", "7"}, {"spbill_create_ip", "::1"}, {"notify_url", noticeURL}, {"trade_type", "MWEB"}, {"scene_info", "{}"},
			{"auth_code", "134567890123456789"}, {"out_refund_no", "R1"}, {"refund_fee", "1"}, {"openid", "o"},
		}
		doc = slices.DeleteFunc(doc, func(p pair) bool { return p[0] == name })
		req := v2Request{doc: append(doc, pair{name, value}), merchant: gate.Merchant, signType: "MD5"}
		if name == "sign_type" {
			req.signType = value
		}
		for _, path := range paths {
			recorder := httptest.NewRecorder()
			gate.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(req.body())))
			got := v2Answer{answer: answer{t: t, body: recorder.Body.String()}, request: req, fields: parseXML(t, recorder.Body.String())}
			if got.fields["return_code"] == "SUCCESS" && !got.signed() {
				t.Errorf("%s with %s=%q: the reply's sign does not hold: %s", path, name, value, got.body)
			}
			if got.fields["result_code"] == "SUCCESS" && path == "/pay/unifiedorder" && got.fields["prepay_id"] == "" {
				t.Errorf("%s=%q was placed without a prepay_id: %s", name, value, got.body)
			}
		}
	})
}

// elementRule is a name that an XML element can have.
var elementRule = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// FuzzRefundingV3: what the form accepts is a refund of something, with a number.
func FuzzRefundingV3(f *testing.F) {
	f.Add([]byte(`{"out_trade_no":"A1","out_refund_no":"R1","amount":{"refund":1,"total":1,"currency":"CNY","from":[{"account":"AVAILABLE","amount":1}]}}`))
	f.Add([]byte(`{"out_trade_no":"A1","out_refund_no":"R1","amount":{"refund":1e400,"total":1,"currency":"CNY"}}`))
	f.Add([]byte(`{"goods_detail":[{"merchant_goods_id":"1"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		number, amount, ok := paygate.RefundingV3(body)
		if ok && (amount < 1 || number == "" || len(number) > 64) {
			t.Errorf("accepted a refund %q of %d: %s", number, amount, body)
		}
	})
}

// FuzzRefundPath: a path that is accepted is that of one number, escaped once.
func FuzzRefundPath(f *testing.F) {
	f.Add("/v3/refund/domestic/refunds")
	f.Add("/v3/refund/domestic/refunds/R%7C1")
	f.Add("/v3/refund/domestic/refunds/%zz")
	f.Fuzz(func(t *testing.T, path string) {
		op, number, ok := paygate.ParseRefundPath(path)
		rest := strings.TrimPrefix(path, "/v3/refund/domestic/refunds")
		switch unescaped, err := url.PathUnescape(strings.TrimPrefix(rest, "/")); {
		case !ok:
		case op == "refund" && rest == "", op == "refund-query" && err == nil && unescaped == number && number != "":
		default:
			t.Errorf("%q was read as %s of %q", path, op, number)
		}
	})
}

// FuzzCredential: what the parser accepts can be put together again in the documented order.
func FuzzCredential(f *testing.F) {
	f.Add(`mchid="1",nonce_str="2",timestamp="3",serial_no="4",signature="5"`)
	f.Add(`signature="5",mchid="1",timestamp="3",serial_no="4",nonce_str="2="`)
	f.Add(`mchid=1,,"`)
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := paygate.ParseCredential(text)
		if !ok {
			return
		}
		for i, name := range []string{"mchid", "nonce_str", "timestamp", "serial_no", "signature"} {
			if got[i] == "" || strings.Count(text, name+`="`+got[i]+`"`) == 0 {
				t.Errorf("%s is %q, which is not in %q", name, got[i], text)
			}
		}
	})
}

// FuzzGateway: an unsigned request of any shape is answered, never believed, and changes nothing.
func FuzzGateway(f *testing.F) {
	gate := paygate.RunT(f, paygate.Options{Now: wireTime})
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 1})
	f.Add("POST", "/pay/closeorder", "", []byte("<xml><mch_id>1900007291</mch_id><out_trade_no>A1</out_trade_no><sign>x</sign></xml>"))
	f.Add("POST", "/v3/pay/transactions/out-trade-no/A1/close", `WECHATPAY2-SHA256-RSA2048 mchid="1900007291",nonce_str="n",timestamp="1772337600",`+
		`serial_no="`+gate.Merchant.SerialNo+`",signature="`+strings.Repeat("A", 340)+`AA=="`, []byte(`{"mchid":"1900007291"}`))
	f.Add("GET", "/v3/pay/transactions/id/%zz?a=%zz", "WECHATPAY2-SHA256-RSA2048 ", []byte{})
	f.Fuzz(func(t *testing.T, method, uri, authorization string, body []byte) {
		if !strings.HasPrefix(uri, "/") {
			return
		}
		req, err := http.NewRequestWithContext(t.Context(), method, "http://gate"+uri, bytes.NewReader(body))
		if err != nil {
			return
		}
		req.RequestURI = uri
		req.Header.Set("Authorization", authorization)
		req.Header.Set("Accept", "*/*")
		req.Header.Set("User-Agent", "fuzz")
		recorder := httptest.NewRecorder()
		gate.ServeHTTP(recorder, req)
		if recorder.Header().Get("Wechatpay-Signature") != "" || strings.Contains(recorder.Body.String(), "<sign>") {
			t.Errorf("the reply to an unauthenticated request is signed: %s", recorder.Body)
		}
		if order, err := gate.Order("A1"); err != nil || order.State != paygate.StateNotPay {
			t.Errorf("order A1 is %s (%v), want NOTPAY", order.State, err)
		}
	})
}

// FuzzDecodeObject: what the decoder accepts is what encoding/json reads, and the other way round
// but for repeated names and depth.
func FuzzDecodeObject(f *testing.F) {
	for _, seed := range []string{
		`{"combine_appid":"1","sub_orders":[{"mchid":"1"}]}`, `{}`, `{"a":1,"a":2}`, `{"a":[[],{}]}`, `[]`, `{"a":"\ud800"}`, `{"a":null} `, `{"a":1}{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := paygate.DecodeObject(body)
		if err != nil {
			return
		}
		var want map[string]any
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatalf("accepted %q, which is not JSON: %v", body, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read %v, want %v", got, want)
		}
	})
}

// FuzzPlacing: a body that a form accepts has what every placing needs, and what is refused is
// refused with a field and a sentence, both short.
func FuzzPlacing(f *testing.F) {
	f.Add("JSAPI", false, false, []byte(`{"appid":"wx1","mchid":"1900000001","description":"Tea","out_trade_no":"EMU001","notify_url":"https://a.example/",`+
		`"amount":{"total":1},"payer":{"openid":"o1"}}`))
	f.Add("MWEB", true, false, []byte(`{"scene_info":{"payer_client_ip":"::1","h5_info":{"type":"Wap"}},"x":[[{}]]}`))
	f.Add("NATIVE", false, true, []byte(`{"combine_appid":"wx1","sub_orders":[{"amount":{"total_amount":0.5}}]}`))
	f.Add("MICROPAY", false, false, []byte(`{"payer":{"auth_code":"130061098828009406"}}`))
	f.Fuzz(func(t *testing.T, trade string, partner, combine bool, body []byte) {
		field, reason, known := paygate.CheckPlacing(trade, partner, combine, body)
		if !known {
			return
		}
		if (field == "") != (reason == "") || len(reason) > 2000 || len(field) > 600 {
			t.Errorf("refused %q because of %q", field, reason)
		}
		if reason != "" {
			return
		}
		params := paygate.ParamsOf(body)
		number, total := "/out_trade_no", "/amount/total"
		if combine {
			number, total = "/combine_out_trade_no", "/sub_orders/0/amount/total_amount"
		}
		if params[number] == "" || params[total] == "" {
			t.Errorf("accepted %s, which has no %s or %s", body, number, total)
		}
	})
}

// FuzzPaySign: what a client is handed is judged, whatever it is, and never believed without a key.
func FuzzPaySign(f *testing.F) {
	gate := paygate.RunT(f, paygate.Options{Now: wireTime})
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 1, API: "v2"})
	gate.IssuePrepay("A1", "wx1")
	f.Add("timeStamp", "1772337600", "nonceStr", "n", "package", "prepay_id=wx1", "paySign", "AAAA")
	f.Add("prepayid", "wx1", "partnerid", "1900007291", "package", "Sign=WXPay", "sign", "92DB2111C4516F408653ECEA31D9789F")
	f.Fuzz(func(t *testing.T, a, av, b, bv, c, cv, d, dv string) {
		if gate.CheckPaySign(map[string]string{a: av, b: bv, c: cv, d: dv, "signType": "MD5"}) == nil {
			t.Errorf("believed %q %q %q %q", av, bv, cv, dv)
		}
	})
}
