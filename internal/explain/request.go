package explain

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/diagnosis"
)

// isXML reports whether a body is a document of APIv2. APIv3's bodies are JSON objects, or empty.
func isXML(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// hasVerified reports whether a diagnosis could open a signature: it is fine, or a cause is
// certain.
func hasVerified(d diagnosis.Diagnosis) bool {
	return d.Fine || slices.ContainsFunc(d.Findings, func(f diagnosis.Finding) bool { return f.Certain })
}

// bodies lists what the body may have been: without the line feed that an editor may have put at
// its end, and as it stands. A body whose length the header says is what it is.
func (p *Part) bodies(body []byte) [][]byte {
	trimmed := bytes.TrimRight(body, "\r\n")
	if !p.open || len(trimmed) == len(body) {
		return [][]byte{body}
	}
	return [][]byte{trimmed, body}
}

// best runs a diagnosis with each body, and returns the first that is fine, else the first that
// names a cause for certain, else the first.
func (p *Part) best(body []byte, diagnose func(body []byte) diagnosis.Diagnosis) diagnosis.Diagnosis {
	var all []diagnosis.Diagnosis
	for _, body := range p.bodies(body) {
		d := diagnose(body)
		if d.Fine {
			return d
		}
		all = append(all, d)
	}
	if proved := slices.IndexFunc(all, hasVerified); proved >= 0 {
		return all[proved]
	}
	return all[0]
}

// explainRequest diagnoses a request. The clocks are compared by the Date of its reply: the text
// may be of any age. A request whose body the text does not show is not diagnosed without it,
// because each message would seem to have been signed with another body.
func (a *Answer) explainRequest(keys diagnosis.Keys) {
	request, reply := a.request, a.answered
	a.Title = request.Method + " " + request.URI
	if keys.Now.IsZero() && reply != nil {
		keys.Now, _ = http.ParseTime(reply.Header.Get("Date"))
	}
	if isXML(request.Body) {
		a.API = "v2"
		a.explainV2(request.Body, keys)
		return
	}
	a.API = apiOf(request.URI)
	theirs := informationOf(reply)
	if a.bodyMissing && !a.completeBody(theirs) {
		a.unchecked("the body is not in the text: curl -v does not print it. Put the command line before it, or the body behind the header",
			"文本中没有请求体（curl -v 不打印请求体）：请在前面附上命令行，或在请求头后附上请求体")
		return
	}
	request = a.request
	if a.judged = keys.Merchant != nil; !a.judged {
		a.unchecked("the signature itself: it takes the merchant's public key, from WXPAY_PRIVATE_KEY or --certificate apiclient_cert.pem",
			"签名本身：需要商户公钥，取自 WXPAY_PRIVATE_KEY 或 --certificate apiclient_cert.pem")
	}
	if keys.Now.IsZero() {
		a.unchecked("the clock: it takes the Date of the reply", "时钟：需要应答的 Date 头")
	}
	a.take(a.best(request.Body, func(body []byte) diagnosis.Diagnosis {
		sent := *request
		sent.Body = body
		return diagnosis.V3(sent, keys)
	}))
	a.decideByKey()
	a.compare(theirs)
}

// decideByKey says of each candidate that has no other test what would decide: with the merchant's
// public key the signature proves it, or another one.
func (a *Answer) decideByKey() {
	if a.judged {
		return
	}
	for i := range a.Findings {
		if f := &a.Findings[i]; !f.Certain && f.Decides == (bilingual.Text{}) {
			f.Decides = bilingual.New("--certificate apiclient_cert.pem opens the signature, which proves it or another cause",
				"用 --certificate apiclient_cert.pem 打开签名即可证明是它或另一原因")
		}
	}
}

// apiOf is the API that an address is of, which tells it where there is no body: the addresses of
// APIv2 that take a document have no version in them.
func apiOf(uri string) string {
	for _, old := range []string{"/pay/", "/secapi/", "/mmpaymkttransfers/"} {
		if strings.HasPrefix(uri, old) {
			return "v2"
		}
	}
	return "v3"
}

// explainV2 diagnoses a document that a merchant sent. White space around it is not part of it.
func (a *Answer) explainV2(document []byte, keys diagnosis.Keys) {
	if a.judged = keys.V2Key != ""; !a.judged {
		a.unchecked("the sign: it takes WXPAY_V2_KEY", "签名：需要 WXPAY_V2_KEY")
	}
	a.take(diagnosis.V2(bytes.TrimSpace(document), keys))
}
