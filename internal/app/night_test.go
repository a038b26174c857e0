//go:build sqlite && databases

package app_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store/storetest"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/paygate"
)

// The minutes of the night in which its troubles begin and end.
const (
	databaseGoes, databaseComes = 60, 70
	receiverGoes, receiverComes = 120, 180
	limitBegins, limitEnds      = 240, 270
	shopCloses                  = 330
	// closedAfter is how many minutes after its registration an order is closed.
	closedAfter = 30
	// longestNight bounds the minutes until everything is caught up with.
	longestNight = 24 * 60
)

// TestNight is a night of a shop in minutes that pass at once. Orders come in and are paid; the
// database is gone for ten minutes, the receiver of events for an hour, and WeChat Pay limits calls
// for half an hour. The alarms that are for it fire and stop, and in the morning every order is
// closed or paid as at WeChat Pay, none before its time, and the documented receiver has acted on
// each once.
func TestNight(t *testing.T) {
	n := newNight(t, storetest.Postgres(t))
	for minute := 0; minute < shopCloses || n.left() > 0; minute++ {
		if minute == longestNight {
			t.Fatalf("%d orders and events are left after %d minutes", n.left(), minute)
		}
		n.minutes(1, n.happens)
		n.wantNoneEarly()
	}
	n.wantAllEnded()
	if !strings.Contains(n.everything(), "what became of an order could not be recorded") {
		t.Error("the database was not in use when it crashed")
	}
	const grace = 6 // CLS counts the lines of five minutes
	n.want(0, databaseGoes)
	// A sweep of queryorder sees the backlog before closeorder's closes it: OrderDue. The sweep in
	// which the database went may have come to its figures.
	n.wantBut("FiguresUnread", databaseGoes, databaseComes+grace, "InvocationFailed", "OrderDue", "OtherError", "SweepFailed")
	n.want(databaseComes+grace, receiverGoes)
	n.want(receiverGoes, receiverComes, "EventOld", "ReceiverFailing")
	n.want(limitBegins-10, limitBegins)
	n.want(limitBegins, limitEnds, "BackingOff")
	n.want(limitEnds+20, n.log.now)
	if t.Failed() {
		t.Log(n.errors())
	}
	t.Logf("%d minutes: %d orders, %d of them paid, %d lines of log", n.log.now, len(n.orders), len(n.paid), len(n.log.lines))
}

// night is a shop with its register and its receiver of events.
type night struct {
	*watched

	database storetest.Database
	// crash crashes the database, once; crashes says that the next request to WeChat Pay does.
	crash    func()
	crashes  atomic.Bool
	receiver *shop
	random   *rand.Rand
	// orders are in the order in which the shop placed them.
	orders []*nightOrder
	paid   map[string]bool
}

// nightOrder is an order of the shop.
type nightOrder struct {
	number string
	// tried is the minute of its first registration, which may have been made although its answer
	// was lost; registered says that one was answered. pays is the minute in which the customer
	// wants to pay; 0 for never.
	tried, pays       int
	registered, ended bool
}

