package sweep_test

import (
	"context"
	"fmt"
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
	"cloudpay/internal/store/fakestore"
	"cloudpay/internal/sweep"
)

// skewed is a world whose database is so far ahead. Time begins within a second, since replies have
// whole ones.
func skewed(t *testing.T, ahead time.Duration) *world {
	t.Helper()
	passes(24*time.Hour + 300*time.Millisecond) // from the year 2000 on, times are taken
	w := newWorld(t)
	w.store = fakestore.New(shop.Account(), func() time.Time { return time.Now().Add(ahead) })
	w.sweeper = w.another()
	return w
}

func signed() order.Clock   { return order.Clock{At: time.Now().Truncate(time.Second), Signed: true} }
func unsigned() order.Clock { return order.Clock{At: time.Now().Truncate(time.Second)} }

// forged is a Date that agrees with a database that is an hour ahead.
func forged() order.Clock {
	return order.Clock{At: time.Now().Add(time.Hour).Truncate(time.Second)}
}
func noClock() order.Clock { return order.Clock{} }

func at(when time.Time) func(*schedule.Entry) {
	return func(e *schedule.Entry) { e.CloseAt = when }
}

// minutely registers sixty orders, of which six are due, and the others at the next 54 minutes.
func (w *world) minutely() {
	w.t.Helper()
	for i := range 60 {
		w.order(fmt.Sprint("A", i), tradestate.NotPay, at(time.Now().Add(time.Duration(i-5)*time.Minute-time.Second)))
	}
}

// closedEarly counts orders that are closed before their time.
func (w *world) closedEarly() (early int) {
	w.t.Helper()
	for _, ref := range w.store.Refs() {
		if w.gateway.state(ref.OutTradeNo).Closed() && w.store.At(ref.OutTradeNo).CloseAt.After(time.Now()) {
			early++
		}
	}
	return early
}

// TestNothingIsClosedEarly: with a database an hour ahead, all of 60 orders are claimed and the six
// that are due are closed. The others wait: for their time by a signed clock, and for ten minutes
// by one that is not proved, also if it is forged or missing.
func TestNothingIsClosedEarly(t *testing.T) {
	t.Parallel()
	for name, clock := range map[string]func() order.Clock{
		"signed": signed, "unsigned": unsigned, "forged": forged, "missing": noClock,
	} {
		for _, first := range []func(*sweep.Sweeper){func(*sweep.Sweeper) {}, closeFirst} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := skewed(t, time.Hour)
					first(w.sweeper)
					w.gateway.clock = clock
					w.minutely()
					report := w.sweep(time.Minute)
					if report.Closed != 6 || report.Retried != 54 || report.ClockOff != 3600 || w.closedEarly() != 0 {
						t.Errorf("got %+v with %d closed early, want 6 closed and none early", report, w.closedEarly())
					}
					held := w.store.At("A59")
					if held.Attempts != 0 || held.ClockWaits != 1 || held.LastError != "not due yet: the database's clock is ahead" ||
						held.Progress != schedule.Waiting || held.TradeState != tradestate.NotPay {
						t.Errorf("got %+v, want it to wait without an attempt", held)
					}
					if n := strings.Count(w.log.String(), "CLOCK_OFF"); n != 1 || strings.Count(w.log.String(), "\n") != 1 {
						t.Errorf("got %d lines, want one in\n%s", n, w.log.String())
					}
				})
			})
		}
	}
}

// TestSignedClockHoldsOrdersToTheirTime: each order is closed within a minute after its time, as
// often as it has to be put off until then.
func TestSignedClockHoldsOrdersToTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := skewed(t, time.Hour)
		w.gateway.clock = signed
		w.minutely()
		for range 56 {
			w.sweep(time.Minute)
			passes(time.Minute)
			if early := w.closedEarly(); early != 0 {
				t.Fatalf("%d were closed early", early)
			}
		}
		w.wantEnded()
		if got := w.store.At("A59"); got.Attempts != 1 {
			t.Errorf("got %d attempts, want the one that closed it", got.Attempts)
		}
	})
}

