package closing_test

import (
	"context"
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

func TestClose(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		replies    []reply
		asked      string
		outcome    order.Outcome
		returnCode string
		resultCode string
		errCode    string
	}{
		{
			"accepted",
			[]reply{says(verdict.Accepted, "")},
			"close", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"closed before",
			[]reply{says(verdict.SaysClosed, "ORDERCLOSED")},
			"close", order.OutcomeAlreadyClosed, "SUCCESS", "FAIL", "ORDERCLOSED",
		},
		{
			"paid, with the payment's facts",
			[]reply{says(verdict.SaysPaid, "ORDERPAID"), states(tradestate.Success)},
			"close query", order.OutcomePaid, "SUCCESS", "FAIL", "ORDERPAID",
		},
		{
			"paid and refunded since",
			[]reply{says(verdict.SaysPaid, "ORDERPAID"), states(tradestate.Refund)},
			"close query", order.OutcomePaid, "SUCCESS", "FAIL", "ORDERPAID",
		},
		{
			"paid, though the query is refused",
			[]reply{says(verdict.SaysPaid, "ORDERPAID"), says(verdict.Refused, errcode.NoAuth)},
			"close query", order.OutcomePaid, "SUCCESS", "FAIL", "ORDERPAID",
		},
		{
			"the reply is lost, the close was carried out",
			[]reply{doubts(errcode.NetworkError), states(tradestate.Closed)},
			"close query", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"the reply is lost, a payment came first",
			[]reply{doubts(errcode.NetworkError), states(tradestate.Success)},
			"close query", order.OutcomePaid, "SUCCESS", "FAIL", "ORDERPAID",
		},
		{
			"the request is lost, and sent again",
			[]reply{doubts(errcode.Timeout), states(tradestate.NotPay), says(verdict.Accepted, "")},
			"close query close", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"a failed payment is closed too",
			[]reply{doubts(errcode.SystemError), states(tradestate.PayError), says(verdict.Accepted, "")},
			"close query close", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"the customer is paying, and does",
			[]reply{says(verdict.SaysPaying, "USERPAYING"), states(tradestate.UserPaying), states(tradestate.Success)},
			"close query query", order.OutcomePaid, "SUCCESS", "FAIL", "ORDERPAID",
		},
		{
			"the customer is paying, and gives up",
			[]reply{says(verdict.SaysPaying, "USERPAYING"), states(tradestate.NotPay), says(verdict.Accepted, "")},
			"close query close", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"an unknown state is waited out",
			[]reply{doubts(errcode.Timeout), states("MOON"), states(tradestate.Revoked)},
			"close query query", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"no such order, said twice",
			[]reply{says(verdict.SaysMissing, errcode.OrderNotExist), says(verdict.SaysMissing, errcode.OrderNotExist)},
			"close query", order.OutcomeNotFound, "SUCCESS", "FAIL", "ORDERNOTEXIST",
		},
		{
			"no such order yet",
			[]reply{doubts(errcode.Timeout), says(verdict.SaysMissing, errcode.OrderNotExist), states(tradestate.Closed)},
			"close query query", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"disputed, and closed it is",
			[]reply{says(verdict.Disputed, "TRADE_ERROR"), states(tradestate.Closed)},
			"close query", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"disputed twice with the order unpaid between",
			[]reply{says(verdict.Disputed, "TRADE_ERROR"), states(tradestate.NotPay), says(verdict.Disputed, "TRADE_ERROR")},
			"close query close", order.OutcomeRefused, "SUCCESS", "FAIL", "TRADE_ERROR",
		},
		{
			"disputed for two reasons in turn",
			[]reply{
				says(verdict.Disputed, "TRADE_ERROR"), states(tradestate.NotPay),
				says(verdict.Disputed, "RULE_LIMIT"), states(tradestate.NotPay), says(verdict.Accepted, ""),
			},
			"close query close query close", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"refused for good",
			[]reply{says(verdict.Refused, errcode.ParamError)},
			"close", order.OutcomeRefused, "SUCCESS", "FAIL", "PARAM_ERROR",
		},
		{
			"asked too often, then not",
			[]reply{limits(0), says(verdict.Accepted, "")},
			"close close", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"an unsigned no to close and query",
			[]reply{rejects(errcode.SignError), rejects(errcode.SignError)},
			"close query", order.OutcomeUnknown, "FAIL", "", "SIGNERROR",
		},
		{
			"an unsigned no that a query does not meet",
			[]reply{rejects(errcode.SignError), states(tradestate.Closed)},
			"close query", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"a lost close, and a query that is refused",
			[]reply{doubts(errcode.Timeout), says(verdict.Refused, errcode.NoAuth)},
			"close query", order.OutcomeUnknown, "FAIL", "", "NOAUTH",
		},
		{
			"ORDERPAID, and the state says otherwise",
			[]reply{
				says(verdict.SaysPaid, "ORDERPAID"), states(tradestate.NotPay), says(verdict.Accepted, ""),
			},
			"close query close", order.OutcomeClosed, "SUCCESS", "SUCCESS", "",
		},
		{
			"a query that claims to have closed proves nothing",
			[]reply{doubts(errcode.Timeout), says(verdict.Accepted, ""), states(tradestate.Success)},
			"close query query", order.OutcomePaid, "SUCCESS", "FAIL", "ORDERPAID",
		},
		{
			"a statement without facts proves nothing",
			[]reply{doubts(errcode.Timeout), says(verdict.Stated, ""), states(tradestate.Success)},
			"close query query", order.OutcomePaid, "SUCCESS", "FAIL", "ORDERPAID",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway := script(t, tc.replies...)
				got := closeA1(withLimit(t, 10*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop})
				gateway.wantAsked(tc.asked)
				wantResult(t, got, tc.outcome, tc.returnCode, tc.resultCode, tc.errCode)
				if want := len(strings.Fields(tc.asked)); got.Attempts != want {
					t.Errorf("attempts = %d, want %d", got.Attempts, want)
				}
			})
		})
	}
}

