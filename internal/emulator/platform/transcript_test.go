package platform_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/traffic"
)

// callBytes is what the cloud shows of a call, written from docs/emulator.md.
type callBytes struct {
	Call        traffic.Call      `json:"call"`
	Event       string            `json:"event"`
	EventCut    int               `json:"event_cut"`
	Environment map[string]string `json:"environment"`
	Answer      string            `json:"answer"`
	AnswerCut   int               `json:"answer_cut"`
}

// bytesOf reads the bytes of a call.
func (c *cloud) bytesOf(id int64) (shown callBytes) {
	c.t.Helper()
	wantJSON(c.t, c.send(http.MethodGet, fmt.Sprintf("/v1/calls/%d/bytes", id), "").body, &shown)
	return shown
}

// sendAgain makes a call again.
func (c *cloud) sendAgain(id int64) (made callBytes) {
	c.t.Helper()
	wantJSON(c.t, c.send(http.MethodPost, fmt.Sprintf("/v1/calls/%d/send", id), "").body, &made)
	return made
}

// The event of a call is shown as the function got it, with its caller and its answer.
func TestBytesOfACall(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	const event = `{"Do":"echo","out_trade_no":"A1","outcome":"closed"}`
	answer := c.send(http.MethodPost, "/v1/functions/hello", event, "X-WX-OPENID", "oABC")
	shown := c.bytesOf(1)
	if !strings.HasPrefix(shown.Event, `{"Do":"echo"`) || shown.Answer != answer.body || shown.Call.Outcome != "closed" || shown.Call.ID != 1 {
		t.Errorf("got %+v, want the event and the answer %s", shown, answer.body)
	}
	if shown.Environment["WX_OPENID"] != "oABC" {
		t.Errorf("the environment of the call: got %v, want the caller's openid", shown.Environment)
	}
	c.send(http.MethodPost, "/v1/functions/nope", "{}")
	if refused := c.bytesOf(2); refused.Event != "" || !strings.Contains(refused.Answer, "FUNCTION_NOT_FOUND") {
		t.Errorf("a refused call: got %+v, want the refusal alone", refused)
	}
	c.wantFailure(c.send(http.MethodPost, "/v1/calls/2/send", ""), 409, "CALL_NOT_REPEATABLE", "reached no function")
	c.wantFailure(c.send(http.MethodGet, "/v1/calls/99/bytes", ""), 404, "INVALID_PATH", "are not kept")
	for path, status := range map[string]int{"/v1/calls/0/bytes": 404, "/v1/calls/1": 404, "/v1/calls/1/other": 404, "/v1/calls/1/send": 405} {
		if got := c.send(http.MethodGet, path, ""); got.status != status {
			t.Errorf("GET %s: got %d, want %d", path, got.status, status)
		}
	}
	if got := c.send(http.MethodPost, "/v1/calls/1/send", "", "Origin", "http://evil.test"); got.status != http.StatusForbidden {
		t.Errorf("a page of another origin: got %d, want 403", got.status)
	}
}

// A call is made again with the same event, as the same caller and by the same way, under an id of
// its own; a function's failure is what came of it.
func TestSendACallAgain(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	c.send(http.MethodPost, "/v1/functions/hello", `{"Do":"echo","out_trade_no":"A1"}`, "X-WX-OPENID", "oABC")
	c.send(http.MethodPost, "/v1/functions/hello", `{"Do":"fail","Text":"no","out_trade_no":"A2"}`)
	first := c.bytesOf(1)
	made := c.sendAgain(1)
	if made.Call.ID != 3 || made.Call.RequestID == first.Call.RequestID || made.Event != first.Event || made.Answer != first.Answer ||
		made.Environment["WX_OPENID"] != "oABC" {
		t.Errorf("made again: got %+v, want the same as %+v", made, first)
	}
	if failed := c.sendAgain(2); failed.Call.Verdict != "failed" || failed.Call.Reason != "no" || failed.Answer != "" {
		t.Errorf("a call that fails again: got %+v", failed)
	}
	c.wantCalls(
		traffic.Call{Via: "http-api", Caller: "user oABC", Function: "hello", OutTradeNo: "A1", Verdict: "ok", Status: 200},
		traffic.Call{Via: "http-api", Function: "hello", OutTradeNo: "A2", Verdict: "failed", Status: 430, Reason: "no"},
		traffic.Call{Via: "http-api", Caller: "user oABC", Function: "hello", OutTradeNo: "A1", Verdict: "ok", Status: 200},
		traffic.Call{Via: "http-api", Function: "hello", OutTradeNo: "A2", Verdict: "failed", Status: 430, Reason: "no"},
	)
	c.world.SetFunctions(map[string]*platform.Function{})
	c.wantFailure(c.send(http.MethodPost, "/v1/calls/1/send", ""), 409, "CALL_NOT_REPEATABLE", "hello")
}

