package order

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/typo"
)

// Parameter is one row of the table of parameters. All that depends on names comes from it: the
// keys of JSON objects and query strings, the columns of order files, the flags of the command line
// with their help, and the table in docs/api.md, which `make generate` writes.
//
// A new parameter is a new row and a field of Params. Columns and flags are those of Registered
// rows; other flags are named where the command is made. What the register is to keep has to be a
// field of schedule.Entry as well.
type Parameter struct {
	// Name is the documents' spelling, in snake_case. Also lists the other spellings: camelCase,
	// which wx-server-sdk makes of it, and for sub-orders the names of APIv2.
	Name string
	Also []string
	// Help is its one line of help, for flags and documents.
	Help bilingual.Text
	// Value is the form of a value, Close and Query say whether such a call has the parameter, and
	// Note is what else there is to know: all for docs/api.md, in Markdown. Example is a value.
	Value, Close, Query, Note, Example string
	// Required says that a sub-order must have it.
	Required bool
	// Number says that JSON may give it as a number too.
	Number bool
	// Switch says that it is true or false, in JSON without quotation marks too.
	Switch bool
	// Trusted says that only trusted callers may give it; from users it is refused with NOAUTH.
	Trusted bool
	// Registered says that orders are registered with it: it is a column of order files.
	Registered bool

	// field is its place in Params. A row has set instead, or as well, if a value must be parsed.
	field func(*Params) *string
	set   func(*Params, string) *FieldError
	// check returns an error for an ill-formed field; nil: set checks it, or package schedule.
	check func(region Region, name, value string) *FieldError
}

// Set reads one value, as it stands in a flag or in a cell of an order file. An empty value is not
// given. For sub_orders, Set adds one sub-order, which must not be empty.
func (p *Parameter) Set(params *Params, value string) *FieldError {
	if value == "" && p.Name != subOrders {
		return nil
	}
	if p.set != nil {
		return p.set(params, value)
	}
	*p.field(params) = value
	return nil
}

// OnBehalfOf is the parameter by which a trusted caller gives up all rights but one user's.
const OnBehalfOf = "on_behalf_of"

// The parameters that a Reader treats apart.
const (
	subOrders    = "sub_orders"
	serviceToken = "service_token"
	// serviceTokenHeader is the HTTP header for the same.
	serviceTokenHeader = "Cloudpay-Service-Token"
)

// Parameters returns the table, in the order of the documents.
func Parameters() []Parameter { return slices.Clone(parameters) }

// RegisteredParameter finds a parameter that orders are registered with by any spelling of its name
// (out_trade_no, outTradeNo, Out-Trade-No). The error says which there are.
func RegisteredParameter(name string) (Parameter, error) {
	folded := typo.Fold(name)
	var names []string
	for i := range parameters {
		switch p := &parameters[i]; {
		case !p.Registered:
		case p.Name == name, typo.Fold(p.Name) == folded:
			return *p, nil
		default:
			names = append(names, p.Name)
		}
	}
	return Parameter{}, bilingual.Errorf("is nothing that an order is registered with; that is %s", "不是登记订单的字段；可用的有 %s",
		strings.Join(names, ", "))
}

