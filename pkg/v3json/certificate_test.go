package v3json_test

import (
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

const (
	apiV3Key = "b1Yq8ZrT0nXw5KdE3uGh7LsC2mPv9Ja4"
	apiV2Key = "Q7oWc6RfV1xHt8NzB3kMj5SgD0yLe2Up"

	firstSerial  = "3A5C1B2D4E6F708192A3B4C5D6E7F8091A2B3C4D"
	secondSerial = "7F00112233445566778899AABBCCDDEEFF001122"
	thirdSerial  = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"

	day = 24 * time.Hour
)

// rotatedKey is the platform's next one. It serves the whole process: RSA keys are slow to make.
var rotatedKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	return key
})

// authority issues the certificates of these tests; a second one is a stranger's.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("making the authority's key: %v", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Root CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: wireTime().Add(-3650 * day), NotAfter: wireTime().Add(3650 * day), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatalf("making the authority: %v", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("reading the authority: %v", err)
	}
	return &authority{key, certificate}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// platformCert is a certificate with its key, as the gateway has it.
type platformCert struct {
	serial string
	key    *rsa.PrivateKey
	pem    []byte
}

func (a *authority) issue(t testing.TB, serial, owner string, key *rsa.PrivateKey, from, until time.Time) platformCert {
	t.Helper()
	number, _ := new(big.Int).SetString(serial, 16)
	template := &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{CommonName: owner}, NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatalf("issuing %s: %v", serial, err)
	}
	return platformCert{serial, key, block("CERTIFICATE", der)}
}

// issuePlatform's certificate is five years long, as real ones are.
func (a *authority) issuePlatform(t testing.TB, serial string, key *rsa.PrivateKey, from time.Time) platformCert {
	t.Helper()
	return a.issue(t, serial, "Tenpay.com sign", key, from, from.Add(5*365*day))
}

// errUsual is a hook's way to leave the answer to the gateway.
var errUsual = errors.New("answer as usual")

// certGateway is WeChat Pay's side in plain lines: it lists certificates, closes every order, and
// signs with signer. Each test changes what it is about, with the lock held once calls are being
// made.
type certGateway struct {
	t testing.TB

	mu     sync.Mutex
	time   time.Time
	key    string
	listed []platformCert
	signer platformCert
	// under is the Wechatpay-Serial of its replies, signer's when empty.
	under string
	// list and order, when set, answer instead, or else with errUsual.
	list, order func(*http.Request) (*http.Response, error)
	// asked are the requests as they came, "GET /v3/certificates serial=…".
	asked []string
}

func newCertGateway(t testing.TB, certificates ...platformCert) *certGateway {
	t.Helper()
	return &certGateway{t: t, time: wireTime(), key: apiV3Key, listed: certificates, signer: certificates[0]}
}

func (g *certGateway) now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.time
}

func (g *certGateway) advance(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.time = g.time.Add(d)
}

// rotate makes the gateway list these, and sign by the first.
func (g *certGateway) rotate(certificates ...platformCert) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listed, g.signer = certificates, certificates[0]
}

func (g *certGateway) onList(hook func(*http.Request) (*http.Response, error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.list = hook
}

// downloads counts the lists that were asked for, and orders the rest.
func (g *certGateway) downloads() int { return g.count("/certificates ") }

func (g *certGateway) orders() int { return g.count("/close ") }

func (g *certGateway) count(part string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, line := range g.asked {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

func (g *certGateway) wantDownloads(want int, when string) {
	g.t.Helper()
	if got := g.downloads(); got != want {
		g.t.Errorf("%s: the list was downloaded %d times, want %d", when, got, want)
	}
}

func (g *certGateway) lastAsked() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked[len(g.asked)-1]
}

func (g *certGateway) RoundTrip(req *http.Request) (*http.Response, error) {
	g.mu.Lock()
	g.asked = append(g.asked, fmt.Sprintf("%s %s serial=%s", req.Method, req.URL.Path, req.Header.Get("Wechatpay-Serial")))
	isList := strings.HasSuffix(req.URL.Path, "/certificates")
	hook := g.order
	if isList {
		hook = g.list
	}
	g.mu.Unlock()
	if hook != nil {
		resp, err := hook(req)
		if !errors.Is(err, errUsual) {
			return resp, err
		}
	}
	if isList {
		return g.sign(http.StatusOK, g.listBody()).RoundTrip(req)
	}
	return g.sign(http.StatusNoContent, "").RoundTrip(req)
}

func (g *certGateway) sign(status int, body string) answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	timestamp := strconv.FormatInt(g.time.Unix(), 10)
	digest := sha256.Sum256([]byte(timestamp + "\n" + replyNonce + "\n" + body + "\n"))
	signature, err := rsa.SignPKCS1v15(nil, g.signer.key, crypto.SHA256, digest[:])
	if err != nil {
		g.t.Errorf("signing a reply: %v", err)
	}
	serial := g.under
	if serial == "" {
		serial = g.signer.serial
	}
	return unsigned(status, body).with("Wechatpay-Timestamp", timestamp).with("Wechatpay-Nonce", replyNonce).
		with("Wechatpay-Signature", base64.StdEncoding.EncodeToString(signature)).with("Wechatpay-Serial", serial)
}

// listBody is the list as it is on the wire.
func (g *certGateway) listBody() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var entries []string
	for i, certificate := range g.listed {
		entries = append(entries, sealEntry(g.t, g.key, fmt.Sprintf("nonce%07d", i), certificate))
	}
	return `{"data":[` + strings.Join(entries, ",") + `]}`
}

