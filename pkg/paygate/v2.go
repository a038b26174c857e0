package paygate

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// field is one element of an APIv2 document.
type field struct {
	name, value string
}

// fields is an APIv2 document, in its order: flat, names unique.
type fields []field

// get is an element's value, empty if it is absent. An empty element counts as absent.
func (f fields) get(name string) string {
	for _, one := range f {
		if one.name == name {
			return one.value
		}
	}
	return ""
}

// has reports whether an element is there, also an empty one.
func (f fields) has(name string) bool {
	return slices.ContainsFunc(f, func(one field) bool { return one.name == name })
}

// decodeV2 reads an APIv2 document: the root xml, in it elements of text or CDATA, nothing deeper,
// no name twice, no DOCTYPE. What is refused could give the document a second reading, or reach
// files and hosts by entities (pay.weixin.qq.com wiki doc/api chapter 23_5). The real gateway may
// accept more.
func decodeV2(body []byte) (fields, error) {
	if doc, plain := scanV2(body); plain {
		return doc, nil
	}
	return parseV2(body)
}

// parseV2 is decodeV2 for any document.
func parseV2(body []byte) (fields, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the document is not UTF-8")
	}
	dec := xml.NewDecoder(bytes.NewReader(body))
	root, err := nextTag(dec, beforeRoot)
	if err != nil {
		return nil, err
	}
	if start, is := root.(xml.StartElement); !is || start.Name != (xml.Name{Local: "xml"}) {
		return nil, errors.New("the root element is not xml")
	}
	var doc fields
	for {
		tag, err := nextTag(dec, "between the elements")
		if err != nil {
			return nil, err
		}
		start, is := tag.(xml.StartElement)
		if !is {
			return doc, closeDocument(dec)
		}
		if doc, err = doc.read(dec, start.Name); err != nil {
			return nil, err
		}
	}
}

// beforeRoot is the only place where an XML declaration may stand.
const beforeRoot = "before the root element xml"

// nextTag returns the next start or end of an element. place says where it is looked for, in
// errors. The error wraps io.EOF at the end of the body, and else says what stands there that may
// not.
func nextTag(dec *xml.Decoder, place string) (xml.Token, error) {
	for {
		token, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("reading what is %s: %w", place, err)
		}
		switch t := token.(type) {
		case xml.StartElement, xml.EndElement:
			return token, nil
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, errors.New("there is text " + place)
			}
		case xml.ProcInst:
			if t.Target != "xml" || place != beforeRoot {
				return nil, errors.New("processing instructions are not allowed")
			}
		case xml.Directive:
			return nil, errors.New("DOCTYPE and other directives are not allowed")
		}
	}
}

// maxElements bounds a document, since each name is compared with all before it. The longest
// request of WeChat Pay's documents has 30.
const maxElements = 500

// read reads the element that has just begun, and appends it.
func (f fields) read(dec *xml.Decoder, name xml.Name) (fields, error) {
	if name.Space != "" {
		return nil, fmt.Errorf("element %s has a namespace", name.Local)
	}
	value, err := elementText(dec, name.Local)
	if err != nil {
		return nil, err
	}
	if f.has(name.Local) {
		return nil, fmt.Errorf("element %s is there twice", name.Local)
	}
	if len(f) == maxElements {
		return nil, fmt.Errorf("there are more than %d elements", maxElements)
	}
	return append(f, field{name.Local, value}), nil
}

// closeDocument reads to the end of the body. Nothing may follow the root element but comments.
func closeDocument(dec *xml.Decoder) error {
	_, err := nextTag(dec, "after the root element")
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	default:
		return errors.New("there is more after the root element")
	}
}

