package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/pkg/paygate"
)

// The secrets of the callers in these tests.
const (
	serviceToken = "service-token-of-the-tests"
	httpToken    = "http-token-of-the-tests"
	timerToken   = "timer-token-of-the-tests"
)

// brought is one call of a function, as a trigger makes it on a hosting.
type brought struct {
	event       string
	environment map[string]string
}

// A trigger makes an event about an order, with or without the caller's credentials. In the event,
// closeorder stands for the function that is called.
type trigger struct {
	name string
	// on are the hostings that have the trigger.
	on []platform.Runtime
	// bring makes the event. Without an invitation it holds all that an unauthorised caller could
	// write.
	bring func(number string, on platform.Runtime, invited bool) brought
	// queue is set if a refusal is an error, so that the queue keeps the message.
	queue bool
	// read decodes the result from the function's reply in the trigger's form.
	read func(t *testing.T, reply string) order.Result
}

// token is the member of a JSON object with a service's token.
func token(invited bool) string {
	if invited {
		return `,"service_token":"` + serviceToken + `"`
	}
	return ""
}

// bearer is the Authorization header of an HTTP client.
func bearer(invited bool) string {
	if invited {
		return `,"authorization":"Bearer ` + httpToken + `"`
	}
	return ""
}

func plain(event string) brought { return brought{event: event} }

// closes is the payload of most callers, without what the trigger puts around it.
func closes(number string, invited bool) string {
	return fmt.Sprintf(`{"out_trade_no":%q%s}`, number, token(invited))
}

func quoted(text string) string {
	q, _ := json.Marshal(text) // a string always can be
	return string(q)
}

// httpEvent is an HTTP trigger. The number, the headers and the body are inserted into the form of
// its event.
func httpEvent(name, form string, on ...platform.Runtime) trigger {
	return trigger{
		name: name, on: on, read: readHTTP,
		bring: func(number string, _ platform.Runtime, invited bool) brought {
			headers := `{"content-type":"application/json"` + bearer(invited) + `}`
			body := quoted(fmt.Sprintf(`{"out_trade_no":%q}`, number))
			return plain(strings.NewReplacer("HEADERS", headers, "BODY", body).Replace(form))
		},
	}
}

// queueEvent is a queue trigger. The message is inserted into the form of its event. On SCF any
// caller could send that form, so the message has to hold the token; on Lambda, IAM has checked the
// caller.
func queueEvent(name, form string, read func(*testing.T, string) order.Result, on ...platform.Runtime) trigger {
	return trigger{
		name: name, on: on, read: read, queue: true,
		bring: func(number string, on platform.Runtime, invited bool) brought {
			return plain(strings.ReplaceAll(form, "BODY", quoted(closes(number, invited && on != platform.Lambda))))
		},
	}
}

// everyEvent lists the hostings that take events.
var everyEvent = []platform.Runtime{platform.Go1, platform.CustomRuntime, platform.Lambda}

