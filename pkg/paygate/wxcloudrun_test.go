package paygate_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

const (
	cloudClose = "/_/pay/closeorder"
	cloudQuery = "/_/pay/queryorder"
)

// cloud posts a document to cloud hosting's link, and checks that nothing is signed.
func (s *session) cloud(path string, doc map[string]any) answer {
	s.t.Helper()
	body, err := json.Marshal(doc)
	if err != nil {
		s.t.Fatal(err)
	}
	got := s.mustExchange(http.MethodPost, path, string(body), http.Header{"Content-Type": {"application/json"}})
	if got.header.Get("Wechatpay-Signature") != "" || got.header.Get("Request-Id") != "" {
		s.t.Errorf("the reply's headers are %v, want none of APIv3's", got.header)
	}
	return got
}

// about names an order of a merchant as cloud hosting does.
func about(no, mchid string) map[string]any {
	return map[string]any{"out_trade_no": no, "sub_mch_id": mchid, "nonce_str": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"}
}

// wantCloudCode checks a refusal by the pay APIs.
func (a answer) wantCloudCode(code string) {
	a.t.Helper()
	a.wantStatus(200).wantJSON(map[string]any{
		"errcode": 0.0, "errmsg": "ok", "respdata.return_code": "SUCCESS", "respdata.result_code": "FAIL", "respdata.err_code": code,
	})
}

// wantErrcode checks a refusal by the platform.
func (a answer) wantErrcode(number float64) {
	a.t.Helper()
	a.wantStatus(200).wantJSON(map[string]any{"errcode": number, "respdata": nil})
	if a.json()["errmsg"] == "" {
		a.t.Error("errmsg is empty")
	}
}

// TestCloudRun closes and queries a service provider's order and a merchant's own.
func TestCloudRun(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", ofSub, func(o *paygate.Order) { o.SubAppID = "wxsub" })
	s.order("A2")
	for no, mchid := range map[string]string{"A1": subMchID, "A2": s.Merchant.MchID} {
		appid := map[string]string{"A1": "wxsub", "A2": s.Merchant.AppID}[no]
		s.cloud(cloudQuery, about(no, mchid)).wantStatus(200).wantJSON(map[string]any{
			"errcode": 0.0, "errmsg": "ok", "respdata.return_code": "SUCCESS", "respdata.return_msg": "OK", "respdata.result_code": "SUCCESS",
			"respdata.sub_mch_id": mchid, "respdata.sub_appid": appid, "respdata.out_trade_no": no, "respdata.trade_state": "NOTPAY",
			"respdata.total_fee": 100.0, "respdata.attach": "", "respdata.transaction_id": nil,
		})
		got := s.cloud(cloudClose, about(no, mchid)).wantStatus(200)
		got.wantJSON(map[string]any{
			"errcode": 0.0, "respdata.result_code": "SUCCESS", "respdata.sub_mch_id": mchid, "respdata.out_trade_no": nil, "respdata.err_code": nil,
		})
		data := got.json()["respdata"].(map[string]any)
		for _, name := range []string{"appid", "mch_id", "nonce_str", "sign"} {
			if text, _ := data[name].(string); text == "" || text == mchid {
				t.Errorf("respdata: %s is %v", name, data[name])
			}
		}
		s.WantState(no, paygate.StateClosed)
		last := s.last()
		if last.API != "wxcloudrun" || last.Op != "close" || last.MchID != s.Merchant.MchID || last.SubMchID != mchid || last.OutTradeNo != no ||
			last.State != "CLOSED" || last.Verdict != "ok" || last.SignedBy != "" || last.RequestID != "" {
			t.Errorf("history says %+v", last)
		}
		s.cloud(cloudClose, about(no, mchid)).wantCloudCode("ORDERCLOSED")
	}
}

// TestCloudRunPayment: amounts are numbers, and coupons are lists.
func TestCloudRunPayment(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", ofSub, func(o *paygate.Order) { o.Coupons, o.Attach, o.SubOpenID = coupons(), `"附"`, "oSub" })
	s.MustPay("A1")
	id := s.MustOrder("A1").TransactionID
	got := s.cloud(cloudQuery, map[string]any{"transaction_id": id, "sub_mch_id": subMchID}).wantStatus(200)
	got.wantJSON(map[string]any{
		"respdata.out_trade_no": "A1", "respdata.transaction_id": id, "respdata.trade_state": "SUCCESS", "respdata.time_end": "20260301120000",
		"respdata.total_fee": 100.0, "respdata.cash_fee": 50.0, "respdata.coupon_fee": 50.0, "respdata.coupon_count": 2.0, "respdata.fee_type": "CNY",
		"respdata.attach": `"附"`, "respdata.coupon_fee_0": nil, "respdata.sub_openid": "oSub",
	})
	for _, want := range []string{`"coupon_id_list":["10001","10002"]`, `"coupon_type_list":["CASH","NO_CASH"]`, `"coupon_fee_list":[30,20]`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("reply has no %s:\n%s", want, got.body)
		}
	}
	s.cloud(cloudClose, about("A1", subMchID)).wantCloudCode("ORDERPAID")
	both := about("NONE", subMchID)
	both["transaction_id"] = id // preferred
	s.cloud(cloudQuery, both).wantJSON(map[string]any{"respdata.out_trade_no": "A1"})
	both["transaction_id"] = "42"
	s.cloud(cloudQuery, both).wantCloudCode("ORDERNOTEXIST")
	s.wantLast("refused", "has transaction_id 42")
}

