package diagnosis

import (
	"bytes"
	"crypto/aes"
	"crypto/md5" //nolint:gosec // the protocol's
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

// noticeRefund: req_info opens with another key than the one that the document prescribes.
const noticeRefund cause.ID = "notice-v2-req-info"

// examineRefund returns why req_info cannot be decrypted; nothing if it can. It is base64 of
// AES-256-ECB with PKCS #7 padding, and its key is the MD5 of the APIv2 key in small hexadecimal
// digits, as 32 bytes of text (pay.weixin.qq.com doc v2/merchant 4011937251). There is no tag:
// whether a key is right shows in the text alone.
func examineRefund(info string, keys Keys) []Finding {
	if keys.V2Key == "" {
		return []Finding{{noticeRefund, bilingual.New(
			"no APIv2 key was given, so that req_info was not decrypted", "没有提供 APIv2 密钥，因此没有解密 req_info"), false}}
	}
	spellings := spellingsOf(info)
	if len(spellings) == 0 {
		return []Finding{detailed(noticeCiphertext, bilingual.New("req_info is not base64", "req_info 不是 base64"))}
	}
	for _, key := range refundKeys(keys) {
		for _, spelling := range spellings {
			plain, whole := decryptECB(key.text, []byte(spelling.text))
			switch {
			case !isRefund(plain):
			case whole && isDocument(plain):
				return found(key, spelling)
			default:
				return append(found(key), detailed(noticeCiphertext, bilingual.Sprintf(
					"the key is right, and the text that it decrypts is cut or changed: %s",
					"密钥是对的，但解出的明文被截断或改动过：%s", ending(plain))))
			}
		}
	}
	if size := base64.StdEncoding.DecodedLen(len(info)); size < aes.BlockSize {
		return []Finding{detailed(noticeCiphertext, bilingual.New("req_info is shorter than one block", "req_info 不足一个分组"))}
	}
	return []Finding{
		{noticeRefund, bilingual.New(
			"the MD5 of the APIv2 key given does not decrypt req_info", "提供的 APIv2 密钥的 MD5 解不开 req_info"), false},
		{noticeCiphertext, bilingual.New("or req_info was changed", "或者 req_info 被改动过"), false},
	}
}

// refundKeys are the key of req_info, and what may have been taken for it: the APIv2 key
// cloudpayV2key0123456789abcdefABC makes 41d03b53680ca11c985c1cd1b4fb51e8, whose 32 digits are the
// key's bytes. Decoding them to 16 makes AES-128, which fails like a wrong key.
func refundKeys(keys Keys) []variant {
	right := digestMD5(keys.V2Key)
	list := []variant{{text: right}}
	add := func(en, zh, key string) {
		if key != right {
			list = append(list, variant{noticeRefund, bilingual.New(en, zh), key})
		}
	}
	add("the APIv2 key given has white space around it", "提供的 APIv2 密钥首尾有空白字符", digestMD5(strings.TrimSpace(keys.V2Key)))
	if keys.V3Key != "" {
		add("the MD5 of the APIv3 key opens it: the two keys are interchanged", "用 APIv3 密钥的 MD5 可以解开：两个密钥填反了", digestMD5(keys.V3Key))
		add("it was encrypted with the APIv3 key itself", "加密用的是 APIv3 密钥本身", keys.V3Key)
	}
	for _, other := range keys.Others {
		if other.V2Key != "" && other.V2Key != keys.V2Key {
			list = append(list, variant{noticeRefund, bilingual.Sprintf(
				"it is encrypted for merchant %s, with that merchant's APIv2 key",
				"它是用商户 %s 的 APIv2 密钥加密的", other.MchID), digestMD5(other.V2Key)})
		}
	}
	add("it was encrypted with the MD5 in capitals", "加密用的 MD5 是大写的", strings.ToUpper(right))
	raw, _ := hex.DecodeString(right) // it is hexadecimal
	add("it was encrypted with the 16 bytes of the MD5, not its 32 digits", "加密用的是 MD5 的 16 个字节，而不是 32 位十六进制文本", string(raw))
	add("it was encrypted with the APIv2 key itself, not its MD5", "加密用的是 APIv2 密钥本身，而不是它的 MD5", keys.V2Key)
	add("the APIv2 key given must be in capitals", "提供的 APIv2 密钥应为大写", digestMD5(strings.ToUpper(keys.V2Key)))
	add("the APIv2 key given must be in small letters", "提供的 APIv2 密钥应为小写", digestMD5(strings.ToLower(keys.V2Key)))
	return list
}

// digestMD5 is the MD5 of a text in small hexadecimal digits, as APIv2 has it for this key alone.
func digestMD5(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // the protocol's
	return hex.EncodeToString(sum[:])
}

// decryptECB decrypts whole blocks. whole reports that the padding is right and nothing was left
// over; plain is then without it. A key of a wrong length decrypts nothing.
//
// Blocks do not depend on each other, so that a changed character spoils 16 bytes and leaves the
// rest readable: that tells a changed text from a wrong key.
func decryptECB(key string, raw []byte) (plain []byte, whole bool) {
	aesCipher, err := aes.NewCipher([]byte(key))
	if err != nil {
		return nil, false
	}
	plain = slices.Clone(raw[:len(raw)/aes.BlockSize*aes.BlockSize])
	for at := 0; at < len(plain); at += aes.BlockSize {
		aesCipher.Decrypt(plain[at:], plain[at:])
	}
	if len(plain) == 0 || len(plain) != len(raw) {
		return plain, false
	}
	size := int(plain[len(plain)-1])
	if size == 0 || size > aes.BlockSize || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(size)}, size)) {
		return plain, false
	}
	return plain[:len(plain)-size], true
}

// isRefund reports whether a text was decrypted with the right key: it begins as a refund's does,
// or most of it is readable. Of a wrong key three bytes in eight are printable by chance.
func isRefund(plain []byte) bool {
	const enough, share = 64, 0.75
	if bytes.HasPrefix(plain, []byte("<root>")) {
		return true
	}
	readable := 0
	for _, c := range plain {
		if c >= ' ' && c <= '~' {
			readable++
		}
	}
	return len(plain) >= enough && float64(readable) > share*float64(len(plain))
}

// isDocument reports whether a text can be read as XML to its end, in UTF-8. A spoilt block of 16
// bytes almost always breaks an element or a character.
func isDocument(plain []byte) bool {
	dec := xml.NewDecoder(bytes.NewReader(plain))
	for {
		_, err := dec.Token()
		if err != nil {
			return errors.Is(err, io.EOF) && utf8.Valid(plain)
		}
	}
}
