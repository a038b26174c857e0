package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/schedule/pruning"
)

// ager is what a register does about its age, besides pruning by a sweep: a reader acknowledges the
// events that it has read, and orders are pruned with their changes.
type ager interface {
	Events(ctx context.Context, of order.Account, after outbox.Cursor, limit int) ([]outbox.Event, error)
	Acknowledge(ctx context.Context, of order.Account, through int64) (acknowledged int, err error)
	Prunable(ctx context.Context, p pruning.Selection) (pruning.Count, error)
}

var aging = []proof{
	{name: "pruning what ended long ago", prove: prunes},
	{name: "pruning with the history of changes", prove: prunesChanges},
	{name: "pruning nothing else", prove: prunesNothingElse},
	{name: "pruning one sub-merchant's", prove: prunesOneShop},
	{name: "pruning in steps", prove: prunesInSteps},
	{name: "pruning where an earlier step ended", prove: resumesPruning},
	{name: "pruning without an archive that can be written", prove: prunesNothingUnarchived},
	{name: "a payment of a pruned order", prove: contradictsPruned},
	{name: "registering a pruned order", prove: registersOnce},
	{name: "events that a reader acknowledges", prove: acknowledges},
	{name: "many pruners", prove: manyPruners},
}

var agingSQL = []sqlProof{
	{name: "pruning an order that gets an event meanwhile", only: []string{"postgres", "mysql"}, prove: prunesAround},
	{name: "a process that dies while it prunes", prove: diesPruning},
	{name: "a connection that is lost while it prunes", prove: losesPruning},
}

const (
	day     = 24 * time.Hour
	longAgo = 100 * day
)

// quarter selects what ended at least 90 days ago.
func quarter() pruning.Selection { return pruning.Selection{Account: shop, Age: 90 * day, Limit: 100} }

// acknowledgeAll acknowledges all events of the shop.
func (e *env) acknowledgeAll() {
	e.Helper()
	events, err := e.Events(e.ctx, shop, outbox.Cursor{}, 1000)
	e.must(err)
	if len(events) > 0 {
		_, err = e.Acknowledge(e.ctx, shop, events[len(events)-1].Number)
		e.must(err)
	}
}

// oldEnds ends orders as closed, has their events acknowledged, and lets 100 days pass.
func (e *env) oldEnds(numbers ...string) {
	e.Helper()
	e.endAll(numbers...)
	e.acknowledgeAll()
	e.Pass(longAgo)
}

// prune makes one step, and wants it to delete these orders, in this order.
func (e *env) prune(p pruning.Selection, want ...string) pruning.Step {
	e.Helper()
	var archived []string
	done, err := e.Prune(e.ctx, p, func(all []pruning.Order) error {
		for _, one := range all {
			archived = append(archived, one.OutTradeNo)
		}
		return nil
	})
	e.must(err)
	if !slices.Equal(archived, want) || done.Orders != len(want) {
		e.Errorf("pruned: got %v, and %d of them counted, want %v", archived, done.Orders, want)
	}
	return done
}

