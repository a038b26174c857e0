package v3json

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cloudpay/pkg/wire"
)

const (
	// maxSkew is how far a reply's timestamp may be from our clock, either way.
	maxSkew = 5 * time.Minute

	// probePrefix begins the deliberately wrong signatures of WeChat Pay's probe traffic (page 4013053249).
	probePrefix = "WECHATPAY/SIGNTEST/"

	headerTimestamp     = "Wechatpay-Timestamp"
	headerNonce         = "Wechatpay-Nonce"
	headerSignature     = "Wechatpay-Signature"
	headerSerial        = "Wechatpay-Serial"
	headerSignatureType = "Wechatpay-Signature-Type"
)

// Verify returns nil when signature, in base64, is message's by the key of that serial, and else a [*VerifyError] with
// ReasonProbe, ReasonUnknownSerial or ReasonBadSignature.
func (k Keyring) Verify(serial, message, signature string) error {
	if fault := k.verify(serial, sha256.Sum256([]byte(message)), signature); fault != nil {
		return fault
	}
	return nil
}

func (k Keyring) verify(serial string, digest [sha256.Size]byte, signature string) *VerifyError {
	return verify(serial, digest, signature, func(serial string) (*rsa.PublicKey, *VerifyError) {
		if key := k.find(serial); key != nil {
			return key, nil
		}
		return nil, unknownSerial(serial, k.ids, remedy(serial))
	})
}

// keyFinder returns the key of that serial, or else the fault of a reply that is signed by it.
type keyFinder func(serial string) (*rsa.PublicKey, *VerifyError)

func verify(serial string, digest [sha256.Size]byte, signature string, find keyFinder) *VerifyError {
	if strings.HasPrefix(signature, probePrefix) {
		return &VerifyError{Reason: ReasonProbe, Detail: "WeChat Pay's test that bad signatures are refused; ask again"}
	}
	key, fault := find(serial)
	if fault != nil {
		return fault
	}
	// Strict, and of the one right length: base64 otherwise has many spellings of the same signature.
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(signature) != base64.StdEncoding.EncodedLen(key.Size()) {
		return &VerifyError{Reason: ReasonBadSignature, Detail: "it is not the base64 of an RSA signature"}
	}
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw); err != nil {
		return &VerifyError{Reason: ReasonBadSignature, Detail: "it does not fit the body, time and nonce under " + name(serial)}
	}
	return nil
}

func unknownSerial(serial string, held []string, advice string) *VerifyError {
	return &VerifyError{Reason: ReasonUnknownSerial, Detail: fmt.Sprintf("signed by %s; the keyring holds %s: %s",
		name(serial), strings.Join(held, ", "), advice)}
}

// remedy says where the key of an unknown serial is to be had.
func remedy(serial string) string {
	if strings.HasPrefix(serial, publicKeyPrefix) {
		return "add this WeChat Pay public key, from the merchant console"
	}
	return "add this platform certificate, or the WeChat Pay public key, which is then asked for instead"
}

// proof is what a reply's headers say of its signature.
type proof struct {
	timestamp, nonce, signature, serial string
}

// time is the timestamp of a proof that was verified.
func (p proof) time() time.Time {
	seconds, _ := parseTimestamp(p.timestamp)
	return time.Unix(seconds, 0).UTC()
}

// readProof returns the four signature headers. All may be missing: an unsigned reply, and a zero proof. Some missing
// or one repeated is tampering.
func readProof(h http.Header) (proof, *VerifyError) {
	var p proof
	var missing []string
	fields := [...]struct {
		key   string
		value *string
	}{
		{headerTimestamp, &p.timestamp},
		{headerNonce, &p.nonce},
		{headerSignature, &p.signature},
		{headerSerial, &p.serial},
	}
	for _, field := range fields {
		values := h[field.key]
		switch {
		case len(values) > 1:
			return proof{}, &VerifyError{Reason: ReasonBadSignature, Detail: "header " + field.key + " is there more than once"}
		case len(values) == 0 || values[0] == "":
			missing = append(missing, field.key)
		default:
			*field.value = values[0]
		}
	}
	if len(missing) == 0 || len(missing) == len(fields) {
		return p, nil
	}
	return proof{}, &VerifyError{Reason: ReasonUnsigned,
		Detail: "missing header " + strings.Join(missing, ", ") + " (did a proxy strip it?)"}
}

// authenticate decides whether the reply may be believed, by the table in the package comment, and completes its
// envelope when it may.
func (c *Client) authenticate(r *reply, find keyFinder) *VerifyError {
	if !wire.Asked(r.HTTPStatus) {
		return nil // its body was not read, so that its signature cannot be checked: an unauthenticated refusal
	}
	p, fault := readProof(r.header)
	if fault != nil {
		return fault
	}
	if p == (proof{}) {
		if !r.successful() {
			return nil // an unauthenticated refusal, and marked so
		}
		return &VerifyError{Reason: ReasonUnsigned, Detail: "missing every Wechatpay- header " +
			"(did a proxy strip them, or answer itself?)" + r.foreign()}
	}
	if fault := c.verifyProof(p, r, find); fault != nil {
		return fault
	}
	r.authenticated, r.Nonce, r.Signature = true, p.nonce, p.signature
	r.Time = p.time()
	return nil
}

// verifyProof looks at the clock last, so that ReasonStale means: genuine, but of another time.
func (c *Client) verifyProof(p proof, r *reply, find keyFinder) *VerifyError {
	// WeChat Pay's own libraries do without this header, so it may be missing. It may not say something else.
	for _, kind := range r.header[headerSignatureType] {
		if kind != scheme {
			return &VerifyError{Reason: ReasonBadSignature, Detail: fmt.Sprintf(
				"it is of type %s, and only %s is supported", name(kind), scheme)}
		}
	}
	seconds, err := parseTimestamp(p.timestamp)
	if err != nil {
		return &VerifyError{Reason: ReasonBadSignature,
			Detail: headerTimestamp + " " + name(p.timestamp) + " is not seconds since 1970"}
	}
	if fault := verify(p.serial, digestReply(p, r.body), p.signature, find); fault != nil {
		return fault
	}
	return c.checkSkew(time.Unix(seconds, 0))
}

// digestReply hashes the three lines that a reply signs.
func digestReply(p proof, body []byte) [sha256.Size]byte {
	message := make([]byte, 0, len(p.timestamp)+len(p.nonce)+len(body)+len("\n\n\n"))
	message = append(message, p.timestamp...)
	message = append(message, '\n')
	message = append(message, p.nonce...)
	message = append(message, '\n')
	message = append(message, body...)
	message = append(message, '\n')
	return sha256.Sum256(message)
}

// parseTimestamp takes 1 to 11 digits, which reach the year 5138 and no overflow.
func parseTimestamp(s string) (int64, error) {
	const maxDigits = 11
	if len(s) > maxDigits {
		return 0, strconv.ErrRange
	}
	seconds, err := strconv.ParseUint(s, 10, 63) // unlike ParseInt, takes no sign
	return int64(seconds), err
}

func (c *Client) checkSkew(stamp time.Time) *VerifyError {
	skew := stamp.Sub(c.now())
	if skew.Abs() <= maxSkew {
		return nil
	}
	direction := "behind"
	if skew > 0 {
		direction = "ahead of"
	}
	return &VerifyError{Reason: ReasonStale, Detail: fmt.Sprintf(
		"it was signed at %s, %s %s this machine's clock, and %s is allowed: set the clock, or it is an old reply played back",
		stamp.UTC().Format(time.RFC3339), skew.Abs().Round(time.Second), direction, maxSkew)}
}
