package event_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/hosting"
	"cloudpay/internal/trigger/event"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// fixtures are what the platforms send, and what is to be read of it.
func fixtures() map[string]event.Event {
	call := event.Event{Kind: event.Call, Form: "call"}
	foreigner := event.Event{Kind: event.Foreign, Form: "foreign"}
	timer := func(form string, name, message, time string) event.Event {
		return event.Event{Kind: event.Timer, Form: form, Timer: event.TimerTick{Name: name, Message: message, Time: time}}
	}
	http := func(form string, r hosting.Request) event.Event {
		return event.Event{Kind: event.HTTP, Form: form, HTTPShaped: true, Request: r}
	}
	queue := func(form string, messages ...string) event.Event {
		e := event.Event{Kind: event.Queue, Form: form}
		for i := 0; i < len(messages); i += 2 {
			e.Messages = append(e.Messages, event.Message{ID: messages[i], Body: []byte(messages[i+1])})
		}
		return e
	}
	none := map[string][]string{}
	withUser := call
	withUser.UserInfo = true
	hello := []byte("{\r\n\t\"a\": 1\r\n}")
	all := map[string][]string{"parameter1": {"value1", "value2"}, "parameter2": {"value"}}
	samples := map[string]string{"header1": "value1", "header2": "value2"}

	return map[string]event.Event{
		"call":                  withUser,
		"timer":                 timer("scf-timer", "EveryDay", "user define msg body", "2019-02-21T11:49:00Z"),
		"timer-scf-go-lib":      timer("scf-timer", "oneminute", "", "2019-08-17T05:26:00Z"),
		"eventbridge":           timer("eventbridge", "sweep", "", "2026-11-22T10:00:00Z"),
		"eventbridge-scheduler": timer("eventbridge", "sweep", "", "2026-11-22T10:00:00Z"),
		"functionurl": http("function-url", hosting.Request{
			Method: "POST", Path: "/queryorder", Query: single(map[string]string{"foo": "bar"}), Body: []byte(`{"out_trade_no":"A1"}`),
			Header: map[string]string{
				"host":         "1253970226-xxxx.ap-guangzhou.tencentscf.com",
				"content-type": "application/json", "x-scf-remote-addr": "1.2.3.4",
			},
		}),
		"apigateway": http("api-gateway", hosting.Request{
			Method: "POST", Path: "/test/value", Query: map[string][]string{"foo": {"bar"}, "a": {"b", "c"}, "i": {""}},
			Body: []byte(`{"test":"body"}`), ID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
			Header: map[string]string{
				"accept-language": "en-US,en,cn", "accept": "text/html", "user-agent": "User Agent String", "x-qualifier": "$LATEST",
				"host": "service-3ei3tii4-251000691.ap-guangzhou.apigateway.myqloud.com", "endpoint-timeout": "15",
			},
		}),
		"apigateway-scf-go-lib": http("api-gateway", hosting.Request{
			Method: "GET", Path: "/ritchiechen-apigw-test", Query: map[string][]string{"a": {"b", "c"}, "x": {"y"}, "i": {""}},
			Header: map[string]string{
				"accept":          "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,image/apng,*/*;q=0.8",
				"accept-encoding": "gzip, deflate, br", "accept-language": "zh-CN,zh;q=0.9,en;q=0.8", "connection": "keep-alive",
				"endpoint-timeout": "15", "host": "service-xxx-123456.ap-shanghai.apigateway.myqcloud.com",
				"upgrade-insecure-requests": "1", "x-anonymous-consumer": "true", "x-qualifier": "$LATEST",
				"user-agent": "Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/72.0.3626.121 Safari/537.36",
			},
		}),
		"access": http("tcb-http", hosting.Request{
			Method: "POST", Path: "/", Query: single(map[string]string{"a": "1"}), Body: []byte(`{"out_trade_no":"A1"}`),
			ID:       "6e3f4a0c-7b61-11e6-9a41-93e8deadbeef",
			Relative: true,
			Header: map[string]string{
				"host": "env-1.service.tcloudbase.com", "x-forwarded-for": "1.2.3.4", "content-type": "application/json",
			},
		}),
		"awshttp": http("aws-http", hosting.Request{
			Method: "POST", Path: "/my/path", Query: map[string][]string{"a": {"1", "2"}}, Body: []byte("Hello"), ID: "id",
			Header: map[string]string{"content-type": "text/plain", "x-many": "1,2"},
		}),
		"awshttp-url": http("aws-http", hosting.Request{
			Method: "POST", Path: "/my/path", Query: all, Body: []byte("Hello from client!"), ID: "id",
			Header: map[string]string{"header1": "value1", "header2": "value1,value2"},
			Claims: map[string]string{
				"accessKey": "AKIA...", "accountId": "111122223333", "callerId": "AIDA...", "userId": "AIDA...",
				"userArn": "arn:aws:iam::111122223333:user/example-user",
			},
		}),
		"awshttp-plain": http("aws-http", hosting.Request{
			Method: "GET", Path: "/", Query: none, ID: "LV7fzho-PHcEJPw=",
			Header: map[string]string{
				"accept": "*/*", "content-length": "0", "host": "aaaaaaaaaa.execute-api.us-west-2.amazonaws.com", "user-agent": "curl/7.58.0",
				"x-amzn-trace-id": "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c", "x-forwarded-for": "1.2.3.4",
				"x-forwarded-port": "443", "x-forwarded-proto": "https",
			},
		}),
		"awshttp-jwt": http("aws-http", hosting.Request{
			Method: "GET", Path: "/my/path", Query: all, Header: samples, Body: hello, ID: "id",
			Claims: map[string]string{"claim1": "value1", "claim2": "value2"},
		}),
		"awshttp-lambda": http("aws-http", hosting.Request{
			Method: "GET", Path: "/my/path", Query: all, Header: samples, Body: hello, ID: "id",
			Claims: map[string]string{"key": "value"},
		}),
		"awsrest": http("aws-rest", hosting.Request{
			Method: "POST", Path: "/hello/world", Query: single(map[string]string{"name": "me"}), Body: hello,
			ID: "deef4878-7910-11e6-8f14-25afc3e9ae33",
			Header: map[string]string{
				"accept": "*/*", "accept-encoding": "gzip, deflate", "cache-control": "no-cache", "cloudfront-forwarded-proto": "https",
				"cloudfront-is-desktop-viewer": "true", "cloudfront-is-mobile-viewer": "false", "cloudfront-is-smarttv-viewer": "false",
				"cloudfront-is-tablet-viewer": "false", "cloudfront-viewer-country": "US", "content-type": "application/json",
				"headername": "headerValue", "host": "gy415nuibc.execute-api.us-east-1.amazonaws.com",
				"postman-token": "9f583ef0-ed83-4a38-aef3-eb9ce3f7a57f", "user-agent": "PostmanRuntime/2.4.5",
				"via":         "1.1 d98420743a69852491bbdea73f7680bd.cloudfront.net (CloudFront)",
				"x-amz-cf-id": "pn-PWIJc6thYnZm5P0NMgOUglL1DYtl0gdeJky8tqsg8iS_sgsKD1A==", "x-forwarded-port": "443",
				"x-forwarded-for": "54.240.196.186, 54.182.214.83", "x-forwarded-proto": "https",
			},
			Claims: map[string]string{"principalId": "admin", "clientId": "1", "clientName": "Exata"},
		}),
		"awsrest-cognito": http("aws-rest", hosting.Request{
			Method: "GET", Path: "/queryorder/A1", Query: map[string][]string{"a": {"1", "2"}}, ID: "deef4878-7910-11e6-8f14-25afc3e9ae33",
			Header: map[string]string{"authorization": "Bearer token", "x-many": "1,2"},
			Claims: map[string]string{
				"sub": "a1b2c3d4-0000-4000-8000-000000000000", "cognito:groups": "operators", "email_verified": "true",
				"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE",
			},
		}),
		"ckafka":            queue("ckafka", "test-topic/1/36", "Hello from Ckafka!"),
		"ckafka-scf-go-lib": queue("ckafka", "ritchiechen-ckafka-test/0/7", "hello world"),
		"cmq":               queue("cmq", "123345346", "Hello from CMQ!"),
		"cmq-scf-go-lib":    queue("cmq", "13510798882111490", "aaaaaaaaaa"),
		"tdmq":              queue("tdmq", "123345346", "Hello from TDMQ!"),
		"sqs":               queue("sqs", "MessageID_1", "Message Body"),
		"sqs-two": queue("sqs", "059f36b4-87a3-44ab-83d2-661975830a7d", `{"out_trade_no":"A1"}`,
			"2e1424d4-f796-459a-8184-9c92662be6da", `{"out_trade_no":"A2"}`),
		"cos":      foreigner,
		"database": foreigner,
	}
}

