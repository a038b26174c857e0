//go:build sqlite

package app_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/sweep"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/paygate"
)

// mine registers an order with the user as its owner, to be closed in an hour.
const mine = `"close_at":3600,"openid":"` + openID + `"`

// A mini-program's user closes and queries an order of their own. For another user's order the
// answer is, to the byte, that for an order that does not exist, and no request reaches the
// gateway.
func TestRegisteredOrdersBelongToTheirOwners(t *testing.T) {
	t.Parallel()
	for _, m := range modes() {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			k := newRegisterEnv(t, m)
			k.register("A1", mine)
			for _, name := range []string{"closeorder", "queryorder"} {
				theirs := k.asUser(otherOpenID, name, `{"out_trade_no":"A1"}`)
				nonexistent := k.asUser(otherOpenID, name, `{"out_trade_no":"N1"}`)
				if strings.ReplaceAll(theirs, "A1", "N1") != nonexistent {
					t.Errorf("%s: of another's order a stranger is told\n%s\nand of none\n%s", name, theirs, nonexistent)
				}
				k.wantOutcome(readResult(t, theirs), order.OutcomeNotFound, "ORDERNOTEXIST")
			}
			k.wantAsked(0)
			k.WantState("A1", paygate.StateNotPay, k.owner())

			k.wantOutcome(readResult(t, k.asUser(openID, "queryorder", `{"out_trade_no":"A1"}`)), order.OutcomeFound, "")
			got := readResult(t, k.asUser(openID, "closeorder", `{"out_trade_no":"A1"}`))
			k.wantOutcome(got, order.OutcomeClosed, "")
			if got.Recorded == nil || !*got.Recorded {
				t.Errorf("got recorded %v, want true", got.Recorded)
			}
			k.WantState("A1", paygate.StateClosed, k.owner())
			k.wantRecord("A1", schedule.Done, schedule.FinalClosed)
			k.wantEvents(map[string]outbox.EventKind{"A1": outbox.EventClosed})

			again := readResult(t, k.asUser(openID, "closeorder", `{"out_trade_no":"A1"}`))
			k.wantOutcome(again, order.OutcomeAlreadyClosed, "ORDERCLOSED")
		})
	}
}

// Orders of a merchant that is switched to the public key survive until it is configured: each tick
// fails and says what to do, no attempt is counted, and the first tick with the key closes them.
func TestRegisteredOrdersSurviveTheSwitchToThePublicKey(t *testing.T) {
	t.Parallel()
	k := withStore(t, newCertificateEnv(t, paygate.Options{}))
	k.register("A1", mine)
	k.passes(2 * time.Hour)
	k.certificatesFail(paygate.Switched)
	for range 2 {
		_, err := k.tryAsk("closeorder", timerEvent, fromTimer)
		if err == nil || !strings.Contains(err.Error(), "CONFIG_ERROR: this merchant has no platform certificates") {
			t.Fatalf("got error %v, want a failure that says what is missing", err)
		}
		if got, err := k.store.Show(t.Context(), k.ref("A1")); err != nil || got.Progress != schedule.Waiting || got.Attempts != 0 {
			t.Errorf("got %+v, %v, want it untouched", got, err)
		}
	}
	for _, line := range []string{`"level":"ERROR","msg":"nothing can be asked of WeChat Pay`, `"claimed":1,`, `"released":1,`} {
		if !strings.Contains(k.logs.String(), line) {
			t.Errorf("the log has no %s: %s", line, k.logs.String())
		}
	}
	k.WantState("A1", paygate.StateNotPay, k.owner())
	k.wantEvents(nil)
	k.configurePublicKey()
	clear(k.handlers)
	k.wantReport(k.tick("closeorder"), sweep.Report{Claimed: 1, Closed: 1})
	k.WantState("A1", paygate.StateClosed, k.owner())
}

