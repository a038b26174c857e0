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

// Result is what every caller is given: CloudPay's result object, whatever the
// protocol underneath, with a few words of our own.
//
// It has no key named "code": the CloudBase JS SDK takes a body with one for a
// failure of the platform and hides the rest.
type Result struct {
	// ReturnCode is SUCCESS when a trustworthy answer was had, FAIL when not;
	// ReturnMsg then says why.
	ReturnCode string `json:"returnCode"`
	ReturnMsg  string `json:"returnMsg"`
	// ResultCode is SUCCESS when what was asked is so, FAIL when it is not, and
	// then ErrCode says why in CloudPay's vocabulary. Absent when ReturnCode is
	// FAIL.
	ResultCode string `json:"resultCode,omitempty"`
	ResultMsg  string `json:"resultMsg,omitempty"`
	ErrCode    string `json:"errCode,omitempty"`
	ErrCodeDes string `json:"errCodeDes,omitempty"`

	AppID    string `json:"appid,omitempty"`
	MchID    string `json:"mchId,omitempty"`
	SubAppID string `json:"subAppid,omitempty"`
	SubMchID string `json:"subMchId,omitempty"`
	// NonceStr and Sign are the reply's own: APIv2's elements, or APIv3's
	// Wechatpay-Nonce and Wechatpay-Signature.
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
	// ExchangeRate is overseas orders': times ten to the eighth.
	ExchangeRate *int64 `json:"exchangeRate,omitempty"`
	// SubOrders are a combined order's; TradeState is then theirs together.
	SubOrders []SubFacts `json:"subOrders,omitempty"`
	// TimeEnd is when it was paid: yyyyMMddHHmmss in UTC+8, as CloudPay has it.
	TimeEnd        string `json:"timeEnd,omitempty"`
	OpenID         string `json:"openid,omitempty"`
	SubOpenID      string `json:"subOpenid,omitempty"`
	IsSubscribe    string `json:"isSubscribe,omitempty"`
	SubIsSubscribe string `json:"subIsSubscribe,omitempty"`
	Attach         string `json:"attach,omitempty"`
	DeviceInfo     string `json:"deviceInfo,omitempty"`

	// Outcome is how it ended, the same in every dialect: branch on this.
	Outcome Outcome `json:"outcome"`
	// Retryable says that the same call may end otherwise later on.
	Retryable bool `json:"retryable"`
	// RetryAfter is how many seconds to wait before that; absent when it does
	// not matter.
	RetryAfter int64 `json:"retryAfter,omitempty"`
	// API is the dialect that was spoken.
	API API `json:"api,omitempty"`
	// GatewayCode is ErrCode in the gateway's own spelling.
	GatewayCode string `json:"gatewayCode,omitempty"`
	// HTTPStatus and RequestID are those of the reply that decided.
	HTTPStatus int    `json:"httpStatus,omitempty"`
	RequestID  string `json:"requestId,omitempty"`
	// Attempts counts what was sent to the gateway, queries included.
	Attempts int `json:"attempts"`
	// Waited is how long those took in all: the log's business, not the caller's.
	Waited time.Duration `json:"-"`
	// Recorded says whether the store of orders knows what this answer says; nil
	// when there is no store, or it does not have the order.
	Recorded *bool `json:"recorded,omitempty"`
	// Proof says why the answer may be believed.
	Proof Proof `json:"proof"`
}

const (
	success = "SUCCESS"
	fail    = "FAIL"
)

// beijing is the zone of APIv2's and CloudPay's times, which carry none.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// verdictOn says, for each outcome, what CloudPay's two code fields hold.
var verdictOn = map[Outcome]struct {
	returnCode, resultCode string
	retryable              bool
}{
	OutcomeClosed:        {success, success, false},
	OutcomeScheduled:     {success, success, false},
	OutcomeFound:         {success, success, false},
	OutcomeAlreadyClosed: {success, fail, false},
	OutcomePaid:          {success, fail, false},
	OutcomeNotFound:      {success, fail, false},
	OutcomeRefused:       {success, fail, false},
	OutcomeTooSoon:       {success, fail, true},
	OutcomeUnknown:       {fail, "", true},
}

// codeOf is the errCode of the outcomes that have one of their own, whichever
// reply it was that proved them.
var codeOf = map[Outcome]string{
	OutcomeAlreadyClosed: errcode.OrderClosed,
	OutcomePaid:          errcode.OrderPaid,
	OutcomeNotFound:      errcode.OrderNotExist,
}

