//go:build sqlite

package app_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/sweep"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/wire/wiretest"
)

// holding are the far sides that a sweep treats differently.
func holding(t *testing.T) []farSide {
	t.Helper()
	sides := []farSide{{"a byte a second", wiretest.Drips(t, time.Second)}, {"silence", wiretest.Silent(t)}}
	for _, status := range []int{100, 101, 103, 200, 204, 302, 401, 404, 429, 500, 503} {
		sides = append(sides, farSide{fmt.Sprint("HTTP ", status), wiretest.Holds(t, status)})
	}
	return sides
}

// tickBefore registers two due orders and fires a timer whose run may take four seconds.
func (k *registerEnv) tickBefore() sweep.Report {
	k.t.Helper()
	k.registerTwo()
	return k.tick("closeorder")
}

// registerTwo registers two orders, and gives the functions that have to close them little time.
func (k *registerEnv) registerTwo() {
	k.t.Helper()
	for _, number := range []string{"A1", "A2"} {
		k.register(number, `"close_at":0`)
	}
	k.limit = 4 * time.Second
}

// A run closes the due orders and ends in time although the receiver of events keeps its connection
// open.
func TestRegisteredRunOutlivesItsReceiver(t *testing.T) {
	t.Parallel()
	const key = "notify-key-of-the-tests"
	telemetrytest.Secret(t, telemetrytest.Token, key)
	var all sync.WaitGroup
	for _, side := range holding(t) {
		all.Go(func() {
			t.Run(side.name, func(t *testing.T) {
				k := newRegisterEnv(t, mode{api: order.V2})
				k.vars["CLOUDPAY_NOTIFY_URL"], k.vars["CLOUDPAY_NOTIFY_KEY"] = side.address+"/hook", key
				if got := k.tickBefore(); got.Closed != 2 {
					t.Errorf("got report %+v, want both orders closed", got)
				}
				k.wantEvents(map[string]outbox.EventKind{"A1": outbox.EventClosed, "A2": outbox.EventClosed})
			})
		})
	}
	all.Wait()
}

// A run ends no order, and ends in time, if the gateway keeps its connection open.
func TestRegisteredRunOutlivesItsGateway(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for _, side := range holding(t) {
		all.Go(func() {
			t.Run(side.name, func(t *testing.T) {
				k := newRegisterEnv(t, mode{api: order.V2})
				k.vars["WXPAY_BASE_URL"] = side.address
				k.registerTwo()
				reply, err := k.tryAsk("closeorder", timerEvent, fromTimer)
				if err != nil { // a status that says that the signature is refused
					if side.name != "HTTP 401" || !strings.Contains(err.Error(), "SIGNERROR") {
						t.Error(err)
					}
				} else if got := readSweep(t, reply); got.Closed+got.AlreadyClosed+got.Paid+got.NotFound+got.GaveUp > 0 {
					t.Errorf("got report %+v, want nothing known", got)
				}
				k.wantEvents(map[string]outbox.EventKind{})
			})
		})
	}
	all.Wait()
}
