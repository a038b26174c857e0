package paygate_test

import (
	"net/http"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// till makes an order one of a payment code.
func till(o *paygate.Order) { o.TradeType = "MICROPAY" }

// reverseV2 is the document of a reversal.
func (s *session) reverseV2(no string, extra ...pair) v2Request {
	req := s.closeV2(no, extra...)
	req.path = "/secapi/pay/reverse"
	return req
}

// reverseV3 is a reversal by a merchant.
func (s *session) reverseV3(no string) v3Request {
	return v3Request{
		method: http.MethodPost, uri: "/v3/pay/transactions/out-trade-no/" + no + "/reverse",
		body: `{"appid":"` + s.Merchant.AppID + `","mchid":"` + s.Merchant.MchID + `"}`,
	}
}

// TestReverse is the table of states, in both APIs.
func TestReverse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		state  paygate.TradeState
		kind   string
		age    time.Duration
		after  paygate.TradeState
		v2, v3 string // empty: it succeeds
	}{
		"open":       {paygate.StateNotPay, "MICROPAY", 0, paygate.StateRevoked, "", ""},
		"paying":     {paygate.StateUserPaying, "MICROPAY", 0, paygate.StateRevoked, "", ""},
		"failed":     {paygate.StatePayError, "MICROPAY", 0, paygate.StateRevoked, "", ""},
		"paid":       {paygate.StateSuccess, "MICROPAY", 6 * 24 * time.Hour, paygate.StateRevoked, "", ""},
		"paid early": {paygate.StateSuccess, "MICROPAY", 8 * 24 * time.Hour, paygate.StateSuccess, "REVERSE_EXPIRE", "INVALID_REQUEST"},
		"too old":    {paygate.StateNotPay, "MICROPAY", 8 * 24 * time.Hour, paygate.StateClosed, "REVERSE_EXPIRE", "INVALID_REQUEST"},
		"reversed":   {paygate.StateRevoked, "MICROPAY", 0, paygate.StateRevoked, "", ""},
		"refunded":   {paygate.StateRefund, "MICROPAY", 0, paygate.StateRefund, "TRADE_ERROR", "TRADE_ERROR"},
		"other type": {paygate.StateNotPay, "JSAPI", 0, paygate.StateNotPay, "INVALID_REQUEST", "INVALID_REQUEST"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			for _, no := range []string{"OLD", "NEW"} {
				s.order(no, inState(test.state), func(o *paygate.Order) { o.TradeType = test.kind })
			}
			s.MustAdvance(test.age)
			got := s.v2(s.reverseV2("OLD"))
			if test.v2 == "" {
				got.want(append(headV2(s), pair{"result_code", "SUCCESS"}, pair{"recall", "N"})...)
			} else {
				got.wantCode(test.v2)
				got.want(pair{"recall", "N"})
			}
			again := s.v3(s.reverseV3("NEW"))
			if test.v3 == "" {
				again.want(200).wantJSON(map[string]any{"appid": s.Merchant.AppID, "mchid": s.Merchant.MchID, "out_trade_no": "NEW", "sub_mchid": nil})
			} else if again.json()["code"] != test.v3 {
				t.Errorf("code %v, want %s: %s", again.json()["code"], test.v3, again.body)
			}
			s.WantState("OLD", test.after)
			s.WantState("NEW", test.after)
			if last := s.last(); last.Op != "reverse" || last.State != string(test.after) {
				t.Errorf("history says %+v", last)
			}
		})
	}
}

// TestReverseByNumbers: APIv2 takes either number, and transaction_id first.
func TestReverseByNumbers(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", till, inState(paygate.StateSuccess))
	id := s.MustOrder("A1").TransactionID
	s.v2(s.reverseV2("A2", pair{"transaction_id", id})).want(pair{"result_code", "SUCCESS"})
	s.WantState("A1", paygate.StateRevoked)
	s.v2(s.reverseV2("NONE")).wantCode("ORDERNOTEXIST")
	s.v2(s.reverseV2("", pair{"transaction_id", "42"}).drop("out_trade_no")).wantCode("INVALID_TRANSACTIONID")
	s.v2(s.reverseV2("A1").drop("out_trade_no")).wantCode("LACK_PARAMS")
	s.v3(s.reverseV3("NONE")).wantCode(404, "ORDER_NOT_EXIST")
}

