package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/sweep"
	"cloudpay/pkg/paygate"
)

// example is a call of docs/api.md's examples, with what happened before it.
type example struct {
	mode   mode
	vars   map[string]string
	before func(e *env)
	build  hosting.Build
	// event holds the call's parameters.
	event map[string]any
	again bool // the call is made twice, and the second result counts
}

// examples are the calls behind the results in docs/api.md, in the same order, and in the README.
func examples() []example {
	bought := paygate.Order{
		OutTradeNo: "A1", Total: 100, OpenID: "oABC", Attach: "shop 7", DeviceInfo: "013467007045764",
		Coupons: []paygate.Coupon{{
			ID: "109519", Name: "单品惠-6", Amount: 30, StockID: "931386", MerchantContribute: 30,
			Goods: []paygate.Good{{ID: "M1006", Quantity: 1, UnitPrice: 100, DiscountAmount: 30, Remark: "hot"}},
		}},
		State: paygate.StateSuccess,
	}
	abroad := paygate.Order{
		OutTradeNo: "G1", Region: "global", Total: 100, ExchangeRate: 91300000, OpenID: "oABC", State: paygate.StateSuccess,
		Coupons: []paygate.Coupon{{ID: "109519", Name: "单品惠-6", Amount: 30, StockID: "931386", MerchantContribute: 30}},
	}
	a1 := map[string]any{"out_trade_no": "A1"}
	global := map[string]string{"WXPAY_REGION": "global"}
	place := func(o paygate.Order) func(*env) { return func(e *env) { e.MustAddOrder(o) } }
	refused := func(fault paygate.Fault) func(*env) {
		return func(e *env) {
			e.order("A1")
			e.MustInject(fault)
		}
	}
	tradeError := paygate.Fault{Op: "close", Action: paygate.Refuse, Code: "TRADE_ERROR"}
	early := map[string]any{"out_trade_no": "A1", "created_at": aMinuteAgo}
	return []example{
		{mode: mode{api: order.V2}, before: place(bought), build: app.QueryOrder, event: a1},
		{mode: mode{api: order.V3}, before: place(bought), build: app.QueryOrder, event: a1},
		{mode: mode{order.V3, true}, before: ordered, build: app.CloseOrder, event: map[string]any{"out_trade_no": "A1", "sub_mch_id": subMchID}},
		{mode: mode{order.V3, true}, before: ordered, build: app.CloseOrder, event: a1, again: true},
		{mode: mode{api: order.V3}, vars: global, before: place(abroad), build: app.QueryOrder, event: map[string]any{"out_trade_no": "G1"}},
		{mode: mode{api: order.V3}, vars: global, before: ordered, build: app.CloseOrder, event: map[string]any{"transaction_id": byNumber}},
		{mode: mode{api: order.V3}, before: inParts, build: app.CloseOrder, event: map[string]any{
			"combine_out_trade_no": "C1", "sub_orders": []map[string]any{{"mchid": "1900000001", "out_trade_no": "S1"}},
		}},
		{mode: mode{api: order.WXCloudRun}, before: ordered, build: app.CloseOrder, event: a1},
		{mode: mode{api: order.V2}, before: refused(tradeError), build: app.CloseOrder, event: early},
		{mode: mode{api: order.V2}, before: refused(tradeError), build: app.CloseOrder, event: a1},
		{
			mode: mode{api: order.V3}, build: app.CloseOrder, event: a1,
			before: refused(paygate.Fault{Action: paygate.RateLimit, Delay: 90 * time.Second}),
		},
		{
			mode: mode{api: order.V3}, build: app.CloseOrder, event: a1,
			before: place(paygate.Order{OutTradeNo: "A1", Total: 100, TradeType: "MICROPAY"}),
		},
		{mode: mode{api: order.V3}, before: ordered, build: app.CloseOrder, event: map[string]any{"outTradeNO": "A1"}},
		{
			mode: mode{api: order.V2}, build: app.CloseOrder, event: a1,
			before: place(paygate.Order{OutTradeNo: "A1", Total: 100, OpenID: "oABC", State: paygate.StateSuccess}),
		},
	}
}

func ordered(e *env) { e.order("A1") }

// byNumber stands for WeChat Pay's number of the order.
const byNumber = "(its own)"

