package storetest

import (
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
)

var identity = []proof{
	{name: "order numbers differ by any byte", prove: differByAnyByte},
	{name: "every part of the key counts", prove: everyPartCounts},
	{name: "invalid order numbers", prove: notOrderNumbers},
	{name: "texts from outside", prove: outsideTexts},
}

func differByAnyByte(e *env) {
	longest := strings.Repeat("Z", 32)
	all := []string{"A1", "a1", "A-1", "A_1", "A|1", "A*1", "A@1", "A", "1", "01", "1E1", "10", "%1", longest, longest[1:]}
	valid := all[:0:0]
	for _, no := range all {
		if no != "%1" {
			valid = append(valid, no)
			e.register(schedule.Entry{Ref: ref(no), Total: fen(int64(len(valid)))})
		}
	}
	for i, no := range valid {
		if got := e.show(no); got.OutTradeNo != no || *got.Total != int64(i+1) {
			e.Errorf("order %s: got %s with total %d, want total %d", no, got.OutTradeNo, *got.Total, i+1)
		}
	}
	for _, other := range []string{"A1 ", " A1", "A_%", "a_1", "A%", "\u00c51", "A1\u0000", "A1\u200b", "", "A1'", `A1\`, "\xff", "Ａ1"} {
		_, err := e.Show(e.ctx, ref(other))
		refused[*schedule.NotRegisteredError](e, err)
		_, err = e.Show(e.ctx, ref(other))
		refused[*schedule.NotRegisteredError](e, err)
		err = e.Observe(e.ctx, ref(other), schedule.Final{State: schedule.FinalClosed})
		refused[*schedule.NotRegisteredError](e, err)
		_, err = e.Reopen(e.ctx, ref(other))
		refused[*schedule.NotRegisteredError](e, err)
	}
}

func everyPartCounts(e *env) {
	for i, r := range []order.Ref{
		{Region: order.Mainland, MchID: "1", OutTradeNo: "A1"}, {Region: order.Mainland, MchID: "1", SubMchID: "2", OutTradeNo: "A1"},
		{Region: order.Mainland, MchID: "2", OutTradeNo: "A1"}, {Region: order.Mainland, MchID: "1", SubMchID: "3", OutTradeNo: "A1"},
		{Region: order.Global, MchID: "1", OutTradeNo: "A1"}, {Region: order.HongKong, MchID: "1", OutTradeNo: "A1"},
		{Region: order.Global, MchID: "a", OutTradeNo: "A1"}, {Region: order.Global, MchID: "A", OutTradeNo: "A1"},
	} {
		added, err := e.Register(e.ctx, schedule.Entry{Ref: r, Total: fen(int64(i))})
		if err != nil || !added {
			e.Errorf("%s: got added %v and error %v, want it added", r, added, err)
		}
		claims, err := e.Claim(e.ctx, r.Account(), 100, lease)
		if err != nil || len(claims) != 1 || claims[0].Ref != r {
			e.Errorf("%s: got claims %v and error %v, want that one", r, claims, err)
		}
	}
}

func notOrderNumbers(e *env) {
	for _, no := range []string{"", "A1 ", "é", "订单1", strings.Repeat("1", 33), "A\x00", "A/1", "A\n", "😀"} {
		_, err := e.Register(e.ctx, due(no))
		if fault := wantError[*order.FieldError](e, err); fault.Field != "out_trade_no" {
			e.Errorf("%q: got a fault in %s, want out_trade_no", no, fault.Field)
		}
	}
	if n := e.orders(); n != 0 {
		e.Errorf("got %d orders, want none", n)
	}
}

// A text from the gateway or a network may be anything. It must not prevent a final state from
// being recorded.
func outsideTexts(e *env) {
	for i, text := range []string{
		"订单不存在 😀", strings.Repeat("长", 500), "a\x00b", "\xff\xfe", "it's \\ % _ ? $1 {now} \"", "two\nlines", strings.Repeat("x", 299) + "é",
	} {
		no := numbers("T", 10)[i]
		c := e.claimOne(no)
		e.must(e.Retry(e.ctx, c, schedule.Retry{TradeState: tradestate.State(text), Authenticated: true, Reason: text}))
		if s := e.show(no); s.LastError == "" || s.TradeState == "" || !s.Authenticated || strings.ContainsAny(s.LastError, "\x00\n") {
			e.Errorf("%q: got %q and %q, want the text as one line", text, s.LastError, s.TradeState)
		}
		e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalPaid, TradeState: tradestate.State(text), TransactionID: text}))
		e.wantProgress(no, schedule.Done, schedule.FinalPaid)
	}
	if s := e.show("T0004"); s.Progress != schedule.Done || s.TransactionID != "it's \\ % _ ? $1 {now} \"" {
		e.Errorf("got %q, want the text as it was", s.TransactionID)
	}
}
