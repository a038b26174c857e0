package paygate

import (
	"net/http"
	"regexp"
	"strings"
)

// refusal is a negative answer, in the words of each protocol. APIv2 always answers HTTP 200; the
// status is APIv3's. Refusals are values: the methods that change one return a copy.
type refusal struct {
	// err_code of APIv2, code of APIv3
	v2, v3  string
	status  int
	message string
	// the number that Request-ID ends with: WeChat Pay's internal one of the error
	suffix int
	// for the history, in English
	reason string
	// APIv3's detail
	detail any
}

// Codes are named by their letters alone, as the spelling with and without underscore differs
// between the protocols.
const (
	// The order is paid: a close says so in SUCCESS and REFUND.
	codeOrderPaid = "ORDERPAID"
	// The order is closed: a close says so in CLOSED and REVOKED.
	codeOrderClosed = "ORDERCLOSED"
	// The owner has no order of that number on these paths.
	codeOrderNotExist = "ORDERNOTEXIST"
	// A payment is under way: come again later.
	codeUserPaying = "USERPAYING"
	// Retry with the same numbers. What became of the request is not said.
	codeSystemError = "SYSTEMERROR"
	// As SYSTEMERROR, from the bank behind it.
	codeBankError = "BANKERROR"
	// Too many requests; APIv3 says in Retry-After how long to wait.
	codeFrequency = "FREQUENCYLIMITED"
	// A parameter has the wrong form.
	codeParamError = "PARAMERROR"
	// APIv2: an element is missing.
	codeLackParams = "LACKPARAMS"
	// The request makes no sense in the order's state, or lacks a header.
	codeInvalidRequest = "INVALIDREQUEST"
	// The signature does not hold. APIv2 says it by return_code FAIL alone.
	codeSignError = "SIGNERROR"
	// The service provider does not act for the sub-merchant.
	codeNoAuth = "NOAUTH"
	// APIv2: the appid belongs to another merchant.
	codeAppIDMismatch = "APPIDMCHIDNOTMATCH"
	// The state of the order is none that the table of closing knows.
	codeTradeError = "TRADEERROR"
	// A download of certificates by a merchant that has none.
	codeNoResource = "RESOURCENOTEXISTS"
	// A download of certificates by a merchant that was moved to the public key, or a refund that
	// the merchant's balance does not cover.
	codeNotEnough = "NOTENOUGH"
	// A refund that the rules do not allow: APIv2's ERROR, of many texts.
	codeRefundError = "ERROR"
	// A refund of an order that was paid too long ago.
	codeTradeOverdue = "TRADEOVERDUE"
	// A refund of an order that was not paid.
	codeTradeStateError = "TRADESTATEERROR"
	// A query of a refund that there is not.
	codeRefundNotExist = "REFUNDNOTEXIST"
	// A transaction_id of no order.
	codeInvalidTransaction = "INVALIDTRANSACTIONID"
	// A reversal that comes too late.
	codeReverseExpire = "REVERSEEXPIRE"
	// A text that is no payment code.
	codeAuthCodeInvalid = "AUTHCODEINVALID"
)

// Numbers that Request-ID ends with (排障手册, the support team's list of the commonest twenty).
const (
	suffixOK        = 0
	suffixBadParam  = 268435461
	suffixSignError = 268443699
	// The sub-merchant is not bound to the service provider.
	suffixNoRelation = 268443701
	// The sub-merchant and the service provider are the same.
	suffixSelfRelation  = 268443705
	suffixAppIDMismatch = 268445527
	suffixTooFrequent   = 268447840
	suffixOrderClosed   = 268447914
	suffixOrderPaid     = 268449538
	// A payment-code order, which can be reversed but not closed.
	suffixReverseOnly = 268449641
	// A number is placed again with other parameters.
	suffixReentry = 268498688
	// A paid order is placed again.
	suffixPlacedPaid = 268498689
	suffixNoOrder    = 268512771
	// A parameter that the call does not have.
	suffixExtraParam = 270924358
	// ours: none is published
	suffixSystem = 268435457
)

