package sweep_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// TestDeliverNow: events are delivered without an order being asked about; one that is not
// acknowledged in time stays due.
func TestDeliverNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.sweeper.Deliver(withLimit(t, time.Second)) // without a receiver there is nothing to do
		w.order("due", "NOTPAY")
		hangs := true
		n := &ear{answer: func(ctx context.Context, _ outbox.Event) error {
			if hangs {
				return takes(ctx, time.Hour)
			}
			return nil
		}}
		w.sweeper.Notifier = n
		if _, err := w.store.ObservePayments(t.Context(), []schedule.Payment{{Ref: ref("A1"), TransactionID: "T1"}}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		w.sweeper.Deliver(withLimit(t, 4*time.Second))
		if took := time.Since(start); n.tries != 1 || len(n.heard) != 0 || took > 4*time.Second {
			t.Errorf("a receiver that hangs: %d tries in %s, want one within 4 s", n.tries, took)
		}
		hangs = false
		passes(time.Hour)
		w.sweeper.Deliver(withLimit(t, 4*time.Second))
		w.sweeper.Deliver(withLimit(t, 4*time.Second))
		if n.tries != 2 || len(n.heard) != 1 {
			t.Errorf("got %d tries and %d heard, want 2 and 1", n.tries, len(n.heard))
		}
		w.gateway.wantAsked("due", "")
		w.store.WantAt(t, "due", schedule.Waiting, "")
	})
}
