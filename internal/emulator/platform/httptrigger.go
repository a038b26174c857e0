package platform

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// httpTrigger converts an HTTP request to an event, and the function's result to an HTTP answer, as
// one cloud's gateway does. A web function behind any of them gets the request itself.
type httpTrigger interface {
	// event is the event for a request. path is the part of the request's path after the function's
	// name, and begins with /.
	event(r *http.Request, path string, body []byte, id string) any
	// answer is the HTTP answer for a result.
	answer(result []byte) webResult
	// failure is the HTTP answer when there is no result; reply counts if err is nil.
	failure(reply Reply, err error, id string) webResult
	// missing is the HTTP answer when there is no such function.
	missing(name, id string) webResult
}

// webResult is a whole HTTP answer.
type webResult struct {
	status int
	header http.Header
	body   []byte
}

// write sends the answer. Its body is not escaped: it is the function's.
func (r webResult) write(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // an error means that the caller went away
}

// trigger serves /{function}/{path} as one cloud's gateway.
func (c *Cloud) trigger(source httpTrigger) func(http.ResponseWriter, *http.Request, string, string) {
	return func(w http.ResponseWriter, r *http.Request, rest, id string) {
		name, path, _ := strings.Cut(rest, "/")
		function := c.function(name)
		if function == nil {
			source.missing(name, id).write(w)
			return
		}
		if function.runtime() == Web {
			c.passOn(w, through(r, c.publicHost(source, name)), function, triggerSegments, id)
			return
		}
		// One byte over the limit is enough for Invoke to refuse the event, in the gateway's form.
		body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
		if err != nil {
			fail(w, http.StatusBadRequest, codeBadEvent, "reading the request: "+oneLine(err.Error()), id)
			return
		}
		payload := encode(source.event(r, "/"+path, body, id))
		event := Event{Payload: payload, RequestID: id}
		reply, err := c.run(context.WithoutCancel(r.Context()), function, event, function.Invoke)
		if err != nil || reply.Err != nil {
			source.failure(reply, err, id).write(w)
			return
		}
		source.answer(reply.Payload).write(w)
	}
}

// functionURL is SCF's function URL (SCF doc 583/96099). Its events have five keys, and the body is
// always text. A query's values are those of API Gateway: a string, several strings, or true for a
// name without a value.
type functionURL struct{}

// event has the query as the trigger parses it, and adds the caller's address to the headers.
func (functionURL) event(r *http.Request, path string, body []byte, _ string) any {
	header := lowerCase(r)
	header["x-scf-remote-addr"] = clientIP(r)
	return map[string]any{
		"body": string(body), "headers": header, "httpMethod": r.Method, "path": path, "queryString": looseQuery(r.URL.RawQuery),
	}
}

// answer takes a result with a statusCode for an integration response, and any other for the body
// of a 200.
func (functionURL) answer(result []byte) webResult {
	response, kind := integrationOf(result)
	switch kind {
	case integrated:
		return response
	case malformed:
		return jsonResult(http.StatusForbidden, map[string]any{
			"errno": http.StatusForbidden, "error": "Invalid scf response format. please check your scf response format.",
		})
	default:
		return typed(http.StatusOK, jsonType, result)
	}
}

// failure shows SCF's own error document. Its status codes above 400 go over HTTP as they are.
func (functionURL) failure(reply Reply, err error, id string) webResult {
	if err != nil {
		reply = refuse(id, http.StatusInternalServerError, "%s", err.Error())
	}
	return typed(reply.Status, jsonType, reply.errorDocument())
}

// missing has SCF's documented status for a missing function in its body only; over HTTP it is a
// 404.
func (functionURL) missing(name, id string) webResult {
	const functionNotFound = 435
	return typed(http.StatusNotFound, jsonType, refuse(id, functionNotFound, "FunctionNotFound: %s", noSuchFunction(name)).errorDocument())
}

// accessService is CloudBase's HTTP access service (docs.cloudbase.net/service).
type accessService struct{ envID string }

