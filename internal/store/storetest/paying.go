package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/schedule/pruning"
)

var paying = []proof{
	{name: "a payment that was notified ends an order", prove: endsByPayment},
	{name: "a payment that was notified while a sweep holds the order", prove: paysUnderClaim},
	{name: "a payment of an order that ended otherwise", prove: paysAfterEnd},
	{name: "payments of one order by several transactions", prove: paysTwice},
	{name: "a refund that was notified", prove: refunds},
	{name: "a payment of an order that is not registered", prove: paysUnregistered},
	{name: "a registration of an order that is paid already", prove: registersPaid},
	{name: "the payments of a combined order", prove: paysCombined},
	{name: "a payment of an order that was pruned", prove: paysPruned},
	{name: "payments and registrations of one order at once", prove: paysAtOnce},
}

var payingInSQL = []sqlProof{
	{name: "a process that dies between the payments of a combined order", prove: diesPaying},
	{name: "a payment without a registration beside the release before", prove: paysBesideReleaseBefore},
}

// paidAt is when payments of these tests were made.
func paidAt() time.Time { return time.Date(2026, 11, 29, 0, 30, 0, 0, time.UTC) }

// payment is an order's payment of one fen.
func payment(no string) schedule.Payment {
	return schedule.Payment{Ref: ref(no), TransactionID: "T" + no, Total: fen(1), PaidAt: paidAt()}
}

func refund(no string) schedule.Payment {
	return schedule.Payment{Ref: ref(no), Refunded: true, TransactionID: "T" + no, Total: fen(1)}
}

// pay records payments, and returns what came of them.
func (e *env) pay(payments ...schedule.Payment) []schedule.Observed {
	e.Helper()
	all, err := e.ObservePayments(e.ctx, payments)
	e.must(err)
	if len(all) != len(payments) {
		e.Fatalf("got %d results of %d payments", len(all), len(payments))
	}
	return all
}

// wantPaid records a payment and wants this to come of it, and nothing of the same once more.
func (e *env) wantPaid(p schedule.Payment, want schedule.Observed) {
	e.Helper()
	if got := e.pay(p)[0]; got != want {
		e.Errorf("order %s: got %+v, want %+v", p.OutTradeNo, got, want)
	}
	want.New, want.Ended = false, schedule.FinalPaid
	was, err := e.Show(e.ctx, p.Ref)
	e.must(err)
	if got := e.pay(p)[0]; got != want {
		e.Errorf("order %s again: got %+v, want %+v", p.OutTradeNo, got, want)
	}
	is, err := e.Show(e.ctx, p.Ref)
	e.must(err)
	if !same(was.PaidTotal, is.PaidTotal) || was.TradeState != is.TradeState || !was.EndedAt.Equal(is.EndedAt) || was.ID != is.ID {
		e.Errorf("order %s: the payment once more made %+v of %+v", p.OutTradeNo, is, was)
	}
}

func endsByPayment(e *env) {
	for no, total := range map[string]*int64{"same": fen(1), "other": fen(2), "unknown": nil} {
		e.register(schedule.Entry{Ref: ref(no), Total: total, CloseIn: time.Hour, Owner: "tcb:u1"})
		e.wantPaid(payment(no), schedule.Observed{New: true})
	}
	e.register(schedule.Entry{Ref: ref("unsaid"), Total: fen(2), CloseIn: time.Hour})
	unsaid := payment("unsaid")
	unsaid.Total, unsaid.TransactionID, unsaid.PaidAt = nil, "", time.Time{}
	e.wantPaid(unsaid, schedule.Observed{New: true})
	e.registerDue("stuck")
	e.must(e.GiveUp(e.ctx, e.claim("stuck")[0], schedule.Retry{Reason: "no"}))
	e.wantPaid(payment("stuck"), schedule.Observed{New: true})
	e.register(schedule.Entry{Ref: ref("withdrawn"), CloseIn: time.Hour})
	e.must(withdrawn(e, "withdrawn"))
	e.wantPaid(payment("withdrawn"), schedule.Observed{New: true})
	for no, want := range map[string][]outbox.EventKind{
		"same": {outbox.EventPaid}, "other": {outbox.EventPaidOtherAmount}, "unknown": {outbox.EventPaid}, "unsaid": {outbox.EventPaid},
		"stuck": {outbox.EventGaveUp, outbox.EventPaid}, "withdrawn": {outbox.EventPaid},
	} {
		e.wantEvents(no, want...)
		r := e.show(no)
		if r.Progress != schedule.Done || r.FinalState != schedule.FinalPaid || r.TradeState != tradestate.Success || !r.Authenticated ||
			!r.DueAt.IsZero() || !r.LeaseUntil.IsZero() || r.EndedAt.IsZero() || r.Unregistered() {
			e.Errorf("order %s: got %+v, want it paid", no, r)
		}
		if paid := payment(no); no != "unsaid" && (r.TransactionID != paid.TransactionID || !same(r.PaidTotal, paid.Total) || !r.PaidAt.Equal(paid.PaidAt)) {
			e.Errorf("order %s: got %+v, want the payment's facts", no, r)
		}
	}
	if r := e.show("unsaid"); r.PaidTotal != nil || r.TransactionID != "" || !r.PaidAt.IsZero() {
		e.Errorf("got %+v, want what was not said to be absent", r)
	}
	e.Pass(2 * time.Hour)
	e.claim() // nothing asks about them any more
}