// foreign are the fixtures that are refused, and why.
var foreign = map[string]string{
	"cos":      "event: is from COS, which this function does not handle: check its triggers",
	"database": "event: is from a CloudBase database, which this function does not handle: check its triggers",
}

func TestDecode(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if want := fixtures(); err != nil || len(files) != len(want) {
		t.Errorf("got %d files and error %v, want one for each of %d events", len(files), err, len(want))
	}
	for name, want := range fixtures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, fault := event.Decode(fixture(t, name))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			if text := faultText(fault); text != foreign[name] {
				t.Errorf("got fault %q, want %q", text, foreign[name])
			}
		})
	}
}

func faultText(f *event.Fault) string {
	if f == nil {
		return ""
	}
	return f.String()
}

// row is an event, and what is to be told of it.
type row struct {
	payload string
	form    string
	fault   string // "" for none
}

func (r row) check(t *testing.T) event.Event {
	t.Helper()
	got, fault := event.Decode([]byte(r.payload))
	if got.Form != r.form || faultText(fault) != r.fault {
		t.Errorf("got form %q and fault %q, want %q and %q", got.Form, faultText(fault), r.form, r.fault)
	}
	if fault != nil && (got.Messages != nil || !cmp.Equal(got.Request, hosting.Request{}) || got.Timer != event.TimerTick{}) {
		t.Errorf("a fault came with parts of the event: %+v", got)
	}
	return got
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	const object = "event: must be a JSON object with the call's parameters"
	nested := func(n int) string {
		return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
	}
	keys := func(n int, more string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"k%d":1,`, i)
		}
		return "{" + b.String() + more + "}"
	}
	text := func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }
	for name, r := range map[string]row{
		"nothing":                   {``, "call", object + ", and there is none"},
		"white space":               {" \r\n\t", "call", object + ", and there is none"},
		"null":                      {`null`, "call", object + ", not null"},
		"an array":                  {`[{"out_trade_no":"A1"}]`, "call", object + ", not an array"},
		"a string":                  {`"out_trade_no"`, "call", object + ", not a string"},
		"a number":                  {`1`, "call", object + ", not a number"},
		"a boolean":                 {`true`, "call", object + ", not true or false"},
		"not JSON":                  {`<xml/>`, "call", object + ", and is not JSON"},
		"a byte order mark":         {"\ufeff{}", "call", object + ", and is not JSON"},
		"cut short":                 {`{"out_trade_no":"A1"`, "call", "event: is not JSON: it ends too early"},
		"two objects":               {`{}{}`, "call", "event: is not JSON: something follows its end"},
		"a trailing comma":          {`{"a":1,}`, "call", "event: is not JSON"},
		"single quotes":             {`{'a':1}`, "call", "event: is not JSON"},
		"NaN":                       {`{"a":NaN}`, "call", "event: is not JSON"},
		"a wrong escape":            {`{"a":"\x00"}`, "call", "event: is not JSON"},
		"invalid UTF-8":             {"{\"a\":\"\xff\"}", "call", "event: is not UTF-8"},
		"invalid UTF-8 in a key":    {"{\"\xc0\xaf\":1}", "call", "event: is not UTF-8"},
		"64 deep":                   {nested(64), "call", ""},
		"65 deep":                   {nested(65), "call", "event: is nested too deeply"},
		"a million deep":            {nested(1 << 20), "call", "event: is nested too deeply"},
		"256 keys":                  {keys(255, `"a":1`), "call", ""},
		"257 keys":                  {keys(256, `"a":1`), "call", "event: has more than 256 keys"},
		"100,000 keys":              {keys(100_000, `"a":1`), "call", "event: has more than 256 keys"},
		"100,000 keys, a timer's":   {`{"Type":"Timer","TriggerName":"t",` + keys(100_000, `"a":1`)[1:], "scf-timer", "event: has more than 256 keys"},
		"6 MiB":                     {text(6 << 20), "call", ""},
		"a byte over 6 MiB":         {text(6<<20 + 1), "call", "event: is 6291457 bytes long, more than 6291456"},
		"7 MB over HTTP":            {`{"body":"` + strings.Repeat("x", 7_000_000) + `","httpMethod":"POST"}`, "function-url", "event: is 7000031 bytes long, more than 6291456"},
		"17 MB over HTTP":           {`{"httpMethod":"POST","body":"` + strings.Repeat("x", 17_000_000) + `"}`, "function-url", "event: is 17000031 bytes long, more than 6291456"},
		"17 MB, HTTP too late":      {`{"body":"` + strings.Repeat("x", 17_000_000) + `","httpMethod":"POST"}`, "call", "event: is 17000031 bytes long, more than 6291456"},
		"HTTP, cut short":           {`{"httpMethod":"POST","body":"`, "function-url", "event: is not JSON: it ends too early"},
		"HTTP, not UTF-8":           {"{\"httpMethod\":\"POST\",\"body\":\"\xff\"}", "function-url", "event: is not UTF-8"},
		"a method that is a number": {`{"httpMethod":1}`, "function-url", "httpMethod: must be a string, not a number"},
		"a context's key twice":     {`{"httpMethod":"GET","requestContext":{"apiId":"a","authorizer":{"sub":"a"},"authorizer":{"sub":"b"}}}`, "aws-rest", "requestContext: has a key twice"},
		"the same, one null":        {`{"httpMethod":"GET","requestContext":{"apiId":"a","authorizer":null,"\u0061uthorizer":{"sub":"b"}}}`, "aws-rest", "requestContext: has a key twice"},
		"two authorizers' groups":   {`{"version":"2.0","requestContext":{"http":{"method":"GET"},"authorizer":{"jwt":{},"jwt":{"claims":{"sub":"a"}}}}}`, "aws-http", "requestContext.authorizer: has a key twice"},
		"two JWTs' claims":          {`{"version":"2.0","requestContext":{"http":{"method":"GET"},"authorizer":{"jwt":{"claims":{},"claims":{"sub":"a"}}}}}`, "aws-http", "requestContext.authorizer: has a key twice"},
		"two claims' groups":        {`{"httpMethod":"GET","requestContext":{"apiId":"a","authorizer":{"claims":{},"claims":{"sub":"a"}}}}`, "aws-rest", "requestContext.authorizer: has a key twice"},
		"two methods of payload 2":  {`{"version":"2.0","requestContext":{"http":{"method":"GET","method":"POST"}}}`, "aws-http", "requestContext.http: has a key twice"},
		"a path with a lone %":      {`{"httpMethod":"GET","path":"/%zz"}`, "function-url", "path: has a percent sign that escapes nothing"},
		"a method that is empty":    {`{"httpMethod":""}`, "function-url", "httpMethod: must name the request's method"},
		"no method in payload 2.0":  {`{"version":"2.0","requestContext":{"http":{}}}`, "aws-http", "requestContext.http.method: must name the request's method"},
		"a path that is a number":   {`{"httpMethod":"GET","path":1}`, "function-url", "path: must be a string, not a number"},
		"a body that is an object":  {`{"httpMethod":"GET","body":{}}`, "function-url", "body: must be a string, not an object"},
		"a body that is no base64":  {`{"httpMethod":"GET","body":"!","isBase64Encoded":true}`, "function-url", "body: must be base64, as isBase64Encoded says"},
		"isBase64Encoded, a string": {`{"httpMethod":"GET","isBase64Encoded":"true"}`, "function-url", "isBase64Encoded: must be true or false"},
		"headers that are a list":   {`{"httpMethod":"GET","headers":[]}`, "function-url", "headers: must be an object, not an array"},
		"a header that is a number": {`{"httpMethod":"GET","headers":{"a":1}}`, "function-url", "headers: must have strings for values, 256 for a name at most"},
		"a header's list of lists":  {`{"httpMethod":"GET","headers":{"a":[[]]}}`, "function-url", "headers: must have strings for values, 256 for a name at most"},
		"257 values of a header":    {`{"httpMethod":"GET","headers":{"a":[` + strings.Repeat(`"",`, 256) + `""]}}`, "function-url", "headers: must have strings for values, 256 for a name at most"},
		"257 headers":               {`{"httpMethod":"GET","headers":` + strings.ReplaceAll(keys(256, `"a":""`), ":1", `:""`) + `}`, "function-url", "headers: has more than 256 names"},
		"headers of 1 MB":           {`{"httpMethod":"GET","headers":{"a":"` + strings.Repeat("x", 1<<20) + `"}}`, "function-url", "headers: is more than 262144 bytes long"},
		"a query of 257 names":      {`{"version":"2.0","requestContext":{"http":{"method":"GET"}},"rawQueryString":"` + strings.Repeat("a&", 256) + `"}`, "aws-http", "rawQueryString: has too many names"},
		"a query with a lone %":     {`{"version":"2.0","requestContext":{"http":{"method":"GET"}},"rawQueryString":"a=%"}`, "aws-http", "rawQueryString: has a percent sign that escapes nothing"},
		"a query's name with one":   {`{"version":"2.0","requestContext":{"http":{"method":"GET"}},"rawQueryString":"%=a"}`, "aws-http", "rawQueryString: has a percent sign that escapes nothing"},
		"a timer without words":     {`{"Type":"Timer","TriggerName":"t","Message":{}}`, "scf-timer", "Message: must be a string, not an object"},
		"two methods":               {`{"httpMethod":"GET","httpMethod":"POST"}`, "function-url", "httpMethod: is given twice"},
		"two methods, one escaped":  {`{"httpMethod":"GET","http\u004dethod":"POST"}`, "function-url", "httpMethod: is given twice"},
		"two batches":               {`{"Records":[{"Ckafka":{}}],"Records":[]}`, "ckafka", "Records: is given twice"},
		"two types":                 {`{"Type":"Timer","Type":"x","TriggerName":"t"}`, "scf-timer", "Type: is given twice"},
		"HTTP and a timer":          {`{"Type":"Timer","TriggerName":"t","httpMethod":"GET"}`, "function-url", "event: has the marks of more than one trigger"},
		"HTTP and a queue":          {`{"Records":[{"eventSource":"aws:sqs"}],"version":"2.0","requestContext":{"http":{}}}`, "aws-http", "event: has the marks of more than one trigger"},
		"a timer and a queue":       {`{"Records":[{"CMQ":{}}],"Type":"Timer","TriggerName":"t"}`, "scf-timer", "event: has the marks of more than one trigger"},
		"two timers":                {`{"Type":"Timer","TriggerName":"t","source":"aws.events","detail-type":"Scheduled Event"}`, "scf-timer", "event: has the marks of more than one trigger"},
		"two queues":                {`{"Records":[{"CMQ":{}}],"specversion":"0","type":"connector:tdmq"}`, "cmq", "event: has the marks of more than one trigger"},
		"records of two queues":     {`{"Records":[{"CMQ":{"msgBody":""}},{"eventSource":"aws:sqs"}]}`, "cmq", "Records: has messages of two platforms"},
		"a record of two queues":    {`{"Records":[{"CMQ":{"msgBody":""},"eventSource":"aws:sqs"}]}`, "foreign", "event: has a record of two platforms"},
		"the second of two queues":  {`{"Records":[{"CMQ":{"msgBody":""}},{"CMQ":{},"Ckafka":{}}]}`, "cmq", "Records: has messages of two platforms"},
		"COS among CKafka":          {`{"Records":[{"Ckafka":{"topic":"t"}},{"cos":{}}]}`, "ckafka", "Records: has messages of two platforms"},
		"S3":                        {`{"Records":[{"eventSource":"aws:s3"}]}`, "foreign", "event: is from another AWS service than SQS, which this function does not handle: check its triggers"},
		"SNS":                       {`{"Records":[{"EventSource":"aws:sns"}]}`, "foreign", "event: is from another AWS service than SQS, which this function does not handle: check its triggers"},
		"Kinesis":                   {`{"Records":[{"eventSource":"aws:kinesis"}]}`, "foreign", "event: is from another AWS service than SQS, which this function does not handle: check its triggers"},
		"DynamoDB":                  {`{"Records":[{"eventSource":"aws:dynamodb"}]}`, "foreign", "event: is from another AWS service than SQS, which this function does not handle: check its triggers"},
		"Kafka at AWS":              {`{"eventSource":"aws:kafka","records":{"t-0":[]}}`, "foreign", "event: is from another AWS service than SQS, which this function does not handle: check its triggers"},
		"a queue of AmazonMQ":       {`{"eventSource":"aws:mq","messages":[]}`, "foreign", "event: is from another AWS service than SQS, which this function does not handle: check its triggers"},
		"CloudWatch's logs":         {`{"awslogs":{"data":"H4sI"}}`, "foreign", "event: is from another AWS service than SQS, which this function does not handle: check its triggers"},
		"a CloudEvent":              {`{"specversion":"1.0","type":"com.example"}`, "foreign", "event: is a CloudEvent, which this function does not handle: check its triggers"},
		"EventBridge, no schedule":  {`{"source":"aws.s3","detail-type":"Object Created"}`, "foreign", "event: is an EventBridge event without a schedule, which this function does not handle: check its triggers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.check(t)
		})
	}
}

// TestFromRequest: a request to our own server is bounded like an event.
func TestFromRequest(t *testing.T) {
	t.Parallel()
	many := func(n int) (query map[string][]string, header map[string]string) {
		query, header = map[string][]string{}, map[string]string{}
		for i := range n {
			query[fmt.Sprint(i)], header[fmt.Sprint(i)] = []string{""}, ""
		}
		return query, header
	}
	most, mostHeaders := many(256)
	more, moreHeaders := many(257)
	for want, r := range map[string]hosting.Request{
		"":                                     {Method: "GET", Path: "/", Query: most, Header: mostHeaders},
		"headers: has more than 256 names":     {Method: "GET", Path: "/", Header: moreHeaders},
		"queryString: has more than 256 names": {Method: "GET", Path: "/", Query: more, Header: moreHeaders},
		"queryString: must have strings for values, 256 for a name at most": {
			Method: "GET", Path: "/", Query: map[string][]string{"a": make([]string, 257)},
		},
	} {
		whole := event.Event{Kind: event.HTTP, Form: "web", HTTPShaped: true, Request: r}
		if want != "" {
			whole.Request = hosting.Request{}
		}
		got, fault := event.FromRequest(r)
		if diff := cmp.Diff(whole, got); diff != "" || faultText(fault) != want {
			t.Errorf("got fault %q, want %q; event (-want +got):\n%s", faultText(fault), want, diff)
		}
	}
}

// TestTooLarge tells what is too much (HTTP's 413) from what is wrong.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]bool{
		`{"httpMethod":"POST","body":"` + strings.Repeat("x", event.MaxEvent) + `"}`: true,
		`{"httpMethod":"POST","body":1}`:                                             false,
		batch(event.MaxRecords+1, `{"CMQ":{"msgBody":""}}`):                          true,
	} {
		if _, fault := event.Decode([]byte(payload)); fault == nil || fault.TooLarge != want {
			t.Errorf("%.40s…: got %+v, want TooLarge %t", payload, fault, want)
		}
	}
}

