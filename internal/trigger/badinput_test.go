package trigger_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/trigger"
)

// spoiled is an event of each trigger with a place for something to go wrong in it.
var spoiled = map[string]func(string) string{
	"call": func(more string) string { return `{"out_trade_no":"A1"` + more + `}` },
	"http": func(more string) string { return `{"httpMethod":"POST","path":"/closeorder","body":""` + more + `}` },
	"queue": func(more string) string {
		return `{"Records":[{"messageId":"m0","eventSource":"aws:sqs","body":"{}"}]` + more + `}`
	},
	"timer": func(more string) string { return `{"Type":"Timer","TriggerName":"sweep"` + more + `}` },
}

// Whatever is wrong with an event, the answer is in the trigger's own form, says so, and nothing is
// done.
func TestBadInputInEachForm(t *testing.T) {
	t.Parallel()
	keys := &strings.Builder{}
	for n := range 100_000 {
		keys.WriteString(`,"k` + string(rune('a'+n%26)) + strings.Repeat("x", n%7) + `":0`)
	}
	for name, more := range map[string]string{
		"7 MB":          `,"x":"` + strings.Repeat("x", 7<<20) + `"`,
		"100,000 keys":  keys.String(),
		"deep nesting":  `,"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"invalid UTF-8": ",\"x\":\"\xff\"",
		"no JSON":       `,"x":`,
	} {
		for form, event := range spoiled {
			k := newKit(t).store(nil)
			reply, err := k.handle(event(more), nil)
			if len(k.asked) != 0 || k.swept != 0 {
				t.Errorf("%s in a %s: asked %+v", name, form, k.asked)
			}
			switch form {
			case "call":
				k.wantRefused(object(t, reply), "PARAM_ERROR", "event: ")
			case "http":
				status := 400
				if name == "7 MB" || name == "100,000 keys" {
					status = 413
				}
				wantReply(t, responseOf(t, reply), status, "refused", "PARAM_ERROR")
			case "queue":
				if err == nil || !strings.Contains(err.Error(), "PARAM_ERROR") {
					t.Errorf("%s in a queue: got %s, %v", name, reply, err)
				}
			case "timer":
				if got := object(t, reply); got["errCode"] != "PARAM_ERROR" || got["returnCode"] != "FAIL" {
					t.Errorf("%s in a timer: got %s", name, reply)
				}
			}
			if len(reply) > 1000 {
				t.Errorf("%s in a %s: the reply has %d bytes", name, form, len(reply))
			}
		}
	}
}

// What cannot be told to be anybody's event is answered as a call.
func TestNoEventAtAll(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{"", " ", "null", "[]", "7", `"x"`, "\xff\xfe", "{", strings.Repeat("[", 1<<20), strings.Repeat(" ", 7<<20)} {
		for _, on := range []hosting.Platform{hosting.SCF, hosting.SCFCustom, hosting.Lambda} {
			k := newKit(t)
			k.on = on
			k.wantRefused(k.invoke(payload, nil), "PARAM_ERROR", "event: ")
		}
	}
}

// FuzzHandle: whatever comes, on whichever hosting, the reply is JSON in its trigger's form, and
// a caller without any sign gets nothing done.
func FuzzHandle(f *testing.F) {
	seeds := []string{``, `{}`, `{"out_trade_no":"A1"}`, `{"subMchID":1}`, `[`, `{"a":{"b":[1,2,{}]}}`, "{\"\xff\":1}", `{"Type":"Timer"}`}
	for _, c := range costumes() {
		seeds = append(seeds, text(c.event))
	}
	platforms := []hosting.Platform{hosting.SCF, hosting.SCFCustom, hosting.Web}
	for n, seed := range seeds {
		f.Add([]byte(seed), byte(n), n%2 == 0)
	}
	f.Fuzz(func(t *testing.T, payload []byte, on byte, query bool) {
		for _, token := range []string{serviceToken, httpToken, timerToken} {
			// A costume that lost what betrays it is a caller with its token.
			if strings.Contains(string(payload), token) && !slices.Contains(seeds, string(payload)) {
				return
			}
		}
		op := order.OpClose
		if query {
			op = order.OpQuery
		}
		v := newVictim(t, op, trigger.PolicyStrict)
		inv := hosting.Invocation{Payload: payload, Platform: platforms[int(on)%len(platforms)]}
		reply, err := v.fn.Handle(t.Context(), inv)
		if len(v.reached) > 0 || strings.Contains(string(reply), marker) {
			t.Errorf("%q on %s reaches %v: %s", payload, inv.Platform, v.reached, reply)
		}
		if err == nil {
			wantSomeForm(t, reply)
		} else if strings.ContainsAny(err.Error(), "\n\r") || len(reply) > 0 {
			t.Errorf("%q: got %s, %q", payload, reply, err)
		}

		// On Lambda IAM let it in: there it must only be sound.
		v = newVictim(t, op, trigger.PolicyPlatform)
		inv.Platform = hosting.Lambda
		if reply, err := v.fn.Handle(t.Context(), inv); err == nil && string(reply) != `"swept"` {
			wantSomeForm(t, reply)
		}
	})
}

// wantSomeForm checks that a reply has one of the forms that there are.
func wantSomeForm(t *testing.T, reply []byte) {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(reply, &m); err != nil {
		t.Fatalf("the reply %s is no object: %v", reply, err)
	}
	for _, form := range [][]string{
		{"returnCode", "outcome"}, {"statusCode", "headers", "body"}, {"batchItemFailures"}, {"messages", "results"}, {"returnCode", "returnMsg", "errCode"},
	} {
		if keys := slices.Collect(maps.Keys(m)); !slices.ContainsFunc(form, func(key string) bool { return !slices.Contains(keys, key) }) {
			return
		}
	}
	t.Errorf("the reply has no form: %s", reply)
}
