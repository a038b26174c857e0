package storetest

import (
	"slices"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

var outbox = []proof{
	{name: "events in pages", prove: readsEvents},
	{name: "a cursor that names another event", prove: noticesOthers},
	{name: "deliveries", prove: delivers},
	{name: "a delivery under a lease", prove: leasesDeliveries},
	{name: "dead letters", prove: deadLetters},
	{name: "an order's history", prove: tellsHistory},
}

var numbering = []sqlProof{{name: "a merchant's events behind another's", prove: numbersApart}}

// endAll ends orders as closed, with one event each.
func (e *env) endAll(numbers ...string) {
	e.Helper()
	e.registerDue(numbers...)
	for _, c := range e.claim(numbers...) {
		e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
	}
}

func readsEvents(e *env) {
	e.endAll(numbers("A", 5)...)
	e.register(schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "2", OutTradeNo: "other"}})
	e.must(e.Observe(e.ctx, order.Ref{Region: order.Mainland, MchID: "2", OutTradeNo: "other"}, schedule.Final{State: schedule.FinalPaid}))
	e.endAll(numbers("B", 5)...)
	var got []string
	var after schedule.Cursor
	for {
		events, err := e.Events(e.ctx, shop, after, 3)
		e.must(err)
		if len(events) == 0 {
			break
		}
		for _, event := range events {
			if event.Number <= after.Number {
				e.Errorf("got number %d after %s, want them to grow", event.Number, after)
			}
			after = event.Cursor()
			got = append(got, event.OutTradeNo)
		}
	}
	if want := append(numbers("A", 5), numbers("B", 5)...); !slices.Equal(got, want) {
		e.Errorf("got events of %v, want %v", got, want)
	}
}

// noticesOthers goes on behind events that are not the register's own.
func noticesOthers(e *env) {
	e.endAll("A", "B")
	events, err := e.Events(e.ctx, shop, schedule.Cursor{}, 10)
	e.must(err)
	first, last := events[0].Cursor(), events[1].Cursor()
	for _, good := range []schedule.Cursor{first, {Number: first.Number}, {Number: first.Number, EventID: first.EventID}} {
		if got, err := e.Events(e.ctx, shop, good, 10); err != nil || len(got) != 1 || got[0].EventID != last.EventID {
			e.Errorf("after %s: got %v and error %v, want the second event", good, got, err)
		}
	}
	if got, err := e.Events(e.ctx, shop, last, 10); err != nil || len(got) != 0 {
		e.Errorf("after the last: got %v and error %v, want none", got, err)
	}
	for _, other := range []schedule.Cursor{
		{Number: first.Number, EventID: last.EventID},
		{Number: first.Number, EventID: first.EventID, OccurredAt: first.OccurredAt.Add(time.Second)},
		{Number: last.Number + 1, EventID: last.EventID},
		{Number: last.Number + 1},
	} {
		_, err := e.Events(e.ctx, shop, other, 10)
		if refused[*schedule.WentBackError](e, err); !schedule.IsAnswer(err) {
			e.Errorf("after %s: got %v, want an answer of a database that is well", other, err)
		}
	}
	_, err = e.Events(e.ctx, order.Account{Region: order.Mainland, MchID: "3"}, schedule.Cursor{Number: 1}, 10)
	refused[*schedule.WentBackError](e, err)
}

// numbersApart writes more new events of one merchant than are numbered at once. The events of
// another merchant, and those of the last order, must not wait for them.
func numbersApart(e *sqlEnv) {
	const many = 1001
	list := numbers("A", many)
	for _, chunk := range [][]string{list[:500], list[500:1000], list[1000:]} {
		e.registerDue(chunk...)
	}
	values := map[string]string{"postgres": "now()", "mysql": "UTC_TIMESTAMP(6)", "sqlite": "0"}[e.db.Name]
	e.sql("INSERT INTO cloudpay_events (kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending," +
		" trade_state, transaction_id, reason, due_at) SELECT 'gaveUp', region, mchid, sub_mchid, out_trade_no, id, '', " + values +
		", '', '', '', '', " + values + " FROM cloudpay_orders ORDER BY id")
	other := order.Ref{Region: order.Mainland, MchID: "2", OutTradeNo: "other"}
	e.register(schedule.Entry{Ref: other})
	e.must(e.Observe(e.ctx, other, schedule.Final{State: schedule.FinalPaid}))
	if deliveries, err := e.ClaimDeliveries(e.ctx, other.Account(), 10, lease); err != nil || len(deliveries) != 1 {
		e.Errorf("to deliver: got %d and error %v, want the other merchant's one", len(deliveries), err)
	}
	if events, err := e.Events(e.ctx, other.Account(), schedule.Cursor{}, 10); err != nil || len(events) != 1 {
		e.Errorf("got %d events and error %v, want the other merchant's one", len(events), err)
	}
	if n := e.count("SELECT COUNT(*) FROM cloudpay_events WHERE seq IS NOT NULL"); n != 1 {
		e.Errorf("%d events were numbered, want only those that were read", n)
	}
	if events, err := e.History(e.ctx, ref(list[many-1]), 10); err != nil || len(events) != 1 {
		e.Errorf("history: got %d events and error %v, want the order's one", len(events), err)
	}
	if events, err := e.Events(e.ctx, shop, schedule.Cursor{}, many); err != nil || len(events) != 1000 {
		e.Errorf("got %d events and error %v, want a thousand", len(events), err)
	}
}

