// Package expiry_test runs the recipes of docs/expiry.md with AWS's SDK for Go before the emulated
// SQS, EventBridge Scheduler, Lambda and WeChat Pay: from the placing of an order to its close.
package expiry_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"cloudpay/pkg/paygate"
)

// A message of at most 15 minutes closes its order at its time and not before.
func TestDelayedMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(15*time.Minute, w.order("A1"))
	w.wantMessages(1, 0, 0)
	w.passes(15*time.Minute - time.Second)
	w.wantState("A1", paygate.StateNotPay)
	w.passes(time.Second)
	w.wantState("A1", paygate.StateClosed)
	w.wantMessages(0, 0, 0)
}

// An order of 40 minutes is sent on twice, each time with what remains; one whose consumer was late
// is sent on with less.
func TestSentOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(40*time.Minute, w.order("A1"))
	w.wantMessages(0, 1, 0)
	w.passes(15 * time.Minute)
	w.wantMessages(0, 1, 0)
	w.passes(15 * time.Minute)
	w.wantMessages(1, 0, 0)
	w.passes(10*time.Minute - time.Second)
	w.wantState("A1", paygate.StateNotPay)
	w.passes(time.Second)
	w.wantState("A1", paygate.StateClosed)
	w.send(40*time.Minute, w.order("A2"))
	w.passes(38 * time.Minute) // nothing consumed meanwhile
	w.wantMessages(1, 0, 0)
	w.passes(2 * time.Minute)
	w.wantState("A2", paygate.StateClosed)
	w.wantMessages(0, 0, 0)
}

// An order that is paid meanwhile stays paid: WeChat Pay refuses the close, a query fetches the
// payment, and the message is done.
func TestPaidMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(10*time.Minute, w.order("A1"))
	w.send(20*time.Minute, w.order("A2"))
	w.MustPay("A1")
	w.passes(10 * time.Minute)
	w.MustPay("A2")
	w.passes(10 * time.Minute)
	for _, number := range []string{"A1", "A2"} {
		w.wantState(number, paygate.StateSuccess)
		if got := w.closes(number); got != 1 {
			t.Errorf("order %s: got %d closes, want 1", number, got)
		}
	}
	w.wantMessages(0, 0, 0)
}

// A message that comes twice closes the order once.
func TestTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := w.order("A1")
	for range 2 {
		w.send(20*time.Minute, call)
	}
	w.passes(20 * time.Minute)
	w.passes(0)
	w.wantState("A1", paygate.StateClosed)
	w.wantMessages(0, 0, 0)
}

// While WeChat Pay limits the calls, the message comes again; after the last receive it is a dead
// letter, which closes the order when it is sent again.
func TestDeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	limited := paygate.Fault{Op: "close", Action: paygate.RateLimit, Delay: 90 * time.Second}
	once := limited
	once.Times = 1
	w.MustInject(once)
	w.send(10*time.Minute, w.order("A1"))
	w.passes(10 * time.Minute)
	w.wantState("A1", paygate.StateNotPay)
	w.passes(visibility)
	w.wantState("A1", paygate.StateClosed)

	w.MustInject(limited) // for good
	w.send(0, w.order("A2"))
	w.passes(0)
	for range maxReceives {
		w.passes(visibility)
	}
	w.wantState("A2", paygate.StateNotPay)
	w.wantMessages(0, 0, 1)
	w.ClearFaults()
	letters, err := w.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &w.dead})
	if err != nil || len(letters.Messages) != 1 {
		t.Fatalf("got %v and error %v, want the dead letter", letters, err)
	}
	letter := letters.Messages[0]
	w.send(0, json.RawMessage(*letter.Body))
	if _, err := w.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &w.dead, ReceiptHandle: letter.ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	w.passes(0)
	w.wantState("A2", paygate.StateClosed)
	w.wantMessages(0, 0, 0)
}

// A message with a wrong service_token closes nothing, and one that is no order is not sent on:
// both are dead letters in the end. The right token is accepted, as none is.
func TestBadMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.order("A1")
	w.order("A2")
	w.send(0, json.RawMessage(`{"out_trade_no":"A1","service_token":"`+strings.Repeat("x", 32)+`"}`))
	w.send(0, json.RawMessage(`{"out_trade_no":"A2","service_token":"`+serviceToken+`"}`))
	if _, err := w.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &w.queues.Wait, MessageBody: aws.String("A1")}); err != nil {
		t.Fatal(err)
	}
	w.passes(0)
	for range maxReceives {
		w.passes(visibility)
	}
	w.wantState("A1", paygate.StateNotPay)
	w.wantState("A2", paygate.StateClosed)
	w.wantMessages(0, 0, 2)
}

