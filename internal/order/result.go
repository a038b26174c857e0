package order

import (
	"cmp"
	"math"
	"strings"
	"time"
	"unicode"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
)

// Outcome is how a call ended, the same for every dialect. The set is closed. No value means
// success, which depends on the caller: one wants the stock back (closed, alreadyClosed), another
// delivers (paid).
type Outcome string

const (
	// OutcomeClosed: the gateway proved that the order is closed now. The stock may be released.
	OutcomeClosed Outcome = "closed"
	// OutcomeAlreadyClosed: the gateway proved that it was closed before.
	OutcomeAlreadyClosed Outcome = "alreadyClosed"
	// OutcomePaid: the gateway proved that the customer paid. Deliver, or refund.
	OutcomePaid Outcome = "paid"
	// OutcomeNotFound: the gateway proved, twice with a delay between, that it has no such order.
	// It was never created, or is another merchant's.
	OutcomeNotFound Outcome = "notFound"
	// OutcomeScheduled: the order is registered, and a sweep closes it at its time. No request was
	// sent.
	OutcomeScheduled Outcome = "scheduled"
	// OutcomeWithdrawn: the registration is withdrawn, by this call or before it, and no sweep
	// closes the order. It says nothing of payment. No request was sent.
	OutcomeWithdrawn Outcome = "withdrawn"
	// OutcomeTooLate: the registration cannot be changed or withdrawn any more, since its closing
	// has begun or it has ended. Nothing was changed, and no request was sent.
	OutcomeTooLate Outcome = "tooLate"
	// OutcomeFound: a query was answered; tradeState says the rest.
	OutcomeFound Outcome = "found"
	// OutcomeTooSoon: the gateway proved that it refuses for now. Call again after retryAfter
	// seconds.
	OutcomeTooSoon Outcome = "tooSoon"
	// OutcomeRefused: the gateway proved that it refuses, or we did and sent no request. The same
	// call is refused again.
	OutcomeRefused Outcome = "refused"
	// OutcomeUnknown: nothing was proved before the deadline. The order may be open, closed or
	// paid. Call again: a close and a query are both safe to repeat.
	OutcomeUnknown Outcome = "unknown"
)

