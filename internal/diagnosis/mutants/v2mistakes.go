package mutants

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mistakesV2 are those in the document and in the sign of a request of APIv2.
var mistakesV2 = []mutator{
	{"v2-document", RequestV2, (*maker).brokenDocument},
	{"v2-mchid", RequestV2, resigned(func(k *maker, doc []element) []element {
		return with(doc, "mch_id", pick(k, []string{k.world.SubMchID, k.text(digits, 10), k.world.AppID}))
	})},
	{"v2-sign-missing", RequestV2, func(k *maker) bool {
		k.setDocument(without(k.document(), "sign"))
		return k.as("no sign")
	}},
	{"v2-sign-type", RequestV2, resigned(func(k *maker, doc []element) []element {
		return with(doc, "sign_type", pick(k, []string{"md5", "HMAC_SHA256", "SHA256", "hmac-sha256", "HMAC-SHA-256", "RSA", "HmacSHA256"}))
	})},
	{"v2-trimmed", RequestV2, (*maker).trimmedV2},
	{"v2-charset", RequestV2, (*maker).charset},
	{"v2-numbers", RequestV2, (*maker).numbersV2},
	{"v2-key-v3", RequestV2, keyedV2(func(k *maker) string { return k.world.V3Key })},
	{"v2-key-case", RequestV2, keyedV2(func(k *maker) string {
		return pick(k, []string{strings.ToLower(k.world.V2Key), strings.ToUpper(k.world.V2Key)})
	})},
	{"v2-key-blank", RequestV2, keyedV2(func(k *maker) string { return k.world.V2Key + pick(k, []string{" ", "\n", "\r\n", "\t", "  "}) })},
	{"v2-key-merchant", RequestV2, keyedV2(func(k *maker) string { return k.world.Other.V2Key })},
	{"v2-key-unsigned", RequestV2, joining(func(_ *maker, doc []element) string { return joined(doc) })},
	{"v2-key-name", RequestV2, joining(func(k *maker, doc []element) string {
		return joined(doc) + pick(k, []string{"", "&", "key=", "&KEY=", "&Key=", "&secret=", "&apikey="}) + k.world.V2Key
	})},
	{"v2-md5-for-hmac", RequestV2, typed(signHMAC, signMD5)},
	{"v2-hmac-for-md5", RequestV2, typed(signMD5, signHMAC)},
	{"v2-small-letters", RequestV2, summed(func(k *maker, doc []element) string { return strings.ToLower(rightSign(doc, k.world.V2Key)) })},
	{"v2-sha256", RequestV2, summed(func(k *maker, doc []element) string {
		sum := sha256.Sum256([]byte(joined(doc) + "&key=" + k.world.V2Key))
		return strings.ToUpper(hex.EncodeToString(sum[:]))
	})},
	{"v2-empty-values", RequestV2, (*maker).signEmpty},
	{"v2-order", RequestV2, (*maker).signUnsorted},
	{"v2-sign-type-unsigned", RequestV2, (*maker).signTypeUnsigned},
	{"v2-sign-type-unsent", RequestV2, (*maker).signTypeUnsent},
	{"v2-element-unsigned", RequestV2, (*maker).elementUnsigned},
	{"v2-sign-signed", RequestV2, (*maker).signSigned},
	{"v2-escaped", RequestV2, (*maker).signEscaped},
	{"v2-cdata", RequestV2, (*maker).signCDATA},
	{"v2-length", RequestV2, summed((*maker).otherDigits)},
	{"v2-other", RequestV2, (*maker).otherV2},
}

// summed makes a mistake in the sign of other contents.
func summed(sign func(*maker, []element) string) func(*maker) bool {
	return func(k *maker) bool {
		doc := k.anewV2()
		return k.signed(doc, sign(k, doc))
	}
}

// resigned makes a mistake in a document whose sign is right.
func resigned(edit func(*maker, []element) []element) func(*maker) bool {
	return func(k *maker) bool {
		doc := edit(k, k.anewV2())
		k.setDocument(with(doc, "sign", rightSign(doc, k.world.V2Key)))
		return k.as("%s", k.Body)
	}
}

// signed sends a document with a sign; false if that is right.
func (k *maker) signed(doc []element, sign string) bool {
	k.setDocument(with(doc, "sign", sign))
	return sign != rightSign(doc, k.world.V2Key) && k.as("%s", sign)
}

