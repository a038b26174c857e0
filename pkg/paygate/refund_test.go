package paygate_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/pkg/paygate"
)

// refundV3 asks for a refund of a merchant's own order of 100.
func (s *session) refundV3(no, refundNo string, amount int, more ...string) v3Request {
	return v3Request{method: http.MethodPost, uri: "/v3/refund/domestic/refunds", body: fmt.Sprintf(
		`{"out_trade_no":"%s","out_refund_no":"%s","amount":{"refund":%d,"total":100,"currency":"CNY"}%s}`,
		no, refundNo, amount, strings.Join(append([]string{""}, more...), ","))}
}

func (s *session) queryRefundV3(refundNo string) v3Request {
	return v3Request{method: http.MethodGet, uri: "/v3/refund/domestic/refunds/" + refundNo}
}

// refundV2 is the document of a refund of an order of 100.
func (s *session) refundV2(no, refundNo, amount string, extra ...pair) v2Request {
	req := s.closeV2(no, append([]pair{{"out_refund_no", refundNo}, {"total_fee", "100"}, {"refund_fee", amount}}, extra...)...)
	req.path = "/secapi/pay/refund"
	return req
}

// queryRefundV2 is the document of a query of refunds.
func (s *session) queryRefundV2(name, number string, extra ...pair) v2Request {
	req := s.closeV2("", append([]pair{{name, number}}, extra...)...).dropFirst("out_trade_no")
	req.path = "/pay/refundquery"
	return req
}

var refundIDRule = regexp.MustCompile(`^50[0-9]{9}20260301[0-9]{10}$`)

// TestRefundV3 follows a refund from its acceptance to its end.
func TestRefundV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess))
	id := s.MustOrder("A1").TransactionID
	got := s.v3(s.refundV3("A1", "R1", 60, `"reason":"too cold"`)).want(200)
	refundID, _ := got.json()["refund_id"].(string)
	if !refundIDRule.MatchString(refundID) {
		t.Errorf("refund_id is %q, want one like %s", refundID, refundIDRule)
	}
	report := map[string]any{
		"refund_id": refundID, "out_refund_no": "R1", "transaction_id": id, "out_trade_no": "A1", "channel": "ORIGINAL",
		"user_received_account": "支付用户零钱", "success_time": nil, "create_time": "2026-03-01T12:00:00+08:00", "status": "PROCESSING",
		"funds_account": "AVAILABLE", "amount.total": 100.0, "amount.refund": 60.0, "amount.payer_total": 100.0, "amount.payer_refund": 60.0,
		"amount.settlement_total": 100.0, "amount.settlement_refund": 60.0, "amount.discount_refund": 0.0, "amount.currency": "CNY",
	}
	got.wantJSON(report)
	s.WantState("A1", paygate.StateRefund)
	if last := s.last(); last.Op != "refund" || last.OutTradeNo != "A1" || last.State != "REFUND" || last.Verdict != "ok" {
		t.Errorf("history says %+v", last)
	}
	s.v3(s.queryRefundV3("R1")).want(200).wantJSON(report)
	s.MustAdvance(9 * time.Second)
	s.v3(s.queryRefundV3("R1")).want(200).wantJSON(report)
	s.MustAdvance(time.Second)
	report["status"], report["success_time"] = "SUCCESS", "2026-03-01T12:00:10+08:00"
	s.v3(s.queryRefundV3("R1")).want(200).wantJSON(report)
	if last := s.last(); last.Op != "refund-query" || last.OutTradeNo != "A1" {
		t.Errorf("history says %+v", last)
	}
	s.v3(s.refundV3("A1", "R1", 60)).want(200).wantJSON(report)
	s.v3(s.queryV3("A1")).want(200).wantJSON(map[string]any{"trade_state": "REFUND", "transaction_id": id})
	s.v3(s.closeV3("A1")).wantCode(400, "ORDER_PAID")
}

