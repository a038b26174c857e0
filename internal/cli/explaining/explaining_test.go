package explaining_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/explaining"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/telemetry/telemetrytest"
)

// The keys of these tests. They share no eight characters with a word that a test prints.
const (
	v2Key  = "qZ7wKfX2mVdRt9LsYb4HnGj6PcUeQa3x"
	v3Key  = "Jm5TzWq8VxKd2RbHy7NfPg4LcSaUe9Qt"
	serial = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	number = "/v3/pay/transactions/out-trade-no/A1"
)

// world is a merchant and WeChat Pay, as far as they sign.
type world struct{ merchant, platform *rsa.PrivateKey }

// keys are made once: an RSA key takes a tenth of a second.
var keys = sync.OnceValues(func() (world, error) {
	merchant, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return world{}, err
	}
	platform, err := rsa.GenerateKey(rand.Reader, 2048)
	return world{merchant, platform}, err
})

func newWorld(t *testing.T) world {
	t.Helper()
	w, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// environ is the merchant's configuration.
func (w world) environ(t *testing.T) []string {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(w.merchant)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&w.platform.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	telemetrytest.Secret(t, telemetrytest.V2Key, v2Key)
	telemetrytest.Secret(t, telemetrytest.V3Key, v3Key)
	telemetrytest.Secret(t, telemetrytest.PrivateKey, key)
	return []string{
		"WXPAY_MCHID=1900000001", "WXPAY_SERIAL_NO=" + serial, "WXPAY_PRIVATE_KEY=" + key, "WXPAY_V2_KEY=" + v2Key, "WXPAY_V3_KEY=" + v3Key,
		"WXPAY_PUBLIC_KEY_ID=PUB_KEY_ID_01", "WXPAY_PUBLIC_KEY=" + string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
	}
}

func sign(t *testing.T, key *rsa.PrivateKey, message string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(message))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// request is a raw request to close an order, whose signed message is what edit makes of the right
// one.
func (w world) request(t *testing.T, edit func(string) string) string {
	t.Helper()
	const body = `{"mchid":"1900000001"}`
	message := "POST\n" + number + "/close\n1796010539\n593BEC0C930BF1AFEB40B4A08C8FB242\n" + body + "\n"
	return fmt.Sprintf("POST %s/close HTTP/1.1\nHost: api.mch.weixin.qq.com\nUser-Agent: shop/1\nAccept: application/json\n"+
		"Content-Type: application/json\nAuthorization: WECHATPAY2-SHA256-RSA2048 mchid=\"1900000001\","+
		"nonce_str=\"593BEC0C930BF1AFEB40B4A08C8FB242\",timestamp=\"1796010539\",serial_no=\"%s\",signature=\"%s\"\n\n%s\n",
		number, serial, sign(t, w.merchant, edit(message)), body)
}

// reply is a raw reply whose signed body is what edit makes of the one sent.
func (w world) reply(t *testing.T, edit func(string) string) string {
	t.Helper()
	const body = `{"out_trade_no":"A1","trade_state":"NOTPAY"}`
	return fmt.Sprintf("HTTP/1.1 200 OK\nDate: Mon, 30 Nov 2026 03:48:59 GMT\nContent-Length: %d\nContent-Type: application/json\n"+
		"Wechatpay-Nonce: cz2v6ipjh3\nWechatpay-Timestamp: 1796010539\nWechatpay-Serial: PUB_KEY_ID_01\n"+
		"Wechatpay-Signature-Type: WECHATPAY2-SHA256-RSA2048\nWechatpay-Signature: %s\n\n%s\n",
		len(body), sign(t, w.platform, "1796010539\ncz2v6ipjh3\n"+edit(body)+"\n"), body)
}

func asItIs(text string) string { return text }

// replaced returns an edit that replaces a text.
func replaced(old, by string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, by, 1) }
}

// run runs the command on a text, and returns what it printed.
func run(t *testing.T, c explaining.Command, text string, arguments ...string) (fine bool, out string, err error) {
	t.Helper()
	var printed bytes.Buffer
	if c.Language == nil {
		c.Language = &render.Language{}
	}
	c.In, c.Out, c.Hints = strings.NewReader(text), io.MultiWriter(&printed, telemetrytest.Output(t, telemetrytest.Terminal)), io.Discard
	fine, err = c.Run(t.Context(), arguments)
	telemetrytest.Error(t, err)
	return fine, printed.String(), err
}