// triggers lists the triggers.
func triggers() []trigger {
	return []trigger{
		{
			name: "call", on: everyEvent, read: readResult,
			bring: func(number string, _ platform.Runtime, invited bool) brought {
				return plain(closes(number, invited))
			},
		},
		httpEvent("function URL",
			`{"body":BODY,"headers":HEADERS,"httpMethod":"POST","path":"/closeorder","queryString":{}}`,
			platform.Go1, platform.CustomRuntime),
		httpEvent("API gateway",
			`{"requestContext":{"serviceId":"service-f94sy04v","path":"/closeorder","httpMethod":"POST","requestId":"c6af9ac6",`+
				`"identity":{},"sourceIp":"10.0.2.14","stage":"release"},"headers":HEADERS,"body":BODY,"pathParameters":{},`+
				`"queryStringParameters":{},"headerParameters":{},"stageVariables":{"stage":"release"},"path":"/closeorder",`+
				`"queryString":{"a":["b","c"],"i":true},"httpMethod":"POST"}`,
			platform.Go1, platform.CustomRuntime),
		httpEvent("HTTP access service",
			`{"path":"/","httpMethod":"POST","headers":HEADERS,"queryStringParameters":{},`+
				`"requestContext":{"requestId":"6e3","envId":"env-1","appId":1251009918,"uin":100000001},"body":BODY,"isBase64Encoded":false}`,
			platform.Go1, platform.CustomRuntime),
		httpEvent("AWS HTTP API",
			`{"version":"2.0","routeKey":"$default","rawPath":"/closeorder","rawQueryString":"","headers":HEADERS,`+
				`"requestContext":{"http":{"method":"POST","path":"/closeorder","protocol":"HTTP/1.1","sourceIp":"1.2.3.4"},"requestId":"id","stage":"$default"},`+
				`"body":BODY,"isBase64Encoded":false}`,
			platform.Lambda),
		httpEvent("AWS function URL",
			`{"version":"2.0","routeKey":"$default","rawPath":"/closeorder","rawQueryString":"","headers":HEADERS,`+
				`"requestContext":{"accountId":"anonymous","apiId":"id","domainName":"id.lambda-url.us-west-2.on.aws","domainPrefix":"id",`+
				`"http":{"method":"POST","path":"/closeorder","protocol":"HTTP/1.1","sourceIp":"1.2.3.4","userAgent":"a"},"requestId":"id","routeKey":"$default","stage":"$default"},`+
				`"body":BODY,"isBase64Encoded":false}`,
			platform.Lambda),
		httpEvent("AWS REST API",
			`{"resource":"/closeorder","path":"/closeorder","httpMethod":"POST","headers":HEADERS,"multiValueHeaders":null,`+
				`"queryStringParameters":null,"requestContext":{"resourceId":"123456","apiId":"1234567890","resourcePath":"/closeorder","httpMethod":"POST","requestId":"id","stage":"prod"},`+
				`"body":BODY,"isBase64Encoded":false}`,
			platform.Lambda),
		queueEvent("CKafka",
			`{"Records":[{"Ckafka":{"topic":"close","partition":1,"offset":36,"msgKey":"None","msgBody":BODY}}]}`,
			readReport, platform.Go1, platform.CustomRuntime),
		queueEvent("CMQ",
			`{"Records":[{"CMQ":{"type":"topic","topicOwner":120000,"topicName":"close","subscriptionName":"s","publishTime":"1970-01-01T00:00:00.000Z","msgId":"123345346","requestId":"123345346","msgBody":BODY,"msgTag":"tag1,tag2"}}]}`,
			readReport, platform.Go1, platform.CustomRuntime),
		queueEvent("TDMQ",
			`{"specversion":"0","id":"13a3f42d","type":"connector:tdmq","source":"tdmq.cloud.tencent","subject":"qcs::tdmq:gz:1:close","time":"1615430559146","region":"ap-guangzhou","datacontenttype":"application/json;charset=utf-8","data":{"topic":"persistent://appid/namespace/close","tags":"t","TopicType":0,"subscriptionName":"s","toTimestamp":1603352765001,"partitions":0,"msgId":"123345346","msgBody":BODY}}`,
			readReport, platform.Go1, platform.CustomRuntime),
		queueEvent("SQS",
			`{"Records":[{"messageId":"059f36b4","receiptHandle":"AQEB","body":BODY,"attributes":{"ApproximateReceiveCount":"1"},"messageAttributes":{},"md5OfBody":"e4e6","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-2:123456789012:close","awsRegion":"us-east-2"}]}`,
			readFailures, platform.Lambda),
	}
}

// readResult decodes a bare result.
func readResult(t *testing.T, reply string) order.Result {
	t.Helper()
	var result order.Result
	if err := json.Unmarshal([]byte(reply), &result); err != nil {
		t.Fatalf("the reply %s: %v", reply, err)
	}
	return result
}

// readHTTP decodes the result of an HTTP answer, and checks its status.
func readHTTP(t *testing.T, reply string) order.Result {
	t.Helper()
	var answer struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	if err := json.Unmarshal([]byte(reply), &answer); err != nil {
		t.Fatalf("the reply %s: %v", reply, err)
	}
	result := readResult(t, answer.Body)
	wantHTTP(t, answer.StatusCode, result)
	return result
}

func wantHTTP(t *testing.T, status int, result order.Result) {
	t.Helper()
	want := http.StatusOK
	if result.Outcome == order.OutcomeRefused {
		want = http.StatusUnauthorized
	}
	if status != want {
		t.Errorf("status of an HTTP answer that is %s: got %d, want %d", result.Outcome, status, want)
	}
}