// Result is the reply to every caller: CloudPay's result object, whatever the dialect, with fields
// of our own.
//
// It has no key "code": the CloudBase JS SDK takes a body with one for a failure of the platform
// and hides the rest.
type Result struct {
	// ReturnCode is SUCCESS when there was an authenticated answer; else it is FAIL, and ReturnMsg
	// says why.
	ReturnCode string `json:"returnCode"`
	ReturnMsg  string `json:"returnMsg"`
	// ResultCode is SUCCESS when the operation succeeded; else it is FAIL, and ErrCode says why in
	// CloudPay's vocabulary. It is absent when ReturnCode is FAIL.
	ResultCode string `json:"resultCode,omitempty"`
	ResultMsg  string `json:"resultMsg,omitempty"`
	ErrCode    string `json:"errCode,omitempty"`
	ErrCodeDes string `json:"errCodeDes,omitempty"`

	AppID    string `json:"appid,omitempty"`
	MchID    string `json:"mchId,omitempty"`
	SubAppID string `json:"subAppid,omitempty"`
	SubMchID string `json:"subMchId,omitempty"`
	// NonceStr and Sign are the gateway's: APIv2's elements, or APIv3's Wechatpay-Nonce and
	// Wechatpay-Signature.
	NonceStr string `json:"nonceStr,omitempty"`
	Sign     string `json:"sign,omitempty"`

	OutTradeNo         string           `json:"outTradeNo,omitempty"`
	CombineOutTradeNo  string           `json:"combineOutTradeNo,omitempty"`
	TransactionID      string           `json:"transactionId,omitempty"`
	TradeState         tradestate.State `json:"tradeState,omitempty"`
	TradeStateDesc     string           `json:"tradeStateDesc,omitempty"`
	TradeType          string           `json:"tradeType,omitempty"`
	BankType           string           `json:"bankType,omitempty"`
	TotalFee           *int64           `json:"totalFee,omitempty"`
	SettlementTotalFee *int64           `json:"settlementTotalFee,omitempty"`
	FeeType            string           `json:"feeType,omitempty"`
	CashFee            *int64           `json:"cashFee,omitempty"`
	CashFeeType        string           `json:"cashFeeType,omitempty"`
	CouponFee          *int64           `json:"couponFee,omitempty"`
	CouponCount        *int64           `json:"couponCount,omitempty"`
	Coupons            []Coupon         `json:"coupons,omitempty"`
	Promotions         []Promotion      `json:"promotionDetail,omitempty"`
	// ExchangeRate is overseas orders', times ten to the eighth.
	ExchangeRate *int64 `json:"exchangeRate,omitempty"`
	// SubOrders are a combined order's. TradeState is then theirs together.
	SubOrders []SubFacts `json:"subOrders,omitempty"`
	// TimeEnd is the time of payment: yyyyMMddHHmmss in UTC+8, as in CloudPay.
	TimeEnd        string `json:"timeEnd,omitempty"`
	OpenID         string `json:"openid,omitempty"`
	SubOpenID      string `json:"subOpenid,omitempty"`
	IsSubscribe    string `json:"isSubscribe,omitempty"`
	SubIsSubscribe string `json:"subIsSubscribe,omitempty"`
	Attach         string `json:"attach,omitempty"`
	DeviceInfo     string `json:"deviceInfo,omitempty"`

	// Outcome is the same in every dialect: branch on it.
	Outcome Outcome `json:"outcome"`
	// Retryable says that the same call may end otherwise later.
	Retryable bool `json:"retryable"`
	// RetryAfter is the seconds to wait before that; absent when any wait will do.
	RetryAfter int64 `json:"retryAfter,omitempty"`
	// API is the dialect of the request.
	API API `json:"api,omitempty"`
	// GatewayCode is ErrCode in the gateway's own spelling.
	GatewayCode string `json:"gatewayCode,omitempty"`
	// HTTPStatus and RequestID are the deciding reply's.
	HTTPStatus int    `json:"httpStatus,omitempty"`
	RequestID  string `json:"requestId,omitempty"`
	// Attempts counts the requests to the gateway, queries included.
	Attempts int `json:"attempts"`
	// Waited is the time that these took, for the log.
	Waited time.Duration `json:"-"`
	// Recorded says whether the register has this result; nil when there is no register, or the
	// order is not in it.
	Recorded *bool `json:"recorded,omitempty"`
	// Proof is what authenticated the answer.
	Proof Proof `json:"proof"`
}

const (
	success = "SUCCESS"
	fail    = "FAIL"
)

// beijing is the time zone of APIv2 and CloudPay, whose times do not name one.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// codesOn are CloudPay's two code fields for each outcome.
var codesOn = map[Outcome]struct {
	returnCode, resultCode string
	retryable              bool
}{
	OutcomeClosed:        {success, success, false},
	OutcomeScheduled:     {success, success, false},
	OutcomeWithdrawn:     {success, success, false},
	OutcomeFound:         {success, success, false},
	OutcomeTooLate:       {success, fail, false},
	OutcomeAlreadyClosed: {success, fail, false},
	OutcomePaid:          {success, fail, false},
	OutcomeNotFound:      {success, fail, false},
	OutcomeRefused:       {success, fail, false},
	OutcomeTooSoon:       {success, fail, true},
	OutcomeUnknown:       {fail, "", true},
}

// errCodeOn is the errCode of the outcomes that have one of their own, whatever proved them.
var errCodeOn = map[Outcome]string{
	OutcomeAlreadyClosed: "ORDERCLOSED",
	OutcomePaid:          "ORDERPAID",
	OutcomeNotFound:      errcode.OrderNotExist,
	OutcomeTooLate:       "TOO_LATE",
}

