package platform_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/traffic"
)

// everyCall selects all calls that a test makes.
var everyCall = traffic.Query{Limit: 1000}

// calls are those of the journal, without what differs from run to run.
func (c *cloud) calls() []traffic.Call {
	c.t.Helper()
	calls := c.world.Journal.Page(everyCall).Calls
	for i := range calls {
		if calls[i].Time.IsZero() || calls[i].Clock.IsZero() || calls[i].RequestID == "" {
			c.t.Errorf("call %+v: want its time and id", calls[i])
		}
	}
	return calls
}

// wantCalls fails the test unless the journal has exactly these calls.
func (c *cloud) wantCalls(want ...traffic.Call) {
	c.t.Helper()
	ignored := cmpopts.IgnoreFields(traffic.Call{}, "ID", "Time", "Clock", "TookMS", "RequestID", "Reason", "Report")
	got := c.calls()
	if diff := cmp.Diff(want, got, ignored, cmpopts.EquateEmpty()); diff != "" {
		c.t.Errorf("calls (-want +got):\n%s", diff)
		return
	}
	for i, call := range want {
		if !strings.Contains(got[i].Reason, call.Reason) || call.Reason == "" && got[i].Reason != "" {
			c.t.Errorf("call %d: got the reason %q, want %q", i, got[i].Reason, call.Reason)
		}
	}
}

// What a function answers to a timer is kept as its report, and to nothing else.
func TestReports(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, withEnv("HELLO_ECHO=1"))
	c.send(http.MethodPost, "/v1/functions/hello", `{"closed":1}`)
	c.send(http.MethodPost, "/v1/timers/hello", `{"trigger":"every5"}`)
	c.send(http.MethodPost, "/v1/timers/hello", `{"message":"`+strings.Repeat("m", 4<<10)+`"}`) // the echo is longer than a report
	calls := c.world.Journal.Page(traffic.Query{Via: "timer", Limit: 9}).Calls
	if len(calls) != 2 || !strings.Contains(string(calls[0].Report), `"TriggerName":"every5"`) || calls[1].Report != nil {
		t.Errorf("got %+v, want the first timer's report alone", calls)
	}
	if all := c.calls(); len(all) != 3 || all[0].Report != nil {
		t.Errorf("got %+v, want no report of a call by the API", all)
	}
	got := c.send(http.MethodGet, "/v1/calls?via=timer&limit=1", "")
	if !strings.Contains(got.body, `"via":"timer"`) || strings.Contains(got.body, "report") {
		t.Errorf("got %s, want the last timer's call", got.body)
	}
}

// The register's API is the emulator's own: a page of another origin does not get at it, and a
// cloud without one has no such path.
func TestRegisterAPI(t *testing.T) {
	t.Parallel()
	asked := ""
	c := serveCloud(t, &platform.Cloud{Register: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = w.Header().Get("X-Request-Id") + " " + r.Method + " " + r.URL.RequestURI()
	})})
	get := func(address, origin string) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Request-Id", "r1")
		if origin != "" {
			request.Header.Set("Origin", origin)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	if got := get(c.url+"/v1/register/events?limit=1", ""); got != http.StatusOK || asked != "r1 GET /v1/register/events?limit=1" {
		t.Errorf("got %d, and asked %q", got, asked)
	}
	asked = ""
	if got := get(c.url+"/v1/register/events", "http://evil.example"); got != http.StatusForbidden || asked != "" {
		t.Errorf("a foreign page: got %d, and asked %q", got, asked)
	}
	if got := get(serveCloud(t, &platform.Cloud{}).url+"/v1/register", ""); got != http.StatusNotFound {
		t.Errorf("without a register: got %d, want 404", got)
	}
}

// Every call is in the journal, by whichever way it came, with what became of it.
func TestJournalOfEachAPI(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	const event = `{"Do":"echo","out_trade_no":"A1","outcome":"closed"}`
	c.send(http.MethodPost, "/v1/functions/hello", event, "X-WX-OPENID", "oABC")
	c.send(http.MethodPost, "/admin?env=env-1", `{"action":"functions.invokeFunction","function_name":"hello","request_data":`+event+`}`)
	c.send(http.MethodPost, invocations("hello"), event, "X-Cloudpay-Cognito-Identity", "us-east-1:1")
	c.send(http.MethodPost, "/", `{"FunctionName":"hello","Event":"{\"Do\":\"fail\",\"Text\":\"no\",\"outTradeNo\":\"A2\"}"}`, "X-TC-Action", "InvokeFunction")
	c.send(http.MethodPost, "/v1/timers/hello", "")
	c.send(http.MethodPost, "/v1/queues/hello?form=sqs", `{"messages":["a"]}`)
	c.send(http.MethodPost, "/http/hello/x?out_trade_no=A3", "")
	c.send(http.MethodPost, "/tcb/hello/x", `{"outTradeNo":"A4"}`, "Content-Type", "application/json")
	c.send(http.MethodPost, "/aws/hello/x?out_trade_no=A5", "")
	ok := func(via, caller, order, outcome string) traffic.Call {
		return traffic.Call{Via: via, Caller: caller, Function: "hello", OutTradeNo: order, Verdict: "ok", Outcome: outcome, Status: 200}
	}
	c.wantCalls(
		ok("http-api", "user oABC", "A1", "closed"),
		ok("server-sdk", "", "A1", "closed"),
		ok("lambda-api", "cognito us-east-1:1", "A1", "closed"),
		traffic.Call{Via: "tencent-api", Function: "hello", OutTradeNo: "A2", Verdict: "failed", Status: 430, Reason: "no"},
		ok("timer", "", "", ""),
		ok("queue", "", "", ""),
		ok("function-url", "", "A3", ""),
		ok("access-service", "", "A4", ""),
		ok("api-gateway", "", "A5", ""),
	)
}