// The same number of another merchant or sub-merchant is another order.
func TestRegisteredOrdersDifferByMerchant(t *testing.T) {
	t.Parallel()
	const other = "1900000110"
	k := newRegisterEnv(t, mode{order.V3, true})
	k.register("A1", mine)
	k.MustAddOrder(paygate.Order{MchID: k.Merchant.MchID, SubMchID: other, OutTradeNo: "A1", Total: 7, OpenID: otherOpenID})
	k.wantOutcome(k.asService("closeorder",
		`{"out_trade_no":"A1","sub_mch_id":"`+other+`","close_at":3600,"openid":"`+otherOpenID+`"}`), order.OutcomeScheduled, "")

	elsewhere := `{"out_trade_no":"A1","sub_mch_id":"` + other + `"}`
	k.wantOutcome(readResult(t, k.asUser(openID, "closeorder", elsewhere)), order.OutcomeNotFound, "ORDERNOTEXIST")
	k.wantAsked(0)
	k.wantOutcome(readResult(t, k.asUser(otherOpenID, "closeorder", elsewhere)), order.OutcomeClosed, "")
	k.WantState("A1", paygate.StateNotPay, k.owner())
	// The default sub-merchant, and the same one by its number.
	named := `{"out_trade_no":"A1","sub_mch_id":"` + subMchID + `"}`
	k.wantOutcome(readResult(t, k.asUser(openID, "queryorder", named)), order.OutcomeFound, "")
	k.wantOutcome(readResult(t, k.asUser(openID, "queryorder", `{"out_trade_no":"A1"}`)), order.OutcomeFound, "")
	k.wantOutcome(readResult(t, k.asUser(otherOpenID, "queryorder", named)), order.OutcomeNotFound, "ORDERNOTEXIST")
	// A number that no order can have is refused as such.
	k.wantOutcome(readResult(t, k.asUser(openID, "queryorder", `{"out_trade_no":"A 1"}`)), order.OutcomeRefused, "PARAM_ERROR")
}

// An order named by WeChat Pay's number is looked up first, and shown only to its owner.
func TestRegisteredOrdersByTransactionID(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	k.register("A1", mine)
	k.MustPay("A1")
	event := `{"transaction_id":"` + k.MustOrder("A1").TransactionID + `"}`
	k.wantOutcome(readResult(t, k.asUser(openID, "queryorder", event)), order.OutcomeFound, "")
	k.wantOutcome(readResult(t, k.asUser(otherOpenID, "queryorder", event)), order.OutcomeNotFound, "ORDERNOTEXIST")
}

// A look-up makes as many requests for another user's order as for one that does not exist,
// whatever the register has of it.
func TestRegisteredLookupsMakeEqualRequests(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	var exchanges atomic.Int64
	k.between(func(string) { exchanges.Add(1) })
	k.register("A1", mine)
	k.order("N1")
	for _, number := range []string{"A1", "N1"} {
		k.MustPay(number)
	}
	// The register has A1's final state and its transaction_id.
	k.wantOutcome(k.asService("queryorder", `{"out_trade_no":"A1"}`), order.OutcomeFound, "")
	k.wantRecord("A1", schedule.Done, schedule.FinalPaid)
	for name, id := range map[string]string{
		"another's": k.MustOrder("A1").TransactionID, "not registered": k.MustOrder("N1").TransactionID, "none": "4200000000000000000000000009",
	} {
		exchanges.Store(0)
		got := readResult(t, k.asUser(otherOpenID, "queryorder", `{"transaction_id":"`+id+`"}`))
		k.wantOutcome(got, order.OutcomeNotFound, "ORDERNOTEXIST")
		if n := exchanges.Load(); n != 3 { // one on the open connection, two on new ones
			t.Errorf("%s: WeChat Pay was asked %d times, want 3", name, n)
		}
	}
	exchanges.Store(0)
	k.wantOutcome(readResult(t, k.asUser(openID, "queryorder", `{"transaction_id":"`+k.MustOrder("A1").TransactionID+`"}`)), order.OutcomeFound, "")
	if n := exchanges.Load(); n != 1 {
		t.Errorf("one's own: WeChat Pay was asked %d times, want once", n)
	}
}

