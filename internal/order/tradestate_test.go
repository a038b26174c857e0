package order_test

import (
	"testing"

	"cloudpay/internal/order"
)

func TestTradeStates(t *testing.T) {
	t.Parallel()
	for state, want := range map[order.TradeState]string{
		order.Success: "paid", order.Refund: "paid",
		order.Closed: "closed", order.Revoked: "closed",
		order.NotPay: "unpaid", order.PayError: "unpaid",
		order.UserPaying: "", order.Accept: "", "MOON": "", "": "",
	} {
		got := ""
		if state.Paid() {
			got += "paid"
		}
		if state.Closed() {
			got += "closed"
		}
		if state.Unpaid() {
			got += "unpaid"
		}
		if got != want {
			t.Errorf("%q counts as %q, want %q", state, got, want)
		}
	}
}

func TestOnlyDoubtIsUnauthenticated(t *testing.T) {
	t.Parallel()
	for _, v := range []order.Verdict{
		order.Accepted, order.SaysClosed, order.SaysPaid, order.SaysMissing, order.SaysPaying,
		order.Stated, order.Limited, order.Refused, order.Disputed, order.Doubted, order.Rejected,
	} {
		doubt := v == order.Doubted || v == order.Rejected
		if (order.Answer{Verdict: v}).Authenticated() == doubt {
			t.Errorf("%s: authenticated = %v", v, !doubt)
		}
	}
}
