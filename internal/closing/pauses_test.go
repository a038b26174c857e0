package closing_test

import (
	"context"
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

// laden is a reply with everything in it that only proof may carry.
func laden(r reply) reply {
	return func(ctx context.Context) order.Answer {
		a := r(ctx)
		a.Nonce, a.Sign = "theirs", "ABCDEF"
		return a
	}
}

// later is a reply with which something asks to be left alone for a while.
func later(d time.Duration, r reply) reply {
	return func(ctx context.Context) order.Answer {
		a := r(ctx)
		a.RetryAfter = d
		return a
	}
}

// What is waited for the gateway's answers is told apart from what is waited between them.
func TestWaited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gateway := script(t,
			after(300*time.Millisecond, limits(time.Second)), after(200*time.Millisecond, says(verdict.Accepted, "")))
		got := closeA1(withLimit(t, 10*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop})
		gateway.wantAsked("close close")
		if got.Waited != 500*time.Millisecond || got.Attempts != 2 {
			t.Errorf("waited: got %v in %d attempts, want 500ms in 2", got.Waited, got.Attempts)
		}
	})
}

// The gateway's own wish for a pause is granted to the moment, where there is time.
func TestPauseIsAsLongAsTheGatewayWishes(t *testing.T) {
	t.Parallel()
	const wish = 3 * time.Second
	for _, tc := range []struct {
		name    string
		replies []reply
		asked   string
	}{
		{"after a close", []reply{limits(wish), says(verdict.Accepted, "")}, "close close"},
		{
			"after a query",
			[]reply{doubts(errcode.Timeout), limits(wish), states(tradestate.Closed)},
			"close query query",
		},
		{
			"when nothing vouches for it",
			[]reply{doubts(errcode.Timeout), later(wish, doubts("SERVICE_UNAVAILABLE")), states(tradestate.Closed)},
			"close query query",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway := script(t, tc.replies...)
				start := time.Now()
				got := closeA1(withLimit(t, 10*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop})
				gateway.wantAsked(tc.asked)
				if took := time.Since(start); took != wish || got.Outcome != order.OutcomeClosed {
					t.Errorf("ended as %s after %s, want closed after %s", got.Outcome, took, wish)
				}
			})
		})
	}
}

// The first pause is 0.2 s, a fifth shorter or longer at random. A call of two seconds has time for
// a fifth exchange only if pauses may be shorter.
func TestPauseIsShorterOrLonger(t *testing.T) {
	t.Parallel()
	shortest, longest := time.Hour, time.Duration(0)
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			gateway := script(t, doubts(errcode.Timeout), doubts(errcode.Timeout), states(tradestate.Closed))
			start := time.Now()
			closeA1(withLimit(t, 3*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop})
			took := time.Since(start)
			shortest, longest = min(shortest, took), max(longest, took)
		})
	}
	if shortest < 160*time.Millisecond || shortest > 180*time.Millisecond ||
		longest > 240*time.Millisecond || longest < 220*time.Millisecond {
		t.Errorf("pauses of %v to %v, want 160ms to 240ms", shortest, longest)
	}
}

// An attempt may take a third of what time remains, the reserve left aside: a
// close that hangs leaves time for a query, and that for one more.
func TestAttemptsShareWhatRemains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gateway := script(t, closingtest.Hangs, closingtest.Hangs, states(tradestate.Closed))
		closeA1(withLimit(t, 3*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop})
		gateway.wantAsked("close query query")
		// Half a second is kept for the reply: 2500 / 3, then 1667 / 3.
		want := []time.Duration{833 * time.Millisecond, 555 * time.Millisecond}
		for i, limit := range gateway.limits[:min(2, len(gateway.limits))] {
			if got := limit.Truncate(time.Millisecond); got != want[i] {
				t.Errorf("attempt %d could take %s, want %s", i+1, got, want[i])
			}
		}
	})
}

// Twice means twice running: what comes between starts the count anew.
func TestRepetitionIsBrokenByDoubt(t *testing.T) {
	t.Parallel()
	missing, rejected, doubt := says(verdict.SaysMissing, errcode.OrderNotExist), rejects(errcode.SignError), doubts(errcode.Timeout)
	for _, tc := range []struct {
		name    string
		replies []reply
		outcome order.Outcome
	}{
		{"missing, doubt, missing", []reply{missing, doubt, missing, states(tradestate.Closed)}, order.OutcomeClosed},
		{"missing, doubt, missing twice", []reply{missing, doubt, missing, missing}, order.OutcomeNotFound},
		{"rejected, doubt, rejected", []reply{rejected, doubt, rejected, states(tradestate.Closed)}, order.OutcomeClosed},
		{"rejected, doubt, rejected twice", []reply{rejected, doubt, rejected, rejected}, order.OutcomeUnknown},
		{"missing, rejected, missing, rejected", []reply{missing, rejected, missing, rejected, states(tradestate.Closed)}, order.OutcomeClosed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway := script(t, tc.replies...)
				got := closeA1(withLimit(t, 20*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop})
				if got.Outcome != tc.outcome || got.Attempts != len(tc.replies) {
					t.Errorf("ended as %s after %d attempts, want %s after %d", got.Outcome, got.Attempts, tc.outcome, len(tc.replies))
				}
			})
		})
	}
}

