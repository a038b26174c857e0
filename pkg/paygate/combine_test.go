package paygate_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

const otherMchID = "1900000777" // no merchant of the gateway's

// combined adds C1 of three orders: the combiner's own, a sub-merchant's, and another merchant's.
func (s *session) combined(edits ...func(*paygate.CombinedOrder)) {
	s.t.Helper()
	c := paygate.CombinedOrder{
		CombineOutTradeNo: "C1", OpenID: userA, DeviceInfo: "POS1",
		SubOrders: []paygate.Order{
			{OutTradeNo: "S1", Total: 100, Attach: "one", Coupons: coupons()},
			{OutTradeNo: "S2", Total: 200, SubMchID: subMchID, SubAppID: "wxsub", SubOpenID: "oSub"},
			{OutTradeNo: "S3", Total: 300, MchID: otherMchID, TradeType: "NATIVE"},
		},
	}
	for _, edit := range edits {
		edit(&c)
	}
	s.MustAddCombined(c)
}

// sub is a sub-order as a close names it.
func sub(mchid, no, subMchid string) string {
	text := fmt.Sprintf(`{"mchid":"%s","out_trade_no":"%s"`, mchid, no)
	if subMchid != "" {
		text += fmt.Sprintf(`,"sub_mchid":"%s","sub_appid":"wxsub"`, subMchid)
	}
	return text + "}"
}

// subs names the three of combined.
func (s *session) subs() []string {
	return []string{sub(s.Merchant.MchID, "S1", ""), sub(s.Merchant.MchID, "S2", subMchID), sub(otherMchID, "S3", "")}
}

func (s *session) closeCombined(no string, subs ...string) v3Request {
	return v3Request{
		method: http.MethodPost, uri: "/v3/combine-transactions/out-trade-no/" + no + "/close",
		body: `{"combine_appid":"` + s.Merchant.AppID + `","sub_orders":[` + strings.Join(subs, ",") + `]}`,
	}
}

func (s *session) queryCombined(no string) v3Request {
	return v3Request{method: http.MethodGet, uri: "/v3/combine-transactions/out-trade-no/" + no}
}

// wantParts checks the state of each sub-order.
func (s *session) wantParts(states ...paygate.TradeState) {
	s.t.Helper()
	for i, order := range s.MustCombined("C1").SubOrders {
		if order.State != states[i] {
			s.t.Errorf("sub-order %s is %s, want %s", order.OutTradeNo, order.State, states[i])
		}
		s.WantState(order.OutTradeNo, states[i], order.Owner())
	}
}

func TestCloseCombined(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.combined()
	subs := s.subs()
	s.v3(s.closeCombined("C1", subs[2], subs[0], subs[1])).want(204) // in any order
	s.wantParts(paygate.StateClosed, paygate.StateClosed, paygate.StateClosed)
	last := s.last()
	if last.OutTradeNo != "C1" || last.State != "CLOSED" || last.Op != "close" || last.MchID != s.Merchant.MchID {
		t.Errorf("history says %+v", last)
	}
	s.v3(s.closeCombined("C1", subs...)).wantCode(400, "ORDER_CLOSED")
	s.v3(s.closeCombined("NONE", subs...)).wantCode(404, "ORDER_NOT_EXIST")
	s.wantLast("refused", "there is no combined order NONE of mchid "+s.Merchant.MchID)
	s.v3(s.queryCombined("NONE")).wantCode(404, "ORDER_NOT_EXIST")

	again := start(t, paygate.Options{ReentrantClose: true})
	again.combined()
	for range 2 {
		again.v3(again.closeCombined("C1", again.subs()...)).want(204)
	}
}