func prunes(e *env) {
	paidAt := time.Date(2026, 11, 5, 1, 2, 3, 0, time.UTC)
	finals := map[string]schedule.Final{
		"A": {State: schedule.FinalClosed},
		"B": {State: schedule.FinalPaid, TransactionID: "4200", Total: fen(2), PaidAt: paidAt},
		"C": {State: schedule.FinalNotFound},
	}
	for _, no := range []string{"A", "B", "C"} {
		e.register(schedule.Entry{Ref: ref(no), Owner: "tcb:" + order.Owner(no), Total: fen(2)})
		e.must(e.Finish(e.ctx, e.claim(no)[0], finals[no]))
	}
	refused[*schedule.ContradictionError](e, e.Observe(e.ctx, ref("A"), finals["B"]))
	e.acknowledgeAll()
	e.Pass(longAgo)
	found, err := e.Prunable(e.ctx, quarter())
	e.must(err)
	if found.Orders != 3 || found.Kept != 0 || found.Before.IsZero() {
		e.Errorf("prunable: got %+v, want 3 orders, none kept, and the time", found)
	}
	records, histories := map[string]schedule.Record{}, map[string][]outbox.Event{}
	for no := range finals {
		records[no] = e.show(no)
		histories[no], err = e.History(e.ctx, ref(no), 10)
		e.must(err)
	}
	done, err := e.Prune(e.ctx, quarter(), func(all []pruning.Order) error {
		for _, one := range all {
			wantSame(e, "the archived record", one.Record, records[one.OutTradeNo])
			wantSame(e, "its archived events", one.Events, histories[one.OutTradeNo])
			delete(records, one.OutTradeNo)
		}
		return nil
	})
	e.must(err)
	if len(records) > 0 || done.Orders != 3 || done.Events != 4 || done.Kept != 0 || done.More {
		e.Errorf("got %+v and %d orders that were not archived, want 3 orders with 4 events and no more to do", done, len(records))
	}
	if events, err := e.Events(e.ctx, shop, outbox.Cursor{}, 10); err != nil || len(events) > 0 || e.orders() != 0 {
		e.Errorf("got events %v, error %v and %d orders, want nothing left", events, err, e.orders())
	}
	e.endAll("D") // whose event has the next number
	if events, err := e.Events(e.ctx, shop, outbox.Cursor{Number: 4}, 10); err != nil || len(events) != 1 || events[0].Number != 5 {
		e.Errorf("got events %v and error %v, want the next to be number 5", events, err)
	}
}

func wantSame(e *env, what string, got, want any) {
	e.Helper()
	if !reflect.DeepEqual(got, want) {
		e.Errorf("%s: got\n%+v, want\n%+v", what, got, want)
	}
}

func prunesNothingElse(e *env) {
	other := order.Account{Region: order.Mainland, MchID: "2"}
	e.register(schedule.Entry{Ref: ref("waiting"), CloseIn: 300 * day})
	e.endAll("unacknowledged")
	e.must(e.GiveUp(e.ctx, e.claimOne("givenUp"), schedule.Retry{Reason: "no"}))
	e.must(e.Retry(e.ctx, e.claimOne("doubtful"), schedule.Retry{InDoubt: true, After: 300 * day}))
	theirs := order.Ref{Region: other.Region, MchID: other.MchID, OutTradeNo: "other"}
	e.register(schedule.Entry{Ref: theirs})
	e.must(e.Observe(e.ctx, theirs, schedule.Final{State: schedule.FinalClosed}))
	if _, err := e.Events(e.ctx, other, outbox.Cursor{}, 10); err != nil {
		e.Fatal(err)
	}
	_, err := e.Acknowledge(e.ctx, other, 100)
	e.must(err)
	e.endAll("dead")
	deliveries, err := e.ClaimDeliveries(e.ctx, shop, 10, lease)
	e.must(err)
	for _, d := range deliveries {
		if d.OutTradeNo == "dead" {
			e.must(e.kill(d, "404"))
		}
	}
	e.Pass(longAgo)
	e.endAll("young")
	for _, no := range []string{"unacknowledged", "dead", "young"} {
		e.wantProgress(no, schedule.Done, schedule.FinalClosed)
	}
	done := e.prune(quarter())
	if done.Kept != 2 {
		e.Errorf("got %d kept, want the one whose event is dead and the one whose event is not delivered", done.Kept)
	}
	found, err := e.Prunable(e.ctx, quarter())
	e.must(err)
	if found.Orders != 0 || found.Kept != 2 {
		e.Errorf("prunable: got %+v, want none, and 2 kept", found)
	}
	if got := e.prune(pruning.Selection{Account: other, Age: longAgo + day, Limit: 10}); got.Kept != 0 {
		e.Errorf("got %+v, want the other merchant's to be too young", got)
	}
	e.prune(pruning.Selection{Account: other, Age: 90 * day, Limit: 10}, "other")
}

