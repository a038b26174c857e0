package diagnosis

import (
	"crypto/hmac"
	"strings"

	"cloudpay/internal/bilingual"
)

// The sign types of APIv2 (pay.weixin.qq.com doc v2/merchant 4011985891).
const (
	signMD5  = "MD5" // also when sign_type is absent
	signHMAC = "HMAC-SHA256"
)

// V2 finds out why WeChat Pay refuses an APIv2 document: its form comes first, then the merchant,
// then the signature.
//
// Expected is set as soon as the document can be read. Signed is set if the text was found.
func V2(document []byte, keys Keys) Diagnosis {
	doc, fault := parseDocument(document)
	if fault != (bilingual.Text{}) {
		return Diagnosis{Findings: []Finding{detailed("v2-document", fault)}}
	}
	right := recipeV2{key: keys.V2Key, signType: doc.get("sign_type"), joint: jointV2}
	d := Diagnosis{Expected: right.text(doc, redacted)}
	sign := doc.get("sign")
	switch mchID := doc.get("mch_id"); {
	case keys.MchID != "" && mchID != keys.MchID:
		d.Findings = []Finding{detailed("v2-mchid", bilingual.Sprintf("mch_id is %q, and the key is that of merchant %s",
			"mch_id 是 %q，而密钥属于商户 %s", shortened(mchID), keys.MchID))}
	case right.signType != "" && right.signType != signMD5 && right.signType != signHMAC:
		d.Findings = []Finding{detailed("v2-sign-type", bilingual.Sprintf("sign_type %q must be %s, %s or absent",
			"sign_type %q 应为 %s、%s 或不填", shortened(right.signType), signMD5, signHMAC))}
	case sign == "":
		d.Findings = []Finding{known("v2-sign-missing")}
	case keys.V2Key == "":
		d.Findings, d.Signed = judgeUnkeyed(doc, right, &keys)
	case hmac.Equal([]byte(right.digest(doc)), []byte(sign)):
		d.Fine = true
	default:
		d.Findings, d.Signed = judgeV2(doc, right, &keys, &d.spent)
	}
	return d
}

// judgeV2 returns the mistakes that make the sign of a document, and the text that was signed then.
// Where none is found, the findings are that fact and the candidates that cannot be tried.
func judgeV2(doc elements, right recipeV2, keys *Keys, spent *effort) (findings []Finding, signed string) {
	sign := doc.get("sign")
	if len(right.text(doc, "")) <= maxGuessed {
		found, wrong := search(right, guesses[recipeV2]{likely: likelyV2(doc, right, keys), rare: rareV2(doc)}, spent, func(r *recipeV2) bool {
			digest := r.digest(doc)
			spent.spend(r.size)
			return digest == sign
		})
		if found != nil {
			return found, wrong.text(doc, redacted)
		}
	}
	return unknownSign(doc), ""
}

// unknownSign is a sign that no mistake makes. A wrong length is certain. Otherwise the fact is,
// and the candidates follow: another key, a value that was changed after signing, and for a text
// beyond ASCII its charset, of which GBK cannot be tried.
func unknownSign(doc elements) []Finding {
	const md5Digits, hmacDigits = 32, 64
	if digits := len(doc.get("sign")); digits != md5Digits && digits != hmacDigits {
		return []Finding{detailed("v2-length", bilingual.Sprintf(
			"the sign is %d characters long: MD5 makes 32 digits, HMAC-SHA256 makes 64", "sign 长 %d 个字符：MD5 是 32 位，HMAC-SHA256 是 64 位", digits))}
	}
	candidates := possible("v2-key-merchant", "v2-element-unsigned")
	for _, one := range doc {
		if strings.ContainsFunc(one.value, func(r rune) bool { return r > '~' }) {
			candidates = append(candidates, possible("v2-charset")...)
			break
		}
	}
	return append([]Finding{known("v2-other")}, candidates...)
}

// judgeUnkeyed is what can be said of a sign without the APIv2 key: the mistakes that use no key,
// or another that is known.
func judgeUnkeyed(doc elements, right recipeV2, keys *Keys) (findings []Finding, signed string) {
	likely := unkeyedMistakes(right.signType)
	if keys.V3Key != "" {
		likely = append(likely, mistake[recipeV2]{id: "v2-key-v3", do: func(r *recipeV2) { r.key = keys.V3Key }})
	}
	likely = append(likely, strangersKeys(keys)...)
	right.key = ""
	var spent effort
	found, wrong := search(right, guesses[recipeV2]{likely: likely}, &spent, func(r *recipeV2) bool {
		spent.spend(len(right.text(doc, "")))
		return (r.key != "" || r.noKey) && r.digest(doc) == doc.get("sign")
	})
	if found != nil {
		for i := range found {
			found[i].Certain = wrong.noKey // the key that fits may be the APIv2 key, too
		}
		return found, wrong.text(doc, redacted)
	}
	findings = unknownSign(doc)
	for i := range findings {
		findings[i].Certain = findings[i].ID == "v2-length"
	}
	return findings, ""
}
