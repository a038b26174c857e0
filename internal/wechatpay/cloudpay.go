package wechatpay

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/order"
)

// cloudPay is the dialect that a cloud function speaks through wx-server-sdk. It is not one that can be asked for: only
// WeChat's own cloud can speak it.
const cloudPay order.API = "cloudPay"

// CloudPayResult words what cloud.cloudPay.closeOrder (op OpClose) or cloud.cloudPay.queryOrder (op OpQuery) of
// wx-server-sdk resolved with or threw, given as JSON, the way every other result is worded. It is pure, and asks nobody.
//
// The object may be in camelCase, as the SDK resolves it, or in snake_case, as the documents print it and WeChat cloud
// hosting sends it (all of that reply, or its respdata). It may be a thrown error with its errCode and errMsg, or just its
// text as a JSON string.
//
// Proof is always none: we did not see the object come, and it names no order after a close, so it is as good as the
// caller's private link and the caller's word. Nothing may be written into anybody's books because of it alone. Within
// that, Outcome says what the object says:
//
//	close  resultCode SUCCESS                            closed
//	query  resultCode SUCCESS and a tradeState           found; a tradeState SUCCESS or CLOSED is hearsay too
//	either resultCode FAIL and a real err_code           by order.Lookup: alreadyClosed, paid, refused, tooSoon; and unknown
//	                                                     where a query must decide, or has to be made twice (ORDERNOTEXIST)
//	either resultCode FAIL without                       unknown: the SDK overwrites errCode with 0. errCodeDes, in Chinese,
//	                                                     becomes a guess in a sentence, never the errCode
//	either returnCode FAIL, thrown, of another call,     unknown, with the reason in errCode
//	       contradictory, or none of these
//
// Unknown is always retryable, and says to query.
//
// Source: developers.weixin.qq.com, minigame/dev/wxcloud/reference-sdk-api/open/pay/CloudPay.closeOrder and .queryOrder,
// wxcloud/reference/errcode; and wx-server-sdk 2.0.2 to 4.0.2, whose code differs from the pages in the case of the keys
// and in what becomes of err_code.
func CloudPayResult(op order.Op, object []byte) order.Result {
	o, err := readCloudPay(object)
	if err != nil {
		return o.result(order.OutcomeUnknown, doubt(order.CodeMalformedReply, "this cannot be what cloudPay gave: "+err.Error(), 0, ""))
	}
	outcome, decided := o.decide(op)
	decided.Proof = order.ProofNone
	return o.result(outcome, decided)
}

// cloudPayMethods is what each operation is called in the SDK.
var cloudPayMethods = map[order.Op]string{order.OpClose: "closeOrder", order.OpQuery: "queryOrder"}

// decide reads the object from the outside in: the SDK's part, the link's, WeChat Pay's.
func (o *cloudPayObject) decide(op order.Op) (order.Outcome, order.Answer) {
	method := o.method()
	switch {
	case method != "" && method != cloudPayMethods[op]:
		return o.unknown(order.CodeForeignReply, "it is the result of cloudPay."+method+", not of "+cloudPayMethods[op])
	case o.thrown():
		return o.unknown(thrownCode(o.number), "cloudPay threw "+cmp.Or(o.text("errmsg"), o.number)+
			"; nothing is known of the order: query it")
	}
	switch returned, resulted := o.text("returncode"), o.text("resultcode"); {
	case returned == "FAIL":
		return o.unknown(returnCode(o.text("returnmsg")), "returnCode FAIL: "+cmp.Or(o.text("returnmsg"), "no reason given")+
			"; nothing is known of the order: query it")
	case returned != "SUCCESS":
		return o.unknown(order.CodeMalformedReply, "it has no returnCode of SUCCESS or FAIL: give the whole object that cloudPay."+
			cloudPayMethods[op]+" resolved with or threw")
	case resulted == "FAIL":
		return o.refused(op)
	case resulted != "SUCCESS":
		return o.unknown(order.CodeMalformedReply, "it has no resultCode of SUCCESS or FAIL")
	}
	if op == order.OpQuery {
		return o.found()
	}
	return o.closed()
}

func (o *cloudPayObject) closed() (order.Outcome, order.Answer) {
	for _, key := range [...]string{"tradestate", "tradetype", "prepayid", "refundid"} {
		if o.text(key) != "" {
			return o.unknown(order.CodeForeignReply, "it has a "+key+", so it is the result of another call than closeOrder")
		}
	}
	return order.OutcomeClosed, o.answer(order.Accepted)
}

