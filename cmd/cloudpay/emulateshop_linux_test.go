package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/store/storetest"
)

// From a payment to the shop's stock everything fails in turn: the receiver of events, the
// register, WeChat Pay, and each process is killed. Nothing is lost, nothing is twice in the
// register, and nothing is believed that is not signed: at the end WeChat Pay, the register and the
// stock of examples/shop agree about every order, by APIv3 and by APIv2.
func TestShopLosesNothing(t *testing.T) {
	t.Parallel()
	openMarket(t).loseNothing(troubles)
}

// loseNothing has each trouble while orders are sold, and compares what has become of them.
func (m *market) loseNothing(troubles []trouble) {
	m.Helper()
	for i, trouble := range troubles {
		b := m.place(fmt.Sprintf("R%d", i), dialects[i%len(dialects)])
		trouble.begin(m, b)
		m.attack(b)
		m.pay(b.paid)
		if trouble.meanwhile != nil {
			trouble.meanwhile(m, b)
		}
		m.attempted(b.paid)
		if trouble.felt != nil {
			trouble.felt(m, b)
		}
		if !trouble.lasts {
			m.recover()
		}
		m.inject("close", b.lastly, "pay")
		m.advance("6m")
		m.recover()
		if m.Failed() {
			m.Fatalf("after %s", trouble.name)
		}
	}
	m.settle()
	m.check()
}

// trouble is what fails while payments come in and, if it lasts, while timers fire, too.
type trouble struct {
	name      string
	lasts     bool
	begin     func(*market, batch)
	meanwhile func(*market, batch)
	felt      func(*market, batch) // fails unless something did fail
}

// troubles are all that fails, one after the other.
var troubles = []trouble{
	{name: "nothing failed", begin: func(*market, batch) {}},
	// With the world the faults of WeChat Pay are forgotten that have not happened yet.
	{name: "the emulated world was killed", begin: func(*market, batch) {}, meanwhile: (*market).killWorld},
	// One instance is idle then, and more are started only while it is recording a payment.
	{name: "paynotify was killed", begin: func(m *market, _ batch) { m.lock() }, meanwhile: (*market).killPayNotify, felt: func(m *market, b batch) {
		m.wantAttempt(b, "ended with the process", func(status int) bool {
			return status >= http.StatusBadRequest && status != http.StatusServiceUnavailable
		})
	}},
	{name: "the receiver answered 500", lasts: true, begin: func(m *market, _ batch) { m.receiver.play(refuses) }},
	{name: "the receiver hung", begin: func(m *market, _ batch) { m.receiver.play(hangs) }},
	{name: "the receiver's answers were lost", lasts: true, begin: func(m *market, _ batch) { m.receiver.play(isDeaf) }},
	{name: "the receiver was killed", lasts: true, begin: func(m *market, _ batch) { m.receiver.kill() }},
	{name: "the register was locked", begin: func(m *market, _ batch) { m.lock() }, felt: (*market).wantUnavailable},
	{name: "WeChat Pay answered 5xx", lasts: true, begin: func(m *market, _ batch) {
		m.inject("query", "", "system-error", "html-502", "drop", "bad-signature", "unsigned")
		m.inject("close", "", "html-502", "drop", "system-error", "unsigned")
	}},
	{name: "notifications were lost", begin: func(m *market, b batch) {
		for i, action := range []string{"lost", "reset", "drop"} {
			m.inject("notify", b.paid[i], action)
		}
	}},
	{name: "notifications were forged", begin: func(m *market, b batch) {
		for _, number := range b.paid {
			m.inject("notify", number, forgeriesOf(number)[0])
		}
	}, meanwhile: (*market).forge},
	{name: "notifications came twice at once", begin: func(m *market, b batch) {
		for _, number := range b.paid {
			m.inject("notify", number, "duplicate")
		}
	}},
}

// forgeries are the faults of notifications that prove nothing, by whether they are APIv3's.
var forgeries = map[bool][]string{
	true: {
		"bad-signature", "unsigned", "unknown-serial", "probe", "stale", "reencoded", "wrong-key", "wrong-associated-data",
		"wrong-merchant",
	},
	false: {"bad-signature", "unsigned", "wrong-key", "wrong-merchant"},
}

// forgeriesOf are those of an order's dialect.
func forgeriesOf(number string) []string { return forgeries[strings.HasPrefix(number, "V3")] }

// forge has the payments notified by each forgery but the first, one at a time, whether or not the
// genuine notification has come in between.
func (m *market) forge(b batch) {
	m.Helper()
	m.attempted(b.paid)
	for _, number := range b.paid {
		for _, action := range forgeriesOf(number)[1:] {
			m.inject("notify", number, action)
			for _, n := range m.notifications("&order=" + number) {
				if status, answer := m.manage(http.MethodPost, "/notifications/"+n.ID+"/send", ""); status != http.StatusOK {
					m.Fatalf("sending %s: %d %s", number, status, answer)
				}
			}
		}
	}
}

// dialect is how the payments of an order are notified.
type dialect struct{ prefix, settings string }

