package wxcloudrun_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/wire"
)

// TestUnreadable: what is not the dialect, whichever call it answers.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for says, bodies := range map[string][]string{
		"HTML page":                   {"<html><body>502</body></html>", " \r\n<!DOCTYPE html>", "<HEAD>", "<body>"},
		"it is empty":                 {"", " \n\t", "\ufeff"},
		"not JSON":                    {closeSample[:100], closeSample + "}", "ok", `{"errcode":0`, "\xff", `{"errcode":01}`, strings.Repeat("[", 100_000), "\ufeff\ufeff" + closeSample},
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
	} {
		for _, body := range bodies {
			for call, err := range failures(t, responding(http.StatusOK, body, "X-Openapi-Seqid", "seq-1")) {
				got := wantError[*wire.MalformedError](t, err)
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
			got := wantError[*wire.MalformedError](t, err)
			if !strings.Contains(got.Detail, "it gives "+test.key+" more than once or as") {
				t.Errorf("%s, %s: %v, want it to name %s", name, call, got, test.key)
			}
		}
	}
}

func TestBadValuesOfAQuery(t *testing.T) {
	t.Parallel()
	for key, values := range map[string][]any{
		"total_fee": {"-1", -1, 1.5, "1.0", 1e30, "9223372036854775808", "1 ", "+1", "一", "0x1"},
		"cash_fee":  {"x"},
	} {
		for _, value := range values {
			_, err := queryOne(t, responding(http.StatusOK, with(querySample, fields{key: value})))
			if got := wantError[*wire.MalformedError](t, err); !strings.HasPrefix(got.Detail, key+" is not a") {
				t.Errorf("%s %v: %v, want it to name the key", key, value, got)
			}
		}
	}
}

// TestUnreadableInformationIsLeftOut: what only informs and cannot be read costs itself, not the
// state.
func TestUnreadableInformationIsLeftOut(t *testing.T) {
	t.Parallel()
	full := fields{
		"settlement_total_fee": 1, "coupon_fee": 1, "coupon_count": 1, "device_info": "d", "attach": "a", "sub_is_subscribe": "N",
		"coupon_id_list": []any{"1", "2"}, "coupon_type_list": []any{"CASH", "CASH"}, "coupon_fee_list": []any{1, 2},
	}
	whole, err := queryOne(t, responding(http.StatusOK, with(querySample, full)))
	if err != nil || len(whole.Unread) != 0 {
		t.Fatalf("got %+v (%v)", whole, err)
	}
	for key, test := range map[string]struct {
		values []any
		clear  func(*wxcloudrun.Transaction)
	}{
		"settlement_total_fee": {[]any{"x", "0.30", fields{}}, func(t *wxcloudrun.Transaction) { t.SettlementTotalFee = nil }},
		"coupon_fee":           {[]any{"x", 0.3}, func(t *wxcloudrun.Transaction) { t.CouponFee = nil }},
		"coupon_count":         {[]any{"x", true}, func(t *wxcloudrun.Transaction) { t.CouponCount = nil }},
		"time_end": {
			[]any{"2022-03-21", "20220321135131.5", 202203, "20221321135131", "20220321135131Z", []any{}},
			func(t *wxcloudrun.Transaction) { t.TimeEnd = time.Time{} },
		},
		"trade_type":       {[]any{fields{}}, func(t *wxcloudrun.Transaction) { t.TradeType = "" }},
		"trade_state_desc": {[]any{fields{}}, func(t *wxcloudrun.Transaction) { t.TradeStateDesc = "" }},
		"bank_type":        {[]any{false}, func(t *wxcloudrun.Transaction) { t.BankType = "" }},
		"openid":           {[]any{fields{}}, func(t *wxcloudrun.Transaction) { t.OpenID = "" }},
		"is_subscribe":     {[]any{false}, func(t *wxcloudrun.Transaction) { t.IsSubscribe = "" }},
		"sub_openid":       {[]any{fields{}}, func(t *wxcloudrun.Transaction) { t.SubOpenID = "" }},
		"sub_is_subscribe": {[]any{false}, func(t *wxcloudrun.Transaction) { t.SubIsSubscribe = "" }},
		"device_info":      {[]any{fields{}}, func(t *wxcloudrun.Transaction) { t.DeviceInfo = "" }},
		"attach":           {[]any{fields{"a": 1}}, func(t *wxcloudrun.Transaction) { t.Attach = "" }},
		"coupon_id_list": {[]any{fields{}, "1"}, func(t *wxcloudrun.Transaction) {
			t.Coupons[0].ID, t.Coupons[1].ID = "", ""
		}},
		"coupon_type_list": {[]any{[]any{[]any{}, "CASH"}}, func(t *wxcloudrun.Transaction) { t.Coupons[0].Type = "" }},
		"coupon_fee_list": {[]any{[]any{1, 1.5}, []any{"1", "x"}}, func(t *wxcloudrun.Transaction) {
			t.Coupons[1].Fee = nil
		}},
	} {
		for _, value := range test.values {
			changes := maps.Clone(full)
			changes[key] = value
			got, err := queryOne(t, responding(http.StatusOK, with(querySample, changes)))
			if err != nil {
				t.Errorf("%s %v: %v", key, value, err)
				continue
			}
			want := whole.Transaction
			want.Coupons = slices.Clone(want.Coupons)
			test.clear(&want)
			want.Unread = []string{key}
			if diff := cmp.Diff(want, got.Transaction); diff != "" {
				t.Errorf("%s %v: %s", key, value, diff)
			}
		}
	}
	// In the reply to a close it is still what only other replies have.
	_, err = closeOne(t, responding(http.StatusOK, with(closeSample, fields{"trade_type": fields{}})))
	_ = wantError[*wire.VerifyError](t, err)
}

// TestByteOrderMark: one may stand before the object.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	got, err := queryOne(t, responding(http.StatusOK, "\ufeff"+querySample))
	if err != nil || got.TradeState != "SUCCESS" {
		t.Errorf("got %+v (%v)", got, err)
	}
}

// TestAmountsNotSentAreAbsent: a key that is missing, null or empty is no 0, and a 0 is one.
func TestAmountsNotSentAreAbsent(t *testing.T) {
	t.Parallel()
	for _, value := range []any{missing, nil, ""} {
		got, err := queryOne(t, responding(http.StatusOK, with(querySample, fields{"total_fee": value, "cash_fee": value, "coupon_fee": 0})))
		if err != nil {
			t.Fatal(err)
		}
		want := paidTransaction()
		want.TotalFee, want.CashFee, want.CouponFee = nil, nil, new(int64(0))
		if diff := cmp.Diff(want, got.Transaction); diff != "" {
			t.Errorf("%v: %s", value, diff)
		}
	}
}

// TestQueryWithoutStateIsMalformed: the order is named, so it is the requested one, and nothing is
// said of it.
func TestQueryWithoutStateIsMalformed(t *testing.T) {
	t.Parallel()
	for _, value := range []any{missing, nil, ""} {
		_, err := queryOne(t, responding(http.StatusOK, with(querySample, fields{"trade_state": value})))
		if got := wantError[*wire.MalformedError](t, err); got.Detail != "it has no trade_state" {
			t.Errorf("%v: %v", value, got)
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
	if *got.TotalFee != 9223372036854775807 {
		t.Errorf("TotalFee %d: it went through a float", *got.TotalFee)
	}
}
