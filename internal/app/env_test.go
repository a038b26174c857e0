package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/paygate"
)

const subMchID = "1900000109"

// patient is the time limit of calls in tests that are not about time. It is long enough for a busy
// machine.
const patient = 30 * time.Second

// env is a configured function and an emulated gateway in one process.
type env struct {
	*paygate.Server

	t    *testing.T
	vars map[string]string
	logs bytes.Buffer
}

// mode is an API and whose orders a function is configured for.
type mode struct {
	api     order.API
	partner bool
}

func (m mode) String() string {
	if m.partner {
		return string(m.api) + " partner"
	}
	return string(m.api) + " direct"
}

func modes() []mode {
	return []mode{{order.V2, false}, {order.V2, true}, {order.V3, false}, {order.V3, true}}
}

// eachMode runs a test for both APIs, direct and partner.
func eachMode(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	inModes(t, modes(), test)
}

// eachAPI runs a test for both APIs, direct only: for slow tests that do not depend on the kind of
// merchant.
func eachAPI(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	inModes(t, []mode{{api: order.V2}, {api: order.V3}}, test)
}

func inModes(t *testing.T, modes []mode, test func(t *testing.T, e *env)) {
	t.Helper()
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			test(t, newEnv(t, m))
		})
	}
}

func newEnv(t *testing.T, m mode) *env {
	t.Helper()
	e := newEnvBefore(t, paygate.RunT(t))
	e.vars["WXPAY_API"] = string(m.api)
	if m.partner {
		e.vars["WXPAY_SUB_MCHID"] = subMchID
	}
	return e
}

// newEnvBefore is a direct merchant's function in front of a gateway.
func newEnvBefore(t *testing.T, gate *paygate.Server) *env {
	t.Helper()
	return &env{Server: gate, t: t, vars: configuration(t, gate)}
}

// configuration is the environment of a direct merchant with both APIs.
func configuration(t *testing.T, gate *paygate.Server) map[string]string {
	t.Helper()
	vars := gate.Variables()
	vars["CLOUDPAY_CALLER_POLICY"] = "platform"
	return vars
}

func environ(vars map[string]string) []string {
	list := make([]string, 0, len(vars))
	for name, value := range vars {
		list = append(list, name+"="+value)
	}
	return list
}

// owner is the merchant, and sub-merchant, of the environment's orders.
func (e *env) owner() paygate.Owner {
	return paygate.Owner{MchID: e.Merchant.MchID, SubMchID: e.vars["WXPAY_SUB_MCHID"]}
}

// region is the merchant's region, as the gateway names it.
func (e *env) region() string {
	if region := e.vars["WXPAY_REGION"]; region != "cn" {
		return region
	}
	return ""
}

// order adds an unpaid order.
func (e *env) order(outTradeNo string) {
	e.t.Helper()
	e.MustAddOrder(paygate.Order{
		MchID: e.Merchant.MchID, SubMchID: e.vars["WXPAY_SUB_MCHID"], OutTradeNo: outTradeNo, Total: 100, OpenID: openID,
		Region: e.region(),
	})
}

func (e *env) inject(action paygate.Action, op string, times int) {
	e.t.Helper()
	e.MustInject(paygate.Fault{Op: op, Action: action, Times: times})
}

func (e *env) close(outTradeNo string) order.Result {
	return e.call(app.CloseOrder, map[string]string{"out_trade_no": outTradeNo}, patient)
}

func (e *env) query(outTradeNo string) order.Result {
	return e.call(app.QueryOrder, map[string]string{"out_trade_no": outTradeNo}, patient)
}

// call builds the function and invokes it once, as a platform with that time limit does.
func (e *env) call(build hosting.Build, event any, limit time.Duration) order.Result {
	e.t.Helper()
	return e.start(build)(event, limit)
}

// start builds the function as an instance that stays warm, and returns a function that invokes it.
func (e *env) start(build hosting.Build) func(event any, limit time.Duration) order.Result {
	e.t.Helper()
	e.inUse()
	function, err := build(environ(e.vars), e.logged(&e.logs))
	if err != nil {
		telemetrytest.Error(e.t, err)
		e.t.Fatal(err)
	}
	return func(event any, limit time.Duration) order.Result {
		e.t.Helper()
		payload, err := json.Marshal(event)
		if err != nil {
			e.t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(e.t.Context(), limit)
		defer cancel()
		reply, err := function.Handle(ctx, hosting.Invocation{Payload: payload, Environment: maps.Clone(e.vars)})
		if err != nil {
			telemetrytest.Error(e.t, err)
			e.t.Fatal(err)
		}
		e.replied(reply)
		var result order.Result
		if err := json.Unmarshal(reply, &result); err != nil {
			e.t.Fatalf("the reply %s: %v", reply, err)
		}
		return result
	}
}

func (e *env) wantOutcome(got order.Result, outcome order.Outcome, errCode string) {
	e.t.Helper()
	if got.Outcome != outcome || got.ErrCode != errCode {
		e.t.Errorf("got %s %q, want %s %q\n%+v\nhistory: %+v", got.Outcome, got.ErrCode, outcome, errCode, got, e.Requests())
	}
}

// wantAsked checks the number of the gateway's exchanges.
func (e *env) wantAsked(n int) {
	e.t.Helper()
	if got := e.Requests(); len(got) != n {
		e.t.Errorf("the gateway was asked %d times, want %d: %+v", len(got), n, got)
	}
}
