package paygate

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// This file checks what a client is handed to pay with (调起支付): the fields of wx.requestPayment in a
// mini-program, of WeixinJSBridge in a page, and of an app's PayReq. Nothing but WeChat's client
// checks them, on a real phone.
//
//	APIv3, JSAPI  appId\ntimeStamp\nnonceStr\npackage\n, RSA-SHA256 in base64
//	APIv3, APP    appid\ntimestamp\nnoncestr\nprepayid\n, the same, with the bare prepay_id
//	APIv2, JSAPI  appId=…&nonceStr=…&package=…&signType=…&timeStamp=…&key=…, MD5 or HMAC-SHA256
//	APIv2, APP    appid=…&noncestr=…&package=Sign=WXPay&partnerid=…&prepayid=…&timestamp=…&key=…

// handover is the fields that a client is handed, by their names in small letters and without _.
// package has the names packageVal and packageValue too, and paySign the name sign.
type handover map[string]string

// The names of a handover.
const (
	handAppID     = "appid"
	handTimestamp = "timestamp"
	handNonce     = "noncestr"
	handPackage   = "package"
	handSignType  = "signtype"
	handSign      = "sign"
	handPartnerID = "partnerid"
	handPrepayID  = "prepayid"
)

// handNames are the names in their usual spellings, for errors. Only an app needs the last two.
var handNames = map[string]string{
	handAppID: "appId", handTimestamp: "timeStamp", handNonce: "nonceStr", handPackage: "package", handSignType: "signType",
	handSign: "paySign", handPartnerID: "partnerid", handPrepayID: "prepayid",
}

// newHandover reads fields as a client is handed them.
func newHandover(given map[string]string) (handover, error) {
	h := make(handover)
	for _, spelt := range sortedKeys(given) {
		name := strings.ReplaceAll(strings.ToLower(spelt), "_", "")
		switch name {
		case "packageval", "packagevalue":
			name = handPackage
		case "paysign":
			name = handSign
		}
		if _, known := handNames[name]; !known {
			return nil, fmt.Errorf("%s is no field to pay with: there are appId, timeStamp, nonceStr, package, signType and paySign, "+
				"and of an app appid, partnerid, prepayid, package, noncestr, timestamp and sign", shortened(spelt))
		}
		if _, twice := h[name]; twice {
			return nil, fmt.Errorf("%s is there twice", handNames[name])
		}
		h[name] = given[spelt]
	}
	return h, nil
}

// isApp reports whether the fields are an app's. A mini-program's may repeat the prepay_id beside
// package, as WeChat Pay's own SDK has them.
func (h handover) isApp() bool {
	_, partner := h[handPartnerID]
	return partner || h[handPackage] == appPackage || h[handPrepayID] != "" && !strings.HasPrefix(h[handPackage], jsapiPackage)
}

// What package is in an app, and how it begins elsewhere.
const (
	appPackage   = "Sign=WXPay"
	jsapiPackage = "prepay_id="
)

// prepayID is the prepay_id that the fields name.
func (h handover) prepayID() string {
	if h.isApp() {
		return h[handPrepayID]
	}
	return strings.TrimPrefix(h[handPackage], jsapiPackage)
}

// secondsRule is a timestamp: seconds since 1970, as they have been since 2001.
var secondsRule = regexp.MustCompile(`^[1-9][0-9]{9}$`)

// check returns an error for the first field that is missing or has another form than any
// payment's.
func (h handover) check() error {
	needed := []string{handTimestamp, handNonce, handPackage, handSign}
	if h.isApp() {
		needed = []string{handPartnerID, handPrepayID, handPackage, handNonce, handTimestamp, handSign}
	}
	for _, name := range needed {
		if h[name] == "" {
			return fmt.Errorf("%s is missing or empty", handNames[name])
		}
	}
	switch stamp := h[handTimestamp]; {
	case len(stamp) == len("1554208460000") && secondsRule.MatchString(stamp[:10]):
		return fmt.Errorf("timeStamp %s is in milliseconds: it must be in seconds", stamp)
	case !secondsRule.MatchString(stamp):
		return fmt.Errorf("timeStamp %q must be seconds since 1970, in ten digits", shortened(stamp))
	case len(h[handNonce]) > maxNonce:
		return fmt.Errorf("nonceStr must be at most %d characters, not %d", maxNonce, len(h[handNonce]))
	default:
		return h.checkPackage()
	}
}

