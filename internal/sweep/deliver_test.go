package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store/fakestore"
	"cloudpay/internal/sweep"
)

// ear is a receiver. It answers as answer says, and nothing counts after its context's end.
type ear struct {
	answer func(ctx context.Context, e outbox.Event) error

	mu     sync.Mutex
	flying int
	most   int // deliveries at once
	tries  int
	heard  map[int64]int
	first  time.Time // of the deliveries
	last   time.Time // of the acknowledgements
}

func (n *ear) Deliver(ctx context.Context, e outbox.Event) error {
	n.mu.Lock()
	if n.tries++; n.tries == 1 {
		n.first = time.Now()
	}
	n.flying++
	n.most = max(n.most, n.flying)
	n.mu.Unlock()
	err := n.answer(ctx, e)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.flying--
	if err == nil {
		if n.heard == nil {
			n.heard = map[int64]int{}
		}
		n.heard[e.Number]++
		n.last = time.Now()
	}
	return err
}

// rate is how many events a second were acknowledged.
func (n *ear) rate() float64 { return float64(len(n.heard)) / n.last.Sub(n.first).Seconds() }

// takes answers after a while, or not at all when the delivery is cut short.
func takes(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answers is a receiver's answer that acknowledges nothing.
func answers(status int, retryAfter time.Duration) error {
	return fmt.Errorf("telling: %w", &outbox.DeliveryError{Status: status, RetryAfter: retryAfter})
}

// hearing is a world with so many events to tell, and a sweeper that tells them.
func hearing(t *testing.T, events int, answer func(context.Context, outbox.Event) error) (*world, *ear) {
	t.Helper()
	w := newWorld(t)
	for i := range events {
		w.order(fmt.Sprint("A", i), tradestate.Success)
	}
	w.sweeper.Concurrency, w.sweeper.PerSecond = 128, 1e6
	w.sweep(time.Minute)
	n := &ear{answer: answer}
	w.sweeper.Notifier, w.sweeper.Deliveries = n, 64
	w.store.Latency = 2 * time.Millisecond
	return w, n
}

// pending are the events that are still to be told, a few days later.
func (w *world) pending() []outbox.Delivery {
	w.t.Helper()
	passes(100 * time.Hour)
	pending, err := w.store.ClaimDeliveries(w.t.Context(), shop.Account(), 10_000, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	return pending
}

// A receiver that answers in 50 ms is told at nearly 64 / 50 ms: a worker takes the next event when
// it is free, and waits neither for others nor for the store.
func TestDeliveriesInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const events = 1500
		w, n := hearing(t, events, func(ctx context.Context, _ outbox.Event) error { return takes(ctx, 50*time.Millisecond) })
		report := w.sweep(time.Minute)
		if report.Told != events || len(n.heard) != events || n.most != 64 {
			t.Errorf("got %+v, %d heard and %d at once, want %d told, 64 at once", report, len(n.heard), n.most, events)
		}
		if rate := n.rate(); rate < 1000 {
			t.Errorf("got %.0f a second, want 1,000 at least", rate)
		}
		if calls := w.store.Calls()["recordDeliveries"]; calls > events/16 {
			t.Errorf("outcomes were recorded in %d statements, want some tens in each", calls)
		}
	})
}

// An answer in twenty never comes. It does not hold up the others, and counts as a failure after
// three seconds.
func TestDeliveriesBesideHangingOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const events = 2500
		w, n := hearing(t, events, func(ctx context.Context, e outbox.Event) error {
			if e.Number%20 == 7 {
				return takes(ctx, time.Hour)
			}
			return takes(ctx, 50*time.Millisecond)
		})
		report := w.sweep(time.Minute)
		if report.Told != events*19/20 || report.Untold != events/20 {
			t.Errorf("got %+v, want %d told and %d not", report, events*19/20, events/20)
		}
		if rate := n.rate(); rate < 300 {
			t.Errorf("got %.0f a second, want 300 at least", rate)
		}
		for _, d := range w.pending() {
			if d.Attempts != 2 || d.LastError != fmt.Sprintf("delivering event %d: no answer within 3s", d.Number) {
				t.Fatalf("got %+v, want one attempt before, without an answer within 3s", d)
			}
		}
	})
}

