package paygate

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // APIv2's default; the protocol leaves no choice
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
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

// stringV2 is what APIv2 signs: every element but sign that is not empty, sorted by name in byte order, joined as
// name=value with &, and &key= and the APIv2 key at the end. Values are taken as they are, not URL-encoded.
func stringV2(doc fields, key string) string {
	var parts []string
	for _, f := range doc {
		if f.name != "sign" && f.value != "" {
			parts = append(parts, f.name+"="+f.value)
		}
	}
	slices.SortFunc(parts, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, "=")
		nameB, _, _ := strings.Cut(b, "=")
		return strings.Compare(nameA, nameB)
	})
	return strings.Join(append(parts, "key="+key), "&")
}

// signV2 signs a document, in capital hexadecimal digits: 32 of MD5, 64 of HMAC-SHA256.
func signV2(doc fields, key, signType string) string {
	return digestV2(stringV2(doc, key), key, signType)
}

func digestV2(text, key, signType string) string {
	if signType == signHMAC {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(text))
		return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
	}
	sum := md5.Sum([]byte(text)) //nolint:gosec // see the import
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// distrust is why a request is not believed.
type distrust struct {
	message  string // the gateway's, to the sender
	reason   string // the emulator's, to the developer
	expected string // what should have been signed
	received string // what was signed instead, when that is known
	detail   any    // APIv3
}

// authenticateV2 checks a document's signature; nil means that the merchant made it.
func (g *Gateway) authenticateV2(doc fields, m *Merchant) *distrust {
	signType := doc.get("sign_type")
	if signType != "" && signType != signMD5 && signType != signHMAC {
		return &distrust{message: "签名类型错误", reason: fmt.Sprintf("sign_type %q must be %s, %s or absent", signType, signMD5, signHMAC)}
	}
	sign := doc.get("sign")
	if subtle.ConstantTimeCompare([]byte(sign), []byte(signV2(doc, m.V2Key, signType))) == 1 {
		return nil
	}
	wrong := &distrust{message: "签名错误", expected: stringV2(doc, redacted)}
	if sign == "" {
		wrong.reason = "there is no sign"
		return wrong
	}
	wrong.reason, wrong.received = g.diagnoseV2(doc, m)
	return wrong
}
