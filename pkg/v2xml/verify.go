package v2xml

import (
	"cmp"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"

	"cloudpay/pkg/wire"
)

const (
	success = "SUCCESS"
	fail    = "FAIL"
)

// authenticate reads the document in got and returns nil when it is the gateway's answer to r. The
// steps are those of the package comment.
func (c *Client) authenticate(got *reply, r *Request) error {
	doc, err := decode(got.Reply)
	// 1. Another status is a hint. A body that cannot be read leaves doc empty.
	if got.HTTPStatus != http.StatusOK {
		return got.Refusal(doc.get("err_code"), cmp.Or(doc.get("err_code_des"), doc.get("return_msg")), c.Now)
	}
	// 2. The dialect.
	if err != nil {
		return got.Malformed(err.Error())
	}
	// 3. return_code FAIL is never signed.
	switch doc.get("return_code") {
	case success:
	case fail:
		return got.Refusal("", doc.get("return_msg"), c.Now)
	default:
		return got.Malformed("its return_code is neither SUCCESS nor FAIL")
	}
	// 4. The signature, over every element.
	if err := c.verifySignature(got.Reply, doc, c.SignType); err != nil {
		return err
	}
	// 5. The echo.
	if err := c.verifyEcho(got, doc, r); err != nil {
		return err
	}
	got.document = doc
	got.Nonce, got.Signature = doc.get("nonce_str"), doc.get(signName)
	return nil
}

// refusal returns nil when result_code is SUCCESS, and the authenticated *Error when it is FAIL.
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

// verifySignature returns nil when the document's sign is made with the client's key over every
// other element, in this sign type, and the document has no second reading with the same sign.
func (c *Client) verifySignature(got *wire.Reply, doc document, t SignType) error {
	sign := doc.get(signName)
	if sign == "" {
		return got.Unverified(wire.ReasonUnsigned, "it has no sign, which return_code SUCCESS must have")
	}
	want := signSorted(doc, c.Key, t)
	if len(sign) != len(want) {
		return got.Unverified(wire.ReasonBadSignature, fmt.Sprintf("its sign has %d characters where %s makes %d",
			len(sign), cmp.Or(t, MD5), len(want)))
	}
	if subtle.ConstantTimeCompare([]byte(sign), []byte(want)) != 1 {
		return got.Unverified(wire.ReasonBadSignature, "its sign does not hold: was it altered, or is the APIv2 key another one?")
	}
	if outer, inner := doc.ambiguousElement(); inner != "" {
		return got.Unverified(wire.ReasonBadSignature,
			fmt.Sprintf("%s holds what reads as %s, and the sign covers both readings", outer, inner))
	}
	return nil
}

// ambiguousElement returns the name of an element whose value holds what reads as another element,
// and that element's name, where the document would have the same sign if the two were apart. Names
// that this package does not read are harmless, and so is an element in a place where it would not
// be sorted.
func (d document) ambiguousElement() (outer, inner string) {
	for i, f := range d {
		_, rest, found := strings.Cut(f.value, "&")
		if !found {
			continue
		}
		next := d.signedAfter(i)
		for part := range strings.SplitSeq(rest, "&") {
			name, _, isPair := strings.Cut(part, "=")
			if isPair && name > f.name && (next == "" || name < next) && isKnown(name) {
				return f.name, name
			}
		}
	}
	return "", ""
}

// signedAfter returns the name of the next signed element after the i-th, "" after the last.
func (d document) signedAfter(i int) string {
	for _, f := range d[i+1:] {
		if f.name != signName {
			return f.name
		}
	}
	return ""
}

// verifyEcho returns nil when the document is about the merchant of c and, as far as it names one,
// about the order of r.
func (c *Client) verifyEcho(got *reply, doc document, r *Request) error {
	// A direct request has no sub_mch_id, and its answer must have none either.
	for _, must := range [...]field{{"appid", c.AppID}, {"mch_id", c.MchID}, {"sub_mch_id", r.SubMchID}} {
		if err := got.VerifyEcho(must.name, doc.get(must.name), must.value); err != nil {
			return err
		}
	}
	// sub_appid is documented as optional in the reply, and a refusal names no order.
	for _, may := range [...]field{
		{"out_trade_no", r.OutTradeNo}, {"sub_appid", r.SubAppID}, {"transaction_id", r.TransactionID},
	} {
		if value := doc.get(may.name); value != "" && may.value != "" {
			if err := got.VerifyEcho(may.name, value, may.value); err != nil {
				return err
			}
		}
	}
	return nil
}
