package diagnosis_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/cause"
	"cloudpay/internal/diagnosis"
)

// The worked examples of notifications: their keys protect nothing; the texts were computed in
// Python (cryptography 48), and verified with openssl.
const (
	exampleV3Key     = "0123456789abcdefGHIJKLMNOPQRSTUV"
	exampleV2Key     = "cloudpayV2key0123456789abcdefABC"
	exampleNonce     = "EmuNonce0001"
	exampleSerial    = "PUB_KEY_ID_0119000000012026112900000000000001"
	exampleSignature = "m0kS0AWvXTCjeSCqeTk2+ZLVAFl4al9oUJRRxhVJg0IJZ1EBYfBfAwygAxVnygX2/DNolGyXcmSjpXnI8pp7vQ9grEEcjJfq0JzUgHf7WrkJC+j8GVFIh" +
		"Mp07ykBwNgiYZ6Rj9HpPrAAGDUbeSNPu7Q7jKnC1Qa4QsaZOxEyLK7b7/PZRsIAdD7HpnEEp4sfjdS7rOKcgZt9yawdjgA08k1wiiYKip1CJ+UdEukRYuAZL97teM2J6/B" +
		"rgUBzQkNzYGSbjS/l2CX3CyCkNwz9w0BYKpC7dKb3C9AZ6oWVgJyZUGEGF6uKX9M31No1W1f659b0vWREnKynujru7bneDg=="
)

