package platform_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// invocations is the path of Invoke for a function.
func invocations(name string) string {
	return "/2015-03-31/functions/" + url.PathEscape(name) + "/invocations"
}

func TestAWSInvoke(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, as(platform.Lambda))
	for _, path := range []string{
		invocations("hello"), invocations("hello:$LATEST"), invocations("hello") + "?Qualifier=$LATEST",
		invocations("123456789012:function:hello"),
		invocations("arn:aws:lambda:us-east-1:123456789012:function:hello"),
		invocations("arn:aws:lambda:eu-west-3:000000000000:function:hello:$LATEST"),
	} {
		got := c.send(http.MethodPost, path, `{"Text":"World"}`)
		if got.status != http.StatusOK || got.body != `"Hello World"` || got.header.Get("X-Amz-Executed-Version") != "$LATEST" {
			t.Errorf("%s: got %d %s of version %q, want the result of $LATEST", path, got.status, got.body,
				got.header.Get("X-Amz-Executed-Version"))
		}
		if got.header.Get("X-Amz-Log-Result") != "" || got.header.Get("X-Amz-Function-Error") != "" {
			t.Errorf("%s: got headers %v, want neither a log nor an error", path, got.header)
		}
	}
	got := c.send(http.MethodPost, invocations("hello"), "", "X-Amz-Log-Type", "Tail")
	log, err := base64.StdEncoding.DecodeString(got.header.Get("X-Amz-Log-Result"))
	if err != nil || got.body != `"Hello "` || !strings.HasPrefix(string(log), "START RequestId: "+got.requestID+" Version: $LATEST\n") {
		t.Errorf("no event, with its log: got %s and %q (%v), want it taken for {} and logged", got.body, log, err)
	}
	got = c.send(http.MethodPost, invocations("hello"), "{}", "X-Amz-Invocation-Type", "DryRun")
	if got.status != http.StatusNoContent || got.body != "" {
		t.Errorf("dry run: got %d %s, want 204", got.status, got.body)
	}
}

func TestAWSContext(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, as(platform.Lambda))
	context := base64.StdEncoding.EncodeToString([]byte("{\n \"custom\": {\"a\": \"b\"}\n}"))
	var told report
	wantJSON(t, c.send(http.MethodPost, invocations("hello"), `{"Do":"report"}`,
		"X-Amz-Client-Context", context, "X-Cloudpay-Cognito-Identity", "us-east-1:1", "X-Request-Id", "r-1").body, &told)
	if told.Lambda.ClientContext.Custom["a"] != "b" || told.Lambda.Identity.CognitoIdentityID != "us-east-1:1" ||
		told.Lambda.AwsRequestID != "r-1" {
		t.Errorf("context: got %+v, want what the caller sent", told.Lambda)
	}
}

// A failed function is a 200 on Lambda as well; the header tells. The texts are Lambda's on every
// runtime; %s is the request id.
func TestAWSFunctionErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ event, kind, message string }{
		"its own":      {`{"Do":"fail","Text":"no"}`, "errorString", "no"},
		"panic":        {`{"Do":"panic","Text":"boom"}`, "string", "boom"},
		"process exit": {`{"Do":"exit","Size":3}`, "Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: exit status 3"},
		"quiet exit":   {`{"Do":"exit","Size":0}`, "Runtime.ExitError", "RequestId: %s Error: Runtime exited without providing a reason"},
		"time limit":   {`{"Do":"sleep"}`, "Sandbox.Timedout", "RequestId: %s Error: Task timed out after 1.00 seconds"},
		"result too large": {
			`{"Do":"big","Size":7000000}`, "Function.ResponseSizeTooLarge",
			"Response payload size exceeded maximum allowed payload size (6291456 bytes).",
		},
	}
	for _, r := range []platform.Runtime{platform.Lambda, platform.Go1} {
		c := serveCloud(t, &platform.Cloud{}, as(r))
		c.addHurried(as(r))
		for name, q := range cases {
			t.Run(string(r)+" "+name, func(t *testing.T) {
				t.Parallel()
				c := &cloud{t: t, url: c.url}
				function := "hello"
				if name == "time limit" {
					function = "hurried"
				}
				got := c.send(http.MethodPost, invocations(function), q.event, "X-Amz-Log-Type", "Tail")
				var document struct{ ErrorMessage, ErrorType string }
				wantJSON(t, got.body, &document)
				if got.status != http.StatusOK || got.header.Get("X-Amz-Function-Error") != "Unhandled" {
					t.Errorf("answer: got %d with error %q, want 200 and Unhandled", got.status, got.header.Get("X-Amz-Function-Error"))
				}
				if message := strings.ReplaceAll(q.message, "%s", got.requestID); document.ErrorType != q.kind || document.ErrorMessage != message {
					t.Errorf("error: got %s, want the %s %q", got.body, q.kind, message)
				}
				log, _ := base64.StdEncoding.DecodeString(got.header.Get("X-Amz-Log-Result"))
				if !strings.HasPrefix(string(log), "START RequestId: "+got.requestID) || !strings.Contains(string(log), "\nREPORT RequestId: "+got.requestID+"\t") {
					t.Errorf("log: got %q, want Lambda's", log)
				}
			})
		}
	}
}

