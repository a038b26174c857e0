package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// fact is something that an order is registered with: a flag of add, a column of a CSV file, a key of a JSON object. Its name is
// the parameter's that closeorder takes.
type fact struct {
	name    string
	meaning bilingual.Text
	set     func(p *order.Params, value string) *order.FieldError
}

// facts are all of them; the first names the order.
var facts = []fact{
	{factOrder, words("the merchant's own number", "商户订单号"), text(func(p *order.Params) *string { return &p.OutTradeNo })},
	{factCloseAt, words("when to close it: a time (RFC 3339), or a number of seconds from its registration",
		"关单时间：RFC 3339 时间，或距登记的秒数"),
		text(func(p *order.Params) *string { return &p.CloseAt })},
	{"openid", words("who may query and close it: a user's openid at sub_appid, or at WXPAY_APPID",
		"可查单、关单的用户：sub_appid 或 WXPAY_APPID 下的 openid"),
		text(func(p *order.Params) *string { return &p.OpenID })},
	{"owner", words("the same for any user: wx:APPID:OPENID or tcb:UUID", "同上，可为任意用户：wx:APPID:OPENID 或 tcb:UUID"), setOwner},
	{"total", words("what is to be paid, in fen: a payment of another amount is told apart", "应付金额，单位为分：支付其他金额时会特别提示"), setTotal},
	{"created_at", words("when the order was created (RFC 3339): it is not closed before it is five minutes old",
		"下单时间（RFC 3339）：不足五分钟不会关单"), setCreatedAt},
	{"sub_mch_id", subMerchant,
		text(func(p *order.Params) *string { return &p.SubMchID })},
	{"sub_appid", words("the sub-merchant's appid", "子商户的 appid"), text(func(p *order.Params) *string { return &p.SubAppID })},
	{"api", bilingual.Sprintf("dialect to close it in: %s; the function's own when left out",
		"关单所用接口：%s；不填则用函数自己的", strings.Join(apis(), ", ")),
		func(p *order.Params, value string) *order.FieldError { p.API = order.API(value); return nil }},
}

// The facts that an order cannot do without.
const (
	factOrder   = "out_trade_no"
	factCloseAt = "close_at"
)

// factOf finds a fact by its name as anybody may spell it: out_trade_no, outTradeNo, Out-Trade-No.
func factOf(name string) (fact, error) {
	for _, f := range facts {
		if folded(f.name) == folded(name) {
			return f, nil
		}
	}
	return fact{}, bilingual.Errorf("is nothing that an order is registered with; that is %s", "不是登记订单的字段；可用的有 %s",
		strings.Join(factNames(), ", "))
}

func folded(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}

func factNames() []string {
	names := make([]string, 0, len(facts))
	for _, f := range facts {
		names = append(names, f.name)
	}
	return names
}

func text(field func(*order.Params) *string) func(*order.Params, string) *order.FieldError {
	return func(p *order.Params, value string) *order.FieldError {
		*field(p) = value
		return nil
	}
}

func setOwner(p *order.Params, value string) *order.FieldError {
	p.Owner = order.Owner(value)
	return p.Owner.Validate()
}

func setTotal(p *order.Params, value string) *order.FieldError {
	total, err := strconv.ParseInt(value, 10, 64)
	if err != nil || total < 0 {
		return order.ParamError("total", "must be a whole number of fen, such as 12345 for 123.45 yuan",
			"须为整数，单位为分，如 12345 表示 123.45 元")
	}
	p.Total = &total
	return nil
}

func setCreatedAt(p *order.Params, value string) *order.FieldError {
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return order.ParamError("created_at", "must be a time such as 2026-11-22T18:30:00+08:00 (RFC 3339)",
			"须为 RFC 3339 时间，如 2026-11-22T18:30:00+08:00")
	}
	p.CreatedAt = at
	return nil
}

// entryOf is an order as it is to be registered. When to close it has to be said: an order that is closed at once because a
// column was empty cannot be opened again.
func entryOf(m order.Merchant, p order.Params) (schedule.Entry, error) {
	if p.OutTradeNo != "" && p.CloseAt == "" {
		return schedule.Entry{}, order.ParamError(factCloseAt,
			"must be given: a time (RFC 3339), or a number of seconds from the registration", "必须提供：RFC 3339 时间，或距登记的秒数")
	}
	return schedule.NewEntry(m, p)
}

// laterFacts are what close registers an order with, besides what every call has.
func laterFacts() []fact {
	return slices.DeleteFunc(slices.Clone(facts), func(f fact) bool {
		return f.name != factCloseAt && f.name != "openid" && f.name != "owner" && f.name != "total"
	})
}

// withoutOrder are the facts but the order's number.
func withoutOrder() []fact {
	return slices.DeleteFunc(slices.Clone(facts), func(f fact) bool { return f.name == factOrder })
}
