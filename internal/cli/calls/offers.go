package calls

import (
	"context"
	"net/http"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/platform"
)

// Offer is a trigger as it reaches a function on a runtime.
type Offer struct {
	// Name is that of a [Call]'s Trigger, and Meaning what it is.
	Name    string
	Meaning bilingual.Text
	// Callers are the kinds of callers that it can carry, the first words of [Callers]. None: the
	// runtime has no such trigger.
	Callers []string
	// IsRequest says that it sends an HTTP request, with a method and a path, and IsTimer that it
	// may have a time.
	IsRequest, IsTimer bool
}

// Offers are all triggers, as they reach a function on a runtime, in the order of the documents.
func Offers(on platform.Runtime) []Offer {
	all := make([]Offer, 0, len(triggers))
	for _, t := range triggers {
		o := Offer{Name: t.name, Meaning: t.meaning, IsRequest: t.isRequest(on), IsTimer: t.kind == timer}
		if on != platform.Web || o.IsRequest {
			o.Callers = t.callers(on)
		}
		all = append(all, o)
	}
	return all
}

// Request is what Send sends, for another program to send. A signature in it is valid for minutes
// by this machine's clock.
func (c *Checked) Request(ctx context.Context) (*http.Request, error) {
	return c.request(ctx, time.Now())
}

// Answer takes the function's answer out of the answer to the request. The body has to be in
// memory, and is read. A refusal by the platform is a [*desk.NoAnswerError].
func (c *Checked) Answer(response *http.Response) (Answer, error) { return c.read(response) }
