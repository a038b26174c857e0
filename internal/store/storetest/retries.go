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
)

var puttingOff = []proof{
	{name: "retries in a batch are as single ones", prove: retriesTogether},
	{name: "a batch of retries with every kind of trouble", prove: retriesInTrouble},
	{name: "more retries than one batch has", prove: retriesMany},
}

var puttingOffInSQL = []sqlProof{
	{name: "a retry of a row that another transaction holds", only: servers, prove: retryIsHeld},
	{name: "a batch of retries that is interrupted at any step", prove: retriesInterrupted},
}

// allAgain has every claim's order put off.
func allAgain(claims []schedule.Claim, after time.Duration) []schedule.Postponed {
	postponed := make([]schedule.Postponed, len(claims))
	for i, c := range claims {
		postponed[i] = schedule.Postponed{Claim: c, Retry: schedule.Retry{After: after, Reason: "again"}}
	}
	return postponed
}

// retriesTogether puts one order of each kind off by Retry, and another in a batch.
func retriesTogether(e *env) {
	kinds := []schedule.Retry{
		{After: time.Hour, Reason: "NETWORK: two\nlines, and 'these' {now} ?\x00"},
		{After: 2 * time.Hour, InDoubt: true, Reason: strings.Repeat("长", 300)},
		{After: -time.Hour, TradeState: tradestate.UserPaying, Authenticated: true},
		{After: 3 * time.Hour, TradeState: tradestate.NotPay},
		{After: time.Minute, ClockWait: true},
		{InDoubt: true, TradeState: "\x00"},
	}
	singly, together := numbers("S", len(kinds)), numbers("T", len(kinds))
	e.registerDue(slices.Concat(singly, together)...)
	claims, err := e.Claim(e.ctx, shop, 100, lease)
	e.must(err)
	for range 2 { // the second time changes nothing
		var batch []schedule.Postponed
		for _, c := range claims {
			if i := slices.Index(singly, c.OutTradeNo); i >= 0 {
				e.must(e.Retry(e.ctx, c, kinds[i]))
				continue
			}
			batch = append(batch, schedule.Postponed{Claim: c, Retry: kinds[slices.Index(together, c.OutTradeNo)]})
		}
		e.mustAll(e.RetryAll(e.ctx, batch), len(kinds))
		for i := range kinds {
			e.wantPutOffAlike(singly[i], together[i])
		}
	}
}

// wantPutOffAlike wants two orders to differ in nothing but their numbers, and times of now.
func (e *env) wantPutOffAlike(a, b string) {
	e.Helper()
	facts := func(r schedule.Record) string {
		return fmt.Sprint(r.Progress, r.TradeState, r.Authenticated, r.LastError, r.Attempts, r.ClockWaits, r.LeaseUntil, r.ClosingSince.IsZero())
	}
	single, batched := e.show(a), e.show(b)
	if apart := single.DueAt.Sub(batched.DueAt).Abs(); facts(single) != facts(batched) || apart > lease {
		e.Errorf("order %s, put off in a batch: got\n%s, due %v, want as %s\n%s, due %v", b, facts(batched), batched.DueAt, a, facts(single), single.DueAt)
	}
}

