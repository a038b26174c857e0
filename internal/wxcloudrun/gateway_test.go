package wxcloudrun_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"testing"

	"cloudpay/internal/wxcloudrun"
)

// The samples of the documents (wxcloudrun/src/development/pay/order/close and query), and what
// they are about.
const (
	orderNo       = "2021WERUN1647840687637"
	subMchID      = "1712734762"
	transactionID = "4204860361200001213072203688"

	closeSample = `{
"errcode":0,
"errmsg":"ok",
"respdata":{
"return_code":"SUCCESS",
"return_msg":"OK",
"appid":"wxd2565e6a04246fd1",
"mch_id":"1800780001",
"sub_appid":"wxd2565e6a04246fd1",
"sub_mch_id":"1712734762",
"nonce_str":"9uI3AxvJ7GLpGIIX",
"sign":"A1826DE9C17DE39BF3B01A521DE6BFE",
"result_code":"SUCCESS"
}
}`

	querySample = `{
"errcode":0,
"errmsg":"ok",
"respdata":{
"return_code":"SUCCESS",
"return_msg":"OK",
"appid":"wxd2565e6a04246fd1",
"mch_id":"1800780001",
"sub_appid":"wxd2565e6a04246fd1",
"sub_mch_id":"1712734762",
"nonce_str":"C5h9TIF57KyXXr3M",
"sign":"99C4B35B4DE79AD46B9F6F541F3EF586",
"result_code":"SUCCESS",
"openid":"oPoIm-roYxAo441g3WD3D_6I-4bE",
"is_subscribe":"N",
"sub_openid":"oCKlip5njeZWaC4oeOVEoXi1TTsk",
"trade_type":"JSAPI",
"trade_state":"SUCCESS",
"bank_type":"OTHERS",
"total_fee":1,
"fee_type":"CNY",
"cash_fee":1,
"cash_fee_type":"CNY",
"coupon_id_list":[],
"coupon_type_list":[],
"coupon_fee_list":[],
"transaction_id":"4204860361200001213072203688",
"out_trade_no":"2021WERUN1647840687637","attach":"",
"time_end":"20220321135131",
"trade_state_desc":"测试微信支付"
}
}`
)

// fields are changes to an object; missing takes a key out.
type fields = map[string]any

type gone struct{}

var missing = gone{}

// with returns a sample with some of its respdata replaced, added or taken out.
func with(sample string, changes fields) string {
	var reply struct {
		Errcode  int    `json:"errcode"`
		Errmsg   string `json:"errmsg"`
		Respdata fields `json:"respdata"`
	}
	if err := json.Unmarshal([]byte(sample), &reply); err != nil {
		panic(err)
	}
	maps.Copy(reply.Respdata, changes)
	maps.DeleteFunc(reply.Respdata, func(_ string, value any) bool { return value == missing })
	body, err := json.Marshal(reply)
	if err != nil {
		panic(err)
	}
	return string(body)
}

// refused is a close or a query that WeChat Pay refused.
func refused(code, text string) string {
	return with(closeSample, fields{"result_code": "FAIL", "err_code": code, "err_code_des": text})
}

// roundTrip is a link made of one function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func respond(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(bytes.NewReader([]byte(body))),
	}
}

func client(link roundTrip) *wxcloudrun.Client {
	return &wxcloudrun.Client{HTTPClient: &http.Client{Transport: link}}
}

// responding returns a client whose link answers with status, header (pairs) and body.
func responding(status int, body string, header ...string) *wxcloudrun.Client {
	return client(func(*http.Request) (*http.Response, error) {
		resp := respond(status, body)
		for i := 0; i+1 < len(header); i += 2 {
			resp.Header.Set(header[i], header[i+1])
		}
		return resp, nil
	})
}

func closeOne(t *testing.T, c *wxcloudrun.Client) (*wxcloudrun.CloseReply, error) {
	t.Helper()
	return c.CloseOrder(t.Context(), wxcloudrun.Request{OutTradeNo: orderNo, SubMchID: subMchID})
}

func queryOne(t *testing.T, c *wxcloudrun.Client) (*wxcloudrun.QueryReply, error) {
	t.Helper()
	return c.QueryOrder(t.Context(), wxcloudrun.Request{OutTradeNo: orderNo, SubMchID: subMchID})
}

// failures are the errors of closing and querying where both are answered alike.
func failures(t *testing.T, c *wxcloudrun.Client) map[string]error {
	t.Helper()
	_, closing := closeOne(t, c)
	_, querying := queryOne(t, c)
	return map[string]error{"close": closing, "query": querying}
}

func wantError[E error](t *testing.T, err error) E {
	t.Helper()
	found, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("error %v, want a %T", err, found)
	}
	return found
}
