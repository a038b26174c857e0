//go:build sqlite

package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/paygate"
)

// The emulated WeChat Pay pays an order and notifies: the register has it paid, the shop is told in
// the same call without a timer, and a repetition changes nothing.
func TestRegisteredOrdersAreNotified(t *testing.T) {
	t.Parallel()
	const key = "notify-key-of-paynotify-tests"
	telemetrytest.Secret(t, telemetrytest.Token, key)
	for _, partner := range []bool{false, true} {
		t.Run(fmt.Sprintf("partner %t", partner), func(t *testing.T) {
			t.Parallel()
			k := newRegisterEnv(t, mode{order.V3, partner})
			told := make(chan string, 8)
			shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				told <- string(body)
				w.WriteHeader(http.StatusNoContent)
			}))
			t.Cleanup(shop.Close)
			k.vars["CLOUDPAY_NOTIFY_URL"], k.vars["CLOUDPAY_NOTIFY_KEY"] = shop.URL, key
			k.MustAddOrder(paygate.Order{
				OutTradeNo: "A1", SubMchID: k.vars["WXPAY_SUB_MCHID"], Total: 100, OpenID: openID, NotifyURL: k.notifyURL(),
			})
			k.wantOutcome(k.asService("closeorder", `{"out_trade_no":"A1",`+mine+`}`), order.OutcomeScheduled, "")
			k.MustPay("A1", k.owner())
			n, err := k.AwaitNotified(t.Context(), "A1", k.owner())
			if err != nil {
				t.Fatalf("%v; the log: %s", err, k.logs.String())
			}
			k.wantRecord("A1", schedule.Done, schedule.FinalPaid)
			k.wantEvents(map[string]outbox.EventKind{"A1": outbox.EventPaid})
			if len(told) != 1 || !strings.Contains(<-told, `"A1"`) {
				t.Error("the shop was not told in the call of the notification")
			}
			if _, err := k.SendNotification(n.ID); err != nil {
				t.Fatal(err)
			}
			k.wantEvents(map[string]outbox.EventKind{"A1": outbox.EventPaid})
			if len(told) != 0 {
				t.Error("a repeated notification was told again")
			}
		})
	}
}

// TestPaymentsByOtherAppIDs: what WXPAY_APPIDS does not list is not recorded, and not acknowledged.
func TestPaymentsByOtherAppIDs(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	k.vars["WXPAY_APPIDS"] = "wx1111111111111111"
	k.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100, OpenID: openID, NotifyURL: k.notifyURL()})
	k.wantOutcome(k.asService("closeorder", `{"out_trade_no":"A1",`+mine+`}`), order.OutcomeScheduled, "")
	k.MustPay("A1")
	if n, err := k.AwaitNotified(t.Context(), "A1"); err == nil || n.Attempts[0].HTTPStatus != http.StatusServiceUnavailable {
		t.Errorf("got %+v and error %v, want it to come again", n, err)
	}
	k.wantRecord("A1", schedule.Waiting, "")
	if log := k.logs.String(); !strings.Contains(log, "WXPAY_APPIDS") {
		t.Errorf("the log does not name the setting: %s", log)
	}
}
