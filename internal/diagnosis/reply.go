package diagnosis

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

const (
	// The headers of a signed reply. WeChat Pay sends all five on every reply to a request whose
	// own signature held, whatever its status, and on every notification.
	headerTimestamp = "Wechatpay-Timestamp"
	headerNonce     = "Wechatpay-Nonce"
	headerSignature = "Wechatpay-Signature"
	headerSerial    = "Wechatpay-Serial"
	headerType      = "Wechatpay-Signature-Type"

	// probePrefix begins the deliberately wrong signatures of WeChat Pay's probe traffic. What
	// follows it is not base64, so that it is looked for before decoding.
	probePrefix = "WECHATPAY/SIGNTEST/"
	// typeRSA is the only type that is verified here. The one with SM2 and SM3 is sent on request
	// only.
	typeRSA = "WECHATPAY2-SHA256-RSA2048"
)

const (
	// replyMerchantCertificate: apiclient_cert.pem was taken for WeChat Pay's certificate. It is
	// proved by the key itself, which is compared with the merchant's, or by its serial number.
	replyMerchantCertificate cause.ID = "reply-merchant-certificate"
	// replySerialUnknown: Wechatpay-Serial names a key of the right kind that was not given, or one
	// that was given under another name. As a candidate: no key was given at all.
	replySerialUnknown cause.ID = "reply-serial-unknown"
	// replyClock: the signed timestamp is more than maxSkew from the clock. The SDKs compare it
	// before the signature, so that it hides any other cause in their messages; here it comes last.
	replyClock cause.ID = "reply-clock"
	// replyUnsigned: there is no signature. What an unsigned reply says is a hint and no proof.
	replyUnsigned cause.ID = "reply-unsigned"
	// replyProbe: it is refused as any wrong signature is, and the request is sent again.
	replyProbe cause.ID = "reply-probe"
	// replyBase64: the signature is that of WeChat Pay once its spelling is repaired, or it is cut.
	replyBase64 cause.ID = "reply-base64"
	// replyOther: proved, where the detail says what signed; a candidate, where nothing fits.
	replyOther cause.ID = "reply-other"
)

// Reply says why a reply of WeChat Pay in APIv3 does not verify. It is to be given as it was
// received, or as the program that refuses it has it: a body that was parsed and written again is
// recognised where what WeChat Pay signed can be found. A reply in XML is taken for one of APIv2.
//
// It is examined in this order, and the first three end the diagnosis:
//
//  1. No Wechatpay-Signature: the reply is unsigned.
//  2. The signature is a probe, of a type that is not verified here, or no base64 in any spelling.
//  3. None of the keys given opens the signature: by its name, Wechatpay-Serial, the key is of the
//     other kind, unknown, or the merchant's own; or the signature was made by something else.
//  4. The key that opens it was given under another name.
//  5. What was signed is not what was received: [evidence.search].
//  6. The timestamp that was signed is far from the clock; a header is there twice.
//
// A refusal without a signature says nothing of keys and bodies: the request was not accepted, and
// is what has to be examined.
//
// The published example (page 4013053420) has the serial
// PUB_KEY_ID_0000000000000024101100397200000006 and signs, with a line feed behind each line:
//
//	1722850421
//	d824f2e086d3c1df967785d13fcd22ef
//	{"code_url":"weixin://wxpay/bizpayurl?pr=JyC91EIz1"}
//
// In a list of certificates, each is decrypted with the APIv3 key, too.
func Reply(r Response, keys Keys) Diagnosis {
	e := newEvidence(r.Header, r.Body, sideIDs{"reply-key-kind", "reply-body-parsed", "reply-header-changed"})
	if e.proof == (proof{}) && isXML(r.Body) {
		return ReplyV2(r.Body, keys)
	}
	e.status = r.Status
	v := e.verify(keys)
	for _, certificate := range certificatesIn(v.body) {
		findings, _ := certificate.examine(facts{keys, e.nonce, v.holds})
		v.add(findings...)
	}
	return v.diagnosis()
}

// certificatesIn returns the encrypted texts of the reply to GET /v3/certificates. The first list
// that a program downloads cannot be verified, since its signer's certificate is in it; that the
// APIv3 key opens it is then all that is known.
func certificatesIn(body string) []sealed {
	var list struct {
		Data []struct {
			Encrypted sealed `json:"encrypt_certificate"`
		} `json:"data"`
	}
	_ = json.Unmarshal([]byte(body), &list) // another document has none
	var all []sealed
	for _, one := range list.Data {
		if one.Encrypted.Ciphertext != "" {
			all = append(all, one.Encrypted)
		}
	}
	return all
}