// event has the gateway's own context: the environment, and the account's numbers as JSON numbers.
func (s accessService) event(r *http.Request, path string, body []byte, id string) any {
	header := lowerCase(r)
	header["x-forwarded-for"] = clientIP(r)
	text, encoded := bodyText(r, body)
	return map[string]any{
		"path": path, "httpMethod": r.Method, "headers": header, "queryStringParameters": joinedQuery(r.URL.Query()),
		"requestContext": map[string]any{
			"requestId": id, "envId": s.envID, "appId": json.Number(accountAppID), "uin": json.Number(accountUin),
		},
		"body": text, "isBase64Encoded": encoded,
	}
}

// answer sends a string or a number as text, and any other value as JSON unless it is an
// integration response.
func (accessService) answer(result []byte) webResult {
	response, kind := integrationOf(result)
	if kind == integrated {
		return response
	}
	var text string
	if err := json.Unmarshal(result, &text); err == nil && string(result) != "null" {
		return typed(http.StatusOK, "text/plain; charset=utf-8", []byte(text))
	}
	if number := json.Number(""); json.Unmarshal(result, &number) == nil && string(result) != "null" {
		return typed(http.StatusOK, "text/plain; charset=utf-8", result)
	}
	return typed(http.StatusOK, jsonType, result)
}

func (accessService) failure(reply Reply, err error, id string) webResult {
	return failure(reply, err, id)
}

// missing is the answer to an unknown route, because routes lead to functions there.
func (accessService) missing(name, id string) webResult {
	return cloudBaseFault(http.StatusNotFound, codeNoSuchPath, "Invalid path: "+noSuchFunction(name), id)
}

// httpAPI is API Gateway's HTTP API with payload format 2.0, which Lambda's function URLs use as
// well (docs.aws.amazon.com/apigateway, "http-api-develop-integrations-lambda").
type httpAPI struct{}

// event has cookies apart from the headers, and leaves out an empty query, body or list of cookies,
// as format 2.0 does.
func (httpAPI) event(r *http.Request, path string, body []byte, id string) any {
	now := time.Now().UTC()
	header := lowerCase(r)
	delete(header, "cookie")
	header["x-forwarded-for"] = clientIP(r)
	text, encoded := bodyText(r, body)
	event := map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": r.URL.RawQuery, "headers": header,
		"requestContext": map[string]any{
			"accountId": lambdaAccount, "apiId": "cloudpay", "domainName": r.Host, "domainPrefix": "cloudpay", "requestId": id,
			"routeKey": "$default", "stage": "$default", "time": now.Format("02/Jan/2006:15:04:05 -0700"), "timeEpoch": now.UnixMilli(),
			"http": map[string]string{
				"method": r.Method, "path": path, "protocol": r.Proto, "sourceIp": clientIP(r), "userAgent": r.UserAgent(),
			},
		},
		"isBase64Encoded": encoded,
	}
	if query := joinedQuery(r.URL.Query()); len(query) > 0 {
		event["queryStringParameters"] = query
	}
	if len(body) > 0 {
		event["body"] = text
	}
	var cookies []string
	for cookie := range strings.SplitSeq(strings.Join(r.Header.Values("Cookie"), ";"), ";") {
		if cookie = strings.TrimSpace(cookie); cookie != "" {
			cookies = append(cookies, cookie)
		}
	}
	if len(cookies) > 0 {
		event["cookies"] = cookies
	}
	return event
}

// answer takes a result without a statusCode for the body of a 200, as format 2.0 does.
func (a httpAPI) answer(result []byte) webResult {
	response, kind := integrationOf(result)
	switch kind {
	case integrated:
		if response.header.Get("Content-Type") == "" {
			response.header.Set("Content-Type", "application/json")
		}
		return response
	case malformed:
		return a.failure(Reply{}, nil, "")
	default:
		return typed(http.StatusOK, jsonType, result)
	}
}

// failure hides the reason from the caller, as AWS does; the log has it.
func (httpAPI) failure(Reply, error, string) webResult {
	return jsonResult(http.StatusInternalServerError, map[string]string{"message": "Internal Server Error"})
}

// missing is API Gateway's answer for a route that does not exist.
func (httpAPI) missing(string, string) webResult {
	return jsonResult(http.StatusNotFound, map[string]string{"message": "Not Found"})
}

// shape classifies a result for an HTTP trigger.
type shape int

