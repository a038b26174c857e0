package event

// functionURL is the event of SCF's function URL (SCF docs 583/96099 and 583/69491): five keys,
// none of which names the platform. So it also stands for any HTTP event without other marks; all
// take the same response.
//
//	{"httpMethod":"POST","path":"/closeorder","queryString":{},"headers":{…},"body":"{…}"}
type functionURL struct{}

func (functionURL) matches(p *parts) bool { return p.fields.has("httpMethod") }

func (functionURL) read(p *parts, e *Event) {
	e.Request = p.request([]string{"headers"}, []string{"queryString", "queryStringParameters"})
	e.Request.Path = p.unescaped(e.Request.Path)
}

// apiGateway is the event of Tencent's API Gateway trigger (SCF doc "API 网关触发器"). New ones can
// no longer be created; old ones still exist. Query values are strings, arrays, or true for a name
// without one; requestContext.path is the route's template, path is the request's.
//
//	{"httpMethod":"GET","path":"/queryorder/A1","queryString":{"a":["1","2"],"b":true},
//	 "requestContext":{"serviceId":"service-1","path":"/queryorder/{no}","stage":"release"},…}
type apiGateway struct{}

func (apiGateway) matches(p *parts) bool {
	return p.fields.has("httpMethod") && p.context.has("serviceId")
}

func (apiGateway) read(p *parts, e *Event) { functionURL{}.read(p, e) }

// access is the event of CloudBase's HTTP access service, 云接入 (docs.cloudbase.net/service). Its
// path is relative to the route that the function was given.
//
//	{"httpMethod":"GET","path":"/A1","queryStringParameters":{},"headers":{…},
//	 "requestContext":{"envId":"env-1","requestId":"…"},"isBase64Encoded":false}
type access struct{}

func (access) matches(p *parts) bool { return p.fields.has("httpMethod") && p.context.has("envId") }

func (access) read(p *parts, e *Event) {
	e.Request = p.request([]string{"headers"}, []string{"queryStringParameters", "queryString"})
	e.Request.Path = p.unescaped(e.Request.Path)
	e.Request.Relative = true
}
