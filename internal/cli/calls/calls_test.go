package calls_test

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/calls"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

func parse(t *testing.T, text string) calls.Caller {
	t.Helper()
	c, err := calls.ParseCaller(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParseCaller(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"nobody", "user:oABC", "user:wx1:oABC", "page:tcb-uuid_1", "cognito:us-east-1:1-2", "service", "impostor", "http", "timer",
	} {
		if got := parse(t, text).String(); got != text {
			t.Errorf("%s: got %s", text, got)
		}
	}
	for _, text := range []string{
		"", "somebody", "user", "user:", "user::oABC", "user:wx1:", "user:a:b:c", "user:o A", "page", "page:", "cognito", "service:x", "nobody:",
	} {
		if got, err := calls.ParseCaller(text); err == nil || !strings.Contains(err.Error(), "must be nobody, user:[APPID:]OPENID") {
			t.Errorf("%q: got %v and error %v, want an error that lists the callers", text, got, err)
		}
	}
}

// FuzzParseCaller: what is read is printed as it was, and fits in a header.
func FuzzParseCaller(f *testing.F) {
	for _, seed := range []string{"nobody", "user:oABC", "user:wx1:oABC", "page:1", "cognito:a:b", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := calls.ParseCaller(text)
		if err == nil && c.String() != text {
			t.Errorf("%q is read as %q", text, c)
		}
		if err == nil && strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%q is read", text)
		}
	})
}

// cloud answers everything alike, after the list of its functions, and keeps what it got last.
type cloud struct {
	desk.Description

	method, path, body string
	header             http.Header
}