// joining makes a mistake in what is signed behind the elements.
func joining(join func(*maker, []element) string) func(*maker) bool {
	return summed(func(k *maker, doc []element) string { return digestV2(join(k, doc), k.world.V2Key, signTypeOf(doc)) })
}

// keyedV2 makes a mistake in the key.
func keyedV2(key func(*maker) string) func(*maker) bool {
	return summed(func(k *maker, doc []element) string { return rightSign(doc, key(k)) })
}

// typed signs in another way than sign_type asks for.
func typed(asked, done string) func(*maker) bool {
	return func(k *maker) bool {
		doc := k.anewV2()
		if asked == signMD5 && k.coin() {
			doc = without(doc, "sign_type") // which asks for MD5
		} else {
			doc = with(doc, "sign_type", asked)
		}
		return k.signed(doc, digestV2(joined(doc)+"&key="+k.world.V2Key, k.world.V2Key, done))
	}
}

// sum signs a text joined in another way, with the right key.
func (k *maker) sum(doc []element, text string) string {
	return digestV2(text+"&key="+k.world.V2Key, k.world.V2Key, signTypeOf(doc))
}

// signEmpty signs an element that is empty.
func (k *maker) signEmpty() bool {
	name := pick(k, []string{"attach", "device_info", "detail", "goods_tag", "sub_appid"})
	doc := with(k.anewV2(), name, "")
	return k.signed(doc, k.sum(doc, inOrder(sorted(without(doc, "sign")))))
}

// signUnsorted signs the elements as they are sent.
func (k *maker) signUnsorted() bool {
	doc := k.anewV2()
	if k.coin() {
		k.random.Shuffle(len(doc), func(i, j int) { doc[i], doc[j] = doc[j], doc[i] })
	}
	full := slices.DeleteFunc(without(doc, "sign"), func(one element) bool { return one.value == "" })
	return k.signed(doc, k.sum(doc, inOrder(full)))
}

// signTypeUnsigned sends sign_type, and does not sign it.
func (k *maker) signTypeUnsigned() bool {
	doc := with(k.anewV2(), "sign_type", pick(k, []string{signMD5, signHMAC}))
	return k.signed(doc, k.sum(doc, joined(without(doc, "sign_type"))))
}

// signTypeUnsent signs sign_type, and does not send it.
func (k *maker) signTypeUnsent() bool {
	doc := with(k.anewV2(), "sign_type", pick(k, []string{signMD5, signMD5, signHMAC}))
	sign := rightSign(doc, k.world.V2Key)
	return k.signed(without(doc, "sign_type"), sign)
}

// elementUnsigned leaves an element out of what is signed.
func (k *maker) elementUnsigned() bool {
	doc := k.anewV2()
	left := pick(k, doc)
	if left.name == "sign" || left.name == "sign_type" || left.value == "" {
		return false
	}
	return k.signed(doc, k.sum(doc, joined(without(doc, left.name)))) && k.as("%s is not signed", left.name)
}

// signSigned signs a sign too: nothing as several languages write it, or that of a first time.
func (k *maker) signSigned() bool {
	doc := k.anewV2()
	first := pick(k, []string{"", "null", "undefined", "None", rightSign(doc, k.world.V2Key)})
	all := slices.DeleteFunc(slices.Clone(doc), func(one element) bool { return one.value == "" && one.name != "sign" })
	return k.signed(doc, k.sum(doc, inOrder(sorted(with(all, "sign", first))))) && k.as("signed sign=%s", first)
}

var percents = regexp.MustCompile(`%[0-9A-F]{2}`)

// signEscaped signs values as an address has them, in the ways of several languages.
func (k *maker) signEscaped() bool {
	doc := k.anewV2()
	escape := pick(k, []func(string) string{
		url.QueryEscape, url.PathEscape,
		func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
		func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2A", "*") },
		func(s string) string { return strings.NewReplacer("+", "%20", "%2A", "*").Replace(url.QueryEscape(s)) },
	})
	small := k.rarely(4)
	written := slices.Clone(without(doc, "sign"))
	for i := range written {
		written[i].value = escape(written[i].value)
		if small {
			written[i].value = percents.ReplaceAllStringFunc(written[i].value, strings.ToLower)
		}
	}
	return k.signed(doc, k.sum(doc, joined(written)))
}

