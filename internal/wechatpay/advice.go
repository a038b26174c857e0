package wechatpay

import (
	"strings"

	"cloudpay/internal/bilingual"
)

// adviceOf words what v3json advises about platform certificates for operators, who read Chinese
// too, and know the names of variables and not a client's fields.
func adviceOf(remedy string) bilingual.Text {
	for _, a := range advices {
		if strings.HasPrefix(remedy, a.begins) {
			if a.says.EN == "" {
				return bilingual.New(remedy, a.says.ZH)
			}
			return a.says
		}
	}
	return bilingual.Same(remedy)
}

// advices are found by how they begin. An empty English wording leaves v3json's as it is.
var advices = []struct {
	begins string
	says   bilingual.Text
}{
	{"this merchant has no platform certificates", bilingual.Text{
		ZH: "该商户没有平台证书，请改用公钥模式：在商户平台（API安全）取得微信支付公钥及其ID，设置 WXPAY_PUBLIC_KEY_ID 与 WXPAY_PUBLIC_KEY",
	}},
	{"if it lasts, WeChat Pay may have switched", bilingual.Text{
		ZH: "若持续出现，微信支付可能已将该商户切换为公钥：在商户平台（API安全）取得公钥及其ID，设置 WXPAY_PUBLIC_KEY_ID 与 WXPAY_PUBLIC_KEY",
	}},
	{"the key is not the APIv3 key of this merchant", bilingual.Text{
		ZH: "该密钥不是本商户的 APIv3密钥：请将 WXPAY_V3_KEY 设为商户平台最近设置的 APIv3密钥，而不是 APIv2 密钥",
	}},
	{"give as Roots", bilingual.New(
		"give in WXPAY_CERT_ROOTS the authority of WeChat Pay's certificates, or leave it out",
		"请在 WXPAY_CERT_ROOTS 中填微信支付证书的签发机构，或不设置",
	)},
}