// A process that exits or reports an error at its start fails the call that it was started for. A
// process that cannot be started is the service's failure.
func TestAWSFunctionThatDoesNotStart(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ start, want string }{
		"exit":       {"exit", `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: exit status 2"}`},
		"init error": {"init error", `{"errorMessage":"no\nconfiguration","errorType":"Init"}`},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flag := filepath.Join(t.TempDir(), "flag")
			c := serveCloud(t, &platform.Cloud{}, as(platform.Lambda), withEnv("HELLO_START="+q.start, "HELLO_START_IF="+flag))
			c.send(http.MethodPost, invocations("hello"), `{"Do":"exit"}`)
			if err := os.WriteFile(flag, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			got := c.send(http.MethodPost, invocations("hello"), "{}", "X-Request-Id", "r-1")
			if got.status != http.StatusOK || got.header.Get("X-Amz-Function-Error") != "Unhandled" || got.body != q.want {
				t.Errorf("answer: got %d %q %s, want 200 Unhandled %s", got.status, got.header.Get("X-Amz-Function-Error"), got.body, q.want)
			}
			if err := c.function.Close(); err != nil {
				t.Fatal(err)
			}
			got = c.send(http.MethodPost, invocations("hello"), "{}")
			if got.status != http.StatusInternalServerError || got.header.Get("X-Amzn-Errortype") != "ServiceException" {
				t.Errorf("closed: got %d %s, want 500 ServiceException", got.status, got.body)
			}
		})
	}
}