func paysUnderClaim(e *env) {
	c := e.claimOne("A1")
	e.wantPaid(payment("A1"), schedule.Observed{New: true})
	refused[*schedule.LostClaimError](e, e.Retry(e.ctx, c, schedule.Retry{Reason: "again"}))
	refused[*schedule.LostClaimError](e, e.GiveUp(e.ctx, c, schedule.Retry{Reason: "no"}))
	if released, err := e.Release(e.ctx, []schedule.Claim{c}); err != nil || released != 0 {
		e.Errorf("got %d claims released and error %v, want none", released, err)
	}
	e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalPaid, TransactionID: "another", Total: fen(7)}))
	if r := e.show("A1"); r.TransactionID != "TA1" || *r.PaidTotal != 1 {
		e.Errorf("got %+v, want the notified payment to stand", r)
	}
	e.wantEvents("A1", outbox.EventPaid)
}

func paysAfterEnd(e *env) {
	e.registerDue("closed", "missing")
	claims := e.claim("closed", "missing")
	had := map[string]schedule.FinalState{"closed": schedule.FinalClosed, "missing": schedule.FinalNotFound}
	kinds := map[string]outbox.EventKind{"closed": outbox.EventClosed, "missing": outbox.EventNotFound}
	for i, no := range []string{"closed", "missing"} {
		e.must(e.Finish(e.ctx, claims[i], schedule.Final{State: had[no]}))
		for _, p := range []schedule.Payment{payment(no), payment(no), refund(no)} {
			got := e.pay(p)[0]
			alarm := wantError[*schedule.ContradictionError](e, got.Err)
			if alarm.Had != had[no] || alarm.Said != schedule.FinalPaid || alarm.Ref != ref(no) || got.Ended != had[no] || got.New || got.Unregistered {
				e.Errorf("order %s: got %+v and the alarm %+v", no, got, alarm)
			}
		}
		e.wantProgress(no, schedule.Done, had[no])
		e.wantEvents(no, kinds[no], outbox.EventContradicted)
	}
	events, err := e.History(e.ctx, ref("closed"), 10)
	e.must(err)
	if told := events[1]; told.FinalState != schedule.FinalPaid || told.TransactionID != "Tclosed" || !same(told.PaidTotal, fen(1)) {
		e.Errorf("got %+v, want the payment in the event", told)
	}
}

