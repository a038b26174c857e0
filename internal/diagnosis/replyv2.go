package diagnosis

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // APIv2's default; the protocol leaves no choice
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

const (
	// replyV2Key: another key makes the sign. Both sides have the key, so that it is proved.
	replyV2Key cause.ID = "reply-v2-key"
	// replyV2Elements: the sign is over more or fewer elements than are there. A class that has no
	// field for an element loses it; one with a field too many writes it, as 0 or empty.
	replyV2Elements cause.ID = "reply-v2-empty"
	// replyV2SignType: the sign is of the other digest than sign_type says.
	replyV2SignType cause.ID = "reply-v2-sign-type"
	// replyBodyParsed: the values were changed alike, by a program that read and wrote them.
	replyBodyParsed cause.ID = "reply-body-parsed"

	success = "SUCCESS"
)

// ReplyV2 says why a document of WeChat Pay in APIv2, a reply or a payment's notification, does not
// verify. Which digest its sign should be is read from sign_type, which only a notification has,
// and else from the length of sign.
//
// The text that signs is every element but sign whose value is not empty, also those that a program
// does not know, sorted by name, and the key behind them. The published vector (doc v2 chapter 4_3)
// has the key 192006250b4c09247ec02edce69f6a2d and the sign 9A0A8659F005D6984697E2CA0A9CF3B7 over
//
//	appid=wxd930ea5d5a258f4f&body=test&device_info=1000&mch_id=10000100&
//	nonce_str=ibuaiVcKdpRxkhJA&key=…
//
// Mistakes that only a signer can make, such as a test's own gateway, have the causes of a request:
// small letters, CDATA's marks signed, elements that are not sorted, a key that is not appended.
//
// A refusal with return_code FAIL is never signed. It proves nothing; where it complains about a
// signature, the causes of the request that it may mean are among the findings, as candidates.
func ReplyV2(document []byte, keys Keys) Diagnosis {
	doc, fault := parseReply(document)
	if fault != (bilingual.Text{}) {
		return refuted(detailed(replyUnsigned, bilingual.Sprintf(
			"it is no document of APIv2, and proves nothing: %s", "这不是 APIv2 报文，不能证明任何事：%s", fault)))
	}
	right := documentV2{elements: doc, key: keys.V2Key, signType: signTypeOf(doc)}
	switch sign := doc.get("sign"); {
	case sign == "":
		return refuted(unsignedV2(doc)...)
	case keys.V2Key == "":
		return Diagnosis{Expected: right.text(redacted), Findings: []Finding{{replyV2Key, bilingual.New(
			"no APIv2 key was given, so that sign was not verified", "没有提供 APIv2 密钥，因此没有验证 sign"), false}}}
	case subtle.ConstantTimeCompare([]byte(sign), []byte(right.sign())) == 1:
		d := Diagnosis{Findings: doc.ambiguous(), Expected: right.text(redacted), Signed: right.text(redacted)}
		d.Fine = len(d.Findings) == 0
		return d
	default:
		return right.explain(keys)
	}
}

// parseReply reads a document in which nothing stands beside the elements: what a reader skips, and
// no signature covers, is a fault.
func parseReply(document []byte) (doc elements, fault bilingual.Text) {
	if doc, fault = parseDocument(document); fault != (bilingual.Text{}) {
		return nil, fault
	}
	dec := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(document, []byte("\ufeff"))))
	for depth := 0; ; {
		token, err := dec.Token()
		if err != nil {
			if errors.Is(err, io.EOF) && utf8.Valid(document) {
				return doc, bilingual.Text{}
			}
			return nil, bilingual.Sprintf("it cannot be read to its end: %v", "无法读到结尾：%v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth < 2 && len(bytes.TrimSpace(token)) > 0 {
				return nil, bilingual.New("there is text between the elements", "元素之间有文本")
			}
		case xml.Directive, xml.Comment:
			return nil, bilingual.New("there is a DOCTYPE or a comment", "其中有 DOCTYPE 或注释")
		}
	}
}

// refuted is a diagnosis without a text that could have been signed.
func refuted(findings ...Finding) Diagnosis { return Diagnosis{Findings: findings} }

// signTypeOf is the digest that a document's sign must be. The reply to a close or a query has no
// sign_type and follows the request's; 64 digits can be no MD5.
func signTypeOf(doc elements) string {
	switch kind := doc.get("sign_type"); {
	case kind == signMD5, kind == signHMAC:
		return kind
	case len(doc.get("sign")) == hex.EncodedLen(sha256.Size):
		return signHMAC
	default:
		return signMD5
	}
}

