package platform

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// What Lambda says about the account and the function. The account's number is that of AWS's own
// samples.
const (
	lambdaRegion  = "us-east-1"
	lambdaAccount = "123456789012"
)

// lambda is the Runtime API, version 2018-06-01 (docs.aws.amazon.com/lambda, "runtimes-api"):
//
//	GET  /2018-06-01/runtime/invocation/next             waits for the next event
//	POST /2018-06-01/runtime/invocation/{id}/response    the result of the event
//	POST /2018-06-01/runtime/invocation/{id}/error       {"errorMessage":…,"errorType":…}
//	POST /2018-06-01/runtime/init/error                  the process cannot start
//
// A post is answered with 202. A post about an event that the process does not have, or has
// answered already, gets a 400, and a result of more than 6 MB a 413.
type lambda struct {
	*polled

	spec Spec
}

// newLambda opens the API for one process that is yet to start.
func newLambda(ctx context.Context, spec Spec) (*lambda, error) {
	p, err := newPolled(ctx)
	if err != nil {
		return nil, err
	}
	l := &lambda{polled: p, spec: spec}
	const root = "/2018-06-01/runtime"
	api := http.NewServeMux()
	api.HandleFunc("GET "+root+"/invocation/next", l.next)
	api.HandleFunc("POST "+root+"/invocation/{id}/response", l.response)
	api.HandleFunc("POST "+root+"/invocation/{id}/error", l.failure)
	api.HandleFunc("POST "+root+"/init/error", l.initError)
	p.serve(api)
	return l, nil
}

// variables are those that Lambda sets and a function cannot change.
func (l *lambda) variables() []string {
	return []string{
		"AWS_DEFAULT_REGION=" + lambdaRegion,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(l.spec.MemoryMB),
		"AWS_LAMBDA_FUNCTION_NAME=" + l.spec.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=" + version,
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + l.spec.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + time.Now().UTC().Format("2006/01/02") + "/[" + version + "]" + newRequestID(),
		"AWS_LAMBDA_RUNTIME_API=" + l.address().String(),
		"AWS_REGION=" + lambdaRegion,
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"LAMBDA_TASK_ROOT=" + l.spec.Folder,
		"_HANDLER=bootstrap",
	}
}

// connect waits for the first poll, which ends the start of a Lambda function.
func (l *lambda) connect(ctx context.Context, i *instance) error {
	return l.await(ctx, i, "GET /2018-06-01/runtime/invocation/next on "+l.address().String())
}

// invoke delivers the event. The client context and the identity go in headers, as on AWS.
func (l *lambda) invoke(i *instance, c call) (*answer, error) {
	header := http.Header{
		"Lambda-Runtime-Aws-Request-Id":       {c.RequestID},
		"Lambda-Runtime-Deadline-Ms":          {strconv.FormatInt(c.deadline.UnixMilli(), 10)},
		"Lambda-Runtime-Invoked-Function-Arn": {functionARN(l.spec.Name)},
		"Lambda-Runtime-Trace-Id":             {newTraceID(time.Now())},
	}
	if len(c.ClientContext) > 0 {
		header.Set("Lambda-Runtime-Client-Context", string(c.ClientContext))
	}
	if c.Cognito != "" {
		header.Set("Lambda-Runtime-Cognito-Identity", string(encode(map[string]string{
			"cognitoIdentityId": c.Cognito, "cognitoIdentityPoolId": lambdaRegion + ":" + newRequestID(),
		})))
	}
	return l.deliver(i, &delivery{id: c.RequestID, header: header, payload: c.Payload, answer: make(chan *answer, 1)})
}

// next answers a poll; the first one reports that the process is ready.
func (l *lambda) next(w http.ResponseWriter, r *http.Request) {
	l.report(nil)
	l.polled.next(w, r)
}

// response takes a result. The process has answered even if the result is too large to pass on.
func (l *lambda) response(w http.ResponseWriter, r *http.Request) {
	a := readAnswer(r.Body)
	switch {
	case a == nil:
		runtimeFault(w, http.StatusBadRequest, "InvalidRequest", "the result broke off")
	case !l.finish(r.PathValue("id"), a):
		runtimeFault(w, http.StatusBadRequest, "InvalidRequestID", "the process does not have this event, or has answered it")
	case a.size > maxPayload:
		runtimeFault(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the result is over 6 MB")
	default:
		accept(w)
	}
}

// failure takes an error in place of a result.
func (l *lambda) failure(w http.ResponseWriter, r *http.Request) {
	a := readAnswer(r.Body)
	switch {
	case a == nil:
		runtimeFault(w, http.StatusBadRequest, "InvalidRequest", "the error broke off")
	case !l.finish(r.PathValue("id"), &answer{err: postedError(a.payload)}):
		runtimeFault(w, http.StatusBadRequest, "InvalidRequestID", "the process does not have this event, or has answered it")
	default:
		accept(w)
	}
}

// initError takes the error of a process that cannot start. The process exits by itself.
func (l *lambda) initError(w http.ResponseWriter, r *http.Request) {
	if a := readAnswer(r.Body); a != nil {
		l.report(&initError{postedError(a.payload)})
	}
	accept(w)
}

// initError is the error that a process posted at its start.
type initError struct{ posted *FunctionError }

func (e *initError) Error() string { return oneLine(e.posted.Message) }

// postedError parses an error in the form that runtimes post. Anything else becomes the message.
func postedError(document []byte) *FunctionError {
	var posted struct {
		Message string            `json:"errorMessage"`
		Type    string            `json:"errorType"`
		Stack   []json.RawMessage `json:"stackTrace"`
	}
	if err := json.Unmarshal(document, &posted); err != nil {
		return &FunctionError{Message: string(document)}
	}
	stack := make([]string, 0, len(posted.Stack))
	for _, text := range posted.Stack {
		stack = append(stack, stackFrameOf(text))
	}
	return &FunctionError{Message: posted.Message, Type: posted.Type, StackTrace: stack, document: document}
}

// stackFrameOf parses a line of a stack trace: an object in Go, a string in other languages.
func stackFrameOf(text json.RawMessage) string {
	var line string
	if err := json.Unmarshal(text, &line); err == nil {
		return line
	}
	var frame struct {
		Path  string `json:"path"`
		Line  int    `json:"line"`
		Label string `json:"label"`
	}
	if err := json.Unmarshal(text, &frame); err != nil {
		return string(text)
	}
	return fmt.Sprintf("%s:%d %s", frame.Path, frame.Line, frame.Label)
}

// accept answers a post with 202.
func accept(w http.ResponseWriter) {
	answerJSON(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

// runtimeFault refuses a post.
func runtimeFault(w http.ResponseWriter, status int, kind, message string) {
	answerJSON(w, status, map[string]string{"errorType": kind, "errorMessage": message})
}

// functionARN is a function's full name on AWS.
func functionARN(name string) string {
	return "arn:aws:lambda:" + lambdaRegion + ":" + lambdaAccount + ":function:" + name
}

// newTraceID makes an X-Ray trace id of a trace that is not sampled.
func newTraceID(now time.Time) string {
	var id [20]byte
	_, _ = rand.Read(id[:]) // never fails, says its documentation
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", now.Unix(), id[:12], id[12:])
}
