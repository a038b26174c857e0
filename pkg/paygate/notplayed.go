package paygate

import "net/http"

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

// notPlayed is the sentence for the sender, in the gateway's language and in English.
func notPlayed(r *http.Request) string {
	call := shortened(r.Method) + " " + shortened(r.URL.EscapedPath())
	return "模拟的微信支付没有 " + call + " 这个接口 (this emulated WeChat Pay does not play " + call + ")"
}