// codes is every documented error code of close and query, with the documented HTTP status of
// APIv3: pay.weixin.qq.com doc v3/merchant 4012791860 and 4012791859 and their partner twins, v2
// closeorder and orderquery. Names that stand twice are spelt differently in two documents. 400
// ORDER_PAID has no documented status; it stands beside ORDER_CLOSED.
var codes = map[string]refusal{
	codeOrderPaid:      {"ORDERPAID", "ORDER_PAID", http.StatusBadRequest, "该订单已支付", suffixOrderPaid, "", nil},
	codeOrderClosed:    {"ORDERCLOSED", "ORDER_CLOSED", http.StatusBadRequest, "该订单已关闭，请重新下单", suffixOrderClosed, "", nil},
	codeOrderNotExist:  {"ORDERNOTEXIST", "ORDER_NOT_EXIST", http.StatusNotFound, "订单不存在", suffixNoOrder, "", nil},
	codeUserPaying:     {"USERPAYING", "USERPAYING", http.StatusAccepted, "用户支付中，需要输入密码", suffixSystem, "", nil},
	codeSystemError:    {"SYSTEMERROR", "SYSTEM_ERROR", http.StatusInternalServerError, "系统异常，请稍后重试", suffixSystem, "", nil},
	codeBankError:      {"BANKERROR", "BANK_ERROR", http.StatusInternalServerError, "银行系统异常", suffixSystem, "", nil},
	codeFrequency:      {"FREQUENCY_LIMITED", "FREQUENCY_LIMITED", http.StatusTooManyRequests, "频率限制，请降低频率再重试", suffixTooFrequent, "", nil},
	codeParamError:     {"PARAM_ERROR", "PARAM_ERROR", http.StatusBadRequest, "参数错误", suffixBadParam, "", nil},
	codeLackParams:     {"LACK_PARAMS", "PARAM_ERROR", http.StatusBadRequest, "缺少参数", suffixBadParam, "", nil},
	codeInvalidRequest: {"INVALID_REQUEST", "INVALID_REQUEST", http.StatusBadRequest, "无效请求", suffixBadParam, "", nil},
	codeSignError:      {"SIGNERROR", "SIGN_ERROR", http.StatusUnauthorized, "错误的签名，验签失败", suffixSignError, "", nil},
	codeNoAuth:         {"NOAUTH", "NO_AUTH", http.StatusForbidden, "商户无权限", suffixNoRelation, "", nil},
	codeAppIDMismatch: {"APPID_MCHID_NOT_MATCH", "APPID_MCHID_NOT_MATCH",
		http.StatusBadRequest, "商户号mch_id与appid不匹配", suffixAppIDMismatch, "", nil},
	codeTradeError:      {"TRADE_ERROR", "TRADE_ERROR", http.StatusForbidden, "交易错误", suffixSystem, "", nil},
	"MCHNOTEXISTS":      {"MCHID_NOT_EXIST", "MCH_NOT_EXISTS", http.StatusBadRequest, "商户号不存在", suffixBadParam, "", nil},
	"MCHIDNOTEXIST":     {"MCHID_NOT_EXIST", "MCH_NOT_EXISTS", http.StatusBadRequest, "商户号不存在", suffixBadParam, "", nil},
	"APPIDNOTEXIST":     {"APPID_NOT_EXIST", "APPID_NOT_EXIST", http.StatusBadRequest, "APPID不存在", suffixBadParam, "", nil},
	"RULELIMIT":         {"RULELIMIT", "RULE_LIMIT", http.StatusForbidden, "业务规则限制", suffixSystem, "", nil},
	"ACCOUNTERROR":      {"ACCOUNTERROR", "ACCOUNT_ERROR", http.StatusForbidden, "账号异常", suffixSystem, "", nil},
	codeNotEnough:       {"NOTENOUGH", "NOT_ENOUGH", http.StatusForbidden, "余额不足", suffixSystem, "", nil},
	"OUTTRADENOUSED":    {"OUT_TRADE_NO_USED", "OUT_TRADE_NO_USED", http.StatusForbidden, "商户订单号重复", suffixSystem, "", nil},
	"ORDERREVERSED":     {"ORDERREVERSED", "ORDER_REVERSED", http.StatusBadRequest, "该订单已撤销，请重新下单", suffixOrderClosed, "", nil},
	codeNoResource:      {"RESOURCE_NOT_EXISTS", "RESOURCE_NOT_EXISTS", http.StatusNotFound, "查询的资源不存在", suffixSystem, "", nil},
	"REQUENCYLIMITED":   {"REQUENCY_LIMITED", "FREQUENCY_LIMITED", http.StatusTooManyRequests, "频率限制，请降低频率再重试", suffixTooFrequent, "", nil},
	"RATELIMITEXCEEDED": {"RATELIMIT_EXCEEDED", "RATELIMIT_EXCEEDED", http.StatusTooManyRequests, "请求频率超限", suffixTooFrequent, "", nil},
	"RATELIMITEXCEED":   {"RATELIMIT_EXCEED", "RATELIMIT_EXCEED", http.StatusTooManyRequests, "请求频率超限", suffixTooFrequent, "", nil},
	"RATELIMITED":       {"RATE_LIMITED", "RATE_LIMITED", http.StatusTooManyRequests, "请求频率超限", suffixTooFrequent, "", nil},
	codeInvalidTransaction: {"INVALID_TRANSACTIONID", "INVALID_TRANSACTIONID", http.StatusInternalServerError,
		"订单号非法", suffixBadParam, "", nil},
	"OPENIDMISMATCH":      {"OPENID_MISMATCH", "OPENID_MISMATCH", http.StatusInternalServerError, "openid和appid不匹配", suffixBadParam, "", nil},
	"SERVICEUNAVAILABLE":  {"SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE", http.StatusServiceUnavailable, "服务不可用，过载保护", suffixSystem, "", nil},
	"XMLFORMATERROR":      {"XML_FORMAT_ERROR", "INVALID_REQUEST", http.StatusBadRequest, "XML格式错误", suffixBadParam, "", nil},
	"REQUIREPOSTMETHOD":   {"REQUIRE_POST_METHOD", "INVALID_REQUEST", http.StatusBadRequest, "请使用post方法", suffixBadParam, "", nil},
	"POSTDATAEMPTY":       {"POST_DATA_EMPTY", "INVALID_REQUEST", http.StatusBadRequest, "post数据为空", suffixBadParam, "", nil},
	codeRefundError:       {"ERROR", "INVALID_REQUEST", http.StatusBadRequest, "业务错误", suffixBadParam, "", nil},
	codeTradeOverdue:      {"TRADE_OVERDUE", "INVALID_REQUEST", http.StatusBadRequest, "订单已经超过退款期限", suffixBadParam, "", nil},
	codeTradeStateError:   {"TRADE_STATE_ERROR", "TRADE_STATE_ERROR", http.StatusBadRequest, "订单状态错误", suffixBadParam, "", nil},
	codeRefundNotExist:    {"REFUNDNOTEXIST", "RESOURCE_NOT_EXISTS", http.StatusNotFound, "退款单不存在", suffixSystem, "", nil},
	codeReverseExpire:     {"REVERSE_EXPIRE", "INVALID_REQUEST", http.StatusBadRequest, "订单无法撤销，已超过7天", suffixBadParam, "", nil},
	codeAuthCodeInvalid:   {"AUTH_CODE_INVALID", "INVALID_REQUEST", http.StatusBadRequest, "101 付款码无效，请重新扫码", suffixBadParam, "", nil},
	"AUTHCODEEXPIRE":      {"AUTHCODEEXPIRE", "AUTH_CODE_EXPIRE", http.StatusBadRequest, "二维码已过期，请用户在微信上刷新后再试", suffixSystem, "", nil},
	"AUTHCODEERROR":       {"AUTH_CODE_ERROR", "AUTH_CODE_ERROR", http.StatusBadRequest, "授权码参数错误", suffixBadParam, "", nil},
	"NOTSUPORTCARD":       {"NOTSUPORTCARD", "NOT_SUPPORT_CARD", http.StatusForbidden, "不支持卡类型", suffixSystem, "", nil},
	"BUYERMISMATCH":       {"BUYER_MISMATCH", "BUYER_MISMATCH", http.StatusForbidden, "支付帐号错误", suffixSystem, "", nil},
	"USERACCOUNTABNORMAL": {"USER_ACCOUNT_ABNORMAL", "USER_ACCOUNT_ABNORMAL", http.StatusForbidden, "用户帐号注销", suffixSystem, "", nil},
	"BIZERRNEEDRETRY": {"BIZERR_NEED_RETRY", "SYSTEM_ERROR",
		http.StatusInternalServerError, "退款业务流程错误，需要商户触发重试来解决", suffixSystem, "", nil},
	"INVALIDREQTOOMUCH": {"INVALID_REQ_TOO_MUCH", "FREQUENCY_LIMITED", http.StatusTooManyRequests, "无效请求过多", suffixTooFrequent, "", nil},
	"NOTUTF8":           {"NOT_UTF8", "INVALID_REQUEST", http.StatusBadRequest, "编码格式错误", suffixBadParam, "", nil},
}

