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
// What it tries is bounded, in the number of tries and in bytes. It reads nothing but its
// arguments.
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
