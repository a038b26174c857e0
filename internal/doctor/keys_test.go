package doctor_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/doctor"
)

func TestPrivateKey(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	w.doctor.Offline = true
	w.examined().of(doctor.CheckPrivateKey).want(t, doctor.LevelFine, "RSA, 2048 bits, and not WeChat Pay's")
	w.examined().of(doctor.CheckPublicKey).want(t, doctor.LevelFine, "SHA-256 ")

	// The public key's other form is the same key.
	same := w.examined().of(doctor.CheckPublicKey).text()
	der := x509.MarshalPKCS1PublicKey(w.PublicKey())
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: der}))
	for _, text := range []string{pkcs1, strings.ReplaceAll(pkcs1, "\n", " ")} {
		w.with(map[string]string{"WXPAY_PUBLIC_KEY": text})
		if got := w.examined().of(doctor.CheckPublicKey).text(); got != same {
			t.Errorf("PKCS#1: got %s, want %s", got, same)
		}
		w.examined().of(doctor.CheckPrivateKey).want(t, doctor.LevelFine, "and not WeChat Pay's")
	}

	long := newEnv(t).with(map[string]string{"WXPAY_PRIVATE_KEY": privatePEM(t, newKey(t, 3072))})
	long.doctor.Offline = true
	long.examined().of(doctor.CheckPrivateKey).want(t, doctor.LevelWarning, "3072 bits")

	short := newEnv(t).with(map[string]string{"WXPAY_PRIVATE_KEY": privatePEM(t, newKey(t, 1024))})
	short.doctor.Offline = true
	short.examined().of(doctor.CheckConfiguration).about("WXPAY_PRIVATE_KEY").want(t, doctor.LevelFault, "1024 bits")
	if got := short.examined().of(doctor.CheckPrivateKey); len(got) > 0 {
		t.Errorf("told twice: %s", got.text())
	}
}

// The merchant's own public key in the place of WeChat Pay's is found beside other faults, and
// reported once.
func TestPrivateKeyIsNotWeChatPays(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	w.doctor.Offline = true
	w.with(map[string]string{"WXPAY_PUBLIC_KEY": publicPEM(t, w.Merchant.PrivateKey)})
	const says = "holds the public half of WXPAY_PRIVATE_KEY"
	w.examined().of(doctor.CheckConfiguration).about("WXPAY_PUBLIC_KEY").want(t, doctor.LevelFault, says)
	if text := w.examined().text(); strings.Contains(text, "Keys") {
		t.Errorf("a field of a Go struct is named: %s", text)
	}
	if got := w.examined().of(doctor.CheckPrivateKey); len(got) == 1 && got[0].Level == doctor.LevelFault {
		t.Errorf("told twice: %s", got.text())
	}
	w.with(map[string]string{"WXPAY_MCHID": ""})
	w.examined().of(doctor.CheckPrivateKey).want(t, doctor.LevelFault, "belongs to the key in WXPAY_PUBLIC_KEY")
}

// A certificate is compared with the configuration.
func TestCertificate(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	w.doctor.Offline = true
	now := time.Now()
	sound := certificate{
		name: w.Merchant.MchID, serial: w.Merchant.SerialNo, key: w.Merchant.PrivateKey,
		notBefore: now.Add(-time.Hour), to: now.AddDate(5, 0, 0),
	}
	for name, c := range map[string]struct {
		of    func() certificate
		level doctor.Level
		says  string
	}{
		"sound": {func() certificate { return sound }, doctor.LevelFine, "valid until "},
		"another serial number": {func() certificate {
			other := sound
			other.serial = "5A0D6B1F9C3E47A2B8D1F00C6E7A94D3B2C1E0F9"
			return other
		}, doctor.LevelFault, "set WXPAY_SERIAL_NO=5A0D6B1F9C3E47A2B8D1F00C6E7A94D3B2C1E0F9"},
		"another key": {func() certificate {
			other := sound
			other.key = newKey(t, 2048)
			return other
		}, doctor.LevelFault, "its key is not the one in WXPAY_PRIVATE_KEY"},
		"another merchant": {func() certificate {
			other := sound
			other.name = "1900000002"
			return other
		}, doctor.LevelFault, "was issued to merchant 1900000002"},
		"WeChat Pay's": {func() certificate {
			other := sound
			other.name = "Tenpay.com sign"
			return other
		}, doctor.LevelFault, "is no merchant's certificate"},
		"expired": {func() certificate {
			other := sound
			other.to = now.Add(-time.Minute)
			return other
		}, doctor.LevelFault, "expired on "},
		"not yet": {func() certificate {
			other := sound
			other.notBefore = now.Add(time.Hour)
			return other
		}, doctor.LevelFault, "is not valid before "},
		"soon": {func() certificate {
			other := sound
			other.to = now.AddDate(0, 0, 29)
			return other
		}, doctor.LevelWarning, "expires on "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := *w
			own.doctor.Certificate = issue(t, c.of())
			own.examined().of(doctor.CheckCertificate).want(t, c.level, c.says)
		})
	}
	// A file whose line breaks were lost is read as a variable is.
	text, err := os.ReadFile(issue(t, sound))
	if err != nil {
		t.Fatal(err)
	}
	w.doctor.Certificate = writeFile(t, []byte("\ufeff"+strings.ReplaceAll(string(text), "\n", " ")))
	w.examined().of(doctor.CheckCertificate).want(t, doctor.LevelFine, "valid until ")
}

// All differences are reported.
func TestCertificateOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	w.doctor.Offline = true
	w.doctor.Certificate = issue(t, certificate{
		name: "1900000002", serial: "5A", key: newKey(t, 2048), notBefore: time.Now().AddDate(-6, 0, 0), to: time.Now().AddDate(-1, 0, 0),
	})
	if got := w.examined().of(doctor.CheckCertificate); len(got) != 4 {
		t.Errorf("got %d findings, want merchant, serial number, key and date:\n%s", len(got), got.text())
	}
}

// A file without a certificate is reported, and not shown.
func TestCertificateFile(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	w.doctor.Offline = true
	for name, c := range map[string]struct{ text, says string }{
		"a key":   {w.vars["WXPAY_PRIVATE_KEY"], "is a key, not a certificate"},
		"no PEM":  {"nonsense", "is not PEM"},
		"damaged": {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged"},
		"other":   {"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "no certificate"},
		"long":    {strings.Repeat("x", 65<<10), "64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := *w
			own.doctor.Certificate = writeFile(t, []byte(c.text))
			own.examined().of(doctor.CheckCertificate).want(t, doctor.LevelFault, c.says)
		})
	}
	for name, path := range map[string]string{"cannot be ": filepath.Join(t.TempDir(), "none"), "is no regular file": os.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := *w
			own.doctor.Certificate = path
			own.examined().of(doctor.CheckCertificate).want(t, doctor.LevelFault, name)
		})
	}
	w.examined().of(doctor.CheckCertificate).want(t, doctor.LevelSkipped, "--certificate")
}
