package doctor

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// maxQuery limits the query. A far side that does not answer properly for so long will not recover
// while a person waits.
const maxQuery = 5 * time.Second

// madeUp begins the number of the order that is queried, so that a log shows the origin of the
// query.
const madeUp = "DOCTOR"

// checkAnswer sends one query in one dialect, and says what its answer proves. The result is zero
// if none was sent.
func checkAnswer(ctx context.Context, e *examination, api order.API) (Finding, order.Result) {
	f := answerCheck.about(string(api))
	// Random, so that neither a real order nor one of an earlier examination has this number.
	params := order.Params{OutTradeNo: madeUp + rand.Text(), SubMchID: e.SubMchID, API: api}
	if _, err := e.app.Querier.Merchant.QueryCall(params); err != nil {
		return unasked(f, err), order.Result{}
	}
	ctx, cancel := e.limited(ctx, cmp.Or(e.queryLimit, maxQuery), 1)
	defer cancel()
	// The duration is for people: a slow way shows before it breaks.
	began := time.Now()
	result := e.app.Querier.Query(ctx, params)
	return e.answered(f, api, result, time.Since(began).Milliseconds()), result
}

// answered words an answer to the query, which took some milliseconds.
func (e *examination) answered(f Finding, api order.API, r order.Result, took int64) Finding {
	switch {
	// The private link signs nothing: reaching it is the proof.
	case r.Outcome == order.OutcomeNotFound && r.Proof == order.ProofPrivateLink:
		return f.fine(bilingual.Sprintf("the link answers ORDERNOTEXIST for a made-up order, as it should (%d ms)",
			"对随机订单号返回 ORDERNOTEXIST，链路正常（%d 毫秒）", took))
	// The proof is the signature: notFound is never reported without one. An order that was asked
	// about once, for want of time, is not yet reported as not found.
	case r.Outcome == order.OutcomeNotFound, r.ErrCode == errcode.OrderNotExist && r.Proof == order.ProofSignature:
		return f.fine(bilingual.Sprintf("a signed ORDERNOTEXIST for a made-up order (%d ms): merchant, key and verification are right",
			"对随机订单号返回带有效签名的 ORDERNOTEXIST（%d 毫秒）：商户号、密钥与验签均正确", took))
	// On a foreign route no query can confirm ORDERNOTEXIST (docs/adr/0014-routes.md).
	case r.ErrCode == errcode.Unconfirmed:
		return f.warning(bilingual.Sprintf("a signed ORDERNOTEXIST for a made-up order (%d ms): merchant, key and verification are right, but"+
			" TLS may end elsewhere than at WeChat Pay, so that a query has to confirm every close and every refusal",
			"对随机订单号返回带有效签名的 ORDERNOTEXIST（%d 毫秒）：商户号、密钥与验签均正确，但 TLS 可能不是在微信支付终结，"+
				"因此每次关单与拒绝都须经查单确认", took),
			bilingual.New("set WXPAY_ROUTE=own if nothing on the way ends TLS", "若途中没有设备解密 TLS，请设置 WXPAY_ROUTE=own"))
	// The number is random: no order can have it.
	case r.Outcome == order.OutcomeFound:
		return f.warning(bilingual.New("says that a made-up order exists", "声称随机订单号存在"),
			bilingual.New("see what answers there: it is hardly WeChat Pay", "请确认应答方：它不像是微信支付"))
	}
	return e.explain(f, api, r)
}

// checkAnswers queries in all dialects at once.
func checkAnswers(ctx context.Context, e *examination) []Finding {
	if why := e.silence(); why != (bilingual.Text{}) {
		return []Finding{answerCheck.about("").skipped(why)}
	}
	// A dialect that hangs must not take the time of the others.
	apis := e.app.Querier.Merchant.APIs
	findings, results := make([]Finding, len(apis)), make([]order.Result, len(apis))
	var all sync.WaitGroup
	for i, api := range apis {
		all.Go(func() { findings[i], results[i] = checkAnswer(ctx, e, api) })
	}
	all.Wait()
	e.answers = map[order.API]order.Result{}
	for i, api := range apis {
		if results[i].Outcome != "" {
			e.answers[api] = results[i]
		}
	}
	return findings
}

// silence is the reason for not querying; empty if there is none.
func (e *examination) silence() bilingual.Text {
	switch {
	case e.Offline:
		return bilingual.New("nothing was asked, for --offline", "未实测（--offline）")
	// A query would fail because of the faults, and its finding would repeat them.
	case len(e.faults.List) > 0 || e.app == nil:
		return bilingual.New("nothing was asked: the configuration has faults", "未实测：配置有误")
	// The findings about the network say why.
	case e.reached == 0:
		return bilingual.New("nothing was asked: no address was reached", "未实测：没有可达的地址")
	}
	return bilingual.Text{}
}

