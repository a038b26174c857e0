package paygate_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// notifying is a fault of an order's notification, once.
func notifying(action paygate.Action) paygate.Fault {
	return paygate.Fault{Op: "notify", Action: action, Times: 1}
}

// believes reports what a careful receiver makes of a notification: nil if it is genuine, and about
// this order, merchant and amount. It returns the first thing that is wrong.
func (s *session) believes(d delivery, no string) string {
	s.t.Helper()
	if by := s.signedBy(d); by != s.PublicKeyID() {
		return "signature: " + by
	}
	if d.header.Get("Wechatpay-Timestamp") < "1772337300" { // five minutes before wireTime
		return "old"
	}
	var read envelope
	if err := json.Unmarshal([]byte(d.body), &read); err != nil {
		return "body"
	}
	plain, err := openGCM(s.Merchant.V3Key, read.Resource.Nonce, read.Resource.AssociatedData, read.Resource.Ciphertext)
	if err != nil {
		return "decryption"
	}
	var content struct {
		MchID      string `json:"mchid"`
		OutTradeNo string `json:"out_trade_no"`
		Amount     struct {
			Total int64 `json:"total"`
		} `json:"amount"`
	}
	switch err := json.Unmarshal([]byte(plain), &content); {
	case err != nil:
		return "content"
	case content.MchID != s.Merchant.MchID:
		return "merchant"
	case content.OutTradeNo != no:
		return "order"
	case content.Amount.Total != 100:
		return "amount"
	default:
		return ""
	}
}

// TestForgedNotificationsV3: a careful receiver refuses the forgery and gets the genuine one later;
// a careless one is told so, and gets it all the same.
func TestForgedNotificationsV3(t *testing.T) {
	t.Parallel()
	for action, wrong := range map[paygate.Action]string{
		paygate.BadSignature:    "signature: bad signature",
		paygate.Unsigned:        "signature: none",
		paygate.UnknownSerial:   "signature: unknown serial",
		paygate.Probe:           "signature: not base64",
		"reencoded":             "signature: bad signature",
		paygate.Stale:           "old",
		paygate.WrongKey:        "decryption",
		"wrong-associated-data": "decryption",
		paygate.WrongMerchant:   "merchant",
		paygate.WrongOrder:      "order",
		paygate.WrongAmount:     "amount",
	} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			s, shop := start(t), open(t, 200)
			s.MustInject(notifying(action))
			s.paid("A1", shop)
			n, err := s.AwaitNotified(t.Context(), "A1")
			if err == nil || !strings.Contains(err.Error(), "must refuse ("+string(action)+")") {
				t.Errorf("acknowledging a forgery gave %v, want to be told", err)
			}
			if !slices.Equal(n.Attempts[0].Faults, []paygate.Action{action}) || n.Attempts[0].HTTPStatus != 200 {
				t.Errorf("the attempt is %+v", n.Attempts[0])
			}
			if got := s.believes(<-shop.arrived, "A1"); !strings.HasPrefix(got, wrong) {
				t.Errorf("a careful receiver finds %q wrong, want %q", got, wrong)
			}
			s.MustAdvance(15 * time.Second)
			s.wantNotice("A1", "acknowledged", 2)
			if got := s.believes(<-shop.arrived, "A1"); got != "" {
				t.Errorf("of the genuine one a careful receiver finds %q wrong", got)
			}
		})
	}
}

func TestEmptyAssociatedData(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	s.MustInject(notifying("empty-associated-data"))
	s.paid("A1", shop)
	s.MustWaitNotified("A1")
	read, _ := s.openV3(shop.deliveries()[0])
	if read.Resource.AssociatedData != "" {
		t.Errorf("associated_data is %q, want none", read.Resource.AssociatedData)
	}
}

