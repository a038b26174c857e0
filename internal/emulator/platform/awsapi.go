package platform

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
)

// maxAsyncOfLambda is the most bytes an asynchronous event may have (docs.aws.amazon.com/lambda,
// "gettingstarted-limits").
const maxAsyncOfLambda = 1 << 20

// maxClientContext is the most characters of the client context's header ("API_Invoke": 3,583 bytes
// of base64).
const maxClientContext = 3583

// lambdaName matches a function as Invoke names it: its name, its partial ARN or its full ARN, each
// with or without a version.
var lambdaName = regexp.MustCompile(
	`^(?:(?:arn:aws:lambda:[a-z0-9-]+:)?\d{12}:function:)?([A-Za-z0-9_-]{1,64})(?::([A-Za-z0-9$_-]{1,128}))?$`)

// awsAPI is AWS Lambda's Invoke (docs.aws.amazon.com/lambda, "API_Invoke"), version 2015-03-31:
//
//	POST /2015-03-31/functions/{name}/invocations?Qualifier=$LATEST
//	  200  the result, with X-Amz-Executed-Version, and X-Amz-Log-Result for X-Amz-Log-Type: Tail
//	  200  {"errorMessage":…,"errorType":…} with X-Amz-Function-Error: the function failed
//	  202  X-Amz-Invocation-Type: Event: the event is accepted, its result is dropped (retry.go)
//	  204  X-Amz-Invocation-Type: DryRun: it would be called
//	  400, 404, 413, 429, 500  {"Type":"User","Message":…} with X-Amzn-ErrorType
//
// Other operations of AWS, by path, by X-Amz-Target or by signature, are answered with 404 and
// UnknownOperationException. These answers do not depend on the runtime: a Go1 function that runs
// into its time limit does so in Lambda's words here.
//
// The header X-Cloudpay-Cognito-Identity, which is ours, gives the caller a Cognito identity.
func (c *Cloud) awsAPI(w http.ResponseWriter, r *http.Request, rest, id string) {
	name, isInvoke := strings.CutSuffix(rest, "/invocations")
	if !isInvoke || r.Method != http.MethodPost {
		awsUnknown(w, r, id)
		return
	}
	w.Header().Set("X-Amzn-Requestid", id)
	function, fault := c.awsFunction(name, r.URL.Query().Get("Qualifier"))
	if fault != nil {
		fault.write(w)
		return
	}
	event, fault := awsEvent(w, r, id)
	if fault != nil {
		fault.write(w)
		return
	}
	w.Header().Set("X-Amz-Executed-Version", version)
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
		reply, err := c.run(context.WithoutCancel(r.Context()), function, event, function.Invoke)
		awsReply(w, reply, err, r.Header.Get("X-Amz-Log-Type") == "Tail")
	case "Event":
		c.awsLater(r.Context(), w, function, event)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		fault = &awsRefusal{http.StatusBadRequest, "InvalidParameterValueException", fmt.Sprintf("the invocation type cannot be %q", kind)}
		fault.write(w)
	}
}

// datedPath matches the beginning of a path of AWS's REST APIs: the date of the API's version.
var datedPath = regexp.MustCompile(`^/\d{4}-\d{2}-\d{2}(/|$)`)

// isAWS reports whether a request is meant for AWS, for any operation: by its path, by the header
// of the JSON protocols, or by a signature of version 4.
func isAWS(r *http.Request) bool {
	return datedPath.MatchString(r.URL.Path) || r.Header.Get("X-Amz-Target") != "" ||
		strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
}

// awsUnknown refuses an operation of AWS that is not emulated.
func awsUnknown(w http.ResponseWriter, r *http.Request, id string) {
	(&awsRefusal{http.StatusNotFound, "UnknownOperationException", fmt.Sprintf(
		"%s %s is not played, only POST /2015-03-31/functions/{name}/invocations (Invoke)", r.Method, oneLine(r.URL.Path),
	)}).writeTo(w, r, id)
}