// A receiver whose every answer takes four seconds is not one that hangs: no answer is cut off.
func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, n := hearing(t, 500, func(ctx context.Context, _ outbox.Event) error { return takes(ctx, 4*time.Second) })
		report := w.sweep(5 * time.Minute)
		if report.Told != 500 || n.tries != 500 || n.most != 64 {
			t.Errorf("got %+v in %d tries, %d at once, want all told at the first, 64 at once", report, n.tries, n.most)
		}
	})
}

// A receiver that begins to hang gets fewer deliveries at once, and as many as before when it has
// recovered.
func TestReceiverIsSlowedDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n *ear
		phase, atOnce := 0, map[int]int{} // deliveries at once, by phase
		w, n := hearing(t, 4000, func(ctx context.Context, _ outbox.Event) error {
			n.mu.Lock()
			switch {
			case n.tries > 1000:
				phase = 2
			case n.tries > 500:
				phase = 1
			}
			hangs := phase == 1 && n.tries%3 != 0
			if n.tries < 450 || n.tries > 850 && n.tries < 1000 || n.tries > 3500 { // not in between
				atOnce[phase] = max(atOnce[phase], n.flying)
			}
			n.mu.Unlock()
			if hangs {
				return takes(ctx, time.Hour)
			}
			return takes(ctx, 50*time.Millisecond)
		})
		w.sweep(5 * time.Hour)
		if atOnce[0] != 64 || atOnce[1] > 4 || atOnce[2] != 64 {
			t.Errorf("got %v at once, want 64, few while two in three hang, and 64 again", atOnce)
		}
	})
}

// A receiver that refuses everything costs a sweep eight attempts and two probes of the newest
// events; what was claimed besides is given back, and no attempt is counted for it.
func TestReceiverThatIsDown(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]error{
		"5xx": answers(500, 0), "refused": errors.New("connection refused"), "busy": answers(503, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, n := hearing(t, 100, func(context.Context, outbox.Event) error { return refusal })
				start := time.Now()
				report := w.sweep(time.Minute)
				if took := time.Since(start); report.Untold != 10 || n.tries != 10 || took > time.Second {
					t.Errorf("got %+v after %v, want 10 attempts", report, took)
				}
				attempts := 0
				for _, d := range w.pending() {
					attempts += d.Attempts - 1
				}
				if attempts != 10 {
					t.Errorf("%d attempts were counted, want 10", attempts)
				}
			})
		})
	}
}

// A receiver that asks for a moment's pause is told the rest in the same sweep.
func TestReceiverThatWantsAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		second, inSecond, refused := time.Time{}, 0, 0
		w, n := hearing(t, 300, func(ctx context.Context, _ outbox.Event) error {
			mu.Lock()
			if now := time.Now().Truncate(time.Second); !now.Equal(second) {
				second, inSecond = now, 0
			}
			inSecond++
			limited := inSecond > 20
			if limited {
				refused++
			}
			mu.Unlock()
			if err := takes(ctx, 50*time.Millisecond); err != nil || !limited {
				return err
			}
			return answers(429, time.Second)
		})
		report := w.sweep(2 * time.Minute)
		if refused > n.tries/3 {
			t.Errorf("got %+v, %d of %d tries refused, want a third at most", report, refused, n.tries)
		}
	})
}

