package cause

import "cloudpay/internal/bilingual"

// paySignFields are the causes in the fields that a client is handed to pay with, beside paySign:
// those of wx.requestPayment in a mini-program, of WeixinJSBridge in a page, and of an app. The
// client checks their form, and WeChat Pay whether they fit the order; both show one line to the
// user.
func paySignFields() []Cause {
	return []Cause{
		// A name in other letters is a missing field: timestamp for timeStamp.
		{
			ID:   "pay-sign-field-missing",
			What: bilingual.New("a field that the client needs to pay is missing or empty", "调起支付缺少必填字段，或字段为空"),
			Remedy: bilingual.New("Hand over timeStamp, nonceStr, package, signType and paySign in exactly these letters;"+
				" an app takes appid, partnerid, prepayid, package, noncestr, timestamp and sign.",
				"传入 timeStamp、nonceStr、package、signType、paySign，大小写一致；APP 为 appid、partnerid、prepayid、package、noncestr、timestamp、sign。"),
		},
		// A timestamp is a number in most languages, and JSON keeps it one.
		{
			ID:     "pay-sign-field-type",
			What:   bilingual.New("a field that the client needs to pay is not a string", "调起支付的字段不是字符串"),
			Remedy: bilingual.New("Make each field a string on the server: String(Math.floor(Date.now() / 1000)).", "在服务端把每个字段转成字符串：String(Math.floor(Date.now() / 1000))。"),
		},
		// packageVal and package, or timestamp and timeStamp, from two layers of a program.
		{
			ID:   "pay-sign-field-name",
			What: bilingual.New("a field is there twice, or has a name that no client takes", "字段重复，或字段名不被客户端识别"),
			Remedy: bilingual.New("Hand over each field once; CloudBase's packageVal becomes package before wx.requestPayment is called.",
				"每个字段只传一次；云开发返回的 packageVal 在调用 wx.requestPayment 前改为 package。"),
		},
		{
			ID:     "pay-sign-time-form",
			What:   bilingual.New("timeStamp is not in seconds", "timeStamp 不是以秒为单位"),
			Remedy: bilingual.New("Hand over the seconds since 1970, of ten digits: Math.floor(Date.now() / 1000).", "传入自 1970 年起的秒数，共十位：Math.floor(Date.now() / 1000)。"),
		},
		// String(32) in all documents of the client's calls.
		{
			ID:     "pay-sign-nonce-long",
			What:   bilingual.New("nonceStr is longer than 32 characters", "nonceStr 超过 32 个字符"),
			Remedy: bilingual.New("Use at most 32 characters: a UUID without its hyphens.", "最多 32 个字符：UUID 要去掉连字符。"),
		},
		{
			ID:   "pay-sign-package-form",
			What: bilingual.New("package has not the form that the client takes", "package 的格式不对"),
			Remedy: bilingual.New("Write prepay_id= and the prepay_id in a mini-program or a page, and Sign=WXPay in an app.",
				"小程序和 JSAPI 写 prepay_id= 加预支付标识，APP 写 Sign=WXPay。"),
		},
		// An identifier of another environment, or a cached one.
		{
			ID:   "pay-sign-prepay-id",
			What: bilingual.New("the prepay_id is not one of this merchant's orders", "prepay_id 不属于该商户的订单"),
			Remedy: bilingual.New("Hand over the prepay_id that WeChat Pay answered when this order was placed.",
				"传入本订单下单时微信支付返回的 prepay_id。"),
		},
		{
			ID:   "pay-sign-appid-other",
			What: bilingual.New("appId is not the one that the order was placed for", "appId 与下单时的不一致"),
			Remedy: bilingual.New("Place the order with the appid of the mini-program, page or app that pays, and hand over the same one.",
				"用发起支付的小程序、公众号或 APP 的 appid 下单，并传入同一个 appid。"),
		},
		{
			ID:     "pay-sign-partnerid",
			What:   bilingual.New("partnerid is not the order's merchant", "partnerid 不是该订单的商户号"),
			Remedy: bilingual.New("Hand over the mchid with which the order was placed.", "传入下单时的 mchid。"),
		},
		// Without one the client takes MD5.
		{
			ID:   "pay-sign-type",
			What: bilingual.New("signType is not that of the order", "signType 与下单方式不一致"),
			Remedy: bilingual.New("Hand over RSA for an order of APIv3, and for one of APIv2 the sign_type it was placed with: MD5 or HMAC-SHA256.",
				"APIv3 下单写 RSA；APIv2 写下单时的 sign_type：MD5 或 HMAC-SHA256。"),
		},
		// A prepay_id is valid for two hours.
		{
			ID:     "pay-sign-not-payable",
			What:   bilingual.New("the signature is right, but the user cannot pay", "签名正确，但用户无法支付"),
			Remedy: bilingual.New("Query the order; place it anew if the prepay_id has expired.", "先查单；prepay_id 已过期时重新下单。"),
		},
	}
}

