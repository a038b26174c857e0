package closing_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store/fakestore"
	"cloudpay/internal/telemetry"
)

// keeper is a closer with a store, before a scripted gateway.
func closerWithStore(t *testing.T, replies ...reply) (*closing.Closer, *fakestore.Store, *scripted) {
	t.Helper()
	store, gateway := newStore(), script(t, replies...)
	return &closing.Closer{Gateway: gateway, Merchant: shop, Store: store}, store, gateway
}

func wantRecorded(t *testing.T, got order.Result, want string) {
	t.Helper()
	is := "absent"
	if got.Recorded != nil {
		is = map[bool]string{true: "true", false: "false"}[*got.Recorded]
	}
	if is != want {
		t.Errorf("recorded is %s, want %s: %+v", is, want, got)
	}
}

func TestScheduling(t *testing.T) {
	t.Parallel()
	fee := int64(100)
	for _, tc := range []struct {
		name   string
		params order.Params
		says   string // empty: scheduled
		entry  func(now time.Time) schedule.Entry
	}{
		{
			"in seconds", order.Params{OutTradeNo: "A1", CloseAt: "600"}, "",
			func(time.Time) schedule.Entry { return schedule.Entry{Ref: ref("A1"), CloseIn: 10 * time.Minute} },
		},
		{
			"at a time, with all there is",
			order.Params{OutTradeNo: "A1", CloseAt: "2000-01-02T08:00:00+08:00", OpenID: "o1", Total: &fee, API: order.V2}, "",
			func(time.Time) schedule.Entry {
				return schedule.Entry{
					Ref: ref("A1"), CloseAt: time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC), Owner: "wx:wx0123456789abcdef:o1",
					Total: &fee, API: order.V2,
				}
			},
		},
		{
			"for an owner", order.Params{OutTradeNo: "A1", CloseAt: "0", Owner: "tcb:u1"}, "",
			func(time.Time) schedule.Entry { return schedule.Entry{Ref: ref("A1"), Owner: "tcb:u1"} },
		},
		{"no time", order.Params{OutTradeNo: "A1", CloseAt: "tomorrow"}, "close_at: must be a time", nil},
		{"long ago", order.Params{OutTradeNo: "A1", CloseAt: "-1"}, "close_at: ", nil},
		{"milliseconds", order.Params{OutTradeNo: "A1", CloseAt: "1795334400000"}, "close_at: ", nil},
		{"two owners", order.Params{OutTradeNo: "A1", CloseAt: "1", Owner: "tcb:u1", OpenID: "o1"}, "openid: ", nil},
		{"a combined order", order.Params{
			CombineOutTradeNo: "C1", SubOrders: []order.SubOrder{{MchID: "1900000001", OutTradeNo: "A1"}}, CloseAt: "1",
		}, "combine_out_trade_no: a combined order cannot be registered, and its orders must not be", nil},
		{"a combined order without its orders", order.Params{CombineOutTradeNo: "C1", CloseAt: "1"}, "combine_out_trade_no: a combined order cannot be", nil},
		{"registered otherwise", order.Params{OutTradeNo: "B1", CloseAt: "1"}, "close_at: order cn/1900000001/B1 is registered already", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				closer, store, gateway := closerWithStore(t)
				store.Add(t, "B1", func(e *schedule.Entry) { e.CloseIn = time.Hour })
				for range 2 { // again changes nothing
					got := closer.Close(withLimit(t, 3*time.Second), tc.params)
					if tc.says != "" {
						if got.Outcome != order.OutcomeRefused || got.ErrCode != "PARAM_ERROR" || !strings.Contains(got.ReturnMsg, tc.says) {
							t.Errorf("got %+v, want %q", got, tc.says)
						}
						continue
					}
					if got.Outcome != order.OutcomeScheduled || got.ReturnCode != "SUCCESS" || got.ResultCode != "SUCCESS" || got.Retryable ||
						got.RetryAfter != 0 || got.Attempts != 0 || got.OutTradeNo != "A1" {
						t.Errorf("got %+v", got)
					}
					wantRecorded(t, got, "true")
					if field := store.At("A1").Differs(tc.entry(time.Now())); field != "" {
						t.Errorf("registered with another %s: %+v", field, store.At("A1").Entry)
					}
				}
				gateway.wantAsked("")
			})
		})
	}
}

