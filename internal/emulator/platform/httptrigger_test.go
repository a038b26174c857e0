package platform_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// raw is an event for hello that has it answer with this JSON text.
func raw(text string) string {
	event, _ := json.Marshal(do{Do: "raw", Text: text})
	return string(event)
}

// eventOf is the event that a trigger makes of a request. The function returns its event.
func (c *cloud) eventOf(method, path, body string, header ...string) map[string]any {
	c.t.Helper()
	got := c.send(method, path, body, append(header, "X-Request-Id", "r-1", "User-Agent", "test", "Accept-Encoding", "identity")...)
	var event map[string]any
	wantJSON(c.t, got.body, &event)
	if header, ok := event["headers"].(map[string]any); ok {
		delete(header, "host")
		delete(header, "content-length")
	}
	return event
}

func TestHTTPEvents(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{EnvID: "env-1"}, withEnv("HELLO_ECHO=1"))
	type object = map[string]any
	header := func(more object) object {
		all := object{"user-agent": "test", "accept-encoding": "identity", "x-request-id": "r-1"}
		maps.Copy(all, more)
		return all
	}
	t.Run("function URL", func(t *testing.T) {
		got := c.eventOf(http.MethodPost, "/http/hello/a%20b/c?x=1&y=1&y=2&flag&empty=", `{"n":1}`, "Content-Type", "application/json", "X-Multi", "a")
		want := object{
			"body": `{"n":1}`, "httpMethod": "POST", "path": "/a b/c",
			"headers":     header(object{"content-type": "application/json", "x-multi": "a", "x-scf-remote-addr": "127.0.0.1"}),
			"queryString": object{"x": "1", "y": []any{"1", "2"}, "flag": true, "empty": ""},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
		if got := c.eventOf(http.MethodGet, "/http/hello", ""); got["path"] != "/" || got["body"] != "" {
			t.Errorf("shortest path: got %v, want / and no body", got)
		}
	})
	t.Run("access service", func(t *testing.T) {
		got := c.eventOf(http.MethodPut, "/tcb/hello/a?x=1&x=2", "\xff", "Content-Type", "image/png")
		want := object{
			"body": "/w==", "isBase64Encoded": true, "httpMethod": "PUT", "path": "/a",
			"headers":               header(object{"content-type": "image/png", "x-forwarded-for": "127.0.0.1"}),
			"queryStringParameters": object{"x": "1,2"},
			"requestContext":        object{"requestId": "r-1", "envId": "env-1", "appId": 1250000000.0, "uin": 100000000001.0},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
	})
	t.Run("HTTP API", func(t *testing.T) {
		got := c.eventOf(http.MethodPost, "/aws/hello/a?x=1&x=2", "text", "Content-Type", "text/plain; charset=utf-8", "Cookie", "a=1; b=2")
		context, ok := got["requestContext"].(map[string]any)
		if !ok || context["domainName"] == "" || context["timeEpoch"] == 0.0 || !strings.HasSuffix(context["time"].(string), " +0000") {
			t.Errorf("requestContext: got %v, want the domain and the time in it", context)
		}
		delete(context, "domainName")
		delete(context, "time")
		delete(context, "timeEpoch")
		want := object{
			"version": "2.0", "routeKey": "$default", "rawPath": "/a", "rawQueryString": "x=1&x=2", "cookies": []any{"a=1", "b=2"},
			"headers":               header(object{"content-type": "text/plain; charset=utf-8", "x-forwarded-for": "127.0.0.1"}),
			"queryStringParameters": object{"x": "1,2"},
			"requestContext": object{
				"accountId": "123456789012", "apiId": "cloudpay", "domainPrefix": "cloudpay", "requestId": "r-1",
				"routeKey": "$default", "stage": "$default",
				"http": object{"method": "POST", "path": "/a", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
			},
			"body": "text", "isBase64Encoded": false,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
		for _, absent := range []string{"body", "cookies", "queryStringParameters"} {
			if value, ok := c.eventOf(http.MethodGet, "/aws/hello/", "")[absent]; ok {
				t.Errorf("%s of a request without: got %v, want none", absent, value)
			}
		}
	})
}

func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, withEnv("HELLO_BODY=1"))
	const (
		jsonType = "application/json"
		textType = "text/plain; charset=utf-8"
		scfFault = `{"errno":403,"error":"Invalid scf response format. please check your scf response format."}`
		awsFault = `{"message":"Internal Server Error"}`
	)
	full := `{"statusCode":201,"headers":{"Content-Type":"text/x","Key":["v1","v2"],"N":1,"B":true},"body":"b\n"}`
	cases := map[string]struct {
		trigger, result string
		status          int
		kind, body      string
	}{
		"URL: integration":           {"http", full, 201, "text/x", "b\n"},
		"URL: base64":                {"http", `{"statusCode":200,"body":"/w==","isBase64Encoded":true,"headers":{"content-type":"a/b"}}`, 200, "a/b", "\xff"},
		"URL: an object":             {"http", `{"outcome":"closed"}`, 200, jsonType, `{"outcome":"closed"}`},
		"URL: a string":              {"http", `"x"`, 200, jsonType, `"x"`},
		"URL: no number":             {"http", `{"statusCode":"200"}`, 403, jsonType, scfFault},
		"URL: no status":             {"http", `{"statusCode":99}`, 403, jsonType, scfFault},
		"URL: informational":         {"http", `{"statusCode":101}`, 403, jsonType, scfFault},
		"URL: no base64":             {"http", `{"statusCode":200,"body":"!","isBase64Encoded":true}`, 403, jsonType, scfFault},
		"URL: body an object":        {"http", `{"statusCode":200,"body":{}}`, 403, jsonType, scfFault},
		"URL: headers of objects":    {"http", `{"statusCode":200,"headers":{"a":{}}}`, 403, jsonType, scfFault},
		"URL: headers of numbers":    {"http", `{"statusCode":200,"headers":{"a":[1]}}`, 403, jsonType, scfFault},
		"access: integration":        {"tcb", full, 201, "text/x", "b\n"},
		"access: a string":           {"tcb", `"x<y"`, 200, textType, `x<y`},
		"access: a number":           {"tcb", `1.50`, 200, textType, `1.50`},
		"access: null":               {"tcb", `null`, 200, jsonType, `null`},
		"access: an object":          {"tcb", `{"a":1}`, 200, jsonType, `{"a":1}`},
		"access: no integration":     {"tcb", `{"statusCode":"200"}`, 200, jsonType, `{"statusCode":"200"}`},
		"HTTP API: integration":      {"aws", full, 201, "text/x", "b\n"},
		"HTTP API: several values":   {"aws", `{"statusCode":200,"multiValueHeaders":{"key":["v1","v2"]},"cookies":["a=1"],"body":"{}"}`, 200, jsonType, "{}"},
		"HTTP API: an object":        {"aws", `{"a":1}`, 200, jsonType, `{"a":1}`},
		"HTTP API: malformed":        {"aws", `{"statusCode":{}}`, 500, jsonType, awsFault},
		"URL: empty 204":             {"http", `{"statusCode":204}`, 204, "", ""},
		"URL: hop-by-hop and length": {"http", `{"statusCode":200,"headers":{"Content-Length":"5","Transfer-Encoding":"x","Content-Type":"a/b"},"body":"b"}`, 200, "a/b", "b"},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			got := c.send(http.MethodPost, "/"+q.trigger+"/hello/", raw(q.result), "Content-Type", "application/json")
			if got.status != q.status || strings.TrimSuffix(got.body, "") != q.body || got.header.Get("Content-Type") != q.kind {
				t.Errorf("answer: got %d %q %q, want %d %q %q", got.status, got.header.Get("Content-Type"), got.body, q.status, q.kind, q.body)
			}
			if q.result == full {
				if diff := cmp.Diff([]any{[]string{"v1", "v2"}, "1", "true"}, []any{got.header["Key"], got.header.Get("N"), got.header.Get("B")}); diff != "" {
					t.Errorf("headers (-want +got):\n%s", diff)
				}
			}
			if strings.Contains(q.result, "cookies") && (got.header.Get("Set-Cookie") != "a=1" || len(got.header["Key"]) != 2) {
				t.Errorf("headers: got %v, want a cookie and two values of Key", got.header)
			}
		})
	}
}

