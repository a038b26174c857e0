package wechatpay

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

// The two dialects' failures, side by side: what a package's error becomes.
func TestFailures(t *testing.T) {
	t.Parallel()
	signed2 := func(code string) error {
		return &v2xml.Error{Code: code, Message: "m", Authenticated: true, Envelope: v2xml.Envelope{HTTPStatus: 200, Nonce: "n", Signature: "s"}}
	}
	signed3 := func(status int, code string) error {
		return &v3json.Error{Code: code, Message: "m", Authenticated: true, Envelope: v3json.Envelope{HTTPStatus: status, Nonce: "n", Signature: "s"}}
	}
	unsigned2 := func(status int, message string) error {
		return &v2xml.Error{Message: message, Envelope: v2xml.Envelope{HTTPStatus: status}}
	}
	unsigned3 := func(status int, code string) error {
		return &v3json.Error{Code: code, Envelope: v3json.Envelope{HTTPStatus: status}}
	}
	for _, tc := range []struct {
		name         string
		v2, v3       error // either may be nil where the dialect has no such thing
		close, query verdict.Verdict
		code         string
	}{
		{"closed", signed2("ORDERCLOSED"), signed3(400, "ORDER_CLOSED"), verdict.SaysClosed, verdict.Doubted, "ORDERCLOSED"},
		{"paid", signed2("ORDERPAID"), signed3(400, "ORDER_PAID"), verdict.SaysPaid, verdict.Doubted, "ORDERPAID"},
		{"missing", signed2("ORDERNOTEXIST"), signed3(404, "ORDER_NOT_EXIST"), verdict.SaysMissing, verdict.SaysMissing, "ORDERNOTEXIST"},
		{"paying", signed2("USERPAYING"), signed3(202, "USER_PAYING"), verdict.SaysPaying, verdict.SaysPaying, "USERPAYING"},
		{"system error", signed2("SYSTEMERROR"), signed3(500, "SYSTE_MERROR"), verdict.Doubted, verdict.Doubted, "SYSTEMERROR"},
		{"too often", signed2("REQUENCY_LIMITED"), signed3(429, "RATELIMIT_EXCEEDED"), verdict.Limited, verdict.Limited, "FREQUENCY_LIMITED"},
		{"ambiguous", signed2("TRADE_ERROR"), signed3(403, "TRADE_ERROR"), verdict.Disputed, verdict.Doubted, "TRADE_ERROR"},
		{"refused", signed2("NOAUTH"), signed3(403, "NO_AUTH"), verdict.Refused, verdict.Refused, "NOAUTH"},
		{"an unknown code", signed2("BRAND_NEW"), signed3(403, "BRAND_NEW"), verdict.Disputed, verdict.Disputed, "BRAND_NEW"},
		{"an unknown failure", nil, signed3(500, "BRAND_NEW"), verdict.Doubted, verdict.Doubted, "BRAND_NEW"},

		{"signed, and says nothing", nil, signed3(401, ""), verdict.Doubted, verdict.Doubted, "SIGNERROR"},
		{"signed, says nothing, too often", nil, signed3(429, ""), verdict.Doubted, verdict.Doubted, "FREQUENCY_LIMITED"},

		{"unsigned: bad signature", unsigned2(200, "签名错误"), unsigned3(401, "SIGN_ERROR"), verdict.Rejected, verdict.Rejected, "SIGNERROR"},
		{"unsigned: closed", nil, unsigned3(400, "ORDER_CLOSED"), verdict.Doubted, verdict.Doubted, "UNSIGNED_REPLY"},
		{"unsigned: paid", nil, unsigned3(400, "ORDER_PAID"), verdict.Doubted, verdict.Doubted, "UNSIGNED_REPLY"},
		{"unsigned: missing", nil, unsigned3(404, "ORDER_NOT_EXIST"), verdict.Doubted, verdict.Doubted, "UNSIGNED_REPLY"},
		{"unsigned: too often", unsigned2(200, "频率限制"), unsigned3(429, ""), verdict.Doubted, verdict.Doubted, "FREQUENCY_LIMITED"},
		{"unsigned: an unknown code", nil, unsigned3(403, "BRAND_NEW"), verdict.Doubted, verdict.Doubted, "UNSIGNED_REPLY"},
		{"unsigned: system error", unsigned2(200, "系统繁忙，请稍后再试"), unsigned3(500, "SYSTEM_ERROR"), verdict.Doubted, verdict.Doubted, "SYSTEMERROR"},
		{"unsigned: refused for no known reason", unsigned2(200, "不知道"), unsigned3(404, ""), verdict.Rejected, verdict.Rejected, "GATEWAY_REJECTED"},
		{"unsigned: a bad gateway", unsigned2(502, ""), unsigned3(502, ""), verdict.Doubted, verdict.Doubted, "SERVICE_UNAVAILABLE"},
		{"unsigned: some other failure", unsigned2(500, ""), unsigned3(500, ""), verdict.Doubted, verdict.Doubted, "HTTP_ERROR"},
		{"unsigned: a redirect", unsigned2(302, ""), unsigned3(302, ""), verdict.Doubted, verdict.Doubted, "HTTP_ERROR"},
		{"unsigned: no code, 401", unsigned2(401, ""), unsigned3(401, ""), verdict.Rejected, verdict.Rejected, "SIGNERROR"},

		{"not signed", &v2xml.VerifyError{Reason: wire.ReasonUnsigned}, &v3json.VerifyError{Reason: wire.ReasonUnsigned}, verdict.Doubted, verdict.Doubted, "UNSIGNED_REPLY"},
		{"badly signed", &v2xml.VerifyError{Reason: wire.ReasonBadSignature}, &v3json.VerifyError{Reason: wire.ReasonBadSignature}, verdict.Doubted, verdict.Doubted, "BAD_SIGNATURE"},
		{"about another order", &v2xml.VerifyError{Reason: wire.ReasonMismatch}, &v3json.VerifyError{Reason: wire.ReasonMismatch}, verdict.Doubted, verdict.Doubted, "FOREIGN_REPLY"},
		{"a probe", nil, &v3json.VerifyError{Reason: wire.ReasonProbe}, verdict.Doubted, verdict.Doubted, "SIGNATURE_PROBE"},
		{"stale", nil, &v3json.VerifyError{Reason: wire.ReasonStale}, verdict.Doubted, verdict.Doubted, "STALE_REPLY"},
		{"by an unknown key", nil, &v3json.VerifyError{Reason: wire.ReasonUnknownSerial}, verdict.Doubted, verdict.Doubted, "UNKNOWN_SERIAL"},
		{"unreadable", &v2xml.MalformedError{Detail: "HTML"}, &v3json.MalformedError{Detail: "HTML"}, verdict.Doubted, verdict.Doubted, "MALFORMED_REPLY"},

		{"no answer in time", context.DeadlineExceeded, context.DeadlineExceeded, verdict.Doubted, verdict.Doubted, "TIMEOUT"},
		{"the transport gave up", &url.Error{Op: "Post", Err: slow{}}, &url.Error{Op: "Post", Err: slow{}}, verdict.Doubted, verdict.Doubted, "TIMEOUT"},
		{"no connection", errors.New("connection refused"), errors.New("connection refused"), verdict.Doubted, verdict.Doubted, "NETWORK_ERROR"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for op, want := range map[order.Op]verdict.Verdict{order.OpClose: tc.close, order.OpQuery: tc.query} {
				if tc.v2 != nil {
					wantAnswer(t, "v2 "+string(op), failureV2(op, fmt.Errorf("closing order A1: %w", tc.v2)), want, tc.code)
				}
				if tc.v3 != nil {
					wantAnswer(t, "v3 "+string(op), failureV3(op, fmt.Errorf("closing order A1: %w", tc.v3)), want, tc.code)
				}
			}
		})
	}
}

