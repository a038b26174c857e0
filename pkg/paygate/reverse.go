package paygate

import (
	"fmt"
	"net/http"
	"time"
)

// reversible is how long after the payment a payment-code order can be reversed (pay.weixin.qq.com
// docs/merchant/apis/code-payment-v3/direct/reverse.html; v2 chapter 9_11).
const reversible = 7 * 24 * time.Hour

// reverse ends a payment-code order, in one step with the look at its state: what is open is given
// up, and what is paid is given back. The order is as it is afterwards; it is empty if there is
// none. An order that was reversed before is left alone, and that is no refusal.
func (b *orderBook) reverse(q *question) (Order, *refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rec := b.find(q.orderKey())
	if rec == nil {
		return Order{}, refuse(codeOrderNotExist)
	}
	order := b.current(rec)
	if !q.reaches(&order) {
		return Order{}, refuse(codeOrderNotExist)
	}
	if no := reverseRefusal(&order, b.clock.time()); no != nil {
		return order, no
	}
	if order.State != StateRevoked {
		order.State, order.ClosedAt = StateRevoked, b.clock.time()
		b.save(rec, &order)
	}
	return order, nil
}

// reverseRefusal is the state table of reversing. nil means that the reversal goes through. Of
// APIv3 the documents say only which codes there are; the assignment is APIv2's. That an order
// which is USERPAYING can be reversed is what the documents want of a till that has waited;
// merchants also report USERPAYING as the answer, which the fault user-paying plays.
func reverseRefusal(o *Order, now time.Time) *refusal {
	switch {
	case o.TradeType != microPay:
		return refuse(codeInvalidRequest).saying("该订单不是付款码支付订单，不支持撤销").
			because(fmt.Sprintf("the order's trade type is %s: only payment-code orders are reversed; close it, or refund it", o.TradeType))
	case o.State == StateRefund:
		return refuse(codeTradeError).saying("订单已退款，不能撤销").because("the order is refunded already")
	case o.State == StateClosed, o.State == StateSuccess && now.After(o.PaidAt.Add(reversible)):
		return refuse(codeReverseExpire).because(fmt.Sprintf("the order is %s, and older than seven days", o.State))
	default:
		return nil
	}
}

// recall says whether APIv2 wants the reversal to be called again: yes if what became of the order
// is not certain.
func recall(no *refusal) string {
	switch no.v2 {
	case codeSystemError, codeUserPaying, codeBankError:
		return "Y"
	default:
		return "N"
	}
}

// handleReverse does what was asked, or returns why not.
func (g *Gateway) handleReverse(q *question) (Order, *refusal) {
	order, no := g.orders.reverse(q)
	if no == nil || order.OutTradeNo != "" {
		return order, no
	}
	no = g.noOrder(q)
	if q.outTradeNo == "" {
		no = no.spelt(codeInvalidTransaction)
	}
	return order, no
}

// hasReverse reports whether payment-code orders of the folder can be reversed there. The overseas
// documents have a folder of their own for that; those of Hong Kong have not.
func (r routeV3) hasReverse() bool { return !r.combine && (r.region != global || r.codes) }

// appIDs names the parameters of a reversal that the other calls about one order do not have.
func (r routeV3) appIDs(owners []string) []string {
	switch {
	case r.op != opReverse || overseas(r.region):
		return nil
	case len(owners) > 1:
		return []string{"sp_appid", "sub_appid"}
	default:
		return []string{"appid"}
	}
}

// checkAppIDs checks the appid of a reversal: a merchant must give its own, a service provider may
// (pay.weixin.qq.com docs/merchant/apis/code-payment-v3/direct/reverse.html, and the partners'
// twin).
func checkAppIDs(q *question, params map[string]string, route routeV3) *refusal {
	name := "appid"
	if route.partner {
		name = "sp_appid"
	}
	given, there := params[name]
	switch {
	case q.op != opReverse || overseas(q.region) || route.partner && !there:
		return nil
	case given == "":
		return textMember(name, "应用ID", maxAppID).missing("/" + name)
	case given != q.merchant.AppID:
		return refuse(codeAppIDMismatch).because(
			fmt.Sprintf("%s %q does not belong to mchid %s, whose appid is %s", name, given, q.merchant.MchID, q.merchant.AppID))
	default:
		return nil
	}
}

// reversedOrder is the reply to a reversal on the mainland. The first two members are a merchant's
// own order, the next four a service provider's.
type reversedOrder struct {
	AppID      string `json:"appid,omitempty"`
	MchID      string `json:"mchid,omitempty"`
	SPAppID    string `json:"sp_appid,omitempty"`
	SPMchID    string `json:"sp_mchid,omitempty"`
	SubAppID   string `json:"sub_appid,omitempty"`
	SubMchID   string `json:"sub_mchid,omitempty"`
	OutTradeNo string `json:"out_trade_no"`
}

// reportReversed writes it.
func reportReversed(q *question, s *subject) *reply {
	answer := reversedOrder{OutTradeNo: s.OutTradeNo}
	if q.subMchID == "" {
		answer.AppID, answer.MchID = q.merchant.AppID, q.merchant.MchID
	} else {
		answer.SPAppID, answer.SPMchID = q.merchant.AppID, q.merchant.MchID
		answer.SubAppID, answer.SubMchID = q.subAppID, q.subMchID
	}
	return newReplyV3(http.StatusOK, answer)
}
