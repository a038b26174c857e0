package paygate_test

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"cloudpay/internal/cause"
	"cloudpay/pkg/paygate"
)

// twoMerchants is a session between whose merchants keys can be mixed up. Both have keys of their
// own.
func twoMerchants(t *testing.T) (s *session, other *paygate.Merchant) {
	t.Helper()
	first := paygate.RunT(t).Merchant
	other, err := paygate.NewMerchant("1900000002", "wxother")
	if err != nil {
		t.Fatal(err)
	}
	return start(t, paygate.Options{Merchants: []*paygate.Merchant{first, other}}), other
}

// joined signs elements as they stand, with no rule at all.
func joined(doc []pair, edit func(pair) string) string {
	var parts []string
	for _, p := range doc {
		if text := edit(p); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "&")
}

func plain(p pair) string {
	if p[1] == "" {
		return ""
	}
	return p[0] + "=" + p[1]
}

// TestDiagnoseV2: each likely mistake is named, with the string that should have been signed, and
// no key is shown.
func TestDiagnoseV2(t *testing.T) {
	t.Parallel()
	s, other := twoMerchants(t)
	m := s.Merchant
	s.order("a|b", func(o *paygate.Order) { o.MchID = m.MchID })
	sorted := func(doc []pair) []pair { // the documented names happen to be unsorted in the request
		return []pair{doc[0], doc[1], doc[3], doc[2]}
	}
	request := s.closeV2("a|b")
	for name, test := range map[string]struct {
		req  v2Request
		sign func(doc []pair, key string) string
		want string
	}{
		"APIv3 key":  {request, func(doc []pair, _ string) string { return signDocumented(doc, m.V3Key, "") }, "the APIv3 key was used"},
		"MD5":        {request.hmac(), func(doc []pair, key string) string { return signDocumented(doc, key, "MD5") }, "it is MD5 where sign_type asks for HMAC-SHA256"},
		"HMAC":       {request, func(doc []pair, key string) string { return signDocumented(doc, key, "HMAC-SHA256") }, "it is HMAC-SHA256 where sign_type asks for MD5"},
		"lower case": {request, func(doc []pair, key string) string { return strings.ToLower(signDocumented(doc, key, "")) }, "lower-case digits"},
		"empty values": {s.closeV2("a|b", pair{"z", ""}), func(doc []pair, key string) string {
			return md5Upper(strings.Replace(stringOf(doc, key), "&key=", "&z=&key=", 1))
		}, "empty values were signed"},
		"sign": {request, func(doc []pair, key string) string {
			return md5Upper(strings.Replace(stringOf(doc, key), "&key=", "&sign=&key=", 1))
		}, "sign was signed too"},
		"encoded": {request, func(doc []pair, key string) string {
			return md5Upper(joined(sorted(doc), func(p pair) string { return p[0] + "=" + url.QueryEscape(p[1]) }) + "&key=" + key)
		}, "values were URL-encoded"},
		"no key":   {request, func(doc []pair, _ string) string { return md5Upper(joined(sorted(doc), plain)) }, "&key= and the APIv2 key are missing"},
		"unsorted": {request, func(doc []pair, key string) string { return md5Upper(joined(doc, plain) + "&key=" + key) }, "not sorted by name"},
		"sign_type left out": {request.hmac(), func(doc []pair, key string) string {
			return signDocumented(doc[:len(doc)-1], key, "HMAC-SHA256")
		}, "sign_type was sent but not signed"},
		"sign_type not sent": {request, func(doc []pair, key string) string {
			return signDocumented(append([]pair{{"sign_type", "MD5"}}, doc...), key, "MD5")
		}, "sign_type was signed but not sent"},
		"sub_mch_id left out": {s.closeV2("a|b", pair{"sub_mch_id", subMchID}), func(doc []pair, key string) string {
			return signDocumented(doc[:len(doc)-1], key, "")
		}, "sub_mch_id was sent but not signed"},
		"another merchant":   {request, func(doc []pair, _ string) string { return signDocumented(doc, other.V2Key, "") }, "another merchant's APIv2 key was used, that of 1900000002"},
		"trailing space":     {request, func(doc []pair, key string) string { return signDocumented(doc, key+" ", "") }, "with a trailing space"},
		"trailing line feed": {request.hmac(), func(doc []pair, key string) string { return signDocumented(doc, key+"\n", "HMAC-SHA256") }, "with a trailing line feed"},
		"trailing CRLF":      {request, func(doc []pair, key string) string { return signDocumented(doc, key+"\r\n", "") }, "with a trailing carriage return and line feed"},
		"small key":          {request, func(doc []pair, key string) string { return signDocumented(doc, strings.ToLower(key), "") }, "in small letters"},
		"capital key":        {request, func(doc []pair, key string) string { return signDocumented(doc, strings.ToUpper(key), "") }, "used in capitals"},
		"key alone":          {request, func(doc []pair, key string) string { return md5Upper(joined(sorted(doc), plain) + key) }, `appended with "" before it`},
		"key after &":        {request, func(doc []pair, key string) string { return md5Upper(joined(sorted(doc), plain) + "&" + key) }, `appended with "&" before it`},
		"KEY":                {request, func(doc []pair, key string) string { return md5Upper(joined(sorted(doc), plain) + "&KEY=" + key) }, `appended with "&KEY=" before it`},
		"plain SHA-256": {request.hmac(), func(doc []pair, key string) string {
			return fmt.Sprintf("%X", sha256.Sum256([]byte(stringOf(doc, key))))
		}, "it is plain SHA-256, and sign_type asks for HMAC-SHA256"},
		"signed twice": {request, func(doc []pair, key string) string {
			return md5Upper(strings.Replace(stringOf(doc, key), "&key=", "&sign="+signDocumented(doc, key, "")+"&key=", 1))
		}, "sign was signed too, with its first value"},
		"null sign": {request, func(doc []pair, key string) string {
			return md5Upper(strings.Replace(stringOf(doc, key), "&key=", "&sign=null&key=", 1))
		}, "sign was signed too"},
		"encoded by JavaScript": {s.closeV2("a|*b"), func(doc []pair, key string) string {
			return md5Upper(strings.Replace(stringOf(doc, key), "a|*b", "a%7C*b", 1))
		}, "values were URL-encoded"},
		"encoded by Java": {s.closeV2("a|*b", pair{"device_info", "~ 1"}), func(doc []pair, key string) string {
			return md5Upper(strings.NewReplacer("a|*b", "a%7C*b", "~ 1", "%7E+1").Replace(stringOf(doc, key)))
		}, "values were URL-encoded"},
		"encoded by .NET": {request, func(doc []pair, key string) string {
			return md5Upper(strings.Replace(stringOf(doc, key), "a|b", "a%7cb", 1))
		}, "values were URL-encoded"},
		"two at once": {request, func(doc []pair, _ string) string { return strings.ToLower(signDocumented(doc, m.V3Key, "")) },
			"the APIv3 key was used where the APIv2 key belongs; and it is in lower-case"},
		"wrong length": {request, func([]pair, string) string { return "ABC" }, "the sign is 3 characters long"},
		"no idea":      {request, func([]pair, string) string { return strings.Repeat("0", 32) }, "no likely mistake makes it"},
		"no sign":      {request, func([]pair, string) string { return "" }, "there is no sign"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			test.req.sign = test.sign
			s.v2(test.req).wantFail("签名错误")
			s.wantLast("unauthentic", test.want)
			got := s.last()
			if want := stringOf(test.req.doc, "<redacted>"); got.Expected != want {
				t.Errorf("expected string is %q, want %q", got.Expected, want)
			}
			for _, text := range []string{got.Expected, got.Received, got.Reason} {
				for _, secret := range []string{m.V2Key, m.V3Key, other.V2Key} {
					if strings.Contains(text, secret) {
						t.Errorf("history shows a key: %q", text)
					}
				}
			}
		})
	}
	s.WantState("a|b", paygate.StateNotPay)
}

