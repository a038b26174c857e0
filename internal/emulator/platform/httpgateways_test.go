package platform_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// The older gateways' events, after the samples of SCF's document and of aws-lambda-go.
func TestOlderGatewaysEvents(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{EnvID: "env-1"}, withEnv("HELLO_ECHO=1"))
	type object = map[string]any
	t.Run("SCF API gateway", func(t *testing.T) {
		got := c.eventOf(http.MethodPost, "/apigw/hello/a/b?x=1&y=1&y=2&flag", `{"n":1}`, "Content-Type", "application/json")
		want := object{
			"requestContext": object{
				"serviceId": "service-cloudpay", "path": "/", "httpMethod": "POST", "requestId": "r-1", "identity": object{},
				"sourceIp": "127.0.0.1", "stage": "release",
			},
			"headers": object{"user-agent": "test", "accept-encoding": "identity", "x-request-id": "r-1", "content-type": "application/json"},
			"body":    `{"n":1}`, "httpMethod": "POST", "path": "/a/b",
			"queryString":           object{"x": "1", "y": []any{"1", "2"}, "flag": true},
			"queryStringParameters": object{}, "pathParameters": object{}, "headerParameters": object{}, "stageVariables": object{},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
	})
	t.Run("REST API", func(t *testing.T) {
		got := c.restEventOf(http.MethodPost, "/aws-rest/hello/a/b?x=1&x=2", "text", "Content-Type", "text/plain")
		context, ok := got["requestContext"].(object)
		if !ok || context["apiId"] != "cloudpay" || context["httpMethod"] != "POST" || context["path"] != "/a/b" {
			t.Errorf("requestContext: got %v, want the API, the method and the path in it", context)
		}
		members := object{
			"resource": "/{proxy+}", "path": "/a/b", "httpMethod": "POST", "body": "text", "isBase64Encoded": false,
			"queryStringParameters": object{"x": "2"}, "multiValueQueryStringParameters": object{"x": []any{"1", "2"}},
			"pathParameters": object{"proxy": "a/b"}, "stageVariables": nil,
		}
		for name, want := range members {
			if diff := cmp.Diff(want, got[name]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		header, _ := got["headers"].(object)
		several, _ := got["multiValueHeaders"].(object)
		if header["X-Forwarded-For"] != "127.0.0.1" || !cmp.Equal(several["Content-Type"], []any{"text/plain"}) {
			t.Errorf("headers: got %v and %v, want names as AWS spells them, and the client's address", header, several)
		}
		got = c.restEventOf(http.MethodGet, "/aws-rest/hello", "")
		for _, name := range []string{"body", "queryStringParameters", "multiValueQueryStringParameters"} {
			if value, has := got[name]; !has || value != nil {
				t.Errorf("%s of a request without: got %v, want null", name, value)
			}
		}
	})
}

// restEventOf is the event that the REST API makes of a request. The function returns its event,
// which the REST API does not pass on, so that it is taken from the log.
func (c *cloud) restEventOf(method, path, body string, header ...string) map[string]any {
	c.t.Helper()
	before := len(c.function.logged())
	if got := c.send(method, path, body, header...); got.status != http.StatusBadGateway {
		c.t.Errorf("%s: got %d, want 502 for a result that is no integration response", path, got.status)
	}
	for _, line := range c.function.logged()[before:] {
		if _, result, found := strings.Cut(line, " RetMsg:"); found {
			var event map[string]any
			wantJSON(c.t, result, &event)
			return event
		}
	}
	c.t.Fatalf("%s: the log has no result", path)
	return nil
}

func TestOlderGatewaysAnswers(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, withEnv("HELLO_BODY=1"))
	const full = `{"statusCode":201,"headers":{"Content-Type":"text/x"},"body":"b"}`
	for name, test := range map[string]struct {
		path, result string
		status       int
		kind, body   string
	}{
		"SCF: integration":  {"/apigw/hello", full, 201, "text/x", "b"},
		"SCF: an object":    {"/apigw/hello", `{"a":1}`, 200, "application/json", `{"a":1}`},
		"REST: integration": {"/aws-rest/hello", full, 201, "text/x", "b"},
		"REST: no type":     {"/aws-rest/hello", `{"statusCode":200,"body":"{}"}`, 200, "application/json", "{}"},
		"REST: an object":   {"/aws-rest/hello", `{"a":1}`, 502, "application/json", `{"message":"Internal server error"}`},
		"REST: nothing":     {"/aws-rest/none", `{}`, 403, "application/json", `{"message":"Missing Authentication Token"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			got := c.send(http.MethodPost, test.path, raw(test.result), "Content-Type", "application/json")
			if got.status != test.status || got.header.Get("Content-Type") != test.kind || got.body != test.body {
				t.Errorf("got %d %s %q, want %d %s %q", got.status, got.header.Get("Content-Type"), got.body, test.status, test.kind, test.body)
			}
		})
	}
}