// NewResult returns the result of a call with its outcome, the answer that decided it, and the
// number of attempts.
func NewResult(c Call, outcome Outcome, decided Answer, attempts int) Result {
	v := codesOn[outcome]
	r := Result{
		ReturnCode: v.returnCode,
		ReturnMsg:  "OK",
		ResultCode: v.resultCode,
		AppID:      c.AppID,
		MchID:      c.MchID,
		SubAppID:   c.sentSubAppID(),
		SubMchID:   c.SubMchID,
		NonceStr:   decided.Nonce,
		Sign:       decided.Sign,
		OutTradeNo: c.OutTradeNo,
		Outcome:    outcome,
		Retryable:  v.retryable,
		RetryAfter: seconds(decided.RetryAfter),
		API:        c.API,
		HTTPStatus: decided.HTTPStatus,
		RequestID:  clip(decided.RequestID),
		Attempts:   attempts,
		Proof:      decided.Proof,
	}
	if !v.retryable {
		r.RetryAfter = 0
	}
	r.TransactionID, r.CombineOutTradeNo = c.TransactionID, c.CombineOutTradeNo
	if decided.Facts != nil {
		r.setFacts(*decided.Facts)
	}
	if r.ResultCode != "" {
		r.ResultMsg = oneLine(decided.ResultMsg, maxTextOf(decided.Code))
	}
	r.setError(outcome, decided)
	if r.ReturnCode == fail {
		r.ReturnMsg = r.ErrCodeDes
	}
	return r
}

// Refusal returns the result of a call that was refused before any request: a parameter is wrong,
// the caller is not allowed, or the function is not configured.
func Refusal(code string, message bilingual.Text) Result {
	return Result{
		ReturnCode: fail,
		ReturnMsg:  message.String(),
		ErrCode:    code,
		ErrCodeDes: message.String(),
		Outcome:    OutcomeRefused,
		Proof:      ProofNone,
	}
}

// Breakdown returns the result of a call that failed inside the function, perhaps after a request:
// nothing is known, and calling again is safe.
func Breakdown(message bilingual.Text) Result {
	r := Refusal("INTERNAL_ERROR", message)
	r.Outcome, r.Retryable = OutcomeUnknown, true
	return r
}

// Unstored returns the result of a call that failed because the store did: it could not be read, or
// the intent to close could not be recorded first. No request was sent. retryable says whether
// calling again may help.
func Unstored(c Call, text bilingual.Text, retryable bool) Result {
	r := Refusal(errcode.StoreError, bilingual.New(oneLine(text.EN, maxText), oneLine(text.ZH, maxText)))
	r.Outcome, r.Retryable = OutcomeUnknown, retryable
	r.MchID, r.SubMchID, r.OutTradeNo = c.MchID, c.SubMchID, c.OutTradeNo
	return r
}

// Registered returns the result of a call that the register alone answered: scheduled, withdrawn or
// tooLate. The text, if any, says more: why it is too late, that the order is due at once, or why
// an order that was to be registered stays withdrawn, which is no success then.
func Registered(c Call, outcome Outcome, text bilingual.Text) Result {
	recorded, answer := true, Answer{Proof: ProofNone, ResultMsg: text.String()}
	if outcome == OutcomeTooLate {
		answer = Answer{Proof: ProofNone, Code: errCodeOn[OutcomeTooLate], Message: text.String()}
	}
	r := NewResult(c, outcome, answer, 0)
	r.Recorded = &recorded
	if outcome == OutcomeWithdrawn && text != (bilingual.Text{}) {
		r.ResultCode, r.ResultMsg = fail, ""
		r.setError(outcome, Answer{Code: "WITHDRAWN", Message: text.String()})
	}
	return r
}

