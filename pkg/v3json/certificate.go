package v3json

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"cloudpay/pkg/wire"
)

// Certificates are WeChat Pay's platform certificates, as the gateway hands them out (page 4012354982 and its
// neighbours). Key is required; the zero value of every other field is ready for use. It is used by pointer, safe for
// concurrent use once filled, and may be shared by Clients of the same merchant and region.
//
// # Downloading
//
// The list comes in reply to GET /v3/certificates (/v3/global/certificates, /hk/v3/certificates), signed as any request:
//
//	{"data":[{"serial_no":"…","effective_time":"…","expire_time":"…","encrypt_certificate":{
//	  "algorithm":"AEAD_AES_256_GCM","nonce":"12 bytes","associated_data":"certificate","ciphertext":"base64"}}]}
//
// A ciphertext is a certificate in PEM, by AES-256-GCM under the APIv3 key, its last 16 bytes the tag. The list is
// believed when every certificate in it decrypts under Key, comes from Roots if they are given, and is not the
// merchant's own; and when the reply is signed by a key that is known or that it brought. The dates
// are those in the certificates.
//
// It happens inside a call, never between calls:
//
//	before asking, when there is nothing else to verify a reply with     a failure is the call's, a [*CertificateError]
//	on a reply signed by a certificate not held, at most once a minute   a failure leaves it ReasonUnknownSerial
//	after a reply, when the list is older than 12 h, or older than 1 h   a failure is told to Report and tried again in 10 min;
//	and the newest certificate within 10 days of its end                 it takes at most half of the time left, and 5 s
//
// A new list takes the old one's place. WeChat Pay lists a certificate ahead of its use, and the
// old ones along with it. A merchant who joined after about October 2024 has no certificates but a
// public key, and older ones are switched over to it; the refusals of both are put into words.
type Certificates struct {
	// Key is the APIv3 key, from [ParseV3Key].
	Key V3Key
	// Roots are the authorities that the certificates must come from. When nil, it is enough that they were encrypted
	// under Key.
	Roots *x509.CertPool
	// File keeps the list for other processes and later ones, when not empty. It holds the list as it came, encrypted,
	// and reading it asks as much of it as of a download, but for the reply's signature. It is replaced in one step, readable
	// by its owner alone, in a folder that must exist. That it cannot be read or written only costs a download.
	File string
	// Report, when not nil, is told of what went wrong without failing a call: a refresh, the File.
	Report func(context.Context, error)

	cache
}

const (
	algorithmAEAD = "AEAD_AES_256_GCM"

	// A merchant that has a public key instead of certificates is told so in one of two ways: 404
	// where there never was a certificate, 403 (平台证书已过期…) where WeChat Pay switched the merchant
	// over. The 403 is not signed.
	codeNoCertificates = "RESOURCE_NOT_EXISTS"
	codeSwitched       = "NOT_ENOUGH"
)

// The remedies that a CertificateError names.
const (
	remedyPublicKey = "this merchant has no platform certificates; use public-key mode: set WXPAY_PUBLIC_KEY_ID and " +
		"WXPAY_PUBLIC_KEY to the WeChat Pay public key and its id, from the merchant console (API安全)"
	// hintPublicKey goes with a 500, which may pass, or be what a merchant that was switched over
	// is told for good.
	hintPublicKey = "if it lasts, WeChat Pay may have switched this merchant to a public key: set WXPAY_PUBLIC_KEY_ID and " +
		"WXPAY_PUBLIC_KEY to it and its id, from the merchant console (API安全)"
	remedyV3Key = "the key is not the APIv3 key of this merchant; set WXPAY_V3_KEY to the one set last in the merchant console " +
		"(APIv3密钥); the APIv2 key is another"
	remedyRoots = "give as Roots the authority of WeChat Pay's certificates, or none"
)

// certificatesPath is where the region's certificates are.
func (r Region) certificatesPath() string {
	switch r {
	case Global:
		return "/v3/global/certificates"
	case HongKong:
		return "/hk/v3/certificates"
	default: // Mainland, and nothing else gets past check
		return "/v3/certificates"
	}
}

// platformCertificate is a certificate that was decrypted and found good. Its dates are looked at with each use.
type platformCertificate struct {
	PlatformKey
	from, until time.Time
}

// valid allows for a clock that is behind; with an end that is years away, it need not allow for one ahead.
func (p platformCertificate) valid(now time.Time) bool {
	return !now.Add(maxSkew).Before(p.from) && !now.After(p.until)
}

