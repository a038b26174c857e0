package paygate

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// placePathsV3 are the paths that place an order (pay.weixin.qq.com doc v3/merchant 4012525167,
// 4012525171, 4012525153, v3/partner 4012523579, and their combined and payment-code twins).
var placePathsV3 = map[string]routeV3{
	pathDirect + "jsapi":    {op: opPlace, trade: tradeJSAPI},
	pathDirect + "native":   {op: opPlace, trade: tradeNative},
	pathDirect + "app":      {op: opPlace, trade: tradeApp},
	pathDirect + "h5":       {op: opPlace, trade: tradeMobile},
	pathDirect + "codepay":  {op: opPlace, trade: microPay},
	pathPartner + "jsapi":   {op: opPlace, trade: tradeJSAPI, partner: true},
	pathPartner + "native":  {op: opPlace, trade: tradeNative, partner: true},
	pathPartner + "app":     {op: opPlace, trade: tradeApp, partner: true},
	pathPartner + "h5":      {op: opPlace, trade: tradeMobile, partner: true},
	pathPartner + "codepay": {op: opPlace, trade: microPay, partner: true},
	pathCombine + "jsapi":   {op: opPlace, trade: tradeJSAPI, combine: true},
	pathCombine + "native":  {op: opPlace, trade: tradeNative, combine: true},
	pathCombine + "app":     {op: opPlace, trade: tradeApp, combine: true},
	pathCombine + "h5":      {op: opPlace, trade: tradeMobile, combine: true},
}

// The rules of texts that several forms have.
var (
	errNotMchID  = errors.New("must be 1 to 32 digits")
	errNotNumber = errors.New("must be made of digits, letters and _ - | * @")
	errNotTime   = errors.New("must be RFC 3339 with a zone, such as 2026-01-02T15:04:05+08:00")
	errNotIP     = errors.New("must be an IPv4 or IPv6 address")
	errNotCNY    = errors.New("must be CNY")
)

// ruleOf makes a rule of a test.
func ruleOf(ok func(string) bool, wrong error) func(string) error {
	return func(text string) error {
		if ok(text) {
			return nil
		}
		return wrong
	}
}

// isRFC3339 reports whether a text is a time as time_expire has it.
func isRFC3339(text string) bool {
	_, err := time.Parse(time.RFC3339, text)
	return err == nil
}