// TestCloseCombinedMismatch: a close that does not name exactly what was combined does nothing.
func TestCloseCombinedMismatch(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.combined()
	one, two, three := s.subs()[0], s.subs()[1], s.subs()[2]
	mchid := s.Merchant.MchID
	for name, test := range map[string]struct {
		subs   []string
		reason string
	}{
		"one missing":       {[]string{one, two}, "sub-order S3 of mchid " + otherMchID + " is missing: the close must name all 3"},
		"one too many":      {[]string{one, two, three, sub(mchid, "S4", "")}, "sub-order S4 of mchid " + mchid + " is none of the combined order's"},
		"another mchid":     {[]string{one, two, sub(mchid, "S3", "")}, "sub-order S3 of mchid " + mchid + " is none"},
		"another number":    {[]string{one, two, sub(otherMchID, "S5", "")}, "sub-order S5"},
		"without sub_mchid": {[]string{one, sub(mchid, "S2", ""), three}, "sub-order S2 of mchid " + mchid + " is none"},
		"with sub_mchid":    {[]string{sub(mchid, "S1", subMchID), two, three}, "is none of the combined order's"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			s.v3(s.closeCombined("C1", test.subs...)).wantCode(400, "INVALID_REQUEST")
			s.wantLast("refused", test.reason)
		})
	}
	appid := s.closeCombined("C1", one, two, three)
	appid.body = strings.Replace(appid.body, s.Merchant.AppID, "wxother", 1)
	s.v3(appid).wantCode(400, "INVALID_REQUEST")
	s.wantLast("refused", "combine_appid is wxother")
	s.wantParts(paygate.StateNotPay, paygate.StateNotPay, paygate.StateNotPay)
}

// TestCloseCombinedForm: what no combined close may look like.
func TestCloseCombinedForm(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.combined()
	one := s.subs()[0]
	for body, reason := range map[string]string{
		``:                     "it is not JSON",
		`[]`:                   "it is not a JSON object",
		"{\"a\":\"\xff\"}":     "it is not UTF-8",
		`{"combine_appid":"a"`: "it is not JSON",
		`{"combine_appid":"a","sub_orders":[` + one: "it is not JSON",
		`{"combine_appid":"a","sub_orders":[{`:      "it is not JSON",
		`{"a":` + strings.Repeat("[", 9):            "it is nested deeper than 8",
		`{"combine_appid":"a","x`:                   "it is not JSON",
		`{"combine_appid":"a"} 1`:                   "there is more after the object",
		`{"mchid":"1"}`:                             `"mchid" is not one of combine_appid, sub_orders`,
		`{"combine_appid ":"a","sub_orders":[]}`:    `"combine_appid " is not one of`,
		`{"sub_orders":[` + one + `]}`:              "combine_appid must be there",
		`{"combine_appid":1,"sub_orders":[]}`:       "combine_appid must be there, and be a string",
		`{"combine_appid":"a","combine_appid":"a"}`: "combine_appid is there twice",
		`{"combine_appid":"a"}`:                     "sub_orders must be an array of 1 to 50",
		`{"combine_appid":"a","sub_orders":[]}`:     "sub_orders must be an array of 1 to 50",
		`{"combine_appid":"a","sub_orders":[` + strings.Repeat(one+",", 50) + one + `]}`:           "sub_orders must be an array of 1 to 50",
		`{"combine_appid":"a","sub_orders":[1]}`:                                                   "sub_orders[0]: it must be an object",
		`{"combine_appid":"a","sub_orders":[{"MCHID":"1","out_trade_no":"1"}]}`:                    `sub_orders[0]: "MCHID" is not one of`,
		`{"combine_appid":"a","sub_orders":[{"mchid":"1"}]}`:                                       "sub_orders[0]: out_trade_no must be there",
		`{"combine_appid":"a","sub_orders":[{"mchid":"1","out_trade_no":"1","out_trade_no":"2"}]}`: "out_trade_no is there twice",
		`{"combine_appid":"a","sub_orders":[{"mchid":"x","out_trade_no":"1"}]}`:                    `sub_orders[0]: mchid "x" must be`,
		`{"combine_appid":"a","sub_orders":[{"mchid":"1","out_trade_no":"a b"}]}`:                  `sub_orders[0]: out_trade_no "a b" must be`,
		`{"combine_appid":"a","sub_orders":[{"mchid":"1","out_trade_no":"1","sub_mchid":"x"}]}`:    `sub_orders[0]: sub_mchid "x" must be`,
		`{"combine_appid":"a","sub_orders":[{"mchid":"1","out_trade_no":"1","sub_mchid":null}]}`:   "sub_mchid must be there, and be a string",
		`{"combine_appid":"a","sub_orders":[` + one + "," + one + `]}`:                             "sub_orders[1]: S1 of mchid",
	} {
		req := s.closeCombined("C1")
		req.body, req.header = body, map[string]string{"Content-Type": "application/json"}
		s.v3(req).wantCode(400, "PARAM_ERROR")
		s.wantLast("refused", reason)
	}
	text := s.closeCombined("C1", s.subs()...)
	text.header = map[string]string{"Content-Type": "text/plain"}
	s.v3(text).wantCode(400, "INVALID_REQUEST")
	s.v3(s.closeCombined("a%20b", s.subs()...)).wantCode(400, "PARAM_ERROR").wantJSON(map[string]any{"detail.field": "combine_out_trade_no"})
	extra := s.queryCombined("C1")
	extra.uri += "?mchid=" + s.Merchant.MchID
	s.v3(extra).wantCode(400, "PARAM_ERROR")
	s.wantLast("refused", "mchid is not a parameter of this call: it has none")
	extra.uri = s.queryCombined("C1").uri + "?%zz"
	s.v3(extra).wantCode(400, "PARAM_ERROR")
	for uri, status := range map[string]int{"/v3/combine-transactions/id/42": 404, "/v3/combine-transactions/id/42/close": 404} {
		v3Answer{answer: s.mustExchange("GET", uri, "", http.Header{}), session: s}.wantUnsigned(status)
	}
	s.wantParts(paygate.StateNotPay, paygate.StateNotPay, paygate.StateNotPay)
}

