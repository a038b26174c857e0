package paygate

// microPayRulesV2 are the elements of /pay/micropay besides those of every placing. It has no
// notify_url: nothing is notified, and the till queries. The form of the code has err_codes of its
// own; see checkAuthCode.
func microPayRulesV2() []ruleV2 {
	return []ruleV2{upTo("auth_code", 128).neededIf(true), upTo("scene_info", 256)}
}

// checkAuthCode refuses a text that no payment code is. That a code was used before is not noticed.
func checkAuthCode(code string) *refusal {
	if authCodeRule.MatchString(code) {
		return nil
	}
	return refuse(codeAuthCodeInvalid).because("the auth_code must be 18 digits that begin with 10 to 15")
}

// chargedV2 is what /pay/micropay answers behind its head if the order was paid at once: the
// transaction, without a trade_state.
func chargedV2(o *Order) fields {
	doc := append(paymentV2(o), couponsV2(o)...)
	return append(doc, field{"out_trade_no", o.OutTradeNo}, field{"attach", o.Attach}, field{"device_info", o.DeviceInfo})
}
