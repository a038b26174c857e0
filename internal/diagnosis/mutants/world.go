package mutants

import (
	"crypto/rsa"
	"crypto/x509"
	"embed"
	"encoding/json"
	"encoding/pem"
	"fmt"
)

//go:embed testdata
var files embed.FS

// Merchant is an account at WeChat Pay, with its secrets.
type Merchant struct {
	MchID  string `json:"mchid"`
	Serial string `json:"serial"`
	V2Key  string `json:"v2_key"`
	V3Key  string `json:"v3_key"`
	// Key is the one of the API certificate.
	Key *rsa.PrivateKey `json:"-"`
}

// Signer is one of WeChat Pay's own keys. Serial is what Wechatpay-Serial calls it.
type Signer struct {
	Serial string          `json:"serial"`
	Key    *rsa.PrivateKey `json:"-"`
}

// World is the parties whose messages are good. All of its keys are for tests alone and stand in
// testdata, whose README tells how they were made.
type World struct {
	Merchant

	AppID    string `json:"appid"`
	SubMchID string `json:"sub_mchid"`
	// Other is a second merchant that is known.
	Other Merchant `json:"other"`
	// PublicKey and Certificate sign replies and notifications.
	PublicKey   Signer `json:"public_key"`
	Certificate Signer `json:"-"`

	// stranger is a key that is known to no side.
	stranger *rsa.PrivateKey
}

// NewWorld reads the parties. Certificate.Serial is empty: a gateway chooses it.
func NewWorld() (*World, error) {
	w := &World{}
	text, err := files.ReadFile("testdata/keys/account.json")
	if err != nil {
		return nil, fmt.Errorf("reading the account: %w", err)
	}
	if err := json.Unmarshal(text, w); err != nil {
		return nil, fmt.Errorf("reading the account: %w", err)
	}
	for name, key := range map[string]**rsa.PrivateKey{
		"merchant": &w.Key, "other": &w.Other.Key, "public": &w.PublicKey.Key, "certificate": &w.Certificate.Key, "stranger": &w.stranger,
	} {
		if *key, err = readKey(name); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// readKey reads a private key as PKCS #8.
func readKey(name string) (*rsa.PrivateKey, error) {
	text, err := files.ReadFile("testdata/keys/" + name + ".pem")
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("the key %s is no PEM", name)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", name, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the key %s is not RSA", name)
	}
	return key, nil
}