// TestCalls are events that look like something else to a careless reader, and are calls.
func TestCalls(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]event.Event{
		`{}`:                            {},
		"\t{\"out_trade_no\":\"A1\"}\n": {},
		`{"out_trade_no":1,"sub_orders":[{"a":[1,2.5e-3,null]}],"x":"\ud83d\ude00"}`: {},
		`{"Type":"Timer"}`:                                  {}, // no platform's timer lacks its name
		`{"Type":"Timer","TriggerName":null}`:               {},
		`{"type":"Timer","triggername":"t"}`:                {},
		`{"Type":"timer","TriggerName":"t"}`:                {},
		`{"source":"aws.events"}`:                           {},
		`{"Source":"aws.events","Detail-Type":"x"}`:         {},
		`{"records":[{"Ckafka":{}}]}`:                       {},
		`{"Records":[{"ckafka":{}},{"cmq":{}}]}`:            {},
		`{"Records":[{"EVENTSOURCE":"aws:sqs"}]}`:           {},
		`{"Records":[]}`:                                    {},
		`{"Records":{}}`:                                    {},
		`{"Records":[1,null,"Ckafka"]}`:                     {},
		`{"Records":[{"eventSource":"tencent:cmq"}]}`:       {},
		`{"specversion":"1.0"}`:                             {},
		`{"type":"connector:tdmq"}`:                         {},
		`{"HTTPMethod":"GET"}`:                              {HTTPShaped: true},
		`{"httpmethod":"GET"}`:                              {HTTPShaped: true},
		`{"http\u004Dethod":null}`:                          {HTTPShaped: true},
		`{"Headers":{}}`:                                    {HTTPShaped: true},
		`{"header\u017f":{}}`:                               {HTTPShaped: true}, // ſ, which encoding/json takes for s
		"{\"REQUE\u017fTCONTEXT\":{}}":                      {HTTPShaped: true},
		`{"headers":{},"body":"{}"}`:                        {HTTPShaped: true},
		`{"requestContext":{"serviceId":"x"}}`:              {HTTPShaped: true},
		`{"requestContext":{"http":{"method":"GET"}}}`:      {HTTPShaped: true},
		`{"version":"2.0","requestContext":{"http":"GET"}}`: {HTTPShaped: true},
		`{"userInfo":null}`:                                 {UserInfo: true},
		`{"USERINFO":{"openId":"o"}}`:                       {UserInfo: true},
		`{"user\u0049nfo":{}}`:                              {UserInfo: true},
		`{"userInfo":{},"userInfo":{}}`:                     {UserInfo: true},
	} {
		want.Kind, want.Form = event.Call, "call"
		got, fault := event.Decode([]byte(payload))
		if diff := cmp.Diff(want, got); diff != "" || fault != nil {
			t.Errorf("%s: fault %v, event (-want +got):\n%s", payload, fault, diff)
		}
	}
}