// paysTwice has orders paid by several transactions: each but the first is an alarm with an event
// of its own, once, and the first stays recorded.
func paysTwice(e *env) {
	by := func(p schedule.Payment, transaction string) schedule.Payment {
		p.TransactionID, p.Total = transaction, fen(9)
		return p
	}
	e.register(schedule.Entry{Ref: ref("registered"), Total: fen(1), CloseIn: time.Hour}, schedule.Entry{Ref: ref("swept"), CloseIn: time.Hour})
	e.must(e.Observe(e.ctx, ref("swept"), schedule.Final{State: schedule.FinalPaid, TransactionID: "Tswept", Total: fen(1)}))
	for no, first := range map[string]outbox.EventKind{
		"registered": outbox.EventPaid, "swept": outbox.EventPaid, "unregistered": outbox.EventPaidUnregistered,
	} {
		e.pay(payment(no))
		for _, again := range []schedule.Payment{
			by(payment(no), "T2"), by(payment(no), "T2"), by(refund(no), "T2"), by(payment(no), "T3"), by(refund(no), "T3"),
		} {
			got := e.pay(again)[0]
			text := fmt.Sprintf("by transaction T%s and is paid by transaction %s too", no, again.TransactionID)
			if got.Err == nil || !strings.Contains(got.Err.Error(), text) || got.New || got.Ended != schedule.FinalPaid {
				e.Errorf("order %s: got %+v, want the alarm %q", no, got, text)
			}
		}
		e.wantEvents(no, first, outbox.EventContradicted, outbox.EventContradicted)
		if r := e.show(no); r.TransactionID != "T"+no || *r.PaidTotal != 1 || r.TradeState == tradestate.Refund {
			e.Errorf("order %s: got %+v, want the first payment to stand", no, r)
		}
		events, err := e.History(e.ctx, ref(no), 10)
		e.must(err)
		for i, transaction := range []string{"T2", "T3"} {
			if told := events[i+1]; told.FinalState != schedule.FinalPaid || told.TransactionID != transaction || !same(told.PaidTotal, fen(9)) ||
				told.Reason != "recorded as paid by transaction T"+no {
				e.Errorf("order %s: got %+v, want the payment by %s", no, told, transaction)
			}
		}
		if got := e.pay(refund(no))[0]; !got.New || got.Err != nil || e.show(no).TradeState != tradestate.Refund {
			e.Errorf("order %s: the first payment's refund: got %+v of %+v", no, got, e.show(no))
		}
	}
	// A transaction that was not said is no other one. The first that is said is the recorded one.
	unsaid := payment("unsaid")
	unsaid.TransactionID = ""
	for _, p := range []schedule.Payment{unsaid, payment("unsaid"), unsaid} {
		if got := e.pay(p)[0]; got.Err != nil {
			e.Errorf("got %v, want no alarm", got.Err)
		}
	}
	if got := e.pay(by(payment("unsaid"), "T2"))[0]; got.Err == nil {
		e.Errorf("got %+v, want an alarm", got)
	}
	e.wantEvents("unsaid", outbox.EventPaidUnregistered, outbox.EventContradicted)
}

func refunds(e *env) {
	e.register(schedule.Entry{Ref: ref("A1"), Total: fen(1), CloseIn: time.Hour}, schedule.Entry{Ref: ref("A2"), Total: fen(2), CloseIn: time.Hour})
	e.wantPaid(payment("A1"), schedule.Observed{New: true})
	e.wantPaid(refund("A1"), schedule.Observed{New: true, Ended: schedule.FinalPaid})
	if got := e.pay(payment("A1"))[0]; got.New || e.show("A1").TradeState != tradestate.Refund {
		e.Errorf("a late payment: got %+v, want it to change nothing of %+v", got, e.show("A1"))
	}
	if r := e.show("A1"); !r.PaidAt.Equal(paidAt()) || r.FinalState != schedule.FinalPaid {
		e.Errorf("got %+v, want the payment's facts to stay", r)
	}
	e.wantEvents("A1", outbox.EventPaid)
	e.wantPaid(refund("A2"), schedule.Observed{New: true}) // the payment's own notification was lost
	if r := e.show("A2"); r.TradeState != tradestate.Refund || !r.PaidAt.IsZero() {
		e.Errorf("got %+v, want it refunded, and the time of payment absent", r)
	}
	e.wantEvents("A2", outbox.EventPaidOtherAmount)
	e.wantPaid(refund("A3"), schedule.Observed{New: true, Unregistered: true})
	e.wantPaid(payment("A4"), schedule.Observed{New: true, Unregistered: true})
	if got := e.pay(refund("A4"))[0]; !got.New || !got.Unregistered || e.show("A4").TradeState != tradestate.Refund {
		e.Errorf("got %+v, want the refund recorded of %+v", got, e.show("A4"))
	}
	both := e.pay(payment("A5"), refund("A5"))
	if !both[0].New || !both[1].New || e.show("A5").TradeState != tradestate.Refund {
		e.Errorf("got %+v, want both recorded of %+v", both, e.show("A5"))
	}
	for _, no := range []string{"A3", "A4", "A5"} {
		e.wantEvents(no, outbox.EventPaidUnregistered)
	}
}

