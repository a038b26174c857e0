package closing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/closing"
	"cloudpay/internal/closing/closingtest"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/schedule"
)

const (
	alice = order.Owner("wx:wx1:oALICE")
	bob   = order.Owner("wx:wx1:oBOB")
)

// registered are the owners of orders by their numbers, as a store would have them.
type registered struct {
	owners  map[string]order.Owner
	latency time.Duration
	fault   error
	// asked is how many orders each statement was about.
	asked []int
}

func (r *registered) Owners(ctx context.Context, refs []order.Ref) (map[order.Ref]order.Owner, error) {
	r.asked = append(r.asked, len(refs))
	select {
	case <-time.After(r.latency):
	case <-ctx.Done():
		return nil, fmt.Errorf("looking up owners: %w", ctx.Err())
	}
	found := map[order.Ref]order.Owner{}
	for _, ref := range refs {
		if owner, there := r.owners[ref.OutTradeNo]; there && ref.MchID == shop.MchID {
			found[ref] = owner
		}
	}
	return found, r.fault
}

// shows is a query's answer about an order, or a combined one, with all that such an answer has.
func shows(numbers ...string) reply {
	return func(context.Context) order.Answer {
		f := &order.Facts{TradeState: tradestate.NotPay, OutTradeNo: numbers[0], Attach: "secret"}
		if len(numbers) > 1 {
			f.OutTradeNo = ""
			for _, number := range numbers {
				f.SubOrders = append(f.SubOrders, order.SubFacts{SubOrder: order.SubOrder{MchID: shop.MchID, OutTradeNo: number}})
			}
		}
		return order.Answer{
			Verdict: verdict.Stated, HTTPStatus: 200, Proof: order.ProofSignature, RequestID: "R200", Nonce: "n", Sign: "s", Facts: f,
			ResultMsg: "OK", Route: order.RouteOwn, Fresh: true,
		}
	}
}

// missing is the answer about an order that does not exist, with all that it has.
func missing(context.Context) order.Answer {
	return order.Answer{
		Verdict: verdict.SaysMissing, Code: errcode.OrderNotExist, GatewayCode: "ORDER_NOT_EXIST", HTTPStatus: 404,
		Proof: order.ProofSignature, Message: "订单不存在", RequestID: "R404", Nonce: "m", Sign: "t",
		Route: order.RouteOwn, Fresh: true,
	}
}

// An observation is all that a customer, or an observer of the merchant's quota and store,
// could tell look-ups by.
type observation struct {
	Result     order.Result
	Took       time.Duration
	Exchanges  int
	Statements string
	Err        string
}

