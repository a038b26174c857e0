package calls

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"cloudpay/internal/emulator/desk"
)

// read takes the function's answer out of what the cloud's interface has around it.
func (c *Checked) read(response *http.Response) (Answer, error) {
	body, _ := io.ReadAll(response.Body) // from memory
	var failed bool
	switch {
	case c.trigger.isRequest(c.on):
		if !isPlatforms(response.StatusCode, body) {
			return Answer{Status: response.StatusCode, Body: body}, nil
		}
		failed = true
	case c.trigger.name == serverSDK:
		body, failed = fromSDK(body)
	case c.trigger.name == scfAPI:
		body, failed = fromSCF(body)
	case c.trigger.name == lambdaAPI:
		failed = response.Header.Get("X-Amz-Function-Error") != ""
	}
	if !failed && response.StatusCode == http.StatusOK {
		return Answer{Body: body}, nil
	}
	status := strings.TrimSpace(fmt.Sprintf("%d %s", response.StatusCode, http.StatusText(response.StatusCode)))
	return Answer{}, &desk.NoAnswerError{Function: c.Function, Status: status, Body: strings.TrimSpace(string(body))}
}

// fromSDK reads the envelope of CloudBase's server SDKs. Without a result the whole of it is
// returned, which says why.
func fromSDK(envelope []byte) (answer []byte, failed bool) {
	var e struct {
		Data *struct {
			Response string `json:"response_data"`
		} `json:"data"`
	}
	if err := json.Unmarshal(envelope, &e); err != nil || e.Data == nil {
		return envelope, true
	}
	return []byte(e.Data.Response), false
}

// fromSCF reads the envelope of the Tencent Cloud API, likewise.
func fromSCF(envelope []byte) (answer []byte, failed bool) {
	var e struct {
		Response struct {
			Result *struct {
				Failed  int    `json:"InvokeResult"`
				Message string `json:"RetMsg"`
			} `json:"Result"`
		} `json:"Response"`
	}
	if err := json.Unmarshal(envelope, &e); err != nil || e.Response.Result == nil || e.Response.Result.Failed != 0 {
		return envelope, true
	}
	return []byte(e.Response.Result.Message), false
}

// isPlatforms reports whether an answer to a request is the platform's own, in place of the
// function's. Over HTTP nothing but its form tells: CloudBase's refusal, SCF's document of an
// error, API Gateway's message.
func isPlatforms(status int, body []byte) bool {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || status < http.StatusBadRequest {
		return false
	}
	names := slices.Sorted(maps.Keys(members))
	for _, form := range [][]string{
		{"code", "message", "requestId"},
		{"errorCode", "errorMessage", "requestId", "stackTrace", "statusCode"},
		{"message"},
	} {
		if slices.Equal(names, form) {
			return true
		}
	}
	return false
}