func paysUnregistered(e *env) {
	e.wantPaid(payment("A1"), schedule.Observed{New: true, Unregistered: true})
	r := e.show("A1")
	if !r.Unregistered() || r.Progress != schedule.Done || r.FinalState != schedule.FinalPaid || r.TradeState != tradestate.Success ||
		!r.Authenticated || r.TransactionID != "TA1" || *r.PaidTotal != 1 || !r.PaidAt.Equal(paidAt()) || r.EndedAt.IsZero() ||
		r.Owner != "" || r.Total != nil || r.Generation != 0 {
		e.Errorf("got %+v, want the payment and nothing else", r)
	}
	e.wantEvents("A1", outbox.EventPaidUnregistered)
	events, err := e.Events(e.ctx, shop, outbox.Cursor{}, 10)
	e.must(err)
	if told := events[0]; told.Ref != ref("A1") || told.FinalState != schedule.FinalPaid || told.TransactionID != "TA1" || told.Total != nil ||
		!same(told.PaidTotal, fen(1)) || !told.PaidAt.Equal(paidAt()) || told.Number != 1 {
		e.Errorf("got %+v, want the payment in the event", told)
	}
	deliveries, err := e.ClaimDeliveries(e.ctx, shop, 10, lease)
	e.must(err)
	if len(deliveries) != 1 || deliveries[0].Kind != outbox.EventPaidUnregistered {
		e.Errorf("got %+v to deliver, want the event", deliveries)
	}
	page, err := e.List(e.ctx, selection(schedule.Done), "", 10)
	e.must(err)
	if listed := page.Orders; len(listed) != 1 || !listed[0].Unregistered() {
		e.Errorf("got %+v listed, want the order", listed)
	}
	e.claim()
	// A direct close of it says that it is paid, and leaves it as it is.
	_, err = e.Begin(e.ctx, schedule.Record{Entry: due("A1")}, lease)
	if got := wantError[*schedule.EndedError](e, err).Record; got.FinalState != schedule.FinalPaid {
		e.Errorf("a direct close: got %+v, want that it is paid", got)
	}
	e.must(e.Observe(e.ctx, ref("A1"), schedule.Final{State: schedule.FinalPaid}))
	refused[*schedule.ContradictionError](e, e.Observe(e.ctx, ref("A1"), schedule.Final{State: schedule.FinalClosed}))
	known, err := e.Known(e.ctx, []schedule.Entry{due("A1")})
	e.must(err)
	refused[*schedule.NotRegisteredError](e, known[0].Err)
	_, err = e.RegisterAgain(e.ctx, due("A1"), "shop")
	refused[*schedule.NotRegisteredError](e, err)
	_, err = e.ObservePayments(e.ctx, []schedule.Payment{payment("A2"), {Ref: order.Ref{Region: shop.Region, MchID: shop.MchID}}})
	refused[*order.FieldError](e, err)
	if _, err := e.Show(e.ctx, ref("A2")); err == nil {
		e.Error("a payment was recorded beside one that cannot be")
	}
}

func registersPaid(e *env) {
	entry := func(no string, total *int64) schedule.Entry {
		return schedule.Entry{Ref: ref(no), Owner: "tcb:u1", Total: total, CloseIn: time.Hour, CreatedAt: paidAt()}
	}
	e.pay(payment("A1"), payment("A2"), payment("A3"))
	e.pay(refund("A3"))
	e.Pass(time.Minute)
	entries := []schedule.Entry{entry("A1", fen(1)), entry("new", nil), entry("A2", fen(2)), entry("A3", nil), entry("A1", fen(1)), entry("A1", fen(3))}
	for again := range 2 {
		all, err := e.RegisterAll(e.ctx, entries)
		e.must(err)
		for i, want := range []schedule.FinalState{schedule.FinalPaid, "", schedule.FinalPaid, schedule.FinalPaid, schedule.FinalPaid} {
			if got := all[i]; got.Added != (i == 1 && again == 0) || got.Ended != want || got.Err != nil || got.Again {
				e.Errorf("entry %d: got %+v, want that it has ended as %q", i, got, want)
			}
		}
		if conflict := wantError[*schedule.ConflictError](e, all[5].Err); conflict.Field != "total" || conflict.FinalState != schedule.FinalPaid {
			e.Errorf("got %+v, want a conflict of the totals", conflict)
		}
	}
	for no, want := range map[string]struct {
		kind  outbox.EventKind
		state tradestate.State
	}{
		"A1": {outbox.EventPaid, tradestate.Success}, "A2": {outbox.EventPaidOtherAmount, tradestate.Success}, "A3": {outbox.EventPaid, tradestate.Refund},
	} {
		e.wantEvents(no, outbox.EventPaidUnregistered, want.kind)
		r := e.show(no)
		if r.Unregistered() || r.Generation != 1 || r.Owner != "tcb:u1" || r.FinalState != schedule.FinalPaid || r.TradeState != want.state ||
			!r.DueAt.IsZero() || r.TransactionID != "T"+no || !r.RegisteredAt.After(r.EndedAt) {
			e.Errorf("order %s: got %+v, want it registered and paid", no, r)
		}
		events, err := e.History(e.ctx, ref(no), 10)
		e.must(err)
		if told := events[1]; told.Owner != "tcb:u1" || !same(told.Total, r.Total) || !same(told.PaidTotal, fen(1)) || !told.PaidAt.Equal(r.PaidAt) ||
			told.EventID != outbox.NewEventID(ref(no), 1, want.kind, 1) || told.EventID == events[0].EventID {
			e.Errorf("order %s: got %+v, want the event of a registered order", no, told)
		}
		e.wantPaid(payment(no), schedule.Observed{Ended: schedule.FinalPaid})
	}
	e.Pass(2 * time.Hour)
	e.claim("new")
	// One alone, as most registrations are.
	e.wantPaid(payment("A4"), schedule.Observed{New: true, Unregistered: true})
	if added, err := e.Register(e.ctx, entry("A4", fen(1))); added || err != nil {
		e.Errorf("got added %t and error %v, want that it has ended", added, err)
	}
	e.wantEvents("A4", outbox.EventPaidUnregistered, outbox.EventPaid)
}

