package closing_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
)

// statesOf is a query's answer about an order of a trade type.
func statesOf(tradeType string, s tradestate.State) reply {
	return func(ctx context.Context) order.Answer {
		a := states(s)(ctx)
		a.Facts.TradeType = tradeType
		return a
	}
}

// disputes is a refusal of a close with WeChat Pay's text and Request-ID.
func disputes(code, text, requestID string) reply {
	return func(ctx context.Context) order.Answer {
		a := says(verdict.Disputed, code)(ctx)
		a.Message, a.RequestID = text, requestID
		return a
	}
}

// A payment-code order's refusal says what is left to do, by the trade type of a signed query or by
// the refusal's Request-ID or text; that of any other order, and any other refusal, keeps its own
// text.
func TestPaymentCodeOrdersAreReversed(t *testing.T) {
	t.Parallel()
	const own = "无效请求"
	plain := disputes("INVALID_REQUEST", own, "08F7-0")
	numbered := disputes("INVALID_REQUEST", own, "08F7-268449641")
	worded := disputes("INVALID_REQUEST", "不允许普通关单(只能撤销)", "")
	for name, tc := range map[string]struct {
		replies []reply
		code    string
		reverse bool
	}{
		"by the trade type":         {[]reply{plain, statesOf("MICROPAY", tradestate.NotPay), plain}, "INVALID_REQUEST", true},
		"after a failed payment":    {[]reply{plain, statesOf("MICROPAY", tradestate.PayError), plain}, "INVALID_REQUEST", true},
		"by the Request-ID":         {[]reply{numbered, states(tradestate.NotPay), numbered}, "INVALID_REQUEST", true},
		"by the text":               {[]reply{worded, states(tradestate.NotPay), worded}, "INVALID_REQUEST", true},
		"another trade type":        {[]reply{plain, statesOf("JSAPI", tradestate.NotPay), plain}, "INVALID_REQUEST", false},
		"no trade type":             {[]reply{plain, states(tradestate.NotPay), plain}, "INVALID_REQUEST", false},
		"refused for another cause": {[]reply{plain, statesOf("MICROPAY", tradestate.NotPay), says(verdict.Refused, "NOAUTH")}, "NOAUTH", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				closer := &closing.Closer{Gateway: script(t, tc.replies...), Merchant: shop}
				got := closeA1(withLimit(t, 10*time.Second), closer)
				wantResult(t, got, order.OutcomeRefused, "SUCCESS", "FAIL", tc.code)
				english, chinese := strings.Contains(got.ErrCodeDes, "only reversed"), strings.Contains(got.ErrCodeDes, "只能撤销")
				if english != tc.reverse || chinese != tc.reverse {
					t.Errorf("got the text %q, want it to name the reversal: %t", got.ErrCodeDes, tc.reverse)
				}
			})
		})
	}
}

// A payment-code order that is being paid at this moment may end as paid, so that its close stays
// open and is called again.
func TestPaymentCodeOrderBeingPaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gateway := script(t, disputes("INVALID_REQUEST", "", "08F7-268449641"),
			statesOf("MICROPAY", tradestate.UserPaying), statesOf("MICROPAY", tradestate.Success))
		got := closeA1(withLimit(t, 10*time.Second), &closing.Closer{Gateway: gateway, Merchant: shop})
		wantResult(t, got, order.OutcomePaid, "SUCCESS", "FAIL", "ORDERPAID")
	})
}
