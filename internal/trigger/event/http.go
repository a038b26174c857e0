package event

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
)

// HTTP events come in five platforms' shapes and one of our own, which is a function URL's. All name the method, the
// path, headers, the query and the body much alike; what differs is in the twins of functionurl.go.
//
// The libraries' types for them do not fit: scf-go-lib's events.APIGatewayRequest wants each header to be one string
// and leaves isBase64Encoded out; aws-lambda-go's refuse a claim that is a number, or make a float of it; and all of
// them take as many headers as there are. The tests hold our reading to theirs.

// contextKey reports whether a member of requestContext is wanted.
func contextKey(key []byte) bool {
	switch string(key) {
	case "serviceId", "envId", "apiId", "resourceId", "http", "cloudpay", "requestId", "domainName", "authorizer":
		return true
	}
	return false
}

// request reads what all shapes but payload 2.0 name alike. Headers and query are in the first of the members named. Path
// is as it is written: who reads it says whether that is with escapes.
func (p *parts) request(headers, queries []string) Request {
	method := p.text(p.fields, "httpMethod")
	if method == "" {
		p.refuse("httpMethod", bilingual.New("must name the request's method", "须有请求方法"))
	}
	return Request{
		Method: method,
		Path:   rooted(p.text(p.fields, "path")),
		Query:  p.query(queries...),
		Header: p.header(headers...),
		Body:   p.body(),
		ID:     p.context.word("requestId"),
	}
}

// rooted gives a path its first slash. Platforms send one; a caller's own event may not.
func rooted(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}

// unescaped is a path without percent escapes, for a platform that leaves them in, or may: Tencent's do not say. From one
// that had taken them out already, only a path with a percent sign in it would become another, and no order's number has
// one.
func (p *parts) unescaped(path string) string {
	plain, err := url.PathUnescape(path)
	if err != nil {
		p.refuse("path", bilingual.New("has a percent sign that escapes nothing", "含有未转义任何字符的百分号"))
	}
	return plain
}

// header reads headers under names in lower case. A name that comes twice, in one spelling or in two, has its values
// joined by a comma (RFC 9110 section 5.2), so that nobody's first or last word wins. Of several members the first that
// is there counts.
func (p *parts) header(keys ...string) map[string]string {
	header := map[string]string{}
	p.values(keys, func(name string, values []string) {
		name, value := strings.ToLower(name), strings.Join(values, ",")
		if before, twice := header[name]; twice {
			value = before + "," + value
		}
		header[name] = value
	})
	return header
}

// query reads a query's parameters: all values of each name, in their order. A parameter without
// any is there, and has one that is empty.
func (p *parts) query(keys ...string) map[string][]string {
	query := map[string][]string{}
	p.values(keys, func(name string, values []string) {
		if len(values) == 0 {
			values = []string{""}
		}
		query[name] = append(query[name], values...)
	})
	return query
}

// values reads an object of names and values, the first of the members named that is there.
func (p *parts) values(keys []string, visit func(name string, values []string)) {
	for _, key := range keys {
		if !p.fields.has(key) {
			continue
		}
		p.pairs(key, p.fields.get(key), func(name string, raw []byte) {
			values, ok := stringsOf(raw)
			if !ok {
				p.refuse(key, bilingual.Sprintf(
					"must have strings for values, %d for a name at most", "其值须为字符串，每个名称最多 %d 个", maxNames))
				return
			}
			visit(name, values)
		})
		return
	}
}

// pairs visits the members of a small object: the value of key, or a part of it.
func (p *parts) pairs(key string, object []byte, visit func(name string, value []byte)) {
	switch {
	case typeOf(object) != anObject:
		p.refuse(key, bilingual.Sprintf("must be an object, not %s", "须为对象，而不是%s", typeOf(object).text()))
		return
	case len(object) > maxHead:
		p.refuse(key, bilingual.Sprintf("is more than %d bytes long", "超过 %d 字节", maxHead))
		return
	}
	names := 0
	members(object, func(name, value []byte) bool {
		if names++; names > maxNames {
			p.refuse(key, bilingual.Sprintf("has more than %d names", "其名称超过 %d 个", maxNames))
			return false
		}
		visit(string(name), value)
		return p.fault == nil
	})
}

// stringsOf gives a string, or all of an array's; true, false and null have none.
func stringsOf(value []byte) ([]string, bool) {
	var values []string
	whole := true
	switch typeOf(value) {
	case aString:
		values = []string{string(unquote(value))}
	case aBool, aNull:
	case anArray:
		elements(value, func(element []byte) bool {
			if whole = typeOf(element) == aString && len(values) < maxNames; whole {
				values = append(values, string(unquote(element)))
			}
			return whole
		})
	default:
		return nil, false
	}
	return values, whole
}

// body reads the body, out of its base64 where there is one.
func (p *parts) body() []byte {
	var text []byte
	switch raw := p.fields.get("body"); typeOf(raw) {
	case nothing, aNull:
	case aString:
		text = unquote(raw)
	default:
		p.refuse("body", bilingual.Sprintf("must be a string, not %s", "须为字符串，而不是%s", typeOf(raw).text()))
	}
	switch string(p.fields.get("isBase64Encoded")) {
	case "", "null", "false":
		return text
	case "true":
	default:
		p.refuse("isBase64Encoded", bilingual.New("must be true or false", "须为 true 或 false"))
		return nil
	}
	body := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(body, text)
	if err != nil {
		p.refuse("body", bilingual.New("must be base64, as isBase64Encoded says", "须为 base64，如 isBase64Encoded 所示"))
	}
	return body[:n]
}

// claims adds an authorizer's words: strings as they are, numbers and booleans as they are written; what is nested is
// left out. Two words for one name are a fault, whichever parts they come from: none of them could be believed.
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

// authorizer reads the groups of claims that the authorizer's object has, each an object.
func (p *parts) authorizer(groups ...string) fields {
	raw := p.context.get("authorizer")
	if typeOf(raw) != anObject {
		return nil
	}
	return p.pick("requestContext.authorizer", raw, func(key []byte) bool { return slices.Contains(groups, string(key)) })
}
