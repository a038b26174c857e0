package storetest

import (
	"errors"
	"reflect"
	"slices"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

var telling = []proof{
	{name: "events in pages", prove: readsEvents},
	{name: "a cursor that names another event", prove: noticesOthers},
	{name: "deliveries", prove: delivers},
	{name: "a delivery under a lease", prove: leasesDeliveries},
	{name: "dead letters", prove: deadLetters},
	{name: "an event that was delivered is requeued", prove: requeuesDelivered},
	{name: "deliveries given back", prove: returnsDeliveries},
	{name: "deliveries recorded together", prove: recordsDeliveries},
	{name: "how the receiver does", prove: followsReceiver},
	{name: "a pause of the receiver's", prove: keepsPauses},
	{name: "the newest deliveries", prove: claimsNewest},
	{name: "an order's history", prove: tellsHistory},
}

var numbering = []sqlProof{
	{name: "a merchant's events behind another's", prove: numbersApart},
	{name: "events since a time", prove: findsSince},
	{name: "events that wait", prove: listsPending},
	{name: "the newest events", prove: listsNewest},
}

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
	var after outbox.Cursor
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
	events, err := e.Events(e.ctx, shop, outbox.Cursor{}, 10)
	e.must(err)
	first, last := events[0].Cursor(), events[1].Cursor()
	for _, good := range []outbox.Cursor{first, {Number: first.Number}, {Number: first.Number, EventID: first.EventID}} {
		if got, err := e.Events(e.ctx, shop, good, 10); err != nil || len(got) != 1 || got[0].EventID != last.EventID {
			e.Errorf("after %s: got %v and error %v, want the second event", good, got, err)
		}
	}
	if got, err := e.Events(e.ctx, shop, last, 10); err != nil || len(got) != 0 {
		e.Errorf("after the last: got %v and error %v, want none", got, err)
	}
	for _, other := range []outbox.Cursor{
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
	_, err = e.Events(e.ctx, order.Account{Region: order.Mainland, MchID: "3"}, outbox.Cursor{Number: 1}, 10)
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
	if events, err := e.Events(e.ctx, other.Account(), outbox.Cursor{}, 10); err != nil || len(events) != 1 {
		e.Errorf("got %d events and error %v, want the other merchant's one", len(events), err)
	}
	if n := e.count("SELECT COUNT(*) FROM cloudpay_events WHERE seq IS NOT NULL"); n != 1 {
		e.Errorf("%d events were numbered, want only those that were read", n)
	}
	if events, err := e.History(e.ctx, ref(list[many-1]), 10); err != nil || len(events) != 1 {
		e.Errorf("history: got %d events and error %v, want the order's one", len(events), err)
	}
	if events, err := e.Events(e.ctx, shop, outbox.Cursor{}, many); err != nil || len(events) != 1000 {
		e.Errorf("got %d events and error %v, want a thousand", len(events), err)
	}
}

func (e *env) claimDeliveries(want ...string) []outbox.Delivery {
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

// claimAll claims so many deliveries.
func (e *env) claimAll(want int) []outbox.Delivery {
	e.Helper()
	deliveries, err := e.ClaimDeliveries(e.ctx, shop, 100, lease)
	if err != nil || len(deliveries) != want {
		e.Fatalf("to deliver: got %d and error %v, want %d", len(deliveries), err, want)
	}
	return deliveries
}

// result records what became of one delivery.
func (e *env) result(d outbox.Delivery, outcome outbox.DeliveryOutcome, after time.Duration, reason string) error {
	return e.RecordDeliveries(e.ctx, d.Account(), []outbox.DeliveryResult{{Delivery: d, Outcome: outcome, After: after, Reason: reason}})[0]
}

func (e *env) acknowledge(d outbox.Delivery) error {
	return e.result(d, outbox.DeliveryAcknowledged, 0, "")
}

func (e *env) fail(d outbox.Delivery, after time.Duration, reason string) error {
	return e.result(d, outbox.DeliveryFailed, after, reason)
}

func (e *env) kill(d outbox.Delivery, reason string) error {
	return e.result(d, outbox.DeliveryDead, 0, reason)
}

func (e *env) giveBack(d outbox.Delivery) error {
	return e.result(d, outbox.DeliveryReturned, 0, "")
}

func delivers(e *env) {
	e.endAll("A", "B")
	e.register(schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "2", OutTradeNo: "other"}})
	e.must(e.Observe(e.ctx, order.Ref{Region: order.Mainland, MchID: "2", OutTradeNo: "other"}, schedule.Final{State: schedule.FinalPaid}))
	deliveries := e.claimDeliveries("A", "B")
	if p := deliveries[0]; p.Attempts != 1 || p.Kind != outbox.EventClosed || p.Number == 0 || p.Token == "" {
		e.Errorf("got %#v, want a first delivery", p)
	}
	e.must(e.acknowledge(deliveries[0]))
	e.must(e.acknowledge(deliveries[0])) // as after a commit whose answer was lost
	e.must(e.fail(deliveries[1], time.Hour, "HTTP 500"))
	e.claimDeliveries()
	e.Pass(time.Hour)
	again := e.claimDeliveries("B")
	if again[0].Attempts != 2 || again[0].LastError != "HTTP 500" {
		e.Errorf("got %#v, want a second delivery after HTTP 500", again[0])
	}
	e.must(e.acknowledge(again[0]))
	e.Pass(1000 * time.Hour)
	e.claimDeliveries()
}

