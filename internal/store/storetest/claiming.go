package storetest

import (
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

var claiming = []proof{
	{name: "due orders, the longest due first", prove: longestFirst},
	{name: "a limit", prove: limitsClaims},
	{name: "a claim after the lease of another", prove: leaseEnds},
	{name: "an expired lease without a later claim", prove: leaseIsStillGood},
	{name: "orders in doubt and waiting ones", prove: doubtApart},
	{name: "each of the two claims takes its own", prove: takesItsOwn},
	{name: "claims of a killed process", prove: comeBack},
	{name: "a clock that jumps", prove: clockJumps},
	{name: "the clock of claims", prove: clockOfClaims},
}

func longestFirst(e *env) {
	now := time.Now()
	e.register(
		schedule.Entry{Ref: ref("B"), CloseAt: now.Add(2 * time.Hour)}, schedule.Entry{Ref: ref("C"), CloseAt: now.Add(3 * time.Hour)},
		schedule.Entry{Ref: ref("A"), CloseAt: now.Add(time.Hour)}, schedule.Entry{Ref: ref("later"), CloseAt: now.Add(6 * time.Hour)},
		schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "2", OutTradeNo: "other"}},
	)
	e.claim()
	e.Pass(4 * time.Hour)
	e.register(schedule.Entry{Ref: ref("D"), CloseAt: now.Add(-24 * time.Hour)}) // is past, and so due from now on
	claims := e.claim("A", "B", "C", "D")
	for _, c := range claims {
		if c.InDoubt || c.Attempts != 1 || c.LeaseUntil.Sub(c.ClaimedAt) != lease || c.Progress != schedule.Waiting {
			e.Errorf("got %#v, want a first claim of a waiting order for %v", c, lease)
		}
	}
	if s := e.show("A"); s.Progress != schedule.Closing || s.ClosingSince.IsZero() || s.Attempts != 1 || s.LeaseUntil.Before(claims[0].LeaseUntil) {
		e.Errorf("got %#v, want it closing, under a lease until %v or later", s, claims[0].LeaseUntil)
	}
	e.claim()
}

func clockOfClaims(e *env) {
	before, err := e.Clock(e.ctx)
	e.must(err)
	claimed := e.claimOne("A1").ClaimedAt
	after, err := e.Clock(e.ctx)
	e.must(err)
	if claimed.Before(before) || claimed.After(after) || before.Location() != time.UTC {
		e.Errorf("claimed at %v, want it between %v and %v, in UTC", claimed, before, after)
	}
}

func limitsClaims(e *env) {
	e.registerDue(numbers("L", 10)...)
	for _, limit := range []struct{ ask, want int }{{0, 0}, {-1, 0}, {3, 3}, {100, 7}, {100, 0}} {
		claims, err := e.Claim(e.ctx, shop, limit.ask, lease)
		if err != nil || len(claims) != limit.want {
			e.Errorf("asking for %d: got %d claims and error %v, want %d", limit.ask, len(claims), err, limit.want)
		}
	}
}

func leaseEnds(e *env) {
	first := e.claimOne("A1")
	e.Pass(lease - time.Second)
	e.claim()
	e.Pass(time.Second)
	second := e.claim("A1")[0]
	if !second.InDoubt || second.Attempts != 2 || second.Token == first.Token {
		e.Errorf("got %#v, want a second claim, in doubt, with another token than %s", second, first.Token)
	}

	final := schedule.Final{State: schedule.FinalClosed}
	refused[*schedule.LostClaimError](e, e.Finish(e.ctx, first, final))
	refused[*schedule.LostClaimError](e, e.Retry(e.ctx, first, schedule.Retry{Reason: "lost"}))
	refused[*schedule.LostClaimError](e, e.GiveUp(e.ctx, first, schedule.Retry{Reason: "lost"}))
	if n, err := e.Release(e.ctx, []schedule.Claim{first}); n != 0 || err != nil {
		e.Errorf("releasing a lost claim: got %d and error %v, want 0", n, err)
	}
	if s := e.show("A1"); s.Progress != schedule.Closing || s.LastError != "" || s.Attempts != 2 {
		e.Errorf("got %#v, want nothing written under a lost claim", s)
	}
	e.wantEvents("A1")

	e.must(e.Finish(e.ctx, second, final))
	refused[*schedule.LostClaimError](e, e.Finish(e.ctx, first, final))
	refused[*schedule.LostClaimError](e, e.Retry(e.ctx, first, schedule.Retry{}))
	e.wantProgress("A1", schedule.Done, schedule.FinalClosed)
	e.wantEvents("A1", outbox.EventClosed)
}