// received reads a file of testdata/received.
func received(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/received/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func exampleNotification(t testing.TB) (diagnosis.Request, diagnosis.Keys) {
	t.Helper()
	header := http.Header{}
	header.Set("Wechatpay-Timestamp", "1795912201")
	header.Set("Wechatpay-Nonce", "0f1e2d3c4b5a69788796a5b4c3d2e1f0")
	header.Set("Wechatpay-Signature", exampleSignature)
	header.Set("Wechatpay-Serial", exampleSerial)
	return diagnosis.Request{Method: http.MethodPost, URI: "/notify", Header: header, Body: received(t, "notification_v3.json")},
		diagnosis.Keys{
			MchID: "1900000001", V3Key: exampleV3Key, V2Key: exampleV2Key,
			Platform: []diagnosis.PlatformKey{{Serial: exampleSerial, Key: publicKey(t, "notification_v3.pem")}},
		}
}

func TestExampleNotification(t *testing.T) {
	t.Parallel()
	notice, keys := exampleNotification(t)
	if d := diagnosis.Notification(notice, keys); !d.Fine || len(d.Findings) > 0 {
		t.Errorf("got %+v, want a notification that is fine", d)
	}
	for name, without := range map[string]func(*diagnosis.Keys){
		"reply-serial-unknown": func(k *diagnosis.Keys) { k.Platform = nil },
		"notice-v3-key":        func(k *diagnosis.Keys) { k.V3Key = "" },
	} {
		fewer := keys
		without(&fewer)
		wantFirst(t, diagnosis.Notification(notice, fewer), cause.ID(name), false)
	}
}

// TestEveryByteOfNotification changes each byte of the example.
func TestEveryByteOfNotification(t *testing.T) {
	t.Parallel()
	notice, keys := exampleNotification(t)
	for i := 0; i < len(notice.Body); i += diagnosis.Stride() {
		broken := notice
		broken.Body = slices.Clone(notice.Body)
		broken.Body[i] ^= 1
		refused(t, diagnosis.Notification(broken, keys), "byte %d", i)
	}
	for name, values := range notice.Header {
		for i := 0; i < len(values[0]); i += diagnosis.Stride() {
			text := []byte(values[0])
			text[i] ^= 1
			broken := notice
			broken.Header = notice.Header.Clone()
			broken.Header.Set(name, string(text))
			refused(t, diagnosis.Notification(broken, keys), "byte %d of %s", i, name)
		}
	}
}

// seal encrypts as WeChat Pay does, in Go's standard library.
func seal(t testing.TB, key, nonce, associatedData, plain string) string {
	t.Helper()
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(aead.Seal(nil, []byte(nonce), []byte(plain), []byte(associatedData)))
}

// content is what the notifications of these tests hold.
const content = `{"mchid":"1900000001","appid":"wx1234567890abcdef","out_trade_no":"EMU20261129000001","trade_state":"SUCCESS"}`

// notice is a notification with one resource, signed by the public key.
func notice(t testing.TB, ciphertext, associatedData, nonce string) diagnosis.Request {
	t.Helper()
	body := `{"id":"EV-1","create_time":"2026-11-29T08:30:01+08:00","resource_type":"encrypt-resource",` +
		`"event_type":"TRANSACTION.SUCCESS","summary":"支付成功","resource":{"original_type":"transaction",` +
		`"algorithm":"AEAD_AES_256_GCM","ciphertext":"` + ciphertext + `","associated_data":"` + associatedData + `","nonce":"` + nonce + `"}}`
	return diagnosis.Request{Method: http.MethodPost, URI: "/notify", Header: signedHeader(t, body), Body: []byte(body)}
}

// TestResources decrypts resources in which one thing is wrong, under a signature that holds: as an
// emulator or a test makes them.
func TestResources(t *testing.T) {
	t.Parallel()
	const key, nonce = exampleV3Key, exampleNonce
	right := seal(t, key, nonce, "transaction", content)
	raw, err := base64.StdEncoding.DecodeString(right)
	if err != nil {
		t.Fatal(err)
	}
	given := func(key string) diagnosis.Keys {
		keys := world()
		keys.V3Key = key
		return keys
	}
	for name, test := range map[string]struct {
		ciphertext, associatedData, nonce string
		keys                              diagnosis.Keys
		id                                cause.ID
		detail                            string
	}{
		"associated data":          {right, "certificate", nonce, world(), "notice-associated-data", `data "transaction"`},
		"no associated data":       {right, "", nonce, world(), "notice-associated-data", `data "transaction"`},
		"empty associated data":    {seal(t, key, nonce, "", content), "transaction", nonce, world(), "notice-associated-data", `data ""`},
		"unknown key":              {seal(t, "unknownV3key0123456789abcdefABCD", nonce, "transaction", content), "transaction", nonce, world(), "notice-v3-key", "signature holds"},
		"another merchant's key":   {seal(t, "anotherV3key0123456789abcdefABCD", nonce, "transaction", content), "transaction", nonce, world(), "notice-v3-key", "1900000002"},
		"the APIv2 key":            {seal(t, exampleV2Key, nonce, "transaction", content), "transaction", nonce, world(), "notice-v3-key", "interchanged"},
		"key with a line feed":     {right, "transaction", nonce, given(key + "\n"), "notice-v3-key", "white space"},
		"key in base64":            {right, "transaction", nonce, given(base64.StdEncoding.EncodeToString([]byte(key))), "notice-v3-key", "base64"},
		"key in hexadecimal":       {right, "transaction", nonce, given(hex.EncodeToString([]byte(key))), "notice-v3-key", "hexadecimal"},
		"short key":                {right, "transaction", nonce, given(key[:31]), "notice-v3-key", "32 characters"},
		"the header's nonce":       {seal(t, key, someNonce, "transaction", content), "transaction", nonce, world(), "notice-nonce", someNonce},
		"its beginning":            {seal(t, key, someNonce[:12], "transaction", content), "transaction", nonce, world(), "notice-nonce", someNonce[:12]},
		"another nonce":            {right, "transaction", "EmuNonce0009", world(), "notice-nonce", nonce},
		"nonce in base64":          {right, "transaction", base64.StdEncoding.EncodeToString([]byte(nonce)), world(), "notice-nonce", nonce},
		"hexadecimal ciphertext":   {hex.EncodeToString(raw), "transaction", nonce, world(), "notice-ciphertext", "hexadecimal"},
		"base64 for URLs":          {base64.RawURLEncoding.EncodeToString(raw), "transaction", nonce, world(), "notice-ciphertext", "URL"},
		"plus as space":            {strings.ReplaceAll(right, "+", " "), "transaction", nonce, world(), "notice-ciphertext", "space"},
		"cut":                      {right[:len(right)-24], "transaction", nonce, world(), "notice-ciphertext", "cut"},
		"cut within four":          {right[:len(right)-25], "transaction", nonce, world(), "notice-ciphertext", "cut"},
		"no base64":                {"!", "transaction", nonce, world(), "notice-ciphertext", "not base64"},
		"no ciphertext":            {"", "transaction", nonce, world(), "notice-ciphertext", "no resource"},
		"key and associated data":  {right, "", nonce, given(key + " "), "notice-v3-key", "white space"},
		"nonce without its blanks": {right, "transaction", " " + nonce, world(), "notice-nonce", nonce},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := diagnosis.Notification(notice(t, test.ciphertext, test.associatedData, test.nonce), test.keys)
			wantFirst(t, d, test.id, true)
			if len(d.Findings) > 0 && !strings.Contains(d.Findings[0].Detail.EN, test.detail) {
				t.Errorf("got %q, want %q in it", d.Findings[0].Detail.EN, test.detail)
			}
		})
	}
	if d := diagnosis.Notification(notice(t, right, "transaction", nonce), world()); !d.Fine {
		t.Errorf("got %+v, want a notification that is fine", d)
	}
}

