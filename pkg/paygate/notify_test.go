package paygate_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// delivery is a notification as a shop receives it.
type delivery struct {
	header http.Header
	body   string
	path   string
}

// shop is a merchant's server: it keeps what it receives, and answers what its script says.
type shop struct {
	*httptest.Server

	t *testing.T

	mu       sync.Mutex
	got      []delivery
	script   []int
	fallback int
	// one for each delivery
	arrived chan delivery
}

// open starts a shop that answers the statuses of the script, and then the last of them.
func open(t *testing.T, script ...int) *shop {
	t.Helper()
	s := &shop{t: t, script: script, fallback: http.StatusNoContent, arrived: make(chan delivery, 1000)}
	if len(script) > 0 {
		s.fallback = script[len(script)-1]
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP keeps a delivery, and answers it in the form of its protocol.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Errorf("a notification did not arrive whole: %v", err)
	}
	one := delivery{r.Header.Clone(), string(body), r.URL.Path}
	s.mu.Lock()
	s.got = append(s.got, one)
	status := s.fallback
	if len(s.script) > 0 {
		status, s.script = s.script[0], s.script[1:]
	}
	s.mu.Unlock()
	s.arrived <- one
	if strings.HasPrefix(one.header.Get("Content-Type"), "text/xml") {
		code := "SUCCESS"
		if status >= 300 {
			code = "FAIL"
		}
		_, _ = fmt.Fprintf(w, "<xml><return_code><![CDATA[%s]]></return_code><return_msg><![CDATA[as told]]></return_msg></xml>", code)
		return
	}
	w.WriteHeader(status)
}

// deliveries is what has come in so far.
func (s *shop) deliveries() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// paid adds an order that is notified to the shop, and pays it.
func (s *session) paid(no string, at *shop, edits ...func(*paygate.Order)) {
	s.t.Helper()
	s.order(no, append([]func(*paygate.Order){func(o *paygate.Order) { o.NotifyURL = at.URL + "/notify" }}, edits...)...)
	s.MustPay(no)
}

// byV2 makes an order one of APIv2.
func byV2(signType string) func(*paygate.Order) {
	return func(o *paygate.Order) { o.API, o.SignType = "v2", signType }
}

// signedBy says whose signature holds over a notification of APIv3, or what is wrong.
func (s *session) signedBy(d delivery) string {
	s.t.Helper()
	a := v3Answer{answer: answer{t: s.t, header: d.header, body: d.body}, session: s}
	return a.signature()
}

// openV3 verifies and decrypts a notification as a receiver should.
func (s *session) openV3(d delivery) (envelope, map[string]any) {
	s.t.Helper()
	if by := s.signedBy(d); by != s.PublicKeyID() {
		s.t.Errorf("the notification is signed by %q, want %q", by, s.PublicKeyID())
	}
	var read envelope
	if err := json.Unmarshal([]byte(d.body), &read); err != nil {
		s.t.Fatalf("the notification is not JSON: %v\n%s", err, d.body)
	}
	plain, err := openGCM(s.Merchant.V3Key, read.Resource.Nonce, read.Resource.AssociatedData, read.Resource.Ciphertext)
	if err != nil {
		s.t.Fatalf("the resource cannot be decrypted: %v\n%s", err, d.body)
	}
	var content map[string]any
	if err := json.Unmarshal([]byte(plain), &content); err != nil {
		s.t.Fatalf("the resource is not JSON: %v\n%s", err, plain)
	}
	return read, content
}

// wantMembers checks a JSON object's members at dotted paths; nil means absent.
func wantMembers(t *testing.T, object map[string]any, members map[string]any) {
	t.Helper()
	text, _ := json.Marshal(object)
	answer{t: t, body: string(text)}.wantJSON(members)
}

// wantNotice checks the newest notification's state, and how many attempts it has.
func (s *session) wantNotice(no, state string, attempts int) paygate.Notification {
	s.t.Helper()
	var newest paygate.Notification
	for _, n := range s.Notifications() {
		if n.OutTradeNo == no {
			newest = n
		}
	}
	if newest.State != state || len(newest.Attempts) != attempts {
		s.t.Errorf("the notification of %s is %q with %d attempts, want %q with %d: %+v",
			no, newest.State, len(newest.Attempts), state, attempts, newest)
	}
	return newest
}