// TestCauses: the history names the cause of what was refused by its ID, before the signature and
// in it.
func TestCauses(t *testing.T) {
	t.Parallel()
	s, other := twoMerchants(t)
	query, closing := s.queryV3("A1"), s.closeV2("A1")
	for want, edit := range map[string]func(*v3Request){
		"v3-accept":           func(r *v3Request) { r.header = map[string]string{"Accept": ""} },
		"v3-user-agent":       func(r *v3Request) { r.header = map[string]string{"User-Agent": ""} },
		"v3-scheme":           func(r *v3Request) { r.authorization = strings.ToLower },
		"v3-header-form":      func(r *v3Request) { r.nonce = strings.Repeat("n", 33) },
		"v3-mchid":            func(r *v3Request) { r.mchID = "1" },
		"v3-serial-other":     func(r *v3Request) { r.serial = other.SerialNo },
		"v3-serial-platform":  func(r *v3Request) { r.serial = s.PublicKeyID() },
		"v3-wechatpay-serial": func(r *v3Request) { r.header = map[string]string{"Wechatpay-Serial": s.Merchant.SerialNo} },
		"v3-milliseconds":     func(r *v3Request) { r.timestamp = "1772337600000" },
		"v3-clock":            func(r *v3Request) { r.timestamp = "1554208460" },
		"v3-key-merchant":     func(r *v3Request) { r.key = other.PrivateKey },
		"v3-base64-hex": func(r *v3Request) {
			r.encode = func(raw []byte) string { return base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(raw))) }
		},
		"v3-hmac": func(r *v3Request) {
			mac := hmac.New(sha256.New, []byte(s.Merchant.V3Key))
			mac.Write([]byte(s.v3Defaults(*r).documented()))
			r.signature = func(string) string { return hex.EncodeToString(mac.Sum(nil)) }
		},
		"v3-message-other": func(r *v3Request) { r.message = func(v3Request) string { return "another" } },
	} {
		req := query
		edit(&req)
		s.v3(req)
		if got := s.last().Cause; got != want {
			t.Errorf("got cause %q, want %q", got, want)
		}
	}
	for want, sign := range map[string]func([]pair, string) string{
		"":                 nil,
		"v2-key-v3":        func(doc []pair, _ string) string { return signDocumented(doc, s.Merchant.V3Key, "") },
		"v2-small-letters": func(doc []pair, key string) string { return strings.ToLower(signDocumented(doc, key, "")) },
		"v2-cdata": func(doc []pair, key string) string {
			return md5Upper(strings.Replace(stringOf(doc, key), "=A1", "=<![CDATA[A1]]>", 1))
		},
		"v2-other": func([]pair, string) string { return strings.Repeat("0", 32) },
	} {
		req := closing
		req.sign = sign
		s.v2(req)
		if got := s.last().Cause; got != want {
			t.Errorf("got cause %q, want %q", got, want)
		}
	}
}