func inParts(e *env) {
	e.MustAddCombined(paygate.CombinedOrder{
		CombineOutTradeNo: "C1", MchID: e.Merchant.MchID, SubOrders: []paygate.Order{
			{MchID: "1900000001", OutTradeNo: "S1", Total: 100}, {MchID: "1900000108", OutTradeNo: "S2", Total: 200},
		},
	})
}

// shownResult is a result in a document. One that is abridged omits fields.
type shownResult struct {
	path     string
	line     int
	fields   map[string]any
	abridged bool
}

// shownResults lists the results below a heading of a document.
func shownResults(t *testing.T, path, heading string) []shownResult {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	before, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no %s", path, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var all []shownResult
	for _, at := range regexp.MustCompile("(?ms)^([^\n]*)\n\n```json\n(.*?)^```$").FindAllStringSubmatchIndex(section, -1) {
		shown := shownResult{
			path:     path,
			line:     strings.Count(before+section[:at[4]], "\n") + 3,
			abridged: strings.Contains(section[at[2]:at[3]], "(abridged)"),
		}
		if err := json.Unmarshal([]byte(section[at[4]:at[5]]), &shown.fields); err != nil {
			t.Fatalf("%s:%d: %v", path, shown.line, err)
		}
		all = append(all, shown)
	}
	return all
}

// aMinuteAgo is replaced by that time in an example's event.
const aMinuteAgo = "a minute ago"

// varying are the fields that differ with each call.
var varying = []string{"nonceStr", "sign", "requestId", "transactionId", "timeEnd"}

// Each result in docs/api.md's examples and in the README is what the functions answer.
func TestDocumentedResults(t *testing.T) {
	t.Parallel()
	shown, calls := shownResults(t, "docs/api.md", "Examples"), examples()
	shown = append(shown, shownResults(t, "README.md", "The result object")...)
	if len(shown) != len(calls) {
		t.Fatalf("the documents show %d results, and %d calls are known here: each needs its own", len(shown), len(calls))
	}
	for i, x := range calls {
		t.Run(fmt.Sprintf("%s line %d", filepath.Base(shown[i].path), shown[i].line), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, x.mode)
			maps.Copy(e.vars, x.vars)
			if x.mode.api == order.WXCloudRun {
				e.vars["WXPAY_CLOUDRUN_URL"] = e.URL
			}
			x.before(e)
			event := maps.Clone(x.event)
			if event["transaction_id"] == byNumber {
				event["transaction_id"] = e.MustOrder("A1", e.owner()).TransactionID
			}
			if event["created_at"] == aMinuteAgo { // set now, since this subtest may have waited for others
				event["created_at"] = time.Now().Add(-time.Minute).Format(time.RFC3339)
			}
			call := e.start(x.build)
			if x.again {
				call(event, patient)
			}
			shown[i].compare(t, call(event, patient))
		})
	}
}

// The report of a timer in docs/api.md has the fields of a real one.
func TestDocumentedReport(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?m)^\{"claimed".*$`).Find(text)
	var report sweep.Report
	if err := json.Unmarshal(shown, &report); err != nil {
		t.Fatalf("%q: %v", shown, err)
	}
	again, err := json.Marshal(report)
	if err != nil || string(again) != string(shown) {
		t.Errorf("docs/api.md shows\n%s\nand a report with these figures is\n%s (%v)", shown, again, err)
	}
}

// compare wants a result to equal the shown one, or to contain it if that is abridged.
func (s shownResult) compare(t *testing.T, result order.Result) {
	t.Helper()
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(s.fields)
	if s.abridged {
		abridge(got, want)
	}
	for _, name := range varying {
		if want[name] != nil && got[name] != nil && got[name] != "" {
			got[name] = want[name]
		}
	}
	const late = 5 // seconds of delay on a busy machine
	told, _ := got["retryAfter"].(float64)
	if shown, is := want["retryAfter"].(float64); is && math.Abs(told-shown) < late {
		got["retryAfter"] = shown
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s:%d shows another result (-document +answer)\n%s", s.path, s.line, diff)
	}
}

// abridge removes from an answer, and from its parts, the fields that are not shown.
func abridge(got, shown any) {
	switch got := got.(type) {
	case map[string]any:
		shown, _ := shown.(map[string]any)
		for name, value := range got {
			if _, is := shown[name]; !is {
				delete(got, name)
				continue
			}
			abridge(value, shown[name])
		}
	case []any:
		shown, _ := shown.([]any)
		for i := range min(len(got), len(shown)) {
			abridge(got[i], shown[i])
		}
	}
}
