package expiry_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	// A change of the product is to be a change of this test, or go test would show what it
	// remembers of the last one: it does not see what the binaries are built from.
	_ "cloudpay/internal/app"

	"cloudpay/bench/expiry/expire"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
)

// folder is where the functions are built, until the tests end.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "cloudpay-expiry-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	m.Run()
}

// built builds closeorder as it is deployed, and the recipe's consumer.
var built = sync.OnceValue(func() error {
	ctx := context.Background()
	return errors.Join(
		platform.Build(ctx, "../..", "./functions/closeorder", filepath.Join(folder, "closeorder")),
		platform.Build(ctx, "..", "./expiry/forward", filepath.Join(folder, "forward")),
	)
})

const (
	serviceToken = "a-token-of-the-merchants-own-server"
	keyID        = "AKIDEXAMPLE"
	keySecret    = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
	// maxReceives is how often a message is received before it is a dead letter.
	maxReceives = 3
	visibility  = time.Minute
	arn         = "arn:aws:sqs:us-east-1:123456789012:"
)

// world is WeChat Pay, Lambda with closeorder and the consumer, and the recipe's queues, all by one
// clock that only the test moves.
type world struct {
	*paygate.Server

	t         *testing.T
	url       string
	clock     *platform.Clock
	sqs       *sqs.Client
	queues    expire.Queues
	schedules expire.Schedules
	dead      string // the URL of the dead-letter queue
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if err := built(); err != nil {
		t.Fatal(err)
	}
	w := &world{Server: paygate.RunT(t), t: t}
	w.clock = &platform.Clock{Now: w.Time}
	keys := access.Keys{{ID: keyID, Secret: keySecret}}
	cloud := &platform.Cloud{Functions: map[string]*platform.Function{}, Clock: w.clock, Keys: keys}
	server := httptest.NewServer(cloud)
	w.url = server.URL
	w.clients()
	w.makeQueues()
	closing := []string{"WXPAY_API=v3", "CLOUDPAY_SERVICE_TOKEN=" + serviceToken}
	for name, value := range w.Variables() {
		if name != "WXPAY_API" && name != "WXPAY_V2_KEY" {
			closing = append(closing, name+"="+value)
		}
	}
	for name, env := range map[string][]string{
		"closeorder": closing,
		"forward": {
			"CLOSE_QUEUE=" + w.queues.Close, "WAIT_QUEUE=" + w.queues.Wait,
		},
	} {
		spec := platform.Spec{Name: name, Binary: filepath.Join(folder, name), Runtime: platform.Lambda, Env: env, CloudURL: w.url, CloudKey: keys[0]}
		function, err := platform.Start(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		cloud.Functions[name] = function
	}
	t.Cleanup(func() {
		for _, f := range cloud.Functions {
			_ = f.Close() // its calls in flight end, so that the cloud's close does not wait
		}
		_ = cloud.Close()
		server.Close()
	})
	return w
}

// clients makes the SDK's clients with the account's key, whose signatures the cloud verifies.
func (w *world) clients() {
	by := credentials.NewStaticCredentialsProvider(keyID, keySecret, "")
	w.sqs = sqs.New(sqs.Options{BaseEndpoint: &w.url, Region: "us-east-1", Credentials: by})
	w.queues.Client = w.sqs
	w.schedules.Client = scheduler.New(scheduler.Options{BaseEndpoint: &w.url, Region: "us-east-1", Credentials: by})
}

// makeQueues makes the queues as docs/expiry.md describes them, and maps them to their functions.
func (w *world) makeQueues() {
	w.t.Helper()
	w.dead = w.makeQueue("dead", nil)
	redrive := fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, arn+"dead", maxReceives)
	attributes := map[string]string{"RedrivePolicy": redrive, "VisibilityTimeout": fmt.Sprint(int(visibility.Seconds()))}
	w.queues.Close, w.queues.Wait = w.makeQueue("close", attributes), w.makeQueue("wait", attributes)
	w.schedules.Queue, w.schedules.DeadLetter = arn+"close", arn+"dead"
	w.schedules.Role = "arn:aws:iam::123456789012:role/expiry"
	client := lambda.New(lambda.Options{
		BaseEndpoint: &w.url, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(keyID, keySecret, ""),
	})
	for queue, function := range map[string]string{"close": "closeorder", "wait": "forward"} {
		_, err := client.CreateEventSourceMapping(w.t.Context(), &lambda.CreateEventSourceMappingInput{
			EventSourceArn: aws.String(arn + queue), FunctionName: aws.String(function), BatchSize: aws.Int32(10),
			FunctionResponseTypes: []lambdatypes.FunctionResponseType{lambdatypes.FunctionResponseTypeReportBatchItemFailures},
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) makeQueue(name string, attributes map[string]string) (url string) {
	w.t.Helper()
	made, err := w.sqs.CreateQueue(w.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		w.t.Fatal(err)
	}
	return *made.QueueUrl
}

// order places an order, and returns the call that closes it.
func (w *world) order(number string) json.RawMessage {
	w.t.Helper()
	w.MustAddOrder(paygate.Order{OutTradeNo: number, Total: 100})
	return json.RawMessage(`{"out_trade_no":"` + number + `"}`)
}

// send sends an order as the shop does when it has placed one.
func (w *world) send(closeIn time.Duration, call json.RawMessage) {
	w.t.Helper()
	now := w.Time()
	if err := w.queues.Send(w.t.Context(), now, expire.Order{CloseAt: now.Add(closeIn), Call: call}); err != nil {
		w.t.Fatal(err)
	}
}

// passes moves the clock, and waits until whatever became due is handled, as `cloudpay emulate
// advance` does.
func (w *world) passes(d time.Duration) {
	w.t.Helper()
	w.MustAdvance(d)
	w.clock.Moved()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/v1/timers?wait=1m", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		w.t.Fatalf("waiting for the queues: %s", reply.Status)
	}
}

func (w *world) wantState(number string, want paygate.TradeState) {
	w.t.Helper()
	if got := w.MustOrder(number).State; got != want {
		w.t.Errorf("order %s is %s, want %s", number, got, want)
	}
}

// messages is how many messages a queue has, visible, in flight and delayed.
func (w *world) messages(url string) (count int) {
	w.t.Helper()
	got, err := w.sqs.GetQueueAttributes(w.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range []string{"", "NotVisible", "Delayed"} {
		var n int
		if _, err := fmt.Sscan(got.Attributes["ApproximateNumberOfMessages"+name], &n); err != nil {
			w.t.Fatal(err)
		}
		count += n
	}
	return count
}

// wantMessages wants so many messages in the queues Close, Wait and of dead letters.
func (w *world) wantMessages(closing, waiting, dead int) {
	w.t.Helper()
	got := [...]int{w.messages(w.queues.Close), w.messages(w.queues.Wait), w.messages(w.dead)}
	if want := [...]int{closing, waiting, dead}; got != want {
		w.t.Errorf("got %d messages in the queues Close, Wait and of dead letters, want %d", got, want)
	}
}

// closes is how many closes WeChat Pay was asked for of an order.
func (w *world) closes(number string) (count int) {
	for _, r := range w.Requests() {
		if r.Op == "close" && r.OutTradeNo == number {
			count++
		}
	}
	return count
}

// follow follows the calls from now on, and returns what waits for the next one to end.
func (w *world) follow() (next func()) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/v1/calls/stream", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = reply.Body.Close() })
	lines := bufio.NewScanner(reply.Body)
	return func() {
		w.t.Helper()
		for lines.Scan() {
			if lines.Text() == "event: call" {
				return
			}
		}
		w.t.Fatalf("the calls ended: %v", lines.Err())
	}
}