func prunesOneShop(e *env) {
	for _, sub := range []string{"1900000109", "1900000110"} {
		r := order.Ref{Region: shop.Region, MchID: shop.MchID, SubMchID: sub, OutTradeNo: "A" + sub}
		e.register(schedule.Entry{Ref: r})
		e.must(e.Observe(e.ctx, r, schedule.Final{State: schedule.FinalClosed}))
	}
	e.oldEnds("A")
	p := quarter()
	p.SubMchID = "1900000110"
	if found, err := e.Prunable(e.ctx, p); err != nil || found.Orders != 1 {
		e.Errorf("prunable: got %+v and error %v, want 1", found, err)
	}
	e.prune(p, "A1900000110")
	e.prune(quarter(), "A1900000109", "A")
}

func prunesInSteps(e *env) {
	e.oldEnds(numbers("A", 5)...)
	e.endAll("young")
	p := quarter()
	p.Limit = 2
	for _, want := range [][]string{{"A0000", "A0001"}, {"A0002", "A0003"}, {"A0004"}} {
		done := e.prune(p, want...)
		if p.After = done.Next; done.More != (len(want) == 2) {
			e.Errorf("got %+v after %v, want more only after a full step", done, want)
		}
	}
	e.prune(p)
	e.wantProgress("young", schedule.Done, schedule.FinalClosed)
}

func resumesPruning(e *env) {
	// A step begins with all that ended at the moment where the step before ended. SQLite's clock
	// counts milliseconds.
	for _, no := range []string{"kept0", "kept1", "kept2"} {
		e.endAll(no)
		e.Pass(time.Second)
	}
	e.endAll("B0", "B1")
	events, err := e.Events(e.ctx, shop, outbox.Cursor{}, 10)
	e.must(err)
	for _, event := range events { // a receiver acknowledges the last two alone
		if event.OutTradeNo[0] == 'B' {
			e.deliver(event.OutTradeNo)
		}
	}
	e.Pass(longAgo)
	p := quarter()
	p.Limit, p.Resume = 3, true
	e.prune(p)
	e.prune(p, "B0", "B1")
	_, err = e.Acknowledge(e.ctx, shop, events[len(events)-1].Number)
	e.must(err)
	e.prune(p)
	e.Pass(day + time.Second)
	e.prune(p, "kept0", "kept1", "kept2")
}

// deliver delivers the events of one order.
func (e *env) deliver(no string) {
	e.Helper()
	deliveries, err := e.ClaimDeliveries(e.ctx, shop, 1000, lease)
	e.must(err)
	for _, d := range deliveries {
		if d.OutTradeNo == no {
			e.must(e.acknowledge(d))
			continue
		}
		e.must(e.fail(d, 0, "not this one"))
	}
}

func prunesNothingUnarchived(e *env) {
	e.oldEnds("A", "B")
	full := errors.New("the disk is full")
	_, err := e.Prune(e.ctx, quarter(), func([]pruning.Order) error { return full })
	if !errors.Is(err, full) {
		e.Errorf("got error %v, want that of the archive", err)
	}
	for _, no := range []string{"A", "B"} {
		e.wantProgress(no, schedule.Done, schedule.FinalClosed)
		e.wantEvents(no, outbox.EventClosed)
	}
	done, err := e.Prune(e.ctx, quarter(), nil)
	e.must(err)
	if done.Orders != 2 || done.Events != 2 {
		e.Errorf("without an archive: got %+v, want 2 orders with their events", done)
	}
}

