package tradestate_test

import (
	"testing"

	"cloudpay/internal/order/tradestate"
)

func TestTradeStates(t *testing.T) {
	t.Parallel()
	for state, want := range map[tradestate.State]string{
		tradestate.Success: "paid", tradestate.Refund: "paid",
		tradestate.Closed: "closed", tradestate.Revoked: "closed",
		tradestate.NotPay: "unpaid", tradestate.PayError: "unpaid",
		tradestate.UserPaying: "", tradestate.Accept: "", "MOON": "", "": "",
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

func TestCombinedState(t *testing.T) {
	t.Parallel()
	type states = []tradestate.State
	for _, tc := range []struct {
		of   states
		want tradestate.State
	}{
		{states{tradestate.NotPay, tradestate.NotPay}, tradestate.NotPay},
		{states{tradestate.NotPay, tradestate.PayError}, tradestate.NotPay},
		{states{tradestate.Closed, tradestate.Closed}, tradestate.Closed},
		{states{tradestate.Closed, tradestate.Revoked}, tradestate.Closed},
		{states{tradestate.Success, tradestate.Success}, tradestate.Success},
		{states{tradestate.Refund, tradestate.Success}, tradestate.Success},
		{states{tradestate.Refund, tradestate.Refund}, tradestate.Refund},
		{states{tradestate.Success, tradestate.NotPay}, tradestate.Mixed},
		{states{tradestate.Closed, tradestate.NotPay}, tradestate.Mixed},
		{states{tradestate.Closed, tradestate.Success}, tradestate.Mixed},
		{nil, tradestate.Mixed},
	} {
		got := tradestate.Combined(tc.of)
		if got != tc.want {
			t.Errorf("%v together are %s, want %s", tc.of, got, tc.want)
		}
		if got == tradestate.Mixed && (got.Paid() || got.Closed() || got.Unpaid()) {
			t.Error("a mixed order counts as paid, closed or unpaid")
		}
	}
}