func sealEntry(t testing.TB, key, nonce string, certificate platformCert) string {
	t.Helper()
	return fmt.Sprintf(`{"serial_no":%q,"effective_time":"2020-01-01T00:00:00+08:00","expire_time":"2020-01-01T00:00:00+08:00",`+
		`"encrypt_certificate":{"algorithm":"AEAD_AES_256_GCM","nonce":%q,"associated_data":"certificate","ciphertext":%q}}`,
		certificate.serial, nonce, seal(t, key, nonce, "certificate", certificate.pem))
}

func seal(t testing.TB, key, nonce, associatedData string, plain []byte) string {
	t.Helper()
	aesBlock, err := aes.NewCipher([]byte(key))
	if err != nil {
		t.Fatalf("the test's own cipher: %v", err)
	}
	aead, err := cipher.NewGCM(aesBlock)
	if err != nil {
		t.Fatalf("the test's own cipher: %v", err)
	}
	return base64.StdEncoding.EncodeToString(aead.Seal(nil, []byte(nonce), plain, []byte(associatedData)))
}

func newV3Key(t testing.TB, key string) v3json.V3Key {
	t.Helper()
	parsed, err := v3json.ParseV3Key(key)
	if err != nil {
		t.Fatalf("ParseV3Key: %v", err)
	}
	return parsed
}

// newCertClient has no key but what it downloads. What is reported fails the test; those that
// expect it replace Report.
func newCertClient(t testing.TB, g *certGateway) *v3json.Client {
	t.Helper()
	telemetrytest.Secret(t, telemetrytest.V3Key, apiV3Key)
	client := newClient(t, g)
	client.Keys, client.Now = v3json.Keyring{}, g.now
	client.Certificates = &v3json.Certificates{Key: newV3Key(t, apiV3Key), Report: func(_ context.Context, err error) {
		t.Errorf("reported: %v", err)
	}}
	return client
}

// reports collects what is reported.
type reports struct {
	mu  sync.Mutex
	all []string
}

func (r *reports) add(_ context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, err.Error())
}

func (r *reports) want(t *testing.T, says ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) != len(says) {
		t.Errorf("reported %q, want %d reports: %q", r.all, len(says), says)
		return
	}
	for i, want := range says {
		if !strings.Contains(r.all[i], want) || strings.Contains(r.all[i], "\n") {
			t.Errorf("reported %q, want one line that says %q", r.all[i], want)
		}
	}
}

func closeA1(ctx context.Context, client *v3json.Client) error {
	_, err := client.CloseOrder(ctx, v3json.Request{OutTradeNo: "A1"})
	return err
}

func mustClose(t *testing.T, client *v3json.Client, when string) {
	t.Helper()
	if err := closeA1(t.Context(), client); err != nil {
		t.Fatalf("%s: %v, want the order closed", when, err)
	}
}

// uncertified is the CertificateError which err must be, and that it says so. It must pass for no
// answer about an order.
func uncertified(t *testing.T, err error, says ...string) *v3json.CertificateError {
	t.Helper()
	fault, ok := errors.AsType[*v3json.CertificateError](err)
	if !ok {
		t.Fatalf("error is %v, want a CertificateError", err)
	}
	wantLine(t, err)
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error is %q, want it to say %q", err, want)
		}
	}
	for _, secret := range []string{apiV3Key, apiV2Key} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error shows an API key: %v", err)
		}
	}
	_, refused := errors.AsType[*v3json.Error](err)
	_, disbelieved := errors.AsType[*v3json.VerifyError](err)
	_, malformed := errors.AsType[*v3json.MalformedError](err)
	if refused || disbelieved || malformed {
		t.Errorf("error %v unwraps to what was said of the certificates, as if it were said of the order", err)
	}
	return fault
}