// TestRequests: a right request is fine, a wrong one is named with what was signed, what should
// have been, and the character that differs.
func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		edit func(string) string
		want []string
	}{
		"right": {asItIs, []string{
			"· of the merchant: merchant 1900000001, serial number " + serial + ", private key, APIv2 key, APIv3 key\n",
			"· of WeChat Pay: public key PUB_KEY_ID_01\n",
			"✓ request  APIv3  POST " + number + "/close  (lines 1 to 8, raw HTTP)\n    the signature holds, and nothing else is wrong\n",
			"not checked: the clock",
		}},
		"spaces": {replaced(`":"`, `": "`), []string{
			"✗ request", "[v3-body-spaces]", "    to be signed:\n      1  POST↵\n      2  " + number + "/close↵\n",
			"      5  {\"mchid\":\"1900000001\"}↵\n                  ^\n    was signed:\n",
			"      5  {\"mchid\":␣\"1900000001\"}↵\n                  ^\n",
			"    the first difference is in line 5, at character 10: a space was signed, and a double quote is right\n",
		}},
		"no last line feed": {func(m string) string { return strings.TrimSuffix(m, "\n") }, []string{
			"[v3-last-line-feed]", "      5  {\"mchid\":\"1900000001\"}\n                               ^\n", "the end of the text was signed, and a line feed is right",
		}},
		"carriage returns": {func(m string) string { return strings.ReplaceAll(m, "\n", "\r\n") }, []string{
			"[v3-crlf]", "      1  POST␍↵\n             ^\n", "a carriage return was signed, and a line feed is right",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fine, out, err := run(t, explaining.Command{Environ: w.environ(t)}, w.request(t, test.edit))
			if err != nil || fine != (name == "right") {
				t.Errorf("got fine %t and error %v", fine, err)
			}
			wantTexts(t, out, test.want...)
		})
	}
}

func wantTexts(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("got:\n%s\nwant %q in it", out, text)
		}
	}
	for _, secret := range []string{v2Key, v3Key, "PRIVATE KEY"} {
		if strings.Contains(out, secret) {
			t.Errorf("the output has a key:\n%s", out)
		}
	}
}

// TestReplies are replies of WeChat Pay.
func TestReplies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fine, out, err := run(t, explaining.Command{Environ: w.environ(t)}, w.request(t, asItIs)+"\n"+w.reply(t, asItIs))
	if !fine || err != nil {
		t.Errorf("got fine %t and error %v", fine, err)
	}
	wantTexts(t, out, "✓ request", "✓ reply  APIv3  HTTP 200  (lines 10 to 20, raw HTTP)")
	fine, out, err = run(t, explaining.Command{Environ: w.environ(t)}, w.reply(t, replaced(`,`, `, `)))
	if fine || err != nil {
		t.Errorf("got fine %t and error %v", fine, err)
	}
	wantTexts(t, out, "✗ reply", "[reply-body-parsed]")
	fine, out, _ = run(t, explaining.Command{}, w.reply(t, asItIs))
	if fine {
		t.Error("a reply is fine without a key")
	}
	wantTexts(t, out, "- reply", "no keys: ", "not checked: the reply's signature: it takes WXPAY_PUBLIC_KEY")
}

// TestRefusal: the clock of a request is compared with the Date of its reply.
func TestRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reply := "HTTP/1.1 401 Unauthorized\nDate: Mon, 30 Nov 2026 04:48:59 GMT\n\n" + `{"code":"SIGN_ERROR","message":"Http头Authorization中的timestamp与当前时间偏差超过5分钟"}` + "\n"
	_, out, err := run(t, explaining.Command{Environ: w.environ(t)}, w.request(t, asItIs)+"\n"+reply)
	if err != nil {
		t.Fatal(err)
	}
	wantTexts(t, out, "✗ request", "[v3-clock]", "✗ reply  APIv3  HTTP 401 SIGN_ERROR", "SIGNERROR: the request's signature is wrong", "retry: in vain until it is mended")
}