func TestSchedulingNeedsAStore(t *testing.T) {
	t.Parallel()
	got := (&closing.Closer{Gateway: script(t), Merchant: shop}).Close(t.Context(), order.Params{OutTradeNo: "A1", CloseAt: "600"})
	if got.ErrCode != "PARAM_ERROR" || !strings.Contains(got.ReturnMsg, "CLOUDPAY_STORE") {
		t.Errorf("got %+v", got)
	}
}

// A registered order is closed under a claim, and how it ended is written down.
func TestCloseOfARegisteredOrder(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		replies  []reply
		outcome  order.Outcome
		progress schedule.Progress
		ending   schedule.FinalState
	}{
		{"closed", []reply{says(verdict.Accepted, "")}, order.OutcomeClosed, schedule.Done, schedule.FinalClosed},
		{"closed before", []reply{says(verdict.SaysClosed, "ORDERCLOSED")}, order.OutcomeAlreadyClosed, schedule.Done, schedule.FinalClosed},
		{"paid", []reply{says(verdict.SaysPaid, "ORDERPAID"), states(tradestate.Success)}, order.OutcomePaid, schedule.Done, schedule.FinalPaid},
		{"refused", []reply{says(verdict.Refused, errcode.NoAuth)}, order.OutcomeRefused, schedule.Waiting, ""},
		{
			"no such order, yet",
			[]reply{says(verdict.SaysMissing, errcode.OrderNotExist), says(verdict.SaysMissing, errcode.OrderNotExist)},
			order.OutcomeNotFound, schedule.Waiting, "",
		},
		{"in doubt", []reply{doubts(errcode.Timeout), says(verdict.Refused, errcode.NoAuth)}, order.OutcomeUnknown, schedule.Closing, ""},
		{"too often", []reply{limits(time.Hour)}, order.OutcomeTooSoon, schedule.Waiting, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				closer, store, _ := closerWithStore(t, tc.replies...)
				store.Add(t, "A1", func(e *schedule.Entry) { e.CloseIn = time.Hour })
				got := closeA1(withLimit(t, 10*time.Second), closer)
				if got.Outcome != tc.outcome {
					t.Errorf("got %+v, want %s", got, tc.outcome)
				}
				wantRecorded(t, got, "true")
				store.WantAt(t, "A1", tc.progress, tc.ending)
				kept := store.At("A1")
				if !kept.LeaseUntil.IsZero() {
					t.Error("it is under a lease still")
				}
				// What was refused for good is still to be closed at its time; what may end
				// otherwise, sooner.
				if due := time.Until(kept.DueAt); tc.outcome == order.OutcomeRefused && (due < 59*time.Minute || due > time.Hour) ||
					tc.outcome == order.OutcomeUnknown && due > 2*time.Minute {
					t.Errorf("it is due in %v", due)
				}
			})
		})
	}
}

// An order that is not registered is closed without a trace in the store.
func TestCloseOfAnUnregisteredOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closer, store, _ := closerWithStore(t, says(verdict.Accepted, ""))
		got := closeA1(withLimit(t, 3*time.Second), closer)
		wantResult(t, got, order.OutcomeClosed, "SUCCESS", "SUCCESS", "")
		wantRecorded(t, got, "absent")
		if len(store.Refs()) != 0 {
			t.Errorf("the store has %v", store.Refs())
		}
	})
}

