package diagnosis

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5" //nolint:gosec // APIv2's, which is tried here as a mistake
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

const (
	// noticeKey: another key opens the resource, or the signature leaves nothing but the key.
	noticeKey cause.ID = "notice-v3-key"
	// noticeAssociatedData: the tag holds under other associated data, which it tells.
	noticeAssociatedData cause.ID = "notice-associated-data"
	// noticeNonce: the key opens the resource with another nonce, which the first block tells.
	noticeNonce cause.ID = "notice-nonce"
	// noticeCiphertext: key and nonce decrypt the beginning, and the rest is cut or changed; or the
	// ciphertext is spelt otherwise than in base64.
	noticeCiphertext cause.ID = "notice-ciphertext"
)

const (
	// algorithmGCM is the only algorithm that is sent without being asked for.
	algorithmGCM = "AEAD_AES_256_GCM"
	// v3KeySize is how many characters an APIv3 key has. They are the bytes of the key.
	v3KeySize = 32
	// tagSize is how many bytes of GCM's tag stand behind the encrypted text.
	tagSize = 16
)

// sealed is a text that WeChat Pay encrypted with the APIv3 key: the resource of a notification, or
// a certificate of the list (pay.weixin.qq.com doc v3/merchant 4012071382).
//
// Every library has one error for a wrong key, nonce, associated data or ciphertext ("cipher:
// message authentication failed", AEADBadTagException, "unable to authenticate data"), since a tag
// holds or does not. The four are told apart by taking GCM apart: see [gcm].
type sealed struct {
	OriginalType   string `json:"original_type"`
	Algorithm      string `json:"algorithm"`
	Ciphertext     string `json:"ciphertext"`
	AssociatedData string `json:"associated_data"`
	Nonce          string `json:"nonce"`
}

// open decrypts as a receiver must, with Go's own GCM. It is the only judge of whether a resource
// is fine. The error says at which step it failed, and holds nothing of the key.
func (s sealed) open(key string) (plain []byte, err error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(s.Ciphertext)
	if err != nil {
		return nil, fmt.Errorf("decoding the ciphertext: %w", err)
	}
	aesCipher, err := aes.NewCipher([]byte(key))
	if err != nil {
		return nil, fmt.Errorf("taking the key: %w", err)
	}
	aead, err := cipher.NewGCM(aesCipher)
	if err != nil || len(s.Nonce) != aead.NonceSize() {
		return nil, fmt.Errorf("a nonce of %d bytes: %w", len(s.Nonce), err)
	}
	plain, err = aead.Open(nil, []byte(s.Nonce), raw, []byte(s.AssociatedData))
	if err != nil {
		return nil, fmt.Errorf("opening the ciphertext: %w", err)
	}
	return plain, nil
}

// variant is another text that may stand for one: what the mistake is, and of which cause. The
// first of a list is the text itself, with no cause.
type variant struct {
	id   cause.ID
	why  bilingual.Text
	text string
}

// found are the findings of the variants that were needed.
func found(variants ...variant) []Finding {
	var findings []Finding
	for _, v := range variants {
		if v.id != "" {
			findings = append(findings, Finding{ID: v.id, Detail: v.why, Certain: true})
		}
	}
	return findings
}

// facts are what else is known where a resource is examined.
type facts struct {
	keys Keys
	// the Wechatpay-Nonce beside it, which is not the resource's, and is taken for it
	httpNonce string
	// the signature over the resource holds, so that each of its members is as it was sent
	authentic bool
}

// examine returns why a resource cannot be decrypted; nothing if it can. right is the resource as
// it would have to be, where that is known, and else the resource itself.
//
// An algorithm that is not algorithmGCM ends the examination. The likely variants are tried before
// the key's length is looked at, since a key in base64 or with a line feed has another length, too.
func (s sealed) examine(about facts) (findings []Finding, right sealed) {
	key := about.keys.V3Key
	switch {
	case s.Algorithm != algorithmGCM:
		return []Finding{{noticeCiphertext, bilingual.Sprintf(
			"the algorithm is %s, and only %s can be opened here",
			"算法是 %s，这里只能解开 %s", shown(s.Algorithm), algorithmGCM), true}}, s
	case key == "":
		return []Finding{{noticeKey, bilingual.New(
			"no APIv3 key was given, so that the resource was not decrypted",
			"没有提供 APIv3 密钥，因此没有解密 resource"), false}}, s
	}
	if len(key) == v3KeySize {
		if _, err := s.open(key); err == nil {
			return nil, s
		}
	}
	if findings, right, ok := s.tryVariants(about); ok {
		return findings, right
	}
	return s.guess(about), s
}

