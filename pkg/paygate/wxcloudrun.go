package paygate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pathCloudRun is the path below which the private link of WeChat cloud hosting has the pay APIs
// (developers.weixin.qq.com/minigame/dev/wxcloudrun/src/development/pay/order/close.html and
// query.html).
const pathCloudRun = "/_/pay/"

const (
	// WeChat Pay's own service provider, for which the private link's merchants are sub-merchants.
	// Both are invented.
	cloudRunMchID = "1800008281"
	cloudRunAppID = "wxcloudrun00000001"
)

// Error numbers of WeChat's platform (developers.weixin.qq.com, global return codes). Which of them
// cloud hosting uses when is not published.
const (
	// a parameter is missing, wrong or surplus.
	errcodeInvalidArgs = 40097
	// not a POST.
	errcodeNeedPost = 43002
	// no body.
	errcodeEmptyBody = 44002
	// a body that is too long.
	errcodeTooLong = 45002
	// not a JSON object of strings.
	errcodeNotJSON = 47001
)

// serveCloudRun answers POST /_/pay/closeorder and /_/pay/queryorder. Nothing is signed: a request
// that reaches this address is believed to be the merchant's, and sub_mch_id says which merchant's.
func (g *Gateway) serveCloudRun(ex *exchange, path string) {
	switch strings.TrimPrefix(path, pathCloudRun) {
	case "closeorder":
		ex.rec.Op = opClose
	case "queryorder":
		ex.rec.Op = opQuery
	default:
		g.notPlayedCloudRun(ex)
		return
	}
	if !ex.read() {
		return
	}
	q := &question{api: apiCloudRun, op: ex.rec.Op}
	if no := g.askCloudRun(ex, q); no != nil {
		ex.refused(no)
		ex.rec.Verdict = verdictMalformed
		g.finish(ex, cloudRunWire{}, q, cloudRunWire{}.refused(q, no), nil)
		return
	}
	g.serve(ex, cloudRunWire{}, q)
}

// askCloudRun checks a request, and completes the question.
func (g *Gateway) askCloudRun(ex *exchange, q *question) *refusal {
	switch {
	case ex.r.Method != http.MethodPost:
		return errcode(errcodeNeedPost, "require POST method")
	case len(ex.body) == 0:
		return errcode(errcodeEmptyBody, "empty post data")
	}
	params, err := decodeTexts(ex.body)
	if err != nil {
		return errcode(errcodeNotJSON, "data format error").because("the body cannot be read: " + err.Error())
	}
	q.subMchID, q.outTradeNo, q.transactionID = params["sub_mch_id"], params["out_trade_no"], params["transaction_id"]
	ex.rec.SubMchID, ex.rec.OutTradeNo, ex.rec.TransactionID = q.subMchID, q.outTradeNo, q.transactionID
	if why := faultInCloudRun(q, params); why != "" {
		return errcode(errcodeInvalidArgs, "invalid args").because(why)
	}
	g.holderOf(ex, q)
	return nil
}

// faultInCloudRun says what is wrong with a request's parameters, empty if nothing is. The
// documents say that mch_id, appid, sign and sign_type must not be filled in.
func faultInCloudRun(q *question, params map[string]string) string {
	allowed := []string{"sub_mch_id", "out_trade_no", "nonce_str"}
	if q.op == opQuery {
		allowed = append(allowed, "transaction_id")
	}
	for _, name := range sortedKeys(params) {
		// mch_id, appid, sign and sign_type must not be filled in, say the documents
		if !slices.Contains(allowed, name) {
			return fmt.Sprintf("%s is not a parameter of this call: it has %s", name, strings.Join(allowed, ", "))
		}
	}
	switch {
	case !isMchID(q.subMchID):
		return fmt.Sprintf("sub_mch_id %q must be 1 to 32 digits", q.subMchID)
	case q.transactionID == "" && !outTradeNoRule.MatchString(q.outTradeNo):
		return fmt.Sprintf("out_trade_no %q %s", q.outTradeNo, outTradeNoSentence)
	case q.transactionID != "" && !transactionIDRule.MatchString(q.transactionID):
		return fmt.Sprintf("transaction_id %q must be 1 to 32 digits or letters", q.transactionID)
	case len(params["nonce_str"]) > maxNonce:
		return fmt.Sprintf("nonce_str must be at most %d characters", maxNonce)
	default:
		return ""
	}
}

// holderOf finds out whose order a question is about: the link's merchant is a sub-merchant of the
// service provider that placed the order, or placed it itself.
func (g *Gateway) holderOf(ex *exchange, q *question) {
	q.merchant = &Merchant{MchID: cloudRunMchID, AppID: cloudRunAppID}
	order, found := g.orders.ofMerchant(q)
	owner := Owner{MchID: q.subMchID}
	if found {
		owner = order.Owner()
		q.outTradeNo = order.OutTradeNo
		q.subAppID = order.SubAppID
		if owner.SubMchID == "" {
			q.subAppID = order.AppID
		}
		ex.rec.OutTradeNo, ex.rec.MchID = order.OutTradeNo, owner.MchID
	} else if q.transactionID != "" {
		q.outTradeNo = ""
	}
	q.holder = &owner
}

