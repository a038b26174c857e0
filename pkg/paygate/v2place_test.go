package paygate_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

const noticeURL = "http://127.0.0.1:9/notify"

// placeV2 is the document of a placing.
func (s *session) placeV2(no, kind string, extra ...pair) v2Request {
	m := s.Merchant
	doc := []pair{
		{"appid", m.AppID}, {"mch_id", m.MchID}, {"nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"}, {"body", "Tea, large"},
		{"out_trade_no", no}, {"total_fee", "100"}, {"spbill_create_ip", "127.0.0.1"}, {"notify_url", noticeURL}, {"trade_type", kind},
	}
	switch kind {
	case "JSAPI":
		doc = append(doc, pair{"openid", userA})
	case "NATIVE":
		doc = append(doc, pair{"product_id", "P1"})
	case "MWEB":
		doc = append(doc, pair{"scene_info", `{"h5_info":{"type":"Wap","wap_url":"https://shop.example","wap_name":"Tea"}}`})
	}
	return v2Request{path: "/pay/unifiedorder", doc: append(doc, extra...), merchant: m}
}

// microPay is the document of a payment code's charge.
func (s *session) microPay(no, total string, extra ...pair) v2Request {
	req := s.placeV2(no, "MICROPAY", append([]pair{{"auth_code", "134567890123456789"}}, extra...)...).drop("notify_url", "trade_type")
	req.path = "/pay/micropay"
	return req.with("total_fee", total)
}

// with changes one element.
func (r v2Request) with(name, value string) v2Request {
	doc := make([]pair, len(r.doc))
	for i, p := range r.doc {
		if doc[i] = p; p[0] == name {
			doc[i][1] = value
		}
	}
	r.doc = doc
	return r
}

// bound starts a gateway whose merchant has a sub-merchant.
func bound(t *testing.T) *session {
	t.Helper()
	m := *paygate.RunT(t).Merchant
	m.SubMchIDs = []string{subMchID}
	return start(t, paygate.Options{Merchants: []*paygate.Merchant{&m}})
}

var prepayRule = regexp.MustCompile(`^wx20260301120000[0-9a-z]{20}$`)

func TestPlaceV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, kind := range []string{"JSAPI", "NATIVE", "APP", "MWEB"} {
		no := "PLACED" + kind
		got := s.v2(s.placeV2(no, kind, pair{"attach", "shop-7"}, pair{"device_info", "POS1"}).hmac())
		got.want(append(headV2(s), pair{"result_code", "SUCCESS"}, pair{"trade_type", kind}, pair{"device_info", "POS1"})...)
		if id := got.fields["prepay_id"]; !prepayRule.MatchString(id) || s.MustOrder(no).PrepayID != id {
			t.Errorf("%s: prepay_id is %q, the order's %q, want one like %s", kind, id, s.MustOrder(no).PrepayID, prepayRule)
		}
		for name, kinds := range map[string]string{"code_url": "NATIVE", "mweb_url": "MWEB"} {
			if address, there := got.fields[name]; there != (kind == kinds) || there && len(address) < 10 {
				t.Errorf("%s: %s is %q", kind, name, address)
			}
		}
		s.wantLast("ok", "")
		if last := s.last(); last.Op != "place" || last.API != "v2" || last.OutTradeNo != no || last.State != "NOTPAY" {
			t.Errorf("%s: history says %+v", kind, last)
		}
		s.v2(s.queryV2(no)).want(pair{"trade_state", "NOTPAY"}, pair{"total_fee", "100"}, pair{"attach", "shop-7"})
	}
	order := s.MustOrder("PLACEDJSAPI")
	if order.OpenID != userA || order.Description != "Tea, large" || order.NotifyURL != noticeURL || order.API != "v2" ||
		order.SignType != "HMAC-SHA256" || order.Total != 100 || order.TradeType != "JSAPI" {
		t.Errorf("the order is %+v", order)
	}
	s.MustPay("PLACEDJSAPI")
	s.v2(s.queryV2("PLACEDJSAPI")).want(pair{"trade_state", "SUCCESS"}, pair{"openid", userA}, pair{"trade_type", "JSAPI"})
	s.v2(s.closeV2("PLACEDAPP")).want(pair{"result_code", "SUCCESS"})
	s.v3(s.queryV3("PLACEDNATIVE")).want(200).wantJSON(map[string]any{"trade_state": "NOTPAY", "attach": "shop-7"})
}