func TestFirstDownload(t *testing.T) {
	t.Parallel()
	for region, path := range map[v3json.Region]string{
		v3json.Mainland: "/v3/certificates", v3json.Global: "/v3/global/certificates", v3json.HongKong: "/hk/v3/certificates",
	} {
		ca := newAuthority(t)
		old := ca.issuePlatform(t, firstSerial, platformKey(), wireTime().Add(-1000*day))
		next := ca.issuePlatform(t, secondSerial, rotatedKey(), wireTime().Add(-day))
		ahead := ca.issuePlatform(t, thirdSerial, rotatedKey(), wireTime().Add(5*day))
		gateway := newCertGateway(t, old, ahead, next)
		client := newCertClient(t, gateway)
		client.Region = region
		for range 3 {
			mustClose(t, client, path)
		}
		gateway.wantDownloads(1, path)
		if want := "GET " + path + " serial="; gateway.asked[0] != want {
			t.Errorf("first was asked %q, want %q", gateway.asked[0], want)
		}
		for _, line := range gateway.asked[1:] {
			if !strings.HasSuffix(line, "/close serial="+secondSerial) {
				t.Errorf("asked %q, want the newest valid certificate named, %s", line, secondSerial)
			}
		}
		gateway.rotate(next, old)
		mustClose(t, client, "signed by the other certificate of the list")
		gateway.wantDownloads(1, "signed by the other certificate of the list")
	}
}

// TestDownloadIsSigned takes the request for the list apart: it is signed as any other.
func TestDownloadIsSigned(t *testing.T) {
	t.Parallel()
	gateway := newCertGateway(t, newAuthority(t).issuePlatform(t, firstSerial, platformKey(), wireTime()))
	gateway.list = func(req *http.Request) (*http.Response, error) {
		items := parseAuthorization(t, req.Header.Get("Authorization"))
		message := "GET\n/v3/certificates\n1722850421\n" + requestNonce + "\n\n"
		if items["mchid"] != mchID || !verifiesUnder(&loadMerchantKey(t).PublicKey, message, items["signature"]) {
			t.Errorf("Authorization is %v, want a signature over %q", items, message)
		}
		if req.Header.Get("Accept") != "application/json" || req.UserAgent() == "" {
			t.Errorf("header is %v, want Accept and User-Agent", req.Header)
		}
		return nil, errUsual
	}
	mustClose(t, newCertClient(t, gateway), "signed")
}

// TestPublishedCiphertext is the vector of WeChat Pay's own Go library (utils/aes_test.go), made
// with a key of 16 bytes.
func TestPublishedCiphertext(t *testing.T) {
	t.Parallel()
	const (
		key, nonce     = "testAPIv3Key0000", "wCq51qZv4Yfg"
		associatedData = "Dl56FrqWQJF1t9LtC3vEUsniZKvbqdR8"
		ciphertext     = "FsdXzxryWfKwvLJKf8LG/ToRPTRh8RN9wROC"
	)
	plain, err := v3json.Decrypt([]byte(key), nonce, associatedData, ciphertext)
	if err != nil || string(plain) != "Hello World" {
		t.Errorf("decrypting gives %q, %v, want Hello World", plain, err)
	}
	sealed, _ := base64.StdEncoding.DecodeString(ciphertext)
	for i := range sealed {
		broken := slices.Clone(sealed)
		broken[i] ^= 1
		if _, err := v3json.Decrypt([]byte(key), nonce, associatedData, base64.StdEncoding.EncodeToString(broken)); err == nil {
			t.Errorf("with byte %d changed it still decrypts", i)
		}
	}
	refused := map[string]struct{ key, nonce, data, ciphertext, want string }{
		"other key":       {"testAPIv3Key0001", nonce, associatedData, ciphertext, "does not decrypt"},
		"other nonce":     {key, "wCq51qZv4Yfh", associatedData, ciphertext, "does not decrypt"},
		"other data":      {key, nonce, "", ciphertext, "does not decrypt"},
		"nothing":         {key, nonce, associatedData, "", "does not decrypt"},
		"shorter nonce":   {key, nonce[1:], associatedData, ciphertext, "nonce has 11 bytes, not 12"},
		"not base64":      {key, nonce, associatedData, "*", "not base64"},
		"key of 31 bytes": {apiV3Key[1:], nonce, associatedData, ciphertext, "key"},
	}
	for name, test := range refused {
		_, err := v3json.Decrypt([]byte(test.key), test.nonce, test.data, test.ciphertext)
		wantSays(t, name, err, test.want)
	}
}

