package closing_test

import (
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/schedule"
)

// However often its own user closes an order in vain, the order is due no later than before, and no
// attempt is used up.
func TestDirectClosesPostponeNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		in    time.Duration // due
		reply reply
	}{
		{"refused", 0, says(verdict.Refused, errcode.NoAuth)},
		{"refused before its time", time.Hour, says(verdict.Refused, errcode.NoAuth)},
		{"too often", 0, limits(time.Hour)},
		{"no such order", time.Second, says(verdict.SaysMissing, errcode.OrderNotExist)},
		{"in doubt", 0, doubts(errcode.Timeout)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				store.Add(t, "A1", func(e *schedule.Entry) { e.CloseIn = tc.in })
				before := store.At("A1").DueAt
				for range 15 {
					closer := &closing.Closer{Gateway: forever(t, tc.reply), Merchant: shop, Store: store}
					closeA1(withLimit(t, 3*time.Second), closer)
					latest := before
					if now := time.Now(); now.After(latest) {
						latest = now
					}
					if got := store.At("A1"); got.DueAt.After(latest) || got.Attempts != 0 {
						t.Fatalf("due %v later than before, after %d attempts", got.DueAt.Sub(before), got.Attempts)
					}
					passes(20 * time.Second)
				}
			})
		})
	}
}

// An order that was given up is taken up by a direct close, and is swept again a minute later.
func TestDirectCloseOfAnOrderThatWasGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closer, store, _ := closerWithStore(t, says(verdict.Refused, errcode.NoAuth))
		store.AddGivenUp(t, "A1")
		closeA1(withLimit(t, 3*time.Second), closer)
		store.WantAt(t, "A1", schedule.Waiting, "")
		if due := time.Until(store.At("A1").DueAt); due < 0 || due > time.Minute {
			t.Errorf("it is due in %v, want within a minute", due)
		}
	})
}

// Registering an order again that no sweep would close is not answered as if one would.
func TestSchedulingAgain(t *testing.T) {
	t.Parallel()
	again := order.Params{OutTradeNo: "A1", CloseAt: "0"}
	t.Run("ended", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			closer, store, gateway := closerWithStore(t, states(tradestate.Closed))
			store.Add(t, "A1")
			if err := store.Observe(t.Context(), ref("A1"), schedule.Final{State: schedule.FinalClosed}); err != nil {
				t.Fatal(err)
			}
			got := closer.Close(withLimit(t, 3*time.Second), again)
			gateway.wantAsked("query")
			if got.Outcome != order.OutcomeAlreadyClosed {
				t.Errorf("got %+v, want it closed already", got)
			}
			wantRecorded(t, got, "true")
		})
	})
	t.Run("given up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			closer, store, gateway := closerWithStore(t)
			store.AddGivenUp(t, "A1")
			got := closer.Close(withLimit(t, 3*time.Second), again)
			gateway.wantAsked("")
			if kept := store.At("A1"); got.Outcome != order.OutcomeScheduled || kept.DueAt.IsZero() || kept.Attempts != 0 {
				t.Errorf("got %+v of %+v, want it reopened", got, kept)
			}
		})
	})
	for _, op := range []string{"show", "reopen"} {
		t.Run("given up, no "+op, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				closer, store, _ := closerWithStore(t)
				store.AddGivenUp(t, "A1")
				store.Break(op)
				if got := closer.Close(withLimit(t, 3*time.Second), again); got.ErrCode != errcode.StoreError {
					t.Errorf("got %+v, want a fault of the store's", got)
				}
			})
		})
	}
}

// Nor is it by a call that another's lease leaves no say, and the caller learns so.
func TestPaidWithoutFactsOfABusyOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fee := int64(100)
		closer, store, _ := closerWithStore(t, says(verdict.SaysPaid, "ORDERPAID"), says(verdict.Refused, errcode.NoAuth))
		store.Add(t, "A1", func(e *schedule.Entry) { e.Total = &fee })
		if _, err := store.Begin(t.Context(), schedule.Record{Entry: schedule.Entry{Ref: ref("A1")}}, time.Minute); err != nil {
			t.Fatal(err)
		}
		got := closeA1(withLimit(t, 3*time.Second), closer)
		if got.Outcome != order.OutcomePaid {
			t.Errorf("got %+v, want it paid", got)
		}
		wantRecorded(t, got, "false")
		store.WantAt(t, "A1", schedule.Closing, "")
	})
}
