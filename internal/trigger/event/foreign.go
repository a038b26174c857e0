package event

import "strings"

// foreign are events of platforms that have nothing to say about an order: somebody bound a trigger to the wrong
// function. They are refused by name, so that the log says so rather than that out_trade_no is missing, and are a Kind of
// their own, so that they are refused as a failure: they come from platforms that bring them again and keep them.
type foreign struct{}

func (foreign) made(p *parts) bool { return foreignRule(p) != "" }

func (foreign) read(p *parts, _ *Event) { p.refuse("event", foreignRule(p)) }

func foreignRule(p *parts) string {
	const nothingHere = ", and this function is for none: check its triggers"
	kind, _ := p.fields.text("type")
	switch {
	case p.record == markCOS:
		return "is one of COS" + nothingHere
	case p.record == markAWS, sourceOf(p.fields.get("eventSource")) == markAWS, typeOf(p.fields.get("awslogs")) == anObject:
		return "is one of another AWS service than SQS" + nothingHere
	case p.record == markMany:
		return "has a record of two platforms"
	case strings.HasPrefix(kind, "com.tcb.database.") && p.fields.has("specversion"):
		return "is one of a CloudBase database" + nothingHere
	case p.fields.has("specversion") && p.fields.has("type") && !tdmq{}.made(p):
		return "is a CloudEvent" + nothingHere
	case p.fields.has("detail-type") && p.fields.has("source") && !eventBridge{}.made(p):
		return "is one of EventBridge's that is no schedule" + nothingHere
	}
	return ""
}
