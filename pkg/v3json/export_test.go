package v3json

import (
	"context"
	"crypto/rsa"
	"encoding/json"
)

// RequestMessage is the canonical message of a request, for the published vectors of other calls
// than ours.
func RequestMessage(method, uri, timestamp, nonce, body string) string {
	return requestMessage(unsigned{method: method, body: body, nonce: nonce}, uri, timestamp)
}

// DecodeTransaction, DecodeOverseas, DecodeCombined and Describe let fuzzing go without RSA.
func DecodeTransaction(body []byte) (Transaction, error) { return decodeTransaction(body, Mainland) }

func DecodeOverseas(body []byte) (Transaction, error) { return decodeTransaction(body, Global) }

func DecodeCombined(body []byte) (CombinedTransaction, error) { return decodeCombined(body) }

func Describe(detail json.RawMessage) string { return describe(detail) }

// Decrypt is for the published vector, whose key has 16 bytes.
func Decrypt(key []byte, nonce, associatedData, ciphertext string) ([]byte, error) {
	return decrypt(key, nonce, associatedData, ciphertext)
}

// HeldCertificates are those that a client finds in its file.
func HeldCertificates(ctx context.Context, c *Client) map[string]*rsa.PublicKey {
	c.Certificates.loadOnce(ctx, c)
	held := map[string]*rsa.PublicKey{}
	for _, certificate := range c.Certificates.list().certificates {
		held[certificate.ID] = certificate.Public
	}
	return held
}