// A refused call is in the journal, too, with the reason that its caller was given.
func TestJournalOfRefusals(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	c.send(http.MethodPost, "/v1/functions/nope", "{}")
	c.send(http.MethodPost, "/admin?env=e", `{"action":"functions.invokeFunction","function_name":"nope","request_data":"{}"}`)
	c.send(http.MethodPost, invocations("nope"), "{}")
	c.send(http.MethodPost, "/", `{"FunctionName":"nope"}`, "X-TC-Action", "Invoke")
	c.send(http.MethodGet, "/aws/nope/", "")
	c.send(http.MethodPost, "/v1/functions/hello", "{")
	c.send(http.MethodGet, "/v1/functions", "")                                            // no call
	c.send(http.MethodGet, "/v1/calls", "")                                                // no call
	c.send(http.MethodGet, "/favicon.ico", "")                                             // no call
	c.send(http.MethodPost, invocations("hello"), "{}", "X-Amz-Invocation-Type", "DryRun") // runs nothing
	refused := func(via, function, code string, status int, reason string) traffic.Call {
		return traffic.Call{Via: via, Function: function, Verdict: "refused", Code: code, Status: status, Reason: reason}
	}
	c.wantCalls(
		refused("http-api", "nope", "FUNCTION_NOT_FOUND", 400, `there is no function "nope"`),
		refused("server-sdk", "", "FUNCTION_NOT_FOUND", 200, "nope"),
		refused("lambda-api", "nope", "ResourceNotFoundException", 404, "Function not found"),
		refused("tencent-api", "", "ResourceNotFound.Function", 200, "nope"),
		refused("api-gateway", "nope", "", 404, "Not Found"),
		refused("http-api", "hello", "FUNCTION_PARAM_INVALID", 400, "not JSON"),
	)
}

// A web function's requests are calls as well.
func TestJournalOfAWebFunction(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, as(platform.Web))
	c.send(http.MethodPost, "/v1/functions/hello/?webfn=true", `{"Do":"echo","out_trade_no":"A1"}`)
	c.send(http.MethodPost, "/v1/functions/hello", "{}")
	c.wantCalls(
		traffic.Call{Via: "http-api", Function: "hello", OutTradeNo: "A1", Verdict: "ok", Status: 200},
		traffic.Call{Via: "http-api", Function: "hello", Verdict: "refused", Status: 400, Reason: "web function"},
	)
}

// The journal can be read by HTTP: filtered, by pages, and as it grows.
func TestCallsAPI(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	stream, err := http.Get(c.url + "/v1/calls/stream?order=A2")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	for _, order := range []string{"A1", "A2"} {
		c.send(http.MethodPost, "/v1/functions/hello", `{"Do":"echo","out_trade_no":"`+order+`"}`)
	}
	var page traffic.Page
	wantJSON(t, c.send(http.MethodGet, "/v1/calls?after=0&limit=1&function=hello", "").body, &page)
	if len(page.Calls) != 1 || page.Calls[0].OutTradeNo != "A2" {
		t.Errorf("the last call: got %+v", page)
	}
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
			var call traffic.Call
			wantJSON(t, data, &call)
			if call.OutTradeNo != "A2" || call.ID != 2 {
				t.Errorf("the stream: got %+v, want the second call", call)
			}
			break
		}
	}
	for path, status := range map[string]int{"/v1/calls?orders=1": 400, "/v1/calls/stream?limit=x": 400, "/v1/calls/x": 404, "/v1/callsx": 404} {
		if got := c.send(http.MethodGet, path, ""); got.status != status {
			t.Errorf("%s: got %d, want %d", path, got.status, status)
		}
	}
	if got := c.send(http.MethodDelete, "/v1/calls", ""); got.status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: got %d, want 405", got.status)
	}
}
