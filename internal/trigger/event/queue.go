package event

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	scfevents "github.com/tencentyun/scf-go-lib/events"

	"cloudpay/internal/bilingual"
)

// A queue's event is a batch, Records, whose messages each platform wraps in its own way; only
// TDMQ's is one message in a CloudEvent.

// ckafka is the event of SCF's CKafka trigger (SCF doc "CKafka 触发器"). A message's ID is its topic,
// partition and offset.
//
//	{"Records":[{"Ckafka":{"topic":"t","partition":1,"offset":36,"msgKey":"None","msgBody":"…"}}]}
type ckafka struct{}

func (ckafka) matches(p *parts) bool { return p.record == formCKafka }

func (ckafka) read(p *parts, e *Event) {
	p.batch(e, func(r *record, m *Message) {
		var message scfevents.CkafkaMessage
		if err := json.Unmarshal(r.ckafka, &message); err != nil || message.Topic == "" {
			m.Fault = "must have strings for its topic and msgBody, and whole numbers for its partition and offset"
			return
		}
		m.ID = fmt.Sprintf("%s/%d/%d", message.Topic, message.Partition, message.Offset)
		m.Body = []byte(message.Body)
	})
}

// cmq is the event of SCF's CMQ topic trigger (SCF doc "CMQ Topic 触发器").
//
// scf-go-lib's events.CMQMessage requires topicOwner to be a number and msgTag to be present and
// not null; documents and platforms differ in both, and neither is needed here.
//
//	{"Records":[{"CMQ":{"type":"topic","topicName":"t","msgId":"1","msgTag":"","msgBody":"…"}}]}
type cmq struct{}

func (cmq) matches(p *parts) bool { return p.record == formCMQ }

func (cmq) read(p *parts, e *Event) {
	p.batch(e, func(r *record, m *Message) {
		if typeOf(r.cmq) != anObject {
			m.Fault = "must have an object for its CMQ"
			return
		}
		m.takeFrom(r.cmq)
	})
}

// tdmq is the event of SCF's TDMQ trigger (SCF doc "TDMQ 触发器"): one message in a CloudEvent.
// Neither library has a type for it.
//
//	{"specversion":"0","type":"connector:tdmq","id":"1","data":{"msgId":"1","msgBody":"…"}}
type tdmq struct{}

func (tdmq) matches(p *parts) bool {
	kind, _ := p.fields.text("type")
	return p.fields.has("specversion") && strings.HasPrefix(kind, "connector:tdmq")
}

func (tdmq) read(p *parts, e *Event) {
	m := Message{ID: cmp.Or(p.fields.word("id"), fallbackID(0))}
	if data := p.fields.get("data"); typeOf(data) == anObject {
		m.takeFrom(data)
	} else {
		m.Fault = "must be an object, not " + string(typeOf(data))
	}
	if m.Fault != "" {
		m.Fault = "data " + m.Fault
	}
	e.Messages = []Message{m}
}

// sqs is the event of Lambda's SQS trigger (Lambda developer guide, "Using Lambda with Amazon
// SQS").
//
// aws-lambda-go's events.SQSMessage reads every attribute into maps, which cost many times their
// bytes; only a message's ID and text are needed.
//
//	{"Records":[{"messageId":"…","eventSource":"aws:sqs","body":"…","attributes":{…}}]}
type sqs struct{}

func (sqs) matches(p *parts) bool { return p.record == formSQS }

func (sqs) read(p *parts, e *Event) {
	p.batch(e, func(r *record, m *Message) {
		var id string
		if typeOf(r.messageID) == aString {
			id = string(unquote(r.messageID))
		}
		m.take(id, "body", r.body)
		if id == "" {
			m.Fault = "must have a string for its messageId"
		}
	})
}

// takeFrom reads a CMQ or TDMQ message.
func (m *Message) takeFrom(object []byte) {
	f, once := pick(object, func(key []byte) bool { return string(key) == "msgId" || string(key) == "msgBody" })
	m.take(f.word("msgId"), "msgBody", f.get("msgBody"))
	if !once {
		m.Fault = "has a key twice"
	}
}

