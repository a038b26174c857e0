package paygate_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// admin calls the management API.
func (s *session) admin(method, path, body string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.AdminURL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{t: s.t, status: resp.StatusCode, header: resp.Header, body: string(got)}
}

func (a answer) wantStatus(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// wantError checks an error in JSON.
func (a answer) wantError(status int, phrase string) {
	a.t.Helper()
	a.wantStatus(status)
	if text, _ := a.json()["error"].(string); !strings.Contains(text, phrase) {
		a.t.Errorf("error %q does not say %q", text, phrase)
	}
}

func (a answer) list() []map[string]any {
	a.t.Helper()
	var items []map[string]any
	if err := json.Unmarshal([]byte(a.body), &items); err != nil {
		a.t.Fatalf("reply is no array of objects: %v\n%s", err, a.body)
	}
	return items
}

// TestAdminOrder walks an order through its life.
func TestAdminOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	mchid := s.Merchant.MchID
	const rest = `","total":100,"openid":"oUser","attach":"x","created_at":"2026-03-01T03:00:00Z"}`
	create := `{"out_trade_no":"a|*@1","mchid":"` + mchid + rest
	s.admin("POST", "/orders", create).wantStatus(201).wantJSON(map[string]any{
		"out_trade_no": "a|*@1", "mchid": mchid, "sp_mchid": nil, "sub_mchid": nil, "appid": s.Merchant.AppID, "total": 100.0, "openid": "oUser",
		"attach": "x", "created_at": "2026-03-01T11:00:00+08:00", "state": "NOTPAY", "trade_state": "NOTPAY", "trade_type": "JSAPI",
		"transaction_id": nil, "success_time": nil, "closed_at": nil,
	})
	s.admin("POST", "/orders", create).wantStatus(200).wantJSON(map[string]any{"out_trade_no": "a|*@1"})
	s.admin("POST", "/orders", strings.Replace(create, "100", "101", 1)).wantError(409, "exists with another total")

	s.admin("GET", "/orders/a%7C%2A@1", "").wantStatus(200).wantJSON(map[string]any{"state": "NOTPAY"})
	s.admin("POST", "/orders/a%7C*%401/refund", "").wantError(409, "only a paid order can be refunded")
	s.admin("POST", "/clock", `{"advance":"5m"}`).wantStatus(200).wantJSON(map[string]any{"now": "2026-03-01T12:05:00+08:00"})
	s.admin("POST", "/orders/a%7C*@1/pay", "").wantStatus(200).wantJSON(map[string]any{
		"state": "SUCCESS", "success_time": "2026-03-01T12:05:00+08:00", "transaction_id": s.MustOrder("a|*@1").TransactionID,
	})
	s.admin("POST", "/orders/a%7C*@1/pay", "{}").wantError(409, "is SUCCESS")
	s.admin("POST", "/orders/a%7C*@1/refund", "").wantStatus(200).wantJSON(map[string]any{"state": "REFUND"})
	s.admin("GET", "/orders/NONE", "").wantError(404, "no order NONE")
	s.admin("POST", "/orders/NONE/pay", "").wantError(404, "no order NONE")
	s.admin("POST", "/orders/NONE/pay", `{"amount":1}`).wantError(400, `unknown field "amount"; known here: none`)
	if orders := s.admin("GET", "/orders", "").wantStatus(200).list(); len(orders) != 1 || orders[0]["state"] != "REFUND" {
		t.Errorf("GET /orders lists %v, want the one", orders)
	}
}

// TestAdminPartner: the same number of two owners, told apart; posting binds the sub-merchant.
func TestAdminPartner(t *testing.T) {
	t.Parallel()
	s := start(t)
	mchid := s.Merchant.MchID
	own := `{"out_trade_no":"A1","mchid":"` + mchid + `","total":1}`
	sub := `{"out_trade_no":"A1","sp_mchid":"` + mchid + `","sub_mchid":"` + subMchID + `","total":1,"sub_appid":"wxsub","sub_openid":"oSub"}`
	s.admin("POST", "/orders", own).wantStatus(201)
	s.admin("POST", "/orders", sub).wantStatus(201).wantJSON(map[string]any{"mchid": nil, "sp_mchid": mchid, "sub_mchid": subMchID, "sub_openid": "oSub"})
	s.admin("GET", "/orders/A1", "").wantError(409, "mchid "+mchid+" and to sp_mchid "+mchid+" sub_mchid "+subMchID)
	s.admin("POST", "/orders/A1/pay?sub_mchid="+subMchID, "").wantStatus(200)
	s.admin("GET", "/orders/A1?sp_mchid="+mchid+"&sub_mchid="+subMchID, "").wantStatus(200).wantJSON(map[string]any{"state": "SUCCESS"})
	s.admin("GET", "/orders/A1?mchid="+mchid+"&sub_mchid=", "").wantStatus(200).wantJSON(map[string]any{"state": "NOTPAY"})
	s.admin("GET", "/orders/A1?mchid=1", "").wantError(404, "no order A1")
	s.admin("GET", "/orders/A1?owner=1", "").wantError(400, `unknown query parameter "owner"; known here: mchid`)
	s.v3(s.closeSubV3("A1")).wantCode(400, "ORDER_PAID")
}

