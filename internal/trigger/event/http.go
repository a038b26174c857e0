package event

import (
	"encoding/base64"
	"net/url"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/hosting"
)

// HTTP events come in five platforms' shapes: tencent.go and aws.go. All name the method, the path,
// headers, the query and the body much alike, and are read by the functions here.
//
// The libraries' types do not fit: scf-go-lib's events.APIGatewayRequest requires each header to be
// one string and has no isBase64Encoded; aws-lambda-go's refuse a claim that is a number, or make a
// float of it; and none of them bounds the number of headers. The tests compare our reading with
// theirs.

// FromRequest is the event of a request to our own HTTP server. Its Fault is what Decode's would be
// for a request of too many names: net/http bounds the bytes of a head, and not their number.
func FromRequest(r hosting.Request) (Event, *Fault) {
	e := Event{Kind: HTTP, Form: formWeb, HTTPShaped: true}
	for _, values := range r.Query {
		if len(values) > maxNames {
			return e, &Fault{Field: "queryString", Rule: valuesRule()}
		}
	}
	switch {
	case len(r.Query) > maxNames:
		return e, &Fault{Field: "queryString", Rule: namesRule()}
	case len(r.Header) > maxNames:
		return e, &Fault{Field: "headers", Rule: namesRule()}
	}
	e.Request = r
	return e, nil
}

func namesRule() bilingual.Text {
	return bilingual.Sprintf("has more than %d names", "其名称超过 %d 个", maxNames)
}

func valuesRule() bilingual.Text {
	return bilingual.Sprintf("must have strings for values, %d for a name at most", "其值须为字符串，每个名称最多 %d 个", maxNames)
}

// contextKey reports whether a member of requestContext is read.
func contextKey(key []byte) bool {
	switch string(key) {
	case "serviceId", "envId", "apiId", "resourceId", "http", "requestId", "domainName", "authorizer":
		return true
	}
	return false
}

// request reads what all shapes but payload 2.0 name alike. Headers and query are in the first of
// the members named. Path is left as it is written: the shapes differ in whether that is escaped.
func (p *parts) request(headers, queries []string) hosting.Request {
	method := p.text(p.fields, "httpMethod")
	if method == "" {
		p.refuse("httpMethod", bilingual.New("must name the request's method", "须有请求方法"))
	}
	return hosting.Request{
		Method: method,
		Path:   rooted(p.text(p.fields, "path")),
		Query:  p.query(queries...),
		Header: p.header(headers...),
		Body:   p.body(),
		ID:     p.context.word("requestId"),
	}
}

// rooted adds a path's first slash. Platforms send one; a caller's own event may not.
func rooted(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}

// unescaped is a path without percent escapes, for a platform that leaves them in, or may:
// Tencent's documents do not say. If it had taken them out already, only a path with a percent sign
// in it would change, and no order number has one.
func (p *parts) unescaped(path string) string {
	plain, err := url.PathUnescape(path)
	if err != nil {
		p.refuse("path", bilingual.New("has a percent sign that escapes nothing", "含有未转义任何字符的百分号"))
	}
	return plain
}

// header reads headers under names in lower case. A name that comes twice, in one spelling or in
// two, has its values joined by a comma (RFC 9110 section 5.2), so that neither the first nor the
// last wins. Of several members the first that is there counts.
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

// query reads a query's parameters: all values of each name, in their order. A parameter without a
// value has one that is empty.
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

// values visits names and values in the first of the members named that is there.
func (p *parts) values(keys []string, visit func(name string, values []string)) {
	for _, key := range keys {
		if !p.fields.has(key) {
			continue
		}
		p.pairs(key, p.fields.get(key), func(name string, raw []byte) {
			values, ok := stringsOf(raw)
			if !ok {
				p.refuse(key, valuesRule())
				return
			}
			visit(name, values)
		})
		return
	}
}

// pairs visits the members of a bounded object: the value of key, or a part of it. It ends at the
// first fault.
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
			p.refuse(key, namesRule())
			return false
		}
		visit(string(name), value)
		return p.fault == nil
	})
}

// stringsOf is a string, or all of an array's; true, false and null have none. It returns false for
// anything else.
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

// body reads the body, decoding base64 where isBase64Encoded says so.
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