// signCDATA signs the marks of CDATA as part of the values.
func (k *maker) signCDATA() bool {
	doc := k.anewV2()
	written := slices.Clone(without(doc, "sign"))
	changed := false
	for i := range doc {
		doc[i].cdata = doc[i].cdata || doc[i].name != "total_fee"
	}
	for i, one := range written {
		if value(doc, one.name) != "" && (one.cdata || one.name != "total_fee") {
			written[i].value, changed = "<![CDATA["+one.value+"]]>", true
		}
	}
	return changed && k.signed(doc, k.sum(doc, joined(written)))
}

// otherDigits is a sign of another length: cut, or by another hash.
func (k *maker) otherDigits(doc []element) string {
	text := []byte(joined(doc) + "&key=" + k.world.V2Key)
	right := rightSign(doc, k.world.V2Key)
	one, long := sha1.Sum(text), sha512.Sum512(text)
	return pick(k, []string{
		right[8:24], right[:k.between(1, 31)], right + right[:k.between(1, 16)],
		strings.ToUpper(hex.EncodeToString(one[:])), strings.ToUpper(hex.EncodeToString(long[:])),
	})
}

// otherV2 is signed with an unknown key, or changed after it was signed.
func (k *maker) otherV2() bool {
	doc := k.anewV2()
	if k.coin() {
		return k.signed(doc, rightSign(doc, k.text(letters, 32)))
	}
	sign := rightSign(doc, k.world.V2Key)
	for i := range doc {
		if doc[i].name == "out_trade_no" || doc[i].name == "transaction_id" {
			doc[i].value = k.text(digits, len(doc[i].value))
		}
	}
	return k.signed(doc, sign)
}

// brokenDocument is no flat XML any more, or no XML at all.
func (k *maker) brokenDocument() bool {
	right := string(k.Body)
	nonce := value(k.document(), "nonce_str")
	k.Body = []byte(pick(k, []string{
		right[:len(right)-k.between(2, 40)], strings.Replace(right, "<xml>", "", 1), strings.Replace(right, "</xml>", "", 1),
		strings.Replace(right, "<xml>", "<xml><nonce_str>"+nonce+"</nonce_str>", 1), `{"nonce_str":"` + nonce + `"}`, "",
		strings.Replace(right, "<xml>", "<xml><attach>a & b</attach>", 1), strings.Replace(right, "<xml>", "<xml><a><b>1</b></a>", 1),
		`<!DOCTYPE xml [<!ENTITY a "b">]>` + right, url.QueryEscape(right),
	}))
	return string(k.Body) != right && k.as("%s", k.Body)
}

// trimmedV2 has white space around one value, either in what is sent or in what is signed.
func (k *maker) trimmedV2() bool {
	doc := k.anewV2()
	at := k.random.IntN(len(doc))
	if doc[at].name == "sign" || doc[at].name == "sign_type" || doc[at].name == "mch_id" || doc[at].value == "" {
		return false
	}
	blank := slices.Clone(doc)
	blank[at].value = pick(k, []string{doc[at].value + " ", doc[at].value + "\n", " " + doc[at].value, doc[at].value + "\t"})
	if k.coin() {
		return k.signed(blank, k.sum(doc, joined(doc)))
	}
	return k.signed(doc, k.sum(doc, joined(blank)))
}

// charset signs what is not ASCII as other charsets have it.
func (k *maker) charset() bool {
	doc := k.anewV2()
	written := slices.Clone(without(doc, "sign"))
	changed := false
	for i, one := range written {
		value := []byte{}
		for _, r := range one.value {
			if r > 0x7f {
				value, changed = append(value, '?'), true
			} else {
				value = append(value, string(r)...)
			}
		}
		written[i].value = string(value)
	}
	return changed && k.signed(doc, k.sum(doc, joined(written)))
}

// numbersV2 signs an amount in another form than it is sent.
func (k *maker) numbersV2() bool {
	doc := k.anewV2()
	fee := value(doc, "total_fee")
	if fee == "" {
		return false
	}
	fen, _ := strconv.ParseFloat(fee, 64) // it is a number
	form := pick(k, []string{
		fee + ".0", fee + ".00", "0" + fee, strconv.FormatFloat(fen/100, 'f', 2, 64), strconv.FormatFloat(fen/100, 'f', -1, 64),
	})
	return k.signed(doc, k.sum(doc, joined(with(doc, "total_fee", form))))
}
