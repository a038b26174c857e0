package platform_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// tencentResponse is what Tencent Cloud API answers.
type tencentResponse struct {
	Response struct {
		RequestID string `json:"RequestId"`
		Error     struct{ Code, Message string }
		Result    struct {
			FunctionRequestID      string `json:"FunctionRequestId"`
			InvokeResult           int
			RetMsg, ErrMsg, Log    string
			Duration               float64
			BillDuration, MemUsage int64
		}
	}
}

// tencent calls an action.
func (c *cloud) tencent(action string, parameters map[string]string) tencentResponse {
	c.t.Helper()
	body, err := json.Marshal(parameters)
	if err != nil {
		c.t.Fatal(err)
	}
	got := c.send(http.MethodPost, "/", string(body), "X-TC-Action", action, "X-TC-Version", "2018-04-16")
	var response tencentResponse
	wantJSON(c.t, got.body, &response)
	if got.status != http.StatusOK || response.Response.RequestID != got.requestID {
		c.t.Errorf("answer: got %d %s, want 200 with the header's request id %s", got.status, got.body, got.requestID)
	}
	return response
}

func TestTencentAPI(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	got := c.tencent("Invoke", map[string]string{
		"FunctionName": "hello", "ClientContext": `{"Text":"World"}`, "LogType": "Tail", "Namespace": "default",
	}).Response.Result
	if got.InvokeResult != 0 || got.RetMsg != `"Hello World"` || got.ErrMsg != "" || got.BillDuration < 1 || got.Duration <= 0 {
		t.Errorf("Invoke: got %+v, want the result", got)
	}
	if !strings.HasPrefix(got.Log, "START RequestId:"+got.FunctionRequestID) {
		t.Errorf("log: got %q, want the call's", got.Log)
	}
	got = c.tencent("InvokeFunction", map[string]string{"FunctionName": "hello", "Event": `{"Text":"World"}`}).Response.Result
	if got.RetMsg != `"Hello World"` || got.Log != "" {
		t.Errorf("InvokeFunction: got %+v, want the result and no log", got)
	}
	got = c.tencent("Invoke", map[string]string{"FunctionName": "hello", "ClientContext": `{"Do":"fail","Text":"no"}`}).Response.Result
	if got.InvokeResult != -1 || got.ErrMsg != "no" || !strings.Contains(got.RetMsg, `"statusCode":430`) {
		t.Errorf("function error: got %+v, want -1 and the error", got)
	}
	m := openMeeting(t)
	got = c.tencent("Invoke", map[string]string{
		"FunctionName": "hello", "ClientContext": string(m.event().event().Payload), "InvocationType": "Event",
	}).Response.Result
	if got.FunctionRequestID == "" || got.RetMsg != "" {
		t.Errorf("event: got %+v, want its id and no result", got)
	}
	m.await().letGo(t)
}

func TestTencentAPIRefusals(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	type parameters = map[string]string
	cases := map[string]struct {
		action     string
		parameters parameters
		code       string
	}{
		"another action":   {"ListFunctions", parameters{"FunctionName": "hello"}, "InvalidAction"},
		"no such function": {"Invoke", parameters{"FunctionName": "nope"}, "ResourceNotFound.Function"},
		"another version":  {"Invoke", parameters{"FunctionName": "hello", "Qualifier": "7"}, "ResourceNotFound.FunctionVersion"},
		"another type":     {"Invoke", parameters{"FunctionName": "hello", "InvocationType": "Later"}, "InvalidParameterValue"},
		"event, by InvokeFunction": {
			"InvokeFunction", parameters{"FunctionName": "hello", "InvocationType": "Event"}, "InvalidParameterValue",
		},
		"not JSON": {"Invoke", parameters{"FunctionName": "hello", "ClientContext": "{"}, "InvalidParameterValue"},
		"event too large": {
			"Invoke", parameters{"FunctionName": "hello", "InvocationType": "Event", "ClientContext": strings.Repeat("1", 128<<10+1)},
			"RequestSizeLimitExceeded",
		},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			if got := c.tencent(q.action, q.parameters).Response.Error; got.Code != q.code || got.Message == "" {
				t.Errorf("error: got %+v, want %s and a message", got, q.code)
			}
		})
	}
	for _, q := range []struct {
		method, path, body string
		header             []string
	}{
		{http.MethodGet, "/?Action=Invoke&Version=2018-04-16&FunctionName=hello", "", nil},
		{http.MethodPost, "/", "Action=Invoke&Version=2018-04-16&FunctionName=hello", []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{http.MethodGet, "/", "", []string{"X-TC-Action", "Invoke"}},
		{http.MethodPost, "/", "{}", []string{"X-TC-Version", "2018-04-16"}},
	} {
		got := c.send(q.method, q.path, q.body, q.header...)
		if got.status != http.StatusOK || !strings.Contains(got.body, `{"Response":{"Error":{"Code":"UnsupportedProtocol",`) {
			t.Errorf("%s %s: got %d %s, want UnsupportedProtocol", q.method, q.path, got.status, got.body)
		}
	}
	got := c.send(http.MethodPost, "/", "{", "X-TC-Action", "Invoke")
	if !strings.Contains(got.body, `"Code":"InvalidParameter"`) {
		t.Errorf("no JSON: got %s, want InvalidParameter", got.body)
	}
}
