package platform

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBatch is the most messages in one request; SQS allows 10,000 in a batch.
const maxBatch = 1000

// queue delivers messages to a function as a queue does, and reports which of them would be
// delivered again.
//
//	POST /v1/queues/{name}?form=sqs  {"messages":["{\"out_trade_no\":\"A1\"}",{…}]}
//	  200  {"deliveries":[{"requestId":"…","status":200,"messages":["…"],"again":["…"],…}]}
//
// A message is its body: a string as it is, anything else as JSON text. forms lists the queues.
// TDMQ sends one event a message, the others one event for all messages. A batch whose function
// fails is redelivered as a whole. Of an SQS batch the messages in batchItemFailures are
// redelivered, and all messages when that list is not valid or names an unknown message
// (docs.aws.amazon.com/lambda, "services-sqs-errorhandling"). The emulator itself redelivers
// nothing.
func (c *Cloud) queue(w http.ResponseWriter, r *http.Request, name, id string) {
	function, ok := c.posted(w, r, name, "deliver messages with POST", id)
	if !ok {
		return
	}
	form := r.URL.Query().Get("form")
	eventsOf, ok := forms[form]
	if !ok {
		fail(w, http.StatusBadRequest, codeBadEvent,
			fmt.Sprintf("form: must be one of %s, not %q", strings.Join(slices.Sorted(maps.Keys(forms)), ", "), form), id)
		return
	}
	messages, err := readMessages(w, r)
	if err != nil {
		fail(w, http.StatusBadRequest, codeBadEvent, err.Error(), id)
		return
	}
	deliveries := []queueReport{}
	for _, event := range eventsOf(name, messages, time.Now().UTC()) {
		report, err := c.deliverBatch(r.Context(), function, event, form == "sqs")
		if err != nil {
			failure(Reply{}, err, id).write(w)
			return
		}
		deliveries = append(deliveries, report)
	}
	answerJSON(w, http.StatusOK, map[string]any{"deliveries": deliveries})
}