func (o *cloudPayObject) found() (order.Outcome, order.Answer) {
	if o.text("tradestate") == "" {
		return o.unknown(order.CodeMalformedReply, "it has no tradeState: give the object that cloudPay.queryOrder resolved with")
	}
	facts, err := o.facts()
	if err != nil {
		return o.unknown(order.CodeMalformedReply, err.Error())
	}
	a := o.answer(order.Stated)
	a.Facts = facts
	return order.OutcomeFound, a
}

// refused is a resultCode FAIL.
func (o *cloudPayObject) refused(op order.Op) (order.Outcome, order.Answer) {
	said := o.text("errcodedes")
	if o.code == "" {
		sentence := "resultCode FAIL, and no code, which wx-server-sdk overwrites"
		if said != "" {
			sentence += `; the text is "` + said + `"`
		}
		if guess := guessCode(said); guess != "" {
			sentence += ", which may mean " + guess
		}
		return o.unknown(order.CodeGatewayRejected, sentence+"; query the order, its tradeState decides")
	}
	row, known := order.Lookup(o.code)
	a := o.answer(proved(op, row, known, 0))
	a.Code, a.GatewayCode, a.Message = row.Name, o.code, said
	switch a.Verdict {
	case order.SaysClosed:
		return order.OutcomeAlreadyClosed, a
	case order.SaysPaid:
		return order.OutcomePaid, a
	case order.Limited:
		return order.OutcomeTooSoon, a
	case order.Refused:
		return order.OutcomeRefused, a
	case order.SaysMissing:
		a.Message = cmp.Or(said, row.Text()) + "; said once, that may be too early: query again in some seconds"
	default:
		remedy := row.Remedy
		if remedy == "" || speaksOfOrder(row) {
			remedy = "query the order, its tradeState decides"
		}
		a.Message = cmp.Or(said, row.Meaning, row.Name) + "; " + remedy
	}
	return order.OutcomeUnknown, a
}

// unknown is the end of everything that says nothing, and why.
func (o *cloudPayObject) unknown(code, message string) (order.Outcome, order.Answer) {
	a := o.answer(order.Doubted)
	a.Code, a.GatewayCode, a.Message = code, o.number, message
	return order.OutcomeUnknown, a
}

func (o *cloudPayObject) answer(v order.Verdict) order.Answer {
	return order.Answer{Verdict: v, Nonce: o.text("noncestr"), Sign: o.text("sign"), RequestID: o.text("requestid")}
}

// result words the end. The numbers are the object's own: there is no request here to compare them with.
func (o *cloudPayObject) result(outcome order.Outcome, decided order.Answer) order.Result {
	r := order.NewResult(order.Call{
		API:           cloudPay,
		AppID:         o.text("appid"),
		MchID:         o.text("mchid"),
		SubAppID:      o.text("subappid"),
		SubMchID:      o.text("submchid"),
		OutTradeNo:    o.text("outtradeno"),
		TransactionID: o.text("transactionid"),
	}, outcome, decided, 0)
	if r.ResultCode != "" {
		r.ResultMsg = o.text("resultmsg")
	}
	return r
}

// thrownCodes are the numbers that wx-server-sdk throws (wxcloud/reference/errcode). None of them tells whether WeChat Pay
// was asked.
var thrownCodes = map[string]string{
	"":        order.CodeSystemError,      // none was given
	"-1":      order.CodeSystemError,      // anything
	"-401001": order.CodeNoAuth,           // SDK: no permission for the API
	"-401002": order.CodeParamError,       // SDK: a wrong parameter
	"-401003": order.CodeParamError,       // SDK: a parameter of a wrong type
	"-501001": order.CodeSystemError,      // cloud: system error
	"-501002": order.CodeTimeout,          // cloud: no answer in time
	"-501003": order.CodeFrequencyLimited, // cloud: the environment's quota of requests
	"-501004": order.CodeFrequencyLimited, // cloud: the environment's quota of requests at once
	"-501005": order.CodeConfigError,      // cloud: a wrong environment
	"-501007": order.CodeParamError,       // cloud: a wrong parameter
	"-601001": order.CodeSystemError,      // WeChat: system error
	"-601002": order.CodeParamError,       // WeChat: a wrong parameter
	"-601003": order.CodeNetworkError,     // WeChat: network error
	"-601004": order.CodeNoAuth,           // WeChat: no permission
	"-601008": order.CodeTimeout,          // WeChat: no answer in time
	"-604101": order.CodeNoAuth,           // WeChat: the cloud function may not call this API
	"-604102": order.CodeTimeout,          // WeChat: no answer in time
}

func thrownCode(number string) string {
	return cmp.Or(thrownCodes[number], order.CodeGatewayRejected)
}

