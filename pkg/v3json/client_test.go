package v3json_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
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
	mchID          = "1900007291"
	subMchID       = "1900008462"
	outTradeNo     = "1217752501201407033233368018"
	transactionID  = "4200001234202408056789012345"
	merchantSerial = "5A0D6B1F9C3E47A2B8D1F00C6E7A94D3B2C1E0F9"
	platformSerial = "0C7E1A5D9B3F48620D1E7F3A5B9C2D4E6F8091A2"
	publicKeyID    = "PUB_KEY_ID_0119000072912024112100222200001234"
	requestNonce   = "593BEC0C930BF1AFEB40B4A08C8FB242"
	replyNonce     = "d824f2e086d3c1df967785d13fcd22ef"
	requestID      = "08F5B0C1B50610E80318C9E1A85820B03228EEB804-268435461"

	directOrder = `{"mchid":"` + mchID + `","out_trade_no":"` + outTradeNo + `","transaction_id":"` + transactionID +
		`","trade_state":"SUCCESS","trade_state_desc":"支付成功"}`
	partnerOrder = `{"sp_mchid":"` + mchID + `","sub_mchid":"` + subMchID + `","out_trade_no":"` + outTradeNo +
		`","transaction_id":"` + transactionID + `","trade_state":"SUCCESS"}`
	refusalBody = `{"code":"ORDER_CLOSED","message":"订单已关闭"}`
)

// wireTime is when every request and reply of these tests is made, that of the published reply.
func wireTime() time.Time { return time.Unix(1722850421, 0) }

func readTestdata(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatalf("reading a test key: %v", err)
	}
	return b
}

// parseTestKey reads a test key without our parser: what checks us is not to share our mistakes.
func parseTestKey[Key any](file []byte, parse func([]byte) (any, error)) (Key, error) {
	block, _ := pem.Decode(file)
	key, err := parse(block.Bytes)
	if err != nil {
		var none Key
		return none, err
	}
	typed, ok := key.(Key)
	if !ok {
		return typed, fmt.Errorf("it is of type %T", key)
	}
	return typed, nil
}

func loadMerchantKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := parseTestKey[*rsa.PrivateKey](readTestdata(t, "merchant_key.pem"), x509.ParsePKCS8PrivateKey)
	if err != nil {
		t.Fatalf("parsing merchant_key.pem: %v", err)
	}
	return key
}

func loadPublic(t testing.TB, file string) *rsa.PublicKey {
	t.Helper()
	key, err := parseTestKey[*rsa.PublicKey](readTestdata(t, file), x509.ParsePKIXPublicKey)
	if err != nil {
		t.Fatalf("parsing %s: %v", file, err)
	}
	return key
}

// platformKey is nil when it cannot be read, and then every test that needs it fails.
var platformKey = sync.OnceValue(func() *rsa.PrivateKey {
	b, err := os.ReadFile(filepath.Join("testdata", "platform_key.pem"))
	if err != nil {
		return nil
	}
	key, _ := parseTestKey[*rsa.PrivateKey](b, x509.ParsePKCS8PrivateKey)
	return key
})

// platformSign is WeChat Pay's side of the signature, in plain lines.
func platformSign(message string) string {
	digest := sha256.Sum256([]byte(message))
	signature, _ := rsa.SignPKCS1v15(nil, platformKey(), crypto.SHA256, digest[:])
	return base64.StdEncoding.EncodeToString(signature)
}

func verifiesUnder(key *rsa.PublicKey, message, signature string) bool {
	raw, err := base64.StdEncoding.DecodeString(signature)
	digest := sha256.Sum256([]byte(message))
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw) == nil
}

// answer is a reply as the gateway writes it; each test changes what it is about.
type answer struct {
	status int
	header http.Header
	body   string
}

func unsigned(status int, body string) answer {
	return answer{status: status, header: http.Header{"Request-Id": {requestID}}, body: body}
}

func signed(status int, body string) answer {
	return signedAt(wireTime(), status, body)
}

func signedAt(at time.Time, status int, body string) answer {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	a := unsigned(status, body)
	a.header.Set("Wechatpay-Timestamp", timestamp)
	a.header.Set("Wechatpay-Nonce", replyNonce)
	a.header.Set("Wechatpay-Signature", platformSign(timestamp+"\n"+replyNonce+"\n"+body+"\n"))
	a.header.Set("Wechatpay-Serial", publicKeyID)
	a.header.Set("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048")
	return a
}

// with returns the answer with one header changed; "" takes it away.
func (a answer) with(key, value string) answer {
	a.header = a.header.Clone()
	a.header.Set(key, value)
	if value == "" {
		a.header.Del(key)
	}
	return a
}

