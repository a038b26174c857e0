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

func TestCombinedState(t *testing.T) {
	t.Parallel()
	type states = []order.TradeState
	for _, tc := range []struct {
		of   states
		want order.TradeState
	}{
		{states{order.NotPay, order.NotPay}, order.NotPay},
		{states{order.NotPay, order.PayError}, order.NotPay},
		{states{order.Closed, order.Closed}, order.Closed},
		{states{order.Closed, order.Revoked}, order.Closed},
		{states{order.Success, order.Success}, order.Success},
		{states{order.Refund, order.Success}, order.Success},
		{states{order.Refund, order.Refund}, order.Refund},
		{states{order.Success, order.NotPay}, order.Mixed},
		{states{order.Closed, order.NotPay}, order.Mixed},
		{states{order.Closed, order.Success}, order.Mixed},
		{nil, order.Mixed},
	} {
		got := order.Combined(tc.of)
		if got != tc.want {
			t.Errorf("%v together are %s, want %s", tc.of, got, tc.want)
		}
		if got == order.Mixed && (got.Paid() || got.Closed() || got.Unpaid()) {
			t.Error("a mixed order counts as paid, closed or unpaid")
		}
	}
}
