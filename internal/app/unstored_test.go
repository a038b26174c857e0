package app_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/telemetry/telemetrytest"
)

// outOfReach is a database's address at a port where nothing listens and that no program gets by
// chance.
const outOfReach = "postgres://cloudpay:pa55word-of-the-st0re@127.0.0.1:1/cloudpay?sslmode=disable"

// unstored is an env whose store is out of reach.
func unstored(t *testing.T) *env {
	t.Helper()
	telemetrytest.Secret(t, telemetrytest.Token, "pa55word-of-the-st0re")
	e := newEnv(t, mode{api: order.V2})
	e.vars["CLOUDPAY_STORE"] = outOfReach
	e.vars["CLOUDPAY_SERVICE_TOKEN"] = serviceToken
	e.order("A1")
	return e
}

// The intent to close is recorded first: without that, nothing is sent, as a crash would leave no
// trace of it.
func TestNothingIsSentThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	e := unstored(t)
	for _, event := range []map[string]any{
		{"out_trade_no": "A1"},
		{"out_trade_no": "A1", "close_at": 60},
	} {
		got := e.call(app.CloseOrder, event, patient)
		e.wantOutcome(got, order.OutcomeUnknown, errcode.StoreError)
		if got.ReturnCode != "FAIL" || !got.Retryable || got.Attempts != 0 || !strings.Contains(got.ReturnMsg, "out of reach") {
			t.Errorf("%v: got %+v, want a failure that says why and can be tried again", event, got)
		}
	}
	e.wantAsked(0)
}

// A query changes nothing, so it is answered without the store.
func TestQueriesNeedNoStore(t *testing.T) {
	t.Parallel()
	e := unstored(t)
	got := e.query("A1")
	e.wantOutcome(got, order.OutcomeFound, "")
	if got.Recorded != nil {
		t.Errorf("got recorded %t, want nothing said: there was nothing to record", *got.Recorded)
	}
	e.MustPay("A1", e.owner())
	got = e.query("A1")
	e.wantOutcome(got, order.OutcomeFound, "")
	if got.TradeState != tradestate.Success || got.Recorded == nil || *got.Recorded {
		t.Errorf("got %+v, want the truth, and that the store does not know it", got)
	}
}

// Without the order's owner nothing is done, and a user does not learn that there is a database, or
// where.
func TestUsersWhenTheStoreIsDown(t *testing.T) {
	t.Parallel()
	e := unstored(t)
	delete(e.vars, "CLOUDPAY_CALLER_POLICY")
	e.vars["WX_OPENID"], e.vars["WX_APPID"] = openID, e.Merchant.AppID
	for _, got := range []order.Result{e.close("A1"), e.query("A1")} {
		e.wantOutcome(got, order.OutcomeUnknown, "INTERNAL_ERROR")
		if !got.Retryable || strings.Contains(got.ReturnMsg, "127.0.0.1") {
			t.Errorf("got %+v", got)
		}
	}
	e.wantAsked(0)
	if logs := e.logs.String(); !strings.Contains(logs, "out of reach") {
		t.Errorf("the log does not say why: %s", logs)
	}
}

// A faulty store address is reported like any other fault, before anything is done.
func TestStoreFaultsAreReported(t *testing.T) {
	t.Parallel()
	for address, says := range map[string]string{
		"postgres://u:pa55word-of-the-st0re@10.0.0.7":                 "must name a database",
		"mysql://u:pa55word-of-the-st0re@10.0.0.7/db?sslmode=disable": "has a parameter",
		"mysql://u:pa55word-of-the-st0re%zz@10.0.0.7/db":              "must read mysql://",
		"postgres://u:pa55word-of-the-st0re@10.0.0.7/db?max_conns=0":  "max_conns",
		"oracle://u:pa55word-of-the-st0re@10.0.0.7/db":                "database that is known",
	} {
		e := unstored(t)
		e.vars["CLOUDPAY_STORE"] = address
		e.vars["WXPAY_MCHID"] = "x"
		got := e.close("A1")
		e.wantOutcome(got, order.OutcomeRefused, errcode.ConfigError)
		for _, words := range []string{"CLOUDPAY_STORE", says, "WXPAY_MCHID", "2 faults"} {
			if !strings.Contains(got.ReturnMsg, words) {
				t.Errorf("%s: got %q, want it to say %q", says, got.ReturnMsg, words)
			}
		}
		if strings.Contains(got.ReturnMsg+e.logs.String(), "pa55word") {
			t.Errorf("%s: a password is told", says)
		}
		e.wantAsked(0)
	}
}

