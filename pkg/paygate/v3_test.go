package paygate_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

func TestCloseV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	got := s.v3(s.closeV3("A1")).want(http.StatusNoContent)
	if got.body != "" {
		t.Errorf("body is %q, want none", got.body)
	}
	if id := got.header.Get("Request-Id"); !regexp.MustCompile(`^08[0-9A-Z]{32}-0$`).MatchString(id) {
		t.Errorf("Request-ID is %q, want one that ends with -0", id)
	}
	s.WantState("A1", paygate.StateClosed)
	last := s.last()
	if last.Verdict != "ok" || last.API != "v3" || last.Op != "close" || last.OutTradeNo != "A1" || last.State != "CLOSED" ||
		last.HTTPStatus != 204 || last.MchID != s.Merchant.MchID || last.URL != "/v3/pay/transactions/out-trade-no/A1/close" ||
		!last.Time.Equal(wireTime()) || last.RequestID != got.header.Get("Request-Id") {
		t.Errorf("history says %+v", last)
	}
	again := s.v3(s.closeV3("A1")).wantCode(400, "ORDER_CLOSED")
	if id := again.header.Get("Request-Id"); !strings.HasSuffix(id, "-268447914") {
		t.Errorf("Request-ID is %q, want the documented number of a closed order", id)
	}
}

// TestEscapesV3: the path counts as it was sent, and means what it says.
func TestEscapesV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	for no, path := range map[string]string{
		"a|b*c": "a%7Cb%2Ac", "d@e": "d@e", "f@g": "f%40g", "h|i": "h|i", "j*k": "j*k", "l-m_n": "l-m_n",
	} {
		s.order(no)
		s.v3(s.queryV3(path)).want(200).wantJSON(map[string]any{"out_trade_no": no})
		s.v3(s.closeV3(path)).want(204)
		s.WantState(no, paygate.StateClosed)
	}
	s.v3(s.closeV3("a%257Cb%252Ac")).wantCode(400, "PARAM_ERROR").wantJSON(map[string]any{
		"detail.field": "out_trade_no", "detail.location": "uri_template", "detail.value": "a%7Cb%2Ac",
	})
	s.wantLast("refused", "escaped twice")
}

func TestPartnerV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", ofSub, func(o *paygate.Order) { o.SubAppID, o.SubOpenID = "wxsub", "oSubUser" })
	s.v3(s.querySubV3("A1")).want(200).wantJSON(map[string]any{
		"sp_appid": s.Merchant.AppID, "sp_mchid": s.Merchant.MchID, "sub_appid": "wxsub", "sub_mchid": subMchID,
		"appid": nil, "mchid": nil, "trade_state": "NOTPAY", "payer": nil,
	})
	if got := s.last().SubMchID; got != subMchID {
		t.Errorf("history says sub-merchant %q, want %q", got, subMchID)
	}
	s.MustPay("A1")
	id := s.MustOrder("A1").TransactionID
	byTransaction := v3Request{
		method: http.MethodGet,
		uri:    "/v3/pay/partner/transactions/id/" + id + "?sub_mchid=" + subMchID + "&sp_mchid=" + s.Merchant.MchID,
	}
	s.v3(byTransaction).want(200).wantJSON(map[string]any{
		"out_trade_no": "A1", "transaction_id": id, "payer.sp_openid": userA, "payer.sub_openid": "oSubUser", "payer.openid": nil,
	})
	s.v3(s.closeSubV3("A1")).wantCode(400, "ORDER_PAID")
	s.order("A2", ofSub)
	s.v3(s.closeSubV3("A2")).want(204)

	stranger := s.closeSubV3("A1")
	stranger.body = strings.ReplaceAll(stranger.body, subMchID, "1900000110")
	s.v3(stranger).wantCode(403, "NO_AUTH")
	self := s.closeSubV3("A1")
	self.body = strings.ReplaceAll(self.body, subMchID, s.Merchant.MchID)
	s.v3(self).wantCode(400, "PARAM_ERROR")
	s.wantLast("refused", "sub_mchid equals sp_mchid")
}

