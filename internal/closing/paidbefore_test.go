package closing_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// TestRegisteredAfterItsPayment registers and closes orders whose payment was notified before. Each
// is queried and never closed, and the answer is that it was paid.
func TestRegisteredAfterItsPayment(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		params order.Params
		want   []outbox.EventKind
		owner  order.Owner
	}{
		"registered": {
			order.Params{OutTradeNo: "A1", CloseAt: "3600", Owner: "tcb:u1", Total: new(int64(100))},
			[]outbox.EventKind{outbox.EventPaidUnregistered, outbox.EventPaid}, "tcb:u1",
		},
		"closed at once": {order.Params{OutTradeNo: "A1"}, []outbox.EventKind{outbox.EventPaidUnregistered}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				closer, store, gateway := closerWithStore(t, states(tradestate.Success))
				payment := schedule.Payment{Ref: ref("A1"), TransactionID: "T1", Total: new(int64(100))}
				if _, err := store.ObservePayments(t.Context(), []schedule.Payment{payment}); err != nil {
					t.Fatal(err)
				}
				got := closer.Close(withLimit(t, 3*time.Second), test.params)
				wantResult(t, got, order.OutcomePaid, "SUCCESS", "FAIL", "ORDERPAID")
				gateway.wantAsked("query")
				if kinds := store.EventKinds("A1"); !slices.Equal(kinds, test.want) {
					t.Errorf("got the events %v, want %v", kinds, test.want)
				}
				if r := store.At("A1"); r.FinalState != schedule.FinalPaid || r.Owner != test.owner || r.TransactionID != "T1" {
					t.Errorf("got %+v, want the payment to stand", r)
				}
			})
		})
	}
}
