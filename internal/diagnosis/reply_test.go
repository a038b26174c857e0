package diagnosis_test

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/cause"
	"cloudpay/internal/diagnosis"
)

// The published reply (pay.weixin.qq.com, page 4013053420): testdata/received/reply_v3.pem is the
// key that is printed there.
const (
	publishedSerial    = "PUB_KEY_ID_0000000000000024101100397200000006"
	publishedTimestamp = "1722850421"
	publishedNonce     = "d824f2e086d3c1df967785d13fcd22ef"
	publishedBody      = `{"code_url":"weixin://wxpay/bizpayurl?pr=JyC91EIz1"}`
	publishedSignature = "mfI1CPqvBrgcXfgXMFjdNIhBf27ACE2YyeWsWV9ZI7T7RU0vHvbQpu9Z32ogzc+k8ZC5n3kz7h70eWKjgqNdKQF0eRp8mVKlmfzMLBVHbssB9jEZEDXThOX1" +
		"XFqX7s7ymia1hoHQxQagPGzkdWxtlZPZ4ZPvr1RiqkgAu6Is8MZgXXrRoBKqjmSdrP1N7uxzJ/cjfSiis9FiLjuADoqmQ1P7p2N876YPAol7Rn0+GswwAwxldbdLrmVS" +
		"jfytfSBJFqTMHn4itojgxSWWN1byuckQt8hSTEv/Lg97QoeGniYP17T80pJeQyL3b+295FPHSO2AtvCgyIbKMZ0BALilAA=="
)

// publicKey reads a key of testdata/received.
func publicKey(t testing.TB, name string) *rsa.PublicKey {
	t.Helper()
	text, err := os.ReadFile("testdata/received/" + name)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PublicKey)
}

func publishedReply(t testing.TB) (diagnosis.Response, diagnosis.Keys) {
	t.Helper()
	header := http.Header{}
	header.Set("Wechatpay-Timestamp", publishedTimestamp)
	header.Set("Wechatpay-Nonce", publishedNonce)
	header.Set("Wechatpay-Signature", publishedSignature)
	header.Set("Wechatpay-Serial", publishedSerial)
	header.Set("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048")
	return diagnosis.Response{Status: http.StatusOK, Header: header, Body: []byte(publishedBody)},
		diagnosis.Keys{Platform: []diagnosis.PlatformKey{{Serial: publishedSerial, Key: publicKey(t, "reply_v3.pem")}}}
}

func TestPublishedReply(t *testing.T) {
	t.Parallel()
	reply, keys := publishedReply(t)
	d := diagnosis.Reply(reply, keys)
	want := publishedTimestamp + "\n" + publishedNonce + "\n" + publishedBody + "\n"
	if !d.Fine || len(d.Findings) > 0 || d.Expected != want || d.Signed != want {
		t.Errorf("got %+v, want a reply that is fine", d)
	}
	keys.Now = time.Unix(1722850421, 0).Add(5 * time.Minute)
	if d := diagnosis.Reply(reply, keys); !d.Fine {
		t.Errorf("five minutes later: got %+v, want a reply that is fine", d)
	}
	keys.Now = keys.Now.Add(time.Second)
	wantFirst(t, diagnosis.Reply(reply, keys), "reply-clock", true)
}

// TestEveryByteOfReply changes each byte of what signs the published reply.
func TestEveryByteOfReply(t *testing.T) {
	t.Parallel()
	reply, keys := publishedReply(t)
	for i := range reply.Body {
		broken := reply
		broken.Body = slices.Clone(reply.Body)
		broken.Body[i] ^= 1
		refused(t, diagnosis.Reply(broken, keys), "byte %d of the body", i)
	}
	for _, name := range []string{"Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial", "Wechatpay-Signature-Type"} {
		value := reply.Header.Get(name)
		for i := range len(value) {
			text := []byte(value)
			text[i] ^= 1
			broken := reply
			broken.Header = reply.Header.Clone()
			broken.Header.Set(name, string(text))
			refused(t, diagnosis.Reply(broken, keys), "byte %d of %s", i, name)
			broken.Header.Set(name, value[:i]+value[i+1:])
			refused(t, diagnosis.Reply(broken, keys), "%s without byte %d", name, i)
		}
	}
}