// elementText reads an element's text up to its end. Comments in it are no part of the text.
func elementText(dec *xml.Decoder, name string) (string, error) {
	var text strings.Builder
	for {
		token, err := dec.Token()
		if err != nil {
			return "", fmt.Errorf("reading element %s: %w", name, err)
		}
		switch t := token.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			return text.String(), nil
		case xml.Comment:
		case xml.StartElement:
			return "", fmt.Errorf("element %s contains element %s: the document must be flat", name, t.Name.Local)
		default:
			return "", fmt.Errorf("element %s contains a directive or processing instruction", name)
		}
	}
}

// encodeV2 writes an APIv2 document as WeChat Pay does: CDATA, and amounts as bare numbers. An end
// of CDATA in a value is split over two sections. The order is that of the document; it is not
// signed.
func encodeV2(doc fields) []byte {
	const typical = 1 << 10 // bytes
	out := append(make([]byte, 0, typical), "<xml>"...)
	for i, f := range doc {
		if i > 0 {
			out = append(out, '\n')
		}
		out = appendElementV2(out, f)
	}
	return append(out, "\n</xml>"...)
}

// appendElementV2 writes one element.
func appendElementV2(out []byte, f field) []byte {
	out = append(append(append(out, '<'), f.name...), '>')
	if f.isAmount() {
		out = append(out, f.value...)
	} else {
		out = append(out, "<![CDATA["...)
		out = append(out, strings.ReplaceAll(f.value, "]]>", "]]]]><![CDATA[>")...)
		out = append(out, "]]>"...)
	}
	return append(append(append(out, "</"...), f.name...), '>')
}

// isAmount reports whether the value is written as a bare number.
func (f field) isAmount() bool {
	if !strings.Contains(f.name, "_fee") && !strings.HasSuffix(f.name, "_count") {
		return false
	}
	_, err := strconv.Atoi(f.value)
	return err == nil
}

// isXMLText reports whether XML 1.0 can carry the text at all, and unchanged. A carriage return
// would come back as a line feed.
func isXMLText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < ' ' && r != '\t' && r != '\n' || r == '\ufffe' || r == '\uffff' {
			return false
		}
	}
	return true
}

// endpointsV2 are the calls of APIv2 that are played, by their paths (pay.weixin.qq.com doc v2
// chapters 9_1 to 9_5, 9_10 and 9_11; v2/merchant 4011935216, v2/partner 4011940962). The real
// gateway demands the merchant's client certificate below /secapi/. Over http there is none to
// check.
var endpointsV2 = map[string]string{
	"/pay/closeorder":     opClose,
	"/pay/orderquery":     opQuery,
	"/pay/unifiedorder":   opPlace,
	pathMicroPay:          opPlace,
	"/pay/refundquery":    opRefundQuery,
	"/secapi/pay/refund":  opRefund,
	"/secapi/pay/reverse": opReverse,
}

// pathMicroPay is where payment codes are charged.
const pathMicroPay = "/pay/micropay"

// serveV2 answers APIv2. HTTP says 200 whatever goes wrong.
func (g *Gateway) serveV2(ex *exchange, path string) {
	op, played := endpointsV2[path]
	if !played {
		ex.notPlayedV2(path)
		return
	}
	ex.rec.Op = op
	if ex.r.Method != http.MethodPost {
		ex.failV2(verdictMalformed, "请使用post方法", "the method must be POST")
		return
	}
	if !ex.read() {
		return
	}
	doc, err := decodeV2(ex.body)
	if err != nil {
		ex.distrustV2(verdictMalformed, inTheTable("XML格式错误", "v2-document").about(err.Error()))
		return
	}
	ex.rec.MchID, ex.rec.SubMchID = doc.get("mch_id"), doc.get("sub_mch_id")
	ex.rec.OutTradeNo, ex.rec.TransactionID = doc.get("out_trade_no"), doc.get("transaction_id")
	merchant := g.merchant(ex.rec.MchID)
	if merchant == nil {
		ex.distrustV2(verdictUnauthentic, inTheTable("商户号mch_id不存在", "v2-mchid").
			about(fmt.Sprintf("%q is no merchant of this gateway; it has %s", ex.rec.MchID, merchantIDs(g.merchants))))
		return
	}
	if wrong := g.authenticateV2(ex.body, doc, merchant); wrong != nil {
		ex.distrustV2(verdictUnauthentic, wrong)
		return
	}
	g.askV2(ex, doc, merchant)
}

