package event

import (
	"strings"

	"cloudpay/internal/bilingual"
)

// foreign are events of services that say nothing of an order: a trigger is bound to the wrong
// function. The Fault names the service, which tells the operator more than a missing out_trade_no.
// They are a Kind of their own so that the function fails on them: their services redeliver failed
// events and keep them.
type foreign struct{}

func (foreign) made(p *parts) bool { return foreignRule(p) != bilingual.Text{} }

func (foreign) read(p *parts, _ *Event) { p.refuse("event", foreignRule(p)) }

// foreignRule names the service that the event is from; it is empty for every other event.
func foreignRule(p *parts) bilingual.Text {
	const (
		nothingHere = ", and this function is for none: check its triggers"
		noneZH      = "，本函数不处理：请检查其触发器"
	)
	kind, _ := p.fields.text("type")
	switch {
	case p.record == markCOS:
		return bilingual.New("is one of COS"+nothingHere, "是 COS 的事件"+noneZH)
	case p.record == markAWS, sourceOf(p.fields.get("eventSource")) == markAWS, typeOf(p.fields.get("awslogs")) == anObject:
		return bilingual.New("is one of another AWS service than SQS"+nothingHere, "是 SQS 以外的 AWS 服务的事件"+noneZH)
	case p.record == markMany:
		return bilingual.New("has a record of two platforms", "有一条记录带有两个平台的特征")
	case strings.HasPrefix(kind, "com.tcb.database.") && p.fields.has("specversion"):
		return bilingual.New("is one of a CloudBase database"+nothingHere, "是云开发数据库的事件"+noneZH)
	case p.fields.has("specversion") && p.fields.has("type") && !tdmq{}.made(p):
		return bilingual.New("is a CloudEvent"+nothingHere, "是 CloudEvent"+noneZH)
	case p.fields.has("detail-type") && p.fields.has("source") && !eventBridge{}.made(p):
		return bilingual.New("is one of EventBridge's that is no schedule"+nothingHere, "是 EventBridge 的非定时事件"+noneZH)
	}
	return bilingual.Text{}
}