// paySignKeys are the causes in how a paySign is written, and which key and hash made it.
func paySignKeys() []Cause {
	return []Cause{
		// A server that moved to APIv3 for placing, and kept the rest.
		{
			ID:   "pay-sign-v2-sign",
			What: bilingual.New("paySign is APIv2's, in hexadecimal: the order was placed by APIv3", "paySign 是 APIv2 的十六进制签名：订单由 APIv3 下单"),
			Remedy: bilingual.New("Sign appId, timeStamp, nonceStr and package by RSA with the merchant's private key, in base64.",
				"用商户私钥对 appId、timeStamp、nonceStr、package 做 RSA 签名，并以 base64 传入。"),
		},
		{
			ID:   "pay-sign-v3-sign",
			What: bilingual.New("paySign is APIv3's, in base64: the order was placed by APIv2", "paySign 是 APIv3 的 base64 签名：订单由 APIv2 下单"),
			Remedy: bilingual.New("Sign with the APIv2 key as the order was placed: MD5 or HMAC-SHA256 in hexadecimal.",
				"按下单方式用 APIv2 密钥签名：MD5 或 HMAC-SHA256 的十六进制。"),
		},
		// A query parameter or a form on the way to the page.
		{
			ID:   "pay-sign-base64",
			What: bilingual.New("paySign is not in standard base64 with padding", "paySign 不是带填充的标准 base64"),
			Remedy: bilingual.New("Write the signature in standard base64, not in hexadecimal, and hand it over in JSON: in a form each + becomes a space.",
				"签名用标准 base64 而不是十六进制，并以 JSON 传递：表单会把 + 变成空格。"),
		},
		{
			ID:     "pay-sign-length",
			What:   bilingual.New("paySign has another length than the merchant's key makes", "paySign 的长度与商户密钥不符"),
			Remedy: bilingual.New("Hand over the whole signature of the merchant's private key: 344 characters of base64.", "传入商户私钥签名的完整结果：344 个 base64 字符。"),
		},
		{
			ID:     "pay-sign-hash",
			What:   bilingual.New("the right key signed, but not over SHA-256", "密钥正确，但摘要算法不是 SHA-256"),
			Remedy: bilingual.New("Sign with SHA256withRSA (RSA-SHA256).", "使用 SHA256withRSA（RSA-SHA256）签名。"),
		},
		{
			ID:     "pay-sign-pss",
			What:   bilingual.New("paySign has PSS padding: it must be RSASSA-PKCS1-v1_5", "paySign 用了 PSS 填充：应为 RSASSA-PKCS1-v1_5"),
			Remedy: bilingual.New("Choose PKCS #1 v1.5 padding for the signature.", "签名填充选择 PKCS #1 v1.5。"),
		},
		{
			ID:     "pay-sign-key-merchant",
			What:   bilingual.New("paySign was made with another merchant's key", "paySign 用的是另一个商户的密钥"),
			Remedy: bilingual.New("Sign with the key of the merchant that placed the order: in partner mode the service provider's.", "用下单商户的密钥签名：服务商模式用服务商的密钥。"),
		},
		{
			ID:     "pay-sign-key-platform",
			What:   bilingual.New("paySign was made with a key of WeChat Pay", "paySign 用的是微信支付的密钥"),
			Remedy: bilingual.New("Sign with the merchant's own key, apiclient_key.pem.", "用商户自己的私钥 apiclient_key.pem 签名。"),
		},
		{
			ID:     "pay-sign-key-other",
			What:   bilingual.New("paySign was not made with the merchant's private key", "paySign 不是用商户私钥生成的"),
			Remedy: bilingual.New("Sign with the apiclient_key.pem whose certificate the merchant uses now.", "使用商户当前证书对应的 apiclient_key.pem 签名。"),
			Decides: bilingual.New("The certificate and the key have the same modulus: openssl x509 -in apiclient_cert.pem -noout -modulus.",
				"证书与私钥的模数应相同：openssl x509 -in apiclient_cert.pem -noout -modulus。"),
		},
		{
			ID:     "pay-sign-key-v3",
			What:   bilingual.New("paySign was made with the APIv3 key", "paySign 用的是 APIv3 密钥"),
			Remedy: bilingual.New("Use the merchant's private key for an order of APIv3, and the APIv2 key for one of APIv2.", "APIv3 下单用商户私钥签名，APIv2 下单用 APIv2 密钥签名。"),
		},
		// The key with what an editor left at its end, in other letters, or joined otherwise.
		{
			ID:   "pay-sign-key-form",
			What: bilingual.New("the APIv2 key was not signed as it is, with &key= before it", "APIv2 密钥未按原样参与签名，或前面不是 &key="),
			Remedy: bilingual.New("Append &key= and the key as it was set, without blanks or line feeds.",
				"在末尾追加 &key= 和原样的密钥，不带空格或换行。"),
		},
		{
			ID:   "pay-sign-digest",
			What: bilingual.New("paySign is another digest than signType says", "paySign 的摘要算法与 signType 不一致"),
			Remedy: bilingual.New("Use one digest for placing, paySign and signType: MD5, or HMAC-SHA256 with the APIv2 key.",
				"下单、paySign、signType 用同一种摘要：MD5，或以 APIv2 密钥做的 HMAC-SHA256。"),
		},
		{
			ID:     "pay-sign-small-letters",
			What:   bilingual.New("paySign is in lower-case digits and must be in capitals", "paySign 是小写的：应为大写"),
			Remedy: bilingual.New("Turn the digits into capitals.", "把十六进制数字转成大写。"),
		},
	}
}

