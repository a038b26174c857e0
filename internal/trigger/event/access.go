package event

// access is the event of CloudBase's HTTP access service, 云接入 (docs.cloudbase.net/service). Its path is relative to the
// route that the function was given.
type access struct{}

func (access) made(p *parts) bool { return p.fields.has("httpMethod") && p.context.has("envId") }

func (access) read(p *parts, e *Event) {
	e.Request = p.request([]string{"headers"}, []string{"queryStringParameters", "queryString"})
	e.Request.Path = p.unescaped(e.Request.Path)
	e.Request.Relative = true
}
