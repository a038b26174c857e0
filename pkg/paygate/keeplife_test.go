package paygate_test

import (
	"net/http"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// liveOnTheWire plays the whole life of orders by the protocols: they are placed, paid, notified,
// refunded, reversed and closed. The shop has not acknowledged everything afterwards.
func (s *session) liveOnTheWire(at *shop) {
	s.t.Helper()
	notify := at.URL + "/notify"
	for _, no := range []string{"WIRE-PAID", "WIRE-OPEN", "WIRE-CLOSED"} {
		s.place("jsapi", s.placing("jsapi", no).with("notify_url", notify).with("time_expire", "2026-03-02T12:00:00+08:00")).want(200)
	}
	s.place("native", s.placing("native", "WIRE-NATIVE")).want(200)
	s.place("codepay", s.placing("codepay", "WIRE-TYPING").with("amount.total", 200_000)).want(202)
	s.place("codepay", s.placing("codepay", "WIRE-CODE")).want(200)
	s.place("jsapi", s.combining("jsapi", "WIRE-COMBINED").with("notify_url", notify)).want(200)
	s.v2(s.placeV2("V2-PAID", "JSAPI")).want(pair{"result_code", "SUCCESS"})
	s.order("ADDED-V2", byV2("HMAC-SHA256"), func(o *paygate.Order) { o.NotifyURL = notify })

	s.MustPay("WIRE-PAID") // the shop answers 500, as to the next
	s.wantTried("WIRE-PAID")
	s.MustPay("ADDED-V2")
	s.wantTried("ADDED-V2")
	s.MustPay("WIRE-COMBINED")
	s.wantTried("WIRE-COMBINED")
	s.v3(s.closeV3("WIRE-CLOSED")).want(204)
	s.MustPay("V2-PAID")
	s.v2(s.refundV2("V2-PAID", "RV2", "30")).want(pair{"result_code", "SUCCESS"})
	s.MustAdvance(10 * time.Second)                                             // RV2 is SUCCESS
	s.v3(s.refundV3("WIRE-PAID", "RV3", 60)).want(200)                          // and this one PROCESSING
	s.v3(s.refundV3("WIRE-PAID", "RV3-2", 60)).wantCode(400, "INVALID_REQUEST") // too much
}

// wantTried waits until the first attempt of an order's notification has failed, or was
// acknowledged.
func (s *session) wantTried(no string) {
	s.t.Helper()
	n, _ := s.AwaitNotified(s.t.Context(), no)
	if len(n.Attempts) == 0 {
		s.t.Fatalf("the notification of %s was not tried: %+v", no, n)
	}
}

// TestWholeLifeLasts: what the wire did lasts too, and goes on: a notification is repeated, a
// refund ends, a number is placed again.
func TestWholeLifeLasts(t *testing.T) {
	t.Parallel()
	at := open(t, 500, 500, 204)
	opts := kept(t)
	s := start(t, opts)
	s.live()
	s.liveOnTheWire(at)
	before := s.state()
	prepaid := s.MustOrder("WIRE-OPEN").PrepayID

	s = s.again(opts)
	wantState(t, s.state(), before)
	tried := len(at.deliveries())
	if tried != 3 {
		t.Errorf("the shop got %d notifications so far, want 3", tried)
	}
	s.place("jsapi", s.placing("jsapi", "WIRE-OPEN").with("notify_url", at.URL+"/notify").with("time_expire", "2026-03-02T12:00:00+08:00")).want(200)
	if again := s.MustOrder("WIRE-OPEN").PrepayID; again == prepaid {
		t.Errorf("the order has the prepay_id %s still", again)
	}
	s.place("jsapi", s.placing("jsapi", "WIRE-OPEN")).wantCode(400, "INVALID_REQUEST") // with another time_expire
	s.v3(v3Request{
		method: http.MethodGet, uri: "/v3/refund/domestic/refunds/RV3",
	}).want(200).wantJSON(map[string]any{"status": "PROCESSING"})
	s.MustAdvance(15 * time.Second)
	for _, no := range []string{"WIRE-PAID", "ADDED-V2", "WIRE-COMBINED"} {
		if n, err := s.AwaitNotified(t.Context(), no); err != nil {
			t.Errorf("the notification of %s is %s: %v", no, n.State, err)
		}
	}
	if got := len(at.deliveries()); got != tried+2 {
		t.Errorf("the shop got %d notifications, want two more than %d", got, tried)
	}
	s.v3(v3Request{
		method: http.MethodGet, uri: "/v3/refund/domestic/refunds/RV3",
	}).want(200).wantJSON(map[string]any{"status": "SUCCESS"})

	// And so does an import.
	text := s.state()
	other := start(t, paygate.Options{Now: wireTime, Merchants: []*paygate.Merchant{s.Merchant}})
	other.admin("POST", "/state", text).wantStatus(200)
	wantState(t, other.state(), text)
}
