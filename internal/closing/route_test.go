package closing_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/closing/closingtest"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
)

const (
	own     = order.RouteOwn
	link    = order.RouteLink
	foreign = order.RouteForeign
)

// TestCloseOverEachRoute: what names no order counts by itself on the own route alone, and every
// outcome can be reached on each of the three but notFound on a foreign one.
func TestCloseOverEachRoute(t *testing.T) {
	t.Parallel()
	accepted := says(verdict.Accepted, "")
	wasClosed := says(verdict.SaysClosed, "ORDERCLOSED")
	wasPaid := says(verdict.SaysPaid, "ORDERPAID")
	missing := says(verdict.SaysMissing, errcode.OrderNotExist)
	denied := says(verdict.Refused, errcode.NoAuth)
	for _, tc := range []struct {
		routes  []order.Route
		name    string
		replies []reply
		asked   string
		outcome order.Outcome
		errCode string
	}{
		{[]order.Route{own}, "accepted", []reply{accepted}, "close", order.OutcomeClosed, ""},
		{[]order.Route{own}, "closed before", []reply{wasClosed}, "close", order.OutcomeAlreadyClosed, "ORDERCLOSED"},
		{[]order.Route{own}, "paid, no facts", []reply{wasPaid, denied}, "close query", order.OutcomePaid, "ORDERPAID"},
		{[]order.Route{own}, "refused", []reply{denied}, "close", order.OutcomeRefused, "NOAUTH"},

		{[]order.Route{link, foreign}, "accepted", []reply{accepted, states(tradestate.Closed)}, "close query", order.OutcomeClosed, ""},
		{
			[]order.Route{link, foreign}, "accepted, another's", []reply{accepted, states(tradestate.Success)},
			"close query", order.OutcomePaid, "ORDERPAID",
		},
		{
			[]order.Route{link, foreign}, "accepted, and late", []reply{accepted, states(tradestate.NotPay), states(tradestate.Closed)},
			"close query query", order.OutcomeClosed, "",
		},
		{
			[]order.Route{link, foreign}, "closed before", []reply{wasClosed, states(tradestate.Closed)},
			"close query", order.OutcomeAlreadyClosed, "ORDERCLOSED",
		},
		{
			[]order.Route{link, foreign}, "closed before, another's", []reply{wasClosed, states(tradestate.Success)},
			"close query", order.OutcomePaid, "ORDERPAID",
		},
		{
			[]order.Route{link, foreign}, "paid, no facts", []reply{wasPaid, denied, denied},
			"close query query", order.OutcomeUnknown, "NOAUTH",
		},
		{
			[]order.Route{own, link, foreign}, "paid", []reply{wasPaid, states(tradestate.Success)},
			"close query", order.OutcomePaid, "ORDERPAID",
		},
		{
			[]order.Route{own, link, foreign}, "paid, another's", []reply{wasPaid, states(tradestate.Closed)},
			"close query", order.OutcomeClosed, "",
		},
		{[]order.Route{link, foreign}, "refused, paid", []reply{denied, states(tradestate.Success)}, "close query", order.OutcomePaid, "ORDERPAID"},
		{
			[]order.Route{link, foreign}, "refused", []reply{denied, states(tradestate.NotPay), denied},
			"close query close", order.OutcomeRefused, "NOAUTH",
		},

		{[]order.Route{own}, "no such order", []reply{missing, missing}, "close query", order.OutcomeNotFound, "ORDERNOTEXIST"},
		{[]order.Route{link}, "no such order", []reply{missing, missing}, "close query", order.OutcomeNotFound, "ORDERNOTEXIST"},
		{[]order.Route{foreign}, "no such order", []reply{missing, missing}, "close query", order.OutcomeUnknown, "UNCONFIRMED"},
		{
			[]order.Route{own, link, foreign}, "no such order, another's", []reply{missing, states(tradestate.Closed)},
			"close query", order.OutcomeClosed, "",
		},
		{
			[]order.Route{own, link, foreign}, "too soon", []reply{limits(time.Hour)},
			"close", order.OutcomeTooSoon, "FREQUENCY_LIMITED",
		},
	} {
		for _, route := range tc.routes {
			t.Run(fmt.Sprintf("%s, %s", route, tc.name), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					gateway := script(t, tc.replies...)
					closer := &closing.Closer{Gateway: &closingtest.Routed{Gateway: gateway, Route: route}, Merchant: shop}
					got := closeA1(withLimit(t, 30*time.Second), closer)
					gateway.wantAsked(tc.asked)
					if got.Outcome != tc.outcome || got.ErrCode != tc.errCode {
						t.Errorf("got %s %s, want %s %s", got.Outcome, got.ErrCode, tc.outcome, tc.errCode)
					}
				})
			})
		}
	}
}

