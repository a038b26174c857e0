package clients_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/nodetest"
)

// swapped is what a function answers whose cloud.cloudPay was replaced by clients/node.
type swapped struct {
	ReturnCode, ResultCode, ErrCode, Outcome, TradeState, Failure string
}

// A cloud function that was written for cloud.cloudPay closes and queries by clients/node, through
// wx-server-sdk and the built functions. Without a register no order is a user's, so only calls as
// the service have results.
func TestDropIn(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	if err := sdk(); err != nil {
		t.Fatalf("npm ci: %v", err)
	}
	c := startCloud(t, platform.Go1, "CLOUDPAY_SERVICE_TOKEN="+serviceToken)
	c.order(t, "UNPAID")
	c.order(t, "PAID")
	c.pay(t, "PAID")
	f, err := platform.Start(t.Context(), platform.Spec{
		Name: "shop", Folder: "dropinfunction", Runtime: platform.Node, CloudURL: c.url, TimeLimit: time.Minute,
		Env: []string{"WX_SERVER_SDK=wx-server-sdk-3", "TOKEN=" + serviceToken},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	c.functions["shop"] = f
	for _, test := range []struct {
		openID, event string
		want          swapped
	}{
		{"oABC", `{"method":"closeOrder","number":"UNPAID"}`, swapped{ReturnCode: "FAIL", ErrCode: "NOAUTH", Outcome: "refused"}},
		{"", `{"method":"closeOrder","number":"UNPAID"}`, swapped{Failure: "cloudPay.closeOrder:fail no user called this function; " +
			"a call of your own server passes {asService: true}"}},
		{"oABC", `{"method":"queryOrder","number":"UNPAID","asService":true}`,
			swapped{ReturnCode: "SUCCESS", ResultCode: "SUCCESS", Outcome: "found", TradeState: "NOTPAY"}},
		{"", `{"method":"closeOrder","number":"UNPAID","asService":true}`,
			swapped{ReturnCode: "SUCCESS", ResultCode: "SUCCESS", Outcome: "closed"}},
		{"", `{"method":"closeOrder","number":"UNPAID","asService":true}`,
			swapped{ReturnCode: "SUCCESS", ResultCode: "FAIL", ErrCode: "ORDERCLOSED", Outcome: "alreadyClosed"}},
		{"", `{"method":"closeOrder","number":"PAID","asService":true}`,
			swapped{ReturnCode: "SUCCESS", ResultCode: "FAIL", ErrCode: "ORDERPAID", Outcome: "paid", TradeState: "SUCCESS"}},
		{"", `{"method":"closeOrder","number":"NONE","asService":true}`,
			swapped{ReturnCode: "SUCCESS", ResultCode: "FAIL", ErrCode: "ORDERNOTEXIST", Outcome: "notFound"}},
	} {
		got := c.askSwapped(t, test.openID, test.event)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q %s (-want +got):\n%s", test.openID, test.event, diff)
		}
	}
}

// askSwapped calls the shop's function as a mini-program's user does, or without one.
func (c *cloud) askSwapped(t *testing.T, openID, event string) swapped {
	t.Helper()
	var got swapped
	if err := json.Unmarshal(c.callShop(t, openID, event), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// clients/node has passed its tests on these lines of Node.js, each fetched from npm, besides the
// one that is installed.
func TestDropInOnNodeVersions(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	for _, line := range []string{"18", "22"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			install := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--prefix", folder, "node@"+line)
			if output, err := install.CombinedOutput(); err != nil {
				nodetest.SkipMissing(t, "Node.js "+line+" cannot be had from npm: "+string(output))
			}
			node := filepath.Join(folder, "node_modules", "node", "bin", "node")
			if version, err := exec.CommandContext(t.Context(), node, "--version").Output(); err != nil || !strings.HasPrefix(string(version), "v"+line+".") {
				t.Fatalf("got Node.js %q, want %s: %v", version, line, err)
			}
			run := exec.CommandContext(t.Context(), node, "--test", "--test-reporter=tap", "test/dropin.test.js")
			run.Dir, run.Env = filepath.Join("..", "..", "clients", "node"), append(os.Environ(), "NODE_OPTIONS=")
			if output, err := run.CombinedOutput(); err != nil || !strings.Contains(string(output), "\n# fail 0\n") {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}