// TestRefundRules: what is paid can be given back once, in parts.
func TestRefundRules(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess))
	s.order("A2", inState(paygate.StateSuccess))
	s.order("OPEN")
	s.order("GONE", inState(paygate.StateClosed))
	s.v3(s.refundV3("A1", "R1", 30)).want(200)
	s.v3(s.refundV3("A1", "R2", 60)).want(200)
	for name, test := range map[string]struct {
		no, refundNo   string
		amount, status int
		v3, v2, reason string
	}{
		"more than is left":     {"A1", "R3", 11, 400, "INVALID_REQUEST", "ERROR", "10 of the order's 100 are left"},
		"number of other order": {"A2", "R1", 30, 400, "INVALID_REQUEST", "ERROR", "R1 is a refund of order A1"},
		"number, other amount":  {"A1", "R1", 31, 400, "INVALID_REQUEST", "ERROR", "was asked for with 30 of 100, and now with 31"},
		"unpaid":                {"OPEN", "R3", 1, 404, "RESOURCE_NOT_EXISTS", "TRADE_STATE_ERROR", "the order is NOTPAY"},
		"closed":                {"GONE", "R3", 1, 404, "RESOURCE_NOT_EXISTS", "TRADE_STATE_ERROR", "the order is CLOSED"},
		"unknown":               {"NONE", "R3", 1, 404, "RESOURCE_NOT_EXISTS", "ORDERNOTEXIST", "there is no order NONE"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			s.v3(s.refundV3(test.no, test.refundNo, test.amount)).wantCode(test.status, test.v3)
			s.wantLast("refused", test.reason)
			s.v2(s.refundV2(test.no, test.refundNo, fmt.Sprint(test.amount))).wantCode(test.v2)
			s.wantLast("refused", test.reason)
		})
	}
	other := s.refundV3("A2", "R4", 100)
	other.body = strings.Replace(other.body, `"total":100`, `"total":101`, 1)
	s.v3(other).wantCode(400, "INVALID_REQUEST").wantJSON(map[string]any{"message": "订单金额或退款金额与之前请求不一致，请核实后再试"})
	s.v3(s.refundV3("A1", "R3", 10)).want(200)
	s.v3(s.refundV3("A1", "R5", 1)).wantCode(400, "INVALID_REQUEST").wantJSON(map[string]any{"message": "订单已全额退款"})
	got := s.v2(s.refundV2("A1", "R5", "1"))
	got.wantCode("ERROR")
	got.want(pair{"err_code_des", "订单已全额退款"})
	s.MustAdvance(366 * 24 * time.Hour)
	s.v3(s.refundV3("A2", "R6", 1)).wantCode(400, "INVALID_REQUEST")
	s.v2(s.refundV2("A2", "R6", "1")).wantCode("TRADE_OVERDUE")
	if n := len(s.MustRefunds("A1")); n != 3 {
		t.Errorf("A1 has %d refunds, want 3", n)
	}
}

// TestFiftyRefunds is the most that an order may have.
func TestFiftyRefunds(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess))
	for i := range 50 {
		s.v2(s.refundV2("A1", fmt.Sprintf("R%02d", i), "1")).want(pair{"result_code", "SUCCESS"})
	}
	s.v2(s.refundV2("A1", "R50", "1")).wantCode("ERROR")
	s.wantLast("refused", "50 refunds already")
}

// TestEndings: a refund that is closed can be asked for again; one that is abnormal is spent.
func TestEndings(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, no := range []string{"A1", "A2"} {
		s.order(no, inState(paygate.StateSuccess))
		s.v3(s.refundV3(no, "R"+no, 100)).want(200)
	}
	s.admin("POST", "/refunds/RA1/end", `{"status":"CLOSED"}`).wantStatus(200).wantJSON(map[string]any{
		"out_refund_no": "RA1", "status": "CLOSED", "amount": 100.0, "ended_at": "2026-03-01T12:00:00+08:00",
	})
	s.MustEndRefund("RA2", "ABNORMAL")
	s.v3(s.queryRefundV3("RA1")).want(200).wantJSON(map[string]any{"status": "CLOSED", "success_time": nil})
	s.v2(s.queryRefundV2("out_refund_no", "RA1")).want(pair{"refund_status_0", "REFUNDCLOSE"})
	s.v2(s.queryRefundV2("out_refund_no", "RA2")).want(pair{"refund_status_0", "CHANGE"})
	s.v3(s.refundV3("A1", "RA1b", 100)).want(200)
	s.v3(s.refundV3("A2", "RA2b", 1)).wantCode(400, "INVALID_REQUEST")
	s.WantState("A1", paygate.StateRefund)
	s.admin("POST", "/refunds/RA1/end", `{"status":"SUCCESS"}`).wantError(409, "refund RA1 is CLOSED")
	s.admin("POST", "/refunds/RA1b/end", "").wantStatus(200).wantJSON(map[string]any{"status": "SUCCESS"})
	s.admin("POST", "/refunds/RA1b/end", `{"status":"PROCESSING"}`).wantError(400, `status: "PROCESSING" must be one of SUCCESS`)
	s.admin("POST", "/refunds/NONE/end", "").wantError(404, "no refund NONE")
}

