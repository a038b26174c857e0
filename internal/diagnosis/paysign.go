package diagnosis

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

// What a client is handed to pay with is signed once more (调起支付):
//
//	APIv3, JSAPI  appId\ntimeStamp\nnonceStr\npackage\n, RSA-SHA256 in base64
//	APIv3, APP    appid\ntimestamp\nnoncestr\nprepayid\n, the same, with the bare prepay_id
//	APIv2, JSAPI  appId=…&nonceStr=…&package=…&signType=…&timeStamp=…&key=…, MD5 or HMAC-SHA256
//	APIv2, APP    appid=…&noncestr=…&package=Sign=WXPay&partnerid=…&prepayid=…&timestamp=…&key=…

// Payment is what is known of the order that a client is to pay. Zero fields are not compared.
type Payment struct {
	// API is v2 or v3; empty: the form of the signature tells it.
	API string
	// SignType is that of placing by APIv2; empty: MD5.
	SignType string
	// AppID is the appid that the order was placed for; empty: the one handed over counts.
	AppID string
	// OtherAppID is the other party's in partner mode, which is easily taken for it.
	OtherAppID string
	// MchIDs are the merchants that an app may name as partnerid, the one that placed it first.
	MchIDs []string
	// PrepayID is what WeChat Pay answered.
	PrepayID string
	// Hindrance is a clause or a sentence that says why the user cannot pay although all fields are
	// right; empty: nothing is known to keep them from it.
	Hindrance bilingual.Text
}

// PaySign finds out why WeChat's client refuses what it is handed to pay with: the fields of
// wx.requestPayment, of WeixinJSBridge or of an app, in any spelling of their names. Fields with
// other names are passed over, as the client does it. The form of the fields comes first, then
// whether they fit the order, then the signature, by the API that placed the order, and last what
// keeps the user from paying.
//
// Expected is set once the signature is looked at and the appid is known, Signed if the text was
// found. Without an appid, and without the key, it is never fine.
func PaySign(given map[string]any, order Payment, keys Keys) Diagnosis {
	h, wrong := readHanded(given)
	if wrong == nil {
		wrong = h.check()
	}
	if wrong == nil {
		wrong = h.fits(&order)
	}
	if wrong != nil {
		return Diagnosis{Findings: []Finding{*wrong}}
	}
	if wrong := h.confused(&order); wrong != nil {
		return Diagnosis{Findings: []Finding{*wrong}}
	}
	order.AppID = cmp.Or(order.AppID, h.text["appid"])
	assumed := order.AppID == ""
	order.AppID = cmp.Or(order.AppID, keys.AppID)
	judge := h.judgeV3
	if order.API == apiV2 {
		judge = h.judgeV2
	}
	d := judge(&order, &keys)
	for i := range d.Findings {
		// a merchant may have several appids: another one's text is no proof of a mistake
		if d.Findings[i].ID == "pay-sign-other" && assumed {
			d.Findings[i].Certain = false
		}
	}
	if d.Fine && order.Hindrance != (bilingual.Text{}) { // there is no text to compare: it is right
		return Diagnosis{Findings: []Finding{about("pay-sign-not-payable", order.Hindrance)}}
	}
	return d
}

// The APIs, as a Payment names them.
const (
	apiV2 = "v2"
	apiV3 = "v3"
)

// handed is the fields that a client is handed, by their names in small letters and without _.
// package has the names packageVal and packageValue too, and paySign the name sign.
type handed struct{ text map[string]string }

// handedNames are the names in their usual spellings. Only an app needs the last two.
var handedNames = map[string]string{
	"appid": "appId", "timestamp": "timeStamp", "noncestr": "nonceStr", "package": "package", "signtype": "signType",
	"sign": "paySign", "partnerid": "partnerid", "prepayid": "prepayid",
}

// What package is in an app, and how it begins elsewhere.
const (
	appPackage   = "Sign=WXPay"
	jsapiPackage = "prepay_id="
)

