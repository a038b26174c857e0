package cause

import "cloudpay/internal/bilingual"

// noticeSymptoms are what is said when a notification, or a certificate that WeChat Pay sends,
// cannot be decrypted. Both are encrypted by the APIv3 key.
//
// Issues: go-pay/gopay#334, wechatpay-apiv3/wechatpay-go#135, wechatpay-apiv3/wechatpay-java#325;
// pages 4013053271 and 4013053274 of pay.weixin.qq.com/doc/v3/merchant.
var noticeSymptoms = []symptom{
	{
		title: bilingual.New("A notification or a certificate cannot be decrypted (APIv3)", "回调通知或证书解密失败（APIv3）"),
		ids:   []ID{"notice-v3-key", "notice-associated-data", "notice-nonce", "notice-ciphertext"},
		seen: []seen{
			{goItself, []string{"cipher: message authentication failed"}},
			// core/notify/notify.go, core/downloader/downloader.go
			{sdkGo, []string{"AEAD_AES_256_GCM decrypt error: …", "decrypt downloaded certificate failed: …"}},
			{goPay, []string{"aes.GCMDecrypt, err:…", "decrypt cipher text err(…)"}},
			{javaItself, []string{"javax.crypto.AEADBadTagException: Tag mismatch"}},
			// core/cipher/AbstractAeadCipher.java
			{sdkJava, []string{"DecryptionException: Decryption failed"}},
			// notification/NotificationHandler.java
			{sdkApache, []string{"AES解密失败，resource：…"}},
			// src/Crypto/AesGcm.php
			{sdkPHP, []string{"Decrypting the input $ciphertext failed, please checking your $key and $iv whether or nor correct."}},
			{nodeItself, []string{"Unsupported state or unable to authenticate data"}},
			// lib/aes.js
			{axios, []string{"Invalid authentication tag length: …"}},
			// src/Pay/Server.php
			{easyWeChat, []string{"Failed to decrypt request message."}},
			// wechatpayv3/core.py
			{yansongda, []string{"加解密异常: 解密失败，请检查微信 mch_secret_key 是否正确"}},
			// WechatTenpayClientEventDecryptionExtensions.cs
			{skitNet, []string{"Failed to decrypt event resource data."}},
			{pythonV3, []string{"Please double check your apiv3 key", "cryptography.exceptions.InvalidTag"}},
		},
	},
	{
		title: bilingual.New("The APIv3 key has a wrong length", "APIv3 密钥长度不对"),
		ids:   []ID{"notice-v3-key"},
		seen: []seen{
			// util/AesUtil.java, v3/util/AesUtils.java, src/Util/AesUtil.php
			{sdkApache, []string{"无效的ApiV3Key，长度必须为32个字节"}},
			{wxJava, []string{"无效的ApiV3Key，长度必须为32个字节"}},
			{sdkGuzzle, []string{"无效的ApiV3Key，长度应为32个字节"}},
			{yansongda, []string{"配置异常: mch_secret_key 长度应为 32 字节"}},
			{goItself, []string{"crypto/aes: invalid key size …"}},
			{nodeItself, []string{"Invalid key length"}},
			{javaItself, []string{"Invalid AES key length: … bytes", "java.security.InvalidKeyException: Illegal key size"}},
		},
	},
	{
		title: bilingual.New("A notification is not what its handler expects", "回调通知不是处理程序所期待的"),
		ids:   []ID{"notice-ciphertext", "notice-body-parsed"},
		seen: []seen{
			// core/notify/notify.go
			{sdkGo, []string{
				"possible invalid notification, resource.algorithm … is not the configured algorithm …",
				"parse request body error: …",
			}},
			// core/notification/NotificationParser.java
			{sdkJava, []string{"The ciphertext obtained by parsing the WechatPay notification is empty"}},
			// wechat/v3/notify.go
			{goPay, []string{"notify data Resource is nil"}},
			{easyWeChat, []string{"Invalid request resource."}},
		},
	},
	{
		title: bilingual.New("A refund's notification cannot be decrypted (APIv2)", "退款结果通知解密失败（APIv2）"),
		ids:   []ID{"notice-v2-req-info"},
		seen: []seen{
			// bean/notify/WxPayRefundNotifyResult.java
			{wxJava, []string{"解密退款通知加密信息时出错"}},
			// wechat/notify.go
			{goPay, []string{"encryptedData is error", "crypto/cipher: input not full blocks"}},
			// src/Kernel/Support/AesEcb.php
			{easyWeChat, []string{"Decrypt AES ECB failed."}},
			{javaItself, []string{"javax.crypto.BadPaddingException: Given final block not properly padded"}},
			{nodeItself, []string{"digital envelope routines…bad decrypt"}},
		},
	},
}
