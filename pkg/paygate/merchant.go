package paygate

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"slices"
	"strings"
)

// defaultPublicKeyID names the gateway's public key when [Options] does not.
const defaultPublicKeyID = "PUB_KEY_ID_0119000000012026010100000000000001"

// Lengths: of RSA keys in bits, of an APIv2 or APIv3 key in characters (pay.weixin.qq.com doc
// v2/merchant 4011985891), of a certificate's serial number in bytes.
const (
	keyBits = 2048
	// of an APIv2 key and of an APIv3 key: pay.weixin.qq.com doc v2/merchant 4011985891.
	secretLength = 32
	serialBytes  = 20
)

// Merchant is a party whose requests the gateway believes. [NewMerchant] makes one with keys; one
// that is made by hand needs MchID, AppID, V2Key, SerialNo and a key. It prints itself without its
// secrets.
type Merchant struct {
	// MchID is the merchant number, 1 to 32 digits: mch_id in APIv2, mchid or sp_mchid in APIv3.
	MchID string
	// AppID is the appid bound to it. APIv2 refuses requests with another.
	AppID string

	// V2Key is the APIv2 key, 32 characters. It signs requests and replies.
	V2Key string `json:"-"`
	// V3Key is the APIv3 key, 32 characters, which encrypts the platform certificates. Empty:
	// downloads of them are refused.
	V3Key string `json:"-"`

	// SerialNo is the serial number of its API certificate, in capital hexadecimal digits.
	SerialNo string
	// PublicKey is that of its API certificate. nil: the public half of PrivateKey.
	PublicKey *rsa.PublicKey `json:"-"`
	// PrivateKey is for the code under test, which signs with it. The gateway does not use it.
	PrivateKey *rsa.PrivateKey `json:"-"`

	// SubMchIDs are the sub-merchants bound to it as a service provider. An order for another one
	// binds that one too.
	SubMchIDs []string
}

// NewMerchant makes a merchant with an RSA-2048 key, a certificate's serial number and both API
// keys, all random. It takes a tenth of a second. The error is the random source's.
func NewMerchant(mchID, appID string) (*Merchant, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("making merchant %s: %w", mchID, err)
	}
	return merchantWithKey(mchID, appID, key), nil
}

// merchantWithKey makes what is random but the RSA key, which takes long to make.
func merchantWithKey(mchID, appID string, key *rsa.PrivateKey) *Merchant {
	return &Merchant{
		MchID:      mchID,
		AppID:      appID,
		V2Key:      randomText(secretLength),
		V3Key:      randomText(secretLength),
		SerialNo:   serialHex(newSerial()),
		PublicKey:  &key.PublicKey,
		PrivateKey: key,
	}
}

// PrivateKeyPEM returns PrivateKey as SDKs take it: PKCS #8 in PEM, as in apiclient_key.pem. It is
// nil without a PrivateKey.
func (m Merchant) PrivateKeyPEM() []byte {
	if m.PrivateKey == nil {
		return nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(m.PrivateKey)
	if err != nil {
		return nil // a key that is no key
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// String names the merchant without its secrets.
func (m Merchant) String() string {
	return fmt.Sprintf("merchant %s (appid %s, serial %s, keys redacted)", m.MchID, m.AppID, m.SerialNo)
}

// Format prints String for every verb, so that no verb can show a key.
func (m Merchant) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// LogValue logs String.
func (m Merchant) LogValue() slog.Value { return slog.StringValue(m.String()) }

// adoptMerchants checks the merchants and copies them, so that later changes by the caller change
// nothing here. The copies have no private keys, which the gateway does not need.
func adoptMerchants(given []*Merchant) ([]*Merchant, error) {
	var wrong complaints
	wrong.expectf(len(given) > 0, "Options.Merchants: give at least one merchant")
	seen := make(map[string]bool)
	adopted := make([]*Merchant, 0, len(given))
	for i, m := range given {
		wrong.expectf(m != nil, "Options.Merchants[%d]: must not be nil", i)
		if m == nil {
			continue
		}
		merchant := *m
		if merchant.PublicKey == nil && merchant.PrivateKey != nil {
			merchant.PublicKey = &merchant.PrivateKey.PublicKey
		}
		merchant.PrivateKey, merchant.SubMchIDs = nil, slices.Clone(m.SubMchIDs)
		checkMerchant(&merchant, &wrong)
		wrong.expectf(!seen[m.MchID], "merchant %s: MchID is there twice", m.MchID)
		seen[m.MchID] = true
		adopted = append(adopted, &merchant)
	}
	return adopted, wrong.err()
}

// checkMerchant adds a sentence for each field that is wrong.
func checkMerchant(m *Merchant, wrong *complaints) {
	expectf := func(ok bool, format string, args ...any) {
		wrong.expectf(ok, "merchant %q: %s", m.MchID, fmt.Sprintf(format, args...))
	}
	expectf(isMchID(m.MchID), "MchID must be 1 to 32 digits")
	expectf(m.AppID != "", "AppID must not be empty")
	expectf(len(m.V2Key) == secretLength, "V2Key must be %d characters, not %d", secretLength, len(m.V2Key))
	expectf(m.V3Key == "" || len(m.V3Key) == secretLength,
		"V3Key must be %d characters or empty, not %d", secretLength, len(m.V3Key))
	expectf(m.SerialNo != "", "SerialNo must not be empty: it is the serial number of the API certificate")
	expectf(m.PublicKey != nil, "PublicKey must be given: the public half of the API certificate's key")
	for _, sub := range m.SubMchIDs {
		expectf(isMchID(sub), "SubMchIDs: %q must be 1 to 32 digits", sub)
	}
}

// newSerial makes a positive serial number of exactly 20 bytes: 40 hexadecimal digits, without a
// zero in front.
func newSerial() *big.Int {
	raw := make([]byte, serialBytes)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the process instead
	raw[0] = raw[0]&0x3f | 0x40
	return new(big.Int).SetBytes(raw)
}

// serialHex writes a serial number as WeChat Pay does, in capitals and without colons.
func serialHex(serial *big.Int) string { return strings.ToUpper(hex.EncodeToString(serial.Bytes())) }

// randomText makes n random letters and digits, which nonces and keys are made of.
func randomText(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var text strings.Builder
	text.Grow(n)
	raw := make([]byte, n+n/4) // enough for most texts at once
	for text.Len() < n {
		_, _ = rand.Read(raw) // never fails: crypto/rand ends the process instead
		for _, b := range raw {
			// no letter likelier than another
			if int(b) < 256/len(alphabet)*len(alphabet) && text.Len() < n {
				text.WriteByte(alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return text.String()
}
