package paygate_test

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

func download(path string) v3Request { return v3Request{method: "GET", uri: path} }

// holds says whether the reply's signature is by a key.
func (a v3Answer) holds(key *rsa.PublicKey) bool {
	signature, err := base64.StdEncoding.DecodeString(a.header.Get("Wechatpay-Signature"))
	message := a.header.Get("Wechatpay-Timestamp") + "\n" + a.header.Get("Wechatpay-Nonce") + "\n" + a.body + "\n"
	digest := sha256.Sum256([]byte(message))
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
}

// listed is a certificate of a download, decrypted.
type listed struct {
	serial            string
	effective, expire time.Time
	certificate       *x509.Certificate
}

// decrypt takes a download apart with an APIv3 key.
func (a answer) decrypt(key string) []listed {
	a.t.Helper()
	data, _ := a.json()["data"].([]any)
	var all []listed
	for _, item := range data {
		one := item.(map[string]any)
		box := one["encrypt_certificate"].(map[string]any)
		if box["algorithm"] != "AEAD_AES_256_GCM" || box["associated_data"] != "certificate" || len(box["nonce"].(string)) != 12 {
			a.t.Errorf("encrypt_certificate is %v", box)
		}
		block, err := aes.NewCipher([]byte(key))
		if err != nil {
			a.t.Fatal(err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			a.t.Fatal(err)
		}
		sealed, err := base64.StdEncoding.DecodeString(box["ciphertext"].(string))
		if err != nil {
			a.t.Fatal(err)
		}
		plain, err := aead.Open(nil, []byte(box["nonce"].(string)), sealed, []byte("certificate"))
		if err != nil {
			a.t.Fatalf("certificate %v: %v", one["serial_no"], err)
		}
		all = append(all, listed{
			serial: one["serial_no"].(string), certificate: parseCertificate(a.t, plain),
			effective: parseTime(a.t, one["effective_time"]), expire: parseTime(a.t, one["expire_time"]),
		})
	}
	return all
}

func parseCertificate(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
		t.Fatalf("%q is no CERTIFICATE block", text)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func parseTime(t *testing.T, text any) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text.(string))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestCertificates downloads, decrypts, and verifies the download with what it brought.
func TestCertificates(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/v3/certificates", "/v3/global/certificates", "/hk/v3/certificates", "/v3/certificates?algorithm_type=RSA", "/v3/certificates?algorithm_type=ALL"} {
		req := download(path)
		req.header = map[string]string{"Wechatpay-Serial": ""}
		got := s.v3(req)
		if got.status != 200 || got.signature() != s.CertificateSerial() {
			t.Fatalf("%s: %d, signed by %s: %s", path, got.status, got.signature(), got.body)
		}
		certs := got.decrypt(s.Merchant.V3Key)
		if len(certs) != 1 {
			t.Fatalf("%s: %d certificates, want 1", path, len(certs))
		}
		only := certs[0]
		if only.serial != s.CertificateSerial() || strings.ToUpper(only.certificate.SerialNumber.Text(16)) != only.serial ||
			!only.expire.Equal(only.certificate.NotAfter) || !only.effective.Equal(only.certificate.NotBefore) || only.expire.Sub(wireTime()) != 5*365*24*time.Hour {
			t.Errorf("%s: %+v", path, only)
		}
		if !got.holds(only.certificate.PublicKey.(*rsa.PublicKey)) {
			t.Errorf("%s: the download's signature does not hold by the certificate in it", path)
		}
		roots := x509.NewCertPool()
		roots.AddCert(parseCertificate(t, s.RootPEM()))
		if _, err := only.certificate.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: wireTime(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Errorf("%s: the certificate is not the authority's: %v", path, err)
		}
	}
	s.v3(download("/v3/certificates")).want(200) // by the public key when it is asked for
	if last := s.last(); last.Op != "certificates" || last.Verdict != "ok" || last.SignedBy != s.PublicKeyID() {
		t.Errorf("history says %+v", last)
	}
}