// TestPlaceV2Again: the same number with the same parameters gets a new prepay_id; whatever differs
// is refused, and so is a number whose order is over.
func TestPlaceV2Again(t *testing.T) {
	t.Parallel()
	s := start(t)
	placing := s.placeV2("PLACED1", "JSAPI", pair{"attach", "a"})
	first := s.v2(placing).fields["prepay_id"]
	second := s.v2(placing.with("nonce_str", "other").hmac()).fields["prepay_id"]
	if second == "" || second == first {
		t.Errorf("the second prepay_id is %q, want another one than %q", second, first)
	}
	for name, value := range map[string]string{
		"attach": "b", "total_fee": "101", "body": "Tea", "openid": "oOther", "notify_url": noticeURL + "/2", "spbill_create_ip": "127.0.0.2",
	} {
		got := s.v2(placing.with(name, value))
		got.wantCode("INVALID_REQUEST")
		got.want(pair{"err_code_des", "201 商户订单号重复"})
		s.wantLast("refused", "with another "+name)
	}
	s.v2(placing.drop("attach")).wantCode("INVALID_REQUEST")
	s.v2(s.placeV2("PLACED1", "NATIVE", pair{"attach", "a"})).wantCode("INVALID_REQUEST")
	s.MustPay("PLACED1")
	s.v2(placing).wantCode("ORDERPAID")
	s.MustRefund("PLACED1")
	s.v2(placing).wantCode("ORDERPAID")
	s.v2(s.placeV2("PLACED2", "APP")).want(pair{"result_code", "SUCCESS"})
	s.v2(s.closeV2("PLACED2")).want(pair{"result_code", "SUCCESS"})
	s.v2(s.placeV2("PLACED2", "APP")).wantCode("ORDERCLOSED")
}

// TestTimeExpireV2: it closes nothing, and the order cannot be paid after it.
func TestTimeExpireV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.v2(s.placeV2("PLACED1", "JSAPI", pair{"time_start", "20260301120000"}, pair{"time_expire", "20260301123000"})).want(pair{"result_code", "SUCCESS"})
	s.MustAdvance(31 * time.Minute)
	s.WantState("PLACED1", paygate.StateNotPay)
	if err := s.Pay("PLACED1"); err == nil {
		t.Error("the order was paid after its time_expire")
	}
	s.v2(s.closeV2("PLACED1")).want(pair{"result_code", "SUCCESS"})
}

func TestPlacePartnerV2(t *testing.T) {
	t.Parallel()
	s := bound(t)
	sub := []pair{{"sub_mch_id", subMchID}, {"sub_appid", "wxsub"}}
	got := s.v2(s.placeV2("PLACED1", "JSAPI", sub...))
	got.want(append(headV2(s, sub...), pair{"trade_type", "JSAPI"})...)
	s.v2(s.placeV2("PLACED2", "JSAPI", append(sub, pair{"sub_openid", "oSub"})...).drop("openid")).want(pair{"result_code", "SUCCESS"})
	order := s.MustOrder("PLACED2", paygate.Owner{MchID: s.Merchant.MchID, SubMchID: subMchID})
	if order.SubOpenID != "oSub" || order.SubAppID != "wxsub" {
		t.Errorf("the order is %+v, want the sub-merchant's payer", order)
	}
	s.v2(s.placeV2("PLACED3", "JSAPI", sub...).drop("openid")).wantCode("LACK_PARAMS")
	s.v2(s.placeV2("PLACED3", "JSAPI", pair{"sub_mch_id", subMchID}, pair{"sub_openid", "oSub"})).wantCode("LACK_PARAMS")
	s.wantLast("refused", "sub_appid is missing")
	s.v2(s.placeV2("PLACED3", "JSAPI", pair{"sub_mch_id", "1900000110"})).wantCode("NOAUTH")
	s.v2(s.placeV2("PLACED3", "JSAPI", pair{"sub_mch_id", s.Merchant.MchID})).wantCode("PARAM_ERROR")
}