// take sets the message's ID, if it has one, and its text, which it must have.
func (m *Message) take(id, key string, text []byte) {
	m.ID = cmp.Or(id, m.ID)
	if typeOf(text) != aString {
		m.Fault = "must have a string for its " + key
		return
	}
	m.Body = unquote(text)
}

// fallbackID is the ID of a message whose own cannot be read. No queue's begins with #.
func fallbackID(index int) string { return fmt.Sprintf("#%d", index) }

// A record is one of a batch, by the members that name its platform. A member that comes twice
// makes it unreadable.
type record struct {
	ckafka, cmq, cos, source, messageID, body []byte

	fault string
}

// The marks of records that are for other functions.
const (
	markCOS  = "cos"
	markAWS  = "aws" // S3, SNS, DynamoDB, …
	markMany = "many"
)

// recordOf files the members of a record. A record that is no object, or has one of them twice, has
// a fault, and is a message with a Fault in the end.
func recordOf(value []byte) record {
	var r record
	if typeOf(value) != anObject {
		r.fault = "must be an object"
		return r
	}
	members(value, func(key, value []byte) bool {
		member := r.member(key)
		switch {
		case member == nil:
		case *member != nil:
			r.fault = "has a key twice"
		default:
			*member = value
		}
		return true
	})
	return r
}

// member is where the value of a key belongs, nil for a key that is not read.
func (r *record) member(key []byte) *[]byte {
	switch string(key) {
	case "Ckafka":
		return &r.ckafka
	case "CMQ":
		return &r.cmq
	case "cos":
		return &r.cos
	case "eventSource", "EventSource":
		return &r.source
	case "messageId":
		return &r.messageID
	case "body":
		return &r.body
	}
	return nil
}

// mark is the form that the record belongs to, or a mark of another service; "" without either.
func (r *record) mark() string {
	mark := ""
	for _, m := range []struct {
		present bool
		form    string
	}{
		{r.ckafka != nil, formCKafka},
		{r.cmq != nil, formCMQ},
		{r.cos != nil, markCOS},
		{typeOf(r.source) == aString, sourceOf(r.source)},
	} {
		switch {
		case !m.present || m.form == "":
		case mark == "":
			mark = m.form
		default:
			return markMany
		}
	}
	return mark
}

// sourceOf is the mark of a quoted eventSource.
func sourceOf(source []byte) string {
	const prefix = `"aws:`
	switch {
	case string(source) == `"aws:sqs"`:
		return formSQS
	case len(source) > len(prefix) && string(source[:len(prefix)]) == prefix:
		return markAWS
	}
	return ""
}

// firstRecord is the mark of the first record that has one.
func firstRecord(records []byte) string {
	mark := ""
	if typeOf(records) != anArray {
		return ""
	}
	n := 0
	elements(records, func(value []byte) bool {
		r := recordOf(value)
		mark = r.mark()
		n++
		return mark == "" && n <= maxRecords
	})
	return mark
}

// batch reads all records with one reader. A record that cannot be read is a message with a Fault.
// A record of another platform refuses the whole batch, the good messages too: a batch is one
// trigger's, so no platform sends such a one. Nothing is lost, for a refused batch is redelivered.
func (p *parts) batch(e *Event, read func(r *record, m *Message)) {
	elements(p.fields.get("Records"), func(value []byte) bool {
		if len(e.Messages) == maxRecords {
			p.refuse("Records", bilingual.Sprintf("has more than %d messages", "其消息超过 %d 条", maxRecords))
			p.fault.TooLarge = true
			return false
		}
		at := fmt.Sprintf("Records[%d]", len(e.Messages))
		m := Message{ID: fallbackID(len(e.Messages))}
		r := recordOf(value)
		switch mark := r.mark(); {
		case mark != "" && mark != p.record:
			p.refuse("Records", bilingual.New("has messages of two platforms", "含有两个平台的消息"))
			return false
		case r.fault != "":
			m.Fault = r.fault
		case mark == "":
			m.Fault = "is not one of " + e.Form + "'s"
		default:
			read(&r, &m)
		}
		if m.Fault != "" {
			m.Fault, m.Body = at+" "+m.Fault, nil
		}
		e.Messages = append(e.Messages, m)
		return true
	})
}
