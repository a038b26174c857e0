// Package errcode is the table of error codes: WeChat Pay's in every spelling, and ours. Each has
// the verdict that it amounts to on a close and on a query, and a remedy.
package errcode

import (
	"strings"

	"cloudpay/internal/order/verdict"
)

// Canonical codes that several packages name; the others are literals there. The spelling is
// CloudPay's, which is APIv2's; a code with no twin there keeps its APIv3 name.
const (
	OrderNotExist    = "ORDERNOTEXIST"
	SystemError      = "SYSTEMERROR"
	SignError        = "SIGNERROR"
	FrequencyLimited = "FREQUENCY_LIMITED"
	ParamError       = "PARAM_ERROR"
	NoAuth           = "NOAUTH"
)

// Codes of our own: why there is no answer, or none that is proved.
const (
	NetworkError    = "NETWORK_ERROR"
	Timeout         = "TIMEOUT"
	MalformedReply  = "MALFORMED_REPLY"
	UnsignedReply   = "UNSIGNED_REPLY"
	BadSignature    = "BAD_SIGNATURE"
	UnknownSerial   = "UNKNOWN_SERIAL"
	GatewayRejected = "GATEWAY_REJECTED"
	Unconfirmed     = "UNCONFIRMED"
	ConfigError     = "CONFIG_ERROR"
	StoreError      = "STORE_ERROR"
)

// Code is one row of the table: one meaning, whatever the dialect and the spelling.
type Code struct {
	// Name is the canonical spelling.
	Name string
	// Aliases are the spellings seen elsewhere. Lookup ignores underscores, spaces and case;
	// aliases that differ only in these are for the document.
	Aliases []string
	// Close and Query are the verdicts of an authenticated reply with this code.
	Close, Query verdict.Verdict
	// Meaning and MeaningZH explain it to a merchant, in English and Chinese.
	Meaning, MeaningZH string
	// Remedy and RemedyZH say what to do, in English and Chinese.
	Remedy, RemedyZH string
}

// Text is the meaning in both languages, for replies without a text.
func (c Code) Text() string { return c.Meaning + " / " + c.MeaningZH }

// Lookup finds a code by any spelling. It returns false for a code that no document names, with a
// Code of that spelling whose verdicts are Disputed: a query decides.
func Lookup(spelling string) (Code, bool) {
	if row, ok := codeIndex[fold(spelling)]; ok {
		return Table[row], true
	}
	return Code{Name: spelling, Close: verdict.Disputed, Query: verdict.Disputed}, false
}

// IsOfMerchant reports whether a code is about the merchant's credentials: keys, numbers, and how
// they belong together. Every order meets it, and no retry helps until a person has mended them.
// NOAUTH is not among them: WeChat Pay says it too, but mostly we do, of callers.
func IsOfMerchant(code string) bool {
	switch code {
	case SignError, "APPID_NOT_EXIST", "MCHID_NOT_EXIST", "APPID_MCHID_NOT_MATCH":
		return true
	}
	return false
}

// fold makes one key of all spellings: "ORDER_CLOSED", "ORDERCLOSED", and the "SYSTE_MERROR" that
// WeChat Pay's own page for APIv3 queries prints.
func fold(spelling string) string {
	return strings.ToUpper(foldReplacer.Replace(spelling))
}

var (
	foldReplacer = strings.NewReplacer("_", "", " ", "")
	codeIndex    = indexCodes()
)

func indexCodes() map[string]int {
	index := make(map[string]int, 2*len(Table))
	for i, c := range Table {
		index[fold(c.Name)] = i
		for _, alias := range c.Aliases {
			index[fold(alias)] = i
		}
	}
	return index
}