// TestPlainCallsMissCombined: sub-orders are found by no call but their combined order's.
func TestPlainCallsMissCombined(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.combined()
	s.order("A1")
	for _, req := range []v3Request{s.closeV3("S1"), s.queryV3("S1"), s.closeSubV3("S2"), s.querySubV3("S2")} {
		s.v3(req).wantCode(404, "ORDER_NOT_EXIST")
		s.wantLast("refused", "is a part of the combined order C1, whose paths are below /v3/combine-transactions/")
	}
	s.v2(s.closeV2("S1")).wantCode("ORDERNOTEXIST")
	s.v2(s.queryV2("S1")).wantCode("ORDERNOTEXIST")
	s.v3(s.closeV3("C1")).wantCode(404, "ORDER_NOT_EXIST")
	s.wantLast("refused", "it is a combined order's number, whose paths are below /v3/combine-transactions/")
	s.v3(s.queryCombined("A1")).wantCode(404, "ORDER_NOT_EXIST")
	s.wantLast("refused", "one exists of mchid")
	s.wantParts(paygate.StateNotPay, paygate.StateNotPay, paygate.StateNotPay)
	s.MustPay("C1")
	id := s.MustOrder("S1").TransactionID
	s.v3(v3Request{method: "GET", uri: "/v3/pay/transactions/id/" + id + "?mchid=" + s.Merchant.MchID}).wantCode(404, "ORDER_NOT_EXIST")
}

// parts is the reply's sub-orders.
func (a answer) parts() []map[string]any {
	a.t.Helper()
	items, _ := a.json()["sub_orders"].([]any)
	parts := make([]map[string]any, len(items))
	for i := range items {
		parts[i] = items[i].(map[string]any)
	}
	return parts
}

