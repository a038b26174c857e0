package platform_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// fired is the event of a timer, without its ids, and without its times unless they were chosen.
func (c *cloud) fired(path, order string) map[string]any {
	c.t.Helper()
	got := c.send(http.MethodPost, path, order)
	var event map[string]any
	wantJSON(c.t, got.body, &event)
	for _, name := range []string{"Time", "time"} {
		if text, ok := event[name].(string); ok {
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				c.t.Errorf("%s: got %q: %v", name, text, err)
			}
			if !strings.Contains(order, `"time"`) {
				event[name] = "now"
			}
		}
	}
	delete(event, "id")
	return event
}

func TestTimer(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, withEnv("HELLO_ECHO=1"))
	onLambda := serveCloud(t, &platform.Cloud{}, as(platform.Lambda), withEnv("HELLO_ECHO=1"))
	type object = map[string]any
	cases := map[string]struct {
		c           *cloud
		path, order string
		want        object
	}{
		"SCF": {c, "/v1/timers/hello", "", object{"Type": "Timer", "TriggerName": "hello_timer", "Message": "", "Time": "now"}},
		"named": {
			c, "/v1/timers/hello", `{"trigger":"every5","message":"{}"}`,
			object{"Type": "Timer", "TriggerName": "every5", "Message": "{}", "Time": "now"},
		},
		"schedule's input": {onLambda, "/v1/timers/hello", "{}", object{"Type": "Timer", "TriggerName": "hello_timer", "Message": ""}},
		"at a time": {
			c, "/v1/timers/hello", `{"time":"2026-11-29T18:30:00.5+08:00"}`,
			object{"Type": "Timer", "TriggerName": "hello_timer", "Message": "", "Time": "2026-11-29T10:30:00Z"},
		},
		"schedule at a time": {onLambda, "/v1/timers/hello?form=eventbridge", `{"time":"2026-11-29T18:30:00+08:00"}`, object{
			"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "account": "123456789012", "time": "2026-11-29T10:30:00Z",
			"region": "us-east-1", "resources": []any{"arn:aws:events:us-east-1:123456789012:rule/hello_timer"}, "detail": object{},
		}},
		"schedule without input": {onLambda, "/v1/timers/hello?form=eventbridge", "{}", object{
			"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "account": "123456789012", "time": "now",
			"region": "us-east-1", "resources": []any{"arn:aws:events:us-east-1:123456789012:rule/hello_timer"}, "detail": object{},
		}},
	}
	for name, q := range cases {
		if diff := cmp.Diff(q.want, q.c.fired(q.path, q.order)); diff != "" {
			t.Errorf("%s: event (-want +got):\n%s", name, diff)
		}
	}
}

// The invocation's environment identifies a timer, which callers cannot forge.
func TestTimerEnvironment(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, withEnv("HELLO_REPORT=1", "GREETING=hi"))
	var told report
	wantJSON(t, c.send(http.MethodPost, "/v1/timers/hello", "").body, &told)
	want := map[string]string{"HELLO_REPORT": "1", "GREETING": "hi", "TRIGGER_SRC": "timer", "TCB_SOURCE": "wx_trigger"}
	if diff := cmp.Diff(want, told.Context.Environment); diff != "" {
		t.Errorf("invocation's environment (-want +got):\n%s", diff)
	}
}

func TestTimerRefusals(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, withEnv("HELLO_FAIL=1"))
	onLambda := serveCloud(t, &platform.Cloud{}, as(platform.Lambda))
	cases := map[string]struct {
		method, path, body string
		status             int
		code, words        string
	}{
		"by GET":           {"GET", "/v1/timers/hello", "", 405, "METHOD_NOT_ALLOWED", "POST"},
		"no such function": {"POST", "/v1/timers/nope", "", 400, "FUNCTION_NOT_FOUND", `"nope"`},
		"not JSON":         {"POST", "/v1/timers/hello", "{", 400, "FUNCTION_PARAM_INVALID", "unexpected EOF"},
		"two objects":      {"POST", "/v1/timers/hello", "{}{}", 400, "FUNCTION_PARAM_INVALID", "follows"},
		"unknown field":    {"POST", "/v1/timers/hello", `{"Message":"x","tigger":"y"}`, 400, "FUNCTION_PARAM_INVALID", `"tigger"`},
		"long message":     {"POST", "/v1/timers/hello", `{"message":"` + strings.Repeat("x", 4097) + `"}`, 400, "FUNCTION_PARAM_INVALID", "4096"},
		"long body":        {"POST", "/v1/timers/hello", strings.Repeat(" ", 65<<10), 400, "FUNCTION_PARAM_INVALID", "too large"},
		"another form":     {"POST", "/v1/timers/hello?form=cron", "", 400, "FUNCTION_PARAM_INVALID", `"cron"`},
		"function error":   {"POST", "/v1/timers/hello", "", 400, "FUNCTION_INVOCATION_FAILED", "as told"},
	}
	// A schedule's input has no time, so that a chosen one would be lost.
	refused := onLambda.send(http.MethodPost, "/v1/timers/hello", `{"time":"2026-11-29T18:30:00+08:00"}`)
	onLambda.wantFailure(refused, http.StatusBadRequest, "FUNCTION_PARAM_INVALID", "form=eventbridge")
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			c.wantFailure(c.send(q.method, q.path, q.body), q.status, q.code, q.words)
		})
	}
}
