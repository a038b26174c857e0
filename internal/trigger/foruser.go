package trigger

import (
	"regexp"
	"strings"
	"sync"

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

// settings matches the setting that an error names for the operator, in parentheses. It is compiled
// on first use: few calls need it, and every cold start would pay for it.
var settings = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(` \([^()]*(WXPAY|CLOUDPAY)_[^()]*\)|（[^（）]*(WXPAY|CLOUDPAY)_[^（）]*）`)
})

func withoutSettings(text string) string {
	if !strings.Contains(text, "PAY_") {
		return text
	}
	return settings().ReplaceAllString(text, "")
}