// unsignedV2 is about a document without sign. With return_code SUCCESS it must have one, also if
// result_code is FAIL: some SDKs take a document without one for verified.
func unsignedV2(doc elements) []Finding {
	message := doc.get("return_msg")
	switch {
	case doc.get("return_code") != "FAIL":
		return []Finding{detailed(replyUnsigned, bilingual.New(
			"there is no sign, which return_code SUCCESS must have: forged, or taken on the way",
			"没有 sign，而 return_code 为 SUCCESS 时必须有：是伪造的，或在途中被去掉"))}
	case strings.Contains(message, "签名"):
		refused := detailed(replyUnsigned, bilingual.Sprintf(
			"return_code FAIL is never signed; it says %s: the request's sign was not accepted",
			"return_code 为 FAIL 时没有签名；它说 %s：请求的 sign 未被接受", shown(message)))
		return append([]Finding{refused}, complaints(message, cause.V2)...)
	default:
		refused := detailed(replyUnsigned, bilingual.Sprintf(
			"return_code FAIL is never signed, and only a hint; it says %s",
			"return_code 为 FAIL 时没有签名，只能作为提示；它说 %s", shown(message)))
		return append([]Finding{refused}, complaints(message, cause.V2)...)
	}
}

// ambiguous is the finding about a value that holds what reads as another element, in a place where
// the document would have the same sign if the two were apart. The sign then covers two readings.
func (e elements) ambiguous() []Finding {
	sorted := slices.SortedFunc(slices.Values(e), func(a, b element) int { return strings.Compare(a.name, b.name) })
	sorted = slices.DeleteFunc(sorted, func(one element) bool { return one.name == "sign" || one.value == "" })
	for i, one := range sorted {
		_, rest, _ := strings.Cut(one.value, "&")
		for part := range strings.SplitSeq(rest, "&") {
			name, _, isPair := strings.Cut(part, "=")
			if isPair && name > one.name && (i+1 == len(sorted) || name < sorted[i+1].name) {
				return []Finding{detailed(replyOther, bilingual.Sprintf(
					"%s holds what reads as the element %s, and the sign covers both readings",
					"%s 的值中含有看似元素 %s 的内容，sign 对两种读法都成立", one.name, shown(name)))}
			}
		}
	}
	return nil
}

// documentV2 is a way to sign a document of APIv2. The right one has the APIv2 key, the sign type
// and nothing else.
type documentV2 struct {
	elements      elements
	key, signType string
	// empty values signed
	empties bool
	// in the order of the document
	unsorted bool
	// without &key= and the key
	noKey bool
	// SHA-256 without HMAC
	plain bool
	// in small letters
	small bool
}

// text is what is signed, with the key shown as shown.
func (d *documentV2) text(shown string) string {
	signed := slices.Clone(d.elements)
	if !d.unsorted {
		slices.SortStableFunc(signed, func(a, b element) int { return strings.Compare(a.name, b.name) })
	}
	var parts []string
	for _, f := range signed {
		if f.name != "sign" && (f.value != "" || d.empties) {
			parts = append(parts, f.name+"="+f.value)
		}
	}
	if !d.noKey {
		parts = append(parts, "key="+shown)
	}
	return strings.Join(parts, "&")
}

// sign is the signature that it makes.
func (d *documentV2) sign() string {
	sum := md5.New() //nolint:gosec // the protocol's
	switch {
	case d.plain:
		sum = sha256.New()
	case d.signType == signHMAC:
		sum = hmac.New(sha256.New, []byte(d.key))
	}
	_, _ = sum.Write([]byte(d.text(d.key))) // cannot fail
	digits := hex.EncodeToString(sum.Sum(nil))
	if d.small {
		return digits
	}
	return strings.ToUpper(digits)
}

// explain finds the mistakes that make the sign of a document: one, or two of them. Of a document
// longer than maxGuessed none is tried.
func (d *documentV2) explain(keys Keys) Diagnosis {
	sign := d.elements.get("sign")
	result := Diagnosis{Expected: d.text(redacted)}
	if len(result.Expected) <= maxGuessed {
		mistakes := slices.Concat(d.keyMistakes(keys), d.digestMistakes(), d.elementMistakes(), d.valueMistakes())
		var spent effort
		found, wrong := search(*d, guesses[documentV2]{likely: mistakes}, &spent, func(wrong *documentV2) bool {
			spent.spend(len(result.Expected))
			return wrong.sign() == sign
		})
		if len(found) > 0 {
			result.Findings, result.Signed = found, wrong.text(redacted)
			return result
		}
	}
	result.Findings = d.unexplained(keys)
	return result
}

