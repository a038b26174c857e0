package console

import "cloudpay/internal/bilingual"

// The management API lists the actions and the operations, and these are the words for them. What
// has no words here, such as an action that was added since, is shown by its name alone.

// actionWords say what the actions of faults do, as docs/emulator.md has it in more words.
var actionWords = map[string]bilingual.Text{
	// Of WeChat Pay, in place of its answer: nothing is done to the order.
	"refuse":       bilingual.New("answers the code, and does nothing", "返回指定错误码，不执行操作"),
	"system-error": bilingual.New("500 SYSTEM_ERROR, and does nothing", "500 SYSTEM_ERROR，不执行操作"),
	"bank-error":   bilingual.New("500 BANK_ERROR, and does nothing", "500 BANK_ERROR，不执行操作"),
	"rate-limit":   bilingual.New("429 FREQUENCY_LIMITED, and does nothing", "429 FREQUENCY_LIMITED，不执行操作"),
	"user-paying":  bilingual.New("202 USERPAYING, and does nothing", "202 USERPAYING，不执行操作"),
	"switched":     bilingual.New("403 NOT_ENOUGH: moved to the public key", "403 NOT_ENOUGH：已切换到公钥"),
	"html-502":     bilingual.New("a proxy's page, unsigned", "代理返回的网页，无签名"),
	// Of WeChat Pay, in its reply or notification: the request was handled, and what comes must not
	// be believed, or cannot be read.
	"wrong-order":           bilingual.New("about another order, signed", "内容为另一订单，签名有效"),
	"wrong-merchant":        bilingual.New("for another merchant, signed", "内容为另一商户，签名有效"),
	"wrong-amount":          bilingual.New("names another amount, signed", "金额不符，签名有效"),
	"oversize":              bilingual.New("longer than 1 MiB, signed", "超过 1 MiB，签名有效"),
	"bad-signature":         bilingual.New("the signature is wrong", "签名错误"),
	"unsigned":              bilingual.New("there is no signature", "没有签名"),
	"unknown-serial":        bilingual.New("signed by a key that there is not", "签名序列号不存在"),
	"probe":                 bilingual.New("WECHATPAY/SIGNTEST/: must be refused", "WECHATPAY/SIGNTEST/ 探测，应拒绝"),
	"stale":                 bilingual.New("signed ten minutes ago", "十分钟前的签名"),
	"reencoded":             bilingual.New("encoded again after signing", "签名后重新序列化"),
	"wrong-key":             bilingual.New("encrypted or signed with another key", "以另一密钥加密或签名"),
	"wrong-associated-data": bilingual.New("another associated_data than encrypted", "associated_data 与加密时不同"),
	"empty-associated-data": bilingual.New("an empty associated_data, which is right", "associated_data 为空，属正常"),
	"truncate":              bilingual.New("the body ends half-way", "正文中途截断"),
	"drop":                  bilingual.New("done, and the answer is lost", "已执行，应答丢失"),
	"reset":                 bilingual.New("the connection breaks before anything is done", "执行之前连接重置"),
	"hang":                  bilingual.New("nothing is done, and no answer comes", "不执行也不应答"), "delay": bilingual.New("waits first", "先等待"),
	"pay": bilingual.New("the user pays just before", "处理之前用户已支付"), "lost": bilingual.New("is never sent", "始终不发送"),
	"duplicate": bilingual.New("comes twice", "重复两次"), "cold-start": bilingual.New("waits first, as for a new instance", "先等待，如冷启动"),
	"throttle":        bilingual.New("refused as too many: 432, on AWS 429", "因并发过多被拒绝：432，AWS 为 429"),
	"server-error":    bilingual.New("the cloud fails: 500", "云内部错误：500"),
	"lost-answer":     bilingual.New("handled, and the answer is lost", "已处理，应答丢失"),
	"bad-credentials": bilingual.New("refused as wrongly signed", "以签名错误为由拒绝"),
}

// operationWords are what the operations of WeChat Pay are called.
var operationWords = map[string]bilingual.Text{
	"close": bilingual.New("close", "关单"), "query": bilingual.New("query", "查单"), "place": bilingual.New("place", "下单"),
	"reverse": bilingual.New("reverse", "撤销"), "refund": bilingual.New("refund", "退款"),
	"refund-query": bilingual.New("query of a refund", "查询退款"), "echo": bilingual.New("self-test", "自检"),
	"certificates": bilingual.New("certificates", "平台证书"), "notify": bilingual.New("notification", "通知"),
	"": bilingual.New("close, query", "关单、查单"),
}

// ActionWord says what an action does; empty for one that is not known here.
func (l language) ActionWord(action string) string { return l.In(actionWords[action]) }

// OperationWord is the word for an operation; the operation itself if there is none.
func (l language) OperationWord(operation string) string {
	if text, known := operationWords[operation]; known {
		return l.In(text)
	}
	return operation
}