func (e *env) claimDeliveries(want ...string) []schedule.Delivery {
	e.Helper()
	deliveries, err := e.ClaimDeliveries(e.ctx, shop, 100, lease)
	e.must(err)
	got := make([]string, len(deliveries))
	for i, p := range deliveries {
		got[i] = p.OutTradeNo
	}
	if !slices.Equal(got, want) {
		e.Fatalf("to deliver: got %v, want %v", got, want)
	}
	return deliveries
}

func delivers(e *env) {
	e.endAll("A", "B")
	e.register(schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "2", OutTradeNo: "other"}})
	e.must(e.Observe(e.ctx, order.Ref{Region: order.Mainland, MchID: "2", OutTradeNo: "other"}, schedule.Final{State: schedule.FinalPaid}))
	deliveries := e.claimDeliveries("A", "B")
	if p := deliveries[0]; p.Attempts != 1 || p.Kind != schedule.EventClosed || p.Number == 0 || p.Token == "" {
		e.Errorf("got %#v, want a first delivery", p)
	}
	e.must(e.Delivered(e.ctx, deliveries[0]))
	e.must(e.Delivered(e.ctx, deliveries[0])) // as after a commit whose answer was lost
	e.must(e.Redeliver(e.ctx, deliveries[1], time.Hour, "HTTP 500"))
	e.claimDeliveries()
	e.Pass(time.Hour)
	again := e.claimDeliveries("B")
	if again[0].Attempts != 2 || again[0].LastError != "HTTP 500" {
		e.Errorf("got %#v, want a second delivery after HTTP 500", again[0])
	}
	e.must(e.Delivered(e.ctx, again[0]))
	e.Pass(1000 * time.Hour)
	e.claimDeliveries()
}

func leasesDeliveries(e *env) {
	e.endAll("A")
	first := e.claimDeliveries("A")[0]
	e.claimDeliveries()
	e.Pass(lease)
	second := e.claimDeliveries("A")[0]
	refused[*schedule.LostClaimError](e, e.Delivered(e.ctx, first))
	refused[*schedule.LostClaimError](e, e.Redeliver(e.ctx, first, 0, "late"))
	refused[*schedule.LostClaimError](e, e.DeadLetter(e.ctx, first, "late"))
	e.must(e.Delivered(e.ctx, second))
}

func deadLetters(e *env) {
	e.endAll("A", "B")
	deliveries := e.claimDeliveries("A", "B")
	e.must(e.DeadLetter(e.ctx, deliveries[0], "HTTP 410"))
	e.must(e.Delivered(e.ctx, deliveries[1]))
	e.Pass(1000 * time.Hour)
	e.claimDeliveries()
	dead, err := e.DeadLetters(e.ctx, shop, 0, 10)
	if err != nil || len(dead) != 1 || dead[0].OutTradeNo != "A" || dead[0].LastError != "HTTP 410" {
		e.Fatalf("dead: got %#v and error %v, want A for HTTP 410", dead, err)
	}
	if more, err := e.DeadLetters(e.ctx, shop, dead[0].Number, 10); err != nil || len(more) != 0 {
		e.Errorf("after the last: got %v and error %v, want none", more, err)
	}
	if requeued, err := e.Requeue(e.ctx, order.Account{Region: order.Mainland, MchID: "2"}, dead[0].Number); err != nil || requeued {
		e.Errorf("another merchant's: got requeued %v and error %v, want false", requeued, err)
	}
	for _, want := range []bool{true, false} {
		if requeued, err := e.Requeue(e.ctx, shop, dead[0].Number); err != nil || requeued != want {
			e.Errorf("got requeued %v and error %v, want %v", requeued, err, want)
		}
	}
	refused[*schedule.LostClaimError](e, e.Delivered(e.ctx, deliveries[0]))
	e.must(e.Delivered(e.ctx, e.claimDeliveries("A")[0]))
}

// tellsHistory wants an order's own events, in order, and no others.
func tellsHistory(e *env) {
	e.endAll("A1", "A2")
	refused[*schedule.ContradictionError](e, e.Observe(e.ctx, ref("A1"), schedule.Final{State: schedule.FinalPaid}))
	events, err := e.History(e.ctx, ref("A1"), 10)
	e.must(err)
	if len(events) != 2 || events[0].Kind != schedule.EventClosed || events[1].Kind != schedule.EventContradicted ||
		events[0].Number <= 0 || events[1].Number <= events[0].Number || events[1].Ref != ref("A1") {
		e.Errorf("got %+v, want closed and contradicted", events)
	}
	if events, err = e.History(e.ctx, ref("A1"), 1); err != nil || len(events) != 1 || events[0].Kind != schedule.EventClosed {
		e.Errorf("got %+v and error %v, want the first alone", events, err)
	}
	if events, err = e.History(e.ctx, ref("NOPE"), 10); err != nil || len(events) != 0 {
		e.Errorf("got %+v and error %v of an order that is not registered, want none", events, err)
	}
}
