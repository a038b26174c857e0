package event

// functionURL is the event of SCF's function URL (SCF docs 583/96099 and 583/69491): five keys, none of which says
// whose they are. So it also stands for any HTTP event that no other shape owns; all take the same response.
type functionURL struct{}

func (functionURL) made(p *parts) bool { return p.fields.has("httpMethod") }

func (functionURL) read(p *parts, e *Event) {
	e.Request = p.request([]string{"headers"}, []string{"queryString", "queryStringParameters"})
	e.Request.Path = p.unescaped(e.Request.Path)
}
