package orderfile

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Column is a parameter that an order is registered with: a flag, a column of a CSV file, a key of a
// JSON object.
type Column struct {
	Name    string // the parameter's, in snake_case
	Meaning bilingual.Text
	Set     func(p *order.Params, value string) *order.FieldError
}

// The parameters that are told from the others here.
const (
	outTradeNo = "out_trade_no"
	closeAt    = "close_at"
	total      = "total"
)

// columns are all of them; the first names the order.
var columns = []Column{
	{outTradeNo, bilingual.New("the merchant's own number", "商户订单号"), text(func(p *order.Params) *string { return &p.OutTradeNo })},
	{closeAt, bilingual.New("when to close it: a time (RFC 3339), or a number of seconds from its registration",
		"关单时间：RFC 3339 时间，或距登记的秒数"),
		text(func(p *order.Params) *string { return &p.CloseAt })},
	{"openid", bilingual.New("who may query and close it: a user's openid at sub_appid, or at WXPAY_APPID",
		"可查单、关单的用户：sub_appid 或 WXPAY_APPID 下的 openid"),
		text(func(p *order.Params) *string { return &p.OpenID })},
	{"owner", bilingual.New("the same for any user: wx:APPID:OPENID or tcb:UUID", "同上，可为任意用户：wx:APPID:OPENID 或 tcb:UUID"), setOwner},
	{total, bilingual.New("what is to be paid, in fen: a payment of another amount is told apart", "应付金额，单位为分：支付其他金额时会特别提示"), setTotal},
	{"created_at", bilingual.New("when the order was created (RFC 3339): it is not closed before it is five minutes old",
		"下单时间（RFC 3339）：不足五分钟不会关单"), setCreatedAt},
	{"sub_mch_id", bilingual.New("a service provider's sub-merchant; WXPAY_SUB_MCHID when left out", "服务商的子商户；不填则取 WXPAY_SUB_MCHID"),
		text(func(p *order.Params) *string { return &p.SubMchID })},
	{"sub_appid", bilingual.New("the sub-merchant's appid", "子商户的 appid"), text(func(p *order.Params) *string { return &p.SubAppID })},
	{"api", bilingual.New("dialect to close it in: v3, v2, wxcloudrun; the function's own when left out",
		"关单所用接口：v3, v2, wxcloudrun；不填则用函数自己的"),
		func(p *order.Params, value string) *order.FieldError { p.API = order.API(value); return nil }},
}

// Columns lists the parameters that an order is registered with; the first names the order.
func Columns() []Column { return slices.Clone(columns) }

// columnOf finds a column by its name in any spelling: out_trade_no, outTradeNo, Out-Trade-No.
func columnOf(name string) (Column, error) {
	names := make([]string, 0, len(columns))
	for _, c := range columns {
		if folded(c.Name) == folded(name) {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return Column{}, bilingual.Errorf("is nothing that an order is registered with; that is %s", "不是登记订单的字段；可用的有 %s",
		strings.Join(names, ", "))
}

func folded(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
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
	fen, err := strconv.ParseInt(value, 10, 64)
	if err != nil || fen < 0 {
		return order.ParamError(total, "must be a whole number of fen, such as 12345 for 123.45 yuan",
			"须为整数，单位为分，如 12345 表示 123.45 元")
	}
	p.Total = &fen
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

// NewEntry is schedule.NewEntry for an order that was read from a file or a terminal, where close_at
// must be given: an order that is closed at once because a column was empty cannot be opened again.
func NewEntry(m order.Merchant, p order.Params) (schedule.Entry, error) {
	if p.OutTradeNo != "" && p.CloseAt == "" {
		return schedule.Entry{}, order.ParamError(closeAt,
			"must be given: a time (RFC 3339), or a number of seconds from the registration", "必须提供：RFC 3339 时间，或距登记的秒数")
	}
	return schedule.NewEntry(m, p)
}
