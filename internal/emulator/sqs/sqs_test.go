package sqs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/emulator/spool"
	"cloudpay/internal/emulator/sqs"
)

// bubble is the time of a test's bubble.
type bubble struct{}

func (bubble) Time() time.Time { return time.Now() }

func (bubble) Wait(ctx context.Context, until time.Time) error {
	select {
	case <-time.After(time.Until(until)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kit is a service with one function, which notes what it was given.
type kit struct {
	*sqs.Service

	t     *testing.T
	began time.Time
	// log has a line for each message that was delivered: how long after the beginning, the body,
	// and how often it was received.
	log []string
	// fails says which bodies the function does not handle.
	fails func(body string) bool
}

func newKit(t *testing.T, kept *spool.Spool) *kit {
	t.Helper()
	k := &kit{t: t, began: time.Now(), fails: func(string) bool { return false }}
	k.Service = sqs.New(bubble{}, kept, k.deliver)
	if err := k.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func (k *kit) deliver(_ context.Context, function string, b sqs.Batch) (again []string) {
	if function != "shop" {
		return b.IDs
	}
	for _, record := range b.Event["Records"].([]map[string]any) {
		body := record["body"].(string)
		k.log = append(k.log, fmt.Sprintf("%s %s %s", time.Since(k.began), body, record["attributes"].(map[string]string)["ApproximateReceiveCount"]))
		if k.fails(body) {
			again = append(again, record["messageId"].(string))
		}
	}
	if !b.Partial && len(again) > 0 {
		return b.IDs
	}
	return again
}

// wantLog wants these deliveries so far.
func (k *kit) wantLog(want ...string) {
	k.t.Helper()
	if !slices.Equal(k.log, want) {
		k.t.Errorf("got the deliveries\n%s\nwant\n%s", strings.Join(k.log, "\n"), strings.Join(want, "\n"))
	}
}

// answered is an answer, with its members.
type answered struct {
	status int
	kind   string
	body   map[string]any
}

// do sends a request of SQS's.
func (k *kit) do(operation, body string) answered {
	k.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9803/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "AmazonSQS."+operation)
	return k.served(k.Service, r)
}

// lambda sends a request about mappings.
func (k *kit) lambda(method, path, body string) answered {
	k.t.Helper()
	r := httptest.NewRequest(method, sqs.MappingsPath+path, strings.NewReader(body))
	return k.served(http.HandlerFunc(k.ServeMappings), r)
}

func (k *kit) served(h http.Handler, r *http.Request) answered {
	k.t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	got := answered{status: w.Code, kind: w.Header().Get("X-Amzn-Errortype")}
	if err := json.Unmarshal(w.Body.Bytes(), &got.body); err != nil {
		k.t.Fatalf("%s: %v", w.Body, err)
	}
	return got
}

// must is do for a request that succeeds.
func (k *kit) must(operation, body string) map[string]any {
	k.t.Helper()
	got := k.do(operation, body)
	if got.status != http.StatusOK {
		k.t.Fatalf("%s %s: got %+v", operation, body, got)
	}
	return got.body
}

const queueURL = `"QueueUrl":"http://127.0.0.1:9803/123456789012/orders"`

// queues makes the queues orders and dead, and a mapping from orders to the function.
func (k *kit) queues() {
	k.t.Helper()
	k.must("CreateQueue", `{"QueueName":"dead"}`)
	k.must("CreateQueue", `{"QueueName":"orders","Attributes":{"VisibilityTimeout":"30",`+
		`"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:123456789012:dead\",\"maxReceiveCount\":\"3\"}"}}`)
	k.mapped("ReportBatchItemFailures")
}

func (k *kit) mapped(types ...string) (uuid string) {
	k.t.Helper()
	list, err := json.Marshal(types)
	if err != nil {
		k.t.Fatal(err)
	}
	got := k.lambda(http.MethodPost, "", `{"EventSourceArn":"arn:aws:sqs:us-east-1:123456789012:orders","FunctionName":"shop","FunctionResponseTypes":`+string(list)+`}`)
	if got.status != http.StatusAccepted {
		k.t.Fatalf("got %+v, want the mapping", got)
	}
	return got.body["UUID"].(string)
}

// passes lets time pass.
func passes(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// counts are a queue's messages: visible, in flight, delayed.
func (k *kit) counts(queue string) string {
	k.t.Helper()
	all := k.must("GetQueueAttributes", `{"QueueUrl":"/`+queue+`","AttributeNames":["All"]}`)["Attributes"].(map[string]any)
	return fmt.Sprintf("%v %v %v", all["ApproximateNumberOfMessages"], all["ApproximateNumberOfMessagesNotVisible"], all["ApproximateNumberOfMessagesDelayed"])
}

func (k *kit) wantCounts(queue, want string) {
	k.t.Helper()
	if got := k.counts(queue); got != want {
		k.t.Errorf("%s: got %s messages visible, in flight and delayed, want %s", queue, got, want)
	}
}

// A message comes to the function when its delay has passed, not before, and is then gone.
func TestDelayedMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		k.queues()
		sent := k.must("SendMessage", `{`+queueURL+`,"MessageBody":"A1","DelaySeconds":900}`)
		if want := "27f237e6b7f96587b6202ff3607ad88a"; sent["MD5OfMessageBody"] != want {
			t.Errorf("got %v, want the MD5 %s", sent, want)
		}
		k.must("SendMessage", `{`+queueURL+`,"MessageBody":"A2"}`)
		passes(900*time.Second - time.Millisecond)
		k.wantLog("0s A2 1")
		k.wantCounts("orders", "0 0 1")
		passes(time.Millisecond)
		k.wantLog("0s A2 1", "15m0s A1 1")
		k.wantCounts("orders", "0 0 0")
		passes(24 * time.Hour)
		k.wantLog("0s A2 1", "15m0s A1 1")
	})
}

// A message that the function does not handle comes again after the visibility timeout, and goes to
// the dead-letter queue after the last receive. Those beside it in the batch are not held up.
func TestDeadLetter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		k.queues()
		k.fails = func(body string) bool { return body == "bad" }
		for _, body := range []string{"bad", "good"} {
			k.must("SendMessage", `{`+queueURL+`,"MessageBody":"`+body+`","DelaySeconds":1}`)
		}
		passes(time.Second)
		k.wantCounts("orders", "0 1 0")
		passes(2 * time.Minute)
		k.wantLog("1s bad 1", "1s good 1", "31s bad 2", "1m1s bad 3")
		k.wantCounts("orders", "0 0 0")
		k.wantCounts("dead", "1 0 0")
		got := k.must("ReceiveMessage", `{"QueueUrl":"/dead","MaxNumberOfMessages":10,"WaitTimeSeconds":20}`)["Messages"].([]any)
		if len(got) != 1 || got[0].(map[string]any)["Body"] != "bad" {
			t.Fatalf("got %v, want the dead letter", got)
		}
		receipt := got[0].(map[string]any)["ReceiptHandle"].(string)
		k.must("DeleteMessage", `{"QueueUrl":"/dead","ReceiptHandle":"`+receipt+`x"}`)
		k.wantCounts("dead", "0 1 0")
		k.must("DeleteMessage", `{"QueueUrl":"/dead","ReceiptHandle":"`+receipt+`"}`)
		k.wantCounts("dead", "0 0 0")
	})
}