func leasesDeliveries(e *env) {
	e.endAll("A")
	first := e.claimDeliveries("A")[0]
	e.claimDeliveries()
	e.Pass(lease)
	second := e.claimDeliveries("A")[0]
	refused[*schedule.LostClaimError](e, e.acknowledge(first))
	refused[*schedule.LostClaimError](e, e.fail(first, 0, "late"))
	refused[*schedule.LostClaimError](e, e.kill(first, "late"))
	refused[*schedule.LostClaimError](e, e.giveBack(first))
	e.must(e.acknowledge(second))
}

func deadLetters(e *env) {
	e.endAll("A", "B")
	deliveries := e.claimDeliveries("A", "B")
	e.must(e.kill(deliveries[0], "HTTP 410"))
	e.must(e.acknowledge(deliveries[1]))
	e.Pass(1000 * time.Hour)
	e.claimDeliveries()
	all := outbox.Selection{Account: shop}
	dead, err := e.DeadLetters(e.ctx, all, 0, 10)
	if err != nil || len(dead) != 1 || dead[0].OutTradeNo != "A" || dead[0].LastError != "HTTP 410" {
		e.Fatalf("dead: got %#v and error %v, want A for HTTP 410", dead, err)
	}
	if more, err := e.DeadLetters(e.ctx, all, dead[0].Number, 10); err != nil || len(more) != 0 {
		e.Errorf("after the last: got %v and error %v, want none", more, err)
	}
	if others, err := e.DeadLetters(e.ctx, outbox.Selection{Account: shop, SubMchID: "7"}, 0, 10); err != nil || len(others) != 0 {
		e.Errorf("of a sub-merchant: got %v and error %v, want none", others, err)
	}
	if requeued, err := e.Requeue(e.ctx, order.Account{Region: order.Mainland, MchID: "2"}, []int64{dead[0].Number}); err != nil || requeued != 0 {
		e.Errorf("another merchant's: got %d requeued and error %v, want none", requeued, err)
	}
	if requeued, err := e.Requeue(e.ctx, shop, []int64{dead[0].Number, 99}); err != nil || requeued != 1 {
		e.Errorf("got %d requeued and error %v, want 1 of the two", requeued, err)
	}
	refused[*schedule.LostClaimError](e, e.acknowledge(deliveries[0]))
	again := e.claimDeliveries("A")
	if again[0].Attempts != 1 {
		e.Errorf("got %#v, want its attempts counted anew", again[0])
	}
	e.must(e.acknowledge(again[0]))
}