// certificateList is what one download brought.
type certificateList struct {
	certificates []platformCertificate // the newest first
	fetched      time.Time
}

// find is the key of a certificate that is valid now, nil when there is none of that serial.
func (l certificateList) find(serial string, now time.Time) *rsa.PublicKey {
	for _, certificate := range l.certificates {
		if canonicalID(certificate.ID) == canonicalID(serial) && certificate.valid(now) {
			return certificate.Public
		}
	}
	return nil
}

// newest is the serial of the newest certificate that is valid now, "" when none is.
func (l certificateList) newest(now time.Time) string {
	for _, certificate := range l.certificates {
		if certificate.valid(now) {
			return certificate.ID
		}
	}
	return ""
}

func (l certificateList) serials() []string {
	serials := make([]string, 0, len(l.certificates))
	for _, certificate := range l.certificates {
		serials = append(serials, certificate.ID)
	}
	return serials
}

// download asks for the list once. The body is what it came in.
func (c *Client) download(ctx context.Context) (list certificateList, body []byte, fault *CertificateError) {
	nonce, err := c.nonce("")
	if err != nil {
		return certificateList{}, nil, &CertificateError{Cause: err}
	}
	// A certificate is not asked for by serial: the one held may be gone, which is why there is a download.
	preferred := c.Keys.Preferred()
	if !isPublicKeyID(preferred) {
		preferred = ""
	}
	q := question{method: http.MethodGet, uri: c.Region.certificatesPath(), nonce: nonce}
	got, err := c.exchange(ctx, q, preferred)
	if err != nil {
		return certificateList{}, nil, &CertificateError{Cause: err}
	}
	if got.HTTPStatus != http.StatusOK {
		return certificateList{}, nil, c.noCertificates(got)
	}
	list, fault = c.openList(got)
	return list, got.Body, fault
}

// openList returns the list when its certificates are good and its reply is signed by one of them or
// by a known key. A fault of the signature comes first: whatever else is wrong, the reply may be
// forged.
func (c *Client) openList(got *reply) (certificateList, *CertificateError) {
	now := c.now()
	list, fault := c.Certificates.decode(got.Body, c.Key, now)
	list.fetched = now
	err := c.authenticate(got, func(serial string) (*rsa.PublicKey, string) {
		return cmp.Or(c.knownKey(serial), list.find(serial, now)),
			unknownSerial(serial, slices.Concat(c.Keys.ids, list.serials()), "it is not among the certificates it brought")
	})
	unverified, _ := errors.AsType[*VerifyError](err)
	switch {
	case fault != nil && (err == nil || unverified != nil && unverified.Reason == wire.ReasonUnknownSerial):
		return certificateList{}, fault
	case err != nil:
		return certificateList{}, &CertificateError{Cause: err}
	}
	return list, nil
}

// noCertificates words a refusal. Its signature changes the words only: a refusal has no effect but
// to name a remedy, and the next call downloads again.
func (c *Client) noCertificates(got *reply) *CertificateError {
	_ = c.authenticate(got, func(serial string) (*rsa.PublicKey, string) { return c.knownKey(serial), "" })
	refused := got.refusal(c.Now)
	fault := &CertificateError{Cause: refused}
	switch {
	case refused.Code == codeNoCertificates, got.HTTPStatus == http.StatusForbidden && isSpelling(refused.Code, codeSwitched):
		fault.Remedy = remedyPublicKey
	case got.HTTPStatus >= http.StatusInternalServerError:
		fault.Hint = hintPublicKey
	}
	return fault
}

// isSpelling reports whether a code is another, with its underscores or without: WeChat Pay's pages
// have both.
func isSpelling(code, of string) bool {
	return strings.ReplaceAll(code, "_", "") == strings.ReplaceAll(of, "_", "")
}

// knownKey is a key that can verify a reply without any download.
func (c *Client) knownKey(serial string) *rsa.PublicKey {
	if key := c.Keys.find(serial); key != nil {
		return key
	}
	return c.Certificates.find(serial, c.now())
}

// sentCertificate is an entry of the list. Its serial and dates are left to the certificate itself to say.
type sentCertificate struct {
	SerialNo  string `json:"serial_no"`
	Encrypted struct {
		Algorithm      string `json:"algorithm"`
		Nonce          string `json:"nonce"`
		AssociatedData string `json:"associated_data"`
		Ciphertext     string `json:"ciphertext"`
	} `json:"encrypt_certificate"`
}

