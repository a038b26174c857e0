package event

// cmq is the event of SCF's CMQ topic trigger (SCF doc "CMQ Topic 触发器").
//
// scf-go-lib's events.CMQMessage wants topicOwner to be a number and msgTag to be there, not null; documents and
// platforms differ in both, and neither is needed here.
type cmq struct{}

func (cmq) made(p *parts) bool { return p.record == FormCMQ }

func (cmq) read(p *parts, e *Event) {
	p.batch(e, func(r *record, m *Message) {
		if typeOf(r.cmq) != anObject {
			m.Fault = "must have an object for its CMQ"
			return
		}
		m.takeFrom(r.cmq)
	})
}

// takeFrom gives the message what a CMQ or TDMQ message has.
func (m *Message) takeFrom(object []byte) {
	f, once := pick(object, func(key []byte) bool { return string(key) == "msgId" || string(key) == "msgBody" })
	m.take(f.word("msgId"), "msgBody", f.get("msgBody"))
	if !once {
		m.Fault = "has a key twice"
	}
}