// checkPackage returns an error if the package has another form than the payment's, or names
// another prepay_id than the field beside it.
func (h handover) checkPackage() error {
	switch {
	case h.isApp() && h[handPackage] != appPackage:
		return fmt.Errorf("package %q must be %s for an app", shortened(h[handPackage]), appPackage)
	case !h.isApp() && !strings.HasPrefix(h[handPackage], jsapiPackage):
		return fmt.Errorf("package %q must be %s and the prepay_id", shortened(h[handPackage]), jsapiPackage)
	case !h.isApp() && h[handPrepayID] != "" && h[handPrepayID] != h.prepayID():
		return fmt.Errorf("package has another prepay_id than the one beside it, %s", shortened(h[handPrepayID]))
	default:
		return nil
	}
}

// checkPaySign returns why a client would not pay with the fields it was handed, nil if it would.
func (g *Gateway) checkPaySign(given map[string]string) *distrust {
	h, err := newHandover(given)
	if err == nil {
		err = h.check()
	}
	if err != nil {
		return &distrust{message: "调用支付JSAPI缺少参数", reason: err.Error()}
	}
	p := g.orders.prepaymentOf(h.prepayID())
	if p == nil {
		return &distrust{message: "支付验证签名失败", reason: fmt.Sprintf("this gateway never answered the prepay_id %q", shortened(h.prepayID()))}
	}
	about, _ := g.orders.ofPrepayment(p)
	merchant := g.merchant(p.MchID)
	if merchant == nil {
		return &distrust{message: "支付验证签名失败", reason: "mchid " + p.MchID + " is no merchant of this gateway"}
	}
	if err := h.fits(&about.Order, p); err != nil {
		return &distrust{message: "支付验证签名失败", reason: err.Error()}
	}
	if wrong := g.checkHandoverSign(h, &about.Order, merchant); wrong != nil {
		return wrong
	}
	if late := g.hindrance(&visit{prepayment: p, about: about}); late != nil {
		return &distrust{message: late.Chinese, reason: "the signature is right, but the user cannot pay: " + late.English}
	}
	return nil
}

// appIDOf is the appid with which the client pays: a service provider's order that was placed for
// the sub-merchant's openid has that one's.
func appIDOf(o *Order) string {
	if o.SubMchID != "" && o.SubOpenID != "" {
		return o.SubAppID
	}
	return o.AppID
}

// fits returns an error for the first field that does not fit the order.
func (h handover) fits(o *Order, p *prepayment) error {
	if given := h[handAppID]; given != "" && given != appIDOf(o) {
		return fmt.Errorf("appId %s is not the one that order %s was placed for, %s", shortened(given), o.OutTradeNo, appIDOf(o))
	}
	if h.isApp() {
		if given := h[handPartnerID]; given != p.MchID && given != p.SubMchID {
			return fmt.Errorf("partnerid %s is not the merchant of order %s, %s", shortened(given), o.OutTradeNo, p.MchID)
		}
		return nil
	}
	given, want := h[handSignType], "RSA"
	if o.API == apiV2 {
		given, want = cmp.Or(given, signMD5), cmp.Or(o.SignType, signMD5)
	}
	switch given {
	case want:
		return nil
	case "":
		return fmt.Errorf("signType is missing: order %s was placed by APIv3, and it must be RSA (without one the client takes MD5)",
			o.OutTradeNo)
	default:
		return fmt.Errorf("signType %s must be %s: order %s was placed by APIv%s with it",
			shortened(given), want, o.OutTradeNo, strings.TrimPrefix(cmp.Or(o.API, apiV3), "v"))
	}
}

// checkHandoverSign checks the signature itself, by the API that placed the order.
func (g *Gateway) checkHandoverSign(h handover, o *Order, m *Merchant) *distrust {
	if o.API == apiV2 {
		return checkHandoverV2(h, o, m)
	}
	return g.checkHandoverV3(h, o, m)
}

// paySignV3 is a signed text of APIv3 in its parts; layout joins them, nil as they should be.
type paySignV3 struct {
	appID, timestamp, nonce, last string
	layout                        func(paySignV3) string
}

// text is what is signed.
func (p paySignV3) text() string {
	if p.layout != nil {
		return p.layout(p)
	}
	return p.appID + "\n" + p.timestamp + "\n" + p.nonce + "\n" + p.last + "\n"
}

// textV3 is the text that the fields should have signed.
func (h handover) textV3(o *Order) paySignV3 {
	right := paySignV3{appID: appIDOf(o), timestamp: h[handTimestamp], nonce: h[handNonce], last: h[handPackage]}
	if h.isApp() {
		right.last = h[handPrepayID]
	}
	return right
}

