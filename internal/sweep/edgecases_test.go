package sweep_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/closing/closingtest"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// A row is the order it was registered as: another default since makes it no other order.
func TestSweepClosesNoOtherOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay)
		w.sweeper.Merchant.Partner = true
		w.sweeper.Merchant.SubMchID = "1900000109"
		report := w.sweep(30 * time.Second)
		w.gateway.wantAsked("A1", "")
		kept := w.store.At("A1")
		if report.Retried != 1 || kept.Progress != schedule.Waiting || !strings.Contains(kept.LastError, "1900000109") {
			t.Errorf("got %+v of %+v, want it put off with a reason", report, kept)
		}
	})
}

// Paid, and not known how much: it is not recorded as if the amount were right, neither by a
// sweep nor by a call.
func TestPaidWithoutFacts(t *testing.T) {
	t.Parallel()
	fee := int64(100)
	for name, direct := range map[string]bool{"swept": false, "called": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.order("A1", tradestate.Success, func(e *schedule.Entry) { e.Total = &fee })
				w.gateway.odd = func(_ context.Context, op, _ string) (order.Answer, bool) {
					return order.Answer{Verdict: verdict.Doubted, Code: errcode.NetworkError}, op == "query"
				}
				if direct {
					if got := w.closeDirectly(); got.Outcome != order.OutcomePaid {
						t.Errorf("got %+v, want it paid", got)
					}
				} else {
					w.sweeper.CloseFirst = true
					w.sweep(30 * time.Second)
				}
				w.store.WantAt(t, "A1", schedule.Closing, "")
				w.gateway.odd = func(_ context.Context, op, no string) (order.Answer, bool) {
					a := closingtest.Answer(verdict.Stated, "")
					paid := fee + 1
					a.Facts = &order.Facts{TradeState: tradestate.Success, OutTradeNo: no, TotalFee: &paid}
					return a, op == "query"
				}
				passes(2 * time.Minute)
				w.sweep(30 * time.Second)
				if got := w.store.EventKinds("A1"); len(got) != 1 || got[0] != outbox.EventPaidOtherAmount {
					t.Errorf("told %v, want that another amount was paid", got)
				}
			})
		})
	}
}

// What a panic's value is may be a secret, and the log does not have it.
func TestLogHasNoPanicValue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, value := range []any{"a-secret-key", errors.New("a-secret-key")} {
			w := newWorld(t)
			w.order("A1", tradestate.NotPay)
			w.gateway.odd = func(context.Context, string, string) (order.Answer, bool) { panic(value) }
			w.sweep(30 * time.Second)
			if got := w.log.String(); strings.Contains(got, "a-secret-key") || !strings.Contains(got, "panic") {
				t.Errorf("the log has %q, want a panic without its value", got)
			}
		}
	})
}

// pooledNotifier is a notifier that keeps connections.
type pooledNotifier struct {
	fakeNotifier

	closed int
}

func (k *pooledNotifier) CloseIdleConnections() { k.closed++ }

// Connections that a frozen instance kept are not used by its next sweep.
func TestDeliveryBeginsOnNewConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		line := &pooledNotifier{fakeNotifier: fakeNotifier{fails: func(outbox.Event) error { return nil }}}
		w.sweeper.Notifier = line
		for want := range 3 {
			if line.closed != want {
				t.Errorf("connections were closed %d times before sweep %d", line.closed, want)
			}
			w.sweep(30 * time.Second)
		}
	})
}

// An end that cannot be written is told all the same, and the sweep finds it out again.
func TestEndThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay)
		w.store.Break("finish")
		got := w.closeDirectly()
		if got.Outcome != order.OutcomeClosed || got.ReturnCode != "SUCCESS" || got.ResultCode != "SUCCESS" || got.ErrCode != "" ||
			got.Recorded == nil || *got.Recorded {
			t.Errorf("got %+v, want it closed and not recorded", got)
		}
		w.store.WantAt(t, "A1", schedule.Closing, "")
		w.store.Mend()
		passes(2 * time.Minute)
		w.sweep(30 * time.Second)
		w.wantEnded()
	})
}
