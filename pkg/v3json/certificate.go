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

// Certificates downloads and caches WeChat Pay's platform certificates (page 4012354982 and its
// neighbours). Key is required; the zero value of every other field is ready for use. It is used by
// pointer, is safe for concurrent use once filled, and may be shared by Clients of the same
// merchant and region.
//
// # Downloading
//
// The list comes in reply to GET /v3/certificates (/v3/global/certificates, /hk/v3/certificates),
// signed as any request:
//
//	{"data":[{"serial_no":"…","effective_time":"…","expire_time":"…","encrypt_certificate":{
//	  "algorithm":"AEAD_AES_256_GCM","nonce":"12 bytes","associated_data":"certificate",
//	  "ciphertext":"base64"}}]}
//
// A ciphertext is a certificate in PEM, encrypted with AES-256-GCM under the APIv3 key; its last 16
// bytes are the tag. The list is accepted when every certificate in it decrypts under Key, comes
// from Roots if they are given, and is not the merchant's own; and when the reply is signed by a
// key that is known or in the list. The dates are those in the certificates.
//
// A download happens inside a call, never between calls:
//
//   - Before the request, when there is no other key to verify the reply with. A failure is the
//     call's, a [*CertificateError].
//   - On a reply signed by a certificate that is not held, at most once a minute. After a failure
//     the reply is a VerifyError with ReasonUnknownSerial.
//   - After a reply, when the list is older than 12 h, or older than 1 h with the newest
//     certificate within 10 days of its end. It takes at most half of the time left, and 5 s. A
//     failure goes to Report, and the next attempt is 10 min later.
//
// A new list replaces the old one. WeChat Pay lists a certificate ahead of its use, together with
// the old ones. A merchant that joined after about October 2024 has a public key instead of
// certificates, and older merchants are switched over to one; the errors for both name the remedy.
type Certificates struct {
	// Key is the APIv3 key, from [ParseV3Key].
	Key V3Key
	// Roots are the authorities that the certificates must come from. When nil, it is enough that
	// they were encrypted under Key.
	Roots *x509.CertPool
	// File, when not empty, caches the list for other and later processes. It contains the list as
	// received, encrypted; reading it checks all that a download checks but the reply's signature.
	// It is replaced atomically, readable by its owner only, in a folder that must exist. A file
	// that cannot be read or written costs a download, and no call fails of it.
	File string
	// Report, when not nil, receives the errors that fail no call: a refresh's, the File's.
	Report func(context.Context, error)

	cache
}

const (
	algorithmAEAD = "AEAD_AES_256_GCM"

	// The two refusals to a merchant that has a public key instead of certificates: 404 where there
	// never was a certificate, 403 (平台证书已过期…) where WeChat Pay switched the merchant over. The
	// 403 is not signed.
	codeNoCertificates = "RESOURCE_NOT_EXISTS"
	codeSwitched       = "NOT_ENOUGH"
)

// The remedies of a CertificateError.
const (
	remedyPublicKey = "this merchant has no platform certificates; use public-key mode: set WXPAY_PUBLIC_KEY_ID and " +
		"WXPAY_PUBLIC_KEY to the WeChat Pay public key and its id, from the merchant console (API安全)"
	// hintPublicKey goes with a 500. It may pass, or be the lasting answer to a merchant that was
	// switched over.
	hintPublicKey = "if it lasts, WeChat Pay may have switched this merchant to a public key: set WXPAY_PUBLIC_KEY_ID and " +
		"WXPAY_PUBLIC_KEY to it and its id, from the merchant console (API安全)"
	remedyV3Key = "the key is not the APIv3 key of this merchant; set WXPAY_V3_KEY to the one set last in the merchant console " +
		"(APIv3密钥); the APIv2 key is another"
	remedyRoots = "give as Roots the authority of WeChat Pay's certificates, or none"
)

// certificatesPath returns the path of the region's certificates.
func (r Region) certificatesPath() string {
	switch r {
	case Global:
		return "/v3/global/certificates"
	case HongKong:
		return "/hk/v3/certificates"
	default: // Mainland: Check refuses anything else
		return "/v3/certificates"
	}
}

// platformCertificate is a decrypted and verified certificate. Its dates are checked at each use.
type platformCertificate struct {
	PlatformKey
	from, until time.Time
}

// valid reports whether the certificate may be used now. It tolerates a clock that is behind. It
// need not tolerate one that is ahead: the end is years away, and a new list comes before it.
func (p platformCertificate) valid(now time.Time) bool {
	return !now.Add(maxSkew).Before(p.from) && !now.After(p.until)
}

// certificateList is the result of one download.
type certificateList struct {
	certificates []platformCertificate // the newest first
	fetched      time.Time
}

// find returns the key of the certificate of that serial, nil when there is none that is valid now.
func (l certificateList) find(serial string, now time.Time) *rsa.PublicKey {
	for _, certificate := range l.certificates {
		if canonicalID(certificate.ID) == canonicalID(serial) && certificate.valid(now) {
			return certificate.Public
		}
	}
	return nil
}

// newest returns the serial of the newest certificate that is valid now, "" when none is.
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

// download makes one attempt to get the list, and returns it with the body that it came in.
func (c *Client) download(ctx context.Context) (list certificateList, body []byte, fault *CertificateError) {
	nonce, err := c.nonce("")
	if err != nil {
		return certificateList{}, nil, &CertificateError{Cause: err}
	}
	// No certificate is requested by its serial: the gateway may have dropped the one held, which
	// is a reason to download.
	preferred := c.Keys.Preferred()
	if !isPublicKeyID(preferred) {
		preferred = ""
	}
	u := unsigned{method: http.MethodGet, uri: c.Region.certificatesPath(), nonce: nonce}
	got, err := c.exchange(ctx, u, preferred)
	if err != nil {
		return certificateList{}, nil, &CertificateError{Cause: err}
	}
	if got.HTTPStatus != http.StatusOK {
		return certificateList{}, nil, c.noCertificates(got)
	}
	list, fault = c.openList(got)
	return list, got.Body, fault
}

// openList returns the list when its certificates are good and its reply is signed by one of them
// or by a known key. A fault of the signature comes first: whatever else is wrong, the reply may be
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

// isSpelling reports whether two codes differ in underscores only. WeChat Pay's pages have both
// spellings.
func isSpelling(code, of string) bool {
	return strings.ReplaceAll(code, "_", "") == strings.ReplaceAll(of, "_", "")
}

// knownKey returns the key of that serial that is held already, nil when none is.
func (c *Client) knownKey(serial string) *rsa.PublicKey {
	if key := c.Keys.find(serial); key != nil {
		return key
	}
	return c.Certificates.find(serial, c.now())
}

// sentCertificate is an entry of the list. Its dates are ignored: the certificate has its own.
type sentCertificate struct {
	SerialNo  string `json:"serial_no"`
	Encrypted struct {
		Algorithm      string `json:"algorithm"`
		Nonce          string `json:"nonce"`
		AssociatedData string `json:"associated_data"`
		Ciphertext     string `json:"ciphertext"`
	} `json:"encrypt_certificate"`
}

// decode reads a list, which is accepted as a whole or not at all. It skips only certificates that
// are encrypted by another algorithm: WeChat Pay has SM4 ones too, on request.
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

// open decrypts and verifies one entry.
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

// checkIssuer returns nil when the certificate comes from Roots. It ignores the certificate's own
// dates, which are checked at each use: a certificate is listed before it is valid, and after.
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

// decrypt opens AEAD_AES_256_GCM: the nonce as it stands, the ciphertext in base64 with the tag at
// its end.
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
