package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// maxEnvelope is how long a request may be that holds an event as a string in JSON, where a byte can take several.
const maxEnvelope = 4 * maxPayload

// CloudBase's codes for calls by its server SDKs (docs.cloudbase.net/error-code/basic), which are
// not those of the HTTP API (functions.go). wx-server-sdk up to version 3 turns INVALID_PARAM into
// errCode -501007, EXCEED_CONCURRENT_REQUEST_LIMIT into -501004, FUNCTIONS_EXECUTE_FAIL into
// -504002, and any that it does not know into -501001.
const (
	codeBadParameter   = "INVALID_PARAM"
	codeBadAction      = "INVALID_ACTION"
	codeRequestSize    = "EXCEED_REQUEST_SIZE_LIMIT"
	codeConcurrent     = "EXCEED_CONCURRENT_REQUEST_LIMIT"
	codeExecuteFail    = "FUNCTIONS_EXECUTE_FAIL"
	codeFunctionsLimit = "FUNCTIONS_TIME_LIMIT_EXCEEDED"
)

// sdkCodeOfStatus is how the server SDKs' interface names SCF's status codes. Which code
// concurrency has is not documented.
var sdkCodeOfStatus = map[int]string{
	statusRequestTooLarge:  codeRequestSize,
	statusResponseTooLarge: codeExecuteFail,
	StatusUserError:        codeExecuteFail,
	statusConcurrency:      codeConcurrent,
	statusTimeLimit:        codeFunctionsLimit,
	StatusProcessExit:      codeExecuteFail,
}

// What a caller may write of itself: the chain of sources, and the environment.
var (
	acceptableSource = regexp.MustCompile(`^[A-Za-z0-9_,]{1,128}$`)
	acceptableEnvID  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// sdk is what CloudBase's SDKs for servers call: @cloudbase/node-sdk, wx-server-sdk and tcb-admin-node, and
// @cloudbase/js-sdk in its mode CLOUD_API. The path is of no account.
//
//	POST /admin?env=env-1    {"action":"functions.invokeFunction","function_name":"queryorder","request_data":"{…}"}
//	  200                    {"requestId":"…","data":{"response_data":"…"}}
//	  200                    {"code":"FUNCTIONS_…","message":"…","requestId":"…"}
//
// The SDKs read nothing but such an envelope, whatever happened; calls of wx.openApi and
// wx.wxPayApi, which come as multipart forms, read it only under the very Content-Type
// "application/json; charset=utf-8". What is called by no action and for no environment gets a 404
// in the same shape.
//
// The caller is a server, which has the account's keys: the invocation's environment tells the CloudBase environment and,
// in TCB_SOURCE, what the header x-tcb-source says of the way here, but of no user. X-WX-OPENID makes it a user's call.
func (c *Cloud) sdk(w http.ResponseWriter, r *http.Request, id string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEnvelope))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		sdkFail(w, codeRequestSize, fmt.Sprintf("the request has more than %d bytes", tooLarge.Limit), id)
		return
	}
	var call sdkCall
	if err == nil {
		call, err = readSDKCall(r, body)
	}
	switch {
	case call.Action == "" && isTencentForm(r, body):
		tencentProtocol(w, id)
	case call.Action == "" && !r.URL.Query().Has("env"):
		noSuchPath(w, id)
	case err != nil:
		sdkFail(w, codeBadParameter, "reading the request: "+oneLine(err.Error()), id)
	case call.Action != invokeFunction:
		sdkFail(w, codeBadAction, fmt.Sprintf("the action %q is not played, only %s", call.Action, invokeFunction), id)
	case !isLatest(call.Qualifier):
		sdkFail(w, "FUNCTION_QUALIFIER_NOT_FOUND", fmt.Sprintf("there is no version %q", call.Qualifier), id)
	default:
		c.sdkInvoke(w, r, call, id)
	}
}

// invokeFunction is the one action that is played.
const invokeFunction = "functions.invokeFunction"

// sdkCall is a call by an SDK.
type sdkCall struct {
	Action       string          `json:"action"`
	FunctionName string          `json:"function_name"`
	RequestData  json.RawMessage `json:"request_data"`
	Qualifier    string          `json:"qualifier"`
}