// A web function's request and answer are shown as HTTP, and it gets the same request again.
func TestBytesOfAWebCall(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, as(platform.Web))
	c.send(http.MethodPost, "/http/hello/x/y?a=1", `{"Do":"echo","out_trade_no":"A1"}`, "X-Mine", "yes")
	shown := c.bytesOf(1)
	if !strings.HasPrefix(shown.Event, "POST /x/y?a=1 HTTP/1.1\r\nHost: ") || !strings.Contains(shown.Event, "\r\nX-Mine: yes\r\n") ||
		!strings.HasSuffix(shown.Event, "\r\n\r\n"+`{"Do":"echo","out_trade_no":"A1"}`) {
		t.Errorf("the request is shown as\n%s", shown.Event)
	}
	if !strings.HasPrefix(shown.Answer, "HTTP/1.1 200 OK\r\n") {
		t.Errorf("the answer is shown as\n%s", shown.Answer)
	}
	made := c.sendAgain(1)
	_, body, _ := strings.Cut(shown.Answer, "\r\n\r\n")
	if _, again, _ := strings.Cut(made.Answer, "\r\n\r\n"); made.Event != shown.Event || again != body || made.Call.Verdict != "ok" {
		t.Errorf("made again: got %+v, want the same as %+v", made, shown)
	}
}

// What a caller proves itself with is redacted wherever it stands, at any depth of escaping, and
// what is about the order is not. The function has the event as it was sent.
func TestBytesWithoutSecrets(t *testing.T) {
	t.Parallel()
	const token, configured = "qWzKpRtYvBnMxLdS", "hGfDsAqWeRtZuIoP"
	c := serveCloud(t, &platform.Cloud{}, func(s *platform.Spec) { s.Env = []string{"MY_TIMER_TOKEN=" + configured + " other"} })
	inner := `{\"service_token\":\"` + token + `\",\"out_trade_no\":\"A1\"}`
	event := `{"Do":"echo","service_token":"` + token + `","headers":{"authorization":"Bearer ` + token + `","cookies":["a=` + token + `"]},` +
		`"body":"` + inner + `","query":"x=1&access_token=` + token + `","Message":"` + configured + `","out_trade_no":"A1"}`
	answer := c.send(http.MethodPost, "/v1/functions/hello", event)
	if !strings.Contains(answer.body, token) {
		t.Fatalf("the function answered %s, want an echo of the whole event", answer.body)
	}
	for _, shown := range []callBytes{c.bytesOf(1), c.sendAgain(1)} {
		for name, text := range map[string]string{"event": shown.Event, "answer": shown.Answer} {
			if strings.Contains(text, token) || strings.Contains(text, configured) {
				t.Errorf("the %s shows a secret: %s", name, text)
			}
			if strings.Count(text, "<redacted>") < 5 || !strings.Contains(text, `"out_trade_no":"A1"`) || !strings.Contains(text, `\"out_trade_no\":\"A1\"`) {
				t.Errorf("the %s lacks what is no secret: %s", name, text)
			}
		}
	}
	var page traffic.Page
	wantJSON(t, c.send(http.MethodGet, "/v1/calls", "").body, &page)
	if len(page.Calls) != 2 {
		t.Errorf("got %d calls, want 2", len(page.Calls))
	}
}

// What is kept is bounded: of a long event the beginning, which cannot be sent again, and of many
// calls the newest.
func TestBytesOfCallsAreBounded(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	const kept = 64 << 10
	event := `{"Do":"report","Text":"` + strings.Repeat("x", 2*kept) + `"}`
	c.send(http.MethodPost, "/v1/functions/hello", event)
	if shown := c.bytesOf(1); len(shown.Event) != kept || shown.EventCut != len(event)-kept {
		t.Errorf("%d bytes are kept and %d cut, want %d and %d", len(shown.Event), shown.EventCut, kept, len(event)-kept)
	}
	c.wantFailure(c.send(http.MethodPost, "/v1/calls/1/send", ""), 409, "CALL_NOT_REPEATABLE", "only the beginning")
	const most = (8 << 20) / kept
	for range most {
		c.send(http.MethodPost, "/v1/functions/hello", event)
	}
	c.wantFailure(c.send(http.MethodGet, "/v1/calls/1/bytes", ""), 404, "INVALID_PATH", "are not kept")
	if newest := c.bytesOf(most + 1); newest.EventCut == 0 {
		t.Error("the newest call has no bytes")
	}
}