// TestRefusalsAreWordedByTheTable: what is refused without a diagnosis has the table's clause, and
// behind it what this gateway knows of the fault.
func TestRefusalsAreWordedByTheTable(t *testing.T) {
	t.Parallel()
	s := start(t)
	query, closing := s.queryV3("A1"), s.closeV2("A1")
	for id, refused := range map[cause.ID]func(){
		"v3-accept":           func() { query.header = map[string]string{"Accept": ""}; s.v3(query) },
		"v3-mchid":            func() { s.v3(v3Request{method: query.method, uri: query.uri, mchID: "1"}) },
		"v3-wechatpay-serial": func() { query.header = map[string]string{"Wechatpay-Serial": "X"}; s.v3(query) },
		"v2-mchid":            func() { closing.doc[1][1] = "1"; s.v2(closing) },
		"v2-document":         func() { s.mustExchange("POST", "/pay/closeorder", "<xml>", nil) },
	} {
		refused()
		row, _ := cause.Of(id)
		if got := s.last(); got.Cause != string(id) || !strings.HasPrefix(got.Reason, row.What.EN) {
			t.Errorf("history has the cause %q because %q, want %q because %q…", got.Cause, got.Reason, id, row.What.EN)
		}
	}
}

// TestReceivedV2 shows what the sender signed beside what it should have.
func TestReceivedV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	req := s.closeV2("A1", pair{"z", ""})
	req.sign = func(doc []pair, key string) string {
		return md5Upper(strings.Replace(stringOf(doc, key), "&key=", "&z=&key=", 1))
	}
	s.v2(req)
	if got := s.last().Received; !strings.HasSuffix(got, "&z=&key=<redacted>") {
		t.Errorf("received string is %q, want it with z= and without the key", got)
	}
}