// findsSince finds events by the time at which they occurred, of which more were numbered than a
// page has, and one of them late; and one event by its ID.
func findsSince(e *sqlEnv) {
	const many, late = 1100, 100
	s := open(e, e.address)
	list := numbers("A", many)
	e.endAll(list[:late]...)
	e.claimAll(late) // which numbers them
	e.Pass(10 * 24 * time.Hour)
	for _, chunk := range [][]string{list[late:600], list[600:]} {
		e.registerDue(chunk...)
		claims, err := e.Claim(e.ctx, shop, many, lease)
		e.must(err)
		for _, c := range claims {
			e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
		}
	}
	e.Pass(time.Hour)
	events, err := e.Events(e.ctx, shop, outbox.Cursor{Number: late}, 1000)
	if err != nil || len(events) != many-late {
		e.Fatalf("got %d events and error %v, want %d", len(events), err, many-late)
	}
	since := events[0].OccurredAt
	for _, event := range events {
		if event.OccurredAt.Before(since) {
			since = event.OccurredAt
		}
	}
	for _, at := range []struct {
		since time.Time
		want  int
	}{{since, many - late}, {since.Add(-20 * 24 * time.Hour), many}, {since.Add(24 * time.Hour), 0}} {
		found := 0
		err := s.EachSince(e.ctx, outbox.Selection{Account: shop}, at.since, func(numbers []int64) error {
			found += len(numbers)
			return nil
		})
		if err != nil || found != at.want {
			e.Errorf("since %s: got %d events and error %v, want %d", at.since, found, err, at.want)
		}
	}
	pending := 0
	e.must(s.EachPending(e.ctx, outbox.Selection{Account: shop}, func(numbers []int64) error {
		pending += len(numbers)
		return nil
	}))
	if pending != many {
		e.Errorf("got %d events that wait, want %d", pending, many)
	}
	for _, number := range []int64{0, events[5].Number} {
		if got, found, err := s.EventNamed(e.ctx, shop, number, events[5].EventID); err != nil || !found || !reflect.DeepEqual(got, events[5]) {
			e.Errorf("got %+v, %v and error %v, want %+v", got, found, err, events[5])
		}
		other := order.Account{Region: order.Mainland, MchID: "2"}
		if got, found, err := s.EventNamed(e.ctx, other, number, events[5].EventID); err != nil || found {
			e.Errorf("another merchant's: got %+v and error %v, want none", got, err)
		}
	}
}

// listsPending lists the events that wait, with when they are due and how old they are.
func listsPending(e *sqlEnv) {
	s := open(e, e.address)
	e.endAll("A", "B", "C")
	deliveries := e.claimAll(3)
	e.must(e.acknowledge(deliveries[0]))
	e.must(e.fail(deliveries[1], 3*time.Hour, "HTTP 500"))
	e.must(e.fail(deliveries[2], 2*time.Hour, "HTTP 502"))
	e.Pass(time.Hour)
	all := outbox.Selection{Account: shop}
	pending, err := s.Pending(e.ctx, all, 10)
	e.must(err)
	if len(pending) != 2 || pending[0].OutTradeNo != deliveries[2].OutTradeNo || pending[0].LastError != "HTTP 502" ||
		pending[0].Age < time.Hour || pending[0].Age > 2*time.Hour || !pending[0].DueAt.Before(pending[1].DueAt) || pending[0].Token != "" {
		e.Errorf("got %+v, want the two that wait, the one that is due first at the front", pending)
	}
	if one, err := s.Pending(e.ctx, all, 1); err != nil || len(one) != 1 {
		e.Errorf("got %d and error %v, want one", len(one), err)
	}
}