func TestQueryCombined(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.combined()
	got := s.v3(s.queryCombined("C1")).want(200)
	got.wantJSON(map[string]any{
		"combine_appid": s.Merchant.AppID, "combine_mchid": s.Merchant.MchID, "combine_out_trade_no": "C1", "combine_payer_info": nil,
		"scene_info.device_id": "POS1", "mchid": nil, "out_trade_no": nil,
	})
	parts := got.parts()
	if len(parts) != 3 || parts[0]["trade_state"] != "NOTPAY" || parts[0]["transaction_id"] != nil || parts[1]["sub_mchid"] != subMchID ||
		parts[1]["sub_appid"] != "wxsub" || parts[1]["sub_openid"] != nil || parts[2]["mchid"] != otherMchID {
		t.Fatalf("sub_orders are %v", parts)
	}
	first := parts[0]["amount"].(map[string]any)
	if first["total_amount"] != 100.0 || first["payer_amount"] != nil || first["currency"] != "CNY" {
		t.Errorf("an unpaid sub-order's amount is %v", first)
	}

	s.MustPay("C1")
	s.MustRefund("S2")
	got = s.v3(s.queryCombined("C1")).want(200)
	got.wantJSON(map[string]any{"combine_payer_info.openid": userA})
	parts = got.parts()
	for i, state := range []string{"SUCCESS", "REFUND", "SUCCESS"} {
		if parts[i]["trade_state"] != state || parts[i]["transaction_id"] == nil || parts[i]["success_time"] != "2026-03-01T12:00:00+08:00" {
			t.Errorf("sub-order %d is %v, want %s", i, parts[i], state)
		}
	}
	first = parts[0]["amount"].(map[string]any)
	if first["payer_amount"] != 50.0 || first["payer_currency"] != "CNY" || len(parts[0]["promotion_detail"].([]any)) != 2 ||
		parts[1]["sub_openid"] != "oSub" || parts[2]["trade_type"] != "NATIVE" || parts[0]["attach"] != "one" {
		t.Errorf("sub_orders are %v", parts)
	}
	if state := s.last().State; state != "SUCCESS, REFUND" {
		t.Errorf("history says state %q", state)
	}
	s.v3(s.closeCombined("C1", s.subs()...)).wantCode(400, "ORDER_PAID")
}

// TestCombinedStates: what keeps one part from being closed keeps all.
func TestCombinedStates(t *testing.T) {
	t.Parallel()
	const (
		notPay, userPaying = paygate.StateNotPay, paygate.StateUserPaying
		closed, success    = paygate.StateClosed, paygate.StateSuccess
	)
	for name, test := range map[string]struct {
		states [3]paygate.TradeState
		code   string // empty: 204
	}{
		"all open":        {[3]paygate.TradeState{notPay, paygate.StatePayError, notPay}, ""},
		"one closed":      {[3]paygate.TradeState{closed, notPay, notPay}, ""},
		"one being paid":  {[3]paygate.TradeState{notPay, userPaying, notPay}, "USERPAYING"},
		"one paid":        {[3]paygate.TradeState{notPay, closed, success}, "ORDER_PAID"},
		"all closed":      {[3]paygate.TradeState{closed, closed, paygate.StateRevoked}, "ORDER_CLOSED"},
		"closed and paid": {[3]paygate.TradeState{closed, success, closed}, "ORDER_PAID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.combined(func(c *paygate.CombinedOrder) {
				for i := range c.SubOrders {
					c.SubOrders[i].State = test.states[i]
				}
			})
			got := s.v3(s.closeCombined("C1", s.subs()...))
			if test.code == "" {
				got.want(204)
				s.wantParts(closed, closed, closed)
				return
			}
			status := 400
			if test.code == "USERPAYING" {
				status = 202
			}
			got.wantCode(status, test.code)
			s.wantParts(test.states[:]...)
			s.wantLast("refused", "the sub-orders are "+string(test.states[0]))
		})
	}
}

// TestPayCombined: all parts or none.
func TestPayCombined(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.combined()
	if err := s.Pay("S1"); err == nil || !strings.Contains(err.Error(), "is a part of the combined order C1: only the whole") {
		t.Errorf("paying a part: %v", err)
	}
	if err := s.Refund("C1"); err == nil || !strings.Contains(err.Error(), "only a paid order") {
		t.Errorf("refunding an unpaid combined order: %v", err)
	}
	s.MustPay("C1")
	s.wantParts(paygate.StateSuccess, paygate.StateSuccess, paygate.StateSuccess)
	if err := s.Pay("C1"); err == nil {
		t.Error("paid twice")
	}
	if order := s.MustOrder("S1"); order.CombineOutTradeNo != "C1" || order.OpenID != userA {
		t.Errorf("sub-order is %+v", order)
	}
	s.MustRefund("C1")
	s.wantParts(paygate.StateRefund, paygate.StateRefund, paygate.StateRefund)

	mixed := start(t)
	mixed.combined(func(c *paygate.CombinedOrder) { c.SubOrders[2].State = paygate.StateClosed })
	if err := mixed.Pay("C1"); err == nil {
		t.Error("paid although a part is closed")
	}
	mixed.wantParts(paygate.StateNotPay, paygate.StateNotPay, paygate.StateClosed)
	mixed.MustAdvance(7 * 24 * time.Hour)
	mixed.wantParts(paygate.StateClosed, paygate.StateClosed, paygate.StateClosed)
}