// checkHandoverV3 returns why the merchant's RSA signature does not hold.
func (g *Gateway) checkHandoverV3(h handover, o *Order, m *Merchant) *distrust {
	right := h.textV3(o)
	signature, err := base64.StdEncoding.Strict().DecodeString(h[handSign])
	if err == nil && verifyV3(m.PublicKey, right.text(), signature) == nil {
		return nil
	}
	wrong := &distrust{message: "支付验证签名失败", expected: right.text()}
	switch hash, digest, own := openSignature(m.PublicKey, signature); {
	case err != nil, digitsRule.MatchString(h[handSign]): // hexadecimal digits are base64, too
		wrong.reason = diagnosePaySignBase64(h[handSign])
	case len(signature) != m.PublicKey.Size():
		wrong.reason = fmt.Sprintf("paySign is %d bytes long, and the merchant's key makes %d", len(signature), m.PublicKey.Size())
	case !own:
		wrong.reason = g.diagnoseKeyV3(right.text(), m, signature)
	case hash != "SHA-256":
		wrong.reason = "the right key signed, but over " + hash + ": it must be SHA-256"
	default:
		wrong.reason, wrong.received = diagnosePaySignV3(right, h, o, digest)
	}
	return wrong
}

// digitsRule is a signature of APIv2: MD5 or HMAC-SHA256 in hexadecimal.
var digitsRule = regexp.MustCompile(`^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{64})$`)

// diagnosePaySignBase64 says how a paySign that is no base64 came about.
func diagnosePaySignBase64(sign string) string {
	switch {
	case strings.Contains(sign, " "):
		return "paySign has spaces: each + became one on the way, as in a form that was not URL-encoded"
	case digitsRule.MatchString(sign):
		return "paySign is APIv2's, in hexadecimal: the order was placed by APIv3, which signs with RSA in base64"
	default:
		return strings.Replace(diagnoseBase64(sign), "the signature", "paySign", 1)
	}
}

// diagnosePaySignV3 finds the text with the digest: the right one with one or two likely mistakes.
func diagnosePaySignV3(right paySignV3, h handover, o *Order, digest []byte) (reason, received string) {
	why, wrong, found := blame(right, slipsOfPaySignV3(right, h, o), func(p *paySignV3) bool {
		sum := sha256.Sum256([]byte(p.text()))
		return bytes.Equal(sum[:], digest)
	})
	if found {
		return "the right key signed another text: " + why, wrong.text()
	}
	return "the right key signed another text: appId, timeStamp, nonceStr or package differ from those handed over", ""
}

// slipsOfPaySignV3 lists the likely mistakes, the likeliest first.
func slipsOfPaySignV3(right paySignV3, h handover, o *Order) []slip[paySignV3] {
	last := func(why, text string) slip[paySignV3] {
		return slip[paySignV3]{why, func(p *paySignV3) { p.last = text }}
	}
	slips := []slip[paySignV3]{last("the bare prepay_id was signed: it must be package, with prepay_id=", h.prepayID())}
	if h.isApp() {
		slips = []slip[paySignV3]{
			last("prepay_id= was signed before the prepay_id: an app signs the bare prepay_id", "prepay_id="+h.prepayID()),
			last("package was signed, Sign=WXPay: an app signs the bare prepay_id", appPackage),
		}
	}
	slips = append(slips, slipsOfPaySignLayout()...)
	slips = append(slips, slipsOfPaySignAppID(o)...)
	slips = append(slips, []slip[paySignV3]{
		{"the timeStamp signed is in milliseconds, the one handed over in seconds", func(p *paySignV3) { p.timestamp += "000" }},
		{"the nonceStr signed is in capitals, the one handed over is not", func(p *paySignV3) { p.nonce = strings.ToUpper(p.nonce) }},
		{"the nonceStr signed is in small letters, the one handed over is not", func(p *paySignV3) { p.nonce = strings.ToLower(p.nonce) }},
	}...)
	at, _ := strconv.ParseInt(right.timestamp, 10, 64) // ten digits
	for offset := int64(1); offset <= 10; offset++ {
		for _, seconds := range []int64{offset, -offset} {
			slips = append(slips, slip[paySignV3]{
				fmt.Sprintf("the timeStamp signed is %+d seconds from the one handed over: the clock was read twice", seconds),
				func(p *paySignV3) { p.timestamp = strconv.FormatInt(at+seconds, 10) },
			})
		}
	}
	return slips
}

