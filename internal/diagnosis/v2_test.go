package diagnosis_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"cloudpay/internal/diagnosis"
)

// publishedKey is the APIv2 key of the published vectors (pay.weixin.qq.com doc v2 chapter 4_3).
const publishedKey = "192006250b4c09247ec02edce69f6a2d"

// published is the document of the vectors, in another order than it is signed.
const published = `<xml><mch_id>10000100</mch_id><device_info>1000</device_info><body>test</body><appid>wxd930ea5d5a258f4f</appid>` +
	`<nonce_str>ibuaiVcKdpRxkhJA</nonce_str><sign>%s</sign></xml>`

func md5Of(text string) string { return fmt.Sprintf("%X", md5.Sum([]byte(text))) }

func hmacOf(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return fmt.Sprintf("%X", mac.Sum(nil))
}

func keysV2() diagnosis.Keys {
	return diagnosis.Keys{
		MchID: "10000100", V2Key: publishedKey, V3Key: testV3Key,
		Others: []diagnosis.Merchant{{MchID: "10000200", V2Key: "wvutsrqponmlkjihgfedcbazyxwvutsr"}},
	}
}

// TestV2Published: the published vector is fine, and no other byte in its sign is.
func TestV2Published(t *testing.T) {
	t.Parallel()
	const sign = "9A0A8659F005D6984697E2CA0A9CF3B7"
	if got := diagnosis.V2(fmt.Appendf(nil, published, sign), keysV2()); !got.Fine || len(got.Findings) > 0 {
		t.Errorf("got %+v, want fine", got)
	}
	for i := range sign {
		broken := sign[:i] + "X" + sign[i+1:]
		if got := diagnosis.V2(fmt.Appendf(nil, published, broken), keysV2()); got.Fine || got.Findings[0].ID != "v2-other" {
			t.Errorf("with byte %d changed: got %q (fine %t), want v2-other", i, ids(got), got.Fine)
		}
	}
	const hmacSign = "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6" // without sign_type in the document
	if got := ids(diagnosis.V2(fmt.Appendf(nil, published, hmacSign), keysV2())); got != "v2-hmac-for-md5" {
		t.Errorf("the published HMAC: got %q, want v2-hmac-for-md5", got)
	}
}

