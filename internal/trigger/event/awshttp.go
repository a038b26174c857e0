package event

import (
	"cmp"
	"net/url"
	"strings"

	"cloudpay/internal/bilingual"
)

// awsHTTP is the event of a Lambda function URL and of AWS's HTTP API: payload 2.0 (API Gateway developer guide,
// "AWS Lambda proxy integrations for HTTP APIs"). Headers come joined by commas. Cookies, which have a list of their
// own, are left out: nobody is known by a cookie here.
type awsHTTP struct{}

func (awsHTTP) made(p *parts) bool {
	return p.fields.is("version", "2.0") && typeOf(p.context.get("http")) == anObject
}

func (awsHTTP) read(p *parts, e *Event) {
	request := p.pick("requestContext.http", p.context.get("http"), func(key []byte) bool {
		return string(key) == "method" || string(key) == "path"
	})
	e.Request = Request{
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

// rawPath reads the path. A function URL leaves its escapes in; an HTTP API takes them out, despite the name (both seen in
// the field: github.com/middleapi/standard-server/pull/93). They are told apart by the host, which nobody can choose for a
// function URL.
func (p *parts) rawPath(request fields) string {
	path := cmp.Or(p.text(p.fields, "rawPath"), p.text(request, "path"))
	if host, _ := p.context.text("domainName"); strings.Contains(host, ".lambda-url.") {
		return p.unescaped(path)
	}
	return path
}

// rawQuery reads the query from rawQueryString: queryStringParameters joins the values of a name by commas, after which
// nobody can tell how many there were.
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

// httpClaims are a JWT authorizer's claims, a Lambda authorizer's context, or who IAM says is calling.
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
