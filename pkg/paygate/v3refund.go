package paygate

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// pathRefunds is where APIv3 has refunds, of merchants and of service providers alike
// (pay.weixin.qq.com, APIv3 of domestic refunds: create and query).
const pathRefunds = "/v3/refund/domestic/refunds"

// parseRefundV3 reads an escaped path below pathRefunds. ok is false if it is none.
func parseRefundV3(path string) (route routeV3, ok bool) {
	rest, found := strings.CutPrefix(path, pathRefunds)
	switch {
	case !found:
		return routeV3{}, false
	case rest == "":
		return routeV3{op: opRefund}, true
	}
	number, below := strings.CutPrefix(rest, "/")
	outRefundNo, err := url.PathUnescape(number)
	if !below || number == "" || strings.Contains(number, "/") || err != nil {
		return routeV3{}, false
	}
	return routeV3{op: opRefundQuery, outRefundNo: outRefundNo}, true
}

// The rules of the numbers that refunds have.
var (
	errNotTransactionID = errors.New("must be 1 to 32 digits or letters")
	errNotRefundNumber  = errors.New("must be made of digits, letters and _ - | * @")
)

// refundForm is the body of a request for a refund.
func refundForm() []member {
	return []member{
		textMember("sub_mchid", "子商户号", 32).ruled(ruleOf(isMchID, errNotMchID)),
		textMember("transaction_id", "微信支付订单号", 32).ruled(ruleOf(transactionIDRule.MatchString, errNotTransactionID)),
		textMember("out_trade_no", "商户订单号", 32).ruled(ruleOf(outTradeNoRule.MatchString, errNotNumber)),
		textMember("out_refund_no", "商户退款单号", 64).ruled(ruleOf(outRefundNoRule.MatchString, errNotRefundNumber)).needed(),
		textMember("reason", "退款原因", maxReason),
		textMember("notify_url", "退款结果回调url", 256).ruled(checkNotifyURL),
		textMember("funds_account", "退款资金来源", 32).ruled(oneOfWords(fundsAvailable, fundsUnsettled)),
		objectMember("amount", "金额信息",
			integerMember("refund", "退款金额", 1).needed(),
			integerMember("total", "原订单金额", 1).needed(),
			currencyMember().needed(),
			arrayMember("from", "退款出资账户及金额", 10,
				textMember("account", "出资账户类型", 32).ruled(oneOfWords(fundsAvailable, "UNAVAILABLE")).needed(),
				integerMember("amount", "出资金额", 1).needed()),
		).needed(),
		arrayMember("goods_detail", "退款商品", 6000,
			textMember("merchant_goods_id", "商户侧商品编码", 32).needed(),
			textMember("wechatpay_goods_id", "微信支付商品编码", 32),
			textMember("goods_name", "商品名称", 256),
			integerMember("unit_price", "商品单价", 1).needed(),
			integerMember("refund_amount", "商品退款金额", 1).needed(),
			integerMember("refund_quantity", "商品退货数量", 1).needed()),
	}
}

// askRefundV3 checks an authenticated request about a refund, and completes the question.
func (g *Gateway) askRefundV3(ex *exchange, q *question) *refusal {
	if q.op == opRefundQuery {
		return g.askRefundQueryV3(ex, q)
	}
	if no := wantJSONType(ex.r); no != nil {
		return no
	}
	body, err := decodeObject(ex.body)
	if err != nil {
		return refuse(codeParamError).saying("请求body不是合法的json").because("the body cannot be read: " + err.Error())
	}
	if no := checkForm(refundForm(), body, ""); no != nil {
		return no
	}
	q.subMchID, q.outTradeNo, q.transactionID = textAt(body, "sub_mchid"), textAt(body, "out_trade_no"), textAt(body, "transaction_id")
	ex.rec.SubMchID, ex.rec.OutTradeNo, ex.rec.TransactionID = q.subMchID, q.outTradeNo, q.transactionID
	q.refund = &refundAsk{
		outRefundNo: textAt(body, "out_refund_no"), amount: integerAt(body, "amount", "refund"), total: integerAt(body, "amount", "total"),
		reason: textAt(body, "reason"), notify: textAt(body, "notify_url"),
		account: cmp.Or(textAt(body, "funds_account"), fundsAvailable), api: apiV3,
	}
	if no := checkRefundingV3(q, body); no != nil {
		return no
	}
	if q.transactionID != "" {
		q.outTradeNo = g.orders.byTransaction(q.owner(), q.transactionID)
		ex.rec.OutTradeNo = q.outTradeNo
	}
	return nil
}