func TestNotifyPaymentV3(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusNoContent} {
		s, shop := start(t), open(t, status)
		s.paid("A1", shop, func(o *paygate.Order) { o.Attach = "shop-7" })
		n := s.MustWaitNotified("A1")
		got := shop.deliveries()
		if len(got) != 1 || got[0].path != "/notify" {
			t.Fatalf("the shop received %+v, want one notification at /notify", got)
		}
		read, content := s.openV3(got[0])
		order := s.MustOrder("A1")
		wantMembers(t, content, map[string]any{
			"appid": s.Merchant.AppID, "mchid": s.Merchant.MchID, "out_trade_no": "A1", "transaction_id": order.TransactionID,
			"trade_type": "JSAPI", "trade_state": "SUCCESS", "trade_state_desc": "支付成功", "bank_type": "OTHERS", "attach": "shop-7",
			"success_time": order.PaidAt.Format(time.RFC3339), "payer.openid": userA, "amount.total": 100.0,
			"amount.payer_total": 100.0, "amount.currency": "CNY",
		})
		if read.ID != n.ID || len(n.ID) > 36 || read.EventType != "TRANSACTION.SUCCESS" || read.ResourceType != "encrypt-resource" ||
			read.Summary != "支付成功" || read.Resource.OriginalType != "transaction" || read.Resource.AssociatedData != "transaction" ||
			read.Resource.Algorithm != "AEAD_AES_256_GCM" || len(read.Resource.Nonce) != 12 || read.CreateTime != order.PaidAt.Format(time.RFC3339) {
			t.Errorf("the body around the resource is %+v", read)
		}
		if got[0].header.Get("Content-Type") != "application/json" || got[0].header.Get("Request-Id") == "" ||
			got[0].header.Get("Wechatpay-Timestamp") != strconv.FormatInt(wireTime().Unix(), 10) {
			t.Errorf("the header is %v", got[0].header)
		}
		if n.State != "acknowledged" || n.Kind != "payment" || n.API != "v3" || !n.Due.IsZero() || n.Attempts[0].HTTPStatus != status ||
			n.Attempts[0].RequestBody != got[0].body || n.Attempts[0].RequestHeader["Wechatpay-Nonce"] != got[0].header.Get("Wechatpay-Nonce") {
			t.Errorf("the notification is shown as %+v", n)
		}
	}
}

func TestNotifyPartnerV3(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	s.paid("A1", shop, ofSub)
	s.MustWaitNotified("A1", paygate.Owner{MchID: s.Merchant.MchID, SubMchID: subMchID})
	_, content := s.openV3(shop.deliveries()[0])
	wantMembers(t, content, map[string]any{
		"sp_appid": s.Merchant.AppID, "sp_mchid": s.Merchant.MchID, "sub_mchid": subMchID, "mchid": nil, "payer.sp_openid": userA,
	})
}

func TestNotifyPaymentV2(t *testing.T) {
	t.Parallel()
	for _, signType := range []string{"", "MD5", "HMAC-SHA256"} {
		s, shop := start(t), open(t)
		s.paid("A1", shop, byV2(signType), func(o *paygate.Order) { o.Attach = "a & b" })
		n := s.MustWaitNotified("A1")
		got := shop.deliveries()[0]
		a := v2Answer{
			answer: answer{t: t, body: got.body}, request: v2Request{merchant: s.Merchant, signType: signType}, fields: parseXML(t, got.body),
		}
		order := s.MustOrder("A1")
		a.want(pair{"return_code", "SUCCESS"}, pair{"result_code", "SUCCESS"}, pair{"appid", s.Merchant.AppID}, pair{"mch_id", s.Merchant.MchID},
			pair{"openid", userA}, pair{"total_fee", "100"}, pair{"cash_fee", "100"}, pair{"out_trade_no", "A1"}, pair{"attach", "a & b"},
			pair{"transaction_id", order.TransactionID}, pair{"time_end", order.PaidAt.Format("20060102150405")})
		if _, there := a.fields["trade_state"]; there {
			t.Errorf("the document has a trade_state:\n%s", got.body)
		}
		if a.fields["sign_type"] != "" && signType != "HMAC-SHA256" || n.API != "v2" || n.EventType != "" {
			t.Errorf("sign_type is %q for %q; the notification is %+v", a.fields["sign_type"], signType, n)
		}
	}
}