// TestTimers are what the fixtures do not have.
func TestTimers(t *testing.T) {
	t.Parallel()
	const rule = `{"detail-type":"Scheduled Event","source":"aws.events"`
	for _, test := range []struct {
		payload string
		form    string
		want    event.TimerTick
	}{
		{`{"Type":"Timer","TriggerName":""}`, "scf-timer", event.TimerTick{}},
		{`{"Type":"Timer","TriggerName":"t","message":"m","time":"now"}`, "scf-timer", event.TimerTick{Name: "t"}},
		{`{"Type":"\u0054imer","TriggerName":"t","Message":"\u5173"}`, "scf-timer", event.TimerTick{Name: "t", Message: "关"}},
		{rule + `}`, "eventbridge", event.TimerTick{}},
		{rule + `,"resources":"r/x"}`, "eventbridge", event.TimerTick{}},
		{rule + `,"resources":[1,"r/x"]}`, "eventbridge", event.TimerTick{}},
		{rule + `,"resources":["arn:aws:events:r:1:rule/bus/x","r/y"]}`, "eventbridge", event.TimerTick{Name: "x"}},
		{rule + `,"resources":["x"]}`, "eventbridge", event.TimerTick{Name: "x"}},
	} {
		if got := (row{test.payload, test.form, ""}).check(t).Timer; got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.payload, got, test.want)
		}
	}
}

