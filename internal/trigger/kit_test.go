package trigger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/internal/trigger"
	"cloudpay/internal/trigger/event"
)

// The tokens that the tests' functions are configured with.
const (
	serviceToken = "service-kR7vQm2wZp9TnW4b"
	httpToken    = "http-kR7vQm2wZp9TnW4b"
	timerToken   = "timer-kR7vQm2wZp9TnW4b"
)

// kit is a function whose workflow notes what it was asked. Without further words it runs on SCF,
// where the operator says that only the platform lets callers in.
type kit struct {
	t  *testing.T
	fn trigger.Function
	on hosting.Platform
	// name is the function's, by the platform.
	name string
	// knows is what WeChat Pay answers to a look-up.
	knows func(ctx context.Context, p order.Params) order.Result
	// withheld says that bodies were not read.
	withheld bool

	mu    sync.Mutex
	asked []order.Params
	swept int
	logs  bytes.Buffer
	out   io.Writer
}

func newKit(t *testing.T) *kit {
	t.Helper()
	for _, token := range []string{serviceToken, httpToken, timerToken} {
		telemetrytest.Secret(t, telemetrytest.Token, token)
	}
	k := &kit{t: t, on: hosting.SCF, out: telemetrytest.Output(t, telemetrytest.Replies)}
	k.fn = trigger.Function{
		Op:     order.OpClose,
		Do:     k.do,
		Log:    slog.New(slog.NewJSONHandler(io.MultiWriter(&k.logs, telemetrytest.Output(t, telemetrytest.Logs)), nil)),
		Access: trigger.Access{Policy: trigger.PolicyPlatform},
	}
	return k
}

func (k *kit) do(_ context.Context, p order.Params) order.Result {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, p)
	return closed(p)
}

func closed(p order.Params) order.Result {
	return order.NewResult(order.Call{Ref: order.Ref{OutTradeNo: p.OutTradeNo}}, order.OutcomeClosed, order.Answer{Proof: order.ProofSignature}, 1)
}

// open admits every caller, as users.
func (k *kit) open() *kit {
	k.fn.Access.Policy = trigger.PolicyAny
	return k
}

// strict admits only callers that prove themselves, and gives the function all its tokens.
func (k *kit) strict() *kit {
	k.fn.Access = trigger.Access{
		Service: trigger.NewToken(serviceToken), HTTP: trigger.NewToken(httpToken), Timer: trigger.NewToken(timerToken),
	}
	return k
}

// store makes it known whose the orders are, by their numbers, and gives timers a sweep.
func (k *kit) store(owners map[string]string) *kit {
	k.fn.Owns = func(_ context.Context, owner string, p order.Params) (schedule.Ownership, trigger.Workflow, error) {
		registered, there := owners[p.OutTradeNo+p.CombineOutTradeNo]
		if !there {
			return schedule.NotRegistered, nil, nil
		}
		return schedule.OwnershipOf(order.Owner(registered), order.Owner(owner)), k.fn.Do, nil
	}
	k.fn.Find = k.find
	k.fn.Sweep = func(context.Context) (any, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.swept++
		return map[string]int{"claimed": 1}, nil
	}
	return k
}

// find looks an order up as the function's own query knows it, and asks Owns about the number it is
// found under.
func (k *kit) find(ctx context.Context, owner string, p order.Params) (schedule.Found, error) {
	found := schedule.Found{Result: k.query(ctx, p), Ownership: schedule.NotThere}
	if found.Result.Outcome != order.OutcomeFound {
		return found, nil
	}
	var err error
	found.Ownership, _, err = k.fn.Owns(ctx, owner, order.Params{
		OutTradeNo: found.Result.OutTradeNo, CombineOutTradeNo: found.Result.CombineOutTradeNo,
	})
	return found, err
}

// query is what WeChat Pay knows of an order: an order that was asked for by a combined number,
// unless a test says more.
func (k *kit) query(ctx context.Context, p order.Params) order.Result {
	if k.knows != nil {
		return k.knows(ctx, p)
	}
	return order.NewResult(order.Call{CombineOutTradeNo: p.CombineOutTradeNo}, order.OutcomeFound, order.Answer{Proof: order.ProofSignature}, 1)
}

func (k *kit) handle(payload string, environment map[string]string) (string, error) {
	k.t.Helper()
	reply, err := deliver(k.t.Context(), &k.fn, hosting.Invocation{
		Payload: []byte(payload), Environment: environment, Platform: k.on, Function: k.name, Withheld: k.withheld,
	})
	_, _ = k.out.Write(append(bytes.Clone(reply), '\n'))
	telemetrytest.Error(k.t, err)
	return string(reply), err
}

