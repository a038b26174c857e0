package sweep_test

import (
	"context"
	"fmt"
	"slices"
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

const (
	own     = order.RouteOwn
	link    = order.RouteLink
	foreign = order.RouteForeign
)

// TestSweepOverUsedConnections: a sweep asks first, closes, and has a query prove the end by name.
func TestSweepOverUsedConnections(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		route    order.Route
		state    tradestate.State
		asked    string
		progress schedule.Progress
		ending   schedule.FinalState
	}{
		{own, tradestate.NotPay, "query close query", schedule.Done, schedule.FinalClosed},
		{link, tradestate.NotPay, "query close query", schedule.Done, schedule.FinalClosed},
		{foreign, tradestate.NotPay, "query close query", schedule.Done, schedule.FinalClosed},
		{foreign, tradestate.Success, "query", schedule.Done, schedule.FinalPaid},
		{own, "", "query query", schedule.Done, schedule.FinalNotFound},
		{link, "", "query query", schedule.Done, schedule.FinalNotFound},
		{foreign, "", "query query", schedule.Waiting, ""},
	} {
		t.Run(fmt.Sprintf("%s, %s", tc.route, tc.state), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.sweeper.Gateway = &closingtest.Routed{Gateway: w.gateway, Route: tc.route}
				w.order("A1", tc.state)
				passes(11 * time.Minute) // "no such order" is no end of a registration that is newer
				w.sweep(time.Minute)
				w.gateway.wantAsked("A1", tc.asked)
				w.store.WantAt(t, "A1", tc.progress, tc.ending)
			})
		})
	}
}

// TestForeignRouteGivesUpWhatIsMissing: what nothing can confirm ends nothing, and is given up
// after its time without an event.
func TestForeignRouteGivesUpWhatIsMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.sweeper.Gateway, w.sweeper.MaxAttempts = &closingtest.Routed{Gateway: w.gateway, Route: foreign}, 3
		w.order("A1", "")
		for range 3 {
			passes(time.Hour)
			w.sweep(time.Minute)
		}
		kept := w.store.At("A1")
		if kept.Progress != schedule.GaveUp || !strings.Contains(kept.LastError, "WXPAY_ROUTE") {
			t.Errorf("got %s because of %q, want it given up with the remedy", kept.Progress, kept.LastError)
		}
		if told := w.store.EventKinds("A1"); slices.Contains(told, outbox.EventNotFound) {
			t.Errorf("told %v, want nothing of its not being found", told)
		}
	})
}

// A query that cannot be read, as with a control character in attach, keeps no sweep from closing.
// What cannot be confirmed after that is unknown.
func TestSweepClosesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for _, code := range []string{errcode.MalformedReply, errcode.BadSignature} {
		for _, route := range []order.Route{own, foreign} {
			t.Run(fmt.Sprintf("%s, %s", code, route), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					w.gateway.odd = func(_ context.Context, op, _ string) (order.Answer, bool) {
						return order.Answer{Verdict: verdict.Doubted, Code: code, Proof: order.ProofNone, HTTPStatus: 200}, op == "query"
					}
					w.sweeper.Gateway = &closingtest.Routed{Gateway: w.gateway, Route: route}
					w.order("A1", tradestate.NotPay)
					w.sweep(time.Minute)
					if w.gateway.state("A1") != tradestate.Closed {
						t.Errorf("the order is %s, want it closed", w.gateway.state("A1"))
					}
					if asked := strings.Join(w.gateway.asked["A1"], " "); !strings.HasPrefix(asked, "query query close") {
						t.Errorf("asked %s, want a close after the second reply that cannot be read", asked)
					}
					if route == own { // the close had a connection of its own
						w.store.WantAt(t, "A1", schedule.Done, schedule.FinalClosed)
						return
					}
					w.store.WantAt(t, "A1", schedule.Closing, "")
				})
			})
		}
	}
}

// A lost packet is no unreadable reply, and a sweep goes on asking.
func TestSweepAsksOnAfterALostReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.gateway.odd = func(_ context.Context, op, _ string) (order.Answer, bool) {
			return order.Answer{Verdict: verdict.Doubted, Code: errcode.NetworkError}, op == "query"
		}
		w.order("A1", tradestate.NotPay)
		w.sweep(time.Minute)
		if w.gateway.state("A1") != tradestate.NotPay {
			t.Error("it was closed unseen")
		}
	})
}
