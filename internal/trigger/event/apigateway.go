package event

// apiGateway is the event of Tencent's API Gateway trigger (SCF doc "API 网关触发器"), which can no longer be created but is
// still out there. Query values are strings, arrays, or true for a name without one; requestContext.path is the route's
// template, path is the request's.
type apiGateway struct{}

func (apiGateway) made(p *parts) bool {
	return p.fields.has("httpMethod") && p.context.has("serviceId")
}

func (apiGateway) read(p *parts, e *Event) {
	e.Request = p.request([]string{"headers"}, []string{"queryString", "queryStringParameters"})
	e.Request.Path = p.unescaped(e.Request.Path)
}
