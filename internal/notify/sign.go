package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Key is a secret with which events are signed. It prints as "redacted".
type Key string

const redacted = "redacted"

// String redacts the key.
func (Key) String() string { return redacted }

// GoString redacts the key.
func (Key) GoString() string { return redacted }

// Format redacts the key, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText redacts the key.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue redacts the key.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

const (
	// leastKey is the fewest characters of a key that is used as it is.
	leastKey = 16
	// secretPrefix begins a key that is the base64 of its bytes; leastSecret and mostSecret are
	// how many these may be (Standard Webhooks 1.0.0, "Signature scheme").
	secretPrefix            = "whsec_"
	leastSecret, mostSecret = 24, 64
)

// bytes returns the bytes of the key. The error says what is wrong with its form.
func (k Key) bytes() ([]byte, error) {
	encoded, is := strings.CutPrefix(string(k), secretPrefix)
	if !is {
		if len(k) < leastKey {
			return nil, fmt.Errorf("the key must have at least %d characters", leastKey)
		}
		return []byte(k), nil
	}
	secret, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(secret) < leastSecret || len(secret) > mostSecret {
		return nil, errors.New("a key that begins with whsec_ must go on with the base64 of 24 to 64 bytes: whsec_$(openssl rand -base64 32)")
	}
	return secret, nil
}

// version names the algorithm of a Standard Webhooks signature.
const version = "v1,"

// Signature returns the value of HeaderWebhookSignature: a signature by each of the secrets, with
// spaces between. timestamp is in seconds since 1970.
func Signature(secrets [][]byte, id, timestamp string, body []byte) string {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		signatures[i] = version + base64.StdEncoding.EncodeToString(sum(secret, id+"."+timestamp+".", body))
	}
	return strings.Join(signatures, " ")
}

// scheme names the algorithm of a signature in HeaderSignature.
const scheme = "v1="

// Sign returns the value of HeaderSignature for a body and a timestamp in seconds since 1970. Keys
// of all forms are used as they are written, as in the release before.
func Sign(key Key, timestamp string, body []byte) string {
	return scheme + hex.EncodeToString(sum([]byte(key), timestamp+".", body))
}

// sum is the HMAC-SHA256 of head and body.
func sum(secret []byte, head string, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(head))
	mac.Write(body)
	return mac.Sum(nil)
}
