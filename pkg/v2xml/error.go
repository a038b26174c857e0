package v2xml

import "cloudpay/pkg/wire"

// The kinds of error are those of package wire, which all protocols share.
type (
	// Envelope is what arrives around a reply's content: its HTTPStatus, its RequestID (which APIv2
	// does not promise), the gateway's Nonce (nonce_str) and Signature (sign), its Date, and Fresh.
	// Time is zero: APIv2 signs no time. A close's reply and every refusal name no order, so they
	// say nothing about this request's order unless Fresh is true and TLS ends at the gateway.
	Envelope = wire.Envelope

	// Error is a refusal: a reply with result_code FAIL, return_code FAIL, or an HTTP status other
	// than 200. Code is err_code, "" with return_code FAIL. Message is err_code_des, or return_msg
	// where that is all there is. ResultMsg is result_msg. Detail is empty.
	//
	// Authenticated reports that the signature was verified. An unauthenticated refusal is a hint
	// only, and never a reason to report an order as closed or paid.
	Error = wire.Error

	// VerifyError is a reply that failed verification: nothing in it may be used, and the request
	// may or may not have taken effect. Its Reason is one of
	//
	//   - wire.ReasonUnsigned: return_code SUCCESS without a sign
	//   - wire.ReasonBadSignature: the sign does not verify, or also verifies a second reading of
	//     the document
	//   - wire.ReasonMismatch: genuine, but about another order, merchant or call
	VerifyError = wire.VerifyError

	// MalformedError is a reply that cannot be read: HTML, cut short, too long, or not the dialect
	// of the package comment. Its Detail is one line, which names the element at fault.
	MalformedError = wire.MalformedError
)