// TestRecall: APIv2 says whether to call again, as it does when the outcome is not certain.
func TestRecall(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", till, inState(paygate.StateUserPaying))
	for code, fault := range map[string]paygate.Fault{
		"USERPAYING": {Action: paygate.UserPaying}, "SYSTEMERROR": {Action: paygate.SystemError},
	} {
		fault.Op, fault.Times = "reverse", 1
		s.MustInject(fault)
		got := s.v2(s.reverseV2("A1"))
		got.wantCode(code)
		got.want(pair{"recall", "Y"})
	}
	s.WantState("A1", paygate.StateUserPaying)
}

func TestReversePartnerV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", ofSub, till)
	req := v3Request{
		method: http.MethodPost, uri: "/v3/pay/partner/transactions/out-trade-no/A1/reverse",
		body: `{"sp_mchid":"` + s.Merchant.MchID + `","sub_mchid":"` + subMchID + `","sub_appid":"wxsub"}`,
	}
	s.v3(req).want(200).wantJSON(map[string]any{
		"sp_appid": s.Merchant.AppID, "sp_mchid": s.Merchant.MchID, "sub_mchid": subMchID, "sub_appid": "wxsub", "out_trade_no": "A1", "mchid": nil,
	})
	req.body = `{"sp_mchid":"` + s.Merchant.MchID + `","sub_mchid":"` + subMchID + `","sp_appid":"wxother"}`
	s.v3(req).wantCode(400, "APPID_MCHID_NOT_MATCH")
	req.body = `{"sp_mchid":"` + s.Merchant.MchID + `","sub_mchid":"1900000110"}`
	s.v3(req).wantCode(403, "NO_AUTH")
}

// TestReverseOverseas has paths of its own, and no body in the reply.
func TestReverseOverseas(t *testing.T) {
	t.Parallel()
	s := start(t)
	mine := `{"mchid":"` + s.Merchant.MchID + `"}`
	for _, test := range []struct{ region, folder, kind string }{
		{"global", "/v3/global/micropay/transactions/", "id"},
		{"hk", "/hk/v3/transactions/", "transaction_id"},
	} {
		for _, no := range []string{"A1", "A2"} {
			s.order(no+test.region, till, func(o *paygate.Order) { o.Region = test.region })
		}
		for _, path := range []string{"out-trade-no/A1" + test.region, test.kind + "/" + s.MustOrder("A2"+test.region).TransactionID} {
			got := s.v3(v3Request{method: http.MethodPost, uri: test.folder + path + "/reverse", body: mine}).want(204)
			if got.body != "" {
				t.Errorf("%s: body %q, want none", path, got.body)
			}
		}
		s.WantState("A1"+test.region, paygate.StateRevoked)
		s.WantState("A2"+test.region, paygate.StateRevoked)
	}
}

func TestReverseFormV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", till)
	mchid, appid := s.Merchant.MchID, s.Merchant.AppID
	for name, test := range map[string]struct{ body, code, reason string }{
		"no appid":    {`{"mchid":"` + mchid + `"}`, "PARAM_ERROR", "/appid is missing"},
		"other appid": {`{"mchid":"` + mchid + `","appid":"wxother"}`, "APPID_MCHID_NOT_MATCH", "wxother"},
		"no mchid":    {`{"appid":"` + appid + `"}`, "PARAM_ERROR", "mchid is missing"},
		"surplus":     {`{"mchid":"` + mchid + `","appid":"` + appid + `","x":"1"}`, "PARAM_ERROR", "x is not a parameter"},
	} {
		req := s.reverseV3("A1")
		req.body = test.body
		s.v3(req).wantCode(400, test.code)
		s.wantLast("refused", test.reason)
		_ = name
	}
	for _, path := range []string{
		"/v3/combine-transactions/out-trade-no/A1/reverse", "/v3/global/transactions/out-trade-no/A1/reverse",
		"/v3/global/micropay/transactions/out-trade-no/A1/close", "/v3/pay/transactions/id/42/reverse",
	} {
		s.mustExchange(http.MethodPost, path, "{}", http.Header{})
		s.wantLast("not-found", "")
	}
	s.WantState("A1", paygate.StateNotPay)
}