func TestForgedNotificationsV2(t *testing.T) {
	t.Parallel()
	for action, check := range map[paygate.Action]func(*session, v2Answer) bool{
		paygate.BadSignature:  func(_ *session, a v2Answer) bool { return !a.signed() && len(a.fields["sign"]) == 32 },
		paygate.WrongKey:      func(_ *session, a v2Answer) bool { return !a.signed() && len(a.fields["sign"]) == 32 },
		paygate.Unsigned:      func(_ *session, a v2Answer) bool { return a.fields["sign"] == "" },
		paygate.WrongAmount:   func(_ *session, a v2Answer) bool { return a.signed() && a.fields["total_fee"] == "101" },
		paygate.WrongOrder:    func(_ *session, a v2Answer) bool { return a.signed() && a.fields["out_trade_no"] == "A0" },
		paygate.WrongMerchant: func(s *session, a v2Answer) bool { return a.signed() && a.fields["mch_id"] != s.Merchant.MchID },
	} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			s, shop := start(t), open(t)
			s.MustInject(notifying(action))
			s.paid("A1", shop, byV2(""))
			if _, err := s.AwaitNotified(t.Context(), "A1"); err == nil || !strings.Contains(err.Error(), "must refuse") {
				t.Errorf("acknowledging a forgery gave %v, want to be told", err)
			}
			got := shop.deliveries()[0]
			a := v2Answer{answer: answer{t: t, body: got.body}, request: v2Request{merchant: s.Merchant}, fields: parseXML(t, got.body)}
			if !check(s, a) {
				t.Errorf("the forged document is\n%s", got.body)
			}
		})
	}
}

func TestForgedRefundsV2(t *testing.T) {
	t.Parallel()
	for action, want := range map[paygate.Action]string{
		paygate.WrongKey:     "",
		paygate.BadSignature: "",
		paygate.WrongAmount:  "<refund_fee>61</refund_fee>",
		paygate.WrongOrder:   "<out_trade_no>A0</out_trade_no>",
	} {
		s, shop := start(t), open(t)
		s.order("A1", inState(paygate.StateSuccess))
		s.MustInject(notifying(action))
		s.NoteRefund("A1", ended("v2", "SUCCESS", shop))
		doc := parseXML(t, (<-shop.arrived).body)
		content := openECB(t, paygate.InfoKey(s.Merchant.V2Key), doc["req_info"])
		if want == "" && strings.Contains(content, "</root>") || !strings.Contains(content, want) {
			t.Errorf("%s: req_info tells %q, want %q", action, content, want)
		}
	}
}

func TestLostNotification(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	s.MustInject(notifying(paygate.Lost))
	s.paid("A1", shop)
	if _, err := s.AwaitNotified(t.Context(), "A1"); err == nil || !strings.Contains(err.Error(), "a fault lost it") {
		t.Errorf("waiting for a lost notification gave %v", err)
	}
	s.MustAdvance(48 * time.Hour)
	n := s.wantNotice("A1", "lost", 0)
	if got := shop.deliveries(); len(got) != 0 {
		t.Errorf("the shop received %+v", got)
	}
	if _, err := s.SendNotification(n.ID); err != nil {
		t.Error(err)
	}
	s.wantNotice("A1", "acknowledged", 1)
}

func TestAttemptsLostOnTheWay(t *testing.T) {
	t.Parallel()
	for action, received := range map[paygate.Action]int{paygate.Reset: 1, paygate.Drop: 2} {
		s, shop := start(t), open(t)
		s.MustInject(notifying(action))
		s.paid("A1", shop)
		if n, err := s.AwaitNotified(t.Context(), "A1"); err == nil || n.Attempts[0].HTTPStatus != 0 || !strings.Contains(err.Error(), "a fault lost") {
			t.Errorf("%s: the first attempt gave %v: %+v", action, err, n)
		}
		s.MustAdvance(15 * time.Second)
		s.wantNotice("A1", "acknowledged", 2)
		if got := len(shop.deliveries()); got != received {
			t.Errorf("%s: the shop received %d, want %d", action, got, received)
		}
	}
}

func TestDuplicateNotification(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	s.MustInject(notifying(paygate.Duplicate))
	s.paid("A1", shop)
	n := s.MustWaitNotified("A1")
	got := shop.deliveries()
	if len(n.Attempts) != 2 || len(got) != 2 || got[0].body != got[1].body {
		t.Errorf("the shop received %d notifications, want the same twice: %+v", len(got), n)
	}
}

// TestDelayedNotification comes behind a later one.
func TestDelayedNotification(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	s.MustInject(paygate.Fault{Op: "notify", Action: paygate.Delay, Delay: 24 * time.Hour, Times: 1, OutTradeNo: "A1"})
	s.MustInject(notifying(paygate.BadSignature))
	s.paid("A1", shop)
	if _, err := s.AwaitNotified(t.Context(), "A1"); err == nil || !strings.Contains(err.Error(), "a fault delays it by 24h0m0s") {
		t.Errorf("waiting for a delayed notification gave %v", err)
	}
	s.paid("A2", shop)
	s.MustWaitNotified("A2")
	s.MustAdvance(24*time.Hour - time.Second)
	s.wantNotice("A1", "pending", 0)
	s.MustAdvance(time.Second)
	n := s.wantNotice("A1", "pending", 1)
	if got := n.Attempts[0].Faults; !slices.Equal(got, []paygate.Action{paygate.BadSignature}) {
		t.Errorf("the delayed attempt met %v, want what it was to meet at first", got)
	}
	s.MustAdvance(15 * time.Second)
	s.wantNotice("A1", "acknowledged", 2)
}