// Without ReportBatchItemFailures all messages of a batch come again. A function that is not there
// loses none.
func TestBatchAsAWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		k.must("CreateQueue", `{"QueueName":"orders","Attributes":{"DelaySeconds":"5","VisibilityTimeout":"0"}}`)
		k.mapped()
		var mended atomic.Bool
		k.fails = func(body string) bool { return body == "bad" && !mended.Load() }
		k.must("SendMessage", `{`+queueURL+`,"MessageBody":"bad"}`)
		k.must("SendMessage", `{`+queueURL+`,"MessageBody":"good"}`)
		passes(5 * time.Second)
		mended.Store(true)
		passes(time.Minute)
		k.wantLog("5s bad 1", "5s good 1", "6s bad 2", "6s good 2") // hidden for a second at least
		k.must("CreateQueue", `{"QueueName":"lost"}`)
		k.lambda(http.MethodPost, "", `{"EventSourceArn":"arn:aws:sqs:us-east-1:123456789012:lost","FunctionName":"nobody"}`)
		k.must("SendMessage", `{"QueueUrl":"/lost","MessageBody":"x"}`)
		passes(time.Hour)
		k.wantLog("5s bad 1", "5s good 1", "6s bad 2", "6s good 2")
		if k.counts("lost") == "0 0 0" {
			t.Error("the message for a function that is not there is lost")
		}
	})
}

// A message is deleted when its retention has passed, handled or not.
func TestRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		k.must("CreateQueue", `{"QueueName":"orders","Attributes":{"MessageRetentionPeriod":"3600"}}`)
		k.must("SendMessage", `{`+queueURL+`,"MessageBody":"A1"}`)
		passes(time.Hour)
		k.wantCounts("orders", "1 0 0")
		passes(time.Second)
		if got := k.must("ReceiveMessage", `{`+queueURL+`}`)["Messages"].([]any); len(got) != 0 {
			t.Errorf("got %v, want nothing left", got)
		}
		k.wantCounts("orders", "0 0 0")
	})
}

