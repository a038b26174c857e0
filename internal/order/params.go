package order

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order/errcode"
)

// Params are the parameters of one call, as the caller gave them. They are not trusted and not
// checked; a zero field was not given. CloudPay's names and meanings are kept.
type Params struct {
	// SubMchID is the merchant's number, which CloudPay's callers always send. For a service
	// provider it is the sub-merchant's, and the configuration may have a default.
	SubMchID string
	// SubAppID is the mini-program's appid. Only APIv2 sends it, for a service provider.
	SubAppID string
	// OutTradeNo is the merchant's own number of the order.
	OutTradeNo string
	// TransactionID is WeChat Pay's number of the order. On the mainland only paid orders have one,
	// so it serves queries and no closes. Overseas, where it is called id, every order has one.
	TransactionID string
	// CombineOutTradeNo names a combined order (合单) instead. A close of one needs its SubOrders,
	// all of them.
	CombineOutTradeNo string
	SubOrders         []SubOrder
	// NonceStr is the nonce of the first attempt; each retry makes a fresh one.
	NonceStr string
	// API overrides the configured dialect.
	API API
	// CreatedAt is when the order was created. With it, a refusal within the order's first minutes
	// is told from a final one.
	CreatedAt time.Time
	// CloseAt defers the close: a time (RFC 3339) or a number of seconds from now, as it was given.
	CloseAt string
	// Owner is the customer of a registered order. OpenID gives the customer instead, below
	// SubAppID or our own appid.
	Owner  Owner
	OpenID string
	// Total is a registered order's price, in fen; nil when not given.
	Total *int64
	// Overdue takes a close_at that would be refused as a likely mistake: long past, or before
	// CreatedAt.
	Overdue bool
	// Again registers an order anew whose registration was withdrawn, or ended because WeChat Pay
	// had no such order.
	Again bool
	// Change corrects the registration of an order by CloseAt, Owner, OpenID and Total, and
	// Withdraw withdraws it. ChangedBy names the one that asks for it.
	Change, Withdraw bool
	ChangedBy        string
	// OnBehalfOf is the user that a trusted caller acts for. The call then reaches that user's own
	// orders only.
	OnBehalfOf Owner
	// AtOnce has a young order's close attempted now. Otherwise the register postpones it until
	// WeChat Pay takes it.
	AtOnce bool
}

// SubOrder names one order of a combined order. MchID is the merchant's number, SubMchID the
// sub-merchant's where MchID is a service provider's.
type SubOrder struct {
	MchID      string `json:"mchId"`
	SubMchID   string `json:"subMchId,omitempty"`
	OutTradeNo string `json:"outTradeNo"`
}

// FieldError is a parameter that breaks a rule. It is found before any request to the gateway.
type FieldError struct {
	// Field is the parameter's name in snake_case.
	Field string
	// Rule says what is wrong and what would be right.
	Rule bilingual.Text
	// Code is errcode.ParamError, or errcode.NoAuth when the value is well formed and the caller
	// may not give it.
	Code string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Rule.EN }

// Wording is the error in both languages.
func (e *FieldError) Wording() bilingual.Text {
	return bilingual.New(e.Error(), e.Field+"："+e.Rule.ZH)
}

// ParamError returns the FieldError of an ill-formed parameter, with the rule in English and
// Chinese.
func ParamError(field, en, zh string) *FieldError {
	return &FieldError{Field: field, Rule: bilingual.New(en, zh), Code: errcode.ParamError}
}

// brokenRule is ParamError for a rule that is in both languages already.
func brokenRule(field string, rule bilingual.Text) *FieldError {
	return &FieldError{Field: field, Rule: rule, Code: errcode.ParamError}
}

func missing(field string) *FieldError { return ParamError(field, "must be given", "必须提供") }

// MissingOutTradeNo returns the FieldError of a call that names no order.
func MissingOutTradeNo() *FieldError {
	return ParamError("out_trade_no", "must be given: it names the order", "必须提供：它指明订单")
}

// numberOf is the rule for merchant numbers of a region.
func numberOf(r Region) charset {
	if r.Overseas() {
		return alphanumeric
	}
	return merchantNumber
}

// charset is the rule for a parameter's characters and length, and the text that says it.
type charset struct {
	letters bool
	others  string
	most    int // characters; maxLength when 0
	rule    bilingual.Text
}

var (
	// outTradeNo is the widest set that a document allows: older APIv2 and CloudPay pages add "@",
	// new prepay pages ask for six characters at least. The order exists already, made by the rule
	// of its time.
	outTradeNo = charset{letters: true, others: "_-|*@", rule: bilingual.New(
		"must be 1 to 32 characters of 0-9 A-Z a-z _ - | * @", "须为 1 至 32 个字符，限 0-9 A-Z a-z _ - | * @")}
	alphanumeric = charset{letters: true, rule: bilingual.New(
		"must be 1 to 32 characters of 0-9 A-Z a-z", "须为 1 至 32 个字符，限 0-9 A-Z a-z")}
	changer = charset{letters: true, others: "_-", most: 64, rule: bilingual.New(
		"must be 1 to 64 characters of 0-9 A-Z a-z _ -", "须为 1 至 64 个字符，限 0-9 A-Z a-z _ -")}
	digits = charset{rule: bilingual.New("must be 1 to 32 digits", "须为 1 至 32 位数字")}
	// merchantNumber is the rule for merchants and transactions of the mainland.
	merchantNumber = charset{rule: bilingual.New("must be 1 to 32 digits; letters too only overseas (WXPAY_REGION)",
		"须为 1 至 32 位数字；仅境外商户可含字母（WXPAY_REGION）")}
)

// maxLength is String(32), the length of nearly every field in these protocols.
const maxLength = 32

// check returns nil for an empty value: whether a parameter is required is another rule.
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

// validate returns an error for the first ill-formed parameter. What depends on the merchant is
// checked in Merchant.complete.
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
	return first(p.validateAtOnce(), p.validateSubOrders(region))
}

// validateAtOnce refuses a call that asks for a close now and for something else instead.
func (p Params) validateAtOnce() *FieldError {
	if p.AtOnce && (p.CloseAt != "" || p.Change || p.Withdraw) {
		return ParamError("at_once", "is for closing now: leave it out, or close_at, change and withdraw",
			"用于立即关单：请去掉它，或去掉 close_at、change 与 withdraw")
	}
	return nil
}

// first returns the first error.
func first(checks ...*FieldError) *FieldError {
	for _, fault := range checks {
		if fault != nil {
			return fault
		}
	}
	return nil
}

// maxSubOrders is the most that a document allows, the service provider's. The merchants' page says
// ten.
const maxSubOrders = 50

// validateSubOrders checks each sub-order. WeChat Pay closes all of a combined order or none, and
// refuses a list other than the one that it was created with.
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