// listsNewest lists events backwards, each with what became of it.
func listsNewest(e *sqlEnv) {
	s := open(e, e.address)
	e.endAll("A", "B", "C")
	deliveries := e.claimAll(3)
	e.must(e.acknowledge(deliveries[0]))
	e.must(e.fail(deliveries[1], 3*time.Hour, "HTTP 500"))
	e.must(e.kill(deliveries[2], "HTTP 400"))
	e.Pass(time.Hour)
	all := outbox.Selection{Account: shop}
	got, err := s.Newest(e.ctx, all, 0, 10)
	e.must(err)
	if len(got) != 3 || got[0].Number <= got[1].Number || got[1].Number <= got[2].Number {
		e.Fatalf("got %+v, want three events, the newest first", got)
	}
	for _, l := range got {
		if l.Age < time.Hour || l.Token != "" || l.Attempts != 1 {
			e.Errorf("event %d: got %+v, want an hour old, after one attempt", l.Number, l)
		}
		var set int
		for _, at := range []time.Time{l.DueAt, l.DeliveredAt, l.DeadAt} {
			if !at.IsZero() {
				set++
			}
		}
		// What became of it shows in the one time that is set.
		want := map[int64]bool{
			deliveries[0].Number: !l.DeliveredAt.IsZero(),
			deliveries[1].Number: !l.DueAt.IsZero() && l.LastError == "HTTP 500",
			deliveries[2].Number: !l.DeadAt.IsZero() && l.LastError == "HTTP 400",
		}
		if set != 1 || !want[l.Number] {
			e.Errorf("event %d: got %+v", l.Number, l)
		}
	}
	older, err := s.Newest(e.ctx, all, got[0].Number, 1)
	if err != nil || len(older) != 1 || older[0].Number != got[1].Number {
		e.Errorf("before event %d: got %+v and error %v, want event %d", got[0].Number, older, err, got[1].Number)
	}
	if others, err := s.Newest(e.ctx, outbox.Selection{Account: shop, SubMchID: "1900000099"}, 0, 10); err != nil || len(others) != 0 {
		e.Errorf("of another sub-merchant: got %+v and error %v, want none", others, err)
	}
}

// requeuesDelivered has an event delivered again that was acknowledged, and one that waits.
func requeuesDelivered(e *env) {
	e.endAll("A", "B")
	deliveries := e.claimDeliveries("A", "B")
	e.must(e.acknowledge(deliveries[0]))
	e.must(e.fail(deliveries[1], time.Hour, "HTTP 500"))
	if requeued, err := e.Requeue(e.ctx, shop, []int64{deliveries[0].Number, deliveries[1].Number}); err != nil || requeued != 2 {
		e.Fatalf("got %d requeued and error %v, want both", requeued, err)
	}
	again, err := e.ClaimDeliveries(e.ctx, shop, 100, lease)
	if err != nil || len(again) != 2 || again[0].Attempts != 1 || again[1].Attempts != 1 {
		e.Fatalf("to deliver: got %#v and error %v, want both, for the first time", again, err)
	}
	for _, d := range again {
		e.must(e.acknowledge(d))
	}
	e.Pass(1000 * time.Hour)
	e.claimDeliveries()
}

// returnsDeliveries gives events back: they are due at once, and the attempt was none.
func returnsDeliveries(e *env) {
	e.endAll("A", "B")
	deliveries := e.claimDeliveries("A", "B")
	for _, d := range deliveries {
		e.must(e.giveBack(d))
	}
	again := e.claimDeliveries("A", "B")
	if again[0].Attempts != 1 || again[0].Token == deliveries[0].Token {
		e.Errorf("got %#v, want a first attempt under another lease", again[0])
	}
}

