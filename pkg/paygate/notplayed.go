package paygate

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// codeNotPlayed is the code of what this emulator does not play. It is none of WeChat Pay's, so
// that no client takes it for an answer about an order.
const codeNotPlayed = "NOT_PLAYED"

// notPlayedV3 answers a path or a method that is not played, as APIv3 answers any refusal: with a
// code and a message, signed if the request was authenticated. The real gateway answers such a
// request with an empty body, on which clients that read one fail without a reason.
func (g *Gateway) notPlayedV3(ex *exchange, status int, reason string) {
	if !ex.read() {
		return
	}
	q := &question{api: apiV3}
	merchant, wrong := g.authenticateV3(ex)
	q.merchant = merchant
	_ = g.chooseSigner(ex, q) // an unknown serial changes nothing here
	no := &refusal{v2: codeNotPlayed, v3: codeNotPlayed, status: status, suffix: suffixBadParam, reason: reason, message: notPlayed(ex.r)}
	ex.refused(no)
	ex.rec.Verdict = verdictNotFound
	w := v3Wire{gateway: g, ex: ex, anonymous: wrong != nil}
	g.finish(ex, w, q, w.refused(q, no), nil)
}

// tooLong answers a body that is longer than maxBody: in the form of the API that the path belongs
// to, and without a signature, as a sender that cannot be authenticated is answered. The real
// gateway's front answers 413 and a page of HTML.
func (ex *exchange) tooLong() {
	reason := fmt.Sprintf("the body is longer than %d bytes", maxBody)
	message := fmt.Sprintf("请求body超过%d字节 (%s)", maxBody, reason)
	no := refuse(codeInvalidRequest).saying(message).because(reason)
	no.status = http.StatusRequestEntityTooLarge
	switch {
	case ex.rec.API == apiV2 || ex.rec.API == "" && ex.speaksXML():
		ex.failV2(verdictMalformed, message, reason)
	case ex.rec.API == apiCloudRun:
		ex.refuseUnsigned(cloudRunWire{}, errcode(errcodeTooLong, message).because(reason))
	default:
		ex.refuseUnsigned(v3Wire{gateway: ex.gateway, ex: ex, anonymous: true}, no)
	}
}

// refuseUnsigned answers a refusal of a request that was not understood, in a protocol's form.
func (ex *exchange) refuseUnsigned(w wire, no *refusal) {
	ex.refused(no)
	ex.rec.Verdict = verdictMalformed
	q := &question{api: ex.rec.API}
	ex.gateway.finish(ex, w, q, w.refused(q, no), nil)
}

// notSigned answers a request whose reply could not be signed, which only a key that is too short
// can cause: as a system error, without a signature.
func (ex *exchange) notSigned(w wire, q *question, err error) {
	no := refuse(codeSystemError).because("the emulator could not sign: " + err.Error())
	ex.refused(no)
	rp := w.refused(q, no)
	rp.header.Set("Request-Id", ex.rec.RequestID)
	ex.send(rp, nil)
}

// speaksXML reports whether a request to a path of no API looks like one of APIv2.
func (ex *exchange) speaksXML() bool {
	return bytes.HasPrefix(bytes.TrimSpace(ex.body), []byte("<")) || strings.Contains(ex.r.Header.Get("Content-Type"), "xml")
}

// notPlayed is the sentence for the sender, in the gateway's language and in English.
func notPlayed(r *http.Request) string {
	call := shortened(r.Method) + " " + shortened(r.URL.EscapedPath())
	return "模拟的微信支付没有 " + call + " 这个接口 (this emulated WeChat Pay does not play " + call + ")"
}