// TestPlacingFormV2 is what is refused, signed, when a placing is genuine and wrong.
func TestPlacingFormV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, test := range map[string]struct {
		req          v2Request
		code, reason string
	}{
		"no body":          {s.placeV2("PLACED1", "JSAPI").drop("body"), "LACK_PARAMS", "body is missing"},
		"no number":        {s.placeV2("PLACED1", "JSAPI").drop("out_trade_no"), "LACK_PARAMS", "out_trade_no is missing"},
		"no amount":        {s.placeV2("PLACED1", "JSAPI").drop("total_fee"), "LACK_PARAMS", "total_fee is missing"},
		"no address":       {s.placeV2("PLACED1", "JSAPI").drop("spbill_create_ip"), "LACK_PARAMS", "spbill_create_ip is missing"},
		"no notify_url":    {s.placeV2("PLACED1", "JSAPI").drop("notify_url"), "LACK_PARAMS", "notify_url is missing"},
		"no type":          {s.placeV2("PLACED1", "JSAPI").drop("trade_type"), "LACK_PARAMS", "trade_type is missing"},
		"no openid":        {s.placeV2("PLACED1", "JSAPI").drop("openid"), "LACK_PARAMS", "openid is missing"},
		"no product":       {s.placeV2("PLACED1", "NATIVE").drop("product_id"), "LACK_PARAMS", "product_id is missing"},
		"no scene":         {s.placeV2("PLACED1", "MWEB").drop("scene_info"), "LACK_PARAMS", "scene_info is missing"},
		"long body":        {s.placeV2("PLACED1", "APP").with("body", strings.Repeat("茶", 129)), "PARAM_ERROR", "at most 128"},
		"long detail":      {s.placeV2("PLACED1", "APP", pair{"detail", strings.Repeat("x", 6001)}), "PARAM_ERROR", "at most 6000"},
		"long attach":      {s.placeV2("PLACED1", "APP", pair{"attach", strings.Repeat("x", 128)}), "PARAM_ERROR", "at most 127"},
		"long openid":      {s.placeV2("PLACED1", "JSAPI").with("openid", strings.Repeat("x", 129)), "PARAM_ERROR", "at most 128"},
		"bad number":       {s.placeV2("PLACED 1", "APP"), "PARAM_ERROR", "out_trade_no"},
		"zero":             {s.placeV2("PLACED1", "APP").with("total_fee", "0"), "PARAM_ERROR", "positive whole number"},
		"yuan":             {s.placeV2("PLACED1", "APP").with("total_fee", "1.00"), "PARAM_ERROR", "positive whole number"},
		"dollars":          {s.placeV2("PLACED1", "APP", pair{"fee_type", "USD"}), "PARAM_ERROR", "must be CNY"},
		"bad address":      {s.placeV2("PLACED1", "APP").with("spbill_create_ip", "localhost"), "PARAM_ERROR", "IP address"},
		"bad start":        {s.placeV2("PLACED1", "APP", pair{"time_start", "2026-03-01"}), "PARAM_ERROR", "yyyyMMddHHmmss"},
		"bad expiry":       {s.placeV2("PLACED1", "APP", pair{"time_expire", "20261301000000"}), "PARAM_ERROR", "yyyyMMddHHmmss"},
		"other type":       {s.placeV2("PLACED1", "APP").with("trade_type", "MICROPAY"), "PARAM_ERROR", "trade_type"},
		"query string":     {s.placeV2("PLACED1", "APP").with("notify_url", noticeURL+"?a=1"), "PARAM_ERROR", "without a query string"},
		"relative address": {s.placeV2("PLACED1", "APP").with("notify_url", "/notify"), "PARAM_ERROR", "absolute"},
		"bad limit":        {s.placeV2("PLACED1", "APP", pair{"limit_pay", "no_debit"}), "PARAM_ERROR", "no_credit"},
		"bad receipt":      {s.placeV2("PLACED1", "APP", pair{"receipt", "N"}), "PARAM_ERROR", "receipt"},
		"bad sharing":      {s.placeV2("PLACED1", "APP", pair{"profit_sharing", "yes"}), "PARAM_ERROR", "Y or N"},
		"bad scene":        {s.placeV2("PLACED1", "MWEB").with("scene_info", "h5"), "PARAM_ERROR", "JSON object"},
		"other appid":      {s.placeV2("PLACED1", "APP").with("appid", "wxother"), "APPID_MCHID_NOT_MATCH", "wxother"},
		"no code":          {s.microPay("PLACED1", "100").drop("auth_code"), "LACK_PARAMS", "auth_code is missing"},
		"bad code":         {s.microPay("PLACED1", "100").with("auth_code", "234567890123456789"), "AUTH_CODE_INVALID", "10 to 15"},
		"short code":       {s.microPay("PLACED1", "100").with("auth_code", "13456789012345678"), "AUTH_CODE_INVALID", "18 digits"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			s.v2(test.req).wantCode(test.code)
			s.wantLast("refused", test.reason)
		})
	}
	if orders := s.Orders(); len(orders) != 0 {
		t.Errorf("%d orders were placed, want none", len(orders))
	}
	get := s.placeV2("PLACED1", "APP")
	get.method = http.MethodGet
	s.v2(get).wantFail("请使用post方法")
}

