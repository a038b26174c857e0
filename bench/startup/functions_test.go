// Package startup_test measures the functions as processes, beside the smallest function there is:
// how long from exec to the first answer, how much memory, how many bytes on disk. The binaries are
// built as for deployment, and called as the Go1 platform calls them, by net/rpc; WeChat Pay is the
// emulated gateway, warm, on loopback.
//
// Bytes and memory are facts, and tests hold them to their limits. Time is only reported, by
// benchmarks: it depends on what else the machine does, so that every figure stands beside its
// floor, taken in turns with it.
package startup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	// A change of the product is to be a change of this test, or go test would show what it
	// remembers of the last one: it does not see what the binaries are built from.
	_ "cloudpay/internal/app"
	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
)

// names of the binaries.
const (
	hello      = "hello"
	closeorder = "closeorder"
	queryorder = "queryorder"
)

// sources says where each binary is built from: the module's folder, and the package in it.
var sources = map[string]struct{ module, pkg string }{
	hello:      {"..", "./hello"},
	closeorder: {"../..", "./functions/closeorder"},
	queryorder: {"../..", "./functions/queryorder"},
}

// folder is where the binaries are, until the tests end.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "cloudpay-startup-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer func() { _ = os.RemoveAll(folder) }() // what stays behind is in the way of nobody
	m.Run()
}

// built builds all binaries, the first time that one is asked for.
var built = sync.OnceValue(func() error {
	for name, source := range sources {
		if err := platform.Build(context.Background(), source.module, source.pkg, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return nil
})

// binary is the path of a built function.
func binary(tb testing.TB, name string) string {
	tb.Helper()
	if err := built(); err != nil {
		tb.Fatal(err)
	}
	return filepath.Join(folder, name)
}

// greeter is the floor: a function that answers and does nothing else.
func greeter(tb testing.TB) program {
	tb.Helper()
	return program{binary: binary(tb, hello), environment: "{}"}
}

// function is a function with a full configuration, both APIs, before the gateway. Calls that do
// not choose an API get the one given.
func function(tb testing.TB, name string, gate *paygate.Server, api string) program {
	tb.Helper()
	vars := configuration(tb, gate)
	vars["WXPAY_API"] = api
	// The platform tells each invocation the function's variables again.
	environment, err := json.Marshal(vars)
	if err != nil {
		tb.Fatal(err)
	}
	p := program{binary: binary(tb, name), environment: string(environment)}
	for variable, value := range vars {
		p.env = append(p.env, variable+"="+value)
	}
	return p
}

func configuration(tb testing.TB, gate *paygate.Server) map[string]string {
	tb.Helper()
	vars := gate.Variables()
	vars["CLOUDPAY_CALLER_POLICY"] = "any"
	return vars
}

// eventFor asks about one order.
func eventFor(outTradeNo string) []byte { return []byte(`{"out_trade_no":"` + outTradeNo + `"}`) }

// checkOutcome checks that a function did what it is for: an answer that is an error would be a
// fast one.
func checkOutcome(answer []byte, outcome, api string) error {
	var got struct{ Outcome, API, Proof string }
	if err := json.Unmarshal(answer, &got); err != nil {
		return fmt.Errorf("the answer %.200s: %w", answer, err)
	}
	if got.Outcome != outcome || got.API != api || got.Proof != "signature" {
		return fmt.Errorf("got %.400s, want outcome %s by API %s, proved by a signature", answer, outcome, api)
	}
	return nil
}

// checkGreeting checks hello's answer.
func checkGreeting(answer []byte, outTradeNo string) error {
	if want := `"hello ` + outTradeNo + `"`; string(answer) != want {
		return fmt.Errorf("hello answers %s, want %s", answer, want)
	}
	return nil
}