// tryVariants decrypts with the likely variants of key, nonce and spelling. The first characters
// tell whether a variant is right, before the tag is asked: that keeps hundreds of combinations
// cheap, of a ciphertext of any length. ok is false if no variant decrypts to a readable text.
func (s sealed) tryVariants(about facts) (findings []Finding, right sealed, ok bool) {
	spellings := spellingsOf(s.Ciphertext)
	if len(spellings) == 0 {
		return []Finding{{noticeCiphertext, bilingual.New(
			"the ciphertext is not base64", "密文不是 base64"), true}}, s, true
	}
	keys := keysV3(about.keys)
	for _, key := range keys {
		g := newGCM(key.text)
		if g == nil {
			continue
		}
		for _, nonce := range s.nonces(about.httpNonce) {
			for _, spelling := range spellings {
				if findings, right, ok := s.try(g, key, nonce, spelling); ok {
					return findings, right, true
				}
			}
		}
	}
	for _, key := range keys {
		if findings, right, ok := s.recoverNonce(key, spellings[0], about.keys.MchID); ok {
			return findings, right, true
		}
	}
	return nil, s, false
}

// try decrypts with one variant of each. ok is true if they decrypt the text and something is wrong
// with them, or with the associated data; right is then the resource as it should be.
func (s sealed) try(g *gcm, key, nonce, spelling variant) (findings []Finding, right sealed, ok bool) {
	raw := []byte(spelling.text)
	if len(raw) < tagSize || nonce.text == "" {
		return nil, s, false
	}
	text, tag := raw[:len(raw)-tagSize], raw[len(raw)-tagSize:]
	if !beginsReadable(g.decrypt(nonce.text, raw[:min(len(raw), aes.BlockSize)]), len(text)) {
		return nil, s, false
	}
	right = s
	right.Nonce, right.Ciphertext = nonce.text, base64.StdEncoding.EncodeToString(raw)
	data, ok := g.associatedData(nonce.text, text, tag)
	if !ok {
		findings, ok := s.unexplained(g.decrypt(nonce.text, text))
		return slices.Concat(found(key, nonce), findings, found(spelling)), right, ok
	}
	right.AssociatedData = data
	bound := variant{text: s.AssociatedData}
	if data != s.AssociatedData {
		bound = variant{noticeAssociatedData, bilingual.Sprintf(
			"it was encrypted with the associated data %s, and the document says %s",
			"加密时的 associated_data 是 %s，而报文中是 %s", shown(data), shown(s.AssociatedData)), data}
	}
	findings = found(key, nonce, spelling, bound)
	return findings, right, len(findings) > 0
}

// unexplained judges a text that key and nonce decrypt, under a tag that no short associated data
// makes. ok is false if the text is not one that WeChat Pay sends: key or nonce are then wrong,
// too.
func (s sealed) unexplained(plain []byte) (findings []Finding, ok bool) {
	switch {
	case !strings.HasPrefix(string(plain), `{"`) && !strings.HasPrefix(string(plain), "-----BEGIN "):
		return nil, false
	case !json.Valid(plain) && plain[0] == '{':
		return []Finding{{noticeCiphertext, bilingual.Sprintf(
			"key and nonce are right, and the text that they decrypt is cut or changed: %s",
			"密钥和 nonce 都对，但解出的明文被截断或改动过：%s", ending(plain)), true}}, true
	default:
		return []Finding{
			{noticeCiphertext, bilingual.New(
				"key and nonce are right and decrypt a whole text, of which a character or the tag was changed",
				"密钥和 nonce 都对，解出了完整的明文，但其中某个字符或认证标签被改动过"), false},
			{noticeAssociatedData, bilingual.New(
				"key and nonce are right and decrypt a whole text, under other associated data, longer than 16 bytes",
				"密钥和 nonce 都对，解出了完整的明文，但 associated_data 不对（应超过 16 字节）"), false},
		}, true
	}
}

// recoverNonce finds the nonce that was encrypted with, by the beginnings that WeChat Pay's texts
// have. A nonce found proves the key, too: another one gives no counter of 2.
func (s sealed) recoverNonce(key, spelling variant, mchID string) (findings []Finding, right sealed, ok bool) {
	g := newGCM(key.text)
	if g == nil || len(spelling.text) < aes.BlockSize+tagSize {
		return nil, s, false
	}
	for beginning := range beginnings(mchID) {
		if text, known := g.nonceOf([]byte(spelling.text), beginning); known {
			return s.try(g, key, variant{noticeNonce, bilingual.Sprintf(
				"it was encrypted with the nonce %s, and the document says %s",
				"加密时的 nonce 是 %s，而报文中是 %s", shown(text), shown(s.Nonce)), text}, spelling)
		}
	}
	return nil, s, false
}

