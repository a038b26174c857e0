package paygate_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// members is a JSON object under construction.
type members map[string]any

// with sets the member at a dotted path, or with nil removes it.
func (m members) with(path string, value any) members {
	names := strings.Split(path, ".")
	object := m
	for _, name := range names[:len(names)-1] {
		inner, is := object[name].(members)
		if !is {
			inner = members{}
			object[name] = inner
		}
		object = inner
	}
	last := names[len(names)-1]
	if object[last] = value; value == nil {
		delete(object, last)
	}
	return m
}

func (m members) text(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// placing is a documented body: that of the JSAPI page's example, made ours.
func (s *session) placing(kind, no string) members {
	m := members{
		"appid": s.Merchant.AppID, "mchid": s.Merchant.MchID, "description": "Tea, large", "out_trade_no": no,
		"notify_url": "https://shop.example/notify", "attach": "shop-7", "amount": members{"total": 100, "currency": "CNY"},
	}
	switch kind {
	case "jsapi":
		m["payer"] = members{"openid": userA}
	case "h5":
		m["scene_info"] = members{"payer_client_ip": "14.23.150.211", "h5_info": members{"type": "Wap"}}
	case "codepay":
		delete(m, "notify_url")
		m["payer"] = members{"auth_code": "130061098828009406"}
		m["scene_info"] = members{"device_ip": "14.23.150.211", "store_info": members{"id": "0001"}}
	}
	return m
}

// placingSub is the same of a service provider.
func (s *session) placingSub(kind, no string) members {
	m := s.placing(kind, no).with("appid", nil).with("mchid", nil)
	m["sp_appid"], m["sp_mchid"], m["sub_mchid"] = s.Merchant.AppID, s.Merchant.MchID, subMchID
	if kind == "jsapi" {
		m["payer"] = members{"sp_openid": userA}
	}
	return m
}

// place sends a body to the path of a kind.
func (s *session) place(kind string, body members) v3Answer {
	s.t.Helper()
	folder := "/v3/pay/transactions/"
	if _, partner := body["sp_mchid"]; partner {
		folder = "/v3/pay/partner/transactions/"
	}
	if _, combine := body["combine_mchid"]; combine {
		folder = "/v3/combine-transactions/"
	}
	return s.v3(v3Request{method: http.MethodPost, uri: folder + kind, body: body.text(s.t)})
}

// ofProvider is a merchant that is a service provider for subMchID.
func ofProvider(t *testing.T) paygate.Options {
	t.Helper()
	m, err := paygate.NewMerchant("1900007291", "wxd678efh567hg6787")
	if err != nil {
		t.Fatal(err)
	}
	m.SubMchIDs = []string{subMchID}
	return paygate.Options{Merchants: []*paygate.Merchant{m}}
}

func TestPlaceV3(t *testing.T) {
	t.Parallel()
	s := start(t, ofProvider(t))
	prepay := regexp.MustCompile(`^wx20260301120000[0-9a-z]{20}$`)
	for _, test := range []struct {
		kind, tradeType, member string
		form                    *regexp.Regexp
	}{
		{"jsapi", "JSAPI", "prepay_id", prepay},
		{"app", "APP", "prepay_id", prepay},
		{"native", "NATIVE", "code_url", regexp.MustCompile(`^weixin://wxpay/bizpayurl\?pr=[0-9A-Za-z]{9}$`)},
		{"h5", "MWEB", "h5_url", regexp.MustCompile(`^https://wx\.tenpay\.com/cgi-bin/mmpayweb-bin/checkmweb\?prepay_id=wx\w{34}&package=\w+$`)},
	} {
		for mode, body := range map[string]members{"direct": s.placing(test.kind, "DIRECT-"+test.kind), "partner": s.placingSub(test.kind, "PARTNER-"+test.kind)} {
			no, _ := body["out_trade_no"].(string)
			got := s.place(test.kind, body).want(http.StatusOK).json()
			text, _ := got[test.member].(string)
			if len(got) != 1 || !test.form.MatchString(text) {
				t.Errorf("%s %s: the answer is %v, want only %s of the form %s", mode, test.kind, got, test.member, test.form)
			}
			order := s.MustOrder(no)
			if order.State != paygate.StateNotPay || order.TradeType != test.tradeType || order.Total != 100 || order.Attach != "shop-7" ||
				order.Description != "Tea, large" || order.NotifyURL != "https://shop.example/notify" || order.API != "v3" || order.PrepayID == "" {
				t.Errorf("%s %s: the order is %+v", mode, test.kind, order)
			}
			last := s.last()
			if last.Op != "place" || last.Verdict != "ok" || last.OutTradeNo != no || last.State != "NOTPAY" {
				t.Errorf("%s %s: history says %+v", mode, test.kind, last)
			}
		}
	}
	if order := s.MustOrder("PARTNER-jsapi"); order.SubMchID != subMchID || order.OpenID != userA {
		t.Errorf("the partner's order is %+v", order)
	}
	s.MustPay("DIRECT-jsapi")
	s.v3(s.queryV3("DIRECT-jsapi")).want(200).wantJSON(map[string]any{
		"trade_state": "SUCCESS", "trade_type": "JSAPI", "attach": "shop-7", "payer.openid": userA, "amount.total": 100.0,
	})
	s.v3(s.closeSubV3("PARTNER-native")).want(204)
}

// TestPlaceFormV3 is every documented rule of a body, broken one at a time.
func TestPlaceFormV3(t *testing.T) {
	t.Parallel()
	s := start(t, ofProvider(t))
	long := func(n int) string { return strings.Repeat("长", n) }
	for name, test := range map[string]struct {
		kind   string
		edit   func(members) members
		field  string // in detail.field
		reason string
	}{
		"no appid":          {"native", func(m members) members { return m.with("appid", nil) }, "/appid", "/appid is missing"},
		"null appid":        {"native", func(m members) members { m["appid"] = nil; return m }, "/appid", "/appid is missing"},
		"empty appid":       {"native", func(m members) members { return m.with("appid", "") }, "/appid", "/appid is missing"},
		"no mchid":          {"native", func(m members) members { return m.with("mchid", nil) }, "/mchid", "/mchid is missing"},
		"letters":           {"native", func(m members) members { return m.with("mchid", "abc") }, "/mchid", "1 to 32 digits"},
		"other mchid":       {"native", func(m members) members { return m.with("mchid", "1900000000") }, "/mchid", "but the body says mchid 1900000000"},
		"no description":    {"native", func(m members) members { return m.with("description", nil) }, "/description", "is missing"},
		"long description":  {"native", func(m members) members { return m.with("description", long(128)) }, "/description", "128 is above the most, 127"},
		"short number":      {"native", func(m members) members { return m.with("out_trade_no", "A1234") }, "/out_trade_no", "5 is below the least, 6"},
		"long number":       {"native", func(m members) members { return m.with("out_trade_no", strings.Repeat("1", 33)) }, "/out_trade_no", "33 is above"},
		"foreign number":    {"native", func(m members) members { return m.with("out_trade_no", "A1234 6") }, "/out_trade_no", "must be made of digits"},
		"number as number":  {"native", func(m members) members { return m.with("out_trade_no", 123456) }, "/out_trade_no", "must be a string"},
		"time":              {"native", func(m members) members { return m.with("time_expire", "20260301120000") }, "/time_expire", "RFC 3339"},
		"time without zone": {"native", func(m members) members { return m.with("time_expire", "2026-03-01T12:00:00") }, "/time_expire", "RFC 3339"},
		"long attach":       {"native", func(m members) members { return m.with("attach", long(129)) }, "/attach", "129 is above the most, 128"},
		"no notify_url":     {"native", func(m members) members { return m.with("notify_url", nil) }, "/notify_url", "is missing"},
		"relative":          {"native", func(m members) members { return m.with("notify_url", "/notify") }, "/notify_url", "absolute address"},
		"ftp":               {"native", func(m members) members { return m.with("notify_url", "ftp://shop.example/") }, "/notify_url", "absolute address"},
		"query string":      {"native", func(m members) members { return m.with("notify_url", "https://shop.example/n?a=1") }, "/notify_url", "no query string"},
		"long notify_url":   {"native", func(m members) members { return m.with("notify_url", "https://shop.example/"+strings.Repeat("n", 240)) }, "/notify_url", "above the most, 255"},
		"long goods_tag":    {"native", func(m members) members { return m.with("goods_tag", long(33)) }, "/goods_tag", "above the most, 32"},
		"fapiao":            {"native", func(m members) members { return m.with("support_fapiao", "true") }, "/support_fapiao", "must be true or false"},
		"no amount":         {"native", func(m members) members { return m.with("amount", nil) }, "/amount", "is missing"},
		"amount":            {"native", func(m members) members { return m.with("amount", 100) }, "/amount", "must be an object"},
		"no total":          {"native", func(m members) members { return m.with("amount.total", nil) }, "/amount/total", "is missing"},
		"zero":              {"native", func(m members) members { return m.with("amount.total", 0) }, "/amount/total", "0 is below the least, 1"},
		"fraction":          {"native", func(m members) members { return m.with("amount.total", 0.5) }, "/amount/total", "must be a whole number"},
		"total as text":     {"native", func(m members) members { return m.with("amount.total", "100") }, "/amount/total", "must be a whole number"},
		"huge":              {"native", func(m members) members { return m.with("amount.total", 1e300) }, "/amount/total", "must be a whole number"},
		"dollars":           {"native", func(m members) members { return m.with("amount.currency", "USD") }, "/amount/currency", "must be CNY"},
		"total_fee":         {"native", func(m members) members { return m.with("total_fee", 1) }, "/total_fee", "is not a parameter of this call: there are appid, mchid"},
		"inner surplus":     {"native", func(m members) members { return m.with("amount.total_amount", 1) }, "/amount/total_amount", "is not a parameter"},
		"native's payer":    {"native", func(m members) members { return m.with("payer.openid", userA) }, "/payer", "is not a parameter"},
		"long surplus":      {"native", func(m members) members { return m.with(strings.Repeat("x", 99), 1) }, "/" + strings.Repeat("x", 64) + "…", "is not a parameter"},
		"no payer":          {"jsapi", func(m members) members { return m.with("payer", nil) }, "/payer", "is missing"},
		"no openid":         {"jsapi", func(m members) members { return m.with("payer.openid", nil) }, "/payer/openid", "is missing"},
		"long openid":       {"jsapi", func(m members) members { return m.with("payer.openid", strings.Repeat("o", 129)) }, "/payer/openid", "above the most, 128"},
		"no scene_info":     {"h5", func(m members) members { return m.with("scene_info", nil) }, "/scene_info", "is missing"},
		"no client ip":      {"h5", func(m members) members { return m.with("scene_info.payer_client_ip", nil) }, "/scene_info/payer_client_ip", "is missing"},
		"client ip":         {"h5", func(m members) members { return m.with("scene_info.payer_client_ip", "localhost") }, "/scene_info/payer_client_ip", "IPv4 or IPv6"},
		"no h5_info":        {"h5", func(m members) members { return m.with("scene_info.h5_info", nil) }, "/scene_info/h5_info", "is missing"},
		"browser":           {"h5", func(m members) members { return m.with("scene_info.h5_info.type", "wap") }, "/scene_info/h5_info/type", "Wap, iOS or Android"},
		"goods": {"app", func(m members) members {
			return m.with("detail.goods_detail", []any{members{"merchant_goods_id": "1", "quantity": 0, "unit_price": 1}})
		}, "/detail/goods_detail/0/quantity", "0 is below the least, 1"},
		"goods as object": {"app", func(m members) members { return m.with("detail.goods_detail", members{}) }, "/detail/goods_detail", "must be an array"},
		"limit_pay":       {"app", func(m members) members { return m.with("limit_pay", []any{1}) }, "/limit_pay/0", "must be a string"},
		"no code":         {"codepay", func(m members) members { return m.with("payer.auth_code", nil) }, "/payer/auth_code", "is missing"},
		"code":            {"codepay", func(m members) members { return m.with("payer.auth_code", "160061098828009406") }, "/payer/auth_code", "18 digits"},
		"no store":        {"codepay", func(m members) members { return m.with("scene_info.store_info", nil) }, "/scene_info/store_info", "is missing"},
		"code's notify":   {"codepay", func(m members) members { return m.with("notify_url", "https://shop.example/") }, "/notify_url", "is not a parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			got := s.place(test.kind, test.edit(s.placing(test.kind, "FORM-1"))).wantCode(400, "PARAM_ERROR")
			got.wantJSON(map[string]any{"detail.field": test.field, "detail.location": "body"})
			s.wantLast("refused", test.reason)
		})
	}
	if n := len(s.Orders()); n != 0 {
		t.Errorf("there are %d orders, want none", n)
	}
}

