package order_test

import (
	"testing"
	"unicode"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// TestWhy splits the one text of a result into both languages.
func TestWhy(t *testing.T) {
	t.Parallel()
	row, _ := errcode.Lookup("USERPAYING")
	for name, test := range map[string]struct {
		result order.Result
		want   bilingual.Text
	}{
		"none": {order.Result{}, bilingual.Text{}},
		"ours": {
			order.Refusal(errcode.ParamError, order.MissingOutTradeNo().Wording()),
			bilingual.New("PARAM_ERROR: out_trade_no: must be given: it names the order", "PARAM_ERROR：out_trade_no：必须提供：它指明订单"),
		},
		"the table's": {
			order.Result{ErrCode: row.Name, ErrCodeDes: row.Text() + " (trade_state USERPAYING)"},
			bilingual.New("USERPAYING: the customer is paying at this moment (trade_state USERPAYING)",
				"USERPAYING：用户支付中 (trade_state USERPAYING)"),
		},
		"the gateway's": {
			order.Result{ErrCode: "ORDERNOTEXIST", ErrCodeDes: "订单 / 不存在"},
			bilingual.New("ORDERNOTEXIST: 订单 / 不存在", "ORDERNOTEXIST：订单 / 不存在"),
		},
		"a detail": {
			order.Result{ErrCode: "TIMEOUT", ErrCodeDes: "GET /v3/pay / context deadline exceeded"},
			bilingual.New("TIMEOUT: GET /v3/pay / context deadline exceeded",
				"TIMEOUT：等待应答超时（GET /v3/pay / context deadline exceeded）"),
		},
		"the gateway's with our hint": {
			order.Result{ErrCode: "ORDERNOTEXIST", ErrCodeDes: "订单不存在 (check it / 请核对)"},
			bilingual.New("ORDERNOTEXIST: 订单不存在 (check it)", "ORDERNOTEXIST：订单不存在（请核对）"),
		},
		"a foreign text with our hint": {
			order.Result{ErrCode: "ORDERNOTEXIST", ErrCodeDes: "no such order (check it / 请核对)"},
			bilingual.New("ORDERNOTEXIST: no such order (check it)", "ORDERNOTEXIST：no such order（请核对）"),
		},
		"unknown": {order.Result{ErrCode: "NEW", ErrCodeDes: "x"}, bilingual.New("NEW: x", "NEW：x")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.result.Why(); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// TestCodesInBothLanguages: each code has a meaning and a remedy in both languages.
func TestCodesInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, c := range errcode.Table {
		for _, text := range []bilingual.Text{bilingual.New(c.Meaning, c.MeaningZH), bilingual.New(c.Remedy, c.RemedyZH)} {
			if text.EN == "" || hasHan(text.EN) || !hasHan(text.ZH) {
				t.Errorf("%s: got %+v, want English and Chinese", c.Name, text)
			}
		}
	}
}

func hasHan(text string) bool {
	for _, r := range text {
		if unicode.Is(unicode.Han, r) {
			return true
		}
	}
	return false
}