// TestAdminOrderInEveryState: an order may begin anywhere, with all that it can carry.
func TestAdminOrderInEveryState(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, state := range []paygate.TradeState{
		paygate.StateNotPay, paygate.StateUserPaying, paygate.StatePayError, paygate.StateAccept,
		paygate.StateSuccess, paygate.StateRefund, paygate.StateClosed, paygate.StateRevoked,
	} {
		for _, name := range []string{"state", "trade_state"} {
			no := string(state) + "-" + name
			body := `{"out_trade_no":"` + no + `","mchid":"` + s.Merchant.MchID + `","total":9,"` + name + `":"` + string(state) + `",
				"trade_type":"NATIVE","bank_type":"CMC","device_info":"POS","coupons":[{"coupon_id":"1","amount":3,"type":"NOCASH"}]}`
			s.admin("POST", "/orders", body).wantStatus(201).wantJSON(map[string]any{"state": string(state), "bank_type": "CMC"})
			s.WantState(no, state)
		}
	}
	closed := s.MustOrder("CLOSED-state")
	if !closed.ClosedAt.Equal(s.Time()) {
		t.Errorf("closed at %s, want the business clock's %s", closed.ClosedAt, s.Time())
	}
}

func TestAdminClock(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.admin("GET", "/clock", "").wantStatus(200).wantJSON(map[string]any{"now": "2026-03-01T12:00:00+08:00", "wire": "2026-03-01T12:00:00+08:00"})
	s.admin("POST", "/clock", `{"advance":"7d1h"}`).wantStatus(200).wantJSON(map[string]any{
		"now": "2026-03-08T13:00:00+08:00", "wire": "2026-03-01T12:00:00+08:00",
	})
	if got, want := s.Time(), wireTime().Add(169*time.Hour); !got.Equal(want) {
		t.Errorf("Time is %s, want %s", got, want)
	}
	s.admin("POST", "/clock", `{"advance":"-5m"}`).wantError(400, "cannot go back")
	s.admin("POST", "/clock", `{"advance":"soon"}`).wantError(400, `advance: "soon" must be a duration`)
	s.admin("POST", "/clock", `{}`).wantError(400, `advance: "" must be`)
	s.admin("POST", "/clock", `{"advance":5}`).wantError(400, "advance: must be a string, not number")
}

func TestAdminFaults(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.admin("POST", "/faults", `{"match":{"op":"close","api":"v3","out_trade_no":"A1"},"action":"refuse","times":2,"code":"RULE_LIMIT","http_status":418}`).
		wantStatus(201).wantJSON(map[string]any{
		"match.op": "close", "match.api": "v3", "match.out_trade_no": "A1", "action": "refuse", "times": 2.0, "code": "RULE_LIMIT", "http_status": 418.0,
	})
	s.admin("POST", "/faults", `{"action":"delay","delay":"1ms"}`).wantStatus(201).wantJSON(map[string]any{"delay": "1ms", "times": 0.0})
	s.v3(s.closeV3("A1")).wantCode(418, "RULE_LIMIT")
	left := s.admin("GET", "/faults", "").wantStatus(200).list()
	if len(left) != 2 || left[0]["times"] != 1.0 || left[1]["action"] != "delay" {
		t.Errorf("GET /faults lists %v, want one refusal left and the delay", left)
	}
	s.admin("DELETE", "/faults", "").wantStatus(204)
	if left := s.admin("GET", "/faults", "").list(); left == nil || len(left) != 0 {
		t.Errorf("GET /faults lists %v, want an empty array", left)
	}
	s.v3(s.closeV3("A1")).want(204)

	s.admin("POST", "/faults", `{"action":"explode"}`).wantError(400, "must be one of refuse, system-error")
	s.admin("POST", "/faults", `{"match":{"op":"open"},"action":"drop"}`).wantError(400, "match.op")
	s.admin("POST", "/faults", `{"match":{"order":"A1"},"action":"drop"}`).
		wantError(400, `unknown field "order"; known here: id, match.op, match.api, match.out_trade_no, action, times, probability, seed, code, http_status, delay`)
	s.admin("POST", "/faults", `{"action":"delay","delay":"long"}`).wantError(400, `delay: "long" must be a duration`)
	s.admin("POST", "/faults", `{"action":"drop","times":"1"}`).wantError(400, "times: must be a whole number, not string")
	s.admin("POST", "/faults", `{"action":"drop","match":1}`).wantError(400, "match: must be an object, not number")
}

func TestAdminRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	if got := s.admin("GET", "/requests", "").wantStatus(200).list(); got == nil || len(got) != 0 {
		t.Errorf("GET /requests lists %v, want an empty array", got)
	}
	s.MustInject(paygate.Fault{Action: paygate.Drop, Times: 1})
	s.order("A1")
	_ = s.tryV3(t.Context(), s.closeV3("A1"))
	got := s.admin("GET", "/requests", "").list()
	if len(got) != 1 || got[0]["verdict"] != "ok" || got[0]["op"] != "close" || got[0]["api"] != "v3" || got[0]["out_trade_no"] != "A1" ||
		got[0]["http_status"] != 0.0 || got[0]["state"] != "CLOSED" || got[0]["time"] != "2026-03-01T12:00:00+08:00" {
		t.Errorf("GET /requests lists %v", got)
	}
	s.admin("GET", "/requests?out_trade_no=A1", "").wantError(400, `unknown query parameter "out_trade_no"; known here: order, verdict,`)
	s.admin("GET", "/orders?trade_state=CLOSED", "").wantError(400, `unknown query parameter "trade_state"; known here: state, search, after, before, limit`)
	s.admin("DELETE", "/requests", "").wantStatus(204)
	if n := len(s.Requests()); n != 0 {
		t.Errorf("history holds %d requests, want none", n)
	}
}

func TestAdminBadInput(t *testing.T) {
	t.Parallel()
	s := start(t)
	mchid := s.Merchant.MchID
	for body, want := range map[string]string{
		``:                              "mchid: give mchid",
		`{`:                             "not JSON",
		`[]`:                            "must be a JSON object",
		`null`:                          "must be a JSON object",
		`{} {}`:                         "one JSON object and nothing after it",
		`{"out_trade_no":"A1"}`:         "give mchid, or sp_mchid and sub_mchid",
		`{"mchid":"1","total":1}`:       `"1" is no merchant of this gateway; it has ` + mchid,
		`{"mch_id":"1"}`:                `unknown field "mch_id"; known here: out_trade_no, sub_mchid`,
		`{"transaction_id":"1"}`:        `unknown field "transaction_id"`,
		`{"mchid":1}`:                   "mchid: must be a string, not number",
		`{"total":"1"}`:                 "total: must be a whole number, not string",
		`{"total":1.5}`:                 "total: must be a whole number, not number 1.5",
		`{"coupons":{}}`:                "coupons: must be an array, not object",
		`{"mchid":"1","sp_mchid":"1"}`:  "not both",
		`{"sp_mchid":"1"}`:              "sub_mchid: must be there",
		`{"mchid":"1","sub_mchid":"2"}`: "sub_mchid: goes with sp_mchid",
		`{"mchid":"` + mchid + `","out_trade_no":"A1","total":0}`:                                         "total: 0 must be a positive number",
		`{"mchid":"` + mchid + `","out_trade_no":"A 1","total":1}`:                                        `out_trade_no: "A 1" must be 1 to 32`,
		`{"mchid":"` + mchid + `","out_trade_no":"A1","total":1,"created_at":"yesterday"}`:                `created_at: "yesterday" must be RFC 3339`,
		`{"mchid":"` + mchid + `","out_trade_no":"A1","total":1,"state":"PAID"}`:                          "state: \"PAID\" must be one of NOTPAY",
		`{"mchid":"` + mchid + `","out_trade_no":"A1","total":1,"state":"CLOSED","trade_state":"NOTPAY"}`: "trade_state: is another name of state",
	} {
		s.admin("POST", "/orders", body).wantError(400, want)
	}
	s.admin("POST", "/orders", `{"attach":"`+strings.Repeat("x", 64<<10)+`"}`).wantError(413, "longer than 65536 bytes")
	if n := len(s.Orders()); n != 0 {
		t.Errorf("there are %d orders, want none", n)
	}
}

