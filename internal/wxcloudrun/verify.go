package wxcloudrun

import (
	"net/http"
	"time"

	"cloudpay/pkg/wire"
)

const (
	success = "SUCCESS"
	fail    = "FAIL"

	// passedOn is the errcode of a request that the link passed on to WeChat Pay.
	passedOn = "0"
)

// authenticate reads the body in got and returns nil when it is WeChat Pay's answer to r, as far as
// the link is to be trusted. The steps are those of the package comment.
func (c *Client) authenticate(got *reply, r *Request) error {
	e, err := decodeEnvelope(got.Reply)
	// 1. to 3. The link's own part. A body that cannot be read leaves e empty.
	switch {
	case got.HTTPStatus != http.StatusOK:
		return got.refusalByLink(e, c.Now)
	case err != nil:
		return got.Malformed(err.Error())
	case e.errcode == "":
		return got.Malformed("it has no errcode")
	case e.errcode != passedOn:
		return got.refusalByLink(e, c.Now)
	case absent(e.respdata):
		return got.Malformed("it has no respdata")
	}
	// 4. WeChat Pay's part.
	doc, err := decodeRespdata(e.respdata)
	if err != nil {
		return got.Malformed("respdata: " + err.Error())
	}
	switch doc.get("return_code") {
	case success:
	case fail:
		return got.Refusal("", doc.get("return_msg"), c.Now)
	default:
		return got.Malformed("its return_code is neither SUCCESS nor FAIL")
	}
	// 5. The echo.
	if err := verifyEcho(got, doc, r); err != nil {
		return err
	}
	got.document = doc
	got.Nonce, got.Signature = doc.get("nonce_str"), doc.get("sign")
	return nil
}

// refusalByLink returns the refusal of the link, or of something in its place.
func (r *reply) refusalByLink(e envelope, now func() time.Time) *wire.Error {
	refused := r.Refusal(e.errcode, e.errmsg, now)
	if refused.Code == passedOn {
		refused.Code = "" // with a status other than 200 that is no code
	}
	if !r.overLink {
		refused.Detail = "it came without x-openapi-seqid, so not over the private link: is the open interface service " +
			"(开放接口服务) switched on, with this path permitted, and the version built since?"
	}
	return refused
}

// refusal returns nil when result_code is SUCCESS, and the authenticated *wire.Error when it is
// FAIL.
func (r *reply) refusal(now func() time.Time) error {
	switch r.get("result_code") {
	case success:
		return nil
	case fail:
		refused := r.Refusal(r.get("err_code"), r.get("err_code_des"), now)
		refused.ResultMsg, refused.Authenticated = r.get("result_msg"), true
		return refused
	}
	return r.Malformed("its result_code is neither SUCCESS nor FAIL")
}

// verifyEcho returns nil when the document is about the merchant and, as far as it names one, about
// the order of r. appid and mch_id are those of WeChat's own service provider, which are not known.
func verifyEcho(got *reply, doc document, r *Request) error {
	if err := got.VerifyEcho("sub_mch_id", doc.get("sub_mch_id"), r.SubMchID); err != nil {
		return err
	}
	// A refusal, and the reply to a close, name no order.
	for _, may := range [...]struct{ key, want string }{
		{"out_trade_no", r.OutTradeNo}, {"transaction_id", r.TransactionID},
	} {
		if value := doc.get(may.key); value != "" && may.want != "" {
			if err := got.VerifyEcho(may.key, value, may.want); err != nil {
				return err
			}
		}
	}
	return nil
}