// TestRefundTime: refunds can end at once.
func TestRefundTime(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{RefundTime: -1})
	s.order("A1", inState(paygate.StateSuccess))
	s.v3(s.refundV3("A1", "R1", 100)).want(200).wantJSON(map[string]any{"status": "SUCCESS", "success_time": "2026-03-01T12:00:00+08:00"})
}

// TestRefundV2 has its own words, with coupons.
func TestRefundV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess), func(o *paygate.Order) { o.Coupons = coupons() })
	id := s.MustOrder("A1").TransactionID
	got := s.v2(s.refundV2("A1", "R1", "33", pair{"refund_account", "REFUND_SOURCE_RECHARGE_FUNDS"}).hmac())
	refunds := s.MustRefunds("A1")
	if len(refunds) != 1 || refunds[0].PayerAmount != 16 {
		t.Fatalf("the refunds are %+v, want one of which the payer gets 16 (33 of 100, of which 50 were paid)", refunds)
	}
	got.want(append(headV2(s), pair{"result_code", "SUCCESS"}, pair{"transaction_id", id}, pair{"out_trade_no", "A1"},
		pair{"out_refund_no", "R1"}, pair{"refund_id", refunds[0].RefundID}, pair{"refund_fee", "33"}, pair{"total_fee", "100"},
		pair{"fee_type", "CNY"}, pair{"cash_fee", "50"}, pair{"cash_refund_fee", "16"}, pair{"settlement_total_fee", "80"},
		pair{"settlement_refund_fee", "26"}, pair{"coupon_refund_fee", "17"})...)
	s.v2(s.refundV2("", "R2", "67", pair{"transaction_id", id}).dropFirst("out_trade_no")).want(pair{"cash_refund_fee", "34"})
	s.MustAdvance(10 * time.Second)
	all := s.v2(s.queryRefundV2("out_trade_no", "A1"))
	all.want(append(headV2(s), pair{"refund_count", "2"}, pair{"out_refund_no_0", "R1"}, pair{"out_refund_no_1", "R2"},
		pair{"refund_fee_0", "33"}, pair{"refund_fee_1", "67"}, pair{"refund_status_0", "SUCCESS"}, pair{"refund_channel_1", "ORIGINAL"},
		pair{"refund_account_0", "REFUND_SOURCE_RECHARGE_FUNDS"}, pair{"refund_account_1", "REFUND_SOURCE_UNSETTLED_FUNDS"},
		pair{"refund_recv_accout_0", "支付用户零钱"}, pair{"refund_success_time_0", "2026-03-01 12:00:10"}, pair{"total_fee", "100"})...)
	for name, number := range map[string]string{"transaction_id": id, "out_refund_no": "R2", "refund_id": s.MustRefunds("A1")[1].RefundID} {
		s.v2(s.queryRefundV2(name, number)).want(pair{"out_trade_no", "A1"})
		if last := s.last(); last.OutTradeNo != "A1" || last.Op != "refund-query" {
			t.Errorf("by %s: history says %+v", name, last)
		}
	}
	// the narrowest number counts: refund_id, then out_refund_no, then transaction_id
	s.v2(s.queryRefundV2("out_refund_no", "R2", pair{"transaction_id", id})).want(pair{"refund_count", "1"}, pair{"out_refund_no_0", "R2"})
	for _, number := range []string{"NONE", "A1"} {
		s.v2(s.queryRefundV2("out_refund_no", number)).wantCode("REFUNDNOTEXIST")
	}
	s.order("A2", inState(paygate.StateSuccess))
	s.v2(s.queryRefundV2("out_trade_no", "A2")).wantCode("REFUNDNOTEXIST")
}