// TestPlaceMessagesV3 are texts that merchants report from the real gateway.
func TestPlaceMessagesV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.place("jsapi", s.placing("jsapi", "FORM-1").with("payer.openid", nil)).wantCode(400, "PARAM_ERROR").
		wantJSON(map[string]any{"message": "输入源“/body/payer/openid”映射到值字段“用户标识”必填性规则校验失败，此字段为必填项"})
	s.place("jsapi", s.placing("jsapi", "FORM-1").with("mchid", "1900000000")).wantCode(400, "PARAM_ERROR").
		wantJSON(map[string]any{"message": "http header中的mchid与post payload中的mchid不匹配"})
	broken := v3Request{method: http.MethodPost, uri: "/v3/pay/transactions/native", body: `{"appid":"1","appid":"2"}`}
	s.v3(broken).wantCode(400, "PARAM_ERROR")
	s.wantLast("refused", "appid is there twice")
	broken.header = map[string]string{"Content-Type": "text/plain"}
	s.v3(broken).wantCode(400, "INVALID_REQUEST")
}

func TestPlaceForOthersV3(t *testing.T) {
	t.Parallel()
	s := start(t, ofProvider(t))
	s.place("native", s.placing("native", "ORDER-1").with("appid", "wx0000000000000000")).wantCode(400, "APPID_MCHID_NOT_MATCH")
	s.wantLast("refused", "whose appid is "+s.Merchant.AppID)
	s.place("native", s.placingSub("native", "ORDER-1").with("sub_mchid", "1900000110")).wantCode(403, "NO_AUTH")
	s.wantLast("refused", "sub-merchant 1900000110 is not bound")
	s.place("native", s.placingSub("native", "ORDER-1").with("sub_mchid", s.Merchant.MchID)).wantCode(400, "PARAM_ERROR")
	s.wantLast("refused", "sub_mchid equals sp_mchid")
	s.place("jsapi", s.placingSub("jsapi", "ORDER-1").with("payer.sp_openid", nil)).wantCode(400, "PARAM_ERROR")
	s.wantLast("refused", "sp_openid")
	sub := s.placingSub("jsapi", "ORDER-1")
	sub["payer"] = members{"sub_openid": "oSubUser"}
	s.place("jsapi", sub).wantCode(400, "PARAM_ERROR")
	s.wantLast("refused", "/payer/sub_openid goes with sub_appid")
	s.place("jsapi", sub.with("sub_appid", "wxsub")).want(200)
	if order := s.MustOrder("ORDER-1"); order.SubOpenID != "oSubUser" || order.SubAppID != "wxsub" {
		t.Errorf("the order is %+v", order)
	}
}

