package closing_test

import (
	"context"
	"errors"
	"strings"
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

// However often its own user closes an order in vain, the order is due no later than before, and no attempt is used up.
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
		closer, store, _ := keeper(t, says(verdict.Refused, errcode.NoAuth))
		store.AddGivenUp(t, "A1")
		closeA1(withLimit(t, 3*time.Second), closer)
		store.WantAt(t, "A1", schedule.Waiting, "")
		if due := time.Until(store.At("A1").DueAt); due < 0 || due > time.Minute {
			t.Errorf("it is due in %v, want within a minute", due)
		}
	})
}

// Registering an order again that nobody would close is not answered as if somebody would.
func TestSchedulingAgain(t *testing.T) {
	t.Parallel()
	again := order.Params{OutTradeNo: "A1", CloseAt: "0"}
	t.Run("ended", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			closer, store, gateway := keeper(t, states(tradestate.Closed))
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
			closer, store, gateway := keeper(t)
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
				closer, store, _ := keeper(t)
				store.AddGivenUp(t, "A1")
				store.Break(op)
				if got := closer.Close(withLimit(t, 3*time.Second), again); got.ErrCode != errcode.StoreError {
					t.Errorf("got %+v, want a fault of the store's", got)
				}
			})
		})
	}
}

// A row is the order it was registered as: another default since makes it no other order.
func TestSweepClosesNoOtherOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay)
		w.sweeper.Merchant.Partner = true
		w.sweeper.Merchant.SubMchID = "1900000109"
		report := w.sweep(30 * time.Second)
		w.town.wantAsked("A1", "")
		kept := w.store.At("A1")
		if report.Retried != 1 || kept.Progress != schedule.Waiting || !strings.Contains(kept.LastError, "1900000109") {
			t.Errorf("got %+v of %+v, want it put off with a reason", report, kept)
		}
	})
}

// Paid, nobody knows how much: it is not written down as if the amount were right, neither by a sweep nor by a call.
func TestPaidWithoutFacts(t *testing.T) {
	t.Parallel()
	fee := int64(100)
	for name, direct := range map[string]bool{"swept": false, "called": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.order("A1", tradestate.Success, func(e *schedule.Entry) { e.Total = &fee })
				w.town.odd = func(_ context.Context, op, _ string) (order.Answer, bool) {
					return order.Answer{Verdict: verdict.Doubted, Code: errcode.NetworkError}, op == "query"
				}
				if direct {
					got := closeA1(withLimit(t, 3*time.Second), &closing.Closer{Gateway: w.town, Merchant: shop, Store: w.store})
					if got.Outcome != order.OutcomePaid {
						t.Errorf("got %+v, want it paid", got)
					}
				} else {
					w.sweeper.CloseFirst = true
					w.sweep(30 * time.Second)
				}
				w.store.WantAt(t, "A1", schedule.Closing, "")
				w.town.odd = func(_ context.Context, op, no string) (order.Answer, bool) {
					a := answer(verdict.Stated, "")
					paid := fee + 1
					a.Facts = &order.Facts{TradeState: tradestate.Success, OutTradeNo: no, TotalFee: &paid}
					return a, op == "query"
				}
				passes(2 * time.Minute)
				w.sweep(30 * time.Second)
				if got := w.store.EventKinds("A1"); len(got) != 1 || got[0] != schedule.EventPaidOtherAmount {
					t.Errorf("told %v, want that another amount was paid", got)
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
		closer, store, _ := keeper(t, says(verdict.SaysPaid, errcode.OrderPaid), says(verdict.Refused, errcode.NoAuth))
		store.Add(t, "A1", func(e *schedule.Entry) { e.Total = &fee })
		if _, err := store.Begin(t.Context(), schedule.Entry{Ref: ref("A1")}, time.Minute); err != nil {
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

// What a panic's value is may be a secret, and the log does not have it.
func TestLogHasNoPanicValue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, value := range []any{"a-secret-key", errors.New("a-secret-key")} {
			w := newWorld(t)
			w.order("A1", tradestate.NotPay)
			w.town.odd = func(context.Context, string, string) (order.Answer, bool) { panic(value) }
			w.sweep(30 * time.Second)
			if got := w.log.String(); strings.Contains(got, "a-secret-key") || !strings.Contains(got, "panic") {
				t.Errorf("the log has %q, want a panic without its value", got)
			}
		}
	})
}

// keptLine is a teller that keeps connections.
type keptLine struct {
	ear

	closed int
}

func (k *keptLine) CloseIdleConnections() { k.closed++ }

// Connections that a frozen instance kept are not used by its next sweep.
func TestTellingBeginsOnNewConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		line := &keptLine{ear: ear{fails: func(schedule.Event) error { return nil }}}
		w.sweeper.Notifier = line
		for want := range 3 {
			if line.closed != want {
				t.Errorf("connections were closed %d times before sweep %d", line.closed, want)
			}
			w.sweep(30 * time.Second)
		}
	})
}
