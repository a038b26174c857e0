package app_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/telemetry/telemetrytest"
)

// A fleet is the instances of a function, each with the settings with which it was started.
type fleet struct {
	*env

	instances [3]atomic.Pointer[hosting.Function]
	refused   atomic.Int64

	mu       sync.Mutex
	answered *sync.Cond // signalled when calls changes
	calls    int
}

// deploy replaces the instances one after the other, under load.
func (f *fleet) deploy(settings map[string]string) {
	f.t.Helper()
	maps.Copy(f.vars, settings)
	for i := range f.instances {
		f.inUse()
		function, err := app.QueryOrder(environ(f.vars), f.logged(&lockedBuffer{}))
		if err != nil {
			f.t.Fatal(err)
		}
		f.instances[i].Store(&function)
		f.wait()
	}
}

// wait waits until every caller has called each instance.
func (f *fleet) wait() {
	f.mu.Lock()
	defer f.mu.Unlock()
	const enough = 12 * len(f.instances)
	for target := f.calls + enough; f.calls < target; {
		f.answered.Wait()
	}
}

// call calls one instance and counts the call.
func (f *fleet) call(instance int, way shown) {
	reply, err := way(f.t.Context(), f.instances[instance].Load())
	telemetrytest.Error(f.t, err)
	f.replied(reply)
	// A timer of a function without a store fails, and is not refused: its caller was recognised.
	failed := err != nil && !strings.Contains(err.Error(), errcode.ConfigError)
	if failed || strings.Contains(string(reply), errcode.NoAuth) {
		f.refused.Add(1)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.answered.Broadcast()
}

// shown is a call of a function with a token.
type shown func(ctx context.Context, function *hosting.Function) (reply []byte, err error)

// inEvent sends a token in an event.
func inEvent(on hosting.Platform, payload string) shown {
	return func(ctx context.Context, function *hosting.Function) ([]byte, error) {
		return function.Handle(ctx, hosting.Invocation{Platform: on, Payload: []byte(payload)})
	}
}

// inHeader sends a token in a request's header.
func inHeader(header, token, body string) shown {
	return func(ctx context.Context, function *hosting.Function) ([]byte, error) {
		response, err := function.HandleHTTP(ctx, hosting.Invocation{Platform: hosting.Web}, hosting.Request{
			Method: "POST", Path: "/queryorder", Header: map[string]string{header: token}, Body: []byte(body),
		})
		return response.Body, err
	}
}

// Each token is changed under load by the steps of docs/callers.md, and no call is refused. At the
// end the old token is in no instance's settings and is refused.
func TestTokensAreRotatedUnderLoad(t *testing.T) {
	t.Parallel()
	const a1 = `{"out_trade_no":"A1"}`
	for name, c := range map[string]struct {
		variable string
		ways     []func(token string) shown
	}{
		"service": {"CLOUDPAY_SERVICE_TOKEN", []func(token string) shown{
			func(token string) shown {
				return inEvent(hosting.SCF, fmt.Sprintf(`{"out_trade_no":"A1","service_token":%s}`, quoted(token)))
			},
			func(token string) shown { return inHeader("cloudpay-service-token", token, a1) },
		}},
		"HTTP": {"CLOUDPAY_HTTP_TOKEN", []func(token string) shown{
			func(token string) shown { return inHeader("authorization", "Bearer "+token, a1) },
		}},
		"timer": {"CLOUDPAY_TIMER_TOKEN", []func(token string) shown{
			func(token string) shown {
				return inEvent(hosting.SCFCustom, fmt.Sprintf(
					`{"Type":"Timer","TriggerName":"t","Time":"2026-11-22T10:00:00Z","Message":%s}`, quoted(token)))
			},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const old, next = "old-token-of-the-rotation", "next-token-of-the-rotation"
			f := &fleet{env: strict(t, order.V2)}
			f.answered = sync.NewCond(&f.mu)
			f.order("A1")
			var token atomic.Value
			token.Store(old)
			f.vars[c.variable] = old
			for i := range f.instances {
				function, err := app.QueryOrder(environ(f.vars), f.logged(&lockedBuffer{}))
				if err != nil {
					t.Fatal(err)
				}
				f.instances[i].Store(&function)
			}
			stop := make(chan struct{})
			var callers sync.WaitGroup
			for _, way := range c.ways {
				callers.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						default:
							f.call(n%len(f.instances), way(token.Load().(string)))
						}
					}
				})
			}
			f.wait()
			f.deploy(map[string]string{c.variable: next + " " + old}) // both tokens are accepted
			token.Store(next)                                         // the callers change over
			f.wait()
			f.deploy(map[string]string{c.variable: next}) // the old token is refused
			close(stop)
			callers.Wait()
			if got := f.refused.Load(); got != 0 {
				t.Errorf("got %d of %d calls refused, want 0", got, f.calls)
			}
			for _, way := range c.ways {
				if f.call(0, way(old)); f.refused.Load() == 0 {
					t.Error("the old token is still accepted")
				}
				f.refused.Store(0)
			}
		})
	}
}
