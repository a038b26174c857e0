package v3json_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

// smallKey is of a size that was once common. One serves the whole process: RSA keys are slow to
// make.
var smallKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, _ := rsa.GenerateKey(rand.Reader, 1024)
	return key
})

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("making an EC key: %v", err)
	}
	return key
}

func marshal(t *testing.T, der []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatalf("marshalling a test key: %v", err)
	}
	return der
}

func TestParseKeyForms(t *testing.T) {
	t.Parallel()
	private := loadMerchantKey(t)
	pkcs8 := readTestdata(t, "merchant_key.pem")
	tests := map[string][]byte{
		"PKCS #8":          pkcs8,
		"PKCS #1":          block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private)),
		"with a preamble":  append([]byte("Bag Attributes\n  friendlyName: x\n"), pkcs8...),
		"with blank lines": append(slices.Clone(pkcs8), "\n \n"...),
		"with CR LF":       []byte(strings.ReplaceAll(string(pkcs8), "\n", "\r\n")),
	}
	for name, file := range tests {
		key, err := v3json.ParseKey(strings.ToLower(merchantSerial), file)
		if err != nil {
			t.Errorf("%s: ParseKey: %v", name, err)
			continue
		}
		if key.Serial() != merchantSerial {
			t.Errorf("%s: serial is %s, want it in capitals", name, key.Serial())
		}
		signature, err := key.Sign("message")
		if err != nil || !verifiesUnder(&private.PublicKey, "message", signature) {
			t.Errorf("%s: Sign gives %q, %v, want a signature of this key", name, signature, err)
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	private := readTestdata(t, "merchant_key.pem")
	certificate := readTestdata(t, "merchant_cert.pem")
	ec := newECKey(t)
	ecPKCS8, err := x509.MarshalPKCS8PrivateKey(ec)
	ecPKCS8 = marshal(t, ecPKCS8, err)
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte{1},
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}})
	small, err := x509.MarshalPKCS8PrivateKey(smallKey())
	small = marshal(t, small, err)
	tests := map[string]struct {
		serial string
		file   []byte
		want   string
	}{
		"nothing":             {merchantSerial, nil, "not PEM"},
		"a path":              {merchantSerial, []byte("/etc/wx/apiclient_key.pem"), "not PEM"},
		"no line breaks":      {merchantSerial, []byte(strings.ReplaceAll(string(private), "\n", "")), "not PEM"},
		"a certificate":       {merchantSerial, certificate, "a certificate (CERTIFICATE), and here belongs the merchant's private key"},
		"a public key":        {merchantSerial, readTestdata(t, "platform_pub.pem"), `a public key ("PUBLIC KEY"), and here belongs`},
		"an EC key":           {merchantSerial, block("EC PRIVATE KEY", []byte{1}), "a private key"},
		"an EC key, PKCS #8":  {merchantSerial, block("PRIVATE KEY", ecPKCS8), "signed with RSA"},
		"something else":      {merchantSerial, block("X509 CRL", []byte{1}), "a PEM block of another kind"},
		"encrypted PKCS #8":   {merchantSerial, block("ENCRYPTED PRIVATE KEY", []byte{1}), "it is encrypted"},
		"encrypted PKCS #1":   {merchantSerial, encrypted, "openssl pkey"},
		"damaged PKCS #8":     {merchantSerial, block("PRIVATE KEY", []byte{1}), "PRIVATE KEY block is damaged"},
		"damaged PKCS #1":     {merchantSerial, block("RSA PRIVATE KEY", []byte{1}), "RSA PRIVATE KEY block is damaged"},
		"1024 bits":           {merchantSerial, block("PRIVATE KEY", small), "it has 1024 bits"},
		"1024 bits, PKCS #1":  {merchantSerial, block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(smallKey())), "it has 1024 bits"},
		"two keys":            {merchantSerial, slices.Concat(private, private), "more than one PEM block"},
		"key and certificate": {merchantSerial, slices.Concat(private, certificate), "more than one PEM block"},
		"far too long":        {merchantSerial, slices.Concat(private, make([]byte, 64<<10)), "too many for one key"},
		"no serial":           {"", private, `serial "" is not`},
		"serial not hex":      {"5A0D6B1F9C3E47A2B8D1F00C6E7A94D3B2C1E0FG", private, "is not 1 to 40 hex digits"},
		"serial with colons":  {"5A:0D:6B", private, "is not 1 to 40 hex digits"},
		"serial too long":     {merchantSerial + "0", private, "is not 1 to 40 hex digits"},
		"public key's id":     {publicKeyID, private, "names WeChat Pay's public key"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := v3json.ParseKey(test.serial, test.file)
			wantSays(t, name, err, test.want)
			if key != (v3json.Key{}) {
				t.Error("a key came with the error, want none")
			}
		})
	}
}