// TestPlaceAgainV3 is what a known number answers (the vendor's FAQ, and merchants' reports).
func TestPlaceAgainV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := func() members { return s.placing("jsapi", "AGAIN-1").with("time_expire", "2026-03-01T15:00:00+08:00") }
	first := s.place("jsapi", body()).want(200).json()["prepay_id"]
	second := s.place("jsapi", body()).want(200).json()["prepay_id"]
	if first == second {
		t.Errorf("the second prepay_id is the first, %v, want another", first)
	}
	s.place("jsapi", body().with("time_expire", "2026-03-01T07:00:00Z")).want(200)
	if n := len(s.Orders()); n != 1 {
		t.Errorf("there are %d orders, want one", n)
	}
	for name, edit := range map[string]func(members) members{
		"/amount/total":    func(m members) members { return m.with("amount.total", 101) },
		"/amount/currency": func(m members) members { return m.with("amount.currency", nil) },
		"/description":     func(m members) members { return m.with("description", "Tea, small") },
		"/attach":          func(m members) members { return m.with("attach", nil) },
		"/payer/openid":    func(m members) members { return m.with("payer.openid", "oOther") },
		"/notify_url":      func(m members) members { return m.with("notify_url", "https://shop.example/other") },
		"/time_expire":     func(m members) members { return m.with("time_expire", "2026-03-01T15:00:01+08:00") },
		"/goods_tag":       func(m members) members { return m.with("goods_tag", "WXG") },
	} {
		got := s.place("jsapi", edit(body())).wantCode(400, "INVALID_REQUEST")
		got.wantJSON(map[string]any{"message": "201 商户订单号重复"})
		s.wantLast("refused", "was placed with another "+name)
		if id := s.last().RequestID; !strings.HasSuffix(id, "-268498688") {
			t.Errorf("%s: Request-ID is %s, want the number of parameters that differ", name, id)
		}
	}
	s.place("app", s.placing("app", "AGAIN-1")).wantCode(400, "INVALID_REQUEST")
	s.wantLast("refused", "trade_type")
	s.order("ADDED-1")
	s.place("jsapi", s.placing("jsapi", "ADDED-1")).wantCode(400, "INVALID_REQUEST")
	s.wantLast("refused", "was not placed over the wire")
}

