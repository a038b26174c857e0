package storetest

import (
	"maps"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

var listing = []proof{
	{name: "lists in pages", prove: listsInPages}, {name: "lists that do not exist", prove: listsNothing},
	{name: "lists of a sub-merchant", prove: listsOfSubMerchant}, {name: "lists since a time", prove: listsSince},
}

func selection(at schedule.Progress) schedule.Selection {
	return schedule.Selection{Account: shop, Progress: at}
}

// list reads all pages of a list, and compares their number with the count.
func (e *env) list(of schedule.Selection, limit int) []string {
	e.Helper()
	var got []string
	from := ""
	for {
		page, err := e.List(e.ctx, of, from, limit)
		e.must(err)
		for _, s := range page.Orders {
			if s.Progress != of.Progress {
				e.Errorf("order %s: got %s in the list of %s", s.OutTradeNo, s.Progress, of.Progress)
			}
			got = append(got, s.OutTradeNo)
		}
		if from = page.Next; from == "" {
			break
		}
	}
	n, err := e.Count(e.ctx, of)
	e.must(err)
	if int(n) != len(got) {
		e.Errorf("%+v: got %d counted, and %d listed", of, n, len(got))
	}
	return got
}

func listsInPages(e *env) {
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
			if got := e.list(selection(at), limit); !slices.Equal(got, strings.Fields(want)) {
				e.Errorf("%s in pages of %d: got %v, want %s", at, limit, got, want)
			}
		}
	}
}

func listsNothing(e *env) {
	if _, err := e.List(e.ctx, selection("stuck"), "", 1); err == nil || !strings.Contains(err.Error(), "gaveUp") {
		e.Errorf("got %v, want an error that names what can be listed", err)
	}
	if _, err := e.List(e.ctx, selection(schedule.Done), "x", 1); err == nil || !strings.Contains(err.Error(), "place") {
		e.Errorf("got %v, want an error about the place in the list", err)
	}
	page, err := e.List(e.ctx, selection(schedule.Done), "", 1)
	if err != nil || len(page.Orders) != 0 || page.Next != "" {
		e.Errorf("got %v and error %v, want an empty page", page, err)
	}
}

func listsOfSubMerchant(e *env) {
	for _, subMchID := range []string{"1900000109", "1900000110"} {
		for _, no := range numbers("P", 3) {
			r := ref(no)
			r.SubMchID = subMchID
			e.register(schedule.Entry{Ref: r, CloseIn: time.Hour})
		}
	}
	of := selection(schedule.Waiting)
	of.SubMchID = "1900000110"
	for limit := 1; limit <= 4; limit++ {
		if got := e.list(of, limit); !slices.Equal(got, numbers("P", 3)) {
			e.Errorf("in pages of %d: got %v", limit, got)
		}
	}
	page, err := e.List(e.ctx, of, "", 1)
	e.must(err)
	if page.Orders[0].SubMchID != of.SubMchID {
		e.Errorf("got an order of %s in the list of %s", page.Orders[0].SubMchID, of.SubMchID)
	}
}

// listsSince lists by the times that the register itself has recorded.
func listsSince(e *env) {
	e.registerDue(numbers("D", 4)...)
	for i, c := range e.claim(numbers("D", 4)...) {
		if i < 2 {
			e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
		}
		e.Pass(time.Second)
	}
	e.register(schedule.Entry{Ref: ref("W1"), CloseIn: time.Hour})
	for _, at := range []schedule.Progress{schedule.Waiting, schedule.Closing, schedule.Done} {
		page, err := e.List(e.ctx, selection(at), "", 9)
		e.must(err)
		for i, r := range page.Orders {
			of := selection(at)
			of.Since = r.RegisteredAt
			if at == schedule.Done {
				of.Since = r.EndedAt
			}
			got := e.list(of, 1)
			if i == 0 && len(got) != len(page.Orders) || at == schedule.Done && len(got) != len(page.Orders)-i {
				e.Errorf("%s since %v: got %v of %d", at, of.Since, got, len(page.Orders))
			}
			of.Since = of.Since.Add(time.Hour)
			if got := e.list(of, 1); len(got) > 0 {
				e.Errorf("%s an hour later: got %v", at, got)
			}
			if r.DueAt.IsZero() {
				continue
			}
			of.Since, of.DueBy = time.Time{}, r.DueAt
			if got := e.list(of, 2); !slices.Contains(got, r.OutTradeNo) {
				e.Errorf("%s due by %v: got %v", at, of.DueBy, got)
			}
			of.DueBy = page.Orders[0].DueAt.Add(-time.Microsecond)
			if got := e.list(of, 2); len(got) > 0 {
				e.Errorf("%s due before the first: got %v", at, got)
			}
		}
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
