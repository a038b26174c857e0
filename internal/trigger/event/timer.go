package event

import "strings"

// scfTimer is the event of SCF's timer trigger (SCF doc 583/9708), and of an EventBridge rule whose
// input is written like it, which AWS passes on unchanged. Message is the argument that the trigger
// was deployed with.
//
// scf-go-lib's events.TimerEvent has the same four strings but no tags, so it takes `message` for
// Message as well.
//
//	{"Type":"Timer","TriggerName":"sweep","Time":"2026-11-22T10:00:00Z","Message":"…"}
type scfTimer struct{}

func (scfTimer) matches(p *parts) bool {
	return p.fields.is("Type", "Timer") && p.fields.has("TriggerName")
}

func (scfTimer) read(p *parts, e *Event) {
	e.Timer = TimerTick{
		Name:    p.text(p.fields, "TriggerName"),
		Message: p.text(p.fields, "Message"),
		Time:    p.text(p.fields, "Time"),
	}
}

// eventBridge is what an EventBridge rule on a schedule sends without an input of its own, and
// EventBridge Scheduler likewise, with "aws.scheduler" as its source (AWS, "Events from
// EventBridge": aws.events).
//
// aws-lambda-go's events.EventBridgeEvent reads every one of the resources and parses the time;
// only the name of the first resource and the time as it is written are needed.
//
//	{"detail-type":"Scheduled Event","source":"aws.events","time":"2026-11-22T10:00:00Z",
//	 "resources":["arn:aws:events:eu-west-1:1:rule/sweep"],"detail":{}}
type eventBridge struct{}

func (eventBridge) matches(p *parts) bool {
	return p.fields.is("detail-type", "Scheduled Event") &&
		(p.fields.is("source", "aws.events") || p.fields.is("source", "aws.scheduler"))
}

func (eventBridge) read(p *parts, e *Event) {
	e.Timer.Time = p.text(p.fields, "time")
	resources := p.fields.get("resources")
	if typeOf(resources) != anArray {
		return
	}
	elements(resources, func(arn []byte) bool {
		if typeOf(arn) == aString {
			e.Timer.Name = ruleOf(string(unquote(arn)))
		}
		return false
	})
}

// ruleOf is the name at the end of …:rule/name, …:rule/bus/name or …:schedule/group/name.
func ruleOf(arn string) string {
	return arn[strings.LastIndexByte(arn, '/')+1:]
}