func TestNotifyCombined(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	s.MustAddCombined(paygate.CombinedOrder{
		CombineOutTradeNo: "C1", NotifyURL: shop.URL, SubOrders: []paygate.Order{{OutTradeNo: "S1", Total: 60}, {OutTradeNo: "S2", Total: 40}},
	})
	s.MustPay("C1")
	s.MustWaitNotified("C1")
	got := shop.deliveries()
	if len(got) != 1 {
		t.Fatalf("the shop received %d notifications, want one for the whole", len(got))
	}
	_, content := s.openV3(got[0])
	wantMembers(t, content, map[string]any{
		"combine_appid": s.Merchant.AppID, "combine_mchid": s.Merchant.MchID, "combine_out_trade_no": "C1", "trade_state": nil,
	})
	if parts, _ := content["sub_orders"].([]any); len(parts) != 2 {
		t.Errorf("the notification has %d parts, want 2: %v", len(parts), content)
	}
}

// ended is a refund as it ends.
func ended(api, status string, at *shop) paygate.Refund {
	return paygate.Refund{
		OutRefundNo: "R1", RefundID: "50000000001", Amount: 60, PayerAmount: 60, NotifyURL: at.URL, Status: status, API: api, EndedAt: wireTime(),
	}
}

func TestNotifyRefundV3(t *testing.T) {
	t.Parallel()
	for status, summary := range map[string]string{"SUCCESS": "退款成功", "ABNORMAL": "退款异常", "CLOSED": "退款关闭"} {
		s, shop := start(t), open(t)
		s.order("A1", inState(paygate.StateSuccess))
		s.NoteRefund("A1", ended("v3", status, shop))
		n := s.MustWaitNotified("A1")
		read, content := s.openV3(shop.deliveries()[0])
		if read.EventType != "REFUND."+status || read.Summary != summary || read.Resource.OriginalType != "refund" ||
			read.Resource.AssociatedData != "refund" || n.Kind != "refund" || n.OutRefundNo != "R1" {
			t.Errorf("the notification is %+v, in %+v", n, read)
		}
		var success any
		if status == "SUCCESS" {
			success = wireTime().Format(time.RFC3339)
		}
		wantMembers(t, content, map[string]any{
			"mchid": s.Merchant.MchID, "appid": nil, "out_trade_no": "A1", "out_refund_no": "R1", "refund_id": "50000000001",
			"refund_status": status, "status": nil, "success_time": success, "user_received_account": "支付用户零钱",
			"amount.total": 100.0, "amount.refund": 60.0, "amount.payer_total": 100.0, "amount.payer_refund": 60.0, "amount.currency": nil,
		})
	}
}

func TestNotifyRefundV2(t *testing.T) {
	t.Parallel()
	for status, word := range map[string]string{"SUCCESS": "SUCCESS", "ABNORMAL": "CHANGE", "CLOSED": "REFUNDCLOSE"} {
		s, shop := start(t), open(t)
		s.order("A1", inState(paygate.StateSuccess), ofSub)
		s.NoteRefund("A1", ended("v2", status, shop))
		s.MustWaitNotified("A1")
		doc := parseXML(t, shop.deliveries()[0].body)
		if _, signed := doc["sign"]; signed || doc["return_code"] != "SUCCESS" || doc["mch_id"] != s.Merchant.MchID || doc["sub_mch_id"] != subMchID {
			t.Errorf("the document is %v, want no sign", doc)
		}
		content := openECB(t, paygate.InfoKey(s.Merchant.V2Key), doc["req_info"])
		if !strings.HasPrefix(content, "<root>") || !strings.Contains(content, "<refund_status>"+word+"</refund_status>") ||
			!strings.Contains(content, "<refund_fee>60</refund_fee>") || strings.Contains(content, "success_time") != (status == "SUCCESS") {
			t.Errorf("req_info tells %s", content)
		}
	}
}

