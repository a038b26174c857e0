package wxcloudrun_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/pkg/wire"
)

// TestHints: refusals that WeChat Pay itself did not utter, or that nothing ties to it. None may be
// authenticated, whatever it says of the order.
func TestHints(t *testing.T) {
	t.Parallel()
	paid := refused("ORDERPAID", "订单已支付")
	for name, test := range map[string]struct {
		status int
		body   string
		want   wire.Error
	}{
		"errcode": {200, `{"errcode":45105,"errmsg":"invalid content type"}`, wire.Error{Code: "45105", Message: "invalid content type"}},
		"errcode, negative, as a string": {
			200, `{"errcode":"-601001","errmsg":"system error"}`, wire.Error{Code: "-601001", Message: "system error"},
		},
		"errcode beside a result": {
			200, strings.Replace(paid, `"errcode":0`, `"errcode":-1`, 1), wire.Error{Code: "-1", Message: "ok"},
		},
		"errcode not quite 0": {200, strings.Replace(closeSample, `"errcode":0`, `"errcode":0.0`, 1), wire.Error{Code: "0.0", Message: "ok"}},
		"return_code FAIL": {
			200, `{"errcode":0,"errmsg":"ok","respdata":{"return_code":"FAIL","return_msg":"参数格式校验错误"}}`,
			wire.Error{Message: "参数格式校验错误"},
		},
		"return_code FAIL with a code": {
			200, with(paid, fields{"return_code": "FAIL", "return_msg": "签名错误"}), wire.Error{Message: "签名错误"},
		},
		"a status of its own":      {502, "", wire.Error{}},
		"HTML":                     {404, "<html>", wire.Error{}},
		"a status with an errcode": {403, `{"errcode":85107,"errmsg":"URL不在白名单内"}`, wire.Error{Code: "85107", Message: "URL不在白名单内"}},
		"a status with a success":  {500, closeSample, wire.Error{Message: "ok"}},
		"another success":          {201, closeSample, wire.Error{Message: "ok"}},
		"no content":               {204, "", wire.Error{}},
		"a status with a refusal":  {500, paid, wire.Error{Message: "ok"}},
		"a status, unreadable":     {500, strings.Replace(paid, `"errcode"`, `"Errcode"`, 1), wire.Error{}},
	} {
		for call, err := range failures(t, responding(test.status, test.body, "X-Openapi-Seqid", "seq-1")) {
			test.want.Envelope = wire.Envelope{HTTPStatus: test.status, RequestID: "seq-1"}
			if diff := cmp.Diff(&test.want, wantError[*wire.Error](t, err)); diff != "" {
				t.Errorf("%s, %s: %s", name, call, diff)
			}
		}
	}
}

// TestOutsideTheLink: a refusal outside the link has a remark on that; a refusal by WeChat Pay has
// none.
func TestOutsideTheLink(t *testing.T) {
	t.Parallel()
	const remark = "without x-openapi-seqid"
	for body, want := range map[string]bool{
		`{"errcode":41001,"errmsg":"access_token missing"}`: true,
		refused("ORDERPAID", "订单已支付"):                       false,
		`{"errcode":0,"respdata":{"return_code":"FAIL"}}`:   false,
	} {
		_, err := closeOne(t, responding(http.StatusOK, body))
		if got := wantError[*wire.Error](t, err); strings.Contains(got.Error(), remark) != want {
			t.Errorf("%s: %v, want the remark: %t", body, got, want)
		}
	}
	_, err := closeOne(t, responding(http.StatusNotFound, ""))
	if got := wantError[*wire.Error](t, err); !strings.Contains(got.Detail, remark) {
		t.Errorf("an empty 404: %v, want the remark", got)
	}
}

// TestCloseEcho: a close names no order as a rule. When it does, it must be the one.
func TestCloseEcho(t *testing.T) {
	t.Parallel()
	for says, changes := range map[string]fields{
		"sub_mch_id is 1,":     {"sub_mch_id": "1"},
		"no sub_mch_id":        {"sub_mch_id": ""},
		"out_trade_no is A2,":  {"out_trade_no": "A2"},
		`sub_mch_id is "1\n`:   {"sub_mch_id": "1\n2"},
		"out_trade_no is \"AA": {"out_trade_no": strings.Repeat("A", 100)},
	} {
		for _, result := range []string{"SUCCESS", "FAIL", "what?"} {
			changes["result_code"] = result
			_, err := closeOne(t, responding(http.StatusOK, with(closeSample, changes)))
			if got := wantError[*wire.VerifyError](t, err); !strings.Contains(got.Detail, says) {
				t.Errorf("%v: %v, want %q in it", changes, got, says)
			}
		}
	}
}