func TestWrongV3Key(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]string{"another": strings.ToUpper(apiV3Key), "the APIv2 key": apiV2Key} {
		gateway := newCertGateway(t, newAuthority(t).issuePlatform(t, firstSerial, platformKey(), wireTime()))
		client := newCertClient(t, gateway)
		client.Certificates.Key = newV3Key(t, wrong)
		fault := uncertified(t, closeA1(t.Context(), client), "closing order A1: nothing was asked",
			firstSerial, "not the APIv3 key of this merchant", "WXPAY_V3_KEY", "the APIv2 key is another")
		if strings.Contains(fault.Error(), "cipher:") || strings.Contains(fault.Error(), wrong) {
			t.Errorf("%s: error is %q, want neither Go's words nor the key", name, fault)
		}
		if fault.Remedy == "" {
			t.Errorf("%s: Remedy is empty, want what to configure", name)
		}
		if gateway.orders() != 0 {
			t.Errorf("%s: the order was asked about, want nothing sent that could not be verified", name)
		}
	}
}

func TestNoPlatformCertificates(t *testing.T) {
	t.Parallel()
	const body = `{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥"}`
	ca := newAuthority(t)
	gateway := newCertGateway(t, ca.issuePlatform(t, firstSerial, platformKey(), wireTime()))
	gateway.list = unsigned(http.StatusNotFound, body).RoundTrip
	fault := uncertified(t, closeA1(t.Context(), newCertClient(t, gateway)), "RESOURCE_NOT_EXISTS",
		"use public-key mode", "WXPAY_PUBLIC_KEY_ID", "WXPAY_PUBLIC_KEY ", "not authenticated")
	if refused, ok := errors.AsType[*v3json.Error](fault.Cause); !ok || refused.HTTPStatus != http.StatusNotFound || refused.Authenticated {
		t.Errorf("Cause is %#v, want the unauthenticated 404", fault.Cause)
	}
	if gateway.orders() != 0 {
		t.Error("the order was asked about, want nothing sent that could not be verified")
	}

	// A refusal that a known key signed is known to be WeChat Pay's.
	gateway.list = func(req *http.Request) (*http.Response, error) {
		return gateway.sign(http.StatusNotFound, body).RoundTrip(req)
	}
	client := newCertClient(t, gateway)
	client.Keys = newKeyring(t)
	gateway.under = publicKeyID
	mustClose(t, client, "with a public key")
	gateway.wantDownloads(1, "with a public key, no more")
	gateway.order = func(req *http.Request) (*http.Response, error) {
		return gateway.sign(http.StatusNoContent, "").with("Wechatpay-Serial", thirdSerial).RoundTrip(req)
	}
	unknown := disbelief(t, closeA1(t.Context(), client), wire.ReasonUnknownSerial)
	for _, want := range []string{thirdSerial, publicKeyID, "failed", "use public-key mode"} {
		if !strings.Contains(unknown.Detail, want) || strings.Contains(unknown.Detail, "unsigned") {
			t.Errorf("detail is %q, want it to say %q, and that it is signed", unknown.Detail, want)
		}
	}

	// Other refusals need no other configuration.
	gateway.list = unsigned(http.StatusTooManyRequests, `{"code":"FREQUENCY_LIMITED","message":"m"}`).RoundTrip
	fault = uncertified(t, closeA1(t.Context(), newCertClient(t, gateway)), "HTTP 429 FREQUENCY_LIMITED")
	if fault.Remedy != "" {
		t.Errorf("Remedy is %q, want none", fault.Remedy)
	}
}

