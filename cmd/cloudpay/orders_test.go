//go:build !race

package main

import (
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
	"cloudpay/internal/store/migrate"
)

// register is a store, with the command at hand.
type register struct {
	t *testing.T

	address string
	in      string // what stands on standard input
	*store.Store
}

func newRegister(t *testing.T) *register {
	t.Helper()
	t.Setenv("WXPAY_MCHID", "1900000001")
	t.Setenv("LANG", "C")
	address := "sqlite:" + filepath.Join(t.TempDir(), "orders.db")
	if _, err := migrate.Up(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &register{t: t, address: address, Store: s}
}

// orders runs a command below orders, and returns what it printed and its exit code.
func (d *register) orders(args ...string) (printed string, code int) {
	d.t.Helper()
	var out strings.Builder
	given := append(append([]string{"orders"}, args...), "--store", d.address)
	l := render.LanguageOf(given)
	root := newRoot(l)
	root.SetArgs(given)
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetIn(strings.NewReader(d.in))
	err := root.ExecuteContext(d.t.Context())
	code = end(l, &out, err)
	return out.String(), code
}

func (d *register) wants(code int, text string, args ...string) {
	d.t.Helper()
	if printed, got := d.orders(args...); got != code || !strings.Contains(printed, text) {
		d.t.Errorf("orders %v: exit code %d, want %d, and %q in\n%s", args, got, code, text, printed)
	}
}

func (d *register) giveUp(number string) {
	d.t.Helper()
	ref := order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: number}
	d.giveUpOf(ref)
}