// readReport decodes the one message's result from a batch's report.
func readReport(t *testing.T, reply string) order.Result {
	t.Helper()
	var report struct {
		Messages int
		Results  []order.Result
	}
	if err := json.Unmarshal([]byte(reply), &report); err != nil || len(report.Results) != 1 || report.Messages != 1 {
		t.Fatalf("the reply %s: %v; want the result of one message", reply, err)
	}
	return report.Results[0]
}

// readFailures decodes SQS's list of failed messages; an empty one means that all were handled.
func readFailures(t *testing.T, reply string) order.Result {
	t.Helper()
	if reply != `{"batchItemFailures":[]}` {
		t.Fatalf("the reply %s, want no failures", reply)
	}
	return order.Result{Outcome: sqsDone}
}

// sqsDone is the whole answer to SQS.
const sqsDone order.Outcome = "done"

// strict is an environment with the credentials of every kind of caller, and no policy that opens
// it.
func strict(t *testing.T, api order.API) *env {
	t.Helper()
	e := newEnv(t, mode{api: api})
	delete(e.vars, "CLOUDPAY_CALLER_POLICY")
	e.vars["CLOUDPAY_SERVICE_TOKEN"] = serviceToken
	e.vars["CLOUDPAY_HTTP_TOKEN"] = httpToken
	e.vars["CLOUDPAY_TIMER_TOKEN"] = timerToken
	return e
}

// on runs a function as it is deployed on a hosting.
func (e *env) on(name string, runtime platform.Runtime) *platform.Function {
	e.t.Helper()
	spec := e.spec(name, patient)
	spec.Runtime = runtime
	f, err := platform.Start(e.t.Context(), spec)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = f.Close() })
	return f
}

// Each trigger closes and queries its order on each hosting that has it, and on one hosting in both
// dialects. The same event without credentials does nothing. On Lambda, IAM's check suffices, so
// only HTTP has unauthorised callers there.
func TestEachTriggerOnEachHosting(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		on  platform.Runtime
		api order.API
	}{
		{platform.Go1, order.V2},
		{platform.Go1, order.V3},
		{platform.CustomRuntime, order.V2},
		{platform.Lambda, order.V2},
	} {
		for _, name := range []string{"closeorder", "queryorder"} {
			t.Run(fmt.Sprintf("%s %s %s", test.on, test.api, name), func(t *testing.T) {
				t.Parallel()
				e := strict(t, test.api)
				f := e.on(name, test.on)
				for i, trig := range triggers() {
					if !slices.Contains(trig.on, test.on) {
						continue
					}
					for _, invited := range []bool{false, true} {
						number := fmt.Sprintf("T%d-%t", i, invited)
						e.order(number)
						welcome := invited || test.on == platform.Lambda && !strings.HasPrefix(trig.name, "AWS")
						got := e.bring(f, name, trig, number, test.on, invited, welcome)
						e.wantDoneOnlyIf(welcome, name, trig.name, number, got)
					}
				}
			})
		}
	}
}

// bring calls a function by a trigger. A caller that is not welcome is refused; a queue's refusal
// is an error, so that the message stays in the queue.
func (e *env) bring(
	f *platform.Function, name string, trig trigger, number string, on platform.Runtime, invited, welcome bool,
) order.Result {
	e.t.Helper()
	b := trig.bring(number, on, invited)
	event := strings.ReplaceAll(b.event, "closeorder", name)
	reply, err := f.Invoke(e.t.Context(), platform.Event{Payload: []byte(event), Environment: b.environment})
	if err != nil {
		e.t.Fatal(err)
	}
	e.answered(reply)
	if trig.queue && !welcome {
		if reply.Err == nil || !strings.Contains(reply.Err.Error(), errcode.NoAuth) {
			e.t.Errorf("%s, uninvited: the platform says %d (%v) and %s, want an error that says NOAUTH", trig.name, reply.Status, reply.Err, reply.Payload)
		}
		return order.Result{Outcome: order.OutcomeRefused, ErrCode: errcode.NoAuth}
	}
	if reply.Status != platform.StatusOK {
		e.t.Fatalf("%s: the platform says %d: %v", trig.name, reply.Status, reply.Err)
	}
	return trig.read(e.t, string(reply.Payload))
}