func TestParsePublicKey(t *testing.T) {
	t.Parallel()
	want := loadPublic(t, "platform_pub.pem")
	for name, file := range map[string][]byte{
		"PKIX": readTestdata(t, "platform_pub.pem"), "PKCS #1": block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(want)),
	} {
		key, err := v3json.ParsePublicKey(publicKeyID, file)
		if err != nil || key.ID != publicKeyID || !key.Public.Equal(want) {
			t.Errorf("%s: ParsePublicKey gives %v, %v, want the key", name, key.ID, err)
		}
	}
	ec, err := x509.MarshalPKIXPublicKey(&newECKey(t).PublicKey)
	ec = marshal(t, ec, err)
	small, err := x509.MarshalPKIXPublicKey(&smallKey().PublicKey)
	small = marshal(t, small, err)
	tests := map[string]struct {
		id   string
		file []byte
		want string
	}{
		"nothing":         {publicKeyID, nil, "not PEM"},
		"a certificate":   {publicKeyID, readTestdata(t, "platform_cert.pem"), "a certificate (CERTIFICATE), and here belongs the WeChat Pay public key"},
		"a private key":   {publicKeyID, readTestdata(t, "merchant_key.pem"), "a private key"},
		"an EC key":       {publicKeyID, block("PUBLIC KEY", ec), "signed with RSA"},
		"damaged":         {publicKeyID, block("PUBLIC KEY", []byte{1}), "PUBLIC KEY block is damaged"},
		"damaged PKCS #1": {publicKeyID, block("RSA PUBLIC KEY", []byte{1}), "RSA PUBLIC KEY block is damaged"},
		"1024 bits":       {publicKeyID, block("PUBLIC KEY", small), "it has 1024 bits"},
		"a serial as id":  {merchantSerial, readTestdata(t, "platform_pub.pem"), "is a certificate's serial"},
		"no id":           {"", readTestdata(t, "platform_pub.pem"), "neither PUB_KEY_ID_"},
		"id without end":  {"PUB_KEY_ID_", readTestdata(t, "platform_pub.pem"), "neither PUB_KEY_ID_"},
		"id with a break": {"PUB_KEY_ID_1\r\nX: y", readTestdata(t, "platform_pub.pem"), "neither PUB_KEY_ID_"},
		"id beyond ASCII": {"PUB_KEY_ID_\u0131", readTestdata(t, "platform_pub.pem"), "neither PUB_KEY_ID_"},
		"id too long":     {publicKeyID + strings.Repeat("1", 64), readTestdata(t, "platform_pub.pem"), "neither PUB_KEY_ID_"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := v3json.ParsePublicKey(test.id, test.file)
			wantSays(t, name, err, test.want)
		})
	}
}

func TestParseCertificate(t *testing.T) {
	t.Parallel()
	key, err := v3json.ParseCertificate(readTestdata(t, "platform_cert.pem"))
	if err != nil || key.ID != platformSerial || !key.Public.Equal(&platformKey().PublicKey) {
		t.Errorf("ParseCertificate gives %s, %v, want %s", key.ID, err, platformSerial)
	}
	tests := map[string]struct {
		file []byte
		want string
	}{
		"nothing":               {nil, "not PEM"},
		"a public key":          {readTestdata(t, "platform_pub.pem"), "here belongs a platform certificate"},
		"damaged":               {block("CERTIFICATE", []byte{1}), "CERTIFICATE block is damaged"},
		"the merchant's":        {readTestdata(t, "merchant_cert.pem"), "the API certificate of merchant 1900007291"},
		"one for an EC key":     {newECCertificate(t), "its key is of type ECDSA"},
		"one for a small key":   {newSmallCertificate(t), "it has 1024 bits"},
		"a chain":               {slices.Concat(readTestdata(t, "platform_cert.pem"), readTestdata(t, "merchant_cert.pem")), "more than one PEM block"},
		"the platform's key":    {readTestdata(t, "platform_key.pem"), "a private key"},
		"a public key's serial": {block("CERTIFICATE REQUEST", []byte{1}), "a PEM block of another kind"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := v3json.ParseCertificate(test.file)
			wantSays(t, name, err, test.want)
		})
	}
}

func certificateTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Tenpay.com sign"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0),
	}
}

func newECCertificate(t *testing.T) []byte {
	t.Helper()
	key := newECKey(t)
	der, err := x509.CreateCertificate(rand.Reader, certificateTemplate(), certificateTemplate(), &key.PublicKey, key)
	return block("CERTIFICATE", marshal(t, der, err))
}

func newSmallCertificate(t *testing.T) []byte {
	t.Helper()
	key := newECKey(t)
	der, err := x509.CreateCertificate(rand.Reader, certificateTemplate(), certificateTemplate(), &smallKey().PublicKey, key)
	return block("CERTIFICATE", marshal(t, der, err))
}

