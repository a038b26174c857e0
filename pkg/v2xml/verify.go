package v2xml

import (
	"cmp"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
)

const (
	success = "SUCCESS"
	fail    = "FAIL"
)

// authenticate reads the document in got and returns nil once it may be believed as an answer to q. The steps are those of
// the package comment.
func (c *Client) authenticate(got *reply, q *question) error {
	doc, err := decode(got.body)
	if got.HTTPStatus != http.StatusOK {
		// A body that cannot be read has left doc empty.
		return got.hint(doc.get("err_code"), cmp.Or(doc.get("err_code_des"), doc.get("return_msg")))
	}
	if err != nil {
		return got.malformed(err.Error())
	}
	switch doc.get("return_code") {
	case success:
	case fail:
		return got.hint("", doc.get("return_msg"))
	default:
		return got.malformed("its return_code is neither SUCCESS nor FAIL")
	}
	if reason, detail := doc.distrust(c.Key, c.SignType); reason != "" {
		return got.disbelieve(reason, detail)
	}
	if detail := doc.mismatch(q); detail != "" {
		return got.disbelieve(ReasonMismatch, detail)
	}
	got.document = doc
	got.Nonce, got.Signature = doc.get("nonce_str"), doc.get(signName)
	return nil
}

// hint is a refusal that nothing authenticates.
func (r *reply) hint(code, message string) *Error {
	return &Error{Code: code, Message: message, RetryAfter: r.retryAfter, Envelope: r.Envelope}
}

// refusal is the authenticated error of a result_code that is not SUCCESS, nil when it is.
func (r *reply) refusal() error {
	switch r.get("result_code") {
	case success:
		return nil
	case fail:
		refused := r.hint(r.get("err_code"), r.get("err_code_des"))
		refused.ResultMsg, refused.Authenticated = r.get("result_msg"), true
		return refused
	}
	return r.malformed("its result_code is neither SUCCESS nor FAIL")
}

// distrust says why d's signature proves nothing, "" when it does prove d.
func (d document) distrust(key Key, t SignType) (reason Reason, detail string) {
	got := d.get(signName)
	if got == "" {
		return ReasonUnsigned, "it has no sign, which return_code SUCCESS must have"
	}
	want := signSorted(d, key, t)
	switch {
	case len(got) != len(want):
		return ReasonBadSignature, fmt.Sprintf("its sign has %d characters where %s makes %d",
			len(got), cmp.Or(t, MD5), len(want))
	case subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1:
		return ReasonBadSignature, "its sign does not hold: was it altered, or is the APIv2 key another one?"
	}
	if outer, inner := d.hidden(); inner != "" {
		return ReasonBadSignature, fmt.Sprintf("%s holds what reads as %s, and the sign covers both readings", outer, inner)
	}
	return "", ""
}

// hidden looks for a value that would sign the same if a part of it were an element of its own, and tells in which element it
// found which. Only names that we know matter, and only where such an element would be sorted: there the element
// may have been folded into the value before it by someone without the key.
func (d document) hidden() (outer, inner string) {
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

// signedAfter is the name of the next element after the i-th that is signed, "" after the last.
func (d document) signedAfter(i int) string {
	for _, f := range d[i+1:] {
		if f.name != signName {
			return f.name
		}
	}
	return ""
}

// mismatch says in what d is not about the merchant and the order of q, "" when it is.
func (d document) mismatch(q *question) string {
	// The identity. A direct question has no sub_mch_id, and its answer must have none either.
	for _, must := range [...]field{{"appid", q.appID}, {"mch_id", q.mchID}, {"sub_mch_id", q.subMchID}} {
		if got := d.get(must.name); got != must.value {
			return differs(must.name, got, must.value)
		}
	}
	// sub_appid is documented as optional in the reply, and a refusal names no order.
	for _, may := range [...]field{
		{"out_trade_no", q.outTradeNo}, {"sub_appid", q.subAppID}, {"transaction_id", q.transactionID},
	} {
		if got := d.get(may.name); may.value != "" && got != "" && got != may.value {
			return differs(may.name, got, may.value)
		}
	}
	return ""
}

func differs(element, got, want string) string {
	switch {
	case got == "":
		return fmt.Sprintf("it has no %s, which every answer to this question repeats", element)
	case want == "":
		return fmt.Sprintf("its %s is %s, and none was asked for", element, name(got))
	}
	return fmt.Sprintf("its %s is %s, and %s was asked for", element, name(got), name(want))
}