// TestRequests are what the fixtures do not have.
func TestRequests(t *testing.T) {
	t.Parallel()
	const v2 = `{"version":"2.0","requestContext":{"http":{"method":"GET","path":"/http"}`
	const rest = `{"httpMethod":"GET","requestContext":{"apiId":"a"`
	type (
		m = map[string]string
		q = map[string][]string
		r = hosting.Request
	)
	for name, test := range map[string]struct {
		payload string
		form    string
		want    hosting.Request
	}{
		"a method alone":            {`{"httpMethod":"GET"}`, "function-url", r{}},
		"nulls":                     {`{"httpMethod":"GET","path":null,"headers":null,"queryString":null,"body":null,"isBase64Encoded":null,"requestContext":null}`, "function-url", r{}},
		"a context of nobody's":     {`{"httpMethod":"GET","requestContext":{"elb":{},"requestId":7}}`, "function-url", r{ID: "7"}},
		"a path without its slash":  {`{"httpMethod":"GET","path":"queryorder"}`, "function-url", r{Path: "/queryorder"}},
		"lists":                     {`{"httpMethod":"GET","headers":{"A":["1","2"],"B":[]},"queryString":{"a":["1","2"],"b":[],"c":true,"a":"3"}}`, "function-url", r{Header: m{"a": "1,2", "b": ""}, Query: q{"a": {"1", "2", "3"}, "b": {""}, "c": {""}}}},
		"a header in two spellings": {`{"httpMethod":"GET","headers":{"X-A":"1","x-a":"2","X-a":"3"}}`, "function-url", r{Header: m{"x-a": "1,2,3"}}},
		"CloudBase's query":         {`{"httpMethod":"GET","requestContext":{"envId":"e"},"queryStringParameters":{"a":"1"},"queryString":{"b":"2"}}`, "tcb-http", r{Query: q{"a": {"1"}}, Relative: true}},
		"base64":                    {`{"httpMethod":"GET","body":"eyJhIjoxfQ==","isBase64Encoded":true}`, "function-url", r{Body: []byte(`{"a":1}`)}},
		"base64 with escapes":       {`{"httpMethod":"GET","body":"Pz8\/","isBase64Encoded":true}`, "function-url", r{Body: []byte(`???`)}},
		"an escaped body":           {`{"httpMethod":"GET","body":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83d\udc"}`, "function-url", r{}},
		"payload 2.0, no raw path":  {v2 + `},"headers":{"A":"1"}}`, "aws-http", r{Path: "/http", Header: m{"a": "1"}}},
		"payload 2.0, raw query":    {v2 + `},"rawQueryString":"&a=1%202+3&&a=2&b&=c&d=%C3%A9"}`, "aws-http", r{Path: "/http", Query: q{"a": {"1 2 3", "2"}, "b": {""}, "": {"c"}, "d": {"é"}}}},
		"payload 2.0, cooked query": {v2 + `},"queryStringParameters":{"a":"1"}}`, "aws-http", r{Path: "/http", Query: q{"a": {"1"}}}},
		"payload 2.0, no claims":    {v2 + `,"authorizer":{"jwt":null,"lambda":null}}}`, "aws-http", r{Path: "/http", Claims: m{}}},
		"payload 2.0, null":         {v2 + `,"authorizer":null}}`, "aws-http", r{Path: "/http"}},
		"claims of many types":      {v2 + `,"authorizer":{"lambda":{"n":12345678901234567890,"b":true,"o":{"x":"y"},"l":["z"],"0":null,"s":"\u00e9"}}}}`, "aws-http", r{Path: "/http", Claims: m{"n": "12345678901234567890", "b": "true", "s": "é"}}},
		"payload 1.0, null":         {rest + `,"authorizer":null}}`, "aws-rest", r{}},
		"payload 1.0, no claims":    {rest + `,"authorizer":{}}}`, "aws-rest", r{Claims: m{}}},
		"payload 1.0, both":         {rest + `,"authorizer":{"principalId":"p","claims":{"sub":"s"}}}}`, "aws-rest", r{Claims: m{"principalId": "p", "sub": "s"}}},
		"a resource":                {`{"httpMethod":"GET","resource":"/","requestContext":{}}`, "aws-rest", r{}},
		"claims that are nobody's":  {`{"httpMethod":"GET","requestContext":{"serviceId":"s","authorizer":{"sub":"s"}}}`, "api-gateway", r{}},
		"ours, with an authorizer":  {`{"httpMethod":"GET","requestContext":{"cloudpay":"web","authorizer":{"sub":"s"}}}`, "function-url", r{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := test.want
			if want.Header == nil {
				want.Header = m{}
			}
			if want.Query == nil {
				want.Query = q{}
			}
			if want.Method = "GET"; want.Path == "" {
				want.Path = "/"
			}
			if name == "an escaped body" {
				row{test.payload, "function-url", "event: is not JSON"}.check(t) // half a code unit
				test.payload = strings.Replace(test.payload, `\udc"`, `"`, 1)
				want.Body = []byte("\"\\/\b\f\n\r\té😀\ufffd")
			}
			if got := (row{test.payload, test.form, ""}).check(t).Request; !cmp.Equal(want, got) {
				t.Errorf("request (-want +got):\n%s", cmp.Diff(want, got))
			}
		})
	}
}

