package storetest

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

var changing = []proof{
	{name: "a registration is corrected", prove: changes},
	{name: "a registration is withdrawn", prove: withdraws},
	{name: "too late to change", prove: tooLate},
	{name: "a time before the order's creation", prove: changesAfterCreation},
	{name: "a change beside a claim", prove: changesBesideClaims},
	{name: "a write that is repeated after a change", prove: repeatsAfterChange},
}

// repeatsAfterChange repeats what was written under a claim, as after a commit whose answer was
// lost, once the order was changed, withdrawn or reopened: the claim is lost by then.
func repeatsAfterChange(e *env) {
	later := time.Date(2050, 1, 2, 3, 4, 5, 0, time.UTC)
	for no, change := range map[string]schedule.Change{"changed": {CloseAt: &later}, "withdrawn": {Withdraw: true}} {
		c := e.claimOne(no)
		e.must(e.Retry(e.ctx, c, schedule.Retry{}))
		if _, err := e.Change(e.ctx, ref(no), change); err != nil {
			e.Fatal(err)
		}
		was := e.show(no)
		refused[*schedule.LostClaimError](e, e.Retry(e.ctx, c, schedule.Retry{}))
		refused[*schedule.LostClaimError](e, e.RetryAll(e.ctx, allAgain([]schedule.Claim{c}, 0))[0])
		refused[*schedule.LostClaimError](e, e.GiveUp(e.ctx, c, schedule.Retry{}))
		if got := e.show(no); got.Progress != was.Progress || !got.DueAt.Equal(was.DueAt) {
			e.Errorf("order %s: got %+v, want it as it was changed", no, got)
		}
		e.wantEvents(no)
	}
	c := e.claimOne("reopened")
	e.must(e.GiveUp(e.ctx, c, schedule.Retry{Reason: "no"}))
	if reopened, err := e.Reopen(e.ctx, c.Ref); err != nil || !reopened {
		e.Fatalf("got reopened %v and error %v, want it reopened", reopened, err)
	}
	refused[*schedule.LostClaimError](e, e.GiveUp(e.ctx, c, schedule.Retry{Reason: "no"}))
	refused[*schedule.LostClaimError](e, e.Retry(e.ctx, c, schedule.Retry{}))
	e.wantProgress("reopened", schedule.Closing, "")
	e.wantEvents("reopened", outbox.EventGaveUp)
	e.claim("reopened")
}

// changes corrects each field, reads the history, and repeats itself without one.
func changes(e *env) {
	at := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC)
	owner := order.Owner("tcb:u2")
	entry := due("A1")
	entry.Owner, entry.CloseIn, entry.Total = "tcb:u1", time.Hour, fen(100)
	e.register(entry)
	change := schedule.Change{CloseAt: &at, Owner: &owner, Total: fen(90), By: "shop"}
	for range 2 {
		r, err := e.Change(e.ctx, ref("A1"), change)
		if err != nil || !r.CloseAt.Equal(at) || r.CloseIn != 0 || r.Owner != owner || *r.Total != 90 || r.Progress != schedule.Waiting {
			e.Errorf("got %+v and error %v, want what it was changed to", r, err)
		}
	}
	if got, err := e.Show(e.ctx, ref("A1")); err != nil || got.Owner != owner {
		e.Errorf("got the owner %s and error %v, want %s", got, err, owner)
	}
	history, err := e.Changes(e.ctx, ref("A1"))
	e.must(err)
	for i := range history {
		if history[i].At.IsZero() {
			e.Errorf("got %+v, want its time", history[i])
		}
		history[i].At = time.Time{}
	}
	want := []schedule.Changed{
		{By: "shop", Field: "close_at", Was: "3600", Became: "2026-11-22T18:30:00Z"},
		{By: "shop", Field: "owner", Was: "tcb:u1", Became: "tcb:u2"},
		{By: "shop", Field: "total", Was: "100", Became: "90"},
	}
	if !slices.Equal(history, want) {
		e.Errorf("got the history %+v, want %+v", history, want)
	}
	e.must(e.Finish(e.ctx, e.claim("A1")[0], schedule.Final{State: schedule.FinalClosed})) // its new time is past
	if history, err := e.Changes(e.ctx, ref("other")); err != nil || len(history) != 0 {
		e.Errorf("another order: got %v and error %v, want no history", history, err)
	}
	changesInSeconds(e)
}

// changesInSeconds counts from the change, by the register's clock.
func changesInSeconds(e *env) {
	in := 30 * time.Minute
	e.registerDue("B1")
	e.Pass(time.Hour)
	r, err := e.Change(e.ctx, ref("B1"), schedule.Change{CloseIn: &in, By: "shop"})
	if err != nil || r.CloseAt.IsZero() || !r.DueAt.Equal(r.CloseAt) {
		e.Errorf("got %+v and error %v, want a time to close it at", r, err)
	}
	e.claim()
	e.Pass(in)
	e.claim("B1")
}

