package storetest

import (
	"errors"
	"time"

	"cloudpay/internal/schedule"
)

var shifting = []sqlProof{
	{name: "a clock that is moved on", prove: movesOn},
}

// movesOn: every time that the store writes or compares is the shifted clock's, and an unknown
// shift lets nothing be done.
func movesOn(e *sqlEnv) {
	s := openAt(e, e.address)
	shift, unknown := time.Hour, errors.New("no clock")
	var err error
	s.ShiftClock(func() (time.Duration, error) { return shift, err })
	before, clockErr := s.Clock(e.ctx)
	e.must(clockErr)

	e.register(schedule.Entry{Ref: ref("A1"), CloseAt: before.Add(30 * time.Minute)})
	e.claim() // by the database's own clock
	claims, claimErr := s.Claim(e.ctx, shop, 10, lease)
	e.must(claimErr)
	e.wantClaimed(claims, "A1")
	if at := claims[0].ClaimedAt; at.Before(before.Add(shift)) || at.After(before.Add(shift+time.Minute)) {
		e.Errorf("claimed at %v, want an hour after %v", at, before)
	}
	e.must(s.Retry(e.ctx, claims[0], schedule.Retry{After: time.Minute}))
	if due := e.show("A1").DueAt; due.Before(before.Add(shift+time.Minute)) || due.After(before.Add(shift+2*time.Minute)) {
		e.Errorf("due at %v, want a minute after the shifted clock", due)
	}
	shift += 2 * time.Minute
	claims, claimErr = s.Claim(e.ctx, shop, 10, lease)
	e.must(claimErr)
	e.wantClaimed(claims, "A1")
	e.must(s.Finish(e.ctx, claims[0], schedule.Final{State: schedule.FinalClosed}))

	err = unknown
	if _, got := s.Register(e.ctx, due("A2")); !errors.Is(got, unknown) {
		e.Errorf("got %v, want nothing done without the clock", got)
	}
	_, got := e.Show(e.ctx, ref("A2"))
	if _, is := errors.AsType[*schedule.NotRegisteredError](got); !is {
		e.Errorf("got %v, want the order not registered", got)
	}
}
