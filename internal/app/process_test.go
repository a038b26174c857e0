package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/containertest"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

// binaries are the deployed functions, built once for this process.
var binaries struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	containertest.Enter()
	log.SetOutput(io.Discard) // net/http logs each unsolicited reply, and some tests send thousands
	code := m.Run()
	if binaries.dir != "" {
		_ = os.RemoveAll(binaries.dir)
	}
	os.Exit(code)
}

func binary(t *testing.T, name string) string {
	t.Helper()
	binaries.once.Do(buildBinaries)
	if binaries.err != nil {
		t.Fatal(binaries.err)
	}
	return filepath.Join(binaries.dir, name)
}

// buildBinaries builds the functions into a folder that TestMain removes: later tests than the
// first use them too.
func buildBinaries() {
	if binaries.dir, binaries.err = os.MkdirTemp("", "cloudpay-functions-"); binaries.err != nil {
		return
	}
	for _, f := range []string{"closeorder", "queryorder", "paynotify", "web"} {
		err := platform.Build(context.Background(), "../..", "./functions/"+f, filepath.Join(binaries.dir, f))
		binaries.err = errors.Join(binaries.err, err)
	}
}

// deployed is a function's process, invoked by the platform's protocol.
func (e *env) deployed(name string, limit time.Duration) *platform.Function {
	e.t.Helper()
	f, err := platform.Start(e.t.Context(), e.spec(name, limit))
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = f.Close() })
	return f
}

// spec passes the keys as files, since SCF allows 4 KB of variables in total.
func (e *env) spec(name string, limit time.Duration) platform.Spec {
	e.t.Helper()
	e.inUse()
	for _, variable := range []string{"WXPAY_PRIVATE_KEY", "WXPAY_PUBLIC_KEY"} {
		if !strings.HasPrefix(e.vars[variable], "-----BEGIN") {
			continue
		}
		file := filepath.Join(e.t.TempDir(), variable+".pem")
		if err := os.WriteFile(file, []byte(e.vars[variable]), 0o600); err != nil {
			e.t.Fatal(err)
		}
		e.vars[variable] = file
	}
	return platform.Spec{Name: name, Binary: binary(e.t, name), Env: environ(e.vars), TimeLimit: limit, Log: e.collected(io.Discard)}
}

func (e *env) invoke(f *platform.Function, event string, environment map[string]string) (order.Result, platform.Reply) {
	e.t.Helper()
	reply, err := f.Invoke(e.t.Context(), platform.Event{Payload: []byte(event), Environment: environment})
	if err != nil {
		e.t.Fatal(err)
	}
	e.answered(reply)
	var result order.Result
	if reply.Status == platform.StatusOK {
		if err := json.Unmarshal(reply.Payload, &result); err != nil {
			e.t.Fatalf("the reply %s: %v", reply.Payload, err)
		}
	}
	return result, reply
}

func TestProcessClosesAndQueries(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.vars["CLOUDPAY_CALLER_POLICY"] = "any"
		e.order("A1")
		closer, querier := e.deployed("closeorder", patient), e.deployed("queryorder", patient)
		got, _ := e.invoke(querier, `{"out_trade_no":"A1"}`, nil)
		e.wantOutcome(got, order.OutcomeFound, "")
		got, _ = e.invoke(closer, `{"out_trade_no":"A1"}`, map[string]string{"WX_OPENID": openID})
		e.wantOutcome(got, order.OutcomeClosed, "")
		e.WantState("A1", paygate.StateClosed, e.owner())
	})
}

// On a warm instance the reply is lost on a reused connection. net/http would resend an idempotent
// request by itself, and the close would be reported as alreadyClosed.
func TestProcessResolvesALostReplyWhenWarm(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		closer := e.deployed("closeorder", patient)
		for _, no := range []string{"A1", "A2"} {
			e.order(no)
			got, _ := e.invoke(closer, `{"out_trade_no":"`+no+`"}`, nil)
			e.wantOutcome(got, order.OutcomeClosed, "")
		}
		e.order("A3")
		e.inject(paygate.Drop, "close", 1)
		got, _ := e.invoke(closer, `{"out_trade_no":"A3"}`, nil)
		e.wantOutcome(got, order.OutcomeClosed, "")
		if got.Attempts != 2 {
			t.Errorf("attempts = %d, want a close and a query", got.Attempts)
		}
	})
}

// At the platform's limit of three seconds, the function answers that the outcome is unknown before
// it is killed, although the gateway never answers. This test is about time and does not run in
// parallel.
func TestProcessAnswersBeforeItIsKilled(t *testing.T) {
	for _, name := range []string{"closeorder", "queryorder"} {
		t.Run(name, func(t *testing.T) {
			eachAPI(t, func(t *testing.T, e *env) {
				t.Helper()
				e.order("A1")
				e.inject(paygate.Hang, "", 0)
				got, reply := e.invoke(e.deployed(name, 3*time.Second), `{"out_trade_no":"A1"}`, nil)
				if reply.Status != platform.StatusOK {
					t.Fatalf("%s: the platform says %d: %v", name, reply.Status, reply.Err)
				}
				e.wantOutcome(got, order.OutcomeUnknown, "TIMEOUT")
			})
		})
	}
}

func TestProcessForgetsItsCaller(t *testing.T) {
	t.Parallel()
	e := newEnv(t, mode{api: order.V3})
	e.order("A1")
	f := e.deployed("queryorder", patient)
	got, _ := e.invoke(f, `{"out_trade_no":"A1","api":"v2"}`, map[string]string{"WX_OPENID": openID})
	e.wantOutcome(got, order.OutcomeRefused, "NOAUTH")
	got, _ = e.invoke(f, `{"out_trade_no":"A1","api":"v2"}`, nil) // the same instance, without a user
	e.wantOutcome(got, order.OutcomeFound, "")
}

// The platform collects the function's log: one line for the call, without secrets.
func TestProcessLogsTheCall(t *testing.T) {
	t.Parallel()
	e := newEnv(t, mode{api: order.V3})
	e.vars["CLOUDPAY_CALLER_POLICY"] = "any"
	e.order("A1")
	var logs lockedBuffer
	spec := e.spec("closeorder", patient)
	spec.Log = e.collected(&logs)
	f, err := platform.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	_, reply := e.invoke(f, `{"out_trade_no":"A1"}`, map[string]string{"WX_OPENID": openID})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var line string
	for l := range strings.Lines(logs.String()) {
		if strings.HasPrefix(l, "{") {
			line += l
		}
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(line), &record); err != nil {
		t.Fatalf("not one line of JSON: %v in %q", err, line)
	}
	if record["outTradeNo"] != "A1" || record["outcome"] != "closed" || record["requestId"] != reply.RequestID {
		t.Errorf("got %v, want the order, its outcome and request %s", record, reply.RequestID)
	}
	for _, secret := range []string{e.Merchant.V2Key, openID} {
		if strings.Contains(line, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}