// sideIDs are the causes that a reply and a notification have each of its own.
type sideIDs struct{ keyKind, bodyParsed, headerChanged cause.ID }

// proof is what the headers say of the signature. A header that is there twice counts with its
// first value; examineHeaders complains about the second.
type proof struct{ timestamp, nonce, signature, serial string }

// evidence is a reply or a notification with all that tells of its signature. Both are signed alike
// (pay.weixin.qq.com doc v3/merchant 4013053249).
type evidence struct {
	proof

	header http.Header
	body   string
	// of a reply; 0: a notification
	status int
	ids    sideIDs
}

func newEvidence(header http.Header, body []byte, ids sideIDs) evidence {
	return evidence{
		proof: proof{
			header.Get(headerTimestamp), header.Get(headerNonce), header.Get(headerSignature), header.Get(headerSerial),
		},
		header: header, body: string(body), ids: ids,
	}
}

// verification is what becomes of an evidence.
type verification struct {
	// the signature is that of a key given, over what was received: RSA's own verification says so,
	// and no comparison of digests made here
	holds bool
	// the body that was signed, as far as it is known; else the one received
	body string
	// what signs by what was received
	expected string
	// what was signed; empty: not known
	signed   string
	findings []Finding
}

func (v *verification) add(findings ...Finding) { v.findings = append(v.findings, findings...) }

// diagnosis puts what was proved first. It is fine only by a signature that holds.
func (v *verification) diagnosis() Diagnosis {
	findings := dedupe(v.findings)
	slices.SortStableFunc(findings, func(a, b Finding) int {
		switch {
		case a.Certain == b.Certain:
			return 0
		case a.Certain:
			return -1
		default:
			return 1
		}
	})
	return Diagnosis{Fine: v.holds && len(findings) == 0, Findings: findings, Expected: v.expected, Signed: v.signed}
}

// dedupe keeps the first finding of each cause: a member with two mistakes has one remedy.
func dedupe(findings []Finding) []Finding {
	var kept []Finding
	for _, f := range findings {
		if !slices.ContainsFunc(kept, func(other Finding) bool { return other.ID == f.ID }) {
			kept = append(kept, f)
		}
	}
	return kept
}

// verify does what a receiver must, and on its way finds out what is wrong. The steps are those in
// the comment of [Reply].
func (e evidence) verify(keys Keys) *verification {
	v := &verification{body: e.body, expected: e.sent().text()}
	switch kind := e.header.Get(headerType); {
	case e.signature == "":
		v.expected = ""
		v.add(e.unsigned())
		if e.status >= http.StatusMultipleChoices {
			v.add(complaints(e.body, cause.V3)...)
		}
		return v
	case strings.HasPrefix(e.signature, probePrefix):
		v.add(known(replyProbe))
		return v
	case strings.Contains(kind, "SM2"):
		v.add(detailed(replyOther, bilingual.Sprintf("it is signed with SM2 and SM3 (%s), and only %s can be verified here",
			"签名算法是 SM2/SM3（%s），这里只能验证 %s", shown(kind), typeRSA)))
		return v
	}
	spellings := signaturesOf(e.signature)
	if len(spellings) == 0 {
		v.add(detailed(replyBase64, bilingual.New("Wechatpay-Signature is not base64", "Wechatpay-Signature 不是 base64")))
		return v
	}
	key, spelling := e.findSigner(keys, spellings)
	if key == nil {
		v.add(e.unknownSigner(keys, spellings)...)
		v.add(e.clock(e.timestamp, keys.Now)...)
		return v
	}
	v.add(found(spelling)...)
	v.add(e.mislabelled(key)...)
	e.compare(v, key.Key, []byte(spelling.text))
	e.examineHeaders(v, keys.Now)
	return v
}

