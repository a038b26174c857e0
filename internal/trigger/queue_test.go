package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
)

func about(number string) string { return `{"out_trade_no":"` + number + `"}` }

// becomes makes the workflow end as the order's number says.
func (k *kit) becomes(outcomes map[string]order.Result) {
	k.fn.Do = func(ctx context.Context, p order.Params) order.Result {
		k.do(ctx, p)
		if r, ok := outcomes[p.OutTradeNo]; ok {
			return r
		}
		return closed(p)
	}
}

func outcome(of order.Outcome, code string) order.Result {
	return order.NewResult(order.Call{}, of, order.Answer{Code: code}, 1)
}

// Each queue's messages are done, each of them, and the reply is the one that the queue
// understands.
func TestEveryQueue(t *testing.T) {
	t.Parallel()
	for _, form := range queueForms {
		k := newKit(t)
		bodies := []string{about("A0"), about("A1"), about("A2"), about("A3"), about("A4"), about("A5")}
		if form.name == "tdmq" {
			bodies = bodies[:1] // its events have one message
		}
		reply, err := k.handle(batched(form.name, bodies...), nil)
		if err != nil || len(k.asked) != len(bodies) {
			t.Errorf("%s: got %v, and the workflow was asked %+v", form.name, err, k.asked)
		}
		asked := map[string]bool{}
		for _, p := range k.asked {
			asked[p.OutTradeNo] = true
		}
		if len(asked) != len(bodies) {
			t.Errorf("%s: the workflow was asked %+v", form.name, k.asked)
		}
		got := object(t, reply)
		if form.name == "sqs" {
			if diff := cmp.Diff(obj{"batchItemFailures": []any{}}, got); diff != "" {
				t.Errorf("sqs (-want +got)\n%s", diff)
			}
		} else {
			results, _ := got["results"].([]any)
			if got["messages"] != float64(len(bodies)) || len(results) != len(bodies) {
				t.Errorf("%s: got %s", form.name, reply)
			}
			for n, result := range results {
				want := obj{"id": result.(obj)["id"], "outTradeNo": fmt.Sprintf("A%d", n), "outcome": "closed"}
				if diff := cmp.Diff(want, result); diff != "" || want["id"] == "" {
					t.Errorf("%s (-want +got)\n%s", form.name, diff)
				}
			}
		}
		if lines := k.lines(); len(lines) != len(bodies)+1 {
			t.Errorf("%s: got %d lines for %d messages:\n%s", form.name, len(lines), len(bodies), k.logs.String())
		}
		k.wantLog(map[string]any{"msg": "batch", "trigger": form.name, "messages": float64(len(bodies)), "bad": 0.0, "comeAgain": 0.0, "level": "INFO"})
		k.wantLog(map[string]any{"msg": "close", "trigger": form.name, "outTradeNo": "A0", "outcome": "closed", "caller": "queue"})
	}
}