// isIP reports whether a text is an IP address.
func isIP(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

func mchIDMember(name, label string) member {
	return textMember(name, label, 32).ruled(ruleOf(isMchID, errNotMchID)).needed()
}

func numberMember(name, label string, least int64) member {
	return textMember(name, label, 32).from(least).ruled(ruleOf(outTradeNoRule.MatchString, errNotNumber)).needed()
}

func currencyMember() member {
	return textMember("currency", "货币类型", 16).ruled(ruleOf(func(text string) bool { return text == currencyCNY }, errNotCNY))
}

func notifyMember() member {
	return textMember("notify_url", "商户回调地址", 255).ruled(checkNotifyURL)
}

func expiryMember() member {
	return textMember("time_expire", "支付结束时间", 64).ruled(ruleOf(isRFC3339, errNotTime))
}

func limitPayMember() member {
	return arrayMember("limit_pay", "指定支付方式", 4)
}

// ownersForm is whose order it is.
func ownersForm(partner bool) []member {
	if partner {
		return []member{
			textMember("sp_appid", "服务商应用ID", 32).needed(), mchIDMember("sp_mchid", "服务商户号"),
			textMember("sub_appid", "子商户应用ID", 32), mchIDMember("sub_mchid", "子商户号"),
		}
	}
	return []member{textMember("appid", "公众账号ID", 32).needed(), mchIDMember("mchid", "直连商户号")}
}

// formOf is what the body of a placing may hold.
func formOf(route routeV3) []member {
	switch {
	case route.combine:
		return combineForm(route.trade)
	case route.trade == microPay:
		return codeForm(route.partner)
	}
	form := slices.Concat(ownersForm(route.partner), []member{
		textMember("description", "商品描述", 127).needed(), numberMember("out_trade_no", "商户订单号", minOutTradeNo),
		expiryMember(), textMember("attach", "商户数据包", 128), notifyMember().needed(),
		textMember("goods_tag", "订单优惠标记", 32), truthMember("support_fapiao", "电子发票入口开放标识"),
		objectMember("amount", "订单金额", integerMember("total", "总金额", 1).needed(), currencyMember()).needed(),
		detailMember("wechatpay_goods_id"), sceneMember(route.trade), settleMember(route.partner), limitPayMember(),
	})
	if route.trade == tradeJSAPI {
		form = append(form, payerMember(route.partner))
	}
	return form
}

// payerMember is the user of a mini-program or of a page in WeChat. A service provider names it
// under one of two appids.
func payerMember(partner bool) member {
	identity := objectMember("identity", "实名支付信息", textMember("type", "证件类型", 32).needed(),
		textMember("number", "证件号", 1024).needed(), textMember("name", "证件姓名", 1024).needed())
	if partner {
		return objectMember("payer", "支付者", textMember("sp_openid", "用户服务标识", 128),
			textMember("sub_openid", "用户子标识", 128), identity).needed()
	}
	return objectMember("payer", "支付者", textMember("openid", "用户标识", 128).needed(), identity).needed()
}

// detailMember is the articles. The payment code's documents spell one name otherwise.
func detailMember(goodsID string) member {
	return objectMember("detail", "优惠功能", integerMember("cost_price", "订单原价", 0), textMember("invoice_id", "商品小票ID", 32),
		arrayMember("goods_detail", "单品列表", 6000,
			textMember("merchant_goods_id", "商户侧商品编码", 32).needed(), textMember(goodsID, "微信支付商品编码", 32),
			textMember("goods_name", "商品名称", 256), integerMember("quantity", "商品数量", 1).needed(),
			integerMember("unit_price", "商品单价", 0).needed()))
}

// sceneMember is where the order is paid. H5 needs it, with the kind of browser.
func sceneMember(trade string) member {
	scene := objectMember("scene_info", "场景信息",
		textMember("payer_client_ip", "用户终端IP", 45).ruled(ruleOf(isIP, errNotIP)).needed(), textMember("device_id", "商户端设备号", 32),
		objectMember("store_info", "商户门店信息", textMember("id", "门店编号", 32), textMember("name", "门店名称", 256),
			textMember("area_code", "地区编码", 32), textMember("address", "详细地址", 512)))
	if trade != tradeMobile {
		return scene
	}
	scene.of = append(scene.of, objectMember("h5_info", "H5场景信息",
		textMember("type", "场景类型", 32).ruled(ruleOf(isBrowserKind, errNotBrowser)).needed(), textMember("app_name", "应用名称", 64),
		textMember("app_url", "网站URL", 128), textMember("bundle_id", "iOS平台BundleID", 128),
		textMember("package_name", "Android平台PackageName", 128)).needed())
	return scene.needed()
}

var errNotBrowser = errors.New("must be Wap, iOS or Android")

func isBrowserKind(text string) bool { return slices.Contains([]string{"Wap", "iOS", "Android"}, text) }

// settleMember is how the money is divided.
func settleMember(partner bool) member {
	settle := objectMember("settle_info", "结算信息", truthMember("profit_sharing", "是否指定分账"))
	if partner {
		settle.of = append(settle.of, integerMember("subsidy_amount", "补差金额", 0))
	}
	return settle
}

// askPlace checks the body of a placing, and completes the question with what is to be placed.
func (g *Gateway) askPlace(ex *exchange, q *question, route routeV3) *refusal {
	if no := wantJSONType(ex.r); no != nil {
		return no
	}
	doc, err := decodeObject(ex.body)
	if err != nil {
		return refuse(codeParamError).saying("请求body不是合法的json").because("the body cannot be read: " + err.Error())
	}
	q.trade = route.trade
	noteNumbers(ex, q, doc, route)
	if no := checkForm(formOf(route), doc, ""); no != nil {
		return no
	}
	if route.combine {
		return g.askPlaceCombined(q, doc)
	}
	return g.askPlaceOne(q, doc, route)
}

// noteNumbers notes whose order a body is about, for the history and for faults, before anything is
// checked.
func noteNumbers(ex *exchange, q *question, doc map[string]any, route routeV3) {
	name := "out_trade_no"
	if route.combine {
		name = "combine_out_trade_no"
	}
	q.outTradeNo, q.subMchID = shortened(textAt(doc, name)), shortened(textAt(doc, "sub_mchid"))
	ex.rec.OutTradeNo, ex.rec.SubMchID = q.outTradeNo, q.subMchID
}

// askPlaceOne is askPlace for an order that is none combined, by a body that has the form.
func (g *Gateway) askPlaceOne(q *question, doc map[string]any, route routeV3) *refusal {
	prefix := ""
	if route.partner {
		prefix = "sp_"
	}
	if no := ownMchID(q, prefix+"mchid", textAt(doc, prefix+"mchid")); no != nil {
		return no
	}
	if no := ownAppID(q, prefix+"appid", textAt(doc, prefix+"appid")); no != nil {
		return no
	}
	if q.subMchID == q.merchant.MchID {
		return badParam(issue{Field: "/sub_mchid", Value: q.subMchID, Issue: "sub_mchid equals sp_mchid", Location: "body"},
			"子商户号不能与服务商商户号相同").numbered(suffixSelfRelation).because("sub_mchid equals sp_mchid")
	}
	if no := checkPayer(doc, route); no != nil {
		return no
	}
	q.placing = &placement{order: orderOfBody(q, doc), params: paramsOfPlacing(doc, route.trade)}
	return nil
}

// ownMchID demands the merchant number that signed the request.
func ownMchID(q *question, name, given string) *refusal {
	if given == q.merchant.MchID {
		return nil
	}
	return badParam(issue{Field: "/" + name, Value: given, Issue: "mchid mismatch", Location: "body"},
		"http header中的mchid与post payload中的mchid不匹配").
		because(fmt.Sprintf("Authorization is mchid %s's, but the body says %s %s", q.merchant.MchID, name, given))
}

// ownAppID demands the appid that is bound to the merchant.
func ownAppID(q *question, name, given string) *refusal {
	if given == q.merchant.AppID {
		return nil
	}
	return refuse(codeAppIDMismatch).because(
		fmt.Sprintf("%s %q does not belong to mchid %s, whose appid is %s", name, given, q.merchant.MchID, q.merchant.AppID))
}

// checkPayer checks what depends on more than one member: a service provider's payer is named by
// one openid at least, and the sub-merchant's openid goes with its appid.
func checkPayer(doc map[string]any, route routeV3) *refusal {
	if !route.partner || route.trade != tradeJSAPI {
		return nil
	}
	sub := textAt(doc, "payer", "sub_openid")
	switch {
	case sub == "" && textAt(doc, "payer", "sp_openid") == "":
		return textMember("sp_openid", "用户服务标识", 128).missing("/payer/sp_openid").
			because("/payer must have sp_openid or sub_openid")
	case sub != "" && textAt(doc, "sub_appid") == "":
		return textMember("sub_appid", "子商户应用ID", 32).missing("/sub_appid").
			because("/payer/sub_openid goes with sub_appid, which is missing")
	default:
		return nil
	}
}

// orderOfBody is the order of a body that was checked.
func orderOfBody(q *question, doc map[string]any) Order {
	o := Order{
		API: apiV3, MchID: q.merchant.MchID, SubMchID: textAt(doc, "sub_mchid"), AppID: q.merchant.AppID,
		SubAppID: textAt(doc, "sub_appid"), OutTradeNo: textAt(doc, "out_trade_no"), TradeType: q.trade,
		Description: textAt(doc, "description"), NotifyURL: textAt(doc, "notify_url"), Attach: textAt(doc, "attach"),
		Total: integerAt(doc, "amount", "total"), DeviceInfo: textAt(doc, "scene_info", "device_id"),
		OpenID: textAt(doc, "payer", "openid"), SubOpenID: textAt(doc, "payer", "sub_openid"),
		TimeExpire: timeExpire(doc),
	}
	if o.SubMchID != "" {
		o.OpenID = textAt(doc, "payer", "sp_openid")
	}
	return o
}

// timeExpire is a body's time_expire, zero if there is none.
func timeExpire(doc map[string]any) time.Time {
	at, _ := time.Parse(time.RFC3339, textAt(doc, "time_expire")) // checked before
	return at
}

// paramsOfPlacing is the parameters of a body. The kind of placing is one of them, and the zone in
// which a time is written does not matter.
func paramsOfPlacing(doc map[string]any, trade string) map[string]string {
	params := paramsOf(doc)
	params["trade_type"] = trade
	if at := timeExpire(doc); !at.IsZero() {
		params["/time_expire"] = at.UTC().Format(time.RFC3339Nano)
	}
	return params
}

// handlePlace places what a question asks for, or returns why not.
func (g *Gateway) handlePlace(q *question) (subject, *refusal) {
	if q.combine {
		return g.handlePlaceCombined(q)
	}
	if !g.orders.isBound(q.owner()) {
		return subject{}, notBound(q.owner())
	}
	if q.trade == microPay {
		return g.handleCode(q)
	}
	order, no := g.orders.place(q.placing)
	return subject{Order: order}, no
}

// notBound is the refusal of a sub-merchant that is not the service provider's.
func notBound(owner Owner) *refusal {
	return refuse(codeNoAuth).saying("受理关系不存在").because(
		fmt.Sprintf("sub-merchant %s is not bound to service provider %s", owner.SubMchID, owner.MchID))
}

// placed is the reply to a placing.
func (w v3Wire) placed(q *question, s *subject) *reply {
	var answer struct {
		PrepayID string `json:"prepay_id,omitempty"`
		CodeURL  string `json:"code_url,omitempty"`
		H5URL    string `json:"h5_url,omitempty"`
	}
	switch q.trade {
	case microPay:
		return w.codePaid(s)
	case tradeNative:
		answer.CodeURL = s.codeURL(q.base)
	case tradeMobile:
		answer.H5URL = s.h5URL(q.base)
	default:
		answer.PrepayID = s.PrepayID
	}
	return newReplyV3(http.StatusOK, answer)
}
