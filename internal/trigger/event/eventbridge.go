package event

import "strings"

// eventBridge is what an EventBridge rule on a schedule sends when it was given no input of its own, and EventBridge
// Scheduler likewise, with "aws.scheduler" for its source (AWS, "Events from EventBridge": aws.events).
//
// aws-lambda-go's events.EventBridgeEvent reads every one of the resources and makes the time a time.Time; the name of
// the first resource and the platform's own words are wanted.
type eventBridge struct{}

func (eventBridge) made(p *parts) bool {
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