// cloudPayHints is what the Chinese texts say, in the words of the documents' table of codes and those met in the field.
// A text is for people to read and changes without notice: it is good for a guess.
var cloudPayHints = []struct{ says, code string }{
	{"已支付", order.CodeOrderPaid},
	{"已关闭", order.CodeOrderClosed},
	{"不存在", order.CodeOrderNotExist},
	{"支付中", order.CodeUserPaying},
	{"签名", order.CodeSignError},
	{"频率", order.CodeFrequencyLimited},
	{"post", "REQUIRE_POST_METHOD"},
	{"xml", "XML_FORMAT_ERROR"},
	{"参数", order.CodeParamError},
	{"系统", order.CodeSystemError},
}

func guessCode(text string) string {
	text = strings.ToLower(text)
	for _, hint := range cloudPayHints {
		if strings.Contains(text, hint.says) {
			return hint.code
		}
	}
	return ""
}

// returnCode is the code for a returnCode FAIL, which has only a text. What that says of the order is no code, lest
// somebody branch on it.
func returnCode(text string) string {
	row, known := order.Lookup(guessCode(text))
	if !known || speaksOfOrder(row) {
		return order.CodeGatewayRejected
	}
	return row.Name
}

// cloudPayObject is the object without its casing: keys are in lower case and without underscores, so that sub_mch_id,
// subMchId and even subMchID are one.
type cloudPayObject struct {
	texts map[string]string
	lists map[string][]string
	// code is the business code, in any of its spellings, unless it was destroyed.
	code string
	// number is the SDK's or the link's errCode where it is not 0.
	number string
}

const (
	// maxCloudPay is far above any result, a few thousand bytes.
	maxCloudPay = 1 << 20
	// maxCoupons is how many an order may have used; more are left out.
	maxCoupons = 100
)

// readCloudPay always returns an object, which is empty when there is an error.
func readCloudPay(object []byte) (*cloudPayObject, error) {
	o := &cloudPayObject{texts: map[string]string{}, lists: map[string][]string{}}
	var thrown string
	switch {
	case len(object) > maxCloudPay:
		return o, errors.New("it is longer than 1 MiB")
	case json.Unmarshal(object, &thrown) == nil && thrown != "":
		o.texts["errmsg"] = thrown
	default:
		if err := o.read(object, "respdata"); err != nil {
			return &cloudPayObject{}, err
		}
	}
	o.findNumber()
	return o, nil
}

// read takes in the texts, the numbers and the lists of an object, and of the one in it that has the name of inner.
func (o *cloudPayObject) read(object []byte, inner string) error {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(object, &values); err != nil || values == nil {
		return errors.New("it is not a JSON object")
	}
	for _, key := range slices.Sorted(maps.Keys(values)) { // so that the same object always has the same fault
		folded := strings.ToLower(strings.ReplaceAll(key, "_", ""))
		if err := o.take(folded, values[key], inner); err != nil {
			return err
		}
	}
	return nil
}

func (o *cloudPayObject) take(folded string, value json.RawMessage, inner string) error {
	switch value[0] {
	case '{':
		if folded == inner {
			return o.read(value, "")
		}
	case '[':
		var elements []json.RawMessage
		_ = json.Unmarshal(value, &elements) // it is part of what has been decoded
		if len(o.lists[folded]) > 0 {
			return fmt.Errorf("it gives %s twice", folded)
		}
		for _, element := range elements {
			o.lists[folded] = append(o.lists[folded], cloudPayText(element))
		}
	default:
		return o.put(folded, cloudPayText(value))
	}
	return nil
}

// cloudPayText is the text of a string, or a number as it was written; "" for everything else.
func cloudPayText(value json.RawMessage) string {
	var text string
	var number json.Number
	switch {
	case json.Unmarshal(value, &text) == nil:
		return text
	case json.Unmarshal(value, &number) == nil:
		return number.String()
	}
	return ""
}

// put keeps one value. The same thing in both casings must be the same thing; but errCode and err_code are two, the number
// of the SDK and the word of WeChat Pay, of which the SDK leaves the one where the other was.
func (o *cloudPayObject) put(folded, value string) error {
	into := o.texts[folded]
	switch {
	case value == "":
		return nil
	case folded == "errmsg" && into != "" && into != value: // the link's "ok" beside the SDK's
		o.texts[folded] = into + "; " + value
		return nil
	case folded != "errcode":
		o.texts[folded] = value
	case !isInteger(value):
		into, o.code = o.code, value
	case value == "0":
		return nil
	default:
		into, o.number = o.number, value
	}
	if into != "" && into != value {
		return fmt.Errorf("it gives %s twice, and differently", folded)
	}
	return nil
}

