package event

import (
	"cmp"
	"strings"
)

// tdmq is the event of SCF's TDMQ trigger (SCF doc "TDMQ 触发器"): one message in a CloudEvent. Neither library has a
// type for it.
type tdmq struct{}

func (tdmq) made(p *parts) bool {
	kind, _ := p.fields.text("type")
	return p.fields.has("specversion") && strings.HasPrefix(kind, "connector:tdmq")
}

func (tdmq) read(p *parts, e *Event) {
	m := Message{ID: cmp.Or(p.fields.word("id"), unnamed(0))}
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
