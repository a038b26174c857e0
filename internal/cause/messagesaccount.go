package cause

import "cloudpay/internal/bilingual"

// accountSymptoms are WeChat Pay's answers to a request that is signed well, and that the
// merchant's account, or the parameters that name it, do not allow; and what SDKs make of them.
//
// The texts are quoted in binarywang/WxJava#1170, #3412, wechatpay-apiv3/wechatpay-java#268, #306,
// yansongda/pay#965, #1049, go-pay/gopay#281, Javen205/IJPay#79, and in the 401 table of WeChat
// Pay's gitbook.
var accountSymptoms = []symptom{
	{
		// Merchants since October 2024 have none. The SDKs that download them fail at their start.
		title: bilingual.New("There are no platform certificates", "没有可用的平台证书"),
		ids:   []ID{"account-no-certificates", "reply-key-kind"},
		seen: []seen{
			{wechatPay, []string{
				"无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥",
				"RESOURCE_NOT_EXISTS",
				"\"message\":\"证书不存在\"",
			}},
			// index.ts, get_certificates and fetchCertificates
			{nodeV3, []string{"拉取平台证书失败"}},
			// cert/CertificatesManager.java
			{sdkApache, []string{"下载平台证书返回状态码异常，状态码为:404", "没有最新的平台证书，merchantId:…"}},
			// v3/auth/AutoUpdateCertificatesVerifier.java, config/WxPayConfig.java
			{wxJava, []string{"Auto update cert failed, statusCode = 404", "没有有效的微信支付平台证书", "v3请求构造异常！"}},
			// core/downloader/downloader.go
			{sdkGo, []string{"no certificate downloaded"}},
			// wechat/v3/cert.go
			{goPay, []string{"GetAndSelectNewestCert() failed or certs is empty"}},
			// wechatpayv3/core.py
			{pythonV3, []string{"No wechatpay platform certificate, please double check your init params."}},
			// src/Pay/Client.php
			{easyWeChat, []string{"Missing platform certificate."}},
			// src/Traits/WechatTrait.php, issue #1046
			{yansongda, []string{"配置异常: 获取微信 wechat_public_cert_path 配置失败"}},
		},
	},
	{
		title: bilingual.New("The APIv3 key is not set", "没有设置 APIv3 密钥"),
		ids:   []ID{"account-v3-key-unset"},
		seen:  []seen{{wechatPay, []string{"商户未设置APIv3密钥", "商户未设置加密的密钥"}}},
	},
	{
		title: bilingual.New("The merchant's certificate is not valid, or no longer", "商户 API 证书无效或已失效"),
		ids:   []ID{"account-certificate"},
		seen: []seen{{wechatPay, []string{
			"商户证书已过期", "商户证书已作废", "已更换证书，请使用新证书", "商户未申请过证书",
		}}},
	},
	{
		// Where mchid is missing, the text names the path (/uri_template/mchid), also if the body
		// has mch_id: Javen205/IJPay#79.
		title: bilingual.New("A field is missing, or has another name", "缺少字段，或字段名不对"),
		ids:   []ID{"account-field-name", "account-sub-mchid-missing"},
		seen: []seen{{wechatPay, []string{
			"输入源“…”映射到值字段“…”必填性规则校验失败，此字段为必填项",
			"输入源“…”映射到值字段“…”字符串规则校验失败",
			"/uri_template/mchid",
		}}},
	},
	{
		title: bilingual.New("The sub-merchant is missing", "缺少子商户号"),
		ids:   []ID{"account-sub-mchid-missing"},
		seen: []seen{
			{wechatPay, []string{"受理机构必须传入sub_mch_id", "子商户号/二级商户号未填写"}},
			// src/Config/WechatConfig.php
			{yansongda, []string{"配置异常: 服务商模式下缺少 [sub_mch_id]"}},
		},
	},
	{
		title: bilingual.New("A sub-merchant is sent by a merchant of its own", "直连商户传入了子商户号"),
		ids:   []ID{"account-sub-mchid-unwanted"},
		seen:  []seen{{wechatPay, []string{"普通商户不允许传sub_mch_id"}}},
	},
	{
		title: bilingual.New("The appid does not belong to the merchant", "appid 与商户号不匹配"),
		ids:   []ID{"account-appid-mchid"},
		seen: []seen{
			{wechatPay, []string{
				"appid和mch_id不匹配", "商户号mch_id与appid不匹配", "sub_mch_id与sub_appid不匹配",
				"APPID_MCHID_NOT_MATCH", "AppID不存在，请检查后再试", "APPID_NOT_EXIST",
			}},
			// lib/index.js, _parse
			{nodeTenpay, []string{"appid不匹配"}},
		},
	},
	{
		// These SDKs compare the number before they send anything, or after the reply.
		title: bilingual.New("The merchant number is another than the one of the program's settings", "商户号与程序的配置不一致"),
		ids:   []ID{"v3-mchid", "account-field-name"},
		seen: []seen{
			// lib/transformer.js
			{axios, []string{"The data's merchant ID(…) doesn't matched the init one(…)",
				"The params's merchant ID(…) doesn't matched the init one(…)"}},
			// src/Exception/WeChatPayException.php, EV2_REQ_XML_NOTMATCHED_MCHID
			{sdkPHP, []string{"The xml's structure[mch_id(…)] doesn't matched the init one mchid(…)."}},
			{nodeTenpay, []string{"mch_id不匹配"}},
		},
	},
	{
		title: bilingual.New("The merchant may not do this", "商户没有权限"),
		ids:   []ID{"account-no-permission"},
		seen: []seen{{wechatPay, []string{
			"NO_AUTH", "NOAUTH", "商户无权限", "商户号该产品权限未开通，请前往商户平台>产品中心检查后重试",
			"特约子商户商户号未授权服务商的产品权限",
		}}},
	},
	{
		// The program fails at its start, before any request: no signature is made.
		title: bilingual.New("A key or a certificate cannot be read", "无法读取密钥或证书"),
		ids:   []ID{"account-key-form"},
		seen: []seen{
			// utils/pem.go
			{sdkGo, []string{"the kind of PEM should be PRVATE KEY", "the kind of PEM should be CERTIFICATE",
				"the kind of PEM should be PUBLIC KEY", "decode private key err", "decode public key error",
				"decode certificate err", "parse private key err:…"}},
			// util/PemUtil.java
			{sdkApache, []string{"无效的密钥格式", "无效的密钥", "无效的私钥", "无效的公钥"}},
			// v3/util/PemUtils.java, config/WxPayConfig.java
			{wxJava, []string{"无效的密钥格式", "无效的私钥", "证书文件有问题，请核实！"}},
			// wechat/v3/client.go
			{goPay, []string{"xpem.DecodePublicKey() failed, pubKey is nil", "privateKey can't be nil"}},
			// src/Crypto/Rsa.php, src/Util/PemUtil.php
			{sdkPHP, []string{"Cannot load … from(…), please take care about the $thing input.",
				"Loading the certificate failed, please checking your … input."}},
			// src/Plugin/Wechat/V3/AddPayloadSignaturePlugin.php
			{yansongda, []string{"配置异常: 解析微信配置 [mch_public_cert_path] 出错"}},
			{javaItself, []string{"java.security.InvalidKeyException: IOException : algid parse error, not a sequence"}},
			{nodeItself, []string{"PEM routines…no start line", "DECODER routines::unsupported"}},
		},
	},
}