// askV2 checks an authenticated document, and has it served. A call that names both of an order's
// numbers is about the transaction_id (doc v2 chapter 9_2); a close is by out_trade_no alone.
func (g *Gateway) askV2(ex *exchange, doc fields, merchant *Merchant) {
	q := &question{
		api: apiV2, op: ex.rec.Op, merchant: merchant, base: g.baseOf(ex.r),
		subMchID: doc.get("sub_mch_id"), subAppID: doc.get("sub_appid"),
		outTradeNo: doc.get("out_trade_no"), transactionID: doc.get("transaction_id"),
		signType: doc.get("sign_type"), version: doc.get("version"),
	}
	if q.op == opPlace {
		q.trade = tradeOfV2(ex.r.URL.EscapedPath(), doc)
	}
	w := v2Wire{}
	if no := checkV2(q, doc); no != nil {
		ex.refused(no)
		g.finish(ex, w, q, w.refused(q, no), nil)
		return
	}
	q.completeV2(doc)
	// preferred when both are given: doc v2 chapter 9_2
	if q.transactionID != "" && q.op != opClose && q.op != opPlace {
		q.outTradeNo = g.orders.byTransaction(q.owner(), q.transactionID)
	}
	if q.op == opRefundQuery {
		g.orders.nameOrder(q)
	}
	if q.outTradeNo != "" {
		ex.rec.OutTradeNo = q.outTradeNo
	}
	g.serve(ex, w, q)
}

// completeV2 adds to a question what its operation alone has. The document was checked.
func (q *question) completeV2(doc fields) {
	switch q.op {
	case opPlace:
		q.placing = placingV2(q, doc)
	case opRefund:
		q.refund = refundingV2(doc)
	case opRefundQuery:
		q.refundID, q.outRefundNo = doc.get("refund_id"), doc.get("out_refund_no")
		q.offset, _ = strconv.Atoi(doc.get("offset")) // cannot fail: digits, or absent
	default: // nothing more
	}
}

// ruleV2 is what the documents say about an element of a request: a greatest length, or the words
// that it may be, or a form. The sentence about a wrong value is made only for one.
type ruleV2 struct {
	name string
	// absent or empty is LACK_PARAMS
	needed bool
	// characters; 0: see words
	most int
	// nil: see fits
	words []string
	// reports whether a value that is not empty has the right form, and what that is
	fits     func(string) bool
	sentence string
}

// admits reports whether a value that is not empty is right.
func (r ruleV2) admits(value string) bool {
	switch {
	case r.most > 0:
		return utf8.RuneCountInString(value) <= r.most
	case r.words != nil:
		return slices.Contains(r.words, value)
	default:
		return r.fits(value)
	}
}

// demand is what a value must be, behind the element's name and value.
func (r ruleV2) demand() string {
	switch {
	case r.most > 0:
		return fmt.Sprintf("must be at most %d characters", r.most)
	case r.words != nil:
		return "must be " + strings.Join(r.words, " or ") + ", or absent"
	default:
		return r.sentence
	}
}

// upTo is an element of at most so many characters.
func upTo(name string, most int) ruleV2 { return ruleV2{name: name, most: most} }

// matching is an element that a pattern describes.
func matching(name string, rule *regexp.Regexp, sentence string) ruleV2 {
	return ruleV2{name: name, fits: rule.MatchString, sentence: sentence}
}

// oneWordOf is an element that is one of a few words.
func oneWordOf(name string, words ...string) ruleV2 { return ruleV2{name: name, words: words} }

// neededIf makes the element one that must be there under a condition.
func (r ruleV2) neededIf(so bool) ruleV2 {
	r.needed = so
	return r
}