// decidePaySign is what shows a text that no likely mistake makes.
var decidePaySign = bilingual.New("Print the signed text just before signing and the object that the client is handed, and compare them.",
	"在签名之前打印待签名串，并打印客户端收到的对象，逐项比较。")

// paySignTexts are the causes in the text that was signed.
func paySignTexts() []Cause {
	return []Cause{
		// The documents of a mini-program and of an app differ in this.
		{
			ID:   "pay-sign-package-signed",
			What: bilingual.New("another form of the prepay_id was signed than this client needs", "签名的 prepay_id 写法与该客户端要求的不同"),
			Remedy: bilingual.New("Sign prepay_id= and the prepay_id for a mini-program or a page; for an app of APIv3 the bare prepay_id.",
				"小程序和 JSAPI 对 prepay_id= 加预支付标识签名；APIv3 的 APP 只对预支付标识签名。"),
		},
		{
			ID:     "pay-sign-appid-signed",
			What:   bilingual.New("another appId was signed than that of the client", "签名的 appId 不是该客户端的 appid"),
			Remedy: bilingual.New("Sign the appid that the order was placed for: sub_appid if it was placed for sub_openid.", "对下单时的 appid 签名：以 sub_openid 下单时是 sub_appid。"),
		},
		{
			ID:     "pay-sign-last-line-feed",
			What:   bilingual.New("the last line feed is missing: each of the four lines ends with one", "缺少最后一个换行符：四行每行都以换行符结尾"),
			Remedy: bilingual.New(`Write appId + "\n" + timeStamp + "\n" + nonceStr + "\n" + package + "\n".`, `写成 appId + "\n" + timeStamp + "\n" + nonceStr + "\n" + package + "\n"。`),
		},
		{
			ID:     "pay-sign-backslash-n",
			What:   bilingual.New("the lines are separated by a backslash and an n: it must be the line feed character", "各行之间是反斜杠加字母 n：应是换行符"),
			Remedy: bilingual.New(`Put \n between double quotes where the language demands that.`, `在要求双引号的语言中把 \n 放进双引号。`),
		},
		{
			ID:     "pay-sign-separator",
			What:   bilingual.New("the lines end with something other than one line feed, such as carriage return and line feed", "各行结尾不是单个换行符，例如是回车加换行"),
			Remedy: bilingual.New(`End each of the four lines with "\n".`, `四行各以 "\n" 结尾。`),
		},
		{
			ID:     "pay-sign-lines-swapped",
			What:   bilingual.New("the lines were signed in the wrong order", "各行的签名顺序不对"),
			Remedy: bilingual.New("Sign in this order: appId, timeStamp, nonceStr, package.", "按此顺序签名：appId、timeStamp、nonceStr、package。"),
		},
		{
			ID:     "pay-sign-pairs",
			What:   bilingual.New("name=value pairs were signed, as in APIv2: APIv3 signs four lines", "按 APIv2 的方式签名了 名称=值：APIv3 签名四行"),
			Remedy: bilingual.New("Sign the four values alone, each with a line feed behind it.", "只签名四个值，每个值后加换行符。"),
		},
		// The clock is read once to sign and once more for the object.
		{
			ID:     "pay-sign-timestamp-differs",
			What:   bilingual.New("another timeStamp was signed than is handed over", "签名的 timeStamp 与传入的不一致"),
			Remedy: bilingual.New("Make the timeStamp once, and use it both to sign and in the object.", "timeStamp 只生成一次，签名和传入用同一个值。"),
		},
		{
			ID:      "pay-sign-nonce-differs",
			What:    bilingual.New("another nonceStr was signed than is handed over", "签名的 nonceStr 与传入的不一致"),
			Remedy:  bilingual.New("Make the nonceStr once, and use it both to sign and in the object: not the one of the request.", "nonceStr 只生成一次，签名和传入用同一个值，不用下单请求的随机串。"),
			Decides: decidePaySign,
		},
		// Byte order: all names but package have a capital in them.
		{
			ID:   "pay-sign-names",
			What: bilingual.New("the fields were signed under names in other letters: appId, timeStamp, nonceStr, signType", "签名时字段名的大小写不对：应为 appId、timeStamp、nonceStr、signType"),
			Remedy: bilingual.New("Sign appId, nonceStr, package, signType and timeStamp in these letters; an app's names are all small.",
				"按 appId、nonceStr、package、signType、timeStamp 的大小写签名；APP 的字段名全部小写。"),
		},
		{
			ID:     "pay-sign-order",
			What:   bilingual.New("the fields were signed in another order than sorted by name", "字段没有按名称排序签名"),
			Remedy: bilingual.New("Sort by name in byte order (ASCII) before joining.", "拼接前按名称的字节序（ASCII）排序。"),
		},
		{
			ID:      "pay-sign-fields",
			What:    bilingual.New("other fields were signed than are handed over", "参与签名的字段与传入的不一致"),
			Remedy:  bilingual.New("Sign appId, nonceStr, package, signType and timeStamp, all of them and no other.", "对 appId、nonceStr、package、signType、timeStamp 全部签名，不多不少。"),
			Decides: decidePaySign,
		},
		{
			ID:     "pay-sign-values",
			What:   bilingual.New("values were URL-encoded or trimmed before signing", "签名前对值做了 URL 编码或去空白"),
			Remedy: bilingual.New("Sign the values as they are handed over: prepay_id= keeps its =.", "按传入的原值签名：prepay_id= 中的 = 不转义。"),
		},
		{
			ID:   "pay-sign-other",
			What: bilingual.New("no likely mistake makes paySign: look for another key, or a value changed after signing", "常见错误都不会得到该 paySign：请检查是否用了别的密钥，或签名后改动了值"),
			Remedy: bilingual.New("Compare the signed text with the expected one: appId, timeStamp, nonceStr, package; with APIv2 set the key anew.",
				"把实际签名的文本与应签名的文本比较：appId、timeStamp、nonceStr、package；APIv2 可重新设置密钥。"),
			Decides: decidePaySign,
		},
	}
}
