package diagnosis

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"net/url"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
)

// decodeSignature returns the bytes of a signature in base64, or in one of the forms that are
// mistaken for it. The finding is nil for standard base64. The bytes are nil if no form fits.
func decodeSignature(text string) (signature []byte, wrong *Finding) {
	fault := func(f Finding) *Finding { return &f }
	if raw, err := hex.DecodeString(text); err == nil && len(raw) > 0 { // hexadecimal digits are base64, too
		return raw, fault(known("v3-hex"))
	}
	if raw, err := base64.StdEncoding.Strict().DecodeString(text); err == nil && len(raw) > 0 {
		return decodeTwice(raw)
	}
	if raw, err := base64.RawStdEncoding.Strict().DecodeString(text); err == nil && len(raw) > 0 {
		return raw, fault(known("v3-base64-padding"))
	}
	if strings.ContainsAny(text, "-_") {
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil {
			raw = nil
		}
		return raw, fault(known("v3-base64-url"))
	}
	return repairBase64(text)
}

// decodeTwice looks into what base64 held: hexadecimal digits, or base64 once more. Bytes of a
// signature are neither by chance: 256 of them are all such characters once in 10^200 signatures.
func decodeTwice(raw []byte) ([]byte, *Finding) {
	const least = 32 // characters: shorter ones may be digits by chance
	if inner, err := hex.DecodeString(string(raw)); err == nil && len(raw) >= least {
		wrong := known("v3-base64-hex")
		return inner, &wrong
	}
	if inner, err := base64.StdEncoding.Strict().DecodeString(string(raw)); err == nil && len(raw) >= least {
		wrong := about("v3-base64-other", bilingual.New("it was encoded twice", "现在编码了两次"))
		return inner, &wrong
	}
	return raw, nil
}

// repairBase64 undoes what happens to base64 on its way: it is escaped for a URL, read as a form,
// or wrapped at 64 or 76 columns as OpenSSL and MIME write it. The bytes are nil if nothing helps.
func repairBase64(text string) ([]byte, *Finding) {
	for _, repair := range []struct {
		how  bilingual.Text
		text string
	}{
		{bilingual.New("it was URL-encoded", "现在做了 URL 编码"), unescaped(text)},
		{bilingual.New("each + has become a space", "现在 + 变成了空格"), strings.ReplaceAll(text, " ", "+")},
		{bilingual.New("it holds line feeds", "现在含有换行"), lineFeeds.Replace(text)},
	} {
		if raw, err := base64.StdEncoding.Strict().DecodeString(repair.text); err == nil && len(raw) > 0 && repair.text != text {
			wrong := about("v3-base64-other", repair.how)
			return raw, &wrong
		}
	}
	wrong := known("v3-base64-other")
	return nil, &wrong
}

// lineFeeds removes line feeds, as such and as their escapes.
var lineFeeds = strings.NewReplacer("\r", "", "\n", "", `\r`, "", `\n`, "", " ", "")

func unescaped(text string) string {
	plain, err := url.PathUnescape(text)
	if err != nil {
		return text
	}
	return plain
}

// isDigest reports whether a signature is as long as the digest of a hash, and no RSA signature:
// that of MD5, SHA-1 or one of SHA-2, or of an HMAC with it.
func isDigest(size int) bool {
	return slices.Contains([]int{16, sha256.Size224, sha256.Size, 20, 48, 64}, size)
}

// judgeDigest finds the key of a digest that was sent in place of a signature: an HMAC with one of
// the shared keys over the right message, or the bare digest. Another message or key leaves only
// the length as certain.
func judgeDigest(message string, digest []byte, keys *Keys) []Finding {
	plain := sha256.Sum256([]byte(message))
	if hmac.Equal(plain[:], digest) {
		return []Finding{detailed("v3-hmac", bilingual.New("the signature is the message's SHA-256 itself: it must be an RSA signature",
			"签名只是内容的 SHA-256 摘要：应为 RSA 签名"))}
	}
	for _, one := range []struct {
		key    string
		detail bilingual.Text
	}{
		{keys.V3Key, bilingual.New("the signature is an HMAC-SHA256 with the APIv3 key: it must be an RSA signature",
			"签名是用 APIv3 密钥做的 HMAC-SHA256：应为 RSA 签名")},
		{keys.V2Key, bilingual.New("the signature is an HMAC-SHA256 with the APIv2 key: it must be an RSA signature",
			"签名是用 APIv2 密钥做的 HMAC-SHA256：应为 RSA 签名")},
	} {
		for _, text := range []string{message, strings.TrimSuffix(message, "\n")} {
			if one.key != "" && len(text) <= maxKeyed && hmac.Equal(hmacSHA256(one.key, text), digest) {
				return []Finding{detailed("v3-hmac", one.detail)}
			}
		}
	}
	size := rsaSize
	if keys.Merchant != nil {
		size = keys.Merchant.Size()
	}
	return append([]Finding{wrongLength(len(digest), size)}, possible("v3-hmac")...)
}

