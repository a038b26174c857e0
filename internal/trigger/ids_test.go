package trigger_test

import (
	"log/slog"
	"strings"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/telemetry"
	"cloudpay/internal/trigger"
)

// A token that came as an id (a message's, a timer's name) is neither logged nor put into a reply,
// not even in part: it is longer than what is kept of an id.
func TestTokenAsAnID(t *testing.T) {
	t.Parallel()
	long := "service-" + strings.Repeat("kR7vQm2wZp9TnW4b", 4)
	body := `{\"out_trade_no\":\"A1\",\"service_token\":\"` + long + `\"}`
	for name, test := range map[string]struct {
		on    hosting.Platform
		event string
	}{
		"CMQ":             {hosting.SCF, `{"Records":[{"CMQ":{"msgId":"` + long + `","msgBody":"` + body + `"}}]}`},
		"CMQ, two values": {hosting.SCF, `{"Records":[{"CMQ":{"msgId":"x ` + long + `","msgBody":"` + body + `"}}]}`},
		"CKafka":          {hosting.SCF, `{"Records":[{"Ckafka":{"topic":"` + long + `","partition":0,"offset":1,"msgBody":"` + body + `"}}]}`},
		"TDMQ":            {hosting.SCF, `{"specversion":"0","id":"e","type":"connector:tdmq","data":{"msgId":"` + long + `","msgBody":"` + body + `"}}`},
		"SQS": {hosting.Lambda, `{"Records":[{"eventSource":"aws:sqs","messageId":"m0","body":"` + body + `"},` +
			`{"eventSource":"aws:sqs","messageId":"` + long + `","body":"{}"}]}`},
		"a timer":          {hosting.Lambda, `{"Type":"Timer","TriggerName":"` + long + `"}`},
		"a forged timer":   {hosting.SCF, `{"Type":"Timer","TriggerName":"` + long + `"}`},
		"a forged message": {hosting.SCF, `{"Records":[{"CMQ":{"msgId":"` + long + `","msgBody":"{}"}}]}`},
		"a number":         {hosting.SCF, `{"Records":[{"CMQ":{"msgId":"m","msgBody":"{\"out_trade_no\":\"` + long + `\",\"service_token\":\"` + long + `\"}"}}]}`},
	} {
		k := newKit(t).strict().store(nil)
		k.on, k.fn.Access.Service = test.on, trigger.NewToken(long)
		reply, err := k.handle(test.event, nil)
		said := reply + k.logs.String()
		if err != nil {
			said += err.Error()
		}
		if strings.Contains(said, long[:20]) {
			t.Errorf("%s: %s", name, said)
		}
	}
	// A caller that may do nothing writes no ID into the log, whatever it is: yesterday's token is
	// no token of today's.
	k := newKit(t).strict()
	_, _ = k.handle(`{"Records":[{"CMQ":{"msgId":"yesterdays-token-kR7v","msgBody":"{}"}}]}`, nil)
	_, _ = k.handle(`{"Type":"Timer","TriggerName":"yesterdays-token-kR7v"}`, nil)
	if strings.Contains(k.logs.String(), "yesterday") {
		t.Errorf("the log has a stranger's id: %s", k.logs.String())
	}
	// Everybody else's ids are there, to find messages and timers by.
	k = newKit(t).store(nil)
	_, _ = k.handle(batched("cmq", `{"out_trade_no":"A1"}`), nil)
	_, _ = k.handle(timerEvent(), nil)
	k.wantLog(map[string]any{"messageId": "m0"})
	k.wantLog(map[string]any{"timer": "sweep"})
}

// A key in an order number's place is kept out of the log as a token is: an APIv2 key has the form
// of a number.
func TestKeyAsANumber(t *testing.T) {
	t.Parallel()
	const key = "hG5dXc8sYb3NuJ6aLq1eVf7iOo0tRzPk"
	k := newKit(t).open()
	k.fn.Access.Keys = trigger.NewToken("", key)
	_ = k.invoke(`{"out_trade_no":"`+key+`"}`, nil)
	k.wantLog(map[string]any{"outTradeNo": "redacted"})
	if strings.Contains(k.logs.String(), key) {
		t.Errorf("the log has the key: %s", k.logs.String())
	}
	if k.fn.Access.Keys.Is("") || !k.fn.Access.IsSecret("x "+key) {
		t.Error("the keys are compared wrongly")
	}
}

// A token that the platform took for the call's name, as a gateway may that takes X-Request-Id
// over, is not logged.
func TestTokenAsTheCallsName(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{serviceToken: "redacted", "R-1": "R-1"} {
		k := newKit(t).strict()
		var logs strings.Builder
		k.fn.Log = telemetry.New(&logs, slog.LevelInfo)
		ctx := telemetry.WithRequestID(t.Context(), given)
		_, _ = k.fn.Handle(ctx, hosting.Invocation{Payload: []byte(`{}`), Platform: hosting.SCF, RequestID: given})
		if !strings.Contains(logs.String(), `"requestId":"`+want+`"`) || strings.Contains(logs.String(), serviceToken) {
			t.Errorf("got %s, want requestId %s", logs.String(), want)
		}
	}
}