func contradictsPruned(e *env) {
	e.register(schedule.Entry{Ref: ref("paid")})
	e.must(e.Finish(e.ctx, e.claim("paid")[0], schedule.Final{State: schedule.FinalPaid}))
	e.register(schedule.Entry{Ref: ref("notFound")})
	e.must(e.Finish(e.ctx, e.claim("notFound")[0], schedule.Final{State: schedule.FinalNotFound}))
	e.oldEnds("closed")
	e.prune(quarter(), "paid", "notFound", "closed")
	paid := schedule.Final{State: schedule.FinalPaid, TransactionID: "4200", Total: fen(7)}
	e.must(e.Observe(e.ctx, ref("paid"), paid))
	e.wantEvents("paid")
	for no, had := range map[string]schedule.FinalState{"closed": schedule.FinalClosed, "notFound": schedule.FinalNotFound} {
		for range 2 { // the second time is an alarm too, without another event
			alarm := wantError[*schedule.ContradictionError](e, e.Observe(e.ctx, ref(no), paid))
			if alarm.Had != had || alarm.Said != schedule.FinalPaid || alarm.Ref != ref(no) {
				e.Errorf("got %#v, want %s to have ended %s and to be said paid", alarm, no, had)
			}
		}
		e.wantEvents(no, outbox.EventContradicted)
		history, err := e.History(e.ctx, ref(no), 10)
		e.must(err)
		if len(history) != 1 || history[0].TransactionID != "4200" || !same(history[0].PaidTotal, fen(7)) {
			e.Errorf("the history of %s: got %v, want the payment", no, history)
		}
		if want := outbox.NewEventID(ref(no), 1, outbox.EventContradicted, 2); len(history) == 1 && history[0].EventID != want {
			e.Errorf("the event of %s: got ID %s, want %s", no, history[0].EventID, want)
		}
	}
	refused[*schedule.NotRegisteredError](e, e.Observe(e.ctx, ref("never"), paid))
	deliveries, err := e.ClaimDeliveries(e.ctx, shop, 10, lease)
	e.must(err)
	if len(deliveries) != 2 {
		e.Errorf("got %d deliveries, want both alarms", len(deliveries))
	}
}

func registersOnce(e *env) {
	e.oldEnds("A")
	ended := e.show("A").EndedAt
	e.prune(quarter(), "A")
	again := schedule.Entry{Ref: ref("A"), CloseIn: time.Hour, Owner: "tcb:other"}
	for range 2 {
		added, err := e.Register(e.ctx, again)
		if added || err != nil {
			e.Errorf("got added %v and error %v, want nothing to be added", added, err)
		}
	}
	all, err := e.RegisterAll(e.ctx, []schedule.Entry{again, due("B")})
	e.must(err)
	if all[0].Added || !all[1].Added {
		e.Errorf("got %+v, want the second to be added alone", all)
	}
	for _, seen := range []schedule.Record{{Entry: again}, e.show("A")} {
		_, err = e.Begin(e.ctx, seen, lease)
		if got := wantError[*schedule.EndedError](e, err).Record; got.FinalState != schedule.FinalClosed {
			e.Errorf("a direct close: got %+v, want that it was closed", got)
		}
	}
	_, err = e.Change(e.ctx, ref("A"), schedule.Change{Withdraw: true, By: "shop"})
	if late := wantError[*schedule.TooLateError](e, err); !late.Record.Pruned {
		e.Errorf("a withdrawal: got %+v, want what is left of it", late.Record)
	}
	known, err := e.Known(e.ctx, []schedule.Entry{again, due("C")})
	e.must(err)
	refused[*schedule.NotRegisteredError](e, known[1].Err)
	if known[0].Err != nil || known[0].Added {
		e.Errorf("got %+v, want it to be known", known[0])
	}
	if anew, err := e.RegisterAgain(e.ctx, again, "shop"); anew || err != nil {
		e.Errorf("got it registered anew: %v, and error %v", anew, err)
	}
	got := e.show("A")
	if !got.Pruned || got.Progress != schedule.Done || got.FinalState != schedule.FinalClosed || got.Generation != 1 || !got.EndedAt.Equal(ended) {
		e.Errorf("got %+v, want what is left of it", got)
	}
	e.wantEvents("A")
	e.claim("B")
}