func TestKeyring(t *testing.T) {
	t.Parallel()
	public := &platformKey().PublicKey
	certificate := v3json.PlatformKey{ID: platformSerial, Public: public}
	first := v3json.PlatformKey{ID: "PUB_KEY_ID_1", Public: public}
	second := v3json.PlatformKey{ID: "PUB_KEY_ID_2", Public: public}
	other := v3json.PlatformKey{ID: "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", Public: public}
	preferred := map[string]struct {
		keys []v3json.PlatformKey
		want string
	}{
		"certificate alone":           {[]v3json.PlatformKey{certificate}, platformSerial},
		"first of two certificates":   {[]v3json.PlatformKey{other, certificate}, other.ID},
		"public key over certificate": {[]v3json.PlatformKey{certificate, first, second}, first.ID},
		"first of two public keys":    {[]v3json.PlatformKey{second, first}, second.ID},
	}
	for name, test := range preferred {
		ring, err := v3json.NewKeyring(test.keys...)
		if err != nil || ring.Preferred() != test.want {
			t.Errorf("%s: Preferred is %q, %v, want %q", name, ring.Preferred(), err, test.want)
		}
	}
	if got := (v3json.Keyring{}).Preferred(); got != "" {
		t.Errorf("an empty keyring prefers %q, want nothing", got)
	}
	refused := map[string]struct {
		keys []v3json.PlatformKey
		want string
	}{
		"none":              {nil, "a keyring needs"},
		"twice":             {[]v3json.PlatformKey{first, first}, "key PUB_KEY_ID_1 is given twice"},
		"twice, other case": {[]v3json.PlatformKey{certificate, {ID: strings.ToLower(platformSerial), Public: public}}, "is given twice"},
		"no id":             {[]v3json.PlatformKey{{Public: public}}, "neither PUB_KEY_ID_"},
		"no key":            {[]v3json.PlatformKey{{ID: platformSerial}}, "is empty"},
		"empty key":         {[]v3json.PlatformKey{{ID: platformSerial, Public: &rsa.PublicKey{}}}, "is empty"},
		"small key":         {[]v3json.PlatformKey{{ID: platformSerial, Public: &smallKey().PublicKey}}, "it has 1024 bits"},
	}
	for name, test := range refused {
		_, err := v3json.NewKeyring(test.keys...)
		wantSays(t, name, err, test.want)
	}
	wantReason(t, v3json.Keyring{}.Verify("", "", ""), wire.ReasonUnknownSerial)
}

func TestParseV3Key(t *testing.T) {
	t.Parallel()
	merchantKeyFile := readTestdata(t, "merchant_key.pem")
	if key, err := v3json.ParseV3Key(apiV3Key); err != nil || key == (v3json.V3Key{}) {
		t.Errorf("ParseV3Key gives %v, %v, want the key", key, err)
	}
	for given, want := range map[string]string{
		"":                      "has 0 bytes, and must have 32; it is set",
		apiV3Key[1:]:            "has 31 bytes",
		apiV3Key + "x":          "has 33 bytes, and must have 32; it is set",
		apiV3Key + "\n":         "has 33 bytes, and must have 32: it has white space around it",
		strings.Repeat("密", 32): "has 96 bytes",
		apiV3Key + apiV3Key:     "is another than the APIv2 key",
		string(merchantKeyFile): "must have 32",
	} {
		key, err := v3json.ParseV3Key(given)
		wantSays(t, "ParseV3Key", err, want)
		if key != (v3json.V3Key{}) {
			t.Error("a key came with the error, want none")
		}
		if given != "" && err != nil && strings.Contains(err.Error(), given) {
			t.Errorf("error shows what was given: %v", err)
		}
	}
}

func TestV3KeyIsNeverPrinted(t *testing.T) {
	t.Parallel()
	key := newV3Key(t, apiV3Key)
	certificates := &v3json.Certificates{Key: key, File: "f"}
	type open struct{ Key v3json.V3Key }
	type closed struct{ key v3json.V3Key }
	type hidden struct{ certificates *v3json.Certificates }
	var out bytes.Buffer
	text, lines := slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))
	for _, value := range []any{
		key, &key, certificates, open{key}, &open{key}, closed{key}, &closed{key}, hidden{certificates}, []v3json.V3Key{key},
		v3json.Client{Certificates: certificates}, &v3json.Client{Certificates: certificates}, map[v3json.V3Key]int{key: 1},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%T"} {
			_, _ = fmt.Fprintf(&out, verb, value)
		}
		b, _ := json.Marshal(value) // an error is as good: it printed nothing
		out.Write(b)
		text.Info("m", "value", value)
		lines.Info("m", "value", value)
	}
	for _, form := range []string{
		apiV3Key, fmt.Sprintf("%x", apiV3Key), fmt.Sprintf("%X", apiV3Key),
		fmt.Sprintf("%d %d %d %d", apiV3Key[0], apiV3Key[1], apiV3Key[2], apiV3Key[3]), base64.StdEncoding.EncodeToString([]byte(apiV3Key)),
	} {
		if strings.Contains(out.String(), form) {
			t.Errorf("printed the APIv3 key as %s…", form[:8])
		}
	}
	if b, err := json.Marshal(open{key}); err != nil || string(b) != `{"Key":"redacted"}` {
		t.Errorf("json.Marshal gives %s, %v, want the key redacted", b, err)
	}
	for what, got := range map[string]string{"String": key.String(), "GoString": key.GoString(), "LogValue": key.LogValue().String()} {
		if got != "redacted" {
			t.Errorf("%s prints %q, want redacted", what, got)
		}
	}
}