// The intent comes first: a store that cannot be told keeps the close from being sent.
func TestNoIntentNoClose(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"show", "begin", "registerAll", "retry"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				closer, store, gateway := closerWithStore(t)
				p := order.Params{OutTradeNo: "A1"}
				if op == "registerAll" {
					p.CloseAt = "1"
				} else {
					store.Add(t, "A1", func(e *schedule.Entry) {
						if op == "retry" {
							e.CreatedAt = time.Now()
						}
					})
				}
				store.Break(op)
				got := closer.Close(withLimit(t, 3*time.Second), p)
				gateway.wantAsked("")
				wantResult(t, got, order.OutcomeUnknown, "FAIL", "", "STORE_ERROR")
				if !got.Retryable || got.OutTradeNo != "A1" || got.ReturnMsg != fakestore.ErrDown.Error() {
					t.Errorf("got %+v", got)
				}
			})
		})
	}
}

// A store that hangs leaves time to say so.
func TestStoreThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closer, store, gateway := closerWithStore(t)
		store.Latency = time.Hour
		start := time.Now()
		got := closeA1(withLimit(t, 3*time.Second), closer)
		gateway.wantAsked("")
		if took := time.Since(start); took > 2*time.Second || got.ErrCode != errcode.StoreError {
			t.Errorf("got %+v after %v", got, took)
		}
	})
}

// Another process is closing it: the gateway arbitrates, the caller is told the truth, and there is
// one end.
func TestCloseOfABusyOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closer, store, gateway := closerWithStore(t, says(verdict.Accepted, ""))
		store.Add(t, "A1")
		if _, err := store.Begin(t.Context(), schedule.Record{Entry: schedule.Entry{Ref: ref("A1")}}, time.Minute); err != nil {
			t.Fatal(err)
		}
		got := closeA1(withLimit(t, 3*time.Second), closer)
		gateway.wantAsked("close")
		wantResult(t, got, order.OutcomeClosed, "SUCCESS", "SUCCESS", "")
		wantRecorded(t, got, "true")
		store.WantAt(t, "A1", schedule.Done, schedule.FinalClosed)

		closer, store, _ = closerWithStore(t, says(verdict.Refused, errcode.NoAuth))
		store.Add(t, "A1")
		if _, err := store.Begin(t.Context(), schedule.Record{Entry: schedule.Entry{Ref: ref("A1")}}, time.Minute); err != nil {
			t.Fatal(err)
		}
		wantRecorded(t, closeA1(withLimit(t, 3*time.Second), closer), "false")
		store.WantAt(t, "A1", schedule.Closing, "")
	})
}

// An order that has ended is asked about, and not closed again.
func TestCloseOfAnEndedOrder(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		state    tradestate.State
		outcome  order.Outcome
		recorded string
	}{
		{tradestate.Closed, order.OutcomeAlreadyClosed, "true"},
		{tradestate.Success, order.OutcomePaid, "false"}, // which contradicts what was signed before
	} {
		synctest.Test(t, func(t *testing.T) {
			closer, store, gateway := closerWithStore(t, states(tc.state))
			store.Add(t, "A1")
			if err := store.Observe(t.Context(), ref("A1"), schedule.Final{State: schedule.FinalClosed}); err != nil {
				t.Fatal(err)
			}
			got := closeA1(withLimit(t, 3*time.Second), closer)
			gateway.wantAsked("query")
			if got.Outcome != tc.outcome {
				t.Errorf("got %+v, want %s", got, tc.outcome)
			}
			wantRecorded(t, got, tc.recorded)
			store.WantAt(t, "A1", schedule.Done, schedule.FinalClosed)
		})
	}
}