func newNight(t *testing.T, database storetest.Database) *night {
	t.Helper()
	database.Durable(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	k := withDatabase(t, newEnv(t, mode{api: order.V2}), database)
	n := &night{
		watched: newWatched(t, k), database: database, receiver: openShop(t),
		random: rand.New(rand.NewPCG(seed, 0)), paid: map[string]bool{},
		crash: sync.OnceFunc(func() { database.Crash(t) }),
	}
	k.between(func(string) {
		if n.crashes.Load() {
			n.crash()
		}
	})
	telemetrytest.Secret(t, telemetrytest.Token, shopKey)
	n.vars["CLOUDPAY_NOTIFY_URL"], n.vars["CLOUDPAY_NOTIFY_KEY"] = n.receiver.url(), shopKey
	return n
}

// happens is what happens in a minute before closeorder's timer fires.
func (n *night) happens(minute int) {
	n.registerEnv.t.Helper()
	switch minute {
	case databaseGoes:
		n.crashes.Store(true) // in the midst of a sweep
	case databaseGoes + 1:
		n.crash()
	case databaseComes:
		n.database.Restart(n.registerEnv.t)
	case receiverGoes:
		n.receiver.kill()
	case receiverComes:
		n.receiver.start(n.registerEnv.t)
	}
	n.limits(minute)
	if minute < shopCloses {
		for range 2 {
			n.place(minute)
		}
	}
	for _, o := range n.orders {
		n.customer(o, minute)
	}
	if minute%5 == 0 {
		n.timer("queryorder")
	}
}

// limits has WeChat Pay limit all calls for some minutes, and one in each of those that follow.
func (n *night) limits(minute int) {
	const all, functionLimit = 3, 10 * time.Second
	n.ClearFaults()
	n.limit = patient
	switch {
	case minute < limitBegins || minute >= limitEnds:
	case minute < limitBegins+all:
		n.inject(paygate.RateLimit, "", 0)
		n.limit = functionLimit
	default:
		n.inject(paygate.RateLimit, "", 1)
	}
}

// place places an order. A third of the customers pays, some just when it is closed, or too late.
func (n *night) place(minute int) {
	o := &nightOrder{number: fmt.Sprintf("N%04d", len(n.orders)), tried: minute}
	n.order(o.number)
	if n.random.IntN(3) == 0 {
		o.pays = minute + 1 + n.random.IntN(closedAfter+10)
	}
	n.orders = append(n.orders, o)
}

// customer does what is to be done for an order in a minute: the shop registers it until that
// succeeds, and its customer pays if it can still be paid.
func (n *night) customer(o *nightOrder, minute int) {
	if !o.registered {
		reply := n.call("closeorder", fmt.Sprintf(`{"out_trade_no":%q,"close_at":%d}`, o.number, closedAfter*60))
		o.registered = strings.Contains(reply, `"outcome":"scheduled"`)
	}
	if o.pays == minute && n.Pay(o.number, n.owner()) == nil {
		n.paid[o.number] = true
	}
}

// wantNoneEarly wants no order to be closed before its time.
func (n *night) wantNoneEarly() {
	n.registerEnv.t.Helper()
	for _, o := range n.orders {
		if !o.ended && n.MustOrder(o.number, n.owner()).State == paygate.StateClosed {
			o.ended = true
			if age := n.log.now - 1 - o.tried; age < closedAfter {
				n.registerEnv.t.Errorf("order %s is closed after %d minutes", o.number, age)
			}
		}
	}
}

// left counts the orders that have not ended and the events that were not delivered.
func (n *night) left() int {
	n.registerEnv.t.Helper()
	status, err := n.store.Status(n.registerEnv.t.Context(), n.ref("").Account(), 1)
	if err != nil {
		n.registerEnv.t.Fatal(err)
	}
	return status.Waiting + status.Closing + status.Stuck + status.EventsPending + status.EventsDead
}

// wantAllEnded wants each order ended as at WeChat Pay, with one event, which the receiver acted on
// once.
func (n *night) wantAllEnded() {
	t := n.registerEnv.t
	t.Helper()
	events, states := n.events(), map[paygate.TradeState]int{}
	acts := map[string][]string{}
	for _, a := range n.receiver.acts(t) {
		acts[a.number()] = append(acts[a.number()], a.What)
	}
	for _, o := range n.orders {
		state := n.MustOrder(o.number, n.owner()).State
		states[state]++
		final, kind, act := schedule.FinalClosed, outbox.EventClosed, "release"
		if state == paygate.StateSuccess {
			final, kind, act = schedule.FinalPaid, outbox.EventPaid, "deliver"
		}
		kept, err := n.store.Show(t.Context(), n.ref(o.number))
		if err != nil || kept.Progress != schedule.Done || kept.FinalState != final || n.paid[o.number] != (state == paygate.StateSuccess) {
			t.Errorf("order %s is %s at WeChat Pay (paid: %v), and in the register %s %q, %v", o.number, state, n.paid[o.number], kept.Progress, kept.FinalState, err)
		}
		if got := events[o.number]; len(got) != 1 || got[0] != kind {
			t.Errorf("order %s: got events %v, want one: %s", o.number, got, kind)
		}
		if got := acts[o.number]; len(got) != 1 || got[0] != act {
			t.Errorf("order %s: the receiver acted %v, want once: %s", o.number, got, act)
		}
	}
	if len(events) != len(n.orders) || len(acts) != len(n.orders) || states[paygate.StateClosed] == 0 || states[paygate.StateSuccess] == 0 {
		t.Errorf("got events of %d orders and acts for %d, want %d of each, some closed and some paid: %v", len(events), len(acts), len(n.orders), states)
	}
}

// events are the kinds of each order's events.
func (n *night) events() map[string][]outbox.EventKind {
	n.registerEnv.t.Helper()
	of := map[string][]outbox.EventKind{}
	for last := (outbox.Cursor{}); ; {
		page, err := n.store.Events(n.registerEnv.t.Context(), n.ref("").Account(), last, 1000)
		if err != nil {
			n.registerEnv.t.Fatal(err)
		}
		if len(page) == 0 {
			return of
		}
		for _, e := range page {
			of[e.OutTradeNo], last = append(of[e.OutTradeNo], e.Kind), e.Cursor()
		}
	}
}