// A paid order's result has the payment's facts, which the query brought, and the
// refusal in the gateway's own words.
func TestPaidKeepsTheRefusalsWords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gateway := script(t, says(verdict.SaysPaid, "ORDERPAID"), states(tradestate.Success))
		got := closeA1(withLimit(t, 10*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop})
		if got.GatewayCode != "ORDERPAID" || got.HTTPStatus != 200 || got.TransactionID != "4200001" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestCloseConfirmed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		replies []reply
		asked   string
		outcome order.Outcome
	}{
		{"accepted and stated", []reply{says(verdict.Accepted, ""), states(tradestate.Closed)}, "close query", order.OutcomeClosed},
		{
			"accepted, and unpaid for a moment",
			[]reply{says(verdict.Accepted, ""), states(tradestate.NotPay), states(tradestate.Closed)},
			"close query query", order.OutcomeClosed,
		},
		{
			"closed before, and stated",
			[]reply{says(verdict.SaysClosed, "ORDERCLOSED"), states(tradestate.Closed)},
			"close query", order.OutcomeAlreadyClosed,
		},
		{"accepted, and paid it is", []reply{says(verdict.Accepted, ""), states(tradestate.Success)}, "close query", order.OutcomePaid},
		{
			"accepted, and the query is refused",
			[]reply{says(verdict.Accepted, ""), says(verdict.Refused, errcode.NoAuth)},
			"close query", order.OutcomeUnknown,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway := script(t, tc.replies...)
				closer := &closing.Closer{Gateway: gateway, Merchant: shop, Confirm: true}
				got := closeA1(withLimit(t, 10*time.Second), closer)
				gateway.wantAsked(tc.asked)
				if got.Outcome != tc.outcome {
					t.Errorf("outcome = %s, want %s", got.Outcome, tc.outcome)
				}
			})
		})
	}
}

