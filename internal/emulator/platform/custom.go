package platform

import (
	"context"
	"net/http"
	"strconv"
)

// custom plays SCF's custom runtime API (SCF doc "CustomRuntime"):
//
//	POST /runtime/init/ready             the process is ready for events
//	GET  /runtime/invocation/next        the next event, as soon as there is one; the same one until it is answered
//	POST /runtime/invocation/response    its result
//	POST /runtime/invocation/error       or why there is none, in any words
//
// Of an invocation the headers tell request_id, memory_limit_in_mb and time_limit_in_ms, spelt like this, and no more:
// neither a deadline nor an Environment. A post that answers no event gets a 400; how SCF answers it is not documented.
type custom struct{ *polled }

func newCustom(ctx context.Context) (*custom, error) {
	p, err := newPolled(ctx)
	if err != nil {
		return nil, err
	}
	c := &custom{polled: p}
	api := http.NewServeMux()
	api.HandleFunc("POST /runtime/init/ready", func(http.ResponseWriter, *http.Request) { c.tell(nil) })
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

// posted passes an answer on, if there is one and an event for it.
func (c *custom) posted(w http.ResponseWriter, a *answer) {
	if a == nil || !c.finish("", a) {
		http.Error(w, "there is no event to answer", http.StatusBadRequest)
	}
}

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

func (c *custom) connect(ctx context.Context, i *instance) error {
	return c.await(ctx, i, "POST /runtime/init/ready on "+c.address().String())
}

func (c *custom) invoke(i *instance, event call) (*answer, error) {
	header := http.Header{
		"request_id":         {event.RequestID},
		"memory_limit_in_mb": {strconv.Itoa(event.spec.MemoryMB)},
		"time_limit_in_ms":   {strconv.FormatInt(event.spec.TimeLimit.Milliseconds(), 10)},
	}
	return c.deliver(i, &delivery{id: event.RequestID, header: header, payload: event.Payload, answer: make(chan *answer, 1)})
}