// refused wants a diagnosis that is not fine, and that says why.
func refused(t *testing.T, d diagnosis.Diagnosis, what string, args ...any) {
	t.Helper()
	if d.Fine || len(d.Findings) == 0 {
		t.Errorf(what+": got %+v, want findings", append(args, d)...)
	}
}

// wantFirst wants a cause in front, and each cause in the table.
func wantFirst(t *testing.T, d diagnosis.Diagnosis, id cause.ID, certain bool) {
	t.Helper()
	if d.Fine || len(d.Findings) == 0 || d.Findings[0].ID != id || d.Findings[0].Certain != certain {
		t.Errorf("got %+v, want %s (certain: %t) in front", d, id, certain)
	}
	for _, f := range d.Findings {
		if _, ok := cause.Of(f.ID); !ok {
			t.Errorf("%s is not in the table", f.ID)
		}
		if f.Detail.EN == "" || f.Detail.ZH == "" {
			t.Errorf("%s has the detail %q", f.ID, f.Detail)
		}
	}
}

// signingKeys are keys that are generated once: WeChat Pay's two, the merchant's, another one.
var signingKeys = sync.OnceValue(func() (keys [4]*rsa.PrivateKey) {
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

const (
	byPublicKey = iota
	byCertificate
	byMerchant
	byOther
)

const (
	publicKeyID       = "PUB_KEY_ID_0119000000012026113000000000000002"
	certificateSerial = "0C7E1A5D9B3F48620D1E7F3A5B9C2D4E6F8091A2"
	merchantSerial    = "5A0D6B1F9C3E47A2B8D1F00C6E7A94D3B2C1E0F9"
)

// world are the keys of a merchant of the public key, with a platform certificate.
func world() diagnosis.Keys {
	keys := signingKeys()
	return diagnosis.Keys{
		MchID: "1900000001", Serial: merchantSerial, Merchant: &keys[byMerchant].PublicKey,
		V2Key: exampleV2Key, V3Key: exampleV3Key,
		Others: []diagnosis.Merchant{{MchID: "1900000002", Key: &keys[byOther].PublicKey,
			V2Key: "anotherV2key0123456789abcdefABCD", V3Key: "anotherV3key0123456789abcdefABCD"}},
		Platform: []diagnosis.PlatformKey{
			{Serial: publicKeyID, Key: &keys[byPublicKey].PublicKey},
			{Serial: certificateSerial, Key: &keys[byCertificate].PublicKey},
		},
	}
}

// only leaves one key of WeChat Pay.
func only(keys diagnosis.Keys, i int) diagnosis.Keys {
	keys.Platform = keys.Platform[i : i+1]
	return keys
}

const (
	someTimestamp = "1795912201"
	someNonce     = "5d2b6c2a8db53831f7eda20af46e531c"
	someBody      = `{"appid":"wx1234567890abcdef","mchid":"1900000001","out_trade_no":"EMU20261129000001",` +
		`"transaction_id":"4200009999202611290000000001","trade_type":"JSAPI","trade_state":"SUCCESS","trade_state_desc":"支付成功",` +
		`"bank_type":"OTHERS","attach":"a/b&c","success_time":"2026-11-29T08:30:00+08:00","payer":{"openid":"oEMU00000000000000000000001a"},` +
		`"amount":{"total":100,"payer_total":100,"currency":"CNY","payer_currency":"CNY"}}`
)

// sign signs a text with one of signingKeys.
func sign(t testing.TB, by int, text string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, signingKeys()[by], crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// signedHeader is the header of a reply that the public key signs.
func signedHeader(t testing.TB, body string) http.Header {
	t.Helper()
	header := http.Header{}
	header.Set("Wechatpay-Timestamp", someTimestamp)
	header.Set("Wechatpay-Nonce", someNonce)
	header.Set("Wechatpay-Signature", sign(t, byPublicKey, someTimestamp+"\n"+someNonce+"\n"+body+"\n"))
	header.Set("Wechatpay-Serial", publicKeyID)
	header.Set("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048")
	return header
}

func TestReplyHeaders(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	edit := func(name string, do func(string) string) func(http.Header) {
		return func(h http.Header) { h.Set(name, do(h.Get(name))) }
	}
	signed := func(by int, text string) func(http.Header) { return set("Wechatpay-Signature", sign(t, by, text)) }
	const message = someTimestamp + "\n" + someNonce + "\n" + someBody + "\n"
	all := world()
	mine := all
	mine.Platform = []diagnosis.PlatformKey{{Serial: merchantSerial, Key: all.Merchant}}
	wrongly := all
	wrongly.Platform = []diagnosis.PlatformKey{{Serial: publicKeyID, Key: all.Merchant}}
	labelled := all
	labelled.Platform = []diagnosis.PlatformKey{{Serial: "pub_key", Key: all.Platform[0].Key}}
	for name, test := range map[string]struct {
		change  func(http.Header)
		keys    diagnosis.Keys
		id      cause.ID
		certain bool
		detail  string
	}{
		"unsigned":             {func(h http.Header) { clear(h) }, all, "reply-unsigned", true, "forged"},
		"no signature":         {func(h http.Header) { h.Del("Wechatpay-Signature") }, all, "reply-unsigned", true, "other Wechatpay- headers"},
		"no timestamp":         {func(h http.Header) { h.Del("Wechatpay-Timestamp") }, all, "reply-header-changed", true, "missing"},
		"no serial":            {func(h http.Header) { h.Del("Wechatpay-Serial") }, all, "reply-header-changed", true, publicKeyID},
		"probe":                {edit("Wechatpay-Signature", func(s string) string { return "WECHATPAY/SIGNTEST/" + s }), all, "reply-probe", true, ""},
		"SM2":                  {set("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"), all, "reply-other", true, "SM2"},
		"certificate only":     {nil, only(all, 1), "reply-key-kind", true, "other kind"},
		"interchanged names":   {signed(byCertificate, message), all, "reply-key-kind", true, certificateSerial},
		"merchant's own":       {nil, mine, "reply-merchant-certificate", true, ""},
		"merchant's, renamed":  {nil, wrongly, "reply-merchant-certificate", true, ""},
		"another public key":   {set("Wechatpay-Serial", publicKeyID+"9"), all, "reply-serial-unknown", true, publicKeyID},
		"another name":         {nil, labelled, "reply-key-kind", true, "pub_key"},
		"unknown key":          {signed(byOther, message), only(all, 0), "reply-other", true, "1900000002"},
		"merchant's signature": {signed(byMerchant, message), all, "reply-other", true, "merchant's own key"},
		"cut signature":        {edit("Wechatpay-Signature", func(s string) string { return s[:320] }), all, "reply-base64", true, "240 bytes"},
		"URL base64": {
			edit("Wechatpay-Signature", strings.NewReplacer("+", "-", "/", "_", "=", "").Replace), all, "reply-base64", true, "URL",
		},
		"plus as space":     {edit("Wechatpay-Signature", func(s string) string { return strings.ReplaceAll(s, "+", " ") }), all, "reply-base64", true, "space"},
		"not base64":        {set("Wechatpay-Signature", "%%%"), all, "reply-base64", true, ""},
		"milliseconds":      {set("Wechatpay-Timestamp", someTimestamp+"000"), all, "reply-header-changed", true, someTimestamp},
		"later":             {set("Wechatpay-Timestamp", "1795912248"), all, "reply-header-changed", true, someTimestamp},
		"date":              {set("Wechatpay-Timestamp", "2026-11-29T08:30:01+08:00"), all, "reply-header-changed", true, someTimestamp},
		"nonce in capitals": {edit("Wechatpay-Nonce", strings.ToUpper), all, "reply-header-changed", true, someNonce},
		"nonce as a UUID":   {set("Wechatpay-Nonce", "5d2b6c2a-8db5-3831-f7ed-a20af46e531c"), all, "reply-header-changed", true, someNonce},
		"nonce twice":       {func(h http.Header) { h.Add("Wechatpay-Nonce", "x") }, all, "reply-header-changed", true, "2 times"},
		"nonces joined":     {edit("Wechatpay-Nonce", func(s string) string { return s + ", x" }), all, "reply-header-changed", true, someNonce},
		"another nonce":     {set("Wechatpay-Nonce", strings.Repeat("0", 32)), all, "reply-header-changed", false, ""},
		"another type":      {set("Wechatpay-Signature-Type", "RSA"), all, "reply-header-changed", true, "RSA"},
		"no last line feed": {signed(byPublicKey, message[:len(message)-1]), all, "reply-other", true, "last line feed"},
		"two headers": {func(h http.Header) {
			h.Set("Wechatpay-Timestamp", someTimestamp+"000")
			h.Set("Wechatpay-Nonce", strings.ToUpper(someNonce))
		}, all, "reply-header-changed", true, someTimestamp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := signedHeader(t, someBody)
			if test.change != nil {
				test.change(header)
			}
			d := diagnosis.Reply(diagnosis.Response{Status: http.StatusOK, Header: header, Body: []byte(someBody)}, test.keys)
			wantFirst(t, d, test.id, test.certain)
			if len(d.Findings) > 0 && !strings.Contains(d.Findings[0].Detail.EN, test.detail) {
				t.Errorf("got %q, want %q in it", d.Findings[0].Detail.EN, test.detail)
			}
		})
	}
}

// TestReplyBodies verifies bodies that were changed after WeChat Pay signed them.
func TestReplyBodies(t *testing.T) {
	t.Parallel()
	sorted := `{"amount":{"currency":"CNY","payer_currency":"CNY","payer_total":100,"total":100},"appid":"wx1234567890abcdef",` +
		`"attach":"a/b&c","bank_type":"OTHERS","mchid":"1900000001","out_trade_no":"EMU20261129000001",` +
		`"payer":{"openid":"oEMU00000000000000000000001a"},"success_time":"2026-11-29T08:30:00+08:00","trade_state":"SUCCESS",` +
		`"trade_state_desc":"支付成功","trade_type":"JSAPI","transaction_id":"4200009999202611290000000001"}`
	for name, test := range map[string]struct {
		signed, received string
		detail           string
	}{
		"a line feed more":    {someBody, someBody + "\n", "end of the body"},
		"a line feed less":    {someBody + "\n", someBody, "taken away"},
		"204 as null":         {"", "null", "204"},
		"204 as an object":    {"", "{}", "204"},
		"keys sorted":         {someBody, sorted, "another order"},
		"keys no more sorted": {sorted, someBody, "another order"},
		"Python": {
			someBody, strings.NewReplacer(`","`, `", "`, `":"`, `": "`, `":{`, `": {`, `},"`, `}, "`, `":1`, `": 1`, `0,"`, `0, "`,
				"支付成功", `\u652f\u4ed8\u6210\u529f`).Replace(someBody), "compact",
		},
		"PHP":          {someBody, strings.NewReplacer("/", `\/`, "支付成功", `\u652f\u4ed8\u6210\u529f`).Replace(someBody), "as they are"},
		"Go":           {someBody, strings.ReplaceAll(someBody, "&", `\u0026`), "as they are"},
		"JavaScript":   {strings.NewReplacer("支付成功", `\u652f\u4ed8\u6210\u529f`).Replace(someBody), someBody, `\u`},
		"empty fields": {someBody, strings.Replace(someBody, `"payer":`, `"scene_info":null,"payer":`, 1), "empty members"},
		"floats":       {someBody, strings.ReplaceAll(someBody, "100", "100.0"), "1.0 as 1"},
		"ISO-8859-1":   {someBody, latin1(someBody), "ISO-8859-1"},
		"BOM":          {someBody, "\ufeff" + someBody, "byte order mark"},
		"base64":       {someBody, base64.StdEncoding.EncodeToString([]byte(someBody)), "base64"},
		"JSON in JSON": {`{"code_url":"weixin://1"}`, `"{\"code_url\":\"weixin://1\"}"`, "JSON string"},
		"HTML":         {`{"code_url":"weixin://1"}`, `{&quot;code_url&quot;:&quot;weixin://1&quot;}`, "HTML"},
		"a key moved":  {`{"b":1,"x":2,"a":3}`, `{"a":3,"b":1,"x":2}`, "another order"},
		"gzip":         {someBody, zipped(t, someBody), "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := diagnosis.Reply(diagnosis.Response{
				Status: http.StatusOK, Header: signedHeader(t, test.signed), Body: []byte(test.received),
			}, world())
			wantFirst(t, d, "reply-body-parsed", true)
			if want := someTimestamp + "\n" + someNonce + "\n" + test.signed + "\n"; d.Signed != want {
				t.Errorf("signed is %q, want %q", d.Signed, want)
			}
			if len(d.Findings) > 0 && !strings.Contains(d.Findings[0].Detail.EN, test.detail) {
				t.Errorf("got %q, want %q in it", d.Findings[0].Detail.EN, test.detail)
			}
		})
	}
}

