package platform_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/platform"
)

const (
	ordersURL = `"QueueUrl":"http://127.0.0.1/123456789012/orders"`
	ordersARN = "arn:aws:sqs:us-east-1:123456789012:orders"
)

// sqs makes a request of SQS's.
func (a asynchronous) sqs(operation, body string) answer {
	a.t.Helper()
	got := a.send(http.MethodPost, "/", body, "X-Amz-Target", "AmazonSQS."+operation)
	if got.status != http.StatusOK || got.header.Get("X-Amzn-Requestid") != got.requestID {
		a.t.Fatalf("%s: got %d %v %s", operation, got.status, got.header, got.body)
	}
	return got
}

// schedule makes a one-shot schedule that is due within the given time.
func (a asynchronous) schedule(name, target, input string, in time.Duration) {
	a.t.Helper()
	got := a.send(http.MethodPost, "/schedules/"+name, `{"ScheduleExpression":"`+a.hand.now().Add(in).UTC().Format("at(2006-01-02T15:04:05)")+
		`","FlexibleTimeWindow":{"Mode":"OFF"},"ActionAfterCompletion":"DELETE","Target":{"Arn":"`+target+
		`","RoleArn":"arn:aws:iam::123456789012:role/r","Input":"`+strings.ReplaceAll(input, `"`, `\"`)+`"}}`)
	if got.status != http.StatusOK {
		a.t.Fatalf("got %d %s, want the schedule", got.status, got.body)
	}
}

// passes moves the clock, and waits as `cloudpay emulate advance` does.
func (a asynchronous) passes(d time.Duration) {
	a.t.Helper()
	a.hand.advance(d)
	a.clock.Moved()
	if got := a.send(http.MethodGet, "/v1/timers?wait=1m", ""); got.status != http.StatusOK {
		a.t.Fatalf("got %d %s", got.status, got.body)
	}
}

// orders makes the queue orders, whose messages go to hello.
func (a asynchronous) orders() {
	a.t.Helper()
	a.sqs("CreateQueue", `{"QueueName":"orders"}`)
	got := a.send(http.MethodPost, "/2015-03-31/event-source-mappings", `{"EventSourceArn":"`+ordersARN+`","FunctionName":"hello"}`)
	if got.status != http.StatusAccepted {
		a.t.Fatalf("got %d %s, want the mapping", got.status, got.body)
	}
}

// Delayed messages and schedules come to the function by the cloud's clock, also in the next
// emulator of the folder, and the wait for timers is a wait for them.
func TestDelayedByTheClock(t *testing.T) {
	t.Parallel()
	kept := openSpool(t, filepath.Join(t.TempDir(), "cloud.db"))
	first := serveKept(t, kept, newDial())
	first.orders()
	first.sqs("SendMessage", `{`+ordersURL+`,"MessageBody":"{\"out_trade_no\":\"A1\"}","DelaySeconds":900}`)
	first.schedule("A2", ordersARN, `{"out_trade_no":"A2"}`, time.Hour)
	first.passes(15*time.Minute - time.Second)
	if calls := first.calls(); len(calls) != 0 {
		t.Errorf("a second early: got %+v", calls)
	}
	first.passes(time.Second)
	calls := first.calls()
	if len(calls) != 1 || calls[0].Via != "queue" || calls[0].Verdict != "ok" || calls[0].Function != "hello" || !calls[0].Clock.Equal(first.hand.now()) {
		t.Fatalf("got %+v, want the message delivered", calls)
	}
	if err := first.world.Close(); err != nil {
		t.Fatal(err)
	}
	second := serveKept(t, kept, first.hand)
	second.passes(45*time.Minute - time.Second)
	if calls := second.calls(); len(calls) != 0 {
		t.Errorf("a second early: got %+v", calls)
	}
	second.passes(time.Second)
	if calls := second.calls(); len(calls) != 1 || calls[0].Via != "queue" || calls[0].Verdict != "ok" {
		t.Errorf("got %+v, want the schedule's message delivered", calls)
	}
}

// A schedule calls a function as Lambda's asynchronous events do: one that fails is repeated, and
// is a dead letter in the end.
func TestScheduledFunction(t *testing.T) {
	t.Parallel()
	a := serveAsynchronous(t, as(platform.Lambda))
	a.schedule("A1", "arn:aws:lambda:us-east-1:123456789012:function:hello", `{"Do":"fail","Text":"no","out_trade_no":"A1"}`, time.Hour)
	a.passes(time.Hour)
	a.world.AwaitQuiet()
	a.advance(time.Minute)
	a.advance(2 * time.Minute)
	letters := a.deadLetters()
	if len(letters) != 1 || letters[0].Via != "scheduler" || letters[0].Attempts != 3 || letters[0].OutTradeNo != "A1" {
		t.Errorf("got %+v, want the dead letter of the schedule's event", letters)
	}
}

// With keys, requests to the queues and schedules are to be signed as those to Lambda.
func TestDelayedKeys(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{Keys: access.Keys{{ID: "AKID", Secret: "secret"}}}, as(platform.Lambda))
	for path, target := range map[string]string{
		"/": "AmazonSQS.CreateQueue", "/schedules/A1": "", "/2015-03-31/event-source-mappings": "",
	} {
		got := c.send(http.MethodPost, path, `{"QueueName":"orders"}`, "X-Amz-Target", target)
		if got.status != http.StatusForbidden || got.header.Get("X-Amzn-Errortype") != "MissingAuthenticationTokenException" {
			t.Errorf("%s %s: got %d %v, want it refused", path, target, got.status, got.header)
		}
	}
	if calls := c.calls(); len(calls) != 3 || calls[0].Verdict != "refused" {
		t.Errorf("got %+v, want the refusals in the journal", calls)
	}
}

// What was kept and cannot be read is an error.
func TestDelayedResumeFails(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqs-queues", "sqs-messages", "sqs-mappings", "schedules"} {
		kept := openSpool(t, filepath.Join(t.TempDir(), "cloud.db"))
		if err := kept.Put(kind, 1, 7); err != nil {
			t.Fatal(err)
		}
		c := &platform.Cloud{Spool: kept}
		if err := c.Resume(t.Context()); err == nil || !strings.Contains(err.Error(), "the cloud's state") {
			t.Errorf("%s: got %v, want an error", kind, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
