package paygate

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// amountRule is an amount in fen: a positive whole number, without a sign or zeros in front.
var amountRule = regexp.MustCompile(`^[1-9][0-9]{0,14}$`)

const amountSentence = "must be a positive whole number of fen"

// timeV2 is yyyyMMddHHmmss, in Beijing's time.
const timeV2 = "20060102150405"

// placingRulesV2 are the elements of /pay/unifiedorder and, without those that a payment code has
// no use for, of /pay/micropay (pay.weixin.qq.com doc v2 chapters 9_1 and 9_10, v2/merchant
// 4011937125).
func placingRulesV2(q *question, doc fields) []ruleV2 {
	rules := []ruleV2{
		upTo("body", 128).neededIf(true),
		matching("total_fee", amountRule, amountSentence).neededIf(true),
		ruleV2{name: "spbill_create_ip", fits: isIP, sentence: "must be an IP address"}.neededIf(true),
		upTo("device_info", 32),
		upTo("detail", 6000),
		upTo("attach", 127),
		oneWordOf("fee_type", currencyCNY),
		{name: "time_start", fits: isTimeV2, sentence: timeSentenceV2},
		{name: "time_expire", fits: isTimeV2, sentence: timeSentenceV2},
		upTo("goods_tag", 32),
		oneWordOf("limit_pay", "no_credit"),
		oneWordOf("receipt", "Y"),
		oneWordOf("profit_sharing", "Y", "N"),
	}
	if q.trade == microPay {
		return append(rules, microPayRulesV2()...)
	}
	return append(rules, prepayRulesV2(q, doc)...)
}

const timeSentenceV2 = "must be a time as yyyyMMddHHmmss"

// prepayRulesV2 are the elements of /pay/unifiedorder alone. What must be there depends on the
// trade type. A sub-merchant's payer may be named under either appid.
func prepayRulesV2(q *question, doc fields) []ruleV2 {
	anonymous := q.trade == tradeJSAPI && (q.subMchID == "" || doc.get("sub_openid") == "")
	return []ruleV2{
		ruleV2{
			name: "notify_url", fits: func(value string) bool { return checkNotifyURL(value) == nil },
			sentence: "must be an absolute http or https address of at most 256 bytes, without a query string",
		}.neededIf(true),
		{
			name: "trade_type", needed: true, fits: func(string) bool { return q.trade != "" },
			sentence: "must be one of " + list(prepayTradesV2()),
		},
		upTo("product_id", 32).neededIf(q.trade == tradeNative),
		upTo("openid", 128).neededIf(anonymous),
		upTo("sub_openid", 128),
		upTo("sub_appid", maxAppID).neededIf(doc.get("sub_openid") != ""),
		ruleV2{name: "scene_info", fits: isSceneInfo, sentence: "must be a JSON object of at most 256 characters"}.
			neededIf(q.trade == tradeMobile),
	}
}

// prepayTradesV2 are the trade types of /pay/unifiedorder.
func prepayTradesV2() []string { return []string{tradeJSAPI, tradeNative, tradeApp, tradeMobile} }

// tradeOfV2 is the trade type of a placing, empty if it names none that its path has.
func tradeOfV2(path string, doc fields) string {
	kind := doc.get("trade_type")
	switch {
	case path == pathMicroPay:
		return microPay
	case slices.Contains(prepayTradesV2(), kind):
		return kind
	default:
		return ""
	}
}

// isTimeV2 reports whether a text is a time as APIv2 writes it.
func isTimeV2(value string) bool {
	_, err := time.ParseInLocation(timeV2, value, beijing())
	return err == nil && len(value) == len(timeV2)
}

// isSceneInfo reports whether a text is the JSON of a scene.
func isSceneInfo(value string) bool {
	return utf8.RuneCountInString(value) <= 256 && json.Valid([]byte(value)) && strings.HasPrefix(value, "{")
}

// placingV2 makes the order that a checked request places. A request that repeats it must have
// every element again, but for the nonce and what signs it.
func placingV2(q *question, doc fields) *placement {
	total, _ := strconv.ParseInt(doc.get("total_fee"), 10, 64)                   // cannot fail: 15 digits
	expiry, _ := time.ParseInLocation(timeV2, doc.get("time_expire"), beijing()) // the zero time if absent
	params := make(map[string]string, len(doc))
	for _, f := range doc {
		if f.value != "" && !slices.Contains([]string{"nonce_str", "sign", "sign_type"}, f.name) {
			params[f.name] = f.value
		}
	}
	return &placement{params: params, order: Order{
		OutTradeNo: q.outTradeNo, MchID: q.merchant.MchID, SubMchID: q.subMchID,
		AppID: q.merchant.AppID, SubAppID: q.subAppID, OpenID: doc.get("openid"), SubOpenID: doc.get("sub_openid"),
		Total: total, Currency: doc.get("fee_type"), TradeType: q.trade,
		Attach: doc.get("attach"), DeviceInfo: doc.get("device_info"), Description: doc.get("body"),
		NotifyURL: doc.get("notify_url"), TimeExpire: expiry, API: apiV2, SignType: q.signType,
	}}
}

// placedV2 is what a placing answers behind its head: the prepay_id and the address that the trade
// type has, or for a payment code the whole transaction.
func placedV2(q *question, o *Order) fields {
	if q.trade == microPay {
		return chargedV2(o)
	}
	doc := fields{{"device_info", o.DeviceInfo}, {"trade_type", q.trade}, {"prepay_id", o.PrepayID}}
	switch q.trade {
	case tradeNative:
		return append(doc, field{"code_url", o.codeURL(q.base)})
	case tradeMobile:
		return append(doc, field{"mweb_url", o.h5URL(q.base)})
	default:
		return doc
	}
}
