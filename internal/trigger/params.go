package trigger

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// What is read of a caller's words is bounded in bytes and in keys. A call's
// parameters fit into a hundredth of either.
const (
	maxParams = 64 << 10
	maxKeys   = 256
)

// params is what a caller says.
type params struct {
	order.Params
	// operators are the parameters given that are not for users, by name.
	operators []string
	// token is the service_token given, "" when there was none. It is compared,
	// and goes nowhere else.
	token string
	// given holds the spelling that each parameter was given in, by its name.
	given map[string]string
}

// A parameter is one that callers may give, in both of CloudPay's spellings: the
// documentation's snake_case, and the camelCase that wx-server-sdk turns into it.
type parameter struct {
	snake, camel string
	operator     bool // not for users
	number       bool // may be a number in JSON too
	set          func(*params, string) *order.FieldError
	// setJSON is set's stead for the one parameter that is not a string.
	setJSON func(*order.Params, json.RawMessage) *order.FieldError
}

// serviceToken is the parameter that proves a service. Over HTTP the header does as well, and can
// be looked at before the body is there.
const (
	serviceToken       = "service_token"
	serviceTokenHeader = "cloudpay-service-token" // Cloudpay-Service-Token, in lower case as events have it
)

var parameters = []parameter{
	{snake: "sub_mch_id", camel: "subMchId", set: text(func(p *params) *string { return &p.SubMchID })},
	{snake: "sub_appid", camel: "subAppid", set: text(func(p *params) *string { return &p.SubAppID })},
	{snake: "out_trade_no", camel: "outTradeNo", set: text(func(p *params) *string { return &p.OutTradeNo })},
	{snake: "transaction_id", camel: "transactionId", set: text(func(p *params) *string { return &p.TransactionID })},
	{snake: "combine_out_trade_no", camel: "combineOutTradeNo", set: text(func(p *params) *string { return &p.CombineOutTradeNo })},
	{snake: "nonce_str", camel: "nonceStr", set: text(func(p *params) *string { return &p.NonceStr })},
	{snake: "close_at", camel: "closeAt", operator: true, number: true, set: text(func(p *params) *string { return &p.CloseAt })},
	{snake: "created_at", camel: "createdAt", operator: true, set: setCreatedAt},
	{snake: "openid", camel: "openId", operator: true, set: text(func(p *params) *string { return &p.OpenID })},
	{snake: "owner", camel: "owner", operator: true, set: setOwner},
	{snake: "total", camel: "total", operator: true, number: true, set: setTotal},
	{snake: "api", camel: "api", operator: true, set: func(p *params, v string) *order.FieldError {
		p.API = order.API(v)
		return nil
	}},
	{snake: "sub_orders", camel: "subOrders", setJSON: setSubOrders},
	{snake: serviceToken, camel: "serviceToken", set: text(func(p *params) *string { return &p.token })},
}

func text(field func(*params) *string) func(*params, string) *order.FieldError {
	return func(p *params, v string) *order.FieldError {
		*field(p) = v
		return nil
	}
}

func setCreatedAt(p *params, v string) *order.FieldError {
	if v == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return order.ParamError("created_at", `must be a time such as "2026-11-22T18:30:00+08:00" (RFC 3339)`,
			`须为 RFC 3339 时间，如 "2026-11-22T18:30:00+08:00"`)
	}
	p.CreatedAt = at
	return nil
}

func setOwner(p *params, v string) *order.FieldError {
	p.Owner = order.Owner(v)
	return p.Owner.Validate()
}

func setTotal(p *params, v string) *order.FieldError {
	if v == "" {
		return nil
	}
	total, err := strconv.ParseInt(v, 10, 64)
	if err != nil || total < 0 || v[0] == '+' {
		return order.ParamError("total", "must be a whole number of fen, such as 100", "须为整数，单位为分，如 100")
	}
	p.Total = &total
	return nil
}

// brokenRule is a FieldError for a rule that is worded already.
func brokenRule(field string, rule bilingual.Text) *order.FieldError {
	return &order.FieldError{Field: field, Rule: rule, Code: errcode.ParamError}
}

func tooLong(field string, length int) *order.FieldError {
	return brokenRule(field, bilingual.Sprintf("is %d bytes long; a call's parameters fit into %d",
		"长 %d 字节；一次调用的参数不超过 %d 字节", length, maxParams))
}

// notJSON is a FieldError for a text that the decoder could not read.
func notJSON(field string, err error) *order.FieldError {
	return brokenRule(field, bilingual.Sprintf("is not JSON: %v", "不是 JSON：%v", err))
}

// readParams reads a call's parameters. What platforms and clients add (userInfo,
// envName, …) is passed over; what looks like a parameter misspelt is not, since
// a parameter that is ignored may be the one that names the order. With a fault
// the params hold what was read before it.
func readParams(text []byte) (params, *order.FieldError) {
	var p params
	fault := p.readObject("event", text)
	return p, fault
}