func TestCertificatesForm(t *testing.T) {
	t.Parallel()
	s := start(t)
	for query, reason := range map[string]string{
		"?algorithm_type=SM2": "SM2 is not played", "?mchid=1": "mchid is not a parameter of this call: it has algorithm_type", "?%zz": "query string cannot be read",
	} {
		s.v3(download("/v3/certificates"+query)).wantCode(400, "PARAM_ERROR")
		s.wantLast("refused", reason)
	}
	v3Answer{answer: s.mustExchange("POST", "/v3/certificates", "", nil), session: s}.wantUnsigned(405)
	forged := download("/v3/certificates")
	forged.nonce, forged.authorization = "n", func(a string) string { return strings.Replace(a, `nonce_str="n"`, `nonce_str="m"`, 1) }
	s.v3(forged).wantUnsigned(401)

	keyless := *s.Merchant
	keyless.V3Key = ""
	other := start(t, paygate.Options{Merchants: []*paygate.Merchant{&keyless}})
	other.v3(download("/v3/certificates")).wantCode(400, "INVALID_REQUEST")
	other.wantLast("refused", "has no V3Key")
}

// TestNoCertificates is a merchant of the public-key mode.
func TestNoCertificates(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{NoCertificates: true, Signing: paygate.Signing{CertificateShare: 1}})
	s.order("A1")
	for _, path := range []string{"/v3/certificates", "/v3/global/certificates", "/hk/v3/certificates"} {
		s.v3(download(path)).wantCode(404, "RESOURCE_NOT_EXISTS").wantJSON(map[string]any{"message": "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥"})
	}
	query := s.queryV3("A1")
	query.header = map[string]string{"Wechatpay-Serial": ""}
	s.v3(query).want(200) // there is no other key
	query.header["Wechatpay-Serial"] = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	s.v3(query).wantCode(400, "PARAM_ERROR")
	s.wantLast("refused", "has no platform certificates")
	if s.CertificateSerial() != "" || s.CertificatePEM() != nil {
		t.Error("there is a certificate")
	}
	if _, err := s.RotateCertificate(); err == nil || !strings.Contains(err.Error(), "no platform certificates") {
		t.Errorf("rotating: %v", err)
	}
	s.admin("POST", "/certificates/rotate", "").wantError(409, "no platform certificates")
	if got := s.admin("GET", "/certificates", "").list(); got == nil || len(got) != 0 {
		t.Errorf("GET /certificates lists %v, want an empty array", got)
	}
}

// TestSwitchedToPublicKey is a merchant that had certificates until WeChat Pay switched it over.
func TestSwitchedToPublicKey(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustInject(paygate.Fault{Op: "certificates", Action: paygate.Switched})
	for range 2 {
		s.v3(download("/v3/certificates")).wantUnsigned(403).wantJSON(map[string]any{
			"code": "NOT_ENOUGH", "message": "平台证书已过期，请在商户平台-API安全申请使用微信支付公钥",
		})
	}
	s.v3(s.queryV3("A1")).want(200)
	for _, op := range []string{"", "query"} {
		err := s.Inject(paygate.Fault{Op: op, Action: paygate.Switched})
		if err == nil || !strings.Contains(err.Error(), "switched is about certificates only") {
			t.Errorf("op %q: got %v", op, err)
		}
	}
}

// TestRotateCertificate: the new one is listed first, and signs from then on.
func TestRotateCertificate(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	first := s.CertificateSerial()
	second := s.MustRotateCertificate()
	if second == first || s.CertificateSerial() != second {
		t.Fatalf("serials are %s, then %s; CertificateSerial is %s", first, second, s.CertificateSerial())
	}
	certs := s.v3(download("/v3/certificates")).want(200).decrypt(s.Merchant.V3Key)
	if len(certs) != 2 || certs[0].serial != second || certs[1].serial != first {
		t.Fatalf("listed are %v, want the new one before the old", certs)
	}
	newKey, oldKey := certs[0].certificate.PublicKey.(*rsa.PublicKey), certs[1].certificate.PublicKey.(*rsa.PublicKey)
	if newKey.Equal(oldKey) {
		t.Error("the new certificate has the old one's key")
	}
	for _, asked := range []string{"", first, second} { // the old one may still be named
		query := s.queryV3("A1")
		query.header = map[string]string{"Wechatpay-Serial": asked}
		got := s.v3(query)
		if got.status != 200 || got.header.Get("Wechatpay-Serial") != second || !got.holds(newKey) || got.holds(oldKey) {
			t.Errorf("asked for %q: %d, signed by %s", asked, got.status, got.header.Get("Wechatpay-Serial"))
		}
	}
	s.v3(s.queryV3("A1")).want(200) // the public key stays

	third := s.admin("POST", "/certificates/rotate", "").wantStatus(201).json()["serial_no"]
	got := s.admin("GET", "/certificates", "").wantStatus(200).list()
	if len(got) != 3 || got[0]["serial_no"] != third || third != s.CertificateSerial() || got[0]["pem"] != string(s.CertificatePEM()) {
		t.Errorf("GET /certificates lists %v, want three, %v first", got, third)
	}
	s.admin("POST", "/certificates/rotate", `{"now":true}`).wantError(400, "unknown field")
	wrong := s.queryV3("A1")
	wrong.serial = first
	s.v3(wrong).wantUnsigned(401)
	s.wantLast("unauthentic", "it is the platform certificate's")
}

