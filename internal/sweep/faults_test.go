package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	"cloudpay/internal/store/fakestore"
	"cloudpay/internal/sweep"
)

// The process dies between any two of its words to the store (nothing after it is heard of), and
// the next sweep finishes.
func TestSweepThatDies(t *testing.T) {
	t.Parallel()
	for after := range 45 {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.gateway.latency = 50 * time.Millisecond
				for i := range 30 {
					w.order(fmt.Sprint("A", i), []tradestate.State{tradestate.NotPay, tradestate.Success, tradestate.NotPay}[i%3])
				}
				ctx, die := context.WithCancel(t.Context())
				defer die()
				words := 0
				w.store.Fault = func(string) error {
					if words++; words <= after {
						return nil
					}
					die()
					return errors.New("the process is dead")
				}
				report, err := w.sweeper.RunOnce(ctx)
				if err == nil && accounted(report) != report.Claimed {
					t.Errorf("got %+v", report)
				}
				w.store.Mend()
				for range 3 { // what was put off for a minute comes after what was left under a lease
					passes(2 * time.Minute)
					w.sweep(time.Minute)
				}
				w.wantEnded()
			})
		})
	}
}

// crowd makes the gateway go wrong at random: requests and replies are lost, or late,
// people pay when they like.
func (w *world) crowd(r *rand.Rand, faults float64) {
	w.gateway.odd = func(ctx context.Context, op, no string) (order.Answer, bool) {
		w.gateway.mu.Lock()
		if is := w.gateway.states[no]; !is.Closed() && r.Float64() < 0.05 {
			w.gateway.states[no] = tradestate.Success
		}
		goesWrong, how := r.Float64() < faults, r.IntN(7)
		if goesWrong && op == "close" && (how == 1 || how == 2) && w.gateway.states[no].Unpaid() {
			w.gateway.states[no] = tradestate.Closed // carried out, and the reply is lost
		}
		w.gateway.mu.Unlock()
		if !goesWrong {
			return order.Answer{}, false
		}
		switch how {
		case 0, 1:
			return order.Answer{Verdict: verdict.Doubted, Code: errcode.NetworkError}, true
		case 2:
			return closingtest.Hangs(ctx), true
		case 3:
			return closingtest.Answer(verdict.Limited, errcode.FrequencyLimited), true
		case 4:
			return closingtest.Answer(verdict.Disputed, "TRADE_ERROR"), true
		case 5:
			panic("a fault of our own")
		default:
			return order.Answer{Verdict: verdict.Rejected, Code: "ORDERCLOSED"}, true
		}
	}
}

// A fault of the configuration is every order's, and no attempt of any: each sweep tries again and
// says so, no order comes nearer to being given up, and all are closed once it is mended.
func TestSweepWithoutConfiguration(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*sweep.Sweeper){
		"query first": func(*sweep.Sweeper) {}, "close first": func(s *sweep.Sweeper) { s.CloseFirst = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				change(w.sweeper)
				for i := range 20 {
					w.order(fmt.Sprint("A", i), tradestate.NotPay)
				}
				var asked atomic.Int32
				w.gateway.odd = func(context.Context, string, string) (order.Answer, bool) {
					asked.Add(1)
					a := closingtest.Answer(verdict.Rejected, errcode.ConfigError)
					a.Message = "set WXPAY_PUBLIC_KEY"
					return a, true
				}
				const sweeps = 30 // more than there are attempts
				for i := range sweeps {
					asked.Store(0)
					report := w.sweep(30 * time.Second)
					if n := asked.Load(); n == 0 || n > 8 || report.Claimed == 0 || report.Released != report.Claimed ||
						!report.Left || report.Fault != "CONFIG_ERROR: set WXPAY_PUBLIC_KEY" || report.Err() == nil {
						t.Fatalf("sweep %d asked %d times: %+v", i, n, report)
					}
					passes(time.Minute)
				}
				for _, ref := range w.store.Refs() {
					if kept := w.store.At(ref.OutTradeNo); kept.Progress != schedule.Waiting || kept.Attempts != 0 || kept.LastError != "" {
						t.Errorf("%s is kept as %+v, want it untouched", ref.OutTradeNo, kept)
					}
				}
				if n := strings.Count(w.log.String(), "level=ERROR"); n != sweeps {
					t.Errorf("logged %d errors, want one a sweep:\n%s", n, w.log.String())
				}
				w.gateway.odd = nil
				w.sweep(30 * time.Second)
				w.wantEnded()
			})
		})
	}
}