func TestPlaceAgainInEachState(t *testing.T) {
	t.Parallel()
	standard := start(t)
	other := start(t, paygate.Options{PlacedAgain: map[string]string{
		"different": "OUT_TRADE_NO_USED", "paid": "ORDERPAID", "closed": "INVALID_REQUEST", "expired": "TRADE_ERROR",
	}})
	for _, test := range []struct {
		name   string
		change func(s *session, no string)
		edit   func(members) members
		want   [2]string // by standard, and by other
		status [2]int
	}{
		{"PAID-1", func(s *session, no string) { s.MustPay(no) }, nil, [2]string{"INVALID_REQUEST", "ORDERPAID"}, [2]int{400, 400}},
		{"REFUND-1", func(s *session, no string) { s.MustPay(no); s.MustRefund(no) }, nil, [2]string{"INVALID_REQUEST", "ORDERPAID"}, [2]int{400, 400}},
		{"CLOSED-1", func(s *session, no string) { s.v3(s.closeV3(no)).want(204) }, nil, [2]string{"ORDER_CLOSED", "INVALID_REQUEST"}, [2]int{400, 400}},
		{"DIFFERENT-1", func(*session, string) {}, func(m members) members { return m.with("attach", "x") },
			[2]string{"INVALID_REQUEST", "OUT_TRADE_NO_USED"}, [2]int{400, 403}},
		{"EXPIRED-1", func(s *session, _ string) { s.MustAdvance(time.Hour) }, nil, [2]string{"ORDER_CLOSED", "TRADE_ERROR"}, [2]int{400, 403}},
	} {
		for i, s := range []*session{standard.in(t), other.in(t)} {
			body := s.placing("native", test.name).with("time_expire", s.Time().Add(30*time.Minute).Format(time.RFC3339))
			s.place("native", body).want(200)
			test.change(s, test.name)
			before := s.MustOrder(test.name)
			if test.edit != nil {
				body = test.edit(body)
			}
			s.place("native", body).wantCode(test.status[i], test.want[i])
			if after := s.MustOrder(test.name); after.State != before.State || after.PrepayID != before.PrepayID {
				t.Errorf("%s: the order became %+v", test.name, after)
			}
		}
	}
	s := standard.in(t)
	s.place("native", s.placing("native", "CLOSED-1")).wantCode(400, "ORDER_CLOSED")
	if id := s.last().RequestID; !strings.HasSuffix(id, "-268447914") {
		t.Errorf("Request-ID is %s, want the number of a closed order", id)
	}
}

