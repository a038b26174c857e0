package closing_test

import (
	"context"
	"slices"
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
	"cloudpay/internal/schedule/pruning"
	"cloudpay/internal/store/fakestore"
)

// withdraw withdraws A1.
func withdraw(t *testing.T, store *fakestore.Store) {
	t.Helper()
	if _, err := store.Change(t.Context(), ref("A1"), schedule.Change{Withdraw: true, By: "shop"}); err != nil {
		t.Fatal(err)
	}
}

// wantHistory wants the lines of A1's history about its progress.
func wantHistory(t *testing.T, store *fakestore.Store, want ...string) {
	t.Helper()
	changes, err := store.Changes(t.Context(), ref("A1"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, c.By+": "+c.Was+", "+c.Became)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got the history %q, want %q", got, want)
	}
}

// TestWithdrawalStands registers a withdrawn order again, soon and long after its close_at. Nothing
// but a call that asks for it undoes the withdrawal.
func TestWithdrawalStands(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		later   time.Duration
		change  func(*order.Params)
		outcome order.Outcome
		code    string
		says    string
	}{
		{"the same facts", time.Minute, func(*order.Params) {}, order.OutcomeWithdrawn, "WITHDRAWN", `"again": true`},
		{"the same facts, long after", 48 * time.Hour, func(*order.Params) {}, order.OutcomeWithdrawn, "WITHDRAWN", `"again": true`},
		{"meant to be overdue", 48 * time.Hour, func(p *order.Params) { p.Overdue = true }, order.OutcomeWithdrawn, "WITHDRAWN", "withdrawn"},
		{"other facts", time.Minute, func(p *order.Params) { p.CloseAt = "600" }, order.OutcomeWithdrawn, "WITHDRAWN", "--again"},
		{"anew", time.Minute, func(p *order.Params) { p.Again = true }, order.OutcomeScheduled, "", ""},
		{"anew, with other facts", time.Minute, func(p *order.Params) { p.Again, p.CloseAt = true, "600" }, order.OutcomeScheduled, "", ""},
		{"anew, long after", 48 * time.Hour, func(p *order.Params) { p.Again = true }, order.OutcomeRefused, errcode.ParamError, "24 hours"},
		{
			"anew, long after, as meant", 48 * time.Hour, func(p *order.Params) { p.Again, p.Overdue, p.ChangedBy = true, true, "lisi" },
			order.OutcomeScheduled, "", "due at once",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				closer, store, gateway := closerWithStore(t)
				p := order.Params{OutTradeNo: "A1", CloseAt: time.Now().Add(time.Hour).Format(time.RFC3339)}
				closer.Close(t.Context(), p)
				withdraw(t, store)
				passes(tc.later)
				tc.change(&p)
				got := closer.Close(withLimit(t, 3*time.Second), p)
				gateway.wantAsked("")
				if got.Outcome != tc.outcome || got.ErrCode != tc.code || !strings.Contains(got.ReturnMsg+got.ErrCodeDes+got.ResultMsg, tc.says) {
					t.Errorf("got %+v, want %s %s with %q", got, tc.outcome, tc.code, tc.says)
				}
				if success := got.ResultCode == "SUCCESS"; success != (tc.outcome == order.OutcomeScheduled) {
					t.Errorf("got resultCode %s for %s", got.ResultCode, got.Outcome)
				}
				if tc.outcome != order.OutcomeScheduled {
					store.WantAt(t, "A1", schedule.Withdrawn, "")
					wantHistory(t, store, "shop: waiting, withdrawn")
					return
				}
				by := "service"
				if p.ChangedBy != "" {
					by = p.ChangedBy
				}
				wantHistory(t, store, "shop: waiting, withdrawn", by+": withdrawn, waiting")
				if r := store.At("A1"); r.Progress != schedule.Waiting || r.Generation != 2 || r.DueAt.IsZero() {
					t.Errorf("got %+v, want the second registration to wait", r)
				}
			})
		})
	}
}

// racing does something before each Show.
type racing struct {
	*fakestore.Store

	first func()
}

func (r racing) Show(ctx context.Context, ref order.Ref) (schedule.Record, error) {
	r.first()
	return r.Store.Show(ctx, ref)
}

// TestWithdrawnMeanwhile: a registration that is withdrawn between two statements is answered as it
// is.
func TestWithdrawnMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, store, gateway := closerWithStore(t)
		store.Add(t, "A1", func(e *schedule.Entry) { e.CloseIn = time.Hour })
		closer := &closing.Closer{Gateway: gateway, Merchant: shop, Store: racing{store, func() { withdraw(t, store) }}}
		got := closer.Close(withLimit(t, 3*time.Second), order.Params{OutTradeNo: "A1", CloseAt: "3600"})
		if got.Outcome != order.OutcomeWithdrawn || got.ErrCode != "WITHDRAWN" {
			t.Errorf("got %+v, want it withdrawn", got)
		}
	})
}

