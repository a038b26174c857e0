package event

import (
	"encoding/json"
	"fmt"

	scfevents "github.com/tencentyun/scf-go-lib/events"
)

// ckafka is the event of SCF's CKafka trigger (SCF doc "CKafka 触发器"). A message is known by its topic, partition and
// offset.
type ckafka struct{}

func (ckafka) made(p *parts) bool { return p.record == FormCKafka }

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