func TestSamePrepayID(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{SamePrepayID: true})
	ask := func() any { return s.place("app", s.placing("app", "SAME-1")).want(200).json()["prepay_id"] }
	first := ask()
	s.MustAdvance(2*time.Hour - time.Second)
	if second := ask(); second != first {
		t.Errorf("within two hours the prepay_id is %v, want %v again", second, first)
	}
	s.MustAdvance(time.Second)
	if third := ask(); third == first {
		t.Errorf("after two hours the prepay_id is still %v", third)
	}
}

// TestTimeExpire: it ends the time to pay, and nothing else.
func TestTimeExpire(t *testing.T) {
	t.Parallel()
	s := start(t)
	at := func(no string, d time.Duration) time.Time {
		s.place("native", s.placing("native", no).with("time_expire", wireTime().Add(d).Format(time.RFC3339))).want(200)
		return s.MustOrder(no).TimeExpire
	}
	for no, test := range map[string]struct{ given, want time.Duration }{
		"SOON-1": {-time.Hour, time.Minute}, "SOON-2": {59 * time.Second, time.Minute}, "KEPT-1": {time.Minute, time.Minute},
		"KEPT-2": {10 * 24 * time.Hour, 10 * 24 * time.Hour}, "LATE-1": {91 * 24 * time.Hour, 90 * 24 * time.Hour},
	} {
		if got := at(no, test.given); !got.Equal(wireTime().Add(test.want)) {
			t.Errorf("%s: time_expire is %s, want %s", no, got, wireTime().Add(test.want))
		}
	}
	at("OVER-1", time.Minute)
	s.MustAdvance(time.Minute)
	if err := s.Pay("OVER-1"); err == nil || !strings.Contains(err.Error(), "could be paid until its time_expire, 2026-03-01T12:01:00+08:00") {
		t.Errorf("paying after time_expire gave %v", err)
	}
	s.v3(s.queryV3("OVER-1")).want(200).wantJSON(map[string]any{"trade_state": "NOTPAY"})
	s.v3(s.closeV3("OVER-1")).want(204)
	s.place("native", s.placing("native", "PLAIN-1")).want(200)
	if got := s.MustOrder("PLAIN-1").TimeExpire; !got.IsZero() {
		t.Errorf("without time_expire it is %s, want none", got)
	}
	s.MustAdvance(8 * 24 * time.Hour)
	s.WantState("PLAIN-1", paygate.StateClosed)
	s.WantState("KEPT-1", paygate.StateClosed)
	s.WantState("KEPT-2", paygate.StateNotPay)
	s.MustAdvance(2 * 24 * time.Hour)
	s.WantState("KEPT-2", paygate.StateClosed)
	fifteen := start(t, paygate.Options{LatestExpiry: 15 * 24 * time.Hour})
	fifteen.place("native", fifteen.placing("native", "LATE-1").with("time_expire", wireTime().Add(20*24*time.Hour).Format(time.RFC3339))).want(200)
	if got := fifteen.MustOrder("LATE-1").TimeExpire; !got.Equal(wireTime().Add(15 * 24 * time.Hour)) {
		t.Errorf("time_expire is %s, want fifteen days ahead", got)
	}
}