func TestQueryV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", func(o *paygate.Order) {
		o.Coupons, o.DeviceInfo, o.BankType, o.Attach = coupons(), "POS1", "CMC", `"<附加>"`
	})
	unpaid := map[string]any{
		"appid": s.Merchant.AppID, "mchid": s.Merchant.MchID, "out_trade_no": "A1", "trade_state": "NOTPAY", "trade_state_desc": "订单未支付",
		"attach": `"<附加>"`, "transaction_id": nil, "payer": nil, "amount": nil, "success_time": nil, "promotion_detail": nil,
		"trade_type": nil, "bank_type": nil, "scene_info": nil,
	}
	s.v3(s.queryV3("A1")).want(200).wantJSON(unpaid)
	s.MustPay("A1")
	id := s.MustOrder("A1").TransactionID
	paid := map[string]any{
		"trade_state": "SUCCESS", "transaction_id": id, "trade_type": "JSAPI", "bank_type": "CMC", "success_time": "2026-03-01T12:00:00+08:00",
		"payer.openid": userA, "payer.sp_openid": nil, "scene_info.device_id": "POS1",
		"amount.total": 100.0, "amount.payer_total": 50.0, "amount.currency": "CNY", "amount.payer_currency": "CNY",
	}
	s.v3(s.queryV3("A1")).want(200).wantJSON(paid)
	got := s.v3(v3Request{method: http.MethodGet, uri: "/v3/pay/transactions/id/" + id + "?mchid=" + s.Merchant.MchID}).want(200)
	got.wantJSON(paid)
	promotions, _ := got.json()["promotion_detail"].([]any)
	if len(promotions) != 2 {
		t.Fatalf("promotion_detail is %v, want two", promotions)
	}
	second, _ := promotions[1].(map[string]any)
	if second["coupon_id"] != "10002" || second["type"] != "NOCASH" || second["scope"] != "SINGLE" || second["amount"] != 20.0 ||
		second["currency"] != "CNY" || second["merchant_contribute"] != 20.0 {
		t.Errorf("the second coupon is %v", second)
	}
	s.MustRefund("A1")
	s.v3(s.queryV3("A1")).want(200).wantJSON(map[string]any{"trade_state": "REFUND", "transaction_id": id})
}

func TestQueryV3ByUnknownTransaction(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", ofSub, inState(paygate.StateSuccess))
	id := s.MustOrder("A1").TransactionID
	s.v3(v3Request{method: http.MethodGet, uri: "/v3/pay/transactions/id/" + id + "?mchid=" + s.Merchant.MchID}).wantCode(404, "ORDER_NOT_EXIST")
	s.wantLast("refused", "no order of mchid "+s.Merchant.MchID+" has transaction_id "+id)
	s.v3(v3Request{method: http.MethodGet, uri: "/v3/pay/transactions/id/4200_x?mchid=" + s.Merchant.MchID}).wantCode(400, "PARAM_ERROR")
}

// TestFormV3 is what is refused, signed, when a request is genuine and wrong.
func TestFormV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	mchid := s.Merchant.MchID
	closing := func(body string) v3Request {
		req := s.closeV3("A1")
		req.body = body
		return req
	}
	asking := func(query string) v3Request {
		return v3Request{method: http.MethodGet, uri: "/v3/pay/transactions/out-trade-no/A1" + query}
	}
	plain := s.closeV3("A1")
	plain.header = map[string]string{"Content-Type": "text/plain"}
	for name, test := range map[string]struct {
		req          v3Request
		code, reason string
	}{
		"no mchid":        {closing(`{}`), "PARAM_ERROR", "mchid is missing from the body, which has none at all"},
		"v2 name":         {closing(`{"mch_id":"` + mchid + `"}`), "PARAM_ERROR", "mchid is missing from the body, which has mch_id"},
		"other mchid":     {closing(`{"mchid":"1900000000"}`), "PARAM_ERROR", "but the body says mchid 1900000000"},
		"letters":         {closing(`{"mchid":"abc"}`), "PARAM_ERROR", "must be 1 to 32 digits"},
		"extra":           {closing(`{"mchid":"` + mchid + `","sub_mchid":"1"}`), "PARAM_ERROR", "sub_mchid is not a parameter of this call"},
		"surplus number":  {closing(`{"mchid":"` + mchid + `","x":1}`), "PARAM_ERROR", "x is not a parameter of this call"},
		"surplus object":  {closing(`{"x":{"y":[null]},"mchid":"` + mchid + `"}`), "PARAM_ERROR", "x is not a parameter of this call"},
		"surplus owner":   {closing(`{"mchid":"` + mchid + `","sub_mchid":1}`), "PARAM_ERROR", "sub_mchid is not a parameter of this call"},
		"surplus twice":   {closing(`{"x":1,"x":2}`), "PARAM_ERROR", "x is there twice"},
		"number":          {closing(`{"mchid":` + mchid + `}`), "PARAM_ERROR", "mchid must be a string"},
		"object":          {closing(`{"mchid":{}}`), "PARAM_ERROR", "mchid must be a string"},
		"twice":           {closing(`{"mchid":"` + mchid + `","mchid":"` + mchid + `"}`), "PARAM_ERROR", "mchid is there twice"},
		"array":           {closing(`[]`), "PARAM_ERROR", "not a JSON object"},
		"nothing":         {closing(``), "INVALID_REQUEST", "Content-Type"},
		"cut":             {closing(`{"mchid":"` + mchid + `"`), "PARAM_ERROR", "it is not JSON"},
		"cut value":       {closing(`{"mchid":`), "PARAM_ERROR", "it is not JSON"},
		"cut name":        {closing(`{"mchid":"1",x`), "PARAM_ERROR", "it is not JSON"},
		"more":            {closing(`{"mchid":"` + mchid + `"} {}`), "PARAM_ERROR", "more after the object"},
		"latin-1":         {closing("{\"mchid\":\"\xe9\"}"), "PARAM_ERROR", "not UTF-8"},
		"not json":        {plain, "INVALID_REQUEST", `Content-Type "text/plain" must be application/json`},
		"no query":        {asking(""), "PARAM_ERROR", "mchid is missing from the query"},
		"other query":     {asking("?mchid=1900000000"), "PARAM_ERROR", "but the query says mchid 1900000000"},
		"query twice":     {asking("?mchid=" + mchid + "&mchid=" + mchid), "PARAM_ERROR", "mchid is there 2 times"},
		"query extra":     {asking("?mchid=" + mchid + "&x=1"), "PARAM_ERROR", "x is not a parameter"},
		"broken query":    {asking("?mchid=%zz"), "PARAM_ERROR", "query string cannot be read"},
		"partner query":   {asking("?sp_mchid=" + mchid + "&sub_mchid=" + subMchID), "PARAM_ERROR", "mchid is missing from the query, which has sp_mchid, sub_mchid"},
		"long number":     {s.queryV3(strings.Repeat("1", 33)), "PARAM_ERROR", "1 to 32"},
		"ill-charactered": {s.closeV3("a%20b"), "PARAM_ERROR", `"a b" must be`},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			got := s.v3(test.req).wantCode(400, test.code)
			s.wantLast("refused", test.reason)
			if got.json()["message"] == "" || s.last().Code != test.code {
				t.Errorf("message %q and history's code %q, want both", got.json()["message"], s.last().Code)
			}
		})
	}
	s.WantState("A1", paygate.StateNotPay)
}

