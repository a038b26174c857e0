package exchangelog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/cli/exchangelog"
	"cloudpay/internal/cli/paint"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/traffic"
)

// noon is the time of every call. Lines show it in this machine's zone, which tests undo.
var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// atNoon replaces noon in this machine's zone by that in UTC.
func atNoon(lines string) string {
	return strings.ReplaceAll(lines, strings.Fields(render.Clock(noon))[1], "12:00:00")
}

func style(mode exchangelog.Mode) exchangelog.Style {
	return exchangelog.Style{Mode: mode, Language: &render.Language{}}
}

// request is one of a call about order A1.
func request(op, verdict, code, reason string) traffic.Request {
	return traffic.Request{Time: noon, API: "v3", Op: op, OutTradeNo: "A1", Verdict: verdict, Code: code, Reason: reason}
}

// call is a call of closeorder about order A1.
func call(requests ...traffic.Request) traffic.Call {
	return traffic.Call{
		Time: noon, Via: "http-api", Caller: "user oABC", Function: "closeorder", OutTradeNo: "A1", Verdict: "ok", Outcome: "closed",
		TookMS: 12.3, Requests: requests,
	}
}

func TestShortAndFull(t *testing.T) {
	t.Parallel()
	wrong := request("close", "unauthentic", "SIGN_ERROR", "the body was encoded again")
	wrong.Expected, wrong.Received = "POST\n/v3", "POST\n/v2"
	doubtful := call(request("close", "ok", "", ""), request("query", "ok", "", ""))
	refused := call(wrong)
	refused.Outcome, refused.Code, refused.Reason = "unknown", "SIGN_ERROR", "签名错误"
	failed := traffic.Call{Time: noon, Via: "timer", Function: "closeorder", Verdict: "failed", Reason: "timed out\nafter 10 s", Attempt: 2, Faults: []string{"duplicate"}}
	foreign := traffic.Call{Time: noon, Via: "http-api", Function: "closeorder", Verdict: "refused", Code: "ORIGIN_NOT_ALLOWED", Reason: "another origin"}
	sweep := call()
	sweep.OutTradeNo, sweep.Caller, sweep.Via, sweep.MoreRequests, sweep.Outcome = "", "", "timer", 7, ""
	for i := range 5 {
		r := request("close", "refused", "ORDER_PAID", "the order is SUCCESS")
		r.OutTradeNo = string(rune('A' + i))
		sweep.Requests = append(sweep.Requests, r)
	}
	sweep.Requests = append(sweep.Requests, wrong, request("query", "ok", "", ""))
	for name, q := range map[string]struct {
		call        traffic.Call
		short, full string
	}{
		"closed": {
			call(request("close", "ok", "", "")),
			"12:00:00  user oABC → closeorder A1 → v3 close → closed  12 ms\n",
			"12:00:00  user oABC → closeorder A1 → v3 close → closed  12 ms\n          v3 close ok\n",
		},
		"in doubt": {
			doubtful,
			"12:00:00  user oABC → closeorder A1 → v3 close, query → closed  12 ms\n",
			"12:00:00  user oABC → closeorder A1 → v3 close, query → closed  12 ms\n          v3 close ok\n          v3 query ok\n",
		},
		"wrong signature": {
			refused,
			"12:00:00  user oABC → closeorder A1 → v3 close → unknown SIGN_ERROR  12 ms\n          签名错误\n" +
				"          v3 close unauthentic SIGN_ERROR: the body was encoded again\n",
			"12:00:00  user oABC → closeorder A1 → v3 close → unknown SIGN_ERROR  12 ms\n          签名错误\n" +
				"          v3 close unauthentic SIGN_ERROR: the body was encoded again\n" +
				"          to be signed: \"POST\\n/v3\"\n          was signed:   \"POST\\n/v2\"\n",
		},
		"failed": {
			failed,
			"12:00:00  timer → closeorder (attempt 2) → failed [duplicate]\n          timed out\\nafter 10 s\n",
			"12:00:00  timer → closeorder (attempt 2) → failed [duplicate]\n          timed out\\nafter 10 s\n",
		},
		"foreign page": {
			foreign,
			"12:00:00  http-api → closeorder → refused ORIGIN_NOT_ALLOWED\n          another origin\n",
			"12:00:00  http-api → closeorder → refused ORIGIN_NOT_ALLOWED\n          another origin\n",
		},
		"sweep": {
			sweep,
			"12:00:00  timer → closeorder → v3 close ×6, query, +7 → ok  12 ms\n" +
				"          v3 close A1 unauthentic SIGN_ERROR: the body was encoded again\n" +
				"          … and 5 more requests that were not answered with ok\n",
			"",
		},
	} {
		if diff := cmp.Diff(q.short, atNoon(style(exchangelog.Short).Call(q.call))); diff != "" {
			t.Errorf("%s, short (-want +got):\n%s", name, diff)
		}
		if q.full == "" {
			continue
		}
		if diff := cmp.Diff(q.full, atNoon(style(exchangelog.Full).Call(q.call))); diff != "" {
			t.Errorf("%s, full (-want +got):\n%s", name, diff)
		}
	}
}