// unsigned is the finding about a reply or notification without Wechatpay-Signature. Whether that
// is a forgery or the rule depends on its status: replies to requests that were not authenticated
// are unsigned, of which 401 SIGN_ERROR is the usual one, 404 for an unknown path and 405 others.
func (e evidence) unsigned() Finding {
	switch {
	case e.proof != (proof{}):
		return detailed(replyUnsigned, bilingual.New(
			"Wechatpay-Signature is missing, and other Wechatpay- headers are there: something on the way took it",
			"缺少 Wechatpay-Signature，而其他 Wechatpay- 头还在：途中有环节去掉了它"))
	case e.status == 0:
		return detailed(replyUnsigned, bilingual.New(
			"the notification has no Wechatpay- headers: anything could have sent it, or a proxy took them",
			"通知没有 Wechatpay- 头：任何人都可能发出它，或被代理去掉了"))
	case e.status >= http.StatusOK && e.status < http.StatusMultipleChoices:
		return detailed(replyUnsigned, bilingual.New(
			"a success without Wechatpay- headers is forged, or a proxy took them or answered itself",
			"没有 Wechatpay- 头的成功应答是伪造的，或者代理去掉了这些头、或由代理自己应答"))
	default:
		return detailed(replyUnsigned, bilingual.New(
			"the refusal is not signed: WeChat Pay signs its reply to each request whose own signature held, so look at the request",
			"拒绝应答没有签名：只有请求自身的签名成立，微信支付才会对应答签名，因此应检查请求"))
	}
}

// complaints are the causes of what an unsigned refusal says, in the request that it refuses: those
// of one API, and those of the account. They are candidates, the likeliest first, since the refusal
// proves nothing, and since a message has several causes.
func complaints(text string, side cause.Side) []Finding {
	const most = 6
	var ids []cause.ID
	for _, message := range cause.InText(text) {
		for _, id := range message.IDs {
			row, _ := cause.Of(id) // a test of the table holds that there is one
			if message.From == "WeChat Pay" && (row.Side == side || row.Side == cause.Account) && len(ids) < most {
				ids = append(ids, id)
			}
		}
	}
	return dedupe(possible(ids...))
}

// findSigner returns the key of WeChat Pay that made the signature, and how it is spelt. The key
// that Wechatpay-Serial names comes first. key is nil if none of those given made it. A key given
// without a value is passed over.
func (e evidence) findSigner(keys Keys, spellings []variant) (key *PlatformKey, spelling variant) {
	ring := slices.Clone(keys.Platform)
	slices.SortStableFunc(ring, func(a, b PlatformKey) int {
		switch {
		case (a.Serial == e.serial) == (b.Serial == e.serial):
			return 0
		case a.Serial == e.serial:
			return -1
		default:
			return 1
		}
	})
	for _, spelling := range spellings {
		for i, one := range ring {
			if opens(one.Key, []byte(spelling.text)) {
				return &ring[i], spelling
			}
		}
	}
	return nil, variant{}
}

// opens reports whether a key made a signature, over whatever. Of a signature that another key
// made, PKCS #1's padding comes out by chance less than once in 2^64.
func opens(key *rsa.PublicKey, signature []byte) bool {
	if key == nil || len(signature) != key.Size() {
		return false
	}
	_, _, ok := openSignature(key, signature)
	return ok
}

// mislabelled compares the name under which the signer's key was given with Wechatpay-Serial. A
// keyring finds the key by that name, so that a wrong name is a wrong key to it: a public key kept
// under a certificate's serial number, or a number as openssl prints it, with colons.
func (e evidence) mislabelled(key *PlatformKey) []Finding {
	switch {
	case e.serial == key.Serial:
		return nil
	case e.serial == "":
		return []Finding{detailed(e.ids.headerChanged, bilingual.Sprintf(
			"Wechatpay-Serial is missing: the key that signed is %s", "缺少 Wechatpay-Serial：签名的密钥是 %s", shown(key.Serial)))}
	case isPublicKeyID(e.serial) != isPublicKeyID(key.Serial):
		return []Finding{detailed(e.ids.keyKind, bilingual.Sprintf(
			"Wechatpay-Serial is %s, and the signature was made with the key given as %s",
			"Wechatpay-Serial 是 %s，而签名由作为 %s 提供的密钥生成", shown(e.serial), shown(key.Serial)))}
	case plainSerial(e.serial) == plainSerial(key.Serial):
		return []Finding{detailed(replySerialUnknown, bilingual.Sprintf(
			"the key was given under %s, which is Wechatpay-Serial %s written otherwise: 40 hexadecimal digits in capitals are right",
			"密钥以 %s 提供，与 Wechatpay-Serial %s 只是写法不同：应为 40 位大写十六进制", shown(key.Serial), shown(e.serial)))}
	default:
		return []Finding{detailed(replySerialUnknown, bilingual.Sprintf(
			"Wechatpay-Serial is %s, and the key that signed was given as %s",
			"Wechatpay-Serial 是 %s，而签名的密钥是以 %s 提供的", shown(e.serial), shown(key.Serial)))}
	}
}

