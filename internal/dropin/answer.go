package dropin

import (
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
)

// The templates' codes.
const (
	success = 0
	failure = -1
)

// Answer is the body of a template's answer, and the value that its event function returns.
//
// CloudBase's JS SDK takes a function's value with a code for a failure of the platform. The
// template's clients use wx.cloud, which does not.
type Answer struct {
	// Code is 0 if the operation is proved to be done, else -1.
	Code int `json:"code"`
	// Msg is "success", or a sentence in Chinese for the customer: the template's clients show it.
	Msg string `json:"msg"`
	// Data is what the template has there.
	Data any `json:"data"`
	// Result is ours, whose outcome tells the cases of code -1 apart.
	Result order.Result `json:"result"`
}

// shape is what the templates' answers differ in.
type shape interface {
	// closed is data of a close that is done.
	closed() any
	// found is data of a query that is done.
	found(f facts) any
	// failed is data beside code -1.
	failed(message string) any
	// unserved is the message about an operation that is not served.
	unserved(name string) string
}

// Answer returns the answer to the call whose result is r. The result is taken as it is: what users
// may not read must have been removed from it.
func (c *Call) Answer(r order.Result) Answer {
	switch {
	case c.Fault == nil && c.Operation == Close && isClosed(r):
		return Answer{success, "success", c.shape.closed(), r}
	case c.Fault == nil && c.Operation == Query && isFound(r):
		return Answer{success, "success", c.shape.found(factsOf(r)), r}
	}
	message := c.message(r)
	return Answer{failure, message, c.shape.failed(message), r}
}

// isClosed reports whether a close left the order closed.
func isClosed(r order.Result) bool {
	return r.Outcome == order.OutcomeClosed || r.Outcome == order.OutcomeAlreadyClosed
}

// isFound reports whether a query's own reply stated the order's state, with WeChat Pay's
// signature.
func isFound(r order.Result) bool {
	return r.Outcome == order.OutcomeFound && r.TradeState != "" && r.Attempts > 0 && r.Proof == order.ProofSignature
}

// message is the sentence for a call that was not done. A caller that may not call, and a function
// that is not configured, have the templates' own.
func (c *Call) message(r order.Result) string {
	sentences := onClose
	switch {
	case r.ReturnCode == "FAIL" && r.ErrCode == errcode.NoAuth:
		return "未授权访问"
	case r.ErrCode == errcode.ConfigError:
		return "服务内部错误"
	case c.notice != "":
		return c.notice
	case c.Operation == Query:
		sentences = onQuery
	}
	if sentence, has := sentences[r.Outcome]; has {
		return sentence
	}
	return "订单状态未知，请稍后查询"
}

// onClose are the sentences of a close that did not leave the order closed. No sentence contains
// 商户订单号错误, which the template's clients take for a change of the order's state.
var onClose = map[order.Outcome]string{
	order.OutcomeScheduled: "订单尚未关闭：已登记，到时自动关单",
	order.OutcomeTooSoon:   "订单尚未关闭：微信支付暂不受理，请稍后重试",
	order.OutcomePaid:      "订单已支付，不能关单",
	order.OutcomeUnknown:   "关单结果未知：没有收到可验证的应答，请重试",
	order.OutcomeNotFound:  "没有找到该订单，未关单",
	order.OutcomeRefused:   "关单请求被拒绝，重试无用",
	order.OutcomeWithdrawn: "订单尚未关闭：登记已撤回",
	order.OutcomeTooLate:   "登记已不能变更，未关单",
}

// onQuery are the sentences of a query whose reply did not prove the order's state.
var onQuery = map[order.Outcome]string{
	order.OutcomeFound:    "查单应答没有签名，订单状态不可采信",
	order.OutcomeTooSoon:  "查询过于频繁，请稍后重试",
	order.OutcomeUnknown:  "查单结果未知：没有收到可验证的应答，请重试",
	order.OutcomeNotFound: "没有找到该订单",
	order.OutcomeRefused:  "查单请求被拒绝，重试无用",
}

// facts are an order's in APIv3's spelling. What WeChat Pay did not say is absent.
type facts struct {
	AppID          string           `json:"appid,omitempty"`
	MchID          string           `json:"mchid,omitempty"`
	SubAppID       string           `json:"sub_appid,omitempty"`
	SubMchID       string           `json:"sub_mchid,omitempty"`
	Number         string           `json:"out_trade_no,omitempty"`
	TransactionID  string           `json:"transaction_id,omitempty"`
	TradeType      string           `json:"trade_type,omitempty"`
	TradeState     tradestate.State `json:"trade_state,omitempty"`
	TradeStateDesc string           `json:"trade_state_desc,omitempty"`
	BankType       string           `json:"bank_type,omitempty"`
	Attach         string           `json:"attach,omitempty"`
	SuccessTime    string           `json:"success_time,omitempty"`
	Payer          *payer           `json:"payer,omitempty"`
	Amount         *amount          `json:"amount,omitempty"`
}

type payer struct {
	OpenID    string `json:"openid,omitempty"`
	SubOpenID string `json:"sub_openid,omitempty"`
}

// amount is in fen.
type amount struct {
	Total         *int64 `json:"total,omitempty"`
	PayerTotal    *int64 `json:"payer_total,omitempty"`
	Currency      string `json:"currency,omitempty"`
	PayerCurrency string `json:"payer_currency,omitempty"`
}

func factsOf(r order.Result) facts {
	return facts{
		AppID: r.AppID, MchID: r.MchID, SubAppID: r.SubAppID, SubMchID: r.SubMchID,
		Number: r.OutTradeNo, TransactionID: r.TransactionID,
		TradeType: r.TradeType, TradeState: r.TradeState, TradeStateDesc: r.TradeStateDesc,
		BankType: r.BankType, Attach: r.Attach, SuccessTime: successTime(r),
		Payer:  unlessZero(payer{r.OpenID, r.SubOpenID}),
		Amount: unlessZero(amount{r.TotalFee, r.CashFee, r.FeeType, r.CashFeeType}),
	}
}

// unlessZero is a pointer to v, or nil for an object without any member.
func unlessZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// successTime is the time of payment as APIv3 has it: RFC 3339 in UTC+8; "" without one.
func successTime(r order.Result) string {
	at := r.PaidAt()
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339)
}