// TestV2 is one document for each mistake.
func TestV2(t *testing.T) {
	t.Parallel()
	const text = "appid=wx1&attach=茶 |&body=a&b&device_info=&fee=&mch_id=10000100&out_trade_no=A1&total_fee=100"
	const document = `<xml><appid>wx1</appid><mch_id>10000100</mch_id><attach><![CDATA[茶 |]]></attach><body>a&amp;b</body>` +
		`<device_info></device_info><fee/><out_trade_no><![CDATA[A1]]></out_trade_no><total_fee>100</total_fee><sign>%s</sign></xml>`
	right := strings.NewReplacer("device_info=&", "", "fee=&m", "m").Replace(text)
	end := "&key=" + publishedKey
	replaced := func(pairs ...string) string { return md5Of(strings.NewReplacer(pairs...).Replace(right) + end) }
	for name, test := range map[string]struct{ sign, want string }{
		"APIv3 key":         {md5Of(right + "&key=" + testV3Key), "v2-key-v3"},
		"stranger's":        {md5Of(right + "&key=wvutsrqponmlkjihgfedcbazyxwvutsr"), "v2-key-merchant"},
		"capitals":          {md5Of(right + "&key=" + strings.ToUpper(publishedKey)), "v2-key-case"},
		"blank":             {md5Of(right + end + "\n"), "v2-key-blank"},
		"no key":            {md5Of(right), "v2-key-unsigned"},
		"joint":             {md5Of(right + "&KEY=" + publishedKey), "v2-key-name"},
		"HMAC":              {hmacOf(publishedKey, right+end), "v2-hmac-for-md5"},
		"HMAC, not sent":    {hmacOf(publishedKey, strings.Replace(right, "&total", "&sign_type=HMAC-SHA256&total", 1)+end), "v2-sign-type-unsent"},
		"small":             {strings.ToLower(md5Of(right + end)), "v2-small-letters"},
		"SHA-256":           {fmt.Sprintf("%X", sha256.Sum256([]byte(right+end))), "v2-sha256"},
		"empty":             {md5Of(text + end), "v2-empty-values"},
		"null":              {md5Of(strings.NewReplacer("device_info=", "device_info=null", "&fee=", "&fee=null").Replace(text) + end), "v2-empty-values"},
		"unsigned":          {replaced("&out_trade_no=A1", ""), "v2-element-unsigned"},
		"sign signed":       {replaced("&total", "&sign=&total"), "v2-sign-signed"},
		"URL-encoded":       {replaced("茶 |", "%E8%8C%B6+%7C", "a&b", "a%26b"), "v2-escaped"},
		"PHP's escapes":     {replaced("茶 |", "%E8%8C%B6%20%7C", "a&b", "a%26b"), "v2-escaped"},
		"XML escapes":       {replaced("a&b", "a&amp;b"), "v2-escaped"},
		"CDATA of two":      {replaced("茶 |", "<![CDATA[茶 |]]>", "=A1", "=<![CDATA[A1]]>", "a&b", "a&amp;b"), "v2-cdata"},
		"CDATA of one":      {replaced("茶 |", "<![CDATA[茶 |]]>"), "v2-cdata"},
		"trailing space":    {replaced("=A1", "=A1 "), "v2-trimmed"},
		"float":             {replaced("=100&", "=100.0&", "total_fee=100", "total_fee=100.00"), "v2-numbers"},
		"yuan":              {replaced("total_fee=100", "total_fee=1.00"), "v2-numbers"},
		"ASCII":             {replaced("茶", "?"), "v2-charset"},
		"unsorted":          {md5Of("appid=wx1&mch_id=10000100&attach=茶 |&body=a&b&out_trade_no=A1&total_fee=100" + end), "v2-order"},
		"two":               {strings.ToLower(md5Of(right + "&key=" + testV3Key)), "v2-key-v3 v2-small-letters"},
		"length":            {"ABC", "v2-length"},
		"missing":           {"", "v2-sign-missing"},
		"a changed value":   {replaced("=A1", "=A2"), "v2-other v2-key-merchant? v2-element-unsigned? v2-charset?"},
		"right, then right": {md5Of(right + end), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := diagnosis.V2(fmt.Appendf(nil, document, test.sign), keysV2())
			if ids(got) != test.want || got.Fine != (test.want == "") {
				t.Errorf("got %q (fine %t), want %q", ids(got), got.Fine, test.want)
			}
			if want := right + "&key=<redacted>"; got.Expected != want {
				t.Errorf("expected text is %q, want %q", got.Expected, want)
			}
			for _, secret := range []string{publishedKey, testV3Key} {
				if strings.Contains(fmt.Sprintf("%+v", got), secret) {
					t.Errorf("the diagnosis shows a key: %+v", got)
				}
			}
		})
	}
}

// TestV2Documents: what is no APIv2 document is never fine.
func TestV2Documents(t *testing.T) {
	t.Parallel()
	right := fmt.Sprintf(published, "9A0A8659F005D6984697E2CA0A9CF3B7")
	for name, document := range map[string]string{
		"empty": "", "another root": strings.ReplaceAll(right, "xml>", "html>"), "nested": strings.Replace(right, ">test<", "><b>test</b><", 1),
		"twice": strings.Replace(right, "<body>", "<body>x</body><body>", 1), "cut": right[:len(right)-6],
		"DOCTYPE": `<!DOCTYPE xml [<!ENTITY a "b">]>` + right, "text": strings.Replace(right, "<xml>", "<xml>text", 1), "more": right + "<xml/>",
		"instruction": strings.Replace(right, ">test<", "><?a b?>test<", 1), "no UTF-8": strings.Replace(right, "test", "\xff", 1),
	} {
		if got := diagnosis.V2([]byte(document), keysV2()); ids(got) != "v2-document" || got.Fine {
			t.Errorf("%s: got %q (fine %t), want v2-document", name, ids(got), got.Fine)
		}
	}
	keys := keysV2()
	keys.V2Key = ""
	if got := diagnosis.V2([]byte(right), keys); got.Fine || ids(got) != "v2-other? v2-key-merchant? v2-element-unsigned?" {
		t.Errorf("without the key: got %q (fine %t), want candidates", ids(got), got.Fine)
	}
}
