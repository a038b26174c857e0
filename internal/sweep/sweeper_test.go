package sweep_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store/fakestore"
	"cloudpay/internal/sweep"
)

// What a sweep does with one order, by what WeChat Pay has of it.
func TestSweepOfOne(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		state    tradestate.State
		change   func(*sweep.Sweeper)
		asked    string
		progress schedule.Progress
		ending   schedule.FinalState
		counted  func(sweep.Report) int
	}{
		{"unpaid", tradestate.NotPay, nil, "query close", schedule.Done, schedule.FinalClosed, func(r sweep.Report) int { return r.Closed }},
		{"paid", tradestate.Success, nil, "query", schedule.Done, schedule.FinalPaid, func(r sweep.Report) int { return r.Paid }},
		{"refunded since", tradestate.Refund, nil, "query", schedule.Done, schedule.FinalPaid, func(r sweep.Report) int { return r.Paid }},
		{"closed", tradestate.Closed, nil, "query", schedule.Done, schedule.FinalClosed, func(r sweep.Report) int { return r.AlreadyClosed }},
		{"a payment that failed", tradestate.PayError, nil, "query close", schedule.Done, schedule.FinalClosed, func(r sweep.Report) int { return r.Closed }},
		{"close first", tradestate.NotPay, closeFirst, "close", schedule.Done, schedule.FinalClosed, func(r sweep.Report) int { return r.Closed }},
		{"close first, paid", tradestate.Success, closeFirst, "close query", schedule.Done, schedule.FinalPaid, func(r sweep.Report) int { return r.Paid }},
		{
			"confirmed", tradestate.NotPay, func(s *sweep.Sweeper) { s.Confirm = true },
			"query close query", schedule.Done, schedule.FinalClosed, func(r sweep.Report) int { return r.Closed },
		},
		{"no such order, yet", "", nil, "query query", schedule.Waiting, "", func(r sweep.Report) int { return r.Retried }},
		{"asking only, what is not in doubt", tradestate.NotPay, doubtfulOnly, "", schedule.Waiting, "", func(sweep.Report) int { return 1 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				if tc.change != nil {
					tc.change(w.sweeper)
				}
				w.order("A1", tc.state)
				report := w.sweep(time.Minute)
				w.gateway.wantAsked("A1", tc.asked)
				w.store.WantAt(t, "A1", tc.progress, tc.ending)
				if tc.counted(report) != 1 || report.Left || report.Calls != len(strings.Fields(tc.asked)) {
					t.Errorf("got %+v", report)
				}
			})
		})
	}
}

func closeFirst(s *sweep.Sweeper)   { s.CloseFirst = true }
func doubtfulOnly(s *sweep.Sweeper) { s.DoubtfulOnly = true }

// Orders that are not due are not touched.
func TestSweepLeavesWhatIsNotDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay, func(e *schedule.Entry) { e.CloseIn = time.Minute })
		if report := w.sweep(30 * time.Second); report.Claimed != 0 {
			t.Errorf("got %+v, want nothing claimed", report)
		}
		passes(time.Minute)
		w.sweep(30 * time.Second)
		w.wantEnded()
	})
}

// An order that is said not to exist may be too new; it has ended only when it would be there by
// now.
func TestNotFoundIsFinalAfterTenMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", "")
		w.sweep(time.Minute)
		registered := w.store.At("A1").RegisteredAt
		if due := w.store.At("A1").DueAt.Sub(registered); due < 10*time.Minute || due > 11*time.Minute {
			t.Errorf("it is due again %v after its registration, want ten minutes", due)
		}
		passes(11 * time.Minute)
		if report := w.sweep(time.Minute); report.NotFound != 1 {
			t.Errorf("got %+v, want one not found", report)
		}
		w.store.WantAt(t, "A1", schedule.Done, schedule.FinalNotFound)
	})
}

// WeChat Pay may refuse to close an order within its first five minutes: it is not asked to.
func TestSweepWaitsForYoungOrders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		created := time.Now()
		w.order("A1", tradestate.NotPay, func(e *schedule.Entry) { e.CreatedAt = created })
		w.sweep(time.Minute)
		w.gateway.wantAsked("A1", "")
		if due := w.store.At("A1").DueAt; !due.Equal(created.Add(closing.YoungOrder)) {
			t.Errorf("it is due at %v, want five minutes after its creation", due.Sub(created))
		}
		passes(closing.YoungOrder)
		w.sweep(time.Minute)
		w.wantEnded()
	})
}