// TestRefundPages: /pay/refundquery shows ten, from an offset on.
func TestRefundPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess))
	for i := range 12 {
		s.v2(s.refundV2("A1", fmt.Sprintf("R%02d", i), "1")).want(pair{"result_code", "SUCCESS"})
	}
	first := s.v2(s.queryRefundV2("out_trade_no", "A1"))
	first.want(pair{"refund_count", "10"}, pair{"out_refund_no_9", "R09"})
	rest := s.v2(s.queryRefundV2("out_trade_no", "A1", pair{"offset", "10"}))
	rest.want(pair{"refund_count", "2"}, pair{"total_refund_count", "12"}, pair{"out_refund_no_0", "R10"}, pair{"out_refund_no_1", "R11"})
	s.v2(s.queryRefundV2("out_trade_no", "A1", pair{"offset", "13"})).want(pair{"refund_count", "0"}, pair{"total_refund_count", "12"})
	s.v2(s.queryRefundV2("out_trade_no", "A1", pair{"offset", "-1"})).wantCode("PARAM_ERROR")
}

// TestRefundOfSub: a service provider names the sub-merchant, in both APIs.
func TestRefundOfSub(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", ofSub, inState(paygate.StateSuccess))
	s.v3(s.refundV3("A1", "R1", 40)).wantCode(404, "RESOURCE_NOT_EXISTS")
	s.v3(s.refundV3("A1", "R1", 40, `"sub_mchid":"`+subMchID+`"`)).want(200)
	s.v3(s.queryRefundV3("R1")).wantCode(404, "RESOURCE_NOT_EXISTS")
	s.v3(s.queryRefundV3("R1?sub_mchid=" + subMchID)).want(200).wantJSON(map[string]any{"out_trade_no": "A1"})
	s.v2(s.refundV2("A1", "R2", "40", pair{"sub_mch_id", subMchID})).want(pair{"sub_mch_id", subMchID}, pair{"out_refund_no", "R2"})
	s.v3(s.refundV3("A1", "R3", 1, `"sub_mchid":"1900000110"`)).wantCode(403, "NO_AUTH")
	s.v3(s.queryRefundV3("R1?sub_mchid=1900000110")).wantCode(403, "NO_AUTH")
	s.v3(s.refundV3("A1", "R3", 1, `"sub_mchid":"`+s.Merchant.MchID+`"`)).wantCode(400, "PARAM_ERROR")
}

// TestRefundOfAPart: a part of a combined order is refunded by its own number.
func TestRefundOfAPart(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.combined()
	s.MustPay("C1")
	s.v3(s.refundV3("S1", "R1", 100)).want(200).wantJSON(map[string]any{
		"out_trade_no": "S1", "amount.payer_refund": 50.0, "amount.settlement_refund": 80.0, "amount.discount_refund": 50.0,
	})
	s.wantParts(paygate.StateRefund, paygate.StateSuccess, paygate.StateSuccess)
	s.MustRefund("C1")
	s.wantParts(paygate.StateRefund, paygate.StateRefund, paygate.StateRefund)
	if n := len(s.MustRefunds("C1")); n != 3 {
		t.Errorf("the parts have %d refunds, want 3", n)
	}
	s.admin("POST", "/orders/C1/refund", `{"amount":1}`).wantError(400, "refund a part by its own number")
}

