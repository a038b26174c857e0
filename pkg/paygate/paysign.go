package paygate

import (
	"cmp"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"cloudpay/internal/diagnosis"
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

// handNames are all of them. Only an app needs the last two.
var handNames = []string{
	handAppID, handTimestamp, handNonce, handPackage, handSignType, handSign, handPartnerID, handPrepayID,
}

// newHandover reads fields as a client is handed them. The finding names a field that no client
// takes, one that is there twice, and one that is no text.
func newHandover(given map[string]any) (handover, *distrust) {
	h := make(handover)
	for _, spelt := range sortedKeys(given) {
		name := strings.ReplaceAll(strings.ToLower(spelt), "_", "")
		switch name {
		case "packageval", "packagevalue":
			name = handPackage
		case "paysign":
			name = handSign
		}
		if !slices.Contains(handNames, name) {
			return nil, inTheTable(lacksParameters, "pay-sign-field-name").about(shortened(spelt) + " is no field to pay with")
		}
		text, is := given[spelt].(string)
		if _, twice := h[name]; twice || !is {
			return nil, explainPaySign(lacksParameters, given, diagnosis.Payment{}, diagnosis.Keys{})
		}
		h[name] = text
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

// isWellFormed reports whether every field that is needed is there, in the form of any payment's.
func (h handover) isWellFormed() bool {
	needed := []string{handTimestamp, handNonce, handPackage, handSign}
	if h.isApp() {
		needed = []string{handPartnerID, handPrepayID, handPackage, handNonce, handTimestamp, handSign}
	}
	lacks := slices.ContainsFunc(needed, func(name string) bool { return h[name] == "" })
	if lacks || !secondsRule.MatchString(h[handTimestamp]) || len(h[handNonce]) > maxNonce {
		return false
	}
	if h.isApp() {
		return h[handPackage] == appPackage
	}
	return strings.HasPrefix(h[handPackage], jsapiPackage) && (h[handPrepayID] == "" || h[handPrepayID] == h.prepayID())
}

// What WeChat's client says where it is not handed what it needs, and where paySign is wrong.
const (
	lacksParameters = "调用支付JSAPI缺少参数"
	badPaySign      = "支付验证签名失败"
)

// checkPaySign returns why a client would not pay with the fields it was handed, nil if it would.
// It decides by the code of this package alone; why it refused is for the diagnosis to find.
func (g *Gateway) checkPaySign(given map[string]any) *distrust {
	h, wrong := newHandover(given)
	if wrong != nil {
		return wrong
	}
	if !h.isWellFormed() {
		return explainPaySign(lacksParameters, given, diagnosis.Payment{}, diagnosis.Keys{})
	}
	p := g.orders.prepaymentOf(h.prepayID())
	if p == nil {
		return inTheTable(badPaySign, "pay-sign-prepay-id").
			about(fmt.Sprintf("this gateway never answered the prepay_id %q", shortened(h.prepayID())))
	}
	about, _ := g.orders.ofPrepayment(p)
	merchant := g.merchant(p.MchID)
	if merchant == nil {
		return inTheTable(badPaySign, "pay-sign-prepay-id").about("mchid " + p.MchID + " is no merchant of this gateway")
	}
	order, message := paymentOf(&about.Order, p), badPaySign
	late := g.hindrance(&visit{prepayment: p, about: about})
	switch {
	case !h.fits(&about.Order, p) || !h.verifies(&about.Order, merchant):
	case late != nil:
		message = late.Chinese
		order.Hindrance.EN, order.Hindrance.ZH = late.English, late.Chinese
	default:
		return nil
	}
	return explainPaySign(message, given, order, g.keysOf(merchant))
}

// explainPaySign is a refusal in the words of the diagnosis. It never undoes one.
func explainPaySign(message string, given map[string]any, order diagnosis.Payment, keys diagnosis.Keys) *distrust {
	wrong := &distrust{message: message}
	d := diagnosis.PaySign(given, order, keys)
	wrong.explain(&d)
	wrong.expected = d.Expected
	return wrong
}

// paymentOf is what is known of an order and its prepayment.
func paymentOf(o *Order, p *prepayment) diagnosis.Payment {
	known := diagnosis.Payment{
		API: cmp.Or(o.API, apiV3), SignType: o.SignType, AppID: appIDOf(o), OtherAppID: o.SubAppID, MchIDs: []string{p.MchID},
	}
	if known.AppID == o.SubAppID {
		known.OtherAppID = o.AppID
	}
	if p.SubMchID != "" {
		known.MchIDs = append(known.MchIDs, p.SubMchID)
	}
	return known
}

// appIDOf is the appid with which the client pays: a service provider's order that was placed for
// the sub-merchant's openid has that one's.
func appIDOf(o *Order) string {
	if o.SubMchID != "" && o.SubOpenID != "" {
		return o.SubAppID
	}
	return o.AppID
}

// fits reports whether every field fits the order.
func (h handover) fits(o *Order, p *prepayment) bool {
	if given := h[handAppID]; given != "" && given != appIDOf(o) {
		return false
	}
	switch {
	case h.isApp():
		return h[handPartnerID] == p.MchID || h[handPartnerID] == p.SubMchID
	case o.API == apiV2:
		return cmp.Or(h[handSignType], signMD5) == cmp.Or(o.SignType, signMD5)
	default:
		return h[handSignType] == "RSA"
	}
}

// verifies reports whether the signature holds, by the API that placed the order.
func (h handover) verifies(o *Order, m *Merchant) bool {
	if o.API == apiV2 {
		sign := signV2(h.docV2(o), m.V2Key, cmp.Or(o.SignType, signMD5))
		return subtle.ConstantTimeCompare([]byte(sign), []byte(h[handSign])) == 1
	}
	last := h[handPackage]
	if h.isApp() {
		last = h[handPrepayID]
	}
	text := appIDOf(o) + "\n" + h[handTimestamp] + "\n" + h[handNonce] + "\n" + last + "\n"
	signature, err := base64.StdEncoding.Strict().DecodeString(h[handSign])
	return err == nil && verifyV3(m.PublicKey, text, signature) == nil
}

// docV2 is the fields that APIv2 signs. The names of a mini-program's are in mixed case, an app's
// in small letters.
func (h handover) docV2(o *Order) fields {
	if h.isApp() {
		return fields{
			{"appid", appIDOf(o)}, {"partnerid", h[handPartnerID]}, {"prepayid", h[handPrepayID]}, {"package", h[handPackage]},
			{"noncestr", h[handNonce]}, {"timestamp", h[handTimestamp]},
		}
	}
	return fields{
		{"appId", appIDOf(o)}, {"timeStamp", h[handTimestamp]}, {"nonceStr", h[handNonce]}, {"package", h[handPackage]},
		{"signType", cmp.Or(h[handSignType], signMD5)},
	}
}

// CheckPaySign checks the fields that a client is handed to pay with: those of wx.requestPayment
// (timeStamp, nonceStr, package, signType, paySign, perhaps appId), or of an app's request (appid,
// partnerid, prepayid, package, noncestr, timestamp, sign), in any spelling of the names. It
// returns nil if WeChat's client would let the user pay. The error says why it would not; if the
// signature is wrong, with the string that should have been signed and, if the mistake was found,
// the one that was.
func (g *Gateway) CheckPaySign(given map[string]string) error {
	values := make(map[string]any, len(given))
	for name, text := range given {
		values[name] = text
	}
	wrong := g.checkPaySign(values)
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
	Cause    string `json:"cause,omitempty"` // its name in docs/why.md
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
	wrong := g.checkPaySign(given)
	if wrong == nil {
		return http.StatusOK, paySignView{Right: true}, nil
	}
	return http.StatusOK, paySignView{
		Message: wrong.message, Reason: wrong.reason, Cause: wrong.cause, Expected: wrong.expected, Received: wrong.received,
	}, nil
}