func (r *Result) setError(outcome Outcome, decided Answer) {
	if r.ResultCode == success {
		return
	}
	r.ErrCode, r.GatewayCode, r.ErrCodeDes = clip(decided.Code), clip(decided.GatewayCode), decided.Message
	if code, ok := errCodeOn[outcome]; ok && r.ErrCode != code {
		// A trade state was the proof, and not an error code. CloudPay's callers tell the outcome
		// by its code, so it gets the one that belongs to it. The text of the query, which
		// succeeded, would contradict it.
		r.ErrCode, r.GatewayCode, r.ErrCodeDes, r.ResultMsg = code, "", "", ""
	}
	if row, known := errcode.Lookup(r.ErrCode); known && r.ErrCodeDes == "" {
		r.ErrCodeDes = row.Text()
	}
	r.ErrCodeDes = oneLine(r.ErrCodeDes, maxTextOf(r.ErrCode))
}

func (r *Result) setFacts(f Facts) {
	// The gateway's appids, where it gave any.
	r.AppID, r.SubAppID = cmp.Or(f.AppID, r.AppID), cmp.Or(f.SubAppID, r.SubAppID)
	r.TradeState, r.TradeStateDesc = f.TradeState, f.TradeStateDesc
	if f.OutTradeNo != "" {
		r.OutTradeNo = f.OutTradeNo
	}
	if f.TransactionID != "" {
		r.TransactionID = f.TransactionID
	}
	r.TradeType, r.BankType, r.Attach, r.DeviceInfo = f.TradeType, f.BankType, f.Attach, f.DeviceInfo
	r.OpenID, r.SubOpenID = f.OpenID, f.SubOpenID
	r.IsSubscribe, r.SubIsSubscribe = f.IsSubscribe, f.SubIsSubscribe
	r.TotalFee, r.SettlementTotalFee, r.FeeType = f.TotalFee, f.SettlementTotalFee, f.FeeType
	r.CashFee, r.CashFeeType = f.CashFee, f.CashFeeType
	r.CouponFee, r.CouponCount, r.Coupons, r.Promotions = f.CouponFee, f.CouponCount, f.Coupons, f.Promotions
	r.ExchangeRate, r.SubOrders = f.ExchangeRate, f.SubOrders
	r.TimeEnd = TimeEnd(f.PaidAt)
}

// TimeEnd formats a time as CloudPay does: yyyyMMddHHmmss in UTC+8. The zero time is "".
func TimeEnd(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(beijing).Format("20060102150405")
}

// PaidAt parses TimeEnd; zero when the gateway gave none.
func (r *Result) PaidAt() time.Time {
	at, err := time.ParseInLocation("20060102150405", r.TimeEnd, beijing)
	if err != nil {
		return time.Time{}
	}
	return at
}

// seconds rounds up: a longer wait does no harm.
func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }

// maxCode is the most characters of a code or an id that are passed on. Real ones have half of it.
const maxCode = 64

// clip shortens a code or an id, which an unauthenticated reply may have made a text.
func clip(s string) string {
	line := []rune(oneLine(s, maxText))
	return string(line[:min(len(line), maxCode)])
}

// maxText is the most characters of a text that are passed on: an unauthenticated reply may have
// any, and they end up in a log line or on a screen. maxSignText is the most for a text about the
// request's signature, which quotes what was signed and is useless without its end.
const (
	maxText     = 300
	maxSignText = 2000
)

// maxTextOf is the most characters of a code's text that are passed on.
func maxTextOf(code string) int {
	if code == errcode.SignError {
		return maxSignText
	}
	return maxText
}

// oneLine makes a text safe for a log line, a table and a terminal: one line, no control
// characters, at most so many characters.
func oneLine(s string, most int) string {
	shown := strings.Map(shownAs, strings.ToValidUTF8(s, "?"))
	line := []rune(strings.Join(strings.Fields(shown), " "))
	if len(line) > most {
		line = append(line[:most], '…')
	}
	return string(line)
}

// shownAs returns r, or U+FFFD for a rune without a glyph: escape sequences and marks of the
// writing direction begin with such.
func shownAs(r rune) rune {
	if unicode.IsPrint(r) || unicode.IsSpace(r) {
		return r
	}
	return '\uFFFD'
}
