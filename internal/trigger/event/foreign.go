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

func (foreign) matches(p *parts) bool { return foreignRule(p) != bilingual.Text{} }

func (foreign) read(p *parts, _ *Event) { p.refuse("event", foreignRule(p)) }

// foreignRule names the service that the event is from; it is empty for every other event.
func foreignRule(p *parts) bilingual.Text {
	const (
		notHandled   = ", which this function does not handle: check its triggers"
		notHandledZH = "，本函数不处理：请检查其触发器"
	)
	kind, _ := p.fields.text("type")
	switch {
	case p.record == markCOS:
		return bilingual.New("is from COS"+notHandled, "是 COS 的事件"+notHandledZH)
	case p.record == markAWS, sourceOf(p.fields.get("eventSource")) == markAWS, typeOf(p.fields.get("awslogs")) == anObject:
		return bilingual.New("is from another AWS service than SQS"+notHandled, "是 SQS 以外的 AWS 服务的事件"+notHandledZH)
	case p.record == markMany:
		return bilingual.New("has a record of two platforms", "有一条记录带有两个平台的特征")
	case strings.HasPrefix(kind, "com.tcb.database.") && p.fields.has("specversion"):
		return bilingual.New("is from a CloudBase database"+notHandled, "是云开发数据库的事件"+notHandledZH)
	case p.fields.has("specversion") && p.fields.has("type") && !tdmq{}.matches(p):
		return bilingual.New("is a CloudEvent"+notHandled, "是 CloudEvent"+notHandledZH)
	case p.fields.has("detail-type") && p.fields.has("source") && !eventBridge{}.matches(p):
		return bilingual.New("is an EventBridge event without a schedule"+notHandled, "是 EventBridge 的非定时事件"+notHandledZH)
	}
	return bilingual.Text{}
}