func TestCombinedFaults(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.combined()
	s.MustInject(paygate.Fault{Action: paygate.WrongOrder, Times: 1, OutTradeNo: "C1"})
	s.v3(s.queryCombined("C1")).want(200).wantJSON(map[string]any{"combine_out_trade_no": "C0"})
	s.MustInject(paygate.Fault{Action: paygate.WrongMerchant, Times: 1})
	if got := s.v3(s.queryCombined("C1")).want(200).json()["combine_mchid"]; got == s.Merchant.MchID {
		t.Errorf("combine_mchid is %v, want another", got)
	}
	s.MustInject(paygate.Fault{Action: paygate.SystemError, Times: 1})
	s.v3(s.queryCombined("C1")).wantCode(500, "SYSTEM_ERROR")
	s.MustInject(paygate.Fault{Action: paygate.SystemError, Times: 1})
	s.v3(s.queryCombined("NONE")).wantCode(500, "SYSTEM_ERROR")
	s.MustInject(paygate.Fault{Action: paygate.WrongOrder, Times: 1})
	s.v3(s.queryCombined("NONE")).want(200).wantJSON(map[string]any{"combine_out_trade_no": "NON0"})
	s.MustInject(paygate.Fault{Action: paygate.Pay, Times: 2, Op: "close"})
	s.v3(s.closeCombined("C1", s.subs()...)).wantCode(400, "ORDER_PAID")
	s.wantLast("refused", "a payment came in just before")
	s.wantParts(paygate.StateSuccess, paygate.StateSuccess, paygate.StateSuccess)
	s.v3(s.closeCombined("NONE", s.subs()...)).wantCode(404, "ORDER_NOT_EXIST")
	s.wantLast("refused", "the payment did not happen: there is no combined order NONE")
}

