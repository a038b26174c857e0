package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
	"cloudpay/pkg/wire/wiretest"
)

// A farSide is a server in the place of WeChat Pay or a merchant's receiver that does not behave
// like it.
type farSide struct{ name, address string }

// farSides are silent, slow, or answer with a status and keep the connection open: with each status
// that net/http or our code treats differently or, if PROOF_TRIES is set, with every status.
func farSides(t *testing.T) []farSide {
	t.Helper()
	statuses := []int{
		100, 101, 102, 103, 104, 199, 200, 201, 202, 203, 204, 205, 206, 207, 226, 299, 300, 301, 302, 303, 304, 305, 307, 308,
		399, 400, 401, 403, 404, 405, 407, 408, 409, 413, 417, 421, 425, 426, 429, 431, 499, 500, 501, 502, 503, 504, 505, 511, 599,
	}
	if os.Getenv("PROOF_TRIES") != "" {
		statuses = nil
		for status := 100; status <= 599; status++ {
			statuses = append(statuses, status)
		}
	}
	sides := []farSide{{"a byte a second", wiretest.Drips(t, time.Second)}, {"silence", wiretest.Silent(t)}}
	for _, status := range statuses {
		sides = append(sides, farSide{fmt.Sprint("HTTP ", status), wiretest.Holds(t, status)})
	}
	return sides
}

// short is a short time limit. A call that ignores it runs into the test's own limit and fails.
const short = 400 * time.Millisecond

// wantDoubt wants an unknown outcome: the far side signs nothing.
func wantDoubt(t *testing.T, call, side string, got order.Result) {
	t.Helper()
	if got.Outcome != order.OutcomeUnknown || got.Proof != order.ProofNone || got.ReturnCode != "FAIL" {
		t.Errorf("%s, %s: got %s %s (%s), want it unknown", side, call, got.Outcome, got.ErrCode, got.ReturnMsg)
	}
}

// Every call ends in time over each protocol, whatever the far side does.
func TestEveryStatusIsDoubt(t *testing.T) {
	t.Parallel()
	e := newEnvBefore(t, paygate.RunT(t))
	e.vars["WXPAY_API"] = "wxcloudrun" // without it there is no private link
	subs := []order.SubOrder{{MchID: e.Merchant.MchID, OutTradeNo: "S1"}, {MchID: e.Merchant.MchID, OutTradeNo: "S2"}}
	hosting := newDialectEnv(t, dialect{api: order.WXCloudRun})
	calls := map[string]order.Params{
		"v2":         {API: order.V2, OutTradeNo: "A1"},
		"v3":         {API: order.V3, OutTradeNo: "A1"},
		"wxcloudrun": {API: order.WXCloudRun, OutTradeNo: "A1"},
		"combined":   {API: order.V3, CombineOutTradeNo: "A1"},
	}
	var all sync.WaitGroup
	for _, side := range farSides(t) {
		e.vars["WXPAY_BASE_URL"], hosting.vars["WXPAY_CLOUDRUN_URL"] = side.address, side.address
		signed, linked := e.app(), hosting.app()
		for name, p := range calls {
			a := signed
			if p.API == order.WXCloudRun {
				a = linked
			}
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), short)
				defer cancel()
				wantDoubt(t, name+" query", side.name, a.Querier.Query(ctx, p))
			})
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), short)
				defer cancel()
				c := p
				if c.CombineOutTradeNo != "" {
					c.SubOrders = subs
				}
				wantDoubt(t, name+" close", side.name, a.Closer.Close(ctx, c))
			})
		}
	}
	all.Wait()
}

// app builds the object graph of both functions.
func (e *env) app() *app.App {
	e.t.Helper()
	e.inUse()
	a, err := app.New(environ(e.vars), e.logged(io.Discard))
	if err != nil || a.Broken != nil {
		e.t.Fatal(err, a.Broken)
	}
	return a
}

// A call that has to download certificates first is answered in time, too.
func TestEveryStatusOfACertificateDownload(t *testing.T) {
	t.Parallel()
	e := newCertificateEnv(t, paygate.Options{})
	var all sync.WaitGroup
	for _, side := range farSides(t) {
		e.vars["WXPAY_BASE_URL"] = side.address
		a := e.app()
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), short)
			defer cancel()
			wantDoubt(t, "close", side.name, a.Closer.Close(ctx, order.Params{OutTradeNo: "A1"}))
		})
	}
	all.Wait()
}

// A web function survives as many calls as it answers at once against a far side that answers 101.
func TestWebFunctionOutlivesSwitchedProtocols(t *testing.T) {
	t.Parallel()
	e := strict(t, order.V3)
	e.vars["WXPAY_BASE_URL"] = wiretest.Holds(t, http.StatusSwitchingProtocols)
	c := e.runContainer("closeorder")
	for range 2 { // the second round finds the function as it was
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				status, body := c.closeWithin(time.Second, fmt.Sprint("A", i))
				if got := readResult(t, body); status != http.StatusServiceUnavailable || got.Outcome != order.OutcomeUnknown {
					t.Errorf("got %d %s, want doubt", status, body)
				}
			})
		}
		all.Wait()
	}
}

// closeWithin calls the function to close an order within a time limit.
func (c *container) closeWithin(limit time.Duration, number string) (status int, body string) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, "http://"+c.address+"/closeorder",
		strings.NewReader(fmt.Sprintf(`{"out_trade_no":%q}`, number)))
	if err != nil {
		c.t.Error(err)
		return 0, ""
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+httpToken)
	request.Header.Set("X-Scf-Timeout", fmt.Sprint(limit.Milliseconds()))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Error(err)
		return 0, ""
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Error(err)
	}
	c.replied(text)
	return response.StatusCode, string(text)
}
