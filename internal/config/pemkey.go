package config

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
)

// PrivateKey returns the RSA key of PEM text, in PKCS #1 or PKCS #8; nil for anything else.
// [Load] has checked the text of a variable already, so that nil means a variable with a fault.
func PrivateKey(text string) *rsa.PrivateKey {
	return parsePEMKey(text, x509.ParsePKCS1PrivateKey, x509.ParsePKCS8PrivateKey)
}

// PublicKey returns the RSA key of PEM text, in PKCS #1 or PKIX; nil for anything else.
func PublicKey(text string) *rsa.PublicKey {
	return parsePEMKey(text, x509.ParsePKCS1PublicKey, x509.ParsePKIXPublicKey)
}

// parsePEMKey parses the first block of PEM text, in RSA's own form or in the general one.
func parsePEMKey[K any](text string, own func([]byte) (*K, error), general func([]byte) (any, error)) *K {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil
	}
	if key, err := own(block.Bytes); err == nil {
		return key
	}
	key, _ := general(block.Bytes) // nil with an error
	parsed, _ := key.(*K)
	return parsed
}