var dialects = []dialect{
	{"V3", `"api":"v3"`}, {"MD5", `"api":"v2","sign_type":"MD5"`}, {"HMAC", `"api":"v2","sign_type":"HMAC-SHA256"`},
}

// batch is the orders of a round, by their numbers.
type batch struct {
	paid     []string // one in each dialect
	unpaid   []string
	lastly   string // is paid while it is being closed
	unplaced string // the shop's function dies before it places the order
}

// place registers, reserves and places orders, as the function of examples/shop does. last is the
// dialect of the order that is paid in the last second.
func (m *market) place(prefix string, last dialect) batch {
	m.Helper()
	var b batch
	for _, d := range dialects {
		b.paid = append(b.paid, m.order(d.prefix+prefix+"p", d.settings))
	}
	for _, d := range dialects[:2] {
		b.unpaid = append(b.unpaid, m.order(d.prefix+prefix+"u", d.settings))
	}
	b.lastly = m.order(last.prefix+prefix+"l", last.settings)
	b.unplaced = m.order("V3"+prefix+"n", "")
	for _, number := range append(slices.Clone(b.paid), b.lastly) {
		m.want[number] = fate{"SUCCESS", "paid", "ship"}
	}
	for _, number := range b.unpaid {
		m.want[number] = fate{"CLOSED", "closed", "return"}
	}
	m.want[b.unplaced] = fate{"", "notFound", "return"}
	return b
}

// order registers an order to be closed in five minutes, reserves its stock, and, if there are
// settings, places it at WeChat Pay. It returns its number.
func (m *market) order(number, settings string) string {
	m.Helper()
	r, err := m.close(`{"out_trade_no":"` + number + `","close_at":300,"total":100}`)
	if err != nil || r.Outcome != "scheduled" {
		m.Fatalf("registering %s: got %+v, %v", number, r, err)
	}
	m.receiver.reserve(number)
	if settings != "" && !m.shop.place(number, `,"notify_url":"`+m.CloudURL+`/tcb/paynotify/notify",`+settings) {
		m.Fatalf("placing %s failed", number)
	}
	return number
}

// pay has the customers pay.
func (m *market) pay(numbers []string) {
	m.Helper()
	for _, number := range numbers {
		if status, answer := m.manage(http.MethodPost, "/orders/"+number+"/pay", ""); status != http.StatusOK {
			m.Fatalf("paying %s: %d %s", number, status, answer)
		}
	}
}

// inject has faults happen once each, one after the other, to requests about an order or, without a
// number, to any.
func (m *market) inject(op, number string, actions ...string) {
	m.Helper()
	match := `"op":"` + op + `"`
	if number != "" {
		match += `,"out_trade_no":"` + number + `"`
	}
	for _, action := range actions {
		fault := `{"match":{` + match + `},"action":"` + action + `","times":1}`
		if status, answer := m.manage(http.MethodPost, "/faults", fault); status != http.StatusCreated {
			m.Fatalf("%s: %d %s", fault, status, answer)
		}
	}
}

// attack posts what proves nothing, for orders that nobody pays: notifications to paynotify, and
// events to the shop.
func (m *market) attack(b batch) {
	m.Helper()
	for _, number := range b.unpaid {
		for _, forged := range []struct{ url, body string }{
			{m.CloudURL + "/tcb/paynotify/notify", `{"id":"EV-1","event_type":"TRANSACTION.SUCCESS","resource":{"original_type":"transaction","out_trade_no":"` + number + `"}}`},
			{m.CloudURL + "/tcb/paynotify/notify", `<xml><return_code>SUCCESS</return_code><result_code>SUCCESS</result_code><mch_id>1900000001</mch_id>` +
				`<out_trade_no>` + number + `</out_trade_no><total_fee>100</total_fee><sign>00000000000000000000000000000000</sign></xml>`},
			{m.receiver.direct() + "/events", `{"region":"cn","mchId":"1900000001","kind":"paid","outTradeNo":"` + number + `","paidTotal":100}`},
		} {
			if status := m.post(forged.url, forged.body); status >= 200 && status < 300 {
				m.Errorf("%s was believed: %d", forged.body, status)
			}
		}
	}
}

// attempted waits until the first attempt to notify each payment was answered, or given up.
func (m *market) attempted(numbers []string) {
	m.Helper()
	waitUntil(m.T, func() bool {
		tried := 0
		for _, number := range numbers {
			for _, n := range m.notifications("&order=" + number) {
				if n.State == "lost" || len(n.Attempts) > 0 {
					tried++
				}
			}
		}
		return tried == len(numbers)
	})
}

// wantUnavailable wants a notification refused because its payment could not be recorded.
func (m *market) wantUnavailable(b batch) {
	m.Helper()
	m.wantAttempt(b, "answered 503", func(status int) bool { return status == http.StatusServiceUnavailable })
}

