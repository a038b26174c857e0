package cause

import "cloudpay/internal/bilingual"

// replies are the causes for which a merchant's program does not believe a reply, though WeChat Pay
// made it, or for which it must not.
func replies() []Cause {
	return []Cause{
		// Without Wechatpay-Serial in the request either may sign (WxJava#3528, #3546).
		{
			ID: "reply-key-kind",
			What: bilingual.New("the reply is signed by the other kind of key: WeChat Pay's public key where a platform certificate is expected, or the other way round",
				"应答由另一类密钥签名：程序按平台证书验签，而应答应以微信支付公钥验签，或相反"),
			Remedy: bilingual.New("Keep both keys, choose by Wechatpay-Serial, and send Wechatpay-Serial: PUB_KEY_ID_… on every request, also on a GET.",
				"同时保留两类密钥，按 Wechatpay-Serial 选择；每个请求（包括 GET）都带 Wechatpay-Serial: PUB_KEY_ID_…。"),
		},
		// wechatpay-go#11, #17 and #18 are of this.
		{
			ID: "reply-merchant-certificate",
			What: bilingual.New("the merchant's own certificate was used to verify a reply: it must be WeChat Pay's key",
				"用商户自己的证书验证应答：应使用微信支付的密钥"),
			Remedy: bilingual.New("Give the client WeChat Pay's public key (pub_key.pem) or platform certificate, not apiclient_cert.pem.",
				"交给客户端微信支付公钥（pub_key.pem）或平台证书，不是 apiclient_cert.pem。"),
		},
		// gopay verifies a struct that it marshals again (go-pay/gopay#454).
		{
			ID:   "reply-body-parsed",
			What: bilingual.New("the body was parsed and serialised again before verifying", "验签之前应答体被解析并重新序列化"),
			Remedy: bilingual.New("Verify over the bytes that were received, before any parsing; a 204's body is empty, not null.",
				"在解析之前对收到的字节验签；204 的应答体为空，不是 null。"),
		},
		// Proxies trim, fold and rename headers.
		{
			ID:   "reply-header-changed",
			What: bilingual.New("the timestamp or the nonce used to verify is not the one that was signed", "验签用的时间戳或随机串不是被签名的那个"),
			Remedy: bilingual.New("Take Wechatpay-Timestamp and Wechatpay-Nonce from the same reply, as they stand; look for a proxy that changes headers.",
				"从同一个应答原样取 Wechatpay-Timestamp 和 Wechatpay-Nonce；检查是否有代理改动了请求头。"),
			Decides: decideByLog,
		},
		// A certificate is renewed every five years, and listed ahead.
		{
			ID:   "reply-serial-unknown",
			What: bilingual.New("Wechatpay-Serial names a key that the program does not have", "Wechatpay-Serial 所指的密钥程序中没有"),
			Remedy: bilingual.New("Add the key: download the public key in the merchant platform, or the platform certificates by GET /v3/certificates.",
				"补充该密钥：在商户平台下载微信支付公钥，或用 GET /v3/certificates 下载平台证书。"),
		},
		// A reply that was replayed has an old timestamp, too.
		{
			ID:   "reply-clock",
			What: bilingual.New("the reply's timestamp is more than five minutes from the clock", "应答的时间戳与本机时钟相差超过 5 分钟"),
			Remedy: bilingual.New("Set the machine's clock (NTP). If the clock is right, the reply is an old one: do not believe it.",
				"校准机器时钟（NTP）。若时钟正确，则这是旧应答，不要相信。"),
		},
		// A request that is not authenticated gets an unsigned refusal (wechatpay-axios-plugin#30).
		{
			ID:   "reply-unsigned",
			What: bilingual.New("the reply is not signed: it proves nothing", "应答没有签名：不能证明任何事"),
			Remedy: bilingual.New("Read its status and code as a hint, and mend the request that it complains about; never take an order for paid or closed by it.",
				"把状态码和错误码当作提示，修正它所指出的请求问题；不要据此认定订单已支付或已关闭。"),
		},
		// WeChat Pay sends these at any time (doc 4013053249).
		{
			ID: "reply-probe",
			What: bilingual.New("the signature begins with WECHATPAY/SIGNTEST/: WeChat Pay tests whether signatures are checked",
				"签名以 WECHATPAY/SIGNTEST/ 开头：这是微信支付在探测是否验签"),
			Remedy: bilingual.New("Reject it, and send the request again: the next reply is signed as usual.",
				"拒绝它，然后重新发送请求：下一个应答会正常签名。"),
		},
		// The form is checked before the key is used.
		{
			ID:   "reply-base64",
			What: bilingual.New("Wechatpay-Signature is not standard base64 any more", "Wechatpay-Signature 已不是标准 base64"),
			Remedy: bilingual.New("Take the header as it stands: look for what cuts, decodes or escapes it on the way.",
				"原样使用该请求头：检查途中是否被截断、解码或转义。"),
		},
		// A reply that does not verify may be forged.
		{
			ID:   "reply-other",
			What: bilingual.New("the signature does not hold, and no likely mistake explains it", "签名验证不通过，常见错误都不能解释"),
			Remedy: bilingual.New("Do not believe the reply; query again. Compare the bytes verified with those received.",
				"不要相信该应答，重新查询。把验签用的字节与收到的字节比较。"),
			Decides: decideByLog,
		},
		// APIv2's reply is signed with the key that signs the request.
		{
			ID:   "reply-v2-key",
			What: bilingual.New("the APIv2 reply was verified with another key than signs it", "验证 APIv2 应答所用的密钥不对"),
			Remedy: bilingual.New("Verify with the APIv2 key of the merchant in mch_id, not with the APIv3 key or a sub-merchant's.",
				"使用 mch_id 所对应商户的 APIv2 密钥验签，不是 APIv3 密钥，也不是子商户的密钥。"),
		},
		// The documents demand that elements which are new are signed, too.
		{
			ID: "reply-v2-empty",
			What: bilingual.New("the APIv2 reply was verified over other elements than were received: with the empty ones, or without those unknown to the program",
				"验证 APIv2 应答时所用的元素与收到的不同：包含了空元素，或漏掉了程序不认识的元素"),
			Remedy: bilingual.New("Verify over every element received that is not empty, but sign; keep unknown ones until then.",
				"用收到的所有非空元素（sign 除外）验签；在此之前保留不认识的元素。"),
		},
		// No reply of closing and querying has a sign_type.
		{
			ID: "reply-v2-sign-type",
			What: bilingual.New("the APIv2 reply is signed with the other digest: MD5 for HMAC-SHA256 or back",
				"APIv2 应答用了另一种摘要：应为 HMAC-SHA256 却是 MD5，或相反"),
			Remedy: bilingual.New("Verify with the sign_type of the request; 64 digits are HMAC-SHA256, 32 are MD5.",
				"按请求的 sign_type 验签；64 位是 HMAC-SHA256，32 位是 MD5。"),
		},
	}
}