// deliver calls the function as its hosting does. On the web an HTTP event stands for the request
// that hosting would have read, and the response is encoded so that all platforms' can be compared.
func deliver(ctx context.Context, fn *trigger.Function, inv hosting.Invocation) ([]byte, error) {
	e, fault := event.Decode(inv.Payload)
	if inv.Platform != hosting.Web || e.Kind != event.HTTP || fault != nil {
		return fn.Handle(ctx, inv)
	}
	inv.Payload = nil
	response, err := fn.HandleHTTP(ctx, inv, e.Request)
	if err != nil {
		return nil, err
	}
	return e.EncodeResponse(response), nil
}

func (k *kit) invoke(payload string, environment map[string]string) map[string]any {
	k.t.Helper()
	reply, err := k.handle(payload, environment)
	if err != nil {
		k.t.Fatal(err)
	}
	return object(k.t, reply)
}

// fails wants a failed invocation whose error says why.
func (k *kit) fails(payload string, environment map[string]string, says string) {
	k.t.Helper()
	if reply, err := k.handle(payload, environment); err == nil || !strings.Contains(err.Error(), says) {
		k.t.Errorf("got %s and error %v, want a failure that says %q", reply, err, says)
	}
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%s is not an object: %v", text, err)
	}
	return m
}

// lines are the log's.
func (k *kit) lines() []map[string]any {
	k.t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(k.logs.String()) {
		lines = append(lines, object(k.t, line))
	}
	return lines
}

// wantLog looks for a line with these values.
func (k *kit) wantLog(want map[string]any) {
	k.t.Helper()
	for _, line := range k.lines() {
		fits := true
		for key, value := range want {
			text, isText := line[key].(string)
			part, wantsText := value.(string)
			fits = fits && (line[key] == value || isText && wantsText && part != "" && strings.Contains(text, part))
		}
		if fits {
			return
		}
	}
	k.t.Errorf("no line of the log has %v:\n%s", want, k.logs.String())
}

// wantRefused checks that the workflow was not asked, and the reply's words.
func (k *kit) wantRefused(reply map[string]any, code, says string) {
	k.t.Helper()
	if len(k.asked) != 0 {
		k.t.Errorf("the workflow was asked %+v", k.asked)
	}
	msg, _ := reply["returnMsg"].(string)
	if reply["returnCode"] != "FAIL" || reply["errCode"] != code || reply["outcome"] != "refused" || !strings.Contains(msg, says) {
		k.t.Errorf("got %v, want FAIL %s %q", reply, code, says)
	}
}

// user is CloudBase's environment of a user's call; the user's orders are alice's.
var user = map[string]string{"WX_OPENID": "oABC0123456789", "WX_APPID": "wx1", "WXPAY_MCHID": "1900000001"}

const alice = "wx:wx1:oABC0123456789"

// text makes JSON of whatever a test wants to send.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

type obj = map[string]any

// A request is an HTTP request, before a platform makes an event of it.
type request struct {
	method, path string
	query        map[string]string
	header       map[string]string
	body         string
}

// The platforms' words for a request, and the hostings where each of them can come from.
var httpForms = []struct {
	name string
	on   []hosting.Platform
	wrap func(request) obj
}{
	{"function-url", []hosting.Platform{hosting.SCF, hosting.SCFCustom}, func(r request) obj {
		return obj{"httpMethod": r.method, "path": r.path, "queryString": r.query, "headers": r.header, "body": r.body}
	}},
	{"api-gateway", []hosting.Platform{hosting.SCF, hosting.SCFCustom}, func(r request) obj {
		return obj{
			"httpMethod": r.method, "path": "/release" + r.path, "queryString": r.query, "headers": r.header, "body": r.body,
			"requestContext": obj{"serviceId": "service-1", "requestId": "r1", "stage": "release"},
		}
	}},
	{"tcb-http", []hosting.Platform{hosting.SCF, hosting.SCFCustom}, func(r request) obj {
		return obj{
			"httpMethod": r.method, "path": r.path, "queryStringParameters": r.query, "headers": r.header, "body": r.body,
			"requestContext": obj{"requestId": "r1", "envId": "env-1", "appId": 1, "uin": 2}, "isBase64Encoded": false,
		}
	}},
	{"web", []hosting.Platform{hosting.Web}, func(r request) obj {
		return obj{
			"httpMethod": r.method, "path": strings.ReplaceAll(r.path, "%", "%25"), "queryString": r.query, "headers": r.header,
			"body": r.body, "isBase64Encoded": false, "requestContext": obj{"requestId": "r1"},
		}
	}},
	{"aws-http", []hosting.Platform{hosting.Lambda}, func(r request) obj {
		return obj{
			"version": "2.0", "rawPath": r.path, "queryStringParameters": r.query, "headers": r.header, "body": r.body,
			"requestContext": obj{"http": obj{"method": r.method, "path": r.path}, "requestId": "r1"},
		}
	}},
	{"aws-rest", []hosting.Platform{hosting.Lambda}, func(r request) obj {
		return obj{
			"resource": "/{proxy+}", "httpMethod": r.method, "path": r.path, "queryStringParameters": r.query, "headers": r.header,
			"body": r.body, "requestContext": obj{"apiId": "a1", "requestId": "r1"},
		}
	}},
}