// queueReport is the result of one event of a queue. Again has the messages that the queue would
// deliver again.
type queueReport struct {
	RequestID string          `json:"requestId"`
	Status    int             `json:"status"`
	Messages  []string        `json:"messages"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     string          `json:"error,omitempty"`
	Again     []string        `json:"again"`
}

// queueEvent is one event of a queue, with the ids of its messages.
type queueEvent struct {
	document map[string]any
	ids      []string
}

// forms maps a queue's name to the events that it makes of messages: SQS
// (docs.aws.amazon.com/lambda, "with-sqs"), CKafka, CMQ and TDMQ (the SCF doc of each trigger).
var forms = map[string]func(source string, messages []string, now time.Time) []queueEvent{
	"sqs":    sqsEvents,
	"ckafka": ckafkaEvents,
	"cmq":    cmqEvents,
	"tdmq":   tdmqEvents,
}

// batch makes one event of all messages. record returns a message's id and its record in the event.
func batch(messages []string, record func(offset int, message string) (id string, place map[string]any)) []queueEvent {
	event := queueEvent{ids: make([]string, 0, len(messages))}
	records := make([]any, 0, len(messages))
	for offset, message := range messages {
		id, place := record(offset, message)
		event.ids, records = append(event.ids, id), append(records, place)
	}
	event.document = map[string]any{"Records": records}
	return []queueEvent{event}
}

// sqsEvents have an id and the body's MD5, which SDKs verify.
func sqsEvents(source string, messages []string, now time.Time) []queueEvent {
	sent := strconv.FormatInt(now.UnixMilli(), 10)
	return batch(messages, func(_ int, message string) (string, map[string]any) {
		id, sum := newRequestID(), md5.Sum([]byte(message))
		return id, map[string]any{
			"messageId": id, "receiptHandle": newRequestID(), "body": message, "md5OfBody": hex.EncodeToString(sum[:]),
			"attributes": map[string]string{
				"ApproximateReceiveCount": "1", "SentTimestamp": sent, "ApproximateFirstReceiveTimestamp": sent,
				"SenderId": "AIDAIENQZJOLO23YVJ4VO",
			},
			"messageAttributes": map[string]any{}, "eventSource": "aws:sqs",
			"eventSourceARN": "arn:aws:sqs:" + lambdaRegion + ":" + lambdaAccount + ":" + source, "awsRegion": lambdaRegion,
		}
	})
}

// ckafkaEvents have no id: an offset in a topic's partition identifies a message.
func ckafkaEvents(source string, messages []string, _ time.Time) []queueEvent {
	return batch(messages, func(offset int, message string) (string, map[string]any) {
		return fmt.Sprintf("%s/0/%d", source, offset), map[string]any{"Ckafka": map[string]any{
			"topic": source, "partition": 0, "offset": offset, "msgKey": "None", "msgBody": message,
		}}
	})
}

func cmqEvents(source string, messages []string, now time.Time) []queueEvent {
	return batch(messages, func(_ int, message string) (string, map[string]any) {
		id := newRequestID()
		return id, map[string]any{"CMQ": map[string]any{
			"type": "topic", "topicOwner": json.Number(accountAppID), "topicName": source, "subscriptionName": source,
			"publishTime": now.Format("2006-01-02T15:04:05.000Z"), "msgId": id, "requestId": id, "msgBody": message, "msgTag": "",
		}}
	})
}

// tdmqEvents are CloudEvents, one a message.
func tdmqEvents(source string, messages []string, now time.Time) []queueEvent {
	events := make([]queueEvent, 0, len(messages))
	for _, message := range messages {
		id := newRequestID()
		events = append(events, queueEvent{ids: []string{id}, document: map[string]any{
			"specversion": "0", "id": id, "type": "connector:tdmq", "source": "tdmq.cloud.tencent",
			"subject": "qcs::tdmq:" + region + ":" + accountUin + ":topicName/" + source,
			"time":    strconv.FormatInt(now.UnixMilli(), 10), "region": region,
			"datacontenttype": "application/json;charset=utf-8",
			"data": map[string]any{
				"topic": "persistent://" + accountAppID + "/" + namespace + "/" + source, "tags": "", "TopicType": 0,
				"subscriptionName": source, "toTimestamp": now.UnixMilli(), "partitions": 0, "msgId": id, "msgBody": message,
			},
		}})
	}
	return events
}

// readMessages parses the request: one message at least, maxBatch at most.
func readMessages(w http.ResponseWriter, r *http.Request) ([]string, error) {
	var request struct {
		Messages []json.RawMessage `json:"messages"`
	}
	if err := readRequest(w, r, maxEnvelope, &request); err != nil {
		return nil, err
	}
	if len(request.Messages) == 0 || len(request.Messages) > maxBatch {
		return nil, fmt.Errorf("messages: give 1 to %d, not %d", maxBatch, len(request.Messages))
	}
	messages := make([]string, 0, len(request.Messages))
	for _, message := range request.Messages {
		var text string
		if err := json.Unmarshal(message, &text); err != nil || string(message) == "null" {
			text = string(message)
		}
		messages = append(messages, text)
	}
	return messages, nil
}

// deliverBatch sends one event. partial means that the function may fail single messages (SQS).
func (c *Cloud) deliverBatch(ctx context.Context, function *Function, event queueEvent, partial bool) (queueReport, error) {
	reply, err := c.run(context.WithoutCancel(ctx), function, Event{Payload: encode(event.document)}, function.Invoke)
	if err != nil {
		return queueReport{}, err
	}
	report := queueReport{RequestID: reply.RequestID, Status: reply.Status, Messages: event.ids, Again: []string{}}
	if json.Valid(reply.Payload) {
		report.Result = reply.Payload
	}
	if failed := reply.Err; failed != nil {
		report.Error, report.Again = failed.Message, event.ids
	} else if partial {
		report.Again = failedItems(reply.Payload, event.ids)
	}
	return report, nil
}

// failedItems returns the messages that the function reports as failed; all of them when the report
// is not valid, as SQS does.
func failedItems(result []byte, ids []string) []string {
	var answer struct {
		Failures []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(result) == 0 || string(result) == "null" {
		return []string{}
	}
	if err := json.Unmarshal(result, &answer); err != nil {
		return ids
	}
	again := []string{}
	for _, failed := range answer.Failures {
		if failed.ID == nil || !slices.Contains(ids, *failed.ID) {
			return ids
		}
		again = append(again, *failed.ID)
	}
	return again
}
