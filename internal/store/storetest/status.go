package storetest

import (
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

var status = []proof{
	{name: "how the register stands", prove: stands},
	{name: "how the register stands by sub-merchant", prove: standsBySubMerchant},
}

// stands counts orders at each progress, and events at each stage.
func stands(e *env) {
	empty, err := e.Status(e.ctx, shop, ceiling)
	if err != nil || empty.At.IsZero() || empty.PerSecond != ceiling {
		e.Errorf("an empty register: got %+v and error %v, want its time and the full rate", empty, err)
	}
	e.registerDue("A-done", "B-paid", "C-stuck", "D-withdrawn", "E-doubtful", "F-leased")
	claims := e.claim("A-done", "B-paid", "C-stuck", "D-withdrawn", "E-doubtful", "F-leased")
	e.must(e.Finish(e.ctx, claims[0], schedule.Final{State: schedule.FinalClosed}))
	e.Pass(2 * time.Minute)
	e.must(e.Finish(e.ctx, claims[1], schedule.Final{State: schedule.FinalPaid}))
	e.must(e.GiveUp(e.ctx, claims[2], schedule.Retry{Reason: "no"}))
	e.must(e.Retry(e.ctx, claims[3], schedule.Retry{Reason: "no", After: time.Hour}))
	_, err = e.Change(e.ctx, ref("D-withdrawn"), schedule.Change{Withdraw: true, By: "shop"})
	e.must(err)
	e.must(e.Retry(e.ctx, claims[4], schedule.Retry{Reason: "TIMEOUT", InDoubt: true}))
	_, err = e.Begin(e.ctx, e.show("F-leased"), lease)
	e.must(err)
	e.registerDue("due")
	e.register(schedule.Entry{Ref: ref("later"), CloseIn: time.Hour})
	e.Pass(30 * time.Second)

	got, err := e.Status(e.ctx, shop, ceiling)
	e.must(err)
	if got.Waiting != 2 || got.Due != 2 || got.Closing != 2 || got.Stuck != 1 || got.Ended != 1 {
		e.Errorf("got %+v, want 2 waiting, 2 due, 2 closing, 1 stuck and 1 ended", got)
	}
	if got.OldestDue < 30 || got.OldestDue > 60 || got.EventsPending != 3 || got.OldestEvent < 150 || got.EventsDead != 0 {
		e.Errorf("got %+v, want ages of 30 s and 150 s, and 3 events pending", got)
	}
	e.must(e.Limited(e.ctx, shop, ceiling, time.Second))
	if got, err = e.Status(e.ctx, shop, ceiling); err != nil || !got.BackingOff || got.PerSecond >= ceiling {
		e.Errorf("got %+v and error %v, want it backing off", got, err)
	}
}

// standsBySubMerchant separates the same by sub-merchants.
func standsBySubMerchant(e *env) {
	for _, sub := range []string{"101", "102"} {
		e.register(schedule.Entry{Ref: order.Ref{Region: shop.Region, MchID: shop.MchID, SubMchID: sub, OutTradeNo: "A1"}})
	}
	e.register(schedule.Entry{Ref: order.Ref{Region: shop.Region, MchID: shop.MchID, SubMchID: "102", OutTradeNo: "A2"}, CloseIn: time.Hour})
	e.must(e.Observe(e.ctx, order.Ref{Region: shop.Region, MchID: shop.MchID, SubMchID: "101", OutTradeNo: "A1"},
		schedule.Final{State: schedule.FinalPaid}))
	parts, err := e.StatusBySubMerchant(e.ctx, shop)
	if err != nil || len(parts) != 2 {
		e.Fatalf("got %+v and error %v, want two parts", parts, err)
	}
	if p := parts[0]; p.SubMchID != "101" || p.Ended != 1 || p.EventsPending != 1 || p.Waiting != 0 {
		e.Errorf("got %+v, want one that ended, and its event", p)
	}
	if p := parts[1]; p.SubMchID != "102" || p.Waiting != 2 || p.Due != 1 || p.Ended != 0 {
		e.Errorf("got %+v, want two waiting, of which one is due", p)
	}
}
