package wxcloudrun

import (
	"encoding/json"
	"fmt"
	"net/http"
)

const (
	success = "SUCCESS"
	fail    = "FAIL"

	// passedOn is the errcode of a request that the link passed on to WeChat Pay.
	passedOn = "0"
)

// authenticate reads the body in got and returns nil once it may be believed, as far as the link is, as an answer to q. The
// steps are those of the package comment.
func (r *reply) authenticate(q *question) error {
	e, err := decodeEnvelope(r.body)
	switch {
	case r.HTTPStatus != http.StatusOK:
		// A body that cannot be read has left e empty.
		return r.refusedByLink(e)
	case err != nil:
		return r.malformed(err.Error())
	case e.errcode == "":
		return r.malformed("it has no errcode")
	case e.errcode != passedOn:
		return r.refusedByLink(e)
	case absent(e.respdata):
		return r.malformed("it has no respdata")
	}
	return r.believe(e.respdata, q)
}

// believe looks at WeChat Pay's part.
func (r *reply) believe(respdata json.RawMessage, q *question) error {
	doc, err := decodeRespdata(respdata)
	if err != nil {
		return r.malformed("respdata: " + err.Error())
	}
	switch doc.text("return_code") {
	case success:
	case fail:
		return r.hint("", doc.text("return_msg"))
	default:
		return r.malformed("its return_code is neither SUCCESS nor FAIL")
	}
	if detail := doc.mismatch(q); detail != "" {
		return r.disbelieve(detail)
	}
	r.document = doc
	r.Nonce, r.Signature = doc.text("nonce_str"), doc.text("sign")
	return nil
}

// hint is a refusal that nothing authenticates.
func (r *reply) hint(code, message string) *Error {
	return &Error{Code: code, Message: message, RetryAfter: r.retryAfter, Envelope: r.Envelope}
}

// refusedByLink is what the link refused, or something that stands where the link should be.
func (r *reply) refusedByLink(e envelope) *Error {
	refused := r.hint(e.errcode, e.errmsg)
	if refused.Code == passedOn {
		refused.Code = "" // under a status other than 200 that is no code
	}
	if !r.overLink {
		refused.Detail = "it came without x-openapi-seqid, so not over the private link: is the open interface service " +
			"(开放接口服务) switched on, with this path permitted, and the version built since?"
	}
	return refused
}

// refusal is the authenticated error of a result_code that is not SUCCESS, nil when it is.
func (r *reply) refusal() error {
	switch r.text("result_code") {
	case success:
		return nil
	case fail:
		refused := r.hint(r.text("err_code"), r.text("err_code_des"))
		refused.ResultMsg, refused.Authenticated = r.text("result_msg"), true
		return refused
	}
	return r.malformed("its result_code is neither SUCCESS nor FAIL")
}

// mismatch says in what d is not about the merchant and the order of q, "" when it is. appid and mch_id are WeChat's own
// service provider's, which we do not know.
func (d document) mismatch(q *question) string {
	if got := d.text("sub_mch_id"); got != q.subMchID {
		return differs("sub_mch_id", got, q.subMchID)
	}
	// A refusal, and the reply to a close, name no order.
	for _, may := range [...]struct{ key, want string }{
		{"out_trade_no", q.outTradeNo}, {"transaction_id", q.transactionID},
	} {
		if got := d.text(may.key); may.want != "" && got != "" && got != may.want {
			return differs(may.key, got, may.want)
		}
	}
	return ""
}

func differs(key, got, want string) string {
	if got == "" {
		return fmt.Sprintf("it has no %s, which every answer to this question repeats", key)
	}
	return fmt.Sprintf("its %s is %s, and %s was asked for", key, name(got), name(want))
}