// With a store, an order that is too young is closed later instead of being tried.
func TestYoungOrderIsScheduled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name                  string
		registered, told, due time.Duration // before now; due from now
	}{
		{"told by the caller", 0, time.Minute, 4 * time.Minute},
		{"told at registration", 2 * time.Minute, 0, 3 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				passes(time.Hour) // synctest begins with the year 2000, before which nothing was created
				closer, store, gateway := closerWithStore(t)
				p := order.Params{OutTradeNo: "A1"}
				if tc.told > 0 {
					p.CreatedAt = time.Now().Add(-tc.told)
				}
				if tc.registered > 0 {
					store.Add(t, "A1", func(e *schedule.Entry) {
						e.CloseIn, e.CreatedAt = time.Hour, time.Now().Add(-tc.registered)
					})
				}
				for range 2 {
					got := closer.Close(withLimit(t, 3*time.Second), p)
					if got.Outcome != order.OutcomeScheduled {
						t.Errorf("got %+v", got)
					}
				}
				gateway.wantAsked("")
				store.WantAt(t, "A1", schedule.Waiting, "")
				if due := time.Until(store.At("A1").DueAt); due != tc.due {
					t.Errorf("it is due in %v, want %v", due, tc.due)
				}
			})
		})
	}
}

// A young order is closed now where the caller asks for that, registered or not. WeChat Pay says
// whether it is too young.
func TestYoungOrderAtOnce(t *testing.T) {
	t.Parallel()
	for name, isRegistered := range map[string]bool{"registered": true, "not registered": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				passes(time.Hour)
				closer, store, gateway := closerWithStore(t, says(verdict.Accepted, ""))
				p := order.Params{OutTradeNo: "A1", AtOnce: true, CreatedAt: time.Now().Add(-time.Minute)}
				if isRegistered {
					store.Add(t, "A1", func(e *schedule.Entry) { e.CloseIn, e.CreatedAt = time.Hour, p.CreatedAt })
				}
				if got := closer.Close(withLimit(t, 3*time.Second), p); got.Outcome != order.OutcomeClosed {
					t.Errorf("got %+v", got)
				}
				gateway.wantAsked("close")
				if isRegistered {
					store.WantAt(t, "A1", schedule.Done, schedule.FinalClosed)
				}
			})
		})
	}
}

// The dialect that an order was registered with is the one it is closed in.
func TestRegisteredDialect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closer, store, gateway := closerWithStore(t, says(verdict.Accepted, ""))
		store.Add(t, "A1", func(e *schedule.Entry) { e.API = order.V2 })
		if got := closeA1(withLimit(t, 3*time.Second), closer); got.API != order.V2 || gateway.calls[0].API != order.V2 {
			t.Errorf("got %+v", got)
		}
	})
}

// A query records the end that it proves, and no more.
func TestQueryRecordsAnEnd(t *testing.T) {
	t.Parallel()
	missing := says(verdict.SaysMissing, errcode.OrderNotExist)
	for _, tc := range []struct {
		name     string
		replies  []reply
		params   order.Params
		recorded string
		progress schedule.Progress
		ending   schedule.FinalState
	}{
		{"closed", []reply{states(tradestate.Closed)}, order.Params{OutTradeNo: "A1"}, "true", schedule.Done, schedule.FinalClosed},
		{"paid", []reply{states(tradestate.Success)}, order.Params{OutTradeNo: "A1"}, "true", schedule.Done, schedule.FinalPaid},
		{"by its other number", []reply{states(tradestate.Success)}, order.Params{TransactionID: "4200001"}, "true", schedule.Done, schedule.FinalPaid},
		{"unpaid", []reply{states(tradestate.NotPay)}, order.Params{OutTradeNo: "A1"}, "absent", schedule.Closing, ""},
		{"missing", []reply{missing, missing}, order.Params{OutTradeNo: "A1"}, "absent", schedule.Closing, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := newStore()
				store.Add(t, "A1")
				if _, err := store.Begin(t.Context(), schedule.Record{Entry: schedule.Entry{Ref: ref("A1")}}, time.Second); err != nil {
					t.Fatal(err)
				}
				querier := &closing.Querier{Gateway: script(t, tc.replies...), Merchant: shop, Store: store}
				got := querier.Query(withLimit(t, 5*time.Second), tc.params)
				wantRecorded(t, got, tc.recorded)
				store.WantAt(t, "A1", tc.progress, tc.ending)
			})
		})
	}
}