func TestAdminPathsAndMethods(t *testing.T) {
	t.Parallel()
	s := start(t)
	for path, allow := range map[string]string{
		"/orders": "POST, GET", "/orders/A1": "GET", "/orders/A1/pay": "POST", "/orders/A1/refund": "POST", "/clock": "GET, POST",
		"/faults": "GET, POST, DELETE", "/requests": "GET, DELETE",
	} {
		got := s.admin("PATCH", path, "")
		got.wantError(405, "PATCH is not possible here; possible: "+allow)
		if got.header.Get("Allow") != allow {
			t.Errorf("%s: Allow is %q, want %q", path, got.header.Get("Allow"), allow)
		}
	}
	s.admin("GET", "/", "").wantError(404, "there are /orders, /orders/{out_trade_no}")
	s.admin("GET", "/pay/closeorder", "").wantError(404, "no such path")
}

// TestAdminRefusesOtherOrigins: a web page that a developer looks at must not be able to change
// orders.
func TestAdminRefusesOtherOrigins(t *testing.T) {
	t.Parallel()
	s := start(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.AdminURL+"/faults", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://evil.example")
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("status %d, want 403", resp.StatusCode)
	}
}

// TestAdminRefusesOtherHosts: nor may a page whose own name is made to resolve to this machine.
func TestAdminRefusesOtherHosts(t *testing.T) {
	t.Parallel()
	s := start(t)
	for host, want := range map[string]int{
		"evil.example": 403, "evil.example:80": 403, "localhost.evil.example": 403, "192.168.1.1": 403, "0.0.0.0:1": 403,
		"localhost": 200, "LocalHost:1": 200, "127.0.0.1": 200, "127.9.9.9:1": 200, "[::1]": 200, "[::1]:1": 200,
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/clock", nil)
		req.Host = host
		recorder := httptest.NewRecorder()
		s.Gateway.Admin().ServeHTTP(recorder, req)
		if recorder.Code != want || want == 403 && !strings.Contains(recorder.Body.String(), "is not this machine's") {
			t.Errorf("Host %s: status %d, want %d: %s", host, recorder.Code, want, recorder.Body)
		}
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"5m": 5 * time.Minute, "7d": 168 * time.Hour, "1d1s": 24*time.Hour + time.Second, "0s": 0, "36h": 36 * time.Hour,
	} {
		if got, err := paygate.ParseDuration(text); err != nil || got != want {
			t.Errorf("parseDuration(%s) is %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "1", "1dx", "123456d", "1w"} {
		if got, err := paygate.ParseDuration(text); err == nil {
			t.Errorf("parseDuration(%q) is %s, want an error", text, got)
		}
	}
}

// TestNotifyURLByDefault: orders that the management API adds without a notify_url get the one that
// was set, and keep it when another is set.
func TestNotifyURLByDefault(t *testing.T) {
	t.Parallel()
	s := start(t)
	own := `,"mchid":"` + s.Merchant.MchID + `"`
	if err := s.SetNotifyURL("shop/notify"); err == nil {
		t.Error("an address that WeChat Pay does not take is taken")
	}
	s.admin("POST", "/orders", `{"out_trade_no":"A0","total":1`+own+`}`).wantStatus(201).wantJSON(map[string]any{"notify_url": nil})
	combined := `{"combine_out_trade_no":"C1","combine_mchid":"` + s.Merchant.MchID + `","sub_orders":[{"out_trade_no":"C1-1","total":1` + own +
		`},{"out_trade_no":"C1-2","total":2` + own + `}]}`
	for _, address := range []string{"http://127.0.0.1:1/first", "http://127.0.0.1:1/second"} {
		if err := s.SetNotifyURL(address); err != nil {
			t.Fatal(err)
		}
		status := map[bool]int{true: 201, false: 200}[address == "http://127.0.0.1:1/first"]
		s.admin("POST", "/orders", `{"out_trade_no":"A1","total":1`+own+`}`).wantStatus(status).wantJSON(map[string]any{"notify_url": "http://127.0.0.1:1/first"})
		s.admin("POST", "/orders", combined).wantStatus(status).wantJSON(map[string]any{"notify_url": "http://127.0.0.1:1/first"})
		s.admin("POST", "/orders", `{"out_trade_no":"A0","total":1`+own+`}`).wantStatus(200).wantJSON(map[string]any{"notify_url": nil})
	}
	s.admin("POST", "/orders", `{"out_trade_no":"A2","total":1,"notify_url":"http://127.0.0.1:1/own"`+own+`}`).wantStatus(201).
		wantJSON(map[string]any{"notify_url": "http://127.0.0.1:1/own"})
	if err := s.SetNotifyURL(""); err != nil {
		t.Fatal(err)
	}
	s.admin("POST", "/orders", `{"out_trade_no":"A3","total":1`+own+`}`).wantStatus(201).wantJSON(map[string]any{"notify_url": nil})
}