// TestRefundFormV3 is what is refused, signed, when a request is genuine and wrong.
func TestRefundFormV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess))
	asking := func(body string) v3Request {
		req := s.refundV3("A1", "R1", 1)
		req.body = body
		return req
	}
	const amount = `"amount":{"refund":1,"total":100,"currency":"CNY"}`
	text := s.refundV3("A1", "R1", 1)
	text.header = map[string]string{"Content-Type": "text/plain"}
	for name, test := range map[string]struct {
		req          v3Request
		code, reason string
	}{
		"no order":      {asking(`{"out_refund_no":"R1",` + amount + `}`), "PARAM_ERROR", "either transaction_id or out_trade_no"},
		"no number":     {asking(`{"out_trade_no":"A1",` + amount + `}`), "PARAM_ERROR", "/out_refund_no is missing"},
		"no amount":     {asking(`{"out_trade_no":"A1","out_refund_no":"R1"}`), "PARAM_ERROR", "/amount is missing"},
		"no currency":   {asking(`{"out_trade_no":"A1","out_refund_no":"R1","amount":{"refund":1,"total":100}}`), "PARAM_ERROR", "/amount/currency is missing"},
		"dollars":       {asking(`{"out_trade_no":"A1","out_refund_no":"R1","amount":{"refund":1,"total":100,"currency":"USD"}}`), "PARAM_ERROR", "/amount/currency"},
		"zero":          {s.refundV3("A1", "R1", 0), "PARAM_ERROR", "/amount/refund"},
		"bad number":    {s.refundV3("A1", "R 1", 1), "PARAM_ERROR", "/out_refund_no"},
		"long number":   {s.refundV3("A1", strings.Repeat("R", 65), 1), "PARAM_ERROR", "/out_refund_no"},
		"long reason":   {s.refundV3("A1", "R1", 1, `"reason":"`+strings.Repeat("冷", 81)+`"`), "PARAM_ERROR", "/reason"},
		"bad account":   {s.refundV3("A1", "R1", 1, `"funds_account":"BANK"`), "PARAM_ERROR", "/funds_account"},
		"bad notice":    {s.refundV3("A1", "R1", 1, `"notify_url":"shop.example"`), "PARAM_ERROR", "/notify_url"},
		"appid":         {s.refundV3("A1", "R1", 1, `"appid":"wx1"`), "PARAM_ERROR", "/appid is not a parameter"},
		"bad sum":       {asking(`{"out_trade_no":"A1","out_refund_no":"R1","amount":{"refund":3,"total":100,"currency":"CNY","from":[{"account":"AVAILABLE","amount":2}]}}`), "PARAM_ERROR", "amount.from sums up to 2"},
		"no object":     {asking(`[]`), "PARAM_ERROR", "not a JSON object"},
		"not json":      {text, "INVALID_REQUEST", "Content-Type"},
		"surplus query": {s.queryRefundV3("R1?mchid=1"), "PARAM_ERROR", "mchid is not a parameter"},
		"bad sub":       {s.queryRefundV3("R1?sub_mchid=a"), "PARAM_ERROR", "sub_mchid"},
		"ill-written":   {s.queryRefundV3("R%201"), "PARAM_ERROR", "out_refund_no"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			s.v3(test.req).wantCode(400, test.code)
			s.wantLast("refused", test.reason)
		})
	}
	s.v3(s.queryRefundV3("NONE")).wantCode(404, "RESOURCE_NOT_EXISTS")
	s.WantState("A1", paygate.StateSuccess)
	for _, path := range []string{"/v3/refund/domestic/refunds/", "/v3/refund/domestic/refunds/R1/x", "/v3/refund/domestic/refundsx"} {
		s.mustExchange(http.MethodGet, path, "", http.Header{})
		s.wantLast("not-found", "")
	}
}

