package sqs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// TargetPrefix begins the header X-Amz-Target of SQS's JSON protocol.
const TargetPrefix = "AmazonSQS."

const (
	maxBody    = 1 << 20 // of a message
	maxRequest = 2 << 20 // a message's bytes may be escaped
	maxDelay   = 15 * time.Minute
	maxHidden  = 12 * time.Hour
	maxTaken   = 10 // messages of one ReceiveMessage

	maxMessages = 100_000 // of a queue; the real one has no such limit
)

// The defaults of a queue (SetQueueAttributes).
const (
	defaultVisibility = 30 * time.Second
	defaultRetention  = 4 * 24 * time.Hour
	minRetention      = time.Minute
	maxRetention      = 14 * 24 * time.Hour
	maxReceives       = 1000
)

// fault is a refusal in SQS's form: __type in the body, and the code of the older query protocol in
// a header.
type fault struct {
	status  int
	kind    string
	query   string
	message string
}

func (f *fault) Error() string { return f.message }

func invalid(format string, args ...any) *fault {
	return &fault{http.StatusBadRequest, "InvalidParameterValueException", "InvalidParameterValue", fmt.Sprintf(format, args...)}
}

func noQueue() *fault {
	return &fault{
		http.StatusBadRequest, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
		"The specified queue does not exist.",
	}
}

// write sends the refusal.
func (f *fault) write(w http.ResponseWriter) {
	sender := ";Sender"
	if f.status >= http.StatusInternalServerError {
		sender = ";Receiver"
	}
	w.Header().Set("X-Amzn-Query-Error", f.query+sender)
	w.Header().Set("X-Amzn-Errortype", f.kind)
	answer(w, f.status, map[string]string{"__type": "com.amazonaws.sqs#" + f.kind, "message": f.message})
}

func answer(w http.ResponseWriter, status int, document any) {
	text, _ := json.Marshal(document) // texts and numbers always encode
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may be gone
}

// request has the members of all requests that are played. Any other is refused by name: a message
// without its attributes would be another message.
type request struct {
	QueueName, QueueURL         string
	Attributes                  map[string]string
	MessageBody                 string
	DelaySeconds                *int
	MaxNumberOfMessages         int
	VisibilityTimeout           *int
	WaitTimeSeconds             int
	ReceiptHandle               string
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
}

