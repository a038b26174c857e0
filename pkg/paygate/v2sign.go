package paygate

import (
	"crypto"
	"crypto/hmac"
	_ "crypto/md5" // APIv2's default; the protocol leaves no choice
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
)

// The sign types of APIv2 (pay.weixin.qq.com doc v2/merchant 4011985891).
const (
	signMD5  = "MD5" // also when sign_type is absent
	signHMAC = "HMAC-SHA256"
)

// redacted stands for a key wherever a signed string is shown.
const redacted = "<redacted>"

// appendStringV2 appends what APIv2 signs: every element but sign that is not empty, sorted by name
// in byte order, joined as name=value with &, and &key= and the APIv2 key at the end. Values are
// taken as they are, not URL-encoded.
func appendStringV2(text []byte, doc fields, key string) []byte {
	signed := make(fields, 0, len(doc))
	for _, f := range doc {
		if f.name != "sign" && f.value != "" {
			signed = append(signed, f)
		}
	}
	slices.SortFunc(signed, func(a, b field) int { return strings.Compare(a.name, b.name) })
	for _, f := range signed {
		text = append(append(text, f.name...), '=')
		text = append(append(text, f.value...), '&')
	}
	return append(append(text, "key="...), key...)
}

// signV2 signs a document, in capital hexadecimal digits: 32 of MD5, 64 of HMAC-SHA256.
func signV2(doc fields, key, signType string) string {
	const typical = 1 << 10 // bytes
	return digestV2(appendStringV2(make([]byte, 0, typical), doc, key), key, signType)
}

// digestV2 is the digest of a signed string. HMAC-SHA256 has the key twice: in the text, and as its
// own.
func digestV2(text []byte, key, signType string) string {
	sum := crypto.MD5.New()
	if signType == signHMAC {
		sum = hmac.New(sha256.New, []byte(key))
	}
	_, _ = sum.Write(text) // cannot fail
	return strings.ToUpper(hex.EncodeToString(sum.Sum(nil)))
}

// distrust is why a request is not believed.
type distrust struct {
	// the gateway's words, to the sender
	message string
	// the emulator's words, to the developer
	reason string
	// the cause's ID in docs/why.md
	cause string
	// what should have been signed
	expected string
	// what was signed in its place, if that is known
	received string
	// APIv3's, for the reply
	detail any
}

// authenticateV2 checks a document's signature. nil means that it holds.
func (g *Gateway) authenticateV2(document []byte, doc fields, m *Merchant) *distrust {
	signType := doc.get("sign_type")
	wrong := &distrust{message: "签名错误"}
	switch signType {
	case "", signMD5, signHMAC:
		if subtle.ConstantTimeCompare([]byte(doc.get("sign")), []byte(signV2(doc, m.V2Key, signType))) == 1 {
			return nil
		}
	default:
		wrong.message = "签名类型错误"
	}
	g.explainV2(wrong, document, m)
	return wrong
}
