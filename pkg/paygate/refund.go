package paygate

import (
	"cmp"
	"fmt"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// Refund is a refund of an order, as the gateway keeps it. A merchant asks for one over the wire in
// either API ([Gateway.Refund] does it by hand). It is accepted as PROCESSING, which makes the
// order REFUND, and becomes SUCCESS when [Options].RefundTime has passed by the business clock.
// Its JSON is how the management API shows it.
type Refund struct {
	// OutRefundNo is the merchant's number of the refund: 1 to 64 of digits, letters and _ - | * @.
	// An order's owner has each number once.
	OutRefundNo string `json:"out_refund_no"`
	// RefundID is WeChat Pay's own number.
	RefundID string `json:"refund_id"`
	// MchID and SubMchID are the owner of the order; see [Order.Owner].
	MchID    string `json:"mchid"`
	SubMchID string `json:"sub_mchid,omitempty"`
	// OutTradeNo and TransactionID are the order's numbers.
	OutTradeNo    string `json:"out_trade_no"`
	TransactionID string `json:"transaction_id"`
	// Amount is what is given back, in the order's unit; PayerAmount is the part of it that the
	// payer gets in cash. The rest are coupons.
	Amount      int64 `json:"amount"`
	PayerAmount int64 `json:"payer_amount"`
	// Reason, NotifyURL and FundsAccount are repeated as they were given.
	Reason       string `json:"reason,omitempty"`
	NotifyURL    string `json:"notify_url,omitempty"`
	FundsAccount string `json:"funds_account"`
	// Status is "PROCESSING", or finally "SUCCESS", "ABNORMAL" (the payer's account cannot take it)
	// or "CLOSED" (it failed, and its amount can be refunded again).
	Status string `json:"status"`
	// API is "v2" or "v3", in which it was asked for and its end is notified. Empty: by hand.
	API string `json:"api,omitempty"`
	// CreatedAt is when it was accepted, and EndedAt when Status became final, by the business
	// clock.
	CreatedAt time.Time `json:"created_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

// The values of [Refund].Status: APIv3's.
const (
	refundProcessing = "PROCESSING"
	refundSuccess    = "SUCCESS"
	refundAbnormal   = "ABNORMAL"
	refundClosed     = "CLOSED"
)

// The accounts that a refund is paid from, as APIv3 names them.
const (
	fundsAvailable = "AVAILABLE"
	fundsUnsettled = "UNSETTLED"
)

// receivedAccount is where the money of an emulated refund goes: the payer's balance. Both APIs
// write it so.
const receivedAccount = "支付用户零钱"

const (
	// maxRefunds is how many partial refunds an order may have (APIv3, create a refund).
	maxRefunds = 50
	// refundYears is how long after the payment an order can be refunded.
	refundYears = 1
	// defaultRefundTime is [Options].RefundTime's.
	defaultRefundTime = 10 * time.Second
)

// outRefundNoRule is the merchant's number of a refund.
var outRefundNoRule = regexp.MustCompile(`^[0-9A-Za-z_\-|*@]{1,64}$`)

const outRefundNoSentence = "must be 1 to 64 of digits, letters and _ - | * @"

// owner is the owner of the refunded order.
func (r *Refund) owner() Owner { return Owner{MchID: r.MchID, SubMchID: r.SubMchID} }

// key is what the ledger finds the refund by.
func (r *Refund) key() refundKey { return refundKey{r.owner(), r.OutRefundNo} }

// orderKey is what the book finds the refunded order by.
func (r *Refund) orderKey() orderKey { return orderKey{r.owner(), r.OutTradeNo} }

// refundKey is what a refund is found by.
type refundKey struct {
	owner       Owner
	outRefundNo string
}

// refundAsk is what a request for a refund wants, whatever its protocol.
type refundAsk struct {
	outRefundNo string
	amount      int64
	// what the request says that the order costs
	total   int64
	reason  string
	notify  string
	account string
	// "v2" or "v3"; empty for a refund by hand
	api string
}

// refundLedger keeps a book's refunds. The book's lock guards it. Its zero value is empty.
type refundLedger struct {
	// how long a refund is PROCESSING
	time time.Duration
	// in order of acceptance
	sequence []*Refund
	byNumber map[refundKey]*Refund
	// by WeChat Pay's own number
	byID map[string]*Refund
	// in order of acceptance
	byOrder map[orderKey][]*Refund
	// those that are PROCESSING, oldest first
	pending []*Refund
}

// put keeps a refund.
func (l *refundLedger) put(r *Refund) {
	if l.byNumber == nil {
		l.byNumber, l.byID, l.byOrder = make(map[refundKey]*Refund), make(map[string]*Refund), make(map[orderKey][]*Refund)
	}
	l.sequence = append(l.sequence, r)
	l.byNumber[r.key()], l.byID[r.RefundID] = r, r
	l.byOrder[r.orderKey()] = append(l.byOrder[r.orderKey()], r)
	if r.Status == refundProcessing {
		i := len(l.pending) // nearly always: only an order that was added ahead of the clock is refunded ahead of it
		for i > 0 && l.pending[i-1].CreatedAt.After(r.CreatedAt) {
			i--
		}
		l.pending = slices.Insert(l.pending, i, r)
	}
}

// sum is what the refunds of an order give back. One that is CLOSED gives nothing.
func (l *refundLedger) sum(key orderKey) int64 {
	var sum int64
	for _, r := range l.byOrder[key] {
		if r.Status != refundClosed {
			sum += r.Amount
		}
	}
	return sum
}

// due is when a refund that is PROCESSING ends by itself.
func (l *refundLedger) due(r *Refund) time.Time { return r.CreatedAt.Add(max(l.time, 0)) }

// first is the status of a refund that was just accepted.
func (l *refundLedger) first() string {
	if l.time < 0 {
		return refundSuccess
	}
	return refundProcessing
}

// of returns copies of an order's refunds, in order of acceptance.
func (l *refundLedger) of(key orderKey) []Refund {
	all := make([]Refund, 0, len(l.byOrder[key]))
	for _, r := range l.byOrder[key] {
		all = append(all, *r)
	}
	return all
}

// checkRefund is the table of what refunds an order allows. nil means that the refund is accepted.
// The book is locked. Which code says what is published for APIv3 only in part:
// INVALID_REQUEST for amounts that differ and for what is refunded already, RESOURCE_NOT_EXISTS for
// an order that is unknown or unpaid. APIv2's ERROR and its texts are those that merchants report.
func (b *orderBook) checkRefund(o *Order, ask *refundAsk) *refusal {
	left := o.Total - b.refunds.sum(o.key())
	switch {
	case !o.State.paid():
		return refuse(codeNoResource).saying("订单不存在或未支付").spelt(codeTradeStateError).
			because(fmt.Sprintf("the order is %s: only a paid order can be refunded", o.State))
	case ask.total != o.Total:
		return refuse(codeRefundError).saying(differentAmounts).
			because(fmt.Sprintf("the request says that the order costs %d, and it costs %d", ask.total, o.Total))
	case b.clock.time().After(o.PaidAt.AddDate(refundYears, 0, 0)):
		return refuse(codeTradeOverdue).because("the order was paid more than a year ago")
	case left == 0:
		return refuse(codeRefundError).saying("订单已全额退款").because("the whole order is refunded already")
	case ask.amount > left:
		return refuse(codeRefundError).saying("累计退款金额大于支付金额").
			because(fmt.Sprintf("%d of the order's %d are left to refund, and the request wants %d", left, o.Total, ask.amount))
	case len(b.refunds.byOrder[o.key()]) >= maxRefunds:
		return refuse(codeRefundError).saying("部分退款次数超过限制").
			because(fmt.Sprintf("the order has %d refunds already, the most there may be", maxRefunds))
	default:
		return nil
	}
}

// differentAmounts is the gateway's text about amounts that do not fit the order or an earlier
// request for the same refund.
const differentAmounts = "订单金额或退款金额与之前请求不一致，请核实后再试"

// refundOrder accepts the refund that a question asks for, or returns why not, in one step with the
// order's state. A request that repeats an earlier one gets the refund as it stands; another with
// its number is refused. The order is empty if there is none.
func (b *orderBook) refundOrder(q *question) (Order, Refund, *refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endRefunds()
	rec := b.find(q.orderKey())
	if rec == nil || overseas(rec.terms.Value().region) && q.api == apiV3 {
		return Order{}, Refund{}, refuse(codeNoResource).spelt(codeOrderNotExist)
	}
	order := b.current(rec)
	ask := q.refund
	if old, exists := b.refunds.byNumber[refundKey{q.owner(), ask.outRefundNo}]; exists {
		if no := repeatRefusal(old, q, order.Total); no != nil {
			return order, Refund{}, no
		}
		return order, *old, nil
	}
	if no := b.checkRefund(&order, ask); no != nil {
		return order, Refund{}, no
	}
	refund := b.acceptRefund(&order, ask, b.refunds.first())
	return order, *refund, nil
}

// repeatRefusal returns nil if a request repeats the one that made the refund: about the same order
// and with the same amounts.
func repeatRefusal(old *Refund, q *question, total int64) *refusal {
	switch ask := q.refund; {
	case old.OutTradeNo != q.outTradeNo:
		return refuse(codeRefundError).saying(differentAmounts).
			because(fmt.Sprintf("out_refund_no %s is a refund of order %s", old.OutRefundNo, old.OutTradeNo))
	case old.Amount != ask.amount || total != ask.total:
		return refuse(codeRefundError).saying(differentAmounts).
			because(fmt.Sprintf("out_refund_no %s was asked for with %d of %d, and now with %d of %d",
				old.OutRefundNo, old.Amount, total, ask.amount, ask.total))
	default:
		return nil
	}
}

// acceptRefund makes a refund that was checked, and turns the order to REFUND, both in one change.
// The book is locked.
func (b *orderBook) acceptRefund(o *Order, ask *refundAsk, status string) *Refund {
	at := b.clock.time()
	if at.Before(o.PaidAt) {
		at = o.PaidAt
	}
	before := b.refunds.sum(o.key())
	refund := &Refund{
		OutRefundNo: ask.outRefundNo, RefundID: b.refunds.number(at),
		MchID: o.MchID, SubMchID: o.SubMchID, OutTradeNo: o.OutTradeNo, TransactionID: o.TransactionID,
		Amount: ask.amount, PayerAmount: o.payerShare(before+ask.amount) - o.payerShare(before),
		Reason: ask.reason, NotifyURL: ask.notify, FundsAccount: cmp.Or(ask.account, fundsAvailable),
		Status: refundProcessing, API: ask.api, CreatedAt: at,
	}
	o.State = StateRefund
	b.refunds.put(refund)
	if status != refundProcessing {
		b.endRefund(refund, status, at)
	}
	b.save(b.find(o.key()), o)
	b.saveRefund(refund)
	b.stir()
	return refund
}

// payerShare is how much of a refunded amount was paid in cash, and not by coupons.
func (o *Order) payerShare(refunded int64) int64 { return o.share(refunded, o.Total-o.discount()) }

// settlementShare is how much of a refunded amount comes from what the merchant was settled with:
// not from coupons that it paid for itself.
func (o *Order) settlementShare(refunded int64) int64 {
	return o.share(refunded, o.Total-o.discount(couponNoCash))
}

// share is the part of an amount that is to it as whole is to the order's total, rounded down.
func (o *Order) share(amount, whole int64) int64 {
	part := new(big.Int).Mul(big.NewInt(amount), big.NewInt(whole)) // no product overflows
	return part.Div(part, big.NewInt(o.Total)).Int64()
}

// number makes a new refund's number: 29 digits with the date in them, as the real ones.
func (l *refundLedger) number(at time.Time) string {
	n := len(l.sequence) + 1
	return fmt.Sprintf("50%09d%s%010d", n%1_000_000_000, at.Format("20060102"), n)
}

// endRefunds ends the refunds whose time has passed. The book is locked.
func (b *orderBook) endRefunds() {
	for len(b.refunds.pending) > 0 {
		refund := b.refunds.pending[0]
		due := b.refunds.due(refund)
		if due.After(b.clock.time()) {
			return
		}
		b.endRefund(refund, refundSuccess, due)
		b.saveRefund(refund)
	}
}

// untilRefund returns how long it takes until the next refund ends; false if none is PROCESSING.
// The book is locked.
func (b *orderBook) untilRefund() (time.Duration, bool) {
	if len(b.refunds.pending) == 0 {
		return 0, false
	}
	return b.refunds.due(b.refunds.pending[0]).Sub(b.clock.time()), true
}

// endRefund gives a refund its final status, and enters its notification. The book is locked, and
// the caller saves the refund.
func (b *orderBook) endRefund(refund *Refund, status string, at time.Time) {
	refund.Status, refund.EndedAt = status, at
	switch i := slices.Index(b.refunds.pending, refund); {
	case i == 0: // nearly always: the oldest ends first
		b.refunds.pending = b.refunds.pending[1:]
	case i > 0:
		b.refunds.pending = slices.Delete(b.refunds.pending, i, i+1)
	}
	order := b.find(refund.orderKey()).order()
	b.note(noteRefund, &order, refund)
}

// findRefunds returns the order and the refunds that a question is about: by the narrowest number
// that it names. The refunds are none if there is no such number.
func (b *orderBook) findRefunds(q *question) (Order, []Refund) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endRefunds()
	var found []Refund
	switch {
	case q.refundID != "":
		if r, ok := b.refunds.byID[q.refundID]; ok && r.owner() == q.owner() {
			found = []Refund{*r}
		}
	case q.outRefundNo != "":
		if r, ok := b.refunds.byNumber[refundKey{q.owner(), q.outRefundNo}]; ok {
			found = []Refund{*r}
		}
	default:
		found = b.refunds.of(q.orderKey())
	}
	if len(found) == 0 {
		return Order{}, nil
	}
	return b.current(b.find(found[0].orderKey())), found
}

// refund is the one refund that a reply is about. A reply that a fault makes up, about another
// order than the one asked for, may have none: then it is as the request has it.
func (s *subject) refund(q *question) Refund {
	switch {
	case len(s.refunds) > 0:
		return s.refunds[0]
	case q.refund != nil:
		return Refund{OutRefundNo: q.refund.outRefundNo, RefundID: "0", Amount: q.refund.amount, PayerAmount: q.refund.amount,
			FundsAccount: q.refund.account, Status: refundProcessing, CreatedAt: s.CreatedAt}
	default:
		return Refund{OutRefundNo: q.outRefundNo, RefundID: cmp.Or(q.refundID, "0"), FundsAccount: fundsAvailable, Status: refundProcessing}
	}
}

// handleRefund does what was asked about a refund, or returns why not.
func (g *Gateway) handleRefund(q *question) (subject, *refusal) {
	if !g.orders.isBound(q.owner()) {
		return subject{}, notBound(q.owner())
	}
	if q.op == opRefundQuery {
		order, found := g.orders.findRefunds(q)
		if len(found) == 0 {
			return subject{}, refuse(codeRefundNotExist).because("there is no such refund of " + q.owner().String())
		}
		return subject{Order: order, refunds: found}, nil
	}
	order, refund, no := g.orders.refundOrder(q)
	switch {
	case no == nil:
		return subject{Order: order, refunds: []Refund{refund}}, nil
	case order.OutTradeNo == "" && q.outTradeNo == "":
		return subject{}, no.spelt(codeInvalidTransaction).because(g.noOrder(q).reason)
	case order.OutTradeNo == "":
		return subject{}, no.because(g.noOrder(q).reason)
	default:
		return subject{Order: order}, no
	}
}

// refundByHand is [Gateway.Refund], and the management API's call: the merchant refunds an order,
// or all parts of a combined one, on the merchant platform. All or none is refunded. An amount of 0
// means what is left; if that is nothing, nothing is done.
func (b *orderBook) refundByHand(no string, fits func(Owner) bool, ask refundAsk) (altered, error) {
	key, combined, err := b.findCombined(no, fits)
	if err != nil {
		return altered{}, err
	}
	if !combined {
		order, err := b.change(no, fits, func(o *Order) error { return b.refundParts([]*Order{o}, ask) })
		return altered{order: order}, err
	}
	if ask != (refundAsk{}) {
		return altered{}, invalid("out_trade_no: %s is a combined order, which is refunded as a whole: refund a part by its own number", no)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.combined[key]
	parts := make([]*Order, len(c.parts))
	for i, part := range c.parts {
		order := b.current(b.find(part))
		parts[i] = &order
	}
	if err := b.refundParts(parts, ask); err != nil {
		return altered{}, err
	}
	all := b.gather(c)
	return altered{combined: &all}, nil
}

// refundParts refunds orders, all or none, each with a number of its own. The book is locked.
func (b *orderBook) refundParts(parts []*Order, ask refundAsk) error {
	b.endRefunds()
	asks := make([]refundAsk, len(parts))
	for i, o := range parts {
		one, err := b.askByHand(o, ask)
		if err != nil {
			return err
		}
		asks[i] = one
	}
	for i, o := range parts {
		if asks[i].amount > 0 {
			b.acceptRefund(o, &asks[i], refundSuccess)
		}
	}
	return nil
}

// askByHand completes and checks one refund by hand. Its amount is 0 if nothing is left to refund,
// and that was asked for. The book is locked.
func (b *orderBook) askByHand(o *Order, ask refundAsk) (refundAsk, error) {
	if !o.State.paid() {
		return ask, conflict("order %s is %s: only a paid order can be refunded", o.OutTradeNo, o.State)
	}
	left := o.Total - b.refunds.sum(o.key())
	if left == 0 && ask.amount == 0 {
		return ask, nil
	}
	ask.total, ask.amount = o.Total, cmp.Or(ask.amount, left)
	ask.outRefundNo = cmp.Or(ask.outRefundNo, b.refunds.vacant(o))
	if _, taken := b.refunds.byNumber[refundKey{o.Owner(), ask.outRefundNo}]; taken {
		return ask, conflict("out_refund_no: %s of %s exists", ask.outRefundNo, o.Owner())
	}
	if no := b.checkRefund(o, &ask); no != nil {
		return ask, conflict("order %s: %s", o.OutTradeNo, no.reason)
	}
	return ask, nil
}

// vacant invents a number for a refund by hand: the order's, with a count.
func (l *refundLedger) vacant(o *Order) string {
	for n := len(l.byOrder[o.key()]) + 1; ; n++ {
		no := fmt.Sprintf("%s-R%d", o.OutTradeNo, n)
		if _, taken := l.byNumber[refundKey{o.Owner(), no}]; !taken {
			return no
		}
	}
}

// bornRefunded gives an order that was added as REFUND the refund that made it so. The book is
// locked.
func (b *orderBook) bornRefunded(o *Order) {
	refund := &Refund{
		OutRefundNo: b.refunds.vacant(o), RefundID: b.refunds.number(o.PaidAt),
		MchID: o.MchID, SubMchID: o.SubMchID, OutTradeNo: o.OutTradeNo, TransactionID: o.TransactionID,
		Amount: o.Total, PayerAmount: o.payerShare(o.Total), FundsAccount: fundsAvailable,
		Status: refundSuccess, CreatedAt: o.PaidAt, EndedAt: o.PaidAt,
	}
	b.refunds.put(refund)
	b.saveRefund(refund)
}

// bucketRefunds is where refunds are kept, by WeChat Pay's numbers of them, which ascend.
const bucketRefunds = "refunds"

// saveRefund has a refund kept. The book is locked.
func (b *orderBook) saveRefund(r *Refund) { b.changed(change{bucketRefunds, r.RefundID, r}) }

// loadRefund takes a refund from the file or an export. The book has its order.
func (b *orderBook) loadRefund(value []byte) error {
	refund := &Refund{}
	err := unmarshal(value, refund)
	if err == nil {
		err = intoBeijing(&refund.CreatedAt, &refund.EndedAt)
	}
	if err != nil {
		return err
	}
	ordered := b.find(refund.orderKey()) != nil
	_, known := b.refunds.byNumber[refund.key()]
	switch {
	case !ordered:
		return fmt.Errorf("refund %s is one of order %s, which is missing", refund.OutRefundNo, refund.OutTradeNo)
	case known:
		return fmt.Errorf("refund %s is there twice", refund.OutRefundNo)
	}
	b.refunds.put(refund)
	return nil
}

// dumpRefunds passes the refunds to put.
func (b *orderBook) dumpRefunds(put func(change)) {
	for _, refund := range b.refunds.sequence {
		put(change{bucketRefunds, refund.RefundID, *refund})
	}
}

// refundsOf returns the refunds of the orders of a number, or of the parts of a combined one, in
// order of acceptance. It is an error if there is no such order.
func (b *orderBook) refundsOf(outTradeNo string, fits func(Owner) bool) ([]Refund, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endRefunds()
	all, found := []Refund{}, false
	for _, rec := range b.sequence {
		order := rec.order()
		if fits(order.Owner()) && (order.OutTradeNo == outTradeNo || order.CombineOutTradeNo == outTradeNo) {
			found = true
			all = append(all, b.refunds.of(order.key())...)
		}
	}
	if !found {
		return nil, missing("there is no order %s here", outTradeNo)
	}
	return all, nil
}

// settleRefund gives the one refund that a number and perhaps an owner mean a final status.
func (b *orderBook) settleRefund(outRefundNo, status string, fits func(Owner) bool) (Refund, error) {
	if !slices.Contains([]string{refundSuccess, refundAbnormal, refundClosed}, status) {
		return Refund{}, invalid("status: %q must be one of %s, %s, %s", status, refundSuccess, refundAbnormal, refundClosed)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endRefunds()
	var found []*Refund
	for key, refund := range b.refunds.byNumber {
		if key.outRefundNo == outRefundNo && fits(key.owner) {
			found = append(found, refund)
		}
	}
	switch {
	case len(found) == 0:
		return Refund{}, missing("there is no refund %s here", outRefundNo)
	case len(found) > 1:
		return Refund{}, conflict("refund number %s is ambiguous: %d owners have it; narrow it by mchid and sub_mchid", outRefundNo, len(found))
	case found[0].Status != refundProcessing:
		return Refund{}, conflict("refund %s is %s: only one that is %s can be ended", outRefundNo, found[0].Status, refundProcessing)
	}
	b.endRefund(found[0], status, b.clock.time())
	b.saveRefund(found[0])
	return *found[0], nil
}

// Refund has the merchant refund what is left of an order, on the merchant platform: the refund is
// SUCCESS at once. Of a combined order one part is refunded, or by its combine_out_trade_no all. If
// nothing is left, nothing is done. It is an error if the order was never paid.
func (g *Gateway) Refund(outTradeNo string, of ...Owner) error {
	_, err := g.orders.refundByHand(outTradeNo, oneOf(of), refundAsk{})
	return g.keep.or(err)
}

// Refunds returns the refunds of an order, or of the parts of a combined one, in order of
// acceptance. If several owners have orders of that number, of may name one. It is an error if
// there is no such order.
func (g *Gateway) Refunds(outTradeNo string, of ...Owner) ([]Refund, error) {
	return g.orders.refundsOf(outTradeNo, oneOf(of))
}

// EndRefund gives a refund that is PROCESSING its final status before its time: "SUCCESS",
// "ABNORMAL" or "CLOSED". It is an error if there is no such refund, more than one among the owners
// given, or if it has ended.
func (g *Gateway) EndRefund(outRefundNo, status string, of ...Owner) error {
	_, err := g.orders.settleRefund(outRefundNo, status, oneOf(of))
	return g.keep.or(err)
}

// refundFacts is what a refund by hand may be given with.
type refundFacts struct {
	OutRefundNo string `json:"out_refund_no,omitempty"`
	Amount      int64  `json:"amount,omitempty"`
	Reason      string `json:"reason,omitempty"`
	NotifyURL   string `json:"notify_url,omitempty"`
}

// check returns an error for the first field that is wrong.
func (f *refundFacts) check() error {
	switch {
	case f.OutRefundNo != "" && !outRefundNoRule.MatchString(f.OutRefundNo):
		return invalid("out_refund_no: %q %s", f.OutRefundNo, outRefundNoSentence)
	case f.Amount < 0:
		return invalid("amount: %d must be a positive number of fen", f.Amount)
	case utf8.RuneCountInString(f.Reason) > maxReason || !isXMLText(f.Reason):
		return invalid("reason: must be up to %d characters that XML can carry", maxReason)
	case f.NotifyURL == "":
		return nil
	}
	if err := checkNotifyURL(f.NotifyURL); err != nil {
		return invalid("notify_url: %v", err)
	}
	return nil
}

// adminRefund refunds an order, or a combined one, and shows it.
func (g *Gateway) adminRefund(r *http.Request) (int, any, error) {
	var facts refundFacts
	if err := decodeAdmin(r, &facts); err != nil {
		return 0, nil, err
	}
	if err := facts.check(); err != nil {
		return 0, nil, err
	}
	fits, err := narrowing(r)
	if err != nil {
		return 0, nil, err
	}
	return shown(g.orders.refundByHand(r.PathValue("out_trade_no"), fits, refundAsk{
		outRefundNo: facts.OutRefundNo, amount: facts.Amount, reason: facts.Reason, notify: facts.NotifyURL,
	}))
}

// shown is the management API's answer with an order, or a combined one.
func shown(found altered, err error) (int, any, error) {
	switch {
	case err != nil:
		return 0, nil, err
	case found.combined != nil:
		return http.StatusOK, newCombinedView(found.combined), nil
	default:
		return http.StatusOK, newOrderView(&found.order), nil
	}
}

// adminRefunds lists the refunds of an order.
func (g *Gateway) adminRefunds(r *http.Request) (int, any, error) {
	fits, err := narrowing(r)
	if err != nil {
		return 0, nil, err
	}
	refunds, err := g.orders.refundsOf(r.PathValue("out_trade_no"), fits)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, refunds, nil
}

// adminEndRefund ends a refund, and shows it.
func (g *Gateway) adminEndRefund(r *http.Request) (int, any, error) {
	var facts struct {
		Status string `json:"status"`
	}
	if err := decodeAdmin(r, &facts); err != nil {
		return 0, nil, err
	}
	fits, err := narrowing(r)
	if err != nil {
		return 0, nil, err
	}
	refund, err := g.orders.settleRefund(r.PathValue("out_refund_no"), cmp.Or(facts.Status, refundSuccess), fits)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, refund, nil
}
