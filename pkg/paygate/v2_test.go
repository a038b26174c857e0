package paygate_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// headV2 is what every signed APIv2 reply begins with.
func headV2(s *session, more ...pair) []pair {
	return append([]pair{{"return_code", "SUCCESS"}, {"return_msg", "OK"}, {"appid", s.Merchant.AppID}, {"mch_id", s.Merchant.MchID}}, more...)
}

func TestCloseV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, no := range []string{"A1", "A2", "a|*@-_9"} {
		s.order(no)
	}
	got := s.v2(s.closeV2("A1"))
	got.want(append(headV2(s), pair{"result_code", "SUCCESS"})...)
	if kind := got.header.Get("Content-Type"); kind != "text/plain" {
		t.Errorf("Content-Type is %q, want the observed text/plain", kind)
	}
	if nonce := got.fields["nonce_str"]; nonce == "" || len(nonce) > 32 {
		t.Errorf("nonce_str is %q, want 1 to 32 characters", nonce)
	}
	s.v2(s.closeV2("A2").hmac()).want(pair{"result_code", "SUCCESS"})
	s.v2(s.closeV2("a|*@-_9")).want(pair{"result_code", "SUCCESS"})
	for _, no := range []string{"A1", "A2", "a|*@-_9"} {
		s.WantState(no, paygate.StateClosed)
	}
	s.wantLast("ok", "")
	if last := s.last(); last.Op != "close" || last.API != "v2" || last.OutTradeNo != "a|*@-_9" || last.State != "CLOSED" ||
		last.MchID != s.Merchant.MchID || last.HTTPStatus != 200 || last.Method != http.MethodPost || last.URL != "/pay/closeorder" {
		t.Errorf("history says %+v", last)
	}
}

func TestPartnerV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", ofSub, func(o *paygate.Order) { o.SubOpenID = "oSubUser" })
	echo := []pair{{"sub_appid", "wxsub"}, {"sub_mch_id", subMchID}}
	s.v2(s.queryV2("A1", echo...)).want(append(headV2(s, echo...), pair{"trade_state", "NOTPAY"})...)
	s.MustPay("A1")
	s.v2(s.queryV2("A1", echo...)).want(append(echo, pair{"openid", userA}, pair{"sub_openid", "oSubUser"}, pair{"sub_is_subscribe", "N"})...)
	s.v2(s.closeV2("A1", echo...)).wantCode("ORDERPAID")
	if got := s.last().SubMchID; got != subMchID {
		t.Errorf("history says sub-merchant %q, want %q", got, subMchID)
	}
	s.v2(s.closeV2("A1", pair{"sub_mch_id", "1900000110"})).wantCode("NOAUTH")
	s.wantLast("refused", "1900000110 is not bound")
	s.v2(s.closeV2("A1", pair{"sub_mch_id", s.Merchant.MchID})).wantCode("PARAM_ERROR")
}

// TestBoundByOptions: a sub-merchant needs no order to be known.
func TestBoundByOptions(t *testing.T) {
	t.Parallel()
	m := *paygate.RunT(t).Merchant
	m.SubMchIDs = []string{subMchID}
	s := start(t, paygate.Options{Merchants: []*paygate.Merchant{&m}})
	s.v2(s.closeV2("A1", pair{"sub_mch_id", subMchID})).wantCode("ORDERNOTEXIST")
	s.v3(s.closeSubV3("A1")).wantCode(404, "ORDER_NOT_EXIST")
}

// TestQueryV2Unpaid: no payment facts, but an empty device_info that is sent and not signed.
func TestQueryV2Unpaid(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", func(o *paygate.Order) { o.Attach = "<&]]>附加" })
	got := s.v2(s.queryV2("A1"))
	got.want(append(headV2(s), pair{"result_code", "SUCCESS"}, pair{"out_trade_no", "A1"}, pair{"trade_state", "NOTPAY"},
		pair{"trade_state_desc", "订单未支付"}, pair{"device_info", ""}, pair{"total_fee", "100"}, pair{"attach", "<&]]>附加"})...)
	if !strings.Contains(got.body, "<device_info><![CDATA[]]></device_info>") || !strings.Contains(got.body, "<total_fee>100</total_fee>") {
		t.Errorf("want an empty CDATA and a bare number in\n%s", got.body)
	}
	for _, name := range []string{"transaction_id", "time_end", "openid", "cash_fee", "bank_type"} {
		if value, there := got.fields[name]; there {
			t.Errorf("an unpaid order's reply has %s %q", name, value)
		}
	}
}

