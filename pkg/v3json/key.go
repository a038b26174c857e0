package v3json

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"cloudpay/pkg/wire"
)

const (
	// publicKeyPrefix begins the id of a WeChat Pay public key; a platform certificate is named by
	// its serial in hex.
	publicKeyPrefix = "PUB_KEY_ID_"

	minKeyBits     = 2048
	maxPEM         = 64 << 10
	maxSerial      = 40 // hex digits: a certificate's serial has at most 20 bytes (RFC 5280, 4.1.2.2)
	maxPublicID    = 64
	v3KeySize      = 32
	pemCertificate = "CERTIFICATE"
)

// Key signs a merchant's requests: the private key of its API certificate, and that certificate's
// serial. It prints as "redacted" in every format. The zero Key signs nothing.
type Key struct {
	wire.Redacted

	serial  string
	private *rsa.PrivateKey // fmt, which ignores methods of unexported fields, prints its address only
}

// ParseKey reads a merchant's private key (apiclient_key.pem, as PKCS #8 or PKCS #1) that belongs
// to the API certificate of that serial: 40 hex digits, which "openssl x509 -in apiclient_cert.pem
// -noout -serial" shows. It refuses keys of less than 2048 bits.
func ParseKey(serial string, pemBytes []byte) (Key, error) {
	switch {
	case strings.HasPrefix(serial, publicKeyPrefix):
		return Key{}, fmt.Errorf("serial %s names WeChat Pay's public key: give that of the merchant's API certificate", wire.Quote(serial))
	case !isSerial(serial):
		return Key{}, fmt.Errorf("serial %s is not 1 to 40 hex digits: "+
			"openssl x509 -in apiclient_cert.pem -noout -serial", wire.Quote(serial))
	}
	private, err := parsePrivateKey(pemBytes)
	if err != nil {
		return Key{}, fmt.Errorf("private key: %w", err)
	}
	if err := checkSize(&private.PublicKey); err != nil {
		return Key{}, fmt.Errorf("private key: %w", err)
	}
	return Key{serial: strings.ToUpper(serial), private: private}, nil
}

// Serial returns the serial number of the merchant's API certificate, in upper-case hex. It is no
// secret.
func (k Key) Serial() string { return k.serial }

// V3Key is the APIv3 key, which platform certificates are encrypted with. It prints as "redacted"
// in every format. The zero V3Key decrypts nothing.
type V3Key struct {
	wire.Redacted

	// fmt ignores methods of unexported fields, and for a verb that does not fit follows a pointer
	// once, so there are two. (In a Key the numbers themselves are pointers.)
	secret **[v3KeySize]byte
}

// ParseV3Key takes the APIv3 key (APIv3密钥) as set in the merchant console: 32 characters. The APIv2
// key has as many and is another key; given instead, it is only recognised when it does not decrypt
// the certificates.
func ParseV3Key(key string) (V3Key, error) {
	if len(key) != v3KeySize {
		hint := ""
		if trimmed := strings.TrimSpace(key); len(trimmed) == v3KeySize {
			hint = ": it has white space around it"
		}
		return V3Key{}, fmt.Errorf("the APIv3 key has %d bytes, and must have 32%s; "+
			"it is set in the merchant console (APIv3密钥), and is another than the APIv2 key", len(key), hint)
	}
	secret := (*[v3KeySize]byte)([]byte(key))
	return V3Key{secret: &secret}, nil
}

// PlatformKey is one of the keys that WeChat Pay signs replies with. ID is its name in
// Wechatpay-Serial: PUB_KEY_ID_… for a public key, the serial in hex for a platform certificate.
type PlatformKey struct {
	ID     string
	Public *rsa.PublicKey
}

// ParsePublicKey reads a WeChat Pay public key (pub_key.pem, PKIX or PKCS #1) and its id
// (PUB_KEY_ID_…), both from the merchant console. It refuses a certificate's serial as the id: no
// reply would name it.
func ParsePublicKey(id string, pemBytes []byte) (PlatformKey, error) {
	if isSerial(id) {
		return PlatformKey{}, fmt.Errorf("public key id %s is a certificate's serial: "+
			"give the PUB_KEY_ID_… of this public key, or a platform certificate to ParseCertificate", wire.Quote(id))
	}
	public, err := parsePublicKey(pemBytes)
	if err != nil {
		return PlatformKey{}, fmt.Errorf("public key %s: %w", wire.Quote(id), err)
	}
	return newPlatformKey(id, public)
}