func TestHTTPFailures(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, withEnv("HELLO_BODY=1"))
	fails := `{"Do":"fail","Text":"no"}`
	tooLarge := strings.Repeat(" ", platform.MaxPayload)
	cases := map[string]struct {
		path, body string
		status     int
		want       string
	}{
		"URL: function error":        {"/http/hello/", fails, 430, `"errorMessage":"no"`},
		"URL: process exit":          {"/http/hello/", `{"Do":"exit"}`, 439, `"statusCode":439`},
		"URL: too large":             {"/http/hello/", tooLarge, 406, `"statusCode":406`},
		"access: function error":     {"/tcb/hello/", fails, 400, `{"code":"FUNCTION_INVOCATION_FAILED","message":"Function code exception caught: no",`},
		"access: too large":          {"/tcb/hello/", tooLarge, 400, `"code":"EXCEED_MAX_PAYLOAD_SIZE"`},
		"HTTP API: function error":   {"/aws/hello/", fails, 500, `{"message":"Internal Server Error"}`},
		"URL: no such function":      {"/http/nope/", "{}", 404, `"statusCode":435`},
		"access: no such function":   {"/tcb/nope/", "{}", 404, `{"code":"INVALID_PATH","message":"Invalid path: `},
		"HTTP API: no such function": {"/aws/nope/", "{}", 404, `{"message":"Not Found"}`},
		"no function":                {"/http/", "{}", 404, `"statusCode":435`},
		"a path that is no trigger":  {"/httpx/hello/", "", 404, `"code":"INVALID_PATH"`},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			got := c.send(http.MethodPost, q.path, q.body, "Content-Type", "application/json")
			if got.status != q.status || !strings.Contains(got.body, q.want) {
				t.Errorf("answer: got %d %s, want %d with %s", got.status, got.body, q.status, q.want)
			}
		})
	}
}

