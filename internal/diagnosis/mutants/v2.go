package mutants

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// element is one of a flat document. A value stands there as CDATA, or with escapes.
type element struct {
	name, value string
	cdata       bool
}

var (
	elementForm = regexp.MustCompile(`<(\w+)>(?:<!\[CDATA\[((?s:.*?))\]\]>|([^<]*))</(\w+)>`)
	unescapes   = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&apos;", "'", "&#39;", "'", "&#34;", `"`, "&amp;", "&")
	escapes     = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
)

// document takes the body apart.
func (k *maker) document() []element {
	var doc []element
	for _, part := range elementForm.FindAllStringSubmatch(string(k.Body), -1) {
		if strings.Contains(part[0], "CDATA[") {
			doc = append(doc, element{part[1], part[2], true})
		} else {
			doc = append(doc, element{part[1], unescapes.Replace(part[3]), false})
		}
	}
	return doc
}

// setDocument writes the body.
func (k *maker) setDocument(doc []element) {
	out := []byte("<xml>")
	for _, one := range doc {
		value := escapes.Replace(one.value)
		if one.cdata {
			value = "<![CDATA[" + one.value + "]]>"
		}
		out = append(out, "<"+one.name+">"+value+"</"+one.name+">"...)
	}
	out = append(out, "</xml>"...)
	k.Body = out
}

// value is that of an element; empty if it is not there.
func value(doc []element, name string) string {
	for _, one := range doc {
		if one.name == name {
			return one.value
		}
	}
	return ""
}

// with sets an element, at the end if it is new.
func with(doc []element, name, value string) []element {
	doc = slices.Clone(doc)
	for i := range doc {
		if doc[i].name == name {
			doc[i].value = value
			return doc
		}
	}
	return append(doc, element{name, value, true})
}

// without leaves an element out.
func without(doc []element, name string) []element {
	return slices.DeleteFunc(slices.Clone(doc), func(one element) bool { return one.name == name })
}

// joined is a document as it is signed: sorted, without sign and what is empty (doc v2/merchant
// 4011985891).
func joined(doc []element) string {
	doc = slices.DeleteFunc(slices.Clone(doc), func(one element) bool { return one.name == "sign" || one.value == "" })
	return inOrder(sorted(doc))
}

func sorted(doc []element) []element {
	return slices.SortedFunc(slices.Values(doc), func(a, b element) int { return strings.Compare(a.name, b.name) })
}

// inOrder joins all elements as they stand there.
func inOrder(doc []element) string {
	parts := make([]string, len(doc))
	for i, one := range doc {
		parts[i] = one.name + "=" + one.value
	}
	return strings.Join(parts, "&")
}

// The sign_types.
const (
	signMD5  = "MD5"
	signHMAC = "HMAC-SHA256"
)

// signTypeOf is what a document asks for. In a reply that names none, the sign's length says it.
func signTypeOf(doc []element) string {
	if value(doc, "sign_type") == signHMAC || (value(doc, "sign_type") == "" && len(value(doc, "sign")) == 2*sha256.Size) {
		return signHMAC
	}
	return signMD5
}

// digestV2 is the sign of a text that the key is already part of.
func digestV2(text, key, signType string) string {
	if signType == signHMAC {
		code := hmac.New(sha256.New, []byte(key))
		code.Write([]byte(text))
		return strings.ToUpper(hex.EncodeToString(code.Sum(nil)))
	}
	sum := md5.Sum([]byte(text))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// rightSign is the sign that a document should have.
func rightSign(doc []element, key string) string {
	return digestV2(joined(doc)+"&key="+key, key, signTypeOf(doc))
}

// anewV2 makes other contents of a good document: another nonce and, where they are there, another
// amount and number.
func (k *maker) anewV2() []element {
	doc := k.document()
	for i := range doc {
		switch one := &doc[i]; one.name {
		case "nonce_str":
			one.value = pick(k, []string{k.text(letters, 32), k.text(smalls, 32), k.text(capitals, 32), k.text(letters, k.between(16, 31))})
		case "total_fee":
			one.value = strconv.Itoa(k.between(1, 99_999))
		case "out_trade_no":
			one.value += k.text(digits, k.between(0, 6))
		}
	}
	return doc
}

// varyV2 makes another good document: other contents, their order, CDATA or not.
func (k *maker) varyV2() {
	if value(k.document(), "sign") == "" || k.coin() {
		return
	}
	doc := k.anewV2()
	if k.coin() {
		k.random.Shuffle(len(doc), func(i, j int) { doc[i], doc[j] = doc[j], doc[i] })
	}
	for i := range doc {
		doc[i].cdata = k.coin() && !strings.Contains(doc[i].value, "]]>")
	}
	k.setDocument(with(doc, "sign", rightSign(doc, k.world.V2Key)))
}