// unexplained lists what is left when no likely mistake makes the sign, the key in front: a
// document names its merchant, and a program with several keys takes the wrong one.
func (d *documentV2) unexplained(keys Keys) []Finding {
	sign, merchant := d.elements.get("sign"), d.elements.get("mch_id")
	if digits := len(sign); digits != hex.EncodedLen(md5.Size) && digits != hex.EncodedLen(sha256.Size) {
		return []Finding{detailed(replyOther, bilingual.Sprintf(
			"the sign is %d characters long: MD5 makes 32 digits, HMAC-SHA256 makes 64",
			"sign 长 %d 个字符：MD5 是 32 位，HMAC-SHA256 是 64 位", digits))}
	}
	findings := possible(replyV2Key, replyV2Elements, replyBodyParsed, replyOther)
	if keys.MchID != "" && merchant != "" && merchant != keys.MchID {
		findings[0].Detail = bilingual.Sprintf(
			"mch_id is %s, and the APIv2 key given is that of %s", "mch_id 是 %s，而提供的是 %s 的 APIv2 密钥",
			shown(merchant), keys.MchID)
	}
	return findings
}

// mistakeV2 is a mistake in the sign of a document.
type mistakeV2 = mistake[documentV2]

// keyMistakes are other keys: the one of the other API first, which is the commonest complaint in
// the issues of every SDK; then other merchants', and what an editor or environment file adds.
func (d *documentV2) keyMistakes(keys Keys) []mistakeV2 {
	var list []mistakeV2
	add := func(detail bilingual.Text, key string) {
		if key != "" && key != d.key {
			list = append(list, mistakeV2{replyV2Key, detail, func(d *documentV2) { d.key = key }})
		}
	}
	add(bilingual.New("it is signed with what was given as the APIv3 key: the two keys are interchanged",
		"它由作为 APIv3 密钥提供的那个密钥签名：两个密钥填反了"), keys.V3Key)
	for _, other := range keys.Others {
		add(bilingual.Sprintf("it is signed with the APIv2 key of merchant %s", "它由商户 %s 的 APIv2 密钥签名", other.MchID), other.V2Key)
	}
	add(bilingual.New("the APIv2 key given has white space around it", "提供的 APIv2 密钥首尾有空白字符"), strings.TrimSpace(d.key))
	add(bilingual.New("the APIv2 key given has quotation marks around it", "提供的 APIv2 密钥首尾有引号"), strings.Trim(d.key, `"'`))
	add(bilingual.New("the APIv2 key given must be in capitals", "提供的 APIv2 密钥应为大写"), strings.ToUpper(d.key))
	add(bilingual.New("the APIv2 key given must be in small letters", "提供的 APIv2 密钥应为小写"), strings.ToLower(d.key))
	for _, end := range []string{" ", "\n", "\r\n"} {
		add(bilingual.Sprintf("it is signed with the APIv2 key and %q behind it", "签名用的 APIv2 密钥末尾多了 %q", end), d.key+end)
	}
	return list
}

// digestMistakes are other digests, and other ways to write one. WeChat Pay writes capital digits.
func (d *documentV2) digestMistakes() []mistakeV2 {
	other := signMD5
	if d.signType == signMD5 {
		other = signHMAC
	}
	return []mistakeV2{
		{replyV2SignType, bilingual.Sprintf("it is signed with %s, where sign_type or the length of sign says %s",
			"它用 %s 签名，而 sign_type 或 sign 的长度表明是 %s", other, d.signType), func(d *documentV2) { d.signType = other }},
		{replyV2SignType, bilingual.New("it is plain SHA-256, where HMAC-SHA256 is meant", "它是普通的 SHA-256，应为 HMAC-SHA256"),
			func(d *documentV2) { d.plain = true }},
		{id: "v2-small-letters", do: func(d *documentV2) { d.small = true }},
		{id: "v2-key-unsigned", do: func(d *documentV2) { d.noKey = true }},
		{id: "v2-order", do: func(d *documentV2) { d.unsorted = true }},
	}
}

