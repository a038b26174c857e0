package diagnosis

import (
	"fmt"
	"iter"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

// likelyV2 lists the likely mistakes, the likeliest first. They are also tried in pairs.
func likelyV2(doc elements, right recipeV2, keys *Keys) []mistake[recipeV2] {
	asked, other, id := signMD5, signHMAC, cause.ID("v2-hmac-for-md5")
	if right.signType == signHMAC {
		asked, other, id = signHMAC, signMD5, "v2-md5-for-hmac"
	}
	list := []mistake[recipeV2]{
		// a library's default that differs from the document's sign_type
		{id: id, do: func(r *recipeV2) { r.signType = other }},
		// what hex encoders print
		{id: "v2-small-letters", do: func(r *recipeV2) { r.lower = true }},
		// a map that is signed as it is
		{id: "v2-empty-values", do: func(r *recipeV2) { r.empties = true }},
		// HMAC has a key of its own, which seems enough
		{id: "v2-key-unsigned", do: func(r *recipeV2) { r.noKey = true }},
		// a struct's order of fields
		{id: "v2-order", do: func(r *recipeV2) { r.order = asStands }},
		// sign_type is added behind the signing, or only before it
		{id: "v2-sign-type-unsigned", do: func(r *recipeV2) { r.skip = "sign_type" }},
		{id: "v2-sign-type-unsent", do: func(r *recipeV2) { r.extra = &element{name: "sign_type", value: asked} }},
	}
	if keys.V3Key != "" {
		list = slices.Insert(list, 0, mistake[recipeV2]{id: "v2-key-v3", do: func(r *recipeV2) { r.key = keys.V3Key }})
	}
	// HMAC-SHA256 with its sign_type in the text, which the document has lost
	if !doc.has("sign_type") {
		list = append(list, mistake[recipeV2]{id: "v2-sign-type-unsent", do: func(r *recipeV2) {
			r.signType, r.extra = signHMAC, &element{name: "sign_type", value: signHMAC}
		}})
	}
	list = slices.Concat(list, keyMistakes(right.key, asked), signMistakes(), valueMistakes(doc))
	// the fields that are set last, or by another layer than the rest
	for _, name := range []string{"sub_mch_id", "sub_appid", "nonce_str", "transaction_id", "version"} {
		if doc.get(name) != "" {
			list = append(list, unsigned(name))
		}
	}
	return append(list, strangersKeys(keys)...)
}

// unsigned is an element that was sent but not signed.
func unsigned(name string) mistake[recipeV2] {
	return mistake[recipeV2]{
		"v2-element-unsigned", bilingual.Sprintf("%s was sent but not signed", "发送了 %s，但未参与签名", name),
		func(r *recipeV2) { r.skip = name },
	}
}

// strangersKeys are the keys of other merchants that are known: a service provider has its
// sub-merchants' in the same store, and a test its neighbours'.
func strangersKeys(keys *Keys) []mistake[recipeV2] {
	const most = 64 // of very many merchants the first
	var list []mistake[recipeV2]
	for _, stranger := range keys.Others[:min(most, len(keys.Others))] {
		if stranger.V2Key != "" && stranger.MchID != keys.MchID {
			list = append(list, mistake[recipeV2]{
				"v2-key-merchant",
				bilingual.Sprintf("another merchant's APIv2 key was used, that of %s", "用了另一个商户 %s 的 APIv2 密钥", stranger.MchID),
				func(r *recipeV2) { r.key = stranger.V2Key },
			})
		}
	}
	return list
}

// unkeyedMistakes need no key: the digest is of the elements alone.
func unkeyedMistakes(signType string) []mistake[recipeV2] {
	list := []mistake[recipeV2]{
		{id: "v2-key-unsigned", do: func(r *recipeV2) { r.noKey = true }},
		{id: "v2-small-letters", do: func(r *recipeV2) { r.lower = true }},
		{id: "v2-order", do: func(r *recipeV2) { r.order = asStands }},
	}
	if signType == signHMAC {
		return append(list, mistake[recipeV2]{id: "v2-md5-for-hmac", do: func(r *recipeV2) { r.signType = signMD5 }})
	}
	return list
}

// keyMistakes are how the right key goes wrong: in another case, with what an editor left at its
// end, or joined otherwise.
func keyMistakes(right, signType string) []mistake[recipeV2] {
	key := func(id cause.ID, how bilingual.Text, edit func(string) string) mistake[recipeV2] {
		return mistake[recipeV2]{
			id, bilingual.Sprintf("the APIv2 key was used %s", "APIv2 密钥%s", how), func(r *recipeV2) { r.key = edit(r.key) },
		}
	}
	ending := func(name bilingual.Text, text string) mistake[recipeV2] {
		return key("v2-key-blank", bilingual.Sprintf("with a trailing %s", "末尾带有%s", name), func(key string) string { return key + text })
	}
	var list []mistake[recipeV2]
	if signType == signHMAC {
		list = append(list, mistake[recipeV2]{"v2-sha256", bilingual.Sprintf("it is plain SHA-256, and sign_type asks for %s",
			"实际是普通 SHA-256，而 sign_type 要求 %s", signType), func(r *recipeV2) { r.plain = true }})
	} else {
		list = append(list, mistake[recipeV2]{"v2-sha256", bilingual.New("it is plain SHA-256, and sign_type asks for MD5",
			"实际是普通 SHA-256，而 sign_type 要求 MD5"), func(r *recipeV2) { r.plain = true }})
	}
	if small := strings.ToLower(right); small != right {
		list = append(list, key("v2-key-case", bilingual.New("in small letters", "被转成小写"), strings.ToLower))
	}
	if capitals := strings.ToUpper(right); capitals != right {
		list = append(list, key("v2-key-case", bilingual.New("in capitals", "被转成大写"), strings.ToUpper))
	}
	return append(list,
		ending(bilingual.New("space", "空格"), " "), ending(bilingual.New("line feed", "换行符"), "\n"),
		ending(bilingual.New("carriage return and line feed", "回车和换行符"), "\r\n"), ending(bilingual.New("tab", "制表符"), "\t"),
		key("v2-key-blank", bilingual.New("with a leading space", "开头带有空格"), func(key string) string { return " " + key }),
		joint(""), joint("&"), joint("key="), joint("&KEY="), joint("&Key="))
}

// joint is another text before the key: nothing, or the name that the program has for the key.
func joint(text string) mistake[recipeV2] {
	return mistake[recipeV2]{
		"v2-key-name",
		bilingual.Sprintf("the APIv2 key was appended with %q before it, not with &key=", "APIv2 密钥前面是 %q，而不是 &key=", text),
		func(r *recipeV2) { r.joint = text },
	}
}

// signMistakes are sign among what is signed: as nothing, in several languages' words, or as the
// sign of a first time.
func signMistakes() []mistake[recipeV2] {
	as := func(text string) mistake[recipeV2] {
		return mistake[recipeV2]{id: "v2-sign-signed", do: func(r *recipeV2) { r.sign = "sign=" + text }}
	}
	return []mistake[recipeV2]{
		{"v2-sign-signed", bilingual.New("sign was signed too, with its first value: signing twice must leave it out",
			"sign 自身也参与了签名（取第一次的值）：重复签名时必须去掉它"), func(r *recipeV2) { r.twice = true }},
		as(""), as("null"), as("undefined"), as("None"), as("sign"),
	}
}

// valueMistakes are what is done to all values before they are signed: URL-encoded as the usual
// languages do it, which disagree about * and the digits' case, among others; with the marks of
// CDATA or the escapes of XML; trimmed; in another charset.
func valueMistakes(doc elements) []mistake[recipeV2] {
	var list []mistake[recipeV2]
	add := func(id cause.ID, detail bilingual.Text, value func(element) string) {
		changes := slices.ContainsFunc(doc, func(one element) bool { return one.name != "sign" && value(one) != one.value })
		if changes {
			list = append(list, mistake[recipeV2]{id, detail, func(r *recipeV2) { r.value = value }})
		}
	}
	for _, escape := range []func(string) string{url.QueryEscape, url.PathEscape, escapeAsJava, escapeAsJavaScript, escapeAsPHP} {
		add("v2-escaped", bilingual.Text{}, func(e element) string { return escape(e.value) })
		add("v2-escaped", bilingual.Text{}, func(e element) string { return escapes.ReplaceAllStringFunc(escape(e.value), strings.ToLower) })
	}
	// what stands between the tags is signed: a text that is cut out of the document
	raw := bilingual.New("the escapes of XML were signed, not the characters", "签名的是 XML 转义，而不是字符本身")
	inDocument := func(e element) string { return e.raw }
	if slices.ContainsFunc(doc, func(e element) bool { return strings.Contains(e.raw, cdataStart) }) {
		add("v2-cdata", bilingual.Text{}, inDocument)
	} else {
		add("v2-escaped", raw, inDocument)
	}
	// the document has CDATA, the text has escapes
	add("v2-escaped", raw, func(e element) string { return escapeXML.Replace(e.value) })
	// a writer that wraps values before they are signed, and sends them with escapes
	add("v2-cdata", bilingual.Text{}, func(e element) string { return cdataStart + e.value + cdataEnd })
	// a writer that escapes the marks: the receiver reads them as text
	add("v2-cdata", bilingual.New("the marks of CDATA were sent as text, and the value was signed without them",
		"CDATA 标记被当作文本发送，签名时的值不含它们"), func(e element) string {
		return strings.TrimSuffix(strings.TrimPrefix(e.value, cdataStart), cdataEnd)
	})
	add("v2-trimmed", bilingual.New("values were signed without the white space around them, and sent with it", "签名时去掉了值前后的空白，发送时没有去掉"),
		func(e element) string { return strings.TrimSpace(e.value) })
	return append(list, charsetMistakes(doc)...)
}

// The marks of CDATA.
const (
	cdataStart = "<![CDATA["
	cdataEnd   = "]]>"
)

// escapeXML escapes as XML writers do.
var escapeXML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")

// charsetMistakes are the charsets that lose what is not ASCII, and UTF-8 that was encoded twice.
func charsetMistakes(doc elements) []mistake[recipeV2] {
	if !slices.ContainsFunc(doc, func(e element) bool { return strings.ContainsFunc(e.value, isForeign) }) {
		return nil
	}
	as := func(name string, value func(string) string) mistake[recipeV2] {
		return mistake[recipeV2]{
			"v2-charset", bilingual.Sprintf("the text was signed in %s, not in UTF-8", "签名时文本是 %s 编码，不是 UTF-8", name),
			func(r *recipeV2) { r.value = func(e element) string { return value(e.value) } },
		}
	}
	marks := func(mark func(r rune) string) func(string) string {
		return func(text string) string {
			var out strings.Builder
			for _, r := range text {
				out.WriteString(mark(r))
			}
			return out.String()
		}
	}
	const lastLatin = 0xff
	return []mistake[recipeV2]{
		as("ASCII or ISO-8859-1", marks(func(r rune) string { // each foreign character has become ?
			if isForeign(r) {
				return "?"
			}
			return string(r)
		})),
		as("ISO-8859-1", marks(func(r rune) string {
			switch {
			case r > lastLatin:
				return "?"
			case isForeign(r):
				return string([]byte{byte(r & lastLatin)})
			default:
				return string(r)
			}
		})),
		as("UTF-8 twice", func(text string) string {
			var out strings.Builder
			for i := range len(text) {
				out.WriteRune(rune(text[i]))
			}
			return out.String()
		}),
	}
}

// isForeign reports whether a character is not ASCII.
func isForeign(r rune) bool { return r > '~' }

// rareV2 lists the mistakes with one element, and the rare forms of the others. They are tried
// alone.
func rareV2(doc elements) iter.Seq[mistake[recipeV2]] {
	return func(yield func(mistake[recipeV2]) bool) {
		list := []mistake[recipeV2]{
			{"v2-order", bilingual.New("elements were sorted without regard to capitals: the order is that of bytes", "排序时忽略了大小写：应按字节序排序"),
				func(r *recipeV2) { r.order = byFolded }},
			{"v2-order", bilingual.New("elements were sorted by name from the end to the begin", "元素按名称倒序签名"),
				func(r *recipeV2) { r.order = backward }},
			{id: "v2-key-blank", do: func(r *recipeV2) { r.key = `"` + r.key + `"` }},
			{id: "v2-key-blank", do: func(r *recipeV2) { r.key = "'" + r.key + "'" }},
			{id: "v2-key-blank", do: func(r *recipeV2) { r.key = "\ufeff" + r.key }},
			{id: "v2-key-blank", do: func(r *recipeV2) { r.key += "\u00a0" }},
			{id: "v2-key-blank", do: func(r *recipeV2) { r.key += "\r" }},
			{id: "v2-key-blank", do: func(r *recipeV2) { r.key = " " + r.key + " " }},
			{id: "v2-key-blank", do: func(r *recipeV2) { r.key += "  " }},
			{id: "v2-key-blank", do: func(r *recipeV2) { r.key = "\n" + r.key }},
			joint("&key"), joint("&apikey="), joint("&api_key="), joint("&secret="), joint("&app_key="), joint("&mch_key="), joint("?key="),
			joint("&paternerKey="), joint("&partnerKey="), joint("&key=&"), joint("&key ="), joint("&key= "), joint("&amp;key="), joint("=key="),
		}
		words := []string{"null", "undefined", "None", "nil", "{}", "[]"}
		list = slices.Grow(list, len(words))
		for _, word := range words {
			list = append(list, mistake[recipeV2]{
				"v2-empty-values", bilingual.Sprintf("empty values were signed, as %s", "空值参与了签名，写成 %s", word),
				func(r *recipeV2) { r.empties, r.empty = true, word },
			})
		}
		for _, one := range list {
			if !yield(one) {
				return
			}
		}
		for _, one := range doc {
			if one.name == "sign" || one.value == "" {
				continue
			}
			for _, wrong := range elementMistakes(one) {
				if !yield(wrong) {
					return
				}
			}
		}
	}
}

// elementMistakes are what happens to one element alone: it is left out, has white space that gets
// lost on the way, is wrapped in CDATA before signing, or is a number that is formatted twice.
func elementMistakes(one element) []mistake[recipeV2] {
	list := []mistake[recipeV2]{unsigned(one.name)}
	signedAs := func(id cause.ID, detail bilingual.Text, value string) {
		if value == one.value {
			return
		}
		list = append(list, mistake[recipeV2]{id, detail, func(r *recipeV2) {
			r.value = func(e element) string {
				if e.name == one.name {
					return value
				}
				return e.value
			}
		}})
	}
	// XML readers and writers trim, form fields and databases do not
	blank := bilingual.Sprintf("%s was signed with white space around it that was not sent", "%s 签名时带有未发送的空白", one.name)
	for _, around := range [][2]string{{"", " "}, {"", "\n"}, {"", "\r\n"}, {"", "\t"}, {" ", ""}, {"\n", ""}, {" ", " "}} {
		signedAs("v2-trimmed", blank, around[0]+one.value+around[1])
	}
	trimmed := bilingual.Sprintf("%s was signed without the white space around it, and sent with it", "%s 签名时去掉了前后空白，发送时没有去掉", one.name)
	signedAs("v2-trimmed", trimmed, strings.TrimSpace(one.value))
	signedAs("v2-cdata", bilingual.Sprintf("the marks of CDATA were taken into the value of %s", "把 CDATA 标记当成了 %s 的值", one.name),
		cdataStart+one.value+cdataEnd)
	for _, form := range numberForms(one.value) {
		signedAs("v2-numbers", bilingual.Sprintf("%s was signed as %s, and sent as %s", "%s 签名时是 %s，发送时是 %s", one.name, form, one.value), form)
	}
	return list
}

// amountRule is a number that may be an amount, in fen or in yuan.
var amountRule = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,2})?$`)

// numberForms are the other forms of a number: as a float, in yuan for fen and back. It is empty
// for what is no amount, such as an order's number of many digits.
func numberForms(value string) []string {
	if !amountRule.MatchString(value) {
		return nil
	}
	number, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return nil
	}
	const fen = 100
	// a price in yuan where fen are sent, or a float where a whole number is
	forms := make([]string, 0, 10)
	for _, n := range []float64{number, number / fen, number * fen} {
		forms = append(forms, strconv.FormatFloat(n, 'f', -1, 64), strconv.FormatFloat(n, 'f', 1, 64), strconv.FormatFloat(n, 'f', 2, 64),
			strconv.FormatFloat(n, 'e', -1, 64))
	}
	return append(forms, "0"+value, fmt.Sprintf("%06.0f", number), "+"+value)
}
