package clients_test

import (
	"encoding/json"
	"os/exec"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/nodetest"
)

// sdk installs CloudBase's SDK below node_modules, at the versions of package-lock.json.
var sdk = sync.OnceValue(func() error {
	return exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").Run()
})

// call is one call of the SDK's, and what it comes to.
type call struct {
	Name string            `json:"name"`
	Data map[string]string `json:"data"`

	want answer
}

// answer is what node_test.go looks at.
type answer struct {
	Outcome    string
	TradeState string
	ErrCode    string
	Failure    string // the SDK's code, for a call that has no result
}

// CloudBase's SDK for Node.js is how a merchant's server calls a cloud function: it proves itself with its token.
func TestNodeSDK(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	if err := sdk(); err != nil {
		t.Fatalf("npm ci: %v", err)
	}
	c := startCloud(t, platform.Go1, "CLOUDPAY_SERVICE_TOKEN="+serviceToken)
	c.order(t, "UNPAID")
	c.order(t, "PAID")
	c.pay(t, "PAID")

	calls := []call{
		{queryorder, service("UNPAID"), answer{Outcome: "found", TradeState: "NOTPAY"}},
		{closeorder, service("UNPAID"), answer{Outcome: "closed"}},
		{closeorder, service("UNPAID"), answer{Outcome: "alreadyClosed", ErrCode: "ORDERCLOSED"}},
		{queryorder, service("UNPAID"), answer{Outcome: "found", TradeState: "CLOSED"}},
		{closeorder, service("PAID"), answer{Outcome: "paid", TradeState: "SUCCESS", ErrCode: "ORDERPAID"}},
		// wx-server-sdk would have put 0 in the place of errCode; from a function of ours it comes through.
		{closeorder, map[string]string{"out_trade_no": "UNPAID"}, answer{Outcome: "refused", ErrCode: "NOAUTH"}},
		{closeorder, map[string]string{"out_trade_no": "PAID", "service_token": "a guess"}, answer{Outcome: "refused", ErrCode: "NOAUTH"}},
		{"refundorder", service("PAID"), answer{Failure: "FUNCTION_NOT_FOUND"}},
	}
	lines := c.node(t, nil, "call.js", encode(t, calls))
	if len(lines) != len(calls) {
		t.Fatalf("the SDK answered %d calls of %d: %q", len(lines), len(calls), lines)
	}
	for i, line := range lines {
		if diff := cmp.Diff(calls[i].want, decodeAnswer(t, line)); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s\n%s", calls[i].Name, calls[i].Data["out_trade_no"], diff, line)
		}
	}
}

// service is what a merchant's server sends.
func service(number string) map[string]string {
	return map[string]string{"out_trade_no": number, "service_token": serviceToken}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func decodeAnswer(t *testing.T, line string) answer {
	t.Helper()
	var got struct {
		Result answer
		Error  struct{ Code string }
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	got.Result.Failure = got.Error.Code
	return got.Result
}
