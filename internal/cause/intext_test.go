package cause_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/cause"
)

// What people paste, as issues and logs have it, leads to the message that says most.
func TestInText(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want string // the first message's text
		id   cause.ID
	}{
		"WeChat Pay, as it is": {
			`{"code":"SIGN_ERROR","detail":{"detail":{"issue":"sign not match"},"field":"signature","location":"authorization"},"message":"错误的签名，验签失败"}`,
			"错误的签名，验签失败", "v3-serial-other",
		},
		"APIv3's 签名错误": {`{"code":"SIGN_ERROR","message":"签名错误"}`, "SIGN_ERROR…签名错误", "v3-serial-other"},
		"wechatpay-go's": {
			"error http response:[StatusCode: 401 Code: \"SIGN_ERROR\"\nMessage: 商户证书序列号有误。请使用签名私钥匹配的证书序列号]",
			"商户证书序列号有误。请使用签名私钥匹配的证书序列号", "v3-serial-platform",
		},
		"narrow punctuation": {"错误的签名, 验签失败", "错误的签名，验签失败", "v3-serial-other"},
		"JSON in a log of JSON": {
			`level=error body="{\"code\":\"SIGN_ERROR\",\"message\":\"\u5546\u6237\u8bc1\u4e66\u5e8f\u5217\u53f7\u6709\u8bef\u3002\"}"`,
			"商户证书序列号有误", "v3-serial-platform",
		},
		"APIv2's document": {
			"<xml><return_code><![CDATA[FAIL]]></return_code>\n<return_msg><![CDATA[签名错误]]></return_msg>\n</xml>",
			"<return_msg><![CDATA[签名错误]]></return_msg>", "v2-key-v3",
		},
		"a map that Java prints": {"{return_msg=签名错误, return_code=FAIL}", "return_msg…签名错误", "v2-key-v3"},
		"WxJava": {
			"com.github.binarywang.wxpay.exception.WxPayException: 返回代码：[FAIL]，返回信息：[签名错误]，微信返回的原始报文：",
			"返回代码：[FAIL]，返回信息：[签名错误]", "v2-key-v3",
		},
		"WxJava, no certificates": {
			"Caused by: me.chanjar.weixin.common.error.WxRuntimeException: 无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。可查看指引https://pay.weixin.qq.com/docs/merchant/products/platform-certificate/wxp-pub-key-guide.html",
			"无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥", "account-no-certificates",
		},
		"WxJava, the public key's ID": {
			`java.lang.NumberFormatException: For input string: "PUB_KEY_ID_0114232134912410000000000000000000" under radix 16`,
			`java.lang.NumberFormatException: For input string: "PUB_KEY_ID_…"`, "reply-key-kind",
		},
		"wechatpay-go, a reply": {
			"validate verify fail serial=[5157F09EFDC096DE15EBE81A47057A7232F1B8E1] request-id=[08F78BB5AF0610D302189F9EA9] err=verify signature with public key err:crypto/rsa: verification error",
			"validate verify fail serial=[…] request-id=[…] err=verify signature with public key err…crypto/rsa: verification error", "reply-body-parsed",
		},
		"wechatpay-go, another serial": {
			"validate verify fail serial=[PUB_KEY_ID_01172] request-id=[] err=certificate[PUB_KEY_ID_01172] not found in verifier",
			"certificate[…] not found in verifier", "reply-key-kind",
		},
		"wechatpay-go, a header": {
			"key `Wechatpay-Serial` is empty in header, request-id=[08F9]",
			"key `Wechatpay-…` is empty in header, request-id=[…]", "reply-unsigned",
		},
		"wechatpay-go, no time": {"timestamp=[0] expires, request-id=[]", "timestamp=[0] expires, request-id=[…]", "reply-unsigned"},
		"wechatpay-go, a time":  {"timestamp=[1554208460] expires, request-id=[]", "timestamp=[…] expires, request-id=[…]", "reply-clock"},
		"wechatpay-go, the certificates": {
			"decrypt downloaded certificate failed: cipher: message authentication failed",
			"decrypt downloaded certificate failed: …", "notice-v3-key",
		},
		"wechatpay-java": {
			"com.wechat.pay.java.core.exception.ValidationException: Validate response failed,the WechatPay signature is incorrect.\nRequest-ID[08]\tresponseHeader[{}]",
			"Validate response failed,the WechatPay signature is incorrect.", "reply-body-parsed",
		},
		"wechatpay-java, 404": {
			"Wrong HttpStatusCode[404]\nhttpResponseBody[{\"code\":\"RESOURCE_NOT_EXISTS\",\"message\":\"证书不存在\"}]\tHttpRequest[{\"http_method\":\"GET\"",
			"\"message\":\"证书不存在\"", "account-no-certificates",
		},
		"wechatpay-php": {
			"Verify the response's data with: timestamp=1722850421, nonce=d824f2e0, signature=" + strings.Repeat("mfI1", 86) + ", cert=[PUB_KEY_ID_0 => ...] failed.",
			"Verify the response's data with: timestamp=…, nonce=…, signature=…, cert=[… => ...] failed.", "reply-body-parsed",
		},
		"wechatpay-axios-plugin": {
			"AxiosError: The data's merchant ID(undefined) doesn't matched the init one(1230000109)",
			"The data's merchant ID(…) doesn't matched the init one(…)", "v3-mchid",
		},
		"gopay":              {"[verify signature error]: crypto/rsa: verification error", "[verify signature error]: crypto/rsa: verification error", "reply-body-parsed"},
		"the apache client":  {"java.lang.IllegalArgumentException: parameter error: empty [Wechatpay-Serial], request-id=[0891]", "parameter error: empty [Wechatpay-…], request-id=[…]", "reply-unsigned"},
		"easywechat":         {"No platform certs found for serial: 5157F09E, \n   please download from wechat pay", "No platform certs found for serial: …", "reply-key-kind"},
		"Node.js":            {"Error: Unsupported state or unable to authenticate data\n    at Decipheriv.final", "Unsupported state or unable to authenticate data", "notice-v3-key"},
		"wechatpay-node-v3":  {`"errorMessage": "平台证书序列号不相符，未找到平台序列号",`, "平台证书序列号不相符，未找到平台序列号", "reply-key-kind"},
		"a code alone":       {" sign_error\n", "SIGN_ERROR", "v3-serial-other"},
		"the sub-merchant":   {`{"code":"PARAM_ERROR","message":"受理机构必须传入sub_mch_id"}`, "受理机构必须传入sub_mch_id", "account-sub-mchid-missing"},
		"a field of the URI": {`输入源“/body/mchid”映射到值字段“直连商户号”字符串规则校验失败，字节数 0`, "输入源“…”映射到值字段“…”字符串规则校验失败", "account-field-name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := cause.InText(test.text)
			if len(found) == 0 {
				t.Fatalf("got no message, want %q", test.want)
			}
			if found[0].Text != test.want || found[0].IDs[0] != test.id {
				t.Errorf("got %q of %s first, want %q of %s", found[0].Text, found[0].IDs[0], test.want, test.id)
			}
		})
	}
}