// A payment whose amount WeChat Pay did not say is a payment of an amount that is not known, and
// neither 0 nor another one.
func TestSweepOfAPaymentWithoutAmount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.Success, func(e *schedule.Entry) { e.Total = new(int64(100)) })
		w.gateway.odd = func(context.Context, string, string) (order.Answer, bool) {
			a := closingtest.Answer(verdict.Stated, "")
			a.Facts = &order.Facts{TradeState: tradestate.Success, OutTradeNo: "A1", TransactionID: "4200001"}
			return a, true
		}
		if report := w.sweep(30 * time.Second); report.Paid != 1 {
			t.Errorf("got %+v, want it paid", report)
		}
		kept := w.store.At("A1")
		if kept.FinalState != schedule.FinalPaid || kept.PaidTotal != nil || kept.TransactionID != "4200001" {
			t.Errorf("A1 is kept as %+v, want a payment of an unknown amount", kept)
		}
	})
}

// A close that was sent before its query met a fault of the configuration is in doubt like any
// other.
func TestSweepThatLosesItsConfigurationInMidRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.sweeper.CloseFirst = true
		w.order("A1", tradestate.NotPay)
		w.gateway.odd = func(_ context.Context, op, _ string) (order.Answer, bool) {
			if op == "close" {
				return closingtest.Answer(verdict.Doubted, errcode.Timeout), true
			}
			return closingtest.Answer(verdict.Rejected, errcode.ConfigError), true
		}
		if report := w.sweep(30 * time.Second); report.Retried != 1 {
			t.Errorf("got %+v, want the doubt to be kept", report)
		}
		if kept := w.store.At("A1"); kept.Progress != schedule.Closing || kept.Attempts != 1 {
			t.Errorf("A1 is kept as %+v, want it in doubt", kept)
		}
		w.gateway.odd = nil
		passes(5 * time.Minute)
		w.sweep(30 * time.Second)
		w.wantEnded()
	})
}

// However WeChat Pay, the store and the sweeps themselves fail, no order is kept as anything that
// it is not; and once they stop failing, all of them end, once each.
func TestSweepsNeverContradictTheGateway(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			r := rand.New(rand.NewPCG(seed, 5))
			states := []tradestate.State{tradestate.NotPay, tradestate.NotPay, tradestate.NotPay, tradestate.PayError, tradestate.Success, tradestate.Closed, tradestate.UserPaying}
			for i := range 25 {
				w.order(fmt.Sprint("A", i), states[r.IntN(len(states))], func(e *schedule.Entry) {
					e.CloseIn = time.Duration(r.IntN(120)) * time.Second
				})
			}
			w.gateway.latency = 50 * time.Millisecond
			w.crowd(r, 0.3)
			theirs := rand.New(rand.NewPCG(seed, 6)) // under the store's lock, as r is under the gateway's
			w.store.Fault = func(string) error {
				if theirs.Float64() < 0.1 {
					return fakestore.ErrDown
				}
				return nil
			}
			done := make(chan struct{})
			for i := range 3 {
				s := w.another()
				s.CloseFirst, s.Confirm, s.DoubtfulOnly = i == 1, seed%2 == 0, i == 2
				go func() {
					for range 5 {
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(3+i*7)*time.Second)
						_, _ = s.RunOnce(ctx)
						cancel()
						passes(time.Duration(20+i) * time.Second)
					}
					done <- struct{}{}
				}()
			}
			for range 3 {
				<-done
			}
			for _, ref := range w.store.Refs() {
				kept, is := w.store.At(ref.OutTradeNo), w.gateway.state(ref.OutTradeNo)
				if kept.FinalState == schedule.FinalClosed && !is.Closed() || kept.FinalState == schedule.FinalPaid && !is.Paid() || kept.FinalState == schedule.FinalNotFound {
					t.Errorf("seed %d: %s is kept as %s, and is %s", seed, ref.OutTradeNo, kept.FinalState, is)
				}
			}
			w.gateway.odd = nil
			w.store.Mend()
			for no, is := range w.gateway.states {
				if is == tradestate.UserPaying {
					w.gateway.states[no] = tradestate.NotPay
				}
			}
			for range 3 {
				passes(7 * time.Hour)
				w.sweep(time.Minute)
			}
			w.wantEnded()
		})
	}
}