// ParseCertificate reads a platform certificate, whose serial becomes the key's id. It refuses a
// merchant's own certificate, which signs no reply. It checks neither the certificate's dates nor
// its issuer: the file is trusted like the configuration it comes with.
func ParseCertificate(pemBytes []byte) (PlatformKey, error) {
	certificate, err := parseCertificate(pemBytes)
	if err != nil {
		return PlatformKey{}, fmt.Errorf("platform certificate: %w", err)
	}
	return certificateKey(certificate)
}

func certificateKey(certificate *x509.Certificate) (PlatformKey, error) {
	public, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return PlatformKey{}, fmt.Errorf("platform certificate: its key is of type %s, and replies are signed with RSA",
			certificate.PublicKeyAlgorithm)
	}
	// A merchant's certificate has its number in it (page 4012073263). That this is its common name
	// is observed, not documented. One made otherwise is recognised by its serial, or by the first
	// reply.
	if owner := certificate.Subject.CommonName; isDigits(owner) {
		return PlatformKey{}, fmt.Errorf("platform certificate: this is the API certificate of merchant %s (apiclient_cert.pem), "+
			"which signs no reply: give WeChat Pay's", wire.Quote(owner))
	}
	return newPlatformKey(fmt.Sprintf("%X", certificate.SerialNumber.Bytes()), public)
}

func newPlatformKey(id string, public *rsa.PublicKey) (PlatformKey, error) {
	key := PlatformKey{ID: id, Public: public}
	if err := key.check(); err != nil {
		return PlatformKey{}, err
	}
	return key, nil
}

func (k PlatformKey) check() error {
	if !isPublicKeyID(k.ID) && !isSerial(k.ID) {
		return fmt.Errorf("key id %s is neither PUB_KEY_ID_… nor a certificate's serial in hex", wire.Quote(k.ID))
	}
	if k.Public == nil || k.Public.N == nil {
		return fmt.Errorf("key %s is empty", wire.Quote(k.ID))
	}
	if err := checkSize(k.Public); err != nil {
		return fmt.Errorf("key %s: %w", wire.Quote(k.ID), err)
	}
	return nil
}

// Keyring holds the keys that replies are verified with, by Wechatpay-Serial. The zero Keyring
// verifies nothing.
type Keyring struct {
	ids  []string                  // as given, in the order given
	keys map[string]*rsa.PublicKey // :: canonical id → key
}

// NewKeyring returns a keyring of public keys and platform certificates, at least one.
func NewKeyring(keys ...PlatformKey) (Keyring, error) {
	if len(keys) == 0 {
		return Keyring{}, errors.New("a keyring needs the WeChat Pay public key or a platform certificate, or both")
	}
	ring := Keyring{keys: make(map[string]*rsa.PublicKey, len(keys))}
	for _, key := range keys {
		if err := key.check(); err != nil {
			return Keyring{}, err
		}
		if ring.find(key.ID) != nil {
			return Keyring{}, fmt.Errorf("key %s is given twice", key.ID)
		}
		ring.ids = append(ring.ids, key.ID)
		ring.keys[canonicalID(key.ID)] = key.Public
	}
	return ring, nil
}

// Preferred returns the id of the key that replies are requested to be signed with: the first
// public key or, without one, the first certificate. It is "" for the zero Keyring.
func (k Keyring) Preferred() string {
	for _, id := range k.ids {
		if strings.HasPrefix(id, publicKeyPrefix) {
			return id
		}
	}
	if len(k.ids) == 0 {
		return ""
	}
	return k.ids[0]
}

func (k Keyring) find(id string) *rsa.PublicKey {
	return k.keys[canonicalID(id)]
}

// canonicalID returns the one spelling of a serial: programs print its hex in either case, with or
// without leading zeros. A public key's id has one spelling.
func canonicalID(id string) string {
	if strings.HasPrefix(id, publicKeyPrefix) || !isSerial(id) {
		return id
	}
	return strings.TrimLeft(strings.ToUpper(id), "0")
}