func TestPlaceOptions(t *testing.T) {
	t.Parallel()
	m, err := paygate.NewMerchant("1900000001", "wxd678efh567hg6787")
	if err != nil {
		t.Fatal(err)
	}
	_, err = paygate.New(paygate.Options{
		Merchants: []*paygate.Merchant{m}, LatestExpiry: -1, PlacedAgain: map[string]string{"gone": "X", "paid": "order paid"},
	})
	for _, want := range []string{`Options.PlacedAgain: "gone" must be one of different, paid, closed, expired`,
		`Options.PlacedAgain["paid"]: "order paid" must be a code`, "Options.LatestExpiry: -1ns must not be negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one that says %s", err, want)
		}
	}
}

func TestCodePayV3(t *testing.T) {
	t.Parallel()
	s := start(t, ofProvider(t))
	s.place("codepay", s.placing("codepay", "CODE-1")).want(200).wantJSON(map[string]any{
		"trade_state": "SUCCESS", "trade_type": "MICROPAY", "out_trade_no": "CODE-1", "amount.total": 100.0, "mchid": s.Merchant.MchID,
		"transaction_id": s.MustOrder("CODE-1").TransactionID,
	})
	s.place("codepay", s.placing("codepay", "CODE-1")).wantCode(400, "INVALID_REQUEST")
	s.place("codepay", s.placingSub("codepay", "CODE-S")).want(200).wantJSON(map[string]any{"sp_mchid": s.Merchant.MchID, "sub_mchid": subMchID})

	dear := func() members { return s.placing("codepay", "CODE-2").with("amount.total", 100_001) }
	s.place("codepay", dear()).want(202).wantJSON(map[string]any{"trade_state": "USERPAYING", "out_trade_no": "CODE-2", "code": nil})
	s.place("codepay", dear()).want(202).wantJSON(map[string]any{"trade_state": "USERPAYING"})
	s.v3(s.closeV3("CODE-2")).wantCode(400, "INVALID_REQUEST")
	s.admin("POST", "/orders/CODE-2/pay", "").wantStatus(200)
	s.v3(s.queryV3("CODE-2")).want(200).wantJSON(map[string]any{"trade_state": "SUCCESS"})

	s.place("codepay", dear().with("out_trade_no", "CODE-3")).want(202)
	s.admin("POST", "/orders/CODE-3/fail", "").wantStatus(200)
	s.WantState("CODE-3", paygate.StatePayError)
	s.place("codepay", dear().with("out_trade_no", "CODE-3")).wantCode(400, "INVALID_REQUEST")
	s.wantLast("refused", "the payment of order CODE-3 failed: use a new out_trade_no")
	s.admin("POST", "/orders/CODE-1/fail", "").wantError(409, "only the payment of an open order can fail")

	s.order("OPEN-1")
	s.MustFailPayment("OPEN-1")
	s.WantState("OPEN-1", paygate.StateNotPay)

	errors := start(t, paygate.Options{CodePayErrors: true})
	errors.place("codepay", errors.placing("codepay", "CODE-2").with("amount.total", 100_001)).wantCode(202, "USERPAYING")
	errors.WantState("CODE-2", paygate.StateUserPaying)
}