// TestRefundFormV2 is the same in APIv2.
func TestRefundFormV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess))
	for name, test := range map[string]struct {
		req          v2Request
		code, reason string
	}{
		"no number":    {s.refundV2("A1", "R1", "1").drop("out_refund_no"), "LACK_PARAMS", "out_refund_no is missing"},
		"no total":     {s.refundV2("A1", "R1", "1").drop("total_fee"), "LACK_PARAMS", "total_fee is missing"},
		"no amount":    {s.refundV2("A1", "R1", "1").drop("refund_fee"), "LACK_PARAMS", "refund_fee is missing"},
		"no order":     {s.refundV2("A1", "R1", "1").drop("out_trade_no"), "LACK_PARAMS", "out_trade_no is missing"},
		"bad number":   {s.refundV2("A1", "R 1", "1"), "PARAM_ERROR", "out_refund_no"},
		"zero":         {s.refundV2("A1", "R1", "0"), "PARAM_ERROR", "refund_fee"},
		"dollars":      {s.refundV2("A1", "R1", "1", pair{"refund_fee_type", "USD"}), "PARAM_ERROR", "must be CNY"},
		"long reason":  {s.refundV2("A1", "R1", "1", pair{"refund_desc", strings.Repeat("x", 81)}), "PARAM_ERROR", "at most 80"},
		"bad account":  {s.refundV2("A1", "R1", "1", pair{"refund_account", "BANK"}), "PARAM_ERROR", "REFUND_SOURCE"},
		"bad notice":   {s.refundV2("A1", "R1", "1", pair{"notify_url", "shop"}), "PARAM_ERROR", "notify_url"},
		"nothing":      {s.queryRefundV2("offset", "0"), "LACK_PARAMS", "out_trade_no is missing"},
		"bad refundid": {s.queryRefundV2("refund_id", "a b"), "PARAM_ERROR", "refund_id"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			s.v2(test.req).wantCode(test.code)
			s.wantLast("refused", test.reason)
		})
	}
	s.WantState("A1", paygate.StateSuccess)
}

// TestRefundByHand is the management API's, and [paygate.Gateway.Refund].
func TestRefundByHand(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.admin("POST", "/orders/A1/refund", "").wantError(409, "only a paid order can be refunded")
	s.admin("GET", "/orders/NONE/refunds", "").wantError(404, "no order NONE")
	s.MustPay("A1")
	if list := s.admin("GET", "/orders/A1/refunds", "").wantStatus(200).list(); len(list) != 0 {
		t.Errorf("the refunds are %v, want none", list)
	}
	s.admin("POST", "/orders/A1/refund", `{"out_refund_no":"H1","amount":30,"reason":"cold"}`).wantStatus(200).wantJSON(map[string]any{"state": "REFUND"})
	s.admin("POST", "/orders/A1/refund", `{"out_refund_no":"H1"}`).wantError(409, "H1 of mchid "+s.Merchant.MchID+" exists")
	s.admin("POST", "/orders/A1/refund", `{"amount":71}`).wantError(409, "70 of the order's 100 are left")
	s.admin("POST", "/orders/A1/refund", `{"out_refund_no":"H 1"}`).wantError(400, "out_refund_no: ")
	s.admin("POST", "/orders/A1/refund", `{"amount":-1}`).wantError(400, "amount: -1 must be")
	s.admin("POST", "/orders/A1/refund", `{"reason":"`+strings.Repeat("x", 81)+`"}`).wantError(400, "reason: ")
	s.admin("POST", "/orders/A1/refund", `{"notify_url":"shop"}`).wantError(400, "notify_url: ")
	s.admin("POST", "/orders/A1/refund", `{"no":1}`).wantError(400, "known here: out_refund_no, amount, reason, notify_url")
	s.admin("POST", "/orders/A1/refund?no=1", "").wantError(400, "unknown query parameter")
	s.admin("GET", "/orders/A1/refunds?no=1", "").wantError(400, "unknown query parameter")
	s.admin("POST", "/refunds/H1/end?no=1", "").wantError(400, "unknown query parameter")
	s.admin("POST", "/refunds/H1/end", `{"no":1}`).wantError(400, "known here: status")
	s.MustRefund("A1")
	s.MustRefund("A1") // nothing is left, and nothing is done
	refunds := s.MustRefunds("A1")
	if len(refunds) != 2 || refunds[0].OutRefundNo != "H1" || refunds[0].Amount != 30 || refunds[0].Reason != "cold" ||
		refunds[1].Amount != 70 || refunds[1].Status != "SUCCESS" || refunds[1].API != "" {
		t.Errorf("the refunds are %+v", refunds)
	}
	s.v3(s.queryRefundV3(refunds[1].OutRefundNo)).want(200).wantJSON(map[string]any{"status": "SUCCESS", "amount.refund": 70.0})

	s.order("OLD", inState(paygate.StateRefund))
	if old := s.MustRefunds("OLD"); len(old) != 1 || old[0].Amount != 100 || old[0].Status != "SUCCESS" {
		t.Errorf("an order that was added as REFUND has %+v, want the refund that made it so", old)
	}
}