// TestDiagnoseV3: each likely mistake is named, with the message that should have been signed.
func TestDiagnoseV3(t *testing.T) {
	t.Parallel()
	s, other := twoMerchants(t)
	s.order("a|b", func(o *paygate.Order) { o.MchID = s.Merchant.MchID })
	closing, query := s.closeV3("a%7Cb"), s.queryV3("a%7Cb")
	wide := s.closeSubV3("A1") // a body with an order of keys
	wide.body = `{"sub_mchid":"` + subMchID + `","sp_mchid":"` + s.Merchant.MchID + `"}`
	sortedWide := `{"sp_mchid":"` + s.Merchant.MchID + `","sub_mchid":"` + subMchID + `"}`
	indented := closing
	indented.body = "{\n    \"mchid\": \"" + s.Merchant.MchID + "\"\n}\n"
	body := func(text string) func(v3Request) string {
		return func(r v3Request) string { r.body = text; return r.documented() }
	}
	uri := func(edit func(string) string) func(v3Request) string {
		return func(r v3Request) string { r.uri = edit(r.uri); return r.documented() }
	}
	replaced := func(old, replacement string) func(v3Request) string {
		return func(r v3Request) string { return strings.Replace(r.documented(), old, replacement, 1) }
	}
	for name, test := range map[string]struct {
		req     v3Request
		message func(v3Request) string
		want    string
	}{
		"compact":      {indented, body(closing.body), "re-serialised between signing and sending: signed compact"},
		"indented 2":   {closing, body("{\n  \"mchid\": \"" + s.Merchant.MchID + "\"\n}"), "signed indented by two spaces"},
		"indented 4":   {closing, body("{\n    \"mchid\": \"" + s.Merchant.MchID + "\"\n}"), "signed indented by four spaces"},
		"tabs":         {closing, body("{\n\t\"mchid\": \"" + s.Merchant.MchID + "\"\n}"), "signed indented by tabs"},
		"spaced":       {wide, body(strings.NewReplacer(`":`, `": `, `,`, `, `).Replace(wide.body)), "a space after each colon and comma"},
		"sorted":       {wide, body(sortedWide), "signed with its keys sorted"},
		"no body":      {closing, body(""), "the body was not signed"},
		"line feed":    {closing, body(closing.body + "\n"), "with a line feed after it that was not sent"},
		"no line feed": {indented, body(strings.TrimSpace(indented.body)), "without the line feed that ends it"},
		"a body":       {query, body("{}"), "a body was signed, {}"},

		"no query":        {query, uri(func(u string) string { path, _, _ := strings.Cut(u, "?"); return path }), "the query string was not signed"},
		"unescaped":       {query, uri(func(u string) string { return strings.ReplaceAll(u, "%7C", "|") }), "signed unescaped, and sent escaped"},
		"sent unescaped":  {s.queryV3("a|b"), uri(func(u string) string { return strings.ReplaceAll(u, "|", "%7C") }), "signed escaped, and sent unescaped"},
		"segments":        {s.queryV3("a*b"), uri(func(u string) string { return strings.ReplaceAll(u, "*", "%2A") }), "signed escaped, and sent unescaped"},
		"double-escaped":  {s.queryV3("a%257Cb"), uri(func(u string) string { return strings.ReplaceAll(u, "%25", "%") }), "sent double-escaped, and signed escaped once"},
		"signed doubly":   {query, uri(func(u string) string { return strings.ReplaceAll(u, "%", "%25") }), "signed double-escaped, and sent escaped once"},
		"full URL":        {query, uri(func(u string) string { return s.URL + u }), "the full URL was signed"},
		"full https URL":  {query, uri(func(u string) string { return "https" + strings.TrimPrefix(s.URL, "http") + u }), "the full URL was signed"},
		"host":            {query, uri(func(u string) string { return strings.TrimPrefix(s.URL, "http://") + u }), "the host was signed"},
		"no slash":        {query, uri(func(u string) string { return u[1:] }), "the leading / of the path was not signed"},
		"sorted query":    {sortedQuery(s), uri(swapQuery), "the query string was signed sorted"},
		"no last newline": {closing, func(r v3Request) string { return strings.TrimSuffix(r.documented(), "\n") }, "the last line feed is missing"},
		"no last of GET":  {query, func(r v3Request) string { return strings.TrimSuffix(r.documented(), "\n") }, "the last line feed is missing"},
		"no body line":    {closing, func(r v3Request) string { return strings.TrimSuffix(r.documented(), r.body+"\n") }, "the line of the body is missing"},
		"carriage return": {query, func(r v3Request) string { return strings.ReplaceAll(r.documented(), "\n", "\r\n") }, "carriage return"},
		"backslash n":     {query, func(r v3Request) string { return strings.ReplaceAll(r.documented(), "\n", `\n`) }, "a backslash and an n"},
		"nonce first": {query, func(r v3Request) string { r.nonce, r.timestamp = r.timestamp, r.nonce; return r.documented() },
			"nonce_str and timestamp are signed in the wrong order"},
		"timestamp":      {query, func(r v3Request) string { r.timestamp = "1772337602"; return r.documented() }, "header mismatch: the timestamp signed is +2 seconds"},
		"milliseconds":   {query, func(r v3Request) string { r.timestamp += "000"; return r.documented() }, "the timestamp signed is in milliseconds"},
		"small nonce":    {query, func(r v3Request) string { r.nonce = strings.ToLower(r.nonce); return r.documented() }, "the nonce_str signed is in small letters"},
		"no nonce":       {query, func(r v3Request) string { r.nonce = ""; return r.documented() }, "the nonce_str was not signed"},
		"another nonce":  {query, func(r v3Request) string { r.nonce = "another"; return r.documented() }, "a timestamp or nonce_str other than the header's"},
		"small method":   {query, replaced("GET", "get"), "the method was signed in small letters"},
		"another method": {query, replaced("GET", "POST"), "the method signed is POST"},
		"two at once": {closing, func(r v3Request) string { r.uri = s.URL + r.uri; return strings.TrimSuffix(r.documented(), "\n") },
			"the full URL was signed, with scheme and host: only path and query count; and the last line feed is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			req := test.req
			req.message = test.message
			s.v3(req).wantUnsigned(401)
			s.wantLast("unauthentic", test.want)
			got := s.last()
			if want := s.v3Defaults(req).documented(); got.Expected != want {
				t.Errorf("expected message is %q, want %q", got.Expected, want)
			}
			if want := test.message(s.v3Defaults(req)); got.Received != want && name != "another nonce" {
				t.Errorf("received message is %q, want %q", got.Received, want)
			}
		})
	}
	foreign := query
	foreign.key = other.PrivateKey
	s.v3(foreign).wantUnsigned(401)
	s.wantLast("unauthentic", "made with another merchant's key, that of 1900000002")
	s.v3(v3Request{method: query.method, uri: query.uri, serial: other.SerialNo}).wantUnsigned(401)
	s.wantLast("unauthentic", "it is that of merchant 1900000002")
}

