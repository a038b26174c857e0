package platform_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// inject injects a fault and fails the test if that is refused.
func (c *cloud) inject(f platform.Fault) {
	c.t.Helper()
	if err := c.world.Inject(f); err != nil {
		c.t.Fatal(err)
	}
}

// everyWay calls hello by each API and trigger, and returns the answers by their names.
func (c *cloud) everyWay(event string) map[string]answer {
	quoted := strings.ReplaceAll(event, `"`, `\"`)
	return map[string]answer{
		"http-api":       c.send(http.MethodPost, "/v1/functions/hello", event),
		"server-sdk":     c.send(http.MethodPost, "/admin?env=e", `{"action":"functions.invokeFunction","function_name":"hello","request_data":"`+quoted+`"}`),
		"lambda-api":     c.send(http.MethodPost, invocations("hello"), event),
		"tencent-api":    c.send(http.MethodPost, "/", `{"FunctionName":"hello","ClientContext":"`+quoted+`"}`, "X-TC-Action", "Invoke"),
		"function-url":   c.send(http.MethodPost, "/http/hello/", event),
		"access-service": c.send(http.MethodPost, "/tcb/hello/", event),
		"api-gateway":    c.send(http.MethodPost, "/aws/hello/", event),
	}
}

// Each cloud words its own faults.
func TestFaultsInEachForm(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]map[string]struct {
		status int
		words  string
	}{
		"throttle": {
			"http-api": {400, "FUNCTION_EXCEED_RESOURCE_LIMIT"}, "server-sdk": {200, "EXCEED_CONCURRENT_REQUEST_LIMIT"},
			"lambda-api": {429, "Rate Exceeded."}, "tencent-api": {200, `"statusCode\":432`}, "function-url": {432, `"statusCode":432`},
			"access-service": {400, "FUNCTION_EXCEED_RESOURCE_LIMIT"}, "api-gateway": {500, "Internal Server Error"},
		},
		"server-error": {
			"http-api": {500, "SYS_ERR"}, "server-sdk": {200, "SYS_ERR"}, "lambda-api": {500, `"Type":"Service"`},
			"tencent-api": {200, "InternalError"}, "function-url": {500, `"statusCode":500`}, "access-service": {500, "SYS_ERR"},
			"api-gateway": {500, "Internal Server Error"},
		},
	} {
		c := serveCloud(t, &platform.Cloud{})
		c.inject(platform.Fault{Action: action})
		for way, got := range c.everyWay(`{"Text":"x"}`) {
			if got.status != want[way].status || !strings.Contains(got.body, want[way].words) {
				t.Errorf("%s by %s: got %d %s, want %d with %s", action, way, got.status, got.body, want[way].status, want[way].words)
			}
		}
		for _, call := range c.calls() {
			if call.Verdict != "refused" || !cmp.Equal(call.Faults, []string{action}) {
				t.Errorf("%s: the journal has %+v, want a refusal by the fault", action, call)
			}
		}
		c.world.ClearFaults()
		if got := c.send(http.MethodPost, "/v1/functions/hello", "{}"); got.status != http.StatusOK {
			t.Errorf("without the fault: got %d, want 200", got.status)
		}
	}
}

// Bad credentials are a fault of the APIs that are signed.
func TestFaultBadCredentials(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	c.inject(platform.Fault{Action: "bad-credentials", Function: "hello"})
	for way, got := range c.everyWay(`{"Text":"x"}`) {
		want, refused := map[string]string{
			"server-sdk": "SIGN_PARAM_INVALID", "lambda-api": "does not match the signature you provided", "tencent-api": "AuthFailure.SignatureFailure",
		}[way]
		if strings.Contains(got.body, "Hello") == refused || !strings.Contains(got.body, want) {
			t.Errorf("%s: got %d %s, want %q in it", way, got.status, got.body, want)
		}
	}
	if got := c.send(http.MethodPost, invocations("another"), `{"Text":"x"}`); got.status != http.StatusOK {
		t.Errorf("another function: got %d %s, want 200", got.status, got.body)
	}
}

// The function handles the event although the caller has no answer.
func TestFaultLostAnswer(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	c.inject(platform.Fault{Action: "lost-answer", Times: 1})
	response, err := http.Post(c.url+"/v1/functions/hello", "application/json", strings.NewReader(`{"Do":"echo","out_trade_no":"A1"}`))
	if err == nil {
		_ = response.Body.Close()
		t.Errorf("got %d, want no answer", response.StatusCode)
	}
	c.function.wantLogged("Response RequestId:")
	calls := c.calls()
	if len(calls) != 1 || calls[0].Verdict != "ok" || !cmp.Equal(calls[0].Faults, []string{"lost-answer"}) {
		t.Errorf("journal: got %+v, want a call that was done", calls)
	}
	if got := c.send(http.MethodPost, "/v1/functions/hello", "{}"); got.status != http.StatusOK {
		t.Errorf("the next call: got %d, want 200", got.status)
	}
}