// withdraws is idempotent, claims nothing, and leaves room for what is learned of the payment.
func withdraws(e *env) {
	e.registerDue("A1", "A2")
	for range 2 {
		r, err := e.Change(e.ctx, ref("A1"), schedule.Change{Withdraw: true, By: "shop"})
		if err != nil || r.Progress != schedule.Withdrawn || r.WithdrawnAt.IsZero() || !r.DueAt.IsZero() {
			e.Errorf("got %+v and error %v, want it withdrawn", r, err)
		}
	}
	e.claim("A2")
	if listed, stuck := e.list(selection(schedule.Withdrawn), 10), e.list(selection(schedule.GaveUp), 10); len(listed) != 1 || len(stuck) != 0 {
		e.Errorf("got %d listed as withdrawn and %d as given up, want 1 and 0", len(listed), len(stuck))
	}
	if history, err := e.Changes(e.ctx, ref("A1")); err != nil || len(history) != 1 || history[0].Became != "withdrawn" {
		e.Errorf("got the history %+v and error %v, want one withdrawal", history, err)
	}
	if reopened, err := e.Reopen(e.ctx, ref("A1")); reopened || err != nil {
		e.Errorf("got reopened %v and error %v, want a withdrawn order left alone", reopened, err)
	}
	e.wantEvents("A1")
	e.must(e.Observe(e.ctx, ref("A1"), schedule.Final{State: schedule.FinalPaid, TransactionID: "42"}))
	e.wantProgress("A1", schedule.Done, schedule.FinalPaid)
	e.wantEvents("A1", outbox.EventPaid)
	withdrawnIsClosed(e)
}

// withdrawnIsClosed closes a withdrawn order, which its caller asked for.
func withdrawnIsClosed(e *env) {
	e.registerDue("B1")
	_, err := e.Change(e.ctx, ref("B1"), schedule.Change{Withdraw: true, By: "shop"})
	e.must(err)
	c, err := e.Begin(e.ctx, schedule.Record{Entry: due("B1")}, lease)
	e.must(err)
	if r := e.show("B1"); r.Progress != schedule.Closing || !r.WithdrawnAt.IsZero() {
		e.Errorf("got %+v, want it taken up", r)
	}
	e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
	e.wantEvents("B1", outbox.EventClosed)
	e.wantHistory("B1", "shop: waiting, withdrawn", "close: withdrawn, closing")
}

// tooLate tries to change orders that do not wait.
func tooLate(e *env) {
	e.registerDue("closing", "done", "gaveUp", "withdrawn")
	claims := e.claim("closing", "done", "gaveUp", "withdrawn")
	e.must(e.Finish(e.ctx, claims[1], schedule.Final{State: schedule.FinalClosed}))
	e.must(e.GiveUp(e.ctx, claims[2], schedule.Retry{Reason: "no"}))
	e.must(e.Retry(e.ctx, claims[3], schedule.Retry{Reason: "TIMEOUT", After: time.Hour}))
	_, err := e.Change(e.ctx, ref("withdrawn"), schedule.Change{Withdraw: true, By: "shop"})
	e.must(err)
	in := time.Hour
	for _, no := range []string{"closing", "done", "gaveUp", "withdrawn"} {
		before := e.show(no)
		_, err := e.Change(e.ctx, ref(no), schedule.Change{CloseIn: &in, By: "shop"})
		if late := wantError[*schedule.TooLateError](e, err); late.Record.OutTradeNo != no {
			e.Errorf("got the record of %s, want that of %s", late.Record.OutTradeNo, no)
		}
		if no != "withdrawn" {
			_, err = e.Change(e.ctx, ref(no), schedule.Change{Withdraw: true, By: "shop"})
			refused[*schedule.TooLateError](e, err)
		}
		if after := e.show(no); !reflect.DeepEqual(after, before) {
			e.Errorf("order %s changed to %+v, from %+v", no, after, before)
		}
	}
	_, err = e.Change(e.ctx, ref("other"), schedule.Change{Withdraw: true, By: "shop"})
	refused[*schedule.NotRegisteredError](e, err)
}

// changesAfterCreation compares a new time with the creation that is registered.
func changesAfterCreation(e *env) {
	created := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	e.register(schedule.Entry{Ref: ref("A1"), CreatedAt: created, CloseAt: created.Add(time.Hour)})
	before := e.show("A1")
	early := created.Add(-time.Second)
	_, err := e.Change(e.ctx, ref("A1"), schedule.Change{CloseAt: &early, Owner: new(order.Owner("tcb:u1")), By: "shop"})
	if fault := wantError[*order.FieldError](e, err); fault.Field != "close_at" {
		e.Errorf("got %v, want close_at to be refused", err)
	}
	if after := e.show("A1"); !reflect.DeepEqual(after, before) {
		e.Errorf("got %+v, want it as it was: %+v", after, before)
	}
	if history, err := e.Changes(e.ctx, ref("A1")); err != nil || len(history) != 0 {
		e.Errorf("got the history %v and error %v, want none", history, err)
	}
	for _, c := range []schedule.Change{{CloseAt: &created}, {CloseAt: &early, Overdue: true}, {Owner: new(order.Owner("tcb:u1"))}} {
		if _, err := e.Change(e.ctx, ref("A1"), c); err != nil {
			e.Errorf("%+v: got %v, want it taken", c, err)
		}
	}
}

// changesBesideClaims races withdrawals with claims: each order is withdrawn or claimed, and never
// both.
func changesBesideClaims(e *env) {
	list := numbers("R", 40)
	e.registerDue(list...)
	var withdrawn atomic.Int32
	var busy sync.WaitGroup
	busy.Go(func() {
		s := e.Another()
		for _, no := range list {
			_, err := s.Change(e.ctx, ref(no), schedule.Change{Withdraw: true, By: "shop"})
			if err == nil {
				withdrawn.Add(1)
			} else if _, late := errors.AsType[*schedule.TooLateError](err); !late {
				e.Error(err)
			}
		}
	})
	claimed := 0
	busy.Go(func() {
		s := e.Another()
		for range 20 {
			claims, err := s.Claim(e.ctx, shop, 3, lease)
			if err != nil {
				e.Error(err)
			}
			claimed += len(claims)
		}
	})
	busy.Wait()
	if left := len(e.list(selection(schedule.Waiting), 100)); int(withdrawn.Load())+claimed+left != len(list) {
		e.Errorf("got %d withdrawn, %d claimed and %d waiting, want %d together", withdrawn.Load(), claimed, left, len(list))
	}
}