// TestNotifyWholeLife: an order and its refund, placed and asked for over the wire, are notified
// when the user pays and when the refund ends by the clock.
func TestNotifyWholeLife(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	s.paid("A1", shop)
	s.MustWaitNotified("A1")
	s.v3(s.refundV3("A1", "R1", 60, `"notify_url":"`+shop.URL+`/refunded"`)).want(200)
	s.v2(s.refundV2("A1", "R2", "40", pair{"notify_url", shop.URL + "/refundedV2"})).want(pair{"result_code", "SUCCESS"})
	s.MustAdvance(9 * time.Second)
	if got := len(shop.deliveries()); got != 1 {
		t.Errorf("the shop received %d before the refunds ended, want the payment", got)
	}
	s.MustAdvance(time.Minute)
	got := shop.deliveries()
	if len(got) != 3 || got[1].path != "/refunded" || got[2].path != "/refundedV2" {
		t.Fatalf("the shop received %+v, want the payment and two refunds", got)
	}
	_, content := s.openV3(got[1])
	wantMembers(t, content, map[string]any{"out_refund_no": "R1", "refund_status": "SUCCESS", "success_time": "2026-03-01T12:00:10+08:00"})
	if info := openECB(t, paygate.InfoKey(s.Merchant.V2Key), parseXML(t, got[2].body)["req_info"]); !strings.Contains(info, "R2") {
		t.Errorf("req_info tells %q, want R2", info)
	}
	for _, n := range s.Notifications() {
		if n.State != "acknowledged" || n.Kind == "refund" && !n.CreatedAt.Equal(wireTime().Add(10*time.Second)) {
			t.Errorf("a notification is %+v, want it acknowledged, and of a refund from when it ended", n)
		}
	}
}

func TestNotifyEcho(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	s.v3(s.echo(members{"echo_message": "ping 7", "notify_url": shop.URL})).want(200)
	read, content := s.openV3(<-shop.arrived)
	if read.EventType != "SECURITY_ECHO.SUCCESS" || read.Resource.OriginalType != "security" || read.Resource.AssociatedData != "" ||
		read.Summary != "回调通知成功" || content["echo_message"] != "ping 7" {
		t.Errorf("the callback is %+v telling %v", read, content)
	}
}

// TestNothingToNotify are payments without a notification.
func TestNothingToNotify(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	s.order("A1")
	s.MustPay("A1")
	s.paid("A2", shop, func(o *paygate.Order) { o.TradeType = "MICROPAY" })
	s.order("A3", inState(paygate.StateSuccess), func(o *paygate.Order) { o.NotifyURL = shop.URL })
	if got := s.Notifications(); len(got) != 0 {
		t.Errorf("there are notifications: %+v", got)
	}
	if _, err := s.AwaitNotified(t.Context(), "A1"); err == nil || !strings.Contains(err.Error(), "placed without a notify_url") {
		t.Errorf("waiting for one gave %v, want why there is none", err)
	}
}

// TestSchedule: a receiver that never acknowledges is tried sixteen times, at the documented times,
// whatever the steps of the clock.
func TestSchedule(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{25 * time.Hour, 97 * time.Second, 11 * time.Minute} {
		s, shop := start(t), open(t, http.StatusInternalServerError)
		s.paid("A1", shop)
		if _, err := s.AwaitNotified(t.Context(), "A1"); err == nil || !strings.Contains(err.Error(), "500 is neither 200 nor 204") ||
			!strings.Contains(err.Error(), "the next attempt is due at 2026-03-01T12:00:15+08:00") {
			t.Errorf("waiting gave %v, want what was answered and when it is tried again", err)
		}
		begin := s.Time()
		for s.Time().Sub(begin) < 25*time.Hour {
			s.MustAdvance(step)
		}
		n := s.wantNotice("A1", "exhausted", 16)
		due := begin
		for i, a := range n.Attempts {
			if i > 0 {
				due = due.Add(paygate.NotifyWaits()[i-1])
			}
			if !a.Time.Equal(due) || a.Acknowledged || a.HTTPStatus != 500 {
				t.Errorf("by steps of %s, attempt %d is %+v, want one at %s", step, i, a, due)
			}
			if texts := a.RequestBody != ""; texts != (i >= 12) {
				t.Errorf("attempt %d has texts: %t, want those of the newest four", i, texts)
			}
		}
		if got := shop.deliveries(); len(got) != 16 {
			t.Errorf("the shop received %d, want 16", len(got))
		}
	}
}