// What the configuration no longer allows is tried again, and given up in the end: it may be put
// right meanwhile.
func TestSweepOfWhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay, func(e *schedule.Entry) { e.API = order.WXCloudRun })
		w.sweep(time.Minute)
		w.gateway.wantAsked("A1", "")
		w.store.WantAt(t, "A1", schedule.Waiting, "")
		if got := w.store.At("A1").LastError; !strings.Contains(got, "has no credentials") {
			t.Errorf("got the reason %q", got)
		}
	})
}

// Attempts that end nothing grow apart, and after the last of them a person is called.
func TestGivingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay)
		w.gateway.odd = func(context.Context, string, string) (order.Answer, bool) {
			return order.Answer{Verdict: verdict.Refused, Code: errcode.NoAuth, Proof: order.ProofSignature}, true
		}
		start := time.Now()
		for n := 1; ; n++ {
			report := w.sweep(30 * time.Second)
			kept := w.store.At("A1")
			if report.GaveUp == 1 {
				if n != 12 || time.Since(start) < 20*time.Hour || time.Since(start) > 27*time.Hour {
					t.Errorf("given up after %d attempts in %v, want 12 in about a day", n, time.Since(start))
				}
				break
			}
			if report.Retried != 1 {
				t.Fatalf("attempt %d: got %+v", n, report)
			}
			passes(time.Until(kept.DueAt))
		}
		w.store.WantAt(t, "A1", schedule.GaveUp, "")
		if got := w.store.EventKinds("A1"); len(got) != 1 || got[0] != outbox.EventGaveUp {
			t.Errorf("told %v, want that it was given up", got)
		}
		if got := w.log.String(); strings.Count(got, "level=ERROR") != 1 || !strings.Contains(got, "given up") || !strings.Contains(got, "A1") {
			t.Errorf("the log has %q, want one error that names the order", got)
		}
		if report := w.sweep(30 * time.Second); report.Claimed != 0 {
			t.Errorf("got %+v, want it left alone", report)
		}
	})
}

// A sweep that runs out of time leaves nothing under a lease and nothing unsaid, and ends before
// its deadline.
func TestSweepStopsInTime(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		limit, latency time.Duration
	}{
		{3 * time.Second, 100 * time.Millisecond},
		{10 * time.Second, time.Second},
		{time.Minute, 3 * time.Second},
		{15 * time.Minute, 3 * time.Second},
	} {
		t.Run(tc.limit.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.gateway.latency, w.store.Latency = tc.latency, 20*time.Millisecond
				for i := range 2000 {
					w.order(fmt.Sprint("A", i), tradestate.NotPay)
				}
				start := time.Now()
				report := w.sweep(tc.limit)
				if took := time.Since(start); took > tc.limit-50*time.Millisecond || took < tc.limit/2 {
					t.Errorf("it took %v of %v", took, tc.limit)
				}
				if report.Closed == 0 || !report.Left || report.Unrecorded != 0 || report.Fault != "" {
					t.Errorf("got %+v", report)
				}
				for _, ref := range w.store.Refs() {
					kept := w.store.At(ref.OutTradeNo)
					if !kept.LeaseUntil.IsZero() {
						t.Fatalf("%s is under a lease still", ref.OutTradeNo)
					}
					if kept.Progress == schedule.Waiting && kept.Attempts > 0 && kept.LastError == "" {
						t.Fatalf("%s: an attempt was counted that nothing was asked in", ref.OutTradeNo)
					}
				}
			})
		})
	}
}

// A caller that goes away ends the sweep, and what was begun is recorded all the same.
func TestSweepEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.gateway.latency = time.Second
		for i := range 100 {
			w.order(fmt.Sprint("A", i), tradestate.NotPay)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5500*time.Millisecond, cancel)
		start := time.Now()
		report, err := w.sweeper.RunOnce(ctx)
		if took := time.Since(start); took > 6*time.Second || err != nil {
			t.Errorf("it took %v and returned %v", took, err)
		}
		if report.Closed < 4 || report.Retried == 0 || report.Unrecorded != 0 || !report.Left || accounted(report) != report.Claimed {
			t.Errorf("got %+v", report)
		}
	})
}

// A store that cannot be asked at all is an error, so that the platform tries again; later failures
// are reported.
func TestSweepWithoutAStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay)
		w.store.Break("")
		report, err := w.sweeper.RunOnce(withLimit(t, time.Minute))
		if !errors.Is(err, fakestore.ErrDown) || report.Claimed != 0 {
			t.Errorf("got %+v and %v, want the store's error", report, err)
		}
		w.gateway.wantAsked("A1", "")
		w.store.Mend()
		w.sweep(time.Minute)
		w.wantEnded()
	})
}