// TestNotifyFaultsMatch: by order and by protocol; and no request meets them.
func TestNotifyFaultsMatch(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	s.MustInject(paygate.Fault{Op: "notify", Action: paygate.Lost, OutTradeNo: "A2"})
	s.MustInject(paygate.Fault{Op: "notify", Action: paygate.Unsigned, API: "v2"})
	s.MustInject(paygate.Fault{Action: paygate.SystemError})
	s.paid("A1", shop)
	s.MustWaitNotified("A1")
	s.paid("A2", shop)
	_, _ = s.AwaitNotified(t.Context(), "A2")
	s.wantNotice("A2", "lost", 0)
	s.v3(s.queryV3("A1")).wantCode(500, "SYSTEM_ERROR")
	s.paid("A3", shop, byV2(""))
	n, err := s.AwaitNotified(t.Context(), "A3")
	if err == nil || !slices.Equal(n.Attempts[0].Faults, []paygate.Action{paygate.Unsigned}) {
		t.Errorf("APIv2's notification met %+v (%v), want unsigned", n.Attempts, err)
	}
	if got := len(s.Faults()); got != 3 {
		t.Errorf("%d faults are left, want 3", got)
	}
}

func TestNotifyFaultChecks(t *testing.T) {
	t.Parallel()
	gate := paygate.RunT(t)
	for want, fault := range map[string]paygate.Fault{
		"action: \"refuse\" does nothing to notifications":            {Op: "notify", Action: paygate.Refuse},
		"match.op: lost is about notifications only: give \"notify\"": {Action: paygate.Lost},
		"match.op: wrong-key is about notifications only":             {Op: "close", Action: paygate.WrongKey},
		"match.api: \"wxcloudrun\" must be one of v2, v3, or absent":  {Op: "notify", Action: paygate.Lost, API: "wxcloudrun"},
		"match.api: notifications of v2 have no stale":                {Op: "notify", Action: paygate.Stale, API: "v2"},
		"match.out_trade_no: \"#\" must be":                           {Op: "notify", Action: paygate.Lost, OutTradeNo: "#"},
		"times: -1 must not be negative":                              {Op: "notify", Action: paygate.Lost, Times: -1},
		"code: notifications have none":                               {Op: "notify", Action: paygate.Lost, Code: "FAIL"},
		"http_status: a notification has none":                        {Op: "notify", Action: paygate.Lost, HTTPStatus: 500},
		"delay: only delay takes one here, not lost":                  {Op: "notify", Action: paygate.Lost, Delay: time.Second},
		"delay: 0s must be above 0s and at most 168h0m0s":             {Op: "notify", Action: paygate.Delay},
		"delay: 200h0m0s must be above 0s and at most 168h0m0s":       {Op: "notify", Action: paygate.Delay, Delay: 200 * time.Hour},
		"match.op: \"pay\" must be one of close, query, ":             {Op: "pay", Action: paygate.Drop},
	} {
		if err := gate.Inject(fault); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("injecting %+v gave %v, want …%s…", fault, err, want)
		}
	}
}

// --- the management API ---

// admin sends a management request and returns the status and the body as JSON.
func (s *session) notices(method, path, body string) (int, map[string]any) {
	s.t.Helper()
	req := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(body))
	req.Host = "localhost"
	recorder := httptest.NewRecorder()
	s.Admin().ServeHTTP(recorder, req)
	var object map[string]any
	if err := json.Unmarshal(recorder.Body.Bytes(), &object); err != nil {
		s.t.Fatalf("%s %s answered %s", method, path, recorder.Body)
	}
	return recorder.Code, object
}

// idsOf are the ids of a page.
func idsOf(page map[string]any) (ids []string) {
	all, _ := page["notifications"].([]any)
	for _, one := range all {
		n, _ := one.(map[string]any)
		id, _ := n["id"].(string)
		ids = append(ids, id)
	}
	return ids
}