// A process that ends leaves delayed messages, those in flight, queues and mappings to the next
// one. What was in flight comes again when its visibility timeout has passed.
func TestQueuesOutliveAProcess(t *testing.T) {
	t.Parallel()
	kept, err := spool.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	synctest.Test(t, func(t *testing.T) {
		first := newKit(t, kept)
		first.queues()
		first.fails = func(string) bool { return true } // as if the process ended within the call
		first.must("SendMessage", `{`+queueURL+`,"MessageBody":"in flight"}`)
		first.must("SendMessage", `{`+queueURL+`,"MessageBody":"delayed","DelaySeconds":20}`)
		synctest.Wait()
		first.Close()
		first.wantLog("0s in flight 1")
		second := newKit(t, kept)
		passes(time.Minute)
		second.wantLog("20s delayed 1", "30s in flight 2")
		second.wantCounts("orders", "0 0 0")
		second.Close()
		third := newKit(t, kept)
		passes(24 * time.Hour)
		third.wantLog()
	})
}

// Settled waits for what is visible and in flight, and for nothing that is delayed.
func TestSettled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		k.queues()
		k.must("SendMessage", `{`+queueURL+`,"MessageBody":"later","DelaySeconds":900}`)
		k.must("SendMessage", `{`+queueURL+`,"MessageBody":"now"}`)
		if !k.Settled(t.Context()) {
			t.Error("got false, want it settled")
		}
		k.wantLog("0s now 1")
	})
}

// A mapping is made once for a queue and a function, listed, and ends with its deletion.
func TestMappings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		k.must("CreateQueue", `{"QueueName":"orders"}`)
		uuid := k.mapped("ReportBatchItemFailures")
		for body, kind := range map[string]string{
			`{"EventSourceArn":"arn:aws:sqs:us-east-1:123456789012:orders","FunctionName":"arn:aws:lambda:us-east-1:123456789012:function:shop"}`: "ResourceConflictException",
			`{"EventSourceArn":"arn:aws:sqs:us-east-1:123456789012:none","FunctionName":"shop"}`:                                                  "InvalidParameterValueException",
			`{"EventSourceArn":"arn:aws:sqs:us-east-1:123456789012:orders","FunctionName":"a/b"}`:                                                 "InvalidParameterValueException",
			`{"EventSourceArn":"arn:aws:sqs:us-east-1:123456789012:orders","FunctionName":"two","BatchSize":0}`:                                   "InvalidParameterValueException",
			`{"EventSourceArn":"arn:aws:sqs:us-east-1:123456789012:orders","FunctionName":"two","FilterCriteria":{}}`:                             "InvalidParameterValueException",
		} {
			if got := k.lambda(http.MethodPost, "", body); got.kind != kind {
				t.Errorf("%s: got %+v, want %s", body, got, kind)
			}
		}
		listed := k.lambda(http.MethodGet, "", "").body["EventSourceMappings"].([]any)
		if len(listed) != 1 || listed[0].(map[string]any)["UUID"] != uuid || listed[0].(map[string]any)["State"] != "Enabled" {
			t.Errorf("got %v listed", listed)
		}
		if got := k.lambda(http.MethodDelete, "/"+uuid, ""); got.status != http.StatusAccepted || got.body["State"] != "Deleting" {
			t.Errorf("got %+v, want it deleted", got)
		}
		if got := k.lambda(http.MethodDelete, "/"+uuid, ""); got.kind != "ResourceNotFoundException" {
			t.Errorf("got %+v, want it gone", got)
		}
		if got := k.lambda(http.MethodPut, "/"+uuid, "{}"); got.kind != "UnknownOperationException" {
			t.Errorf("got %+v, want a refusal", got)
		}
		synctest.Wait()
		k.must("SendMessage", `{`+queueURL+`,"MessageBody":"A1"}`)
		passes(time.Hour)
		k.wantLog()
		k.wantCounts("orders", "1 0 0")
	})
}