// wantAttempt wants an attempt to notify one of the payments that failed so.
func (m *market) wantAttempt(b batch, how string, so func(status int) bool) {
	m.Helper()
	var statuses []int
	for _, number := range b.paid {
		for _, n := range m.notifications("&order=" + number) {
			for _, attempt := range n.Attempts {
				if so(attempt.HTTPStatus) {
					return
				}
				statuses = append(statuses, attempt.HTTPStatus)
			}
		}
	}
	m.Errorf("no attempt to notify %v was %s: %v", b.paid, how, statuses)
}

// recover ends what fails, but for faults that are still to come.
func (m *market) recover() {
	m.Helper()
	m.unlock()
	if m.restart != nil {
		m.restart()
		m.restart = nil
	}
	m.receiver.play(answers)
	m.receiver.start()
}

// advance moves the clock on, and waits until the timers have fired that became due.
func (m *market) advance(by string) {
	m.Helper()
	if status, answer := m.manage(http.MethodPost, "/clock", `{"advance":"`+by+`"}`); status != http.StatusOK {
		m.Fatal(status, answer)
	}
	response, err := http.Get(m.CloudURL + "/v1/timers?wait=5m")
	if err != nil {
		m.Fatal(err)
	}
	_ = response.Body.Close()
}

// settle lets time pass until every order has ended, every payment was notified, and every event
// was acknowledged.
func (m *market) settle() {
	m.Helper()
	const most = 40 // advances of half an hour each
	for range most {
		m.advance("30m")
		untold := 0
		m.rows("SELECT out_trade_no, kind FROM cloudpay_events WHERE delivered_at IS NULL", func(string, string) { untold++ })
		open := 0
		for _, ending := range m.endings() {
			if ending == "" {
				open++
			}
		}
		pending := len(m.notifications("&state=pending"))
		if untold == 0 && open == 0 && pending == 0 {
			return
		}
		m.Logf("%d events, %d orders and %d notifications are open", untold, open, pending)
	}
	m.Fatal("not everything has ended after twenty hours")
}

// fate is how an order has to end at WeChat Pay, in the register and in the shop's stock.
type fate struct{ state, ending, stock string }

// check compares all orders with how they have to end, and wants every forgery refused.
func (m *market) check() {
	m.Helper()
	states, endings, events, stock := m.states(), m.endings(), map[string][]string{}, m.receiver.done()
	m.rows("SELECT out_trade_no, kind FROM cloudpay_events", func(number, kind string) { events[number] = append(events[number], kind) })
	for number, want := range m.want {
		if got := (fate{states[number], endings[number], strings.Join(stock[number], " ")}); got != want {
			m.Errorf("order %s: got %+v, want %+v", number, got, want)
		}
		if got := events[number]; !slices.Equal(got, []string{want.ending}) {
			m.Errorf("order %s has the events %v, want %s alone", number, got, want.ending)
		}
	}
	for where, got := range map[string]int{"the register": len(endings), "the events": len(events), "the journal": len(stock)} {
		if got != len(m.want) {
			m.Errorf("%s has %d orders, want %d", where, got, len(m.want))
		}
	}
	m.receiver.wantStock(m.want)
	m.checkForgeries()
	m.receiver.wantSpoiled()
	var left []json.RawMessage
	if m.read("/faults", &left); len(left) > 0 {
		m.Errorf("faults that have not happened: %s", left)
	}
}

// checkForgeries wants each forged notification refused, each kind at least once, and each
// payment's genuine one acknowledged, unless it was lost.
func (m *market) checkForgeries() {
	m.Helper()
	refused := map[string]bool{}
	for _, n := range m.notifications("") {
		for _, attempt := range n.Attempts {
			for _, fault := range attempt.Faults {
				if !slices.Contains(slices.Concat(forgeries[true], forgeries[false]), fault) {
					continue
				}
				refused[n.API+" "+fault] = true
				if attempt.Acknowledged || attempt.HTTPStatus < 400 {
					m.Errorf("a notification of %s with %s was answered %d", n.OutTradeNo, fault, attempt.HTTPStatus)
				}
			}
		}
		if want := m.want[n.OutTradeNo].state; want != "SUCCESS" || n.State != "acknowledged" && n.State != "lost" {
			m.Errorf("the notification of %s, which is %s, is %s", n.OutTradeNo, want, n.State)
		}
	}
	if want := len(forgeries[true]) + len(forgeries[false]); len(refused) != want {
		m.Errorf("%d kinds of forged notifications were refused, want %d: %v", len(refused), want, refused)
	}
}

// lock keeps everything else from writing to the register, until unlock.
func (m *market) lock() {
	m.Helper()
	address := m.Env["CLOUDPAY_STORE"]
	conn, err := storetest.Raw(m.T, address).Conn(m.Context())
	statements := []string{"BEGIN", "LOCK TABLE cloudpay_orders"} // of PostgreSQL
	if strings.HasPrefix(address, "sqlite:") {
		statements = []string{"BEGIN EXCLUSIVE"}
	}
	for _, statement := range statements {
		if err == nil {
			_, err = conn.ExecContext(m.Context(), statement)
		}
	}
	if err != nil {
		m.Fatal(err)
	}
	m.unlocking = func() error {
		_, err := conn.ExecContext(m.Context(), "ROLLBACK")
		return errors.Join(err, conn.Close())
	}
}
