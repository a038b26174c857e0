package clients_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	tencenterrors "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	tencenthttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
)

// inGoByTencent calls with Tencent Cloud's SDK for Go, by its client for any service.
func inGoByTencent(t *testing.T, c *cloud, secret string, attempts []attempt) []result {
	t.Helper()
	p := profile.NewClientProfile()
	p.HttpProfile.Endpoint, p.HttpProfile.Scheme = strings.TrimPrefix(c.url, "http://"), "HTTP"
	client := common.NewCommonClient(common.NewCredential(keyID, secret), "ap-guangzhou", p)
	results := make([]result, 0, len(attempts))
	for _, a := range attempts {
		request := tencenthttp.NewCommonRequest("scf", "2018-04-16", "Invoke")
		if err := request.SetActionParameters(map[string]any{"FunctionName": a.Name, "ClientContext": string(a.event(t))}); err != nil {
			t.Fatal(err)
		}
		response := tencenthttp.NewCommonResponse()
		err := client.Send(request, response)
		results = append(results, fromTencent(t, response.GetBody(), err))
	}
	return results
}

// fromTencent reads an answer. A function that failed has no code but SCF's status.
func fromTencent(t *testing.T, body []byte, err error) result {
	t.Helper()
	if refused, is := errors.AsType[*tencenterrors.TencentCloudSDKError](err); is {
		return result{Code: refused.GetCode()}
	}
	if err != nil {
		return result{Code: err.Error()}
	}
	var answer struct {
		Response struct {
			Result struct {
				InvokeResult int
				RetMsg       string
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if answer.Response.Result.InvokeResult == 0 {
		return result{Value: strings.Trim(answer.Response.Result.RetMsg, `"`)}
	}
	var document struct{ StatusCode int }
	_ = json.Unmarshal([]byte(answer.Response.Result.RetMsg), &document) // the code is 0 then
	return result{Code: strconv.Itoa(document.StatusCode)}
}
