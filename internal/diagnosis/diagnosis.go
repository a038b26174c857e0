// Package diagnosis finds out why a signature of WeChat Pay does not hold, or why what was received
// cannot be verified or decrypted. The emulated gateway asks it after it has refused a request; the
// command that explains a request asks it with the keys that it was given.
//
// A diagnosis names a mistake for certain only if that very mistake makes the signature that was
// received, byte for byte, or if nothing else can have made it. In APIv2 both sides have the key,
// so every way to sign can be tried. In APIv3 the signer's public key opens the signature, and what
// is in it is the digest of the message that was signed: messages are tried until one has that
// digest. A signature that the public key does not open was made with another key, and the keys
// that are known are tried.
//
// # What is signed
//
// An APIv3 request signs five lines, each of them ended by a line feed, also the last
// (pay.weixin.qq.com doc v3/merchant 4012365336):
//
//	GET
//	/v3/pay/transactions/out-trade-no/1217752501?mchid=1900000001
//	1554208460
//	593BEC0C930BF1AFEB40B4A08C8FB242
//	(the body as it is sent; empty for a GET)
//
// The signature is RSASSA-PKCS1-v1_5 over SHA-256 by the merchant's private key, in base64. It
// stands in Authorization with the merchant, the nonce, the timestamp and the serial number of the
// merchant's certificate.
//
// A reply and a notification of APIv3 sign three lines, each of them ended: Wechatpay-Timestamp,
// Wechatpay-Nonce and the body. WeChat Pay's key signs, that of Wechatpay-Serial.
//
// An APIv2 document signs its elements but sign and those that are empty, sorted by name, and the
// key behind them (doc v2/merchant 4011985891):
//
//	appid=wxd930ea5d5a258f4f&body=test&mch_id=10000100&nonce_str=ibuaiVcKdpRxkhJA&key=…
//
// The digest is MD5, or HMAC-SHA256 if sign_type says so, in capital hexadecimal digits. Replies
// and notifications are signed the same way.
//
// # What a receiver gets wrong
//
// A reply is right when WeChat Pay signs it, so that what [Reply], [ReplyV2] and [Notification]
// look for is what was done to it since, and with which key it is verified:
//
//   - The signature is opened with each key of WeChat Pay that is known. The one that opens it is
//     compared with Wechatpay-Serial; if none does, the kinds of the keys and the merchant's own
//     key tell which one is missing.
//   - What is in the signature is the digest of the body as it was sent. The body received is
//     written in the forms that it may have had, and its headers in those that they may have had.
//   - A resource that cannot be decrypted is taken apart: key, nonce, associated data and
//     ciphertext, which give the same error everywhere, are told apart by what decrypts without the
//     tag.
//
// A capture that verifies is fine, although the program that it was taken from refused it: that
// program then verified other bytes, or with other keys, than those given here.
//
// # What is shown
//
// A detail quotes what came over the wire, cut to a line: serial numbers, nonces, timestamps, names
// of elements, associated data. It never quotes a key, nor what a key was changed to: of a key it
// says what was done to it, and whose it is. Of a text that was decrypted it shows no more than the
// last 24 bytes, and only where the text is cut or changed there.
//
// A sign is compared in constant time where it may be right. The guesses are not, and need not be:
// the caller of a diagnosis has the keys, and is told what is wrong with them. Other than in an
// emulator, no sender of messages may see a diagnosis of them.
//
// # How a mistake is found
//
// Each mistake is a change to the right recipe ([V3] and [V2] have lists of them). The likely ones
// are tried alone; then the rare ones, which come in many forms, such as a body's keys in every
// order; then the likely ones in pairs. The first that makes the very signature is the finding.
//
// What is tried is bounded by its work, in bytes, so that a stranger's request costs the emulated
// gateway some milliseconds at most. A longer text than an honest request has is not guessed at.
//
// The package reads nothing but its arguments, and shows no key: where a signed text ends in one,
// it is redacted.
//
// # Which cause comes first
//
// WeChat Pay checks in an order: what its front demands, the form of Authorization, the merchant,
// the serial number, the time, the signature. A diagnosis keeps to it and stops at the first fault
// before the signature, because the gateway does, too: what lies behind it may be right.
//
// Within a signature the way it is written comes before what was signed: a signature in hexadecimal
// of a message without its query has two findings, in this order.
//
// # What leaves no trace
//
// Some mistakes make the same bytes. The likelier name is given:
//
//   - A GET without its last line feed is a GET without the line of its body: v3-last-line-feed.
//   - A body with one more line feed at its end is a message with one more: v3-body-line-feed.
//   - HMAC-SHA256 without a sign_type is a sign_type that was neither sent nor signed:
//     v2-hmac-for-md5.
//   - A query of one parameter that is signed unescaped may be one that was sent escaped:
//     v3-path-escape.
//
// Others cannot be found in a digest: a nonce that has nothing in common with the header's, a value
// that was changed after signing, a charset without a table here. The finding is then that the
// right key signed another message, and the candidates follow it, none of them certain.
//
// Without the merchant's public key nothing in an APIv3 signature can be proved but whose other
// key made it and how it is written. Without the APIv2 key only the mistakes that need no key are
// proved: a key that fits may be the right one, set to the same value twice.
package diagnosis