// A duplicate is delivered under the same id, and the caller has one answer.
func TestFaultDuplicate(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	c.inject(platform.Fault{Action: "duplicate", Times: 1})
	if got := c.send(http.MethodPost, "/v1/functions/hello", `{"Text":"x"}`); got.body != `"Hello x"` {
		t.Errorf("answer: got %s, want one", got.body)
	}
	calls := c.calls()
	if len(calls) != 2 || calls[0].RequestID != calls[1].RequestID || calls[0].Verdict != "ok" || calls[1].Verdict != "ok" {
		t.Errorf("journal: got %+v, want two deliveries of one call", calls)
	}
}

// A cold start takes its time before the function has the event. A cloud that is closed waits for
// none.
func TestFaultColdStart(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	c.inject(platform.Fault{Action: "cold-start", Delay: 50 * time.Millisecond, Times: 1})
	if got := c.send(http.MethodPost, "/v1/functions/hello", "{}"); got.status != http.StatusOK {
		t.Errorf("got %d, want 200", got.status)
	}
	if took := c.calls()[0].TookMS; took < 50 {
		t.Errorf("took %v ms, want 50 at least", took)
	}
	c.inject(platform.Fault{Action: "cold-start", Delay: 10 * time.Minute})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if response, err := http.Post(c.url+"/v1/functions/hello", "application/json", nil); err == nil {
			_ = response.Body.Close()
		}
	}()
	if err := c.world.Close(); err != nil {
		t.Error(err)
	}
	<-done
}

// A fault happens so many times, to its function, to its share of the calls; of two that exclude
// each other the second waits.
func TestFaultsAreData(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	c.world.Functions["other"] = start(t, func(s *platform.Spec) { s.Name = "other" }).Function
	status := func(function string) int {
		return c.send(http.MethodPost, "/v1/functions/"+function, "{}").status
	}
	c.inject(platform.Fault{Action: "throttle", Function: "hello", Times: 2})
	c.inject(platform.Fault{Action: "server-error", Function: "hello", Times: 1})
	if got, want := []int{status("other"), status("hello"), status("hello"), status("hello"), status("hello")}, []int{200, 400, 400, 500, 200}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	draw := func(seed uint64) (statuses []int) {
		c.inject(platform.Fault{Action: "throttle", Probability: 0.5, Seed: seed})
		defer c.world.ClearFaults()
		for range 20 {
			statuses = append(statuses, status("hello"))
		}
		return statuses
	}
	first := draw(7)
	if !cmp.Equal(first, draw(7)) || cmp.Equal(first, draw(8)) || cmp.Equal(first, make([]int, 20)) {
		t.Errorf("draws of seed 7: got %v, want the same again, and others for seed 8", first)
	}
}

// The faults have an interface of their own, which names what is wrong.
func TestFaultsAPI(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	const fault = `{"function":"hello","action":"cold-start","times":2,"probability":0.5,"seed":7,"delay":"2s"}`
	if got := c.send(http.MethodPost, "/v1/faults", fault); got.status != http.StatusCreated || got.body != `{"id":1,`+fault[1:] {
		t.Errorf("POST: got %d %s, want 201 and the fault with its id", got.status, got.body)
	}
	if got := c.send(http.MethodGet, "/v1/faults", ""); got.body != `[{"id":1,`+fault[1:]+"]" {
		t.Errorf("GET: got %s", got.body)
	}
	if got := c.send(http.MethodDelete, "/v1/faults", ""); got.status != http.StatusNoContent {
		t.Errorf("DELETE: got %d, want 204", got.status)
	}
	if got := c.send(http.MethodGet, "/v1/faults", ""); got.body != "[]" {
		t.Errorf("GET after DELETE: got %s", got.body)
	}
	for fault, words := range map[string][]string{
		`{}`: {"action: must be one of bad-credentials, cold-start, duplicate, lost-answer, server-error, throttle"},
		`{"action":"reset","times":-1,"probability":2}`:      {"action:", "times:", "probability:"},
		`{"action":"cold-start"}`:                            {"delay: must be"},
		`{"action":"cold-start","delay":"11m"}`:              {"delay: must be", "10m"},
		`{"action":"cold-start","delay":"soon"}`:             {"delay: must be a time"},
		`{"action":"throttle","delay":"1s"}`:                 {"delay: is for cold-start only"},
		`{"action":"throttle","function":"nope"}`:            {`there is no function "nope"`},
		`{"action":"throttle","match":{"function":"hello"}}`: {`unknown field`},
		`{"action":"throttle"}{}`:                            {"something follows"},
	} {
		got := c.send(http.MethodPost, "/v1/faults", fault)
		for _, word := range words {
			c.wantFailure(got, http.StatusBadRequest, "INVALID_PARAM", word)
		}
	}
	for method, path := range map[string]string{http.MethodPut: "/v1/faults", http.MethodGet: "/v1/faultsx"} {
		if got := c.send(method, path, ""); got.status != http.StatusMethodNotAllowed && got.status != http.StatusNotFound {
			t.Errorf("%s %s: got %d, want a refusal", method, path, got.status)
		}
	}
}