func paysCombined(e *env) {
	e.register(schedule.Entry{Ref: ref("S3"), Total: fen(1), CloseIn: time.Hour})
	e.must(e.Finish(e.ctx, e.claimOne("S1"), schedule.Final{State: schedule.FinalClosed}))
	other := payment("S4")
	other.MchID, other.SubMchID = "1900000010", "1900000109"
	got := e.pay(payment("S3"), payment("S2"), payment("S1"), other)
	if !got[0].New || got[0].Unregistered || !got[1].New || !got[1].Unregistered || got[2].New || got[2].Ended != schedule.FinalClosed || !got[3].Unregistered {
		e.Errorf("got %+v, want the results in the order of the payments", got)
	}
	refused[*schedule.ContradictionError](e, got[2].Err)
	e.wantEvents("S1", outbox.EventClosed, outbox.EventContradicted)
	e.wantEvents("S2", outbox.EventPaidUnregistered)
	e.wantEvents("S3", outbox.EventPaid)
	of := order.Account{Region: shop.Region, MchID: "1900000010"}
	if events, err := e.Events(e.ctx, of, outbox.Cursor{}, 10); err != nil || len(events) != 1 || events[0].Ref != other.Ref {
		e.Errorf("got %+v and error %v, want the event of the other merchant's part", events, err)
	}
	if all := e.pay(); len(all) != 0 {
		e.Errorf("no payments: got %+v", all)
	}
}

func paysPruned(e *env) {
	e.oldEnds("closed")
	e.pay(payment("paid"))
	e.acknowledgeAll()
	e.Pass(longAgo)
	e.prune(quarter(), "closed", "paid")
	for range 2 {
		got := e.pay(payment("closed"))[0]
		if alarm := wantError[*schedule.ContradictionError](e, got.Err); alarm.Had != schedule.FinalClosed || got.New {
			e.Errorf("got %+v and the alarm %+v", got, alarm)
		}
	}
	if got, want := e.pay(payment("paid"))[0], (schedule.Observed{Ended: schedule.FinalPaid}); got != want {
		e.Errorf("got %+v, want nothing new", got)
	}
	events, err := e.Events(e.ctx, shop, outbox.Cursor{}, 10)
	e.must(err)
	if len(events) != 1 || events[0].Kind != outbox.EventContradicted || events[0].Ref != ref("closed") {
		e.Errorf("got the events %+v, want one contradiction", events)
	}
	all, err := e.RegisterAll(e.ctx, []schedule.Entry{due("paid")})
	e.must(err)
	if all[0].Added || all[0].Err != nil {
		e.Errorf("got %+v, want a pruned order not to be registered", all[0])
	}
	if r := e.show("paid"); !r.Pruned || r.FinalState != schedule.FinalPaid || r.Unregistered() {
		e.Errorf("got %+v, want what is left of the order", r)
	}
	if step, err := e.Prune(e.ctx, pruning.Selection{Account: shop, Limit: 10}, nil); err != nil || step.Orders != 0 {
		e.Errorf("got %+v and error %v, want nothing left", step, err)
	}
}