// readSDKCall reads a call from a body of JSON. Of a multipart form and of a query only the action
// is read, since the SDKs send the one that is played as JSON.
func readSDKCall(r *http.Request, body []byte) (sdkCall, error) {
	call := sdkCall{Action: r.URL.Query().Get("action")}
	if len(body) == 0 && call.Action != "" {
		return call, nil
	}
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		err = json.Unmarshal(body, &call)
		return call, err
	}
	form, err := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]).ReadForm(maxEnvelope)
	if err != nil {
		return call, err
	}
	defer func() { _ = form.RemoveAll() }() // nothing is in files, as all of it fits
	call.Action = strings.Join(form.Value["action"], "")
	return call, nil
}

// isTencentForm tells whether a request is Tencent Cloud's as it was signed before TC3-HMAC-SHA256.
func isTencentForm(r *http.Request, body []byte) bool {
	form, err := url.ParseQuery(string(body))
	return r.URL.Path == "/" && err == nil && form.Has("Action") && form.Has("Version")
}

// sdkInvoke calls the function and answers in the envelope.
func (c *Cloud) sdkInvoke(w http.ResponseWriter, r *http.Request, call sdkCall, id string) {
	function, ok := c.Functions[call.FunctionName]
	if !ok {
		sdkFail(w, codeNotFound, "FunctionName parameter could not be found: "+noSuchFunction(call.FunctionName), id)
		return
	}
	payload, err := textOf(call.RequestData)
	if err != nil {
		sdkFail(w, codeBadParameter, "request_data: "+err.Error(), id)
		return
	}
	event := Event{Payload: payload, RequestID: id}
	if user := c.user(r); user.openID != "" {
		event.Environment = user.environment(id)
		event.Payload = user.addTo(payload)
	} else {
		event.Environment = c.serverEnvironment(r, id)
	}
	reply, err := function.Invoke(context.WithoutCancel(r.Context()), event)
	if err != nil || reply.Err != nil {
		code, message := sdkFailure(reply, err)
		sdkFail(w, code, message, id)
		return
	}
	sdkAnswer(w, map[string]any{
		"requestId": id, "data": map[string]string{"response_data": string(reply.Payload)},
	})
}

// sdkFailure is how CloudBase names a call without a result to the server SDKs.
func sdkFailure(reply Reply, err error) (code, message string) {
	var ended *exitError
	switch {
	case errors.Is(err, errWeb):
		return codeFunctionType, wrongFunctionType(err)
	case errors.As(err, &ended):
		return codeExecuteFail, err.Error()
	case err != nil:
		return codeSystem, err.Error()
	default:
		return sdkCodeOfStatus[reply.Status], reply.Err.Message
	}
}

// sdkFail answers a call that has no result.
func sdkFail(w http.ResponseWriter, code, message, id string) {
	sdkAnswer(w, map[string]string{"code": code, "message": message, "requestId": id})
}

// sdkAnswer answers a call of whatever outcome.
func sdkAnswer(w http.ResponseWriter, envelope any) {
	answer := jsonResult(http.StatusOK, envelope)
	answer.header.Set("Content-Type", "application/json; charset=utf-8")
	answer.write(w)
}

// serverEnvironment is what CloudBase says about a call that an SDK makes with the account's keys.
func (c *Cloud) serverEnvironment(r *http.Request, id string) map[string]string {
	envID := r.URL.Query().Get("env")
	if !acceptableEnvID.MatchString(envID) {
		envID = c.envID()
	}
	tcb := map[string]string{"TCB_ENV": envID, "TCB_SEQID": id, "TRIGGER_SRC": "tcb"}
	if source := r.Header.Get("X-Tcb-Source"); acceptableSource.MatchString(source) {
		tcb["TCB_SOURCE"] = source
	}
	keys := keyList(tcb)
	tcb["TCB_CONTEXT_KEYS"] = keys
	tcb["SCF_NAMESPACE"] = envID
	return tcb
}

// textOf is an event that a request holds as a string, or as JSON itself; none means {}.
func textOf(data json.RawMessage) ([]byte, error) {
	if len(data) == 0 || string(data) == "null" {
		return []byte("{}"), nil
	}
	if data[0] != '"' {
		return data, nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	return checkEvent([]byte(text))
}

// isLatest tells whether a version is the one that there is.
func isLatest(qualifier string) bool {
	return qualifier == "" || qualifier == version || qualifier == "$DEFAULT"
}
