package event

import (
	"bytes"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
)

// The bounds of an event. The platforms' own limit is 6 MB for a synchronous call (SCF doc
// 583/11637, AWS's Lambda quotas). A larger event is scanned up to maxScan all the same, so that
// its refusal has its trigger's form. No platform's event has half as many keys, or is half as
// deep.
const (
	maxEvent   = 6 << 20
	maxScan    = 16 << 20
	maxRecords = 10_000 // SQS's largest batch

	maxKeys  = 256       // of the event itself
	maxDepth = 64        // of its values, against a stack that grows with the caller's brackets
	maxNames = 256       // of headers, of one header's values, of a query's parameters, of claims
	maxHead  = 256 << 10 // bytes of each of those; the platforms' servers take less
)

// A codec reads one platform's shape.
type codec interface {
	// matches reports whether the event has this platform's marks. It looks at what split filed,
	// and faults nothing.
	matches(p *parts) bool
	// read fills the part of e that belongs to its Kind. A fault is left in p.
	read(p *parts, e *Event)
}

// codecs are tried in this order, and the first of an event's Kind reads it: the marks of a
// function URL's event are on an API gateway's too.
var codecs = []struct {
	Kind

	form string
	codec
}{
	{HTTP, formAWSHTTP, awsHTTP{}},
	{HTTP, formAPIGateway, apiGateway{}},
	{HTTP, formTCBHTTP, access{}},
	{HTTP, formAWSREST, awsREST{}},
	{HTTP, formFunctionURL, functionURL{}},
	{Timer, formSCFTimer, scfTimer{}},
	{Timer, formEventBridge, eventBridge{}},
	{Queue, formCKafka, ckafka{}},
	{Queue, formCMQ, cmq{}},
	{Queue, formTDMQ, tdmq{}},
	{Queue, formSQS, sqs{}},
	{Foreign, formForeign, foreign{}},
}

// Decode decodes an event. With a Fault, the Event has its Kind and Form as far as they could be
// told (a call otherwise), so that the refusal has the trigger's form, and UserInfo and HTTPShaped;
// the rest is zero. The Event may share memory with payload.
//
// A platform's keys count in the platform's spelling only; those of UserInfo and HTTPShaped, which
// lower trust, in any case of letters.
func Decode(payload []byte) (Event, *Fault) {
	var p parts
	p.split(payload)
	e := Event{Kind: Call, Form: formCall, UserInfo: p.userInfo, HTTPShaped: p.httpShaped}
	if p.fields == nil { // a cloud call, which has none of the platforms' keys
		return e, p.fault
	}
	return decodeParts(p, e)
}

// decodeParts takes a copy of p, so that the original can stay on the stack of a cloud call.
func decodeParts(p parts, e Event) (Event, *Fault) {
	if raw := p.fields.get("requestContext"); typeOf(raw) == anObject {
		p.context = p.pick("requestContext", raw, contextKey)
	}
	p.record = firstRecord(p.fields.get("Records"))
	var read codec
	for _, c := range codecs {
		switch {
		case !c.matches(&p):
		case read == nil:
			e.Kind, e.Form, read = c.Kind, c.form, c
		case c.Kind != e.Kind || c.Kind != HTTP:
			p.refuse("event", bilingual.New("has the marks of more than one trigger", "带有多种触发器的特征"))
		}
	}
	known := e
	if read != nil && p.fault == nil {
		read.read(&p, &e)
	}
	if p.fault != nil {
		return known, p.fault
	}
	return e, nil
}

// parts are those members of an event that platforms write, and what a codec finds wrong with them.
// A cloud call has none, and allocates nothing here.
type parts struct {
	fields  fields // nil without any
	context fields // requestContext's
	record  string // the mark of the first record that has one
	fault   *Fault // the first one

	userInfo, httpShaped bool
}

// fields are members as they are written. There are a dozen at most, among which a linear search is
// faster than a map.
type fields []field

type field struct{ key, value []byte }

// get is a member's value, nil without the member.
func (f fields) get(key string) []byte {
	for i := range f {
		if string(f[i].key) == key {
			return f[i].value
		}
	}
	return nil
}

// refuse keeps the first fault: what follows it may only be its consequence.
func (p *parts) refuse(field string, rule bilingual.Text) {
	if p.fault == nil {
		p.fault = &Fault{Field: field, Rule: rule}
	}
}

// split scans the whole event, and files its members. A fault does not end it: the members after it
// may still tell whose event this is, and HTTP's refusals have another form than a call's.
func (p *parts) split(payload []byte) {
	if len(payload) > maxEvent {
		p.refuse("event", bilingual.Sprintf("is %d bytes long, more than %d", "长 %d 字节，超过 %d 字节", len(payload), maxEvent))
		p.fault.TooLarge = true
	}
	s := scanner{text: payload[:min(len(payload), maxScan)]}
	s.space()
	if t := typeOf(s.text[s.at:]); t != anObject {
		p.refuse("event", notAnObject(t))
		return
	}
	keys := 0
	whole := s.object(1, func(key, value []byte) bool {
		if keys++; keys > maxKeys {
			p.refuse("event", bilingual.Sprintf("has more than %d keys", "其键超过 %d 个", maxKeys))
			p.fault.TooLarge = true
			return false
		}
		p.keep(key, value)
		return true
	})
	if s.space(); whole && s.at < len(s.text) {
		s.fault = flawRest
	}
	switch {
	case s.fault != "":
		p.refuse("event", s.fault.text())
	case p.fault == nil && !utf8.Valid(payload):
		p.refuse("event", bilingual.New("is not UTF-8", "不是 UTF-8 编码"))
	}
}