// notifications are the causes for which a notification is not understood.
func notifications() []Cause {
	return []Cause{
		// Go says: cipher: message authentication failed (gopay#334).
		{
			ID: "notice-v3-key",
			What: bilingual.New("the resource was decrypted with another key than the merchant's APIv3 key",
				"解密 resource 所用的不是商户的 APIv3 密钥"),
			Remedy: bilingual.New("Use the APIv3 key, 32 characters, as its bytes stand: no white space, neither decoded nor hashed, not the APIv2 key.",
				"使用 32 个字符的 APIv3 密钥原样的字节：不带空白，不做解码或哈希，也不是 APIv2 密钥。"),
			Decides: bilingual.New("A wrong key, associated_data, nonce or ciphertext all give the same error: try one resource with each of them as received.",
				"密钥、associated_data、nonce、密文任一不对都是同一个错误：用原样收到的值逐一验证。"),
		},
		// It is "transaction" for payments, "refund" for refunds, and may be empty.
		{
			ID: "notice-associated-data",
			What: bilingual.New("the resource was decrypted with another associated_data than it carries",
				"解密 resource 所用的 associated_data 与其中的不一致"),
			Remedy: bilingual.New("Pass resource.associated_data as it stands; where it is absent or empty, pass none.",
				"原样传入 resource.associated_data；没有或为空时不传。"),
		},
		// GCM takes the 12 characters as bytes.
		{
			ID:   "notice-nonce",
			What: bilingual.New("the resource was decrypted with another nonce than its own", "解密 resource 所用的 nonce 不是它自己的"),
			Remedy: bilingual.New("Use resource.nonce, 12 characters as bytes, not the header's Wechatpay-Nonce, and do not decode it.",
				"使用 resource.nonce（12 个字符的原始字节），不是请求头 Wechatpay-Nonce，也不要解码。"),
		},
		// A text column that is too short cuts it.
		{
			ID:   "notice-ciphertext",
			What: bilingual.New("the resource's ciphertext is cut, changed, or not standard base64", "resource 的密文被截断、改动，或不是标准 base64"),
			Remedy: bilingual.New("Decode resource.ciphertext from standard base64, whole; the last 16 bytes are the tag.",
				"对完整的 resource.ciphertext 做标准 base64 解码；最后 16 字节是认证标签。"),
		},
		// Express and Spring parse JSON before the handler runs.
		{
			ID:   "notice-body-parsed",
			What: bilingual.New("the notification's body was parsed and serialised again before verifying", "验签之前通知体被解析并重新序列化"),
			Remedy: bilingual.New("Read the raw body before any middleware parses it, and verify over those bytes.",
				"在中间件解析之前读取原始请求体，并对这些字节验签。"),
		},
		// A gateway in front of the function may drop or rename headers.
		{
			ID: "notice-header-changed",
			What: bilingual.New("the timestamp or the nonce in the notification's headers is not the one that was signed",
				"通知请求头中的时间戳或随机串不是被签名的那个"),
			Remedy: bilingual.New("Take Wechatpay-Timestamp and Wechatpay-Nonce as they stand; look for a proxy that changes headers.",
				"原样使用 Wechatpay-Timestamp 和 Wechatpay-Nonce；检查是否有代理改动了请求头。"),
			Decides: decideByLog,
		},
		// The shares of the two kinds grow from 0.1 % to 100 % within a week.
		{
			ID: "notice-key-kind",
			What: bilingual.New("the notification is signed by the other kind of WeChat Pay's keys than the program has",
				"通知由程序没有的另一类微信支付密钥签名"),
			Remedy: bilingual.New("While a merchant moves to the public key, both kinds sign: keep both, and choose by Wechatpay-Serial.",
				"商户切换到公钥期间两类密钥都会签名：两者都要保留，并按 Wechatpay-Serial 选择。"),
		},
		// Only APIv2's refund notification is encrypted this way.
		{
			ID: "notice-v2-req-info",
			What: bilingual.New("req_info was decrypted with another key than the MD5 of the APIv2 key",
				"解密 req_info 所用的不是 APIv2 密钥的 MD5"),
			Remedy: bilingual.New("Decrypt with AES-256-ECB; the key is the MD5 of the APIv2 key, as 32 small hexadecimal digits.",
				"使用 AES-256-ECB 解密；密钥是 APIv2 密钥的 MD5，取 32 位小写十六进制。"),
		},
	}
}