func leaseIsStillGood(e *env) {
	c := e.claimOne("A1")
	e.Pass(time.Hour)
	e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
	e.wantProgress("A1", schedule.Done, schedule.FinalClosed)
}

func doubtApart(e *env) {
	e.registerDue("A", "B", "C")
	claims := e.claim("A", "B", "C")
	e.must(e.Retry(e.ctx, claims[1], schedule.Retry{InDoubt: true, Reason: "TIMEOUT"}))
	e.must(e.Retry(e.ctx, claims[0], schedule.Retry{Reason: "FREQUENCY_LIMITED"}))
	again := e.claim("B", "A")
	if !again[0].InDoubt || again[1].InDoubt {
		e.Errorf("in doubt: got %v and %v, want only the first", again[0].InDoubt, again[1].InDoubt)
	}
	if again[0].LastError != "TIMEOUT" || again[0].ClosingSince.IsZero() || !again[1].ClosingSince.IsZero() {
		e.Errorf("got %#v and %#v, want the first closing since its first claim, the second since this one", again[0], again[1])
	}
}

func takesItsOwn(e *env) {
	e.registerDue("A", "B")
	claims := e.claim("A", "B")
	e.must(e.Retry(e.ctx, claims[0], schedule.Retry{InDoubt: true}))
	e.must(e.Retry(e.ctx, claims[1], schedule.Retry{}))
	waiting, err := e.Claim(e.ctx, shop, 100, lease)
	e.must(err)
	e.wantClaimed(waiting, "B")
	doubtful, err := e.ClaimDoubtful(e.ctx, shop, 100, lease)
	e.must(err)
	e.wantClaimed(doubtful, "A")
}

func comeBack(e *env) {
	e.registerDue(numbers("K", 20)...)
	e.claim(numbers("K", 20)...)
	e.claim()
	e.Pass(lease)
	e.claim(numbers("K", 20)...)
}

func clockJumps(e *env) {
	e.registerDue("A", "B")
	claims := e.claim("A", "B")
	e.must(e.Retry(e.ctx, claims[1], schedule.Retry{After: time.Hour}))

	e.Pass(25 * time.Hour) // forward: the lease has expired, and the other order is due
	again := e.claim("A", "B")
	refused[*schedule.LostClaimError](e, e.Finish(e.ctx, claims[0], schedule.Final{State: schedule.FinalClosed}))
	e.must(e.Finish(e.ctx, again[0], schedule.Final{State: schedule.FinalClosed}))

	e.Pass(-25 * time.Hour) // and back: leased orders stay leased, waiting ones go on waiting
	e.claim()
	e.must(e.Retry(e.ctx, again[1], schedule.Retry{}))
	last := e.claim("B")
	e.must(e.Finish(e.ctx, last[0], schedule.Final{State: schedule.FinalClosed}))
	e.wantEvents("A", outbox.EventClosed)
	e.wantEvents("B", outbox.EventClosed)

	if _, granted, err := e.Take(e.ctx, shop, 10, 1, time.Second); err != nil || !granted {
		e.Fatalf("granted %v, error %v", granted, err)
	}
	e.Pass(-25 * time.Hour)
	if wait, granted, err := e.Take(e.ctx, shop, 1, 1, time.Second); err != nil || !granted || wait != 0 {
		e.Errorf("a clock put back: got a wait of %v, granted %v, error %v; want the quota open", wait, granted, err)
	}
}