func TestQueryOfAnUnregisteredOrder(t *testing.T) {
	t.Parallel()
	store := newStore()
	querier := &closing.Querier{Gateway: script(t, states(tradestate.Success)), Merchant: shop, Store: store}
	got := querier.Query(t.Context(), order.Params{OutTradeNo: "A1"})
	if got.Outcome != order.OutcomeFound {
		t.Errorf("got %+v", got)
	}
	wantRecorded(t, got, "absent")
}

func TestQueryRefusesCloseAt(t *testing.T) {
	t.Parallel()
	got := (&closing.Querier{Gateway: script(t), Merchant: shop}).Query(context.Background(), order.Params{OutTradeNo: "A1", CloseAt: "1"})
	if got.ErrCode != errcode.ParamError || !strings.Contains(got.ReturnMsg, "close_at") {
		t.Errorf("got %+v", got)
	}
}

// A store whose database refuses access is not called worth another try, in both languages, and the
// log has its words.
func TestStoreThatRefusesAccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closer, store, gateway := closerWithStore(t)
		var logs bytes.Buffer
		closer.Log = telemetry.New(&logs, slog.LevelInfo)
		store.BreakWith("show", &schedule.StoreError{
			Doing: "looking up", Reason: bilingual.New("check the rights", "请检查权限"), Lasting: true, Err: errors.New("pq: 42501 at 10.0.0.7"),
		})
		got := closeA1(withLimit(t, 3*time.Second), closer)
		gateway.wantAsked("")
		wantResult(t, got, order.OutcomeUnknown, "FAIL", "", "STORE_ERROR")
		if got.Retryable || !strings.Contains(got.ReturnMsg, "check the rights") || !strings.Contains(got.ReturnMsg, "请检查权限") ||
			strings.Contains(got.ReturnMsg, "10.0.0.7") {
			t.Errorf("got %+v, want what is to be done, and nothing of the driver's", got)
		}
		if !strings.Contains(logs.String(), "pq: 42501 at 10.0.0.7") {
			t.Errorf("the log does not have the database's words: %s", &logs)
		}
	})
}

// A doubt from before is not gone because this call was refused.
func TestOldDoubtStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closer, store, _ := closerWithStore(t, limits(time.Hour))
		store.Add(t, "A1")
		if _, err := store.Begin(t.Context(), schedule.Record{Entry: schedule.Entry{Ref: ref("A1")}}, time.Second); err != nil {
			t.Fatal(err)
		}
		passes(time.Second)
		closeA1(withLimit(t, 3*time.Second), closer)
		store.WantAt(t, "A1", schedule.Closing, "")
	})
}

// That there is no such order is for the claim's holder to find.
func TestNotFoundIsNotObserved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		missing := says(verdict.SaysMissing, errcode.OrderNotExist)
		closer, store, _ := closerWithStore(t, missing, missing)
		store.Add(t, "A1")
		if _, err := store.Begin(t.Context(), schedule.Record{Entry: schedule.Entry{Ref: ref("A1")}}, time.Minute); err != nil {
			t.Fatal(err)
		}
		wantRecorded(t, closeA1(withLimit(t, 3*time.Second), closer), "false")
		store.WantAt(t, "A1", schedule.Closing, "")
	})
}

// What was learned is written down although the caller has gone.
func TestRecordingOutlivesTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		closer, store, _ := closerWithStore(t, func(ctx context.Context) order.Answer {
			leave()
			return says(verdict.Accepted, "")(ctx)
		})
		store.Add(t, "A1")
		wantRecorded(t, closeA1(ctx, closer), "true")
		store.WantAt(t, "A1", schedule.Done, schedule.FinalClosed)
	})
}