// A customer that asks for another customer's order and for one that does not exist observes the
// same, whatever the register knows and however long the gateway takes: the same exchanges,
// statements, time and result.
func TestNotTheirsAndNotThereAreAlike(t *testing.T) {
	t.Parallel()
	owners := map[string]order.Owner{"A1": alice, "B1": bob, "B2": bob, "N1": ""}
	byID, combined := order.Params{TransactionID: "42"}, order.Params{CombineOutTradeNo: "C1"}
	lists := map[string][]string{
		"another's": {"B1"}, "without an owner": {"N1"}, "not registered": {"X1"}, "without a number": {""}, "ill named": {"B 1"},
	}
	parts := map[string][]string{
		"another's": {"B1", "B2"}, "in part": {"A1", "B1"}, "not registered": {"X1", "X2"}, "very many": strings.Fields(strings.Repeat("A1 ", 51)),
	}
	for name, test := range map[string]struct {
		asked   order.Params
		others  map[string][]string
		before  reply // the first exchange's, where it is not an answer
		limit   time.Duration
		outcome order.Outcome
	}{
		"by transaction_id":           {byID, lists, nil, 3 * time.Second, order.OutcomeNotFound},
		"by combine_out_trade_no":     {combined, parts, nil, 3 * time.Second, order.OutcomeNotFound},
		"after a timeout":             {byID, lists, closingtest.Hangs, 10 * time.Second, order.OutcomeNotFound},
		"after asking too often":      {byID, lists, limits(0), 10 * time.Second, order.OutcomeNotFound},
		"no time for a second answer": {byID, lists, nil, time.Second, order.OutcomeUnknown},
		"no time for a step":          {byID, lists, nil, 550 * time.Millisecond, order.OutcomeUnknown},
		"no time after a timeout":     {combined, parts, closingtest.Hangs, 1300 * time.Millisecond, order.OutcomeUnknown},
	} {
		for _, ms := range []int{0, 5, 80, 100, 120, 125, 180, 240, 400} {
			t.Run(fmt.Sprintf("%s, %d ms", name, ms), func(t *testing.T) {
				t.Parallel()
				observe := func(answer reply, faster time.Duration) (o observation) {
					synctest.Test(t, func(t *testing.T) {
						answers := []reply{after(max(time.Duration(ms)*time.Millisecond-faster, 0), answer)}
						if test.before != nil {
							answers = append([]reply{test.before}, answers...)
						}
						gateway := forever(t, answers...)
						store := &registered{owners: owners, latency: 15 * time.Millisecond}
						l := &closing.Lookup{Querier: &closing.Querier{Gateway: gateway, Merchant: shop}, Owners: store}
						start := time.Now()
						found, err := l.Find(withLimit(t, test.limit), alice, test.asked)
						found.Result.Waited = 0 // for the log alone
						o = observation{found.Result, time.Since(start), len(gateway.asked), fmt.Sprint(store.asked), fmt.Sprint(err)}
						if ms == 180 { // an exchange's own limit may lie between the two answers, and then one is none
							o.Statements = ""
						}
						if found.Ownership == schedule.Theirs || found.Result.Outcome != test.outcome {
							t.Errorf("got %s, ownership %s, want %s", found.Result.Outcome, found.Ownership, test.outcome)
						}
						if o.Took%(500*time.Millisecond) != 0 || o.Took > test.limit {
							t.Errorf("answered after %v, want a full step within %v", o.Took, test.limit)
						}
					})
					return o
				}
				notThere := observe(missing, 20*time.Millisecond)
				for other, numbers := range test.others {
					if diff := cmp.Diff(notThere, observe(shows(numbers...), 0)); diff != "" {
						t.Errorf("%s: differs from an order that does not exist (-not there +%s)\n%s", other, other, diff)
					}
				}
			})
		}
	}
}

// So it is over each route, and where the first exchange has a used connection: a look-up over a
// foreign route never learns that an order does not exist, and says so of another's too.
func TestNotTheirsAndNotThereAreAlikeOverEachRoute(t *testing.T) {
	t.Parallel()
	for _, route := range []order.Route{own, link, foreign} {
		for _, used := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, used %t", route, used), func(t *testing.T) {
				t.Parallel()
				observe := func(answer reply) (o observation) {
					synctest.Test(t, func(t *testing.T) {
						gateway := forever(t, after(100*time.Millisecond, answer))
						store := &registered{owners: map[string]order.Owner{"B1": bob}, latency: 15 * time.Millisecond}
						way := &closingtest.Routed{Gateway: gateway, Route: route, Used: used}
						l := &closing.Lookup{Querier: &closing.Querier{Gateway: way, Merchant: shop}, Owners: store}
						start := time.Now()
						found, err := l.Find(withLimit(t, 3*time.Second), alice, order.Params{TransactionID: "42"})
						found.Result.Waited = 0
						o = observation{found.Result, time.Since(start), len(gateway.asked), fmt.Sprint(store.asked), fmt.Sprint(err)}
					})
					return o
				}
				notThere := observe(missing)
				if diff := cmp.Diff(notThere, observe(shows("B1"))); diff != "" {
					t.Errorf("another's differs from an order that does not exist (-not there +another's)\n%s", diff)
				}
				want, code, exchanges := order.OutcomeNotFound, errcode.OrderNotExist, 2
				if route == foreign {
					want, code = order.OutcomeUnknown, errcode.Unconfirmed
				} else if used {
					exchanges = 3
				}
				if r := notThere.Result; r.Outcome != want || r.ErrCode != code || notThere.Exchanges != exchanges {
					t.Errorf("got %s %s in %d exchanges, want %s %s in %d", r.Outcome, r.ErrCode, notThere.Exchanges, want, code, exchanges)
				}
			})
		}
	}
}