func TestRepetitionIsBrokenByDoubtInQueriesToo(t *testing.T) {
	t.Parallel()
	missing, rejected, doubt := says(verdict.SaysMissing, errcode.OrderNotExist), rejects(errcode.SignError), doubts(errcode.Timeout)
	for name, first := range map[string]reply{"missing": missing, "rejected": rejected} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway := script(t, first, doubt, first, states(tradestate.NotPay))
				querier := &closing.Querier{Gateway: gateway, Merchant: shop}
				got := querier.Query(withLimit(t, 20*time.Second), order.Params{OutTradeNo: "A1"})
				gateway.wantAsked("query query query query")
				if got.Outcome != order.OutcomeFound {
					t.Errorf("ended as %s, want found", got.Outcome)
				}
			})
		})
	}
}

// A refusal is for good when it comes for the same reason again; another reason
// starts anew, and so does a first one after it.
func TestReasonsInTurnAreNotARepetition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one, other, unpaid := says(verdict.Disputed, "TRADE_ERROR"), says(verdict.Disputed, "RULE_LIMIT"), states(tradestate.NotPay)
		gateway := script(t, one, unpaid, other, unpaid, one, unpaid, one)
		got := closeA1(withLimit(t, 30*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop})
		gateway.wantAsked("close query close query close query close")
		wantResult(t, got, order.OutcomeRefused, "SUCCESS", "FAIL", "TRADE_ERROR")
	})
}

// An unknown outcome repeats nothing that looks like knowledge: no state, no
// numbers, and no signature that might be checked and taken for proof of it.
func TestUnknownCarriesNoProof(t *testing.T) {
	t.Parallel()
	for name, replies := range map[string][]reply{
		"a state on its way": {doubts(errcode.Timeout), laden(states(tradestate.UserPaying))},
		"a state of no name": {doubts(errcode.Timeout), laden(states("MOON"))},
		"a refused query":    {doubts(errcode.Timeout), laden(says(verdict.Refused, errcode.NoAuth))},
		"a busy customer":    {laden(says(verdict.SaysPaying, "USERPAYING"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got := closeA1(withLimit(t, 3*time.Second), &closing.Closer{Gateway: forever(t, replies...), Merchant: shop})
				if got.Outcome != order.OutcomeUnknown || got.Proof != order.ProofNone {
					t.Fatalf("ended as %s with proof %s, want unknown without", got.Outcome, got.Proof)
				}
				if got.NonceStr+got.Sign+string(got.TradeState)+got.TransactionID != "" {
					t.Errorf("nonce %q, sign %q, state %q, transaction %q; want none of them", got.NonceStr, got.Sign, got.TradeState, got.TransactionID)
				}
			})
		})
	}
}

// Anyone may have written the pause that an unproved reply asks for: it may not
// keep a caller away for hours.
func TestUnprovedPauseIsCapped(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ told, want time.Duration }{
		{2 * time.Minute, 2 * time.Minute},
		{5 * time.Minute, 5 * time.Minute},
		{24 * time.Hour, 5 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			gateway := forever(t, later(tc.told, doubts("SERVICE_UNAVAILABLE")))
			got := closeA1(withLimit(t, 3*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop})
			if got.Outcome != order.OutcomeUnknown || got.RetryAfter != int64(tc.want.Seconds()) {
				t.Errorf("told %s: ended as %s with retryAfter = %d, want unknown with %s", tc.told, got.Outcome, got.RetryAfter, tc.want)
			}
		})
	}
}

// An order's age explains a refusal to close it. Where no close was refused there
// is nothing to explain, and a young order is closed like any other.
func TestYoungOrderIsClosedAgainUnlessDisputed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		replies []reply
	}{
		{"a close that was lost", []reply{doubts(errcode.Timeout), states(tradestate.NotPay), says(verdict.Accepted, "")}},
		{"a close that was turned away", []reply{rejects(errcode.SignError), states(tradestate.NotPay), says(verdict.Accepted, "")}},
		{"a customer that gave up", []reply{says(verdict.SaysPaying, "USERPAYING"), states(tradestate.NotPay), says(verdict.Accepted, "")}},
		{
			"a query that was disputed",
			[]reply{doubts(errcode.Timeout), says(verdict.Disputed, "NEW_CODE"), states(tradestate.NotPay), says(verdict.Accepted, "")},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway := script(t, tc.replies...)
				closer := &closing.Closer{Gateway: gateway, Merchant: shop}
				got := closer.Close(withLimit(t, 10*time.Second), order.Params{OutTradeNo: "A1", CreatedAt: time.Now()})
				wantResult(t, got, order.OutcomeClosed, "SUCCESS", "SUCCESS", "")
			})
		})
	}
}