// RoundTrip makes an answer a transport that gives itself to whatever is asked.
func (a answer) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode:    a.status,
		Header:        a.header.Clone(),
		Body:          io.NopCloser(strings.NewReader(a.body)),
		ContentLength: int64(len(a.body)),
		Request:       req,
	}, nil
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (w roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return w(req) }

func newKey(t testing.TB) v3json.Key {
	t.Helper()
	file := readTestdata(t, "merchant_key.pem")
	telemetrytest.Secret(t, telemetrytest.PrivateKey, string(file))
	key, err := v3json.ParseKey(merchantSerial, file)
	if err != nil {
		t.Fatalf("ParseKey: %v", err)
	}
	return key
}

// newKeyring holds WeChat Pay's key twice, as during a move: by public key id and by certificate.
func newKeyring(t testing.TB) v3json.Keyring {
	t.Helper()
	certificate, err := v3json.ParseCertificate(readTestdata(t, "platform_cert.pem"))
	if err != nil {
		t.Fatalf("ParseCertificate: %v", err)
	}
	public, err := v3json.ParsePublicKey(publicKeyID, readTestdata(t, "platform_pub.pem"))
	if err != nil {
		t.Fatalf("ParsePublicKey: %v", err)
	}
	ring, err := v3json.NewKeyring(certificate, public)
	if err != nil {
		t.Fatalf("NewKeyring: %v", err)
	}
	return ring
}

func newClient(t testing.TB, transport http.RoundTripper) *v3json.Client {
	t.Helper()
	return &v3json.Client{
		MchID:      mchID,
		Key:        newKey(t),
		Keys:       newKeyring(t),
		HTTPClient: &http.Client{Transport: transport},
		Now:        wireTime,
		Nonce:      func() string { return requestNonce },
	}
}

func closeWith(t testing.TB, a http.RoundTripper) (*v3json.CloseReply, error) {
	t.Helper()
	return newClient(t, a).CloseOrder(t.Context(), v3json.Request{OutTradeNo: outTradeNo})
}

func queryWith(t testing.TB, a http.RoundTripper) (*v3json.QueryReply, error) {
	t.Helper()
	return newClient(t, a).QueryOrder(t.Context(), v3json.Request{OutTradeNo: outTradeNo})
}

// calls are the two methods with their successful answers, for what holds of both.
func calls() map[string]struct {
	call    func(testing.TB, http.RoundTripper) error
	success answer
} {
	type row = struct {
		call    func(testing.TB, http.RoundTripper) error
		success answer
	}
	return map[string]row{
		"close": {func(t testing.TB, a http.RoundTripper) error {
			t.Helper()
			_, err := closeWith(t, a)
			return err
		}, signed(http.StatusNoContent, "")},
		"query": {func(t testing.TB, a http.RoundTripper) error {
			t.Helper()
			_, err := queryWith(t, a)
			return err
		}, signed(http.StatusOK, directOrder)},
	}
}

func wantReason(t *testing.T, err error, want wire.Reason) {
	t.Helper()
	_ = disbelief(t, err, want)
}

// disbelief is the VerifyError of that reason which err must be.
func disbelief(t *testing.T, err error, want wire.Reason) *v3json.VerifyError {
	t.Helper()
	fault, ok := errors.AsType[*v3json.VerifyError](err)
	if !ok {
		t.Fatalf("error is %v, want a VerifyError of reason %q", err, want)
	}
	if fault.Reason != want {
		t.Fatalf("reason is %q (%v), want %q", fault.Reason, err, want)
	}
	wantLine(t, err)
	return fault
}

// refusal is the Error which err must be.
func refusal(t *testing.T, err error) *v3json.Error {
	t.Helper()
	refused, ok := errors.AsType[*v3json.Error](err)
	if !ok {
		t.Fatalf("error is %v, want an Error", err)
	}
	wantLine(t, err)
	return refused
}

func wantRefusal(t *testing.T, err error) {
	t.Helper()
	_ = refusal(t, err)
}

func wantMalformed(t *testing.T, err error) {
	t.Helper()
	_ = malformation(t, err)
}

// malformation is the MalformedError which err must be.
func malformation(t *testing.T, err error) *v3json.MalformedError {
	t.Helper()
	malformed, ok := errors.AsType[*v3json.MalformedError](err)
	if !ok {
		t.Fatalf("error is %v, want a MalformedError", err)
	}
	wantLine(t, err)
	return malformed
}

// wantLine checks that an error's text fits into a log, and shows nothing that must not be there.
func wantLine(t *testing.T, err error) {
	t.Helper()
	telemetrytest.Error(t, err)
	text := err.Error()
	if strings.ContainsAny(text, "\r\n\t\x00") || len(text) > 4096 {
		t.Errorf("error text is not one short line: %q", text)
	}
	for _, secret := range secrets(t) {
		if strings.Contains(text, secret) {
			t.Errorf("error text has %q in it: %s", secret[:16], text)
		}
	}
}