func TestAdminNotifications(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	s.MustInject(paygate.Fault{Op: "notify", Action: paygate.Lost, OutTradeNo: "A2"})
	var all []string
	for _, no := range []string{"A1", "A2", "A3"} {
		s.paid(no, shop)
		n, _ := s.AwaitNotified(t.Context(), no)
		all = append(all, n.ID)
	}
	s.NoteRefund("A3", ended("v3", "SUCCESS", shop))
	all = append(all, s.MustWaitNotified("A3").ID)
	for query, want := range map[string][]string{
		"":                              all,
		"?order=A3":                     all[2:],
		"?order=A3&kind=refund":         all[3:],
		"?state=lost":                   all[1:2],
		"?kind=echo":                    nil,
		"?after=" + all[1]:              all[2:],
		"?limit=3":                      all[:3],
		"?limit=4":                      all,
		"?kind=payment&after=" + all[0]: all[1:3],
	} {
		status, page := s.notices(http.MethodGet, "/notifications"+query, "")
		if got := idsOf(page); status != 200 || !slices.Equal(got, want) {
			t.Errorf("%s: status %d with %v, want %v", query, status, got, want)
		}
		if next := page["next"]; (next != nil) != (query == "?limit=3") || next != nil && next != all[2] {
			t.Errorf("%s: next is %v", query, next)
		}
	}
	status, one := s.notices(http.MethodGet, "/notifications/"+all[0], "")
	attempts, _ := one["attempts"].([]any)
	if status != 200 || one["out_trade_no"] != "A1" || one["state"] != "acknowledged" || len(attempts) != 1 || one["due"] != nil {
		t.Errorf("one notification is shown as %v (%d)", one, status)
	}
	status, one = s.notices(http.MethodPost, "/notifications/"+all[1]+"/send", "")
	if status != 200 || one["state"] != "acknowledged" {
		t.Errorf("sending again answered %d %v", status, one)
	}
}

func TestAdminNotificationErrors(t *testing.T) {
	t.Parallel()
	s := start(t)
	for call, want := range map[string]string{
		"GET /notifications?state=open":           `state: "open" must be one of pending, acknowledged, refused, lost, exhausted`,
		"GET /notifications?kind=x":               `kind: "x" must be one of payment, refund, echo`,
		"GET /notifications?limit=0":              `limit: "0" must be from 1 to 1000`,
		"GET /notifications?after=EV-1":           "after: there is no notification EV-1 here",
		"GET /notifications?page=1":               `unknown query parameter "page"; known here: order, state, kind, after, limit`,
		"GET /notifications/EV-1":                 "there is no notification EV-1 here",
		"GET /notifications/EV-1?a=1":             `unknown query parameter "a"`,
		"POST /notifications/EV-1/send":           "there is no notification EV-1 here",
		"DELETE /notifications":                   "DELETE is not possible here; possible: GET",
		"POST /notifications/EV-1/send {\"a\":1}": `unknown field "a"`,
	} {
		words := strings.SplitN(call, " ", 3)
		body := strings.Join(words[2:], "")
		status, got := s.notices(words[0], words[1], body)
		if text, _ := got["error"].(string); status < 400 || !strings.Contains(text, want) {
			t.Errorf("%s answered %d %v, want …%s…", call, status, got, want)
		}
	}
}

// TestAdminOrderWithNotifyURL: the management API takes what a notification needs.
func TestAdminOrderWithNotifyURL(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	status, got := s.notices(http.MethodPost, "/orders",
		`{"mchid":"`+s.Merchant.MchID+`","out_trade_no":"A1","total":100,"notify_url":"`+shop.URL+`","api":"v2","sign_type":"HMAC-SHA256"}`)
	if status != http.StatusCreated || got["notify_url"] != shop.URL || got["api"] != "v2" {
		t.Fatalf("adding answered %d %v", status, got)
	}
	s.MustPay("A1")
	if n := s.MustWaitNotified("A1"); n.API != "v2" || n.URL != shop.URL {
		t.Errorf("the notification is %+v", n)
	}
	for _, wrong := range []string{`"notify_url":"/n"`, `"api":"v4"`, `"sign_type":"RSA"`} {
		body := `{"mchid":"` + s.Merchant.MchID + `","out_trade_no":"A2","total":100,` + wrong + `}`
		if status, got := s.notices(http.MethodPost, "/orders", body); status != http.StatusBadRequest {
			t.Errorf("%s answered %d %v, want 400", wrong, status, got)
		}
	}
}