func TestAcknowledgedAtLast(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t, 500, 404, 200)
	s.paid("A1", shop)
	s.MustAdvance(14 * time.Second)
	s.wantNotice("A1", "pending", 1)
	s.MustAdvance(time.Second)
	s.wantNotice("A1", "pending", 2)
	s.MustAdvance(48 * time.Hour)
	s.wantNotice("A1", "acknowledged", 3)
	got := shop.deliveries()
	first, _ := s.openV3(got[0])
	last, _ := s.openV3(got[2])
	if first.ID != last.ID || first.CreateTime != last.CreateTime || got[0].header.Get("Wechatpay-Nonce") == got[2].header.Get("Wechatpay-Nonce") {
		t.Errorf("the attempts are %+v and %+v, want one id, and each signed anew", first, last)
	}
}

// TestAdvanceDeliversInOrder: by their times, and of those due together the older one first.
func TestAdvanceDeliversInOrder(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t, http.StatusServiceUnavailable)
	var want []string
	for _, no := range []string{"A1", "A2", "A3"} {
		s.paid(no, shop, func(o *paygate.Order) { o.NotifyURL = shop.URL + "/" + no })
		_, _ = s.AwaitNotified(t.Context(), no)
		s.MustAdvance(time.Second)
	}
	for range 3 {
		want = append(want, "/A1", "/A2", "/A3")
	}
	s.MustAdvance(time.Minute)
	var got []string
	for _, d := range shop.deliveries() {
		got = append(got, d.path)
	}
	if want = append(want, "/A1", "/A2", "/A3"); !slices.Equal(got, want) {
		t.Errorf("deliveries are %v, want %v", got, want)
	}
}

// TestAnswers: what acknowledges, in each protocol.
func TestWhatAcknowledges(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		api    string
		status int
		body   string
		want   bool
		reason string
	}{
		{"v3", 200, "", true, ""},
		{"v3", 204, "", true, ""},
		{"v3", 200, `{"code":"SUCCESS"}`, true, ""},
		{"v3", 200, `{"code":"FAIL","message":"no"}`, true, "though the body says FAIL"},
		{"v3", 200, `not JSON`, true, ""},
		{"v3", 202, "", false, "202 is neither 200 nor 204"},
		{"v3", 302, "", false, "302 is neither"},
		{"v3", 500, `{"code":"FAIL"}`, false, "500 is neither"},
		{"v2", 200, "<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>", true, ""},
		{"v2", 200, "<xml><return_code>FAIL</return_code><return_msg>later</return_msg></xml>", false, `return_code is "FAIL", not SUCCESS: later`},
		{"v2", 200, "success", false, "not an APIv2 document"},
		{"v2", 200, `{"code":"SUCCESS"}`, false, "not an APIv2 document"},
		{"v2", 200, "", false, "not an APIv2 document"},
		{"v2", 204, "", false, "204 is not 200"},
	} {
		got, reason := paygate.Judge(test.api, test.status, []byte(test.body))
		if got != test.want || !strings.Contains(reason, test.reason) || test.reason == "" && reason != "" {
			t.Errorf("%s %d %s: acknowledged %t because %q, want %t because %q", test.api, test.status, test.body, got, reason, test.want, test.reason)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	moved := httptest.NewServer(http.RedirectHandler(shop.URL, http.StatusTemporaryRedirect))
	t.Cleanup(moved.Close)
	s.paid("A1", shop, func(o *paygate.Order) { o.NotifyURL = moved.URL })
	if _, err := s.AwaitNotified(t.Context(), "A1"); err == nil || !strings.Contains(err.Error(), "307 is neither 200 nor 204") {
		t.Errorf("a redirect gave %v, want a failed attempt", err)
	}
	if got := shop.deliveries(); len(got) != 0 {
		t.Errorf("the redirect was followed: %+v", got)
	}
}

// stuck is a receiver that answers nothing until the sender has gone away.
func stuck(t *testing.T) (receiver *httptest.Server, arrived <-chan struct{}) {
	t.Helper()
	signal := make(chan struct{}, 100)
	receiver = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // net/http notices a sender that has gone only afterwards
		signal <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(receiver.Close)
	return receiver, signal
}

func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetNotifying(time.Millisecond)
	slow, _ := stuck(t)
	s.order("A1", func(o *paygate.Order) { o.NotifyURL = slow.URL })
	s.MustPay("A1")
	if _, err := s.AwaitNotified(t.Context(), "A1"); err == nil || !strings.Contains(err.Error(), "no answer within 1ms") {
		t.Errorf("waiting for a slow receiver gave %v", err)
	}
}