// codeRule is how codes are spelt: words in the pay APIs, numbers, some below zero, as wxcloudrun's
// errcode.
var codeRule = regexp.MustCompile(`^(-?[0-9]{1,9}|[A-Z0-9_]{1,64})$`)

// refuse takes a code from the table, by its name above.
func refuse(code string) *refusal {
	r := codes[code]
	return &r
}

// refuseAs answers a code exactly as it is spelt, whether the table has it or not. An unknown one
// is a 400, as WeChat Pay's documents give most of them that status.
func refuseAs(code string) *refusal {
	r, known := codes[strings.ReplaceAll(code, "_", "")]
	if !known {
		r = refusal{status: http.StatusBadRequest, message: "未知错误", suffix: suffixSystem}
	}
	r.v2, r.v3 = code, code
	return &r
}

// code is the spelling of one protocol; wxcloudrun's respdata has APIv2's.
func (r refusal) code(api string) string {
	if api == apiV3 {
		return r.v3
	}
	return r.v2
}

// in is the refusal as the documents of a call have it. Those of overseas kept APIv2's names of the
// codes that every close meets (S001, pay.weixin.qq.com/wiki/doc/api_external/en/apis, close order;
// statuses are not documented there). Those of refunds give an unknown merchant 404.
func (r refusal) in(q *question) *refusal {
	if r.v3 == "MCH_NOT_EXISTS" && (q.op == opRefund || q.op == opRefundQuery) {
		r.status = http.StatusNotFound
	}
	if overseas(q.region) && (r.v2 == codeOrderPaid || r.v2 == codeOrderClosed || r.v2 == codeOrderNotExist || r.v2 == codeSystemError) {
		r.v3 = r.v2
	}
	return &r
}

// spelt has another code in APIv2, by its name in the table, whose word APIv3 does not have.
func (r refusal) spelt(code string) *refusal {
	r.v2 = codes[code].v2
	return &r
}

// saying has another message, in the gateway's language, for the sender.
func (r refusal) saying(message string) *refusal {
	r.message = message
	return &r
}

// numbered has another internal number.
func (r refusal) numbered(suffix int) *refusal {
	r.suffix = suffix
	return &r
}

// detailing has a detail, which APIv3 writes as JSON.
func (r refusal) detailing(detail any) *refusal {
	r.detail = detail
	return &r
}

// because has a reason, in English, for the history.
func (r refusal) because(reason string) *refusal {
	r.reason = reason
	return &r
}