// paysAtOnce has each order's notification arrive four times while the order is registered: it is
// paid once, with one event of a registered order, whichever came first.
func paysAtOnce(e *env) {
	const orders = 20
	list := numbers("P", orders)
	entries := make([]schedule.Entry, orders)
	for i, no := range list {
		entries[i] = schedule.Entry{Ref: ref(no), Total: fen(1), CloseIn: time.Hour}
	}
	e.atOnce(8, func(i int, s Store) {
		for n := range orders {
			// Each goes through the orders from another one on, in pairs that others hold the other
			// way.
			at := (n + i*3) % orders
			if i%2 == 0 {
				if _, err := s.ObservePayments(e.ctx, []schedule.Payment{payment(list[at]), payment(list[(at+7)%orders])}); err != nil {
					e.Errorf("paying %s: %v", list[at], detailed(err))
				}
			} else if _, err := s.RegisterAll(e.ctx, entries[at:min(at+2, orders)]); err != nil {
				e.Errorf("registering %s: %v", list[at], detailed(err))
			}
		}
	})
	events, err := e.Events(e.ctx, shop, outbox.Cursor{}, 1000)
	e.must(err)
	told := map[string][]outbox.EventKind{}
	for _, event := range events {
		told[event.OutTradeNo] = append(told[event.OutTradeNo], event.Kind)
	}
	for _, no := range list {
		r := e.show(no)
		kinds := told[no]
		if len(kinds) > 0 && kinds[0] == outbox.EventPaidUnregistered {
			kinds = kinds[1:]
		}
		if r.FinalState != schedule.FinalPaid || r.Generation != 1 || !slices.Equal(kinds, []outbox.EventKind{outbox.EventPaid}) {
			e.Errorf("order %s: got %+v and the events %v, want it registered and paid once", no, r, told[no])
		}
	}
}

// diesPaying ends the process at each step: both parts of a combined order are recorded with their
// events, or neither is. The notification that comes again completes it.
func diesPaying(e *sqlEnv) {
	parts := []schedule.Payment{payment("S2"), payment("S1")}
	begin := func(at int, late bool) (steps int) {
		e.clear()
		e.register(schedule.Entry{Ref: ref("S1"), Total: fen(1), CloseIn: time.Hour})
		s, f := e.faultyStore(at, late, true)
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		f.die = cancel
		_, err := s.ObservePayments(ctx, parts)
		if (err == nil) != (at == 0) {
			e.Errorf("dead at step %d, late %t: got error %v", at, late, err)
		}
		_ = s.Close()
		return f.step
	}
	for at := range begin(0, false) {
		for _, late := range []bool{false, true} {
			begin(at+1, late)
			first, second := e.show("S1").FinalState, schedule.FinalState("")
			if r, err := e.Show(e.ctx, ref("S2")); err == nil {
				second = r.FinalState
			}
			events := e.count("SELECT COUNT(*) FROM cloudpay_events")
			if first != second || (events == 2) != (first == schedule.FinalPaid) || events == 1 {
				e.Errorf("dead at step %d, late %t: got the ends %q and %q and %d events", at+1, late, first, second, events)
			}
			e.pay(parts...)
			e.wantEvents("S1", outbox.EventPaid)
			e.wantEvents("S2", outbox.EventPaidUnregistered)
		}
	}
}

// paysBesideReleaseBefore: a program that does not know of such orders registers and claims none of
// them, and a program that does registers it afterwards.
func paysBesideReleaseBefore(e *sqlEnv) {
	before := &releaseBefore{db: Raw(e, e.address), dialect: spokenBefore[e.db.Name]}
	if e.db.Name == "sqlite" {
		before.db.SetMaxOpenConns(1)
	}
	e.pay(payment("A1"))
	all, err := before.RegisterAll(e.ctx, []schedule.Entry{due("A1"), due("A2")})
	e.must(err)
	if all[0].Added || !all[1].Added {
		e.Errorf("got %+v registered by the release before, want the second alone", all)
	}
	claims, err := before.Claim(e.ctx, shop, 10, lease)
	e.must(err)
	e.wantClaimed(claims, "A2")
	if r := e.show("A1"); !r.Unregistered() || r.FinalState != schedule.FinalPaid {
		e.Errorf("got %+v, want it as it was", r)
	}
	if added, err := e.Register(e.ctx, due("A1")); added || err != nil {
		e.Errorf("got added %t and error %v, want that it has ended", added, err)
	}
	e.wantEvents("A1", outbox.EventPaidUnregistered, outbox.EventPaid)
}