func sortedQuery(s *session) v3Request {
	req := s.querySubV3("A1")
	req.uri = swapQuery(req.uri)
	return req
}

// swapQuery turns the two parameters of a partner's query round.
func swapQuery(uri string) string {
	path, query, _ := strings.Cut(uri, "?")
	one, two, _ := strings.Cut(query, "&")
	return path + "?" + two + "&" + one
}

// TestDiagnoseKeysV3 are mistakes with the signature itself.
func TestDiagnoseKeysV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	stranger, err := paygate.NewMerchant("1", "wx1")
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit func(*v3Request)
		want string
	}{
		"unknown key":  {func(r *v3Request) { r.key = stranger.PrivateKey }, "was not made with the private key of merchant " + s.Merchant.MchID},
		"small key":    {func(r *v3Request) { r.key = small }, "the signature is 128 bytes long, and the merchant's key makes 256"},
		"SHA-1":        {func(r *v3Request) { r.hash = crypto.SHA1 }, "over SHA-1: it must be SHA-256"},
		"SHA-512":      {func(r *v3Request) { r.hash = crypto.SHA512 }, "over SHA-512: it must be SHA-256"},
		"MD5":          {func(r *v3Request) { r.hash = crypto.MD5 }, "over MD5: it must be SHA-256"},
		"SHA-384":      {func(r *v3Request) { r.hash = crypto.SHA384 }, "over SHA-384: it must be SHA-256"},
		"hexadecimal":  {func(r *v3Request) { r.encode = hex.EncodeToString }, "it is in hexadecimal"},
		"no padding":   {func(r *v3Request) { r.encode = base64.RawStdEncoding.EncodeToString }, "the padding is missing"},
		"URL alphabet": {func(r *v3Request) { r.signature = func(string) string { return strings.Repeat("-_A=", 86) } }, "the URL alphabet"},
		"nonsense":     {func(r *v3Request) { r.signature = func(string) string { return "!" } }, "must be in standard base64"},
		"too big": {func(r *v3Request) {
			r.encode = func([]byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 256)) }
		}, "was not made with the private key"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			req := s.queryV3("A1")
			test.edit(&req)
			s.v3(req).wantUnsigned(401)
			s.wantLast("unauthentic", test.want)
		})
	}
}