func serve(t *testing.T, runtime platform.Runtime, status int, answer string, header ...string) *cloud {
	t.Helper()
	c := &cloud{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/v1/functions" {
			_, _ = io.WriteString(w, `{"functions":[{"name":"queryorder"},{"name":"nightly"},{"name":"page","runtime":"web"}]}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		c.method, c.path, c.body, c.header = r.Method, r.URL.RequestURI(), string(body), r.Header
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	c.Description = desk.Description{CloudURL: server.URL, Runtime: runtime, Env: map[string]string{
		"CLOUDPAY_SERVICE_TOKEN": "the-service-token the-old-one", "CLOUDPAY_HTTP_TOKEN": "the-http-token", "CLOUDPAY_TIMER_TOKEN": "the-timer-token",
	}}
	return c
}

// Each trigger sends what its cloud's client sends.
func TestRequests(t *testing.T) {
	t.Parallel()
	const event = `{"out_trade_no":"A1"}`
	evening := time.Date(2026, 11, 29, 18, 30, 0, 0, time.FixedZone("", 8*60*60))
	for name, test := range map[string]struct {
		call    calls.Call
		runtime platform.Runtime
		as      string
		path    string
		body    string
		header  map[string]string
	}{
		"a user's call": {calls.Call{Trigger: "call"}, platform.Go1, "user:wx1:oABC", "/v1/functions/queryorder", event,
			map[string]string{"X-Wx-Openid": "oABC", "X-Wx-Appid": "wx1"}},
		"a page's call": {calls.Call{Trigger: "call"}, platform.Go1, "page:u1", "/v1/functions/queryorder", event,
			map[string]string{"X-Cloudpay-Tcb-Uuid": "u1"}},
		"a service's call": {calls.Call{Trigger: "call"}, platform.Go1, "service", "/v1/functions/queryorder",
			`{"out_trade_no":"A1","service_token":"the-service-token"}`, nil},
		"a web function": {calls.Call{Trigger: "call"}, platform.Web, "user:oABC", "/v1/functions/queryorder/queryorder?webfn=true", event,
			map[string]string{"X-Wx-Openid": "oABC"}},
		"a server's SDK": {calls.Call{Trigger: "sdk"}, platform.Go1, "nobody", "/admin",
			`{"action":"functions.invokeFunction","function_name":"queryorder","request_data":"{\"out_trade_no\":\"A1\"}"}`, nil},
		"Tencent Cloud": {calls.Call{Trigger: "scf"}, platform.Go1, "nobody", "/",
			`{"ClientContext":"{\"out_trade_no\":\"A1\"}","FunctionName":"queryorder"}`, map[string]string{"X-Tc-Action": "Invoke"}},
		"AWS": {calls.Call{Trigger: "aws"}, platform.Lambda, "cognito:us-east-1:1", "/2015-03-31/functions/queryorder/invocations", event,
			map[string]string{"X-Cloudpay-Cognito-Identity": "us-east-1:1"}},
		"a function URL": {calls.Call{Trigger: "function-url", Method: "get", Path: "/queryorder/A1?x=1"}, platform.Go1, "http",
			"/http/queryorder/queryorder/A1?x=1", "", map[string]string{"Authorization": "Bearer the-http-token"}},
		"an impostor": {calls.Call{Trigger: "aws-rest"}, platform.Lambda, "impostor", "/aws-rest/queryorder/queryorder", event,
			map[string]string{"Cloudpay-Service-Token": "this-token-is-not-the-one"}},
		"a timer":     {calls.Call{Trigger: "timer"}, platform.Go1, "timer", "/v1/timers/queryorder", `{}`, nil},
		"a message's": {calls.Call{Trigger: "timer", Data: []byte("now")}, platform.Lambda, "timer", "/v1/timers/queryorder", `{"message":"now"}`, nil},
		"at a time": {calls.Call{Trigger: "timer", At: evening, Data: []byte("now")}, platform.Node, "timer", "/v1/timers/queryorder",
			`{"message":"now","time":"2026-11-29T18:30:00+08:00"}`, nil},
		"at a time, with the token": {calls.Call{Trigger: "timer", At: evening}, platform.CustomRuntime, "timer", "/v1/timers/queryorder",
			`{"message":"the-timer-token","time":"2026-11-29T18:30:00+08:00"}`, nil},
		"at a time on Lambda": {calls.Call{Trigger: "timer", At: evening}, platform.Lambda, "timer", "/v1/timers/queryorder?form=eventbridge",
			`{"time":"2026-11-29T18:30:00+08:00"}`, nil},
		"EventBridge at a time": {calls.Call{Trigger: "eventbridge", At: evening}, platform.Go1, "timer", "/v1/timers/queryorder?form=eventbridge",
			`{"time":"2026-11-29T18:30:00+08:00"}`, nil},
		"a timer of another's": {calls.Call{Trigger: "timer", Function: "nightly"}, platform.CustomRuntime, "timer", "/v1/timers/nightly", `{}`, nil},
		"no event":             {calls.Call{Trigger: "call", Data: []byte{}}, platform.Go1, "nobody", "/v1/functions/queryorder", "", nil},
		"a custom timer":       {calls.Call{Trigger: "timer"}, platform.CustomRuntime, "timer", "/v1/timers/queryorder", `{"message":"the-timer-token"}`, nil},
		"without token":        {calls.Call{Trigger: "timer"}, platform.CustomRuntime, "nobody", "/v1/timers/queryorder", `{"message":""}`, nil},
		"EventBridge":          {calls.Call{Trigger: "eventbridge"}, platform.Lambda, "timer", "/v1/timers/queryorder?form=eventbridge", `{}`, nil},
		"a message": {calls.Call{Trigger: "cmq"}, platform.Go1, "service", "/v1/queues/queryorder?form=cmq",
			`{"messages":[{"out_trade_no":"A1","service_token":"the-service-token"}]}`, nil},
		"two messages": {calls.Call{Trigger: "sqs", Data: []byte(`[{"a":1},"x"]`)}, platform.Lambda, "nobody", "/v1/queues/queryorder?form=sqs",
			`{"messages":[{"a":1},"x"]}`, nil},
		"no JSON": {calls.Call{Trigger: "tdmq", Data: []byte(`hello`)}, platform.Go1, "nobody", "/v1/queues/queryorder?form=tdmq",
			`{"messages":["hello"]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, test.runtime, http.StatusOK, `{}`)
			test.call.Function, test.call.As = cmp.Or(test.call.Function, "queryorder"), parse(t, test.as)
			hasNone := slices.Contains([]string{"timer", "eventbridge"}, test.call.Trigger) || strings.EqualFold(test.call.Method, http.MethodGet)
			if test.call.Data == nil && !hasNone {
				test.call.Data = []byte(event)
			}
			checked, err := test.call.Check(t.Context(), c.Description)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = checked.Send(t.Context()) // {} is no answer to some
			if c.path != test.path || c.body != test.body {
				t.Errorf("got %s with %s, want %s with %s", c.path, c.body, test.path, test.body)
			}
			for header, want := range test.header {
				if got := c.header.Get(header); got != want {
					t.Errorf("%s: got %q, want %q", header, got, want)
				}
			}
		})
	}
}