// wrapped is a request as one platform's event.
func wrapped(form string, r request) string {
	for _, f := range httpForms {
		if f.name == form {
			return text(f.wrap(r))
		}
	}
	panic(form)
}

// post asks for the order A1 to be closed.
func post(body string, header map[string]string) request {
	return request{method: "POST", path: "/closeorder", header: header, body: body}
}

func bearer(token string) map[string]string {
	return map[string]string{"authorization": "Bearer " + token}
}

// A response is what the HTTP client gets.
type response struct {
	status int
	header map[string]string
	body   string
}

func (k *kit) http(form string, r request) response {
	k.t.Helper()
	reply, err := k.handle(wrapped(form, r), nil)
	if err != nil {
		k.t.Fatal(err)
	}
	return responseOf(k.t, reply)
}

func responseOf(t *testing.T, reply string) response {
	t.Helper()
	var got struct {
		StatusCode      int               `json:"statusCode"`
		Headers         map[string]string `json:"headers"`
		Body            string            `json:"body"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal([]byte(reply), &got); err != nil || got.StatusCode == 0 || got.IsBase64Encoded {
		t.Fatalf("%s is no integration response: %v", reply, err)
	}
	return response{got.StatusCode, got.Headers, got.Body}
}

// The queues' words for a batch of messages.
var queueForms = []struct {
	name string
	wrap func(bodies []string) obj
}{
	{"ckafka", func(bodies []string) obj {
		return records(bodies, func(n int, body string) obj {
			return obj{"Ckafka": obj{"topic": "t", "partition": 0, "offset": n, "msgKey": "None", "msgBody": body}}
		})
	}},
	{"cmq", func(bodies []string) obj {
		return records(bodies, func(n int, body string) obj {
			return obj{"CMQ": obj{"type": "topic", "topicName": "t", "msgId": messageID(n), "msgBody": body}}
		})
	}},
	{"sqs", func(bodies []string) obj {
		return records(bodies, func(n int, body string) obj {
			return obj{"messageId": messageID(n), "eventSource": "aws:sqs", "body": body}
		})
	}},
	{"tdmq", func(bodies []string) obj {
		return obj{
			"specversion": "0", "id": "e1", "type": "connector:tdmq", "source": "tdmq.cloud.tencent",
			"data": obj{"topic": "t", "msgId": messageID(0), "msgBody": bodies[0]},
		}
	}},
}

func records(bodies []string, one func(n int, body string) obj) obj {
	list := []obj{}
	for n, body := range bodies {
		list = append(list, one(n, body))
	}
	return obj{"Records": list}
}

func messageID(n int) string { return "m" + string(rune('0'+n)) }

// batched is messages as one queue's event.
func batched(form string, bodies ...string) string {
	for _, f := range queueForms {
		if f.name == form {
			return text(f.wrap(bodies))
		}
	}
	panic(form)
}

// The timers' words.
var timerForms = map[string]func(message string) obj{
	"scf-timer": func(message string) obj {
		return obj{"Type": "Timer", "TriggerName": "sweep", "Time": "2026-11-22T10:00:00Z", "Message": message}
	},
	"eventbridge": func(string) obj {
		return obj{
			"version": "0", "id": "e", "detail-type": "Scheduled Event", "source": "aws.events", "time": "2026-11-22T10:00:00Z",
			"resources": []string{"arn:aws:events:eu-west-1:1:rule/sweep"}, "detail": obj{},
		}
	},
}

// with returns o and more members.
func with(o obj, more obj) obj {
	o = maps.Clone(o)
	maps.Copy(o, more)
	return o
}