// recordsDeliveries records outcomes of each kind at once. A lease that was lost keeps none of the
// others from it.
func recordsDeliveries(e *env) {
	e.endAll("A", "B", "C", "D", "E")
	lost, err := e.ClaimDeliveries(e.ctx, shop, 1, 0) // expires at once
	e.must(err)
	of := map[string]outbox.Delivery{}
	for _, d := range e.claimAll(5) {
		of[d.OutTradeNo] = d
	}
	results := []outbox.DeliveryResult{
		{Delivery: of["A"], Outcome: outbox.DeliveryAcknowledged},
		{Delivery: of["B"], Outcome: outbox.DeliveryFailed, After: time.Minute, Reason: "HTTP 500"},
		{Delivery: lost[0], Outcome: outbox.DeliveryAcknowledged},
		{Delivery: of["C"], Outcome: outbox.DeliveryFailed, After: time.Hour, Reason: "no\x00\nanswer"},
		{Delivery: of["D"], Outcome: outbox.DeliveryDead, Reason: "HTTP 410"},
		{Delivery: of["E"], Outcome: outbox.DeliveryReturned},
	}
	results[2].Number = of["B"].Number + 1000 // of no event
	errs := e.RecordDeliveries(e.ctx, shop, results)
	for i, err := range errs {
		if _, isLost := errors.AsType[*schedule.LostClaimError](err); isLost != (i == 2) || err != nil && i != 2 {
			e.Errorf("result %d: got error %v", i, err)
		}
	}
	if waiting, err := e.Waiting(e.ctx, shop, 100); err != nil || waiting != 3 {
		e.Errorf("got %d waiting and error %v, want B, C and E", waiting, err)
	}
	if waiting, err := e.Waiting(e.ctx, shop, 2); err != nil || waiting != 2 {
		e.Errorf("got %d waiting and error %v, want no more counted than asked", waiting, err)
	}
	e.claimDeliveries("E")
	e.Pass(time.Minute)
	for _, d := range e.claimDeliveries("B", "E") { // E's lease has run out
		e.must(e.acknowledge(d))
	}
	e.Pass(time.Hour)
	if c := e.claimDeliveries("C")[0]; c.LastError != "no answer" || c.Attempts != 2 {
		e.Errorf("got %#v, want a second attempt after \"no answer\"", c)
	}
	for i, err := range e.RecordDeliveries(e.ctx, order.Account{Region: order.Mainland, MchID: "2"}, results[:1]) {
		if err == nil {
			e.Errorf("another merchant's result %d was recorded", i)
		}
	}
	if errs := e.RecordDeliveries(e.ctx, shop, nil); len(errs) != 0 {
		e.Errorf("got errors %v for nothing", errs)
	}
}

// followsReceiver wants the first failure's time to be kept until a success.
func followsReceiver(e *env) {
	wantReceiver := func(failing time.Duration, lastError string) outbox.Receiver {
		e.Helper()
		r, err := e.Receiver(e.ctx, shop)
		e.must(err)
		if r.FailingSince.IsZero() != (lastError == "") || r.LastError != lastError || r.Failing < failing || r.Failing > failing+time.Minute {
			e.Errorf("got %+v, want it to fail for %s: %q", r, failing, lastError)
		}
		return r
	}
	wantReceiver(0, "")
	e.must(e.ReceiverFailed(e.ctx, shop, "HTTP\n500"))
	wantReceiver(0, "HTTP 500")
	e.Pass(time.Hour)
	e.must(e.ReceiverFailed(e.ctx, shop, "HTTP 503"))
	wantReceiver(time.Hour, "HTTP 503")
	e.must(e.ReceiverRecovered(e.ctx, order.Account{Region: order.Mainland, MchID: "2"}))
	wantReceiver(time.Hour, "HTTP 503")
	e.must(e.ReceiverRecovered(e.ctx, shop))
	wantReceiver(0, "")
	e.must(e.ReceiverFailed(e.ctx, shop, "HTTP 502"))
	wantReceiver(0, "HTTP 502")
}