func (d *register) giveUpOf(ref order.Ref) {
	d.t.Helper()
	claim, err := d.Begin(d.t.Context(), schedule.Record{Entry: schedule.Entry{Ref: ref}}, time.Minute)
	if err == nil {
		err = d.GiveUp(d.t.Context(), claim, schedule.Retry{TradeState: tradestate.UserPaying, Reason: "USERPAYING: still\nat it"})
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// An order that was given up is shown with the reason, and taken up again.
func TestStuckOrders(t *testing.T) {
	d := newRegister(t)
	d.giveUp("A1")
	d.giveUp("A2")
	d.wants(exitFine, "✗  A1     stuck  20", "list", "--stuck")
	d.wants(exitFine, "USERPAYING: still at it", "list")
	d.wants(exitFine, "last said       USERPAYING, the customer is paying at this moment (not proved)", "show", "A1")
	d.wants(exitFine, "gaveUp  USERPAYING: still at it", "show", "A1")
	d.wants(exitFine, "已放弃 gaveUp", "events", "--lang", "zh")
	d.wants(exitFine, "✓ A1: is due at once", "reopen", "A1")
	d.wants(exitRefused, "✗ A1: was not given up", "reopen", "A1", "A2")
	d.wants(exitFine, `"reopened":true`, "reopen", "--json", func() string { d.giveUp("A3"); return "A3" }())
	d.wants(exitFine, "·  A1     closing", "list", "--due")
	if printed, _ := d.orders("list", "--stuck"); printed != "no order was given up\n" {
		t.Errorf("got %s", printed)
	}
}

// What list prints in JSON is what reopen reads, also where a service provider's orders are each a
// sub-merchant's.
func TestReopenListed(t *testing.T) {
	d := newRegister(t)
	t.Setenv("WXPAY_MODE", "partner")
	for _, subMchID := range []string{"1900000109", "1900000110"} {
		d.giveUpOf(order.Ref{Region: order.Mainland, MchID: "1900000001", SubMchID: subMchID, OutTradeNo: "A1"})
	}
	stuck, code := d.orders("list", "--stuck", "--json")
	if code != exitFine || strings.Count(stuck, "\n") != 2 {
		t.Fatalf("list: exit code %d\n%s", code, stuck)
	}
	d.in = stuck
	d.wants(exitFine, "✓ 1900000109/A1: is due at once\n✓ 1900000110/A1: is due at once\n", "reopen", "-")
	d.wants(exitRefused, "✗ 1900000109/A1: was not given up", "reopen", "-")
	d.wants(exitUsage, "-: standard input can be read once", "reopen", "-", "-")
	d.in = strings.ReplaceAll(stuck, `"mchId":"1900000001"`, `"mchId":"1900000002"`)
	d.wants(exitUsage, `-: line 1: order "A1": is one of "1900000002"`, "reopen", "-")
	d.in = "{\n"
	d.wants(exitUsage, "-: line 1: must be an order's number", "reopen", "-")
	d.in = "\nA1\n"
	d.wants(exitUsage, "-: line 2: ", "reopen", "-") // whose, is not said
	d.wants(exitRefused, `"subMchId":"1900000109","outTradeNo":"A1","reopened":false`, "reopen", "-", "--sub-mch-id", "1900000109", "--json")
	d.in = ""
	d.wants(exitFine, "no orders on standard input", "reopen", "-")
	d.wants(exitFine, "1900000110/A1", "list", "--closing", "--sub-mch-id", "1900000110")
	d.wants(exitFine, "\n1 orders: 1 closing\n", "list", "--closing", "--sub-mch-id", "1900000110")
	d.wants(exitUsage, "--sub-mch-id: is the service provider's own", "list", "--sub-mch-id", "1900000001")
}

// What is listed or sent again may be limited to one sub-merchant.
func TestEventsOfSubMerchant(t *testing.T) {
	d := newRegister(t)
	t.Setenv("WXPAY_MODE", "partner")
	for i, subMchID := range []string{"1900000109", "1900000110", "1900000109"} {
		d.giveUpOf(order.Ref{Region: order.Mainland, MchID: "1900000001", SubMchID: subMchID, OutTradeNo: "A" + strconv.Itoa(i)})
	}
	for _, flag := range [][]string{{"--after", "0"}, {"--pending"}} {
		args := slices.Concat([]string{"events"}, flag, []string{"--json"})
		if printed, code := d.orders(append(args, "--sub-mch-id", "1900000109")...); code != exitFine || strings.Count(printed, `"subMchId":"1900000109"`) != 2 ||
			strings.Count(printed, "\n") != 2 {
			t.Errorf("%v: exit code %d\n%s", flag, code, printed)
		}
		if printed, code := d.orders(append(args, "--sub-mch-id", "1900000109", "--limit", "1")...); code != exitFine ||
			strings.Count(printed, `"subMchId":"1900000109"`) != 1 {
			t.Errorf("%v, one: exit code %d\n%s", flag, code, printed)
		}
	}
	d.wants(exitFine, "1 events would be", "redeliver", "--since", "1h", "--dry-run", "--sub-mch-id", "1900000110")
	d.wants(exitFine, "0 events would be", "redeliver", "--all-dead", "--dry-run", "--sub-mch-id", "1900000110")
	d.wants(exitUsage, "--sub-mch-id: is the service provider's own", "events", "--sub-mch-id", "1900000001")
}

// All orders that were given up are taken up again at once, or those of one sub-merchant.
func TestReopenAllStuck(t *testing.T) {
	d := newRegister(t)
	t.Setenv("WXPAY_MODE", "partner")
	stuck := func() {
		for i := range 5 {
			subMchID := []string{"1900000109", "1900000110"}[i%2]
			d.giveUpOf(order.Ref{Region: order.Mainland, MchID: "1900000001", SubMchID: subMchID, OutTradeNo: "A" + strconv.Itoa(i)})
		}
	}
	stuck()
	d.wants(exitFine, "✓ 1900000110/A1: is due at once\n✓ 1900000110/A3: is due at once\n", "reopen", "--all-stuck", "--sub-mch-id", "1900000110")
	if printed, code := d.orders("reopen", "--all-stuck", "--json"); code != exitFine || strings.Count(printed, `"subMchId":"1900000109"`) != 3 ||
		strings.Count(printed, "\n") != 3 {
		t.Errorf("exit code %d\n%s", code, printed)
	}
	d.wants(exitFine, "no order was given up\n", "reopen", "--all-stuck")
	d.wants(exitUsage, "--all-stuck: is for all orders that were given up; leave A1 out", "reopen", "A1", "--all-stuck")
	d.wants(exitUsage, "or --all-stuck", "reopen")
}

// An order as any command prints it is accepted by every other one that takes an order.
func TestOrderNames(t *testing.T) {
	d := newRegister(t)
	t.Setenv("WXPAY_MODE", "partner")
	for _, subMchID := range []string{"1900000109", "1900000110"} {
		d.giveUpOf(order.Ref{Region: order.Mainland, MchID: "1900000001", SubMchID: subMchID, OutTradeNo: "A1"})
	}
	for _, lang := range []string{"en", "zh"} {
		listed, code := d.orders("list", "--stuck", "--lang", lang)
		if code != exitFine || strings.Count(listed, "\n") != 4 {
			t.Fatalf("list: exit code %d\n%s", code, listed)
		}
		d.in = strings.Join(strings.SplitAfter(listed, "\n")[:3], "") // the last line goes to standard error
		d.wants(exitFine, "1900000109/A1", "reopen", "-", "--lang", lang)
		d.wants(exitRefused, "1900000110/A1", "reopen", "-", "--lang", lang)
		for _, subMchID := range []string{"1900000109", "1900000110"} {
			d.giveUpOf(order.Ref{Region: order.Mainland, MchID: "1900000001", SubMchID: subMchID, OutTradeNo: "A1"})
		}
	}
	for _, name := range []string{"1900000109/A1", "cn/1900000001/1900000109/A1", `{"region":"cn","mchId":"1900000001","subMchId":"1900000109","outTradeNo":"A1"}`} {
		d.wants(exitFine, "cn / 1900000001 / 1900000109", "show", name)
		d.wants(exitUsage, "is not one of sub-merchant 1900000110 (--sub-mch-id)", "show", name, "--sub-mch-id", "1900000110")
	}
	d.wants(exitFine, "cn / 1900000001 / 1900000109", "show", "A1", "--sub-mch-id", "1900000109")
	d.wants(exitUsage, `order "A1": is one of "1900000002" in "cn"`, "show", "cn/1900000002/1900000109/A1")
	d.wants(exitUsage, `order "1/": must be ORDER, or SUB_MCHID/ORDER`, "show", "1/")
	d.wants(exitUsage, `order "1900000001/A1": sub_mch_id: is the service provider's own`, "show", "1900000001/A1")
	d.wants(exitFine, "✓ 1900000109/A2  registered", "add", "1900000109/A2", "--close-at", "60")
	d.wants(exitFine, "same facts", "add", "A2", "--close-at", "60", "--sub-mch-id", "1900000109")
	d.wants(exitUsage, "is not one of sub-merchant 1900000110", "add", "1900000109/A2", "--close-at", "60", "--sub-mch-id", "1900000110")
	d.wants(exitUsage, `order "cn/1/2/A": must be ORDER or SUB_MCHID/ORDER`, "add", "cn/1/2/A", "--close-at", "60")
}

// What programs read of the register is the same to the byte in both languages.
func TestRegisterForPrograms(t *testing.T) {
	d := newRegister(t)
	d.giveUp("A1")
	for _, args := range [][]string{
		{"list", "--json"}, {"list", "--ended", "--json"}, {"show", "A1", "--json"}, {"events", "--json"}, {"events", "--dead", "--json"},
		{"migrate", "--status", "--json"},
	} {
		english, code := d.orders(append(args, "--lang", "en")...)
		chinese, codeZH := d.orders(append(args, "--lang", "zh")...)
		if english != chinese || code != exitFine || codeZH != exitFine {
			t.Errorf("%v: exit codes %d and %d\n%s%s", args, code, codeZH, english, chinese)
		}
	}
	if text, _ := d.orders("show", "A1", "--lang", "zh"); !strings.Contains(text, "USERPAYING：") {
		t.Errorf("the reason is not Chinese: %s", text)
	}
}

// Dead events are listed with the reason, and delivered again.
func TestDeadEvents(t *testing.T) {
	d := newRegister(t)
	d.giveUp("A1")
	refused := (&outbox.DeliveryError{Number: 1, Status: 500}).Error()
	postings, err := d.ClaimDeliveries(t.Context(), order.Account{Region: order.Mainland, MchID: "1900000001"}, 1, time.Minute)
	if err != nil || len(postings) != 1 {
		t.Fatalf("got %v, %v", postings, err)
	}
	if err := errors.Join(d.RecordDeliveries(t.Context(), postings[0].Account(), []outbox.DeliveryResult{
		{Delivery: postings[0], Outcome: outbox.DeliveryDead, Reason: refused},
	})...); err != nil {
		t.Fatal(err)
	}
	d.wants(exitFine, refused, "events", "--dead")
	d.wants(exitFine, "投递事件 1：接收方应答 500，而不是 2xx", "events", "--dead", "--lang", "zh")
	d.wants(exitFine, `"attempts":1,"lastError":"`+refused+`"`, "events", "--dead", "--json", "--lang", "zh")
	d.wants(exitFine, "more: --after 1", "events", "--dead", "--limit", "1")
	d.wants(exitFine, "✓ 1: is delivered by the next sweep", "redeliver", "1")
	d.wants(exitNotFound, "✗ 9: there is no such event", "redeliver", "9")
	d.wants(exitNotFound, `{"number":9,"id":9,"found":false,"revived":false}`, "redeliver", "9", "--json")
	d.wants(exitUsage, "an event's number is a whole one from 1", "redeliver", "A1")
}

// Any event can be delivered again: by its number or ID, since a time, or all that are dead.
func TestRedeliver(t *testing.T) {
	d := newRegister(t)
	for _, number := range []string{"A1", "A2", "A3"} {
		d.giveUp(number)
	}
	of := order.Account{Region: order.Mainland, MchID: "1900000001"}
	settle := func(outcomes ...outbox.DeliveryOutcome) (ids []string) {
		t.Helper()
		deliveries, err := d.ClaimDeliveries(t.Context(), of, 10, time.Minute)
		if err != nil || len(deliveries) != len(outcomes) {
			t.Fatalf("to deliver: got %v, %v, want %d", deliveries, err, len(outcomes))
		}
		for i, outcome := range outcomes {
			ids = append(ids, string(deliveries[i].EventID))
			result := outbox.DeliveryResult{Delivery: deliveries[i], Outcome: outcome, After: time.Hour, Reason: "HTTP 500"}
			if err := d.RecordDeliveries(t.Context(), of, []outbox.DeliveryResult{result})[0]; err != nil {
				t.Fatal(err)
			}
		}
		return ids
	}
	d.wants(exitFine, "3 of 3 events that wait", "events", "--pending")
	d.wants(exitFine, "1 of 3 events that wait", "events", "--pending", "--limit", "1")
	ids := settle(outbox.DeliveryAcknowledged, outbox.DeliveryFailed, outbox.DeliveryDead)
	if err := d.ReceiverFailed(t.Context(), of, "delivering event 2: no answer within 10s"); err != nil {
		t.Fatal(err)
	}
	d.wants(exitFine, "起未确认任何事件：投递事件 2：10s 内没有应答", "events", "--pending", "--lang", "zh")
	d.wants(exitFine, "the receiver has acknowledged none since", "events", "--pending")
	if err := d.PauseReceiver(t.Context(), of, time.Minute); err != nil {
		t.Fatal(err)
	}
	d.wants(exitFine, "the receiver wants none before ", "events", "--pending")
	d.wants(exitFine, "之前不再投递（Retry-After）", "events", "--pending", "--lang", "zh")
	d.wants(exitFine, "HTTP 500", "events", "--pending")
	d.wants(exitFine, `"attempts":1,"lastError":"HTTP 500","dueAt":"`, "events", "--pending", "--json")
	d.wants(exitUsage, "goes with neither", "events", "--pending", "--dead")

	d.wants(exitFine, "✓ 1: would be delivered again", "redeliver", "1", "--dry-run")
	d.wants(exitNotFound, "✗ 4: there is no such event", "redeliver", "4", "--dry-run")
	for _, name := range []string{"1", ids[0]} {
		known := `{"number":1,"id":1,"eventId":"` + ids[0] + `","found":true,"revived":`
		d.wants(exitFine, known+"false}", "redeliver", name, "--dry-run", "--json")
	}
	const unknown = "00000000-0000-8000-8000-000000000000"
	d.wants(exitNotFound, `{"number":0,"id":0,"eventId":"`+unknown+`","found":false,"revived":false}`, "redeliver", unknown, "--json")
	d.wants(exitFine, "1 events would be delivered again", "redeliver", "--all-dead", "--dry-run")
	d.wants(exitFine, "3 events would be delivered again", "redeliver", "--since", "1h", "--dry-run")
	d.wants(exitFine, "1 events would be delivered again", "redeliver", "--all-pending", "--dry-run")
	settle() // nothing was changed

	d.wants(exitFine, "1 events are delivered by the next sweeps", "redeliver", "--all-pending")
	settle(outbox.DeliveryFailed)
	d.wants(exitFine, "✓ "+ids[0]+": is delivered by the next sweep", "redeliver", "--id", ids[0])
	d.wants(exitNotFound, "✗ "+strings.Repeat("0", 8)+"-", "redeliver", "00000000-0000-8000-8000-000000000000")
	settle(outbox.DeliveryAcknowledged)
	d.wants(exitFine, `{"events":1,"requeued":true}`, "redeliver", "--all-dead", "--json")
	settle(outbox.DeliveryAcknowledged)
	d.wants(exitFine, "3 events are delivered by the next sweeps", "redeliver", "--since", "1h")
	if said, _ := d.orders("events", "--pending"); strings.Contains(said, "wants none before") {
		t.Errorf("got %q once events were requeued, want no pause", said)
	}
	settle(outbox.DeliveryAcknowledged, outbox.DeliveryAcknowledged, outbox.DeliveryAcknowledged)
	d.wants(exitFine, "0 events are delivered", "redeliver", "--since", time.Now().Add(time.Hour).Format(time.RFC3339))
	d.wants(exitFine, "no event waits", "events", "--pending")
	d.wants(exitUsage, "or give one of --since, --all-pending and --all-dead", "redeliver", "1", "--all-dead")
	d.wants(exitUsage, "--since: must be a date", "redeliver", "--since", "yesterday")
}

// A list goes on where it was cut off, from one part of it to the next, and misses none.
func TestListPages(t *testing.T) {
	d := newRegister(t)
	d.giveUp("S1")
	d.giveUp("S2")
	for _, number := range []string{"W1", "W2", "W3"} {
		entry := schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: number}, CloseIn: time.Hour}
		if _, err := d.Register(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	args := []string{"list", "--json", "--limit", "2"}
	for range 5 {
		printed, code := d.orders(args...)
		if code != exitFine {
			t.Fatalf("exit code %d: %s", code, printed)
		}
		_, next, more := strings.Cut(printed, "more: --from ")
		for _, number := range []string{"S1", "S2", "W1", "W2", "W3"} {
			if strings.Contains(printed, `"`+number+`"`) {
				got = append(got, number)
			}
		}
		if !more {
			break
		}
		args = []string{"list", "--json", "--limit", "2", "--from", strings.TrimSpace(next)}
	}
	if want := "S1 S2 W1 W2 W3"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if printed, _ := d.orders("list", "--limit", "5"); !strings.HasSuffix(printed, "\n5 orders: 2 stuck, 3 waiting\n") {
		t.Errorf("not all, or more: %s", printed)
	}
	d.wants(exitFine, "3 of 5 orders: 2 stuck, 0 closing, 3 waiting\nmore: --from waiting:", "list", "--limit", "3")
	d.wants(exitFine, "5 orders: 2 stuck, 0 closing, 3 waiting\n", "list", "--count", "--limit", "3")
	d.wants(exitFine, `{"progress":"gaveUp","count":2}`+"\n"+`{"progress":"closing","count":0}`, "list", "--count", "--json")
	d.wants(exitFine, "5 orders: ", "list", "--since", "7d")
	d.wants(exitFine, "no registered order has ended", "list", "--ended", "--since", "2026-11-01")
	d.wants(exitFine, "0 orders: 0 stuck", "list", "--count", "--since", time.Now().Add(time.Hour).Format(time.RFC3339))
	d.wants(exitUsage, "--since: must be a date (2026-11-29), a time", "list", "--since", "yesterday")
	d.wants(exitFine, "W3", "list", "--limit", "0")
	d.wants(exitUsage, "--from: must be what a list with the same flags said", "list", "--stuck", "--from", "waiting:1.1")
	d.wants(exitUsage, "--limit", "list", "--limit", "-1")
	d.wants(exitFault, "is not a place in the list", "list", "--from", "waiting:?")
}
