package paygate_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// certificateKey is the public key in the platform certificate.
func certificateKey(t *testing.T, g *paygate.Gateway) *rsa.PublicKey {
	t.Helper()
	block, rest := pem.Decode(g.CertificatePEM())
	if block == nil || block.Type != "CERTIFICATE" || len(rest) != 0 {
		t.Fatalf("CertificatePEM is %q, want one CERTIFICATE block", g.CertificatePEM())
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ToUpper(certificate.SerialNumber.Text(16)); got != g.CertificateSerial() {
		t.Errorf("the certificate's serial is %s, want CertificateSerial %s", got, g.CertificateSerial())
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		t.Fatalf("the certificate holds a %T, want an RSA key", certificate.PublicKey)
	}
	return key
}

func TestNewMerchant(t *testing.T) {
	t.Parallel()
	m, err := paygate.NewMerchant("1900007291", "wxd678efh567hg6787")
	if err != nil {
		t.Fatal(err)
	}
	if m.PrivateKey.N.BitLen() != 2048 || m.PublicKey.N.Cmp(m.PrivateKey.N) != 0 {
		t.Errorf("key has %d bits, want 2048 and the matching public half", m.PrivateKey.N.BitLen())
	}
	if !regexp.MustCompile(`^[0-9A-F]{40}$`).MatchString(m.SerialNo) {
		t.Errorf("SerialNo is %q, want 40 capital hexadecimal digits", m.SerialNo)
	}
	if len(m.V2Key) != 32 || len(m.V3Key) != 32 || m.V2Key == m.V3Key {
		t.Errorf("keys have %d and %d characters, want 32 different ones", len(m.V2Key), len(m.V3Key))
	}
}

func TestMerchantPrintsNoSecret(t *testing.T) {
	t.Parallel()
	m := paygate.RunT(t).Merchant
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb+"\n", m)
		fmt.Fprintf(&out, verb+"\n", *m)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("merchant", "one", m)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for name, secret := range map[string]string{"V2Key": m.V2Key, "V3Key": m.V3Key, "PrivateKey": m.PrivateKey.D.String()} {
		if strings.Contains(out.String(), secret) || strings.Contains(out.String(), fmt.Sprintf("%x", secret)) {
			t.Errorf("%s is printed", name)
		}
	}
	if !strings.Contains(out.String(), m.MchID) {
		t.Error("the merchant's number is not printed")
	}
}

func TestOptionsFaults(t *testing.T) {
	t.Parallel()
	good := paygate.RunT(t).Merchant
	edit := func(change func(*paygate.Merchant)) *paygate.Merchant {
		m := *good
		change(&m)
		return &m
	}
	for name, test := range map[string]struct {
		merchants []*paygate.Merchant
		want      []string
	}{
		"none":      {nil, []string{"at least one merchant"}},
		"nil":       {[]*paygate.Merchant{nil}, []string{"Merchants[0]", "nil"}},
		"twice":     {[]*paygate.Merchant{good, good}, []string{"MchID", "twice"}},
		"mchid":     {[]*paygate.Merchant{edit(func(m *paygate.Merchant) { m.MchID = "x1" })}, []string{"MchID", "digits"}},
		"appid":     {[]*paygate.Merchant{edit(func(m *paygate.Merchant) { m.AppID = "" })}, []string{"AppID"}},
		"v2 key":    {[]*paygate.Merchant{edit(func(m *paygate.Merchant) { m.V2Key = "short" })}, []string{"V2Key", "32"}},
		"v3 key":    {[]*paygate.Merchant{edit(func(m *paygate.Merchant) { m.V3Key = "short" })}, []string{"V3Key", "32"}},
		"serial":    {[]*paygate.Merchant{edit(func(m *paygate.Merchant) { m.SerialNo = "" })}, []string{"SerialNo"}},
		"key":       {[]*paygate.Merchant{edit(func(m *paygate.Merchant) { m.PublicKey, m.PrivateKey = nil, nil })}, []string{"PublicKey"}},
		"sub":       {[]*paygate.Merchant{edit(func(m *paygate.Merchant) { m.SubMchIDs = []string{"sub"} })}, []string{"SubMchIDs", "digits"}},
		"all named": {[]*paygate.Merchant{edit(func(m *paygate.Merchant) { m.AppID, m.SerialNo = "", "" })}, []string{"AppID", "SerialNo"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := paygate.New(paygate.Options{Merchants: test.merchants})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

// TestNewMakesWhatIsMissing covers the constructor without the test kit's cached keys.
func TestNewMakesWhatIsMissing(t *testing.T) {
	t.Parallel()
	m := *paygate.RunT(t).Merchant
	m.PublicKey = nil // taken from the private one
	g, err := paygate.New(paygate.Options{Merchants: []*paygate.Merchant{&m}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "PUB_KEY_ID_0119000000012026010100000000000001"; g.PublicKeyID() != want {
		t.Errorf("PublicKeyID is %q, want %q", g.PublicKeyID(), want)
	}
	text, err := g.PublicKeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		t.Fatalf("PublicKeyPEM is %q, want a PUBLIC KEY block", text)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil || !g.PublicKey().Equal(key) {
		t.Errorf("PublicKeyPEM holds %v (%v), want PublicKey", key, err)
	}
	if certificateKey(t, g).Equal(g.PublicKey()) {
		t.Error("the certificate has the public key's key, want another one")
	}
}