// A signed ORDERPAID names no order: under Confirm the order's own state must say
// so too, and a signed state that fits it ill counts for more.
func TestOrderPaidIsConfirmedToo(t *testing.T) {
	t.Parallel()
	paid := says(verdict.SaysPaid, "ORDERPAID")
	for _, tc := range []struct {
		name    string
		confirm bool
		replies []reply
		outcome order.Outcome
	}{
		{"the query hangs", false, []reply{paid, closingtest.Hangs}, order.OutcomePaid},
		{"the query hangs, under Confirm", true, []reply{paid, closingtest.Hangs}, order.OutcomeUnknown},
		{"the query is refused", false, []reply{paid, says(verdict.Refused, errcode.NoAuth)}, order.OutcomePaid},
		{"the query is refused, under Confirm", true, []reply{paid, says(verdict.Refused, errcode.NoAuth)}, order.OutcomeUnknown},
		{"no such order, says the query", false, []reply{paid, says(verdict.SaysMissing, errcode.OrderNotExist)}, order.OutcomeUnknown},
		{"the state is confirmed", true, []reply{paid, states(tradestate.Success)}, order.OutcomePaid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				closer := &closing.Closer{Gateway: forever(t, tc.replies...), Merchant: shop, Confirm: tc.confirm}
				if got := closeA1(withLimit(t, 3*time.Second), closer); got.Outcome != tc.outcome {
					t.Errorf("outcome = %s, want %s", got.Outcome, tc.outcome)
				}
			})
		})
	}
}

// However long the platform would wait, the gateway is not asked without end.
func TestCallsAreBounded(t *testing.T) {
	t.Parallel()
	for name, replies := range map[string][]reply{
		"limited":           {limits(0)},
		"in doubt":          {doubts(errcode.SystemError)},
		"close and query":   {doubts(errcode.SystemError), states(tradestate.NotPay)},
		"being paid":        {says(verdict.SaysPaying, "USERPAYING"), states(tradestate.UserPaying)},
		"limited, unsigned": {doubts(errcode.FrequencyLimited)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway := forever(t, replies...)
				start := time.Now()
				got := closeA1(withLimit(t, 15*time.Minute), &closing.Closer{Gateway: gateway, Merchant: shop})
				if took := time.Since(start); got.Attempts > 40 || took > time.Minute {
					t.Errorf("%d attempts in %s", got.Attempts, took)
				}
				if limited := strings.HasPrefix(name, "limited"); limited && got.RetryAfter == 0 {
					t.Errorf("asked too often, and the caller is not told when to come back: %+v", got)
				}
			})
		})
	}
}

// A close is begun only while a query still fits behind it.
func TestNoCloseWithoutAQuery(t *testing.T) {
	t.Parallel()
	for limit := 60 * time.Millisecond; limit < 6*time.Second; limit += 70 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			gateway := forever(t, closingtest.Hangs, states(tradestate.NotPay), closingtest.Hangs)
			closeA1(withLimit(t, limit), &closing.Closer{Gateway: gateway, Merchant: shop})
			if n := len(gateway.asked); n > 0 && gateway.asked[n-1] == "close" {
				t.Errorf("within %s the last that was asked was a close: %v", limit, gateway.asked)
			}
		})
	}
}

func TestWhyNothingIsKnown(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		confirm bool
		replies []reply
		code    string
	}{
		{"accepted, and never stated", true, []reply{says(verdict.Accepted, ""), states(tradestate.NotPay)}, errcode.Unconfirmed},
		{"an unknown state", false, []reply{doubts(errcode.Timeout), states("MOON")}, "UNSETTLED_STATE"},
		{"accepted for deduction", false, []reply{doubts(errcode.Timeout), states(tradestate.Accept)}, "UNSETTLED_STATE"},
		{"being paid", false, []reply{doubts(errcode.Timeout), states(tradestate.UserPaying)}, "USERPAYING"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				closer := &closing.Closer{Gateway: forever(t, tc.replies...), Merchant: shop, Confirm: tc.confirm}
				got := closeA1(withLimit(t, 3*time.Second), closer)
				if got.Outcome != order.OutcomeUnknown || got.ErrCode != tc.code {
					t.Errorf("got %s %s, want unknown %s", got.Outcome, got.ErrCode, tc.code)
				}
			})
		})
	}
}

// A query's dispute says nothing of the close: the close was not refused.
func TestAQuerysDisputeIsNotTheCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		gateway := script(t, doubts(errcode.Timeout), says(verdict.Disputed, "NEW_CODE"), states(tradestate.NotPay), says(verdict.Accepted, ""))
		closer := &closing.Closer{Gateway: gateway, Merchant: shop, Now: func() time.Time { return now }}
		got := closer.Close(withLimit(t, 10*time.Second), order.Params{OutTradeNo: "A1", CreatedAt: now})
		if got.Outcome != order.OutcomeClosed {
			t.Errorf("outcome = %s, want closed", got.Outcome)
		}
	})
}

func TestCloseUnconfirmedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gateway := forever(t, says(verdict.Accepted, ""), states(tradestate.NotPay))
		got := closeA1(withLimit(t, 3*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop, Confirm: true})
		if got.Outcome != order.OutcomeUnknown || got.TradeState != "" || got.Sign != "" {
			t.Errorf("a close that no state confirms ended as %+v", got)
		}
	})
}

// The whole point of the time budget: whatever the gateway does, the caller is
// answered before the platform kills the function.
func TestCloseAnswersInTime(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		replies []reply
		outcome order.Outcome
		errCode string
	}{
		{"it hangs", []reply{closingtest.Hangs}, order.OutcomeUnknown, errcode.Timeout},
		{"it hangs, and the query is answered", []reply{closingtest.Hangs, states(tradestate.Closed)}, order.OutcomeClosed, ""},
		{"it cannot be reached", []reply{doubts(errcode.NetworkError)}, order.OutcomeUnknown, errcode.NetworkError},
		{"it is slow to fail", []reply{after(20*time.Millisecond, doubts(errcode.SystemError))}, order.OutcomeUnknown, errcode.SystemError},
		{"it says FREQUENCY_LIMITED for ever", []reply{limits(0)}, order.OutcomeTooSoon, errcode.FrequencyLimited},
		{"it says to come back in an hour", []reply{limits(time.Hour)}, order.OutcomeTooSoon, errcode.FrequencyLimited},
		{"the customer is paying for ever", []reply{says(verdict.SaysPaying, "USERPAYING"), states(tradestate.UserPaying)}, order.OutcomeUnknown, "USERPAYING"},
		{"paid, and the query hangs", []reply{says(verdict.SaysPaid, "ORDERPAID"), closingtest.Hangs}, order.OutcomePaid, "ORDERPAID"},
		{"paid, and its query never says so", []reply{says(verdict.SaysPaid, "ORDERPAID"), states(tradestate.UserPaying)}, order.OutcomeUnknown, "USERPAYING"},
	} {
		for _, limit := range []time.Duration{50 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second, 15 * time.Minute} {
			t.Run(tc.name+" within "+limit.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					gateway := forever(t, tc.replies...)
					start := time.Now()
					got := closeA1(withLimit(t, limit), &closing.Closer{Gateway: gateway, Merchant: shop})
					if took := time.Since(start); took >= limit {
						t.Errorf("answered after %s, and the platform's limit is %s", took, limit)
					}
					for i, attempt := range gateway.limits {
						if attempt > 4*time.Second {
							t.Errorf("attempt %d could take %s", i+1, attempt)
						}
					}
					if limit >= 3*time.Second && (got.Outcome != tc.outcome || got.ErrCode != tc.errCode) {
						t.Errorf("got %s %s, want %s %s", got.Outcome, got.ErrCode, tc.outcome, tc.errCode)
					}
				})
			})
		}
	}
}

func TestCloseWithoutDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		got := closeA1(t.Context(), &closing.Closer{Gateway: forever(t, closingtest.Hangs), Merchant: shop})
		if took := time.Since(start); took > 15*time.Second || got.Outcome != order.OutcomeUnknown {
			t.Errorf("ended as %s after %s", got.Outcome, took)
		}
	})
}

func TestCloseStopsWhenCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		gateway := forever(t, func(context.Context) order.Answer {
			cancel()
			return order.Answer{Verdict: verdict.Doubted, Code: errcode.NetworkError}
		})
		start := time.Now()
		got := closeA1(ctx, &closing.Closer{Gateway: gateway, Merchant: shop})
		gateway.wantAsked("close")
		if got.Outcome != order.OutcomeUnknown || time.Since(start) != 0 {
			t.Errorf("ended as %s after %s", got.Outcome, time.Since(start))
		}
	})
}

