package platform

import (
	"context"
	"net/http"
	"strconv"
)

// custom is SCF's custom runtime API (SCF doc "CustomRuntime"):
//
//	POST /runtime/init/ready             the process is ready for events
//	GET  /runtime/invocation/next        waits for the next event, or repeats an unanswered one
//	POST /runtime/invocation/response    the result of the event
//	POST /runtime/invocation/error       the error instead, as text of any form
//
// An invocation's headers are request_id, memory_limit_in_mb and time_limit_in_ms, in this
// spelling, and nothing else: the process learns neither the deadline nor an Environment. A post
// without an event to answer gets a 400; SCF's own answer to it is not documented.
type custom struct{ *polled }

// newCustom opens the API for one process that is yet to start.
func newCustom(ctx context.Context) (*custom, error) {
	p, err := newPolled(ctx)
	if err != nil {
		return nil, err
	}
	c := &custom{polled: p}
	api := http.NewServeMux()
	api.HandleFunc("POST /runtime/init/ready", func(http.ResponseWriter, *http.Request) { c.report(nil) })
	api.HandleFunc("GET /runtime/invocation/next", c.next)
	api.HandleFunc("POST /runtime/invocation/response", func(w http.ResponseWriter, r *http.Request) {
		a := readAnswer(r.Body)
		c.posted(w, a)
	})
	api.HandleFunc("POST /runtime/invocation/error", func(w http.ResponseWriter, r *http.Request) {
		a := readAnswer(r.Body)
		if a != nil {
			a = &answer{err: &FunctionError{Message: string(a.payload)}}
		}
		c.posted(w, a)
	})
	p.serve(api)
	return c, nil
}

// posted passes an answer on. a is nil when the process broke off while it posted.
func (c *custom) posted(w http.ResponseWriter, a *answer) {
	if a == nil || !c.finish("", a) {
		http.Error(w, "there is no event to answer", http.StatusBadRequest)
	}
}

// variables tell the process where the API is. _SCF_SERVER_PORT is SCF's constant; nothing listens
// there.
func (c *custom) variables() []string {
	address := c.address()
	return []string{
		"SCF_RUNTIME=CustomRuntime",
		"SCF_RUNTIME_API=" + address.IP.String(),
		"SCF_RUNTIME_API_PORT=" + strconv.Itoa(address.Port),
		"_HANDLER=bootstrap",
		"_SCF_SERVER_PORT=28902",
	}
}

// connect waits until the process posts that it is ready.
func (c *custom) connect(ctx context.Context, i *instance) error {
	return c.await(ctx, i, "POST /runtime/init/ready on "+c.address().String())
}

// invoke delivers the event with the headers that SCF sends.
func (c *custom) invoke(i *instance, event call) (*answer, error) {
	header := http.Header{
		"request_id":         {event.RequestID},
		"memory_limit_in_mb": {strconv.Itoa(event.spec.MemoryMB)},
		"time_limit_in_ms":   {strconv.FormatInt(event.spec.TimeLimit.Milliseconds(), 10)},
	}
	return c.deliver(i, &delivery{id: event.RequestID, header: header, payload: event.Payload, answer: make(chan *answer, 1)})
}
