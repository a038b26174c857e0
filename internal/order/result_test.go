package order_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
)

func TestNewResult(t *testing.T) {
	t.Parallel()
	call := order.Call{API: order.V2, Partner: true, AppID: "wxsp", Ref: order.Ref{MchID: "1900000100", SubMchID: "1900000109", OutTradeNo: "A1"}}
	facts := &order.Facts{
		TradeState: tradestate.Success, TradeStateDesc: "支付成功", OutTradeNo: "A1", TransactionID: "4200001",
		TotalFee: new(int64(100)), CashFee: new(int64(0)), FeeType: "CNY", OpenID: "oABC",
		CouponCount: new(int64(1)), Coupons: []order.Coupon{{ID: "c1", Type: "CASH", Fee: new(int64(100))}},
		PaidAt: time.Date(2026, 11, 22, 17, 30, 0, 0, time.UTC),
	}
	signed := func(a order.Answer) order.Answer {
		a.Proof, a.Nonce, a.Sign, a.HTTPStatus, a.RequestID = order.ProofSignature, "n", "s", 200, "req-1"
		return a
	}
	for _, tc := range []struct {
		name    string
		outcome order.Outcome
		answer  order.Answer
		want    string
	}{
		{"closed", order.OutcomeClosed, signed(order.Answer{}), `{
			"returnCode":"SUCCESS","returnMsg":"OK","resultCode":"SUCCESS",
			"appid":"wxsp","mchId":"1900000100","subMchId":"1900000109","nonceStr":"n","sign":"s","outTradeNo":"A1",
			"outcome":"closed","retryable":false,"api":"v2","httpStatus":200,"requestId":"req-1","attempts":2,"proof":"signature"}`},
		{"closed, with a text", order.OutcomeClosed, signed(order.Answer{ResultMsg: "O\nK"}), `{
			"returnCode":"SUCCESS","returnMsg":"OK","resultCode":"SUCCESS","resultMsg":"O K",
			"appid":"wxsp","mchId":"1900000100","subMchId":"1900000109","nonceStr":"n","sign":"s","outTradeNo":"A1",
			"outcome":"closed","retryable":false,"api":"v2","httpStatus":200,"requestId":"req-1","attempts":2,"proof":"signature"}`},
		{"paid, proved by its state", order.OutcomePaid, signed(order.Answer{Facts: facts, ResultMsg: "the query's OK"}), `{
			"returnCode":"SUCCESS","returnMsg":"OK","resultCode":"FAIL","errCode":"ORDERPAID",
			"errCodeDes":"the order has been paid and cannot be closed / 订单已支付，不能发起关单",
			"appid":"wxsp","mchId":"1900000100","subMchId":"1900000109","nonceStr":"n","sign":"s","outTradeNo":"A1",
			"transactionId":"4200001","tradeState":"SUCCESS","tradeStateDesc":"支付成功","totalFee":100,"cashFee":0,"feeType":"CNY",
			"couponCount":1,"coupons":[{"id":"c1","type":"CASH","fee":100}],"timeEnd":"20261123013000","openid":"oABC",
			"outcome":"paid","retryable":false,"api":"v2","httpStatus":200,"requestId":"req-1","attempts":2,"proof":"signature"}`},
		{"closed before, in APIv3's spelling", order.OutcomeAlreadyClosed, signed(order.Answer{
			Code: "ORDERCLOSED", GatewayCode: "ORDER_CLOSED", Message: "订单\n已关闭", RetryAfter: time.Second, ResultMsg: "FAIL",
		}), `{
			"returnCode":"SUCCESS","returnMsg":"OK","resultCode":"FAIL","resultMsg":"FAIL","errCode":"ORDERCLOSED","errCodeDes":"订单 已关闭",
			"appid":"wxsp","mchId":"1900000100","subMchId":"1900000109","nonceStr":"n","sign":"s","outTradeNo":"A1",
			"outcome":"alreadyClosed","retryable":false,"api":"v2","gatewayCode":"ORDER_CLOSED","httpStatus":200,"requestId":"req-1","attempts":2,"proof":"signature"}`},
		{"too soon", order.OutcomeTooSoon, signed(order.Answer{Code: "TRADE_ERROR", GatewayCode: "TRADE_ERROR", RetryAfter: 1500 * time.Millisecond}), `{
			"returnCode":"SUCCESS","returnMsg":"OK","resultCode":"FAIL","errCode":"TRADE_ERROR","errCodeDes":"the order's state does not allow it / 交易错误",
			"appid":"wxsp","mchId":"1900000100","subMchId":"1900000109","nonceStr":"n","sign":"s","outTradeNo":"A1",
			"outcome":"tooSoon","retryable":true,"retryAfter":2,"api":"v2","gatewayCode":"TRADE_ERROR","httpStatus":200,"requestId":"req-1","attempts":2,"proof":"signature"}`},
		{"unknown", order.OutcomeUnknown, order.Answer{Code: errcode.Timeout, ResultMsg: "OK", Proof: order.ProofNone}, `{
			"returnCode":"FAIL","returnMsg":"no answer came in time / 等待应答超时","errCode":"TIMEOUT","errCodeDes":"no answer came in time / 等待应答超时",
			"appid":"wxsp","mchId":"1900000100","subMchId":"1900000109","outTradeNo":"A1",
			"outcome":"unknown","retryable":true,"api":"v2","attempts":2,"proof":"none"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wantJSON(t, order.NewResult(call, tc.outcome, tc.answer, 2), tc.want)
		})
	}
}

// TestWhatWasNotSentIsAbsent: a field that WeChat Pay did not send is not in the result, not even
// empty.
func TestWhatWasNotSentIsAbsent(t *testing.T) {
	t.Parallel()
	wantJSON(t, order.NewResult(order.Call{}, order.OutcomeFound, order.Answer{Facts: &order.Facts{
		TradeState: tradestate.Success, TransactionID: "4200001",
		Coupons:    []order.Coupon{{Fee: new(int64(30))}, {ID: "c"}},
		Promotions: []order.Promotion{{Amount: new(int64(0)), Goods: []order.Goods{{Quantity: new(int64(1))}, {ID: "g"}}}},
		SubOrders:  []order.SubFacts{{SubOrder: order.SubOrder{MchID: "1", OutTradeNo: "S1"}, TradeState: tradestate.Success}},
	}, Proof: order.ProofSignature}, 1), `{
		"returnCode":"SUCCESS","returnMsg":"OK","resultCode":"SUCCESS","transactionId":"4200001","tradeState":"SUCCESS",
		"coupons":[{"fee":30},{"id":"c"}],"promotionDetail":[{"amount":0,"goodsDetail":[{"quantity":1},{"goodsId":"g"}]}],
		"subOrders":[{"mchId":"1","outTradeNo":"S1","tradeState":"SUCCESS"}],
		"outcome":"found","retryable":false,"attempts":1,"proof":"signature"}`)
}

// TestTextsOfOthersAreHarmless: what anyone may have written is one line without control
// characters.
func TestTextsOfOthersAreHarmless(t *testing.T) {
	t.Parallel()
	got := order.NewResult(order.Call{}, order.OutcomeRefused, order.Answer{
		Code: "A\x1b[31mB\u202e", GatewayCode: "\x00", Message: "订单\t\x1b]0;x\x07已关闭\u200f\xff", RequestID: "r\x7f",
	}, 1)
	if got.ErrCode != "A\ufffd[31mB\ufffd" || got.GatewayCode != "\ufffd" || got.RequestID != "r\ufffd" ||
		got.ErrCodeDes != "订单 \ufffd]0;x\ufffd已关闭\ufffd?" {
		t.Errorf("got %+q %+q %+q %+q", got.ErrCode, got.GatewayCode, got.RequestID, got.ErrCodeDes)
	}
}

func TestRefusalAndBreakdown(t *testing.T) {
	t.Parallel()
	wantJSON(t, order.Refusal(errcode.ParamError, order.MissingOutTradeNo().Wording()), `{
		"returnCode":"FAIL","errCode":"PARAM_ERROR",
		"returnMsg":"out_trade_no: must be given: it names the order / out_trade_no：必须提供：它指明订单",
		"errCodeDes":"out_trade_no: must be given: it names the order / out_trade_no：必须提供：它指明订单",
		"outcome":"refused","retryable":false,"attempts":0,"proof":"none"}`)
	wantJSON(t, order.Breakdown(bilingual.Same("a fault of ours")), `{
		"returnCode":"FAIL","returnMsg":"a fault of ours","errCode":"INTERNAL_ERROR","errCodeDes":"a fault of ours",
		"outcome":"unknown","retryable":true,"attempts":0,"proof":"none"}`)
}

// TestResultHasNoCodeKey: the CloudBase JS SDK takes a body with a key "code" for a failure of the
// platform, and hides the rest.
func TestResultHasNoCodeKey(t *testing.T) {
	t.Parallel()
	if _, there := asMap(t, order.Refusal("X", bilingual.Same("y")))["code"]; there {
		t.Error(`the result object has a key named "code"`)
	}
}

func wantJSON(t *testing.T, got order.Result, want string) {
	t.Helper()
	var wanted map[string]any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, asMap(t, got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func asMap(t *testing.T, r order.Result) map[string]any {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestTextOfARefusedSignatureIsWhole: the end of WeChat Pay's text has what should have been
// signed.
func TestTextOfARefusedSignatureIsWhole(t *testing.T) {
	t.Parallel()
	says := strings.Repeat("签名", 500) + " the signed text should have been this"
	for _, outcome := range []order.Outcome{order.OutcomeUnknown, order.OutcomeRefused} {
		got := order.NewResult(order.Call{}, outcome, order.Answer{Code: errcode.SignError, Message: says}, 1)
		if got.ErrCodeDes != says || outcome == order.OutcomeUnknown && got.ReturnMsg != says {
			t.Errorf("%s: got %q and %q, want the whole text", outcome, got.ErrCodeDes, got.ReturnMsg)
		}
	}
	long := order.NewResult(order.Call{}, order.OutcomeUnknown, order.Answer{Code: errcode.SignError, Message: strings.Repeat("x", 1<<20)}, 1)
	if len([]rune(long.ErrCodeDes)) != 2001 {
		t.Errorf("a text of a megabyte: got %d characters, want 2000 and an ellipsis", len([]rune(long.ErrCodeDes)))
	}
}

func TestLongTextIsCut(t *testing.T) {
	t.Parallel()
	long := order.Answer{Code: "BRAND_NEW", Message: strings.Repeat("很", 5000) + "\xff"}
	got := order.NewResult(order.Call{}, order.OutcomeRefused, long, 1)
	foreign := order.Answer{Code: strings.Repeat("X", 1<<20), GatewayCode: strings.Repeat("Y", 1<<20), RequestID: "id\n" + strings.Repeat("Z", 7<<20)}
	bounded := order.NewResult(order.Call{}, order.OutcomeUnknown, foreign, 1)
	if len(bounded.ErrCode) != 64 || len(bounded.GatewayCode) != 64 || len(bounded.RequestID) != 64 || strings.Contains(bounded.RequestID, "\n") {
		t.Errorf("codes and ids of %d, %d and %d characters", len(bounded.ErrCode), len(bounded.GatewayCode), len(bounded.RequestID))
	}
	if n := utf8.RuneCountInString(got.ErrCodeDes); n != 301 || !utf8.ValidString(got.ErrCodeDes) {
		t.Errorf("errCodeDes has %d characters, want 300 and an ellipsis", n)
	}
}

func TestRegistered(t *testing.T) {
	t.Parallel()
	call := order.Call{API: order.V3, Ref: order.Ref{MchID: "1900000001", OutTradeNo: "A1"}}
	wantJSON(t, order.Registered(call, order.OutcomeScheduled, bilingual.Text{}), `{
		"returnCode":"SUCCESS","returnMsg":"OK","resultCode":"SUCCESS","mchId":"1900000001","outTradeNo":"A1",
		"outcome":"scheduled","retryable":false,"api":"v3","attempts":0,"recorded":true,"proof":"none"}`)
	wantJSON(t, order.Registered(call, order.OutcomeTooLate, bilingual.New("it is done", "已结束")), `{
		"returnCode":"SUCCESS","returnMsg":"OK","resultCode":"FAIL","errCode":"TOO_LATE","errCodeDes":"it is done / 已结束",
		"mchId":"1900000001","outTradeNo":"A1",
		"outcome":"tooLate","retryable":false,"api":"v3","attempts":0,"recorded":true,"proof":"none"}`)
}

func TestUnstored(t *testing.T) {
	t.Parallel()
	call := order.Call{API: order.V3, Ref: order.Ref{MchID: "1900000001", OutTradeNo: "A1"}}
	wantJSON(t, order.Unstored(call, bilingual.New("out\nof reach", "无法连接"), true), `{
		"returnCode":"FAIL","returnMsg":"out of reach / 无法连接","errCode":"STORE_ERROR","errCodeDes":"out of reach / 无法连接",
		"mchId":"1900000001","outTradeNo":"A1","outcome":"unknown","retryable":true,"attempts":0,"proof":"none"}`)
}