// A receiver that wants no deliveries for an hour gets none from any sweep for ten minutes. The
// events that it refused wait for the hour.
func TestReceiverThatWantsALongPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, n := hearing(t, 100, func(context.Context, outbox.Event) error { return answers(429, time.Hour) })
		w.sweep(time.Minute)
		if n.tries > 8 {
			t.Errorf("got %d tries, want those alone that were in flight", n.tries)
		}
		refused := n.tries
		for range 9 {
			passes(time.Minute)
			other := w.another()
			other.Notifier = n
			w.sweepWith(other, time.Minute)
		}
		if n.tries != refused {
			t.Errorf("got %d tries within ten minutes, want none", n.tries-refused)
		}
		n.answer = func(context.Context, outbox.Event) error { return nil }
		passes(2 * time.Minute)
		if report := w.sweep(time.Minute); report.Told != 100-refused {
			t.Errorf("after ten minutes: got %+v, want all told but %d", report, refused)
		}
		passes(time.Hour)
		if report := w.sweep(time.Minute); report.Told != refused {
			t.Errorf("after the hour: got %+v, want %d told", report, refused)
		}
	})
}

// A pause is kept although other deliveries are acknowledged, in the same batch or later: they
// began before the receiver asked for it. Requeueing an event ends it.
func TestPauseBesideAcknowledgements(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]time.Duration{"in one batch": 0, "later": 300 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, n := hearing(t, 100, func(ctx context.Context, e outbox.Event) error {
					if e.Number%2 == 0 {
						return takes(ctx, late)
					}
					return answers(503, 5*time.Minute)
				})
				w.sweep(time.Minute)
				kept, err := w.store.Receiver(t.Context(), shop.Account())
				if err != nil || kept.Pause < 4*time.Minute || !kept.FailingSince.IsZero() {
					t.Errorf("got %+v and error %v, want a pause of five minutes, and no failure", kept, err)
				}
				tries := n.tries
				n.answer = func(context.Context, outbox.Event) error { return nil }
				if w.sweep(time.Minute); n.tries != tries {
					t.Errorf("got %d tries in the pause, want none", n.tries-tries)
				}
				if _, err := w.store.Requeue(t.Context(), shop.Account(), []int64{1}); err != nil {
					t.Fatal(err)
				}
				if report := w.sweep(time.Minute); report.Told < 90 || n.heard[1] != 1 {
					t.Errorf("got %+v once an event was requeued, want it told, and all that wait", report)
				}
			})
		})
	}
}

// A pause that was written before the database's clock was put back keeps nothing.
func TestPauseOfAnotherClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, _ := hearing(t, 20, func(context.Context, outbox.Event) error { return nil })
		if err := w.store.PauseReceiver(t.Context(), shop.Account(), 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		if report := w.sweep(time.Minute); report.Told != 20 {
			t.Errorf("got %+v, want all told", report)
		}
	})
}

// Events that the receiver refuses for what they are do not keep those behind them, in whatever
// number: some of the newest are tried before a sweep stops.
func TestRefusedEventsKeepNoOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const poison, good = 5000, 200
		w, n := hearing(t, poison, func(ctx context.Context, e outbox.Event) error {
			if err := takes(ctx, 50*time.Millisecond); err != nil || e.Number > poison {
				return err
			}
			return answers(400, 0)
		})
		for range 20 { // they come again meanwhile, and are among those due last
			before := n.tries
			if w.sweep(30 * time.Second); n.tries-before > 10 {
				t.Fatalf("got %d tries while all are refused, want 10 a sweep", n.tries-before)
			}
			passes(time.Minute)
		}
		for i := range good {
			w.order(fmt.Sprint("B", i), tradestate.Success)
		}
		for range 3 {
			before := n.tries
			if w.sweep(30 * time.Second); n.tries-before > 2*good {
				t.Errorf("got %d tries in a sweep, want few of what is refused", n.tries-before)
			}
			passes(time.Minute)
		}
		if len(n.heard) != good {
			t.Errorf("got %d told in three sweeps, want all %d that are not refused", len(n.heard), good)
		}
	})
}

// A receiver that says that it is gone is reported, once a sweep, and told all the same.
func TestReceiverThatIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, n := hearing(t, 20, func(context.Context, outbox.Event) error { return answers(410, 0) })
		w.sweep(time.Minute)
		if log := w.log.String(); strings.Count(log, "it is gone (410)") != 1 || !strings.Contains(log, "CLOUDPAY_NOTIFY_URL") {
			t.Errorf("the log has %q, want one error with its remedy", log)
		}
		n.answer = func(context.Context, outbox.Event) error { return nil }
		passes(time.Hour)
		if report := w.sweep(time.Minute); report.Told != 20 {
			t.Errorf("got %+v, want all told", report)
		}
	})
}

