package explain

import (
	"strings"

	"cloudpay/internal/diagnosis"
)

// isPayment reports whether an object is what a client is handed to pay with: paySign is there, or
// an app's sign beside its partnerid, in any spelling of the names.
func isPayment(f fields) bool {
	names := map[string]bool{}
	for name := range f {
		names[strings.ReplaceAll(strings.ToLower(name), "_", "")] = true
	}
	return names["paysign"] || names["sign"] && names["partnerid"] && names["prepayid"]
}

// hasAppID reports whether the fields say the appid, in any spelling of the name.
func hasAppID(payment map[string]any) bool {
	for name := range payment {
		if strings.ReplaceAll(strings.ToLower(name), "_", "") == "appid" {
			return true
		}
	}
	return false
}

// explainPayment diagnoses the fields by which a client pays. The order itself is not at hand, so
// that its API is told by the form of the signature, and whether the prepay_id is the order's and
// still open stays unchecked. Nothing of the fields is quoted but what a finding names.
func (a *Answer) explainPayment(keys diagnosis.Keys) {
	a.Title = "paySign"
	if keys.Merchant == nil {
		a.unchecked("an RSA signature: it takes the merchant's public key, from WXPAY_PRIVATE_KEY or --certificate apiclient_cert.pem",
			"RSA 签名：需要商户公钥，取自 WXPAY_PRIVATE_KEY 或 --certificate apiclient_cert.pem")
	}
	if keys.V2Key == "" {
		a.unchecked("a sign of APIv2: it takes WXPAY_V2_KEY", "APIv2 签名：需要 WXPAY_V2_KEY")
	}
	if keys.AppID == "" && !hasAppID(a.payment) {
		a.unchecked("the signed text: it takes the appid, from WXPAY_APPID or appId in the object",
			"签名文本：需要 appid，取自 WXPAY_APPID 或对象中的 appId")
	}
	a.take(diagnosis.PaySign(a.payment, diagnosis.Payment{}, keys))
	a.unchecked("whether the prepay_id is that of the order, and still valid: WeChat Pay alone knows",
		"prepay_id 是否属于该订单且仍有效：只有微信支付知道")
}