// rulesV2 are the elements of an operation's request, those first that every request has. An
// element that has no rule is signed and otherwise ignored, as the documents promise for
// extensions.
func rulesV2(q *question, doc fields) []ruleV2 {
	byNumber := q.op == opClose || q.op == opPlace || q.transactionID == "" && q.op != opRefundQuery
	rules := []ruleV2{
		upTo("appid", maxAppID).neededIf(true),
		upTo("nonce_str", maxNonce).neededIf(true),
		matching("out_trade_no", outTradeNoRule, outTradeNoSentence).neededIf(byNumber),
		matching("transaction_id", transactionIDRule, "must be 1 to 32 digits or letters"),
		matching("sub_mch_id", mchIDRule, "must be 1 to 32 digits"),
		upTo("sub_appid", maxAppID),
	}
	switch q.op {
	case opPlace:
		return append(rules, placingRulesV2(q, doc)...)
	case opRefund:
		return append(rules, refundRulesV2()...)
	case opRefundQuery:
		return append(rules, refundQueryRulesV2(doc)...)
	default:
		return append(rules, oneWordOf("version", "1.0"))
	}
}

// checkV2 returns what is wrong with the form of a request whose signature held, nil if nothing is.
// The first fault counts: an element that is missing, then the parties, then the form of a value.
func checkV2(q *question, doc fields) *refusal {
	rules := rulesV2(q, doc)
	for i := range rules {
		if rule := &rules[i]; rule.needed && doc.get(rule.name) == "" {
			return refuse(codeLackParams).saying("缺少参数" + rule.name).because(rule.name + " is missing or empty")
		}
	}
	switch {
	case doc.get("appid") != q.merchant.AppID:
		return refuse(codeAppIDMismatch).because(
			fmt.Sprintf("appid %q does not belong to mch_id %s, whose appid is %s", doc.get("appid"), q.merchant.MchID, q.merchant.AppID))
	case q.subMchID == q.merchant.MchID:
		return refuse(codeParamError).saying("子商户号不能与受理商户号相同").numbered(suffixSelfRelation).
			because("sub_mch_id equals mch_id: a merchant that acts for itself sends none")
	}
	for i := range rules {
		rule := &rules[i]
		if value := doc.get(rule.name); value != "" && !rule.admits(value) {
			return refuse(codeParamError).saying(rule.name + "参数格式错误").
				because(fmt.Sprintf("%s %q %s", rule.name, shortened(value), rule.demand()))
		}
	}
	if q.trade == microPay {
		return checkAuthCode(doc.get("auth_code"))
	}
	return nil
}

// distrustV2 answers a document that is not believed, and notes why in the history.
func (ex *exchange) distrustV2(verdict string, wrong *distrust) {
	ex.rec.Expected, ex.rec.Received, ex.rec.Cause = wrong.expected, wrong.received, wrong.cause
	ex.failV2(verdict, wrong.message, wrong.reason)
}

// failV2 answers return_code FAIL, which is not signed: it is a hint to the sender, and proves
// nothing.
func (ex *exchange) failV2(verdict string, message, reason string) {
	ex.rec.Verdict = verdict
	ex.rec.Reason = reason
	rp := &reply{status: http.StatusOK, header: http.Header{}}
	rp.header.Set("Content-Type", contentTypeV2)
	rp.body = encodeV2(fields{{"return_code", "FAIL"}, {"return_msg", message}})
	ex.send(rp, nil)
}

// maxAppID is String(32) in the documents.
const maxAppID = 32

// contentTypeV2 is what probes of the real gateway saw, though the body is XML.
const contentTypeV2 = "text/plain"

// v2Wire writes APIv2 replies.
type v2Wire struct{}

