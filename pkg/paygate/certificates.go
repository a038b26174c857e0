package paygate

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// certificatePaths are the paths that list the platform certificates (pay.weixin.qq.com doc
// 4013053420).
var certificatePaths = map[string]string{
	"/v3/certificates":        mainland,
	"/v3/global/certificates": global,
	"/hk/v3/certificates":     hongKong,
}

// platform is WeChat Pay's own keys and certificates, with which the gateway signs.
type platform struct {
	// Chosen by a Wechatpay-Serial that names its id. Its name does not change when certificates
	// rotate.
	publicKey signer
	authority authority
	lifetime  time.Duration
	// the wire clock, and the business clock, by which certificates age
	wire, business func() time.Time
	keep           *keeper
	// makes the key of a new certificate; rotations count from 0
	newKey func(rotation int) (*rsa.PrivateKey, error)

	mu sync.Mutex
	// newest first; empty: there are only public keys
	listed    []*certificate
	rotations int
}

// signer is a private key with the name under which its public half is known.
type signer struct {
	serial string
	key    *rsa.PrivateKey
}

// certificate is a platform certificate with its key.
type certificate struct {
	signer

	der, pem          []byte
	effective, expire time.Time
}

// authority signs the platform certificates: Tenpay's CA, emulated.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

// fiveYears is the lifetime of the real certificates.
const fiveYears = 5 * 365 * 24 * time.Hour

// newPlatform takes the keys that the options have, then those in the file, and makes the others,
// which last with the file. An RSA key takes a tenth of a second.
func newPlatform(opts Options, wire, business func() time.Time, keep *keeper) (*platform, error) {
	ring, err := loadKeys(keep)
	if err != nil {
		return nil, keep.explain(err)
	}
	p := &platform{
		lifetime: cmp.Or(opts.CertificateLifetime, fiveYears),
		wire:     wire, business: business, keep: keep,
		newKey: func(int) (*rsa.PrivateKey, error) { return keyOrNew(nil) },
	}
	for _, step := range []func(Options, *keyring) error{p.choosePublicKey, p.chooseAuthority, p.chooseCertificates} {
		if err := step(opts, &ring); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// choosePublicKey sets the key that PublicKeyID names.
func (p *platform) choosePublicKey(opts Options, ring *keyring) error {
	key, err := keyOrNew(cmp.Or(opts.PlatformKey, ring.public))
	if err != nil {
		return err
	}
	p.publicKey = signer{serial: cmp.Or(opts.PublicKeyID, defaultPublicKeyID), key: key}
	if opts.PlatformKey != nil || ring.public != nil {
		return nil
	}
	return keepKey(p.keep, publicEntry, key, nil)
}

// chooseAuthority sets the authority that signs the certificates.
func (p *platform) chooseAuthority(_ Options, ring *keyring) (err error) {
	if ring.authority.key != nil {
		p.authority = ring.authority
		return nil
	}
	if p.authority, err = newAuthority(p.notBefore(), p.business()); err != nil {
		return err
	}
	return keepKey(p.keep, authorityEntry, p.authority.key, p.authority.certificate.Raw)
}

// chooseCertificates sets the certificates that are listed.
func (p *platform) chooseCertificates(opts Options, ring *keyring) error {
	if opts.NoCertificates {
		return nil
	}
	p.listed, p.rotations = ring.listed, max(len(ring.listed)-1, 0)
	if len(p.listed) > 0 {
		return nil
	}
	key, err := keyOrNew(opts.CertificateKey)
	if err != nil {
		return err
	}
	first, err := p.issue(key)
	if err != nil {
		return err
	}
	p.listed = []*certificate{first}
	return keepCertificate(p.keep, 0, first)
}

// keyOrNew returns the key, or a new one in place of nil.
func keyOrNew(key *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	if key != nil {
		return key, nil
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("making a platform key: %w", err)
	}
	return key, nil
}

// newAuthority makes an authority with a certificate of its own, for twenty years.
func newAuthority(notBefore, now time.Time) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, fmt.Errorf("making the authority's key: %w", err)
	}
	a := authority{key: key}
	a.certificate, err = a.sign(&x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: "Tenpay.com Root CA (emulated)", Organization: []string{"Tenpay.com"}},
		NotBefore:             notBefore,
		NotAfter:              writable(now.AddDate(20, 0, 0)),
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}, &key.PublicKey)
	return a, err
}

// sign makes a certificate around a public key: the authority's own while it has none.
func (a authority) sign(template *x509.Certificate, public any) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, cmp.Or(a.certificate, template), public, a.key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	return made, nil
}

