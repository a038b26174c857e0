package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

var batches = []proof{
	{name: "ends in a batch are as single ones", prove: endsTogether},
	{name: "a batch with every kind of trouble", prove: endsInTrouble},
	{name: "more ends than one batch has", prove: endsMany},
}

var batching = []sqlProof{
	{name: "a batch with an end that the database refuses", prove: endIsRefused},
	{name: "a batch with a row that another transaction holds", only: servers, prove: endIsHeld},
	{name: "a batch whose process dies at any step", prove: func(e *sqlEnv) { endsInterrupted(e, true) }},
	{name: "a batch whose connection is lost at any step", prove: func(e *sqlEnv) { endsInterrupted(e, false) }},
}

// allClosed has every claim's order end closed.
func allClosed(claims []schedule.Claim) []schedule.Ended {
	ended := make([]schedule.Ended, len(claims))
	for i, c := range claims {
		ended[i] = schedule.Ended{Claim: c, Final: schedule.Final{State: schedule.FinalClosed}}
	}
	return ended
}

// mustAll wants all ends to be recorded.
func (e *env) mustAll(errs []error, want int) {
	e.Helper()
	if err := errors.Join(errs...); err != nil || len(errs) != want {
		e.Fatalf("got %d errors, %v, want %d and all nil", len(errs), err, want)
	}
}

// endsTogether ends one order of each kind by Finish, and another with the same facts in a batch.
func endsTogether(e *env) {
	finals := []schedule.Final{
		{State: schedule.FinalClosed},
		{State: schedule.FinalClosed, TradeState: tradestate.Revoked, Total: fen(2)},
		{
			State: schedule.FinalPaid, TradeState: tradestate.Success, TransactionID: `42"00\ 'x'`, Total: fen(1),
			PaidAt: time.Date(2026, 11, 5, 1, 2, 3, 456_789_123, time.FixedZone("", 8*3600)),
		},
		{State: schedule.FinalPaid, TradeState: tradestate.Refund, TransactionID: "two\nlines\x00", Total: fen(7)},
		{State: schedule.FinalPaid},
		{State: schedule.FinalNotFound},
	}
	singly, together := numbers("S", len(finals)), numbers("T", len(finals))
	for i := range finals {
		for _, no := range []string{singly[i], together[i]} {
			e.register(schedule.Entry{Ref: ref(no), Owner: "tcb:A-1", Total: fen(1)})
		}
	}
	batch := make([]schedule.Ended, len(finals))
	claims, err := e.Claim(e.ctx, shop, 100, lease)
	e.must(err)
	for _, c := range claims {
		if i := slices.Index(singly, c.OutTradeNo); i >= 0 {
			e.must(e.Finish(e.ctx, c, finals[i]))
			continue
		}
		i := slices.Index(together, c.OutTradeNo)
		batch[i] = schedule.Ended{Claim: c, Final: finals[i]}
	}
	e.mustAll(e.FinishAll(e.ctx, batch), len(batch))
	for i := range finals {
		e.wantAlike(singly[i], together[i])
	}
	e.claim()
}

// wantAlike wants two orders and their events to differ in nothing but their numbers and times.
func (e *env) wantAlike(a, b string) {
	e.Helper()
	facts := func(no string) string {
		r := e.show(no)
		events, err := e.History(e.ctx, ref(no), 10)
		e.must(err)
		var said strings.Builder
		fmt.Fprint(&said, r.Progress, r.FinalState, r.TradeState, r.Authenticated, r.TransactionID, pointed(r.PaidTotal), r.PaidAt,
			r.EndedAt.IsZero(), r.ClosingSince, r.DueAt, r.LeaseUntil, r.LastError, r.Attempts)
		for _, v := range events {
			fmt.Fprint(&said, "; ", v.Kind, v.Region, v.MchID, v.SubMchID, v.Owner, v.FinalState, v.TradeState, pointed(v.Total),
				pointed(v.PaidTotal), v.TransactionID, v.PaidAt, v.Reason, v.OccurredAt.IsZero(), v.OutTradeNo == no,
				v.EventID == outbox.NewEventID(ref(no), 1, v.Kind, 1))
		}
		return said.String()
	}
	if single, batched := facts(a), facts(b); single != batched {
		e.Errorf("order %s ended in a batch: got\n%s, want as %s\n%s", b, batched, a, single)
	}
}

