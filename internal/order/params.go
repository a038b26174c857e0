package order

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order/errcode"
)

// Params is what a caller asks, in CloudPay's words, before anything is
// believed of it. Empty means not given.
type Params struct {
	// SubMchID is the merchant's number: CloudPay callers always send it. For a
	// service provider it names the sub-merchant, and a default may stand in.
	SubMchID string
	// SubAppID is the mini-program's appid (APIv2 sends it on for a service
	// provider; APIv3 has no use for it here).
	SubAppID string
	// OutTradeNo is the merchant's own number for the order.
	OutTradeNo string
	// TransactionID is WeChat Pay's number for the order. On the mainland only
	// paid orders have one, so it can be queried by but not closed by; overseas
	// (there it is called id) every order has one.
	TransactionID string
	// CombineOutTradeNo names a combined order (合单) instead; closing it names
	// its SubOrders too, all of them.
	CombineOutTradeNo string
	SubOrders         []SubOrder
	// NonceStr is used for the first attempt; each retry makes a fresh one.
	NonceStr string
	// API overrides the configured dialect.
	API API
	// CreatedAt says when the order was created, so that a refusal within its
	// first minutes can be told from one for good. Zero when not given.
	CreatedAt time.Time
	// CloseAt asks for a close later on instead of now, as it was given: a time
	// (RFC 3339) or a number of seconds from now.
	CloseAt string
	// Owner is the customer that a registered order is made for, or OpenID is
	// theirs, below SubAppID or our own appid.
	Owner  Owner
	OpenID string
	// Total is what a registered order costs, in fen; nil when not given.
	Total *int64
}

// SubOrder names one order of a combined order. MchID is the merchant's number, SubMchID the
// sub-merchant's where MchID is a service provider's.
type SubOrder struct {
	MchID      string `json:"mchId"`
	SubMchID   string `json:"subMchId,omitempty"`
	OutTradeNo string `json:"outTradeNo"`
}

// FieldError says which of the caller's words breaks which rule. It is found
// before the gateway is asked anything.
type FieldError struct {
	// Field is the parameter's name in snake_case.
	Field string
	// Rule says what is wrong and what would be right.
	Rule bilingual.Text
	// Code is CodeParamError, or CodeNoAuth when the words are well formed and
	// the caller may not use them.
	Code string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Rule.EN }

// Wording is the error in both languages.
func (e *FieldError) Wording() bilingual.Text {
	return bilingual.New(e.Error(), e.Field+"："+e.Rule.ZH)
}

// ParamError is a FieldError for words that are ill formed: the rule that they break, in English
// and Chinese.
func ParamError(field, en, zh string) *FieldError {
	return &FieldError{Field: field, Rule: bilingual.New(en, zh), Code: errcode.ParamError}
}

// brokenRule is ParamError for a rule that is worded already.
func brokenRule(field string, rule bilingual.Text) *FieldError {
	return &FieldError{Field: field, Rule: rule, Code: errcode.ParamError}
}

func missing(field string) *FieldError { return ParamError(field, "must be given", "必须提供") }

// MissingOutTradeNo is the FieldError for a call that names no order.
func MissingOutTradeNo() *FieldError {
	return ParamError("out_trade_no", "must be given: it names the order", "必须提供：它指明订单")
}

// numberOf is the rule for the numbers of a region's merchants.
func numberOf(r Region) charset {
	if r.Overseas() {
		return alphanumeric
	}
	return merchantNumber
}

// A charset is a rule for a parameter: what it may be made of, and the sentence
// that says so.
type charset struct {
	letters bool
	others  string
	most    int // maxLength when 0
	rule    bilingual.Text
}

var (
	// outTradeNo is the widest set any document allows (older APIv2 and CloudPay
	// pages add "@", new prepay pages ask for six characters at least): the
	// order exists already, under whatever rule it was made.
	outTradeNo = charset{letters: true, others: "_-|*@", rule: bilingual.New(
		"must be 1 to 32 characters of 0-9 A-Z a-z _ - | * @", "须为 1 至 32 个字符，限 0-9 A-Z a-z _ - | * @")}
	alphanumeric = charset{letters: true, rule: bilingual.New(
		"must be 1 to 32 characters of 0-9 A-Z a-z", "须为 1 至 32 个字符，限 0-9 A-Z a-z")}
	digits = charset{rule: bilingual.New("must be 1 to 32 digits", "须为 1 至 32 位数字")}
	// merchantNumber is the rule for the numbers of merchants and transactions on the mainland.
	merchantNumber = charset{rule: bilingual.New("must be 1 to 32 digits; letters too only overseas (WXPAY_REGION)",
		"须为 1 至 32 位数字；仅境外商户可含字母（WXPAY_REGION）")}
)

// maxLength is String(32), the length of every name in these protocols.
const maxLength = 32

// check returns nil for an empty value: whether a parameter must be given is
// another rule.
func (c charset) check(field, value string) *FieldError {
	if len(value) > cmp.Or(c.most, maxLength) {
		return brokenRule(field, bilingual.Sprintf("%s, not %d", "%s，而不是 %d 个", c.rule, len(value)))
	}
	for _, r := range value {
		if !c.allows(r) {
			return brokenRule(field, bilingual.Sprintf("%s; %q is none of them", "%s；%q 不在其中", c.rule, r))
		}
	}
	return nil
}

func (c charset) allows(r rune) bool {
	switch {
	case '0' <= r && r <= '9':
		return true
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
		return c.letters
	}
	return strings.ContainsRune(c.others, r)
}

// validate finds the first parameter that is ill formed whatever the merchant is.
func (p Params) validate(region Region) *FieldError {
	for i := range parameters {
		row := &parameters[i]
		if row.check == nil {
			continue
		}
		if fault := row.check(region, row.Name, *row.field(&p)); fault != nil {
			return fault
		}
	}
	return p.validateSubOrders(region)
}

// first returns the first of several checks that found something.
func first(checks ...*FieldError) *FieldError {
	for _, fault := range checks {
		if fault != nil {
			return fault
		}
	}
	return nil
}

// maxSubOrders is the most that any document allows (a service provider's; a
// merchant's own page says ten).
const maxSubOrders = 50

// validateSubOrders looks at each sub-order: WeChat Pay closes all of a combined
// order or none, and refuses a list that is not the one it was created with.
func (p Params) validateSubOrders(region Region) *FieldError {
	if len(p.SubOrders) > 0 && p.CombineOutTradeNo == "" {
		return ParamError(subOrders, "belong to a combined order: name it in combine_out_trade_no",
			"属于合单订单：请在 combine_out_trade_no 中指明合单订单号")
	}
	if len(p.SubOrders) > maxSubOrders {
		return brokenRule(subOrders, bilingual.Sprintf(
			"may be %d at most, not %d", "最多 %d 个，而不是 %d 个", maxSubOrders, len(p.SubOrders)))
	}
	for i := range p.SubOrders {
		this := Params{SubOrders: p.SubOrders[i : i+1]}
		for _, row := range subOrderParameters {
			name, value := fmt.Sprintf("%s[%d].%s", subOrders, i, row.Name), *row.field(&this)
			if row.Required && value == "" {
				return missing(name)
			}
			if fault := row.check(region, name, value); fault != nil {
				return fault
			}
		}
	}
	return nil
}
