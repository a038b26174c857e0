package trigger_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
)

// TestReplies sends each event as its platform writes it (event/testdata) and wants the reply, or
// the error that stands in its stead, to be the file of the same name in testdata/replies, byte for
// byte.
func TestReplies(t *testing.T) {
	t.Parallel()
	const orderOf = `{\"out_trade_no\":\"A1\"}`
	events := map[string]string{}
	for _, name := range names(t, "event/testdata") {
		events[name] = read(t, "event/testdata", name)
	}
	// The documents' messages greet. These are the same with an order in them.
	for name, greeting := range map[string]string{"ckafka": "Hello from Ckafka!", "cmq": "Hello from CMQ!", "tdmq": "Hello from TDMQ!"} {
		events[name+"-order"] = strings.ReplaceAll(events[name], greeting, orderOf)
	}
	events["web"] = wrapped("web", request{method: "POST", path: "/queryorder", body: `{"out_trade_no":"A1"}`})
	if got, want := names(t, "testdata/replies"), len(events); len(got) != want {
		t.Errorf("got %d replies for %d events", len(got), want)
	}
	for name, event := range events {
		k := newKit(t).store(nil)
		k.fn.Op = order.OpQuery
		k.fn.Do = func(_ context.Context, p order.Params) order.Result {
			facts := &order.Facts{OutTradeNo: p.OutTradeNo, TradeState: tradestate.NotPay, Attach: `<关单> & "`}
			return order.NewResult(order.Call{Ref: order.Ref{OutTradeNo: p.OutTradeNo}}, order.OutcomeFound, order.Answer{Proof: order.ProofSignature, Facts: facts}, 1)
		}
		byPlatform := func(mark string) bool { return strings.Contains(event, mark) }
		if !slices.ContainsFunc([]string{`"Records"`, "connector:tdmq", `"TriggerName"`}, byPlatform) {
			k.open() // otherwise all replies would be refusals
		}
		if slices.ContainsFunc([]string{"aws", "sqs", "eventbridge"}, func(by string) bool { return strings.HasPrefix(name, by) }) {
			k.on = hosting.Lambda
		}
		if name == "web" {
			k.on = hosting.Web
		}
		reply, err := k.handle(event, nil)
		if err != nil {
			reply = text(obj{"error": err.Error()})
		}
		if want := read(t, "testdata/replies", name); reply != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, reply, want)
		}
	}
}

// names are a folder's JSON files, without their endings.
func names(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".json")
	}
	return files
}

func read(t *testing.T, folder, name string) string {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(folder, name+".json"))
	if err != nil {
		t.Error(err)
	}
	return string(bytes.TrimSuffix(file, []byte("\n")))
}
