package cause

import "cloudpay/internal/bilingual"

// requestSymptoms are WeChat Pay's answers to a request whose signature or head it refuses.
//
// The texts are those of WeChat Pay's answers and of its documents: pages 4012365344 to 4012365347
// and 4013053279 of pay.weixin.qq.com/doc/v3/merchant, the 401 table of
// wechatpay-apiv3/wechatpay-api-v3 (gitbook, FAQ of signatures), S000 to S003 of the documents of
// closing and querying, and answers quoted in issues: binarywang/weixin-java-pay-demo#136,
// yansongda/pay#455, TheNorthMemory/wechatpay-axios-plugin's CHANGELOG of 0.7.11.
var requestSymptoms = []symptom{
	{
		title: bilingual.New("WeChat Pay answers 401: the signature is wrong (APIv3)", "微信支付应答 401：签名错误（APIv3）"),
		ids:   refusedV3,
		seen: []seen{{wechatPay, []string{
			"错误的签名，验签失败",
			"错误的签名，导致验签失败",
			"签名错误，请检查后再试",
			"SIGN_ERROR…签名错误",
			"签名错误…SIGN_ERROR",
			"SIGN_ERROR",
			"sign not match",
			"truncated_sign_message",
		}}},
	},
	{
		// The answer is HTTP 200 and unsigned, so that whatever is on the way could have made it.
		title: bilingual.New("WeChat Pay answers “签名错误” (APIv2)", "微信支付应答“签名错误”（APIv2）"),
		ids:   refusedV2,
		seen: []seen{
			{wechatPay, []string{
				"<return_msg><![CDATA[签名错误]]></return_msg>",
				"return_msg…签名错误",
				"SIGNERROR",
				"签名失败",
			}},
			// weixin-java-pay, exception/WxPayException.java and bean/result/BaseWxPayResult.java
			{wxJava, []string{"返回代码：[FAIL]，返回信息：[签名错误]", "返回代码：FAIL，返回信息：签名错误"}},
			// lib/transformer.js
			{axios, []string{"Verify the response's data is failed because return_code's value is FAIL."}},
		},
	},
	{
		// Both APIs say this, and an SDK often shows nothing else. APIv2's keys are mixed up more
		// often than APIv3's requests are built wrongly, so they go first.
		title: bilingual.New("WeChat Pay answers “签名错误”, and no more is known", "微信支付应答“签名错误”，没有其他信息"),
		ids:   append(refusedV2[:4:4], refusedV3[:6]...),
		seen:  []seen{{wechatPay, []string{"签名错误"}}},
	},
	{
		title: bilingual.New("WeChat Pay cannot read an APIv2 document", "微信支付无法读取 APIv2 文档"),
		ids:   []ID{"v2-document", "account-field-name"},
		seen: []seen{{wechatPay, []string{
			"XML格式错误", "XML_FORMAT_ERROR", "post数据为空", "POST_DATA_EMPTY", "缺少参数", "LACK_PARAMS",
		}}},
	},
	{
		// The last of the texts is what /v3/pay/transactions/… answers to a request without the
		// header; other paths answer the first.
		title: bilingual.New("WeChat Pay cannot read the Authorization header", "微信支付无法读取 Authorization 请求头"),
		ids:   []ID{"v3-header-form", "v3-scheme"},
		seen: []seen{{wechatPay, []string{
			"Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》",
			"Authorization不合法",
			"签名信息错误，验签失败",
		}}},
	},
	{
		title: bilingual.New("WeChat Pay does not know the scheme of the Authorization header", "微信支付不认识 Authorization 的认证类型"),
		ids:   []ID{"v3-scheme", "v3-header-form"},
		seen:  []seen{{wechatPay, []string{"Http头Authorization认证类型不正确"}}},
	},
	{
		// This is looked at before the signature, so that the signature may be wrong, too.
		title: bilingual.New("WeChat Pay finds the time of the request wrong", "微信支付认为请求的时间不对"),
		ids:   []ID{"v3-clock", "v3-milliseconds"},
		seen:  []seen{{wechatPay, []string{"Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"}}},
	},
	{
		// A platform certificate's serial number is the likeliest, because the console and
		// /v3/certificates show it under the same name.
		title: bilingual.New("WeChat Pay does not know the certificate's serial number", "微信支付不认识商户证书序列号"),
		ids:   []ID{"v3-serial-platform", "v3-serial-other", "v3-serial-form", "v3-mchid", "account-certificate"},
		seen:  []seen{{wechatPay, []string{"商户证书序列号有误", "商户证书序列号有误。请使用签名私钥匹配的证书序列号"}}},
	},
	{
		title: bilingual.New("The merchant number is another in the header than in the request", "请求头与请求中的商户号不一致"),
		ids:   []ID{"v3-mchid"},
		seen:  []seen{{wechatPay, []string{"http header中的mchid与post payload中的mchid不匹配"}}},
	},
	{
		// libcurl, and with it PHP, sends no User-Agent unless it is told to; it sends Accept by
		// itself.
		title: bilingual.New("A header is missing", "缺少请求头"),
		ids:   []ID{"v3-user-agent", "v3-accept"},
		seen:  []seen{{wechatPay, []string{"Http头缺少Accept或User-Agent"}}},
	},
	{
		title: bilingual.New("WeChat Pay does not know the Wechatpay-Serial of the request", "微信支付不认识请求的 Wechatpay-Serial"),
		ids:   []ID{"v3-wechatpay-serial"},
		seen: []seen{
			{wechatPay, []string{
				"平台证书序列号Wechatpay-Serial错误",
				"HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)",
			}},
			{emulated, []string{"Http头缺少Wechatpay-Serial", "Http头Wechatpay-Serial的值有误"}},
		},
	},
}