func failureV2(op order.Op, err error) order.Answer { return failure(op, err, rejectionV2) }

func failureLink(op order.Op, err error) order.Answer { return failure(op, err, rejectionWXCloudRun) }

type slow struct{}

func (slow) Error() string { return "no reply header in time" }
func (slow) Timeout() bool { return true }

func wantAnswer(t *testing.T, what string, got order.Answer, want verdict.Verdict, code string) {
	t.Helper()
	if got.Verdict != want || got.Code != code {
		t.Errorf("%s: got %s %s, want %s %s", what, got.Verdict, got.Code, want, code)
	}
	if got.Verdict != verdict.Doubted && got.Verdict != verdict.Rejected {
		if got.Proof != order.ProofSignature || got.Nonce == "" || got.Sign == "" {
			t.Errorf("%s: %s without its proof: %+v", what, got.Verdict, got)
		}
	} else if got.Facts != nil {
		t.Errorf("%s: %s comes with facts", what, got.Verdict)
	}
}

func TestHintsOfAPIv2(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]string{
		"签名错误":               "SIGNERROR",
		"频率限制":               "FREQUENCY_LIMITED",
		"系统繁忙，请稍后再试":         "SYSTEMERROR",
		"受理机构必须传入sub_mch_id": "PARAM_ERROR",
		"普通商户不允许传sub_mch_id": "NOAUTH",
		"appid和mch_id不匹配":    "APPID_MCHID_NOT_MATCH",
		"mch_id参数格式错误":       "PARAM_ERROR",
		"请使用post方法":          "REQUIRE_POST_METHOD",
		"post数据为空":           "POST_DATA_EMPTY",
		"XML格式错误":            "XML_FORMAT_ERROR",
		"此商家的收款功能已被限制":       "GATEWAY_REJECTED",
	} {
		got := failureV2(order.OpClose, &v2xml.Error{Message: text, Envelope: v2xml.Envelope{HTTPStatus: 200}})
		if got.Code != code || got.GatewayCode != "" || got.Proof != order.ProofNone {
			t.Errorf("%q is taken for %s (gatewayCode %q), want %s of our own", text, got.Code, got.GatewayCode, code)
		}
	}
}