func isInteger(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

func (o *cloudPayObject) text(folded string) string { return o.texts[folded] }

// findNumber takes the errCode out of an error's text where the error brought none of its own, as "errCode: -501002 … |
// errMsg: cloudPay.closeOrder:fail …" does, which is the SDK's Error.message.
func (o *cloudPayObject) findNumber() {
	o.texts["errmsg"] = cmp.Or(o.text("errmsg"), o.text("message"))
	if o.number != "" {
		return
	}
	_, rest, _ := strings.Cut(o.text("errmsg"), "errCode: ")
	number, _, _ := strings.Cut(rest+" ", " ")
	if isInteger(number) && number != "0" {
		o.number = number
	}
}

// thrown tells an error of the SDK or of the link from a result.
func (o *cloudPayObject) thrown() bool {
	return o.number != "" || strings.Contains(o.text("errmsg"), ":fail")
}

// method is closeOrder in "cloudPay.closeOrder:ok", "" where no method is named.
func (o *cloudPayObject) method() string {
	_, rest, found := strings.Cut(o.text("errmsg"), "cloudPay.")
	method, _, ended := strings.Cut(rest, ":")
	if !found || !ended {
		return ""
	}
	return method
}

// cloudPayZone is where timeEnd is.
var cloudPayZone = time.FixedZone("UTC+8", 8*60*60)

func (o *cloudPayObject) facts() (*order.Facts, error) {
	f := &order.Facts{
		TradeState:     order.TradeState(o.text("tradestate")),
		TradeStateDesc: o.text("tradestatedesc"),
		OutTradeNo:     o.text("outtradeno"),
		TransactionID:  o.text("transactionid"),
		TradeType:      o.text("tradetype"),
		BankType:       o.text("banktype"),
		Attach:         o.text("attach"),
		DeviceInfo:     o.text("deviceinfo"),
		OpenID:         o.text("openid"),
		SubOpenID:      o.text("subopenid"),
		IsSubscribe:    o.text("issubscribe"),
		SubIsSubscribe: o.text("subissubscribe"),
		FeeType:        o.text("feetype"),
		CashFeeType:    o.text("cashfeetype"),
	}
	var total, settled, cash, coupon int64
	for _, number := range [...]struct {
		key  string
		into *int64
	}{
		{"totalfee", &total},
		{"settlementtotalfee", &settled},
		{"cashfee", &cash},
		{"couponfee", &coupon},
		{"couponcount", &f.CouponCount},
	} {
		if err := o.whole(number.key, number.into); err != nil {
			return nil, err
		}
	}
	paid := f.TradeState.Paid()
	f.TotalFee, f.SettlementTotalFee = amount(total, paid), amount(settled, false)
	f.CashFee, f.CouponFee = amount(cash, paid), amount(coupon, false)
	var err error
	if f.Coupons, err = o.coupons(); err != nil {
		return nil, err
	}
	f.PaidAt, err = o.paidAt()
	return f, err
}

// whole reads digits and nothing else into a field; nothing leaves it as it is.
func (o *cloudPayObject) whole(folded string, into *int64) error {
	value := o.text(folded)
	if value == "" {
		return nil
	}
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return fmt.Errorf("its %s is not a whole number", folded)
	}
	*into = int64(n)
	return nil
}

func (o *cloudPayObject) paidAt() (time.Time, error) {
	const layout = "20060102150405"
	value := o.text("timeend")
	if value == "" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation(layout, value, cloudPayZone)
	if err != nil || len(value) != len(layout) {
		return time.Time{}, errors.New("its timeEnd is not a time as yyyyMMddHHmmss")
	}
	return at, nil
}

// coupons lifts them out of the keys that the SDK makes of coupon_id_$n, which are couponId_0, couponType_0 and
// couponFee_0, after the three lists of WeChat cloud hosting have been made such keys too.
func (o *cloudPayObject) coupons() ([]order.Coupon, error) {
	for _, part := range [...]string{"couponid", "coupontype", "couponfee"} {
		for n, value := range o.lists[part+"list"] {
			if err := o.put(part+strconv.Itoa(n), value); err != nil {
				return nil, err
			}
		}
	}
	var coupons []order.Coupon
	for n := range maxCoupons {
		index := strconv.Itoa(n)
		c := order.Coupon{ID: o.text("couponid" + index), Type: o.text("coupontype" + index)}
		if err := o.whole("couponfee"+index, &c.Fee); err != nil {
			return nil, err
		}
		if c != (order.Coupon{}) {
			coupons = append(coupons, c)
		}
	}
	return coupons, nil
}