// A one-shot schedule sends the order to the queue at its time, and is deleted after that. A second
// one of the same order is the first.
func TestSchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, at := t.Context(), w.Time().Add(3*time.Hour)
	call := w.order("A|1*") // a number that is no schedule's name
	for range 2 {
		if err := w.schedules.Create(ctx, "A|1*", at, call); err != nil {
			t.Fatal(err)
		}
	}
	paid, removed := w.order("A2"), w.order("A3")
	for number, call := range map[string]json.RawMessage{"A2": paid, "A3": removed} {
		if err := w.schedules.Create(ctx, number, at, call); err != nil {
			t.Fatal(err)
		}
	}
	w.MustPay("A2")
	w.MustPay("A3")
	for range 2 { // the second finds it gone
		if err := w.schedules.Delete(ctx, "A3"); err != nil {
			t.Fatal(err)
		}
	}
	w.passes(3*time.Hour - 2*time.Second)
	w.wantState("A|1*", paygate.StateNotPay)
	w.passes(2 * time.Second)
	w.wantState("A|1*", paygate.StateClosed)
	w.wantState("A2", paygate.StateSuccess)
	w.wantState("A3", paygate.StateSuccess)
	if got := w.closes("A3"); got != 0 {
		t.Errorf("got %d closes of the order without a schedule, want none", got)
	}
	left, err := w.schedules.Client.ListSchedules(ctx, &scheduler.ListSchedulesInput{})
	if err != nil || len(left.Schedules) != 0 {
		t.Errorf("got %v and error %v, want no schedule left", left, err)
	}
	w.wantMessages(0, 0, 0)
}

// A schedule whose queue is gone leaves its message in the dead-letter queue.
func TestScheduleWithoutATarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	schedules := w.schedules
	schedules.Queue = arn + "gone"
	if err := schedules.Create(t.Context(), "A1", w.Time().Add(time.Hour), w.order("A1")); err != nil {
		t.Fatal(err)
	}
	w.passes(time.Hour)
	w.wantMessages(0, 0, 1)
	w.wantState("A1", paygate.StateNotPay)
}

// A schedule that calls closeorder itself is done whatever the answer: what the close left open is
// not tried again. That is why the recipe sends to the queue.
func TestScheduleToTheFunction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	schedules := w.schedules
	schedules.Queue = "arn:aws:lambda:us-east-1:123456789012:function:closeorder"
	w.MustInject(paygate.Fault{Op: "close", Action: paygate.RateLimit, Delay: 90 * time.Second, Times: 1})
	at := w.Time().Add(time.Hour)
	for _, number := range []string{"A1", "A2"} {
		if err := schedules.Create(t.Context(), number, at, w.order(number)); err != nil {
			t.Fatal(err)
		}
	}
	calls := w.follow()
	w.passes(time.Hour)
	for range 2 {
		calls()
	}
	w.passes(24 * time.Hour)
	count := map[paygate.TradeState]int{}
	for _, number := range []string{"A1", "A2"} {
		count[w.MustOrder(number).State]++
	}
	if count[paygate.StateNotPay] != 1 || count[paygate.StateClosed] != 1 {
		t.Errorf("got the states %v, want the order whose close was limited to stay open, and the other closed", count)
	}
}

// docs/expiry.md shows the programs that these tests run, as they are.
func TestDocumentedPrograms(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/expiry.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.Split(string(document), "```go\n")[1:]
	if len(shown) < 3 {
		t.Fatalf("docs/expiry.md has %d programs, want three at least", len(shown))
	}
	var programs string
	for _, file := range []string{"expire/queue.go", "expire/schedule.go", "forward/main.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		programs += string(text)
	}
	for _, block := range shown {
		code, _, closed := strings.Cut(block, "```")
		if !closed || strings.Count(code, "\n") < 4 || !strings.Contains(programs, code) {
			t.Errorf("docs/expiry.md shows what is in none of the programs:\n%s", code)
		}
	}
}
