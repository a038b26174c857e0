package explain

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"cloudpay/internal/diagnosis"
)

// explainReply diagnoses a reply, and says what its code means. Of a body alone there is no
// signature to look at in APIv3; in APIv2 the sign is in the body.
//
// The clocks are compared by the reply's own Date: Wechatpay-Timestamp is of the same moment,
// whenever the text was saved.
func (a *Answer) explainReply(keys diagnosis.Keys) {
	reply := a.reply
	code, text := refusalOf(reply.Body)
	if a.Title = code; reply.Status > 0 {
		a.Title = strings.TrimSpace(fmt.Sprintf("HTTP %d %s", reply.Status, code))
	}
	a.Said = text
	switch {
	case isXML(reply.Body):
		a.API = "v2"
		if a.judged = keys.V2Key != ""; !a.judged {
			a.unchecked("the sign: it takes WXPAY_V2_KEY", "签名：需要 WXPAY_V2_KEY")
		}
		a.take(diagnosis.ReplyV2(bytes.TrimSpace(reply.Body), keys))
	case reply.Header == nil:
		a.API = "v3"
		a.unchecked("the reply's signature: the header is not in the text", "应答签名：文本中没有应答头")
	default:
		a.API = "v3"
		if a.judged = len(keys.Platform) > 0; !a.judged {
			a.unchecked(
				"the reply's signature: it takes WXPAY_PUBLIC_KEY and WXPAY_PUBLIC_KEY_ID, or --certificate with the platform certificate",
				"应答签名：需要 WXPAY_PUBLIC_KEY 与 WXPAY_PUBLIC_KEY_ID，或以 --certificate 提供平台证书")
		}
		keys := keys
		if keys.Now.IsZero() {
			keys.Now, _ = http.ParseTime(reply.Header.Get("Date"))
		}
		a.take(a.best(reply.Body, func(body []byte) diagnosis.Diagnosis {
			came := *reply
			came.Body = body
			return diagnosis.Reply(came, keys)
		}))
	}
	if code != "" || text != "" {
		a.named(code, code+" "+text)
	}
	if theirs := informationOf(reply); theirs != nil && a.Expected == "" && (a.asked == nil || a.asked.Expected == "") {
		a.Expected = theirs.Message
	}
}

// refusalOf is the code and the text of a reply's body; empty where it has none, as a success has.
// In APIv2 return_code FAIL has only return_msg, and is never signed; result_code FAIL has
// err_code.
func refusalOf(body []byte) (code, text string) {
	if isXML(body) {
		elements, _ := elementsOf(string(bytes.TrimSpace(body)))
		if elements["return_code"] == "SUCCESS" && elements["result_code"] == "SUCCESS" {
			return "", ""
		}
		texts := []string{elements["err_code_des"]}
		if elements["return_code"] != "SUCCESS" {
			texts = append(texts, elements["return_msg"])
		}
		return elements["err_code"], strings.TrimSpace(strings.Join(texts, " "))
	}
	f := fieldsOf(body)
	return f.text("code"), f.text("message")
}