func coupons() []paygate.Coupon {
	return []paygate.Coupon{
		{ID: "10001", Name: "满减", Amount: 30, StockID: "S1", WechatpayContribute: 30},
		{
			ID: "10002", Type: "NOCASH", Scope: "SINGLE", Amount: 20, MerchantContribute: 20,
			Goods: []paygate.Good{{ID: "G1", Quantity: 1, UnitPrice: 60, DiscountAmount: 20, Remark: "r"}},
		},
	}
}

func TestQueryV2Paid(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", func(o *paygate.Order) {
		o.Coupons, o.DeviceInfo, o.BankType, o.TradeType = coupons(), "POS1", "CMC", "NATIVE"
	})
	s.MustPay("A1")
	id := s.MustOrder("A1").TransactionID
	want := []pair{
		{"openid", userA}, {"is_subscribe", "N"}, {"trade_type", "NATIVE"}, {"bank_type", "CMC"}, {"device_info", "POS1"},
		{"total_fee", "100"}, {"fee_type", "CNY"}, {"cash_fee", "50"}, {"cash_fee_type", "CNY"}, {"settlement_total_fee", "80"},
		{"coupon_fee", "50"}, {"coupon_count", "2"},
		{"coupon_type_0", "CASH"}, {"coupon_id_0", "10001"}, {"coupon_fee_0", "30"},
		{"coupon_type_1", "NO_CASH"}, {"coupon_id_1", "10002"}, {"coupon_fee_1", "20"},
		{"transaction_id", id}, {"out_trade_no", "A1"}, {"time_end", "20260301120000"}, {"trade_state", "SUCCESS"},
	}
	byNumber := s.v2(s.queryV2("A1"))
	byNumber.want(want...)
	if text, there := byNumber.fields["promotion_detail"]; there {
		t.Errorf("promotion_detail %q is there without version 1.0", text)
	}
	byTransaction := s.queryV2("", pair{"transaction_id", id}, pair{"version", "1.0"}).drop("out_trade_no")
	got := s.v2(byTransaction)
	got.want(want...)
	if s.last().OutTradeNo != "A1" {
		t.Errorf("history says order %q, want A1", s.last().OutTradeNo)
	}
	var detail struct {
		Promotions []struct {
			ID     string `json:"promotion_id"`
			Scope  string `json:"scope"`
			Type   string `json:"type"`
			Amount int64  `json:"amount"`
			Goods  []struct {
				Price int64 `json:"price"`
			} `json:"goods_detail"`
		} `json:"promotion_detail"`
	}
	if err := json.Unmarshal([]byte(got.fields["promotion_detail"]), &detail); err != nil {
		t.Fatal(err)
	}
	if p := detail.Promotions; len(p) != 2 || p[0].ID != "10001" || p[0].Scope != "GLOBAL" || p[0].Type != "COUPON" || p[0].Amount != 30 ||
		p[1].Type != "DISCOUNT" || len(p[1].Goods) != 1 || p[1].Goods[0].Price != 60 {
		t.Errorf("promotion_detail is %s", got.fields["promotion_detail"])
	}
	s.MustRefund("A1")
	s.v2(byTransaction).want(pair{"trade_state", "REFUND"}, pair{"transaction_id", id})
}

func TestQueryV2ByUnknownTransaction(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	// preferred when both are given
	s.v2(s.queryV2("A1", pair{"transaction_id", "4200000001"})).wantCode("ORDERNOTEXIST")
	s.wantLast("refused", "transaction_id 4200000001")
}

