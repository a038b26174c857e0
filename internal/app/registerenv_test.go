//go:build sqlite

package app_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
	"cloudpay/internal/sweep"
	"cloudpay/internal/telemetry/telemetrytest"
)

// Tests with a store need SQLite, which is linked under a build tag and is forty times slower under
// the race detector. `make test` runs those named TestRegistered in a process of their own, without
// it.

// otherOpenID is another user's openid.
const otherOpenID = "oUpF8uN95-Ptaags6E_roPHg7AG4"

// registerEnv is an env with a store and the strictest policy: services need a token.
type registerEnv struct {
	*env

	store *store.Store
	raw   *sql.DB
	// handlers are the functions of this process by name, built at their first call.
	handlers map[string]hosting.Handler
	// platform is the platform of the functions in this process.
	platform hosting.Platform
	// limit is the time limit of one call.
	limit time.Duration
	// answer is the status that the receiver of events answers.
	answer *atomic.Int32
}

func newRegisterEnv(t *testing.T, m mode) *registerEnv {
	t.Helper()
	return withStore(t, newEnv(t, m))
}

// withStore adds a store to an env.
func withStore(t *testing.T, e *env) *registerEnv {
	t.Helper()
	return withDatabase(t, e, storetest.SQLite())
}

// withDatabase adds a store in a database to an env.
func withDatabase(t *testing.T, e *env, database storetest.Database) *registerEnv {
	t.Helper()
	telemetrytest.Secret(t, telemetrytest.Identity, otherOpenID)
	address := database.Migrated(t)
	delete(e.vars, "CLOUDPAY_CALLER_POLICY")
	e.vars["CLOUDPAY_SERVICE_TOKEN"] = serviceToken
	e.vars["CLOUDPAY_STORE"] = address
	opened, err := store.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return &registerEnv{
		env: e, store: opened, raw: storetest.Raw(t, address), handlers: map[string]hosting.Handler{}, platform: hosting.SCF,
		limit: patient,
	}
}

// ref names an order of the env's merchant.
func (k *registerEnv) ref(number string) order.Ref {
	return order.Ref{Region: order.Mainland, MchID: k.Merchant.MchID, SubMchID: k.vars["WXPAY_SUB_MCHID"], OutTradeNo: number}
}

// handler returns a function of this process.
func (k *registerEnv) handler(name string) hosting.Handler {
	k.t.Helper()
	if k.handlers[name] == nil {
		k.inUse()
		build := map[string]hosting.Build{"closeorder": app.CloseOrder, "queryorder": app.QueryOrder}[name]
		function, err := build(environ(k.vars), k.logged(&k.logs))
		if err != nil {
			k.t.Fatal(err)
		}
		k.handlers[name] = function.Handle
	}
	return k.handlers[name]
}

// ask calls a function and returns its raw reply.
func (k *registerEnv) ask(name, event string, identity map[string]string) string {
	k.t.Helper()
	reply, err := k.tryAsk(name, event, identity)
	if err != nil {
		k.t.Fatalf("%s %s: %v", name, event, err)
	}
	return reply
}

func (k *registerEnv) tryAsk(name, event string, identity map[string]string) (string, error) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), k.limit)
	defer cancel()
	reply, err := k.handler(name)(ctx, hosting.Invocation{
		Payload: []byte(event), Environment: maps.Clone(identity), Platform: k.platform,
	})
	k.replied(reply)
	telemetrytest.Error(k.t, err)
	return string(reply), err
}

// asUser calls a function as a mini-program's user.
func (k *registerEnv) asUser(openID, name, event string) string {
	k.t.Helper()
	return k.ask(name, event, k.user(openID))
}

func (k *registerEnv) user(openID string) map[string]string {
	return map[string]string{"WX_OPENID": openID, "WX_APPID": k.Merchant.AppID, "TCB_SOURCE": "wx_client"}
}

// asService calls a function with the service's token, and decodes the result.
func (k *registerEnv) asService(name, event string) order.Result {
	k.t.Helper()
	return readResult(k.t, k.ask(name, strings.Replace(event, "{", `{"service_token":"`+serviceToken+`",`, 1), nil))
}

// register adds an order to the gateway and registers it as a service.
func (k *registerEnv) register(number, more string) {
	k.t.Helper()
	k.order(number)
	got := k.asService("closeorder", fmt.Sprintf(`{"out_trade_no":%q,%s}`, number, more))
	k.wantOutcome(got, order.OutcomeScheduled, "")
	if got.Recorded == nil || !*got.Recorded || got.ReturnCode != "SUCCESS" || got.ResultCode != "SUCCESS" {
		k.t.Errorf("registering: got %+v", got)
	}
}

