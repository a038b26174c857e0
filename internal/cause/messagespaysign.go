package cause

import "cloudpay/internal/bilingual"

// paySignSymptoms are what WeChat's client shows when a user is to pay. A mini-program gets the
// errMsg of wx.requestPayment, a page that of WeixinJSBridge or of wx.chooseWXPay; the rest are
// toasts on the phone, which no log has. No document of WeChat Pay lists them: they stand here as
// people quote them in questions, and those of an order that cannot be paid as the emulated client
// says them.
var paySignSymptoms = []symptom{
	{
		title: bilingual.New("WeChat's client says that the signature to pay is wrong", "微信客户端提示支付验证签名失败"),
		ids: []ID{
			"pay-sign-type", "pay-sign-package-signed", "pay-sign-appid-signed", "pay-sign-timestamp-differs", "pay-sign-nonce-differs",
			"pay-sign-key-other", "pay-sign-last-line-feed", "pay-sign-v2-sign", "pay-sign-v3-sign", "pay-sign-key-v3", "pay-sign-names",
			"pay-sign-pairs", "pay-sign-base64", "pay-sign-digest", "pay-sign-key-form", "pay-sign-fields", "pay-sign-order",
			"pay-sign-small-letters", "pay-sign-values", "pay-sign-backslash-n", "pay-sign-separator", "pay-sign-lines-swapped",
			"pay-sign-hash", "pay-sign-pss", "pay-sign-key-merchant", "pay-sign-key-platform", "pay-sign-length", "pay-sign-prepay-id",
			"pay-sign-appid-other", "pay-sign-partnerid", "pay-sign-other",
		},
		seen: []seen{{wechatPay, []string{
			"支付验证签名失败", "requestPayment:fail 支付验证签名失败",
		}}},
	},
	{
		title: bilingual.New("WeChat's client says that a parameter to pay is missing or wrong", "微信客户端提示调用支付缺少参数"),
		ids: []ID{
			"pay-sign-field-missing", "pay-sign-field-type", "pay-sign-package-form", "pay-sign-time-form", "pay-sign-field-name",
			"pay-sign-nonce-long",
		},
		seen: []seen{{wechatPay, []string{
			"调用支付JSAPI缺少参数", "requestPayment:fail parameter error",
			"parameter.timeStamp should be String instead of Number",
		}}},
	},
	{
		title: bilingual.New("WeChat's client says that the order cannot be paid", "微信客户端提示订单无法支付"),
		ids:   []ID{"pay-sign-not-payable", "pay-sign-prepay-id"},
		seen: []seen{{emulated, []string{
			"订单已支付，并发生过退款。", "订单已关闭，不能支付。", "订单已超过支付有效期，不能支付。", "预支付会话已过期，请商户重新下单。",
		}}},
	},
}