// TestSwitchedToPublicKey: a merchant that had certificates is told another code, which has the
// same remedy; a 500 may be that too, or pass.
func TestSwitchedToPublicKey(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	gateway := newCertGateway(t, ca.issuePlatform(t, firstSerial, platformKey(), wireTime()))
	client := newCertClient(t, gateway)
	for body, switched := range map[string]bool{
		`{"code":"NOT_ENOUGH","message":"平台证书已过期，请在商户平台-API安全申请使用微信支付公钥"}`: true,
		`{"code":"NOTENOUGH","message":"m"}`: true,
		`{"code":"NO_AUTH","message":"m"}`:   false,
		`<html>`:                             false,
	} {
		gateway.list = unsigned(http.StatusForbidden, body).RoundTrip
		fault := uncertified(t, closeA1(t.Context(), client), "HTTP 403")
		if got := strings.Contains(fault.Remedy, "use public-key mode"); got != switched || fault.Hint != "" {
			t.Errorf("403 %s: Remedy %q, Hint %q", body, fault.Remedy, fault.Hint)
		}
	}
	gateway.list = unsigned(http.StatusBadRequest, `{"code":"NOT_ENOUGH","message":"m"}`).RoundTrip
	if fault := uncertified(t, closeA1(t.Context(), client), "HTTP 400"); fault.Remedy != "" || fault.Hint != "" {
		t.Errorf("400: got %+v, want neither remedy nor hint", fault)
	}
	for _, status := range []int{http.StatusInternalServerError, http.StatusBadGateway} {
		gateway.list = unsigned(status, `{"code":"SYSTEM_ERROR","message":"m"}`).RoundTrip
		fault := uncertified(t, closeA1(t.Context(), client), "SYSTEM_ERROR", "if it lasts", "WXPAY_PUBLIC_KEY_ID")
		if fault.Remedy != "" || !strings.Contains(fault.Hint, "WXPAY_PUBLIC_KEY_ID") {
			t.Errorf("%d: got %+v, want a hint and no remedy", status, fault)
		}
	}
	if gateway.orders() != 0 {
		t.Error("the order was asked about, want nothing sent that could not be verified")
	}
	// It is asked again with each call, and believed once it answers.
	gateway.list = nil
	mustClose(t, client, "after the refusals")
}

// TestListsThatAreRefused changes a good list in one way each.
func TestListsThatAreRefused(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	good := ca.issuePlatform(t, firstSerial, platformKey(), wireTime().Add(-day))
	merchant := loadMerchantKey(t)
	with := func(more platformCert) func(*certGateway) string {
		return func(g *certGateway) string {
			g.listed = append(g.listed, more)
			return g.listBody()
		}
	}
	replace := func(old, replacement string) func(*certGateway) string {
		return func(g *certGateway) string { return strings.Replace(g.listBody(), old, replacement, 1) }
	}
	body := func(s string) func(*certGateway) string { return func(*certGateway) string { return s } }
	tests := map[string]struct {
		list func(*certGateway) string
		want string
	}{
		"not JSON":       {body("<html>"), "cannot be read: it is not JSON"},
		"another type":   {body(`{"data":1}`), "cannot be read: data is a JSON number"},
		"nothing in it":  {body(`{}`), "has 0, and none that is valid"},
		"empty":          {body(`{"data":[]}`), "has 0, and none that is valid"},
		"null":           {body(`null`), "has 0, and none that is valid"},
		"only SM4":       {replace("AEAD_AES_256_GCM", "AEAD_SM4_128_GCM"), "has 1, and none that is valid"},
		"short nonce":    {replace("nonce0000000", "nonce000000"), "nonce has 11 bytes"},
		"not base64":     {replace(`"ciphertext":"`, `"ciphertext":"*`), "not base64"},
		"other data":     {replace(`"associated_data":"certificate"`, `"associated_data":""`), "does not decrypt"},
		"other serial":   {replace(firstSerial, secondSerial), secondSerial + " of the list: its serial is " + firstSerial},
		"expired":        {nil, "has 1, and none that is valid at 2024-08-05T09:33:41Z"},
		"not yet valid":  {nil, "none that is valid"},
		"not PEM":        {with(platformCert{secondSerial, nil, []byte("Hello World")}), "not PEM"},
		"a public key":   {with(platformCert{secondSerial, nil, readTestdata(t, "platform_pub.pem")}), "here belongs a platform certificate"},
		"for an EC key":  {with(platformCert{"01", nil, newECCertificate(t)}), "type ECDSA"},
		"for 1024 bits":  {with(platformCert{"01", nil, newSmallCertificate(t)}), "1024 bits"},
		"merchant's":     {with(platformCert{merchantSerial, nil, readTestdata(t, "merchant_cert.pem")}), "the API certificate of merchant " + mchID},
		"merchant's key": {with(ca.issue(t, secondSerial, "x", merchant, wireTime(), wireTime().Add(day))), "the merchant's own"},
		"merchant's serial": {with(ca.issue(t, merchantSerial, "x", rotatedKey(), wireTime(), wireTime().Add(day))),
			merchantSerial + " of the list: it is the merchant's own"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := newCertGateway(t, good)
			switch name {
			case "expired":
				gateway.listed[0] = ca.issue(t, firstSerial, "x", platformKey(), wireTime().Add(-day), wireTime().Add(-time.Second))
			case "not yet valid":
				gateway.listed[0] = ca.issuePlatform(t, firstSerial, platformKey(), wireTime().Add(6*time.Minute))
			}
			if test.list != nil {
				list := test.list(gateway)
				gateway.list = func(req *http.Request) (*http.Response, error) {
					return gateway.sign(http.StatusOK, list).RoundTrip(req)
				}
			}
			_ = uncertified(t, closeA1(t.Context(), newCertClient(t, gateway)), test.want)
			if gateway.orders() != 0 {
				t.Error("the order was asked about, want nothing sent that could not be verified")
			}
		})
	}
}

