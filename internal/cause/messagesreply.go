package cause

import "cloudpay/internal/bilingual"

// replySymptoms are what SDKs say of a reply of WeChat Pay that they do not accept. What they say
// of a notification is the same where they verify both by the same lines.
//
// A text of an SDK is in its source, in the file that is named beside it. Those of runtimes and of
// libraries below them (Java, Node.js, Go, Python, OpenSSL) follow from what the SDKs call. The
// causes are those of the issues about it: binarywang/WxJava#3528, #3546, #2879,
// wechatpay-apiv3/wechatpay-go#11, #17, #203, #263, klover2/wechatpay-node-v3-ts#73,
// TheNorthMemory/wechatpay-axios-plugin#30, #58, go-pay/gopay#189, #454,
// wechatpay-apiv3/wechatpay-guzzle-middleware#5.
var replySymptoms = []symptom{
	{
		title: bilingual.New("The signature of a reply or a notification does not verify (APIv3)", "应答或回调通知验签失败（APIv3）"),
		ids: []ID{"reply-body-parsed", "notice-body-parsed", "reply-key-kind", "reply-merchant-certificate",
			"notice-key-kind", "reply-probe", "reply-header-changed", "notice-header-changed", "reply-base64", "reply-other"},
		seen: []seen{
			// core/auth/validators/wechat_pay_validator.go, core/auth/verifiers/*.go
			{sdkGo, []string{
				"validate verify fail serial=[…] request-id=[…] err=verify signature with public key err…crypto/rsa: verification error",
				"verify signature with public key error:crypto/rsa: verification error",
			}},
			{goItself, []string{"crypto/rsa: verification error"}},
			// core/http/AbstractHttpClient.java, core/notification/NotificationParser.java
			{sdkJava, []string{
				"Validate response failed,the WechatPay signature is incorrect.",
				"Processing WechatPay notification,signature verification failed,",
			}},
			// SignatureExec.java, WechatPay2Validator.java, NotificationHandler.java
			{sdkApache, []string{"应答的微信支付签名验证失败", "signature verify fail: serial=[…] message=[…] sign=[…]", "签名验证失败"}},
			// v3/SignatureExec.java; service/impl/BaseWxPayServiceImpl.java for notifications
			{wxJava, []string{"应答的微信支付签名验证失败", "非法请求，头部信息验证失败", "签名验证过程发生了错误"}},
			// src/WechatPayMiddleware.php
			{sdkGuzzle, []string{"应答的微信支付签名验证失败"}},
			// src/Exception/WeChatPayException.php, src/Crypto/Rsa.php
			{sdkPHP, []string{
				"Verify the response's data with: timestamp=…, nonce=…, signature=…, cert=[… => ...] failed.",
				"Verified the input $message failed, please checking your $publicKey whether or nor correct.",
			}},
			// lib/decorator.js, EV3_RES_HEADER_SIGNATURE_DIGEST
			{axios, []string{
				"Verify the response's data with: timestamp=…, nonce=…, signature=…, cert={…: ...} failed.",
				"EV3_RES_HEADER_SIGNATURE_DIGEST",
			}},
			// wechat/v3/sign.go
			{goPay, []string{"[verify signature error]: crypto/rsa: verification error"}},
			// src/Pay/Validator.php
			{easyWeChat, []string{"Invalid Signature"}},
			// wechatpayv3/core.py
			{pythonV3, []string{"failed to verify the signature"}},
			// src/Traits/WechatTrait.php, for both APIs
			{yansongda, []string{"签名异常: 验证微信签名失败"}},
		},
	},
	{
		title: bilingual.New("No key belongs to the Wechatpay-Serial of a reply or a notification", "没有与应答或回调的 Wechatpay-Serial 对应的密钥"),
		ids: []ID{"reply-key-kind", "notice-key-kind", "reply-merchant-certificate", "reply-serial-unknown",
			"v3-wechatpay-serial"},
		seen: []seen{
			// core/auth/verifiers/sha256withrsa_verifier.go, sha256withrsa_pubkey_verifier.go
			{sdkGo, []string{
				"certificate[…] not found in verifier",
				"verify failed: key-id[…] does not match serial number[…]",
			}},
			// core/cipher/AbstractVerifier.java
			{sdkJava, []string{
				"publicKeyId[…] and serialNumber[…] are not equal",
				"Verify the signature and get the WechatPay certificate or publicKey corresponding to serialNumber[…] is empty.",
			}},
			// auth/CertificatesVerifier.java
			{sdkApache, []string{"找不到证书序列号对应的证书，序列号：…"}},
			// v3/auth/CertificatesVerifier.java reads a serial number as hexadecimal digits
			{wxJava, []string{"java.lang.NumberFormatException: For input string: \"PUB_KEY_ID_…\""}},
			// src/Exception/WeChatPayException.php, EV3_RES_HEADER_PLATFORM_SERIAL
			{sdkPHP, []string{
				"Cannot found the serial(`…`)'s configuration, which's from the response(header:…), your's …",
			}},
			// lib/decorator.js
			{axios, []string{
				"Cannot found the serial(`…`)'s configuration, which's from the response(header:…), your's …",
				"EV3_RES_HEADER_PLATFORM_SERIAL",
			}},
			// index.ts, verifySign
			{nodeV3, []string{"平台证书序列号不相符，未找到平台序列号"}},
			// wechat/v3/sign.go, verifySyncSign
			{goPay, []string{
				"auto verify sign, but wxPublicKey is nil, please call client.AutoVerifySignByPublicKey() set wxPublicKey and wxPublicKeyID",
				"auto verify sign, but public key not found",
				"[get all public key err]: …",
			}},
			{easyWeChat, []string{"No platform certs found for serial: …"}},
			// src/Traits/WechatTrait.php
			{yansongda, []string{"参数异常: 微信公钥序列号未找到 - …"}},
			// WechatTenpayClientSigningExtensions.cs
			{skitNet, []string{
				"The platform certificate manager does not contain a certificate matched the serial number \"…\".",
				"The platform public key manager does not contain a key matched the serial number \"…\".",
			}},
			// wechatpayv3/core.py reads a serial number as hexadecimal digits
			{pythonV3, []string{"invalid literal for int() with base 16: '0xPUB_KEY_ID_…'"}},
		},
	},
	{
		title: bilingual.New("The merchant's own certificate stands where WeChat Pay's should", "在微信支付平台证书的位置填了商户自己的证书"),
		ids:   []ID{"reply-merchant-certificate"},
		seen: []seen{
			// src/Exception/WeChatPayException.php, ERR_INIT_CERTS_EXCLUDE_MCHSERIAL
			{sdkPHP, []string{"The `certs(…)` contains the merchant's certificate serial number(…) which is not allowed here."}},
			// lib/decorator.js
			{axios, []string{"contains the merchant's certificate serial number"}},
		},
	},
	{
		title: bilingual.New("A reply or a notification has no signature", "应答或回调通知没有签名"),
		ids:   []ID{"reply-unsigned"},
		seen: []seen{
			// wechat_pay_validator.go: a time that is missing reads as 0.
			{sdkGo, []string{"key `Wechatpay-…` is empty in header, request-id=[…]", "timestamp=[0] expires, request-id=[…]"}},
			// core/auth/WechatPay2Validator.java, core/notification/NotificationParser.java
			{sdkJava, []string{
				"Validate http response,timestamp[null] of httpResponse is invalid",
				"Verify WechatPay notification parameters, serialNumber is empty",
				"Verify WechatPay notification parameters, signature is empty",
			}},
			// auth/WechatPay2Validator.java, notification/NotificationHandler.java
			{sdkApache, []string{"parameter error: empty [Wechatpay-…], request-id=[…]", "parameter error: empty Request-ID",
				"serialNumber为空", "signature为空"}},
			{sdkPHP, []string{"The response's Headers incomplete, must have("}},
			{axios, []string{"The response's Headers incomplete, must have(", "EV3_RES_HEADERS_INCOMPLATE"}},
			// wechat/v3/notify.go, wechat/v3/sign.go
			{goPay, []string{"auto verify sign, but SignInfo is nil", "verify notify sign, bug SignInfo is nil"}},
			{easyWeChat, []string{"Missing Header: Wechatpay-…"}},
			{yansongda, []string{"签名异常: 微信签名为空"}},
			// wechatpayv3/core.py: the type of a signature that is not there
			{pythonV3, []string{"wechatpayv3 does not support this algorithm:"}},
		},
	},
	{
		title: bilingual.New("The time of a reply or a notification is too far from the clock", "应答或回调通知的时间与本机时钟相差过大"),
		ids:   []ID{"reply-clock", "reply-unsigned"},
		seen: []seen{
			{sdkGo, []string{"timestamp=[…] expires, request-id=[…]"}},
			{sdkJava, []string{"Validate http response,timestamp[…] of httpResponse is expires"}},
			{sdkApache, []string{"parameter error: timestamp=[…] expires, request-id=[…]"}},
			{sdkPHP, []string{"It's allowed time offset in ± … seconds, the response was on …, your's localtime on …"}},
			{axios, []string{
				"It's allowed time offset in ± … seconds, the response(header:…) was on …, your's localtime on …",
				"EV3_RES_HEADER_TIMESTAMP_OFFSET",
			}},
			{easyWeChat, []string{"Clock Offset Exceeded"}},
			{yansongda, []string{"签名异常: 微信回调时间戳已过期"}},
		},
	},
	{
		title: bilingual.New("A signature is no Base64", "签名不是 Base64"),
		ids:   []ID{"reply-probe", "reply-base64", "reply-other"},
		seen: []seen{
			{wechatPay, []string{"WECHATPAY/SIGNTEST/…"}},
			// service/impl/BaseWxPayServiceImpl.java
			{wxJava, []string{"微信支付签名探测流量"}},
			{sdkGo, []string{"verify failed: signature not base64 encoded", "verify failed: signature is not base64 encoded"}},
			{javaItself, []string{"Last unit does not have enough valid bits", "Illegal base64 character"}},
		},
	},
	{
		title: bilingual.New("The signature of a reply does not verify (APIv2)", "应答验签失败（APIv2）"),
		ids:   []ID{"reply-v2-key", "reply-v2-empty", "reply-v2-sign-type"},
		seen: []seen{
			// bean/result/BaseWxPayResult.java, checkResult
			{wxJava, []string{"参数格式校验错误！", "校验结果签名失败"}},
			// lib/transformer.js
			{axios, []string{"The response's sign(…) doesn't matched the local calculated(…).", "EV2_RES_SIGNATURE_NOT_EQUAL"}},
			// lib/index.js, _parse; befinal/node-tenpay#18
			{nodeTenpay, []string{"sign签名错误"}},
		},
	},
}