func TestAddCombined(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	good := func() paygate.CombinedOrder {
		return paygate.CombinedOrder{CombineOutTradeNo: "C1", SubOrders: []paygate.Order{{OutTradeNo: "S1", Total: 1}, {OutTradeNo: "S2", Total: 2}}}
	}
	for want, edit := range map[string]func(*paygate.CombinedOrder){
		`combine_mchid: "1" is no merchant`:                 func(c *paygate.CombinedOrder) { c.MchID = "1" },
		`combine_out_trade_no: "C 1" must be`:               func(c *paygate.CombinedOrder) { c.CombineOutTradeNo = "C 1" },
		"sub_orders: 0 of them":                             func(c *paygate.CombinedOrder) { c.SubOrders = nil },
		"sub_orders: 51 of them":                            func(c *paygate.CombinedOrder) { c.SubOrders = make([]paygate.Order, 51) },
		"sub_orders[1].total: 0 must be":                    func(c *paygate.CombinedOrder) { c.SubOrders[1].Total = 0 },
		`sub_orders[0].mchid: "x" must be`:                  func(c *paygate.CombinedOrder) { c.SubOrders[0].MchID = "x" },
		"sub_orders[1].region: combined orders are":         func(c *paygate.CombinedOrder) { c.SubOrders[1].Region = "global" },
		"sub_orders[1].out_trade_no: S1 of mchid":           func(c *paygate.CombinedOrder) { c.SubOrders[1].OutTradeNo = "S1" },
		"order A1 of mchid " + s.Merchant.MchID + " exists": func(c *paygate.CombinedOrder) { c.SubOrders[1].OutTradeNo = "A1" },
	} {
		c := good()
		edit(&c)
		if err := s.AddCombined(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	if n := len(s.Orders()); n != 1 {
		t.Errorf("there are %d orders, want the one: a refused addition adds nothing", n)
	}
	for range 2 {
		s.MustAddCombined(good())
	}
	for _, edit := range []func(*paygate.CombinedOrder){
		func(c *paygate.CombinedOrder) { c.OpenID = "o2" },
		func(c *paygate.CombinedOrder) { c.SubOrders[0].Total = 5 },
		func(c *paygate.CombinedOrder) { c.SubOrders = c.SubOrders[:1] },
	} {
		c := good()
		edit(&c)
		if err := s.AddCombined(c); err == nil || !strings.Contains(err.Error(), "exists with other facts") {
			t.Errorf("error %v, want that C1 exists with other facts", err)
		}
	}
	if err := s.AddOrder(paygate.Order{OutTradeNo: "S1", Total: 1}); err == nil || !strings.Contains(err.Error(), "as a part of the combined order C1") {
		t.Errorf("adding an order of a part's number: %v", err)
	}
	if _, err := s.Combined("NONE"); err == nil || !strings.Contains(err.Error(), "there is no combined order NONE") {
		t.Errorf("looking up NONE: %v", err)
	}
	s.order("C1") // numbers of combined orders are a space of their own
	if err := s.Pay("C1"); err == nil || !strings.Contains(err.Error(), "ambiguous") {
		t.Errorf("paying C1, which is two: %v", err)
	}
}

func TestAdminCombined(t *testing.T) {
	t.Parallel()
	s := start(t)
	mchid := s.Merchant.MchID
	body := `{"combine_out_trade_no":"C1","combine_mchid":"` + mchid + `","openid":"oUser","sub_orders":[
		{"mchid":"` + mchid + `","out_trade_no":"S1","total":100},
		{"sp_mchid":"` + mchid + `","sub_mchid":"` + subMchID + `","out_trade_no":"S2","total":200}]}`
	got := s.admin("POST", "/orders", body).wantStatus(201)
	got.wantJSON(map[string]any{"combine_out_trade_no": "C1", "combine_mchid": mchid, "combine_appid": s.Merchant.AppID, "openid": "oUser", "state": "NOTPAY"})
	if parts := got.parts(); len(parts) != 2 || parts[0]["combine_out_trade_no"] != "C1" || parts[1]["sp_mchid"] != mchid || parts[1]["sub_mchid"] != subMchID {
		t.Errorf("sub_orders are %v", parts)
	}
	s.admin("POST", "/orders", body).wantStatus(200)
	s.admin("POST", "/orders", strings.Replace(body, "100", "101", 1)).wantError(409, "exists with other facts")
	s.v3(s.closeCombined("C1", sub(mchid, "S1", ""))).wantCode(400, "INVALID_REQUEST")
	s.admin("POST", "/orders/C1/pay", "").wantStatus(200).wantJSON(map[string]any{"state": "SUCCESS"})
	s.admin("POST", "/orders/S2/refund", "").wantStatus(200).wantJSON(map[string]any{"state": "REFUND", "combine_out_trade_no": "C1"})
	s.admin("GET", "/orders/C1?mchid="+mchid, "").wantStatus(200).wantJSON(map[string]any{"state": "SUCCESS, REFUND"})
	s.admin("GET", "/orders/C1?mchid=1", "").wantError(404, "no order C1")
	s.admin("POST", "/orders/C1/refund", "").wantStatus(200).wantJSON(map[string]any{"state": "REFUND"})
	if orders := s.admin("GET", "/orders", "").list(); len(orders) != 2 || orders[0]["combine_out_trade_no"] != "C1" {
		t.Errorf("GET /orders lists %v, want the two parts", orders)
	}
	for body, want := range map[string]string{
		`{"combine_out_trade_no":"C2"}`:           "sub_orders: 0 of them",
		`{"sub_orders":[]}`:                       `combine_out_trade_no: "" must be`,
		`{"combine_out_trade_no":"C2","total":5}`: "all else is said in sub_orders",
		`{"combine_out_trade_no":"C2","sub_orders":[{"mchid":"1","sp_mchid":"1"}]}`: "sub_orders[0].mchid: give either",
		`{"combine_out_trade_no":"C2","sub_orders":[{"created_at":"now"}]}`:         `sub_orders[0].created_at: "now" must be RFC 3339`,
		`{"combine_out_trade_no":"C2","sub_orders":[{"price":1}]}`:                  `unknown field "price"`,
	} {
		s.admin("POST", "/orders", body).wantError(400, want)
	}
}