// Only what the gateway said is repeated as its word.
func TestFactsNameTheirAppIDs(t *testing.T) {
	t.Parallel()
	call := order.Call{API: order.V3, AppID: "wxconfigured", Ref: order.Ref{MchID: "1900000100", SubMchID: "1900000109"}, SubAppID: "wxanything"}
	if got := order.NewResult(call, order.OutcomeClosed, order.Answer{}, 1); got.SubAppID != "" {
		t.Errorf("a sub_appid that APIv3 never sent is repeated: %+v", got)
	}
	facts := factsV3(v3json.Transaction{TradeState: "NOTPAY", SPAppID: "wxreal", SubAppID: "wxsub"})
	if got := order.NewResult(call, order.OutcomeFound, order.Answer{Facts: facts}, 1); got.AppID != "wxreal" || got.SubAppID != "wxsub" {
		t.Errorf("got %+v", got)
	}
}

// An unsigned refusal must not bring a code that could be taken for the
// order's state.
func TestUnsignedWordsAreNotPassedOnAsCodes(t *testing.T) {
	t.Parallel()
	got := failureV3(order.OpClose, &v3json.Error{Code: "ORDER_CLOSED", Envelope: v3json.Envelope{HTTPStatus: 400}})
	if got.Code != errcode.UnsignedReply || got.GatewayCode != "" || got.Proof != order.ProofNone {
		t.Errorf("got %+v", got)
	}
}

func TestRetryAfterAndDetailArePassedOn(t *testing.T) {
	t.Parallel()
	got := failureV3(order.OpClose, &v3json.Error{
		Code: "FREQUENCY_LIMITED", Message: "slow down", Detail: "field /mchid", Authenticated: true, RetryAfter: time.Minute,
		Envelope: v3json.Envelope{HTTPStatus: 429, RequestID: "req-1"},
	})
	if got.RetryAfter != time.Minute || got.Message != "slow down (field /mchid)" || got.RequestID != "req-1" || got.HTTPStatus != 429 {
		t.Errorf("got %+v", got)
	}
}