// What a runtime or a trigger does not have is said in both languages, and nothing is sent.
func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		call    calls.Call
		as      string
		runtime platform.Runtime
		want    string
	}{
		"no trigger":         {calls.Call{Trigger: "kafka"}, "nobody", platform.Go1, "--trigger: must be call, sdk"},
		"a web timer":        {calls.Call{Trigger: "timer"}, "timer", platform.Web, "--trigger timer: a web function gets requests"},
		"a web queue":        {calls.Call{Trigger: "sqs"}, "nobody", platform.Web, "--trigger sqs: a web function gets requests"},
		"a user over HTTP":   {calls.Call{Trigger: "function-url"}, "user:oABC", platform.Go1, "--as user:oABC: the trigger function-url carries no such caller, only nobody"},
		"a timer by a queue": {calls.Call{Trigger: "cmq"}, "timer", platform.Go1, "--as timer: "},
		"Cognito in a call":  {calls.Call{Trigger: "call"}, "cognito:x", platform.Go1, "--as cognito:x: "},
		"a path of a queue":  {calls.Call{Trigger: "cmq", Path: "/x"}, "nobody", platform.Go1, "--method and --path: "},
		"no method":          {calls.Call{Trigger: "function-url", Method: "A B"}, "nobody", platform.Go1, "--method or --path: "},
		"a user's web timer": {calls.Call{Trigger: "timer", Function: "page"}, "timer", platform.Go1, "--trigger timer: page is a web function, which gets requests"},
		"a body of a GET":    {calls.Call{Trigger: "tcb-http", Method: "get", Data: []byte("{}")}, "nobody", platform.Go1, "--data: a GET request has no body"},
		"a time of a call":   {calls.Call{Trigger: "call", At: time.Now()}, "nobody", platform.Go1, "--at: is the time of a timer, and the trigger call is none"},
		"a message and a time": {
			calls.Call{Trigger: "timer", At: time.Now(), Data: []byte("now")}, "timer", platform.Lambda, "--data: EventBridge's own event",
		},
		"EventBridge's message": {calls.Call{Trigger: "eventbridge", Data: []byte("now")}, "timer", platform.Go1, "--data: EventBridge's own event"},
		"a key of a request":    {calls.Call{Trigger: "aws-http", Key: access.Key{ID: "AKID", Secret: "x"}}, "nobody", platform.Go1, "--key: signs the calls of SDKs"},
		"no object":             {calls.Call{Trigger: "call", Data: []byte(`[]`)}, "service", platform.Go1, "--data must be a JSON object"},
		"no such function":      {calls.Call{Trigger: "call", Function: "nosuch"}, "nobody", platform.Go1, `the emulator runs no function "nosuch", only queryorder`},
		"nosuch by a request":   {calls.Call{Trigger: "function-url", Function: "nosuch"}, "nobody", platform.Web, `runs no function "nosuch"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, test.runtime, http.StatusOK, `{}`)
			if test.call.Function == "" {
				test.call.Function = "queryorder"
			}
			test.call.As = parse(t, test.as)
			_, err := test.call.Check(t.Context(), c.Description)
			text := bilingual.Wording(err)
			if err == nil || !strings.Contains(text.EN, test.want) || !strings.ContainsFunc(text.ZH, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				t.Errorf("got %+v, want %q in both languages", text, test.want)
			}
			if c.path != "" {
				t.Errorf("%s was called", c.path)
			}
		})
	}
}

// An answer is the function's alone; whatever the platform says instead is an error.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		trigger string
		status  int
		answer  string
		header  []string
		want    string
		refused bool
	}{
		"a call":              {"call", 200, `{"a":1}`, nil, `{"a":1}`, false},
		"a failed call":       {"call", 400, `{"code":"FUNCTION_INVOCATION_FAILED"}`, nil, "FUNCTION_INVOCATION_FAILED", true},
		"an SDK's":            {"sdk", 200, `{"data":{"response_data":"{\"a\":1}"}}`, nil, `{"a":1}`, false},
		"an SDK's failure":    {"sdk", 200, `{"code":"FUNCTIONS_EXECUTE_FAIL"}`, nil, "FUNCTIONS_EXECUTE_FAIL", true},
		"Tencent's":           {"scf", 200, `{"Response":{"Result":{"InvokeResult":0,"RetMsg":"{\"a\":1}"}}}`, nil, `{"a":1}`, false},
		"Tencent's failure":   {"scf", 200, `{"Response":{"Result":{"InvokeResult":-1,"RetMsg":"no"}}}`, nil, `"RetMsg":"no"`, true},
		"Tencent's error":     {"scf", 200, `{"Response":{"Error":{"Code":"InternalError"}}}`, nil, "InternalError", true},
		"AWS's":               {"aws", 200, `{"a":1}`, nil, `{"a":1}`, false},
		"AWS's failure":       {"aws", 200, `{"errorMessage":"no"}`, []string{"X-Amz-Function-Error", "Unhandled"}, "no", true},
		"a request's":         {"function-url", 401, `{"returnCode":"FAIL"}`, nil, `{"returnCode":"FAIL"}`, false},
		"a request's failure": {"function-url", 433, `{"errorCode":-1,"errorMessage":"no","requestId":"1","stackTrace":"","statusCode":433}`, nil, "no", true},
		"an access's failure": {"tcb-http", 400, `{"code":"FUNCTION_TIME_LIMIT_EXCEEDED","message":"no","requestId":"1"}`, nil, "no", true},
		"a gateway's failure": {"aws-http", 500, `{"message":"Internal Server Error"}`, nil, "Internal Server Error", true},
		"text":                {"function-url", 502, `no`, nil, `no`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, platform.Go1, test.status, test.answer, test.header...)
			checked, err := calls.Call{Function: "queryorder", Trigger: test.trigger}.Check(t.Context(), c.Description)
			if err != nil {
				t.Fatal(err)
			}
			got, err := checked.Send(t.Context())
			refusal, refused := errors.AsType[*desk.NoAnswerError](err)
			switch {
			case refused != test.refused, err != nil && !refused:
				t.Errorf("got %s and error %v, want a refusal: %t", got.Body, err, test.refused)
			case refused && !strings.Contains(refusal.Body, test.want):
				t.Errorf("got %s, want %q in it", refusal.Body, test.want)
			case !refused && string(got.Body) != test.want:
				t.Errorf("got %s, want %s", got.Body, test.want)
			}
		})
	}
}

// Every trigger has a name of its own and says what it is.
func TestTriggers(t *testing.T) {
	t.Parallel()
	names := calls.Triggers()
	for i, name := range names {
		if slices.Index(names, name) != i || calls.Meaning(name).EN == "" || calls.Meaning(name).ZH == "" {
			t.Errorf("%s: got %+v", name, calls.Meaning(name))
		}
	}
}