// TestListsThatAreAccepted: what is unusual in them is no harm.
func TestListsThatAreAccepted(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	good := ca.issuePlatform(t, firstSerial, platformKey(), wireTime().Add(-day))
	tests := map[string]func(*certGateway){
		"an expired one too": func(g *certGateway) {
			g.listed = append(g.listed, ca.issue(t, secondSerial, "x", rotatedKey(), wireTime().Add(-2*day), wireTime().Add(-day)))
		},
		"twice the same": func(g *certGateway) { g.listed = append(g.listed, good) },
		"our clock behind": func(g *certGateway) {
			g.listed[0] = ca.issuePlatform(t, firstSerial, platformKey(), wireTime().Add(4*time.Minute))
		},
		"serial in small letters": func(g *certGateway) { g.listed[0].serial = strings.ToLower(firstSerial); g.signer = good },
		"signed in small letters": func(g *certGateway) { g.under = strings.ToLower(firstSerial) },
		"no serial":               func(g *certGateway) { g.listed[0].serial = "" },
		"an SM4 one besides":      func(g *certGateway) { g.list = listSM4(g).RoundTrip },
		"self-signed": func(g *certGateway) {
			g.listed = []platformCert{{platformSerial, platformKey(), testdataCert(t)}}
			g.signer = g.listed[0]
			g.time = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := newCertGateway(t, good)
			change(gateway)
			mustClose(t, newCertClient(t, gateway), name)
		})
	}
}

func testdataCert(t testing.TB) []byte {
	t.Helper()
	return readTestdata(t, "platform_cert.pem")
}

// listSM4 puts a certificate that is encrypted by another algorithm before the first.
func listSM4(g *certGateway) answer {
	entries, _ := strings.CutPrefix(g.listBody(), `{"data":[`)
	first, _, _ := strings.Cut(entries, "}}")
	sm4 := strings.Replace(first, "AEAD_AES_256_GCM", "AEAD_SM4_128_GCM", 1)
	return g.sign(http.StatusOK, `{"data":[`+sm4+"}},"+entries)
}

// TestListsWithABadSignature: the certificates are good, and the reply that brought them is not to
// be believed.
func TestListsWithABadSignature(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(answer) answer
		want   wire.Reason
	}{
		"unsigned, and no list": {func(answer) answer { return unsigned(http.StatusOK, "<html>") }, wire.ReasonUnsigned},
		"unsigned":              {func(a answer) answer { return unsigned(a.status, a.body) }, wire.ReasonUnsigned},
		"header missing":        {func(a answer) answer { return a.with("Wechatpay-Nonce", "") }, wire.ReasonUnsigned},
		"probe":                 {func(a answer) answer { return a.with("Wechatpay-Signature", "WECHATPAY/SIGNTEST/x") }, wire.ReasonProbe},
		"body changed":          {func(a answer) answer { a.body += " "; return a }, wire.ReasonBadSignature},
		"nonce changed":         {func(a answer) answer { return a.with("Wechatpay-Nonce", "x") }, wire.ReasonBadSignature},
		"foreign serial":        {func(a answer) answer { return a.with("Wechatpay-Serial", thirdSerial) }, wire.ReasonUnknownSerial},
		"foreign key":           {func(a answer) answer { return a.with("Wechatpay-Serial", secondSerial) }, wire.ReasonBadSignature},
		"unknown pub key":       {func(a answer) answer { return a.with("Wechatpay-Serial", publicKeyID) }, wire.ReasonUnknownSerial},
	}
	ca := newAuthority(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := newCertGateway(t, ca.issuePlatform(t, firstSerial, platformKey(), wireTime()),
				ca.issuePlatform(t, secondSerial, rotatedKey(), wireTime()))
			gateway.list = func(req *http.Request) (*http.Response, error) {
				return test.change(gateway.sign(http.StatusOK, gateway.listBody())).RoundTrip(req)
			}
			fault := uncertified(t, closeA1(t.Context(), newCertClient(t, gateway)), string(test.want))
			if cause, ok := errors.AsType[*v3json.VerifyError](fault.Cause); !ok || cause.Reason != test.want {
				t.Errorf("Cause is %v, want a VerifyError of reason %q", fault.Cause, test.want)
			}
			if gateway.orders() != 0 {
				t.Error("the order was asked about, want nothing sent that could not be verified")
			}
		})
	}
	t.Run("stale", func(t *testing.T) {
		t.Parallel()
		gateway := newCertGateway(t, ca.issuePlatform(t, firstSerial, platformKey(), wireTime()))
		client := newCertClient(t, gateway)
		client.Now = func() time.Time { return wireTime().Add(6 * time.Minute) }
		_ = uncertified(t, closeA1(t.Context(), client), string(wire.ReasonStale))
	})
	t.Run("known serial, other key", func(t *testing.T) {
		// An attacker with the APIv3 key puts a key of its own under a serial that is held.
		t.Parallel()
		gateway := newCertGateway(t, ca.issuePlatform(t, firstSerial, platformKey(), wireTime()))
		client := newCertClient(t, gateway)
		reported := &reports{}
		client.Certificates.Report = reported.add
		mustClose(t, client, "first")
		gateway.advance(13 * time.Hour)
		gateway.onList(func(*http.Request) (*http.Response, error) {
			gateway.rotate(ca.issuePlatform(t, firstSerial, rotatedKey(), wireTime()))
			return nil, errUsual
		})
		mustClose(t, client, "with a refresh that is refused")
		gateway.wantDownloads(2, "after 13 h")
		reported.want(t, "bad signature")
		wantReason(t, closeA1(t.Context(), client), wire.ReasonBadSignature)
	})
}