// Whatever happens, a call has three lines at most in the short form, and what strangers wrote is
// escaped.
func TestThreeLines(t *testing.T) {
	t.Parallel()
	for n := range 60 {
		c := call()
		c.Verdict, c.Reason, c.OutTradeNo = "failed", strings.Repeat("why\x1b[2J\n", 200), "A\x1b[2J\nB"
		for range n {
			c.Requests = append(c.Requests, request("close", "refused", "X\n", strings.Repeat("because\r\n", 100)))
		}
		text := style(exchangelog.Short).Call(c)
		if lines := strings.Count(text, "\n"); lines > 3 || strings.ContainsAny(text, "\x1b\r") {
			t.Fatalf("%d requests: got %d lines:\n%s", n, lines, text)
		}
		for line := range strings.Lines(text) {
			if len(line) > 1000 {
				t.Fatalf("got a line of %d bytes: %s", len(line), line)
			}
		}
	}
}

// A request that no function sent has lines of its own.
func TestDirectRequest(t *testing.T) {
	t.Parallel()
	r := request("close", "unauthentic", "SIGN_ERROR", "the key ends with a line feed")
	r.MchID, r.Expected = "1900000001", "POST"
	want := "12:00:00  1900000001 → v3 close A1 → unauthentic SIGN_ERROR\n          the key ends with a line feed\n"
	if diff := cmp.Diff(want, atNoon(style(exchangelog.Short).Request(r))); diff != "" {
		t.Errorf("short (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want+"          to be signed: \"POST\"\n", atNoon(style(exchangelog.Full).Request(r))); diff != "" {
		t.Errorf("full (-want +got):\n%s", diff)
	}
	unknown := traffic.Request{Time: noon, Method: "GET", URL: "/x", Verdict: "not-found"}
	if got := atNoon(style(exchangelog.Short).Request(unknown)); got != "12:00:00  – → GET /x → not-found\n" {
		t.Errorf("unknown path: got %q", got)
	}
}

func TestJSONAndColour(t *testing.T) {
	t.Parallel()
	text := style(exchangelog.JSON).Call(call(request("close", "ok", "", "")))
	if !strings.HasPrefix(text, `{"kind":"call","id":0,`) || strings.Count(text, "\n") != 1 || !strings.Contains(text, `"requests":[{`) {
		t.Errorf("got %s, want an object in a line", text)
	}
	if text := style(exchangelog.JSON).Request(request("close", "ok", "", "")); !strings.HasPrefix(text, `{"kind":"request",`) {
		t.Errorf("got %s, want a request", text)
	}
	coloured := exchangelog.Style{Mode: exchangelog.Short, Brush: paint.Always(), Language: &render.Language{}}
	if text := coloured.Call(call()); !strings.Contains(text, "\x1b[32mclosed\x1b[0m") {
		t.Errorf("got %q, want the outcome in green", text)
	}
	c := call()
	c.Verdict, c.Outcome = "refused", ""
	if text := coloured.Call(c); !strings.Contains(text, "\x1b[31mrefused\x1b[0m") {
		t.Errorf("got %q, want the refusal in red", text)
	}
}

func TestChinese(t *testing.T) {
	t.Parallel()
	zh := exchangelog.Style{Mode: exchangelog.Short, Language: &render.Language{Chinese: true}}
	c := call()
	c.Attempt = 2
	if text := zh.Call(c); !strings.Contains(text, "closeorder A1（第 2 次）") {
		t.Errorf("got %s", text)
	}
}
