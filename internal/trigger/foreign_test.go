package trigger_test

import (
	"errors"
	"strings"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
)

// An event of a service that says nothing of an order fails: its platform then redelivers it, and
// puts it where the trigger's failed events go. A result would be a success, and the event would be
// lost.
func TestForeignEventsFail(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]string{
		"SNS":                      `{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0","Sns":{"MessageId":"m","Message":"{\"out_trade_no\":\"A1\"}"}}]}`,
		"S3":                       `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"}}}]}`,
		"Kinesis":                  `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":"e30=","sequenceNumber":"1"}}]}`,
		"DynamoDB":                 `{"Records":[{"eventSource":"aws:dynamodb","eventName":"INSERT"}]}`,
		"Kafka":                    `{"eventSource":"aws:kafka","records":{"t-0":[]}}`,
		"logs":                     `{"awslogs":{"data":"H4sI"}}`,
		"EventBridge, no schedule": `{"version":"0","detail-type":"Object Created","source":"aws.s3","detail":{}}`,
		"COS":                      `{"Records":[{"cos":{"cosObject":{}},"event":{}}]}`,
		"a CloudEvent":             `{"specversion":"1.0","type":"com.example","source":"x"}`,
	} {
		for _, op := range []order.Op{order.OpClose, order.OpQuery} {
			k := newKit(t).store(nil)
			k.on, k.fn.Op = hosting.Lambda, op
			reply, err := k.handle(event, nil)
			if err == nil || reply != "" || !strings.Contains(err.Error(), "check its triggers") {
				t.Errorf("%s, %s: got %q and error %v, want an error that says what to check", op, name, reply, err)
			}
			if len(k.asked) > 0 || k.swept > 0 {
				t.Errorf("%s, %s: something was done", op, name)
			}
			k.wantLog(map[string]any{"trigger": "foreign", "level": "WARN", "rule": "event", "remedy": "take the trigger away", "errCode": "PARAM_ERROR"})
		}
	}
	k := newKit(t)
	k.fn.Broken = errors.New("WXPAY_MCHID: is missing")
	if _, err := k.handle(`{"Records":[{"EventSource":"aws:sns"}]}`, nil); err == nil || !strings.Contains(err.Error(), "CONFIG_ERROR") {
		t.Errorf("a function that is not configured: got error %v, want CONFIG_ERROR", err)
	}
}