// secrets are spellings of the private key, and the beginning of what a request proves itself with.
func secrets(t testing.TB) []string {
	t.Helper()
	key := loadMerchantKey(t)
	lines := strings.Split(string(readTestdata(t, "merchant_key.pem")), "\n")
	return []string{
		lines[2], lines[10],
		key.D.String(), key.D.Text(16), key.Primes[0].String(), key.Primes[1].Text(16),
		"WECHATPAY2-SHA256-RSA2048 mchid",
	}
}

func TestClientSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	merchantCert := v3json.PlatformKey{ID: strings.ToLower(merchantSerial), Public: &loadMerchantKey(t).PublicKey}
	tests := map[string]struct {
		change func(*v3json.Client)
		want   string
	}{
		"no MchID":           {func(c *v3json.Client) { c.MchID = "" }, "MchID must be"},
		"MchID with a quote": {func(c *v3json.Client) { c.MchID = `19",x="` }, "MchID must be"},
		"MchID too long":     {func(c *v3json.Client) { c.MchID = strings.Repeat("1", 33) }, "MchID must be"},
		"no Key":             {func(c *v3json.Client) { c.Key = v3json.Key{} }, "ParseKey"},
		"no Keys":            {func(c *v3json.Client) { c.Keys = v3json.Keyring{} }, "NewKeyring"},
		"merchant certificate as platform's": {func(c *v3json.Client) {
			c.Keys, _ = v3json.NewKeyring(merchantCert)
		}, "the merchant's own certificate"},
		"Nonce empty":           {func(c *v3json.Client) { c.Nonce = func() string { return "" } }, "Nonce must be"},
		"Nonce with a quote":    {func(c *v3json.Client) { c.Nonce = func() string { return `a"b` } }, "Nonce must be"},
		"BaseURL not a URL":     {func(c *v3json.Client) { c.BaseURL = "https://u:hunter2@h ost" }, "BaseURL: "},
		"BaseURL without host":  {func(c *v3json.Client) { c.BaseURL = "https://" }, "BaseURL must be"},
		"BaseURL without https": {func(c *v3json.Client) { c.BaseURL = "api.mch.weixin.qq.com" }, "BaseURL must be"},
		"BaseURL of a file":     {func(c *v3json.Client) { c.BaseURL = "file://host" }, "BaseURL must be"},
		"BaseURL with user":     {func(c *v3json.Client) { c.BaseURL = "https://u:hunter2@host" }, "BaseURL must be"},
		"BaseURL with query":    {func(c *v3json.Client) { c.BaseURL = "https://host?a=b" }, "BaseURL must be"},
		"BaseURL with fragment": {func(c *v3json.Client) { c.BaseURL = "https://host#a" }, "BaseURL must be"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
				t.Error("a request was sent, want none")
				return nil, io.EOF
			}))
			test.change(client)
			_, closeErr := client.CloseOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
			_, queryErr := client.QueryOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
			for prefix, err := range map[string]error{"closing order A1: ": closeErr, "querying order A1: ": queryErr} {
				if err == nil || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error is %v, want one that begins %q and says %q", err, prefix, test.want)
					continue
				}
				if strings.Contains(err.Error(), "hunter2") {
					t.Errorf("error shows the password in BaseURL: %v", err)
				}
				wantLine(t, err)
			}
		})
	}
}

// captured is what one request said, as its transport saw it.
type captured struct {
	method, url string
	header      http.Header
	body        string
}

func capture(t testing.TB, a answer, into *captured) roundTrip {
	t.Helper()
	return func(req *http.Request) (*http.Response, error) {
		*into = captured{method: req.Method, url: req.URL.String(), header: req.Header.Clone()}
		if req.Body != nil {
			b, err := io.ReadAll(req.Body)
			if err != nil {
				t.Errorf("reading the request's body: %v", err)
			}
			into.body = string(b)
		}
		return a.RoundTrip(req)
	}
}

func TestClientDefaults(t *testing.T) {
	t.Parallel()
	var got captured
	client := &v3json.Client{
		MchID: mchID, Key: newKey(t), Keys: newKeyring(t),
		HTTPClient: &http.Client{Transport: capture(t, signedAt(time.Now(), http.StatusNoContent, ""), &got)},
	}
	nonces := map[string]bool{}
	for range 2 {
		if _, err := client.CloseOrder(t.Context(), v3json.Request{OutTradeNo: "A1"}); err != nil {
			t.Fatalf("CloseOrder: %v", err)
		}
		items := parseAuthorization(t, got.header.Get("Authorization"))
		nonces[items["nonce_str"]] = true
		if n := len(items["nonce_str"]); n != 32 {
			t.Errorf("nonce has %d characters, want 32", n)
		}
		seconds, _ := strconv.ParseInt(items["timestamp"], 10, 64)
		if skew := time.Since(time.Unix(seconds, 0)).Abs(); skew > time.Minute {
			t.Errorf("timestamp is %v from now, want now", skew)
		}
	}
	if len(nonces) != 2 {
		t.Errorf("two requests have %d nonces, want 2", len(nonces))
	}
	if want := "https://api.mch.weixin.qq.com/v3/pay/transactions/out-trade-no/A1/close"; got.url != want {
		t.Errorf("URL is %s, want %s", got.url, want)
	}
	if agent := got.header.Get("User-Agent"); !strings.HasPrefix(agent, "cloudpay/") {
		t.Errorf("User-Agent is %q, want cloudpay/…", agent)
	}
}

