package app_test

import (
	"strings"
	"testing"

	"cloudpay/internal/app"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

// TestPaymentCodeOrders: in every dialect the close of an open payment-code order is refused, says
// in both languages that only a reversal is left, asks for none, and leaves the order as it is.
func TestPaymentCodeOrders(t *testing.T) {
	t.Parallel()
	for _, d := range dialects() {
		if d.combined {
			continue // no payment code pays for several merchants
		}
		for _, state := range []paygate.TradeState{paygate.StateNotPay, paygate.StatePayError} {
			t.Run(d.name+" "+string(state), func(t *testing.T) {
				t.Parallel()
				e := newDialectEnv(t, d)
				e.MustAddOrder(paygate.Order{
					MchID: e.Merchant.MchID, SubMchID: e.vars["WXPAY_SUB_MCHID"], OutTradeNo: theOrder, Total: 100, OpenID: openID,
					Region: e.region(), TradeType: "MICROPAY", State: state,
				})
				got := e.call(app.CloseOrder, map[string]any{"out_trade_no": theOrder}, patient)
				if got.Outcome != order.OutcomeRefused || got.ErrCode != "INVALID_REQUEST" || got.Retryable || got.Proof != d.proof ||
					!strings.Contains(got.ErrCodeDes, "only reversed") || !strings.Contains(got.ErrCodeDes, "只能撤销") {
					t.Errorf("got %+v, want a refusal that names the reversal", got)
				}
				if really := e.really(); really != state {
					t.Errorf("the order is %s, want it %s still", really, state)
				}
				for _, r := range e.Requests() {
					if r.Op != "close" && r.Op != "query" {
						t.Errorf("asked for %s: only closes and queries are this product's", r.Op)
					}
				}
			})
		}
	}
}