// The same openid under another appid is another user.
func TestRegisteredOwnersBelongToTheirMiniProgram(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V2, false})
	k.register("A1", mine)
	k.register("A2", `"close_at":3600,"owner":"wx:wx2:`+openID+`"`)
	k.register("A3", `"close_at":3600,"owner":"tcb:web-user-1"`)
	k.register("A4", `"close_at":3600`)
	elsewhere := map[string]string{"WX_OPENID": openID, "WX_APPID": "wx2"}
	web := map[string]string{"TCB_UUID": "web-user-1"}
	for _, test := range []struct {
		number   string
		identity map[string]string
		want     order.Outcome
	}{
		{"A1", k.user(openID), order.OutcomeFound},
		{"A1", elsewhere, order.OutcomeNotFound},
		{"A2", elsewhere, order.OutcomeFound},
		{"A2", k.user(openID), order.OutcomeNotFound},
		{"A3", web, order.OutcomeFound},
		{"A3", k.user(openID), order.OutcomeNotFound},
		{"A4", k.user(openID), order.OutcomeNotFound}, // registered without an owner
		{"A4", web, order.OutcomeNotFound},
	} {
		if got := readResult(t, k.ask("queryorder", `{"out_trade_no":"`+test.number+`"}`, test.identity)); got.Outcome != test.want {
			t.Errorf("%s for %v: got %s, want %s", test.number, test.identity, got.Outcome, test.want)
		}
	}
}

// A user owns a combined order if they own all its parts by the gateway's list. The caller's list
// may differ.
func TestRegisteredCombinedOrders(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	for combined, owners := range map[string][2]string{"C1": {openID, openID}, "C2": {openID, otherOpenID}, "C3": {otherOpenID, otherOpenID}} {
		parts := []paygate.Order{{OutTradeNo: combined + "a", Total: 1}, {OutTradeNo: combined + "b", Total: 2}}
		k.MustAddCombined(paygate.CombinedOrder{CombineOutTradeNo: combined, SubOrders: parts})
		for i, owner := range owners {
			event := fmt.Sprintf(`{"out_trade_no":%q,"close_at":3600,"openid":%q}`, parts[i].OutTradeNo, owner)
			k.wantOutcome(k.asService("closeorder", event), order.OutcomeScheduled, "")
		}
	}
	list := func(combined string) string {
		return fmt.Sprintf(`{"combine_out_trade_no":%q,"sub_orders":[{"mchid":%[2]q,"out_trade_no":"%[3]sa"},{"mchid":%[2]q,"out_trade_no":"%[3]sb"}]}`,
			combined, k.Merchant.MchID, combined)
	}
	for _, name := range []string{"queryorder", "closeorder"} {
		nonexistent := k.asUser(openID, name, list("C9"))
		for _, theirs := range []string{"C2", "C3"} {
			got := k.asUser(openID, name, list(theirs))
			if strings.ReplaceAll(got, theirs, "C9") != nonexistent {
				t.Errorf("%s of %s: got %s\nof none %s", name, theirs, got, nonexistent)
			}
			// Another user's combined order, with a list of the caller's own orders.
			mixed := strings.Replace(list("C1"), `"combine_out_trade_no":"C1"`, `"combine_out_trade_no":"`+theirs+`"`, 1)
			if got := k.asUser(openID, name, mixed); strings.ReplaceAll(got, theirs, "C9") != nonexistent {
				t.Errorf("%s of %s with another list: got %s\nof none %s", name, theirs, got, nonexistent)
			}
		}
	}
	k.wantOutcome(readResult(t, k.asUser(openID, "queryorder", list("C1"))), order.OutcomeFound, "")
	k.wantOutcome(readResult(t, k.asUser(openID, "closeorder", list("C1"))), order.OutcomeClosed, "")
	for combined, want := range map[string]paygate.TradeState{"C1": paygate.StateClosed, "C2": paygate.StateNotPay, "C3": paygate.StateNotPay} {
		for _, part := range k.MustCombined(combined).SubOrders {
			if part.State != want {
				t.Errorf("%s: got %s %s, want %s", combined, part.OutTradeNo, part.State, want)
			}
		}
	}
	k.MustInject(paygate.Fault{Action: paygate.Unsigned})
	k.limit = 2 * time.Second
	if got := readResult(t, k.asUser(openID, "closeorder", list("C2"))); got.Outcome != order.OutcomeUnknown || !got.Retryable {
		t.Errorf("when the gateway cannot be believed: got %+v, want unknown", got)
	}
}