// unasked words a query that cannot be made. A missing sub-merchant is not a fault: the
// configuration may leave it to each call.
func unasked(f Finding, err error) Finding {
	field, is := errors.AsType[*order.FieldError](err)
	if !is || field.Field != "sub_mch_id" {
		return f.fault(bilingual.Wording(err), bilingual.Text{})
	}
	f = f.skipped(bilingual.New("nothing was asked: a service provider asks for a sub-merchant's order", "未实测：服务商查单须指定子商户"))
	f.Remedy = bilingual.New("give --sub-mch-id, or set WXPAY_SUB_MCHID", "用 --sub-mch-id 指定，或设置 WXPAY_SUB_MCHID")
	// The sub-merchant is named, but not in the allow-list.
	if field.Code == errcode.NoAuth {
		f.Remedy = bilingual.New("give one of WXPAY_SUB_MCHIDS", "请使用 WXPAY_SUB_MCHIDS 中的子商户号")
	}
	return f
}

// explain words an answer that proves a fault, or nothing. A signed refusal proves at least that
// the keys are right.
func (e *examination) explain(f Finding, api order.API, r order.Result) Finding {
	found, level := r.Why(), LevelFault
	if r.Proof == order.ProofSignature {
		found.EN += " (signed, so the keys are right)"
		found.ZH += "（应答已签名，密钥正确）"
	}
	// The next examination may find nothing.
	if passing[r.ErrCode] {
		level = LevelWarning
	}
	return f.with(level, found, e.remedy(api, r.ErrCode))
}

// remedy is that of the code's most frequent cause. A code of the gateway's that is not in
// internal/order/errcode either has no remedy of ours.
func (e *examination) remedy(api order.API, code string) bilingual.Text {
	for _, cause := range causes {
		if cause.code == code && (cause.api == "" || cause.api == api) && (!cause.unlessClock || !e.clockAgrees) {
			return cause.remedy
		}
	}
	row, _ := errcode.Lookup(code)
	return bilingual.New(row.Remedy, row.RemedyZH)
}

// passing are codes of a temporary state: they say nothing about the configuration.
var passing = map[string]bool{
	errcode.SystemError: true, errcode.FrequencyLimited: true, "SERVICE_UNAVAILABLE": true, "BANKERROR": true,
	"SIGNATURE_PROBE": true,
}

// signingMistakesV3 are the usual causes of a SIGNERROR besides the clock.
var signingMistakesV3 = bilingual.New(
	"one of these: WXPAY_SERIAL_NO is not the serial number of the certificate that belongs to WXPAY_PRIVATE_KEY"+
		" (--certificate compares them); the certificate was replaced or revoked; WXPAY_MCHID is another merchant's",
	"常见原因：WXPAY_SERIAL_NO 不是 WXPAY_PRIVATE_KEY 对应证书的序列号（可用 --certificate 核对）；证书已更换或作废；"+
		"WXPAY_MCHID 属于另一商户")