// guess lists what is left when no likely mistake decrypts the resource. A signature that holds
// leaves the key alone: associated data, nonce and ciphertext are as WeChat Pay wrote them. Without
// one, associated data is not among the candidates: a wrong one would have been found.
func (s sealed) guess(about facts) []Finding {
	switch key := about.keys.V3Key; {
	case len(key) != v3KeySize:
		return []Finding{{noticeKey, bilingual.Sprintf(
			"an APIv3 key has 32 characters, and the one given has %d",
			"APIv3 密钥是 32 个字符，提供的密钥有 %d 个", len(key)), true}}
	case about.authentic:
		return []Finding{{noticeKey, bilingual.New(
			"the signature holds, so that the resource is as WeChat Pay sent it, and the APIv3 key given does not open it",
			"签名成立，说明 resource 与微信支付发出时一致，而提供的 APIv3 密钥解不开它"), true}}
	}
	return []Finding{
		{noticeKey, bilingual.New(
			"the APIv3 key given does not decrypt the resource", "提供的 APIv3 密钥解不开 resource"), false},
		{noticeNonce, bilingual.Sprintf(
			"or it was encrypted with another nonce than %s", "或者加密时的 nonce 不是 %s", shown(s.Nonce)), false},
		{noticeCiphertext, bilingual.New(
			"or the ciphertext was changed at its beginning", "或者密文开头被改动过"), false},
	}
}

// beginsReadable reports whether plain is the beginning of a text of size bytes, in readable
// characters. By chance it is one time in 2^22, of a text of 16 bytes or more. JSON and PEM both
// begin with ASCII characters.
func beginsReadable(plain []byte, size int) bool {
	plain = plain[:min(len(plain), size)]
	return len(plain) > 0 && isPrintable(strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(string(plain)))
}

// ending is how a text ends, in up to 24 bytes.
func ending(plain []byte) string { return shown("…" + string(plain[max(0, len(plain)-24):])) }

// beginnings are the first 16 bytes of the texts that WeChat Pay encrypts: members whose name alone
// is long enough, the merchant's number, and the appids, which are wx and 16 hexadecimal digits. Of
// an appid four digits fall into the 16 bytes, and all 65,536 of them are tried, in some
// milliseconds.
func beginnings(mchID string) func(yield func([]byte) bool) {
	const digits = "0123456789abcdef"
	texts := []string{
		`{"transaction_id`, `{"out_trade_no":`, `{"combine_appid"`, `{"combine_mchid"`, `{"trade_state":"`, `{"success_time":`,
		`{"out_refund_no"`, `{"refund_status"`, `{"echo_message":`, `{"amount":{"tota`, `{"amount":{"curr`, `{"amount":{"paye`,
		`-----BEGIN CERTI`,
	}
	for _, member := range []string{"mchid", "sp_mchid"} {
		if text := `{"` + member + `":"` + mchID + `"`; len(text) >= aes.BlockSize {
			texts = append(texts, text[:aes.BlockSize])
		}
	}
	for i := range len(digits) {
		texts = append(texts, `{"sp_appid":"wx`+digits[i:i+1])
	}
	return func(yield func([]byte) bool) {
		for _, text := range texts {
			if !yield([]byte(text)) {
				return
			}
		}
		unknown := []byte(`{"appid":"wx0000`)
		for i := range 1 << 16 {
			for place := range 4 {
				unknown[len(unknown)-1-place] = digits[i>>(4*place)&0xf]
			}
			if !yield(unknown) {
				return
			}
		}
	}
}