func TestTooSoon(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		age        time.Duration
		outcome    order.Outcome
		retryAfter int64
	}{
		{"two minutes old", 2 * time.Minute, order.OutcomeTooSoon, 180},
		{"made this second", 0, order.OutcomeTooSoon, 300},
		{"its clock is ahead of ours", -time.Hour, order.OutcomeTooSoon, 300},
		{"old enough", 5 * time.Minute, order.OutcomeRefused, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				now := time.Now()
				gateway := forever(t, says(verdict.Disputed, "TRADE_ERROR"), states(tradestate.NotPay), says(verdict.Disputed, "TRADE_ERROR"))
				closer := &closing.Closer{Gateway: gateway, Merchant: shop, Now: func() time.Time { return now }}
				got := closer.Close(withLimit(t, 10*time.Second), order.Params{OutTradeNo: "A1", CreatedAt: now.Add(-tc.age)})
				wantResult(t, got, tc.outcome, "SUCCESS", "FAIL", "TRADE_ERROR")
				if got.RetryAfter != tc.retryAfter || got.Retryable != (tc.retryAfter > 0) {
					t.Errorf("retryAfter = %d, retryable = %v; want %d", got.RetryAfter, got.Retryable, tc.retryAfter)
				}
			})
		})
	}
}

// What ends a call ends it at once, whatever the gateway would have us wait for.
func TestAnEndIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for _, v := range []verdict.Verdict{verdict.SaysClosed, verdict.Refused} {
		synctest.Test(t, func(t *testing.T) {
			gateway := script(t, func(context.Context) order.Answer {
				return order.Answer{Verdict: v, Code: errcode.NoAuth, Proof: order.ProofSignature, RetryAfter: 5 * time.Second, Route: order.RouteOwn, Fresh: true}
			})
			start := time.Now()
			got := closeA1(withLimit(t, 30*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop})
			if took := time.Since(start); took != 0 {
				t.Errorf("%s was answered after %s", got.Outcome, took)
			}
		})
	}
}

func TestLimitedSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ told, want time.Duration }{{0, time.Minute}, {30 * time.Second, 30 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			got := closeA1(withLimit(t, 3*time.Second), &closing.Closer{Gateway: forever(t, limits(tc.told)), Merchant: shop})
			if got.RetryAfter != int64(tc.want.Seconds()) {
				t.Errorf("told %s, retryAfter = %d, want %s", tc.told, got.RetryAfter, tc.want)
			}
		})
	}
}

func TestGivenNonceIsForTheFirstAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gateway := script(t, doubts(errcode.Timeout), states(tradestate.NotPay), says(verdict.Accepted, ""))
		closer := &closing.Closer{Gateway: gateway, Merchant: shop}
		closer.Close(withLimit(t, 10*time.Second), order.Params{OutTradeNo: "A1", NonceStr: "mine"})
		for i, want := range []string{"mine", "", ""} {
			if got := gateway.calls[i].Nonce; got != want {
				t.Errorf("attempt %d has nonce %q, want %q", i+1, got, want)
			}
		}
	})
}

func TestCloseRefusesBadInputUnasked(t *testing.T) {
	t.Parallel()
	partner := order.Merchant{
		Partner: true, AppID: "wx1", MchID: "1900000100", SubMchIDs: []string{"1900000109"},
		API: order.V2, APIs: []order.API{order.V2},
	}
	for _, tc := range []struct {
		name     string
		merchant order.Merchant
		params   order.Params
		errCode  string
		says     string
	}{
		{"no order", shop, order.Params{}, "PARAM_ERROR", "out_trade_no: must be given"},
		{"a transaction", shop, order.Params{TransactionID: "42"}, "PARAM_ERROR", "transaction_id: an order is closed by its out_trade_no"},
		{"a stranger", partner, order.Params{OutTradeNo: "A1", SubMchID: "1900000666"}, "NOAUTH", "sub_mch_id: is not one of"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			gateway := script(t)
			got := (&closing.Closer{Gateway: gateway, Merchant: tc.merchant}).Close(t.Context(), tc.params)
			gateway.wantAsked("")
			if got.ReturnCode != "FAIL" || got.ResultCode != "" || got.ErrCode != tc.errCode || got.Outcome != order.OutcomeRefused {
				t.Errorf("got %+v", got)
			}
			if !strings.Contains(got.ReturnMsg, tc.says) {
				t.Errorf("returnMsg = %q, want %q in it", got.ReturnMsg, tc.says)
			}
		})
	}
}
