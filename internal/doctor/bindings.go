package doctor

import (
	"cmp"
	"context"
	"slices"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// What a query for a made-up order tells of relations is little. APIv3's query as a service
// provider names both merchants, and is refused with NO_AUTH if they are not related. APIv2's names
// the appid as well. No query names sub_appid and is checked for it, and none of APIv3's names an
// appid: only placing an order, which moves money, tells that (APPID_MCHID_NOT_MATCH).

// checkBindings says what the answers tell about the relations between merchant, sub-merchant and
// appid, and what no query tells.
func checkBindings(_ context.Context, e *examination) []Finding {
	if e.settings.API == order.WXCloudRun || e.settings.MchID == "" {
		return nil
	}
	if why := e.silence(); why != (bilingual.Text{}) {
		return []Finding{bindingsCheck.about("").skipped(why)}
	}
	var findings []Finding
	if e.settings.Partner {
		findings = e.subMerchant()
	}
	if e.settings.AppID != "" {
		findings = append(findings, e.appID())
	}
	if e.settings.SubAppID != "" {
		findings = append(findings, bindingsCheck.about("WXPAY_SUB_APPID").unknown(bilingual.New(
			"not checked: whether it is bound to the sub-merchant: no query that is answered for a made-up order tells it",
			"未检查是否已与子商户绑定：对随机订单号的查单不会给出"), bilingual.New(
			"look it up: the sub-merchant in its console (pay.weixin.qq.com, 产品中心 → AppID账号管理), or the service provider in"+
				" its own, at the sub-merchant's settings",
			"人工核对：子商户在商户平台（产品中心 → AppID账号管理）查看，或由服务商在自己的平台上查看该子商户的开发配置")))
	}
	return findings
}

// signedNotFound reports whether a query was answered as it should be: the keys are right, and the
// relation was not objected to.
func signedNotFound(r order.Result) bool {
	return r.Outcome == order.OutcomeNotFound && r.Proof == order.ProofSignature || r.ErrCode == errcode.Unconfirmed
}

// subMerchant says what the answers tell about the sub-merchant that was asked about, and how many
// others were not.
func (e *examination) subMerchant() []Finding {
	asked := cmp.Or(e.SubMchID, e.settings.SubMchID)
	f := bindingsCheck.about("WXPAY_SUB_MCHID")
	var findings []Finding
	for _, api := range e.settings.APIs() {
		r, was := e.answers[api]
		switch {
		// The query was not made: the finding of the answer has the reason.
		case !was:
		// An unbound sub-merchant's would be refused before the order is looked up.
		case signedNotFound(r):
			findings = append(findings, f.fine(bilingual.Sprintf("%s: the service provider is answered about the orders of %s",
				"%s：服务商可查询子商户 %s 的订单",
				api, clip(asked))))
		// NO_AUTH, or a number that is no merchant's. An unsigned refusal proves neither.
		case r.Proof == order.ProofSignature:
			findings = append(findings, f.fault(bilingual.Sprintf("%s: a signed refusal about the orders of %s: %s", "%s：对子商户 %s 的查单被拒（已签名）：%s",
				api, clip(asked), r.ErrCode),
				bilingual.New("have the sub-merchant authorise the service provider in the merchant console, or correct WXPAY_SUB_MCHID=…",
					"请让子商户在商户平台授权该服务商，或更正 WXPAY_SUB_MCHID=…")))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, f.unknown(bilingual.New("not checked: no signed answer about a sub-merchant's order",
			"未检查：没有关于子商户订单的带签名应答"), bilingual.New(
			"look it up in the service provider's console (pay.weixin.qq.com): the sub-merchant is listed among its own, and has"+
				" authorised it",
			"人工核对：在服务商平台确认该子商户在其名下，且已完成授权")))
	}
	others := slices.DeleteFunc(slices.Clone(e.settings.SubMchIDs), func(id string) bool { return id == asked })
	if len(others) > 0 {
		findings = append(findings, bindingsCheck.about("WXPAY_SUB_MCHIDS").skipped(bilingual.Sprintf(
			"%d more were not asked about: --sub-mch-id names one", "另有 %d 个子商户未检查：用 --sub-mch-id 指定", len(others))))
	}
	return findings
}

// appID says what the answers tell about the appid, which only APIv2's queries name.
func (e *examination) appID() Finding {
	f := bindingsCheck.about(nameAppID)
	r, was := e.answers[order.V2]
	switch {
	case was && signedNotFound(r):
		return f.fine(bilingual.New("v2: WeChat Pay answers a query that names it together with WXPAY_MCHID",
			"v2：微信支付对同时含有它与 WXPAY_MCHID 的查单给出应答"))
	case was:
		return f.skipped(bilingual.New("not known: see the answer to v2's query", "无从得知：见 v2 查单的应答"))
	}
	return f.unknown(bilingual.New("not checked: whether it is bound to WXPAY_MCHID: APIv3's queries do not name it; placing an"+
		" order tells"+
		" (APPID_MCHID_NOT_MATCH)", "未检查是否已与 WXPAY_MCHID 绑定：APIv3 查单不含 appid；下单时才会报 APPID_MCHID_NOT_MATCH"),
		bilingual.New("look it up in the merchant console (pay.weixin.qq.com, 产品中心 → AppID账号管理): the appid is listed there",
			"人工核对：在商户平台（产品中心 → AppID账号管理）确认已列出该 appid"))
}