// The sweep's settings reach the sweeper; missing ones are its defaults.
func TestSweepSettingsArrive(t *testing.T) {
	t.Parallel()
	e := unstored(t)
	e.vars["FUNCTION_MEMORY_SIZE"] = "256"
	built, err := app.New(environ(e.vars), e.logged(&e.logs))
	if err != nil || built.Broken != nil {
		t.Fatal(err, built.Broken)
	}
	if s := built.Sweeper; s.Concurrency != 64 || s.PerSecond != 300 || s.MaxAttempts != 12 || s.CloseFirst || s.DoubtfulOnly || s.Notifier != nil {
		t.Errorf("got %+v, want the defaults, and a concurrency by the memory", s)
	}
	if s := built.Resolver; !s.DoubtfulOnly || s.Concurrency != 64 {
		t.Errorf("got %+v, want a sweeper that closes nothing", s)
	}
	maps.Copy(e.vars, map[string]string{
		"CLOUDPAY_SWEEP_FIRST": "close", "CLOUDPAY_SWEEP_CONCURRENCY": "3", "CLOUDPAY_SWEEP_PER_SECOND": "7.5",
		"CLOUDPAY_SWEEP_ATTEMPTS": "2", "WXPAY_CONFIRM_CLOSE": "1", "CLOUDPAY_PRUNE_AFTER": "90d",
		"CLOUDPAY_NOTIFY_URL": "https://shop.example/hook", "CLOUDPAY_NOTIFY_KEY": "notify-key-of-the-tests",
	})
	if built, err = app.New(environ(e.vars), e.logged(&e.logs)); err != nil || built.Broken != nil {
		t.Fatal(err, built.Broken)
	}
	s := built.Sweeper
	if s.Concurrency != 3 || s.PerSecond != 7.5 || s.MaxAttempts != 2 || !s.CloseFirst || !s.Confirm || s.Notifier == nil ||
		s.PruneAfter != 90*24*time.Hour {
		t.Errorf("got %+v, want what was given", s)
	}
	delete(e.vars, "CLOUDPAY_STORE")
	delete(e.vars, "CLOUDPAY_NOTIFY_URL")
	delete(e.vars, "CLOUDPAY_NOTIFY_KEY")
	if built, _ = app.New(environ(e.vars), e.logged(&e.logs)); built.Store != nil || built.Sweeper != nil || built.Closer.Store != nil {
		t.Errorf("got %+v without CLOUDPAY_STORE, want no store", built)
	}
}

// A process that ends closes its connections to the database.
func TestFunctionsEnd(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]hosting.Build{"closeorder": app.CloseOrder, "queryorder": app.QueryOrder} {
		e := unstored(t)
		delete(e.vars, "CLOUDPAY_CALLER_POLICY")
		function, err := build(environ(e.vars), e.logged(&e.logs))
		if err != nil {
			t.Fatal(err)
		}
		function.End()
		// Both look up the order's owner; a closed store does not answer.
		_, _ = function.Handle(t.Context(), hosting.Invocation{
			Platform: hosting.SCF, Payload: []byte(`{"out_trade_no":"A1"}`),
			Environment: map[string]string{"WX_OPENID": openID, "WX_APPID": e.Merchant.AppID},
		})
		if logs := e.logs.String(); !strings.Contains(logs, "database is closed") {
			t.Errorf("%s: the store was not left: %s", name, logs)
		}
	}
	e := newEnv(t, mode{api: order.V2})
	delete(e.vars, "CLOUDPAY_STORE")
	function, err := app.CloseOrder(environ(e.vars), e.logged(&e.logs))
	if err != nil {
		t.Fatal(err)
	}
	function.End() // without a store there is nothing to close
}
