package paygate_test

import (
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// combining is a documented body of a combined order with two parts.
func (s *session) combining(kind, no string) members {
	sub := func(mchID, number string, total int) members {
		return members{
			"mchid": mchID, "out_trade_no": number, "attach": "a", "description": "Tea " + number,
			"amount": members{"total_amount": total, "currency": "CNY"},
		}
	}
	m := members{
		"combine_appid": s.Merchant.AppID, "combine_mchid": s.Merchant.MchID, "combine_out_trade_no": no,
		"notify_url": "https://shop.example/notify",
		"sub_orders": []any{sub(s.Merchant.MchID, no+"-PART-1", 60), sub("1900000555", no+"-PART-2", 40)},
	}
	switch kind {
	case "jsapi":
		m["combine_payer_info"] = members{"openid": userA}
	case "h5":
		m["scene_info"] = members{"payer_client_ip": "14.23.150.211", "h5_info": members{"type": "iOS"}}
	}
	return m
}

// part is the members of a sub-order.
func (m members) part(i int) members {
	subs, _ := m["sub_orders"].([]any)
	one, _ := subs[i].(members)
	return one
}

func TestPlaceCombined(t *testing.T) {
	t.Parallel()
	s := start(t)
	for kind, member := range map[string]string{"jsapi": "prepay_id", "app": "prepay_id", "native": "code_url", "h5": "h5_url"} {
		no := "C-" + kind
		got := s.place(kind, s.combining(kind, no)).want(200).json()
		if text, _ := got[member].(string); text == "" || len(got) != 1 {
			t.Errorf("%s: the answer is %v, want %s", kind, got, member)
		}
		if last := s.last(); last.Op != "place" || last.OutTradeNo != no || last.State != "NOTPAY" {
			t.Errorf("%s: history says %+v", kind, last)
		}
	}
	all := s.MustCombined("C-jsapi")
	if all.NotifyURL != "https://shop.example/notify" || all.API != "v3" || all.PrepayID == "" || all.OpenID != userA || len(all.SubOrders) != 2 {
		t.Fatalf("the combined order is %+v", all)
	}
	if part := all.SubOrders[1]; part.MchID != "1900000555" || part.Total != 40 || part.Description != "Tea C-jsapi-PART-2" || part.Attach != "a" {
		t.Errorf("the second part is %+v", part)
	}
	s.MustPay("C-jsapi")
	s.v3(s.queryCombined("C-jsapi")).want(200).wantJSON(map[string]any{"combine_out_trade_no": "C-jsapi", "combine_payer_info.openid": userA})
	s.admin("GET", "/orders/C-jsapi", "").wantStatus(200).wantJSON(map[string]any{"prepay_id": all.PrepayID, "state": "SUCCESS"})
}

func TestPlaceCombinedAgain(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := func() members {
		return s.combining("native", "C-AGAIN").with("time_expire", "2026-03-01T12:30:00+08:00")
	}
	s.place("native", body()).want(200)
	first := s.MustCombined("C-AGAIN").PrepayID
	s.place("native", body()).want(200)
	if second := s.MustCombined("C-AGAIN").PrepayID; second == first {
		t.Error("the second prepay_id is the first, want another")
	}
	other := body()
	other.part(1).with("amount.total_amount", 41)
	s.place("native", other).wantCode(400, "INVALID_REQUEST").wantJSON(map[string]any{"message": "201 商户订单号重复"})
	s.wantLast("refused", "/sub_orders/1/amount/total_amount")
	taken := s.combining("native", "C-TAKEN")
	taken.part(0).with("out_trade_no", "C-AGAIN-PART-1")
	s.place("native", taken).wantCode(400, "INVALID_REQUEST")
	s.wantLast("refused", "order C-AGAIN-PART-1 of mchid 1900007291 exists")
	s.place("native", s.placing("native", "C-AGAIN-PART-1")).wantCode(400, "INVALID_REQUEST")
	s.wantLast("refused", "exists as a part of the combined order C-AGAIN")
	s.MustAdvance(30 * time.Minute)
	s.place("native", body()).wantCode(400, "ORDER_CLOSED")
	if err := s.Pay("C-AGAIN"); err == nil || !strings.Contains(err.Error(), "time_expire") {
		t.Errorf("paying it late gave %v", err)
	}
	if _, err := s.Combined("C-TAKEN"); err == nil {
		t.Error("a refused placing placed")
	}
}

func TestPlaceCombinedForm(t *testing.T) {
	t.Parallel()
	s := start(t, ofProvider(t))
	for name, test := range map[string]struct {
		kind  string
		edit  func(members)
		code  string
		field any
	}{
		"no appid":       {"native", func(m members) { m.with("combine_appid", nil) }, "PARAM_ERROR", "/combine_appid"},
		"other appid":    {"native", func(m members) { m.with("combine_appid", "wx") }, "APPID_MCHID_NOT_MATCH", nil},
		"other mchid":    {"native", func(m members) { m.with("combine_mchid", "1900000000") }, "PARAM_ERROR", "/combine_mchid"},
		"no attach":      {"native", func(m members) { m.part(1).with("attach", nil) }, "PARAM_ERROR", "/sub_orders/1/attach"},
		"total":          {"native", func(m members) { m.part(0).with("amount.total", 1) }, "PARAM_ERROR", "/sub_orders/0/amount/total"},
		"short number":   {"native", func(m members) { m.part(0).with("out_trade_no", "A1") }, "PARAM_ERROR", "/sub_orders/0/out_trade_no"},
		"detail object":  {"native", func(m members) { m.part(0).with("detail", members{}) }, "PARAM_ERROR", "/sub_orders/0/detail"},
		"no parts":       {"native", func(m members) { m["sub_orders"] = []any{} }, "PARAM_ERROR", "/sub_orders"},
		"parts as texts": {"native", func(m members) { m["sub_orders"] = []any{"x"} }, "PARAM_ERROR", "/sub_orders/0"},
		"twice":          {"native", func(m members) { m["sub_orders"] = []any{m.part(0), m.part(0)} }, "PARAM_ERROR", nil},
		"no payer":       {"jsapi", func(m members) { m.with("combine_payer_info", nil) }, "PARAM_ERROR", "/combine_payer_info"},
		"empty payer":    {"jsapi", func(m members) { m["combine_payer_info"] = members{} }, "PARAM_ERROR", "/combine_payer_info/openid"},
		"not bound":      {"native", func(m members) { m.part(0).with("sub_mchid", "1900000110") }, "NO_AUTH", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			body := s.combining(test.kind, "C-FORM")
			test.edit(body)
			status := 400
			if test.code == "NO_AUTH" {
				status = 403
			}
			got := s.place(test.kind, body).wantCode(status, test.code)
			if test.field != nil {
				got.wantJSON(map[string]any{"detail.field": test.field})
			}
		})
	}
	body := s.combining("native", "C-SUB")
	body.part(0).with("sub_mchid", subMchID)
	s.place("native", body).want(200)
	if got := s.MustCombined("C-SUB").SubOrders[0].Owner(); got != (paygate.Owner{MchID: s.Merchant.MchID, SubMchID: subMchID}) {
		t.Errorf("the first part is %s's", got)
	}
}

func TestAdminCombinedWithExpiry(t *testing.T) {
	t.Parallel()
	s := start(t)
	const given = `{"combine_out_trade_no":"C1","notify_url":"https://shop.example/n","time_expire":"2026-03-01T12:30:00+08:00",` +
		`"sub_orders":[{"mchid":"1900007291","out_trade_no":"S1","total":1}]}`
	s.admin("POST", "/orders", given).wantStatus(201).wantJSON(map[string]any{
		"notify_url": "https://shop.example/n", "time_expire": "2026-03-01T12:30:00+08:00",
	})
	s.admin("POST", "/orders", given).wantStatus(200)
	s.admin("POST", "/orders", strings.Replace(given, "12:30", "12:31", 1)).wantError(409, "exists with other facts")
	s.admin("POST", "/orders", strings.Replace(given, "2026-03-01T12:30:00+08:00", "soon", 1)).wantError(400, "time_expire")
	s.admin("POST", "/orders", strings.Replace(given, "https://shop.example/n", "n", 1)).wantError(400, "notify_url")
	s.MustAdvance(30 * time.Minute)
	s.admin("POST", "/orders/C1/pay", "").wantError(409, "time_expire")
}