// The shapes.
const (
	plain      shape = iota // not an integration response
	integrated              // an integration response
	malformed               // has a statusCode, but is not valid
)

// integrationOf parses {"statusCode":200,"headers":{…},"body":"…","isBase64Encoded":false}, which
// Lambda extends by cookies and multiValueHeaders. The answer is valid with integrated only.
func integrationOf(result []byte) (webResult, shape) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(result, &keys); err != nil || keys["statusCode"] == nil {
		return webResult{}, plain
	}
	var response struct {
		StatusCode        int                 `json:"statusCode"`
		Headers           map[string]any      `json:"headers"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
		Cookies           []string            `json:"cookies"`
		Body              string              `json:"body"`
		IsBase64Encoded   bool                `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(result, &response); err != nil || response.StatusCode < 200 || response.StatusCode > 599 {
		return webResult{}, malformed
	}
	header := http.Header{}
	for name, value := range response.Headers {
		values, ok := headerValues(value)
		if !ok {
			return webResult{}, malformed
		}
		header[http.CanonicalHeaderKey(name)] = values
	}
	for name, values := range response.MultiValueHeaders {
		header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	for _, cookie := range response.Cookies {
		header.Add("Set-Cookie", cookie)
	}
	withoutHops(header)
	header.Del("Content-Length") // it is counted
	body := []byte(response.Body)
	if response.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(response.Body); err != nil {
			return webResult{}, malformed
		}
	}
	return webResult{response.StatusCode, header, body}, integrated
}

// headerValues are the values of one header: a scalar, or a list of strings. ok is false for
// anything else.
func headerValues(value any) ([]string, bool) {
	switch value := value.(type) {
	case string:
		return []string{value}, true
	case float64, bool:
		return []string{fmt.Sprint(value)}, true
	case []any:
		var values []string
		for _, one := range value {
			text, ok := one.(string)
			if !ok {
				return nil, false
			}
			values = append(values, text)
		}
		return values, true
	default:
		return nil, false
	}
}

// jsonType is the content type of most answers.
const jsonType = "application/json"

// typed is an answer with a content type and no other header.
func typed(status int, contentType string, body []byte) webResult {
	return webResult{status, http.Header{"Content-Type": {contentType}}, body}
}

// jsonResult is an answer of the platform's own.
func jsonResult(status int, document any) webResult {
	return typed(status, jsonType, encode(document))
}

// lowerCase are a request's headers as events have them: names in lower case, several values joined
// by commas.
func lowerCase(r *http.Request) map[string]string {
	header := r.Header.Clone()
	withoutHops(header)
	joined := map[string]string{"host": r.Host}
	for name, values := range header {
		joined[strings.ToLower(name)] = strings.Join(values, ",")
	}
	return joined
}

// clientIP is the address that a request comes from.
func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// looseQuery parses a query as API Gateway does (SCF doc "API 网关触发器").
func looseQuery(raw string) map[string]any {
	query := map[string]any{}
	for name, values := range joinable(raw) {
		switch {
		case len(values) > 1:
			query[name] = values
		case values[0] == "" && !strings.Contains("&"+raw+"&", "&"+url.QueryEscape(name)+"="):
			query[name] = true
		default:
			query[name] = values[0]
		}
	}
	return query
}

// joinable parses a query and leaves out what cannot be parsed.
func joinable(raw string) url.Values {
	query, err := url.ParseQuery(raw)
	if err != nil && query == nil {
		return url.Values{}
	}
	return query
}

// joinedQuery has one string for each name, several values joined by commas.
func joinedQuery(query url.Values) map[string]string {
	joined := make(map[string]string, len(query))
	for name, values := range query {
		joined[name] = strings.Join(values, ",")
	}
	return joined
}

// bodyText is a body as events have it: text as it is, anything else in base64. The content type
// tells which it is (docs.aws.amazon.com/apigateway, the same page); CloudBase does not document
// its rule.
func bodyText(r *http.Request, body []byte) (text string, encoded bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	isText := err == nil && (strings.HasPrefix(kind, "text/") ||
		slices.Contains([]string{"application/json", "application/javascript", "application/xml"}, kind))
	if isText || len(body) == 0 {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}