// TestInformation: WeChat Pay's own word about the message completes a request whose body curl does
// not print, and contradicts one that was changed on the way.
func TestInformation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message := "POST\n" + number + "/close\n1796010539\n593BEC0C930BF1AFEB40B4A08C8FB242\n{\"mchid\":\"1900000001\"}\n"
	refusal := func(message string) string {
		text, err := json.Marshal(map[string]any{"code": "SIGN_ERROR", "message": "错误的签名，验签失败", "detail": map[string]any{
			"sign_information": map[string]any{"method": "POST", "url": number, "sign_message_length": len(message), "truncated_sign_message": message},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("HTTP/1.1 401 Unauthorized\nDate: Mon, 30 Nov 2026 03:48:59 GMT\n\n%s\n", text)
	}
	var trace strings.Builder
	request, _, _ := strings.Cut(w.request(t, replaced(`":"`, `": "`)), "\n\n")
	for line := range strings.Lines(request + "\nContent-Length: 22\n\n") {
		trace.WriteString("> " + line)
	}
	for line := range strings.Lines(strings.Replace(refusal(message), "\n\n{", "\n\n\x00{", 1)) {
		if body, is := strings.CutPrefix(line, "\x00"); is {
			trace.WriteString(body)
		} else {
			trace.WriteString("< " + line)
		}
	}
	_, out, _ := run(t, explaining.Command{Environ: w.environ(t)}, trace.String())
	wantTexts(t, out, "[v3-body-spaces]", "the body was taken from WeChat Pay's reply", "from the output of curl -v")

	_, out, _ = run(t, explaining.Command{Environ: w.environ(t)}, w.request(t, asItIs)+"\n"+refusal(replaced(`"1900000001"`, `1`)(message)))
	wantTexts(t, out, "WeChat Pay says that it verified another message than this request makes, from line 5 on")

	_, out, _ = run(t, explaining.Command{Environ: w.environ(t)}, refusal(message))
	wantTexts(t, out, "to be signed:\n      1  POST↵\n")
}

// TestDocuments are XML documents of APIv2. Their key is redacted in what was signed.
func TestDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const document = "<xml>\n<appid>wx2421b1c4370ec43b</appid>\n<mch_id>1900000001</mch_id>\n<nonce_str>4ca93f17</nonce_str>\n<out_trade_no>A1</out_trade_no>\n<sign>%s</sign>\n</xml>\n"
	_, out, err := run(t, explaining.Command{Environ: w.environ(t)}, fmt.Sprintf(document, md5Of("appid=wx2421b1c4370ec43b&mch_id=1900000001&nonce_str=4ca93f17&out_trade_no=A1&key="+v3Key)))
	if err != nil {
		t.Fatal(err)
	}
	wantTexts(t, out, "✗ document  APIv2", "[v2-key-v3]", "&key=<redac", "alike but for the key")
	fine, out, _ := run(t, explaining.Command{Environ: w.environ(t)}, fmt.Sprintf(document, md5Of("appid=wx2421b1c4370ec43b&mch_id=1900000001&nonce_str=4ca93f17&out_trade_no=A1&key="+v2Key)))
	if !fine {
		t.Error("a right document is not fine")
	}
	wantTexts(t, out, "✓ document  APIv2")
}

// TestTexts are error texts and codes, in both languages.
func TestTexts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		command explaining.Command
		args    []string
		want    []string
	}{
		"a code, all":          {explaining.Command{All: true}, []string{"SIGN_ERROR"}, []string{"9. ", "20. "}},
		"a code":               {explaining.Command{}, []string{"SIGN_ERROR"}, []string{"✗ error code  SIGN_ERROR", "SIGNERROR: the request's signature is wrong", "retry: in vain", "it is one of these", "more, which --all shows"}},
		"in Chinese":           {explaining.Command{Language: &render.Language{Chinese: true}}, []string{"ORDERPAID"}, []string{"✗ 错误码  ORDERPAID", "订单已支付", "重试：无需重试"}},
		"a text":               {explaining.Command{Text: "签名错误"}, nil, []string{"✗ error text", "[v2-key-v3]", "as WeChat Pay says it: 签名错误"}},
		"limited":              {explaining.Command{Text: "FREQUENCY_LIMITED"}, nil, []string{"retry: later, and less often"}},
		"doubted":              {explaining.Command{Text: "SYSTEM_ERROR"}, nil, []string{"retry: with the same parameters"}},
		"missing":              {explaining.Command{Text: "ORDER_NOT_EXIST"}, nil, []string{"unless the order was placed seconds ago"}},
		"paying":               {explaining.Command{Text: "USERPAYING"}, nil, []string{"in a few seconds"}},
		"a text of no message": {explaining.Command{Text: "it does not work"}, nil, []string{"- error text", "no message of WeChat Pay's or of an SDK's that is known"}},
		"controls":             {explaining.Command{Text: `{"code":"X\u001b[31m","message":"\u202ey"}`}, nil, []string{`X\u001b[31m`, `it says: \u202ey`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fine, out, err := run(t, test.command, "", test.args...)
			if fine || err != nil {
				t.Errorf("got fine %t and error %v", fine, err)
			}
			wantTexts(t, out, test.want...)
		})
	}
}

