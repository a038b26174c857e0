package wxcloudrun_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/wire"
)

func TestCloseOrder(t *testing.T) {
	t.Parallel()
	got, err := closeOne(t, responding(http.StatusOK, closeSample, "X-Openapi-Seqid", "seq-1", "Request-Id", "r-1"))
	if err != nil {
		t.Fatal(err)
	}
	want := &wxcloudrun.CloseReply{
		Envelope: wire.Envelope{
			HTTPStatus: 200, RequestID: "seq-1", Nonce: "9uI3AxvJ7GLpGIIX", Signature: "A1826DE9C17DE39BF3B01A521DE6BFE",
		},
		AppID: "wxd2565e6a04246fd1", MchID: "1800780001", SubAppID: "wxd2565e6a04246fd1", SubMchID: subMchID, ReturnMsg: "OK",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCloseReplyOddities(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"the order is named":      with(closeSample, fields{"out_trade_no": orderNo}),
		"result_msg":              with(closeSample, fields{"result_msg": "OK"}),
		"null and empty":          with(closeSample, fields{"out_trade_no": nil, "trade_state": "", "prepay_id": nil, "coupon_id_list": nil}),
		"unknown keys":            with(closeSample, fields{"brand_new": fields{"a": []int{1}}, "Appid2": true, "": "SUCCESS"}),
		"numbers of numbers":      with(closeSample, fields{"sub_mch_id": 1712734762}),
		"errcode as a string":     strings.Replace(closeSample, `"errcode":0`, `"errcode":"0"`, 1),
		"a known key, deeper":     with(closeSample, fields{"extra": fields{"sub_mch_id": "1", "Sub_Mch_Id": "2"}}),
		"a known key, as a value": with(closeSample, fields{"attach": `"sub_mch_id":"1"`}),
	} {
		if _, err := closeOne(t, responding(http.StatusOK, body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCloseIsNotAnotherCall: replies of the link look alike, and a close names no order.
func TestCloseIsNotAnotherCall(t *testing.T) {
	t.Parallel()
	for key, value := range map[string]string{
		"trade_state": "NOTPAY", "trade_type": "JSAPI", "transaction_id": transactionID, "prepay_id": "wx1", "refund_id": "50", "out_refund_no": "R1",
	} {
		_, err := closeOne(t, responding(http.StatusOK, with(closeSample, fields{key: value})))
		got := wantError[*wire.VerifyError](t, err)
		if got.Reason != wire.ReasonMismatch || !strings.Contains(got.Detail, key) {
			t.Errorf("%s: %v, want a mismatch that names it", key, got)
		}
	}
}

// The codes of the documents' table for closing (APIv2's six), each as it comes over the link.
func TestCloseRefusals(t *testing.T) {
	t.Parallel()
	for code, text := range map[string]string{
		"ORDERPAID": "订单已支付", "SYSTEMERROR": "系统错误", "ORDERCLOSED": "订单已关闭",
		"SIGNERROR": "签名错误", "REQUIRE_POST_METHOD": "请使用post方法", "XML_FORMAT_ERROR": "XML格式错误",
	} {
		for call, err := range failures(t, responding(http.StatusOK, refused(code, text), "X-Openapi-Seqid", "seq-1")) {
			got := wantError[*wire.Error](t, err)
			want := &wire.Error{
				Code: code, Message: text, Authenticated: true,
				Envelope: wire.Envelope{
					HTTPStatus: 200, RequestID: "seq-1", Nonce: "9uI3AxvJ7GLpGIIX", Signature: "A1826DE9C17DE39BF3B01A521DE6BFE",
				},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s: %s", call, code, diff)
			}
		}
	}
}