// readHanded folds the names. Of two spellings of one name, or a value that is no text, the finding
// says which; names are looked at in their order, so that it is the same each time.
func readHanded(given map[string]any) (handed, *Finding) {
	h := handed{map[string]string{}}
	names := make([]string, 0, len(given))
	for name := range given {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, spelt := range names {
		name := strings.ReplaceAll(strings.ToLower(spelt), "_", "")
		switch name {
		case "packageval", "packagevalue":
			name = "package"
		case "paysign":
			name = "sign"
		}
		usual, known := handedNames[name]
		if !known {
			continue
		}
		if _, twice := h.text[name]; twice {
			return h, payFault("pay-sign-field-name", "%s is there twice", "%s 出现了两次", usual)
		}
		text, is := given[spelt].(string)
		if !is {
			return h, payFault("pay-sign-field-type", "%s must be a string", "%s 应为字符串", usual)
		}
		h.text[name] = text
	}
	return h, nil
}

// payFault is a proved finding in words of its own.
func payFault(id cause.ID, en, zh string, values ...any) *Finding {
	found := detailed(id, bilingual.Sprintf(en, zh, values...))
	return &found
}

// isApp reports whether the fields are an app's. A mini-program's may repeat the prepay_id beside
// package, as WeChat Pay's own SDK has them.
func (h handed) isApp() bool {
	_, partner := h.text["partnerid"]
	return partner || h.text["package"] == appPackage || h.text["prepayid"] != "" && !strings.HasPrefix(h.text["package"], jsapiPackage)
}

// prepayID is the prepay_id that the fields name.
func (h handed) prepayID() string {
	if h.isApp() {
		return h.text["prepayid"]
	}
	return strings.TrimPrefix(h.text["package"], jsapiPackage)
}

// secondsRule is a timestamp: seconds since 1970, as they have been since 2001.
var secondsRule = regexp.MustCompile(`^[1-9][0-9]{9}$`)

// check returns the first field that is missing or has another form than any payment's.
func (h handed) check() *Finding {
	needed := []string{"timestamp", "noncestr", "package", "sign"}
	if h.isApp() {
		needed = []string{"partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"}
	}
	for _, name := range needed {
		if h.text[name] == "" {
			return payFault("pay-sign-field-missing", "%s is missing or empty", "缺少 %s，或其为空", handedNames[name])
		}
	}
	const most = 32 // String(32) in the documents
	switch stamp := h.text["timestamp"]; {
	case len(stamp) == len("1554208460000") && secondsRule.MatchString(stamp[:10]):
		return payFault("pay-sign-time-form", "timeStamp %s is in milliseconds: it must be in seconds",
			"timeStamp %s 是毫秒：应为秒", shortened(stamp))
	case !secondsRule.MatchString(stamp):
		return payFault("pay-sign-time-form", "timeStamp %q must be seconds since 1970, in ten digits",
			"timeStamp %q 应为 10 位的秒数", shortened(stamp))
	case len(h.text["noncestr"]) > most:
		return payFault("pay-sign-nonce-long", "nonceStr must be at most %d characters, not %d", "nonceStr 最多 %d 个字符，现在是 %d 个",
			most, len(h.text["noncestr"]))
	default:
		return h.checkPackage()
	}
}

// checkPackage returns a package of another form than the payment's, or with another prepay_id than
// the field beside it.
func (h handed) checkPackage() *Finding {
	pack := h.text["package"]
	switch beside := h.text["prepayid"]; {
	case h.isApp() && pack != appPackage:
		return payFault("pay-sign-package-form", "package %q must be %s for an app", "package %q 在 APP 中应为 %s", shortened(pack), appPackage)
	case !h.isApp() && !strings.HasPrefix(pack, jsapiPackage):
		return payFault("pay-sign-package-form", "package %q must be %s and the prepay_id",
			"package %q 应为 %s 加预支付标识", shortened(pack), jsapiPackage)
	case !h.isApp() && beside != "" && beside != h.prepayID():
		return payFault("pay-sign-package-form", "package has another prepay_id than the one beside it, %s",
			"package 中的 prepay_id 与旁边的 %s 不同", shortened(beside))
	default:
		return nil
	}
}

// fits returns the first field that does not fit what is known of the order.
func (h handed) fits(o *Payment) *Finding {
	appID, partner, signType := h.text["appid"], h.text["partnerid"], h.text["signtype"]
	want := "RSA"
	if o.API == apiV2 {
		signType, want = cmp.Or(signType, signMD5), cmp.Or(o.SignType, signMD5)
	}
	switch {
	case o.PrepayID != "" && h.prepayID() != o.PrepayID:
		return payFault("pay-sign-prepay-id", "the prepay_id is %s, and the order's is %s", "prepay_id 是 %s，而订单的是 %s",
			shortened(h.prepayID()), o.PrepayID)
	case o.AppID != "" && appID != "" && appID != o.AppID:
		return payFault("pay-sign-appid-other", "appId %s is not the one that the order was placed for, %s", "appId %s 不是下单时的 %s",
			shortened(appID), o.AppID)
	case h.isApp() && len(o.MchIDs) > 0 && !slices.Contains(o.MchIDs, partner):
		return payFault("pay-sign-partnerid", "partnerid %s is not the merchant of the order, %s", "partnerid %s 不是该订单的商户 %s",
			shortened(partner), o.MchIDs[0])
	case h.isApp(), o.API == "", signType == want:
		return nil
	case signType == "":
		return payFault("pay-sign-type",
			"signType is missing: the order was placed by APIv3, and it must be %s (without one the client takes %s)",
			"缺少 signType：订单由 APIv3 下单，应为 %s（不填时客户端按 %s 处理）", want, signMD5)
	default:
		return payFault("pay-sign-type", "signType %s must be %s: the order was placed by API%s with it", "signType %s 应为 %s：订单由 API%s 这样下单",
			shortened(signType), want, o.API)
	}
}

// hexSign is a sign of APIv2: MD5 or HMAC-SHA256 in hexadecimal.
var hexSign = regexp.MustCompile(`^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{64})$`)

// confused compares the form of the signature with the API, and sets the API where it is not known:
// a digest in hexadecimal is APIv2's. Where signType says another, one of the two is wrong.
func (h handed) confused(o *Payment) *Finding {
	const shortest = 128 // characters that no digest has; an RSA signature has 344
	isDigest, signType := hexSign.MatchString(h.text["sign"]), h.text["signtype"]
	isLong := len(h.text["sign"]) > shortest
	switch {
	case isDigest && (o.API == apiV3 || o.API == "" && signType == "RSA"):
		return payFault("pay-sign-v2-sign", "paySign is APIv2's, in hexadecimal, and must be an RSA signature in base64",
			"paySign 是 APIv2 的十六进制签名，应为 base64 的 RSA 签名")
	case isLong && o.API == apiV2:
		return payFault("pay-sign-v3-sign", "paySign is APIv3's, in base64: the order was placed by APIv2, which signs with %s in hexadecimal",
			"paySign 是 APIv3 的 base64 签名：订单由 APIv2 下单，应为十六进制的 %s", cmp.Or(o.SignType, signMD5))
	case isLong && !h.isApp() && signType != "RSA":
		return payFault("pay-sign-type", "paySign is an RSA signature, and signType is %q: it must be RSA",
			"paySign 是 RSA 签名，而 signType 是 %q：应为 RSA",
			shortened(signType))
	}
	if o.API == "" {
		o.API, o.SignType = h.impliedAPI()
	}
	return nil
}

// impliedAPI is the API, and the sign type of APIv2, by the form of the signature. An app's fields
// have no signType: a digest's length tells it.
func (h handed) impliedAPI() (api, signType string) {
	sign, signType := h.text["sign"], h.text["signtype"]
	switch isV2 := signType == signMD5 || signType == signHMAC; {
	case !isV2 && !hexSign.MatchString(sign):
		return apiV3, ""
	case signType == "" && len(sign) == 2*sha256.Size:
		return apiV2, signHMAC
	default:
		return apiV2, signType
	}
}

// judgeV3 looks at an RSA signature as that of a request is looked at.
func (h handed) judgeV3(o *Payment, keys *Keys) Diagnosis {
	right := clientText{appID: o.AppID, timestamp: h.text["timestamp"], nonce: h.text["noncestr"], last: h.text["package"]}
	if h.isApp() {
		right.last = h.text["prepayid"]
	}
	d := Diagnosis{}
	if o.AppID != "" {
		d.Expected = right.text()
	}
	signature, encoding := decodeSignature(h.text["sign"])
	switch {
	case signature == nil:
		d.Findings = []Finding{asPaySign(*encoding)}
		return d
	case encoding != nil:
		d.Findings = []Finding{asPaySign(*encoding)}
	}
	if isDigest(len(signature)) {
		for _, found := range judgeDigest(right.text(), signature, keys) {
			d.Findings = append(d.Findings, asPaySign(found))
		}
		return d
	}
	if keys.Merchant == nil {
		d.Findings = append(d.Findings, h.withoutKey(signature, keys)...)
		return d
	}
	if o.AppID != "" && verify(keys.Merchant, right.text(), signature) {
		d.Fine = encoding == nil
		return d
	}
	hash, digest, opened := openSignature(keys.Merchant, signature)
	switch {
	case len(signature) != keys.Merchant.Size():
		d.Findings = append(d.Findings, asPaySign(wrongLength(len(signature), keys.Merchant.Size())))
	case !opened:
		d.Findings = append(d.Findings, asPaySign(judgeKey(right.text(), signature, keys)))
	case hash != hashSHA256:
		d.Findings = append(d.Findings, asPaySign(wrongHash(hash, digest, right.text())))
	case o.AppID == "":
		d.Findings = append(d.Findings, possible(paySignTexts...)...)
	default:
		found, signed := guessClientText(right, h, o, digest, &d.spent)
		d.Findings, d.Signed = append(d.Findings, found...), signed
	}
	return d
}

// withoutKey is what can be said of a signature without the merchant's public key: whose else it
// is. Nothing else is certain then.
func (h handed) withoutKey(signature []byte, keys *Keys) []Finding {
	if found := foreignKey(signature, keys); found != nil {
		return []Finding{asPaySign(*found)}
	}
	return possible(append([]cause.ID{"pay-sign-key-other"}, paySignTexts...)...)
}

// paySignTexts are the causes in the text of APIv3, as candidates where it cannot be opened.
var paySignTexts = []cause.ID{
	"pay-sign-package-signed", "pay-sign-appid-signed", "pay-sign-timestamp-differs", "pay-sign-nonce-differs", "pay-sign-last-line-feed",
	"pay-sign-pairs", "pay-sign-lines-swapped", "pay-sign-separator", "pay-sign-backslash-n", "pay-sign-other",
}

// guessClientText digests texts until one has the digest that the merchant's key signed, and
// returns it. Where none has, the findings are that fact and the candidates.
func guessClientText(right clientText, h handed, o *Payment, digest []byte, spent *effort) (findings []Finding, signed string) {
	if len(right.text()) <= maxGuessed {
		found, wrong := search(right, guesses[clientText]{likely: likelyPayV3(right, h, o)}, spent, func(c *clientText) bool {
			text := c.text()
			spent.spend(len(text))
			sum := sha256.Sum256([]byte(text))
			return bytes.Equal(sum[:], digest)
		})
		if found != nil {
			return found, wrong.text()
		}
	}
	other := detailed("pay-sign-other", bilingual.New(
		"the right key signed another text: appId, timeStamp, nonceStr or package differ from those handed over",
		"密钥正确，但签名的是另一段文本：appId、timeStamp、nonceStr 或 package 与传入的不同"))
	return append([]Finding{other}, possible("pay-sign-nonce-differs", "pay-sign-appid-signed", "pay-sign-timestamp-differs")...), ""
}

// paySignIDs are the rows of a paySign for the findings about requests and documents.
var paySignIDs = map[cause.ID]cause.ID{
	"v3-hex": "pay-sign-base64", "v3-base64-hex": "pay-sign-base64", "v3-base64-url": "pay-sign-base64",
	"v3-base64-padding": "pay-sign-base64", "v3-base64-other": "pay-sign-base64", "v3-length": "pay-sign-length",
	"v3-hash": "pay-sign-hash", "v3-pss": "pay-sign-pss", "v3-hmac": "pay-sign-key-v3", "v3-key-merchant": "pay-sign-key-merchant",
	"v3-key-platform": "pay-sign-key-platform", "v3-key-other": "pay-sign-key-other",
	"v3-timestamp-milliseconds": "pay-sign-timestamp-differs", "v3-timestamp-differs": "pay-sign-timestamp-differs",
	"v3-nonce-case": "pay-sign-nonce-differs", "v3-nonce-differs": "pay-sign-nonce-differs",
	"v2-key-v3": "pay-sign-key-v3", "v2-key-merchant": "pay-sign-key-merchant", "v2-key-unsigned": "pay-sign-key-form",
	"v2-key-name": "pay-sign-key-form", "v2-key-case": "pay-sign-key-form", "v2-key-blank": "pay-sign-key-form",
	"v2-sha256": "pay-sign-digest", "v2-md5-for-hmac": "pay-sign-digest", "v2-hmac-for-md5": "pay-sign-digest",
	"v2-small-letters": "pay-sign-small-letters", "v2-order": "pay-sign-order", "v2-sign-signed": "pay-sign-fields",
	"v2-element-unsigned": "pay-sign-fields", "v2-escaped": "pay-sign-values", "v2-trimmed": "pay-sign-values", "v2-cdata": "pay-sign-values",
	"v2-charset": "pay-sign-values", "v2-length": "pay-sign-length", "v2-numbers": "pay-sign-values", "v2-empty-values": "pay-sign-fields",
}

// asPaySign is a finding about a request's signature as one about paySign. Its detail stays: it
// names the key, the hash, the length or the form.
func asPaySign(f Finding) Finding {
	f.ID = paySignIDs[f.ID] // a test holds that each has one
	return f
}

// clientText is a signed text of APIv3 in its parts; layout joins them, nil as they should be.
type clientText struct {
	appID, timestamp, nonce, last string
	layout                        func([]string) string
}

// text is what is signed: four lines, each of them ended.
func (c *clientText) text() string {
	parts := []string{c.appID, c.timestamp, c.nonce, c.last}
	if c.layout != nil {
		return c.layout(parts)
	}
	return ended("\n")(parts)
}

// payMistake is a mistake in a text of APIv3 in words of its own.
func payMistake(id cause.ID, detail bilingual.Text, do func(*clientText)) mistake[clientText] {
	return mistake[clientText]{id, detail, do}
}

// likelyPayV3 lists the likely mistakes, the likeliest first. They are also tried in pairs.
func likelyPayV3(right clientText, h handed, o *Payment) []mistake[clientText] {
	list := slices.Concat(prepayMistakes(h), clientLayouts(h), appIDMistakes(o))
	m := messageV3{timestamp: right.timestamp, nonce: right.nonce}
	list = append(list,
		payMistake("pay-sign-timestamp-differs", bilingual.New("the timeStamp signed is in milliseconds, the one handed over in seconds",
			"签名的 timeStamp 是毫秒，传入的是秒"), func(c *clientText) { c.timestamp += "000" }),
		payMistake("pay-sign-nonce-differs", bilingual.New("the nonceStr signed is in capitals, the one handed over is not",
			"签名的 nonceStr 是大写，传入的不是"), func(c *clientText) { c.nonce = strings.ToUpper(c.nonce) }),
		payMistake("pay-sign-nonce-differs", bilingual.New("the nonceStr signed is in small letters, the one handed over is not",
			"签名的 nonceStr 是小写，传入的不是"), func(c *clientText) { c.nonce = strings.ToLower(c.nonce) }))
	const near = 10 // seconds between two readings of the clock, with a call to WeChat Pay in between
	for offset := int64(1); offset <= near; offset++ {
		for _, seconds := range []int64{offset, -offset} {
			signed := timeMistake(m.seconds()+seconds, seconds)
			list = append(list, inClient(signed, bilingual.Sprintf(
				"the timeStamp signed is %+d seconds from the one handed over: the clock was read twice",
				"签名的 timeStamp 与传入的相差 %+d 秒：时钟读了两次", seconds)))
		}
	}
	for _, one := range nonceMistakes(right.nonce) {
		list = append(list, inClient(one, bilingual.Text{}))
	}
	return list
}

// inClient is a mistake of a request's nonce or timestamp in the text that a client's fields sign.
func inClient(one mistake[messageV3], detail bilingual.Text) mistake[clientText] {
	return payMistake(paySignIDs[one.id], detail, func(c *clientText) {
		m := messageV3{timestamp: c.timestamp, nonce: c.nonce}
		one.do(&m)
		c.timestamp, c.nonce = m.timestamp, m.nonce
	})
}

// prepayMistakes are the other forms of the prepay_id in the last line.
func prepayMistakes(h handed) []mistake[clientText] {
	last := func(en, zh, text string) mistake[clientText] {
		return payMistake("pay-sign-package-signed", bilingual.New(en, zh), func(c *clientText) { c.last = text })
	}
	if h.isApp() {
		return []mistake[clientText]{
			last("prepay_id= was signed before the prepay_id: an app signs the bare prepay_id",
				"签名时加了 prepay_id=：APP 只对预支付标识签名", jsapiPackage+h.prepayID()),
			last("package was signed, Sign=WXPay: an app signs the bare prepay_id", "签名的是 package（Sign=WXPay）：APP 只对预支付标识签名", appPackage),
		}
	}
	return []mistake[clientText]{
		last("the bare prepay_id was signed: it must be package, with prepay_id=", "签名的是不带 prepay_id= 的预支付标识：应为 package 的完整值", h.prepayID()),
		last("package was signed as prepay_id: and the prepay_id", "签名的 package 写成了 prepay_id: 加预支付标识", "prepay_id:"+h.prepayID()),
		last("package was signed as the app's, Sign=WXPay", "签名的 package 是 APP 的 Sign=WXPay", appPackage),
	}
}

// appIDMistakes is another appid, or the merchant's number, in the appid's place.
func appIDMistakes(o *Payment) []mistake[clientText] {
	signed := func(en, zh, text string) mistake[clientText] {
		return payMistake("pay-sign-appid-signed", bilingual.New(en, zh), func(c *clientText) { c.appID = text })
	}
	list := []mistake[clientText]{signed("no appId was signed: its line is empty", "appId 那一行是空的", "")}
	for _, mchID := range o.MchIDs {
		list = append(list, signed("the merchant number was signed in the appid's place", "appId 的位置签了商户号", mchID))
	}
	if o.OtherAppID != "" && o.OtherAppID != o.AppID {
		list = append(list, signed("the other party's appid was signed: the service provider's for the sub-merchant's, or the other way round",
			"签名用了另一方的 appid：服务商与子商户的 appid 混淆", o.OtherAppID))
	}
	return list
}

// clientLayouts is how the four lines are put together wrongly.
func clientLayouts(h handed) []mistake[clientText] {
	layout := func(id cause.ID, join func([]string) string) mistake[clientText] {
		return payMistake(id, bilingual.Text{}, func(c *clientText) { c.layout = join })
	}
	joined := func(with string) func([]string) string {
		return func(parts []string) string { return strings.Join(parts, with) }
	}
	list := []mistake[clientText]{
		layout("pay-sign-last-line-feed", joined("\n")),
		layout("pay-sign-backslash-n", ended(`\n`)), layout("pay-sign-backslash-n", joined(`\n`)),
		layout("pay-sign-separator", ended("\r\n")), layout("pay-sign-separator", joined("\r\n")),
		layout("pay-sign-separator", func(parts []string) string { return ended("\n")(parts) + "\n" }),
	}
	for _, with := range []string{"", "&", ",", " ", "|", "\r", "\n\n"} {
		list = append(list, layout("pay-sign-separator", ended(with)), layout("pay-sign-separator", joined(with)))
	}
	for order := range orders(len([]string{"appId", "timeStamp", "nonceStr", "package"})) {
		list = append(list, layout("pay-sign-lines-swapped", func(parts []string) string {
			turned := make([]string, len(parts))
			for i, from := range order {
				turned[i] = parts[from]
			}
			return ended("\n")(turned)
		}))
	}
	return append(list, pairLayouts(h, layout)...)
}

// pairLayouts are the pairs of APIv2, sorted, with and without signType, and with a key that RSA
// does not need.
func pairLayouts(h handed, layout func(cause.ID, func([]string) string) mistake[clientText]) []mistake[clientText] {
	signTypes, ends := []string{h.text["signtype"], "RSA", ""}, []string{"", "\n"}
	list := make([]mistake[clientText], 0, len(signTypes)*len(ends))
	for _, signType := range signTypes {
		for _, end := range ends {
			list = append(list, layout("pay-sign-pairs", func(parts []string) string {
				doc := elements{
					{name: "appId", value: parts[0]}, {name: "timeStamp", value: parts[1]}, {name: "nonceStr", value: parts[2]},
					{name: "package", value: parts[3]}, {name: "signType", value: signType},
				}
				recipe := recipeV2{noKey: true}
				return recipe.text(doc, "") + end
			}))
		}
	}
	return list
}

// payRecipe is a way to sign the fields of APIv2, and the fields under their names.
type payRecipe struct {
	recipeV2

	doc elements
}

// docV2 is the fields that APIv2 signs, with the sign itself. The names of a mini-program's are in
// mixed case, an app's in small letters.
func (h handed) docV2(o *Payment) elements {
	if h.isApp() {
		return elements{
			{name: "appid", value: o.AppID}, {name: "partnerid", value: h.text["partnerid"]}, {name: "prepayid", value: h.text["prepayid"]},
			{name: "package", value: h.text["package"]}, {name: "noncestr", value: h.text["noncestr"]},
			{name: "timestamp", value: h.text["timestamp"]}, {name: "sign", value: h.text["sign"]},
		}
	}
	return elements{
		{name: "appId", value: o.AppID}, {name: "timeStamp", value: h.text["timestamp"]}, {name: "nonceStr", value: h.text["noncestr"]},
		{name: "package", value: h.text["package"]}, {name: "signType", value: cmp.Or(h.text["signtype"], o.SignType, signMD5)},
		{name: "sign", value: h.text["sign"]},
	}
}

// judgeV2 tries the ways to sign with the APIv2 key. Without it only those that use no key are
// proved.
func (h handed) judgeV2(o *Payment, keys *Keys) Diagnosis {
	right := payRecipe{recipeV2{key: keys.V2Key, signType: cmp.Or(o.SignType, signMD5), joint: jointV2}, h.docV2(o)}
	var d Diagnosis
	if o.AppID == "" { // the text cannot be made
		d.Findings = possible("pay-sign-key-form", "pay-sign-key-v3", "pay-sign-fields", "pay-sign-names", "pay-sign-other")
		return d
	}
	sign := h.text["sign"]
	d.Expected = right.text(right.doc, redacted)
	if keys.V2Key != "" && hmac.Equal([]byte(right.digest(right.doc)), []byte(sign)) {
		d.Fine = true
		return d
	}
	if len(d.Expected) <= maxGuessed {
		found, wrong := search(right, guesses[payRecipe]{likely: likelyPayV2(&right, h, o, keys)}, &d.spent, func(p *payRecipe) bool {
			digest := p.digest(p.doc)
			d.spent.spend(p.size)
			return (p.key != "" || p.noKey) && digest == sign
		})
		for i := range found {
			found[i].Certain = keys.V2Key != "" || wrong.noKey // another key that fits may be the APIv2 key, too
		}
		if found != nil {
			d.Findings, d.Signed = found, wrong.text(wrong.doc, redacted)
			return d
		}
	}
	if !hexSign.MatchString(sign) {
		d.Findings = []Finding{*payFault("pay-sign-length", "paySign is %d characters long: MD5 makes 32 digits, HMAC-SHA256 makes 64",
			"paySign 长 %d 个字符：MD5 是 32 位，HMAC-SHA256 是 64 位", len(sign))}
		return d
	}
	other := known("pay-sign-other")
	other.Certain = keys.V2Key != ""
	d.Findings = append([]Finding{other}, possible("pay-sign-key-merchant", "pay-sign-fields", "pay-sign-nonce-differs")...)
	return d
}

// likelyPayV2 lists the likely mistakes, the likeliest first: the names, and then those of a
// document that a paySign can have, too.
func likelyPayV2(right *payRecipe, h handed, o *Payment, keys *Keys) []mistake[payRecipe] {
	other, id := signHMAC, cause.ID("v2-hmac-for-md5")
	if right.signType == signHMAC {
		other, id = signMD5, "v2-md5-for-hmac"
	}
	recipes := []mistake[recipeV2]{
		{id: id, detail: bilingual.Sprintf("it is %s, and the order was placed with %s", "实际是 %s，而下单时是 %s", other, right.signType),
			do: func(r *recipeV2) { r.signType = other }},
		{id: "v2-small-letters", do: func(r *recipeV2) { r.lower = true }},
		{id: "v2-key-unsigned", detail: known("v2-key-unsigned").Detail, do: func(r *recipeV2) { r.noKey = true }},
		{id: "v2-order", do: func(r *recipeV2) { r.order = asStands }},
		{id: "v2-order", do: func(r *recipeV2) { r.order = byFolded }},
	}
	if keys.V3Key != "" {
		recipes = slices.Insert(recipes, 0, mistake[recipeV2]{
			id: "v2-key-v3", detail: known("v2-key-v3").Detail, do: func(r *recipeV2) { r.key = keys.V3Key },
		})
	}
	recipes = slices.Concat(recipes, keyMistakes(right.key, right.signType), signMistakes(), valueMistakes(right.doc))
	for _, one := range right.doc {
		if one.name != "sign" {
			recipes = append(recipes, unsigned(one.name))
		}
	}
	recipes = append(recipes, strangersKeys(keys)...)
	list := nameMistakes(right.doc, h, o)
	for _, one := range recipes {
		list = append(list, mistake[payRecipe]{paySignIDs[one.id], one.detail, func(p *payRecipe) { one.do(&p.recipeV2) }})
	}
	return list
}

// nameMistakes is fields under other names, or with another value.
func nameMistakes(right elements, h handed, o *Payment) []mistake[payRecipe] {
	changed := func(id cause.ID, en, zh string, change func(element) element) mistake[payRecipe] {
		return mistake[payRecipe]{id, bilingual.New(en, zh), func(p *payRecipe) {
			doc := slices.Clone(p.doc)
			for i := range doc {
				doc[i] = change(doc[i])
			}
			p.doc = doc
		}}
	}
	renamed := func(en, zh, from, to string) mistake[payRecipe] {
		return changed("pay-sign-names", en, zh, func(e element) element {
			if e.name == from {
				e.name = to
			}
			return e
		})
	}
	valued := func(id cause.ID, en, zh, name, value string) mistake[payRecipe] {
		return changed(id, en, zh, func(e element) element {
			if e.name == name {
				e.value = value
			}
			return e
		})
	}
	list := []mistake[payRecipe]{
		changed("pay-sign-names", "the names were signed in small letters: appId, timeStamp, nonceStr and signType have capitals",
			"字段名按小写签名：appId、timeStamp、nonceStr、signType 含有大写", func(e element) element { e.name = strings.ToLower(e.name); return e }),
		renamed("timestamp was signed: its name is timeStamp", "签名的是 timestamp：应为 timeStamp", "timeStamp", "timestamp"),
		renamed("appid was signed: its name is appId", "签名的是 appid：应为 appId", "appId", "appid"),
		renamed("noncestr was signed: its name is nonceStr", "签名的是 noncestr：应为 nonceStr", "nonceStr", "noncestr"),
		valued("pay-sign-package-signed", "the bare prepay_id was signed as package: it begins with prepay_id=",
			"package 签名时没有 prepay_id= 前缀", "package", h.prepayID()),
		valued("pay-sign-appid-signed", "no appId was signed", "没有签名 appId", right[0].name, ""),
	}
	if o.OtherAppID != "" && o.OtherAppID != o.AppID {
		list = append(list, valued("pay-sign-appid-signed", "the other party's appid was signed",
			"签名用了另一方的 appid", right[0].name, o.OtherAppID))
	}
	stamp := "timeStamp"
	if h.isApp() {
		stamp = "timestamp"
	}
	at, _ := strconv.ParseInt(h.text["timestamp"], 10, 64) // ten digits
	list = append(list, valued("pay-sign-timestamp-differs", "the timeStamp signed is in milliseconds, the one handed over in seconds",
		"签名的 timeStamp 是毫秒，传入的是秒", stamp, h.text["timestamp"]+"000"))
	for _, offset := range []int64{1, -1, 2, -2, 3, -3} {
		list = append(list, valued("pay-sign-timestamp-differs", "another timeStamp was signed: the clock was read twice",
			"签名用了另一个 timeStamp：时钟读了两次", stamp, strconv.FormatInt(at+offset, 10)))
	}
	return list
}