// TestRealMessages are texts that merchants report from the real gateway.
func TestRealMessages(t *testing.T) {
	t.Parallel()
	s := start(t)
	req := s.closeV3("A1")
	req.body = `{"mchid":"1900000000"}`
	s.v3(req).wantCode(400, "PARAM_ERROR").wantJSON(map[string]any{"message": "http header中的mchid与post payload中的mchid不匹配"})
	req.body = `{"mchid":"` + s.Merchant.MchID + `","x":1}`
	s.v3(req).wantCode(400, "PARAM_ERROR").wantJSON(map[string]any{"message": "输入源“/body/x”多余参数", "detail.field": "x", "detail.value": "1"})
	req.body = `{"mch_id":"1900007291"}`
	s.v3(req).wantCode(400, "PARAM_ERROR").wantJSON(map[string]any{
		"message":      "输入源“/uri_template/mchid”映射到值字段“直连商户号”必填性规则校验失败，此字段为必填项",
		"detail.field": nil, "detail.value": "", "detail.location": "uri_template",
	})
}

// TestWhoSigns: the reply is signed with what Wechatpay-Serial names.
func TestWhoSigns(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	for name, test := range map[string]struct {
		asked, signer string
		status        int
	}{
		"public key":  {s.PublicKeyID(), s.PublicKeyID(), 200},
		"certificate": {s.CertificateSerial(), s.CertificateSerial(), 200},
		"nothing":     {"", s.CertificateSerial(), 200},
		"unknown":     {"PUB_KEY_ID_1", s.CertificateSerial(), 400},
	} {
		for _, req := range []v3Request{s.queryV3("A1"), s.queryV3("NONE")} {
			req.header = map[string]string{"Wechatpay-Serial": test.asked}
			got := s.v3(req)
			if got.signature() != test.signer {
				t.Errorf("%s: signed by %s, want %s", name, got.signature(), test.signer)
			}
			if req.uri == s.queryV3("A1").uri && got.status != test.status {
				t.Errorf("%s: status %d, want %d: %s", name, got.status, test.status, got.body)
			}
		}
	}
}

func TestUnsignedErrors(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{UnsignedErrors: true})
	s.order("A1", inState(paygate.StateUserPaying))
	s.v3(s.queryV3("NONE")).wantUnsigned(404)
	s.v3(s.queryV3("A1")).want(200)
	s.v3(s.closeV3("A1")).wantCode(202, "USERPAYING")
}

// TestPathsAndMethodsV3 are answered in the form of any refusal.
func TestPathsAndMethodsV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	const base = "/v3/pay/transactions/"
	for _, test := range []struct {
		method, uri string
		status      int
	}{
		{"GET", "/v3/certificate", 404},
		{"GET", base + "out-trade-no/", 404},
		{"GET", base + "out-trade-no", 404},
		{"GET", base + "id/", 404},
		{"POST", base + "id/42/close", 404},
		{"POST", base + "out-trade-no/A1/open", 404},
		{"POST", base + "out-trade-no/A1/close/", 404},
		{"GET", base + "number/A1", 404},
		{"GET", "/v3/pay/partner/transactions/out-trade-no/", 404},
		{"GET", base + "out-trade-no/A1/close", 405},
		{"POST", base + "out-trade-no/A1", 405},
		{"DELETE", "/v3/pay/partner/transactions/id/42", 405},
	} {
		got := v3Answer{answer: s.mustExchange(test.method, test.uri, "", http.Header{}), session: s}.wantUnsigned(test.status)
		if got.json()["code"] != "NOT_PLAYED" {
			t.Errorf("%s %s: body %q, want the code of what is not played", test.method, test.uri, got.body)
		}
		s.wantLast("not-found", "")
	}
}