// What does not end well in a batch of otherwise good messages.
var mishaps = []struct {
	name  string
	body  string
	ends  map[string]order.Result
	again bool // it may end otherwise when it comes again
	bad   bool // it never will
	code  string
}{
	{name: "a paid order", body: about("P1"), ends: map[string]order.Result{"P1": outcome(order.OutcomePaid, "")}},
	{name: "an order that was closed", body: about("P1"), ends: map[string]order.Result{"P1": outcome(order.OutcomeAlreadyClosed, "")}},
	{name: "no such order", body: about("P1"), ends: map[string]order.Result{"P1": outcome(order.OutcomeNotFound, "")}, bad: true, code: "ORDERNOTEXIST"},
	{name: "doubt", body: about("P1"), ends: map[string]order.Result{"P1": outcome(order.OutcomeUnknown, "TIMEOUT")}, again: true, code: "TIMEOUT"},
	{name: "an order too young", body: about("P1"), ends: map[string]order.Result{"P1": outcome(order.OutcomeTooSoon, "RULE_LIMIT")}, again: true, code: "RULE_LIMIT"},
	{name: "no configuration", body: about("P1"), ends: map[string]order.Result{"P1": order.Refusal("CONFIG_ERROR", bilingual.Same("x"))}, again: true, code: "CONFIG_ERROR"},
	{name: "a wrong key", body: about("P1"), ends: map[string]order.Result{"P1": outcome(order.OutcomeRefused, "SIGNERROR")}, again: true, code: "SIGNERROR"},
	{name: "no such merchant", body: about("P1"), ends: map[string]order.Result{"P1": outcome(order.OutcomeRefused, "MCHID_NOT_EXIST")}, again: true, code: "MCHID_NOT_EXIST"},
	{name: "no such app", body: about("P1"), ends: map[string]order.Result{"P1": outcome(order.OutcomeRefused, "APPID_NOT_EXIST")}, again: true, code: "APPID_NOT_EXIST"},
	{name: "not the merchant's app", body: about("P1"), ends: map[string]order.Result{"P1": outcome(order.OutcomeRefused, "APPID_MCHID_NOT_MATCH")}, again: true, code: "APPID_MCHID_NOT_MATCH"},
	{name: "no permission", body: about("P1"), ends: map[string]order.Result{"P1": outcome(order.OutcomeRefused, "NOAUTH")}, again: true, code: "NOAUTH"},
	{name: "a refusal", body: about("P1"), ends: map[string]order.Result{"P1": outcome(order.OutcomeRefused, "OUT_TRADE_NO_USED")}, bad: true, code: "OUT_TRADE_NO_USED"},
	{name: "no JSON", body: `out_trade_no=P1`, bad: true, code: "PARAM_ERROR"},
	{name: "nothing", body: ``, bad: true, code: "PARAM_ERROR"},
	{name: "an array", body: `[]`, bad: true, code: "PARAM_ERROR"},
	{name: "a misspelt name", body: `{"outTradeNO":"P1"}`, bad: true, code: "PARAM_ERROR"},
	{name: "too much", body: `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, bad: true, code: "PARAM_ERROR"},
	{name: "a wrong token", body: `{"out_trade_no":"P1","service_token":"guess-Xy81LkQw03Ns5Vbt"}`, again: true, code: "NOAUTH"},
}

// One bad message among good ones: the good work is done, and each queue hears what it needs to.
func TestOneBadMessage(t *testing.T) {
	t.Parallel()
	for _, tc := range mishaps {
		for _, form := range []string{"sqs", "ckafka", "cmq"} {
			k := newKit(t)
			k.becomes(tc.ends)
			reply, err := k.handle(batched(form, about("A0"), tc.body, about("A2")), nil)
			done := map[string]bool{}
			for _, p := range k.asked {
				done[p.OutTradeNo] = true
			}
			if !done["A0"] || !done["A2"] {
				t.Errorf("%s of %s: the good messages were not done: %+v", tc.name, form, k.asked)
			}
			switch {
			case form == "sqs":
				failures := []any{}
				if tc.again || tc.bad {
					failures = append(failures, obj{"itemIdentifier": "m1"})
				}
				if err != nil {
					t.Errorf("%s of sqs: %v", tc.name, err)
				} else if diff := cmp.Diff(obj{"batchItemFailures": failures}, object(t, reply)); diff != "" {
					t.Errorf("%s of sqs (-want +got)\n%s", tc.name, diff)
				}
			case tc.again:
				if want := "1 of 3 messages were not done, the first because of " + tc.code; err == nil || err.Error() != want {
					t.Errorf("%s of %s: got %s, %v, want %q", tc.name, form, reply, err, want)
				}
			default:
				if err != nil || !strings.Contains(reply, `"messages":3`) || tc.bad && !strings.Contains(reply, tc.code) {
					t.Errorf("%s of %s: got %s, %v", tc.name, form, reply, err)
				}
			}
			level := "INFO"
			if tc.again {
				level = "WARN"
			}
			if tc.bad {
				level = "ERROR"
			}
			k.wantLog(map[string]any{"msg": "batch", "level": level})
			if strings.Contains(reply+k.logs.String()+fmt.Sprint(err), "guess-") {
				t.Errorf("%s of %s: the token is in the reply, the log or the error", tc.name, form)
			}
		}
	}
}

// When nothing of a batch was done SQS gets an error: it would take an answer for success where
// ReportBatchItemFailures was not switched on.
func TestAllMessagesFail(t *testing.T) {
	t.Parallel()
	for _, tc := range mishaps {
		if !tc.again && !tc.bad {
			continue
		}
		k := newKit(t)
		k.becomes(tc.ends)
		if reply, err := k.handle(batched("sqs", tc.body, tc.body), nil); err == nil || !strings.Contains(err.Error(), tc.code) {
			t.Errorf("%s: got %s, %v, want an error for %s", tc.name, reply, err, tc.code)
		}
	}
}

// A record that is not the queue's is one bad message too; one that has no name must not come back
// alone.
func TestBadRecords(t *testing.T) {
	t.Parallel()
	good := obj{"messageId": "m0", "eventSource": "aws:sqs", "body": about("A0")}
	k := newKit(t)
	reply, err := k.handle(text(obj{"Records": []obj{good, {"messageId": "m1", "eventSource": "aws:sqs", "body": 7}}}), nil)
	if err != nil || !strings.Contains(reply, `"itemIdentifier":"m1"`) || strings.Contains(reply, "m0") || len(k.asked) != 1 {
		t.Errorf("got %s, %v, asked %+v", reply, err, k.asked)
	}
	k = newKit(t)
	reply, err = k.handle(text(obj{"Records": []obj{good, {"eventSource": "aws:sqs", "body": about("A1")}}}), nil)
	if err == nil || len(k.asked) != 1 {
		t.Errorf("a message of no name: got %s, asked %+v", reply, k.asked)
	}
	k = newKit(t)
	reply, err = k.handle(text(obj{"Records": []obj{good, {"CMQ": obj{"msgId": "m1", "msgBody": about("A1")}}}}), nil)
	if err == nil || len(k.asked) != 0 {
		t.Errorf("another platform's, which no trigger sends: got %s, %v, asked %+v", reply, err, k.asked)
	}
	k = newKit(t)
	reply, err = k.handle(text(obj{"Records": []any{good, nil, 7}, "userInfo": obj{}}), nil)
	if err == nil || len(k.asked) != 0 {
		t.Errorf("a user's: got %s, asked %+v", reply, k.asked)
	}
}

// On SCF each message proves itself.
func TestMessagesCarryTheToken(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"ckafka", "cmq"} {
		k := newKit(t).strict()
		signed := `{"out_trade_no":"A0","service_token":"` + serviceToken + `"}`
		reply, err := k.handle(batched(form, signed, about("A1"), `{"out_trade_no":"A2","service_token":"x"}`), nil)
		if err == nil || err.Error() != "2 of 3 messages were not done, the first because of NOAUTH" || len(k.asked) != 1 || k.asked[0].OutTradeNo != "A0" {
			t.Errorf("%s: got %s, %v, asked %+v", form, reply, err, k.asked)
		}
		k.wantLog(map[string]any{"caller": "service", "outTradeNo": "A0"})
		k.wantLog(map[string]any{"caller": "nobody", "errCode": "NOAUTH"})
		k.wantLog(map[string]any{"caller": "impostor", "errCode": "NOAUTH"})
		k.wantLog(map[string]any{"msg": "batch", "level": "WARN", "comeAgain": 2.0, "bad": 0.0})
	}
}

// A token that was changed here and not there, a user's or a stranger's sign: no queue takes its
// messages for done when nothing was done.
func TestNobodysMessagesAreKept(t *testing.T) {
	t.Parallel()
	for _, form := range queueForms {
		for name, tc := range map[string]struct {
			body        string
			environment map[string]string
		}{
			"a service, after its token was changed": {body: `{"out_trade_no":"A0","service_token":"guess-Xy81LkQw03Ns5Vbt"}`},
			"nobody":                                 {body: about("A0")},
			"a stranger":                             {about("A0"), map[string]string{"TCB_SOURCE": "wx_client"}},
			"a user without a store":                 {about("A0"), user},
		} {
			k := newKit(t).strict()
			reply, err := k.handle(batched(form.name, tc.body), tc.environment)
			if err == nil || !strings.Contains(err.Error(), "NOAUTH") || len(k.asked) != 0 {
				t.Errorf("%s of %s: got %s, %v, asked %+v", name, form.name, reply, err, k.asked)
			}
		}
	}
}

// An order that is not there was looked for by the wrong name; a query has its answer all the same.
func TestQueriesOfOrdersThatAreNotThere(t *testing.T) {
	t.Parallel()
	for op, level := range map[order.Op]string{order.OpClose: "ERROR", order.OpQuery: "INFO"} {
		k := newKit(t)
		k.fn.Op = op
		k.becomes(map[string]order.Result{"P1": outcome(order.OutcomeNotFound, "")})
		if reply, err := k.handle(batched("ckafka", about("P1")), nil); err != nil || !strings.Contains(reply, "notFound") {
			t.Errorf("%s: got %s, %v", op, reply, err)
		}
		k.wantLog(map[string]any{"msg": "batch", "level": level})
	}
}

// A panic over one message is that message's, whichever goroutine it is in.
func TestPanicOverOneMessage(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.fn.Do = func(ctx context.Context, p order.Params) order.Result {
		if p.OutTradeNo == "A1" {
			panic("a fault of ours")
		}
		return k.do(ctx, p)
	}
	reply, err := k.handle(batched("sqs", about("A0"), about("A1"), about("A2")), nil)
	if err != nil || !strings.Contains(reply, `[{"itemIdentifier":"m1"}]`) || len(k.asked) != 2 {
		t.Errorf("got %s, %v, asked %+v", reply, err, k.asked)
	}
	k.wantLog(map[string]any{"msg": "panic", "fault": "string", "level": "ERROR"})
}

func TestBrokenFunctionKeepsTheQueue(t *testing.T) {
	t.Parallel()
	for _, form := range queueForms {
		k := newKit(t)
		k.fn.Broken = errors.New("WXPAY_MCHID is not set")
		reply, err := k.handle(batched(form.name, about("A0")), nil)
		if err == nil || err.Error() != "the batch was not begun: CONFIG_ERROR" || len(k.asked) != 0 {
			t.Errorf("%s: got %s, %v", form.name, reply, err)
		}
		k.wantLog(map[string]any{"returnMsg": "WXPAY_MCHID is not set", "level": "ERROR"})
		k = newKit(t)
		event := form.wrap([]string{about("A0")})
		event["Type"], event["TriggerName"] = "Timer", "sweep"
		if reply, err := k.handle(text(event), nil); reply != "" && err != nil || len(k.asked) != 0 {
			t.Errorf("%s that says it is a timer: got %s, %v, asked %+v", form.name, reply, err, k.asked)
		}
	}
}

// Few at a time, however many there are; and all goroutines are gone when the reply is there.
func TestBatchIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t)
		var at, most atomic.Int64
		k.fn.Do = func(_ context.Context, p order.Params) order.Result {
			most.Store(max(most.Load(), at.Add(1)))
			<-time.After(time.Second)
			at.Add(-1)
			return closed(p)
		}
		bodies := make([]string, 40)
		for n := range bodies {
			bodies[n] = about(fmt.Sprintf("A%d", n))
		}
		start := time.Now()
		if _, err := k.fn.Handle(t.Context(), hosting.Invocation{Payload: []byte(batched("ckafka", bodies...)), Platform: hosting.SCF}); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); most.Load() != 4 || took != 10*time.Second {
			t.Errorf("got %d at a time, and 40 of a second each took %s", most.Load(), took)
		}
	})
}

// A gateway that hangs costs each message its share of the time, not the batch all of it; what
// there is no time for is not begun, and the platform hears so before its deadline.
func TestBatchAnswersBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		messages int
		limit    time.Duration
		begun    int
	}{
		{4, 3 * time.Second, 4},
		{9, 3 * time.Second, 9},   // three rounds
		{40, 3 * time.Second, 20}, // five rounds of half a second
		{1, 600 * time.Millisecond, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			k := newKit(t)
			k.fn.Do = func(ctx context.Context, p order.Params) order.Result {
				k.do(ctx, p)
				<-ctx.Done()
				return outcome(order.OutcomeUnknown, "TIMEOUT")
			}
			bodies := make([]string, tc.messages)
			for n := range bodies {
				bodies[n] = about(fmt.Sprintf("A%d", n))
			}
			ctx, cancel := context.WithTimeout(t.Context(), tc.limit)
			defer cancel()
			_, err := k.fn.Handle(ctx, hosting.Invocation{Payload: []byte(batched("ckafka", bodies...)), Platform: hosting.SCF})
			if err == nil || ctx.Err() != nil {
				t.Errorf("%d in %s: got %v, and the deadline %v", tc.messages, tc.limit, err, ctx.Err())
			}
			if len(k.asked) != tc.begun {
				t.Errorf("%d in %s: %d were begun, want %d", tc.messages, tc.limit, len(k.asked), tc.begun)
			}
			notBegun := 0
			for _, line := range k.lines() {
				if msg, _ := line["returnMsg"].(string); strings.Contains(msg, "no time left") {
					notBegun++
				}
			}
			if notBegun != tc.messages-tc.begun {
				t.Errorf("%d in %s: %d are said not to have been begun", tc.messages, tc.limit, notBegun)
			}
		})
	}
}

// A timer's, a queue's and an HTTP request's event have one meaning, or none.
func TestTwoTriggersInOneEvent(t *testing.T) {
	t.Parallel()
	parts := map[string]obj{
		"http": httpForms[0].wrap(post(about("A1"), bearer(httpToken))), "timer": timerForms["scf-timer"](timerToken),
		"queue": queueForms[0].wrap([]string{`{"out_trade_no":"A1","service_token":"` + serviceToken + `"}`}),
	}
	for one, event := range parts {
		for other, more := range parts {
			if one == other {
				continue
			}
			k := newKit(t).strict().store(nil)
			both := maps.Clone(event)
			maps.Copy(both, more)
			reply, _ := k.handle(text(both), nil)
			if len(k.asked) != 0 || k.swept != 0 {
				t.Errorf("%s and %s: got %s, asked %+v", one, other, reply, k.asked)
			}
		}
	}
}