// TestQueryOverEachRoute: "no such order" takes two connections that carried nothing else, and a
// refusal one, or its repetition.
func TestQueryOverEachRoute(t *testing.T) {
	t.Parallel()
	missing := says(verdict.SaysMissing, errcode.OrderNotExist)
	denied := says(verdict.Refused, errcode.NoAuth)
	for _, tc := range []struct {
		routes  []order.Route
		name    string
		used    bool
		replies []reply
		asked   int
		outcome order.Outcome
		errCode string
	}{
		{[]order.Route{own, link, foreign}, "found", true, []reply{states(tradestate.Closed)}, 1, order.OutcomeFound, ""},
		{[]order.Route{own, link}, "missing", false, []reply{missing, missing}, 2, order.OutcomeNotFound, "ORDERNOTEXIST"},
		{[]order.Route{own, link}, "missing, used", true, []reply{missing, missing, missing}, 3, order.OutcomeNotFound, "ORDERNOTEXIST"},
		{[]order.Route{foreign}, "missing", false, []reply{missing, missing}, 2, order.OutcomeUnknown, "UNCONFIRMED"},
		{[]order.Route{own, link, foreign}, "missing once", false, []reply{missing, states(tradestate.NotPay)}, 2, order.OutcomeFound, ""},
		{[]order.Route{own}, "refused", false, []reply{denied}, 1, order.OutcomeRefused, "NOAUTH"},
		{[]order.Route{own}, "refused, used", true, []reply{denied, denied}, 2, order.OutcomeRefused, "NOAUTH"},
		{[]order.Route{link, foreign}, "refused", false, []reply{denied, denied}, 2, order.OutcomeRefused, "NOAUTH"},
		{[]order.Route{own, link, foreign}, "refused once", true, []reply{denied, states(tradestate.NotPay)}, 2, order.OutcomeFound, ""},
	} {
		for _, route := range tc.routes {
			t.Run(fmt.Sprintf("%s, %s", route, tc.name), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					gateway := script(t, tc.replies...)
					way := &closingtest.Routed{Gateway: gateway, Route: route, Used: tc.used}
					querier := &closing.Querier{Gateway: way, Merchant: shop}
					got := querier.Query(withLimit(t, 30*time.Second), order.Params{OutTradeNo: "A1"})
					gateway.wantAsked(strings.TrimSpace(strings.Repeat("query ", tc.asked)))
					if got.Outcome != tc.outcome || got.ErrCode != tc.errCode {
						t.Errorf("got %s %s, want %s %s", got.Outcome, got.ErrCode, tc.outcome, tc.errCode)
					}
				})
			})
		}
	}
}

