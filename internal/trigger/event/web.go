package event

// web is the event that package hosting makes of a request to our own HTTP server: a function URL's, with a
// requestContext that says so. Its path has no escapes left.
type web struct{}

func (web) made(p *parts) bool { return p.fields.has("httpMethod") && p.context.is("cloudpay", "web") }

func (web) read(p *parts, e *Event) {
	e.Request = p.request([]string{"headers"}, []string{"queryString"})
}