// keepsPauses wants a pause to last until its end or until an event is requeued: a shorter one, a
// failure or a success does not end it.
func keepsPauses(e *env) {
	wantPause := func(want time.Duration) {
		e.Helper()
		if r, err := e.Receiver(e.ctx, shop); err != nil || r.Pause > want || r.Pause < want-time.Minute {
			e.Errorf("got a pause of %s and error %v, want %s or a little less", r.Pause, err, want)
		}
	}
	e.must(e.PauseReceiver(e.ctx, shop, 30*time.Minute))
	if r, err := e.Receiver(e.ctx, shop); err != nil || !r.FailingSince.IsZero() {
		e.Errorf("got %+v and error %v, want a pause and no failure", r, err)
	}
	e.Pass(10 * time.Minute)
	e.must(e.PauseReceiver(e.ctx, shop, time.Minute))
	e.must(e.ReceiverFailed(e.ctx, shop, "HTTP 503"))
	wantPause(20 * time.Minute)
	e.must(e.ReceiverRecovered(e.ctx, shop))
	wantPause(20 * time.Minute)
	e.must(e.PauseReceiver(e.ctx, shop, 25*time.Minute))
	wantPause(25 * time.Minute)
	e.Pass(time.Hour)
	wantPause(0)

	e.must(e.PauseReceiver(e.ctx, shop, time.Hour))
	e.endAll("A")
	number := e.claimDeliveries("A")[0].Number
	if requeued, err := e.Requeue(e.ctx, shop, []int64{number + 1}); err != nil || requeued != 0 {
		e.Errorf("got %d requeued and error %v, want none", requeued, err)
	}
	wantPause(time.Hour)
	if requeued, err := e.Requeue(e.ctx, shop, []int64{number}); err != nil || requeued != 1 {
		e.Errorf("got %d requeued and error %v, want one", requeued, err)
	}
	wantPause(0)
}

// claimsNewest claims events that were not delivered before, the newest first.
func claimsNewest(e *env) {
	e.endAll(numbers("N", 6)...)
	oldest, err := e.ClaimDeliveries(e.ctx, shop, 2, lease)
	if err != nil || len(oldest) != 2 {
		e.Fatalf("got %d and error %v, want two", len(oldest), err)
	}
	e.must(e.fail(oldest[0], 0, "HTTP 400"))
	e.must(e.giveBack(oldest[1]))
	for _, want := range [][]string{{"N0003", "N0004", "N0005"}, {"N0002"}, {"N0001"}, {"N0000"}, {}} {
		claimed, err := e.ClaimNewestDeliveries(e.ctx, shop, max(len(want), 1), lease)
		e.must(err)
		got := make([]string, len(claimed))
		for i, d := range claimed {
			got[i] = d.OutTradeNo
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			e.Errorf("got %v, want %v", got, want)
		}
		for _, d := range claimed {
			e.must(e.acknowledge(d))
		}
	}
	e.endAll("A")
	if others, err := e.ClaimNewestDeliveries(e.ctx, order.Account{Region: order.Mainland, MchID: "2"}, 10, lease); err != nil || len(others) != 0 {
		e.Errorf("another merchant's: got %v and error %v, want none", others, err)
	}
	first, err := e.ClaimNewestDeliveries(e.ctx, shop, 10, lease)
	if err != nil || len(first) != 1 || first[0].Attempts != 1 || first[0].Token == "" {
		e.Fatalf("got %+v and error %v, want a first delivery", first, err)
	}
	e.claimDeliveries()
	e.Pass(lease)
	second := e.claimDeliveries("A")[0]
	refused[*schedule.LostClaimError](e, e.acknowledge(first[0]))
	e.must(e.acknowledge(second))
}

// tellsHistory wants an order's own events, in order, and no others.
func tellsHistory(e *env) {
	e.endAll("A1", "A2")
	refused[*schedule.ContradictionError](e, e.Observe(e.ctx, ref("A1"), schedule.Final{State: schedule.FinalPaid}))
	events, err := e.History(e.ctx, ref("A1"), 10)
	e.must(err)
	if len(events) != 2 || events[0].Kind != outbox.EventClosed || events[1].Kind != outbox.EventContradicted ||
		events[0].Number <= 0 || events[1].Number <= events[0].Number || events[1].Ref != ref("A1") {
		e.Errorf("got %+v, want closed and contradicted", events)
	}
	if events, err = e.History(e.ctx, ref("A1"), 1); err != nil || len(events) != 1 || events[0].Kind != outbox.EventClosed {
		e.Errorf("got %+v and error %v, want the first alone", events, err)
	}
	if events, err = e.History(e.ctx, ref("NOPE"), 10); err != nil || len(events) != 0 {
		e.Errorf("got %+v and error %v of an order that is not registered, want none", events, err)
	}
}