// keysV3 are the APIv3 key, what it may have been made of or taken for, and the other keys at hand.
// An environment file keeps quotation marks and blanks; a secret store hands over base64; a service
// provider's program takes the key of another merchant. Keys are told by what was done to them,
// never by their characters.
func keysV3(keys Keys) []variant {
	own := keys.V3Key
	list := []variant{{text: own}}
	add := func(en, zh, text string) {
		if text != own && text != "" {
			list = append(list, variant{noticeKey, bilingual.New(en, zh), text})
		}
	}
	add("the APIv3 key given has white space around it", "提供的 APIv3 密钥首尾有空白字符", strings.TrimSpace(own))
	add("the APIv3 key given has quotation marks around it", "提供的 APIv3 密钥首尾有引号", strings.Trim(own, `"'`))
	add("the APIv2 key opens it: the two keys are interchanged", "用 APIv2 密钥可以解开：两个密钥填反了", keys.V2Key)
	for _, other := range keys.Others {
		if other.V3Key != own && other.V3Key != "" {
			list = append(list, variant{noticeKey, bilingual.Sprintf(
				"it is encrypted for merchant %s, with that merchant's APIv3 key",
				"它是用商户 %s 的 APIv3 密钥加密的", other.MchID), other.V3Key})
		}
	}
	add("the APIv3 key given must be in capitals", "提供的 APIv3 密钥应为大写", strings.ToUpper(own))
	add("the APIv3 key given must be in small letters", "提供的 APIv3 密钥应为小写", strings.ToLower(own))
	if raw, err := base64.StdEncoding.DecodeString(own); err == nil {
		add("the APIv3 key given is the base64 of the key", "提供的是 APIv3 密钥的 base64", string(raw))
	}
	if raw, err := hex.DecodeString(own); err == nil {
		add("the APIv3 key given is in hexadecimal", "提供的是 APIv3 密钥的十六进制", string(raw))
	}
	sum := md5.Sum([]byte(own)) //nolint:gosec // as above
	add("it was encrypted with the MD5 of the APIv3 key", "加密用的是 APIv3 密钥的 MD5", hex.EncodeToString(sum[:]))
	return list
}

// nonces are the nonce and what may stand for it: the header's nonce, of 32 characters, of which
// some libraries take the first 12, and texts that were decoded although they are the bytes
// themselves.
func (s sealed) nonces(http string) []variant {
	const size = 12
	list := []variant{{text: s.Nonce}}
	add := func(text string) {
		if text != s.Nonce && text != "" {
			list = append(list, variant{noticeNonce, bilingual.Sprintf(
				"it was encrypted with the nonce %s, and the document says %s",
				"加密时的 nonce 是 %s，而报文中是 %s", shown(text), shown(s.Nonce)), text})
		}
	}
	add(strings.TrimSpace(s.Nonce))
	add(strings.ToUpper(s.Nonce))
	add(strings.ToLower(s.Nonce))
	if raw, err := base64.StdEncoding.DecodeString(s.Nonce); err == nil {
		add(string(raw))
	}
	if raw, err := hex.DecodeString(s.Nonce); err == nil {
		add(string(raw))
	}
	add(http)
	add(http[:min(len(http), size)])
	add(s.Nonce[:min(len(s.Nonce), size)])
	return list
}

// spellingsOf decodes a ciphertext, as it should be written and otherwise. The first is the right
// spelling, if it decodes at all, and has no cause. The last is what is left of a cut text.
func spellingsOf(text string) []variant {
	var list []variant
	add := func(why bilingual.Text, raw []byte, err error) {
		known := slices.ContainsFunc(list, func(v variant) bool { return v.text == string(raw) })
		if err == nil && len(raw) > 0 && !known {
			list = append(list, variant{noticeCiphertext, why, string(raw)})
		}
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if add(bilingual.Text{}, raw, err); len(list) > 0 {
		list[0].id = ""
	}
	raw, err = hex.DecodeString(text)
	add(bilingual.New("the ciphertext is in hexadecimal, not base64", "密文是十六进制，不是 base64"), raw, err)
	if once, err := base64.StdEncoding.DecodeString(text); err == nil {
		raw, err = base64.StdEncoding.DecodeString(string(once))
		add(bilingual.New("the ciphertext is base64 of base64", "密文被 base64 编码了两次"), raw, err)
	}
	plain := strings.NewReplacer(" ", "+", "\n", "", "\r", "", "\t", "").Replace(text)
	raw, err = base64.StdEncoding.DecodeString(plain)
	add(bilingual.New("the ciphertext has white space in it, as a + that became a space", "密文中有空白字符，例如 + 变成了空格"), raw, err)
	plain = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(plain), "=")
	raw, err = base64.RawStdEncoding.DecodeString(plain)
	add(bilingual.New("the ciphertext is in base64's alphabet for URLs, or without padding", "密文用了 URL 字母表的 base64，或缺少填充"), raw, err)
	raw, err = base64.RawStdEncoding.DecodeString(plain[:len(plain)&^3])
	add(bilingual.New("the ciphertext is cut", "密文被截断"), raw, err)
	return list
}