func (e *env) wantDoneOnlyIf(welcome bool, name, trigger, number string, got order.Result) {
	e.t.Helper()
	want, state := order.OutcomeClosed, paygate.StateClosed
	if name == "queryorder" {
		want, state = order.OutcomeFound, paygate.StateNotPay
	}
	if !welcome {
		want, state = order.OutcomeRefused, paygate.StateNotPay
		if got.ErrCode != errcode.NoAuth {
			e.t.Errorf("%s, uninvited: got %q, want NOAUTH", trigger, got.ErrCode)
		}
	}
	if got.Outcome != want && got.Outcome != sqsDone {
		e.t.Errorf("%s: got %s %s (%s), want %s", trigger, got.Outcome, got.ErrCode, got.ReturnMsg, want)
	}
	e.WantState(number, state, e.owner())
	if asked := slices.ContainsFunc(e.Requests(), func(r paygate.Request) bool { return r.OutTradeNo == number }); asked != welcome {
		e.t.Errorf("%s: the gateway was asked about it: %t, want %t", trigger, asked, welcome)
	}
}

// A mini-program's user is identified by the context that CloudBase adds to the call. Without a
// store no order has a known owner, so a user may do nothing unless the policy is any.
func TestUsersCloudCalls(t *testing.T) {
	t.Parallel()
	says := map[string]string{
		"WX_OPENID": openID, "WX_APPID": "wx0123456789abcdef", "WX_CONTEXT_KEYS": "WX_OPENID,WX_APPID",
		"TRIGGER_SRC": "tcb", "TCB_SOURCE": "wx_client", "TCB_ENV": "env-1",
	}
	event := `{"out_trade_no":"A1","userInfo":{"appId":"wx0123456789abcdef","openId":"` + openID + `"}}`
	for _, api := range []order.API{order.V2, order.V3} {
		for _, policy := range []string{"", "platform", "any"} {
			t.Run(fmt.Sprintf("%s %q", api, policy), func(t *testing.T) {
				t.Parallel()
				e := strict(t, api)
				if policy != "" {
					e.vars["CLOUDPAY_CALLER_POLICY"] = policy
				}
				e.order("A1")
				for _, name := range []string{"queryorder", "closeorder"} {
					got, _ := e.invoke(e.on(name, platform.Go1), event, says)
					e.wantDoneOnlyIf(policy == "any", name, "a user's "+name, "A1", got)
				}
			})
		}
	}
}