var parameters = []Parameter{
	{
		Name: "out_trade_no", Also: []string{"outTradeNo"}, Registered: true,
		Help:  bilingual.New("the merchant's number of the order", "商户订单号"),
		Value: "1 to 32 of `0-9 A-Z a-z _ - \\| * @`", Close: "one of the three", Query: "one of the three", Example: "A1",
		field: func(p *Params) *string { return &p.OutTradeNo }, check: everywhere(outTradeNo),
	},
	{
		Name: "transaction_id", Also: []string{"transactionId"},
		Help:  bilingual.New("WeChat Pay's number of the order", "微信支付订单号"),
		Value: "1 to 32 digits; overseas letters too", Close: "overseas only, in APIv3", Query: "one of the three",
		Example: "4200000001202611220000000001",
		Note:    "Overseas replies call it `id`. On the mainland only a paid order has one.",
		field:   func(p *Params) *string { return &p.TransactionID }, check: byRegion,
	},
	{
		Name: "combine_out_trade_no", Also: []string{"combineOutTradeNo"},
		Help:  bilingual.New("the number of a combined order (合单)", "合单订单号"),
		Value: "as `out_trade_no`", Close: "one of the three", Query: "one of the three", Example: "C1",
		Note:  "Needs `WXPAY_APPID`.",
		field: func(p *Params) *string { return &p.CombineOutTradeNo }, check: everywhere(outTradeNo),
	},
	{
		Name: subOrders, Also: []string{"subOrders"},
		Help:  bilingual.New("the orders of the combined order, all of them", "合单的全部子订单"),
		Value: "an array of 1 to 50 objects, see below", Close: "with `combine_out_trade_no`, required", Query: "with it, optional",
		set: addSubOrder,
	},
	{
		Name: "sub_mch_id", Also: []string{"subMchId"}, Registered: true,
		Help: bilingual.New("a service provider's sub-merchant; WXPAY_SUB_MCHID when left out",
			"服务商的子商户；不填则取 WXPAY_SUB_MCHID"),
		Value: "1 to 32 digits; overseas letters too", Close: "optional", Query: "optional", Example: "1900000109",
		Note: "One of `WXPAY_SUB_MCHIDS` if that is set. Direct merchants give their own number or nothing; so for combined orders, " +
			"which name their merchants themselves.",
		field: func(p *Params) *string { return &p.SubMchID }, check: byRegion,
	},
	{
		Name: "sub_appid", Also: []string{"subAppid"}, Registered: true,
		Help:  bilingual.New("the sub-merchant's appid", "子商户的 appid"),
		Value: "1 to 32 letters and digits", Close: "optional", Query: "optional", Example: "wx0123456789abcdef",
		Note: "Only APIv2 sends it on; `WXPAY_SUB_APPID` when absent and the sub-merchant is the default one. " +
			"Direct merchants give their own or nothing. Not with combined orders.",
		field: func(p *Params) *string { return &p.SubAppID }, check: everywhere(alphanumeric),
	},
	{
		Name: "nonce_str", Also: []string{"nonceStr"},
		Help:  bilingual.New("the first request's nonce; made when left out", "首次请求的随机串；不填则自动生成"),
		Value: "1 to 32 letters and digits", Close: "optional", Query: "optional", Example: "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
		Note:  "Each further request makes its own.",
		field: func(p *Params) *string { return &p.NonceStr }, check: everywhere(alphanumeric),
	},
	{
		Name: "at_once", Also: []string{"atOnce"}, Switch: true,
		Help:  bilingual.New("attempt the close of a young order now, too", "不足五分钟的订单也立即尝试关单"),
		Value: "`true`", Close: "optional", Query: "no effect", Example: "true",
		Note: "With a store the close of a registered order is `scheduled` otherwise, until the order is five minutes old. " +
			"WeChat Pay may refuse it before: `tooSoon`. Not with `close_at`, `change` and `withdraw`.",
		set: setSwitch("at_once", func(p *Params) *bool { return &p.AtOnce }),
	},
	{
		Name: "api", Trusted: true, Registered: true,
		Help:  bilingual.New("dialect: v3, v2, wxcloudrun; WXPAY_API when left out", "接口：v3, v2, wxcloudrun；不填则取 WXPAY_API"),
		Value: "`v2`, `v3` or `wxcloudrun`", Close: "optional", Query: "optional", Example: "v3",
		Note:  "One of those with credentials.",
		field: func(p *Params) *string { return (*string)(&p.API) },
		check: func(_ Region, _, value string) *FieldError { return API(value).Validate() },
	},
	{
		Name: "created_at", Also: []string{"createdAt"}, Trusted: true, Registered: true,
		Help: bilingual.New("when the order was created (RFC 3339): it is not closed before it is five minutes old",
			"下单时间（RFC 3339）：不足五分钟不会关单"),
		Value: "RFC 3339", Close: "optional", Query: "no effect", Example: "2026-11-22T18:30:00+08:00",
		Note: "Within these five minutes the close is `scheduled` for their end where there is a store; " +
			"without one a refusal is `tooSoon`.",
		set: setCreatedAt,
	},
	{
		Name: "close_at", Also: []string{"closeAt"}, Number: true, Trusted: true, Registered: true,
		Help: bilingual.New("when to close it: a time (RFC 3339), or a number of seconds from its registration",
			"关单时间：RFC 3339 时间，或距登记的秒数"),
		Value: "RFC 3339, or a number of seconds", Close: "optional", Query: "refused", Example: "1800",
		Note: "The order is registered and closed then, instead of now; needs a store (`CLOUDPAY_STORE`) and `out_trade_no`. " +
			"The same again changes nothing, but that an order that was given up is closed at once by the next sweep, " +
			"and that one that has ended is queried and answered as such, and not closed before its time: one that WeChat Pay " +
			"did not have and has now, unpaid, is registered anew. Other facts of a registered order are refused by name. " +
			"One that was withdrawn stays so (`again`).",
		field: func(p *Params) *string { return &p.CloseAt },
	},
	{
		Name: "openid", Also: []string{"openId"}, Trusted: true, Registered: true,
		Help: bilingual.New("the user that may query and close it, by openid at sub_appid, or at WXPAY_APPID",
			"可查单、关单的用户：sub_appid 或 WXPAY_APPID 下的 openid"),
		Value: "1 to 128 of `0-9 A-Z a-z _ -`", Close: "with `close_at`", Query: "no effect", Example: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
		field: func(p *Params) *string { return &p.OpenID }, check: everywhere(identity),
	},
	{
		Name: "owner", Trusted: true, Registered: true,
		Help:  bilingual.New("the same for any user: wx:APPID:OPENID or tcb:UUID", "同上，可为任意用户：wx:APPID:OPENID 或 tcb:UUID"),
		Value: "each part of `0-9 A-Z a-z _ -`", Close: "with `close_at`", Query: "no effect", Example: "tcb:0123-abc",
		Note: "Instead of `openid`.",
		set:  setOwner, field: func(p *Params) *string { return (*string)(&p.Owner) },
		check: func(_ Region, _, value string) *FieldError { return Owner(value).Validate() },
	},
	{
		Name: "total", Number: true, Trusted: true, Registered: true,
		Help: bilingual.New("what is to be paid, in fen: a payment of another amount is told apart",
			"应付金额，单位为分：支付其他金额时会特别提示"),
		Value: "a whole number", Close: "with `close_at`", Query: "no effect", Example: "12345",
		Note: "See [events.md](events.md).",
		set:  setTotal,
	},
	{
		Name: "overdue", Switch: true, Trusted: true, Registered: true,
		Help: bilingual.New("take a close_at that lies before created_at or more than a day back",
			"允许 close_at 早于 created_at，或已过去一天以上"),
		Value: "`true`", Close: "with `close_at`", Query: "no effect", Example: "true",
		Note: "Without it such a `close_at` is refused as a likely mistake. Any other one that is past is due at once.",
		set:  setSwitch("overdue", func(p *Params) *bool { return &p.Overdue }),
	},
	{
		Name: "again", Switch: true, Trusted: true, Registered: true,
		Help: bilingual.New("register an order anew that was withdrawn, or that WeChat Pay did not have",
			"重新登记已撤回的订单，或因微信支付无此订单而结束的订单"),
		Value: "`true`", Close: "with `close_at`", Query: "no effect", Example: "true",
		Note: "Without it a withdrawn order stays withdrawn, whatever `close_at` the call has, and the answer is `withdrawn`. " +
			"It is for a decision, and not for messages that a queue may deliver again: it undoes a later withdrawal, too.",
		set: setSwitch("again", func(p *Params) *bool { return &p.Again }),
	},
	{
		Name: "change", Switch: true, Trusted: true,
		Help:  bilingual.New("correct close_at, owner or total of a registered order that waits", "更正等待中订单的 close_at、owner 或 total"),
		Value: "`true`", Close: "with what changes", Query: "refused", Example: "true",
		Note: "Nothing is closed. The answer is `scheduled`, or `tooLate` when its closing has begun or it has ended.",
		set:  setSwitch("change", func(p *Params) *bool { return &p.Change }),
	},
	{
		Name: "withdraw", Switch: true, Trusted: true,
		Help:  bilingual.New("withdraw the registration of an order that waits: it is not closed", "撤回等待中订单的登记：不再关单"),
		Value: "`true`", Close: "optional", Query: "refused", Example: "true",
		Note: "The answer is `withdrawn`, or `tooLate`. It says nothing of payment: one that is verified later is recorded, with its event. " +
			"A registration that comes again does not undo it: `again` does, and so does closing the order now.",
		set: setSwitch("withdraw", func(p *Params) *bool { return &p.Withdraw }),
	},
	{
		Name: "changed_by", Also: []string{"changedBy"}, Trusted: true,
		Help:  bilingual.New("the name of the change's author, for its history", "变更人，记入变更历史"),
		Value: "1 to 64 of `0-9 A-Z a-z _ -`", Close: "with `change`, `withdraw` or `again`", Query: "no effect", Example: "order-service",
		Note:  "`service` when absent.",
		field: func(p *Params) *string { return &p.ChangedBy }, check: everywhere(changer),
	},
	{
		Name: OnBehalfOf, Also: []string{"onBehalfOf"}, Trusted: true,
		Help:  bilingual.New("the user that the call is made for: wx:APPID:OPENID or tcb:UUID", "代表哪个用户调用：wx:APPID:OPENID 或 tcb:UUID"),
		Value: "as `owner`", Close: "optional", Query: "optional", Example: "wx:wx0123456789abcdef:oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
		Note: "The answer is what that user would get: only orders registered in the user's name are closed and queried, and no other " +
			"parameter that is not for users is taken.",
		set: setOnBehalfOf,
	},
	{
		Name: serviceToken, Also: []string{"serviceToken"},
		Help:  bilingual.New("proves a service of the merchant's own", "证明调用方是商户自己的服务"),
		Value: "`CLOUDPAY_SERVICE_TOKEN`", Close: "optional", Query: "optional",
		Note: "Refused with `NOAUTH` when it is wrong. Never logged. " +
			"Over HTTP the header `Cloudpay-Service-Token` does the same.",
		set: func(*Params, string) *FieldError { return nil }, // only a Reader keeps it
	},
}