// TestFormV2 is what is refused, signed, when a request is genuine and wrong.
func TestFormV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	for name, test := range map[string]struct {
		req          v2Request
		code, reason string
	}{
		"no appid":        {s.closeV2("A1").drop("appid"), "LACK_PARAMS", "appid is missing"},
		"other appid":     {s.closeV2("A1", pair{"appid", "wxother"}).dropFirst("appid"), "APPID_MCHID_NOT_MATCH", "wxother"},
		"no nonce":        {s.closeV2("A1").drop("nonce_str"), "LACK_PARAMS", "nonce_str is missing"},
		"long nonce":      {s.closeV2("A1", pair{"nonce_str", strings.Repeat("n", 33)}).dropFirst("nonce_str"), "PARAM_ERROR", "at most 32"},
		"no number":       {s.closeV2("A1").drop("out_trade_no"), "LACK_PARAMS", "out_trade_no is missing"},
		"empty number":    {s.closeV2(""), "LACK_PARAMS", "out_trade_no is missing or empty"},
		"no id":           {s.queryV2("A1").drop("out_trade_no"), "LACK_PARAMS", "out_trade_no is missing"},
		"bad number":      {s.closeV2("A 1"), "PARAM_ERROR", "out_trade_no"},
		"long number":     {s.closeV2(strings.Repeat("1", 33)), "PARAM_ERROR", "1 to 32"},
		"bad transaction": {s.queryV2("A1", pair{"transaction_id", "x y"}), "PARAM_ERROR", "transaction_id"},
		"bad sub":         {s.closeV2("A1", pair{"sub_mch_id", "abc"}), "PARAM_ERROR", "sub_mch_id"},
		"long sub appid":  {s.closeV2("A1", pair{"sub_appid", strings.Repeat("a", 33)}), "PARAM_ERROR", "sub_appid"},
		"version":         {s.queryV2("A1", pair{"version", "2.0"}), "PARAM_ERROR", "version"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			got := s.v2(test.req)
			got.wantCode(test.code)
			s.wantLast("refused", test.reason)
			if s.last().Code != test.code || s.last().RequestID != got.header.Get("Request-Id") {
				t.Errorf("history says %s of %s, want %s of %s", s.last().Code, s.last().RequestID, test.code, got.header.Get("Request-Id"))
			}
		})
	}
	s.WantState("A1", paygate.StateNotPay)
}

// dropFirst leaves the first element of the name out.
func (r v2Request) dropFirst(name string) v2Request {
	i := slices.IndexFunc(r.doc, func(p pair) bool { return p[0] == name })
	r.doc = slices.Delete(slices.Clone(r.doc), i, i+1)
	return r
}

// TestUnknownElementsV2 are signed and otherwise left alone.
func TestUnknownElementsV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.v2(s.closeV2("A1", pair{"brand_new", "x"}, pair{"empty_one", ""})).want(pair{"result_code", "SUCCESS"})
}

// TestMalformedV2 is answered without a merchant.
func TestMalformedV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	good := s.closeV2("A1")
	for name, raw := range map[string]string{
		"nothing":           " ",
		"text":              "hello",
		"other root":        "<yml><mch_id>1</mch_id></yml>",
		"namespace":         `<xml><a:b xmlns:a="u">1</a:b></xml>`,
		"root namespace":    `<xml xmlns="u"></xml>`,
		"doctype":           `<!DOCTYPE xml [<!ENTITY x "y">]><xml></xml>`,
		"inner directive":   `<xml><!ENTITY x "y"></xml>`,
		"deep directive":    `<xml><a><!ENTITY x "y"></a></xml>`,
		"instruction":       `<?php 1?><xml></xml>`,
		"inner instruction": `<xml><?php 1?></xml>`,
		"nested":            "<xml><mch_id><b>1</b></mch_id></xml>",
		"twice":             "<xml><mch_id>1</mch_id><mch_id>2</mch_id></xml>",
		"stray text":        "<xml>x<mch_id>1</mch_id></xml>",
		"text before":       "x<xml></xml>",
		"text after":        "<xml></xml>x",
		"root twice":        "<xml></xml><xml></xml>",
		"unclosed":          "<xml><mch_id>1",
		"cut":               "<xml>",
		"broken after":      "<xml></xml><",
		"latin-1":           "<xml><a>\xe9</a></xml>",
		"other charset":     `<?xml version="1.0" encoding="GBK"?><xml></xml>`,
		"entity":            "<xml><a>&x;</a></xml>",
	} {
		req := good
		req.raw = raw
		s.v2(req).wantFail("XML格式错误")
		if s.last().Verdict != "malformed" || !strings.Contains(s.last().Reason, "not an APIv2 document: ") {
			t.Errorf("%s: history says %s because %q", name, s.last().Verdict, s.last().Reason)
		}
	}
}