// WeChat Pay takes fewer calls than we would make: the sweepers slow down together, and find their
// way back.
func TestSweepersFindTheirSpeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const orders, takes = 4000, 50
		w := newWorld(t)
		w.gateway.latency, w.store.Latency = 50*time.Millisecond, 2*time.Millisecond
		var second time.Time
		inSecond, limited := 0, 0
		w.gateway.odd = func(context.Context, string, string) (order.Answer, bool) {
			w.gateway.mu.Lock()
			defer w.gateway.mu.Unlock()
			if now := time.Now().Truncate(time.Second); !now.Equal(second) {
				second, inSecond = now, 0
			}
			if inSecond++; inSecond <= takes {
				return order.Answer{}, false
			}
			limited++
			return closingtest.Answer(verdict.Limited, errcode.FrequencyLimited), true
		}
		for i := range orders {
			w.order(fmt.Sprint("A", i), tradestate.Success)
		}
		reports := make(chan sweep.Report)
		for range 3 {
			go func() {
				s := w.another()
				s.Concurrency = 32
				reports <- w.sweepWith(s, 5*time.Minute)
			}()
		}
		var paid, calls int
		for range 3 {
			report := <-reports
			paid += report.Paid
			calls += report.Calls
		}
		if limited*10 > calls {
			t.Errorf("%d of %d calls were one too many, want a tenth at most", limited, calls)
		}
		// In five minutes it would take 15,000; a third of that is what halving and growing back
		// costs at the worst.
		if paid < orders {
			t.Errorf("%d of %d orders ended in five minutes", paid, orders)
		}
		if w.gateway.doubly > 0 {
			t.Errorf("%d exchanges were about an order that had another under way", w.gateway.doubly)
		}
	})
}

// A pause that is longer than the sweep ends it: what was claimed is given back, and no attempt is
// counted.
func TestSweepThatIsTurnedAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 50 {
			w.order(fmt.Sprint("A", i), tradestate.NotPay)
		}
		w.gateway.odd = func(context.Context, string, string) (order.Answer, bool) {
			a := closingtest.Answer(verdict.Limited, errcode.FrequencyLimited)
			a.RetryAfter = 2 * time.Minute
			return a, true
		}
		start := time.Now()
		report := w.sweep(time.Minute)
		if took := time.Since(start); took > 3*time.Second || !report.Left || report.Calls > 4 || report.Released == 0 || report.Retried > 4 {
			t.Errorf("in %v: got %+v", took, report)
		}
		counted := 0
		for _, ref := range w.store.Refs() {
			counted += w.store.At(ref.OutTradeNo).Attempts
		}
		if counted != report.Retried {
			t.Errorf("%d attempts were counted, want %d", counted, report.Retried)
		}
		if again := w.sweep(30 * time.Second); again.Claimed != 0 && again.Calls != 0 {
			t.Errorf("within the pause: got %+v", again)
		}
		w.gateway.odd = nil
		passes(5 * time.Minute)
		w.sweep(time.Minute)
		w.wantEnded()
	})
}

// A quota of one call in four seconds: orders are taken as they can be asked about, and none is
// claimed to no purpose.
func TestSlowestSweep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.sweeper.PerSecond, w.sweeper.Concurrency = 0.25, 32
		for i := range 50 {
			w.order(fmt.Sprint("A", i), tradestate.NotPay)
		}
		report := w.sweep(5 * time.Minute)
		if report.Calls < 60 || report.Calls > 76 || report.Closed < 25 || report.Claimed > report.Closed+10 || w.store.Calls()["claim"] > 200 {
			t.Errorf("got %+v with %d claims", report, w.store.Calls()["claim"])
		}
	})
}

// fakeNotifier is a Notifier that fails as it is told to.
type fakeNotifier struct {
	fails func(outbox.Event) error
	mu    sync.Mutex
	heard []int64
}

func (n *fakeNotifier) Deliver(_ context.Context, event outbox.Event) error {
	if err := n.fails(event); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard = append(n.heard, event.Number)
	return nil
}

// What became of the orders is told by the sweep that found it out, and by the next ones if it was
// not taken.
func TestDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		listener := &fakeNotifier{fails: func(outbox.Event) error { return nil }}
		w.sweeper.Notifier = listener
		w.sweeper.Concurrency = 1
		for i := range 20 {
			w.order(fmt.Sprint("A", i), tradestate.NotPay)
		}
		if report := w.sweep(time.Minute); report.Told != 20 || len(listener.heard) != 20 {
			t.Errorf("got %+v, want all told at once", report)
		}
		if report := w.sweep(time.Minute); report.Told != 0 || len(listener.heard) != 20 {
			t.Errorf("got %+v, want nothing told twice", report)
		}
	})
}

// An event that is never taken is tried apart more and more, and is dead in the end, which is an
// error in the log.
func TestDeliveryThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.sweeper.Notifier = &fakeNotifier{fails: func(outbox.Event) error { return errors.New("the receiver answered 500, not 2xx") }}
		w.order("A1", tradestate.NotPay)
		start, tries := time.Now(), 0
		for dead := 0; dead == 0 && tries < 50; {
			report := w.sweep(30 * time.Second)
			dead = report.Dead
			if tries += report.Untold + report.Dead; report.Untold+report.Dead > 1 {
				t.Fatalf("got %+v, want one try in a sweep", report)
			}
			passes(5 * time.Minute)
		}
		if took := time.Since(start); tries != 20 || took < 48*time.Hour || took > 96*time.Hour {
			t.Errorf("dead after %d tries in %v, want 20 in two or three days", tries, took)
		}
		if got := w.log.String(); strings.Count(got, "not tried again") != 1 {
			t.Errorf("the log says %d times that it is not tried again, want once", strings.Count(got, "not tried again"))
		}
	})
}