// Registering again with the same facts changes nothing; with other facts it is refused, naming the
// one that differs.
func TestRegisteredRegistrations(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V2, false})
	facts := `"total":100,"created_at":"2026-11-22T10:00:00Z",`
	k.register("A1", facts+mine)
	k.wantOutcome(k.asService("closeorder", `{"out_trade_no":"A1",`+facts+mine+`}`), order.OutcomeScheduled, "")
	for more, field := range map[string]string{
		facts + `"close_at":7200,"openid":"` + openID + `"`:       "close_at",
		facts + `"close_at":3600,"openid":"` + otherOpenID + `"`:  "openid",
		facts + `"close_at":3600`:                                 "openid",
		`"total":101,"created_at":"2026-11-22T10:00:00Z",` + mine: "total",
		`"total":100,"created_at":"2026-11-22T10:00:01Z",` + mine: "created_at",
	} {
		got := k.asService("closeorder", `{"out_trade_no":"A1",`+more+`}`)
		k.wantOutcome(got, order.OutcomeRefused, "PARAM_ERROR")
		if !strings.HasPrefix(got.ReturnMsg, field+": ") {
			t.Errorf("%s: got %q, want it to name %s", more, got.ReturnMsg, field)
		}
	}
	for event, says := range map[string]string{
		`{"out_trade_no":"A2","close_at":"tomorrow"}`:                       "close_at: ",
		`{"out_trade_no":"A2","close_at":-1}`:                               "close_at: ",
		`{"out_trade_no":"A2","close_at":60,"owner":"wx:x:y","openid":"z"}`: "openid: ",
	} {
		got := k.asService("closeorder", event)
		k.wantOutcome(got, order.OutcomeRefused, "PARAM_ERROR")
		if !strings.HasPrefix(got.ReturnMsg, says) {
			t.Errorf("%s: got %q, want %q", event, got.ReturnMsg, says)
		}
	}
	if got := k.asService("queryorder", `{"out_trade_no":"A1","close_at":60}`); got.ErrCode != "PARAM_ERROR" {
		t.Errorf("a query with close_at: got %+v, want it refused", got)
	}
	k.wantAsked(0)
	if got := readResult(t, k.asUser(openID, "closeorder", `{"out_trade_no":"A1","close_at":0}`)); got.ErrCode != "NOAUTH" {
		t.Errorf("a user schedules: got %+v, want it refused", got)
	}
}

// An order that is too young is closed as soon as it is old enough.
func TestRegisteredYoungOrdersAreClosedLater(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	k.order("A1")
	created := time.Now().UTC().Format(time.RFC3339)
	got := k.asService("closeorder", `{"out_trade_no":"A1","created_at":"`+created+`"}`)
	k.wantOutcome(got, order.OutcomeScheduled, "")
	k.wantReport(k.tick("closeorder"), sweep.Report{})
	record, err := k.store.Show(t.Context(), k.ref("A1"))
	if left := time.Until(record.DueAt); err != nil || left < 4*time.Minute || left > 5*time.Minute {
		t.Errorf("due in %v (%v), want five minutes after its creation", left, err)
	}
	k.wantAsked(0)
}

