package platform_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// delivery is what the cloud reports of one event.
type delivery struct {
	RequestID string
	Status    int
	Messages  []string
	Result    any
	Error     string
	Again     []string
}

// deliver sends messages by a queue.
func (c *cloud) deliver(form, messages string) []delivery {
	c.t.Helper()
	got := c.send(http.MethodPost, "/v1/queues/hello?form="+form, `{"messages":`+messages+`}`)
	var report struct{ Deliveries []delivery }
	wantJSON(c.t, got.body, &report)
	if got.status != http.StatusOK || len(report.Deliveries) == 0 {
		c.t.Fatalf("answer: got %d %s, want a report", got.status, got.body)
	}
	return report.Deliveries
}

func TestQueueEvents(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, withEnv("HELLO_ECHO=1"))
	bodies := map[string][]string{ // :: form → where an event has the body, and the id
		"sqs":    {"Records", "body", "messageId"},
		"ckafka": {"Records", "Ckafka", "msgBody"},
		"cmq":    {"Records", "CMQ", "msgBody"},
		"tdmq":   {"data", "msgBody", "msgId"},
	}
	for form := range bodies {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			var got []string
			ids := 0
			for _, d := range c.deliver(form, `["plain",{"out_trade_no": "A1"},null,"{}"]`) {
				ids += len(d.Messages)
				if d.Status != platform.StatusOK || len(d.Again) != 0 || d.RequestID == "" {
					t.Errorf("delivery: got %+v, want it done", d)
				}
				got = append(got, messageBodies(t, form, d.Result)...)
			}
			if diff := cmp.Diff([]string{"plain", `{"out_trade_no": "A1"}`, "null", "{}"}, got); diff != "" || ids != 4 {
				t.Errorf("bodies (-want +got):\n%s and %d ids, want 4", diff, ids)
			}
		})
	}
}

// messageBodies are the bodies of the messages in an event.
func messageBodies(t *testing.T, form string, event any) []string {
	t.Helper()
	object, ok := event.(map[string]any)
	if !ok {
		t.Fatalf("event: got %v, want an object", event)
	}
	if form == "tdmq" {
		data, _ := object["data"].(map[string]any)
		return []string{fmt.Sprint(data["msgBody"])}
	}
	var bodies []string
	records, _ := object["Records"].([]any)
	for _, record := range records {
		fields, _ := record.(map[string]any)
		if form == "sqs" {
			bodies = append(bodies, fmt.Sprint(fields["body"]))
			continue
		}
		inner, _ := fields[map[string]string{"ckafka": "Ckafka", "cmq": "CMQ"}[form]].(map[string]any)
		bodies = append(bodies, fmt.Sprint(inner["msgBody"]))
	}
	return bodies
}

// One whole event, after AWS's own sample.
func TestSQSRecord(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, as(platform.Lambda), withEnv("HELLO_ECHO=1"))
	d := c.deliver("sqs", `["Hello from SQS!"]`)[0]
	event, _ := d.Result.(map[string]any)
	records, _ := event["Records"].([]any)
	record, _ := records[0].(map[string]any)
	attributes, _ := record["attributes"].(map[string]any)
	for name, want := range map[string]any{
		"messageId": d.Messages[0], "body": "Hello from SQS!", "md5OfBody": "7b270e59b47ff90a553787216d55d91d",
		"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:hello", "awsRegion": "us-east-1",
	} {
		if record[name] != want {
			t.Errorf("%s: got %v, want %v", name, record[name], want)
		}
	}
	if attributes["ApproximateReceiveCount"] != "1" || attributes["SentTimestamp"] == "" || record["receiptHandle"] == "" {
		t.Errorf("record: got %v, want a first delivery", record)
	}
}

func TestQueueFailures(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, withEnv("HELLO_FAIL=1"))
	for _, form := range []string{"sqs", "ckafka", "cmq", "tdmq"} {
		for _, d := range c.deliver(form, `["a","b"]`) {
			if diff := cmp.Diff(d.Messages, d.Again); diff != "" || d.Status != platform.StatusUserError || d.Error != "as told" {
				t.Errorf("%s: got %+v, want all of it again", form, d)
			}
		}
	}
}

func TestBatchItemFailures(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ result, want string }{
		"none":            {`{"batchItemFailures":[]}`, ""},
		"one":             {`{"batchItemFailures":[{"itemIdentifier":"b"}]}`, "b"},
		"nothing said":    {`null`, ""},
		"no result":       {``, ""},
		"another object":  {`{"outcome":"closed"}`, ""},
		"null list":       {`{"batchItemFailures":null}`, ""},
		"unknown message": {`{"batchItemFailures":[{"itemIdentifier":"d"}]}`, "a b c"},
		"empty id":        {`{"batchItemFailures":[{"itemIdentifier":""}]}`, "a b c"},
		"null id":         {`{"batchItemFailures":[{"itemIdentifier":null}]}`, "a b c"},
		"another key":     {`{"batchItemFailures":[{"id":"b"}]}`, "a b c"},
		"a string":        {`"done"`, "a b c"},
	}
	for name, q := range cases {
		if got := strings.Join(platform.FailedItems([]byte(q.result), []string{"a", "b", "c"}), " "); got != q.want {
			t.Errorf("%s: got %q, want %q", name, got, q.want)
		}
	}
}

func TestQueueRefusals(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	many := `{"messages":[` + strings.Repeat("1,", 1000) + `1]}`
	cases := map[string]struct {
		method, path, body string
		status             int
		code, words        string
	}{
		"by GET":           {"GET", "/v1/queues/hello?form=sqs", "", 405, "METHOD_NOT_ALLOWED", "POST"},
		"no such function": {"POST", "/v1/queues/nope?form=sqs", "{}", 400, "FUNCTION_NOT_FOUND", `"nope"`},
		"no form":          {"POST", "/v1/queues/hello", "{}", 400, "FUNCTION_PARAM_INVALID", "ckafka, cmq, sqs, tdmq"},
		"no messages":      {"POST", "/v1/queues/hello?form=sqs", "", 400, "FUNCTION_PARAM_INVALID", "1 to 1000, not 0"},
		"many messages":    {"POST", "/v1/queues/hello?form=sqs", many, 400, "FUNCTION_PARAM_INVALID", "not 1001"},
		"not JSON":         {"POST", "/v1/queues/hello?form=sqs", "[", 400, "FUNCTION_PARAM_INVALID", "reading the body"},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			c.wantFailure(c.send(q.method, q.path, q.body), q.status, q.code, q.words)
		})
	}
	web := serveCloud(t, &platform.Cloud{}, as(platform.Web))
	web.wantFailure(web.send(http.MethodPost, "/v1/queues/hello?form=sqs", `{"messages":[1]}`), 400, "FUNCTIONS_PARAM_INVALID", "web function")
}