// A function that cannot be started fails in each trigger's own form.
func TestHTTPWithoutAFunction(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	if err := c.function.Close(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/http/hello/": `"statusCode":500`, "/tcb/hello/": `"code":"SYS_ERR"`, "/aws/hello/": "Internal Server Error",
	} {
		if got := c.send(http.MethodGet, path, ""); got.status != 500 || !strings.Contains(got.body, want) {
			t.Errorf("%s: got %d %s, want 500 with %s", path, got.status, got.body, want)
		}
	}
}

// Behind every trigger, a web function gets the request itself, with the rest of its path.
func TestHTTPToAWebFunction(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{EnvID: "env-1"}, as(platform.Web))
	for _, prefix := range []string{"/http/hello", "/tcb/hello", "/aws/hello", "/v1/functions/hello"} {
		var got report
		wantJSON(t, c.send(http.MethodPut, prefix+"/a%2Fb?x=1&webfn=true", `{"Do":"report"}`, "X-Wx-Openid", "oABC", "X-Scf-Name", "forged").body, &got)
		_, target, _ := strings.Cut(got.Request, " ")
		_, target, _ = strings.Cut(target, " ")
		want := map[bool]string{true: "/a%2Fb?x=1", false: "/a%2Fb?x=1&webfn=true"}[prefix == "/v1/functions/hello"]
		if !strings.HasPrefix(got.Request, "PUT ") || target != want || got.Header.Get("X-Scf-Name") != "hello" {
			t.Errorf("%s: got %s with %v, want PUT %s", prefix, got.Request, got.Header, want)
		}
		if got.Header.Get("X-Wx-Openid") != "oABC" {
			t.Errorf("%s: got headers %v, want the openid", prefix, got.Header)
		}
	}
	c.wantFailure(c.send(http.MethodPost, "/v1/functions/hello", "{}"), 400, "FUNCTIONS_PARAM_INVALID", "web function")
	c.wantFailure(c.send(http.MethodPost, "/v1/functions/nope?webfn=true", "{}"), 400, "FUNCTION_NOT_FOUND", `"nope"`)
	if got := c.send(http.MethodGet, "/http/hello/teapot", ""); got.status != http.StatusTeapot || got.body != "short and stout" {
		t.Errorf("answer: got %d %s, want 418 short and stout", got.status, got.body)
	}
}

// WeChat's gateway sets the user's headers, and removes forged ones.
func TestWebUser(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{EnvID: "env-1", AppID: "wx1"}, as(platform.Web))
	cases := map[string]struct{ given, want http.Header }{
		"a user": {
			http.Header{"X-Wx-Openid": {"oABC"}, "X-Wx-Unionid": {"forged"}},
			http.Header{"X-Wx-Openid": {"oABC"}, "X-Wx-Appid": {"wx1"}, "X-Wx-Env": {"env-1"}, "X-Wx-Source": {"wx_client"}},
		},
		"nobody": {http.Header{"X-Wx-Source": {"wx_client"}, "X-Wx-From-Openid": {"forged"}}, http.Header{}},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var header []string
			for name, values := range q.given {
				header = append(header, name, values[0])
			}
			c := &cloud{t: t, url: c.url}
			var told report
			wantJSON(t, c.send(http.MethodPost, "/v1/functions/hello?webfn=true", `{"Do":"report"}`, header...).body, &told)
			got := http.Header{}
			for name, values := range told.Header {
				if strings.HasPrefix(name, "X-Wx-") {
					got[name] = values
				}
			}
			if diff := cmp.Diff(q.want, got); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}