// TestUnprovedClockPostponesOnce: a clock that is set back by a forger delays an order by ten
// minutes, and by less if its time is sooner; then it is closed whatever the clock says.
func TestUnprovedClockPostponesOnce(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ back, wait time.Duration }{{24 * time.Hour, 10 * time.Minute}, {3 * time.Minute, 3 * time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			w := skewed(t, 0)
			due := time.Now().Truncate(time.Second)
			w.gateway.clock = func() order.Clock { return order.Clock{At: time.Now().Add(-tc.back).Truncate(time.Second)} }
			w.order("A1", tradestate.NotPay, at(due))
			if report := w.sweep(time.Minute); report.Retried != 1 || report.ClockOff != int64(tc.back/time.Second) {
				t.Errorf("%v back: got %+v, want it put off", tc.back, report)
			}
			if wait := w.store.At("A1").DueAt.Sub(due); wait < tc.wait || wait > tc.wait+time.Second {
				t.Errorf("%v back: it waits %v, want %v", tc.back, wait, tc.wait)
			}
			passes(tc.wait + time.Second)
			w.sweep(time.Minute)
			w.wantEnded()
		})
	}
}

// TestClockNeverAdvances: an order is not due before the database says so, whatever a reply says,
// and a database that is behind makes orders late and is reported.
func TestClockNeverAdvances(t *testing.T) {
	t.Parallel()
	for name, clock := range map[string]func() order.Clock{"signed": signed, "unsigned": unsigned} {
		synctest.Test(t, func(t *testing.T) {
			w := skewed(t, -time.Hour)
			w.gateway.clock = clock
			w.order("A1", tradestate.NotPay, at(time.Now().Add(-30*time.Minute)))
			w.order("A2", tradestate.NotPay, at(time.Now().Add(-2*time.Hour)))
			report := w.sweep(time.Minute)
			if report.Claimed != 1 || report.Closed != 1 || report.ClockOff != -3600 || w.gateway.state("A1").Closed() {
				t.Errorf("%s: got %+v, want the one closed that is due, and the clock reported", name, report)
			}
			if !strings.Contains(w.log.String(), fmt.Sprintf("signed=%t aheadSeconds=-3600", name == "signed")) {
				t.Errorf("%s: logged %s", name, w.log.String())
			}
		})
	}
}

// TestClockTolerance: a minute is tolerated, either way, and a second more is not.
func TestClockTolerance(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]int64{
		-61 * time.Second: -61, -60 * time.Second: 0, 0: 0, 60 * time.Second: 0, 61 * time.Second: 61,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := skewed(t, ahead)
			w.gateway.clock = signed
			w.order("A1", tradestate.NotPay, at(time.Now().Add(min(ahead, 60*time.Second))))
			report := w.sweep(time.Minute)
			closed := 1
			if ahead > time.Minute {
				closed = 0
			}
			if report.ClockOff != want || report.Closed != closed {
				t.Errorf("%v ahead: got %+v, want %d and %d closed", ahead, report, want, closed)
			}
		})
	}
}

// TestSlowReplyIsNoDifference: what a round trip can explain is not reported.
func TestSlowReplyIsNoDifference(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{58 * time.Second, -58 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := skewed(t, ahead)
			w.gateway.latency = 3 * time.Second
			stamp := signed() // at the beginning of the first exchange for one, at the end for the other
			if ahead < 0 {
				stamp.At = stamp.At.Add(w.gateway.latency)
			}
			w.gateway.odd = func(context.Context, string, string) (order.Answer, bool) {
				passes(w.gateway.latency)
				a := closingtest.Answer(verdict.Stated, "")
				a.Facts, a.Clock = &order.Facts{TradeState: tradestate.Success}, stamp
				return a, true
			}
			w.order("A1", tradestate.Success, at(time.Now().Add(-time.Minute)))
			if report := w.sweep(time.Minute); report.Paid != 1 || report.ClockOff != 0 {
				t.Errorf("%v ahead: got %+v, want no difference", ahead, report)
			}
		})
	}
}