// When ends cannot be written, WeChat Pay is not asked on and on, and the next sweeps find it all
// out again.
func TestSweepWhoseStoreBreaks(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"finish", "claim", "release", "take", "rate", "claimDeliveries", "all"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.gateway.latency, w.store.Latency = 50*time.Millisecond, time.Millisecond
				for i := range 500 {
					w.order(fmt.Sprint("A", i), []tradestate.State{tradestate.NotPay, tradestate.Success}[i%2])
				}
				time.AfterFunc(time.Second, func() { w.store.Break(strings.TrimPrefix(op, "all")) })
				report := w.sweep(time.Minute)
				switch op {
				case "finish", "all":
					if report.Unrecorded == 0 || report.Unrecorded > 40 || !report.Left || report.Fault == "" {
						t.Errorf("got %+v", report)
					}
				case "claim":
					if report.Fault == "" || !report.Left {
						t.Errorf("got %+v", report)
					}
				default:
					if report.Closed+report.Paid != 500 || report.Fault != "" || report.Left {
						t.Errorf("got %+v", report)
					}
				}
				w.store.Mend()
				passes(61 * time.Second)
				w.sweep(time.Minute)
				w.wantEnded()
			})
		})
	}
}

// A fault of one order's is no fault of the others.
func TestSweepSurvivesAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, no := range []string{"A1", "A2", "A3"} {
			w.order(no, tradestate.NotPay)
		}
		broken := true
		w.gateway.odd = func(_ context.Context, op, no string) (order.Answer, bool) {
			if no == "A2" && op == "close" && broken {
				broken = false
				panic("no such dialect")
			}
			return order.Answer{}, false
		}
		if report := w.sweep(time.Minute); report.Closed != 2 || report.Retried != 1 {
			t.Errorf("got %+v", report)
		}
		w.store.WantAt(t, "A2", schedule.Closing, "")
		if !strings.Contains(w.log.String(), "fault=string") {
			t.Errorf("the log has %q, want the panic", w.log)
		}
		passes(2 * time.Minute)
		w.sweep(time.Minute)
		w.wantEnded()
	})
}

// The lease runs out while a close is in flight (an instance that was frozen, say), and another
// sweeper does the work: one end, which the first does not write over, and a claim that it finds
// lost.
func TestLeaseRunsOutInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay)
		var frozen atomic.Bool
		frozen.Store(true)
		w.gateway.odd = func(_ context.Context, op, _ string) (order.Answer, bool) {
			if op == "close" && frozen.CompareAndSwap(true, false) {
				passes(2 * time.Minute) // no context ends it: nothing runs
			}
			return order.Answer{}, false
		}
		first := make(chan sweep.Report)
		go func() {
			report, _ := w.sweeper.RunOnce(withLimit(t, 30*time.Second))
			first <- report
		}()
		passes(50 * time.Second)
		if report := w.sweepWith(w.another(), 5*time.Second); report.Claimed != 0 {
			t.Errorf("within the lease: got %+v, want nothing claimed", report)
		}
		passes(20 * time.Second)
		second := w.sweepWith(w.another(), 30*time.Second)
		if got := <-first; second.Closed != 1 || got.Closed != 0 || got.Lost+got.Unrecorded != 1 {
			t.Errorf("the second: %+v, the first: %+v", second, got)
		}
		w.store.WantAt(t, "A1", schedule.Done, schedule.FinalClosed)
		if n := w.store.Finals("A1"); n != 1 {
			t.Errorf("it was ended %d times, want once", n)
		}
	})
}

// A signed answer that contradicts the one on record changes nothing, and is an alarm.
func TestContradiction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.Success)
		w.gateway.latency = time.Second
		time.AfterFunc(500*time.Millisecond, func() {
			_ = w.store.Observe(t.Context(), ref("A1"), schedule.Final{State: schedule.FinalClosed})
		})
		if report := w.sweep(time.Minute); report.Contradicted != 1 {
			t.Errorf("got %+v", report)
		}
		w.store.WantAt(t, "A1", schedule.Done, schedule.FinalClosed)
		if !strings.Contains(w.log.String(), "level=ERROR") {
			t.Errorf("the log has %q, want an error", w.log)
		}
	})
}