// checkRefundingV3 checks what the members of a body have to do with one another.
func checkRefundingV3(q *question, body map[string]any) *refusal {
	switch {
	case q.outTradeNo == "" && q.transactionID == "":
		return badParam(issue{Field: "/out_trade_no", Value: "", Issue: "transaction_id or out_trade_no is required", Location: "body"},
			"微信支付订单号与商户订单号不能同时为空").because("either transaction_id or out_trade_no must be there")
	case q.subMchID == q.merchant.MchID:
		return badParam(issue{Field: "/sub_mchid", Value: q.subMchID, Issue: "sub_mchid equals sp_mchid", Location: "body"},
			"子商户号不能与服务商商户号相同").numbered(suffixSelfRelation).because("sub_mchid is the merchant of Authorization")
	}
	from, _ := memberOf(body, "amount", "from").([]any)
	var sum int64
	for _, one := range from {
		account, _ := one.(map[string]any)
		sum += integerAt(account, "amount")
	}
	if len(from) > 0 && sum != q.refund.amount {
		return badParam(issue{Field: "/amount/from", Value: sum, Issue: "differs from amount.refund", Location: "body"},
			"出资金额之和与退款金额不一致").because(fmt.Sprintf("amount.from sums up to %d, and amount.refund is %d", sum, q.refund.amount))
	}
	return nil
}

// askRefundQueryV3 checks a query of a refund. A service provider adds ?sub_mchid=.
func (g *Gateway) askRefundQueryV3(ex *exchange, q *question) *refusal {
	params, err := decodeQueryV3(ex.r.URL.RawQuery)
	if err != nil {
		return refuse(codeParamError).because("the query string cannot be read: " + err.Error())
	}
	if no := refuseSurplus(params, []string{"sub_mchid"}, "query"); no != nil {
		return no
	}
	if _, there := params["sub_mchid"]; there {
		if no := checkOwner(params, "sub_mchid", "query"); no != nil {
			return no
		}
	}
	q.subMchID = params["sub_mchid"]
	ex.rec.SubMchID = q.subMchID
	if !outRefundNoRule.MatchString(q.outRefundNo) {
		return badParam(
			issue{Field: "out_refund_no", Value: shortened(q.outRefundNo), Issue: "illegal characters or length", Location: "uri_template"},
			"输入源“/uri_template/out_refund_no”映射到值字段“商户退款单号”字符串规则校验失败").
			because(fmt.Sprintf("out_refund_no %q %s", shortened(q.outRefundNo), outRefundNoSentence))
	}
	g.orders.nameOrder(q)
	ex.rec.OutTradeNo = q.outTradeNo
	return nil
}

// oneOfWords is the rule of a text that is one of a few words.
func oneOfWords(words ...string) func(string) error {
	return func(text string) error {
		if slices.Contains(words, text) {
			return nil
		}
		return errors.New("must be one of " + strings.Join(words, ", "))
	}
}

// channelOriginal is where the money goes: back to where it came from.
const channelOriginal = "ORIGINAL"

// refundReport is APIv3's answer about a refund.
type refundReport struct {
	RefundID            string       `json:"refund_id"`
	OutRefundNo         string       `json:"out_refund_no"`
	TransactionID       string       `json:"transaction_id"`
	OutTradeNo          string       `json:"out_trade_no"`
	Channel             string       `json:"channel"`
	UserReceivedAccount string       `json:"user_received_account"`
	SuccessTime         string       `json:"success_time,omitempty"`
	CreateTime          string       `json:"create_time"`
	Status              string       `json:"status"`
	FundsAccount        string       `json:"funds_account"`
	Amount              refundAmount `json:"amount"`
}

// refundAmount is what is given back: of the order, of the payer's cash, and of what the merchant
// is settled with.
type refundAmount struct {
	Total            int64  `json:"total"`
	Refund           int64  `json:"refund"`
	PayerTotal       int64  `json:"payer_total"`
	PayerRefund      int64  `json:"payer_refund"`
	SettlementTotal  int64  `json:"settlement_total"`
	SettlementRefund int64  `json:"settlement_refund"`
	DiscountRefund   int64  `json:"discount_refund"`
	Currency         string `json:"currency"`
}

// reportRefundV3 is the reply to a request for a refund, and to a query of one.
func reportRefundV3(q *question, s *subject) *reply {
	r := s.refund(q)
	report := refundReport{
		RefundID: r.RefundID, OutRefundNo: r.OutRefundNo, TransactionID: s.TransactionID, OutTradeNo: s.OutTradeNo,
		Channel: channelOriginal, UserReceivedAccount: receivedAccount,
		CreateTime: timeText(r.CreatedAt), Status: r.Status, FundsAccount: r.FundsAccount,
		Amount: refundAmount{
			Total: s.Total, Refund: r.Amount, PayerTotal: s.Total - s.discount(), PayerRefund: r.PayerAmount,
			SettlementTotal: s.Total - s.discount(couponNoCash), SettlementRefund: s.settlementShare(r.Amount),
			DiscountRefund: r.Amount - r.PayerAmount, Currency: s.Currency,
		},
	}
	if r.Status == refundSuccess {
		report.SuccessTime = timeText(r.EndedAt)
	}
	return newReplyV3(http.StatusOK, report)
}