// If a final state cannot be recorded, the caller gets the true outcome with recorded false, and a
// sweep finds it again.
func TestRegisteredOutcomeThatIsNotRecorded(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V2, false})
	var down sync.Once
	k.between(func(string) { down.Do(k.takeAway) })
	k.register("A1", `"close_at":0`)
	got := k.asService("closeorder", `{"out_trade_no":"A1"}`)
	k.wantOutcome(got, order.OutcomeClosed, "")
	if got.Recorded == nil || *got.Recorded || got.Proof != order.ProofSignature {
		t.Errorf("got %+v, want closed, proved, and not recorded", got)
	}
	if !strings.Contains(k.logs.String(), "could not be recorded") {
		t.Errorf("the log does not say so: %s", k.logs.String())
	}
	k.giveBack()
	k.wantRecord("A1", schedule.Closing, "")
	k.wantReport(k.tick("closeorder"), sweep.Report{}) // the lease of the finished call
	k.passes(2 * time.Minute)
	k.wantReport(k.tick("closeorder"), sweep.Report{Claimed: 1, AlreadyClosed: 1})
	k.wantRecord("A1", schedule.Done, schedule.FinalClosed)
	k.wantEvents(map[string]outbox.EventKind{"A1": outbox.EventClosed})
}

// If the store fails during a sweep, nothing is lost, and the second tick after it finishes.
func TestRegisteredSweepWhoseStoreFails(t *testing.T) {
	t.Parallel()
	const orders = 40
	k := newRegisterEnv(t, mode{order.V2, false})
	k.vars["CLOUDPAY_SWEEP_CONCURRENCY"] = "4"
	var asked atomic.Int32
	k.between(func(string) {
		if asked.Add(1) == 20 {
			k.takeAway()
		}
	})
	for i := range orders {
		k.register(fmt.Sprintf("A%d", i), `"close_at":0`)
	}
	first := k.tick("closeorder")
	if !first.Left || first.Fault == "" || first.Unrecorded == 0 || first.Claimed == orders {
		t.Errorf("got %+v, want a sweep that ended before its time and says why", first)
	}
	// A timer that can claim nothing fails, so that the platform tries again.
	if reply, err := k.tryAsk("closeorder", timerEvent, fromTimer); err == nil || !strings.Contains(err.Error(), "cloudpay orders migrate") {
		t.Errorf("without tables: got %s, %v; want an error", reply, err)
	}
	k.giveBack()
	k.tick("closeorder")
	k.passes(2 * time.Minute)
	last := k.tick("closeorder")
	if last.Left || last.Unrecorded > 0 {
		t.Errorf("got %+v, want it finished", last)
	}
	want := map[string]outbox.EventKind{}
	for i := range orders {
		number := fmt.Sprintf("A%d", i)
		k.WantState(number, paygate.StateClosed, k.owner())
		k.wantRecord(number, schedule.Done, schedule.FinalClosed)
		want[number] = outbox.EventClosed
	}
	k.wantEvents(want)
}

// The configured receiver gets each event signed, again and again until it answers 2xx.
func TestRegisteredEventsAreDelivered(t *testing.T) {
	t.Parallel()
	const key = "notify-key-of-the-tests"
	telemetrytest.Secret(t, telemetrytest.Token, key)
	k := newRegisterEnv(t, mode{order.V2, false})
	var told []outbox.Event
	var mu sync.Mutex
	busy := true
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte(key))
		_, _ = fmt.Fprintf(mac, "%s.%s", r.Header.Get("Cloudpay-Timestamp"), body)
		if want := "v1=" + hex.EncodeToString(mac.Sum(nil)); r.Header.Get("Cloudpay-Signature") != want {
			t.Errorf("got signature %q, want %q", r.Header.Get("Cloudpay-Signature"), want)
		}
		var e outbox.Event
		if err := json.Unmarshal(body, &e); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if busy {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		told = append(told, e)
	}))
	t.Cleanup(receiver.Close)
	k.vars["CLOUDPAY_NOTIFY_URL"], k.vars["CLOUDPAY_NOTIFY_KEY"] = receiver.URL+"/hooks/1", key
	k.register("A1", `"close_at":0,"total":99,"openid":"`+openID+`"`)
	k.MustPay("A1")
	k.wantReport(k.tick("closeorder"), sweep.Report{Claimed: 1, Paid: 1, Untold: 1})
	busy = false
	k.passes(time.Minute)
	k.wantReport(k.tick("queryorder"), sweep.Report{Told: 1})
	k.wantReport(k.tick("queryorder"), sweep.Report{})
	if len(told) != 1 || told[0].Kind != outbox.EventPaidOtherAmount || told[0].OutTradeNo != "A1" || *told[0].Total != 99 || *told[0].PaidTotal != 100 ||
		told[0].Owner != order.WeChatOwner(k.Merchant.AppID, openID) {
		t.Errorf("got %+v, want that A1 was paid with another amount", told)
	}
}