// head is what every authenticated reply begins with. A sub-merchant's fields are there if it was
// named.
func (v2Wire) head(q *question) fields {
	doc := fields{{"return_code", "SUCCESS"}, {"return_msg", "OK"}, {"appid", q.merchant.AppID}, {"mch_id", q.merchant.MchID}}
	if q.subAppID != "" {
		doc = append(doc, field{"sub_appid", q.subAppID})
	}
	if q.subMchID != "" {
		doc = append(doc, field{"sub_mch_id", q.subMchID})
	}
	return append(doc, field{"nonce_str", randomText(16)})
}

// newReplyV2 makes a reply of a document that is not signed yet.
func newReplyV2(doc fields) *reply {
	rp := &reply{status: http.StatusOK, fields: doc, header: http.Header{}}
	rp.header.Set("Content-Type", contentTypeV2)
	return rp
}

// success writes result_code SUCCESS, which does not say which order was closed.
func (w v2Wire) success(q *question, s *subject) *reply {
	if q.op != opClose {
		return w.report(q, s)
	}
	return newReplyV2(append(w.head(q), field{"result_code", "SUCCESS"}))
}

// refused writes result_code FAIL, which is signed and names no order.
func (w v2Wire) refused(q *question, no *refusal) *reply {
	doc := append(w.head(q), field{"result_code", "FAIL"}, field{"err_code", no.v2}, field{"err_code_des", no.message})
	if q.op == opReverse {
		doc = append(doc, field{"recall", recall(no)})
	}
	return newReplyV2(doc)
}

// report writes what the operation answers about a subject; for a close, what a query would.
func (w v2Wire) report(q *question, s *subject) *reply {
	switch doc := append(w.head(q), field{"result_code", "SUCCESS"}); q.op {
	case opPlace:
		return newReplyV2(append(doc, placedV2(q, &s.Order)...))
	case opReverse:
		return newReplyV2(append(doc, field{"recall", "N"}))
	case opRefund:
		return newReplyV2(append(doc, refundedV2(q, s)...))
	case opRefundQuery:
		return newReplyV2(append(doc, refundsV2(q, s)...))
	default:
		return w.transaction(q, s)
	}
}

// transaction writes an orderquery reply. Unpaid orders have few of the fields, but an empty
// device_info, on which verifiers that sign empty values fail.
func (w v2Wire) transaction(q *question, s *subject) *reply {
	o := &s.Order
	doc := append(w.head(q), field{"result_code", "SUCCESS"}, field{"device_info", o.DeviceInfo})
	if o.State.paid() {
		doc = append(doc, paymentV2(o)...)
		doc = append(doc, couponsV2(o)...)
		if q.version == "1.0" && len(o.Coupons) > 0 {
			doc = append(doc, field{"promotion_detail", promotionDetailV2(o)})
		}
	} else {
		doc = append(doc, field{"total_fee", fen(o.Total)})
	}
	return newReplyV2(append(doc,
		field{"out_trade_no", o.OutTradeNo},
		field{"attach", o.Attach},
		field{"trade_state", string(o.State)},
		field{"trade_state_desc", o.State.description()}))
}

// paymentV2 is the facts of a payment.
func paymentV2(o *Order) fields {
	doc := fields{{"openid", o.OpenID}, {"is_subscribe", "N"}}
	if o.SubMchID != "" && o.SubOpenID != "" {
		doc = append(doc, field{"sub_openid", o.SubOpenID}, field{"sub_is_subscribe", "N"})
	}
	return append(doc,
		field{"trade_type", o.TradeType},
		field{"bank_type", o.BankType},
		field{"total_fee", fen(o.Total)},
		field{"fee_type", o.Currency},
		field{"cash_fee", fen(o.inCNY(o.Total - o.discount()))},
		field{"cash_fee_type", currencyCNY},
		field{"transaction_id", o.TransactionID},
		field{"time_end", o.PaidAt.In(beijing()).Format("20060102150405")})
}

// typeV2 is APIv2's coupon_type_$n.
func (c *Coupon) typeV2() string {
	if c.Type == couponNoCash {
		return "NO_CASH"
	}
	return "CASH"
}