// A query on a timer resolves what is in doubt, and closes nothing: what it finds open is due at
// once.
func TestDoubtfulOnly(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		state    tradestate.State
		progress schedule.Progress
		ending   schedule.FinalState
	}{
		{tradestate.Closed, schedule.Done, schedule.FinalClosed},
		{tradestate.Success, schedule.Done, schedule.FinalPaid},
		{tradestate.NotPay, schedule.Waiting, ""},
		{tradestate.UserPaying, schedule.Closing, ""},
		{"MOON", schedule.Closing, ""},
	} {
		t.Run(string(tc.state), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.order("A1", tc.state)
				// What a crash leaves behind.
				if _, err := w.store.Begin(t.Context(), schedule.Record{Entry: schedule.Entry{Ref: ref("A1")}}, time.Minute); err != nil {
					t.Fatal(err)
				}
				passes(time.Minute)
				w.sweeper.DoubtfulOnly = true
				w.sweep(30 * time.Second)
				w.gateway.wantAsked("A1", "query")
				w.store.WantAt(t, "A1", tc.progress, tc.ending)
				kept := w.store.At("A1")
				if tc.progress == schedule.Waiting && (kept.DueAt.After(time.Now()) || kept.TradeState != tradestate.NotPay || !kept.Authenticated) {
					t.Errorf("got %+v, want it due, and known to be unpaid", kept)
				}
				if tc.progress == schedule.Closing && !kept.DueAt.After(time.Now()) {
					t.Errorf("got %+v, want it left alone for a while", kept)
				}
			})
		})
	}
}

// Any number of sweepers share the work, and no two of them an order.
func TestManySweepers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.gateway.latency, w.store.Latency = 50*time.Millisecond, 3*time.Millisecond
		for i := range 3000 {
			w.order(fmt.Sprint("A", i), []tradestate.State{tradestate.NotPay, tradestate.Success, tradestate.Closed}[i%3])
		}
		reports := make(chan sweep.Report)
		for range 4 {
			go func() {
				s := w.another()
				s.Concurrency, s.PerSecond = 16, 5000
				reports <- w.sweepWith(s, time.Minute)
			}()
		}
		claimed := 0
		for range 4 {
			report := <-reports
			claimed += report.Claimed
			if report.Claimed < 300 {
				t.Errorf("one sweeper got %d orders of 3000", report.Claimed)
			}
		}
		if claimed != 3000 {
			t.Errorf("%d orders were claimed, want each of 3000 once", claimed)
		}
		w.wantEnded()
	})
}

// WeChat Pay is kept busy: neither claiming nor writing down makes it wait. The time is a false
// one, so that this is about the order of events alone; the benchmark has the rest.
func TestSweepKeepsTheGatewayBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const orders, concurrency, latency = 2000, 64, 50 * time.Millisecond
		w := newWorld(t)
		w.gateway.latency, w.store.Latency = latency, 5*time.Millisecond
		w.sweeper.Concurrency, w.sweeper.PerSecond = concurrency, 5000
		for i := range orders {
			w.order(fmt.Sprint("A", i), tradestate.NotPay)
		}
		start := time.Now()
		report := w.sweep(time.Minute)
		floor := latency * time.Duration(report.Calls) / concurrency
		if took := time.Since(start); took > floor*10/9 || report.Closed != orders || w.gateway.most != concurrency {
			t.Errorf("it took %v with %d at once, want at most %v with %d: %+v", took, w.gateway.most, floor*10/9, concurrency, report)
		}
		w.wantEnded()
	})
}

// The report is what the platform keeps of a timer's run.
func TestReportInJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(sweep.Report{Claimed: 3, Closed: 1, Paid: 1, Retried: 1, Failed: 1, Calls: 4, Left: true, Took: 1200})
	want := `{"claimed":3,"closed":1,"alreadyClosed":0,"paid":1,"notFound":0,"retried":1,"gaveUp":0,"released":0,"lost":0,` +
		`"contradicted":0,"unrecorded":0,"failed":1,"calls":4,"told":0,"untold":0,"dead":0,"left":true,"tookMs":1200}`
	if err != nil || string(text) != want {
		t.Errorf("got %s (%v), want %s", text, err, want)
	}
}

func TestDefaultConcurrency(t *testing.T) {
	t.Parallel()
	for memory, want := range map[int]int{0: 16, 16: 8, 128: 32, 256: 64, 3072: 128} {
		if got := sweep.DefaultConcurrency(memory); got != want {
			t.Errorf("with %d MB: got %d, want %d", memory, got, want)
		}
	}
}