func TestFactsAreTheSameInBothDialects(t *testing.T) {
	t.Parallel()
	paidAt := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	v2 := factsV2(v2xml.Transaction{
		TradeState: "SUCCESS", TradeStateDesc: "支付成功", OutTradeNo: "A1", TransactionID: "42", TradeType: "JSAPI",
		BankType: "OTHERS", Attach: "x", OpenID: "oABC", SubOpenID: "oSUB", DeviceInfo: "d",
		TotalFee: new(int64(100)), FeeType: "CNY", CashFee: new(int64(0)), CashFeeType: "CNY", TimeEnd: paidAt,
		PromotionDetail: []v2xml.Promotion{{ID: "p", Amount: new(int64(100)), WxpayContribute: new(int64(1)), GoodsDetail: []v2xml.Goods{{GoodsID: "g", GoodsRemark: "r", Quantity: new(int64(1)), Price: new(int64(2)), DiscountAmount: new(int64(3))}}}},
	})
	v3 := factsV3(v3json.Transaction{
		TradeState: "SUCCESS", TradeStateDesc: "支付成功", OutTradeNo: "A1", TransactionID: "42", TradeType: "JSAPI",
		BankType: "OTHERS", Attach: "x", Payer: v3json.Payer{SPOpenID: "oABC", SubOpenID: "oSUB"}, SceneInfo: v3json.SceneInfo{DeviceID: "d"},
		Amount: &v3json.Amount{Total: new(int64(100)), PayerTotal: new(int64(0)), Currency: "CNY", PayerCurrency: "CNY"}, SuccessTime: paidAt,
		PromotionDetail: []v3json.Promotion{{CouponID: "p", Amount: new(int64(100)), WechatpayContribute: new(int64(1)), GoodsDetail: []v3json.Goods{{GoodsID: "g", GoodsRemark: "r", Quantity: new(int64(1)), UnitPrice: new(int64(2)), DiscountAmount: new(int64(3))}}}},
	})
	refunded := factsV2(v2xml.Transaction{TradeState: "REFUND"})
	if refunded.TotalFee != nil || refunded.CashFee != nil {
		t.Errorf("amounts that were not sent: %+v", refunded)
	}
	if diff := cmp.Diff(v2, v3); diff != "" {
		t.Errorf("(-v2 +v3)\n%s", diff)
	}
	if v2.TotalFee == nil || *v2.TotalFee != 100 || v2.CashFee == nil || *v2.CashFee != 0 {
		t.Errorf("a paid order's amounts: %+v", v2)
	}
}

// An amount that was not sent is absent, whatever the state; one of nothing is 0.
func TestAmountsNotSentAreAbsent(t *testing.T) {
	t.Parallel()
	zero := new(int64(0))
	for _, state := range []string{"SUCCESS", "REFUND", "NOTPAY"} {
		for dialect, f := range map[string]*order.Facts{
			"v2":         factsV2(v2xml.Transaction{TradeState: state, Coupons: []v2xml.Coupon{{Fee: zero}}}),
			"v3":         factsV3(v3json.Transaction{TradeState: state, Amount: &v3json.Amount{Currency: "CNY", ExchangeRate: &v3json.ExchangeRate{}}}),
			"wxcloudrun": factsWXCloudRun(wxcloudrun.Transaction{TradeState: state, Coupons: []wxcloudrun.Coupon{{Fee: zero}}}),
			"combined": factsCombined(v3json.CombinedTransaction{SubOrders: []v3json.SubTransaction{
				{TradeState: state, Amount: &v3json.SubAmount{}}, {TradeState: state},
			}}),
		} {
			if f.TotalFee != nil || f.CashFee != nil || f.SettlementTotalFee != nil || f.CouponFee != nil || f.CouponCount != nil || f.ExchangeRate != nil {
				t.Errorf("%s, %s: amounts that were not sent: %+v", dialect, state, f)
			}
			for _, sub := range f.SubOrders {
				if sub.TotalFee != nil || sub.CashFee != nil {
					t.Errorf("%s, %s: amounts that were not sent: %+v", dialect, state, sub)
				}
			}
		}
		for dialect, f := range map[string]*order.Facts{
			"v2":         factsV2(v2xml.Transaction{TradeState: state, TotalFee: zero, CashFee: zero}),
			"v3":         factsV3(v3json.Transaction{TradeState: state, Amount: &v3json.Amount{Total: zero, PayerTotal: zero}}),
			"wxcloudrun": factsWXCloudRun(wxcloudrun.Transaction{TradeState: state, TotalFee: zero, CashFee: zero}),
			"combined": factsCombined(v3json.CombinedTransaction{SubOrders: []v3json.SubTransaction{
				{TradeState: state, Amount: &v3json.SubAmount{TotalAmount: zero, PayerAmount: zero}},
			}}),
		} {
			if f.TotalFee == nil || *f.TotalFee != 0 || f.CashFee == nil || *f.CashFee != 0 {
				t.Errorf("%s, %s: an amount of 0 is lost: %+v", dialect, state, f)
			}
		}
	}
}