// TestListSignedByAKnownKey: with a public key, the download asks for its signature, and checks it.
func TestListSignedByAKnownKey(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	mine := ca.issuePlatform(t, firstSerial, rotatedKey(), wireTime())
	gateway := newCertGateway(t, mine)
	gateway.list = func(req *http.Request) (*http.Response, error) {
		if serial := req.Header.Get("Wechatpay-Serial"); serial != publicKeyID {
			t.Errorf("the list was asked for with Wechatpay-Serial %q, want the public key's id", serial)
		}
		gateway.signer, gateway.under = platformCert{publicKeyID, platformKey(), nil}, publicKeyID
		defer func() { gateway.signer, gateway.under = mine, "" }()
		return gateway.sign(http.StatusOK, gateway.listBody()).RoundTrip(req)
	}
	client := newCertClient(t, gateway)
	client.Keys = newKeyring(t)
	mustClose(t, client, "signed by a certificate while a public key is held")
	gateway.wantDownloads(1, "an unknown serial")
}

func TestRoots(t *testing.T) {
	t.Parallel()
	ca, foreign := newAuthority(t), newAuthority(t)
	newGateway := func() *certGateway {
		return newCertGateway(t,
			ca.issuePlatform(t, firstSerial, platformKey(), wireTime().Add(-1000*day)),
			ca.issuePlatform(t, secondSerial, rotatedKey(), wireTime().Add(9*day)),
			ca.issue(t, thirdSerial, "x", rotatedKey(), wireTime().Add(-2000*day), wireTime().Add(-1000*day)))
	}
	gateway := newGateway()
	client := newCertClient(t, gateway)
	client.Certificates.Roots = ca.pool()
	mustClose(t, client, "from Roots")

	for name, roots := range map[string]*x509.CertPool{"another's": foreign.pool(), "an empty pool": x509.NewCertPool()} {
		gateway := newGateway()
		client := newCertClient(t, gateway)
		client.Certificates.Roots = roots
		fault := uncertified(t, closeA1(t.Context(), client), firstSerial, "does not come from Roots", "give as Roots")
		if gateway.orders() != 0 || fault.Remedy == "" {
			t.Errorf("%s: %d orders asked about, remedy %q, want none and one", name, gateway.orders(), fault.Remedy)
		}
	}

	// One good certificate does not vouch for another.
	gateway = newGateway()
	gateway.listed[1] = foreign.issuePlatform(t, secondSerial, rotatedKey(), wireTime().Add(-day))
	client = newCertClient(t, gateway)
	client.Certificates.Roots = ca.pool()
	_ = uncertified(t, closeA1(t.Context(), client), secondSerial, "does not come from Roots")
}