func TestCloudRunNotFound(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{})
	s.order("A1", ofSub)
	s.order("A2", inRegion("global"))
	s.combined()
	mchid := s.Merchant.MchID
	s.cloud(cloudQuery, about("A1", mchid)).wantCloudCode("ORDERNOTEXIST") // the sub-merchant's
	s.wantLast("refused", "one exists of sp_mchid "+mchid+" sub_mchid "+subMchID)
	s.cloud(cloudClose, about("NONE", subMchID)).wantCloudCode("ORDERNOTEXIST")
	s.cloud(cloudClose, about("S1", mchid)).wantCloudCode("ORDERNOTEXIST")
	// of any region
	s.cloud(cloudQuery, about("A2", mchid)).wantJSON(map[string]any{"respdata.trade_state": "NOTPAY"})
	s.cloud(cloudClose, about("A1", "1900000999")).wantStatus(200).wantJSON(map[string]any{
		"errcode": 0.0, "respdata.return_code": "FAIL", "respdata.return_msg": "子商户号sub_mch_id无效", "respdata.result_code": nil, "respdata.sign": nil,
	})
	s.wantLast("refused", "1900000999 is neither a merchant")
	s.WantState("A1", paygate.StateNotPay)
}

// TestCloudRunForm is what the platform refuses before the pay APIs see it.
func TestCloudRunForm(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	mchid := s.Merchant.MchID
	for body, test := range map[string]struct {
		number float64
		reason string
	}{
		``:                               {44002, "empty post data"},
		`<xml></xml>`:                    {47001, "the body cannot be read"},
		`{"out_trade_no":1}`:             {47001, "out_trade_no must be a string"},
		`{"out_trade_no":"A1"}`:          {40097, `sub_mch_id "" must be`},
		`{"sub_mch_id":"` + mchid + `"}`: {40097, `out_trade_no "" must be`},
		`{"subMchId":"` + mchid + `"}`:   {40097, "subMchId is not a parameter of this call"},
		`{"mch_id":"` + mchid + `"}`:     {40097, "mch_id is not a parameter"},
		`{"sub_mch_id":"` + mchid + `","out_trade_no":"A1","transaction_id":"1"}`:                          {40097, "transaction_id is not a parameter of this call: it has sub_mch_id, out_trade_no, nonce_str"},
		`{"sub_mch_id":"` + mchid + `","out_trade_no":"A1","nonce_str":"` + strings.Repeat("n", 33) + `"}`: {40097, "nonce_str must be at most 32"},
	} {
		s.mustExchange("POST", cloudClose, body, http.Header{}).wantErrcode(test.number)
		s.wantLast("malformed", test.reason)
	}
	s.cloud(cloudQuery, map[string]any{"sub_mch_id": mchid, "transaction_id": "a b"}).wantErrcode(40097)
	s.mustExchange("GET", cloudClose, "", http.Header{}).wantErrcode(43002)
	s.mustExchange("POST", cloudClose, strings.Repeat(" ", 1<<20+1), http.Header{}).wantErrcode(45002)
	s.WantState("A1", paygate.StateNotPay)
}