func isPublicKeyID(serial string) bool { return strings.HasPrefix(serial, publicKeyPrefix) }

// plainSerial is a certificate's serial number without what differs between ways to write it:
// colons of openssl -text, small letters of Java's toString(16), the decimal digits of OpenSSL's
// PHP functions and of Go's big.Int.
func plainSerial(serial string) string {
	plain := strings.NewReplacer(":", "", " ", "").Replace(strings.TrimPrefix(strings.ToUpper(serial), "0X"))
	if decimal, ok := new(big.Int).SetString(plain, 10); ok && len(plain) > 40 {
		return fmt.Sprintf("%040X", decimal)
	}
	return plain
}

// unknownSigner says why none of the keys given made the signature. Without any key of WeChat Pay
// that is a candidate only. The merchant's own key among them explains every failure, if the reply
// asks for it or if there is nothing else.
func (e evidence) unknownSigner(keys Keys, spellings []variant) []Finding {
	ring := slices.DeleteFunc(slices.Clone(keys.Platform), func(k PlatformKey) bool { return k.Key == nil })
	if len(ring) == 0 {
		return []Finding{{replySerialUnknown, bilingual.Sprintf(
			"no key of WeChat Pay was given, so that the signature by %s was not verified",
			"没有提供微信支付的密钥，因此没有验证 %s 的签名", shown(e.serial)), false}}
	}
	own := func(k PlatformKey) bool {
		return keys.Merchant != nil && k.Key.Equal(keys.Merchant) || keys.Serial != "" && plainSerial(k.Serial) == plainSerial(keys.Serial)
	}
	named := slices.IndexFunc(ring, func(k PlatformKey) bool { return k.Serial == e.serial })
	switch {
	case named >= 0 && own(ring[named]), named < 0 && !slices.ContainsFunc(ring, func(k PlatformKey) bool { return !own(k) }):
		return []Finding{detailed(replyMerchantCertificate, bilingual.New(
			"the key given as WeChat Pay's is that of the merchant's own certificate",
			"作为微信支付密钥提供的，其实是商户自己证书的密钥"))}
	case keys.Serial != "" && plainSerial(e.serial) == plainSerial(keys.Serial):
		return []Finding{detailed(replyMerchantCertificate, bilingual.New(
			"Wechatpay-Serial names the merchant's own certificate, which signs no reply",
			"Wechatpay-Serial 填的是商户自己的证书序列号，应答不会由它签名"))}
	case named >= 0:
		return e.otherSigner(ring[named], keys, spellings)
	}
	return []Finding{e.unknownSerial(ring)}
}

// unknownSerial is the finding when the key that is named is not among those given. It is of the
// other kind when the merchant was moved to the public key, or when a request, mostly a GET, was
// sent without Wechatpay-Serial: WeChat Pay then signs with the platform certificate.
func (e evidence) unknownSerial(ring []PlatformKey) Finding {
	same := func(k PlatformKey) bool { return isPublicKeyID(k.Serial) == isPublicKeyID(e.serial) }
	names := make([]string, 0, len(ring))
	for _, k := range ring {
		names = append(names, shown(k.Serial))
	}
	switch list := strings.Join(names, ", "); {
	case e.serial == "":
		return detailed(e.ids.headerChanged, bilingual.New("Wechatpay-Serial is missing", "缺少 Wechatpay-Serial"))
	case !slices.ContainsFunc(ring, same):
		return detailed(e.ids.keyKind, bilingual.Sprintf(
			"it is signed by %s, and only keys of the other kind were given: %s", "它由 %s 签名，而提供的只有另一类密钥：%s", shown(e.serial), list))
	default:
		return detailed(replySerialUnknown, bilingual.Sprintf(
			"it is signed by %s, and the keys given are %s", "它由 %s 签名，而提供的密钥是 %s", shown(e.serial), list))
	}
}