func TestBothKindsOfKeys(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	certificate := ca.issuePlatform(t, firstSerial, rotatedKey(), wireTime())
	gateway := newCertGateway(t, certificate)
	client := newCertClient(t, gateway)
	public, err := v3json.ParsePublicKey(publicKeyID, readTestdata(t, "platform_pub.pem"))
	if err != nil {
		t.Fatalf("ParsePublicKey: %v", err)
	}
	client.Keys, err = v3json.NewKeyring(public)
	if err != nil {
		t.Fatalf("NewKeyring: %v", err)
	}
	byPublicKey := platformCert{publicKeyID, platformKey(), nil}

	gateway.signer = byPublicKey
	mustClose(t, client, "signed by the public key")
	gateway.wantDownloads(0, "a public key needs none")
	gateway.signer = certificate
	mustClose(t, client, "signed by a certificate")
	gateway.wantDownloads(1, "signed by a certificate")
	gateway.signer = byPublicKey
	mustClose(t, client, "signed by the public key again")
	for _, line := range gateway.asked {
		if !strings.HasSuffix(line, " serial="+publicKeyID) {
			t.Errorf("asked %q, want the public key named, on a download too", line)
		}
	}

	// Another public key is not to be had by downloading.
	gateway.under = "PUB_KEY_ID_0000000000000000000000000000000001"
	gateway.advance(time.Hour)
	fault := disbelief(t, closeA1(t.Context(), client), wire.ReasonUnknownSerial)
	for _, want := range []string{publicKeyID, firstSerial, "add this WeChat Pay public key"} {
		if !strings.Contains(fault.Detail, want) {
			t.Errorf("detail is %q, want it to say %q", fault.Detail, want)
		}
	}
	gateway.wantDownloads(1, "for a public key")
}

// TestCertificateGivenAndDownloaded: a certificate in Keys is as good as a key, until WeChat Pay
// moves on.
func TestCertificateGivenAndDownloaded(t *testing.T) {
	t.Parallel()
	given := platformCert{platformSerial, platformKey(), nil}
	next := newAuthority(t).issuePlatform(t, secondSerial, rotatedKey(), wireTime())
	gateway := newCertGateway(t, next)
	gateway.signer = given
	client := newCertClient(t, gateway)
	certificate, err := v3json.ParseCertificate(testdataCert(t))
	if err != nil {
		t.Fatalf("ParseCertificate: %v", err)
	}
	client.Keys, err = v3json.NewKeyring(certificate)
	if err != nil {
		t.Fatalf("NewKeyring: %v", err)
	}
	mustClose(t, client, "signed by the certificate given")
	gateway.wantDownloads(0, "signed by the certificate given")
	if last := gateway.lastAsked(); !strings.HasSuffix(last, " serial="+platformSerial) {
		t.Errorf("asked %q, want the certificate given named", last)
	}
	gateway.rotate(next)
	mustClose(t, client, "signed by the next one")
	mustClose(t, client, "signed by the next one, held")
	gateway.wantDownloads(1, "signed by the next one")
	if !slices.Contains(gateway.asked, "GET /v3/certificates serial=") {
		t.Errorf("asked %q, want the list without the name of a certificate that may be gone", gateway.asked)
	}
	if last := gateway.lastAsked(); !strings.HasSuffix(last, " serial="+secondSerial) {
		t.Errorf("asked %q, want the downloaded certificate named", last)
	}
}

func TestCertificatesNeedAKey(t *testing.T) {
	t.Parallel()
	client := newCertClient(t, newCertGateway(t, platformCert{}))
	client.Certificates.Key = v3json.V3Key{}
	wantSays(t, "no APIv3 key", closeA1(t.Context(), client), "ParseV3Key")
	client = newCertClient(t, newCertGateway(t, platformCert{}))
	client.BaseURL = "https://u:hunter2@host"
	_ = uncertified(t, closeA1(t.Context(), client), "BaseURL must be")
	client = newCertClient(t, newCertGateway(t, platformCert{}))
	client.Nonce = func() string { return `"` }
	wantSays(t, "a bad nonce", closeA1(t.Context(), client), "Nonce must be")
}

func TestDownloadFailures(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset by peer")
	gateway := newCertGateway(t, newAuthority(t).issuePlatform(t, firstSerial, platformKey(), wireTime()))
	gateway.list = func(*http.Request) (*http.Response, error) { return nil, reset }
	client := newCertClient(t, gateway)
	err := closeA1(t.Context(), client)
	if _ = uncertified(t, err, "no reply"); !errors.Is(err, reset) {
		t.Errorf("error is %v, want the transport's in it", err)
	}
	gateway.onList(unsigned(http.StatusOK, strings.Repeat(" ", 1<<20+1)).RoundTrip)
	_ = uncertified(t, closeA1(t.Context(), client), "longer than 1 MiB")
	gateway.onList(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusBadGateway, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<html>"))}, nil
	})
	_ = uncertified(t, closeA1(t.Context(), client), "HTTP 502")
	gateway.onList(nil)
	mustClose(t, client, "once the gateway is back, at once")
}