// A web function has one trigger, HTTP, and is a server of its own.
func TestWebFunction(t *testing.T) {
	t.Parallel()
	e := strict(t, order.V3)
	closer, querier := e.on("closeorder", platform.Web), e.on("queryorder", platform.Web)
	e.order("A1")

	for _, test := range []struct {
		name                      string
		function                  *platform.Function
		method, path, body, token string
		status                    int
		outcome                   order.Outcome
	}{
		{"a stranger's close", closer, http.MethodPost, "/closeorder", `{"out_trade_no":"A1"}`, "", 401, order.OutcomeRefused},
		{"a guess", closer, http.MethodPost, "/closeorder", `{"out_trade_no":"A1"}`, "a guess", 401, order.OutcomeRefused},
		{"a stranger's query", querier, http.MethodGet, "/queryorder/A1", "", "", 401, order.OutcomeRefused},
		{"a query", querier, http.MethodGet, "/queryorder/A1", "", httpToken, 200, order.OutcomeFound},
		{"a close", closer, http.MethodPost, "/closeorder", `{"out_trade_no":"A1"}`, httpToken, 200, order.OutcomeClosed},
		{"it again", closer, http.MethodPost, "/closeorder", `{"out_trade_no":"A1"}`, httpToken, 200, order.OutcomeAlreadyClosed},
		{"an order that is not there", querier, http.MethodGet, "/queryorder/B1", "", httpToken, 404, order.OutcomeNotFound},
		{"a timer's event", closer, http.MethodPost, "/", `{"Type":"Timer","TriggerName":"t","Time":"2026-11-22T10:00:00Z","Message":"` + timerToken + `"}`, "", 401, order.OutcomeRefused},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, "http://function.example"+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-WX-OPENID", "oABC") // no gateway in front of this function sets the header
		if test.token != "" {
			request.Header.Set("Authorization", "Bearer "+test.token)
		}
		response, err := test.function.Fetch(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		e.replied(body)
		if got := readResult(t, string(body)); response.StatusCode != test.status || got.Outcome != test.outcome {
			t.Errorf("%s: got %d %s, want %d %s\n%s", test.name, response.StatusCode, got.Outcome, test.status, test.outcome, body)
		}
	}
}

// A timer is recognised by the context that the platform adds to its event, or by the secret in its
// message. Without a store there is nothing to sweep, and the invocation fails; an unauthorised
// caller does not learn that.
func TestTimerOnEachHosting(t *testing.T) {
	t.Parallel()
	const event = `{"Type":"Timer","TriggerName":"every-minute","Time":"2026-11-22T10:00:00Z","Message":"MESSAGE"}`
	for _, test := range []struct {
		name        string
		on          platform.Runtime
		event       string
		environment map[string]string
		want        string
	}{
		{"SCF", platform.Go1, event, map[string]string{"TRIGGER_SRC": "timer"}, "CONFIG_ERROR"},
		{"CloudBase", platform.Go1, event, map[string]string{"TCB_SOURCE": "wx_trigger", "TCB_ENV": "env-1"}, "CONFIG_ERROR"},
		{"token", platform.Go1, strings.Replace(event, "MESSAGE", timerToken, 1), nil, "CONFIG_ERROR"},
		{"stranger", platform.Go1, event, nil, "NOAUTH"},
		{"user", platform.Go1, event, map[string]string{"WX_OPENID": "oABC", "TCB_SOURCE": "wx_client"}, "NOAUTH"},
		{"user that claims to be one", platform.Go1, event, map[string]string{"WX_OPENID": "oABC", "TRIGGER_SRC": "timer"}, "NOAUTH"},
		{"token", platform.CustomRuntime, strings.Replace(event, "MESSAGE", timerToken, 1), nil, "CONFIG_ERROR"},
		{"stranger", platform.CustomRuntime, event, nil, "NOAUTH"},
		{"EventBridge's input", platform.Lambda, event, nil, "CONFIG_ERROR"},
		{"EventBridge", platform.Lambda, `{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","account":"123456789012","time":"2026-11-22T10:00:00Z","region":"r","resources":["arn:aws:events:r:1:rule/every-minute"],"detail":{}}`, nil, "CONFIG_ERROR"},
	} {
		t.Run(string(test.on)+" "+test.name, func(t *testing.T) {
			t.Parallel()
			e := strict(t, order.V2)
			for _, name := range []string{"closeorder", "queryorder"} {
				got, reply := e.invoke(e.on(name, test.on), test.event, test.environment)
				if test.want == errcode.ConfigError { // a failed invocation, by which an alarm fires
					if reply.Err == nil || !strings.Contains(reply.Err.Message, test.want) {
						t.Errorf("%s: got %+v, want a failure with %s", name, reply, test.want)
					}
					continue
				}
				if got.ReturnCode != "FAIL" || got.ErrCode != test.want {
					t.Errorf("%s: got %s %s (%s), want FAIL %s", name, got.ReturnCode, got.ErrCode, got.ReturnMsg, test.want)
				}
			}
		})
	}
}

// An invocation's context is not used for the next one on the same instance.
func TestNothingLeaksIntoTheNextInvocation(t *testing.T) {
	t.Parallel()
	e := strict(t, order.V2)
	var logs lockedBuffer
	spec := e.spec("closeorder", patient)
	spec.Log = e.collected(&logs)
	f, err := platform.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	e.order("A1")
	const timer = `{"Type":"Timer","TriggerName":"t","Time":"2026-11-22T10:00:00Z","Message":""}`
	for i, call := range []struct {
		event       string
		environment map[string]string
		want        string
	}{
		{timer, map[string]string{"TRIGGER_SRC": "timer"}, "CONFIG_ERROR"},
		{timer, nil, errcode.NoAuth},
		{`{"out_trade_no":"A1","service_token":"` + serviceToken + `"}`, nil, ""},
		{`{"out_trade_no":"A1"}`, nil, errcode.NoAuth},
	} {
		got, reply := e.invoke(f, call.event, call.environment)
		if call.want == errcode.ConfigError && reply.Err != nil {
			got.ErrCode, _, _ = strings.Cut(strings.TrimPrefix(reply.Err.Message, "nothing was swept: "), ":")
		}
		if got.ErrCode != call.want {
			t.Errorf("call %d: got %q (%s), want %q", i+1, got.ErrCode, got.ReturnMsg, call.want)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if started := strings.Count(logs.String(), "Init Report"); started != 1 {
		t.Errorf("instances: got %d, want that all of it was one's", started)
	}
}

// lockedBuffer is a buffer for several goroutines: a platform's log may be written for a moment
// after Close.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
