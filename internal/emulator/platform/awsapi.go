package platform

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// maxAsyncOfLambda is the most bytes of an event whose caller does not wait (docs.aws.amazon.com/lambda, "gettingstarted-limits").
const maxAsyncOfLambda = 1 << 20

// maxClientContext is how long its header may be ("API_Invoke": 3,583 bytes of base64).
const maxClientContext = 3583

// lambdaName is a function as Invoke names it: by its name, its partial or its full ARN, each with a version or without.
var lambdaName = regexp.MustCompile(
	`^(?:(?:arn:aws:lambda:[a-z0-9-]+:)?\d{12}:function:)?([A-Za-z0-9_-]{1,64})(?::([A-Za-z0-9$_-]{1,128}))?$`)

// awsAPI is AWS Lambda's Invoke (docs.aws.amazon.com/lambda, "API_Invoke"), version 2015-03-31:
//
//	POST /2015-03-31/functions/{name}/invocations?Qualifier=$LATEST
//	  200  the result, with X-Amz-Executed-Version, and with X-Amz-Log-Result when X-Amz-Log-Type was Tail
//	  200  {"errorMessage":…,"errorType":…} with X-Amz-Function-Error: the function failed, whyever
//	  202  X-Amz-Invocation-Type: Event: nobody waits for the result
//	  204  X-Amz-Invocation-Type: DryRun: it would be called
//	  400, 404, 413, 429, 500  {"Type":"User","Message":…} with X-Amzn-ErrorType
//
// The header X-Cloudpay-Cognito-Identity, which is ours, makes the caller one who came through a Cognito identity pool.
func (c *Cloud) awsAPI(w http.ResponseWriter, r *http.Request, rest, id string) {
	w.Header().Set("X-Amzn-Requestid", id)
	name, isInvoke := strings.CutSuffix(rest, "/invocations")
	if !isInvoke || r.Method != http.MethodPost {
		awsFault(w, http.StatusNotFound, "UnknownOperationException", "only POST /2015-03-31/functions/{name}/invocations is played")
		return
	}
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
		reply, err := function.Invoke(context.WithoutCancel(r.Context()), event)
		awsReply(w, reply, err, r.Header.Get("X-Amz-Log-Type") == "Tail")
	case "Event":
		c.awsLater(r.Context(), w, function, event)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		awsFault(w, http.StatusBadRequest, "InvalidParameterValueException", fmt.Sprintf("the invocation type cannot be %q", kind))
	}
}

// awsRefusal is a request that Invoke does not take.
type awsRefusal struct {
	status        int
	kind, message string
}

func (f *awsRefusal) write(w http.ResponseWriter) { awsFault(w, f.status, f.kind, f.message) }

// awsFunction finds the function.
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
	function, ok := c.Functions[parts[1]]
	if !ok || qualifier != "" && qualifier != version {
		arn := functionARN(parts[1])
		if qualifier != "" {
			arn += ":" + qualifier
		}
		return nil, &awsRefusal{http.StatusNotFound, "ResourceNotFoundException", "Function not found: " + arn}
	}
	if function.spec.Runtime == Web {
		return nil, &awsRefusal{http.StatusBadRequest, "InvalidParameterValueException", ErrWeb.Error()}
	}
	return function, nil
}

// awsEvent reads the request.
func awsEvent(w http.ResponseWriter, r *http.Request, id string) (Event, *awsRefusal) {
	limit := int64(MaxPayload)
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

// awsLater runs a function whose caller does not wait.
func (c *Cloud) awsLater(ctx context.Context, w http.ResponseWriter, function *Function, event Event) {
	if !c.later(ctx, function, event) {
		awsBusy(w)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// awsReply answers a caller who waited.
func awsReply(w http.ResponseWriter, reply Reply, err error, withLog bool) {
	if err != nil {
		awsFault(w, http.StatusInternalServerError, "ServiceException", err.Error())
		return
	}
	if reply.Status == StatusConcurrency {
		awsBusy(w)
		return
	}
	if withLog {
		w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte(reply.Log)))
	}
	w.Header().Set("Content-Type", "application/json")
	body := reply.Payload
	if reply.Err != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		body = reply.lambdaDocument()
	}
	_, _ = w.Write(body) //nolint:gosec // a function's own JSON; and the caller may have gone
}

// lambdaDocument is what Lambda shows a caller instead of a result: what the function posted, or what Lambda says of it.
func (r Reply) lambdaDocument() []byte {
	if r.Err.document != nil {
		return r.Err.document
	}
	kind := map[int]string{
		StatusTimeLimit: "Sandbox.Timedout", StatusProcessExit: "Runtime.ExitError", StatusResponseTooLarge: "Function.ResponseSizeTooLarge",
	}[r.Status]
	document := map[string]any{"errorMessage": r.Err.Message, "errorType": r.Err.Type}
	if kind != "" {
		document = map[string]any{"errorMessage": "RequestId: " + r.RequestID + " Error: " + r.Err.Message, "errorType": kind}
	}
	if len(r.Err.StackTrace) > 0 {
		document["stackTrace"] = r.Err.StackTrace
	}
	text, err := json.Marshal(document)
	if err != nil {
		return []byte("{}") // strings can always be marshalled
	}
	return text
}

// awsFault refuses a request.
func awsFault(w http.ResponseWriter, status int, kind, message string) {
	who := "User"
	if status >= http.StatusInternalServerError {
		who = "Service"
	}
	w.Header().Set("X-Amzn-Errortype", kind)
	answerJSON(w, status, map[string]string{"Type": who, "Message": message})
}

// awsBusy refuses a request for now.
func awsBusy(w http.ResponseWriter) {
	w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
	answerJSON(w, http.StatusTooManyRequests, map[string]string{
		"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded.",
	})
}
