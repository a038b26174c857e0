// Command forward is the Lambda function behind the queue Wait of docs/expiry.md: it sends each
// order on with what remains of its time.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"cloudpay/bench/expiry/expire"
)

func main() {
	options := sqs.Options{
		Region: os.Getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
	}
	if url := os.Getenv("AWS_ENDPOINT_URL_SQS"); url != "" { // the emulator's
		options.BaseEndpoint = aws.String(url)
	}
	queues := expire.Queues{Client: sqs.New(options), Close: os.Getenv("CLOSE_QUEUE"), Wait: os.Getenv("WAIT_QUEUE")}
	lambda.Start(func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		var failed events.SQSEventResponse
		for _, message := range event.Records {
			if err := sendOn(ctx, queues, message); err != nil {
				fmt.Fprintln(os.Stderr, err)
				failed.BatchItemFailures = append(failed.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
			}
		}
		return failed, nil
	})
}

// sendOn sends one order on, by the queue's clock: the message is deleted only after that. One that
// cannot be read comes again, and goes to the dead-letter queue in the end.
func sendOn(ctx context.Context, queues expire.Queues, message events.SQSMessage) error {
	received, err := strconv.ParseInt(message.Attributes["ApproximateFirstReceiveTimestamp"], 10, 64)
	if err != nil {
		return fmt.Errorf("message %s: %w", message.MessageId, err)
	}
	var order expire.Order
	if err := json.Unmarshal([]byte(message.Body), &order); err != nil || order.CloseAt.IsZero() || len(order.Call) == 0 {
		return fmt.Errorf("message %s is no order that waits", message.MessageId)
	}
	return queues.Send(ctx, time.UnixMilli(received), order)
}