// TestPaths: escapes are taken out of a path once, by the platform or by us.
func TestPaths(t *testing.T) {
	t.Parallel()
	const url = `"version":"2.0","requestContext":{"http":{"method":"GET"},"domainName":"`
	for _, test := range []struct {
		form    string
		members string
		raw     bool
	}{
		{"aws-http", url + `id.execute-api.us-east-1.amazonaws.com"},"rawPath":`, false},
		{"aws-http", url + `pay.example.com"},"rawPath":`, false},
		{"aws-http", url + `id.lambda-url.us-west-2.on.aws"},"rawPath":`, true},
		{"aws-rest", `"httpMethod":"GET","requestContext":{"apiId":"a"},"path":`, true},
		{"aws-rest", `"version":"1.0","httpMethod":"GET","requestContext":{"apiId":"a"},"path":`, false},
		{"function-url", `"httpMethod":"GET","path":`, true},
		{"api-gateway", `"httpMethod":"GET","requestContext":{"serviceId":"s"},"path":`, true},
		{"tcb-http", `"httpMethod":"GET","requestContext":{"envId":"e"},"path":`, true},
	} {
		sent, want := "/a%2541|+", "/a%2541|+"
		if test.raw {
			want = "/a%41|+"
		}
		if got := (row{"{" + test.members + `"` + sent + `"}`, test.form, ""}).check(t).Request.Path; got != want {
			t.Errorf("%s: got %q, want %q", test.members, got, want)
		}
	}
}