// TestRegisteredMeanwhile: an order that another call registers anew meanwhile, with other facts,
// is not answered as if it were registered with those of this call.
func TestRegisteredMeanwhile(t *testing.T) {
	t.Parallel()
	for _, p := range []order.Params{{OutTradeNo: "A1", CloseAt: "1800"}, {OutTradeNo: "A1", CloseAt: "3600"}} {
		synctest.Test(t, func(t *testing.T) {
			_, store, gateway := closerWithStore(t)
			store.Add(t, "A1", func(e *schedule.Entry) { e.CloseIn = time.Hour })
			if err := store.Observe(t.Context(), ref("A1"), schedule.Final{State: schedule.FinalNotFound}); err != nil {
				t.Fatal(err)
			}
			other := schedule.Entry{Ref: ref("A1"), CloseIn: 10 * time.Minute}
			first := func() {
				if _, err := store.RegisterAgain(t.Context(), other, "shop"); err != nil {
					t.Error(err)
				}
			}
			got := (&closing.Closer{Gateway: gateway, Merchant: shop, Store: racing{store, first}}).Close(withLimit(t, 3*time.Second), p)
			gateway.wantAsked("")
			if got.Outcome != order.OutcomeRefused || !strings.Contains(got.ReturnMsg, "registered already, with another close_at") {
				t.Errorf("got %+v, want the conflict", got)
			}
		})
	}
}

// TestEndedMeanwhile: one that ends between its look-up and its reopening is answered as it is.
func TestEndedMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, store, gateway := closerWithStore(t, states(tradestate.Closed))
		store.AddGivenUp(t, "A1")
		closer := &closing.Closer{Gateway: gateway, Merchant: shop, Store: &endedBefore{store}}
		got := closer.Close(withLimit(t, 3*time.Second), order.Params{OutTradeNo: "A1", CloseAt: "0"})
		gateway.wantAsked("query")
		if got.Outcome != order.OutcomeAlreadyClosed {
			t.Errorf("got %+v, want it closed already", got)
		}
	})
}

// endedBefore ends an order before it is reopened.
type endedBefore struct{ *fakestore.Store }

func (s *endedBefore) Reopen(ctx context.Context, ref order.Ref) (bool, error) {
	if err := s.Observe(ctx, ref, schedule.Final{State: schedule.FinalClosed}); err != nil {
		return false, err
	}
	return s.Store.Reopen(ctx, ref)
}

// TestRegisteredAfterItsEnd registers an order that has ended, to be closed in an hour. It is
// queried, and never closed. One that was not found, and is placed now, waits for its time.
func TestRegisteredAfterItsEnd(t *testing.T) {
	t.Parallel()
	missing := says(verdict.SaysMissing, errcode.OrderNotExist)
	inAnHour := func(p *order.Params) { p.CloseAt = "3600" }
	for _, tc := range []struct {
		name    string
		ended   schedule.FinalState
		change  func(*order.Params)
		replies []reply
		asked   string
		outcome order.Outcome
		says    string
	}{
		{"placed since", schedule.FinalNotFound, inAnHour, []reply{states(tradestate.NotPay)}, "query", order.OutcomeScheduled, ""},
		{"a payment failed since", schedule.FinalNotFound, inAnHour, []reply{states(tradestate.PayError)}, "query", order.OutcomeScheduled, ""},
		{
			"placed since, with other facts", schedule.FinalNotFound, func(p *order.Params) { p.CloseAt = "1800" }, []reply{states(tradestate.NotPay)}, "query",
			order.OutcomeScheduled, "",
		},
		{"not placed yet", schedule.FinalNotFound, inAnHour, []reply{missing, missing}, "query query", order.OutcomeNotFound, ""},
		{"not placed yet, and asked for", schedule.FinalNotFound, func(p *order.Params) { p.Again = true }, nil, "", order.OutcomeScheduled, ""},
		{"paid since", schedule.FinalNotFound, inAnHour, []reply{states(tradestate.Success)}, "query", order.OutcomePaid, ""},
		{
			"unreadable", schedule.FinalNotFound, inAnHour, []reply{doubts(errcode.MalformedReply), doubts(errcode.MalformedReply)}, "query query",
			order.OutcomeUnknown, "",
		},
		{"closed", schedule.FinalClosed, inAnHour, []reply{states(tradestate.Closed)}, "query", order.OutcomeAlreadyClosed, ""},
		{
			"closed, and unpaid after all", schedule.FinalClosed, inAnHour, []reply{states(tradestate.NotPay)}, "query",
			order.OutcomeRefused, "leave out close_at",
		},
		{"closed, with other facts", schedule.FinalClosed, func(p *order.Params) { p.CloseAt = "1800" }, nil, "", order.OutcomeRefused, "has ended (closed)"},
		{
			"closed, and asked for", schedule.FinalClosed, func(p *order.Params) { p.Again = true }, []reply{states(tradestate.Closed)}, "query",
			order.OutcomeAlreadyClosed, "",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				closer, store, gateway := closerWithStore(t, tc.replies...)
				p := order.Params{OutTradeNo: "A1", CloseAt: "3600"}
				closer.Close(t.Context(), p)
				if err := store.Observe(t.Context(), ref("A1"), schedule.Final{State: tc.ended}); err != nil {
					t.Fatal(err)
				}
				tc.change(&p)
				got := closer.Close(withLimit(t, 10*time.Second), p)
				gateway.wantAsked(tc.asked)
				if got.Outcome != tc.outcome || !strings.Contains(got.ReturnMsg, tc.says) {
					t.Errorf("got %+v, want %s with %q", got, tc.outcome, tc.says)
				}
				r := store.At("A1")
				if tc.outcome != order.OutcomeScheduled {
					store.WantAt(t, "A1", schedule.Done, tc.ended)
					return
				}
				if due := time.Until(r.DueAt); r.Progress != schedule.Waiting || r.Generation != 2 || due < 29*time.Minute {
					t.Errorf("got %+v, due in %v, want it to wait for its time", r, due)
				}
				wantHistory(t, store, "service: done, waiting")
				if again := closer.Close(withLimit(t, 3*time.Second), p); again.Outcome != order.OutcomeScheduled {
					t.Errorf("the same again: got %+v, want it scheduled", again)
				}
			})
		})
	}
}