// maxKeyed bounds a message that is tried with each key, in bytes.
const maxKeyed = 64 << 10

// rsaSize is the length of a signature by a merchant's key, which has 2048 bits.
const rsaSize = 256

func hmacSHA256(key, text string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = mac.Write([]byte(text)) // cannot fail
	return mac.Sum(nil)
}

// wrongLength is a signature that no key of that size makes.
func wrongLength(got, want int) Finding {
	return detailed("v3-length", bilingual.Sprintf("the signature is %d bytes long, and the merchant's key makes %d",
		"签名长 %d 字节，而商户密钥产生 %d 字节", got, want))
}

// verify reports whether the key's owner signed the message.
func verify(key *rsa.PublicKey, message string, signature []byte) bool {
	digest := sha256.Sum256([]byte(message))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
}

// hashSHA256 is the right hash's name.
const hashSHA256 = "SHA-256"

// digestInfos are the DigestInfo headers of RFC 8017, section 9.2, note 1, in hexadecimal.
var digestInfos = []struct{ name, prefix string }{
	{hashSHA256, "3031300d060960864801650304020105000420"},
	{"SHA-1", "3021300906052b0e03021a05000414"},
	{"SHA-512", "3051300d060960864801650304020305000440"},
	{"SHA-384", "3041300d060960864801650304020205000430"},
	{"SHA-224", "302d300d06096086480165030402040500041c"},
	{"MD5", "3020300c06082a864886f70d020505000410"},
}

// publicOperation raises a signature to the key's exponent, and fills the result up to the key's
// size. ok is false if the signature is not below the modulus.
func publicOperation(key *rsa.PublicKey, signature []byte) (em []byte, ok bool) {
	s := new(big.Int).SetBytes(signature)
	if s.Cmp(key.N) >= 0 {
		return nil, false
	}
	return s.Exp(s, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, key.Size())), true
}

// openSignature undoes an RSASSA-PKCS1-v1_5 signature with the public key. What comes out is the
// digest that was signed, and which hash made it: empty for bytes without a DigestInfo that is
// known. ok is false if another key signed.
func openSignature(key *rsa.PublicKey, signature []byte) (hash string, digest []byte, ok bool) {
	em, ok := publicOperation(key, signature)
	if !ok {
		return "", nil, false
	}
	rest, ok := bytes.CutPrefix(em, []byte{0, 1})
	if !ok {
		return "", nil, false
	}
	rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, "\xff"), []byte{0})
	if !ok {
		return "", nil, false
	}
	for _, info := range digestInfos {
		prefix, _ := hex.DecodeString(info.prefix) // cannot fail: constants
		if digest, ok := bytes.CutPrefix(rest, prefix); ok {
			return info.name, digest, true
		}
	}
	return "", rest, true
}

// wrongHash says over what else the right key signed.
func wrongHash(hash string, digest []byte, message string) Finding {
	sum := sha256.Sum256([]byte(message))
	switch {
	case hash != "":
		return detailed("v3-hash", bilingual.Sprintf("the right key signed, but over %s: it must be SHA-256",
			"密钥正确，但摘要算法是 %s：应为 SHA-256", hash))
	case bytes.Equal(digest, sum[:]):
		return detailed("v3-hash", bilingual.New(
			"the right key encrypted the bare SHA-256: it must sign by RSASSA-PKCS1-v1_5, which names the hash",
			"密钥正确，但只加密了 SHA-256 摘要：应使用会标明摘要算法的 RSASSA-PKCS1-v1_5 签名"))
	default:
		return detailed("v3-hash", bilingual.New("the right key signed, but over an unknown hash: it must be SHA-256",
			"密钥正确，但摘要算法未知：应为 SHA-256"))
	}
}