// refusedV3 are the causes of a refused APIv3 signature. The order is that of WeChat Pay's own
// advice (gitbook, FAQ of signatures) and of the issues of the SDKs: the key and its serial number,
// a request that is built twice, the end of the signed text; the rest follows.
var refusedV3 = []ID{
	"v3-serial-other", "v3-key-other", "v3-query", "v3-body-spaces", "v3-body-keys", "v3-last-line-feed",
	"v3-body-escapes", "v3-timestamp-differs", "v3-nonce-differs", "v3-body-unsigned", "v3-body-invented",
	"v3-body-numbers", "v3-body-line", "v3-body-line-feed", "v3-url-full", "v3-path-escape", "v3-path-unsigned",
	"v3-query-order", "v3-question-mark", "v3-path-slash", "v3-method-case", "v3-method-other", "v3-nonce-case",
	"v3-timestamp-milliseconds", "v3-backslash-n", "v3-crlf", "v3-separator", "v3-line-missing", "v3-lines-swapped", "v3-hex",
	"v3-base64-hex", "v3-base64-url", "v3-base64-padding", "v3-base64-other", "v3-length", "v3-hash", "v3-pss",
	"v3-hmac", "v3-key-merchant", "v3-key-platform", "v3-message-other",
}

// refusedV2 are the causes of a refused APIv2 signature: the key first, as in the issues
// binarywang/weixin-java-pay-demo#136, chanxuehong/wechat#223 and yansongda/pay#837.
var refusedV2 = []ID{
	"v2-key-v3", "v2-key-merchant", "v2-key-blank", "v2-md5-for-hmac", "v2-hmac-for-md5", "account-v2-key-unset",
	"v2-sign-type-unsigned", "v2-sign-type-unsent", "v2-empty-values", "v2-element-unsigned", "v2-charset",
	"v2-order", "v2-key-case", "v2-small-letters", "v2-escaped", "v2-cdata", "v2-trimmed", "v2-numbers",
	"v2-key-unsigned", "v2-key-name", "v2-sign-missing", "v2-sign-type", "v2-sign-signed", "v2-sha256",
	"v2-mchid", "v2-length", "v2-other",
}