// TestPlaceFaults: an order may be placed although the merchant does not learn it, and the other
// way round.
func TestPlaceFaults(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.MustInject(paygate.Fault{Action: paygate.SystemError, Times: 1}) // for closes and queries only
	s.place("native", s.placing("native", "FAULT-1")).want(200)
	s.v3(s.queryV3("FAULT-1")).wantCode(500, "SYSTEM_ERROR")
	s.MustInject(paygate.Fault{Action: paygate.Drop, Op: "place", Times: 1})
	if err := s.tryV3(t.Context(), v3Request{method: "POST", uri: "/v3/pay/transactions/native", body: s.placing("native", "FAULT-2").text(t)}); err == nil {
		t.Error("the reply came although a fault drops it")
	}
	s.WantState("FAULT-2", paygate.StateNotPay)
	s.MustInject(paygate.Fault{Action: paygate.RateLimit, Op: "place", OutTradeNo: "FAULT-3", Times: 1})
	s.place("native", s.placing("native", "FAULT-3")).wantCode(429, "FREQUENCY_LIMITED")
	if _, err := s.Order("FAULT-3"); err == nil {
		t.Error("a refused placing placed")
	}
	s.MustInject(paygate.Fault{Action: paygate.WrongOrder, Op: "place", Times: 1})
	s.place("jsapi", s.placing("jsapi", "FAULT-4")).want(200)
	if got := s.last(); !slices.Equal(got.Faults, []paygate.Action{paygate.WrongOrder}) {
		t.Errorf("the faults are %v", got.Faults)
	}
}