func TestMicroPay(t *testing.T) {
	t.Parallel()
	s := start(t)
	charging := s.microPay("TILL01", "100000", pair{"attach", "till-3"})
	got := s.v2(charging)
	got.want(append(headV2(s), pair{"result_code", "SUCCESS"}, pair{"trade_type", "MICROPAY"}, pair{"total_fee", "100000"},
		pair{"cash_fee", "100000"}, pair{"transaction_id", s.MustOrder("TILL01").TransactionID}, pair{"out_trade_no", "TILL01"},
		pair{"attach", "till-3"}, pair{"time_end", "20260301120000"}, pair{"is_subscribe", "N"}, pair{"fee_type", "CNY"})...)
	if state, there := got.fields["trade_state"]; there {
		t.Errorf("trade_state %q is there", state)
	}
	s.v2(charging).wantCode("ORDERPAID")
	s.v2(s.closeV2("TILL01")).wantCode("ORDERPAID")
}

// TestMicroPayWithPassword: above 1,000 yuan the till queries until the user has typed it.
func TestMicroPayWithPassword(t *testing.T) {
	t.Parallel()
	s := start(t)
	charging := s.microPay("TILL01", "100001")
	s.v2(charging).wantCode("USERPAYING")
	s.wantLast("refused", "types a password")
	s.v2(s.queryV2("TILL01")).want(pair{"trade_state", "USERPAYING"})
	s.v2(charging).wantCode("USERPAYING")
	s.v2(s.closeV2("TILL01")).wantCode("INVALID_REQUEST")
	s.MustPay("TILL01")
	s.v2(s.queryV2("TILL01")).want(pair{"trade_state", "SUCCESS"}, pair{"trade_type", "MICROPAY"}, pair{"total_fee", "100001"})

	s.v2(s.microPay("TILL02", "100001")).wantCode("USERPAYING")
	s.v2(s.reverseV2("TILL02")).want(pair{"result_code", "SUCCESS"}, pair{"recall", "N"})
	s.v2(s.queryV2("TILL02")).want(pair{"trade_state", "REVOKED"})
	s.v2(s.microPay("TILL02", "100001")).wantCode("ORDERREVERSED")
}

// TestFaultsOfPlacing are those of a close.
func TestFaultsOfPlacing(t *testing.T) {
	t.Parallel()
	s := start(t)
	for code, fault := range map[string]paygate.Fault{
		"SYSTEMERROR":    {Action: paygate.SystemError},
		"USERPAYING":     {Action: paygate.UserPaying},
		"NOTSUPORTCARD":  {Action: paygate.Refuse, Code: "NOTSUPORTCARD"},
		"AUTHCODEEXPIRE": {Action: paygate.Refuse, Code: "AUTHCODEEXPIRE"},
	} {
		fault.Op, fault.Times = "place", 1
		s.MustInject(fault)
		s.v2(s.microPay("TILL01", "100")).wantCode(code)
	}
	s.MustInject(paygate.Fault{Action: paygate.Drop, Op: "place", API: "v2", OutTradeNo: "PLACED1", Times: 1})
	req := s.placeV2("PLACED1", "APP")
	if _, err := s.exchange(t.Context(), http.MethodPost, req.path, req.body(), http.Header{}); err == nil {
		t.Error("there was a reply")
	}
	s.WantState("PLACED1", paygate.StateNotPay)
	s.v2(req).want(pair{"result_code", "SUCCESS"})
}