// ServeHTTP answers one request of SQS's JSON protocol, by its header X-Amz-Target.
//
//	CreateQueue, GetQueueUrl, GetQueueAttributes, SendMessage, ReceiveMessage, DeleteMessage
//
// Other operations, and FIFO queues, are refused as UnsupportedOperation. ReceiveMessage does not
// wait.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var asked request
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), TargetPrefix)
	serve := map[string]func(request, *http.Request) (any, error){
		"CreateQueue": s.createQueue, "GetQueueUrl": s.queueURL, "GetQueueAttributes": s.attributesOf,
		"SendMessage": s.sendMessage, "ReceiveMessage": s.receiveMessage, "DeleteMessage": s.deleteMessage,
	}[operation]
	if serve == nil {
		unsupported("the operation " + strconv.Quote(operation)).write(w)
		return
	}
	if err := readRequest(w, r, &asked); err != nil {
		unsupported(err.Error()).write(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	result, err := serve(asked, r)
	refused, is := errors.AsType[*fault](err)
	switch {
	case is:
		refused.write(w)
	case err != nil:
		(&fault{http.StatusInternalServerError, "InternalError", "InternalError", err.Error()}).write(w)
	default:
		answer(w, http.StatusOK, result)
	}
}

func unsupported(what string) *fault {
	return &fault{http.StatusBadRequest, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", what + " is not played"}
}

// readRequest reads a request's members.
func readRequest(w http.ResponseWriter, r *http.Request, into any) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return fmt.Errorf("a request that is longer than %d bytes, or cut off,", maxRequest)
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	return nil
}

// of is the queue of a request, by the last part of its URL.
func (s *Service) of(asked request) (*queue, error) {
	if q := s.queues[path.Base(asked.QueueURL)]; q != nil {
		return q, nil
	}
	return nil, noQueue()
}

// queueName matches a name of a standard queue.
var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// createQueue makes a queue. The same name with the same attributes is the same queue.
func (s *Service) createQueue(asked request, r *http.Request) (any, error) {
	if !queueName.MatchString(asked.QueueName) {
		return nil, invalid("the queue's name %.100q has to be 1 to 80 letters, digits, _ and -; a FIFO queue is not played", asked.QueueName)
	}
	q := &queue{Name: asked.QueueName, Visibility: defaultVisibility, Retention: defaultRetention, messages: map[int64]*message{}}
	if err := q.set(asked.Attributes); err != nil {
		return nil, err
	}
	if was := s.queues[q.Name]; was != nil {
		if !was.isLike(q) {
			return nil, &fault{
				http.StatusBadRequest, "QueueNameExists", "QueueAlreadyExists",
				"A queue already exists with the same name and a different value for attributes.",
			}
		}
		return urlOf(r, q.Name), nil
	}
	if q.DeadLetter != "" && s.queues[q.DeadLetter] == nil {
		return nil, invalid("Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.")
	}
	q.number = s.number()
	if err := s.spool.Put(queuesKind, q.number, q); err != nil {
		return nil, fmt.Errorf("keeping the queue: %w", err)
	}
	s.queues[q.Name] = q
	return urlOf(r, q.Name), nil
}

// isLike reports whether two queues have the same attributes.
func (q *queue) isLike(other *queue) bool {
	return q.Delay == other.Delay && q.Visibility == other.Visibility && q.Retention == other.Retention &&
		q.DeadLetter == other.DeadLetter && q.MaxReceive == other.MaxReceive
}

// urlOf is a queue's URL, at the address that the caller has used.
func urlOf(r *http.Request, name string) any {
	return map[string]string{"QueueUrl": "http://" + r.Host + "/" + account + "/" + name}
}

// set sets a queue's attributes.
func (q *queue) set(attributes map[string]string) error {
	for name, text := range attributes {
		var err error
		switch name {
		case "DelaySeconds":
			q.Delay, err = seconds(name, text, 0, maxDelay)
		case "VisibilityTimeout":
			q.Visibility, err = seconds(name, text, 0, maxHidden)
		case "MessageRetentionPeriod":
			q.Retention, err = seconds(name, text, minRetention, maxRetention)
		case "RedrivePolicy":
			err = q.redrive(text)
		default:
			const code = "InvalidAttributeName"
			err = &fault{http.StatusBadRequest, code, code, "the attribute " + strconv.Quote(name) + " is not played"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// redrive reads {"deadLetterTargetArn":"…","maxReceiveCount":3}, whose number may be a string.
func (q *queue) redrive(text string) error {
	var policy struct {
		Target string `json:"deadLetterTargetArn"`
		Max    any    `json:"maxReceiveCount"`
	}
	err := json.Unmarshal([]byte(text), &policy)
	name, isOurs := strings.CutPrefix(policy.Target, arnOf(""))
	most, notNumber := strconv.Atoi(fmt.Sprint(policy.Max))
	if err != nil || !isOurs || notNumber != nil || most < 1 || most > maxReceives {
		return invalid("Value %.200s for parameter RedrivePolicy is invalid: deadLetterTargetArn has to begin with %s, "+
			"and maxReceiveCount to be 1 to %d", text, arnOf(""), maxReceives)
	}
	q.DeadLetter, q.MaxReceive = name, most
	return nil
}

// seconds reads a number of seconds between bounds.
func seconds(name, text string, least, most time.Duration) (time.Duration, error) {
	number, err := strconv.Atoi(text)
	if d := time.Duration(number) * time.Second; err == nil && number >= 0 && number <= int(most/time.Second) && d >= least {
		return d, nil
	}
	return 0, invalid("Value %.40s for parameter %s is invalid. Reason: %s must be >= %d and <= %d.", text, name, name,
		int(least/time.Second), int(most/time.Second))
}

func (s *Service) queueURL(asked request, r *http.Request) (any, error) {
	if s.queues[asked.QueueName] == nil {
		return nil, noQueue()
	}
	return urlOf(r, asked.QueueName), nil
}

// attributesOf answers all attributes, whichever were asked for.
func (s *Service) attributesOf(asked request, _ *http.Request) (any, error) {
	q, err := s.of(asked)
	if err != nil {
		return nil, err
	}
	whole := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	visible, inFlight, delayed := q.count(s.clock.Time())
	attributes := map[string]string{
		"QueueArn": arnOf(q.Name), "DelaySeconds": whole(q.Delay), "VisibilityTimeout": whole(q.Visibility),
		"MessageRetentionPeriod": whole(q.Retention), "ApproximateNumberOfMessages": strconv.Itoa(visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(inFlight), "ApproximateNumberOfMessagesDelayed": strconv.Itoa(delayed),
	}
	if q.DeadLetter != "" {
		policy, _ := json.Marshal(map[string]any{ // texts and numbers always encode
			"deadLetterTargetArn": arnOf(q.DeadLetter), "maxReceiveCount": q.MaxReceive,
		})
		attributes["RedrivePolicy"] = string(policy)
	}
	return map[string]any{"Attributes": attributes}, nil
}

func (s *Service) sendMessage(asked request, _ *http.Request) (any, error) {
	q, err := s.of(asked)
	if err != nil {
		return nil, err
	}
	delay := q.Delay
	if asked.DelaySeconds != nil {
		if delay, err = seconds("DelaySeconds", strconv.Itoa(*asked.DelaySeconds), 0, maxDelay); err != nil {
			return nil, err
		}
	}
	if asked.MessageBody == "" || len(asked.MessageBody) > maxBody {
		return nil, invalid("the message's body has to have 1 to %d bytes", maxBody)
	}
	if len(q.messages) >= maxMessages {
		return nil, &fault{http.StatusForbidden, "OverLimit", "OverLimit", fmt.Sprintf("the emulated queue has %d messages", maxMessages)}
	}
	m, err := s.send(q, asked.MessageBody, delay)
	if err != nil {
		return nil, err
	}
	return map[string]string{"MessageId": m.ID, "MD5OfMessageBody": m.sum()}, nil
}

func (s *Service) receiveMessage(asked request, _ *http.Request) (any, error) {
	q, err := s.of(asked)
	if err != nil {
		return nil, err
	}
	visibility, most := q.Visibility, asked.MaxNumberOfMessages
	if asked.VisibilityTimeout != nil {
		if visibility, err = seconds("VisibilityTimeout", strconv.Itoa(*asked.VisibilityTimeout), 0, maxHidden); err != nil {
			return nil, err
		}
	}
	if most == 0 {
		most = 1
	}
	if most < 0 || most > maxTaken {
		return nil, invalid("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and %d.", most, maxTaken)
	}
	messages := []map[string]any{}
	for _, m := range s.receive(q, most, visibility) {
		messages = append(messages, map[string]any{
			"MessageId": m.ID, "ReceiptHandle": m.Receipt, "MD5OfBody": m.sum(), "Body": m.Body, "Attributes": m.attributes(),
		})
	}
	return map[string]any{"Messages": messages}, nil
}

// deleteMessage deletes a message that was received. A handle that a later receive has replaced
// deletes nothing.
func (s *Service) deleteMessage(asked request, _ *http.Request) (any, error) {
	q, err := s.of(asked)
	if err != nil {
		return nil, err
	}
	if m := q.byReceipt(asked.ReceiptHandle); m != nil {
		s.remove(q, m)
	}
	return map[string]any{}, nil
}

// Send sends a message to the queue with an ARN, as another service of the account does. It returns
// false if there is no such queue, or the message cannot be kept.
func (s *Service) Send(arn, body string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[strings.TrimPrefix(arn, arnOf(""))]
	if q == nil {
		return false
	}
	_, err := s.send(q, body, q.Delay)
	return err == nil
}