// subOrderParameters are the fields of a sub-order. They are set in the last one of Params.
var subOrderParameters = []Parameter{
	{
		Name: "mchid", Also: []string{"mch_id", "mchId"}, Required: true,
		Help:  bilingual.New("the merchant of this order", "该子订单的商户"),
		Value: "1 to 32 digits, required", Example: "1900000001",
		field: lastSubOrder(func(s *SubOrder) *string { return &s.MchID }), check: everywhere(digits),
	},
	{
		Name: "sub_mchid", Also: []string{"sub_mch_id", "subMchid", "subMchId"},
		Help:  bilingual.New("its sub-merchant", "其子商户"),
		Value: "1 to 32 digits; required from service providers", Example: "1900000109",
		Note:  "One of `WXPAY_SUB_MCHIDS` if that is set; in all of them or in none.",
		field: lastSubOrder(func(s *SubOrder) *string { return &s.SubMchID }), check: everywhere(digits),
	},
	{
		Name: "out_trade_no", Also: []string{"outTradeNo"}, Required: true,
		Help:  bilingual.New("the merchant's number of this order", "该子订单的商户订单号"),
		Value: "1 to 32 of `0-9 A-Z a-z _ - \\| * @`, required", Example: "C1-1",
		field: lastSubOrder(func(s *SubOrder) *string { return &s.OutTradeNo }), check: everywhere(outTradeNo),
	},
}

