package wxcloudrun_test

import (
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/wxcloudrun"
)

// TestUnreadable: what is not the dialect, whichever call it answers.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for says, bodies := range map[string][]string{
		"HTML page":                   {"<html><body>502</body></html>", " \r\n<!DOCTYPE html>", "<HEAD>", "<body>"},
		"it is empty":                 {"", " \n\t"},
		"not JSON":                    {closeSample[:100], closeSample + "}", "ok", `{"errcode":0`, "\xff", `{"errcode":01}`, strings.Repeat("[", 100_000)},
		"not an object":               {"[]", `"ok"`, "0", "null", "true"},
		"no errcode":                  {"{}", `{"errcode":null,"respdata":{}}`, `{"errcode":"","respdata":{}}`, `{"errmsg":"ok"}`, `{"ErrCode2":0}`},
		"no respdata":                 {`{"errcode":0,"errmsg":"ok"}`, `{"errcode":0,"respdata":null}`},
		"respdata: it is JSON":        {`{"errcode":0,"respdata":[]}`, `{"errcode":0,"respdata":"{}"}`, `{"errcode":0,"respdata":1}`},
		"errcode is neither":          {`{"errcode":{},"respdata":{}}`, `{"errcode":false}`, `{"errcode":[0]}`},
		"errmsg is neither":           {`{"errcode":0,"errmsg":{},"respdata":{}}`},
		"return_code is neither SUCC": {`{"errcode":0,"respdata":{}}`, with(closeSample, fields{"return_code": "success"}), with(closeSample, fields{"return_code": nil})},
		"result_code is neither SUCC": {with(closeSample, fields{"result_code": missing}), with(closeSample, fields{"result_code": "OK"})},
		"err_code is neither a":       {with(closeSample, fields{"result_code": "FAIL", "err_code": fields{}})},
		"sub_mch_id is neither a":     {with(closeSample, fields{"sub_mch_id": []string{subMchID}}), with(closeSample, fields{"sub_mch_id": true})},
		"coupon_id_list is not":       {with(closeSample, fields{"coupon_id_list": fields{}}), with(closeSample, fields{"coupon_id_list": "1"})},
		"element of coupon_type_list": {with(closeSample, fields{"coupon_type_list": []any{[]any{}}})},
		"coupon_fee_list is not a":    {with(closeSample, fields{"coupon_fee_list": []any{1.5}}), with(closeSample, fields{"coupon_fee_list": []any{"x"}})},
	} {
		for _, body := range bodies {
			for call, err := range failures(t, responding(http.StatusOK, body, "X-Openapi-Seqid", "seq-1")) {
				got := wantError[*wxcloudrun.MalformedError](t, err)
				if !strings.Contains(got.Detail, says) || got.HTTPStatus != 200 || got.RequestID != "seq-1" {
					t.Errorf("%s answered with %.80q: %+v, want it to say %q", call, body, got, says)
				}
			}
		}
	}
}

// TestAmbiguousKeys: decoders differ in which of two they take, and in whether they mind capitals.
func TestAmbiguousKeys(t *testing.T) {
	t.Parallel()
	twice := func(sample, key, second string) string {
		return strings.Replace(sample, `"`+key+`":`, second+`,"`+key+`":`, 1)
	}
	for name, test := range map[string]struct{ body, key string }{
		"errcode twice":              {twice(closeSample, "errcode", `"errcode":1`), "errcode"},
		"errcode in capitals":        {strings.Replace(closeSample, "errcode", "errCode", 1), "errcode"},
		"respdata twice":             {twice(closeSample, "respdata", `"respdata":{}`), "respdata"},
		"respdata in capitals":       {twice(closeSample, "respdata", `"RespData":{}`), "respdata"},
		"result_code twice":          {twice(closeSample, "result_code", `"result_code":"FAIL"`), "result_code"},
		"twice the same":             {twice(closeSample, "result_code", `"result_code":"SUCCESS"`), "result_code"},
		"twice, one null":            {twice(closeSample, "result_code", `"result_code":null`), "result_code"},
		"in capitals beside":         {twice(closeSample, "sub_mch_id", `"Sub_Mch_Id":"1"`), "sub_mch_id"},
		"only in capitals":           {strings.Replace(closeSample, `"sign"`, `"SIGN"`, 1), "sign"},
		"escaped":                    {twice(closeSample, "sub_mch_id", `"sub\u005fmch_id":"1"`), "sub_mch_id"},
		"a letter that folds into s": {twice(closeSample, "sub_mch_id", `"ſub_mch_id":"1"`), "sub_mch_id"},
		"err_code in capitals":       {twice(closeSample, "result_code", `"ERR_CODE":"ORDERPAID"`), "err_code"},
		"trade_state twice":          {twice(twice(closeSample, "result_code", `"trade_state":"NOTPAY"`), "result_code", `"trade_state":"CLOSED"`), "trade_state"},
		"out_trade_no in capitals":   {twice(closeSample, "result_code", `"Out_trade_no":"A1"`), "out_trade_no"},
		"total_fee twice":            {twice(closeSample, "result_code", `"total_fee":1,"total_fee":2`), "total_fee"},
		"a list twice":               {twice(closeSample, "result_code", `"coupon_id_list":[],"coupon_id_list":[]`), "coupon_id_list"},
	} {
		for call, err := range failures(t, responding(http.StatusOK, test.body)) {
			got := wantError[*wxcloudrun.MalformedError](t, err)
			if !strings.Contains(got.Detail, "it gives "+test.key+" more than once or as") {
				t.Errorf("%s, %s: %v, want it to name %s", name, call, got, test.key)
			}
		}
	}
}

func TestBadValuesOfAQuery(t *testing.T) {
	t.Parallel()
	for key, values := range map[string][]any{
		"total_fee":            {"-1", -1, 1.5, "1.0", 1e30, "9223372036854775808", "1 ", "+1", "一", "0x1"},
		"settlement_total_fee": {"x"},
		"cash_fee":             {"x"},
		"coupon_fee":           {"x"},
		"coupon_count":         {"x"},
		"time_end":             {"2022-03-21", "20220321135131.5", 202203, "20221321135131", "20220321135131Z"},
	} {
		for _, value := range values {
			_, err := queryOne(t, responding(http.StatusOK, with(querySample, fields{key: value})))
			if got := wantError[*wxcloudrun.MalformedError](t, err); !strings.HasPrefix(got.Detail, key+" is not a") {
				t.Errorf("%s %v: %v, want it to name the key", key, value, got)
			}
		}
	}
}

func TestLargestAmount(t *testing.T) {
	t.Parallel()
	body := strings.Replace(querySample, `"total_fee":1`, `"total_fee":9223372036854775807`, 1)
	got, err := queryOne(t, responding(http.StatusOK, body))
	if err != nil {
		t.Fatal(err)
	}
	if got.TotalFee != 9223372036854775807 {
		t.Errorf("TotalFee %d: it went through a float", got.TotalFee)
	}
}