// notBefore is when a new certificate begins to be valid: an hour ago by the clock that is behind.
// A client that lives by either clock accepts it, also if its own is a little behind.
func (p *platform) notBefore() time.Time {
	wire, business := p.wire(), p.business()
	if business.Before(wire) {
		return business.Add(-time.Hour)
	}
	return wire.Add(-time.Hour)
}

// writable is a time, or the last one that a certificate can have.
func writable(t time.Time) time.Time {
	if t.Year() <= maxYear {
		return t
	}
	return time.Date(maxYear, time.December, 31, 23, 59, 59, 0, time.UTC)
}

// issue makes a platform certificate around a key.
func (p *platform) issue(key *rsa.PrivateKey) (*certificate, error) {
	made, err := p.authority.sign(&x509.Certificate{
		SerialNumber: newSerial(),
		Subject:      pkix.Name{CommonName: "Tenpay.com sign (emulated)", Organization: []string{"Tenpay.com"}},
		NotBefore:    p.notBefore(),
		NotAfter:     writable(p.business().Add(p.lifetime)),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}, &key.PublicKey)
	if err != nil {
		return nil, err
	}
	return newCertificate(key, made), nil
}

// newest returns the certificate that signs, nil if there is none.
func (p *platform) newest() *certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.listed) == 0 {
		return nil
	}
	return p.listed[0]
}

// certificate returns the certificate of a serial number, nil if there is none.
func (p *platform) certificate(serial string) *certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.listed {
		if c.serial == serial {
			return c
		}
	}
	return nil
}

// valid returns the certificates that have not expired, and the newest in any case.
func (p *platform) valid() []*certificate {
	now := p.business()
	p.mu.Lock()
	defer p.mu.Unlock()
	var valid []*certificate
	for i, c := range p.listed {
		if i == 0 || now.Before(c.expire) {
			valid = append(valid, c)
		}
	}
	return valid
}

// rotate puts a new certificate before the others. They stay listed until they expire, as the real
// ones do, and sign no more.
func (p *platform) rotate() (*certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.listed) == 0 {
		return nil, conflict("this gateway has no platform certificates (Options.NoCertificates)")
	}
	key, err := p.newKey(p.rotations)
	if err != nil {
		return nil, err
	}
	next, err := p.issue(key)
	if err != nil {
		return nil, err
	}
	p.rotations++
	p.listed = slices.Insert(p.listed, 0, next)
	return next, keepCertificate(p.keep, p.rotations, next)
}

// RotateCertificate makes a new platform certificate with a key of its own, and returns its serial
// number. From now on it is listed first, and signs where a platform certificate signs; the older
// ones stay listed. It is an error without certificates ([Options].NoCertificates).
func (g *Gateway) RotateCertificate() (serial string, err error) {
	next, err := g.platform.rotate()
	if err != nil {
		return "", fmt.Errorf("rotating the platform certificate: %w", err)
	}
	return next.serial, nil
}

// PublicKeyID returns the id by which a request's Wechatpay-Serial asks for a signature by the
// public key.
func (g *Gateway) PublicKeyID() string { return g.platform.publicKey.serial }

// PublicKey returns the key whose id is PublicKeyID.
func (g *Gateway) PublicKey() *rsa.PublicKey { return &g.platform.publicKey.key.PublicKey }

// PublicKeyPEM returns PublicKey as the merchant console hands it out: PKIX in PEM. The error is
// that of a key given in [Options] that cannot be encoded.
func (g *Gateway) PublicKeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(g.PublicKey())
	if err != nil {
		return nil, fmt.Errorf("encoding the gateway's public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// CertificateSerial returns the newest platform certificate's serial number, in capital hexadecimal
// digits: the Wechatpay-Serial of replies to requests that name none. It is empty without
// certificates.
func (g *Gateway) CertificateSerial() string {
	if newest := g.platform.newest(); newest != nil {
		return newest.serial
	}
	return ""
}

// CertificatePEM returns the newest platform certificate, which that of RootPEM signed. It is nil
// without certificates.
func (g *Gateway) CertificatePEM() []byte {
	if newest := g.platform.newest(); newest != nil {
		return slices.Clone(newest.pem)
	}
	return nil
}

// RootPEM returns the certificate of the authority that signs the platform certificates: Tenpay's
// CA, made anew for each gateway.
func (g *Gateway) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.platform.authority.certificate.Raw})
}

