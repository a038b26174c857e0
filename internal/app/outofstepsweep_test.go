//go:build sqlite

package app_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// sweep registers orders, sweeps them through a proxy that is out of step, and counts their records
// afterwards.
func (s step) sweep(t *testing.T, first string, tries int, change func(closing.Gateway) closing.Gateway) *tally {
	t.Helper()
	k := newRegisterEnv(t, mode{api: order.V2})
	p := &proxy{donor: newDonor(t, k.Server), share: 0.6}
	k.vars["WXPAY_BASE_URL"], k.vars["WXPAY_ROUTE"] = s.start(t, p), s.route
	k.vars["CLOUDPAY_SWEEP_FIRST"] = first
	a := k.app()
	t.Cleanup(func() { _ = a.Store.Close() })
	a.Sweeper.Gateway, a.Sweeper.Concurrency = change(a.Sweeper.Gateway), 12
	y := &tally{donor: p.donor}
	for i := range tries {
		k.registered(a, y, i)
	}
	const most = 60
	for range most { // an order in doubt becomes due again
		ctx, cancel := context.WithTimeout(t.Context(), patient)
		report, err := a.Sweeper.RunOnce(ctx)
		cancel()
		if err != nil {
			t.Error(err)
		}
		if !report.Left && report.Claimed == 0 {
			break
		}
		k.passes(time.Hour)
	}
	for i := range tries {
		kept, err := k.store.Show(t.Context(), k.ref(tryNumber(i)))
		if err != nil {
			t.Fatal(err)
		}
		y.count(order.Result{Outcome: outcomes[kept.FinalState]}, k.MustOrder(tryNumber(i)).State)
	}
	y.injected, y.faults = p.injected.Load(), p.faults.Load()
	return y
}

// outcomes maps each final state to the outcome of a call.
var outcomes = map[schedule.FinalState]order.Outcome{
	"":                     order.OutcomeUnknown,
	schedule.FinalClosed:   order.OutcomeClosed,
	schedule.FinalPaid:     order.OutcomePaid,
	schedule.FinalNotFound: order.OutcomeNotFound,
}

// registered adds an order that is paid, unpaid or closed, and registers it as due and old enough
// for "no such order" to be final.
func (k *registerEnv) registered(a *app.App, y *tally, i int) {
	k.t.Helper()
	p := y.order(k.t.Context(), i)
	p.CloseAt = "0"
	e, err := schedule.NewEntry(a.Closer.Merchant, p)
	if err == nil {
		_, err = k.store.Register(k.t.Context(), e)
	}
	if err != nil {
		k.t.Fatal(err)
	}
}

// A reply about another order is never recorded.
func TestRegisteredOutOfStep(t *testing.T) {
	t.Parallel()
	eachSweep(t, func(t *testing.T, s step, first string) {
		t.Helper()
		y := s.sweep(t, first, proofTries(t)/len(steps())/2, asIs)
		t.Log(y)
		if y.wrong > 0 {
			t.Errorf("%d of %d are wrong, want none", y.wrong, y.tries)
		}
		if y.injected < int64(y.tries/4) || y.proved == 0 {
			t.Errorf("%s: too little happened to show anything", y)
		}
	})
}

// It would be recorded if every answer were believed.
func TestRegisteredOutOfStepIsDangerous(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	wrong := 0
	eachSweep(t, func(t *testing.T, s step, first string) {
		t.Helper()
		y := s.sweep(t, first, 60, func(g closing.Gateway) closing.Gateway { return forced{g} })
		t.Log(y)
		mu.Lock()
		defer mu.Unlock()
		wrong += y.wrong
	})
	if wrong == 0 {
		t.Error("no order was recorded as what it is not")
	}
}

func eachSweep(t *testing.T, test func(t *testing.T, s step, first string)) {
	t.Helper()
	var group sync.WaitGroup
	for _, s := range steps() {
		for _, first := range []string{"query", "close"} {
			group.Go(func() {
				t.Run(fmt.Sprintf("%s, %s first", s.name, first), func(t *testing.T) { test(t, s, first) })
			})
		}
	}
	group.Wait()
}
