package cause

import "cloudpay/internal/bilingual"

// accounts are causes without a wrong signature, or such as no signature shows: what an account is
// set to, and which fields it takes.
func accounts() []Cause {
	return []Cause{
		// 404 RESOURCE_NOT_EXISTS of /v3/certificates (wechatpay-go#241, gopay#428).
		{
			ID:   "account-no-certificates",
			What: bilingual.New("the merchant has no platform certificates: it is in public key mode", "该商户没有平台证书：使用的是微信支付公钥模式"),
			Remedy: bilingual.New("Download WeChat Pay's public key and its id in the merchant platform (API安全), and stop asking for /v3/certificates.",
				"在商户平台（API安全）下载微信支付公钥及其 ID，不再请求 /v3/certificates。"),
		},
		// Javen205/IJPay#79 is of this.
		{
			ID: "account-field-name",
			What: bilingual.New("a field has APIv2's name in APIv3, or the other way round: mch_id for mchid",
				"字段用了另一版本的名称：APIv3 中写了 APIv2 的 mch_id（应为 mchid），或相反"),
			Remedy: bilingual.New("Write mchid, sp_mchid and sub_mchid in APIv3, mch_id and sub_mch_id in APIv2.",
				"APIv3 写 mchid、sp_mchid、sub_mchid，APIv2 写 mch_id、sub_mch_id。"),
		},
		// 受理机构必须传入sub_mch_id (WxJava#569, yansongda/pay#1049).
		{
			ID:   "account-sub-mchid-missing",
			What: bilingual.New("a service provider's request names no sub-merchant", "服务商的请求没有填写子商户号"),
			Remedy: bilingual.New("Send sub_mchid (APIv2: sub_mch_id), and use the partner paths in APIv3.",
				"填写 sub_mchid（APIv2 为 sub_mch_id），APIv3 使用 partner 路径。"),
		},
		// 普通商户不允许传sub_mch_id.
		{
			ID:   "account-sub-mchid-unwanted",
			What: bilingual.New("a merchant that is no service provider named a sub-merchant", "普通商户的请求填写了子商户号"),
			Remedy: bilingual.New("Leave sub_mchid (APIv2: sub_mch_id) out, and use the direct paths in APIv3.",
				"不填 sub_mchid（APIv2 为 sub_mch_id），APIv3 使用直连路径。"),
		},
		// APPID_MCHID_NOT_MATCH.
		{
			ID:   "account-appid-mchid",
			What: bilingual.New("the appid is not bound to the merchant", "appid 与商户号没有绑定"),
			Remedy: bilingual.New("Bind the appid in the merchant platform (产品中心 → AppID账号管理), or use the appid that is bound.",
				"在商户平台（产品中心 → AppID账号管理）绑定该 appid，或使用已绑定的 appid。"),
		},
		// NO_AUTH, NOAUTH.
		{
			ID:   "account-no-permission",
			What: bilingual.New("the merchant may not use this product or interface", "该商户没有此产品或接口的权限"),
			Remedy: bilingual.New("Apply for the product in the merchant platform (产品中心); a sub-merchant's product is applied for by its service provider.",
				"在商户平台（产品中心）开通该产品；子商户的产品由服务商申请。"),
		},
		// 签名错误 is all that the gateway says.
		{
			ID:   "account-v2-key-unset",
			What: bilingual.New("the merchant has set no APIv2 key", "该商户没有设置 APIv2 密钥"),
			Remedy: bilingual.New("Set the APIv2 key in the merchant platform (API安全), or use APIv3.",
				"在商户平台（API安全）设置 APIv2 密钥，或改用 APIv3。"),
		},
		// The check of the key comes before that of the signature.
		{
			ID:   "account-v3-key-unset",
			What: bilingual.New("the merchant has set no APIv3 key", "该商户没有设置 APIv3 密钥"),
			Remedy: bilingual.New("Set the APIv3 key in the merchant platform (API安全): without it APIv3 answers no request.",
				"在商户平台（API安全）设置 APIv3 密钥：未设置时 APIv3 不受理请求。"),
		},
		{
			// 商户证书已过期, 商户证书已作废, 已更换证书，请使用新证书, 商户未申请过证书.
			ID: "account-certificate",
			What: bilingual.New("the merchant's API certificate has expired, was revoked or replaced, or was never applied for",
				"商户 API 证书已过期、已作废、已更换，或从未申请"),
			Remedy: bilingual.New("Apply for one in the merchant platform (API安全), and change apiclient_key.pem and serial_no together.",
				"在商户平台（API安全）申请证书，并同时更换 apiclient_key.pem 和 serial_no。"),
		},
		{
			ID: "account-key-form",
			What: bilingual.New("a file of a key or a certificate is not what the program reads: another file, another form, or lost line feeds",
				"密钥或证书文件不是程序要读取的：文件不对、格式不对，或丢失了换行"),
			Remedy: bilingual.New("apiclient_key.pem is the private key (PKCS #8), apiclient_cert.pem the certificate,"+
				" pub_key.pem WeChat Pay's public key; in a variable, write each line feed as \\n. PKCS #1 becomes PKCS #8 by"+
				" openssl pkcs8 -topk8 -nocrypt -in apiclient_key.pem -out private_key.pem.",
				"apiclient_key.pem 是私钥（PKCS #8），apiclient_cert.pem 是证书，pub_key.pem 是微信支付公钥；放入环境变量时，每个换行写成 \\n。"+
					"PKCS #1 转为 PKCS #8：openssl pkcs8 -topk8 -nocrypt -in apiclient_key.pem -out private_key.pem。"),
			Decides: bilingual.New("The first line says what a file is: BEGIN PRIVATE KEY, BEGIN RSA PRIVATE KEY (PKCS #1),"+
				" BEGIN CERTIFICATE, BEGIN PUBLIC KEY.",
				"文件第一行说明它是什么：BEGIN PRIVATE KEY、BEGIN RSA PRIVATE KEY（PKCS #1）、BEGIN CERTIFICATE、BEGIN PUBLIC KEY。"),
		},
	}
}