// keep files a member of the event: its marks, and its value if a codec reads it.
func (p *parts) keep(key, value []byte) {
	if len(key) <= longestMark {
		p.userInfo = p.userInfo || bytes.EqualFold(key, []byte("userInfo"))
		p.httpShaped = p.httpShaped || bytes.EqualFold(key, []byte("requestContext")) ||
			bytes.EqualFold(key, []byte("httpMethod")) || bytes.EqualFold(key, []byte("headers"))
	}
	if !platformKey(key) {
		return
	}
	if p.fields.get(string(key)) != nil {
		p.refuse(string(key), bilingual.New("is given twice", "重复给出"))
		return
	}
	if p.fields == nil {
		p.fields = make(fields, 0, mostFields)
	}
	p.fields = append(p.fields, field{key, value})
}

// mostFields is as many as a platform's event has.
const mostFields = 12

// longestMark bounds the keys that EqualFold can match with one of keep's. ſ (U+017F) folds to s
// and has two bytes, hence the + 1.
const longestMark = len("requestContext") + 1

// platformKey reports whether a codec reads the member.
func platformKey(key []byte) bool {
	switch string(key) {
	case "Type", "TriggerName", "Time", "Message", // SCF's timer
		"source", "detail-type", "time", "resources", // EventBridge
		"specversion", "type", "id", "data", // CloudEvents
		"Records", "eventSource", "awslogs",
		"version", "httpMethod", "path", "rawPath", "rawQueryString", "resource", // HTTP
		"requestContext", "headers", "multiValueHeaders", "queryString",
		"queryStringParameters", "multiValueQueryStringParameters", "body", "isBase64Encoded":
		return true
	}
	return false
}

// pick collects the wanted members of an object that was scanned before, and reports whether each
// comes once. Platforms write none twice, and of two values it could not be said which counts.
func pick(object []byte, wanted func(key []byte) bool) (f fields, once bool) {
	f, once = fields{}, true
	members(object, func(key, value []byte) bool {
		if !wanted(key) {
			return true
		}
		once = f.get(string(key)) == nil
		f = append(f, field{key, value})
		return once
	})
	return f, once
}

// pick is the function pick for the value of key, or for a part of it. A member that comes twice is
// a fault: of two in requestContext, one may be an authorizer's and the other a caller's.
func (p *parts) pick(key string, object []byte, wanted func(key []byte) bool) fields {
	f, once := pick(object, wanted)
	if !once {
		p.refuse(key, bilingual.New("has a key twice", "有重复的键"))
	}
	return f
}

// has reports whether the member is there and not null. Platforms write null for what they have not
// got.
func (f fields) has(key string) bool {
	t := typeOf(f.get(key))
	return t != nothing && t != aNull
}

// is reports whether the member is that string.
func (f fields) is(key, want string) bool {
	raw := f.get(key)
	return typeOf(raw) == aString && string(unquote(raw)) == want
}

// text is a member that is a string; ok is false if it is not, or missing.
func (f fields) text(key string) (string, bool) {
	if raw := f.get(key); typeOf(raw) == aString {
		return string(unquote(raw)), true
	}
	return "", false
}

// word is a member that is a string or a number: an ID, which platforms write as either.
func (f fields) word(key string) string {
	if raw := f.get(key); typeOf(raw) == aNumber {
		return string(raw)
	}
	text, _ := f.text(key)
	return text
}

// text is a member that must be a string or be left out. Anything else is a fault.
func (p *parts) text(of fields, key string) string {
	text, ok := of.text(key)
	if !ok && of.has(key) {
		p.refuse(key, bilingual.Sprintf("must be a string, not %s", "须为字符串，而不是%s", typeOf(of.get(key)).text()))
	}
	return text
}

// jsonType is a value's type, in words that fit into a sentence.
type jsonType string

const (
	nothing   jsonType = "nothing"
	anObject  jsonType = "an object"
	anArray   jsonType = "an array"
	aString   jsonType = "a string"
	aNumber   jsonType = "a number"
	aBool     jsonType = "true or false"
	aNull     jsonType = "null"
	something jsonType = "something else"
)

// text is the type's name in both languages.
func (t jsonType) text() bilingual.Text {
	return bilingual.New(string(t), map[jsonType]string{
		nothing: "空", anObject: "对象", anArray: "数组", aString: "字符串", aNumber: "数字",
		aBool: "true 或 false", aNull: "null", something: "其他内容",
	}[t])
}

// typeOf looks at the first byte, which is enough for text that was scanned before.
func typeOf(value []byte) jsonType {
	if len(value) == 0 {
		return nothing
	}
	switch c := value[0]; {
	case c == '{':
		return anObject
	case c == '[':
		return anArray
	case c == '"':
		return aString
	case c == '-' || '0' <= c && c <= '9':
		return aNumber
	case c == 't' || c == 'f':
		return aBool
	case c == 'n':
		return aNull
	}
	return something
}

// notAnObject is the rule that an event breaks which is no object.
func notAnObject(t jsonType) bilingual.Text {
	want := bilingual.New("must be a JSON object with the call's parameters", "须为包含调用参数的 JSON 对象")
	switch t {
	case nothing:
		return bilingual.Sprintf("%s, and there is none", "%s，但内容为空", want)
	case something:
		return bilingual.Sprintf("%s, and is not JSON", "%s，但不是 JSON", want)
	default:
		return bilingual.Sprintf("%s, not %s", "%s，而不是%s", want, t.text())
	}
}