// TestPlaceUnauthentic: a wrong signature places nothing.
func TestPlaceUnauthentic(t *testing.T) {
	t.Parallel()
	s := start(t)
	req := v3Request{method: "POST", uri: "/v3/pay/transactions/native", body: s.placing("native", "WRONG-1").text(t)}
	req.message = func(r v3Request) string { return strings.TrimSuffix(r.documented(), "\n") }
	s.v3(req).wantUnsigned(401)
	s.wantLast("unauthentic", "the last line feed is missing")
	if n := len(s.Orders()); n != 0 {
		t.Errorf("there are %d orders, want none", n)
	}
}

func TestAdminPlacedOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.place("native", s.placing("native", "SHOWN-1").with("time_expire", "2026-03-01T12:30:00+08:00")).want(200)
	order := s.MustOrder("SHOWN-1")
	got := s.admin("GET", "/orders/SHOWN-1", "").wantStatus(200)
	got.wantJSON(map[string]any{
		"prepay_id": order.PrepayID, "api": "v3", "notify_url": "https://shop.example/notify", "description": "Tea, large",
		"time_expire": "2026-03-01T12:30:00+08:00",
	})
	if page, _ := got.json()["page"].(string); !strings.HasPrefix(page, "/cashier?pr=") {
		t.Errorf("the page is %q", page)
	}
	const given = `{"mchid":"1900007291","out_trade_no":"GIVEN-1","total":1,"notify_url":"https://shop.example/n","description":"Tea",` +
		`"time_expire":"2026-03-01T11:00:00+08:00","api":"v2","sign_type":"HMAC-SHA256"}`
	s.admin("POST", "/orders", given).wantStatus(201).wantJSON(map[string]any{"time_expire": "2026-03-01T11:00:00+08:00", "prepay_id": nil})
	s.admin("POST", "/orders", given).wantStatus(200)
	s.admin("POST", "/orders", strings.Replace(given, "T11:00", "T11:01", 1)).wantError(409, "time_expire")
	s.admin("POST", "/orders/GIVEN-1/pay", "").wantError(409, "could be paid until its time_expire")
	for member, want := range map[string]string{
		`"time_expire":"tomorrow"`: "time_expire: \"tomorrow\" must be RFC 3339", `"notify_url":"x"`: "notify_url: must be an absolute address",
		`"api":"v1"`: "api: \"v1\" must be v2, v3 or absent", `"sign_type":"RSA"`: "sign_type: \"RSA\" must be MD5, HMAC-SHA256 or absent",
	} {
		s.admin("POST", "/orders", `{"mchid":"1900007291","out_trade_no":"BAD-1","total":1,`+member+`}`).wantError(400, want)
	}
}
