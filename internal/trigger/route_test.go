package trigger

import (
	"strings"
	"testing"

	"cloudpay/internal/order"
)

// TestNumbersAreThoseOfOrder holds isNumber to the rule that package order has for out_trade_no.
func TestNumbersAreThoseOfOrder(t *testing.T) {
	t.Parallel()
	merchant := order.Merchant{MchID: "1900000001", AppID: "wx1", API: order.V2, APIs: []order.API{order.V2}}
	texts := []string{"", "A1", strings.Repeat("9", 32), strings.Repeat("9", 33), strings.Repeat("关", 8), "a\xff"}
	for r := range rune(0x180) {
		texts = append(texts, "A"+string(r))
	}
	for _, text := range texts {
		_, err := merchant.CloseCall(order.Params{OutTradeNo: text})
		if got := isNumber(text); got != (err == nil) {
			t.Errorf("%q: got %t, and package order says %v", text, got, err)
		}
	}
}
