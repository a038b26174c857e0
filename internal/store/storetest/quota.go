package storetest

import (
	"math"
	"time"

	"cloudpay/internal/order"
)

var quota = []proof{
	{name: "a quota that is shared", prove: sharesQuota},
	{name: "a quota that backs off and recovers", prove: backsOff},
}

const ceiling = 100.0

func (e *env) take(n int, maxWait time.Duration, wantGranted bool) time.Duration {
	e.Helper()
	wait, granted, err := e.Take(e.ctx, shop, n, ceiling, maxWait)
	if err != nil || granted != wantGranted {
		e.Fatalf("taking %d: got granted %v (wait %v) and error %v, want %v", n, granted, wait, err, wantGranted)
	}
	return wait
}

func (e *env) wantRate(want float64) {
	e.Helper()
	got, err := e.Rate(e.ctx, shop, ceiling)
	if err != nil || math.Abs(got-want) > want/20 {
		e.Errorf("rate: got %v and error %v, want about %v", got, err, want)
	}
}

// around wants a wait of about that long: the database's clock goes on during the test.
func (e *env) around(got, want time.Duration) {
	e.Helper()
	if got > want || got < want-20*time.Second {
		e.Errorf("wait: got %v, want %v or a little less", got, want)
	}
}

func sharesQuota(e *env) {
	other := e.Another()
	if wait := e.take(6000, time.Minute, true); wait != 0 {
		e.Errorf("the first wait: got %v, want none", wait)
	}
	wait, granted, err := other.Take(e.ctx, shop, 1, ceiling, 2*time.Minute)
	if err != nil || !granted {
		e.Errorf("got granted %v and error %v, want it granted", granted, err)
	}
	e.around(wait, time.Minute)
	e.take(1, time.Second, false)
	if wait, granted, err := e.Take(e.ctx, order.Account{Region: order.Global, MchID: shop.MchID}, 1, ceiling, 0); err != nil || !granted || wait != 0 {
		e.Errorf("another merchant: got a wait of %v, granted %v, error %v; want none", wait, granted, err)
	}
	e.Pass(2 * time.Minute)
	if wait := e.take(1, 0, true); wait != 0 {
		e.Errorf("after the wait: got %v, want none", wait)
	}
}

func backsOff(e *env) {
	e.wantRate(ceiling)
	e.must(e.Limited(e.ctx, shop, ceiling, time.Minute))
	e.must(e.Limited(e.ctx, shop, ceiling, time.Minute)) // about the same calls
	e.wantRate(ceiling / 2)
	e.around(e.take(1, 2*time.Minute, true), time.Minute)
	e.Pass(6 * time.Second)
	e.wantRate(ceiling/2 + ceiling/10)
	e.must(e.Limited(e.ctx, shop, ceiling, 0))
	e.wantRate(ceiling / 2 * 0.6)
	for range 20 {
		e.Pass(time.Second + time.Millisecond)
		e.must(e.Limited(e.ctx, shop, ceiling, 0))
	}
	if rate, err := e.Rate(e.ctx, shop, ceiling); err != nil || rate <= 0 || rate > 10 {
		e.Errorf("after many complaints: got %v a second and error %v, want few but some", rate, err)
	}
	e.Pass(time.Minute)
	e.wantRate(ceiling)
}