// causes are the most frequent causes of a code, by dialect (pay.weixin.qq.com doc 4012072670 about
// 401; the others from questions of users of other libraries). The first row that fits counts. A
// code without a row has the remedy of internal/order/errcode.
var causes = []struct {
	code string
	// api limits the row to one dialect; empty: any.
	api    order.API // empty: any
	remedy bilingual.Text
	// unlessClock skips the row once the clock is known to be right.
	unlessClock bool
}{
	{
		// APIv3 signs the time: a wrong clock looks like a wrong key.
		code: errcode.SignError, api: order.V3, unlessClock: true, remedy: bilingual.Sprintf(
			"%s; the clock is more than five minutes off", "%s；本机时钟偏差超过 5 分钟", signingMistakesV3),
	},
	// The clock is right: the key, its serial number and the merchant remain.
	{code: errcode.SignError, api: order.V3, remedy: signingMistakesV3},
	// APIv2 does not sign the time: the key and the algorithm remain.
	{code: errcode.SignError, api: order.V2, remedy: bilingual.New(
		"one of these: WXPAY_V2_KEY is not this merchant's APIv2 key (the APIv3 key is as long; a service provider signs with"+
			" its own, not the sub-merchant's); it was changed in the merchant console; WXPAY_V2_SIGN_TYPE is not the one the"+
			" merchant was set up for",
		"常见原因：WXPAY_V2_KEY 不是本商户的 APIv2 密钥（勿与 APIv3 密钥混用；服务商须用自己的密钥）；密钥已在商户平台修改；"+
			"WXPAY_V2_SIGN_TYPE 不符",
	)},
	// An unsigned refusal: APIv2 cannot sign for a merchant that it does not know.
	{code: errcode.GatewayRejected, api: order.V2, remedy: bilingual.New(
		"the request was turned away without a signature: check WXPAY_APPID, WXPAY_MCHID and, for a service provider, the"+
			" sub-merchant; else see what stands between this machine and WeChat Pay",
		"请求被拒且应答未签名：检查 WXPAY_APPID、WXPAY_MCHID 与子商户号；否则检查途中的代理",
	)},
	// An unsigned refusal of APIv3, whose paths depend on the region.
	{code: errcode.GatewayRejected, remedy: bilingual.New(
		"the request was turned away without a signature: check WXPAY_BASE_URL, WXPAY_REGION and WXPAY_MCHID; else see what"+
			" stands between this machine and WeChat Pay",
		"请求被拒且应答未签名：检查 WXPAY_BASE_URL、WXPAY_REGION 与 WXPAY_MCHID；否则检查途中的代理",
	)},
	// The reply names the configured key, and the configured key does not verify it.
	{code: errcode.BadSignature, api: order.V3, remedy: bilingual.New(
		"WXPAY_PUBLIC_KEY is not the key of WXPAY_PUBLIC_KEY_ID: download both from the merchant console again",
		"WXPAY_PUBLIC_KEY 与 WXPAY_PUBLIC_KEY_ID 不是一对：请在商户平台重新下载微信支付公钥",
	)},
	// The reply names another key.
	{code: errcode.UnknownSerial, api: order.V3, remedy: bilingual.New(
		"replies are signed with a key that is not configured: see that WXPAY_PUBLIC_KEY_ID is the merchant console's, to the"+
			" letter; a merchant without a public key sets WXPAY_V3_KEY, for platform certificates",
		"应答由未配置的密钥签名：请核对 WXPAY_PUBLIC_KEY_ID 与商户平台完全一致；没有微信支付公钥的商户请设置 WXPAY_V3_KEY 以使用平台证书",
	)},
	// APIv2's replies name the appid as well as the merchant.
	{code: "FOREIGN_REPLY", api: order.V2, remedy: bilingual.New(
		"see that WXPAY_APPID is bound to WXPAY_MCHID: the reply names others", "请确认 WXPAY_APPID 与 WXPAY_MCHID 已绑定：应答中的与配置不同",
	)},
	// Only something on the way can mix up replies.
	{code: "FOREIGN_REPLY", remedy: bilingual.New(
		"the reply is about another order or merchant: look for what is on the way", "应答与请求的订单或商户不符：请检查途中的代理",
	)},
	// WeChat Pay signs its replies: the headers were lost on the way.
	{code: errcode.UnsignedReply, remedy: bilingual.New(
		"the reply carries no signature: a proxy strips the Wechatpay- headers, or answers itself",
		"应答没有签名：途中的代理可能删除了 Wechatpay- 头，或由代理自行应答",
	)},
	{
		// The time in the reply is compared with this machine's clock.
		code: "STALE_REPLY", api: order.V3, unlessClock: true,
		remedy: bilingual.New("set this machine's clock (NTP)", "请校准本机时钟（NTP）"),
	},
	{code: "STALE_REPLY", api: order.V3, remedy: bilingual.New(
		"the clocks agree, so the reply is an old one: look for a cache or a proxy on the way that sends replies again",
		"时钟一致，说明应答是旧的：请检查途中会重发应答的缓存或代理",
	)},
	// The configuration itself has no fault here, so a download of certificates has failed.
	{code: errcode.ConfigError, api: order.V3, remedy: bilingual.New(
		"no platform certificate could be downloaded: check WXPAY_V3_KEY (not the APIv2 key); a merchant who signed up after"+
			" October 2024 has none, and sets WXPAY_PUBLIC_KEY_ID and WXPAY_PUBLIC_KEY instead",
		"未能下载平台证书：检查 WXPAY_V3_KEY（不是 APIv2 密钥）；2024 年 10 月后入驻的商户没有平台证书，"+
			"须设置 WXPAY_PUBLIC_KEY_ID 与 WXPAY_PUBLIC_KEY",
	)},
	{code: errcode.NoAuth, remedy: bilingual.New(
		"the merchant may not do this: check the product's permission and the relation between service provider and sub-merchant",
		"商户无此权限：检查产品权限，以及服务商与子商户的绑定关系",
	)},
	// APIv2's own codes, which say it all.
	{code: "MCHID_NOT_EXIST", remedy: bilingual.New("check WXPAY_MCHID and the sub-merchant's number", "检查 WXPAY_MCHID 与子商户号")},
	{code: "APPID_NOT_EXIST", remedy: bilingual.New("check WXPAY_APPID", "检查 WXPAY_APPID")},
	{code: "APPID_MCHID_NOT_MATCH", remedy: bilingual.New(
		"bind WXPAY_APPID and WXPAY_MCHID in the merchant console", "请在商户平台绑定 WXPAY_APPID 与 WXPAY_MCHID",
	)},
	// The last three are ours: there is no reply, or none that can be read.
	{code: errcode.Timeout, remedy: bilingual.New("WeChat Pay was reached and did not answer in time: try again, with a longer --timeout",
		"已连接微信支付，但未及时应答：请重试，并适当增大 --timeout")},
	{code: errcode.NetworkError, remedy: bilingual.New(
		"the connection broke off: try again; if it stays, look for a firewall or a proxy on the way",
		"连接中断：请重试；若持续出现，检查防火墙或代理",
	)},
	{code: errcode.MalformedReply, remedy: bilingual.New(
		"what answers there is hardly WeChat Pay: look for a proxy on the way", "应答方不像是微信支付：请检查途中的代理",
	)},
}