// What cannot be played is refused in SQS's form, by name.
func TestRefusals(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	k.must("CreateQueue", `{"QueueName":"orders"}`)
	same := k.must("CreateQueue", `{"QueueName":"orders"}`)
	if found := k.must("GetQueueUrl", `{"QueueName":"orders"}`); found["QueueUrl"] != same["QueueUrl"] || found["QueueUrl"] != "http://127.0.0.1:9803/123456789012/orders" {
		t.Errorf("got %v and %v, want the queue's URL", same, found)
	}
	for _, test := range []struct{ operation, body, kind, words string }{
		{"SendMessage", `{` + queueURL + `,"MessageBody":"x","DelaySeconds":901}`, "InvalidParameterValueException", "DelaySeconds must be >= 0 and <= 900"},
		{"SendMessage", `{` + queueURL + `,"MessageBody":"x","DelaySeconds":-1}`, "InvalidParameterValueException", "DelaySeconds"},
		{"SendMessage", `{` + queueURL + `,"MessageBody":""}`, "InvalidParameterValueException", "body"},
		{"SendMessage", `{` + queueURL + `,"MessageBody":"` + strings.Repeat("x", 1<<20+1) + `"}`, "InvalidParameterValueException", "body"},
		{"SendMessage", `{` + queueURL + `,"MessageBody":"x","MessageAttributes":{}}`, "UnsupportedOperation", "MessageAttributes"},
		{"SendMessage", `{"QueueUrl":"/none","MessageBody":"x"}`, "QueueDoesNotExist", "does not exist"},
		{"SendMessage", `{`, "UnsupportedOperation", "request"},
		{"SendMessage", strings.Repeat(" ", 3<<20), "UnsupportedOperation", "longer"},
		{"ReceiveMessage", `{"QueueUrl":"/none"}`, "QueueDoesNotExist", ""},
		{"ReceiveMessage", `{` + queueURL + `,"MaxNumberOfMessages":11}`, "InvalidParameterValueException", "MaxNumberOfMessages"},
		{"ReceiveMessage", `{` + queueURL + `,"VisibilityTimeout":43201}`, "InvalidParameterValueException", "VisibilityTimeout"},
		{"DeleteMessage", `{"QueueUrl":"/none","ReceiptHandle":"x"}`, "QueueDoesNotExist", ""},
		{"GetQueueAttributes", `{"QueueUrl":"/none"}`, "QueueDoesNotExist", ""},
		{"GetQueueUrl", `{"QueueName":"none"}`, "QueueDoesNotExist", ""},
		{"CreateQueue", `{"QueueName":"orders.fifo"}`, "InvalidParameterValueException", "FIFO"},
		{"CreateQueue", `{"QueueName":"orders","Attributes":{"DelaySeconds":"1"}}`, "QueueNameExists", ""},
		{"CreateQueue", `{"QueueName":"other","Attributes":{"KmsMasterKeyId":"1"}}`, "InvalidAttributeName", "KmsMasterKeyId"},
		{"CreateQueue", `{"QueueName":"other","Attributes":{"MessageRetentionPeriod":"59"}}`, "InvalidParameterValueException", ""},
		{"CreateQueue", `{"QueueName":"other","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:123456789012:none\",\"maxReceiveCount\":1}"}}`, "InvalidParameterValueException", "does not exist"},
		{"CreateQueue", `{"QueueName":"other","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:123456789012:orders\",\"maxReceiveCount\":0}"}}`, "InvalidParameterValueException", "maxReceiveCount"},
		{"PurgeQueue", `{` + queueURL + `}`, "UnsupportedOperation", "PurgeQueue"},
	} {
		got := k.do(test.operation, test.body)
		message, _ := got.body["message"].(string)
		if got.status != http.StatusBadRequest || got.kind != test.kind || !strings.HasSuffix(got.body["__type"].(string), "#"+test.kind) || !strings.Contains(message, test.words) {
			t.Errorf("%s %.100s: got %d %v, want %s with %q", test.operation, test.body, got.status, got.body, test.kind, test.words)
		}
	}
}

// A message that cannot be kept is not accepted.
func TestWithoutASpool(t *testing.T) {
	t.Parallel()
	kept, err := spool.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	k := newKit(t, kept)
	k.must("CreateQueue", `{"QueueName":"orders"}`)
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	if got := k.do("SendMessage", `{`+queueURL+`,"MessageBody":"x"}`); got.status != http.StatusInternalServerError || got.kind != "InternalError" {
		t.Errorf("got %+v, want that it is not accepted", got)
	}
	if got := k.do("CreateQueue", `{"QueueName":"two"}`); got.status != http.StatusInternalServerError {
		t.Errorf("got %+v, want that it is not made", got)
	}
	if k.Send("arn:aws:sqs:us-east-1:123456789012:orders", "x") || k.Send("arn:aws:sqs:us-east-1:123456789012:none", "x") {
		t.Error("a message is accepted that is not kept")
	}
	k.wantCounts("orders", "0 0 0")
}