// Other operations of AWS are refused in a form that its SDKs read.
func TestAWSNotPlayed(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, as(platform.Lambda))
	signed := []string{"Authorization", "AWS4-HMAC-SHA256 Credential=any/20261129/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0"}
	for _, q := range []struct {
		method, path string
		header       []string
	}{
		{http.MethodGet, "/2015-03-31/functions/", nil},
		{http.MethodGet, "/2015-03-31/functions/hello", nil},
		{http.MethodGet, invocations("hello"), nil},
		{http.MethodPost, "/2014-11-13/functions/hello/invoke-async/", nil},
		{http.MethodPost, "/2021-11-15/functions/hello/response-streaming-invocations", nil},
		{http.MethodGet, "/2016-08-19/account-settings", nil},
		{http.MethodPost, "/", []string{"X-Amz-Target", "DynamoDB_20120810.ListTables"}},
		{http.MethodPost, "/", signed},
		{http.MethodGet, "/bucket/key", signed},
	} {
		got := c.send(q.method, q.path, "", q.header...)
		var document struct {
			Kind          string `json:"__type"`
			Type, Message string
		}
		wantJSON(t, got.body, &document)
		if got.status != http.StatusNotFound || got.header.Get("X-Amzn-Errortype") != "UnknownOperationException" ||
			got.header.Get("X-Amzn-Requestid") != got.requestID || document.Kind != "UnknownOperationException" ||
			document.Type != "User" || !strings.Contains(document.Message, q.method+" ") {
			t.Errorf("%s %s: got %d %v %s, want 404 UnknownOperationException", q.method, q.path, got.status, got.header, got.body)
		}
	}
	got := c.send(http.MethodPost, "/", "Action=GetCallerIdentity&Version=2011-06-15",
		append(signed, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8")...)
	want := "<ErrorResponse><Error><Type>Sender</Type><Code>UnknownOperationException</Code><Message>POST / is not played, " +
		"only POST /2015-03-31/functions/{name}/invocations (Invoke)</Message></Error><RequestId>" + got.requestID + "</RequestId></ErrorResponse>"
	if got.status != http.StatusNotFound || got.header.Get("Content-Type") != "text/xml" || got.body != want {
		t.Errorf("STS: got %d %s, want 404 %s", got.status, got.body, want)
	}
}

func TestAWSRefusals(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, as(platform.Lambda))
	cases := map[string]struct {
		path, body  string
		header      []string
		status      int
		kind, words string
	}{
		"no such function": {invocations("nope"), "{}", nil, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nope"},
		"another version":  {invocations("hello:7"), "{}", nil, 404, "ResourceNotFoundException", "function:hello:7"},
		"two versions":     {invocations("hello:7") + "?Qualifier=8", "{}", nil, 400, "InvalidParameterValueException", "does not match"},
		"no name":          {invocations("a b"), "{}", nil, 400, "ValidationException", `"a b"`},
		"not JSON":         {invocations("hello"), "{", nil, 400, "InvalidRequestContentException", "Could not parse request body into json"},
		"too large":        {invocations("hello"), strings.Repeat("1", platform.MaxPayload+1), nil, 413, "RequestTooLargeException", "6291456"},
		"too large for an event": {
			invocations("hello"), strings.Repeat("1", 1<<20+1), []string{"X-Amz-Invocation-Type", "Event"},
			413, "RequestTooLargeException", "1048576",
		},
		"another type":      {invocations("hello"), "{}", []string{"X-Amz-Invocation-Type", "Later"}, 400, "InvalidParameterValueException", `"Later"`},
		"context no base64": {invocations("hello"), "{}", []string{"X-Amz-Client-Context", "{}"}, 400, "InvalidRequestContentException", "Base64"},
		"context no object": {invocations("hello"), "{}", []string{"X-Amz-Client-Context", "MQ=="}, 400, "InvalidRequestContentException", "Base64"},
		"another operation": {"/2015-03-31/functions/hello", "{}", nil, 404, "UnknownOperationException", "invocations"},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			got := c.send(http.MethodPost, q.path, q.body, q.header...)
			var document struct{ Type, Message string }
			wantJSON(t, got.body, &document)
			if got.status != q.status || got.header.Get("X-Amzn-Errortype") != q.kind || !strings.Contains(document.Message, q.words) {
				t.Errorf("answer: got %d %s %s, want %d %s with %q", got.status, got.header.Get("X-Amzn-Errortype"), got.body,
					q.status, q.kind, q.words)
			}
		})
	}
}

func TestAWSBusy(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, as(platform.Lambda), func(s *platform.Spec) { s.Instances = 1 })
	m := openMeeting(t)
	call := c.function.invokeAside(t.Context(), m.event())
	g := m.await()
	got := c.send(http.MethodPost, invocations("hello"), "{}")
	if got.status != http.StatusTooManyRequests || got.header.Get("X-Amzn-Errortype") != "TooManyRequestsException" ||
		!strings.Contains(got.body, `"message":"Rate Exceeded."`) {
		t.Errorf("answer: got %d %s, want 429", got.status, got.body)
	}
	g.letGo(t)
	if got := <-call; got.err != nil {
		t.Error(got.err)
	}
}

// Close waits for asynchronous events, and a limit holds for those in flight.
func TestAWSEvents(t *testing.T) {
	t.Parallel()
	world := &platform.Cloud{}
	c, m := serveCloud(t, world, as(platform.Lambda), func(s *platform.Spec) { s.Instances = 1 }), openMeeting(t)
	event := string(m.event().event().Payload)
	event0 := c.send(http.MethodPost, invocations("hello"), event, "X-Amz-Invocation-Type", "Event")
	if event0.status != http.StatusAccepted || event0.body != "" {
		t.Fatalf("answer: got %d %s, want 202", event0.status, event0.body)
	}
	g := m.await()
	closed := make(chan error, 1)
	go func() { closed <- world.Close() }()
	g.letGo(t)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	c.function.wantLogged("REPORT RequestId: " + event0.requestID + "\t")
	got := c.send(http.MethodPost, invocations("hello"), "{}", "X-Amz-Invocation-Type", "Event")
	if got.status != http.StatusTooManyRequests {
		t.Errorf("event after Close: got %d, want 429", got.status)
	}
}

// The background runs a limited number of events.
func TestBackground(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var b platform.Background
	started := 0
	for b.Start(func() { <-release }) {
		started++
	}
	if started != 100 {
		t.Errorf("started: got %d, want 100", started)
	}
	close(release)
	b.Close()
	if b.Start(func() {}) {
		t.Error("started after Close")
	}
}
