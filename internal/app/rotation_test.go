package app_test

import (
	"encoding/json"
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

// A fleet is the instances of a function behind its platform, each with the settings it was started
// with.
type fleet struct {
	*env

	instances [3]atomic.Pointer[hosting.Handler]
	refused   atomic.Int64

	mu       sync.Mutex
	answered *sync.Cond // that calls changed
	calls    int
}

// deploy replaces one instance after the other, under load.
func (f *fleet) deploy(settings map[string]string) {
	f.t.Helper()
	maps.Copy(f.vars, settings)
	for i := range f.instances {
		f.inUse()
		function, err := app.QueryOrder(environ(f.vars), f.logged(&lockedBuffer{}))
		if err != nil {
			f.t.Fatal(err)
		}
		f.instances[i].Store(&function.Handle)
		f.wait()
	}
}

// wait lets every caller call each instance.
func (f *fleet) wait() {
	f.mu.Lock()
	defer f.mu.Unlock()
	const enough = 12 * len(f.instances)
	for target := f.calls + enough; f.calls < target; {
		f.answered.Wait()
	}
}

// call calls one instance, and counts.
func (f *fleet) call(instance int, inv hosting.Invocation) {
	reply, err := (*f.instances[instance].Load())(f.t.Context(), inv)
	telemetrytest.Error(f.t, err)
	f.replied(reply)
	if err != nil || strings.Contains(string(reply), errcode.NoAuth) {
		f.refused.Add(1)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.answered.Broadcast()
}

// A way to show a token: an invocation that has it.
type shown func(token string) hosting.Invocation

func httpRequest(header, token, body string) hosting.Invocation {
	return hosting.Invocation{Platform: hosting.Web, Payload: fmt.Appendf(nil,
		`{"httpMethod":"POST","path":"/queryorder","headers":{%q:%s},"body":%s,"queryString":{},"requestContext":{"cloudpay":"web"}}`,
		header, quoted(token), quoted(body))}
}

// Each token is changed while its callers call, by the steps of docs/callers.md, and no call is
// refused. The old token is in none of the settings at the end, and opens nothing any more.
func TestTokensAreRotatedUnderLoad(t *testing.T) {
	t.Parallel()
	const a1 = `{"out_trade_no":"A1"}`
	for name, c := range map[string]struct {
		variable string
		ways     []shown
	}{
		"service": {"CLOUDPAY_SERVICE_TOKEN", []shown{
			func(token string) hosting.Invocation {
				payload, _ := json.Marshal(map[string]string{"out_trade_no": "A1", "service_token": token}) // strings can always be
				return hosting.Invocation{Platform: hosting.SCF, Payload: payload}
			},
			func(token string) hosting.Invocation { return httpRequest("cloudpay-service-token", token, a1) },
		}},
		"HTTP": {"CLOUDPAY_HTTP_TOKEN", []shown{
			func(token string) hosting.Invocation { return httpRequest("authorization", "Bearer "+token, a1) },
		}},
		"timer": {"CLOUDPAY_TIMER_TOKEN", []shown{
			func(token string) hosting.Invocation {
				return hosting.Invocation{Platform: hosting.SCFCustom, Payload: fmt.Appendf(nil,
					`{"Type":"Timer","TriggerName":"t","Time":"2026-11-22T10:00:00Z","Message":%s}`, quoted(token))}
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
				f.instances[i].Store(&function.Handle)
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
			f.deploy(map[string]string{c.variable: next + " " + old}) // both are accepted
			token.Store(next)                                         // the callers change over
			f.wait()
			f.deploy(map[string]string{c.variable: next}) // the old one is none any more
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