// ofMerchant finds an order that a merchant placed, or a service provider for it: the first that
// the question can reach. A transaction_id goes before an out_trade_no.
func (b *orderBook) ofMerchant(q *question) (Order, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rec := b.numbers[q.outTradeNo]
	if q.transactionID != "" { // preferred when both are given
		rec = b.transactions[q.transactionID]
	}
	for ; rec != nil; rec = rec.next {
		order := rec.order()
		mine := order.SubMchID == q.subMchID || order.Owner() == Owner{MchID: q.subMchID}
		asked := q.transactionID == "" || order.TransactionID == q.transactionID
		if mine && asked && q.reaches(&order) {
			return order, true
		}
	}
	return Order{}, false
}

// knows reports whether a merchant number is one of this gateway's: a merchant, a bound
// sub-merchant, or one with an order.
func (b *orderBook) knows(mchID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.ContainsFunc(b.merchants, func(m *Merchant) bool { return m.MchID == mchID }) {
		return true
	}
	for owner := range b.bound {
		if owner.SubMchID == mchID {
			return true
		}
	}
	return false
}

// noMerchant is the refusal of a number that the link does not belong to.
func noMerchant(mchID string) *refusal {
	return (&refusal{status: http.StatusOK, message: "子商户号sub_mch_id无效"}).
		because("sub_mch_id " + mchID + " is neither a merchant of this gateway nor a sub-merchant that one has orders for")
}

// errcode is a refusal by the platform, before the pay APIs were asked.
func errcode(number int, message string) *refusal {
	text := strconv.Itoa(number)
	return &refusal{v2: text, v3: text, status: http.StatusOK, message: message, reason: message}
}

// cloudRunWire writes wxcloudrun replies: APIv2's, as JSON in an envelope.
type cloudRunWire struct{}

// numberRule is what an error code looks like that is the platform's errcode, not the pay APIs'
// err_code.
var numberRule = regexp.MustCompile(`^-?[0-9]+$`)

// newReplyCloudRun puts a document of the pay APIs into the envelope of a call that went well.
func newReplyCloudRun(doc fields) *reply {
	return newReplyV3(http.StatusOK, envelope{Message: "ok", Data: respdata(doc)})
}

// envelope is what every reply is in.
type envelope struct {
	Code    int             `json:"errcode"`
	Message string          `json:"errmsg"`
	Data    json.RawMessage `json:"respdata,omitempty"`
}

// success is APIv2's reply, put into the envelope.
func (cloudRunWire) success(q *question, s *subject) *reply {
	return newReplyCloudRun(unattested(v2Wire{}.success(q, s)))
}

// report is APIv2's report, put into the envelope.
func (cloudRunWire) report(q *question, s *subject) *reply {
	return newReplyCloudRun(unattested(v2Wire{}.report(q, s)))
}

// refused writes a platform's errcode in the envelope itself, and the pay APIs' err_code in
// respdata. A refusal with neither is one that the pay APIs did not get as far as to sign.
func (cloudRunWire) refused(q *question, no *refusal) *reply {
	if numberRule.MatchString(no.v2) {
		number, _ := strconv.Atoi(no.v2) // cannot fail: at most nine digits
		return newReplyV3(http.StatusOK, envelope{Code: number, Message: no.message})
	}
	if no.v2 == "" { // the pay APIs did not get as far as to sign
		return newReplyCloudRun(fields{{"return_code", "FAIL"}, {"return_msg", no.message}})
	}
	return newReplyCloudRun(unattested(v2Wire{}.refused(q, no)))
}

// unattested puts a sign into APIv2's document as the link has it: by WeChat Pay's own key, which
// no caller can check.
func unattested(rp *reply) fields {
	sign := signV2(rp.fields, randomText(secretLength), signMD5)
	at := slices.IndexFunc(rp.fields, func(f field) bool { return f.name == "nonce_str" }) + 1
	return slices.Insert(slices.Clone(rp.fields), at, field{"sign", sign})
}

// couponRule is an APIv2 element that is numbered from 0; its list drops the number.
var couponRule = regexp.MustCompile(`^(coupon_(?:id|type|fee))_[0-9]+$`)

// respdata writes APIv2's document as JSON: amounts and counts are numbers, and numbered coupons
// are lists.
func respdata(doc fields) json.RawMessage {
	data := make(map[string]any)
	for _, f := range doc {
		parts := couponRule.FindStringSubmatch(f.name)
		if parts == nil {
			data[f.name] = jsonValue(f.name, f.value)
			continue
		}
		coupons, _ := data[parts[1]+"_list"].([]json.RawMessage)
		data[parts[1]+"_list"] = append(coupons, jsonValue(parts[1], f.value))
	}
	text, _ := json.Marshal(data) // cannot fail: the values are JSON
	return text
}

// jsonValue writes a value: as a number if the name says that it is one.
func jsonValue(name, value string) json.RawMessage {
	if strings.HasSuffix(name, "_fee") || strings.HasSuffix(name, "_count") {
		return json.RawMessage(value) // APIv2's amounts are numbers already
	}
	text, _ := json.Marshal(value) // cannot fail: it is a string
	return text
}

// pad makes the body longer than size.
func (cloudRunWire) pad(rp *reply, size int) { padJSON(rp, size) }

// seal has nothing to do: the link is all the proof there is.
func (cloudRunWire) seal(*question, *reply, Action) error { return nil }
