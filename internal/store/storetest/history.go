package storetest

import (
	"cloudpay/internal/schedule"
)

// An order's history is its own events, in order, and nobody else's.
func tellsHistory(e *env) {
	e.endAll("A1", "A2")
	refused[*schedule.ContradictionError](e, e.Observe(e.ctx, ref("A1"), schedule.Final{State: schedule.FinalPaid}))
	events, err := e.History(e.ctx, ref("A1"), 10)
	e.must(err)
	if len(events) != 2 || events[0].Kind != schedule.EventClosed || events[1].Kind != schedule.EventContradicted ||
		events[0].ID <= 0 || events[1].ID <= events[0].ID || events[1].Ref != ref("A1") {
		e.Errorf("got %+v, want closed and contradicted", events)
	}
	if events, err = e.History(e.ctx, ref("A1"), 1); err != nil || len(events) != 1 || events[0].Kind != schedule.EventClosed {
		e.Errorf("got %+v and error %v, want the first alone", events, err)
	}
	if events, err = e.History(e.ctx, ref("NOPE"), 10); err != nil || len(events) != 0 {
		e.Errorf("got %+v and error %v of an order that is not registered, want none", events, err)
	}
}
