package event

import (
	"cmp"
	"fmt"

	"cloudpay/internal/bilingual"
)

// A queue's event is a batch, Records, of which each platform wraps its messages in its own way; only TDMQ's is one
// message in a CloudEvent. The twins are ckafka.go, cmq.go, tdmq.go and sqs.go.

// A record is one of a batch, by the members that tell whose it is. Of two members that are alike the second makes it
// unreadable.
type record struct {
	ckafka, cmq, cos, source, messageID, body []byte

	fault string
}

// The marks of records that nothing here is for.
const (
	markCOS  Form = "cos"
	markAWS  Form = "aws" // S3, SNS, DynamoDB, …
	markMany Form = "many"
)

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

// mark tells whose record it is, "" if nobody's.
func (r *record) mark() Form {
	var mark Form
	for _, m := range []struct {
		made bool
		form Form
	}{
		{r.ckafka != nil, FormCKafka},
		{r.cmq != nil, FormCMQ},
		{r.cos != nil, markCOS},
		{typeOf(r.source) == aString, sourceOf(r.source)},
	} {
		switch {
		case !m.made || m.form == "":
		case mark == "":
			mark = m.form
		default:
			return markMany
		}
	}
	return mark
}

func sourceOf(source []byte) Form {
	const prefix = `"aws:`
	switch {
	case string(source) == `"aws:sqs"`:
		return FormSQS
	case len(source) > len(prefix) && string(source[:len(prefix)]) == prefix:
		return markAWS
	}
	return ""
}

// firstRecord is the mark of the first record that has one.
func firstRecord(records []byte) Form {
	var mark Form
	if typeOf(records) != anArray {
		return ""
	}
	n := 0
	elements(records, func(value []byte) bool {
		r := recordOf(value)
		mark = r.mark()
		n++
		return mark == "" && n <= MaxRecords
	})
	return mark
}

// batch reads all records with the one reader. A record that cannot be read is a message with a Fault. One of another
// platform refuses the whole batch, the good messages too: a batch is one trigger's, so that no platform sends records of
// two, and whoever put them together does not mean well. Nothing of it is lost, for a batch that is refused comes again.
func (p *parts) batch(e *Event, read func(r *record, m *Message)) {
	elements(p.fields.get("Records"), func(value []byte) bool {
		if len(e.Messages) == MaxRecords {
			p.refuse("Records", bilingual.Sprintf("has more than %d messages", "其消息超过 %d 条", MaxRecords))
			p.fault.TooLarge = true
			return false
		}
		at := fmt.Sprintf("Records[%d]", len(e.Messages))
		m := Message{ID: unnamed(len(e.Messages))}
		r := recordOf(value)
		switch mark := r.mark(); {
		case mark != "" && mark != p.record:
			p.refuse("Records", bilingual.New("has messages of two platforms", "含有两个平台的消息"))
			return false
		case r.fault != "":
			m.Fault = r.fault
		case mark == "":
			m.Fault = "is not one of " + string(e.Form) + "'s"
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

// unnamed is the ID of a message whose own cannot be read. No queue's begins like it.
func unnamed(index int) string { return fmt.Sprintf("#%d", index) }

// take gives the message its name, if it has one, and its text, which it must have.
func (m *Message) take(id, key string, text []byte) {
	m.ID = cmp.Or(id, m.ID)
	if typeOf(text) != aString {
		m.Fault = "must have a string for its " + key
		return
	}
	m.Body = unquote(text)
}