// TestJSON: an object for the whole, and one for each answer.
func TestJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, out, err := run(t, explaining.Command{Environ: w.environ(t), JSON: true}, "x\n"+w.request(t, replaced(`":"`, `": "`)))
	if err != nil {
		t.Fatal(err)
	}
	first, second, _ := strings.Cut(out, "\n")
	var whole struct {
		Form  string
		Keys  []string
		Notes []struct {
			Line int
			Text string
		}
	}
	var answer struct {
		Form, From, API, Verdict, Expected, Signed string
		Lines                                      [2]int
		Causes                                     []struct {
			ID      string
			Certain bool
			Remedy  string
		}
		Difference struct {
			Line, Column     int
			Expected, Signed string
		}
	}
	if err := json.Unmarshal([]byte(first), &whole); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(second), &answer); err != nil {
		t.Fatal(err)
	}
	if whole.Form != "input" || len(whole.Keys) != 6 || len(whole.Notes) != 1 || whole.Notes[0].Line != 1 {
		t.Errorf("got %+v", whole)
	}
	if answer.Form != "request" || answer.From != "http" || answer.API != "v3" || answer.Verdict != "fault" || answer.Lines != [2]int{2, 9} ||
		len(answer.Causes) != 1 || answer.Causes[0].ID != "v3-body-spaces" || !answer.Causes[0].Certain || answer.Causes[0].Remedy == "" ||
		answer.Difference.Line != 5 || answer.Difference.Column != 10 || !strings.HasPrefix(answer.Difference.Signed, ` "`) || !strings.HasPrefix(answer.Difference.Expected, `"1`) {
		t.Errorf("got %+v", answer)
	}
}

// certificate writes a certificate with a key, and returns its file.
func certificate(t *testing.T, name string, number int64, key *rsa.PrivateKey) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "CERTIFICATE", der)
}

func file(t *testing.T, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCertificates: a merchant's certificate stands in for its private key, and a platform
// certificate for WeChat Pay's public key.
func TestCertificates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, platform := certificate(t, "1900000001", 0xAB, w.merchant), certificate(t, "Tenpay.com sign", 0xCD, w.platform)
	text := strings.ReplaceAll(w.request(t, asItIs), serial, "AB") + "\n" + strings.ReplaceAll(w.reply(t, asItIs), "PUB_KEY_ID_01", "CD")
	fine, out, err := run(t, explaining.Command{Certificates: []string{own, platform}}, text)
	if !fine || err != nil {
		t.Errorf("got fine %t and error %v", fine, err)
	}
	wantTexts(t, out, "the certificate AB of merchant 1900000001", "· of WeChat Pay: platform certificate CD", "✓ request", "✓ reply")

	other := certificate(t, "1900000002", 0xEF, w.platform)
	_, out, _ = run(t, explaining.Command{Environ: w.environ(t), Certificates: []string{other}}, "SIGN_ERROR")
	wantTexts(t, out, "the certificate of merchant 1900000002")
	wrong := certificate(t, "1900000001", 0xEF, w.platform)
	_, out, _ = run(t, explaining.Command{Environ: w.environ(t), Certificates: []string{wrong}}, "SIGN_ERROR")
	wantTexts(t, out, "! the certificate EF of merchant 1900000001 is not that of WXPAY_PRIVATE_KEY")
}

