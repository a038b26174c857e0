// Package event reads what the platforms send to a function, and writes the replies that each of them wants back. It
// says what an event looks like, and nothing about who sent it: every shape here can be written by a caller too. Whom to
// believe is package trigger's business.
package event

// Kind is what brought an event.
type Kind string

// The kinds. A call is whatever none of the others is: the parameters as one JSON object.
const (
	Call  Kind = "call"
	Timer Kind = "timer"
	HTTP  Kind = "http"
	Queue Kind = "queue"
)

// Event is one event, read. Of Timer, Request and Messages only the one that belongs to Kind is set.
type Event struct {
	Kind Kind
	// Form is the platform's shape, for the log and for the reply: "call", "scf-timer", "eventbridge", "function-url",
	// "api-gateway", "tcb-http", "aws-http", "aws-rest", "ckafka", "cmq", "tdmq", "sqs".
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

// TimerTick is one firing of a timer.
type TimerTick struct {
	Name    string // the trigger's
	Message string // the trigger's own words, set where it was deployed
	Time    string // as the platform gives it
}

// Request is an HTTP request, in one form for all platforms.
type Request struct {
	Method string
	Path   string            // starts with /
	Query  map[string]string // first value of each name
	Header map[string]string // names in lower case
	Body   []byte            // decoded if it came in base64
	// Claims are what a platform's authorizer says of the caller, flattened: name → value.
	Claims map[string]string
	ID     string // the platform's name for the request, may be empty
}

// Response is what an HTTP caller gets.
type Response struct {
	Status int
	Header map[string]string
	Body   []byte
}

// Message is one message of a queue's batch.
type Message struct {
	// ID is what the queue knows it by, unique in its batch.
	ID   string
	Body []byte
	// Fault says why the message could not be read out of its record; "" when it could.
	Fault string
}
