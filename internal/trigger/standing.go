package trigger

import (
	"cloudpay/internal/hosting"
	"cloudpay/internal/trigger/event"
)

// Standing says what the head of a request to our own HTTP server proves of its sender, by the
// rules that identify its caller when the whole request is there.
func (a Access) Standing(head hosting.Request) hosting.Standing {
	e := event.Event{Kind: event.HTTP, Request: head}
	switch recognise(hosting.Invocation{Platform: hosting.Web}, e, "", a).kind {
	case service, client:
		return hosting.Proved
	case user:
		return hosting.Named
	case impostor: // refused whatever else speaks for them
		return hosting.Refused
	default:
	}
	if a.Service.isSet() || a.Policy == PolicyAny {
		return hosting.Unproved
	}
	return hosting.Refused
}