// TestRefundByTransaction: WeChat Pay's number of the order goes before the merchant's.
func TestRefundByTransaction(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess))
	req := s.refundV3("A2", "R1", 1, `"transaction_id":"`+s.MustOrder("A1").TransactionID+`"`)
	s.v3(req).want(200).wantJSON(map[string]any{"out_trade_no": "A1"})
	s.v3(s.refundV3("A1", "R2", 1, `"transaction_id":"42"`)).wantCode(404, "RESOURCE_NOT_EXISTS")
	s.wantLast("refused", "has transaction_id 42")
	s.v2(s.refundV2("A1", "R2", "1", pair{"transaction_id", "42"})).wantCode("INVALID_TRANSACTIONID")
	s.v2(s.queryRefundV2("transaction_id", "42")).wantCode("REFUNDNOTEXIST")
}

// TestRefundsEndInOrder, also that of an order which was added ahead of the clock.
func TestRefundsEndInOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("LATER", inState(paygate.StateSuccess), func(o *paygate.Order) { o.CreatedAt = wireTime().Add(time.Hour) })
	s.order("NOW", inState(paygate.StateSuccess))
	for _, no := range []string{"LATER", "NOW"} {
		s.v3(s.refundV3(no, "R"+no, 1)).want(200)
	}
	s.MustAdvance(10 * time.Second)
	if later, now := s.MustRefunds("LATER")[0].Status, s.MustRefunds("NOW")[0].Status; later != "PROCESSING" || now != "SUCCESS" {
		t.Errorf("the refunds are %s and %s, want the later one PROCESSING", later, now)
	}
	s.MustAdvance(time.Hour)
	if later := s.MustRefunds("LATER")[0]; later.Status != "SUCCESS" || !later.EndedAt.Equal(wireTime().Add(time.Hour+10*time.Second)) {
		t.Errorf("the later refund is %+v, want one that ended ten seconds after it was accepted", later)
	}
}

// TestTwoOwnersOfARefundNumber must be told apart.
func TestTwoOwnersOfARefundNumber(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess))
	s.order("A1", ofSub, inState(paygate.StateSuccess))
	s.v3(s.refundV3("A1", "R1", 1)).want(200)
	s.v3(s.refundV3("A1", "R1", 2, `"sub_mchid":"`+subMchID+`"`)).want(200)
	if err := s.EndRefund("R1", "SUCCESS"); err == nil || !strings.Contains(err.Error(), "ambiguous") {
		t.Errorf("error %v, want one that the number is ambiguous", err)
	}
	s.admin("POST", "/refunds/R1/end?sub_mchid="+subMchID, "").wantStatus(200).wantJSON(map[string]any{"amount": 2.0, "sub_mchid": subMchID})
	if own := s.MustRefunds("A1", paygate.Owner{MchID: s.Merchant.MchID}); len(own) != 1 || own[0].Status != "PROCESSING" {
		t.Errorf("the merchant's own refunds are %+v, want one that is PROCESSING", own)
	}
}