import (
	"crypto/rsa"
	"net/http"
	"slices"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

// Keys are what may be tried. Zero fields are keys that are not there: what needs them is then
// listed as possible, not as certain.
type Keys struct {
	// MchID is the merchant whose keys these are, Serial its API certificate's serial number.
	MchID, Serial string
	// AppID is what a paySign signs where the fields handed over do not say it.
	AppID string
	// Merchant verifies the merchant's signatures.
	Merchant     *rsa.PublicKey
	V2Key, V3Key string
	// Others are merchants whose keys could have been mixed up with these.
	Others []Merchant
	// Platform are WeChat Pay's keys.
	Platform []PlatformKey
	// Now is the clock that timestamps are compared with. Zero: they are not compared.
	Now time.Time
}

// Merchant is another merchant that is known.
type Merchant struct {
	MchID, Serial string
	Key           *rsa.PublicKey
	V2Key, V3Key  string
}

// PlatformKey is a key of WeChat Pay. The Serial of a public key is its id, which begins with
// PUB_KEY_ID_; that of a platform certificate is 40 hexadecimal digits.
type PlatformKey struct {
	Serial string
	Key    *rsa.PublicKey
}

// Request is an HTTP request as it was received.
type Request struct {
	Method string
	// URI is path and query as they stand in the request line.
	URI    string
	Host   string
	Header http.Header
	Body   []byte
}

// Response is an HTTP reply as it was received.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Diagnosis is what was found.
type Diagnosis struct {
	// Fine reports that the signature was verified with the keys given, and that nothing else is
	// wrong. It is false where a key is missing.
	Fine bool
	// Findings are the causes, the one to mend first in front. Where none is certain, each is a
	// candidate.
	Findings []Finding
	// Expected is the text that should have been signed, empty if that is not known. Keys in it are
	// redacted.
	Expected string
	// Signed is the text that was signed, empty if that is not known. Keys in it are redacted.
	Signed string

	// what the search for a mistake cost
	spent effort
}

// Finding is a cause, as it shows here.
type Finding struct {
	ID cause.ID
	// Detail is a clause: the table's, or one that names what was received.
	Detail bilingual.Text
	// Certain reports that this cause was proved. Else it is a candidate.
	Certain bool
}

// Certain returns the findings that were proved.
func (d Diagnosis) Certain() []Finding {
	return slices.DeleteFunc(slices.Clone(d.Findings), func(f Finding) bool { return !f.Certain })
}

// Reason joins what was proved to one clause, empty if nothing was.
func (d Diagnosis) Reason() bilingual.Text {
	var reason bilingual.Text
	for i, found := range d.Certain() {
		if i > 0 {
			reason = bilingual.Sprintf("%s; and %s", "%s；并且%s", reason, found.Detail)
			continue
		}
		reason = found.Detail
	}
	return reason
}

// redacted stands for a key wherever a signed text is shown.
const redacted = "<redacted>"

// known is a proved finding in the table's words.
func known(id cause.ID) Finding {
	row, _ := cause.Of(id) // a test holds that every ID used here has a row
	return Finding{ID: id, Detail: row.What, Certain: true}
}

// detailed is a proved finding in words of its own.
func detailed(id cause.ID, detail bilingual.Text) Finding {
	return Finding{ID: id, Detail: detail, Certain: true}
}

// about is a proved finding in the table's words, with what was seen behind them.
func about(id cause.ID, seen bilingual.Text) Finding {
	return detailed(id, bilingual.Sprintf("%s: %s", "%s：%s", known(id).Detail, seen))
}

// possible are candidates in the table's words.
func possible(ids ...cause.ID) []Finding {
	findings := make([]Finding, 0, len(ids))
	for _, id := range ids {
		candidate := known(id)
		candidate.Certain = false
		findings = append(findings, candidate)
	}
	return findings
}