// otherSigner is about a signature that the key of its name did not make. Where nothing known made
// it, either the reply is forged, or the key was stored under a wrong name: neither can be proved.
func (e evidence) otherSigner(named PlatformKey, keys Keys, spellings []variant) []Finding {
	raw := []byte(spellings[0].text)
	if size := named.Key.Size(); len(raw) != size {
		return []Finding{detailed(replyBase64, bilingual.Sprintf(
			"the signature is %d bytes long, and the key makes %d: the header was cut, or is of another reply",
			"签名长 %d 字节，而该密钥生成 %d 字节：请求头被截断，或属于另一个应答", len(raw), size))}
	}
	digest := sha256.Sum256([]byte(e.sent().text()))
	if rsa.VerifyPSS(named.Key, crypto.SHA256, digest[:], raw, nil) == nil {
		return []Finding{detailed(replyOther, bilingual.New(
			"the right key signed the right text, but with PSS padding: it must be RSASSA-PKCS1-v1_5",
			"密钥和原文都对，但用了 PSS 填充：应为 RSASSA-PKCS1-v1_5"))}
	}
	if opens(keys.Merchant, raw) {
		return []Finding{detailed(replyOther, bilingual.New(
			"the signature was made with the merchant's own key, which signs requests", "签名由商户自己的密钥生成，该密钥用于签名请求"))}
	}
	for _, other := range keys.Others {
		if opens(other.Key, raw) {
			return []Finding{detailed(replyOther, bilingual.Sprintf(
				"the signature was made with the key of merchant %s", "签名由商户 %s 的密钥生成", other.MchID))}
		}
	}
	findings := possible(replyOther, e.ids.keyKind)
	findings[0].Detail = bilingual.Sprintf("the key given as %s did not make the signature", "以 %s 提供的密钥没有生成这个签名", shown(named.Serial))
	return findings
}

// compare finds what was signed, when the right key made the signature. What it holds is a digest:
// it is that of what was received, or of a variant of it, or of a text that cannot be known. In the
// last case the body and the headers are both candidates, the body in front if it does not look as
// WeChat Pay writes one.
func (e evidence) compare(v *verification, key *rsa.PublicKey, raw []byte) {
	digest := sha256.Sum256([]byte(e.sent().text()))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw) == nil {
		v.holds, v.signed = true, v.expected
		return
	}
	hash, signed, _ := openSignature(key, raw)
	if hash != "SHA-256" {
		v.add(detailed(replyOther, bilingual.Sprintf("the right key signed, but over %s: it must be SHA-256",
			"密钥是对的，但摘要算法是 %s：应为 SHA-256", hash)))
		return
	}
	text, ok := e.search(func(text string) bool {
		sum := sha256.Sum256([]byte(text))
		return bytes.Equal(sum[:], signed)
	})
	switch {
	case ok:
		v.add(text.changes()...)
		v.body, v.signed = text.body.text, text.text()
	case e.timestamp == "" || e.nonce == "":
		v.add(detailed(e.ids.headerChanged, bilingual.New(
			"Wechatpay-Timestamp or Wechatpay-Nonce is missing", "缺少 Wechatpay-Timestamp 或 Wechatpay-Nonce")))
	case e.rewritten():
		v.add(possible(e.ids.bodyParsed, e.ids.headerChanged, replyOther)...)
	default:
		v.add(possible(e.ids.headerChanged, e.ids.bodyParsed, replyOther)...)
	}
}

// rewritten reports whether the body looks as if a program had written it, not WeChat Pay, which
// writes JSON compactly and without more escapes than it must.
func (e evidence) rewritten() bool {
	text := newJSONText(e.body)
	if text == nil {
		return e.body != ""
	}
	const few = 3
	keys := text.root.keys
	plain := text.write(style{spaces: compact, escapes: compact})
	return plain != e.body || len(keys) >= few &&
		slices.IsSortedFunc(keys, func(a, b *jsonNode) int { return strings.Compare(a.text, b.text) })
}

// examineHeaders adds what is wrong in the headers although a signature was recognised: a receiver
// may choose the other of two values, and some refuse a type that they do not know.
func (e evidence) examineHeaders(v *verification, now time.Time) {
	timestamp := e.timestamp
	if lines := strings.SplitN(v.signed, "\n", 2); v.signed != "" {
		timestamp = lines[0]
	}
	v.add(e.clock(timestamp, now)...)
	for _, name := range []string{headerTimestamp, headerNonce, headerSignature, headerSerial} {
		if values := e.header.Values(name); len(values) > 1 {
			v.add(detailed(e.ids.headerChanged, bilingual.Sprintf(
				"%s is there %d times", "%s 出现了 %d 次", name, len(values))))
		}
	}
	for _, kind := range e.header.Values(headerType) {
		if kind != typeRSA {
			v.add(detailed(e.ids.headerChanged, bilingual.Sprintf(
				"Wechatpay-Signature-Type is %s, and what signed is %s", "Wechatpay-Signature-Type 是 %s，而实际签名方式是 %s",
				shown(kind), typeRSA)))
		}
	}
}