// slipsOfPaySignAppID is another appid, or the merchant's number, in the appid's place.
func slipsOfPaySignAppID(o *Order) []slip[paySignV3] {
	type guess struct{ why, text string }
	guesses := []guess{
		{"the merchant number was signed in the appid's place", o.MchID}, {"no appId was signed: its line is empty", ""},
	}
	switch {
	case o.SubAppID == "":
	case appIDOf(o) == o.SubAppID:
		guesses = append(guesses, guess{
			"the service provider's appid was signed, and the order was placed for the sub-merchant's openid", o.AppID,
		})
	default:
		guesses = append(guesses, guess{
			"the sub-merchant's appid was signed, and the order was placed for the service provider's openid", o.SubAppID,
		})
	}
	slips := make([]slip[paySignV3], 0, len(guesses))
	for _, one := range guesses {
		slips = append(slips, slip[paySignV3]{one.why, func(p *paySignV3) { p.appID = one.text }})
	}
	return slips
}

// slipsOfPaySignLayout is how the four lines are put together wrongly.
func slipsOfPaySignLayout() []slip[paySignV3] {
	layout := func(why string, do func(p paySignV3) string) slip[paySignV3] {
		return slip[paySignV3]{why, func(p *paySignV3) { p.layout = do }}
	}
	lines := func(p paySignV3) []string { return []string{p.appID, p.timestamp, p.nonce, p.last} }
	return []slip[paySignV3]{
		layout("the last line feed is missing: each of the four lines ends with one", func(p paySignV3) string {
			return strings.Join(lines(p), "\n")
		}),
		layout("the lines are separated by a backslash and an n: it must be the line feed character", func(p paySignV3) string {
			return strings.Join(lines(p), `\n`) + `\n`
		}),
		layout("the lines end with carriage return and line feed: only line feed is right", func(p paySignV3) string {
			return strings.Join(lines(p), "\r\n") + "\r\n"
		}),
		layout("nonceStr and timeStamp were signed in the wrong order: timeStamp comes first", func(p paySignV3) string {
			return p.appID + "\n" + p.nonce + "\n" + p.timestamp + "\n" + p.last + "\n"
		}),
		layout("name=value pairs were signed, as in APIv2: APIv3 signs four lines", func(p paySignV3) string {
			return "appId=" + p.appID + "&nonceStr=" + p.nonce + "&package=" + p.last + "&signType=RSA&timeStamp=" + p.timestamp
		}),
	}
}

// paySignV2 is a way to sign APIv2's fields: a recipe, and the fields under their names.
type paySignV2 struct {
	recipeV2

	doc fields
}

// docV2 is the fields that APIv2 signs, with the sign itself. The names of a mini-program's are in
// mixed case, an app's in small letters.
func (h handover) docV2(o *Order) fields {
	if h.isApp() {
		return fields{
			{"appid", appIDOf(o)}, {"partnerid", h[handPartnerID]}, {"prepayid", h[handPrepayID]}, {"package", h[handPackage]},
			{"noncestr", h[handNonce]}, {"timestamp", h[handTimestamp]}, {"sign", h[handSign]},
		}
	}
	return fields{
		{"appId", appIDOf(o)}, {"timeStamp", h[handTimestamp]}, {"nonceStr", h[handNonce]}, {"package", h[handPackage]},
		{"signType", cmp.Or(h[handSignType], signMD5)}, {"sign", h[handSign]},
	}
}

// checkHandoverV2 returns why a signature with the APIv2 key does not hold.
func checkHandoverV2(h handover, o *Order, m *Merchant) *distrust {
	right := paySignV2{recipeV2{key: m.V2Key, signType: cmp.Or(o.SignType, signMD5), joint: "&key="}, h.docV2(o)}
	if right.digest(right.doc) == h[handSign] {
		return nil
	}
	wrong := &distrust{message: "支付验证签名失败", expected: right.text(right.doc, redacted)}
	why, made, found := blame(right, slipsOfPaySignV2(&right, h, m), func(p *paySignV2) bool { return p.digest(p.doc) == h[handSign] })
	switch {
	case found:
		wrong.reason, wrong.received = "paySign is wrong: "+why, made.text(made.doc, redacted)
	case len(h[handSign]) > 64:
		wrong.reason = "paySign is APIv3's, in base64: the order was placed by APIv2, which signs with " + right.signType + " in hexadecimal"
	default:
		wrong.reason = "paySign is wrong, and no likely mistake makes it: look for another key, or a value changed after signing"
	}
	return wrong
}

