package paygate

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
)

// authCodeRule is a payment code: 18 digits that begin with 10 to 15 (doc v2/merchant 4011937125).
var authCodeRule = regexp.MustCompile(`^1[0-5][0-9]{16}$`)

var errNotAuthCode = errors.New("must be 18 digits that begin with 10 to 15")

// codeForm is what the body of a payment code's order may hold (pay.weixin.qq.com, code payment v3,
// codepay, 2025-02-17). It has no notify_url and no time_expire, and spells the articles' number
// otherwise.
func codeForm(partner bool) []member {
	return slices.Concat(ownersForm(partner), []member{
		textMember("description", "商品描述", 127).needed(), numberMember("out_trade_no", "商户订单号", minOutTradeNo),
		textMember("attach", "商户数据包", 128), textMember("goods_tag", "订单优惠标记", 32), truthMember("support_fapiao", "电子发票入口开放标识"),
		objectMember("payer", "支付者",
			textMember("auth_code", "付款码", 32).ruled(ruleOf(authCodeRule.MatchString, errNotAuthCode)).needed()).needed(),
		objectMember("amount", "订单金额", integerMember("total", "总金额", 1).needed(), currencyMember()).needed(),
		objectMember("scene_info", "场景信息", textMember("device_id", "商户端设备号", 32),
			textMember("device_ip", "商户端设备IP", 45).ruled(ruleOf(isIP, errNotIP)),
			objectMember("store_info", "商户门店信息", textMember("id", "门店编号", 32), textMember("out_id", "商户侧门店编号", 32)).needed()).needed(),
		detailMember("wxpay_goods_id"), settleMember(partner),
	})
}

// handleCode charges a payment code. That the user has to type the password is in APIv3 an answer
// of its own, 202, and not an error; its body is not published. In APIv2 it is an err_code.
func (g *Gateway) handleCode(q *question) (subject, *refusal) {
	order, no := g.orders.charge(q.placing)
	if no != nil && no.v2 == codeUserPaying && q.api == apiV3 && !g.codePayErrors {
		return subject{Order: order}, nil
	}
	return subject{Order: order}, no
}

// codePaid is the reply to a payment code that was charged: the transaction, whose state says
// whether the user is done.
func (v3Wire) codePaid(s *subject) *reply {
	status := http.StatusOK
	if s.State == StateUserPaying {
		status = http.StatusAccepted
	}
	return newReplyV3(status, newTransaction(&s.Order))
}
