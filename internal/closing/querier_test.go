package closing_test

import (
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

func TestQuery(t *testing.T) {
	t.Parallel()
	missing := says(verdict.SaysMissing, errcode.OrderNotExist)
	for _, tc := range []struct {
		name    string
		replies []reply
		asked   string
		outcome order.Outcome
		codes   string
		state   tradestate.State
	}{
		{"unpaid", []reply{states(tradestate.NotPay)}, "query", order.OutcomeFound, "SUCCESS/SUCCESS ", tradestate.NotPay},
		{"paid", []reply{states(tradestate.Success)}, "query", order.OutcomeFound, "SUCCESS/SUCCESS ", tradestate.Success},
		{"an undocumented state", []reply{states("MOON")}, "query", order.OutcomeFound, "SUCCESS/SUCCESS ", "MOON"},
		{"doubted, then stated", []reply{doubts(errcode.BadSignature), states(tradestate.Closed)}, "query query", order.OutcomeFound, "SUCCESS/SUCCESS ", tradestate.Closed},
		{"missing twice", []reply{missing, missing}, "query query", order.OutcomeNotFound, "SUCCESS/FAIL ORDERNOTEXIST", ""},
		{"missing, then there", []reply{missing, states(tradestate.NotPay)}, "query query", order.OutcomeFound, "SUCCESS/SUCCESS ", tradestate.NotPay},
		{"refused", []reply{says(verdict.Refused, errcode.NoAuth)}, "query", order.OutcomeRefused, "SUCCESS/FAIL NOAUTH", ""},
		{"disputed twice", []reply{says(verdict.Disputed, "NEW_CODE"), says(verdict.Disputed, "NEW_CODE")}, "query query", order.OutcomeRefused, "SUCCESS/FAIL NEW_CODE", ""},
		{"rejected twice", []reply{rejects(errcode.SignError), rejects(errcode.SignError)}, "query query", order.OutcomeUnknown, "FAIL/ SIGNERROR", ""},
		{"limited, then stated", []reply{limits(0), states(tradestate.NotPay)}, "query query", order.OutcomeFound, "SUCCESS/SUCCESS ", tradestate.NotPay},
		{"the customer is paying", []reply{says(verdict.SaysPaying, "USERPAYING"), states(tradestate.Success)}, "query query", order.OutcomeFound, "SUCCESS/SUCCESS ", tradestate.Success},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway := script(t, tc.replies...)
				querier := &closing.Querier{Gateway: gateway, Merchant: shop}
				got := querier.Query(withLimit(t, 10*time.Second), order.Params{OutTradeNo: "A1"})
				gateway.wantAsked(tc.asked)
				if codes := got.ReturnCode + "/" + got.ResultCode + " " + got.ErrCode; got.Outcome != tc.outcome || codes != tc.codes {
					t.Errorf("got %s %q, want %s %q", got.Outcome, codes, tc.outcome, tc.codes)
				}
				if got.TradeState != tc.state {
					t.Errorf("tradeState = %q, want %q", got.TradeState, tc.state)
				}
			})
		})
	}
}

func TestQueryAnswersInTime(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		reply   reply
		outcome order.Outcome
	}{
		{"it hangs", closingtest.Hangs, order.OutcomeUnknown},
		{"limited", limits(0), order.OutcomeTooSoon},
		{"limited for an hour", limits(time.Hour), order.OutcomeTooSoon},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				querier := &closing.Querier{Gateway: forever(t, tc.reply), Merchant: shop}
				got := querier.Query(withLimit(t, 3*time.Second), order.Params{TransactionID: "4200001"})
				if took := time.Since(start); took >= 3*time.Second || got.Outcome != tc.outcome || !got.Retryable {
					t.Errorf("ended as %s after %s, want %s in under 3s", got.Outcome, took, tc.outcome)
				}
			})
		})
	}
}

func TestQueryRefusesBadInputUnasked(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		params order.Params
		says   string
	}{
		{"neither id", order.Params{}, "one of out_trade_no and transaction_id"},
		{"both ids", order.Params{OutTradeNo: "A1", TransactionID: "42"}, "not both"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			gateway := script(t)
			got := (&closing.Querier{Gateway: gateway, Merchant: shop}).Query(t.Context(), tc.params)
			gateway.wantAsked("")
			if got.ReturnCode != "FAIL" || got.ErrCode != errcode.ParamError || !strings.Contains(got.ReturnMsg, tc.says) {
				t.Errorf("got %+v, want %q", got, tc.says)
			}
		})
	}
}
