package storetest

import (
	"maps"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

var owning = []proof{{name: "owners of several orders", prove: ownersOfSeveral}, {name: "owners of as many as there may be", prove: ownersOfMany}}

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