// judgeKey says what made a signature that the merchant's key did not make, or not with the right
// padding. PSS padding is tried first, since the key is the right one then.
func judgeKey(message string, signature []byte, keys *Keys) Finding {
	digest := sha256.Sum256([]byte(message))
	switch {
	case rsa.VerifyPSS(keys.Merchant, crypto.SHA256, digest[:], signature, nil) == nil:
		return known("v3-pss")
	case hasPSSPadding(keys.Merchant, signature):
		return detailed("v3-pss", bilingual.New("the right key signed another message, and with PSS padding: it must be RSASSA-PKCS1-v1_5",
			"密钥正确，但内容不对，且用了 PSS 填充：应为 RSASSA-PKCS1-v1_5"))
	}
	if found := foreignKey(signature, keys); found != nil {
		return *found
	}
	if keys.MchID == "" {
		return known("v3-key-other")
	}
	return detailed("v3-key-other", bilingual.Sprintf(
		"the signature was not made with the private key of merchant %s's certificate %s (with RSASSA-PKCS1-v1_5)",
		"签名不是用商户 %s 的证书 %s 对应的私钥生成的（RSASSA-PKCS1-v1_5）", keys.MchID, keys.Serial))
}

// foreignKey returns which other known key made a signature, nil for none. A signature that a key
// opens to the form of PKCS #1 was made by it: by chance that happens once in 2^60 times and less.
//
// Each key costs an operation of RSA, so that of very many merchants the first are tried.
func foreignKey(signature []byte, keys *Keys) *Finding {
	const most = 64
	for _, other := range keys.Others[:min(most, len(keys.Others))] {
		if other.Key == nil {
			continue
		}
		if _, _, ok := openSignature(other.Key, signature); ok {
			found := detailed("v3-key-merchant", bilingual.Sprintf("the signature was made with another merchant's key, that of %s",
				"签名用的是另一个商户 %s 的私钥", other.MchID))
			return &found
		}
	}
	for _, own := range keys.Platform {
		if own.Key == nil {
			continue
		}
		if _, _, ok := openSignature(own.Key, signature); ok {
			found := detailed("v3-key-platform", bilingual.Sprintf(
				"the signature was made with WeChat Pay's own key %s, which signs replies: it must be the merchant's",
				"签名用的是微信支付自己的密钥 %s（用于应答签名）：应使用商户私钥", own.Serial))
			return &found
		}
	}
	return nil
}

// judgeWithoutKey says what can be said of a signature without the merchant's certificate: whose
// else it is, and that its length is not that of an RSA signature. Nothing else is certain then,
// and it is never called right.
func judgeWithoutKey(signature []byte, right messageV3, keys *Keys) []Finding {
	if found := foreignKey(signature, keys); found != nil {
		return []Finding{*found}
	}
	const larger, largest = 384, 512 // bytes, of keys of 3072 and 4096 bits
	if !slices.Contains([]int{rsaSize, larger, largest}, len(signature)) {
		return []Finding{wrongLength(len(signature), rsaSize)}
	}
	return possible(suspectsV3(right)...)
}

// hasPSSPadding reports whether a signature was made by the key with EMSA-PSS over SHA-256,
// whatever the message (RFC 8017, section 9.1.2). It takes salts that leave at least eight bytes of
// zeros: those are no chance.
func hasPSSPadding(key *rsa.PublicKey, signature []byte) bool {
	const trailer, sure = 0xbc, 8
	em, ok := publicOperation(key, signature)
	if !ok || len(em) < sha256.Size+sure+2 || em[len(em)-1] != trailer {
		return false
	}
	masked, seed := em[:len(em)-sha256.Size-1], em[len(em)-sha256.Size-1:len(em)-1]
	db := bytes.Clone(masked)
	for i, mask := range maskSHA256(seed, len(db)) {
		db[i] ^= mask
	}
	db[0] &= 0x7f // the modulus of a key of whole bytes has one bit more than the text
	zeros := len(db) - len(bytes.TrimLeft(db, "\x00"))
	return zeros >= sure && zeros < len(db) && db[zeros] == 1
}

// maskSHA256 is the mask that hides the padding: MGF1 over SHA-256 (RFC 8017, appendix B.2.1).
func maskSHA256(seed []byte, size int) []byte {
	var mask []byte
	for counter := byte(0); len(mask) < size; counter++ {
		sum := sha256.Sum256(append(bytes.Clone(seed), 0, 0, 0, counter))
		mask = append(mask, sum[:]...)
	}
	return mask[:size]
}
