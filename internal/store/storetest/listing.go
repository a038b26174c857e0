package storetest

import (
	"maps"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

var listing = []proof{{name: "lists in pages", prove: lists}, {name: "lists that do not exist", prove: listsNothing}}

// list reads all pages of a list.
func (e *env) list(at schedule.Progress, limit int) []string {
	e.Helper()
	var got []string
	from := ""
	for {
		page, err := e.List(e.ctx, shop, at, from, limit)
		e.must(err)
		for _, s := range page.Orders {
			if s.Progress != at {
				e.Errorf("order %s: got %s in the list of %s", s.OutTradeNo, s.Progress, at)
			}
			got = append(got, s.OutTradeNo)
		}
		if from = page.Next; from == "" {
			return got
		}
	}
}

func lists(e *env) {
	closes := time.Now().Add(time.Hour)
	for i, no := range numbers("W", 7) {
		e.register(schedule.Entry{Ref: ref(no), CloseAt: closes.Add(-time.Duration(i/2) * time.Second)}) // in pairs that are due at the same time
	}
	e.register(schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "2", OutTradeNo: "other"}})
	e.registerDue(numbers("D", 9)...)
	for i, c := range e.claim(numbers("D", 9)...) {
		switch i % 3 {
		case 0:
			e.must(e.GiveUp(e.ctx, c, schedule.Retry{Reason: "no"}))
		case 1:
			e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
		default:
		}
	}
	for at, want := range map[schedule.Progress]string{
		schedule.Waiting: "W0006 W0004 W0005 W0002 W0003 W0000 W0001",
		schedule.Closing: "D0002 D0005 D0008",
		schedule.Done:    "D0001 D0004 D0007",
		schedule.GaveUp:  "D0000 D0003 D0006",
	} {
		for limit := 1; limit <= 8; limit++ {
			if got := e.list(at, limit); !slices.Equal(got, strings.Fields(want)) {
				e.Errorf("%s in pages of %d: got %v, want %s", at, limit, got, want)
			}
		}
	}
}

func listsNothing(e *env) {
	if _, err := e.List(e.ctx, shop, "stuck", "", 1); err == nil || !strings.Contains(err.Error(), "gaveUp") {
		e.Errorf("got %v, want an error that names what can be listed", err)
	}
	if _, err := e.List(e.ctx, shop, schedule.Done, "x", 1); err == nil || !strings.Contains(err.Error(), "place") {
		e.Errorf("got %v, want an error about the place in the list", err)
	}
	page, err := e.List(e.ctx, shop, schedule.Done, "", 1)
	if err != nil || len(page.Orders) != 0 || page.Next != "" {
		e.Errorf("got %v and error %v, want an empty page", page, err)
	}
}

var owning = []proof{{name: "owners of several orders", prove: ownersOfSeveral}, {name: "owners of fifty orders", prove: ownersOfMany}}

func ownersOfSeveral(e *env) {
	other := order.Ref{Region: order.Global, MchID: "M", SubMchID: "S", OutTradeNo: "A1"}
	e.register(
		schedule.Entry{Ref: ref("A1"), Owner: "tcb:a"}, schedule.Entry{Ref: ref("A2"), Owner: "wx:wx1:o"}, schedule.Entry{Ref: ref("N1")},
		schedule.Entry{Ref: other, Owner: "tcb:b"},
	)
	got, err := e.Owners(e.ctx, []order.Ref{ref("A1"), ref("a1"), ref("A1"), other, ref("N1"), ref("X1"), ref("A2")})
	e.must(err)
	want := map[order.Ref]order.Owner{ref("A1"): "tcb:a", ref("A2"): "wx:wx1:o", ref("N1"): "", other: "tcb:b"}
	if !maps.Equal(got, want) {
		e.Errorf("owners: got %v, want %v", got, want)
	}
	if got, err := e.Owners(e.ctx, nil); err != nil || len(got) != 0 {
		e.Errorf("owners of none: got %v and error %v, want none", got, err)
	}
	_, err = e.Owners(e.ctx, []order.Ref{ref("A1"), ref("A1 ")})
	refused[*schedule.NotRegisteredError](e, err)
}

func ownersOfMany(e *env) {
	var refs []order.Ref
	for _, no := range numbers("P", 50) {
		e.register(schedule.Entry{Ref: ref(no), Owner: order.Owner("tcb:" + no)})
		refs = append(refs, ref(no))
	}
	got, err := e.Owners(e.ctx, refs)
	e.must(err)
	if len(got) != 50 || got[refs[49]] != "tcb:P0049" {
		e.Errorf("owners of 50: got %v", got)
	}
}