// TestCertificatesExpire: what has expired is not listed, but for the newest.
func TestCertificatesExpire(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{CertificateLifetime: 24 * time.Hour})
	s.MustRotateCertificate()
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{0, 2}, {23 * time.Hour, 2}, {time.Hour, 1}} {
		s.MustAdvance(step.pass)
		if got := s.admin("GET", "/certificates", "").list(); len(got) != step.want || got[0]["serial_no"] != s.CertificateSerial() {
			t.Errorf("at %s: %v, want %d", s.Time(), got, step.want)
		}
	}
	if _, err := paygate.New(paygate.Options{Merchants: []*paygate.Merchant{s.Merchant}, CertificateLifetime: -1}); err == nil {
		t.Error("a negative lifetime is accepted")
	}
	plain, err := paygate.New(paygate.Options{Merchants: []*paygate.Merchant{s.Merchant}})
	if err != nil {
		t.Fatal(err)
	}
	// without the kit's cached keys
	if serial, err := plain.RotateCertificate(); err != nil || serial != plain.CertificateSerial() {
		t.Errorf("rotating: %s, %v", serial, err)
	}
}

// TestCertificateFaults: they meet a download only when it is named.
func TestCertificateFaults(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustInject(paygate.Fault{Action: paygate.SystemError, Times: 1})
	s.v3(download("/v3/certificates")).want(200)
	s.v3(s.queryV3("A1")).wantCode(500, "SYSTEM_ERROR")
	const op = "certificates"
	s.MustInject(paygate.Fault{Action: paygate.SystemError, Times: 1, Op: op})
	s.v3(s.queryV3("A1")).want(200)
	s.v3(download("/v3/certificates")).wantCode(500, "SYSTEM_ERROR")
	s.MustInject(paygate.Fault{Action: paygate.BadSignature, Times: 1, Op: op})
	if got := s.v3(download("/v3/certificates")).signature(); got != "bad signature" {
		t.Errorf("signature is %s, want a bad one", got)
	}
	s.MustInject(paygate.Fault{Action: paygate.WrongMerchant, Times: 1, Op: op})
	got := s.v3(download("/v3/certificates")).want(200)
	key := s.Merchant.V3Key
	if certs := got.decrypt(paygate.Differently(key)); len(certs) != 1 { // and fails with ours
		t.Errorf("%d certificates, want 1", len(certs))
	}
	for _, f := range []paygate.Fault{
		{Action: paygate.Pay, Op: op}, {Action: paygate.WrongOrder, Op: op}, {Action: paygate.UserPaying, Op: op}, {Action: paygate.BankError, Op: op},
		{Action: paygate.Drop, Op: "certificates", API: "v2"},
		{Action: paygate.Drop, Op: "certificates", OutTradeNo: "A1"},
	} {
		if err := s.Inject(f); err == nil || !strings.Contains(err.Error(), "match.") {
			t.Errorf("injecting %+v: %v, want a fault in match", f, err)
		}
	}
}

// TestRotationsAtOnce: orders are closed, paid and looked at while everything about signatures
// changes; the race detector watches.
func TestRotationsAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.combined()
	var all sync.WaitGroup
	for i := range 6 {
		no := "A" + strconv.Itoa(i)
		s.order(no)
		all.Go(func() {
			if got := s.v3(s.closeV3(no)); got.status != 204 {
				t.Errorf("closing %s: %d %s", no, got.status, got.body)
			}
			s.v3(download("/v3/certificates")).decrypt(s.Merchant.V3Key)
			s.v3(s.queryCombined("C1"))
			s.cloud(cloudQuery, about(no, s.Merchant.MchID)).wantStatus(200)
		})
		all.Go(func() {
			s.MustSetSigning(paygate.Signing{CertificateShare: 0.5, ProbeShare: 0.1})
			s.MustRotateCertificate()
			s.MustSetDomain("backup", i%2 == 0)
			_ = s.Pay("C1") // once of six times
			_, _ = s.Combined("C1")
			_, _ = s.CertificateSerial(), s.Signing()
		})
	}
	all.Wait()
	s.wantParts(paygate.StateSuccess, paygate.StateSuccess, paygate.StateSuccess)
}
