package paygate_test

import (
	"slices"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// TestLifeOfAnOrder is a merchant's day over the wire: placed, paid on the page, notified, queried,
// refunded; or closed.
func TestLifeOfAnOrder(t *testing.T) {
	t.Parallel()
	s, receiver := running(t), open(t)
	for kind, place := range map[string]func(kind, no string) members{
		"native": s.placing, "h5": s.combining,
	} {
		no := "LIFE-" + kind
		address := s.addressOf(kind, place(kind, no).with("notify_url", receiver.URL+"/"+no))
		s.page(address, "do=pay")
		got := s.MustWaitNotified(no)
		if got.Kind != "payment" || got.State != "acknowledged" || got.URL != receiver.URL+"/"+no ||
			!strings.Contains(got.Content, `"trade_state":"SUCCESS"`) || !strings.Contains(got.Content, no) {
			t.Errorf("%s: the notification is %+v", no, got)
		}
	}
	s.v3(v3Request{method: "POST", uri: "/v3/refund/domestic/refunds", body: `{"out_trade_no":"LIFE-native","out_refund_no":"R1",` +
		`"reason":"x","notify_url":"` + receiver.URL + `/refund","amount":{"refund":100,"total":100,"currency":"CNY"}}`}).want(200)
	s.v3(s.queryV3("LIFE-native")).want(200).wantJSON(map[string]any{"trade_state": "REFUND"})
	s.place("codepay", s.placing("codepay", "LIFE-code")).want(200)
	s.place("native", s.placing("native", "LIFE-closed").with("notify_url", receiver.URL+"/closed")).want(200)
	s.v3(s.closeV3("LIFE-closed")).want(204)
	for _, n := range s.Notifications() {
		if !slices.Contains([]string{"LIFE-native", "LIFE-h5"}, n.OutTradeNo) {
			t.Errorf("there is a notification of %s", n.OutTradeNo)
		}
	}
	s.WantState("LIFE-closed", paygate.StateClosed)
}