// decode reads a list, which is good as a whole or not at all. Only what is encrypted by another algorithm is passed
// over: WeChat Pay has SM4 certificates too, on request.
func (s *Certificates) decode(body []byte, merchant Key, now time.Time) (certificateList, *CertificateError) {
	var sent struct {
		Data []sentCertificate `json:"data"`
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return certificateList{}, &CertificateError{Cause: fmt.Errorf("the list of certificates cannot be read: %w", jsonError(err))}
	}
	var list certificateList
	for _, entry := range sent.Data {
		if entry.Encrypted.Algorithm != algorithmAEAD {
			continue
		}
		certificate, fault := s.open(entry, merchant, now)
		if fault != nil {
			fault.Cause = fmt.Errorf("certificate %s of the list: %w", wire.Quote(entry.SerialNo), fault.Cause)
			return certificateList{}, fault
		}
		list.certificates = append(list.certificates, certificate)
	}
	slices.SortStableFunc(list.certificates, func(a, b platformCertificate) int { return b.from.Compare(a.from) })
	if list.newest(now) == "" {
		return certificateList{}, &CertificateError{Cause: fmt.Errorf(
			"the list of certificates has %d, and none that is valid at %s", len(sent.Data), now.UTC().Format(time.RFC3339))}
	}
	return list, nil
}

// open decrypts one entry, and asks of the certificate what can be asked of it.
func (s *Certificates) open(entry sentCertificate, merchant Key, now time.Time) (platformCertificate, *CertificateError) {
	sealed := entry.Encrypted
	plain, err := decrypt((*s.Key.secret)[:], sealed.Nonce, sealed.AssociatedData, sealed.Ciphertext)
	switch {
	case errors.Is(err, errNotAuthentic):
		return platformCertificate{}, &CertificateError{Cause: err, Remedy: remedyV3Key}
	case err != nil:
		return platformCertificate{}, &CertificateError{Cause: err}
	}
	certificate, err := parseCertificate(plain)
	if err != nil {
		return platformCertificate{}, &CertificateError{Cause: err}
	}
	key, err := certificateKey(certificate)
	switch {
	case err != nil:
		return platformCertificate{}, &CertificateError{Cause: err}
	case merchant.private.PublicKey.Equal(key.Public) || canonicalID(key.ID) == canonicalID(merchant.serial):
		return platformCertificate{}, &CertificateError{Cause: errors.New("it is the merchant's own, which signs no reply")}
	case entry.SerialNo != "" && canonicalID(entry.SerialNo) != canonicalID(key.ID):
		return platformCertificate{}, &CertificateError{Cause: fmt.Errorf("its serial is %s", key.ID)}
	}
	if err := s.checkIssuer(certificate, now); err != nil {
		return platformCertificate{}, &CertificateError{Cause: err, Remedy: remedyRoots}
	}
	return platformCertificate{PlatformKey: key, from: certificate.NotBefore, until: certificate.NotAfter}, nil
}

// checkIssuer leaves the certificate's own dates to later: it may be listed before it is valid, or after.
func (s *Certificates) checkIssuer(certificate *x509.Certificate, now time.Time) error {
	if s.Roots == nil {
		return nil
	}
	at := now
	if at.Before(certificate.NotBefore) {
		at = certificate.NotBefore
	}
	if at.After(certificate.NotAfter) {
		at = certificate.NotAfter
	}
	// The usages that a platform certificate lists are not documented, and not those of a server.
	options := x509.VerifyOptions{Roots: s.Roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if _, err := certificate.Verify(options); err != nil {
		return fmt.Errorf("it does not come from Roots: %w", err)
	}
	return nil
}

// errNotAuthentic is Go's "cipher: message authentication failed", which tells a merchant nothing.
var errNotAuthentic = errors.New("it does not decrypt")

// decrypt opens AEAD_AES_256_GCM: the nonce as it stands, the ciphertext in base64 with the tag at its end.
func decrypt(key []byte, nonce, associatedData, ciphertext string) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("its key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("its cipher: %w", err)
	}
	sealed, err := base64.StdEncoding.DecodeString(ciphertext)
	switch {
	case err != nil:
		return nil, fmt.Errorf("its ciphertext is not base64: %w", err)
	case len(nonce) != aead.NonceSize():
		return nil, fmt.Errorf("its nonce has %d bytes, not %d", len(nonce), aead.NonceSize())
	}
	plain, err := aead.Open(nil, []byte(nonce), sealed, []byte(associatedData))
	if err != nil {
		return nil, errNotAuthentic
	}
	return plain, nil
}