// tick fires a function's timer in this process, and returns its report.
func (k *registerEnv) tick(name string) sweep.Report {
	k.t.Helper()
	return readSweep(k.t, k.ask(name, timerEvent, fromTimer))
}

const timerEvent = `{"Type":"Timer","TriggerName":"every-minute","Time":"2026-11-22T10:00:00Z","Message":""}`

var fromTimer = map[string]string{"TRIGGER_SRC": "timer"}

func readSweep(t *testing.T, reply string) sweep.Report {
	t.Helper()
	var report sweep.Report
	if err := json.Unmarshal([]byte(reply), &report); err != nil || !strings.Contains(reply, `"claimed"`) {
		t.Fatalf("the timer got %s (%v), want a sweep's report", reply, err)
	}
	report.Took = 0
	return report
}

// fire fires a deployed function's timer.
func (k *registerEnv) fire(f *platform.Function) sweep.Report {
	k.t.Helper()
	reply, err := f.Invoke(k.t.Context(), platform.Event{Payload: []byte(timerEvent), Environment: fromTimer})
	if err != nil {
		k.t.Fatal(err)
	}
	k.answered(reply)
	if reply.Status != platform.StatusOK {
		k.t.Fatalf("the platform says %d: %v", reply.Status, reply.Err)
	}
	return readSweep(k.t, string(reply.Payload))
}

func (k *registerEnv) wantReport(got, want sweep.Report) {
	k.t.Helper()
	got.Calls, got.Status = 0, nil // what the register holds is not the sweep's
	if got != want {
		k.t.Errorf("got report %+v, want %+v\nthe log: %s", got, want, k.logs.String())
	}
}

// passes lets time pass in the database.
func (k *registerEnv) passes(d time.Duration) {
	k.t.Helper()
	for _, column := range []string{"registered_at", "closing_since", "due_at", "lease_until"} {
		k.sql(fmt.Sprintf("UPDATE cloudpay_orders SET %[1]s = %[1]s - %[2]d", column, d.Microseconds()))
	}
	k.sql(fmt.Sprintf("UPDATE cloudpay_events SET due_at = due_at - %d", d.Microseconds()))
	for _, column := range []string{"head", "low", "full_to", "raised_at", "deep_at", "full_at"} {
		k.sql(fmt.Sprintf("UPDATE cloudpay_watermarks SET %[1]s = %[1]s - %[2]d", column, d.Microseconds()))
	}
}

func (k *registerEnv) sql(statement string) {
	k.t.Helper()
	if _, err := k.raw.ExecContext(context.Background(), statement); err != nil {
		k.t.Errorf("%s: %v", statement, err)
	}
}

// takeAway makes the store fail; giveBack makes it work again.
func (k *registerEnv) takeAway() { k.sql("ALTER TABLE cloudpay_orders RENAME TO gone") }
func (k *registerEnv) giveBack() { k.sql("ALTER TABLE gone RENAME TO cloudpay_orders") }

func (k *registerEnv) wantRecord(number string, progress schedule.Progress, ending schedule.FinalState) {
	k.t.Helper()
	got, err := k.store.Show(k.t.Context(), k.ref(number))
	if err != nil {
		k.t.Fatal(err)
	}
	if got.Progress != progress || got.FinalState != ending {
		k.t.Errorf("order %s: got %s %q, want %s %q", number, got.Progress, got.FinalState, progress, ending)
	}
}

// wantEvents wants these kinds of events in any order: events delivered at the same time have none.
func (k *registerEnv) wantEvents(want map[string]outbox.EventKind) {
	k.t.Helper()
	events, err := k.store.Events(k.t.Context(), k.ref("").Account(), outbox.Cursor{}, 100)
	if err != nil {
		k.t.Fatal(err)
	}
	got := map[string]outbox.EventKind{}
	for _, e := range events {
		got[e.OutTradeNo] = e.Kind
	}
	if len(events) != len(want) || !maps.Equal(got, want) {
		k.t.Errorf("got events %v, want %v", got, want)
	}
}

// between calls pass before each request reaches the gateway.
func (k *registerEnv) between(pass func(path string)) {
	k.t.Helper()
	gateway, err := url.Parse(k.URL)
	if err != nil {
		k.t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(gateway) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pass(r.URL.Path)
		proxy.ServeHTTP(w, r)
	}))
	k.t.Cleanup(server.Close)
	k.vars["WXPAY_BASE_URL"] = server.URL
}