// Of the deployed functions, with SQLite linked, closeorder's timer closes the overdue orders and
// no others, and reports it; queryorder's timer resolves an order in doubt.
func TestRegisteredTimersOfDeployedFunctions(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V3, false})
	closer, resolver := k.deployedWithSQLite("closeorder"), k.deployedWithSQLite("queryorder")
	for number, more := range map[string]string{
		"due1": `"close_at":0`, "due2": `"close_at":"2020-01-01T00:00:00Z","overdue":true`, "paid": `"close_at":0`, "later": `"close_at":3600`,
	} {
		k.order(number)
		event := fmt.Sprintf(`{"service_token":%q,"out_trade_no":%q,%s}`, serviceToken, number, more)
		got, _ := k.invoke(closer, event, nil)
		k.wantOutcome(got, order.OutcomeScheduled, "")
	}
	k.MustPay("paid")
	k.wantReport(k.fire(closer), sweep.Report{Claimed: 3, Closed: 2, Paid: 1})
	for number, want := range map[string]paygate.TradeState{
		"due1": paygate.StateClosed, "due2": paygate.StateClosed, "paid": paygate.StateSuccess, "later": paygate.StateNotPay,
	} {
		k.WantState(number, want)
	}
	k.wantEvents(map[string]outbox.EventKind{"due1": outbox.EventClosed, "due2": outbox.EventClosed, "paid": outbox.EventPaid})

	// The close is carried out, and the replies to it and to the query are lost.
	k.inject(paygate.Drop, "close", 0)
	k.inject(paygate.Unsigned, "query", 0)
	k.vars["CLOUDPAY_SWEEP_FIRST"] = "close"
	hasty := k.deployedWithSQLite("closeorder")
	k.passes(time.Hour)
	k.wantReport(k.fire(hasty), sweep.Report{Claimed: 1, Retried: 1, Failed: 1})
	k.WantState("later", paygate.StateClosed)
	k.wantRecord("later", schedule.Closing, "")
	k.ClearFaults()
	k.wantReport(k.fire(resolver), sweep.Report{}) // it is not due yet
	k.passes(10 * time.Minute)
	k.wantReport(k.fire(resolver), sweep.Report{Claimed: 1, AlreadyClosed: 1})
	k.wantRecord("later", schedule.Done, schedule.FinalClosed)
}

// sqliteBinaries are the functions with SQLite linked, built once for this process.
var sqliteBinaries struct {
	once sync.Once
	err  error
}

func sqliteBinary(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Dir(binary(t, name)) // TestMain removes the folder
	sqliteBinaries.once.Do(func() {
		for _, f := range []string{"closeorder", "queryorder", "web"} {
			// Not t.Context(): later tests use the build too.
			if err := platform.Build(context.Background(), "../..", "./functions/"+f, filepath.Join(dir, "sqlite", f), "sqlite"); err != nil {
				sqliteBinaries.err = err
			}
		}
	})
	if sqliteBinaries.err != nil {
		t.Fatal(sqliteBinaries.err)
	}
	return filepath.Join(dir, "sqlite", name)
}

func (k *registerEnv) deployedWithSQLite(name string) *platform.Function {
	return k.onWithSQLite(name, platform.Go1)
}

func (k *registerEnv) onWithSQLite(name string, runtime platform.Runtime) *platform.Function {
	k.t.Helper()
	spec := k.spec(name, patient)
	spec.Binary, spec.Runtime = sqliteBinary(k.t, name), runtime
	f, err := platform.Start(k.t.Context(), spec)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = f.Close() })
	return f
}