// The sum of a combined order's amounts is known when each of them is.
func TestCombinedAmountsAreSumsOfAllOrNone(t *testing.T) {
	t.Parallel()
	f := factsCombined(v3json.CombinedTransaction{SubOrders: []v3json.SubTransaction{
		{TradeState: "SUCCESS", Amount: &v3json.SubAmount{TotalAmount: new(int64(3)), PayerAmount: new(int64(2))}},
		{TradeState: "SUCCESS", Amount: &v3json.SubAmount{TotalAmount: new(int64(4))}},
	}})
	if f.TotalFee == nil || *f.TotalFee != 7 || f.CashFee != nil {
		t.Errorf("got %+v, want a total of 7 and no cash", f)
	}
}

// A code that no document has is not repeated from an unsigned reply: it may be any
// text. The link's own numbers are codes.
func TestUnsignedUnknownCodesAreNotPassedOn(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"\x1b[31mCLOSED", "BRAND_NEW", strings.Repeat("9", 11), strings.Repeat("A", 100_000), "\u202eDIAP", "{}"} {
		for dialect, got := range map[string]order.Answer{
			"v2":         failureV2(order.OpClose, &v2xml.Error{Code: code, Envelope: v2xml.Envelope{HTTPStatus: 500}}),
			"v3":         failureV3(order.OpClose, &v3json.Error{Code: code, Envelope: v3json.Envelope{HTTPStatus: 400}}),
			"wxcloudrun": failureLink(order.OpClose, &wire.Error{Code: code, Envelope: wire.Envelope{HTTPStatus: 400}}),
		} {
			want := errcode.UnsignedReply
			if dialect == "wxcloudrun" {
				want = errcode.GatewayRejected // the link has no codes but numbers
			}
			if got.Code != want || got.GatewayCode != "" || got.Proof != order.ProofNone || strings.Contains(got.Message, code) {
				t.Errorf("%s, %.20q: got %s %q %q", dialect, code, got.Code, got.GatewayCode, got.Message)
			}
		}
	}
	got := failureLink(order.OpClose, &wire.Error{Code: "-601001", Envelope: wire.Envelope{HTTPStatus: 200}})
	if got.Code != errcode.SystemError || got.GatewayCode != "-601001" {
		t.Errorf("got %+v, want the link's number beside our code", got)
	}
	got = failureV3(order.OpClose, &v3json.Error{Code: "SIGN_ERROR", Envelope: v3json.Envelope{HTTPStatus: 401}})
	if got.Code != errcode.SignError || got.GatewayCode != "SIGN_ERROR" {
		t.Errorf("got %+v, want a known code in its own spelling", got)
	}
}

// result_msg is passed on where it is proved, of a success and of a refusal.
func TestResultMsgIsPassedOn(t *testing.T) {
	t.Parallel()
	for dialect, got := range map[string]order.Answer{
		"v2":         failureV2(order.OpClose, &v2xml.Error{Code: "TRADE_ERROR", ResultMsg: "m", Authenticated: true}),
		"wxcloudrun": failureLink(order.OpClose, &wire.Error{Code: "TRADE_ERROR", ResultMsg: "m", Authenticated: true}),
	} {
		if got.ResultMsg != "m" {
			t.Errorf("%s: got %+v", dialect, got)
		}
	}
}

func TestUnconfiguredDialectIsNotAsked(t *testing.T) {
	t.Parallel()
	gateway := &Gateway{}
	for _, api := range []order.API{order.V2, order.V3, "v4"} {
		for _, got := range []order.Answer{
			gateway.Close(t.Context(), order.Call{API: api}),
			gateway.Query(t.Context(), order.Call{API: api}),
		} {
			if got.Verdict != verdict.Rejected || got.Code != errcode.ConfigError {
				t.Errorf("%s: got %+v", api, got)
			}
		}
	}
}