func TestUnreachableReceiver(t *testing.T) {
	t.Parallel()
	s := start(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	s.order("A1", func(o *paygate.Order) { o.NotifyURL = gone.URL })
	s.MustPay("A1")
	if _, err := s.AwaitNotified(t.Context(), "A1"); err == nil || !strings.Contains(err.Error(), "there was no answer: connecting") {
		t.Errorf("waiting for a receiver that is down gave %v", err)
	}
}

// TestOtherHosts are never contacted unless the options name them.
func TestOtherHosts(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{NotifyHosts: []string{"Shop.example", "192.0.2.7"}})
	for address, allowed := range map[string]bool{
		"http://127.0.0.1:1/n":          true,
		"http://127.9.8.7/n":            true,
		"http://[::1]:80/n":             true,
		"http://[::ffff:127.0.0.1]/n":   true,
		"https://LOCALHOST/n":           true,
		"https://shop.EXAMPLE:8443/n":   true,
		"http://192.0.2.7/n":            true,
		"http://192.0.2.8/n":            false,
		"http://www.shop.example/n":     false,
		"http://localhost.example/n":    false,
		"http://localhost./n":           false,
		"http://127.1/n":                false,
		"http://2130706433/n":           false,
		"http://0.0.0.0/n":              false,
		"http://169.254.169.254/latest": false,
		"http://user@127.0.0.1/n":       false,
		"ftp://127.0.0.1/n":             false,
		"/n":                            false,
	} {
		if err := s.AllowNotify(address); (err == nil) != allowed {
			t.Errorf("%s gave %v, want it allowed: %t", address, err, allowed)
		}
	}
	s.order("A1", func(o *paygate.Order) { o.NotifyURL = "http://elsewhere.example/n" })
	s.MustPay("A1")
	n := s.wantNotice("A1", "refused", 0)
	if !strings.Contains(n.Reason, `the host "elsewhere.example" is not this machine, and was not contacted: `+
		`to notify it, start with --notify-hosts elsewhere.example`) {
		t.Errorf("the reason is %q", n.Reason)
	}
	if _, err := s.SendNotification(n.ID); err == nil || !strings.Contains(err.Error(), "was not contacted") {
		t.Errorf("sending it again gave %v", err)
	}
	s.MustAdvance(48 * time.Hour)
	s.wantNotice("A1", "refused", 0)
}

// TestNamedHost is a receiver on another address of this machine, which the options have to name.
func TestNamedHost(t *testing.T) {
	t.Parallel()
	address := outerAddress(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Skipf("no receiver can listen on %s: %v", address, err)
	}
	shop := open(t)
	outer := &httptest.Server{Listener: listener, Config: &http.Server{Handler: shop, ReadHeaderTimeout: time.Minute}}
	outer.Start()
	t.Cleanup(outer.Close)
	named, unnamed := start(t, paygate.Options{NotifyHosts: []string{address}}), start(t)
	for _, s := range []*session{named, unnamed} {
		s.order("A1", func(o *paygate.Order) { o.NotifyURL = outer.URL })
		s.MustPay("A1")
	}
	named.MustWaitNotified("A1")
	unnamed.wantNotice("A1", "refused", 0)
}

// outerAddress is an address of this machine that is not a loopback one.
func outerAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Skipf("the addresses of this machine are not known: %v", err)
	}
	for _, address := range addresses {
		if ip, is := address.(*net.IPNet); is && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has loopback addresses only")
	return ""
}