func pointed(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

// endsInTrouble has one batch of everything that may befall an end.
func endsInTrouble(e *env) {
	e.register(due("lost"))
	lost := e.claim("lost")[0]
	e.Pass(2 * lease)
	taken := e.claim("lost")[0]
	e.registerDue("again", "contradicted", "observed", "twice", "gaveUp", "closed", "paid")
	claims := map[string]schedule.Claim{"lost": lost}
	due, err := e.Claim(e.ctx, shop, 100, lease)
	e.must(err)
	for _, c := range due {
		claims[c.OutTradeNo] = c
	}
	closed, paid := schedule.Final{State: schedule.FinalClosed}, schedule.Final{State: schedule.FinalPaid, Total: fen(1)}
	e.must(e.Finish(e.ctx, claims["again"], closed))
	e.must(e.Finish(e.ctx, claims["contradicted"], paid))
	e.must(e.Observe(e.ctx, ref("observed"), closed))
	e.must(e.GiveUp(e.ctx, claims["gaveUp"], schedule.Retry{Reason: "no"}))
	unknown := claims["closed"]
	unknown.Ref, unknown.ID = ref("unknown"), 1<<40
	claims["unknown"] = unknown

	var batch []schedule.Ended
	want := []struct {
		no    string
		final schedule.Final
		err   error
	}{
		{"unknown", closed, &schedule.LostClaimError{}},
		{"lost", closed, &schedule.LostClaimError{}},
		{"again", closed, nil}, // as after a commit whose answer was lost
		{"twice", paid, nil},
		{"contradicted", closed, &schedule.ContradictionError{}},
		{"observed", closed, nil},
		{"twice", paid, nil},
		{"twice", closed, &schedule.ContradictionError{}},
		{"gaveUp", closed, nil},
		{"closed", closed, nil},
		{"paid", paid, nil},
	}
	for _, w := range want {
		batch = append(batch, schedule.Ended{Claim: claims[w.no], Final: w.final})
	}
	for range 2 { // the second time changes nothing
		errs := e.FinishAll(e.ctx, batch)
		if len(errs) != len(batch) {
			e.Fatalf("got %d errors, want one for each of %d ends", len(errs), len(batch))
		}
		for i, w := range want {
			if (errs[i] == nil) != (w.err == nil) || w.err != nil && !sameKind(errs[i], w.err) {
				e.Errorf("end %d, of %s as %s: got error %v, want %T", i, w.no, w.final.State, errs[i], w.err)
			}
		}
		e.wantProgress("lost", schedule.Closing, "")
		e.wantEvents("lost")
		e.wantEvents("unknown")
		e.wantEvents("again", outbox.EventClosed)
		e.wantEvents("contradicted", outbox.EventPaid, outbox.EventContradicted)
		e.wantEvents("observed", outbox.EventClosed)
		e.wantProgress("twice", schedule.Done, schedule.FinalPaid)
		e.wantEvents("twice", outbox.EventPaid, outbox.EventContradicted)
		e.wantEvents("gaveUp", outbox.EventGaveUp, outbox.EventClosed)
		e.wantEvents("closed", outbox.EventClosed)
		e.wantEvents("paid", outbox.EventPaid)
	}
	e.must(e.Finish(e.ctx, taken, paid))
	if errs := e.FinishAll(e.ctx, nil); len(errs) != 0 {
		e.Errorf("no ends: got %v, want none", errs)
	}
}

// sameKind reports whether two answers of a register are of one kind.
func sameKind(err, want error) bool {
	_, isLost := errors.AsType[*schedule.LostClaimError](want)
	if isLost {
		return isA[*schedule.LostClaimError](err)
	}
	return isA[*schedule.ContradictionError](err)
}

func isA[T error](err error) bool {
	_, is := errors.AsType[T](err)
	return is
}

func endsMany(e *env) {
	const many = 150
	e.registerDue(numbers("M", many)...)
	claims, err := e.Claim(e.ctx, shop, many, lease)
	e.must(err)
	e.mustAll(e.FinishAll(e.ctx, allClosed(claims)), many)
	if n := len(e.list(selection(schedule.Done), 1000)); n != many {
		e.Errorf("got %d orders done, want %d", n, many)
	}
	events, err := e.Events(e.ctx, shop, outbox.Cursor{}, 1000)
	if err != nil || len(events) != many {
		e.Errorf("got %d events, %v, want %d", len(events), err, many)
	}
}

// refusing makes the database refuse an end whose transaction id is 666.
var refusing = map[string][]string{
	"postgres": {"ALTER TABLE cloudpay_orders ADD CONSTRAINT no_such_end CHECK (transaction_id <> '666')"},
	"mysql":    {"ALTER TABLE cloudpay_orders ADD CONSTRAINT no_such_end CHECK (transaction_id <> '666')"},
	"sqlite": {"CREATE TRIGGER no_such_end BEFORE UPDATE ON cloudpay_orders WHEN NEW.transaction_id = '666'" +
		" BEGIN SELECT RAISE(ABORT, 'no such end'); END"},
}

func endIsRefused(e *sqlEnv) {
	for _, statement := range refusing[e.db.Name] {
		e.sql(statement)
	}
	names := numbers("R", 5)
	e.registerDue(names...)
	batch := allClosed(e.claim(names...))
	batch[2].Final.TransactionID = "666"
	errs := e.FinishAll(e.ctx, batch)
	for i, no := range names {
		if i == 2 {
			refused[*schedule.StoreError](e, errs[i])
			e.wantProgress(no, schedule.Closing, "")
			e.wantEvents(no)
			continue
		}
		e.must(errs[i])
		e.wantProgress(no, schedule.Done, schedule.FinalClosed)
		e.wantEvents(no, outbox.EventClosed)
	}
}

// endIsHeld has another transaction lock one order of a batch: the others do not wait for it.
func endIsHeld(e *sqlEnv) {
	names := numbers("H", 4)
	e.registerDue(names...)
	batch := allClosed(e.claim(names...))
	tx, err := e.raw.BeginTx(e.ctx, nil)
	e.must(err)
	_, err = tx.ExecContext(e.ctx, fmt.Sprintf("UPDATE cloudpay_orders SET attempts = attempts WHERE id = %d", batch[1].Claim.ID))
	e.must(err)
	ctx, cancel := context.WithTimeout(e.ctx, time.Second)
	defer cancel()
	errs := e.FinishAll(ctx, batch)
	if !errors.Is(errs[1], context.DeadlineExceeded) {
		e.Errorf("the order that is held: got error %v, want the deadline's", errs[1])
	}
	errs[1] = nil
	e.mustAll(errs, len(names))
	e.must(tx.Rollback())
	e.mustAll(e.FinishAll(e.ctx, batch), len(names))
	for _, no := range names {
		e.wantEvents(no, outbox.EventClosed)
	}
}

// endsInterrupted cuts a batch's connection at each of its steps, before the step and after it; for
// ever when the process is to die by it. All ends of the batch are recorded in the end, once.
func endsInterrupted(e *sqlEnv, forever bool) {
	const size = 3
	s, f := e.faultyStore(0, false, false)
	names := numbers("count", size)
	e.registerDue(names...)
	e.mustAll(s.FinishAll(e.ctx, allClosed(e.claim(names...))), size)
	for at := range f.step {
		for _, late := range []bool{false, true} {
			names := numbers(fmt.Sprintf("I%d-%v", at+1, late), size)
			e.registerDue(names...)
			claims := e.claim(names...)
			s, f := e.faultyStore(at+1, late, forever)
			ctx, die := context.WithCancel(e.ctx)
			f.die = die
			errs := s.FinishAll(ctx, allClosed(claims))
			die()
			if !forever {
				e.mustAll(errs, size)
			}
			for i, no := range names {
				e.consistent("a batch", no)
				if e.show(no).Progress != schedule.Done && errs[i] == nil {
					e.Errorf("order %s: got no error, want one since its end is not recorded", no)
				}
			}
			e.settle()
			for _, no := range names {
				e.wantProgress(no, schedule.Done, schedule.FinalClosed)
				e.wantEvents(no, outbox.EventClosed)
			}
		}
	}
}