// TestOverdueAfterItsEnd: an order that was not found, and is placed now, is not closed at once by
// a registration that is long past.
func TestOverdueAfterItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closer, store, gateway := closerWithStore(t, states(tradestate.NotPay))
		p := order.Params{OutTradeNo: "A1", CloseAt: time.Now().Add(time.Hour).Format(time.RFC3339)}
		closer.Close(t.Context(), p)
		if err := store.Observe(t.Context(), ref("A1"), schedule.Final{State: schedule.FinalNotFound}); err != nil {
			t.Fatal(err)
		}
		passes(48 * time.Hour)
		got := closer.Close(withLimit(t, 3*time.Second), p)
		gateway.wantAsked("query")
		if got.Outcome != order.OutcomeRefused || !strings.Contains(got.ReturnMsg, "24 hours") {
			t.Errorf("got %+v, want the mistake", got)
		}
		store.WantAt(t, "A1", schedule.Done, schedule.FinalNotFound)
	})
}

// TestSamePrunedFacts: the same facts again are not refused although only a tombstone is left of
// them, and never lead to a close.
func TestSamePrunedFacts(t *testing.T) {
	t.Parallel()
	for state, want := range map[tradestate.State]order.Outcome{
		tradestate.Closed: order.OutcomeAlreadyClosed, tradestate.NotPay: order.OutcomeRefused,
	} {
		synctest.Test(t, func(t *testing.T) {
			closer, store, gateway := closerWithStore(t, states(state))
			p := order.Params{OutTradeNo: "A1", CloseAt: time.Now().Add(time.Hour).Format(time.RFC3339)}
			closer.Close(t.Context(), p)
			if err := store.Observe(t.Context(), ref("A1"), schedule.Final{State: schedule.FinalClosed}); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Acknowledge(t.Context(), shop.Account(), 100); err != nil {
				t.Fatal(err)
			}
			passes(100 * 24 * time.Hour)
			selected := pruning.Selection{Account: shop.Account(), Age: 90 * 24 * time.Hour, Limit: 10}
			if done, err := store.Prune(t.Context(), selected, nil); err != nil || done.Orders != 1 {
				t.Fatalf("got %+v and error %v, want the order pruned", done, err)
			}
			got := closer.Close(withLimit(t, 3*time.Second), p)
			gateway.wantAsked("query")
			if got.Outcome != want {
				t.Errorf("got %+v, want %s", got, want)
			}
		})
	}
}

// TestChangeBeforeCreation: a time before the registered creation is refused, unless it is meant.
func TestChangeBeforeCreation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		passes(48 * time.Hour) // nothing was created before the year 2000
		closer, store, gateway := closerWithStore(t)
		store.Add(t, "A1", func(e *schedule.Entry) { e.CreatedAt, e.CloseAt = time.Now(), time.Now().Add(time.Hour) })
		p := order.Params{OutTradeNo: "A1", Change: true, CloseAt: time.Now().Add(-time.Hour).Format(time.RFC3339)}
		got := closer.Close(withLimit(t, 3*time.Second), p)
		if got.Outcome != order.OutcomeRefused || got.ErrCode != errcode.ParamError || !strings.Contains(got.ReturnMsg, "close_at: lies before created_at") {
			t.Errorf("got %+v, want it refused", got)
		}
		p.Overdue = true
		if got := closer.Close(withLimit(t, 3*time.Second), p); got.Outcome != order.OutcomeScheduled {
			t.Errorf("as meant: got %+v, want it taken", got)
		}
		gateway.wantAsked("")
	})
}
