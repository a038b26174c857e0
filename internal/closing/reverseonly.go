package closing

import (
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/order/verdict"
)

const (
	// microPay is the trade type of an order that was paid, or is to be paid, by payment code
	// (付款码).
	microPay = "MICROPAY"
	// reverseOnlySuffix ends the Request-ID of APIv3's refusal to close such an order, and
	// reverseOnlyWords are in the text of that refusal in any dialect (the list of internal codes
	// in WeChat Pay's troubleshooting guide). No signature covers the one, and the other is prose:
	// they choose a text here, and no outcome.
	reverseOnlySuffix = "-268449641"
	reverseOnlyWords  = "只能撤销"
)

// reverseOnlyText says why a payment-code order stays open. A reversal closes an unpaid order and
// returns the money of a paid one, and is no close.
const reverseOnlyText = "a payment-code order (MICROPAY) cannot be closed, only reversed. " +
	"A reversal moves money, so that the merchant has to request it / " +
	"付款码订单（MICROPAY）不能关单，只能撤销；撤销会退款，须由商户自行发起"

// isReverseOnly reports whether an answer shows an open payment-code order: a query by its trade
// type, or the refusal of a close by what WeChat Pay adds to its code.
func isReverseOnly(a order.Answer) bool {
	if a.Facts != nil {
		return a.Facts.TradeType == microPay && !a.Facts.TradeState.Paid() && !a.Facts.TradeState.Closed()
	}
	return a.Verdict == verdict.Disputed &&
		(strings.HasSuffix(a.RequestID, reverseOnlySuffix) || strings.Contains(a.Message, reverseOnlyWords))
}
