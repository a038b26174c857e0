package order

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/printable"
	"cloudpay/internal/typo"
)

// MaxObject is how many bytes a JSON object with parameters may have. A call's parameters fit into
// a hundredth of it.
const MaxObject = 64 << 10

// maxKeys is how many keys an object or a query string may have.
const maxKeys = 256

// Reader reads the parameters of one call, wherever they come from. A parameter that is given twice
// is refused, also in two spellings or in two places: which of two numbers names the order is not
// known.
//
// Names that are no parameter are passed over, since platforms and clients add theirs (userInfo,
// envName, …). A parameter with a typo is refused. After a fault the Reader keeps what was read
// before it.
type Reader struct {
	Params

	// Registering reads an order to be registered instead: only parameters that orders are
	// registered with, in any spelling. Every other name is refused.
	Registering bool
	// Trusted are the parameters given that only trusted callers may give, by name.
	Trusted []string
	// ServiceToken is the service_token given. It proves the caller and asks for nothing, so Params
	// does not have it.
	ServiceToken string

	// given has the spelling that each parameter was given in, by its name.
	given map[string]string
}

// Object reads the members of a JSON object. name is what faults call the object.
func (r *Reader) Object(name string, text []byte) *FieldError {
	switch {
	case len(text) > MaxObject:
		return brokenRule(name, bilingual.Sprintf("is %d bytes long; a call's parameters fit into %d",
			"长 %d 字节；一次调用的参数不超过 %d 字节", len(text), MaxObject))
	case !utf8.Valid(text):
		return ParamError(name, "is not UTF-8", "不是 UTF-8 编码")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if fault := openObject(name, d); fault != nil {
		return fault
	}
	if fault := members(name, d, r.member); fault != nil {
		return fault
	}
	if _, err := d.Token(); err != nil {
		return notJSON(name, bilingual.Errorf("its end is missing: %w", "缺少结尾：%w", err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return notJSON(name, bilingual.Errorf("something follows its end", "结尾之后还有内容"))
	}
	return nil
}

// Query reads the parameters of a query string, in which every value is a text.
func (r *Reader) Query(values map[string][]string) *FieldError {
	if len(values) > maxKeys {
		return brokenRule("query", bilingual.Sprintf("has more than %d names", "其参数超过 %d 个", maxKeys))
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if typo.Fold(key) == typo.Fold(serviceToken) || strings.EqualFold(key, serviceTokenHeader) {
			return ParamError(serviceToken, "must not be in an address, which is logged all along the way: "+
				"send it in the header Cloudpay-Service-Token or in the body, and change it, for it is no secret any more",
				"不可放在网址中，沿途都会记录网址：请放入请求头 Cloudpay-Service-Token 或请求体，并更换该令牌，它已不再保密")
		}
		for _, value := range values[key] {
			if fault := r.Text(key, value); fault != nil {
				return fault
			}
		}
	}
	return nil
}

// Text reads one parameter that is a text, out of an address.
func (r *Reader) Text(key, value string) *FieldError {
	p, fault := r.take(key)
	if p == nil {
		return fault
	}
	if p.Name == subOrders {
		return notSubOrders()
	}
	return r.set(p, value)
}

// member reads one member of a JSON object.
func (r *Reader) member(key string, value json.RawMessage) *FieldError {
	p, fault := r.take(key)
	if p == nil {
		return fault
	}
	if p.Name == subOrders {
		return r.subOrders(value)
	}
	text, fault := p.text(p.Name, value)
	if fault != nil {
		return fault
	}
	return r.set(p, text)
}

func (r *Reader) set(p *Parameter, value string) *FieldError {
	if p.Trusted && value != "" {
		r.Trusted = append(r.Trusted, p.Name)
	}
	if p.Name == serviceToken {
		r.ServiceToken = value
		return nil
	}
	return p.Set(&r.Params, value)
}

// take is find, and refuses a parameter that is given for the second time.
func (r *Reader) take(key string) (*Parameter, *FieldError) {
	p, fault := r.find(key)
	if p == nil {
		return nil, fault
	}
	if fault := r.once(p.Name, key); fault != nil {
		return nil, fault
	}
	return p, nil
}

// once notes that a parameter is given, and refuses the second time.
func (r *Reader) once(name, key string) *FieldError {
	other, twice := r.given[name]
	switch {
	case twice && other == key:
		return ParamError(name, "is given twice", "重复给出")
	case twice:
		return brokenRule(name, bilingual.Sprintf("is given twice, as %q and %q", "重复给出，分别写作 %q 和 %q", other, key))
	case r.given == nil:
		r.given = map[string]string{}
	}
	r.given[name] = key
	return nil
}

// find returns the parameter of that name, a fault for a name with a typo, or neither for a name
// that is to be passed over.
func (r *Reader) find(key string) (*Parameter, *FieldError) {
	if r.Registering {
		p, err := RegisteredParameter(key)
		if err != nil {
			return nil, brokenRule(short(key), bilingual.Wording(err))
		}
		return &p, nil
	}
	if p := spelled(parameters, key); p != nil {
		return p, nil
	}
	for i := range parameters {
		if p := &parameters[i]; typo.Is(key, p.Name) {
			return nil, brokenRule(short(key), bilingual.Sprintf("is not a parameter; it is spelled %s", "不是参数；正确写法是 %s", p.spellings()))
		}
	}
	return nil, nil
}

// spelled finds a parameter by one of its spellings; nil: there is none.
func spelled(in []Parameter, key string) *Parameter {
	for i := range in {
		if key == in[i].Name || slices.Contains(in[i].Also, key) {
			return &in[i]
		}
	}
	return nil
}

func (p *Parameter) spellings() bilingual.Text {
	if len(p.Also) == 0 {
		return bilingual.Same(strconv.Quote(p.Name))
	}
	return bilingual.Sprintf("%q or %q", "%q 或 %q", p.Name, p.Also[0])
}

// subOrders reads an array of objects.
func (r *Reader) subOrders(value json.RawMessage) *FieldError {
	var list []json.RawMessage
	if err := json.Unmarshal(value, &list); err != nil {
		return notSubOrders()
	}
	for i, text := range list {
		r.SubOrders = append(r.SubOrders, SubOrder{})
		if fault := r.subOrder(fmt.Sprintf("%s[%d]", subOrders, i), text); fault != nil {
			return fault
		}
	}
	return nil
}

// subOrder reads the members of one sub-order. It passes over no name: what is closed must be the
// whole of what was meant.
func (r *Reader) subOrder(where string, text json.RawMessage) *FieldError {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return notSubOrders()
	}
	return members(where, d, func(key string, raw json.RawMessage) *FieldError {
		p := spelled(subOrderParameters, key)
		if p == nil {
			return ParamError(where+"."+short(key), "is not a parameter; a sub-order has mchid, sub_mchid and out_trade_no",
				"不是参数；子订单有 mchid、sub_mchid 和 out_trade_no")
		}
		name := where + "." + p.Name
		if fault := r.once(name, key); fault != nil {
			return fault
		}
		value, fault := p.text(name, raw)
		if fault != nil {
			return fault
		}
		return p.Set(&r.Params, value)
	})
}

func notSubOrders() *FieldError {
	return ParamError(subOrders, `must be an array of objects such as {"mchid":"1900000001","out_trade_no":"A1"}`,
		`须为对象数组，如 {"mchid":"1900000001","out_trade_no":"A1"}`)
}

// text returns a value as a text: a string, null (as no text), or a number, true or false as it was
// written where the parameter may be one.
func (p *Parameter) text(name string, value json.RawMessage) (string, *FieldError) {
	if p.Number && (value[0] == '-' || '0' <= value[0] && value[0] <= '9') {
		return string(value), nil
	}
	if p.Switch && (value[0] == 't' || value[0] == 'f') {
		return string(value), nil
	}
	if value[0] == '"' || value[0] == 'n' {
		var text string
		_ = json.Unmarshal(value, &text) // the Decoder has read the value: it is JSON
		return text, nil
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber() // a number of any size is only to be refused
	t, _ := d.Token()
	return "", brokenRule(name, bilingual.Sprintf("must be a string, not %s", "须为字符串，而不是%s", kindOf(t)))
}

// openObject takes the beginning of an object, or says what is there instead.
func openObject(name string, d *json.Decoder) *FieldError {
	want := bilingual.New("must be a JSON object with the call's parameters", "须为包含调用参数的 JSON 对象")
	t, err := d.Token()
	switch {
	case errors.Is(err, io.EOF):
		return brokenRule(name, bilingual.Sprintf("%s, and there is none", "%s，但内容为空", want))
	case err != nil:
		return brokenRule(name, bilingual.Sprintf("%s: %v", "%s：%v", want, err))
	case t == json.Delim('{'):
		return nil
	}
	return brokenRule(name, bilingual.Sprintf("%s, not %s", "%s，而不是%s", want, kindOf(t)))
}

// members calls read with each member of the object that d is in.
func members(name string, d *json.Decoder, read func(key string, value json.RawMessage) *FieldError) *FieldError {
	for keys := 1; d.More(); keys++ {
		if keys > maxKeys {
			return brokenRule(name, bilingual.Sprintf("has more than %d keys", "其键超过 %d 个", maxKeys))
		}
		t, err := d.Token()
		if err != nil {
			return notJSON(name, bilingual.Errorf("reading a key: %w", "读取键：%w", err))
		}
		key, _ := t.(string) // an object's keys are strings, or Token fails
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return notJSON(name, bilingual.Errorf("reading the value of %q: %w", "读取 %q 的值：%w", short(key), err))
		}
		if fault := read(key, value); fault != nil {
			return fault
		}
	}
	return nil
}

func notJSON(name string, err error) *FieldError {
	return brokenRule(name, bilingual.Sprintf("is not JSON: %v", "不是 JSON：%v", err))
}

func kindOf(t json.Token) bilingual.Text {
	switch t {
	case nil:
		return bilingual.Same("null")
	case true, false:
		return bilingual.New("true or false", "true 或 false")
	case json.Delim('{'):
		return bilingual.New("an object", "对象")
	case json.Delim('['):
		return bilingual.New("an array", "数组")
	}
	if _, is := t.(string); is {
		return bilingual.New("a string", "字符串")
	}
	return bilingual.New("a number (put it between quotation marks)", "数字（请加引号）")
}

// short keeps a key that anyone may have written from filling the reply.
func short(key string) string { return printable.Short(key, 40) }
