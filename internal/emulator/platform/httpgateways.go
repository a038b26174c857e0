package platform

import (
	"net/http"
	"strings"
	"time"
)

// apiGateway is Tencent's API Gateway with an SCF trigger and integrated responses (SCF doc "API
// 网关触发器"). No new ones can be created since July 2024; old ones still call functions. It
// answers as the function URL, which came after it, does.
type apiGateway struct{ functionURL }

// event has the query both as the gateway parses it and as the route declares it. Of a route
// without parameters the latter is empty.
func (apiGateway) event(r *http.Request, path string, body []byte, id string) any {
	return map[string]any{
		"requestContext": map[string]any{
			"serviceId": "service-cloudpay", "path": "/", "httpMethod": r.Method, "requestId": id,
			"identity": map[string]any{}, "sourceIp": clientIP(r), "stage": "release",
		},
		"headers": lowerCase(r), "body": string(body), "httpMethod": r.Method, "path": path,
		"queryString": looseQuery(r.URL.RawQuery), "queryStringParameters": map[string]any{},
		"pathParameters": map[string]any{}, "headerParameters": map[string]any{}, "stageVariables": map[string]any{},
	}
}

// restAPI is API Gateway's REST API with a proxy integration, payload format 1.0 without a version
// (docs.aws.amazon.com/apigateway, "set-up-lambda-proxy-integrations").
type restAPI struct{}

// event has the last value of each header and parameter, and all of them in the multiValue twins.
// Members without a value are null.
func (restAPI) event(r *http.Request, path string, body []byte, id string) any {
	now := time.Now().UTC()
	header := r.Header.Clone()
	withoutHops(header)
	header.Set("Host", r.Host)
	header.Set("X-Forwarded-For", clientIP(r))
	text, encoded := bodyText(r, body)
	event := map[string]any{
		"resource": "/{proxy+}", "path": path, "httpMethod": r.Method,
		"headers": lastValues(header), "multiValueHeaders": header,
		"queryStringParameters": nil, "multiValueQueryStringParameters": nil,
		"pathParameters": map[string]string{"proxy": strings.TrimPrefix(path, "/")}, "stageVariables": nil,
		"requestContext": map[string]any{
			"accountId": lambdaAccount, "apiId": "cloudpay", "resourceId": "cloudpay", "stage": "release", "requestId": id,
			"domainName": r.Host, "domainPrefix": "cloudpay", "httpMethod": r.Method, "path": path, "protocol": r.Proto,
			"resourcePath": "/{proxy+}", "requestTime": now.Format("02/Jan/2006:15:04:05 -0700"), "requestTimeEpoch": now.UnixMilli(),
			"identity": map[string]any{"sourceIp": clientIP(r), "userAgent": r.UserAgent()},
		},
		"body": nil, "isBase64Encoded": encoded,
	}
	if query := r.URL.Query(); len(query) > 0 {
		event["queryStringParameters"], event["multiValueQueryStringParameters"] = lastValues(query), query
	}
	if len(body) > 0 {
		event["body"] = text
	}
	return event
}

// lastValues has the last value of each name.
func lastValues(all map[string][]string) map[string]string {
	last := make(map[string]string, len(all))
	for name, values := range all {
		if len(values) > 0 {
			last[name] = values[len(values)-1]
		}
	}
	return last
}

// answer wants an integration response: a REST API takes nothing else.
func (a restAPI) answer(result []byte) webResult {
	response, kind := integrationOf(result)
	if kind != integrated {
		return a.failure(Reply{}, nil, "")
	}
	if response.header.Get("Content-Type") == "" {
		response.header.Set("Content-Type", "application/json")
	}
	return response
}

// failure hides the reason from the caller, as AWS does; the log has it.
func (restAPI) failure(Reply, error, string) webResult {
	return jsonResult(http.StatusBadGateway, map[string]string{"message": "Internal server error"})
}

// missing is the REST API's answer to a route that does not exist.
func (restAPI) missing(string, string) webResult {
	return jsonResult(http.StatusForbidden, map[string]string{"message": "Missing Authentication Token"})
}
