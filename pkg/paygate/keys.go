package paygate

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
)

// The bucket of the gateway's own keys in the file, and the names of the keys there. An export does
// not have the bucket.
const (
	keysBucket     = "keys"
	publicEntry    = "public-key"
	authorityEntry = "authority"
	// with a number behind it; the oldest certificate has 0.
	certificateEntry = "certificate-"
)

// keptKey is a private key, as PKCS #8, with its certificate as DER if it has one.
type keptKey struct {
	PKCS8       []byte `json:"pkcs8"`
	Certificate []byte `json:"certificate,omitempty"`
}

// keyring is the gateway's own keys that the file has. Without a file it is empty.
type keyring struct {
	public    *rsa.PrivateKey
	authority authority
	// newest first
	listed []*certificate
}

// loadKeys reads the keys from the file.
func loadKeys(k *keeper) (keyring, error) {
	var ring keyring
	if k == nil {
		return ring, nil
	}
	err := k.each(keysBucket, func(key string, value []byte) error {
		var kept keptKey
		if err := unmarshal(value, &kept); err != nil {
			return err
		}
		return ring.add(key, &kept)
	})
	return ring, err
}

// add takes one key. Certificates come oldest first.
func (r *keyring) add(name string, kept *keptKey) (err error) {
	switch name {
	case publicEntry:
		r.public, err = parseKey[*rsa.PrivateKey](kept.PKCS8)
	case authorityEntry:
		if r.authority.key, err = parseKey[*ecdsa.PrivateKey](kept.PKCS8); err == nil {
			r.authority.certificate, err = x509.ParseCertificate(kept.Certificate)
		}
	default:
		var key *rsa.PrivateKey
		var made *x509.Certificate
		if key, err = parseKey[*rsa.PrivateKey](kept.PKCS8); err == nil {
			made, err = x509.ParseCertificate(kept.Certificate)
		}
		if err == nil {
			r.listed = slices.Insert(r.listed, 0, newCertificate(key, made))
		}
	}
	if err != nil {
		return fmt.Errorf("the key: %w", err)
	}
	return nil
}

// parseKey reads a private key of one kind.
func parseKey[K any](pkcs8 []byte) (key K, err error) {
	parsed, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return key, fmt.Errorf("reading PKCS #8: %w", err)
	}
	key, ok := parsed.(K)
	if !ok {
		return key, errors.New("it is of another kind")
	}
	return key, nil
}

// keepKey writes a key that was made. name is its key in the bucket.
func keepKey(k *keeper, name string, key any, certificate []byte) error {
	if k == nil {
		return nil
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding a key: %w", err)
	}
	k.write(change{keysBucket, name, keptKey{PKCS8: pkcs8, Certificate: certificate}})
	return k.err()
}

// keepCertificate writes the n-th certificate, counted from 0.
func keepCertificate(k *keeper, n int, c *certificate) error {
	return keepKey(k, certificateEntry+numberKey(n), c.key, c.der)
}

// newCertificate is a certificate with its key.
func newCertificate(key *rsa.PrivateKey, made *x509.Certificate) *certificate {
	return &certificate{
		signer:    signer{serial: serialHex(made.SerialNumber), key: key},
		der:       made.Raw,
		pem:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Raw}),
		effective: made.NotBefore, expire: made.NotAfter,
	}
}