func lastSubOrder(field func(*SubOrder) *string) func(*Params) *string {
	return func(p *Params) *string { return field(&p.SubOrders[len(p.SubOrders)-1]) }
}

func everywhere(c charset) func(Region, string, string) *FieldError {
	return func(_ Region, name, value string) *FieldError { return c.check(name, value) }
}

func byRegion(r Region, name, value string) *FieldError { return numberOf(r).check(name, value) }

func setCreatedAt(p *Params, value string) *FieldError {
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return ParamError("created_at", "must be a time such as 2026-11-22T18:30:00+08:00 (RFC 3339)",
			"须为 RFC 3339 时间，如 2026-11-22T18:30:00+08:00")
	}
	p.CreatedAt = at
	return nil
}

func setOwner(p *Params, value string) *FieldError {
	p.Owner = Owner(value)
	return p.Owner.Validate()
}

func setOnBehalfOf(p *Params, value string) *FieldError {
	p.OnBehalfOf = Owner(value)
	fault := p.OnBehalfOf.Validate()
	if fault != nil {
		fault.Field = OnBehalfOf
	}
	return fault
}

// setTotal refuses a sign, which [strconv.ParseInt] takes: the same amount has one spelling, as in
// JSON, where +100 is no number.
func setTotal(p *Params, value string) *FieldError {
	total, err := strconv.ParseInt(value, 10, 64)
	if err != nil || total < 0 || value[0] == '+' {
		return ParamError("total", "must be a whole number of fen, such as 12345 for 123.45 yuan",
			"须为整数，单位为分，如 12345 表示 123.45 元")
	}
	p.Total = &total
	return nil
}

// setSwitch returns a setter of true and false.
func setSwitch(name string, field func(*Params) *bool) func(*Params, string) *FieldError {
	return func(p *Params, value string) *FieldError {
		if value != "true" && value != "false" {
			return ParamError(name, "must be true or false", "须为 true 或 false")
		}
		*field(p) = value == "true"
		return nil
	}
}

// addSubOrder reads a sub-order as the command line has it, such as mchid=1,out_trade_no=A1.
func addSubOrder(p *Params, text string) *FieldError {
	p.SubOrders = append(p.SubOrders, SubOrder{})
	given := map[string]bool{}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, isPair := strings.Cut(pair, "=")
		i := slices.IndexFunc(subOrderParameters, func(s Parameter) bool { return typo.Fold(s.Name) == typo.Fold(name) })
		if !isPair || i < 0 || given[subOrderParameters[i].Name] {
			return brokenRule(subOrders, bilingual.Sprintf(
				"must be mchid=…,out_trade_no=…, for a service provider also sub_mchid=…, not %q",
				"须为 mchid=…,out_trade_no=…，服务商还须 sub_mchid=…，而不是 %q", text))
		}
		given[subOrderParameters[i].Name] = true
		*subOrderParameters[i].field(p) = strings.TrimSpace(value)
	}
	return nil
}