// writeTo sends a refusal that any service of AWS may send. SDKs of the REST and JSON protocols
// read the kind of error from the header or from __type, those of the older query protocol from a
// code in XML.
func (f *awsRefusal) writeTo(w http.ResponseWriter, r *http.Request, id string) {
	w.Header().Set("X-Amzn-Requestid", id)
	w.Header().Set("X-Amzn-Errortype", f.kind)
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // none means no form
	if media != "application/x-www-form-urlencoded" {
		answerJSON(w, f.status, map[string]string{"__type": f.kind, "Type": "User", "Message": f.message})
		return
	}
	document, _ := xml.Marshal(struct { // strings always encode
		XMLName   xml.Name `xml:"ErrorResponse"`
		Type      string   `xml:"Error>Type"`
		Code      string   `xml:"Error>Code"`
		Message   string   `xml:"Error>Message"`
		RequestID string   `xml:"RequestId"`
	}{Type: "Sender", Code: f.kind, Message: f.message, RequestID: id})
	typed(f.status, "text/xml", document).write(w)
}

// awsRefusal is Lambda's own error for a request that runs no function.
type awsRefusal struct {
	status        int
	kind, message string
}

// write sends the refusal. Type says whose fault it is, by the status: the SDKs retry a
// ServiceException.
func (f *awsRefusal) write(w http.ResponseWriter) {
	fault := "User"
	if f.status >= http.StatusInternalServerError {
		fault = "Service"
	}
	w.Header().Set("X-Amzn-Errortype", f.kind)
	answerJSON(w, f.status, map[string]string{"Type": fault, "Message": f.message})
}

// awsFunction finds the function that name and qualifier mean. A version may stand in either; both
// must agree, and $LATEST is the only one there is.
func (c *Cloud) awsFunction(name, qualifier string) (*Function, *awsRefusal) {
	parts := lambdaName.FindStringSubmatch(name)
	if parts == nil {
		return nil, &awsRefusal{http.StatusBadRequest, "ValidationException", fmt.Sprintf("%q is no function's name or ARN", name)}
	}
	if parts[2] != "" && qualifier != "" && parts[2] != qualifier {
		return nil, &awsRefusal{http.StatusBadRequest, "InvalidParameterValueException",
			"The derived qualifier from the function name does not match the specified qualifier."}
	}
	if parts[2] != "" {
		qualifier = parts[2]
	}
	function := c.function(parts[1])
	if function == nil || qualifier != "" && qualifier != version {
		arn := functionARN(parts[1])
		if qualifier != "" {
			arn += ":" + qualifier
		}
		return nil, &awsRefusal{http.StatusNotFound, "ResourceNotFoundException", "Function not found: " + arn}
	}
	if function.runtime() == Web {
		return nil, &awsRefusal{http.StatusBadRequest, "InvalidParameterValueException", errWeb.Error()}
	}
	return function, nil
}

// awsEvent reads the event and its client context. An asynchronous event has a lower limit.
func awsEvent(w http.ResponseWriter, r *http.Request, id string) (Event, *awsRefusal) {
	limit := int64(maxPayload)
	if r.Header.Get("X-Amz-Invocation-Type") == "Event" {
		limit = maxAsyncOfLambda
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return Event{}, &awsRefusal{http.StatusRequestEntityTooLarge, "RequestTooLargeException",
			fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", limit)}
	case err != nil:
		return Event{}, &awsRefusal{http.StatusBadRequest, "InvalidRequestContentException", "the request broke off"}
	}
	if payload, err = checkEvent(payload); err != nil {
		return Event{}, &awsRefusal{http.StatusBadRequest, "InvalidRequestContentException",
			"Could not parse request body into json: " + err.Error()}
	}
	event := Event{Payload: payload, RequestID: id, Cognito: r.Header.Get("X-Cloudpay-Cognito-Identity")}
	if given := r.Header.Get("X-Amz-Client-Context"); given != "" {
		text, err := base64.StdEncoding.DecodeString(given)
		var compact bytes.Buffer
		if err == nil {
			err = json.Compact(&compact, text)
		}
		if err != nil || len(given) > maxClientContext || compact.Bytes()[0] != '{' {
			return Event{}, &awsRefusal{http.StatusBadRequest, "InvalidRequestContentException",
				"Client context must be a valid Base64-encoded JSON object."}
		}
		event.ClientContext = compact.Bytes()
	}
	return event, nil
}

// awsLater accepts an asynchronous event.
func (c *Cloud) awsLater(ctx context.Context, w http.ResponseWriter, function *Function, event Event) {
	switch err := c.later(ctx, function, event, lambdaRetries); {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case errors.Is(err, errTooMany):
		awsBusy(w)
	default:
		awsNotStarted(w, err)
	}
}

// awsReply answers a synchronous call. A function that fails is a 200 with X-Amz-Function-Error, as
// on AWS.
func awsReply(w http.ResponseWriter, reply Reply, err error, withLog bool) {
	if err != nil {
		awsNotStarted(w, err)
		return
	}
	if reply.Status == statusConcurrency {
		awsBusy(w)
		return
	}
	if withLog {
		w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte(reply.logIn(lambdaLog))))
	}
	if reply.Err != nil {
		awsFunctionError(w, reply.lambdaDocument())
		return
	}
	typed(http.StatusOK, jsonType, reply.Payload).write(w)
}

