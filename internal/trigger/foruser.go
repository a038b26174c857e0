package trigger

import (
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// forUser removes from a result what is the operator's business: addresses, key names, settings.
// The outcome and the codes stay.
func forUser(r order.Result) order.Result {
	if !operatorsBusiness(r) {
		r.ReturnMsg, r.ErrCodeDes = withoutSettings(r.ReturnMsg), withoutSettings(r.ErrCodeDes)
		return r
	}
	row, known := errcode.Lookup(r.ErrCode)
	if !known {
		row, _ = errcode.Lookup(errcode.GatewayRejected)
		r.ErrCode, r.GatewayCode = row.Name, ""
	}
	r.ErrCodeDes = row.Text()
	if r.ReturnCode == "FAIL" {
		r.ReturnMsg = r.ErrCodeDes
	}
	return r
}

// operatorsBusiness reports whether a result's text may be about the function rather than about the
// user's order: there was no trustworthy answer, or the gateway refused the merchant or its keys.
func operatorsBusiness(r order.Result) bool {
	switch {
	case r.ErrCode == errcode.ConfigError, errcode.IsOfMerchant(r.ErrCode):
		return true
	case r.ErrCode == errcode.NoAuth:
		return r.ReturnCode == "SUCCESS"
	}
	return r.ReturnCode == "FAIL" && r.Outcome != order.OutcomeRefused
}

// withoutSettings removes the settings that an error names for the operator: the parentheses, of
// either language, that hold a variable's name. A regular expression would be shorter, and would
// bring the package regexp into every function.
func withoutSettings(text string) string {
	text = withoutVariables(text, " (", ")")
	return withoutVariables(text, "（", "）")
}

// withoutVariables removes each innermost pair of parentheses that holds the name of a variable.
func withoutVariables(text, opening, closing string) string {
	before, rest, found := strings.Cut(text, opening)
	if !found {
		return text
	}
	inside, after, closed := strings.Cut(rest, closing)
	isInnermost := closed && !strings.Contains(inside, strings.TrimSpace(opening))
	if isInnermost && (strings.Contains(inside, "WXPAY_") || strings.Contains(inside, "CLOUDPAY_")) {
		return before + withoutVariables(after, opening, closing)
	}
	return before + opening + withoutVariables(rest, opening, closing)
}
