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

// maxEnvelope is the most bytes of a request that holds an event as a JSON string, in which a byte
// can take several.
const maxEnvelope = 4 * maxPayload

// CloudBase's codes for calls by its server SDKs (docs.cloudbase.net/error-code/basic). They differ
// from those of the HTTP API (functions.go). wx-server-sdk up to version 3 maps INVALID_PARAM to
// errCode -501007, EXCEED_CONCURRENT_REQUEST_LIMIT to -501004, FUNCTIONS_EXECUTE_FAIL to -504002,
// and unknown codes to -501001.
const (
	codeBadParameter = "INVALID_PARAM"
	codeBadAction    = "INVALID_ACTION"
	codeRequestSize  = "EXCEED_REQUEST_SIZE_LIMIT"
	codeExecuteFail  = "FUNCTIONS_EXECUTE_FAIL"
)

// What a caller may say about itself: the chain of sources, and the environment.
var (
	acceptableSource = regexp.MustCompile(`^[A-Za-z0-9_,]{1,128}$`)
	acceptableEnvID  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// sdk is the API of CloudBase's SDKs for servers: @cloudbase/node-sdk, wx-server-sdk and
// tcb-admin-node, and @cloudbase/js-sdk in its mode CLOUD_API. The path does not matter.
//
//	POST /admin?env=env-1    {"action":"functions.invokeFunction","function_name":"queryorder",…}
//	  200                    {"requestId":"…","data":{"response_data":"…"}}
//	  200                    {"code":"FUNCTIONS_…","message":"…","requestId":"…"}
//
// The SDKs read nothing but such an envelope, whatever happened. Calls of wx.openApi and
// wx.wxPayApi, which come as multipart forms, need the exact Content-Type "application/json;
// charset=utf-8" as well. A request without an action and an environment gets a 404 in the same
// form.
//
// The caller is a server that has the account's keys. The invocation's environment has the
// CloudBase environment and, in TCB_SOURCE, the header x-tcb-source, which lists the functions on
// the way here, but no user. X-WX-OPENID makes it a user's call.
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

// invokeFunction is the only action that is emulated.
const invokeFunction = "functions.invokeFunction"

// sdkCall is a call by an SDK.
type sdkCall struct {
	Action       string          `json:"action"`
	FunctionName string          `json:"function_name"`
	RequestData  json.RawMessage `json:"request_data"`
	Qualifier    string          `json:"qualifier"`
}

// readSDKCall parses a call from a JSON body. Of a multipart form or a query only the action is
// read: the SDKs send the emulated one as JSON, and another one is refused by its name.
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

// isTencentForm reports whether a request is of Tencent Cloud's older API, signed before
// TC3-HMAC-SHA256 existed.
func isTencentForm(r *http.Request, body []byte) bool {
	form, err := url.ParseQuery(string(body))
	return r.URL.Path == "/" && err == nil && form.Has("Action") && form.Has("Version")
}

// sdkInvoke calls the function and answers in the envelope.
func (c *Cloud) sdkInvoke(w http.ResponseWriter, r *http.Request, call sdkCall, id string) {
	function := c.function(call.FunctionName)
	if function == nil {
		sdkFail(w, codeNotFound, "FunctionName parameter could not be found: "+noSuchFunction(call.FunctionName), id)
		return
	}
	payload, err := textOf(call.RequestData)
	if err != nil {
		sdkFail(w, codeBadParameter, "request_data: "+err.Error(), id)
		return
	}
	event := Event{Payload: payload, RequestID: id}
	if user := c.user(r); user.isNamed() {
		event.Environment = user.environment(id)
		event.Payload = user.addTo(payload)
	} else {
		event.Environment = c.serverEnvironment(r, id)
	}
	reply, err := c.run(context.WithoutCancel(r.Context()), function, event, function.Invoke)
	if err != nil || reply.Err != nil {
		code, message := sdkFailure(reply, err)
		sdkFail(w, code, message, id)
		return
	}
	sdkAnswer(w, map[string]any{
		"requestId": id, "data": map[string]string{"response_data": string(reply.Payload)},
	})
}

// sdkFailure is how CloudBase's API for server SDKs names a call without a result. A process that
// exits at its start is the function's own fault there.
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
		return codes[reply.Status].sdk, reply.Err.Message
	}
}

// sdkFail answers a call that has no result.
func sdkFail(w http.ResponseWriter, code, message, id string) {
	sdkAnswer(w, map[string]string{"code": code, "message": message, "requestId": id})
}

// sdkAnswer answers any call.
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

// textOf returns the event that a request holds as a string or as JSON. None means {}.
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

// isLatest reports whether a qualifier means the one version that exists.
func isLatest(qualifier string) bool {
	return qualifier == "" || qualifier == version || qualifier == "$DEFAULT"
}
