package storetest

import (
	"time"

	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

var writing = []proof{
	{name: "a retry", prove: retries},
	{name: "put off for a clock", prove: waitsForAClock},
	{name: "given back untouched", prove: releases},
	{name: "given up", prove: givesUp},
	{name: "reopened", prove: reopens},
}

func retries(e *env) {
	c := e.claimOne("A1")
	e.must(e.Retry(e.ctx, c, schedule.Retry{
		After: time.Hour, TradeState: tradestate.UserPaying, Authenticated: true, Reason: "USERPAYING the customer is paying", InDoubt: true,
	}))
	s := e.show("A1")
	if s.Progress != schedule.Closing || s.TradeState != tradestate.UserPaying || !s.Authenticated || s.LastError != "USERPAYING the customer is paying" ||
		!s.LeaseUntil.IsZero() || s.Attempts != 1 {
		e.Errorf("got %#v, want it put off, with what was said", s)
	}
	e.claim()
	e.Pass(time.Hour - time.Second)
	e.claim()
	e.Pass(time.Second)
	again := e.claim("A1")[0]
	e.must(e.Retry(e.ctx, again, schedule.Retry{After: -time.Hour, Reason: "TIMEOUT"}))
	if s := e.show("A1"); s.Progress != schedule.Waiting || s.TradeState != tradestate.UserPaying || !s.Authenticated || !s.ClosingSince.IsZero() {
		e.Errorf("got %#v, want it waiting, and what was said before", s)
	}
	e.must(e.Retry(e.ctx, again, schedule.Retry{Reason: "TIMEOUT"})) // as after a commit whose answer was lost
	e.claim("A1")
}

func waitsForAClock(e *env) {
	c := e.claimOne("A1")
	wait := schedule.Retry{After: time.Minute, TradeState: tradestate.NotPay, Authenticated: true, Reason: "early", ClockWait: true}
	for range 2 { // the second as after a commit whose answer was lost
		e.must(e.Retry(e.ctx, c, wait))
		if s := e.show("A1"); s.Progress != schedule.Waiting || s.Attempts != 0 || s.ClockWaits != 1 || s.LastError != "early" {
			e.Errorf("got %#v, want it waiting, with one wait and no attempt", s)
		}
	}
	e.claim()
	e.Pass(time.Minute)
	again := e.claim("A1")[0]
	if again.InDoubt || again.Attempts != 1 || again.ClockWaits != 1 {
		e.Errorf("got %#v, want the first attempt, after one wait", again)
	}
	wait.InDoubt = true
	e.must(e.Retry(e.ctx, again, wait))
	if s := e.show("A1"); s.Progress != schedule.Closing || s.Attempts != 0 || s.ClockWaits != 2 {
		e.Errorf("got %#v, want it closing, with two waits and no attempt", s)
	}
	e.Pass(time.Minute)
	e.must(e.Retry(e.ctx, e.claim("A1")[0], schedule.Retry{Reason: "TIMEOUT"}))
	if s := e.show("A1"); s.Attempts != 1 || s.ClockWaits != 2 {
		e.Errorf("got %#v, want an attempt, and no more waits", s)
	}
}

func releases(e *env) {
	e.registerDue("A", "B", "C", "D")
	claims := e.claim("A", "B", "C", "D")
	e.must(e.Retry(e.ctx, claims[0], schedule.Retry{InDoubt: true, Reason: "TIMEOUT"}))
	e.must(e.Finish(e.ctx, claims[3], schedule.Final{State: schedule.FinalPaid}))
	since := e.show("A").ClosingSince
	claims = append(e.claim("A"), claims[1:]...)
	n, err := e.Release(e.ctx, claims)
	if n != 3 || err != nil {
		e.Errorf("got %d released and error %v, want the 3 that had not ended", n, err)
	}
	if s := e.show("A"); s.Progress != schedule.Closing || !s.ClosingSince.Equal(since) || s.Attempts != 1 || s.LastError != "TIMEOUT" {
		e.Errorf("got %#v, want it as in doubt as before", s)
	}
	if s := e.show("B"); s.Progress != schedule.Waiting || !s.ClosingSince.IsZero() || s.Attempts != 0 || !s.LeaseUntil.IsZero() {
		e.Errorf("got %#v, want it as it was before the claim", s)
	}
	if n, err := e.Release(e.ctx, claims); n != 0 || err != nil {
		e.Errorf("a second time: got %d and error %v, want 0", n, err)
	}
	e.claim("A", "B", "C")
	if n, err := e.Release(e.ctx, nil); n != 0 || err != nil {
		e.Errorf("nothing: got %d and error %v, want 0", n, err)
	}
}

func givesUp(e *env) {
	c := e.claimOne("A1")
	b := schedule.Retry{TradeState: tradestate.NotPay, Authenticated: true, Reason: "SIGNERROR check the key"}
	e.must(e.GiveUp(e.ctx, c, b))
	e.must(e.GiveUp(e.ctx, c, b)) // as after a commit whose answer was lost
	s := e.show("A1")
	if s.Progress != schedule.GaveUp || s.LastError != b.Reason || s.TradeState != tradestate.NotPay || !s.DueAt.IsZero() {
		e.Errorf("got %#v, want it given up", s)
	}
	e.Pass(1000 * time.Hour)
	e.claim()
	e.wantEvents("A1", outbox.EventGaveUp)
	events, err := e.Events(e.ctx, shop, outbox.Cursor{}, 10)
	if err != nil || events[0].Reason != b.Reason || events[0].TradeState != tradestate.NotPay {
		e.Errorf("got %#v and error %v, want the reason in the event", events, err)
	}
}

func reopens(e *env) {
	c := e.claimOne("A1")
	if reopened, err := e.Reopen(e.ctx, ref("A1")); reopened || err != nil {
		e.Errorf("an order that was not given up: got %v and error %v, want false", reopened, err)
	}
	e.must(e.GiveUp(e.ctx, c, schedule.Retry{Reason: "no"}))
	if reopened, err := e.Reopen(e.ctx, ref("A1")); !reopened || err != nil {
		e.Errorf("got %v and error %v, want it reopened", reopened, err)
	}
	again := e.claim("A1")[0]
	if again.Attempts != 1 || !again.InDoubt {
		e.Errorf("got %#v, want a first attempt, in doubt", again)
	}
	e.must(e.GiveUp(e.ctx, again, schedule.Retry{Reason: "no"}))
	begun, err := e.Begin(e.ctx, schedule.Record{Entry: due("A1")}, lease)
	e.must(err)
	e.must(e.Finish(e.ctx, begun, schedule.Final{State: schedule.FinalClosed}))
	e.wantEvents("A1", outbox.EventGaveUp, outbox.EventGaveUp, outbox.EventClosed)
}