// TestDiagnoseForeignKeysV3: the gateway's own keys, and the merchant's with another padding.
func TestDiagnoseForeignKeysV3(t *testing.T) {
	t.Parallel()
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, paygate.Options{PlatformKey: own})
	req := s.queryV3("A1")
	req.key = own
	s.v3(req).wantUnsigned(401)
	s.wantLast("unauthentic", "made with WeChat Pay's own key "+s.PublicKeyID())
	req.key = s.CertificateKey()
	s.v3(req).wantUnsigned(401)
	s.wantLast("unauthentic", "made with WeChat Pay's own key "+s.CertificateSerial())

	req = s.v3Defaults(s.queryV3("A1"))
	digest := sha256.Sum256([]byte(req.documented()))
	padded, err := rsa.SignPSS(rand.Reader, req.key, crypto.SHA256, digest[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	req.encode = func([]byte) string { return base64.StdEncoding.EncodeToString(padded) }
	s.v3(req).wantUnsigned(401)
	s.wantLast("unauthentic", "but with PSS padding")
}

// TestLongBodiesAreNotGuessedAt: diagnosis costs no more than a request is worth.
func TestLongBodiesAreNotGuessedAt(t *testing.T) {
	t.Parallel()
	s := start(t)
	req := s.closeV3("A1")
	req.body = `{"mchid":"` + strings.Repeat("1", 8<<10) + `"}`
	req.message = func(r v3Request) string { return strings.TrimSuffix(r.documented(), "\n") }
	s.v3(req).wantUnsigned(401)
	s.wantLast("unauthentic", "the right key signed another message: method, URL, body")
}

// TestLongDocumentsAreNotGuessedAt is the same of APIv2.
func TestLongDocumentsAreNotGuessedAt(t *testing.T) {
	t.Parallel()
	s := start(t)
	req := s.closeV2("A1", pair{"attach", strings.Repeat("1", 8<<10)})
	req.sign = func(doc []pair, key string) string { return strings.ToLower(signDocumented(doc, key, "")) }
	s.v2(req).wantFail("签名错误")
	s.wantLast("unauthentic", "no likely mistake makes it")
}

// TestTestersOwnSigner pins the signer of these tests to the published vector too, so that it does
// not merely agree with the gateway's.
func TestTestersOwnSigner(t *testing.T) {
	t.Parallel()
	doc := []pair{{"nonce_str", "ibuaiVcKdpRxkhJA"}, {"device_info", "1000"}, {"mch_id", "10000100"}, {"body", "test"}, {"appid", "wxd930ea5d5a258f4f"}}
	for signType, want := range map[string]string{
		"": "9A0A8659F005D6984697E2CA0A9CF3B7", "HMAC-SHA256": "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6",
	} {
		if got := signDocumented(doc, publishedKey, signType); got != want {
			t.Errorf("sign is %s, want %s", got, want)
		}
	}
}