// TestDialectV2: comments, declaration, CDATA and white space are no obstacle.
func TestDialectV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	req := s.closeV2("A1")
	body := strings.ReplaceAll(req.body(), ">A1<", "><![CDATA[A]]><!-- c -->1<")
	body = strings.ReplaceAll(body, "<xml>", "\n<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- c -->\n<xml>\n  <!-- c -->") + "\n<!-- c -->\n"
	req.raw = body
	s.v2(req).want(pair{"result_code", "SUCCESS"})
}

func TestPathsAndMethodsV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	get := s.closeV2("A1")
	get.method = http.MethodGet
	s.v2(get).wantFail("请使用post方法")
	s.wantLast("malformed", "POST")
}

func TestUnknownMerchantV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.v2(s.closeV2("A1", pair{"mch_id", "1"}).dropFirst("mch_id")).wantFail("商户号mch_id不存在")
	s.wantLast("unauthentic", "it has "+s.Merchant.MchID)
}

// TestOversizeRequest: a body that is too long is answered in the form of the path's API, also when
// the client is far from having sent it all.
func TestOversizeRequest(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, size := range []int{1<<20 + 1, 40 << 20} {
		big := strings.Repeat("x", size)
		for _, uri := range []string{"/pay/closeorder", "/pay/unifiedorder", "/secapi/pay/refund"} {
			v2 := s.mustExchange(http.MethodPost, uri, big, http.Header{})
			v2Answer{answer: v2, fields: parseXML(t, v2.body)}.wantFail("请求body超过1048576字节 (the body is longer than 1048576 bytes)")
			s.wantLast("malformed", "longer than 1048576 bytes")
		}
		for _, uri := range []string{"/v3/pay/transactions/out-trade-no/A1/close", "/v3/pay/transactions/jsapi", "/v3/profitsharing/orders"} {
			v3 := v3Answer{answer: s.mustExchange(http.MethodPost, uri, big, http.Header{}), session: s}.wantUnsigned(http.StatusRequestEntityTooLarge)
			if got := v3.json(); got["code"] != "INVALID_REQUEST" || !strings.Contains(fmt.Sprint(got["message"]), "longer than 1048576 bytes") {
				t.Errorf("%s: %s, want INVALID_REQUEST and a sentence", uri, v3.body)
			}
			s.wantLast("malformed", "longer than 1048576 bytes")
		}
		s.mustExchange(http.MethodPost, cloudClose, big, http.Header{}).wantErrcode(45002)
		s.mustExchange(http.MethodPost, "/elsewhere", big, http.Header{}).wantStatus(413).wantJSON(map[string]any{"code": "INVALID_REQUEST"})
		xml := s.mustExchange(http.MethodPost, "/elsewhere", big, http.Header{"Content-Type": {"text/xml"}})
		v2Answer{answer: xml, fields: parseXML(t, xml.body)}.wantFields(pair{"return_code", "FAIL"})
	}
	if n := len(s.Orders()); n != 0 {
		t.Errorf("%d orders were placed", n)
	}
}

func TestXMLText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": true, "plain 文字 <&>\n\t": true, "\r": false, "\x00": false, "\x1f": false, "\xff": false, "\ufffe": false, "\uffff": false, "\U0001F600": true,
	} {
		if got := paygate.IsXMLText(text); got != want {
			t.Errorf("isXMLText(%q) is %t, want %t", text, got, want)
		}
	}
}