// clock compares the timestamp that was signed with the clock; nothing if it is near enough, or if
// there is no clock to compare with, as for a reply that was captured yesterday.
func (e evidence) clock(timestamp string, now time.Time) []Finding {
	seconds, err := strconv.ParseUint(timestamp, 10, 40)
	switch {
	case err != nil && timestamp != "":
		return []Finding{detailed(e.ids.headerChanged, bilingual.Sprintf(
			"Wechatpay-Timestamp is %s, and must be seconds since 1970", "Wechatpay-Timestamp 是 %s，应为 1970 年以来的秒数", shown(timestamp)))}
	case err != nil || now.IsZero():
		return nil
	}
	at := time.Unix(int64(seconds), 0)
	skew := at.Sub(now)
	if skew.Abs() <= maxSkew {
		return nil
	}
	direction := bilingual.New("before", "早")
	if skew > 0 {
		direction = bilingual.New("after", "晚")
	}
	return []Finding{detailed(replyClock, bilingual.Sprintf(
		"it was signed at %s, %s %s the clock, and 5m0s are allowed", "签名时间是 %s，比时钟相差 %s（%s），允许 5 分钟",
		at.UTC().Format(time.RFC3339), skew.Abs().Round(time.Second), direction))}
}

// signaturesOf decodes a signature as it should be written, and as it may have been changed on the
// way: by form decoding, which makes a + a space; by a copy that wraps lines; by a proxy that
// escapes; by a program that stores it in another alphabet. The right spelling comes first, and the
// key that opens a spelling proves it.
func signaturesOf(text string) []variant {
	var list []variant
	add := func(en, zh string, raw []byte, err error) {
		known := slices.ContainsFunc(list, func(v variant) bool { return v.text == string(raw) })
		if err == nil && len(raw) > 0 && !known {
			list = append(list, variant{replyBase64, bilingual.New(en, zh), string(raw)})
		}
	}
	decode := func(en, zh, text string) {
		raw, err := base64.StdEncoding.Strict().DecodeString(text)
		add(en, zh, raw, err)
	}
	if raw, err := hex.DecodeString(text); err == nil { // hexadecimal digits are base64, too
		add("the signature is in hexadecimal, and must be in base64", "签名是十六进制，应为 base64", raw, nil)
	}
	if raw, err := base64.StdEncoding.Strict().DecodeString(text); err == nil && !strings.ContainsAny(text, "\r\n") {
		list = slices.Insert(list, 0, variant{text: string(raw)})
	}
	decode("the signature has white space or quotation marks around it", "签名首尾有空白字符或引号", strings.Trim(text, " \t\r\n\"'"))
	decode("each + of the signature has become a space", "签名中的 + 变成了空格", strings.ReplaceAll(text, " ", "+"))
	decode("the signature has white space in it", "签名中有空白字符", strings.Join(strings.Fields(text), ""))
	if plain, err := url.PathUnescape(text); err == nil {
		decode("the signature is URL-encoded", "签名被做了 URL 编码", plain)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	add("the signature's last character was changed", "签名的最后一个字符被改动过", raw, err)
	plain := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
	raw, err = base64.RawStdEncoding.DecodeString(plain)
	add("the signature is in base64's alphabet for URLs, or without padding", "签名用了 URL 字母表的 base64，或缺少填充", raw, err)
	if once, err := base64.StdEncoding.DecodeString(text); err == nil {
		decode("the signature is base64 of base64", "签名被 base64 编码了两次", string(once))
	}
	return list
}

// isXML reports whether a document begins as one of APIv2: the two APIs are told apart by the body
// alone, since gateways and captures lose Content-Type.
func isXML(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, "\ufeff \t\r\n"), []byte("<"))
}

// shown quotes what was received, cut to a length that fits a line.
func shown(text string) string {
	const most = 80
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}