// Table has the error codes of WeChat Pay's pages for closing and querying: APIv2 (merchant
// 4011935216, chapters 9_2 and 9_3), CloudPay, APIv3 direct and partner, overseas, the page of
// status codes, and spellings met in the field. The codes of our own follow.
//
//nolint:lll // a table is read across
var Table = []Code{
	// What may have become of the order.
	{"ORDERPAID", []string{"ORDER_PAID"}, verdict.SaysPaid, verdict.Doubted, "the order has been paid and cannot be closed", "订单已支付，不能发起关单", "treat it as paid: deliver, or refund", "按已支付处理：发货或退款"},
	{"ORDERCLOSED", []string{"ORDER_CLOSED"}, verdict.SaysClosed, verdict.Doubted, "the order is closed already", "订单已关闭，无需继续调用", "nothing more is needed", "无需其他操作"},
	{OrderNotExist, []string{"ORDER_NOT_EXIST", "ORDER_NOT_EXISTS"}, verdict.SaysMissing, verdict.SaysMissing, "there is no such order", "订单不存在", "check the order number, the merchant number, the region, and that the order is not a combined one", "检查订单号、商户号、地区，并确认不是合单订单"},
	{"USERPAYING", []string{"USER_PAYING"}, verdict.SaysPaying, verdict.SaysPaying, "the customer is paying at this moment", "用户支付中", "ask again in a few seconds", "几秒后再查"},

	// Come again.
	{SystemError, []string{"SYSTEM_ERROR", "SYSTE_MERROR"}, verdict.Doubted, verdict.Doubted, "WeChat Pay had an internal error", "系统错误", "call again with the same parameters", "以相同参数重新调用"},
	{"BANKERROR", []string{"BANK_ERROR"}, verdict.Doubted, verdict.Doubted, "the bank's system had an error", "银行系统异常", "call again with the same parameters", "以相同参数重新调用"},
	{"SERVICE_UNAVAILABLE", nil, verdict.Doubted, verdict.Doubted, "WeChat Pay is not available at the moment", "服务暂不可用", "call again later", "稍后重新调用"},
	{FrequencyLimited, []string{"REQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "RATELIMIT_EXCEED", "RATE_LIMITED", "RATE_LIMIT_EXCEEDED"}, verdict.Limited, verdict.Limited, "asked too often", "频率超限", "slow down and call again", "降低频率后重新调用"},
	{"RULE_LIMIT", []string{"RULELIMIT"}, verdict.Disputed, verdict.Limited, "a business rule forbids it, or it was asked too often", "业务规则限制", "query the order; call again later", "查询订单；稍后重新调用"},
	{"TRADE_ERROR", []string{"TRADEERROR"}, verdict.Disputed, verdict.Doubted, "the order's state does not allow it", "交易错误", "query the order", "查询订单"},
	{"INVALID_REQUEST", []string{"INVALIDREQUEST"}, verdict.Disputed, verdict.Refused, "the request is not allowed for this order, or its headers are wrong", "无效请求", "query the order; check the request", "查询订单；检查请求"},

	// The request or the configuration is wrong: asking again changes nothing.
	{ParamError, []string{"PARAMERROR"}, verdict.Refused, verdict.Refused, "a parameter is wrong", "参数错误", "correct the parameter that the text names", "改正错误信息中指出的参数"},
	{SignError, []string{"SIGN_ERROR"}, verdict.Refused, verdict.Refused, "the request's signature is wrong", "签名错误", "check the key (APIv2's is not APIv3's), the serial number and the clock", "检查密钥（APIv2 密钥不是 APIv3 密钥）、证书序列号与时钟"},
	{NoAuth, []string{"NO_AUTH"}, verdict.Refused, verdict.Refused, "the merchant may not do this", "商户无此接口权限", "check the product's permission and the relation between service provider and sub-merchant", "检查产品权限，以及服务商与子商户的绑定关系"},
	{"APPID_NOT_EXIST", nil, verdict.Refused, verdict.Refused, "there is no such appid", "APPID不存在", "check WXPAY_APPID", "检查 WXPAY_APPID"},
	{"MCHID_NOT_EXIST", []string{"MCH_NOT_EXISTS", "MCH_NOT_EXIST"}, verdict.Refused, verdict.Refused, "there is no such merchant number", "商户号不存在", "check WXPAY_MCHID and sub_mch_id", "检查 WXPAY_MCHID 与 sub_mch_id"},
	{"APPID_MCHID_NOT_MATCH", nil, verdict.Refused, verdict.Refused, "the appid and the merchant number do not belong together", "appid和mch_id不匹配", "bind them in the merchant console", "在商户平台绑定二者"},
	{"LACK_PARAMS", nil, verdict.Refused, verdict.Refused, "a parameter is missing", "缺少参数", "report it: the request should have been complete", "请反馈：请求本应完整"},
	{"REQUIRE_POST_METHOD", nil, verdict.Refused, verdict.Refused, "the request must be a POST", "请使用POST方法", "report it, or check the proxy on the way", "请反馈，或检查途中的代理"},
	{"XML_FORMAT_ERROR", nil, verdict.Refused, verdict.Refused, "the request's XML is wrong", "XML格式错误", "report it, or check the proxy on the way", "请反馈，或检查途中的代理"},
	{"POST_DATA_EMPTY", nil, verdict.Refused, verdict.Refused, "the request's body was empty", "post数据为空", "check the proxy on the way", "检查途中的代理"},
	{"NOT_UTF8", nil, verdict.Refused, verdict.Refused, "the request was not UTF-8", "编码格式错误", "report it", "请反馈"},
	{"INVALID_TRANSACTIONID", []string{"INVALID_TRANSACTION_ID"}, verdict.Refused, verdict.Refused, "the transaction_id is not one of WeChat Pay's", "订单号非法", "check the transaction_id", "检查 transaction_id"},
	{"RESOURCE_NOT_EXISTS", []string{"RESOURCE_NOT_EXIST"}, verdict.Refused, verdict.Refused, "what the request names does not exist", "资源不存在", "check the address and the numbers in it", "检查地址及其中的编号"},

	// In the documents' tables, though they make no sense for a close or a query.
	{"ACCOUNT_ERROR", []string{"ACCOUNTERROR"}, verdict.Disputed, verdict.Refused, "the account is in an abnormal state", "账号异常", "query the order", "查询订单"},
	{"NOTENOUGH", []string{"NOT_ENOUGH"}, verdict.Disputed, verdict.Refused, "the balance is too small", "余额不足", "query the order", "查询订单"},
	{"OUT_TRADE_NO_USED", nil, verdict.Disputed, verdict.Refused, "the order number was used before", "商户订单号重复", "query the order", "查询订单"},
	{"OPENID_MISMATCH", nil, verdict.Disputed, verdict.Refused, "the openid and the appid do not belong together", "openid和appid不匹配", "query the order", "查询订单"},

	// Our own: no answer, or none that can be believed.
	{NetworkError, nil, verdict.Doubted, verdict.Doubted, "WeChat Pay could not be reached", "无法连接微信支付", "call again", "重新调用"},
	{"TLS_ERROR", nil, verdict.Doubted, verdict.Doubted, "WeChat Pay's TLS certificate could not be verified, so nothing was asked", "微信支付的 TLS 证书校验失败，未发起请求", "check the address, this machine's clock and its root certificates (ca-certificates), and what on the way ends TLS", "检查地址、本机时钟与根证书（ca-certificates），以及途中解密 TLS 的设备"},
	{Timeout, nil, verdict.Doubted, verdict.Doubted, "no answer came in time", "等待应答超时", "call again", "重新调用"},
	{"HTTP_ERROR", nil, verdict.Doubted, verdict.Doubted, "the reply was an HTTP error without a code", "HTTP错误且无错误码", "call again", "重新调用"},
	{MalformedReply, nil, verdict.Doubted, verdict.Doubted, "the reply could not be read", "应答无法解析", "call again; if it stays, look for a proxy on the way", "重新调用；若持续出现，检查途中的代理"},
	{UnsignedReply, nil, verdict.Doubted, verdict.Doubted, "the reply was not signed, so it proves nothing", "应答没有签名，不可信", "call again; if it stays, look for a proxy that strips headers", "重新调用；若持续出现，检查是否有代理删除了请求头"},
	{BadSignature, nil, verdict.Doubted, verdict.Doubted, "the reply's signature does not hold, so it proves nothing", "应答验签失败，不可信", "call again; if it stays, check the key that verifies replies", "重新调用；若持续出现，检查用于验签的密钥"},
	{UnknownSerial, nil, verdict.Doubted, verdict.Doubted, "the reply was signed with a key that is not configured", "应答使用了未配置的平台公钥或证书签名", "check WXPAY_PUBLIC_KEY_ID and WXPAY_PUBLIC_KEY, or give WXPAY_V3_KEY for platform certificates", "检查 WXPAY_PUBLIC_KEY_ID 与 WXPAY_PUBLIC_KEY，或设置 WXPAY_V3_KEY 以使用平台证书"},
	{"STALE_REPLY", nil, verdict.Doubted, verdict.Doubted, "the reply's time is more than five minutes off", "应答时间戳偏差超过5分钟", "check this machine's clock; call again", "检查本机时钟；重新调用"},
	{"SIGNATURE_PROBE", nil, verdict.Doubted, verdict.Doubted, "WeChat Pay sent a wrong signature on purpose, to see that it is refused", "签名探测流量", "call again", "重新调用"},
	{"FOREIGN_REPLY", nil, verdict.Doubted, verdict.Doubted, "the reply is about another order or merchant", "应答与请求的订单或商户不符", "call again; if it stays, look for what is on the way", "重新调用；若持续出现，检查途中的设备"},
	{GatewayRejected, nil, verdict.Doubted, verdict.Doubted, "the request was turned away, by a reply that nothing vouches for", "请求被拒绝，且应答未签名", "check the address, the merchant number and the keys", "检查地址、商户号与密钥"},
	{"UNSETTLED_STATE", nil, verdict.Doubted, verdict.Doubted, "the order is on its way from one state to another", "订单状态尚未确定", "call again later", "稍后重新调用"},
	{Unconfirmed, nil, verdict.Doubted, verdict.Doubted, "WeChat Pay's answer names no order, and no query has confirmed it yet", "应答不含订单号，尚未经查单确认", "call again; the order may be closed already. WXPAY_ROUTE=own says that nothing on the way ends TLS", "重新调用；订单可能已关闭。若途中没有设备解密 TLS，可设置 WXPAY_ROUTE=own"},
	{ConfigError, nil, verdict.Doubted, verdict.Doubted, "the function is not configured", "云函数配置有误", "see the function's log", "查看云函数日志"},
	{StoreError, nil, verdict.Doubted, verdict.Doubted, "the store of orders could not be asked, so nothing was asked of WeChat Pay", "订单存储不可用，未向微信支付发起请求", "call again; check CLOUDPAY_STORE and its database", "重新调用；检查 CLOUDPAY_STORE 及其数据库"},
	{"TOO_LATE", nil, verdict.Doubted, verdict.Doubted, "the registration cannot be changed any more", "登记已不可更改", "query the order; to close it now call closeorder without change and withdraw", "查询订单；如需立即关单，请调用 closeorder，不带 change 与 withdraw"},
	{"WITHDRAWN", nil, verdict.Doubted, verdict.Doubted, "the registration was withdrawn, and the order is not registered again", "登记已撤回，未再次登记", `to register it anew send "again": true`, `如需重新登记，请发送 "again": true`},
	{"INTERNAL_ERROR", nil, verdict.Doubted, verdict.Doubted, "the function had a fault of its own", "云函数内部错误", "call again; see the function's log", "重新调用；查看云函数日志"},
}
