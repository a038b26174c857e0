package storetest

import (
	"time"

	"cloudpay/internal/order"
)

var ending = []proof{
	{name: "an end and its event", prove: ends},
	{name: "a second end that says the same", prove: endsTwice},
	{name: "a second end that says otherwise is an alarm", prove: contradicts},
	{name: "seen from elsewhere", prove: observes},
}

func ends(e *env) {
	paidAt := time.Date(2026, 11, 5, 1, 2, 3, 0, time.UTC)
	for i, tc := range []struct {
		total *int64
		final order.Final
		state order.TradeState
		kind  order.EventKind
	}{
		{nil, order.Final{Ending: order.EndedClosed}, order.Closed, order.EventClosed},
		{fen(1), order.Final{Ending: order.EndedClosed, TradeState: order.Revoked}, order.Revoked, order.EventClosed},
		{fen(1), order.Final{Ending: order.EndedPaid, TradeState: order.Success, TransactionID: "4200", Total: fen(1), PaidAt: paidAt}, order.Success, order.EventPaid},
		{fen(1), order.Final{Ending: order.EndedPaid, TradeState: order.Success, Total: fen(2)}, order.Success, order.EventPaidOtherAmount},
		{fen(0), order.Final{Ending: order.EndedPaid, TradeState: order.Success, Total: fen(2)}, order.Success, order.EventPaidOtherAmount},
		{nil, order.Final{Ending: order.EndedPaid, TradeState: order.Refund, Total: fen(2)}, order.Refund, order.EventPaid},
		{fen(1), order.Final{Ending: order.EndedPaid}, "", order.EventPaid},
		{fen(1), order.Final{Ending: order.EndedNotFound}, "", order.EventNotFound},
	} {
		no := numbers("E", 10)[i]
		e.register(order.Entry{Ref: ref(no), Owner: "tcb:" + order.Owner(no), Total: tc.total})
		c := e.claim(no)[0]
		e.must(e.Finish(e.ctx, c, tc.final))
		s := e.show(no)
		if s.Progress != order.Done || s.Ending != tc.final.Ending || s.TradeState != tc.state || !s.Authenticated || s.EndedAt.IsZero() ||
			!s.DueAt.IsZero() || s.TransactionID != tc.final.TransactionID || !s.PaidAt.Equal(tc.final.PaidAt) || !same(s.PaidTotal, tc.final.Total) {
			e.Errorf("order %s: got %#v, want the end %#v", no, s, tc.final)
		}
		e.wantEvents(no, tc.kind)
		events, err := e.Events(e.ctx, shop, int64(i), 10)
		e.must(err)
		if ev := events[0]; ev.Ref() != ref(no) || ev.Owner != s.Owner || !same(ev.Total, tc.total) || !same(ev.PaidTotal, tc.final.Total) ||
			ev.Ending != tc.final.Ending || ev.TradeState != tc.state || !ev.PaidAt.Equal(tc.final.PaidAt) || !ev.OccurredAt.Equal(s.EndedAt) && ev.OccurredAt.Before(s.EndedAt) {
			e.Errorf("event of %s: got %#v, want the end %#v", no, ev, tc.final)
		}
		e.claim()
	}
}

func same(a, b *int64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

func endsTwice(e *env) {
	c := e.claimOne("A1")
	paid := order.Final{Ending: order.EndedPaid, TradeState: order.Success, TransactionID: "1"}
	e.must(e.Finish(e.ctx, c, paid))
	first := e.show("A1")
	e.must(e.Finish(e.ctx, c, paid)) // as when its commit was lost on the way here
	e.must(e.Observe(e.ctx, ref("A1"), order.Final{Ending: order.EndedPaid, TradeState: order.Refund, TransactionID: "2"}))
	if s := e.show("A1"); s.TransactionID != "1" || s.TradeState != order.Success || !s.EndedAt.Equal(first.EndedAt) {
		e.Errorf("got %#v, want the first end to stand", s)
	}
	refused[*order.LostClaimError](e, e.Retry(e.ctx, c, order.Setback{}))
	refused[*order.LostClaimError](e, e.GiveUp(e.ctx, c, order.Setback{}))
	e.wantEvents("A1", order.EventPaid)
}

func contradicts(e *env) {
	e.registerDue("A", "B", "C")
	claims := e.claim("A", "B", "C")
	endings := []order.Ending{order.EndedClosed, order.EndedPaid, order.EndedNotFound}
	events := []order.EventKind{order.EventClosed, order.EventPaid, order.EventNotFound}
	for i, first := range endings {
		no := claims[i].OutTradeNo
		e.must(e.Finish(e.ctx, claims[i], order.Final{Ending: first}))
		want := []order.EventKind{events[i]}
		for _, second := range endings {
			if second == first {
				continue
			}
			other := order.Final{Ending: second, TransactionID: "T"}
			for range 2 { // the second alarm is as loud, and tells nothing new
				err := e.Finish(e.ctx, claims[i], other)
				if alarm := wantError[*order.ContradictionError](e, err); alarm.Had != first || alarm.Said != second || alarm.Ref != ref(no) {
					e.Errorf("got %#v, want %s had ended %s and is said %s", alarm, no, first, second)
				}
				refused[*order.ContradictionError](e, e.Observe(e.ctx, ref(no), other))
			}
			want = append(want, order.EventContradicted)
		}
		e.wantProgress(no, order.Done, first)
		e.wantEvents(no, want...)
	}
	stale := claims[0]
	stale.Token = "somebody else's"
	refused[*order.ContradictionError](e, e.Finish(e.ctx, stale, order.Final{Ending: order.EndedPaid}))
}

func observes(e *env) {
	c := e.claimOne("A1")
	e.must(e.Observe(e.ctx, ref("A1"), order.Final{Ending: order.EndedPaid, Total: fen(3)}))
	refused[*order.LostClaimError](e, e.Retry(e.ctx, c, order.Setback{}))
	refused[*order.ContradictionError](e, e.Finish(e.ctx, c, order.Final{Ending: order.EndedClosed}))
	e.wantProgress("A1", order.Done, order.EndedPaid)
	e.wantEvents("A1", order.EventPaid, order.EventContradicted)

	e.must(e.GiveUp(e.ctx, e.claimOne("A2"), order.Setback{Reason: "no"}))
	e.must(e.Observe(e.ctx, ref("A2"), order.Final{Ending: order.EndedClosed}))
	e.wantEvents("A2", order.EventGaveUp, order.EventClosed)
	refused[*order.NotRegisteredError](e, e.Observe(e.ctx, ref("A3"), order.Final{Ending: order.EndedClosed}))
}