// TestCloudRunFaults: those that need no signature.
func TestCloudRunFaults(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", ofSub)
	once := func(action paygate.Action) {
		s.MustInject(paygate.Fault{Action: action, Times: 1, API: "wxcloudrun"})
	}
	query := func() answer { return s.cloud(cloudQuery, about("A1", subMchID)) }
	for action, code := range map[paygate.Action]string{
		paygate.SystemError: "SYSTEMERROR", paygate.BankError: "BANKERROR", paygate.RateLimit: "FREQUENCY_LIMITED", paygate.UserPaying: "USERPAYING",
	} {
		once(action)
		query().wantCloudCode(code)
	}
	for code, want := range map[string]float64{"-1": -1, "45009": 45009} {
		s.MustInject(paygate.Fault{Action: paygate.Refuse, Code: code, Times: 1})
		query().wantErrcode(want)
		if got := s.last(); got.Code != code || got.Verdict != "refused" {
			t.Errorf("history says %+v", got)
		}
	}
	s.MustInject(paygate.Fault{Action: paygate.Refuse, Code: "RULELIMIT", HTTPStatus: 500, Times: 1})
	query().wantStatus(500).wantJSON(map[string]any{"respdata.err_code": "RULELIMIT"})
	once(paygate.HTML502)
	if got := query(); got.status != 502 || !strings.HasPrefix(got.body, "<html>") {
		t.Errorf("status %d, want a proxy's page: %s", got.status, got.body)
	}
	once(paygate.WrongOrder)
	query().wantJSON(map[string]any{"errcode": 0.0, "respdata.out_trade_no": "A0", "respdata.sub_mch_id": subMchID})
	once(paygate.WrongMerchant)
	if got := query().json()["respdata"].(map[string]any); got["sub_mch_id"] == subMchID || got["out_trade_no"] != "A1" {
		t.Errorf("respdata is %v, want another merchant's", got)
	}
	once(paygate.Oversize)
	if got := query(); len(got.body) <= 1<<20 || got.json()["errcode"] != 0.0 {
		t.Errorf("the body has %d bytes, want more than a MiB", len(got.body))
	}
	once(paygate.Truncate)
	if _, err := s.exchange(t.Context(), "POST", cloudQuery, `{"out_trade_no":"A1","sub_mch_id":"`+subMchID+`"}`, http.Header{}); err == nil {
		t.Error("the whole body came")
	}
	s.MustInject(paygate.Fault{Action: paygate.Delay, Delay: time.Millisecond, Times: 1})
	query().wantStatus(200)
	once(paygate.Reset)
	body := `{"out_trade_no":"A1","sub_mch_id":"` + subMchID + `"}`
	if _, err := s.exchange(t.Context(), "POST", cloudClose, body, http.Header{}); err == nil {
		t.Error("an answer came over a connection that was reset")
	}
	s.WantState("A1", paygate.StateNotPay)
	once(paygate.Drop)
	if _, err := s.exchange(t.Context(), "POST", cloudClose, body, http.Header{}); err == nil {
		t.Error("an answer came although it was dropped")
	}
	s.WantState("A1", paygate.StateClosed)
	s.order("A2", ofSub)
	once(paygate.Pay)
	s.cloud(cloudClose, about("A2", subMchID)).wantCloudCode("ORDERPAID")

	s.MustInject(paygate.Fault{Action: paygate.BadSignature, Times: 1}) // which this protocol does not have
	query().wantStatus(200)
	if n := len(s.Faults()); n != 1 {
		t.Errorf("%d faults are left, want the one that met nobody", n)
	}
	for _, action := range []paygate.Action{paygate.BadSignature, paygate.Unsigned, paygate.Probe, paygate.Stale, paygate.UnknownSerial} {
		if err := s.Inject(paygate.Fault{Action: action, API: "wxcloudrun"}); err == nil || !strings.Contains(err.Error(), "only") {
			t.Errorf("injecting %s: %v", action, err)
		}
	}
}