// TestClaimsTwice: two claims of one name, wherever they stand, are none.
func TestClaimsTwice(t *testing.T) {
	t.Parallel()
	const fault = "requestContext.authorizer: has two claims of one name"
	for form, payloads := range map[string][]string{
		"aws-http": {
			`{"version":"2.0","requestContext":{"http":{"method":"GET"},"authorizer":{"lambda":{"sub":"a","sub":"b"}}}}`,
			`{"version":"2.0","requestContext":{"http":{"method":"GET"},"authorizer":{"lambda":{"sub":"a","s\u0075b":"a"}}}}`,
			`{"version":"2.0","requestContext":{"http":{"method":"GET"},"authorizer":{"jwt":{"claims":{"sub":"a"}},"iam":{"sub":"b"}}}}`,
		},
		"aws-rest": {
			`{"httpMethod":"GET","requestContext":{"apiId":"a","authorizer":{"sub":"a","claims":{"sub":"b"}}}}`,
		},
	} {
		for _, payload := range payloads {
			row{payload, form, fault}.check(t)
		}
	}
}

func batch(n int, record string) string {
	return `{"Records":[` + strings.TrimSuffix(strings.Repeat(record+",", n), ",") + `]}`
}

// TestBatches: a message that cannot be read says so, and the others live.
func TestBatches(t *testing.T) {
	t.Parallel()
	const (
		kafka    = `{"Ckafka":{"topic":"t","partition":0,"offset":1,"msgKey":"None","msgBody":"{}"}}`
		kafkaBad = "must have strings for its topic and msgBody, and whole numbers for its partition and offset"
		good     = `{"eventSource":"aws:sqs","messageId":"m","body":"{}"}`
	)
	type list = []event.Message
	bad := func(id string, at int, fault string) event.Message {
		return event.Message{ID: id, Fault: fmt.Sprintf("Records[%d] %s", at, fault)}
	}
	for name, test := range map[string]struct {
		payload string
		form    string
		want    list
	}{
		"CKafka": {
			`{"Records":[{"Ckafka":{"topic":"t","offset":"1"}},` + kafka + `,{"Ckafka":null},{"Ckafka":{"topic":"t","partition":1.5}},` + kafka + `,{},7,{"Ckafka":{},"Ckafka":{}}]}`,
			"ckafka", list{
				bad("#0", 0, kafkaBad), {ID: "t/0/1", Body: []byte("{}")}, bad("#2", 2, kafkaBad), bad("#3", 3, kafkaBad),
				{ID: "t/0/1", Body: []byte("{}")}, bad("#5", 5, "is not one of ckafka's"), bad("#6", 6, "must be an object"),
				bad("#7", 7, "has a key twice"),
			},
		},
		"CMQ": {
			`{"Records":[null,{"CMQ":{"msgId":7,"msgBody":"{}","topicOwner":"120","msgTag":null}},{"CMQ":{"msgId":"8"}},{"CMQ":[]},{"CMQ":{"msgBody":""}}]}`,
			"cmq", list{
				bad("#0", 0, "must be an object"), {ID: "7", Body: []byte("{}")}, bad("8", 2, "must have a string for its msgBody"),
				bad("#3", 3, "must have an object for its CMQ"), {ID: "#4", Body: []byte{}},
			},
		},
		"SQS": {
			`{"Records":[` + good + `,{"eventSource":"aws:sqs","body":"{}"},{"eventSource":"aws:sqs","messageId":"n","body":{}},` + good + `]}`,
			"sqs", list{
				{ID: "m", Body: []byte("{}")}, bad("#1", 1, "must have a string for its messageId"),
				bad("n", 2, "must have a string for its body"), {ID: "m", Body: []byte("{}")},
			},
		},
		"a text twice": {
			`{"Records":[{"CMQ":{"msgId":"7","msgBody":"{}","msgBody":"{}"}},{"CMQ":{"msgBody":"{}"}}]}`,
			"cmq", list{bad("7", 0, "has a key twice"), {ID: "#1", Body: []byte("{}")}},
		},
		"TDMQ without a name": {
			`{"specversion":"0","type":"connector:tdmq","data":{"msgBody":"{}"}}`, "tdmq", list{{ID: "#0", Body: []byte("{}")}},
		},
		"TDMQ without data": {
			`{"specversion":"0","id":"i","type":"connector:tdmq","data":"e30="}`,
			"tdmq", list{{ID: "i", Fault: "data must be an object, not a string"}},
		},
		"TDMQ without a body": {
			`{"specversion":"0","id":"i","type":"connector:tdmq","data":{"msgId":"m","msgBody":{}}}`,
			"tdmq", list{{ID: "m", Fault: "data must have a string for its msgBody"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := row{test.payload, test.form, ""}.check(t)
			if diff := cmp.Diff(test.want, got.Messages); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLargestBatch(t *testing.T) {
	t.Parallel()
	const record = `{"CMQ":{"msgBody":""}}`
	if got := (row{batch(10_000, record), "cmq", ""}).check(t); len(got.Messages) != 10_000 {
		t.Errorf("got %d messages, want 10000", len(got.Messages))
	}
	row{batch(10_001, record), "cmq", "Records: has more than 10000 messages"}.check(t)
	row{batch(20_000, `1`), "call", ""}.check(t)
}

// TestTruncated cuts each fixture at every byte: a fault each time, and never the kind of another
// trigger.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for name, want := range fixtures() {
		var compact bytes.Buffer
		if err := json.Compact(&compact, fixture(t, name)); err != nil {
			t.Fatal(err)
		}
		whole := compact.Bytes()
		for n := range whole {
			got, fault := event.Decode(whole[:n])
			if fault == nil {
				t.Fatalf("%s cut after %d bytes: got no fault", name, n)
			}
			if got.Kind != event.Call && got.Kind != want.Kind {
				t.Fatalf("%s cut after %d bytes: got a %s, want a %s or a call", name, n, got.Kind, want.Kind)
			}
			checkFault(t, fault)
		}
	}
}

// checkFault wants a fault to be one line of plain words.
func checkFault(t testing.TB, fault *event.Fault) {
	t.Helper()
	text := fault.String()
	strange := func(r rune) bool { return !unicode.IsPrint(r) || r > unicode.MaxASCII }
	if fault.Field == "" || fault.Rule.EN == "" || fault.Rule.ZH == "" || len(text) > 200 || strings.ContainsFunc(text, strange) {
		t.Errorf("got fault %q, want one line of plain words", text)
	}
}

// TestFaultsKeepSecrets puts a secret wherever an event has room for one, and looks for it in the
// faults.
func TestFaultsKeepSecrets(t *testing.T) {
	t.Parallel()
	const secret = "dontshowme"
	found := 0
	for name := range fixtures() {
		text := string(fixture(t, name))
		for at := range text {
			if text[at] != '"' {
				continue
			}
			_, fault := event.Decode([]byte(text[:at] + `"` + secret + text[at:]))
			if fault == nil {
				continue
			}
			found++
			if strings.Contains(fault.String(), secret) {
				t.Errorf("%s at %d: the fault tells: %s", name, at, fault)
			}
		}
	}
	if found == 0 {
		t.Error("no event had a fault")
	}
}

// TestCost holds Decode to what an event weighs: a cloud call costs nothing, and the worst a few
// times its bytes.
func TestCost(t *testing.T) {
	call := fixture(t, "call")
	if got := testing.AllocsPerRun(100, func() { event.Decode(call) }); got > 0 {
		t.Errorf("a call: got %v allocations, want none", got)
	}
	const size = 64 << 10 // and what is true of it is true of a hundred times as much: most stop early
	full := func(before, unit, after string) []byte {
		n := (size - len(before) - len(after)) / len(unit)
		return []byte(before + strings.Repeat(unit, n) + after)
	}
	for name, payload := range map[string][]byte{
		"keys":               full(`{"a":1`, `,"a":1`, `}`),
		"headers":            full(`{"httpMethod":"GET","headers":{"a":""`, `,"a":""`, `}}`),
		"a header's values":  full(`{"httpMethod":"GET","headers":{"a":[""`, `,""`, `]}}`),
		"a query":            full(`{"version":"2.0","requestContext":{"http":{"method":"GET"}},"rawQueryString":"`, `&`, `"}`),
		"a context":          full(`{"httpMethod":"GET","requestContext":{"a":1`, `,"a":1`, `}}`),
		"records":            full(`{"Records":[{"CMQ":{}}`, `,{"CMQ":{}}`, `]}`),
		"records of nobody":  full(`{"Records":[1`, `,1`, `]}`),
		"attributes":         full(`{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":"","messageAttributes":{"a":{}`, `,"a":{}`, `}}]}`),
		"resources":          full(`{"detail-type":"Scheduled Event","source":"aws.events","resources":[""`, `,""`, `]}`),
		"an escaped body":    full(`{"httpMethod":"GET","body":"`, `\n`, `"}`),
		"a body of base64":   full(`{"httpMethod":"GET","isBase64Encoded":true,"body":"`, `AAAA`, `"}`),
		"a CKafka's message": full(`{"Records":[{"Ckafka":{"topic":"t","msgBody":"`, `\n`, `"}}]}`),
	} {
		most := uint64(3 * len(payload))
		if name == "records" {
			most = 1 << 10 * uint64(bytes.Count(payload, []byte("CMQ"))) // each with a fault of its own, to MaxRecords
		}
		got := allocated(func() { event.Decode(payload) })
		t.Logf("%-20s %8d bytes", name, got)
		if got > most {
			t.Errorf("%s: got %d bytes allocated, want at most %d", name, got, most)
		}
	}
}

// allocated is how many bytes f takes off the heap. Nothing else may run meanwhile: its test is not
// parallel.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestRoundTrip puts bodies of all bytes through an event and gets them back.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	for _, body := range [][]byte{all, all[:128], []byte("关单\u2028"), {}} {
		sent := map[string]any{"httpMethod": "POST", "body": string(body)}
		if !utf8.Valid(body) {
			sent["body"], sent["isBase64Encoded"] = base64.StdEncoding.EncodeToString(body), true
		}
		payload, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		if got := (row{string(payload), "function-url", ""}).check(t); !bytes.Equal(got.Request.Body, body) {
			t.Errorf("got %q, want %q", got.Request.Body, body)
		}
	}
}