func TestClientSettings(t *testing.T) {
	t.Parallel()
	var got captured
	client := newClient(t, capture(t, signed(http.StatusNoContent, ""), &got))
	client.BaseURL, client.UserAgent = "https://proxy.example/wx/", "shop/2"
	req := v3json.Request{OutTradeNo: "A1", Nonce: "GivenByTheCaller1"}
	if _, err := client.CloseOrder(t.Context(), req); err != nil {
		t.Fatalf("CloseOrder: %v", err)
	}
	if want := "https://proxy.example/wx/v3/pay/transactions/out-trade-no/A1/close"; got.url != want {
		t.Errorf("URL is %s, want %s", got.url, want)
	}
	if agent := got.header.Get("User-Agent"); agent != "shop/2" {
		t.Errorf("User-Agent is %q, want shop/2", agent)
	}
	items := parseAuthorization(t, got.header.Get("Authorization"))
	if items["nonce_str"] != req.Nonce {
		t.Errorf("nonce is %q, want the request's %q", items["nonce_str"], req.Nonce)
	}
	message := "POST\n/wx/v3/pay/transactions/out-trade-no/A1/close\n1722850421\n" + req.Nonce + "\n{\"mchid\":\"1900007291\"}\n"
	if !verifiesUnder(&loadMerchantKey(t).PublicKey, message, items["signature"]) {
		t.Errorf("signature does not fit %q: the path of BaseURL must be signed as sent", message)
	}
}

// parseAuthorization takes the header apart strictly: one space, commas without spaces, quotes.
func parseAuthorization(t testing.TB, header string) map[string]string {
	t.Helper()
	rest, found := strings.CutPrefix(header, "WECHATPAY2-SHA256-RSA2048 ")
	if !found {
		t.Fatalf("Authorization is %q, want the scheme and one space first", header)
	}
	items := map[string]string{}
	for item := range strings.SplitSeq(rest, ",") {
		key, quoted, _ := strings.Cut(item, "=")
		value, ok := strings.CutPrefix(quoted, `"`)
		value, closed := strings.CutSuffix(value, `"`)
		if !ok || !closed {
			t.Fatalf("Authorization item %q is not key=\"value\"", item)
		}
		items[key] = value
	}
	return items
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	client := newClient(t, signed(http.StatusNoContent, ""))
	type open struct{ Key v3json.Key }
	type closed struct{ key v3json.Key }
	type hidden struct{ client v3json.Client }
	values := []any{
		client.Key, &client.Key, client, *client,
		open{client.Key}, &open{client.Key}, closed{client.Key}, &closed{client.Key}, hidden{*client},
		[]v3json.Key{client.Key}, map[string]v3json.Key{"k": client.Key}, map[v3json.Key]int{client.Key: 1},
	}
	var out bytes.Buffer
	text := slog.New(slog.NewTextHandler(&out, nil))
	lines := slog.New(slog.NewJSONHandler(&out, nil))
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%T"} {
			_, _ = fmt.Fprintf(&out, verb, value)
		}
		b, _ := json.Marshal(value) // an error is as good: it printed nothing
		out.Write(b)
		text.Info("m", "value", value)
		lines.Info("m", "value", value)
	}
	printed := out.String()
	for _, secret := range secrets(t) {
		if strings.Contains(printed, secret) {
			t.Errorf("printed %q… of the private key", secret[:16])
		}
	}
	for what, got := range map[string]string{
		"String": client.Key.String(), "GoString": client.Key.GoString(), "%+v": fmt.Sprintf("%+v", open{client.Key}.Key),
		"%d": fmt.Sprintf("%d", client.Key), "%x": fmt.Sprintf("%x", client.Key),
	} {
		if got != "redacted" {
			t.Errorf("%s prints %q, want redacted", what, got)
		}
	}
	if b, err := json.Marshal(open{client.Key}); err != nil || string(b) != `{"Key":"redacted"}` {
		t.Errorf("json.Marshal gives %s, %v, want the key redacted", b, err)
	}
	if client.Key.Serial() != merchantSerial {
		t.Errorf("Serial is %q, want %q", client.Key.Serial(), merchantSerial)
	}
}