// A combined order is closed once a query shows each of its orders closed.
func TestCombinedCloseIsConfirmedByEachOrder(t *testing.T) {
	t.Parallel()
	subs := []order.SubOrder{{MchID: shop.MchID, OutTradeNo: "S1"}, {MchID: shop.MchID, OutTradeNo: "S2"}}
	shows := func(states ...tradestate.State) reply {
		return func(context.Context) order.Answer {
			f := &order.Facts{TradeState: tradestate.Combined(states)}
			for i, s := range states {
				f.SubOrders = append(f.SubOrders, order.SubFacts{SubOrder: order.SubOrder{MchID: shop.MchID, OutTradeNo: subs[i].OutTradeNo}, TradeState: s})
			}
			return order.Answer{Verdict: verdict.Stated, HTTPStatus: 200, Proof: order.ProofSignature, Facts: f}
		}
	}
	for name, tc := range map[string]struct {
		shown   []tradestate.State
		outcome order.Outcome
	}{
		"each":       {[]tradestate.State{tradestate.Closed, tradestate.Closed}, order.OutcomeClosed},
		"one":        {[]tradestate.State{tradestate.Closed, tradestate.NotPay}, order.OutcomeUnknown},
		"one listed": {[]tradestate.State{tradestate.Closed}, order.OutcomeUnknown},
		"paid":       {[]tradestate.State{tradestate.Success, tradestate.Success}, order.OutcomePaid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway := forever(t, says(verdict.Accepted, ""), shows(tc.shown...))
				closer := &closing.Closer{Gateway: &closingtest.Routed{Gateway: gateway, Route: foreign}, Merchant: shop}
				got := closer.Close(withLimit(t, 5*time.Second), order.Params{CombineOutTradeNo: "C1", SubOrders: subs})
				if got.Outcome != tc.outcome {
					t.Errorf("got %s (%s), want %s", got.Outcome, got.ReturnMsg, tc.outcome)
				}
			})
		})
	}
}

// mixedUp is a model whose replies are another order's, wherever the route allows it and the reply
// names none.
type mixedUp struct {
	*model

	route order.Route
	lies  int
}

func (m *mixedUp) Close(ctx context.Context, c order.Call) order.Answer {
	return m.another(c, m.model.Close(ctx, c))
}

func (m *mixedUp) Query(ctx context.Context, c order.Call) order.Answer {
	return m.another(c, m.model.Query(ctx, c))
}

func (m *mixedUp) another(c order.Call, a order.Answer) order.Answer {
	possible := m.route == order.RouteForeign || !c.Fresh
	if possible && m.rand.Float64() < 0.5 {
		m.lies++
		nameless := []order.Answer{
			closingtest.Answer(verdict.Accepted, ""), closingtest.Answer(verdict.SaysClosed, "ORDERCLOSED"), closingtest.Answer(verdict.SaysPaid, "ORDERPAID"),
			closingtest.Answer(verdict.SaysMissing, errcode.OrderNotExist), closingtest.Answer(verdict.Refused, errcode.NoAuth),
		}
		a = nameless[m.rand.IntN(len(nameless))]
	}
	a.Route, a.Fresh = m.route, c.Fresh
	return a
}

// However replies are mixed up, none that names no order makes an order what it is not.
func TestNeverBelievesAnotherOrdersReply(t *testing.T) {
	t.Parallel()
	for _, route := range []order.Route{own, link, foreign} {
		lies := 0
		for seed := range uint64(300) {
			synctest.Test(t, func(t *testing.T) {
				m := &mixedUp{
					model: &model{
						rand:  rand.New(rand.NewPCG(seed, 2)),
						state: []tradestate.State{tradestate.NotPay, tradestate.Success, tradestate.Closed, tradestate.PayError}[seed%4],
					},
					route: route,
				}
				closer := &closing.Closer{Gateway: m, Merchant: shop}
				for range 3 {
					got := closeA1(withLimit(t, 3*time.Second), closer)
					if contradicts(got.Outcome, m.state) {
						t.Errorf("%s, seed %d: told %s, and the order is %s", route, seed, got.Outcome, m.state)
					}
					got = (&closing.Querier{Gateway: m, Merchant: shop}).Query(withLimit(t, 3*time.Second), order.Params{OutTradeNo: "A1"})
					if contradicts(got.Outcome, m.state) {
						t.Errorf("%s, seed %d: a query told %s, and the order is %s", route, seed, got.Outcome, m.state)
					}
				}
				lies += m.lies
			})
		}
		if lies < 300 {
			t.Errorf("%s: %d lies were told, too few to show anything", route, lies)
		}
	}
}