func TestNotifyHostsAreHosts(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"http://shop.example", "shop.example:8080", "shop.example/n", ""} {
		var fake tester
		paygate.RunT(&fake, paygate.Options{NotifyHosts: []string{host}})
		fake.end()
		if !strings.Contains(fake.fatal, "Options.NotifyHosts") {
			t.Errorf("NotifyHosts %q ended the test with %q, want a refusal", host, fake.fatal)
		}
	}
	paygate.RunT(t, paygate.Options{NotifyHosts: []string{"shop.example", "10.0.0.7", "fd00::7"}})
}

// TestNotifyTLS: a certificate is checked, and believed if the options have its authority.
func TestNotifyTLS(t *testing.T) {
	t.Parallel()
	plain := open(t)
	secure := httptest.NewTLSServer(plain)
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	trusting, wary := start(t, paygate.Options{NotifyRoots: roots}), start(t)
	for _, s := range []*session{trusting, wary} {
		s.order("A1", func(o *paygate.Order) { o.NotifyURL = secure.URL })
		s.MustPay("A1")
	}
	trusting.MustWaitNotified("A1")
	if _, err := wary.AwaitNotified(t.Context(), "A1"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority gave %v, want a failed attempt", err)
	}
	if got := plain.deliveries(); len(got) != 1 {
		t.Errorf("the shop received %d, want one", len(got))
	}
}

// TestWithoutV3Key: WeChat Pay notifies only merchants that have set the key.
func TestWithoutV3Key(t *testing.T) {
	t.Parallel()
	m, err := paygate.NewMerchant("1900000001", "wx1")
	if err != nil {
		t.Fatal(err)
	}
	m.V3Key = ""
	s, shop := start(t, paygate.Options{Merchants: []*paygate.Merchant{m}}), open(t)
	s.paid("A1", shop)
	if n := s.wantNotice("A1", "refused", 0); !strings.Contains(n.Reason, "has no V3Key") {
		t.Errorf("the reason is %q", n.Reason)
	}
	s.paid("A2", shop, byV2(""))
	s.MustWaitNotified("A2")
}

func TestNotifyByCertificate(t *testing.T) {
	t.Parallel()
	s, shop := start(t, paygate.Options{Signing: paygate.Signing{NotifyByCertificate: true}}), open(t)
	s.paid("A1", shop)
	s.MustWaitNotified("A1")
	s.MustSetSigning(paygate.Signing{NotifyByCertificate: true, PublicKeyShare: 1})
	s.paid("A2", shop)
	s.MustWaitNotified("A2")
	got := shop.deliveries()
	if by := s.signedBy(got[0]); by != s.CertificateSerial() {
		t.Errorf("the first is signed by %q, want the certificate %q", by, s.CertificateSerial())
	}
	if by := s.signedBy(got[1]); by != s.PublicKeyID() {
		t.Errorf("the second is signed by %q, want the public key, as the share says", by)
	}
}

// TestProbes: a share of the attempts are probes, and the next attempt is none.
func TestProbes(t *testing.T) {
	t.Parallel()
	s, shop := start(t, paygate.Options{Signing: paygate.Signing{ProbeShare: 1}}), open(t, 200)
	s.paid("A1", shop)
	if _, err := s.AwaitNotified(t.Context(), "A1"); err == nil || !strings.Contains(err.Error(), "acknowledged a probe") {
		t.Errorf("a shop that acknowledges everything gave %v, want to be told", err)
	}
	s.MustAdvance(15 * time.Second)
	s.wantNotice("A1", "acknowledged", 2)
	got := shop.deliveries()
	if first, second := s.signedBy(got[0]), s.signedBy(got[1]); first != "not base64" || second != s.PublicKeyID() {
		t.Errorf("the attempts are signed by %q and %q, want a probe and the public key", first, second)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t, 500, 500, 200)
	s.paid("A1", shop)
	first, _ := s.AwaitNotified(t.Context(), "A1")
	again, err := s.SendNotification(first.ID)
	if err != nil || again.State != "pending" || len(again.Attempts) != 2 || !again.Attempts[1].Replay || !again.Due.Equal(first.Due) {
		t.Errorf("a replay that fails gave %+v (%v), want the schedule as it was", again, err)
	}
	again, err = s.SendNotification(first.ID)
	if err != nil || again.State != "acknowledged" || len(again.Attempts) != 3 {
		t.Errorf("a replay that is acknowledged gave %+v (%v)", again, err)
	}
	s.MustAdvance(24 * time.Hour)
	again, err = s.SendNotification(first.ID)
	if err != nil || again.State != "acknowledged" || len(again.Attempts) != 4 || len(shop.deliveries()) != 4 {
		t.Errorf("another replay gave %+v (%v), want one more attempt", again, err)
	}
	for _, d := range shop.deliveries() {
		if read, _ := s.openV3(d); read.ID != first.ID {
			t.Errorf("the id is %s, want %s each time", read.ID, first.ID)
		}
	}
	if _, err := s.SendNotification("EV-1"); err == nil || !strings.Contains(err.Error(), "no notification EV-1") {
		t.Errorf("an unknown id gave %v", err)
	}
}

