// Package event decodes what the platforms send to a function, and encodes the replies that each of
// them expects. It tells what an event is, and nothing about its sender: a caller can write every
// shape here too. Package trigger decides what to believe.
//
// All events are JSON objects. What tells them apart are keys that only one platform writes:
//
//	form          marks                                 read from it
//	aws-http      version "2.0", requestContext.http    rawPath, rawQueryString, headers, body
//	api-gateway   httpMethod, requestContext.serviceId  path, queryString, headers, body
//	tcb-http      httpMethod, requestContext.envId      path, queryStringParameters, headers, body
//	aws-rest      httpMethod, requestContext.apiId      path, multiValue…, body
//	function-url  httpMethod                            path, queryString, headers, body
//	scf-timer     Type "Timer", TriggerName             TriggerName, Time, Message
//	eventbridge   detail-type "Scheduled Event"         time, resources
//	ckafka        Records[].Ckafka                      topic, partition, offset, msgBody
//	cmq           Records[].CMQ                         msgId, msgBody
//	tdmq          specversion, type "connector:tdmq…"   id, data.msgBody
//	sqs           Records[].eventSource "aws:sqs"       messageId, body
//	foreign       another service's (COS, S3, SNS, …)   nothing
//	call          none of these                         nothing: the object is the parameters
//
// A request to our own HTTP server is no event: hosting passes it on as a [hosting.Request], which
// is also what every HTTP event is decoded into, and [FromRequest] makes it an Event of the form
// web.
//
// Some HTTP events have the marks of two HTTP forms, and the first in the table wins. An event with
// the marks of two triggers is refused, and so is a key that comes twice: of two values it could
// not be said which counts. Numbers, names and depth are bounded, and what is read is copied only
// where it has escapes, so that an attacker's event costs no more than its bytes.
package event

import (
	"cloudpay/internal/bilingual"
	"cloudpay/internal/hosting"
)

// Kind is the kind of trigger that an event came from.
type Kind string

const (
	// Call is a cloud call or a direct invoke: the event is the parameters, one JSON object. Every
	// event that no other kind fits is a Call.
	Call  Kind = "call"
	Timer Kind = "timer"
	HTTP  Kind = "http"
	Queue Kind = "queue"
	// Foreign is an event of a service that says nothing of an order. It always has a Fault.
	Foreign Kind = "foreign"
)

// Event is one decoded event. Of Timer, Request and Messages only the one of its Kind is set.
type Event struct {
	Kind Kind
	// Form is the platform's shape, for the log: see the table above.
	Form string
	// Timer is what a timer sent.
	Timer TimerTick
	// Request is the HTTP request.
	Request hosting.Request
	// Messages are the queue's, in its order; at least one.
	Messages []Message
	// UserInfo reports that the event has the key that CloudBase puts into a user's cloud call
	// (userInfo). It only ever lowers the trust in the caller.
	UserInfo bool
	// HTTPShaped reports that the event has a key that HTTP platforms write (requestContext,
	// httpMethod, headers), whatever Kind is. It, too, only ever lowers trust.
	HTTPShaped bool
}

// The forms. All of one Kind are decoded into the same fields of Event.
const (
	formCall        = "call"
	formSCFTimer    = "scf-timer"    // SCF's timer, or an EventBridge rule with an input like one
	formEventBridge = "eventbridge"  // an EventBridge rule's or EventBridge Scheduler's own event
	formFunctionURL = "function-url" // SCF's function URL, or an HTTP event without other marks
	formAPIGateway  = "api-gateway"  // Tencent's
	formTCBHTTP     = "tcb-http"     // CloudBase's HTTP access service
	formWeb         = "web"          // our own HTTP server: a web function or a container
	formAWSHTTP     = "aws-http"     // Lambda's function URL or an HTTP API: payload 2.0
	formAWSREST     = "aws-rest"     // a REST API: payload 1.0
	formCKafka      = "ckafka"
	formCMQ         = "cmq"
	formTDMQ        = "tdmq"
	formSQS         = "sqs"
	formForeign     = "foreign"
)

// TimerTick is one firing of a timer.
type TimerTick struct {
	Name    string // the trigger's
	Message string // the trigger's argument, set where it was deployed
	Time    string // as the platform writes it
}

// Message is one message of a queue's batch.
type Message struct {
	// ID is the queue's name for the message: unique in its batch, unless the queue delivered it
	// twice. It begins with # when the record has none.
	ID   string
	Body []byte
	// Fault is why the message could not be read from its record; "" when it could.
	Fault string
}

// Fault is what is wrong with an event, in one line and without a word of what the caller wrote.
type Fault struct {
	Field string         // "event" for the whole of it
	Rule  bilingual.Text // the rule that the field breaks
	// TooLarge reports that there is too much of it, rather than that it is wrong (HTTP's 413).
	TooLarge bool
}

// String is the fault in one line.
func (f *Fault) String() string { return f.Field + ": " + f.Rule.EN }