// A receiver that takes nothing does not take the sweep's time either, and one that panics or hangs
// is no fault of the orders'.
func TestDeliveryDoesNotHoldUpTheSweep(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]func(outbox.Event) error{
		"hangs":  func(outbox.Event) error { passes(10 * time.Second); return context.DeadlineExceeded },
		"panics": func(outbox.Event) error { panic("no ear") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.gateway.latency = 50 * time.Millisecond
				w.sweeper.Notifier = &fakeNotifier{fails: fails}
				for i := range 200 {
					w.order(fmt.Sprint("A", i), tradestate.NotPay)
				}
				start := time.Now()
				report := w.sweep(time.Minute)
				if took := time.Since(start); took > 21*time.Second || report.Closed != 200 || report.Untold == 0 || report.Untold > 10 {
					t.Errorf("in %v: got %+v", took, report)
				}
				w.wantEnded()
			})
		})
	}
}

// That WeChat Pay refuses the merchant's signature is logged once a sweep, with its text and what
// to do, and the sweep has failed: the orders would say so only when they are given up.
func TestSweepFailsByRefusedSignatures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, no := range []string{"A1", "A2", "A3"} {
			w.order(no, tradestate.NotPay)
		}
		w.gateway.odd = func(context.Context, string, string) (order.Answer, bool) {
			a := closingtest.Answer(verdict.Rejected, errcode.SignError)
			a.Message, a.Proof = "the signed text should have been …", order.ProofNone
			return a, true
		}
		report := w.sweep(30 * time.Second)
		if err := report.Err(); report.Failed != 3 || err == nil || !strings.Contains(err.Error(), "SIGNERROR: the signed text") {
			t.Errorf("got %+v, %v, want three attempts that failed, and a failure that says why", report, err)
		}
		log := w.log.String()
		if n := strings.Count(log, "refuses the merchant's credentials"); n != 1 {
			t.Errorf("the log says it %d times, want once:\n%s", n, log)
		}
		for _, want := range []string{"level=ERROR", "code=CREDENTIALS", "errCode=SIGNERROR", "the signed text should have been", "remedy=\"check the key"} {
			if !strings.Contains(log, want) {
				t.Errorf("the log lacks %s:\n%s", want, log)
			}
		}
	})
}

// A sweep in which one order ended has not failed, whatever the others met, and neither has one
// whose failures have other causes. A number that WeChat Pay does not know may be one
// sub-merchant's.
func TestOtherFailuresDoNotFailASweep(t *testing.T) {
	t.Parallel()
	refusing := func(code string, orders ...string) func(context.Context, string, string) (order.Answer, bool) {
		return func(_ context.Context, _, number string) (order.Answer, bool) {
			return closingtest.Answer(verdict.Refused, code), slices.Contains(orders, number)
		}
	}
	for name, tc := range map[string]struct {
		odd     func(context.Context, string, string) (order.Answer, bool)
		partner bool
		failed  int
		fails   bool
	}{
		"credentials":              {refusing(errcode.SignError, "A1", "A2"), false, 2, true},
		"credentials, one ended":   {refusing(errcode.SignError, "A1"), false, 1, false},
		"another cause":            {refusing(errcode.NoAuth, "A1", "A2"), false, 2, false},
		"a number":                 {refusing("MCHID_NOT_EXIST", "A1", "A2"), false, 2, true},
		"a sub-merchant's number":  {refusing("MCHID_NOT_EXIST", "A1", "A2"), true, 2, false},
		"a provider's credentials": {refusing(errcode.SignError, "A1", "A2"), true, 2, true},
		"no order":                 {refusing(errcode.SignError), false, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.sweeper.Merchant.Partner = tc.partner
				for _, no := range []string{"A1", "A2"} {
					w.order(no, tradestate.NotPay, func(e *schedule.Entry) {
						if tc.partner {
							e.SubMchID = "1900000109"
						}
					})
				}
				w.gateway.odd = tc.odd
				report := w.sweep(30 * time.Second)
				if err := report.Err(); report.Failed != tc.failed || (err != nil) != tc.fails {
					t.Errorf("got %+v, %v, want %d failed attempts, and a failed sweep: %v", report, err, tc.failed, tc.fails)
				}
			})
		})
	}
}

// Orders that are too young to be closed are retried, and no attempt failed.
func TestYoungOrdersHaveNotFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay, func(e *schedule.Entry) { e.CreatedAt = time.Now() })
		if report := w.sweep(30 * time.Second); report.Retried != 1 || report.Failed != 0 {
			t.Errorf("got %+v, want one retried and none failed", report)
		}
	})
}
