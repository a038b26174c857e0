// Package clients_test calls the built functions with clients that others wrote: CloudBase's SDK
// for Node.js, AWS's SDK for Go, and the page of examples/miniprogram. All of them reach the
// emulated cloud, which runs the functions before the emulated WeChat Pay.
package clients_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"cloudpay/bench/chromium"
	// A change of the product is to be a change of this test, or go test would show what it
	// remembers of the last one: it does not see what the binaries are built from.
	_ "cloudpay/internal/app"
	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
)

// names of the functions.
const (
	closeorder = "closeorder"
	queryorder = "queryorder"
)

// serviceToken is what the merchant's own server shows.
const serviceToken = "a-token-of-the-merchants-own-server"

// folder is where the binaries are, until the tests end.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "cloudpay-clients-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer func() { _ = os.RemoveAll(folder) }() // a leftover in the temporary folder does no harm
	defer chromium.Stop()
	m.Run()
}

// built builds the functions, the first time that one is asked for.
var built = sync.OnceValue(func() error {
	var all error
	for _, name := range []string{closeorder, queryorder} {
		all = errors.Join(all,
			platform.Build(context.Background(), "../..", "./functions/"+name, filepath.Join(folder, name)))
	}
	return all
})

// cloud is an emulated cloud with both functions, and the emulated WeChat Pay behind it.
type cloud struct {
	*paygate.Server

	url       string
	functions map[string]*platform.Function
}

// startCloud starts the functions on a runtime, with settings of their own.
func startCloud(t *testing.T, runtime platform.Runtime, settings ...string) *cloud {
	t.Helper()
	if err := built(); err != nil {
		t.Fatal(err)
	}
	gateway := paygate.RunT(t)
	m := gateway.Merchant
	functions := map[string]*platform.Function{}
	for _, name := range []string{closeorder, queryorder} {
		f, err := platform.Start(t.Context(), platform.Spec{
			Name: name, Binary: filepath.Join(folder, name), Runtime: runtime,
			Env: append([]string{
				"WXPAY_API=v2", "WXPAY_APPID=" + m.AppID, "WXPAY_MCHID=" + m.MchID, "WXPAY_V2_KEY=" + m.V2Key,
				"WXPAY_BASE_URL=" + gateway.URL, "WXPAY_ROUTE=own",
			}, settings...),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		functions[name] = f
	}
	server := httptest.NewServer(&platform.Cloud{Functions: functions, AppID: m.AppID})
	t.Cleanup(server.Close)
	return &cloud{Server: gateway, url: server.URL, functions: functions}
}

// order makes an order that waits to be paid.
func (c *cloud) order(t *testing.T, number string) {
	t.Helper()
	if err := c.AddOrder(paygate.Order{MchID: c.Merchant.MchID, OutTradeNo: number, Total: 100}); err != nil {
		t.Fatal(err)
	}
}

// pay has the customer pay it.
func (c *cloud) pay(t *testing.T, number string) {
	t.Helper()
	if err := c.Pay(number); err != nil {
		t.Fatal(err)
	}
}

// node runs a script of this folder and returns the lines that it prints.
func (c *cloud) node(t *testing.T, env []string, script string, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), append(env, "CLOUD_URL="+c.url)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", script, err, stderr.String())
	}
	return strings.Split(strings.TrimSpace(string(output)), "\n")
}
