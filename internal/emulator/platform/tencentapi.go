package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxAsync is the most bytes of an asynchronous event (SCF doc 583/11637).
const maxAsync = 128 << 10

// tencentAPI is the part of Tencent Cloud API 3.0 that runs functions (cloud.tencent.com, scf
// 2018-04-16):
//
//	POST /   X-TC-Action: Invoke            {"FunctionName":"queryorder","ClientContext":"{…}",
//	                                         "InvocationType":"Event","LogType":"Tail"}
//	         X-TC-Action: InvokeFunction    {"FunctionName":"queryorder","Event":"{…}"}
//	  200    {"Response":{"Result":{"InvokeResult":0,"RetMsg":"…",…},"RequestId":"…"}}
//	  200    {"Response":{"Error":{"Code":"ResourceNotFound.Function",…},"RequestId":"…"}}
//
// A function that fails is a Result as well, with InvokeResult -1. Namespaces are ignored. Other
// actions, and the older ways to send one (by GET, or as a form), are refused in the same form.
func (c *Cloud) tencentAPI(w http.ResponseWriter, r *http.Request, id string) {
	call := tencentCall{action: r.Header.Get("X-Tc-Action")}
	switch {
	case r.Method != http.MethodPost || call.action == "":
		tencentProtocol(w, id)
		return
	case call.action != "Invoke" && call.action != "InvokeFunction":
		tencentError(w, "InvalidAction", fmt.Sprintf(
			"The request `Action` is invalid or not found: %q is not played, only Invoke and InvokeFunction", call.action), id)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEnvelope))
	if err == nil {
		err = json.Unmarshal(body, &call)
	}
	if err != nil {
		tencentError(w, "InvalidParameter", "reading the request: "+oneLine(err.Error()), id)
		return
	}
	function, code, message := c.tencentFunction(call)
	if code != "" {
		tencentError(w, code, message, id)
		return
	}
	payload, err := checkEvent([]byte(call.event()))
	if err != nil {
		tencentError(w, "InvalidParameterValue", err.Error(), id)
		return
	}
	event := Event{Payload: payload, RequestID: newRequestID()}
	if call.InvocationType == "Event" {
		c.tencentLater(r.Context(), w, function, event, id)
		return
	}
	reply, err := c.run(context.WithoutCancel(r.Context()), function, event, function.Invoke)
	if err != nil {
		tencentError(w, "InternalError", err.Error(), id)
		return
	}
	tencentAnswer(w, "Result", tencentResult(reply, call.LogType == "Tail"), id)
}

// tencentCall is a request to run a function.
type tencentCall struct {
	action string

	FunctionName   string `json:"FunctionName"`
	InvocationType string `json:"InvocationType"`
	Qualifier      string `json:"Qualifier"`
	ClientContext  string `json:"ClientContext"` // of Invoke
	Event          string `json:"Event"`         // of InvokeFunction
	LogType        string `json:"LogType"`
}

// isTencentAPI reports whether a request is meant for Tencent Cloud API 3.0, for any action.
func isTencentAPI(r *http.Request) bool {
	return r.Header.Get("X-Tc-Action") != "" || r.Header.Get("X-Tc-Version") != "" ||
		r.URL.Path == "/" && r.URL.Query().Has("Action")
}

// tencentProtocol refuses a request in another form than that of API 3.0's SDKs.
func tencentProtocol(w http.ResponseWriter, id string) {
	tencentError(w, "UnsupportedProtocol", "only POST of JSON with the header X-TC-Action (TC3-HMAC-SHA256) is played", id)
}

// event is the event for the function; the two actions have it in different fields.
func (c tencentCall) event() string {
	if c.action == "InvokeFunction" {
		return c.Event
	}
	return c.ClientContext
}

// tencentFunction finds the function. code is not empty if it cannot be called in this way.
func (c *Cloud) tencentFunction(call tencentCall) (function *Function, code, message string) {
	function = c.function(call.FunctionName)
	switch {
	case function == nil:
		return nil, "ResourceNotFound.Function", noSuchFunction(call.FunctionName)
	case !isLatest(call.Qualifier):
		return nil, "ResourceNotFound.FunctionVersion", fmt.Sprintf("there is no version %q", call.Qualifier)
	case function.runtime() == Web:
		return nil, "UnsupportedOperation", errWeb.Error()
	case call.InvocationType == "", call.InvocationType == "RequestResponse":
		return function, "", ""
	case call.InvocationType == "Event" && call.action == "Invoke":
		return function, "", ""
	default:
		return nil, "InvalidParameterValue", fmt.Sprintf("InvocationType cannot be %q", call.InvocationType)
	}
}

// tencentLater accepts an asynchronous event.
func (c *Cloud) tencentLater(ctx context.Context, w http.ResponseWriter, function *Function, event Event, id string) {
	if len(event.Payload) > maxAsync {
		tencentError(w, "RequestSizeLimitExceeded", fmt.Sprintf("an asynchronous event has at most %d bytes", maxAsync), id)
		return
	}
	switch err := c.later(ctx, function, event, scfRetries); {
	case err == nil:
		tencentAnswer(w, "Result", map[string]any{"FunctionRequestId": event.RequestID, "InvokeResult": 0, "RetMsg": ""}, id)
	case errors.Is(err, errTooMany):
		tencentError(w, "RequestLimitExceeded", err.Error(), id)
	default:
		tencentError(w, "InternalError", err.Error(), id)
	}
}

// tencentResult is a reply in the API's form.
func tencentResult(reply Reply, withLog bool) map[string]any {
	result := map[string]any{
		"FunctionRequestId": reply.RequestID,
		"InvokeResult":      0,
		"RetMsg":            string(reply.Payload),
		"ErrMsg":            "",
		"Log":               "",
		"Duration":          float64(reply.Duration.Microseconds()) / 1000,
		"BillDuration":      milliseconds(reply.Duration),
		"MemUsage":          reply.record.peak,
	}
	if reply.Err != nil {
		result["InvokeResult"], result["ErrMsg"], result["RetMsg"] = -1, reply.Err.Message, string(reply.errorDocument())
	}
	if withLog {
		result["Log"] = reply.logIn(scfLog)
	}
	return result
}

// tencentError answers a request that has no result.
func tencentError(w http.ResponseWriter, code, message, id string) {
	tencentAnswer(w, "Error", map[string]string{"Code": code, "Message": message}, id)
}

// tencentAnswer wraps every answer of the API.
func tencentAnswer(w http.ResponseWriter, name string, content any, id string) {
	answerJSON(w, http.StatusOK, map[string]any{"Response": map[string]any{name: content, "RequestId": id}})
}