// A piece of a message that is found, and a code beside a message, would bring causes that the
// message rules out.
func TestInTextLeavesOut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"[verify signature error]: crypto/rsa: verification error": {"[verify signature error]: crypto/rsa: verification error"},
		`{"code":"SIGN_ERROR","message":"商户证书已过期"}`:                {"商户证书已过期"},
		`{"code":"NO_AUTH"} then {"code":"SIGN_ERROR"}`:            {"SIGN_ERROR", "NO_AUTH"},
		"<return_msg><![CDATA[签名错误]]></return_msg>":                {"<return_msg><![CDATA[签名错误]]></return_msg>", "return_msg…签名错误"},
		"应答的微信支付签名验证失败":                                            {"应答的微信支付签名验证失败", "应答的微信支付签名验证失败", "应答的微信支付签名验证失败"},
	} {
		var got []string
		for _, message := range cause.InText(text) {
			got = append(got, message.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestInTextFindsNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "…", "all is well", "MY_SIGN_ERROR_2", "NOAUTHENTICATION", "timestamp=[1] request-id=[2]",
		"certificate[" + strings.Repeat("x", 600) + "] not found in verifier", // too far apart for one message
		strings.Repeat("好", 30_000) + "签名失败",                                  // behind what is searched
	} {
		if found := cause.InText(text); len(found) > 0 {
			t.Errorf("%.40q: got %q, want nothing", text, found[0].Text)
		}
	}
}

// Each message is found in itself, with any text in its gaps, in capitals, in small letters, broken
// into lines, and as a string of JSON.
func TestInTextFindsEach(t *testing.T) {
	t.Parallel()
	for _, message := range cause.Messages() {
		filled := strings.ReplaceAll(message.Text, "…", "4200001")
		escaped, err := json.Marshal(filled)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{
			filled, strings.ToUpper(filled), strings.ToLower(filled), strings.ReplaceAll(filled, " ", "\n  "),
			"before " + filled + "\nafter", string(escaped),
		} {
			if !holds(cause.InText(text), message.Text) {
				t.Errorf("%q of %s is not found in %q", message.Text, message.From, text)
			}
		}
	}
}

func holds(found []cause.Message, text string) bool {
	for _, message := range found {
		if message.Text == text {
			return true
		}
	}
	return false
}

// FuzzInText: no text makes it panic, and what it finds in a text it finds with more around it.
func FuzzInText(f *testing.F) {
	for _, message := range cause.Messages() {
		f.Add(message.Text)
	}
	f.Add(`\u9519\u8bef\u7684\u7b7e\u540d`)
	f.Add("timestamp=[timestamp=[" + strings.Repeat("]", 70_000))
	f.Add(`\u`)
	f.Fuzz(func(t *testing.T, text string) {
		found := cause.InText(text)
		if len(text) > 30_000 {
			return
		}
		around := cause.InText("… " + text + " …")
		for _, message := range found {
			if !holds(around, message.Text) {
				t.Errorf("%q is found in %q, and not with more around it", message.Text, text)
			}
		}
	})
}
