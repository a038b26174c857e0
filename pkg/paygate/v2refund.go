package paygate

import (
	"regexp"
	"strconv"
)

// APIv2's names of the accounts that a refund is paid from.
const (
	sourceUnsettled = "REFUND_SOURCE_UNSETTLED_FUNDS"
	sourceRecharge  = "REFUND_SOURCE_RECHARGE_FUNDS"
)

// maxReason is String(80) in the documents of both APIs.
const maxReason = 80

// refundsPerPage is how many refunds a reply of /pay/refundquery has at most.
const refundsPerPage = 10

// offsetRule is a count of refunds to leave out.
var offsetRule = regexp.MustCompile(`^[0-9]{1,9}$`)

// refundRulesV2 are the elements of /secapi/pay/refund (pay.weixin.qq.com doc v2 chapter 9_4).
func refundRulesV2() []ruleV2 {
	return []ruleV2{
		matching("out_refund_no", outRefundNoRule, outRefundNoSentence).neededIf(true),
		matching("total_fee", amountRule, amountSentence).neededIf(true),
		matching("refund_fee", amountRule, amountSentence).neededIf(true),
		oneWordOf("refund_fee_type", currencyCNY),
		upTo("refund_desc", maxReason),
		oneWordOf("refund_account", sourceUnsettled, sourceRecharge),
		{
			name: "notify_url", fits: func(value string) bool { return checkNotifyURL(value) == nil },
			sentence: "must be an absolute http or https address of at most 256 bytes, without a query string",
		},
	}
}

// refundingV2 is what a checked request for a refund wants.
func refundingV2(doc fields) *refundAsk {
	amount, _ := strconv.ParseInt(doc.get("refund_fee"), 10, 64) // cannot fail: 15 digits
	total, _ := strconv.ParseInt(doc.get("total_fee"), 10, 64)   // cannot fail: 15 digits
	account := fundsUnsettled
	if doc.get("refund_account") == sourceRecharge {
		account = fundsAvailable
	}
	return &refundAsk{
		outRefundNo: doc.get("out_refund_no"), amount: amount, total: total,
		reason: doc.get("refund_desc"), notify: doc.get("notify_url"), account: account, api: apiV2,
	}
}

// refundQueryRulesV2 are the elements of /pay/refundquery: one of four numbers must be there (doc
// v2 chapter 9_5).
func refundQueryRulesV2(doc fields) []ruleV2 {
	named := doc.get("refund_id") != "" || doc.get("out_refund_no") != "" || doc.get("transaction_id") != ""
	return []ruleV2{
		matching("out_trade_no", outTradeNoRule, outTradeNoSentence).neededIf(!named),
		matching("refund_id", transactionIDRule, "must be 1 to 32 digits or letters"),
		matching("out_refund_no", outRefundNoRule, outRefundNoSentence),
		matching("offset", offsetRule, "must be a count, or absent"),
	}
}

// nameOrder adds the order's number to a question about a refund, so that faults for the order meet
// it.
func (b *orderBook) nameOrder(q *question) {
	b.mu.Lock()
	defer b.mu.Unlock()
	refund := b.refunds.byID[q.refundID]
	if q.refundID == "" {
		refund = b.refunds.byNumber[refundKey{q.owner(), q.outRefundNo}]
	}
	if refund != nil && refund.owner() == q.owner() {
		q.outTradeNo = refund.OutTradeNo
	}
}

// sourceV2 is APIv2's name of the account.
func (r *Refund) sourceV2() string {
	if r.FundsAccount == fundsUnsettled {
		return sourceUnsettled
	}
	return sourceRecharge
}

// statusV2 is APIv2's name of the status.
func (r *Refund) statusV2() string {
	switch r.Status {
	case refundAbnormal:
		return "CHANGE"
	case refundClosed:
		return "REFUNDCLOSE"
	default:
		return r.Status
	}
}

// orderOfRefundV2 is the order's part of a reply about refunds.
func orderOfRefundV2(o *Order) fields {
	doc := fields{
		{"transaction_id", o.TransactionID}, {"out_trade_no", o.OutTradeNo},
		{"total_fee", fen(o.Total)}, {"fee_type", o.Currency}, {"cash_fee", fen(o.inCNY(o.Total - o.discount()))},
	}
	if len(o.Coupons) > 0 {
		doc = append(doc, field{"settlement_total_fee", fen(o.Total - o.discount(couponNoCash))})
	}
	return doc
}

// refundedV2 is what /secapi/pay/refund answers behind its head. It does not say that the refund is
// still PROCESSING.
func refundedV2(q *question, s *subject) fields {
	r := s.refund(q)
	doc := append(orderOfRefundV2(&s.Order),
		field{"out_refund_no", r.OutRefundNo}, field{"refund_id", r.RefundID},
		field{"refund_fee", fen(r.Amount)}, field{"cash_refund_fee", fen(s.inCNY(r.PayerAmount))})
	if len(s.Coupons) > 0 {
		doc = append(doc, field{"settlement_refund_fee", fen(s.settlementShare(r.Amount))},
			field{"coupon_refund_fee", fen(r.Amount - r.PayerAmount)}, field{"coupon_refund_count", "0"})
	}
	return doc
}

// refundsV2 is what /pay/refundquery answers behind its head: at most ten refunds, from offset on,
// numbered from 0 in element names of their own. The misspelt refund_recv_accout is the documents'.
func refundsV2(q *question, s *subject) fields {
	page := s.refunds[min(q.offset, len(s.refunds)):]
	page = page[:min(refundsPerPage, len(page))]
	doc := append(orderOfRefundV2(&s.Order), field{"refund_count", strconv.Itoa(len(page))})
	if q.offset > 0 {
		doc = append(doc, field{"total_refund_count", strconv.Itoa(len(s.refunds))})
	}
	var sum int64
	for i := range page {
		r, n := &page[i], "_"+strconv.Itoa(i)
		sum += r.Amount
		doc = append(doc,
			field{"out_refund_no" + n, r.OutRefundNo}, field{"refund_id" + n, r.RefundID},
			field{"refund_channel" + n, channelOriginal}, field{"refund_fee" + n, fen(r.Amount)},
			field{"refund_status" + n, r.statusV2()}, field{"refund_account" + n, r.sourceV2()},
			field{"refund_recv_accout" + n, receivedAccount})
		if r.Status == refundSuccess {
			doc = append(doc, field{"refund_success_time" + n, r.EndedAt.In(beijing()).Format("2006-01-02 15:04:05")})
		}
	}
	return append(doc, field{"refund_fee", fen(sum)})
}
