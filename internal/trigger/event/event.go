// Package event reads what the platforms send to a function, and writes the replies that each of them wants back. It
// says what an event looks like, and nothing about who sent it: every shape here can be written by a caller too. Whom to
// believe is package trigger's business.
package event

import "cloudpay/internal/bilingual"

// Kind is what brought an event.
type Kind string

// The kinds. A call is whatever none of the others is: the parameters as one JSON object. What is
// foreign is an event of a platform's that says nothing of an order, and always has a Fault.
const (
	Call  Kind = "call"
	Timer Kind = "timer"
	HTTP  Kind = "http"
	Queue Kind = "queue"

	Foreign Kind = "foreign"
)

// Event is one event, read. Of Timer, Request and Messages only the one that belongs to Kind is set.
type Event struct {
	Kind Kind
	// Form is the platform's shape, for the log and for the reply: "call", "scf-timer",
	// "eventbridge", "function-url", "api-gateway", "tcb-http", "web", "aws-http", "aws-rest",
	// "ckafka", "cmq", "tdmq", "sqs", "foreign".
	Form Form
	// Timer is what a timer says.
	Timer TimerTick
	// Request is the HTTP request.
	Request Request
	// Messages are the queue's, in its order; at least one.
	Messages []Message
	// UserInfo says that the event has a key that CloudBase puts into a user's cloud call (userInfo). It can only lower
	// the trust in whoever sent it.
	UserInfo bool
	// HTTPShaped says that the event has a key that HTTP platforms write (requestContext, httpMethod, headers), whatever
	// Kind says. It, too, can only lower trust.
	HTTPShaped bool
}

// Form names a platform's shape of an event.
type Form string

// The forms. All of one Kind are read into the same fields of Event.
const (
	FormCall        Form = "call"         // a cloud call or a direct invoke
	FormSCFTimer    Form = "scf-timer"    // SCF's timer, and an EventBridge rule whose input is written like one
	FormEventBridge Form = "eventbridge"  // an EventBridge rule's or an EventBridge Scheduler's own event
	FormFunctionURL Form = "function-url" // SCF's function URL, and any HTTP event with nothing that tells more
	FormAPIGateway  Form = "api-gateway"  // Tencent's
	FormTCBHTTP     Form = "tcb-http"     // CloudBase's HTTP access service
	FormWeb         Form = "web"          // our own HTTP server, as a web function or in a container
	FormAWSHTTP     Form = "aws-http"     // Lambda's function URL and API Gateway's HTTP API: payload 2.0
	FormAWSREST     Form = "aws-rest"     // API Gateway's REST API: payload 1.0
	FormCKafka      Form = "ckafka"
	FormCMQ         Form = "cmq"
	FormTDMQ        Form = "tdmq"
	FormSQS         Form = "sqs"
	FormForeign     Form = "foreign"
)

// TimerTick is one firing of a timer.
type TimerTick struct {
	Name    string // the trigger's
	Message string // the trigger's own words, set where it was deployed
	Time    string // as the platform gives it
}

// Request is an HTTP request, in one form for all platforms.
type Request struct {
	Method string
	Path   string              // starts with /, without percent escapes
	Query  map[string][]string // all values of each name, of which there is one at least
	Header map[string]string   // names in lower case
	Body   []byte              // decoded if it came in base64; nil when there is none
	// Claims are what AWS's authorizer says of the caller, flattened: name → value. nil where there was none.
	Claims map[string]string
	ID     string // the platform's name for the request, may be empty
	// Relative says that the platform has taken off Path the route that led here.
	Relative bool
}

// Response is what an HTTP caller gets.
type Response struct {
	Status int
	Header map[string]string
	Body   []byte
}

// Message is one message of a queue's batch.
type Message struct {
	// ID is what the queue knows it by: unique in its batch, unless the queue delivered it twice. It begins with # when
	// the record does not say it.
	ID   string
	Body []byte
	// Fault says why the message could not be read out of its record; "" when it could.
	Fault string
}

// Fault says what is wrong with an event, in one line and without a word of what the caller wrote.
type Fault struct {
	Field string         // "event" for the whole of it
	Rule  bilingual.Text // what the field breaks
	// TooLarge says that there is too much of it, rather than that it is wrong (HTTP's 413).
	TooLarge bool
}

// String is the fault in one line.
func (f *Fault) String() string { return f.Field + ": " + f.Rule.EN }