// kindV2 is the type in APIv2's promotion_detail, and in that of APIv3 overseas.
func (c *Coupon) kindV2() string {
	if c.Type == couponNoCash {
		return "DISCOUNT"
	}
	return "COUPON"
}

// couponsV2 numbers the coupons from 0, in element names of their own.
func couponsV2(o *Order) fields {
	if len(o.Coupons) == 0 {
		return nil
	}
	doc := fields{
		{"settlement_total_fee", fen(o.Total - o.discount(couponNoCash))},
		{"coupon_fee", fen(o.discount())},
		{"coupon_count", strconv.Itoa(len(o.Coupons))},
	}
	for i, c := range o.Coupons {
		n := strconv.Itoa(i)
		doc = append(doc, field{"coupon_type_" + n, c.typeV2()}, field{"coupon_id_" + n, c.ID}, field{"coupon_fee_" + n, fen(c.Amount)})
	}
	return doc
}

// promotionsV2 is the JSON in the text of the element promotion_detail.
type promotionsV2 struct {
	Detail []promotionV2 `json:"promotion_detail"`
}

// promotionV2 is a coupon in it.
type promotionV2 struct {
	ID                 string   `json:"promotion_id"`
	Name               string   `json:"name"`
	Scope              string   `json:"scope"`
	Type               string   `json:"type"`
	Amount             int64    `json:"amount"`
	ActivityID         string   `json:"activity_id"`
	WxpayContribute    int64    `json:"wxpay_contribute"`
	MerchantContribute int64    `json:"merchant_contribute"`
	OtherContribute    int64    `json:"other_contribute"`
	Goods              []goodV2 `json:"goods_detail,omitempty"`
}

// goodV2 is a [Good] under APIv2's names, which the overseas queries of APIv3 kept.
type goodV2 struct {
	ID             string `json:"goods_id"`
	Quantity       int64  `json:"quantity"`
	UnitPrice      int64  `json:"price"`
	DiscountAmount int64  `json:"discount_amount"`
	Remark         string `json:"goods_remark"`
}

// newGoodsV2 writes a coupon's articles.
func newGoodsV2(goods []Good) []goodV2 {
	all := make([]goodV2, 0, len(goods))
	for _, g := range goods {
		all = append(all, goodV2(g))
	}
	return all
}

// promotionDetailV2 is the text of the element, which is there only if the request asked for
// version 1.0.
func promotionDetailV2(o *Order) string {
	var all promotionsV2
	for _, c := range o.Coupons {
		all.Detail = append(all.Detail, promotionV2{
			ID: c.ID, Name: c.Name, Scope: c.Scope, Type: c.kindV2(), Amount: c.Amount, ActivityID: c.StockID,
			WxpayContribute: c.WechatpayContribute, MerchantContribute: c.MerchantContribute,
			OtherContribute: c.OtherContribute, Goods: newGoodsV2(c.Goods),
		})
	}
	text, _ := json.Marshal(all) // cannot fail: strings and numbers
	return string(text)
}

// fen writes an amount in the order's smallest unit.
func fen(amount int64) string { return strconv.FormatInt(amount, 10) }

// pad puts an element in that makes the document longer than size.
func (v2Wire) pad(rp *reply, size int) {
	rp.fields = append(rp.fields, field{"padding", strings.Repeat("x", size)})
}

// seal signs with the merchant's key and the request's sign_type, and writes the bytes.
func (v2Wire) seal(q *question, rp *reply, forgery Action) error {
	sign := signV2(rp.fields, q.merchant.V2Key, q.signType)
	switch forgery {
	case BadSignature:
		sign = differently(sign)
	case Unsigned:
		rp.body = encodeV2(rp.fields)
		return nil
	default: // the others are APIv3's
	}
	at := slices.IndexFunc(rp.fields, func(f field) bool { return f.name == "nonce_str" }) + 1
	rp.body = encodeV2(slices.Insert(slices.Clone(rp.fields), at, field{"sign", sign}))
	return nil
}