// A limit that falls between the two answers tells nothing over any route: that there was an answer
// does not show.
func TestLookupCutShortIsAlikeOverEachRoute(t *testing.T) {
	t.Parallel()
	for _, route := range []order.Route{own, link, foreign} {
		t.Run(string(route), func(t *testing.T) {
			t.Parallel()
			observe := func(latency time.Duration, answer reply) (result order.Result) {
				synctest.Test(t, func(t *testing.T) {
					way := &closingtest.Routed{Gateway: forever(t, after(latency, answer)), Route: route}
					l := &closing.Lookup{Querier: &closing.Querier{Gateway: way, Merchant: shop}, Owners: &registered{}}
					found, err := l.Find(withLimit(t, time.Second), alice, order.Params{TransactionID: "42"})
					if err != nil {
						t.Error(err)
					}
					result = found.Result
					result.Waited = 0
				})
				return result
			}
			// An exchange has a third of half a second.
			if diff := cmp.Diff(observe(160*time.Millisecond, missing), observe(180*time.Millisecond, shows("B1"))); diff != "" {
				t.Errorf("another's differs from an order that does not exist (-not there +another's)\n%s", diff)
			}
		})
	}
}

// One's own order is shown at once, by the one exchange that the query is.
func TestOwnOrderIsShownAtOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		asked   order.Params
		numbers []string
	}{
		"by transaction_id":       {order.Params{TransactionID: "42"}, []string{"A1"}},
		"by combine_out_trade_no": {order.Params{CombineOutTradeNo: "C1"}, []string{"A1", "A2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway := script(t, after(100*time.Millisecond, shows(test.numbers...)))
				store := &registered{owners: map[string]order.Owner{"A1": alice, "A2": alice}, latency: 15 * time.Millisecond}
				l := &closing.Lookup{Querier: &closing.Querier{Gateway: gateway, Merchant: shop}, Owners: store}
				start := time.Now()
				found, err := l.Find(withLimit(t, 3*time.Second), alice, test.asked)
				if err != nil || found.Ownership != schedule.Theirs || found.Result.Outcome != order.OutcomeFound || found.Result.Attempts != 1 {
					t.Errorf("got %+v and error %v, want the order", found, err)
				}
				if took := time.Since(start); took != 115*time.Millisecond {
					t.Errorf("took %v, want the exchange and the statement", took)
				}
			})
		})
	}
}

// An end that the query of an own order shows is recorded; another customer's order is not touched.
func TestLookupRecordsOwnEndsOnly(t *testing.T) {
	t.Parallel()
	for owner, want := range map[order.Owner]schedule.Progress{alice: schedule.Done, bob: schedule.Waiting} {
		synctest.Test(t, func(t *testing.T) {
			kept := newStore()
			ref := order.Ref{Region: order.Mainland, MchID: shop.MchID, OutTradeNo: "A1"}
			if _, err := kept.Register(t.Context(), schedule.Entry{Ref: ref, Owner: owner, CloseIn: time.Hour}); err != nil {
				t.Fatal(err)
			}
			l := &closing.Lookup{
				Querier: &closing.Querier{Gateway: forever(t, states(tradestate.Success)), Merchant: shop, Store: kept},
				Owners:  &registered{owners: map[string]order.Owner{"A1": owner}},
			}
			if _, err := l.Find(withLimit(t, 3*time.Second), alice, order.Params{TransactionID: "4200001"}); err != nil {
				t.Error(err)
			}
			if got := kept.At("A1").Progress; got != want {
				t.Errorf("an order of %s: got %s, want %s", owner, got, want)
			}
		})
	}
}