// NewResult words the end of a call: its outcome, the answer that decided it,
// and how many attempts it took.
func NewResult(c Call, outcome Outcome, decided Answer, attempts int) Result {
	v := verdictOn[outcome]
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
		r.ResultMsg = oneLine(decided.ResultMsg, textOf(decided.Code))
	}
	r.setError(outcome, decided)
	if r.ReturnCode == fail {
		r.ReturnMsg = r.ErrCodeDes
	}
	return r
}

// Refusal words a call that was never made: the caller's words were wrong, or
// the function is not fit to serve. Nothing was asked of the gateway.
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

// Breakdown words a call that ended in a fault of our own after the gateway may
// have been asked: nothing is known, and calling again is safe.
func Breakdown(message bilingual.Text) Result {
	r := Refusal(errcode.InternalError, message)
	r.Outcome, r.Retryable = OutcomeUnknown, true
	return r
}

// Unstored words a call that was not made because the store could not be asked,
// or could not be told first that the order's closing begins. Nothing was asked of
// the gateway, and calling again is safe, although it is of no use unless retryable.
func Unstored(c Call, text bilingual.Text, retryable bool) Result {
	r := Refusal(errcode.StoreError, bilingual.New(oneLine(text.EN, maxText), oneLine(text.ZH, maxText)))
	r.Outcome, r.Retryable = OutcomeUnknown, retryable
	r.MchID, r.SubMchID, r.OutTradeNo = c.MchID, c.SubMchID, c.OutTradeNo
	return r
}

// Scheduled words an order that is registered and is closed at its time.
func Scheduled(c Call) Result {
	recorded := true
	r := NewResult(c, OutcomeScheduled, Answer{Proof: ProofNone}, 0)
	r.Recorded = &recorded
	return r
}

func (r *Result) setError(outcome Outcome, decided Answer) {
	if r.ResultCode == success {
		return
	}
	r.ErrCode, r.GatewayCode, r.ErrCodeDes = clip(decided.Code), clip(decided.GatewayCode), decided.Message
	if code, ok := codeOf[outcome]; ok && r.ErrCode != code {
		// The proof was a trade state, not an error code: CloudPay's callers know
		// the outcome by its code, so it is given the one that belongs to it. The
		// text of a query that succeeded would contradict it.
		r.ErrCode, r.GatewayCode, r.ErrCodeDes, r.ResultMsg = code, "", "", ""
	}
	if row, known := errcode.Lookup(r.ErrCode); known && r.ErrCodeDes == "" {
		r.ErrCodeDes = row.Text()
	}
	r.ErrCodeDes = oneLine(r.ErrCodeDes, textOf(r.ErrCode))
}

func (r *Result) setFacts(f Facts) {
	// The gateway's word on whose order it is, where it gave one.
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

// TimeEnd words a time as CloudPay does: yyyyMMddHHmmss in UTC+8, and nothing for
// the zero time.
func TimeEnd(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(beijing).Format("20060102150405")
}

// PaidAt is TimeEnd as a time; zero when the gateway gave none.
func (r *Result) PaidAt() time.Time {
	at, err := time.ParseInLocation("20060102150405", r.TimeEnd, beijing)
	if err != nil {
		return time.Time{}
	}
	return at
}

// seconds rounds up: waiting a little too long is harmless.
func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }

// maxCode is how many characters of a code or an id are passed on. Real ones are
// shorter by half.
const maxCode = 64

// clip keeps a stranger's code from being a text.
func clip(s string) string {
	line := []rune(oneLine(s, maxText))
	return string(line[:min(len(line), maxCode)])
}

// maxText is how many characters of a text are passed on: anyone may have
// written it, and it ends up in a log line or on a screen. maxSignText is that of a text about the
// request's signature, which says what was signed and what should have been: without its end it is
// of no use.
const (
	maxText     = 300
	maxSignText = 2000
)

// textOf is how many characters of a code's text are passed on.
func textOf(code string) int {
	if code == errcode.SignError {
		return maxSignText
	}
	return maxText
}

// oneLine keeps a text from breaking a log line or a table, or steering a terminal.
func oneLine(s string, most int) string {
	shown := strings.Map(shownAs, strings.ToValidUTF8(s, "?"))
	line := []rune(strings.Join(strings.Fields(shown), " "))
	if len(line) > most {
		line = append(line[:most], '…')
	}
	return string(line)
}

// shownAs is r, or what is shown in the place of one that has no picture of its own:
// escape sequences and marks that turn the direction of writing begin with such.
func shownAs(r rune) rune {
	if unicode.IsPrint(r) || unicode.IsSpace(r) {
		return r
	}
	return '\uFFFD'
}
