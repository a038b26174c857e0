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
		f := pick(r.cmq, messageKey)
		m.take(f.word("msgId"), "msgBody", f.get("msgBody"))
	})
}

// messageKey reports whether a member of a CMQ or TDMQ message is wanted.
func messageKey(key []byte) bool { return string(key) == "msgId" || string(key) == "msgBody" }
