package platform_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/emulator/admission"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/traffic"
)

// A secret of the function's, which no journal may have.
const deniedToken = "kq3zVw8LmT5xRb2N"

// logging is an event that has hello print lines, as cloudpay's functions log who called.
func logging(members string, lines ...string) string {
	text, _ := json.Marshal(strings.Join(lines, "\n") + "\n") // a string is always encoded
	return fmt.Sprintf(`{"Do":"write","Text":%s%s}`, text, members)
}

const (
	admittedLine = `{"level":"INFO","caller":"user","identifiedBy":"environment","owner":"oABC…","outTradeNo":"A1"}`
	deniedLine   = `{"level":"WARN","caller":"nobody","identifiedBy":"nothing","rule":"caller","remedy":"send a token"}`
)

// last is the newest call of the journal.
func (c *cloud) last(q traffic.Query) *traffic.Call {
	c.t.Helper()
	found := c.world.Journal.Page(q).Calls
	if len(found) == 0 {
		return nil
	}
	return &found[len(found)-1]
}

// What a function logs of its callers is in the journal, by the lines of this call alone.
func TestJournalOfCallers(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	c.send(http.MethodPost, "/v1/functions/hello", logging("", "starting", admittedLine, `{"caller":7}`, deniedLine, "{", `{"caller":""}`))
	got := c.last(everyCall)
	want := []admission.Caller{
		{Kind: "user", By: "environment", Owner: "oABC…", OutTradeNo: "A1"},
		{Kind: "nobody", By: "nothing", Rule: "caller", Remedy: "send a token"},
	}
	if fmt.Sprint(got.Callers) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", got.Callers, want)
	}
	c.send(http.MethodPost, "/v1/functions/hello", logging("", admittedLine))
	if got := c.last(everyCall); len(got.Callers) != 1 || got.Input != nil {
		t.Errorf("got %+v %+v, want one caller, and no input of a call that was admitted", got.Callers, got.Input)
	}
	c.send(http.MethodPost, "/v1/functions/hello", logging("", strings.Split(strings.Repeat(`{"caller":"queue"}`+"\n", 20), "\n")...))
	if got := c.last(everyCall); len(got.Callers) != 10 {
		t.Errorf("got %d callers of a batch, want ten", len(got.Callers))
	}
	for rule, want := range map[string]int{"any": 1, "caller": 1, "notTheirs": 0, "": 3} {
		if got := len(c.world.Journal.Page(traffic.Query{Rule: rule}).Calls); got != want {
			t.Errorf("the rule %q selects %d calls, want %d", rule, got, want)
		}
	}
	if got := c.send(http.MethodGet, "/v1/calls?rule=any", ""); !strings.Contains(got.body, `"rule":"caller"`) {
		t.Errorf("the API does not show the rule: %s", got.body)
	}
}

// A call that was denied can be made again: the journal has what it was made with, without what
// proves a caller. What a trigger of the platform's own sends is not there.
func TestInputOfDenied(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, func(s *platform.Spec) {
		s.Env = []string{"HELLO_BODY=1", "CLOUDPAY_SERVICE_TOKEN=" + deniedToken + " another-one"}
	})
	plain := serveCloud(t, &platform.Cloud{})
	event := logging(`,"out_trade_no":"A1"`, deniedLine)
	withToken := logging(`,"out_trade_no":"A1","service_token":"wrong","serviceToken":"x","userInfo":{"openId":"o"}`, deniedLine)
	const noInput = "-"
	for _, test := range []struct {
		on                 *cloud
		method, path, body string
		want               admission.Input
	}{
		{plain, "POST", "/v1/functions/hello", withToken, admission.Input{Data: event}},
		{plain, "POST", "/2015-03-31/functions/hello/invocations", event, admission.Input{Data: event}},
		{c, "POST", "/http/hello/close/A1?x=1", event, admission.Input{Method: "POST", Path: "close/A1?x=1", Data: event}},
		{c, "PUT", "/tcb/hello/", withToken, admission.Input{Method: "PUT", Data: event}},
		{c, "POST", "/aws/hello/a%2Fb", event, admission.Input{Method: "POST", Path: "a/b", Data: event}},
		{c, "POST", "/http/hello/x?token=" + deniedToken, event, admission.Input{Data: noInput}},
		{c, "POST", "/http/hello/x", logging(`,"note":"`+deniedToken+`"`, deniedLine), admission.Input{Data: noInput}},
		{c, "POST", "/http/hello/x", logging(`,"note":"`+strings.Repeat("x", 5000)+`"`, deniedLine), admission.Input{Data: noInput}},
		{plain, "POST", "/v1/timers/hello", `{"message":""}`, admission.Input{Data: noInput}},
	} {
		test.on.send(test.method, test.path, test.body, "Content-Type", "application/json")
		got := test.on.last(everyCall)
		if test.want.Data == noInput {
			if got.Input != nil {
				t.Errorf("%s %s: got %+v, want none", test.method, test.path, got.Input)
			}
			continue
		}
		if got.Input == nil || got.Input.Method != test.want.Method || got.Input.Path != test.want.Path || !sameJSON(got.Input.Data, test.want.Data) {
			t.Errorf("%s %s: got %+v, want %+v", test.method, test.path, got.Input, test.want)
		}
	}
	if text := c.send(http.MethodGet, "/v1/calls", "").body; strings.Contains(text, deniedToken) {
		t.Errorf("the journal has a token: %s", text)
	}
}

// sameJSON reports whether two texts are the same document.
func sameJSON(a, b string) bool {
	var one, other any
	return json.Unmarshal([]byte(a), &one) == nil && json.Unmarshal([]byte(b), &other) == nil && fmt.Sprint(one) == fmt.Sprint(other)
}
