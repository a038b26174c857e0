package event

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/hosting"
)

// awsHTTP is the event of a Lambda function URL and of AWS's HTTP API: payload 2.0 (API Gateway
// developer guide, "AWS Lambda proxy integrations for HTTP APIs"). Headers come joined by commas.
// Cookies, which have a list of their own, are left out: no caller is identified by a cookie.
//
//	{"version":"2.0","rawPath":"/queryorder/A1","rawQueryString":"a=1&a=2","headers":{…},
//	 "requestContext":{"http":{"method":"GET","path":"…"},"authorizer":{"jwt":{"claims":{…}}}},…}
type awsHTTP struct{}

func (awsHTTP) matches(p *parts) bool {
	return p.fields.is("version", "2.0") && typeOf(p.context.get("http")) == anObject
}

func (awsHTTP) read(p *parts, e *Event) {
	request := p.pick("requestContext.http", p.context.get("http"), func(key []byte) bool {
		return string(key) == "method" || string(key) == "path"
	})
	e.Request = hosting.Request{
		Method: p.text(request, "method"),
		Path:   rooted(p.rawPath(request)),
		Query:  p.rawQuery(),
		Header: p.header("headers"),
		Body:   p.body(),
		Claims: p.httpClaims(),
		ID:     p.context.word("requestId"),
	}
	if e.Request.Method == "" {
		p.refuse("requestContext.http.method", bilingual.New("must name the request's method", "须有请求方法"))
	}
}

// rawPath reads the path. A function URL leaves its escapes in; an HTTP API takes them out, despite
// the name (both seen in the field: github.com/middleapi/standard-server/pull/93). The host tells
// them apart: a function URL's cannot be chosen.
func (p *parts) rawPath(request fields) string {
	path := cmp.Or(p.text(p.fields, "rawPath"), p.text(request, "path"))
	if host, _ := p.context.text("domainName"); strings.Contains(host, ".lambda-url.") {
		return p.unescaped(path)
	}
	return path
}

// rawQuery reads the query from rawQueryString: queryStringParameters joins the values of a name by
// commas, after which their number is lost.
func (p *parts) rawQuery() map[string][]string {
	if !p.fields.has("rawQueryString") {
		return p.query("queryStringParameters")
	}
	raw := p.text(p.fields, "rawQueryString")
	if strings.Count(raw, "&") >= maxNames {
		p.refuse("rawQueryString", bilingual.New("has too many names", "参数过多"))
		return nil
	}
	query := map[string][]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, ok := unescapePair(pair)
		if !ok {
			p.refuse("rawQueryString", bilingual.New("has a percent sign that escapes nothing", "含有未转义任何字符的百分号"))
			return nil
		}
		if pair != "" {
			query[name] = append(query[name], value)
		}
	}
	return query
}

func unescapePair(pair string) (name, value string, ok bool) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(rawName)
	if err != nil {
		return "", "", false
	}
	value, err = url.QueryUnescape(rawValue)
	return name, value, err == nil
}

// httpClaims are a JWT authorizer's claims, a Lambda authorizer's context, and IAM's identity.
func (p *parts) httpClaims() map[string]string {
	groups := p.authorizer("jwt", "lambda", "iam")
	if groups == nil {
		return nil
	}
	claims := map[string]string{}
	if jwt := groups.get("jwt"); typeOf(jwt) == anObject {
		inner := p.pick("requestContext.authorizer", jwt, func(key []byte) bool { return string(key) == "claims" })
		if typeOf(inner.get("claims")) == anObject {
			p.claims(claims, inner.get("claims"))
		}
	}
	for _, name := range []string{"lambda", "iam"} {
		if group := groups.get(name); typeOf(group) == anObject {
			p.claims(claims, group)
		}
	}
	return claims
}

// awsREST is the event of AWS's REST API, and of an HTTP API that is set to payload 1.0 (API
// Gateway developer guide, "Input format of a Lambda function for proxy integration"). headers and
// queryStringParameters have the last value of each name, their multiValue twins all of them. path
// has its escapes as they came, but not in payload 1.0, whose events have a version, unlike a REST
// API's (both seen in the field: github.com/middleapi/standard-server/pull/93).
//
//	{"httpMethod":"GET","path":"/queryorder/A1","multiValueHeaders":{"Accept":["*/*"]},
//	 "requestContext":{"apiId":"…","authorizer":{"principalId":"…"}},…}
type awsREST struct{}

func (awsREST) matches(p *parts) bool {
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

// restClaims are a Lambda authorizer's context, which lies flat beside principalId, or a Cognito
// authorizer's claims.
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

// claims adds an authorizer's members to of: strings as they are, numbers and booleans as they are
// written; nested ones are left out. Two members of one name are a fault, whichever parts they come
// from: neither could be believed.
func (p *parts) claims(of map[string]string, object []byte) {
	p.pairs("requestContext.authorizer", object, func(name string, value []byte) {
		var claim string
		switch typeOf(value) {
		case aString:
			claim = string(unquote(value))
		case aNumber, aBool:
			claim = string(value)
		default:
			return
		}
		if _, twice := of[name]; twice {
			p.refuse("requestContext.authorizer", bilingual.New("has two claims of one name", "有两个同名的声明"))
			return
		}
		of[name] = claim
	})
}

// authorizer picks the groups of claims, each an object, from the authorizer's object.
func (p *parts) authorizer(groups ...string) fields {
	raw := p.context.get("authorizer")
	if typeOf(raw) != anObject {
		return nil
	}
	return p.pick("requestContext.authorizer", raw, func(key []byte) bool { return slices.Contains(groups, string(key)) })
}