// elementMistakes are other elements than those received. An element that was dropped is found if
// its value is one of few; an amount that was dropped is not.
func (d *documentV2) elementMistakes() []mistakeV2 {
	list := []mistakeV2{{
		replyV2Elements, bilingual.New("empty elements were signed, too, or an element's value was lost", "空元素也参与了签名，或某个元素的值丢失了"),
		func(d *documentV2) { d.empties = true },
	}}
	without := func(detail bilingual.Text, drop func(element) bool) {
		list = append(list, mistakeV2{replyV2Elements, detail, func(d *documentV2) {
			d.elements = slices.DeleteFunc(slices.Clone(d.elements), drop)
		}})
	}
	for _, f := range d.elements {
		if f.name != "sign" && f.value != "" {
			without(bilingual.Sprintf("the element %s was not signed: it was added on the way", "元素 %s 未参与签名：它是途中添加的", f.name),
				func(other element) bool { return other.name == f.name })
		}
	}
	without(bilingual.New("the elements with the value 0 were not signed: a program added them", "值为 0 的元素未参与签名：它们是程序添加的"),
		func(f element) bool { return f.value == "0" || f.value == "null" })
	for _, f := range []element{
		{name: "return_msg", value: "OK"}, {name: "result_msg", value: "OK"}, {name: "return_code", value: success},
		{name: "result_code", value: success}, {name: "err_code", value: success}, {name: "err_code_des", value: "OK"},
		{name: "sign_type", value: signMD5}, {name: "sign_type", value: signHMAC}, {name: "fee_type", value: "CNY"},
		{name: "is_subscribe", value: "N"}, {name: "return_msg"}, {name: "device_info"}, {name: "attach"},
	} {
		if !d.elements.has(f.name) {
			list = append(list, mistakeV2{replyV2Elements, bilingual.Sprintf(
				"the element %s was signed and is missing: a program dropped it", "元素 %s 参与了签名但已丢失：它被程序去掉了", f.name),
				func(d *documentV2) {
					d.elements = append(slices.Clone(d.elements), f)
					d.empties = d.empties || f.value == ""
				}})
		}
	}
	return list
}

// valueMistakes are values that were changed after signing, or signed otherwise than they mean.
// Each is made in all values at once, as a program makes it.
func (d *documentV2) valueMistakes() []mistakeV2 {
	var list []mistakeV2
	add := func(id cause.ID, detail bilingual.Text, edit func(string) string) {
		list = append(list, mistakeV2{id, detail, func(d *documentV2) {
			d.elements = slices.Clone(d.elements)
			for i := range d.elements {
				d.elements[i].value = edit(d.elements[i].value)
			}
		}})
	}
	marked := func(text string) string {
		if text == "" {
			return ""
		}
		return "<![CDATA[" + text + "]]>"
	}
	unmarked := strings.NewReplacer("<![CDATA[", "", "]]>", "")
	add("v2-cdata", bilingual.New("CDATA's marks were signed with the values", "CDATA 标记也参与了签名"), marked)
	list = append(list, mistakeV2{"v2-cdata", bilingual.New("what stands between the tags was signed, with CDATA's marks",
		"签名时用了标签之间的全部内容，包括 CDATA 标记"), func(d *documentV2) {
		d.elements = slices.Clone(d.elements)
		for i := range d.elements {
			d.elements[i].value = d.elements[i].raw
		}
	}})
	add("v2-cdata", bilingual.New("CDATA's marks were taken into the values after signing", "签名之后 CDATA 标记被当成了值的一部分"), unmarked.Replace)
	add(replyBodyParsed, bilingual.New("white space was put around the values", "值的首尾被加上了空白字符"), strings.TrimSpace)
	add(replyBodyParsed, bilingual.New("the values were escaped once more", "值又被转义了一次"), html.UnescapeString)
	add(replyBodyParsed, bilingual.New("the values were signed escaped", "签名时值是转义过的"), html.EscapeString)
	add(replyBodyParsed, bilingual.New("the values were read as ISO-8859-1 instead of UTF-8", "值被当作 ISO-8859-1 而不是 UTF-8 读取"),
		func(text string) string {
			if plain, ok := latin1(text); ok {
				return plain
			}
			return text
		})
	for _, escape := range []func(string) string{url.QueryEscape, url.PathEscape} {
		add("v2-escaped", bilingual.Text{}, escape)
	}
	return list
}