// A receiver that has acknowledged nothing for ten minutes is an error in the log and in the
// report, until it acknowledges again.
func TestReceiverThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, n := hearing(t, 20, func(context.Context, outbox.Event) error { return answers(500, 0) })
		start := time.Now()
		for range 9 {
			if report := w.sweep(30 * time.Second); report.Receiver != nil {
				t.Fatalf("after %s: got %+v, want no alarm yet", time.Since(start), report.Receiver)
			}
			passes(time.Minute)
		}
		passes(time.Minute)
		report := w.sweep(30 * time.Second)
		if r := report.Receiver; r == nil || r.Waiting != 20 || r.FailingSince.Sub(start) > time.Second || !strings.Contains(r.LastError, "answered 500") {
			t.Errorf("got %+v, want 20 that wait since the beginning", r)
		}
		for _, want := range []string{"level=ERROR", "failingSince=", "waiting=20", "lastError=", "answered 500", "remedy="} {
			if log := w.log.String(); !strings.Contains(log, want) {
				t.Errorf("the log lacks %s: %s", want, log)
			}
		}
		n.answer = func(context.Context, outbox.Event) error { return nil }
		passes(time.Hour)
		if report := w.sweep(30 * time.Second); report.Told != 20 || report.Receiver != nil {
			t.Errorf("got %+v, want all told and no alarm", report)
		}
		if kept, err := w.store.Receiver(t.Context(), shop.Account()); err != nil || !kept.FailingSince.IsZero() {
			t.Errorf("got %+v, %v, want that it does not fail", kept, err)
		}
		if calls := w.store.Calls(); calls["receiverFailed"] != 1 || calls["receiverRecovered"] != 1 {
			t.Errorf("got %v, want the receiver's state written when it changes", calls)
		}
	})
}

// While nothing can be recorded, little is told: it would all be told again.
func TestDeliveriesThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, n := hearing(t, 3000, func(ctx context.Context, _ outbox.Event) error { return takes(ctx, 50*time.Millisecond) })
		w.store.Fault = func(op string) error {
			if op == "recordDeliveries" {
				return fakestore.ErrDown
			}
			return nil
		}
		w.sweep(time.Minute)
		if n.tries > 300 || !strings.Contains(w.log.String(), "they may be delivered again") {
			t.Errorf("%d were told, want no more after some batches; the log has %q", n.tries, w.log.String())
		}
	})
}

// What is in flight when the time is up is recorded, what was only claimed is given back.
func TestDeliveriesEndWithTheSweep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, n := hearing(t, 2000, func(ctx context.Context, _ outbox.Event) error { return takes(ctx, 4*time.Second) })
		report := w.sweep(10 * time.Second)
		if n.flying != 0 || report.Told+report.Untold != n.tries || report.Told == 0 {
			t.Errorf("got %+v of %d tries, %d still in flight, want each recorded", report, n.tries, n.flying)
		}
		attempts := 0
		for _, d := range w.pending() {
			attempts += d.Attempts - 1
		}
		if attempts != report.Untold {
			t.Errorf("%d attempts were counted, want the %d that failed", attempts, report.Untold)
		}
		if kept, err := w.store.Receiver(t.Context(), shop.Account()); err != nil || !kept.FailingSince.IsZero() {
			t.Errorf("got %+v, %v: a sweep's end is no fault of the receiver's", kept, err)
		}
	})
}

func TestDefaultDeliveries(t *testing.T) {
	t.Parallel()
	for memory, want := range map[int]int{0: 16, 64: 16, 128: 32, 256: 64, 3008: 64} {
		if got := sweep.DefaultDeliveries(memory); got != want {
			t.Errorf("with %d MB: got %d, want %d", memory, got, want)
		}
	}
}