// askCertificates checks an authenticated download, and completes the question.
func (g *Gateway) askCertificates(ex *exchange, q *question) *refusal {
	params, err := decodeQueryV3(ex.r.URL.RawQuery)
	if err != nil {
		return refuse(codeParamError).because("the query string cannot be read: " + err.Error())
	}
	if no := refuseSurplus(params, []string{"algorithm_type"}, "query"); no != nil {
		return no
	}
	if kind, given := params["algorithm_type"]; given && kind != "RSA" && kind != "ALL" {
		return badParam(issue{Field: "algorithm_type", Value: kind, Issue: "unknown value", Location: "query"}, "参数错误").
			because(fmt.Sprintf("algorithm_type %q must be RSA or ALL: SM2 is not played", kind))
	}
	if q.merchant.V3Key == "" {
		return refuse(codeInvalidRequest).saying("商户未设置APIv3密钥，请先在商户平台设置").
			because("merchant " + q.merchant.MchID + " has no V3Key to encrypt the certificates with")
	}
	return nil
}

// noCertificates is the refusal of a download to a merchant in public-key mode, nil for others.
func (g *Gateway) noCertificates() *refusal {
	if g.platform.newest() != nil {
		return nil
	}
	return refuse(codeNoResource).saying("无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥").
		because("this gateway has no platform certificates (Options.NoCertificates)")
}

// listedCertificate is one platform certificate in a download, encrypted.
type listedCertificate struct {
	Serial    string     `json:"serial_no"`
	Effective string     `json:"effective_time"`
	Expire    string     `json:"expire_time"`
	Encrypted ciphertext `json:"encrypt_certificate"`
}

// ciphertext is the form of everything that WeChat Pay encrypts with an APIv3 key.
type ciphertext struct {
	Algorithm      string `json:"algorithm"`
	Nonce          string `json:"nonce"`
	AssociatedData string `json:"associated_data"`
	Ciphertext     string `json:"ciphertext"`
}

// reportCertificates lists the certificates, encrypted for a merchant.
func (g *Gateway) reportCertificates(m *Merchant) *reply {
	valid := g.platform.valid()
	data := make([]listedCertificate, len(valid))
	for i, c := range valid {
		data[i] = listedCertificate{
			Serial: c.serial, Effective: timeText(c.effective), Expire: timeText(c.expire), Encrypted: encryptFor(m, c.pem),
		}
	}
	return newReplyV3(http.StatusOK, struct {
		Data []listedCertificate `json:"data"`
	}{data})
}

// encryptFor encrypts with a merchant's APIv3 key: AES-256-GCM, the nonce as it is, the tag behind
// the text. A merchant with the wrong key cannot decrypt it, which proves the list to be WeChat
// Pay's.
func encryptFor(m *Merchant, plain []byte) ciphertext {
	const associatedData = "certificate"
	aead := newGCM(m.V3Key)
	nonce := randomText(aead.NonceSize())
	return ciphertext{
		Algorithm:      "AEAD_AES_256_GCM",
		Nonce:          nonce,
		AssociatedData: associatedData,
		Ciphertext:     base64.StdEncoding.EncodeToString(aead.Seal(nil, []byte(nonce), plain, []byte(associatedData))),
	}
}

// newGCM is AES-256-GCM with a merchant's APIv3 key, whose length was checked when the merchant was
// adopted.
func newGCM(key string) cipher.AEAD {
	// cannot fail: the key's length was checked when the merchant was adopted
	block, _ := aes.NewCipher([]byte(key))
	aead, _ := cipher.NewGCM(block) // cannot fail: AES's block size is right
	return aead
}

// certificateView is a platform certificate as the management API shows it.
type certificateView struct {
	Serial    string `json:"serial_no"`
	Effective string `json:"effective_time"`
	Expire    string `json:"expire_time"`
	PEM       string `json:"pem"`
}

// adminCertificates lists the certificates that a download lists, newest first.
func (g *Gateway) adminCertificates(*http.Request) (int, any, error) {
	valid := g.platform.valid()
	views := make([]certificateView, len(valid))
	for i, c := range valid {
		views[i] = newCertificateView(c)
	}
	return http.StatusOK, views, nil
}

// newCertificateView writes a certificate as the management API shows it.
func newCertificateView(c *certificate) certificateView {
	return certificateView{Serial: c.serial, Effective: timeText(c.effective), Expire: timeText(c.expire), PEM: string(c.pem)}
}

// adminRotate rotates the certificate, and shows the new one.
func (g *Gateway) adminRotate(r *http.Request) (int, any, error) {
	if err := decodeAdmin(r, &struct{}{}); err != nil {
		return 0, nil, err
	}
	next, err := g.platform.rotate()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, newCertificateView(next), nil
}
