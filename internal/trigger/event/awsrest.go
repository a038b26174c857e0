package event

// awsREST is the event of AWS's REST API, and of an HTTP API that is set to payload 1.0 (API Gateway developer guide,
// "Input format of a Lambda function for proxy integration"). headers and queryStringParameters hold the last value
// of each name, their multiValue twins all of them. path has its escapes as they came, but not in payload 1.0, which
// unlike a REST API's event says its version (both seen in the field: github.com/middleapi/standard-server/pull/93).
type awsREST struct{}

func (awsREST) made(p *parts) bool {
	return p.fields.has("httpMethod") &&
		(p.context.has("apiId") || p.context.has("resourceId") || p.context != nil && p.fields.has("resource"))
}

func (awsREST) read(p *parts, e *Event) {
	e.Request = p.request(
		[]string{"multiValueHeaders", "headers"},
		[]string{"multiValueQueryStringParameters", "queryStringParameters"},
	)
	if !p.fields.is("version", "1.0") {
		e.Request.Path = p.unescaped(e.Request.Path)
	}
	e.Request.Claims = p.restClaims()
}

// restClaims are a Lambda authorizer's context, which lies flat beside principalId, or a Cognito authorizer's claims.
func (p *parts) restClaims() map[string]string {
	claims := map[string]string{}
	raw := p.context.get("authorizer")
	if typeOf(raw) != anObject {
		return nil
	}
	p.claims(claims, raw)
	if nested := p.authorizer("claims").get("claims"); typeOf(nested) == anObject {
		p.claims(claims, nested)
	}
	return claims
}