// TestFaultsOfRefunds: what goes wrong with a close goes wrong with a refund.
func TestFaultsOfRefunds(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess))
	for code, status := range map[string]int{"NOT_ENOUGH": 403, "USER_ACCOUNT_ABNORMAL": 403, "MCH_NOT_EXISTS": 404, "SYSTEM_ERROR": 500} {
		s.MustInject(paygate.Fault{Action: paygate.Refuse, Op: "refund", Code: code, Times: 1})
		s.v3(s.refundV3("A1", "R1", 1)).wantCode(status, code)
	}
	s.WantState("A1", paygate.StateSuccess)
	s.MustInject(paygate.Fault{Action: paygate.Drop, Op: "refund", Times: 1})
	if err := s.tryV3(t.Context(), s.refundV3("A1", "R1", 1)); err == nil {
		t.Error("there was a reply")
	}
	if n := len(s.MustRefunds("A1")); n != 1 {
		t.Errorf("there are %d refunds, want the one whose reply was lost", n)
	}
	s.MustInject(paygate.Fault{Action: paygate.WrongOrder, Op: "refund", Times: 1})
	s.v3(s.refundV3("A1", "R1", 1)).want(200).wantJSON(map[string]any{"out_trade_no": "A0"})
	s.MustInject(paygate.Fault{Action: paygate.WrongOrder, Op: "refund", Times: 2})
	s.v3(s.refundV3("NONE", "R9", 7)).want(200).wantJSON(map[string]any{"out_refund_no": "R9", "amount.refund": 7.0})
	s.v2(s.refundV2("NONE", "R9", "7")).want(pair{"out_refund_no", "R9"}, pair{"refund_fee", "7"})
	s.MustInject(paygate.Fault{Action: paygate.WrongOrder, Op: "refund-query", Times: 2})
	s.v3(s.queryRefundV3("NONE")).want(200).wantJSON(map[string]any{"out_refund_no": "NONE"})
	s.v2(s.queryRefundV2("out_trade_no", "NONE")).want(pair{"refund_count", "0"})
	s.MustInject(paygate.Fault{Action: paygate.Pay, Op: "refund", Times: 1})
	s.order("A2")
	s.v2(s.refundV2("A2", "R2", "100")).want(pair{"result_code", "SUCCESS"})
}

// TestRefundsLast: the next gateway of a file goes on with the refunds of the one before. One that
// was PROCESSING ends by the clock, a number that comes again is the same refund, and new refunds
// have new numbers.
func TestRefundsLast(t *testing.T) {
	t.Parallel()
	opts := kept(t)
	s := start(t, opts)
	s.order("A1", inState(paygate.StateSuccess))
	s.order("TILL01", till, inState(paygate.StateUserPaying))
	for _, no := range []string{"R1", "R2"} {
		s.v2(s.refundV2("A1", no, "30")).want(pair{"result_code", "SUCCESS"})
	}
	s.MustEndRefund("R1", "CLOSED")
	s.v2(s.reverseV2("TILL01")).want(pair{"result_code", "SUCCESS"})
	before := s.MustRefunds("A1")

	s = s.again(opts)
	if diff := cmp.Diff(before, s.MustRefunds("A1")); diff != "" {
		t.Errorf("the refunds are others (-before +after):\n%s", diff)
	}
	s.WantState("TILL01", paygate.StateRevoked)
	s.MustAdvance(10 * time.Second)
	s.v2(s.refundV2("A1", "R2", "30")).want(pair{"refund_id", before[1].RefundID})
	s.v2(s.refundV2("A1", "R3", "70")).want(pair{"result_code", "SUCCESS"})
	s.v2(s.refundV2("A1", "R4", "1")).wantCode("ERROR")
	after := s.again(opts).MustRefunds("A1")
	statuses := make([]string, len(after))
	ids := make(map[string]bool)
	for i, refund := range after {
		statuses[i], ids[refund.RefundID] = refund.Status, true
	}
	if got := strings.Join(statuses, " "); got != "CLOSED SUCCESS PROCESSING" || len(ids) != 3 {
		t.Errorf("the refunds are %s of %d numbers, want CLOSED SUCCESS PROCESSING of 3", got, len(ids))
	}
}

// TestRefundEndsByItself where the clock runs: its notification comes without a call.
func TestRefundEndsByItself(t *testing.T) {
	t.Parallel()
	shop := open(t)
	s := start(t, paygate.Options{Now: time.Now, Running: true, RefundTime: time.Millisecond})
	s.order("A1", inState(paygate.StateSuccess))
	s.v2(s.refundV2("A1", "R1", "30", pair{"notify_url", shop.URL + "/refunded"})).want(pair{"result_code", "SUCCESS"})
	got := <-shop.arrived
	if refund := s.MustRefunds("A1")[0]; got.path != "/refunded" || refund.Status != "SUCCESS" {
		t.Errorf("the shop received %s, and the refund is %+v", got.path, refund)
	}
}