// slipsOfPaySignV2 lists the likely mistakes, the likeliest first.
func slipsOfPaySignV2(right *paySignV2, h handover, m *Merchant) []slip[paySignV2] {
	other := signHMAC
	if right.signType == signHMAC {
		other = signMD5
	}
	recipes := slices.Concat([]slip[recipeV2]{
		{"the APIv3 key was used where the APIv2 key belongs", func(r *recipeV2) { r.key = m.V3Key }},
		{fmt.Sprintf("it is %s, and the order was placed with %s", other, right.signType), func(r *recipeV2) { r.signType = other }},
		{"it is in lower-case digits and must be in capitals", func(r *recipeV2) { r.lower = true }},
		{"&key= and the APIv2 key are missing at the end", func(r *recipeV2) { r.noKey = true }},
		{"signType was handed over but not signed", func(r *recipeV2) { r.skip = "signType" }},
		{"the fields were signed in the order they were handed over, not sorted by name", func(r *recipeV2) { r.unsorted = true }},
	}, slipsOfKey(right.signType), slipsOfEscape())
	slips := slipsOfPaySignNames(right.doc, h)
	for _, one := range recipes {
		slips = append(slips, slip[paySignV2]{one.why, func(p *paySignV2) { one.do(&p.recipeV2) }})
	}
	return slips
}

// slipsOfPaySignNames is fields under other names, or with another value in package.
func slipsOfPaySignNames(right fields, h handover) []slip[paySignV2] {
	changed := func(why string, change func(field) field) slip[paySignV2] {
		doc := make(fields, len(right))
		for i, f := range right {
			doc[i] = change(f)
		}
		return slip[paySignV2]{why, func(p *paySignV2) { p.doc = doc }}
	}
	renamed := func(why, from, to string) slip[paySignV2] {
		return changed(why, func(f field) field {
			if f.name == from {
				f.name = to
			}
			return f
		})
	}
	return []slip[paySignV2]{
		changed("the names were signed in small letters: appId, timeStamp, nonceStr and signType have capitals", func(f field) field {
			return field{strings.ToLower(f.name), f.value}
		}),
		renamed("timestamp was signed: its name is timeStamp", "timeStamp", "timestamp"),
		renamed("appid was signed: its name is appId", "appId", "appid"),
		renamed("noncestr was signed: its name is nonceStr", "nonceStr", "noncestr"),
		changed("the bare prepay_id was signed as package: it begins with prepay_id=", func(f field) field {
			if f.name == "package" {
				f.value = h.prepayID()
			}
			return f
		}),
	}
}

// CheckPaySign checks the fields that a client is handed to pay with: those of wx.requestPayment
// (timeStamp, nonceStr, package, signType, paySign, perhaps appId), or of an app's request (appid,
// partnerid, prepayid, package, noncestr, timestamp, sign), in any spelling of the names. It
// returns nil if WeChat's client would let the user pay. The error says why it would not; if the
// signature is wrong, with the string that should have been signed and, if the mistake was found,
// the one that was.
func (g *Gateway) CheckPaySign(given map[string]string) error {
	wrong := g.checkPaySign(given)
	if wrong == nil {
		return nil
	}
	text := "checking paySign: " + wrong.reason
	if wrong.expected != "" {
		text += fmt.Sprintf("; expected %q", wrong.expected)
	}
	if wrong.received != "" {
		text += fmt.Sprintf(", received %q", wrong.received)
	}
	return errors.New(text)
}

// paySignView is the management API's answer about a paySign.
type paySignView struct {
	Right    bool   `json:"right"`
	Message  string `json:"message,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Expected string `json:"expected,omitempty"`
	Received string `json:"received,omitempty"`
}

// adminPaySign checks the fields that a client is handed. A number among them is wrong: the client
// takes texts, and fails without saying so.
func (g *Gateway) adminPaySign(r *http.Request) (int, any, error) {
	given := make(map[string]any)
	if err := decodeAdmin(r, &given); err != nil {
		return 0, nil, err
	}
	texts := make(map[string]string)
	for _, name := range sortedKeys(given) {
		text, is := given[name].(string)
		if !is {
			return http.StatusOK, paySignView{Message: "调用支付JSAPI缺少参数", Reason: shortened(name) + " must be a string"}, nil
		}
		texts[name] = text
	}
	wrong := g.checkPaySign(texts)
	if wrong == nil {
		return http.StatusOK, paySignView{Right: true}, nil
	}
	return http.StatusOK, paySignView{Message: wrong.message, Reason: wrong.reason, Expected: wrong.expected, Received: wrong.received}, nil
}