// readObject reads parameters out of a JSON object, which faults call by its name.
func (p *params) readObject(name string, text []byte) *order.FieldError {
	if len(text) > maxParams {
		return tooLong(name, len(text))
	}
	if !utf8.Valid(text) {
		return order.ParamError(name, "is not UTF-8", "不是 UTF-8 编码")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if fault := opensObject(name, d); fault != nil {
		return fault
	}
	for keys := 1; d.More(); keys++ {
		if keys > maxKeys {
			return brokenRule(name, bilingual.Sprintf("has more than %d keys", "其键超过 %d 个", maxKeys))
		}
		key, value, err := member(d)
		if err != nil {
			return notJSON(name, err)
		}
		if fault := p.read(key, value); fault != nil {
			return fault
		}
	}
	if err := closesObject(d); err != nil {
		return notJSON(name, err)
	}
	return nil
}

// readText reads one parameter that came as a text, out of an address.
func (p *params) readText(key, value string) *order.FieldError {
	text, _ := json.Marshal(value)
	return p.read(key, text)
}

// opensObject wants the text to be an object, and says what it is instead.
func opensObject(name string, d *json.Decoder) *order.FieldError {
	want := bilingual.New("must be a JSON object with the call's parameters", "须为包含调用参数的 JSON 对象")
	t, err := d.Token()
	switch {
	case errors.Is(err, io.EOF):
		return brokenRule(name, bilingual.Sprintf("%s, and there is none", "%s，但内容为空", want))
	case err != nil:
		return brokenRule(name, bilingual.Sprintf("%s: %v", "%s：%v", want, err))
	case t == json.Delim('{'):
		return nil
	case t == json.Delim('['):
		return brokenRule(name, bilingual.Sprintf("%s, not an array", "%s，而不是数组", want))
	}
	return brokenRule(name, bilingual.Sprintf("%s, not %s", "%s，而不是%s", want, kindOf(t)))
}

func closesObject(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return bilingual.Errorf("its end is missing: %w", "缺少结尾：%w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return bilingual.Errorf("something follows its end", "结尾之后还有内容")
	}
	return nil
}

func member(d *json.Decoder) (string, json.RawMessage, error) {
	t, err := d.Token()
	if err != nil {
		return "", nil, bilingual.Errorf("reading a key: %w", "读取键：%w", err)
	}
	key, _ := t.(string) // an object's keys are strings, or Token fails
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return "", nil, bilingual.Errorf("reading the value of %q: %w", "读取 %q 的值：%w", clip(key), err)
	}
	return key, value, nil
}

func (p *params) read(key string, value json.RawMessage) *order.FieldError {
	known, fault := find(key)
	if known == nil {
		return fault
	}
	if other, twice := p.given[known.snake]; twice {
		return givenTwice(known.snake, other, key)
	}
	if p.given == nil {
		p.given = map[string]string{}
	}
	p.given[known.snake] = key
	if known.setJSON != nil {
		return known.setJSON(&p.Params, value)
	}
	s, fault := known.text(value)
	if fault != nil {
		return fault
	}
	if known.operator && s != "" {
		p.operators = append(p.operators, known.snake)
	}
	return known.set(p, s)
}

// text is a parameter's value as a string: what it is in JSON too, but for those that may be numbers.
func (p *parameter) text(value json.RawMessage) (string, *order.FieldError) {
	value = bytes.TrimSpace(value)
	if p.number && len(value) > 0 && (value[0] == '-' || '0' <= value[0] && value[0] <= '9') {
		return string(value), nil // the number as it was written: whether it is one that is wanted is for set to say
	}
	return asString(p.snake, value)
}

// asString takes a parameter's value: a string, or nothing.
func asString(name string, value json.RawMessage) (string, *order.FieldError) {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber() // whatever its size, it is only to be told that it is none of a string's business
	var v any
	if err := d.Decode(&v); err != nil {
		return "", notJSON(name, err)
	}
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", brokenRule(name, bilingual.Sprintf("must be a string, not %s", "须为字符串，而不是%s", kindOf(v)))
}

func kindOf(v any) bilingual.Text {
	switch v.(type) {
	case nil:
		return bilingual.Same("null")
	case bool:
		return bilingual.New("true or false", "true 或 false")
	case float64, json.Number:
		return bilingual.New("a number (put it between quotation marks)", "数字（请加引号）")
	case string:
		return bilingual.New("a string", "字符串")
	case []any:
		return bilingual.New("an array", "数组")
	}
	return bilingual.New("an object", "对象")
}

// find returns the parameter of that name, or a fault when the name looks like
// one that slipped, or neither for a name that is none of ours.
func find(key string) (*parameter, *order.FieldError) {
	for i, p := range parameters {
		if key == p.snake || key == p.camel {
			return &parameters[i], nil
		}
	}
	for _, p := range parameters {
		if slipped(key, p.snake) {
			return nil, brokenRule(clip(key), bilingual.Sprintf("is not a parameter; it is spelled %s", "不是参数；正确写法是 %s", spellings(p)))
		}
	}
	return nil, nil
}

// spellings are a parameter's, for somebody who missed them.
func spellings(p parameter) bilingual.Text {
	if p.snake == p.camel {
		return bilingual.Same(strconv.Quote(p.snake))
	}
	return bilingual.Sprintf("%q or %q", "%q 或 %q", p.snake, p.camel)
}

func givenTwice(name, one, other string) *order.FieldError {
	return brokenRule(name, bilingual.Sprintf("is given twice%s", "重复给出%s", inSpellings(one, other)))
}

// inSpellings says which two were given, where they differ.
func inSpellings(one, other string) bilingual.Text {
	if one == other {
		return bilingual.Text{}
	}
	return bilingual.Sprintf(", as %q and %q", "，分别写作 %q 和 %q", one, other)
}

// clip keeps a stranger's key from filling the reply.
func clip(key string) string {
	const most = 40
	printable := func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}
	return strings.Map(printable, strings.ToValidUTF8(key[:min(len(key), most)], "?"))
}