// TestHeldOrdersAreAskedAbout: an order that is held is found paid all the same, and one whose
// queries cannot be read is not closed early either.
func TestHeldOrdersAreAskedAbout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := skewed(t, time.Hour)
		w.gateway.clock = forged
		later := at(time.Now().Add(30 * time.Minute))
		w.order("A1", tradestate.Success, later)
		w.order("A2", tradestate.NotPay, later)
		w.order("A3", tradestate.NotPay, func(e *schedule.Entry) { e.CloseIn = time.Nanosecond })
		w.gateway.odd = func(_ context.Context, op, no string) (order.Answer, bool) {
			return order.Answer{Verdict: verdict.Doubted, Code: errcode.BadSignature, Proof: order.ProofNone}, no == "A2" && op == "query"
		}
		if report := w.sweep(time.Minute); report.Paid != 1 || report.Retried != 1 || report.Closed != 1 {
			t.Errorf("got %+v, want one paid, one held, and the one without a close_at closed", report)
		}
		w.gateway.wantAsked("A2", "query query")
	})
}

// TestCloseFirstQueriesUntilTheClockIsShown: the first orders of a sweep are queried, and once a
// reply has shown that the clocks agree, closes come first again.
func TestCloseFirstQueriesUntilTheClockIsShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := skewed(t, 0)
		closeFirst(w.sweeper)
		w.sweeper.Concurrency = 1
		w.gateway.clock = signed
		for i := range 3 {
			w.order(fmt.Sprint("A", i), tradestate.NotPay, at(time.Now().Add(time.Duration(i-9)*time.Second)))
		}
		w.sweep(time.Minute)
		w.gateway.wantAsked("A0", "query close")
		w.gateway.wantAsked("A1", "close")
		w.gateway.wantAsked("A2", "close")
		w.wantEnded()
	})
}

// TestSignedClockComesFirst: a time that is not signed does not replace one that is, of the same
// order's or of another's, so that orders that have waited once are still held.
func TestSignedClockComesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := skewed(t, time.Hour)
		w.sweeper.Concurrency = 1
		w.gateway.clock = forged
		for i := range 3 {
			w.order(fmt.Sprint("A", i), tradestate.NotPay, at(time.Now().Add(time.Duration(i+30)*time.Minute)))
		}
		w.sweep(time.Minute)
		passes(11 * time.Minute)
		answers := []order.Clock{signed(), forged(), noClock()}
		w.gateway.clock = func() (c order.Clock) {
			c, answers = answers[0], answers[1:]
			return c
		}
		if report := w.sweep(time.Minute); report.Retried != 3 || w.closedEarly() != 0 {
			t.Errorf("got %+v, want all three held by the one signed time", report)
		}
	})
}

// TestClockRunsOnBetweenReplies: a reading is as old as the exchange that it is from.
func TestClockRunsOnBetweenReplies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := skewed(t, time.Hour)
		closeFirst(w.sweeper)
		w.sweeper.Concurrency = 1
		w.gateway.latency = 3 * time.Second
		w.gateway.clock = signed
		w.order("A0", tradestate.Success, at(time.Now()))
		w.order("A1", tradestate.Success, at(time.Now().Add(time.Second)))
		w.order("A2", tradestate.NotPay, at(time.Now().Add(6*time.Second)))
		first := true
		w.gateway.clock = func() (c order.Clock) {
			if first {
				c, first = signed(), false
			}
			return c
		}
		w.sweep(time.Minute)
		w.gateway.wantAsked("A2", "close")
	})
}

// TestShiftCountsForBothClocks: where the emulator's clock is moved on, the register's is too, and
// neither the replies nor this machine show it.
func TestShiftCountsForBothClocks(t *testing.T) {
	t.Parallel()
	for name, clock := range map[string]func() order.Clock{"signed": signed, "unsigned": unsigned} {
		synctest.Test(t, func(t *testing.T) {
			w := skewed(t, time.Hour)
			w.sweeper.Shift = func() time.Duration { return time.Hour }
			w.gateway.clock = clock
			w.order("A1", tradestate.NotPay, at(time.Now().Add(30*time.Minute)))
			if report := w.sweep(time.Minute); report.Closed != 1 || report.ClockOff != 0 {
				t.Errorf("%s: got %+v, want it closed", name, report)
			}
		})
	}
}