func acknowledges(e *env) {
	e.endAll(numbers("A", 4)...)
	events, err := e.Events(e.ctx, shop, outbox.Cursor{}, 10)
	e.must(err)
	deliveries, err := e.ClaimDeliveries(e.ctx, shop, 2, lease)
	e.must(err)
	e.must(e.kill(deliveries[0], "404"))
	for _, step := range []struct {
		through int64
		want    int
	}{{events[2].Number, 3}, {events[2].Number, 0}, {events[0].Number, 0}} {
		if n, err := e.Acknowledge(e.ctx, shop, step.through); err != nil || n != step.want {
			e.Errorf("through %d: got %d and error %v, want %d", step.through, n, err, step.want)
		}
	}
	refused[*schedule.LostClaimError](e, e.kill(deliveries[1], "404"))
	if letters, err := e.DeadLetters(e.ctx, outbox.Selection{Account: shop}, 0, 10); err != nil || len(letters) > 0 {
		e.Errorf("got dead letters %v and error %v, want none", letters, err)
	}
	again, err := e.Events(e.ctx, shop, outbox.Cursor{}, 10)
	e.must(err)
	wantSame(e, "the events afterwards", again, events)
	e.Pass(2 * lease)
	rest, err := e.ClaimDeliveries(e.ctx, shop, 10, lease)
	e.must(err)
	if len(rest) != 1 || rest[0].OutTradeNo != events[3].OutTradeNo {
		e.Errorf("got deliveries %v, want the last event alone", rest)
	}
}

func manyPruners(e *env) {
	const orders = 200
	list := numbers("P", orders)
	for part := range slices.Chunk(list, 100) {
		e.endAll(part...)
	}
	e.acknowledgeAll()
	e.Pass(longAgo)
	var pruned atomic.Int64
	e.atOnce(4, func(_ int, s Store) {
		for p, more := quarter(), true; more; {
			p.Limit = 7
			done, err := s.Prune(e.ctx, p, nil)
			if err != nil {
				e.Error(detailed(err))
				return
			}
			pruned.Add(int64(done.Orders))
			p.After, more = done.Next, done.More
		}
	})
	// What one had locked another has passed over, and a run from the beginning finds it.
	done, err := e.Prune(e.ctx, pruning.Selection{Account: shop, Age: 90 * day, Limit: 1000}, nil)
	e.must(err)
	if got := pruned.Load() + int64(done.Orders); got != orders || e.orders() != 0 {
		e.Errorf("got %d orders pruned and %d left, want %d and none", got, e.orders(), orders)
	}
}

func prunesChanges(e *env) {
	e.register(schedule.Entry{Ref: ref("A"), CloseIn: time.Hour}, schedule.Entry{Ref: ref("B"), CloseIn: time.Hour})
	_, err := e.Change(e.ctx, ref("A"), schedule.Change{Total: fen(7), By: "shop"})
	e.must(err)
	want, err := e.Changes(e.ctx, ref("A"))
	e.must(err)
	for _, no := range []string{"A", "B"} {
		e.must(e.Observe(e.ctx, ref(no), schedule.Final{State: schedule.FinalClosed}))
	}
	e.acknowledgeAll()
	e.Pass(longAgo)
	var got []schedule.Changed
	_, err = e.Prune(e.ctx, quarter(), func(all []pruning.Order) error {
		for _, one := range all {
			got = append(got, one.Changes...)
		}
		return nil
	})
	e.must(err)
	if len(want) != 1 || len(got) != 1 || got[0].Field != "total" || got[0].Became != "7" {
		e.Errorf("got changes %v, want %v", got, want)
	}
}

