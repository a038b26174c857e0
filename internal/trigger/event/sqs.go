package event

// sqs is the event of Lambda's SQS trigger (Lambda developer guide, "Using Lambda with Amazon SQS").
//
// aws-lambda-go's events.SQSMessage reads every attribute into maps, which cost many times the bytes they are made of;
// of a message only its name and text are wanted.
type sqs struct{}

func (sqs) made(p *parts) bool { return p.record == FormSQS }

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
