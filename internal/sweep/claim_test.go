package sweep_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store/fakestore"
)

// slowClaims is a register whose claims take long, as amid dead rows.
type slowClaims struct {
	*fakestore.Store

	took time.Duration
}

func (s slowClaims) Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	if !deadline.Sleep(ctx, s.took) {
		return nil, ctx.Err()
	}
	return s.Store.Claim(ctx, of, limit, lease)
}

func (s slowClaims) ClaimDoubtful(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	if !deadline.Sleep(ctx, s.took) {
		return nil, ctx.Err()
	}
	return s.Store.ClaimDoubtful(ctx, of, limit, lease)
}

// Each claim has time of its own: a slow one of orders in doubt leaves enough for the next.
func TestSweepOfSlowClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay)
		w.sweeper.Store = slowClaims{w.store, 4 * time.Second}
		if report := w.sweep(time.Minute); report.Closed != 1 {
			t.Errorf("got %+v, want the order closed", report)
		}
	})
}

// A sweep whose figures cannot be read says so as an error, by the code that an alarm names.
func TestSweepWithoutFigures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.store.Fault = func(op string) error {
			if op == "status" {
				return errors.New("too slow")
			}
			return nil
		}
		if report := w.sweep(time.Minute); report.Status != nil {
			t.Errorf("got %+v, want no figures", report.Status)
		}
		if log := w.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "code=STATUS_UNREAD") {
			t.Errorf("logged %q, want an error with the code", log)
		}
	})
}

// slowDeliveries is a register whose claims of events take long to answer.
type slowDeliveries struct {
	*fakestore.Store

	took time.Duration
}

func (s slowDeliveries) ClaimDeliveries(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]outbox.Delivery, error) {
	found, err := s.Store.ClaimDeliveries(ctx, of, limit, lease)
	deadline.Sleep(ctx, s.took)
	return found, err
}

// An event that is recorded while a claim of events is under way, which finds none, is delivered by
// the same sweep.
func TestSweepDeliversWhatAClaimMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.order("A1", tradestate.NotPay)
		w.gateway.latency = 100 * time.Millisecond
		w.sweeper.Store = slowDeliveries{w.store, time.Second}
		w.sweeper.Notifier = &ear{answer: func(context.Context, outbox.Event) error { return nil }}
		if report := w.sweep(time.Minute); report.Closed != 1 || report.Told != 1 {
			t.Errorf("got %+v, want the order closed and its event delivered", report)
		}
	})
}
