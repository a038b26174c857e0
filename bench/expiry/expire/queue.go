// Package expire has orders closed at their time without a register: by delayed messages of SQS
// (Queues), or by one-shot schedules of EventBridge (Schedules). docs/expiry.md shows it and says
// what either promises. Copy it into the shop's own program.
package expire

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// longestDelay is the longest DelaySeconds of SQS.
const longestDelay = 15 * time.Minute

// Queues are the two queues by their URLs.
type Queues struct {
	Client *sqs.Client
	// Close is the queue of closeorder: a message is the parameters of one call.
	Close string
	// Wait is the queue of orders whose time is more than 15 minutes away. Its consumer sends each
	// message on.
	Wait string
}

// Order is an order that is to be closed, as a message of Wait has it.
type Order struct {
	CloseAt time.Time `json:"closeAt"`
	// Call is what closeorder is called with, such as {"out_trade_no":"A1"}.
	Call json.RawMessage `json:"call"`
}

// Send sends an order to closeorder with the delay that remains, or to Wait if that is longer than
// a message can be delayed. A call that fails may have sent the message all the same: repeat it,
// since an order that is closed twice is closed.
func (q Queues) Send(ctx context.Context, now time.Time, o Order) error {
	queue, body, delay := q.Close, []byte(o.Call), max(o.CloseAt.Sub(now), 0)
	if delay > longestDelay {
		var err error
		if body, err = json.Marshal(o); err != nil {
			return fmt.Errorf("encoding an order: %w", err)
		}
		queue, delay = q.Wait, longestDelay
	}
	whole := (delay + time.Second - 1) / time.Second // never early
	_, err := q.Client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &queue, MessageBody: aws.String(string(body)), DelaySeconds: int32(whole),
	})
	if err != nil {
		return fmt.Errorf("sending an order to be closed: %w", err)
	}
	return nil
}