// TestReplyCannotBeKnown: a body of which nothing is left that could be signed makes candidates.
func TestReplyCannotBeKnown(t *testing.T) {
	t.Parallel()
	reply := diagnosis.Response{Status: http.StatusOK, Header: signedHeader(t, someBody), Body: []byte(`{"trade_state": "SUCCESS"}`)}
	wantFirst(t, diagnosis.Reply(reply, world()), "reply-body-parsed", false)
	reply.Body = []byte(strings.Replace(someBody, "SUCCESS", "CLOSED", 1))
	wantFirst(t, diagnosis.Reply(reply, world()), "reply-header-changed", false)
}

func TestUnsignedRefusal(t *testing.T) {
	t.Parallel()
	d := diagnosis.Reply(diagnosis.Response{
		Status: http.StatusUnauthorized, Header: http.Header{}, Body: []byte(`{"code":"SIGN_ERROR","message":"签名错误"}`),
	}, world())
	wantFirst(t, d, "reply-unsigned", true)
	if got := d.Findings[0].Detail.EN; !strings.Contains(got, "look at the request") {
		t.Errorf("got %q, want it to point at the request", got)
	}
	if len(d.Findings) < 2 || d.Findings[1].Certain || !strings.HasPrefix(string(d.Findings[1].ID), "v3-") {
		t.Errorf("got %+v, want causes of the request as candidates", d.Findings)
	}
	d = diagnosis.Reply(diagnosis.Response{
		Status: http.StatusOK, Header: http.Header{}, Body: []byte(`{"code":"SIGN_ERROR","message":"签名错误"}`),
	}, world())
	if len(d.Findings) != 1 {
		t.Errorf("of a success: got %+v, want one finding", d.Findings)
	}
}

// TestCertificates decrypts the list of certificates.
func TestCertificates(t *testing.T) {
	t.Parallel()
	body := `{"data":[{"serial_no":"A1","effective_time":"2026-01-01T00:00:00+08:00","expire_time":"2031-01-01T00:00:00+08:00",` +
		`"encrypt_certificate":{"algorithm":"AEAD_AES_256_GCM","nonce":"EmuNonce0001","associated_data":"certificate","ciphertext":"` +
		seal(t, exampleV3Key, "EmuNonce0001", "certificate", "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n") + `"}}]}`
	reply := diagnosis.Response{Status: http.StatusOK, Header: signedHeader(t, body), Body: []byte(body)}
	keys := world()
	if d := diagnosis.Reply(reply, keys); !d.Fine {
		t.Errorf("got %+v, want a list that is fine", d)
	}
	keys.V3Key = "0123456789abcdefGHIJKLMNOPQRSTUW"
	wantFirst(t, diagnosis.Reply(reply, keys), "notice-v3-key", true)
	keys.V3Key = ""
	wantFirst(t, diagnosis.Reply(reply, keys), "notice-v3-key", false)
}

// latin1 reads a text one byte a character.
func latin1(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		out.WriteRune(rune(c))
	}
	return out.String()
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