// TestManyAtOnceAreNotified: payments from many goroutines, each notified once.
func TestManyAtOnceAreNotified(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t)
	const many = 60
	var paying sync.WaitGroup
	for i := range many {
		no := "A" + strconv.Itoa(i)
		s.order(no, func(o *paygate.Order) { o.NotifyURL = shop.URL })
		paying.Go(func() {
			if err := s.Pay(no); err != nil {
				t.Error(err)
			}
		})
	}
	paying.Wait()
	for i := range many {
		s.MustWaitNotified("A" + strconv.Itoa(i))
	}
	if got := len(shop.deliveries()); got != many {
		t.Errorf("the shop received %d, want %d", got, many)
	}
}

// TestCloseEndsDeliveries: a receiver that never answers does not keep the gateway open, and its
// notification stays pending.
func TestCloseEndsDeliveries(t *testing.T) {
	t.Parallel()
	s := start(t)
	receiver, arrived := stuck(t)
	s.order("A1", func(o *paygate.Order) { o.NotifyURL = receiver.URL })
	s.MustPay("A1")
	<-arrived
	waiting := make(chan error, 1)
	go func() {
		_, err := s.AwaitNotified(t.Context(), "A1")
		waiting <- err
	}()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s.wantNotice("A1", "pending", 0)
	if err := <-waiting; err == nil || !strings.Contains(err.Error(), "the gateway was closed") {
		t.Errorf("who waits got %v", err)
	}
	if _, err := s.SendNotification(s.Notifications()[0].ID); err == nil {
		t.Error("a closed gateway sends a notification again")
	}
	if err := s.Advance(time.Hour); err != nil {
		t.Errorf("Advance after Close gave %v", err)
	}
	s.wantNotice("A1", "pending", 0)
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := start(t)
	receiver, arrived := stuck(t)
	s.order("A1", func(o *paygate.Order) { o.NotifyURL = receiver.URL })
	s.MustPay("A1")
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.AwaitNotified(ctx, "A1"); !errors.Is(err, context.Canceled) {
		t.Errorf("AwaitNotified gave %v, want its context's error", err)
	}
	_ = s.Close() // always nil; the receiver is waiting for it
}

// TestOldNotificationsGo: those that are pending stay.
func TestOldNotificationsGo(t *testing.T) {
	t.Parallel()
	s, shop := start(t), open(t, 500)
	const most = 50
	s.KeepNotifications(most)
	s.order("A1", func(o *paygate.Order) { o.NotifyURL = "http://elsewhere.example/n" })
	s.MustPay("A1")
	s.paid("A2", shop)
	_, _ = s.AwaitNotified(t.Context(), "A2")
	s.order("A3", inState(paygate.StateSuccess))
	for i := range 4 * most {
		s.NoteRefund("A3", paygate.Refund{OutRefundNo: strconv.Itoa(i), NotifyURL: "http://elsewhere.example/n", Status: "SUCCESS"})
	}
	got := s.Notifications()
	if n := len(got); n < most || n > most*12/10 {
		t.Errorf("%d notifications are kept, want about %d", n, most)
	}
	if got[0].OutTradeNo != "A2" || got[len(got)-1].OutRefundNo != strconv.Itoa(4*most-1) {
		t.Errorf("the oldest is %+v, want the pending one of A2; the newest is %+v", got[0], got[len(got)-1])
	}
}
