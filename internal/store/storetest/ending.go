package storetest

import (
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

var ending = []proof{
	{name: "a final state and its event", prove: ends},
	{name: "the same final state again", prove: endsTwice},
	{name: "another final state is an alarm", prove: contradicts},
	{name: "a final state without a claim", prove: observes},
}

func ends(e *env) {
	paidAt := time.Date(2026, 11, 5, 1, 2, 3, 0, time.UTC)
	for i, tc := range []struct {
		total *int64
		final schedule.Final
		state tradestate.State
		kind  outbox.EventKind
	}{
		{nil, schedule.Final{State: schedule.FinalClosed}, tradestate.Closed, outbox.EventClosed},
		{fen(1), schedule.Final{State: schedule.FinalClosed, TradeState: tradestate.Revoked}, tradestate.Revoked, outbox.EventClosed},
		{fen(1), schedule.Final{State: schedule.FinalPaid, TradeState: tradestate.Success, TransactionID: "4200", Total: fen(1), PaidAt: paidAt}, tradestate.Success, outbox.EventPaid},
		{fen(1), schedule.Final{State: schedule.FinalPaid, TradeState: tradestate.Success, Total: fen(2)}, tradestate.Success, outbox.EventPaidOtherAmount},
		{fen(0), schedule.Final{State: schedule.FinalPaid, TradeState: tradestate.Success, Total: fen(2)}, tradestate.Success, outbox.EventPaidOtherAmount},
		{nil, schedule.Final{State: schedule.FinalPaid, TradeState: tradestate.Refund, Total: fen(2)}, tradestate.Refund, outbox.EventPaid},
		{fen(1), schedule.Final{State: schedule.FinalPaid}, "", outbox.EventPaid},
		{fen(1), schedule.Final{State: schedule.FinalNotFound}, "", outbox.EventNotFound},
		{fen(1), schedule.Final{State: schedule.FinalClosed, Total: fen(2)}, tradestate.Closed, outbox.EventClosed},
	} {
		no := numbers("E", 10)[i]
		e.register(schedule.Entry{Ref: ref(no), Owner: "tcb:" + order.Owner(no), Total: tc.total})
		c := e.claim(no)[0]
		e.must(e.Finish(e.ctx, c, tc.final))
		s := e.show(no)
		if s.Progress != schedule.Done || s.FinalState != tc.final.State || s.TradeState != tc.state || !s.Authenticated || s.EndedAt.IsZero() ||
			!s.DueAt.IsZero() || s.TransactionID != tc.final.TransactionID || !s.PaidAt.Equal(tc.final.PaidAt) || !same(s.PaidTotal, tc.final.Total) {
			e.Errorf("order %s: got %#v, want the end %#v", no, s, tc.final)
		}
		e.wantEvents(no, tc.kind)
		events, err := e.Events(e.ctx, shop, outbox.Cursor{Number: int64(i)}, 10)
		e.must(err)
		if ev := events[0]; ev.Ref != ref(no) || ev.Owner != s.Owner || !same(ev.Total, tc.total) || !same(ev.PaidTotal, tc.final.Total) ||
			ev.FinalState != tc.final.State || ev.TradeState != tc.state || !ev.PaidAt.Equal(tc.final.PaidAt) || !ev.OccurredAt.Equal(s.EndedAt) && ev.OccurredAt.Before(s.EndedAt) {
			e.Errorf("event of %s: got %#v, want the end %#v", no, ev, tc.final)
		}
		e.claim()
	}
}

func same(a, b *int64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

func endsTwice(e *env) {
	c := e.claimOne("A1")
	paid := schedule.Final{State: schedule.FinalPaid, TradeState: tradestate.Success, TransactionID: "1"}
	e.must(e.Finish(e.ctx, c, paid))
	first := e.show("A1")
	e.must(e.Finish(e.ctx, c, paid)) // as after a commit whose answer was lost
	e.must(e.Observe(e.ctx, ref("A1"), schedule.Final{State: schedule.FinalPaid, TradeState: tradestate.Refund, TransactionID: "2"}))
	if s := e.show("A1"); s.TransactionID != "1" || s.TradeState != tradestate.Success || !s.EndedAt.Equal(first.EndedAt) {
		e.Errorf("got %#v, want the first end to stand", s)
	}
	refused[*schedule.LostClaimError](e, e.Retry(e.ctx, c, schedule.Retry{}))
	refused[*schedule.LostClaimError](e, e.GiveUp(e.ctx, c, schedule.Retry{}))
	e.wantEvents("A1", outbox.EventPaid)
}

func contradicts(e *env) {
	e.registerDue("A", "B", "C")
	claims := e.claim("A", "B", "C")
	endings := []schedule.FinalState{schedule.FinalClosed, schedule.FinalPaid, schedule.FinalNotFound}
	events := []outbox.EventKind{outbox.EventClosed, outbox.EventPaid, outbox.EventNotFound}
	for i, first := range endings {
		no := claims[i].OutTradeNo
		e.must(e.Finish(e.ctx, claims[i], schedule.Final{State: first}))
		want := []outbox.EventKind{events[i]}
		for _, second := range endings {
			if second == first {
				continue
			}
			other := schedule.Final{State: second, TransactionID: "T"}
			for range 2 { // the second time is an alarm too, without another event
				err := e.Finish(e.ctx, claims[i], other)
				if alarm := wantError[*schedule.ContradictionError](e, err); alarm.Had != first || alarm.Said != second || alarm.Ref != ref(no) {
					e.Errorf("got %#v, want %s had ended %s and is said %s", alarm, no, first, second)
				}
				refused[*schedule.ContradictionError](e, e.Observe(e.ctx, ref(no), other))
			}
			want = append(want, outbox.EventContradicted)
		}
		e.wantProgress(no, schedule.Done, first)
		e.wantEvents(no, want...)
	}
	stale := claims[0]
	stale.Token = "another claim's"
	refused[*schedule.ContradictionError](e, e.Finish(e.ctx, stale, schedule.Final{State: schedule.FinalPaid}))
}

func observes(e *env) {
	c := e.claimOne("A1")
	e.must(e.Observe(e.ctx, ref("A1"), schedule.Final{State: schedule.FinalPaid, Total: fen(3)}))
	refused[*schedule.LostClaimError](e, e.Retry(e.ctx, c, schedule.Retry{}))
	refused[*schedule.ContradictionError](e, e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
	e.wantProgress("A1", schedule.Done, schedule.FinalPaid)
	e.wantEvents("A1", outbox.EventPaid, outbox.EventContradicted)

	e.must(e.GiveUp(e.ctx, e.claimOne("A2"), schedule.Retry{Reason: "no"}))
	e.must(e.Observe(e.ctx, ref("A2"), schedule.Final{State: schedule.FinalClosed}))
	e.wantEvents("A2", outbox.EventGaveUp, outbox.EventClosed)
	refused[*schedule.NotRegisteredError](e, e.Observe(e.ctx, ref("A3"), schedule.Final{State: schedule.FinalClosed}))
}
