package order_test

import (
	"testing"

	"cloudpay/internal/order"
	"cloudpay/internal/order/verdict"
)

func TestOnlyDoubtIsUnauthenticated(t *testing.T) {
	t.Parallel()
	for _, v := range []verdict.Verdict{
		verdict.Accepted, verdict.SaysClosed, verdict.SaysPaid, verdict.SaysMissing, verdict.SaysPaying,
		verdict.Stated, verdict.Limited, verdict.Refused, verdict.Disputed, verdict.Doubted, verdict.Rejected,
	} {
		doubt := v == verdict.Doubted || v == verdict.Rejected
		if (order.Answer{Verdict: v}).Authenticated() == doubt {
			t.Errorf("%s: authenticated = %v", v, !doubt)
		}
	}
}

// TestRoutesProve: which answers that name no order prove something, by the way they came.
func TestRoutesProve(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		route                  order.Route
		fresh                  bool
		conclusive, repeatable bool
	}{
		{order.RouteOwn, true, true, true},
		{order.RouteOwn, false, false, false},
		{order.RouteLink, true, false, true},
		{order.RouteLink, false, false, false},
		{order.RouteForeign, true, false, false},
		{"", true, false, false},
	} {
		a := order.Answer{Route: tc.route, Fresh: tc.fresh}
		if a.Conclusive() != tc.conclusive || a.Repeatable() != tc.repeatable {
			t.Errorf("%q, fresh %v: got conclusive %v and repeatable %v, want %v and %v",
				tc.route, tc.fresh, a.Conclusive(), a.Repeatable(), tc.conclusive, tc.repeatable)
		}
	}
}
