package explain

import (
	"strings"

	"cloudpay/internal/diagnosis"
)

// explainNotification diagnoses a notification: its signature, and what is encrypted in it.
//
//	APIv3  a signature in the header, by WeChat Pay's key
//	       a resource, encrypted with the APIv3 key
//	APIv2  a sign in the document, by the APIv2 key
//	       a refund's req_info, encrypted with the MD5 of that key
//
// Of the JSON alone only the resource can be looked at. A notification of which a part was not
// looked at is not fine, whatever the rest is.
func (a *Answer) explainNotification(keys diagnosis.Keys) {
	a.API = "v3"
	a.Title = strings.TrimSpace(a.request.Method + " " + a.request.URI)
	if isXML(a.request.Body) {
		a.API = "v2"
		if a.judged = keys.V2Key != ""; !a.judged {
			a.unchecked("the sign and the encrypted req_info: they take WXPAY_V2_KEY", "签名与加密的 req_info：需要 WXPAY_V2_KEY")
		}
	} else {
		a.Title = strings.TrimSpace(a.Title + " " + fieldsOf(a.request.Body).text("event_type"))
		if a.judged = keys.V3Key != "" || len(keys.Platform) > 0; keys.V3Key == "" {
			a.unchecked("the encrypted resource: it takes WXPAY_V3_KEY", "加密的 resource：需要 WXPAY_V3_KEY")
		}
		switch {
		case len(a.request.Header) == 0:
			a.unchecked("the signature: the header is not in the text", "签名：文本中没有请求头")
		case len(keys.Platform) == 0:
			a.unchecked("the signature: it takes WXPAY_PUBLIC_KEY and WXPAY_PUBLIC_KEY_ID, or --certificate with the platform certificate",
				"签名：需要 WXPAY_PUBLIC_KEY 与 WXPAY_PUBLIC_KEY_ID，或以 --certificate 提供平台证书")
		}
	}
	d := a.best(a.request.Body, func(body []byte) diagnosis.Diagnosis {
		came := *a.request
		came.Body = body
		return diagnosis.Notification(came, keys)
	})
	a.take(d)
	if a.Verdict == Fine && len(a.Unchecked) > 0 {
		a.Verdict = Unknown
	}
}
