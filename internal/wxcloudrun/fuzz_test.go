package wxcloudrun_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"cloudpay/pkg/wire"
)

// FuzzReply hands the client any reply at all. What succeeds must say so to a plain reader of the
// same JSON, one that minds capitals; everything else is one of the three errors, in one line.
func FuzzReply(f *testing.F) {
	for _, body := range []string{
		closeSample, querySample, refused("ORDERPAID", "订单已支付"), with(querySample, fields{"total_fee": "1"}),
		with(querySample, fields{"coupon_id_list": []any{"1"}, "coupon_fee_list": []any{"2", 3}}),
		`{"errcode":-1,"errmsg":"system error"}`, `{"errcode":0,"respdata":{"return_code":"FAIL"}}`, "<html>", "", "null", `{"errcode":0`,
	} {
		f.Add(200, []byte(body))
	}
	f.Add(502, []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		c := responding(status, string(body))
		closed, err := closeOne(t, c)
		checkFuzzed(t, err)
		if err == nil {
			checkSuccess(t, status, body)
			if closed.SubMchID != subMchID {
				t.Errorf("a close about merchant %q succeeded: %q", closed.SubMchID, body)
			}
		}
		queried, err := queryOne(t, c)
		checkFuzzed(t, err)
		if err == nil {
			checkSuccess(t, status, body)
			if queried.OutTradeNo != orderNo || queried.SubMchID != subMchID || queried.TradeState == "" || queried.TotalFee != nil && *queried.TotalFee < 0 {
				t.Errorf("a query answered with %q succeeded: %+v", body, queried)
			}
		}
	})
}

func checkSuccess(t *testing.T, status int, body []byte) {
	t.Helper()
	var reply map[string]any
	if err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), &reply); err != nil || status != http.StatusOK {
		t.Fatalf("HTTP %d %q succeeded", status, body)
	}
	respdata, _ := reply["respdata"].(map[string]any)
	if respdata["return_code"] != "SUCCESS" || respdata["result_code"] != "SUCCESS" {
		t.Errorf("%q succeeded", body)
	}
}

func checkFuzzed(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	_, refusal := errors.AsType[*wire.Error](err)
	_, disbelieved := errors.AsType[*wire.VerifyError](err)
	_, malformed := errors.AsType[*wire.MalformedError](err)
	if !refusal && !disbelieved && !malformed && !strings.Contains(err.Error(), "Location header") {
		t.Errorf("error is %v (%T), want one of the package's", err, err)
	}
	checkLine(t, err.Error())
}