// TestUnusableKey: a key that is there and cannot be used is said, without its value.
func TestUnusableKey(t *testing.T) {
	t.Parallel()
	const short = "zV8kRt3wQm6ySbXa"
	telemetrytest.Secret(t, telemetrytest.V2Key, short)
	_, out, err := run(t, explaining.Command{Environ: []string{"WXPAY_V2_KEY=" + short, "WXPAY_REGION=mars"}}, "签名错误")
	if err != nil || strings.Contains(out, short) {
		t.Errorf("got error %v and\n%s", err, out)
	}
	wantTexts(t, out, "! WXPAY_V2_KEY has 16 bytes instead of 32")
	if strings.Contains(out, "WXPAY_REGION") || strings.Contains(out, "is not set") {
		t.Errorf("got faults that are about no key:\n%s", out)
	}
}

// TestEnvFile takes the keys from a file alone, and never shows a line of it.
func TestEnvFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(path, []byte("# keys\nWXPAY_MCHID=1900000009\nexport WXPAY_V2_KEY='"+v2Key+"'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, out, err := run(t, explaining.Command{Environ: w.environ(t), EnvFile: path}, "签名错误")
	if err != nil {
		t.Fatal(err)
	}
	wantTexts(t, out, "· of the merchant: merchant 1900000009, APIv2 key\n")
	if err := os.WriteFile(path, []byte(v2Key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = run(t, explaining.Command{EnvFile: path}, "签名错误")
	if err == nil || !strings.Contains(err.Error(), "is not NAME=value") || strings.Contains(err.Error(), v2Key) {
		t.Errorf("got %v", err)
	}
}

// TestUsage: what is wrong with the command line is said in both languages, before anything is
// printed.
func TestUsage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	private := file(t, "PRIVATE KEY", x509.MarshalPKCS1PrivateKey(w.merchant))
	public := file(t, "PUBLIC KEY", x509.MarshalPKCS1PublicKey(&w.merchant.PublicKey))
	damaged := file(t, "CERTIFICATE", []byte("x"))
	for name, test := range map[string]struct {
		command explaining.Command
		text    string
		args    []string
		want    string
	}{
		"nothing":           {explaining.Command{}, "\n", nil, "there is nothing to explain"},
		"no file":           {explaining.Command{}, "", []string{"none.txt"}, "neither a file nor an error code"},
		"a folder":          {explaining.Command{}, "", []string{t.TempDir()}, "reading the text"},
		"two files":         {explaining.Command{}, "", []string{"a", "b"}, "name one file"},
		"a file and a text": {explaining.Command{Text: "x"}, "", []string{"a"}, "give one of the two"},
		"too long":          {explaining.Command{}, strings.Repeat("x", 1<<20+1), []string{"-"}, "longer than 1024 KiB"},
		"two environments":  {explaining.Command{EnvFile: "a", Emulator: "b"}, "x", nil, "give one of the two"},
		"no env file":       {explaining.Command{EnvFile: "none.env"}, "x", nil, "--env-file none.env: reading it: "},
		"no emulator":       {explaining.Command{Emulator: "none"}, "x", nil, "no emulator runs in none"},
		"no certificate":    {explaining.Command{Certificates: []string{"none.pem"}}, "x", nil, "--certificate: open none.pem"},
		"a private key":     {explaining.Command{Certificates: []string{private}}, "x", nil, "holds a private key: give it in WXPAY_PRIVATE_KEY"},
		"a public key":      {explaining.Command{Certificates: []string{public}}, "x", nil, "holds a public key: give it in WXPAY_PUBLIC_KEY"},
		"a damaged one":     {explaining.Command{Certificates: []string{damaged}}, "x", nil, "is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, out, err := run(t, test.command, test.text, test.args...)
			if err == nil || !strings.Contains(err.Error(), test.want) || out != "" {
				t.Errorf("got error %v and output %q, want %q", err, out, test.want)
			}
			if wording := bilingual.Wording(err); wording.ZH == wording.EN {
				t.Errorf("%q is not in Chinese", wording.EN)
			}
		})
	}
}