// On Lambda every caller is a service, except those of a Cognito identity pool; the timer is
// EventBridge's.
func TestRegisteredOnLambda(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V2, false})
	f := k.onWithSQLite("closeorder", platform.Lambda)
	k.order("A1")
	k.order("A2")
	got, _ := k.invoke(f, `{"out_trade_no":"A1",`+mine+`}`, nil)
	k.wantOutcome(got, order.OutcomeScheduled, "")
	got, _ = k.invoke(f, `{"out_trade_no":"A2","close_at":0}`, nil)
	k.wantOutcome(got, order.OutcomeScheduled, "")
	reply, err := f.Invoke(t.Context(), platform.Event{
		Payload: []byte(`{"out_trade_no":"A1"}`), Cognito: `{"cognitoIdentityId":"id-1","cognitoIdentityPoolId":"pool-1"}`,
	})
	if err != nil || readResult(t, string(reply.Payload)).ErrCode != errcode.NoAuth {
		t.Errorf("a Cognito identity: got %s, %v; want it refused", reply.Payload, err)
	}
	k.wantReport(k.fire(f), sweep.Report{Claimed: 1, Closed: 1})
	k.WantState("A1", paygate.StateNotPay)
	k.WantState("A2", paygate.StateClosed)
}

// Over HTTP a service registers with its bearer token and gets 202; behind WeChat's gateway a user
// closes their own order.
func TestRegisteredOverHTTP(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V2, false})
	k.vars["CLOUDPAY_HTTP_TOKEN"] = httpToken
	k.vars["CLOUDPAY_BEHIND_WX_GATEWAY"] = "1"
	f := k.onWithSQLite("closeorder", platform.Web)
	k.order("A1")
	post := func(body string, header map[string]string) (int, order.Result) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://function.example/closeorder", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range header {
			request.Header.Set(name, value)
		}
		response, err := f.Fetch(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		k.replied(text)
		return response.StatusCode, readResult(t, string(text))
	}
	user := func(openID string) map[string]string {
		return map[string]string{"X-WX-OPENID": openID, "X-WX-APPID": k.Merchant.AppID}
	}
	bearer := map[string]string{"Authorization": "Bearer " + httpToken}
	for _, test := range []struct {
		body   string
		header map[string]string
		status int
		want   order.Outcome
	}{
		{`{"out_trade_no":"A1",` + mine + `}`, nil, 401, order.OutcomeRefused},
		{`{"out_trade_no":"A1",` + mine + `}`, user(openID), 403, order.OutcomeRefused},
		{`{"out_trade_no":"A1",` + mine + `}`, bearer, 202, order.OutcomeScheduled},
		{`{"out_trade_no":"A1","close_at":1}`, bearer, 400, order.OutcomeRefused},
		{`{"out_trade_no":"A1"}`, user(otherOpenID), 404, order.OutcomeNotFound},
		{`{"out_trade_no":"N1"}`, user(otherOpenID), 404, order.OutcomeNotFound},
		{`{"out_trade_no":"A1"}`, user(openID), 200, order.OutcomeClosed},
	} {
		status, got := post(test.body, test.header)
		if status != test.status || got.Outcome != test.want {
			t.Errorf("%s: got %d %+v, want %d %s", test.body, status, got, test.status, test.want)
		}
	}
	k.WantState("A1", paygate.StateClosed)
}

// A queue's messages register orders, each with its token.
func TestRegisteredQueuesRegister(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{order.V2, false})
	k.order("A1")
	body := quoted(`{"out_trade_no":"A1","close_at":0,"service_token":"` + serviceToken + `"}`)
	event := `{"Records":[{"Ckafka":{"topic":"close","partition":1,"offset":36,"msgKey":"None","msgBody":` + body + `}}]}`
	if got := readReport(t, k.ask("closeorder", event, nil)); got.Outcome != order.OutcomeScheduled {
		t.Errorf("got %+v, want scheduled", got)
	}
	k.wantReport(k.tick("closeorder"), sweep.Report{Claimed: 1, Closed: 1})
	k.WantState("A1", paygate.StateClosed)
}
