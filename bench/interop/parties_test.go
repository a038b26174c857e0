// Package interop_test confirms pkg/v3json and the emulated gateway by code that others wrote:
// WeChat Pay's own Go SDK, github.com/wechatpay-apiv3/wechatpay-go. Both libraries read the same
// PEM files; then each signs what the other has to verify, and the SDK's client talks to the
// emulator. The SDK is a dependency of this module only, never of the product.
package interop_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/signers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"cloudpay/pkg/v3json"
)

const (
	mchID       = "1900007291"
	subMchID    = "1900000109"
	publicKeyID = "PUB_KEY_ID_0119000072912026010100000000000001"

	// platformName is the subject of platform certificates; that of a merchant's is its number.
	platformName = "Tenpay.com sign"
)

// party is one side of the conversation: an RSA key and its certificate, as both libraries read
// them.
type party struct {
	serial         string
	privatePEM     []byte
	publicPEM      []byte
	certificatePEM []byte

	ours   v3json.Key
	theirs *signers.SHA256WithRSASigner
}

// parties are made once: a key takes a tenth of a second and more.
var parties = sync.OnceValues(func() (made struct{ merchant, platform party }, err error) {
	if made.merchant, err = newParty(mchID); err != nil {
		return made, err
	}
	made.platform, err = newParty(platformName)
	return made, err
})

// merchant is the party that asks.
func merchant(t *testing.T) party {
	t.Helper()
	made, err := parties()
	if err != nil {
		t.Fatalf("making the parties: %v", err)
	}
	return made.merchant
}

// platform is the party that answers: WeChat Pay.
func platform(t *testing.T) party {
	t.Helper()
	made, err := parties()
	if err != nil {
		t.Fatalf("making the parties: %v", err)
	}
	return made.platform
}

// newParty writes the files, and lets each library read them by itself.
func newParty(owner string) (party, error) {
	p, err := writeFiles(owner)
	if err != nil {
		return party{}, err
	}
	if p.ours, err = v3json.ParseKey(p.serial, p.privatePEM); err != nil {
		return party{}, fmt.Errorf("v3json: %w", err)
	}
	private, err := utils.LoadPrivateKey(string(p.privatePEM))
	if err != nil {
		return party{}, fmt.Errorf("wechatpay-go: %w", err)
	}
	p.theirs = &signers.SHA256WithRSASigner{MchID: mchID, CertificateSerialNo: p.serial, PrivateKey: private}
	return p, nil
}

func writeFiles(owner string) (party, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return party{}, fmt.Errorf("making a key: %w", err)
	}
	// 20 bytes, as real ones, and the first of them no zero.
	serial := new(big.Int).SetBytes(append([]byte{0x5a}, []byte(rand.Text())[:19]...))
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: owner},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return party{}, fmt.Errorf("making a certificate: %w", err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return party{}, fmt.Errorf("encoding a private key: %w", err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return party{}, fmt.Errorf("encoding a public key: %w", err)
	}
	return party{
		serial:         fmt.Sprintf("%X", serial.Bytes()),
		privatePEM:     pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER}),
		publicPEM:      pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER}),
		certificatePEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
	}, nil
}

// sign is a library's way to sign a message in the party's name.
type sign func(t *testing.T, message string) string

// signs is how each library does it.
func (p party) signs() map[string]sign {
	return map[string]sign{
		"v3json": func(t *testing.T, message string) string {
			t.Helper()
			signature, err := p.ours.Sign(message)
			if err != nil {
				t.Fatalf("v3json signs: %v", err)
			}
			return signature
		},
		"wechatpay-go": func(t *testing.T, message string) string {
			t.Helper()
			result, err := p.theirs.Sign(t.Context(), message)
			if err != nil {
				t.Fatalf("wechatpay-go signs: %v", err)
			}
			return result.Signature
		},
	}
}

// theirVerifier knows the party by its certificate, as the SDK knows WeChat Pay in certificate
// mode.
func (p party) theirVerifier(t *testing.T) auth.Verifier {
	t.Helper()
	certificate, err := utils.LoadCertificate(string(p.certificatePEM))
	if err != nil {
		t.Fatalf("wechatpay-go reads the certificate: %v", err)
	}
	if got := utils.GetCertificateSerialNumber(*certificate); got != p.serial {
		t.Fatalf("wechatpay-go: the certificate's serial is %s, want %s", got, p.serial)
	}
	return verifiers.NewSHA256WithRSAVerifier(core.NewCertificateMapWithList([]*x509.Certificate{certificate}))
}

// theirPublicKeyVerifier knows the party by its public key, as the SDK knows WeChat Pay in
// public-key mode.
func (p party) theirPublicKeyVerifier(t *testing.T) auth.Verifier {
	t.Helper()
	public, err := utils.LoadPublicKey(string(p.publicPEM))
	if err != nil {
		t.Fatalf("wechatpay-go reads the public key: %v", err)
	}
	return verifiers.NewSHA256WithRSAPubkeyVerifier(publicKeyID, *public)
}

// keyring knows the platform in both ways, as v3json does.
func keyring(t *testing.T) v3json.Keyring {
	t.Helper()
	public, err := v3json.ParsePublicKey(publicKeyID, platform(t).publicPEM)
	if err != nil {
		t.Fatalf("v3json reads the public key: %v", err)
	}
	certificate, err := v3json.ParseCertificate(platform(t).certificatePEM)
	if err != nil {
		t.Fatalf("v3json reads the certificate: %v", err)
	}
	keys, err := v3json.NewKeyring(public, certificate)
	if err != nil {
		t.Fatalf("v3json makes a keyring: %v", err)
	}
	return keys
}

// call is one question to the gateway, of any kind that v3json asks.
type call struct {
	closing                             bool
	subMchID, outTradeNo, transactionID string
}

// ask puts the question through client and returns its error.
func (c call) ask(ctx context.Context, client *v3json.Client) error {
	if c.closing {
		_, err := client.CloseOrder(ctx, v3json.Request{OutTradeNo: c.outTradeNo, SubMchID: c.subMchID})
		return err
	}
	_, err := client.QueryOrder(ctx, v3json.Request{
		OutTradeNo: c.outTradeNo, TransactionID: c.transactionID, SubMchID: c.subMchID,
	})
	return err
}

// source is where random cases come from: the same ones in each run, so that one which fails fails
// again.
func source() *mathrand.Rand { return mathrand.New(mathrand.NewPCG(2026, 0xc105e)) }

// randomText is 1 to 32 characters of an alphabet.
func randomText(r *mathrand.Rand, alphabet string) string {
	var text strings.Builder
	for range 1 + r.IntN(32) {
		text.WriteByte(alphabet[r.IntN(len(alphabet))])
	}
	return text.String()
}

// orderAlphabet is every character that an order number may have; those at its end are the ones
// that URLs escape, each in its own way.
const orderAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-|*@_-|*@_-|*@_-|*@"

// randomCall closes and queries orders, direct and as a partner, by either number.
func randomCall(r *mathrand.Rand) call {
	c := call{closing: r.IntN(2) == 0, outTradeNo: randomText(r, orderAlphabet)}
	if r.IntN(2) == 0 {
		c.subMchID = subMchID
	}
	if !c.closing && r.IntN(2) == 0 {
		c.outTradeNo, c.transactionID = "", "4200"+randomText(r, "0123456789")[:1]+"20260801"
	}
	return c
}