// Without the store nothing is shown, and nothing more is asked.
func TestLookupWithoutTheStore(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]registered{
		"that fails": {fault: errors.New("down"), owners: map[string]order.Owner{"A1": alice}},
		"that hangs": {latency: time.Hour},
	} {
		for answer, is := range map[string]reply{"not there": missing, "theirs": shows("A1")} {
			t.Run(name+", "+answer, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					gateway, store := script(t, is), store
					l := &closing.Lookup{Querier: &closing.Querier{Gateway: gateway, Merchant: shop}, Owners: &store}
					start := time.Now()
					found, err := l.Find(withLimit(t, 3*time.Second), alice, order.Params{TransactionID: "42"})
					if err == nil || found.Result.Outcome != order.OutcomeUnknown || found.Result.TradeState != "" {
						t.Errorf("got %+v and error %v, want an error and unknown", found, err)
					}
					if took := time.Since(start); took > 2500*time.Millisecond || took%(500*time.Millisecond) != 0 {
						t.Errorf("took %v, want a full step", took)
					}
				})
			})
		}
	}
}

func TestLookupOfIllFormedWords(t *testing.T) {
	t.Parallel()
	l := &closing.Lookup{Querier: &closing.Querier{Gateway: script(t), Merchant: shop}, Owners: &registered{}}
	found, err := l.Find(t.Context(), alice, order.Params{TransactionID: "4x"})
	if err != nil || found.Result.ErrCode != errcode.ParamError || found.Result.Outcome != order.OutcomeRefused {
		t.Errorf("got %+v and error %v, want PARAM_ERROR", found, err)
	}
}

// Ten look-ups a minute may fail to show an own order. More are not made, for an order that exists
// as for one that does not; those of other customers are, and so are the customer's own a minute
// later. A look-up that shows one is not counted.
func TestAllowanceOfLookups(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]reply{"not there": missing, "another's": shows("B1")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				own := false
				gateway := forever(t, func(ctx context.Context) order.Answer {
					if own {
						return shows("A1")(ctx)
					}
					return answer(ctx)
				})
				l := &closing.Lookup{
					Querier: &closing.Querier{Gateway: gateway, Merchant: shop}, Allowance: &closing.Allowance{},
					Owners: &registered{owners: map[string]order.Owner{"A1": alice, "B1": bob}},
				}
				find := func(customer order.Owner, want order.Outcome) order.Result {
					t.Helper()
					found, err := l.Find(withLimit(t, 3*time.Second), customer, order.Params{TransactionID: "42"})
					if err != nil || found.Result.Outcome != want || found.Exhausted != (want == order.OutcomeTooSoon) {
						t.Errorf("got %+v and error %v, want %s", found, err, want)
					}
					return found.Result
				}
				for n := range 10 {
					find(alice, order.OutcomeNotFound)
					own = true
					if n < 9 {
						find(alice, order.OutcomeFound)
					}
					own = false
				}
				before := len(gateway.asked)
				refused := find(alice, order.OutcomeTooSoon)
				if refused.RetryAfter != 55 || !refused.Retryable || refused.ErrCode != errcode.FrequencyLimited || len(gateway.asked) != before {
					t.Errorf("got %+v, want to come again in 55 s", refused)
				}
				find("wx:wx1:oCAROL", order.OutcomeNotFound)
				passes(55 * time.Second)
				find(alice, order.OutcomeNotFound)
			})
		})
	}
}

// Customers without number do not take memory without bound.
func TestAllowanceIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &closing.Allowance{}
		for n := range 3 * closing.MostCustomers {
			if _, wait := a.Take(order.Owner(fmt.Sprint("tcb:", n)), time.Now()); wait != 0 {
				t.Fatalf("customer %d waits for %v", n, wait)
			}
		}
		if got := a.Customers(); got > closing.MostCustomers {
			t.Errorf("remembers %d customers, want %d at most", got, closing.MostCustomers)
		}
		passes(time.Minute)
		_, _ = a.Take("tcb:a", time.Now())
		if got := a.Customers(); got != 1 {
			t.Errorf("remembers %d customers a minute later, want 1", got)
		}
	})
}
