package diagnosis_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/cause"
	"cloudpay/internal/diagnosis"
)

// pair is an element of a document of these tests.
type pair struct{ name, value string }

// somePairs is a query's reply in APIv2.
func somePairs() []pair {
	return []pair{
		{"return_code", "SUCCESS"}, {"return_msg", "OK"}, {"result_code", "SUCCESS"}, {"appid", "wx1234567890abcdef"},
		{"mch_id", "1900000001"}, {"nonce_str", "5d2b6c2a8db53831f7eda20af46e531c"}, {"device_info", ""},
		{"out_trade_no", "EMU20261129000001"}, {"trade_state", "NOTPAY"}, {"trade_state_desc", "订单未支付 & 等待"}, {"total_fee", "100"},
	}
}

// textV2 is what APIv2 signs, by the test's own words.
func textV2(pairs []pair, key string) string {
	pairs = slices.DeleteFunc(slices.Clone(pairs), func(p pair) bool { return p.value == "" || p.name == "sign" })
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	var out strings.Builder
	for _, p := range pairs {
		out.WriteString(p.name + "=" + p.value + "&")
	}
	return out.String() + "key=" + key
}

func signMD5(pairs []pair, key string) string {
	sum := md5.Sum([]byte(textV2(pairs, key)))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func signHMAC(pairs []pair, key string) string {
	sum := hmac.New(sha256.New, []byte(key))
	sum.Write([]byte(textV2(pairs, key)))
	return strings.ToUpper(hex.EncodeToString(sum.Sum(nil)))
}

// documentV2 writes a document, with sign at its end.
func documentV2(pairs []pair, sign string) []byte {
	var out strings.Builder
	out.WriteString("<xml>\n")
	for _, p := range append(slices.Clone(pairs), pair{"sign", sign}) {
		if p.name != "sign" || p.value != "" {
			out.WriteString("<" + p.name + "><![CDATA[" + p.value + "]]></" + p.name + ">\n")
		}
	}
	return []byte(out.String() + "</xml>")
}

func TestExampleNotificationV2(t *testing.T) {
	t.Parallel()
	document := received(t, "notification_v2.xml")
	keys := diagnosis.Keys{MchID: "1900000001", V2Key: exampleV2Key}
	for name, d := range map[string]diagnosis.Diagnosis{
		"ReplyV2":      diagnosis.ReplyV2(document, keys),
		"Notification": diagnosis.Notification(diagnosis.Request{Body: document}, keys),
		"Reply":        diagnosis.Reply(diagnosis.Response{Status: 200, Body: document}, keys),
	} {
		if !d.Fine || len(d.Findings) > 0 || strings.Contains(d.Expected, exampleV2Key) || !strings.HasSuffix(d.Expected, "&key=<redacted>") {
			t.Errorf("%s: got %+v, want a document that is fine, without its key", name, d)
		}
	}
	for i := 0; i < len(document); i += diagnosis.Stride() {
		for _, bit := range []byte{0x01, 0x20} {
			broken := slices.Clone(document)
			broken[i] ^= bit
			refused(t, diagnosis.ReplyV2(broken, keys), "byte %d (%#x)", i, bit)
		}
	}
	keys.V2Key = ""
	wantFirst(t, diagnosis.ReplyV2(document, keys), "reply-v2-key", false)
}

// TestPublishedV2 takes the published vector for a document (doc v2 chapter 4_3), and changes each
// byte of it.
func TestPublishedV2(t *testing.T) {
	t.Parallel()
	keys := diagnosis.Keys{MchID: "10000100", V2Key: "192006250b4c09247ec02edce69f6a2d"}
	pairs := []pair{
		{"appid", "wxd930ea5d5a258f4f"}, {"mch_id", "10000100"}, {"device_info", "1000"}, {"body", "test"},
		{"nonce_str", "ibuaiVcKdpRxkhJA"},
	}
	for _, sign := range []string{
		"9A0A8659F005D6984697E2CA0A9CF3B7", "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6",
	} {
		document := documentV2(pairs, sign)
		if d := diagnosis.ReplyV2(document, keys); !d.Fine {
			t.Errorf("got %+v, want a document that is fine", d)
		}
		for i := range document {
			broken := slices.Clone(document)
			broken[i] ^= 1
			refused(t, diagnosis.ReplyV2(broken, keys), "byte %d", i)
		}
	}
}

// TestRefusedV2: what an unsigned refusal complains about is a candidate, of APIv2 alone.
func TestRefusedV2(t *testing.T) {
	t.Parallel()
	d := diagnosis.ReplyV2([]byte("<xml><return_code>FAIL</return_code><return_msg>签名错误</return_msg></xml>"), world())
	if len(d.Findings) < 2 {
		t.Fatalf("got %+v, want candidates", d.Findings)
	}
	for _, f := range d.Findings[1:] {
		if f.Certain || !strings.HasPrefix(string(f.ID), "v2-") {
			t.Errorf("got %+v, want candidates of APIv2", f)
		}
	}
}

func TestReplyV2(t *testing.T) {
	t.Parallel()
	const key = exampleV2Key
	pairs := somePairs()
	with := func(name, value string) []pair { return append(somePairs(), pair{name, value}) }
	without := func(name string) []pair {
		return slices.DeleteFunc(somePairs(), func(p pair) bool { return p.name == name })
	}
	edited := func(edit func(string) string) []pair {
		pairs := somePairs()
		for i := range pairs {
			if pairs[i].value != "" {
				pairs[i].value = edit(pairs[i].value)
			}
		}
		return pairs
	}
	emptySigned := strings.Replace(textV2(pairs, key), "mch_id", "device_info=&mch_id", 1)
	emptySum := md5.Sum([]byte(emptySigned))
	plainSum := sha256.Sum256([]byte(textV2(pairs, key)))
	for name, test := range map[string]struct {
		document []byte
		id       cause.ID
		certain  bool
		detail   string
	}{
		"the APIv3 key":     {documentV2(pairs, signMD5(pairs, exampleV3Key)), "reply-v2-key", true, "interchanged"},
		"another merchant":  {documentV2(pairs, signHMAC(pairs, "anotherV2key0123456789abcdefABCD")), "reply-v2-key", true, "1900000002"},
		"unknown key":       {documentV2(pairs, signMD5(pairs, "unknownV2key0123456789abcdefABCD")), "reply-v2-key", false, ""},
		"MD5 for HMAC":      {documentV2(with("sign_type", "HMAC-SHA256"), signMD5(with("sign_type", "HMAC-SHA256"), key)), "reply-v2-sign-type", true, "MD5"},
		"HMAC for MD5":      {documentV2(with("sign_type", "MD5"), signHMAC(with("sign_type", "MD5"), key)), "reply-v2-sign-type", true, "HMAC"},
		"plain SHA-256":     {documentV2(pairs, strings.ToUpper(hex.EncodeToString(plainSum[:]))), "reply-v2-sign-type", true, "plain"},
		"empty signed":      {documentV2(pairs, strings.ToUpper(hex.EncodeToString(emptySum[:]))), "reply-v2-empty", true, "empty"},
		"element added":     {documentV2(with("coupon_fee", "0"), signMD5(pairs, key)), "reply-v2-empty", true, "coupon_fee"},
		"two added":         {documentV2(append(with("coupon_fee", "0"), pair{"coupon_count", "0"}), signMD5(pairs, key)), "reply-v2-empty", true, "value 0"},
		"element lost":      {documentV2(without("return_msg"), signMD5(pairs, key)), "reply-v2-empty", true, "return_msg"},
		"small letters":     {documentV2(pairs, strings.ToLower(signMD5(pairs, key))), "v2-small-letters", true, ""},
		"CDATA signed":      {documentV2(pairs, signMD5(edited(func(s string) string { return "<![CDATA[" + s + "]]>" }), key)), "v2-cdata", true, ""},
		"white space added": {documentV2(edited(func(s string) string { return "\n " + s + "\n" }), signMD5(pairs, key)), "reply-body-parsed", true, "white space"},
		"escaped twice":     {documentV2(edited(func(s string) string { return strings.ReplaceAll(s, "&", "&amp;") }), signMD5(pairs, key)), "reply-body-parsed", true, "escaped"},
		"ISO-8859-1":        {documentV2(edited(latin1), signMD5(pairs, key)), "reply-body-parsed", true, "ISO-8859-1"},
		"short sign":        {documentV2(pairs, signMD5(pairs, key)[:30]), "reply-other", true, "30 characters"},
		"no sign":           {documentV2(pairs, ""), "reply-unsigned", true, "SUCCESS must have"},
		"refused sign": {
			[]byte("<xml><return_code><![CDATA[FAIL]]></return_code>\n<return_msg><![CDATA[签名错误]]></return_msg>\n</xml>"),
			"reply-unsigned", true, "not accepted",
		},
		"refused": {[]byte("<xml><return_code>FAIL</return_code><return_msg>频率限制</return_msg></xml>"), "reply-unsigned", true, "hint"},
		"HTML":    {[]byte("<html><body>502 Bad Gateway</body></html>"), "reply-unsigned", true, "no document"},
		"twice":   {documentV2(with("attach", "a"), signMD5(with("attach", "a"), key))[:0], "reply-unsigned", true, "no document"},
		"element twice": {
			[]byte(strings.Replace(string(documentV2(pairs, signMD5(pairs, key))), "<xml>", "<xml><appid>wx</appid>", 1)), "reply-unsigned", true, "twice",
		},
		"two readings": {
			documentV2(with("attach", "a&bank_type=X"), signMD5(with("attach", "a&bank_type=X"), key)), "reply-other", true, "bank_type",
		},
		"key and digits": {documentV2(pairs, strings.ToLower(signMD5(pairs, exampleV3Key))), "reply-v2-key", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := diagnosis.ReplyV2(test.document, world())
			wantFirst(t, d, test.id, test.certain)
			if len(d.Findings) > 0 && !strings.Contains(d.Findings[0].Detail.EN, test.detail) {
				t.Errorf("got %q, want %q in it", d.Findings[0].Detail.EN, test.detail)
			}
			for _, text := range []string{d.Expected, d.Signed} {
				if strings.Contains(text, "V2key") || strings.Contains(text, exampleV3Key) {
					t.Errorf("a key is shown: %q", text)
				}
			}
		})
	}
	for _, sign := range []string{signMD5(pairs, key), signHMAC(pairs, key)} {
		if d := diagnosis.ReplyV2(documentV2(pairs, sign), world()); !d.Fine {
			t.Errorf("got %+v, want a reply that is fine", d)
		}
	}
}