// TestNotificationChanged changes a notification after it was signed. Where its resource tells what
// the member was, the signature holds over that.
func TestNotificationChanged(t *testing.T) {
	t.Parallel()
	right := notice(t, seal(t, exampleV3Key, exampleNonce, "transaction", content), "transaction", exampleNonce)
	edit := func(from, to string) diagnosis.Request {
		changed := right
		changed.Body = []byte(strings.Replace(string(right.Body), from, to, 1))
		if bytes.Equal(changed.Body, right.Body) {
			t.Errorf("%q is not in %s", from, right.Body)
		}
		return changed
	}
	for _, test := range []struct {
		name    string
		notice  diagnosis.Request
		id      cause.ID
		certain bool
		all     int
	}{
		{"associated data", edit(`"associated_data":"transaction"`, `"associated_data":""`), "notice-associated-data", true, 1},
		{"nonce", edit(`"nonce":"EmuNonce0001"`, `"nonce":"EmuNonce0002"`), "notice-nonce", true, 1},
		{"line feed", edit(`}}`, "}}\n"), "notice-body-parsed", true, 1},
		{"summary", edit(`支付成功`, `成功`), "notice-header-changed", false, 3},
	} {
		d := diagnosis.Notification(test.notice, world())
		wantFirst(t, d, test.id, test.certain)
		if len(d.Findings) != test.all {
			t.Errorf("%s: got %d findings, want %d: %+v", test.name, len(d.Findings), test.all, d.Findings)
		}
	}
	other := world()
	other.Platform = other.Platform[1:]
	wantFirst(t, diagnosis.Notification(right, other), "notice-key-kind", true)
	right.Header = http.Header{}
	wantFirst(t, diagnosis.Notification(right, world()), "reply-unsigned", true)
}

// refund is a refund's notification of APIv2 with an encrypted text.
func refund(info string) diagnosis.Request {
	return diagnosis.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(
		"<xml><return_code>SUCCESS</return_code><appid><![CDATA[wx1234567890abcdef]]></appid><mch_id>1900000001</mch_id>" +
			"<nonce_str>5d2b6c2a8db53831f7eda20af46e531c</nonce_str><req_info><![CDATA[" + info + "]]></req_info></xml>")}
}

func TestRefundV2(t *testing.T) {
	t.Parallel()
	info := string(received(t, "refund_v2.txt"))
	_, keys := exampleNotification(t)
	if d := diagnosis.Notification(refund(info), keys); d.Fine || len(d.Findings) > 0 {
		t.Errorf("got %+v, want no findings, and not fine: nothing is signed", d)
	}
	given := func(v2, v3 string) diagnosis.Keys {
		keys := keys
		keys.V2Key, keys.V3Key = v2, v3
		return keys
	}
	other := given("unknownV2key0123456789abcdefABCD", exampleV3Key)
	other.Others = []diagnosis.Merchant{{MchID: "1900000002", V2Key: exampleV2Key}}
	for name, test := range map[string]struct {
		info    string
		keys    diagnosis.Keys
		id      cause.ID
		certain bool
		detail  string
	}{
		"interchanged":   {info, given(exampleV3Key, exampleV2Key), "notice-v2-req-info", true, "interchanged"},
		"white space":    {info, given(exampleV2Key+"\n", exampleV3Key), "notice-v2-req-info", true, "white space"},
		"other merchant": {info, other, "notice-v2-req-info", true, "1900000002"},
		"unknown":        {info, given("unknownV2key0123456789abcdefABCD", ""), "notice-v2-req-info", false, "does not decrypt"},
		"no key":         {info, given("", ""), "notice-v2-req-info", false, "no APIv2 key"},
		"cut":            {info[:len(info)-64], keys, "notice-ciphertext", true, "cut"},
		"cut within":     {info[:len(info)-5], keys, "notice-ciphertext", true, "cut"},
		"spaces":         {strings.ReplaceAll(info, "+", " "), keys, "notice-ciphertext", true, "space"},
		"one letter":     {"Y" + info[1:], keys, "notice-ciphertext", true, "changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := diagnosis.Notification(refund(test.info), test.keys)
			wantFirst(t, d, test.id, test.certain)
			if len(d.Findings) > 0 && !strings.Contains(d.Findings[0].Detail.EN, test.detail) {
				t.Errorf("got %q, want %q in it", d.Findings[0].Detail.EN, test.detail)
			}
		})
	}
	for i := range info {
		broken := []byte(info)
		broken[i] ^= 1
		if d := diagnosis.Notification(refund(string(broken)), keys); d.Fine {
			t.Errorf("byte %d: got %+v, want it not fine", i, d)
		}
	}
}