// awsNotStarted answers when no process had the event. If the process exited or reported an error
// at its start, the function is at fault: the answer is the same as for an error while it handled
// the event.
func awsNotStarted(w http.ResponseWriter, err error) {
	var ended *exitError
	var gaveUp *initError
	id := w.Header().Get("X-Amzn-Requestid")
	switch {
	case errors.As(err, &ended):
		awsFunctionError(w, encode(lambdaError{lambdaExit, aboutRequest(id, exitWords(ended.state)), nil}))
	case errors.As(err, &gaveUp):
		awsFunctionError(w, Reply{RequestID: id, Status: statusUserError, Err: gaveUp.posted}.lambdaDocument())
	default:
		(&awsRefusal{http.StatusInternalServerError, "ServiceException", err.Error()}).write(w)
	}
}

// awsFunctionError answers for a function that failed.
func awsFunctionError(w http.ResponseWriter, document []byte) {
	w.Header().Set("X-Amz-Function-Error", "Unhandled")
	typed(http.StatusOK, jsonType, document).write(w)
}

// Lambda's own types of error, for a function that gave none.
const (
	lambdaTimeout  = "Sandbox.Timedout"
	lambdaExit     = "Runtime.ExitError"
	lambdaTooLarge = "Function.ResponseSizeTooLarge"
)

// lambdaError is the document that Lambda returns instead of a result.
type lambdaError struct {
	Type       string   `json:"errorType,omitempty"`
	Message    string   `json:"errorMessage"`
	StackTrace []string `json:"stackTrace,omitempty"`
}

// lambdaDocument returns the document for a failed invocation: the one that the function posted, or
// Lambda's own if the function posted none.
//
// Until 2024 a timeout had no errorType and read "2024-03-04T17:22:38.033Z {id} Task timed out
// after 3.00 seconds".
func (r Reply) lambdaDocument() []byte {
	switch {
	case r.Err.document != nil:
		return r.Err.document
	case r.Status == statusTimeLimit:
		words := fmt.Sprintf("Task timed out after %.2f seconds", r.record.limit.Seconds())
		return encode(lambdaError{lambdaTimeout, aboutRequest(r.RequestID, words), nil})
	case r.Status == statusProcessExit:
		return encode(lambdaError{lambdaExit, aboutRequest(r.RequestID, exitWords(r.record.exit)), nil})
	case r.Status == statusResponseTooLarge:
		words := fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxPayload)
		return encode(lambdaError{lambdaTooLarge, words, nil})
	default:
		return encode(lambdaError{r.Err.Type, r.Err.Message, r.Err.StackTrace})
	}
}

// aboutRequest words what Lambda itself reports about an invocation.
func aboutRequest(id, words string) string { return "RequestId: " + id + " Error: " + words }

// exitWords describes how a process ended. state is os.ProcessState's, such as "exit status 2" or
// "signal: killed"; a clean exit before the answer is an error as well.
func exitWords(state string) string {
	if state == "exit status 0" {
		return "Runtime exited without providing a reason"
	}
	return "Runtime exited with error: " + state
}

// awsBusy throttles a request: all instances of the function are busy, or too many asynchronous
// events are in flight. The SDKs retry it.
func awsBusy(w http.ResponseWriter) {
	w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
	answerJSON(w, http.StatusTooManyRequests, map[string]string{
		"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded.",
	})
}
