package v3json

import (
	"cmp"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cloudpay/pkg/wire"
)

const (
	// maxSkew is how far a reply's timestamp may be from our clock, either way.
	maxSkew = 5 * time.Minute

	// probePrefix begins the deliberately wrong signatures of WeChat Pay's probe traffic (page
	// 4013053249).
	probePrefix = "WECHATPAY/SIGNTEST/"

	headerTimestamp     = "Wechatpay-Timestamp"
	headerNonce         = "Wechatpay-Nonce"
	headerSignature     = "Wechatpay-Signature"
	headerSerial        = "Wechatpay-Serial"
	headerSignatureType = "Wechatpay-Signature-Type"
	headerRequestID     = "Request-Id"
)

// Verify returns nil when signature, in base64, is message's by the key of that serial. Otherwise
// it returns a [*VerifyError] with ReasonProbe, ReasonUnknownSerial or ReasonBadSignature.
func (k Keyring) Verify(serial, message, signature string) error {
	find := func(serial string) (*rsa.PublicKey, string) {
		if key := k.find(serial); key != nil {
			return key, ""
		}
		return nil, unknownSerial(serial, k.ids, remedy(serial))
	}
	return verifySignature(new(wire.Reply), serial, sha256.Sum256([]byte(message)), signature, find)
}

// keyFinder returns the key of that serial, or nil and one line for the VerifyError.
type keyFinder func(serial string) (key *rsa.PublicKey, unknown string)

// unknownSerial returns a keyFinder's line. advice says where the key can be had.
func unknownSerial(serial string, held []string, advice string) string {
	return fmt.Sprintf("signed by %s; the keyring holds %s: %s", wire.Quote(serial), strings.Join(held, ", "), advice)
}

// remedy says where the key of an unknown serial can be had.
func remedy(serial string) string {
	if strings.HasPrefix(serial, publicKeyPrefix) {
		return "add this WeChat Pay public key, from the merchant console"
	}
	return "add this platform certificate, or the WeChat Pay public key, which is then asked for instead"
}

// verifySignature returns nil when signature is the digest's by the key of that serial, and else a
// *VerifyError about r.
func verifySignature(r *wire.Reply, serial string, digest [sha256.Size]byte, signature string, find keyFinder) error {
	if strings.HasPrefix(signature, probePrefix) {
		return r.Unverified(wire.ReasonProbe, "WeChat Pay's test that bad signatures are refused; ask again")
	}
	key, unknown := find(serial)
	if key == nil {
		return r.Unverified(wire.ReasonUnknownSerial, unknown)
	}
	// Strict, and of the one right length: base64 otherwise has many spellings of the same
	// signature.
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(signature) != base64.StdEncoding.EncodedLen(key.Size()) {
		return r.Unverified(wire.ReasonBadSignature, "it is not the base64 of an RSA signature")
	}
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw); err != nil {
		return r.Unverified(wire.ReasonBadSignature, "it does not fit the body, time and nonce under "+wire.Quote(serial))
	}
	return nil
}

// authenticate returns nil when the reply may be used, by the table in the package comment: it is
// signed by WeChat Pay, which completes its envelope, or it is an unsigned refusal.
func (c *Client) authenticate(r *reply, find keyFinder) error {
	if !r.Asked() {
		return nil // an unauthenticated refusal: its body, which a signature would cover, was not read
	}
	p, err := r.readProof()
	switch {
	case err != nil:
		return err
	case p != proof{}:
		return c.verifyProof(r, p, find)
	case r.Successful():
		return r.Unverified(wire.ReasonUnsigned, "missing every Wechatpay- header "+
			"(did a proxy strip them, or answer itself?)"+r.foreignContent())
	}
	return nil // an unauthenticated refusal
}

// proof is the content of a reply's signature headers.
type proof struct {
	timestamp, nonce, signature, serial string
}