func isSerial(s string) bool {
	if s == "" || len(s) > maxSerial {
		return false
	}
	for i := range len(s) {
		if !isHexDigit(s[i]) {
			return false
		}
	}
	return true
}

func isHexDigit(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
}

func isPublicKeyID(s string) bool {
	rest, found := strings.CutPrefix(s, publicKeyPrefix)
	if !found || rest == "" || len(s) > maxPublicID {
		return false
	}
	for i := range len(rest) {
		if !isAlphanumeric(rest[i]) {
			return false
		}
	}
	return true
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func checkSize(key *rsa.PublicKey) error {
	if bits := key.N.BitLen(); bits < minKeyBits {
		return fmt.Errorf("it has %d bits, and WeChat Pay's keys have 2048: it is not safe, and not one of theirs", bits)
	}
	return nil
}

// onlyBlock decodes a file with exactly one PEM block: of several, it may be another one that is
// meant. Errors quote nothing of the file, which may be a private key in the wrong place.
func onlyBlock(pemBytes []byte) (*pem.Block, error) {
	if len(pemBytes) > maxPEM {
		return nil, fmt.Errorf("it has %d bytes, too many for one key in PEM", len(pemBytes))
	}
	block, rest := pem.Decode(pemBytes)
	if block == nil {
		return nil, errors.New("it is not PEM: give the whole file, from -----BEGIN to -----END, with its line breaks")
	}
	if bytes.Contains(rest, []byte("-----BEGIN")) {
		return nil, errors.New("it holds more than one PEM block: give the one that is meant")
	}
	return block, nil
}

func parsePrivateKey(pemBytes []byte) (*rsa.PrivateKey, error) {
	block, err := onlyBlock(pemBytes)
	if err != nil {
		return nil, err
	}
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return nil, errors.New("it is encrypted: take the passphrase off with openssl pkey -in apiclient_key.pem -out plain.pem")
	case block.Type == "PRIVATE KEY":
		return parsePKCS8(block.Bytes)
	case block.Type == "RSA PRIVATE KEY":
		private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("its RSA PRIVATE KEY block is damaged: %w", err)
		}
		return private, nil
	}
	return nil, wrongBlock(block.Type, "the merchant's private key (apiclient_key.pem)")
}

func parsePKCS8(der []byte) (*rsa.PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("its PRIVATE KEY block is damaged: %w", err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is of type %T, and WeChat Pay's requests are signed with RSA", key)
	}
	return private, nil
}

func parsePublicKey(pemBytes []byte) (*rsa.PublicKey, error) {
	block, err := onlyBlock(pemBytes)
	if err != nil {
		return nil, err
	}
	switch block.Type {
	case "PUBLIC KEY":
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("its PUBLIC KEY block is damaged: %w", err)
		}
		public, ok := key.(*rsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("it is of type %T, and replies are signed with RSA", key)
		}
		return public, nil
	case "RSA PUBLIC KEY":
		public, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("its RSA PUBLIC KEY block is damaged: %w", err)
		}
		return public, nil
	}
	return nil, wrongBlock(block.Type, "the WeChat Pay public key (pub_key.pem)")
}

func parseCertificate(pemBytes []byte) (*x509.Certificate, error) {
	block, err := onlyBlock(pemBytes)
	if err != nil {
		return nil, err
	}
	if block.Type != pemCertificate {
		return nil, wrongBlock(block.Type, "a platform certificate")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("its CERTIFICATE block is damaged: %w", err)
	}
	return certificate, nil
}

// wrongBlock returns an error that names the block given and the one that belongs there.
func wrongBlock(kind, want string) error {
	var given string
	switch {
	case kind == pemCertificate:
		given = "a certificate"
	case strings.HasSuffix(kind, "PRIVATE KEY"):
		given = "a private key"
	case strings.HasSuffix(kind, "PUBLIC KEY"):
		given = "a public key"
	default:
		given = "a PEM block of another kind"
	}
	return fmt.Errorf("this is %s (%s), and here belongs %s", given, wire.Quote(kind), want)
}
