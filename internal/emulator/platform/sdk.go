package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
)

// maxEnvelope is how long a request may be that holds an event as a string in JSON, where a byte can take several.
const maxEnvelope = 4 * MaxPayload

// CloudBase's codes for calls by its server SDKs, beside those of functions.go.
const (
	codeBadParameter = "INVALID_PARAM"
	codeBadAction    = "INVALID_ACTION"
)

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
//	  200                    {"code":"FUNCTION_…","message":"…","requestId":"…"}
//
// The SDKs read nothing but such an envelope, whatever happened. What is called by no action and for no environment is
// nobody's call, and gets a 404 in the same shape.
//
// The caller is a server, which has the account's keys: the invocation's environment tells the CloudBase environment and,
// in TCB_SOURCE, what the header x-tcb-source says of the way here, but of no user. X-WX-OPENID makes it a user's call.
func (c *Cloud) sdk(w http.ResponseWriter, r *http.Request, id string) {
	var call struct {
		Action       string          `json:"action"`
		FunctionName string          `json:"function_name"`
		RequestData  json.RawMessage `json:"request_data"`
		Qualifier    string          `json:"qualifier"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEnvelope))
	if err == nil {
		err = json.Unmarshal(body, &call)
	}
	switch {
	case call.Action == "" && !r.URL.Query().Has("env"):
		noSuchPath(w, id)
	case err != nil:
		fail(w, http.StatusOK, codeBadParameter, "reading the request: "+oneLine(err.Error()), id)
	case call.Action != "functions.invokeFunction":
		fail(w, http.StatusOK, codeBadAction, fmt.Sprintf("the action %q is not played, only functions.invokeFunction", call.Action), id)
	case !isLatest(call.Qualifier):
		fail(w, http.StatusOK, "FUNCTION_QUALIFIER_NOT_FOUND", fmt.Sprintf("there is no version %q", call.Qualifier), id)
	default:
		c.sdkInvoke(w, r, call.FunctionName, call.RequestData, id)
	}
}

// sdkInvoke calls the function and answers in the envelope.
func (c *Cloud) sdkInvoke(w http.ResponseWriter, r *http.Request, name string, data json.RawMessage, id string) {
	function, ok := c.Functions[name]
	if !ok {
		fail(w, http.StatusOK, codeNotFound, noSuchFunction(name), id)
		return
	}
	payload, err := textOf(data)
	if err != nil {
		fail(w, http.StatusOK, codeBadEvent, "request_data: "+err.Error(), id)
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
		_, code, message := failure(reply, err)
		fail(w, http.StatusOK, code, message, id)
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{
		"requestId": id, "data": map[string]string{"response_data": string(reply.Payload)},
	})
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