// readProof returns the four signature headers. An unsigned reply has none of them, and a zero
// proof. The error is about a reply that has some of them, or one twice.
func (r *reply) readProof() (proof, error) {
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
		values := r.Header[field.key]
		switch {
		case len(values) > 1:
			return proof{}, r.Unverified(wire.ReasonBadSignature, "header "+field.key+" is there more than once")
		case len(values) == 0 || values[0] == "":
			missing = append(missing, field.key)
		default:
			*field.value = values[0]
		}
	}
	if len(missing) == 0 || len(missing) == len(fields) {
		return p, nil
	}
	return proof{}, r.Unverified(wire.ReasonUnsigned, "missing header "+strings.Join(missing, ", ")+" (did a proxy strip it?)")
}

// verifyProof returns nil when the proof is WeChat Pay's, of this body and of this time. The clock
// comes last, so that ReasonStale means genuine, but of another time.
func (c *Client) verifyProof(r *reply, p proof, find keyFinder) error {
	// WeChat Pay's own libraries do not require this header. Where it is given, it must be right.
	for _, kind := range r.Header[headerSignatureType] {
		if kind != scheme {
			return r.Unverified(wire.ReasonBadSignature, fmt.Sprintf(
				"it is of type %s, and only %s is supported", wire.Quote(kind), scheme))
		}
	}
	seconds, err := parseTimestamp(p.timestamp)
	if err != nil {
		return r.Unverified(wire.ReasonBadSignature, headerTimestamp+" "+wire.Quote(p.timestamp)+" is not seconds since 1970")
	}
	if err := verifySignature(r.Reply, p.serial, digestReply(p, r.Body), p.signature, find); err != nil {
		return err
	}
	signedAt := time.Unix(seconds, 0).UTC()
	if err := c.verifyTime(r, signedAt); err != nil {
		return err
	}
	r.authenticated, r.Nonce, r.Signature, r.Time = true, p.nonce, p.signature, signedAt
	return nil
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

// parseTimestamp reads 1 to 11 digits, which reach the year 5138 and no overflow.
func parseTimestamp(s string) (int64, error) {
	const maxDigits = 11
	if len(s) > maxDigits {
		return 0, strconv.ErrRange
	}
	seconds, err := strconv.ParseUint(s, 10, 63) // unlike ParseInt, takes no sign
	return int64(seconds), err
}

// verifyTime returns nil when a reply was signed within maxSkew of the client's clock.
func (c *Client) verifyTime(r *reply, signedAt time.Time) error {
	skew := signedAt.Sub(c.now())
	if skew.Abs() <= maxSkew {
		return nil
	}
	direction := "behind"
	if skew > 0 {
		direction = "ahead of"
	}
	return r.Unverified(wire.ReasonStale, fmt.Sprintf(
		"it was signed at %s, %s %s this machine's clock, and %s is allowed: set the clock, or it is an old reply played back",
		signedAt.Format(time.RFC3339), skew.Abs().Round(time.Second), direction, maxSkew))
}

// verifyEcho returns nil when the transaction is the requested order, of the requested merchants. A
// missing number fails too: a signed reply of another kind (an error, another API's) has none.
func (c *Client) verifyEcho(r *reply, t *Transaction, req Request) error {
	type echo struct{ key, got, want string }
	echoes := make([]echo, 0, len(echoKeys))
	if req.SubMchID == "" {
		// A direct order names neither of the other two merchants, or names the same one again.
		echoes = append(echoes, echo{"mchid", t.MchID, c.MchID},
			echo{"sp_mchid", cmp.Or(t.SPMchID, c.MchID), c.MchID},
			echo{"sub_mchid", cmp.Or(t.SubMchID, c.MchID), c.MchID})
	} else {
		echoes = append(echoes, echo{"sp_mchid", t.SPMchID, c.MchID}, echo{"sub_mchid", t.SubMchID, req.SubMchID})
	}
	echoes = append(echoes,
		echo{c.Region.transactionKey(), t.TransactionID, cmp.Or(req.TransactionID, t.TransactionID)},
		echo{"out_trade_no", t.OutTradeNo, cmp.Or(req.OutTradeNo, t.OutTradeNo)})
	for _, e := range echoes {
		if err := r.VerifyEcho(e.key, e.got, e.want); err != nil {
			return err
		}
	}
	if t.OutTradeNo == "" {
		return r.MissingEcho("out_trade_no")
	}
	return nil
}