// prunesAround writes an event of an order between its archiving and its deletion, by a connection
// that asks for no lock. The order must stay, with both its events.
func prunesAround(e *sqlEnv) {
	e.oldEnds("A", "B")
	id := e.count("SELECT id FROM cloudpay_orders WHERE out_trade_no = 'A'")
	written := false
	done, err := e.Prune(e.ctx, quarter(), func([]pruning.Order) error {
		if !written {
			e.sql("INSERT INTO cloudpay_events (kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending, trade_state," +
				" transaction_id, reason, due_at) VALUES ('contradicted', '" + string(shop.Region) + "', '" + shop.MchID + "', '', 'A', " +
				strconv.Itoa(id) + ", '', CURRENT_TIMESTAMP, 'paid', '', '', '', CURRENT_TIMESTAMP)")
			written = true
		}
		return nil
	})
	e.must(err)
	if done.Orders != 1 || done.Kept != 1 {
		e.Errorf("got %+v, want one order pruned and one kept", done)
	}
	e.wantEvents("A", outbox.EventClosed, outbox.EventContradicted)
}

// prunings tries to prune an order with a fault at each step: before the step, and after it. check
// gets the error, and how often the order was archived.
func prunings(e *sqlEnv, forever bool, check func(no string, archived int, err error)) {
	const most = 40
	for at := 1; at < most; at++ {
		for _, late := range []bool{false, true} {
			e.clear()
			no := fmt.Sprintf("P%d-%v", at, late)
			e.oldEnds(no)
			e.sql("INSERT INTO cloudpay_changes (order_id, changed_at, changed_by, field, was, became)" +
				" SELECT id, ended_at, 'shop', 'total', '1', '2' FROM cloudpay_orders")
			s, f := e.faultyStore(at, late, forever)
			archived := 0
			ctx, die := context.WithCancel(e.ctx)
			f.die = die
			_, err := s.Prune(ctx, quarter(), func(all []pruning.Order) error { archived += len(all); return nil })
			die()
			check(no, archived, err)
			if f.step < at {
				return // there is no such step
			}
		}
	}
	e.Errorf("pruning took more than %d steps", most)
}

// isPruned reports whether an order was pruned, and wants it to be pruned whole or not at all.
func (e *sqlEnv) isPruned(no string) bool {
	e.Helper()
	orders := e.count("SELECT COUNT(*) FROM cloudpay_orders WHERE out_trade_no = '" + no + "'")
	events := e.count("SELECT COUNT(*) FROM cloudpay_events WHERE out_trade_no = '" + no + "'")
	tombstones := e.count("SELECT COUNT(*) FROM cloudpay_tombstones")
	changes := e.count("SELECT COUNT(*) FROM cloudpay_changes")
	if orders != events || orders != changes || orders+tombstones != 1 {
		e.Errorf("order %s: got %d orders, %d events, %d changes and %d tombstones, want it whole, or a tombstone",
			no, orders, events, changes, tombstones)
	}
	return tombstones == 1
}

func diesPruning(e *sqlEnv) {
	prunings(e, true, func(no string, archived int, err error) {
		if pruned := e.isPruned(no); pruned && archived == 0 || err == nil && !pruned {
			e.Errorf("%s: got pruned %v, archived %d times, and error %v", no, pruned, archived, err)
		}
	})
}

func losesPruning(e *sqlEnv) {
	prunings(e, false, func(no string, archived int, err error) {
		// The server may hold the locks of the lost connection still, and locked orders are passed
		// over: the next run finds them.
		pruned := e.isPruned(no)
		for range 1000 {
			if pruned || err != nil {
				break
			}
			_, err = e.Prune(e.ctx, quarter(), func(all []pruning.Order) error { archived += len(all); return nil })
			pruned = e.isPruned(no)
		}
		if !pruned || archived == 0 || err != nil {
			e.Errorf("%s: got archived %d times and error %v, want it pruned", no, archived, err)
		}
	})
}
