package v3json

import (
	"cmp"
	"errors"

	"cloudpay/pkg/wire"
)

// The kinds of error are those of package wire, which all protocols share.
type (
	// Envelope is what arrives around a reply's content: its HTTPStatus, its RequestID (Request-ID,
	// which WeChat Pay's support asks for), its Nonce, Signature and Time (the Wechatpay- headers),
	// its Date, and Fresh. A close's 204 and every refusal name no order, so they say nothing about
	// this request's order unless Fresh is true and TLS ends at the gateway.
	Envelope = wire.Envelope

	// Error is a refusal: a reply with another status than success. Code and Message are as
	// received, "" when the body had none (a 404 for a path that does not exist, a proxy's page).
	// Detail is one line made from the body's detail, which comes in any shape; for a body that is
	// no JSON object, it says what it is instead. ResultMsg is empty.
	//
	// Authenticated reports that WeChat Pay signed the body. An unauthenticated refusal is a hint
	// only, and never a reason to report an order as closed or paid. Envelope has Nonce, Signature
	// and Time when Authenticated.
	Error = wire.Error

	// VerifyError is a reply that failed verification: nothing in it may be used, and the request
	// may or may not have taken effect. Its HTTPStatus is 0 from [Keyring.Verify]. Its Reason is
	// one of
	//
	//   - wire.ReasonUnsigned: a 2xx without signature headers, or any reply with only some of them
	//   - wire.ReasonBadSignature: the signature does not verify, or cannot be one
	//   - wire.ReasonMismatch: genuine, but about another order, merchant or call
	//   - wire.ReasonProbe: deliberately wrong, to test that clients verify; a new attempt succeeds
	//   - wire.ReasonStale: genuine, but signed more than five minutes from our clock
	//   - wire.ReasonUnknownSerial: signed by a key that is not in the keyring
	VerifyError = wire.VerifyError

	// MalformedError is a reply that cannot be read: cut short, too long, or not the JSON of an
	// order. Its Detail is one line.
	MalformedError = wire.MalformedError
)

// CertificateError reports that no reply could have been verified for want of a platform
// certificate, so that no request about the order was sent. It does not unwrap to an [*Error],
// [*VerifyError] or [*MalformedError]: a refusal to list certificates says nothing about an order.
type CertificateError struct {
	// Cause is why the download failed: one of those three, or no reply at all.
	Cause error
	// Remedy is what has to be configured otherwise; "" when another attempt may be enough.
	Remedy string
	// Hint is what may have to be configured otherwise when other attempts fail too; usually "".
	Hint string
}

// Error returns one line without headers or body.
func (e *CertificateError) Error() string {
	return "nothing was asked, for want of a platform certificate to verify the reply with: " + e.reason()
}

func (e *CertificateError) reason() string {
	advice := cmp.Or(e.Remedy, e.Hint)
	if advice == "" {
		return e.Cause.Error()
	}
	return e.Cause.Error() + ": " + advice
}

// Unwrap returns the Cause when it is not a reply.
func (e *CertificateError) Unwrap() error {
	_, refused := errors.AsType[*Error](e.Cause)
	_, unverified := errors.AsType[*VerifyError](e.Cause)
	_, malformed := errors.AsType[*MalformedError](e.Cause)
	if refused || unverified || malformed {
		return nil
	}
	return e.Cause
}

// OwnKeyError reports that a client's keyring holds the merchant's own key, which signs no reply.
type OwnKeyError struct {
	// ID is the key's name in the keyring.
	ID string
}

// Error returns one line with the remedy.
func (e *OwnKeyError) Error() string {
	return "Keys holds the merchant's own certificate, or the merchant's own public key as " + e.ID +
		", and neither signs replies: give the WeChat Pay public key or a platform certificate"
}