// retriesInTrouble has one batch of everything that may befall a retry.
func retriesInTrouble(e *env) {
	e.register(due("lost"))
	claims := map[string]schedule.Claim{"lost": e.claim("lost")[0]}
	e.Pass(2 * lease)
	e.claim("lost")
	e.registerDue("gaveUp", "ended", "twice", "good")
	claimed, err := e.Claim(e.ctx, shop, 100, lease)
	e.must(err)
	for _, c := range claimed {
		claims[c.OutTradeNo] = c
	}
	e.must(e.GiveUp(e.ctx, claims["gaveUp"], schedule.Retry{Reason: "no"}))
	e.must(e.Finish(e.ctx, claims["ended"], schedule.Final{State: schedule.FinalClosed}))
	unknown := claims["good"]
	unknown.Ref, unknown.ID = ref("unknown"), 1<<40
	claims["unknown"] = unknown
	var batch []schedule.Postponed
	names := []string{"unknown", "lost", "gaveUp", "twice", "ended", "twice", "good"}
	for _, no := range names {
		batch = append(batch, schedule.Postponed{Claim: claims[no], Retry: schedule.Retry{After: time.Hour, Reason: "again"}})
	}
	errs := e.RetryAll(e.ctx, batch)
	if len(errs) != len(batch) {
		e.Fatalf("got %d errors, want one for each of %d retries", len(errs), len(batch))
	}
	for i, no := range names {
		if no == "twice" || no == "good" {
			e.must(errs[i])
			e.wantProgress(no, schedule.Waiting, "")
			continue
		}
		if got := wantError[*schedule.LostClaimError](e, errs[i]); got.Ref != ref(no) {
			e.Errorf("got %v, want that of order %s", got, no)
		}
	}
	e.wantProgress("lost", schedule.Closing, "")
	e.wantProgress("gaveUp", schedule.GaveUp, "")
	e.wantProgress("ended", schedule.Done, schedule.FinalClosed)
	if errs := e.RetryAll(e.ctx, nil); len(errs) != 0 {
		e.Errorf("no retries: got %v, want none", errs)
	}
}

func retriesMany(e *env) {
	const many = 150
	e.registerDue(numbers("M", many)...)
	claims, err := e.Claim(e.ctx, shop, many, lease)
	e.must(err)
	e.mustAll(e.RetryAll(e.ctx, allAgain(claims, 0)), many)
	again, err := e.Claim(e.ctx, shop, 2*many, lease)
	e.must(err)
	for _, c := range again {
		if c.Attempts != 2 || c.InDoubt {
			e.Fatalf("got %+v, want each in its second attempt", c)
		}
	}
	if len(again) != many {
		e.Errorf("got %d orders due again, want %d", len(again), many)
	}
}

// retryIsHeld has another transaction lock one order of a batch: the others do not wait for it.
func retryIsHeld(e *sqlEnv) {
	names := numbers("H", 4)
	e.registerDue(names...)
	batch := allAgain(e.claim(names...), time.Hour)
	tx := e.hold(names[1])
	ctx, cancel := context.WithTimeout(e.ctx, time.Second)
	defer cancel()
	errs := e.RetryAll(ctx, batch)
	if !errors.Is(errs[1], context.DeadlineExceeded) {
		e.Errorf("the order that is held: got error %v, want the deadline's", errs[1])
	}
	errs[1] = nil
	e.mustAll(errs, len(names))
	e.must(tx.Rollback())
	e.mustAll(e.RetryAll(e.ctx, batch), len(names))
	for _, no := range names {
		e.wantProgress(no, schedule.Waiting, "")
	}
}

// retriesInterrupted cuts a batch's connection once at each of its steps, before the step and after
// it. All are recorded nevertheless.
func retriesInterrupted(e *sqlEnv) {
	const size = 3
	s, f := e.faultyStore(0, false, false)
	names := numbers("count", size)
	e.registerDue(names...)
	e.mustAll(s.RetryAll(e.ctx, allAgain(e.claim(names...), time.Hour)), size)
	for at := range f.step {
		for _, late := range []bool{false, true} {
			names := numbers(fmt.Sprintf("I%d-%v", at+1, late), size)
			e.registerDue(names...)
			claims := e.claim(names...)
			s, _ := e.faultyStore(at+1, late, false)
			e.mustAll(s.RetryAll(e.ctx, allAgain(claims, time.Hour)), size)
			for _, no := range names {
				if got := e.show(no); got.Progress != schedule.Waiting || got.Attempts != 1 || got.LastError != "again" || !got.LeaseUntil.IsZero() {
					e.Errorf("order %s: got %+v, want it put off", no, got)
				}
			}
		}
	}
}
